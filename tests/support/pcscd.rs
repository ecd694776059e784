//! A PC/SC daemon of the test's own (scripts/with-pcscd), for as long as the value lives.
//!
//! `#[path = "support/pcscd.rs"] mod pcscd;` — the programs that shall find it get [`Pcscd::socket`] as PCSCLITE_CSOCK_NAME.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The daemon and its empty readers, named `Line 00 00 00`, `Line 00 00 01`, `Line 01 00 00`, …
#[derive(Debug)]
pub(crate) struct Pcscd {
    child: Child,
    /// Value of PCSCLITE_CSOCK_NAME.
    pub(crate) socket: String,
    /// Reader `i` waits for its card on this TCP port + `i` of this machine.
    pub(crate) port: u16,
}

#[allow(dead_code, reason = "each test program uses a part")]
impl Pcscd {
    /// Starts a daemon with `readers` readers, 2 to 16, even. `None`, with a line that says why, where it cannot be had;
    /// where CI is set that is a failure, since CI installs it.
    pub(crate) fn start(readers: u8) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|dir| dir.join("scripts/with-pcscd")).find(|path| path.exists());
        let mut child = Command::new(script.expect("scripts/with-pcscd is in the repository"))
            .args([&readers.to_string(), "sh", "-c", "echo \"$VPCD_PORT $PCSCLITE_CSOCK_NAME\"; exec cat >/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash is there");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("readable");
        let Some((port, socket)) = line.trim().split_once(' ') else {
            let status = child.wait().expect("it was started");
            assert!(std::env::var_os("CI").is_none(), "no PC/SC daemon in CI: {status}");
            println!("skipped: no PC/SC daemon of our own ({status}); it needs root, pcscd, and vsmartcard-vpcd");
            return None;
        };
        Some(Self { port: port.parse().expect("a port"), socket: socket.to_owned(), child })
    }

    /// Name of reader `index`.
    pub(crate) fn reader(&self, index: u16) -> String {
        format!("Line {:02} 00 {:02}", index / 2, index % 2)
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        // the end of its input ends the script, which stops the daemon
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
