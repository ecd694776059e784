//! Data groupings of the eID applet: what an image becomes before it is cut into STORE DATA blocks.
//!
//! ```text
//! DGI      id(2) ‖ length (00..FE, or FF ‖ 2) ‖ value
//! run 1    0001 job nonce, then the files and 0065 trust points in clear   P1 08
//! run 2    8002 passwords, 8003 AA key, 8004 CA keys, 8005 RI keys       P1 68, each value under the static Key-DEK
//! run 3    00C0 nonce(16) ‖ image digest(32) ‖ count(1)    P1 88
//! check    84 04 SHA-256(TLV)[0..4] behind the TLV of a secret, then zeros up to a multiple of 16
//! ```

use eid::crypto::agreement::{AgreementPrivateKey, Domain};
use eid::image::{ActiveAuthKey, CardImage, FileId, Home};
use eid::secret::Secret;
use eid::tlv;

pub use eid::dgi::encoded_len;

use super::super::card_profile::{CardProfile, GpDgi, KeyAlgorithm, Taken};
use super::PlanError;

/// Length of the commit grouping's value: nonce, digest, count.
pub const COMMIT_LEN: usize = 16 + 32 + 1;

/// Length of a job nonce.
pub const NONCE_LEN: usize = 16;

/// The files in the order in which they are written: EF.COM, the data groups, the other files of the application, EF.SOD, the MF.
///
/// # Errors
/// A file that the product cannot hold, or that is too long for it.
pub fn files<'a>(image: &'a CardImage, profile: &CardProfile) -> Result<Vec<(FileId, &'a [u8])>, PlanError> {
    let mut files = Vec::new();
    for (&file, bytes) in &image.files {
        match profile.takes(file) {
            Taken::Yes if bytes.len() <= profile.max_file => files.push((file, bytes.as_slice())),
            Taken::Yes => return Err(PlanError::FileTooLong { file, max: profile.max_file, found: bytes.len() }),
            Taken::LeftOut => {}
            Taken::No => return Err(PlanError::Missing { profile: profile.id.clone(), what: format!("a place for {file}") }),
        }
    }
    files.sort_by_key(|(file, _)| write_order(file.dgi()));
    Ok(files)
}

/// Sorting key of the write order by DGI.
#[must_use]
pub fn write_order(dgi: u16) -> (u8, u16) {
    let place = match FileId::from_dgi(dgi) {
        Some(FileId::COM) => 0,
        Some(file) if file.dg_number().is_some() => 1,
        Some(FileId::SOD) => 3,
        Some(file) if file.home == Home::Emrtd => 2,
        _ => 4,
    };
    (place, dgi)
}

/// The secrets as they are encrypted: TLV, check value, zero padding. Lengths are multiples of 16.
///
/// # Errors
/// A key that the product cannot hold.
pub fn secrets(image: &CardImage, profile: &CardProfile, product: &GpDgi) -> Result<Vec<(u16, Secret)>, PlanError> {
    let missing = |what: String| PlanError::Missing { profile: profile.id.clone(), what };
    let mut out = Vec::new();
    if let Some(template) = image.passwords.template() {
        out.push((product.secret_dgis.passwords, seal(template.expose())));
    }
    match &image.active_auth {
        None => {}
        Some(ActiveAuthKey::Ec(key)) => {
            let algorithm = KeyAlgorithm::of(&Domain::Ec(key.curve())).filter(|found| product.active_auth.contains(found));
            algorithm.ok_or_else(|| missing(format!("an Active Authentication key on {}", key.curve().name())))?;
            out.push((product.secret_dgis.active_auth, seal(&tlv::encode(0x7F49, &agreement_key(&key.clone().into())))));
        }
        Some(ActiveAuthKey::Rsa { modulus, private_exponent }) => {
            let algorithm = KeyAlgorithm::rsa(modulus.len()).filter(|found| product.active_auth.contains(found));
            algorithm.ok_or_else(|| missing(format!("an RSA key of {} bits for Active Authentication", modulus.len() * 8)))?;
            let mut body = tlv::encode(0x85, modulus);
            tlv::push(&mut body, 0x86, private_exponent.expose());
            out.push((product.secret_dgis.active_auth, seal(&tlv::encode(0x7F49, &body))));
        }
    }
    let mut keys = Vec::new();
    for chip_auth in &image.chip_auth {
        let algorithm = KeyAlgorithm::of(&chip_auth.key.domain()).filter(|found| product.chip_auth.contains(found));
        algorithm.ok_or_else(|| missing(format!("a Chip Authentication key on {}", chip_auth.key.domain())))?;
        let mut body = agreement_key(&chip_auth.key);
        if let Some(id) = chip_auth.key_id {
            push_id(&mut body, id);
        }
        tlv::push(&mut keys, 0x7F49, &body);
    }
    if !keys.is_empty() {
        out.push((product.secret_dgis.chip_auth, seal(&keys)));
    }
    let mut keys = Vec::new();
    for restricted_id in &image.restricted_id {
        let domain = restricted_id.key.domain();
        let algorithm = KeyAlgorithm::of(&domain).filter(|found| product.chip_auth.contains(found));
        algorithm.ok_or_else(|| missing(format!("a Restricted Identification key on {domain}")))?;
        let mut body = agreement_key(&restricted_id.key);
        push_id(&mut body, restricted_id.key_id);
        tlv::push(&mut body, 0x83, &[u8::from(restricted_id.authorized_only)]);
        tlv::push(&mut keys, 0x7F49, &body);
    }
    if !keys.is_empty() {
        let dgi = product.secret_dgis.restricted_id.ok_or_else(|| missing("a place for keys of Restricted Identification".to_owned()))?;
        out.push((dgi, seal(&keys)));
    }
    Ok(out)
}

