//! One share of the passphrase, in a form that a person can read aloud and type.
//!
//! ```text
//! 1: 04HM ASR9 C5SQ 6RRJ Y0G1 - 8K
//! 2: …
//! ```
//!
//! The letters are Crockford's base 32: no I, L, O or U; small letters, `O` for `0` and `I` or `L` for `1` are taken too.
//! The two letters after the dash check their line, so a slip is named with its line while the sheet is still at hand. Inside
//! are, in this order: the version (1), the service, the splitting, how many are needed, how many there are, the number of
//! this one, its value, and 32 bits of SHA-256 over all that.
//!
//! # Why
//! Why no words: a share of a random passphrase has 52 octets, which are 38 words of a list of 2048 in some language, and
//! whoever types them may read neither English nor that list; 84 letters on five lines are the same in every keyboard.

use std::fmt;

use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

use crate::{limits::PASSPHRASE_OCTETS, x509::hex};

const VERSION: u8 = 1;
/// Octets before the value.
const HEAD: usize = 1 + 8 + 4 + 3;
/// Octets of the check after it.
const CHECK: usize = 4;
/// Letters of a full line, without those that check it.
const LINE: usize = 20;
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What stands before and after a share in a file.
pub(super) const BEGIN: &str = "-----BEGIN JITSUIN SHARE-----";
pub(super) const END: &str = "-----END JITSUIN SHARE-----";

/// Which service a share belongs to: the first octets of SHA-256 over the certificate of its first CA for signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceId(pub(super) [u8; 8]);

impl ServiceId {
    /// Of the service whose first CA has this certificate, DER.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        let mut id = [0; 8];
        id.copy_from_slice(&digest(&SHA256, certificate).as_ref()[..8]);
        Self(id)
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// Which splitting a share belongs to: shares of two do not go together, though the service is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Splitting(pub(super) [u8; 4]);

impl fmt::Display for Splitting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// A share; wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Share {
    /// Whose it is.
    pub service: ServiceId,
    /// Which splitting it is of.
    pub splitting: Splitting,
    /// How many are needed.
    pub threshold: u8,
    /// How many there are.
    pub count: u8,
    /// Which of them it is, from 1.
    pub number: u8,
    pub(super) value: Zeroizing<Vec<u8>>,
}

/// Why a text is no share. Never shows any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// There is nothing.
    #[error("there is no share in it")]
    Empty,
    /// There is more than any share needs.
    #[error("it is longer than a share is")]
    TooLong,
    /// A sheet that was cut off.
    #[error("the share has no end; the line `{END}` is missing")]
    Cut,
    /// A sign that no share has.
    #[error("line {line}: `{letter}` is no letter of a share (digits and letters without I, L, O, U)")]
    Letter {
        /// In which line.
        line: usize,
        /// Which.
        letter: char,
    },
    /// The line that follows has another number.
    #[error("line {expected} is missing; line {found} stands in its place")]
    Order {
        /// Which line should stand there.
        expected: usize,
        /// Which does.
        found: String,
    },
    /// The letters of a line are not those that were printed.
    #[error("line {0} is mistyped: its letters and the two that check them do not fit; look at the sheet again")]
    Line(usize),
    /// Lines that each are right are not of one share.
    #[error("each line is right, but not all together: a line is missing, or one is of another share")]
    Checksum,
    /// It was made by another version.
    #[error("it is a share of version {0}; use the program that made it")]
    Version(u8),
}

impl Share {
    /// The lines to print, numbered, each with the letters that check it.
    #[must_use]
    pub fn lines(&self) -> Vec<Zeroizing<String>> {
        let letters = encode(&self.octets());
        letters.as_bytes().chunks(LINE).enumerate().map(|(at, chunk)| line(at + 1, chunk)).collect()
    }

