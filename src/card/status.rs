//! Status words: the two octets that end every answer (ISO/IEC 7816-4:2020 §5.6).

use std::fmt;

/// SW1 and SW2.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusWord(u16);

impl StatusWord {
    /// Done.
    pub const DONE: Self = Self(0x9000);
    /// What was selected is deactivated: the card is suspended.
    pub const DEACTIVATED: Self = Self(0x6283);
    /// The memory could not be written; nothing that was asked for holds.
    pub const MEMORY_FAILURE: Self = Self(0x6581);
    /// Lc, Le or the form of the whole command is wrong.
    pub const WRONG_LENGTH: Self = Self(0x6700);
    /// The card has the basic logical channel only.
    pub const LOGICAL_CHANNEL: Self = Self(0x6881);
    /// The card takes no chains of commands.
    pub const CHAINING: Self = Self(0x6884);
    /// The command does not fit the kind of EF.
    pub const WRONG_FILE_KIND: Self = Self(0x6981);
    /// The PIN that this needs is not verified.
    pub const SECURITY_STATUS: Self = Self(0x6982);
    /// The PIN is locked, or there is none.
    pub const PIN_UNUSABLE: Self = Self(0x6984);
    /// The key cannot do this: another number of octets, no key, or a suspended card.
    pub const CONDITIONS: Self = Self(0x6985);
    /// No application or no EF is selected.
    pub const NOT_SELECTED: Self = Self(0x6986);
    /// The card knows no secure messaging; it says so as the real one does.
    pub const SECURE_MESSAGING: Self = Self(0x69FC);
    /// A new PIN of the right length holds other characters than it may.
    pub const WRONG_DATA: Self = Self(0x6A80);
    /// No application or EF of that name.
    pub const NOT_FOUND: Self = Self(0x6A82);
    /// P1 and P2 say nothing that this instruction does.
    pub const WRONG_PARAMETERS: Self = Self(0x6A86);
    /// The offset lies past the end of the EF.
    pub const PAST_THE_END: Self = Self(0x6B00);
    /// The instruction is unknown in this class.
    pub const UNKNOWN_INSTRUCTION: Self = Self(0x6D00);
    /// The class is unknown.
    pub const UNKNOWN_CLASS: Self = Self(0x6E00);
    /// The key or the source of randomness failed.
    pub const NO_DIAGNOSIS: Self = Self(0x6F00);

    /// `63Cx`: how many tries a PIN has left, at most 15.
    #[must_use]
    pub const fn tries_left(tries: u8) -> Self {
        Self(0x63C0 | (tries & 0x0F) as u16)
    }

    /// `6Cxx`: Le is too small, and this many octets would come; 256 are told as `00`.
    #[must_use]
    pub const fn exact_length(octets: usize) -> Self {
        Self(0x6C00 | (octets & 0xFF) as u16)
    }

    /// What `63Cx` says; none of any other.
    #[must_use]
    pub const fn tries(self) -> Option<u8> {
        if self.0 & 0xFFF0 == 0x63C0 { Some((self.0 & 0x0F) as u8) } else { None }
    }

    /// Both octets as a number.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.0
    }

    /// Both octets as they are sent.
    #[must_use]
    pub const fn octets(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
