//! Programs by others, run for real over pcscd: readers of others on our virtual card, our reader on cards of others.
//!
//! Needs the built `cardwright` ($CARDWRIGHT, else target/debug of the repository). Where something cannot be had, a test prints
//! `skipped: <reason>` and passes; where CI is set, a PC/SC daemon must be there.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

#[path = "../../../support/pcscd.rs"]
mod pcscd;

mod conform;
mod general_procedure;

use pcscd::Pcscd;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/peers lies in the repository")
}

fn cardwright() -> PathBuf {
    let path = std::env::var_os("CARDWRIGHT").map_or_else(|| repository().join("target/debug/cardwright"), PathBuf::from);
    assert!(path.exists(), "{} is not built: cargo build", path.display());
    path
}

fn output(program: impl AsRef<std::ffi::OsStr>, pcscd: &Pcscd, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).env("PCSCLITE_CSOCK_NAME", &pcscd.socket).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Two cards of the demo.
fn demo() -> &'static Path {
    static DEMO: OnceLock<tempfile::TempDir> = OnceLock::new();
    DEMO.get_or_init(|| {
        let dir = tempfile::tempdir().expect("folder");
        let made = Command::new(cardwright())
            .args(["demo", "--cards", "2", "--out"])
            .arg(dir.path().join("demo"))
            .output()
            .expect("the program starts");
        assert!(made.status.success(), "{}", text(&made.stderr));
        dir
    })
    .path()
}

/// What is printed on card 1: CAN, and the lines of its MRZ.
fn person() -> (String, Vec<String>) {
    let people: Value = serde_json::from_slice(&std::fs::read(demo().join("demo/people.json")).expect("people.json")).expect("JSON");
    let person = &people[0];
    let mrz = person["mrz"].as_array().expect("lines").iter().map(|line| line.as_str().expect("text").to_owned()).collect();
    (person["can"].as_str().expect("text").to_owned(), mrz)
}

/// A card of someone in a reader, for as long as the value lives.
struct Inserted(Child);

impl Drop for Inserted {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until the daemon sees a card in reader `index`.
fn present(pcscd: &Pcscd, index: u16) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        let listed = output(cardwright(), pcscd, &["readers", "--json"]);
        let readers: Value = serde_json::from_slice(&listed.stdout).unwrap_or_default();
        if readers[usize::from(index)]["state"] == "card" {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// Our virtual card 1 in reader 0.
fn our_card(pcscd: &Pcscd) -> Inserted {
    our_card_of(pcscd, &demo().join("demo/cards/0001.card"))
}

fn our_card_of(pcscd: &Pcscd, image: &Path) -> Inserted {
    let child = Command::new(cardwright())
        .args(["sim", "--vpcd", &format!("127.0.0.1:{}", pcscd.port), "--image"])
        .arg(image)
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let inserted = Inserted(child);
    assert!(present(pcscd, 0), "our card does not appear in the reader");
    inserted
}

/// Lines `FID HEX` as the readers of others print them, against the files that the demo left.
fn same_files(printed: &[u8], expected: &[(&str, &str)]) {
    let printed = text(printed);
    for (fid, name) in expected {
        let line =
            printed.lines().find_map(|line| line.strip_prefix(&format!("{fid} "))).unwrap_or_else(|| panic!("no {fid} in {printed}"));
        let file = std::fs::read(demo().join("demo/lds/0001").join(name)).expect("file of the demo");
        let file: String = file.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(line, file, "{name}");
    }
}

#[test]
fn crate_emrtd_opens_our_card_by_bac_and_reads_what_we_wrote() {
    let Some(pcscd) = Pcscd::start(2) else { return };
    let _card = our_card(&pcscd);
    let (_, mrz) = person();
    let (number, birth, expiry) = (&mrz[0][5..14], &mrz[1][..6], &mrz[1][8..14]);
    let reader = pcscd.reader(0);
    let read = output(env!("CARGO_BIN_EXE_bac_reader"), &pcscd, &[&reader, number, birth, expiry, "011E", "0101", "010D", "011D"]);
    assert!(read.status.success(), "{}", text(&read.stderr));
    same_files(&read.stdout, &[("011E", "EF.COM"), ("0101", "EF.DG1"), ("010D", "EF.DG13"), ("011D", "EF.SOD")]);
    let refused = output(env!("CARGO_BIN_EXE_bac_reader"), &pcscd, &[&reader, number, birth, "000101", "011E"]);
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused.stderr));
}

