//! The holder's consent to disclosure, and its withdrawal, as texts to be signed (section 8.1, rules L-12 and L-13).
//!
//! A [`Declaration`] (意思表示) has one text: fixed lines in Japanese with English beside it, UTF-8, each line ended by CRLF.
//! What the holder reads is what is signed, and what is signed is what is recorded: [`Declaration::parse`] takes the octets
//! that [`Declaration::text`] writes and nothing else.
//!
//! Why CRLF: it is how signed text is canonical in mail (RFC 8551 §3.1.1), so that tools which make text canonical before
//! they sign it, as `openssl cms` does unless told `-binary`, change nothing.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use time::macros::offset;

use super::{
    Party, Query, Refusal,
    calendar::{day_of, last_instant, plus_months},
    characters::is_invisible,
    decide_admission,
};
use crate::{
    kind::Kind,
    limits::{DECLARATION_LIFE, DECLARATION_OCTETS, DECLARATION_VALUE_CHARACTERS},
    x509::{Serial, UnixTime},
};

/// How long a consent is good.
const CONSENT_MONTHS: u16 = 120;

/// What a relying party may be told under a consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentScope {
    /// 新しい証明書の発行の番号: from a replaced certificate to the new one.
    Successor,
    /// 最新の4情報: the four facts of the newest signing certificate.
    Facts,
}

impl ConsentScope {
    /// Both, in the order of the text.
    pub const ALL: [Self; 2] = [Self::Successor, Self::Facts];

    /// `successor` or `facts`, as in JSON and in the store.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Successor => "successor",
            Self::Facts => "facts",
        }
    }

    /// The query that it allows.
    #[must_use]
    pub const fn query(self) -> Query {
        match self {
            Self::Successor => Query::Successor,
            Self::Facts => Query::Facts,
        }
    }

    /// How the text says it.
    const fn phrase(self) -> &'static str {
        match self {
            Self::Successor => "新しい証明書の発行の番号 / the serial numbers of new certificates",
            Self::Facts => {
                "最新の4情報（氏名・住所・生年月日・性別） / the latest name, address, date of birth and sex"
            }
        }
    }
}

/// What the holder declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// 同意: the relying party may be told this from now on; in the order of [`ConsentScope::ALL`], none twice.
    Consent(Vec<ConsentScope>),
    /// 同意の取消し: it may be told nothing any more.
    Withdrawal,
}

/// The random number that makes each text one of a kind, 16 octets; text form is hex in upper case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DraftNumber(pub [u8; 16]);

impl fmt::Display for DraftNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

impl FromStr for DraftNumber {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let number = u128::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes()));
        number.ok().filter(|number| number.to_string() == text).ok_or_else(not_canonical)
    }
}

/// To whom, and for which certificate: what both kinds of declaration say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Particulars {
    /// The organisation that runs the service.
    pub service: String,
    /// The relying party's name.
    pub party: String,
    /// Its title for people to read.
    pub title: String,
    /// The serial number of the holder's signing certificate, which is to sign the text.
    pub serial: Serial,
    /// When the text was drafted.
    pub drafted: UnixTime,
    /// What makes it one of a kind.
    pub number: DraftNumber,
}

/// A consent or a withdrawal, as the holder signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    act: Act,
    particulars: Particulars,
    until: UnixTime,
}

const CONSENT: &str = "証明書に関する情報の提供についての同意書 / Consent to disclosure";
const WITHDRAWAL: &str = "証明書に関する情報の提供についての同意の取消書 / Withdrawal of consent to disclosure";
const SERVICE: &str = "提供する機関 / From";
const PARTY: &str = "提供を受ける者 / To";
const TITLE: &str = "その名称 / Title";
const SCOPE: &str = "提供してよい情報 / Allowed";
const SERIAL: &str = "署名用電子証明書の発行の番号 / Serial number of the signing certificate";
const DRAFTED: &str = "作成日時 / Drafted";
const UNTIL: &str = "同意の期限 / Until";
const NUMBER: &str = "文書番号 / Number";
const CONSENT_END: &str = "この同意はいつでも取り消すことができます。 / This consent can be withdrawn at any time.";
const WITHDRAWAL_END: &str = "この取消しは直ちに効力を生じます。 / This withdrawal takes effect at once.";
pub(super) const END_OF_LINE: &str = "\r\n";

