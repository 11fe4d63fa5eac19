//! Every bound of the service with its reason. A bound that is not here does not exist.

use std::time::Duration;

/// Octets of a serial number, sign octet included (RFC 5280 §4.1.2.2).
pub const SERIAL_OCTETS: usize = 20;

/// Octets of one PKCS#10 request: RSA-4096 with generous attributes stays under it.
pub const CSR_OCTETS: usize = 4 * 1024;

/// Octets of a signed message (CMS): a text of 2 kB, a signature and the certificates that tools add fit three times.
pub const CMS_OCTETS: usize = 24 * 1024;

/// Certificates that a signed message may bring along; none is looked at.
pub const CMS_CERTIFICATES: usize = 4;

/// Signed attributes of a signed message: OpenSSL writes four, CAdES three more.
pub const CMS_ATTRIBUTES: usize = 16;

/// Octets of a declaration's text: three names of the longest and the fixed lines fit.
pub const DECLARATION_OCTETS: usize = 4 * 1024;

/// Characters of a name in a declaration's text.
pub const DECLARATION_VALUE_CHARACTERS: usize = 200;

/// How long a drafted declaration may wait for its signature: the holder looks for the card at home.
pub const DECLARATION_LIFE: Duration = Duration::from_secs(24 * 3600);

/// How far ahead the clock of a holder's computer may be: one that goes wrong by more shows it to its owner.
pub const HOME_CLOCK_AHEAD: Duration = Duration::from_secs(5 * 60);
/// How long a form of the console counts after the page was last used: a clerk's rest, and no unattended afternoon.
pub const CONSOLE_SESSION: Duration = Duration::from_secs(30 * 60);

/// Octets of a JSON body on the registration listener: two requests in base64 and the facts fit ten times.
pub const JSON_BODY_OCTETS: usize = 64 * 1024;

/// Octets of an OCSP request body: a hundred CertIDs with SHA-256 and a nonce fit twice.
pub const OCSP_REQUEST_OCTETS: usize = 32 * 1024;

/// CertIDs in one OCSP request; each costs a look-up and about 100 octets of answer.
pub const OCSP_CERT_IDS: usize = 128;

/// Octets of an OCSP nonce (RFC 9654 §2.1).
pub const OCSP_NONCE_OCTETS: std::ops::RangeInclusive<usize> = 1..=128;

/// Octets of the header of a backup in the format of age: a hundred recipients fit.
pub const BACKUP_HEADER_OCTETS: usize = 16 * 1024;

/// Cost of the passphrase of a backup, as power of two: what the program `age` takes, about a second.
pub const BACKUP_SCRYPT_LOG_N: u8 = 18;

/// The highest cost that a backup may ask for, as power of two: what `age` bears; it takes 4 GiB and half a minute.
pub const BACKUP_SCRYPT_MOST_LOG_N: u8 = 22;

/// Octets of the table of contents of a backup: a long list of every municipality an hour for ten years would not fit, one of every
/// CA does a hundred times (each line has 180).
pub const BACKUP_MANIFEST_OCTETS: u64 = 64 * 1024 * 1024;

/// Indexes that a restored store leaves out beyond all that is known to be given: blocks that were taken in advance, and what was
/// given after the newest checkpoint. A gap costs nothing: the index of statuses holds 2^37, and has no room for what was never
/// issued.
pub const LEAP_INDEXES: u64 = 1 << 24;

/// Indexes that it leaves out for each second of the loss window: more than this program has ever issued in one.
pub const LEAP_INDEXES_A_SECOND: u64 = 1000;

/// The most that it leaves out for the whole window: twice the inhabitants of Japan.
pub const LEAP_WINDOW_INDEXES: u64 = 1 << 28;

/// Numbers of lists that a restored store leaves out above what is known: a list every minute for two years.
pub const LEAP_NUMBERS: u64 = 1 << 20;

/// How many numbers of lists each second since 1970 stands for, where a restored store goes on: more lists than any CA signs in one.
/// So copies that were restored from one backup at different times give different numbers, though neither knows of the other.
pub const LEAP_NUMBERS_A_SECOND: u64 = 1 << 16;

