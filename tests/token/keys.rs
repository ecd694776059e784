//! Keys are made in the token, stay there, and sign.

use std::collections::BTreeSet;

use cardwright::signer::pkcs11::{Token, TokenAddress, TokenError, TokenKeys};
use cryptoki::context::Pkcs11;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use eid::cert::spki;
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, PublicKey};
use eid::secret::Secret;
use eid::signer::Signer as _;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};
use pki::KeyParameters;
use pki::keys::{KeyStore as _, KeyStoreError};

use super::softhsm::{SoftHsm, alone};
use super::{address, pin, rng, token};

const P256: KeyParameters = KeyParameters::Ec(Curve::P256);
const SHA256: Algorithm = Algorithm::Ecdsa(Hash::Sha256);

/// OpenSSL's word on a signature.
fn openssl_verifies(algorithm: Algorithm, public: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    let key = PKey::public_key_from_der(&spki::encode(public)).expect("OpenSSL reads the key");
    let digest = match algorithm.hash() {
        Hash::Sha1 => MessageDigest::sha1(),
        Hash::Sha224 => MessageDigest::sha224(),
        Hash::Sha256 => MessageDigest::sha256(),
        Hash::Sha384 => MessageDigest::sha384(),
        Hash::Sha512 => MessageDigest::sha512(),
    };
    let mut verifier = Verifier::new(digest, &key).expect("verifier");
    if let Algorithm::RsaPss { salt, .. } = algorithm {
        verifier.set_rsa_padding(Padding::PKCS1_PSS).expect("padding");
        verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(i32::try_from(salt).expect("short"))).expect("salt");
    }
    verifier.verify_oneshot(signature, message).unwrap_or(false)
}

/// A session beside the product's, by the module itself.
fn outside(hsm: &SoftHsm) -> Session {
    let module = Pkcs11::new(hsm.module()).expect("module");
    let slot = module.get_slots_with_initialized_token().expect("slots")[0];
    let session = module.open_rw_session(slot).expect("session");
    let _ = session.login(UserType::User, Some(&AuthPin::new("1234".into())));
    session
}

#[test]
fn openssl_verifies_what_every_kind_of_key_in_the_token_signs() {
    alone(|hsm| {
        let token = token(hsm);
        let pss = |hash: Hash| Algorithm::RsaPss { hash, mgf: hash, salt: hash.len() };
        let kinds = [
            ("p256", P256, vec![SHA256, Algorithm::Ecdsa(Hash::Sha512)]),
            ("p384", KeyParameters::Ec(Curve::P384), vec![Algorithm::Ecdsa(Hash::Sha384)]),
            ("p521", KeyParameters::Ec(Curve::P521), vec![Algorithm::Ecdsa(Hash::Sha512)]),
            ("bp224", KeyParameters::Ec(Curve::BrainpoolP224r1), vec![Algorithm::Ecdsa(Hash::Sha256)]),
            ("bp256", KeyParameters::Ec(Curve::BrainpoolP256r1), vec![SHA256]),
            ("bp320", KeyParameters::Ec(Curve::BrainpoolP320r1), vec![Algorithm::Ecdsa(Hash::Sha384)]),
            ("bp384", KeyParameters::Ec(Curve::BrainpoolP384r1), vec![Algorithm::Ecdsa(Hash::Sha384)]),
            ("bp512", KeyParameters::Ec(Curve::BrainpoolP512r1), vec![Algorithm::Ecdsa(Hash::Sha512)]),
            ("rsa3072", KeyParameters::Rsa(3072), vec![Algorithm::RsaPkcs1(Hash::Sha256), pss(Hash::Sha256), pss(Hash::Sha512)]),
        ];
        for (label, parameters, algorithms) in kinds {
            assert!(!token.holds(label).expect("asked"));
            let public = token.generate(label, parameters, &mut rng()).unwrap_or_else(|e| panic!("{label}: {e}"));
            assert!(token.holds(label).expect("asked"));
            assert_eq!(token.public_key(label).expect("read"), public, "{label}");
            for algorithm in algorithms {
                let signer = token.signer(label, algorithm).unwrap_or_else(|e| panic!("{label} {algorithm:?}: {e}"));
                assert_eq!((signer.public_key(), signer.algorithm()), (public.clone(), algorithm));
                let signature = signer.sign(b"message").unwrap_or_else(|e| panic!("{label} {algorithm:?}: {e}")).to_der();
                assert!(openssl_verifies(algorithm, &public, b"message", &signature), "{label} {algorithm:?}");
                assert!(!openssl_verifies(algorithm, &public, b"another", &signature), "{label} {algorithm:?}");
            }
        }
    });
}

