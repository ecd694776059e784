//! The protocol identifiers of PACE and Chip Authentication (Doc 9303-11 §9.2), as tables in both directions.

use crate::crypto::kdf::Suite;
use crate::oid;

/// How PACE maps the nonce to a generator (Doc 9303-11 §4.4.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mapping {
    /// GM.
    Generic,
    /// IM.
    Integrated,
    /// CAM: generic mapping that authenticates the chip too.
    ChipAuthentication,
}

/// Over which group keys are agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Agreement {
    /// A prime field.
    Dh,
    /// An elliptic curve.
    Ecdh,
}

/// `id-PACE-…`: only the 19 combinations that have an identifier can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaceProtocol {
    mapping: Mapping,
    agreement: Agreement,
    suite: Suite,
}

/// `id-CA-…`: what Chip Authentication agrees on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChipAuthProtocol {
    /// DH or ECDH.
    pub agreement: Agreement,
    /// Cipher and MAC of the channel that follows.
    pub suite: Suite,
}

use Agreement::{Dh, Ecdh};
use Mapping::{ChipAuthentication, Generic, Integrated};
use Suite::{Aes128, Aes192, Aes256, TripleDes};

const PACE: [(&str, Mapping, Agreement, Suite); 19] = [
    (oid::PACE_DH_GM_3DES, Generic, Dh, TripleDes),
    (oid::PACE_DH_GM_AES128, Generic, Dh, Aes128),
    (oid::PACE_DH_GM_AES192, Generic, Dh, Aes192),
    (oid::PACE_DH_GM_AES256, Generic, Dh, Aes256),
    (oid::PACE_ECDH_GM_3DES, Generic, Ecdh, TripleDes),
    (oid::PACE_ECDH_GM_AES128, Generic, Ecdh, Aes128),
    (oid::PACE_ECDH_GM_AES192, Generic, Ecdh, Aes192),
    (oid::PACE_ECDH_GM_AES256, Generic, Ecdh, Aes256),
    (oid::PACE_DH_IM_3DES, Integrated, Dh, TripleDes),
    (oid::PACE_DH_IM_AES128, Integrated, Dh, Aes128),
    (oid::PACE_DH_IM_AES192, Integrated, Dh, Aes192),
    (oid::PACE_DH_IM_AES256, Integrated, Dh, Aes256),
    (oid::PACE_ECDH_IM_3DES, Integrated, Ecdh, TripleDes),
    (oid::PACE_ECDH_IM_AES128, Integrated, Ecdh, Aes128),
    (oid::PACE_ECDH_IM_AES192, Integrated, Ecdh, Aes192),
    (oid::PACE_ECDH_IM_AES256, Integrated, Ecdh, Aes256),
    (oid::PACE_ECDH_CAM_AES128, ChipAuthentication, Ecdh, Aes128),
    (oid::PACE_ECDH_CAM_AES192, ChipAuthentication, Ecdh, Aes192),
    (oid::PACE_ECDH_CAM_AES256, ChipAuthentication, Ecdh, Aes256),
];

impl PaceProtocol {
    /// The protocol of that combination; `None` for CAM with DH or 3DES, which do not exist.
    #[must_use]
    pub fn new(mapping: Mapping, agreement: Agreement, suite: Suite) -> Option<Self> {
        PACE.iter().any(|&(_, m, a, s)| (m, a, s) == (mapping, agreement, suite)).then_some(Self { mapping, agreement, suite })
    }

    /// Generic mapping over ECDH with `suite`.
    #[must_use]
    pub const fn ecdh_gm(suite: Suite) -> Self {
        Self { mapping: Generic, agreement: Ecdh, suite }
    }

    /// The protocol of a dotted identifier.
    #[must_use]
    pub fn from_oid(dotted: &str) -> Option<Self> {
        PACE.iter().find(|row| row.0 == dotted).map(|&(_, mapping, agreement, suite)| Self { mapping, agreement, suite })
    }

