//! BSI's worked example, runs of both roles with every kind of key, and what must be refused.

use super::choice::choices;
use super::*;
use crate::apdu::Response;
use crate::cert::spki;
use crate::crypto::agreement::Domain;
use crate::crypto::curve::{self, Curve};
use crate::crypto::modp;
use crate::lds::security_info::{Agreement, ChipAuthInfo, ChipAuthPublicKeyInfo, SecurityInfo, SecurityInfos};
use crate::test_rng::Seeded;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

fn example(name: &str) -> Vec<u8> {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../../../../fixtures/eac/worked-example.json")).expect("the fixture is JSON");
    bytes(all["chip authentication"][name].as_str().expect("a value"))
}

fn key(domain: &Domain, seed: u64) -> AgreementPrivateKey {
    AgreementPrivateKey::generate(domain, &mut Seeded::new(seed))
}

const fn protocol(agreement: Agreement, suite: Suite) -> ChipAuthProtocol {
    ChipAuthProtocol { agreement, suite }
}

const SUITES: [Suite; 4] = [Suite::TripleDes, Suite::Aes128, Suite::Aes192, Suite::Aes256];

/// What a chip does with the commands of a terminal.
fn serve(
    version: Version,
    commands: &[Command],
    protocol: ChipAuthProtocol,
    key: &AgreementPrivateKey,
) -> Result<(Agreed, Vec<u8>), ChipAuthError> {
    let rng = &mut Seeded::new(77);
    match commands {
        [kat] => {
            let kat = KeyAgreementTemplate::parse(&kat.data)?;
            agree(version, protocol, key, &kat.ephemeral, rng).map(|agreed| (agreed, Vec::new()))
        }
        [at, general] => {
            assert_eq!(Selection::parse(&at.data)?.protocol, protocol);
            let agreed = agree(version, protocol, key, general_authenticate(&general.data)?, rng)?;
            let answer = agreed.answer.clone();
            Ok((agreed, answer))
        }
        other => panic!("{} commands", other.len()),
    }
}

/// Both sides speak over the new channels.
fn meet(terminal: &mut SecureMessaging, chip: &mut SecureMessaging) {
    let read = Command::new(0x00, 0xB0, 0x8E, 0x00).with_le(8);
    let sent = terminal.protect_command(&read).expect("protects");
    assert_eq!(chip.unprotect_command(&sent), Ok(read));
    let answer = chip.protect_response(&Response::ok([1, 2, 3])).expect("protects");
    assert_eq!(terminal.unprotect_response(&answer), Ok(Response::ok([1, 2, 3])));
}

#[test]
fn worked_example_of_version_2_value_by_value_in_both_roles() {
    let curve = Domain::Ec(Curve::BrainpoolP256r1);
    let private = |name| AgreementPrivateKey::from_bytes(&curve, &example(name)).expect("a scalar");
    let (chip, terminal) = (private("chip private key"), private("terminal private key"));
    assert_eq!(
        (chip.public().as_bytes(), terminal.public().as_bytes()),
        (&example("chip public key")[..], &example("terminal public key")[..])
    );
    assert_eq!(agreement::agree(&chip, &terminal.public()).expect("agrees").expose(), example("k"));
    assert_eq!(agreement::agree(&terminal, &chip.public()).expect("agrees").expose(), example("k"));
    for (purpose, name) in [(Purpose::Encryption, "k enc"), (Purpose::Mac, "k mac")] {
        assert_eq!(derive(Suite::Aes128, &example("k"), &example("nonce"), purpose).expose(), example(name));
    }
    let protocol = protocol(Agreement::Ecdh, Suite::Aes128);
    let nonce = example("nonce").try_into().expect("8 bytes");
    let mut agreed = agree_with(protocol, &chip, terminal.public().as_bytes(), Some(nonce)).expect("agrees");
    let expected = encode(&[(0x81, &example("nonce")), (0x82, &example("token"))]);
    assert_eq!((&agreed.answer, &agreed.terminal_key), (&expected, &terminal.public()));
    let start = || Terminal::with_key(Version::Two, protocol, None, &chip.public(), &terminal).expect("agrees");
    let mut channel = start().finish(Form::AuthenticationTemplate, &expected).expect("the token of the example");
    meet(&mut channel, &mut agreed.channel);
    for bit in 0..64 {
        let mut token = example("token");
        token[bit / 8] ^= 1 << (bit % 8);
        let answer = encode(&[(0x81, &example("nonce")), (0x82, &token)]);
        assert!(matches!(start().finish(Form::AuthenticationTemplate, &answer), Err(ChipAuthError::Token)));
    }
    let short = encode(&[(0x81, &[1; 7]), (0x82, &example("token"))]);
    assert!(matches!(start().finish(Form::AuthenticationTemplate, &short), Err(ChipAuthError::Nonce { found: 7 })));
    assert!(matches!(start().finish(Form::AuthenticationTemplate, &encode(&[])), Err(ChipAuthError::Data(_))), "no token");
}

