//! A token that is made for a demonstration, with keys that are made inside and never leave it.
//!
//! A token that matters is made by its ceremony, with the tools of its vendor, and not by the service that uses it.

use std::path::Path;

use cryptoki::{
    mechanism::Mechanism,
    object::Attribute,
    session::{Session, UserType},
};

use super::{
    fault::TokenError,
    library::{Library, present},
    pin::Pin,
};
use crate::{
    signer::KeyKind,
    x509::{
        der::{OID, tlv},
        oid,
    },
};

/// Makes a token with this label in the first slot that has a token without one, under the PINs of its security officer and
/// its user, and generates a key pair for each label and kind. Their identifiers are 1, 2, ….
///
/// # Errors
/// [`TokenError`]; what was made until then stays.
pub fn make(
    module: &Path,
    label: &str,
    (officer, user): (&Pin, &Pin),
    keys: &[(String, KeyKind)],
) -> Result<(), TokenError> {
    let library = Library::load(module)?;
    let _inside = library.lives.enter();
    let context = &library.context;
    let tokens = context.get_slots_with_token()?.into_iter();
    let tokens =
        tokens.map(|slot| Ok((slot, context.get_token_info(slot)?))).collect::<Result<Vec<_>, TokenError>>()?;
    let free = tokens.iter().find(|(_, info)| !info.token_initialized());
    let absent = || TokenError::Absent { wanted: "without a label".into(), present: present(&tokens) };
    let (slot, _) = free.ok_or_else(absent)?;
    context.init_token(*slot, &officer.auth(), label)?;
    let session = context.open_rw_session(*slot)?;
    session.login(UserType::So, Some(&officer.auth()))?;
    session.init_pin(&user.auth())?;
    session.logout()?;
    session.login(UserType::User, Some(&user.auth()))?;
    for ((label, kind), id) in keys.iter().zip(1..) {
        generate(&session, (label, id), *kind)?;
    }
    Ok(())
}

fn generate(session: &Session, (label, id): (&str, u8), kind: KeyKind) -> Result<(), TokenError> {
    let rsa = |bits: u64| {
        let parameters = vec![Attribute::ModulusBits(bits.into()), Attribute::PublicExponent(vec![1, 0, 1])];
        (Mechanism::RsaPkcsKeyPairGen, parameters)
    };
    let curve = |name: &[u8]| {
        let mut parameters = Vec::new();
        tlv(&mut parameters, OID, name);
        (Mechanism::EccKeyPairGen, vec![Attribute::EcParams(parameters)])
    };
    let (mechanism, parameters) = match kind {
        KeyKind::Rsa2048 => rsa(2048),
        KeyKind::Rsa3072 => rsa(3072),
        KeyKind::Rsa4096 => rsa(4096),
        KeyKind::P256 => curve(oid::P256),
        KeyKind::P384 => curve(oid::P384),
    };
    let named = [Attribute::Token(true), Attribute::Label(label.into()), Attribute::Id(vec![id])];
    let public = [&named[..], &[Attribute::Private(false), Attribute::Verify(true)], &parameters].concat();
    let inside = [Attribute::Private(true), Attribute::Sensitive(true), Attribute::Extractable(false)];
    let private = [&named[..], &inside, &[Attribute::Sign(true)]].concat();
    session.generate_key_pair(&mechanism, &public, &private)?;
    Ok(())
}
