//! Well-formed objects of every kind, in parts that a test can change before they are encoded and signed.

use eid::cert::cvc::{KeyReference, VerifyingKey, key::CvKey};
use eid::cert::x509::name;
use eid::cert::{Time, algorithm, spki};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{self, Algorithm, PrivateKey};
use eid::date::Date;
use eid::oid;
use eid::tlv;
use pki::lint::{Context, Kind};

pub(crate) const SHA256: Algorithm = Algorithm::Ecdsa(Hash::Sha256);

pub(crate) fn rng() -> impl rand_core::CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}

pub(crate) fn t(tag: u32, value: &[u8]) -> Vec<u8> {
    tlv::encode(tag, value)
}

pub(crate) fn seq(parts: &[&[u8]]) -> Vec<u8> {
    t(0x30, &parts.concat())
}

pub(crate) fn oid(dotted: &str) -> Vec<u8> {
    t(0x06, &oid::parse(dotted).expect("an identifier"))
}

pub(crate) fn date(text: &str) -> Date {
    text.parse().expect("a day")
}

pub(crate) fn time(text: &str) -> Vec<u8> {
    Time::midnight(date(text)).to_der()
}

pub(crate) fn validity(from: &str, until: &str) -> Vec<u8> {
    seq(&[&time(from), &time(until)])
}

pub(crate) fn sign(key: &PrivateKey, message: &[u8]) -> signature::Signature {
    signature::sign(SHA256, key, message, &mut rng()).expect("a signature")
}

/// What stands beside an object.
#[derive(Clone, Default)]
pub(crate) struct Beside {
    pub(crate) issuer: Option<Vec<u8>>,
    pub(crate) root: Option<Vec<u8>>,
    pub(crate) previous: Option<Vec<u8>>,
    pub(crate) date: Option<Date>,
    pub(crate) years: Option<u8>,
    pub(crate) files: Option<Vec<(u8, Vec<u8>)>>,
    pub(crate) com: Option<Vec<u8>>,
}

impl Beside {
    pub(crate) fn with<R>(&self, kind: Option<Kind>, run: impl FnOnce(&Context<'_>) -> R) -> R {
        let files: Option<Vec<(u8, &[u8])>> =
            self.files.as_ref().map(|files| files.iter().map(|(n, file)| (*n, file.as_slice())).collect());
        run(&Context {
            kind,
            issuer: self.issuer.as_deref(),
            root: self.root.as_deref(),
            previous: self.previous.as_deref(),
            date: self.date,
            document_years: self.years,
            data_groups: files.as_deref(),
            com: self.com.as_deref(),
            waived: &[],
        })
    }
}

/// An X.509 certificate in parts.
#[derive(Clone)]
pub(crate) struct Cert {
    pub(crate) version: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) algorithm: Vec<u8>,
    pub(crate) outer: Option<Vec<u8>>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) validity: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) spki: Vec<u8>,
    pub(crate) unique: Vec<u8>,
    /// Identifier, octet of the BOOLEAN if it is written, value.
    pub(crate) extensions: Vec<(String, Option<u8>, Vec<u8>)>,
    pub(crate) key: PrivateKey,
    pub(crate) trailing: Vec<u8>,
}

