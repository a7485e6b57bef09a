//! The live view: a WebSocket, and polling that gives the same messages.

mod connections;
mod feed;
mod message;
mod pace;
mod socket;
mod tickets;

use std::sync::Arc;
use std::time::Duration;

use aef_core::ids::{ExecutionId, Seq};
use axum::Json;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::connections::LiveViews;
use self::feed::Feed;
use self::message::LiveMessage;
pub(crate) use self::tickets::LiveTickets;
use crate::app::App;
use crate::auth::Caller;
use crate::cors::{is_same, origin};
use crate::extract::{Params, Segment};
use crate::problem::{Code, Problem};

/// How long a poll waits at most, in seconds.
const MAX_WAIT: u64 = 60;

/// The longest message that a client may send, in bytes: what a person pastes, and its JSON.
const MAX_MESSAGE: usize = 512 * 1024;

/// What is kept of a socket for reading, in bytes: clients say little, and a longer message makes room for itself.
const READ_BUFFER: usize = 4 * 1024;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ticket))
}

/// From where a view goes on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LiveParams {
    /// The `seq` of the last message that was seen. Without it, the view begins with the newest entries of the log.
    after: Option<u64>,
    /// Polling only: how many seconds to wait for something new behind `after`.
    #[param(maximum = 60)]
    wait: Option<u64>,
    /// A ticket, where no header can be sent.
    #[expect(dead_code, reason = "it was taken before the handler is asked")]
    ticket: Option<String>,
}

/// A ticket that opens a live view once.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TicketView {
    /// What to send as `ticket`.
    ticket: String,
    /// Where to send it.
    websocket_url: String,
    /// How many seconds it is good.
    expires_in: u64,
}

/// Watch an execution
///
/// With `Upgrade: websocket` a socket, which sends messages as they come and takes `{"type": "subscribe", "frames": bool}`,
/// `{"type": "input", "input": {…}}` and `{"type": "ping"}`; without it, the message that a socket would send now. The first
/// message of either is the whole current state.
#[utoipa::path(
    get, path = "/live/{executionId}", tag = "live",
    params(("executionId" = String, Path, description = "The execution"), LiveParams),
    responses((status = 200, body = LiveMessage), (status = 101, description = "A socket")),
)]
async fn live(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<ExecutionId>,
    Params(params): Params<LiveParams>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let handle = app.execution(&caller, id).await?;
    // Whether there is such an execution is told before anything else.
    let record = handle.record().await?;
    let most = app.options.limits.live_connections;
    let connection = app.options.live_views.open(record.owner.as_str(), most)?;
    let after = params.after.map(|after| Seq(after.min(i64::MAX as u64)));
    let feed = Feed::new(handle, after);
    if !wants_socket(&headers) {
        let wait = Duration::from_secs(params.wait.unwrap_or(0).min(MAX_WAIT));
        return Ok(Json(feed.poll(wait, &app.options.shutdown).await?).into_response());
    }
    if let Some(origin) = origin(&headers)
        && !app.cors.operator_may(origin)
        && !is_same(origin, &headers)
    {
        return Err(Problem::new(Code::OriginRefused, "pages of this origin may not open a live view"));
    }
    let upgrade = upgrade.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let upgrade =
        upgrade.read_buffer_size(READ_BUFFER).max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    Ok(upgrade.on_upgrade(move |socket| socket::serve(app, caller, feed, socket, connection)))
}

fn wants_socket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"))
}

/// Get a ticket for a live view
///
/// Browsers cannot send headers when they open a socket: a ticket in the query opens it once, within a minute.
#[utoipa::path(
    post, path = "/live/{executionId}/ticket", tag = "live",
    params(("executionId" = String, Path, description = "The execution")),
    responses((status = 201, body = TicketView)),
)]
async fn ticket(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<ExecutionId>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<TicketView>), Problem> {
    app.execution(&caller, id).await?.record().await?;
    let (ticket, expires_in) = tickets::issue(&app, &caller, id).await?;
    let websocket_url = format!("{}/api/aef/live/{id}?ticket={ticket}", app.socket_base(&headers));
    Ok((StatusCode::CREATED, Json(TicketView { ticket, websocket_url, expires_in })))
}