    /// The protocol of an identifier's content octets, as in MSE:Set AT object 80.
    #[must_use]
    pub fn from_octets(content: &[u8]) -> Option<Self> {
        oid::decode(content).ok().and_then(|dotted| Self::from_oid(&dotted))
    }

    /// The identifier in dotted form.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "only combinations of the table can be made")]
    pub fn oid(self) -> &'static str {
        PACE.iter()
            .find(|&&(_, m, a, s)| (m, a, s) == (self.mapping, self.agreement, self.suite))
            .expect("only combinations of the table can be made")
            .0
    }

    /// Content octets of the identifier, 10 bytes.
    #[must_use]
    pub fn octets(self) -> Vec<u8> {
        oid::encode(self.oid())
    }

    /// How the nonce is mapped.
    #[must_use]
    pub const fn mapping(self) -> Mapping {
        self.mapping
    }

    /// DH or ECDH.
    #[must_use]
    pub const fn agreement(self) -> Agreement {
        self.agreement
    }

    /// Cipher and MAC of the channel.
    #[must_use]
    pub const fn suite(self) -> Suite {
        self.suite
    }
}

impl ChipAuthProtocol {
    /// The protocol of a dotted identifier.
    #[must_use]
    pub fn from_oid(dotted: &str) -> Option<Self> {
        [Dh, Ecdh]
            .into_iter()
            .flat_map(|agreement| [TripleDes, Aes128, Aes192, Aes256].map(|suite| Self { agreement, suite }))
            .find(|protocol| protocol.oid() == dotted)
    }

    /// The protocol of an identifier's content octets, as in MSE:Set AT object 80.
    #[must_use]
    pub fn from_octets(content: &[u8]) -> Option<Self> {
        oid::decode(content).ok().and_then(|dotted| Self::from_oid(&dotted))
    }

    /// The identifier in dotted form.
    #[must_use]
    pub const fn oid(self) -> &'static str {
        match (self.agreement, self.suite) {
            (Dh, TripleDes) => oid::CA_DH_3DES,
            (Dh, Aes128) => oid::CA_DH_AES128,
            (Dh, Aes192) => oid::CA_DH_AES192,
            (Dh, Aes256) => oid::CA_DH_AES256,
            (Ecdh, TripleDes) => oid::CA_ECDH_3DES,
            (Ecdh, Aes128) => oid::CA_ECDH_AES128,
            (Ecdh, Aes192) => oid::CA_ECDH_AES192,
            (Ecdh, Aes256) => oid::CA_ECDH_AES256,
        }
    }

    /// Content octets of the identifier, 10 bytes.
    #[must_use]
    pub fn octets(self) -> Vec<u8> {
        oid::encode(self.oid())
    }
}

/// The identifier of PACEDomainParameterInfo. CAM exists over ECDH only, and so does its identifier.
pub(super) const fn pace_arc(mapping: Mapping, agreement: Agreement) -> &'static str {
    match (mapping, agreement) {
        (Generic, Dh) => oid::PACE_DH_GM,
        (Generic, Ecdh) => oid::PACE_ECDH_GM,
        (Integrated, Dh) => oid::PACE_DH_IM,
        (Integrated, Ecdh) => oid::PACE_ECDH_IM,
        (ChipAuthentication, _) => oid::PACE_ECDH_CAM,
    }
}

pub(super) fn pace_from_arc(dotted: &str) -> Option<(Mapping, Agreement)> {
    [(Generic, Dh), (Generic, Ecdh), (Integrated, Dh), (Integrated, Ecdh), (ChipAuthentication, Ecdh)]
        .into_iter()
        .find(|&(mapping, agreement)| pace_arc(mapping, agreement) == dotted)
}

pub(super) const fn public_key_oid(agreement: Agreement) -> &'static str {
    match agreement {
        Dh => oid::PK_DH,
        Ecdh => oid::PK_ECDH,
    }
}

pub(super) fn public_key_from_oid(dotted: &str) -> Option<Agreement> {
    [Dh, Ecdh].into_iter().find(|&agreement| public_key_oid(agreement) == dotted)
}
