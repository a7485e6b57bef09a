//! What the site knows: records, counters, sessions, and the log of its requests.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::DemoSiteOptions;
use super::data::{STAGES, seed_records, slug};

/// The bound of the request log; the oldest go first.
const MAX_LOGGED: usize = 10_000;

/// An investor's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Made from the firm's name when the record is created; stays when the firm is renamed.
    pub id: String,
    /// The name of the firm.
    pub firm: String,
    /// The e-mail address to write to.
    pub contact: String,
    /// One of [`STAGES`].
    pub stage: String,
    /// The day of the last contact, as `YYYY-MM-DD`.
    pub last_contact: String,
    /// Anything else.
    pub notes: String,
}

/// How many POSTs came, and what became of them.
///
/// `posts` is the sum of all the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Every POST, whatever its path and outcome.
    pub posts: u64,
    /// Records created.
    pub created: u64,
    /// Records updated, also with the values that they had.
    pub updated: u64,
    /// Records deleted.
    pub deleted: u64,
    /// Log-ins and log-outs.
    pub sessions: u64,
    /// POSTs that changed nothing: refused, without a session, wrong, or to an unknown path.
    pub failed: u64,
}

/// A request that the site received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestLine {
    /// Counts the requests from 1.
    pub number: u64,
    /// The method, in capitals.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The status of the answer; none where it is still to come, or where the client went away before it.
    pub status: Option<u16>,
}

/// What `/_witness` tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// The counters, beside `records` in the JSON.
    #[serde(flatten)]
    pub counts: Counts,
    /// The investors as they stand now.
    pub records: Vec<Record>,
}

/// What the form sends.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Draft {
    firm: String,
    contact: String,
    stage: String,
    last_contact: String,
    #[serde(default)]
    notes: String,
}

/// Why a write was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The site plays an outage.
    Unavailable,
    /// A field does not hold what it should.
    Invalid(&'static str),
    /// There is no such record.
    Unknown,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) options: DemoSiteOptions,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    records: Vec<Record>,
    counts: Counts,
    sessions: BTreeSet<String>,
    requests: VecDeque<RequestLine>,
    requests_seen: u64,
    saves_to_fail: u32,
    dialogs_to_fail: u32,
}

impl State {
    pub(super) fn new(options: DemoSiteOptions) -> Self {
        let inner = Inner {
            records: seed_records(),
            saves_to_fail: options.save_fails_first,
            dialogs_to_fail: options.dialog_fails_first,
            ..Inner::default()
        };
        Self { options, inner: Mutex::new(inner) }
    }

    /// Creates a record, also where one of that firm exists: a double write must be seen, not be mended.
    pub(super) fn create(&self, draft: Draft) -> Result<Record, Refused> {
        let mut inner = self.lock();
        inner.admit_save()?;
        draft.check()?;
        let base = slug(&draft.firm);
        let taken = |id: &str| inner.records.iter().any(|r| r.id == id);
        let id = std::iter::once(base.clone())
            .chain((2_u64..).map(|n| format!("{base}-{n}")))
            .find(|id| !taken(id))
            .expect("an endless row of ids holds a free one");
        let record = draft.into_record(id);
        inner.records.push(record.clone());
        inner.counts.created += 1;
        Ok(record)
    }

    pub(super) fn update(&self, id: &str, draft: Draft) -> Result<Record, Refused> {
        let mut inner = self.lock();
        inner.admit_save()?;
        draft.check()?;
        let record = inner.records.iter_mut().find(|r| r.id == id).ok_or(Refused::Unknown)?;
        *record = draft.into_record(id.to_owned());
        let record = record.clone();
        inner.counts.updated += 1;
        Ok(record)
    }

    pub(super) fn delete(&self, id: &str) -> Result<(), Refused> {
        let mut inner = self.lock();
        inner.admit_save()?;
        let before = inner.records.len();
        inner.records.retain(|r| r.id != id);
        if inner.records.len() == before {
            return Err(Refused::Unknown);
        }
        inner.counts.deleted += 1;
        Ok(())
    }

