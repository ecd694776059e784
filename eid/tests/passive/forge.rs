//! An authority that writes whatever it is told: certificates, revocation lists, and signed messages, with every field in the caller's hand.

use std::collections::{BTreeMap, BTreeSet};

use eid::cert::Time;
use eid::cert::algorithm::{encode_digest, encode_signature};
use eid::cert::cms::SignedData;
use eid::cert::path::SignerCache;
use eid::cert::spki;
use eid::cert::trust::TrustStore;
use eid::cert::x509::Certificate;
use eid::cert::x509::name;
use eid::crypto::curve::{self, Curve};
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, PrivateKey, sign};
use eid::date::Date;
use eid::lds::sod::{self, Sod};
use eid::oid;
use eid::protocol::finding::{Finding, Outcome};
use eid::protocol::passive_auth::{Input, Issued, Verdict, passive_authentication};
use eid::tlv::encode;

pub(crate) type Bytes = Vec<u8>;

pub(crate) fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

/// The day of every inspection here.
pub(crate) fn today() -> Date {
    day("2026-11-21")
}

pub(crate) fn joined(parts: &[&[u8]]) -> Bytes {
    parts.concat()
}

fn seq(parts: &[&[u8]]) -> Bytes {
    encode(0x30u32, &parts.concat())
}

pub(crate) fn oid_of(dotted: &'static str) -> Bytes {
    encode(0x06u32, &oid::encode(dotted))
}

pub(crate) fn sha1(bytes: &[u8]) -> Bytes {
    Hash::Sha1.digest(&[bytes])
}

/// A key and how it signs.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) private: PrivateKey,
    pub(crate) algorithm: Algorithm,
}

impl Key {
    /// A key on P-256 for another number.
    pub(crate) fn ec(number: u8) -> Self {
        Self::on(Curve::P256, number)
    }

    pub(crate) fn on(curve: Curve, number: u8) -> Self {
        let private = curve::PrivateKey::from_bytes(curve, &[7, number]).expect("a scalar");
        Self { private: PrivateKey::Ec(private), algorithm: Algorithm::Ecdsa(Hash::Sha256) }
    }

    pub(crate) fn spki(&self) -> Bytes {
        spki::encode(&self.private.public())
    }

