//! Master lists, CRLs, bundles, and PKD records of our own making.

use cardwright::trust::import::{ImportError, NoticeKind, Options, import};
use cardwright::trust::{Collection, Role, Standing};
use eid::cert::crl::{Crl, Limit, Reason};
use eid::cert::list_signer::{self, ListError, Purpose};
use eid::cert::master_list::MasterList;
use eid::cert::trust::{Tier, TrustStore};
use eid::cert::x509::Certificate;
use eid::oid;
use eid::tlv;

use crate::maker::{Fields, Folder, Party, Use, collect, crl_extension, notices, take, today};

/// Two states, the list signer of one, and its list of both.
pub(crate) struct World {
    pub(crate) ut: Party,
    pub(crate) zz: Party,
    pub(crate) signer: Party,
    pub(crate) list: Vec<u8>,
}

impl World {
    pub(crate) fn new() -> Self {
        let (ut, zz) = (Party::csca("UT"), Party::csca("ZZ"));
        let signer = ut.issue(&Fields::new("UT", "Master List Signer", Use::MasterListSigner), "list signer");
        let list = signer.master_list(&[&ut.certificate, &zz.certificate]);
        Self { ut, zz, signer, list }
    }
}

fn countries(collection: &Collection) -> Vec<String> {
    let mut out: Vec<_> = collection.anchors().map(|held| held.entry.country().unwrap_or("--").to_owned()).collect();
    out.sort();
    out
}

#[test]
fn a_master_list_counts_only_with_a_trusted_csca_behind_its_signer() {
    let world = World::new();
    let alone = collect(&[&world.list]).expect_err("nobody is trusted yet");
    assert!(matches!(alone, ImportError::List { source: ListError::NoAnchor { .. }, .. }), "{alone}");
    // in any order in one import
    for files in [[world.list.as_slice(), world.ut.certificate.der()], [world.ut.certificate.der(), world.list.as_slice()]] {
        let (collection, summary) = collect(&files).expect("imported");
        assert_eq!((countries(&collection), summary.new_anchors), (vec!["UT".to_owned(), "ZZ".to_owned()], 2));
        let zz = collection.anchors().find(|held| held.entry.country() == Some("ZZ")).expect("ZZ");
        let (tier, record) = collection.origins(zz).next().expect("an origin");
        assert_eq!((tier, record.standing, record.signer.as_str()), (Tier::NationalList, Standing::Proved, "C=UT, CN=Master List Signer"));
        // handed over beats listed
        let ut = collection.anchors().find(|held| held.entry.country() == Some("UT")).expect("UT");
        assert_eq!((ut.tier(), collection.origins(ut).count()), (Some(Tier::Bilateral), 2));
    }
}

#[test]
fn a_signer_can_be_named_without_being_trusted_for_documents() {
    let world = World::new();
    let folder = Folder::new();
    let only_zz = world.signer.master_list(&[&world.zz.certificate]);
    let files = [folder.file("list", &only_zz)];
    let signers = TrustStore::from_bytes(world.ut.certificate.der()).expect("a certificate");
    let mut collection = Collection::new();
    let options = Options { tier: None, signers: &signers, take_unproved: false, date: today() };
    import(&mut collection, &files, &options).expect("imported");
    assert_eq!(countries(&collection), ["ZZ"]);
}

#[test]
fn a_list_taken_without_proof_is_remembered_as_such_and_one_with_a_wrong_signature_is_never_taken() {
    let world = World::new();
    let nobody = TrustStore::new();
    let options = Options { tier: None, signers: &nobody, take_unproved: true, date: today() };
    let folder = Folder::new();
    let mut collection = Collection::new();
    let summary = import(&mut collection, &[folder.file("list", &world.list)], &options).expect("imported");
    assert_eq!(summary.notices.iter().map(|n| n.kind).collect::<Vec<_>>(), [NoticeKind::Unproved]);
    assert_eq!(collection.imports()[0].standing, Standing::Unproved);
    let source = &collection.trust().anchors()[0].origins()[0].source.clone();
    assert_eq!(&**source, "list, its signer C=UT, CN=Master List Signer not proved");

    let content = MasterList::parse(&world.list).expect("a list").signed.content().to_vec();
    let at = world.list.windows(content.len()).position(|w| w == content).expect("the content");
    for offset in [at + content.len() / 2, world.list.len() - 1] {
        let mut changed = world.list.clone();
        changed[offset] ^= 1;
        let error = import(&mut Collection::new(), &[folder.file("changed", &changed)], &options).expect_err("damaged");
        assert!(matches!(error, ImportError::List { source: ListError::Signature { .. }, .. }), "{error}");
    }
}

