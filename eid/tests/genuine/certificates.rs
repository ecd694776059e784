//! Certificates that states have issued, and mock ones with every algorithm: they read, and their signatures verify. That every document
//! signer finds its issuer in the master lists is in `tests/trust` of the workspace.

use std::collections::BTreeMap;

use eid::cert::x509::Certificate;

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
