//! What a holder applies for from home, as a text to be signed with the card (O-01, O-02, P-08).
//!
//! A [`HomeApplication`] has one text, as a [`Declaration`](super::Declaration) has: fixed lines in Japanese with English beside it,
//! UTF-8, lines ended by CRLF. The holder's own software writes it. It names certificates by serial number, which never comes again,
//! so that one which is sent twice, or kept back, ends nothing that was issued after it.

use super::{
    Refusal,
    consent::{END_OF_LINE, is_plain, local},
};
use crate::{
    kind::Kind,
    limits::{DECLARATION_LIFE, DECLARATION_OCTETS, HOME_CLOCK_AHEAD},
    x509::{Serial, UnixTime},
};

/// What is applied for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HomeWish {
    /// 失効申請: that certificates end.
    Revoke,
    /// 暗証番号の初期化の予約: to set the PIN of a certificate again at a convenience store.
    ResetPin,
}

impl HomeWish {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Revoke, Self::ResetPin];

    /// The rule that names it.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Revoke => "O-01",
            Self::ResetPin => "P-08",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Revoke => "電子証明書の失効申請書 / Application for revocation",
            Self::ResetPin => "暗証番号の初期化の予約申込書 / Reservation of the reset of a PIN",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Revoke => "失効を求める電子証明書 / To be revoked",
            Self::ResetPin => "暗証番号を初期化する電子証明書 / PIN of",
        }
    }

    const fn end(self) -> &'static str {
        match self {
            Self::Revoke => "失効は取り消すことができません。 / A revocation cannot be undone.",
            Self::ResetPin => "予約は24時間有効です。 / The reservation holds for 24 hours.",
        }
    }
}

/// A certificate, as the text names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// Which kind.
    pub kind: Kind,
    /// Its serial number.
    pub serial: Serial,
}

/// An application as the holder signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeApplication {
    wish: HomeWish,
    service: String,
    signer: Named,
    certificates: Vec<Named>,
    made: UnixTime,
}

const SERVICE: &str = "申請先の機関 / To";
const SIGNER: &str = "署名に用いる電子証明書 / Signed with";
const MADE: &str = "作成日時 / Made";

impl HomeApplication {
    /// An application to the service of that name, to be signed with the key of `signer`.
    ///
    /// # Errors
    /// The rule of the wish for no certificates or two of a kind, for more than one whose PIN is to be set, and for a name that is
    /// not plain text on one line.
    pub fn new(
        wish: HomeWish,
        service: &str,
        signer: Named,
        certificates: &[Named],
        made: UnixTime,
    ) -> Result<Self, Refusal> {
        let fits = match (wish, certificates) {
            (_, [_]) => true,
            (HomeWish::Revoke, [one, other]) => (one.kind, other.kind) == (Kind::Auth, Kind::Sign),
            _ => false,
        };
        if !fits || !is_plain(service) || local(made).is_none() {
            return Err(not_canonical(wish));
        }
        Ok(Self { wish, service: service.to_owned(), signer, certificates: certificates.to_vec(), made })
    }

    /// What is applied for.
    #[must_use]
    pub const fn wish(&self) -> HomeWish {
        self.wish
    }

    /// The organisation that runs the service.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The certificate whose key is to sign.
    #[must_use]
    pub const fn signer(&self) -> Named {
        self.signer
    }

    /// The certificates that it is about; of a reset, one.
    #[must_use]
    pub fn certificates(&self) -> &[Named] {
        &self.certificates
    }

    /// When it was made, by the clock of the holder's computer.
    #[must_use]
    pub const fn made(&self) -> UnixTime {
        self.made
    }

    /// The one text.
    #[must_use]
    pub fn text(&self) -> String {
        let named = |label: &str, Named { kind, serial }: Named| format!("{label}: {kind} {serial}");
        let mut lines =
            vec![self.wish.title().to_owned(), format!("{SERVICE}: {}", self.service), named(SIGNER, self.signer)];
        lines.extend(self.certificates.iter().map(|one| named(self.wish.label(), *one)));
        lines.extend([
            format!("{MADE}: {}", local(self.made).unwrap_or_default()),
            self.wish.end().to_owned(),
            String::new(),
        ]);
        lines.join(END_OF_LINE)
    }

    /// Reads a text of this wish that [`text`](Self::text) wrote.
    ///
    /// # Errors
    /// The rule of the wish for any other octets.
    pub fn parse(wish: HomeWish, text: &[u8]) -> Result<Self, Refusal> {
        let whole = Some(text).filter(|text| text.len() <= DECLARATION_OCTETS);
        let whole = whole.and_then(|text| std::str::from_utf8(text).ok());
        let read = whole.and_then(|whole| read(wish, whole).filter(|application| application.text() == whole));
        read.ok_or_else(|| not_canonical(wish))
    }

    /// Checks that it was made within a day, so that none is kept back and handed in later; and not in the future, by more than
    /// a computer's clock goes wrong.
    ///
    /// # Errors
    /// The rule of the wish.
    pub fn decide_fresh(&self, now: UnixTime) -> Result<(), Refusal> {
        let refused =
            |detail: &str, ja: &'static str| Err(Refusal::new(self.wish.rule(), detail).with_ja(ja).in_case("stale"));
        if self.made > now + HOME_CLOCK_AHEAD {
            return refused(
                "the application says that it was made in the future; set the clock of the computer",
                "申請の作成日時が未来です。パソコンの時計を合わせてください。",
            );
        }
        if now > self.made + DECLARATION_LIFE {
            return refused(
                "the application was made more than 24 hours ago; make another",
                "申請の作成から24時間を過ぎています。新しく作成してください。",
            );
        }
        Ok(())
    }
}

