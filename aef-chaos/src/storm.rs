//! What happens to the workers and to their database.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aef_testkit::postgres::Cluster;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use crate::dice::Dice;
use crate::failure::Failure;
use crate::fleet::Fleet;
use crate::scene::Scene;

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// SIGKILL of a worker, which is started again under its name.
    Kill,
    /// SIGSTOP of a worker until its leases have run out, then SIGCONT.
    Freeze,
    /// SIGTERM of one worker after the other, each started again under its name when it has ended.
    Roll,
    /// The database stops at once, as in a power cut, and starts again.
    Crash,
    /// Every connection to the database is cut.
    Cut,
}

impl Fault {
    pub(crate) const ALL: [Self; 5] = [Self::Kill, Self::Freeze, Self::Roll, Self::Crash, Self::Cut];

    /// How often each comes.
    const ODDS: [Self; 12] = [
        Self::Kill,
        Self::Kill,
        Self::Kill,
        Self::Kill,
        Self::Freeze,
        Self::Freeze,
        Self::Freeze,
        Self::Cut,
        Self::Cut,
        Self::Cut,
        Self::Crash,
        Self::Roll,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kill => "SIGKILL of a worker",
            Self::Freeze => "SIGSTOP past the lease, then SIGCONT",
            Self::Roll => "rolling restart under the same names",
            Self::Crash => "immediate stop of Postgres, and restart",
            Self::Cut => "every connection cut",
        }
    }
}

/// The faults, and those whom they befall.
#[derive(Debug)]
pub(crate) struct Storm<'a> {
    pub(crate) scene: Arc<Scene>,
    pub(crate) cluster: &'a Cluster,
    pub(crate) database: &'a str,
    pub(crate) fleet: Fleet,
    pub(crate) dice: Dice,
    pub(crate) lease: Duration,
    pub(crate) tally: BTreeMap<Fault, u64>,
    /// Who is to be let go on, and who is to be started again, and when.
    thaws: Vec<(usize, Instant)>,
    starts: Vec<(usize, Instant)>,
}

impl<'a> Storm<'a> {
    pub(crate) fn new(
        scene: Arc<Scene>,
        cluster: &'a Cluster,
        database: &'a str,
        fleet: Fleet,
        dice: Dice,
    ) -> Self {
        let lease = fleet.lease();
        Self {
            scene,
            cluster,
            database,
            fleet,
            dice,
            lease,
            tally: BTreeMap::new(),
            thaws: Vec::new(),
            starts: Vec::new(),
        }
    }

    /// Lets faults happen, each kind at least once, until the time is over.
    ///
    /// # Errors
    /// Where a worker or the database does not do what it is told.
    pub(crate) async fn rage(&mut self, until: Instant) -> Result<(), Failure> {
        let mut due = Fault::ALL.to_vec();
        let mut next = Instant::now() + Duration::from_secs(1);
        while Instant::now() < until || !due.is_empty() {
            self.tend()?;
            if Instant::now() >= next {
                let fault = if due.is_empty() {
                    *self.dice.one_of(&Fault::ODDS)
                } else {
                    due.swap_remove(self.dice.below(due.len() as u64) as usize)
                };
                if self.strike(fault).await? {
                    tracing::info!(?fault, "it has happened");
                    *self.tally.entry(fault).or_default() += 1;
                } else if !self.tally.contains_key(&fault) {
                    due.push(fault);
                }
                next = Instant::now()
                    + self.dice.between(Duration::from_millis(200), Duration::from_millis(1200));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Ends what still goes on: everybody is awake again.
    ///
    /// # Errors
    /// Where a worker cannot be signalled or started.
    pub(crate) fn calm(&mut self) -> Result<(), Failure> {
        let now = Instant::now();
        self.thaws.iter_mut().chain(&mut self.starts).for_each(|(_, due)| *due = now);
        self.tend()
    }

    /// Does what a supervisor does: starts who has ended, when it is time.
    ///
    /// # Errors
    /// Where a worker cannot be signalled or started.
    pub(crate) fn tend(&mut self) -> Result<(), Failure> {
        let now = Instant::now();
        // A worker ends by itself where the database is away when it starts.
        let again = now + Duration::from_millis(300);
        self.starts.extend(self.fleet.fallen()?.into_iter().map(|place| (place, again)));
        for (place, _) in self.thaws.extract_if(.., |(_, due)| *due <= now) {
            self.fleet.freeze(place, false)?;
        }
        for (place, _) in self.starts.extract_if(.., |(_, due)| *due <= now) {
            self.fleet.begin(place)?;
        }
        self.scene.health().awake = self.fleet.awake();
        Ok(())
    }

    /// Lets a fault happen; gives whether it could.
    async fn strike(&mut self, fault: Fault) -> Result<bool, Failure> {
        match fault {
            Fault::Kill => {
                let Some(place) = self.anybody() else { return Ok(false) };
                self.fleet.kill(place)?;
                let later = self.dice.between(Duration::ZERO, Duration::from_secs(1));
                self.starts.push((place, Instant::now() + later));
            }
            Fault::Freeze => {
                let Some(place) = self.anybody() else { return Ok(false) };
                self.fleet.freeze(place, true)?;
                let later = self.dice.between(self.lease, self.lease * 2) + Duration::from_millis(500);
                self.thaws.push((place, Instant::now() + later));
            }
            Fault::Roll => {
                for place in 0..self.fleet.size() {
                    if self.fleet.is_awake(place) {
                        self.fleet.drain(place).await?;
                        self.fleet.begin(place)?;
                    }
                    self.tend()?;
                }
            }
            Fault::Crash => self.crash().await?,
            Fault::Cut => self.cut().await?,
        }
        self.scene.health().awake = self.fleet.awake();
        Ok(true)
    }

    fn anybody(&mut self) -> Option<usize> {
        let awake: Vec<usize> = (0..self.fleet.size()).filter(|place| self.fleet.is_awake(*place)).collect();
        if awake.is_empty() { None } else { Some(*self.dice.one_of(&awake)) }
    }

    async fn crash(&mut self) -> Result<(), Failure> {
        self.scene.health().database = false;
        tokio::task::block_in_place(|| self.cluster.crash())
            .map_err(Failure::to("Postgres does not stop"))?;
        tokio::time::sleep(self.dice.between(Duration::ZERO, Duration::from_secs(2))).await;
        tokio::task::block_in_place(|| self.cluster.resume())
            .map_err(Failure::to("Postgres does not start"))?;
        self.scene.health().database = true;
        Ok(())
    }

    async fn cut(&self) -> Result<(), Failure> {
        let failed = Failure::to::<sqlx::Error>("cannot cut the connections");
        let url = self.cluster.superuser_url("postgres");
        let mut connection = PgConnection::connect(&url).await.map_err(&failed)?;
        sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1")
            .bind(self.database)
            .execute(&mut connection)
            .await
            .map_err(&failed)?;
        connection.close().await.map_err(&failed)
    }
}
