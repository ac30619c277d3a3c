-- The least a join could be.
\set n random(1, 1000000000000000)
INSERT INTO minimal (email) VALUES ('p' || :n || '@example.com');
