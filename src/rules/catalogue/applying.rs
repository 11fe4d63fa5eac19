//! Rules about applying, papers and eligibility: A, D, E.

use super::{Rule, rule};

pub(super) const RULES: &[Rule] = &[
    rule(
        ("A-01", "-"),
        ("The application cannot take this step now", "この申請は、現在この手続に進めません"),
        ("Take one of the steps that the answer lists", "回答に示された手続を行ってください"),
    ),
    rule(
        ("A-02", "規5"),
        ("The reply to the inquiry came too late", "回答書の提出期限を過ぎています"),
        ("Apply again", "あらためて申請してください"),
    ),
    rule(
        ("A-03", "規5"),
        ("The application of the first visit is missing", "1回目の来庁時に記入した申請書の原本がありません"),
        ("Bring it on another day, before the reply is due", "回答期限までに原本をお持ちください"),
    ),
    rule(
        ("A-04", "-"),
        ("The cause is not reported by this way", "この事由は、この方法では届け出できません"),
        ("Report it by one of the ways that the answer lists", "回答に示された方法で届け出てください"),
    ),
    rule(
        ("A-05", "-"),
        ("An application names what it is for", "申請する電子証明書の種類が指定されていません"),
        ("Name `auth`, `sign` or both", "利用者証明用・署名用のいずれか、または両方を指定してください"),
    ),
    rule(
        ("A-06", "規5②"),
        ("The reply is brought by another than the application names", "回答書を持参した方が、申請した方と異なります"),
        (
            "The same person comes again, or another applies anew",
            "申請した方がお持ちになるか、あらためて申請してください",
        ),
    ),
    rule(
        ("A-07", "-"),
        ("An application for the same is open", "同じ内容の申請が手続中です"),
        (
            "Carry on the one that the answer names, or have it withdrawn first",
            "回答に示された申請の手続を進めるか、先に取り下げてください",
        ),
    ),
    rule(
        ("D-04", "規5②"),
        (
            "Who acts for another shows an official document with a photograph",
            "代理人は官公署発行の顔写真付き本人確認書類が必要です",
        ),
        ("Bring one, or send somebody who has one", "書類をお持ちになるか、書類をお持ちの方を代理人としてください"),
    ),
    rule(
        ("D-05", "規5"),
        ("A statutory agent proves the power to act", "法定代理人であることを確認できる書類が必要です"),
        (
            "Bring the family register or the certificate of guardianship",
            "戸籍謄本または登記事項証明書をお持ちください",
        ),
    ),
    rule(
        ("D-06", "規78"),
        ("A paper in a foreign language needs its translation", "外国語の書類には日本語の訳文が必要です"),
        ("Add a translation that names its translator", "翻訳者の氏名を記載した訳文を添えてください"),
    ),
    rule(
        ("E-01", "法3, 22"),
        (
            "Certificates are for persons recorded in the resident register",
            "電子証明書は住民基本台帳に記録されている方に発行します",
        ),
        ("Have the record made or corrected first", "先に住民票の届出または訂正を行ってください"),
    ),
    rule(
        ("E-02", "法3②, 22②"),
        ("Only the municipality of residence acts for a holder", "手続は住所地の市区町村の窓口で行います"),
        ("Go to the municipality of residence", "住所地の市区町村の窓口へお越しください"),
    ),
    rule(
        ("E-03", "法3④"),
        ("Certificates need a valid card of the holder", "有効な本人のマイナンバーカードが必要です"),
        (
            "Release the card if it is suspended, or take a new one",
            "一時停止を解除するか、カードの再交付を受けてください",
        ),
    ),
    rule(
        ("E-04", "法6, 25"),
        ("One live certificate of a kind for each person", "同じ種類の電子証明書は一人に一つです（二重発行の禁止）"),
        ("Renew it in its window, or have it revoked first", "更新期間内に更新するか、先に失効申請をしてください"),
    ),
    rule(
        ("E-05", "-"),
        ("A signing certificate is not issued to persons under 15", "15歳未満の方に署名用電子証明書は発行しません"),
        (
            "Apply from the 15th birthday on; exceptions after consultation only",
            "15歳の誕生日から申請できます。特別な事情がある場合はご相談ください",
        ),
    ),
    rule(
        ("E-06", "-"),
        ("A signing certificate is not issued to adult wards", "成年被後見人の方に署名用電子証明書は発行しません"),
        ("Exceptions after consultation only", "特別な事情がある場合はご相談ください"),
    ),
    rule(
        ("E-07", "法3"),
        (
            "An exception takes a reason, two officers and the agent",
            "例外による発行には、理由、別の職員の承認、代理人の来庁が必要です",
        ),
        (
            "Consult, have a second officer approve, and come together",
            "事前にご相談のうえ、法定代理人とともにお越しください",
        ),
    ),
    rule(
        ("E-09", "規（2023-12-15改正）"),
        (
            "Not possible with the card's state of face authentication",
            "顔認証マイナンバーカードの設定状態では行えません",
        ),
        ("Change the setting first", "先に設定を変更してください"),
    ),
    rule(
        ("E-10", "カ省27"),
        ("The period of stay bounds the card", "カードの有効期間は在留期間の満了日までです"),
        ("Extend the stay and the card's validity first", "在留期間とカードの有効期間を先に延長してください"),
    ),
    rule(
        ("E-12", "-"),
        (
            "Certificates of the resident register card have all expired",
            "住基カードの電子証明書はすべて有効期限が切れています",
        ),
        ("Apply for a My Number card", "マイナンバーカードを申請してください"),
    ),
    rule(
        ("E-13", "令26"),
        ("Applications come through the counter", "申請は市区町村の窓口で受け付けます"),
        ("Go to the municipality of residence", "住所地の市区町村の窓口へお越しください"),
    ),
];
