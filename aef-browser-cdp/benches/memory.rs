//! The memory of a pool's browser over 500 executions, with and without replacing it.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use aef_browser_cdp::{BrowserPool, LaunchOptions, PoolOptions};
use aef_core::browser::{Browser as _, BrowserError};
use aef_testkit::conformance::browser::Pages;
use aef_testkit::doubles::session_options;

const EXECUTIONS: u32 = 500;
const EVERY: u32 = 50;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pages = Pages::start()?;
    let mut replaced = PoolOptions::default();
    replaced.max_browsers = 1;
    let mut kept = replaced.clone();
    (kept.max_uses, kept.max_memory) = (u64::MAX, u64::MAX);
    println!("{:>10} {:>14} {:>14}", "executions", "kept, MiB", "replaced, MiB");
    let (kept, replaced) = (over(&pages, kept).await?, over(&pages, replaced).await?);
    for (index, (kept, replaced)) in kept.iter().zip(&replaced).enumerate() {
        println!("{:>10} {kept:>14} {replaced:>14}", (index + 1) * EVERY as usize);
    }
    Ok(())
}

/// The memory in MiB after so many executions each time.
async fn over(pages: &Pages, options: PoolOptions) -> Result<Vec<u64>, BrowserError> {
    let launch = LaunchOptions { no_sandbox: true, ..LaunchOptions::default() };
    let pool = BrowserPool::launch(launch, options).await?;
    let mut taken = Vec::new();
    for execution in 1..=EXECUTIONS {
        let mut options = session_options(&pages.origin());
        options.url = Some(format!("{}/buttons", pages.origin()));
        let session = pool.open(options).await?;
        session.close().await?;
        if execution % EVERY == 0 {
            let memory = pool.stats().await.iter().filter_map(|member| member.memory).sum::<u64>();
            taken.push(memory >> 20);
        }
    }
    Ok(taken)
}
