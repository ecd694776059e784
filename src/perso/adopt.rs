//! A card image out of files that somebody else made: a reference data set, or a dump of a test card whose keys are known.
//!
//! For virtual cards of test engineers: the files go onto the card as they are, right or wrong; nothing is signed or corrected. The MRZ
//! opens the card if there is an EF.DG1 with one. Refused: a private key that belongs to no public key in DG14 or DG15, since such a card
//! would fail in a way that nobody asked for.

use std::collections::BTreeMap;

use eid::cert::spki::agreement;
use eid::crypto::agreement::AgreementPrivateKey;
use eid::crypto::curve::{self, Point};
use eid::crypto::signature::{PrivateKey, PublicKey, SignatureError};
use eid::image::{ActiveAuthKey, CardImage, ChipAuthKey, FileId};
use eid::lds::Elementary as _;
use eid::lds::dg1::Dg1;
use eid::lds::dg14::Dg14;
use eid::lds::dg15::Dg15;
use eid::lds::security_info::KeyId;
use eid::protocol::bac;
use eid::secret::Secret;
use eid::tlv::{self, TlvError};
use zeroize::Zeroizing;

/// Why files and keys make no card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdoptError {
    /// Not PKCS#8 of a key that a chip can have.
    #[error("private key of {file}: {source}")]
    Key {
        /// The file with its public half.
        file: FileId,
        /// What is wrong with it.
        source: SignatureError,
    },
    /// The file with the public key is not there, or has no such key.
    #[error("{file}: expected the public key of the private key, found {found}")]
    Foreign {
        /// The file.
        file: FileId,
        /// What is there.
        found: String,
    },
    /// Nothing opens the card.
    #[error("expected an EF.DG1 with an MRZ, or a CAN: without them nothing opens the card")]
    NoPassword,
}

/// Private keys and CAN that belong to the files.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// PKCS#8 in DER of the key in DG14, which may name its curve by explicit parameters.
    pub chip_auth: Option<Secret>,
    /// PKCS#8 in DER of the key in DG15.
    pub active_auth: Option<Secret>,
    /// Card access number.
    pub can: Option<Secret>,
}

/// The image of a card with these files.
///
/// # Errors
/// [`AdoptError`].
pub fn image(files: BTreeMap<FileId, Vec<u8>>, secrets: &Secrets) -> Result<CardImage, AdoptError> {
    let mut image = CardImage { files, ..CardImage::default() };
    let dg = |number| FileId::dg(number).and_then(|file| image.files.get(&file));
    let mrz = dg(1).and_then(|bytes| Dg1::parse(bytes).ok());
    let chip_auth = secrets.chip_auth.as_ref().map(|key| chip_auth(key, dg(14))).transpose()?;
    let active_auth = secrets.active_auth.as_ref().map(|key| active_auth(key, dg(15))).transpose()?;
    image.passwords.mrz_seed = mrz.map(|dg1| bac::mrz_seed(&dg1.mrz.information()));
    image.passwords.can.clone_from(&secrets.can);
    if image.passwords.mrz_seed.is_none() && image.passwords.can.is_none() {
        return Err(AdoptError::NoPassword);
    }
    image.chip_auth = chip_auth.into_iter().collect();
    image.active_auth = active_auth;
    Ok(image)
}

const fn dg14() -> FileId {
    file(14)
}

const fn dg15() -> FileId {
    file(15)
}

const fn file(number: u8) -> FileId {
    match FileId::dg(number) {
        Some(file) => file,
        None => FileId::COM,
    }
}

