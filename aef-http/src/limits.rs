//! How much a caller may ask for.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::problem::{Code, Problem};

/// After so many requests, callers that have not been seen for long are forgotten.
const TIDY_EVERY: u32 = 1024;

/// How often something may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How often in a minute, in the long run.
    pub per_minute: NonZeroU32,
    /// How often at once.
    pub burst: NonZeroU32,
}

impl Rate {
    /// So often in a minute, and so often at once. Zero counts as one.
    #[must_use]
    pub const fn new(per_minute: u32, burst: u32) -> Self {
        Self { per_minute: at_least_one(per_minute), burst: at_least_one(burst) }
    }
}

const fn at_least_one(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// How much callers may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests from one address, before it is known who asks. Default 1,200 a minute, 300 at once.
    pub per_address: Rate,
    /// Reads of one principal. Default 600 a minute, 200 at once.
    pub reads: Rate,
    /// Changes by one principal. Default 300 a minute, 100 at once.
    pub writes: Rate,
    /// Executions that one principal submits. Default 60 a minute, 30 at once.
    pub starts: Rate,
    /// Unfinished executions of one owner; what is only held counts, too. `u32::MAX` is any number, and spares the count.
    /// Default 1,000.
    pub open_executions: u32,
    /// Live connections of one owner. Default 10.
    pub live_connections: usize,
    /// Secrets of one owner. Default 200.
    pub secrets: usize,
    /// API keys of one owner, revoked ones too. Default 200.
    pub keys: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_address: Rate::new(1_200, 300),
            reads: Rate::new(600, 200),
            writes: Rate::new(300, 100),
            starts: Rate::new(60, 30),
            open_executions: 1_000,
            live_connections: 10,
            secrets: 200,
            keys: 200,
        }
    }
}

/// To what a request counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    Reads,
    Writes,
    Starts,
}

impl Budget {
    const fn name(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
            Self::Starts => "starts",
        }
    }
}

type Limiter = RateLimiter<String, HashMapStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// Counts requests.
#[derive(Debug)]
pub(crate) struct Budgets {
    addresses: Counter,
    reads: Counter,
    writes: Counter,
    starts: Counter,
}

#[derive(Debug)]
struct Counter {
    name: &'static str,
    rate: Rate,
    limiter: Limiter,
    clock: DefaultClock,
    asked: AtomicU32,
}

/// What is left of a budget.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    name: &'static str,
    rate: Rate,
    remaining: u32,
}

impl Budgets {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            addresses: Counter::new("address", limits.per_address),
            reads: Counter::new(Budget::Reads.name(), limits.reads),
            writes: Counter::new(Budget::Writes.name(), limits.writes),
            starts: Counter::new(Budget::Starts.name(), limits.starts),
        }
    }

    /// Counts a request from an address.
    pub(crate) fn address(&self, address: &str) -> Result<(), Problem> {
        self.addresses.count(address).map(drop)
    }

    /// Counts a request of a principal.
    pub(crate) fn principal(&self, budget: Budget, principal: &str) -> Result<Left, Problem> {
        match budget {
            Budget::Reads => self.reads.count(principal),
            Budget::Writes => self.writes.count(principal),
            Budget::Starts => self.starts.count(principal),
        }
    }
}

impl Counter {
    fn new(name: &'static str, rate: Rate) -> Self {
        let quota = Quota::per_minute(rate.per_minute).allow_burst(rate.burst);
        let limiter = RateLimiter::hashmap(quota).with_middleware::<StateInformationMiddleware>();
        Self { name, rate, limiter, clock: DefaultClock::default(), asked: AtomicU32::new(0) }
    }

    fn count(&self, who: &str) -> Result<Left, Problem> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            self.limiter.retain_recent();
        }
        match self.limiter.check_key(&who.to_owned()) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                Ok(Left { name: self.name, rate: self.rate, remaining })
            }
            Err(denied) => {
                let wait = denied.wait_time_from(self.clock.now());
                let detail = format!(
                    "more than {} requests a minute ({}); ask again when Retry-After has passed",
                    self.rate.per_minute, self.name
                );
                Err(Problem::new(Code::RateLimited, detail).retry_after(wait))
            }
        }
    }
}

impl Left {
    /// Tells what is left, as draft-ietf-httpapi-ratelimit-headers has it.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        let policy = format!("\"{}\";q={};w=60", self.name, self.rate.per_minute);
        let left = format!("\"{}\";r={}", self.name, self.remaining);
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_principal_has_a_budget_of_its_own() {
        let limits = Limits { writes: Rate::new(1, 2), ..Limits::default() };
        let budgets = Budgets::new(&limits);
        assert_eq!(budgets.principal(Budget::Writes, "ada").unwrap().remaining, 1);
        assert_eq!(budgets.principal(Budget::Writes, "ada").unwrap().remaining, 0);
        let problem = budgets.principal(Budget::Writes, "ada").unwrap_err();
        assert_eq!(problem.code(), Code::RateLimited);
        budgets.principal(Budget::Writes, "bob").unwrap();
        budgets.principal(Budget::Reads, "ada").unwrap();
    }

    #[test]
    fn callers_are_forgotten() {
        let counter = Counter::new("test", Rate::new(u32::MAX, u32::MAX));
        for number in 0..3 * TIDY_EVERY {
            counter.count(&number.to_string()).unwrap();
        }
        assert!(counter.limiter.len() <= TIDY_EVERY as usize, "{}", counter.limiter.len());
    }
}
