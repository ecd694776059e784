//! Names, files, crashes, and requests on a register.

use eid::secret::Secret;
use eid::signer::Signer;
use rand_core::CryptoRng;

use super::*;
use crate::key::KeyParameters;
use crate::keys::{SoftwareKeys, generate_or_adopt};

fn rng() -> impl CryptoRng + Send + 'static {
    rand_core::UnwrapErr(getrandom::SysRng)
}

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

fn keys(folder: &Path) -> Rc<dyn KeyStore> {
    Rc::new(SoftwareKeys::new(folder, Secret::from(&b"one"[..]), rng()))
}

const TODAY: &str = "2026-11-22";
const IS: TerminalType = TerminalType::Inspection;

fn order<'a>(name: &'a str, rights: &'a [String]) -> Order<'a> {
    Order { name, rights, period: Period::default(), by: "an officer", today: day(TODAY) }
}

/// Works in the office of `directory` as one run of the program does.
fn with<T>(directory: &Path, work: impl FnOnce(&mut Office<'_>) -> T) -> T {
    let (mut register, _) = Register::open(&directory.join("register.jsonl"), day(TODAY)).expect("a register");
    let mut office = Office::new(directory, &mut register, Tables::of_country("UT").expect("a country")).expect("an office");
    work(&mut office)
}

fn signer(office: &Office<'_>, record: &Record) -> Box<dyn Signer + Send + Sync> {
    keys(&office.directory).open(&record.name, record.algorithm).expect("a key")
}

fn cvca(directory: &Path) -> Record {
    with(directory, |office| office.make_cvca(IS, keys(directory).as_ref(), "an officer", &mut rng(), day(TODAY)).expect("a CVCA"))
}

fn dv(office: &mut Office<'_>, name: &str, subject: Subject<'_>) -> Result<Record, OfficeError> {
    let newest = office.newest_cvca(IS).expect("a CVCA").clone();
    let signer = signer(office, &newest);
    office.issue_dv(&order(name, &[]), (IS, Role::DvDomestic), subject, signer.as_ref(), &mut rng())
}

const fn requested<'a>(request: &'a Request, seen_by: Option<&'a str>) -> Subject<'a> {
    Subject::Requested { request, seen_by, vouchers: &[] }
}

fn gate(office: &mut Office<'_>, rights: &[String]) -> Result<Record, OfficeError> {
    let above = office.document_verifier(None).expect("a document verifier").clone();
    let signer = signer(office, &above);
    office.issue_terminal(&order("gate-1", rights), &above, Subject::Made(&|folder| keys(folder)), signer.as_ref(), &mut rng())
}

#[test]
fn numbers_go_from_001_to_zzz_and_then_there_are_none() {
    let of = |n| sequence("UT", n);
    assert_eq!([1, 999, 1000, 1036].map(of), ["UT001", "UT999", "UTA00", "UTA10"].map(|text| Some(text.to_owned())));
    assert_eq!((of(1000 + 26 * 1296 - 1), of(1000 + 26 * 1296), of(0)), (Some("UTZZZ".to_owned()), None, None));
}

#[test]
fn a_terminal_finds_in_its_folder_what_it_shows_to_old_and_new_cards() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    assert_eq!(cvca(root).name, "UTCVCAUT001");
    with(root, |office| {
        assert!(matches!(office.make_cvca(IS, keys(root).as_ref(), "", &mut rng(), day(TODAY)), Err(OfficeError::Order(_))), "only one");
        let old = signer(office, &office.newest_cvca(IS).expect("a CVCA").clone());
        let made = office.roll_over(IS, old.as_ref(), keys(root).as_ref(), "an officer", &mut rng(), day(TODAY)).expect("a rollover");
        let names: Vec<_> = made.iter().map(|record| record.name.as_str()).collect();
        assert_eq!(names, ["UTCVCAUT002", "UTCVCAUT002_UTCVCAUT001"]);
        let points: Vec<_> = office.trust_points(IS, day(TODAY)).iter().map(|record| record.name.as_str()).collect();
        assert_eq!(points, ["UTCVCAUT002", "UTCVCAUT001"], "the newest first");
        let file = office.ef_cvca(IS, day(TODAY)).expect("EF.CVCA");
        assert_eq!((file.len(), &file[..13], &file[13..26]), (36, &b"\x42\x0BUTCVCAUT002"[..], &b"\x42\x0BUTCVCAUT001"[..]));
        assert_eq!(office.ef_cvca(IS, day("2040-01-01")), None, "nothing that has expired is to be trusted");
        dv(office, "border", Subject::Made(&|folder| keys(folder))).expect("a document verifier");
        let gate = gate(office, &["read-dg3".to_owned()]).expect("a terminal");
        assert_eq!(gate.certificate.chat().right_names(), ["read-dg3"]);
        let mut files: Vec<_> = std::fs::read_dir(office.folder(gate.certificate.holder()))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
            .collect();
        files.sort();
        assert_eq!(files, ["UTBORDERUT001.cvcert", "UTCVCAUT002_UTCVCAUT001.cvcert", "UTGATE1UT001.cvcert", "UTGATE1UT001.key"]);
    });
    // what a crash left out of the folder is there again
    let lost = root.join("terminals/UTGATE1UT001/UTGATE1UT001.cvcert");
    std::fs::remove_file(&lost).expect("removed");
    with(root, |office| assert_eq!(office.records().len(), 5));
    assert!(lost.exists());
}

