//! Processes are killed at random moments, and the work is neither lost nor done twice.
//!
//! The demo site counts every POST that reaches it. However often the binary and its browser are killed, the count is
//! the number of records that had to be written, and the journal accounts for each of them.
//!
//! `AEF_KILLS=20` makes more kills than the usual six; `AEF_SEED` repeats the moments of a run that failed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a run that fails shows its seed and its kills")]

#[path = "../cli/desk.rs"]
mod desk;
mod doubt;
mod journal;
mod process;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aef_testkit::demo_site::{DemoSite, DemoSiteOptions, Record};
use serde_json::Value;

use self::desk::{Desk, example};
use self::journal::Account;
use self::process::{Moment, Run, Victim};

/// The longest time from the first sign of work to a kill.
const LONGEST: Duration = Duration::from_millis(2_500);

/// About how long a click that writes takes until its outcome is known.
const SAVE: Duration = Duration::from_millis(120);

/// Kills without progress would go on for ever.
const MOST_RUNS: u32 = 200;

/// Numbers that are random enough to choose moments with, and the same for the same seed.
struct Moments(u64);

impl Moments {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Any moment, or one around a write, where a kill hurts most.
    fn moment(&mut self) -> Moment {
        let within =
            |longest: Duration, number: u64| Duration::from_millis(number % longest.as_millis() as u64);
        if self.next().is_multiple_of(2) {
            Moment::After(within(LONGEST, self.next()))
        } else {
            Moment::InSave(within(SAVE, self.next()))
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn site() -> DemoSite {
    let options = DemoSiteOptions { save_delay: Duration::from_millis(300), ..DemoSiteOptions::default() };
    DemoSite::start(options).unwrap()
}

fn document() -> String {
    example("investor-update.aef.yaml").to_str().unwrap().to_owned()
}

/// What the site holds when nothing is killed.
fn straight() -> (u64, Vec<Record>) {
    let (desk, site) = (Desk::new(), site());
    let url = format!("baseUrl={}", site.url());
    desk.run(&["run", &document(), "--input", &url, "--checkpoints", "approve"]).ended(0);
    (site.counts().posts, site.records())
}

#[test]
fn killed_again_and_again_it_writes_each_record_once() {
    let seed = number("AEF_SEED")
        .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into());
    let kills = number("AEF_KILLS").unwrap_or(6);
    // Shown where the test fails.
    println!("AEF_SEED={seed} AEF_KILLS={kills}");
    let mut moments = Moments(seed | 1);
    let (posts, records) = straight();
    let mut left = kills;
    while left > 0 {
        left = one_execution(&mut moments, left, posts, &records);
    }
}

/// Kills one execution until it is done, or until no kill is left; then lets it end. Gives the kills that are left.
fn one_execution(moments: &mut Moments, mut left: u64, posts: u64, records: &[Record]) -> u64 {
    let (desk, site) = (Desk::new(), site());
    let url = format!("baseUrl={}", site.url());
    let mut run =
        Run::start(&desk, &["run", &document(), "--input", &url, "--checkpoints", "approve", "--json"]);
    let id = run.execution();
    println!("{id}: {} on {}", desk.path().display(), site.url());
    for _ in 0..MOST_RUNS {
        if left > 0 && run.works() {
            // Every third kill takes the browser and leaves the binary.
            let victim = if left.is_multiple_of(3) { Victim::Browser } else { Victim::Binary };
            let moment = moments.moment();
            println!("{id}: kill of the {victim:?}, {moment:?}");
            if run.kill_at(victim, moment) {
                left -= 1;
            }
        }
        let code = run.end();
        println!("{id}: ended with {code:?}");
        match code {
            Some(0) => {
                let account = Account::of(&desk, &id);
                println!("{id}: {account:?}, the site has {:?}", site.counts());
                assert_eq!(site.records(), records, "the records are not those of a run that was let alone");
                assert_eq!(site.counts().posts, posts, "something was written twice, or never");
                assert_eq!(account.writes(), posts, "the journal does not account for what the site saw");
                return left;
            }
            Some(4) => settle(&desk, &site, &id),
            // It was killed.
            None => {}
            Some(other) => panic!("{id} ended with {other}:\n{}", run.said()),
        }
        run = Run::start(&desk, &["resume", &id, "--checkpoints", "approve", "--json"]);
    }
    panic!("{id} does not come to its end");
}

/// Answers as a person does who looks at the site.
fn settle(desk: &Desk, site: &DemoSite, id: &str) {
    let shown: Value = serde_json::from_str(&desk.run(&["show", "--json", id]).ended(0).stdout).unwrap();
    let state = &shown["state"];
    if state["checkpoint"]["kind"] == "in_doubt" {
        let happened = site.counts().posts > Account::of(desk, id).writes();
        let answer = if happened { "done" } else { "retry" };
        println!("{id}: in doubt, answered with {answer}");
        desk.run(&["respond", id, answer]).ended(0);
        return;
    }
    if !state["recovery"].is_null() {
        println!("{id}: retry");
        desk.run(&["recover", id, "retry"]).ended(0);
        return;
    }
    // Paused: to resume it is all that it needs.
    assert_eq!(state["status"], "paused", "{shown:#}");
}
