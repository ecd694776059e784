//! Master lists and deviation lists of an authority before `openssl cms -verify`, and its life around them: revocation, crash, hand-over.

use std::process::Output;

use eid::cert::Time;
use eid::cert::crl::Reason;
use eid::cert::deviation_list::{DeviationList, Kind, SignerId};
use eid::cert::list_signer::{self, Purpose};
use eid::cert::master_list::MasterList;
use eid::cert::trust::Tier;
use eid::crypto::hash::Hash;
use pki::authority::publish::{CRL_FILE, DEVIATION_LIST_FILE, MASTER_LIST_FILE, PublishError};
use pki::authority::receive::HandOver;
use pki::crl::{CrlError, CrlParameters};
use pki::csca::EcParameters;
use pki::deviation_list::describe;
use pki::foreign::ForeignError;
use pki::key::SigningKey;
use pki::master_list::ListIssueError;
use pki::register::Kind as Event;
use pki::request;
use pki::{Authority, DsParameters, Issuing, KeyParameters, ListKind, SoftwareSigner, Subject, hierarchy};

use crate::support::{World, keys, openssl, rng, subject, today};

fn now() -> Time {
    Time { date: today(), second: 11 * 3600 }
}

fn later(days: i64) -> Time {
    Time { date: today().plus_days(days), ..now() }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// An authority that also has signers of both kinds of lists.
fn world() -> World {
    let mut world = World::usual();
    let keys = keys(&world.directory);
    let (root, _) = world.authority.signer("csca", &keys).expect("the key of the CSCA");
    let issuing = Issuing { signer: root.as_ref(), by: "test", today: today() };
    for (name, list) in [("mls", ListKind::Master), ("dls", ListKind::Deviation)] {
        let mut hierarchy = world.authority.hierarchy().clone();
        (hierarchy.mls, hierarchy.dls) = (Some(hierarchy::Signers::default()), Some(hierarchy::Signers::default()));
        let parameters = hierarchy.list_signer_parameters(list, 1).expect("declared");
        world.authority.issue_list_signer(name, &parameters, &keys, &issuing, &mut rng()).expect("a list signer");
    }
    world
}

impl World {
    fn master_list(&mut self, signer: &str, time: Time) -> Result<MasterList, PublishError> {
        let (key, _) = self.authority.signer(signer, &keys(&self.directory)).expect("a signer");
        self.authority.issue_master_list(signer, key.as_ref(), "an officer", time).map(|(list, _)| list)
    }

    fn next_crl(&mut self, parameters: CrlParameters, time: Time) -> Result<eid::cert::crl::Crl, PublishError> {
        let (key, _) = self.authority.signer("csca", &keys(&self.directory)).expect("the key of the CSCA");
        self.authority.issue_crl(key.as_ref(), parameters, "an officer", time)
    }

    /// A file of deviations becomes a list.
    fn deviations(&mut self, file: &str) -> Result<DeviationList, PublishError> {
        let (key, _) = self.authority.signer("dls", &keys(&self.directory)).expect("a signer");
        let file = describe::parse(file)?;
        let mut none = |name: &str| Err(format!("{name}: no such file"));
        self.authority.issue_deviation_list(&file, ("dls", key.as_ref()), &mut none, "an officer", now())
    }

    /// What OpenSSL says of a message in a file of the directory.
    fn cms(&self, name: &str) -> Option<Output> {
        let root = self.pem("csca", self.authority.csca().expect("CSCA"));
        let path = self.directory.join(name);
        let arguments = ["cms", "-verify", "-inform", "DER", "-purpose", "any", "-attime", "1795262400", "-out", "/dev/null"];
        openssl(&arguments, &[("-CAfile", &root), ("-in", &path)])
    }

    /// What OpenSSL reads in a message.
    fn shown(&self, name: &str) -> String {
        let path = self.directory.join(name);
        openssl(&["cms", "-cmsout", "-print", "-inform", "DER"], &[("-in", &path)]).map(|output| text(&output)).unwrap_or_default()
    }
}

/// The CSCA of another state.
fn utopia() -> World {
    let subject = Subject { country: "UT".to_owned(), state_code: "UTO".to_owned(), ..subject() };
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().join("ut");
    let mut hierarchy = pki::Hierarchy::new(&subject.country, &subject.state_code, "http://csca.example/ut.crl");
    hierarchy.authority.parameters = EcParameters::Named;
    Authority::declare(&directory, &hierarchy).expect("declared");
    let (mut authority, _) = Authority::open(&directory, today()).expect("opened");
    let keys = keys(&directory);
    authority.issue_csca(&keys, "test", &mut rng(), today()).expect("CSCA");
    let (root, _) = authority.signer("csca", &keys).expect("the key of the CSCA");
    let issuing = Issuing { signer: root.as_ref(), by: "test", today: today() };
    let ds = authority.issue_ds("ds", &DsParameters::default(), &keys, &issuing, &mut rng()).expect("document signer");
    World::of(directory, authority, ds, folder)
}

const OVER: HandOver<'static> = HandOver { from: "Embassy of Utopia", tier: Tier::Bilateral, file: "ut.cer", by: "an officer" };

#[test]
fn openssl_verifies_the_master_list_with_what_others_handed_over() {
    let (mut world, foreign) = (world(), utopia());
    let handed = foreign.authority.csca().expect("CSCA").clone();
    let taken = world.authority.import(handed.der(), &OVER, now()).expect("a CSCA");
    assert_eq!(taken.iter().map(|t| (t.new, t.proved)).collect::<Vec<_>>(), [(true, true)]);
    let list = world.master_list("mls", now()).expect("a list");
    assert_eq!(list.entries.len(), 2);
    assert!(list.certificates().any(|certificate| **certificate == handed));
    assert_eq!((list.quirks.as_slice(), list.signed.quirks.as_slice()), (&[][..], &[][..]));
    let proved = list_signer::prove(&list.signed, Purpose::MasterList, &world.trust()).expect("proved");
    assert_eq!(proved.quirks, []);
    assert_eq!(std::fs::read(world.directory.join(MASTER_LIST_FILE)).expect("the file"), list.signed.der());

    let Some(judged) = world.cms(MASTER_LIST_FILE) else { return };
    println!("{}", text(&judged));
    assert!(judged.status.success(), "{}", text(&judged));
    let shown = world.shown(MASTER_LIST_FILE);
    for wanted in
        ["version: 3", "undefined (2.23.136.1.1.2)", "d.subjectKeyIdentifier", "signingTime", "Nov 21 11:00:00 2026 GMT", "<ABSENT>"]
    {
        assert!(shown.contains(wanted), "{wanted} is not in {shown}");
    }
    // the judge does refuse
    let mut damaged = list.signed.der().to_vec();
    *damaged.last_mut().expect("a signature") ^= 1;
    std::fs::write(world.directory.join("damaged.ml"), damaged).expect("written");
    assert!(!world.cms("damaged.ml").expect("openssl ran before").status.success());
}

#[test]
fn a_list_is_signed_by_its_signer_alone_and_while_its_key_is_in_use() {
    let mut world = world();
    for signer in ["ds", "dls"] {
        let refused = world.master_list(signer, now()).expect_err("another usage");
        assert!(matches!(refused, PublishError::List(ListIssueError::NotProved(_))), "{refused}");
    }
    let refused = world.master_list("mls", later(366)).expect_err("out of use");
    assert!(matches!(refused, PublishError::List(ListIssueError::NotInUse { what: "private key usage period", .. })), "{refused}");
    assert!(matches!(world.authority.list_signer("mls", today().plus_days(366)), Err(PublishError::NoSigner("mls"))));
    assert_eq!(world.authority.list_signer("mls", today()).expect("a signer"), "mls");
    world.authority.revoke("mls", Reason::Superseded, "an officer", now()).expect("revoked");
    assert!(matches!(world.authority.list_signer("mls", today()), Err(PublishError::NoSigner("mls"))));
    // nothing was published, and every number is accounted for
    assert!(!world.directory.join(MASTER_LIST_FILE).exists());
    let burned = world.authority.register().entries().iter().filter(|e| e.kind == Event::Burned && e.series == "master-list").count();
    assert_eq!(burned, 3);
}

const DEVIATIONS: &str = r#"
version = 1
[[deviation]]
document_type = "P<"
signer = { certificate = "ds" }
issued = { first = "2026-01-01", last = "2026-03-31" }
numbers = ["C01X00T47"]
[[deviation.description]]
type = "LDS-DGHashWrong"
data_group = 2
text = "DG2 was written again after signing"
[[deviation]]
signer = { certificate = "ds", by = "digest" }
[[deviation.description]]
type = "CertOrKey-DSEncoding"
field = "subject"
[[deviation.description]]
type = "CertOrKey-DSEncoding"
field = "keyUsage"
[[deviation]]
document_type = "ID"
[[deviation.description]]
type = "LDS-DGMalformed"
data_group = "EF.COM"
[[deviation.description]]
type = "MRZ-WrongCheckDigit"
field = "dateOfBirth"
"#;

#[test]
fn openssl_verifies_the_deviation_list_that_a_file_describes() {
    let mut world = world();
    let list = world.deviations(DEVIATIONS).expect("a list");
    assert_eq!((list.state.as_deref(), list.deviations.len(), list.quirks.as_slice()), (Some("VN"), 3, &[][..]));
    let proved = list_signer::prove(&list.signed, Purpose::DeviationList, &world.trust()).expect("proved");
    assert_eq!(proved.quirks, []);
    let kinds: Vec<_> = list.deviations.iter().flat_map(|d| d.descriptions.iter().map(|d| d.kind.to_string())).collect();
    for wanted in [
        "id-Deviation-LDS-DGHashWrong DG2",
        "id-Deviation-CertOrKey-DSEncoding subject",
        "id-Deviation-CertOrKey-DSEncoding keyUsage (2.5.29.15)",
        "id-Deviation-LDS-DGMalformed EF.COM",
        "id-Deviation-MRZ-WrongCheckDigit dateOfBirth",
    ] {
        assert!(kinds.iter().any(|kind| kind == wanted), "{wanted} is not in {kinds:?}");
    }
    let digest = SignerId::Digest { hash: Hash::Sha256, value: Hash::Sha256.digest(&[world.ds.der()]) };
    assert!(list.deviations.iter().any(|d| d.documents.signer.as_ref() == Some(&digest)));
    assert!(
        list.deviations.iter().any(|d| d.documents.signer.as_ref().is_some_and(|s| s.names(&world.ds)) && d.documents.numbers.len() == 1)
    );

    let Some(judged) = world.cms(DEVIATION_LIST_FILE) else { return };
    println!("{}", text(&judged));
    assert!(judged.status.success(), "{}", text(&judged));
    let shown = world.shown(DEVIATION_LIST_FILE);
    for wanted in ["version: 3", "undefined (2.23.136.1.1.7)", "d.subjectKeyIdentifier", "signingTime"] {
        assert!(shown.contains(wanted), "{wanted} is not in {shown}");
    }
    let path = world.directory.join("content");
    std::fs::write(&path, list.signed.content()).expect("written");
    let tree = openssl(&["asn1parse", "-inform", "DER"], &[("-in", &path)]).map(|output| text(&output)).expect("openssl ran before");
    for wanted in [
        "INTEGER           :00",
        "OBJECT            :2.23.136.1.1.7.2.2",
        "PRINTABLESTRING   :C01X00T47",
        "GENERALIZEDTIME   :20260101000000Z",
    ] {
        assert!(tree.contains(wanted), "{wanted} is not in {tree}");
    }
}

#[test]
fn a_file_of_deviations_that_breaks_a_rule_is_refused_with_its_place() {
    let mut world = world();
    let foreign = utopia();
    let other = foreign.ds.clone();
    let mut refused = |from: &str, to: &str, wanted: &[&str]| {
        let file = DEVIATIONS.replacen(from, to, 1);
        assert_ne!(file, DEVIATIONS, "{from}");
        let (key, _) = world.authority.signer("dls", &keys(&world.directory)).expect("a signer");
        let mut find = |name: &str| if name == "ut.cer" { Ok(other.clone()) } else { Err(format!("{name}: no such file")) };
        let made = describe::parse(&file)
            .map_err(PublishError::from)
            .and_then(|file| world.authority.issue_deviation_list(&file, ("dls", key.as_ref()), &mut find, "an officer", now()));
        let said = made.expect_err(to).to_string();
        for word in wanted {
            assert!(said.contains(word), "{word} is not in {said}");
        }
    };
    refused("version = 1", "version = 2", &["version 1", "2"]);
    refused("numbers", "number", &["line 7", "unknown field `number`"]);
    refused("\"P<\"", "\"PASS\"", &["deviation 1, document_type", "P<", "PASS"]);
    refused("certificate = \"ds\" }", "certificate = \"ds-9\" }", &["deviation 1, signer", "ds-9: no such file"]);
    refused("certificate = \"ds\" }", "certificate = \"ut.cer\" }", &["deviation 1, signer", "a document signer of VN", "C=UT"]);
    refused("2026-03-31", "2025-03-31", &["deviation 1, issued", "not before"]);
    refused("2026-03-31", "2026-02-30", &["deviation 1, issued", "2026-02-30"]);
    refused("\"C01X00T47\"", "\"Số 47\"", &["deviation 1, numbers", "PrintableString"]);
    refused("LDS-DGHashWrong", "LDS-HashWrong", &["deviation 1, description 1", "LDS-DGHashWrong", "LDS-HashWrong"]);
    refused("data_group = 2", "data_group = 17", &["deviation 1, description 1", "1 to 16", "17"]);
    refused("data_group = 2", "field = \"subject\"", &["deviation 1, description 1", "no field", "subject"]);
    refused("DG2 was", "ảnh", &["deviation 1, description 1", "PrintableString"]);
    refused("field = \"subject\"", "field = \"colour\"", &["deviation 2, description 1", "TBSCertificate", "colour"]);
    refused("field = \"dateOfBirth\"", "field = \"birthday\"", &["deviation 3, description 2", "MRZ", "birthday"]);
    refused("document_type = \"ID\"", "", &["deviation 3, documents", "none of them"]);
    assert!(!world.directory.join(DEVIATION_LIST_FILE).exists());
    // what is generic is allowed; JSON says the same
    let generic = r#"{"version":1,"deviation":[{"document_type":"P<","description":[{"type":"Chip"},{"type":"LDS-DGHashWrong"}]}]}"#;
    let list = world.deviations(generic).expect("a list");
    assert!(list.deviations[0].descriptions.iter().any(|d| d.kind == Kind::DgHashWrong(None)));
}

#[test]
fn a_revocation_is_in_the_register_at_once_and_in_every_list_after() {
    let mut world = World::usual();
    let usual = CrlParameters::default();
    assert_eq!(world.next_crl(usual, now()).expect("the first list").number(), Some(&[1u8][..]));
    // nothing new within 48 hours: the profile forbids another list, and its number is burned
    let again = world.next_crl(usual, later(1)).expect_err("too early");
    assert!(matches!(&again, PublishError::Lint(errors) if errors.iter().any(|e| e.rule == "CR-017")), "{again}");

    let revoked = world.authority.revoke("ds", Reason::KeyCompromise, "an officer", later(1)).expect("revoked");
    assert_eq!((revoked.serial.as_str(), revoked.by.as_str()), (world.ds.serial_hex().as_str(), "an officer"));
    let list = world.next_crl(usual, later(1)).expect("the next list");
    assert_eq!((list.number(), list.revoked().len(), list.revoked()[0].reason), (Some(&[3u8][..]), 1, None));
    assert_eq!((list.serial_of(&list.revoked()[0]), list.revoked()[0].date), (world.ds.serial(), later(1)));
    assert_eq!(std::fs::read(world.directory.join(CRL_FILE)).expect("the file"), list.der());
    let reasons = world.next_crl(CrlParameters { reasons: true, ..usual }, later(3)).expect("with reasons");
    assert_eq!(reasons.revoked()[0].reason, Some(Reason::KeyCompromise));

    // by serial number too, in the form that people copy; nothing twice, no root, nothing unknown
    let serial = world.ds.serial_hex().to_uppercase();
    let colons = serial.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair)).collect::<Vec<_>>().join(":");
    for name in ["ds", &serial, &colons] {
        let twice = world.authority.revoke(name, Reason::Superseded, "an officer", later(4)).expect_err("twice");
        assert!(matches!(twice, PublishError::Revoked { reason: "keyCompromise", .. }), "{twice}");
    }
    assert!(matches!(world.authority.revoke("csca", Reason::CaCompromise, "x", later(4)), Err(PublishError::Root(_))));
    assert!(matches!(world.authority.revoke("ds-2", Reason::CaCompromise, "x", later(4)), Err(PublishError::Unknown(_))));
    assert!(matches!(world.next_crl(usual, now()), Err(PublishError::Clock { .. })), "the clock went back");
    assert!(matches!(world.next_crl(CrlParameters { days: 91, ..usual }, later(9)), Err(PublishError::Crl(CrlError::Period(91)))));

    // a crash before the file was written: the next opening writes it
    let newest = std::fs::read(world.directory.join(CRL_FILE)).expect("the file");
    std::fs::write(world.directory.join(CRL_FILE), list.der()).expect("the one before");
    let directory = world.directory.clone();
    let keep = world.close();
    let (again, _) = Authority::open(&directory, today()).expect("opened again");
    assert_eq!(std::fs::read(directory.join(CRL_FILE)).expect("the file"), newest);
    assert_eq!(again.revoked(), [revoked]);
    drop((again, keep));
}

