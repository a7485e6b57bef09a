//! What follows from an action's kind: may it be repeated, does it change something, does it need a page.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a question about a few kinds of actions has one answer for all others"
)]

use std::fmt;

use super::action::{Action, ActionKind};
use super::config::Risk;
use super::text::Text;

impl ActionKind {
    /// The action's name in the document.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Navigate(_) => "navigate",
            Self::Back(_) => "back",
            Self::Forward(_) => "forward",
            Self::Reload(_) => "reload",
            Self::Click(_) => "click",
            Self::Hover(_) => "hover",
            Self::Fill(_) => "fill",
            Self::Type(_) => "type",
            Self::Clear(_) => "clear",
            Self::Press(_) => "press",
            Self::Select(_) => "select",
            Self::Check(_) => "check",
            Self::Uncheck(_) => "uncheck",
            Self::Scroll(_) => "scroll",
            Self::WaitFor(_) => "wait_for",
            Self::Extract(_) => "extract",
            Self::Verify(_) => "verify",
            Self::Screenshot(_) => "screenshot",
            Self::Upload(_) => "upload",
            Self::Download(_) => "download",
            Self::Drag(_) => "drag",
            Self::SelectText(_) => "select_text",
            Self::Tab(_) => "tab",
            Self::Dialog(_) => "dialog",
            Self::Set(_) => "set",
            Self::Evaluate(_) => "evaluate",
            Self::Act(_) => "act",
            Self::Custom(custom) => &custom.name,
        }
    }

    /// Whether it may be performed again when its outcome is unknown, by its kind alone.
    #[must_use]
    pub const fn repeatable(&self) -> bool {
        match self {
            Self::Navigate(_)
            | Self::Back(_)
            | Self::Forward(_)
            | Self::Reload(_)
            | Self::Hover(_)
            | Self::Fill(_)
            | Self::Clear(_)
            | Self::Select(_)
            | Self::Check(_)
            | Self::Uncheck(_)
            | Self::Scroll(_)
            | Self::WaitFor(_)
            | Self::Extract(_)
            | Self::Verify(_)
            | Self::Screenshot(_)
            | Self::SelectText(_)
            | Self::Tab(_)
            | Self::Set(_) => true,
            // Setting a policy sends nothing to the page; the answers it leads to belong to later actions.
            Self::Dialog(_) => true,
            Self::Click(_)
            | Self::Type(_)
            | Self::Press(_)
            | Self::Upload(_)
            | Self::Download(_)
            | Self::Drag(_)
            | Self::Evaluate(_)
            | Self::Act(_)
            | Self::Custom(_) => false,
        }
    }

    /// Whether it fills in a form: repeatable as long as another action of the step submits it.
    #[must_use]
    pub const fn fills(&self) -> bool {
        matches!(self, Self::Fill(_) | Self::Clear(_) | Self::Select(_) | Self::Check(_) | Self::Uncheck(_))
    }

    /// The risk of a step that holds it and names none.
    #[must_use]
    pub const fn risk(&self) -> Risk {
        if self.repeatable() || matches!(self, Self::Download(_)) { Risk::Read } else { Risk::Write }
    }

    /// Whether a page is needed to perform it.
    #[must_use]
    pub const fn needs_page(&self) -> bool {
        !matches!(self, Self::Set(_) | Self::Custom(_))
    }

    /// The variable that it sets, if it sets one.
    #[must_use]
    pub fn variable(&self) -> Option<&str> {
        match self {
            Self::Extract(extract) => Some(&extract.variable),
            Self::Screenshot(screenshot) => screenshot.variable.as_deref(),
            Self::Download(download) => Some(&download.variable),
            Self::Evaluate(evaluate) => evaluate.variable.as_deref(),
            Self::Custom(custom) => custom.variable.as_deref(),
            Self::Navigate(_)
            | Self::Back(_)
            | Self::Forward(_)
            | Self::Reload(_)
            | Self::Click(_)
            | Self::Hover(_)
            | Self::Fill(_)
            | Self::Type(_)
            | Self::Clear(_)
            | Self::Press(_)
            | Self::Select(_)
            | Self::Check(_)
            | Self::Uncheck(_)
            | Self::Scroll(_)
            | Self::WaitFor(_)
            | Self::Verify(_)
            | Self::Upload(_)
            | Self::Drag(_)
            | Self::SelectText(_)
            | Self::Tab(_)
            | Self::Dialog(_)
            | Self::Set(_)
            | Self::Act(_) => None,
        }
    }

    /// The text that it enters, if it enters one.
    #[must_use]
    pub const fn entered(&self) -> Option<&Text> {
        match self {
            Self::Fill(fill) => Some(&fill.value),
            Self::Type(typed) => Some(&typed.value),
            _ => None,
        }
    }

    /// The element that it acts on, if it is one.
    #[must_use]
    pub fn target(&self) -> Option<&super::Target> {
        match self {
            Self::Click(click) => Some(&click.target),
            Self::Hover(hover) => Some(&hover.target),
            Self::Fill(fill) => Some(&fill.target),
            Self::Type(typed) => Some(&typed.target),
            Self::Clear(on) | Self::Check(on) | Self::Uncheck(on) => Some(&on.target),
            Self::Press(press) => press.target.as_ref(),
            Self::Select(select) => Some(&select.target),
            Self::Upload(upload) => Some(&upload.target),
            Self::SelectText(select) => Some(&select.target),
            Self::Download(download) => download.click.as_ref().map(|click| &click.target),
            _ => None,
        }
    }
}

/// The action for a person: `click button "Save"`, `fill label "Contact" with ada@example.com`.
impl fmt::Display for Action {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.kind.name())?;
        if let Some(locator) = self.kind.target().and_then(|target| target.as_slice().first()) {
            write!(out, " {locator}")?;
        }
        match &self.kind {
            ActionKind::Navigate(navigate) => write!(out, " to {}", navigate.url),
            ActionKind::Press(press) => write!(out, " {}", press.keys),
            ActionKind::Extract(extract) => write!(out, " {}", extract.variable),
            ActionKind::Act(act) => write!(out, " “{}”", act.instruction),
            kind => match kind.entered() {
                Some(text) => write!(out, " with {text}"),
                None => Ok(()),
            },
        }
    }
}
