//! Our curves against OpenSSL's, on every curve: multiplication, agreement, the generic mapping, and what must be refused.

#![expect(clippy::unwrap_used, reason = "a test ends where a step fails")]

use eid::crypto::agreement::{AgreementError, AgreementKey, AgreementPrivateKey, MappedGenerator, ecdh};
use eid::crypto::curve::{Curve, CurveError, Point, PrivateKey};
use eid::secret::Secret;
use openssl::bn::{BigNum, BigNumContext};
use openssl::derive::Deriver;
use openssl::ec::{EcGroup, EcKey, EcPoint, EcPointRef, PointConversionForm};
use openssl::nid::Nid;
use openssl::pkey::PKey;

/// Numbered keys: SHA-512 chains, the same in every run.
fn key(curve: Curve, number: u32) -> PrivateKey {
    for attempt in 0_u32.. {
        let parts: Vec<u8> = (0..2_u8)
            .flat_map(|half| {
                eid::crypto::hash::Hash::Sha512.digest(&[&number.to_be_bytes(), &attempt.to_be_bytes(), &[half, curve.parameter_id()]])
            })
            .take(curve.scalar_len())
            .collect();
        let mut parts = parts;
        if curve == Curve::P521 {
            parts[0] &= 1;
        }
        if let Ok(key) = PrivateKey::from_bytes(curve, &parts) {
            return key;
        }
    }
    unreachable!()
}

fn group(curve: Curve) -> EcGroup {
    let nid = match curve {
        Curve::P192 => Nid::X9_62_PRIME192V1,
        Curve::BrainpoolP192r1 => Nid::BRAINPOOL_P192R1,
        Curve::P224 => Nid::SECP224R1,
        Curve::BrainpoolP224r1 => Nid::BRAINPOOL_P224R1,
        Curve::P256 => Nid::X9_62_PRIME256V1,
        Curve::BrainpoolP256r1 => Nid::BRAINPOOL_P256R1,
        Curve::BrainpoolP320r1 => Nid::BRAINPOOL_P320R1,
        Curve::P384 => Nid::SECP384R1,
        Curve::BrainpoolP384r1 => Nid::BRAINPOOL_P384R1,
        Curve::BrainpoolP512r1 => Nid::BRAINPOOL_P512R1,
        Curve::P521 => Nid::SECP521R1,
    };
    EcGroup::from_curve_name(nid).expect("OpenSSL knows the curve")
}

fn bytes(group: &EcGroup, point: &EcPointRef) -> Vec<u8> {
    let mut context = BigNumContext::new().unwrap();
    point.to_bytes(group, PointConversionForm::UNCOMPRESSED, &mut context).unwrap()
}

/// scalar · G by OpenSSL.
fn public(group: &EcGroup, scalar: &[u8]) -> EcPoint {
    let mut point = EcPoint::new(group).unwrap();
    point.mul_generator2(group, &BigNum::from_slice(scalar).unwrap(), &mut BigNumContext::new().unwrap()).unwrap();
    point
}

#[test]
fn parameters_are_those_of_openssl() {
    for curve in Curve::ALL {
        let group = group(curve);
        let mut context = BigNumContext::new().unwrap();
        let (mut p, mut a, mut b, mut n) = (BigNum::new().unwrap(), BigNum::new().unwrap(), BigNum::new().unwrap(), BigNum::new().unwrap());
        group.components_gfp(&mut p, &mut a, &mut b, &mut context).unwrap();
        group.order(&mut n, &mut context).unwrap();
        let ours = curve.parameters();
        let len = i32::try_from(curve.field_len()).unwrap();
        for (name, ours, theirs) in [("p", ours.p, &p), ("a", ours.a, &a), ("b", ours.b, &b), ("n", ours.n, &n)] {
            assert_eq!(ours, theirs.to_vec_padded(len).unwrap(), "{name} of {curve:?}");
        }
        let generator = public(&group, &[1]);
        assert_eq!([&[4], ours.x, ours.y].concat(), bytes(&group, &generator), "generator of {curve:?}");
        let point = Point::from_bytes(curve, &bytes(&group, &generator)).unwrap();
        assert_eq!((point.x(), point.y()), (ours.x, ours.y));
        assert_eq!(Curve::from_parameter_id(curve.parameter_id()), Some(curve));
        assert_eq!(Curve::from_oid(curve.oid()), Some(curve));
        assert_eq!(openssl::asn1::Asn1Object::from_str(curve.oid()).unwrap().nid(), group.curve_name().unwrap(), "{curve:?}");
    }
}

