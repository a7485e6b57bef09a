-- The rights of the two roles that use the store, for a database in which it has made its tables. Run it as the role that
-- made them, after each upgrade too, and grant each of the roles to those who log in.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['aef_service', 'aef_application'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA aef TO aef_service, aef_application;
GRANT SELECT ON aef.migrations TO aef_service, aef_application;

-- Workers and whatever else acts for all owners. That it may write `aef.workers` is what makes it the service.
GRANT SELECT, INSERT, UPDATE, DELETE ON
    aef.owners, aef.executions, aef.batches, aef.snapshots, aef.keys, aef.workers, aef.documents,
    aef.api_keys, aef.secrets, aef.sops, aef.audit, aef.tickets, aef.checkpoints TO aef_service;
GRANT USAGE ON SEQUENCE aef.turns TO aef_service;

-- What acts for one owner at a time. It sees that owner's rows alone, after `SELECT set_config('aef.owner', …, true)` in
-- its transaction, and before that none.
GRANT SELECT, INSERT, UPDATE, DELETE ON
    aef.owners, aef.executions, aef.batches, aef.snapshots, aef.keys, aef.documents, aef.api_keys,
    aef.secrets, aef.sops, aef.audit, aef.checkpoints TO aef_application;
GRANT SELECT ON aef.workers TO aef_application;
