//! From gestures to steps: a step for each page, of a bounded number of actions.

use std::collections::BTreeMap;

use serde_json::Value;

use super::gesture::{Entry, Gesture, Landing, Notes, Recorded};
use super::landing::{Address, address, conditions, origin, page_name};
use super::literal;
use super::passwords::Passwords;
use super::report::{ImportCounts, ImportWarningCode as Code};
use super::tabs::Tabs;
use crate::document::{
    Action, ActionKind, Condition, Download, Fill, Manual, OneOrMany, Popup, Press, SecretDeclaration,
    Select, Span, Step, StepCommon, StepKind, Tab, TabOpen, Target, Task, Text, Upload, Verify,
};
use crate::ids::StepId;
use crate::sop::names::{Unique, id_of, variable_of};

/// How many actions a step has at most: what a person reads as one thing, and what is bounded by one time.
const ACTIONS: usize = 20;
/// The longest id that is made of a name, without a number behind it.
const LONGEST_ID: usize = 48;

/// All that a document is made of.
pub(super) struct Gathered {
    pub(super) steps: Vec<Step>,
    pub(super) notes: Notes,
    pub(super) secrets: Vec<SecretDeclaration>,
    pub(super) origins: Vec<String>,
    /// The files that are asked for: the input's name and the name of the file that was recorded.
    pub(super) inputs: Vec<(String, String)>,
    pub(super) counts: ImportCounts,
}

/// Gathers steps.
pub(super) struct Steps {
    passwords: Passwords,
    tabs: Tabs,
    notes: Notes,
    steps: Vec<Step>,
    ids: Unique,
    /// The actions of the step that is being gathered, and the page on which it began.
    actions: Vec<Action>,
    began: Option<String>,
    /// The page that the recording is on.
    page: Option<String>,
    origins: Vec<String>,
    inputs: Vec<(String, String)>,
    names: Unique,
    counts: ImportCounts,
}

impl Steps {
    pub(super) fn new(first_tab: String, notes: Notes, gestures: &[Recorded]) -> Self {
        Self {
            passwords: Passwords::of(gestures),
            tabs: Tabs::new(first_tab),
            notes,
            steps: Vec::new(),
            ids: Unique::default(),
            actions: Vec::new(),
            began: None,
            page: None,
            origins: Vec::new(),
            inputs: Vec::new(),
            names: Unique::default(),
            counts: ImportCounts::default(),
        }
    }

    pub(super) fn finish(mut self) -> Gathered {
        self.end_step(Vec::new());
        Gathered {
            steps: self.steps,
            notes: self.notes,
            secrets: self.passwords.into_declarations(),
            origins: self.origins,
            inputs: self.inputs,
            counts: self.counts,
        }
    }

    pub(super) fn take(&mut self, recorded: Recorded) {
        let Recorded { index, tab, timeout, gesture, landing, opens, downloads } = recorded;
        let kind = match gesture {
            Gesture::Close => return self.close(&tab),
            Gesture::Open(url) => return self.open(&tab, &url),
            Gesture::Manual { name, instructions } => return self.manual(name, &instructions),
            // What is left of keys has been put together by now.
            Gesture::KeyDown(_) | Gesture::KeyUp(_) => return,
            Gesture::Act(ActionKind::Click(click)) if downloads => {
                let variable = self.names.take("download".to_owned());
                ActionKind::Download(Download { click: Some(click), navigate: None, variable })
            }
            Gesture::Act(kind) => kind,
            Gesture::Press(stroke) => ActionKind::Press(Press { keys: literal(&stroke.keys), target: None }),
            Gesture::Enter(entry) => self.entry(index, entry),
            Gesture::Upload { target, names } => self.upload(target, names),
        };
        // A page that is opened by its address begins a step: that is where a lost page is made again.
        let opened =
            if let ActionKind::Navigate(navigate) = &kind { Some(navigate.url.clone()) } else { None };
        if opened.is_some() {
            self.end_step(Vec::new());
        }
        self.enter_tab(&tab);
        let popup = opens.map(|called| Popup { name: self.tabs.open(&called, None) });
        self.push(Action { popup, timeout, ..action(kind) });
        let led = landing.or_else(|| opened.clone().map(|url| Landing { url: Some(url), title: None }));
        let Some(led) = led else { return };
        self.arrive(&led);
        let holds = conditions(&led);
        match opened {
            None => self.end_step(holds),
            // What is done on a page belongs to the step that opens it.
            Some(url) => {
                self.began.clone_from(&self.page);
                if led.url.as_ref() != Some(&url) || led.title.is_some() {
                    self.push(action(ActionKind::Verify(Verify { conditions: holds, soft: false })));
                }
            }
        }
    }

    fn push(&mut self, action: Action) {
        if self.actions.len() >= ACTIONS {
            self.end_step(Vec::new());
        }
        if self.actions.is_empty() {
            self.began.clone_from(&self.page);
        }
        self.counts.actions += 1;
        self.actions.push(action);
    }

    /// Notes where the current tab has come to.
    fn arrive(&mut self, landing: &Landing) {
        if let Some(url) = &landing.url {
            let current = self.tabs.current().to_owned();
            self.tabs.moved(&current, url);
            self.allow(url);
        }
        if let Some(name) = page_name(landing) {
            self.page = Some(name);
        }
    }