impl Cert {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut list = Vec::new();
        for (dotted, critical, value) in &self.extensions {
            let flag = critical.map(|octet| t(0x01, &[octet])).unwrap_or_default();
            list.extend(seq(&[&oid(dotted), &flag, &t(0x04, value)]));
        }
        let tbs = seq(&[
            &self.version,
            &t(0x02, &self.serial),
            &self.algorithm,
            &self.issuer,
            &self.validity,
            &self.subject,
            &self.spki,
            &self.unique,
            &t(0xA3, &t(0x30, &list)),
        ]);
        let signature = sign(&self.key, &tbs).to_der();
        let mut out = seq(&[&tbs, self.outer.as_ref().unwrap_or(&self.algorithm), &t(0x03, &[&[0], signature.as_slice()].concat())]);
        out.extend_from_slice(&self.trailing);
        out
    }

    pub(crate) fn add(&mut self, dotted: &str, critical: bool, value: &[u8]) {
        self.extensions.push((dotted.to_owned(), critical.then_some(0xFF), value.to_vec()));
    }

    pub(crate) fn remove(&mut self, dotted: &str) {
        self.extensions.retain(|(found, _, _)| found != dotted);
    }

    pub(crate) fn set(&mut self, dotted: &str, value: &[u8]) {
        self.extensions.iter_mut().find(|(found, _, _)| found == dotted).expect("there").2 = value.to_vec();
    }

    pub(crate) fn flip(&mut self, dotted: &str) {
        let extension = self.extensions.iter_mut().find(|(found, _, _)| found == dotted).expect("there");
        extension.1 = if extension.1.is_some() { None } else { Some(0xFF) };
    }
}

pub(crate) fn alternative(locality: &str) -> Vec<u8> {
    seq(&[&t(0xA4, &name::encode(&[(oid::LOCALITY, locality)]))])
}

pub(crate) fn points(url: &str) -> Vec<u8> {
    seq(&[&seq(&[&t(0xA0, &t(0xA0, &t(0x86, url.as_bytes())))])])
}

pub(crate) fn period(from: &str, until: &str) -> Vec<u8> {
    let moment = |text| Time::midnight(date(text)).generalized();
    seq(&[&t(0x80, moment(from).as_bytes()), &t(0x81, moment(until).as_bytes())])
}

pub(crate) const KEY_CERT_SIGN: [u8; 4] = [3, 2, 1, 6];
pub(crate) const DIGITAL_SIGNATURE: [u8; 4] = [3, 2, 7, 0x80];

/// Keys and the certificates that others are signed by.
pub(crate) struct World {
    pub(crate) old: PrivateKey,
    pub(crate) new: PrivateKey,
    pub(crate) ds: PrivateKey,
}

impl World {
    pub(crate) fn new() -> Self {
        let key = || PrivateKey::generate_ec(Curve::P256, &mut rng());
        Self { old: key(), new: key(), ds: key() }
    }

    fn cert(&self, country: &str, subject: &[u8], key: &PrivateKey, signer: &PrivateKey, days: (&str, &str)) -> Cert {
        Cert {
            version: t(0xA0, &[2, 1, 2]),
            serial: vec![0x12, 0x34, 0x56],
            algorithm: algorithm::encode_signature(SHA256),
            outer: None,
            issuer: name::encode(&[(oid::COUNTRY, country), (oid::COMMON_NAME, "CSCA")]),
            validity: validity(days.0, days.1),
            subject: subject.to_vec(),
            spki: spki::encode_explicit(&key.public()),
            unique: Vec::new(),
            extensions: Vec::new(),
            key: signer.clone(),
            trailing: Vec::new(),
        }
    }

    /// A self-signed root with the first key, or the second.
    pub(crate) fn csca(&self, new: bool) -> Cert {
        let (key, id, from, until, used) = if new {
            (&self.new, [2; 20], "2029-01-01", "2043-12-31", "2033-12-31")
        } else {
            (&self.old, [1; 20], "2026-01-01", "2040-12-31", "2030-12-31")
        };
        let subject = name::encode(&[(oid::COUNTRY, "VN"), (oid::COMMON_NAME, "CSCA")]);
        let mut cert = self.cert("VN", &subject, key, key, (from, until));
        cert.add(oid::AUTHORITY_KEY_IDENTIFIER, false, &seq(&[&t(0x80, &id)]));
        self.ca_extensions(&mut cert, &id, from, used);
        cert
    }

