//! `/api/aef`: operators keep documents, submit executions, watch and steer them.

mod actions;
mod artifacts;
mod audit;
mod checkpoints;
mod documents;
mod execute;
mod executions;
mod keys;
mod logs;
mod secrets;
mod sops;
mod stop;
mod trace;
mod transform;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::artifacts::latest_picture;
pub(crate) use self::stop::halt;
pub(crate) use self::transform::schemas as schemas_of_core;

use crate::app::App;

/// The routes, without what stands in front of them.
pub(crate) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(sops::create, sops::list))
        .routes(routes!(sops::get, sops::update))
        .routes(routes!(transform::transform))
        .routes(routes!(documents::create, documents::list))
        .routes(routes!(documents::validate))
        .routes(routes!(documents::get))
        .routes(routes!(execute::execute))
        .routes(routes!(executions::list))
        .routes(routes!(executions::get))
        .routes(routes!(executions::fork))
        .routes(routes!(artifacts::screenshot))
        .routes(routes!(artifacts::get))
        .routes(routes!(artifacts::put))
        .routes(routes!(trace::trace))
        .routes(routes!(checkpoints::list))
        .routes(routes!(checkpoints::answer))
        .routes(routes!(actions::act))
        .routes(routes!(stop::stop))
        .routes(routes!(logs::logs))
        .routes(routes!(keys::create, keys::list))
        .routes(routes!(keys::revoke))
        .routes(routes!(secrets::list))
        .routes(routes!(secrets::set, secrets::remove))
        .routes(routes!(audit::list))
}
