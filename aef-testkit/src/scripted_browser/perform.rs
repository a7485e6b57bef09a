//! What actions do to a page. Nothing here waits: an attempt is made, and made again later where it fails.

use aef_core::browser::{ActionOutcome, DialogRecord, FileContent, Note, Performed, Write};
use aef_core::document::{
    Action, ActionKind, Click, DialogPolicy, Download, DragPoint, Navigate, OneOrMany, Press, Select, Tab,
    Target, Templated, Verify, WaitFor,
};
use aef_core::recovery::{ErrorKind, Failure};
use bytes::Bytes;
use serde_json::Value;

use super::dom::Ix;
use super::element::{Post, Reaction};
use super::permissive::picture;
use super::tabs::Tabs;

/// Why an attempt failed, and whether another may succeed.
pub(super) struct Refused {
    pub(super) failure: Failure,
    pub(super) again: bool,
}

impl From<Failure> for Refused {
    /// What a page lacks now it may have later.
    fn from(failure: Failure) -> Self {
        let again = matches!(
            failure.kind,
            ErrorKind::ElementNotFound
                | ErrorKind::Ambiguous
                | ErrorKind::NotActionable
                | ErrorKind::VerificationFailed
                | ErrorKind::Timeout
                | ErrorKind::Data
        );
        Self { failure, again }
    }
}

/// What one attempt has done so far.
#[derive(Debug, Default)]
pub(super) struct Done {
    outcome: ActionOutcome,
    value: Option<Value>,
    file: Option<FileContent>,
}

/// A text that is entered: what the document says, with secrets put in.
#[derive(Debug, Clone)]
pub(super) struct Entered {
    pub(super) text: String,
    pub(super) secret: bool,
}

impl Tabs {
    /// Tries an action once. On an error that may be tried again nothing was done.
    pub(super) fn attempt(
        &mut self,
        action: &Action,
        entered: Option<&Entered>,
    ) -> Result<Performed, Refused> {
        let mut done = Done::default();
        self.act(action, entered, &mut done)?;
        if let Some(popup) = &action.popup {
            self.name_popup(&popup.name, &mut done)?;
        }
        done.outcome.url = self.current().dom.url.to_string();
        done.outcome.title.clone_from(&self.current().dom.title);
        Ok(Performed { outcome: done.outcome, value: done.value, file: done.file })
    }

    fn act(&mut self, action: &Action, entered: Option<&Entered>, done: &mut Done) -> Result<(), Refused> {
        match &action.kind {
            ActionKind::Navigate(navigate) => self.navigate(navigate, done)?,
            ActionKind::Back(history) => self.travel(-1, &history.allow_status, done)?,
            ActionKind::Forward(history) => self.travel(1, &history.allow_status, done)?,
            ActionKind::Reload(history) => self.travel(0, &history.allow_status, done)?,
            ActionKind::Click(click) => self.click(click, done)?,
            ActionKind::Fill(fill) => self.enter(&fill.target, entered, false, done)?,
            ActionKind::Type(typed) => self.enter(&typed.target, entered, true, done)?,
            ActionKind::Clear(on) => {
                let nothing = Entered { text: String::new(), secret: false };
                self.enter(&on.target, Some(&nothing), false, done)?;
            }
            ActionKind::Press(press) => self.press(press, done)?,
            ActionKind::Select(select) => self.select(select, done)?,
            ActionKind::Check(on) => self.check(&on.target, true, done)?,
            ActionKind::Uncheck(on) => self.check(&on.target, false, done)?,
            ActionKind::Hover(hover) => drop(self.usable(&hover.target, done)?),
            ActionKind::SelectText(select) => drop(self.usable(&select.target, done)?),
            ActionKind::Upload(upload) => drop(self.attached(&upload.target, done)?),
            ActionKind::Drag(drag) => {
                for end in [&drag.from, &drag.to] {
                    let (DragPoint::Offset { target, .. } | DragPoint::Target(target)) = end;
                    self.usable(target, done)?;
                }
            }
            ActionKind::Scroll(scroll) => {
                if let Some(target) = &scroll.target {
                    self.attached(target, done)?;
                }
            }
            ActionKind::WaitFor(wait) => self.wait_for(wait)?,
            ActionKind::Extract(extract) => done.value = Some(self.current().dom.extract(extract)?),
            ActionKind::Verify(verify) => self.verify(verify, done)?,
            ActionKind::Screenshot(shot) => {
                if let Some(target) = &shot.target {
                    self.attached(target, done)?;
                }
                done.file = Some(picture());
            }
            ActionKind::Download(download) => self.download(download, done)?,
            ActionKind::Tab(tab) => self.tab(tab)?,
            ActionKind::Dialog(policy) => self.dialogs = policy.clone(),
            ActionKind::Evaluate(_) if !self.policy.allow_evaluate => {
                return Err(Failure::new(ErrorKind::Policy, "the host does not allow scripts").into());
            }
            ActionKind::Set(_) | ActionKind::Evaluate(_) | ActionKind::Act(_) | ActionKind::Custom(_) => {
                let message = format!("scripted pages cannot {}", action.kind.name());
                return Err(Failure::new(ErrorKind::Internal, message).into());
            }
        }
        Ok(())
    }

