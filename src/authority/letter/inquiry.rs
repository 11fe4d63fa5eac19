//! 照会書兼回答書 (section 1.4).

use super::page::{Page, addressee, kind_ja};
use crate::{
    authority::application::ApplicationRequest,
    kind::Kind,
    ports::{ApplicationRecord, InquiryRecord},
    rules::{
        calendar::day_of,
        era::in_japanese,
        papers::Paper,
        procedure::{Applicant, Procedure},
    },
};

/// What the letter is made of.
pub(super) struct Inquiry<'a> {
    pub(super) office: String,
    pub(super) record: &'a ApplicationRecord,
    pub(super) inquiry: &'a InquiryRecord,
    pub(super) request: &'a ApplicationRequest,
    pub(super) papers: &'a [Paper],
}

/// The letter and, below it, the reply that the holder fills in. The PIN goes from there to the card, and nowhere else.
pub(super) fn text(letter: &Inquiry<'_>) -> String {
    let Inquiry { office, record, inquiry, request, papers } = letter;
    let to = format!("{}\n{}", inquiry.address, addressee(&record.holder));
    let title = format!("電子証明書に関する照会書　兼　回答書（第{}回）", inquiry.round);
    let mut page = Page::new(&to, inquiry.posted, office, &title);
    let by_agent = request.applicant != Applicant::Holder;
    let who = if by_agent { "あなたの代理人から" } else { "あなたから" };
    page.line(&format!("{who}次の申請がありました。あなたの意思によるものか、照会します。"));
    page.line("");
    page.item("手続", procedure_ja(request.procedure));
    let kinds: Vec<&str> = request.kinds.iter().map(|kind| kind_ja(*kind)).collect();
    if !kinds.is_empty() {
        page.item("電子証明書", &kinds.join("、"));
    }
    page.item("申請を受け付けた日", &in_japanese(day_of(record.received)));
    page.item("受付番号", &record.number.to_string());
    if let Some(due) = record.due {
        page.item("回答期限", &format!("{}（窓口に必着。過ぎると申請は効力を失います）", in_japanese(due)));
    }
    page.line("");
    page.line("１　回答の方法");
    page.point("下の回答書は、必ずご本人が記入してください。記入後は封筒に入れて封をし、割印をしてください。");
    page.point("封のないもの、開けられたもの、代理人の氏名が委任の欄と異なるものは受け付けられません。");
    page.line("");
    page.line("２　２回目の来庁のときにお持ちいただくもの");
    papers.iter().for_each(|paper| page.point(paper_ja(*paper)));
    if request.kinds.contains(&Kind::Sign) && request.procedure != Procedure::NewIssue {
        page.line("");
        page.line("３　ご注意");
        page.point(
            "e-Taxでは、新しい署名用電子証明書は発行の翌日から利用でき、電子証明書の登録をやり直す必要があります。",
        );
    }
    page.line("");
    page.line("―――――――――――　回　答　書　―――――――――――");
    page.item("この申請は私の意思によるものです", "□ はい　　□ いいえ");
    page.item("氏　　名", "＿＿＿＿＿＿＿＿＿＿＿＿＿＿");
    page.item("住　　所", "＿＿＿＿＿＿＿＿＿＿＿＿＿＿");
    page.item("生年月日", "＿＿＿＿年＿＿月＿＿日　　性別　＿＿");
    if by_agent {
        page.item("委任する代理人の氏名", "＿＿＿＿＿＿＿＿＿＿＿＿＿＿");
    }
    pins(&mut page, request);
    page.item("記入した日", "＿＿＿＿年＿＿月＿＿日");
    page.finish()
}

/// The fields for PINs, where the procedure sets or needs one (P-01, P-05; P-10: none for revocation).
fn pins(page: &mut Page, request: &ApplicationRequest) {
    use Procedure::{CardReturn, ContinuedUse, FaceAuthenticationOn, Hold, Release, Revocation};
    if matches!(request.procedure, Revocation | CardReturn | Hold | Release | ContinuedUse | FaceAuthenticationOn) {
        return;
    }
    let concerns = |kind| request.kinds.is_empty() || request.kinds.contains(&kind);
    if concerns(Kind::Sign) {
        page.item("署名用の暗証番号（英大文字と数字の両方を含む6～16文字）", "＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿");
    }
    if concerns(Kind::Auth) {
        page.item("利用者証明用の暗証番号（数字4桁）", "＿＿＿＿");
    }
}

const fn procedure_ja(procedure: Procedure) -> &'static str {
    match procedure {
        Procedure::NewIssue => "電子証明書の新規発行",
        Procedure::Renewal => "電子証明書の更新",
        Procedure::Reissue => "電子証明書の再発行",
        Procedure::PinReset => "暗証番号の初期化（再設定）",
        Procedure::Revocation => "電子証明書の失効",
        Procedure::CardReturn => "マイナンバーカードの返納",
        Procedure::Hold => "一時停止",
        Procedure::Release => "一時停止の解除",
        Procedure::FaceAuthenticationOn => "顔認証マイナンバーカードへの設定切替",
        Procedure::FaceAuthenticationOff => "顔認証マイナンバーカードの設定解除",
        Procedure::ContinuedUse => "マイナンバーカードの継続利用",
    }
}

const fn paper_ja(paper: Paper) -> &'static str {
    match paper {
        Paper::Card => "本人のマイナンバーカード",
        Paper::Pin => "電子証明書の暗証番号（本人が窓口で入力します）",
        Paper::RegisterPin => "住民基本台帳用の暗証番号（本人が窓口で入力します）",
        Paper::HolderPhotoId => "本人の顔写真付き本人確認書類",
        Paper::AgentPhotoId => "代理人の顔写真付き本人確認書類",
        Paper::ProofOfPower => "代理権を証する書類（戸籍謄本または登記事項証明書）",
        Paper::Mandate => "本人が記入した委任状",
        Paper::EnclosedReply => "有効期限通知書に同封の照会書兼回答書（記入し、封をしたもの）",
        Paper::PostedReply => "この照会書兼回答書（本人が記入し、封をしたもの）",
        Paper::FirstApplication => "１回目の来庁でお渡しした申請書",
        Paper::MoveNotice => "同時に届け出る異動届",
        Paper::HolderInPerson => "本人の来庁",
        Paper::OtherDocument => "市区町村長が適当と認める本人確認書類",
        Paper::Seal => "印鑑",
    }
}
