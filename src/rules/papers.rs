//! Which papers a visit needs (D-01 to D-06, C-02, C-03, C-15).

use serde::{Deserialize, Serialize};
use time::macros::date;

use super::{
    Refusal,
    calendar::{Day, minus_months},
    era::in_japanese,
    procedure::{Applicant, CounterPolicy, Course, HolderClass, Procedure, Why},
};

/// Something to bring, or to know. JSON form is the kebab-case word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Paper {
    /// The holder's card.
    Card,
    /// The PINs of the certificates concerned.
    Pin,
    /// 住民基本台帳用暗証番号.
    RegisterPin,
    /// One document of [`PHOTO_IDS`] of the holder, beside the card.
    HolderPhotoId,
    /// One document of [`PHOTO_IDS`] of who acts for the holder.
    AgentPhotoId,
    /// 戸籍謄本 or 登記事項証明書.
    ProofOfPower,
    /// 委任状, signed by the holder; sealed where it carries a PIN.
    Mandate,
    /// The 照会書兼回答書 that came with the agency's notice, filled in and sealed.
    EnclosedReply,
    /// The 照会書兼回答書 that the municipality posted, filled in by the holder and sealed.
    PostedReply,
    /// The original of the application of the first visit.
    FirstApplication,
    /// The notice of moving that is handed in along with it.
    MoveNotice,
    /// The holder in person.
    HolderInPerson,
    /// Another document that the mayor accepts, where an inquiry stands in for the photo ID (D-03).
    OtherDocument,
    /// 印鑑, where the town still asks for one (C-15).
    Seal,
}

/// Which visit of two; a procedure of one day has only the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Visit {
    /// The first, or the only one.
    First,
    /// The second, with the reply.
    Second,
}

/// What decides about papers beside the procedure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaperFacts {
    /// For whom.
    pub holder_class: HolderClass,
    /// Whether the statutory agent is of the same household as the holder.
    pub same_household: bool,
    /// Whether the holder's 本籍 is in the municipality and the parenthood can be seen there.
    pub parenthood_on_record: bool,
    /// Whether the card is a face-authentication card, which has no PIN.
    pub face_authentication: bool,
}

/// Decides which papers a visit needs, in the order in which the counter asks for them; a seal only where the town's
/// switch says so (C-15). Nothing is brought for a telephone call.
#[must_use]
pub fn decide_papers(
    (procedure, applicant): (Procedure, Applicant),
    course: Course,
    visit: Visit,
    facts: &PaperFacts,
    policy: &CounterPolicy,
) -> Vec<Paper> {
    let two = matches!(course, Course::TwoVisits(_));
    if course == Course::Telephone || (visit == Visit::Second && !two) {
        return Vec::new();
    }
    let lenient = two && visit == Visit::First && !policy.strict_first_visit;
    let mut papers = Vec::new();
    if !lenient {
        papers.push(Paper::Card);
    }
    if applicant == Applicant::Holder {
        let inquired = course == Course::TwoVisits(Why::NoPhotoId);
        papers.extend((procedure == Procedure::PinReset && !inquired).then_some(Paper::HolderPhotoId));
        papers.extend(inquired.then_some(Paper::OtherDocument));
    } else if !lenient {
        // 規5② asks for it at every visit, also where a town's list leaves it out (C-03).
        papers.push(Paper::AgentPhotoId);
    }
    match applicant {
        Applicant::Holder => {}
        Applicant::StatutoryAgent if needs_proof_of_power(facts) => papers.push(Paper::ProofOfPower),
        Applicant::StatutoryAgent => {}
        Applicant::Agent | Applicant::HouseholdMember if two => {}
        Applicant::Agent if matches!(procedure, Procedure::Renewal | Procedure::Release) => {
            papers.push(Paper::EnclosedReply);
        }
        Applicant::Agent => papers.push(Paper::Mandate),
        Applicant::HouseholdMember => {
            papers.extend((procedure != Procedure::ContinuedUse).then_some(Paper::Mandate));
            papers.push(Paper::MoveNotice);
        }
    }
    if applicant == Applicant::StatutoryAgent && procedure == Procedure::FaceAuthenticationOff && !two {
        papers.push(Paper::HolderInPerson);
    }
    match (two, visit) {
        (true, Visit::First) => {
            papers.extend((policy.seal && !lenient).then_some(Paper::Seal));
            return papers;
        }
        (true, Visit::Second) => papers.extend([Paper::PostedReply, Paper::FirstApplication]),
        _ => {}
    }
    papers.extend(pin(procedure, applicant, two).filter(|_| !facts.face_authentication));
    papers.extend(policy.seal.then_some(Paper::Seal));
    papers
}

