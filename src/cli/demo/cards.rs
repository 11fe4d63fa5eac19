//! Two virtual cards, whose keys are made in them and never leave.
//!
//! Why beside the samples and not in their place: a sample is for software that is tested with a key in a file, which a card never
//! gives; who has a reader, or plays one, takes a card. `demo.json` lists both.

use serde_json::{Value, json};

use super::{
    super::{
        card::file::CardFile,
        failure::Failure,
        files,
        request::{Act, Desk, Enrol},
    },
    stage::Stage,
    story::{ITAMI, SUGINAMI},
};
use crate::{card::Card, kind::Kind, rules::pin::decide_pin, signer::KeyKind};

/// The passphrase of both cards: they are for everybody.
const PASSPHRASE: &str = "a passphrase for cards";
const AUTH_PIN: &str = "1234";
const SIGN_PIN: &str = "ABC123";

/// Has the counters make them; what `demo.json` says of them.
pub(super) fn made(stage: &Stage) -> Result<Value, Failure> {
    stage.chapter(
        "For people who test with cards: two virtual ones, whose keys were made in them, as a counter does it",
    );
    let directory = stage.directory.join("cards");
    files::make_directory(&directory).map_err(Failure::fault)?;
    files::write_private(&directory.join("passphrase"), PASSPHRASE).map_err(Failure::fault)?;
    let people = [
        ("taro", *b"0000000000000001", ITAMI, "試験　太郎", "兵庫県伊丹市試験１丁目１番地"),
        ("hana", *b"0000000000000002", SUGINAMI, "試験　はな", "東京都杉並区試験町１丁目１番地"),
    ];
    let cards = people.into_iter().map(|(name, serial, place, holder, address)| {
        let path = directory.join(format!("{name}.card"));
        let mut card = CardFile::create(&path, PASSPHRASE, Card::blank(serial))?;
        let pins = [
            decide_pin(Kind::Auth, AUTH_PIN).map_err(Failure::fault)?,
            decide_pin(Kind::Sign, SIGN_PIN).map_err(Failure::fault)?,
        ];
        let person = json!({
            "holder": { "reference": format!("TEST-CARD-{}", name.to_uppercase()), "birth": "1985-01-01" },
            "facts": { "name": holder, "sex": "3", "address": address },
        });
        let issue =
            Enrol { act: Act::New, kinds: &Kind::BOTH, key: KeyKind::Rsa2048, person: Some(person), pins: &pins };
        let told = issue.run(&mut card, &mut Desk::beside(&path)?, &stage.way(place)?)?;
        let held = Kind::BOTH.iter().all(|kind| card.card().summary().half(*kind).certificate.is_some());
        stage.check(format!("{name}.card holds both certificates, and its keys"), held);
        Ok(json!({
            "file": path, "passphrase_file": directory.join("passphrase"), "pins": { "auth": AUTH_PIN, "sign": SIGN_PIN },
            "number": told["card"], "certificates": told["certificates"], "municipality": place,
        }))
    });
    Ok(Value::Array(cards.collect::<Result<_, Failure>>()?))
}
