//! Signatures of both backends against OpenSSL, in both directions, and what must be refused.

#![expect(clippy::unwrap_used, reason = "a test ends where a step fails")]

use eid::crypto::Backend;
use eid::crypto::curve::{self, Curve};
use eid::crypto::hash::Hash;
use eid::crypto::rsa;
use eid::crypto::signature::{Algorithm, PrivateKey, PublicKey, Signature, SignatureError, sign_with, verify_der_with, verify_plain_with};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use openssl::bn::BigNum;
use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer, Verifier};

const BACKENDS: &[Backend] = &[
    Backend::Pure,
    #[cfg(feature = "fast")]
    Backend::Fast,
];

const MESSAGE: &[u8] = b"the hash values of the data groups";

fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

fn md(hash: Hash) -> MessageDigest {
    match hash {
        Hash::Sha1 => MessageDigest::sha1(),
        Hash::Sha224 => MessageDigest::sha224(),
        Hash::Sha256 => MessageDigest::sha256(),
        Hash::Sha384 => MessageDigest::sha384(),
        Hash::Sha512 => MessageDigest::sha512(),
    }
}

/// Our key as OpenSSL reads it from PKCS#8.
fn theirs(key: &PrivateKey) -> PKey<Private> {
    PKey::private_key_from_pkcs8(key.to_pkcs8().expose()).expect("OpenSSL reads our PKCS#8")
}

fn ec_key(curve: Curve) -> PrivateKey {
    PrivateKey::generate_ec(curve, &mut rng())
}

/// One RSA key for all tests of a process: generation is slow.
fn rsa_key(bits: usize) -> PrivateKey {
    use std::sync::{Mutex, PoisonError};
    static KEYS: Mutex<Vec<(usize, PrivateKey)>> = Mutex::new(Vec::new());
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, key)) = keys.iter().find(|(len, _)| *len == bits) {
        return key.clone();
    }
    let key = PrivateKey::generate_rsa(bits, &mut rng()).unwrap();
    keys.push((bits, key.clone()));
    key
}

#[test]
fn ecdsa_of_every_curve_and_digest_agrees_with_openssl() {
    for curve in Curve::ALL {
        let key = ec_key(curve);
        let openssl: EcKey<Private> = theirs(&key).ec_key().unwrap();
        for hash in Hash::ALL {
            let algorithm = Algorithm::Ecdsa(hash);
            let digest = hash.digest(&[MESSAGE]);
            let foreign = EcdsaSig::sign(&digest, &openssl).unwrap();
            let len = i32::try_from(curve.scalar_len()).unwrap();
            let plain = [foreign.r().to_vec_padded(len).unwrap(), foreign.s().to_vec_padded(len).unwrap()].concat();
            for backend in BACKENDS {
                let ours = sign_with(*backend, algorithm, &key, MESSAGE, &mut rng()).unwrap();
                let read = EcdsaSig::from_der(&ours.to_der()).unwrap();
                assert!(read.verify(&digest, &openssl).unwrap(), "{curve:?} {hash:?} {backend:?}");
                assert_eq!(ours.to_plain().len(), 2 * curve.scalar_len());

                let der = foreign.to_der().unwrap();
                assert_eq!(verify_der_with(*backend, algorithm, &key.public(), MESSAGE, &der), Ok(()), "{curve:?} {hash:?} {backend:?}");
                assert_eq!(verify_plain_with(*backend, algorithm, &key.public(), MESSAGE, &plain), Ok(()));
                assert_eq!(verify_plain_with(*backend, algorithm, &key.public(), MESSAGE, &ours.to_plain()), Ok(()));
                let other = verify_der_with(*backend, algorithm, &key.public(), b"another message", &der);
                assert_eq!(other, Err(SignatureError::Wrong), "{curve:?} {hash:?} {backend:?}");
                let stranger = verify_der_with(*backend, algorithm, &ec_key(curve).public(), MESSAGE, &der);
                assert_eq!(stranger, Err(SignatureError::Wrong));
            }
        }
    }
}