    /// Whether the dialog may open this time.
    pub(super) fn admit_dialog(&self) -> Result<(), Refused> {
        let mut inner = self.lock();
        if inner.dialogs_to_fail > 0 {
            inner.dialogs_to_fail -= 1;
            return Err(Refused::Unavailable);
        }
        Ok(())
    }

    pub(super) fn open_session(&self) -> String {
        let session = Uuid::now_v7().simple().to_string();
        let mut inner = self.lock();
        inner.sessions.insert(session.clone());
        inner.counts.sessions += 1;
        session
    }

    pub(super) fn close_session(&self, session: Option<&str>) {
        let mut inner = self.lock();
        if let Some(session) = session {
            inner.sessions.remove(session);
        }
        inner.counts.sessions += 1;
    }

    pub(super) fn end_sessions(&self) {
        self.lock().sessions.clear();
    }

    /// Notes a request and gives its number.
    pub(super) fn arrived(&self, method: &str, path: &str) -> u64 {
        let mut inner = self.lock();
        inner.requests_seen += 1;
        let number = inner.requests_seen;
        if inner.requests.len() == MAX_LOGGED {
            inner.requests.pop_front();
        }
        inner.requests.push_back(RequestLine {
            number,
            method: method.to_owned(),
            path: path.to_owned(),
            status: None,
        });
        if method == "POST" {
            inner.counts.posts += 1;
        }
        number
    }

    /// Completes the line of a request, and counts a POST that changed nothing.
    pub(super) fn answered(&self, number: u64, status: u16) {
        let mut inner = self.lock();
        let Some(line) = inner.requests.iter_mut().rev().find(|line| line.number == number) else { return };
        line.status = Some(status);
        if line.method == "POST" && status >= 400 {
            inner.counts.failed += 1;
        }
    }

    pub(super) fn has_session(&self, session: &str) -> bool {
        self.lock().sessions.contains(session)
    }

    pub(super) fn record(&self, id: &str) -> Option<Record> {
        self.lock().records.iter().find(|r| r.id == id).cloned()
    }

    pub(super) fn records(&self) -> Vec<Record> {
        self.lock().records.clone()
    }

    pub(super) fn counts(&self) -> Counts {
        self.lock().counts
    }

    pub(super) fn requests(&self) -> Vec<RequestLine> {
        self.lock().requests.iter().cloned().collect()
    }

    pub(super) fn witness(&self) -> Witness {
        let inner = self.lock();
        Witness { counts: inner.counts, records: inner.records.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is complete before its guard goes, so a panic elsewhere leaves nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn admit_save(&mut self) -> Result<(), Refused> {
        if self.saves_to_fail > 0 {
            self.saves_to_fail -= 1;
            return Err(Refused::Unavailable);
        }
        Ok(())
    }
}

impl Draft {
    fn check(&self) -> Result<(), Refused> {
        if slug(&self.firm).is_empty() {
            return Err(Refused::Invalid("Enter the name of the firm."));
        }
        let address = self.contact.trim().split_once('@');
        if !address.is_some_and(|(name, host)| !name.is_empty() && host.contains('.')) {
            return Err(Refused::Invalid("Enter an e-mail address."));
        }
        if !STAGES.contains(&self.stage.as_str()) {
            return Err(Refused::Invalid("Choose a stage."));
        }
        if self.last_contact.parse::<Date>().is_err() {
            return Err(Refused::Invalid("Enter the day of the last contact."));
        }
        Ok(())
    }

    fn into_record(self, id: String) -> Record {
        Record {
            id,
            firm: self.firm.trim().to_owned(),
            contact: self.contact.trim().to_owned(),
            stage: self.stage,
            last_contact: self.last_contact,
            notes: self.notes.trim().to_owned(),
        }
    }
}
