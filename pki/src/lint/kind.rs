//! What an object is: told, or guessed from its fields.
//!
//! A guess follows what the object says of itself (purposes in extKeyUsage, basicConstraints, CHAT), never what its signature shows,
//! except that a CA certificate with issuer = subject is a root only if it names no other key as its issuer's: states rekey under one name.

use std::fmt;
use std::str::FromStr;

use eid::oid;

use super::cms::Message;
use super::cv_body::{CvObject, Role};
use super::object::{self, X509};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Self-signed country signing CA certificate.
    Csca,
    /// Link certificate: the old CSCA key signs the new one.
    Link,
    /// Document signer.
    DocumentSigner,
    /// Master list signer.
    MasterListSigner,
    /// Deviation list signer.
    DeviationListSigner,
    /// Signer of LDS2 objects: travel stamps, visas, biometrics.
    Lds2Signer,
    /// Bar code signer of visible digital seals.
    BarCodeSigner,
    /// TLS client or server of a single point of contact.
    Spoc,
    /// Signer of digital travel credentials.
    DtcSigner,
    /// Signer of VDS for non-constrained environments.
    VdsNcSigner,
    /// Certificate revocation list.
    Crl,
    /// EF.SOD.
    Sod,
    /// CSCA master list.
    MasterList,
    /// Deviation list.
    DeviationList,
    /// Self-signed country verifying CA certificate.
    Cvca,
    /// CVCA link certificate.
    CvcaLink,
    /// Document verifier.
    DocumentVerifier,
    /// Terminal: inspection system, authentication or signature terminal.
    Terminal,
    /// Request for a CV certificate.
    Request,
}

const NAMES: [(Kind, &str, &str); 19] = [
    (Kind::Csca, "csca", "CSCA certificate"),
    (Kind::Link, "link", "CSCA link certificate"),
    (Kind::DocumentSigner, "ds", "document signer certificate"),
    (Kind::MasterListSigner, "mls", "master list signer certificate"),
    (Kind::DeviationListSigner, "dls", "deviation list signer certificate"),
    (Kind::Lds2Signer, "lds2", "LDS2 signer certificate"),
    (Kind::BarCodeSigner, "vds", "bar code signer certificate"),
    (Kind::Spoc, "spoc", "SPOC TLS certificate"),
    (Kind::DtcSigner, "dtc", "DTC signer certificate"),
    (Kind::VdsNcSigner, "vds-nc", "VDS-NC signer certificate"),
    (Kind::Crl, "crl", "CRL"),
    (Kind::Sod, "sod", "EF.SOD"),
    (Kind::MasterList, "master-list", "CSCA master list"),
    (Kind::DeviationList, "deviation-list", "deviation list"),
    (Kind::Cvca, "cvca", "CVCA certificate"),
    (Kind::CvcaLink, "cvca-link", "CVCA link certificate"),
    (Kind::DocumentVerifier, "dv", "document verifier certificate"),
    (Kind::Terminal, "terminal", "terminal certificate"),
    (Kind::Request, "request", "CV certificate request"),
];

/// No kind has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected one of csca, link, ds, mls, dls, lds2, vds, spoc, dtc, vds-nc, crl, sod, master-list, deviation-list, cvca, cvca-link, dv, terminal, request, found {found:?}"
)]
pub struct KindError {
    /// What was found.
    pub found: String,
}

