//! A PC/SC daemon of the test's own, and a card that misbehaves on request.
//!
//! The daemon runs in a mount namespace with a `/run/pcscd` of its own, so that it meets neither the machine's nor another test's.
//! libpcsclite finds it by an environment variable, which a test may not set in its own process: [`with_daemon`] runs the test
//! again as a child process that has it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cardwright::transport::PcscSelector;
use cardwright::transport::pcsc::{Listed, Presence, list};

const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
const FOLDER: &str = "CARDWRIGHT_TEST_PCSC_FOLDER";
/// How long anything may take that the daemon sees by polling every 400 ms.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs `body` beside a daemon with two readers, in a child process. `test` is the name of the test function.
pub(crate) fn with_daemon(test: &str, body: impl FnOnce(&mut Daemon)) {
    with_readers(test, 2, body);
}

/// The same with `readers` readers, 2 to 16, even.
pub(crate) fn with_readers(test: &str, readers: u16, body: impl FnOnce(&mut Daemon)) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let mut daemon = Daemon { folder: folder.into(), process: None, base: 0, readers };
        daemon.start();
        body(&mut daemon);
        return;
    }
    if let Some(missing) = missing() {
        assert!(std::env::var_os("CI").is_none(), "no PC/SC daemon in CI: {missing}");
        println!("skipped: {missing}");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let status = Command::new(std::env::current_exe().expect("the test program"))
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder.path())
        .env("PCSCLITE_CSOCK_NAME", folder.path().join("run/pcscd.comm"))
        .status()
        .expect("the test program runs again");
    assert!(status.success(), "{test}: {status}");
}