#[test]
fn libeac_opens_our_card_by_pace_and_reads_what_we_wrote() {
    let Some(pcscd) = Pcscd::start(2) else { return };
    let _card = our_card(&pcscd);
    let (can, mrz) = person();
    let (reader, mrz) = (pcscd.reader(0), mrz.concat());
    for (kind, secret) in [("can", can.as_str()), ("mrz", mrz.as_str())] {
        let read = output(env!("CARGO_BIN_EXE_pace_terminal"), &pcscd, &[&reader, kind, secret, "0101", "0102", "010E", "011D"]);
        if read.status.code() == Some(3) {
            println!("skipped: {}", text(&read.stderr).trim());
            return;
        }
        assert!(read.status.success(), "{kind}: {}", text(&read.stderr));
        same_files(&read.stdout, &[("0101", "EF.DG1"), ("0102", "EF.DG2"), ("010E", "EF.DG14"), ("011D", "EF.SOD")]);
    }
    let wrong = if can == "000000" { "000001" } else { "000000" };
    let refused = output(env!("CARGO_BIN_EXE_pace_terminal"), &pcscd, &[&reader, "can", wrong]);
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused.stderr));
}

/// PACE with PIN and PUK, and RESET RETRY COUNTER, by libeac's arithmetic; in between our own reader blocks the PIN.
#[test]
fn libeac_changes_and_unblocks_the_pin_of_our_card() {
    let Some(pcscd) = Pcscd::start(2) else { return };
    let folder = tempfile::tempdir().expect("folder");
    let (profile, made) = (folder.path().join("with-pin.toml"), folder.path().join("D"));
    let plain = std::fs::read_to_string(repository().join("fixtures/profiles/cccd-2021.toml")).expect("a profile");
    std::fs::write(&profile, plain + "\n[pin]\ndigits = 6\ntransport = 5\npuk = 10\nunblocks = 10\n").expect("written");
    let demo = Command::new(cardwright()).args(["demo", "--cards", "1", "--profile"]).arg(&profile).arg("--out").arg(&made).output();
    assert!(demo.as_ref().is_ok_and(|ran| ran.status.success()), "{demo:?}");
    let letter = |extension: &str| std::fs::read_to_string(made.join("letters/0001").with_extension(extension)).expect("a letter");
    let (transport, puk) = (letter("pin").trim().to_owned(), letter("puk").trim().to_owned());
    let people: Value = serde_json::from_slice(&std::fs::read(made.join("people.json")).expect("people.json")).expect("JSON");
    let can = people[0]["can"].as_str().expect("text").to_owned();
    let _card = our_card_of(&pcscd, &made.join("cards/0001.card"));
    let reader = pcscd.reader(0);
    let libeac = |arguments: &[&str]| output(env!("CARGO_BIN_EXE_pace_terminal"), &pcscd, &[&[reader.as_str()], arguments].concat());
    let state = || {
        let ran = output(cardwright(), &pcscd, &["pin", "status", "--reader", "pcsc:0", "--json"]);
        let status: Value = serde_json::from_slice(&ran.stdout).unwrap_or_default();
        status["pin"]["state"].as_str().unwrap_or_default().to_owned()
    };
    let changed = libeac(&["pin", &transport, "2C0203:271828"]);
    if changed.status.code() == Some(3) {
        println!("skipped: {}", text(&changed.stderr).trim());
        return;
    }
    assert!(changed.status.success(), "{}", text(&changed.stderr));
    let opened = libeac(&["pin", "271828", "0101"]);
    assert!(opened.status.success(), "{}", text(&opened.stderr));
    for _ in 0..2 {
        assert_eq!(libeac(&["pin", &transport]).status.code(), Some(4), "the old PIN");
    }
    assert_eq!(state(), "suspended");
    let wrong = folder.path().join("wrong");
    std::fs::write(&wrong, "000000\n").expect("written");
    let wrong = wrong.display().to_string();
    let ours = output(cardwright(), &pcscd, &["pin", "resume", "--reader", "pcsc:0", "--can", &can, "--pin-file", &wrong, "--last-try"]);
    assert_eq!((ours.status.code(), state().as_str()), (Some(4), "blocked"), "{}", text(&ours.stderr));
    let unblocked = libeac(&["puk", &puk, "2C0303:"]);
    assert!(unblocked.status.success(), "{}", text(&unblocked.stderr));
    assert_eq!(state(), "usable");
}