    fn key_id(&self) -> Bytes {
        sha1(&spki::parse(&self.spki()).expect("a key").bits)
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Bytes {
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        sign(self.algorithm, &self.private, message, &mut rng).expect("signed").to_der()
    }
}

/// An extension: identifier, critical, value.
pub(crate) type Extension = (&'static str, bool, Bytes);

/// What goes into a certificate.
#[derive(Clone)]
pub(crate) struct Spec {
    pub(crate) serial: Bytes,
    pub(crate) issuer: Bytes,
    pub(crate) subject: Bytes,
    pub(crate) from: Date,
    pub(crate) until: Date,
    pub(crate) spki: Bytes,
    pub(crate) extensions: Vec<Extension>,
    /// AlgorithmIdentifier in the place of that of the issuer's key.
    pub(crate) algorithm: Option<Bytes>,
}

impl Spec {
    pub(crate) fn signed_by(&self, key: &Key) -> Certificate {
        Certificate::from_der(&self.der(key)).expect("a certificate")
    }

    pub(crate) fn der(&self, key: &Key) -> Bytes {
        let algorithm = self.algorithm.clone().unwrap_or_else(|| encode_signature(key.algorithm));
        let mut extensions = Vec::new();
        for (kind, critical, value) in &self.extensions {
            let critical = if *critical { vec![1, 1, 0xFF] } else { Vec::new() };
            extensions.extend(seq(&[&oid_of(kind), &critical, &encode(0x04u32, value)]));
        }
        let validity = seq(&[&Time::midnight(self.from).to_der(), &Time::end_of(self.until).to_der()]);
        let extensions = encode(0xA3u32, &encode(0x30u32, &extensions));
        let version = [0xA0, 3, 2, 1, 2];
        let serial = encode(0x02u32, &self.serial);
        let tbs = seq(&[&version, &serial, &algorithm, &self.issuer, &validity, &self.subject, &self.spki, &extensions]);
        let signature = encode(0x03u32, &joined(&[&[0], &key.sign(&tbs)]));
        seq(&[&tbs, &algorithm, &signature])
    }

    /// The same without the extension.
    pub(crate) fn without(mut self, kind: &str) -> Self {
        self.extensions.retain(|(found, ..)| *found != kind);
        self
    }

    /// The same with this extension in the place of the one of its type.
    pub(crate) fn with(self, kind: &'static str, critical: bool, value: Bytes) -> Self {
        let mut out = self.without(kind);
        out.extensions.push((kind, critical, value));
        out
    }
}

pub(crate) fn csca_name(country: &str, common: &str) -> Bytes {
    name::encode(&[(oid::COUNTRY, country), (oid::ORGANIZATION, "Example State"), (oid::COMMON_NAME, common)])
}

fn key_usage(bits: u8, unused: u8) -> Extension {
    (oid::KEY_USAGE, true, vec![3, 2, unused, bits])
}

fn period(from: Date, until: Date) -> Extension {
    let time = |tag: u32, date: Date| encode(tag, Time::midnight(date).generalized().as_bytes());
    (oid::PRIVATE_KEY_USAGE_PERIOD, false, seq(&[&time(0x80, from), &time(0x81, until)]))
}

fn authority(key: &Key) -> Extension {
    (oid::AUTHORITY_KEY_IDENTIFIER, false, seq(&[&encode(0x80u32, &key.key_id())]))
}

fn shared() -> Vec<Extension> {
    let directory = seq(&[&encode(0xA4u32, &name::encode(&[(oid::LOCALITY, "VNM")]))]);
    let point = seq(&[&seq(&[&encode(0xA0u32, &encode(0xA0u32, &encode(0x86u32, b"http://crl.example")))])]);
    vec![
        (oid::SUBJECT_ALT_NAME, false, directory.clone()),
        (oid::ISSUER_ALT_NAME, false, directory),
        (oid::CRL_DISTRIBUTION_POINTS, false, point),
    ]
}

/// A CSCA that does all as Doc 9303-12 asks.
pub(crate) fn csca(subject: &[u8], key: &Key) -> Spec {
    let (from, until) = (day("2020-01-01"), day("2040-01-01"));
    let mut extensions = vec![
        (oid::BASIC_CONSTRAINTS, true, vec![0x30, 6, 1, 1, 0xFF, 2, 1, 0]),
        key_usage(0x06, 1),
        period(from, day("2029-01-01")),
        (oid::SUBJECT_KEY_IDENTIFIER, false, encode(0x04u32, &key.key_id())),
        authority(key),
    ];
    extensions.extend(shared());
    Spec {
        serial: vec![1],
        issuer: subject.to_vec(),
        subject: subject.to_vec(),
        from,
        until,
        spki: key.spki(),
        extensions,
        algorithm: None,
    }
}

/// A link certificate: the key of `new` under the key of `old`.
pub(crate) fn link(new: &Spec, old: &Spec, old_key: &Key) -> Spec {
    let (kind, critical, value) = authority(old_key);
    Spec { issuer: old.subject.clone(), serial: vec![9], ..new.clone() }.with(kind, critical, value)
}

/// A document signer that does all as Doc 9303-12 asks, for documents P and ID.
pub(crate) fn signer(issuer: &Spec, issuer_key: &Key, key: &Key) -> Spec {
    let (from, until) = (day("2026-01-01"), day("2036-12-31"));
    let types = encode(0x31u32, &joined(&[&encode(0x13u32, b"ID"), &encode(0x13u32, b"P")]));
    let mut extensions = vec![
        key_usage(0x80, 7),
        period(from, day("2026-12-31")),
        (oid::SUBJECT_KEY_IDENTIFIER, false, encode(0x04u32, &key.key_id())),
        authority(issuer_key),
        (oid::DOCUMENT_TYPE_LIST, false, seq(&[&[2, 1, 0], &types])),
    ];
    extensions.extend(shared());
    let subject = name::encode(&[(oid::COUNTRY, "VN"), (oid::ORGANIZATION, "Example State"), (oid::COMMON_NAME, "Document Signer")]);
    Spec { serial: vec![0x11], issuer: issuer.subject.clone(), subject, from, until, spki: key.spki(), extensions, algorithm: None }
}

/// One SignerInfo, every part of it in the caller's hand.
#[derive(Clone)]
pub(crate) struct SignerSpec {
    pub(crate) version: u8,
    pub(crate) sid: Bytes,
    /// digestAlgorithm.
    pub(crate) digest: Bytes,
    /// The signed attributes in the order in which they are sent; `None` for none at all.
    pub(crate) attributes: Option<Vec<Bytes>>,
    pub(crate) algorithm: Bytes,
    pub(crate) signature: Bytes,
}

pub(crate) fn attribute(kind: &'static str, value: &[u8]) -> Bytes {
    seq(&[&oid_of(kind), &encode(0x31u32, value)])
}

pub(crate) fn issuer_and_serial(issuer: &[u8], serial: &[u8]) -> Bytes {
    seq(&[issuer, &encode(0x02u32, serial)])
}

impl SignerSpec {
    /// A signer of `content` as the standard has it.
    pub(crate) fn new(certificate: &Certificate, key: &Key, content_type: &'static str, content: &[u8], time: Option<Date>) -> Self {
        let hash = key.algorithm.hash();
        let mut attributes = vec![
            attribute(oid::CONTENT_TYPE, &oid_of(content_type)),
            attribute(oid::MESSAGE_DIGEST, &encode(0x04u32, &hash.digest(&[content]))),
        ];
        attributes.extend(time.map(|day| attribute(oid::SIGNING_TIME, &Time::midnight(day).to_der())));
        attributes.sort();
        let mut out = Self {
            version: 1,
            sid: issuer_and_serial(certificate.issuer(), certificate.serial()),
            digest: encode_digest(hash),
            attributes: Some(attributes),
            algorithm: encode_signature(key.algorithm),
            signature: Vec::new(),
        };
        out.sign(key);
        out
    }

    /// Signs the attributes in the order in which they stand.
    pub(crate) fn sign(&mut self, key: &Key) {
        let set = encode(0x31u32, &self.attributes.clone().expect("attributes").concat());
        self.signature = key.sign(&set);
    }

    fn der(&self) -> Bytes {
        let attributes = self.attributes.as_ref().map_or_else(Vec::new, |list| encode(0xA0u32, &list.concat()));
        let version = [2, 1, self.version];
        seq(&[&version, &self.sid, &self.digest, &attributes, &self.algorithm, &encode(0x04u32, &self.signature)])
    }
}

/// A signed message.
#[derive(Clone)]
pub(crate) struct MessageSpec {
    pub(crate) version: u8,
    pub(crate) content_type: &'static str,
    pub(crate) content: Bytes,
    pub(crate) certificates: Vec<Bytes>,
    pub(crate) digests: Vec<Bytes>,
    pub(crate) signers: Vec<SignerSpec>,
}

impl MessageSpec {
    /// ContentInfo.
    pub(crate) fn der(&self) -> Bytes {
        let encapsulated = seq(&[&oid_of(self.content_type), &encode(0xA0u32, &encode(0x04u32, &self.content))]);
        let signers: Bytes = self.signers.iter().flat_map(SignerSpec::der).collect();
        let body = seq(&[
            &[2, 1, self.version],
            &encode(0x31u32, &self.digests.concat()),
            &encapsulated,
            &encode(0xA0u32, &self.certificates.concat()),
            &encode(0x31u32, &signers),
        ]);
        seq(&[&oid_of(oid::SIGNED_DATA), &encode(0xA0u32, &body)])
    }

    /// EF.SOD.
    pub(crate) fn file(&self) -> Bytes {
        encode(0x77u32, &self.der())
    }

    pub(crate) fn parsed(&self) -> SignedData {
        SignedData::parse(&self.der()).expect("a signed message")
    }
}

/// A state, its document signer, and a document.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) csca_key: Key,
    pub(crate) csca: Spec,
    pub(crate) ds_key: Key,
    pub(crate) ds: Spec,
    pub(crate) files: BTreeMap<u8, Bytes>,
    pub(crate) signing_time: Option<Date>,
    pub(crate) issued: Option<Issued>,
    pub(crate) today: Date,
    pub(crate) trust: TrustStore,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_key(Key::ec(2))
    }

