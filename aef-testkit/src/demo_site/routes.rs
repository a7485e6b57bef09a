//! The routes of the site and what stands before them: the log, and the session where one is asked for.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Json, Path, Query, Request, State as Shared};
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::data::messages;
use super::state::{Draft, Record, Refused, State, Witness};
use super::{PASSWORD, USER, pages};

type Site = Shared<Arc<State>>;

/// The cookie that holds the session.
const SESSION: &str = "desk_session";

pub(super) fn router(state: Arc<State>) -> Router {
    let site = Router::new()
        .route("/", get(|| async { see_other("/inbox") }))
        .route("/inbox", get(|| async { Html(pages::inbox()) }))
        .route("/inbox/{id}", get(message))
        .route("/archive", get(archive))
        .route("/crm", get(crm))
        .route("/crm/{id}/print", get(print))
        .route("/api/form", get(empty_form))
        .route("/api/form/{id}", get(filled_form))
        .route("/api/records", get(records).post(create))
        .route("/api/records/{id}", post(update))
        .route("/api/records/{id}/delete", post(delete))
        .fallback(|| async { not_found("There is no such page.") })
        .layer(from_fn_with_state(Arc::clone(&state), require_session))
        .route("/login", get(login_form).post(log_in))
        .route("/logout", post(log_out))
        .layer(from_fn_with_state(Arc::clone(&state), log));
    site.route("/_witness", get(witness)).with_state(state)
}

async fn log(Shared(state): Site, request: Request, next: Next) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let number = state.arrived(request.method().as_str(), path);
    let response = next.run(request).await;
    state.answered(number, response.status().as_u16());
    response
}

async fn require_session(Shared(state): Site, request: Request, next: Next) -> Response {
    let is_open = !state.options.require_login
        || session(request.headers()).is_some_and(|session| state.has_session(session));
    if is_open {
        return next.run(request).await;
    }
    if request.uri().path().starts_with("/api/") {
        return problem(StatusCode::UNAUTHORIZED, "Please log in.");
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let query: String = url_encode(path);
    see_other(&format!("/login?next={query}"))
}

async fn message(Path(id): Path<String>) -> Response {
    match messages().iter().find(|message| message.id == id) {
        Some(message) => Html(pages::message(message)).into_response(),
        None => not_found("There is no such message."),
    }
}

#[derive(Deserialize)]
struct ArchiveQuery {
    page: Option<usize>,
}

async fn archive(Query(query): Query<ArchiveQuery>) -> Html<String> {
    Html(pages::archive(query.page.unwrap_or(1)))
}

#[derive(Deserialize)]
struct CrmQuery {
    #[serde(default)]
    who: String,
}

async fn crm(Shared(state): Site, Query(query): Query<CrmQuery>) -> Html<String> {
    Html(pages::crm(&state.records(), &query.who))
}

async fn print(Shared(state): Site, Path(id): Path<String>) -> Response {
    match state.record(&id) {
        Some(record) => Html(pages::print(&record)).into_response(),
        None => not_found("There is no such record."),
    }
}

/// What an empty form shows.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EmptyForm {
    firm: &'static str,
    contact: &'static str,
    stage: &'static str,
    last_contact: &'static str,
    notes: &'static str,
}

async fn empty_form(Shared(state): Site) -> Response {
    match state.admit_dialog() {
        Ok(()) => Json(EmptyForm { firm: "", contact: "", stage: "Intro", last_contact: "", notes: "" })
            .into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn filled_form(Shared(state): Site, Path(id): Path<String>) -> Response {
    match state.admit_dialog().and_then(|()| state.record(&id).ok_or(Refused::Unknown)) {
        Ok(record) => Json(record).into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn records(Shared(state): Site) -> Json<Vec<Record>> {
    Json(state.records())
}

async fn create(Shared(state): Site, Json(draft): Json<Draft>) -> Response {
    let outcome = state.create(draft);
    tokio::time::sleep(state.options.save_delay).await;
    match outcome {
        Ok(record) => (StatusCode::CREATED, Json(record)).into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn update(Shared(state): Site, Path(id): Path<String>, Json(draft): Json<Draft>) -> Response {
    let outcome = state.update(&id, draft);
    tokio::time::sleep(state.options.save_delay).await;
    match outcome {
        Ok(record) => Json(record).into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn delete(Shared(state): Site, Path(id): Path<String>) -> Response {
    let outcome = state.delete(&id);
    tokio::time::sleep(state.options.save_delay).await;
    match outcome {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => refused.into_response(),
    }
}

#[derive(Deserialize)]
struct LoginQuery {
    #[serde(default)]
    next: String,
}

async fn login_form(Query(query): Query<LoginQuery>) -> Html<String> {
    Html(pages::login(&query.next, ""))
}

#[derive(Deserialize)]
struct Login {
    user: String,
    password: String,
    #[serde(default)]
    next: String,
}

async fn log_in(Shared(state): Site, Form(login): Form<Login>) -> Response {
    if login.user != USER || login.password != PASSWORD {
        let page = pages::login(&login.next, "User name or password is wrong.");
        return (StatusCode::FORBIDDEN, Html(page)).into_response();
    }
    // Only a path of this site: "//host" would lead elsewhere.
    let is_local = login.next.starts_with('/') && !login.next.starts_with("//");
    let next = if is_local { login.next.as_str() } else { "/inbox" };
    let session = state.open_session();
    tokio::time::sleep(state.options.save_delay).await;
    let cookie = format!("{SESSION}={session}; Path=/; HttpOnly; SameSite=Lax");
    ([(SET_COOKIE, cookie)], see_other(next)).into_response()
}

async fn log_out(Shared(state): Site, headers: HeaderMap) -> Response {
    state.close_session(session(&headers));
    ([(SET_COOKIE, format!("{SESSION}=; Path=/; Max-Age=0"))], see_other("/login")).into_response()
}

async fn witness(Shared(state): Site) -> Json<Witness> {
    Json(state.witness())
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Unavailable => problem(StatusCode::SERVICE_UNAVAILABLE, "Try again in a moment."),
            Self::Invalid(text) => problem(StatusCode::UNPROCESSABLE_ENTITY, text),
            Self::Unknown => problem(StatusCode::NOT_FOUND, "This record is gone."),
        }
    }
}

fn problem(status: StatusCode, text: &str) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], json!({ "error": text }).to_string()).into_response()
}

fn not_found(text: &str) -> Response {
    (StatusCode::NOT_FOUND, Html(pages::problem("Not found", text))).into_response()
}

fn see_other(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, path.to_owned())]).into_response()
}

fn session(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(SESSION)?.strip_prefix('='))
}

/// Percent-encodes what may not stand in the value of a query.
fn url_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}
