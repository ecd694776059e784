//! Edge vectors of our own making, with how they were made: numbers are counted up until OpenSSL's arithmetic, independent of ours, gives a
//! value with a leading zero byte; the smallest such number is the case. Each is where a peer loses one session in 256 (P-521: in two).

use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcPoint};
use openssl::nid::Nid;

use super::*;
use crate::crypto::agreement::MappedGenerator;
use crate::crypto::modp::Group;
use crate::lds::security_info::ChipAuthProtocol;
use crate::protocol::chip_auth;

const CURVES: [(Curve, Nid); 11] = [
    (Curve::P192, Nid::X9_62_PRIME192V1),
    (Curve::BrainpoolP192r1, Nid::BRAINPOOL_P192R1),
    (Curve::P224, Nid::SECP224R1),
    (Curve::BrainpoolP224r1, Nid::BRAINPOOL_P224R1),
    (Curve::P256, Nid::X9_62_PRIME256V1),
    (Curve::BrainpoolP256r1, Nid::BRAINPOOL_P256R1),
    (Curve::BrainpoolP320r1, Nid::BRAINPOOL_P320R1),
    (Curve::P384, Nid::SECP384R1),
    (Curve::BrainpoolP384r1, Nid::BRAINPOOL_P384R1),
    (Curve::BrainpoolP512r1, Nid::BRAINPOOL_P512R1),
    (Curve::P521, Nid::SECP521R1),
];

const SUITES: [Suite; 4] = [Suite::TripleDes, Suite::Aes128, Suite::Aes192, Suite::Aes256];

fn number(value: u32) -> BigNum {
    BigNum::from_u32(value).expect("memory")
}

/// 04 ‖ x ‖ y of factor · G by OpenSSL, filled to the field's length.
fn by_openssl(curve: Curve, nid: Nid, factor: &BigNum) -> Vec<u8> {
    let group = EcGroup::from_curve_name(nid).expect("known curve");
    let mut context = BigNumContext::new().expect("memory");
    let mut point = EcPoint::new(&group).expect("memory");
    point.mul_generator2(&group, factor, &mut context).expect("multiplies");
    let (mut x, mut y) = (BigNum::new().expect("memory"), BigNum::new().expect("memory"));
    point.affine_coordinates(&group, &mut x, &mut y, &mut context).expect("not at infinity");
    let len = i32::try_from(curve.field_len()).expect("short");
    [vec![4], x.to_vec_padded(len).expect("fits"), y.to_vec_padded(len).expect("fits")].concat()
}

/// The smallest n such that the x-coordinate of factor · n · G begins with a zero byte, with that coordinate. On P-521, whose first byte is
/// 0 or 1, two zero bytes.
fn short_x(curve: Curve, nid: Nid, factor: u32) -> (u32, Vec<u8>) {
    let zeros = if curve == Curve::P521 { 2 } else { 1 };
    let x = |n: u32| by_openssl(curve, nid, &number(factor * n))[1..=curve.field_len()].to_vec();
    (2..).map(|n| (n, x(n))).find(|(_, x)| x[..zeros].iter().all(|octet| *octet == 0)).expect("one in 256")
}

fn ec(curve: Curve, scalar: u32) -> AgreementPrivateKey {
    AgreementPrivateKey::from_bytes(&Domain::Ec(curve), &scalar.to_be_bytes()).expect("scalar")
}

fn protocol(agreement: Agreement, suite: Suite) -> PaceProtocol {
    PaceProtocol::new(Mapping::Generic, agreement, suite).expect("exists")
}

/// Regression: gmrtd and dmrtd drop the leading zeros of the x-coordinate before they derive keys.
#[test]
fn a_leading_zero_of_the_shared_x_is_kept_on_every_curve() {
    for (curve, nid) in CURVES {
        let (n, expected) = short_x(curve, nid, 5);
        for suite in SUITES {
            let (own, other) = (ec(curve, n), ec(curve, 5));
            let mut terminal = Agreed::new(protocol(Agreement::Ecdh, suite), &own, &own.public(), &other.public()).expect("agrees");
            let mut independent = SecureMessaging::from_shared(suite, &Secret::new(expected.clone()), &[]);
            meet(&mut terminal.channel, &mut independent);
        }
        // Chip Authentication takes the same way from K.
        let protocol = ChipAuthProtocol { agreement: Agreement::Ecdh, suite: Suite::Aes128 };
        let (other, own) = (ec(curve, 5), ec(curve, n).public());
        let chip = chip_auth::agree(chip_auth::Version::One, protocol, &other, own.as_bytes(), &mut Seeded::new(1));
        let mut independent = SecureMessaging::from_shared(Suite::Aes128, &Secret::new(expected), &[]);
        meet(&mut independent, &mut chip.expect("agrees").channel);
    }
}

