//! Every file of the collection, without exception: what it is, what was read, what verified, and why the rest was refused. A file of no
//! class fails, and so does a count that changes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use eid::cert::cms::SignedData;
use eid::cert::crl::Crl;
use eid::cert::cvc::Cvc;
use eid::cert::list_signer::{self, Purpose};
use eid::cert::master_list::MasterList;
use eid::cert::path::{self, Chain};
use eid::cert::spki;
use eid::cert::trust::TrustStore;
use eid::cert::x509::Certificate;
use eid::crypto::signature::PrivateKey;
use eid::date::Date;
use eid::lds;
use eid::lds::biometrics::face::FaceRecord;
use eid::lds::biometrics::image;
use eid::lds::card_security::CardSecurity;
use eid::lds::security_info::SecurityInfos;
use eid::lds::sod::Sod;
use eid::protocol::finding::Outcome;
use eid::protocol::passive_auth::{CardSecurityInput, Input, card_security, passive_authentication};
use serde_json::Value;

use crate::corpus;

/// What the walk knows before it starts.
struct World {
    /// Certificates of all master lists, and what the states publish themselves.
    trust: TrustStore,
    /// The same and the mock roots: keys that may have signed something.
    keys: Vec<Arc<Certificate>>,
    mock: Vec<Certificate>,
    terminal_authorities: Vec<Cvc>,
}

fn today() -> Date {
    Date::new(2026, 11, 21).expect("a day")
}

impl World {
    fn of(root: &Path) -> Self {
        let mut trust = TrustStore::new();
        let read = |path: &Path| std::fs::read(path).expect("file");
        for path in corpus::files(&root.join("masterlists")).iter().filter(|path| path.extension().is_some_and(|e| e == "ml")) {
            for certificate in MasterList::parse(&read(path)).expect("a list").certificates() {
                // one list carries a document signer among its CSCA certificates: the store refuses it
                let _ = trust.add(certificate.der());
            }
        }
        for folder in ["csca", "vn/csca", "masterlists/anchors"] {
            corpus::files(&root.join(folder)).iter().for_each(|path| drop(trust.add(&read(path))));
        }
        let mock = corpus::files(&root.join("mock-pki"));
        let mock = mock.iter().filter(|path| path.ends_with("mock_csca.pem"));
        let mock = mock.map(|path| Certificate::from_pem_or_der(&read(path)).expect("a certificate")).collect();
        let keys = trust.anchors().iter().filter_map(|entry| entry.certificate().ok().cloned()).collect();
        let certificates = corpus::files(&root.join("cvc"));
        let certificates = certificates.iter().filter(|path| path.extension().is_some_and(|e| e == "cvcert"));
        let terminal_authorities = certificates.filter_map(|path| Cvc::from_der(&read(path)).ok()).collect();
        Self { trust, keys, mock, terminal_authorities }
    }
}

type Judge = fn(&[u8], &World) -> String;

/// A class of files: where they are, how their names end, who judges them, and the answers with their number.
struct Class {
    start: &'static str,
    ends: &'static [&'static str],
    judge: Judge,
    expected: &'static [(&'static str, usize)],
}

