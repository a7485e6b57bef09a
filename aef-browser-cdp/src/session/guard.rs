//! The policy at work: requests that the browser has stopped are let pass or refused.

use std::time::Duration;

use aef_core::secrets::ExposeSecret as _;
use chromiumoxide_cdp::cdp::browser_protocol::fetch::{
    AuthChallengeResponse, AuthChallengeResponseResponse, ContinueRequestParams, ContinueWithAuthParams,
    FailRequestParams, FulfillRequestParams, HeaderEntry,
};
use chromiumoxide_cdp::cdp::browser_protocol::network::ErrorReason;
use chromiumoxide_cdp::cdp::browser_protocol::page::NavigateParams;
use url::Url;

use super::Context;
use super::network::bare;
use super::payloads::{AuthChallenge, AuthRequired};
use super::policy::{Rule, Verdict, is_private};
use super::state::Blocked;

/// Hosts that were not reached, whose reasons are remembered.
const UNREACHED_LIMIT: usize = 32;

/// Requests that have been authenticated, which are not told the same again.
const AUTHENTICATED_LIMIT: usize = 64;

/// How long the resolution of a name may hold a request up. A name that does not resolve fails in the browser.
const RESOLVE_LIMIT: Duration = Duration::from_secs(5);

impl Context {
    /// What the policy says about a request.
    pub(super) fn judge(&self, url: &str, is_document: bool) -> Verdict {
        match Url::parse(url) {
            Ok(url) if is_document => self.policy.document(&url),
            Ok(url) => self.policy.subresource(&url),
            Err(_) => Verdict::Refused(Rule::Scheme),
        }
    }

    /// The rule by which a document may not be opened, names looked up.
    pub(crate) async fn refusal(&self, url: &str) -> Option<Rule> {
        match self.judge(url, true) {
            Verdict::Allowed => None,
            Verdict::Refused(rule) => Some(rule),
            Verdict::AllowedIfPublic => self.judge_resolved(url).await,
        }
    }

    /// Looks a host's name up. Behind a proxy the proxy does that, and only it knows the answer.
    pub(super) async fn judge_resolved(&self, url: &str) -> Option<Rule> {
        if self.host.has_proxy {
            return None;
        }
        let url = Url::parse(url).ok()?;
        let host = url.host_str()?.to_owned();
        let port = url.port_or_known_default()?;
        let looking = tokio::net::lookup_host((host.as_str(), port));
        let addresses = tokio::time::timeout(RESOLVE_LIMIT, looking).await.ok()?.ok()?;
        addresses.map(|address| address.ip()).any(is_private).then_some(Rule::Private)
    }

    /// The rule by which a document that stands there already may not be there.
    pub(super) fn refuses_arrival(&self, url: &str) -> Option<Rule> {
        // The browser's own page for what could not be loaded.
        if url.starts_with("chrome-error:") {
            return None;
        }
        match self.judge(url, true) {
            Verdict::Refused(rule) => Some(rule),
            Verdict::Allowed | Verdict::AllowedIfPublic => None,
        }
    }

    pub(super) fn let_pass(&self, session: &str, request: &str) {
        self.link(session).post(&ContinueRequestParams::new(request.to_owned()));
    }

    /// Refuses a request. A refused main document is aborted, which leaves the page that stands there.
    pub(super) fn refuse(&self, session: &str, request: &str, is_main_document: bool) {
        let reason = if is_main_document { ErrorReason::Aborted } else { ErrorReason::BlockedByClient };
        self.link(session).post(&FailRequestParams::new(request.to_owned(), reason));
    }

    /// Answers a document with an empty page, without asking anybody.
    pub(super) fn answer_with_stub(&self, session: &str, request: &str) {
        let mut answer = FulfillRequestParams::new(request.to_owned(), 200);
        answer.response_headers = Some(vec![HeaderEntry::new("content-type", "text/html")]);
        self.link(session).post(&answer);
    }

    /// Tells a server that asks who it is, once a request. Without an answer of ours the page says that it may not be
    /// seen.
    pub(super) async fn authenticate(&self, session: &str, required: AuthRequired) {
        let AuthRequired { request_id, auth_challenge: AuthChallenge { source, origin } } = required;
        let is_first = self.update(|state| {
            let is_first = !state.authenticated.contains(&request_id);
            if state.authenticated.len() == AUTHENTICATED_LIMIT {
                state.authenticated.pop_front();
            }
            state.authenticated.push_back(request_id.clone());
            is_first
        });
        let answer = if is_first && source != "Proxy" { self.credentials(&origin).await } else { None };
        let response =
            answer.unwrap_or_else(|| AuthChallengeResponse::new(AuthChallengeResponseResponse::CancelAuth));
        self.link(session).post(&ContinueWithAuthParams::new(request_id, response));
    }

    async fn credentials(&self, origin: &str) -> Option<AuthChallengeResponse> {
        let credentials = self.options.config.credentials.as_ref()?;
        let secrets = self.read(|state| state.secrets.clone())?;
        match secrets.reveal(&credentials.secret, origin).await {
            Ok(password) => {
                self.update(|state| state.remember_entered(&password));
                let mut answer =
                    AuthChallengeResponse::new(AuthChallengeResponseResponse::ProvideCredentials);
                answer.username = Some(credentials.username.clone());
                answer.password = Some(password.expose_secret().to_owned());
                Some(answer)
            }
            Err(error) => {
                self.update(|state| {
                    state.record.note("credentials", format!("{origin} was told none: {error}"))
                });
                None
            }
        }
    }

    /// Records what was refused.
    pub(super) fn block(&self, blocked: Blocked) {
        self.update(|state| {
            if blocked.main_frame_of.is_none() {
                let message = format!("{} was not asked: {}", bare(&blocked.url), blocked.rule.says());
                state.record.note("blocked_request", message);
            }
            state.record.blocked(blocked);
        });
    }

    /// Remembers why a host was not reached. The browser itself only hears that its proxy could not.
    pub(super) fn unreached(&self, host: &str, port: u16, error: &'static str) {
        self.update(|state| {
            if state.unreached.len() == UNREACHED_LIMIT {
                state.unreached.pop_front();
            }
            state.unreached.push_back((host.to_owned(), port, error));
        });
    }

    /// The error behind the browser's own: what stood in the way of a host, not of the proxy.
    pub(crate) fn true_error(&self, url: &str, error: &str) -> String {
        if !error.starts_with("net::ERR_SOCKS_") {
            return error.to_owned();
        }
        let url = Url::parse(url).ok();
        let place = url.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
        self.read(|state| {
            let same = |(host, port, _): &&(String, u16, &str)| place == Some((host.as_str(), *port));
            // A redirect leads to another host than was asked for.
            let found = state.unreached.iter().rev().find(same).or(state.unreached.back());
            found.map_or(error, |(_, _, known)| *known).to_owned()
        })
    }

    /// Records a connection that was refused on its way out.
    pub(super) fn refused_connection(&self, host: &str, port: u16, rule: Rule) {
        self.update(|state| {
            let message = format!("no connection to {host}:{port}: {}", rule.says());
            state.record.note("blocked_request", message);
        });
    }

    /// Takes a tab off a page that may not be there.
    pub(super) fn leave_for_blank(&self, session: &str) {
        self.link(session).post(&NavigateParams::new("about:blank"));
    }
}
