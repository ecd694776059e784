//! A station as a process that is started, killed, and started again.

use std::path::{Path, PathBuf};
use std::process::Child;

use super::line::Line;

/// A station: one name, and at every moment at most one process.
pub(crate) struct Station {
    pub(crate) name: String,
    arguments: Vec<String>,
    process: Option<Child>,
    /// How often it was started.
    starts: u32,
    /// What it said at its ends.
    pub(crate) ends: Vec<(i32, serde_json::Value)>,
}

impl Station {
    /// A station with readers that share the blanks of the site.
    pub(crate) fn new(name: &str, readers: usize, more: &[&str]) -> Self {
        let mut arguments: Vec<String> = ["line", "run", "--json", "--station", name].map(str::to_owned).to_vec();
        arguments.extend(more.iter().map(ToString::to_string));
        for _ in 0..readers {
            arguments.extend(["--reader".to_owned(), "sim:line/blanks".to_owned()]);
        }
        Self { name: name.to_owned(), arguments, process: None, starts: 0, ends: Vec::new() }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.process.is_some()
    }

    pub(crate) fn start(&mut self, line: &Line) {
        assert!(self.process.is_none(), "station {} runs", self.name);
        self.starts += 1;
        let file = |kind: &str| std::fs::File::create(self.said(line, kind)).expect("a file");
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let process = line.command(&arguments).env("RUST_LOG", "info").stdout(file("json")).stderr(file("log")).spawn();
        self.process = Some(process.expect("the program starts"));
    }

    fn said(&self, line: &Line, kind: &str) -> PathBuf {
        line.path(&format!("{}-{}.{kind}", self.name, self.starts))
    }

    /// What its processes logged.
    pub(crate) fn logs(&self, line: &Line) -> Vec<String> {
        let log = |start| std::fs::read_to_string(line.path(&format!("{}-{start}.log", self.name))).expect("a log");
        (1..=self.starts).map(log).collect()
    }

    /// Asks it to end, by this signal (`TERM`, `INT`).
    pub(crate) fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("it runs").id().to_string();
        let sent = std::process::Command::new("kill").args(["-s", signal, &process]).status().expect("kill");
        assert!(sent.success());
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().expect("killed");
        process.wait().expect("it ends");
    }

    /// Whether it has ended by itself since it was asked last.
    pub(crate) fn has_ended(&mut self, line: &Line) -> bool {
        let Some(status) = self.process.as_mut().and_then(|process| process.try_wait().expect("its status")) else { return false };
        self.process = None;
        let read = |path: &Path| std::fs::read_to_string(path).expect("what it said");
        let log = read(&self.said(line, "log"));
        let code = status.code().unwrap_or_else(|| panic!("station {}: {status}\n{log}", self.name));
        let said = serde_json::from_str(&read(&self.said(line, "json")));
        let said = said.unwrap_or_else(|error| panic!("station {} ended with {code}: {error}\n{log}", self.name));
        self.ends.push((code, said));
        true
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}
