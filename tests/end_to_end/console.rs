//! The console of `sim`: scripts in a pipe, and a hand at two readers of a real PC/SC daemon.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::pcscd::Pcscd;
use crate::support::{Ended, cardwright, ended, run};
use crate::walk::demo;

const INITIALIZE: &str = "send 80 50 00 00 08 01 02 03 04 05 06 07 08";

/// Copies of cards of the demo, which other tests use too.
fn cards(numbers: &[usize]) -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = |number: &usize| {
        let path: PathBuf = folder.path().join(format!("{number:04}.card"));
        std::fs::copy(demo().dir.join(format!("cards/{number:04}.card")), &path).expect("copied");
        path.display().to_string()
    };
    let paths = numbers.iter().map(copy).collect();
    (folder, paths)
}

/// Runs a script to its end.
fn script(arguments: &[&str], lines: &[&str]) -> Ended {
    let mut child = cardwright()
        .arg("sim")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("piped").write_all(lines.join("\n").as_bytes()).expect("written");
    ended(child.wait_with_output().expect("it ends"))
}

fn answers(ended: &Ended) -> Vec<Value> {
    ended.stdout.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect()
}

#[test]
fn a_script_inserts_tears_resets_and_looks() {
    let (_folder, cards) = cards(&[14, 15]);
    let arguments =
        ["--image", &cards[0], "--image", &cards[1], "--console", "--stack", "--json", "--timing", "typical", "--fault", "VF-SEL-001@9"];
    let lines = [
        "# two cards, one reader",
        "cards",
        INITIALIZE,
        "tear 2 garbage",
        INITIALIZE,
        INITIALIZE,
        "state",
        "reset",
        INITIALIZE,
        "last 2",
        "time",
        "remove",
        "insert 2",
        "fault VF-SM-012@3",
        "as NZ",
        "fault off",
        "quit",
        "cards",
    ];
    let ended = script(&arguments, &lines).expect(5).says(&["0014.card: chip time", "is in reader 1"]);
    let answers = answers(&ended);
    assert_eq!(answers.len(), 15, "comments and what follows quit have no answer: {}", ended.stdout);
    let answer = |n: usize| &answers[n];
    assert_eq!((&answer(0)["cards"][0]["reader"], &answer(0)["cards"][1]["reader"]), (&Value::from(1), &Value::Null));
    assert!(answer(1)["answer"].as_str().is_some_and(|answer| answer.ends_with("9000")), "{}", answer(1));
    assert_eq!((&answer(2)["tear"]["program"], &answer(2)["tear"]["leaves"]), (&Value::from(2), &Value::from("garbage")));
    assert_eq!((&answer(3)["ok"], &answer(4)["ok"]), (&Value::from(true), &Value::from(false)));
    assert!(answer(4)["error"].as_str().is_some_and(|error| error.contains("power lost while programming page")), "{}", answer(4));
    assert_eq!((&answer(5)["torn"], &answer(5)["reader"], &answer(5)["programs"]), (&Value::from(true), &Value::Null, &Value::from(3)));
    assert_eq!((&answer(6)["ok"], &answer(7)["ok"]), (&Value::from(true), &Value::from(true)));
    let last = answer(8)["last"].as_array().expect("a list");
    assert_eq!((last.len(), &last[0]["answer"], &last[1]["status"]), (2, &Value::Null, &Value::from("9000")));
    assert_eq!(last[1]["meaning"], "INITIALIZE UPDATE");
    // four commands of 12 ms, four pages of 3 ms
    assert_eq!((&answer(9)["parts"]["processor"], &answer(9)["parts"]["memory"]), (&Value::from(48_000_000), &Value::from(12_000_000)));
    assert_eq!((&answer(10)["card"], &answer(11)["card"]), (&Value::from(1), &Value::from(2)));
    let faults = |n: usize| answer(n)["faults"].as_array().expect("a list").iter().map(|fault| fault["fault"].clone()).collect::<Vec<_>>();
    assert_eq!((faults(12), faults(13).len(), faults(14).len()), (vec!["VF-SEL-001".into(), "VF-SM-012".into()], 3, 0));

    // the same card, powered anew, is whole: the cut one is no other
    let reader = format!("sim:{}#as=NZ,time=typical", cards[0]);
    let verified = run(&["verify", "--reader", &reader, "--can", &demo().can(14), "--trust", &demo().path("pki/csca.cer")]);
    verified.expect(0).says(&["chip time", "link", "keys"]);
}

