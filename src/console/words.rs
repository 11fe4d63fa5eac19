//! The words of the pages in both languages: those of the towns' own forms in Japanese, those of the field in English.

use crate::{
    kind::Kind,
    ports::{ConsentEndCause, Role},
    rules::{
        Cause, CertificateState, ConsentScope, Purpose, Query, Sex,
        afterwards::Told,
        application::{ApplicationEvent, ApplicationState, Defect},
        face_authentication::FaceStep,
        papers::Paper,
        procedure::{Applicant, Procedure, Why},
    },
};

/// Something said in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Say {
    pub(super) ja: String,
    pub(super) en: String,
}

impl Say {
    pub(super) fn new(ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self { ja: ja.into(), en: en.into() }
    }

    /// In that language.
    pub(super) fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Japanese => &self.ja,
            Language::English => &self.en,
        }
    }
}

/// The language of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Japanese,
    English,
}

impl Language {
    /// The tag, BCP 47.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Japanese => "ja",
            Self::English => "en",
        }
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Self::Japanese => Self::English,
            Self::English => Self::Japanese,
        }
    }

    pub(super) fn from_tag(tag: &str) -> Option<Self> {
        [Self::Japanese, Self::English].into_iter().find(|language| language.tag() == tag)
    }

    /// What was chosen, else the first that the browser names, else Japanese.
    pub(super) fn of(chosen: Option<&str>, accepted: Option<&str>) -> Self {
        let named = accepted.into_iter().flat_map(|accepted| accepted.split(','));
        let primary = |tag: &str| tag.split([';', '-']).next().map(|tag| tag.trim().to_ascii_lowercase());
        let mut first = named.filter_map(primary).filter_map(|tag| Self::from_tag(&tag));
        chosen.and_then(Self::from_tag).or_else(|| first.next()).unwrap_or(Self::Japanese)
    }
}

/// What is said above a fault of the service itself, by its HTTP status.
pub(super) fn fault(status: u16) -> Option<Say> {
    Some(match status {
        409 => Say::new("この方の別の手続を処理中です", "Another request for this holder is being answered"),
        429 => Say::new("ただいま混み合っています", "The service is busy"),
        500 => Say::new("障害が発生しました", "The service has a fault"),
        503 => Say::new("ただいまご利用になれません", "The service cannot do this now"),
        _ => return None,
    })
}

pub(super) fn kind(kind: Kind) -> Say {
    match kind {
        Kind::Sign => Say::new("署名用電子証明書", "Signing certificate"),
        Kind::Auth => Say::new("利用者証明用電子証明書", "Authentication certificate"),
    }
}

pub(super) fn state(state: CertificateState) -> Say {
    match state {
        CertificateState::Reserved => Say::new("発行中", "being issued"),
        CertificateState::Live => Say::new("有効", "live"),
        CertificateState::Held => Say::new("一時停止中", "held"),
        CertificateState::Revoked => Say::new("失効", "revoked"),
        CertificateState::Expired => Say::new("期間満了", "expired"),
    }
}

pub(super) fn role(role: Role) -> Say {
    match role {
        Role::Municipality => Say::new("市区町村窓口", "Municipal counter"),
        Role::Operator => Say::new("運用者", "Operator"),
        Role::RelyingParty => Say::new("署名検証者等", "Relying party"),
        Role::Auditor => Say::new("監査人", "Auditor"),
        Role::CallCentre => Say::new("コールセンター", "Call centre"),
        Role::Holder => Say::new("利用者ご本人", "Holder"),
    }
}

pub(super) fn procedure(procedure: Procedure) -> Say {
    match procedure {
        Procedure::NewIssue => Say::new("新規発行", "New issue"),
        Procedure::Renewal => Say::new("更新", "Renewal"),
        Procedure::Reissue => Say::new("再発行", "Reissue"),
        Procedure::PinReset => Say::new("暗証番号の初期化", "PIN reset"),
        Procedure::Revocation => Say::new("失効申請", "Revocation"),
        Procedure::CardReturn => Say::new("カードの返納", "Return of the card"),
        Procedure::Hold => Say::new("一時停止", "Hold"),
        Procedure::Release => Say::new("一時停止の解除", "Release"),
        Procedure::FaceAuthenticationOn => Say::new("顔認証カードへの設定", "Face authentication on"),
        Procedure::FaceAuthenticationOff => Say::new("顔認証カードの解除", "Face authentication off"),
        Procedure::ContinuedUse => Say::new("継続利用・券面更新", "Continued use of the card"),
    }
}

