//! The table: which measures are compared with whose, and what the samples come to.

use std::collections::BTreeMap;

use serde::Serialize;

use super::drivers::Side;

/// Where a side keeps what must not be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    Postgres,
    Sqlite,
}

/// What a side can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Measure {
    /// A bare insert with its commit.
    Insert,
    /// From one durable step to the next.
    Sequential,
    /// The same with 32 executions under way, for each step.
    InFlight,
    /// From the call that submits work to its first step.
    Enqueue,
    /// From the call that answers to the next step.
    Answer,
}

/// Every measure, in the order in which they are taken.
pub(super) const MEASURES: [Measure; 5] =
    [Measure::Insert, Measure::Sequential, Measure::InFlight, Measure::Enqueue, Measure::Answer];

/// The share of the samples that lies below a figure, in percent.
type Percentile = usize;

/// What is compared: the measure, the percentiles that are told, ours and the peer's.
const COMPARISONS: [(Measure, &[Percentile], Side, Side); 7] = [
    (Measure::Sequential, &[50, 95], Side::OursPostgres, Side::LangGraphPostgres),
    (Measure::InFlight, &[50], Side::OursPostgres, Side::LangGraphPostgres),
    (Measure::Answer, &[50, 95], Side::OursPostgres, Side::LangGraphPostgres),
    (Measure::Enqueue, &[50, 95], Side::OursPostgres, Side::GraphileWorker),
    (Measure::Sequential, &[50, 95], Side::OursSqlite, Side::LangGraphSqlite),
    (Measure::InFlight, &[50], Side::OursSqlite, Side::LangGraphSqlite),
    (Measure::Answer, &[50, 95], Side::OursSqlite, Side::LangGraphSqlite),
];

/// All samples of a side's measure, each round on its own, in microseconds.
#[derive(Debug, Default)]
pub(super) struct Samples(BTreeMap<(Side, Measure), Vec<Vec<f64>>>);

impl Samples {
    pub(super) fn add(&mut self, side: Side, measure: Measure, round: Vec<f64>) {
        self.0.entry((side, measure)).or_default().push(round);
    }

    /// The median over the rounds of each round's percentile.
    fn figure(&self, side: Side, measure: Measure, share: Percentile) -> Option<f64> {
        let rounds = self.0.get(&(side, measure))?;
        let each = rounds.iter().filter_map(|round| percentile(round, share)).collect::<Vec<_>>();
        percentile(&each, 50)
    }
}

/// A row of the table. Every figure is a cost: less is better.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// What was measured, on which store.
    pub(super) name: String,
    /// Of `ours` and `peer`.
    pub(super) unit: &'static str,
    pub(super) ours: f64,
    pub(super) peer: f64,
    pub(super) peer_name: &'static str,
    /// Ours to the peer's: below 1, ours costs less.
    pub(super) ratio: f64,
}

/// What the samples come to: each comparison, and then ours beside the bare insert.
pub(super) fn rows(samples: &Samples) -> Vec<Row> {
    let calibrated = [Side::OursPostgres, Side::OursSqlite].into_iter().flat_map(|side| {
        MEASURES.into_iter().filter(|measure| *measure != Measure::Insert).filter_map(move |measure| {
            let ours = samples.figure(side, measure, 50)?;
            let peer = samples.figure(side, Measure::Insert, 50)?;
            Some(row(side, measure, 50, (ours, peer), "bare insert and commit"))
        })
    });
    let compared = COMPARISONS.into_iter().flat_map(|(measure, shares, ours, peer)| {
        shares.iter().filter_map(move |share| {
            let figures = (samples.figure(ours, measure, *share)?, samples.figure(peer, measure, *share)?);
            Some(row(ours, measure, *share, figures, peer.name()))
        })
    });
    compared.chain(calibrated).collect()
}

fn row(
    side: Side,
    measure: Measure,
    share: Percentile,
    (ours, peer): (f64, f64),
    peer_name: &'static str,
) -> Row {
    let what = match measure {
        Measure::Insert => "bare insert",
        Measure::Sequential => "sequential durable step",
        Measure::InFlight => "durable step, 32 in flight",
        Measure::Enqueue => "enqueue to first action",
        Measure::Answer => "answer to next action",
    };
    let name = format!("{what}, {}, p{share}", side.store_name());
    Row { name, unit: "µs", ours, peer, peer_name, ratio: ours / peer }
}

/// The least sample that at least this share of all do not exceed.
fn percentile(samples: &[f64], share: Percentile) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (sorted.len() * share).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_samples() {
        let samples: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!(percentile(&samples, 50), Some(10.0));
        assert_eq!(percentile(&samples, 95), Some(19.0));
        assert_eq!(percentile(&[7.0], 95), Some(7.0));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn a_row_compares_the_medians_of_the_rounds() {
        let mut samples = Samples::default();
        for (ours, peer) in [(10.0, 40.0), (90.0, 50.0), (20.0, 60.0)] {
            samples.add(Side::OursPostgres, Measure::InFlight, vec![ours]);
            samples.add(Side::LangGraphPostgres, Measure::InFlight, vec![peer]);
        }
        let rows = rows(&samples);
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].ours, rows[0].peer, rows[0].ratio), (20.0, 50.0, 0.4));
    }
}
