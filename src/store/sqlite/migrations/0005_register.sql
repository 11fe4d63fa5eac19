-- jitsuin, schema 5: events of the resident register as a feed, the deadlines of moving, notices to holders, and which
-- certificates end when.

-- What the register reported, in order of arrival; what a holder's record is follows from these, in the register's order.
-- The first row of a holder is the record as it was before the first event.
CREATE TABLE register_entry (
  id           INTEGER PRIMARY KEY CHECK (id >= 1),
  holder       TEXT    NOT NULL REFERENCES holder (reference),
  municipality TEXT    NOT NULL CHECK (length(municipality) = 5),           -- that reported
  number       TEXT,                                                        -- the register's own; absent: at the counter
  day          TEXT    NOT NULL CHECK (day IS date(day)),                   -- 届出日, when the register recorded it
  said         TEXT    NOT NULL CHECK (json_valid(said)),
  UNIQUE (municipality, number)
) STRICT;
CREATE INDEX register_entry_of_holder ON register_entry (holder, id);
CREATE TRIGGER register_entry_never_changes BEFORE UPDATE ON register_entry
  BEGIN SELECT raise(ABORT, 'what the register reported is append-only'); END;
CREATE TRIGGER register_entry_stays BEFORE DELETE ON register_entry
  BEGIN SELECT raise(ABORT, 'what the register reported is append-only'); END;

-- The first day on which something of a holder ends by itself, unless an event comes before (R-17, R-18).
CREATE TABLE deadline (
  holder TEXT PRIMARY KEY REFERENCES holder (reference),
  day    TEXT NOT NULL CHECK (day IS date(day))
) STRICT, WITHOUT ROWID;
CREATE INDEX deadline_by_day ON deadline (day, holder);

-- Letters to holders whose certificates ended by an event of the register or by a deadline. Never one about a death.
CREATE TABLE notice (
  number       INTEGER PRIMARY KEY CHECK (number >= 1),
  at           INTEGER NOT NULL,
  municipality TEXT    NOT NULL CHECK (length(municipality) = 5),           -- of residence then; it sends the letter
  holder       TEXT    NOT NULL REFERENCES holder (reference),
  cause        TEXT    NOT NULL CHECK (cause <> 'death'),
  event_day    TEXT    CHECK (event_day IS date(event_day)),
  sign         BLOB    CHECK (length(sign) BETWEEN 1 AND 20),               -- serial of the SIGN that ended
  auth         BLOB    CHECK (length(auth) BETWEEN 1 AND 20),               -- serial of the AUTH that ended
  sent         INTEGER,
  CHECK (sign IS NOT NULL OR auth IS NOT NULL)
) STRICT;
CREATE INDEX notice_waiting ON notice (municipality, number) WHERE sent IS NULL;
CREATE INDEX notice_of_holder ON notice (holder);
CREATE TRIGGER notice_keeps_what_it_says BEFORE UPDATE OF number, at, municipality, holder, cause, event_day, sign, auth
  ON notice BEGIN SELECT raise(ABORT, 'a notice keeps what it says'); END;
CREATE TRIGGER notice_is_sent_once BEFORE UPDATE ON notice WHEN old.sent IS NOT NULL
  BEGIN SELECT raise(ABORT, 'a notice is sent once'); END;
CREATE TRIGGER notice_stays BEFORE DELETE ON notice
  BEGIN SELECT raise(ABORT, 'a notice is kept'); END;

-- Live certificates by the municipality of residence and their end, kept along: what is due on a day is found without
-- looking at any other.
CREATE TABLE ending (
  municipality TEXT    NOT NULL,                                            -- of residence, not of issue
  not_after    INTEGER NOT NULL,
  kind         INTEGER NOT NULL,
  ca_index     INTEGER NOT NULL,
  holder       TEXT    NOT NULL,
  PRIMARY KEY (municipality, not_after, kind, ca_index)
) STRICT, WITHOUT ROWID;
CREATE INDEX ending_of_holder ON ending (holder);
INSERT INTO ending SELECT h.municipality, c.not_after, c.kind, c.ca_index, c.holder
  FROM certificate c JOIN holder h ON h.reference = c.holder WHERE c.state = 'live';
CREATE TRIGGER ending_begins AFTER UPDATE OF state ON certificate WHEN new.state = 'live' AND old.state <> 'live' BEGIN
  INSERT INTO ending SELECT municipality, new.not_after, new.kind, new.ca_index, new.holder
    FROM holder WHERE reference = new.holder;
END;
CREATE TRIGGER ending_is_over AFTER UPDATE OF state ON certificate WHEN old.state = 'live' AND new.state <> 'live' BEGIN
  DELETE FROM ending WHERE municipality = (SELECT municipality FROM holder WHERE reference = new.holder)
    AND not_after = new.not_after AND kind = new.kind AND ca_index = new.ca_index;
END;
CREATE TRIGGER ending_moves AFTER UPDATE OF municipality ON holder WHEN new.municipality <> old.municipality BEGIN
  UPDATE ending SET municipality = new.municipality WHERE holder = new.reference;
END;
