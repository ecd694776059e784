//! Public keys of CV certificates (BSI TR-03110-3 D.3): 7F49 with the algorithm of what the key signs.
//!
//! ```text
//! EC   7F49 { 06 id-TA-ECDSA-…, [81 p, 82 a, 83 b, 84 G, 85 n], 86 Q, [87 h] }     parameters all or none
//! RSA  7F49 { 06 id-TA-RSA-…, 81 n, 82 e }
//! ```
//!
//! EC parameters must be exactly those of a known curve; a key without them is on the curve of its authority. Refused: some of the
//! parameters, other curves, moduli outside of 1024 to 4096 bits, public exponents of more than 32 bits. Leading zeros of integers and
//! a missing cofactor are read and reported.

use crate::cert::{CertError, algorithm, der};
use crate::crypto::curve::{Curve, Point};
use crate::crypto::hash::Hash;
use crate::crypto::rsa;
use crate::crypto::signature::{Algorithm, PublicKey};
use crate::oid;
use crate::quirk::Quirk;
use crate::tlv::{self, Tlv};

/// Longest RSA modulus in bytes.
const MAX_MODULUS: usize = 512;

const fn pss(hash: Hash) -> Algorithm {
    Algorithm::RsaPss { hash, mgf: hash, salt: hash.len() }
}

/// The identifiers below id-TA, and what they stand for (TR-03110-3 A.6.4).
const ALGORITHMS: [(&str, Algorithm); 11] = [
    (oid::TA_RSA_V1_5_SHA1, Algorithm::RsaPkcs1(Hash::Sha1)),
    (oid::TA_RSA_V1_5_SHA256, Algorithm::RsaPkcs1(Hash::Sha256)),
    (oid::TA_RSA_PSS_SHA1, pss(Hash::Sha1)),
    (oid::TA_RSA_PSS_SHA256, pss(Hash::Sha256)),
    (oid::TA_RSA_V1_5_SHA512, Algorithm::RsaPkcs1(Hash::Sha512)),
    (oid::TA_RSA_PSS_SHA512, pss(Hash::Sha512)),
    (oid::TA_ECDSA_SHA1, Algorithm::Ecdsa(Hash::Sha1)),
    (oid::TA_ECDSA_SHA224, Algorithm::Ecdsa(Hash::Sha224)),
    (oid::TA_ECDSA_SHA256, Algorithm::Ecdsa(Hash::Sha256)),
    (oid::TA_ECDSA_SHA384, Algorithm::Ecdsa(Hash::Sha384)),
    (oid::TA_ECDSA_SHA512, Algorithm::Ecdsa(Hash::Sha512)),
];

/// The object identifier below id-TA that stands for `algorithm`, in dotted form; `None` where there is none. PSS has MGF1 over the same
/// digest and a salt as long as the digest.
#[must_use]
pub fn oid_of(algorithm: Algorithm) -> Option<&'static str> {
    ALGORITHMS.iter().find(|(_, known)| *known == algorithm).map(|&(oid, _)| oid)
}

/// The algorithm that the content octets of an identifier below id-TA stand for.
#[must_use]
pub fn algorithm_of(octets: &[u8]) -> Option<Algorithm> {
    ALGORITHMS.iter().find(|(known, _)| oid::encode(known) == octets).map(|&(_, algorithm)| algorithm)
}

/// A key with everything that is needed to verify with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    /// What it verifies.
    pub algorithm: Algorithm,
    /// The key, on its curve.
    pub key: PublicKey,
}

impl VerifyingKey {
    /// The curve that keys certified by this one inherit; `None` for RSA.
    #[must_use]
    pub const fn curve(&self) -> Option<Curve> {
        match &self.key {
            PublicKey::Ec(point) => Some(point.curve()),
            PublicKey::Rsa(_) => None,
        }
    }
}

/// The public key as a certificate states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CvKey {
    algorithm: Algorithm,
    numbers: Numbers,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Numbers {
    Ec { curve: Option<Curve>, point: Vec<u8> },
    Rsa(rsa::PublicKey),
}

impl CvKey {
    /// A key with its domain parameters (`with_parameters`: CVCA, link certificate, request) or without them.
    ///
    /// # Errors
    /// No identifier below id-TA stands for the algorithm, or it is not one for this kind of key.
    pub fn new(key: &VerifyingKey, with_parameters: bool) -> Result<Self, CertError> {
        if oid_of(key.algorithm).is_none() || !algorithm::fits(key.algorithm, &key.key) {
            return Err(CertError::unsupported("algorithm of a CV certificate", algorithm::describe(key.algorithm)));
        }
        let numbers = match &key.key {
            PublicKey::Ec(point) => Numbers::Ec { curve: with_parameters.then_some(point.curve()), point: point.as_bytes().to_vec() },
            PublicKey::Rsa(key) => Numbers::Rsa(key.clone()),
        };
        Ok(Self { algorithm: key.algorithm, numbers })
    }

    /// What the key signs.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The curve, if the domain parameters are there.
    #[must_use]
    pub const fn curve(&self) -> Option<Curve> {
        match &self.numbers {
            Numbers::Ec { curve, .. } => *curve,
            Numbers::Rsa(_) => None,
        }
    }

    /// The key on its own curve, else on `inherited`, that of its authority.
    ///
    /// # Errors
    /// An EC key without parameters and with none to inherit, or a point that is not on the curve.
    pub fn resolve(&self, inherited: Option<Curve>) -> Result<VerifyingKey, CertError> {
        let key = match &self.numbers {
            Numbers::Rsa(key) => PublicKey::Rsa(key.clone()),
            Numbers::Ec { curve, point } => {
                let curve = curve.or(inherited);
                let curve =
                    curve.ok_or_else(|| CertError::unsupported("public key of a CV certificate", "an EC key without domain parameters"))?;
                let point = Point::from_bytes(curve, point).map_err(|error| CertError::Malformed {
                    what: "public point (86)",
                    at: 0,
                    expected: "an uncompressed point of the curve",
                    found: error.to_string(),
                })?;
                PublicKey::Ec(point)
            }
        };
        Ok(VerifyingKey { algorithm: self.algorithm, key })
    }

