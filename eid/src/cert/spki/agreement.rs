//! Public keys for agreement in SubjectPublicKeyInfo: what Chip Authentication and PACE domain parameters carry (Doc 9303-11 §9.2.5 and
//! §9.2.1, TR-03110-3 A.1.1, RFC 3279 §2.3.3, PKCS#3).
//!
//! ```text
//! dhpublicnumber    1.2.840.10046.2.1     SEQUENCE { p INTEGER, g INTEGER, q INTEGER, j INTEGER OPTIONAL, validationParms SEQUENCE OPTIONAL }
//! dhKeyAgreement    1.2.840.113549.1.3.1  SEQUENCE { prime INTEGER, base INTEGER, privateValueLength INTEGER OPTIONAL }
//! standardizedDomainParameters 0.4.0.127.0.7.1.2  INTEGER 0 to 2 (DH), 8 to 18 (ECDH)
//! id-ecPublicKey    1.2.840.10045.2.1     as everywhere
//! subjectPublicKey of DH: a BIT STRING that holds INTEGER y
//! ```
//!
//! Refused: groups whose numbers are no group, values outside of the group, and RSA keys. Accepted and reported as a quirk: a value y that
//! stands in the BIT STRING without being an INTEGER.

use super::{EC_PUBLIC_KEY, STANDARDIZED_DOMAIN_PARAMETERS, curve, der, push_unsigned};
use crate::cert::CertError;
use crate::crypto::agreement::{AgreementKey, Domain};
use crate::crypto::curve::Point;
use crate::crypto::modp::{Group, PublicKey};
use crate::oid;
use crate::quirk::Quirk;
use crate::tlv::{self, Reader, Tlv};

/// A public key for agreement with what was tolerated in its encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreementKeyInfo {
    /// The key.
    pub key: AgreementKey,
    /// Tolerances used.
    pub quirks: Vec<Quirk>,
}

/// Reads a SubjectPublicKeyInfo that fills `bytes`.
///
/// # Errors
/// Not that structure, a kind of key or domain that is not known, or a key that is not in its group.
pub fn parse(bytes: &[u8]) -> Result<AgreementKeyInfo, CertError> {
    let mut quirks = Vec::new();
    let spki = tlv::single(bytes, der::SEQUENCE)?;
    let mut reader = spki.reader();
    let algorithm = reader.expect(der::SEQUENCE)?;
    let bits_tlv = reader.expect(der::BIT_STRING)?;
    reader.finish()?;
    let bits = der::whole_bits("subjectPublicKey", &bits_tlv)?;
    let malformed = |expected, found: String| CertError::Malformed { what: "subjectPublicKey", at: bits_tlv.at, expected, found };
    let key = match read_domain(&algorithm, &mut quirks)? {
        Domain::Ec(curve) => {
            let point = Point::from_bytes(curve, bits);
            AgreementKey::Ec(point.map_err(|e| malformed("an uncompressed point on its curve", e.to_string()))?)
        }
        Domain::Dh(group) => {
            let y = value(bits, bits_tlv.value_at() + 1, group.element_len(), &mut quirks)?;
            AgreementKey::Dh(PublicKey::from_integer(&group, y).map_err(|e| malformed("a value of the group", e.to_string()))?)
        }
    };
    Ok(AgreementKeyInfo { key, quirks })
}

/// Reads the domain parameters of an AlgorithmIdentifier that fills `bytes`, as in PACEDomainParameterInfo.
///
/// # Errors
/// Not that structure, or a domain that is not known.
pub fn parse_domain(bytes: &[u8]) -> Result<(Domain, Vec<Quirk>), CertError> {
    let mut quirks = Vec::new();
    let domain = read_domain(&tlv::single(bytes, der::SEQUENCE)?, &mut quirks)?;
    Ok((domain, quirks))
}

