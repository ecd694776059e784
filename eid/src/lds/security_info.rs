//! SecurityInfos (Doc 9303-11 §9.2, TR-03110-3 A.1.1): what protocols a chip speaks, in EF.CardAccess, EF.CardSecurity, and EF.DG14.
//!
//! ```text
//! SecurityInfos ::= SET OF SecurityInfo
//! SecurityInfo  ::= SEQUENCE { protocol OBJECT IDENTIFIER, requiredData ANY, optionalData ANY OPTIONAL }
//! ```
//!
//! Unknown protocols are kept as they are ([`SecurityInfo::Other`]); a known protocol with content of another shape is refused by name.

use super::asn1;
use crate::oid::{self, OidError};
use crate::tlv::{self, Reader, Tlv, TlvError};

mod key_id;
mod protocol;

pub use key_id::KeyId;
pub use protocol::{Agreement, ChipAuthProtocol, Mapping, PaceProtocol};

use crate::crypto::hash::Hash;

/// Most infos that are read from one set.
pub const MAX_INFOS: usize = 64;

/// Why bytes are no SecurityInfos.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecurityInfoError {
    /// Not the TLV structure of the clause.
    #[error("SecurityInfos: {0}")]
    Tlv(#[from] TlvError),
    /// The protocol is no object identifier.
    #[error("SecurityInfo at offset {at}: {source}")]
    Oid {
        /// Offset of the SecurityInfo.
        at: usize,
        /// What is wrong.
        source: OidError,
    },
    /// A known protocol with content of another shape.
    #[error("{protocol} at offset {at}: {field}: {source}")]
    Content {
        /// Name of the protocol.
        protocol: &'static str,
        /// Offset of the SecurityInfo.
        at: usize,
        /// Field of the ASN.1 definition.
        field: &'static str,
        /// What is wrong.
        source: asn1::ValueError,
    },
    /// More infos than any chip has.
    #[error("more than {MAX_INFOS} SecurityInfos")]
    TooMany,
}

/// PACEInfo: one way to run PACE.
///
/// ```text
/// PACEInfo ::= SEQUENCE { protocol OBJECT IDENTIFIER, version INTEGER, parameterId INTEGER OPTIONAL }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaceInfo {
    /// Mapping, key agreement and cipher.
    pub protocol: PaceProtocol,
    /// Must be 2.
    pub version: u8,
    /// Standardized domain parameters 0 to 31 (Doc 9303-11 §9.5.1), or the id of a PACEDomainParameterInfo.
    pub parameter_id: Option<u8>,
}

/// PACEDomainParameterInfo: explicit domain parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaceDomainParameterInfo {
    /// How the nonce is mapped.
    pub mapping: Mapping,
    /// DH or ECDH.
    pub agreement: Agreement,
    /// AlgorithmIdentifier in DER, as it stands in the file.
    pub domain_parameter: Vec<u8>,
    /// What PACEInfo refers to.
    pub parameter_id: Option<u8>,
}

/// ChipAuthenticationInfo.
///
/// ```text
/// ChipAuthenticationInfo ::= SEQUENCE { protocol OBJECT IDENTIFIER, version INTEGER, keyId INTEGER OPTIONAL }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChipAuthInfo {
    /// Key agreement and cipher.
    pub protocol: ChipAuthProtocol,
    /// 1 in Doc 9303; 2 and 3 in TR-03110.
    pub version: u8,
    /// Which key, where the chip has several.
    pub key_id: Option<KeyId>,
}

/// ChipAuthenticationPublicKeyInfo.
///
/// ```text
/// ChipAuthenticationPublicKeyInfo ::= SEQUENCE {
///   protocol OBJECT IDENTIFIER, chipAuthenticationPublicKey SubjectPublicKeyInfo, keyId INTEGER OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChipAuthPublicKeyInfo {
    /// DH or ECDH.
    pub agreement: Agreement,
    /// SubjectPublicKeyInfo in DER, as it stands in the file; read it with [`crate::cert`].
    pub spki: Vec<u8>,
    /// Which key, where the chip has several.
    pub key_id: Option<KeyId>,
}

