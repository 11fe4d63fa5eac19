//! Same day or two visits: how a procedure runs, by who comes and with what (section 1.2, C-01, C-02).

use serde::{Deserialize, Serialize};

use super::{Refusal, calendar::Day};

/// What is asked for at the counter. JSON form is the kebab-case word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Procedure {
    /// 新規発行: first certificates.
    NewIssue,
    /// 更新: in the window of a live one.
    Renewal,
    /// 再発行: after expiry or revocation.
    Reissue,
    /// 暗証番号の初期化: the PIN is unknown or locked.
    PinReset,
    /// 失効申請.
    Revocation,
    /// カードの返納, which ends both certificates.
    CardReturn,
    /// 一時停止, by telephone.
    Hold,
    /// 一時停止の解除, never by telephone.
    Release,
    /// 顔認証マイナンバーカードへの設定.
    FaceAuthenticationOn,
    /// Back from it.
    FaceAuthenticationOff,
    /// 継続利用 after a move, and 券面更新.
    ContinuedUse,
}

impl Procedure {
    /// Every procedure, in the order of the rule book's table.
    pub const ALL: [Self; 11] = [
        Self::NewIssue,
        Self::Renewal,
        Self::Reissue,
        Self::PinReset,
        Self::Revocation,
        Self::CardReturn,
        Self::Hold,
        Self::Release,
        Self::FaceAuthenticationOn,
        Self::FaceAuthenticationOff,
        Self::ContinuedUse,
    ];

    /// Whether certificates are issued at its end.
    #[must_use]
    pub const fn issues(self) -> bool {
        matches!(self, Self::NewIssue | Self::Renewal | Self::Reissue)
    }
}

/// Who comes, or calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Applicant {
    /// 本人.
    Holder,
    /// 法定代理人 of a person under 15 or of a 成年被後見人.
    StatutoryAgent,
    /// 任意代理人.
    Agent,
    /// 同一世帯員 who hands in a notice of moving (転入, 転居, 国外転出) for the holder too. For what the rule book gives such a
    /// member no privilege for, an [`Agent`](Self::Agent).
    HouseholdMember,
}

impl Applicant {
    /// Everyone who may come.
    pub const ALL: [Self; 4] = [Self::Holder, Self::StatutoryAgent, Self::Agent, Self::HouseholdMember];
}

/// For whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HolderClass {
    /// Who acts for themself.
    #[default]
    Ordinary,
    /// Under 15 (E-05).
    Minor,
    /// 成年被後見人 (E-06).
    Ward,
}

/// A paper that carries the holder's PIN in a sealed envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SealedPaper {
    /// It is filled in, sealed, and its PIN matches the card.
    Fits,
    /// It is there, but open or incomplete.
    Incomplete,
    /// Its PIN is not the card's.
    WrongPin,
}

/// What the counter sees on the day; what is left out is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Presence {
    /// For whom.
    pub holder_class: HolderClass,
    /// Whether the holder has come along with who acts.
    pub holder_came: bool,
    /// 委任状, signed by the holder.
    pub mandate: Option<SealedPaper>,
    /// The 照会書兼回答書 that came with the notice of the agency (W-01).
    pub enclosed_reply: Option<SealedPaper>,
    /// Whether the certificate to be renewed has expired.
    pub expired: bool,
    /// Whether a live AUTH is on the card.
    pub auth_on_card: bool,
    /// Whether the card is a 顔認証マイナンバーカード.
    pub face_authentication: bool,
}

