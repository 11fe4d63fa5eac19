//! 電子証明書の有効期限通知書 (W-01 to W-09).

use std::ops::RangeInclusive;

use super::page::{Page, addressee, kind_ja};
use crate::{
    kind::Kind,
    ports::EndingRecord,
    rules::{
        CounterSettings, Day,
        afterwards::insurance_grace,
        calendar::{day_of, minus_months},
        era::in_japanese,
    },
};

/// What the letter depends on beside the certificate.
pub(super) struct Terms {
    pub(super) window: RangeInclusive<Day>,
    pub(super) renew_the_card: bool,
    pub(super) settings: CounterSettings,
}

/// The letter. It bears the first day on which it goes out, so it is the same whenever it is printed.
pub(super) fn text(office: &str, one: &EndingRecord, terms: &Terms) -> String {
    let last = day_of(one.not_after);
    let posted = minus_months(last, 3).unwrap_or(last);
    let mut page =
        Page::new(&addressee(&one.holder), posted, office, "電子証明書の有効期限のお知らせ（有効期限通知書）");
    page.item("電子証明書", kind_ja(one.kind));
    page.item("発行の番号", &one.serial.to_string());
    page.item("有効期限", &format!("{}まで", in_japanese(last)));
    let (opens, closes) = (in_japanese(*terms.window.start()), in_japanese(*terms.window.end()));
    page.item("更新できる期間", &format!("{opens}から{closes}まで"));
    page.line("");
    page.line("１　更新の手続");
    if terms.renew_the_card {
        page.point(
            "マイナンバーカードも同じ日に有効期限を迎えます。電子証明書ではなく、カードの更新を申請してください。",
        );
    }
    let yen = terms.settings.fees.renewal_yen;
    let fee = if yen == 0 {
        "手数料はかかりません。".to_owned()
    } else {
        format!("手数料は{yen}円です。")
    };
    page.point(&format!(
        "マイナンバーカードをお持ちになり、住所地の市区町村の窓口で申請してください。暗証番号の入力が必要です。{fee}"
    ));
    page.point(&format!("この通知が届いていても、{opens}より前には更新できません。"));
    page.point("この通知がなくても更新できます。");
    page.point(if terms.settings.desks.by_appointment {
        "窓口は予約制です。来庁の前に予約してください。"
    } else {
        "予約は必要ありません。"
    });
    page.point(if terms.settings.desks.branches {
        "支所・出張所でも受け付けます。"
    } else {
        "支所・出張所では受け付けていません。"
    });
    page.point("代理人が申請するときは、同封の照会書兼回答書に本人が記入し、封をしたものをお持ちください。");
    page.line("");
    page.line("２　有効期限を過ぎたとき");
    page.point(if terms.renew_the_card {
        "カードも使えなくなります。電子証明書は、新しいカードの交付を受けるときに発行できます。"
    } else {
        "カードは、その有効期限までは本人確認書類として使えます。電子証明書はいつでも無料で再発行できます。"
    });
    if one.kind == Kind::Auth {
        let grace = insurance_grace(last).from_last_day;
        page.point(&format!("健康保険証としての利用は、{}までは資格の確認に限り続けられます。", in_japanese(grace)));
        page.point("利用者証明用電子証明書の有効期限を過ぎると、署名用電子証明書も使えなくなります。");
    }
    page.line("");
    page.line("３　更新した後");
    if one.kind == Kind::Sign {
        page.point(
            "e-Taxでは、新しい署名用電子証明書は更新の翌日から利用でき、電子証明書の登録をやり直す必要があります。",
        );
    }
    page.point("コンビニエンスストアでの戸籍証明書の利用登録は、更新の後にやり直してください。");
    page.point("カードの「電子証明書の有効期限」欄への記入は任意です。有効期限はマイナポータルでも確認できます。");
    page.finish()
}
