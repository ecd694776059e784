//! SubjectPublicKeyInfo: EC keys with named or explicit parameters, RSA keys (Doc 9303-12 clause 4.4, RFC 5480, RFC 8017, RFC 4055).
//!
//! ```text
//! SubjectPublicKeyInfo ::= SEQUENCE { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING }
//! ECParameters ::= SEQUENCE { version INTEGER, fieldID SEQUENCE { OID prime-field, p INTEGER },
//!     curve SEQUENCE { a OCTET STRING, b OCTET STRING, seed BIT STRING OPTIONAL }, base OCTET STRING, order INTEGER, cofactor INTEGER OPTIONAL }
//! ```
//!
//! Explicit parameters are accepted only if they are exactly those of a known curve. Refused by name: implicit parameters, unknown
//! curves, DSA and DH keys (DH: [`agreement`]), points that are not on their curve. Accepted and reported as a quirk: a missing cofactor, a compressed
//! base point, field elements that lost their leading zeros, missing NULL parameters of rsaEncryption.

use const_oid::ObjectIdentifier;
use sha2::{Digest as _, Sha256};

pub mod agreement;

use super::algorithm::{self, PssParameters};
use super::{CertError, der};
use crate::crypto::curve::{Curve, Point};
use crate::crypto::rsa;
use crate::crypto::signature::{Algorithm, PublicKey};
use crate::oid;
use crate::quirk::Quirk;
use crate::tlv::{self, Reader, Tlv};

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap(oid::EC_PUBLIC_KEY);
const PRIME_FIELD: ObjectIdentifier = ObjectIdentifier::new_unwrap(oid::PRIME_FIELD);
const STANDARDIZED_DOMAIN_PARAMETERS: ObjectIdentifier = ObjectIdentifier::new_unwrap(oid::STANDARDIZED_DOMAIN_PARAMETERS);

/// A public key with what its encoding says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectPublicKeyInfo {
    /// The key.
    pub key: PublicKey,
    /// Whether the EC parameters were written out (as Doc 9303-12 4.4.3 demands) and not named.
    pub explicit_parameters: bool,
    /// What an RSA key may be used with.
    pub rsa_use: RsaUse,
    /// The octets of the BIT STRING: what a subject key identifier is the SHA-1 of (RFC 5280 4.2.1.2, method 1).
    pub bits: Vec<u8>,
    /// Tolerances used.
    pub quirks: Vec<Quirk>,
}

/// What the type of an RSA key allows (RFC 4055 clause 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaUse {
    /// rsaEncryption: any RSA signature. Also said of EC keys.
    Any,
    /// id-RSASSA-PSS without parameters: PSS alone.
    Pss,
    /// id-RSASSA-PSS with parameters: PSS with these digests and at least this salt.
    PssWith(PssParameters),
}

impl SubjectPublicKeyInfo {
    /// SHA-256 that names the key, its domain, and what it may be used with: two of the same digest verify the same signatures.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(encode(&self.key));
        hash.update(format!("{:?}", self.rsa_use));
        hash.finalize().into()
    }

    /// Whether the type of the key allows `algorithm`: an EC key ECDSA, an RSA key RSA; an id-RSASSA-PSS key PSS alone, with
    /// the digests that its parameters name and at least their salt length.
    #[must_use]
    pub fn permits(&self, algorithm: Algorithm) -> bool {
        match (&self.key, algorithm, self.rsa_use) {
            (PublicKey::Ec(_), Algorithm::Ecdsa(_), _)
            | (PublicKey::Rsa(_), Algorithm::RsaPkcs1(_), RsaUse::Any)
            | (PublicKey::Rsa(_), Algorithm::RsaPss { .. }, RsaUse::Any | RsaUse::Pss) => true,
            (PublicKey::Rsa(_), Algorithm::RsaPss { hash, mgf, salt }, RsaUse::PssWith(only)) => {
                (hash, mgf) == (only.hash, only.mgf) && salt >= only.salt
            }
            _ => false,
        }
    }

    /// `EC brainpoolP256r1` or `RSA 2048`, for reports.
    #[must_use]
    pub fn describe(&self) -> String {
        describe(&self.key)
    }
}