/// The switches of the counter, where towns differ. Each municipality may set its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CounterPolicy {
    /// Whether an agent with the agency's enclosed reply is served on the same day (C-01).
    pub agent_same_day_with_enclosed_reply: bool,
    /// Whether the first of two visits needs the holder's card and the agent's photo ID already (C-02).
    pub strict_first_visit: bool,
    /// Days that the holder has for the reply to a posted inquiry; the statute names none.
    pub reply_days: u16,
    /// Months after which a family register (戸籍) is too old as a proof of power (D-05); none: it does not age.
    pub family_register_months: Option<u16>,
    /// Whether the last day for presenting the card after a move carries over where it is closed (C-09).
    pub closed_days_carry_over: bool,
    /// Whether SIGN may be issued to a person under 15 or an adult ward by the exception of E-07 (C-13); some towns never
    /// do.
    pub exception_path: bool,
    /// Whether who comes is asked for a seal (印鑑), as a few towns still do (C-15). Its absence refuses nothing.
    pub seal: bool,
    /// Whether a paper in a foreign language needs a translation that names its translator (D-06).
    pub translation: bool,
}

impl Default for CounterPolicy {
    fn default() -> Self {
        Self {
            agent_same_day_with_enclosed_reply: true,
            strict_first_visit: true,
            reply_days: 30,
            family_register_months: None,
            closed_days_carry_over: false,
            exception_path: true,
            seal: false,
            translation: true,
        }
    }
}

/// How the procedure runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Course {
    /// By telephone, day and night.
    Telephone,
    /// It ends with this visit.
    SameDay,
    /// An inquiry goes to the holder by post, and who came comes again with the sealed reply (section 1.4).
    TwoVisits(Why),
}

/// Why it takes two visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The rule book asks for the inquiry in every case.
    Always,
    /// There is no sealed paper that would stand for the inquiry.
    NoSealedPaper,
    /// The sealed paper is open or incomplete.
    Incomplete,
    /// The PIN in it is not the card's.
    WrongPin,
    /// The certificate has expired.
    Expired,
    /// The person under 15 or the ward has not come along.
    HolderAbsent,
    /// There is no AUTH on the card, so one has to be issued first.
    NoAuth,
    /// This municipality asks every agent for two visits (C-01).
    Switch,
    /// The holder has no document with a photograph, so the inquiry says who they are (D-03).
    NoPhotoId,
}

/// Decides how a procedure runs (section 1.2).
///
/// # Errors
/// `E-05`, `E-06` for who cannot act alone, `D-05` for a statutory agent of someone who needs none, `P-10` for a PIN that a
/// face-authentication card does not have, `E-09` for face authentication that is on or off already.
pub fn decide_procedure(
    procedure: Procedure,
    applicant: Applicant,
    presence: &Presence,
    policy: &CounterPolicy,
) -> Result<Course, Refusal> {
    check_card(procedure, presence)?;
    check_applicant(procedure, applicant, presence.holder_class)?;
    Ok(match (procedure, applicant) {
        (Procedure::Hold, _) => Course::Telephone,
        (Procedure::FaceAuthenticationOff, Applicant::StatutoryAgent) if !presence.holder_came => {
            Course::TwoVisits(Why::HolderAbsent)
        }
        (_, Applicant::Holder | Applicant::StatutoryAgent) => Course::SameDay,
        (Procedure::NewIssue | Procedure::Reissue, Applicant::HouseholdMember) => with(presence.mandate),
        (Procedure::ContinuedUse, Applicant::HouseholdMember) => Course::SameDay,
        (Procedure::PinReset, Applicant::HouseholdMember) => Course::TwoVisits(Why::Always),
        (_, Applicant::Agent | Applicant::HouseholdMember) => by_agent(procedure, presence, policy),
    })
}

fn by_agent(procedure: Procedure, presence: &Presence, policy: &CounterPolicy) -> Course {
    match procedure {
        Procedure::Renewal if !policy.agent_same_day_with_enclosed_reply => Course::TwoVisits(Why::Switch),
        Procedure::Renewal if presence.expired => Course::TwoVisits(Why::Expired),
        Procedure::Renewal | Procedure::Release => with(presence.enclosed_reply),
        Procedure::CardReturn => on_mandate(presence.mandate),
        Procedure::FaceAuthenticationOn if !presence.auth_on_card => Course::TwoVisits(Why::NoAuth),
        Procedure::FaceAuthenticationOn => match on_mandate(presence.mandate) {
            Course::SameDay => Course::SameDay,
            _ => with(presence.enclosed_reply),
        },
        _ => Course::TwoVisits(Why::Always),
    }
}