#[test]
fn every_version_agreement_suite_and_form_meets() {
    let mut runs = 0;
    for (agreement, domain) in [
        (Agreement::Ecdh, Domain::Ec(Curve::P521)),
        (Agreement::Ecdh, Domain::Ec(Curve::P192)),
        (Agreement::Dh, Domain::standardized(2).expect("a group")),
    ] {
        let chip = key(&domain, 3);
        for suite in SUITES {
            for (version, form) in [
                (Version::One, Form::usual(Version::One, suite)),
                (Version::One, Form::AuthenticationTemplate),
                (Version::Two, Form::usual(Version::Two, suite)),
            ] {
                let protocol = protocol(agreement, suite);
                let id = KeyId::from_reference(&[1, 2]);
                let terminal = Terminal::start(version, protocol, id, &chip.public(), &mut Seeded::new(4)).expect("same domain");
                let commands = terminal.commands(form);
                let headers: Vec<_> = commands.iter().map(|command| hex::encode_upper(command.header())).collect();
                if form == Form::KeyAgreementTemplate {
                    assert_eq!((suite, headers), (Suite::TripleDes, vec!["002241A6".to_owned()]));
                    assert_eq!(KeyAgreementTemplate::parse(&commands[0].data).expect("well formed").key_id, id);
                } else {
                    assert_eq!(headers, ["002241A4", "00860000"]);
                    assert_eq!(Selection::parse(&commands[0].data).expect("well formed").key_id, id);
                }
                let (mut agreed, answer) = serve(version, &commands, protocol, &chip).expect("same domain");
                assert_eq!(&agreed.terminal_key, terminal.public());
                meet(&mut terminal.finish(form, &answer).expect("as the clause says"), &mut agreed.channel);
                runs += 1;
            }
        }
    }
    assert_eq!(runs, 36);
}

