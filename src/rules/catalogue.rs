//! Every rule that refuses, in plain words: what it says, where it stands, and what would make the request possible.
//!
//! The detail of a [`Refusal`](super::Refusal) speaks of the case; the words here speak of the rule, in English for the
//! developer and in Japanese for the counter. `docs/refusals.md` is printed from this table.

/// A rule that refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id in the rule book.
    pub id: &'static str,
    /// Where it stands: 法 the Act, 令 its order, 規 its ordinance, 番令 and カ省 those of the My Number Act; `-` for practice.
    pub source: &'static str,
    /// What it says.
    pub says: &'static str,
    /// The same in Japanese.
    pub says_ja: &'static str,
    /// What would make the request possible.
    pub way: &'static str,
    /// The same in Japanese.
    pub way_ja: &'static str,
}

/// A row of the table: id and source; English; Japanese; the way in both.
const fn rule(
    (id, source): (&'static str, &'static str),
    (says, says_ja): (&'static str, &'static str),
    (way, way_ja): (&'static str, &'static str),
) -> Rule {
    Rule { id, source, says, says_ja, way, way_ja }
}

/// Every rule that refuses, by id. The service's own (`T-`) are with the doors.
pub static RULES: [Rule; 36] = [
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
        ("P-01", "-"),
        ("The PIN has another form", "暗証番号の形式が正しくありません"),
        (
            "SIGN: 6 to 16 of A-Z and 0-9, both of them; AUTH: 4 digits",
            "署名用は英大文字と数字を含む6〜16文字、利用者証明用は数字4桁です",
        ),
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
        ("V-01", "規49"),
        ("The day is beyond what can be computed", "計算できない日付です"),
        ("Check the dates", "日付を確認してください"),
    ),
    rule(
        ("V-05", "カ省26"),
        ("The days of the card contradict each other", "カードの日付に矛盾があります"),
        (
            "Check the dates of birth, application, issue and end",
            "生年月日・申請日・発行日・有効期限を確認してください",
        ),
    ),
    rule(
        ("V-12", "規13, 49"),
        ("Renewal opens when less than three months remain", "更新できるのは有効期間の残りが3か月未満になってからです"),
        ("Come again from the day that the answer names", "回答に示された日以降にお越しください"),
    ),
    rule(
        ("V-14", "規13, 49"),
        ("Only a live certificate can be renewed", "更新できるのは有効な電子証明書だけです"),
        ("Apply for a new one, at any time", "新規発行の申請をしてください（いつでもできます）"),
    ),
    rule(
        ("V-15", "規13二"),
        ("SIGN renewed alone under the same AUTH gains nothing", "署名用だけを更新しても有効期限は延びません"),
        ("Renew AUTH first, or both together", "利用者証明用を先に、または両方を更新してください"),
    ),
];

/// The rule of that id, if it refuses.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.binary_search_by(|rule| rule.id.cmp(id)).ok().map(|at| &RULES[at])
}

/// The table as Markdown, for `docs/refusals.md`.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from("| rule | source | what it says | what would make it possible |\n|---|---|---|---|\n");
    for Rule { id, source, says, says_ja, way, way_ja } in &RULES {
        text.push_str(&format!("| {id} | {source} | {says}<br>{says_ja} | {way}<br>{way_ja} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_rule_is_found() {
        for rule in &RULES {
            assert_eq!(find(rule.id), Some(rule));
        }
        for other in ["", "E-00", "E-4", "T-01", "Z-99"] {
            assert_eq!(find(other), None, "{other}");
        }
    }

    #[test]
    fn every_rule_says_something_in_both_languages() {
        for Rule { id, source, says, says_ja, way, way_ja } in &RULES {
            assert!([source, says, way].iter().all(|text| !text.is_empty()), "{id}");
            for japanese in [says_ja, way_ja] {
                assert!(japanese.chars().any(|one| ('\u{3041}'..='\u{30FE}').contains(&one)), "{id}: {japanese}");
            }
            for text in [says, way, says_ja, way_ja] {
                assert!(!text.ends_with(['.', '。', ' ']) && !text.contains('|'), "{id}: {text}");
            }
        }
    }
}