#[test]
fn a_key_made_in_the_token_never_leaves_it() {
    alone(|hsm| {
        token(hsm).generate("csca", P256, &mut rng()).expect("made");
        let session = outside(hsm);
        let key = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).expect("found")[0];
        let wanted =
            [AttributeType::Sensitive, AttributeType::AlwaysSensitive, AttributeType::Extractable, AttributeType::NeverExtractable];
        let attributes =
            session.get_attributes(key, &[&wanted[..], &[AttributeType::Token, AttributeType::Private]].concat()).expect("read");
        let kept = [
            Attribute::Sensitive(true),
            Attribute::AlwaysSensitive(true),
            Attribute::Extractable(false),
            Attribute::NeverExtractable(true),
            Attribute::Token(true),
            Attribute::Private(true),
        ];
        assert_eq!(attributes, kept);
        assert_eq!(session.get_attributes(key, &[AttributeType::Value]).expect("asked"), []);
    });
}

#[test]
fn a_key_is_found_by_one_label_only() {
    alone(|hsm| {
        let token = token(hsm);
        let here = || address(hsm);
        let missing = token.signer("csca", SHA256).expect_err("there is none");
        assert_eq!(missing, TokenError::KeyMissing { token: here(), label: "csca".to_owned() });
        assert_eq!(missing.to_string(), "token \"eid\": no private key \"csca\"");
        token.generate("csca", P256, &mut rng()).expect("made");
        let taken = token.generate("csca", P256, &mut rng()).expect_err("the label is taken");
        assert_eq!(taken, TokenError::KeyExists { token: here(), label: "csca".to_owned() });
        let other = token.signer("csca", Algorithm::RsaPkcs1(Hash::Sha256)).expect_err("an EC key");
        assert!(matches!(other, TokenError::KeyKind { .. }), "{other}");
        // someone else's program makes a second one
        let session = outside(hsm);
        let label = Attribute::Label(b"csca".to_vec());
        let curve = Attribute::EcParams(vec![0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]);
        let public = [Attribute::Token(true), label.clone(), curve, Attribute::KeyType(KeyType::EC)];
        let private = [Attribute::Token(true), label, Attribute::Private(true)];
        session.generate_key_pair(&cryptoki::mechanism::Mechanism::EccKeyPairGen, &public, &private).expect("made");
        let doubled = token.signer("csca", SHA256).expect_err("which one?");
        assert_eq!(doubled, TokenError::KeyDoubled { token: here(), label: "csca".to_owned(), count: 2 });
    });
}

#[test]
fn a_destroyed_key_is_gone_and_its_label_is_free() {
    alone(|hsm| {
        let token = token(hsm);
        let first = token.generate("ds", P256, &mut rng()).expect("made");
        let signer = token.signer("ds", SHA256).expect("opened");
        token.destroy("ds").expect("destroyed");
        assert!(outside(hsm).find_objects(&[Attribute::Label(b"ds".to_vec())]).expect("asked").is_empty());
        let error = signer.try_sign(b"message").expect_err("its key is gone");
        assert!(matches!(error, TokenError::KeyMissing { .. }), "{error}");
        let second = token.generate("ds", P256, &mut rng()).expect("made");
        assert_ne!(first, second);
        // the signer was opened for the first key and does not sign with another one
        let error = signer.try_sign(b"message").expect_err("another key");
        assert_eq!(error, TokenError::OtherKey { token: address(hsm), label: "ds".to_owned() });
    });
}

