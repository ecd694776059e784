//! CSCA certificates of other states: what is one, and what is handed over as one and is none.
//!
//! Doc 9303-12 clause 4 leaves it to states how certificates come from one to the other; so who handed a certificate over and how directly
//! is recorded with it ([`Received`]), and nothing here makes a certificate more trustworthy than that. Refused: what cannot issue
//! certificates, list signers, a certificate without a country, a key or algorithm that nobody could verify with, a root whose own signature
//! is wrong, a link certificate that the key which it names did not sign, and a certificate of the own state. A link certificate whose
//! issuer is not known is taken, and said to be unproved.

use eid::cert::trust::{Tier, signs_certificates};
use eid::cert::x509::Certificate;
use eid::cert::x509::name::{self, Relation};
use eid::cert::{CertError, pem};
use eid::oid;
use eid::tlv::Reader;

const MAX_CERTIFICATES: usize = 10_000;

/// What a CSCA certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Signed by its own key.
    Root,
    /// A new key, or a new name, signed by the key before it.
    Link,
}

impl Role {
    /// `root`, `link`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Link => "link",
        }
    }
}

/// Why a certificate is no CSCA.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCsca {
    /// Neither basicConstraints nor keyUsage lets it issue certificates: a document signer, for one.
    #[error("it issues no certificates: expected a CSCA (basicConstraints cA, keyUsage keyCertSign)")]
    NoCa,
    /// extKeyUsage for lists.
    #[error("extKeyUsage {0}: expected a CSCA, found a signer of lists")]
    ListSigner(String),
    /// No countryName, or one that is not two letters.
    #[error("countryName of the subject: expected two letters, found {0:?}")]
    Country(String),
    /// Subject and issuer are of different states.
    #[error("subject of {subject} and issuer of {issuer}: expected one state")]
    TwoStates {
        /// Country of the subject.
        subject: String,
        /// Country of the issuer.
        issuer: String,
    },
    /// Its key or algorithm is none that can be used.
    #[error("nobody can verify with it: {0}")]
    Unusable(CertError),
    /// A root that its own key did not sign.
    #[error("its signature is not of its own key: damaged or forged")]
    Signature,
}

/// Whether `certificate` is a CSCA root (its own signature is verified) or a link certificate (who signed it is asked by [`receive`]).
///
/// # Errors
/// Why it is none.
pub fn check(certificate: &Certificate) -> Result<Role, NotCsca> {
    if !signs_certificates(certificate) {
        return Err(NotCsca::NoCa);
    }
    // a CSCA has no extKeyUsage; roots of Romania and the United States have one of their vendor
    let for_lists = [oid::CSCA_MASTER_LIST_SIGNING_KEY, oid::DEVIATION_LIST_SIGNING_KEY];
    if let Some(usage) = certificate.extended_key_usages().into_iter().find(|usage| for_lists.contains(&usage.as_str())) {
        return Err(NotCsca::ListSigner(usage));
    }
    let country = certificate.subject_country().unwrap_or_default();
    if country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(NotCsca::Country(country.chars().take(20).collect()));
    }
    let issuer = certificate.issuer_country().unwrap_or_default();
    if issuer != country {
        return Err(NotCsca::TwoStates { subject: country, issuer });
    }
    let key = certificate.key().map_err(|e| NotCsca::Unusable(e.clone()))?;
    certificate.signature_algorithm().map_err(|e| NotCsca::Unusable(e.clone()))?;
    if certificate.verify_signed_by(key).is_ok() {
        return Ok(Role::Root);
    }
    // a state that changes only its key keeps its name: the identifiers tell a link certificate from a root with a wrong signature
    let same_name = name::compare(certificate.subject(), certificate.issuer()) != Relation::Different;
    let other_key = match (certificate.authority_key_id(), certificate.subject_key_id()) {
        (Some(issuer), Some(subject)) => issuer != subject,
        _ => false,
    };
    if same_name && !other_key { Err(NotCsca::Signature) } else { Ok(Role::Link) }
}

/// Certificates that were handed over, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The certificate.
    pub certificate: Certificate,
    /// Root or link.
    pub role: Role,
    /// SHA-256 of the certificate whose key signed a link, if that is known; always of itself for a root.
    pub proved_by: Option<[u8; 32]>,
}