    /// Reads a share: the part of a sheet between its marks, or lines alone.
    ///
    /// # Errors
    /// [`ShareError`], with the line.
    pub fn parse(text: &str) -> Result<Self, ShareError> {
        let inside = match text.split_once(BEGIN) {
            Some((_, rest)) => rest.split_once(END).ok_or(ShareError::Cut)?.0,
            None => text,
        };
        let mut letters = Zeroizing::new(String::with_capacity(longest()));
        let lines = inside.lines().filter(|line| !line.trim().is_empty());
        for (at, line) in lines.enumerate() {
            letters.push_str(&read_line(at + 1, line)?);
            if letters.len() > longest() {
                return Err(ShareError::TooLong);
            }
        }
        if letters.is_empty() {
            return Err(ShareError::Empty);
        }
        Self::from_octets(&decode(&letters).ok_or(ShareError::Checksum)?)
    }

    /// All of it but the check.
    fn head(&self) -> Zeroizing<Vec<u8>> {
        let mut octets = Zeroizing::new(Vec::with_capacity(HEAD + self.value.len() + CHECK));
        octets.push(VERSION);
        octets.extend_from_slice(&self.service.0);
        octets.extend_from_slice(&self.splitting.0);
        octets.extend_from_slice(&[self.threshold, self.count, self.number]);
        octets.extend_from_slice(&self.value);
        octets
    }

    fn octets(&self) -> Zeroizing<Vec<u8>> {
        let mut octets = self.head();
        let check = check(&octets);
        octets.extend_from_slice(&check);
        octets
    }

    fn from_octets(octets: &[u8]) -> Result<Self, ShareError> {
        let split = octets.len().checked_sub(CHECK).filter(|at| *at > HEAD).ok_or(ShareError::Checksum)?;
        let (body, own) = octets.split_at(split);
        if check(body) != own {
            return Err(ShareError::Checksum);
        }
        if body[0] != VERSION {
            return Err(ShareError::Version(body[0]));
        }
        let (mut service, mut splitting) = ([0; 8], [0; 4]);
        service.copy_from_slice(&body[1..9]);
        splitting.copy_from_slice(&body[9..13]);
        Ok(Self {
            service: ServiceId(service),
            splitting: Splitting(splitting),
            threshold: body[13],
            count: body[14],
            number: body[15],
            value: Zeroizing::new(body[HEAD..].to_vec()),
        })
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, splitting, threshold, count, number, .. } = self;
        write!(f, "Share({number} of {count}, {threshold} needed, {service}/{splitting})")
    }
}

