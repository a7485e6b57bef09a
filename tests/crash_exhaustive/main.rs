//! A crash at every call to the store and at every command to the browser, before it and after it, for every sample document.
//!
//! Whatever happens, the run ends as the straight one, or waits for a person; what a person then answers truthfully leads to
//! the end of the straight run. No write is made twice, none is lost, and nothing stands still for longer than a lease and
//! ten seconds. All of it is on virtual time.

#![expect(clippy::unwrap_used, reason = "a lock that is poisoned belongs to a test that has failed")]
#![expect(clippy::needless_pass_by_value, reason = "JSON that is written in place is given away")]

mod samples;
mod world;

use std::sync::Arc;
use std::time::Duration;

use aef::recovery::ErrorKind;
use aef_testkit::{BrowserFault, FaultyBrowser, FaultyStore, StoreFault};

use samples::{SAMPLES, Sample};
use world::{Ending, World};

/// What goes wrong in one run.
#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    Store(u64, StoreFault),
    Browser(u64, BrowserFault),
}

/// What one run came to.
struct Ran {
    /// `None` where only a person at the page could go on.
    ending: Option<Ending>,
    world: World,
    calls: u64,
    commands: u64,
}

/// Runs a sample with one fault; after a crash, a second process goes on with what is left.
fn run(sample: &'static Sample, fault: Fault) -> Ran {
    let world = World::new(sample);
    let mut store = FaultyStore::new(world.store());
    let mut browser = FaultyBrowser::new(Arc::new(world.site.clone()));
    match fault {
        Fault::None => {}
        Fault::Store(call, fault) => store = store.at(call, fault),
        Fault::Browser(command, fault) => browser = browser.at(command, fault),
    }
    let (store, browser) = (Arc::new(store), Arc::new(browser));
    let ended = world.process(async || {
        world.works_badly(&store, &browser);
        tokio::select! {
            ending = world.attends() => Some(ending),
            () = store.crashed() => None,
            () = browser.crashed() => None,
        }
    });
    let ending = ended.unwrap_or_else(|| {
        world.process(async || {
            world.works_well();
            world.attends().await
        })
    });
    Ran { ending, calls: store.calls().len() as u64, commands: browser.commands().len() as u64, world }
}

/// Runs a sample with a fault at each of the calls of the straight run, and compares the ends.
fn run_each(faults: impl Fn(&Ran) -> Vec<Fault>) {
    for sample in &SAMPLES {
        let straight = run(sample, Fault::None);
        let expected = straight.ending.as_ref().expect("the straight run ends");
        assert!(expected.writes.values().all(|count| *count == 1), "{}: {expected:?}", sample.name);
        for fault in faults(&straight) {
            let ran = run(sample, fault);
            let place = format!("{}, {fault:?}", sample.name);
            let writes = ran.world.site.witness().all();
            assert!(writes.values().all(|count| *count == 1), "{place}: written twice: {writes:?}");
            if let Some(ending) = &ran.ending {
                assert_eq!(ending, expected, "{place}");
            }
        }
    }
}

fn each_call(straight: &Ran, faults: &[StoreFault]) -> Vec<Fault> {
    (1..=straight.calls).flat_map(|call| faults.iter().map(move |fault| Fault::Store(call, *fault))).collect()
}

fn each_command(straight: &Ran, faults: &[BrowserFault]) -> Vec<Fault> {
    let at = |command| faults.iter().map(move |fault| Fault::Browser(command, *fault));
    (1..=straight.commands).flat_map(at).collect()
}

#[test]
fn a_crash_at_any_call_to_the_store_changes_nothing() {
    run_each(|straight| each_call(straight, &[StoreFault::CrashBefore, StoreFault::CrashAfter]));
}

#[test]
fn a_crash_at_any_command_to_the_browser_changes_nothing() {
    run_each(|straight| each_command(straight, &[BrowserFault::CrashBefore, BrowserFault::CrashAfter]));
}

#[test]
fn a_store_that_fails_or_hangs_at_any_call_changes_nothing() {
    let hangs = StoreFault::Delay(Duration::from_secs(20));
    run_each(|straight| {
        each_call(straight, &[StoreFault::FailBefore, StoreFault::FailAfter, StoreFault::Stale, hangs])
    });
}

#[test]
fn a_browser_that_is_lost_at_any_command_changes_nothing() {
    let crashed = ErrorKind::Crashed;
    run_each(|straight| {
        each_command(straight, &[BrowserFault::LoseBefore(crashed), BrowserFault::LoseAfter(crashed)])
    });
}

#[test]
fn a_browser_that_answers_too_late_at_any_command_changes_nothing() {
    let late = BrowserFault::Delay(Duration::from_secs(20));
    run_each(|straight| each_command(straight, &[late]));
}

#[test]
fn losing_every_notice_changes_nothing() {
    for sample in &SAMPLES {
        let expected = run(sample, Fault::None).ending;
        let world = World::new(sample);
        let store = Arc::new(FaultyStore::new(world.store()));
        store.lose_notices(true);
        let browser = Arc::new(FaultyBrowser::new(Arc::new(world.site.clone())));
        let ending = world.process(async || {
            world.works_badly(&store, &browser);
            world.attends().await
        });
        assert_eq!(ending, expected, "{}", sample.name);
    }
}