    fn ca_extensions(&self, cert: &mut Cert, id: &[u8], from: &str, used: &str) {
        cert.add(oid::SUBJECT_KEY_IDENTIFIER, false, &t(0x04, id));
        cert.add(oid::KEY_USAGE, true, &KEY_CERT_SIGN);
        cert.add(oid::PRIVATE_KEY_USAGE_PERIOD, false, &period(from, used));
        cert.add(oid::SUBJECT_ALT_NAME, false, &alternative("VNM"));
        cert.add(oid::ISSUER_ALT_NAME, false, &alternative("VNM"));
        cert.add(oid::BASIC_CONSTRAINTS, true, &seq(&[&[1, 1, 0xFF], &[2, 1, 0]]));
        cert.add(oid::CRL_DISTRIBUTION_POINTS, false, &points("http://csca.example/csca.crl"));
    }

    /// The link from the first root to the second.
    pub(crate) fn link(&self) -> Cert {
        let subject = name::encode(&[(oid::COUNTRY, "VN"), (oid::COMMON_NAME, "CSCA")]);
        let mut cert = self.cert("VN", &subject, &self.new, &self.old, ("2029-01-01", "2040-12-31"));
        cert.add(oid::AUTHORITY_KEY_IDENTIFIER, false, &seq(&[&t(0x80, &[1; 20])]));
        self.ca_extensions(&mut cert, &[2; 20], "2029-01-01", "2033-12-31");
        cert
    }

    fn signer(&self, subject: &str, days: (&str, &str)) -> Cert {
        let subject = name::encode(&[(oid::COUNTRY, "VN"), (oid::COMMON_NAME, subject)]);
        let mut cert = self.cert("VN", &subject, &self.ds, &self.old, days);
        cert.add(oid::AUTHORITY_KEY_IDENTIFIER, false, &seq(&[&t(0x80, &[1; 20])]));
        cert
    }

    pub(crate) fn document_signer(&self) -> Cert {
        let mut cert = self.signer("DS", ("2026-06-01", "2036-08-30"));
        cert.add(oid::SUBJECT_KEY_IDENTIFIER, false, &t(0x04, &[3; 20]));
        cert.add(oid::KEY_USAGE, true, &DIGITAL_SIGNATURE);
        cert.add(oid::PRIVATE_KEY_USAGE_PERIOD, false, &period("2026-06-01", "2026-08-30"));
        self.names(&mut cert);
        cert.add(oid::DOCUMENT_TYPE_LIST, false, &types(&["ID", "P"]));
        cert
    }

    fn names(&self, cert: &mut Cert) {
        cert.add(oid::SUBJECT_ALT_NAME, false, &alternative("VNM"));
        cert.add(oid::ISSUER_ALT_NAME, false, &alternative("VNM"));
        cert.add(oid::CRL_DISTRIBUTION_POINTS, false, &points("http://csca.example/csca.crl"));
    }

    pub(crate) fn list_signer(&self, purpose: &str) -> Cert {
        let mut cert = self.signer("List signer", ("2026-06-01", "2028-06-01"));
        cert.add(oid::SUBJECT_KEY_IDENTIFIER, false, &t(0x04, &[3; 20]));
        cert.add(oid::KEY_USAGE, true, &DIGITAL_SIGNATURE);
        cert.add(oid::EXT_KEY_USAGE, true, &seq(&[&oid(purpose)]));
        self.names(&mut cert);
        cert
    }

    pub(crate) fn small_signer(&self, subject: &str, purpose: &str, days: (&str, &str)) -> Cert {
        let mut cert = self.signer(subject, days);
        cert.add(oid::EXT_KEY_USAGE, true, &seq(&[&oid(purpose)]));
        cert
    }

    pub(crate) fn crl(&self) -> Crl {
        Crl {
            version: t(0x02, &[1]),
            algorithm: algorithm::encode_signature(SHA256),
            outer: None,
            issuer: name::encode(&[(oid::COUNTRY, "VN"), (oid::COMMON_NAME, "CSCA")]),
            this: time("2026-07-01"),
            next: time("2026-09-01"),
            revoked: Some(vec![seq(&[&t(0x02, &[0x12]), &time("2026-06-30")])]),
            extensions: vec![
                (oid::AUTHORITY_KEY_IDENTIFIER.to_owned(), false, seq(&[&t(0x80, &[1; 20])])),
                ("2.5.29.20".to_owned(), false, t(0x02, &[7])),
            ],
            key: self.old.clone(),
        }
    }

