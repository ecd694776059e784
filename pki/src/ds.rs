//! Document signers (Doc 9303-12 clause 7.1, column document signer).

use eid::cert::x509::Certificate;
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, PublicKey};
use eid::date::Date;
use eid::oid;
use eid::signer::Signer;

use crate::certificate::{self, Fields, IssueError};
use crate::csca::{self, EcParameters};
use crate::key::KeyParameters;
use crate::lint;
use crate::profile::{self, ProfileError};

/// What a document signer is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DsParameters {
    /// Its key.
    pub key: KeyParameters,
    /// The algorithm of its signatures on documents.
    pub algorithm: Algorithm,
    /// How EC parameters are written.
    pub ec_parameters: EcParameters,
    /// commonName of the certificate.
    pub common_name: String,
    /// Days in which the private key signs: at most about three months by Doc 9303-12.
    pub key_use_days: u16,
    /// Longest validity of a document in years: the certificate lives on for so long after the last use of its key.
    pub document_years: u8,
    /// Document codes of the MRZ that it may sign, one or two letters: `I`, `ID`, `P`.
    pub document_types: Vec<String>,
}

impl Default for DsParameters {
    /// P-256 with SHA-256, key in use for 90 days, documents of up to 10 years with code `I`, `ID` or `P`.
    fn default() -> Self {
        Self {
            key: KeyParameters::Ec(Curve::P256),
            algorithm: Algorithm::Ecdsa(Hash::Sha256),
            ec_parameters: EcParameters::Named,
            common_name: "Document Signer 1".to_owned(),
            key_use_days: 90,
            document_years: 10,
            document_types: ["I", "ID", "P"].map(str::to_owned).to_vec(),
        }
    }
}

/// Makes the certificate of a document signer: `csca` is the issuer's certificate, `signer` holds its key, `name` is the subject in DER,
/// `key` the document signer's public key, `serial` are content octets from the register.
///
/// # Errors
/// A field breaks the profile, the period is not inside of the CSCA's, the signer refuses, or what was made does not verify.
pub fn issue(
    csca: &Certificate,
    signer: &dyn Signer,
    name: &[u8],
    parameters: &DsParameters,
    key: &PublicKey,
    serial: &[u8],
    today: Date,
) -> Result<Certificate, IssueError> {
    let code = |t: &&String| !matches!(t.len(), 1 | 2) || !t.bytes().all(|b| b.is_ascii_uppercase() || b == b'<');
    if let Some(found) = parameters.document_types.iter().find(code) {
        return Err(ProfileError::Field { field: "document type", expected: "one or two capital letters", found: found.clone() }.into());
    }
    let key_use = (today, today.plus_days(parameters.key_use_days.into()));
    let validity = (today, key_use.1.plus_years(parameters.document_years.into()));
    csca::check_key_use(csca, today)?;
    profile::inside("validity of the document signer", validity, (csca.not_before().date, csca.not_after().date))?;

    let spki = csca::encode_key(key, parameters.ec_parameters);
    let mut extensions = certificate::of_signer(csca, &spki, key_use)?;
    extensions.extend(certificate::document_type_list(&parameters.document_types).map(|value| (oid::DOCUMENT_TYPE_LIST, value)));
    let rules = lint::Context {
        kind: Some(lint::Kind::DocumentSigner),
        issuer: Some(csca.der()),
        document_years: Some(parameters.document_years),
        waived: certificate::waived(parameters.ec_parameters),
        ..lint::Context::default()
    };
    let fields = Fields { serial, issuer: csca.subject(), subject: name, validity, spki: &spki, extensions, rules };
    certificate::make(&fields, &profile::DOCUMENT_SIGNER, signer, csca.spki())
}
