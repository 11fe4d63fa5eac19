//! The service's own rules, about requests and who sends them: T.

use super::{Rule, rule};

pub(super) const RULES: &[Rule] = &[
    rule(
        ("T-01", "-"),
        ("The request cannot be read", "送信された内容を読み取れません"),
        ("Correct what the answer names; /openapi.json has the form", "回答に示された箇所を修正して送信してください"),
    ),
    rule(
        ("T-02", "-"),
        ("The body is not JSON", "本文がJSON形式ではありません"),
        ("Send it as application/json, not compressed", "application/jsonとして、圧縮せずに送信してください"),
    ),
    rule(
        ("T-03", "-"),
        ("The body is too large", "本文が大きすぎます"),
        ("Send less at once", "分けて送信してください"),
    ),
    rule(
        ("T-04", "-"),
        ("The certification request is not acceptable", "証明書の発行要求を受け付けられません"),
        (
            "Have the card make the request, signed by the key that is in it",
            "カードの鍵で署名した要求を作り直してください",
        ),
    ),
    rule(
        ("T-05", "-"),
        ("The key is not acceptable", "この公開鍵は受け付けられません"),
        (
            "Have the card make a key of the kind that the answer names",
            "回答に示された種類の鍵をカードで作り直してください",
        ),
    ),
    rule(
        ("T-06", "-"),
        ("The key has been certified before", "この公開鍵はすでに証明書に使われています"),
        (
            "Have the card make a key pair of its own for each certificate",
            "電子証明書ごとに、カードで新しい鍵を作ってください",
        ),
    ),
    rule(
        ("T-07", "-"),
        ("The Idempotency-Key does not fit", "Idempotency-Keyがないか、正しくありません"),
        (
            "Send a key of its own with each act, and the same one with the same request only",
            "手続ごとに新しい値を付け、同じ要求の再送にだけ同じ値を使ってください",
        ),
    ),
    rule(
        ("T-08", "-"),
        ("The client may not do this", "この操作をする権限がありません"),
        ("Have it done by who may, or ask the operator", "権限のある方が行うか、運営機関にお問い合わせください"),
    ),
    rule(
        ("T-09", "-"),
        ("There is no such thing", "該当するものがありません"),
        ("Check the reference or number that was sent", "送信した番号を確認してください"),
    ),
    rule(
        ("T-10", "-"),
        ("The 個人番号 is never taken", "個人番号は受け付けません"),
        ("Leave it out, and do not log it", "個人番号を含めずに送信し、記録にも残さないでください"),
    ),
    rule(
        ("T-11", "-"),
        ("The method is not allowed here", "この宛先でその操作はできません"),
        ("Use a method that /openapi.json has for it", "/openapi.jsonにある操作を使ってください"),
    ),
    rule(
        ("T-12", "-"),
        ("The body did not come in time", "本文が時間内に届きませんでした"),
        ("Send it again, with the same Idempotency-Key", "同じIdempotency-Keyで送信し直してください"),
    ),
    rule(
        ("T-13", "-"),
        ("The register's number stands for another event", "この番号はすでに別の異動に使われています"),
        ("Report the event under a number of its own", "別の番号で送信してください"),
    ),
    rule(
        ("T-14", "法14, 33"),
        ("The CA issues nothing until it has a new key", "認証局の新しい鍵ができるまで発行できません"),
        (
            "The operator starts the next generation of the CA; then ask again with new keys",
            "運用者が認証局の次の世代を開始した後に、新しい鍵で申請し直してください",
        ),
    ),
    rule(
        ("T-15", "-"),
        ("A client asks only so often", "一つの端末から受け付ける要求の数には上限があります"),
        (
            "Send it again after the time that Retry-After names, with the same Idempotency-Key",
            "Retry-Afterの時間の後に、同じIdempotency-Keyで送信し直してください",
        ),
    ),
    rule(
        ("T-16", "-"),
        (
            "It takes two: another person approves exactly what is to be done",
            "この操作には、内容を確認した別の方の承認が必要です",
        ),
        (
            "Have another person look at it and approve it with `jitsuin approve`",
            "別の方が内容を確認し、jitsuin approveで承認してください",
        ),
    ),
];
