//! Rules about what relying parties are told, and the holder's consent to it: L (section 8.1).

use super::{Rule, rule};

pub(super) const RULES: &[Rule] = &[
    rule(
        ("L-01", "法17, 36"),
        ("Only a registered relying party is told anything", "取決めを締結した署名検証者等にのみ情報を提供します"),
        ("Notify and agree on terms with the operator", "届出のうえ、運営機関と取決めを締結してください"),
    ),
    rule(
        ("L-02", "令10"),
        ("Recognition ends after its last day", "認定の有効期間が満了しています"),
        ("Have the recognition renewed", "認定の更新を受けてください"),
    ),
    rule(
        ("L-03", "法18④, 37③"),
        ("The service to this relying party is suspended", "この検証者への情報の提供は停止されています"),
        ("Ask the operator what has to be put right", "運営機関に是正すべき事項をお問い合わせください"),
    ),
    rule(
        ("L-04", "法18, 37"),
        ("The purposes do not cover this kind of certificate", "この種類の電子証明書は検証の目的に含まれていません"),
        ("Agree on the purpose with the operator", "目的の追加について運営機関と取り決めてください"),
    ),
    rule(
        ("L-05", "法18, 37"),
        ("Only what was agreed can be asked", "取り決めた照会だけができます"),
        ("Agree on the query with the operator", "照会の追加について運営機関と取り決めてください"),
    ),
    rule(
        ("L-06", "-"),
        ("So many questions a day were agreed, and no more", "1日に照会できる件数の上限に達しました"),
        (
            "Ask again from midnight in Japan, or agree on more",
            "翌日（日本時間）に照会するか、上限を取り決め直してください",
        ),
    ),
    rule(
        ("L-07", "法18③"),
        (
            "The other certificate of a pair is told only to who is both kinds of verifier",
            "対応する電子証明書の番号は、署名検証者と利用者証明検証者を兼ねる者にのみ提供します",
        ),
        ("Agree on both purposes with the operator", "両方の目的について運営機関と取り決めてください"),
    ),
    rule(
        ("L-08", "法18③"),
        (
            "A pair is told only while neither certificate has expired",
            "対応する電子証明書の番号は、いずれも有効期間内である場合に限り提供します",
        ),
        ("Ask with the certificates that the holder has now", "現在の電子証明書で照会してください"),
    ),
    rule(
        ("L-09", "-"),
        ("It takes the holder's consent", "本人の同意が必要です"),
        ("Ask the holder for a signed consent", "本人に電子署名による同意を求めてください"),
    ),
    rule(
        ("L-10", "-"),
        (
            "The status of a time can be told once it is settled and if it was recorded",
            "確定し記録されている時点の状態だけを回答できます",
        ),
        ("Ask about another time, or again a little later", "別の時点を指定するか、しばらくしてから照会してください"),
    ),
    rule(
        ("L-11", "-"),
        ("There is nothing newer than what was asked about", "照会されたものより新しい情報はありません"),
        ("Go on with what is known", "現在の情報をそのままお使いください"),
    ),
    rule(
        ("L-12", "-"),
        (
            "A declaration is the drafted text, unchanged, under a signature that fits it",
            "同意文書は、作成された文面のまま、正しく電子署名されている必要があります",
        ),
        ("Draft it anew and sign it as it is", "文面をあらためて作成し、そのまま署名してください"),
    ),
    rule(
        ("L-13", "-"),
        (
            "A text counts once, within a day, and not after a later declaration",
            "同意文書は、作成から24時間以内に1回だけ使えます",
        ),
        ("Draft it anew and sign it", "文面をあらためて作成し、署名してください"),
    ),
    rule(
        ("L-14", "-"),
        ("Only a live signing certificate consents", "同意には有効な署名用電子証明書が必要です"),
        ("Sign with the certificate that is live now", "現在有効な署名用電子証明書で署名してください"),
    ),
];
