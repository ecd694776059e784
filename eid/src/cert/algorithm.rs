//! AlgorithmIdentifier of digests and signatures (Doc 9303-12 clause 4.4; RFC 4055, RFC 5758, BSI TR-03111 5.2.1).
//!
//! Read leniently where genuine certificates need it: ECDSA with a NULL, PKCS#1 without one, PSS with any part left to its default or
//! with another digest in MGF1, in a SignerInfo the bare key algorithm with the digest told elsewhere, and integers of an ECDSA
//! signature with surplus zero octets. Each leaves a quirk, none changes what is verified. Refused by name: DSA (allowed, not
//! implemented), MD5, RIPEMD and all others (not allowed).

use const_oid::ObjectIdentifier;

use super::spki::SubjectPublicKeyInfo;
use super::{CertError, der};
use crate::crypto::hash::Hash;
use crate::crypto::signature::{self, Algorithm, PublicKey, SignatureError};
use crate::oid;
use crate::quirk::Quirk;
use crate::tlv::{self, Tlv};

const fn content(dotted: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(dotted)
}

/// rsaEncryption.
pub(crate) const RSA_ENCRYPTION: ObjectIdentifier = content(oid::RSA_ENCRYPTION);
/// id-RSASSA-PSS.
pub(crate) const RSASSA_PSS: ObjectIdentifier = content(oid::RSA_PSS);
const MGF1: ObjectIdentifier = content(oid::MGF1);
const EC_PUBLIC_KEY: ObjectIdentifier = content(oid::EC_PUBLIC_KEY);

const DIGESTS: [(Hash, ObjectIdentifier); 5] = [
    (Hash::Sha256, content(oid::SHA256)),
    (Hash::Sha384, content(oid::SHA384)),
    (Hash::Sha512, content(oid::SHA512)),
    (Hash::Sha1, content(oid::SHA1)),
    (Hash::Sha224, content(oid::SHA224)),
];

const ECDSA: [(Hash, ObjectIdentifier); 5] = [
    (Hash::Sha256, content(oid::ECDSA_SHA256)),
    (Hash::Sha384, content(oid::ECDSA_SHA384)),
    (Hash::Sha512, content(oid::ECDSA_SHA512)),
    (Hash::Sha224, content(oid::ECDSA_SHA224)),
    (Hash::Sha1, content(oid::ECDSA_SHA1)),
];

const ECDSA_PLAIN: [(Hash, ObjectIdentifier); 5] = [
    (Hash::Sha256, content(oid::ECDSA_PLAIN_SHA256)),
    (Hash::Sha384, content(oid::ECDSA_PLAIN_SHA384)),
    (Hash::Sha512, content(oid::ECDSA_PLAIN_SHA512)),
    (Hash::Sha224, content(oid::ECDSA_PLAIN_SHA224)),
    (Hash::Sha1, content(oid::ECDSA_PLAIN_SHA1)),
];

const RSA_PKCS1: [(Hash, ObjectIdentifier); 5] = [
    (Hash::Sha256, content(oid::RSA_SHA256)),
    (Hash::Sha384, content(oid::RSA_SHA384)),
    (Hash::Sha512, content(oid::RSA_SHA512)),
    (Hash::Sha224, content(oid::RSA_SHA224)),
    (Hash::Sha1, content(oid::RSA_SHA1)),
];

fn find(table: &[(Hash, ObjectIdentifier)], octets: &[u8]) -> Option<Hash> {
    table.iter().find(|(_, oid)| oid.as_bytes() == octets).map(|&(hash, _)| hash)
}

fn name(table: &[(Hash, ObjectIdentifier)], hash: Hash) -> ObjectIdentifier {
    table.iter().find(|(h, _)| *h == hash).map_or(RSA_ENCRYPTION, |&(_, oid)| oid)
}

/// How a signature says it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Algorithm and digest are named.
    Named(Algorithm),
    /// ECDSA with r ‖ s in plain form (BSI TR-03111).
    EcdsaPlain(Hash),
    /// rsaEncryption: PKCS#1 v1.5, the digest is told elsewhere.
    BareRsa,
    /// ecPublicKey in the place of a signature algorithm: ECDSA, the digest is told elsewhere.
    BareEc,
}