/// Certificates that are looked at, and revocations that are learnt again, at a time.
pub const LEARN_PAGE: usize = 1000;

/// Characters of 住所 in the certificate (profile, the four facts).
pub const ADDRESS_CHARACTERS: usize = 200;

/// Characters of 氏名 in the certificate: the register's longest foreign names stay under it.
pub const NAME_CHARACTERS: usize = 100;

/// Characters of the reason for an exception (rule E-07): a sentence, not a word and not a dossier.
pub const EXCEPTION_REASON_CHARACTERS: std::ops::RangeInclusive<usize> = 10..=1000;

/// Characters of a municipality in romaji: `<Municipality> CRLDP` must fit a common name of 64 (RFC 5280
/// ub-common-name).
pub const MUNICIPALITY_CHARACTERS: usize = 58;

/// Octets of a line of `jitsuin validity --jsonl`: a case has under 300, with room for white space.
pub const JSONL_LINE_OCTETS: usize = 4 * 1024;

/// Nesting of DER that is read from outside: an OCSP request needs 8, a consent signed as CAdES 18, for its reference to the
/// signing certificate names the issuer.
pub const DER_DEPTH: usize = 20;

/// Octets of an `Idempotency-Key` header.
pub const IDEMPOTENCY_KEY_OCTETS: usize = 128;

/// Times a story re-reads and decides again when another write to the same holder came first.
pub const CONFLICT_RETRIES: usize = 8;

/// How long a client may take to send its request head.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take to send its body, and the service to answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a TLS handshake may take.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long requests in flight may go on when the service is asked to stop.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a list that is due is left to the publisher that made the one before it, where several share a store: some turns of its
/// timer, and far less than a list may be late.
pub const TAKE_OVER_DUE: Duration = Duration::from_secs(60);

/// The same of a list that a revocation or hold brings about: longer than [`PROMPT_PAUSE`] and than taking up what others made.
pub const TAKE_OVER_CHANGE: Duration = Duration::from_secs(90);

/// How far the time of a change may be from the database's, on a store that several nodes write: one that is ahead would have the
/// others refused as too late. Longer than a request may wait for its turn.
pub const NODE_CLOCKS: Duration = Duration::from_secs(60);

/// How far the time of a change may lie before the last recorded one: stories read the clock before they queue.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// Changes that one transaction of the writer takes together, so that one fsync serves them all.
pub const COMMIT_BATCH: usize = 256;

/// Changes that may wait for the writer; beyond it the store is busy (503) instead of slow.
pub const COMMIT_QUEUE: usize = 4096;

/// How long a change may have to wait for the writer before new requests that write are turned away (429): a counter waits two
/// such waits for a pair, which is less than its officer's patience.
pub const QUEUE_WAIT: Duration = Duration::from_secs(2);

/// How long the writer waits for a lock that another program holds on the database, which only foreign tools do: half of
/// [`QUEUE_WAIT`], so that who came with the first and who came meanwhile are turned away within that.
pub const LOCK_WAIT: Duration = Duration::from_secs(1);

/// How long it waits from then on, until it has written again: long enough to slip in between two transactions of such a tool.
pub const LOCK_GLANCE: Duration = Duration::from_millis(50);

/// How long readiness waits for the writer before it says that the store hangs.
pub const WRITER_ANSWER: Duration = Duration::from_millis(500);

/// How long `/readyz` waits for its checks in all: who asks has an answer within a second.
pub const READINESS_ANSWER: Duration = Duration::from_millis(800);

/// How many questions for readiness or metrics may be waiting for checks that hang, each of which takes a thread.
pub const READINESS_LOOKS: usize = 4;

/// Indexes that a node takes from the store at a time, and has in stock besides; a stop leaves at most twice so many unused, which
/// is 4 KiB of status index. Half of them last from one turn of the timer to the next at eight hundred pairs a second.
pub const INDEX_BLOCK: u64 = 8192;

