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
    let image = demo().join("demo/cards/0001.card");
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

/// Runs a tool in `folder`; `false` where it is not installed.
fn tool(folder: &Path, program: &str, arguments: &[&str]) -> bool {
    let Ok(ran) = Command::new(program).args(arguments).current_dir(folder).output() else {
        println!("skipped: {program} is not installed");
        return false;
    };
    assert!(ran.status.success(), "{program} {arguments:?}: {}", text(&ran.stderr));
    true
}

fn tlv(tag: u8, values: &[&[u8]]) -> Vec<u8> {
    let value = values.concat();
    let length = match value.len() {
        n @ 0..=0x7F => vec![n as u8],
        n @ 0x80..=0xFF => vec![0x81, n as u8],
        n => vec![0x82, (n >> 8) as u8, n as u8],
    };
    [&[tag], length.as_slice(), &value].concat()
}

/// Below bsi-de protocols smartcard, 0.4.0.127.0.7.2.2.
fn oid(arcs: &[u8]) -> Vec<u8> {
    tlv(0x06, &[&[0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02], arcs])
}

/// PACE-ECDH-GM and Chip Authentication version 2 on brainpoolP256r1 with AES-128, Terminal Authentication version 2; with `domain` also
/// the domain of Chip Authentication, as cards have it that show EF.CardSecurity to an authenticated terminal only.
fn announced(domain: bool) -> Vec<Vec<u8>> {
    let number = |n: u8| tlv(0x02, &[&[n]]);
    let mut infos = vec![
        tlv(0x30, &[&oid(&[2]), &number(2)]),
        tlv(0x30, &[&oid(&[3, 2, 2]), &number(2)]),
        tlv(0x30, &[&oid(&[4, 2, 2]), &number(2), &number(13)]),
    ];
    if domain {
        let standardized = tlv(0x06, &[&[0x04, 0x00, 0x7F, 0x00, 0x07, 0x01, 0x02]]);
        infos.push(tlv(0x30, &[&oid(&[3, 2]), &tlv(0x30, &[&standardized, &number(13)])]));
    }
    infos
}

fn set(infos: &[Vec<u8>]) -> Vec<u8> {
    let parts: Vec<&[u8]> = infos.iter().map(Vec::as_slice).collect();
    tlv(0x31, &parts)
}

const BRAINPOOL: [&str; 6] = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1", "-pkeyopt"];

/// A key of openssl on brainpoolP256r1, `NAME.der` in PKCS#8 without a pass phrase.
fn key(folder: &Path, name: &str) -> bool {
    let (pem, out) = (format!("{name}.pem"), format!("{name}.der"));
    tool(folder, "openssl", &[&BRAINPOOL[..], &["ec_param_enc:named_curve", "-out", &pem]].concat())
        && tool(folder, "openssl", &["pkcs8", "-topk8", "-nocrypt", "-in", &pem, "-outform", "DER", "-out", &out])
}

