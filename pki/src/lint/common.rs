//! Algorithms, keys, and signatures: what Doc 9303-12 clause 4.4 allows, and how it is written.

use eid::cert::algorithm::SignatureAlgorithm;
use eid::cert::spki;
use eid::cert::x509::Certificate;
use eid::crypto::curve::{Curve, Point};
use eid::crypto::signature::SignatureError;
use eid::oid;
use eid::tlv::{Reader, Tlv};

use super::object::{BIT_STRING, INTEGER, OCTET_STRING, OID, SEQUENCE, X509, bits, children, dotted, head, inside, named, small};
use super::{Need, Sink};

/// What an algorithm signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Ecdsa,
    /// ECDSA with r ‖ s in plain form (TR-03111).
    EcdsaPlain,
    RsaPkcs1,
    RsaPss,
    /// rsaEncryption, the digest told elsewhere.
    BareRsa,
    Dsa,
}

/// Digest, named in the algorithm; `None` where it is named elsewhere.
type Digest = Option<&'static str>;

/// What an object identifier says of a signature.
pub(super) fn signature(dotted: &str) -> Option<(Family, Digest)> {
    Some(match dotted {
        oid::ECDSA_SHA1 => (Family::Ecdsa, Some("SHA-1")),
        oid::ECDSA_SHA224 => (Family::Ecdsa, Some("SHA-224")),
        oid::ECDSA_SHA256 => (Family::Ecdsa, Some("SHA-256")),
        oid::ECDSA_SHA384 => (Family::Ecdsa, Some("SHA-384")),
        oid::ECDSA_SHA512 => (Family::Ecdsa, Some("SHA-512")),
        oid::ECDSA_PLAIN_SHA1 => (Family::EcdsaPlain, Some("SHA-1")),
        oid::ECDSA_PLAIN_SHA224 => (Family::EcdsaPlain, Some("SHA-224")),
        oid::ECDSA_PLAIN_SHA256 => (Family::EcdsaPlain, Some("SHA-256")),
        oid::ECDSA_PLAIN_SHA384 => (Family::EcdsaPlain, Some("SHA-384")),
        oid::ECDSA_PLAIN_SHA512 => (Family::EcdsaPlain, Some("SHA-512")),
        oid::RSA_SHA1 => (Family::RsaPkcs1, Some("SHA-1")),
        oid::RSA_SHA224 => (Family::RsaPkcs1, Some("SHA-224")),
        oid::RSA_SHA256 => (Family::RsaPkcs1, Some("SHA-256")),
        oid::RSA_SHA384 => (Family::RsaPkcs1, Some("SHA-384")),
        oid::RSA_SHA512 => (Family::RsaPkcs1, Some("SHA-512")),
        "1.2.840.113549.1.1.2" => (Family::RsaPkcs1, Some("MD2")),
        "1.2.840.113549.1.1.4" => (Family::RsaPkcs1, Some("MD5")),
        oid::RSA_PSS => (Family::RsaPss, None),
        oid::RSA_ENCRYPTION => (Family::BareRsa, None),
        "1.2.840.10040.4.3" => (Family::Dsa, Some("SHA-1")),
        "2.16.840.1.101.3.4.3.1" => (Family::Dsa, Some("SHA-224")),
        "2.16.840.1.101.3.4.3.2" => (Family::Dsa, Some("SHA-256")),
        "2.16.840.1.101.3.4.3.3" => (Family::Dsa, Some("SHA-384")),
        "2.16.840.1.101.3.4.3.4" => (Family::Dsa, Some("SHA-512")),
        _ => return None,
    })
}

/// Name of a digest by its identifier.
pub(super) fn digest(dotted: &str) -> Option<&'static str> {
    Some(match dotted {
        oid::SHA1 => "SHA-1",
        oid::SHA224 => "SHA-224",
        oid::SHA256 => "SHA-256",
        oid::SHA384 => "SHA-384",
        oid::SHA512 => "SHA-512",
        _ => return None,
    })
}

