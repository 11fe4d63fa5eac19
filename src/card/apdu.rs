//! Command APDUs with short length fields (ISO/IEC 7816-4:2020 §5.1), and nothing else.

use super::StatusWord;

/// The instructions that the application knows, each in its one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instruction {
    /// `00 A4`
    Select,
    /// `00 B0`
    ReadBinary,
    /// `00 20`
    Verify,
    /// `00 24`
    ChangeReferenceData,
    /// `80 2A`
    ComputeDigitalSignature,
}

/// A command that was read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Command<'a> {
    pub(super) instruction: Instruction,
    pub(super) p1: u8,
    pub(super) p2: u8,
    /// The command data field; `Lc` says how long it is, and is never 0.
    pub(super) data: &'a [u8],
    /// `Le`: the most octets that the answer may have, 1 to 256.
    pub(super) expected: Option<usize>,
}

impl<'a> Command<'a> {
    /// Reads a command: class, then instruction, then the lengths, so that the first thing wrong is the one told.
    ///
    /// # Errors
    /// [`StatusWord::WRONG_LENGTH`] under four octets and where the lengths do not add up. Extended length fields begin with
    /// `00`, which no `Lc` is, and are refused so too; otherwise as [`class`] and [`instruction`] say.
    pub(super) fn parse(apdu: &'a [u8]) -> Result<Self, StatusWord> {
        let Some(([class_octet, ins, p1, p2], body)) = apdu.split_first_chunk::<4>() else {
            return Err(StatusWord::WRONG_LENGTH);
        };
        class(*class_octet)?;
        let instruction = instruction(*class_octet, *ins)?;
        let (data, expected) = match body {
            [] => (&[][..], None),
            [le] => (&[][..], Some(length(*le))),
            [0, ..] => return Err(StatusWord::WRONG_LENGTH),
            [lc, rest @ ..] => match rest.split_at_checked(usize::from(*lc)) {
                Some((data, [])) => (data, None),
                Some((data, [le])) => (data, Some(length(*le))),
                _ => return Err(StatusWord::WRONG_LENGTH),
            },
        };
        Ok(Self { instruction, p1: *p1, p2: *p2, data, expected })
    }
}

/// `Le`, of which 0 means 256.
fn length(octet: u8) -> usize {
    if octet == 0 { 256 } else { usize::from(octet) }
}

/// Lets the classes `00` and `80` pass.
///
/// # Errors
/// Secure messaging (`04`, `08`, `0C`), a chain (`10`), another logical channel (`01` to `03`) and every other class have a status word
/// each. Chains are told first: their bit is the highest that is set.
fn class(octet: u8) -> Result<(), StatusWord> {
    match octet & 0x7F {
        0x00 => Ok(()),
        low if low & 0x60 != 0 => Err(StatusWord::UNKNOWN_CLASS),
        low if low & 0x10 != 0 => Err(StatusWord::CHAINING),
        low if low & 0x0C != 0 => Err(StatusWord::SECURE_MESSAGING),
        _ => Err(StatusWord::LOGICAL_CHANNEL),
    }
}

/// # Errors
/// [`StatusWord::UNKNOWN_INSTRUCTION`]: an instruction exists in its own class only.
fn instruction(class: u8, octet: u8) -> Result<Instruction, StatusWord> {
    match (class, octet) {
        (0x00, 0xA4) => Ok(Instruction::Select),
        (0x00, 0xB0) => Ok(Instruction::ReadBinary),
        (0x00, 0x20) => Ok(Instruction::Verify),
        (0x00, 0x24) => Ok(Instruction::ChangeReferenceData),
        (0x80, 0x2A) => Ok(Instruction::ComputeDigitalSignature),
        _ => Err(StatusWord::UNKNOWN_INSTRUCTION),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(apdu: &[u8]) -> Result<(usize, Option<usize>), StatusWord> {
        Command::parse(apdu).map(|command| (command.data.len(), command.expected))
    }

    #[test]
    fn the_four_cases_of_short_length_are_read() {
        assert_eq!(parsed(&[0, 0xB0, 0, 0]), Ok((0, None)));
        assert_eq!(parsed(&[0, 0xB0, 0, 0, 0]), Ok((0, Some(256))));
        assert_eq!(parsed(&[0, 0xB0, 0, 0, 255]), Ok((0, Some(255))));
        assert_eq!(parsed(&[0, 0x20, 0, 0x80, 2, 7, 8]), Ok((2, None)));
        assert_eq!(parsed(&[0, 0x20, 0, 0x80, 2, 7, 8, 9]), Ok((2, Some(9))));
        assert_eq!(parsed(&[&[0, 0x20, 0, 0x80, 255][..], &[1; 255]].concat()), Ok((255, None)));
        assert_eq!(parsed(&[&[0, 0x20, 0, 0x80, 255][..], &[1; 255], &[0]].concat()), Ok((255, Some(256))));
    }

    #[test]
    fn lengths_that_do_not_add_up_are_refused() {
        for apdu in [
            &[][..],
            &[0],
            &[0, 0x20],
            &[0, 0x20, 0],
            &[0, 0x20, 0, 0x80, 1, 1, 1, 1],
            &[0, 0x20, 0, 0x80, 2, 1],
            &[0, 0x20, 0, 0x80, 255, 1],
            // Extended length, in each of its cases.
            &[0, 0x20, 0, 0x80, 0, 0],
            &[0, 0xB0, 0, 0, 0, 1, 0],
            &[0, 0x20, 0, 0x80, 0, 0, 1, 1],
            &[0, 0x20, 0, 0x80, 0, 0, 1, 1, 0, 0],
        ] {
            assert_eq!(parsed(apdu), Err(StatusWord::WRONG_LENGTH), "{apdu:02X?}");
        }
    }

    /// Every class and every instruction has one answer; the table is written from the other side than the code.
    #[test]
    fn every_class_and_instruction_has_its_status_word() {
        for class in 0..=255_u8 {
            for instruction in 0..=255_u8 {
                let known = matches!((class, instruction), (0, 0xA4 | 0xB0 | 0x20 | 0x24) | (0x80, 0x2A));
                let expected = match class {
                    0x00 | 0x80 if known => Ok((0, None)),
                    0x00 | 0x80 => Err(StatusWord::UNKNOWN_INSTRUCTION),
                    0x01..=0x03 | 0x81..=0x83 => Err(StatusWord::LOGICAL_CHANNEL),
                    0x04..=0x0F | 0x84..=0x8F => Err(StatusWord::SECURE_MESSAGING),
                    0x10..=0x1F | 0x90..=0x9F => Err(StatusWord::CHAINING),
                    _ => Err(StatusWord::UNKNOWN_CLASS),
                };
                assert_eq!(parsed(&[class, instruction, 0, 0]), expected, "{class:02X} {instruction:02X}");
            }
        }
    }
}