/// Reads one line: its letters, without those that check it.
///
/// # Errors
/// [`ShareError::Letter`], [`ShareError::Order`], [`ShareError::Line`].
pub(super) fn read_line(number: usize, text: &str) -> Result<Zeroizing<String>, ShareError> {
    let text = match text.split_once(':') {
        Some((own, rest)) if own.trim() == number.to_string() => rest,
        Some((own, _)) => {
            let found = own.trim().chars().filter(char::is_ascii_digit).take(3).collect();
            return Err(ShareError::Order { expected: number, found });
        }
        None => text,
    };
    let mut letters = Zeroizing::new(String::with_capacity(LINE + 2));
    for letter in text.chars().filter(|letter| !letter.is_whitespace() && *letter != '-') {
        let plain = match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        if !plain.is_ascii() || !LETTERS.contains(&(plain as u8)) {
            return Err(ShareError::Letter { line: number, letter });
        }
        if letters.len() == LINE + 2 {
            return Err(ShareError::Line(number));
        }
        letters.push(plain);
    }
    let body = letters.len().checked_sub(2).filter(|body| *body > 0).ok_or(ShareError::Line(number))?;
    let (line, own) = letters.split_at(body);
    if own.as_bytes() != line_check(number, line.as_bytes()) {
        return Err(ShareError::Line(number));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

fn line(number: usize, letters: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(2 * LINE));
    text.push_str(&format!("{number}:"));
    for group in letters.chunks(4) {
        text.push(' ');
        text.extend(group.iter().map(|letter| char::from(*letter)));
    }
    text.push_str(" - ");
    text.extend(line_check(number, letters).map(char::from));
    text
}

/// Ten bits over a line and its number.
fn line_check(number: usize, letters: &[u8]) -> [u8; 2] {
    let mut input = Zeroizing::new(format!("jitsuin share, line {number}:").into_bytes());
    input.extend_from_slice(letters);
    let digest = digest(&SHA256, &input);
    let octets = digest.as_ref();
    [LETTERS[usize::from(octets[0] & 31)], LETTERS[usize::from(octets[1] & 31)]]
}

fn check(body: &[u8]) -> [u8; CHECK] {
    let mut check = [0; CHECK];
    check.copy_from_slice(&digest(&SHA256, body).as_ref()[..CHECK]);
    check
}

/// Letters of the share of the longest passphrase.
const fn longest() -> usize {
    (HEAD + PASSPHRASE_OCTETS + super::sharing::BLOCK + CHECK) * 8 / 5 + 1
}

fn encode(octets: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(octets.len() * 8 / 5 + 1));
    let (mut bits, mut count) = (0_u32, 0);
    for octet in octets {
        (bits, count) = (bits << 8 | u32::from(*octet), count + 8);
        while count >= 5 {
            count -= 5;
            text.push(char::from(LETTERS[(bits >> count & 31) as usize]));
        }
        bits &= (1 << count) - 1;
    }
    if count > 0 {
        text.push(char::from(LETTERS[(bits << (5 - count) & 31) as usize]));
    }
    text
}