/// gmrtd, dmrtd: the shared x-coordinate lost its leading zeros before the KDF, so that one session in 256 failed. The witness is OpenSSL.
#[test]
fn gmrtd_dmrtd_leading_zeros_of_the_shared_secret_are_kept() {
    use openssl::bn::{BigNum, BigNumContext};
    use openssl::ec::{EcGroup, EcKey, EcPoint};
    use openssl::nid::Nid;
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
    let ctx = &mut BigNumContext::new().expect("a context");
    let chip = curve::PrivateKey::from_bytes(Curve::P256, &[0x5A; 32]).expect("a scalar");
    let d = BigNum::from_slice(&[0x5A; 32]).expect("a number");
    let theirs = {
        let mut public = EcPoint::new(&group).expect("a point");
        public.mul_generator2(&group, &d, ctx).expect("multiplies");
        openssl::pkey::PKey::from_ec_key(EcKey::from_private_components(&group, &d, &public).expect("a key")).expect("a key")
    };
    let mut zeros = 0;
    for n in 1_u32..=700 {
        let ephemeral = curve::PrivateKey::from_bytes(Curve::P256, &n.to_be_bytes()).expect("a scalar");
        let secret = agreement::agree(&AgreementPrivateKey::Ec(chip.clone()), &ephemeral.public().into()).expect("agrees");
        if secret.expose()[0] != 0 {
            continue;
        }
        zeros += 1;
        let point = EcPoint::from_bytes(&group, ephemeral.public().as_bytes(), ctx).expect("a point");
        let peer = openssl::pkey::PKey::from_ec_key(EcKey::from_public_key(&group, &point).expect("a key")).expect("a key");
        let mut deriver = openssl::derive::Deriver::new(&theirs).expect("derives");
        deriver.set_peer(&peer).expect("same curve");
        assert_eq!(secret.expose(), deriver.derive_to_vec().expect("derives"), "ephemeral scalar {n}");
        let (chip, chip_key) = (AgreementPrivateKey::Ec(chip.clone()), chip.public().into());
        let protocol = protocol(Agreement::Ecdh, Suite::Aes128);
        let terminal = Terminal::with_key(Version::One, protocol, None, &chip_key, &AgreementPrivateKey::Ec(ephemeral)).expect("agrees");
        let (mut agreed, answer) = serve(Version::One, &terminal.commands(Form::AuthenticationTemplate), protocol, &chip).expect("agrees");
        meet(&mut terminal.finish(Form::AuthenticationTemplate, &answer).expect("an answer"), &mut agreed.channel);
    }
    assert!(zeros >= 2, "{zeros} of 700 shared secrets begin with a zero byte");
}

/// The same for DH: the secret is as long as p, its leading zeros are part of the KDF's input.
#[test]
fn leading_zeros_of_a_dh_secret_are_kept() {
    let domain = Domain::standardized(0).expect("the 1024-bit group");
    let chip = key(&domain, 8);
    let mut zeros = 0;
    for seed in 100..700 {
        let ephemeral = key(&domain, seed);
        let secret = agreement::agree(&chip, &ephemeral.public()).expect("agrees");
        assert_eq!(secret.len(), 128);
        if secret.expose()[0] == 0 {
            zeros += 1;
            let protocol = protocol(Agreement::Dh, Suite::Aes128);
            let terminal = Terminal::with_key(Version::One, protocol, None, &chip.public(), &ephemeral).expect("agrees");
            let form = Form::AuthenticationTemplate;
            let (mut agreed, answer) = serve(Version::One, &terminal.commands(form), protocol, &chip).expect("agrees");
            meet(&mut terminal.finish(form, &answer).expect("an answer"), &mut agreed.channel);
            break;
        }
    }
    assert_eq!(zeros, 1, "no secret with a leading zero among 600");
}

/// NFCPassportReader: where the agreement failed, a key of zeros was used as the secret. Here no key comes of it, on either side.
#[test]
fn nfc_passport_reader_a_failed_agreement_gives_no_key() {
    let curve = Domain::Ec(Curve::BrainpoolP256r1);
    let chip = key(&curve, 5);
    let aes = protocol(Agreement::Ecdh, Suite::Aes128);
    let fails = |ephemeral: &[u8]| agree(Version::One, aes, &chip, ephemeral, &mut Seeded::new(1)).map(|_| ()).expect_err("must fail");
    let mut off = chip.public().as_bytes().to_vec();
    off[64] ^= 1;
    let stranger = key(&Domain::Ec(Curve::P256), 6).public();
    for ephemeral in [&off[..], stranger.as_bytes(), &[0], &[0; 65], &[4; 65], &[], &off[..33]] {
        assert!(matches!(fails(ephemeral), ChipAuthError::Agreement(AgreementError::Curve(_))));
    }
    let domain = Domain::standardized(2).expect("a group");
    let chip = key(&domain, 5);
    let aes = protocol(Agreement::Dh, Suite::Aes128);
    let last = {
        let Domain::Dh(group) = &domain else { panic!("a group") };
        let mut last = group.p().to_vec();
        *last.last_mut().expect("bytes") -= 1;
        last
    };
    let one = [vec![0; 255], vec![1]].concat();
    for ephemeral in [vec![0; 256], one, last, vec![2; 255], Vec::new()] {
        let error = agree(Version::One, aes, &chip, &ephemeral, &mut Seeded::new(1)).map(|_| ()).expect_err("must fail");
        assert!(matches!(error, ChipAuthError::Agreement(AgreementError::Modp(_))), "{error}");
    }
    let mixed = Terminal::with_key(Version::One, aes, None, &chip.public(), &key(&curve, 9)).map(|_| ());
    assert!(matches!(mixed, Err(ChipAuthError::Agreement(AgreementError::Mixed { .. }))));
}

