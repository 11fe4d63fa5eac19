-- jitsuin, schema 1.
--
-- How to read it:
--   kind          1 = SIGN (署名用), 2 = AUTH (利用者証明用); also the number of the CA
--   at, *_date, not_*, *_update   whole seconds since 1970-01-01T00:00:00Z; a day (birth, *_day) is text, YYYY-MM-DD
--   certificate, tbs, der         DER; digest, fingerprint, seal   SHA-256, 32 octets
--   serial        content octets of the DER INTEGER, as `openssl x509 -serial` prints them in hex
--   ca_index      dense number of a certificate within its CA, from 0; the serial is its permutation
--   municipality  全国地方公共団体コード without check digit, 5 digits
--   id            order of recording; carries no other meaning
--
-- Every change of these tables has its entry in audit_entry, sealed in the same transaction.

-- Municipalities that take part.
CREATE TABLE municipality (
  code TEXT PRIMARY KEY CHECK (length(code) = 5)
) STRICT, WITHOUT ROWID;

-- The next index that a CA gives out. Indexes are given once, whether or not they are used.
CREATE TABLE next_index (
  kind  INTEGER PRIMARY KEY CHECK (kind IN (1, 2)),
  value INTEGER NOT NULL CHECK (value >= 0)
) STRICT;
INSERT INTO next_index (kind, value) VALUES (1, 0), (2, 0);
CREATE TRIGGER next_index_only_rises BEFORE UPDATE ON next_index WHEN new.value < old.value
  BEGIN SELECT raise(ABORT, 'indexes are never given again'); END;
CREATE TRIGGER next_index_stays BEFORE DELETE ON next_index
  BEGIN SELECT raise(ABORT, 'indexes are never given again'); END;

-- CA generations: one key and one self-signed certificate under the CA's one name.
CREATE TABLE authority (
  kind        INTEGER NOT NULL CHECK (kind IN (1, 2)),
  generation  INTEGER NOT NULL CHECK (generation BETWEEN 1 AND 255),
  first_index INTEGER NOT NULL CHECK (first_index >= 0),   -- it ends where the next generation begins
  certificate BLOB    NOT NULL,
  PRIMARY KEY (kind, generation)
) STRICT;

-- Persons of the resident register, by the register's opaque reference. Never a name, never the 個人番号.
CREATE TABLE holder (
  reference    TEXT    PRIMARY KEY,
  municipality TEXT    NOT NULL CHECK (length(municipality) = 5),           -- of residence
  moving_to    TEXT             CHECK (length(moving_to) = 5),              -- announced move (転出届)
  birth        TEXT    NOT NULL CHECK (birth IS date(birth)),
  ward         INTEGER NOT NULL CHECK (ward IN (0, 1)),                     -- 成年被後見人
  registered   INTEGER NOT NULL CHECK (registered IN (0, 1)),
  version      INTEGER NOT NULL CHECK (version >= 1)                        -- rises by one with every write
) STRICT, WITHOUT ROWID;

CREATE TABLE card (
  id              INTEGER PRIMARY KEY,
  number          TEXT    NOT NULL UNIQUE,
  holder          TEXT    NOT NULL REFERENCES holder (reference),
  issue_day       TEXT    NOT NULL CHECK (issue_day IS date(issue_day)),
  application_day TEXT    NOT NULL CHECK (application_day IS date(application_day)),
  last_day        TEXT    NOT NULL CHECK (last_day IS date(last_day)),
  void            INTEGER NOT NULL CHECK (void IN (0, 1)),
  UNIQUE (number, holder)                                                   -- what a certificate refers to
) STRICT;
CREATE INDEX card_of_holder ON card (holder);
CREATE TRIGGER card_keeps_its_holder BEFORE UPDATE OF number, holder ON card
  WHEN new.number IS NOT old.number OR new.holder IS NOT old.holder
  BEGIN SELECT raise(ABORT, 'a card keeps its holder'); END;

