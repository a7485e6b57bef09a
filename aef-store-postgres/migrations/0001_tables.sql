-- Everything of the store stands in the schema `aef`, which is made before the first migration. Every name is written with
-- it, so that nothing depends on a session's search path.
--
-- Times are microseconds since 1970. Texts that are put in order stand in the collation "C", by bytes, as everywhere else
-- in AEF.

-- The store's clock. All leases and all waking go by it, read after the rows are locked.
CREATE FUNCTION aef.clock() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint $$;

-- The time so much later; the end of time, as the engine can tell it, at the latest.
CREATE FUNCTION aef.later(now bigint, length bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT least(now + length, 253402207200999999) $$;

CREATE TABLE aef.owners (
    no     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name   text COLLATE "C" NOT NULL UNIQUE,
    -- The number of the claim that served this owner last; the lowest comes next.
    served bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Numbers the claims. Gaps do no harm.
CREATE SEQUENCE aef.turns;

CREATE TABLE aef.executions (
    id            uuid    PRIMARY KEY,
    owner         bigint  NOT NULL,
    head          bigint  NOT NULL,
    epoch         bigint  NOT NULL DEFAULT 0,
    lease_until   bigint,
    lease_length  bigint  NOT NULL DEFAULT 0,
    wake_at       bigint,
    created_at    bigint  NOT NULL,
    updated_at    bigint  NOT NULL,
    finished_at   bigint,
    priority      integer NOT NULL,
    progress      integer NOT NULL,
    format        integer NOT NULL,
    -- How many claims in a row have seen no event.
    fruitless     integer NOT NULL DEFAULT 0,
    parent        uuid,
    worker        text,
    document      text COLLATE "C" NOT NULL,
    document_hash text    NOT NULL,
    status        text    NOT NULL,
    step          text,
    subset        text,
    checkpoint    text,
    note          text,
    -- When it is due, while nobody has it. An append of a running execution leaves this alone and with it every indexed
    -- column, so that the new row stands beside the old one and no index is touched (a "heap-only" update).
    queued_at     bigint GENERATED ALWAYS AS (CASE WHEN worker IS NULL THEN wake_at END) STORED
)
-- Room on each page for those updates, and a vacuum that does not wait until a fifth of a large table is dead.
WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);

CREATE INDEX executions_by_owner ON aef.executions (owner, id);
CREATE INDEX executions_by_document ON aef.executions (owner, document, id);
CREATE INDEX executions_that_ask ON aef.executions (owner, id) WHERE checkpoint IS NOT NULL;

-- The queue. Rows enter it when a lease is released and leave it when one is given.
CREATE INDEX queue_by_time ON aef.executions (queued_at, owner, format) WHERE queued_at IS NOT NULL;
CREATE INDEX queue_by_owner ON aef.executions (owner, priority DESC, queued_at, id, format) WHERE queued_at IS NOT NULL;

-- Few: what workers hold, or held when they died.
CREATE INDEX leased ON aef.executions (owner) WHERE worker IS NOT NULL;

-- What is counted for those who watch. The status stands still while an execution runs, and so does this.
CREATE INDEX unfinished ON aef.executions (status, owner) WHERE finished_at IS NULL;

CREATE INDEX finished ON aef.executions (finished_at, id) WHERE finished_at IS NOT NULL;

-- The journal, one row a batch, which is only ever added to. It refers to executions without a foreign key: every batch is
-- written under the lock of its execution's row, and checking that once more would cost as much as the insertion.
CREATE TABLE aef.batches (
    -- The result that was given: a batch that is sent again gets it again.
    head        bigint NOT NULL,
    epoch       bigint NOT NULL,
    lease_until bigint,
    at          bigint NOT NULL,
    execution   uuid   NOT NULL,
    -- Null for the batch that made the execution.
    batch       uuid,
    digest      bytea  NOT NULL,
    -- Each event behind its length in four bytes, the lowest first.
    events      bytea  NOT NULL,
    UNIQUE (execution, batch)
);

CREATE INDEX batches_by_place ON aef.batches (execution, head);

-- Only the newest of each: the journal behind it is whole.
CREATE TABLE aef.snapshots (
    execution uuid   PRIMARY KEY,
    seq       bigint NOT NULL,
    bytes     bytea  NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE aef.keys (
    owner      bigint NOT NULL,
    key        text COLLATE "C" NOT NULL,
    body_hash  text   NOT NULL,
    execution  uuid   NOT NULL,
    -- The row as it was when it was purged, and until when the key is kept after that.
    record     text,
    kept_until bigint,
    PRIMARY KEY (owner, key)
);

CREATE INDEX keys_by_execution ON aef.keys (execution);
CREATE INDEX keys_by_end ON aef.keys (kept_until) WHERE kept_until IS NOT NULL;

-- Signs of life, which need not survive a crash of the server: whoever lives shows itself again within seconds.
CREATE UNLOGGED TABLE aef.workers (
    name      text   PRIMARY KEY,
    seen      bigint NOT NULL,
    per_owner bigint,
    global    bigint
) WITH (fillfactor = 50);

CREATE TABLE aef.documents (
    owner      bigint  NOT NULL,
    created_at bigint  NOT NULL,
    version    integer NOT NULL,
    id         text COLLATE "C" NOT NULL,
    hash       text COLLATE "C" NOT NULL,
    title      text    NOT NULL,
    content    text    NOT NULL,
    PRIMARY KEY (owner, id, version),
    UNIQUE (owner, id, hash)
);

CREATE INDEX documents_by_hash ON aef.documents (owner, hash, id);
CREATE INDEX documents_by_id ON aef.documents (id, owner);

-- Row-level security. A session that names an owner in `aef.owner` sees and writes that owner's rows alone, whatever role it
-- has. One that names none sees everything if it may write `aef.workers`, which only workers need, and nothing otherwise.
-- The policies hold for the tables' owner too; only a superuser and roles with BYPASSRLS are above them.

CREATE FUNCTION aef.session_owner() RETURNS text LANGUAGE sql STABLE AS
$$ SELECT nullif(current_setting('aef.owner', true), '') $$;

CREATE FUNCTION aef.session_is_service() RETURNS boolean LANGUAGE sql STABLE AS
$$ SELECT aef.session_owner() IS NULL AND has_table_privilege('aef.workers', 'INSERT') $$;

-- Not in SQL: the plan of such a function is made anew for each statement that calls it.
CREATE FUNCTION aef.session_owner_no() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT o.no FROM aef.owners o WHERE o.name = aef.session_owner());
END $$;

-- Each policy asks for the service first: workers write most, and for them nothing else need be looked up.

ALTER TABLE aef.owners ENABLE ROW LEVEL SECURITY;
ALTER TABLE aef.owners FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON aef.owners
    USING ((SELECT aef.session_is_service()) OR name = (SELECT aef.session_owner()));

ALTER TABLE aef.executions ENABLE ROW LEVEL SECURITY;
ALTER TABLE aef.executions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON aef.executions
    USING ((SELECT aef.session_is_service()) OR owner = (SELECT aef.session_owner_no()));

-- Whoever sees the execution sees its journal.
ALTER TABLE aef.batches ENABLE ROW LEVEL SECURITY;
ALTER TABLE aef.batches FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON aef.batches
    USING ((SELECT aef.session_is_service()) OR EXISTS (SELECT 1 FROM aef.executions e WHERE e.id = execution));

ALTER TABLE aef.snapshots ENABLE ROW LEVEL SECURITY;
ALTER TABLE aef.snapshots FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON aef.snapshots
    USING ((SELECT aef.session_is_service()) OR EXISTS (SELECT 1 FROM aef.executions e WHERE e.id = execution));

ALTER TABLE aef.keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE aef.keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON aef.keys
    USING ((SELECT aef.session_is_service()) OR owner = (SELECT aef.session_owner_no()));

ALTER TABLE aef.documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE aef.documents FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON aef.documents
    USING ((SELECT aef.session_is_service()) OR owner = (SELECT aef.session_owner_no()));