impl Declaration {
    /// A declaration of these particulars.
    ///
    /// # Errors
    /// `L-12` for a consent to nothing or to one thing twice, for a name that is empty, too long or not plain text on one
    /// line, and for a time whose tenth year the calendar does not have.
    pub fn new(act: Act, particulars: Particulars) -> Result<Self, Refusal> {
        let ordered = match &act {
            Act::Consent(scopes) => !scopes.is_empty() && scopes.is_sorted_by(|one, next| one < next),
            Act::Withdrawal => true,
        };
        let plain =
            [&particulars.service, &particulars.party, &particulars.title].into_iter().all(|text| is_plain(text));
        let until = plus_months(day_of(particulars.drafted), CONSENT_MONTHS).map(last_instant);
        let written = local(particulars.drafted).is_some();
        match until {
            Some(until) if ordered && plain && written => Ok(Self { act, particulars, until }),
            _ => Err(not_canonical()),
        }
    }

    /// What is declared.
    #[must_use]
    pub const fn act(&self) -> &Act {
        &self.act
    }

    /// To whom, and for which certificate.
    #[must_use]
    pub const fn particulars(&self) -> &Particulars {
        &self.particulars
    }

    /// The last instant of a consent: the end of the day ten years after it was drafted, the first day not counted
    /// (民法140, 143); a consent of 29 February ends on the 28th.
    #[must_use]
    pub const fn until(&self) -> UnixTime {
        self.until
    }

    /// The one text.
    #[must_use]
    pub fn text(&self) -> String {
        let Particulars { service, party, title, serial, drafted, number } = &self.particulars;
        let day = |at: UnixTime| local(at).unwrap_or_default();
        let mut lines = vec![
            match self.act {
                Act::Consent(_) => CONSENT.to_owned(),
                Act::Withdrawal => WITHDRAWAL.to_owned(),
            },
            format!("{SERVICE}: {service}"),
            format!("{PARTY}: {party}"),
            format!("{TITLE}: {title}"),
        ];
        if let Act::Consent(scopes) = &self.act {
            lines.extend(scopes.iter().map(|scope| format!("{SCOPE}: {}", scope.phrase())));
        }
        lines.extend([format!("{SERIAL}: {serial}"), format!("{DRAFTED}: {}", day(*drafted))]);
        match self.act {
            Act::Consent(_) => {
                lines.extend([
                    format!("{UNTIL}: {}", day(self.until)),
                    format!("{NUMBER}: {number}"),
                    CONSENT_END.into(),
                ]);
            }
            Act::Withdrawal => lines.extend([format!("{NUMBER}: {number}"), WITHDRAWAL_END.into()]),
        }
        lines.push(String::new());
        lines.join(END_OF_LINE)
    }

    /// Reads a text that [`text`](Self::text) wrote.
    ///
    /// # Errors
    /// `L-12` for any other octets.
    pub fn parse(text: &[u8]) -> Result<Self, Refusal> {
        let whole = Some(text).filter(|text| text.len() <= DECLARATION_OCTETS);
        let whole = whole.and_then(|text| std::str::from_utf8(text).ok()).ok_or_else(not_canonical)?;
        let declaration = read(whole).ok_or_else(not_canonical)?;
        // Whatever the reading let pass, the text is the one that is written.
        if declaration.text() == whole { Ok(declaration) } else { Err(not_canonical()) }
    }

    /// The last instant at which the signed text is taken.
    #[must_use]
    pub fn sign_until(&self) -> UnixTime {
        self.particulars.drafted + DECLARATION_LIFE
    }

