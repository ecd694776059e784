//! What states publish, with exact counts. The files are not ours; without them the tests say so and pass.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cardwright::terminal::report::codes::tolerances::{Whose, tolerance};
use cardwright::trust::collection::ImportKind;
use cardwright::trust::import::{NoticeKind, objects};
use cardwright::trust::ldif::Records;
use cardwright::trust::{Collection, Role, Standing, coverage};
use eid::cert::bundle::Kind;
use eid::cert::crl::Crl;
use eid::cert::list_signer::{self, ListError, Purpose};
use eid::cert::master_list::MasterList;
use eid::cert::path::{self, Chain};
use eid::cert::trust::TrustStore;
use eid::cert::x509::Certificate;

use crate::maker::{take, today};

/// `$CARDWRIGHT_CORPUS`, else `../shared/data` beside the repository.
pub(crate) fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let root = std::env::var_os("CARDWRIGHT_CORPUS").map_or_else(beside, PathBuf::from);
    if root.is_dir() {
        return Some(root);
    }
    println!("skipped: no corpus");
    None
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { out.extend(files(&path)) } else { out.push(path) }
    }
    out.sort();
    out
}

fn lists(root: &Path) -> Vec<PathBuf> {
    files(&root.join("masterlists")).into_iter().filter(|path| path.extension().is_some_and(|e| e == "ml")).collect()
}

fn name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

/// The store of the five master lists and the four CSCA certificates of their signers.
fn listed(root: &Path) -> Collection {
    let mut collection = Collection::new();
    let summary = take(&mut collection, &[vec![root.join("masterlists/anchors")], lists(root)].concat()).expect("imported");
    let odd: Vec<_> = summary.notices.iter().filter(|n| n.kind != NoticeKind::NoAnchor).collect();
    assert!(odd.is_empty(), "{odd:?}");
    collection
}

#[test]
fn five_master_lists_are_proved_by_the_cscas_of_their_signers_and_by_no_other() {
    let Some(root) = corpus() else { return };
    let anchors: Vec<_> = files(&root.join("masterlists/anchors")).iter().map(|p| std::fs::read(p).expect("a file")).collect();
    let mut distinct = BTreeSet::new();
    let mut found = Vec::new();
    for path in lists(&root) {
        let list = MasterList::parse(&std::fs::read(&path).expect("a file")).expect("a list");
        let own: BTreeSet<_> = list.certificates().map(|c| c.fingerprint()).collect();
        let mut behind = Vec::new();
        for anchor in &anchors {
            let trust = TrustStore::from_bytes(anchor).expect("a certificate");
            match list_signer::prove(&list.signed, Purpose::MasterList, &trust) {
                Ok(proved) => behind.push(proved.anchor.subject_country().unwrap_or_default()),
                Err(error) => assert!(matches!(error, ListError::NoAnchor { .. } | ListError::Forged { .. }), "{error}"),
            }
        }
        assert_eq!(list.unreadable().count(), 0, "{}", path.display());
        found.push((name(&path), list.entries.len(), own.len(), behind.join(" ")));
        distinct.extend(own);
    }
    let expected = [
        // signed under an older key, whose certificate the list of 2026 brings
        ("DE_ML_2024-08-07-07-38-24.ml", 541, 541, ""),
        ("DE_ML_2026-05-28-08-28-45.ml", 588, 588, "DE"),
        ("EE_CSCA_masterlist.ml", 374, 374, "EE"),
        ("IT_MasterListCSCA_2023.ml", 333, 333, "IT"),
        ("NL_ML_2026-07-22.ml", 411, 411, "NL"),
    ];
    assert_eq!(found, expected.map(|(file, entries, own, behind)| (file.to_owned(), entries, own, behind.to_owned())));
    assert_eq!(distinct.len(), 810);
    let collection = listed(&root);
    assert!(collection.imports().iter().filter(|i| i.kind == ImportKind::MasterList).all(|i| i.standing == Standing::Proved));
    assert_eq!(collection.anchors().count(), 809);
}

