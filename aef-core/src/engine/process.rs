//! Performing what is due for a while, without a worker that stays.

use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use super::shutdown::Shutdown;
use super::worker::{WorkerOptions, batch};
use crate::ids::ExecutionId;

/// How much is performed, and for how long.
#[derive(Debug, Clone)]
pub struct ProcessOptions {
    /// How many executions are taken up at most. Default 10.
    pub limit: u32,
    /// How long they are performed. What is not finished then is handed over at the end of its action. Default 50 s.
    pub within: Duration,
    /// The only execution that is taken up. Default any.
    pub only: Option<ExecutionId>,
    /// Ends it early. Default never.
    pub shutdown: Shutdown,
    /// How they are performed; `concurrency` at a time. Calls may run side by side, and two live workers never share a
    /// name: give each call another `id`, as the defaults do.
    pub worker: WorkerOptions,
}

impl Default for ProcessOptions {
    fn default() -> Self {
        Self {
            limit: 10,
            within: Duration::from_secs(50),
            only: None,
            shutdown: Shutdown::new(),
            worker: WorkerOptions::default(),
        }
    }
}

/// What was performed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Processed {
    /// The executions that were taken up, in the order in which they were.
    pub executions: Vec<ExecutionId>,
}

impl Engine {
    /// Takes up executions whose time has come and performs each until it is finished or waits for a person. For hosts
    /// that have a cron and no worker; safe beside workers and beside itself, for it claims as they do.
    pub async fn process(&self, options: ProcessOptions) -> Processed {
        let worker = WorkerOptions { only: options.only, ..options.worker };
        let shutdown = options.shutdown.child();
        let executions = batch(self, Arc::new(worker), shutdown, options.limit, options.within).await;
        Processed { executions }
    }
}
