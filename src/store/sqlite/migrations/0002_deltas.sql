-- jitsuin, schema 2: delta lists, and what may one day be forgotten.
--
-- scope: 'full', 'ca' (the CA's own certificates) or the code of a municipality for complete lists; 'delta', or the code
-- and '-delta', for the deltas to them. A complete list and its deltas share one sequence of numbers (RFC 5280 §5.2.3).
--
-- Retention: lists are kept for ten years from their creation (令7, 23). The trigger lets go what is older by the time of
-- the newest audit entry; a job for that deletes in order of id, a piece at a time, never the newest of a scope.
DROP TABLE crl_newest;
ALTER TABLE crl RENAME TO crl_1;
CREATE TABLE crl (
  id          INTEGER PRIMARY KEY,
  kind        INTEGER NOT NULL CHECK (kind IN (1, 2)),
  generation  INTEGER NOT NULL CHECK (generation BETWEEN 1 AND 255),
  scope       TEXT    NOT NULL
    CHECK (scope IN ('full', 'ca', 'delta') OR scope GLOB '[0-9][0-9][0-9][0-9][0-9]'
      OR scope GLOB '[0-9][0-9][0-9][0-9][0-9]-delta'),
  number      INTEGER NOT NULL CHECK (number >= 1),                          -- cRLNumber
  this_update INTEGER NOT NULL,
  next_update INTEGER NOT NULL,
  position    INTEGER NOT NULL CHECK (position >= 0),                        -- last status event taken into account
  entries     INTEGER NOT NULL CHECK (entries >= 0),
  der         BLOB    NOT NULL,
  UNIQUE (kind, generation, scope, number)
) STRICT;
INSERT INTO crl SELECT * FROM crl_1 ORDER BY id;
DROP TABLE crl_1;
CREATE TRIGGER crl_never_changes BEFORE UPDATE ON crl BEGIN SELECT raise(ABORT, 'published lists are kept'); END;
CREATE TRIGGER crl_stays BEFORE DELETE ON crl
  WHEN old.this_update > (SELECT coalesce(max(at), 0) FROM audit_entry) - 3653 * 86400
  BEGIN SELECT raise(ABORT, 'published lists are kept for ten years'); END;

-- The number of the newest list of each scope.
CREATE TABLE crl_newest (
  kind       INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  scope      TEXT    NOT NULL,
  number     INTEGER NOT NULL,
  PRIMARY KEY (kind, generation, scope),
  FOREIGN KEY (kind, generation, scope, number) REFERENCES crl (kind, generation, scope, number)
) STRICT, WITHOUT ROWID;
INSERT INTO crl_newest SELECT kind, generation, scope, max(number) FROM crl GROUP BY kind, generation, scope;
CREATE TRIGGER crl_newest_only_rises BEFORE UPDATE ON crl_newest WHEN new.number <= old.number
  BEGIN SELECT raise(ABORT, 'CRL numbers only rise'); END;
