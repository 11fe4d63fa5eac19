-- Which index leads to a certificate.
--
-- Of two that begin with the kind the planner takes either while the table is small, and keeps to it: a statement that was prepared
-- then looks through every serial number of a CA for one index of it, and so does every foreign key. With the serial first, only one
-- of them can serve.
ALTER TABLE certificate DROP CONSTRAINT certificate_kind_serial_key;
ALTER TABLE certificate ADD CONSTRAINT certificate_serial_kind_key UNIQUE (serial, kind);
