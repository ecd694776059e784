//! CV certificates that others made: all are read, and each whose issuer is here verifies.

use std::collections::BTreeMap;
use std::fs;

use eid::cert::cvc::issue::Template;
use eid::cert::cvc::{Cvc, Holder, Request, TrustPoints, VerifyingKey, description};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, PrivateKey, PublicKey, Signature};
use eid::signer::{Signer, SignerError};

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

/// A key whose signatures are not looked at.
struct Somebody(PrivateKey);

impl Signer for Somebody {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Ecdsa(Hash::Sha256)
    }

    fn public_key(&self) -> PublicKey {
        self.0.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        eid::crypto::signature::sign(self.algorithm(), &self.0, message, &mut rng)
            .map_err(|error| SignerError { name: "somebody".into(), detail: error.to_string() })
    }
}

#[test]
fn our_writer_makes_the_body_of_each_certificate_byte_for_byte() {
    let Some(root) = root() else { return };
    let somebody = Somebody(PrivateKey::generate_ec(Curve::P256, &mut rand_core::UnwrapErr(getrandom::SysRng)));
    let mut compared = 0;
    for path in files(&root.join("cvc")).iter().filter(|path| path.extension().is_some_and(|extension| extension == "cvcert")) {
        let theirs = Cvc::from_der(&fs::read(path).expect("readable")).expect("a certificate");
        let template = Template {
            authority: theirs.authority().clone(),
            key: theirs.key().clone(),
            holder: theirs.holder().clone(),
            chat: theirs.chat(),
            validity: (theirs.effective(), theirs.expiry()),
            extensions: theirs.extensions().to_vec(),
        };
        let ours = template.issue(&somebody).expect("a certificate");
        assert_eq!(hex::encode(ours.body()), hex::encode(theirs.body()), "{}", path.display());
        compared += 1;
    }
    assert_eq!(compared, 27);
}

#[test]
fn a_chip_takes_the_chains_of_other_programs_and_their_links() {
    let Some(root) = root() else { return };
    let read = |name: &str| Cvc::from_der(&fs::read(root.join("cvc").join(name)).expect("readable")).expect(name);
    for (point, chain, terminal) in [
        ("persosim-IS/CVCA_Cert_01", &["persosim-IS/dv_is_cert_1", "persosim-IS/is_cert_1"][..], true),
        ("persosim-AT/CVCA_Cert_01", &["persosim-AT/dv_at_cert_1", "persosim-AT/at_cert_1"], true),
        ("jmrtd-orig/certCVCA_orig", &["jmrtd-orig/certDVD_orig", "jmrtd-orig/certIS_orig"], true),
        (
            "ausweisapp/cvca-DETESTeID00001",
            &["ausweisapp/cvca-DETESTeID00002_DETESTeID00001", "ausweisapp/cvca-DETESTeID00004_DETESTeID00002"],
            false,
        ),
    ] {
        let point = read(&format!("{point}.cvcert"));
        let chip = TrustPoints::new(vec![Holder::of_cvca(&point).expect("a CVCA")], point.effective()).expect("one");
        let chain: Vec<Cvc> = chain.iter().map(|name| read(&format!("{name}.cvcert"))).collect();
        let (holder, after) = chip.verify_chain(&chain).unwrap_or_else(|error| panic!("{}: {error}", point.holder()));
        let last = chain.last().expect("a chain");
        let reached = holder.map_or_else(|| after.points()[0].reference.clone(), |holder| holder.reference);
        assert_eq!((&reached, last.chat().role() == eid::cert::chat::Role::Terminal), (last.holder(), terminal));
    }
}

#[test]
fn the_description_of_a_terminal_in_service_is_read_written_and_bound() {
    let Some(root) = root() else { return };
    let folder = root.join("cvc/de-live");
    let certificate = Cvc::from_der(&fs::read(folder.join("cvc1_ZZDKB20000R.cvcert")).expect("readable")).expect("a certificate");
    let der = fs::read(folder.join("cvc1_description.der")).expect("readable");
    let read = description::Description::from_der(&der).expect("a description");
    assert_eq!((read.subject.as_str(), read.subject_url.as_deref()), ("Deutsche Kreditbank AG", Some("http://www.dkb.de")));
    assert_eq!(read.to_der().as_ref(), Ok(&der), "written as it was read");
    assert_eq!(description::is_bound(&certificate, &der), Some(true));
    let mut changed = der;
    *changed.last_mut().expect("a byte") ^= 1;
    assert_eq!(description::is_bound(&certificate, &changed), Some(false));
}