#[test]
fn ecdsa_numbers_outside_of_one_to_order_are_wrong() {
    for curve in Curve::ALL {
        let key = ec_key(curve);
        let algorithm = Algorithm::Ecdsa(Hash::Sha256);
        let Signature::Ecdsa { r, s } = sign_with(Backend::Pure, algorithm, &key, MESSAGE, &mut rng()).unwrap() else { unreachable!() };
        let order = BigNum::from_slice(curve.parameters().n).unwrap();
        let plus_order = |number: &[u8]| {
            let mut sum = BigNum::new().unwrap();
            sum.checked_add(&BigNum::from_slice(number).unwrap(), &order).unwrap();
            sum.to_vec()
        };
        let zero = vec![0];
        let ones = vec![0xFF; curve.scalar_len()];
        let pairs = [
            (zero.clone(), s.clone()),
            (r.clone(), zero.clone()),
            (zero.clone(), zero),
            (curve.parameters().n.to_vec(), s.clone()),
            (r.clone(), curve.parameters().n.to_vec()),
            (plus_order(&r), s.clone()),
            (r.clone(), plus_order(&s)),
            (ones.clone(), s.clone()),
            (r.clone(), ones),
            (vec![1], vec![1]),
            (s.clone(), r.clone()),
            ([r.as_slice(), &[0]].concat(), s.clone()),
        ];
        for (r, s) in pairs {
            let der = Signature::Ecdsa { r: r.clone(), s: s.clone() }.to_der();
            for backend in BACKENDS {
                let result = verify_der_with(*backend, algorithm, &key.public(), MESSAGE, &der);
                assert_eq!(result, Err(SignatureError::Wrong), "{curve:?} {backend:?} r={r:02x?} s={s:02x?}");
                if r.len() <= curve.scalar_len() && s.len() <= curve.scalar_len() {
                    let mut plain = vec![0; 2 * curve.scalar_len()];
                    plain[curve.scalar_len() - r.len()..curve.scalar_len()].copy_from_slice(&r);
                    plain[2 * curve.scalar_len() - s.len()..].copy_from_slice(&s);
                    assert_eq!(verify_plain_with(*backend, algorithm, &key.public(), MESSAGE, &plain), Err(SignatureError::Wrong));
                }
            }
        }
    }
}

#[test]
fn ecdsa_in_anything_but_strict_der_is_malformed() {
    for curve in [Curve::P256, Curve::BrainpoolP256r1, Curve::P521, Curve::BrainpoolP512r1] {
        let key = ec_key(curve);
        let algorithm = Algorithm::Ecdsa(Hash::Sha256);
        let signature = sign_with(Backend::Pure, algorithm, &key, MESSAGE, &mut rng()).unwrap();
        let good = signature.to_der();
        let long_form = good[1] == 0x81;
        let header = if long_form { 3 } else { 2 };
        let content = &good[header..];
        let sequence = |content: &[u8]| eid::tlv::encode(0x30_u32, content);
        let r_len = usize::from(content[1]);
        let (r, s) = content.split_at(2 + r_len);
        let widened = [&[0x02, u8::try_from(r_len + 1).unwrap(), 0], &r[2..]].concat();
        let negative = [&[0x02, u8::try_from(curve.scalar_len()).unwrap(), 0x80][..], &vec![1; curve.scalar_len() - 1]].concat();
        let cases: Vec<(&str, Vec<u8>)> = vec![
            ("empty", vec![]),
            ("only a tag", vec![0x30]),
            ("trailing byte", [good.as_slice(), &[0]].concat()),
            ("trailing byte inside", sequence(&[content, &[0]].concat())),
            ("third integer", sequence(&[content, &[2, 1, 1]].concat())),
            ("only r", sequence(r)),
            ("truncated", good[..good.len() - 1].to_vec()),
            ("SET", [&[0x31], &good[1..]].concat()),
            ("widened r", sequence(&[&widened, s].concat())),
            ("negative r", sequence(&[&negative, s].concat())),
            ("empty r", sequence(&[&[2, 0], s].concat())),
            ("indefinite length", [&[0x30, 0x80], content, &[0, 0]].concat()),
            ("length in three octets", [&[0x30, 0x82, 0, u8::try_from(content.len()).unwrap()], content].concat()),
            ("OCTET STRING for r", sequence(&[&[0x04], &content[1..]].concat())),
            ("plain form", signature.to_plain()),
        ];
        for (name, case) in cases {
            for backend in BACKENDS {
                let result = verify_der_with(*backend, algorithm, &key.public(), MESSAGE, &case);
                assert!(matches!(result, Err(SignatureError::Malformed(_))), "{curve:?} {backend:?} {name}: {result:?}");
            }
        }
        for len in [0, 1, 2 * curve.scalar_len() - 1, 2 * curve.scalar_len() + 1] {
            let result = verify_plain_with(Backend::Pure, algorithm, &key.public(), MESSAGE, &vec![1; len]);
            assert!(matches!(result, Err(SignatureError::Malformed(_))), "{curve:?} plain form of {len} bytes");
        }
    }
}

