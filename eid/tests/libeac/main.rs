//! The arithmetic of others: libeac (openpace) plays the other side of PACE, Terminal Authentication, and Chip Authentication.
//!
//! libeac is GPL: it runs in a program of its own (`tests/peers`, `pace_oracle`), spoken to over a pipe. `$CARDWRIGHT_PACE_ORACLE` names
//! that program, which `make peers` builds; without it the tests say `skipped`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

mod eac;
mod pace;

struct Oracle {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Oracle {
    fn start() -> Option<Self> {
        let program = std::env::var_os("CARDWRIGHT_PACE_ORACLE").or_else(|| {
            println!("skipped: CARDWRIGHT_PACE_ORACLE is not set (make peers)");
            None
        })?;
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the oracle starts");
        let (stdin, stdout) = (child.stdin.take().expect("piped"), BufReader::new(child.stdout.take().expect("piped")));
        Some(Self { child, stdin, stdout })
    }

    fn say(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").expect("the oracle listens");
    }

    fn tell(&mut self, bytes: &[u8]) {
        self.say(&if bytes.is_empty() { "-".to_owned() } else { hex::encode(bytes) });
    }

    fn hear_line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the oracle answers");
        let line = line.trim();
        line.strip_prefix("error ").map_or(Ok(line.to_owned()), |error| Err(error.to_owned()))
    }

    fn hear(&mut self) -> Result<Vec<u8>, String> {
        let line = self.hear_line()?;
        Ok(if line == "-" { Vec::new() } else { hex::decode(&line).map_err(|_| format!("{line:?} is not hexadecimal"))? })
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // it ends with its input; nothing follows from how
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
