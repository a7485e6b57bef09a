//! Tokens that are signed with keys which their issuer publishes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aef_http::{HttpOptions, JwksError, JwtAuthenticator, JwtOptions};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use crate::stage::{Client, Kept, Stage, in_an_hour};

/// Key pairs of RFC 8032, 7.1: the seed, and the public key as a set writes it.
const ONE: (&str, &str) = (
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
);
const TWO: (&str, &str) = (
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
);

/// Who publishes keys.
#[derive(Clone)]
struct Issuer {
    asked: Arc<AtomicUsize>,
    answer: Arc<Mutex<(StatusCode, Value)>>,
    url: Url,
}

impl Issuer {
    async fn publishing(keys: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap()).parse().unwrap();
        let issuer = Self { asked: Arc::default(), answer: Arc::default(), url };
        issuer.publishes(keys);
        let answering = issuer.clone();
        let answer = move || {
            answering.asked.fetch_add(1, Ordering::SeqCst);
            let (status, set) = answering.answer.lock().unwrap().clone();
            std::future::ready((status, axum::Json(set)))
        };
        let app = Router::new().route("/keys", get(answer));
        tokio::spawn(async move { axum::serve(listener, app).await });
        issuer
    }

    /// From now on it publishes these keys, by their ids.
    fn publishes(&self, keys: &[(&str, &str)]) {
        let key = |(id, key): &(&str, &str)| json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": id, "x": key });
        let keys: Vec<_> = keys.iter().map(key).collect();
        *self.answer.lock().unwrap() = (StatusCode::OK, json!({ "keys": keys }));
    }

    fn breaks(&self) {
        *self.answer.lock().unwrap() = (StatusCode::INTERNAL_SERVER_ERROR, json!({}));
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn stage(&self) -> Stage {
        let options = JwtOptions { issuer: Some("https://issuer.test".into()), ..JwtOptions::default() };
        let tokens = JwtAuthenticator::jwks_url(&self.url, options).unwrap();
        let change = |options| HttpOptions { authenticators: vec![Arc::new(tokens)], ..options };
        Stage::with(Kept::Memory, change).await
    }
}

/// A token of ada's that names the key `id` and is signed with `seed`.
fn signed(id: Option<&str>, seed: &str) -> String {
    let hex = |place: usize| u8::from_str_radix(&seed[place..place + 2], 16).unwrap();
    // PKCS #8 of an Ed25519 key: what stands before the seed is the same for each.
    let mut der =
        vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    der.extend((0..seed.len()).step_by(2).map(hex));
    let header = Header { kid: id.map(str::to_owned), ..Header::new(Algorithm::EdDSA) };
    let claims = json!({ "sub": "ada", "exp": in_an_hour() + 86_400, "iss": "https://issuer.test" });
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(&der)).unwrap()
}

async fn asks(client: &Client) -> StatusCode {
    client.get("/api/aef/executions").await.status
}

/// Lets time pass at once.
async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn the_set_is_asked_for_when_it_is_needed_and_no_oftener() {
    let issuer = Issuer::publishing(&[("one", ONE.1)]).await;
    let stage = issuer.stage().await;
    let (one, two) = (stage.bearing(&signed(Some("one"), ONE.0)), stage.bearing(&signed(Some("two"), TWO.0)));
    assert_eq!(issuer.asked(), 0, "nobody has come yet");
    let together = futures::future::join_all((0..20).map(|_| asks(&one))).await;
    assert!(together.iter().all(|status| *status == StatusCode::OK), "{together:?}");
    assert_eq!(issuer.asked(), 1, "one asks, the others wait for the answer");
    assert_eq!(asks(&stage.bearing(&signed(None, ONE.0))).await, StatusCode::OK, "a token may name no key");

    for _ in 0..20 {
        assert_eq!(asks(&two).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(issuer.asked(), 1, "names that are made up do not make us ask");
    issuer.publishes(&[("one", ONE.1), ("two", TWO.1)]);
    pass(31).await;
    assert_eq!(asks(&two).await, StatusCode::OK, "a key that is new is found");
    assert_eq!(asks(&one).await, StatusCode::OK);
    assert_eq!(issuer.asked(), 2);

    issuer.publishes(&[("two", TWO.1)]);
    pass(601).await;
    assert_eq!(asks(&one).await, StatusCode::UNAUTHORIZED, "a key that is gone is not good any more");
    assert_eq!(asks(&two).await, StatusCode::OK);
    assert_eq!(issuer.asked(), 3);
}

#[tokio::test]
async fn an_issuer_that_is_away_is_borne_for_an_hour() {
    let issuer = Issuer::publishing(&[("one", ONE.1)]).await;
    let stage = issuer.stage().await;
    let one = stage.bearing(&signed(Some("one"), ONE.0));
    assert_eq!(asks(&one).await, StatusCode::OK);
    issuer.breaks();
    pass(1_800).await;
    assert_eq!(asks(&one).await, StatusCode::OK);
    assert_eq!(asks(&one).await, StatusCode::OK);
    assert_eq!(issuer.asked(), 2, "it is not asked at each request");
    pass(1_801).await;
    let refused = one.get("/api/aef/executions").await;
    refused.is_problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    assert!(refused.headers.contains_key("retry-after"));
    issuer.publishes(&[("one", ONE.1)]);
    pass(31).await;
    assert_eq!(asks(&one).await, StatusCode::OK, "it is asked again");
}

#[tokio::test]
async fn a_token_is_good_by_its_signature_alone() {
    let issuer = Issuer::publishing(&[("one", ONE.1), ("two", TWO.1)]).await;
    let stage = issuer.stage().await;
    let mut bad = vec![signed(Some("one"), TWO.0), signed(Some("two"), ONE.0)];
    // The public key is no secret, whatever the token says it is.
    let header = Header { kid: Some("one".into()), ..Header::new(Algorithm::HS256) };
    let claims = json!({ "sub": "ada", "exp": in_an_hour(), "iss": "https://issuer.test" });
    let public = EncodingKey::from_secret(ONE.1.as_bytes());
    bad.push(jsonwebtoken::encode(&header, &claims, &public).unwrap());
    bad.push(signed(Some("one"), ONE.0).rsplit_once('.').unwrap().0.to_owned() + ".");
    for token in bad {
        assert_eq!(asks(&stage.bearing(&token)).await, StatusCode::UNAUTHORIZED, "{token}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_never_answers_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap()).parse().unwrap();
    let issuer = Issuer { asked: Arc::default(), answer: Arc::default(), url };
    let stage = issuer.stage().await;
    let one = stage.bearing(&signed(Some("one"), ONE.0));
    let answered = tokio::time::timeout(Duration::from_secs(60), one.get("/api/aef/executions")).await;
    answered.unwrap().is_problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
}

#[tokio::test]
async fn what_is_no_set_of_keys_is_refused() {
    let issuer = Issuer::publishing(&[]).await;
    for odd in [json!({ "keys": [] }), json!([]), json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] })] {
        *issuer.answer.lock().unwrap() = (StatusCode::OK, odd);
        let stage = issuer.stage().await;
        let one = stage.bearing(&signed(Some("one"), ONE.0));
        assert_eq!(asks(&one).await, StatusCode::SERVICE_UNAVAILABLE);
    }
    for address in ["http://issuer.test/keys", "file:///keys.json"] {
        let refused = JwtAuthenticator::jwks_url(&address.parse().unwrap(), JwtOptions::default());
        assert!(matches!(refused, Err(JwksError::Address)), "{address}");
    }
}
