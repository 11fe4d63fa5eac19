//! Every section and key. The doc comments here are the documentation of the configuration.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use super::{
    section::section,
    value::{
        BaseUrl, DaysGiven, LogFormat, NameText, NeverIssued, Oid, OnRevocation, Opening, PageUrl, ServerName, Span,
        Variant, Within,
    },
};
use crate::{
    limits::{CLIENT_BULK_RATE, CLIENT_RATE},
    signer::KeyKind,
};

/// A default that is written in this file and parsed by a test of this file.
macro_rules! fixed {
    ($text:literal) => {
        $text.parse().expect("a default of this file is right")
    };
}

section! {
    /// Who runs the service: the names in the certificates. Fixed by `jitsuin init`; changing them later changes the
    /// issuer name, and certificates issued before no longer chain.
    Service {
        /// O of both certificate authorities. The default must not pass for the real service.
        organisation: NameText = fixed!("JITSUIN-TEST");
        /// The second OU of both certificate authorities: the agency that runs them.
        agency: NameText = fixed!("JITSUIN-TEST Agency");
        /// The Japanese name of the signing CA (署名用認証局), in its subjectAltName and its certificates' issuerAltName.
        sign_ca_name_ja: NameText = fixed!("実印試験署名用認証局");
        /// The Japanese name of the authentication CA (利用者証明用認証局), in the same places.
        auth_ca_name_ja: NameText = fixed!("実印試験利用者証明用認証局");
        /// Where the certification practice statement can be read: the CPS qualifier of certificatePolicies. The default
        /// is a name that belongs to nobody (RFC 2606).
        cps_url: PageUrl = fixed!("http://jitsuin-test.example/cps.html");
    }
}

section! {
    /// What is in a certificate.
    Profile {
        /// `open`: an HTTP address beside the directory name in cRLDistributionPoints, and authorityInfoAccess in both
        /// kinds. `compat`: exactly the extensions that software written against real cards expects, and nothing more.
        variant: Variant = Variant::Open;
        /// Policy of signing certificates. The default is that of the real service's test environment.
        sign_policy_oid: Oid = fixed!("1.2.392.200149.8.5.1.0.20");
        /// Policy of authentication certificates. That of the real test environment is not public. The default stands under
        /// the same test arc (1.0) with the last number of the real authentication policy (30), so that it cannot pass for
        /// the real one (1.3.30); set it to the real test value if you know it.
        auth_policy_oid: Oid = fixed!("1.2.392.200149.8.5.1.0.30");
        /// Years that a CA certificate is valid, 7 to 25. A CA issues while 6 years and a day are left, the longest life of a
        /// holder's certificate; so a new generation is due after this number less 6.
        ca_years: u8 = 10;
    }
}

section! {
    /// Addresses inside certificates. They must be reachable by everyone who checks one.
    Urls {
        /// Where the status listener is reached from outside; OCSP, CRL and CA addresses begin with it. HTTP, because
        /// whoever checks a certificate over HTTPS would first have to check the one of the server (RFC 5280 §8).
        base: BaseUrl = fixed!("http://127.0.0.1:8080");
    }
}

section! {
    /// Where the service listens: IP address and port; port 0 takes a free one.
    Listen {
        /// OCSP, CRLs and CA certificates, over HTTP, for anyone.
        status: SocketAddr = loopback(8080);
        /// The registration interface and the console, over TLS with client certificates: municipalities, relying
        /// parties, operators.
        registration: SocketAddr = loopback(8443);
        /// Holders' own pages of the console, over TLS with the authentication certificate of the card: an address such as
        /// 127.0.0.1:8444, or `off`. See docs/console.md.
        holders: Opening = Opening::Off;
        /// Health and metrics, over HTTP without authentication: keep it on an address that only monitoring reaches.
        operator: SocketAddr = loopback(9090);
        /// DNS names and IP addresses in the TLS certificate of the registration and the holders' listener: whatever clients connect to.
        registration_names: Vec<ServerName> = vec![fixed!("localhost"), fixed!("127.0.0.1"), fixed!("::1")];
    }
}