/// How many index numbers of a generation that it does not know a status node looks at for whether one was given: the first blocks of
/// sixteen processes. It takes less than a millisecond.
pub const INDEXES_SEEN: u64 = 16 * INDEX_BLOCK;

/// Octets of a private key file: RSA-4096 in PEM needs 3.5 KiB.
pub const KEY_FILE_OCTETS: usize = 16 * 1024;

/// Octets of a card file: four keys of RSA-2048, four certificates of the longest and the seal fit.
pub const CARD_FILE_OCTETS: usize = 32 * 1024;

/// Memory that scrypt may take to open a key file: ours need 16 MiB, OpenSSL opens no more than 32 MiB.
pub const SCRYPT_MEMORY_OCTETS: u64 = 64 * 1024 * 1024;

/// Times that scrypt may fill that memory (its p) to open a key file: ours do 5.
pub const SCRYPT_PARALLELISM: u16 = 16;

/// Iterations of PBKDF2 to open a key file: OWASP's 600,000 fit ten times, and it still opens within seconds.
pub const PBKDF2_ITERATIONS: u32 = 10_000_000;

/// Octets of a passphrase: OpenSSL's `-passin file:` reads no more.
pub const PASSPHRASE_OCTETS: usize = 1024;

/// Shares of the passphrase: more holders than this come to no ceremony.
pub const KEY_SHARES: u8 = 32;

/// Octets of a file with a share: the sheet around it is a few kilobytes of text.
pub const SHARE_FILE_OCTETS: usize = 16 * 1024;

/// Characters of a new passphrase: the least that NIST SP 800-63B-4 §3.1.1.2 accepts where nothing else protects.
pub const NEW_PASSPHRASE_CHARACTERS: usize = 15;

/// Octets of a PIN: CK_TOKEN_INFO allows more, no vendor does.
pub const PIN_OCTETS: usize = 255;

/// Octets of the URI of a key in a token: labels of 255 octets, every one escaped, and two paths.
pub const TOKEN_URI_OCTETS: usize = 2048;

/// How long a signature waits for a free session before the token is taken for stuck; PKCS#11 itself knows no time.
pub const TOKEN_WAIT: Duration = Duration::from_secs(10);

/// How often a service asks whether its tokens are there.
pub const TOKEN_LOOK_PERIOD: Duration = Duration::from_secs(1);

/// How long a token may take to answer that before readiness says so: with the period, less than two seconds.
pub const TOKEN_LOOK_WAIT: Duration = Duration::from_millis(800);

/// How long a PKCS#11 module that shows no token is left to the calls that are inside before it is begun anew: a call that
/// answers does so within a second.
pub const TOKEN_RENEWAL_WAIT: Duration = Duration::from_secs(2);

/// Octets of the configuration file: the template with every key and its explanation fits ten times.
pub const CONFIG_OCTETS: usize = 128 * 1024;

/// Octets of a table of substitutes: some 60,000 lines, more than there are characters in the registers of towns.
pub const SUBSTITUTES_OCTETS: usize = 1 << 20;

/// Signed OCSP answers kept for the next who asks: 1 kB each with P-256 keys, about 1.6 kB with RSA, so some 110 MB
/// at most.
pub const OCSP_KEPT_ANSWERS: usize = 65_536;

/// OCSP answers that may wait for a slow (RSA) key; beyond it the answer is tryLater, and clients come back later.
pub const OCSP_SIGNING_QUEUE: usize = 512;

/// How long who asks OCSP waits for a slow key: a token that hangs is told by 503 and tryLater, before clients give up by themselves.
/// A key that signs at all empties the whole queue within it.
pub const OCSP_SIGNATURE_WAIT: Duration = Duration::from_secs(5);

/// Octets of an HTTP request's head: the largest OCSP request that fits a URL, in base64, and the usual headers.
pub const HTTP_HEAD_OCTETS: usize = 64 * 1024;

/// Requests at a time on one connection of HTTP/2: a counter's own requests come one after another, and a batch fits.
pub const HTTP2_STREAMS: u32 = 64;

