//! Whether everything is as it must be in the end.

use std::collections::BTreeMap;

use aef_core::execution::Status;

use crate::documents::Kind;
use crate::failure::Failure;
use crate::ledger::Account;
use crate::people::Deeds;
use crate::scene::{Placed, Scene};

/// What came of everything, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) outcomes: BTreeMap<(Kind, Status), u64>,
    pub(crate) writes: u64,
    pub(crate) posts: u64,
    pub(crate) doubts: u64,
    pub(crate) retries: u64,
    pub(crate) parked: u64,
    pub(crate) restored: u64,
    pub(crate) answered: u64,
    pub(crate) violations: Vec<String>,
}

impl Verdict {
    /// Reads all journals and compares them with the site and with what the people said.
    ///
    /// # Errors
    /// Where the store fails.
    pub(crate) async fn on(scene: &Scene, deeds: &Deeds) -> Result<Self, Failure> {
        let mut verdict = Self { posts: scene.site.counts().posts, ..Self::default() };
        let orders: Vec<_> = scene.orders().iter().map(|(id, placed)| (*id, placed.clone())).collect();
        for (id, placed) in orders {
            let handle = scene.handle(placed.order.owner, id);
            let failed = Failure::to::<aef_core::engine::EngineError>("cannot read an execution");
            let state = handle.state().await.map_err(&failed)?;
            let account = Account::of(&handle).await.map_err(&failed)?;
            if !placed.is_settled(state.status) {
                let waits = handle.explain().await.map_err(&failed)?;
                let state = format!("{} at {:?}, {:?}", state.status, state.step, state.failure);
                verdict.wrong(format!("{id} did not come to its end: {state}; it waits for {waits:?}"));
            }
            *verdict.outcomes.entry((placed.order.kind, state.status)).or_default() += 1;
            verdict.check_writes(&id.to_string(), scene, &placed, state.status, &account);
            verdict.check_answers(deeds, &account);
            verdict.writes += account.writes();
            verdict.doubts += account.doubts;
            verdict.retries += account.retries;
            verdict.parked += account.parked;
            verdict.restored += account.restored;
        }
        if verdict.writes != verdict.posts {
            let Self { writes, posts, .. } = verdict;
            verdict.wrong(format!("the journals account for {writes} writes, the site has seen {posts}"));
        }
        verdict.check_taken(deeds);
        Ok(verdict)
    }

    fn wrong(&mut self, what: String) {
        self.violations.push(what);
    }

    fn check_writes(&mut self, id: &str, scene: &Scene, placed: &Placed, status: Status, account: &Account) {
        let firms = &placed.order.firms;
        let seen = scene.posts(firms);
        if account.writes() != seen {
            let told = account.writes();
            self.wrong(format!("{id}: its journal accounts for {told} writes, the site has seen {seen}"));
        }
        for firm in firms {
            let posts = scene.posts(std::slice::from_ref(firm));
            let wanted = u64::from(status == Status::Completed);
            if posts != wanted {
                self.wrong(format!("{id} is {status} and {firm} was created {posts} times, not {wanted}"));
            }
        }
        let expected = if placed.order.kind == Kind::Hopeless { Status::Failed } else { Status::Completed };
        if status.is_final() && status != expected {
            self.wrong(format!("{id} ({}) is {status}", placed.order.kind.name()));
        }
    }

    /// Holds that each answer in the journal was given, and that each question has one.
    fn check_answers(&mut self, deeds: &Deeds, account: &Account) {
        for (checkpoint, remarks) in &account.answers {
            self.answered += remarks.len() as u64;
            let said = deeds.said.get(checkpoint);
            let known = |remark: &String| said.is_some_and(|all| all.iter().any(|one| one.remark == *remark));
            if remarks.len() != 1 || !remarks.iter().all(known) {
                self.wrong(format!("{checkpoint} has the answers {remarks:?} of {said:?}"));
            }
            for said in said.into_iter().flatten().filter(|said| said.taken) {
                if !remarks.contains(&said.remark) {
                    self.wrong(format!("{checkpoint}: {said:?} was taken and does not stand in the journal"));
                }
            }
        }
    }

    /// Holds that as many answers stand in the journals as there are questions of which one was told to be taken.
    fn check_taken(&mut self, deeds: &Deeds) {
        let taken = deeds.said.values().filter(|said| said.iter().any(|said| said.taken)).count() as u64;
        if self.answered < taken {
            let answered = self.answered;
            self.wrong(format!("{taken} questions were answered, {answered} answers stand in the journals"));
        }
    }
}
