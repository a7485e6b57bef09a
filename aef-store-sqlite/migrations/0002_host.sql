-- What a host keeps beside executions: API keys, secrets, SOP documents, an audit log, tickets.

CREATE TABLE api_keys (
    -- A UUID of version 7, so that ids sort by time.
    id           BLOB    PRIMARY KEY,
    owner        INTEGER NOT NULL REFERENCES owners (no),
    name         TEXT    NOT NULL,
    prefix       TEXT    NOT NULL,
    hash         TEXT    NOT NULL,
    scopes       TEXT    NOT NULL,
    document     TEXT,
    origins      TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER,
    -- The idempotency key under which it was made, and the hash of what was asked.
    made_under   TEXT,
    body_hash    TEXT,
    UNIQUE (owner, made_under)
) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_by_prefix ON api_keys (prefix);
CREATE INDEX api_keys_by_owner ON api_keys (owner, id);

CREATE TABLE secrets (
    owner      INTEGER NOT NULL REFERENCES owners (no),
    name       TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE sops (
    no         INTEGER PRIMARY KEY,
    owner      INTEGER NOT NULL REFERENCES owners (no),
    id         BLOB    NOT NULL,
    version    INTEGER NOT NULL,
    title      TEXT    NOT NULL,
    -- To the letter.
    content    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    -- Of the first version: the idempotency key under which it was made, and the hash of what was asked.
    made_under TEXT,
    body_hash  TEXT,
    UNIQUE (id, version),
    UNIQUE (owner, made_under)
) STRICT;

CREATE INDEX sops_by_owner ON sops (owner, id);

CREATE TABLE audit (
    -- Places are not given again when entries are removed.
    place   INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    owner   INTEGER REFERENCES owners (no),
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    status  INTEGER NOT NULL,
    address TEXT,
    request TEXT    NOT NULL
) STRICT;

CREATE INDEX audit_by_owner ON audit (owner, place);

CREATE TABLE tickets (
    hash         TEXT    PRIMARY KEY,
    execution    BLOB    NOT NULL,
    owner        TEXT,
    actor        TEXT    NOT NULL,
    api_key      BLOB,
    access_until INTEGER,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX tickets_by_end ON tickets (expires_at);

-- From a checkpoint, open or answered, to its execution. Filled as summaries name checkpoints, whoever writes them.
CREATE TABLE checkpoints (
    id        TEXT    PRIMARY KEY,
    execution INTEGER NOT NULL REFERENCES executions (no) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX checkpoints_by_execution ON checkpoints (execution);

CREATE TRIGGER checkpoint_of_a_new_execution AFTER INSERT ON executions WHEN NEW.checkpoint IS NOT NULL
BEGIN
    INSERT OR IGNORE INTO checkpoints (id, execution) VALUES (json_extract(NEW.checkpoint, '$.id'), NEW.no);
END;

CREATE TRIGGER checkpoint_of_an_append AFTER UPDATE OF checkpoint ON executions WHEN NEW.checkpoint IS NOT NULL
BEGIN
    INSERT OR IGNORE INTO checkpoints (id, execution) VALUES (json_extract(NEW.checkpoint, '$.id'), NEW.no);
END;

INSERT OR IGNORE INTO checkpoints (id, execution)
SELECT json_extract(checkpoint, '$.id'), no FROM executions WHERE checkpoint IS NOT NULL;