/// Why a hand-over is refused, as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignError {
    /// Not a file of certificates.
    #[error("expected certificates in DER or PEM: {0}")]
    Unreadable(#[from] CertError),
    /// Nobody is named.
    #[error("expected the name of whoever handed the certificates over, found none")]
    Nobody,
    /// Nothing in it.
    #[error("expected certificates in DER or PEM, found none")]
    Nothing,
    /// One of them is no CSCA.
    #[error("{subject}: {source}")]
    NotCsca {
        /// Subject of the certificate.
        subject: String,
        /// Why.
        source: NotCsca,
    },
    /// One of them is of the state that imports it: its own CSCAs are in its register.
    #[error("{subject}: a CSCA of {country} itself; its own certificates are in the register and are not imported")]
    Own {
        /// Subject of the certificate.
        subject: String,
        /// The own country.
        country: String,
    },
    /// A link certificate that names a known key as its issuer, which did not sign it.
    #[error("{subject}: {issuer} is named as its issuer and did not sign it: damaged or forged")]
    Forged {
        /// Subject of the certificate.
        subject: String,
        /// Subject of the certificate with the key that it names.
        issuer: String,
    },
}

/// The certificates in `bytes`: DER (one or several in a row), or PEM with any number of them.
///
/// # Errors
/// There is something else in it, or nothing.
pub fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, ForeignError> {
    let mut out = Vec::new();
    if let Some(blocks) = pem::blocks(bytes)? {
        for block in blocks.iter().filter(|block| block.is_certificate()).take(MAX_CERTIFICATES) {
            out.push(Certificate::from_der(&block.der)?);
        }
    } else {
        let mut reader = Reader::new(bytes);
        while let Some(object) = reader.next().map_err(CertError::from)? {
            out.push(Certificate::from_der(object.raw)?);
        }
    }
    if out.is_empty() { Err(ForeignError::Nothing) } else { Ok(out) }
}

/// Looks at a hand-over as a whole: `own` is the country that imports it, `known` the certificates that it has from before. Repeated
/// certificates are given back once, links behind the roots.
///
/// # Errors
/// The first certificate that is refused, and with it all of them.
pub fn receive(certificates: Vec<Certificate>, own: &str, known: &[Certificate]) -> Result<Vec<Received>, ForeignError> {
    let (mut out, mut links): (Vec<Received>, Vec<Certificate>) = (Vec::new(), Vec::new());
    for certificate in certificates {
        let subject = || certificate.subject_text();
        let role = check(&certificate).map_err(|source| ForeignError::NotCsca { subject: subject(), source })?;
        let country = certificate.subject_country().unwrap_or_default();
        if country.eq_ignore_ascii_case(own) {
            return Err(ForeignError::Own { subject: subject(), country });
        }
        match role {
            Role::Root if !out.iter().any(|received| received.certificate == certificate) => {
                let proved_by = Some(certificate.fingerprint());
                out.push(Received { certificate, role, proved_by });
            }
            Role::Link if !links.contains(&certificate) => links.push(certificate),
            _ => {}
        }
    }
    // a link proves by its signature alone, so that the order in which links of links are looked at does not matter
    let all: Vec<Certificate> = out.iter().map(|received| &received.certificate).chain(&links).chain(known).cloned().collect();
    for certificate in links {
        let country = certificate.issuer_country();
        let of_state = all.iter().filter(|issuer| issuer.subject_country() == country && issuer.der() != certificate.der());
        let signer = of_state.clone().find(|issuer| issuer.key().is_ok_and(|key| certificate.verify_signed_by(key).is_ok()));
        let names = |issuer: &&Certificate| certificate.authority_key_id().is_some_and(|id| issuer.subject_key_id() == Some(id));
        if let (None, Some(issuer)) = (signer, of_state.clone().find(names)) {
            return Err(ForeignError::Forged { subject: certificate.subject_text(), issuer: issuer.subject_text() });
        }
        let proved_by = signer.map(Certificate::fingerprint);
        out.push(Received { certificate, role: Role::Link, proved_by });
    }
    Ok(out)
}

/// The tier of such a name, for records and command lines: `bilateral`, `national`, `icao`. `own` is nothing that is handed over.
#[must_use]
pub fn tier(name: &str) -> Option<Tier> {
    Tier::ALL.into_iter().find(|tier| tier.name() == name && *tier != Tier::Own)
}