    fn allow(&mut self, url: &str) {
        if let Some(origin) = origin(url).filter(|origin| !self.origins.contains(origin)) {
            self.origins.push(origin);
        }
    }

    /// Ends the step that is being gathered.
    fn end_step(&mut self, verify: Vec<Condition>) {
        if self.actions.is_empty() {
            return;
        }
        let actions = std::mem::take(&mut self.actions);
        let opens = matches!(actions.first().map(|first| &first.kind), Some(ActionKind::Navigate(_)));
        let name = match self.began.take() {
            Some(page) if opens => format!("Open {page}"),
            Some(page) => format!("On {page}"),
            None => format!("Step {}", self.steps.len() + 1),
        };
        self.add(name, StepKind::Task(Task { actions, verify }));
    }

    fn add(&mut self, name: String, kind: StepKind) {
        let mut id = id_of(&name.to_lowercase()).unwrap_or_else(|| format!("step_{}", self.steps.len() + 1));
        id.truncate(LONGEST_ID);
        let id = self.ids.take(id.trim_end_matches(['_', '.', '-']).to_owned());
        self.counts.steps += 1;
        self.steps.push(Step {
            id: StepId::new(id),
            name: Some(name),
            kind,
            common: StepCommon::default(),
            extensions: BTreeMap::new(),
        });
    }

    fn manual(&mut self, name: String, instructions: &str) {
        self.end_step(Vec::new());
        self.counts.manual_steps += 1;
        let manual = Manual { instructions: Some(literal(instructions)), ..Manual::default() };
        self.add(name, StepKind::Manual(manual));
    }

    /// Makes a tab the current one, and says where it came from if it is new.
    fn enter_tab(&mut self, called: &str) {
        let name = match self.tabs.name(called) {
            Some(name) => name,
            None => match self.announce(called) {
                Some(name) => name,
                None => return self.open(called, called),
            },
        };
        if name != self.tabs.current() {
            self.tabs.switch(&name);
            self.push(action(ActionKind::Tab(Tab { switch: Some(name), ..Tab::default() })));
        }
    }

    /// A tab that nothing was told of was opened by the click or the key before it.
    fn announce(&mut self, called: &str) -> Option<String> {
        let page = page_name(&Landing { url: Some(called.to_owned()), title: None });
        let last = match self.actions.last_mut() {
            Some(last) => last,
            None => match &mut self.steps.last_mut()?.kind {
                StepKind::Task(task) => task.actions.last_mut()?,
                StepKind::Loop(_)
                | StepKind::Decision(_)
                | StepKind::Group(_)
                | StepKind::Manual(_)
                | StepKind::End(_) => {
                    return None;
                }
            },
        };
        if last.popup.is_some() || !matches!(last.kind, ActionKind::Click(_) | ActionKind::Press(_)) {
            return None;
        }
        let name = self.tabs.open(called, page.as_deref());
        last.popup = Some(Popup { name: name.clone() });
        self.allow(called);
        Some(name)
    }

    /// Opens a tab by its address.
    fn open(&mut self, called: &str, url: &str) {
        let url = match address(url) {
            Address::Web { url, .. } => url,
            Address::Own | Address::Other => "about:blank".to_owned(),
        };
        let landing = Landing { url: Some(url.clone()), title: None };
        let name = self.tabs.open(called, page_name(&landing).as_deref());
        self.tabs.switch(&name);
        let open = TabOpen { url: literal(&url), name: Some(name) };
        self.push(action(ActionKind::Tab(Tab { open: Some(open), ..Tab::default() })));
        self.arrive(&landing);
    }

    /// Closes a tab; the last one ends with the session.
    fn close(&mut self, called: &str) {
        let Some(name) = self.tabs.name(called).filter(|_| self.tabs.count() > 1) else { return };
        self.tabs.close(&name);
        self.push(action(ActionKind::Tab(Tab { close: Some(name), ..Tab::default() })));
    }

    fn entry(&mut self, index: usize, entry: Entry) -> ActionKind {
        if let Some(secret) = self.passwords.name_of(&entry) {
            let message =
                format!("what was entered is asked for as the secret `{secret}`; its value is left out");
            let value = Text::Plain(format!("{{{{ secrets.{secret} }}}}"));
            self.notes.add(Code::SecretMade, index, message);
            return ActionKind::Fill(Fill { target: entry.target, value });
        }
        let value = literal(&entry.value);
        if entry.list {
            let value = Some(OneOrMany::One(value));
            return ActionKind::Select(Select { target: entry.target, value, label: None, index: None });
        }
        ActionKind::Fill(Fill { target: entry.target, value: Text::Plain(value) })
    }

    fn upload(&mut self, target: Target, names: Vec<String>) -> ActionKind {
        let mut files = Vec::with_capacity(names.len());
        for file in names {
            let stem = file.rsplit(['/', '\\']).next().unwrap_or_default();
            let stem = stem.split('.').next().unwrap_or_default();
            let name = self.names.take(variable_of(stem).unwrap_or_else(|| "file".to_owned()));
            files.push(Value::String(format!("{{{{ inputs.{name} }}}}")));
            self.inputs.push((name, file));
        }
        // A list reads back as one value that is a list.
        ActionKind::Upload(Upload { target, files: OneOrMany::One(Value::Array(files)) })
    }
}

/// An action with nothing said about it.
const fn action(kind: ActionKind) -> Action {
    Action { kind, timeout: None::<Span>, repeatable: None, description: None, popup: None }
}
