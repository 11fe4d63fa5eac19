//! The routes of letters, which are printed as they are: plain text in Japanese.

use super::{Audience, Route, answer::Reply, get};

/// 照会書兼回答書 of an application.
pub(super) const INQUIRY: Route = get("/v1/applications/{id}/letter", "inquiry-letter", Audience::Staff, |call| {
    Ok(Reply::letter(call.authority.inquiry_letter(call.actor, &call.parameter("id")?)?))
});

/// About certificates that ended.
pub(super) const ENDED: Route = get("/v1/notices/{number}/letter", "notice-letter", Audience::Staff, |call| {
    Ok(Reply::letter(call.authority.notice_letter(call.actor, call.parameter("number")?)?))
});

/// 有効期限通知書 of a certificate.
pub(super) const ENDING: Route =
    get("/v1/certificates/{kind}/{serial}/letter", "ending-letter", Audience::Staff, |call| {
        let (kind, serial) = (call.parameter("kind")?, call.parameter("serial")?);
        Ok(Reply::letter(call.authority.ending_letter(call.actor, kind, &serial)?))
    });
