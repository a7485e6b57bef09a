//! Where variables are set, and how they are put back.

use std::sync::Arc;

use serde_json::Value;

use super::event::Values;
use super::machine::Execution;
use super::state::FrameKind;
use super::variables::{Variable, Variables};

impl Execution {
    pub(super) fn set_global(&mut self, name: &str, value: &Value) {
        Arc::make_mut(&mut self.state.globals).insert(name.to_owned(), Variable::new(value.clone()));
    }

    /// Sets variables, remembering for each block around what stood there.
    pub(super) fn set_all(&mut self, sets: &Values) {
        for (name, value) in sets {
            let scope = self.scope_of(name);
            let before = self.scope_variables(scope).get(name.as_str()).cloned();
            let state = &mut self.state;
            if !state.root_dirty && scope == 0 {
                state.root.note(scope, name, before.as_ref());
            }
            for (place, frame) in state.frames.iter_mut().enumerate() {
                if !frame.dirty && scope < place + 1 {
                    frame.undo.note(scope, name, before.as_ref());
                }
            }
            if let Some(run) = state.run.as_mut().filter(|run| !run.dirty) {
                run.undo.note(scope, name, before.as_ref());
            }
            let variables = match scope {
                0 => &mut state.globals,
                scope => &mut state.frames[scope - 1].locals,
            };
            Arc::make_mut(variables).insert(name.clone(), Variable::new(value.clone()));
        }
    }

    pub(super) fn undo(&mut self, undo: Vec<(usize, String, Option<Variable>)>) {
        for (scope, name, before) in undo {
            let variables = match scope {
                0 => &mut self.state.globals,
                scope => match self.state.frames.get_mut(scope - 1) {
                    Some(frame) => &mut frame.locals,
                    None => continue,
                },
            };
            let variables = Arc::make_mut(variables);
            match before {
                Some(before) => variables.insert(name, before),
                None => variables.remove(&name),
            };
        }
    }

    /// The scope that a name is set in: declared names are the document's, others belong to the innermost iteration.
    pub(super) fn scope_of(&self, name: &str) -> usize {
        if self.plan.vars.contains_key(name) {
            return 0;
        }
        self.state
            .frames
            .iter()
            .rposition(|frame| matches!(&frame.kind, FrameKind::Loop(each) if each.iterating))
            .map_or(0, |place| place + 1)
    }

    pub(super) fn scope_variables(&self, scope: usize) -> &Variables {
        match scope {
            0 => &self.state.globals,
            scope => &self.state.frames[scope - 1].locals,
        }
    }
}
