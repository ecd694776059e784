//! Chip authentication mapping (Doc 9303-11 §4.4.3.3.3 and §4.4.3.5): the run of PACE proves too that the chip holds its static key.
//!
//! ```text
//! chip      CA_IC = SK_Map,IC / SK_IC mod n    A_IC = E(KS_Enc, pad(CA_IC)), IV = E(KS_Enc, FF … FF)
//! terminal  PK_Map,IC = CA_IC · PK_IC          PK_IC from EF.CardSecurity, whose signature alone makes it the issuer's
//! ```
//!
//! Nothing is proven before [`ChipAuthenticationData::verify`] with a key that passive authentication confirmed.

use zeroize::Zeroizing;

use crate::crypto::agreement::{AgreementKey, multiple};
use crate::crypto::cipher::{CipherError, CipherKey, pad, unpad};
use crate::crypto::curve::{CurveError, Point, PrivateKey};

/// Why the chip has not proven its key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CamError {
    /// The last answer has no object 8A.
    #[error("the chip sent no encrypted chip authentication data")]
    Missing,
    /// Not whole blocks, or no padding after deciphering.
    #[error("encrypted chip authentication data: {0}")]
    Cipher(#[from] CipherError),
    /// Chip authentication data that is no scalar, or the key is of another curve.
    #[error("chip authentication data: {0}")]
    Curve(#[from] CurveError),
    /// A static key that is not on a curve.
    #[error("chip authentication mapping: the static key is a DH key")]
    NotEc,
    /// CA_IC · PK_IC is not the mapping key.
    #[error("chip authentication mapping: the chip does not hold the private key of the static key")]
    NotProven,
}

/// What the chip sent as its proof, to be verified once its static key is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChipAuthenticationData {
    key_id: u8,
    mapping_key: Point,
    scalar: Result<PrivateKey, CamError>,
}

impl ChipAuthenticationData {
    /// Deciphers what came in object 8A. CA_IC may lack leading zeros.
    pub(super) fn open(cipher: &CipherKey, key_id: u8, mapping_key: Point, encrypted: Option<&[u8]>) -> Self {
        let scalar = || {
            let mut data = Zeroizing::new(encrypted.ok_or(CamError::Missing)?.to_vec());
            cipher.decrypt_cbc(&iv(cipher), &mut data)?;
            Ok(PrivateKey::from_bytes(mapping_key.curve(), unpad(&data, cipher.block_len())?)?)
        };
        let scalar = scalar();
        Self { key_id, mapping_key, scalar }
    }

    /// The key id of the static key in EF.CardSecurity: the id of the domain parameters.
    #[must_use]
    pub const fn key_id(&self) -> u8 {
        self.key_id
    }

    /// Whether the chip that sent this holds the private key of `static_key`.
    ///
    /// # Errors
    /// Any [`CamError`].
    pub fn verify(&self, static_key: &AgreementKey) -> Result<(), CamError> {
        let AgreementKey::Ec(point) = static_key else { return Err(CamError::NotEc) };
        let scalar = self.scalar.as_ref().map_err(Clone::clone)?;
        if multiple(scalar, point)? == self.mapping_key { Ok(()) } else { Err(CamError::NotProven) }
    }
}

/// Chip: A_IC of its mapping key and its static key.
///
/// # Errors
/// The keys are of different curves.
pub(super) fn seal(cipher: &CipherKey, mapping_key: &PrivateKey, static_key: &PrivateKey) -> Result<Vec<u8>, CurveError> {
    let data = mapping_key.quotient(static_key)?;
    let mut encrypted = data.scalar().expose().to_vec();
    pad(&mut encrypted, cipher.block_len());
    cipher.encrypt_cbc(&iv(cipher), &mut encrypted).expect("padded to whole blocks");
    Ok(encrypted)
}

/// E(KS_Enc, FF … FF).
fn iv(cipher: &CipherKey) -> Vec<u8> {
    let mut iv = vec![0xFF; cipher.block_len()];
    cipher.encrypt_blocks(&mut iv).expect("one block");
    iv
}