section! {
    /// The registration interface: how often each client may ask, whose certificate counts and not its address. Whoever asks
    /// more often is told to wait (`T-15`, 429 with Retry-After); others are not held up. A rate of 0 sets no bound.
    Registration {
        /// Requests a second of one client in the long run. A town hall with a hundred desks makes some twenty; `jitsuin bulk
        /// issue` goes as fast as this allows.
        client_rate: u32 = CLIENT_RATE.0;
        /// Requests that one client may send at once after a rest. Not less than a second's.
        client_burst: u32 = CLIENT_RATE.1;
        /// Requests a second of one client with many lines of a file, up to 256 each, as `jitsuin bulk revoke` sends them: a quota
        /// of their own, so that a file does not take away the counter's.
        bulk_rate: u32 = CLIENT_BULK_RATE.0;
        /// Such requests at once after a rest. Not less than a second's.
        bulk_burst: u32 = CLIENT_BULK_RATE.1;
    }
}

section! {
    /// Private keys: encrypted PKCS#8 files, but for those in a token (keys.tokens). The passphrase comes from
    /// `--passphrase-file`, the environment variable JITSUIN_PASSPHRASE, the systemd credential `jitsuin-passphrase`, or the
    /// terminal; never from this file.
    Keys {
        /// The directory of the key files.
        directory: PathBuf = "keys".into();
        /// Kind of the signing CA's key when one is made: rsa-2048, rsa-3072, rsa-4096, p-256 or p-384.
        sign_ca: KeyKind = KeyKind::Rsa2048;
        /// Kind of the authentication CA's key when one is made.
        auth_ca: KeyKind = KeyKind::Rsa2048;
        /// Kind of the OCSP responders' keys when they are made. p-256 signs more than ten times as many answers a
        /// second as rsa-2048; choose rsa-2048 for clients that know no ECDSA.
        responder: KeyKind = KeyKind::P256;
        /// Sessions that each key in a token opens at most, 1 to 64: as many of its signatures are made at once. As many as
        /// the token works on in parallel; more only cost it memory.
        token_sessions: u8 = 4;
    }
}

section! {
    /// The database: a file on this machine, or PostgreSQL. See docs/postgres.md.
    Store {
        /// The SQLite file; its journal lies beside it. On a local disk, never on a network file system. Not used where `postgres`
        /// is set.
        path: PathBuf = "jitsuin.sqlite".into();
        /// A connection string of PostgreSQL, as `host=db1,db2 dbname=jitsuin user=jitsuin`: of several hosts the one that takes
        /// writes is used, and of two that do the one that was promoted last. No password stands in it. Empty: SQLite.
        postgres: String = String::new();
        /// A file whose first line is the password for PostgreSQL. An empty name: none is needed.
        postgres_password: PathBuf = PathBuf::new();
        /// The CA certificate, PEM, that the servers' certificates are held against; needed for every host that is another machine. An
        /// empty name: none.
        postgres_root: PathBuf = PathBuf::new();
        /// How long a server of PostgreSQL may be silent while something is written, before it is given up and another is looked for.
        postgres_patience: Span = Span::seconds(15);
    }
}

section! {
    /// Certificate revocation lists.
    Crl {
        /// How often a list is published when nobody asks for one sooner.
        period: Span = Span::hours(24);
        /// How long a list can be used: nextUpdate less thisUpdate. Longer than the period by the time that a failed
        /// publication may take to mend.
        window: Span = Span::hours(48);
        /// How often a delta is published: what changed since the newest complete list.
        delta_period: Span = Span::minutes(15);
        /// How long a delta can be used. Longer than its period by a few turns that may fail.
        delta_window: Span = Span::hours(1);
        /// Whether each municipality's list has deltas too, or the full list alone. For the whole country that is some 330,000
        /// more lists a day, about 200 MB, each kept for ten years.
        municipal_deltas: bool = true;
        /// What a revocation or hold brings about before the next turn: `delta`, the deltas of the lists concerned within
        /// seconds, at most one a minute; `partition`, also the whole list of the municipality, which everybody then
        /// downloads anew; `off`, nothing. OCSP answers at once in any case; `delta` brings those who work with lists as near
        /// to it as costs one signature and a few octets.
        publish_on_revocation: OnRevocation = OnRevocation::Delta;
    }
}

