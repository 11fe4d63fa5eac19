//! What a holder is told of a certificate in plain words: by which ground it ended, and what to do now.

use super::super::words::Say;
use crate::{
    authority::lookup::{CardStatus, CertificateStatus},
    kind::Kind,
    rules::{CertificateState, Day, Ground, calendar::day_of, era::in_japanese},
};

/// The ground of the law, as people say it.
pub(super) fn ground(ground: Ground) -> Say {
    match ground {
        Ground::Application => Say::new("申請または届出によるもの", "by an application or a report"),
        Ground::RegisterChange => Say::new("住民票の記載の変更によるもの", "by a change of the resident record"),
        Ground::RecordError => Say::new("記録の誤りによるもの", "by an error in the record"),
        Ground::CaKeyCompromise => Say::new("認証局の署名鍵の事故によるもの", "by an accident of the CA's key"),
        Ground::Expiry => Say::new("有効期間の満了によるもの", "by the end of its time"),
    }
}

/// What to do about a certificate, of that kind and on that card; none was issued where there is none.
pub(super) fn next(kind: Kind, one: Option<(&CertificateStatus, Option<&CardStatus>)>, today: Day) -> Say {
    let Some((one, card)) = one else { return never_issued(kind) };
    match one.state {
        CertificateState::Live => live(one, card, today),
        CertificateState::Held => Say::new(
            "カードが見つかったら、カードをお持ちのうえ窓口で一時停止の解除を申請してください。",
            "Once the card is found, bring it to the counter and ask for the release.",
        ),
        CertificateState::Reserved => Say::new("発行の途中です。", "It is being issued."),
        CertificateState::Revoked | CertificateState::Expired => again(kind),
    }
}

fn never_issued(kind: Kind) -> Say {
    match kind {
        Kind::Sign => Say::new(
            "必要なときに、カードをお持ちのうえ住民票のある市区町村の窓口で申請してください。無料です。15歳未満の方には原則として発行していません。",
            "Apply when you need one, with the card at the counter of your municipality; it is free. As a rule it is not issued to children under 15.",
        ),
        Kind::Auth => again(kind),
    }
}

fn again(kind: Kind) -> Say {
    let (ja, en) = match kind {
        Kind::Sign => ("署名用電子証明書が必要なとき", "When you need to sign"),
        Kind::Auth => ("引き続き利用するとき", "To go on using it"),
    };
    Say::new(
        format!(
            "{ja}は、カードをお持ちのうえ住民票のある市区町村の窓口で再発行を申請してください。無料で、期限はありません。"
        ),
        format!(
            "{en}, bring the card to the counter of your municipality: it is issued anew, free of charge and at any time."
        ),
    )
}

fn live(one: &CertificateStatus, card: Option<&CardStatus>, today: Day) -> Say {
    let (end, opens) = (day_of(one.not_after), one.renewal_opens);
    if card.is_some_and(|card| card.last_day == end) {
        return Say::new(
            format!("カードの有効期限も{}です。期限の前に、カードの更新を申請してください。", in_japanese(end)),
            format!("The card ends on {end} too: apply for a new card before that."),
        );
    }
    if today >= opens {
        return Say::new(
            format!("更新できます。{}までに、カードをお持ちのうえ窓口で申請してください。無料です。", in_japanese(end)),
            format!("It can be renewed now: bring the card to the counter until {end}. It is free."),
        );
    }
    Say::new(
        format!("今することはありません。{}から更新できます。", in_japanese(opens)),
        format!("Nothing for now. It can be renewed from {opens} on."),
    )
}