#[test]
fn loose_certificates_read_whatever_their_names() {
    let Some(root) = corpus() else { return };
    let mut collection = Collection::new();
    let summary = take(&mut collection, &[root.join("csca")]).expect("imported");
    let pem = files(&root.join("csca")).iter().filter(|p| std::fs::read(p).expect("a file").starts_with(b"-----")).count();
    let named_pem = files(&root.join("csca")).iter().filter(|p| p.extension().is_some_and(|e| e == "pem")).count();
    let not_anchors: Vec<_> = summary.notices.iter().map(|n| n.file.as_str()).collect();
    assert_eq!((summary.imports.len(), collection.anchors().count(), pem, named_pem), (117, 112, 14, 9));
    // five certificates of Germany are no CA's
    let expected =
        ["20181217__CA__ME_0420", "20201022__CA__ME_046f", "20211011__CA__ME_0481", "202200906__CA__ME_04a0", "20230904__CA__ME_04b3"];
    assert_eq!(not_anchors, expected.map(|file| format!("DE/{file}.cer")));
}

#[test]
fn crls_are_of_the_keys_of_their_states_but_for_one_that_is_of_no_csca() {
    let Some(root) = corpus() else { return };
    let mut collection = listed(&root);
    take(&mut collection, &[root.join("csca")]).expect("imported");
    let trust = collection.trust();
    let (mut with_issuer, mut without) = (0, Vec::new());
    let mut revoked = BTreeMap::new();
    for path in files(&root.join("crl")) {
        let crl = Crl::parse(&std::fs::read(&path).expect("a file")).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(crl.limits(), [], "{}", path.display());
        let country = crl.issuer_country().expect("a state");
        if trust.certificates_of_state(&country).any(|c| c.key().is_ok_and(|key| crl.verify_signed_by(key).is_ok())) {
            with_issuer += 1;
        } else {
            without.push((name(&path), crl.issuer_text()));
        }
        if !crl.revoked().is_empty() {
            revoked.insert(name(&path), crl.revoked().len());
        }
    }
    // the CA of the servers by which states exchange certificates of terminals; no document hangs on it
    assert_eq!(without, [("EE_spoc.crl".to_owned(), "C=EE, O=SMIT, CN=SPOC_TLS-CA-3".to_owned())]);
    assert_eq!(with_issuer, 15);
    assert_eq!(revoked, BTreeMap::from([("EE_csca.crl".to_owned(), 9), ("RO_cacrl.crl".to_owned(), 6)]));
    // and no certificate of the collection is revoked
    let summary = take(&mut collection, &[root.join("crl")]).expect("imported");
    assert_eq!((summary.new_crls, summary.old_crls), (15, 0));
    let trust = collection.trust();
    let all = objects(&std::fs::read(root.join("dsc/bulk/dsc-a.der")).expect("a file")).expect("certificates");
    for (_, der) in all {
        let certificate = Certificate::from_der(&der).expect("a certificate");
        assert!(trust.crls().iter().all(|crl| crl.issuer() != certificate.issuer() || crl.find(&certificate).is_none()));
    }
}

#[test]
fn records_of_the_pkd_keep_what_the_icao_says_of_each_certificate() {
    let Some(root) = corpus() else { return };
    let mut collection = listed(&root);
    let summary = take(&mut collection, &files(&root.join("ldif"))).expect("imported");
    assert_eq!(summary.notices, []);
    let records = |file: &str| {
        let input = std::fs::File::open(root.join("ldif").join(file)).expect("a file");
        Records::new(std::io::BufReader::new(input)).map(|record| record.expect("a record")).collect::<Vec<_>>()
    };
    let conformance = records("icaopkd-003-complete-000090.part1.ldif");
    let with = |name| conformance.iter().map(|record| record.texts(name).count()).sum::<usize>();
    assert_eq!(
        (conformance.len(), with("userCertificate"), with("pkdConformanceText"), with("pkdConformanceCode")),
        (206, 188, 1374, 1374)
    );
    let known: Vec<_> = collection.certificates().iter().filter(|held| held.role == Role::Known && held.note.is_some()).collect();
    assert_eq!(known.len(), 189);
    let german = known.iter().find(|held| held.entry.country() == Some("DE")).expect("a German one");
    let note = german.note.as_deref().unwrap_or_default();
    assert!(note.contains("ERR:DSC:Subject: countryName is in UTF8String. Please change it to PrintableString."), "{note}");
    assert_eq!(records("pkd002_BW.ldif").len(), 3);
    let list = collection.imports().iter().find(|i| i.file == "pkd002_BW.ldif line 20").expect("the list");
    let said = (list.entries, list.standing, list.signer.as_str());
    assert_eq!(said, (2, Standing::Proved, "C=BW, O=GOV, OU=MNIGA-DIC, CN=Master List Signer BWA01"));
}

