//! Bad input of the issuer: each mistake ends with its own exit code and says the field, what was expected, and what was found.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::{Ended, cardwright, ended, run};
use crate::walk::demo;

const PHRASE: &str = "the signer's own";

/// An authority whose document signer outlives every card.
fn authority() -> &'static Path {
    static AUTHORITY: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = AUTHORITY.get_or_init(|| {
        let folder = tempfile::tempdir().expect("folder");
        let dir = folder.path().join("ca").display().to_string();
        for arguments in [&["pki", "init", &dir, "--country", "VN", "--state", "VNM"][..], &["pki", "issue", &dir, "ds"]] {
            let output = cardwright()
                .env("CARDWRIGHT_PASSPHRASE", "the root's own")
                .env("CARDWRIGHT_SIGNER_PASSPHRASE", PHRASE)
                .args([arguments, &["--document-years", "25"]].concat())
                .output();
            ended(output.expect("the program starts")).expect(0);
        }
        folder
    });
    folder.path()
}

/// A folder with one record, `change`d, and its portrait; `perso build` on it.
fn build(folder: &Path, change: impl FnOnce(&mut Value), more: &[&str]) -> Ended {
    let demo = demo();
    let mut record = demo.people()[0].clone();
    change(&mut record);
    std::fs::create_dir_all(folder.join("people/0001")).expect("folder");
    for entry in std::fs::read_dir(demo.dir.join("people/0001")).expect("folder") {
        let path = entry.expect("entry").path();
        std::fs::copy(&path, folder.join("people/0001").join(path.file_name().expect("name"))).expect("copied");
    }
    let records = folder.join("people.json");
    std::fs::write(&records, json!([record]).to_string()).expect("written");
    build_file(&records, &folder.join("images"), more)
}

fn build_file(records: &Path, out: &Path, more: &[&str]) -> Ended {
    let ca = authority().join("ca").display().to_string();
    let (records, out) = (records.display().to_string(), out.display().to_string());
    let output = cardwright()
        .env("CARDWRIGHT_SIGNER_PASSPHRASE", PHRASE)
        .args([&["perso", "build", &records, "--pki", &ca, "--out", &out], more].concat())
        .output();
    ended(output.expect("the program starts"))
}

/// A good image of person 1.
pub(crate) fn image(folder: &Path) -> PathBuf {
    build(folder, |_| {}, &[]).expect(0);
    folder.join("images/0001.image")
}

pub(crate) fn root() -> String {
    authority().join("ca/csca.cer").display().to_string()
}

#[test]
fn a_record_that_is_right_is_built_and_never_overwritten() {
    let folder = tempfile::tempdir().expect("folder");
    let image = image(folder.path());
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&image).expect("image"));
    assert_eq!(mode & 0o777, 0o600, "an image holds private keys");
    build(folder.path(), |_| {}, &[]).expect(2).says(&["0001.image", "found one"]);
    let plans = run(&["perso", "plan", "--json", &image.display().to_string()]).expect(0).json();
    assert_eq!(plans[0]["profile"], "eid-gp-scp03");
}

#[test]
fn each_broken_field_is_named() {
    let folder = tempfile::tempdir().expect("folder");
    let long = "Nguyễn Thị Hoàng Ngọc Phương Thảo Quỳnh Như";
    for (field, value, words) in [
        ("number", json!("09930612345"), &["number", "12 digits"][..]),
        ("number", json!("999306123456"), &["number"]),
        ("birth", json!("2026-02-30"), &["birth", "2026-02-30"]),
        ("sex", json!("other"), &["sex", "other"]),
        ("given_names", json!(long), &["name"]),
        ("photo", json!("people/0001/nobody.jpg"), &["photo", "nobody.jpg"]),
        ("photo", Value::Null, &["photo"]),
        ("ethnicity", json!("Martian"), &["ethnicity", "Martian"]),
    ] {
        let ended = build(folder.path(), |record| record[field] = value.clone(), &[]).expect(2);
        ended.says(&[words, &["record 1", "people.json"]].concat());
    }
    assert!(!folder.path().join("images").exists(), "nothing may be built from a wrong record");
}

