//! Keys and secrets of the owner who asks. A server gives them to persons, by their tokens, and to no key.

use aef::client::{NewKey, NewSecret, Page};
use aef::secrets::ExposeSecret as _;
use jiff::Timestamp;

use super::{Remote, not_there, show};
use crate::commands::{keys, secrets};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

impl Remote {
    pub(super) async fn keys(&self, options: keys::Options) -> Result<Exit, Failure> {
        match options.command {
            keys::Command::Create(create) => self.create_key(create).await,
            keys::Command::List(list) => self.list_keys(list.json).await,
            keys::Command::Revoke(revoke) => {
                let key = self.client.revoke_key(&revoke.id.to_string()).await?;
                output::note(format_args!("{} is good no more", key.key_id));
                Ok(Exit::Success)
            }
        }
    }

    async fn create_key(&self, create: keys::Create) -> Result<Exit, Failure> {
        if create.import {
            return Err(not_there("--import"));
        }
        let expires_at = create.expires_at(Timestamp::now())?;
        let new = NewKey {
            scopes: create.scopes().into_iter().collect(),
            name: create.name,
            aef_document_id: create.document,
            origins: create.origin,
            expires_at,
        };
        let made = self.client.create_key(&new).await?;
        output::note(format_args!("made {}; this is the key, which is shown this once:", made.view.key_id));
        output::result(&made.key);
        Ok(Exit::Success)
    }

    async fn list_keys(&self, json: bool) -> Result<Exit, Failure> {
        let mut page = Page::default();
        loop {
            let listed = self.client.keys(&page).await?;
            for key in &listed.keys {
                if json { output::json(key) } else { output::result(show::key(key)) }
            }
            page.cursor = listed.next_cursor;
            if page.cursor.is_none() {
                return Ok(Exit::Success);
            }
        }
    }

    pub(super) async fn secrets(&self, options: secrets::Options) -> Result<Exit, Failure> {
        match options.command {
            secrets::Command::Set(named) => {
                let value = keys::read_secret()?.expose_secret().to_owned();
                self.client.set_secret(&named.name, &NewSecret { value }).await?;
            }
            secrets::Command::List(_) => {
                for secret in self.client.secrets().await?.secrets {
                    let set = secret.updated_at.strftime("%Y-%m-%d %H:%M:%SZ");
                    output::result(format_args!("{:<32} set {set}", secret.name));
                }
            }
            secrets::Command::Remove(named) => self.client.remove_secret(&named.name).await?,
        }
        Ok(Exit::Success)
    }
}
