//! Key pairs in a token: made, found by label, read, destroyed.

use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::types::Ulong;
use eid::cert::spki;
use eid::crypto::rsa;
use eid::crypto::signature::PublicKey;
use eid::{oid, tlv};
use pki::KeyParameters;
use rand_core::CryptoRng;

use super::TokenAddress;
use super::error::{Fault, TokenError};
use super::sessions::Sessions;

const SEQUENCE: u32 = 0x30;
const BIT_STRING: u32 = 0x03;
const OCTET_STRING: u32 = 0x04;
const OID: u32 = 0x06;
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
/// Bytes of CKA_ID, which ties the two halves of a pair.
const ID_LEN: usize = 20;

fn labelled(class: ObjectClass, label: &str) -> [Attribute; 3] {
    [Attribute::Class(class), Attribute::Token(true), Attribute::Label(label.as_bytes().to_vec())]
}

/// How many private keys have the label.
pub(super) fn count(session: &Session, label: &str) -> Result<usize, Fault> {
    Ok(session.find_objects(&labelled(ObjectClass::PRIVATE_KEY, label))?.len())
}

/// The private key of the label, and its public half.
pub(super) fn find(session: &Session, token: &TokenAddress, label: &str) -> Result<(ObjectHandle, PublicKey), Fault> {
    let private = session.find_objects(&labelled(ObjectClass::PRIVATE_KEY, label))?;
    let (token, label) = (token.clone(), label.to_owned());
    match private.as_slice() {
        [] => Err(TokenError::KeyMissing { token, label }.into()),
        [key] => {
            let public = public_half(session, *key, &label)?;
            let detail = match public {
                Some(public) => match read(session, public)? {
                    Ok(public) => return Ok((*key, public)),
                    Err(detail) => detail,
                },
                None => "expected a public key object beside the private one, found none".to_owned(),
            };
            Err(TokenError::PublicKey { token, label, detail }.into())
        }
        several => Err(TokenError::KeyDoubled { token, label, count: several.len() }.into()),
    }
}

/// The public object with the private one's CKA_ID, else with its label; the private object itself where it tells an RSA modulus.
fn public_half(session: &Session, private: ObjectHandle, label: &str) -> Result<Option<ObjectHandle>, Fault> {
    let attributes = session.get_attributes(private, &[AttributeType::Id])?;
    let id = attributes.into_iter().find_map(|a| if let Attribute::Id(id) = a { (!id.is_empty()).then_some(id) } else { None });
    let mut found = Vec::new();
    if let Some(id) = id {
        found = session.find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Token(true), Attribute::Id(id)])?;
    }
    if found.len() != 1 {
        found = session.find_objects(&labelled(ObjectClass::PUBLIC_KEY, label))?;
    }
    match found.as_slice() {
        [one] => Ok(Some(*one)),
        _ => {
            let numbers = session.get_attributes(private, &[AttributeType::Modulus, AttributeType::PublicExponent])?;
            Ok((numbers.len() == 2).then_some(private))
        }
    }
}

/// The numbers of a public key object; the inner error says why it is none for us.
fn read(session: &Session, object: ObjectHandle) -> Result<Result<PublicKey, String>, Fault> {
    let wanted = [AttributeType::EcParams, AttributeType::EcPoint, AttributeType::Modulus, AttributeType::PublicExponent];
    let (mut parameters, mut point, mut modulus, mut exponent) = (None, None, None, None);
    for attribute in session.get_attributes(object, &wanted)? {
        match attribute {
            Attribute::EcParams(bytes) => parameters = Some(bytes),
            Attribute::EcPoint(bytes) => point = Some(bytes),
            Attribute::Modulus(bytes) => modulus = Some(bytes),
            Attribute::PublicExponent(bytes) => exponent = Some(bytes),
            _ => {}
        }
    }
    Ok(match (parameters, point, modulus, exponent) {
        (Some(parameters), Some(point), _, _) => ec_key(&parameters, &point),
        (_, _, Some(modulus), Some(exponent)) => Ok(PublicKey::Rsa(rsa::PublicKey::new(&modulus, &exponent))),
        _ => Err("expected an EC or RSA public key, found another kind".to_owned()),
    })
}