#[test]
fn a_leading_zero_of_a_public_x_is_kept_on_every_curve() {
    for (curve, nid) in CURVES {
        let (n, x) = short_x(curve, nid, 1);
        let key = ec(curve, n).public();
        assert_eq!((key.compressed(), key.as_bytes()), (x, &by_openssl(curve, nid, &number(n))[..]));
        assert_eq!(AgreementKey::from_bytes(&Domain::Ec(curve), key.as_bytes()), Ok(key.clone()));
        // without its zero it is no point of the curve
        let short = [&[4], &key.as_bytes()[2..]].concat();
        assert!(matches!(read_key(&Domain::Ec(curve), &short), Err(PaceError::Agreement(_))));
    }
}

/// g^x by OpenSSL.
fn power(group: &Group, exponent: u32) -> Vec<u8> {
    let (mut out, mut context) = (BigNum::new().expect("memory"), BigNumContext::new().expect("memory"));
    let [g, p] = [group.g(), group.p()].map(|bytes| BigNum::from_slice(bytes).expect("memory"));
    out.mod_exp(&g, &number(exponent), &p, &mut context).expect("odd modulus");
    out.to_vec_padded(i32::try_from(group.element_len()).expect("short")).expect("fits")
}

fn dh(group: &Group, exponent: u32) -> AgreementPrivateKey {
    AgreementPrivateKey::from_bytes(&Domain::Dh(group.clone()), &exponent.to_be_bytes()).expect("exponent")
}

#[test]
fn a_leading_zero_of_the_shared_value_is_kept_in_every_group() {
    for group in (0..=2).filter_map(Group::standardized) {
        let (n, expected) = (2..).map(|n| (n, power(&group, 3 * n))).find(|(_, value)| value[0] == 0).expect("one in 256");
        for suite in SUITES {
            let (own, other) = (dh(&group, n), dh(&group, 3));
            let mut terminal = Agreed::new(protocol(Agreement::Dh, suite), &own, &own.public(), &other.public()).expect("agrees");
            let mut independent = SecureMessaging::from_shared(suite, &Secret::new(expected.clone()), &[]);
            meet(&mut terminal.channel, &mut independent);
        }
    }
}

/// A value that begins with a zero byte: sent whole by us, taken with or without its zero from others, tokens over it likewise.
#[test]
fn a_public_value_with_a_leading_zero_is_taken_with_and_without_it() {
    for group in (0..=2).filter_map(Group::standardized) {
        let (n, value) = (2..).map(|n| (n, power(&group, n))).find(|(_, value)| value[0] == 0).expect("one in 256");
        let domain = Domain::Dh(group.clone());
        let (own, other) = (dh(&group, n), dh(&group, 3));
        assert_eq!((own.public().as_bytes(), read_key(&domain, &value[1..])), (&value[..], Ok(own.public())));
        assert!(matches!(read_key(&domain, &[]), Err(PaceError::Agreement(_))));
        assert!(matches!(read_key(&domain, &[&[0], &value[..]].concat()), Err(PaceError::Agreement(_))));

        let here = Agreed::new(protocol(Agreement::Dh, Suite::Aes128), &own, &own.public(), &other.public()).expect("agrees");
        let there = Agreed::new(protocol(Agreement::Dh, Suite::Aes128), &other, &other.public(), &own.public()).expect("agrees");
        assert_ne!(there.token(&value), there.token(&value[1..]));
        for sent in [&value[..], &value[1..]] {
            assert_eq!(here.check(&own.public(), &there.token(sent)), Ok(()));
        }
        assert_eq!(here.check(&own.public(), &there.token(&value[2..])), Err(PaceError::Token));
    }
}