/// INTEGER y, or y alone in as many bytes as p has.
fn value<'a>(bits: &'a [u8], at: usize, len: usize, quirks: &mut Vec<Quirk>) -> Result<&'a [u8], CertError> {
    let mut reader = Reader::new_at(bits, at);
    let integer = reader.expect(der::INTEGER).and_then(|integer| reader.finish().map(|()| integer));
    match integer {
        Ok(integer) => der::unsigned("public value", &integer, quirks),
        Err(_) if bits.len() == len => {
            quirks.push(Quirk::new("spki.dh-value-without-integer", "subjectPublicKey"));
            Ok(bits)
        }
        Err(error) => Err(error.into()),
    }
}

fn read_domain(algorithm: &Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<Domain, CertError> {
    let mut reader = algorithm.reader();
    let kind = der::oid(&mut reader)?;
    let parameters = reader.next()?.ok_or_else(|| CertError::unsupported("domain parameters", "no parameters"))?;
    reader.finish()?;
    if kind == STANDARDIZED_DOMAIN_PARAMETERS.as_bytes() {
        if parameters.tag.0 != der::INTEGER {
            return Err(CertError::malformed("standardized domain parameters", &parameters, "an INTEGER"));
        }
        let id = der::small("standardized domain parameters", &parameters)?;
        let domain = u8::try_from(id).ok().and_then(Domain::standardized);
        return domain.ok_or_else(|| CertError::unsupported("standardized domain parameters", id.to_string()));
    }
    if kind == EC_PUBLIC_KEY.as_bytes() {
        return curve(&parameters, quirks).map(|(curve, _)| Domain::Ec(curve));
    }
    let x942 = kind == oid::encode(oid::DH_PUBLIC_NUMBER);
    if !x942 && kind != oid::encode(oid::DH_KEY_AGREEMENT) {
        return Err(CertError::unsupported("key agreement algorithm", der::dotted(kind)));
    }
    if parameters.tag.0 != der::SEQUENCE {
        return Err(CertError::malformed("DH domain parameters", &parameters, "a SEQUENCE"));
    }
    let mut numbers = parameters.reader();
    let p = der::unsigned("DH prime", &numbers.expect(der::INTEGER)?, quirks)?;
    let g = der::unsigned("DH generator", &numbers.expect(der::INTEGER)?, quirks)?;
    let q = if x942 {
        let q = der::unsigned("DH order", &numbers.expect(der::INTEGER)?, quirks)?;
        numbers.optional(der::INTEGER)?;
        numbers.optional(der::SEQUENCE)?;
        Some(q)
    } else {
        numbers.optional(der::INTEGER)?;
        None
    };
    numbers.finish()?;
    let group = Group::explicit(p, g, q).map_err(|e| CertError::unsupported("DH domain parameters", e.to_string()))?;
    Ok(Domain::Dh(group))
}

/// AlgorithmIdentifier in DER with the domain written out: id-ecPublicKey with explicit parameters, dhpublicnumber (X9.42) where q is known,
/// else dhKeyAgreement.
#[must_use]
pub fn encode_domain(domain: &Domain) -> Vec<u8> {
    let body = match domain {
        Domain::Ec(curve) => {
            let mut body = tlv::encode(der::OID, EC_PUBLIC_KEY.as_bytes());
            super::push_explicit(&mut body, *curve);
            body
        }
        Domain::Dh(group) => {
            let kind = if group.q().is_some() { oid::DH_PUBLIC_NUMBER } else { oid::DH_KEY_AGREEMENT };
            let mut numbers = Vec::new();
            [Some(group.p()), Some(group.g()), group.q()].into_iter().flatten().for_each(|number| push_unsigned(&mut numbers, number));
            [tlv::encode(der::OID, &oid::encode(kind)), tlv::encode(der::SEQUENCE, &numbers)].concat()
        }
    };
    tlv::encode(der::SEQUENCE, &body)
}

/// AlgorithmIdentifier in DER with the domain by its standardized id; `None` for an explicit group.
#[must_use]
pub fn encode_standardized_domain(domain: &Domain) -> Option<Vec<u8>> {
    let id = domain.parameter_id()?;
    let body = [tlv::encode(der::OID, STANDARDIZED_DOMAIN_PARAMETERS.as_bytes()), tlv::encode(der::INTEGER, &[id])].concat();
    Some(tlv::encode(der::SEQUENCE, &body))
}

/// SubjectPublicKeyInfo in DER with the domain written out ([`encode_domain`]).
#[must_use]
pub fn encode(key: &AgreementKey) -> Vec<u8> {
    encode_with(key, encode_domain(&key.domain()))
}

/// SubjectPublicKeyInfo in DER with the domain by its standardized id, written out if it has none.
#[must_use]
pub fn encode_standardized(key: &AgreementKey) -> Vec<u8> {
    let domain = key.domain();
    encode_with(key, encode_standardized_domain(&domain).unwrap_or_else(|| encode_domain(&domain)))
}

fn encode_with(key: &AgreementKey, mut body: Vec<u8>) -> Vec<u8> {
    let mut bits = vec![0];
    match key {
        AgreementKey::Ec(point) => bits.extend(point.as_bytes()),
        AgreementKey::Dh(key) => push_unsigned(&mut bits, key.as_bytes()),
    }
    tlv::push(&mut body, der::BIT_STRING, &bits);
    tlv::encode(der::SEQUENCE, &body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::agreement::AgreementPrivateKey;
    use crate::test_rng::Seeded;

    #[test]
    fn keys_of_every_domain_read_back() {
        let mut rng = Seeded::new(33);
        for domain in Domain::all() {
            let key = AgreementPrivateKey::generate(&domain, &mut rng).public();
            for der in [encode(&key), encode_standardized(&key)] {
                assert_eq!(parse(&der), Ok(AgreementKeyInfo { key: key.clone(), quirks: Vec::new() }), "{domain}");
            }
            assert_eq!(parse_domain(&encode_domain(&domain)), Ok((domain.clone(), Vec::new())));
            assert_eq!(encode_standardized_domain(&domain).map(|der| parse_domain(&der)), Some(Ok((domain, Vec::new()))));
        }
    }

    /// A key of a standardized group and one of a group whose q is not known.
    #[test]
    fn keys_that_openssl_wrote_are_read() {
        use openssl::bn::BigNum;
        use openssl::dh::Dh;
        use openssl::pkey::PKey;
        let with_q = Dh::get_2048_256().expect("built in").generate_key().expect("key");
        let (p, g) = (BigNum::get_rfc3526_prime_2048().expect("built in"), BigNum::from_u32(2).expect("memory"));
        let without = Dh::from_pqg(p, None, g).expect("group").generate_key().expect("key");
        for (dh, id) in [(with_q, Some(2)), (without, None)] {
            let y = dh.public_key().to_vec_padded(256).expect("fits");
            let der = PKey::from_dh(dh).expect("key").public_key_to_der().expect("encodes");
            let info = parse(&der).expect("a DH key");
            assert_eq!((info.key.as_bytes(), info.key.domain().parameter_id(), info.quirks.len()), (&y[..], id, 0));
        }
    }

    #[test]
    fn a_value_outside_of_the_group_is_refused() {
        let group = Group::standardized(2).expect("standardized");
        let key = AgreementPrivateKey::generate(&Domain::Dh(group), &mut Seeded::new(34)).public();
        let mut der = encode_standardized(&key);
        *der.last_mut().expect("octets") ^= 1;
        assert!(matches!(parse(&der), Err(CertError::Malformed { what: "subjectPublicKey", .. })));
        // the value without its INTEGER
        let Domain::Dh(group) = key.domain() else { panic!("DH") };
        let bits = [&[0], key.as_bytes()].concat();
        let body = [encode_domain(&Domain::Dh(group)), tlv::encode(der::BIT_STRING, &bits)].concat();
        let info = parse(&tlv::encode(der::SEQUENCE, &body)).expect("tolerated");
        assert_eq!((info.key, info.quirks[0].rule), (key, "spki.dh-value-without-integer"));
    }
}
