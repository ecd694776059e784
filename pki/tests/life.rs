//! The authority over its life: restarts, wrong pass phrases, taken names, profiles that do not fit.

use std::path::Path;

use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use eid::date::Date;
use eid::secret::Secret;
use eid::signer::Signer as _;
use pki::certificate::IssueError;
use pki::key::KeyError;
use pki::{Authority, CscaParameters, DsParameters, KeyParameters, PkiError, Subject};
use rand_core::{CryptoRng, UnwrapErr};

fn rng() -> impl CryptoRng {
    UnwrapErr(getrandom::SysRng)
}

fn today() -> Date {
    Date::new(2026, 11, 21).expect("a day")
}

fn secret(text: &str) -> Secret {
    Secret::from(text.as_bytes())
}

fn subject() -> Subject {
    Subject {
        country: "VN".to_owned(),
        state_code: "VNM".to_owned(),
        organization: None,
        organizational_unit: None,
        serial_number: None,
        common_name: "CSCA Test".to_owned(),
        contact_email: None,
    }
}

fn init(directory: &Path) -> Result<Authority, PkiError> {
    Authority::init(directory, &subject(), &CscaParameters::default(), &secret("root"), &mut rng(), today())
}

#[test]
fn an_authority_survives_a_restart_and_signs_on() {
    let keep = tempfile::tempdir().expect("directory");
    let directory = keep.path().join("pki");
    let mut first = init(&directory).expect("authority");
    first.issue_ds("ds", &DsParameters::default(), &secret("root"), &secret("ds"), &mut rng(), today()).expect("document signer");
    drop(first);
    let (mut again, burned) = Authority::open(&directory, today()).expect("opened again");
    assert_eq!(burned, []);
    let names: Vec<_> = again.issued().iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["csca", "ds"]);
    assert_eq!(std::fs::read(directory.join("csca.cer")).expect("file"), again.csca().der());
    let (signer, certificate) = again.load_signer("ds", &secret("ds"), rng()).expect("signer");
    assert_eq!(signer.algorithm(), Algorithm::Ecdsa(Hash::Sha256));
    let signature = signer.sign(b"message").expect("signature").to_der();
    let key = &certificate.key().expect("key").key;
    assert_eq!(eid::crypto::signature::verify_der(signer.algorithm(), key, b"message", &signature), Ok(()));
    let parameters = DsParameters { common_name: "Document Signer 2".to_owned(), ..DsParameters::default() };
    let second = again.issue_ds("ds-2", &parameters, &secret("root"), &secret("ds"), &mut rng(), today()).expect("second");
    assert_ne!(second.serial(), certificate.serial());
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
fn what_cannot_be_done_is_refused_by_name() {
    let keep = tempfile::tempdir().expect("directory");
    let mut authority = init(keep.path()).expect("authority");
    assert!(matches!(init(keep.path()), Err(PkiError::Register(pki::register::RegisterError::Locked(_)))));
    let mut issue = |name: &str, pass: &str, parameters: &DsParameters, day: Date| {
        authority.issue_ds(name, parameters, &secret(pass), &secret("ds"), &mut rng(), day).err()
    };
    let usual = DsParameters::default();
    assert!(matches!(issue("ds", "wrong", &usual, today()), Some(PkiError::Key { source: KeyError::PassPhrase, .. })));
    for name in ["", "csca", "../x", "DS", "a b"] {
        assert!(matches!(issue(name, "root", &usual, today()), Some(PkiError::Name(_))), "{name}");
    }
    let weak = DsParameters { algorithm: Algorithm::Ecdsa(Hash::Sha1), ..DsParameters::default() };
    assert!(matches!(issue("ds", "root", &weak, today()), Some(PkiError::Key { source: KeyError::Weak(_), .. })));
    let other = DsParameters { algorithm: Algorithm::RsaPkcs1(Hash::Sha256), ..DsParameters::default() };
    assert!(matches!(issue("ds", "root", &other, today()), Some(PkiError::Key { source: KeyError::Algorithm { .. }, .. })));
    let late = issue("ds", "root", &usual, today().plus_years(6)).expect("the CSCA key is out of use");
    assert!(matches!(late, PkiError::Issue(IssueError::Profile(_))), "{late}");
    let long = DsParameters { document_years: 20, ..DsParameters::default() };
    let long = issue("ds", "root", &long, today()).expect("outlives the CSCA");
    assert_eq!(long.to_string(), "validity of the document signer: 2026-11-21 to 2047-02-19 is not inside of 2026-11-21 to 2042-03-01");
    // nothing of this took the name, and every number that it used is burned
    assert!(issue("ds", "root", &usual, today()).is_none());
    assert!(matches!(issue("ds", "root", &usual, today()), Some(PkiError::Register(_))));
    drop(authority);
    let (_, burned) = Authority::open(keep.path(), today()).expect("opened");
    assert_eq!(burned, []);
    assert!(matches!(Authority::open(&keep.path().join("none"), today()), Err(PkiError::Directory { .. })));
}

#[test]
fn subjects_that_break_the_profile_are_refused_before_a_key_is_made() {
    let keep = tempfile::tempdir().expect("directory");
    for (field, subject) in [
        ("country", Subject { country: "VNM".to_owned(), ..subject() }),
        ("state code", Subject { state_code: "VN".to_owned(), ..subject() }),
        ("common name", Subject { common_name: " ".to_owned(), ..subject() }),
        ("serial number of the name", Subject { serial_number: Some("a_b".to_owned()), ..subject() }),
    ] {
        let error =
            Authority::init(keep.path(), &subject, &CscaParameters::default(), &secret("root"), &mut rng(), today()).expect_err(field);
        assert!(error.to_string().starts_with(field), "{error}");
        assert!(!keep.path().join("csca.key").exists());
    }
    let parameters = CscaParameters { key: KeyParameters::Ec(Curve::P192), ..CscaParameters::default() };
    let error = Authority::init(keep.path(), &subject(), &parameters, &secret("root"), &mut rng(), today()).expect_err("weak");
    assert!(matches!(error, PkiError::Key { source: KeyError::Weak(_), .. }), "{error}");
    let error = Authority::init(keep.path(), &subject(), &CscaParameters::default(), &secret(""), &mut rng(), today()).expect_err("empty");
    assert!(matches!(error, PkiError::Key { source: KeyError::EmptyPassPhrase, .. }), "{error}");
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