/// `None` unless the letters are those of whole octets, the rest of the last being zero.
fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(text.len() * 5 / 8));
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text.bytes() {
        let value = LETTERS.iter().position(|own| *own == letter)?;
        (bits, count) = (bits << 5 | u32::try_from(value).ok()?, count + 5);
        if count >= 8 {
            count -= 8;
            octets.push((bits >> count & 255) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (count < 5 && bits == 0).then_some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(value: &[u8]) -> Share {
        Share {
            service: ServiceId([1, 2, 3, 4, 5, 6, 7, 8]),
            splitting: Splitting([9, 10, 11, 12]),
            threshold: 3,
            count: 5,
            number: 2,
            value: Zeroizing::new(value.to_vec()),
        }
    }

    fn text(share: &Share) -> String {
        share.lines().iter().map(|line| format!("{}\n", line.as_str())).collect()
    }

    #[test]
    fn a_share_of_a_random_passphrase_has_five_lines_and_is_read_back() {
        let share = share(&[0xA5; 32]);
        assert_eq!(share.lines().len(), 5);
        assert_eq!(Share::parse(&text(&share)), Ok(share.clone()));
        assert_eq!(format!("{share:?}"), "Share(2 of 5, 3 needed, 0102030405060708/090a0b0c)");
    }

    #[test]
    fn every_length_of_a_value_is_read_back() {
        for length in 1..200 {
            let share = share(&vec![0xFF; length]);
            assert_eq!(Share::parse(&text(&share)), Ok(share), "{length}");
        }
    }

    #[test]
    fn what_people_do_to_letters_is_taken() {
        let share = share(&[0; 32]);
        let text = text(&share);
        let typed = text.to_lowercase().replace('0', "o").replace(" - ", "").replace(' ', "");
        let numbers: String = typed.lines().map(|line| format!("{}\n", line.split_once(':').unwrap().1)).collect();
        assert_eq!(Share::parse(&numbers), Ok(share.clone()));
        assert_eq!(Share::parse(&text.replace(": ", ": i").replacen(": i", ": ", 9)), Ok(share.clone()));
        let sheet = format!("Share 2: keep it.\n{BEGIN}\n\n{text}\n{END}\nSigned: \n");
        assert_eq!(Share::parse(&sheet), Ok(share));
    }

    #[test]
    fn a_slip_in_any_letter_is_named_with_its_line_or_found_by_the_checksum() {
        let share = share(&[0x5A; 32]);
        let lines: Vec<String> = share.lines().iter().map(|line| line.to_string()).collect();
        let mut named = 0;
        let mut slips = 0;
        for (at, line) in lines.iter().enumerate() {
            for place in
                line.char_indices().skip(2).filter(|(_, letter)| letter.is_alphanumeric()).map(|(place, _)| place)
            {
                let mut bent = line.clone();
                let other = if &line[place..=place] == "X" { "Y" } else { "X" };
                bent.replace_range(place..=place, other);
                let mut all = lines.clone();
                all[at] = bent;
                slips += 1;
                match Share::parse(&all.join("\n")) {
                    Err(ShareError::Line(number)) if number == at + 1 => named += 1,
                    Err(ShareError::Checksum) => {}
                    other => panic!("{place} of {line}: {other:?}"),
                }
            }
        }
        assert!(named * 100 >= slips * 95, "{named} of {slips} slips were named with their line");
    }

    #[test]
    fn lines_that_are_missing_doubled_or_in_another_order_are_named() {
        let lines: Vec<String> = share(&[7; 32]).lines().iter().map(|line| line.to_string()).collect();
        let with =
            |order: &[usize]| Share::parse(&order.iter().map(|at| lines[*at].clone() + "\n").collect::<String>());
        assert_eq!(with(&[0, 2, 3, 4]), Err(ShareError::Order { expected: 2, found: "3".into() }));
        assert_eq!(with(&[0, 0, 1, 2, 3, 4]), Err(ShareError::Order { expected: 2, found: "1".into() }));
        assert_eq!(with(&[1, 0, 2, 3, 4]), Err(ShareError::Order { expected: 1, found: "2".into() }));
        assert_eq!(with(&[0, 1, 2, 3]), Err(ShareError::Checksum));
        let unnumbered: Vec<_> = lines.iter().map(|line| line.split_once(':').unwrap().1).collect();
        let swapped = [unnumbered[1], unnumbered[0], unnumbered[2]].join("\n");
        assert_eq!(Share::parse(&swapped), Err(ShareError::Line(1)));
    }

    #[test]
    fn lines_of_two_shares_do_not_make_one() {
        let (one, other) = (share(&[1; 32]), Share { number: 3, ..share(&[2; 32]) });
        let mixed: Vec<_> = one.lines().into_iter().take(2).chain(other.lines().into_iter().skip(2)).collect();
        let mixed: String = mixed.iter().map(|line| format!("{}\n", line.as_str())).collect();
        assert_eq!(Share::parse(&mixed), Err(ShareError::Checksum));
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for (text, error) in [
            ("", ShareError::Empty),
            ("\n \n", ShareError::Empty),
            (BEGIN, ShareError::Cut),
            ("1: ABCU", ShareError::Letter { line: 1, letter: 'U' }),
            ("判子", ShareError::Letter { line: 1, letter: '判' }),
            ("A", ShareError::Line(1)),
            ("AB", ShareError::Line(1)),
            ("ABCD ABCD ABCD ABCD ABCD ABCD", ShareError::Line(1)),
        ] {
            assert_eq!(Share::parse(text), Err(error), "{text}");
        }
        let longest = text(&share(&[1; 2000]));
        assert_eq!(Share::parse(&longest), Err(ShareError::TooLong));
    }

    #[test]
    fn a_share_of_a_later_version_says_so() {
        let mut octets = share(&[1; 32]).head();
        octets[0] = 2;
        let own = check(&octets);
        octets.extend_from_slice(&own);
        assert_eq!(Share::from_octets(&octets), Err(ShareError::Version(2)));
        for length in 0..HEAD + CHECK {
            assert_eq!(Share::from_octets(&octets[..length]), Err(ShareError::Checksum), "{length}");
        }
    }
}
