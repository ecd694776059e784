//! Signed messages in stages, with an edit between any two of them: EF.SOD, EF.CardSecurity, and lists.
//!
//! Written out here and not by [`eid::cert::cms::build`], which refuses to make what is wrong.

use eid::cert::x509::Certificate;
use eid::cert::{Time, algorithm};
use eid::crypto::hash::Hash;
use eid::crypto::signature::PublicKey;
use eid::oid;
use eid::signer::Signer;
use eid::tlv::{self, Reader, Tlv, TlvError};

use super::issue::FaultyError;
use super::plan::{Plan, wrong};

/// A message to sign.
pub(super) struct Message<'a> {
    /// eContentType, dotted.
    pub(super) kind: &'static str,
    pub(super) content: &'a [u8],
    pub(super) signer: &'a dyn Signer,
    /// The signer's certificate, and those that go in beside it.
    pub(super) certificates: &'a [Vec<u8>],
    /// Whether the signer is named by its key identifier and not by issuer and serial number.
    pub(super) by_key_id: Option<&'a [u8]>,
    /// What names the signer where its certificate does not.
    pub(super) fallback: &'a [u8],
    pub(super) time: Time,
}

impl Message<'_> {
    /// ContentInfo. Edits of `ATTRS`, and the form of the signature that the plan asks for, are for the one message that the fault is about.
    pub(super) fn sign(&self, plan: Option<&Plan>) -> Result<Vec<u8>, FaultyError> {
        let algorithm = self.signer.algorithm();
        let digest = algorithm.hash();
        let message_digest = digest.digest(&[self.content]);
        let mut attributes = [
            attribute(oid::CONTENT_TYPE, &tlv::encode(0x06, &oid::encode(self.kind))),
            attribute(oid::MESSAGE_DIGEST, &tlv::encode(0x04, &message_digest)),
            attribute(oid::SIGNING_TIME, &self.time.to_der()),
        ];
        attributes.sort();
        let attributes = tlv::encode(0x31, &attributes.concat());
        let attributes = plan.map_or_else(|| Ok(attributes.clone()), |plan| plan.stage("ATTRS", attributes.clone()))?;
        let signature = self.signer.sign(&attributes)?;
        let (identifier, signature) = match plan.and_then(|plan| plan.word("signature")) {
            None => (algorithm::encode_signature(algorithm), signature.to_der()),
            Some("rsa-encryption") => {
                (tlv::encode(0x30, &[tlv::encode(0x06, &oid::encode(oid::RSA_ENCRYPTION)), vec![0x05, 0x00]].concat()), signature.to_der())
            }
            Some("plain") => (algorithm::encode_signature(algorithm), signature.to_plain()),
            Some("bsi") => (algorithm_of(plain_identifier(digest)), signature.to_plain()),
            Some("bare") => (algorithm::encode_signature(algorithm), padded(self.signer, digest, &attributes)?),
            Some(other) => return Err(wrong("signature", "rsa-encryption, plain, bsi, or bare", other).into()),
        };
        let inside = Reader::new(&attributes).next()?.map(|set| set.value.to_vec()).unwrap_or_default();
        let certificate = self.certificates.first().map(Vec::as_slice).unwrap_or_default();
        let by_key_id = match plan.and_then(|plan| plan.word("named")) {
            None => self.by_key_id.map(<[u8]>::to_vec),
            Some("key-id") => Certificate::from_der(certificate)?.subject_key_id().map(<[u8]>::to_vec),
            Some(other) => return Err(wrong("named", "key-id", other).into()),
        };
        let (version, sid) = match &by_key_id {
            Some(id) => (3, tlv::encode(0x80, id)),
            None => (1, tlv::encode(0x30, &name_of(certificate).unwrap_or_else(|| self.fallback.to_vec()))),
        };
        let digest = algorithm::encode_digest(digest);
        let info =
            [tlv::encode(0x02, &[version]), sid, digest.clone(), tlv::encode(0xA0, &inside), identifier, tlv::encode(0x04, &signature)];
        let encapsulated = [tlv::encode(0x06, &oid::encode(self.kind)), tlv::encode(0xA0, &tlv::encode(0x04, self.content))];
        let signed = [
            tlv::encode(0x02, &[3]),
            tlv::encode(0x31, &digest),
            tlv::encode(0x30, &encapsulated.concat()),
            tlv::encode(0xA0, &self.certificates.concat()),
            tlv::encode(0x31, &tlv::encode(0x30, &info.concat())),
        ];
        let outer = [tlv::encode(0x06, &oid::encode(oid::SIGNED_DATA)), tlv::encode(0xA0, &tlv::encode(0x30, &signed.concat()))];
        Ok(tlv::encode(0x30, &outer.concat()))
    }
}

