//! A SoftHSM2 of the test's own: a private folder, a configuration, tokens with PIN 1234.
//!
//! SOFTHSM2_CONF is read once in a process, so that programs get it as an environment variable, and a test that uses the library itself
//! runs in a process of its own ([`alone`]).

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// PIN of every token.
pub(crate) const PIN: &str = "1234";
/// The module of the Debian package.
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const FOLDER: &str = "CARDWRIGHT_TEST_SOFTHSM";

/// The folder with its tokens.
#[derive(Debug)]
pub(crate) struct SoftHsm {
    folder: PathBuf,
    _own: Option<tempfile::TempDir>,
}

#[allow(dead_code, reason = "each test program uses a part")]
impl SoftHsm {
    /// A new one with the token `label`. `None`, with a line that says why, where SoftHSM2 is not installed; in CI that is a failure.
    pub(crate) fn start(label: &str) -> Option<Self> {
        if !Path::new(MODULE).exists() {
            assert!(std::env::var_os("CI").is_none(), "no SoftHSM2 in CI");
            println!("skipped: {MODULE} is not there (Debian package softhsm2)");
            return None;
        }
        let own = tempfile::tempdir().expect("directory");
        let folder = own.path().to_owned();
        std::fs::create_dir(folder.join("tokens")).expect("folder");
        let text = format!(
            "directories.tokendir = {}/tokens\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
            folder.display()
        );
        std::fs::write(folder.join("softhsm2.conf"), text).expect("configuration");
        std::fs::write(folder.join("pin"), PIN).expect("PIN");
        let hsm = Self { folder, _own: Some(own) };
        hsm.token(label);
        Some(hsm)
    }

    /// One more token.
    pub(crate) fn token(&self, label: &str) {
        let arguments = ["--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", PIN];
        let output = Command::new("softhsm2-util").args(arguments).env("SOFTHSM2_CONF", self.conf()).output().expect("softhsm2-util");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The module.
    pub(crate) fn module(&self) -> PathBuf {
        PathBuf::from(MODULE)
    }

    /// Value of SOFTHSM2_CONF.
    pub(crate) fn conf(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    /// A file with the PIN in it.
    pub(crate) fn pin_file(&self) -> PathBuf {
        self.folder.join("pin")
    }

    /// The folder, for files of the test.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Runs `body` in a process of its own with a SoftHSM2 that has the token `eid`: the calling test runs once more, alone, and finds the
/// folder in its environment.
#[allow(dead_code, reason = "each test program uses a part")]
pub(crate) fn alone(body: impl FnOnce(&SoftHsm)) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return body(&SoftHsm { folder: folder.into(), _own: None });
    }
    let Some(hsm) = SoftHsm::start("eid") else { return };
    let name = std::thread::current().name().expect("a test has its name").to_owned();
    let Output { status, stdout, stderr } = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", &name, "--nocapture", "--test-threads=1"])
        .env(FOLDER, &hsm.folder)
        .env("SOFTHSM2_CONF", hsm.conf())
        .env("CARDWRIGHT_FAULTS", hsm.folder.join("faults"))
        .output()
        .expect("this program runs again");
    let text = String::from_utf8_lossy(&stdout);
    assert!(status.success() && text.contains("1 passed"), "{status}\n{text}\n{}", String::from_utf8_lossy(&stderr));
}
