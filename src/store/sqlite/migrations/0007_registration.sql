-- jitsuin, schema 7: the register's text beside that of a signing certificate, exceptions that two officers made, and what card
-- is a 顔認証マイナンバーカード.

-- Whether the card is switched to face authentication (rules, section 1.5): it takes no SIGN. Those known before were not.
ALTER TABLE card ADD COLUMN face_authentication INTEGER NOT NULL DEFAULT 0 CHECK (face_authentication IN (0, 1));

-- The text of the register that a SIGN was made from, and what stands for what in the certificate (代替文字情報; rules N-03,
-- N-04). There for certificates that were asked for with the register's text. It is kept as long as its certificate is.
CREATE TABLE register_text (
  ca_index    INTEGER PRIMARY KEY CHECK (ca_index >= 0),                     -- of the SIGN
  kind        INTEGER NOT NULL DEFAULT 1 CHECK (kind = 1),
  name        TEXT    NOT NULL CHECK (name <> ''),                           -- 氏名 as the register writes it
  address     TEXT    NOT NULL CHECK (address <> ''),                        -- 住所 as the register writes it
  substituted TEXT    NOT NULL CHECK (json_valid(substituted)),
  FOREIGN KEY (kind, ca_index) REFERENCES certificate (kind, ca_index)
) STRICT;
CREATE TRIGGER register_text_never_changes BEFORE UPDATE ON register_text
  BEGIN SELECT raise(ABORT, 'the text that a certificate was made from never changes'); END;
CREATE TRIGGER register_text_stays BEFORE DELETE ON register_text
  BEGIN SELECT raise(ABORT, 'the text that a certificate was made from is kept with it'); END;

-- Exceptions of rule E-07: a SIGN for who is under 15 or a ward. One officer asks with a reason, another approves the digest of
-- the exact request, and it is used once. Nobody approves their own.
CREATE TABLE exception (
  id           INTEGER PRIMARY KEY,
  digest       BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
  municipality TEXT    NOT NULL CHECK (length(municipality) = 5),
  holder       TEXT    NOT NULL,
  card         TEXT    NOT NULL,
  reason       TEXT    NOT NULL CHECK (reason <> ''),
  asked_by     TEXT    NOT NULL,
  asked        INTEGER NOT NULL,
  approved_by  TEXT    CHECK (approved_by <> asked_by),
  approved     INTEGER,
  used         INTEGER CHECK (used >= 0),                                    -- index of the SIGN
  version      INTEGER NOT NULL CHECK (version >= 1),                        -- rises by one with every write
  CHECK ((approved_by IS NULL) = (approved IS NULL)),
  CHECK (used IS NULL OR approved IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX exception_used ON exception (used) WHERE used IS NOT NULL;
CREATE TRIGGER exception_keeps_what_was_asked
  BEFORE UPDATE OF id, digest, municipality, holder, card, reason, asked_by, asked ON exception
  BEGIN SELECT raise(ABORT, 'what an exception was asked for never changes'); END;
CREATE TRIGGER exception_is_approved_once BEFORE UPDATE ON exception
  WHEN old.approved IS NOT NULL AND (new.approved_by IS NOT old.approved_by OR new.approved IS NOT old.approved)
  BEGIN SELECT raise(ABORT, 'an exception is approved once'); END;
CREATE TRIGGER exception_is_used_once BEFORE UPDATE ON exception WHEN old.used IS NOT NULL
  BEGIN SELECT raise(ABORT, 'an exception is used once'); END;
CREATE TRIGGER exception_version_rises BEFORE UPDATE ON exception WHEN new.version <> old.version + 1
  BEGIN SELECT raise(ABORT, 'every write raises the version'); END;
CREATE TRIGGER exception_stays BEFORE DELETE ON exception
  BEGIN SELECT raise(ABORT, 'exceptions are kept'); END;
