//! Writes a certificate by a profile: fields in, to-be-signed out, signature in.

use eid::cert::algorithm;
use eid::cert::x509::Certificate;
use eid::cert::{CertError, Time};
use eid::crypto::signature::SignatureError;
use eid::date::Date;
use eid::oid;
use eid::signer::{Signer, SignerError};
use eid::tlv;
use sha1::{Digest as _, Sha1};

use crate::csca::EcParameters;
use crate::lint;
use crate::profile::{Presence, ProfileError, Rule};

const SEQUENCE: u32 = 0x30;
const OCTET_STRING: u32 = 0x04;

/// Why no certificate was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The profile does not allow it.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The signer did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// A public key that cannot be read.
    #[error("public key: {0}")]
    Key(CertError),
    /// What was made breaks a rule: nothing is published.
    #[error("the certificate that was made breaks a rule: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Lint(Vec<lint::Finding>),
    /// What was made does not read or verify: nothing is published.
    #[error("the certificate that was made does not read: {0}")]
    Unreadable(CertError),
    /// As above.
    #[error("the certificate that was made does not verify: {0}")]
    Unverified(SignatureError),
}

/// The fields of a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    /// Content octets of the serial number.
    pub(crate) serial: &'a [u8],
    pub(crate) issuer: &'a [u8],
    pub(crate) subject: &'a [u8],
    pub(crate) validity: (Date, Date),
    pub(crate) spki: &'a [u8],
    /// Values of extensions by dotted identifier.
    pub(crate) extensions: Vec<(&'static str, Vec<u8>)>,
    /// By what it is judged before it is given out.
    pub(crate) rules: lint::Context<'a>,
}

/// The rules that a certificate breaks on purpose: curves by name, where that was declared.
pub(crate) const fn waived(parameters: EcParameters) -> &'static [&'static str] {
    match parameters {
        EcParameters::Named => &["XC-016"],
        EcParameters::Explicit => &[],
    }
}

/// A certificate signed by `signer`, read again, verified with `issuer_spki`, and judged by the rules before it is given out.
pub(crate) fn make(fields: &Fields<'_>, profile: &[Rule], signer: &dyn Signer, issuer_spki: &[u8]) -> Result<Certificate, IssueError> {
    let algorithm = algorithm::encode_signature(signer.algorithm());
    let mut tbs = tlv::encode(0xA0u32, &tlv::encode(0x02u32, &[2]));
    tlv::push(&mut tbs, 0x02u32, fields.serial);
    tbs.extend_from_slice(&algorithm);
    tbs.extend_from_slice(fields.issuer);
    let (from, until) = fields.validity;
    tlv::push(&mut tbs, SEQUENCE, &[Time::midnight(from).to_der(), Time::end_of(until).to_der()].concat());
    tbs.extend_from_slice(fields.subject);
    tbs.extend_from_slice(fields.spki);
    let mut extensions = Vec::new();
    for rule in profile {
        match fields.extensions.iter().find(|(oid, _)| *oid == rule.extension) {
            Some((_, value)) => push_extension(&mut extensions, rule, value),
            None if rule.presence == Presence::Mandatory => return Err(ProfileError::Missing(rule.extension).into()),
            None => {}
        }
    }
    tlv::push(&mut tbs, 0xA3u32, &tlv::encode(SEQUENCE, &extensions));
    let tbs = tlv::encode(SEQUENCE, &tbs);

    let signature = signer.sign(&tbs)?.to_der();
    let mut body = tbs;
    body.extend_from_slice(&algorithm);
    tlv::push(&mut body, 0x03u32, &[&[0], signature.as_slice()].concat());
    let certificate = Certificate::from_der(&tlv::encode(SEQUENCE, &body)).map_err(IssueError::Unreadable)?;
    let issuer = eid::cert::spki::parse(issuer_spki).map_err(IssueError::Key)?;
    certificate.verify_signed_by(&issuer).map_err(IssueError::Unverified)?;
    let broken: Vec<_> = lint::lint(certificate.der(), &fields.rules).errors().cloned().collect();
    if broken.is_empty() { Ok(certificate) } else { Err(IssueError::Lint(broken)) }
}

