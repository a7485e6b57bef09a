//! Conformance lists, doubles and the demo site for AEF.

mod api_description;
mod clock;
pub mod conformance;
pub mod demo_site;
pub mod documents;
pub mod doubles;
pub mod faulty;
pub mod mocks;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod scripted_browser;
pub mod stimuli;
mod witness;

pub use api_description::{ApiDescription, Operation};
pub use clock::SimClock;
pub use faulty::{BrowserFault, FaultyBrowser, FaultyStore, StoreFault};
pub use scripted_browser::ScriptedBrowser;
pub use witness::Witness;