/// A signature algorithm as an AlgorithmIdentifier gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureAlgorithm {
    /// What it says.
    pub scheme: Scheme,
    /// Tolerances used.
    pub quirks: Vec<Quirk>,
}

impl SignatureAlgorithm {
    /// Reads an AlgorithmIdentifier SEQUENCE that fills `bytes`.
    ///
    /// # Errors
    /// Another structure, or an algorithm that is not known.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertError> {
        Self::read("signatureAlgorithm", &tlv::single(bytes, der::SEQUENCE)?)
    }

    /// Reads an AlgorithmIdentifier SEQUENCE found at `place`.
    pub(crate) fn read(place: &'static str, identifier: &Tlv<'_>) -> Result<Self, CertError> {
        let mut quirks = Vec::new();
        let mut reader = identifier.reader();
        let oid = der::oid(&mut reader)?;
        let parameters = reader.next()?;
        reader.finish()?;
        let null = parameters.is_some_and(|p| p.raw == [0x05, 0x00]);
        let absent_or_null = |rule: &'static str, quirks: &mut Vec<Quirk>| match parameters {
            None => Ok(()),
            Some(_) if null => {
                quirks.push(Quirk::new(rule, place).over(identifier.raw));
                Ok(())
            }
            Some(other) => Err(CertError::malformed("signature algorithm parameters", &other, "none")),
        };
        let scheme = if let Some(hash) = find(&ECDSA, oid) {
            absent_or_null("algorithm.ecdsa-null-parameters", &mut quirks)?;
            Scheme::Named(Algorithm::Ecdsa(hash))
        } else if let Some(hash) = find(&RSA_PKCS1, oid) {
            match parameters {
                Some(_) if null => {}
                None => quirks.push(Quirk::new("algorithm.rsa-parameters-absent", place).over(identifier.raw)),
                Some(other) => return Err(CertError::malformed("signature algorithm parameters", &other, "NULL")),
            }
            Scheme::Named(Algorithm::RsaPkcs1(hash))
        } else if oid == RSASSA_PSS.as_bytes() {
            let parameters = match parameters {
                Some(parameters) => PssParameters::read(&parameters)?,
                None => {
                    quirks.push(Quirk::new("algorithm.pss-parameters-absent", place).over(identifier.raw));
                    PssParameters::DEFAULT
                }
            };
            if parameters.mgf != parameters.hash {
                let place = format!("{place}: {} with MGF1 {}", parameters.hash.name(), parameters.mgf.name());
                quirks.push(Quirk::new("algorithm.pss-mgf-digest", place).over(identifier.raw));
            }
            Scheme::Named(parameters.algorithm())
        } else if oid == RSA_ENCRYPTION.as_bytes() {
            quirks.push(Quirk::new("algorithm.bare-rsa-encryption", place).over(identifier.raw));
            Scheme::BareRsa
        } else if oid == EC_PUBLIC_KEY.as_bytes() {
            quirks.push(Quirk::new("algorithm.bare-ec-public-key", place).over(identifier.raw));
            Scheme::BareEc
        } else if let Some(hash) = find(&ECDSA_PLAIN, oid) {
            absent_or_null("algorithm.ecdsa-null-parameters", &mut quirks)?;
            quirks.push(Quirk::new("algorithm.ecdsa-plain", place).over(identifier.raw));
            Scheme::EcdsaPlain(hash)
        } else {
            let name = der::dotted(oid);
            // DSA is allowed (Doc 9303-12 4.4.2) and not implemented: no state is known to use it
            let dsa = name.starts_with("1.2.840.10040.4.") || name.starts_with("2.16.840.1.101.3.4.3.");
            let error = if dsa { CertError::unsupported } else { CertError::not_allowed };
            return Err(error("signature algorithm", name));
        };
        Ok(Self { scheme, quirks })
    }

    /// The algorithm with its digest; `told` is the digest named elsewhere (digestAlgorithm of a SignerInfo).
    ///
    /// # Errors
    /// A bare algorithm without a digest.
    pub fn algorithm(&self, told: Option<Hash>) -> Result<Algorithm, CertError> {
        match (self.scheme, told) {
            (Scheme::Named(algorithm), _) => Ok(algorithm),
            (Scheme::EcdsaPlain(hash), _) | (Scheme::BareEc, Some(hash)) => Ok(Algorithm::Ecdsa(hash)),
            (Scheme::BareRsa, Some(hash)) => Ok(Algorithm::RsaPkcs1(hash)),
            (Scheme::BareRsa | Scheme::BareEc, None) => {
                Err(CertError::not_allowed("signature algorithm", "a key algorithm without a digest"))
            }
        }
    }

    /// Verifies `signature` over `message`: the proof that the holder of `key` signed these bytes.
    ///
    /// # Errors
    /// [`SignatureError::Wrong`] is the verdict "not signed by this key"; the others say why it cannot be checked.
    pub fn verify(&self, told: Option<Hash>, key: &SubjectPublicKeyInfo, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        self.verify_noting(told, key, message, signature, "signature", &mut Vec::new())
    }

    /// [`verify`](Self::verify), noting the tolerances that the form of the signature needed; `place` is whose signature it is.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_noting(
        &self,
        told: Option<Hash>,
        key: &SubjectPublicKeyInfo,
        message: &[u8],
        signature: &[u8],
        place: &'static str,
        quirks: &mut Vec<Quirk>,
    ) -> Result<(), SignatureError> {
        let algorithm = self.algorithm(told).map_err(|e| SignatureError::Unsupported(e.to_string()))?;
        if !key.permits(algorithm) {
            return Err(SignatureError::Unsupported(format!("{} with a key {}", describe(algorithm), key.describe())));
        }
        if matches!(self.scheme, Scheme::EcdsaPlain(_)) {
            return signature::verify_plain(algorithm, &key.key, message, signature);
        }
        match (signature::verify_der(algorithm, &key.key, message, signature), algorithm) {
            (Err(SignatureError::Malformed(why)), Algorithm::Ecdsa(_)) => {
                let Some(minimal) = minimal_ecdsa(signature) else { return Err(SignatureError::Malformed(why)) };
                signature::verify_der(algorithm, &key.key, message, &minimal)?;
                quirks.push(Quirk::new("algorithm.ecdsa-integer-not-minimal", format!("{place} signature")).over(signature));
                Ok(())
            }
            (answer, _) => answer,
        }
    }
}