#[test]
fn public_keys_are_those_of_openssl() {
    for curve in Curve::ALL {
        let group = group(curve);
        let order = BigNum::from_slice(curve.parameters().n).unwrap();
        let last = {
            let mut last = BigNum::new().unwrap();
            last.checked_sub(&order, &BigNum::from_u32(1).unwrap()).unwrap();
            last.to_vec()
        };
        let edge = [vec![1], vec![2], vec![1, 0], last].map(|scalar| PrivateKey::from_bytes(curve, &scalar).unwrap());
        for key in (0..8).map(|number| key(curve, number)).chain(edge) {
            let theirs = bytes(&group, &public(&group, key.scalar().expose()));
            assert_eq!(key.public().as_bytes(), theirs, "{curve:?}");
            assert_eq!(key.public(), Point::from_bytes(curve, &theirs).unwrap());
        }
    }
}

fn openssl_ecdh(group: &EcGroup, own: &PrivateKey, peer: &Point) -> Vec<u8> {
    let mut context = BigNumContext::new().unwrap();
    let own_point = EcPoint::from_bytes(group, own.public().as_bytes(), &mut context).unwrap();
    let own = EcKey::from_private_components(group, &BigNum::from_slice(own.scalar().expose()).unwrap(), &own_point).unwrap();
    let peer = EcKey::from_public_key(group, &EcPoint::from_bytes(group, peer.as_bytes(), &mut context).unwrap()).unwrap();
    let (own, peer) = (PKey::from_ec_key(own).unwrap(), PKey::from_ec_key(peer).unwrap());
    let mut deriver = Deriver::new(&own).unwrap();
    deriver.set_peer(&peer).unwrap();
    deriver.derive_to_vec().unwrap()
}

#[test]
fn a_shared_x_that_begins_with_zero_keeps_its_length() {
    for curve in Curve::ALL {
        let group = group(curve);
        let own = key(curve, 1000);
        // P-521's first byte is 0 or 1; a whole zero byte means the first two there
        let zero = |x: &[u8]| if curve == Curve::P521 { x[..2] == [0, 0] } else { x[0] == 0 };
        let mut found = 0;
        for number in 0..20_000 {
            let peer = key(curve, number).public();
            let ours = ecdh(&own, &peer).unwrap();
            assert_eq!(ours.len(), curve.field_len());
            if number < 4 || zero(ours.expose()) {
                assert_eq!(ours.expose(), openssl_ecdh(&group, &own, &peer), "{curve:?}");
                found += u32::from(zero(ours.expose()));
            }
            if found == 1 {
                break;
            }
        }
        assert_eq!(found, 1, "no shared x with a leading zero found on {curve:?}");
    }
}

#[test]
fn generic_mapping_is_that_of_openssl() {
    for curve in Curve::ALL {
        let group = group(curve);
        let mut context = BigNumContext::new().unwrap();
        for (number, nonce) in [(0, vec![0x3F; 16]), (1, vec![0; 16]), (2, vec![0xA5; curve.scalar_len().min(24)])] {
            let (own, peer, ephemeral) = (key(curve, number), key(curve, number + 50), key(curve, number + 100));
            let map = |own: &PrivateKey, peer: &PrivateKey| {
                let (own, peer) = (AgreementPrivateKey::from(own.clone()), AgreementKey::from(peer.public()));
                MappedGenerator::generic(&Secret::new(nonce.clone()), &own, &peer).unwrap()
            };
            let mapped = map(&own, &peer);

            let mut shared = EcPoint::new(&group).unwrap();
            let peer_point = public(&group, peer.scalar().expose());
            shared.mul2(&group, &peer_point, &BigNum::from_slice(own.scalar().expose()).unwrap(), &mut context).unwrap();
            let mut theirs = EcPoint::new(&group).unwrap();
            theirs.add(&group, &public(&group, &nonce), &shared, &mut context).unwrap();
            assert_eq!(mapped.element().as_bytes(), bytes(&group, &theirs), "{curve:?}");

            let mut theirs_public = EcPoint::new(&group).unwrap();
            let factor = BigNum::from_slice(ephemeral.scalar().expose()).unwrap();
            theirs_public.mul2(&group, &theirs, &factor, &mut context).unwrap();
            assert_eq!(mapped.public(&ephemeral.into()).unwrap().as_bytes(), bytes(&group, &theirs_public), "{curve:?}");
            // the chip maps from the other half of the same keys
            assert_eq!(map(&peer, &own).element(), mapped.element());
        }
    }
}

#[test]
fn a_mapping_that_ends_at_infinity_is_refused() {
    for curve in Curve::ALL {
        // own · peer = -nonce · G: H is the negative of nonce · G
        let peer = PrivateKey::from_bytes(curve, &[1]).unwrap();
        let mut minus = BigNum::from_slice(curve.parameters().n).unwrap();
        minus.sub_word(5).unwrap();
        let own = PrivateKey::from_bytes(curve, &minus.to_vec()).unwrap();
        let result = MappedGenerator::generic(&Secret::new(vec![5]), &own.into(), &peer.public().into());
        assert_eq!(result.err(), Some(AgreementError::Curve(CurveError::NotOnCurve(curve))));
    }
}