#[test]
fn coverage_of_the_five_lists_and_the_loose_certificates() {
    let Some(root) = corpus() else { return };
    let mut collection = listed(&root);
    take(&mut collection, &[root.join("csca")]).expect("imported");
    let covered = coverage::coverage(&collection, today());
    assert_eq!((covered.states.len(), covered.anchors, covered.links, covered.unreadable), (134, 812, 289, 0));
    assert_eq!((covered.expired, covered.not_yet_valid), (186, 0));
    assert_eq!(covered.tiers, BTreeMap::from([("bilateral", 116), ("national", 696)]));
    let keys = [
        ("EC P-256, explicit", 22),
        ("EC P-384, explicit", 35),
        ("EC P-384, named", 4),
        ("EC P-521, explicit", 24),
        ("EC P-521, named", 3),
        ("EC brainpoolP256r1, explicit", 42),
        ("EC brainpoolP384r1, explicit", 69),
        ("EC brainpoolP512r1, explicit", 19),
        ("RSA 2048", 6),
        ("RSA 3072", 85),
        ("RSA 4096", 493),
        ("RSA 6144", 10),
    ];
    assert_eq!(covered.keys, keys.map(|(kind, count)| (kind.to_owned(), count)).into());
    assert_eq!((covered.only_national.len(), covered.only_icao.len()), (0, 0));
}

/// The document signers whose CSCA is in none of the five lists, by the first digits of their SHA-256.
const WITHOUT_ANCHOR: [(&str, &str); 8] = [
    (
        "AE",
        "7790fda5 4d2e0e56 75869640 9ff11f65 ebbbe409 61b61ac0 9ffe3cf1 3d005d8f 91a77fd9 eda0ab4d 2dfeaf4f bbd7af64 \
         ed7a39bf",
    ),
    ("AU", "375b2ef3"),
    ("LU", "f98d1366 a7335fcf ef68d08e 04eba2db c2f424f6"),
    ("NG", "31fe478b"),
    (
        "NZ",
        "464d26fd 1297179a dd285c88 6c036338 20574734 b327b7e5 09f168e2 e7894714 ca78de05 c7fb785a fcf1bd9d 20eabda6 \
         be8fdcf4 d7c0d240 b17e93b4 dad1d2e3 bd644a93 8b05c604 cdb21df5 28966180 5fd111dd b0bdb997 a5defe67 e6f80fe6 \
         04042bdb 9d8652e8 06e03bde a1c60f5a 0716b2ab 8b875b43 cbb06cf7 4c00a4d1 1983dd02 68423239 14b06441 62993c82 \
         98c77c94 82e43c9e 8a740744 fd9dbc1e 636cd292 2d2fdf2e 2ef22420 40e4c693 8cb4ce28 72427eb8 5d83c80b 70888cce \
         326cb3ad 0bf586a7 2dba840e a75716a2 6b39ffb6 56c2c214 5ab71d56 5676cf72 0d0b5ab3 ea084b78",
    ),
    ("QA", "dd7e90e9 04dd9e94"),
    ("SG", "f3d27d9c"),
    (
        "TH",
        "dc470bd5 c5ebd481 afe4ff7f a8c2fa66 07adbcb8 e1dd1ace 44f2c203 7e561e80 8e51e6fe dae92d34 4f81e3d4 8bf4730e \
         b5d14dda ad32f176 bcd7c71a 45aa0c11 41179eba 5c50b556 56708504 7d21b66f 30556b61 e6a60c0e f50970a2 3b91673b \
         55899b64 fa61e019 49298968 75b09113 e107e9ef",
    ),
];

