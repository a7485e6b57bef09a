//! The commands, one file each.

pub(crate) mod explain;
pub(crate) mod fork;
pub(crate) mod import;
pub(crate) mod journal;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod pause;
pub(crate) mod purge;
pub(crate) mod recover;
pub(crate) mod report;
pub(crate) mod respond;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod secrets;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod stop;
pub(crate) mod submit;
pub(crate) mod sweep;
pub(crate) mod transform;
pub(crate) mod validate;
pub(crate) mod worker;