/// One SecurityInfo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecurityInfo {
    /// PACEInfo.
    Pace(PaceInfo),
    /// PACEDomainParameterInfo.
    PaceDomainParameter(PaceDomainParameterInfo),
    /// ChipAuthenticationInfo.
    ChipAuth(ChipAuthInfo),
    /// ChipAuthenticationPublicKeyInfo.
    ChipAuthPublicKey(ChipAuthPublicKeyInfo),
    /// TerminalAuthenticationInfo.
    TerminalAuth {
        /// 1 in Doc 9303, 2 in TR-03110 version 2.
        version: u8,
        /// FileID of EF.CVCA in DER (SEQUENCE of file identifier and short identifier), where it is not 011C.
        ef_cvca: Option<Vec<u8>>,
    },
    /// ActiveAuthenticationInfo: ECDSA in plain format with this hash.
    ActiveAuth {
        /// The hash of `ecdsa-plain-SHA…`.
        hash: Hash,
    },
    /// A protocol that is not known here, or an ActiveAuthenticationInfo with another signature algorithm.
    Other {
        /// The protocol in dotted form.
        oid: String,
        /// The whole SecurityInfo in DER.
        raw: Vec<u8>,
    },
}

/// The set, and the bytes that it was read from or is written as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityInfos {
    raw: Vec<u8>,
    infos: Vec<SecurityInfo>,
}

const PLAIN_ECDSA: [(Hash, &str); 5] = [
    (Hash::Sha1, oid::ECDSA_PLAIN_SHA1),
    (Hash::Sha224, oid::ECDSA_PLAIN_SHA224),
    (Hash::Sha256, oid::ECDSA_PLAIN_SHA256),
    (Hash::Sha384, oid::ECDSA_PLAIN_SHA384),
    (Hash::Sha512, oid::ECDSA_PLAIN_SHA512),
];

const X962_ECDSA: [(Hash, &str); 5] = [
    (Hash::Sha1, oid::ECDSA_SHA1),
    (Hash::Sha224, oid::ECDSA_SHA224),
    (Hash::Sha256, oid::ECDSA_SHA256),
    (Hash::Sha384, oid::ECDSA_SHA384),
    (Hash::Sha512, oid::ECDSA_SHA512),
];

impl SecurityInfos {
    /// A new set in DER: its members are sorted by their encoding (X.690 §11.6).
    #[must_use]
    pub fn new(infos: impl IntoIterator<Item = SecurityInfo>) -> Self {
        let mut members: Vec<_> = infos.into_iter().map(|info| (info.encode(), info)).collect();
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        let content: Vec<u8> = members.iter().flat_map(|(der, _)| der.iter().copied()).collect();
        Self { raw: tlv::encode(0x31, &content), infos: members.into_iter().map(|(_, info)| info).collect() }
    }

    /// Reads a SET that is all of `bytes`. Members may stand in any order, which is kept.
    ///
    /// # Errors
    /// Not such a set, or bytes after it.
    pub fn parse(bytes: &[u8]) -> Result<Self, SecurityInfoError> {
        let mut reader = Reader::new(bytes);
        let infos = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(infos)
    }