#[test]
fn points_off_the_curve_or_malformed_are_refused() {
    for curve in Curve::ALL {
        let good = key(curve, 7).public();
        let len = curve.field_len();

        let mut off = good.as_bytes().to_vec();
        *off.last_mut().unwrap() ^= 1;
        assert_eq!(Point::from_bytes(curve, &off), Err(CurveError::NotOnCurve(curve)));

        let zero = [vec![4], vec![0; 2 * len]].concat();
        assert_eq!(Point::from_bytes(curve, &zero), Err(CurveError::NotOnCurve(curve)));

        // the same residue, but not reduced: x = p (where x = 0 would be on the curve or not, it is never accepted)
        let oversized = [&[4][..], curve.parameters().p, good.y()].concat();
        assert_eq!(Point::from_bytes(curve, &oversized), Err(CurveError::NotOnCurve(curve)));

        for form in [0, 2, 3, 5, 6, 7] {
            let mut other = good.as_bytes().to_vec();
            other[0] = form;
            assert_eq!(Point::from_bytes(curve, &other), Err(CurveError::NotOnCurve(curve)), "form {form}");
        }
        let infinity = Point::from_bytes(curve, &[0]);
        assert!(matches!(infinity, Err(CurveError::Length { what: "point", found: 1, .. })));
        let compressed = [&[2 + (good.y()[len - 1] & 1)][..], good.x()].concat();
        assert!(matches!(Point::from_bytes(curve, &compressed), Err(CurveError::Length { .. })));
        let long = [good.as_bytes(), &[0]].concat();
        assert!(matches!(Point::from_bytes(curve, &long), Err(CurveError::Length { .. })));
        assert!(matches!(Point::from_bytes(curve, &[]), Err(CurveError::Length { found: 0, .. })));
    }
}

#[test]
fn a_point_of_another_curve_is_refused() {
    let (own, other) = (key(Curve::P256, 1), key(Curve::BrainpoolP256r1, 1));
    assert_eq!(Point::from_bytes(Curve::BrainpoolP256r1, own.public().as_bytes()), Err(CurveError::NotOnCurve(Curve::BrainpoolP256r1)));
    assert_eq!(ecdh(&own, &other.public()), Err(CurveError::Mixed { own: Curve::P256, peer: Curve::BrainpoolP256r1 }));
}

#[test]
fn scalars_outside_of_one_to_order_are_refused() {
    for curve in Curve::ALL {
        assert_eq!(PrivateKey::from_bytes(curve, &[]), Err(CurveError::Scalar(curve)));
        assert_eq!(PrivateKey::from_bytes(curve, &vec![0; curve.scalar_len()]), Err(CurveError::Scalar(curve)));
        assert_eq!(PrivateKey::from_bytes(curve, curve.parameters().n), Err(CurveError::Scalar(curve)));
        assert_eq!(PrivateKey::from_bytes(curve, &vec![0xFF; curve.scalar_len()]), Err(CurveError::Scalar(curve)));
        let long = vec![1; curve.scalar_len() + 1];
        assert!(matches!(PrivateKey::from_bytes(curve, &long), Err(CurveError::Length { what: "scalar", .. })));
    }
}

#[test]
fn a_private_key_does_not_print_its_scalar() {
    let key = PrivateKey::from_bytes(Curve::P256, &[0xAB; 32]).unwrap();
    assert_eq!(format!("{key:?}"), "PrivateKey(P-256, [redacted])");
}

#[cfg(feature = "fast")]
#[test]
fn both_backends_give_the_same_points_and_secrets() {
    use eid::crypto::Backend;
    use eid::crypto::agreement::ecdh_with;
    for curve in Curve::ALL {
        for number in 0..32 {
            // the public point is kept with the key, so each backend has a key of its own
            let (pure, fast) = (key(curve, number), key(curve, number));
            assert_eq!(pure.public_with(Backend::Pure), fast.public_with(Backend::Fast), "{curve:?}");
            let peer = key(curve, number + 7).public();
            assert_eq!(ecdh_with(Backend::Pure, &pure, &peer), ecdh_with(Backend::Fast, &fast, &peer), "{curve:?}");
        }
    }
}

#[test]
fn a_new_key_is_what_the_random_source_gives_until_it_is_a_scalar() {
    struct Script(Vec<u8>);
    impl rand_core::TryRng for Script {
        type Error = std::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            unreachable!("keys take bytes")
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            unreachable!("keys take bytes")
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
            out.copy_from_slice(&self.0.drain(..out.len()).collect::<Vec<_>>());
            Ok(())
        }
    }
    impl rand_core::TryCryptoRng for Script {}
    for curve in Curve::ALL {
        let wanted = key(curve, 3);
        let mut order = curve.parameters().n.to_vec();
        if curve == Curve::P521 {
            order[0] |= 0xFE; // the bits above 521 are dropped
        }
        let script = [vec![0; curve.scalar_len()], order, wanted.scalar().expose().to_vec()].concat();
        assert_eq!(PrivateKey::generate(curve, &mut Script(script)), wanted);
    }
}
