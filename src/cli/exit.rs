//! How the program ends: the exit codes, and a failure that says what was expected, what was found, where, and what to do.

use std::fmt;
use std::process::ExitCode;

/// The meaning of an exit code. `man cardwright` has the same table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; for a verification: every required check passed.
    Success = 0,
    /// A check failed: the card or file is not genuine, or not what it claims to be.
    CheckFailed = 1,
    /// The command line, or a file that was handed over, is wrong.
    Usage = 2,
    /// Nothing failed, but not enough is known: no trust anchor, something not supported, or stopped before the end.
    Undecided = 3,
    /// The card refused access: wrong CAN or MRZ, or blocked.
    AccessRefused = 4,
    /// The reader or the card is not there, or left.
    Gone = 5,
    /// A signing key or token refused.
    Signer = 6,
    /// A file or store could not be read or written.
    Store = 7,
    /// Our bug.
    Bug = 70,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command ended without its answer.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string(), hint: None }
    }

    /// What was expected and found.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Says in which file.
    pub(crate) fn in_file(mut self, path: &std::path::Path) -> Self {
        self.message = format!("{}: {}", path.display(), self.message);
        self
    }

    /// Adds what the user can do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A file that could not be read or written.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        let failure = Self::new(Exit::Store, format_args!("{}: {error}", path.display()));
        match error.kind() {
            std::io::ErrorKind::NotFound => failure.hint("check the path; it is taken relative to the current folder"),
            std::io::ErrorKind::PermissionDenied => failure.hint("check who may read or write it"),
            _ => failure,
        }
    }

    /// An error with the chain of its sources.
    pub(crate) fn from_error(exit: Exit, error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            let text = inner.to_string();
            // a source that its outer error quotes already says nothing new
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            source = inner.source();
        }
        Self::new(exit, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}
