//! Targets that do not hold still: whatever moves them and whenever, nothing but the target is ever clicked.

use std::time::Duration;

use aef_core::browser::{Browser, SessionOptions};
use serde_json::json;

use crate::support::{Page, Site, browser, options, perform};

/// How often a target is clicked; `AEF_MOTION_TRIES` says another number.
const TRIES: u64 = 300;

/// A button above a field of others. Each press of it begins another way of moving, in turn, at a time that the clicks
/// know nothing of.
const PAGE: &str = r#"<title>Motion</title>
<style id=rules>
  * { margin: 0 }
  #arena { position: relative; width: 1000px; height: 600px; overflow: hidden }
  .decoy { position: absolute; width: 50px; height: 30px; border: 1px solid #888 }
  #target { position: absolute; width: 60px; height: 34px; z-index: 2 }
  #cover { position: absolute; z-index: 3 }
  @keyframes sway { from { transform: translateX(0) } to { transform: translateX(300px) } }
  #target { margin-left: 0 }
</style>
<div id=arena></div>
<script>
  let pressed = 0, clicked = 0, wrong = 0, seed = 7;
  const random = (below) => { seed = (seed * 48271) % 2147483647; return seed % below; };
  for (let at = 0; at < 400; at++) {
    const decoy = document.createElement("button");
    decoy.className = "decoy";
    decoy.style.cssText = `left: ${(at % 20) * 50}px; top: ${Math.floor(at / 20) * 30}px`;
    arena.append(decoy);
  }
  const rule = [...rules.sheet.cssRules].find((rule) => rule.style?.marginLeft);
  const place = (element) => { element.style.left = `${random(600)}px`; element.style.top = `${random(500)}px`; };
  function fresh() {
    const button = document.createElement("button");
    button.id = "target";
    button.textContent = "target";
    button.onclick = () => { clicked += 1; next(); };
    place(button);
    return button;
  }
  const frames = (count, work) => { if (count > 0) { work(count); requestAnimationFrame(() => frames(count - 1, work)); } };
  const later = (work) => setTimeout(work, random(30));
  const MOTIONS = [
    () => {},
    (target) => { target.style.transition = "left 0.2s, top 0.2s"; later(() => place(target)); },
    (target) => { target.style.animation = "sway 0.15s linear 2 alternate"; },
    (target) => { for (let jump = 0; jump < 4; jump++) setTimeout(() => place(target), random(60)); },
    (target) => frames(12, (left) => { target.style.transform = `translate(${left * 15}px, ${left * 6}px)`; }),
    () => frames(12, (left) => { rule.style.marginLeft = `${(left - 1) * 20}px`; }),
    (target) => { target.onpointermove = () => { target.onpointermove = null; place(target); }; },
    (target) => later(() => {
      const cover = document.createElement("div");
      cover.id = "cover";
      cover.className = "decoy";
      cover.style.cssText = target.style.cssText;
      arena.append(cover);
      setTimeout(() => cover.remove(), 40);
    }),
    (target) => later(() => target.replaceWith(fresh())),
    (target) => later(() => { const pad = document.createElement("div"); pad.style.height = `${random(60)}px`; document.body.prepend(pad); setTimeout(() => pad.remove(), 50); }),
  ];
  let turn = 0;
  function next() {
    target.replaceWith(fresh());
    MOTIONS[turn++ % MOTIONS.length](target);
  }
  for (const kind of ["pointerdown", "mousedown", "click"])
    arena.addEventListener(kind, (event) => {
      if (event.target.id === "target") pressed += kind === "mousedown";
      else if (event.target !== arena) wrong += 1;
    });
  arena.append(fresh());
</script>"#;

fn tries() -> u64 {
    std::env::var("AEF_MOTION_TRIES").ok().and_then(|tries| tries.parse().ok()).unwrap_or(TRIES)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moves_is_clicked_itself_or_not_at_all() {
    let site = Site::serve([("/", Page::html(PAGE))]).await;
    let browser = browser().await;
    let mut allowing = options(&[site.origin()]);
    allowing.policy.allow_evaluate = true;
    let session = browser.open(SessionOptions { url: Some(site.url("/")), ..allowing }).await.unwrap();
    let (tries, mut times) = (tries(), Vec::new());
    let click = json!({ "action": "click", "target": { "css": "#target" }, "timeout": "30s" });
    for number in 0..tries {
        let begun = std::time::Instant::now();
        perform(&session, click.clone()).await.unwrap_or_else(|error| panic!("click {number}: {error}"));
        times.push(begun.elapsed());
    }
    let count =
        json!({ "action": "evaluate", "script": "return [pressed, clicked, wrong];", "as": "counts" });
    let counts = perform(&session, count).await.unwrap().value.unwrap();
    times.sort_unstable();
    let median: Duration = times[times.len() / 2];
    eprintln!("{tries} clicks, median {median:.1?}: pressed, clicked, gone astray: {counts}");
    // A click whose target moves between press and release is no click, to a hand as little.
    let clicked = counts[1].as_u64().unwrap();
    assert!(clicked <= tries && clicked * 100 >= tries * 98, "{counts}");
    assert_eq!(
        (&counts[0], &counts[2]),
        (&json!(tries), &json!(0)),
        "pressed, clicked, gone astray: {counts}"
    );
}
