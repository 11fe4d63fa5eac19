//! First issue, reissue or renewal: what an application is on this day (E-04, V-11 to V-15).

use serde::{Deserialize, Serialize};

use super::{
    Policy, Refusal, Renewing,
    calendar::{Day, day_text},
    era::in_japanese,
    window::{check_window, renewal_window},
};
use crate::kind::Kind;

/// A certificate the holder has: issued and not revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveCertificate {
    /// Its last day.
    #[serde(with = "day_text")]
    pub last_day: Day,
    /// Whether it is suspended; a held certificate is not live (example 46).
    #[serde(default)]
    pub held: bool,
}

/// What is applied for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Asked {
    /// 新規発行: a first certificate, or another after the last one ended.
    New,
    /// 更新: another in place of a live one in its window.
    Renewal,
}

/// What the application is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Replacement {
    /// The holder has none.
    First,
    /// The holder's is expired or held. A held one has to be revoked before the new one is issued (E-04).
    Reissue,
    /// The holder's live one is replaced within its window, and revoked at once (V-13).
    Renewal,
}

/// Decides what an application for one kind is.
///
/// # Errors
/// `E-04` for a new certificate while one is live; `V-12` for a renewal before the window opens; `V-14` for a renewal
/// of what is expired, held or not there.
pub fn decide_replacement(
    certificate: Option<LiveCertificate>,
    asked: Asked,
    today: Day,
    policy: &Policy,
) -> Result<Replacement, Refusal> {
    match (asked, certificate) {
        (Asked::New, None) => Ok(Replacement::First),
        (Asked::New, Some(one)) if one.held || one.last_day < today => Ok(Replacement::Reissue),
        (Asked::New, Some(one)) => Err(already_live(one.last_day, today, policy)),
        (Asked::Renewal, None) => {
            let detail = "there is no live certificate to renew; a new one can be issued at any time";
            Err(Refusal::new("V-14", detail)
                .with_ja("更新できる有効な電子証明書がありません。発行はいつでもできます。"))
        }
        (Asked::Renewal, Some(one)) if one.held => {
            let detail = "a held certificate cannot be renewed; release it, or, where its card is in use, apply for a reissue, which \
                          takes its place";
            let ja = "一時停止中の電子証明書は更新できません。解除するか、\
                      カードを使っている場合は再発行を申請してください。";
            Err(Refusal::new("V-14", detail).with_ja(ja))
        }
        (Asked::Renewal, Some(one)) => {
            check_window(one.last_day, today, policy)?;
            Ok(Replacement::Renewal)
        }
    }
}

fn already_live(last_day: Day, today: Day, policy: &Policy) -> Refusal {
    let opens = *renewal_window(last_day, policy).start();
    let (detail, ja) = if today < opens {
        (
            format!("one is live until {last_day}; it can be renewed from {opens} on, or revoked first"),
            format!(
                "{}まで有効な電子証明書があります。{}から更新でき、それより前は失効してから発行できます。",
                in_japanese(last_day),
                in_japanese(opens)
            ),
        )
    } else {
        (
            format!("one is live until {last_day}; ask for its renewal, which is open since {opens}"),
            format!("{}まで有効な電子証明書があります。更新として申請してください。", in_japanese(last_day)),
        )
    };
    Refusal::new("E-04", detail).with_ja(ja).possible_from(opens.max(today))
}

/// The certificates a holder has, of both kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Holding {
    /// AUTH, if issued and not revoked.
    pub auth: Option<LiveCertificate>,
    /// SIGN, if issued and not revoked.
    pub sign: Option<LiveCertificate>,
}

impl Holding {
    /// The certificate of that kind, if issued and not revoked.
    #[must_use]
    pub const fn of(&self, kind: Kind) -> Option<LiveCertificate> {
        match kind {
            Kind::Auth => self.auth,
            Kind::Sign => self.sign,
        }
    }
}

/// What is applied for, of each kind; none leaves that kind as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PairAsked {
    /// For AUTH.
    pub auth: Option<Asked>,
    /// For SIGN.
    pub sign: Option<Asked>,
}

