-- The same with everybody on one row.
\set n random(1, 1000000000000000)
WITH spent AS (
    UPDATE code SET uses = uses + 1
    WHERE digest = sha256('hot') AND uses < max_uses AND expires_at > now() RETURNING id
), made AS (
    INSERT INTO entry (email, status) SELECT 'p' || :n || '@example.com', 'registered' FROM spent
    ON CONFLICT (email) DO NOTHING RETURNING id
), redeemed AS (
    INSERT INTO redemption (code_id, entry_id) SELECT spent.id, made.id FROM spent, made
), told AS (
    INSERT INTO event (kind, subject, data) SELECT 'code.redeemed', 'entry:' || made.id, '{}' FROM made
), due AS (
    INSERT INTO owed (kind, subject) SELECT 'welcome', 'entry:' || made.id FROM made
)
INSERT INTO code (digest, owner_id)
SELECT sha256((:n || '/' || number)::bytea), made.id FROM made, generate_series(1, 3) AS number;
