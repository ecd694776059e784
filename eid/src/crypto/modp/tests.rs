//! The groups against OpenSSL's copy of RFC 5114 and its arithmetic; what must be refused; leading zeros.

use openssl::bn::{BigNum, BigNumContext};
use openssl::dh::Dh;

use super::*;
use crate::test_rng::Seeded;

fn all() -> impl Iterator<Item = Group> {
    (0..=2).filter_map(Group::standardized)
}

fn by_openssl(base: &[u8], exponent: &[u8], group: &Group) -> Vec<u8> {
    let number = |bytes: &[u8]| BigNum::from_slice(bytes).expect("memory");
    let (mut out, mut context) = (BigNum::new().expect("memory"), BigNumContext::new().expect("memory"));
    out.mod_exp(&number(base), &number(exponent), &number(group.p()), &mut context).expect("odd modulus");
    out.to_vec_padded(i32::try_from(group.element_len()).expect("short")).expect("fits")
}

#[test]
fn the_numbers_are_those_that_openssl_has() {
    let theirs = [Dh::get_1024_160(), Dh::get_2048_224(), Dh::get_2048_256()];
    for (group, dh) in all().zip(theirs) {
        let dh = dh.expect("built in");
        assert_eq!(group.p(), dh.prime_p().to_vec());
        assert_eq!(significant(group.g()), dh.generator().to_vec());
        assert_eq!(group.q().map(<[u8]>::to_vec), dh.prime_q().map(|q| q.to_vec()));
    }
    assert_eq!(Group::standardized(3), None);
    assert_eq!(all().map(|group| group.name()).collect::<Vec<_>>(), ["MODP 1024/160", "MODP 2048/224", "MODP 2048/256"]);
}

#[test]
fn keys_and_secrets_are_those_that_openssl_computes() {
    let mut rng = Seeded::new(30);
    for group in all() {
        let (own, other) = (PrivateKey::generate(&group, &mut rng), PrivateKey::generate(&group, &mut rng));
        assert_eq!(own.public().as_bytes(), by_openssl(group.g(), own.exponent().expose(), &group));
        let peer = PublicKey::from_bytes(&group, other.public().as_bytes()).expect("in the group");
        let secret = shared(&own, &peer).expect("same group");
        assert_eq!(secret.expose(), by_openssl(peer.as_bytes(), own.exponent().expose(), &group));
        assert_eq!(Ok(secret), shared(&other, &own.public()));
    }
}

/// An exponent for each group, found by search from 1 upwards, such that g^(2x) begins with a zero byte.
#[test]
fn a_leading_zero_of_the_secret_is_kept() {
    for group in all() {
        let two = PrivateKey::from_bytes(&group, &[2]).expect("exponent");
        let (x, expected) = (1_u16..)
            .map(|x| (x, by_openssl(group.g(), &(2 * u32::from(x)).to_be_bytes(), &group)))
            .find(|(_, secret)| secret.first() == Some(&0))
            .expect("one in 256");
        let own = PrivateKey::from_bytes(&group, &x.to_be_bytes()).expect("exponent");
        let secret = shared(&own, &two.public()).expect("same group");
        assert_eq!((secret.len(), secret.expose()), (group.element_len(), &expected[..]));
        // the same value as a public key, with and without its zero
        let key = PublicKey::from_bytes(&group, &expected).expect("in the group");
        assert_eq!(PublicKey::from_integer(&group, &expected[1..]), Ok(key));
        assert!(matches!(PublicKey::from_bytes(&group, &expected[1..]), Err(ModpError::Length { .. })));
    }
}

#[test]
fn values_outside_the_subgroup_are_refused() {
    for group in all() {
        let len = group.element_len();
        let mut last = group.p().to_vec();
        *last.last_mut().expect("octets") -= 1;
        // 0, 1, p - 1 (order 2), p, and a quadratic residue that has not the order q
        for value in [padded(&[], len), padded(&[1], len), last, group.p().to_vec(), padded(&[4], len)] {
            assert_eq!(PublicKey::from_bytes(&group, &value), Err(ModpError::NotInGroup), "{group:?}");
        }
        assert!(matches!(PublicKey::from_bytes(&group, &[group.g(), &[0]].concat()), Err(ModpError::Length { .. })));
        assert_eq!(PrivateKey::from_bytes(&group, &[0]), Err(ModpError::Exponent));
        assert_eq!(PrivateKey::from_bytes(&group, group.q().expect("known")), Err(ModpError::Exponent));
    }
}

#[test]
fn keys_of_different_groups_do_not_agree() {
    let mut rng = Seeded::new(31);
    let keys: Vec<_> = all().map(|group| PrivateKey::generate(&group, &mut rng)).collect();
    assert_eq!(shared(&keys[1], &keys[2].public()), Err(ModpError::Mixed));
}

#[test]
fn explicit_numbers_of_a_standardized_group_are_that_group() {
    for group in all() {
        let explicit = Group::explicit(&[&[0], group.p()].concat(), group.g(), None).expect("known");
        assert_eq!((explicit.parameter_id(), explicit.q()), (group.parameter_id(), group.q()));
        assert_eq!(Group::explicit(group.p(), group.g(), group.q()).map(|group| group.parameter_id()), Ok(group.parameter_id()));
    }
}

#[test]
fn an_explicit_group_must_hold_what_it_says() {
    // group 14 of RFC 3526: a safe prime with g = 2, an independent copy from OpenSSL
    let p = BigNum::get_rfc3526_prime_2048().expect("built in").to_vec();
    let group = Group::explicit(&p, &[2], None).expect("a group");
    assert_eq!((group.parameter_id(), group.name().as_str(), group.exponent_len()), (None, "MODP 2048", 256));
    let mut rng = Seeded::new(32);
    let (own, other) = (PrivateKey::generate(&group, &mut rng), PrivateKey::generate(&group, &mut rng));
    assert_eq!(shared(&own, &other.public()), shared(&other, &own.public()));
    assert_eq!(own.public().as_bytes(), by_openssl(&[2], own.exponent().expose(), &group));

    let known = Group::standardized(2).expect("standardized");
    let (p, g, q) = (known.p(), known.g(), known.q().expect("known"));
    let mut even = p.to_vec();
    *even.last_mut().expect("octets") -= 1;
    let mut composite = p.to_vec();
    *composite.last_mut().expect("octets") -= 2;
    let mut other_q = q.to_vec();
    *other_q.last_mut().expect("octets") -= 2;
    let first_q = Group::standardized(1).expect("standardized");
    for (p, g, q, why) in [
        (&even[..], g, None, "p is even"),
        (&composite, g, None, "p is not prime"),
        (p, &[1], None, "the generator is not between 2 and p - 2"),
        (p, &even, None, "the generator is not between 2 and p - 2"),
        (p, g, Some(&other_q[..]), "q is not prime"),
        (p, g, first_q.q(), "q is not the order of the generator"),
        (p, g, Some(&[7]), "q has less than 160 bits or more than p"),
    ] {
        assert_eq!(Group::explicit(p, g, q), Err(ModpError::Group(why)));
    }
    assert_eq!(Group::explicit(&p[..64], &[2], None), Err(ModpError::Size { found: 512 }));
    assert_eq!(Group::explicit(&[p, p, p].concat(), &[2], None), Err(ModpError::Size { found: 6144 }));
}

#[test]
fn nothing_of_an_exponent_is_printed() {
    let group = Group::standardized(1).expect("standardized");
    let key = PrivateKey::from_bytes(&group, &[0x5A; 20]).expect("exponent");
    assert_eq!(format!("{key:?}"), "PrivateKey(MODP 2048/224, [redacted])");
}