#[test]
fn certificates_inside_of_a_list_never_prove_that_list() {
    let world = World::new();
    // an attacker's own CSCA with a list signer, everything in order, the CSCA both listed and sent along
    let fake = Party::root(&Fields::new("UT", "CSCA", Use::Ca), "an attacker");
    let signer = fake.issue(&Fields::new("UT", "Master List Signer", Use::MasterListSigner), "an attacker's signer");
    let content = eid::cert::master_list::encode(&[&fake.certificate]);
    let list = signer.sign_list(oid::CSCA_MASTER_LIST, &content, &[&fake.certificate]);
    for files in [vec![list.as_slice()], vec![world.ut.certificate.der(), &list]] {
        let error = collect(&files).expect_err("an unknown signer");
        assert!(matches!(error, ImportError::List { source: ListError::NoAnchor { .. }, .. }), "{error}");
    }
}

#[test]
fn lists_prove_each_other_in_as_many_rounds_as_it_takes() {
    let world = World::new();
    let yy = Party::csca("YY");
    let by_zz = world.zz.issue(&Fields::new("ZZ", "Signer", Use::MasterListSigner), "by zz").master_list(&[&yy.certificate]);
    let xx = Party::csca("XX");
    let by_yy = yy.issue(&Fields::new("YY", "Signer", Use::MasterListSigner), "by yy").master_list(&[&xx.certificate]);
    let (collection, _) = collect(&[&by_yy, &by_zz, &world.list, world.ut.certificate.der()]).expect("imported");
    assert_eq!(countries(&collection), ["UT", "XX", "YY", "ZZ"]);
}

#[test]
fn a_document_signer_may_not_sign_lists() {
    let world = World::new();
    for purpose in [Use::DocumentSigner, Use::DeviationListSigner] {
        let signer = world.ut.issue(&Fields::new("UT", "Signer", purpose), "other signer");
        let list = signer.master_list(&[&world.zz.certificate]);
        let error = collect(&[world.ut.certificate.der(), &list]).expect_err("not its purpose");
        assert!(matches!(error, ImportError::List { source: ListError::NotForLists { .. }, .. }), "{error}");
    }
}

#[test]
fn a_link_certificate_that_came_along_leads_to_the_old_csca() {
    let old = Party::csca("UT");
    let new = Party::root(&Fields::new("UT", "CSCA", Use::Ca), "new key");
    let link = old.certify(&Fields { serial: vec![7], ..Fields::new("UT", "CSCA", Use::Ca) }, new.certificate.spki());
    let signer = new.issue(&Fields::new("UT", "Signer", Use::MasterListSigner), "signer");
    let content = eid::cert::master_list::encode(&[&new.certificate]);
    let trust = TrustStore::from_bytes(old.certificate.der()).expect("a certificate");
    let list =
        |others: &[&Certificate]| MasterList::parse(&signer.sign_list(oid::CSCA_MASTER_LIST, &content, others)).expect("a list").signed;
    let proved = list_signer::prove(&list(&[&link]), Purpose::MasterList, &trust).expect("proved");
    assert_eq!((proved.link.as_deref(), &*proved.anchor), (Some(&link), &old.certificate));
    // the new root proves nothing by itself
    let error = list_signer::prove(&list(&[&new.certificate]), Purpose::MasterList, &trust).expect_err("no link");
    assert!(matches!(error, ListError::NoAnchor { .. }), "{error}");
}