    pub(crate) fn with_key(ds_key: Key) -> Self {
        let csca_key = Key::ec(1);
        let csca = csca(&csca_name("VN", "CSCA"), &csca_key);
        let ds = signer(&csca, &csca_key, &ds_key);
        let mrz = "IDVNM5050001236099505000123<<<0501057F3001053VNM<<<<<<<<<<<2PHAM<<THI<UOC<MAU<<<<<<<<<<<<<";
        let dg1 = encode(0x61u32, &encode(0x5F1Fu32, mrz.as_bytes()));
        let files = [(1, dg1), (2, encode(0x75u32, &[2; 300])), (14, encode(0x6Eu32, &[0x31, 0]))].into();
        let trust = TrustStore::from_bytes(&csca.der(&csca_key)).expect("an anchor");
        Self { csca_key, csca, ds_key, ds, files, signing_time: Some(day("2026-06-01")), issued: None, today: today(), trust }
    }

    pub(crate) fn certificate(&self) -> Certificate {
        self.ds.signed_by(&self.csca_key)
    }

    pub(crate) fn content(&self) -> Bytes {
        let hashes = self.files.iter().map(|(&number, file)| (number, Hash::Sha256.digest(&[file]))).collect();
        sod::security_object(&hashes, Hash::Sha256, None).expect("hashes")
    }

    /// The signed message as the standard has it.
    pub(crate) fn message(&self) -> MessageSpec {
        self.message_of(oid::LDS_SECURITY_OBJECT, self.content())
    }

