//! Layer 1: only the compositions that the specifications name. Everything here is a function of its arguments; randomness is one of them.

pub mod agreement;
pub mod cipher;
pub mod curve;
#[cfg(feature = "fast")]
mod fast;
pub mod hash;
pub mod kdf;
pub mod mac;
pub mod modp;
pub mod rsa;
pub mod signature;

/// Which arithmetic answers for signatures, agreement, and key generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// RustCrypto and our own brainpool curves: always there, and the reference in tests.
    Pure,
    /// aws-lc-rs for NIST curves and RSA, [`Backend::Pure`] for what it lacks. Its signatures use its own randomness.
    #[cfg(feature = "fast")]
    Fast,
}

impl Default for Backend {
    /// The fastest that was built in.
    fn default() -> Self {
        #[cfg(feature = "fast")]
        return Self::Fast;
        #[cfg(not(feature = "fast"))]
        Self::Pure
    }
}
