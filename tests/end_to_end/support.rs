//! What the end-to-end tests share.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program, with nothing of the caller's environment that could change its answer.
pub(crate) fn cardwright() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cardwright"));
    for variable in ["RUST_LOG", "CARDWRIGHT_READER", "CARDWRIGHT_MEMORY", "CARDWRIGHT_PASSPHRASE", "NO_COLOR"] {
        command.env_remove(variable);
    }
    command
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Fails unless the exit code is `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails unless standard error holds every one of `words`.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "expected {word:?} in:\n{}", self.stderr);
        }
        self
    }
}

/// Runs the program with `arguments`.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Ended {
    ended(cardwright().args(arguments).output().expect("the program starts"))
}

pub(crate) fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code().unwrap_or_else(|| panic!("ended by a signal: {output:?}")),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A file of the collected vectors: `$CARDWRIGHT_CORPUS`, else `../shared/data` beside the repository. Says so where there is none.
pub(crate) fn corpus(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CARDWRIGHT_CORPUS").map_or_else(|| repository("../shared/data"), PathBuf::from).join(path);
    if root.exists() {
        return Some(root);
    }
    println!("skipped: no corpus");
    None
}
