//! The country signing CA: a self-signed certificate for each key, and the link from each key to the next (Doc 9303-12 clause 7.1,
//! columns CSCA and link).

use eid::cert::spki;
use eid::cert::x509::Certificate;
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use eid::date::Date;
use eid::oid;
use eid::signer::Signer;

use crate::certificate::{self, Fields, IssueError};
use crate::key::KeyParameters;
use crate::lint;
use crate::profile::{self, ProfileError, Subject};

/// How EC parameters are written in a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EcParameters {
    /// By name. What OpenSSL and most software reads; several states do so.
    #[default]
    Named,
    /// Written out, as Doc 9303-12 clause 4.4.3 demands. OpenSSL 3 refuses such chains.
    Explicit,
}

/// What a CSCA is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CscaParameters {
    /// Its key.
    pub key: KeyParameters,
    /// The algorithm of its signatures.
    pub algorithm: Algorithm,
    /// How EC parameters are written.
    pub ec_parameters: EcParameters,
    /// Years in which the private key signs: 3 to 5 by Doc 9303-12.
    pub key_use_years: u8,
    /// Longest validity of a document in years: the certificate lives on for so long after the last use of its key.
    pub document_years: u8,
    /// Days by which the certificate outlives the last document: room for the key use of the last document signer.
    pub signer_days: u16,
    /// Where the CRL is: http, https or ldap addresses.
    pub crl_urls: Vec<String>,
}

impl Default for CscaParameters {
    /// P-384 with SHA-384, key in use for 5 years, documents of up to 10 years, a CRL address in the reserved domain `.example`.
    fn default() -> Self {
        Self {
            key: KeyParameters::Ec(Curve::P384),
            algorithm: Algorithm::Ecdsa(Hash::Sha384),
            ec_parameters: EcParameters::Named,
            key_use_years: 5,
            document_years: 10,
            signer_days: 100,
            crl_urls: vec!["http://csca.example/csca.crl".to_owned()],
        }
    }
}

/// Makes the certificate; `signer` holds the CSCA key, `serial` are content octets from the register.
///
/// # Errors
/// A field breaks the profile, the signer refuses, or what was made does not verify.
pub fn create(
    subject: &Subject,
    parameters: &CscaParameters,
    signer: &dyn Signer,
    serial: &[u8],
    today: Date,
) -> Result<Certificate, IssueError> {
    subject.check()?;
    check_urls(&parameters.crl_urls)?;
    if !(1..=10).contains(&parameters.key_use_years) {
        let found = parameters.key_use_years.to_string();
        return Err(ProfileError::Field { field: "key use of the CSCA", expected: "1 to 10 years", found }.into());
    }
    let key_use_end = today.plus_years(parameters.key_use_years.into());
    let end = key_use_end.plus_years(parameters.document_years.into()).plus_days(parameters.signer_days.into());
    let spki = encode_key(&signer.public_key(), parameters.ec_parameters);
    let bits = spki::parse(&spki).map_err(IssueError::Key)?.bits;
    let key_id = certificate::subject_key_id(&bits);
    let name = subject.name();
    let mut extensions = vec![
        // SEQUENCE { cA TRUE, pathLenConstraint 0 }
        (oid::BASIC_CONSTRAINTS, vec![0x30, 0x06, 0x01, 0x01, 0xFF, 0x02, 0x01, 0x00]),
        // keyCertSign, cRLSign
        (oid::KEY_USAGE, vec![0x03, 0x02, 0x01, 0x06]),
        (oid::PRIVATE_KEY_USAGE_PERIOD, certificate::private_key_usage((today, key_use_end))),
        (oid::AUTHORITY_KEY_IDENTIFIER, certificate::authority_key_id(key_id.get(2..).unwrap_or_default())),
        (oid::SUBJECT_KEY_IDENTIFIER, key_id),
        (oid::SUBJECT_ALT_NAME, subject.alternative_name()),
        (oid::ISSUER_ALT_NAME, subject.alternative_name()),
    ];
    extensions.extend(certificate::distribution_points(&parameters.crl_urls).map(|value| (oid::CRL_DISTRIBUTION_POINTS, value)));
    let rules = lint::Context {
        kind: Some(lint::Kind::Csca),
        document_years: Some(parameters.document_years),
        waived: certificate::waived(parameters.ec_parameters),
        ..lint::Context::default()
    };
    let fields = Fields { serial, issuer: &name, subject: &name, validity: (today, end), spki: &spki, extensions, rules };
    certificate::make(&fields, &profile::CSCA, signer, &spki)
}