/// The PIN that is entered at the end. An agent's is in the sealed paper; stopping something needs none (P-10, D-01).
fn pin(procedure: Procedure, applicant: Applicant, two: bool) -> Option<Paper> {
    match procedure {
        Procedure::ContinuedUse => Some(Paper::RegisterPin),
        Procedure::NewIssue | Procedure::Renewal | Procedure::Reissue | Procedure::Release => {
            (matches!(applicant, Applicant::Holder | Applicant::StatutoryAgent) && !two).then_some(Paper::Pin)
        }
        _ => None,
    }
}

fn needs_proof_of_power(facts: &PaperFacts) -> bool {
    let parent_is_evident = facts.same_household || facts.parenthood_on_record;
    !(facts.holder_class == HolderClass::Minor && parent_is_evident)
}

/// Refuses a proof of power that is too old for the municipality, or of a day to come (D-05).
///
/// # Errors
/// `D-05`.
pub fn check_proof_of_power(issued: Day, today: Day, policy: &CounterPolicy) -> Result<(), Refusal> {
    if issued > today {
        return Err(Refusal::new("D-05", format!("the proof of power is of {issued}, a day to come"))
            .with_ja(format!("代理権を証する書類の発行日（{}）が未来の日付です。", in_japanese(issued)))
            .in_case("day"));
    }
    let Some(months) = policy.family_register_months else { return Ok(()) };
    let oldest = minus_months(today, months).unwrap_or(Day::MIN);
    if issued < oldest {
        let detail = format!("the proof of power is of {issued}; here it must be of {oldest} or later");
        return Err(Refusal::new("D-05", detail)
            .with_ja(format!(
                "代理権を証する書類の発行日は{}です。この市区町村では{}以後のものに限ります。",
                in_japanese(issued),
                in_japanese(oldest)
            ))
            .in_case("day"));
    }
    Ok(())
}

/// 運転経歴証明書 counts from this day of issue on.
const DRIVING_RECORD_FROM: Day = date!(2012 - 04 - 01);

/// The documents with a photograph that prove who somebody is (規5, 41 and 別表; D-02).
pub const PHOTO_IDS: [&str; 26] = [
    "旅券",
    "在留カード",
    "特別永住者証明書",
    "一時庇護許可書",
    "仮滞在許可書",
    "個人番号カード",
    "官公庁職員身分証明書",
    "運転免許証",
    "運転経歴証明書",
    "船員手帳",
    "海技免状",
    "小型船舶操縦免許証",
    "猟銃・空気銃所持許可証",
    "身体障害者手帳",
    "戦傷病者手帳",
    "宅地建物取引士証",
    "電気工事士免状",
    "無線従事者免許証",
    "認定電気工事従事者認定証",
    "特種電気工事資格者認定証",
    "耐空検査員の証",
    "航空従事者技能証明書",
    "運航管理者技能検定合格証明書",
    "動力車操縦者運転免許証",
    "教習資格認定証",
    "検定合格証",
];

/// Other words for some of them, as people and the rule book have it.
const ALSO_CALLED: [(&str, &str); 3] =
    [("マイナンバーカード", "個人番号カード"), ("官公庁職員身分証", "官公庁職員身分証明書"), ("パスポート", "旅券")];