#[test]
fn what_is_no_record_is_told_by_line_and_column() {
    let folder = tempfile::tempdir().expect("folder");
    let records = folder.path().join("people.json");
    let out = folder.path().join("images");
    for (text, words) in [
        ("[{\"surname\": \"Lê\",", &["people.json", "line 1"][..]),
        ("[{\"surname\": \"Lê\",\n\"colour\": 1}]", &["colour", "line 2"]),
        ("7", &["people.json"]),
    ] {
        std::fs::write(&records, text).expect("written");
        build_file(&records, &out, &[]).expect(2).says(words);
    }
    build_file(Path::new("/nonexistent/people.json"), &out, &[]).expect(7).says(&["/nonexistent/people.json"]);
}

#[test]
fn a_portrait_that_is_cut_off_is_named() {
    let folder = tempfile::tempdir().expect("folder");
    build(folder.path(), |_| {}, &[]).expect(0);
    let portrait = folder.path().join("people/0001/portrait.jpg");
    let whole = std::fs::read(&portrait).expect("portrait");
    let records = folder.path().join("people.json");
    for content in [&whole[..100], b"", b"GIF89a"] {
        std::fs::write(&portrait, content).expect("written");
        build_file(&records, &folder.path().join("again"), &[]).expect(2).says(&["photo", "portrait.jpg"]);
    }
}

#[test]
fn a_profile_with_an_unknown_field_is_refused_by_line() {
    let folder = tempfile::tempdir().expect("folder");
    let profile = folder.path().join("card.toml");
    let text = std::fs::read_to_string(crate::support::repository("fixtures/profiles/cccd-2021.toml")).expect("profile");
    std::fs::write(&profile, text.replacen("schema = 1", "schema = 1\ncolour = \"red\"", 1)).expect("written");
    let name = profile.display().to_string();
    build(folder.path(), |_| {}, &["--profile", &name]).expect(2).says(&["colour", "line 3", &name]);
    build(folder.path(), |_| {}, &["--profile", "nothing"]).expect(2).says(&["nothing", "cccd-2021", "icao-td3"]);
}

#[test]
fn a_wrong_pass_phrase_and_an_unknown_signer_have_their_own_codes() {
    let folder = tempfile::tempdir().expect("folder");
    build(folder.path(), |_| {}, &["--signer", "nobody"]).expect(2).says(&["nobody", "pki list"]);
    let phrase = folder.path().join("phrase");
    std::fs::write(&phrase, "not this one\n").expect("written");
    build(folder.path(), |_| {}, &["--signer-passphrase-file", &phrase.display().to_string()]).expect(6).says(&["ds", "pass phrase"]);
}

#[test]
fn a_passport_of_the_other_profile_is_made_and_verified() {
    let folder = tempfile::tempdir().expect("folder");
    build(
        folder.path(),
        |record| {
            record["can"] = Value::Null;
            record["mrz"] = Value::Null;
            record["expiry"] = Value::Null;
        },
        &["--profile", "icao-td3"],
    )
    .expect(0);
    let image = folder.path().join("images/0001.image").display().to_string();
    let card = folder.path().join("passport.card");
    let name = card.display().to_string();
    run(&["sim", "new", &name, "--test-keys"]).expect(0);
    let reader = format!("sim:{name}");
    let written = run(&["perso", "write", &image, "--reader", &reader, "--test-keys", "--trust", &root(), "--json"]).expect(0).json();
    assert_eq!((written["report"]["verdict"].as_str(), written["resumed"].as_bool()), (Some("genuine"), Some(false)));
    assert_eq!(written["report"]["document"]["code"], "P");
}
