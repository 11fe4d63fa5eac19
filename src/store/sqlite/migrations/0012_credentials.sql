-- jitsuin, schema 12: roles of those who only read and of those who only hold, and the end of a credential.
--
-- revoked_at, reason: when and why it was revoked, as the access CA's list says it. A credential that was turned away under an
-- earlier schema has neither, until the next list dates it.
ALTER TABLE credential RENAME TO credential_1;
CREATE TABLE credential (
  fingerprint  BLOB    PRIMARY KEY CHECK (length(fingerprint) = 32),
  role         TEXT    NOT NULL CHECK (role IN ('operator', 'municipality', 'relying-party', 'auditor', 'call-centre')),
  name         TEXT    NOT NULL UNIQUE,
  municipality TEXT    CHECK (length(municipality) = 5),
  active       INTEGER NOT NULL CHECK (active IN (0, 1)),
  certificate  BLOB    NOT NULL,
  revoked_at   INTEGER,
  reason       INTEGER CHECK ((reason IS NULL) = (revoked_at IS NULL)),
  CHECK (revoked_at IS NULL OR active = 0)
) STRICT;
INSERT INTO credential (fingerprint, role, name, municipality, active, certificate)
  SELECT fingerprint, role, name, municipality, active, certificate FROM credential_1;
DROP TABLE credential_1;

CREATE TRIGGER credential_stays_revoked BEFORE UPDATE ON credential
  WHEN old.revoked_at IS NOT NULL
    AND (new.revoked_at IS NOT old.revoked_at OR new.reason IS NOT old.reason OR new.certificate <> old.certificate)
  BEGIN SELECT raise(ABORT, 'a revoked credential stays revoked'); END;

-- Lists of the access CA, which names the clients of the registration listener; numbers rise for ever.
CREATE TABLE access_list (
  number      INTEGER PRIMARY KEY CHECK (number > 0),
  this_update INTEGER NOT NULL,
  next_update INTEGER NOT NULL CHECK (next_update > this_update),
  entries     INTEGER NOT NULL CHECK (entries >= 0),
  der         BLOB    NOT NULL
) STRICT;
CREATE TRIGGER access_list_numbers_rise BEFORE INSERT ON access_list
  WHEN new.number <= (SELECT max(number) FROM access_list)
  BEGIN SELECT raise(ABORT, 'CRL numbers are never given again'); END;
CREATE TRIGGER access_list_is_append_only BEFORE UPDATE ON access_list
  BEGIN SELECT raise(ABORT, 'lists are append-only'); END;
CREATE TRIGGER access_list_stays BEFORE DELETE ON access_list
  BEGIN SELECT raise(ABORT, 'lists are append-only'); END;