/// The padded digest (RFC 8017 clause 9.2) as it is: under the exponent 1 it is its own signature, and nobody needs a key.
fn padded(signer: &dyn Signer, hash: Hash, message: &[u8]) -> Result<Vec<u8>, FaultyError> {
    let PublicKey::Rsa(key) = signer.public_key() else { return Err(wrong("signature", "an RSA key", "another").into()) };
    let identifier = tlv::encode(0x30, &[tlv::encode(0x06, &oid::encode(digest_identifier(hash))), vec![0x05, 0x00]].concat());
    let info = tlv::encode(0x30, &[identifier, tlv::encode(0x04, &hash.digest(&[message]))].concat());
    let filler = vec![0xFF; key.modulus().len().saturating_sub(info.len() + 3)];
    Ok([&[0x00, 0x01][..], &filler, &[0x00], &info].concat())
}

const fn digest_identifier(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha1 => oid::SHA1,
        Hash::Sha224 => oid::SHA224,
        Hash::Sha256 => oid::SHA256,
        Hash::Sha384 => oid::SHA384,
        Hash::Sha512 => oid::SHA512,
    }
}

/// ECDSA with r and s one after the other (TR-03111), by digest.
const fn plain_identifier(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha1 => oid::ECDSA_PLAIN_SHA1,
        Hash::Sha224 => oid::ECDSA_PLAIN_SHA224,
        Hash::Sha256 => oid::ECDSA_PLAIN_SHA256,
        Hash::Sha384 => oid::ECDSA_PLAIN_SHA384,
        Hash::Sha512 => oid::ECDSA_PLAIN_SHA512,
    }
}

/// AlgorithmIdentifier without parameters.
fn algorithm_of(dotted: &'static str) -> Vec<u8> {
    tlv::encode(0x30, &tlv::encode(0x06, &oid::encode(dotted)))
}

fn attribute(kind: &'static str, value: &[u8]) -> Vec<u8> {
    tlv::encode(0x30, &[tlv::encode(0x06, &oid::encode(kind)), tlv::encode(0x31, value)].concat())
}

/// A signed structure `SEQUENCE { to be signed, algorithm, BIT STRING }` with a new signature over its first member.
pub(super) fn resigned(structure: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, FaultyError> {
    let outer = tlv::single(structure, 0x30)?;
    let members = objects(&outer)?;
    let [tbs, algorithm, _] = members.as_slice() else {
        return Err(TlvError::Missing { expected: tlv::Tag(0x30), at: outer.at }.into());
    };
    let signature = signer.sign(tbs.raw)?.to_der();
    let bits = tlv::encode(0x03, &[&[0], signature.as_slice()].concat());
    Ok(tlv::encode(0x30, &[tbs.raw, algorithm.raw, &bits].concat()))
}

fn objects<'a>(object: &Tlv<'a>) -> Result<Vec<Tlv<'a>>, TlvError> {
    let mut reader = object.reader();
    let mut found = Vec::new();
    while let Some(next) = reader.next()? {
        found.push(next);
    }
    Ok(found)
}

/// Issuer and serial number as a certificate states them, if it still does.
fn name_of(certificate: &[u8]) -> Option<Vec<u8>> {
    let outer = tlv::single(certificate, 0x30).ok()?;
    let tbs = objects(objects(&outer).ok()?.first()?).ok()?;
    let serial = tbs.iter().find(|member| member.tag == tlv::Tag(0x02))?;
    let issuer = tbs.iter().filter(|member| member.tag == tlv::Tag(0x30)).nth(1)?;
    Some([issuer.raw, serial.raw].concat())
}
