//! The worker processes.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::failure::Failure;

/// How long a worker may take to finish what it has in hand.
const DRAIN: Duration = Duration::from_secs(45);

/// How the workers are started.
#[derive(Debug, Clone)]
pub(crate) struct Berth {
    pub(crate) database_url: String,
    /// Where the workers' logs are kept.
    pub(crate) directory: PathBuf,
    /// Where their artifacts are kept.
    pub(crate) artifacts: PathBuf,
    pub(crate) lease: Duration,
    pub(crate) seed: u64,
}

/// The worker processes, each under a name that it keeps.
#[derive(Debug)]
pub(crate) struct Fleet {
    berth: Berth,
    crew: Vec<Option<Member>>,
    started: u64,
}

#[derive(Debug)]
struct Member {
    process: Child,
    stopped: bool,
}

impl Fleet {
    /// Starts so many workers.
    ///
    /// # Errors
    /// Where a process cannot be started.
    pub(crate) fn start(berth: Berth, workers: usize) -> Result<Self, Failure> {
        let mut fleet = Self { berth, crew: Vec::new(), started: 0 };
        for place in 0..workers {
            fleet.crew.push(None);
            fleet.begin(place)?;
        }
        Ok(fleet)
    }

    /// How many places there are.
    pub(crate) fn size(&self) -> usize {
        self.crew.len()
    }

    /// How long the workers' leases hold.
    pub(crate) const fn lease(&self) -> Duration {
        self.berth.lease
    }

    /// How many processes run and are not stopped.
    pub(crate) fn awake(&self) -> usize {
        self.crew.iter().flatten().filter(|member| !member.stopped).count()
    }

    pub(crate) fn is_awake(&self, place: usize) -> bool {
        self.crew[place].as_ref().is_some_and(|member| !member.stopped)
    }

    /// Starts the worker of a place, under the name that it always has.
    ///
    /// # Errors
    /// Where the process cannot be started.
    pub(crate) fn begin(&mut self, place: usize) -> Result<(), Failure> {
        let Berth { database_url, directory, artifacts, lease, seed } = &self.berth;
        self.started += 1;
        let log = File::options()
            .append(true)
            .create(true)
            .open(directory.join(format!("w{place}.log")))
            .map_err(Failure::to("cannot write a worker's log"))?;
        let program = std::env::current_exe().map_err(Failure::to("cannot find this program"))?;
        let process = Command::new(program)
            .args(["worker", "--name", &format!("w{place}")])
            .arg("--artifacts")
            .arg(artifacts)
            .args(["--lease-ms", &lease.as_millis().to_string()])
            .args(["--seed", &seed.wrapping_add(self.started).to_string()])
            .env("AEF_DATABASE_URL", database_url)
            // It ends with its input, and that with us, however we end.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(Failure::to("cannot start a worker"))?;
        self.crew[place] = Some(Member { process, stopped: false });
        Ok(())
    }

    /// Kills the worker of a place.
    ///
    /// # Errors
    /// Where it cannot be signalled.
    pub(crate) fn kill(&mut self, place: usize) -> Result<(), Failure> {
        if let Some(mut member) = self.crew[place].take() {
            member.process.kill().map_err(Failure::to("cannot kill a worker"))?;
            member.process.wait().map_err(Failure::to("cannot wait for a worker"))?;
        }
        Ok(())
    }

    /// Stops the worker of a place, or lets it go on.
    ///
    /// # Errors
    /// Where it cannot be signalled.
    pub(crate) fn freeze(&mut self, place: usize, stopped: bool) -> Result<(), Failure> {
        if let Some(member) = &mut self.crew[place] {
            signal(&member.process, if stopped { Signal::STOP } else { Signal::CONT })?;
            member.stopped = stopped;
        }
        Ok(())
    }

    /// Tells the worker of a place to end, and waits until it has.
    ///
    /// # Errors
    /// Where it does not end, or ends badly.
    pub(crate) async fn drain(&mut self, place: usize) -> Result<(), Failure> {
        let Some(mut member) = self.crew[place].take() else { return Ok(()) };
        signal(&member.process, Signal::TERM)?;
        let until = Instant::now() + DRAIN;
        loop {
            match member.process.try_wait().map_err(Failure::to("cannot wait for a worker"))? {
                Some(status) if status.success() => return Ok(()),
                // It was told before it listened, and so before it held anything.
                Some(status) if status.signal() == Some(Signal::TERM.as_raw()) => return Ok(()),
                Some(status) => {
                    return Err(Failure::wrong(format!("w{place} was told to end and ended with {status}")));
                }
                None if Instant::now() > until => {
                    drop(member.process.kill());
                    return Err(Failure::wrong(format!("w{place} was told to end and did not in {DRAIN:?}")));
                }
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// The places whose process has ended without being told to.
    ///
    /// # Errors
    /// Where a process cannot be asked.
    pub(crate) fn fallen(&mut self) -> Result<Vec<usize>, Failure> {
        let mut fallen = Vec::new();
        for (place, member) in self.crew.iter_mut().enumerate() {
            if let Some(Member { process, .. }) = member
                && process.try_wait().map_err(Failure::to("cannot ask for a worker"))?.is_some()
            {
                fallen.push(place);
                *member = None;
            }
        }
        Ok(fallen)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for member in self.crew.iter_mut().flatten() {
            // One that has ended by itself is no more than an error.
            drop(member.process.kill());
            drop(member.process.wait());
        }
    }
}

fn signal(process: &Child, signal: Signal) -> Result<(), Failure> {
    let pid =
        Pid::from_raw(process.id().cast_signed()).ok_or_else(|| Failure::wrong("a worker has no id"))?;
    kill_process(pid, signal).map_err(Failure::to("cannot signal a worker"))
}
