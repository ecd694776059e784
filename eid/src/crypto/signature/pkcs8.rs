//! Private keys at rest: PrivateKeyInfo (PKCS#8, RFC 5208) around RSAPrivateKey (RFC 8017 A.1.2) or ECPrivateKey (RFC 5915). Written with a
//! named curve; explicit parameters, as other tools write them for documents, are read if they are those of a known curve. Not encrypted: who
//! stores it encrypts it.

use super::{PrivateKey, SignatureError};
use crate::crypto::curve::{self, Curve};
use crate::crypto::rsa;
use crate::oid;
use crate::secret::Secret;
use crate::tlv::{self, Reader, TlvError};
use zeroize::Zeroizing;

const INTEGER: u32 = 0x02;
const BIT_STRING: u32 = 0x03;
const OCTET_STRING: u32 = 0x04;
const OID: u32 = 0x06;
const SEQUENCE: u32 = 0x30;

/// rsaEncryption (RFC 8017 A.1).
const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";
/// id-ecPublicKey (RFC 5480 §2.1.1).
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";

impl PrivateKey {
    /// PrivateKeyInfo in DER, not encrypted.
    ///
    /// ```text
    /// PrivateKeyInfo ::= SEQUENCE { version 0, privateKeyAlgorithm AlgorithmIdentifier, privateKey OCTET STRING }
    /// ECPrivateKey   ::= SEQUENCE { version 1, privateKey OCTET STRING, publicKey [1] BIT STRING }
    /// ```
    #[must_use]
    pub fn to_pkcs8(&self) -> Secret {
        let (algorithm, key) = match self {
            Self::Ec(key) => {
                let mut content = Zeroizing::new(Vec::with_capacity(256));
                tlv::push(&mut content, INTEGER, &[1]);
                tlv::push(&mut content, OCTET_STRING, key.scalar().expose());
                let public = tlv::encode(BIT_STRING, &[&[0], key.public().as_bytes()].concat());
                tlv::push(&mut content, 0xA1, &public);
                let parameters = tlv::encode(OID, &oid::encode(key.curve().oid()));
                ([tlv::encode(OID, &oid::encode(EC_PUBLIC_KEY)), parameters].concat(), Secret::new(tlv::encode(SEQUENCE, &content)))
            }
            Self::Rsa(key) => ([tlv::encode(OID, &oid::encode(RSA_ENCRYPTION)), vec![5, 0]].concat(), key.to_pkcs1()),
        };
        let mut content = Zeroizing::new(Vec::with_capacity(key.len() + 64));
        tlv::push(&mut content, INTEGER, &[0]);
        tlv::push(&mut content, SEQUENCE, &algorithm);
        tlv::push(&mut content, OCTET_STRING, key.expose());
        Secret::new(tlv::encode(SEQUENCE, &content))
    }

    /// Reads PrivateKeyInfo in DER. Attributes and a public key after the private one are ignored.
    ///
    /// # Errors
    /// Not such a structure, an unknown algorithm or curve, or numbers that make no key.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SignatureError> {
        let info = tlv::single(der, SEQUENCE).map_err(malformed)?;
        let mut info = info.reader();
        let version = info.expect(INTEGER).map_err(malformed)?;
        if !matches!(version.value, [0 | 1]) {
            return Err(SignatureError::Malformed("PrivateKeyInfo: expected version 0 or 1".into()));
        }
        let mut algorithm = info.expect(SEQUENCE).map_err(malformed)?.reader();
        let key = info.expect(OCTET_STRING).map_err(malformed)?.value;
        match identifier(&mut algorithm)?.as_str() {
            RSA_ENCRYPTION => rsa::PrivateKey::from_pkcs1(key).map(Self::Rsa),
            EC_PUBLIC_KEY => {
                let explicit = algorithm.optional(SEQUENCE).map_err(malformed)?;
                let curve = match explicit {
                    Some(parameters) => explicit_curve(parameters.reader()).map_err(malformed)?,
                    None => Curve::from_oid(&identifier(&mut algorithm)?),
                };
                let curve = curve.ok_or_else(|| SignatureError::Unsupported("private key on an unknown curve".into()))?;
                ec(curve, key).map(Self::Ec)
            }
            other => Err(SignatureError::Unsupported(format!("private key of algorithm {other}"))),
        }
    }
}

/// The curve whose parameters these are (RFC 3279 2.3.5): version, { prime-field, p }, { a, b, … }, base, order, …
fn explicit_curve(mut parameters: Reader<'_>) -> Result<Option<Curve>, TlvError> {
    parameters.expect(INTEGER)?;
    let mut field = parameters.expect(SEQUENCE)?.reader();
    field.expect(OID)?;
    let p = field.expect(INTEGER)?.value;
    let mut equation = parameters.expect(SEQUENCE)?.reader();
    let (a, b) = (equation.expect(OCTET_STRING)?.value, equation.expect(OCTET_STRING)?.value);
    let base = parameters.expect(OCTET_STRING)?.value;
    let n = parameters.expect(INTEGER)?.value;
    let same = |found: &[u8], known: &[u8]| found.iter().skip_while(|&&octet| octet == 0).eq(known.iter().skip_while(|&&octet| octet == 0));
    Ok(Curve::ALL.into_iter().find(|curve| {
        let d = curve.parameters();
        let point = base.split_first().is_some_and(|(&form, xy)| form == 4 && xy == [d.x, d.y].concat());
        point && same(p, d.p) && same(a, d.a) && same(b, d.b) && same(n, d.n)
    }))
}

/// ECPrivateKey; the public key, where it is there, must be that of the private key.
fn ec(curve: Curve, der: &[u8]) -> Result<curve::PrivateKey, SignatureError> {
    let mut fields = tlv::single(der, SEQUENCE).map_err(malformed)?.reader();
    fields.expect(INTEGER).map_err(malformed)?;
    let scalar = fields.expect(OCTET_STRING).map_err(malformed)?.value;
    let key = curve::PrivateKey::from_bytes(curve, scalar).map_err(|error| SignatureError::Malformed(format!("ECPrivateKey: {error}")))?;
    fields.optional(0xA0_u32).map_err(malformed)?;
    if let Some(public) = fields.optional(0xA1_u32).map_err(malformed)? {
        let bits = public.reader().expect(BIT_STRING).map_err(malformed)?;
        if bits.value.split_first() != Some((&0, key.public().as_bytes())) {
            return Err(SignatureError::Malformed("ECPrivateKey: public key is not that of the private key".into()));
        }
    }
    Ok(key)
}

fn identifier(reader: &mut Reader<'_>) -> Result<String, SignatureError> {
    let content = reader.expect(OID).map_err(malformed)?.value;
    oid::decode(content).map_err(|error| SignatureError::Malformed(format!("PrivateKeyInfo: {error}")))
}

fn malformed(error: TlvError) -> SignatureError {
    SignatureError::Malformed(format!("PrivateKeyInfo: {error}"))
}
