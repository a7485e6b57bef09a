//! `aef respond`.

use std::fs;

use aef::engine::Scoped;
use aef::execution::{Answer, AnswerKind, ApplyTo};
use aef::ids::{CheckpointId, ExecutionId};
use aef::store::ListQuery;
use clap::Args;
use serde_json::Value;

use crate::args::{PersonArgs, StoreArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{describe, environment, output};

/// How many executions are looked at at a time.
const PAGE: u32 = 500;

/// Answer a checkpoint
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The checkpoint, or the execution that waits at one
    #[arg(value_name = "CHECKPOINT")]
    pub(crate) checkpoint: String,
    /// approve, reject (stops the execution), skip, modify, choose, retry, done, take_over or stop
    #[arg(value_name = "ANSWER", value_parser = answer_kind)]
    pub(crate) answer: AnswerKind,
    /// For choose: the option
    #[arg(long, value_name = "ID")]
    pub(crate) option: Option<String>,
    /// Data for the form, as JSON or @FILE
    #[arg(long, value_name = "JSON|@FILE")]
    pub(crate) data: Option<String>,
    /// A remark for the record
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// To what it applies: this checkpoint, or also all later ones of the same step
    #[arg(long, default_value = "this", value_name = "this|step", value_parser = apply_to)]
    pub(crate) apply_to: ApplyTo,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    person: PersonArgs,
}

/// Runs the command.
///
/// # Errors
/// Where there is no such checkpoint, or it does not take the answer.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let data = options.data.as_deref().map(read_data).transpose()?;
    let engine = environment::desk(&options.store).await?;
    let scoped = environment::scoped(&engine, &options.store, &options.person);
    let (execution, checkpoint) = find(&scoped, &options.checkpoint).await?;
    let gives_secrets = data.is_some() && asks_for_secrets(&scoped, execution).await?;
    let answer = Answer {
        response: options.answer,
        option: options.option,
        data,
        apply_to: options.apply_to,
        comment: options.comment,
    };
    let state = scoped.execution(execution).answer(checkpoint, answer).await?;
    output::note(format_args!("answered; {execution} is {}", describe::words(state.status.as_str())));
    if gives_secrets {
        output::note(
            "what the form marks writeOnly is kept nowhere: where it is entered, it is asked for once more",
        );
    }
    if !state.status.is_final() {
        output::note(format_args!(
            "where no process is at it, go on with:\n  aef resume {execution}{}",
            options.store.again()
        ));
    }
    Ok(Exit::Success)
}

/// Whether the open checkpoint's form has fields whose values are kept nowhere.
async fn asks_for_secrets(scoped: &Scoped, execution: ExecutionId) -> Result<bool, Failure> {
    let form = scoped.execution(execution).state().await?.checkpoint.and_then(|checkpoint| checkpoint.form);
    let fields = form.as_ref().and_then(|form| form.get("properties")).and_then(Value::as_object);
    Ok(fields.is_some_and(|fields| fields.values().any(|field| field["writeOnly"] == Value::Bool(true))))
}

/// The execution that waits at a checkpoint. Of an execution that is named, the checkpoint is the open one.
async fn find(scoped: &Scoped, text: &str) -> Result<(ExecutionId, CheckpointId), Failure> {
    if let Ok(execution) = text.parse::<ExecutionId>() {
        let state = scoped.execution(execution).state().await?;
        return match state.checkpoint {
            Some(checkpoint) => Ok((execution, checkpoint.id)),
            None => {
                Err(Failure::refused(format!("{execution} waits at no checkpoint; it is {}", state.status)))
            }
        };
    }
    let checkpoint: CheckpointId = text.parse().map_err(|error| {
        Failure::new(Exit::Usage, "that names neither a checkpoint nor an execution").with_source(error)
    })?;
    let mut query = ListQuery { open_checkpoints: true, limit: PAGE, ..ListQuery::default() };
    loop {
        let page = scoped.list(query.clone()).await?;
        let found = page
            .records
            .iter()
            .find(|record| record.summary.checkpoint.as_ref().map(|open| open.id) == Some(checkpoint));
        if let Some(record) = found {
            return Ok((record.id, checkpoint));
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => {
                let message = format!("no execution waits at {checkpoint}");
                let help = "it may be answered already; `aef list` and `aef show EXECUTION` tell";
                return Err(Failure::refused(message).with_help(help));
            }
        }
    }
}

/// Data of an answer: JSON, or the file that holds it.
///
/// # Errors
/// Where it is none.
pub(crate) fn read_data(text: &str) -> Result<Value, Failure> {
    let json = match text.strip_prefix('@') {
        Some(path) => fs::read_to_string(path)
            .map_err(|error| Failure::environment(format!("cannot read {path}")).with_source(error))?,
        None => text.to_owned(),
    };
    serde_json::from_str(&json).map_err(|error| Failure::invalid("the data is not JSON").with_source(error))
}

fn answer_kind(text: &str) -> Result<AnswerKind, String> {
    AnswerKind::from_name(&text.replace('-', "_")).ok_or_else(|| {
        let names: Vec<_> = AnswerKind::ALL.into_iter().map(AnswerKind::as_str).collect();
        format!("the answers are {}", names.join(", "))
    })
}

fn apply_to(text: &str) -> Result<ApplyTo, String> {
    match text {
        "this" => Ok(ApplyTo::This),
        "step" => Ok(ApplyTo::Step),
        _ => Err("it applies to `this` or to the `step`".to_owned()),
    }
}