/// What the application is for each kind, and the AUTH that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PairReplacement {
    /// For AUTH, if asked for.
    pub auth: Option<Replacement>,
    /// For SIGN, if asked for.
    pub sign: Option<Replacement>,
    /// The last day of the AUTH that is kept and bounds SIGN (V-02); a held one too, as it may be released.
    pub kept_auth_last_day: Option<Day>,
}

impl PairReplacement {
    /// What the application is for this kind, if asked for.
    #[must_use]
    pub const fn of(self, kind: Kind) -> Option<Replacement> {
        match kind {
            Kind::Auth => self.auth,
            Kind::Sign => self.sign,
        }
    }

    /// The kinds that are renewed, as [`ValidityFacts`](super::ValidityFacts) asks.
    #[must_use]
    pub fn renewing(self) -> Renewing {
        let renewed = |kind| self.of(kind) == Some(Replacement::Renewal);
        Renewing { auth: renewed(Kind::Auth), sign: renewed(Kind::Sign) }
    }
}

/// Decides what an application for one or both kinds is.
///
/// # Errors
/// Those of [`decide_replacement`], the kind named; `V-15` for a renewal of SIGN alone that AUTH's end makes useless.
pub fn decide_pair_replacement(
    holding: Holding,
    asked: PairAsked,
    today: Day,
    policy: &Policy,
) -> Result<PairReplacement, Refusal> {
    let decide = |kind: Kind, certificate, asked: Option<Asked>| {
        asked
            .map(|asked| decide_replacement(certificate, asked, today, policy))
            .transpose()
            .map_err(|refusal| refusal.said_of(&kind.word().to_uppercase(), kind.word_ja()))
    };
    let auth = decide(Kind::Auth, holding.auth, asked.auth)?;
    let sign = decide(Kind::Sign, holding.sign, asked.sign)?;
    let kept = holding.auth.filter(|one| auth.is_none() && one.last_day >= today).map(|one| one.last_day);
    if let (Some(Replacement::Renewal), Some(bound), Some(old)) = (sign, kept, holding.sign) {
        check_gain(old.last_day, bound)?;
    }
    Ok(PairReplacement { auth, sign, kept_auth_last_day: kept })
}