/// `EC brainpoolP256r1` or `RSA 2048`, for reports.
#[must_use]
pub fn describe(key: &PublicKey) -> String {
    match key {
        PublicKey::Ec(point) => format!("EC {}", point.curve().name()),
        PublicKey::Rsa(key) => {
            let leading = key.modulus().first().map_or(0, |o| o.leading_zeros() as usize);
            format!("RSA {}", 8 * key.modulus().len() - leading)
        }
    }
}

/// Reads a SubjectPublicKeyInfo that fills `bytes`.
///
/// # Errors
/// Not that structure, a point that is not on its curve, or a kind of key or curve that is not known.
pub fn parse(bytes: &[u8]) -> Result<SubjectPublicKeyInfo, CertError> {
    read(&tlv::single(bytes, der::SEQUENCE)?)
}

/// Reads a SubjectPublicKeyInfo from its object. The point must be one of the curve that is declared.
pub(crate) fn read(spki: &Tlv<'_>) -> Result<SubjectPublicKeyInfo, CertError> {
    read_declared(spki, false)
}

/// Reads the SubjectPublicKeyInfo of a certificate. Some states declare one curve and use another of the same size; the point tells,
/// as it lies on one of them only. The quirk names both.
pub(crate) fn read_of_certificate(spki: &Tlv<'_>) -> Result<SubjectPublicKeyInfo, CertError> {
    read_declared(spki, true)
}

fn read_declared(spki: &Tlv<'_>, other_curves: bool) -> Result<SubjectPublicKeyInfo, CertError> {
    let mut quirks = Vec::new();
    let mut reader = spki.reader();
    let algorithm = reader.expect(der::SEQUENCE)?;
    let bits_tlv = reader.expect(der::BIT_STRING)?;
    reader.finish()?;
    let bits = der::whole_bits("subjectPublicKey", &bits_tlv)?;

    let mut algorithm = algorithm.reader();
    let kind = der::oid(&mut algorithm)?;
    let parameters = algorithm.next()?;
    algorithm.finish()?;
    let info =
        |key, explicit_parameters, rsa_use, quirks| SubjectPublicKeyInfo { key, explicit_parameters, rsa_use, bits: bits.to_vec(), quirks };
    if kind == EC_PUBLIC_KEY.as_bytes() || kind == STANDARDIZED_DOMAIN_PARAMETERS.as_bytes() {
        let parameters = parameters.ok_or_else(|| CertError::unsupported("EC parameters", "no parameters"))?;
        let (curve, explicit) = curve(&parameters, &mut quirks)?;
        let declared = Point::from_bytes(curve, bits).map_err(|e| CertError::Malformed {
            what: "subjectPublicKey",
            at: bits_tlv.at,
            expected: "an uncompressed point on its curve",
            found: e.to_string(),
        });
        let point = match declared {
            Err(error) if other_curves => {
                let mut others = Curve::ALL.into_iter().filter(|other| *other != curve && other.field_len() == curve.field_len());
                let point = others.find_map(|other| Point::from_bytes(other, bits).ok()).ok_or(error)?;
                let place = format!("subjectPublicKeyInfo: declared {}, the key is on {}", curve.name(), point.curve().name());
                quirks.push(Quirk::new("spki.curve-declared-wrong", place).over(parameters.raw));
                point
            }
            declared => declared?,
        };
        return Ok(info(PublicKey::Ec(point), explicit, RsaUse::Any, quirks));
    }
    let rsa_use = if kind == algorithm::RSA_ENCRYPTION.as_bytes() {
        if parameters.is_none_or(|p| p.raw != [0x05, 0x00]) {
            quirks
                .push(Quirk::new("spki.rsa-parameters-not-null", "subjectPublicKeyInfo algorithm").over(parameters.map_or(&[], |p| p.raw)));
        }
        RsaUse::Any
    } else if kind == algorithm::RSASSA_PSS.as_bytes() {
        parameters.map_or(Ok(RsaUse::Pss), |p| PssParameters::read(&p).map(RsaUse::PssWith))?
    } else {
        return Err(CertError::unsupported("public key algorithm", der::dotted(kind)));
    };
    let key = rsa_key(bits, bits_tlv.value_at() + 1, &mut quirks)?;
    Ok(info(PublicKey::Rsa(key), false, rsa_use, quirks))
}

/// RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }
fn rsa_key(bits: &[u8], at: usize, quirks: &mut Vec<Quirk>) -> Result<rsa::PublicKey, CertError> {
    let mut outer = Reader::new_at(bits, at);
    let sequence = outer.expect(der::SEQUENCE)?;
    outer.finish()?;
    let mut reader = sequence.reader();
    let (n, e) = (reader.expect(der::INTEGER)?, reader.expect(der::INTEGER)?);
    reader.finish()?;
    let modulus = der::unsigned("modulus", &n, quirks)?;
    let exponent = der::unsigned("publicExponent", &e, quirks)?;
    if modulus.is_empty() || exponent.is_empty() {
        return Err(CertError::malformed("RSAPublicKey", &sequence, "a modulus and an exponent above zero"));
    }
    Ok(rsa::PublicKey::new(modulus, exponent))
}

/// The curve that EC parameters stand for, and whether they are explicit.
fn curve(parameters: &Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<(Curve, bool), CertError> {
    match parameters.tag.0 {
        der::OID => curve_of_oid(parameters.value)
            .map(|curve| (curve, false))
            .ok_or_else(|| CertError::unsupported("curve", der::dotted(parameters.value))),
        der::INTEGER => {
            let id = der::small("standardized domain parameters", parameters)?;
            u8::try_from(id)
                .ok()
                .and_then(Curve::from_parameter_id)
                .map(|curve| (curve, false))
                .ok_or_else(|| CertError::unsupported("standardized domain parameters", id.to_string()))
        }
        der::SEQUENCE => explicit_curve(parameters, quirks).map(|curve| (curve, true)),
        _ => Err(CertError::unsupported("EC parameters", format!("tag {}", parameters.tag))),
    }
}

/// Content octets of the name of each curve.
static CURVE_OIDS: [(Curve, ObjectIdentifier); Curve::ALL.len()] = {
    let mut table = [(Curve::P256, EC_PUBLIC_KEY); Curve::ALL.len()];
    let mut i = 0;
    while i < table.len() {
        table[i] = (Curve::ALL[i], ObjectIdentifier::new_unwrap(Curve::ALL[i].oid()));
        i += 1;
    }
    table
};

fn curve_of_oid(content: &[u8]) -> Option<Curve> {
    CURVE_OIDS.iter().find(|(_, oid)| oid.as_bytes() == content).map(|&(curve, _)| curve)
}

fn explicit_curve(parameters: &Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<Curve, CertError> {
    let mut reader = parameters.reader();
    reader.expect(der::INTEGER)?;
    let mut field = reader.expect(der::SEQUENCE)?.reader();
    let field_type = der::oid(&mut field)?;
    if field_type != PRIME_FIELD.as_bytes() {
        return Err(CertError::unsupported("EC field", der::dotted(field_type)));
    }
    let p = der::unsigned("EC field prime", &field.expect(der::INTEGER)?, quirks)?;
    field.finish()?;
    let mut equation = reader.expect(der::SEQUENCE)?.reader();
    let (a, b) = (equation.expect(der::OCTET_STRING)?.value, equation.expect(der::OCTET_STRING)?.value);
    equation.optional(der::BIT_STRING)?;
    equation.finish()?;
    let base = reader.expect(der::OCTET_STRING)?.value;
    let n = der::unsigned("EC order", &reader.expect(der::INTEGER)?, quirks)?;
    let cofactor = reader.optional(der::INTEGER)?.map(|h| der::small("EC cofactor", &h)).transpose()?;
    reader.finish()?;

    let same = |found: &[u8], known: &[u8]| der::strip_zeros(found) == der::strip_zeros(known);
    let curve = Curve::ALL
        .into_iter()
        .find(|curve| {
            let d = curve.parameters();
            let base_point = match base {
                [4, xy @ ..] => xy.len() == d.x.len() + d.y.len() && xy.starts_with(d.x) && xy.ends_with(d.y),
                [sign @ (2 | 3), x @ ..] => x == d.x && d.y.last().is_some_and(|y| y & 1 == sign & 1),
                _ => false,
            };
            same(p, d.p) && same(a, d.a) && same(b, d.b) && same(n, d.n) && base_point
        })
        .filter(|_| matches!(cofactor, None | Some(1)))
        .ok_or_else(|| CertError::unsupported("EC parameters", format!("explicit parameters of no known curve, p = {}", der::hex(p))))?;
    let mut note = |rule, bytes: &[u8]| quirks.push(Quirk::new(rule, "subjectPublicKeyInfo EC parameters").over(bytes));
    if cofactor.is_none() {
        note("spki.cofactor-missing", &[]);
    }
    if base.first() != Some(&4) {
        note("spki.base-point-compressed", base);
    }
    for element in [a, b].into_iter().filter(|element| element.len() != curve.field_len()).take(1) {
        note("spki.field-element-length", element);
    }
    Ok(curve)
}

/// SubjectPublicKeyInfo in DER, EC parameters by name.
#[must_use]
pub fn encode(key: &PublicKey) -> Vec<u8> {
    encode_with(key, |out, curve| tlv::push(out, der::OID, &oid::encode(curve.oid())))
}

/// SubjectPublicKeyInfo in DER, EC parameters written out with their cofactor, as Doc 9303-12 4.4.3 and Doc 9303-11 demand.
/// OpenSSL 3 refuses certificate chains with such keys.
#[must_use]
pub fn encode_explicit(key: &PublicKey) -> Vec<u8> {
    encode_with(key, push_explicit)
}

/// ECParameters written out.
fn push_explicit(out: &mut Vec<u8>, curve: Curve) {
    let domain = curve.parameters();
    let mut field = tlv::encode(der::OID, PRIME_FIELD.as_bytes());
    push_unsigned(&mut field, domain.p);
    let mut equation = tlv::encode(der::OCTET_STRING, domain.a);
    tlv::push(&mut equation, der::OCTET_STRING, domain.b);
    let mut body = tlv::encode(der::INTEGER, &[1]);
    tlv::push(&mut body, der::SEQUENCE, &field);
    tlv::push(&mut body, der::SEQUENCE, &equation);
    tlv::push(&mut body, der::OCTET_STRING, &[&[4], domain.x, domain.y].concat());
    push_unsigned(&mut body, domain.n);
    tlv::push(&mut body, der::INTEGER, &[1]);
    tlv::push(out, der::SEQUENCE, &body);
}

fn encode_with(key: &PublicKey, parameters: impl FnOnce(&mut Vec<u8>, Curve)) -> Vec<u8> {
    let (algorithm, bits) = match key {
        PublicKey::Ec(point) => {
            let mut algorithm = tlv::encode(der::OID, EC_PUBLIC_KEY.as_bytes());
            parameters(&mut algorithm, point.curve());
            (algorithm, point.as_bytes().to_vec())
        }
        PublicKey::Rsa(key) => {
            let mut algorithm = tlv::encode(der::OID, algorithm::RSA_ENCRYPTION.as_bytes());
            tlv::push(&mut algorithm, der::NULL, &[]);
            let mut numbers = Vec::with_capacity(key.modulus().len() + 16);
            push_unsigned(&mut numbers, key.modulus());
            push_unsigned(&mut numbers, key.exponent());
            (algorithm, tlv::encode(der::SEQUENCE, &numbers))
        }
    };
    let mut body = tlv::encode(der::SEQUENCE, &algorithm);
    tlv::push(&mut body, der::BIT_STRING, &[&[0], bits.as_slice()].concat());
    tlv::encode(der::SEQUENCE, &body)
}

/// A non-negative INTEGER from its magnitude.
pub(crate) fn push_unsigned(out: &mut Vec<u8>, magnitude: &[u8]) {
    let magnitude = der::strip_zeros(magnitude);
    match magnitude.first() {
        Some(first) if first & 0x80 == 0 => tlv::push(out, der::INTEGER, magnitude),
        _ => tlv::push(out, der::INTEGER, &[&[0], magnitude].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(curve: Curve) -> PublicKey {
        let d = curve.parameters();
        // the base point is a point: all that a key has to be here
        PublicKey::Ec(Point::from_bytes(curve, &[&[4], d.x, d.y].concat()).expect("the base point"))
    }

    #[test]
    fn every_curve_reads_back_by_name_and_by_parameters() {
        for curve in Curve::ALL {
            for (explicit, der) in [(false, encode(&key(curve))), (true, encode_explicit(&key(curve)))] {
                let info = parse(&der).expect("a key");
                assert_eq!(
                    (info.key, info.explicit_parameters, info.quirks.as_slice()),
                    (key(curve), explicit, &[][..]),
                    "{}",
                    curve.name()
                );
            }
        }
    }

    #[test]
    fn parameters_that_differ_anywhere_from_a_known_curve_name_none() {
        let d = Curve::P256.parameters();
        let der = encode_explicit(&key(Curve::P256));
        let place = |part: &[u8]| der.windows(part.len()).position(|window| window == part).expect("a part");
        for (part, name) in [(d.p, "p"), (d.a, "a"), (d.b, "b"), (d.x, "x"), (d.y, "y"), (d.n, "n")] {
            let mut changed = der.clone();
            changed[place(part) + 20] ^= 1;
            assert!(matches!(parse(&changed), Err(CertError::Unsupported { what: "EC parameters", .. })), "{name}");
        }
        // CVE-2020-0601: all else right, and another point of the curve as the generator
        let other = crate::crypto::curve::PrivateKey::from_bytes(Curve::P256, &[2]).expect("a scalar").public();
        let mut curveball = der.clone();
        let at = place(d.x) - 1;
        curveball[at..at + other.as_bytes().len()].copy_from_slice(other.as_bytes());
        assert!(matches!(parse(&curveball), Err(CertError::Unsupported { what: "EC parameters", .. })));
    }

    #[test]
    fn odd_forms_of_explicit_parameters_are_quirks() {
        let (curve, d) = (Curve::P521, Curve::P521.parameters());
        // b of P-521 without its leading zero, a compressed base point, no cofactor
        let mut field = tlv::encode(der::OID, PRIME_FIELD.as_bytes());
        push_unsigned(&mut field, d.p);
        let equation = [tlv::encode(der::OCTET_STRING, d.a), tlv::encode(der::OCTET_STRING, der::strip_zeros(d.b))].concat();
        let sign = 2 | d.y.last().expect("octets") & 1;
        let mut body = tlv::encode(der::INTEGER, &[1]);
        tlv::push(&mut body, der::SEQUENCE, &field);
        tlv::push(&mut body, der::SEQUENCE, &equation);
        tlv::push(&mut body, der::OCTET_STRING, &[&[sign], d.x].concat());
        push_unsigned(&mut body, d.n);
        let der = encode_with(&key(curve), |out, _| tlv::push(out, der::SEQUENCE, &body));
        let info = parse(&der).expect("a key");
        let rules: Vec<_> = info.quirks.iter().map(|quirk| quirk.rule).collect();
        assert_eq!(rules, ["spki.cofactor-missing", "spki.base-point-compressed", "spki.field-element-length"]);
    }
}
