//! The line protocol of `cargo xtask bench`: each line on standard input asks for one measure, each line on standard
//! output answers it with samples in microseconds.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Whatever goes wrong ends the process that is measured, and with it the run.
pub type Failure = Box<dyn Error + Send + Sync>;

/// How many executions are under way at once where many are.
pub const IN_FLIGHT: u32 = 32;

/// A measure to take.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Request<M> {
    /// Which.
    pub measure: M,
    /// Of how many steps, jobs or answers.
    pub steps: usize,
}

/// What the sides of `cargo xtask bench store` can be asked for; each takes some of them.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreMeasure {
    /// A bare insert with its commit.
    Insert,
    /// From one durable step to the next.
    Sequential,
    /// The same with [`IN_FLIGHT`] executions under way, for each step.
    InFlight,
    /// From the call that submits work to its first step.
    Enqueue,
    /// From the call that answers to the next step.
    Answer,
}

/// What was measured.
#[derive(Debug, Default, Serialize)]
pub struct Reply {
    /// In microseconds.
    pub samples: Vec<f64>,
    /// What stands below the table: settings that the figures hang on, as they were read back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl From<Vec<f64>> for Reply {
    fn from(samples: Vec<f64>) -> Self {
        Self { samples, note: None }
    }
}

/// Takes measures until standard input ends, which blocks the task that it is called in between them.
///
/// # Errors
/// Where a line is no request, a measure fails or standard output is closed.
pub async fn serve<M: DeserializeOwned>(
    mut take: impl AsyncFnMut(Request<M>) -> Result<Reply, Failure>,
) -> Result<(), Failure> {
    for line in std::io::stdin().lock().lines() {
        let reply = take(serde_json::from_str(&line?)?).await?;
        let mut output = std::io::stdout().lock();
        serde_json::to_writer(&mut output, &reply)?;
        writeln!(output)?;
        output.flush()?;
    }
    Ok(())
}

/// When the steps of each execution were performed.
#[derive(Debug, Clone)]
pub struct Times<K>(Arc<Mutex<BTreeMap<K, Vec<Instant>>>>);

impl<K> Default for Times<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Ord> Times<K> {
    /// A step of this execution was performed now.
    pub fn note(&self, execution: K) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.entry(execution).or_default().push(Instant::now());
    }

    /// Gives the times of its steps, and forgets them.
    pub fn take(&self, execution: &K) -> Vec<Instant> {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.remove(execution).unwrap_or_default()
    }
}

/// From each step to the next.
pub fn between(times: &[Instant]) -> Vec<f64> {
    times.windows(2).map(|pair| micros(pair[0], pair[1])).collect()
}

/// The time from the first step of all executions to their last, for each step.
///
/// # Errors
/// Where there are fewer than two.
pub fn for_each(mut times: Vec<Instant>) -> Result<Vec<f64>, Failure> {
    times.sort_unstable();
    let (first, last) = times.first().zip(times.last()).ok_or("no step was performed")?;
    if times.len() < 2 {
        return Err("a single step tells nothing".into());
    }
    Ok(vec![micros(*first, *last) / (times.len() - 1) as f64])
}

/// The time from one moment to another, in microseconds.
pub fn micros(from: Instant, to: Instant) -> f64 {
    to.duration_since(from).as_secs_f64() * 1e6
}