-- Certificates, from the reservation of the serial on: the row with the exact octets to be signed exists before the
-- signature does. A serial once reserved counts as issued.
CREATE TABLE certificate (
  id              INTEGER PRIMARY KEY,
  kind            INTEGER NOT NULL CHECK (kind IN (1, 2)),
  generation      INTEGER NOT NULL CHECK (generation BETWEEN 1 AND 255),
  ca_index        INTEGER NOT NULL CHECK (ca_index >= 0),
  serial          BLOB    NOT NULL CHECK (length(serial) BETWEEN 1 AND 20),
  holder          TEXT    NOT NULL REFERENCES holder (reference),
  card            TEXT    NOT NULL,
  municipality    TEXT    NOT NULL CHECK (length(municipality) = 5),        -- that issued; its CRL carries the entry
  not_before      INTEGER NOT NULL,
  not_after       INTEGER NOT NULL,
  state           TEXT    NOT NULL CHECK (state IN ('reserved', 'live', 'held', 'revoked', 'expired')),
  revocation_date INTEGER,                                                  -- when it was recorded: takes effect (R-01)
  reason          INTEGER CHECK (reason BETWEEN 0 AND 8),                   -- CRLReason, RFC 5280 §5.3.1
  invalidity_date INTEGER,                                                  -- when the event happened
  cause           TEXT,                                                     -- what brought it about, src/rules/cause.rs
  pair            INTEGER,             -- ca_index, other kind: issued with it or already on the card then
  predecessor     INTEGER,             -- ca_index, same kind: the one that this one replaced
  successor       INTEGER,             -- ca_index, same kind: the one that replaced this one
  key_digest      BLOB    NOT NULL UNIQUE CHECK (length(key_digest) = 32),  -- one key, one certificate, ever
  tbs             BLOB    NOT NULL,
  certificate     BLOB,                                                     -- absent while reserved or if discarded
  UNIQUE (kind, ca_index),
  UNIQUE (kind, serial),
  FOREIGN KEY (card, holder)      REFERENCES card (number, holder),
  FOREIGN KEY (kind, predecessor) REFERENCES certificate (kind, ca_index),
  FOREIGN KEY (kind, successor)   REFERENCES certificate (kind, ca_index),
  CHECK (state <> 'reserved' OR certificate IS NULL),
  CHECK (state NOT IN ('live', 'held', 'expired') OR certificate IS NOT NULL),
  CHECK ((state IN ('held', 'revoked')) = (revocation_date IS NOT NULL)),
  CHECK ((revocation_date IS NULL) = (reason IS NULL) AND (revocation_date IS NULL) = (cause IS NULL)),
  CHECK (invalidity_date IS NULL OR revocation_date IS NOT NULL)
) STRICT;
-- Rule E-04 (二重発行の禁止): one standing certificate of a kind per holder, and beside it one reservation, which
-- becomes live only in the transaction that ends its predecessor.
CREATE UNIQUE INDEX certificate_standing ON certificate (holder, kind) WHERE state IN ('live', 'held');
CREATE UNIQUE INDEX certificate_coming ON certificate (holder, kind) WHERE state = 'reserved';
CREATE INDEX certificate_of_holder ON certificate (holder);
CREATE INDEX certificate_of_card ON certificate (card, holder);
CREATE INDEX certificate_of_municipality ON certificate (municipality, state, kind);
CREATE INDEX certificate_by_end ON certificate (not_after);
-- What a list carries, and what start-up finishes.
CREATE INDEX certificate_listed ON certificate (kind, generation, municipality, not_after)
  WHERE state IN ('held', 'revoked');
CREATE INDEX certificate_reserved ON certificate (id) WHERE state = 'reserved';
CREATE TRIGGER certificate_stays BEFORE DELETE ON certificate
  BEGIN SELECT raise(ABORT, 'a certificate is never forgotten'); END;
CREATE TRIGGER certificate_keeps_what_was_signed
  BEFORE UPDATE OF id, kind, generation, ca_index, serial, holder, card, municipality, not_before, not_after,
    key_digest, tbs, predecessor ON certificate
  BEGIN SELECT raise(ABORT, 'what was signed never changes'); END;
CREATE TRIGGER certificate_is_signed_once BEFORE UPDATE OF certificate ON certificate WHEN old.certificate IS NOT NULL
  BEGIN SELECT raise(ABORT, 'what was signed never changes'); END;
CREATE TRIGGER certificate_over_is_over BEFORE UPDATE OF state, revocation_date, reason, invalidity_date, cause
  ON certificate WHEN old.state IN ('revoked', 'expired')
  BEGIN SELECT raise(ABORT, 'revoked and expired are final'); END;

-- Certificates by kind and state, counted along so that monitoring never scans.
CREATE TABLE state_count (
  kind  INTEGER NOT NULL CHECK (kind IN (1, 2)),
  state TEXT    NOT NULL,
  count INTEGER NOT NULL CHECK (count >= 0),
  PRIMARY KEY (kind, state)
) STRICT, WITHOUT ROWID;
INSERT INTO state_count (kind, state, count)
  SELECT kind.value, state.value, 0 FROM json_each('[1, 2]') AS kind,
    json_each('["reserved", "live", "held", "revoked", "expired"]') AS state;
CREATE TRIGGER certificate_counted AFTER INSERT ON certificate BEGIN
  UPDATE state_count SET count = count + 1 WHERE kind = new.kind AND state = new.state;
END;
CREATE TRIGGER certificate_recounted AFTER UPDATE OF state ON certificate WHEN new.state <> old.state BEGIN
  UPDATE state_count SET count = count - 1 WHERE kind = old.kind AND state = old.state;
  UPDATE state_count SET count = count + 1 WHERE kind = new.kind AND state = new.state;
END;