#[test]
fn tokens_are_found_by_label_and_serial_number() {
    alone(|hsm| {
        let away = Token::open(&TokenAddress { label: "other".to_owned(), ..address(hsm) }, pin()).expect_err("not there");
        assert_eq!(away.to_string(), "token \"other\" is not there; present: \"eid\"");
        let module = TokenAddress { module: hsm.folder().join("none.so"), ..address(hsm) };
        assert!(matches!(Token::open(&module, pin()), Err(TokenError::Module { .. })));
        let text = hsm.folder().join("text.so");
        std::fs::write(&text, "no library").expect("file");
        assert!(matches!(Token::open(&TokenAddress { module: text, ..address(hsm) }, pin()), Err(TokenError::Module { .. })));
    });
}

#[test]
fn of_two_tokens_with_one_label_the_serial_number_decides() {
    alone(|hsm| {
        hsm.token("eid");
        let TokenError::DoubledToken { serials, .. } = Token::open(&address(hsm), pin()).expect_err("which one?") else {
            panic!("another error")
        };
        assert_eq!(serials.len(), 2);
        for serial in serials {
            let token = Token::open(&TokenAddress { serial: Some(serial), ..address(hsm) }, pin()).expect("this one");
            token.generate("csca", P256, &mut rng()).expect("each has its own keys");
        }
    });
}

#[test]
fn a_wrong_pin_is_named() {
    alone(|hsm| {
        let wrong = Token::open(&address(hsm), Some(Secret::from(&b"4321"[..]))).expect_err("wrong");
        assert!(matches!(wrong, TokenError::PinWrong { .. }), "{wrong}");
        let none = Token::open(&address(hsm), None).expect_err("a PIN is needed");
        assert_eq!(none, TokenError::PinMissing { token: address(hsm) });
        Token::open(&address(hsm), pin()).expect("the right one");
    });
}

#[test]
fn many_threads_sign_with_one_key() {
    alone(|hsm| {
        let token = token(hsm);
        let public = token.generate("ds", P256, &mut rng()).expect("made");
        let signer = token.signer("ds", SHA256).expect("opened");
        let signatures: Vec<(Vec<u8>, Vec<u8>)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0u8..100)
                .map(|thread| {
                    let signer = &signer;
                    scope.spawn(move || {
                        (0u8..10).map(|n| (vec![thread, n], signer.sign(&[thread, n]).expect("signed").to_der())).collect::<Vec<_>>()
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
        });
        assert_eq!(signatures.len(), 1000);
        assert!(signatures.iter().all(|(message, signature)| openssl_verifies(SHA256, &public, message, signature)));
        assert_eq!(signatures.iter().map(|(_, signature)| signature).collect::<BTreeSet<_>>().len(), 1000);
    });
}

#[test]
fn the_authority_finds_its_keys_under_its_own_labels() {
    alone(|hsm| {
        let token = token(hsm);
        let keys = TokenKeys::new(token.clone(), "root", "ut-");
        assert_eq!(keys.place(), "token root");
        let error = keys.open("csca", SHA256).err().expect("not yet");
        assert_eq!(error.to_string(), "key ut-csca: expected in token root, found none");
        let public = keys.generate("csca", P256, SHA256, &mut rng()).expect("made");
        assert!(keys.holds("csca").expect("asked") && token.holds("ut-csca").expect("asked") && !token.holds("csca").expect("asked"));
        let signer = keys.open("csca", SHA256).expect("opened");
        assert!(openssl_verifies(SHA256, &public, b"message", &signer.sign(b"message").expect("signed").to_der()));
        assert!(matches!(keys.generate("csca", P256, SHA256, &mut rng()), Err(KeyStoreError::Taken { .. })));
        // what the authority would not do with a key file, it does not do with a token
        let weak = keys.generate("weak", KeyParameters::Rsa(1024), Algorithm::RsaPkcs1(Hash::Sha256), &mut rng());
        assert!(matches!(weak, Err(KeyStoreError::Key { .. })));
        let mixed = keys.generate("mixed", P256, Algorithm::RsaPkcs1(Hash::Sha256), &mut rng());
        assert!(matches!(mixed, Err(KeyStoreError::Key { .. })));
    });
}