/// The same day if a sealed paper with the right PIN is there.
fn with(paper: Option<SealedPaper>) -> Course {
    match paper {
        Some(SealedPaper::Fits) => Course::SameDay,
        Some(SealedPaper::Incomplete) => Course::TwoVisits(Why::Incomplete),
        Some(SealedPaper::WrongPin) => Course::TwoVisits(Why::WrongPin),
        None => Course::TwoVisits(Why::NoSealedPaper),
    }
}

/// The same day if there is a complete 委任状; its PIN is not needed, for nothing is written to the card with it.
fn on_mandate(mandate: Option<SealedPaper>) -> Course {
    match mandate {
        Some(SealedPaper::Fits | SealedPaper::WrongPin) => Course::SameDay,
        other => with(other),
    }
}

fn check_card(procedure: Procedure, presence: &Presence) -> Result<(), Refusal> {
    match procedure {
        Procedure::PinReset if presence.face_authentication => {
            let detail =
                "a face-authentication card has no PIN to reset; end face authentication, and new PINs are set";
            Err(Refusal::new("P-10", detail).with_ja(
                "顔認証マイナンバーカードには初期化する暗証番号がありません。\
                 顔認証の設定を解除すると、新しい暗証番号を設定できます。",
            ))
        }
        Procedure::FaceAuthenticationOn if presence.face_authentication => {
            Err(Refusal::new("E-09", "the card is a face-authentication card already")
                .with_ja("すでに顔認証マイナンバーカードです。")
                .in_case("on"))
        }
        Procedure::FaceAuthenticationOff if !presence.face_authentication => {
            Err(Refusal::new("E-09", "the card is not a face-authentication card")
                .with_ja("顔認証マイナンバーカードではありません。")
                .in_case("off"))
        }
        _ => Ok(()),
    }
}

/// The refusal of who applies in another's place, with today as the day: somebody else may come at once (E-05, E-06, D-05).
#[must_use]
pub fn another_may_come(refusal: Refusal, today: Day) -> Refusal {
    let acts = matches!(refusal.case.as_deref(), Some("agent" | "no-ward"));
    if acts { refusal.possible_from(today) } else { refusal }
}

/// Who cannot act alone is acted for by the statutory agent, and by nobody else: a mandate is given by who can act. Only stopping
/// something is open to everyone, and a card goes on after a move with whoever of the household hands in the notice (section 1.2).
fn check_applicant(procedure: Procedure, applicant: Applicant, class: HolderClass) -> Result<(), Refusal> {
    let stops = matches!(procedure, Procedure::Hold);
    let moves = applicant == Applicant::HouseholdMember && procedure == Procedure::ContinuedUse;
    match (applicant, class) {
        (Applicant::StatutoryAgent, HolderClass::Ordinary) => {
            let detail = "a statutory agent acts for a person under 15 or an adult ward; anyone else sends an agent with a mandate";
            Err(Refusal::new("D-05", detail)
                .with_ja(
                    "法定代理人が申請できるのは15歳未満の方または成年被後見人です。それ以外の方は、\
                     委任状を持った任意代理人が申請します。",
                )
                .in_case("no-ward"))
        }
        (Applicant::StatutoryAgent, _) | (_, HolderClass::Ordinary) => Ok(()),
        (_, HolderClass::Minor) if !stops && !moves => {
            Err(Refusal::new("E-05", "the statutory agent acts for a person under 15, and sets the PIN")
                .with_ja("15歳未満の方は法定代理人が手続し、暗証番号も法定代理人が設定します。")
                .in_case("agent"))
        }
        (_, HolderClass::Ward) if !stops && !moves => Err(Refusal::new("E-06", "the guardian acts for an adult ward")
            .with_ja("成年被後見人は成年後見人が手続します。")
            .in_case("agent")),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "procedure_table.rs"]
mod procedure_table;
