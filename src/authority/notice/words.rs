//! What a notice says: why in plain words, by the statutory ground, and what to do next.

use serde::{Deserialize, Serialize};

use crate::rules::{Cause, Day, Ground};

/// A text for people, in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// Japanese.
    pub ja: String,
    /// English.
    pub en: String,
}

fn words(ja: impl Into<String>, en: impl Into<String>) -> Words {
    Words { ja: ja.into(), en: en.into() }
}

/// Why certificates ended.
pub(in crate::authority) fn why(cause: Cause) -> Words {
    match cause {
        Cause::RegisterEntryChanged => words(
            "住民票に記載されている氏名、住所、生年月日または性別が変わったため、これらを記録した署名用電子証明書は失効しました（公的個人認証法第12条）。",
            "Your name, address, date of birth or sex changed in the resident register, so the signing certificate, which records them, has ended (Act, art. 12).",
        ),
        Cause::MoveOut => words(
            "転出届により住所が変わるため、住所を記録した署名用電子証明書は失効しました（公的個人認証法第12条）。利用者証明用電子証明書は引き続き使えます。",
            "You gave notice of moving out, so the signing certificate, which records your address, has ended (Act, art. 12). The authentication certificate goes on.",
        ),
        Cause::MoveInMissed => words(
            "転出予定日から30日以内に転入届がなかったため、電子証明書は失効しました（公的個人認証法第31条）。",
            "There was no notice of moving in within 30 days after the planned day of moving, so the certificates have ended (Act, art. 31).",
        ),
        Cause::CardVoidAfterMove => words(
            "転入届またはカードの継続利用の手続が期限までに行われなかったため、マイナンバーカードが失効し、電子証明書も失効しました（番号法施行令第14条）。",
            "The notice of moving in, or the presentation of the card after it, did not come in time. The card is void, and its certificates have ended (My Number Act order, art. 14).",
        ),
        Cause::OverseasMove => words(
            "国外転出の際にカードの継続利用の手続がなかったため、マイナンバーカードと電子証明書は失効しました（番号法施行令第14条）。",
            "You moved abroad without having the card continued. The card is void, and its certificates have ended (My Number Act order, art. 14).",
        ),
        Cause::OverseasMoveWithContinuedUse => words(
            "国外転出により住所が変わったため、署名用電子証明書は失効しました（公的個人認証法第12条）。利用者証明用電子証明書は引き続き使えます。",
            "You moved abroad, so the signing certificate, which records your address, has ended (Act, art. 12). The authentication certificate goes on.",
        ),
        other => by_ground(other.ground()),
    }
}

/// For causes that have no words of their own: nothing more than the ground.
fn by_ground(ground: Ground) -> Words {
    match ground {
        Ground::Application => {
            words("失効の申請または届出により失効しました。", "They ended by application or report.")
        }
        Ground::RegisterChange => {
            words("住民票の記載の変更により失効しました。", "They ended by a change of the resident register.")
        }
        Ground::RecordError => {
            words("記録の誤りが判明したため失効しました。", "They ended because a record was wrong.")
        }
        Ground::CaKeyCompromise => words(
            "認証局の鍵の安全性に問題が生じたため失効しました。",
            "They ended because a key of the authority is no longer safe.",
        ),
        Ground::Expiry => words("有効期間が満了しました。", "Their validity ended."),
    }
}

/// What to do next (R-13, M-03, M-04).
pub(in crate::authority) fn next(cause: Cause, auth_ended: bool) -> Words {
    match cause {
        Cause::RegisterEntryChanged if !auth_ended => words(
            "署名用電子証明書は、住所地の窓口で届出と同じ来庁時に無料で再発行できます。カードと暗証番号をお持ちください。利用者証明用電子証明書は引き続き使えます。",
            "A new signing certificate is issued free of charge at the counter, in the same visit as the notice. Bring the card and know its PIN. The authentication certificate goes on.",
        ),
        Cause::MoveOut => words(
            "転入先の窓口で、転入届と同時にカードの継続利用（転入届の届出日から起算して90日以内）と署名用電子証明書の再発行（無料）を申請してください。転入届は転入した日から起算して14日以内、かつ転出予定日から起算して30日以内です。",
            "At the counter of the new municipality, hand in the notice of moving in, have the card continued (within 90 days, the day of the notice counted) and apply for a new signing certificate, free of charge. The notice is due within 14 days of moving in and 30 days of the planned day, the first day counted.",
        ),
        Cause::MoveInMissed => words(
            "お住まいの市区町村に転入届を出し、カードについて窓口にご相談ください。",
            "Hand in the notice of moving in where you live, and ask about the card there.",
        ),
        Cause::CardVoidAfterMove => words(
            "新しいマイナンバーカードを住所地の窓口で申請してください。電子証明書は新しいカードに発行します（手数料がかかります）。",
            "Apply for a new card at the counter; certificates are issued on the new card (a fee applies).",
        ),
        Cause::OverseasMove => words(
            "国外転出後のカードは、本籍地の市区町村または在外公館で申請できます。転出から90日以内の再交付は無料です。",
            "Abroad, a card can be applied for at the municipality of the family register or at a mission; within 90 days of leaving it is free of charge.",
        ),
        Cause::OverseasMoveWithContinuedUse => words(
            "国外で使う署名用電子証明書は、本籍地の市区町村または在外公館で申請できます。",
            "A signing certificate for use abroad can be applied for at the municipality of the family register or at a mission.",
        ),
        _ => words("住所地の窓口にお問い合わせください。", "Ask at the counter of your municipality."),
    }
}

/// The letter before the end, with the days of the renewal window printed (W-01, W-03, W-05).
pub(super) fn ends_soon(kind_ja: &str, last_day: Day, opens: Day, renew_the_card: bool) -> Words {
    let how = if renew_the_card {
        (
            "マイナンバーカードも同じ日に有効期限を迎えます。カードの更新を申請してください。",
            "The card ends on the same day: apply for a new card.",
        )
    } else {
        ("住所地の窓口で無料で更新できます。", "It is renewed free of charge at the counter of your municipality.")
    };
    let kind_en = if kind_ja == "署名用" { "signing" } else { "authentication" };
    words(
        format!(
            "{kind_ja}電子証明書の有効期限は{last_day}です。更新できるのは{opens}から{last_day}までです。{}",
            how.0
        ),
        format!(
            "The {kind_en} certificate is valid until {last_day}. It can be renewed from {opens} to {last_day}. {}",
            how.1
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_names_a_death() {
        for cause in Cause::ALL {
            for text in [why(cause), next(cause, true), next(cause, false)] {
                for word in ["死亡", "失踪", "消除", "death", "died", "dead"] {
                    assert!(!text.ja.contains(word) && !text.en.to_lowercase().contains(word), "{cause}: {word}");
                }
                assert!(!text.ja.is_empty() && !text.en.is_empty());
            }
        }
    }

    #[test]
    fn every_cause_from_the_register_says_what_to_do_in_its_own_words() {
        let own = Cause::ALL.into_iter().filter(|cause| {
            cause.ground() == Ground::RegisterChange && !matches!(cause, Cause::Death | Cause::MinorCorrection)
        });
        for cause in own.chain([Cause::CardVoidAfterMove]) {
            assert_ne!(why(cause), by_ground(cause.ground()), "{cause}");
            let auth_ends = cause.effect(crate::kind::Kind::Auth) != crate::rules::Effect::Keep;
            assert_ne!(next(cause, auth_ends), next(Cause::Death, true), "{cause}");
        }
    }
}
