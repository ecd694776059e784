//! What an RSA signature signs: EMSA-PKCS1-v1_5 (RFC 8017 §9.2) and EMSA-PSS (§9.1) with any pair of digests and any salt length.
//! Certificates exist whose MGF digest differs from that of the message, which is why these are our own.

use crate::crypto::hash::Hash;

/// DER of DigestInfo before the digest (RFC 8017 §9.2, note 1).
const fn digest_info(hash: Hash) -> &'static [u8] {
    match hash {
        Hash::Sha1 => &[0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A, 0x05, 0x00, 0x04, 0x14],
        Hash::Sha224 => &[0x30, 0x2D, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04, 0x05, 0x00, 0x04, 0x1C],
        Hash::Sha256 => &[0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20],
        Hash::Sha384 => &[0x30, 0x41, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30],
        Hash::Sha512 => &[0x30, 0x51, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40],
    }
}

/// 00 01 FF … FF 00 ‖ DigestInfo, `len` bytes; nothing if the modulus is too short for it.
pub(in crate::crypto) fn pkcs1(hash: Hash, digest: &[u8], len: usize) -> Option<Vec<u8>> {
    let prefix = digest_info(hash);
    let padding = len.checked_sub(prefix.len() + digest.len() + 3).filter(|padding| *padding >= 8)?;
    Some([&[0, 1], &vec![0xFF; padding][..], &[0], prefix, digest].concat())
}

/// The block that is signed under a modulus of `bits`, as long as the modulus; nothing if the modulus is too short.
pub(in crate::crypto) fn pss(hash: Hash, mgf: Hash, digest: &[u8], salt: &[u8], bits: usize) -> Option<Vec<u8>> {
    let len = (bits - 1).div_ceil(8);
    let masked = len.checked_sub(hash.len() + 1)?;
    let zeros = masked.checked_sub(salt.len() + 1)?;
    let h = hash.digest(&[&[0; 8], digest, salt]);
    let mut block = [&vec![0; zeros][..], &[1], salt].concat();
    mask(mgf, &h, &mut block);
    block[0] &= 0xFF >> (8 * len - (bits - 1));
    // where the modulus has one bit more than whole bytes, the block is a byte shorter
    Some([&vec![0; bits.div_ceil(8) - len][..], &block, &h, &[0xBC]].concat())
}

/// Whether `encoded`, as long as the modulus of `bits`, is such a block with a salt of exactly `salt` bytes.
pub(in crate::crypto) fn is_pss(hash: Hash, mgf: Hash, digest: &[u8], salt: usize, bits: usize, encoded: &[u8]) -> bool {
    let len = (bits - 1).div_ceil(8);
    let Some((leading, encoded)) = encoded.len().checked_sub(len).and_then(|extra| encoded.split_at_checked(extra)) else { return false };
    let (Some((0xBC, encoded)), true) = (encoded.split_last(), leading.iter().all(|byte| *byte == 0)) else { return false };
    let Some((block, h)) = encoded.len().checked_sub(hash.len()).and_then(|at| encoded.split_at_checked(at)) else { return false };
    let unused = 8 * len - (bits - 1);
    let Some(first) = block.first() else { return false };
    if first & !(0xFF >> unused) != 0 {
        return false;
    }
    let mut block = block.to_vec();
    mask(mgf, h, &mut block);
    block[0] &= 0xFF >> unused;
    let Some(zeros) = salt.checked_add(1).and_then(|tail| block.len().checked_sub(tail)) else { return false };
    let (padding, salt) = block.split_at(zeros);
    let Some((1, salt)) = salt.split_first() else { return false };
    padding.iter().all(|byte| *byte == 0) && hash.digest(&[&[0; 8], digest, salt]) == h
}

/// XORs `block` with MGF1 of `seed` (RFC 8017 B.2.1).
fn mask(hash: Hash, seed: &[u8], block: &mut [u8]) {
    for (counter, chunk) in (0_u32..).zip(block.chunks_mut(hash.len())) {
        let mask = hash.digest(&[seed, &counter.to_be_bytes()]);
        chunk.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }
}
