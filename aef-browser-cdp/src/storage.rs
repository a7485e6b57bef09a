//! Cookies and storage: taken from a session, and put into another one.

use std::collections::BTreeSet;
use std::time::Duration;

use aef_core::browser::{OriginStorage, StorageState, TabState};
use chromiumoxide_cdp::cdp::js_protocol::runtime::{CallArgument, CallFunctionOnParams};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::error::CdpError;
use crate::session::{Context, World};

/// How long one page may take to give or take its storage.
const STORAGE_LIMIT: Duration = Duration::from_secs(10);

/// What a cookie is set from; the rest of what the browser tells of it is derived.
const COOKIE_FIELDS: [&str; 11] = [
    "name",
    "value",
    "domain",
    "path",
    "expires",
    "httpOnly",
    "secure",
    "sameSite",
    "priority",
    "sourceScheme",
    "partitionKey",
];

/// Reads both storages of an origin. A document without an origin of its own has none.
const READ: &str = r"function () {
  try {
    return { origin: location.origin, local: Object.entries({ ...localStorage }), session: Object.entries({ ...sessionStorage }) };
  } catch {
    return null;
  }
}";

/// Writes both storages of an origin.
const WRITE: &str = r"function (local, session) {
  for (const [name, value] of local) localStorage.setItem(name, value);
  for (const [name, value] of session) sessionStorage.setItem(name, value);
}";

#[derive(Deserialize)]
struct Cookies {
    cookies: Vec<Value>,
}

#[derive(Deserialize)]
struct Called {
    result: CalledResult,
    #[serde(rename = "exceptionDetails")]
    exception: Option<Value>,
}

#[derive(Deserialize)]
struct CalledResult {
    #[serde(default)]
    value: Value,
}

impl Context {
    /// Gives cookies, the storages of all open documents, and the tabs, the current one first.
    pub(crate) async fn storage_state(&self) -> Result<StorageState, CdpError> {
        let context = json!({ "browserContextId": self.id });
        let cookies = self.browser.call_raw("Storage.getCookies", &context, STORAGE_LIMIT).await?;
        let Cookies { cookies } = serde_json::from_str(cookies.get())
            .map_err(|source| CdpError::malformed("Storage.getCookies", source))?;
        let (tabs, worlds) = self.read(|state| {
            let mut tabs: Vec<_> = state.tabs.iter().collect();
            tabs.sort_by_key(|tab| tab.name != state.current);
            let worlds: Vec<World> = tabs.iter().flat_map(|tab| state.worlds_of(&tab.name)).collect();
            let tabs = tabs.iter().map(|tab| TabState { name: tab.name.clone(), url: tab.page.url.clone() });
            (tabs.collect::<Vec<_>>(), worlds)
        });
        let mut origins: Vec<OriginStorage> = Vec::new();
        for world in worlds {
            let read = match self.call_storage(&world, READ, Vec::new()).await {
                Ok(read) => read,
                Err(error @ CdpError::Lost(_)) => return Err(error),
                // A frame that goes away in this moment keeps nothing that its origin does not.
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "storage not read");
                    continue;
                }
            };
            let Ok(storage) = serde_json::from_value::<OriginStorage>(read) else { continue };
            let is_new = origins.iter().all(|known| known.origin != storage.origin);
            if is_new
                && storage.origin.starts_with("http")
                && !(storage.local.is_empty() && storage.session.is_empty())
            {
                origins.push(storage);
            }
        }
        Ok(StorageState { cookies, origins, tabs })
    }

    /// Puts a state back. The storage of an origin is written in an empty page that stands for it; no server is
    /// asked for that.
    pub(crate) async fn restore(&self, restored: &StorageState) -> Result<(), CdpError> {
        let cookies: Vec<Value> = restored.cookies.iter().map(settable).collect();
        if !cookies.is_empty() {
            let params = json!({ "cookies": cookies, "browserContextId": self.id });
            self.browser.call_raw("Storage.setCookies", &params, STORAGE_LIMIT).await?;
        }
        self.update(|state| state.stub_documents(true));
        let written = self.write_origins(&restored.origins).await;
        self.update(|state| state.stub_documents(false));
        written?;
        self.reopen_tabs(restored).await
    }

    async fn write_origins(&self, origins: &[OriginStorage]) -> Result<(), CdpError> {
        for storage in origins {
            let url = format!("{}/", storage.origin);
            // What may not be opened now needs no storage either.
            if self.refusal(&url).await.is_some() {
                continue;
            }
            let tab = self.read(|state| state.current.clone());
            self.open_stub(&tab, &url).await?;
            let found = self.frame(&[], Instant::now() + STORAGE_LIMIT).await?;
            let arguments = vec![json!(storage.local), json!(storage.session)];
            self.call_storage(&found.world, WRITE, arguments).await?;
        }
        Ok(())
    }

    /// Opens the other tabs again, and the first one unless an address is given for it.
    async fn reopen_tabs(&self, restored: &StorageState) -> Result<(), CdpError> {
        let Some((first, others)) = restored.tabs.split_first() else { return Ok(()) };
        let mut opened = BTreeSet::from([first.name.as_str()]);
        let current = self.read(|state| state.current.clone());
        let current = self.update(|state| state.take_over_tab(&current, Some(&first.name), ""));
        for tab in others {
            if !tab.url.starts_with("http") || !opened.insert(&tab.name) {
                continue;
            }
            let name = self.open_tab().await?;
            self.update(|state| state.take_over_tab(&name, Some(&tab.name), &current));
            self.reopen(&tab.url).await;
        }
        self.update(|state| state.current.clone_from(&current));
        if self.options.url.is_none() && first.url.starts_with("http") {
            self.reopen(&first.url).await;
        }
        Ok(())
    }

    /// Opens a page as it was; one that does not open any more is no reason to have no session.
    async fn reopen(&self, url: &str) {
        if let Err(error) = self.open_address(url).await {
            let failure = error.failure();
            self.update(|state| state.record.note("tab_not_restored", failure.message));
        }
    }

    async fn call_storage(
        &self,
        world: &World,
        function: &str,
        arguments: Vec<Value>,
    ) -> Result<Value, CdpError> {
        let mut call = CallFunctionOnParams::new(function);
        call.unique_context_id = Some(world.id.to_string());
        call.return_by_value = Some(true);
        let argument = |value| CallArgument { value: Some(value), ..CallArgument::default() };
        call.arguments = Some(arguments.into_iter().map(argument).collect());
        let called: Called = self.link(&world.session).call_as(&call, STORAGE_LIMIT).await?;
        match called.exception {
            None => Ok(called.result.value),
            Some(_) => Err(CdpError::Page(aef_core::recovery::Failure::new(
                aef_core::recovery::ErrorKind::Data,
                "the page's storage does not take what was stored",
            ))),
        }
    }
}

/// A cookie as the browser takes it. Session cookies are told with an expiry of -1, which would delete them.
fn settable(cookie: &Value) -> Value {
    let mut settable = Map::new();
    for field in COOKIE_FIELDS {
        if let Some(value) = cookie.get(field) {
            settable.insert(field.to_owned(), value.clone());
        }
    }
    if cookie.get("session") == Some(&json!(true)) || cookie["expires"].as_f64().is_some_and(|at| at < 0.0) {
        settable.remove("expires");
    }
    Value::Object(settable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_cookie_is_not_set_as_expired() {
        let told =
            json!({ "name": "a", "value": "1", "domain": "x", "expires": -1, "session": true, "size": 2 });
        assert_eq!(settable(&told), json!({ "name": "a", "value": "1", "domain": "x" }));
    }
}
