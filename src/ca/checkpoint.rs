//! Signing checkpoints, and the certificate of the key that does.

use super::{
    ceremony::{self, CeremonyError},
    jws::{self, JwsError},
};
use crate::{
    audit::{AuditKey, Checkpoint, NotAnAuditKey},
    ports::Signer,
    profile::audit,
    x509::{Serial, SubjectPublicKey, UnixTime},
};

/// Why a checkpoint was not signed.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The certificate is none of an audit key.
    #[error("the audit certificate: {0}")]
    Certificate(#[from] NotAnAuditKey),
    /// The certificate is another key's.
    #[error("the audit key and its certificate do not belong together")]
    OtherKey,
    /// It was not signed.
    #[error(transparent)]
    Jws(#[from] JwsError),
}

/// Makes the self-signed certificate of an audit key, DER.
///
/// # Errors
/// [`CeremonyError`].
pub fn certificate(
    organization: &str,
    generation: u8,
    signer: &dyn Signer,
    serial: &Serial,
    validity: (UnixTime, UnixTime),
) -> Result<Vec<u8>, CeremonyError> {
    let key = SubjectPublicKey::from_der(signer.spki())?;
    let content = audit::audit_key(organization, generation, &key.key_id(), validity)?;
    ceremony::certify(&content, serial, &key, signer)
}

/// The key that `certificate`, DER, says `signer` is.
///
/// # Errors
/// [`CheckpointError`] unless they belong together.
pub fn key(certificate: &[u8], signer: &dyn Signer) -> Result<AuditKey, CheckpointError> {
    let key = AuditKey::of_certificate(certificate)?;
    if key.key().der() == signer.spki() { Ok(key) } else { Err(CheckpointError::OtherKey) }
}

/// Signs a checkpoint: one line, without its end.
///
/// # Errors
/// [`CheckpointError`]; then there is none.
pub fn sign(checkpoint: &Checkpoint, key: &AuditKey, signer: &dyn Signer) -> Result<String, CheckpointError> {
    let input = checkpoint.signing_input(key).map_err(JwsError::from)?;
    Ok(jws::complete(&input, signer)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{BadCheckpoint, GENESIS, Marks, Misfit, Of},
        kind::Kind,
        signer::{KeyKind, PrivateKey, SoftwareSigner},
        x509::jws,
    };

    fn at(second: i64) -> UnixTime {
        UnixTime::from_seconds(1_800_000_000 + second).unwrap()
    }

    fn signer(kind: KeyKind) -> SoftwareSigner {
        SoftwareSigner::new(&PrivateKey::generate(kind).unwrap()).unwrap()
    }

    fn audit_key(signer: &SoftwareSigner) -> (Vec<u8>, AuditKey) {
        let serial = Serial::from_octets(&[0x31; 20]).unwrap();
        let der = certificate("JITSUIN-TEST", 1, signer, &serial, (at(0), at(1_000_000))).unwrap();
        let key = key(&der, signer).unwrap();
        (der, key)
    }

    fn checkpoint() -> Checkpoint {
        let marks = Marks {
            fence: 2,
            at: at(60),
            entry: 40,
            seal: [9; 32],
            event: 12,
            indexes: Of { sign: 8192, auth: 16384 },
            lists: Of { sign: 7, auth: 9 },
        };
        Checkpoint { taken: at(61), lineage: "0a".repeat(32), marks }
    }

    #[test]
    fn a_checkpoint_is_read_back_by_the_key_that_signed_it_and_no_other() {
        let (one, other) = (signer(KeyKind::P256), signer(KeyKind::P256));
        let ((der, own), (_, others)) = (audit_key(&one), audit_key(&other));
        let line = sign(&checkpoint(), &own, &one).unwrap();
        assert_eq!(Checkpoint::open(&line, &own), Ok(checkpoint()));
        assert_eq!(Checkpoint::open(&line, &others), Err(BadCheckpoint::Signature));
        assert!(own.is_named_by(&line) && !others.is_named_by(&line) && !own.is_named_by("x"));
        assert!(matches!(key(&der, &other), Err(CheckpointError::OtherKey)));
    }

    #[test]
    fn a_checkpoint_of_which_one_octet_is_another_is_refused() {
        let signer = signer(KeyKind::P256);
        let (_, key) = audit_key(&signer);
        let line = sign(&checkpoint(), &key, &signer).unwrap();
        for at in 0..line.len() {
            let mut other = line.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            assert!(Checkpoint::open(&other, &key).is_err(), "octet {at}");
        }
        for cut in [0, 1, line.len() / 2, line.len() - 1] {
            assert!(Checkpoint::open(&line[..cut], &key).is_err(), "{cut} octets");
        }
    }

    #[test]
    fn what_else_the_key_signed_is_no_checkpoint() {
        let signer = signer(KeyKind::P256);
        let (_, key) = audit_key(&signer);
        let sign = |header: serde_json::Value, payload: serde_json::Value| {
            let input = jws::signing_input(&header, &payload).unwrap();
            jws::complete(&input, signer.algorithm(), signer.sign(input.as_bytes()).unwrap()).unwrap()
        };
        let line = super::sign(&checkpoint(), &key, &signer).unwrap();
        let (header, payload) = jws::open(&line, key.key()).unwrap();
        let (header, payload): (serde_json::Value, serde_json::Value) =
            (serde_json::from_slice(&header).unwrap(), serde_json::from_slice(&payload).unwrap());
        assert!(Checkpoint::open(&sign(header.clone(), payload.clone()), &key).is_ok());
        for (name, value) in [("typ", "jitsuin-status+jwt"), ("alg", "none"), ("x5t#S256", "AAAA")] {
            let mut header = header.clone();
            header[name] = value.into();
            assert!(matches!(Checkpoint::open(&sign(header, payload.clone()), &key), Err(BadCheckpoint::Content(_))));
        }
        for (place, value) in [("/marks/entry", -1), ("/marks/seal", 0), ("/iat", i64::MAX)] {
            let mut payload = payload.clone();
            *payload.pointer_mut(place).unwrap() = value.into();
            assert!(matches!(Checkpoint::open(&sign(header.clone(), payload), &key), Err(BadCheckpoint::Content(_))));
        }
        let mut more = payload;
        more["more"] = true.into();
        assert!(Checkpoint::open(&sign(header, more), &key).is_err());
    }

    #[test]
    fn only_a_key_on_p256_is_an_audit_key() {
        let long = signer(KeyKind::P384);
        let serial = Serial::from_octets(&[0x31; 20]).unwrap();
        let der = certificate("JITSUIN-TEST", 1, &long, &serial, (at(0), at(9))).unwrap();
        assert!(matches!(key(&der, &long), Err(CheckpointError::Certificate(NotAnAuditKey::Algorithm(_)))));
        assert!(AuditKey::of_certificate(b"0").is_err());
    }

    #[test]
    fn a_store_that_went_on_fits_and_each_way_to_be_older_or_other_is_named() {
        use Misfit::{
            EntriesMissing, EventsMissing, IndexesAgain, NumbersAgain, OtherHistory, OtherService, Superseded,
            Unfinished,
        };
        let (known, lineage) = (checkpoint(), "0a".repeat(32));
        let misfits = |marks: &Marks, there| known.misfits(&lineage, marks, there);
        let same = known.marks.clone();
        assert_eq!(misfits(&same, Some([9; 32])), []);
        let further = Marks { entry: 90, seal: [1; 32], event: 50, lists: Of { sign: 70, auth: 90 }, ..same.clone() };
        assert_eq!(misfits(&further, Some([9; 32])), []);
        assert_eq!(known.misfits("another", &same, Some([9; 32])), [OtherService]);

        let entry = known.marks.entry;
        let at = known.marks.at;
        assert_eq!(misfits(&further, Some([8; 32])), [OtherHistory { entry, at }]);
        let behind = Marks { fence: 1, ..further.clone() };
        assert_eq!(misfits(&behind, Some([9; 32])), [Superseded { knows: 2, has: 1, at }]);
        let ahead = Marks { fence: 3, ..further };
        assert_eq!(misfits(&ahead, None), [Unfinished { knows: 2, has: 3 }]);

        let older = Marks {
            fence: 2,
            at: at_start(),
            entry: 3,
            seal: [2; 32],
            event: 1,
            indexes: Of { sign: 0, auth: 16384 },
            lists: Of { sign: 7, auth: 8 },
        };
        let all = [
            EntriesMissing { knows: 40, has: 3, at },
            EventsMissing { knows: 12, has: 1 },
            IndexesAgain { kind: Kind::Sign, next: 0, knows: 8192 },
            NumbersAgain { kind: Kind::Auth, has: 8, knows: 9 },
        ];
        assert_eq!(misfits(&older, None), all, "all causes at once");
        let empty = Marks { entry: 0, seal: GENESIS, ..older };
        assert_eq!(misfits(&empty, None)[0], EntriesMissing { knows: 40, has: 0, at });
    }

    fn at_start() -> UnixTime {
        at(0)
    }
}