    pub(crate) fn message_of(&self, content_type: &'static str, content: Bytes) -> MessageSpec {
        let certificate = self.certificate();
        let signer = SignerSpec::new(&certificate, &self.ds_key, content_type, &content, self.signing_time);
        let digests = vec![encode_digest(self.ds_key.algorithm.hash())];
        MessageSpec { version: 3, content_type, content, certificates: vec![certificate.der().to_vec()], digests, signers: vec![signer] }
    }

    /// Passive authentication of `file` as EF.SOD.
    pub(crate) fn judge(&self, file: &[u8]) -> Verdict {
        self.judge_with(file, None)
    }

    pub(crate) fn judge_with(&self, file: &[u8], cache: Option<&SignerCache>) -> Verdict {
        let (sod, not_read) = (Sod::parse(file), BTreeSet::new());
        let files = self.files.iter().map(|(&number, file)| (number, file.as_slice())).collect();
        let (trust, today, issued) = (&self.trust, self.today, self.issued);
        passive_authentication(&Input { sod: sod.as_ref(), files: &files, not_read: &not_read, trust, cache, today, issued })
    }

    /// Passive authentication of the document as it is.
    pub(crate) fn verdict(&self) -> Verdict {
        self.judge(&self.message().file())
    }
}

/// A revocation list: serial numbers, the day of each, and its reason.
pub(crate) struct CrlSpec {
    pub(crate) issuer: Bytes,
    pub(crate) number: u8,
    pub(crate) from: Date,
    pub(crate) until: Option<Date>,
    pub(crate) revoked: Vec<(Bytes, Date, Option<u8>)>,
    /// Whole extensions beside crlNumber and authorityKeyIdentifier.
    pub(crate) extensions: Vec<Bytes>,
}

impl CrlSpec {
    pub(crate) fn of(csca: &Spec) -> Self {
        Self {
            issuer: csca.subject.clone(),
            number: 5,
            from: day("2026-11-01"),
            until: Some(day("2027-01-30")),
            revoked: Vec::new(),
            extensions: Vec::new(),
        }
    }

    /// A critical extension with this value.
    pub(crate) fn with(mut self, oid: &'static str, value: &[u8]) -> Self {
        self.extensions.push(seq(&[&oid_of(oid), &[1, 1, 0xFF], &encode(0x04u32, value)]));
        self
    }

    pub(crate) fn der(&self, key: &Key) -> Bytes {
        let algorithm = encode_signature(key.algorithm);
        let mut entries = Vec::new();
        for (serial, date, reason) in &self.revoked {
            let reason = reason.map_or_else(Vec::new, |n| seq(&[&seq(&[&oid_of("2.5.29.21"), &encode(0x04u32, &[0x0A, 1, n])])]));
            entries.extend(seq(&[&encode(0x02u32, serial), &Time::midnight(*date).to_der(), &reason]));
        }
        let entries = if entries.is_empty() { entries } else { encode(0x30u32, &entries) };
        let number = seq(&[&oid_of("2.5.29.20"), &encode(0x04u32, &[2, 1, self.number])]);
        let (_, _, authority) = authority(key);
        let authority = seq(&[&oid_of(oid::AUTHORITY_KEY_IDENTIFIER), &encode(0x04u32, &authority)]);
        let others = self.extensions.concat();
        let extensions = encode(0xA0u32, &seq(&[&authority, &number, &others]));
        let until = self.until.map_or_else(Vec::new, |date| Time::midnight(date).to_der());
        let tbs = seq(&[&[2, 1, 1], &algorithm, &self.issuer, &Time::midnight(self.from).to_der(), &until, &entries, &extensions]);
        seq(&[&tbs, &algorithm, &encode(0x03u32, &joined(&[&[0], &key.sign(&tbs)]))])
    }
}

/// Outcome and reason code of a finding.
pub(crate) fn of(verdict: &Verdict, id: &str) -> (Outcome, &'static str) {
    let finding = finding(verdict, id);
    (finding.outcome, finding.reason.as_ref().map_or("", |reason| reason.code))
}

pub(crate) fn finding<'a>(verdict: &'a Verdict, id: &str) -> &'a Finding {
    verdict.findings.iter().find(|finding| finding.id() == id).unwrap_or_else(|| panic!("no finding {id}: {:?}", verdict.findings))
}

/// The findings that failed.
pub(crate) fn failed(verdict: &Verdict) -> Vec<(&str, &'static str)> {
    let failed = verdict.findings.iter().filter(|finding| finding.outcome == Outcome::Failed);
    failed.map(|finding| (finding.id(), finding.reason.as_ref().map_or("", |reason| reason.code))).collect()
}

/// The rules of the tolerances that were used.
pub(crate) fn rules(verdict: &Verdict) -> Vec<&'static str> {
    verdict.quirks.iter().map(|quirk| quirk.rule).collect()
}

pub(crate) const PASSED: (Outcome, &str) = (Outcome::Passed, "");
