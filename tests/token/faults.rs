//! A token that leaves and comes back, is locked, gives few sessions, or lacks a mechanism.

use std::path::{Path, PathBuf};
use std::process::Command;

use cardwright::signer::pkcs11::{Token, TokenAddress, TokenError};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, verify_der};
use eid::signer::Signer as _;
use pki::KeyParameters;

use super::softhsm::{SoftHsm, alone};
use super::{address, pin, rng};

const P256: KeyParameters = KeyParameters::Ec(Curve::P256);
const SHA256: Algorithm = Algorithm::Ecdsa(Hash::Sha256);

/// SoftHSM2 behind the module of `faults.c`.
struct Faulty<'a> {
    hsm: &'a SoftHsm,
    address: TokenAddress,
}

impl<'a> Faulty<'a> {
    fn new(hsm: &'a SoftHsm) -> Self {
        let module = hsm.folder().join("faults.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/token/faults.c");
        let output = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&module).arg(source).args(["-ldl"]).output().expect("cc");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { hsm, address: TokenAddress { module, ..address(hsm) } }
    }

    fn path(&self) -> PathBuf {
        self.hsm.folder().join("faults")
    }

    fn fail(&self, text: &str) {
        std::fs::write(self.path(), text).expect("file");
    }

    fn heal(&self) {
        std::fs::remove_file(self.path()).expect("there was a fault");
    }

    fn logins(&self) -> usize {
        std::fs::read_to_string(self.path().with_extension("log")).unwrap_or_default().lines().count()
    }

    fn open(&self) -> Token {
        Token::open(&self.address, pin()).expect("the token is there")
    }
}

#[test]
fn a_token_that_was_pulled_out_and_came_back_signs_again() {
    alone(|hsm| {
        let faulty = Faulty::new(hsm);
        let token = faulty.open();
        let public = token.generate("ds", P256, &mut rng()).expect("made");
        let signer = token.signer("ds", SHA256).expect("opened");
        signer.sign(b"before").expect("signed");
        assert_eq!(faulty.logins(), 1);

        faulty.fail("away\n");
        for _ in 0..2 {
            let error = signer.try_sign(b"meanwhile").expect_err("away");
            assert_eq!(error.to_string(), "token \"eid\" is not there; present: none");
        }
        assert_eq!(faulty.logins(), 1, "nobody tries a PIN on a token that is away");

        faulty.heal();
        let signature = signer.sign(b"after").expect("it came back").to_der();
        assert_eq!(verify_der(SHA256, &public, b"after", &signature), Ok(()));
        assert_eq!(faulty.logins(), 2);

        // pulled and put back between two signatures: nobody notices
        faulty.fail("blink\n");
        std::thread::scope(|scope| {
            for n in 0u8..8 {
                let (signer, public) = (&signer, &public);
                scope.spawn(move || {
                    let signature = signer.sign(&[n]).expect("signed").to_der();
                    assert_eq!(verify_der(SHA256, public, &[n], &signature), Ok(()));
                });
            }
        });
        assert_eq!(faulty.logins(), 3, "one login for all threads");
    });
}

#[test]
fn a_locked_pin_is_named_and_a_refused_one_is_never_tried_twice() {
    alone(|hsm| {
        let faulty = Faulty::new(hsm);
        faulty.fail("Login 0xA4\n");
        let locked = Token::open(&faulty.address, pin()).expect_err("locked");
        assert_eq!(locked.to_string(), "token \"eid\": its PIN is locked");
        assert_eq!(faulty.logins(), 1);
        faulty.heal();

        let token = faulty.open();
        token.generate("ds", P256, &mut rng()).expect("made");
        let signer = token.signer("ds", SHA256).expect("opened");
        // the token comes back with another PIN
        faulty.fail("away\n");
        assert!(matches!(signer.try_sign(b"m"), Err(TokenError::Away { .. })));
        faulty.fail("Login 0xA0\n");
        let before = faulty.logins();
        for _ in 0..3 {
            assert!(matches!(signer.try_sign(b"m"), Err(TokenError::PinWrong { .. })));
        }
        assert_eq!(faulty.logins(), before + 1);
    });
}

#[test]
fn a_token_without_the_mechanism_says_which() {
    alone(|hsm| {
        let faulty = Faulty::new(hsm);
        let token = faulty.open();
        token.generate("ds", P256, &mut rng()).expect("made");
        faulty.fail("GetMechanismInfo 0x70\n");
        let error = token.signer("ds", SHA256).expect_err("no ECDSA");
        assert_eq!(error.to_string(), "token \"eid\": has no CKM_ECDSA, needed for ECDSA SHA-256");
        let error = token.generate("rsa", KeyParameters::Rsa(3072), &mut rng()).expect_err("no RSA");
        assert!(matches!(&error, TokenError::Mechanism { mechanism, .. } if mechanism.contains("RSA 3072")), "{error}");
        assert!(!token.holds("rsa").expect("asked"));
        faulty.heal();
        let signer = token.signer("ds", SHA256).expect("opened");
        faulty.fail("SignInit 0x70\n");
        let error = signer.try_sign(b"m").expect_err("says no only now");
        assert_eq!(error.to_string(), "token \"eid\": has no way to sign (CKR_MECHANISM_INVALID)");
    });
}

#[test]
fn a_token_with_few_sessions_serves_many_threads() {
    alone(|hsm| {
        let faulty = Faulty::new(hsm);
        let token = faulty.open();
        token.generate("ds", P256, &mut rng()).expect("made");
        let signer = token.signer("ds", SHA256).expect("opened");
        faulty.fail("OpenSession>2 0xB1\n");
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| (0..20).for_each(|_| drop(signer.sign(b"m").expect("signed"))));
            }
        });
    });
}

#[test]
fn an_operation_that_fails_for_good_says_the_return_code() {
    alone(|hsm| {
        let faulty = Faulty::new(hsm);
        let token = faulty.open();
        token.generate("ds", P256, &mut rng()).expect("made");
        let signer = token.signer("ds", SHA256).expect("opened");
        faulty.fail("SignInit 0x30\n");
        let error = signer.sign(b"m").expect_err("a broken device");
        assert_eq!(error.to_string(), "signer ds: token \"eid\": could not sign: CKR_DEVICE_ERROR in C_SignInit");
        faulty.heal();
        signer.sign(b"m").expect("it was repaired");
    });
}