/// Whether it is one of SHA-224, 256, 384, 512.
pub(super) fn is_sha2(name: &str) -> bool {
    matches!(name, "SHA-224" | "SHA-256" | "SHA-384" | "SHA-512")
}

/// Octets of a digest.
pub(super) fn digest_len(name: &str) -> Option<usize> {
    Some(match name {
        "SHA-1" => 20,
        "SHA-224" => 28,
        "SHA-256" => 32,
        "SHA-384" => 48,
        "SHA-512" => 64,
        _ => return None,
    })
}

/// An AlgorithmIdentifier: identifier and parameters.
pub(super) fn parts<'a>(identifier: &Tlv<'a>) -> (String, Option<Tlv<'a>>) {
    let parts = children(identifier);
    (parts.first().map(dotted).unwrap_or_default(), parts.get(1).copied())
}

fn is_null(object: &Tlv<'_>) -> bool {
    object.raw == [0x05, 0x00]
}

/// The rules under which an algorithm is judged.
pub(super) struct AlgorithmRules {
    pub(super) family: &'static str,
    pub(super) hash: &'static str,
    pub(super) pss: &'static str,
}

/// Judges the AlgorithmIdentifier of a signature, and says its family and digest.
pub(super) fn algorithm(sink: &mut Sink, identifier: &Tlv<'_>, path: &'static str, rules: &AlgorithmRules) -> Option<(Family, String)> {
    let (name, parameters) = parts(identifier);
    let at = identifier.at;
    let expected = "RSA PKCS#1 v1.5 with NULL, RSASSA-PSS, DSA, or ECDSA without parameters";
    let Some((family, digest)) = signature(&name) else {
        sink.add(rules.family, at, path, expected, named(&name));
        return None;
    };
    let form = match family {
        Family::RsaPkcs1 => parameters.is_some_and(|p| is_null(&p)),
        Family::Ecdsa | Family::Dsa => parameters.is_none(),
        Family::RsaPss => true,
        Family::EcdsaPlain | Family::BareRsa => false,
    };
    if !form {
        let with = parameters.map_or_else(|| "without parameters".to_owned(), |p| format!("with parameters {}", head(p.raw)));
        sink.add(rules.family, at, path, expected, format!("{} {with}", named(&name)));
    }
    let hash = if family == Family::RsaPss { pss(sink, identifier, parameters, path, rules) } else { digest.map(ToOwned::to_owned) };
    let hash = hash?;
    if !is_sha2(&hash) {
        sink.add(rules.hash, at, path, "SHA-224, SHA-256, SHA-384, or SHA-512", &hash);
    }
    Some((family, hash))
}

/// RSASSA-PSS-params (RFC 4055 clause 3.1): the digest that they name.
fn pss(sink: &mut Sink, identifier: &Tlv<'_>, parameters: Option<Tlv<'_>>, path: &'static str, rules: &AlgorithmRules) -> Option<String> {
    let expected = "RSASSA-PSS-params with hash, MGF1 with the same hash, and salt length";
    let Some(parameters) = parameters.filter(|p| p.tag.0 == SEQUENCE) else {
        sink.add(rules.pss, identifier.at, path, expected, parameters.map_or_else(|| "no parameters".to_owned(), |p| head(p.raw)));
        return None;
    };
    let fields = children(&parameters);
    let field = |tag: u32| fields.iter().find(|field| field.tag.0 == tag).and_then(inside);
    let hash_of = |identifier: Option<Tlv<'_>>| identifier.map_or_else(|| oid::SHA1.to_owned(), |i| parts(&i).0);
    let hash = hash_of(field(0xA0));
    let (function, of) = match field(0xA1) {
        None => (oid::MGF1.to_owned(), oid::SHA1.to_owned()),
        Some(function) => {
            let (name, inner) = parts(&function);
            (name, hash_of(inner))
        }
    };
    if function != oid::MGF1 || of != hash {
        let found = format!("hash {}, {} with {}", named(&hash), named(&function), named(&of));
        sink.add(rules.pss, parameters.at, path, expected, found);
    }
    if let Some(salt) = field(0xA2)
        && (salt.tag.0 != INTEGER || small(&salt).is_none_or(|salt| salt > 512))
    {
        sink.add(rules.pss, salt.at, path, "a salt length of at most 512", head(salt.value));
    }
    if let Some(trailer) = fields.iter().find(|field| field.tag.0 == 0xA3) {
        match inside(trailer).as_ref().and_then(small) {
            Some(1) => sink.add("XC-001", trailer.at, path, "no default written out", "trailerField 1"),
            _ => sink.add(rules.pss, trailer.at, path, "trailerField 1", head(trailer.value)),
        }
    }
    let hash = digest(&hash).map_or(hash.clone(), ToOwned::to_owned);
    Some(hash)
}