pub(super) fn applicant(applicant: Applicant) -> Say {
    match applicant {
        Applicant::Holder => Say::new("本人", "The holder"),
        Applicant::StatutoryAgent => Say::new("法定代理人", "Statutory agent"),
        Applicant::Agent => Say::new("任意代理人", "Agent"),
        Applicant::HouseholdMember => Say::new("同一世帯員", "Household member with a notice of moving"),
    }
}

pub(super) fn paper(paper: Paper) -> Say {
    match paper {
        Paper::Card => Say::new("本人のマイナンバーカード", "The holder's card"),
        Paper::Pin => Say::new("電子証明書の暗証番号", "The PINs of the certificates"),
        Paper::RegisterPin => Say::new("住民基本台帳用暗証番号", "The register PIN (住基用PIN)"),
        Paper::HolderPhotoId => Say::new("本人の顔写真付き本人確認書類", "Photo ID of the holder, beside the card"),
        Paper::AgentPhotoId => {
            Say::new("代理人の顔写真付き本人確認書類（官公庁発行）", "Official photo ID of who acts for the holder")
        }
        Paper::ProofOfPower => {
            Say::new("戸籍謄本または登記事項証明書", "Proof of power: family register or guardianship record")
        }
        Paper::Mandate => Say::new("委任状", "Mandate (委任状), signed by the holder"),
        Paper::EnclosedReply => Say::new(
            "更新案内に同封の照会書兼回答書（記入・封入済み）",
            "The reply form enclosed in the notice, filled in and sealed",
        ),
        Paper::PostedReply => Say::new(
            "郵送した照会書兼回答書（本人記入・封入済み）",
            "The posted reply form, filled in by the holder and sealed",
        ),
        Paper::FirstApplication => {
            Say::new("1回目に記入した申請書の原本", "The original application of the first visit")
        }
        Paper::MoveNotice => Say::new("転入・転居・国外転出の届出", "The notice of moving"),
        Paper::HolderInPerson => Say::new("本人の同行", "The holder in person"),
        Paper::OtherDocument => Say::new("市区町村長が適当と認める書類", "Another document that the mayor accepts"),
        Paper::Seal => Say::new("印鑑", "Seal (印鑑)"),
    }
}

pub(super) fn why(why: Why) -> Say {
    match why {
        Why::Always => Say::new("この手続きは必ず文書照会を行います", "this procedure always asks by letter"),
        Why::NoSealedPaper => {
            Say::new("封入された書面がないため", "there is no sealed paper that stands for the inquiry")
        }
        Why::Incomplete => Say::new("書面が開封済みまたは記入漏れのため", "the sealed paper is open or incomplete"),
        Why::WrongPin => Say::new("暗証番号が照合できないため", "the PIN in the paper is not the card's"),
        Why::Expired => Say::new("有効期限を過ぎているため", "the certificate has expired"),
        Why::HolderAbsent => Say::new("本人が同行していないため", "the holder has not come along"),
        Why::NoAuth => Say::new("利用者証明用電子証明書がないため", "no authentication certificate is on the card"),
        Why::Switch => {
            Say::new("当市区町村では代理人は2回の来庁が必要なため", "this municipality asks every agent for two visits")
        }
        Why::NoPhotoId => {
            Say::new("顔写真付き本人確認書類がないため", "there is no photo ID, so the inquiry identifies the holder")
        }
    }
}

pub(super) fn cause(cause: Cause) -> Say {
    match cause {
        Cause::HolderApplication => Say::new("本人の失効申請", "applied for by the holder"),
        Cause::KeyCompromise => Say::new("秘密鍵の漏えい・盗難", "private key leaked or stolen"),
        Cause::CardDamaged => Say::new("カードの損傷・ICチップ不良", "card damaged or chip dead"),
        Cause::RegisterEntryChanged => {
            Say::new("住民票の記載の変更（転居・転入・婚姻等）", "register entry changed (move, name)")
        }
        Cause::MinorCorrection => Say::new("軽微な修正", "minor correction"),
        Cause::Death => Say::new("住民票の消除", "removed from the register"),
        Cause::MoveOut => Say::new("転出", "moved out"),
        Cause::MoveInMissed => Say::new("転入届なし（30日経過）", "no notice of moving in within 30 days"),
        Cause::CardVoidAfterMove => {
            Say::new("継続利用の期限経過によるカード失効", "card void by the deadlines of moving")
        }
        Cause::OverseasMove => Say::new("国外転出", "moved abroad"),
        Cause::OverseasMoveWithContinuedUse => Say::new("国外転出（継続利用）", "moved abroad with continued use"),
        Cause::CardLost => Say::new("カード紛失による一時停止", "held: card lost"),
        Cause::CardFound => Say::new("一時停止の解除", "released: card found"),
        Cause::CardReissuedAfterLoss => Say::new("紛失によるカード再交付", "card made anew after loss"),
        Cause::CardReissuedAfterDamage => Say::new("損傷によるカード再交付", "card made anew after damage"),
        Cause::CardReturned => Say::new("カードの返納", "card returned"),
        Cause::CardExpired => Say::new("カードの有効期間満了", "card expired"),
        Cause::RecordError => Say::new("記録の誤り", "record found wrong"),
        Cause::DuplicateIssue => Say::new("二重発行", "issued twice"),
        Cause::CaKeyCompromise => Say::new("認証局の署名鍵の危殆化", "key of the CA compromised"),
        Cause::Renewal => Say::new("更新・再発行", "replaced by a new one"),
        Cause::DiscardedBeforeDelivery => Say::new("交付前に破棄", "discarded before delivery"),
        Cause::FaceAuthenticationOn => Say::new("顔認証カードへの設定", "face authentication switched on"),
    }
}

