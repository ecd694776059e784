//! Active Authentication (Doc 9303-11 §6.1), both roles: the chip signs the terminal's eight bytes with the private key of DG15.
//!
//! ```text
//! INTERNAL AUTHENTICATE  00 88 00 00 08 RND.IFD
//! RSA    ISO/IEC 9796-2 scheme 1, partial recovery: F = 6A ‖ M1 ‖ H(M1 ‖ RND.IFD) ‖ trailer, M1 random
//!        trailer BC: SHA-1; 33CC SHA-1, 38CC SHA-224, 34CC SHA-256, 36CC SHA-384, 35CC SHA-512
//! ECDSA  r ‖ s over RND.IFD, with the hash of DG14's ActiveAuthenticationInfo
//! ```
//!
//! The challenge must be fresh for every run, and drawn by who is to be convinced. A server that trusts no terminal draws it itself, has the
//! terminal pass it to the chip ([`internal_authenticate`]), and judges challenge and signature alone with [`verify`], against a DG15 that
//! passive authentication has confirmed; it must take each challenge back only once.
//!
//! It refuses messages recovered in whole, unknown trailers, and padding that is not 6A or 6B BB … BA. What chips in the field do otherwise is
//! accepted and reported as a [`Quirk`]: ECDSA in DER, the smaller root, zero bytes before 6A, signatures longer or shorter than the modulus.

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;

use crate::apdu::Command;
use crate::crypto::curve::{Point, PrivateKey as EcPrivateKey};
use crate::crypto::hash::Hash;
use crate::crypto::rsa;
use crate::crypto::signature::{Algorithm, PrivateKey, PublicKey, SignatureError, sign, verify_der, verify_plain};
use crate::secret::Secret;

/// Length of the challenge RND.IFD.
pub const CHALLENGE_LEN: usize = 8;

/// Why a signature over the challenge proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActiveAuthError {
    /// The signature is well formed and wrong: this is a verdict.
    #[error("Active Authentication: the signature does not verify under the key of DG15")]
    Wrong,
    /// The opened signature is no message representative of ISO/IEC 9796-2 scheme 1.
    #[error("Active Authentication: {what}: expected {expected}, found {found}")]
    Representative {
        /// Which part.
        what: &'static str,
        /// What the clause asks for.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// The signature cannot be opened or made with this key.
    #[error("Active Authentication: {0}")]
    Signature(SignatureError),
    /// The challenge has another length; the chip answers 6700.
    #[error("Active Authentication: challenge of {found} bytes, expected 8")]
    Challenge {
        /// Bytes found.
        found: usize,
    },
}

impl From<SignatureError> for ActiveAuthError {
    fn from(error: SignatureError) -> Self {
        if error == SignatureError::Wrong { Self::Wrong } else { Self::Signature(error) }
    }
}

/// What a chip did otherwise than the clause says, though its signature verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quirk {
    /// ECDSA as a DER SEQUENCE instead of r ‖ s.
    DerSignature,
    /// n - s was sent, so that n minus the opened value is the representative (ISO/IEC 9796-2 annex with the smaller of the two roots).
    SmallerRoot,
    /// Zero bytes stand before the header 6A.
    ZerosBeforeHeader,
    /// The RSA signature has another length than the modulus: zero bytes are missing or too many.
    SignatureLength,
}

impl Quirk {
    /// The name of the rule in the quirk ledger.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::DerSignature => "aa.der-signature",
            Self::SmallerRoot => "aa.smaller-root",
            Self::ZerosBeforeHeader => "aa.zeros-before-header",
            Self::SignatureLength => "aa.signature-length",
        }
    }
}

/// Most zero bytes before the header that are passed over.
const MAX_ZEROS: usize = 8;

/// A signature that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The hash that it is made with.
    pub hash: Hash,
    /// What was forgiven.
    pub quirks: Vec<Quirk>,
}

