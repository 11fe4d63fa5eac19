//! Of the rules of who applies, moves and is recorded: A to N.

use super::{Case, case};

/// By id and case.
pub(super) const CASES: &[Case] = &[
    case(
        ("D-04", "no-agent"),
        (
            "Who acts for the holder is named, and is somebody else",
            "代理人の方の指定がないか、本人が代理人として指定されています",
        ),
        (
            "Name who acts, by a reference of your own, or let the holder apply",
            "代理人の方を指定するか、本人の申請としてください",
        ),
    ),
    case(
        ("D-05", "day"),
        (
            "The proof of the power to act is not of a day that counts",
            "法定代理人であることを確認する書類の発行日が条件に合いません",
        ),
        ("Bring one of a day that the answer allows", "回答に示された期間内に発行された書類をお持ちください"),
    ),
    case(
        ("D-05", "no-ward"),
        (
            "A statutory agent acts for a person under 15 or an adult ward, and for nobody else",
            "法定代理人が手続できるのは、15歳未満の方と成年被後見人の方に限ります",
        ),
        (
            "The holder comes, or sends an agent with a mandate",
            "本人がお越しになるか、委任状により任意代理人が申請してください",
        ),
    ),
    case(
        ("E-01", "abroad"),
        (
            "Abroad, Japanese nationals hold certificates, and since 2024-05-27",
            "国外転出者で対象となるのは、日本国籍の方（2024年5月27日から）です",
        ),
        (
            "Apply when it is possible by that, or when recorded in the resident register again",
            "条件を満たしてから、または再び住民票が作成されてから申請してください",
        ),
    ),
    case(
        ("E-01", "departed"),
        ("The holder lives abroad, and does not move in the resident register", "この方は、すでに国外へ転出しています"),
        (
            "Report the record when the holder is back, or did not leave (`registration`)",
            "再び住民票が作成されたとき（転出の取りやめを含む）に、その記録を送信してください",
        ),
    ),
    case(
        ("E-01", "recorded"),
        ("The holder is recorded in the resident register already", "この方は、すでに住民基本台帳に記録されています"),
        ("Report what ended that record first, if it did", "先に、その記録の消除を送信してください"),
    ),
    case(
        ("E-01", "same-day"),
        (
            "Another municipality recorded on that day that the holder is off the register",
            "同じ日に、他の市区町村で住民票が消除されています",
        ),
        ("Report a record of a later day", "翌日以降の日付の記録として送信してください"),
    ),
    case(
        ("E-01", "unborn"),
        ("The day of birth is to come", "生年月日が先の日付です"),
        ("Check the day of birth", "生年月日を確認してください"),
    ),
    case(
        ("E-02", "here-already"),
        (
            "The service has the holder in this municipality already",
            "この方は、すでにこの市区町村の住民として登録されています",
        ),
        (
            "Nothing is left to do, unless the holder left and came back: then the notice of moving out is awaited",
            "手続は不要です（いったん転出した方の場合は、転出届の送信を待ってください）",
        ),
    ),
    case(
        ("E-02", "moved-out"),
        (
            "The holder has announced a move to another municipality, and its planned day is over",
            "転出届が出ており、転出予定日を過ぎています",
        ),
        (
            "Apply in the new municipality after the notice of moving in; if the holder stays, report the cancellation of the move",
            "新しい住所地で転入届のあとに申請してください。転出しない場合は、転出の取消しを送信してください",
        ),
    ),
    case(
        ("E-02", "no-move"),
        (
            "The municipality of residence has not announced this move",
            "住所地の市区町村から転出届の送信がまだありません",
        ),
        (
            "Wait for its notice of moving out, or ask that municipality",
            "転出届の送信を待つか、その市区町村に確認してください",
        ),
    ),
    case(
        ("E-02", "no-municipality"),
        (
            "That municipality does not take part, or there is none of that code",
            "指定された市区町村は、この業務の対象ではありません",
        ),
        ("Check the code of the municipality", "市区町村コードを確認してください"),
    ),
    case(
        ("E-02", "not-resident"),
        (
            "Only the municipality of residence reports changes of a holder",
            "異動を送信できるのは住所地の市区町村だけです",
        ),
        (
            "Check whose resident it is; the municipality of residence reports it",
            "住所地を確認してください。住所地の市区町村が送信します",
        ),
    ),
    case(
        ("E-02", "own-settings"),
        ("A municipality is decided by its own settings", "判定には、その市区町村の設定を使います"),
        ("Name no other municipality", "他の市区町村を指定せずに送信してください"),
    ),
    case(
        ("E-02", "post-office"),
        (
            "A post office issues, renews and resets PINs for the holder in person, and nothing else",
            "郵便局で扱うのは、本人による発行・更新・暗証番号の初期化に限ります",
        ),
        ("Go to the counter of the municipality of residence", "住所地の市区町村の窓口へお越しください"),
    ),
    case(
        ("E-03", "another-holder"),
        ("The card is another holder's", "このカードは別の方のものです"),
        ("Check the number of the card", "カードの番号を確認してください"),
    ),
    case(
        ("E-03", "other-card"),
        (
            "What is kept is on another card, which ends when a new one is taken",
            "もう一方の電子証明書は別のカードにあり、新しいカードの交付で失効します",
        ),
        (
            "Replace both certificates, or report the other card first",
            "両方を申請するか、先に別のカードについて届け出てください",
        ),
    ),
    case(
        ("E-03", "other-days"),
        ("The days of the card are not the recorded ones", "カードの日付が記録と一致しません"),
        ("Check the days of the card", "カードの日付を確認してください"),
    ),
    case(
        ("E-03", "over"),
        ("The card is void or its validity is over", "このカードは失効しているか、有効期限が切れています"),
        ("Take a new card", "新しいカードの交付を受けてください"),
    ),
    case(
        ("E-03", "suspended"),
        ("The card is suspended", "このカードは一時停止されています"),
        (
            "Release it at the counter once it is found, or take a new card",
            "見つかったときは窓口で一時停止を解除するか、カードの再交付を受けてください",
        ),
    ),
    case(
        ("E-05", "agent"),
        ("The statutory agent applies for a person under 15", "15歳未満の方の申請は、法定代理人が行います"),
        (
            "The statutory agent comes to the counter, from today on",
            "法定代理人の方が窓口へお越しください（本日から申請できます）",
        ),
    ),
    case(
        ("E-06", "agent"),
        ("The guardian applies for an adult ward", "成年被後見人の方の申請は、成年後見人が行います"),
        (
            "The guardian comes to the counter, from today on",
            "成年後見人の方が窓口へお越しください（本日から申請できます）",
        ),
    ),
    case(
        ("E-09", "face-record"),
        ("The card's face authentication is recorded otherwise", "顔認証の設定が記録と一致しません"),
        ("Apply for the change of face authentication first", "先に顔認証の設定または解除を申請してください"),
    ),
    case(
        ("E-09", "needs-auth"),
        (
            "A face-authentication card has a live authentication certificate",
            "顔認証マイナンバーカードには、有効な利用者証明用電子証明書が必要です",
        ),
        ("Have it issued first, then switch the card", "先に利用者証明用電子証明書の発行を受けてください"),
    ),
    case(
        ("E-09", "no-room"),
        ("There is no room left on the card", "カードの追記欄に余白がありません"),
        ("Have the card made anew, free of charge", "カードの再交付（無料）を受けてください"),
    ),
    case(
        ("E-09", "no-sign"),
        (
            "A face-authentication card takes no signing certificate",
            "顔認証マイナンバーカードに署名用電子証明書は記録できません",
        ),
        ("End face authentication first", "先に顔認証の設定を解除してください"),
    ),
    case(
        ("E-09", "off"),
        ("The card is not a face-authentication card", "このカードは顔認証マイナンバーカードではありません"),
        ("Nothing is left to do", "手続の必要はありません"),
    ),
    case(
        ("E-09", "on"),
        ("The card is a face-authentication card already", "このカードは、すでに顔認証マイナンバーカードです"),
        ("Nothing is left to do", "手続の必要はありません"),
    ),
    case(
        ("E-10", "card-longer"),
        ("The card's last day is after the end of the stay", "カードの有効期限が在留期間の満了日より後になっています"),
        ("Report the change of the card first", "先にカードの有効期間の変更を届け出てください"),
    ),
    case(
        ("E-10", "days"),
        ("The days of the stay are missing or contradict each other", "在留期間等の日付が足りないか、矛盾しています"),
        ("Check the days of the stay", "在留期間等の日付を確認してください"),
    ),
    case(
        ("E-10", "no-record"),
        (
            "This status of residence is not recorded in the resident register",
            "この在留資格の方は住民基本台帳に記録されません",
        ),
        ("Apply with a status that is recorded there", "住民基本台帳に記録される在留資格を得てから申請してください"),
    ),
    case(
        ("M-01", "days"),
        ("The days of the move contradict each other", "転入・転出の日付に矛盾があります"),
        ("Check the days of the move", "転入・転出の日付を確認してください"),
    ),
    case(
        ("M-01", "done"),
        ("The card goes on already", "継続利用の手続は済んでいます"),
        ("Nothing is left to do", "手続の必要はありません"),
    ),
    case(
        ("M-01", "face-record"),
        ("The card's face authentication is recorded otherwise", "顔認証の設定が記録と一致しません"),
        ("Apply for the change of face authentication first", "先に顔認証の設定または解除を申請してください"),
    ),
    case(
        ("M-01", "moved-on"),
        (
            "The card was not presented before moving again, so it is void",
            "次の転入の前に継続利用の手続をしなかったため、カードは失効します",
        ),
        ("Apply for a new card", "新しいカードを申請してください"),
    ),
    case(
        ("M-01", "no-card"),
        ("The service has no such card of the holder", "この方のカードとして記録されていません"),
        (
            "Check the number of the card; if no certificate is on it yet, have one issued first, and present it then",
            "カードの番号を確認してください。電子証明書をまだ発行していないカードであれば、発行を受けてから手続をしてください",
        ),
    ),
    case(
        ("M-01", "no-move"),
        ("No card is to be presented after a move", "継続利用の手続を待っているカードはありません"),
        ("Hand in the notice of moving in first, if there was a move", "転入した場合は、先に転入届を出してください"),
    ),
    case(
        ("M-01", "no-room"),
        ("There is no room left on the card", "カードの追記欄に余白がありません"),
        ("Have the card made anew, free of charge", "カードの再交付（無料）を受けてください"),
    ),
    case(
        ("M-01", "notice-first"),
        ("The notice of moving in comes first", "先に転入届が必要です"),
        ("Hand it in by the day that the answer names", "回答に示された日までに転入届を出してください"),
    ),
    case(
        ("M-01", "notice-late"),
        (
            "The notice of moving in came too late, so the card is void",
            "転入届の期限を過ぎたため、カードは失効しています",
        ),
        ("Apply for a new card", "新しいカードを申請してください"),
    ),
    case(
        ("M-01", "pin"),
        ("The register PIN is needed", "住民基本台帳用暗証番号の入力が必要です"),
        ("Enter it, or have it reset", "暗証番号を入力するか、初期化を申請してください"),
    ),
    case(
        ("M-01", "void"),
        ("The card is void, suspended or expired", "このカードは失効、一時停止または有効期限切れです"),
        (
            "Apply for a new card, or release it if it is suspended",
            "新しいカードを申請するか、一時停止中の場合は解除してください",
        ),
    ),
    case(
        ("M-02", "no-move"),
        (
            "No card of the holder is void by a move after which it was not presented",
            "転入後の継続利用の期限を過ぎたカードはありません",
        ),
        (
            "Report the cause that there is; what is not presented in time ends by itself",
            "実際の事由で届け出てください。期限を過ぎたカードは自動で失効します",
        ),
    ),
    case(
        ("N-01", "auth"),
        (
            "The authentication certificate carries no facts of the holder",
            "利用者証明用電子証明書に基本4情報は記録しません",
        ),
        ("Leave them out", "基本4情報を含めずに送信してください"),
    ),
];