fn chip_auth(pkcs8: &Secret, file: Option<&Vec<u8>>) -> Result<ChipAuthKey, AdoptError> {
    let foreign = |found: String| AdoptError::Foreign { file: dg14(), found };
    let bytes = file.ok_or_else(|| foreign("no such file".to_owned()))?;
    let infos = Dg14::parse(bytes).map_err(|error| foreign(error.to_string()))?.infos;
    let scalar = scalar(pkcs8.expose()).map_err(|source| AdoptError::Key { file: dg14(), source })?;
    let several = infos.chip_auth_public_keys().count() > 1;
    for info in infos.chip_auth_public_keys() {
        let Ok(public) = agreement::parse(&info.spki).map(|read| read.key) else { continue };
        let key = AgreementPrivateKey::from_bytes(&public.domain(), &scalar).ok().filter(|key| key.public() == public);
        if let Some(key) = key {
            let id = |id: KeyId| id.as_reference().iter().try_fold(0_u32, |id, &octet| id.checked_mul(256)?.checked_add(octet.into()));
            return Ok(ChipAuthKey { key, key_id: info.key_id.filter(|_| several).and_then(id) });
        }
    }
    Err(foreign("keys of others".to_owned()))
}

/// The private key with this scalar, if `point` is its public half: a curve by explicit parameters is that of the certificate or DG14.
fn of_point(scalar: &Zeroizing<Vec<u8>>, point: &Point) -> Option<curve::PrivateKey> {
    let len = point.curve().scalar_len();
    let significant = scalar.iter().position(|&octet| octet != 0).and_then(|start| scalar.get(start..))?;
    let mut fixed = Zeroizing::new(vec![0; len.checked_sub(significant.len())?]);
    fixed.extend_from_slice(significant);
    curve::PrivateKey::from_bytes(point.curve(), &fixed).ok().filter(|key| key.public() == *point)
}

/// The private value in `PrivateKeyInfo { version, algorithm, OCTET STRING ECPrivateKey { 1, OCTET STRING, … } }`, or the INTEGER in its
/// place, whatever names the group.
fn scalar(pkcs8: &[u8]) -> Result<Zeroizing<Vec<u8>>, SignatureError> {
    let malformed = |error: TlvError| SignatureError::Malformed(format!("PrivateKeyInfo: {error}"));
    let mut info = tlv::single(pkcs8, 0x30).map_err(malformed)?.reader();
    info.expect(0x02).map_err(malformed)?;
    info.expect(0x30).map_err(malformed)?;
    let key = info.expect(0x04).map_err(malformed)?.value;
    // Diffie-Hellman over a finite field: the exponent alone.
    if let Ok(exponent) = tlv::single(key, 0x02) {
        return Ok(Zeroizing::new(exponent.value.to_vec()));
    }
    let mut fields = tlv::single(key, 0x30).map_err(malformed)?.reader();
    fields.expect(0x02).map_err(malformed)?;
    Ok(Zeroizing::new(fields.expect(0x04).map_err(malformed)?.value.to_vec()))
}

fn active_auth(pkcs8: &Secret, file: Option<&Vec<u8>>) -> Result<ActiveAuthKey, AdoptError> {
    let foreign = |found: String| AdoptError::Foreign { file: dg15(), found };
    let bytes = file.ok_or_else(|| foreign("no such file".to_owned()))?;
    let public = match Dg15::parse(bytes).map(|dg15| dg15.key()) {
        Ok(Ok(info)) => info.key,
        Ok(Err(error)) => return Err(foreign(error.to_string())),
        Err(error) => return Err(foreign(error.to_string())),
    };
    let wrong = |source| AdoptError::Key { file: dg15(), source };
    match public {
        PublicKey::Ec(point) => {
            let key = of_point(&scalar(pkcs8.expose()).map_err(wrong)?, &point);
            key.map(ActiveAuthKey::Ec).ok_or_else(|| foreign("the key of another".to_owned()))
        }
        PublicKey::Rsa(public) => match PrivateKey::from_pkcs8(pkcs8.expose()).map_err(wrong)? {
            PrivateKey::Rsa(key) if key.public() == public => {
                Ok(ActiveAuthKey::Rsa { modulus: public.modulus().to_vec(), private_exponent: key.private_exponent() })
            }
            _ => Err(foreign("the key of another".to_owned())),
        },
    }
}
