//! Rules about moving, characters, PINs and the end of certificates: M to R.

use super::{Rule, rule};

pub(super) const RULES: &[Rule] = &[
    rule(
        ("M-01", "番令14"),
        (
            "A card goes on after a move if it is presented with everything in place",
            "転入後の継続利用の条件を満たしていません",
        ),
        (
            "Do what the answer names, or apply for a new card",
            "回答に示された手続を行うか、新しいカードを申請してください",
        ),
    ),
    rule(
        ("M-02", "番令14三"),
        (
            "The card was to be presented within 90 days of the notice of moving in",
            "転入届から90日以内に継続利用の手続が必要でした",
        ),
        ("Apply for a new card", "新しいカードを申請してください"),
    ),
    rule(
        ("N-01", "法7"),
        (
            "The signing certificate carries the four facts, each of its form",
            "署名用電子証明書には基本4情報を正しい形式で記録します",
        ),
        ("Send each fact as the register has it", "住民票の記載のとおり送信してください"),
    ),
    rule(
        ("N-02", "-"),
        (
            "Certificates hold the characters of JIS X 0208 and JIS X 0212",
            "記録できる文字はJIS第1・第2水準と補助漢字です",
        ),
        ("Write the substitute or kana, and flag it", "代替文字またはカナで記録し、代替文字情報を付けてください"),
    ),
    rule(
        ("N-03", "-"),
        ("A character without a substitute cannot be recorded", "代替文字が登録されていない文字は記録できません"),
        ("Give a substitute, or kana, as the applicant wishes", "申請者の希望する代替文字またはカナを指定してください"),
    ),
    rule(
        ("N-05", "-"),
        (
            "Facts are full-width, with one flag for each character",
            "基本4情報は全角で、1文字ごとに代替文字情報が必要です",
        ),
        (
            "Send full-width characters, single U+3000 spaces, and a flag 0 or 1 for each",
            "全角文字と全角空白1字の区切りで送信してください",
        ),
    ),
    rule(
        ("O-01", "法9③"),
        ("SIGN is revoked online by its own signature", "署名用電子証明書のオンライン失効には、その電子署名が必要です"),
        ("Sign with SIGN, or apply at the counter", "署名用電子証明書で署名するか、窓口で申請してください"),
    ),
    rule(
        ("O-02", "法28③"),
        (
            "AUTH is revoked online with the signature of SIGN",
            "利用者証明用電子証明書のオンライン失効には、署名用電子証明書による署名が必要です",
        ),
        ("Sign with SIGN, or apply at the counter", "署名用電子証明書で署名するか、窓口で申請してください"),
    ),
    rule(
        ("O-03", "法10; 規65①三"),
        ("A loss is not reported online", "紛失等の届出はオンラインではできません"),
        (
            "Call the help desk to suspend the card, and report at the counter",
            "コールセンターで一時停止のうえ、窓口で届け出てください",
        ),
    ),
    rule(
        ("O-04", "-"),
        ("Certificates are issued and PINs reset at the counter", "発行・更新・暗証番号の初期化は窓口の手続です"),
        ("Come to the counter with the card", "カードをお持ちのうえ窓口へお越しください"),
    ),
    rule(
        ("O-05", "-"),
        ("Only the holder sees and withdraws consents", "同意の照会・取消は本人だけができます"),
        ("Sign with SIGN", "署名用電子証明書で署名してください"),
    ),
    rule(
        ("P-01", "-"),
        ("The PIN has another form", "暗証番号の形式が正しくありません"),
        (
            "SIGN: 6 to 16 of A-Z and 0-9, both of them; AUTH: 4 digits",
            "署名用は英大文字と数字を含む6〜16文字、利用者証明用は数字4桁です",
        ),
    ),
    rule(
        ("P-06", "-"),
        ("A PIN is set for the first time at the counter", "暗証番号の最初の設定は窓口で行います"),
        (
            "Come to the counter, or change it with the old PIN",
            "窓口へお越しいただくか、現在の暗証番号で変更してください",
        ),
    ),
    rule(
        ("P-08", "-"),
        ("The kiosk resets a PIN under its own conditions", "コンビニでの初期化の条件を満たしていません"),
        ("Do what the answer names, or come to the counter", "回答に示された条件を満たすか、窓口へお越しください"),
    ),
    rule(
        ("P-09", "-"),
        ("The kiosk resets the PINs of certificates only", "コンビニで初期化できるのは電子証明書の暗証番号だけです"),
        ("Come to the counter with the card", "カードをお持ちのうえ窓口へお越しください"),
    ),
    rule(
        ("P-10", "-"),
        ("A face-authentication card has no PIN", "顔認証マイナンバーカードに暗証番号はありません"),
        ("End face authentication first; new PINs are set then", "顔認証の設定を解除すると暗証番号を設定できます"),
    ),
    rule(
        ("R-01", "法15, 34"),
        (
            "A certificate ends when it is recorded, and a state that is over does not change",
            "失効は記録した時に効力が生じ、終わった状態は変わりません",
        ),
        ("Look the certificate up; it may have ended before", "電子証明書の現在の状態を確認してください"),
    ),
    rule(
        ("R-02", "法15, 34"),
        ("Every end has one of five statutory grounds", "失効には法に定める事由が必要です"),
        ("Name the cause that applies", "該当する事由を指定してください"),
    ),
    rule(
        ("R-03", "-"),
        ("The reason is not one that this service uses", "この失効理由は使用しません"),
        ("Name the cause; the reason follows from it", "事由を指定してください。理由コードは自動で決まります"),
    ),
    rule(
        ("R-10", "法9, 28"),
        ("An application for revocation names its kinds", "失効申請には電子証明書の種類の指定が必要です"),
        ("Name `sign`, `auth` or both", "署名用、利用者証明用、または両方を指定してください"),
    ),
    rule(
        ("R-11", "法10, 29"),
        (
            "A leaked key is reported for the kinds that it belongs to",
            "秘密鍵の漏えい等の届出には電子証明書の種類の指定が必要です",
        ),
        ("Name `sign`, `auth` or both", "署名用、利用者証明用、または両方を指定してください"),
    ),
    rule(
        ("R-12", "法10, 29"),
        ("A damaged card ends both certificates", "カードの損傷では両方の電子証明書が失効します"),
        ("Name no kinds", "種類を指定せずに届け出てください"),
    ),
    rule(
        ("R-13", "法12一"),
        (
            "The date of birth comes with a correction of the register only",
            "生年月日は住民票の訂正の場合に限り受け付けます",
        ),
        ("Send a correction, or leave it out", "訂正として送信するか、省略してください"),
    ),
    rule(
        ("R-16", "法12, 31一"),
        ("Moving out names the other municipality, and nothing else does", "転出届には転出先の市区町村が必要です"),
        ("Name the destination", "転出先を指定してください"),
    ),
    rule(
        ("R-17", "法31二"),
        ("A move can only be missed after it was announced", "転出届がないため、転入届の未提出を記録できません"),
        ("Report the announcement first", "先に転出届を記録してください"),
    ),
    rule(
        ("R-18", "番令14二・三"),
        ("A void card ends both certificates", "カードの失効では両方の電子証明書が失効します"),
        ("Name no kinds", "種類を指定せずに届け出てください"),
    ),
    rule(
        ("R-20", "法24"),
        ("A card goes on abroad if it is done before leaving", "国外転出後の継続利用の条件を満たしていません"),
        (
            "Do it by the day before leaving, with a valid card; otherwise the move abroad is reported without it (R-19)",
            "転出予定日の前日までに、有効なカードで手続してください。できない場合は、継続利用のない国外転出として届け出てください",
        ),
    ),
    rule(
        ("R-21", "規65①三"),
        ("Only a live certificate can be suspended", "一時停止できるのは有効な電子証明書だけです"),
        ("Look the certificate up; it may have ended before", "電子証明書の現在の状態を確認してください"),
    ),
    rule(
        ("R-22", "-"),
        ("Only a suspended certificate can be released", "解除できるのは一時停止中の電子証明書だけです"),
        ("Look the certificate up", "電子証明書の現在の状態を確認してください"),
    ),
    rule(
        ("R-23", "カ省28④"),
        (
            "Another card for a lost or damaged one ends both certificates",
            "カードの再交付では両方の電子証明書が失効します",
        ),
        ("Name no kinds", "種類を指定せずに届け出てください"),
    ),
    rule(
        ("R-24", "番令14七-十"),
        ("A returned card ends both certificates", "カードの返納では両方の電子証明書が失効します"),
        ("Name no kinds", "種類を指定せずに届け出てください"),
    ),
    rule(
        ("R-26", "法13, 32"),
        ("What was asked contradicts the record", "申請内容が記録と一致しません"),
        ("Report the correction of the register first", "先に住民票の訂正を記録してください"),
    ),
    rule(
        ("R-29", "-"),
        ("Only what was not handed over can be discarded", "破棄できるのは交付前の電子証明書だけです"),
        ("Have it revoked instead", "失効申請をしてください"),
    ),
    rule(
        ("R-30", "-"),
        ("Setting face authentication ends SIGN and keeps AUTH", "顔認証の設定では署名用電子証明書だけが失効します"),
        ("Name no kinds", "種類を指定せずに届け出てください"),
    ),
];
