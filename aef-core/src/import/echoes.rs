//! What a recording says twice is said once.
//!
//! A recorder hears every event of the page: each letter as a key that goes down, a value that grew, and a key that
//! comes up; a double click as a click and a double one; a scroll as all the places on its way.

use super::gesture::{Edit, Entry, Gesture, Recorded};
use super::keys::{Key, key, stroke};
use crate::document::{ActionKind, Modifier, Scroll};

/// The gestures that are meant, in order.
pub(super) fn without_echoes(recorded: Vec<Recorded>) -> Vec<Recorded> {
    let mut meant = Meant::default();
    for each in recorded {
        meant.take(each);
    }
    meant.gestures
}

#[derive(Default)]
struct Meant {
    gestures: Vec<Recorded>,
    held: Vec<Modifier>,
}

impl Meant {
    fn take(&mut self, mut each: Recorded) {
        match &mut each.gesture {
            Gesture::KeyDown(name) => {
                let name = std::mem::take(name);
                self.key_down(each, &name);
            }
            Gesture::KeyUp(name) => {
                let name = std::mem::take(name);
                self.key_up(each, &name);
            }
            Gesture::Enter(entry) => {
                let entry = entry.clone();
                self.enter(each, &entry);
            }
            Gesture::Act(ActionKind::Click(click)) => {
                click.modifiers.extend(&self.held);
                let target = click.target.clone();
                let is_double = click.count == Some(2);
                // The first half of a double click was heard as a click of its own.
                if is_double
                    && self.last_on(&each.tab).is_some_and(|last| {
                        matches!(&last.gesture, Gesture::Act(ActionKind::Click(half))
                            if half.count.is_none() && half.target == target)
                            && last.landing.is_none()
                            && last.opens.is_none()
                    })
                {
                    self.gestures.pop();
                }
                self.gestures.push(each);
            }
            Gesture::Act(ActionKind::Scroll(scroll)) => {
                let target = scroll.target.clone();
                let passed = |last: &Recorded| matches!(&last.gesture, Gesture::Act(ActionKind::Scroll(Scroll { target: at, .. })) if *at == target);
                if self.last_on(&each.tab).is_some_and(passed) {
                    self.gestures.pop();
                }
                self.gestures.push(each);
            }
            Gesture::Act(_)
            | Gesture::Press(_)
            | Gesture::Manual { .. }
            | Gesture::Upload { .. }
            | Gesture::Open(_)
            | Gesture::Close => self.gestures.push(each),
        }
    }

    /// The gesture before, if it was made on the same tab.
    fn last_on(&self, tab: &str) -> Option<&Recorded> {
        self.gestures.last().filter(|last| last.tab == tab)
    }

    fn key_down(&mut self, mut each: Recorded, name: &str) {
        match key(name) {
            Some(Key::Modifier(modifier)) => {
                if !self.held.contains(&modifier) {
                    self.held.push(modifier);
                }
            }
            Some(Key::Named(key)) => {
                each.gesture = Gesture::Press(stroke(&key, &self.held));
                self.gestures.push(each);
            }
            // Readers refuse keys without a name.
            Some(Key::Silent) | None => {}
        }
    }

    fn key_up(&mut self, each: Recorded, name: &str) {
        if let Some(Key::Modifier(modifier)) = key(name) {
            self.held.retain(|held| *held != modifier);
        }
        // Where the page was left while the key was down, the press is what led away.
        if let Some(landing) = each.landing
            && let Some(pressed) =
                self.gestures.iter_mut().rev().find(|last| matches!(last.gesture, Gesture::Press(_)))
        {
            pressed.landing.get_or_insert(landing);
        }
    }

    /// A value: it stands for the keys that typed it, and for the values that it grew from.
    fn enter(&mut self, each: Recorded, entry: &Entry) {
        if self.is_repeated(&each.tab, entry) {
            return;
        }
        let mut letters = entry.value.chars().count();
        while let Some(last) = self.last_on(&each.tab) {
            if last.landing.is_some() || last.opens.is_some() {
                break;
            }
            match &last.gesture {
                Gesture::Press(pressed) => match pressed.edit {
                    Some(Edit::Write(letter)) if letters > 0 && entry.value.contains(letter) => letters -= 1,
                    Some(Edit::Change) => {}
                    Some(Edit::Write(_)) | None => break,
                },
                Gesture::Enter(before) if before.target == entry.target => {}
                // A list opens at the click, and would stand in the way of what is chosen from the outside.
                Gesture::Act(ActionKind::Click(click))
                    if entry.list && click.target == entry.target && click.modifiers.is_empty() => {}
                Gesture::Act(_)
                | Gesture::Enter(_)
                | Gesture::KeyDown(_)
                | Gesture::KeyUp(_)
                | Gesture::Manual { .. }
                | Gesture::Upload { .. }
                | Gesture::Open(_)
                | Gesture::Close => break,
            }
            self.gestures.pop();
        }
        self.gestures.push(each);
    }

    /// Whether this value of this field was the last one, and only keys were pressed since: leaving a field tells its
    /// value once more.
    fn is_repeated(&self, tab: &str, entry: &Entry) -> bool {
        let leaves = |edit: Option<Edit>| edit.is_none_or(|edit| edit == Edit::Write('\n'));
        let not_keys = |last: &&Recorded| {
            last.tab != tab
                || last.landing.is_some()
                || !matches!(&last.gesture, Gesture::Press(stroke) if leaves(stroke.edit))
        };
        self.gestures.iter().rev().find(not_keys).is_some_and(|last| {
            last.tab == tab
                && matches!(&last.gesture, Gesture::Enter(before)
                    if before.target == entry.target && before.value == entry.value)
        })
    }
}
