//! The table: what the samples of two sides come to.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::driver::Reply;

/// The share of the samples that lies below a figure, in percent.
pub(super) type Percentile = usize;

/// All samples of each measure of each side, each round on its own, in microseconds.
#[derive(Debug)]
pub(super) struct Samples<K> {
    rounds: BTreeMap<K, Vec<Vec<f64>>>,
    notes: BTreeSet<String>,
}

impl<K> Default for Samples<K> {
    fn default() -> Self {
        Self { rounds: BTreeMap::new(), notes: BTreeSet::new() }
    }
}

impl<K: Ord> Samples<K> {
    pub(super) fn add(&mut self, of: K, round: Reply) {
        self.rounds.entry(of).or_default().push(round.samples);
        self.notes.extend(round.note);
    }

    /// The row that compares two, where both were measured.
    pub(super) fn row(
        &self,
        name: &str,
        share: Percentile,
        ours: &K,
        (peer, peer_name): (&K, &'static str),
    ) -> Option<Row> {
        let (ours, peer) = (self.figure(ours, share)?, self.figure(peer, share)?);
        let name = format!("{name}, p{share}");
        Some(Row { name, unit: "µs", ours, peer, peer_name, ratio: ours / peer })
    }

    /// Prints the rows, and what was noted in between: below the table, or on the standard error where rows are JSON.
    pub(super) fn print(&self, rows: &[Row], json: bool) {
        if json {
            for row in rows {
                println!("{}", serde_json::to_string(row).expect("a row is text and numbers"));
            }
            self.notes.iter().for_each(|note| eprintln!("bench: {note}"));
            return;
        }
        let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or_default();
        println!("{:<width$} {:>13} {:>13} {:>7}  beside", "measure", "ours", "peer", "ratio");
        for row in rows {
            println!(
                "{:<width$} {:>13} {:>13} {:>7.3}  {}",
                row.name,
                format!("{:.1} {}", row.ours, row.unit),
                format!("{:.1} {}", row.peer, row.unit),
                row.ratio,
                row.peer_name
            );
        }
        self.notes.iter().for_each(|note| println!("- {note}"));
    }

    /// The median over the rounds of each round's percentile.
    fn figure(&self, of: &K, share: Percentile) -> Option<f64> {
        let rounds = self.rounds.get(of)?;
        let each = rounds.iter().filter_map(|round| percentile(round, share)).collect::<Vec<_>>();
        percentile(&each, 50)
    }
}

/// A row of the table. Every figure is a cost: less is better.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// What was measured.
    pub(super) name: String,
    /// Of `ours` and `peer`.
    pub(super) unit: &'static str,
    pub(super) ours: f64,
    pub(super) peer: f64,
    pub(super) peer_name: &'static str,
    /// Ours to the peer's: below 1, ours costs less.
    pub(super) ratio: f64,
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
            samples.add("ours", Reply { samples: vec![ours], note: None });
            samples.add("peer", Reply { samples: vec![peer], note: Some("as it is".to_owned()) });
        }
        let row = samples.row("step", 50, &"ours", (&"peer", "a peer")).expect("both were measured");
        assert_eq!((row.ours, row.peer, row.ratio), (20.0, 50.0, 0.4));
        assert_eq!(row.name, "step, p50");
        assert_eq!(samples.notes.len(), 1);
        assert!(samples.row("step", 50, &"ours", (&"nobody", "nobody")).is_none());
    }
}
