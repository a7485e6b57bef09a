//! Row-level security, asked of the database directly.

use std::sync::Arc;

use aef_core::ids::{DocumentId, Seq};
use aef_core::store::{
    Append, DocumentStore as _, ExecutionStore as _, IdempotencyKey, NewDocument, NewExecution,
};
use aef_store_postgres::PostgresStore;
use aef_testkit::conformance::store::{batch, new_execution};
use aef_testkit::postgres::TestDatabase;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::support::{connect, make_roles};

/// The tables whose rows are an owner's, each with the condition by which a row is that of the owner `$1`.
const TABLES: [(&str, &str); 6] = [
    ("owners", "name = $1"),
    ("executions", "owner = public.no_of($1)"),
    ("batches", "execution = public.execution_of($1)"),
    ("snapshots", "execution = public.execution_of($1)"),
    ("keys", "owner = public.no_of($1)"),
    ("documents", "owner = public.no_of($1)"),
];

/// A database in which ada and bob have a row in each table, and the documented roles.
async fn database() -> TestDatabase {
    let database = TestDatabase::new().await;
    let store = connect(&database).await;
    for owner in ["ada", "bob"] {
        fill(&store, owner).await;
    }
    make_roles(&database).await;
    let mut connection = database.connection().await;
    // What a test is to compare with must be known beyond what the role may see.
    sqlx::raw_sql(
        "CREATE TABLE public.known AS SELECT o.name, o.no, e.id FROM aef.owners o JOIN aef.executions e ON e.owner = o.no;
         CREATE FUNCTION public.no_of(text) RETURNS bigint LANGUAGE sql STABLE AS
             'SELECT no FROM public.known WHERE name = $1';
         CREATE FUNCTION public.execution_of(text) RETURNS uuid LANGUAGE sql STABLE AS
             'SELECT id FROM public.known WHERE name = $1';
         GRANT SELECT ON public.known TO PUBLIC",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    database
}

async fn fill(store: &Arc<PostgresStore>, owner: &str) {
    let idempotency = Some(IdempotencyKey { key: "k".into(), body_hash: "b".into() });
    let id = store.create(NewExecution { idempotency, ..new_execution(owner) }).await.unwrap().record.id;
    store.append(Append { snapshot: Some("s".into()), ..batch(id, Seq(1), ["a"]) }).await.unwrap();
    let content = Arc::new(serde_json::json!({ "of": owner }));
    let document = NewDocument { id: DocumentId::from("d"), hash: "h".into(), title: "t".into(), content };
    store.put_document(&owner.into(), document).await.unwrap();
}

async fn session(database: &TestDatabase, role: &str, owner: &str) -> PgConnection {
    let mut connection = database.connection().await;
    let role = AssertSqlSafe(format!("SET ROLE {role}"));
    sqlx::query(role).execute(&mut connection).await.unwrap();
    sqlx::query("SELECT set_config('aef.owner', $1, false)")
        .bind(owner)
        .execute(&mut connection)
        .await
        .unwrap();
    connection
}

/// How many rows of this owner the statement reaches.
async fn reached(connection: &mut PgConnection, statement: String, owner: &str) -> u64 {
    let mut transaction = connection.begin().await.unwrap();
    let done = sqlx::query(AssertSqlSafe(statement)).bind(owner).fetch_all(&mut *transaction).await.unwrap();
    transaction.rollback().await.unwrap();
    done.len() as u64
}

/// What may be done to rows, as statements that give a row for each that they reach.
fn statements(table: &str, condition: &str) -> [String; 4] {
    let column = match table {
        "owners" => "name",
        "executions" => "status",
        "batches" => "events",
        "snapshots" => "bytes",
        "keys" => "body_hash",
        _ => "title",
    };
    [
        format!("SELECT 1 FROM aef.{table} WHERE {condition}"),
        format!("SELECT 1 FROM aef.{table} WHERE {condition} FOR UPDATE"),
        format!("UPDATE aef.{table} SET {column} = {column} WHERE {condition} RETURNING 1"),
        format!("DELETE FROM aef.{table} WHERE {condition} RETURNING 1"),
    ]
}

/// Whoever is held to an owner reaches its rows and nobody else's; also the service, once it has named one.
#[tokio::test]
async fn a_session_of_an_owner_reaches_no_other_owners_rows() {
    let database = database().await;
    for role in ["aef_application", "aef_service"] {
        let mut connection = session(&database, role, "ada").await;
        for (table, condition) in TABLES {
            for statement in statements(table, condition) {
                assert!(reached(&mut connection, statement.clone(), "ada").await > 0, "{role}: {statement}");
                assert_eq!(
                    reached(&mut connection, statement.clone(), "bob").await,
                    0,
                    "{role}: {statement}"
                );
            }
        }
    }
}

/// An application that has named no owner sees nothing; the service sees all.
#[tokio::test]
async fn without_an_owner_only_the_service_sees_rows() {
    let database = database().await;
    let mut application = session(&database, "aef_application", "").await;
    let mut service = session(&database, "aef_service", "").await;
    for (table, condition) in TABLES {
        for statement in statements(table, condition) {
            for owner in ["ada", "bob"] {
                assert_eq!(reached(&mut application, statement.clone(), owner).await, 0, "{statement}");
                assert!(reached(&mut service, statement.clone(), owner).await > 0, "{statement}");
            }
        }
    }
}

/// No row can be written for another owner, be it new or moved; neither by the store's own functions.
#[tokio::test]
async fn no_row_is_written_for_another_owner() {
    let database = database().await;
    let mut connection = session(&database, "aef_application", "ada").await;
    let refused = [
        "INSERT INTO aef.owners (name) VALUES ('eve')",
        "INSERT INTO aef.executions (id, owner, head, created_at, updated_at, priority, progress, format, document,
                                     document_hash, status)
         VALUES (gen_random_uuid(), public.no_of('bob'), 0, 0, 0, 0, 0, 1, 'd', 'h', 'queued')",
        "UPDATE aef.executions SET owner = public.no_of('bob')",
        "INSERT INTO aef.batches (head, epoch, at, execution, digest, events)
         VALUES (9, 0, 0, public.execution_of('bob'), 'x', 'x')",
        "UPDATE aef.batches SET execution = public.execution_of('bob')",
        "INSERT INTO aef.snapshots (execution, seq, bytes) VALUES (gen_random_uuid(), 0, 'x')",
        "INSERT INTO aef.keys (owner, key, body_hash, execution) VALUES (public.no_of('bob'), 'x', 'x', gen_random_uuid())",
        "INSERT INTO aef.documents (owner, id, version, hash, title, content, created_at)
         VALUES (public.no_of('bob'), 'd', 9, 'x', 'x', '{}', 0)",
        "SELECT aef.put_document('bob', 'd', 'x', 'x', '{}')",
        "SELECT aef.remove_document('bob', 'd')",
        "SELECT aef.claim('w', 1, 1, 1, NULL, NULL, NULL)",
        "INSERT INTO aef.workers (name, seen) VALUES ('w', 0)",
    ];
    for statement in refused {
        let error = sqlx::query(statement).execute(&mut connection).await.unwrap_err();
        let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {error}");
    }
    let outcome: String = sqlx::query_scalar(
        "SELECT outcome FROM aef.append(NULL,
            ARRAY[public.execution_of('bob')], ARRAY[gen_random_uuid()], ARRAY['x'::bytea], ARRAY[2::bigint],
            ARRAY[NULL], ARRAY[NULL::bigint], ARRAY[false], ARRAY[false], ARRAY[1], ARRAY[1], ARRAY[false], ARRAY[NULL],
            ARRAY[NULL], ARRAY[NULL::integer], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL::bigint], ARRAY[false],
            ARRAY['x'::bytea], ARRAY[NULL::bytea])",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(outcome, "missing");
}