/// Certificates among them that are not of document signers: three of time stamping, and three of CSCAs.
const NOT_DOCUMENT_SIGNERS: [&str; 6] = [
    "d74af393 C=BE, serialNumber=2014, O=Belgium Federal Government, CN=Time Stamping Authority: ExtKeyUsage",
    "e8f132d0 O=Belgium Federal Government, serialNumber=2008, C=BE, CN=Time Stamp Authority: ExtKeyUsage",
    "a00e8cd6 O=Belgium Federal Government, serialNumber=2013, C=BE, CN=Time Stamping Authority: ExtKeyUsage",
    "9373959d C=DE, O=bund, OU=bsi, serialNumber=100, CN=csca-germany: NoDigitalSignature",
    "493260e5 C=JP, O=Japanese Government, OU=The Ministry of Foreign Affairs, CN=e-passportCSCA: NoDigitalSignature",
    "e2ff8c3b C=KW, O=Ministry of Interior, OU=General Department of Nationality and Travel Documents, CN=CSCA Kuwait, serialNumber=2021050101: \
     NoDigitalSignature",
];

/// Every document signer of the collection finds the issuer that its table names. Exceptions are told by name.
#[test]
fn every_document_signer_finds_the_issuer_that_its_table_names() {
    let Some(root) = corpus() else { return };
    let trust = listed(&root).trust();
    let table = std::fs::read_to_string(root.join("dsc/bulk/dsc-a.csv")).expect("the table");
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let all = objects(&std::fs::read(root.join("dsc/bulk/dsc-a.der")).expect("a file")).expect("certificates");
    assert_eq!((all.len(), rows.len()), (1986, 1986));
    let mut verified = 0;
    let mut no_anchor: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut refused = Vec::new();
    let (mut odd, mut with_oddity) = (BTreeMap::<&str, usize>::new(), 0);
    for ((kind, der), row) in all.into_iter().zip(&rows) {
        assert_eq!(kind, Kind::Certificate);
        let certificate = Arc::new(Certificate::from_der(&der).expect("a certificate"));
        let (print, expected) = (hex::encode(certificate.fingerprint()), *row.last().expect("issuer_sha256"));
        assert_eq!(print, row[2]);
        let short: String = print.chars().take(8).collect();
        match path::find(&certificate, &trust) {
            Chain::Verified(found) => {
                // several certificates may hold the key that signed; the table names one of them
                let named: [u8; 32] = hex::decode(expected).expect("an issuer").try_into().expect("32 bytes");
                let named = trust.anchor(&named).expect("an anchor").certificate().expect("a certificate");
                assert_eq!(found.anchor.key().expect("a key").key, named.key().expect("a key").key, "{print}");
                verified += 1;
                let rules: BTreeSet<_> = certificate.quirks().iter().chain(&found.quirks).map(|quirk| quirk.rule).collect();
                let rules: Vec<_> =
                    rules.into_iter().filter(|rule| tolerance(rule).is_some_and(|known| known.whose == Whose::Document)).collect();
                with_oddity += usize::from(!rules.is_empty());
                rules.into_iter().for_each(|rule| *odd.entry(rule).or_default() += 1);
            }
            Chain::NoAnchor { .. } => {
                assert_eq!(expected, "", "{print}");
                no_anchor.entry(row[3].to_owned()).or_default().push(short);
            }
            Chain::NotDocumentSigner { rule, .. } => {
                refused.push(format!("{short} {}: {rule:?}", certificate.subject_text()));
            }
            other => panic!("{print}: {other:?}"),
        }
    }
    // what the strict policy has against all documents of a signer, by its certificate and path alone (docs/policy.md)
    let rules = [
        ("algorithm.ecdsa-null-parameters", 5),
        ("algorithm.rsa-parameters-absent", 9),
        ("path.csca-basic-constraints", 8),
        ("path.issuer-name-encoding", 32),
        ("spki.cofactor-missing", 1),
        ("x509.document-type-list-form", 31),
        ("x509.document-type-list-several-sets", 28),
        ("x509.document-type-list-version", 27),
    ];
    assert_eq!((with_oddity, odd), (106, BTreeMap::from(rules)));
    assert_eq!((verified, no_anchor.values().map(Vec::len).sum::<usize>(), refused.len()), (1870, 110, 6));
    assert_eq!(refused, NOT_DOCUMENT_SIGNERS);
    let expected: BTreeMap<_, Vec<_>> = WITHOUT_ANCHOR
        .iter()
        .map(|(country, prints)| ((*country).to_owned(), prints.split_whitespace().map(str::to_owned).collect()))
        .collect();
    assert_eq!(no_anchor, expected);
}