/// V-15: SIGN renewed alone ends with AUTH; where the old SIGN ends no earlier, nothing is gained.
fn check_gain(sign_last_day: Day, auth_last_day: Day) -> Result<(), Refusal> {
    if auth_last_day > sign_last_day {
        return Ok(());
    }
    let detail =
        format!("SIGN: renewed alone it would end on {auth_last_day} with AUTH; renew AUTH first, or both together");
    Err(Refusal::new("V-15", detail).with_ja(format!(
        "署名用だけを更新しても、利用者証明用と同じ{}に満了します。利用者証明用を先に、または両方を更新してください。",
        in_japanese(auth_last_day)
    )))
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    const TODAY: Day = date!(2025 - 05 - 01);
    const IN_WINDOW: LiveCertificate = LiveCertificate { last_day: date!(2025 - 07 - 07), held: false };
    const BEFORE_WINDOW: LiveCertificate = LiveCertificate { last_day: date!(2026 - 07 - 07), held: false };
    const EXPIRED: LiveCertificate = LiveCertificate { last_day: date!(2025 - 04 - 30), held: false };

    fn held(one: LiveCertificate) -> LiveCertificate {
        LiveCertificate { held: true, ..one }
    }

    fn decide(certificate: Option<LiveCertificate>, asked: Asked) -> Result<Replacement, Refusal> {
        decide_replacement(certificate, asked, TODAY, &Policy::default())
    }

    fn decide_pair(
        auth: Option<LiveCertificate>,
        sign: Option<LiveCertificate>,
        asked: PairAsked,
    ) -> Result<PairReplacement, Refusal> {
        decide_pair_replacement(Holding { auth, sign }, asked, TODAY, &Policy::default())
    }

    const RENEW_SIGN: PairAsked = PairAsked { auth: None, sign: Some(Asked::Renewal) };

    #[test]
    fn v_14_a_new_one_is_the_first_or_a_reissue() {
        assert_eq!(decide(None, Asked::New), Ok(Replacement::First));
        assert_eq!(decide(Some(EXPIRED), Asked::New), Ok(Replacement::Reissue));
        assert_eq!(decide(Some(held(IN_WINDOW)), Asked::New), Ok(Replacement::Reissue));
    }

    #[test]
    fn e_04_a_second_live_one_is_refused_with_the_way_out() {
        let early = decide(Some(BEFORE_WINDOW), Asked::New).unwrap_err();
        assert_eq!(early.rule, "E-04");
        assert!(early.detail.contains("from 2026-04-08"), "{early}");
        assert_eq!(early.earliest, Some(date!(2026 - 04 - 08)));
        let open = decide(Some(IN_WINDOW), Asked::New).unwrap_err();
        assert_eq!(open.rule, "E-04");
        assert!(open.detail.contains("ask for its renewal"), "{open}");
    }

    #[test]
    fn v_12_v_14_a_renewal_needs_a_live_one_in_its_window() {
        assert_eq!(decide(Some(IN_WINDOW), Asked::Renewal), Ok(Replacement::Renewal));
        assert_eq!(decide(Some(BEFORE_WINDOW), Asked::Renewal).unwrap_err().rule, "V-12");
        for other in [None, Some(EXPIRED), Some(held(IN_WINDOW)), Some(held(BEFORE_WINDOW)), Some(held(EXPIRED))] {
            assert_eq!(decide(other, Asked::Renewal).unwrap_err().rule, "V-14", "{other:?}");
        }
    }

    #[test]
    fn v_11_the_window_includes_its_last_day() {
        let today = LiveCertificate { last_day: TODAY, held: false };
        assert_eq!(decide(Some(today), Asked::Renewal), Ok(Replacement::Renewal));
        assert_eq!(decide(Some(today), Asked::New).unwrap_err().rule, "E-04");
    }

    #[test]
    fn v_15_sign_renewed_alone_under_the_same_end_gains_nothing() {
        for bound in [IN_WINDOW, held(IN_WINDOW)] {
            let refusal = decide_pair(Some(bound), Some(IN_WINDOW), RENEW_SIGN).unwrap_err();
            assert_eq!(refusal.rule, "V-15");
            assert!(refusal.detail.contains("renew AUTH first"), "{refusal}");
        }
    }

    #[test]
    fn v_15_sign_renewed_alone_may_catch_up_with_auth() {
        let pair = decide_pair(Some(BEFORE_WINDOW), Some(IN_WINDOW), RENEW_SIGN).unwrap();
        assert_eq!(pair.renewing(), Renewing { auth: false, sign: true });
        assert_eq!(pair.kept_auth_last_day, Some(BEFORE_WINDOW.last_day));
    }

    #[test]
    fn an_auth_that_is_over_replaced_or_absent_bounds_nothing() {
        let both = PairAsked { auth: Some(Asked::Renewal), sign: Some(Asked::Renewal) };
        assert_eq!(decide_pair(Some(IN_WINDOW), Some(IN_WINDOW), both).unwrap().kept_auth_last_day, None);
        assert_eq!(decide_pair(Some(EXPIRED), Some(IN_WINDOW), RENEW_SIGN).unwrap().kept_auth_last_day, None);
        assert_eq!(decide_pair(None, Some(IN_WINDOW), RENEW_SIGN).unwrap().kept_auth_last_day, None);
    }

    #[test]
    fn a_refusal_for_one_kind_refuses_the_pair_and_names_the_kind() {
        let asked = PairAsked { auth: Some(Asked::Renewal), sign: Some(Asked::New) };
        let refusal = decide_pair(Some(IN_WINDOW), Some(IN_WINDOW), asked).unwrap_err();
        assert_eq!(refusal.rule, "E-04");
        assert!(refusal.detail.starts_with("SIGN: "), "{refusal}");
    }
}
