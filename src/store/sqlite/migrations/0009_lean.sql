-- jitsuin, schema 9: what is signed is kept once, and no index is kept that nobody asks.
--
-- tbs: the octets to be signed, from the reservation on. When the certificate comes, which contains them from its fifth octet
-- on (after the head of its SEQUENCE), it takes their place in the same change, and tbs is empty: at every instant the exact
-- octets are there. Certificates of earlier schemas keep both.
--
-- Certificates are looked for by holder, index, serial number and key, and for lists by state; those that start-up finishes
-- are all in certificate_coming.
DROP INDEX certificate_of_card;
DROP INDEX certificate_of_municipality;
DROP INDEX certificate_by_end;
DROP INDEX certificate_reserved;
-- Holds that the end of validity overtook are among these, which lists go through.
CREATE INDEX certificate_expired ON certificate (kind, generation, not_after) WHERE state = 'expired';

DROP TRIGGER certificate_keeps_what_was_signed;
CREATE TRIGGER certificate_keeps_what_was_signed
  BEFORE UPDATE OF id, kind, generation, ca_index, serial, holder, card, municipality, not_before, not_after,
    key_digest, predecessor ON certificate
  BEGIN SELECT raise(ABORT, 'what was signed never changes'); END;
CREATE TRIGGER certificate_keeps_what_is_to_be_signed BEFORE UPDATE OF tbs ON certificate
  WHEN new.tbs IS NOT old.tbs
    AND NOT (length(new.tbs) = 0 AND old.certificate IS NULL AND substr(new.certificate, 5, length(old.tbs)) IS old.tbs)
  BEGIN SELECT raise(ABORT, 'what was signed never changes'); END;

-- The writer keeps state_count along, once for many changes (src/store/sqlite/counts.rs).
DROP TRIGGER certificate_counted;
DROP TRIGGER certificate_recounted;
