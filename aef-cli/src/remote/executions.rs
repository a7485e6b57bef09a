//! Looking at executions, and steering them.

use aef::client::{Act, DocumentText, Execution, ExecutionFilter, Fork, LogFilter, Respond, Steering};
use aef::execution::{ApplyTo, Status};
use aef::ids::ExecutionId;

use super::{Remote, not_there, show};
use crate::commands::{fork, journal, list, pause, recover, respond, show as show_command, stop};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::questions::Asked;
use crate::{describe, loading, output};

/// How many are asked for at a time, which is as many as a server gives.
const PAGE: u32 = 100;

impl Remote {
    pub(super) async fn list(&self, options: list::Options) -> Result<Exit, Failure> {
        let statuses: Vec<_> = options.status.iter().map(|status| status.as_str()).collect();
        let mut filter = ExecutionFilter {
            status: (!statuses.is_empty()).then(|| statuses.join(",")),
            document: options.document,
            ..ExecutionFilter::default()
        };
        let mut left = options.limit;
        let mut found = false;
        while left > 0 {
            filter.limit = Some(left.min(PAGE));
            let page = self.client.executions(&filter).await?;
            for row in &page.executions {
                if options.json { output::json(row) } else { output::result(show::row(row)) }
            }
            found |= !page.executions.is_empty();
            left = left.saturating_sub(u32::try_from(page.executions.len()).unwrap_or(u32::MAX));
            filter.cursor = page.next_cursor;
            if filter.cursor.is_none() {
                break;
            }
        }
        if !found {
            output::note("no executions");
        } else if filter.cursor.is_some() {
            let more = options.limit.saturating_mul(2);
            output::note(format_args!("there are more; --limit {more} shows them"));
        }
        Ok(Exit::Success)
    }

    pub(super) async fn show(&self, options: &show_command::Options) -> Result<Exit, Failure> {
        let execution = self.client.execution(&options.execution.id.to_string()).await?;
        if options.json {
            output::json_pretty(&execution);
        } else {
            let asked = Asked::told(&execution);
            output::result_text(&show::execution(&execution));
            output::result_text(&asked.to_string());
            if execution.status != Status::Running {
                for command in asked.commands(&execution.execution_id, execution.status, &self.again) {
                    output::result(format_args!("  {command}"));
                }
            }
        }
        Ok(Exit::Success)
    }

    pub(super) async fn journal(&self, options: &journal::Options) -> Result<Exit, Failure> {
        let id = options.execution.id.to_string();
        let mut filter = LogFilter { after: Some(0), limit: Some(PAGE), ..LogFilter::default() };
        loop {
            let page = self.client.logs(&id, &filter).await?;
            for entry in &page.logs {
                if options.json { output::json(entry) } else { output::result(show::line(entry)) }
            }
            let Some(next) = page.next_cursor.and_then(|next| next.parse().ok()) else { break };
            filter.after = Some(next);
        }
        Ok(Exit::Success)
    }

    pub(super) async fn respond(&self, options: respond::Options) -> Result<Exit, Failure> {
        let data = options.data.as_deref().map(respond::read_data).transpose()?;
        let checkpoint = match options.checkpoint.parse::<ExecutionId>() {
            Ok(execution) => self.open_checkpoint(execution).await?,
            Err(_) => options.checkpoint,
        };
        let answer = Respond {
            response: options.answer,
            option: options.option,
            apply_to: Some(options.apply_to).filter(|applies| *applies != ApplyTo::This),
            data,
            comment: options.comment,
        };
        let answered = self.client.respond(&checkpoint, &answer).await?;
        let status = describe::words(answered.execution_status.as_str());
        output::note(format_args!("answered; {} is {status}", answered.execution_id));
        Ok(Exit::Success)
    }

    async fn open_checkpoint(&self, execution: ExecutionId) -> Result<String, Failure> {
        let found = self.client.execution(&execution.to_string()).await?;
        match found.checkpoints.into_iter().next() {
            Some(open) => Ok(open.id),
            None => {
                Err(Failure::refused(format!("{execution} waits at no checkpoint; it is {}", found.status)))
            }
        }
    }

    pub(super) async fn recover(&self, options: &recover::Options) -> Result<Exit, Failure> {
        let act = Act { option: Some(options.option()), ..Act::new(Steering::Recover) };
        tell(&self.client.act(&options.id.to_string(), &act).await?);
        Ok(Exit::Success)
    }

    pub(super) async fn pause(&self, options: &pause::Options) -> Result<Exit, Failure> {
        let id = options.execution.id.to_string();
        let execution = self.client.act(&id, &Act::new(Steering::Pause)).await?;
        if execution.pausing {
            output::note(format_args!("{id} will pause at its next step"));
        } else {
            tell(&execution);
        }
        Ok(Exit::Success)
    }

    pub(super) async fn stop(&self, options: &stop::Options) -> Result<Exit, Failure> {
        let id = options.execution.id.to_string();
        let stopped = self.client.stop(&id).await?;
        output::note(format_args!("{id} is {}", stopped.status));
        Ok(Exit::Success)
    }

    pub(super) async fn fork(&self, options: fork::Options) -> Result<Exit, Failure> {
        if !options.inputs.is_empty() {
            return Err(not_there("--input"));
        }
        let aef_document_id = match options.document.as_deref() {
            Some(file) => {
                let plan = loading::load_to_run(file)?;
                let text = DocumentText { text: plan.document.canonical_json(), is_yaml: false };
                Some(self.client.create_document(&text).await?.row.aef_document_id)
            }
            None => None,
        };
        let fork = Fork { from_step: options.from, aef_document_id };
        let forked = self.client.fork(&options.execution.id.to_string(), &fork).await?;
        output::result(&forked.execution_id);
        output::note(format_args!("look at it with:\n  aef show {}{}", forked.execution_id, self.again));
        Ok(Exit::Success)
    }
}

fn tell(execution: &Execution) {
    let status = describe::words(execution.status.as_str());
    output::note(format_args!("{} is {status}", execution.execution_id));
}
