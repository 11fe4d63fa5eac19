//! The protocol of vsmartcard's virtual reader (vpcd): the reader sends, the card answers.
//!
//! ```text
//! message ::= length (2 octets, big-endian) octets
//! ```
//! A message of one octet is the reader's own: 0 power off, 1 power on, 2 reset, 4 tell the ATR (which alone is answered). Every other is
//! a command APDU, and is answered with the response APDU.

use std::io::{self, Read, Write};

use super::file::CardFile;
use crate::card::ATR;

const POWER_OFF: u8 = 0;
const POWER_ON: u8 = 1;
const RESET: u8 = 2;
const TELL_ATR: u8 = 4;

/// Plays the card until the reader hangs up, which takes the card out: it loses its power.
///
/// # Errors
/// What the connection says; a reader that hangs up between two messages is none.
pub fn play(mut reader: impl Read + Write, card: &mut CardFile) -> io::Result<()> {
    card.reset();
    let played = talk(&mut reader, card);
    card.reset();
    played
}

fn talk(reader: &mut (impl Read + Write), card: &mut CardFile) -> io::Result<()> {
    while let Some(message) = receive(reader)? {
        match message[..] {
            [POWER_OFF | POWER_ON | RESET] => card.reset(),
            [TELL_ATR] => send(reader, &ATR)?,
            // Another word of the reader's, of a version to come.
            [_] => {}
            _ => send(reader, &card.exchange(&message).octets())?,
        }
    }
    Ok(())
}

/// The next message; none at the end.
fn receive(reader: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    let (first, second) = length.split_at_mut(1);
    loop {
        match reader.read(first) {
            Ok(0) => return Ok(None),
            Ok(_) => break,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    reader.read_exact(second)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    reader.read_exact(&mut message)?;
    Ok(Some(message))
}

/// In one write, so that it goes out in one packet.
fn send(reader: &mut impl Write, octets: &[u8]) -> io::Result<()> {
    let length = u16::try_from(octets.len()).map_err(io::Error::other)?;
    reader.write_all(&[&length.to_be_bytes()[..], octets].concat())?;
    reader.flush()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::{card::Card, kind::Kind};

    /// What the reader will send, and what it was answered.
    struct Wire(Cursor<Vec<u8>>, Vec<u8>);

    impl Read for Wire {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            // One octet at a time: a message may come in any pieces.
            let length = into.len().min(1);
            self.0.read(&mut into[..length])
        }
    }

    impl Write for Wire {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.1.write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn card() -> (CardFile, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let mut card = Card::blank(*b"0000000000000001");
        card.set_pin(Kind::Auth, b"1234").unwrap();
        (CardFile::create(&folder.path().join("taro.card"), "passphrase", card).unwrap(), folder)
    }

    fn played(card: &mut CardFile, sent: &[u8]) -> (io::Result<()>, Vec<u8>) {
        let mut wire = Wire(Cursor::new(sent.to_vec()), Vec::new());
        let result = play(&mut wire, card);
        (result, wire.1)
    }

    fn message(octets: &[u8]) -> Vec<u8> {
        [&(octets.len() as u16).to_be_bytes()[..], octets].concat()
    }

    const SELECT: &[u8] = b"\x00\xA4\x04\x0C\x0A\xD3\x92\xF0\x00\x26\x01\x00\x00\x00\x01";

    #[test]
    fn the_atr_and_commands_are_answered_and_power_is_not() {
        let (mut card, _folder) = card();
        let sent = [&[1][..], &[4], SELECT, b"\x00\x20\x00\x98", &[2], b"\x00\x20\x00\x98", &[0], &[7], &[]];
        let (result, answers) = played(&mut card, &sent.map(message).concat());
        assert!(result.is_ok());
        let expected = [&ATR[..], &[0x90, 0], &[0x63, 0xC3], &[0x69, 0x86], &[0x67, 0]];
        assert_eq!(answers, expected.map(message).concat());
    }

    #[test]
    fn a_reader_that_comes_again_finds_nothing_selected() {
        let (mut card, _folder) = card();
        let (_, answers) = played(&mut card, &message(SELECT));
        assert_eq!(answers, message(&[0x90, 0]));
        let (_, answers) = played(&mut card, &message(b"\x00\x20\x00\x98"));
        assert_eq!(answers, message(&[0x69, 0x86]));
    }

    #[test]
    fn a_message_that_breaks_off_is_a_fault_and_answers_nothing() {
        let (mut card, _folder) = card();
        for sent in [&[0][..], &[0, 5], &[0, 5, 0, 0x20], &[0xFF, 0xFF, 0]] {
            let (result, answers) = played(&mut card, sent);
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
            assert!(answers.is_empty());
        }
    }

    #[test]
    fn the_longest_message_gets_a_status_word() {
        let (mut card, _folder) = card();
        let (result, answers) = played(&mut card, &message(&[0; 0xFFFF]));
        assert!(result.is_ok());
        assert_eq!(answers, message(&[0x6D, 0]));
    }
}