/// Takes a document with a photograph, by its name (D-02).
///
/// # Errors
/// `D-04` for what is none: without one nobody acts as an agent, and a holder answers an inquiry by post (D-03).
pub fn decide_photo_id(name: &str, issued: Option<Day>) -> Result<&'static str, Refusal> {
    let name = ALSO_CALLED.into_iter().find(|(called, _)| *called == name).map_or(name, |(_, known)| known);
    let known = PHOTO_IDS.into_iter().find(|known| *known == name);
    let known = known.ok_or_else(|| {
        let detail = format!("this is no official document with a photograph; one of {}", PHOTO_IDS.join("、"));
        Refusal::new("D-04", detail).with_ja(format!(
            "官公署が発行した顔写真付きの本人確認書類ではありません。次のいずれかを確認してください：{}",
            PHOTO_IDS.join("、")
        ))
    })?;
    if known == "運転経歴証明書" && issued.is_none_or(|issued| issued < DRIVING_RECORD_FROM) {
        return Err(Refusal::new(
            "D-04",
            format!("a 運転経歴証明書 counts if it is of {DRIVING_RECORD_FROM} or later"),
        )
        .with_ja(format!("運転経歴証明書は{}以後に交付されたものに限ります。", in_japanese(DRIVING_RECORD_FROM))));
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Course = Course::TwoVisits(Why::Always);

    fn papers(what: (Procedure, Applicant), course: Course, visit: Visit, facts: PaperFacts) -> Vec<Paper> {
        decide_papers(what, course, visit, &facts, &CounterPolicy::default())
    }

    #[test]
    fn d_01_the_holder_brings_the_card_and_knows_the_pin() {
        let of =
            |procedure| papers((procedure, Applicant::Holder), Course::SameDay, Visit::First, PaperFacts::default());
        assert_eq!(of(Procedure::Renewal), [Paper::Card, Paper::Pin]);
        assert_eq!(of(Procedure::Revocation), [Paper::Card], "no PIN for revocation");
        assert_eq!(of(Procedure::PinReset), [Paper::Card, Paper::HolderPhotoId]);
        assert_eq!(of(Procedure::ContinuedUse), [Paper::Card, Paper::RegisterPin]);
        let face = PaperFacts { face_authentication: true, ..PaperFacts::default() };
        let continued = (Procedure::ContinuedUse, Applicant::Holder);
        assert_eq!(papers(continued, Course::SameDay, Visit::First, face), [Paper::Card]);
    }

    #[test]
    fn d_02_only_official_documents_with_a_photograph_count() {
        for known in PHOTO_IDS {
            assert_eq!(decide_photo_id(known, Some(DRIVING_RECORD_FROM)), Ok(known));
        }
        for (called, known) in ALSO_CALLED {
            assert_eq!(decide_photo_id(called, None), Ok(known));
            assert!(PHOTO_IDS.contains(&known) && !PHOTO_IDS.contains(&called));
        }
        let refusal = decide_photo_id("社員証", None).unwrap_err();
        assert!(PHOTO_IDS.iter().all(|known| refusal.detail.contains(known)), "{}", refusal.detail);
        for other in ["", "健康保険証", "学生証", "運転免許証 ", "社員証", "年金手帳"] {
            assert_eq!(decide_photo_id(other, None).unwrap_err().rule, "D-04", "{other}");
        }
        for issued in [None, Some(date!(2012 - 03 - 31))] {
            assert_eq!(decide_photo_id("運転経歴証明書", issued).unwrap_err().rule, "D-04");
        }
    }

    #[test]
    fn d_04_c_03_an_agent_shows_a_photo_id_at_every_visit() {
        for procedure in Procedure::ALL {
            for applicant in [Applicant::StatutoryAgent, Applicant::Agent, Applicant::HouseholdMember] {
                for (course, visit) in [(Course::SameDay, Visit::First), (TWO, Visit::First), (TWO, Visit::Second)] {
                    let papers = papers((procedure, applicant), course, visit, PaperFacts::default());
                    assert!(papers.contains(&Paper::AgentPhotoId), "{procedure:?} {applicant:?} {visit:?}");
                    assert!(papers.contains(&Paper::Card));
                }
            }
        }
    }

    #[test]
    fn d_04_the_second_visit_brings_the_reply_and_the_first_application() {
        let second = papers((Procedure::NewIssue, Applicant::Agent), TWO, Visit::Second, PaperFacts::default());
        assert_eq!(second, [Paper::Card, Paper::AgentPhotoId, Paper::PostedReply, Paper::FirstApplication]);
        let none =
            papers((Procedure::NewIssue, Applicant::Holder), Course::SameDay, Visit::Second, PaperFacts::default());
        assert_eq!(none, []);
    }

    #[test]
    fn d_04_the_same_day_needs_the_paper_that_stands_for_the_inquiry() {
        let of =
            |procedure, applicant| papers((procedure, applicant), Course::SameDay, Visit::First, PaperFacts::default());
        assert!(of(Procedure::Renewal, Applicant::Agent).contains(&Paper::EnclosedReply));
        assert!(of(Procedure::CardReturn, Applicant::Agent).contains(&Paper::Mandate));
        let member = of(Procedure::NewIssue, Applicant::HouseholdMember);
        assert!(member.contains(&Paper::Mandate) && member.contains(&Paper::MoveNotice));
    }

    #[test]
    fn d_05_a_parent_of_the_household_or_on_record_needs_no_proof() {
        for bits in 0..8_u8 {
            let holder_class = if bits & 1 == 0 { HolderClass::Minor } else { HolderClass::Ward };
            let facts = PaperFacts {
                holder_class,
                same_household: bits & 2 != 0,
                parenthood_on_record: bits & 4 != 0,
                ..PaperFacts::default()
            };
            let what = (Procedure::NewIssue, Applicant::StatutoryAgent);
            let needed = papers(what, Course::SameDay, Visit::First, facts).contains(&Paper::ProofOfPower);
            assert_eq!(needed, bits & 1 != 0 || bits == 0, "{facts:?}");
        }
    }

    #[test]
    fn d_05_an_old_family_register_is_refused_where_the_town_says_so() {
        let three = CounterPolicy { family_register_months: Some(3), ..CounterPolicy::default() };
        let today = date!(2025 - 05 - 31);
        assert!(check_proof_of_power(date!(2025 - 02 - 28), today, &three).is_ok());
        assert_eq!(check_proof_of_power(date!(2025 - 02 - 27), today, &three).unwrap_err().rule, "D-05");
        assert!(check_proof_of_power(date!(1990 - 01 - 01), today, &CounterPolicy::default()).is_ok());
        assert_eq!(check_proof_of_power(date!(2025 - 06 - 01), today, &three).unwrap_err().rule, "D-05");
    }

    #[test]
    fn c_02_a_lenient_town_takes_the_first_application_without_card_and_id() {
        let lenient = CounterPolicy { strict_first_visit: false, ..CounterPolicy::default() };
        let what = (Procedure::NewIssue, Applicant::Agent);
        let first = |policy| decide_papers(what, TWO, Visit::First, &PaperFacts::default(), policy);
        assert_eq!(first(&lenient), []);
        assert_eq!(first(&CounterPolicy::default()), [Paper::Card, Paper::AgentPhotoId]);
        let second = decide_papers(what, TWO, Visit::Second, &PaperFacts::default(), &lenient);
        assert!(second.contains(&Paper::Card) && second.contains(&Paper::AgentPhotoId));
    }

    #[test]
    fn c_15_a_seal_is_asked_for_only_where_the_town_s_switch_says_so() {
        // 洲本市: 「必要なもの マイナンバーカード、印鑑」.
        let sumoto = CounterPolicy { seal: true, ..CounterPolicy::default() };
        for (procedure, applicant) in Procedure::ALL.into_iter().flat_map(|one| Applicant::ALL.map(|who| (one, who))) {
            for (course, visit) in [(Course::SameDay, Visit::First), (TWO, Visit::First), (TWO, Visit::Second)] {
                let with =
                    |policy| decide_papers((procedure, applicant), course, visit, &PaperFacts::default(), policy);
                let (plain, sealed) = (with(&CounterPolicy::default()), with(&sumoto));
                assert!(!plain.contains(&Paper::Seal), "{procedure:?} {applicant:?}");
                assert_eq!(sealed, [plain, vec![Paper::Seal]].concat(), "{procedure:?} {applicant:?}");
            }
        }
        // Where the first visit takes no papers at all, it takes no seal.
        let neither = CounterPolicy { strict_first_visit: false, ..sumoto };
        let first = (Procedure::NewIssue, Applicant::Agent);
        assert_eq!(decide_papers(first, TWO, Visit::First, &PaperFacts::default(), &neither), []);
    }

    #[test]
    fn d_01_nothing_is_brought_to_the_telephone() {
        let hold = (Procedure::Hold, Applicant::Holder);
        assert_eq!(papers(hold, Course::Telephone, Visit::First, PaperFacts::default()), []);
    }
}
