//! How far a store has come.

use serde::{Deserialize, Serialize};

use super::Seal;
use crate::{
    kind::Kind,
    x509::{UnixTime, hex, octets_of_hex},
};

/// How far a store has come, read at one instant. Nothing of it ever falls, but in an older copy of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marks {
    /// The fence: 1 from the beginning, and one more with every restore. Of two copies the one with the higher fence may write.
    pub fence: u64,
    /// The time of the last audit entry; 1970 where there is none.
    pub at: UnixTime,
    /// The position of the last audit entry; 0 where there is none.
    pub entry: u64,
    /// Its seal.
    #[serde(with = "seal_as_hex")]
    pub seal: Seal,
    /// The position of the last status event; 0 where there is none.
    pub event: u64,
    /// The next index that each CA gives.
    pub indexes: Of,
    /// The number that every coming list of each CA, whatever its scope, exceeds or continues: the highest that any of its lists
    /// bears, or the floor that was set for them where that is higher.
    pub lists: Of,
}

/// A number of each CA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Of {
    /// Of SIGN.
    pub sign: u64,
    /// Of AUTH.
    pub auth: u64,
}

impl Of {
    /// Asks for the number of each CA.
    ///
    /// # Errors
    /// The first that `number` gives.
    pub fn each<E>(mut number: impl FnMut(Kind) -> Result<u64, E>) -> Result<Self, E> {
        Ok(Self { sign: number(Kind::Sign)?, auth: number(Kind::Auth)? })
    }

    /// That of one CA.
    #[must_use]
    pub const fn of(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Sign => self.sign,
            Kind::Auth => self.auth,
        }
    }
}

mod seal_as_hex {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::{Seal, hex, octets_of_hex};

    pub(super) fn serialize<S: Serializer>(seal: &Seal, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&hex(seal))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Seal, D::Error> {
        let text = String::deserialize(input)?;
        octets_of_hex(&text).ok_or_else(|| de::Error::custom("a seal has 64 hexadecimal digits"))
    }
}
