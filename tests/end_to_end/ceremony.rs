//! `pki ceremony`: officers, a signed protocol that OpenSSL verifies, a rehearsal, an interruption.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Ended, cardwright, ended};

struct Room {
    folder: tempfile::TempDir,
    dir: PathBuf,
}

impl Room {
    fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let dir = folder.path().join("ca");
        std::fs::create_dir(&dir).expect("folder");
        let text = format!(
            "version = 1\n[authority]\ncountry = \"UT\"\nstate = \"UTO\"\ncrl = [\"http://csca.example/csca.crl\"]\nparameters = \"named\"\n\
             [csca]\nkey = \"P-256\"\n[ds]\n{more}"
        );
        std::fs::write(dir.join("pki.toml"), text).expect("written");
        for name in ["ana", "ben", "cho", "dan", "signer"] {
            std::fs::write(folder.path().join(name), format!("secret of {name}\n")).expect("written");
        }
        Self { folder, dir }
    }

    fn name(&self) -> String {
        self.dir.display().to_string()
    }

    /// An officer with the secret in the file of `secret`.
    fn officer(&self, name: &str, secret: &str) -> String {
        format!("{name}={}", self.folder.path().join(secret).display())
    }

    /// Runs `pki` with `arguments` and officers, each with their own secret.
    fn run(&self, arguments: &[&str], officers: &[&str]) -> Ended {
        let officers: Vec<String> = officers.iter().map(|name| self.officer(name, name)).collect();
        self.with(arguments, officers.iter().flat_map(|officer| ["--officer", officer]))
    }

    fn with<'a>(&self, arguments: &[&str], more: impl IntoIterator<Item = &'a str>) -> Ended {
        let output = cardwright().arg("pki").args(arguments).args(more).stdin(Stdio::null()).output().expect("the program starts");
        ended(output)
    }

    fn hold(&self) -> Ended {
        self.run(&["ceremony", &self.name(), "--needed", "2"], &["ana", "ben", "cho"])
    }

    /// Issues a document signer with these officers.
    fn issue(&self, officers: &[&str]) -> Ended {
        let file = self.folder.path().join("signer").display().to_string();
        self.run(&["issue", &self.name(), "ds", "--signer-passphrase-file", &file], officers)
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(&self.dir).expect("folder").flatten();
        entries.map(|entry| (entry.file_name().into_string().expect("text"), std::fs::read(entry.path()).expect("file"))).collect()
    }
}