/// INTERNAL AUTHENTICATE. `le` is at least the length of the signature; 256 fits RSA keys up to 2048 bits, longer ones need more.
#[must_use]
pub fn internal_authenticate(challenge: [u8; CHALLENGE_LEN], le: u32) -> Command {
    Command::new(0x00, 0x88, 0x00, 0x00).with_data(challenge).with_le(le)
}

/// Checks a signature over a challenge under the key of DG15: all that a server needs. `announced` is the hash that DG14 names for ECDSA
/// ([`SecurityInfos::active_auth_hash`](crate::lds::security_info::SecurityInfos::active_auth_hash)); RSA names it in the signature.
///
/// The answer is a proof only for a challenge that the caller drew at random and accepts once, and a key that passive authentication confirmed.
///
/// # Errors
/// Any [`ActiveAuthError`]; [`ActiveAuthError::Signature`] for an EC key without an announced hash.
pub fn verify(
    key: &PublicKey,
    announced: Option<Hash>,
    challenge: [u8; CHALLENGE_LEN],
    signature: &[u8],
) -> Result<Verified, ActiveAuthError> {
    match (key, announced) {
        (PublicKey::Rsa(key), _) => verify_rsa(key, challenge, signature),
        (PublicKey::Ec(point), Some(hash)) => verify_ecdsa(hash, point, challenge, signature),
        (PublicKey::Ec(_), None) => Err(SignatureError::Unsupported("no ActiveAuthenticationInfo names the hash of ECDSA".into()).into()),
    }
}

/// Terminal: checks an RSA signature. The hash is what the trailer says.
///
/// # Errors
/// Any [`ActiveAuthError`].
pub fn verify_rsa(key: &rsa::PublicKey, challenge: [u8; CHALLENGE_LEN], signature: &[u8]) -> Result<Verified, ActiveAuthError> {
    let mut opened = rsa::public_op(key, signature)?;
    let mut quirks = Vec::new();
    if signature.len() != key.modulus().len() {
        quirks.push(Quirk::SignatureLength);
    }
    // Every trailer ends in the nibble C; n is odd, so only one of the two roots can.
    if opened.last().is_some_and(|last| last & 0x0F != 0x0C) {
        opened = subtract(key.modulus(), &opened);
        quirks.push(Quirk::SmallerRoot);
    }
    let recovered = Representative::read(&opened, key.bits())?;
    if recovered.zeros > 0 {
        quirks.push(Quirk::ZerosBeforeHeader);
    }
    let digest = recovered.hash.digest(&[recovered.m1, &challenge]);
    let right: bool = digest.ct_eq(recovered.digest).into();
    if right { Ok(Verified { hash: recovered.hash, quirks }) } else { Err(ActiveAuthError::Wrong) }
}

/// Terminal: checks an ECDSA signature over the challenge.
///
/// # Errors
/// Any [`ActiveAuthError`].
pub fn verify_ecdsa(hash: Hash, key: &Point, challenge: [u8; CHALLENGE_LEN], signature: &[u8]) -> Result<Verified, ActiveAuthError> {
    let algorithm = Algorithm::Ecdsa(hash);
    let public = PublicKey::Ec(key.clone());
    if signature.len() == 2 * key.curve().scalar_len() {
        verify_plain(algorithm, &public, &challenge, signature)?;
        return Ok(Verified { hash, quirks: Vec::new() });
    }
    verify_der(algorithm, &public, &challenge, signature)?;
    Ok(Verified { hash, quirks: vec![Quirk::DerSignature] })
}