/// The same object with indefinite lengths down to the content, which comes in two pieces (X.690 clause 8.1.3.6).
pub(crate) fn to_ber(list: &[u8]) -> Vec<u8> {
    let indefinite = |tag: u8, body: &[u8]| [&[tag, 0x80], body, &[0, 0]].concat();
    let outer = tlv::single(list, 0x30u32).expect("ContentInfo");
    let mut info = outer.reader();
    let kind = info.next().expect("TLV").expect("contentType");
    let signed = info.next().expect("TLV").expect("[0]").reader().next().expect("TLV").expect("SignedData");
    let mut body = Vec::new();
    let mut fields = signed.reader();
    while let Some(field) = fields.next().expect("TLV") {
        if field.tag.0 == 0x30 {
            let mut encapsulated = field.reader();
            let content_type = encapsulated.next().expect("TLV").expect("eContentType");
            let content = encapsulated.next().expect("TLV").expect("[0]").reader().next().expect("TLV").expect("eContent").value;
            let (a, b) = content.split_at(content.len() / 3);
            let pieces = [tlv::encode(0x04u32, a), tlv::encode(0x04u32, b)].concat();
            body.extend(indefinite(0x30, &[content_type.raw, &indefinite(0xA0, &indefinite(0x24, &pieces))].concat()));
        } else {
            body.extend_from_slice(field.raw);
        }
    }
    indefinite(0x30, &[kind.raw, &indefinite(0xA0, &indefinite(0x30, &body))].concat())
}

#[test]
fn a_list_in_ber_reads_as_the_same_list_in_der() {
    let world = World::new();
    let ber = to_ber(&world.list);
    let (collection, _) = collect(&[world.ut.certificate.der(), &ber]).expect("imported");
    assert_eq!(countries(&collection), ["UT", "ZZ"]);
    let list = MasterList::parse(&ber).expect("a list");
    assert!(list.signed.quirks.iter().any(|q| q.rule == "cms.ber"), "{:?}", list.signed.quirks);
}

#[test]
fn entries_that_do_not_read_are_named_and_counted_and_hide_no_other() {
    let world = World::new();
    let mut broken = world.zz.certificate.der().to_vec();
    // the version of the certificate is no INTEGER any more
    let at = broken.windows(5).position(|w| w == [0xA0, 3, 2, 1, 2]).expect("version");
    broken[at + 2] = 0x05;
    let set = tlv::encode(0x31u32, &[&broken, &[0x02, 1, 5][..], world.ut.certificate.der(), &[0x30, 0x82, 0xFF, 0xFF]].concat());
    let content = tlv::encode(0x30u32, &[&[2, 1, 0], set.as_slice()].concat());
    let list = world.signer.sign_list(oid::CSCA_MASTER_LIST, &content, &[]);
    let (collection, summary) = collect(&[world.ut.certificate.der(), &list]).expect("imported");
    let record = collection.imports().iter().find(|i| i.standing == Standing::Proved).expect("the list");
    assert_eq!((record.entries, record.refused, countries(&collection)), (4, 3, vec!["UT".to_owned()]));
    let said = notices(&summary);
    assert_eq!(said.iter().filter(|s| s.starts_with("entry at offset ")).count(), 3, "{said:?}");
    assert!(said.iter().any(|s| s.contains("truncated")), "{said:?}");
}

#[test]
fn a_document_signer_among_the_entries_is_known_and_not_trusted() {
    let world = World::new();
    let ds = world.zz.issue(&Fields::new("ZZ", "DS", Use::DocumentSigner), "ds");
    let list = world.signer.master_list(&[&world.zz.certificate, &ds.certificate]);
    let (collection, _) = collect(&[world.ut.certificate.der(), &list]).expect("imported");
    assert_eq!(countries(&collection), ["UT", "ZZ"]);
    let known: Vec<_> = collection.certificates().iter().filter(|held| held.role == Role::Known).collect();
    assert_eq!(known.iter().map(|held| held.note.as_deref()).collect::<Vec<_>>(), [Some("not a CA certificate")]);
    let trust = collection.trust();
    assert_eq!((trust.anchors().len(), trust.known().len(), trust.known_of_state("zz").count()), (2, 1, 1));
}

#[test]
fn a_list_of_the_united_nations_is_that_of_the_icao() {
    let un = Party::csca("UN");
    let list = un.issue(&Fields::new("UN", "ICAO", Use::MasterListSigner), "icao").master_list(&[&Party::csca("ZZ").certificate]);
    let (collection, _) = collect(&[un.certificate.der(), &list]).expect("imported");
    let zz = collection.anchors().find(|held| held.entry.country() == Some("ZZ")).expect("ZZ");
    assert_eq!(zz.tier(), Some(Tier::IcaoList));
}