/// Why there can be no daemon on this machine.
fn missing() -> Option<String> {
    let runs = |program: &str, argument: &str| {
        Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    if !runs("pcscd", "--version") {
        Some("no pcscd here (apt-get install pcscd)".to_owned())
    } else if !Path::new(DRIVER).exists() {
        Some("no vpcd driver here (apt-get install vsmartcard-vpcd)".to_owned())
    } else if !Command::new("unshare").args(["-m", "true"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        Some("no mount namespaces here (root is needed)".to_owned())
    } else {
        None
    }
}

/// A PC/SC daemon with the readers `Test 00 00`, `Test 00 01`, `Test1 00 00`, …
pub(crate) struct Daemon {
    folder: PathBuf,
    process: Option<Child>,
    base: u16,
    readers: u16,
}

impl Daemon {
    /// Starts it, also over the remains of one that was killed. Returns once its readers are there.
    pub(crate) fn start(&mut self) {
        assert!(self.process.is_none(), "the daemon runs");
        for _ in 0..5 {
            if self.base == 0 {
                self.base = free_ports(self.readers);
            }
            if self.try_start() {
                return;
            }
            // Another program took the port in between: the daemon lives on without that reader.
            self.kill();
            self.base = 0;
        }
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        panic!("pcscd does not start: {log}");
    }

    fn try_start(&mut self) -> bool {
        let (conf, run) = (self.folder.join("conf"), self.folder.join("run"));
        for folder in [&conf, &run] {
            std::fs::create_dir_all(folder).expect("a folder");
        }
        std::fs::create_dir_all("/run/pcscd").expect("a place to mount on");
        let mut entries = String::new();
        for pair in 0..self.readers / 2 {
            // A driver has two slots; a copy of it, which the daemon takes for another driver, has two more.
            let driver = match pair {
                0 => PathBuf::from(DRIVER),
                _ => self.folder.join(format!("vpcd{pair}.so")),
            };
            if !driver.exists() {
                std::fs::copy(DRIVER, &driver).expect("a copy of the driver");
            }
            let (name, port) = (if pair == 0 { String::new() } else { pair.to_string() }, self.base + 2 * pair);
            let driver = driver.display();
            entries += &format!("FRIENDLYNAME \"Test{name}\"\nDEVICENAME /dev/null:{port:#X}\nLIBPATH {driver}\nCHANNELID {port:#X}\n\n");
        }
        std::fs::write(conf.join("vpcd"), entries).expect("reader.conf");
        let log = std::fs::File::create(self.folder.join("log")).expect("a log");
        let process = Command::new("unshare")
            .args(["-m", "sh", "-c", "mount --bind \"$0\" /run/pcscd && exec pcscd --foreground --error -c \"$1\""])
            .args([&run, &conf])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("unshare runs");
        self.process = Some(process);
        within(|| list().is_ok_and(|readers| readers.len() == usize::from(self.readers)).then_some(()), Duration::from_secs(3)).is_some()
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn terminate(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let killed = Command::new("sh").args(["-c", "kill \"$0\"", &process.id().to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()), "kill");
        process.wait().expect("the daemon ends");
    }

    /// SIGKILL: socket and pid file stay behind.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("kill");
            process.wait().expect("the daemon ends");
        }
    }

    /// Port on which the first reader waits for its card.
    pub(crate) fn port(&self) -> u16 {
        self.base
    }

    /// The first reader by name.
    pub(crate) fn reader(&self) -> PcscSelector {
        PcscSelector::Name("Test 00 00".to_owned())
    }

    /// Inserts a card into the first reader and waits until the daemon sees it.
    pub(crate) fn insert(&self, id: u8) -> FaultCard {
        let card = FaultCard::connect(self.base, id, &[0x3B, 0x80, 0x80, 0x01, 0x01]);
        self.wait(|presence| matches!(presence, Presence::Card { .. }));
        card
    }

    /// The same with another answer to reset, of which the daemon may think what it likes.
    pub(crate) fn insert_with_atr(&self, atr: &[u8]) -> FaultCard {
        let card = FaultCard::connect(self.base, 0, atr);
        self.wait(|presence| !matches!(presence, Presence::Empty));
        card
    }

    /// Takes the card out and waits until the daemon sees it.
    pub(crate) fn remove(&self, card: FaultCard) {
        card.pull();
        self.wait(|presence| matches!(presence, Presence::Empty));
    }

    /// Waits until the daemon says of the first reader what is wanted.
    pub(crate) fn wait(&self, wanted: impl Fn(&Presence) -> bool) {
        let mut last = None;
        let seen = within(
            || {
                last = list().ok().and_then(|readers| readers.into_iter().next()).map(|Listed { presence, .. }| presence);
                last.as_ref().filter(|presence| wanted(presence)).map(|_| ())
            },
            PATIENCE,
        );
        assert!(seen.is_some(), "the reader does not come to the wanted state, it says {last:?}");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Asks every 10 ms until there is an answer.
pub(crate) fn within<T>(mut ask: impl FnMut() -> Option<T>, patience: Duration) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        match ask() {
            Some(answer) => return Some(answer),
            None if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            None => return None,
        }
    }
}

fn free_ports(count: u16) -> u16 {
    // Below the ephemeral range, so that no outgoing connection takes the port before the daemon does.
    let start = u16::try_from(std::process::id() % 5000).expect("below 5000") * 2 + 12_000;
    (0..1000)
        .map(|n| start + 2 * n)
        .find(|&port| (port..port + count).all(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()))
        .expect("free ports")
}

/// A card that does what the command asks for:
///
/// ```text
/// 80 10 hi lo   answers hi·256 + lo bytes A5        80 20   answers its id
/// 80 30 hi lo   takes that many milliseconds        80 40   hangs up without an answer
/// 80 50         answers with an empty message       80 60   hangs up, and connects again at once with the next id
/// ```
pub(crate) struct FaultCard {
    stream: TcpStream,
    commands: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl FaultCard {
    fn connect(port: u16, id: u8, atr: &[u8]) -> Self {
        let stream = within(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok(), PATIENCE).expect("the reader listens");
        stream.set_nodelay(true).expect("nodelay");
        let commands = Arc::new(AtomicUsize::new(0));
        let thread = {
            let (stream, commands, atr) = (stream.try_clone().expect("clone"), Arc::clone(&commands), atr.to_vec());
            thread::spawn(move || serve(stream, port, id, &atr, &commands))
        };
        Self { stream, commands, thread }
    }

    /// Number of messages that were no control bytes.
    pub(crate) fn commands(&self) -> usize {
        self.commands.load(Ordering::SeqCst)
    }

    /// Takes the card out at once. The daemon has not noticed yet.
    pub(crate) fn pull(self) {
        drop(self.stream.shutdown(Shutdown::Both));
        self.thread.join().expect("the card's thread ends");
    }
}

fn serve(mut stream: TcpStream, port: u16, mut id: u8, atr: &[u8], commands: &AtomicUsize) {
    let mut head = [0; 2];
    while stream.read_exact(&mut head).is_ok() {
        let mut body = vec![0; usize::from(u16::from_be_bytes(head))];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        if body.len() > 1 {
            commands.fetch_add(1, Ordering::SeqCst);
        }
        let answer = match body[..] {
            [4] => atr.to_vec(),
            [_] => continue,
            [0x80, 0x10, high, low, ..] => [vec![0xA5; usize::from(u16::from_be_bytes([high, low]))], vec![0x90, 0]].concat(),
            [0x80, 0x20, ..] => vec![id, 0x90, 0],
            [0x80, 0x30, high, low, ..] => {
                thread::sleep(Duration::from_millis(u16::from_be_bytes([high, low]).into()));
                vec![0x90, 0]
            }
            [0x80, 0x40, ..] => {
                drop(stream.shutdown(Shutdown::Both));
                return;
            }
            [0x80, 0x50, ..] => vec![],
            [0x80, 0x60, ..] => {
                drop(stream.shutdown(Shutdown::Both));
                drop(stream);
                let Ok(again) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return };
                stream = again;
                id += 1;
                continue;
            }
            [0x00, 0xA4, ..] => vec![0x90, 0],
            _ => vec![0x6D, 0],
        };
        let mut message = u16::try_from(answer.len()).expect("fits a message").to_be_bytes().to_vec();
        message.extend(answer);
        if stream.write_all(&message).is_err() {
            return;
        }
    }
}