/// What a public key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Bits of the modulus.
    Rsa(usize),
    /// The curve, if it is known, and the bits of its order.
    Ec(Option<Curve>, usize),
    Other,
}

/// Judges SubjectPublicKeyInfo: XC-015, XC-016, XC-017, XC-021, XC-022.
pub(super) fn key(sink: &mut Sink, spki: &Tlv<'_>) -> Key {
    const PATH: &str = "tbsCertificate.subjectPublicKeyInfo";
    let fields = children(spki);
    let (kind, parameters) = fields.first().map(parts).unwrap_or_default();
    let bit_string = fields.iter().find(|field| field.tag.0 == BIT_STRING);
    let octets = bit_string.and_then(|bits| bits.value.split_first()).map(|(_, octets)| octets).unwrap_or_default();
    let at = bit_string.map_or(spki.at, |bits| bits.at);
    match kind.as_str() {
        oid::RSA_ENCRYPTION | oid::RSA_PSS => {
            if kind == oid::RSA_ENCRYPTION && !parameters.as_ref().is_some_and(is_null) {
                let found = parameters.map_or_else(|| "none".to_owned(), |p| head(p.raw));
                sink.add("XC-015", spki.at, PATH, "rsaEncryption with parameters NULL", found);
            }
            let numbers = Reader::new(octets).expect(SEQUENCE).map(|key| children(&key)).unwrap_or_default();
            let [modulus, exponent] = numbers.as_slice() else {
                sink.add("XC-015", at, PATH, "RSAPublicKey of modulus and exponent", head(octets));
                return Key::Other;
            };
            if [modulus, exponent]
                .iter()
                .any(|n| n.tag.0 != INTEGER || !super::object::minimal(n.value) || n.value.first().is_some_and(|o| o & 0x80 != 0))
            {
                sink.add("XC-015", at, PATH, "modulus and exponent as positive INTEGERs in their shortest form", head(octets));
            }
            let size = bits(modulus.value);
            if size < 2048 {
                sink.add("XC-022", at, PATH, "a modulus of at least 2048 bits", format!("{size} bits"));
            }
            Key::Rsa(size)
        }
        oid::EC_PUBLIC_KEY => ec(sink, parameters, octets, at, PATH),
        oid::STANDARDIZED_DOMAIN_PARAMETERS => {
            sink.add("XC-016", spki.at, PATH, "id-ecPublicKey with the parameters of the curve", named(&kind));
            Key::Other
        }
        "1.2.840.10040.4.1" => Key::Other,
        _ => {
            sink.add("XC-015", spki.at, PATH, "rsaEncryption, id-RSASSA-PSS, id-ecPublicKey, or id-dsa", named(&kind));
            Key::Other
        }
    }
}

