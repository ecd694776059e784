//! Restricted Identification (BSI TR-03110-2 §3.7, TR-03110-3 A.5 and B.4), both roles: a chip gives a sector an identifier that is the same
//! each time, and that no other sector can connect with its own.
//!
//! ```text
//! MSE:Set AT            00 22 41 A4   80 protocol, [84 key id]                              after Terminal and Chip Authentication version 2
//! GENERAL AUTHENTICATE  00 86 00 00   7C { A0 first sector key }  -> 7C { 81 identifier }
//!                                     7C { A2 second sector key } -> 7C { 83 identifier }
//! sector key   06 protocol, 81 p, 82 a, 83 b, 84 G, 85 n, 86 Q, 87 h      the content of 7F49, which stands in A0 or A2 without it
//! identifier   H(x(SK_ID · PK_Sector))
//! ```
//!
//! The chip answers only for a sector whose key has the hash that the terminal's certificate states ([`TerminalSector`]). ECDH only; a sector
//! key of another curve than the chip's is refused.

use crate::apdu::Command;
use crate::cert::cvc::key::{curve_of, push_ec};
use crate::cert::der;
use crate::crypto::agreement::{AgreementPrivateKey, Domain, ecdh};
use crate::crypto::curve::{CurveError, Point};
use crate::crypto::hash::Hash;
use crate::lds::asn1;
use crate::lds::security_info::{Agreement, KeyId, SecurityInfo, SecurityInfos};
use crate::oid;
use crate::tlv::{self, Reader, Tlv, TlvError};

use super::dynamic_auth::{self, DynamicAuthError};

#[cfg(doc)]
use crate::cert::cvc::TerminalSector;

const PROTOCOLS: [(&str, Agreement, Hash); 10] = [
    (oid::RI_DH_SHA1, Agreement::Dh, Hash::Sha1),
    (oid::RI_DH_SHA224, Agreement::Dh, Hash::Sha224),
    (oid::RI_DH_SHA256, Agreement::Dh, Hash::Sha256),
    (oid::RI_DH_SHA384, Agreement::Dh, Hash::Sha384),
    (oid::RI_DH_SHA512, Agreement::Dh, Hash::Sha512),
    (oid::RI_ECDH_SHA1, Agreement::Ecdh, Hash::Sha1),
    (oid::RI_ECDH_SHA224, Agreement::Ecdh, Hash::Sha224),
    (oid::RI_ECDH_SHA256, Agreement::Ecdh, Hash::Sha256),
    (oid::RI_ECDH_SHA384, Agreement::Ecdh, Hash::Sha384),
    (oid::RI_ECDH_SHA512, Agreement::Ecdh, Hash::Sha512),
];

/// Why Restricted Identification failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestrictedIdError {
    /// Not the structure of the clause.
    #[error("Restricted Identification: {0}")]
    Tlv(#[from] TlvError),
    /// The data field is no dynamic authentication data.
    #[error("Restricted Identification: {0}")]
    Data(#[from] DynamicAuthError),
    /// A protocol, key, or curve that is not known here, or not the chip's.
    #[error("Restricted Identification: {0}")]
    Unsupported(String),
    /// Not a point of the curve.
    #[error("Restricted Identification, sector key: {0}")]
    Curve(#[from] CurveError),
    /// An identifier of another length than the protocol's hash.
    #[error("Restricted Identification: identifier of {found} bytes, expected {expected}")]
    Identifier {
        /// Length of the hash.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
}

/// Kind of agreement, and the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol {
    /// DH or ECDH.
    pub agreement: Agreement,
    /// What makes the identifier of the shared secret.
    pub hash: Hash,
}

impl Protocol {
    /// The protocol of ECDH with SHA-256.
    pub const ECDH_SHA256: Self = Self { agreement: Agreement::Ecdh, hash: Hash::Sha256 };

    /// The protocol of the content octets of an identifier.
    #[must_use]
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        let row = PROTOCOLS.iter().find(|(dotted, ..)| oid::encode(dotted) == octets);
        row.map(|&(_, agreement, hash)| Self { agreement, hash })
    }

    /// The object identifier in dotted form.
    #[must_use]
    pub fn oid(self) -> &'static str {
        let row = PROTOCOLS.iter().find(|(_, agreement, hash)| (*agreement, *hash) == (self.agreement, self.hash));
        row.map_or(oid::RI, |(dotted, ..)| dotted)
    }

    /// The content octets of the identifier.
    #[must_use]
    pub fn octets(self) -> Vec<u8> {
        oid::encode(self.oid())
    }
}

