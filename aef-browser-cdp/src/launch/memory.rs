//! How much memory a browser takes with all its helpers.

use std::fs;

/// The memory of a process group in bytes: what its processes share is counted once in all. 0 where there is no `/proc`.
pub(super) fn of_group(group: u32) -> u64 {
    let Ok(processes) = fs::read_dir("/proc") else { return 0 };
    let ids = processes.flatten().filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    ids.filter(|id| group_of(*id) == Some(group)).filter_map(of_process).sum()
}

fn group_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold anything; the group is the third field after it.
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

/// The proportional share of one process; it may end while it is looked at.
fn of_process(process: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_takes_some_memory_and_nobody_takes_none() {
        let own = std::process::id();
        assert!(of_process(own).unwrap() > 1 << 20);
        assert!(of_group(group_of(own).unwrap()) >= of_process(own).unwrap() / 2);
        assert_eq!(of_group(u32::MAX), 0);
    }
}
