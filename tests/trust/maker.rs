//! Makes what a state publishes: CSCA, link, and list signer certificates, CRLs, master lists, deviation lists. Written field by field, so that
//! every field can be wrong.

use std::path::PathBuf;

use applets::rng::SeededRng;
use cardwright::trust::Collection;
use cardwright::trust::import::{ImportError, Options, Summary, import};
use eid::cert::cms::build::{Message, NamedBy, sign};
use eid::cert::deviation_list::{self, Deviation};
use eid::cert::trust::TrustStore;
use eid::cert::x509::{Certificate, name};
use eid::cert::{Time, algorithm, master_list, spki};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use eid::date::Date;
use eid::signer::Signer as _;
use eid::{oid, tlv};
use pki::key::{KeyParameters, SigningKey};
use pki::software::SoftwareSigner;

pub(crate) fn today() -> Date {
    Date::new(2026, 11, 21).expect("a day")
}

/// What a certificate is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Ca,
    DocumentSigner,
    MasterListSigner,
    DeviationListSigner,
}

/// A name with a key, and the certificate of it.
pub(crate) struct Party {
    pub(crate) certificate: Certificate,
    signer: SoftwareSigner<SeededRng>,
}

/// How a certificate differs from the usual one.
#[derive(Clone)]
pub(crate) struct Fields {
    pub(crate) country: &'static str,
    pub(crate) common_name: &'static str,
    pub(crate) serial: Vec<u8>,
    pub(crate) until: Date,
    pub(crate) purpose: Use,
}

impl Fields {
    pub(crate) fn new(country: &'static str, common_name: &'static str, purpose: Use) -> Self {
        Self { country, common_name, serial: vec![1], until: Date::new(2040, 1, 1).expect("a day"), purpose }
    }
}

fn signer(seed: &str) -> SoftwareSigner<SeededRng> {
    let algorithm = Algorithm::Ecdsa(Hash::Sha256);
    let mut rng = SeededRng::new(seed.as_bytes());
    let key = SigningKey::generate(KeyParameters::Ec(Curve::P256), algorithm, &mut rng).expect("a key");
    SoftwareSigner::new(seed, key, SeededRng::new(&[seed.as_bytes(), b"!"].concat()))
}

fn subject(fields: &Fields) -> Vec<u8> {
    name::encode(&[(oid::COUNTRY, fields.country), (oid::COMMON_NAME, fields.common_name)])
}

fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv::encode(0x30u32, &parts.concat())
}

fn extension(dotted: &'static str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { tlv::encode(0x01u32, &[0xFF]) } else { Vec::new() };
    seq(&[&tlv::encode(0x06u32, &oid::encode(dotted)), &critical, &tlv::encode(0x04u32, value)])
}

fn key_id(spki: &[u8]) -> Vec<u8> {
    Hash::Sha1.digest(&[&spki::parse(spki).expect("a key").bits])
}

/// A certificate of `spki` signed by `issuer`.
fn certify(fields: &Fields, spki: &[u8], issuer_name: &[u8], issuer_key_id: &[u8], issuer: &SoftwareSigner<SeededRng>) -> Certificate {
    let algorithm = algorithm::encode_signature(issuer.algorithm());
    let usage: &[u8] = if fields.purpose == Use::Ca { &[0x03, 2, 1, 0x06] } else { &[0x03, 2, 7, 0x80] };
    let mut extensions = vec![
        extension(oid::SUBJECT_KEY_IDENTIFIER, false, &tlv::encode(0x04u32, &key_id(spki))),
        extension(oid::AUTHORITY_KEY_IDENTIFIER, false, &seq(&[&tlv::encode(0x80u32, issuer_key_id)])),
        extension(oid::KEY_USAGE, true, usage),
    ];
    let list_usage = match fields.purpose {
        Use::MasterListSigner => Some(oid::CSCA_MASTER_LIST_SIGNING_KEY),
        Use::DeviationListSigner => Some(oid::DEVIATION_LIST_SIGNING_KEY),
        Use::Ca => {
            extensions.push(extension(oid::BASIC_CONSTRAINTS, true, &seq(&[&[1, 1, 0xFF], &[2, 1, 0]])));
            None
        }
        Use::DocumentSigner => None,
    };
    extensions.extend(list_usage.map(|usage| extension(oid::EXT_KEY_USAGE, true, &seq(&[&tlv::encode(0x06u32, &oid::encode(usage))]))));
    let from = Time::midnight(Date::new(2024, 1, 1).expect("a day")).to_der();
    let tbs = seq(&[
        &[0xA0, 3, 2, 1, 2],
        &tlv::encode(0x02u32, &fields.serial),
        &algorithm,
        issuer_name,
        &seq(&[&from, &Time::end_of(fields.until).to_der()]),
        &subject(fields),
        spki,
        &tlv::encode(0xA3u32, &seq(&[&extensions.concat()])),
    ]);
    Certificate::from_der(&signed(&tbs, issuer)).expect("a certificate")
}