/// RestrictedIdentificationInfo (TR-03110-3 A.1.1.4).
///
/// ```text
/// SEQUENCE { protocol OBJECT IDENTIFIER, SEQUENCE { version INTEGER 1, keyId INTEGER, authorizedOnly BOOLEAN }, maxKeyLen INTEGER OPTIONAL }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Kind of agreement, and the hash.
    pub protocol: Protocol,
    /// 1.
    pub version: u8,
    /// Which key.
    pub key_id: u32,
    /// Whether a terminal needs the right to it.
    pub authorized_only: bool,
}

impl Info {
    /// As a SecurityInfo.
    #[must_use]
    pub fn encode(&self) -> SecurityInfo {
        let mut parameters = Vec::new();
        asn1::push_unsigned(&mut parameters, self.version.into());
        asn1::push_unsigned(&mut parameters, self.key_id);
        tlv::push(&mut parameters, 0x01u32, &[if self.authorized_only { 0xFF } else { 0x00 }]);
        let content = [tlv::encode(0x06u32, &self.protocol.octets()), tlv::encode(0x30u32, &parameters)].concat();
        SecurityInfo::Other { oid: self.protocol.oid().to_owned(), raw: tlv::encode(0x30u32, &content) }
    }

    /// Those in `infos` that are of version 1 and can be read.
    pub fn all(infos: &SecurityInfos) -> impl Iterator<Item = Self> {
        let raw = infos.infos().iter().filter_map(|info| if let SecurityInfo::Other { raw, .. } = info { Some(raw) } else { None });
        raw.filter_map(|raw| Self::read(raw)).filter(|info| info.version == 1)
    }

    fn read(raw: &[u8]) -> Option<Self> {
        let mut reader = tlv::single(raw, 0x30u32).ok()?.reader();
        let protocol = Protocol::from_octets(reader.expect(0x06u32).ok()?.value)?;
        let mut parameters = reader.expect(0x30u32).ok()?.reader();
        let (version, key_id) = (asn1::unsigned(&mut parameters).ok()?, asn1::unsigned(&mut parameters).ok()?);
        let &[flag] = parameters.expect(0x01u32).ok()?.value else { return None };
        parameters.finish().ok()?;
        Some(Self { protocol, version, key_id, authorized_only: flag != 0 })
    }
}

/// The public key of a sector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectorKey {
    /// What stands inside 7F49, A0, or A2.
    content: Vec<u8>,
    point: Point,
}

impl SectorKey {
    /// The object for this point, under the identifier of ECDH with SHA-256.
    #[must_use]
    pub fn new(point: &Point) -> Self {
        let mut content = tlv::encode(0x06u32, &Protocol::ECDH_SHA256.octets());
        push_ec(&mut content, point.curve(), point.as_bytes());
        Self { content, point: point.clone() }
    }

    /// Reads 7F49 that fills `bytes`.
    ///
    /// # Errors
    /// Another structure, parameters of no known curve, or no point of it.
    pub fn from_object(bytes: &[u8]) -> Result<Self, RestrictedIdError> {
        Self::read(tlv::single(bytes, 0x7F49u32)?.value)
    }

