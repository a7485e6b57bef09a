//! Tickets.

use std::sync::Arc;
use std::time::Duration;

use aef_core::ids::{ApiKeyId, ExecutionId, OwnerId};
use aef_core::store::LiveTicket;
use futures::future::join_all;

use super::super::scene::{Scene, later};
use super::HostUnderTest;

const MINUTE: Duration = Duration::from_secs(60);

async fn ticket(scene: &Scene<'_>, hash: &str) -> LiveTicket {
    let now = scene.now().await;
    LiveTicket {
        hash: hash.into(),
        execution: ExecutionId::generate(),
        owner: Some(OwnerId::from("ada")),
        actor: "ada".into(),
        key: Some(ApiKeyId::generate()),
        access_until: Some(later(now, MINUTE * 60)),
        expires_at: later(now, MINUTE),
    }
}

/// It comes back as it was given, and then it is gone.
pub async fn a_ticket_is_taken_once(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    let full = ticket(&scene, "one").await;
    let bare = LiveTicket { owner: None, key: None, access_until: None, ..ticket(&scene, "two").await };
    for given in [full, bare] {
        host.put_ticket(given.clone()).await.expect("the ticket is kept");
        let taken = host.take_ticket(&given.hash).await.expect("taking works");
        assert_eq!(taken, Some(given.clone()));
        assert_eq!(host.take_ticket(&given.hash).await.expect("taking works"), None);
    }
}

/// Of many who take it at once, one gets it.
pub async fn racing_takers_have_one_winner(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    host.put_ticket(ticket(&scene, "one").await).await.expect("the ticket is kept");
    let takers = (0..8).map(|_| {
        let host = Arc::clone(&host);
        async move { host.take_ticket("one").await.expect("taking works").is_some() }
    });
    assert_eq!(join_all(takers).await.into_iter().filter(|won| *won).count(), 1);
}

/// What has expired is not given.
pub async fn an_expired_ticket_is_not_taken(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    host.put_ticket(ticket(&scene, "one").await).await.expect("the ticket is kept");
    scene.advance(MINUTE + Duration::from_secs(1)).await;
    host.put_ticket(ticket(&scene, "two").await).await.expect("the ticket is kept");
    assert_eq!(host.take_ticket("one").await.expect("taking works"), None);
    assert!(host.take_ticket("two").await.expect("taking works").is_some());
}

/// Another process takes what this one gave.
pub async fn a_ticket_survives_a_restart(on: &dyn HostUnderTest) {
    let scene = Scene::new(on);
    let given = ticket(&scene, "one").await;
    on.host().put_ticket(given.clone()).await.expect("the ticket is kept");
    let host = on.reopen_host().await;
    assert_eq!(host.take_ticket("one").await.expect("taking works"), Some(given));
}
