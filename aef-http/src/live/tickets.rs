//! Tickets: they open a live view once, where no header can be sent.

use std::sync::Arc;
use std::time::Duration;

use aef_core::ids::{ExecutionId, sha256_hex};
use aef_core::store::{HostStore, LiveTicket, Scope};
use async_trait::async_trait;
use axum::http::request::Parts;
use jiff::SignedDuration;

use crate::app::App;
use crate::auth::{AuthError, Authenticator, Caller, Principal, Role};
use crate::problem::{Code, Problem};
use crate::random;

/// How long a ticket may be taken.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// Makes a ticket; gives its text, and how many seconds it is good.
pub(super) async fn issue(
    app: &App,
    caller: &Caller,
    execution: ExecutionId,
) -> Result<(String, u64), Problem> {
    if caller.reads_only.is_some() {
        return Err(Problem::forbidden("a status token polls; it opens no live view"));
    }
    let text = random::hex::<32>().map_err(|error| {
        tracing::error!(%error, "no ticket can be made");
        Problem::new(Code::Internal, "no ticket can be made now")
    })?;
    let now = app.engine.store().now().await?;
    let good_for = SignedDuration::try_from(GOOD_FOR).unwrap_or_default();
    let ticket = LiveTicket {
        hash: sha256_hex(text.as_bytes()),
        execution,
        owner: caller.owner.clone(),
        actor: caller.actor.to_string(),
        key: caller.key_id(),
        access_until: caller.until,
        expires_at: now.saturating_add(good_for).unwrap_or(now),
    };
    app.host().put_ticket(ticket).await?;
    Ok((text, GOOD_FOR.as_secs()))
}

/// Recognises whoever got a ticket, on the way to the live view for which it was given and nowhere else.
#[derive(Debug)]
pub(crate) struct LiveTickets(Arc<dyn HostStore>);

impl LiveTickets {
    pub(crate) fn new(host: Arc<dyn HostStore>) -> Self {
        Self(host)
    }
}

/// The ticket of a request for a live view, and the execution that it names.
fn ticket(request: &Parts) -> Option<(String, String)> {
    let mut segments = request.uri.path().rsplit('/');
    let execution = segments.next()?.to_owned();
    if segments.next() != Some("live") {
        return None;
    }
    let mut pairs = url::form_urlencoded::parse(request.uri.query()?.as_bytes());
    let (_, ticket) = pairs.find(|(name, _)| name == "ticket")?;
    Some((ticket.into_owned(), execution))
}

#[async_trait]
impl Authenticator for LiveTickets {
    async fn authenticate(&self, request: &Parts) -> Result<Option<Principal>, AuthError> {
        let Some((text, execution)) = ticket(request) else { return Ok(None) };
        let refused =
            || AuthError::Refused("the ticket was used, has expired, or is for another view".to_owned());
        let unavailable = |error: aef_core::store::StoreError| AuthError::Unavailable(error.into());
        let taken = self.0.take_ticket(&sha256_hex(text.as_bytes())).await.map_err(unavailable)?;
        let ticket = taken.filter(|ticket| ticket.execution.to_string() == execution).ok_or_else(refused)?;
        let key = match ticket.key {
            // Whatever has become of the key meanwhile, the scopes are looked up and not remembered.
            Some(id) => Some(self.0.key(&Scope::System, id).await.map_err(|_| refused())?),
            None => None,
        };
        if key.as_ref().is_some_and(|key| !key.is_good(jiff::Timestamp::now())) {
            return Err(refused());
        }
        Ok(Some(Principal {
            role: if ticket.owner.is_some() { Role::User } else { Role::Service },
            owner: ticket.owner,
            actor: ticket.actor.into(),
            key: key.map(Arc::new),
            reads_only: None,
            until: ticket.access_until,
        }))
    }
}