#[test]
fn opensc_and_scriptor_see_a_card() {
    let Some(pcscd) = Pcscd::start(2) else { return };
    let _card = our_card(&pcscd);
    if Command::new("opensc-tool").arg("--version").output().is_err() {
        println!("skipped: opensc-tool is not installed");
    } else {
        let selected = output("opensc-tool", &pcscd, &["-r", "0", "-s", "00A4040C07A0000002471001"]);
        assert!(text(&selected.stdout).contains("SW1=0x90, SW2=0x00"), "{}{}", text(&selected.stdout), text(&selected.stderr));
    }
    // the MF (the program before left the application selected), then an extended READ BINARY of EF.CardAccess, which opensc-tool refuses to send
    let Ok(mut script) = Command::new("scriptor")
        .args(["-r", &pcscd.reader(0)])
        .env("PCSCLITE_CSOCK_NAME", &pcscd.socket)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
    else {
        println!("skipped: scriptor is not installed");
        return;
    };
    script.stdin.take().expect("piped").write_all(b"00 A4 00 0C 02 3F 00\n00 B0 9C 00 00 00 00\n").expect("written");
    let answered = script.wait_with_output().expect("it ends");
    let file = std::fs::read(demo().join("demo/lds/0001/EF.CardAccess")).expect("file of the demo");
    let file: String = file.iter().map(|byte| format!("{byte:02X}")).collect();
    let answer: String = text(&answered.stdout).chars().filter(char::is_ascii_hexdigit).collect();
    assert!(answer.contains(&format!("{file}9000")) || answer.contains(&format!("{file}6282")), "{}", text(&answered.stdout));
}

/// The interpreter and the binding that Debian's emulator needs, made once; `None` with the reason where they cannot be had.
fn emulator() -> Option<&'static Path> {
    static MADE: OnceLock<Option<PathBuf>> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = repository().join("target/peers/vicc");
        let made = Command::new(repository().join("tests/peers/prepare-vicc")).arg(&folder).output().expect("bash is there");
        if made.status.success() {
            return Some(folder);
        }
        println!("skipped: {}", text(&made.stderr).lines().last().unwrap_or_default());
        None
    })
    .as_deref()
}

/// A card of Debian's emulator in reader 0. `lines` are what it asks for on its standard input.
fn vicc(pcscd: &Pcscd, kind: &str, lines: &str) -> Option<Inserted> {
    vicc_with(pcscd, kind, lines, &[])
}