/// Octets of an answer that one stream of HTTP/2 may have lying unsent; the rest stays where it is made.
pub const HTTP2_SEND_OCTETS: usize = 64 * 1024;

/// Connections open at a time on one listener; further ones wait in the kernel's queue.
pub const CONNECTIONS: usize = 8192;

/// File descriptors that no connection takes: the store with its readers, long lists that are made or sent, keys, logs.
pub const DESCRIPTORS_KEPT: usize = 256;

/// Between two log lines about connections that cannot be accepted; it is tried fifty times a second, by every thread that
/// listens.
pub const ACCEPT_LOG_PERIOD: Duration = Duration::from_secs(10);

/// Connections that wait in the kernel to be accepted.
pub const LISTEN_BACKLOG: i32 = 1024;

/// Octets that wait in the kernel for a client that does not read. Without a bound Linux keeps up to 4 MB for each, so that a few
/// hundred of them would take the memory of every connection of the machine. What is on its way to a client that reads is not bounded
/// by it.
pub const UNSENT_OCTETS: u32 = 128 * 1024;

/// How long a cache may use a list or a CA certificate before it asks again (304 costs little): a list published at once
/// on demand is seen everywhere after that, though the one before has not ended yet.
pub const FILE_MAX_AGE: Duration = Duration::from_secs(3600);

/// How long a cache may keep a delta: after a revocation the next one comes within a minute.
pub const DELTA_MAX_AGE: Duration = Duration::from_secs(60);

/// Octets of a list that is kept in gzip too, which makes it half as long and takes half as much memory again: a shorter
/// one fits into a packet, and who wants a longer one (more than a million entries) takes it once and then deltas.
pub const COMPRESSED_LIST_OCTETS: std::ops::RangeInclusive<usize> = 1024..=64 * 1024 * 1024;

/// Rows that are read at one instant for a list: some 20 ms, for which the write-ahead log grows. Hardly a municipality has more.
pub const LIST_PAGE: usize = 8192;

/// How long the certificate of an audit key is valid that a start makes: as long as a CA of the usual length.
pub const AUDIT_KEY_LIFE: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Octets of a checkpoint, which is a line of a file: its numbers at their longest leave room for as much again.
pub const CHECKPOINT_OCTETS: usize = 2048;

/// Octets from which on a list is long: it lies in a file instead of in its row and in memory, and is sent from there. Some
/// 80,000 entries: the full list of a nation, and no municipality's.
pub const LONG_LIST_OCTETS: u64 = 4 * 1024 * 1024;

/// Entries beyond which lists are made one at a time, however many threads there are: so many take 2.7 MB while their list is
/// being made, ten million 240 MB.
pub const LONG_LIST_ENTRIES: u64 = 100_000;

/// Status events that are kept in memory for the lists of a run, each 64 octets and a place or two: 30 MB. It is also the most that
/// a delta tells of; whoever must take in more fetches the complete list.
pub const JOURNAL_ROWS: usize = 400_000;

/// Lists that are made and wait for those before them to be recorded: as many as short ones fit into 64 MiB.
pub const LISTS_AHEAD: usize = 16;

/// Threads that make lists at a time, however many cores there are: each reads the store, and counters do too.
pub const LIST_HANDS: usize = 8;

/// How far upkeep steps back behind answers and writers, in steps of niceness: a tenth of the processor of each of those who
/// want it at the same time.
pub const UPKEEP_NICENESS: i32 = 10;

/// Octets of a long list that are read for a client at a time, and wait for it to take them.
pub const LIST_PIECE_OCTETS: usize = 128 * 1024;

/// How often the service looks for published lists that are not compressed yet; looking costs little.
pub const COMPRESS_PERIOD: Duration = Duration::from_secs(2);

/// How long a cache may keep a list that was asked for by its number: a year, which is as good as for ever (RFC 9111 §5.3
/// has clients take no more).
pub const NUMBERED_MAX_AGE: Duration = Duration::from_secs(365 * 86_400);

