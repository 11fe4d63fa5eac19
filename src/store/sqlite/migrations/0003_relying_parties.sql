-- jitsuin, schema 3: relying parties and what they were told; since when each status event is known.
--
-- recorded: the time of the change that caused the event, or of the last audit entry before it where that is later. It
-- never falls from one event to the next, and once an audit entry of an instant is there, no event is recorded before it.
-- Events of schemas 1 and 2 did not carry it. They are taken as recorded at the latest of the dates that they and the
-- events before them carry: the revocation date, which was the time of recording unless it was that of an earlier hold;
-- for the first event of a certificate, the beginning of its validity, which was the time of its reservation.
DROP TRIGGER status_event_never_changes;
ALTER TABLE status_event ADD COLUMN recorded INTEGER NOT NULL DEFAULT 0;
UPDATE status_event SET recorded = known.since
  FROM (
    SELECT e.position,
      max(coalesce(e.revocation_date, CASE WHEN NOT EXISTS (SELECT 1 FROM status_event p
          WHERE p.kind = e.kind AND p.ca_index = e.ca_index AND p.position < e.position) THEN c.not_before END, 0))
        OVER (ORDER BY e.position) AS since
    FROM status_event e JOIN certificate c ON c.kind = e.kind AND c.ca_index = e.ca_index
  ) AS known
  WHERE known.position = status_event.position;
CREATE TRIGGER status_event_never_changes BEFORE UPDATE ON status_event
  BEGIN SELECT raise(ABORT, 'status events are append-only'); END;

-- Relying parties with which terms are agreed; the credential of that name is theirs. What the terms were before stands
-- in the audit.
CREATE TABLE relying_party (
  name             TEXT    PRIMARY KEY,
  title            TEXT    NOT NULL,
  purposes         TEXT    NOT NULL,                                         -- words of Purpose, with commas
  queries          TEXT    NOT NULL,                                         -- words of Query, with commas
  daily_quota      INTEGER NOT NULL CHECK (daily_quota BETWEEN 0 AND 4294967295),
  recognised_until TEXT    NOT NULL CHECK (recognised_until IS date(recognised_until)),
  suspended_since  INTEGER,
  suspended_reason TEXT,
  version          INTEGER NOT NULL CHECK (version >= 1),                    -- rises by one with every write
  CHECK ((suspended_since IS NULL) = (suspended_reason IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TRIGGER relying_party_stays BEFORE DELETE ON relying_party
  BEGIN SELECT raise(ABORT, 'a relying party is never forgotten; suspend it'); END;

-- The ledger (規71): who was told what of which certificate, when. No more than that.
CREATE TABLE disclosure (
  number   INTEGER PRIMARY KEY CHECK (number >= 1),
  at       INTEGER NOT NULL,
  party    TEXT    NOT NULL REFERENCES relying_party (name),
  query    TEXT    NOT NULL CHECK (query IN ('status', 'status-at', 'pair', 'successor', 'facts')),
  kind     INTEGER NOT NULL CHECK (kind IN (1, 2)),
  ca_index INTEGER,                                                          -- absent: a serial number of nobody
  holder   TEXT    REFERENCES holder (reference),
  withheld TEXT,                                                             -- the rule by which nothing was told
  CHECK ((ca_index IS NULL) = (holder IS NULL)),
  FOREIGN KEY (kind, ca_index) REFERENCES certificate (kind, ca_index)
) STRICT;
CREATE INDEX disclosure_of_holder ON disclosure (holder, number) WHERE holder IS NOT NULL;
CREATE TRIGGER disclosure_never_changes BEFORE UPDATE ON disclosure
  BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER disclosure_stays BEFORE DELETE ON disclosure
  BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;

-- The same counted along, by party, day of Japan and query: what the quota is held against.
CREATE TABLE usage (
  party    TEXT    NOT NULL REFERENCES relying_party (name),
  day      TEXT    NOT NULL CHECK (day IS date(day)),
  query    TEXT    NOT NULL CHECK (query IN ('status', 'status-at', 'pair', 'successor', 'facts')),
  answered INTEGER NOT NULL CHECK (answered >= 0),                           -- looked up, whatever came of it
  refused  INTEGER NOT NULL CHECK (refused >= 0),                            -- refused without a look-up
  PRIMARY KEY (party, day, query)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_day ON usage (day, party);
CREATE TRIGGER usage_only_rises BEFORE UPDATE ON usage WHEN new.answered < old.answered OR new.refused < old.refused
  BEGIN SELECT raise(ABORT, 'usage only rises'); END;
