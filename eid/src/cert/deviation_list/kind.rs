//! deviationType with its parameters (Doc 9303-3 clause 7.3.5, Doc 9303-12 clause 10.2).

use std::fmt;

use crate::cert::CertError;
use crate::cert::{der, spki};
use crate::oid;
use crate::tlv::{self, Tlv};

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A certificate or key, otherwise than below.
    CertOrKey,
    /// The signature on the document signer's certificate is wrong.
    DsSignature,
    /// The document signer's certificate has a coding error, in this field.
    DsEncoding(Option<CertField>),
    /// The CSCA certificate has a coding error, in this field.
    CscaEncoding(Option<CertField>),
    /// The key for Active Authentication may be compromised: it proves nothing.
    AaKeyCompromised,
    /// The logical data structure, otherwise than below.
    Lds,
    /// The TLV coding of a file is damaged: data group 1 to 16, 20 is EF.SOD, 21 is EF.COM.
    DgMalformed(Option<u8>),
    /// The hash of a data group in EF.SOD is wrong.
    DgHashWrong(Option<u8>),
    /// The signature in EF.SOD is wrong.
    SodSignatureWrong,
    /// EF.COM and EF.SOD name different files.
    ComInconsistent,
    /// The MRZ, otherwise than below.
    Mrz,
    /// A field of the MRZ is wrong; the key derived from it opens the chip all the same.
    MrzWrongData(Option<MrzField>),
    /// The check digit of a field is wrong.
    MrzWrongCheckDigit(Option<MrzField>),
    /// The chip cannot be used.
    Chip,
    /// For national use.
    NationalUse,
    /// A type that Doc 9303 does not know, dotted.
    Unknown(String),
}

/// Where in a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertField {
    /// A field of TBSCertificate: 0 generic, 1 version, 2 serialNumber, 3 signature, 4 issuer, 5 validity, 6 subject,
    /// 7 subjectPublicKeyInfo, 8 issuerUniqueID, 9 subjectUniqueID.
    Body(u8),
    /// An extension, dotted.
    Extension(String),
}

/// A field of the MRZ: 0 generic, 1 documentCode, 2 issuingState, 3 personName, 4 documentNumber, 5 nationality, 6 dateOfBirth, 7 sex,
/// 8 dateOfExpiry, 9 optionalData.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MrzField(pub u8);

const BODY: [&str; 10] = [
    "generic",
    "version",
    "serialNumber",
    "signature",
    "issuer",
    "validity",
    "subject",
    "subjectPublicKeyInfo",
    "issuerUniqueID",
    "subjectUniqueID",
];
const MRZ: [&str; 10] = [
    "generic",
    "documentCode",
    "issuingState",
    "personName",
    "documentNumber",
    "nationality",
    "dateOfBirth",
    "sex",
    "dateOfExpiry",
    "optionalData",
];

fn name(table: &[&'static str; 10], n: u8) -> String {
    table.get(usize::from(n)).map_or_else(|| format!("field {n}"), |name| (*name).to_owned())
}

impl fmt::Display for CertField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(n) => f.write_str(&name(&BODY, *n)),
            Self::Extension(dotted) => f.write_str(&oid::describe(dotted)),
        }
    }
}

impl fmt::Display for MrzField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name(&MRZ, self.0))
    }
}

impl Kind {
    /// The kind that a deviationType and its parameters stand for. Parameters of another form than the type asks for are refused.
    pub(super) fn read(kind: &str, parameters: Option<&Tlv<'_>>) -> Result<Self, CertError> {
        let number = |what| {
            parameters.map(|p| {
                let number = (p.tag.0 == der::INTEGER).then(|| der::small(what, p)).transpose()?;
                number.and_then(|n| u8::try_from(n).ok()).ok_or_else(|| CertError::malformed(what, p, "a small INTEGER"))
            })
        };
        let cert_field = || match parameters {
            Some(p) if p.tag.0 == der::OID => Ok(Some(CertField::Extension(der::dotted(p.value)))),
            _ => number("CertField").transpose().map(|n| n.map(CertField::Body)),
        };
        let group = || number("Datagroup").transpose();
        let mrz = || number("MRZField").transpose().map(|n| n.map(MrzField));
        Ok(match kind {
            oid::DEVIATION_CERT_OR_KEY => Self::CertOrKey,
            oid::DEVIATION_DS_SIGNATURE => Self::DsSignature,
            oid::DEVIATION_DS_ENCODING => Self::DsEncoding(cert_field()?),
            oid::DEVIATION_CSCA_ENCODING => Self::CscaEncoding(cert_field()?),
            oid::DEVIATION_AA_KEY_COMPROMISED => Self::AaKeyCompromised,
            oid::DEVIATION_LDS => Self::Lds,
            oid::DEVIATION_DG_MALFORMED => Self::DgMalformed(group()?),
            oid::DEVIATION_DG_HASH_WRONG => Self::DgHashWrong(group()?),
            oid::DEVIATION_SOD_SIGNATURE_WRONG => Self::SodSignatureWrong,
            oid::DEVIATION_COM_INCONSISTENT => Self::ComInconsistent,
            oid::DEVIATION_MRZ => Self::Mrz,
            oid::DEVIATION_MRZ_WRONG_DATA => Self::MrzWrongData(mrz()?),
            oid::DEVIATION_MRZ_WRONG_CHECK_DIGIT => Self::MrzWrongCheckDigit(mrz()?),
            oid::DEVIATION_CHIP => Self::Chip,
            oid::DEVIATION_NATIONAL_USE => Self::NationalUse,
            other => Self::Unknown(other.to_owned()),
        })
    }