    pub(crate) fn sod(&self) -> Signed {
        let content = SecurityObject::new().encode();
        Signed::new(oid::LDS_SECURITY_OBJECT, content, &self.document_signer().encode(), self.issuer_serial(), 1, &self.ds)
    }

    fn issuer_serial(&self) -> Vec<u8> {
        let signer = self.document_signer();
        seq(&[&signer.issuer, &t(0x02, &signer.serial)])
    }

    /// A list with its signer's certificate and the CSCA's.
    pub(crate) fn list(&self, content_type: &'static str, purpose: &str, content: Vec<u8>) -> Signed {
        let signer = self.list_signer(purpose).encode();
        let mut list = Signed::new(content_type, content, &signer, t(0x80, &[3; 20]), 3, &self.ds);
        list.certificates.push(self.csca(false).encode());
        list.signing_time = true;
        list.outer_tag = None;
        list
    }
}

pub(crate) fn types(codes: &[&str]) -> Vec<u8> {
    let mut codes: Vec<_> = codes.iter().map(|code| t(0x13, code.as_bytes())).collect();
    codes.sort();
    seq(&[&[2, 1, 0], &t(0x31, &codes.concat())])
}

/// A CRL in parts.
#[derive(Clone)]
pub(crate) struct Crl {
    pub(crate) version: Vec<u8>,
    pub(crate) algorithm: Vec<u8>,
    pub(crate) outer: Option<Vec<u8>>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) this: Vec<u8>,
    pub(crate) next: Vec<u8>,
    pub(crate) revoked: Option<Vec<Vec<u8>>>,
    pub(crate) extensions: Vec<(String, bool, Vec<u8>)>,
    pub(crate) key: PrivateKey,
}

impl Crl {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut list = Vec::new();
        for (dotted, critical, value) in &self.extensions {
            let flag = if *critical { t(0x01, &[0xFF]) } else { Vec::new() };
            list.extend(seq(&[&oid(dotted), &flag, &t(0x04, value)]));
        }
        let revoked = self.revoked.as_ref().map(|list| t(0x30, &list.concat())).unwrap_or_default();
        let tbs = seq(&[&self.version, &self.algorithm, &self.issuer, &self.this, &self.next, &revoked, &t(0xA0, &t(0x30, &list))]);
        let signature = sign(&self.key, &tbs).to_der();
        seq(&[&tbs, self.outer.as_ref().unwrap_or(&self.algorithm), &t(0x03, &[&[0], signature.as_slice()].concat())])
    }

    pub(crate) fn add(&mut self, dotted: &str, value: &[u8]) {
        self.extensions.push((dotted.to_owned(), false, value.to_vec()));
    }
}

/// LDSSecurityObject in parts.
#[derive(Clone)]
pub(crate) struct SecurityObject {
    pub(crate) version: Vec<u8>,
    pub(crate) hash: Vec<u8>,
    pub(crate) entries: Vec<(u8, Vec<u8>)>,
    pub(crate) info: Vec<u8>,
}

/// Contents of the data groups that the hashes are of.
pub(crate) fn data_groups() -> Vec<(u8, Vec<u8>)> {
    vec![(1, b"a DG1".to_vec()), (2, b"a DG2".to_vec()), (14, b"a DG14".to_vec())]
}