/// What the certificates of all signers under `csca` have in common: the state and where its CRL is are the CSCA's.
pub(crate) fn of_signer(csca: &Certificate, spki: &[u8], key_use: (Date, Date)) -> Result<Vec<(&'static str, Vec<u8>)>, IssueError> {
    let bits = eid::cert::spki::parse(spki).map_err(IssueError::Key)?.bits;
    let mut extensions = vec![
        // digitalSignature
        (oid::KEY_USAGE, vec![0x03, 0x02, 0x07, 0x80]),
        (oid::PRIVATE_KEY_USAGE_PERIOD, private_key_usage(key_use)),
        (oid::SUBJECT_KEY_IDENTIFIER, subject_key_id(&bits)),
    ];
    extensions.extend(csca.subject_key_id().map(|id| (oid::AUTHORITY_KEY_IDENTIFIER, authority_key_id(id))));
    for extension in [oid::SUBJECT_ALT_NAME, oid::ISSUER_ALT_NAME, oid::CRL_DISTRIBUTION_POINTS] {
        let source = if extension == oid::ISSUER_ALT_NAME { oid::SUBJECT_ALT_NAME } else { extension };
        extensions.extend(csca.extensions().value(csca.der(), source).map(|value| (extension, value.to_vec())));
    }
    Ok(extensions)
}

fn push_extension(out: &mut Vec<u8>, rule: &Rule, value: &[u8]) {
    let mut body = tlv::encode(0x06u32, &oid::encode(rule.extension));
    if rule.critical {
        tlv::push(&mut body, 0x01u32, &[0xFF]);
    }
    tlv::push(&mut body, OCTET_STRING, value);
    tlv::push(out, SEQUENCE, &body);
}

/// subjectKeyIdentifier: the SHA-1 of the BIT STRING (RFC 5280 4.2.1.2, method 1), as the value of the extension.
pub(crate) fn subject_key_id(bits: &[u8]) -> Vec<u8> {
    tlv::encode(OCTET_STRING, &Sha1::digest(bits))
}

/// authorityKeyIdentifier: keyIdentifier alone. With the issuer's name and serial number beside it, programs that compare them (OpenSSL)
/// would take the root as the issuer and refuse a link certificate of the same key.
pub(crate) fn authority_key_id(key_id: &[u8]) -> Vec<u8> {
    tlv::encode(SEQUENCE, &tlv::encode(0x80u32, key_id))
}

/// privateKeyUsagePeriod.
pub(crate) fn private_key_usage((from, until): (Date, Date)) -> Vec<u8> {
    let mut body = tlv::encode(0x80u32, Time::midnight(from).generalized().as_bytes());
    tlv::push(&mut body, 0x81u32, Time::end_of(until).generalized().as_bytes());
    tlv::encode(SEQUENCE, &body)
}

/// cRLDistributionPoints: one point for each address.
pub(crate) fn distribution_points(urls: &[String]) -> Option<Vec<u8>> {
    let mut points = Vec::new();
    for url in urls {
        let full_name = tlv::encode(0xA0u32, &tlv::encode(0x86u32, url.as_bytes()));
        tlv::push(&mut points, SEQUENCE, &tlv::encode(0xA0u32, &full_name));
    }
    (!urls.is_empty()).then(|| tlv::encode(SEQUENCE, &points))
}

/// documentTypeList (Doc 9303-12 clause 7.1.1.6).
pub(crate) fn document_type_list(types: &[String]) -> Option<Vec<u8>> {
    let mut list: Vec<_> = types.iter().map(|t| tlv::encode(0x13u32, t.as_bytes())).collect();
    list.sort();
    list.dedup();
    let mut body = tlv::encode(0x02u32, &[0]);
    tlv::push(&mut body, 0x31u32, &list.concat());
    (!types.is_empty()).then(|| tlv::encode(SEQUENCE, &body))
}