#[test]
fn a_hand_over_is_recorded_with_its_giver_and_refused_as_a_whole() {
    let (mut world, foreign) = (World::usual(), utopia());
    let root = foreign.authority.csca().expect("CSCA").clone();
    let both = [root.der(), foreign.ds.der()].concat();
    let before = world.authority.register().head().clone();
    let refused = world.authority.import(&both, &OVER, now()).expect_err("a document signer");
    assert!(matches!(refused, PublishError::Foreign(ForeignError::NotCsca { .. })), "{refused}");
    let nobody = world.authority.import(root.der(), &HandOver { from: " ", ..OVER }, now()).expect_err("nobody");
    assert!(matches!(nobody, PublishError::Foreign(ForeignError::Nobody)), "{nobody}");
    let own = world.authority.csca().expect("CSCA").der().to_vec();
    assert!(matches!(world.authority.import(&own, &OVER, now()), Err(PublishError::Foreign(ForeignError::Own { .. }))));
    assert_eq!(*world.authority.register().head(), before, "nothing was written");

    let pem = pki::authority::to_pem(&root);
    assert!(world.authority.import(pem.as_bytes(), &OVER, now()).expect("taken")[0].new);
    assert!(!world.authority.import(root.der(), &OVER, now()).expect("taken")[0].new, "from there it is known");
    let second = HandOver { from: "ICAO", tier: Tier::IcaoList, ..OVER };
    assert!(world.authority.import(root.der(), &second, now()).expect("taken")[0].new, "somebody else says so too");
    let known = world.authority.foreign().expect("certificates");
    assert_eq!(known.len(), 1);
    assert_eq!((known[0].from.as_str(), known[0].tier, known[0].date), ("Embassy of Utopia", Tier::Bilateral, today()));
    let entry = world.authority.register().entries().iter().find(|e| e.kind == Event::Imported).expect("an entry");
    assert_eq!((entry.name.as_str(), entry.by.as_str(), entry.detail("from")), ("UT", "an officer", "Embassy of Utopia"));
    assert_eq!(entry.detail("file-sha256"), hex::encode(Hash::Sha256.digest(&[pem.as_bytes()])));
}