/// Whether the key of `csca` may sign on `today`.
///
/// # Errors
/// The certificate is not valid, or its private key usage period is over.
pub fn check_key_use(csca: &Certificate, today: Date) -> Result<(), ProfileError> {
    let outer = (csca.not_before().date, csca.not_after().date);
    let until = csca.extensions().private_key_usage.and_then(|p| p.not_after).map_or(outer.1, |t| t.date);
    profile::inside("the CSCA key signs only in its period of use, which today", (today, today), (outer.0, until))
}

/// Makes the link certificate from the key of `old`, which `signer` holds, to the key of `new`: who trusts the old root trusts the new
/// one through it. Where the name changed, it says so with nameChange.
///
/// It is valid from the first day of `new`, so that documents of every day of the new key are covered, to the end of the one that ends
/// first.
///
/// # Errors
/// The old key is out of use, the signer refuses, or what was made does not verify.
pub fn link(old: &Certificate, signer: &dyn Signer, new: &Certificate, serial: &[u8], today: Date) -> Result<Certificate, IssueError> {
    check_key_use(old, today)?;
    let outer = (old.not_before().date, old.not_after().date);
    let validity = (new.not_before().date, new.not_after().date.min(outer.1));
    profile::inside("validity of the link certificate", validity, outer)?;
    let mut extensions = Vec::new();
    // what describes the new key is as in the new root, and who issued it is the old one
    for (extension, source, of) in [
        (oid::BASIC_CONSTRAINTS, new, oid::BASIC_CONSTRAINTS),
        (oid::KEY_USAGE, new, oid::KEY_USAGE),
        (oid::PRIVATE_KEY_USAGE_PERIOD, new, oid::PRIVATE_KEY_USAGE_PERIOD),
        (oid::SUBJECT_KEY_IDENTIFIER, new, oid::SUBJECT_KEY_IDENTIFIER),
        (oid::SUBJECT_ALT_NAME, new, oid::SUBJECT_ALT_NAME),
        (oid::ISSUER_ALT_NAME, old, oid::SUBJECT_ALT_NAME),
        (oid::CRL_DISTRIBUTION_POINTS, new, oid::CRL_DISTRIBUTION_POINTS),
    ] {
        extensions.extend(source.extensions().value(source.der(), of).map(|value| (extension, value.to_vec())));
    }
    extensions.extend(old.subject_key_id().map(|id| (oid::AUTHORITY_KEY_IDENTIFIER, certificate::authority_key_id(id))));
    if old.subject() != new.subject() {
        extensions.push((oid::NAME_CHANGE, vec![0x05, 0x00]));
    }
    let explicit = new.key().is_ok_and(|key| key.explicit_parameters);
    let rules = lint::Context {
        kind: Some(lint::Kind::Link),
        issuer: Some(old.der()),
        root: Some(new.der()),
        // the key is written as in the new root
        waived: certificate::waived(if explicit { EcParameters::Explicit } else { EcParameters::Named }),
        ..lint::Context::default()
    };
    let fields = Fields { serial, issuer: old.subject(), subject: new.subject(), validity, spki: new.spki(), extensions, rules };
    certificate::make(&fields, &profile::LINK, signer, old.spki())
}

pub(crate) fn encode_key(key: &eid::crypto::signature::PublicKey, parameters: EcParameters) -> Vec<u8> {
    match parameters {
        EcParameters::Named => spki::encode(key),
        EcParameters::Explicit => spki::encode_explicit(key),
    }
}

pub(crate) fn check_urls(urls: &[String]) -> Result<(), ProfileError> {
    let expected = "an http, https or ldap address in ASCII";
    let wrong = |url: &&String| !url.is_ascii() || !["http://", "https://", "ldap://"].iter().any(|scheme| url.starts_with(scheme));
    match urls.iter().find(wrong) {
        Some(url) => Err(ProfileError::Field { field: "CRL address", expected, found: url.chars().take(80).collect() }),
        None => Ok(()),
    }
}