    /// Reads the SET that comes next in `reader`.
    ///
    /// # Errors
    /// Not such a set.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, SecurityInfoError> {
        let set = reader.expect(0x31)?;
        let mut members = set.reader();
        let mut infos = Vec::new();
        while let Some(member) = members.next()? {
            if infos.len() == MAX_INFOS {
                return Err(SecurityInfoError::TooMany);
            }
            infos.push(SecurityInfo::read(member)?);
        }
        Ok(Self { raw: set.raw.to_vec(), infos })
    }

    /// The SET in the bytes that it was read from, or in DER if it was made by [`new`](Self::new).
    #[must_use]
    pub fn encode(&self) -> &[u8] {
        &self.raw
    }

    /// The members in the order of the bytes.
    #[must_use]
    pub fn infos(&self) -> &[SecurityInfo] {
        &self.infos
    }

    /// Every PACEInfo.
    pub fn pace(&self) -> impl Iterator<Item = &PaceInfo> {
        self.infos.iter().filter_map(|info| if let SecurityInfo::Pace(pace) = info { Some(pace) } else { None })
    }

    /// Every PACEDomainParameterInfo.
    pub fn pace_domain_parameters(&self) -> impl Iterator<Item = &PaceDomainParameterInfo> {
        self.infos.iter().filter_map(|info| if let SecurityInfo::PaceDomainParameter(pace) = info { Some(pace) } else { None })
    }

    /// Every ChipAuthenticationInfo.
    pub fn chip_auth(&self) -> impl Iterator<Item = &ChipAuthInfo> {
        self.infos.iter().filter_map(|info| if let SecurityInfo::ChipAuth(ca) = info { Some(ca) } else { None })
    }

    /// Every ChipAuthenticationPublicKeyInfo.
    pub fn chip_auth_public_keys(&self) -> impl Iterator<Item = &ChipAuthPublicKeyInfo> {
        self.infos.iter().filter_map(|info| if let SecurityInfo::ChipAuthPublicKey(key) = info { Some(key) } else { None })
    }

    /// The hash that ActiveAuthenticationInfo names for ECDSA. RSA needs no such info.
    #[must_use]
    pub fn active_auth_hash(&self) -> Option<Hash> {
        let plain = self.infos.iter().find_map(|info| if let SecurityInfo::ActiveAuth { hash } = info { Some(*hash) } else { None });
        plain.or_else(|| self.x962_active_auth_hash())
    }

    /// The hash of an ActiveAuthenticationInfo that names ECDSA by the identifiers of X9.62 (`ecdsa-with-SHA…`), as chips of before the plain
    /// format do, although Doc 9303-11 §9.2.5 allows only those of TR-03111.
    #[must_use]
    pub fn x962_active_auth_hash(&self) -> Option<Hash> {
        let algorithm = |raw: &[u8]| {
            let mut fields = tlv::single(raw, 0x30).ok()?.reader();
            fields.expect(0x06).ok()?;
            fields.expect(0x02).ok()?;
            oid::decode(fields.expect(0x06).ok()?.value).ok()
        };
        self.infos.iter().find_map(|info| match info {
            SecurityInfo::Other { oid, raw } if oid == oid::AA_PROTOCOL => {
                let algorithm = algorithm(raw)?;
                X962_ECDSA.iter().find(|(_, oid)| *oid == algorithm).map(|&(hash, _)| hash)
            }
            _ => None,
        })
    }

    /// Name and value of each member, for people.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        self.infos.iter().map(SecurityInfo::field).collect()
    }
}

