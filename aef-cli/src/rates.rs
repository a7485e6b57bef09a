//! How often a server may be asked, as the command line says it.

use aef::http::{Limits, Rate};

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Budget {
    /// Requests from one address.
    Address,
    /// Reads of one principal.
    Reads,
    /// Changes by one principal.
    Writes,
    /// Executions that one principal submits.
    Starts,
}

/// The usual limits, with those that were given.
pub(crate) fn limits(rates: &[(Budget, Rate)]) -> Limits {
    let mut limits = Limits::default();
    for (budget, rate) in rates {
        match budget {
            Budget::Address => limits.per_address = *rate,
            Budget::Reads => limits.reads = *rate,
            Budget::Writes => limits.writes = *rate,
            Budget::Starts => limits.starts = *rate,
        }
    }
    limits
}

/// Reads `NAME=N` or `NAME=N/BURST`.
///
/// # Errors
/// Where it is neither, as a sentence for the command line.
pub(crate) fn rate(text: &str) -> Result<(Budget, Rate), String> {
    let wrong = || "a rate is written as reads=600 or reads=600/200".to_owned();
    let (name, numbers) = text.split_once('=').ok_or_else(wrong)?;
    let budget = match name {
        "address" => Budget::Address,
        "reads" => Budget::Reads,
        "writes" => Budget::Writes,
        "starts" => Budget::Starts,
        _ => return Err("what is counted is address, reads, writes or starts".to_owned()),
    };
    let (per_minute, burst) = numbers.split_once('/').unwrap_or((numbers, numbers));
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0).ok_or_else(wrong);
    Ok((budget, Rate::new(number(per_minute)?, number(burst)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_a_name_and_one_or_two_numbers() {
        let given = ["reads=6000/500", "starts=5"].map(|text| rate(text).unwrap());
        let limits = limits(&given);
        assert_eq!((limits.reads, limits.starts), (Rate::new(6000, 500), Rate::new(5, 5)));
        assert_eq!(limits.writes, Limits::default().writes);
        for wrong in ["reads", "reads=0", "reads=1/", "speed=1", "reads=-1"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
