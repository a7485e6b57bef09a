-- What must be decided under a lock is decided here, in one statement of the client. Each function is VOLATILE and runs at
-- READ COMMITTED, so that each of its statements sees what was committed until then: what is read after a lock was waited
-- for is what stands there now. One statement with common table expressions could not do that: all its parts see the moment
-- before the wait.

-- Appends batches, of each execution one at most, to what is the owner's, or whoever's where none is named. A refusal of
-- one leaves the others alone.
CREATE FUNCTION aef.append(
    owner_name text, ids uuid[], batches uuid[], digests bytea[], seqs bigint[], workers text[], epochs bigint[], unleased boolean[],
    effects boolean[], counts integer[], formats integer[], finals boolean[], statuses text[], steps text[],
    progresses integer[], checkpoints text[], notes text[], wakes bigint[], releases boolean[], events bytea[],
    snapshots bytea[]
) RETURNS TABLE (
    place bigint, outcome text, head bigint, epoch bigint, lease_until bigint, at bigint, status text, wake_at bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    now bigint;
    mine bigint;
BEGIN
    IF owner_name IS NOT NULL THEN
        PERFORM aef.enter(owner_name);
        SELECT o.no INTO mine FROM aef.owners o WHERE o.name = owner_name;
    END IF;
    -- In the order of the ids, so that two groups that share executions wait for each other and do not deadlock.
    PERFORM 1 FROM aef.executions x WHERE x.id = ANY (ids) ORDER BY x.id FOR NO KEY UPDATE;
    now := aef.clock();
    RETURN QUERY
    WITH asked AS (
        SELECT *, a.final OR a.unleased OR (a.release AND a.worker IS NOT NULL) AS ends
        FROM unnest(ids, batches, digests, seqs, workers, epochs, unleased, effects, counts, formats, finals, statuses,
                    steps, progresses, checkpoints, notes, wakes, releases, events, snapshots)
             WITH ORDINALITY AS a (id, batch, digest, seq, worker, epoch, unleased, effect, count, format, final, status,
                                   step, progress, checkpoint, note, wake, release, events, snapshot, place)
    ),
    judged AS (
        SELECT a.*, e.head AS found_head, e.status AS found_status,
               b.head AS known_head, b.epoch AS known_epoch, b.lease_until AS known_lease_until, b.at AS known_at,
               CASE
                   WHEN e.id IS NULL THEN 'missing'
                   WHEN b.digest = a.digest THEN 'known'
                   WHEN b.digest IS NOT NULL THEN 'mismatch'
                   WHEN e.finished_at IS NOT NULL THEN 'finished'
                   WHEN a.worker IS NOT NULL AND (a.epoch <> e.epoch OR e.worker IS DISTINCT FROM a.worker) THEN 'fenced'
                   WHEN a.unleased AND e.worker IS NOT NULL AND e.lease_until > now THEN 'leased'
                   WHEN a.effect AND (a.worker IS NULL OR e.worker IS NULL OR e.lease_until <= now) THEN 'unheld'
                   WHEN a.seq <> e.head THEN 'conflict'
                   ELSE 'appended'
               END AS outcome
        FROM asked a
        LEFT JOIN aef.executions e ON e.id = a.id AND (owner_name IS NULL OR e.owner = mine)
        LEFT JOIN aef.batches b ON b.execution = e.id AND b.batch = a.batch
    ),
    changed AS (
        UPDATE aef.executions e SET
            head = e.head + j.count,
            epoch = CASE WHEN j.unleased THEN e.epoch + 1 ELSE e.epoch END,
            worker = CASE WHEN j.ends THEN NULL ELSE e.worker END,
            lease_until = CASE
                WHEN j.ends OR e.lease_until IS NULL THEN NULL
                WHEN j.worker IS NOT NULL THEN aef.later(now, e.lease_length)
                ELSE e.lease_until
            END,
            wake_at = CASE
                WHEN j.final THEN NULL
                WHEN j.seq IS NULL THEN least(e.wake_at, j.wake)
                ELSE j.wake
            END,
            format = greatest(e.format, j.format),
            updated_at = now,
            finished_at = CASE WHEN j.final THEN now END,
            fruitless = CASE WHEN j.count = 0 THEN e.fruitless ELSE 0 END,
            status = coalesce(j.status, e.status),
            progress = coalesce(j.progress, e.progress),
            step = CASE WHEN j.status IS NULL THEN e.step ELSE j.step END,
            checkpoint = CASE WHEN j.status IS NULL THEN e.checkpoint ELSE j.checkpoint END,
            note = CASE WHEN j.status IS NULL THEN e.note ELSE j.note END
        FROM judged j
        WHERE e.id = j.id AND j.outcome = 'appended'
        RETURNING e.id, e.head, e.epoch, e.lease_until, e.status, e.wake_at
    ),
    written AS (
        INSERT INTO aef.batches (head, epoch, lease_until, at, execution, batch, digest, events)
        SELECT c.head, c.epoch, c.lease_until, now, j.id, j.batch, j.digest, j.events
        FROM changed c JOIN judged j ON j.id = c.id
    ),
    kept AS (
        INSERT INTO aef.snapshots (execution, seq, bytes)
        SELECT j.id, c.head, j.snapshot FROM changed c JOIN judged j ON j.id = c.id WHERE j.snapshot IS NOT NULL
        ON CONFLICT (execution) DO UPDATE SET seq = excluded.seq, bytes = excluded.bytes
    )
    SELECT j.place, j.outcome,
           coalesce(c.head, j.known_head, j.found_head), coalesce(c.epoch, j.known_epoch),
           CASE WHEN c.id IS NOT NULL THEN c.lease_until ELSE j.known_lease_until END,
           coalesce(j.known_at, now), coalesce(c.status, j.found_status), c.wake_at
    FROM judged j LEFT JOIN changed c ON c.id = j.id;
END $$;

-- Notes that a worker is alive, and forgets those that are not. One that was seen within the last second is not noted
-- again: a claim that finds nothing writes nothing, and waits for no disk.
CREATE FUNCTION aef.show_worker(name text, now bigint) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    DELETE FROM aef.workers w WHERE w.name IN (
        SELECT d.name FROM aef.workers d WHERE d.seen <= now - 60000000 FOR UPDATE SKIP LOCKED);
    PERFORM 1 FROM aef.workers w WHERE w.name = show_worker.name AND w.seen > now - 1000000;
    IF NOT FOUND THEN
        INSERT INTO aef.workers AS w (name, seen) VALUES (show_worker.name, now)
            ON CONFLICT (name) DO UPDATE SET seen = excluded.seen;
    END IF;
END $$;

-- The owners of whom something is due. Usually few rows are, and a look at the oldest thousand finds them all. Behind a
-- backlog it steps from owner to owner instead, so that one with many rows does not hide the others.
CREATE FUNCTION aef.owners_due(now bigint, max_format integer) RETURNS bigint[] LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    enough CONSTANT integer := 1000;
    seen integer;
    due bigint[];
BEGIN
    SELECT count(*), array_agg(DISTINCT f.owner) FILTER (WHERE f.format <= max_format) INTO seen, due
    FROM (SELECT e.owner, e.format FROM aef.executions e WHERE e.queued_at <= now ORDER BY e.queued_at LIMIT enough) f;
    IF seen >= enough THEN
        WITH RECURSIVE step AS (
            (SELECT e.owner FROM aef.executions e WHERE e.queued_at IS NOT NULL ORDER BY e.owner LIMIT 1)
            UNION ALL
            SELECT (SELECT e.owner FROM aef.executions e
                    WHERE e.queued_at IS NOT NULL AND e.owner > s.owner ORDER BY e.owner LIMIT 1)
            FROM step s WHERE s.owner IS NOT NULL
        )
        SELECT array_agg(s.owner) INTO due FROM step s
        WHERE EXISTS (SELECT 1 FROM aef.executions e
                      WHERE e.owner = s.owner AND e.queued_at <= now AND e.format <= max_format);
    END IF;
    RETURN coalesce(due, '{}');
END $$;

-- How many live leases an owner has.
CREATE FUNCTION aef.leases_of(owner_no bigint, now bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT count(*) FROM aef.executions e WHERE e.owner = owner_no AND e.worker IS NOT NULL AND e.lease_until > now
$$;

-- How many live leases there are. Whoever is held to one owner learns this number, too, and nothing else of the others:
-- an execution of theirs may wait for it.
CREATE FUNCTION aef.leases(now bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE
SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    held_to text := current_setting('aef.owner', true);
    live bigint;
BEGIN
    PERFORM set_config('aef.owner', '', true);
    SELECT count(*) INTO live FROM aef.executions e WHERE e.worker IS NOT NULL AND e.lease_until > now;
    PERFORM set_config('aef.owner', coalesce(held_to, ''), true);
    RETURN live;
END $$;

-- Leases executions to a worker, each owner's in its turn.
CREATE FUNCTION aef.claim(
    claimer text, wanted bigint, length bigint, max_format integer, limit_per_owner bigint, limit_global bigint,
    only_one uuid
) RETURNS SETOF aef.executions LANGUAGE plpgsql
-- Few, or the planner would read all owners to find those of what it gives.
ROWS 1 AS $$
#variable_conflict use_column
DECLARE
    now bigint := aef.clock();
    -- Under this number claims that keep to a global limit wait for each other: "aef\0" and 2.
    one_at_a_time CONSTANT bigint := 107088130867202;
    -- Owners of whom something is due, in the order of their turns; those among them with something that a dead worker
    -- held; and one that another claim was busy with.
    waiting bigint[];
    due bigint[];
    bereft bigint[];
    busy bigint;
    -- Whether an owner's row is locked.
    holding boolean := false;
    turn bigint;
    taken bigint := 0;
    best aef.executions;
    dead aef.executions;
BEGIN
    PERFORM aef.show_worker(claimer, now);
    UPDATE aef.workers w SET per_owner = limit_per_owner, global = limit_global
        WHERE w.name = claimer AND (w.per_owner, w.global) IS DISTINCT FROM (limit_per_owner, limit_global);
    IF wanted <= 0 THEN
        RETURN;
    END IF;
    IF only_one IS NOT NULL THEN
        SELECT array_agg(e.owner) INTO waiting FROM aef.executions e WHERE e.id = only_one;
    ELSE
        SELECT array_agg(DISTINCT e.owner) INTO bereft FROM aef.executions e
            WHERE e.worker IS NOT NULL AND e.lease_until <= now AND e.wake_at <= now AND e.format <= max_format;
        -- Before the statement, which would call it once for each owner that there is.
        due := aef.owners_due(now, max_format) || bereft;
        SELECT array_agg(o.no ORDER BY o.served, o.name) INTO waiting FROM aef.owners o WHERE o.no = ANY (due);
    END IF;
    waiting := coalesce(waiting, '{}');
    IF limit_global IS NOT NULL AND cardinality(waiting) > 0 THEN
        -- Where there is no room nobody need stand in line to learn it.
        IF aef.leases(now) >= limit_global THEN
            RETURN;
        END IF;
        -- Until it is committed, for two claims that count at once would both find the last place. Whoever waits here
        -- holds no owner yet, so that nobody waits for it.
        PERFORM pg_advisory_xact_lock(one_at_a_time);
        now := aef.clock();
        wanted := least(wanted, limit_global - aef.leases(now));
    END IF;
    LOOP
        WHILE taken < wanted AND cardinality(waiting) > 0 LOOP
            turn := waiting[1];
            waiting := waiting[2:];
            IF limit_per_owner IS NOT NULL THEN
                CONTINUE WHEN aef.leases_of(turn, now) >= limit_per_owner;
                -- Under the owner's lock once more, for two claims that count at once would both find room.
                PERFORM 1 FROM aef.owners o WHERE o.no = turn FOR NO KEY UPDATE SKIP LOCKED;
                IF NOT FOUND THEN
                    busy := coalesce(busy, turn);
                    CONTINUE;
                END IF;
                holding := true;
                CONTINUE WHEN aef.leases_of(turn, now) >= limit_per_owner;
            END IF;
            IF only_one IS NOT NULL THEN
                SELECT * INTO best FROM aef.executions e
                    WHERE e.id = only_one AND (e.worker IS NULL OR e.lease_until <= now) AND e.wake_at <= now
                      AND e.format <= max_format
                    FOR NO KEY UPDATE;
            ELSE
                SELECT * INTO best FROM aef.executions e
                    WHERE e.owner = turn AND e.queued_at <= now AND e.format <= max_format
                    ORDER BY e.priority DESC, e.queued_at, e.id LIMIT 1
                    FOR NO KEY UPDATE SKIP LOCKED;
                IF turn = ANY (bereft) THEN
                    SELECT * INTO dead FROM aef.executions e
                        WHERE e.owner = turn AND e.worker IS NOT NULL AND e.lease_until <= now AND e.wake_at <= now
                          AND e.format <= max_format
                        ORDER BY e.priority DESC, e.wake_at, e.id LIMIT 1
                        FOR NO KEY UPDATE SKIP LOCKED;
                    IF dead.id IS NOT NULL AND (
                        best.id IS NULL
                        OR (-dead.priority::bigint, dead.wake_at, dead.id) < (-best.priority::bigint, best.wake_at, best.id)
                    ) THEN
                        best := dead;
                    END IF;
                END IF;
            END IF;
            CONTINUE WHEN best.id IS NULL;
            RETURN QUERY
                UPDATE aef.executions e SET
                    epoch = e.epoch + 1, fruitless = e.fruitless + 1, worker = claimer,
                    lease_until = aef.later(now, length), lease_length = length
                WHERE e.id = best.id RETURNING e.*;
            taken := taken + 1;
            -- Whoever has been served goes to the end. Where another claim is just doing that, nobody waits for it.
            UPDATE aef.owners o SET served = nextval('aef.turns')
                WHERE o.no IN (SELECT l.no FROM aef.owners l WHERE l.no = turn FOR NO KEY UPDATE SKIP LOCKED);
            waiting := waiting || turn;
        END LOOP;
        -- There was work, and all of it was another claim's to give out. Only who holds nothing may wait for it.
        EXIT WHEN taken > 0 OR busy IS NULL OR holding;
        PERFORM 1 FROM aef.owners o WHERE o.no = busy FOR NO KEY UPDATE;
        holding := true;
        now := aef.clock();
        waiting := ARRAY[busy];
    END LOOP;
END $$;

-- Renews what the worker still holds, and tells how far the journals of those are.
CREATE FUNCTION aef.renew(renewer text, ids uuid[], epochs bigint[], length bigint)
RETURNS TABLE (at bigint, held uuid[], held_epochs bigint[], heads bigint[]) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    now bigint;
BEGIN
    -- The worker's row first, as a claim does.
    PERFORM aef.show_worker(renewer, aef.clock());
    PERFORM 1 FROM aef.executions x WHERE x.id = ANY (ids) AND x.worker = renewer ORDER BY x.id FOR NO KEY UPDATE;
    now := aef.clock();
    RETURN QUERY
    WITH renewed AS (
        UPDATE aef.executions e SET lease_until = aef.later(now, length), lease_length = length
        FROM unnest(ids, epochs) AS a (id, epoch)
        WHERE e.id = a.id AND e.epoch = a.epoch AND e.worker = renewer
        RETURNING e.id, e.epoch, e.head
    )
    SELECT now, coalesce(array_agg(r.id), '{}'), coalesce(array_agg(r.epoch), '{}'), coalesce(array_agg(r.head), '{}')
    FROM renewed r;
END $$;

-- Holds the rest of the transaction to an owner's rows. Whoever is held to another's already cannot leave them by this.
CREATE FUNCTION aef.enter(owner_name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF aef.session_owner() <> owner_name THEN
        RAISE insufficient_privilege USING MESSAGE = 'the session is of another owner';
    END IF;
    PERFORM set_config('aef.owner', owner_name, true);
END $$;

-- The same, as something to select from: what is joined laterally behind it is read when it has been done. So one
-- statement reads for an owner, without a transaction around it.
CREATE FUNCTION aef.entered(owner_name text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM aef.enter(owner_name);
    RETURN owner_name;
END $$;

-- Makes an execution, or says which one was made before.
CREATE FUNCTION aef.create_execution(
    new_id uuid, owner_name text, document text, document_hash text, subset text, parent uuid, priority integer,
    status text, step text, progress integer, checkpoint text, note text, final boolean, count integer, wake bigint,
    format integer, digest bytea, events bytea, idempotency_key text, key_body_hash text
) RETURNS TABLE (outcome text, at bigint, found uuid, purged text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    now bigint;
    mine bigint;
    used aef.keys;
    known bytea;
BEGIN
    PERFORM aef.enter(owner_name);
    -- Whoever loses a race finds in the next round what the other has made. What is not found then either is another
    -- owner's.
    FOR attempt IN 1..3 LOOP
        now := aef.clock();
        SELECT o.no INTO mine FROM aef.owners o WHERE o.name = owner_name;
        IF idempotency_key IS NOT NULL THEN
            SELECT * INTO used FROM aef.keys k
                WHERE k.owner = mine AND k.key = idempotency_key AND (k.kept_until IS NULL OR k.kept_until > now);
            IF FOUND THEN
                RETURN QUERY SELECT CASE WHEN used.body_hash = key_body_hash THEN 'existing' ELSE 'other body' END, now,
                                    used.execution, used.record;
                RETURN;
            END IF;
        END IF;
        SELECT b.digest INTO known FROM aef.batches b WHERE b.execution = new_id AND b.batch IS NULL;
        IF FOUND THEN
            RETURN QUERY SELECT CASE WHEN known = create_execution.digest THEN 'existing' ELSE 'mismatch' END, now, new_id,
                                NULL;
            RETURN;
        END IF;
        IF mine IS NULL THEN
            INSERT INTO aef.owners (name) VALUES (owner_name) ON CONFLICT (name) DO NOTHING;
            SELECT o.no INTO STRICT mine FROM aef.owners o WHERE o.name = owner_name;
        END IF;
        -- A removal of the document waits until this execution, which refers to it, can be seen.
        PERFORM 1 FROM aef.documents d
            WHERE d.owner = mine AND d.id = create_execution.document AND d.hash = create_execution.document_hash
            FOR KEY SHARE;
        IF idempotency_key IS NOT NULL THEN
            -- What stands there and was not found above has outlived its time, or was written meanwhile.
            INSERT INTO aef.keys AS k (owner, key, body_hash, execution)
                VALUES (mine, idempotency_key, key_body_hash, new_id)
                ON CONFLICT (owner, key) DO UPDATE
                    SET body_hash = excluded.body_hash, execution = excluded.execution, record = NULL, kept_until = NULL
                    WHERE k.kept_until <= now;
            CONTINUE WHEN NOT FOUND;
        END IF;
        INSERT INTO aef.executions (
            id, owner, head, wake_at, created_at, updated_at, finished_at, priority, progress, format, parent, document,
            document_hash, status, step, subset, checkpoint, note)
        VALUES (
            new_id, mine, count, CASE WHEN final THEN NULL ELSE wake END, now, now, CASE WHEN final THEN now END,
            create_execution.priority, create_execution.progress, create_execution.format, create_execution.parent,
            create_execution.document, create_execution.document_hash, create_execution.status, create_execution.step,
            create_execution.subset, create_execution.checkpoint, create_execution.note)
        ON CONFLICT (id) DO NOTHING;
        IF NOT FOUND THEN
            DELETE FROM aef.keys k WHERE k.owner = mine AND k.key = idempotency_key AND k.execution = new_id;
            CONTINUE;
        END IF;
        INSERT INTO aef.batches (head, epoch, at, execution, digest, events)
            VALUES (count, 0, now, new_id, create_execution.digest, create_execution.events);
        RETURN QUERY SELECT 'made', now, new_id, NULL;
        RETURN;
    END LOOP;
    RETURN QUERY SELECT 'mismatch', now, new_id, NULL;
END $$;

-- Keeps a document: gives the version of the same content, or makes the next.
CREATE FUNCTION aef.put_document(owner_name text, document text, content_hash text, new_title text, new_content text)
RETURNS TABLE (version integer, title text, content text, created_at bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    mine bigint;
BEGIN
    PERFORM aef.enter(owner_name);
    INSERT INTO aef.owners (name) SELECT owner_name
        WHERE NOT EXISTS (SELECT 1 FROM aef.owners o WHERE o.name = owner_name) ON CONFLICT (name) DO NOTHING;
    SELECT o.no INTO STRICT mine FROM aef.owners o WHERE o.name = owner_name;
    -- Of those that race for the same version one gets it; the others look again.
    LOOP
        RETURN QUERY SELECT d.version, d.title, d.content, d.created_at FROM aef.documents d
            WHERE d.owner = mine AND d.id = document AND d.hash = content_hash;
        EXIT WHEN FOUND;
        INSERT INTO aef.documents (owner, id, version, hash, title, content, created_at)
            SELECT mine, document, coalesce(max(d.version), 0) + 1, content_hash, new_title, new_content, aef.clock()
            FROM aef.documents d WHERE d.owner = mine AND d.id = document
            ON CONFLICT DO NOTHING;
    END LOOP;
END $$;

-- Removes all versions of a document to which no execution refers.
CREATE FUNCTION aef.remove_document(owner_name text, document text) RETURNS text LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    mine bigint;
BEGIN
    PERFORM aef.enter(owner_name);
    SELECT o.no INTO mine FROM aef.owners o WHERE o.name = owner_name;
    PERFORM 1 FROM aef.documents d WHERE d.owner = mine AND d.id = document ORDER BY d.version FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'missing';
    END IF;
    IF EXISTS (SELECT 1 FROM aef.executions e WHERE e.owner = mine AND e.document = remove_document.document) THEN
        RETURN 'used';
    END IF;
    DELETE FROM aef.documents d WHERE d.owner = mine AND d.id = document;
    RETURN 'removed';
END $$;

-- Planned once a session: for lists of one, and for a time that hardly anything in the queue is older than, the planner would
-- think a plan of their own cheaper, time and again, and making it costs more than what it is for. What these find they
-- find by an index, whatever the values.
ALTER FUNCTION aef.append SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION aef.claim SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION aef.renew SET plan_cache_mode = force_generic_plan;