const fn class(start: &'static str, ends: &'static [&'static str], judge: Judge, expected: &'static [(&'static str, usize)]) -> Class {
    Class { start, ends, judge, expected }
}

include!("walk/classes.rs");

fn refused(error: &dyn std::fmt::Display) -> String {
    format!("refused: {error}")
}

/// Text that people read: UTF-8, or Latin-1 as the German ASN.1 modules.
fn text(bytes: &[u8], _: &World) -> String {
    if std::str::from_utf8(bytes).is_ok() { "text".to_owned() } else { "text that is not UTF-8".to_owned() }
}

fn json(bytes: &[u8], _: &World) -> String {
    serde_json::from_slice::<Value>(bytes).map_or_else(|error| refused(&error), |_| "json".to_owned())
}

fn ca(bytes: &[u8], world: &World) -> String {
    let certificate = match Certificate::from_pem_or_der(bytes) {
        Ok(certificate) => certificate,
        Err(error) => return refused(&error),
    };
    if certificate.is_self_signed() {
        return "self-signed, verified".to_owned();
    }
    let signed = |key: &Arc<Certificate>| key.key().is_ok_and(|key| certificate.verify_signed_by(key).is_ok());
    let state = certificate.issuer_country();
    let mut candidates = world.keys.iter().filter(|key| key.subject_country() == state && key.fingerprint() != certificate.fingerprint());
    if candidates.any(signed) { "link, verified".to_owned() } else { "link, its issuer is not here".to_owned() }
}

fn document_signer(bytes: &[u8], world: &World) -> String {
    match Certificate::from_pem_or_der(bytes) {
        Ok(certificate) => chain(&Arc::new(certificate), world),
        Err(error) => refused(&error),
    }
}

fn chain(certificate: &Arc<Certificate>, world: &World) -> String {
    match path::find(certificate, &world.trust) {
        Chain::Verified(_) => "verified".to_owned(),
        Chain::NoAnchor { .. } => "no anchor here".to_owned(),
        Chain::Forged { .. } => "forged".to_owned(),
        Chain::NotDocumentSigner { rule, .. } => refused(&rule),
        Chain::Unsupported { what } => format!("not supported: {what}"),
    }
}

/// Certificates one after the other: as many answers as they are, in one.
fn bulk(bytes: &[u8], world: &World) -> String {
    let mut reader = eid::tlv::Reader::new(bytes);
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    while let Ok(Some(one)) = reader.next() {
        *answers.entry(document_signer(one.raw, world)).or_default() += 1;
    }
    let mut out: Vec<_> = answers.into_iter().map(|(answer, count)| format!("{count} {answer}")).collect();
    out.extend((!reader.is_empty()).then(|| "bytes after the last".to_owned()));
    out.join(", ")
}

fn mock_certificate(bytes: &[u8], world: &World) -> String {
    let certificate = match Certificate::from_pem_or_der(bytes) {
        Ok(certificate) => certificate,
        Err(error) => return refused(&error),
    };
    if certificate.is_self_signed() {
        return "self-signed, verified".to_owned();
    }
    let proved = world.mock.iter().filter(|root| root.key().is_ok_and(|key| certificate.verify_signed_by(key).is_ok())).count();
    format!("verified by {proved}")
}

/// The reader of PEM leaves keys out on purpose: nobody asks for them in a text. So the block is taken out here.
fn private_key(bytes: &[u8], _: &World) -> String {
    let text = String::from_utf8_lossy(bytes);
    let (label, der) =
        match text.split("-----BEGIN ").find(|block| block.split("-----").next().is_some_and(|label| label.ends_with("PRIVATE KEY"))) {
            None => ("PRIVATE KEY", bytes.to_vec()),
            Some(block) => {
                let mut parts = block.split("-----");
                let (label, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
                let body: String = body.split_whitespace().collect();
                (label, eid::cert::pem::base64(&body).expect("base64"))
            }
        };
    if label != "PRIVATE KEY" {
        return format!("{label}, no PKCS#8");
    }
    PrivateKey::from_pkcs8(&der).map_or_else(|error| refused(&error), |_| "key".to_owned())
}

fn public_key(bytes: &[u8], _: &World) -> String {
    spki::parse(bytes).map_or_else(|error| refused(&error), |info| format!("key {}", info.describe()))
}

fn revocation_list(bytes: &[u8], world: &World) -> String {
    let crl = match Crl::parse(bytes) {
        Ok(crl) => crl,
        Err(error) => return refused(&error),
    };
    let state = crl.issuer_country();
    let of_state = world.keys.iter().filter(|key| key.subject_country() == state);
    let verified = of_state.filter_map(|key| key.key().ok()).any(|key| crl.verify_signed_by(key).is_ok());
    if verified { "verified".to_owned() } else { "parsed, no key of the state here signed it".to_owned() }
}

fn master_list(bytes: &[u8], _: &World) -> String {
    let list = match MasterList::parse(bytes) {
        Ok(list) => list,
        Err(error) => return refused(&error),
    };
    match list_signer::check_signature(&list.signed, Purpose::MasterList) {
        Ok(_) => format!("verified, {} certificates, {} unreadable", list.certificates().count(), list.unreadable().count()),
        Err(error) => refused(&error),
    }
}

/// EF.SOD by itself: the answers of structure and signature.
fn security_object(bytes: &[u8], world: &World) -> String {
    let (sod, files, not_read) = (Sod::parse(bytes), BTreeMap::new(), BTreeSet::new());
    let input =
        Input { sod: sod.as_ref(), files: &files, not_read: &not_read, trust: &world.trust, cache: None, today: today(), issued: None };
    let verdict = passive_authentication(&input);
    let failed =
        verdict.findings.iter().find(|finding| ["pa.sod", "pa.signature"].contains(&finding.id()) && finding.outcome != Outcome::Passed);
    failed.map_or_else(
        || "verified".to_owned(),
        |finding| format!("refused: {} {}", finding.id(), finding.reason.as_ref().map_or("", |reason| reason.code)),
    )
}

fn data_group(bytes: &[u8], _: &World) -> String {
    match lds::detect(bytes) {
        Ok(id) => lds::parse(id, bytes).map_or_else(|error| refused(&error), |file| format!("parsed {}", file.id)),
        Err(error) => refused(&error),
    }
}

fn card_access(bytes: &[u8], _: &World) -> String {
    lds::parse(eid::image::FileId::CARD_ACCESS, bytes)
        .map_or_else(|error| refused(&error), |file| format!("parsed, {} quirks", file.quirks.len()))
}

/// EF.CardSecurity and EF.ChipSecurity: the signature, and that no anchor here vouches for test states.
fn signed_infos(bytes: &[u8], world: &World) -> String {
    let file = match CardSecurity::parse(bytes) {
        Ok(file) => file,
        Err(error) => return refused(&error),
    };
    let (findings, _) = card_security(&CardSecurityInput { signed: &file.signed, trust: &world.trust, cache: None, today: today() });
    let said = |at: usize| {
        let finding = &findings[at];
        finding.reason.as_ref().map_or_else(|| finding.outcome.to_string(), |reason| format!("{} {}", finding.outcome, reason.code))
    };
    format!("signature {}, chain {}", said(0), said(1))
}

fn card_verifiable(bytes: &[u8], world: &World) -> String {
    let certificate = match Cvc::from_der(bytes) {
        Ok(certificate) => certificate,
        Err(error) => return refused(&error),
    };
    let authority = certificate.authority().to_string();
    let known = world.terminal_authorities.iter().any(|other| other.holder().to_string() == authority);
    format!("parsed, its issuer is {}", if known { "here" } else { "not here" })
}

fn request(bytes: &[u8], _: &World) -> String {
    Cvc::from_der(bytes).map_or_else(|_| "parsed as no certificate".to_owned(), |_| "certificate".to_owned())
}

fn picture(bytes: &[u8], _: &World) -> String {
    image::sniff(bytes).map_or_else(|error| refused(&error), |header| format!("header {:?}", header.kind))
}

fn tlv_only(bytes: &[u8], _: &World) -> String {
    let mut reader = eid::tlv::Reader::new(bytes);
    loop {
        match reader.next() {
            Ok(Some(_)) => {}
            Ok(None) => return "TLV".to_owned(),
            Err(error) => return refused(&error),
        }
    }
}

/// A face record of ISO/IEC 19794-5; one of 39794-5 is TLV, and is read whole as part of its DG2.
fn face_record(bytes: &[u8], world: &World) -> String {
    if !bytes.starts_with(b"FAC\0") {
        return tlv_only(bytes, world);
    }
    let dg2 = eid::image::FileId::dg(2).expect("DG2");
    FaceRecord::read(dg2, bytes, 0, &mut Vec::new()).map_or_else(|error| refused(&error), |record| format!("{} face", record.images.len()))
}

fn hexadecimal(bytes: &[u8], world: &World) -> String {
    let text: String = String::from_utf8_lossy(bytes).split_whitespace().collect();
    hex::decode(text).map_or_else(|error| refused(&error), |bytes| data_group(&bytes, world))
}

#[test]
fn every_file_of_the_collection_is_of_a_class_and_answers_as_before() {
    let Some(root) = corpus::root() else { return };
    static WORLD: OnceLock<World> = OnceLock::new();
    let world = WORLD.get_or_init(|| World::of(&root));
    let mut answers: Vec<BTreeMap<String, usize>> = CLASSES.iter().map(|_| BTreeMap::new()).collect();
    let (mut of_no_class, mut all) = (Vec::new(), 0);
    for path in corpus::files(&root) {
        let name = path.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
        all += 1;
        let fits =
            |class: &Class| name.starts_with(class.start) && (class.ends.is_empty() || class.ends.iter().any(|end| name.ends_with(end)));
        let Some(at) = CLASSES.iter().position(fits) else {
            of_no_class.push(name);
            continue;
        };
        let answer = (CLASSES[at].judge)(&std::fs::read(&path).expect("file"), world);
        *answers[at].entry(answer).or_default() += 1;
    }
    assert_eq!(of_no_class, [""; 0]);
    assert_eq!(all, FILES);
    let mut wrong = Vec::new();
    for (class, found) in CLASSES.iter().zip(&answers) {
        let expected: BTreeMap<String, usize> = class.expected.iter().map(|&(answer, count)| (answer.to_owned(), count)).collect();
        if *found != expected {
            wrong.push(format!("{} {:?}: {found:#?}", class.start, class.ends));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Messages that are cut anywhere are answered, never a panic; the classes above have each of them whole.
#[test]
fn signed_messages_that_are_cut_are_refused() {
    let Some(root) = corpus::root() else { return };
    for path in corpus::files(&root.join("ef")).iter().filter(|path| path.to_string_lossy().contains("Security")).take(6) {
        let whole = std::fs::read(path).expect("file");
        for end in (0..whole.len()).step_by(7) {
            assert!(SignedData::parse(&whole[..end]).is_err() && SecurityInfos::parse(&whole[..end]).is_err(), "{} {end}", path.display());
        }
    }
}