pub(super) fn face_step(step: FaceStep) -> Say {
    match step {
        FaceStep::IssueAuth => {
            Say::new("先に利用者証明用電子証明書を発行する", "Issue the authentication certificate first")
        }
        FaceStep::RevokeSign => Say::new("署名用電子証明書を失効する", "Revoke the signing certificate"),
        FaceStep::DisablePins => Say::new("4種類の暗証番号を使用不可にする", "Disable all four PINs"),
        FaceStep::Print => Say::new("追記欄に「顔認証」と印字する", "Print 「顔認証」 on the card"),
        FaceStep::SetFlag => Say::new("顔認証の設定をする", "Set the card's flag"),
        FaceStep::SetPins => Say::new("暗証番号を設定する", "Set new PINs"),
        FaceStep::ClearFlag => Say::new("顔認証の設定を解除する", "Clear the card's flag"),
    }
}

pub(super) fn application_state(state: ApplicationState) -> Say {
    match state {
        ApplicationState::Received => Say::new("受付済み", "received"),
        ApplicationState::InquirySent => Say::new("照会書発送・回答待ち", "inquiry posted, reply awaited"),
        ApplicationState::InquiryReturned => Say::new("照会書返戻", "inquiry came back"),
        ApplicationState::ReplyReceived => Say::new("回答書受領", "reply handed in"),
        ApplicationState::ReplyDefective => Say::new("回答書不備", "reply does not do"),
        ApplicationState::Verified => Say::new("審査済み", "verified"),
        ApplicationState::KeyGenerated => Say::new("鍵ペア生成済み", "keys made"),
        ApplicationState::SentToCa => Say::new("発行要求中", "with the CA"),
        ApplicationState::Issued => Say::new("発行済み", "issued"),
        ApplicationState::WrittenToCard => Say::new("カード記録済み", "written to the card"),
        ApplicationState::Delivered => Say::new("交付済み", "handed over"),
        ApplicationState::Withdrawn => Say::new("取下げ", "withdrawn"),
        ApplicationState::Rejected => Say::new("不受理", "rejected"),
        ApplicationState::Lapsed => Say::new("期限経過", "lapsed"),
        ApplicationState::DiscardedBeforeDelivery => Say::new("交付前に破棄", "discarded before delivery"),
    }
}

pub(super) fn event(event: ApplicationEvent) -> Say {
    match event {
        ApplicationEvent::SendInquiry => Say::new("照会書を発送する", "Post the inquiry"),
        ApplicationEvent::MailReturned => Say::new("照会書が返戻された", "The inquiry came back"),
        ApplicationEvent::ReplyHandedIn => Say::new("回答書を受け取る", "The reply is handed in"),
        ApplicationEvent::DefectFound => Say::new("不備を記録する", "The reply does not do"),
        ApplicationEvent::Lapse => Say::new("期限経過とする", "Let it lapse"),
        ApplicationEvent::Verify => Say::new("本日審査する", "Verify today"),
        ApplicationEvent::GenerateKey => Say::new("鍵ペアを生成した", "The card has made its keys"),
        ApplicationEvent::Send => Say::new("発行を要求する", "Send to the CA"),
        ApplicationEvent::Issue => Say::new("発行する", "Issue"),
        ApplicationEvent::WriteToCard => Say::new("カードに記録した", "Written to the card"),
        ApplicationEvent::WriteFailed => Say::new("カードに記録できなかった（破棄）", "Writing failed: discard"),
        ApplicationEvent::HandOver => Say::new("交付した", "Handed over"),
        ApplicationEvent::CarryOut => Say::new("手続きを完了する", "Carry out"),
        ApplicationEvent::Withdraw => Say::new("申請を取り下げる", "Withdraw"),
        ApplicationEvent::Reject => Say::new("不受理とする", "Reject"),
    }
}

