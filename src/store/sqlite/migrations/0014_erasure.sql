-- jitsuin, schema 14: what is kept of persons goes when its term is over (section 8.3; docs/retention.md).
--
-- blind: sixteen random octets that hide from who has the audit, and not the row, what the row says (src/ports/written/blind.rs).
-- Rows that were written last under an earlier schema have none.
ALTER TABLE holder         ADD COLUMN blind BLOB CHECK (length(blind) = 16);
ALTER TABLE card           ADD COLUMN blind BLOB CHECK (length(blind) = 16);
ALTER TABLE register_text  ADD COLUMN blind BLOB CHECK (length(blind) = 16);
ALTER TABLE consent        ADD COLUMN blind BLOB CHECK (length(blind) = 16);
ALTER TABLE exception      ADD COLUMN blind BLOB CHECK (length(blind) = 16);
ALTER TABLE register_entry ADD COLUMN blind BLOB CHECK (length(blind) = 16);
ALTER TABLE deadline       ADD COLUMN blind BLOB CHECK (length(blind) = 16);
ALTER TABLE notice         ADD COLUMN blind BLOB CHECK (length(blind) = 16);
ALTER TABLE disclosure     ADD COLUMN blind BLOB CHECK (length(blind) = 16);
ALTER TABLE answer         ADD COLUMN blind BLOB CHECK (length(blind) = 16);
ALTER TABLE application    ADD COLUMN blind BLOB CHECK (length(blind) = 16);        -- of what was applied for
ALTER TABLE application    ADD COLUMN state_blind BLOB CHECK (length(state_blind) = 16); -- of where it stands

-- When an answer was given. Those of earlier schemas count as given now.
ALTER TABLE answer ADD COLUMN at INTEGER;
DROP TRIGGER answer_never_changes;
UPDATE answer SET at = (SELECT max(at) FROM audit_entry);
CREATE TRIGGER answer_never_changes BEFORE UPDATE ON answer
  BEGIN SELECT raise(ABORT, 'the first answer is the answer'); END;

-- Of an erased certificate neither the octets nor the holder nor the card are there; its number, index, state and dates are, so that
-- nothing is given twice, and the SHA-256 of its octets, so that one that somebody shows is known as issued. NULL may stand
-- where the tables of schemas 1 and 3 had NOT NULL: only the text of their definition changes, and no row.
ALTER TABLE certificate ADD COLUMN digest BLOB CHECK (length(digest) = 32);         -- SHA-256 of the octets; none if discarded
ALTER TABLE certificate ADD COLUMN erased INTEGER                                   -- when
  CHECK ((erased IS NOT NULL) = (holder IS NULL) AND (holder IS NULL) = (card IS NULL)
    AND (erased IS NULL OR (certificate IS NULL AND length(tbs) = 0)) AND (digest IS NULL OR erased IS NOT NULL));
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(replace(sql,
    'holder          TEXT    NOT NULL REFERENCES holder (reference)', 'holder          TEXT    REFERENCES holder (reference)'),
    'card            TEXT    NOT NULL,', 'card            TEXT,'),
    'OR certificate IS NOT NULL)', 'OR certificate IS NOT NULL OR erased IS NOT NULL)')
  WHERE type = 'table' AND name = 'certificate';
UPDATE sqlite_schema SET sql = replace(sql,
    'CHECK ((ca_index IS NULL) = (holder IS NULL))', 'CHECK (ca_index IS NOT NULL OR holder IS NULL)')
  WHERE type = 'table' AND name = 'disclosure';
PRAGMA writable_schema = RESET;

-- What an erasure looks for, and what holds an answer back: the application that it is the answer to.
CREATE INDEX application_of_holder ON application (holder);
CREATE INDEX application_of_answer ON application (answer_client, answer_key) WHERE answer_key IS NOT NULL;
CREATE INDEX exception_of_holder ON exception (holder);

-- The day it is in Japan by the newest entry of the audit. A term of ten years that begins on a day is over when the day before the
-- same day ten years later is (民法140, 143); src/rules/retention.rs has the same.
CREATE VIEW retention_today (day) AS SELECT date(coalesce(max(at), 0) + 32400, 'unixepoch') FROM audit_entry;

-- Certificates: ten years from the day after the day on which validity should end (法8, 27; 令2, 18).
DROP TRIGGER certificate_keeps_what_was_signed;
CREATE TRIGGER certificate_keeps_what_was_signed
  BEFORE UPDATE OF id, kind, generation, ca_index, serial, municipality, not_before, not_after, key_digest, predecessor
    ON certificate
  BEGIN SELECT raise(ABORT, 'what was signed never changes'); END;
