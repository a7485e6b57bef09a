//! `/api/aef`, row by row.

use aef_core::execution::Status;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{ASKING, Client, FAILING, Kept, READING, Sent, Stage, on_each_store};

on_each_store!(
    sops_are_kept_to_the_letter,
    documents_are_checked_and_kept_in_versions,
    an_execution_runs_from_question_to_end,
    a_late_or_wrong_answer_is_told,
    a_failure_offers_recovery,
    an_execution_is_paused_stepped_and_resumed,
    stopping_is_told_once_it_is_done,
    a_held_execution_is_let_go,
    a_subset_runs_alone,
    a_fork_begins_at_a_step,
    logs_are_read_in_pages,
    pictures_and_files_are_given,
    a_trace_holds_all_of_an_execution,
    a_dry_run_stops_before_it_changes_something,
);

async fn sops_are_kept_to_the_letter(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    let text = br#"{ "meta": {"title": "Payroll"},  "public": {"nodes": [1.00, 2]} }"#;
    let send = async |method: Method, path: &str, text: &[u8]| {
        ada.send(method, path, Sent::Raw("application/json", text.to_vec())).await
    };
    let made = send(Method::POST, "/api/aef/sops", text).await;
    assert_eq!((made.status, made.text("title")), (StatusCode::CREATED, "Payroll".to_owned()));
    let path = format!("/api/aef/sops/{}", made.text("sopId"));
    let read = ada.get(&path).await;
    let whole = String::from_utf8(read.bytes.to_vec()).unwrap();
    assert!(whole.contains(std::str::from_utf8(text).unwrap()), "not to the letter: {whole}");
    let other = br#"{"meta":{"title":"Payroll 2"}}"#;
    assert_eq!(send(Method::PUT, &path, other).await.body["version"], 2);
    assert_eq!(send(Method::PUT, &path, other).await.body["version"], 2, "the same is no news");
    assert_eq!(ada.get(&path).await.text("title"), "Payroll 2");
    assert_eq!(ada.get(&format!("{path}?version=1")).await.text("title"), "Payroll");
    ada.get(&format!("{path}?version=9")).await.is_problem(StatusCode::NOT_FOUND, "not_found");
    let listed = ada.get("/api/aef/sops").await;
    assert_eq!(listed.body["sops"][0]["title"], "Payroll 2");
    for wrong in [&b"[]"[..], b"{", b"7"] {
        send(Method::POST, "/api/aef/sops", wrong).await.is_problem(StatusCode::BAD_REQUEST, "malformed");
    }
}