impl SecurityObject {
    pub(crate) fn new() -> Self {
        Self {
            version: vec![0],
            hash: algorithm::encode_digest(Hash::Sha256),
            entries: data_groups().into_iter().map(|(n, file)| (n, Hash::Sha256.digest(&[&file]))).collect(),
            info: Vec::new(),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let entries: Vec<u8> = self.entries.iter().flat_map(|(n, hash)| seq(&[&t(0x02, &[*n]), &t(0x04, hash)])).collect();
        seq(&[&t(0x02, &self.version), &self.hash, &t(0x30, &entries), &self.info])
    }
}

/// A signed message in parts.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) kind: Vec<u8>,
    pub(crate) version: u8,
    pub(crate) digests: Vec<Vec<u8>>,
    pub(crate) content_type: Vec<u8>,
    pub(crate) content: Vec<u8>,
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) crls: Vec<u8>,
    pub(crate) signers: usize,
    pub(crate) signer_version: u8,
    pub(crate) sid: Vec<u8>,
    pub(crate) digest: Vec<u8>,
    pub(crate) signing_time: bool,
    /// Attributes that are added.
    pub(crate) more: Vec<Vec<u8>>,
    pub(crate) sorted: bool,
    pub(crate) algorithm: Vec<u8>,
    pub(crate) plain: bool,
    pub(crate) unsigned: Vec<u8>,
    pub(crate) outer_tag: Option<u32>,
    pub(crate) inside: Vec<u8>,
    pub(crate) trailing: Vec<u8>,
    pub(crate) key: PrivateKey,
}

pub(crate) fn attribute(kind: &str, value: &[u8]) -> Vec<u8> {
    seq(&[&oid(kind), &t(0x31, value)])
}

impl Signed {
    fn new(content_type: &'static str, content: Vec<u8>, certificate: &[u8], sid: Vec<u8>, version: u8, key: &PrivateKey) -> Self {
        Self {
            kind: oid(oid::SIGNED_DATA),
            version: 3,
            digests: vec![algorithm::encode_digest(Hash::Sha256)],
            content_type: oid(content_type),
            content,
            certificates: vec![certificate.to_vec()],
            crls: Vec::new(),
            signers: 1,
            signer_version: version,
            sid,
            digest: algorithm::encode_digest(Hash::Sha256),
            signing_time: false,
            more: Vec::new(),
            sorted: true,
            algorithm: algorithm::encode_signature(SHA256),
            plain: false,
            unsigned: Vec::new(),
            outer_tag: Some(0x77),
            inside: Vec::new(),
            trailing: Vec::new(),
            key: key.clone(),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let digest = t(0x04, &Hash::Sha256.digest(&[&self.content]));
        let mut attributes = vec![attribute(oid::CONTENT_TYPE, &self.content_type), attribute(oid::MESSAGE_DIGEST, &digest)];
        if self.signing_time {
            attributes.push(attribute(oid::SIGNING_TIME, &time("2026-07-01")));
        }
        attributes.extend(self.more.iter().cloned());
        attributes.sort();
        let sorted = t(0x31, &attributes.concat());
        if !self.sorted {
            attributes.reverse();
        }
        let signature = sign(&self.key, &sorted);
        let signature = if self.plain { signature.to_plain() } else { signature.to_der() };
        let info = seq(&[
            &t(0x02, &[self.signer_version]),
            &self.sid,
            &self.digest,
            &t(0xA0, &attributes.concat()),
            &self.algorithm,
            &t(0x04, &signature),
            &self.unsigned,
        ]);
        let signed = seq(&[
            &t(0x02, &[self.version]),
            &t(0x31, &self.digests.concat()),
            &seq(&[&self.content_type, &t(0xA0, &t(0x04, &self.content))]),
            &if self.certificates.is_empty() { Vec::new() } else { t(0xA0, &self.certificates.concat()) },
            &self.crls,
            &t(0x31, &info.repeat(self.signers)),
        ]);
        let mut message = seq(&[&self.kind, &t(0xA0, &signed)]);
        message.extend_from_slice(&self.inside);
        let mut out = self.outer_tag.map_or(message.clone(), |tag| t(tag, &message));
        out.extend_from_slice(&self.trailing);
        out
    }
}

/// A CV certificate in parts.
#[derive(Clone)]
pub(crate) struct Cv {
    pub(crate) fields: Vec<(u32, Vec<u8>)>,
    pub(crate) signer: PrivateKey,
    pub(crate) der: bool,
    pub(crate) trailing: Vec<u8>,
}

impl Cv {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (tag, value) in &self.fields {
            body.extend(t(*tag, value));
        }
        let body = t(0x7F4E, &body);
        let signature = sign(&self.signer, &body);
        let signature = if self.der { signature.to_der() } else { signature.to_plain() };
        let mut out = t(0x7F21, &[body, t(0x5F37, &signature)].concat());
        out.extend_from_slice(&self.trailing);
        out
    }

