-- jitsuin, schema 11: generations of a CA that follow each other.
--
-- Link certificates with the generation before (RFC 4210 section 4.4): the older key under the newer one, and the newer under the
-- older. The first generation has none, nor one that follows a compromised one.
ALTER TABLE authority ADD COLUMN old_with_new BLOB;
ALTER TABLE authority ADD COLUMN new_with_old BLOB CHECK ((new_with_old IS NULL) = (old_with_new IS NULL));
-- Since when its key is known to be compromised (rule R-27), and whether everything that it signed has ended since.
ALTER TABLE authority ADD COLUMN compromised INTEGER;
ALTER TABLE authority ADD COLUMN settled INTEGER NOT NULL DEFAULT 0 CHECK (settled IN (0, 1) AND (settled = 0 OR compromised IS NOT NULL));

CREATE TRIGGER authority_is_append_only BEFORE UPDATE ON authority
  WHEN new.kind <> old.kind OR new.generation <> old.generation OR new.first_index <> old.first_index
    OR new.certificate <> old.certificate OR new.old_with_new IS NOT old.old_with_new
    OR new.new_with_old IS NOT old.new_with_old
    OR (old.compromised IS NOT NULL AND new.compromised IS NOT old.compromised) OR new.settled < old.settled
  BEGIN SELECT raise(ABORT, 'a CA generation stays as it was made, and compromised for good'); END;
CREATE TRIGGER authority_stays BEFORE DELETE ON authority
  BEGIN SELECT raise(ABORT, 'CA generations stay'); END;
