//! A kill that no `verify` can settle: the site was written to, and nobody saw the end of the action.

use std::fs;
use std::time::{Duration, Instant};

use aef_testkit::demo_site::{DemoSite, DemoSiteOptions, PASSWORD, USER};
use serde_json::Value;

use crate::desk::Desk;
use crate::journal::Account;
use crate::process::Run;

/// The longest until the site is asked.
const PATIENCE: Duration = Duration::from_secs(90);

/// The press ends when the next page has come, and the site lets it wait for longer than the test takes.
const DOCUMENT: &str = r#"
aef: 1
id: sign-in
inputs: { type: object, required: [baseUrl], properties: { baseUrl: { type: string } } }
config: { stepTimeout: 10m, actionTimeout: 5m, browser: { allowedOrigins: ["{{ inputs.baseUrl }}"] } }
steps:
  - id: form
    actions:
      - { action: navigate, url: "{{ inputs.baseUrl }}/login" }
      - { action: fill, target: { label: User name }, value: USER }
      - { action: fill, target: { label: Password }, value: PASSWORD }
  - id: sign_in
    risk: write
    actions: [ { action: click, target: { role: button, name: Log in } } ]
  - id: look
    actions:
      - { action: navigate, url: "{{ inputs.baseUrl }}/inbox" }
      - { action: extract, target: { css: h1 }, as: heading }
  - { id: done, type: end, result: { heading: "{{ heading }}" } }
"#;

#[test]
fn a_write_whose_end_nobody_saw_is_asked_about_and_counts_once() {
    let options = DemoSiteOptions { save_delay: Duration::from_secs(3_600), ..DemoSiteOptions::default() };
    let (desk, site) = (Desk::new(), DemoSite::start(options).unwrap());
    let document = DOCUMENT.replace("USER", USER).replace("PASSWORD", PASSWORD);
    fs::write(desk.path().join("sign-in.aef.yaml"), document).unwrap();
    let url = format!("baseUrl={}", site.url());
    let mut run = Run::start(
        &desk,
        &["run", "sign-in.aef.yaml", "--input", &url, "--checkpoints", "approve", "--json"],
    );
    let id = run.execution();
    wait_for_post(&site);
    run.kill();
    assert_eq!(run.end(), None, "it was killed");
    assert_eq!(Account::of(&desk, &id).writes(), 0, "no outcome was seen");

    let resume = ["resume", id.as_str(), "--checkpoints", "approve", "--json"];
    desk.run(&resume).ended(4);
    let shown: Value = serde_json::from_str(&desk.run(&["show", "--json", &id]).ended(0).stdout).unwrap();
    let checkpoint = &shown["state"]["checkpoint"];
    assert_eq!(checkpoint["kind"], "in_doubt", "{shown:#}");
    assert_eq!(checkpoint["step"], "sign_in");
    assert_eq!(checkpoint["failure"]["reason"], "worker_lost");
    assert_eq!(site.counts().posts, 1, "nothing was pressed again");

    desk.run(&["respond", &id, "done"]).ended(0);
    let said = desk.run(&resume).ended(0);
    assert!(said.stdout.contains("\"heading\""), "{}", said.stdout);
    let account = Account::of(&desk, &id);
    assert_eq!((site.counts().posts, account.writes()), (1, 1), "{account:?}");
}

/// Waits until the site has been written to; it tells nobody, so it is asked.
fn wait_for_post(site: &DemoSite) {
    let until = Instant::now() + PATIENCE;
    while site.counts().posts == 0 {
        assert!(Instant::now() < until, "nothing is written: {:#?}", site.requests());
        std::thread::sleep(Duration::from_millis(2));
    }
}