#[test]
fn a_clone_without_the_private_key_fails_at_the_first_answer_or_at_the_token() {
    let domain = Domain::Ec(Curve::BrainpoolP256r1);
    let (genuine, cloned) = (key(&domain, 4), key(&domain, 5));
    let protocol = protocol(Agreement::Ecdh, Suite::Aes128);
    let start = |version| Terminal::start(version, protocol, None, &genuine.public(), &mut Seeded::new(6)).expect("same curve");
    let form = Form::AuthenticationTemplate;
    let terminal = start(Version::One);
    let (mut clone, answer) = serve(Version::One, &terminal.commands(form), protocol, &cloned).expect("a point");
    let mut terminal = terminal.finish(form, &answer).expect("well formed");
    let sent = terminal.protect_command(&Command::new(0x00, 0xB0, 0x8E, 0x00).with_le(8)).expect("protects");
    assert_eq!(clone.channel.unprotect_command(&sent), Err(crate::sm::SmError::Mac));
    let terminal = start(Version::Two);
    let (_, answer) = serve(Version::Two, &terminal.commands(form), protocol, &cloned).expect("a point");
    assert!(matches!(terminal.finish(form, &answer), Err(ChipAuthError::Token)));
}

#[test]
fn foreign_objects_are_refused() {
    assert!(matches!(general_authenticate(&bytes("7C00")), Err(ChipAuthError::Data(DynamicAuthError::Missing { .. }))));
    assert!(matches!(KeyAgreementTemplate::parse(&bytes("840101")), Err(ChipAuthError::Select(_))));
    assert!(matches!(Selection::parse(&bytes("800A04007F00070202040202")), Err(ChipAuthError::Select(_))), "a PACE protocol");
    assert!(matches!(Selection::parse(&bytes("800A04007F000702020302028400")), Err(ChipAuthError::Select(_))), "an empty key id");
    let chip = key(&Domain::Ec(Curve::P256), 1).public();
    let start =
        || Terminal::start(Version::One, protocol(Agreement::Ecdh, Suite::TripleDes), None, &chip, &mut Seeded::new(2)).expect("starts");
    assert!(matches!(start().finish(Form::AuthenticationTemplate, &[]), Err(ChipAuthError::Data(_))));
    assert!(matches!(start().finish(Form::KeyAgreementTemplate, &[0x7C, 0]), Err(ChipAuthError::Select(_))));
}

fn announced(agreement: Agreement, suite: Suite, version: u8, key_id: Option<u32>) -> SecurityInfo {
    SecurityInfo::ChipAuth(ChipAuthInfo { protocol: protocol(agreement, suite), version, key_id: key_id.map(KeyId::from) })
}

fn public(key: &AgreementPrivateKey, key_id: Option<KeyId>) -> SecurityInfo {
    let agreement = if matches!(key, AgreementPrivateKey::Ec(_)) { Agreement::Ecdh } else { Agreement::Dh };
    SecurityInfo::ChipAuthPublicKey(ChipAuthPublicKeyInfo { agreement, spki: spki::agreement::encode(&key.public()), key_id })
}

