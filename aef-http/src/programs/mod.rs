//! `/engines-api`: programs and forms submit work with a key, and poll.

mod engines;
mod executions;
mod form;
mod process;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

/// The routes under `/engines-api`, without what stands in front of them.
pub(crate) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(engines::list))
        .routes(routes!(engines::get))
        .routes(routes!(form::page))
        .routes(routes!(executions::execute))
        .routes(routes!(executions::status))
        .routes(routes!(executions::list))
        .routes(routes!(executions::stats))
        .routes(routes!(executions::stop))
        .routes(routes!(executions::resume))
}

/// The script of forms, which asks for no credential.
pub(crate) fn script() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(form::script))
}

/// The routes for hosts that have a cron and no worker.
pub(crate) fn processing() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(process::process)).routes(routes!(process::execute_one))
}
