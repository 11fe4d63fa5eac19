//! Where a procedure is done: which desk, by which channel (E-02, E-13, W-04).

use serde::{Deserialize, Serialize};
use time::macros::date;

use super::{
    Refusal,
    calendar::Day,
    era::in_japanese,
    procedure::{Applicant, Procedure},
};

/// The first day on which another municipality than that of residence may take applications (法3⑩, 令24 1-2; E-02).
const ELSEWHERE_FROM: Day = date!(2024 - 05 - 27);

/// The way by which applications reach the agency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// The counter of a municipality.
    #[default]
    Counter,
    /// The immigration agency, for 特定在留カード from 2026-06-14.
    ImmigrationAgency,
}

/// Decides whether applications come by this channel; the counter is the only one there is.
///
/// # Errors
/// `E-13` for every other channel.
pub fn decide_channel(channel: Channel) -> Result<(), Refusal> {
    match channel {
        Channel::Counter => Ok(()),
        Channel::ImmigrationAgency => {
            Err(Refusal::new("E-13", "applications through the immigration agency are not taken yet")
                .with_ja("出入国在留管理庁を経由した申請は、まだ受け付けていません。"))
        }
    }
}

/// A desk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Desk {
    /// The town hall of the municipality of residence; in a designated city, of the ward.
    #[default]
    TownHall,
    /// A branch office of it (支所, 出張所, 区民事務所).
    Branch,
    /// A post office that it has designated.
    PostOffice,
    /// Another municipality, in a case that the ordinance sets. That of residence issues all the same.
    OtherMunicipality,
}

/// What a municipality's desks can do (W-04); each has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capabilities {
    /// Whether branch offices handle certificates.
    pub branches: bool,
    /// Whether the municipality has designated post offices.
    pub post_offices: bool,
    /// Whether applications that another municipality has taken are accepted.
    pub other_municipalities: bool,
    /// Whether the town hall works by appointment (予約制).
    pub by_appointment: bool,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self { branches: true, post_offices: false, other_municipalities: false, by_appointment: false }
    }
}

/// What to know before going to a desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeskTerms {
    /// Come as you like.
    WalkIn,
    /// Make an appointment first.
    ByAppointment,
}

/// Decides whether a desk does it.
///
/// # Errors
/// `E-02` for a desk that may not act for the holder, `W-04` for one that this municipality has not equipped.
pub fn decide_desk(
    desk: Desk,
    procedure: Procedure,
    applicant: Applicant,
    capabilities: &Capabilities,
    today: Day,
) -> Result<DeskTerms, Refusal> {
    match desk {
        Desk::TownHall if capabilities.by_appointment => Ok(DeskTerms::ByAppointment),
        Desk::TownHall => Ok(DeskTerms::WalkIn),
        Desk::Branch if capabilities.branches => Ok(DeskTerms::WalkIn),
        Desk::Branch => {
            Err(Refusal::new("W-04", "branch offices do not handle certificates here; go to the town hall")
                .with_ja("この市区町村では、支所・出張所では電子証明書の手続を行えません。本庁へお越しください。"))
        }
        Desk::PostOffice => post_office(procedure, applicant, capabilities),
        Desk::OtherMunicipality => other_municipality(procedure, capabilities, today),
    }
}

fn post_office(procedure: Procedure, applicant: Applicant, capabilities: &Capabilities) -> Result<DeskTerms, Refusal> {
    if !capabilities.post_offices {
        return Err(Refusal::new("W-04", "the municipality has designated no post office; go to the town hall")
            .with_ja("この市区町村では、郵便局での手続を行えません。本庁へお越しください。"));
    }
    if applicant != Applicant::Holder {
        return Err(Refusal::new("E-02", "a post office serves the holder in person only")
            .with_ja("郵便局で手続できるのは本人に限ります。")
            .in_case("post-office"));
    }
    match procedure {
        Procedure::NewIssue | Procedure::Renewal | Procedure::Reissue | Procedure::PinReset => Ok(DeskTerms::WalkIn),
        _ => {
            let detail = "a post office issues, renews and resets PINs, and nothing else";
            Err(Refusal::new("E-02", detail)
                .with_ja("郵便局で行えるのは発行、更新、暗証番号の初期化に限ります。")
                .in_case("post-office"))
        }
    }
}