/// What the makers of a German card and of a terminal for it need, made by openssl and openpace: `card/` with EF.CardAccess and an
/// EF.CardSecurity that the country's signer signed, its key, and the CVCA; `terminal/` with certificates and key; `csca.der`.
fn authorities(folder: &Path) -> Option<()> {
    let made = (|| {
        ["card", "terminal", "other"].iter().for_each(|name| std::fs::create_dir(folder.join(name)).expect("folder"));
        let card = folder.join("card");
        let same = ["ca", "other"].iter().all(|name| key(&card, name))
            && tool(
                &card,
                "openssl",
                &["pkey", "-inform", "DER", "-in", "ca.der", "-pubout", "-ec_param_enc", "explicit", "-outform", "DER", "-out", "ca.spki"],
            );
        let spki = std::fs::read(card.join("ca.spki")).ok().filter(|_| same)?;
        let mut signed = announced(false);
        std::fs::write(card.join("EF.CardAccess"), set(&signed)).expect("written");
        std::fs::write(card.join("EF.CardAccess.domain"), set(&announced(true))).expect("written");
        signed.push(tlv(0x30, &[&oid(&[1, 2]), &spki]));
        std::fs::write(card.join("infos"), set(&signed)).expect("written");
        let config = "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nC=UT\nO=Test\nCN=CSCA Test\n\
            [csca]\nbasicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n\
            [ds]\nkeyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n";
        std::fs::write(card.join("openssl.cnf"), config).expect("written");
        let pem = |name: &str| {
            let out = format!("{name}.key");
            tool(&card, "openssl", &[&BRAINPOOL[..], &["ec_param_enc:explicit", "-out", &out]].concat())
        };
        let steps = pem("csca")
            && pem("ds")
            && tool(
                &card,
                "openssl",
                &[
                    "req",
                    "-new",
                    "-x509",
                    "-config",
                    "openssl.cnf",
                    "-key",
                    "csca.key",
                    "-sha256",
                    "-days",
                    "3650",
                    "-set_serial",
                    "1",
                    "-extensions",
                    "csca",
                    "-out",
                    "csca.pem",
                ],
            )
            && tool(&card, "openssl", &["x509", "-in", "csca.pem", "-outform", "DER", "-out", "../csca.der"])
            && tool(
                &card,
                "openssl",
                &["req", "-new", "-config", "openssl.cnf", "-key", "ds.key", "-subj", "/C=UT/O=Test/CN=DS 1", "-out", "ds.csr"],
            )
            && tool(
                &card,
                "openssl",
                &[
                    "x509",
                    "-req",
                    "-in",
                    "ds.csr",
                    "-CA",
                    "csca.pem",
                    "-CAkey",
                    "csca.key",
                    "-sha256",
                    "-days",
                    "1000",
                    "-set_serial",
                    "2",
                    "-extfile",
                    "openssl.cnf",
                    "-extensions",
                    "ds",
                    "-out",
                    "ds.pem",
                ],
            )
            && tool(
                &card,
                "openssl",
                &[
                    "cms",
                    "-sign",
                    "-binary",
                    "-nodetach",
                    "-outform",
                    "DER",
                    "-econtent_type",
                    "0.4.0.127.0.7.3.2.1",
                    "-md",
                    "sha256",
                    "-nosmimecap",
                    "-in",
                    "infos",
                    "-signer",
                    "ds.pem",
                    "-inkey",
                    "ds.key",
                    "-out",
                    "EF.CardSecurity",
                ],
            );
        // two chains with the same names, of which the card trusts the first
        (steps && chain(folder, "terminal") && chain(folder, "other")).then(|| {
            std::fs::copy(folder.join("terminal-keys/cvca"), card.join("cvca")).expect("copied");
        })
    })();
    made
}

/// CVCA, DV, and authentication terminal (id-AT) in `FOLDER/NAME`, the CVCA in `NAME-keys`.
fn chain(folder: &Path, name: &str) -> bool {
    let keys = folder.join(format!("{name}-keys"));
    std::fs::create_dir(&keys).expect("folder");
    let days = |days: u64| {
        let day = std::time::SystemTime::now() + Duration::from_secs(days * 86_400);
        let seconds = day.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
        let shown = Command::new("date").args(["-u", "-d", &format!("@{seconds}"), "+%y%m%d"]).output().expect("date is there");
        text(&shown.stdout).trim().to_owned()
    };
    let (late, soon, scheme, rights) = (days(900), days(80), "--scheme=ECDSA_SHA_256", ["--read-dg1", "--read-dg4", "--rid"]);
    let create = |arguments: &[&str]| tool(&keys, "cvc-create", &[arguments, &[scheme], &rights].concat());
    let out = |file: &str| format!("--out-cert={}", folder.join(name).join(file).display());
    let (late, soon) = (format!("--expires={late}"), format!("--expires={soon}"));
    let made = ["cvca", "dv", "at"].iter().all(|name| key(&keys, name))
        && create(&["--role=cvca", "--type=at", "--chr=ZZATCVCA00001", &late, "--sign-with=cvca.der", "--out-cert=cvca"])
        && create(&[
            "--role=dv_domestic",
            "--chr=ZZATDV00001",
            &soon,
            "--sign-as=cvca",
            "--sign-with=cvca.der",
            "--key=dv.der",
            "--out-cert=dv",
        ])
        && create(&[
            "--role=terminal",
            "--chr=ZZATTERM00001",
            &soon,
            "--sign-as=dv",
            "--sign-with=dv.der",
            "--key=at.der",
            &out("at.cvcert"),
        ]);
    if made {
        std::fs::copy(keys.join("dv"), folder.join(name).join("dv.cvcert")).expect("copied");
        std::fs::copy(keys.join("at.der"), folder.join(name).join("at.pkcs8")).expect("copied");
    }
    made
}

