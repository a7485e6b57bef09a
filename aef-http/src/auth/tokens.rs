//! Status tokens: what lets a form read the one execution that it has submitted.

use aef_core::ids::{ExecutionId, OwnerId};
use async_trait::async_trait;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

use super::{AuthError, Authenticator, Principal, Role, bearer, key_header};

/// What a token begins with.
pub(super) const BEGIN: &str = "aef_st_";

/// How long a token is good.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Gives tokens and recognises them. Nothing is kept of them: they are signed.
pub(crate) struct StatusTokens {
    key: [u8; 32],
}

impl StatusTokens {
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A token that reads `execution` of `owner`.
    pub(crate) fn issue(&self, execution: ExecutionId, owner: &OwnerId) -> String {
        let until = Timestamp::now().saturating_add(GOOD_FOR).unwrap_or(Timestamp::MAX).as_second();
        let owner = URL_SAFE_NO_PAD.encode(owner.as_str());
        let claims = format!("{execution}.{until}.{owner}");
        let signature = URL_SAFE_NO_PAD.encode(self.mac(&claims).finalize().into_bytes());
        format!("{BEGIN}{claims}.{signature}")
    }

    fn mac(&self, claims: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(BEGIN.as_bytes());
        mac.update(claims.as_bytes());
        mac
    }

    /// Whom a token is for; `None` where it is not good.
    fn read(&self, token: &str, now: Timestamp) -> Option<Principal> {
        let (claims, signature) = token.strip_prefix(BEGIN)?.rsplit_once('.')?;
        self.mac(claims).verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let mut parts = claims.splitn(3, '.');
        let execution: ExecutionId = parts.next()?.parse().ok()?;
        let until = Timestamp::from_second(parts.next()?.parse().ok()?).ok()?;
        let owner = String::from_utf8(URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok()?;
        (until > now).then(|| Principal {
            actor: format!("{owner} by a status token").into(),
            owner: Some(OwnerId::new(owner)),
            role: Role::User,
            key: None,
            reads_only: Some(execution),
            until: Some(until),
        })
    }
}

impl std::fmt::Debug for StatusTokens {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("StatusTokens")
    }
}

#[async_trait]
impl Authenticator for StatusTokens {
    async fn authenticate(&self, request: &Parts) -> Result<Option<Principal>, AuthError> {
        let texts = [bearer(request), key_header(request)];
        let Some(token) = texts.into_iter().flatten().find(|text| text.starts_with(BEGIN)) else {
            return Ok(None);
        };
        let refused = || AuthError::Refused("the status token is not good, or has expired".to_owned());
        self.read(token, Timestamp::now()).map(Some).ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_its_execution_until_it_expires() {
        let tokens = StatusTokens::new([1; 32]);
        let (execution, owner) = (ExecutionId::generate(), OwnerId::from("ada.b/ü"));
        let token = tokens.issue(execution, &owner);
        let now = Timestamp::now();
        let principal = tokens.read(&token, now).unwrap();
        assert_eq!((principal.owner, principal.reads_only), (Some(owner), Some(execution)));
        assert!(tokens.read(&token, now + GOOD_FOR + SignedDuration::from_secs(1)).is_none());
        assert!(StatusTokens::new([2; 32]).read(&token, now).is_none(), "signed by another key");
        let other = token.replace(&execution.to_string(), &ExecutionId::generate().to_string());
        assert!(tokens.read(&other, now).is_none(), "changed");
        assert!(tokens.read(&token[..token.len() - 1], now).is_none(), "cut");
    }
}
