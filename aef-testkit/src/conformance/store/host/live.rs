//! Where workers serve live views.

use std::time::Duration;

use aef_core::ids::WorkerId;
use aef_core::store::{LiveHolder, Scope, StoreErrorKind};

use super::super::scene::{EXPIRED, Scene, new_execution, refusal};
use super::{HostUnderTest, of_ada, of_bob};

const THERE: &str = "10.0.0.7:9465";

/// How long after its last sign of life a worker is forgotten, and a little more.
const FORGOTTEN: Duration = Duration::from_secs(75);

fn one() -> WorkerId {
    WorkerId::from("one")
}

fn held(worker: &str, address: Option<&str>) -> Option<LiveHolder> {
    Some(LiveHolder { worker: WorkerId::from(worker), address: address.map(str::to_owned) })
}

/// As long as its lease holds, and from any process.
pub async fn the_holder_of_an_execution_is_found_where_it_says(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    let queued = scene.queued("ada").await.id;
    assert_eq!(host.live_holder(&of_ada(), queued).await.expect("it is read"), None);
    let execution = scene.claim_only("one", queued).await.record.id;
    assert_eq!(host.live_holder(&of_ada(), execution).await.expect("it is read"), held("one", None));
    for address in ["10.0.0.6:9465", THERE, THERE] {
        host.advertise(&one(), Some(address)).await.expect("it is kept");
    }
    for host in [host, on.reopen_host().await] {
        for scope in [of_ada(), Scope::System] {
            let found = host.live_holder(&scope, execution).await.expect("it is read");
            assert_eq!(found, held("one", Some(THERE)));
        }
    }
    scene.advance(EXPIRED).await;
    assert_eq!(on.host().live_holder(&of_ada(), execution).await.expect("it is read"), None);
    scene.claim_only("two", execution).await;
    let found = on.host().live_holder(&of_ada(), execution).await.expect("it is read");
    assert_eq!(found, held("two", None));
}

/// Also where it had said nothing, or is not known at all.
pub async fn what_a_worker_takes_back_is_gone(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    let execution = scene.held("ada", "one").await.record.id;
    host.advertise(&one(), Some(THERE)).await.expect("it is kept");
    for _ in 0..2 {
        host.advertise(&one(), None).await.expect("it is taken back");
        assert_eq!(host.live_holder(&of_ada(), execution).await.expect("it is read"), held("one", None));
    }
    host.advertise(&WorkerId::from("two"), None).await.expect("there is nothing to take back");
    let alive = scene.store.census(&Scope::System).await.expect("counting works").workers;
    assert_eq!(alive, 1, "who takes something back shows no life");
}

/// What was said before the first claim holds behind it, and behind renewals.
pub async fn a_worker_that_advertised_first_keeps_its_address(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    host.advertise(&one(), Some(THERE)).await.expect("it is kept");
    let claim = scene.held("ada", "one").await;
    scene.renew("one", &[(claim.record.id, claim.record.epoch)]).await;
    let found = host.live_holder(&of_ada(), claim.record.id).await.expect("it is read");
    assert_eq!(found, held("one", Some(THERE)));
}

/// So that one who takes up its name is not looked for there.
pub async fn an_address_is_forgotten_with_its_worker(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    host.advertise(&one(), Some(THERE)).await.expect("it is kept");
    scene.advance(FORGOTTEN).await;
    scene.renew("two", &[]).await;
    let execution = scene.held("ada", "one").await.record.id;
    assert_eq!(host.live_holder(&of_ada(), execution).await.expect("it is read"), held("one", None));
}

/// Nor has one that is not there.
pub async fn another_owners_execution_has_no_holder(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    let execution = scene.held("ada", "one").await.record.id;
    assert_eq!(refusal(host.live_holder(&of_bob(), execution).await), StoreErrorKind::NotFound);
    let unknown = new_execution("ada").id;
    assert_eq!(refusal(host.live_holder(&Scope::System, unknown).await), StoreErrorKind::NotFound);
}