-- Every change of status in one order, without gaps. The status index of a responder is the fold of these rows.
CREATE TABLE status_event (
  position        INTEGER PRIMARY KEY CHECK (position >= 1),
  kind            INTEGER NOT NULL,
  ca_index        INTEGER NOT NULL,
  state           TEXT    NOT NULL CHECK (state IN ('live', 'held', 'revoked')),   -- from now on
  revocation_date INTEGER,
  reason          INTEGER CHECK (reason BETWEEN 0 AND 8),
  invalidity_date INTEGER,
  cause           TEXT,
  FOREIGN KEY (kind, ca_index) REFERENCES certificate (kind, ca_index),
  CHECK ((state IN ('held', 'revoked')) = (revocation_date IS NOT NULL)),
  CHECK ((revocation_date IS NULL) = (reason IS NULL) AND (revocation_date IS NULL) = (cause IS NULL))
) STRICT;
CREATE INDEX status_event_of_certificate ON status_event (kind, ca_index);
CREATE TRIGGER status_event_never_changes BEFORE UPDATE ON status_event
  BEGIN SELECT raise(ABORT, 'status events are append-only'); END;
CREATE TRIGGER status_event_stays BEFORE DELETE ON status_event
  BEGIN SELECT raise(ABORT, 'status events are append-only'); END;

-- The sealed chain: seal = SHA-256 over position, previous seal and the fields (src/audit.rs).
CREATE TABLE audit_entry (
  position INTEGER PRIMARY KEY CHECK (position >= 1),
  at       INTEGER NOT NULL,
  actor    TEXT    NOT NULL,
  action   TEXT    NOT NULL,
  subject  TEXT    NOT NULL,
  detail   TEXT    NOT NULL,
  seal     BLOB    NOT NULL CHECK (length(seal) = 32)
) STRICT;
CREATE INDEX audit_entry_at ON audit_entry (at);
CREATE TRIGGER audit_entry_never_changes BEFORE UPDATE ON audit_entry
  BEGIN SELECT raise(ABORT, 'audit entries are append-only'); END;
CREATE TRIGGER audit_entry_stays BEFORE DELETE ON audit_entry
  BEGIN SELECT raise(ABORT, 'audit entries are append-only'); END;

-- Every list ever published. scope: 'full', 'ca' (the CA's own certificates) or the code of a municipality.
CREATE TABLE crl (
  id          INTEGER PRIMARY KEY,
  kind        INTEGER NOT NULL CHECK (kind IN (1, 2)),
  generation  INTEGER NOT NULL CHECK (generation BETWEEN 1 AND 255),
  scope       TEXT    NOT NULL CHECK (scope IN ('full', 'ca') OR length(scope) = 5),
  number      INTEGER NOT NULL CHECK (number >= 1),                          -- cRLNumber
  this_update INTEGER NOT NULL,
  next_update INTEGER NOT NULL,
  position    INTEGER NOT NULL CHECK (position >= 0),                        -- last status event taken into account
  entries     INTEGER NOT NULL CHECK (entries >= 0),
  der         BLOB    NOT NULL,
  UNIQUE (kind, generation, scope, number)
) STRICT;
CREATE TRIGGER crl_never_changes BEFORE UPDATE ON crl BEGIN SELECT raise(ABORT, 'published lists are kept'); END;
CREATE TRIGGER crl_stays BEFORE DELETE ON crl BEGIN SELECT raise(ABORT, 'published lists are kept'); END;

-- The number of the newest list of each scope.
CREATE TABLE crl_newest (
  kind       INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  scope      TEXT    NOT NULL,
  number     INTEGER NOT NULL,
  PRIMARY KEY (kind, generation, scope),
  FOREIGN KEY (kind, generation, scope, number) REFERENCES crl (kind, generation, scope, number)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER crl_newest_only_rises BEFORE UPDATE ON crl_newest WHEN new.number <= old.number
  BEGIN SELECT raise(ABORT, 'CRL numbers only rise'); END;

-- Client certificates that the access CA gave out.
CREATE TABLE credential (
  fingerprint  BLOB    PRIMARY KEY CHECK (length(fingerprint) = 32),
  role         TEXT    NOT NULL CHECK (role IN ('operator', 'municipality', 'relying-party')),
  name         TEXT    NOT NULL UNIQUE,
  municipality TEXT    CHECK (length(municipality) = 5),
  active       INTEGER NOT NULL CHECK (active IN (0, 1)),
  certificate  BLOB    NOT NULL
) STRICT;

-- First answers to idempotent requests.
CREATE TABLE answer (
  id      INTEGER PRIMARY KEY,
  client  TEXT NOT NULL,
  key     TEXT NOT NULL,
  digest  BLOB NOT NULL CHECK (length(digest) = 32),
  outcome BLOB NOT NULL,
  UNIQUE (client, key)
) STRICT;
CREATE TRIGGER answer_never_changes BEFORE UPDATE ON answer
  BEGIN SELECT raise(ABORT, 'the first answer is the answer'); END;

-- What the readiness check writes and takes back after a failure.
CREATE TABLE probe (octets BLOB NOT NULL) STRICT;
