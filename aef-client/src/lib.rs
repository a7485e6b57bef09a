//! A typed client of AEF's HTTP surface: a method for each call of its description, and types for what stands on the wire.
//!
//! ```no_run
//! use aef_client::{Client, ClientOptions, Execute};
//!
//! # async fn run() -> Result<(), aef_client::ClientError> {
//! let options = ClientOptions::new("https://aef.example".parse().expect("it is an address"));
//! let client = Client::new(options.bearer("aef_…"))?;
//! let execute = Execute { aef_document_id: "invoices".to_owned(), ..Execute::default() };
//! // The same key again gives the execution that was made first.
//! let accepted = client.once("order-4711")?.execute(&execute).await?;
//! let execution = client.execution(&accepted.execution_id).await?;
//! println!("{}", execution.status);
//! # Ok(())
//! # }
//! ```
//!
//! A test holds the methods and the types against the surface's OpenAPI document, so that none is missing and none reads
//! or writes something else.

mod calls;
mod client;
mod content;
mod error;
mod options;
#[cfg(test)]
mod tests;
mod types;

pub use self::client::Client;
pub use self::content::{DocumentText, FileBytes};
pub use self::error::{ClientError, ErrorKind, Problem};
pub use self::options::{ClientOptions, Credential};
pub use self::types::*;