async fn documents_are_checked_and_kept_in_versions(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    let wrong = "aef: 1\nid: w\nsteps: [ { id: a, actions: [ { action: clik } ] }, { id: b, actions: [ { action: clock } ] } ]\n";
    for path in ["/api/aef/documents", "/api/aef/documents/validate"] {
        let answer = ada.send(Method::POST, path, Sent::Yaml(wrong)).await;
        answer.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_document");
        let pointers: Vec<_> =
            answer.body["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
        assert!(pointers.len() > 1 && pointers[0].as_str().unwrap().starts_with("/steps/0"), "{pointers:?}");
    }
    let checked = ada.send(Method::POST, "/api/aef/documents/validate", Sent::Yaml(ASKING)).await;
    assert_eq!((checked.status, checked.body["steps"].clone()), (StatusCode::OK, json!(3)));
    assert_eq!(ada.get("/api/aef/documents").await.body["documents"], json!([]), "nothing is kept");
    stage.keeps(&ada, ASKING).await;
    let changed = ASKING.replace("Save a record", "Save one record");
    stage.keeps(&ada, &changed).await;
    stage.keeps(&ada, &changed).await;
    let read = ada.get("/api/aef/documents/save-record").await;
    assert_eq!((read.body["version"].clone(), read.text("title")), (json!(2), "Save one record".to_owned()));
    let first = ada.get("/api/aef/documents/save-record?version=1").await;
    assert_eq!(first.body["document"]["title"], "Save a record");
    let json = read.body["document"].clone();
    assert_eq!(ada.post("/api/aef/documents", json).await.body["version"], 2, "JSON is read, too");
}

/// The open checkpoint of an execution.
async fn asked(client: &Client, id: &str) -> Value {
    let state = client.get(&format!("/api/aef/executions/{id}")).await;
    state.body["checkpoints"][0].clone()
}

async fn an_execution_runs_from_question_to_end(kept: Kept) {
    let stage = Stage::on(kept).await;
    let worker = stage.works();
    let ada = stage.person("ada");
    stage.keeps(&ada, ASKING).await;
    let id = ada.executes("save-record", json!({})).await;
    stage.reaches(&id, Status::WaitingCheckpoint).await;
    let state = ada.get(&format!("/api/aef/executions/{id}")).await;
    assert_eq!(state.body["currentStep"], json!({ "id": "save", "name": "Save it" }));
    let inbox = ada.get("/api/aef/checkpoints?status=open").await;
    let open = &inbox.body["checkpoints"][0];
    assert_eq!(*open, asked(&ada, &id).await);
    for (field, value) in [
        ("executionId", json!(id)),
        ("stepId", json!("save")),
        ("kind", json!("before_execution")),
        ("title", json!("Save it?")),
        ("risk", json!("write")),
        ("status", json!("open")),
        ("url", json!("https://crm.test/crm")),
    ] {
        assert_eq!(open[field], value, "{field}");
    }
    assert!(open["expiresAt"].is_string() && open["age"].is_u64() && open["actions"][0].is_object());
    let answer = json!({ "response": "approve", "comment": "looks right" });
    let answered = ada.post(&format!("/api/aef/checkpoint/{}", open["id"].as_str().unwrap()), answer).await;
    assert_eq!((answered.text("status"), answered.text("nextAction")), ("success".into(), "continue".into()));
    stage.reaches(&id, Status::Completed).await;
    let ended = ada.get(&format!("/api/aef/executions/{id}")).await;
    assert_eq!(
        (ended.body["progress"].clone(), ended.body["result"].clone()),
        (json!(100), json!({ "saved": true }))
    );
    assert_eq!(stage.browser.witness().count("save", "record"), 1);
    assert_eq!(ada.get("/api/aef/checkpoints").await.body["checkpoints"], json!([]));
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn a_late_or_wrong_answer_is_told(kept: Kept) {
    let stage = Stage::on(kept).await;
    let worker = stage.works();
    let ada = stage.person("ada");
    stage.keeps(&ada, ASKING).await;
    let id = ada.executes("save-record", json!({})).await;
    stage.reaches(&id, Status::WaitingCheckpoint).await;
    let path = format!("/api/aef/checkpoint/{}", asked(&ada, &id).await["id"].as_str().unwrap());
    let wrong = ada.post(&path, json!({ "response": "choose", "option": "x" })).await;
    wrong.is_problem(StatusCode::CONFLICT, "wrong_state");
    ada.post(&path, json!({ "response": "perhaps" })).await.is_problem(StatusCode::BAD_REQUEST, "malformed");
    let rejected = ada.post(&path, json!({ "response": "reject" })).await;
    assert_eq!(rejected.text("nextAction"), "stop_execution");
    stage.reaches(&id, Status::Stopped).await;
    let late = ada.post(&path, json!({ "response": "approve" })).await;
    late.is_problem(StatusCode::CONFLICT, "already_answered");
    assert_eq!(late.body["answer"]["response"], "reject", "the answer that counted");
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn a_failure_offers_recovery(kept: Kept) {
    let stage = Stage::on(kept).await;
    let worker = stage.works();
    let ada = stage.person("ada");
    stage.keeps(&ada, FAILING).await;
    let id = ada.executes("fail", json!({})).await;
    stage.reaches(&id, Status::WaitingRecovery).await;
    let state = ada.get(&format!("/api/aef/executions/{id}")).await;
    let error = &state.body["error"];
    assert_eq!(error["kind"], "element_not_found");
    let ids: Vec<_> =
        error["recovery_options"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids, ["retry", "skip", "take_over", "stop"]);
    assert!(error["recovery_options"][0]["label"].is_string());
    let path = format!("/api/aef/action/{id}");
    let unnamed = ada.post(&path, json!({ "action": "recover" })).await;
    unnamed.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    let elsewhere = ada.post(&path, json!({ "action": "skip", "stepId": "open" })).await;
    elsewhere.is_problem(StatusCode::CONFLICT, "wrong_state");
    let chosen = ada.post(&path, json!({ "action": "recover", "option": "skip", "stepId": "press" })).await;
    assert_eq!(chosen.status, StatusCode::OK, "{}", chosen.body);
    stage.reaches(&id, Status::Completed).await;
    ada.post(&path, json!({ "action": "pause" })).await.is_problem(StatusCode::CONFLICT, "wrong_state");
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn an_execution_is_paused_stepped_and_resumed(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let id = ada.executes("read-title", json!({ "who": "you" })).await;
    let path = format!("/api/aef/action/{id}");
    let act = async |body: Value| ada.post(&path, body).await;
    assert_eq!(act(json!({ "action": "pause" })).await.text("status"), "paused");
    act(json!({ "action": "hand_back" })).await.is_problem(StatusCode::CONFLICT, "wrong_state");
    act(json!({ "action": "execute" })).await.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    act(json!({ "action": "execute", "stepId": "nowhere" }))
        .await
        .is_problem(StatusCode::CONFLICT, "wrong_state");
    let worker = stage.works();
    assert_eq!(act(json!({ "action": "execute", "stepId": "open" })).await.status, StatusCode::OK);
    stage.reaches(&id, Status::Paused).await;
    assert_eq!(ada.get(&format!("/api/aef/executions/{id}")).await.text("paused"), "single_step");
    assert_eq!(act(json!({ "action": "resume" })).await.status, StatusCode::OK);
    stage.reaches(&id, Status::Completed).await;
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn stopping_is_told_once_it_is_done(kept: Kept) {
    let stage = Stage::on(kept).await;
    let worker = stage.works();
    let ada = stage.person("ada");
    stage.keeps(&ada, ASKING).await;
    stage.keeps(&ada, READING).await;
    let id = ada.executes("save-record", json!({})).await;
    stage.reaches(&id, Status::WaitingCheckpoint).await;
    let path = format!("/api/aef/stop/{id}");
    for _ in 0..2 {
        let stopped = ada.delete(&path).await;
        assert_eq!(stopped.status, StatusCode::OK);
        assert_eq!(stopped.body, json!({ "status": "stopped", "cleanup": "completed" }));
    }
    assert_eq!(stage.browser.open_sessions(), 0, "the browser is gone");
    let done = ada.executes("read-title", json!({ "who": "you" })).await;
    stage.reaches(&done, Status::Completed).await;
    let ended = ada.delete(&format!("/api/aef/stop/{done}")).await;
    assert_eq!(ended.body, json!({ "status": "completed", "cleanup": "completed" }));
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn a_held_execution_is_let_go(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, ASKING).await;
    stage.keeps(&ada, READING).await;
    let stored = stage.engine.scope("ada").document(&"save-record".into(), None).await.unwrap();
    let plan = stage.engine.plan(&stored).unwrap();
    let held = aef_core::engine::SubmitOptions { held: true, ..Default::default() };
    let held = stage.engine.scope("ada").submit(&plan, json!({}), held).await.unwrap().id();
    let start = |document: &str| json!({ "aefDocumentId": document, "executionId": held });
    let other = ada.post("/api/aef/execute", start("read-title")).await;
    other.is_problem(StatusCode::CONFLICT, "document_mismatch");
    for (field, value) in [
        ("version", json!(1)),
        ("stepIds", json!(["open"])),
        ("priority", json!(1)),
        ("startAt", json!("2030-01-01T00:00:00Z")),
        ("dryRun", json!(true)),
        ("inputs", json!({ "unknown": 1 })),
    ] {
        let mut wrong = start("save-record");
        wrong[field] = value;
        let refused = ada.post("/api/aef/execute", wrong).await;
        refused.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    }
    let started = ada.post("/api/aef/execute", start("save-record")).await;
    assert_eq!((started.status, started.text("status")), (StatusCode::ACCEPTED, "queued".to_owned()));
    ada.post("/api/aef/execute", start("save-record")).await.is_problem(StatusCode::CONFLICT, "wrong_state");
}

async fn a_subset_runs_alone(kept: Kept) {
    let stage = Stage::on(kept).await;
    let worker = stage.works();
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let run =
        |steps: Value| json!({ "aefDocumentId": "read-title", "inputs": { "who": "you" }, "stepIds": steps });
    let unknown = ada.post("/api/aef/execute", run(json!(["nowhere"]))).await;
    unknown.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_document");
    let wrong =
        ada.post("/api/aef/execute", json!({ "aefDocumentId": "read-title", "inputs": { "who": 7 } })).await;
    wrong.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    assert_eq!(wrong.body["errors"][0]["pointer"], "/who");
    let answer = ada.post("/api/aef/execute", run(json!(["open"]))).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    let id = answer.text("executionId");
    stage.reaches(&id, Status::Completed).await;
    let log = ada.get(&format!("/api/aef/logs/{id}?stepId=read")).await;
    assert_eq!(log.body["logs"], json!([]), "the other steps did not run");
    assert!(answer.text("statusUrl").ends_with(&format!("/api/aef/executions/{id}")));
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn a_fork_begins_at_a_step(kept: Kept) {
    let stage = Stage::on(kept).await;
    let worker = stage.works();
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let id = ada.executes("read-title", json!({ "who": "you" })).await;
    stage.reaches(&id, Status::Completed).await;
    let path = format!("/api/aef/executions/{id}/fork");
    let keyed = ada.clone().with("idempotency-key", "fork-1");
    let forked = keyed.post(&path, json!({ "fromStep": "open" })).await;
    assert_eq!((forked.status, forked.text("parentId")), (StatusCode::CREATED, id.clone()));
    assert_eq!(
        keyed.post(&path, json!({ "fromStep": "open" })).await.text("executionId"),
        forked.text("executionId")
    );
    stage.reaches(&forked.text("executionId"), Status::Completed).await;
    let nowhere = ada.post(&path, json!({ "fromStep": "nowhere" })).await;
    nowhere.is_problem(StatusCode::CONFLICT, "wrong_state");
    let unknown = ada.post(&path, json!({ "aefDocumentId": "nothing" })).await;
    unknown.is_problem(StatusCode::NOT_FOUND, "not_found");
    let whole = ada.send(Method::POST, &path, Sent::Nothing).await;
    assert_eq!(whole.status, StatusCode::CREATED, "a body may be left out: {}", whole.body);
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn logs_are_read_in_pages(kept: Kept) {
    let stage = Stage::on(kept).await;
    let worker = stage.works();
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let id = ada.executes("read-title", json!({ "who": "you" })).await;
    stage.reaches(&id, Status::Completed).await;
    let path = format!("/api/aef/logs/{id}");
    let whole = ada.get(&format!("{path}?limit=100")).await;
    let all = whole.body["logs"].as_array().unwrap().clone();
    assert_eq!(all[0]["event"], "queued");
    assert!(all.iter().any(|entry| entry["event"] == "completed"));
    assert_eq!(whole.body["execution"]["status"], "completed");
    assert_eq!(whole.body["nextCursor"], Value::Null);
    let places: Vec<_> = all.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect();
    assert_eq!(places, (1..=all.len() as u64).collect::<Vec<_>>());
    let (mut paged, mut after) = (Vec::new(), "0".to_owned());
    loop {
        let page = ada.get(&format!("{path}?limit=3&after={after}")).await;
        paged.extend(page.body["logs"].as_array().unwrap().clone());
        match page.body["nextCursor"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(paged, all);
    let of_step = ada.get(&format!("{path}?stepId=read&level=info")).await;
    for entry in of_step.body["logs"].as_array().unwrap() {
        assert_eq!(entry["stepId"], "read");
        assert_ne!(entry["level"], "debug");
    }
    assert!(of_step.body["logs"].as_array().unwrap().len() >= 2);
    assert_eq!(ada.get(&format!("{path}?level=error")).await.body["logs"], json!([]));
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn pictures_and_files_are_given(kept: Kept) {
    let stage = Stage::on(kept).await;
    let worker = stage.works();
    let ada = stage.person("ada");
    stage.keeps(&ada, ASKING).await;
    let id = ada.executes("save-record", json!({})).await;
    stage.reaches(&id, Status::WaitingCheckpoint).await;
    let open = asked(&ada, &id).await;
    let link = open["screenshot"].as_str().unwrap();
    let picture = ada.get(link).await;
    assert_eq!(picture.status, StatusCode::OK);
    assert_eq!(picture.headers["x-content-type-options"], "nosniff");
    let latest = ada.get(&format!("/api/aef/executions/{id}/screenshot")).await;
    assert_eq!(latest.bytes, picture.bytes);
    let unknown = ada.get(&format!("/api/aef/executions/{id}/artifacts/{}", "0".repeat(64))).await;
    unknown.is_problem(StatusCode::NOT_FOUND, "not_found");
    let file = Sent::Raw("text/html", b"<script>alert(1)</script>".to_vec());
    let kept_file = ada.send(Method::POST, "/api/aef/artifacts?name=a.html", file).await;
    assert_eq!((kept_file.status, kept_file.body["size"].clone()), (StatusCode::CREATED, json!(25)));
    let back = ada.get(&format!("/api/aef/executions/{id}/artifacts/{}", kept_file.text("artifact"))).await;
    assert_eq!(back.bytes, "<script>alert(1)</script>");
    assert_eq!(back.headers["content-type"], "application/octet-stream", "it does not run here");
    assert_eq!(back.headers["content-disposition"], "attachment");
    let odd = Sent::Raw("text/plain", b"x".to_vec());
    let refused = ada.send(Method::POST, "/api/aef/artifacts?name=..%2Fx", odd).await;
    refused.is_problem(StatusCode::BAD_REQUEST, "malformed");
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn a_trace_holds_all_of_an_execution(kept: Kept) {
    let stage = Stage::on(kept).await;
    let worker = stage.works();
    let ada = stage.person("ada");
    stage.keeps(&ada, ASKING).await;
    let id = ada.executes("save-record", json!({})).await;
    stage.reaches(&id, Status::WaitingCheckpoint).await;
    let trace = ada.get(&format!("/api/aef/executions/{id}/trace")).await;
    assert_eq!(
        (trace.status, &trace.headers["content-type"]),
        (StatusCode::OK, &"application/zip".parse().unwrap())
    );
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(trace.bytes.to_vec())).unwrap();
    let mut read = |name: &str| std::io::read_to_string(archive.by_name(name).unwrap()).unwrap();
    let execution: Value = serde_json::from_str(&read("execution.json")).unwrap();
    assert_eq!((&execution["executionId"], &execution["status"]), (&json!(id), &json!("waiting_checkpoint")));
    let document: Value = serde_json::from_str(&read("document.json")).unwrap();
    assert_eq!(document["id"], "save-record");
    let journal: Vec<Value> =
        read("journal.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json!(journal.len()), execution["seq"]);
    assert_eq!((&journal[0]["seq"], &journal[0]["type"]), (&json!(1), &json!("queued")));
    let pictures =
        archive.file_names().filter(|name| name.as_ref().unwrap().starts_with("artifacts/")).count();
    assert_eq!(pictures, 1, "what the person was shown");
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn a_dry_run_stops_before_it_changes_something(kept: Kept) {
    let stage = Stage::on(kept).await;
    let worker = stage.works();
    let ada = stage.person("ada");
    stage.keeps(&ada, ASKING).await;
    stage.keeps(&ada, READING).await;
    let dry = json!({ "aefDocumentId": "save-record", "dryRun": true });
    let id = ada.post("/api/aef/execute", dry).await.text("executionId");
    stage.reaches(&id, Status::Stopped).await;
    let state = ada.get(&format!("/api/aef/executions/{id}")).await;
    let before = &state.body["result"]["stoppedBefore"];
    assert_eq!((&before["stepId"], &before["risk"]), (&json!("save"), &json!("write")));
    assert_eq!(before["actions"][0]["target"]["name"], "Save");
    assert_eq!(stage.browser.witness().count("save", "record"), 0);
    let reads = json!({ "aefDocumentId": "read-title", "inputs": { "who": "you" }, "dryRun": true });
    let id = ada.post("/api/aef/execute", reads).await.text("executionId");
    stage.reaches(&id, Status::Completed).await;
    stage.shutdown.begin();
    worker.await.unwrap();
}
