//! The authority behind a document: a CSCA, perhaps an older one and its link certificate, and a document signer, with keys and algorithms of any
//! strength, each certificate issued as it should be or by whom it should not.
//!
//! Certificates are made by [`pki`] with keys that its rules allow, and then issued again with the keys that were asked for, since what is made
//! here is often what those rules refuse.

use applets::rng::SeededRng;
use eid::cert::x509::Certificate;
use eid::cert::{Time, algorithm, spki};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::rsa;
use eid::crypto::signature::{Algorithm, PrivateKey, PublicKey};
use eid::signer::Signer as _;
use eid::tlv;
use pki::crl::{self, CrlParameters, Revocation};
use pki::csca::{self, CscaParameters};
use pki::ds::{self, DsParameters};
use pki::key::{self, KeyParameters, SigningKey};
use pki::profile::Subject;
use pki::software::SoftwareSigner;

use super::edit::{self, EditError};
use super::issue::{Base, FaultyError};
use super::message::resigned;
use super::plan::{Plan, wrong};

/// A key, and the source of randomness for its signatures.
pub(super) type Key = SoftwareSigner<SeededRng>;

const CSCA_SERIAL: [u8; 1] = [0x11];
const DS_SERIAL: [u8; 1] = [0x22];
const LINK_SERIAL: [u8; 1] = [0x33];

/// A state's authority with one document signer.
#[derive(Debug)]
pub(super) struct Authority {
    pub(super) subject: Subject,
    pub(super) csca: Certificate,
    pub(super) csca_key: Key,
    /// The document signer's certificate, DER.
    pub(super) ds: Vec<u8>,
    pub(super) ds_key: Key,
    /// A document signer that the builder of images takes.
    pub(super) plain: (Certificate, Key),
    /// The CSCA certificate that the verifier knows, if it is an older one.
    pub(super) old: Option<Certificate>,
    /// Certificates that go into EF.SOD beside the document signer's.
    pub(super) beside: Vec<Vec<u8>>,
}

impl Authority {
    /// The authority that `plan` asks for; the same `seed` gives the same keys.
    pub(super) fn new(base: &Base<'_>, plan: &Plan, seed: &[u8]) -> Result<Self, FaultyError> {
        let rng = |purpose: &[u8]| SeededRng::new(&[seed, purpose].concat());
        let renamed = plan.word("issuer") == Some("renamed");
        let subject = Subject {
            country: base.country.0.to_owned(),
            state_code: base.country.1.to_owned(),
            organization: Some("Cardwright faults, not an authority".to_owned()),
            organizational_unit: None,
            serial_number: Some(if renamed { "002" } else { "001" }.to_owned()),
            common_name: if renamed { "CSCA New" } else { "CSCA" }.to_owned(),
            contact_email: None,
        };
        let issued = base.today.plus_days(-30);
        let (mut csca, mut csca_key) = root(base, &subject, seed, b"csca")?;
        let of_signer = DsParameters::default();
        let signing = SigningKey::generate(of_signer.key, of_signer.algorithm, &mut rng(b"ds")).map_err(|e| failed(&e))?;
        let name = subject.name_with(&of_signer.common_name);
        let plain = ds::issue(&csca, &csca_key, &name, &of_signer, &signing.public(), &DS_SERIAL, issued).map_err(|e| failed(&e))?;
        let plain_key = || Key::new("ds", signing.clone(), rng(b"ds signs"));
        let (mut ds, mut ds_key) = (plain.der().to_vec(), plain_key());

        if let Some(words) = plan.word("csca") {
            let (key, spki) = key_of("csca", words, seed)?;
            let own = Identifiers::new(&spki)?;
            csca = Certificate::from_der(&reissued(csca.der(), &[own.key(&spki), own.subject(), own.authority()], &key)?)?;
            csca_key = key;
        }
        if let Some(words) = plan.word("ds") {
            let (key, spki) = key_of("ds", words, seed)?;
            let own = Identifiers::new(&spki)?;
            ds = reissued(&ds, &[own.key(&spki), own.subject()], &csca_key)?;
            ds_key = key;
        }
        if plan.word("csca").is_some() {
            ds = reissued(&ds, &[Identifiers::of(&csca)?.authority()], &csca_key)?;
        }

        let (mut old, mut beside) = (None, Vec::new());
        match plan.word("issuer") {
            None => {}
            Some("self") => {
                let certificate = Certificate::from_der(&ds)?;
                let issuer = ("30/30/30#1", content(certificate.subject())?);
                ds = reissued(&ds, &[issuer, Identifiers::of(&certificate)?.authority()], &ds_key)?;
            }
            Some("signer") => {
                let (key, spki) = key_of("ds", "P-256 ecdsa-sha256", &[seed, b"between"].concat())?;
                let own = Identifiers::new(&spki)?;
                let name = subject.name_with("Document Signer 0");
                let sets = [("30/30/30#3", content(&name)?), ("30/30/02", vec![0x21]), own.key(&spki), own.subject()];
                let between = reissued(plain.der(), &sets, &csca_key)?;
                ds = reissued(&ds, &[("30/30/30#1", content(&name)?), own.authority()], &key)?;
                beside.push(between);
            }
            Some("link" | "renamed") => {
                let before = Subject { serial_number: Some("001".to_owned()), common_name: "CSCA".to_owned(), ..subject.clone() };
                let (root, key) = root(base, &before, seed, b"older csca")?;
                let link = csca::link(&root, &key, &csca, &LINK_SERIAL, issued).map_err(|e| failed(&e))?;
                let link = if plan.names("LINK-TBS") {
                    resigned(&plan.stage("LINK-TBS", link.der().to_vec())?, &key)?
                } else {
                    link.der().to_vec()
                };
                beside.push(link);
                old = Some(root);
            }
            Some(other) => return Err(wrong("issuer", "self, signer, link, or renamed", other).into()),
        }
        if plan.names("CSCA-TBS") {
            csca = Certificate::from_der(&resigned(&plan.stage("CSCA-TBS", csca.der().to_vec())?, &csca_key)?)?;
        }
        Ok(Self { subject, csca, csca_key, ds, ds_key, plain: (plain, plain_key()), old, beside })
    }

