//! Certificates that states have issued, and mock ones with every algorithm: they read, and their signatures verify.

use std::collections::BTreeMap;
use std::sync::Arc;

use eid::cert::cms::SignedData;
use eid::cert::path::{self, Chain, Usage};
use eid::cert::trust::TrustStore;
use eid::cert::x509::Certificate;
use eid::tlv;

use crate::corpus;

#[test]
fn every_certificate_of_the_collection_reads_with_key_and_algorithm() {
    let Some(root) = corpus::root() else { return };
    let mut quirks: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut count = 0;
    for dir in ["csca", "dsc/VN", "dsc/odd", "dsc/sample", "chips/dsc", "vn/csca", "mock-pki"] {
        for path in corpus::files(&root.join(dir)) {
            let name = path.display().to_string();
            if !["cer", "crt", "der", "pem"].iter().any(|extension| name.ends_with(extension)) {
                continue;
            }
            let certificate = Certificate::from_pem_or_der(&std::fs::read(&path).expect("file")).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(certificate.key().is_ok() && certificate.signature_algorithm().is_ok(), "{name}: {:?}", certificate.key());
            certificate.quirks().iter().for_each(|quirk| *quirks.entry(quirk.rule).or_default() += 1);
            count += 1;
        }
    }
    assert_eq!(count, 322);
    let expected = [
        ("algorithm.ecdsa-null-parameters", 16),
        ("algorithm.rsa-parameters-absent", 3),
        ("spki.cofactor-missing", 1),
        ("x509.authority-issuer-without-serial", 1),
        // of China, Oman and Tanzania: strings without their SET, two of them without the version
        ("x509.document-type-list-form", 3),
        ("x509.document-type-list-version", 2),
    ];
    assert_eq!(quirks, BTreeMap::from(expected));
}

#[test]
fn issuer_equal_to_subject_does_not_make_a_link_certificate_self_signed() {
    let Some(root) = corpus::root() else { return };
    let (mut roots, mut links) = (0, 0);
    for path in corpus::files(&root.join("csca")) {
        let name = path.file_name().expect("name").to_string_lossy().to_lowercase();
        let certificate = Certificate::from_pem_or_der(&std::fs::read(&path).expect("file")).expect("certificate");
        if certificate.issuer() != certificate.subject() {
            continue;
        }
        let link = name.contains("link") || name.starts_with("csli");
        assert_eq!(certificate.is_self_signed(), !link, "{}", path.display());
        if link { links += 1 } else { roots += 1 }
    }
    assert!(roots > 30 && links > 25, "{roots} roots, {links} links");
}

/// The certificates in a CSCA master list: SEQUENCE { version, SET OF Certificate }.
fn master_list(bytes: &[u8]) -> Vec<Vec<u8>> {
    let signed = SignedData::parse(bytes).expect("master list");
    assert_eq!(signed.content_type(), "2.23.136.1.1.2");
    let signer = signed.signers.first().expect("signer");
    let certificate = signed
        .certificates()
        .filter_map(|c| Certificate::from_der(c).ok())
        .find(|c| signed.names(signer, c) == eid::cert::x509::name::Relation::Equal)
        .expect("certificate of the signer");
    signed.verify(signer, certificate.key().expect("key")).expect("signature of the master list");
    let mut list = tlv::single(signed.content(), 0x30u32).expect("CscaMasterList").reader();
    list.expect(0x02u32).expect("version");
    let mut set = list.expect(0x31u32).expect("set").reader();
    let mut out = Vec::new();
    while let Some(certificate) = set.next().expect("certificate") {
        out.push(certificate.raw.to_vec());
    }
    out
}

#[test]
fn master_lists_verify_and_anchor_the_document_signers_of_the_pkd() {
    let Some(root) = corpus::root() else { return };
    let mut trust = TrustStore::new();
    let mut refused = Vec::new();
    for path in corpus::files(&root.join("masterlists")).iter().filter(|p| p.extension().is_some_and(|e| e == "ml")) {
        for certificate in master_list(&std::fs::read(path).expect("file")) {
            refused.extend(trust.add(&certificate).err().map(|e| e.to_string()));
        }
    }
    assert!(trust.anchors().len() > 500, "{} anchors", trust.anchors().len());
    // one list carries a document signer of Ukraine among its CSCA certificates
    assert!(refused.len() == 1 && refused[0].contains("C=UA") && refused[0].ends_with("is not a CA certificate"), "{refused:?}");

    let bulk = std::fs::read(root.join("dsc/bulk/dsc-a.der")).expect("bulk");
    let table = std::fs::read_to_string(root.join("dsc/bulk/dsc-a.csv")).expect("table");
    let (mut proved, mut without, mut not_signers, mut others) = (0, 0, 0, 0);
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let (offset, length): (usize, usize) = (fields[0].parse().expect("offset"), fields[1].parse().expect("length"));
        let certificate = Arc::new(Certificate::from_der(&bulk[offset..offset + length]).unwrap_or_else(|e| panic!("{line}: {e}")));
        assert_eq!(hex::encode(certificate.fingerprint()), fields[2]);
        let expected = fields.last().expect("issuer");
        match (path::find(&certificate, &trust), expected.is_empty()) {
            (Chain::Verified(verified), false) => {
                // several certificates may hold the key that signed; the table names one of them
                let named = trust.anchors().iter().find(|a| hex::encode(a.fingerprint()) == **expected).expect("anchor");
                assert_eq!(
                    verified.anchor.key().expect("key").key,
                    named.certificate().expect("certificate").key().expect("key").key,
                    "{line}"
                );
                proved += 1;
            }
            (Chain::NotDocumentSigner { rule, .. }, false) => {
                assert_eq!(rule, Usage::NoDigitalSignature, "{line}");
                not_signers += 1;
            }
            (Chain::NoAnchor { .. }, true) => without += 1,
            // certificates for another use: time stamps, lists
            (Chain::NotDocumentSigner { anchor: None, rule: Usage::ExtKeyUsage }, true) => others += 1,
            (other, _) => panic!("{line}: {other:?}"),
        }
    }
    // the three are CSCA certificates of Germany, Japan and Kuwait that the collection took for document signers
    assert_eq!((proved, without, not_signers, others), (1870, 110, 3, 3));
}

#[test]
fn mock_chains_of_every_algorithm_verify() {
    let Some(root) = corpus::root() else { return };
    let read = |path: &std::path::Path| Certificate::from_pem_or_der(&std::fs::read(path).expect("file")).expect("certificate");
    let all = corpus::files(&root.join("mock-pki"));
    let roots: Vec<_> = all.iter().filter(|p| p.ends_with("mock_csca.pem")).map(|p| read(p)).collect();
    assert_eq!(roots.len(), 23);
    for path in all.iter().filter(|p| p.ends_with("mock_dsc.pem")) {
        let signer = read(path);
        let proved = roots.iter().filter(|root| signer.verify_signed_by(root.key().expect("key")).is_ok()).count();
        // this one's CSCA is not in the collection
        let expected = usize::from(!path.to_string_lossy().contains("sha512_rsapss_64_65537_2048"));
        assert_eq!(proved, expected, "{}", path.display());
    }
}