/// Ecdsa-Sig-Value without the surplus zero octets that some signers put before r and s; nothing if it is of another form.
fn minimal_ecdsa(signature: &[u8]) -> Option<Vec<u8>> {
    let mut numbers = tlv::single(signature, der::SEQUENCE).ok()?.reader();
    let (r, s) = (numbers.expect(der::INTEGER).ok()?, numbers.expect(der::INTEGER).ok()?);
    numbers.finish().ok()?;
    let mut out = Vec::with_capacity(signature.len());
    for number in [r, s] {
        super::spki::push_unsigned(&mut out, der::unsigned("Ecdsa-Sig-Value", &number, &mut Vec::new()).ok()?);
    }
    Some(tlv::encode(der::SEQUENCE, &out))
}

/// `ECDSA SHA-256`, `RSA PKCS#1 SHA-256`, `RSA-PSS SHA-256 MGF1 SHA-256 salt 32`.
#[must_use]
pub fn describe(algorithm: Algorithm) -> String {
    match algorithm {
        Algorithm::Ecdsa(hash) => format!("ECDSA {}", hash.name()),
        Algorithm::RsaPkcs1(hash) => format!("RSA PKCS#1 {}", hash.name()),
        Algorithm::RsaPss { hash, mgf, salt } => format!("RSA-PSS {} MGF1 {} salt {salt}", hash.name(), mgf.name()),
    }
}

/// Whether `algorithm` can be made with `key`.
#[must_use]
pub const fn fits(algorithm: Algorithm, key: &PublicKey) -> bool {
    matches!(
        (algorithm, key),
        (Algorithm::Ecdsa(_), PublicKey::Ec(_)) | (Algorithm::RsaPkcs1(_) | Algorithm::RsaPss { .. }, PublicKey::Rsa(_))
    )
}