fn vicc_with(pcscd: &Pcscd, kind: &str, lines: &str, more: &[&str]) -> Option<Inserted> {
    let folder = emulator()?;
    let mut child = Command::new(folder.join("venv/bin/python"))
        .arg(repository().join("tests/peers/vicc.py"))
        .args(["-t", kind, "-H", "127.0.0.1", "-P", &pcscd.port.to_string()])
        .args(more)
        .env("EAC_BINDING", folder.join("binding"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python starts");
    child.stdin.take().expect("piped").write_all(lines.as_bytes()).expect("written");
    let mut inserted = Inserted(child);
    if present(pcscd, 0) {
        return Some(inserted);
    }
    let _ = inserted.0.kill();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut inserted.0.stderr.take().expect("piped"), &mut said).expect("readable");
    if inserted.0.wait().expect("started").code() == Some(69) {
        println!("skipped: {}", said.trim());
        return None;
    }
    panic!("vicc {kind} does not appear in the reader:\n{said}");
}

/// The result of one check of a report.
fn result<'a>(report: &'a Value, id: &str) -> &'a str {
    report["checks"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|check| check["id"] == id)
        .and_then(|check| check["result"].as_str())
        .unwrap_or("absent")
}

/// The German card has no passport application, so PACE and EF.CardSecurity behind it are what there is to show.
#[test]
fn our_reader_opens_the_german_card_by_pace_with_can_mrz_pin_and_puk() {
    const MRZ: &str = "IDD<<T220001293<<<<<<<<<<<<<<<6408125<2010315D<<<<<<<<<<<<<<MUSTERMANN<<ERIKA<<<<<<<<<<<<<";
    let Some(pcscd) = Pcscd::start(2) else { return };
    let Some(_card) = vicc(&pcscd, "nPA", "") else { return };
    let folder = tempfile::tempdir().expect("folder");
    let file = |name: &str, digits: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{digits}\n")).expect("written");
        path.display().to_string()
    };
    let (pin, puk) = (file("pin", "111111"), file("puk", "3333333333"));
    for access in [["--can", "222222"], ["--mrz", MRZ], ["--pin-file", &pin], ["--puk-file", &puk]] {
        let out = folder.path().join(access[0]).display().to_string();
        let read = output(cardwright(), &pcscd, &["read", "--json", "--reader", "pcsc:0", "--out", &out, access[0], access[1]]);
        assert_eq!(read.status.code(), Some(3), "{access:?}: {}{}", text(&read.stdout), text(&read.stderr));
        let report: Value = serde_json::from_slice(&read.stdout).expect("JSON");
        assert_eq!(result(&report, "access.pace"), "passed", "{report}");
        // read under secure messaging: signed data of 2010, behind PACE on the card
        let security = std::fs::read(folder.path().join(access[0]).join("EF.CardSecurity")).expect("EF.CardSecurity");
        assert!(security.starts_with(&[0x30, 0x82]) && security.len() > 1000, "{} bytes", security.len());
    }
    let read = output(cardwright(), &pcscd, &["read", "--reader", "pcsc:0", "--can", "222223"]);
    assert_eq!(read.status.code(), Some(4), "{}{}", text(&read.stdout), text(&read.stderr));
}

#[test]
fn our_reader_opens_the_epass_by_bac_and_gets_dg1() {
    const MRZ: &str = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10";
    let Some(pcscd) = Pcscd::start(2) else { return };
    let Some(_card) = vicc(&pcscd, "ePass", &format!("{MRZ}\n\n")) else { return };
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().display().to_string();
    let read = output(cardwright(), &pcscd, &["read", "--json", "--reader", "pcsc:0", "--out", &out, "--mrz", MRZ, "EF.DG1"]);
    assert_eq!(read.status.code(), Some(0), "{}{}", text(&read.stdout), text(&read.stderr));
    let report: Value = serde_json::from_slice(&read.stdout).expect("JSON");
    assert_eq!(result(&report, "access.bac"), "passed", "{report}");
    let mut dg1 = vec![0x61, 0x5B, 0x5F, 0x1F, 0x58];
    dg1.extend(MRZ.as_bytes());
    assert_eq!(std::fs::read(folder.path().join("EF.DG1")).expect("EF.DG1"), dg1);
    let wrong = output(cardwright(), &pcscd, &["read", "--reader", "pcsc:0", "--mrz", "L898902C4 740812 120415", "EF.DG1"]);
    assert_eq!(wrong.status.code(), Some(4), "{}{}", text(&wrong.stdout), text(&wrong.stderr));
}
