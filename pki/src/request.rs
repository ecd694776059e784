//! Requests of signers that live elsewhere (PKCS#10): made there with a new key, judged here before anything is issued.
//!
//! A request gives a name and a key and proves that its sender holds the private key; what the certificate then says is the profile's to
//! decide. Refused: a wrong proof of possession, a key or an algorithm below Doc 9303-12 clause 4.4, a name of another state, a
//! key that has a certificate already.

use eid::cert::request::{self, Request};
use eid::cert::spki;
use eid::cert::x509::name;
use eid::cert::{CertError, algorithm};
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, PublicKey, SignatureError};
use eid::oid;
use eid::signer::{Signer, SignerError};

use crate::csca::{self, EcParameters};
use crate::profile::{ProfileError, Subject};

/// Why a request is refused, or was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not a request.
    #[error("request: {0}")]
    Unreadable(#[from] CertError),
    /// Whoever sent it does not hold the private key, or it was changed.
    #[error("proof of possession: the request is not signed by the key that it names ({0})")]
    Possession(SignatureError),
    /// Too weak.
    #[error("{0} is too weak (Doc 9303-12 4.4)")]
    Weak(String),
    /// A name without what a certificate needs, or of another state.
    #[error("subject of the request: expected {expected}, found {found:?}")]
    Subject {
        /// The rule.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The name breaks the profile.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The signer did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// Makes a request for the key of `signer`, under the name of `subject`.
///
/// # Errors
/// The name breaks the profile, the key is too weak, the signer refuses, or what was made does not verify.
pub fn create(subject: &Subject, parameters: EcParameters, signer: &dyn Signer) -> Result<Request, RequestError> {
    subject.check()?;
    let der = request::sign(&subject.name(), &csca::encode_key(&signer.public_key(), parameters), signer)?;
    check(&der, &subject.country)
}

/// Reads a request (DER or PEM) and judges it: proof of possession, strength of the key, and a name of `country` with a commonName.
///
/// # Errors
/// See above.
pub fn check(bytes: &[u8], country: &str) -> Result<Request, RequestError> {
    let request = Request::parse(bytes)?;
    request.verify().map_err(RequestError::Possession)?;
    let key = &request.key.key;
    let weak = match key {
        PublicKey::Ec(point) => point.curve().field_len() < 28,
        PublicKey::Rsa(key) => key.modulus().len() < 256,
    };
    if weak {
        return Err(RequestError::Weak(format!("a key {}", spki::describe(key))));
    }
    let signed = request.signature_algorithm.algorithm(None)?;
    if signed.hash() == Hash::Sha1 {
        return Err(RequestError::Weak(algorithm::describe(signed)));
    }
    let found = name::country(request.subject());
    if found.as_deref().is_none_or(|found| !found.eq_ignore_ascii_case(country)) {
        let expected = format!("countryName {}, that of the CSCA", country.to_uppercase());
        return Err(RequestError::Subject { expected, found: request.subject_text() });
    }
    match name::values(request.subject(), oid::COMMON_NAME).as_slice() {
        [one] if !one.trim().is_empty() && one.chars().count() <= 64 => Ok(request),
        _ => Err(RequestError::Subject { expected: "one commonName of 1 to 64 characters".to_owned(), found: request.subject_text() }),
    }
}

/// The algorithm that the key of a request signs with: that of its proof of possession.
///
/// # Errors
/// The algorithm is not told in full.
pub fn algorithm(request: &Request) -> Result<Algorithm, RequestError> {
    Ok(request.signature_algorithm.algorithm(None)?)
}

/// The commonName of a request that was checked.
#[must_use]
pub fn common_name(request: &Request) -> String {
    name::values(request.subject(), oid::COMMON_NAME).into_iter().next().unwrap_or_default()
}

/// Writes a request as PEM to `path`, which must not exist, whole or not at all.
///
/// # Errors
/// The file is there or cannot be written.
pub fn write(path: &std::path::Path, request: &Request) -> std::io::Result<()> {
    crate::file::write(path, to_pem(request).as_bytes(), crate::file::Readers::All, false)
}

/// A request as PEM.
#[must_use]
pub fn to_pem(request: &Request) -> String {
    use pkcs8::der::pem::{LineEnding, encode_string};
    encode_string("CERTIFICATE REQUEST", LineEnding::LF, request.der()).unwrap_or_default()
}
