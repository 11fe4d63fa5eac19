//! The face-authentication card (顔認証マイナンバーカード): on and off (section 1.5, E-09, R-30).

use serde::{Deserialize, Serialize};

use super::Refusal;

/// What the card is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardSituation {
    /// Whether it is a face-authentication card now.
    pub face_authentication: bool,
    /// Whether a live AUTH is on it.
    pub auth_live: bool,
    /// Whether a live or held SIGN is on it.
    pub sign_standing: bool,
    /// Whether 追記欄 has room for the words 「顔認証」.
    pub addendum_has_room: bool,
}

/// What is to be done at the counter, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaceStep {
    /// Issue AUTH first: a face-authentication card must have one (E-09).
    IssueAuth,
    /// Revoke SIGN on application, cessationOfOperation.
    RevokeSign,
    /// Disable all four PINs.
    DisablePins,
    /// Print 「顔認証」 on the card.
    Print,
    /// Set the card's flag.
    SetFlag,
    /// Set new PINs.
    SetPins,
    /// Clear the card's flag.
    ClearFlag,
}

/// Decides what makes the card a face-authentication card.
///
/// # Errors
/// `E-09` if it is one already, or has no room for the words; then it is made anew, free of charge (F-05).
pub fn decide_face_authentication_on(card: &CardSituation) -> Result<Vec<FaceStep>, Refusal> {
    if card.face_authentication {
        return Err(Refusal::new("E-09", "the card is a face-authentication card already")
            .with_ja("すでに顔認証マイナンバーカードです。")
            .in_case("on"));
    }
    if !card.addendum_has_room {
        let detail = "there is no room left on the card (追記欄); it is made anew, free of charge";
        return Err(Refusal::new("E-09", detail)
            .with_ja("カードの追記欄に余白がありません。無料で再交付します。")
            .in_case("no-room"));
    }
    let mut steps = Vec::new();
    if !card.auth_live {
        steps.push(FaceStep::IssueAuth);
    }
    if card.sign_standing {
        steps.push(FaceStep::RevokeSign);
    }
    steps.extend([FaceStep::DisablePins, FaceStep::Print, FaceStep::SetFlag]);
    Ok(steps)
}

/// Decides what makes it an ordinary card again. SIGN does not come back; it can be applied for anew.
///
/// # Errors
/// `E-09` if it is not a face-authentication card.
pub fn decide_face_authentication_off(card: &CardSituation) -> Result<Vec<FaceStep>, Refusal> {
    if !card.face_authentication {
        return Err(Refusal::new("E-09", "the card is not a face-authentication card")
            .with_ja("顔認証マイナンバーカードではありません。")
            .in_case("off"));
    }
    Ok(vec![FaceStep::SetPins, FaceStep::ClearFlag])
}

/// Refuses SIGN for a face-authentication card.
///
/// # Errors
/// `E-09`.
pub fn check_sign_can_be_stored(face_authentication: bool) -> Result<(), Refusal> {
    if face_authentication {
        let detail = "a face-authentication card cannot hold a signing certificate; end face authentication first";
        return Err(Refusal::new("E-09", detail)
            .with_ja("顔認証マイナンバーカードに署名用電子証明書は記録できません。先に顔認証の設定を解除してください。")
            .in_case("no-sign"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(bits: u8) -> CardSituation {
        CardSituation {
            face_authentication: bits & 1 != 0,
            auth_live: bits & 2 != 0,
            sign_standing: bits & 4 != 0,
            addendum_has_room: bits & 8 != 0,
        }
    }

    #[test]
    fn e_09_r_30_switching_on_ends_sign_and_every_pin_and_needs_auth() {
        for card in (0..16).map(card) {
            let steps = decide_face_authentication_on(&card);
            if card.face_authentication || !card.addendum_has_room {
                assert_eq!(steps.unwrap_err().rule, "E-09", "{card:?}");
                continue;
            }
            let steps = steps.unwrap();
            assert_eq!(steps.first() == Some(&FaceStep::IssueAuth), !card.auth_live);
            assert_eq!(steps.contains(&FaceStep::RevokeSign), card.sign_standing);
            assert!(steps.ends_with(&[FaceStep::DisablePins, FaceStep::Print, FaceStep::SetFlag]));
        }
    }

    #[test]
    fn e_09_switching_off_sets_pins_and_brings_no_sign_back() {
        for card in (0..16).map(card) {
            match decide_face_authentication_off(&card) {
                Ok(steps) => {
                    assert!(card.face_authentication);
                    assert_eq!(steps, [FaceStep::SetPins, FaceStep::ClearFlag]);
                }
                Err(refusal) => assert_eq!((refusal.rule.as_ref(), card.face_authentication), ("E-09", false)),
            }
        }
    }

    #[test]
    fn e_09_a_face_authentication_card_holds_no_sign() {
        assert_eq!(check_sign_can_be_stored(true).unwrap_err().rule, "E-09");
        assert!(check_sign_can_be_stored(false).is_ok());
    }
}
