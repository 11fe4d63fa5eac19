//! 電子証明書の失効のお知らせ.

use super::page::{Page, addressee, kind_ja};
use crate::{
    authority::notice::words,
    kind::Kind,
    ports::NoticeRecord,
    rules::{calendar::day_of, era::in_japanese},
};

/// The letter: what ended, when, why, and what to do next.
pub(super) fn text(office: &str, record: &NoticeRecord) -> String {
    let day = day_of(record.at);
    let mut page = Page::new(&addressee(&record.holder), day, office, "電子証明書の失効のお知らせ");
    page.line("次の電子証明書は効力を失いました。");
    page.line("");
    for (kind, serial) in [(Kind::Sign, record.sign), (Kind::Auth, record.auth)] {
        if let Some(serial) = serial {
            page.item(kind_ja(kind), &format!("発行の番号 {serial}"));
        }
    }
    page.item("失効した日", &in_japanese(day));
    if let Some(event) = record.event_day.filter(|event| *event != day) {
        page.item("事由の生じた日", &in_japanese(event));
    }
    page.line("");
    page.line("１　理由");
    page.line(&format!("　{}", words::why(record.cause).ja));
    page.line("");
    page.line("２　今後の手続");
    page.line(&format!("　{}", words::next(record.cause, record.auth.is_some()).ja));
    if record.sign.is_some() {
        page.line("");
        page.line("３　ご注意");
        page.point(
            "再発行後の署名用電子証明書は、e-Taxでは発行の翌日から利用でき、電子証明書の登録をやり直す必要があります。",
        );
        page.point(
            "コンビニエンスストアでの戸籍証明書の利用登録をされている方は、再発行後に登録をやり直してください。",
        );
    }
    page.line("");
    page.line(&format!("　お知らせ番号　{}　（規則 {}）", record.number, record.cause.rule()));
    page.finish()
}