pub(super) fn defect(defect: Defect) -> Say {
    match defect {
        Defect::SealBroken => Say::new("開封済み", "the seal is broken"),
        Defect::OtherAgent => Say::new("代理人が異なる", "it names another agent"),
        Defect::NoPin => Say::new("暗証番号の記入不備", "no PIN in it, or one of a wrong form"),
        Defect::OtherFacts => Say::new("4情報の不一致", "its facts are not those of the register"),
    }
}

pub(super) fn purpose(purpose: Purpose) -> Say {
    match purpose {
        Purpose::Signature => Say::new("署名検証者", "signature verifier"),
        Purpose::Authentication => Say::new("利用者証明検証者", "user-authentication verifier"),
    }
}

pub(super) fn query(query: Query) -> Say {
    match query {
        Query::Status => Say::new("有効性の確認", "whether it is valid"),
        Query::StatusAt => Say::new("過去時点の有効性の確認", "whether it was valid at a time"),
        Query::Pair => Say::new("対応証明書の発行の番号", "the other kind's number"),
        Query::Successor => Say::new("新しい証明書の発行の番号", "the newest certificate's number"),
        Query::Facts => Say::new("最新の4情報", "the latest four facts"),
    }
}

pub(super) fn sex(sex: Sex) -> Say {
    match sex {
        Sex::Male => Say::new("男", "male"),
        Sex::Female => Say::new("女", "female"),
        Sex::Unknown => Say::new("不明", "not known"),
    }
}

pub(super) fn scope(scope: ConsentScope) -> Say {
    match scope {
        ConsentScope::Successor => Say::new("新しい証明書の発行の番号", "the newest certificate's number"),
        ConsentScope::Facts => Say::new("最新の4情報", "the latest four facts"),
    }
}

pub(super) fn consent_end(cause: ConsentEndCause) -> Say {
    match cause {
        ConsentEndCause::Withdrawn => Say::new("取消し", "withdrawn"),
        ConsentEndCause::Replaced => Say::new("新しい同意に変更", "replaced by a newer one"),
    }
}

/// What the holder is told.
pub(super) fn told(told: &Told) -> Say {
    match told {
        Told::TaxOfficeFrom(day) => Say::new(
            format!(
                "e-Taxでは{}から新しい署名用電子証明書を使えます（再登録が必要です）",
                crate::rules::era::in_japanese(*day)
            ),
            format!("e-Tax takes the new signing certificate from {day} on, once it is registered there again"),
        ),
        Told::RegisterAtConvenienceStoreAgain => Say::new(
            "コンビニ交付（戸籍）の利用登録をやり直してください",
            "register again for family registers at convenience stores",
        ),
        Told::CardGoesOn => Say::new(
            "カードは引き続き本人確認書類として使え、電子証明書はいつでも無料で再発行できます",
            "the card remains proof of identity, and certificates can be issued again at any time, free of charge",
        ),
        Told::Insurance(grace) => Say::new(
            format!("健康保険証としての利用は{}までできます", crate::rules::era::in_japanese(grace.from_last_day)),
            format!("insurers take the card until {}", grace.from_last_day),
        ),
        Told::SignCanBeIssuedAgain => Say::new(
            "署名用電子証明書は本日この窓口で再発行できます",
            "the signing certificate can be issued again in this visit",
        ),
        Told::MayBeWrittenOnCard(text) => Say::new(
            format!("カードの「電子証明書の有効期限」欄に {text} と記入できます（任意）"),
            format!("{text} may be written into the field for the end of the certificates on the card"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_chosen_one_else_the_browser_s_else_japanese() {
        for (chosen, accepted, language) in [
            (None, None, Language::Japanese),
            (None, Some("en-GB,en;q=0.9,ja;q=0.8"), Language::English),
            (None, Some("fr, ja-JP;q=0.5"), Language::Japanese),
            (None, Some("fr"), Language::Japanese),
            (Some("ja"), Some("en"), Language::Japanese),
            (Some("en"), None, Language::English),
            (Some("xx"), Some("en"), Language::English),
            (Some(""), Some(",,;"), Language::Japanese),
        ] {
            assert_eq!(Language::of(chosen, accepted), language, "{chosen:?} {accepted:?}");
        }
    }
}