section! {
    /// OCSP.
    Ocsp {
        /// How long an answer can be used: nextUpdate less thisUpdate.
        response_life: Span = Span::hours(1);
        /// How long caches between may keep the answer to a GET request (Cache-Control max-age): the longest that a
        /// revocation stays unseen by those who ask through one.
        max_age: Span = Span::minutes(1);
        /// The answer for a serial number that was never issued: `revoked` (on hold since 1970, with the extended-revoke
        /// extension, RFC 6960 section 4.4.8) or `unknown`.
        never_issued: NeverIssued = NeverIssued::Revoked;
        /// How long a responder certificate is valid. It carries nocheck and cannot be revoked, so keep it short; a new one is
        /// made in time by itself.
        responder_life: Span = Span::days(30);
    }
}

section! {
    /// The status index: what the status listener answers from, in memory.
    Status {
        /// How often its snapshot is written, from which the next start goes on; it is also written when the service stops. After
        /// a crash the events of at most this time are read again from the store. The snapshot of 200 million certificates with 5
        /// million revocations has 91 MB.
        snapshot_period: Span = Span::minutes(10);
    }
}

section! {
    /// Checkpoints of the audit: how far the store has come, signed by the audit key. By them a start knows that the store is an
    /// older copy, and `jitsuin audit verify` that its end was cut off or that it was sealed anew. See docs/audit.md.
    Audit {
        /// How often one is taken, if anything was written since. Nobody vouches for what was written after the newest one.
        checkpoint_period: Span = Span::minutes(1);
        /// A directory outside, where each checkpoint is kept too: on another disk, of another machine, on a medium that is
        /// written once. Whoever can write the store can then not make it older unseen; and of two copies the one that was
        /// superseded stops. An empty name: none. A keeper that is not there keeps the service from starting.
        keeper: PathBuf = PathBuf::new();
    }
}

section! {
    /// Dual control: whether it takes two to declare a CA key compromised, to revoke by a file, and to change this
    /// configuration. See docs/approvals.md.
    Approvals {
        /// Whether those acts take the approval of another person, by `jitsuin approve`. A service that one person runs alone says
        /// `false`, best before its first start (`init --single-operator`): afterwards that is a change that takes two operators.
        required: bool = true;
    }
}

section! {
    /// Canaries: certificates of the service's own that are issued and revoked on a timer, one of each CA. The service then
    /// asks its own status listener, as any client would, how soon the revocation can be seen: in OCSP, in the delta and in
    /// the lists. `/metrics` shows it, and `/readyz` fails while it takes longer than it may. Canaries are counted among the
    /// certificates, stand on the lists of the first municipality by code, and leave them two days later.
    Canary {
        /// Whether canaries are issued. Without them nobody measures how fresh the answers and lists are.
        enabled: bool = true;
        /// From one canary of a CA to the next, at most a day. Each brings about deltas, as any revocation does, and every
        /// list is kept for ten years.
        period: Span = Span::hours(1);
        /// Canaries of one CA a day at most, whatever happens. Not less than the period asks for.
        most_a_day: u16 = 30;
        /// How long after a revocation OCSP may still say `good`; through caches this long and `ocsp.max_age`.
        ocsp_within: Span = Span::seconds(5);
        /// How long after a revocation the delta may still not tell of it: a length of time between `crl.delta_period` and
        /// `crl.delta_window`, or `schedule`, the period and a quarter of it.
        delta_within: Within = Within::Schedule;
        /// The same for the list of a municipality and the full list: between `crl.period` and `crl.window`, or `schedule`.
        list_within: Within = Within::Schedule;
    }
}

