//! What can be done from home with the card and a reader (section 1.6).

use serde::{Deserialize, Serialize};

use super::{CertificateState, Refusal};
use crate::kind::Kind;

/// What is asked for online.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnlineRequest {
    /// 失効申請 of SIGN.
    RevokeSign,
    /// 失効申請 of AUTH.
    RevokeAuth,
    /// The report of a leak, loss or damage (法10, 29).
    ReportLoss,
    /// 一時停止.
    Hold,
    /// A change of a PIN whose old one is known.
    ChangePin,
    /// 新規発行.
    Issue,
    /// 更新.
    Renew,
    /// 初期化 of a PIN.
    ResetPin,
    /// Whether a certificate is valid.
    CheckStatus,
    /// The display of one's own certificate.
    ShowCertificate,
    /// 住所等提供同意状況の照会.
    ConsentInquiry,
    /// Its 取消.
    ConsentWithdrawal,
}

impl OnlineRequest {
    /// Every request.
    pub const ALL: [Self; 12] = [
        Self::RevokeSign,
        Self::RevokeAuth,
        Self::ReportLoss,
        Self::Hold,
        Self::ChangePin,
        Self::Issue,
        Self::Renew,
        Self::ResetPin,
        Self::CheckStatus,
        Self::ShowCertificate,
        Self::ConsentInquiry,
        Self::ConsentWithdrawal,
    ];
}

/// What is known of who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OnlineFacts {
    /// Whether the holder has a live SIGN.
    pub sign_live: bool,
    /// With which key the request is signed, if it is; the signature has been verified.
    pub signed_with: Option<Kind>,
    /// Whether the old PIN is known.
    pub old_pin_known: bool,
}

/// Decides whether a certificate of that kind is revoked by what the holder signed at home.
///
/// # Errors
/// `O-01` and `O-02` for what is not signed with the key of a live SIGN.
pub fn decide_home_revocation(kind: Kind, facts: &OnlineFacts) -> Result<(), Refusal> {
    if facts.sign_live && facts.signed_with == Some(Kind::Sign) {
        return Ok(());
    }
    let rule = if kind == Kind::Sign { "O-01" } else { "O-02" };
    let (detail, ja) = match kind {
        _ if facts.sign_live => (
            "the application has to be signed with the key of the signing certificate that is live",
            "有効な署名用電子証明書の秘密鍵で署名した申請が必要です。",
        ),
        Kind::Sign => (
            "no signing certificate of the card is live: it has ended, or is held",
            "このカードに有効な署名用電子証明書がありません（失効、期間満了または一時停止中）。",
        ),
        Kind::Auth => (
            "without a live signing certificate AUTH is revoked at the counter",
            "有効な署名用電子証明書がない場合、利用者証明用電子証明書は窓口で失効してください。",
        ),
    };
    Err(Refusal::new(rule, detail).with_ja(ja))
}

/// Decides whether a request is taken online.
///
/// # Errors
/// As for [`decide_home_revocation`]; `O-03` for a report, and for a hold, which has the telephone; `O-04` for what needs the
/// counter; `O-05` for a withdrawal of consent that nobody signed.
pub fn decide_online(request: OnlineRequest, facts: &OnlineFacts) -> Result<(), Refusal> {
    use OnlineRequest::*;
    let signed = facts.sign_live && facts.signed_with == Some(Kind::Sign);
    let refused = |rule, detail: &str, ja: &'static str| Err(Refusal::new(rule, detail).with_ja(ja));
    match request {
        RevokeSign => decide_home_revocation(Kind::Sign, facts),
        RevokeAuth => decide_home_revocation(Kind::Auth, facts),
        ConsentWithdrawal if signed => Ok(()),
        // Who came in by AUTH looks at what is the own.
        ConsentInquiry if signed || facts.signed_with == Some(Kind::Auth) => Ok(()),
        CheckStatus | ShowCertificate => Ok(()),
        ChangePin if facts.old_pin_known => Ok(()),
        ReportLoss => {
            let detail = "a leak, loss or damage is reported at the counter";
            refused("O-03", detail, "漏えい、紛失、損傷の届出は窓口で行います。")
        }
        Hold => {
            let detail = "a card is suspended by telephone, day and night";
            refused("O-03", detail, "カードの一時停止は電話で24時間受け付けます。")
        }
        ChangePin => {
            let detail = "a PIN is changed online by the old one; without it, it is reset at the counter";
            refused("O-04", detail, "暗証番号の変更には元の暗証番号が必要です。分からない場合は窓口で初期化します。")
        }
        Issue | Renew | ResetPin => {
            let detail = "identity is proven and the card is written at the counter";
            refused("O-04", detail, "本人確認とカードへの記録は窓口で行います。")
        }
        ConsentInquiry | ConsentWithdrawal => {
            refused("O-05", "the request has to be signed by the holder", "本人の電子署名が必要です。")
        }
    }
}

/// What is known of the AUTH certificate by which a holder comes to the online window (オンライン窓口).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowFacts {
    /// Its state now, its last day looked at.
    pub state: CertificateState,
    /// Whether it was replaced by another.
    pub replaced: bool,
    /// Whether it is on a 顔認証マイナンバーカード.
    pub face_authentication: bool,
}