    /// Reads what stands inside 7F49, A0, or A2.
    ///
    /// # Errors
    /// As [`from_object`](Self::from_object).
    pub fn read(content: &[u8]) -> Result<Self, RestrictedIdError> {
        let mut reader = Reader::new(content);
        reader.expect(0x06u32)?;
        let mut integer = |tag: u32| reader.expect(tag).map(|object: Tlv<'_>| der::strip_zeros(object.value));
        let (p, a, b) = (integer(0x81)?, integer(0x82)?, integer(0x83)?);
        let base = reader.expect(0x84u32)?.value;
        let n = der::strip_zeros(reader.expect(0x85u32)?.value);
        let point = reader.expect(0x86u32)?.value;
        let cofactor = reader.optional(0x87u32)?;
        reader.finish()?;
        if cofactor.is_some_and(|h| der::strip_zeros(h.value) != [1]) {
            return Err(RestrictedIdError::Unsupported("a sector key whose cofactor (87) is not 1".into()));
        }
        let unknown = || RestrictedIdError::Unsupported("a sector key with the parameters of no known curve".into());
        let curve = curve_of([p, a, b, n], base).ok_or_else(unknown)?;
        Ok(Self { content: content.to_vec(), point: Point::from_bytes(curve, point)? })
    }

    /// 7F49 with its header: what the certificate's hash is over.
    #[must_use]
    pub fn object(&self) -> Vec<u8> {
        tlv::encode(0x7F49u32, &self.content)
    }

    /// The point.
    #[must_use]
    pub const fn point(&self) -> &Point {
        &self.point
    }
}

/// The identifier that a chip with the private key `key` gives the sector.
///
/// # Errors
/// Another kind of key, or a curve that is not the sector's.
pub fn identifier(protocol: Protocol, key: &AgreementPrivateKey, sector: &SectorKey) -> Result<Vec<u8>, RestrictedIdError> {
    match (protocol.agreement, key) {
        (Agreement::Ecdh, AgreementPrivateKey::Ec(key)) => Ok(protocol.hash.digest(&[ecdh(key, &sector.point)?.expose()])),
        _ => Err(RestrictedIdError::Unsupported(format!("{} with a key of {}", oid::describe(protocol.oid()), key.domain()))),
    }
}

/// MSE:Set AT: the protocol and the chip's key.
#[must_use]
pub fn set_at(protocol: Protocol, key_id: Option<u32>) -> Command {
    let mut objects = tlv::encode(0x80u32, &protocol.octets());
    if let Some(id) = key_id {
        tlv::push(&mut objects, 0x84u32, KeyId::from(id).as_reference());
    }
    Command::new(0x00, 0x22, 0x41, 0xA4).with_data(objects)
}

/// What a chip reads from MSE:Set AT; `None` if it is not for Restricted Identification.
#[must_use]
pub fn selection(data: &[u8]) -> Option<(Protocol, Option<KeyId>)> {
    let mut reader = Reader::new(data);
    let protocol = Protocol::from_octets(reader.expect(0x80u32).ok()?.value)?;
    let key_id = match reader.optional(0x84u32).ok()? {
        Some(object) => Some(KeyId::from_reference(object.value)?),
        None => None,
    };
    reader.finish().ok()?;
    Some((protocol, key_id))
}

/// GENERAL AUTHENTICATE: asks for the identifier of the first sector, or of the second.
#[must_use]
pub fn ask(second: bool, sector: &SectorKey) -> Command {
    dynamic_auth::command(true, &[(if second { 0xA2 } else { 0xA0 }, &sector.content)])
}

/// What a chip reads from GENERAL AUTHENTICATE: the keys of the first and of the second sector, not yet checked.
///
/// # Errors
/// [`RestrictedIdError::Data`].
pub fn asked(data: &[u8]) -> Result<[Option<&[u8]>; 2], RestrictedIdError> {
    let ([], keys) = dynamic_auth::parse(data, [], [0xA0, 0xA2])?;
    Ok(keys)
}

/// The chip's answer with these identifiers.
#[must_use]
pub fn answer(identifiers: [Option<Vec<u8>>; 2]) -> Vec<u8> {
    let objects: Vec<_> = [0x81, 0x83].into_iter().zip(&identifiers).filter_map(|(tag, id)| Some((tag, id.as_deref()?))).collect();
    dynamic_auth::encode(&objects)
}

/// Reads the chip's answer for the first sector, or for the second.
///
/// # Errors
/// [`RestrictedIdError::Data`], [`RestrictedIdError::Identifier`].
pub fn answered(protocol: Protocol, second: bool, data: &[u8]) -> Result<Vec<u8>, RestrictedIdError> {
    let ([identifier], []) = dynamic_auth::parse(data, [if second { 0x83 } else { 0x81 }], [])?;
    let expected = protocol.hash.len();
    if identifier.len() == expected {
        Ok(identifier.to_vec())
    } else {
        Err(RestrictedIdError::Identifier { expected, found: identifier.len() })
    }
}

/// RestrictedIdentificationDomainParameterInfo: the domain of the chip's public key for revocation. `None` for a domain without a
/// standardized id.
#[must_use]
pub fn domain_info(domain: &Domain) -> Option<SecurityInfo> {
    let protocol = if matches!(domain, Domain::Ec(_)) { oid::RI_ECDH } else { oid::RI_DH };
    let parts = [tlv::encode(0x06u32, &oid::encode(protocol)), crate::cert::spki::agreement::encode_standardized_domain(domain)?];
    Some(SecurityInfo::Other { oid: protocol.to_owned(), raw: tlv::encode(0x30u32, &parts.concat()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::curve::{Curve, PrivateKey};

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).expect("hex")
    }

    fn key(last: u8) -> PrivateKey {
        PrivateKey::from_bytes(Curve::BrainpoolP256r1, &[1, 2, 3, last]).expect("a scalar")
    }

    /// The two infos of Debian's emulated German card (vsmartcard-vpicc 3.3): key 67 for who has the right, key 68 for everybody.
    #[test]
    fn the_infos_of_the_emulated_german_card_are_read_and_written() {
        let [first, second] = ["01 01 02 01 43 01 01 FF", "01 01 02 01 44 01 01 00"]
            .map(|parameters| bytes(&format!("30 17 06 0A 04007F00070202050203 30 09 02 {parameters}")));
        let domain = bytes("30 19 06 09 04007F000702020502 30 0C 06 07 04007F00070102 02 01 0D");
        let set = tlv::encode(0x31u32, &[first, second, domain].concat());
        let infos = SecurityInfos::parse(&set).expect("SecurityInfos");
        let found: Vec<_> = Info::all(&infos).collect();
        let of = |key_id, authorized_only| Info { protocol: Protocol::ECDH_SHA256, version: 1, key_id, authorized_only };
        assert_eq!(found, [of(67, true), of(68, false)]);
        let own = found.iter().map(Info::encode).chain(domain_info(&Domain::Ec(Curve::BrainpoolP256r1)));
        assert_eq!(SecurityInfos::new(own).encode(), set);
    }

    /// What each side computes is the same point (TR-03111 4.3.1): the sector's private key with the chip's public key.
    #[test]
    fn the_identifier_is_the_hash_of_the_shared_point() {
        let (chip, sector, other) = (key(4), key(5), key(6));
        let sector_key = SectorKey::new(&sector.public());
        let own = AgreementPrivateKey::Ec(chip.clone());
        let found = identifier(Protocol::ECDH_SHA256, &own, &sector_key).expect("one curve");
        let shared = ecdh(&sector, &chip.public()).expect("one curve");
        assert_eq!(found, Hash::Sha256.digest(&[shared.expose()]));
        assert_ne!(identifier(Protocol::ECDH_SHA256, &own, &SectorKey::new(&other.public())).expect("one curve"), found);
        let nist = PrivateKey::from_bytes(Curve::P256, &[7]).expect("a scalar").public();
        assert!(matches!(identifier(Protocol::ECDH_SHA256, &own, &SectorKey::new(&nist)), Err(RestrictedIdError::Curve(_))));
        let dh = Protocol { agreement: Agreement::Dh, hash: Hash::Sha256 };
        assert!(matches!(identifier(dh, &own, &sector_key), Err(RestrictedIdError::Unsupported(_))));
    }

    #[test]
    fn commands_and_answers_carry_what_the_other_side_reads() {
        let sector = SectorKey::new(&key(5).public());
        assert_eq!(SectorKey::from_object(&sector.object()).as_ref(), Ok(&sector));
        let command = set_at(Protocol::ECDH_SHA256, Some(67));
        assert_eq!(hex::encode_upper(&command.data), "800A04007F00070202050203840143");
        assert_eq!(selection(&command.data), Some((Protocol::ECDH_SHA256, Some(KeyId::from(67)))));
        assert_eq!(selection(&bytes("800A04007F00070202030202")), None, "Chip Authentication");
        for second in [false, true] {
            let command = ask(second, &sector);
            let keys = asked(&command.data).expect("one of the two");
            assert_eq!(
                keys.map(|key| key.map(SectorKey::read)),
                if second { [None, Some(Ok(sector.clone()))] } else { [Some(Ok(sector.clone())), None] }
            );
            let id = vec![7; 32];
            let said = answer(if second { [None, Some(id.clone())] } else { [Some(id.clone()), None] });
            assert_eq!(answered(Protocol::ECDH_SHA256, second, &said), Ok(id));
            assert!(answered(Protocol::ECDH_SHA256, !second, &said).is_err());
        }
        assert!(matches!(answered(Protocol::ECDH_SHA256, false, &bytes("7C03810100")), Err(RestrictedIdError::Identifier { .. })));
    }

    #[test]
    fn a_sector_key_that_is_none_is_refused() {
        let good = SectorKey::new(&key(5).public()).object();
        for len in 0..good.len() {
            assert!(SectorKey::from_object(good.get(..len).expect("shorter")).is_err(), "{len}");
        }
        for (at, _) in good.iter().enumerate().skip(20) {
            let mut changed = good.clone();
            *changed.get_mut(at).expect("in it") ^= 0x01;
            assert!(SectorKey::from_object(&changed).is_err(), "{at}");
        }
    }
}