/// RFC 6979 appendix A.2: deterministic signatures of `sample` and `test`.
#[test]
fn pure_ecdsa_signatures_are_those_of_rfc_6979() {
    let fixture: serde_json::Value = serde_json::from_str(include_str!("../../fixtures/crypto/rfc6979.json")).unwrap();
    let mut count = 0;
    for set in fixture["sets"].as_array().unwrap() {
        let text = |value: &serde_json::Value, name: &str| value[name].as_str().unwrap_or_else(|| panic!("{name}")).to_owned();
        let curve = Curve::ALL.into_iter().find(|curve| curve.name() == text(set, "curve")).unwrap();
        let number = |digits: String| {
            let bytes = hex::decode(digits).unwrap();
            [vec![0; curve.scalar_len() - bytes.len()], bytes].concat()
        };
        let private = curve::PrivateKey::from_bytes(curve, &number(text(set, "x"))).unwrap();
        assert_eq!(private.public().x(), number(text(set, "Ux")), "{curve:?}");
        assert_eq!(private.public().y(), number(text(set, "Uy")), "{curve:?}");
        for case in set["signatures"].as_array().unwrap() {
            let hash = Hash::ALL.into_iter().find(|hash| hash.name() == text(case, "hash")).unwrap();
            let message = text(case, "message");
            let key = PrivateKey::Ec(private.clone());
            let signature = sign_with(Backend::Pure, Algorithm::Ecdsa(hash), &key, message.as_bytes(), &mut rng()).unwrap();
            assert_eq!(
                signature,
                Signature::Ecdsa { r: number(text(case, "r")), s: number(text(case, "s")) },
                "{curve:?} {hash:?} {message}"
            );
            for backend in BACKENDS {
                let result = verify_plain_with(*backend, Algorithm::Ecdsa(hash), &key.public(), message.as_bytes(), &signature.to_plain());
                assert_eq!(result, Ok(()), "{curve:?} {hash:?} {backend:?}");
            }
            count += 1;
        }
    }
    assert!(count >= 10, "{count} signatures");
}

#[test]
fn rsa_pkcs1_agrees_with_openssl() {
    for bits in [1024, 1536, 2048, 3072] {
        let key = rsa_key(bits);
        let openssl = theirs(&key);
        for hash in Hash::ALL {
            let algorithm = Algorithm::RsaPkcs1(hash);
            let mut signer = Signer::new(md(hash), &openssl).unwrap();
            let foreign = signer.sign_oneshot_to_vec(MESSAGE).unwrap();
            for backend in BACKENDS {
                // no randomness in this scheme: both sign alike
                assert_eq!(
                    sign_with(*backend, algorithm, &key, MESSAGE, &mut rng()).unwrap(),
                    Signature::Rsa(foreign.clone()),
                    "{bits} {hash:?}"
                );
                assert_eq!(verify_der_with(*backend, algorithm, &key.public(), MESSAGE, &foreign), Ok(()), "{bits} {hash:?} {backend:?}");
                assert_eq!(verify_plain_with(*backend, algorithm, &key.public(), MESSAGE, &foreign), Ok(()));
                assert_eq!(verify_der_with(*backend, algorithm, &key.public(), b"other", &foreign), Err(SignatureError::Wrong));
                let mut flipped = foreign.clone();
                flipped[bits / 16] ^= 1;
                assert_eq!(verify_der_with(*backend, algorithm, &key.public(), MESSAGE, &flipped), Err(SignatureError::Wrong));
                for other in Hash::ALL.into_iter().filter(|other| *other != hash) {
                    let result = verify_der_with(*backend, Algorithm::RsaPkcs1(other), &key.public(), MESSAGE, &foreign);
                    assert_eq!(result, Err(SignatureError::Wrong));
                }
            }
        }
    }
}

