//! The authority over its life: restarts, wrong pass phrases, taken names, profiles that do not fit, rollovers that end halfway.

use std::path::Path;

use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use eid::date::Date;
use eid::secret::Secret;
use pki::certificate::IssueError;
use pki::key::KeyError;
use pki::{Authority, DsParameters, Hierarchy, Issuing, KeyParameters, KeyStore, KeyStoreError, PkiError, SoftwareKeys, hierarchy, status};
use rand_core::{CryptoRng, UnwrapErr};

fn rng() -> impl CryptoRng {
    UnwrapErr(getrandom::SysRng)
}

fn today() -> Date {
    Date::new(2026, 11, 21).expect("a day")
}

fn keys(directory: &Path, pass_phrase: &str) -> impl KeyStore {
    SoftwareKeys::new(directory, Secret::from(pass_phrase.as_bytes()), UnwrapErr(getrandom::SysRng))
}

fn declared() -> Hierarchy {
    let mut hierarchy = Hierarchy::new("VN", "VNM", "http://csca.example/csca.crl");
    // P-256 is quicker than the usual P-384
    hierarchy.csca =
        Some(hierarchy::Csca { common_name: "CSCA Test".to_owned(), key: KeyParameters::Ec(Curve::P256), ..hierarchy::Csca::default() });
    hierarchy
}

/// An authority with its CSCA, whose key is under the pass phrase `root`.
fn init(directory: &Path) -> Result<Authority, PkiError> {
    Authority::declare(directory, &declared())?;
    let (mut authority, _) = Authority::open(directory, today())?;
    authority.issue_csca(&keys(directory, "root"), "test", &mut rng(), today())?;
    Ok(authority)
}

/// Issues the document signer `name`, whose key is under the pass phrase `ds`.
fn issue(authority: &mut Authority, name: &str, pass: &str, parameters: &DsParameters, day: Date) -> Result<(), PkiError> {
    let directory = authority.directory().to_owned();
    let newest = authority.cscas().last().expect("CSCA").name.clone();
    let (root, _) = authority.signer(&newest, &keys(&directory, pass))?;
    let issuing = Issuing { signer: root.as_ref(), by: "test", today: day };
    authority.issue_ds(name, parameters, &keys(&directory, "ds"), &issuing, &mut rng()).map(|_| ())
}

#[test]
fn an_authority_survives_a_restart_and_signs_on() {
    let keep = tempfile::tempdir().expect("directory");
    let directory = keep.path().join("pki");
    let mut first = init(&directory).expect("authority");
    issue(&mut first, "ds", "root", &DsParameters::default(), today()).expect("document signer");
    drop(first);
    let (mut again, burned) = Authority::open(&directory, today()).expect("opened again");
    assert_eq!(burned, []);
    let names: Vec<_> = again.issued().iter().map(|i| (i.name.as_str(), i.role.as_str(), i.key.as_str(), i.by.as_str())).collect();
    assert_eq!(names, [("csca", "csca", "file", "test"), ("ds", "ds", "file", "test")]);
    assert_eq!(std::fs::read(directory.join("csca.cer")).expect("file"), again.csca().expect("CSCA").der());
    let (signer, certificate) = again.signer("ds", &keys(&directory, "ds")).expect("signer");
    assert_eq!(signer.algorithm(), Algorithm::Ecdsa(Hash::Sha256));
    let signature = signer.sign(b"message").expect("signature").to_der();
    let key = &certificate.key().expect("key").key;
    assert_eq!(eid::crypto::signature::verify_der(signer.algorithm(), key, b"message", &signature), Ok(()));
    assert_eq!(again.next_name("ds"), ("ds-2".to_owned(), 2));
    let parameters = DsParameters { common_name: "Document Signer 2".to_owned(), ..DsParameters::default() };
    issue(&mut again, "ds-2", "root", &parameters, today()).expect("second");
    assert_eq!(again.issued().len(), 3);
}

