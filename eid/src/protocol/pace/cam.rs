//! Chip authentication mapping (Doc 9303-11 §4.4.3.3.3 and §4.4.3.5): the run of PACE proves too that the chip holds its static key.
//!
//! ```text
//! chip      CA_IC = SK_Map,IC / SK_IC mod n    A_IC = E(KS_Enc, pad(CA_IC)), IV = E(KS_Enc, FF … FF)
//! terminal  PK_Map,IC = CA_IC · PK_IC          PK_IC from EF.CardSecurity, whose signature alone makes it the issuer's
//! ```
//!
//! Nothing is proven before [`ChipAuthenticationData::verify`] with a key that passive authentication confirmed.

use crate::crypto::agreement::{AgreementKey, multiple};
use crate::crypto::cipher::{CipherError, CipherKey, pad, unpad};
use crate::crypto::curve::{CurveError, Point, PrivateKey};
use crate::secret::Secret;

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

/// Chip authentication mapping has no other cipher than AES.
const BLOCK: usize = 16;

/// What the chip sent as its proof, to be verified once its static key is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChipAuthenticationData {
    key_id: u8,
    mapping_key: Point,
    /// CA_IC with its padding; what cannot be deciphered, because it is not whole blocks, as it came.
    data: Option<Secret>,
}

impl ChipAuthenticationData {
    /// Deciphers what came in object 8A.
    pub(super) fn open(cipher: &CipherKey, key_id: u8, mapping_key: Point, encrypted: Option<&[u8]>) -> Self {
        let data = encrypted.map(|encrypted| {
            let mut data = encrypted.to_vec();
            // verify() says what is wrong with other lengths
            let _ = cipher.decrypt_cbc(&iv(cipher), &mut data);
            Secret::new(data)
        });
        Self { key_id, mapping_key, data }
    }

    /// From a record of an earlier run: what [`key_id`](Self::key_id), [`mapping_key`](Self::mapping_key), and [`data`](Self::data) gave.
    #[must_use]
    pub const fn from_record(key_id: u8, mapping_key: Point, data: Option<Secret>) -> Self {
        Self { key_id, mapping_key, data }
    }

    /// PK_Map,IC: the chip's public key of the mapping.
    #[must_use]
    pub const fn mapping_key(&self) -> &Point {
        &self.mapping_key
    }

    /// CA_IC deciphered, with its padding; `None` if the chip sent none. With the mapping key it makes a proof of any key that fits:
    /// what it proves, it proves to the terminal of that run.
    #[must_use]
    pub const fn data(&self) -> Option<&Secret> {
        self.data.as_ref()
    }

    /// The key id of the static key in EF.CardSecurity: the id of the domain parameters.
    #[must_use]
    pub const fn key_id(&self) -> u8 {
        self.key_id
    }

    /// Whether the chip that sent this holds the private key of `static_key`. CA_IC may lack leading zeros.
    ///
    /// # Errors
    /// Any [`CamError`].
    pub fn verify(&self, static_key: &AgreementKey) -> Result<(), CamError> {
        let AgreementKey::Ec(point) = static_key else { return Err(CamError::NotEc) };
        let data = self.data.as_ref().ok_or(CamError::Missing)?;
        let scalar = PrivateKey::from_bytes(self.mapping_key.curve(), unpad(data.expose(), BLOCK)?)?;
        if multiple(&scalar, point)? == self.mapping_key { Ok(()) } else { Err(CamError::NotProven) }
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