    /// deviationType, dotted.
    #[must_use]
    pub fn oid(&self) -> &str {
        match self {
            Self::CertOrKey => oid::DEVIATION_CERT_OR_KEY,
            Self::DsSignature => oid::DEVIATION_DS_SIGNATURE,
            Self::DsEncoding(_) => oid::DEVIATION_DS_ENCODING,
            Self::CscaEncoding(_) => oid::DEVIATION_CSCA_ENCODING,
            Self::AaKeyCompromised => oid::DEVIATION_AA_KEY_COMPROMISED,
            Self::Lds => oid::DEVIATION_LDS,
            Self::DgMalformed(_) => oid::DEVIATION_DG_MALFORMED,
            Self::DgHashWrong(_) => oid::DEVIATION_DG_HASH_WRONG,
            Self::SodSignatureWrong => oid::DEVIATION_SOD_SIGNATURE_WRONG,
            Self::ComInconsistent => oid::DEVIATION_COM_INCONSISTENT,
            Self::Mrz => oid::DEVIATION_MRZ,
            Self::MrzWrongData(_) => oid::DEVIATION_MRZ_WRONG_DATA,
            Self::MrzWrongCheckDigit(_) => oid::DEVIATION_MRZ_WRONG_CHECK_DIGIT,
            Self::Chip => oid::DEVIATION_CHIP,
            Self::NationalUse => oid::DEVIATION_NATIONAL_USE,
            Self::Unknown(dotted) => dotted,
        }
    }

    /// deviationType and parameters in DER; nothing for a type whose text is no identifier.
    pub(super) fn encode(&self) -> Vec<u8> {
        let Ok(kind) = oid::parse(self.oid()) else { return Vec::new() };
        let mut out = tlv::encode(der::OID, &kind);
        let number = |n: u8| {
            let mut out = Vec::new();
            spki::push_unsigned(&mut out, &[n]);
            out
        };
        let parameters = match self {
            Self::DsEncoding(Some(CertField::Body(n))) | Self::CscaEncoding(Some(CertField::Body(n))) => Some(number(*n)),
            Self::DsEncoding(Some(CertField::Extension(dotted))) | Self::CscaEncoding(Some(CertField::Extension(dotted))) => {
                oid::parse(dotted).ok().map(|content| tlv::encode(der::OID, &content))
            }
            Self::DgMalformed(Some(n))
            | Self::DgHashWrong(Some(n))
            | Self::MrzWrongData(Some(MrzField(n)))
            | Self::MrzWrongCheckDigit(Some(MrzField(n))) => Some(number(*n)),
            _ => None,
        };
        if let Some(parameters) = parameters {
            tlv::push(&mut out, 0xA0u32, &parameters);
        }
        out
    }
}

impl fmt::Display for Kind {
    /// `id-Deviation-LDS-DGHashWrong DG2`: for reports.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(oid::name(self.oid()).unwrap_or_else(|| self.oid()))?;
        match self {
            Self::DsEncoding(Some(field)) | Self::CscaEncoding(Some(field)) => write!(f, " {field}"),
            Self::DgMalformed(Some(20)) | Self::DgHashWrong(Some(20)) => f.write_str(" EF.SOD"),
            Self::DgMalformed(Some(21)) | Self::DgHashWrong(Some(21)) => f.write_str(" EF.COM"),
            Self::DgMalformed(Some(n)) | Self::DgHashWrong(Some(n)) => write!(f, " DG{n}"),
            Self::MrzWrongData(Some(field)) | Self::MrzWrongCheckDigit(Some(field)) => write!(f, " {field}"),
            _ => Ok(()),
        }
    }
}