    fn navigate(&mut self, navigate: &Navigate, done: &mut Done) -> Result<(), Failure> {
        let status = self.open(&navigate.url, &navigate.allow_status)?;
        (done.outcome.status, done.outcome.navigated) = (status, true);
        Ok(())
    }

    fn travel(&mut self, by: i64, allow: &[u16], done: &mut Done) -> Result<(), Failure> {
        let status = self.travel_to(by, allow)?;
        (done.outcome.status, done.outcome.navigated) = (status, true);
        Ok(())
    }

    fn attached(&self, target: &Target, done: &mut Done) -> Result<Ix, Failure> {
        let (ix, matched) = self.current().dom.one(target, None)?;
        done.outcome.matched = Some(matched);
        Ok(ix)
    }

    /// The element of a target, visible and enabled.
    fn usable(&self, target: &Target, done: &mut Done) -> Result<Ix, Failure> {
        let ix = self.attached(target, done)?;
        let dom = &self.current().dom;
        if !dom.visible(ix) {
            return Err(not_actionable("not_visible", &dom.describe(ix)));
        }
        if !dom.enabled(ix) {
            return Err(not_actionable("disabled", &dom.describe(ix)));
        }
        Ok(ix)
    }

    fn editable(&self, target: &Target, done: &mut Done) -> Result<Ix, Failure> {
        let ix = self.usable(target, done)?;
        let dom = &self.current().dom;
        let element = &dom.nodes[ix].element;
        if element.read_only || element.value.is_none() {
            return Err(not_actionable("not_editable", &dom.describe(ix)));
        }
        Ok(ix)
    }

    fn click(&mut self, click: &Click, done: &mut Done) -> Result<(), Refused> {
        let ix =
            if click.force { self.attached(&click.target, done)? } else { self.usable(&click.target, done)? };
        for _ in 0..click.count.unwrap_or(1) {
            self.click_on(ix, done)?;
            if done.outcome.navigated {
                break;
            }
        }
        Ok(())
    }

    /// Does what a click on an element does.
    pub(super) fn click_on(&mut self, ix: Ix, done: &mut Done) -> Result<(), Refused> {
        let dom = &mut self.current_mut().dom;
        dom.focus = Some(ix);
        let element = &mut dom.nodes[ix].element;
        if let Some(checked) = &mut element.checked {
            *checked = !*checked;
        }
        let reactions = element.on_click.clone();
        self.react(&reactions, done)
    }