/// RSASSA-PSS-params (RFC 4055 clause 3.1).
///
/// ```text
/// SEQUENCE { [0] hashAlgorithm DEFAULT sha1, [1] maskGenAlgorithm DEFAULT mgf1SHA1, [2] saltLength INTEGER DEFAULT 20, [3] trailerField INTEGER DEFAULT 1 }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PssParameters {
    /// Digest of the message.
    pub hash: Hash,
    /// Digest of MGF1.
    pub mgf: Hash,
    /// Salt length in bytes.
    pub salt: usize,
}

impl PssParameters {
    /// What an empty SEQUENCE means: SHA-1, MGF1 with SHA-1, salt of 20 bytes.
    pub const DEFAULT: Self = Self { hash: Hash::Sha1, mgf: Hash::Sha1, salt: 20 };

    /// Reads the parameters from their object.
    pub(crate) fn read(parameters: &Tlv<'_>) -> Result<Self, CertError> {
        if parameters.tag.0 != der::SEQUENCE {
            return Err(CertError::malformed("RSASSA-PSS parameters", parameters, "a SEQUENCE"));
        }
        let mut out = Self::DEFAULT;
        let mut reader = parameters.reader();
        if let Some(hash) = reader.optional(0xA0)? {
            out.hash = digest(&hash.reader().expect(der::SEQUENCE)?)?;
        }
        if let Some(mgf) = reader.optional(0xA1)? {
            let mut mgf = mgf.reader().expect(der::SEQUENCE)?.reader();
            let function = der::oid(&mut mgf)?;
            if function != MGF1.as_bytes() {
                return Err(CertError::not_allowed("mask generation function", der::dotted(function)));
            }
            out.mgf = digest(&mgf.expect(der::SEQUENCE)?)?;
        }
        if let Some(salt) = reader.optional(0xA2)? {
            let salt = der::small("saltLength", &salt.reader().expect(der::INTEGER)?)?;
            out.salt = usize::try_from(salt).unwrap_or(usize::MAX);
        }
        if let Some(trailer) = reader.optional(0xA3)? {
            let trailer = der::small("trailerField", &trailer.reader().expect(der::INTEGER)?)?;
            if trailer != 1 {
                return Err(CertError::not_allowed("trailerField", trailer.to_string()));
            }
        }
        reader.finish()?;
        Ok(out)
    }

    const fn algorithm(self) -> Algorithm {
        Algorithm::RsaPss { hash: self.hash, mgf: self.mgf, salt: self.salt }
    }
}

/// The digest of an AlgorithmIdentifier; parameters may be absent or NULL.
pub(crate) fn digest(identifier: &Tlv<'_>) -> Result<Hash, CertError> {
    let mut reader = identifier.reader();
    let oid = der::oid(&mut reader)?;
    if let Some(parameters) = reader.next()?
        && parameters.raw != [0x05, 0x00]
    {
        return Err(CertError::malformed("digest parameters", &parameters, "none or NULL"));
    }
    reader.finish()?;
    find(&DIGESTS, oid).ok_or_else(|| CertError::not_allowed("digest", der::dotted(oid)))
}

/// AlgorithmIdentifier of a digest, parameters absent (RFC 5754 clause 2).
#[must_use]
pub fn encode_digest(hash: Hash) -> Vec<u8> {
    tlv::encode(der::SEQUENCE, &tlv::encode(der::OID, name(&DIGESTS, hash).as_bytes()))
}

/// AlgorithmIdentifier of a signature: ECDSA without parameters, PKCS#1 with NULL, PSS with all of its parameters but the trailer.
#[must_use]
pub fn encode_signature(algorithm: Algorithm) -> Vec<u8> {
    let body = match algorithm {
        Algorithm::Ecdsa(hash) => tlv::encode(der::OID, name(&ECDSA, hash).as_bytes()),
        Algorithm::RsaPkcs1(hash) => {
            let mut body = tlv::encode(der::OID, name(&RSA_PKCS1, hash).as_bytes());
            tlv::push(&mut body, der::NULL, &[]);
            body
        }
        Algorithm::RsaPss { hash, mgf, salt } => {
            let mut body = tlv::encode(der::OID, RSASSA_PSS.as_bytes());
            tlv::push(&mut body, der::SEQUENCE, &encode_pss(hash, mgf, salt));
            body
        }
    };
    tlv::encode(der::SEQUENCE, &body)
}

