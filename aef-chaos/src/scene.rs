//! What those who take part share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use aef_core::engine::{Engine, Handle};
use aef_core::ids::ExecutionId;
use aef_testkit::demo_site::DemoSite;

use crate::documents::Order;

/// Under which name the journals know the people.
const PERSON: &str = "person";

/// The engine of those who watch, the site, and what was ordered.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) engine: Engine,
    pub(crate) site: DemoSite,
    orders: Mutex<BTreeMap<ExecutionId, Placed>>,
    health: Mutex<Health>,
}

/// An order that was submitted.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) order: Arc<Order>,
    pub(crate) at: Instant,
}

/// Whether work can be done at all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Health {
    /// Whether the database runs.
    pub(crate) database: bool,
    /// How many workers run and are not stopped.
    pub(crate) awake: usize,
}

impl Health {
    pub(crate) const fn is_good(self) -> bool {
        self.database && self.awake > 0
    }
}

impl Scene {
    pub(crate) fn new(engine: Engine, site: DemoSite) -> Self {
        let health = Mutex::new(Health { database: true, awake: 0 });
        Self { engine, site, orders: Mutex::default(), health }
    }

    pub(crate) fn orders(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Placed>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn placed(&self, id: ExecutionId) -> Option<Placed> {
        self.orders().get(&id).cloned()
    }

    pub(crate) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A hold on an execution, as a person of its owner.
    pub(crate) fn handle(&self, owner: &str, id: ExecutionId) -> Handle {
        self.engine.scope(owner).acting_as(PERSON).execution(id)
    }

    /// How often the site was asked to create records of these firms.
    pub(crate) fn posts(&self, firms: &[String]) -> u64 {
        self.site.records().iter().filter(|record| firms.contains(&record.firm)).count() as u64
    }
}
