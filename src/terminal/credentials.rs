//! What a terminal shows to a chip that guards DG3 and DG4: certificates from a CVCA that the chip trusts down to its own, and the key.

use eid::cert::chat::Role;
use eid::cert::cvc::{Cvc, chain};
use eid::crypto::signature::{Algorithm, PublicKey};
use eid::signer::Signer;

/// Certificates and key of a terminal for Terminal Authentication.
pub struct TerminalCredentials {
    certificates: Vec<Cvc>,
    /// Place of the terminal's own certificate.
    own: usize,
    signer: Box<dyn Signer + Send + Sync>,
}

impl std::fmt::Debug for TerminalCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TerminalCredentials({}, {} certificates, key [redacted])", self.own().holder(), self.certificates.len())
    }
}

/// Why certificates and key are no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// No certificate of a terminal is for this key.
    #[error("expected a CV certificate of a terminal for the key {key}, found none among {found}")]
    NoCertificate {
        /// What kind of key it is.
        key: String,
        /// How many certificates there are.
        found: usize,
    },
    /// The key signs by another algorithm than its certificate says.
    #[error("CV certificate {holder}: expected a key that signs with {expected}, found {found}")]
    Algorithm {
        /// Holder of the certificate.
        holder: String,
        /// What the certificate says.
        expected: String,
        /// What the key does.
        found: String,
    },
}

impl TerminalCredentials {
    /// Certificates in any order, the terminal's own among them, and its key. Links and several chains may be there: each chip is shown what
    /// leads from a key that it trusts. Signatures are not checked here, as that is the chip's part.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn new(certificates: Vec<Cvc>, signer: Box<dyn Signer + Send + Sync>) -> Result<Self, CredentialsError> {
        let own = own(&certificates, &signer.public_key())?;
        let (expected, found) = (certificates.get(own).map(|own| own.key().algorithm()), signer.algorithm());
        if let (Some(certificate), true) = (certificates.get(own), expected != Some(found)) {
            let describe = eid::cert::algorithm::describe;
            let expected = describe(certificate.key().algorithm());
            return Err(CredentialsError::Algorithm { holder: certificate.holder().to_string(), expected, found: describe(found) });
        }
        Ok(Self { certificates, own, signer })
    }

    /// The algorithm that the certificate of a terminal for `key` says: what a signer for it must do.
    ///
    /// # Errors
    /// [`CredentialsError::NoCertificate`].
    pub fn algorithm(certificates: &[Cvc], key: &PublicKey) -> Result<Algorithm, CredentialsError> {
        let missing = || CredentialsError::NoCertificate { key: eid::cert::spki::describe(key), found: certificates.len() };
        certificates.get(own(certificates, key)?).map(|own| own.key().algorithm()).ok_or_else(missing)
    }

    /// All certificates.
    #[must_use]
    pub fn certificates(&self) -> &[Cvc] {
        &self.certificates
    }

    /// The terminal's own certificate.
    ///
    /// # Panics
    /// Never: its place was found when the credentials were made.
    #[must_use]
    pub fn own(&self) -> &Cvc {
        self.certificates.get(self.own).expect("the place was found among these certificates")
    }

    /// The terminal's key.
    #[must_use]
    pub fn signer(&self) -> &dyn Signer {
        &*self.signer
    }
}

/// Place of the certificate of a terminal for `key`; of several the one that is valid longest.
fn own(certificates: &[Cvc], key: &PublicKey) -> Result<usize, CredentialsError> {
    let candidates = certificates
        .iter()
        .enumerate()
        .filter(|(_, certificate)| certificate.chat().role() == Role::Terminal && chain::certifies(certificate, key));
    candidates
        .max_by_key(|(_, certificate)| certificate.expiry())
        .map(|(place, _)| place)
        .ok_or_else(|| CredentialsError::NoCertificate { key: eid::cert::spki::describe(key), found: certificates.len() })
}
