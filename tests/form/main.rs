//! The form of an engine in Chromium, filled by AEF itself: on a page of another origin, and on the page of the surface.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;

use aef::engine::Outcome;
use aef::execution::{Answer, Status};
use serde_json::{Value, json};

use crate::stage::{FILL, LOOK, ORDER, REFUSE, Stage};

/// What the driver enters, as the engine reads it.
fn ordered() -> Value {
    json!({
        "name": "Ada Lovelace", "email": "ada@example.org", "count": 3, "size": "large", "terms": true, "gift": false,
        "price": 2.5, "day": "2026-12-24", "at": "2026-12-24T10:30:00.000Z", "colours": ["red", "blue"],
        "notes": "Ring twice.\nThank you.", "tags": ["home", "garden"], "card": "4000 1234",
        "address": { "city": "London", "code": "12345" }, "extra": { "vase": [1, 2] },
    })
}

/// Fills and submits the form on a page, as the driver does it, and holds that the order came once and as it was entered.
async fn is_filled(stage: &Stage, page: String) {
    let driver = stage.drives(FILL, &page).await;
    // The driver has seen that the form waits for a person before it asks for the end.
    stage.reaches_step(&driver, "read_result").await;
    let orders = stage.orders().await;
    let [order] = &orders[..] else {
        panic!("{} orders; the driver: {:#?}", orders.len(), driver.state().await)
    };
    let Outcome::Waiting(state) = order.wait().await.unwrap() else { panic!("nobody was asked") };
    order.answer(state.checkpoint.unwrap().id, Answer::approve()).await.unwrap();
    let end = stage.ends(&driver).await;
    assert_eq!(end.status, Status::Completed, "{:#?}", end.failure);
    let state = order.finished().await.unwrap();
    assert_eq!(state.result, Some(json!({ "order": ordered() })));
    let shown = end.result.unwrap()["shown"].as_str().unwrap().to_owned();
    assert!(shown.contains("Ada Lovelace") && shown.contains("London"), "{shown}");
    assert_eq!(stage.orders().await.len(), 1, "a double click submitted twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_origin_embeds_it() {
    let stage = Stage::new().await;
    stage.keeps(ORDER).await;
    is_filled(&stage, stage.shop("order", "localhost").await).await;
    stage.ends_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_has_a_page_of_its_own() {
    let stage = Stage::new().await;
    stage.keeps(ORDER).await;
    is_filled(&stage, stage.own_page("order").await).await;
    stage.ends_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_went_wrong_is_shown() {
    let stage = Stage::new().await;
    stage.keeps(REFUSE).await;
    let driver = stage.drives(LOOK, &stage.shop("refuse", "localhost").await).await;
    let end = stage.ends(&driver).await;
    assert_eq!(end.status, Status::Completed, "{:#?}", end.failure);
    // The same page under another name is another origin, for which the key is not good.
    let elsewhere = stage.drives(LOOK, &stage.shop("refuse", "127.0.0.1").await).await;
    let end = stage.ends(&elsewhere).await;
    let shown = end.result.unwrap()["shown"].as_str().unwrap().to_owned();
    assert!(shown.contains("only from the origins that its owner has named"), "{shown}");
    stage.ends_all().await;
}