    /// Checks that the text is of today and not of the future. The clock that dates drafts is this one, so there is no
    /// tolerance: a text dated ahead would outlive a withdrawal until then.
    ///
    /// # Errors
    /// `L-13`.
    pub fn decide_fresh(&self, now: UnixTime) -> Result<(), Refusal> {
        let drafted = self.particulars.drafted;
        if drafted > now {
            return Err(Refusal::new("L-13", "the text says that it was drafted in the future; draft it anew")
                .with_ja("文面の作成日時が未来です。新しく作成してください。"));
        }
        if now > self.sign_until() {
            return Err(Refusal::new("L-13", "the text was drafted more than 24 hours ago; draft it anew")
                .with_ja("文面の作成から24時間を過ぎています。新しく作成してください。"));
        }
        Ok(())
    }
}

/// Decides whether a relying party may have itself consented to for these scopes: each is a query that it may ask, about
/// certificates of one kind at least.
///
/// # Errors
/// As for [`decide_admission`].
pub fn decide_scopes(party: Party<'_>, scopes: &[ConsentScope], now: UnixTime) -> Result<(), Refusal> {
    scopes.iter().try_for_each(|scope| {
        let admitted = |kind| decide_admission(Some(party), scope.query(), kind, now);
        admitted(Kind::Sign).or_else(|refusal| admitted(Kind::Auth).map_err(|_| refusal)).map(drop)
    })
}

/// Checks that holder and relying party have declared nothing since the text was drafted; `latest` is when they last did.
/// Otherwise a text that was kept back could undo what the holder declared after it.
///
/// # Errors
/// `L-13`.
pub fn decide_latest(declaration: &Declaration, latest: Option<UnixTime>) -> Result<(), Refusal> {
    if latest.is_some_and(|latest| declaration.particulars.drafted < latest) {
        let detail = "the holder has declared something else to this relying party since the text was drafted";
        return Err(Refusal::new("L-13", detail).with_ja("文面の作成後に、この相手へ別の意思表示がされています。"));
    }
    Ok(())
}

fn read(text: &str) -> Option<Declaration> {
    let mut lines = text.split(END_OF_LINE).peekable();
    let consents = match lines.next()? {
        CONSENT => true,
        WITHDRAWAL => false,
        _ => return None,
    };
    let value = |line: Option<&str>, label: &str| {
        line.and_then(|line| line.strip_prefix(label)?.strip_prefix(": ")).map(str::to_owned)
    };
    let service = value(lines.next(), SERVICE)?;
    let party = value(lines.next(), PARTY)?;
    let title = value(lines.next(), TITLE)?;
    let mut scopes = Vec::new();
    while let Some(phrase) = value(lines.peek().copied(), SCOPE) {
        scopes.push(ConsentScope::ALL.into_iter().find(|scope| scope.phrase() == phrase)?);
        lines.next();
    }
    let serial = value(lines.next(), SERIAL)?.parse().ok()?;
    let drafted = value(lines.next(), DRAFTED)?.parse().ok()?;
    if consents {
        value(lines.next(), UNTIL)?;
    }
    let number = value(lines.next(), NUMBER)?.parse().ok()?;
    let act = if consents { Act::Consent(scopes) } else { Act::Withdrawal };
    Declaration::new(act, Particulars { service, party, title, serial, drafted, number }).ok()
}

/// RFC 3339 in Asia/Tokyo; nothing where the year has not four digits there.
pub(super) fn local(at: UnixTime) -> Option<String> {
    let here = at.to_utc().checked_to_offset(offset!(+9))?;
    here.format(&time::format_description::well_known::Rfc3339).ok()
}

/// One line that shows what it says: no controls, no separators of lines, nothing that turns the direction of writing.
pub(super) fn is_plain(text: &str) -> bool {
    let fits = (1..=DECLARATION_VALUE_CHARACTERS).contains(&text.chars().count());
    fits && !text.contains(is_invisible)
}

/// The refusal of a text that is not one of this service.
#[must_use]
pub fn not_canonical() -> Refusal {
    let detail = "the signed text is not one that this service drafted: sign it as it is, with its line ends";
    Refusal::new("L-12", detail)
        .with_ja("署名された文面が、このサービスの作成したものと異なります。改行も含めてそのまま署名してください。")
}

#[cfg(test)]
mod tests;