impl SecurityInfo {
    /// The SecurityInfo in DER.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut content = Vec::new();
        match self {
            Self::Pace(info) => {
                asn1::push_oid(&mut content, info.protocol.oid());
                asn1::push_unsigned(&mut content, info.version.into());
                info.parameter_id.iter().for_each(|&id| asn1::push_unsigned(&mut content, id.into()));
            }
            Self::PaceDomainParameter(info) => {
                asn1::push_oid(&mut content, protocol::pace_arc(info.mapping, info.agreement));
                content.extend(&info.domain_parameter);
                info.parameter_id.iter().for_each(|&id| asn1::push_unsigned(&mut content, id.into()));
            }
            Self::ChipAuth(info) => {
                asn1::push_oid(&mut content, info.protocol.oid());
                asn1::push_unsigned(&mut content, info.version.into());
                info.key_id.iter().for_each(|id| tlv::push(&mut content, 0x02, id.as_integer()));
            }
            Self::ChipAuthPublicKey(info) => {
                asn1::push_oid(&mut content, protocol::public_key_oid(info.agreement));
                content.extend(&info.spki);
                info.key_id.iter().for_each(|id| tlv::push(&mut content, 0x02, id.as_integer()));
            }
            Self::TerminalAuth { version, ef_cvca } => {
                asn1::push_oid(&mut content, oid::TA);
                asn1::push_unsigned(&mut content, (*version).into());
                content.extend(ef_cvca.iter().flatten());
            }
            Self::ActiveAuth { hash } => {
                asn1::push_oid(&mut content, oid::AA_PROTOCOL);
                asn1::push_unsigned(&mut content, 1);
                PLAIN_ECDSA.iter().filter(|(h, _)| h == hash).for_each(|(_, oid)| asn1::push_oid(&mut content, oid));
            }
            Self::Other { raw, .. } => return raw.clone(),
        }
        tlv::encode(0x30, &content)
    }

    /// The protocol in dotted form.
    #[must_use]
    pub fn oid(&self) -> &str {
        match self {
            Self::Pace(info) => info.protocol.oid(),
            Self::PaceDomainParameter(info) => protocol::pace_arc(info.mapping, info.agreement),
            Self::ChipAuth(info) => info.protocol.oid(),
            Self::ChipAuthPublicKey(info) => protocol::public_key_oid(info.agreement),
            Self::TerminalAuth { .. } => oid::TA,
            Self::ActiveAuth { .. } => oid::AA_PROTOCOL,
            Self::Other { oid, .. } => oid,
        }
    }

    /// Reads the info that `member` is.
    fn read(member: Tlv<'_>) -> Result<Self, SecurityInfoError> {
        let at = member.at;
        let mut whole = Reader::new_at(member.raw, at);
        let mut fields = whole.expect(0x30)?.reader();
        let protocol = oid::decode(fields.expect(0x06)?.value).map_err(|source| SecurityInfoError::Oid { at, source })?;
        let other = || Self::Other { oid: protocol.clone(), raw: member.raw.to_vec() };
        let name = oid::name(&protocol).unwrap_or("SecurityInfo");
        let fail = |field| move |source| SecurityInfoError::Content { protocol: name, at, field, source };
        let info = if let Some(protocol) = PaceProtocol::from_oid(&protocol) {
            let version = asn1::unsigned(&mut fields).map_err(fail("version"))?;
            let parameter_id = asn1::optional_unsigned(&mut fields).map_err(fail("parameterId"))?;
            Self::Pace(PaceInfo { protocol, version, parameter_id })
        } else if let Some((mapping, agreement)) = protocol::pace_from_arc(&protocol) {
            let domain_parameter = fields.expect(0x30)?.raw.to_vec();
            let parameter_id = asn1::optional_unsigned(&mut fields).map_err(fail("parameterId"))?;
            Self::PaceDomainParameter(PaceDomainParameterInfo { mapping, agreement, domain_parameter, parameter_id })
        } else if let Some(protocol) = ChipAuthProtocol::from_oid(&protocol) {
            let version = asn1::unsigned(&mut fields).map_err(fail("version"))?;
            let key_id = KeyId::read_optional(&mut fields).map_err(fail("keyId"))?;
            Self::ChipAuth(ChipAuthInfo { protocol, version, key_id })
        } else if let Some(agreement) = protocol::public_key_from_oid(&protocol) {
            let spki = fields.expect(0x30)?.raw.to_vec();
            let key_id = KeyId::read_optional(&mut fields).map_err(fail("keyId"))?;
            Self::ChipAuthPublicKey(ChipAuthPublicKeyInfo { agreement, spki, key_id })
        } else if protocol == oid::TA {
            let version = asn1::unsigned(&mut fields).map_err(fail("version"))?;
            let ef_cvca = fields.optional(0x30)?.map(|file| file.raw.to_vec());
            Self::TerminalAuth { version, ef_cvca }
        } else if protocol == oid::AA_PROTOCOL {
            let version: u32 = asn1::unsigned(&mut fields).map_err(fail("version"))?;
            let algorithm = oid::decode(fields.expect(0x06)?.value).map_err(|source| SecurityInfoError::Oid { at, source })?;
            match PLAIN_ECDSA.iter().find(|(_, oid)| *oid == algorithm) {
                Some(&(hash, _)) if version == 1 => Self::ActiveAuth { hash },
                _ => return Ok(other()),
            }
        } else {
            return Ok(other());
        };
        fields.finish()?;
        Ok(info)
    }

    fn field(&self) -> (String, String) {
        fn id(name: &str, id: Option<impl std::fmt::Display>) -> String {
            id.map_or_else(String::new, |id| format!(", {name} {id}"))
        }
        let value = match self {
            Self::Pace(info) => format!("version {}{}", info.version, id("parameterId", info.parameter_id)),
            Self::PaceDomainParameter(info) => {
                format!("{} bytes{}", info.domain_parameter.len(), id("parameterId", info.parameter_id))
            }
            Self::ChipAuth(info) => format!("version {}{}", info.version, id("keyId", info.key_id)),
            Self::ChipAuthPublicKey(info) => format!("public key of {} bytes{}", info.spki.len(), id("keyId", info.key_id)),
            Self::TerminalAuth { version, .. } => format!("version {version}"),
            Self::ActiveAuth { hash } => format!("ECDSA plain, {}", hash.name()),
            Self::Other { raw, .. } => format!("{} bytes", raw.len()),
        };
        let oid = self.oid();
        (oid::name(oid).unwrap_or(oid).to_owned(), value)
    }
}

#[cfg(test)]
mod tests;