fn openssl(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl").args(arguments).output().expect("openssl is installed");
    (output.status.success(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// A certificate as PEM, in `to`: what `openssl verify` takes beside the one that it verifies.
fn pem(der: &Path, to: &Path) -> String {
    let name = der.with_extension("pem");
    let (der, pem) = (der.display().to_string(), to.join(name.file_name().expect("a file")).display().to_string());
    assert!(openssl(&["x509", "-inform", "DER", "-in", &der, "-out", &pem]).0);
    pem
}

/// OpenSSL's word on the protocol of `label`, with nothing but the certificate.
fn openssl_verifies(dir: &Path, label: &str) -> bool {
    let path = |end: &str| dir.join(format!("{label}.{end}")).display().to_string();
    let key = path("pem");
    assert!(openssl(&["x509", "-inform", "DER", "-in", &path("cer"), "-noout", "-pubkey", "-out", &key]).0);
    let (ok, _) = openssl(&["dgst", "-sha256", "-verify", &key, "-signature", &path("ceremony.sig"), &path("ceremony.jsonl")]);
    std::fs::remove_file(key).expect("removed");
    ok
}

#[test]
fn any_two_of_three_officers_open_the_key_and_openssl_verifies_the_protocol() {
    let room = Room::new("");
    let told = room.hold().expect(0).stdout;
    for words in ["any 2 together open the key csca in file", "divided into 3 shares", "its certificate issued", "signed with the key csca"]
    {
        assert!(told.contains(words), "{words}\n{told}");
    }
    assert!(openssl_verifies(&room.dir, "csca"));
    let verified = room.run(&["ceremony", "verify", &room.name(), "--json"], &[]).expect(0).json();
    assert_eq!((verified["key"].as_str(), verified["register"].as_bool()), (Some("csca"), Some(true)));
    let files = ["csca.cer", "csca.key", "csca.shares.json"].map(|file| verified["files"][file].as_str().unwrap_or("not named").to_owned());
    assert_eq!(files, ["same", "same", "same"]);
    assert_eq!(verified["steps"][0]["who"], serde_json::json!(["ana", "ben", "cho"]));

    room.issue(&["ana", "cho"]).expect(0);
    room.issue(&["ben", "ana"]).expect(0);
    let (root, signer) = (pem(&room.dir.join("csca.cer"), room.folder.path()), format!("{}/ds-2.cer", room.name()));
    let (ok, said) = openssl(&["verify", "-x509_strict", "-purpose", "any", "-CAfile", &root, &signer]);
    assert!(ok, "{said}");
    // the register has grown since, and that is no contradiction
    room.run(&["ceremony", "verify", &room.name()], &[]).expect(0);
    // neither an officer's secret nor a share is anywhere in clear
    let all = room.files();
    assert!(all.values().all(|bytes| !bytes.windows(9).any(|window| window == b"secret of")));
}

#[test]
fn too_few_or_wrong_officers_open_nothing() {
    let room = Room::new("");
    room.hold().expect(0);
    let before = room.files();
    room.issue(&["ana"]).expect(6).says(&["2 officers are needed, found 1", "hint: give --officer NAME for 2 of ana, ben, cho"]);
    room.issue(&[]).expect(6).says(&["2 officers are needed, found 0"]);
    room.issue(&["ana", "dan"]).expect(6).says(&["dan holds no share of csca"]);
    room.issue(&["ana", "ana"]).expect(2).says(&["officer ana is named twice"]);
    let (ana, ben) = (room.officer("ana", "ana"), room.officer("ben", "cho"));
    let said = room.with(&["issue", &room.name(), "ds"], ["--officer", &ana, "--officer", &ben]);
    let said = said.expect(6).says(&["the pass phrase of officer ben does not open their share"]);
    assert!(!said.stderr.contains("secret of"), "{}", said.stderr);
    assert_eq!(room.files(), before, "a refusal changes nothing");
}

#[test]
fn a_ceremony_that_is_refused_leaves_nothing() {
    let room = Room::new("");
    let hold = |needed: &str, officers: &[&str]| room.run(&["ceremony", &room.name(), "--needed", needed], officers);
    hold("3", &["ana", "ben"]).expect(2).says(&["found 3 of 2"]);
    hold("1", &["ana", "ben"]).expect(2).says(&["found 1 of 2"]);
    hold("2", &[]).expect(2).says(&["a ceremony needs officers"]);
    hold("2", &["ana", "ana", "ben"]).expect(2).says(&["officer ana is named twice"]);
    let (ana, ben) = (room.officer("ana", "ana"), room.officer("ben", "ana"));
    let same = room.with(&["ceremony", &room.name(), "--needed", "2"], ["--officer", &ana, "--officer", &ben]);
    same.expect(2).says(&["officers ana and ben gave the same pass phrase"]);
    // without a terminal nobody can be asked
    let nobody = room.with(&["ceremony", &room.name(), "--needed", "2"], ["--officer", "ana", "--officer", "ben"]);
    nobody.expect(2).says(&["a pass phrase is needed", "--officer ana=FILE", "CARDWRIGHT_OFFICER_ANA"]);
    room.run(&["ceremony", &room.name(), "--needed", "2", "--rollover"], &["ana", "ben"]).expect(2).says(&["there is no CSCA yet"]);
    assert!(room.files().keys().all(|file| file == "pki.toml" || file.starts_with("register")), "{:?}", room.files().keys());
    room.hold().expect(0);
    room.hold().expect(2).says(&["there is a CSCA already (csca)", "--rollover"]);
}

#[test]
fn a_rehearsal_does_it_all_and_leaves_nothing() {
    let room = Room::new("");
    let before = room.files();
    let rehearse = ["ceremony", &room.name(), "--needed", "2", "--rehearsal"].map(str::to_owned);
    let rehearse: Vec<&str> = rehearse.iter().map(String::as_str).collect();
    let stages = || {
        let places = [PathBuf::from("/dev/shm"), std::env::temp_dir()];
        let entries = places.iter().filter_map(|place| std::fs::read_dir(place).ok()).flatten().flatten();
        entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("cardwright-rehearsal-"))
            .map(|e| e.path())
            .collect::<Vec<_>>()
    };
    let there = stages();
    let told = room.run(&rehearse, &["ana", "ben", "cho"]).expect(0).stdout;
    assert!(told.contains("its certificate issued") && told.contains("rehearsal: all of it was removed"), "{told}");
    assert_eq!(room.files(), before);
    room.run(&rehearse, &["ana", "ana"]).expect(2);
    assert_eq!(room.files(), before);
    assert!(stages().iter().all(|stage| there.contains(stage)), "a stage is left");
    // the rehearsal of a rollover, with the key that there is
    room.hold().expect(0);
    let before = room.files();
    let (ana, ben) = (room.officer("ana", "ana"), room.officer("ben", "ben"));
    let arguments = [&rehearse[..], &["--rollover", "--outgoing", &ana, "--outgoing", &ben]].concat();
    let told = room.run(&arguments, &["cho", "dan"]).expect(0).stdout;
    assert!(told.contains("link-2.cer"), "{told}");
    assert_eq!(room.files(), before);
}

#[test]
fn a_rollover_hands_the_key_to_new_officers() {
    let room = Room::new("");
    room.hold().expect(0);
    let roll = ["ceremony", &room.name(), "--needed", "2", "--rollover"].map(str::to_owned);
    let roll: Vec<&str> = roll.iter().map(String::as_str).collect();
    room.run(&roll, &["cho", "dan"]).expect(6).says(&["2 officers are needed, found 0", "--outgoing NAME"]);
    let (ana, ben) = (room.officer("ana", "ana"), room.officer("ben", "ben"));
    let told = room.run(&[&roll[..], &["--outgoing", &ana, "--outgoing", &ben]].concat(), &["cho", "dan"]).expect(0).stdout;
    assert!(told.contains("csca-2.key") && told.contains("link-2.cer"), "{told}");
    assert!(openssl_verifies(&room.dir, "csca-2") && openssl_verifies(&room.dir, "csca"));
    room.run(&["ceremony", "verify", &room.name()], &[]).expect(0);
    room.run(&["ceremony", "verify", &room.name(), "csca"], &[]).expect(0);
    // the new key signs now, and the old officers do not open it
    room.issue(&["ana", "ben"]).expect(6).says(&["ana holds no share of csca-2"]);
    room.issue(&["dan", "cho"]).expect(0);
    let path = |name: &str| pem(&room.dir.join(name), room.folder.path());
    // each by the key that signed it: the document signer names the new root by serial number too, which OpenSSL takes at its word
    for (root, signed) in [("csca.cer", "link-2.cer"), ("csca-2.cer", "ds.cer")] {
        let (ok, said) = openssl(&["verify", "-purpose", "any", "-CAfile", &path(root), &path(signed)]);
        assert!(ok, "{said}");
    }
}

#[test]
fn a_changed_protocol_or_file_is_found() {
    let room = Room::new("");
    room.hold().expect(0);
    let verify = || room.run(&["ceremony", "verify", &room.name()], &[]);
    let change = |file: &str, edit: &dyn Fn(&mut Vec<u8>)| {
        let path = room.dir.join(file);
        let before = std::fs::read(&path).expect("file");
        let mut bytes = before.clone();
        edit(&mut bytes);
        std::fs::write(&path, bytes).expect("written");
        (path, before)
    };
    let (path, before) = change("csca.ceremony.jsonl", &|bytes| {
        let text = String::from_utf8_lossy(bytes).replacen("ana", "eva", 1);
        *bytes = text.into_bytes();
    });
    verify().expect(1).says(&["signature does not verify"]);
    assert!(!openssl_verifies(&room.dir, "csca"));
    std::fs::write(path, before).expect("written");
    let (path, before) = change("csca.shares.json", &|bytes| bytes.push(b'\n'));
    assert!(verify().expect(1).stdout.contains("csca.shares.json: changed"));
    std::fs::write(&path, before).expect("written");
    verify().expect(0);
    std::fs::remove_file(&path).expect("removed");
    assert!(verify().expect(1).stdout.contains("csca.shares.json: missing"));
}

#[test]
fn an_interrupted_ceremony_is_taken_away_or_finished() {
    let room = Room::new("");
    // ended before the certificate: draft, shares, and a key that no certificate names
    let draft = r#"{"v":1,"step":1,"time":"2026-11-22T09:00:00Z","who":["eve"],"what":"began","files":{}}"#;
    for (name, text) in [("csca.ceremony.draft", draft), ("csca.shares.json", "{}"), ("csca.key", "half a key")] {
        std::fs::write(room.dir.join(name), text).expect("written");
    }
    let told = room.hold().expect(0).stdout;
    assert!(told.contains("an earlier ceremony ended before a certificate was issued; taken away: csca.key, csca.shares.json"), "{told}");
    room.run(&["ceremony", "verify", &room.name()], &[]).expect(0);

    // ended after the certificate: the draft is there, the signed protocol is not
    let text = std::fs::read_to_string(room.dir.join("csca.ceremony.jsonl")).expect("protocol");
    let (steps, _) = text.trim_end().rsplit_once('\n').expect("steps");
    std::fs::write(room.dir.join("csca.ceremony.draft"), format!("{steps}\n")).expect("written");
    for name in ["csca.ceremony.jsonl", "csca.ceremony.sig"] {
        std::fs::remove_file(room.dir.join(name)).expect("removed");
    }
    room.run(&["ceremony", "verify", &room.name()], &[]).expect(7).says(&["was interrupted", "--finish"]);
    room.hold().expect(7).says(&["was interrupted", "--finish"]);
    room.run(&["ceremony", &room.name(), "--finish"], &["ana"]).expect(6).says(&["2 officers are needed"]);
    let told = room.run(&["ceremony", &room.name(), "--finish"], &["cho", "ben"]).expect(0).stdout;
    assert!(told.contains("here the ceremony was interrupted"), "{told}");
    assert!(openssl_verifies(&room.dir, "csca"));
    room.run(&["ceremony", "verify", &room.name()], &[]).expect(0);
    room.run(&["ceremony", &room.name(), "--finish"], &["cho", "ben"]).expect(2).says(&["no ceremony was interrupted"]);
}