#[test]
fn rsa_pss_with_any_digests_and_salt_agrees_with_openssl() {
    // 1025 bits: the encoded block is one byte shorter than the modulus
    for bits in [1024, 1025, 1031, 2048] {
        let key = rsa_key(bits);
        let openssl = theirs(&key);
        for hash in Hash::ALL {
            for mgf in Hash::ALL {
                for salt in [0, 1, 20, 32, hash.len()] {
                    if (bits - 1).div_ceil(8) < hash.len() + salt + 2 {
                        continue;
                    }
                    let algorithm = Algorithm::RsaPss { hash, mgf, salt };
                    let salt_len = RsaPssSaltlen::custom(i32::try_from(salt).unwrap());
                    let mut signer = Signer::new(md(hash), &openssl).unwrap();
                    signer.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
                    signer.set_rsa_mgf1_md(md(mgf)).unwrap();
                    signer.set_rsa_pss_saltlen(salt_len).unwrap();
                    let foreign = signer.sign_oneshot_to_vec(MESSAGE).unwrap();
                    for backend in BACKENDS {
                        let ours = sign_with(*backend, algorithm, &key, MESSAGE, &mut rng()).unwrap().to_der();
                        let mut verifier = Verifier::new(md(hash), &openssl).unwrap();
                        verifier.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
                        verifier.set_rsa_mgf1_md(md(mgf)).unwrap();
                        verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(i32::try_from(salt).unwrap())).unwrap();
                        assert!(verifier.verify_oneshot(&ours, MESSAGE).unwrap(), "{bits} {algorithm:?} {backend:?}");
                        assert_eq!(
                            verify_der_with(*backend, algorithm, &key.public(), MESSAGE, &foreign),
                            Ok(()),
                            "{bits} {algorithm:?} {backend:?}"
                        );
                        assert_eq!(verify_der_with(*backend, algorithm, &key.public(), b"other", &foreign), Err(SignatureError::Wrong));
                    }
                }
            }
        }
        let right = Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32 };
        let signature = sign_with(Backend::Pure, right, &key, MESSAGE, &mut rng()).unwrap().to_der();
        let wrong = [
            Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 31 },
            Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 33 },
            Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 0 },
            Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: usize::MAX },
            Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha1, salt: 32 },
            Algorithm::RsaPss { hash: Hash::Sha384, mgf: Hash::Sha256, salt: 32 },
            Algorithm::RsaPkcs1(Hash::Sha256),
        ];
        for algorithm in wrong {
            for backend in BACKENDS {
                let result = verify_der_with(*backend, algorithm, &key.public(), MESSAGE, &signature);
                assert_eq!(result, Err(SignatureError::Wrong), "{bits} {algorithm:?} {backend:?}");
            }
        }
    }
}

