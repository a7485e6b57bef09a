-- Marks the file as one of ours ("AEF1"), so that another program's database is not taken for a store.
PRAGMA application_id = 1095058993;

-- Times are microseconds since 1970, ids are the 16 bytes of their UUID.

CREATE TABLE owners (
    no     INTEGER PRIMARY KEY,
    name   TEXT    NOT NULL UNIQUE,
    -- The number of the claim that served this owner last; the lowest comes next.
    served INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX owners_by_turn ON owners (served);

CREATE TABLE executions (
    no            INTEGER PRIMARY KEY,
    id            BLOB    NOT NULL UNIQUE,
    owner         INTEGER NOT NULL REFERENCES owners (no),
    document      TEXT    NOT NULL,
    document_hash TEXT    NOT NULL,
    subset        TEXT,
    parent        BLOB,
    priority      INTEGER NOT NULL,
    status        TEXT    NOT NULL,
    step          TEXT,
    progress      INTEGER NOT NULL,
    checkpoint    TEXT,
    note          TEXT,
    head          INTEGER NOT NULL,
    epoch         INTEGER NOT NULL DEFAULT 0,
    worker        TEXT,
    lease_until   INTEGER,
    lease_length  INTEGER NOT NULL DEFAULT 0,
    -- How many claims in a row have seen no event.
    fruitless     INTEGER NOT NULL DEFAULT 0,
    wake_at       INTEGER,
    format        INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    finished_at   INTEGER
) STRICT;

CREATE INDEX executions_by_owner ON executions (owner, id);
CREATE INDEX executions_by_document ON executions (owner, document);

-- The queue. Rows enter it when a lease is released and leave it when one is given, so that the appends of a running
-- execution touch none of these indexes.
CREATE INDEX queue_by_time ON executions (wake_at, owner, format) WHERE worker IS NULL AND wake_at IS NOT NULL;
CREATE INDEX queue_by_owner ON executions (owner, priority DESC, wake_at, id) WHERE worker IS NULL AND wake_at IS NOT NULL;

-- Few: what workers hold, or held when they died.
CREATE INDEX leased ON executions (owner) WHERE worker IS NOT NULL;

CREATE INDEX finished ON executions (finished_at, id) WHERE finished_at IS NOT NULL;

-- The journal, one row a batch. A table with rowids, for new rows of whatever execution then go to its end; in a table
-- clustered by execution each append would land on a page of its own, and blobs of more than a kilobyte off the page.
CREATE TABLE batches (
    no          INTEGER PRIMARY KEY,
    execution   INTEGER NOT NULL REFERENCES executions (no) ON DELETE CASCADE,
    -- Empty for the batch that made the execution.
    batch       BLOB    NOT NULL,
    digest      TEXT    NOT NULL,
    -- The result that was given: a batch that is sent again gets it again.
    head        INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    lease_until INTEGER,
    at          INTEGER NOT NULL,
    -- Each event behind its length in four bytes, the lowest first.
    events      BLOB    NOT NULL,
    UNIQUE (execution, batch)
) STRICT;

CREATE INDEX batches_by_place ON batches (execution, head);

CREATE TABLE snapshots (
    execution INTEGER PRIMARY KEY REFERENCES executions (no) ON DELETE CASCADE,
    seq       INTEGER NOT NULL,
    bytes     BLOB    NOT NULL
) STRICT;

CREATE TABLE keys (
    owner      INTEGER NOT NULL REFERENCES owners (no),
    key        TEXT    NOT NULL,
    body_hash  TEXT    NOT NULL,
    execution  BLOB    NOT NULL,
    -- The row as it was when it was purged, and until when the key is kept after that.
    record     TEXT,
    kept_until INTEGER,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX keys_by_execution ON keys (execution);
CREATE INDEX keys_by_end ON keys (kept_until) WHERE kept_until IS NOT NULL;

CREATE TABLE workers (
    name      TEXT    PRIMARY KEY,
    seen      INTEGER NOT NULL,
    per_owner INTEGER,
    global    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE documents (
    no         INTEGER PRIMARY KEY,
    owner      INTEGER NOT NULL REFERENCES owners (no),
    id         TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    hash       TEXT    NOT NULL,
    title      TEXT    NOT NULL,
    content    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (owner, id, version)
) STRICT;

CREATE INDEX documents_by_hash ON documents (owner, hash);
CREATE INDEX documents_by_id ON documents (id, owner);