#[test]
fn a_number_is_never_used_again_and_what_cannot_be_spends_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    cvca(root);
    with(root, |office| {
        let made = |folder: &Path| keys(folder);
        let first = dv(office, "border", Subject::Made(&made)).expect("a document verifier");
        let before = office.register.entries().len();
        assert!(matches!(gate(office, &["read-dg9".to_owned()]), Err(OfficeError::Cv(CvError::Right { .. }))));
        assert_eq!(office.register.entries().len(), before, "refused before a number was reserved");
        // the program ends between reservation and certificate
        let _ = office.register.reserve_next("cv UTBORDER", "UTBORDER", "an officer", day(TODAY)).expect("reserved");
        assert_eq!(first.name, "UTBORDERUT001");
    });
    with(root, |office| {
        let next = dv(office, "border", Subject::Made(&|folder| keys(folder))).expect("a document verifier");
        assert_eq!(next.name, "UTBORDERUT003", "002 was burned");
        assert_eq!(office.document_verifier(Some("border")).expect("the newest").name, "UTBORDERUT003");
        assert!(matches!(dv(office, "?!", Subject::Made(&|folder| keys(folder))), Err(OfficeError::Mnemonic { .. })));
    });
}

#[test]
fn an_interrupted_rollover_is_finished_with_its_link() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    cvca(root);
    with(root, |office| {
        office.root(IS, keys(root).as_ref(), "an officer", &mut rng(), day(TODAY)).expect("the next key, and then the power fails");
        assert_eq!(office.link_signer(IS).expect("a CVCA").name, "UTCVCAUT001");
    });
    with(root, |office| {
        let old = signer(office, &office.link_signer(IS).expect("a CVCA").clone());
        let made = office.roll_over(IS, old.as_ref(), keys(root).as_ref(), "an officer", &mut rng(), day(TODAY)).expect("the link");
        assert_eq!(made.iter().map(|record| record.name.as_str()).collect::<Vec<_>>(), ["UTCVCAUT002_UTCVCAUT001"]);
        assert_eq!(office.link_signer(IS).expect("a CVCA").name, "UTCVCAUT002");
        // the same by another key
        let error = office.roll_over(IS, old.as_ref(), keys(root).as_ref(), "an officer", &mut rng(), day(TODAY)).expect_err("the old key");
        assert!(matches!(error, OfficeError::Cv(CvError::OtherKey(_))), "{error}");
        assert_eq!(office.cvcas(IS).count(), 2, "and no further key was made");
    });
}

#[test]
fn a_first_request_needs_somebody_who_has_seen_it_and_the_next_one_the_key_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let (root, theirs) = (folder.path(), tempfile::tempdir().expect("a folder"));
    cvca(root);
    let own = |label: &str| {
        let store = keys(theirs.path());
        let algorithm = Algorithm::Ecdsa(Hash::Sha256);
        generate_or_adopt(store.as_ref(), label, KeyParameters::Ec(eid::crypto::curve::Curve::BrainpoolP256r1), algorithm, &mut rng())
            .expect("a key");
        store.open(label, algorithm).expect("a key")
    };
    let name = |text: &str| KeyReference::from_octets(text.as_bytes()).expect("a reference");
    let ask = |label: &str| request::make(&name("UTCVCAUT001"), &name(label), own(label).as_ref()).expect("a request");
    with(root, |office| {
        let first = ask("UTCUSTOMSUT001");
        let unseen = dv(office, "customs", requested(&first, None)).expect_err("nobody has seen it");
        assert!(matches!(unseen, OfficeError::Cv(CvError::Unseen { .. })), "{unseen}");
        let record = dv(office, "customs", requested(&first, Some("an officer"))).expect("a document verifier");
        assert_eq!((record.name.as_str(), record.has_key()), ("UTCUSTOMSUT001", false));
        let line = office.register.entries().last().expect("a line");
        assert_eq!((line.detail("proof"), line.detail("request").len()), ("seen by an officer", 64));
        let next = ask("UTCUSTOMSUT002");
        let alone = dv(office, "customs", requested(&next, Some("an officer"))).expect_err("no outer signature");
        assert!(matches!(alone, OfficeError::Cv(CvError::Unauthenticated { .. })), "{alone}");
        let vouched = request::vouch(&next, &name("UTCUSTOMSUT001"), own("UTCUSTOMSUT001").as_ref()).expect("a request");
        dv(office, "customs", requested(&vouched, None)).expect("a document verifier");
        let again = dv(office, "customs", requested(&vouched, None)).expect_err("the name is taken");
        assert!(matches!(again, OfficeError::Cv(CvError::Name { .. })), "{again}");
        assert!(office.document_verifier(Some("customs")).is_err(), "its key is elsewhere");
        // a key that is made here gets a name that no request has brought
        assert_eq!(dv(office, "customs", Subject::Made(&|folder| keys(folder))).expect("a document verifier").name, "UTCUSTOMSUT003");
    });
}
