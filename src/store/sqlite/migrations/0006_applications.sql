-- jitsuin, schema 6: applications on their way (rules, section 1.4).
--
-- What was asked never changes; the rest changes with each step, which the audit tells. An application that has ended
-- changes no more, and keeps no address: the letter that carried it is needed no longer. There is no place for a PIN.
--
-- The holder need not be known before certificates are issued, so there is no reference to it.
--
-- Retention: kept for fifteen years after receipt (section 8.3). The trigger lets go what is older by the time of the
-- newest audit entry.
CREATE TABLE application (
  id            INTEGER PRIMARY KEY CHECK (id >= 1),
  number        BLOB    NOT NULL UNIQUE CHECK (length(number) = 16),
  municipality  TEXT    NOT NULL CHECK (length(municipality) = 5),             -- that took it
  holder        TEXT    NOT NULL,
  card          TEXT    NOT NULL,
  asked         TEXT    NOT NULL CHECK (json_valid(asked)),
  received      INTEGER NOT NULL,
  state         TEXT    NOT NULL CHECK (state IN ('received', 'inquiry-sent', 'inquiry-returned', 'reply-received',
                  'reply-defective', 'verified', 'key-generated', 'sent-to-ca', 'issued', 'written-to-card', 'delivered',
                  'withdrawn', 'rejected', 'lapsed', 'discarded-before-delivery')),
  ended         INTEGER NOT NULL GENERATED ALWAYS AS
                  (state IN ('delivered', 'withdrawn', 'rejected', 'lapsed', 'discarded-before-delivery')) STORED,
  changed       INTEGER NOT NULL,                                              -- since when in this state
  due           TEXT    CHECK (due IS date(due)),                              -- after this day it lapses
  round         INTEGER CHECK (round BETWEEN 1 AND 65535),                     -- of the inquiry
  posted        TEXT    CHECK (posted IS date(posted)),
  address       TEXT,                                                          -- of the register when it was posted
  defect        TEXT,                                                          -- of the reply
  rule          TEXT,                                                          -- that rejected it
  auth_index    INTEGER,                                                       -- certificates reserved for it
  sign_index    INTEGER,
  answer_client TEXT,                                                          -- where the first answer is
  answer_key    TEXT,
  version       INTEGER NOT NULL CHECK (version >= 1),                         -- rises by one with every write
  CHECK (NOT ended OR (due IS NULL AND address IS NULL)),
  CHECK ((round IS NULL) = (address IS NULL) AND (posted IS NULL) = (address IS NULL)),
  CHECK ((answer_client IS NULL) = (answer_key IS NULL)),
  CHECK ((answer_key IS NULL) = (auth_index IS NULL AND sign_index IS NULL))
) STRICT;
CREATE INDEX application_waiting ON application (municipality, id) WHERE NOT ended;
CREATE INDEX application_by_state ON application (municipality, state, id);
CREATE INDEX application_due ON application (due) WHERE due IS NOT NULL;
CREATE UNIQUE INDEX application_of_auth ON application (auth_index) WHERE auth_index IS NOT NULL;
CREATE UNIQUE INDEX application_of_sign ON application (sign_index) WHERE sign_index IS NOT NULL;
CREATE TRIGGER application_keeps_what_was_asked
  BEFORE UPDATE OF id, number, municipality, holder, card, asked, received ON application
  BEGIN SELECT raise(ABORT, 'what was applied for never changes'); END;
CREATE TRIGGER application_ends_once BEFORE UPDATE ON application WHEN old.ended
  BEGIN SELECT raise(ABORT, 'an application that has ended does not change'); END;
CREATE TRIGGER application_version_rises BEFORE UPDATE ON application WHEN new.version <> old.version + 1
  BEGIN SELECT raise(ABORT, 'every write raises the version'); END;
CREATE TRIGGER application_stays BEFORE DELETE ON application
  WHEN old.received > (SELECT coalesce(max(at), 0) FROM audit_entry) - 5479 * 86400
  BEGIN SELECT raise(ABORT, 'applications are kept for fifteen years'); END;