#[test]
fn rsa_signatures_of_another_length_or_not_below_the_modulus_are_refused() {
    let key = rsa_key(1024);
    let PublicKey::Rsa(public) = key.public() else { unreachable!() };
    for algorithm in [Algorithm::RsaPkcs1(Hash::Sha256), Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32 }] {
        let good = sign_with(Backend::Pure, algorithm, &key, MESSAGE, &mut rng()).unwrap().to_der();
        for backend in BACKENDS {
            for bad in [vec![], good[1..].to_vec(), [&[0], good.as_slice()].concat(), [good.as_slice(), &[0]].concat()] {
                let result = verify_der_with(*backend, algorithm, &key.public(), MESSAGE, &bad);
                assert!(matches!(result, Err(SignatureError::Malformed(_))), "{} bytes", bad.len());
            }
            for bad in [vec![0xFF; 128], public.modulus().to_vec(), vec![0; 128]] {
                assert_eq!(verify_der_with(*backend, algorithm, &key.public(), MESSAGE, &bad), Err(SignatureError::Wrong));
            }
        }
    }
}

#[test]
fn a_key_of_another_kind_is_unsupported() {
    let (ec, rsa) = (ec_key(Curve::P256), rsa_key(1024));
    for backend in BACKENDS {
        for (algorithm, key) in [(Algorithm::Ecdsa(Hash::Sha256), &rsa), (Algorithm::RsaPkcs1(Hash::Sha256), &ec)] {
            let signed = sign_with(*backend, algorithm, key, MESSAGE, &mut rng());
            assert!(matches!(signed, Err(SignatureError::Unsupported(_))));
            let verified = verify_der_with(*backend, algorithm, &key.public(), MESSAGE, &[0x30, 0]);
            assert!(matches!(verified, Err(SignatureError::Unsupported(_))));
        }
    }
}

#[test]
fn unusable_rsa_keys_are_unsupported_not_a_panic() {
    let key = rsa_key(1024);
    let PublicKey::Rsa(public) = key.public() else { unreachable!() };
    let modulus = public.modulus();
    let even = {
        let mut even = modulus.to_vec();
        even[127] &= 0xFE;
        even
    };
    let cases: [(&[u8], &[u8]); 10] = [
        (&[], &[]),
        (&[], &[1, 0, 1]),
        (modulus, &[]),
        (modulus, &[1]),
        (modulus, &[2]),
        (modulus, modulus),
        (modulus, &[0x7F; 200]),
        (&even, &[1, 0, 1]),
        (&modulus[..127], &[1, 0, 1]),
        (&[0xFF; 1025], &[1, 0, 1]),
    ];
    for (modulus, exponent) in cases {
        let key = rsa::PublicKey::new(modulus, exponent);
        for algorithm in [Algorithm::RsaPkcs1(Hash::Sha256), Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32 }] {
            for backend in BACKENDS {
                let result = verify_der_with(*backend, algorithm, &PublicKey::Rsa(key.clone()), MESSAGE, &vec![1; key.modulus().len()]);
                assert!(matches!(result, Err(SignatureError::Unsupported(_))), "{} / {}: {result:?}", modulus.len(), exponent.len());
            }
        }
        assert!(matches!(rsa::public_op(&key, &[1]), Err(SignatureError::Unsupported(_))));
    }
}

#[test]
fn a_public_exponent_longer_than_33_bits_is_used() {
    // e and d change their roles: what the private exponent signs, a key with that exponent as its public one opens
    let key = rsa_key(1024);
    let (PrivateKey::Rsa(private), PublicKey::Rsa(public)) = (&key, key.public()) else { unreachable!() };
    let algorithm = Algorithm::RsaPkcs1(Hash::Sha256);
    let block = {
        let signature = sign_with(Backend::Pure, algorithm, &key, MESSAGE, &mut rng()).unwrap().to_der();
        rsa::public_op(&public, &signature).unwrap()
    };
    let signature = rsa::public_op(&public, &block).unwrap();
    let long = PublicKey::Rsa(rsa::PublicKey::new(public.modulus(), private.private_exponent().expose()));
    for backend in BACKENDS {
        assert_eq!(verify_der_with(*backend, algorithm, &long, MESSAGE, &signature), Ok(()));
    }
}