    /// The certificate of the document signer after its edits. What is no certificate any more goes into EF.SOD all the same.
    pub(super) fn signer(&self, plan: &Plan, before: &str, after: &str) -> Result<Vec<u8>, FaultyError> {
        let tbs = plan.stage(before, self.ds.clone())?;
        let certificate = if plan.names(before) { resigned(&tbs, &self.csca_key)? } else { tbs };
        Ok(plan.stage(after, certificate)?)
    }

    /// A certificate of the same name for another key; with `same_id` it has the same key identifier, too.
    pub(super) fn impostor(&self, base: &Base<'_>, same_id: bool) -> Result<Vec<u8>, FaultyError> {
        let (other, key) = root(base, &self.subject, b"another", b"csca")?;
        if !same_id {
            return Ok(other.der().to_vec());
        }
        let id = Identifiers::of(&self.csca)?;
        reissued(other.der(), &[id.subject(), id.authority()], &key)
    }

    /// A list without entries, or with the document signer or the CSCA itself, of yesterday.
    pub(super) fn list(&self, base: &Base<'_>, plan: &Plan) -> Result<Option<Vec<u8>>, FaultyError> {
        let serial = match plan.word("crl") {
            Some("none") => return Ok(None),
            None => None,
            Some("revoked") => Some(Certificate::from_der(&self.ds)?.serial().to_vec()),
            Some("csca") => Some(self.csca.serial().to_vec()),
            Some(other) => return Err(wrong("crl", "none, revoked, or csca", other).into()),
        };
        let date = Time::midnight(base.today.plus_days(-1));
        let revocation = |serial| Revocation { serial, date, reason: eid::cert::crl::Reason::KeyCompromise };
        let entries: Vec<_> = serial.into_iter().map(revocation).collect();
        let list = crl::issue(&self.csca, &self.csca_key, 1, &entries, &[], date, CrlParameters::default()).map_err(|e| failed(&e))?;
        let list = list.der().to_vec();
        let list = if plan.names("CRL-TBS") { resigned(&plan.stage("CRL-TBS", list)?, &self.csca_key)? } else { list };
        Ok(Some(plan.stage("CRL", list)?))
    }
}

pub(super) fn failed(error: &dyn std::error::Error) -> FaultyError {
    FaultyError::Authority(error.to_string())
}

