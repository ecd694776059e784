//! The General Authentication Procedure (PACE, Terminal and Chip Authentication version 2) of our reader with the emulated German card, whose
//! certificates and files openpace and openssl make.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::{Pcscd, cardwright, output, result, text, vicc_with};

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

/// The same card has an eID application: our terminal reads it with certificates of openpace. Questions are not asked: the emulator answers
/// VERIFY of class 8C with 6F00, and in the clear.
#[test]
fn our_terminal_reads_the_eid_application_of_the_german_card() {
    let folder = tempfile::tempdir().expect("folder");
    let Some(()) = authorities(folder.path()) else { return };
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("pin"), "111111\n").expect("written");
    let once = || -> Option<(Value, Option<i32>)> {
        let pcscd = Pcscd::start(2)?;
        let (access, security, key, cvca) =
            (path("card/EF.CardAccess"), path("card/EF.CardSecurity"), path("card/ca.der"), path("card/cvca"));
        let card = ["--ef-cardaccess", &access, "--ef-cardsecurity", &security, "--ca-key", &key, "--cvca", &cvca];
        let _card = vicc_with(&pcscd, "nPA", "", &card)?;
        let (pin, terminal, csca, program) = (path("pin"), path("terminal"), path("csca.der"), cardwright().display().to_string());
        let asked = ["60", &program, "eid", "read", "--json", "--reader", "pcsc:0", "--pin-file", &pin, "--terminal-keys", &terminal];
        let ran = output("timeout", &pcscd, &[&asked[..], &["--trust", &csca]].concat());
        let answer = serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{}", text(&ran.stderr)));
        Some((answer, ran.status.code()))
    };
    let found = |answer: &Value, id: &str| {
        let finding = answer["findings"].as_array().into_iter().flatten().find(|finding| finding["id"] == id).cloned();
        finding.map_or(Value::Null, |finding| finding["result"].clone())
    };
    // libeac refuses one proof of the terminal in 170 (see below): asked again then, and twice in a row is something else
    let Some((mut answer, mut code)) = once() else { return };
    if found(&answer, "ta") == "failed" {
        let Some(again) = once() else { return };
        (answer, code) = again;
    }
    assert_eq!((code, &answer["verdict"]), (Some(0), &Value::from("genuine")), "{answer:#}");
    let groups = answer["groups"].as_array().expect("a list").iter();
    let read: Vec<_> = groups.map(|group| (group["group"].as_u64(), group["bytes"].as_str().unwrap_or_default())).collect();
    assert_eq!(read, [(Some(1), "610413024944"), (Some(4), "64070C054552494B41")], "{answer:#}");
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