CREATE TRIGGER certificate_keeps_its_holder BEFORE UPDATE OF holder, card, digest, erased ON certificate
  WHEN old.erased IS NOT NULL OR new.erased IS NULL
  BEGIN SELECT raise(ABORT, 'what was signed never changes'); END;
CREATE TRIGGER certificate_is_kept BEFORE UPDATE OF erased ON certificate
  WHEN old.state NOT IN ('revoked', 'expired')
    OR date(old.not_after + 32400, 'unixepoch', '+1 day', '+10 years', '-1 day') >= (SELECT day FROM retention_today)
  BEGIN SELECT raise(ABORT, 'certificates are kept for ten years after their validity should end'); END;
DROP TRIGGER certificate_is_signed_once;
CREATE TRIGGER certificate_is_signed_once BEFORE UPDATE OF certificate ON certificate
  WHEN (old.certificate IS NOT NULL OR old.erased IS NOT NULL)
    AND NOT (old.erased IS NULL AND new.erased IS NOT NULL AND new.certificate IS NULL)
  BEGIN SELECT raise(ABORT, 'what was signed never changes'); END;
DROP TRIGGER certificate_keeps_what_is_to_be_signed;
CREATE TRIGGER certificate_keeps_what_is_to_be_signed BEFORE UPDATE OF tbs ON certificate
  WHEN new.tbs IS NOT old.tbs
    AND NOT (length(new.tbs) = 0 AND old.certificate IS NULL AND substr(new.certificate, 5, length(old.tbs)) IS old.tbs)
    AND NOT (old.erased IS NULL AND new.erased IS NOT NULL)
  BEGIN SELECT raise(ABORT, 'what was signed never changes'); END;

-- The register's text goes with the certificate.
DROP TRIGGER register_text_stays;
CREATE TRIGGER register_text_stays BEFORE DELETE ON register_text
  WHEN (SELECT erased FROM certificate WHERE kind = old.kind AND ca_index = old.ca_index) IS NULL
  BEGIN SELECT raise(ABORT, 'the text that a certificate was made from is kept with it'); END;

-- Applications and exceptions: fifteen years from receipt (規80一).
DROP TRIGGER application_stays;
CREATE TRIGGER application_stays BEFORE DELETE ON application
  WHEN NOT old.ended
    OR date(old.received + 32400, 'unixepoch', '+15 years', '-1 day') >= (SELECT day FROM retention_today)
  BEGIN SELECT raise(ABORT, 'applications are kept for fifteen years'); END;
DROP TRIGGER exception_stays;
CREATE TRIGGER exception_stays BEFORE DELETE ON exception
  WHEN date(old.asked + 32400, 'unixepoch', '+15 years', '-1 day') >= (SELECT day FROM retention_today)
  BEGIN SELECT raise(ABORT, 'exceptions are kept for fifteen years'); END;

-- Other papers: ten years from the day after (規80七).
DROP TRIGGER consent_stays;
CREATE TRIGGER consent_stays BEFORE DELETE ON consent
  WHEN date(min(old.ends, coalesce(old.ended, old.ends)) + 32400, 'unixepoch', '+1 day', '+10 years', '-1 day')
    >= (SELECT day FROM retention_today)
  BEGIN SELECT raise(ABORT, 'consents are kept for ten years after they end'); END;
DROP TRIGGER notice_stays;
CREATE TRIGGER notice_stays BEFORE DELETE ON notice
  WHEN date(old.at + 32400, 'unixepoch', '+1 day', '+10 years', '-1 day') >= (SELECT day FROM retention_today)
  BEGIN SELECT raise(ABORT, 'notices are kept for ten years'); END;
DROP TRIGGER register_entry_stays;
CREATE TRIGGER register_entry_stays BEFORE DELETE ON register_entry
  WHEN date(old.day, '+1 day', '+10 years', '-1 day') >= (SELECT day FROM retention_today)
    OR EXISTS (SELECT 1 FROM certificate WHERE holder = old.holder)
  BEGIN SELECT raise(ABORT, 'what the register reported is kept as long as what followed from it'); END;
DROP TRIGGER disclosure_never_changes;
CREATE TRIGGER disclosure_never_changes BEFORE UPDATE ON disclosure
  WHEN old.holder IS NULL OR new.holder IS NOT NULL OR new.blind IS NOT NULL
    OR new.number <> old.number OR new.at <> old.at OR new.party <> old.party OR new.query <> old.query
    OR new.kind <> old.kind OR new.ca_index IS NOT old.ca_index OR new.withheld IS NOT old.withheld
    OR date(old.at + 32400, 'unixepoch', '+1 day', '+10 years', '-1 day') >= (SELECT day FROM retention_today)
  BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
