//! Sessions and the tokens of forms.
//!
//! The client certificate says who it is, at every request; a session only binds the forms of a browser to that browser. Nothing is kept:
//! the cookie names its end and bears an HMAC over it and the certificate, and the token in a form is an HMAC over the certificate. So a
//! form that another site made, another certificate's, or one of yesterday is told apart, by any number of threads; and one that is
//! being filled in stays good when the session goes on longer, or begins anew because a link from elsewhere came without the cookie.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;

use crate::{limits::CONSOLE_SESSION, x509::UnixTime};

/// The cookie; `__Host-` has browsers refuse it from another host, path or an insecure page.
pub(super) const COOKIE: &str = "__Host-jitsuin-session";

/// That of holders: cookies know no ports, and a clerk's form is not to end because the same browser opened the own certificates.
pub(super) const HOLDER_COOKIE: &str = "__Host-jitsuin-holder";

/// The secret of this start: sessions end with the service.
pub(super) struct Sessions(hmac::Key);

/// A session of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) cookie: String,
    /// What every form bears.
    pub(super) token: String,
    /// Whether it began with this request, or goes on longer by it: then the browser is told.
    pub(super) is_new: bool,
}

/// What is to be thought of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It is of this session.
    Own,
    /// It was, and the session has ended: what was typed is shown again, and nothing is done.
    Ended,
    /// It is of nobody here.
    Forged,
}

impl Sessions {
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The session of a request: the one that its cookie names while that lasts, otherwise a new one.
    pub(super) fn enter(
        &self,
        cookie: Option<&str>,
        fingerprint: &[u8; 32],
        (now, nonce): (UnixTime, [u8; 16]),
    ) -> Session {
        let life = CONSOLE_SESSION.as_secs().cast_signed();
        if let Some((cookie, end)) = cookie.and_then(|cookie| Some((cookie, self.end(cookie, fingerprint)?))) {
            // Half over, it begins anew, so that it ends only by rest.
            if now.seconds() < end - life / 2 {
                return self.session(cookie.to_owned(), fingerprint, false);
            }
        }
        let said = format!("{}.{}", now.seconds() + life, URL_SAFE_NO_PAD.encode(nonce));
        let seal = self.mac("session", &said, fingerprint);
        self.session(format!("{said}.{seal}"), fingerprint, true)
    }

    /// What a form with that token is, sent with that cookie.
    pub(super) fn trust(&self, (cookie, token): (Option<&str>, &str), fingerprint: &[u8; 32], now: UnixTime) -> Trust {
        let Some(cookie) = cookie else { return Trust::Forged };
        let Some(end) = self.end(cookie, fingerprint) else { return Trust::Forged };
        match self.is_mac(("form", ""), fingerprint, token) {
            false => Trust::Forged,
            true if now.seconds() < end => Trust::Own,
            true => Trust::Ended,
        }
    }

    fn session(&self, cookie: String, fingerprint: &[u8; 32], is_new: bool) -> Session {
        Session { token: self.mac("form", "", fingerprint), cookie, is_new }
    }

    /// The end of a session, if this service gave it to that certificate.
    fn end(&self, cookie: &str, fingerprint: &[u8; 32]) -> Option<i64> {
        let (said, seal) = cookie.rsplit_once('.')?;
        self.is_mac(("session", said), fingerprint, seal).then(|| said.split('.').next()?.parse().ok()).flatten()
    }

    fn mac(&self, what: &str, said: &str, fingerprint: &[u8; 32]) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, &message(what, said, fingerprint)))
    }

    fn is_mac(&self, (what, said): (&str, &str), fingerprint: &[u8; 32], mac: &str) -> bool {
        let decoded = URL_SAFE_NO_PAD.decode(mac);
        decoded.is_ok_and(|mac| hmac::verify(&self.0, &message(what, said, fingerprint), &mac).is_ok())
    }
}

fn message(what: &str, said: &str, fingerprint: &[u8; 32]) -> Vec<u8> {
    [what.as_bytes(), b"\0", fingerprint, said.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLERK: [u8; 32] = [1; 32];
    const OTHER: [u8; 32] = [2; 32];

    fn at(second: i64) -> UnixTime {
        UnixTime::from_seconds(second).unwrap()
    }

    #[test]
    fn a_form_is_its_own_session_s_until_that_ends_and_nobody_else_s() {
        let sessions = Sessions::new(&[7; 32]);
        let life = CONSOLE_SESSION.as_secs().cast_signed();
        let session = sessions.enter(None, &CLERK, (at(1000), [3; 16]));
        assert!(session.is_new);
        let form = (Some(session.cookie.as_str()), session.token.as_str());
        let trust = |form, who, now| sessions.trust(form, who, at(now));
        assert_eq!(trust(form, &CLERK, 1000), Trust::Own);
        assert_eq!(trust(form, &CLERK, 1000 + life - 1), Trust::Own);
        assert_eq!(trust(form, &CLERK, 1000 + life), Trust::Ended);
        assert_eq!(trust(form, &OTHER, 1000), Trust::Forged);
        assert_eq!(trust((None, form.1), &CLERK, 1000), Trust::Forged);
        for token in ["", "x", &session.cookie, &session.token[1..], "AAAA"] {
            assert_eq!(trust((form.0, token), &CLERK, 1000), Trust::Forged, "{token}");
        }
        let longer = session.cookie.replacen('2', "9", 1);
        assert_eq!(trust((Some(&longer), form.1), &CLERK, 1000), Trust::Forged);
        assert_eq!(Sessions::new(&[8; 32]).trust(form, &CLERK, at(1000)), Trust::Forged);
        let others = sessions.enter(None, &OTHER, (at(1000), [4; 16]));
        assert_eq!(trust((form.0, &others.token), &CLERK, 1000), Trust::Forged);
        // The clerk's next session takes what was begun in this one.
        let next = sessions.enter(None, &CLERK, (at(1000 + life), [4; 16]));
        assert_eq!(trust((Some(&next.cookie), form.1), &CLERK, 1000 + life), Trust::Own);
    }

    #[test]
    fn a_session_goes_on_while_it_is_used_and_a_stranger_s_cookie_is_not_taken() {
        let sessions = Sessions::new(&[7; 32]);
        let half = CONSOLE_SESSION.as_secs().cast_signed() / 2;
        let first = sessions.enter(None, &CLERK, (at(0), [3; 16]));
        let enter = |who, now| sessions.enter(Some(&first.cookie), who, (at(now), [5; 16]));
        assert_eq!((enter(&CLERK, half - 1).cookie, enter(&CLERK, half - 1).is_new), (first.cookie.clone(), false));
        assert!(enter(&CLERK, half).is_new);
        assert!(enter(&OTHER, 0).is_new);
        assert!(sessions.enter(Some("0.x.y"), &CLERK, (at(0), [5; 16])).is_new);
    }
}