#[test]
fn a_crl_says_what_is_revoked_when_and_why() {
    let world = World::new();
    let crl = Crl::parse(&world.ut.crl(5, today(), &[&[0x22], &[0x00, 0xFF]])).expect("a CRL");
    assert_eq!((crl.issuer_text().as_str(), crl.number(), crl.limits()), ("C=UT, CN=CSCA", Some(&[5][..]), &[][..]));
    assert_eq!((crl.this_update().date, crl.next_update().map(|t| t.date)), (today(), Some(today().plus_days(90))));
    assert!(crl.quirks().is_empty(), "{:?}", crl.quirks());
    let reasons: Vec<_> = crl.revoked().iter().map(|r| (crl.serial_of(r), r.reason, r.date.date)).collect();
    assert_eq!(reasons, [(&[0x22][..], Some(Reason::KeyCompromise), today()), (&[0, 0xFF], Some(Reason::KeyCompromise), today())]);
    let serial = |serial: &[u8]| {
        let fields = Fields { serial: serial.to_vec(), ..Fields::new("UT", "DS", Use::DocumentSigner) };
        crl.find(&world.ut.issue(&fields, "ds").certificate).is_some()
    };
    assert_eq!((serial(&[0x22]), serial(&[0x23]), serial(&[0, 0xFF])), (true, false, true));
}

#[test]
fn a_crl_that_leaves_something_out_says_so() {
    let ut = Party::csca("UT");
    let limits = |more: &[Vec<u8>]| Crl::parse(&ut.crl_with(1, today(), &[], more)).expect("a CRL").limits().to_vec();
    let seq = |body: &[u8]| tlv::encode(0x30u32, body);
    assert_eq!(limits(&[crl_extension("2.5.29.27", true, &[2, 1, 1])]), [Limit::Delta]);
    assert_eq!(limits(&[crl_extension("2.5.29.28", true, &seq(&[0x84, 1, 0xFF]))]), [Limit::Indirect]);
    assert_eq!(limits(&[crl_extension("2.5.29.28", true, &seq(&[0x82, 1, 0xFF]))]), [Limit::Partial("onlyContainsCACerts")]);
    assert_eq!(limits(&[crl_extension("2.5.29.28", true, &seq(&[0x81, 1, 0xFF]))]), []);
    assert_eq!(limits(&[crl_extension("1.2.3.4", true, &[5, 0])]), [Limit::UnknownCritical("1.2.3.4".to_owned())]);
    assert_eq!(limits(&[crl_extension("1.2.3.4", false, &[5, 0])]), []);
    let twice = [crl_extension("1.2.3.4", false, &[5, 0]), crl_extension("1.2.3.4", false, &[5, 0])];
    assert!(Crl::parse(&ut.crl_with(1, today(), &[], &twice)).is_err());
}

#[test]
fn the_newest_crl_of_a_key_replaces_older_ones_and_waits_for_its_issuer() {
    let (ut, folder) = (Party::csca("UT"), Folder::new());
    let mut collection = Collection::new();
    let days = |n| today().plus_days(n);
    let summary = take(&mut collection, &[folder.file("a", &ut.crl(1, days(-60), &[]))]).expect("imported");
    assert_eq!(summary.notices.iter().map(|n| n.kind).collect::<Vec<_>>(), [NoticeKind::Waiting]);
    take(&mut collection, &[folder.file("csca", ut.certificate.der())]).expect("imported");
    assert!(collection.crls()[0].issuer_key.is_some());
    let summary = take(&mut collection, &[folder.file("b", &ut.crl(2, days(-30), &[]))]).expect("imported");
    assert_eq!((summary.new_crls, summary.old_crls, collection.crls().len()), (1, 1, 1));
    // an older one does not come back
    let summary = take(&mut collection, &[folder.file("a", &ut.crl(1, days(-60), &[]))]).expect("imported");
    assert_eq!((summary.old_crls, collection.crls()[0].crl.number()), (1, Some(&[2][..])));
}

