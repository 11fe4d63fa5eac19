-- jitsuin, schema 4: holders' consents to disclosure.
--
-- A consent is ended once, by a withdrawal or by a newer consent to the same relying party, and is never changed
-- otherwise. A text is good for one use: its digest stays here as long as its row.
--
-- Retention: kept for ten years after it ended, whatever ended it (section 8.3). The trigger lets go what is older by the
-- time of the newest audit entry; texts that old are refused by their date.
CREATE TABLE consent (
  id                INTEGER PRIMARY KEY,
  number            BLOB    NOT NULL UNIQUE CHECK (length(number) = 16),     -- of the text
  holder            TEXT    NOT NULL REFERENCES holder (reference),
  party             TEXT    NOT NULL,                                        -- name of the relying party
  successor         INTEGER NOT NULL CHECK (successor IN (0, 1)),            -- 新しい証明書の発行の番号
  facts             INTEGER NOT NULL CHECK (facts IN (0, 1)),                -- 最新の4情報
  serial            BLOB    NOT NULL CHECK (length(serial) BETWEEN 1 AND 20),-- of the certificate that signed
  given             INTEGER NOT NULL,
  ends              INTEGER NOT NULL,
  digest            BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),     -- SHA-256 of the text
  message           BLOB    NOT NULL,                                        -- CMS, the text within
  ended             INTEGER,
  cause             TEXT    CHECK (cause IN ('withdrawn', 'replaced')),
  withdrawal_digest BLOB    UNIQUE CHECK (length(withdrawal_digest) = 32),
  withdrawal        BLOB,                                                    -- CMS; absent at the counter
  CHECK (successor OR facts),
  CHECK (given <= ends),
  CHECK ((ended IS NULL) = (cause IS NULL)),
  CHECK ((withdrawal_digest IS NULL) = (withdrawal IS NULL)),
  CHECK (withdrawal IS NULL OR cause = 'withdrawn')
) STRICT;
CREATE INDEX consent_of_holder ON consent (holder);
CREATE UNIQUE INDEX consent_standing ON consent (holder, party) WHERE ended IS NULL;
CREATE TRIGGER consent_keeps_what_was_signed
  BEFORE UPDATE OF id, number, holder, party, successor, facts, serial, given, ends, digest, message ON consent
  BEGIN SELECT raise(ABORT, 'what was signed never changes'); END;
CREATE TRIGGER consent_ends_once BEFORE UPDATE ON consent WHEN old.ended IS NOT NULL
  BEGIN SELECT raise(ABORT, 'an ended consent does not come back'); END;
CREATE TRIGGER consent_stays BEFORE DELETE ON consent
  WHEN min(old.ends, coalesce(old.ended, old.ends)) > (SELECT coalesce(max(at), 0) FROM audit_entry) - 3653 * 86400
  BEGIN SELECT raise(ABORT, 'consents are kept for ten years after they end'); END;
