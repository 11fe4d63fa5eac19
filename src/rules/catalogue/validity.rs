//! Rules about the validity of certificates, and who handles them where: V, W.

use super::{Rule, rule};

pub(super) const RULES: &[Rule] = &[
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
    rule(
        ("W-04", "-"),
        ("This desk does not handle it", "この窓口では取り扱っていません"),
        ("Go to the town hall", "市区町村の本庁窓口へお越しください"),
    ),
];