#[test]
fn what_exists_is_never_touched() {
    let keep = tempfile::tempdir().expect("directory");
    drop(init(keep.path()).expect("authority"));
    let before: Vec<_> = ["pki.toml", "csca.cer", "csca.key"].map(|name| std::fs::read(keep.path().join(name)).expect("file")).to_vec();
    let again = Authority::declare(keep.path(), &Hierarchy::new("UT", "UTO", "http://utopia.example/crl")).expect_err("there is one");
    assert!(matches!(again, PkiError::Io { ref source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists), "{again}");
    let (mut authority, _) = Authority::open(keep.path(), today()).expect("opened");
    let second = authority.issue_csca(&keys(keep.path(), "root"), "test", &mut rng(), today()).expect_err("there is one");
    assert!(matches!(second, PkiError::Order(_)), "{second}");
    let after: Vec<_> = ["pki.toml", "csca.cer", "csca.key"].map(|name| std::fs::read(keep.path().join(name)).expect("file")).to_vec();
    assert_eq!(before, after);
}

#[test]
fn a_certificate_in_the_register_is_published_again() {
    let keep = tempfile::tempdir().expect("directory");
    drop(init(keep.path()).expect("authority"));
    let path = keep.path().join("csca.cer");
    let whole = std::fs::read(&path).expect("file");
    std::fs::remove_file(&path).expect("the crash came before the file");
    let _authority = Authority::open(keep.path(), today()).expect("opened");
    assert_eq!(std::fs::read(&path).expect("file"), whole);
}

#[test]
fn a_key_that_was_made_before_a_crash_is_taken_up() {
    let keep = tempfile::tempdir().expect("directory");
    Authority::declare(keep.path(), &declared()).expect("declared");
    let left = keys(keep.path(), "root")
        .generate("csca", KeyParameters::Ec(Curve::P256), Algorithm::Ecdsa(Hash::Sha256), &mut rng())
        .expect("the crash came after the key");
    let (mut authority, _) = Authority::open(keep.path(), today()).expect("opened");
    let csca = authority.issue_csca(&keys(keep.path(), "root"), "test", &mut rng(), today()).expect("CSCA");
    assert_eq!(csca.key().expect("key").key, left);
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let keep = tempfile::tempdir().expect("directory");
    let mut authority = init(keep.path()).expect("authority");
    let second = Authority::open(keep.path(), today()).expect_err("open here");
    assert!(matches!(second, PkiError::Register(pki::register::RegisterError::Locked(_))), "{second}");
    let usual = DsParameters::default();
    let key_error = |error: PkiError| match error {
        PkiError::Key(KeyStoreError::Key { source, .. }) => source,
        other => panic!("{other}"),
    };
    let wrong = issue(&mut authority, "ds", "wrong", &usual, today()).expect_err("pass phrase");
    assert!(matches!(key_error(wrong), KeyError::PassPhrase));
    for name in ["", "csca", "csca-2", "link-2", "../x", "DS", "a b"] {
        let error = issue(&mut authority, name, "root", &usual, today()).expect_err(name);
        assert!(matches!(error, PkiError::Name(_)), "{error}");
    }
    let weak = DsParameters { algorithm: Algorithm::Ecdsa(Hash::Sha1), ..DsParameters::default() };
    let weak = issue(&mut authority, "ds", "root", &weak, today()).expect_err("SHA-1");
    assert!(matches!(key_error(weak), KeyError::Weak(_)));
    let other = DsParameters { algorithm: Algorithm::RsaPkcs1(Hash::Sha256), ..DsParameters::default() };
    let other = issue(&mut authority, "ds", "root", &other, today()).expect_err("RSA with an EC key");
    assert!(matches!(key_error(other), KeyError::Algorithm { .. }));
    let late = issue(&mut authority, "ds", "root", &usual, today().plus_years(6)).expect_err("the CSCA key is out of use");
    assert!(matches!(late, PkiError::Issue(IssueError::Profile(_))), "{late}");
    assert!(!keep.path().join("ds.key").exists(), "no key for nothing");
    let long = DsParameters { document_years: 20, ..DsParameters::default() };
    let long = issue(&mut authority, "ds", "root", &long, today()).expect_err("outlives the CSCA");
    assert_eq!(long.to_string(), "validity of the document signer: 2026-11-21 to 2047-02-19 is not inside of 2026-11-21 to 2042-03-01");
    // nothing of this took the name, and every number that it used is burned
    issue(&mut authority, "ds", "root", &usual, today()).expect("document signer");
    assert!(matches!(issue(&mut authority, "ds", "root", &usual, today()), Err(PkiError::Register(_))));
    // a signer that is not the CSCA's newest key
    let (ds, _) = authority.signer("ds", &keys(keep.path(), "ds")).expect("signer");
    let issuing = Issuing { signer: ds.as_ref(), by: "test", today: today() };
    let error = authority.issue_ds("ds-2", &usual, &keys(keep.path(), "ds"), &issuing, &mut rng()).expect_err("another key");
    assert!(matches!(error, PkiError::OtherKey(_)), "{error}");
    drop(authority);
    let (_, burned) = Authority::open(keep.path(), today()).expect("opened");
    assert_eq!(burned, []);
    assert!(matches!(Authority::open(&keep.path().join("none"), today()), Err(PkiError::Directory { .. })));
}

#[test]
fn a_rollover_that_ended_before_its_link_is_found_and_finished() {
    let keep = tempfile::tempdir().expect("directory");
    let mut authority = init(keep.path()).expect("authority");
    let root_keys = keys(keep.path(), "root");
    let (old, first) = authority.signer("csca", &root_keys).expect("signer");
    let day = today().plus_years(3);
    let (second, link) = authority.roll_over(old.as_ref(), &root_keys, "test", &mut rng(), day).expect("rolled over");
    assert_eq!((link.issuer(), link.subject(), link.spki()), (first.subject(), second.subject(), second.spki()));
    assert_eq!(authority.missing_link(), None);
    let state = status::of(&authority, day).expect("status");
    let states: Vec<_> = state.certificates.iter().map(|c| (c.name.as_str(), c.state.name())).collect();
    assert_eq!(states, [("csca", "verifies"), ("csca-2", "signs"), ("link-2", "verifies")]);
    // the older key is no issuer any more
    let (older, _) = authority.signer("csca", &root_keys).expect("signer");
    let issuing = Issuing { signer: older.as_ref(), by: "test", today: day };
    let error = authority.issue_ds("ds", &DsParameters::default(), &keys(keep.path(), "ds"), &issuing, &mut rng()).expect_err("older");
    assert!(matches!(error, PkiError::OtherKey(ref name) if name == "csca-2"), "{error}");
    // out of the old key's use nothing links any more: the rollover comes too late, and makes no key
    let (newest, _) = authority.signer("csca-2", &root_keys).expect("signer");
    let late = authority.roll_over(newest.as_ref(), &root_keys, "test", &mut rng(), day.plus_years(6)).expect_err("late");
    assert!(matches!(late, PkiError::Issue(IssueError::Profile(_))), "{late}");
    assert!(!keep.path().join("csca-3.key").exists());
}

#[test]
fn status_says_what_is_due_and_when() {
    let keep = tempfile::tempdir().expect("directory");
    Authority::declare(keep.path(), &declared()).expect("declared");
    let (mut authority, _) = Authority::open(keep.path(), today()).expect("opened");
    let due = |authority: &Authority, day: Date| -> Vec<(String, &'static str)> {
        let state = status::of(authority, day).expect("status");
        state.todo.into_iter().map(|task| (task.due.to_string(), task.command)).collect()
    };
    let wanted = |tasks: &[(&str, &'static str)]| tasks.iter().map(|(day, command)| ((*day).to_owned(), *command)).collect::<Vec<_>>();
    assert_eq!(due(&authority, today()), wanted(&[("2026-11-21", "pki init DIR")]));
    authority.issue_csca(&keys(keep.path(), "root"), "test", &mut rng(), today()).expect("CSCA");
    assert_eq!(due(&authority, today()), wanted(&[("2026-11-21", "pki issue DIR ds"), ("2026-11-21", "pki crl DIR")]));
    issue(&mut authority, "ds", "root", &DsParameters::default(), today()).expect("document signer");
    let crl = ("2026-11-21", "pki crl DIR");
    assert_eq!(due(&authority, today()), wanted(&[crl]));
    // the signer's 90 days, then the CSCA's five years
    let day = |text: &str| text.parse::<Date>().expect("a day");
    assert_eq!(due(&authority, day("2027-02-04")), wanted(&[("2027-02-04", "pki crl DIR")]));
    let soon = due(&authority, day("2027-02-05"));
    assert!(soon.contains(&("2027-02-19".to_owned(), "pki issue DIR ds")), "{soon:?}");
    let soon = due(&authority, day("2031-05-25"));
    assert!(soon.contains(&("2031-11-21".to_owned(), "pki issue DIR csca --rollover")), "{soon:?}");
    let before = due(&authority, day("2031-05-24"));
    assert!(!before.iter().any(|(_, command)| command.contains("rollover")), "{before:?}");
}

#[test]
fn a_hierarchy_that_breaks_a_rule_is_refused_before_a_key_is_made() {
    let keep = tempfile::tempdir().expect("directory");
    for (key, change) in [
        ("authority.country", (|h| h.authority.country = "VNM".to_owned()) as fn(&mut Hierarchy)),
        ("authority.state", |h| h.authority.state = "VN".to_owned()),
        ("csca.common-name", |h| h.csca = Some(hierarchy::Csca { common_name: " ".to_owned(), ..hierarchy::Csca::default() })),
        ("csca.serial-number", |h| h.csca = Some(hierarchy::Csca { serial_number: Some("a_b".to_owned()), ..hierarchy::Csca::default() })),
        ("csca.key-use", |h| h.csca = Some(hierarchy::Csca { key_use: 2, ..hierarchy::Csca::default() })),
    ] {
        let mut hierarchy = declared();
        change(&mut hierarchy);
        let error = Authority::declare(keep.path(), &hierarchy).expect_err(key).to_string();
        assert!(error.contains(key), "{error}");
        assert!(!keep.path().join("pki.toml").exists());
    }
    Authority::declare(keep.path(), &declared()).expect("declared");
    let (mut authority, _) = Authority::open(keep.path(), today()).expect("opened");
    let error = authority.issue_csca(&keys(keep.path(), ""), "test", &mut rng(), today()).expect_err("empty");
    assert!(matches!(error, PkiError::Key(KeyStoreError::Key { source: KeyError::EmptyPassPhrase, .. })), "{error}");
}

#[test]
fn what_breaks_a_rule_of_the_lint_is_not_given_out() {
    use pki::csca::{self, CscaParameters, EcParameters};
    let subject = declared().subject();
    let key = pki::SigningKey::generate(KeyParameters::Ec(Curve::P256), Algorithm::Ecdsa(Hash::Sha256), &mut rng()).expect("key");
    let signer = pki::SoftwareSigner::new("csca", key, rng());
    let make = |parameters: &CscaParameters, serial: &[u8]| csca::create(&subject, parameters, &signer, serial, today());
    let rules = |error: IssueError| match error {
        IssueError::Lint(findings) => findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(),
        other => panic!("{other}"),
    };
    let usual = CscaParameters { ec_parameters: EcParameters::Explicit, ..CscaParameters::default() };
    assert!(make(&usual, &[0x40]).is_ok());
    assert!(make(&CscaParameters { ec_parameters: EcParameters::Named, ..usual.clone() }, &[0x40]).is_ok(), "declared, and so waived");
    let long = make(&CscaParameters { key_use_years: 8, ..usual.clone() }, &[0x40]).expect_err("a key in use for 8 years");
    assert!(rules(long).contains(&"CA-006"));
    let negative = make(&usual, &[0x80]).expect_err("a negative serial number");
    assert!(rules(negative).contains(&"XC-003"));
}

#[cfg(unix)]
#[test]
fn key_files_are_for_their_owner_alone_and_hold_no_clear_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let keep = tempfile::tempdir().expect("directory");
    let _authority = init(keep.path()).expect("authority");
    let path = keep.path().join("csca.key");
    assert_eq!(std::fs::metadata(&path).expect("file").permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&path).expect("text").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
}