fn ec(sink: &mut Sink, parameters: Option<Tlv<'_>>, point: &[u8], at: usize, path: &'static str) -> Key {
    let expected = "ECParameters written out, with the cofactor";
    let (mut curve, mut order) = (None, 0);
    match parameters {
        Some(name) if name.tag.0 == OID => {
            sink.add("XC-016", name.at, path, expected, format!("the name {}", named(&dotted(&name))));
            curve = Curve::from_oid(&dotted(&name));
            order = curve.map_or(0, |curve| bits(curve.parameters().n));
        }
        Some(list) if list.tag.0 == SEQUENCE => {
            let fields = children(&list);
            let field = |tag: u32, nth: usize| fields.iter().filter(|field| field.tag.0 == tag).nth(nth).copied();
            // version, fieldID, curve, base, order, cofactor
            let (prime, equation) = (field(SEQUENCE, 0), field(SEQUENCE, 1));
            let (base, n, cofactor) = (field(OCTET_STRING, 0), field(INTEGER, 1), field(INTEGER, 2));
            match (&prime, &equation, &base, &n, &cofactor) {
                (Some(_), Some(_), Some(_), Some(_), Some(_)) => {}
                (Some(_), Some(_), Some(_), Some(_), None) => sink.add("XC-016", list.at, path, expected, "no cofactor"),
                _ => sink.add("XC-016", list.at, path, expected, head(list.raw)),
            }
            if let Some(base) = base.filter(|base| base.value.first() != Some(&4)) {
                sink.add("XC-017", base.at, path, "an uncompressed base point (04)", head(base.value));
            }
            let number = |object: Option<Tlv<'_>>| object.map(|object| strip(object.value).to_vec()).unwrap_or_default();
            let p = number(prime.and_then(|prime| children(&prime).get(1).copied()));
            let terms = equation.map(|equation| children(&equation)).unwrap_or_default();
            let (a, b) = (number(terms.first().copied()), number(terms.get(1).copied()));
            curve = Curve::ALL.into_iter().find(|curve| {
                let d = curve.parameters();
                p == strip(d.p) && a == strip(d.a) && b == strip(d.b)
            });
            order = n.map_or(0, |n| bits(n.value));
        }
        other => {
            let found = other.map_or_else(|| "no parameters".to_owned(), |p| head(p.raw));
            sink.add("XC-016", at, path, expected, found);
        }
    }
    match point.first() {
        Some(4) => match curve {
            Some(curve) => {
                if let Err(error) = Point::from_bytes(curve, point) {
                    sink.add("XC-021", at, path, format!("a point of {}", curve.name()), error.to_string());
                }
            }
            None => sink.open("XC-021", Need::Algorithm),
        },
        Some(0) | None => sink.add("XC-021", at, path, "a point that is not infinity", head(point)),
        Some(_) => sink.add("XC-017", at, path, "an uncompressed public point (04)", head(point)),
    }
    if order > 0 && order < 224 {
        sink.add("XC-022", at, path, "an order of at least 224 bits", format!("{order} bits"));
    }
    Key::Ec(curve, order)
}

fn strip(mut value: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = value {
        value = rest;
    }
    value
}

/// What a signature turned out to be.
pub(super) enum Verdict {
    Good,
    Wrong(String),
    /// The key or the algorithm is none that is known.
    Unknown,
}

/// Whether the key of the certificate `issuer` signed `message`.
pub(super) fn verify(issuer: &X509<'_>, algorithm: Option<&Tlv<'_>>, message: &[u8], signature: Option<&Tlv<'_>>) -> Verdict {
    let signature = signature.and_then(|bits| bits.value.split_first()).map(|(_, octets)| octets).unwrap_or_default();
    let Some(algorithm) = algorithm.and_then(|algorithm| SignatureAlgorithm::parse(algorithm.raw).ok()) else { return Verdict::Unknown };
    // the reader of certificates also knows keys whose curve is declared wrongly
    let key = match Certificate::from_der(issuer.outer.raw) {
        Ok(certificate) => certificate.key().ok().cloned(),
        Err(_) => issuer.spki.and_then(|spki| spki::parse(spki.raw).ok()),
    };
    let Some(key) = key else { return Verdict::Unknown };
    match algorithm.verify(None, &key, message, signature) {
        Ok(()) => Verdict::Good,
        Err(SignatureError::Unsupported(_)) if algorithm.algorithm(None).is_ok_and(|a| key.permits(a)) => Verdict::Unknown,
        Err(error) => Verdict::Wrong(error.to_string()),
    }
}
