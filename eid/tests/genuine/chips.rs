//! Private keys of test chips and terminals that others made: they and the files belong together, in every protocol that uses them.

use std::fs;
use std::path::Path;

use eid::cert::chat::{Chat, TerminalType};
use eid::cert::cvc::{Cvc, TrustPoint, TrustPoints, chain};
use eid::crypto::agreement::AgreementPrivateKey;
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::crypto::signature::{PrivateKey, PublicKey, sign};
use eid::lds::Elementary as _;
use eid::lds::dg14::Dg14;
use eid::lds::dg15::Dg15;
use eid::protocol::chip_auth::{self, Form, Version, choice};
use eid::protocol::terminal_auth::chip::{Binding, Session};
use eid::protocol::{active_auth, terminal_auth as ta};
use eid::secret::Secret;

use crate::corpus;

struct Counting(u64);

impl rand_core::TryRng for Counting {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.try_next_u64().map(|n| (n >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Ok(self.0 ^ self.0 >> 29)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for byte in bytes {
            *byte = self.try_next_u64()?.to_be_bytes()[0];
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Counting {}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// BSI TR-03105-5: a key on brainpoolP224r1 for Chip Authentication.
#[test]
fn the_bsi_chip_authenticates_with_its_key_of_dg14() {
    let Some(root) = corpus::root() else { return };
    let chip = root.join("chips/bsi-tr03105-5");
    let infos = Dg14::parse(&read(&chip.join("Datagroup14.bin"))).expect("DG14").infos;
    let PrivateKey::Ec(key) = PrivateKey::from_pkcs8(&read(&chip.join("DG14_sk.pkcs8"))).expect("a key") else { panic!("an EC key") };
    let key = AgreementPrivateKey::Ec(key);
    let mut quirks = Vec::new();
    let choices = choice::choices(&infos, &mut quirks);
    assert!(choices.unusable.is_empty(), "{:?}", choices.unusable);
    let way = choices.ways.first().expect("a way");
    assert_eq!((way.key.domain().name().as_str(), way.protocol.suite, way.version), ("brainpoolP224r1", Suite::TripleDes, Version::One));
    assert_eq!(way.key, key.public());
    let terminal = chip_auth::Terminal::start(way.version, way.protocol, way.key_id, &way.key, &mut Counting(1)).expect("same curve");
    let form = Form::usual(way.version, way.protocol.suite);
    let commands = terminal.commands(form);
    let template = chip_auth::KeyAgreementTemplate::parse(&commands[0].data).expect("MSE:Set KAT");
    let mut agreed = chip_auth::agree(way.version, way.protocol, &key, &template.ephemeral, &mut Counting(2)).expect("agrees");
    let mut channel = terminal.finish(form, &[]).expect("no data");
    let read = eid::apdu::Command::new(0x00, 0xB0, 0x8E, 0x00).with_le(8);
    let sent = channel.protect_command(&read).expect("protects");
    assert_eq!(agreed.channel.unprotect_command(&sent), Ok(read));
}

/// BSI TR-03105-5: an RSA key of 1024 bits for Active Authentication.
#[test]
fn the_bsi_chip_signs_with_its_key_of_dg15() {
    let Some(root) = corpus::root() else { return };
    let chip = root.join("chips/bsi-tr03105-5");
    let key = Dg15::parse(&read(&chip.join("Datagroup15.bin"))).expect("DG15").key().expect("a key").key;
    let PrivateKey::Rsa(private) = PrivateKey::from_pkcs8(&read(&chip.join("DG15_sk.pkcs8"))).expect("a key") else { panic!("an RSA key") };
    assert_eq!((PublicKey::Rsa(private.public()), private.bits()), (key.clone(), 1024));
    let challenge = *b"\x12\x34\x56\x78\x9A\xBC\xDE\xF0";
    let exponent: Secret = private.private_exponent();
    for hash in Hash::ALL {
        let signature = active_auth::sign_rsa(private.public().modulus(), &exponent, hash, &challenge, &mut Counting(3)).expect("signs");
        let verified = active_auth::verify(&key, None, challenge, &signature).expect("verifies");
        assert_eq!((verified.hash, verified.quirks), (hash, vec![]));
    }
}

/// PersoSim's inspection system: the chain of its default configuration, whose keys have explicit parameters, opens DG3 and DG4.
#[test]
fn the_inspection_system_of_persosim_is_taken_by_a_chip_that_trusts_its_cvca() {
    let Some(root) = corpus::root() else { return };
    let folder = root.join("cvc/persosim-IS");
    let [cvca, dv, is] =
        ["CVCA_Cert_01", "dv_is_cert_1", "is_cert_1"].map(|name| Cvc::from_der(&read(&folder.join(format!("{name}.cvcert")))).expect(name));
    let key = PrivateKey::from_pkcs8(&read(&folder.join("IS_Key_01_default.pkcs8"))).expect("a key");
    assert!(chain::certifies(&is, &key.public()) && !chain::certifies(&dv, &key.public()));
    let trust = TrustPoints::new(vec![TrustPoint::of_cvca(&cvca).expect("a CVCA")], cvca.effective()).expect("one");
    let known: Vec<_> = trust.references(TerminalType::Inspection).cloned().collect();
    let all = [is.clone(), cvca, dv];
    let path = ta::path::find(&all, &is, &known).expect("a path");
    assert_eq!(path.len(), 2);
    let mut session = Session::default();
    for certificate in path {
        session.set_dst(&trust, &ta::set_dst(certificate.authority()).data).expect("known");
        let imported = session.verify_certificate(&trust, &ta::verify_certificate(certificate).data).expect("taken");
        session.accept(imported);
    }
    assert_eq!(session.set_at(&ta::set_at(is.holder()).data), Ok(ta::Version::One));
    session.give_challenge([5; 8]);
    let binding = Binding { chip: b"D231458907", chip_auth_key: Some(&[9; 32]), pace: None };
    let message = ta::message(binding.chip, [5; 8], &[9; 32], &[]);
    let signature = sign(is.key().algorithm(), &key, &message, &mut Counting(4)).expect("signs").to_plain();
    let chat = session.external_authenticate(&binding, &signature).expect("authenticated");
    assert!(chat.allows(Chat::READ_DG3) && chat.allows(Chat::READ_DG4));
}
