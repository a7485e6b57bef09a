//! `aef keys`: the API keys of an owner.

use std::collections::BTreeSet;
use std::io::Read as _;

use aef::http::{IssuedKey, KeyRequest};
use aef::ids::{ApiKeyId, DocumentId};
use aef::secrets::{ExposeSecret as _, SecretString};
use aef::store::{ApiKey, KeyScope, NewApiKey, Scope, StoreError, StoreErrorKind};
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::args::StoreArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

/// How many keys are read at a time.
const PAGE: u32 = 200;

/// Make, list and revoke API keys
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key, and print it this once
    Create(Create),
    /// List keys, without their texts
    List(List),
    /// Revoke a key
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What the key is for
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What it allows; may be given several times [default: all]
    #[arg(long, value_name = "SCOPE", value_parser = scope)]
    scope: Vec<KeyScope>,
    /// The only document that it is good for
    #[arg(long, value_name = "ID")]
    pub(crate) document: Option<String>,
    /// An origin whose pages may use it, such as https://shop.example; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) origin: Vec<String>,
    /// How long it is good, such as 720h [default: until it is revoked]
    #[arg(long, value_name = "DURATION")]
    expires_in: Option<SignedDuration>,
    /// Take over a key LEKH-2-… of an earlier system, read from stdin, instead of making one
    #[arg(long)]
    pub(crate) import: bool,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Print JSON, one line each
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The key's id, as `aef keys list` shows it
    #[arg(value_name = "KEY")]
    pub(crate) id: ApiKeyId,
    #[command(flatten)]
    store: StoreArgs,
}

impl Create {
    /// What the key allows.
    pub(crate) fn scopes(&self) -> BTreeSet<KeyScope> {
        if self.scope.is_empty() { KeyScope::ALL.into() } else { self.scope.iter().copied().collect() }
    }

    /// Until when the key is good.
    ///
    /// # Errors
    /// Where that is beyond all time.
    pub(crate) fn expires_at(&self, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
        let end = self.expires_in.map(|length| now.checked_add(length)).transpose();
        end.map_err(|error| Failure::new(Exit::Usage, "--expires-in is too long").with_source(error))
    }
}

/// Runs the command.
///
/// # Errors
/// Where the store fails, or there is no such key.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    match options.command {
        Command::Create(options) => create(options).await,
        Command::List(options) => list(options).await,
        Command::Revoke(options) => revoke(options).await,
    }
}

async fn create(options: Create) -> Result<Exit, Failure> {
    let (_, host) = options.store.database.open_host().await?;
    let expires_at = options.expires_at(Timestamp::now())?;
    let request = KeyRequest {
        owner: options.store.owner(),
        scopes: options.scopes(),
        name: options.name,
        document: options.document.map(DocumentId::from),
        origins: options.origin,
        expires_at,
        idempotency: None,
    };
    let (record, text) = if options.import { import(request)? } else { issue(request)? };
    let id = record.id;
    host.create_key(record).await.map_err(refused)?;
    match text {
        Some(text) => {
            output::note(format_args!("made {id}; this is the key, which is shown this once:"));
            output::result(text.expose_secret());
        }
        None => output::result(id),
    }
    Ok(Exit::Success)
}

type Made = (NewApiKey, Option<SecretString>);

fn issue(request: KeyRequest) -> Result<Made, Failure> {
    let IssuedKey { record, text } = IssuedKey::issue(request)
        .map_err(|error| Failure::environment("no key can be made").with_source(error))?;
    Ok((record, Some(text)))
}

fn import(request: KeyRequest) -> Result<Made, Failure> {
    let text = read_secret()?;
    let issued = IssuedKey::import(request, &text)
        .map_err(|error| Failure::refused("the key cannot be imported").with_source(error))?;
    Ok((issued.record, None))
}

/// Reads a secret from stdin, so that it stands neither in the history of the shell nor among the processes.
pub(crate) fn read_secret() -> Result<SecretString, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|error| Failure::environment("cannot read from stdin").with_source(error))?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned()))
}

async fn list(options: List) -> Result<Exit, Failure> {
    options.store.database.database()?.must_exist()?;
    let (_, host) = options.store.database.open_host().await?;
    let scope = Scope::Owner(options.store.owner());
    let mut after = None;
    loop {
        let page = host.keys(&scope, after, PAGE).await.map_err(refused)?;
        for key in &page {
            if options.json { output::json(&as_json(key)) } else { output::result(row(key)) }
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = Some(last.id),
            _ => return Ok(Exit::Success),
        }
    }
}

async fn revoke(options: Revoke) -> Result<Exit, Failure> {
    options.store.database.database()?.must_exist()?;
    let (_, host) = options.store.database.open_host().await?;
    let key = host.revoke_key(&Scope::Owner(options.store.owner()), options.id).await.map_err(refused)?;
    output::note(format_args!("{} is good no more", key.id));
    Ok(Exit::Success)
}

/// What a store would not do.
pub(super) fn refused(error: StoreError) -> Failure {
    if error.kind() == StoreErrorKind::NotFound {
        return Failure::refused(error.to_string());
    }
    Failure::environment("the store failed").with_source(error)
}

fn scopes(key: &ApiKey) -> BTreeSet<&'static str> {
    key.scopes.iter().map(|scope| scope.as_str()).collect()
}

fn as_json(key: &ApiKey) -> serde_json::Value {
    json!({
        "keyId": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": scopes(key),
        "document": key.document,
        "origins": key.origins,
        "createdAt": key.created_at,
        "expiresAt": key.expires_at,
        "revokedAt": key.revoked_at,
        "lastUsedAt": key.last_used_at,
    })
}

fn row(key: &ApiKey) -> String {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(_), _) => "revoked".to_owned(),
        (None, Some(end)) if end <= Timestamp::now() => "expired".to_owned(),
        (None, Some(end)) => format!("until {}", end.strftime("%Y-%m-%d %H:%M:%SZ")),
        (None, None) => "good".to_owned(),
    };
    let scopes: Vec<_> = scopes(key).into_iter().collect();
    format!("{}  {:<20}  {:<24} {}  {}", key.id, key.prefix, state, scopes.join(","), key.name)
}

fn scope(text: &str) -> Result<KeyScope, String> {
    KeyScope::from_name(text).ok_or_else(|| {
        let names: Vec<_> = KeyScope::ALL.into_iter().map(KeyScope::as_str).collect();
        format!("the scopes are {}", names.join(", "))
    })
}