/// Lists by number that are read from the store at a time; beyond it the answer is 503.
pub const NUMBERED_READERS: usize = 4;

/// Octets of lists by number that are held for downloads under way; beyond it the answer is 503. A longer list passes
/// when no other does.
pub const NUMBERED_OCTETS: usize = 256 * 1024 * 1024;

/// How often recorded latencies are folded into their histograms, so that they take no memory while nobody asks.
pub const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// How often a status node looks what is new in its store.
pub const NODE_PERIOD: Duration = Duration::from_secs(1);

/// How long a status node hears nothing from its store before it says so: five looks. The store's own patience is longer, so that one
/// that is only slow is not given up.
pub const NODE_SILENCE: Duration = Duration::from_secs(5);

/// Every so many looks a status node asks its store for the newest of every list, whatever the audit told of: once a minute.
pub const NODE_LOOKS: u64 = 60;

/// Audit entries that a status node reads at a look to see which lists are new; where there are more it asks for all lists.
pub const NODE_ENTRIES: usize = 1000;

/// How often the service looks for lists that are due, reservations that were left and certificates to renew.
pub const TIMER_PERIOD: Duration = Duration::from_secs(5);

/// How often the service looks whether revocations wait to be published at once; looking costs a memory access.
pub const PROMPT_PERIOD: Duration = Duration::from_secs(2);

/// The pause after a list of a scope before a revocation brings about the next one: a stream of revocations makes at most
/// sixty deltas an hour, each of which is kept for ten years.
pub const PROMPT_PAUSE: Duration = Duration::from_secs(60);

/// The longest life of a holder's certificate, to the 6th birthday: a CA generation with less before it is at its end.
pub const LONGEST_LIFE: Duration = Duration::from_secs((6 * 366 + 1) * 86_400);

/// Certificates that end in one commit when a CA key is compromised: few enough that who writes beside it waits for no more than
/// some tens of milliseconds.
pub const COMPROMISE_PAGE: usize = 256;

/// Persons that are read at a time for an erasure, and erased in one commit: some have thousands of rows in the ledger.
pub const ERASED_PERSONS: usize = 64;

/// Old answers that go in one commit.
pub const ERASED_ANSWERS: usize = 1024;

/// For how long a service may have written nothing before an erasure asks that somebody says the day: a clock that leapt ahead would
/// have everything go at once, and nothing brings it back.
pub const ERASURE_SILENCE: Duration = Duration::from_secs(31 * 86_400);

/// Pages of them in one request: within the time that a client waits for an answer, on a slow disk too.
pub const COMPROMISE_PAGES: usize = 32;

/// How long before a CA's newest generation is at its end `check` and readiness tell that the next is due.
pub const ROLLOVER_NOTICE: Duration = Duration::from_secs(366 * 86_400);

/// The longest life of a canary: it ends with the second day after the one on which it is issued, so that its entry is on at
/// least one list of a daily schedule and soon on none.
pub const CANARY_LIFE: Duration = Duration::from_secs(3 * 86_400);

/// How often the service looks in every channel for the revocations of its canaries; most looks are answered 304.
pub const FRESHNESS_POLL: Duration = Duration::from_secs(5);

/// The pause before OCSP is asked again about a canary whose revocation it does not tell of yet.
pub const FRESHNESS_PAUSE: Duration = Duration::from_millis(20);

/// How long an answer to such a question may take; later is as bad as none.
pub const FRESHNESS_ANSWER: Duration = Duration::from_secs(5);

/// Octets of a list that is looked through for a canary: twice the full list of ten million revocations, which comes from
/// this very process.
pub const LIST_OCTETS: usize = 1024 * 1024 * 1024;

/// The pause before a canary that could not be issued or revoked is tried again.
pub const CANARY_RETRY: Duration = Duration::from_secs(60);

/// How long the looking may rest before readiness says that nobody looks: every question of a turn may time out.
pub const FRESHNESS_STALLED: Duration = Duration::from_secs(120);

