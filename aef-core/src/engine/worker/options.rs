//! How a worker works.

use std::time::Duration;

use uuid::Uuid;

use crate::ids::{ExecutionId, WorkerId};

/// How a worker works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerOptions {
    /// Its name. Two live workers never share one. Default: one that nobody else has.
    pub id: WorkerId,
    /// How many executions it performs at a time. Default 4.
    pub concurrency: u32,
    /// How long a lease holds. Default 15 s.
    pub lease: Duration,
    /// How often leases are renewed. Default 5 s.
    pub renew_every: Duration,
    /// How long it waits for notices before it looks for work. Default 1 s.
    pub poll: Duration,
    /// How many executions of one owner may be performed at a time, over all workers. Default no limit.
    pub per_owner: Option<u32>,
    /// How many executions of all owners together may be performed at a time, over all workers. Default no limit.
    pub global: Option<u32>,
    /// The only execution that it performs. Default any.
    pub only: Option<ExecutionId>,
    /// How much longer than its timeout a browser may take to answer. Default 2 s.
    pub grace: Duration,
    /// How long a browser may take to open. Default 60 s.
    pub open_timeout: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            id: WorkerId::new(format!("worker-{}", Uuid::now_v7().simple())),
            concurrency: 4,
            lease: Duration::from_secs(15),
            renew_every: Duration::from_secs(5),
            poll: super::super::changes::POLL,
            per_owner: None,
            global: None,
            only: None,
            grace: Duration::from_secs(2),
            open_timeout: Duration::from_secs(60),
        }
    }
}
