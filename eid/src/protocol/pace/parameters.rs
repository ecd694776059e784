//! Which PACE both sides run: protocol and domain parameters, from the entries of EF.CardAccess (Doc 9303-11 §9.2.1 and §9.5.1).
//!
//! Refused: other versions than 2, a protocol that its domain does not have, explicit domain parameters that are none of the standardized
//! ones (an inspection system computes only with sets that it knows).

use super::PaceError;
use crate::cert::spki;
use crate::crypto::agreement::Domain;
use crate::crypto::curve::Curve;
use crate::crypto::kdf::Suite;
use crate::lds::security_info::{Agreement, Mapping, PaceInfo, PaceProtocol, SecurityInfos};

/// Protocol and domain parameters on which both sides have agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    protocol: PaceProtocol,
    domain: Domain,
    /// What object 84 names.
    id: u8,
}

impl Parameters {
    /// `protocol` over `domain`, one of the standardized ones.
    ///
    /// # Errors
    /// [`PaceError::Protocol`] if they do not go together: DH and ECDH, the integrated mapping on P-224.
    /// [`PaceError::Domain`] for a group that is not standardized.
    pub fn new(protocol: PaceProtocol, domain: Domain) -> Result<Self, PaceError> {
        let id = domain.parameter_id().ok_or_else(|| PaceError::Domain(format!("{domain} is not standardized")))?;
        Self::with_id(protocol, domain, id)
    }

    fn with_id(protocol: PaceProtocol, domain: Domain, id: u8) -> Result<Self, PaceError> {
        let fits = match (&domain, protocol.agreement()) {
            (Domain::Ec(curve), Agreement::Ecdh) => protocol.mapping() != Mapping::Integrated || *curve != Curve::P224,
            (Domain::Dh(_), Agreement::Dh) => true,
            _ => false,
        };
        if fits { Ok(Self { protocol, domain, id }) } else { Err(PaceError::Protocol { protocol: protocol.oid(), domain: domain.name() }) }
    }

    /// The parameters of the entry `info` of `infos`: a standardized id, or the PACEDomainParameterInfo that it refers to, whose numbers
    /// must be those of a standardized domain.
    ///
    /// # Errors
    /// [`PaceError::Unsupported`], [`PaceError::Protocol`], [`PaceError::Domain`].
    pub fn from_info(info: &PaceInfo, infos: &SecurityInfos) -> Result<Self, PaceError> {
        if info.version != 2 {
            return Err(PaceError::Unsupported { what: "version", found: info.version.into() });
        }
        let protocol = info.protocol;
        if let Some(id) = info.parameter_id.filter(|id| *id < 32) {
            let domain = Domain::standardized(id).ok_or(PaceError::Unsupported { what: "domain parameter id", found: id.into() })?;
            return Self::with_id(protocol, domain, id);
        }
        // explicit: by id, or the only one where there is none
        let mut explicit = infos.pace_domain_parameters().filter(|explicit| {
            (explicit.mapping, explicit.agreement) == (protocol.mapping(), protocol.agreement())
                && (info.parameter_id.is_none() || explicit.parameter_id == info.parameter_id)
        });
        let missing = || PaceError::Domain(format!("no PACEDomainParameterInfo for {}", crate::oid::describe(protocol.oid())));
        let found = explicit.next().ok_or_else(missing)?;
        if explicit.next().is_some() {
            return Err(PaceError::Domain("several PACEDomainParameterInfos for one PACEInfo".to_owned()));
        }
        let (domain, _) = spki::agreement::parse_domain(&found.domain_parameter).map_err(|error| PaceError::Domain(error.to_string()))?;
        let standardized = domain.parameter_id().ok_or_else(|| PaceError::Domain(format!("{domain} is not standardized")))?;
        Self::with_id(protocol, domain, info.parameter_id.unwrap_or(standardized))
    }

    /// Mapping, agreement and cipher.
    #[must_use]
    pub const fn protocol(&self) -> PaceProtocol {
        self.protocol
    }

    /// Cipher and MAC.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.protocol.suite()
    }

    /// Curve or group.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The id that object 84 of MSE:Set AT names: standardized, or that of the explicit parameters. Also the key id of the key for chip
    /// authentication mapping.
    #[must_use]
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// How strong: chip authentication mapping before the others, then the suite, then the bits of security of the domain. Compares with
    /// that of other parameters.
    #[must_use]
    pub fn strength(&self) -> (bool, Suite, u16) {
        (self.is_cam(), self.suite(), self.domain.security_bits())
    }

    pub(in crate::protocol) fn is_integrated(&self) -> bool {
        self.protocol.mapping() == Mapping::Integrated
    }

    /// Whether the run proves the chip too.
    #[must_use]
    pub fn is_cam(&self) -> bool {
        self.protocol.mapping() == Mapping::ChipAuthentication
    }

    /// Bytes of the nonce that we draw: l of the integrated mapping, whole blocks, at least as long as a key.
    pub(super) const fn nonce_len(&self) -> usize {
        match self.suite() {
            Suite::TripleDes | Suite::Aes128 => 16,
            Suite::Aes192 | Suite::Aes256 => 32,
        }
    }
}

impl std::fmt::Display for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", crate::oid::name(self.protocol.oid()).unwrap_or(self.protocol.oid()), self.domain)
    }
}