#[test]
fn the_raw_private_operation_is_that_of_openssl() {
    for (bits, exponent) in [(1024, 65_537_u32), (1032, 65_537), (1024, 3), (1024, 17)] {
        let openssl = openssl::rsa::Rsa::generate_with_e(bits, &BigNum::from_u32(exponent).unwrap()).unwrap();
        let len = openssl.n().to_vec().len();
        let (n, d) = (openssl.n().to_vec(), eid::secret::Secret::new(openssl.d().to_vec()));
        for input in [vec![2], vec![0x5A; len - 1], vec![0; len], [&n[..len - 1], &[n[len - 1] - 1]].concat()] {
            let padded = [vec![0; len - input.len()], input.clone()].concat();
            let mut theirs = vec![0; len];
            openssl.private_encrypt(&padded, &mut theirs, Padding::NONE).unwrap();
            assert_eq!(rsa::private_op(&n, &d, &input, &mut rng()).unwrap(), theirs, "{bits} bits, e = {exponent}");
            let public = rsa::PublicKey::new(&n, &openssl.e().to_vec());
            assert_eq!(rsa::public_op(&public, &theirs).unwrap(), padded);
        }
        assert!(matches!(rsa::private_op(&n, &d, &n, &mut rng()), Err(SignatureError::Malformed(_))));
        assert!(matches!(rsa::private_op(&n[..100], &d, &[1], &mut rng()), Err(SignatureError::Unsupported(_))));
    }
}

#[test]
fn private_keys_go_to_pkcs8_and_come_back() {
    for curve in Curve::ALL {
        let key = ec_key(curve);
        assert_eq!(PrivateKey::from_pkcs8(key.to_pkcs8().expose()).unwrap(), key);
        let openssl = theirs(&key);
        assert_eq!(PrivateKey::from_pkcs8(&openssl.private_key_to_pkcs8().unwrap()).unwrap(), key, "{curve:?}");
    }
    let key = rsa_key(1024);
    assert_eq!(PrivateKey::from_pkcs8(key.to_pkcs8().expose()).unwrap(), key);
    let openssl = PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let read = PrivateKey::from_pkcs8(&openssl.private_key_to_pkcs8().unwrap()).unwrap();
    let (PrivateKey::Rsa(private), PublicKey::Rsa(public)) = (&read, read.public()) else { unreachable!() };
    assert_eq!(public.modulus(), openssl.rsa().unwrap().n().to_vec());
    assert_eq!(private.private_exponent().expose(), openssl.rsa().unwrap().d().to_vec_padded(256).unwrap());
    assert_eq!(read.to_pkcs8().expose(), openssl.private_key_to_pkcs8().unwrap());
    assert_eq!(private.to_pkcs1().expose(), openssl.rsa().unwrap().private_key_to_der().unwrap());
}

#[test]
fn damaged_pkcs8_is_an_error() {
    for key in [ec_key(Curve::BrainpoolP256r1), rsa_key(1024)] {
        let der = key.to_pkcs8();
        let der = der.expose();
        for len in 0..der.len() {
            assert!(PrivateKey::from_pkcs8(&der[..len]).is_err());
        }
        for at in 0..der.len() {
            let mut flipped = der.to_vec();
            flipped[at] ^= 0x04;
            match PrivateKey::from_pkcs8(&flipped) {
                Ok(other) => assert!(other == key, "a flip at {at} made another key"),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
    let other = {
        let mut der = ec_key(Curve::P256).to_pkcs8().expose().to_vec();
        let at = der.len() - 1;
        der[at] ^= 1;
        der
    };
    assert!(matches!(PrivateKey::from_pkcs8(&other), Err(SignatureError::Malformed(_))));
}

#[test]
fn rsa_keys_outside_of_the_limits_are_not_made() {
    for bits in [0, 512, 1023, 8193] {
        assert!(matches!(PrivateKey::generate_rsa(bits, &mut rng()), Err(SignatureError::Unsupported(_))), "{bits}");
    }
}

#[test]
fn private_keys_print_no_secret() {
    let key = rsa_key(1024);
    assert_eq!(format!("{key:?}"), "Rsa(PrivateKey(RSA 1024, [redacted]))");
}