impl Kind {
    /// All kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|&(kind, _, _)| kind)
    }

    /// The short name: `ds`.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(kind, _, _)| *kind == self).map_or("", |&(_, name, _)| name)
    }

    /// The name for people: `document signer certificate`.
    #[must_use]
    pub fn title(self) -> &'static str {
        NAMES.iter().find(|(kind, _, _)| *kind == self).map_or("", |&(_, _, title)| title)
    }

    /// Whether it is a CA certificate of the X.509 side.
    #[must_use]
    pub const fn is_csca(self) -> bool {
        matches!(self, Self::Csca | Self::Link)
    }

    /// The first letters of the ids of the rules for this kind.
    #[must_use]
    pub const fn families(self) -> &'static [&'static str] {
        match self {
            Self::Csca => &["XC", "CA", "BR-001"],
            Self::Link => &["XC", "LK", "BR-001"],
            Self::DocumentSigner => &["XC", "DS", "BR-002"],
            Self::MasterListSigner => &["XC", "ML"],
            Self::DeviationListSigner => &["XC", "DL"],
            Self::Lds2Signer => &["XC", "L2"],
            Self::BarCodeSigner => &["XC", "BC", "BR-004"],
            Self::Spoc => &["XC", "SP"],
            Self::DtcSigner => &["XC", "DT"],
            Self::VdsNcSigner => &["XC", "NC"],
            Self::Crl => &["XC-001", "CR"],
            Self::Sod => &["SO", "LS", "BR-003", "BR-009"],
            Self::MasterList => &["MS"],
            Self::DeviationList => &["DV"],
            Self::Cvca | Self::CvcaLink | Self::DocumentVerifier | Self::Terminal | Self::Request => &["CV", "BR-005"],
        }
    }

    /// The kind of the object in `der`; `None` if its structure is none of these.
    #[must_use]
    pub fn guess(der: &[u8]) -> Option<Self> {
        match der {
            [0x77, ..] => return Some(Self::Sod),
            [0x7F, 0x21, ..] | [0x67, ..] => return Some(cv(der)),
            _ => {}
        }
        let (definite, _) = object::definite(der);
        if let Some(message) = Message::read(&definite) {
            return match message.content_type().as_str() {
                oid::CSCA_MASTER_LIST => Some(Self::MasterList),
                oid::DEVIATION_LIST => Some(Self::DeviationList),
                oid::LDS_SECURITY_OBJECT => Some(Self::Sod),
                _ => None,
            };
        }
        if object::is_crl(der) {
            return Some(Self::Crl);
        }
        X509::read(der).map(|certificate| x509(&certificate))
    }
}

fn x509(certificate: &X509<'_>) -> Kind {
    for purpose in certificate.purposes() {
        let kind = match purpose.as_str() {
            oid::CSCA_MASTER_LIST_SIGNING_KEY => Kind::MasterListSigner,
            oid::DEVIATION_LIST_SIGNING_KEY => Kind::DeviationListSigner,
            other if other.starts_with("2.23.136.1.1.9.8.") => Kind::Lds2Signer,
            "2.23.136.1.1.10.1" | "2.23.136.1.1.10.2" => Kind::Spoc,
            "2.23.136.1.1.11.1" => Kind::BarCodeSigner,
            "2.23.136.1.1.12.1" => Kind::DtcSigner,
            other if other.starts_with("2.23.136.1.1.14.") => Kind::VdsNcSigner,
            _ => continue,
        };
        return kind;
    }
    if !certificate.is_ca() {
        return Kind::DocumentSigner;
    }
    let same_name = certificate.issuer.map(|name| name.raw) == certificate.subject.map(|name| name.raw);
    match (certificate.authority_key_id(), certificate.subject_key_id()) {
        (Some(authority), Some(own)) if authority == own => {
            if same_name {
                Kind::Csca
            } else {
                Kind::Link
            }
        }
        (Some(_), Some(_)) => Kind::Link,
        _ if same_name => Kind::Csca,
        _ => Kind::Link,
    }
}

fn cv(der: &[u8]) -> Kind {
    let Some(object) = CvObject::read(der) else { return Kind::Request };
    let Some(chat) = &object.chat else { return Kind::Request };
    match chat.role() {
        Role::Cvca if object.authority.map(|car| car.value) == object.holder.map(|chr| chr.value) => Kind::Cvca,
        Role::Cvca => Kind::CvcaLink,
        Role::Dv => Kind::DocumentVerifier,
        Role::Terminal => Kind::Terminal,
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = KindError;

    /// `csca`, `link`, `ds`, …
    fn from_str(text: &str) -> Result<Self, KindError> {
        let found = || KindError { found: text.chars().take(32).collect() };
        NAMES.iter().find(|(_, name, _)| *name == text).map(|&(kind, _, _)| kind).ok_or_else(found)
    }
}
