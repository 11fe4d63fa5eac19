//! The parts of the tables of which items tell, each with its number, which is sealed and never changes.

/// What of a table an item tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Facet {
    /// `municipality`, by code.
    Municipality = 1,
    /// `authority`, by kind, generation and first index.
    Authority = 2,
    /// `holder`, by reference.
    Holder = 3,
    /// `card`, by number.
    Card = 4,
    /// `certificate` as it was reserved, by kind and index; with the index of the other of the pair, if there is one.
    Reserved = 5,
    /// `certificate`, the signed octets.
    Signed = 6,
    /// `certificate`, a state that no event tells of.
    State = 7,
    /// `status_event`, by position: kind and index, and the state from then on.
    Event = 8,
    /// `crl`, by kind, generation, scope and number.
    List = 9,
    /// `credential`, by fingerprint.
    Credential = 10,
    /// `answer`, by client and key.
    Answer = 11,
    /// `consent` as it was given, by number.
    Consent = 12,
    /// `consent`, its end.
    ConsentEnd = 13,
    /// `register_entry`, by id.
    RegisterEntry = 14,
    /// `deadline`, by holder.
    Deadline = 15,
    /// `notice` as it was written, by number.
    Notice = 16,
    /// `notice`, when it was sent.
    NoticeSent = 17,
    /// `relying_party`, by name.
    RelyingParty = 18,
    /// `disclosure`, by number.
    Disclosure = 19,
    /// `usage`: so many more were refused, by party, query and day.
    Refused = 20,
    /// `application` as it was received, by number and place.
    Application = 21,
    /// `application`, where it stands.
    ApplicationState = 22,
    /// `register_text`, by index.
    RegisterText = 23,
    /// `exception` as it was asked for, by digest.
    Exception = 24,
    /// `exception`, how far it is.
    ExceptionState = 25,
    /// `fence`, `next_index` and `number_floor`, raised by a restore ([`leap`](super::leap)).
    Fence = 26,
    /// `authority`, the compromise of its key, by kind and generation.
    Compromise = 27,
}

impl Facet {
    /// Every facet.
    pub const ALL: [Self; 27] = [
        Self::Municipality,
        Self::Authority,
        Self::Holder,
        Self::Card,
        Self::Reserved,
        Self::Signed,
        Self::State,
        Self::Event,
        Self::List,
        Self::Credential,
        Self::Answer,
        Self::Consent,
        Self::ConsentEnd,
        Self::RegisterEntry,
        Self::Deadline,
        Self::Notice,
        Self::NoticeSent,
        Self::RelyingParty,
        Self::Disclosure,
        Self::Refused,
        Self::Application,
        Self::ApplicationState,
        Self::RegisterText,
        Self::Exception,
        Self::ExceptionState,
        Self::Fence,
        Self::Compromise,
    ];

    /// The facet of that number.
    #[must_use]
    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|facet| *facet as u8 == id)
    }

    /// The table.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::Municipality => "municipality",
            Self::Authority | Self::Compromise => "authority",
            Self::Holder => "holder",
            Self::Card => "card",
            Self::Reserved | Self::Signed | Self::State => "certificate",
            Self::Event => "status_event",
            Self::List => "crl",
            Self::Credential => "credential",
            Self::Answer => "answer",
            Self::Consent | Self::ConsentEnd => "consent",
            Self::RegisterEntry => "register_entry",
            Self::Deadline => "deadline",
            Self::Notice | Self::NoticeSent => "notice",
            Self::RelyingParty => "relying_party",
            Self::Disclosure => "disclosure",
            Self::Refused => "usage",
            Self::Application | Self::ApplicationState => "application",
            Self::RegisterText => "register_text",
            Self::Exception | Self::ExceptionState => "exception",
            Self::Fence => "fence",
        }
    }
}