#[test]
fn records_of_the_pkd_are_taken_under_any_name_of_their_attributes() {
    use std::fmt::Write as _;
    let world = World::new();
    let ds = world.ut.issue(&Fields::new("UT", "DS", Use::DocumentSigner), "ds");
    let crl = world.ut.crl(1, today(), &[]);
    for attribute in ["CscaMasterListData", "pkdMasterListContent"] {
        let mut text = "version: 1\n\ndn: dc=data\nobjectClass: top\n".to_owned();
        let base64 = |bytes: &[u8]| openssl::base64::encode_block(bytes);
        for (n, (name, value)) in [
            (attribute, &world.list),
            ("userCertificate;binary", &ds.certificate.der().to_vec()),
            ("certificateRevocationList;binary", &crl),
        ]
        .iter()
        .enumerate()
        {
            write!(text, "\ndn: cn={n}\npkdConformanceText: text {n}\n{name}:: ").expect("text");
            for line in base64(value).as_bytes().chunks(70) {
                writeln!(text, "{}", String::from_utf8_lossy(line)).expect("text");
                text.push(' ');
            }
            text.truncate(text.len() - 1);
        }
        text.push_str("\ndn: cn=bad\nuserCertificate;binary:: MIIB\n\ndn: cn=worse\nx:: ?\n");
        let (collection, summary) = collect(&[world.ut.certificate.der(), text.as_bytes()]).expect("imported");
        assert_eq!(countries(&collection), ["UT", "ZZ"], "{attribute}");
        let known = collection.certificates().iter().find(|held| held.role == Role::Known).expect("the document signer");
        assert_eq!((known.tier(), known.note.as_deref()), (Some(Tier::IcaoList), Some("text 1")));
        assert!(collection.crls()[0].issuer_key.is_some());
        let said = notices(&summary);
        assert!(said.iter().any(|s| s.contains("not base64")) && said.iter().any(|s| s.contains("nothing that is known")), "{said:?}");
        let pkd = collection.imports().iter().find(|i| i.file == "1").expect("the records");
        assert_eq!((pkd.entries, pkd.refused), (4, 2));
    }
}

#[test]
fn a_bundle_gives_its_certificates_and_crls() {
    let (ut, zz) = (Party::csca("UT"), Party::csca("ZZ"));
    let certificates = tlv::encode(0xA0u32, &[ut.certificate.der(), zz.certificate.der()].concat());
    let crls = tlv::encode(0xA1u32, &ut.crl(1, today(), &[]));
    let data = tlv::encode(0x30u32, &tlv::encode(0x06u32, &oid::encode("1.2.840.113549.1.7.1")));
    let signed = tlv::encode(0x30u32, &[&[2, 1, 1, 0x31, 0], data.as_slice(), &certificates, &crls, &[0x31, 0]].concat());
    let kind = tlv::encode(0x06u32, &oid::encode(oid::SIGNED_DATA));
    let bundle = tlv::encode(0x30u32, &[kind, tlv::encode(0xA0u32, &signed)].concat());
    let pem = format!("-----BEGIN PKCS7-----\n{}\n-----END PKCS7-----\n", openssl::base64::encode_block(&bundle));
    for bytes in [bundle.as_slice(), pem.as_bytes()] {
        let (collection, _) = collect(&[bytes]).expect("imported");
        assert_eq!((countries(&collection), collection.crls().len()), (vec!["UT".to_owned(), "ZZ".to_owned()], 1));
    }
}

#[test]
fn what_is_none_of_the_kinds_is_refused_by_its_name_and_nothing_is_taken() {
    let (ut, folder) = (Party::csca("UT"), Folder::new());
    let csca = folder.file("csca.txt", ut.certificate.der());
    for (bytes, kind) in [(&b"hello"[..], "neither"), (&ut.certificate.der()[..300], "neither"), (b"", "neither")] {
        let other = folder.file("other.cer", bytes);
        let error = take(&mut Collection::new(), &[csca.clone(), other]).expect_err("not of a known kind").to_string();
        assert!(error.contains("other.cer") && error.contains(kind), "{error}");
    }
    // a key beside the certificates of a folder is passed over
    folder.file("key.pem", b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n");
    std::fs::remove_file(folder.path("other.cer")).expect("removed");
    let mut collection = Collection::new();
    take(&mut collection, &[folder.path("")]).expect("imported");
    assert_eq!(countries(&collection), ["UT"]);
}
