//! Private keys that lie outside of this process: what stands behind [`eid::signer::Signer`] besides a software key.
//!
//! | module | feature | what |
//! | --- | --- | --- |
//! | `pkcs11` | `pkcs11` | keys in a PKCS#11 token: smart card, HSM, SoftHSM2 |

#[cfg(feature = "pkcs11")]
pub mod pkcs11;