#[test]
fn a_console_says_what_it_does_not_understand_and_goes_on() {
    let (folder, cards) = cards(&[16]);
    let ended = script(&["--image", &cards[0], "--console"], &["jump", "insert 7", "insert 1", "fault VF-XX-001", "help", "state", "last"]);
    let ended = ended.expect(2).says(&[
        "expected one of the commands",
        "tear, reset",
        "expected a card from 1 to 1",
        "card 1 is in reader 1",
        "VF-XX-001",
    ]);
    for words in ["what is selected, which channel is open", "channel     none", "life cycle  operational", "nothing yet"] {
        assert!(ended.stdout.contains(words), "expected {words:?} in:\n{}", ended.stdout);
    }
    // one that cannot be opened is told with its name, and stops nobody; one in use says so when it is wanted
    let missing = folder.path().join("missing.card").display().to_string();
    let both = ["--image", &missing, "--image", &cards[0], "--console"];
    script(&both, &["card 2", "state"]).expect(0).says(&["missing.card", "No such file"]);
    script(&["--image", &missing, "--console"], &["state"]).expect(7).says(&["missing.card"]);
    run(&["sim", "--image", &cards[0]]).expect(2).says(&["--console"]);
    run(&["sim", "--image", &cards[0], "--console", "--timing", "quick"]).expect(2).says(&["fast, typical, slow, contact"]);
    run(&["sim", "--image", &cards[0], "--image", &missing, "--vpcd", "127.0.0.1:65535", "--console"]).expect(2).says(&["2 ports"]);
}

/// A bench that is asked one line after the other.
struct Console {
    child: Child,
    lines: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Console {
    fn start(arguments: &[&str]) -> Self {
        let mut child = cardwright()
            .args(["sim", "--console", "--json"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let (lines, answers) = (child.stdin.take(), BufReader::new(child.stdout.take().expect("piped")));
        Self { child, lines, answers }
    }

    fn ask(&mut self, line: &str) -> Value {
        writeln!(self.lines.as_mut().expect("open"), "{line}").expect("written");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("readable");
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{line}: {error}: {answer:?}"))
    }

    #[track_caller]
    fn does(&mut self, line: &str) -> Value {
        let answer = self.ask(line);
        assert_eq!(answer["ok"], true, "{line}: {answer}");
        answer
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        drop(self.lines.take());
        let _ = self.child.wait();
    }
}

/// What a real client sees of the hand at the bench: cards that come, leave, tear, and are reset.
#[test]
fn a_client_of_the_service_sees_what_the_hand_at_the_bench_does() {
    let Some(pcscd) = Pcscd::start(2) else { return };
    let (_folder, cards) = cards(&[17, 18]);
    let client =
        |arguments: &[&str]| ended(cardwright().env("PCSCLITE_CSOCK_NAME", &pcscd.socket).args(arguments).output().expect("it starts"));
    let seen = |reader: usize, state: &str| {
        let deadline = Instant::now() + Duration::from_secs(10);
        while client(&["readers", "--json"]).expect(0).json()[reader]["state"] != state {
            assert!(Instant::now() < deadline, "reader {reader} does not become {state}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let verify = |reader: &str, card: usize| {
        client(&["verify", "--reader", reader, "--can", &demo().can(card), "--trust", &demo().path("pki/csca.cer"), "--json"])
    };
    let address = format!("127.0.0.1:{}", pcscd.port);
    let mut console = Console::start(&["--image", &cards[0], "--image", &cards[1], "--vpcd", &address, "--timing", "fast"]);
    seen(0, "card");
    seen(1, "card");
    assert_eq!(verify("pcsc:0", 17).expect(0).json()["verdict"], "genuine");
    assert_eq!(verify("pcsc:1", 18).expect(0).json()["verdict"], "genuine");
    let time = console.does("time");
    assert!(time["parts"]["keys"].as_u64().is_some_and(|keys| keys >= 100_000_000), "PACE alone is five operations of 20 ms: {time}");

    // its power goes at the first write, which PACE makes before it compares
    console.does("tear");
    let _ = verify("pcsc:0", 17).expect(5);
    assert_eq!(console.does("state")["torn"], true);
    seen(0, "empty");
    assert_eq!(verify("pcsc:1", 18).expect(0).json()["verdict"], "genuine");
    console.does("reset");
    seen(0, "card");
    assert_eq!(verify("pcsc:0", 17).expect(0).json()["verdict"], "genuine");

    console.does("remove");
    seen(0, "empty");
    console.does("remove 2");
    assert_eq!(console.does("insert 2 1")["reader"], 1);
    seen(0, "card");
    console.does("fault VF-CA-018");
    assert_eq!(verify("pcsc:0", 18).expect(1).json()["verdict"], "not-genuine");
    assert_eq!(console.does("fault")["faults"][0]["shown"], 1);
    assert_eq!(console.ask("insert 1 1")["ok"], false);
    console.does("reset cold");
    seen(0, "card");
}