#[test]
fn a_request_from_elsewhere_becomes_a_certificate_that_openssl_verifies() {
    let mut world = World::usual();
    let algorithm = DsParameters::default().algorithm;
    let elsewhere = SigningKey::generate(KeyParameters::Ec(eid::crypto::curve::Curve::P256), algorithm, &mut rng()).expect("a key");
    let signer = SoftwareSigner::new("elsewhere", elsewhere, rng());
    let asked = Subject { common_name: "Document Signer 7".to_owned(), serial_number: None, ..subject() };
    let made = request::create(&asked, EcParameters::Named, &signer).expect("a request");
    let read = world.authority.receive_request(made.der(), "ds-7", "an officer", now()).expect("taken");
    let (root, _) = world.authority.signer("csca", &keys(&world.directory)).expect("the key of the CSCA");
    let issuing = Issuing { signer: root.as_ref(), by: "an officer", today: today() };
    let parameters = DsParameters { common_name: request::common_name(&read), ..DsParameters::default() };
    let certificate =
        world.authority.issue_ds_for_key("ds-7", &parameters, &read.key.key, &issuing, &mut rng()).expect("a document signer");
    assert_eq!(certificate.key().expect("a key").key, made.key.key);
    // the same key again
    let again = world.authority.receive_request(made.der(), "ds-8", "an officer", now()).expect_err("one key, one certificate");
    assert!(matches!(&again, PublishError::KnownKey(name) if name == "ds-7"), "{again}");
    let mut changed = made.der().to_vec();
    *changed.last_mut().expect("a signature") ^= 1;
    assert!(matches!(world.authority.receive_request(&changed, "ds-9", "x", now()), Err(PublishError::Request(_))));

    let (root, ds) = (world.pem("csca", world.authority.csca().expect("CSCA")), world.pem("ds-7", &certificate));
    let Some(judged) = openssl(&["verify", "-no_check_time", "-purpose", "any"], &[("-CAfile", &root), ("", &ds)]) else { return };
    assert!(judged.status.success(), "{}", text(&judged));
    let shown = openssl(&["x509", "-noout", "-subject"], &[("-in", &ds)]).map(|output| text(&output)).expect("openssl ran before");
    assert!(shown.contains("CN = Document Signer 7") && shown.contains("C = VN"), "{shown}");
}