    fn enter(
        &mut self,
        target: &Target,
        entered: Option<&Entered>,
        append: bool,
        done: &mut Done,
    ) -> Result<(), Failure> {
        let ix = self.editable(target, done)?;
        let entered =
            entered.ok_or_else(|| Failure::new(ErrorKind::Internal, "there is no text to enter"))?;
        let dom = &mut self.current_mut().dom;
        dom.focus = Some(ix);
        let node = &mut dom.nodes[ix];
        let value = node.element.value.get_or_insert_default();
        if !append {
            value.clear();
            node.secret = false;
        }
        value.push_str(&entered.text);
        node.secret |= entered.secret;
        Ok(())
    }

    fn press(&mut self, press: &Press, done: &mut Done) -> Result<(), Refused> {
        if let Some(target) = &press.target {
            let ix = self.attached(target, done)?;
            self.current_mut().dom.focus = Some(ix);
        }
        if press.keys == "Enter" { self.press_enter(done) } else { Ok(()) }
    }

    /// Does what Enter does in the element that has the focus.
    pub(super) fn press_enter(&mut self, done: &mut Done) -> Result<(), Refused> {
        let dom = &self.current().dom;
        let Some(ix) = dom.focus else { return Ok(()) };
        let reactions = dom.nodes[ix].element.on_enter.clone();
        self.react(&reactions, done)
    }

    fn select(&mut self, select: &Select, done: &mut Done) -> Result<(), Failure> {
        let ix = self.usable(&select.target, done)?;
        let element = &self.current().dom.nodes[ix].element;
        let find = |matches: &dyn Fn(usize, &(String, String)) -> bool| {
            element
                .options
                .iter()
                .enumerate()
                .find(|(place, option)| matches(*place, option))
                .map(|(_, option)| option.0.clone())
        };
        let value = if let Some(wanted) = first(select.value.as_ref()) {
            find(&|_, (value, _)| value == wanted)
        } else if let Some(wanted) = first(select.label.as_ref()) {
            find(&|_, (_, label)| label == wanted)
        } else {
            let index = first(select.index.as_ref()).and_then(Templated::value).copied();
            find(&|place, _| u32::try_from(place).ok() == index)
        };
        let value = value.ok_or_else(|| {
            Failure::new(ErrorKind::ElementNotFound, "there is no such option").with_reason("option")
        })?;
        self.current_mut().dom.nodes[ix].element.value = Some(value);
        Ok(())
    }

    fn check(&mut self, target: &Target, wanted: bool, done: &mut Done) -> Result<(), Failure> {
        let ix = self.usable(target, done)?;
        let dom = &mut self.current_mut().dom;
        if dom.nodes[ix].element.checked.is_none() {
            return Err(not_actionable("wrong_element", &dom.describe(ix)));
        }
        dom.nodes[ix].element.checked = Some(wanted);
        Ok(())
    }

    fn wait_for(&self, wait: &WaitFor) -> Result<(), Failure> {
        let Some(condition) = &wait.condition else { return Ok(()) };
        let result = self.current().dom.answer(condition);
        if result.holds {
            return Ok(());
        }
        Err(Failure::new(ErrorKind::Timeout, format!("what was waited for did not come: {}", result.detail)))
    }

    fn verify(&self, verify: &Verify, done: &mut Done) -> Result<(), Failure> {
        let dom = &self.current().dom;
        let broken =
            verify.conditions.iter().map(|condition| dom.answer(condition)).find(|result| !result.holds);
        match broken {
            None => Ok(()),
            Some(result) if verify.soft => {
                done.outcome.notes.push(Note { code: "verify_soft".to_owned(), message: result.detail });
                Ok(())
            }
            Some(result) => Err(Failure::new(ErrorKind::VerificationFailed, result.detail)),
        }
    }

    fn download(&mut self, download: &Download, done: &mut Done) -> Result<(), Refused> {
        match (&download.click, &download.navigate) {
            (Some(click), _) => self.click(click, done)?,
            (None, Some(navigate)) => self.navigate(navigate, done)?,
            (None, None) => return Err(Failure::new(ErrorKind::Data, "nothing starts the download").into()),
        }
        if done.file.is_none() {
            let failure = Failure::new(ErrorKind::Timeout, "no download began");
            return Err(Refused { failure, again: false });
        }
        Ok(())
    }