/// The trust points of Terminal Authentication with their grouping; `None` if the image has none.
///
/// # Errors
/// The product has no place for them.
pub fn trust_points(image: &CardImage, profile: &CardProfile, product: &GpDgi) -> Result<Option<(u16, Vec<u8>)>, PlanError> {
    let Some(trust) = &image.terminal_auth else { return Ok(None) };
    let missing =
        || PlanError::Missing { profile: profile.id.clone(), what: "a place for the trust points of Terminal Authentication".to_owned() };
    Ok(Some((product.trust_points_dgi.ok_or_else(missing)?, trust.encode())))
}

/// 80 domain parameter id, 81 private value.
fn agreement_key(key: &AgreementPrivateKey) -> Vec<u8> {
    let mut body = key.domain().parameter_id().map(|id| tlv::encode(0x80, &[id])).unwrap_or_default();
    tlv::push(&mut body, 0x81, key.number().expose());
    body
}

/// 82 key id, as short as it goes.
fn push_id(body: &mut Vec<u8>, id: u32) {
    let octets = id.to_be_bytes();
    let start = octets.iter().position(|&octet| octet != 0).unwrap_or(3);
    tlv::push(body, 0x82, octets.get(start..).unwrap_or_default());
}

fn seal(templates: &[u8]) -> Secret {
    Secret::new(eid::dgi::seal(templates))
}

/// Cuts a stream of `len` bytes into blocks of at most `capacity` bytes.
#[must_use]
pub fn blocks(len: usize, capacity: usize) -> Vec<usize> {
    let capacity = capacity.max(1);
    let mut blocks = vec![capacity; len / capacity];
    blocks.extend(Some(len % capacity).filter(|&rest| rest > 0));
    blocks
}

#[cfg(test)]
mod tests {
    use eid::crypto::curve::{Curve, PrivateKey};

    use super::*;

    /// The secrets of `eid_applet_example.json`, padded.
    #[test]
    fn secrets_are_those_of_the_worked_example() {
        let profile = CardProfile::load("eid-gp-scp03").expect("built in");
        let crate::perso::card_profile::Product::GpDgi(product) = &profile.product else { panic!("wrong driver") };
        let mut image = CardImage::default();
        image.passwords.mrz_seed = Some(Secret::new(hex::decode("3c4e2edb7be894f54fa2cc9a04ef09d0887526a3").expect("hex")));
        image.passwords.can = Some(Secret::from(&b"123456"[..]));
        let scalar: Vec<u8> = (1..=32).collect();
        let key = PrivateKey::from_bytes(Curve::BrainpoolP256r1, &scalar).expect("a scalar");
        image.active_auth = Some(ActiveAuthKey::Ec(key));
        let found: Vec<_> =
            secrets(&image, &profile, product).expect("fits").iter().map(|(dgi, value)| (*dgi, hex::encode(value.expose()))).collect();
        let expected = [
            (0x8002, "7f501e90143c4e2edb7be894f54fa2cc9a04ef09d0887526a391063132333435368404bbe13553"),
            (0x8003, "7f492580010d81200102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f208404b329bac2"),
        ];
        assert_eq!(found, expected.map(|(dgi, value)| (dgi, format!("{value:0<96}"))));
    }

    #[test]
    fn a_stream_is_cut_into_full_blocks_and_a_rest() {
        assert_eq!((blocks(480, 239), blocks(478, 239), blocks(0, 239)), (vec![239, 239, 2], vec![239, 239], vec![]));
    }
}
