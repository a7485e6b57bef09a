-- What a host keeps beside executions: API keys, secrets, SOP documents, an audit log, tickets.

CREATE TABLE aef.api_keys (
    -- A UUID of version 7, so that ids sort by time.
    id           uuid   PRIMARY KEY,
    owner        bigint NOT NULL,
    created_at   bigint NOT NULL,
    expires_at   bigint,
    revoked_at   bigint,
    last_used_at bigint,
    name         text   NOT NULL,
    prefix       text COLLATE "C" NOT NULL,
    hash         text   NOT NULL,
    scopes       text   NOT NULL,
    document     text,
    origins      text   NOT NULL,
    -- The idempotency key under which it was made, and the hash of what was asked.
    made_under   text COLLATE "C",
    body_hash    text,
    UNIQUE (owner, made_under)
) WITH (fillfactor = 70);

CREATE INDEX api_keys_by_prefix ON aef.api_keys (prefix);
CREATE INDEX api_keys_by_owner ON aef.api_keys (owner, id);

CREATE TABLE aef.secrets (
    owner      bigint NOT NULL,
    updated_at bigint NOT NULL,
    name       text COLLATE "C" NOT NULL,
    sealed     bytea  NOT NULL,
    PRIMARY KEY (owner, name)
);

CREATE TABLE aef.sops (
    id         uuid    NOT NULL,
    owner      bigint  NOT NULL,
    created_at bigint  NOT NULL,
    version    integer NOT NULL,
    title      text    NOT NULL,
    -- To the letter.
    content    text    NOT NULL,
    -- Of the first version: the idempotency key under which it was made, and the hash of what was asked.
    made_under text COLLATE "C",
    body_hash  text,
    PRIMARY KEY (id, version),
    UNIQUE (owner, made_under)
);

CREATE INDEX sops_by_owner ON aef.sops (owner, id);

CREATE TABLE aef.audit (
    place   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      bigint  NOT NULL,
    owner   bigint,
    status  integer NOT NULL,
    actor   text    NOT NULL,
    action  text    NOT NULL,
    target  text    NOT NULL,
    address text,
    request text    NOT NULL
);

CREATE INDEX audit_by_owner ON aef.audit (owner, place);

CREATE TABLE aef.tickets (
    hash         text COLLATE "C" PRIMARY KEY,
    execution    uuid   NOT NULL,
    access_until bigint,
    expires_at   bigint NOT NULL,
    owner        text,
    actor        text   NOT NULL,
    api_key      uuid
);

CREATE INDEX tickets_by_end ON aef.tickets (expires_at);

-- From a checkpoint, open or answered, to its execution. Filled as summaries name checkpoints, whoever writes them.
CREATE TABLE aef.checkpoints (
    id        text COLLATE "C" PRIMARY KEY,
    execution uuid NOT NULL REFERENCES aef.executions (id) ON DELETE CASCADE
);

CREATE INDEX checkpoints_by_execution ON aef.checkpoints (execution);

CREATE FUNCTION aef.note_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO aef.checkpoints (id, execution) VALUES (NEW.checkpoint::json ->> 'id', NEW.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER checkpoint_of_a_new_execution AFTER INSERT ON aef.executions
    FOR EACH ROW WHEN (NEW.checkpoint IS NOT NULL) EXECUTE FUNCTION aef.note_checkpoint();

CREATE TRIGGER checkpoint_of_an_append AFTER UPDATE OF checkpoint ON aef.executions
    FOR EACH ROW WHEN (NEW.checkpoint IS NOT NULL AND NEW.checkpoint IS DISTINCT FROM OLD.checkpoint)
    EXECUTE FUNCTION aef.note_checkpoint();

INSERT INTO aef.checkpoints (id, execution)
SELECT checkpoint::json ->> 'id', id FROM aef.executions WHERE checkpoint IS NOT NULL ON CONFLICT DO NOTHING;

-- The number of an owner, who is made where there is none. One that is there is not written to: claims lock its row.
CREATE FUNCTION aef.owner_no(called text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    number bigint;
BEGIN
    SELECT no INTO number FROM aef.owners WHERE name = called;
    IF number IS NULL THEN
        INSERT INTO aef.owners (name) VALUES (called)
        ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING no INTO number;
    END IF;
    RETURN number;
END $$;

-- Row-level security, as of the other tables. Tickets are the host's own.

ALTER TABLE aef.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE aef.api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON aef.api_keys
    USING ((SELECT aef.session_is_service()) OR owner = (SELECT aef.session_owner_no()));

ALTER TABLE aef.secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE aef.secrets FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON aef.secrets
    USING ((SELECT aef.session_is_service()) OR owner = (SELECT aef.session_owner_no()));

ALTER TABLE aef.sops ENABLE ROW LEVEL SECURITY;
ALTER TABLE aef.sops FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON aef.sops
    USING ((SELECT aef.session_is_service()) OR owner = (SELECT aef.session_owner_no()));

ALTER TABLE aef.audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE aef.audit FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON aef.audit
    USING ((SELECT aef.session_is_service()) OR owner = (SELECT aef.session_owner_no()));

ALTER TABLE aef.tickets ENABLE ROW LEVEL SECURITY;
ALTER TABLE aef.tickets FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON aef.tickets USING ((SELECT aef.session_is_service()));

-- Whoever sees the execution finds it by its checkpoints.
ALTER TABLE aef.checkpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE aef.checkpoints FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON aef.checkpoints
    USING ((SELECT aef.session_is_service()) OR EXISTS (SELECT 1 FROM aef.executions e WHERE e.id = execution));
