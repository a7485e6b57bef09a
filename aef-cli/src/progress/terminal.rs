//! The steps of an execution as a tree that is drawn anew, with what is being done below it.

use std::time::Duration;

use aef::execution::{Event, ExecutionState};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::model::{Mark, Progress};
use crate::outline::Outline;

/// How many steps are in sight.
const ROWS: usize = 16;

/// How often the elapsed time is drawn.
const TICK: Duration = Duration::from_millis(120);

/// Draws on a terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    progress: Progress,
    drawing: MultiProgress,
    rows: Vec<ProgressBar>,
    bar: ProgressBar,
}

impl Terminal {
    pub(super) fn new(outline: Outline) -> Self {
        let drawing = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let line = ProgressStyle::with_template("{msg}").expect("the template is right");
        let rows = (0..outline.steps.len().min(ROWS))
            .map(|_| drawing.add(ProgressBar::new_spinner().with_style(line.clone())))
            .collect();
        let style = ProgressStyle::with_template("{spinner} [{bar:24}] {percent:>3}%  {elapsed}  {wide_msg}")
            .expect("the template is right")
            .progress_chars("█▌ ");
        let bar = drawing.add(ProgressBar::new(100).with_style(style));
        bar.enable_steady_tick(TICK);
        let mut terminal = Self { progress: Progress::new(outline), drawing, rows, bar };
        terminal.draw();
        terminal
    }

    /// Takes note of an event without drawing.
    pub(super) fn fold(&mut self, event: &Event) {
        self.progress.apply(event);
    }

    pub(super) fn event(&mut self, event: &Event) {
        self.progress.apply(event);
        self.draw();
    }

    pub(super) fn state(&mut self, state: &ExecutionState) {
        self.bar.set_position(u64::from(state.progress));
        self.draw();
    }

    pub(super) fn hide(&mut self) {
        self.bar.disable_steady_tick();
        // What cannot be cleared stays on the screen, which does no harm.
        drop(self.drawing.clear());
        self.drawing.set_draw_target(ProgressDrawTarget::hidden());
    }

    pub(super) fn show(&mut self) {
        self.drawing.set_draw_target(ProgressDrawTarget::stderr());
        self.bar.enable_steady_tick(TICK);
        self.draw();
    }

    pub(super) fn say(&self, line: &str) {
        drop(self.drawing.println(line));
    }

    /// Leaves the tree on the screen as it stands.
    pub(super) fn end(&self) {
        for row in &self.rows {
            row.finish();
        }
        self.bar.finish_and_clear();
    }

    fn draw(&mut self) {
        let rows = self.progress.rows(self.rows.len());
        for (bar, row) in self.rows.iter().zip(rows) {
            bar.set_message(format!("{}{} {}", "  ".repeat(row.depth), painted(row.mark), row.text));
        }
        self.bar.set_message(self.progress.action().unwrap_or_default().to_owned());
    }
}

/// The sign in its colour, unless colours are not wanted.
fn painted(mark: Mark) -> String {
    let colour = match mark {
        Mark::Done => "32",
        Mark::Failed => "31",
        Mark::Current => "36",
        Mark::Waiting => "33",
        Mark::Pending | Mark::Skipped => "2",
    };
    if std::env::var_os("NO_COLOR").is_some() {
        return mark.sign().to_owned();
    }
    format!("\u{1b}[{colour}m{}\u{1b}[0m", mark.sign())
}