/// Canaries of a CA that are looked for at a time: four days of one an hour. More are out only where lists have not appeared
/// for days, and then the oldest tells enough.
pub const CANARIES_WATCHED: usize = 96;

/// How old a reservation is before the timer takes it for left behind. A request that is still at work on it then loses
/// nothing: whoever comes second finds it issued.
pub const RECOVERY_GRACE: Duration = Duration::from_secs(10);

/// Stories told at a time on the registration listener; each takes a thread, and one commit of the writer serves many.
pub const STORIES_IN_FLIGHT: usize = 128;

/// Readings at a time on the registration listener: they have places of their own, so that a writer that is slow keeps nobody
/// from looking.
pub const READINGS_IN_FLIGHT: usize = 32;

/// Pages at a time that holders look at, of all holders together: however many come after the news has told of their cards, the
/// counters' turns are the counters'.
pub const HOLDERS_IN_FLIGHT: usize = 8;

/// How long a request may wait for its turn to be told; beyond it the answer is 503, and the client comes back.
pub const STORY_WAIT: Duration = Duration::from_millis(500);

/// Requests a minute of one client that are noted in the audit when they cannot be read: a broken client must not fill the
/// disk. Metrics and logs count all.
pub const MALFORMED_NOTES: u32 = 60;

/// Requests of one client: a second in the long run, and at once after a rest. A town hall with a hundred desks behind one
/// certificate makes some twenty a second, `jitsuin bulk issue` as many as the service does; a machine of two cores does half as
/// many again. Default of `registration.client_rate` and `client_burst`.
pub const CLIENT_RATE: (u32, u32) = (1000, 5000);

/// Requests of one client with many lines of a file, the same: with [`BULK_LINES`] each 25,600 lines a second, which is what a
/// machine of two cores revokes. Default of `registration.bulk_rate` and `bulk_burst`.
pub const CLIENT_BULK_RATE: (u32, u32) = (100, 500);

/// Clients whose rates are remembered before those that rest are forgotten: municipalities, branches and relying parties of
/// the country fit twice, in half a megabyte.
pub const CLIENT_BUCKETS: usize = 8192;

/// Characters of a client's own text that an error quotes back.
pub const QUOTED_CHARACTERS: usize = 300;

/// Octets of an answer that our own client takes: the full list of ten million revocations has about 400 MB, and nobody
/// downloads that with it.
pub const ANSWER_OCTETS: usize = 64 * 1024 * 1024;

/// Contradictions that the doctor tells one by one; what is beyond is counted, and has the same cause.
pub const CONTRADICTIONS_TOLD: usize = 1000;

/// Octets of a body that is too large which are taken in and thrown away before the answer: a client that is cut off while
/// it still sends does not get to read why.
pub const REFUSED_BODY_OCTETS: usize = 1024 * 1024;

/// How long that may take.
pub const REFUSED_BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// Refusals a minute of one relying party that are written to the store; further ones are counted along with the next that
/// is, so that a client that does not listen cannot fill the disk.
pub const REFUSAL_NOTES: u32 = 60;

/// How long a list of the access CA is good. A new one is made when half of it has passed, and at every start that finds it so: a
/// store that cannot be written over a long weekend does not shut the registration listener.
pub const ACCESS_LIST_LIFE: Duration = Duration::from_hours(7 * 24);

/// How long a client certificate of the registration listener is valid.
pub const CREDENTIAL_LIFE: Duration = Duration::from_hours(2 * 365 * 24);

/// Entries of the audit in one answer: some hundred kibibytes.
pub const AUDIT_PAGE: usize = 500;

/// Entries of the audit that a page follows seal by seal at once: a tenth of a second of reading and hashing.
pub const AUDIT_STRETCH: u64 = 10_000;

/// Changes of status through which the operating room counts causes: some tens of milliseconds, and days of a large service.
pub const CAUSES_COUNTED: usize = 5_000;

/// Certificates of each kind among which a test service finds its samples: its first, some of which are ended soon.
pub const SAMPLES_SOUGHT: usize = 500;