    pub(crate) fn set(&mut self, tag: u32, value: &[u8]) {
        self.fields.iter_mut().find(|(found, _)| *found == tag).expect("there").1 = value.to_vec();
    }

    pub(crate) fn get(&self, tag: u32) -> Vec<u8> {
        self.fields.iter().find(|(found, _)| *found == tag).expect("there").1.clone()
    }

    /// 7F49 of a key, without its header.
    pub(crate) fn key(key: &PrivateKey, parameters: bool) -> Vec<u8> {
        let key = CvKey::new(&VerifyingKey { algorithm: SHA256, key: key.public() }, parameters).expect("a key");
        let d = Curve::P256.parameters();
        let point = match key.resolve(Some(Curve::P256)).expect("a key").key {
            signature::PublicKey::Ec(point) => point.as_bytes().to_vec(),
            signature::PublicKey::Rsa(_) => unreachable!("an EC key"),
        };
        let mut inner = oid(oid::TA_ECDSA_SHA256);
        if parameters {
            for (tag, number) in [(0x81, d.p), (0x82, d.a), (0x83, d.b)] {
                inner.extend(t(tag, number));
            }
            inner.extend(t(0x84, &[&[4], d.x, d.y].concat()));
            inner.extend(t(0x85, d.n));
        }
        inner.extend(t(0x86, &point));
        if parameters {
            inner.extend(t(0x87, &[1]));
        }
        inner
    }
}

pub(crate) fn chat(kind: &str, rights: &[u8]) -> Vec<u8> {
    [oid(kind), t(0x53, rights)].concat()
}

pub(crate) fn day(text: &str) -> Vec<u8> {
    date(text).yymmdd().bytes().map(|digit| digit - b'0').collect()
}

impl World {
    fn cv(&self, names: (&str, &str), key: Vec<u8>, signer: &PrivateKey, role: u8, days: (&str, &str)) -> Cv {
        let reference = |text: &str| KeyReference::from_octets(text.as_bytes()).expect("a name").as_bytes().to_vec();
        Cv {
            fields: vec![
                (0x5F29, vec![0]),
                (0x42, reference(names.0)),
                (0x7F49, key),
                (0x5F20, reference(names.1)),
                (0x7F4C, chat(oid::ROLE_INSPECTION, &[role])),
                (0x5F25, day(days.0)),
                (0x5F24, day(days.1)),
            ],
            signer: signer.clone(),
            der: false,
            trailing: Vec::new(),
        }
    }

    pub(crate) fn cvca(&self) -> Cv {
        self.cv(("VNCVCAVN001", "VNCVCAVN001"), Cv::key(&self.old, true), &self.old, 0xC3, ("2026-01-01", "2027-12-31"))
    }

    pub(crate) fn cvca_link(&self) -> Cv {
        self.cv(("VNCVCAVN001", "VNCVCAVN002"), Cv::key(&self.new, true), &self.old, 0xC3, ("2027-01-01", "2028-12-31"))
    }

    pub(crate) fn verifier(&self) -> Cv {
        self.cv(("VNCVCAVN001", "VNDVVN001"), Cv::key(&self.new, false), &self.old, 0x83, ("2026-06-01", "2026-08-01"))
    }

    pub(crate) fn terminal(&self) -> Cv {
        self.cv(("VNDVVN001", "VNISVN001"), Cv::key(&self.ds, false), &self.new, 0x03, ("2026-06-10", "2026-07-01"))
    }

    pub(crate) fn request(&self) -> Cv {
        let mut request = self.cv(("VNDVVN001", "VNISVN002"), Cv::key(&self.ds, true), &self.ds, 0, ("2026-06-10", "2026-07-01"));
        request.fields.retain(|(tag, _)| !matches!(tag, 0x7F4C | 0x5F25 | 0x5F24));
        request
    }
}
