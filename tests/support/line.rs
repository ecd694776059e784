//! A site of a production line in a folder of its own, and the program run in it.

use std::path::PathBuf;
use std::process::{Command, Output};

/// The batch of [`Line::prepare`].
pub(crate) const BATCH: &str = "people";
/// The two persons of a test site.
pub(crate) const TWO: [&str; 4] = ["--by", "ana", "--by", "ben"];

/// A site with its store.
pub(crate) struct Line {
    folder: tempfile::TempDir,
    pub(crate) url: String,
}

#[allow(dead_code, reason = "each test program uses a part")]
impl Line {
    /// With the store at this URL.
    pub(crate) fn new(url: String) -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), url }
    }

    /// A test site with `blanks` blank cards, and a released batch of `people` people; `tell` hears of each step that is done.
    ///
    /// Chips get keys on P-256 for Active Authentication: RSA keys would take most of the time, and are another test's matter.
    pub(crate) fn prepare(&self, people: u32, blanks: u32, mut tell: impl FnMut(&str)) {
        let profile =
            include_str!("../../fixtures/profiles/cccd-2021.toml").replace("\"rsa-2048\"", "\"ec\"\ncurve = \"P-256\"\nhash = \"sha-256\"");
        assert!(!profile.contains("rsa-2048"));
        std::fs::write(self.path("profile.toml"), profile).expect("written");
        let (faces, people, blanks) = (people.min(20).to_string(), people.to_string(), blanks.to_string());
        self.done(&["sim", "people", BATCH, "--count", &people, "--faces", &faces]);
        tell("people");
        self.done(&["line", "init", "--test", &blanks, "--profile", "profile.toml", "--store", &self.url]);
        tell("site and blanks");
        self.done(&["line", "intake", "people/people.csv", "--warn", "duplicate-portrait"]);
        tell("intake");
        self.done(&["line", "prepare", BATCH]);
        tell("prepare");
        self.done(&[&["line", "release", BATCH][..], &TWO].concat());
        tell("release");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program, with nothing of the caller's environment that could change its answer.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cardwright"));
        for variable in ["RUST_LOG", "CARDWRIGHT_SITE", "CARDWRIGHT_PASSPHRASE", "PGPASSWORD"] {
            command.env_remove(variable);
        }
        command.current_dir(self.folder.path()).args(arguments);
        command
    }

    /// Runs it to its end.
    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program starts")
    }

    /// Runs it to its end, which must be 0.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{arguments:?}\n{stdout}\n{stderr}");
        stdout.into_owned()
    }
}