/// Municipalities whose waiting exceptions the operating room looks at: a query each.
pub const MUNICIPALITIES_SEEN: usize = 300;

/// Disclosures about a holder in one answer; the next page begins where it ends.
pub const DISCLOSURE_PAGE: usize = 1000;

/// Events of the register in one request: each is a commit of its own, and the whole is answered within the time of a request.
pub const REGISTER_EVENTS: usize = 100;

/// Lines of a file in one request: one commit serves them all, and whoever comes between waits no longer than for that.
pub const BULK_LINES: usize = 256;

/// Octets of lines in one request: beside them a body holds their numbers.
pub const BULK_OCTETS: usize = JSON_BODY_OCTETS - 16 * 1024;

/// Requests of `jitsuin bulk revoke` under way at a time: while one is committed the next are decided.
pub const BULK_REVOCATIONS_AT_ONCE: usize = 3;

/// Requests of `jitsuin bulk issue` under way at a time: enough that their commits are shared, and half of the places, so
/// that counters have theirs.
pub const BULK_ISSUES_AT_ONCE: usize = 64;

/// How long `jitsuin bulk` goes on asking a service that says it cannot now, before it ends and can be started again.
pub const BULK_PATIENCE: Duration = Duration::from_secs(300);

/// How long it goes on asking a service that does not answer.
pub const BULK_SILENCE: Duration = Duration::from_secs(20);

/// Events of one holder that may wait for one before them: lives have few on the way at a time.
pub const REGISTER_WAITING: usize = 64;

/// How many of them may come from municipalities that the holder has nothing to do with yet: the rest of the room stays with the
/// others.
pub const REGISTER_STRANGERS_WAITING: usize = 32;

/// How many of those may come from one municipality: no stranger takes the room of another, which the holder may have moved to.
pub const REGISTER_WAITING_OF_STRANGER: usize = 16;

/// Days between the planned day of moving and the notice, or the day of moving in, beyond which one of them is a slip of the
/// pen: 転出届 is handed in within fourteen days.
pub const MOVE_SLIP_DAYS: u16 = 366;

/// Deadlines of the register that the timer reads at a time.
pub const DEADLINE_PAGE: usize = 256;

/// Notices, or certificates about to end, in one answer; the next page begins where it ends.
pub const NOTICE_PAGE: usize = 1000;

/// Days of a forecast in one answer: a year.
pub const FORECAST_DAYS: u16 = 366;

/// Days whose usage is told in one answer: a year, for the yearly report (規72).
pub const USAGE_DAYS: u16 = 366;

/// Characters of a relying party's title, and of the reason of its suspension.
pub const TITLE_CHARACTERS: usize = 200;

/// Exceptions of one municipality and day in one list: they are rare, and each takes two officers.
pub const EXCEPTION_PAGE: usize = 100;

/// Applications in one page of a municipality's list, and ended at a time by the timer.
pub const APPLICATION_PAGE: usize = 100;

/// Characters of an address as the register has it, for a letter: longer than in the certificate, with room for buildings.
pub const REGISTER_ADDRESS_CHARACTERS: usize = 300;

/// The last events that a snapshot of the status index carries: a store whose events of these positions are the same, to the
/// second, has the same history.
pub const SNAPSHOT_EVENTS: usize = 32;

/// Octets of a snapshot that are written before they are forced to the disk, so that a commit never waits for a hundred
/// megabytes of it.
pub const SNAPSHOT_SYNC_OCTETS: usize = 4 * 1024 * 1024;

/// Octets of an approval: the certificate of a credential with a long name in base64 twice over, and the statement, fit three times.
pub const APPROVAL_OCTETS: usize = 8 * 1024;

/// Characters of an approval's summary, which is a line.
pub const APPROVAL_SUMMARY_CHARACTERS: usize = 300;

/// Approvals that come with one act; it takes two, and one spare does no harm.
pub const APPROVALS: usize = 3;

/// The longest life of an approval: whoever wants the act tomorrow wants it tomorrow.
pub const APPROVAL_LIFE: Duration = Duration::from_secs(24 * 3600);