/// Chip: signs the challenge with RSA from modulus and private exponent; as long as the modulus.
///
/// # Errors
/// [`ActiveAuthError::Challenge`], [`ActiveAuthError::Signature`] for a key that is too short or unusable.
pub fn sign_rsa(
    modulus: &[u8],
    private_exponent: &Secret,
    hash: Hash,
    challenge: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, ActiveAuthError> {
    let challenge = checked(challenge)?;
    if modulus.first().is_none_or(|&first| first < 0x80) {
        return Err(SignatureError::Unsupported("RSA modulus whose length is not a multiple of 8 bits".into()).into());
    }
    let trailer = trailer(hash);
    let room = modulus.len().checked_sub(1 + hash.len() + trailer.len()).filter(|&room| room > 0);
    let room = room.ok_or_else(|| SignatureError::Unsupported(format!("RSA modulus of {} bytes with {}", modulus.len(), hash.name())))?;
    let mut m1 = vec![0; room];
    rng.fill_bytes(&mut m1);
    let digest = hash.digest(&[&m1, &challenge]);
    let representative = [&[0x6A], &m1[..], &digest, trailer].concat();
    Ok(rsa::private_op(modulus, private_exponent, &representative, rng)?)
}

/// Chip: signs the challenge with ECDSA; r ‖ s.
///
/// # Errors
/// [`ActiveAuthError::Challenge`], [`ActiveAuthError::Signature`].
pub fn sign_ecdsa(key: &EcPrivateKey, hash: Hash, challenge: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, ActiveAuthError> {
    let challenge = checked(challenge)?;
    Ok(sign(Algorithm::Ecdsa(hash), &PrivateKey::Ec(key.clone()), &challenge, rng)?.to_plain())
}

fn checked(challenge: &[u8]) -> Result<[u8; CHALLENGE_LEN], ActiveAuthError> {
    challenge.try_into().map_err(|_| ActiveAuthError::Challenge { found: challenge.len() })
}

const fn trailer(hash: Hash) -> &'static [u8] {
    match hash {
        Hash::Sha1 => &[0xBC],
        Hash::Sha224 => &[0x38, 0xCC],
        Hash::Sha256 => &[0x34, 0xCC],
        Hash::Sha384 => &[0x36, 0xCC],
        Hash::Sha512 => &[0x35, 0xCC],
    }
}

/// The parts of F.
#[derive(Debug, PartialEq, Eq)]
struct Representative<'a> {
    m1: &'a [u8],
    digest: &'a [u8],
    hash: Hash,
    /// Zero bytes before the header.
    zeros: usize,
}

impl<'a> Representative<'a> {
    /// Reads F, which `opened` holds with leading zeros up to the length of a modulus of `bits` bits.
    fn read(opened: &'a [u8], bits: usize) -> Result<Self, ActiveAuthError> {
        let wrong = |what, expected, found: &[u8]| ActiveAuthError::Representative {
            what,
            expected,
            found: found.iter().map(|octet| format!("{octet:02X}")).collect(),
        };
        // F has one bit less than the modulus: with 8k + 1 bits its first byte is all zero.
        let f = if bits % 8 == 1 { opened.strip_prefix(&[0]).unwrap_or(opened) } else { opened };
        let zeros = f.iter().take(MAX_ZEROS).take_while(|&&octet| octet == 0).count();
        let f = f.get(zeros..).unwrap_or_default();
        let (hash, body) = match f {
            [body @ .., 0xBC] => (Hash::Sha1, body),
            [body @ .., id, 0xCC] => (
                match id {
                    0x33 => Hash::Sha1,
                    0x34 => Hash::Sha256,
                    0x35 => Hash::Sha512,
                    0x36 => Hash::Sha384,
                    0x38 => Hash::Sha224,
                    _ => return Err(wrong("trailer", "BC or 33, 34, 35, 36, 38 before CC", &[*id, 0xCC])),
                },
                body,
            ),
            _ => return Err(wrong("trailer", "BC or CC", f.last_chunk::<1>().map_or(&[], |last| last))),
        };
        let split = body.len().checked_sub(hash.len()).and_then(|at| body.split_at_checked(at));
        let (head, digest) = split.ok_or_else(|| wrong("representative", "header, message and digest", &[]))?;
        let m1 = match head {
            [0x6A, m1 @ ..] => m1,
            [0x6B, rest @ ..] => {
                let border = rest.iter().position(|&octet| octet != 0xBB);
                match border.and_then(|at| rest.split_at_checked(at)) {
                    Some((_, [0xBA, m1 @ ..])) => m1,
                    _ => return Err(wrong("padding", "BB … BA", &[])),
                }
            }
            _ => return Err(wrong("header", "6A or 6B", head.first_chunk::<1>().map_or(&[], |first| first))),
        };
        Ok(Self { m1, digest, hash, zeros })
    }
}

