//! Makes a certificate of the table: the right one, with what is wrong put in before it is signed, or after, where the signature is what is wrong.

use std::cell::RefCell;

use eid::cert::chat::Chat;
use eid::cert::cvc::{CvKey, KeyReference, VerifyingKey};
use eid::crypto::curve::Curve;
use eid::crypto::signature::{Algorithm, PrivateKey, PublicKey, Signature, SignatureError, sign};
use eid::date::Date;
use eid::signer::{Signer, SignerError};
use eid::tlv::{self, Reader};
use rand_core::CryptoRng;

use super::table::{Defect, Row};
use super::{TestKeysError, table};

/// The last arc of an object identifier that nobody has.
const NO_ARC: u8 = 0x7F;

/// What a certificate is made of.
pub(super) struct Parts<'a> {
    pub(super) authority: &'a KeyReference,
    pub(super) holder: &'a KeyReference,
    pub(super) key: &'a CvKey,
    pub(super) signer: &'a PrivateKey,
    pub(super) algorithm: Algorithm,
    /// Templates 73, one behind the other; empty for none.
    pub(super) extensions: &'a [u8],
    /// First and last day of the CVCA.
    pub(super) validity: (Date, Date),
}

/// Body and signature.
pub(super) fn content(row: &Row, parts: &Parts<'_>, rng: &mut dyn CryptoRng) -> Result<Vec<u8>, TestKeysError> {
    let day = |day: table::Day| day.octets(parts.validity).map_err(|()| TestKeysError::Day(row.name.clone()));
    let (effective, expires) = (day(row.effective)?, day(row.expires)?);
    let has = |defect| row.defect == Some(defect);

    let mut fields = tlv::encode(0x5F29, &[0]);
    tlv::push(&mut fields, 0x42, parts.authority.as_bytes());
    tlv::push(&mut fields, 0x7F49, &key_objects(row, parts.key));
    tlv::push(&mut fields, 0x5F20, parts.holder.as_bytes());
    if !has(Defect::NoChat) {
        let chat = Chat::new(row.terminal, row.role, row.rights.iter().copied()).encode();
        let mut members = members(&chat);
        if has(Defect::ChatOid) {
            other_oid(&mut members);
        }
        tlv::push(&mut fields, 0x7F4C, &written(&members));
    }
    for (tag, octets) in [(0x5F25_u32, effective), (0x5F24, expires)] {
        if let Some(octets) = octets {
            tlv::push(&mut fields, tag, &octets);
        }
    }
    if !parts.extensions.is_empty() {
        tlv::push(&mut fields, 0x65, parts.extensions);
    }
    let mut body = tlv::encode(if has(Defect::BodyTag) { 0x7F4D_u32 } else { 0x7F4E }, &fields);
    let signature = sign(parts.algorithm, parts.signer, &body, rng);
    let mut signature = signature.map_err(|source| TestKeysError::Key { name: row.name.clone(), source })?.to_plain();
    let half = signature.len() / 2;
    match row.defect {
        Some(Defect::SignatureLast) => signature.iter_mut().next_back().into_iter().for_each(|last| *last = last.wrapping_add(1)),
        Some(Defect::SignatureShort) => drop(signature.pop()),
        Some(Defect::SignatureAboveModulus) => signature.fill(0xFF),
        Some(Defect::ZeroR) => signature.iter_mut().take(half).for_each(|octet| *octet = 0),
        Some(Defect::ZeroS) => signature.iter_mut().skip(half).for_each(|octet| *octet = 0),
        _ => {}
    }
    if has(Defect::BodyLength) {
        // one less than there are: the last byte of the body then stands where the signature should begin
        body = tlv::encode(0x7F4E, fields.get(..fields.len().saturating_sub(1)).unwrap_or_default());
        body.extend(fields.last());
    }
    let mut object = tlv::encode(if has(Defect::SignatureTag) { 0x5F38_u32 } else { 0x5F37 }, &signature);
    if has(Defect::SignatureLength) {
        object = tlv::encode(0x5F37, signature.get(..signature.len().saturating_sub(1)).unwrap_or_default());
        object.extend(signature.last());
    }
    body.extend(object);
    Ok(body)
}

/// What is in 7F49.
fn key_objects(row: &Row, key: &CvKey) -> Vec<u8> {
    let mut members = members(&key.encode());
    let without = |members: &mut Vec<(u32, Vec<u8>)>, tag: u32| members.retain(|(known, _)| *known != tag);
    match row.defect {
        Some(Defect::NoKeyOid) => without(&mut members, 0x06),
        Some(Defect::KeyOid) => other_oid(&mut members),
        Some(Defect::NoPoint) => without(&mut members, 0x86),
        Some(Defect::NoModulus) => without(&mut members, 0x81),
        Some(Defect::NoExponent) => without(&mut members, 0x82),
        Some(Defect::KeyObject) => members.push((0x77, vec![0x00])),
        _ => {}
    }
    written(&members)
}

fn members(template: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut members = Vec::new();
    let mut outer = Reader::new(template);
    if let Ok(Some(template)) = outer.next() {
        let mut reader = template.reader();
        while let Ok(Some(object)) = reader.next() {
            members.push((object.tag.0, object.value.to_vec()));
        }
    }
    members
}

fn written(members: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    members.iter().for_each(|(tag, value)| tlv::push(&mut out, *tag, value));
    out
}

fn other_oid(members: &mut [(u32, Vec<u8>)]) {
    let oids = members.iter_mut().filter(|(tag, _)| *tag == 0x06);
    oids.filter_map(|(_, value)| value.last_mut()).for_each(|last| *last = NO_ARC);
}

/// A new key on the curve, or with as many bits, as another; or one that is shorter.
pub(super) fn key_like(key: &VerifyingKey, short: bool, rng: &mut dyn CryptoRng) -> Result<PrivateKey, SignatureError> {
    match &key.key {
        PublicKey::Rsa(key) => PrivateKey::generate_rsa(if short { key.bits() / 2 } else { key.bits() }, rng),
        PublicKey::Ec(point) if short => {
            let shorter = Curve::ALL.into_iter().filter(|curve| curve.field_len() < point.curve().field_len());
            let longest = shorter.max_by_key(|curve| curve.field_len());
            let none = || SignatureError::Unsupported(format!("no curve is shorter than {}", point.curve().name()));
            Ok(PrivateKey::generate_ec(longest.ok_or_else(none)?, rng))
        }
        PublicKey::Ec(point) => Ok(PrivateKey::generate_ec(point.curve(), rng)),
    }
}

/// A signer with a random source that it borrows.
pub(super) struct Once<'a> {
    key: &'a PrivateKey,
    algorithm: Algorithm,
    rng: RefCell<&'a mut dyn CryptoRng>,
}

impl<'a> Once<'a> {
    pub(super) const fn new(key: &'a PrivateKey, algorithm: Algorithm, rng: &'a mut dyn CryptoRng) -> Self {
        Self { key, algorithm, rng: RefCell::new(rng) }
    }
}

impl Signer for Once<'_> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        let failed = |detail: String| SignerError { name: "test CVCA".to_owned(), detail };
        let mut rng = self.rng.try_borrow_mut().map_err(|error| failed(error.to_string()))?;
        sign(self.algorithm, self.key, message, &mut **rng).map_err(|error| failed(error.to_string()))
    }
}