#[test]
fn the_strongest_way_comes_first() {
    let keys = [Domain::Ec(Curve::P192), Domain::Ec(Curve::P384), Domain::standardized(1).expect("a group")].map(|domain| key(&domain, 2));
    let infos = SecurityInfos::new([
        announced(Agreement::Ecdh, Suite::Aes128, 1, Some(1)),
        announced(Agreement::Ecdh, Suite::Aes128, 1, Some(2)),
        announced(Agreement::Dh, Suite::Aes128, 1, Some(3)),
        announced(Agreement::Dh, Suite::TripleDes, 1, Some(3)),
        announced(Agreement::Ecdh, Suite::Aes256, 1, Some(1)),
        announced(Agreement::Ecdh, Suite::Aes256, 7, Some(2)),
        public(&keys[0], Some(1.into())),
        public(&keys[1], Some(2.into())),
        public(&keys[2], Some(3.into())),
    ]);
    let mut quirks = Vec::new();
    let found = choices(&infos, &mut quirks);
    let order: Vec<_> =
        found.ways.iter().map(|way| (way.protocol.suite, way.key.domain().name(), way.key_id.map(|id| id.to_string()))).collect();
    let row = |suite, name: &str, id: &str| (suite, name.to_owned(), Some(id.to_owned()));
    assert_eq!(
        order,
        [
            row(Suite::Aes256, "P-192", "1"),
            row(Suite::Aes128, "P-384", "2"),
            row(Suite::Aes128, "MODP 2048/224", "3"),
            row(Suite::Aes128, "P-192", "1"),
            row(Suite::TripleDes, "MODP 2048/224", "3"),
        ]
    );
    assert!(found.ways.iter().all(|way| way.several) && quirks.is_empty());
    assert_eq!(found.unusable.len(), 1, "version 7");
}

/// French passports of 2013 have a key and do not say with which cipher; Maltese ones have key identifiers that are no small numbers;
/// Russian ones a key on secp192r1.
#[test]
fn keys_of_the_field_are_taken_as_they_are() {
    let key = key(&Domain::Ec(Curve::P192), 3);
    let mut quirks = Vec::new();
    let found = choices(&SecurityInfos::new([public(&key, None)]), &mut quirks);
    let [way] = &found.ways[..] else { panic!("{found:?}") };
    assert_eq!((way.protocol.suite, way.version, way.several, way.key.as_bytes().len()), (Suite::TripleDes, Version::One, false, 49));
    assert_eq!(quirks.iter().map(|quirk| quirk.rule).collect::<Vec<_>>(), ["ca.no-info"]);
    let long = KeyId::from_reference(&[0xA1, 2, 3, 4, 5, 6, 7, 8, 9]).expect("short enough");
    let infos = SecurityInfos::new([
        SecurityInfo::ChipAuth(ChipAuthInfo { protocol: protocol(Agreement::Ecdh, Suite::Aes128), version: 1, key_id: Some(long) }),
        announced(Agreement::Ecdh, Suite::TripleDes, 1, Some(2)),
        public(&key, Some(long)),
        public(&key, Some(2.into())),
    ]);
    let infos = SecurityInfos::parse(infos.encode()).expect("reads back");
    let found = choices(&infos, &mut Vec::new());
    assert_eq!(found.ways[0].key_id, Some(long));
    let terminal = Terminal::start(Version::One, found.ways[0].protocol, found.ways[0].key_id, &found.ways[0].key, &mut Seeded::new(1));
    let commands = terminal.expect("starts").commands(Form::AuthenticationTemplate);
    assert!(commands[0].data.ends_with(&bytes("8409A10203040506070809")), "named by its bytes");
    // One key whose identifier only one of the two infos has.
    let infos = SecurityInfos::new([announced(Agreement::Ecdh, Suite::Aes128, 1, None), public(&key, Some(2.into()))]);
    assert_eq!(choices(&infos, &mut Vec::new()).ways.len(), 1);
    // A key that is none, and one of the other kind than announced.
    let broken = SecurityInfo::ChipAuthPublicKey(ChipAuthPublicKeyInfo { agreement: Agreement::Ecdh, spki: bytes("3000"), key_id: None });
    let found = choices(&SecurityInfos::new([broken]), &mut Vec::new());
    assert_eq!((found.ways.len(), found.unusable.len()), (0, 1));
    assert!(modp::Group::standardized(3).is_none());
}