/// A self-signed certificate of `subject`, P-256.
fn root(base: &Base<'_>, subject: &Subject, seed: &[u8], purpose: &[u8]) -> Result<(Certificate, Key), FaultyError> {
    let rng = |more: &[u8]| SeededRng::new(&[seed, purpose, more].concat());
    let mut parameters = CscaParameters { key: KeyParameters::Ec(Curve::P256), ..CscaParameters::default() };
    parameters.algorithm = Algorithm::Ecdsa(Hash::Sha256);
    let key = SigningKey::generate(parameters.key, parameters.algorithm, &mut rng(b"")).map_err(|e| failed(&e))?;
    let key = Key::new("csca", key, rng(b" signs"));
    let certificate = csca::create(subject, &parameters, &key, &CSCA_SERIAL, base.today.plus_days(-30)).map_err(|e| failed(&e))?;
    Ok((certificate, key))
}

/// `KEY ALGORITHM`, as in `rsa-2048 rsa-pss-sha256`: the key, and its SubjectPublicKeyInfo. KEY may end with `:explicit` (curve parameters written
/// out) or `:e1` (the certificate says that the public exponent is 1).
fn key_of(word: &str, text: &str, seed: &[u8]) -> Result<(Key, Vec<u8>), FaultyError> {
    let expected =
        || wrong(word, "rsa-BITS or a curve, :explicit or :e1 perhaps, and an algorithm such as ecdsa-sha256 or rsa-pss-sha256", text);
    let (key, algorithm) = text.split_once(' ').ok_or_else(expected)?;
    let (key, form) = key.split_once(':').unwrap_or((key, ""));
    let algorithm = key::algorithm_of_name(algorithm.trim()).ok_or_else(expected)?;
    let rng = |purpose: &str| SeededRng::new(&[seed, word.as_bytes(), text.as_bytes(), purpose.as_bytes()].concat());
    let key = if let Some(bits) = key.strip_prefix("rsa-") {
        let bits = bits.parse().map_err(|_| expected())?;
        PrivateKey::generate_rsa(bits, &mut rng("")).map_err(|e| failed(&e))?
    } else {
        let curve = Curve::ALL.into_iter().find(|curve| curve.name().eq_ignore_ascii_case(key)).ok_or_else(expected)?;
        PrivateKey::generate_ec(curve, &mut rng(""))
    };
    let key = SigningKey::new(key, algorithm).map_err(|e| failed(&e))?;
    let public = key.public();
    let spki = match (form, &public) {
        ("", _) => spki::encode(&public),
        ("explicit", PublicKey::Ec(_)) => spki::encode_explicit(&public),
        ("e1", PublicKey::Rsa(key)) => spki::encode(&PublicKey::Rsa(rsa::PublicKey::new(key.modulus(), &[1]))),
        _ => return Err(expected().into()),
    };
    Ok((Key::new(word, key, rng(" signs")), spki))
}

/// The key identifier of a certificate, as the values that name it.
struct Identifiers(Vec<u8>);

type Set = (&'static str, Vec<u8>);

impl Identifiers {
    /// By RFC 5280 clause 4.2.1.2, method 1.
    fn new(spki: &[u8]) -> Result<Self, FaultyError> {
        Ok(Self(Hash::Sha1.digest(&[&spki::parse(spki)?.bits])))
    }

    fn of(certificate: &Certificate) -> Result<Self, FaultyError> {
        Self::new(certificate.spki())
    }

    fn key(&self, spki: &[u8]) -> Set {
        ("30/30/30#4", content(spki).unwrap_or_default())
    }

    fn subject(&self) -> Set {
        ("30/30/A3/30/30(551D0E)/04", tlv::encode(0x04, &self.0))
    }

    fn authority(&self) -> Set {
        ("30/30/A3/30/30(551D23)/04", tlv::encode(0x30, &tlv::encode(0x80, &self.0)))
    }
}

/// The value of an object.
fn content(object: &[u8]) -> Result<Vec<u8>, EditError> {
    let single = tlv::single(object, 0x30).map_err(|error| wrong("certificate", "a SEQUENCE", error.to_string()))?;
    Ok(single.value.to_vec())
}

/// A certificate with other values at some places, signed by `signer`, whose algorithm it names.
fn reissued(certificate: &[u8], sets: &[Set], signer: &Key) -> Result<Vec<u8>, FaultyError> {
    let algorithm = content(&algorithm::encode_signature(signer.algorithm()))?;
    let mut der = certificate.to_vec();
    for (path, value) in [("30/30/30", algorithm.clone()), ("30/30#1", algorithm)].iter().chain(sets) {
        for edit in edit::parse(&format!("certificate {path} set={}", hex::encode(value)))? {
            der = edit.apply(&der)?.unwrap_or_default();
        }
    }
    resigned(&der, signer)
}