fn reason<'a>(report: &'a Value, id: &str) -> &'a str {
    let check = report["checks"].as_array().into_iter().flatten().find(|check| check["id"] == id);
    check.and_then(|check| check["reason"]["code"].as_str()).unwrap_or("")
}

/// The General Authentication Procedure with a card whose PACE, Terminal, and Chip Authentication are all libeac's. It has no passport
/// application, so that these and EF.CardSecurity are all that there is to judge.
#[test]
fn our_reader_does_terminal_and_chip_authentication_version_2_with_the_german_card() {
    let folder = tempfile::tempdir().expect("folder");
    let Some(()) = authorities(folder.path()) else { return };
    let path = |name: &str| folder.path().join(name).display().to_string();
    let pin = path("pin");
    std::fs::write(&pin, "111111\n").expect("written");
    let (security, cvca) = (path("card/EF.CardSecurity"), path("card/cvca"));
    let once = |access: &str, key: &str, terminal: &str, trust: bool| -> Option<(Value, bool)> {
        let pcscd = Pcscd::start(2)?;
        let (access, key) = (path(&format!("card/{access}")), path(&format!("card/{key}")));
        let card = ["--ef-cardaccess", &access, "--ef-cardsecurity", &security, "--ca-key", &key, "--cvca", &cvca];
        let _card = vicc_with(&pcscd, "nPA", "", &card)?;
        let (terminal, csca, trace) = (path(terminal), path("csca.der"), path("trace"));
        let _ = std::fs::remove_file(&trace);
        // where libeac does not like a file of the card, the emulator never answers again
        let program = cardwright().display().to_string();
        let mut arguments = vec!["60", &program, "verify", "--json", "--reader", "pcsc:0", "--trace", &trace, "--pin-file", &pin];
        arguments.extend(["--terminal-keys", &terminal]);
        if trust {
            arguments.extend(["--trust", &csca]);
        }
        let ran = output("timeout", &pcscd, &arguments);
        assert_eq!(ran.status.code(), Some(3), "{}{}", text(&ran.stdout), text(&ran.stderr));
        let trace = std::fs::read_to_string(&trace).expect("a trace");
        assert!(trace.contains("\n< 7C43844104"), "the trace shows no key of the chip: {trace}");
        Some((serde_json::from_slice(&ran.stdout).expect("JSON"), trace.contains("\n< 7C4384410400")))
    };
    // libeac takes the chip's key of PACE without its leading zeros for the chip's identifier, and so refuses one signature in 170: where
    // the trace shows such a key, exactly that must happen, and the card is asked again
    let verify = |access: &str, key: &str, terminal: &str, trust: bool| loop {
        let (report, cut) = once(access, key, terminal, trust)?;
        if !cut {
            break Some(report);
        }
        assert_eq!((result(&report, "ta"), reason(&report, "ta")), ("failed", "refused"), "{report:#}");
    };
    let is = |report: &Value, id: &str, expected: (&str, &str)| {
        assert_eq!((result(report, id), reason(report, id)), expected, "{id}: {report:#}");
    };
    // EF.CardSecurity is read before Terminal Authentication, or after it where EF.CardAccess says the domain
    for access in ["EF.CardAccess", "EF.CardAccess.domain"] {
        let Some(report) = verify(access, "ca.der", "terminal", true) else { return };
        for id in ["access.pace", "ta", "ca", "card_security.signature", "card_security.chain"] {
            is(&report, id, ("passed", ""));
        }
        is(&report, "application", ("not-supported", "no-application"));
    }
    // a key that no trusted state signed is anybody's
    let Some(report) = verify("EF.CardAccess", "ca.der", "terminal", false) else { return };
    is(&report, "ta", ("passed", ""));
    is(&report, "ca", ("not-attempted", "key-not-confirmed"));
    // a chip without the private key of EF.CardSecurity
    let Some(report) = verify("EF.CardAccess", "other.der", "terminal", true) else { return };
    is(&report, "ta", ("passed", ""));
    is(&report, "ca", ("failed", "key-not-proven"));
    // a terminal whose certificates stand under another key with the same name
    let Some(report) = verify("EF.CardAccess", "ca.der", "other", true) else { return };
    is(&report, "ta", ("failed", "refused"));
    is(&report, "ca", ("not-attempted", "no-terminal-authentication"));
}
