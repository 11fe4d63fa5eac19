-- jitsuin, schema 8: lists that are too long for a row.
--
-- Such a list lies in a file beside the database, in the directory of its name with `.crl`, and is called by its SHA-256:
-- `DIR/jitsuin.sqlite.crl/0a1b….crl`, so that `sha256sum` tells whether it is whole. `der` is empty then.
--
-- Retention: a file is kept as long as its row.
ALTER TABLE crl ADD COLUMN octets INTEGER CHECK (octets >= 1);
ALTER TABLE crl ADD COLUMN digest BLOB
  CHECK ((digest IS NULL) = (octets IS NULL) AND (digest IS NULL OR (length(digest) = 32 AND length(der) = 0)));