/// modulus - value, both big-endian, value below the modulus.
fn subtract(modulus: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = modulus.to_vec();
    let mut borrow = false;
    let padded = value.iter().rev().copied().chain(std::iter::repeat(0));
    for (octet, other) in out.iter_mut().rev().zip(padded) {
        let (first, under) = octet.overflowing_sub(other);
        let (second, again) = first.overflowing_sub(u8::from(borrow));
        *octet = second;
        borrow = under || again;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::curve::Curve;
    use crate::test_rng::Seeded;

    /// Doc 9303-11 appendix F: the opened signature.
    const F: &str = "6A9D2784A67F8E7C659973EA1AEA25D95B6C8F91E5002F369F0FBDCE8A3CEC1991B543F1696546C5524CF23A5303CD6C98599F40B79F377B5F3A1406B3B4D8F96784D23AA88DB7E1032A405E69325FA91A6E86F5C71AEA978264C4A207446DAD4E7292E2DCDA3024B47DA8C063AA1E6D22FBD976AB0FE73D94D2D9C6D88127BC";
    const CHALLENGE: [u8; 8] = [0xF1, 0x73, 0x58, 0x99, 0x74, 0xBF, 0x40, 0xC6];

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).expect("hex")
    }

    #[test]
    fn appendix_f_representative() {
        let f = bytes(F);
        let read = Representative::read(&f, 1024).expect("well formed");
        assert_eq!(read.hash, Hash::Sha1);
        assert_eq!(read.m1, &f[1..107]);
        assert_eq!(hex::encode_upper(read.digest), "C063AA1E6D22FBD976AB0FE73D94D2D9C6D88127");
        assert_eq!(read.hash.digest(&[read.m1, &CHALLENGE]), read.digest);
    }

    #[test]
    fn appendix_f_signed_by_openssl_verifies() {
        let key = openssl::rsa::Rsa::generate(1024).expect("generates");
        let public = rsa::PublicKey::new(&key.n().to_vec(), &key.e().to_vec());
        let mut signature = vec![0; 128];
        key.private_encrypt(&bytes(F), &mut signature, openssl::rsa::Padding::NONE).expect("F is below the modulus");
        assert_eq!(verify_rsa(&public, CHALLENGE, &signature), Ok(Verified { hash: Hash::Sha1, quirks: vec![] }));
        assert_eq!(verify_rsa(&public, [0xF1; 8], &signature), Err(ActiveAuthError::Wrong));
    }

    #[test]
    fn every_trailer_is_read_and_others_are_refused() {
        for (trailer, hash) in [
            ("BC", Hash::Sha1),
            ("33CC", Hash::Sha1),
            ("34CC", Hash::Sha256),
            ("35CC", Hash::Sha512),
            ("36CC", Hash::Sha384),
            ("38CC", Hash::Sha224),
        ] {
            let f = [&[0x6A, 1, 2, 3][..], &vec![7; hash.len()], &bytes(trailer)].concat();
            assert_eq!(Representative::read(&f, 1024), Ok(Representative { m1: &[1, 2, 3], digest: &vec![7; hash.len()], hash, zeros: 0 }));
            let shifted = [&[0; MAX_ZEROS][..], &f].concat();
            assert_eq!(Representative::read(&shifted, 1024).map(|read| read.zeros), Ok(MAX_ZEROS));
            assert!(Representative::read(&[&[0][..], &shifted].concat(), 1024).is_err(), "too many zeros");
            let padded = [&[0x6B, 0xBB, 0xBB, 0xBA, 1][..], &vec![7; hash.len()], &bytes(trailer)].concat();
            assert_eq!(Representative::read(&padded, 1024).map(|read| read.m1.to_vec()), Ok(vec![1]));
        }
        let what = |f: &[u8]| match Representative::read(f, 1024) {
            Err(ActiveAuthError::Representative { what, .. }) => what,
            other => panic!("{other:?}"),
        };
        let with = |head: u8, tail: &[u8]| [&[head][..], &[9; 80], tail].concat();
        assert_eq!(what(&with(0x6A, &[0x37, 0xCC])), "trailer");
        assert_eq!(what(&with(0x6A, &[0xBB])), "trailer");
        assert_eq!(what(&with(0x4A, &[0xBC])), "header");
        assert_eq!(what(&with(0x6B, &[0xBC])), "padding");
        assert_eq!(what(&[0x6A, 0xBC]), "representative");
        assert_eq!(what(&[]), "trailer");
    }

    #[test]
    fn modulus_minus_value() {
        assert_eq!(subtract(&bytes("0100000000"), &bytes("01")), bytes("00FFFFFFFF"));
        assert_eq!(subtract(&bytes("F000"), &bytes("EFFF")), bytes("0001"));
    }

    #[test]
    fn rsa_signatures_of_every_hash_verify_and_none_serves_twice() {
        let mut rng = Seeded::new(6);
        let key = rsa::PrivateKey::generate(1536, &mut rng).expect("allowed length");
        let public = key.public();
        for hash in Hash::ALL {
            let signature = sign_rsa(public.modulus(), &key.private_exponent(), hash, &CHALLENGE, &mut rng).expect("signs");
            assert_eq!(signature.len(), public.modulus().len());
            assert_eq!(verify_rsa(&public, CHALLENGE, &signature), Ok(Verified { hash, quirks: vec![] }));
            assert_eq!(verify_rsa(&public, [0; 8], &signature), Err(ActiveAuthError::Wrong));
            let smaller = subtract(public.modulus(), &signature);
            assert_eq!(verify_rsa(&public, CHALLENGE, &smaller), Ok(Verified { hash, quirks: vec![Quirk::SmallerRoot] }));
        }
        let other = rsa::PrivateKey::generate(1536, &mut rng).expect("allowed length").public();
        let mut signature = sign_rsa(public.modulus(), &key.private_exponent(), Hash::Sha256, &CHALLENGE, &mut rng).expect("signs");
        signature[0] = 0;
        assert!(verify_rsa(&other, CHALLENGE, &signature).is_err());
        assert_eq!(
            sign_rsa(public.modulus(), &key.private_exponent(), Hash::Sha256, &[0; 7], &mut rng),
            Err(ActiveAuthError::Challenge { found: 7 })
        );
    }

    #[test]
    fn ecdsa_signatures_verify_and_der_is_a_quirk() {
        let mut rng = Seeded::new(7);
        for curve in [Curve::P256, Curve::BrainpoolP256r1, Curve::P521] {
            let key = EcPrivateKey::generate(curve, &mut rng);
            let plain = sign_ecdsa(&key, Hash::Sha256, &CHALLENGE, &mut rng).expect("signs");
            assert_eq!(plain.len(), 2 * curve.scalar_len());
            assert_eq!(verify_ecdsa(Hash::Sha256, &key.public(), CHALLENGE, &plain), Ok(Verified { hash: Hash::Sha256, quirks: vec![] }));
            assert_eq!(verify_ecdsa(Hash::Sha256, &key.public(), [0; 8], &plain), Err(ActiveAuthError::Wrong));
            let der = sign(Algorithm::Ecdsa(Hash::Sha256), &PrivateKey::Ec(key.clone()), &CHALLENGE, &mut rng).expect("signs").to_der();
            assert_eq!(
                verify_ecdsa(Hash::Sha256, &key.public(), CHALLENGE, &der),
                Ok(Verified { hash: Hash::Sha256, quirks: vec![Quirk::DerSignature] })
            );
        }
    }

    /// Chips in the field have moduli of 1024 to 4096 bits, 1792 among them. The keys are OpenSSL's.
    #[test]
    fn every_modulus_length_of_the_field_verifies_with_every_hash() {
        let mut rng = Seeded::new(8);
        for bits in [1024, 1280, 1536, 1792, 2048, 3072, 4096] {
            let key = openssl::rsa::Rsa::generate(bits).expect("generates");
            let public = rsa::PublicKey::new(&key.n().to_vec(), &key.e().to_vec());
            let exponent = Secret::new(key.d().to_vec());
            for hash in Hash::ALL {
                let signature = sign_rsa(public.modulus(), &exponent, hash, &CHALLENGE, &mut rng).expect("signs");
                let key = PublicKey::Rsa(public.clone());
                assert_eq!(verify(&key, None, CHALLENGE, &signature), Ok(Verified { hash, quirks: vec![] }), "{bits} {hash:?}");
                assert_eq!(verify(&key, None, [0; 8], &signature), Err(ActiveAuthError::Wrong));
            }
        }
    }

    /// Australian chips: a representative that does not fill the modulus, and signatures whose length is not that of the modulus.
    #[test]
    fn zeros_before_the_header_and_other_lengths_are_quirks() {
        let key = openssl::rsa::Rsa::generate(1024).expect("generates");
        let public = rsa::PublicKey::new(&key.n().to_vec(), &key.e().to_vec());
        let m1 = [7; 100];
        let digest = Hash::Sha1.digest(&[&m1, &CHALLENGE]);
        let f = [&[0; 6][..], &[0x6A], &m1, &digest, &[0xBC]].concat();
        let mut signature = vec![0; 128];
        key.private_encrypt(&f, &mut signature, openssl::rsa::Padding::NONE).expect("below the modulus");
        let zeros = Verified { hash: Hash::Sha1, quirks: vec![Quirk::ZerosBeforeHeader] };
        assert_eq!(verify_rsa(&public, CHALLENGE, &signature), Ok(zeros));
        let longer = [&[0, 0][..], &signature].concat();
        let both = Verified { hash: Hash::Sha1, quirks: vec![Quirk::SignatureLength, Quirk::ZerosBeforeHeader] };
        assert_eq!(verify_rsa(&public, CHALLENGE, &longer), Ok(both));
        assert_eq!(verify_rsa(&public, [9; 8], &longer), Err(ActiveAuthError::Wrong));
    }

    #[test]
    fn ecdsa_verifies_on_every_curve_plain_and_in_der_with_every_hash() {
        let mut rng = Seeded::new(9);
        for curve in Curve::ALL {
            let key = EcPrivateKey::generate(curve, &mut rng);
            let public = PublicKey::Ec(key.public());
            for hash in Hash::ALL {
                let plain = sign_ecdsa(&key, hash, &CHALLENGE, &mut rng).expect("signs");
                assert_eq!(verify(&public, Some(hash), CHALLENGE, &plain), Ok(Verified { hash, quirks: vec![] }), "{curve:?} {hash:?}");
                let der = sign(Algorithm::Ecdsa(hash), &PrivateKey::Ec(key.clone()), &CHALLENGE, &mut rng).expect("signs").to_der();
                let quirks = vec![Quirk::DerSignature];
                assert_eq!(verify(&public, Some(hash), CHALLENGE, &der), Ok(Verified { hash, quirks }), "{curve:?} {hash:?}");
                let other = if hash == Hash::Sha256 { Hash::Sha384 } else { Hash::Sha256 };
                assert_eq!(verify(&public, Some(other), CHALLENGE, &plain), Err(ActiveAuthError::Wrong));
            }
            assert!(matches!(verify(&public, None, CHALLENGE, &[0; 64]), Err(ActiveAuthError::Signature(_))), "nobody names the hash");
        }
    }
}