/// CKA_EC_PARAMS (a name or written out) and CKA_EC_POINT (an OCTET STRING; some tokens give the point bare) are what a
/// SubjectPublicKeyInfo holds.
fn ec_key(parameters: &[u8], point: &[u8]) -> Result<PublicKey, String> {
    let bare = tlv::single(point, OCTET_STRING).map_or(point, |tlv| tlv.value);
    let mut algorithm = tlv::encode(OID, &oid::encode(EC_PUBLIC_KEY));
    algorithm.extend_from_slice(parameters);
    let mut body = tlv::encode(SEQUENCE, &algorithm);
    tlv::push(&mut body, BIT_STRING, &[&[0], bare].concat());
    spki::parse(&tlv::encode(SEQUENCE, &body)).map(|info| info.key).map_err(|error| error.to_string())
}

/// Makes a pair, and looks whether the token keeps it to itself.
pub(super) fn generate(
    sessions: &Sessions,
    label: &str,
    parameters: KeyParameters,
    rng: &mut dyn CryptoRng,
) -> Result<PublicKey, TokenError> {
    let token = sessions.address();
    let mut id = vec![0; ID_LEN];
    rng.fill_bytes(&mut id);
    let common = |class| [labelled(class, label).to_vec(), vec![Attribute::Id(id.clone())]].concat();
    let mut public = common(ObjectClass::PUBLIC_KEY);
    public.extend([Attribute::Private(false), Attribute::Verify(true)]);
    let mut private = common(ObjectClass::PRIVATE_KEY);
    private.extend([Attribute::Private(true), Attribute::Sensitive(true), Attribute::Extractable(false), Attribute::Sign(true)]);
    let mechanism = match parameters {
        KeyParameters::Ec(curve) => {
            let named = tlv::encode(OID, &oid::encode(curve.oid()));
            public.extend([Attribute::KeyType(KeyType::EC), Attribute::EcParams(named)]);
            private.push(Attribute::KeyType(KeyType::EC));
            Mechanism::EccKeyPairGen
        }
        KeyParameters::Rsa(bits) => {
            let detail = || format!("RSA {bits} is not a size of a key");
            let bits = Ulong::try_from(bits).map_err(|_| TokenError::KeyKind {
                token: token.clone(),
                label: label.to_owned(),
                detail: detail(),
            })?;
            let exponent = Attribute::PublicExponent(vec![1, 0, 1]);
            public.extend([Attribute::KeyType(KeyType::RSA), Attribute::ModulusBits(bits), exponent]);
            private.push(Attribute::KeyType(KeyType::RSA));
            Mechanism::RsaPkcsKeyPairGen
        }
    };
    let what = match parameters {
        KeyParameters::Ec(curve) => format!("a key {}", curve.name()),
        KeyParameters::Rsa(bits) => format!("a key RSA {bits}"),
    };
    let kind: MechanismType = mechanism.mechanism_type();
    sessions.mechanism(kind, &what)?;
    sessions.writing("make a key", |session| {
        if count(session, label)? > 0 {
            return Err(TokenError::KeyExists { token: token.clone(), label: label.to_owned() }.into());
        }
        let (public, private) = session.generate_key_pair(&mechanism, &public, &private)?;
        let made = check(session, token, label, private);
        if made.is_err() {
            // best effort: the error tells which key it was
            let _ = session.destroy_object(private);
            let _ = session.destroy_object(public);
        }
        made
    })
}

/// The new key is the only one with its label, stays in the token, and its public half reads.
fn check(session: &Session, token: &TokenAddress, label: &str, private: ObjectHandle) -> Result<PublicKey, Fault> {
    let attributes = session.get_attributes(private, &[AttributeType::Sensitive, AttributeType::Extractable, AttributeType::Token])?;
    let wrong = [
        (Attribute::Sensitive(true), "readable (CKA_SENSITIVE is false)"),
        (Attribute::Extractable(false), "extractable (CKA_EXTRACTABLE is true)"),
        (Attribute::Token(true), "gone with the session (CKA_TOKEN is false)"),
    ];
    if let Some((_, detail)) = wrong.into_iter().find(|(needed, _)| !attributes.contains(needed)) {
        return Err(TokenError::Exposed { token: token.clone(), label: label.to_owned(), detail }.into());
    }
    find(session, token, label).map(|(_, public)| public)
}

/// Destroys a pair.
pub(super) fn destroy(sessions: &Sessions, label: &str) -> Result<(), TokenError> {
    sessions.writing("destroy a key", |session| {
        let (private, _) = find(session, sessions.address(), label)?;
        let public = public_half(session, private, label)?;
        session.destroy_object(private)?;
        if let Some(public) = public.filter(|public| *public != private) {
            session.destroy_object(public)?;
        }
        Ok(())
    })
}