/// A nonce of 32 bytes on curves of 192 and 224 bits, and one of nothing but ones: an integer, taken modulo the order.
/// OpenSSL computes (s + 7 · 11) · G.
#[test]
fn the_nonce_is_an_integer_of_any_length() {
    for (curve, nid) in CURVES {
        for nonce in [vec![0xFF; 32], vec![0xFF; 16], vec![0x80; 64], vec![0; 16]] {
            let mut factor = BigNum::from_slice(&nonce).expect("memory");
            factor.add_word(77).expect("memory");
            let mapped = MappedGenerator::generic(&Secret::new(nonce), &ec(curve, 7), &ec(curve, 11).public()).expect("maps");
            assert_eq!(mapped.element().as_bytes(), by_openssl(curve, nid, &factor), "{curve:?}");
        }
    }
}

/// Chip authentication data that begins with zeros, for every curve: SK_Map = 7 · SK_IC gives 7, which fills one byte of the field.
#[test]
fn leading_zeros_of_chip_authentication_data_are_kept_and_may_be_missing() {
    let cipher = CipherKey::new(Suite::Aes192, &[7; 24]).expect("a key");
    for curve in Curve::ALL {
        let [mapping, chip] = [77, 11].map(|scalar: u8| curve::PrivateKey::from_bytes(curve, &[scalar]).expect("scalar"));
        let encrypted = cam::seal(&cipher, &mapping, &chip).expect("same curve");
        assert_eq!(encrypted.len(), (curve.scalar_len() / 16 + 1) * 16);
        let mut short = vec![7];
        crate::crypto::cipher::pad(&mut short, 16);
        let mut iv = vec![0xFF; 16];
        cipher.encrypt_blocks(&mut iv).expect("one block");
        cipher.encrypt_cbc(&iv, &mut short).expect("whole blocks");
        for data in [&encrypted, &short] {
            let proof = cam::ChipAuthenticationData::open(&cipher, 13, mapping.public(), Some(data));
            assert_eq!(proof.verify(&chip.public().into()), Ok(()), "{curve:?}");
        }
    }
}

/// Regressions: JMRTD takes FF … FF itself as the IV of the chip authentication data, and does nothing with the result.
#[test]
fn chip_authentication_data_under_another_iv_or_none_at_all_proves_nothing() {
    let curve = Curve::BrainpoolP256r1;
    let cipher = CipherKey::new(Suite::Aes128, &[9; 16]).expect("a key");
    let mut rng = Seeded::new(41);
    let [mapping, chip] = [(); 2].map(|()| curve::PrivateKey::generate(curve, &mut rng));
    let verify = |data: Option<&[u8]>| cam::ChipAuthenticationData::open(&cipher, 13, mapping.public(), data).verify(&chip.public().into());
    let right = cam::seal(&cipher, &mapping, &chip).expect("same curve");
    assert_eq!(verify(Some(&right)), Ok(()));
    let mut other_iv = mapping.quotient(&chip).expect("same curve").scalar().expose().to_vec();
    crate::crypto::cipher::pad(&mut other_iv, 16);
    cipher.encrypt_cbc(&[0xFF; 16], &mut other_iv).expect("whole blocks");
    assert!(matches!(verify(Some(&other_iv)), Err(cam::CamError::NotProven | cam::CamError::Curve(_))));
    assert_eq!(verify(None), Err(cam::CamError::Missing));
    assert!(matches!(verify(Some(&[])), Err(cam::CamError::Cipher(_))));
    assert!(matches!(verify(Some(&right[..40])), Err(cam::CamError::Cipher(_))));
    let group = Domain::standardized(2).expect("standardized");
    let static_dh = AgreementPrivateKey::generate(&group, &mut rng).public();
    let proof = cam::ChipAuthenticationData::open(&cipher, 13, mapping.public(), Some(&right));
    assert_eq!(proof.verify(&static_dh), Err(cam::CamError::NotEc));
    let other_curve = ec(Curve::P256, 5).public();
    assert!(matches!(proof.verify(&other_curve), Err(cam::CamError::Curve(_))));
}
