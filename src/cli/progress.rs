//! A bar on the terminal for work of more than a second; nothing where nobody watches.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Progress over a known number of steps. It appears after one second, on standard error, and only if that is a terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    since: Instant,
    watched: bool,
}

const PATIENCE: Duration = Duration::from_secs(1);

impl Progress {
    /// `what` is shown before the bar; `quiet` (as with `--json`) hides it.
    pub(crate) fn new(what: &'static str, steps: u64, quiet: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{msg} [{wide_bar}] {pos}/{len} {eta}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what);
        Self { bar, since: Instant::now(), watched: !quiet && std::io::stderr().is_terminal() }
    }

    /// For bytes of one file after another.
    pub(crate) fn bytes(quiet: bool) -> Self {
        Self::new("", 0, quiet)
    }

    /// `done` of `total` bytes of `what` are done.
    pub(crate) fn part(&self, what: &str, done: usize, total: usize) {
        self.bar.set_message(what.to_owned());
        self.bar.set_length(u64::try_from(total).unwrap_or(u64::MAX));
        self.set(u64::try_from(done).unwrap_or(u64::MAX));
    }

    /// `done` steps are done.
    pub(crate) fn set(&self, done: u64) {
        if self.watched && self.bar.is_hidden() && self.since.elapsed() > PATIENCE {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(done);
    }

    /// One step more is done.
    pub(crate) fn step(&self) {
        self.set(self.bar.position() + 1);
    }

    /// Says a line to the person at the terminal, on standard error; the bar makes room for it.
    #[cfg(feature = "line")]
    pub(crate) fn say(&self, line: &str) {
        self.bar.suspend(|| anstream::eprintln!("{line}"));
    }

    /// Takes the bar away.
    #[cfg(feature = "line")]
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Prints a line of the answer; the bar makes room for it.
    pub(crate) fn print(&self, line: &str) {
        // a reader of the answer that went away is noticed by the last line of it
        self.bar.suspend(|| drop(super::output::text(line)));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