fn read(wish: HomeWish, text: &str) -> Option<HomeApplication> {
    let mut lines = text.split(END_OF_LINE).peekable();
    lines.next().filter(|line| *line == wish.title())?;
    let value = |line: Option<&str>, label: &str| {
        line.and_then(|line| line.strip_prefix(label)?.strip_prefix(": ")).map(str::to_owned)
    };
    let named = |value: &str| {
        let (kind, serial) = value.split_once(' ')?;
        Some(Named { kind: kind.parse().ok()?, serial: serial.parse().ok()? })
    };
    let service = value(lines.next(), SERVICE)?;
    let signer = named(&value(lines.next(), SIGNER)?)?;
    let mut certificates = Vec::new();
    while let Some(one) = value(lines.peek().copied(), wish.label()) {
        certificates.push(named(&one)?);
        lines.next();
    }
    let made = value(lines.next(), MADE)?.parse().ok()?;
    HomeApplication::new(wish, &service, signer, &certificates, made).ok()
}

fn not_canonical(wish: HomeWish) -> Refusal {
    let detail = "the signed text is not one that the holder's software of this service writes";
    Refusal::new(wish.rule(), detail)
        .with_ja("署名された文面が、このサービスの利用者ソフトの書式ではありません。")
        .in_case("text")
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTH: &str = "7A01020304050607080910111213141516";
    const SIGN: &str = "1B01020304050607080910111213141516";

    fn named(kind: Kind) -> Named {
        let serial = if kind == Kind::Auth { AUTH } else { SIGN };
        Named { kind, serial: serial.parse().unwrap() }
    }

    fn at(text: &str) -> UnixTime {
        text.parse().unwrap()
    }

    fn application(wish: HomeWish, certificates: &[Kind]) -> Result<HomeApplication, Refusal> {
        let certificates: Vec<_> = certificates.iter().map(|kind| named(*kind)).collect();
        HomeApplication::new(wish, "JITSUIN-TEST", named(Kind::Sign), &certificates, at("2026-11-02T03:00:00Z"))
    }

    #[test]
    fn the_holder_reads_what_is_signed() {
        let text = application(HomeWish::Revoke, &Kind::BOTH).unwrap().text();
        let expected = [
            "電子証明書の失効申請書 / Application for revocation",
            "申請先の機関 / To: JITSUIN-TEST",
            &format!("署名に用いる電子証明書 / Signed with: sign {SIGN}"),
            &format!("失効を求める電子証明書 / To be revoked: auth {AUTH}"),
            &format!("失効を求める電子証明書 / To be revoked: sign {SIGN}"),
            "作成日時 / Made: 2026-11-02T12:00:00+09:00",
            "失効は取り消すことができません。 / A revocation cannot be undone.",
            "",
        ];
        assert_eq!(text, expected.join("\r\n"));
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let wishes = [
            (HomeWish::Revoke, &[Kind::Sign][..]),
            (HomeWish::Revoke, &[Kind::Auth]),
            (HomeWish::Revoke, &Kind::BOTH),
            (HomeWish::ResetPin, &[Kind::Auth]),
            (HomeWish::ResetPin, &[Kind::Sign]),
        ];
        for (wish, kinds) in wishes {
            let application = application(wish, kinds).unwrap();
            let text = application.text();
            assert_eq!(HomeApplication::parse(wish, text.as_bytes()).unwrap(), application);
            let other = HomeWish::ALL.into_iter().find(|other| *other != wish).unwrap();
            assert_eq!(HomeApplication::parse(other, text.as_bytes()).unwrap_err().rule, other.rule());
            for bad in [
                text.replace("\r\n", "\n"),
                format!("{text} "),
                text.replace("sign", "Sign"),
                text.replace("1B", "1b"),
                text.replace("+09:00", "Z"),
                text[..text.len() - 1].to_owned(),
                text.replacen("JITSUIN-TEST", "", 1),
                "あ".repeat(2000),
            ] {
                assert_eq!(HomeApplication::parse(wish, bad.as_bytes()).unwrap_err().rule, wish.rule(), "{bad}");
            }
            for cut in 0..text.len() {
                assert!(HomeApplication::parse(wish, &text.as_bytes()[..cut]).is_err(), "{cut}");
            }
        }
    }

    #[test]
    fn what_names_no_certificate_or_two_of_a_kind_is_none() {
        for kinds in [&[][..], &[Kind::Sign, Kind::Sign], &[Kind::Sign, Kind::Auth], &[Kind::Auth, Kind::Auth]] {
            assert_eq!(application(HomeWish::Revoke, kinds).unwrap_err().rule, "O-01");
        }
        assert_eq!(application(HomeWish::ResetPin, &Kind::BOTH).unwrap_err().rule, "P-08");
        for service in ["", "A\r\nB", "A\u{202E}B"] {
            let made = at("2026-11-02T03:00:00Z");
            let one = [named(Kind::Sign)];
            assert!(HomeApplication::new(HomeWish::Revoke, service, named(Kind::Sign), &one, made).is_err());
        }
    }

    #[test]
    fn it_is_taken_for_a_day_and_from_a_clock_that_is_a_little_ahead() {
        let application = application(HomeWish::Revoke, &[Kind::Sign]).unwrap();
        for (now, taken) in [
            ("2026-11-02T02:54:59Z", false),
            ("2026-11-02T02:55:00Z", true),
            ("2026-11-03T03:00:00Z", true),
            ("2026-11-03T03:00:01Z", false),
        ] {
            let decided = application.decide_fresh(at(now)).map_err(|refusal| refusal.rule);
            assert_eq!(decided, if taken { Ok(()) } else { Err("O-01".into()) }, "{now}");
        }
    }
}
