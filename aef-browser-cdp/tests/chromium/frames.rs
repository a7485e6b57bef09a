use std::time::Duration;

use aef_browser_cdp::{CdpBrowser, LaunchOptions};
use aef_core::browser::{Browser, SessionOptions};
use serde_json::json;

use crate::support::{Page, Site, act, launch_options, observe, options};

async fn site() -> Site {
    Site::serve([
        (
            "/",
            Page::html(
                "<h1>Outside</h1><p style='height:900px'></p>\
                 <iframe id=near src='/inner' style='width:400px;height:300px;margin:20px;border:5px solid'></iframe>\
                 <iframe id=far src='http://localhost:{port}/inner' style='width:400px;height:300px'></iframe>",
            ),
        ),
        (
            "/inner",
            Page::html(
                "<p style='height:500px'></p><label>Name <input></label> <button onclick=\"out.textContent = 'hello ' + document.querySelector('input').value\">Greet</button><p id=out></p>\
                 <iframe id=deep srcdoc='<button onclick=&quot;this.textContent = `pressed`&quot;>Deep</button>'></iframe>",
            ),
        ),
    ])
    .await
}

async fn frames_are_reached(args: Vec<String>) {
    let site = site().await;
    let browser = CdpBrowser::launch(LaunchOptions { args, ..launch_options() }).await.unwrap();
    let options =
        SessionOptions { url: Some(site.url("/")), ..options(&[site.origin(), site.local_origin()]) };
    let session = browser.open(options).await.unwrap();
    for frame in [json!({ "css": "#near" }), json!({ "css": "#far" })] {
        let name = format!("from {frame}");
        act(
            &session,
            json!({ "action": "fill", "target": { "label": "Name", "frame": frame }, "value": name }),
        )
        .await;
        let greet =
            json!({ "action": "click", "target": { "role": "button", "name": "Greet", "frame": frame } });
        act(&session, greet).await;
        let said = json!({ "text": { "target": { "css": "#out", "frame": frame }, "equals": format!("hello {name}") } });
        assert!(observe(&session, json!([said]), Duration::from_secs(3)).await.results[0].holds, "{frame}");
        let read = json!({ "action": "extract", "target": { "css": "#out", "frame": frame }, "as": "said" });
        assert_eq!(act(&session, read).await.value, Some(json!(format!("hello {name}"))));
        let chain = json!([frame, { "css": "#deep" }]);
        act(&session, json!({ "action": "click", "target": { "role": "button", "frame": chain } })).await;
        let pressed = json!({ "not": { "hidden": { "text": "pressed", "frame": chain } } });
        assert!(
            observe(&session, json!([pressed]), Duration::from_secs(3)).await.results[0].holds,
            "{frame}"
        );
    }
    let absent = json!({ "hidden": { "css": "p", "frame": { "css": "#absent" } } });
    assert!(observe(&session, json!([absent]), Duration::ZERO).await.results[0].holds);
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_the_same_process_are_reached() {
    frames_are_reached(Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_other_processes_are_reached() {
    frames_are_reached(vec!["--site-per-process".to_owned()]).await;
}