/// The parts of RSASSA-PSS-params that are not their default: DER encodes no default. Digests carry NULL (RFC 4055 clause 2.1).
fn encode_pss(hash: Hash, mgf: Hash, salt: usize) -> Vec<u8> {
    let with_null = |hash| {
        let mut body = tlv::encode(der::OID, name(&DIGESTS, hash).as_bytes());
        tlv::push(&mut body, der::NULL, &[]);
        tlv::encode(der::SEQUENCE, &body)
    };
    let mut out = Vec::new();
    if hash != PssParameters::DEFAULT.hash {
        tlv::push(&mut out, 0xA0, &with_null(hash));
    }
    if mgf != PssParameters::DEFAULT.mgf {
        let mut function = tlv::encode(der::OID, MGF1.as_bytes());
        function.extend(with_null(mgf));
        tlv::push(&mut out, 0xA1, &tlv::encode(der::SEQUENCE, &function));
    }
    if salt != PssParameters::DEFAULT.salt {
        let mut number = Vec::new();
        super::spki::push_unsigned(&mut number, &(salt as u64).to_be_bytes());
        tlv::push(&mut out, 0xA2, &number);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(der: &[u8]) -> Result<SignatureAlgorithm, CertError> {
        SignatureAlgorithm::read("test", &tlv::single(der, der::SEQUENCE)?)
    }

    #[test]
    fn every_algorithm_reads_back_as_it_was_written() {
        for hash in Hash::ALL {
            let pss = |mgf, salt| Algorithm::RsaPss { hash, mgf, salt };
            for algorithm in
                [Algorithm::Ecdsa(hash), Algorithm::RsaPkcs1(hash), pss(hash, hash.len()), pss(Hash::Sha1, 20), pss(Hash::Sha512, 0)]
            {
                let found = read(&encode_signature(algorithm)).expect("an algorithm");
                let rules: Vec<_> = found.quirks.iter().map(|quirk| quirk.rule).collect();
                let odd = matches!(algorithm, Algorithm::RsaPss { mgf, .. } if mgf != hash);
                assert_eq!((found.scheme, rules), (Scheme::Named(algorithm), if odd { vec!["algorithm.pss-mgf-digest"] } else { vec![] }));
            }
        }
    }

    /// RFC 4055 clause 3.1: an empty SEQUENCE is SHA-1, MGF1 with SHA-1, salt of 20, and so is every part that is left out.
    #[test]
    fn absent_pss_parameters_mean_their_defaults() {
        let default = Algorithm::RsaPss { hash: Hash::Sha1, mgf: Hash::Sha1, salt: 20 };
        let der = hex::decode("300d06092a864886f70d01010a3000").expect("hex");
        assert_eq!(read(&der).expect("PSS").scheme, Scheme::Named(default));
        assert_eq!(encode_signature(default), der);
        // salt of 32 alone: the digests keep their defaults
        let der = hex::decode("301206092a864886f70d01010a3005a203020120").expect("hex");
        assert_eq!(read(&der).expect("PSS").scheme, Scheme::Named(Algorithm::RsaPss { hash: Hash::Sha1, mgf: Hash::Sha1, salt: 32 }));
    }

    #[test]
    fn what_the_standard_does_not_know_is_not_allowed_and_dsa_is_not_supported() {
        // md5WithRSAEncryption, dsa-with-SHA256
        assert!(matches!(read(&hex::decode("300d06092a864886f70d0101040500").expect("hex")), Err(CertError::NotAllowed { .. })));
        assert!(matches!(read(&hex::decode("300b0609608648016503040302").expect("hex")), Err(CertError::Unsupported { .. })));
        // ecdsa-with-SHA256 with a NULL, and with something else
        let quirk = read(&hex::decode("300c06082a8648ce3d0403020500").expect("hex")).expect("tolerated").quirks;
        assert_eq!(quirk.iter().map(|q| q.rule).collect::<Vec<_>>(), ["algorithm.ecdsa-null-parameters"]);
        assert!(matches!(read(&hex::decode("300d06082a8648ce3d040302020101").expect("hex")), Err(CertError::Malformed { .. })));
    }
}