/// Decides whether a holder is let in by that certificate: only by one that stands, for whoever has a card that was lost has its key
/// (法38: who is shown a certificate looks at whether it is revoked). The answer says what its OCSP answer says, and no more.
///
/// # Errors
/// `O-05` in the case of its state; `P-10` for a face-authentication card, which enters no service that wants a PIN.
pub fn decide_window(facts: &WindowFacts) -> Result<(), Refusal> {
    Err(match facts.state {
        CertificateState::Live if facts.face_authentication => {
            let detail = "a face-authentication card has no PIN, and so no way in here";
            Refusal::new("P-10", detail)
                .with_ja("顔認証マイナンバーカードには暗証番号がないため、ここでは利用できません。")
                .in_case("window")
        }
        CertificateState::Live => return Ok(()),
        CertificateState::Held => Refusal::new("O-05", "the certificate of this card is suspended")
            .with_ja("このカードの電子証明書は一時停止中です。")
            .in_case("held"),
        CertificateState::Revoked if facts.replaced => {
            Refusal::new("O-05", "the certificate was replaced by a newer one")
                .with_ja("この電子証明書は新しいものに替わっています。")
                .in_case("replaced")
        }
        CertificateState::Revoked => Refusal::new("O-05", "the certificate of this card is revoked")
            .with_ja("このカードの電子証明書は失効しています。")
            .in_case("revoked"),
        CertificateState::Expired => Refusal::new("O-05", "the certificate of this card has expired")
            .with_ja("このカードの電子証明書は有効期間が満了しています。")
            .in_case("expired"),
        CertificateState::Reserved => Refusal::new("O-05", "the certificate is being issued; come back in a moment")
            .with_ja("電子証明書を発行中です。しばらくしてからもう一度お試しください。")
            .in_case("reserved"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Vec<OnlineFacts> {
        let keys = [None, Some(Kind::Auth), Some(Kind::Sign)];
        let facts =
            |bits: u8, signed_with| OnlineFacts { sign_live: bits & 1 != 0, old_pin_known: bits & 2 != 0, signed_with };
        (0..4).flat_map(|bits| keys.map(|key| facts(bits, key))).collect()
    }

    /// Holds the outcome of a request over all facts to a condition, and the refusal to a rule.
    #[track_caller]
    fn expect(request: OnlineRequest, rule: &str, taken: impl Fn(&OnlineFacts) -> bool) {
        for facts in facts() {
            match decide_online(request, &facts) {
                Ok(()) => assert!(taken(&facts), "{request:?} {facts:?}"),
                Err(refusal) => assert_eq!((refusal.rule.as_ref(), taken(&facts)), (rule, false), "{facts:?}"),
            }
        }
    }

    #[test]
    fn o_01_sign_is_revoked_online_by_its_own_signature_only() {
        expect(OnlineRequest::RevokeSign, "O-01", |facts| facts.sign_live && facts.signed_with == Some(Kind::Sign));
    }

    #[test]
    fn o_02_auth_is_revoked_online_only_by_who_has_sign_too() {
        expect(OnlineRequest::RevokeAuth, "O-02", |facts| facts.sign_live && facts.signed_with == Some(Kind::Sign));
        let without = OnlineFacts { signed_with: Some(Kind::Auth), ..OnlineFacts::default() };
        let refusal = decide_online(OnlineRequest::RevokeAuth, &without).unwrap_err();
        assert!(refusal.detail.contains("at the counter"), "{refusal}");
    }

    #[test]
    fn o_03_a_loss_is_reported_at_the_counter_and_held_by_telephone() {
        expect(OnlineRequest::ReportLoss, "O-03", |_| false);
        expect(OnlineRequest::Hold, "O-03", |_| false);
        let hold = decide_online(OnlineRequest::Hold, &OnlineFacts::default()).unwrap_err();
        assert!(hold.detail.contains("telephone"), "{hold}");
    }

    #[test]
    fn o_05_a_holder_is_let_in_by_an_auth_that_stands_on_a_card_with_pins_and_by_nothing_else() {
        for state in CertificateState::ALL {
            for (replaced, face_authentication) in [(false, false), (true, false), (false, true), (true, true)] {
                let decided = decide_window(&WindowFacts { state, replaced, face_authentication });
                let case = match (state, replaced, face_authentication) {
                    (CertificateState::Live, _, false) => {
                        assert_eq!(decided, Ok(()));
                        continue;
                    }
                    (CertificateState::Live, _, true) => ("P-10", "window"),
                    (CertificateState::Revoked, true, _) => ("O-05", "replaced"),
                    _ => ("O-05", state.word()),
                };
                let refusal = decided.unwrap_err();
                assert_eq!((refusal.rule.as_ref(), refusal.case.as_deref()), (case.0, Some(case.1)));
                assert!(refusal.explanation().unwrap().way_ja.len() > 10, "{refusal:?}");
            }
        }
    }

    #[test]
    fn o_04_a_pin_is_changed_online_by_the_old_one_and_nothing_is_issued_or_reset_there() {
        expect(OnlineRequest::ChangePin, "O-04", |facts| facts.old_pin_known);
        for request in [OnlineRequest::Issue, OnlineRequest::Renew, OnlineRequest::ResetPin] {
            expect(request, "O-04", |_| false);
        }
    }

    #[test]
    fn o_05_the_window_shows_to_everybody_and_takes_consents_back_from_the_holder() {
        for request in [OnlineRequest::CheckStatus, OnlineRequest::ShowCertificate] {
            expect(request, "O-05", |_| true);
        }
        let signed = |facts: &OnlineFacts| facts.sign_live && facts.signed_with == Some(Kind::Sign);
        expect(OnlineRequest::ConsentWithdrawal, "O-05", signed);
        expect(OnlineRequest::ConsentInquiry, "O-05", |facts| signed(facts) || facts.signed_with == Some(Kind::Auth));
        assert!(serde_json::from_str::<OnlineFacts>(r#"{"signed":true}"#).is_err());
    }
}
