//! Of the rules of what is done from home, of PINs, of certificates and of requests: O to Z.

use super::{Case, case};

/// By id and case.
pub(super) const CASES: &[Case] = &[
    case(
        ("O-01", "another-card"),
        (
            "The application is about a certificate of another card than the one that signed",
            "署名したカードとは別のカードの電子証明書が指定されています",
        ),
        ("Sign with the card that holds it, or apply at the counter", "そのカードで署名するか、窓口で申請してください"),
    ),
    case(
        ("O-01", "signature"),
        (
            "The signature is not that of the certificate which the application names",
            "申請書に記載された電子証明書による署名ではありません",
        ),
        ("Sign with the card that holds the certificates", "対象の電子証明書が格納されたカードで署名してください"),
    ),
    case(
        ("O-01", "stale"),
        ("The application is not of these 24 hours", "申請書の作成日時が24時間以内ではありません"),
        ("Make and sign another", "申請書を作成し直して署名してください"),
    ),
    case(
        ("O-01", "text"),
        (
            "The message is not the text that the holder's software writes, signed with the text within",
            "署名された申請書が所定の様式ではありません",
        ),
        (
            "Make it anew with the holder's software, and hand it in unchanged",
            "利用者用ソフトウェアで作成し直し、変更せずに提出してください",
        ),
    ),
    case(
        ("O-05", "expired"),
        (
            "The authentication certificate of this card has expired, and nobody comes in by it",
            "このカードの利用者証明用電子証明書は有効期間が満了しているため、利用できません",
        ),
        (
            "Bring the card to the counter of your municipality: it is issued anew at any time, free of charge",
            "カードをお持ちのうえ、住民票のある市区町村の窓口で再発行を申請してください。いつでも無料で発行できます",
        ),
    ),
    case(
        ("O-05", "held"),
        (
            "The authentication certificate of this card is suspended, and nobody comes in by it",
            "このカードの利用者証明用電子証明書は一時停止中のため、利用できません",
        ),
        (
            "A card that was found is released at the counter of your municipality, by you with the card and its PIN; for one that is lost, ask there for a new one",
            "カードが見つかった場合は、本人がカードをお持ちのうえ住民票のある市区町村の窓口で解除を申請してください。見つからない場合は、窓口でカードの再交付を申請してください",
        ),
    ),
    case(
        ("O-05", "replaced"),
        (
            "The authentication certificate was replaced by a newer one",
            "この利用者証明用電子証明書は、新しい電子証明書に替わっています",
        ),
        (
            "Take the newer certificate of your card; a browser that shows the old one is closed and opened again",
            "カードに記録された新しい電子証明書を選んでください。古い電子証明書が表示されるときは、ブラウザーを開き直してください",
        ),
    ),
    case(
        ("O-05", "reserved"),
        ("The certificate is being issued", "この電子証明書は発行の途中です"),
        ("Come back in a moment", "しばらくしてからもう一度お試しください"),
    ),
    case(
        ("O-05", "revoked"),
        (
            "The authentication certificate of this card is revoked, and nobody comes in by it",
            "このカードの利用者証明用電子証明書は失効しているため、利用できません",
        ),
        (
            "Ask at the counter of your municipality why it ended, and for a new one; bring the card and proof of identity",
            "住民票のある市区町村の窓口で、カードと本人確認書類をお持ちのうえ、失効の理由の確認と再発行の申請をしてください",
        ),
    ),
    case(
        ("P-08", "another-card"),
        (
            "The application is about a certificate of another card than the one that signed",
            "署名したカードとは別のカードの電子証明書が指定されています",
        ),
        ("Sign with the card that holds it, or apply at the counter", "そのカードで署名するか、窓口で申請してください"),
    ),
    case(
        ("P-08", "reservation"),
        (
            "The kiosk has no reservation that it can take for this PIN of this card",
            "このカードのこの暗証番号について有効な予約がありません",
        ),
        ("Make a reservation from home, or come to the counter", "予約をし直すか、窓口へお越しください"),
    ),
    case(
        ("P-08", "signature"),
        (
            "The signature is not that of the certificate which the application names",
            "申請書に記載された電子証明書による署名ではありません",
        ),
        ("Sign with the card that holds the certificates", "対象の電子証明書が格納されたカードで署名してください"),
    ),
    case(
        ("P-08", "stale"),
        ("The application is not of these 24 hours", "申請書の作成日時が24時間以内ではありません"),
        ("Make and sign another", "申請書を作成し直して署名してください"),
    ),
    case(
        ("P-08", "text"),
        (
            "The message is not the text that the holder's software writes, signed with the text within",
            "署名された申請書が所定の様式ではありません",
        ),
        (
            "Make it anew with the holder's software, and hand it in unchanged",
            "利用者用ソフトウェアで作成し直し、変更せずに提出してください",
        ),
    ),
    case(
        ("P-10", "window"),
        (
            "A face-authentication card has no PIN, and enters no service that wants one",
            "顔認証マイナンバーカードには暗証番号がないため、暗証番号を使うサービスは利用できません",
        ),
        (
            "Ask at the counter, or end face authentication there first",
            "窓口でお問い合わせいただくか、窓口で顔認証の設定を解除してください",
        ),
    ),
    case(
        ("R-01", "impossible-day"),
        ("The day of the event cannot be", "事由の生じた日が正しくありません"),
        ("Check the day of the event", "事由の生じた日を確認してください"),
    ),
    case(
        ("R-01", "nothing-left"),
        ("No such certificate of the card stands", "失効させる電子証明書がありません"),
        (
            "Nothing is left to do; look the certificate up",
            "手続の必要はありません。電子証明書の現在の状態を確認してください",
        ),
    ),
    case(
        ("R-02", "by-itself"),
        ("The service sees to this end by itself", "この事由による失効は自動で行われます"),
        ("Report nothing", "届出の必要はありません"),
    ),
    case(
        ("R-13", "register"),
        (
            "A change of the register is no application for revocation",
            "住民票の異動は、失効の届出としては受け付けません",
        ),
        ("Report it as a register change", "住民票の異動として送信してください"),
    ),
    case(
        ("R-16", "no-move"),
        ("No move to another municipality was announced", "転出届が記録されていません"),
        ("Report the announcement first", "先に転出届を記録してください"),
    ),
    case(
        ("R-16", "planned"),
        (
            "The planned day of moving goes with moving out, and is near its notice",
            "転出予定日がないか、正しくありません",
        ),
        ("Check the planned day; nothing but moving out has one", "転出予定日を確認してください（転出届に限ります）"),
    ),
    case(
        ("R-20", "later-card"),
        ("The card was issued after the day of the move abroad", "カードは国外転出の日より後に交付されています"),
        ("Check the day of the move", "国外転出の日を確認してください"),
    ),
    case(
        ("R-20", "moving"),
        (
            "A move to another municipality is announced, and not cancelled",
            "他の市区町村への転出届が取り消されていません",
        ),
        ("Report its cancellation first", "先に、転出の取消しを送信してください"),
    ),
    case(
        ("R-20", "not-presented"),
        (
            "The card was not presented after moving in, so it does not go on abroad",
            "転入後の継続利用の手続をしていないため、国外では継続して利用できません",
        ),
        (
            "If it was presented before leaving, report that first; otherwise report the move abroad without it (R-19)",
            "転出前に手続をしていた場合は先にその記録を、そうでない場合は継続利用のない国外転出を送信してください",
        ),
    ),
    case(
        ("R-21", "by-telephone"),
        ("A lost card is suspended at once, by telephone", "紛失したカードの一時停止は、電話で受け付けます"),
        ("Call the help desk, day and night", "コールセンターに電話してください（24時間受け付けています）"),
    ),
    case(
        ("R-26", "birth"),
        ("An open application has another date of birth of the holder", "受付中の申請と生年月日が一致しません"),
        (
            "Check the date of birth, and withdraw or reject the application that has the wrong one",
            "生年月日を確認し、誤りのある申請を取り下げるか却下してください",
        ),
    ),
    case(
        ("R-26", "kinds"),
        (
            "A wrong record is reported for the kinds that it is in",
            "記録の誤りの届出には電子証明書の種類の指定が必要です",
        ),
        ("Name `sign`, `auth` or both", "署名用、利用者証明用、または両方を指定してください"),
    ),
    case(
        ("R-29", "discarded"),
        ("The certificate was discarded before it was handed over", "この電子証明書は交付前に破棄されました"),
        ("Ask again, with new keys", "新しい鍵で、あらためて申請してください"),
    ),
    case(
        ("R-29", "kinds"),
        ("What is discarded is named by its kinds", "破棄する電子証明書の種類の指定が必要です"),
        ("Name `sign`, `auth` or both", "署名用、利用者証明用、または両方を指定してください"),
    ),
    case(
        ("R-29", "not-issued"),
        ("What is not issued yet is completed or discarded, and nothing else", "発行の途中の電子証明書です"),
        ("Carry the issue on, or discard it", "発行を完了するか、破棄してください"),
    ),
    case(
        ("T-07", "another-request"),
        (
            "This was sent before with another content, and nothing was done now",
            "同じ画面が前に別の内容で送信されているため、まだ何もしていません",
        ),
        (
            "If it is meant as a further act, send it again: a page does it by its button, a program under a new Idempotency-Key",
            "別の手続として行う場合は、内容を確認してもう一度送信してください（プログラムからは新しいIdempotency-Keyを付けてください）",
        ),
    ),
    case(
        ("T-08", "last-operator"),
        ("The last operator's credential is not revoked", "最後の運営者の資格は失効できません"),
        ("Give out another operator's credential first", "先に別の運営者の資格を発行してください"),
    ),
    case(
        ("T-08", "revoked-before"),
        ("The credential was revoked before", "この資格は既に失効しています"),
        ("Nothing is left to do", "手続は必要ありません"),
    ),
    case(
        ("T-08", "takes-part"),
        ("The municipality takes part already", "この市区町村は既に参加しています"),
        ("For another counter of it give out a credential", "窓口を増やすには、その市区町村の資格を発行してください"),
    ),
    case(
        ("T-09", "no-letter"),
        ("No letter goes out about the end of this certificate", "この電子証明書には有効期限通知書を送付しません"),
        (
            "It can be renewed without one, from the day that the answer names",
            "回答に示された日から、通知書がなくても更新できます",
        ),
    ),
    case(
        ("T-16", "content"),
        ("What was approved is not what is to be done", "承認された内容と、行おうとする操作の内容が異なります"),
        (
            "Look at what is different; then have what is to be done approved",
            "相違を確認した上で、行おうとする内容についてあらためて承認を受けてください",
        ),
    ),
    case(
        ("T-16", "person"),
        ("Who approved it is nobody who may approve it", "この方は、この操作の承認者になれません"),
        (
            "Have it approved by another person, who may and whose credential is admitted",
            "操作する方とは別の、承認の権限がある方の承認を受けてください",
        ),
    ),
    case(
        ("T-16", "time"),
        ("The approval does not hold at this time", "承認の有効な時間内ではありません"),
        ("Have it approved again", "あらためて承認を受けてください"),
    ),
    case(
        ("T-16", "unreadable"),
        ("This is no approval", "承認書として読み取れません"),
        ("Send the file as `jitsuin approve` wrote it", "jitsuin approveで作成したファイルをそのまま送信してください"),
    ),
    case(
        ("V-01", "after-card"),
        ("No certificate outlasts its card", "電子証明書の有効期限がカードの有効期限より後になっています"),
        ("Check the last days of both", "両方の有効期限を確認してください"),
    ),
    case(
        ("V-05", "over"),
        ("The card's validity is over", "カードの有効期限が切れています"),
        ("Take a new card", "新しいカードの交付を受けてください"),
    ),
    case(
        ("V-14", "contradiction"),
        (
            "A renewal names the live certificate that it replaces",
            "更新する利用者証明用電子証明書の有効期限がありません",
        ),
        ("Give its last day, or leave the renewal out", "有効期限を指定するか、更新としないでください"),
    ),
];