fn other_municipality(procedure: Procedure, capabilities: &Capabilities, today: Day) -> Result<DeskTerms, Refusal> {
    if today < ELSEWHERE_FROM {
        let detail = format!("another municipality takes applications from {ELSEWHERE_FROM} on");
        return Err(Refusal::new("E-02", detail)
            .with_ja(format!("住所地以外の市区町村での受付は{}からです。", in_japanese(ELSEWHERE_FROM)))
            .possible_from(ELSEWHERE_FROM));
    }
    let taken = matches!(procedure, Procedure::NewIssue | Procedure::Renewal | Procedure::Reissue);
    if !taken || !capabilities.other_municipalities {
        return Err(
            Refusal::new("E-02", "go to the municipality of residence").with_ja("住所地の市区町村で手続してください。")
        );
    }
    Ok(DeskTerms::WalkIn)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Day = date!(2025 - 05 - 01);
    const ALL: Capabilities =
        Capabilities { branches: true, post_offices: true, other_municipalities: true, by_appointment: false };

    fn rule(desk: Desk, procedure: Procedure, applicant: Applicant, capabilities: Capabilities) -> Option<String> {
        let decided = decide_desk(desk, procedure, applicant, &capabilities, TODAY);
        decided.err().map(|refusal| refusal.rule.into_owned())
    }

    #[test]
    fn e_02_the_municipality_of_residence_does_all_and_others_what_the_ordinance_says() {
        use Procedure::*;
        for procedure in Procedure::ALL {
            for applicant in Applicant::ALL {
                assert_eq!(rule(Desk::TownHall, procedure, applicant, Capabilities::default()), None);
                let post =
                    matches!(procedure, NewIssue | Renewal | Reissue | PinReset) && applicant == Applicant::Holder;
                let refused = |allowed: bool| (!allowed).then(|| "E-02".to_owned());
                assert_eq!(rule(Desk::PostOffice, procedure, applicant, ALL), refused(post), "{procedure:?}");
                let other = matches!(procedure, NewIssue | Renewal | Reissue);
                assert_eq!(rule(Desk::OtherMunicipality, procedure, applicant, ALL), refused(other), "{procedure:?}");
                let none = Capabilities::default();
                assert_eq!(rule(Desk::OtherMunicipality, procedure, applicant, none), refused(false));
            }
        }
        let before = decide_desk(Desk::OtherMunicipality, Renewal, Applicant::Holder, &ALL, date!(2024 - 05 - 26));
        assert_eq!(before.unwrap_err().earliest, Some(ELSEWHERE_FROM));
    }

    #[test]
    fn w_04_each_town_has_its_own_desks() {
        // 伊丹市: no branches, by appointment. 杉並区 and 吹田市: branches too. 藤井寺市: no post office.
        let itami = Capabilities { branches: false, by_appointment: true, ..Capabilities::default() };
        let decide = |desk, town: &Capabilities| decide_desk(desk, Procedure::Renewal, Applicant::Holder, town, TODAY);
        assert_eq!(decide(Desk::TownHall, &itami), Ok(DeskTerms::ByAppointment));
        assert_eq!(decide(Desk::Branch, &itami).unwrap_err().rule, "W-04");
        assert_eq!(decide(Desk::Branch, &Capabilities::default()), Ok(DeskTerms::WalkIn));
        assert_eq!(decide(Desk::TownHall, &Capabilities::default()), Ok(DeskTerms::WalkIn));
        assert_eq!(decide(Desk::PostOffice, &Capabilities::default()).unwrap_err().rule, "W-04");
        assert!(serde_json::from_str::<Capabilities>(r#"{"branch":true}"#).is_err());
    }

    #[test]
    fn e_13_the_counter_is_the_only_channel_and_that_of_the_immigration_agency_has_its_word() {
        assert_eq!(serde_json::from_str::<Channel>(r#""counter""#).unwrap(), Channel::default());
        assert_eq!(decide_channel(Channel::default()), Ok(()));
        let known: Channel = serde_json::from_str(r#""immigration-agency""#).unwrap();
        let refusal = decide_channel(known).unwrap_err();
        assert_eq!(refusal.rule, "E-13");
        assert!(refusal.detail.contains("not taken yet"), "{refusal}");
        for other in ["online", "", "Counter"] {
            assert!(serde_json::from_value::<Channel>(other.into()).is_err(), "{other}");
        }
    }
}