/// What is to be signed, its algorithm, and the signature.
fn signed(tbs: &[u8], issuer: &SoftwareSigner<SeededRng>) -> Vec<u8> {
    let signature = issuer.sign(tbs).expect("a signature").to_der();
    seq(&[tbs, &algorithm::encode_signature(issuer.algorithm()), &tlv::encode(0x03u32, &[&[0], signature.as_slice()].concat())])
}

impl Party {
    /// A root of its own; the same seed gives the same key.
    pub(crate) fn root(fields: &Fields, seed: &str) -> Self {
        let signer = signer(seed);
        let spki = spki::encode_explicit(&signer.public_key());
        let certificate = certify(fields, &spki, &subject(fields), &key_id(&spki), &signer);
        Self { certificate, signer }
    }

    pub(crate) fn csca(country: &'static str) -> Self {
        Self::root(&Fields::new(country, "CSCA", Use::Ca), country)
    }

    /// A certificate that this one signs: of a new key.
    pub(crate) fn issue(&self, fields: &Fields, seed: &str) -> Self {
        let signer = signer(seed);
        let spki = spki::encode(&signer.public_key());
        Self { certificate: self.certify(fields, &spki), signer }
    }

    /// A certificate that this one signs for a key that is there: a link certificate.
    pub(crate) fn certify(&self, fields: &Fields, spki: &[u8]) -> Certificate {
        let own = self.certificate.subject_key_id().expect("a key identifier");
        certify(fields, spki, self.certificate.subject(), own, &self.signer)
    }

    /// A signed message with a list in it.
    pub(crate) fn sign_list(&self, content_type: &'static str, content: &[u8], others: &[&Certificate]) -> Vec<u8> {
        let message = Message {
            content_type,
            content,
            certificate: &self.certificate,
            others,
            named_by: NamedBy::KeyId,
            signing_time: Some(Time::midnight(today())),
        };
        sign(&message, &self.signer).expect("a signed list")
    }

    pub(crate) fn master_list(&self, certificates: &[&Certificate]) -> Vec<u8> {
        self.sign_list(oid::CSCA_MASTER_LIST, &master_list::encode(certificates), &[])
    }

    pub(crate) fn deviation_list(&self, deviations: &[Deviation]) -> Vec<u8> {
        self.sign_list(oid::DEVIATION_LIST, &deviation_list::encode(deviations, Hash::Sha256), &[])
    }

    /// A CRL of this CA, by its number and the serial numbers that it revokes for keyCompromise.
    pub(crate) fn crl(&self, number: u8, made: Date, serials: &[&[u8]]) -> Vec<u8> {
        self.crl_with(number, made, serials, &[])
    }

    /// The same with more extensions.
    pub(crate) fn crl_with(&self, number: u8, made: Date, serials: &[&[u8]], more: &[Vec<u8>]) -> Vec<u8> {
        let reason = seq(&[&extension("2.5.29.21", false, &[0x0A, 1, 1])]);
        let entries: Vec<_> =
            serials.iter().map(|serial| seq(&[&tlv::encode(0x02u32, serial), &Time::midnight(made).to_der(), &reason])).collect();
        let revoked = if entries.is_empty() { Vec::new() } else { seq(&[&entries.concat()]) };
        let own = self.certificate.subject_key_id().expect("a key identifier");
        let mut extensions = vec![
            extension(oid::AUTHORITY_KEY_IDENTIFIER, false, &seq(&[&tlv::encode(0x80u32, own)])),
            extension("2.5.29.20", false, &[2, 1, number]),
        ];
        extensions.extend_from_slice(more);
        let tbs = seq(&[
            &[2, 1, 1],
            &algorithm::encode_signature(self.signer.algorithm()),
            self.certificate.subject(),
            &Time::midnight(made).to_der(),
            &Time::end_of(made.plus_days(90)).to_der(),
            &revoked,
            &tlv::encode(0xA0u32, &seq(&[&extensions.concat()])),
        ]);
        signed(&tbs, &self.signer)
    }
}

/// An extension for a CRL.
pub(crate) fn crl_extension(dotted: &'static str, critical: bool, value: &[u8]) -> Vec<u8> {
    extension(dotted, critical, value)
}

/// A folder for files.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    }
}

/// Imports `files` into `collection` as a careful user does.
pub(crate) fn take(collection: &mut Collection, files: &[PathBuf]) -> Result<Summary, ImportError> {
    let nobody = TrustStore::new();
    import(collection, files, &Options { tier: None, signers: &nobody, take_unproved: false, date: today() })
}

/// What files of these contents become.
pub(crate) fn collect(contents: &[&[u8]]) -> Result<(Collection, Summary), ImportError> {
    let folder = Folder::new();
    let files: Vec<_> = contents.iter().enumerate().map(|(n, bytes)| folder.file(&format!("{n}"), bytes)).collect();
    let mut collection = Collection::new();
    let summary = take(&mut collection, &files)?;
    Ok((collection, summary))
}

/// The details of the notices.
pub(crate) fn notices(summary: &Summary) -> Vec<String> {
    summary.notices.iter().map(|notice| notice.detail.clone()).collect()
}