    fn tab(&mut self, tab: &Tab) -> Result<(), Failure> {
        if let Some(open) = &tab.open {
            let name = self.open_tab(open.name.as_deref(), &open.url)?;
            return self.switch_tab(&name);
        }
        if let Some(name) = &tab.switch {
            return self.switch_tab(name);
        }
        tab.close.as_ref().map_or(Ok(()), |name| self.close_tab(name))
    }

    fn name_popup(&mut self, name: &str, done: &mut Done) -> Result<(), Refused> {
        let Some(given) = done.outcome.popups.first_mut() else {
            let failure = Failure::new(ErrorKind::Timeout, format!("the popup `{name}` did not open"));
            return Err(Refused { failure, again: false });
        };
        self.rename_tab(given, name);
        name.clone_into(given);
        Ok(())
    }

    /// Does what a click or a key does, in order, until one is refused.
    fn react(&mut self, reactions: &[Reaction], done: &mut Done) -> Result<(), Refused> {
        let server = std::sync::Arc::clone(&self.server);
        for reaction in reactions {
            match reaction {
                Reaction::Post(post) => {
                    if !self.post(post, done) {
                        break;
                    }
                }
                Reaction::Show(element) => self.current_mut().dom.insert(element, None, &server),
                Reaction::Remove(test_id) => {
                    for node in &mut self.current_mut().dom.nodes {
                        node.removed |= node.attribute("data-testid") == Some(test_id);
                    }
                }
                Reaction::Open(url) => {
                    let url = self.current().dom.filled(url, &server);
                    let status = self.open(&url, &[]).map_err(|failure| Refused { failure, again: false })?;
                    (done.outcome.status, done.outcome.navigated) = (status, true);
                }
                Reaction::Popup(url) => done.outcome.popups.push(self.open_tab(None, url)?),
                Reaction::Dialog { kind, message, accepted } => {
                    let yes = self.answer_dialog(kind, message, done);
                    if yes {
                        self.react(accepted, done)?;
                    }
                }
                Reaction::SetCookie(name, value) => {
                    self.cookies.insert(name.clone(), value.clone());
                }
                Reaction::Download { name, content } => {
                    let bytes = Bytes::from(content.clone().into_bytes());
                    let media_type = "application/octet-stream".to_owned();
                    done.file = Some(FileContent { name: name.clone(), media_type, bytes });
                }
                Reaction::Crash => {
                    self.crashed = true;
                    return Err(Failure::new(ErrorKind::Crashed, "the page crashed").into());
                }
            }
        }
        Ok(())
    }

    /// Sends a write; tells whether the page goes on.
    fn post(&mut self, post: &Post, done: &mut Done) -> bool {
        let key = self.current().dom.filled(&post.key, &self.server);
        let status = self.server.post(post, &key);
        let url = format!("{}/{}", self.server.site.origin, post.kind);
        done.outcome.writes.push(Write { method: "POST".to_owned(), url, status });
        status == Some(200)
    }

    fn answer_dialog(&self, kind: &str, message: &str, done: &mut Done) -> bool {
        let DialogPolicy { accept, dismiss, answer } = &self.dialogs;
        let accepted = *accept == Some(true) || answer.is_some() || *dismiss == Some(false);
        done.outcome.dialogs.push(DialogRecord {
            kind: kind.to_owned(),
            message: message.to_owned(),
            accepted,
        });
        accepted
    }
}

fn not_actionable(reason: &str, element: &str) -> Failure {
    Failure::new(ErrorKind::NotActionable, format!("{element} cannot be acted on")).with_reason(reason)
}

fn first<T>(values: Option<&OneOrMany<T>>) -> Option<&T> {
    values.and_then(|values| values.as_slice().first())
}