section! {
    /// Rules on which the public record is divided.
    Rules {
        /// The renewal window opens this many days after the day three months before the last day (conflict C-06): 1 by the
        /// ordinance and most municipalities, 0 by national pages, 2 by one guide.
        renewal_offset_days: u8 = 1;
        /// Whether an authentication certificate on hold can be released at the counter (conflict C-08). A signing
        /// certificate on hold never can.
        auth_hold_releasable: bool = true;
    }
}

section! {
    /// What counters do, where towns differ. It decides what `POST /v1/decisions` answers. Here stands what every counter does;
    /// single municipalities that do otherwise follow below.
    Every {
        /// Whether an agent with the agency's enclosed reply (照会書兼回答書) is served on the same day, or comes twice
        /// (conflict C-01).
        agent_same_day_with_enclosed_reply: bool = true;
        /// Whether the first of two visits needs the holder's card and the agent's photo ID already (conflict C-02).
        strict_first_visit: bool = true;
        /// Days that a holder has for the reply to a posted inquiry, 1 to 366; the statute names none.
        reply_days: DaysGiven = fixed!("30");
        /// Months after which a family register (戸籍) is too old to prove an agent's power (rule D-05); 0: it does not age.
        family_register_months: u16 = 0;
        /// Whether the last day for presenting a card after a move (90 days, rule M-02) carries over where it is closed, to the
        /// next open one (conflict C-09): Saturdays, Sundays, national holidays, 29 December to 3 January. False: the statute's
        /// own day. People are told the day before the statute's in either case.
        closed_days_carry_over: bool = false;
        /// Whether a signing certificate may be issued to a person under 15 or an adult ward by the exception of rule E-07
        /// (conflict C-13); some towns never do.
        exception_path: bool = true;
        /// Whether who comes is asked for a seal (印鑑; conflict C-15). Its absence refuses nothing.
        seal: bool = false;
        /// Whether a paper in a foreign language needs a translation that names its translator (rule D-06).
        translation: bool = true;
    }
}

section! {
    /// What the desks of every municipality can do (rule W-04).
    Desks {
        /// Whether branch offices (支所, 出張所) handle certificates.
        branches: bool = true;
        /// Whether post offices are designated.
        post_offices: bool = false;
        /// Whether applications that another municipality has taken are accepted.
        other_municipalities: bool = false;
        /// Whether the town hall works by appointment (予約制).
        by_appointment: bool = false;
    }
}

section! {
    /// What is charged at every counter, in yen, as the agency sets it with the approval of the minister (rules F-03, F-04,
    /// F-07).
    Fees {
        /// A card that the holder pays for: lost, damaged by own fault, void by a missed deadline.
        card_yen: u16 = 800;
        /// The certificates on such a card, one or both.
        certificates_yen: u16 = 200;
        /// A renewal in the window on the card that is there (conflict C-11).
        renewal_yen: u16 = 0;
    }
}

section! {
    /// Characters of the register that certificates do not hold: those outside JIS X 0208 and JIS X 0212 (rules N-02, N-03).
    Characters {
        /// The table of substitutes (代替文字): a UTF-8 file with a line a character, the character or `U+XXXX`, a tab, and the 1 to
        /// 16 characters that stand for it in certificates, a look-alike or kana; lines that begin with `#` are comments. An empty
        /// name: no table, and the counter gives a substitute, or kana, for each such character.
        substitutes: PathBuf = PathBuf::new();
    }
}

section! {
    /// The log, on standard error. What is logged: the environment variable RUST_LOG, `info` if it is not set.
    Log {
        /// `text` for people, `json` for programs.
        format: LogFormat = LogFormat::Text;
    }
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}
