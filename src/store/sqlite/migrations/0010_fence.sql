-- jitsuin, schema 10: what a restored copy must not do again, and what each entry of the audit wrote.
--
-- fence: 1 from the beginning, and one more with every restore from a backup. Of two copies of one service the one with the
-- higher fence may write; checkpoints tell which that is.
CREATE TABLE fence (
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  value INTEGER NOT NULL CHECK (value >= 1)
) STRICT;
INSERT INTO fence (id, value) VALUES (1, 1);
CREATE TRIGGER fence_only_rises BEFORE UPDATE ON fence WHEN new.id <> old.id OR new.value <= old.value
  BEGIN SELECT raise(ABORT, 'the fence only rises'); END;
CREATE TRIGGER fence_stays BEFORE DELETE ON fence
  BEGIN SELECT raise(ABORT, 'the fence stays'); END;

-- Numbers up to these may have been given by a copy that is lost: every list of the CA, of whatever generation and scope, that
-- is recorded from now on bears a greater one.
CREATE TABLE number_floor (
  kind  INTEGER PRIMARY KEY CHECK (kind IN (1, 2)),
  value INTEGER NOT NULL CHECK (value >= 0)
) STRICT;
INSERT INTO number_floor (kind, value) VALUES (1, 0), (2, 0);
CREATE TRIGGER number_floor_only_rises BEFORE UPDATE ON number_floor WHEN new.kind <> old.kind OR new.value < old.value
  BEGIN SELECT raise(ABORT, 'CRL numbers are never given again'); END;
CREATE TRIGGER number_floor_stays BEFORE DELETE ON number_floor
  BEGIN SELECT raise(ABORT, 'CRL numbers are never given again'); END;
CREATE TRIGGER crl_is_above_the_floor BEFORE INSERT ON crl
  WHEN new.number <= (SELECT value FROM number_floor WHERE kind = new.kind)
  BEGIN SELECT raise(ABORT, 'CRL numbers are never given again'); END;

-- What the change of an entry wrote, row by row (src/ports/written.rs), sealed with it by its SHA-256: `jitsuin audit verify`
-- holds the tables against it. Entries of earlier schemas have none.
ALTER TABLE audit_entry ADD COLUMN written BLOB;
