//! The processes that are measured: one a side, each of which takes a measure when it is asked to in a line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::{self, Failure};

/// A side that waits to be asked. It ends with this.
#[derive(Debug)]
pub(super) struct Driver {
    program: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// What a side measured.
#[derive(Debug, Deserialize)]
pub(super) struct Reply {
    /// In microseconds.
    pub(super) samples: Vec<f64>,
    /// What stands below the table.
    pub(super) note: Option<String>,
}

impl Driver {
    pub(super) fn start(mut command: Command) -> Result<Self, Failure> {
        let program = command::shown(&command);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|source| Failure::NotStarted { program: program.clone(), source })?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("the output is piped"));
        Ok(Self { program, child, input, output })
    }

    /// Has it take a measure of so many steps.
    pub(super) fn take(&mut self, measure: impl Serialize, steps: u32) -> Result<Reply, Failure> {
        let mut request = json!({ "measure": measure, "steps": steps }).to_string();
        request.push('\n');
        let input = self.input.as_mut().expect("the input is open until the end");
        let mut line = String::new();
        let spoken = input.write_all(request.as_bytes()).and_then(|()| self.output.read_line(&mut line));
        spoken.map_err(|source| Failure::NotStarted { program: self.program.clone(), source })?;
        let reply: Option<Reply> = serde_json::from_str(&line).ok();
        match reply {
            Some(reply) if !reply.samples.is_empty() => Ok(reply),
            _ => Err(Failure::Wrong(format!("{} gave no samples: {line:?}", self.program))),
        }
    }

    /// Ends it, which must go well.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        drop(self.input.take());
        let status = self
            .child
            .wait()
            .map_err(|source| Failure::NotStarted { program: self.program.clone(), source })?;
        if status.success() { Ok(()) } else { Err(Failure::Ended { program: self.program.clone(), status }) }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Nothing is left to say where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A side that answers every request with one line.
    fn answering(line: &str) -> Driver {
        let mut command = command::program("sh");
        command.args(["-c", r#"while read -r request; do printf '%s\n' "$0"; done"#, line]);
        Driver::start(command).expect("there is a shell")
    }

    #[test]
    fn a_side_answers_each_request_and_ends_with_its_input() {
        let mut driver = answering(r#"{ "samples": [1.5, 2.0], "note": "as it is" }"#);
        for _ in 0..2 {
            let reply = driver.take("sequential", 2).expect("it answers");
            assert_eq!(reply.samples, [1.5, 2.0]);
            assert_eq!(reply.note.as_deref(), Some("as it is"));
        }
        driver.finish().expect("it ends well");
    }

    #[test]
    fn a_side_that_gives_no_samples_fails_the_run() {
        for line in [r#"{ "samples": [] }"#, "nothing of the kind"] {
            let failure = answering(line).take("sequential", 2).expect_err("there is nothing to compare");
            assert!(matches!(failure, Failure::Wrong(_)), "{failure}");
        }
    }
}
