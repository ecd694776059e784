//! Signatures by a key in a token.

use std::sync::{Arc, Mutex, PoisonError};

use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki::types::Ulong;
use eid::cert::{algorithm, spki};
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, PublicKey, Signature};
use eid::signer::{Signer, SignerError};
use eid::{oid, tlv};

use super::error::{Fault, TokenError};
use super::keys;
use super::sessions::Sessions;

/// A key in a token that signs under one algorithm. Many threads may sign with one: each signature has a session of its own.
#[derive(Debug)]
pub struct TokenSigner {
    sessions: Arc<Sessions>,
    label: String,
    algorithm: Algorithm,
    public: PublicKey,
    /// The key's handle, and of which connection.
    handle: Mutex<Option<(u64, ObjectHandle)>>,
}

impl TokenSigner {
    pub(super) fn new(sessions: Arc<Sessions>, label: &str, algorithm: Algorithm) -> Result<Self, TokenError> {
        let token = sessions.address().clone();
        let (found, public) = sessions.with("open a key", |session, connection| {
            keys::find(session, sessions.address(), label).map(|(handle, public)| ((connection, handle), public))
        })?;
        if !algorithm::fits(algorithm, &public) {
            let detail = format!("{} is not for a key {}", algorithm::describe(algorithm), spki::describe(&public));
            return Err(TokenError::KeyKind { token, label: label.to_owned(), detail });
        }
        let kind = mechanism(algorithm).mechanism_type();
        let what = algorithm::describe(algorithm);
        if !sessions.mechanism(kind, &what)?.sign() {
            return Err(TokenError::Mechanism { token, mechanism: format!("{kind} that signs, needed for {what}") });
        }
        Ok(Self { sessions, label: label.to_owned(), algorithm, public, handle: Mutex::new(Some(found)) })
    }

    /// Signs, with the token's own error.
    ///
    /// # Errors
    /// The token is away or refuses, or the key left it.
    pub fn try_sign(&self, message: &[u8]) -> Result<Signature, TokenError> {
        let digest = self.algorithm.hash().digest(&[message]);
        let input = match (self.algorithm, &self.public) {
            // FIPS 186-5 6.4.1: the leftmost bits of the digest, as many as the order has; not every token cuts by itself
            (_, PublicKey::Ec(point)) => digest.get(..point.curve().scalar_len()).unwrap_or(&digest).to_vec(),
            (Algorithm::RsaPkcs1(hash), _) => digest_info(hash, &digest),
            _ => digest,
        };
        let mechanism = mechanism(self.algorithm);
        let answer = self.sessions.with("sign", |session, connection| {
            let key = self.key(session, connection)?;
            Ok(session.sign(&mechanism, key, &input)?)
        })?;
        self.signature(answer)
    }

    /// The key's handle in this connection; after a loss it is looked up again, and must be the same key.
    fn key(&self, session: &Session, connection: u64) -> Result<ObjectHandle, Fault> {
        let mut known = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, handle)) = *known
            && of == connection
        {
            return Ok(handle);
        }
        let (handle, public) = keys::find(session, self.sessions.address(), &self.label)?;
        if public != self.public {
            return Err(TokenError::OtherKey { token: self.sessions.address().clone(), label: self.label.clone() }.into());
        }
        *known = Some((connection, handle));
        Ok(handle)
    }

    fn signature(&self, answer: Vec<u8>) -> Result<Signature, TokenError> {
        let expected = match &self.public {
            PublicKey::Ec(point) => 2 * point.curve().scalar_len(),
            PublicKey::Rsa(key) => key.modulus().len(),
        };
        if answer.len() != expected {
            let code = format!("expected a signature of {expected} bytes, found {}", answer.len());
            return Err(TokenError::Failed { token: self.sessions.address().clone(), what: "sign", code });
        }
        Ok(match &self.public {
            PublicKey::Ec(_) => {
                let (r, s) = answer.split_at(expected / 2);
                Signature::Ecdsa { r: r.to_vec(), s: s.to_vec() }
            }
            PublicKey::Rsa(_) => Signature::Rsa(answer),
        })
    }
}

impl Signer for TokenSigner {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        self.try_sign(message).map_err(|error| SignerError { name: self.label.clone(), detail: error.to_string() })
    }
}

/// The mechanism that takes a digest.
fn mechanism(algorithm: Algorithm) -> Mechanism<'static> {
    match algorithm {
        Algorithm::Ecdsa(_) => Mechanism::Ecdsa,
        Algorithm::RsaPkcs1(_) => Mechanism::RsaPkcs,
        Algorithm::RsaPss { hash, mgf, salt } => {
            // a salt that no token takes, where the length is more than its numbers hold
            let s_len = Ulong::try_from(salt).unwrap_or_else(|_| Ulong::from(4_294_967_295));
            Mechanism::RsaPkcsPss(PkcsPssParams { hash_alg: pss_hash(hash), mgf: pss_mask(mgf), s_len })
        }
    }
}

const fn pss_hash(hash: Hash) -> MechanismType {
    match hash {
        Hash::Sha1 => MechanismType::SHA1,
        Hash::Sha224 => MechanismType::SHA224,
        Hash::Sha256 => MechanismType::SHA256,
        Hash::Sha384 => MechanismType::SHA384,
        Hash::Sha512 => MechanismType::SHA512,
    }
}

const fn pss_mask(hash: Hash) -> PkcsMgfType {
    match hash {
        Hash::Sha1 => PkcsMgfType::MGF1_SHA1,
        Hash::Sha224 => PkcsMgfType::MGF1_SHA224,
        Hash::Sha256 => PkcsMgfType::MGF1_SHA256,
        Hash::Sha384 => PkcsMgfType::MGF1_SHA384,
        Hash::Sha512 => PkcsMgfType::MGF1_SHA512,
    }
}

/// DigestInfo (RFC 8017 9.2): the algorithm with NULL, and the digest.
fn digest_info(hash: Hash, digest: &[u8]) -> Vec<u8> {
    let mut identifier = tlv::encode(0x06u32, &oid::encode(hash_oid(hash)));
    tlv::push(&mut identifier, 0x05u32, &[]);
    let mut body = tlv::encode(0x30u32, &identifier);
    tlv::push(&mut body, 0x04u32, digest);
    tlv::encode(0x30u32, &body)
}

const fn hash_oid(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha1 => "1.3.14.3.2.26",
        Hash::Sha224 => "2.16.840.1.101.3.4.2.4",
        Hash::Sha256 => "2.16.840.1.101.3.4.2.1",
        Hash::Sha384 => "2.16.840.1.101.3.4.2.2",
        Hash::Sha512 => "2.16.840.1.101.3.4.2.3",
    }
}
