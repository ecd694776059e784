//! CV certificates that others made: all are read, and each whose issuer is here verifies.

use std::collections::BTreeMap;
use std::fs;

use eid::cert::cvc::{Cvc, Holder, Request, VerifyingKey};

use crate::corpus::{files, root};

#[test]
fn every_cv_certificate_is_read_and_each_with_its_issuer_verifies() {
    let Some(root) = root() else { return };
    let paths = files(&root.join("cvc"));
    let certificates: BTreeMap<String, Cvc> = paths
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "cvcert"))
        .map(|path| {
            let bytes = fs::read(path).expect("readable");
            let name = path.strip_prefix(root.join("cvc")).expect("below").display().to_string();
            let certificate = Cvc::from_der(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(certificate.quirks().is_empty(), "{name}: {:?}", certificate.quirks());
            (name, certificate)
        })
        .collect();
    assert_eq!(certificates.len(), 27);

    // Keys by name: of self-issued certificates, then of those that they have signed, downwards.
    let mut keys: BTreeMap<String, Vec<VerifyingKey>> = BTreeMap::new();
    let mut verified: BTreeMap<&str, &Cvc> = BTreeMap::new();
    for (name, certificate) in certificates.iter().filter(|(_, certificate)| certificate.is_self_issued()) {
        let point = Holder::of_cvca(certificate).expect("a CVCA");
        assert_eq!(certificate.verify(&point.key), Ok(()), "{name}");
        keys.entry(point.reference.to_string()).or_default().push(point.key);
        verified.insert(name, certificate);
    }
    assert_eq!(verified.len(), 10, "self-signed");
    for _ in 0..3 {
        for (name, certificate) in &certificates {
            let issuers = keys.get(&certificate.authority().to_string()).cloned().unwrap_or_default();
            if let Some(issuer) = issuers.iter().find(|issuer| certificate.verify(issuer).is_ok())
                && verified.insert(name, certificate).is_none()
            {
                let key = certificate.key().resolve(issuer.curve()).expect("a key");
                keys.entry(certificate.holder().to_string()).or_default().push(key);
            }
        }
    }
    let alone: Vec<&str> = certificates.keys().map(String::as_str).filter(|name| !verified.contains_key(name)).collect();
    // their issuers are not in the collection
    let strangers = ["ausweisapp/cvat-DEDEVDEMO00020.cvcert", "ausweisapp/cvdv-DEDVeIDDTR101415.cvcert", "de-live/cvc1_ZZDKB20000R.cvcert"];
    assert_eq!((verified.len(), alone), (24, strangers.to_vec()));
}

#[test]
fn the_request_of_another_program_proves_its_key() {
    let Some(root) = root() else { return };
    let request = Request::from_der(&fs::read(root.join("cvc/requests/BETEST00001.csr")).expect("readable")).expect("a request");
    assert_eq!((request.holder().to_string(), request.authority(), request.verify()), ("BETEST00001".to_owned(), None, Ok(())));
    let rules: Vec<_> = request.quirks().iter().map(|quirk| quirk.rule).collect();
    assert_eq!(rules, ["cvc.leading-zero", "cvc.leading-zero"], "p and the order have a sign byte");
}
