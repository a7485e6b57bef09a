//! Calls in flight: what is sent together, and what each of them answers.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use aef_core::browser::InputGate;
use chromiumoxide_types::{Command, MethodId};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::{
    Link,
    router::{Answer, Router},
    socket::Outgoing,
};
use crate::error::CdpError;

/// Commands that reach the socket in one flush, in the order in which they were pushed.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    link: &'a Link,
    messages: Vec<String>,
    ids: Vec<u64>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(link: &'a Link) -> Self {
        Self { link, messages: Vec::new(), ids: Vec::new() }
    }

    /// Adds a command; its answer comes only after [`Batch::send`].
    pub(crate) fn push<C: Command>(&mut self, command: &C) -> Result<Reply<C::Response>, CdpError> {
        self.enlist(command.identifier(), command)
    }

    /// Adds a command whose answer is not read by the generated type.
    pub(crate) fn push_as<C: Command, R>(&mut self, command: &C) -> Result<Reply<R>, CdpError> {
        self.enlist(command.identifier(), command)
    }

    /// Adds a command by name.
    pub(crate) fn push_raw<P: Serialize>(
        &mut self,
        method: &'static str,
        params: &P,
    ) -> Result<Reply<Box<RawValue>>, CdpError> {
        self.enlist(method.into(), params)
    }

    /// Writes the batch. Behind a closed gate nothing is written and every reply is refused.
    pub(crate) fn send(self, gate: Option<InputGate>) -> Result<(), CdpError> {
        self.link.connection.enqueue(Outgoing { messages: self.messages, ids: self.ids, gate })
    }

    fn enlist<P: Serialize, R>(&mut self, method: MethodId, params: &P) -> Result<Reply<R>, CdpError> {
        let id = self.link.next_id();
        let message = self.link.encode(id, &method, params)?;
        let answer = self.link.router().expect(id, self.link.session.as_ref())?;
        self.messages.push(message);
        self.ids.push(id);
        Ok(Reply { id, method, answer, router: Arc::clone(self.link.router()), result: PhantomData })
    }
}

/// The answer to one command. Dropping it forgets the call.
#[derive(Debug)]
pub(crate) struct Reply<R> {
    id: u64,
    method: MethodId,
    answer: oneshot::Receiver<Answer>,
    router: Arc<Router>,
    result: PhantomData<fn() -> R>,
}

impl<R> Reply<R> {
    /// Waits for the answer without reading it.
    pub(crate) async fn raw_within(mut self, limit: Duration) -> Result<Box<RawValue>, CdpError> {
        match tokio::time::timeout(limit, &mut self.answer).await {
            Ok(Ok(answer)) => answer.map_err(|error| error.of(self.method.clone())),
            Ok(Err(_)) => Err(CdpError::Lost(self.router.cause())),
            Err(_) => Err(CdpError::Timeout { method: self.method.clone(), limit }),
        }
    }
}

impl<R: serde::de::DeserializeOwned> Reply<R> {
    /// Waits for the answer and reads it.
    pub(crate) async fn within(self, limit: Duration) -> Result<R, CdpError> {
        let method = self.method.clone();
        let answer = self.raw_within(limit).await?;
        serde_json::from_str(answer.get()).map_err(|source| CdpError::malformed(&method, source))
    }
}

impl<R> Drop for Reply<R> {
    fn drop(&mut self) {
        self.router.forget(self.id);
    }
}
