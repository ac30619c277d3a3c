-- The least that could be called the same work: what the limits insert into. Indexed by what makes them correct, no more.
CREATE TABLE minimal (id bigserial PRIMARY KEY, email text NOT NULL UNIQUE, at timestamptz NOT NULL DEFAULT now());

CREATE TABLE code (
    id bigserial PRIMARY KEY, digest bytea NOT NULL UNIQUE, uses int NOT NULL DEFAULT 0, max_uses int NOT NULL DEFAULT 1,
    expires_at timestamptz NOT NULL DEFAULT now() + interval '60 days', owner_id bigint, CHECK (uses <= max_uses));
CREATE TABLE entry (id bigserial PRIMARY KEY, email text NOT NULL UNIQUE, status text NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE redemption (
    id bigserial PRIMARY KEY, code_id bigint NOT NULL, entry_id bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (code_id, entry_id));
CREATE TABLE event (id bigserial PRIMARY KEY, kind text NOT NULL, subject text NOT NULL, data jsonb NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE owed (id bigserial PRIMARY KEY, kind text NOT NULL, subject text NOT NULL, due_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON owed (due_at);

CREATE SEQUENCE next_code;
INSERT INTO code (digest) SELECT sha256(('code ' || n)::bytea) FROM generate_series(1, 400000) AS n;
INSERT INTO code (digest, max_uses) VALUES (sha256('hot'), 1000000000);
ANALYZE;
