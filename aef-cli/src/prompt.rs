//! Asking on the terminal.

use std::io::{self, BufRead as _};

use aef::execution::{Answer, AnswerKind, ApplyTo};
use aef::recovery::RecoveryOption;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use crate::describe;
use crate::echo::Hidden;
use crate::inputs;
use crate::output;
use crate::questions::Question;

/// The lines that a person types.
///
/// A thread of its own reads them, because a read cannot be given up: a question may be answered elsewhere meanwhile,
/// and the process must be able to end in the middle of one.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    receiver: Option<mpsc::UnboundedReceiver<String>>,
}

impl Lines {
    /// The next line; `None` at the end of the input.
    pub(crate) async fn next(&mut self) -> Option<String> {
        self.receiver.get_or_insert_with(read_lines).recv().await
    }

    async fn ask(&mut self, prompt: &str) -> Option<String> {
        output::prompt(prompt);
        self.next().await
    }

    /// The same, for what nobody may read over a shoulder.
    async fn ask_hidden(&mut self, prompt: &str) -> Option<String> {
        let _hidden = Hidden::begin();
        self.ask(prompt).await
    }
}

fn read_lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.send(line.trim().to_owned()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Asks for the answer to a checkpoint; `None` where nobody types any more.
///
/// Taking the page over needs a window in which a person can work.
pub(crate) async fn answer(lines: &mut Lines, question: &Question, window: bool) -> Option<Answer> {
    let offered: Vec<AnswerKind> =
        question.answers.iter().copied().filter(|kind| window || *kind != AnswerKind::TakeOver).collect();
    loop {
        let line = lines.ask(&format!("{} > ", choices(&offered))).await?;
        let (word, all) = match line.strip_suffix('!') {
            Some(word) => (word.trim(), true),
            None => (line.as_str(), false),
        };
        let Some(kind) = chosen(word, &offered) else {
            output::note(
                "  Type one of these words, or its beginning. With ! behind it, it counts for all later rounds.",
            );
            continue;
        };
        let mut answer = Answer::new(kind);
        if all {
            answer.apply_to = ApplyTo::Step;
        }
        if kind == AnswerKind::Choose {
            answer.option = Some(option(lines, question).await?);
        }
        if wants_data(kind, question) {
            let form = question.form.as_ref().unwrap_or(&Value::Null);
            answer.data = Some(data(lines, form).await?);
        }
        return Some(answer);
    }
}

/// Asks how to recover; `None` where nobody types any more.
pub(crate) async fn recovery(
    lines: &mut Lines,
    options: &[RecoveryOption],
    window: bool,
) -> Option<RecoveryOption> {
    let offered: Vec<RecoveryOption> =
        options.iter().copied().filter(|option| window || *option != RecoveryOption::TakeOver).collect();
    let names: Vec<_> = offered.iter().map(|option| option.id()).collect();
    loop {
        let line = lines.ask(&format!("[{}] > ", names.join("/"))).await?;
        match by_beginning(&line, &names) {
            Some(place) => return Some(offered[place]),
            None => output::note("  Type one of these words, or its beginning."),
        }
    }
}

fn choices(offered: &[AnswerKind]) -> String {
    let names: Vec<_> = offered.iter().map(|kind| kind.as_str()).collect();
    format!("[{}]", names.join("/"))
}

fn chosen(word: &str, offered: &[AnswerKind]) -> Option<AnswerKind> {
    let names: Vec<_> = offered.iter().map(|kind| kind.as_str()).collect();
    by_beginning(word, &names).map(|place| offered[place])
}

/// The only name that begins with `word`, or is it.
fn by_beginning(word: &str, names: &[&str]) -> Option<usize> {
    let word = word.to_lowercase().replace([' ', '-'], "_");
    if word.is_empty() {
        return None;
    }
    if let Some(place) = names.iter().position(|name| *name == word) {
        return Some(place);
    }
    let mut found = names.iter().enumerate().filter(|(_, name)| name.starts_with(&word));
    match (found.next(), found.next()) {
        (Some((place, _)), None) => Some(place),
        _ => None,
    }
}

const fn wants_data(kind: AnswerKind, question: &Question) -> bool {
    match kind {
        AnswerKind::Modify => true,
        AnswerKind::Done | AnswerKind::Choose => question.form.is_some(),
        AnswerKind::Approve
        | AnswerKind::Reject
        | AnswerKind::Skip
        | AnswerKind::Retry
        | AnswerKind::TakeOver
        | AnswerKind::Stop => false,
    }
}

async fn option(lines: &mut Lines, question: &Question) -> Option<String> {
    let ids: Vec<_> = question.options.iter().map(|(id, _)| id.as_str()).collect();
    loop {
        let line = lines.ask(&format!("  which? [{}] > ", ids.join("/"))).await?;
        match by_beginning(&line, &ids) {
            Some(place) => return Some(ids[place].to_owned()),
            None => output::note("  Type the id of one of the options."),
        }
    }
}

/// Asks for the data of a form: each property by itself, or JSON where the form names none.
async fn data(lines: &mut Lines, form: &Value) -> Option<Value> {
    let Some(properties) = form.get("properties").and_then(Value::as_object).filter(|map| !map.is_empty())
    else {
        loop {
            let line = lines.ask("  data as JSON > ").await?;
            match serde_json::from_str(&line) {
                Ok(value) => return Some(value),
                Err(error) => output::note(format_args!("  That is not JSON: {error}")),
            }
        }
    };
    let required: Vec<_> = form
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut data = Map::new();
    for (name, schema) in properties {
        let needed = required.contains(&name.as_str());
        if let Some(value) = property(lines, name, schema, needed).await? {
            data.insert(name.clone(), value);
        }
    }
    Some(Value::Object(data))
}

/// Asks for one property; an empty line leaves it out where it is not required.
async fn property(lines: &mut Lines, name: &str, schema: &Value, required: bool) -> Option<Option<Value>> {
    let title = schema.get("title").or_else(|| schema.get("description")).and_then(Value::as_str);
    let title = title.map(|title| format!(", {}", describe::shortened(title, 80))).unwrap_or_default();
    let secret = schema.get("writeOnly").and_then(Value::as_bool).unwrap_or(false);
    let hint = if required { "" } else { " (empty: leave out)" };
    loop {
        let question = format!("  {name}{title}{hint} > ");
        let line = if secret { lines.ask_hidden(&question).await? } else { lines.ask(&question).await? };
        if line.is_empty() && !required {
            return Some(None);
        }
        match inputs::typed(&line, Some(schema)) {
            Ok(value) => return Some(Some(value)),
            Err(expected) => output::note(format_args!("  That is not {expected}.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_enough_where_it_is_the_only_one() {
        let names = ["skip", "stop", "take_over"];
        assert_eq!(by_beginning("sk", &names), Some(0));
        assert_eq!(by_beginning("take over", &names), Some(2));
        assert_eq!(by_beginning("STOP", &names), Some(1));
        assert_eq!(by_beginning("s", &names), None);
        assert_eq!(by_beginning("", &names), None);
    }
}