    /// `EC brainpoolP256r1, ECDSA with SHA-256`, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        let key = match &self.numbers {
            Numbers::Ec { curve: Some(curve), .. } => format!("EC {}", curve.name()),
            Numbers::Ec { point, .. } => format!("EC {} bits, curve of the authority", point.len().saturating_sub(1) * 4),
            Numbers::Rsa(key) => format!("RSA {}", key.bits()),
        };
        format!("{key}, {}", algorithm::describe(self.algorithm))
    }

    /// Reads 7F49.
    pub(super) fn read(object: &Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<Self, CertError> {
        let mut reader = object.reader();
        let kind = reader.expect(0x06)?.value;
        let algorithm = algorithm_of(kind).ok_or_else(|| CertError::unsupported("public key of a CV certificate", der::dotted(kind)))?;
        let mut integer = |object: Tlv<'_>| {
            if object.value.first() == Some(&0) {
                quirks.push(Quirk::new("cvc.leading-zero", format!("public key, object {} at offset {}", object.tag, object.at)));
            }
            der::strip_zeros(object.value).to_vec()
        };
        if !matches!(algorithm, Algorithm::Ecdsa(_)) {
            let (modulus, exponent) = (reader.expect(0x81)?, reader.expect(0x82)?);
            reader.finish()?;
            let (n, e) = (integer(modulus), integer(exponent));
            if !(128..=MAX_MODULUS).contains(&n.len()) {
                return Err(CertError::malformed("RSA modulus (81)", &modulus, "1024 to 4096 bits"));
            }
            if !(1..=4).contains(&e.len()) {
                return Err(CertError::malformed("RSA exponent (82)", &exponent, "1 to 32 bits"));
            }
            return Ok(Self { algorithm, numbers: Numbers::Rsa(rsa::PublicKey::new(&n, &e)) });
        }
        let curve = match reader.optional(0x81)? {
            None => None,
            Some(p) => {
                let (a, b) = (reader.expect(0x82)?, reader.expect(0x83)?);
                let (g, n) = (reader.expect(0x84)?, reader.expect(0x85)?);
                let (p, a, b, n) = (integer(p), integer(a), integer(b), integer(n));
                let known = curve_of([&p, &a, &b, &n], g.value);
                Some(known.ok_or_else(|| {
                    CertError::unsupported("EC parameters", format!("parameters of no known curve, p = {}", der::hex(&p)))
                })?)
            }
        };
        let point = reader.expect(0x86)?;
        let cofactor = reader.optional(0x87)?;
        reader.finish()?;
        match (curve, cofactor) {
            (Some(_), None) => quirks.push(Quirk::new("cvc.cofactor-missing", format!("public key at offset {}", object.at))),
            (Some(_), Some(h)) if der::strip_zeros(h.value) != [1] => return Err(CertError::malformed("cofactor (87)", &h, "01")),
            (None, Some(h)) => return Err(CertError::malformed("cofactor (87)", &h, "no cofactor without the other parameters")),
            _ => {}
        }
        if point.value.first() != Some(&4) || point.value.len() > 1 + 2 * 66 || point.value.len().is_multiple_of(2) {
            return Err(CertError::malformed("public point (86)", &point, "04, x, and y"));
        }
        if let Some(curve) = curve {
            Point::from_bytes(curve, point.value).map_err(|_| CertError::malformed("public point (86)", &point, "a point of the curve"))?;
        }
        Ok(Self { algorithm, numbers: Numbers::Ec { curve, point: point.value.to_vec() } })
    }

    /// 7F49.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut inner = tlv::encode(0x06, &oid::encode(oid_of(self.algorithm).unwrap_or(oid::TA)));
        match &self.numbers {
            Numbers::Rsa(key) => {
                tlv::push(&mut inner, 0x81, der::strip_zeros(key.modulus()));
                tlv::push(&mut inner, 0x82, der::strip_zeros(key.exponent()));
            }
            Numbers::Ec { curve: None, point } => tlv::push(&mut inner, 0x86, point),
            Numbers::Ec { curve: Some(curve), point } => push_ec(&mut inner, *curve, point),
        }
        tlv::encode(0x7F49, &inner)
    }
}

/// The known curve with p, a, b, and n, each without leading zeros, and the base point, uncompressed.
pub(crate) fn curve_of(integers: [&[u8]; 4], base: &[u8]) -> Option<Curve> {
    Curve::ALL.into_iter().find(|curve| {
        let d = curve.parameters();
        let same_base = base.split_first().is_some_and(|(&form, xy)| form == 4 && xy == [d.x, d.y].concat());
        same_base && integers == [d.p, d.a, d.b, d.n].map(der::strip_zeros)
    })
}

/// Appends 81 to 87: a point with the parameters of its curve.
pub(crate) fn push_ec(inner: &mut Vec<u8>, curve: Curve, point: &[u8]) {
    let d = curve.parameters();
    let mut unsigned = |tag: u32, number: &[u8]| tlv::push(inner, tag, der::strip_zeros(number));
    unsigned(0x81, d.p);
    unsigned(0x82, d.a);
    unsigned(0x83, d.b);
    tlv::push(inner, 0x84, &[&[4], d.x, d.y].concat());
    tlv::push(inner, 0x85, der::strip_zeros(d.n));
    tlv::push(inner, 0x86, point);
    tlv::push(inner, 0x87, &[1]);
}
