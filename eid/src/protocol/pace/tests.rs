//! The worked examples of Doc 9303-11 (appendices G, H, I) and of BSI's EAC example, value by value in both roles (`fixtures/crypto/pace.json`);
//! then whole runs between two ends of ours in every combination that exists.

mod edges;
mod refusals;

use serde_json::Value;

use super::chip::Progress;
use super::terminal::Established;
use super::*;
use crate::crypto::curve::{self, Curve};
use crate::lds::security_info::{Agreement, Mapping};
use crate::protocol::bac::mrz_seed;
use crate::protocol::dynamic_auth::encode;
use crate::protocol::mapping::{GenericMapping, TerminalMapping, pseudo_random};
use crate::test_rng::Seeded;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

/// A worked example: values by their names in the file.
struct Example(Value);

impl Example {
    fn named(name: &str) -> Self {
        let file: Value = serde_json::from_str(include_str!("../../../../fixtures/crypto/pace.json")).expect("JSON");
        let examples = file["examples"].as_array().expect("a list");
        Self(examples.iter().find(|example| example["name"] == name).unwrap_or_else(|| panic!("no example {name}")).clone())
    }

    fn get(&self, path: &str) -> Option<Vec<u8>> {
        let value = path.split('.').fold(&self.0, |value, name| &value[name]);
        value.as_str().map(bytes)
    }

    fn bytes(&self, path: &str) -> Vec<u8> {
        self.get(path).unwrap_or_else(|| panic!("no {path}"))
    }

    fn parameters(&self) -> Parameters {
        let protocol = PaceProtocol::from_oid(self.0["protocol"].as_str().expect("text")).expect("a PACE protocol");
        let id = u8::try_from(self.0["parameter_id"].as_u64().expect("a number")).expect("small");
        Parameters::new(protocol, Domain::standardized(id).expect("standardized")).expect("go together")
    }

    fn password(&self) -> Password {
        let value = self.0["password"]["value"].as_str().expect("text");
        match self.0["password"]["kind"].as_str() {
            Some("mrz") => Password::Mrz(mrz_seed(value)),
            Some("can") => Password::Can(Secret::from(value.as_bytes())),
            Some("pin") => Password::Pin(Secret::from(value.as_bytes())),
            other => panic!("{other:?}"),
        }
    }

    fn private(&self, path: &str) -> Option<AgreementPrivateKey> {
        let number = self.get(&format!("{path}.private"))?;
        Some(AgreementPrivateKey::from_bytes(self.parameters().domain(), &number).expect("a private key"))
    }

    /// Data field of a printed command or answer.
    fn printed(&self, list: &str, index: usize) -> Option<Vec<u8>> {
        self.0[list][index].as_str().map(bytes)
    }
}

/// The terminal's half against the printed answers of the chip: every value on the way.
fn replay_terminal(example: &Example) -> Established {
    let (parameters, password) = (example.parameters(), example.password());
    let suite = parameters.suite();
    let key = derive(suite, password.secret().expose(), &[], Purpose::Password);
    assert_eq!(key.expose(), example.bytes("k_pi"));
    let answer = |tag, path: &str| encode(&[(tag, &example.bytes(path))]);
    let terminal = Terminal::new(parameters.clone(), &password);
    let (command, terminal) = terminal.request_nonce();
    let mut commands = vec![command];

    let mapping = match example.get("t") {
        Some(t) => TerminalMapping::Integrated(t),
        None => TerminalMapping::Generic(GenericMapping::with_key(example.private("map_pcd").expect("printed"))),
    };
    let (command, terminal) = terminal.map(&answer(0x80, "z"), mapping).expect("step 1");
    assert_eq!(terminal.nonce.expose(), example.bytes("nonce"));
    commands.push(command);

    let generated = terminal.generator(&example.get("map_ic.public").map_or_else(Vec::new, |key| encode(&[(0x82, &key)])));
    let generated = generated.expect("step 2");
    assert_eq!(generated.generator.element().as_bytes(), example.bytes("generator"));
    let key = example.private("dh_pcd").expect("printed");
    let public = generated.generator.public(&key).expect("same domain");
    assert_eq!(public.as_bytes(), example.bytes("dh_pcd.public"));
    let (command, terminal) = terminal::AwaitAgreement::send(generated, key.clone()).expect("step 3");
    commands.push(command);
    let chip_public = AgreementKey::from_bytes(parameters.domain(), &example.bytes("dh_ic.public")).expect("in the group");
    let secret = agree(&key, &chip_public).expect("agrees");
    assert_eq!(secret.expose(), example.bytes("secret"));
    for (purpose, name) in [(Purpose::Encryption, "ks_enc"), (Purpose::Mac, "ks_mac")] {
        assert_eq!(derive(suite, secret.expose(), &[], purpose).expose(), example.bytes(name));
    }
    for (input, key) in [("token_input_pcd", &chip_public), ("token_input_ic", &public)] {
        if let Some(input) = example.get(input) {
            assert_eq!(token_input(parameters.protocol(), key.as_bytes()), input);
        }
    }

    let (command, terminal) = terminal.receive(&answer(0x84, "dh_ic.public")).expect("step 3");
    assert_eq!(command.data, answer(0x85, "token_pcd"));
    commands.push(command);
    for (index, command) in commands.iter().enumerate() {
        if let Some(printed) = example.printed("commands", index + 1) {
            assert_eq!(command.encode().expect("encodes"), printed, "command {index}");
        }
    }
    let last = match example.printed("answers", 4) {
        Some(printed) => printed[..printed.len() - 2].to_vec(),
        None => answer(0x86, "token_ic"),
    };
    terminal.receive(&last).expect("step 4")
}

/// The chip's half against the printed commands of the terminal.
fn replay_chip(example: &Example) -> SecureMessaging {
    let parameters = example.parameters();
    let command = |tag, path: &str| encode(&[(tag, &example.bytes(path))]);
    let chip = chip::Selected { parameters: parameters.clone(), password: example.password(), chip_key: None };
    let (answer, chip) = chip.encrypt_nonce(&encode(&[]), Secret::new(example.bytes("nonce"))).expect("step 1");
    assert_eq!(answer, command(0x80, "z"));
    let chip = match example.get("t") {
        Some(t) => {
            let (answer, chip) = chip.receive(&encode(&[(0x81, &t)]), &mut Seeded::new(0)).expect("step 2");
            assert_eq!(answer, encode(&[(0x82, &[])]));
            chip
        }
        None => {
            let mapping = GenericMapping::with_key(example.private("map_ic").expect("printed"));
            let (answer, chip) = chip.map(&command(0x81, "map_pcd.public"), mapping).expect("step 2");
            assert_eq!(answer, command(0x82, "map_ic.public"));
            chip
        }
    };
    assert_eq!(chip.generator.element().as_bytes(), example.bytes("generator"));
    let (answer, chip) = chip.agree(&command(0x83, "dh_pcd.public"), &example.private("dh_ic").expect("printed")).expect("step 3");
    assert_eq!(answer, command(0x84, "dh_ic.public"));
    let (answer, channel) = chip.receive(&command(0x85, "token_pcd")).expect("step 4");
    assert_eq!(answer, command(0x86, "token_ic"));
    channel
}

#[test]
fn appendix_g_1_value_by_value() {
    let example = Example::named("appendix G.1");
    let terminal = Terminal::new(example.parameters(), &example.password());
    assert_eq!(terminal.select(false).encode().ok(), example.printed("commands", 0));
    let selection = chip::Selection::parse(&terminal.select(false).data).expect("well formed");
    assert_eq!((selection.protocol, selection.reference), (example.parameters().protocol(), 1));
    let established = replay_terminal(&example);
    assert!(established.ca_references.is_empty());
    let mut chip = replay_chip(&example);
    meet(&mut { established }.channel, &mut chip);
}

/// Generic mapping over the 1024-bit group.
#[test]
fn appendix_g_2_value_by_value() {
    let example = Example::named("appendix G.2");
    let terminal = Terminal::new(example.parameters(), &example.password());
    assert_eq!(terminal.select(false).encode().ok(), example.printed("commands", 0));
    let AgreementKey::Dh(key) = AgreementKey::from_bytes(example.parameters().domain(), &example.bytes("map_ic.public")).expect("value")
    else {
        panic!("DH")
    };
    let Some(AgreementPrivateKey::Dh(own)) = example.private("map_pcd") else { panic!("DH") };
    assert_eq!(key.power(&own).expect("same group").as_bytes(), example.bytes("mapping_secret"));
    let established = replay_terminal(&example);
    assert_eq!(established.ca_references, [example.bytes("ca_reference")]);
    let mut chip = replay_chip(&example);
    meet(&mut { established }.channel, &mut chip);
}

/// Integrated mapping over brainpoolP256r1.
#[test]
fn appendix_h_1_value_by_value() {
    let example = Example::named("appendix H.1");
    let random = pseudo_random(Suite::Aes128, &Secret::new(example.bytes("nonce")), &example.bytes("t"), 256).expect("lengths");
    assert_eq!(random.expose(), example.bytes("random"));
    // the same number, taken modulo p before
    let reduced = Secret::new(example.bytes("random_mod_p"));
    let mapped = crate::crypto::agreement::MappedGenerator::integrated(example.parameters().domain(), &reduced).expect("a point");
    assert_eq!(mapped.element().as_bytes(), example.bytes("generator"));
    let established = replay_terminal(&example);
    let mut chip = replay_chip(&example);
    meet(&mut { established }.channel, &mut chip);
}

/// Chip authentication mapping: the terminal's half; the chip's private keys are not printed.
#[test]
fn appendix_i_value_by_value() {
    let example = Example::named("appendix I");
    let established = replay_terminal(&example);
    let proof = established.chip_authentication.expect("chip authentication mapping");
    let static_key = AgreementKey::from_bytes(example.parameters().domain(), &example.bytes("static_key_derived")).expect("a point");
    assert_eq!((proof.key_id(), proof.verify(&static_key)), (13, Ok(())));
    // another chip's key, and the regression of a peer that takes FF … FF itself as IV
    let other = AgreementPrivateKey::generate(example.parameters().domain(), &mut Seeded::new(40)).public();
    assert_eq!(proof.verify(&other), Err(cam::CamError::NotProven));
    let cipher = CipherKey::new(Suite::Aes128, &example.bytes("ks_enc")).expect("a key");
    let mut data = example.bytes("encrypted_chip_authentication_data");
    cipher.decrypt_cbc(&[0xFF; 16], &mut data).expect("whole blocks");
    assert_ne!(data[..32], example.bytes("chip_authentication_data"));
}

#[test]
fn bsi_worked_example_with_a_pin_value_by_value() {
    let example = Example::named("BSI worked example for EAC");
    let select = Terminal::new(example.parameters(), &example.password()).select(false).encode().expect("encodes");
    assert_eq!(hex::encode_upper(select), "0022C1A40F800A04007F00070202040202830103");
    let established = replay_terminal(&example);
    let mut chip = replay_chip(&example);
    meet(&mut { established }.channel, &mut chip);
}

/// Everything a terminal and a chip say to each other with a seeded stream of randomness; `password` is the chip's.
fn run(
    parameters: &Parameters,
    terminal: &Password,
    chip: Password,
    chip_key: Option<&curve::PrivateKey>,
    rng: &mut Seeded,
) -> Result<(Established, SecureMessaging), PaceError> {
    let mut chip = Chip::select(parameters.clone(), chip, chip_key)?;
    let mut answer = |command: &crate::apdu::Command, chip: Chip| {
        assert_eq!(chip.expects_last(), command.cla == 0x00, "only the last command has no chaining bit");
        chip.step(&command.data, &mut *rng)
    };
    let (command, terminal) = Terminal::new(parameters.clone(), terminal).request_nonce();
    let (data, progress) = answer(&command, chip)?;
    let mut terminal_rng = Seeded::new(u64::from(data.iter().map(|&octet| u32::from(octet)).sum::<u32>()));
    chip = more(progress);
    let (command, terminal) = terminal.receive(&data, &mut terminal_rng)?;
    let (data, progress) = answer(&command, chip)?;
    chip = more(progress);
    let (command, terminal) = terminal.receive(&data, &mut terminal_rng)?;
    let (data, progress) = answer(&command, chip)?;
    chip = more(progress);
    let (command, terminal) = terminal.receive(&data)?;
    let (data, progress) = answer(&command, chip)?;
    let Progress::Done(channel) = progress else { panic!("four steps") };
    Ok((terminal.receive(&data)?, channel))
}

fn more(progress: Progress) -> Chip {
    match progress {
        Progress::More(chip) => chip,
        Progress::Done(_) => panic!("too early"),
    }
}

fn can() -> Password {
    Password::Can(Secret::from(&b"500540"[..]))
}

fn gm(suite: Suite, curve: Curve) -> Parameters {
    Parameters::new(PaceProtocol::ecdh_gm(suite), Domain::Ec(curve)).expect("go together")
}

/// Every protocol over every domain that it has.
fn every_combination() -> Vec<Parameters> {
    let mut all = Vec::new();
    for mapping in [Mapping::Generic, Mapping::Integrated, Mapping::ChipAuthentication] {
        for suite in [Suite::TripleDes, Suite::Aes128, Suite::Aes192, Suite::Aes256] {
            for domain in Domain::all() {
                let agreement = if matches!(domain, Domain::Ec(_)) { Agreement::Ecdh } else { Agreement::Dh };
                let protocol = PaceProtocol::new(mapping, agreement, suite);
                all.extend(protocol.and_then(|protocol| Parameters::new(protocol, domain).ok()));
            }
        }
    }
    all
}

/// One command and one answer through both ends.
fn meet(terminal: &mut SecureMessaging, chip: &mut SecureMessaging) {
    let read = crate::apdu::Command::new(0x00, 0xB0, 0x9E, 0x00).with_le(8);
    let sent = terminal.protect_command(&read).expect("protects");
    assert_eq!(chip.unprotect_command(&sent), Ok(read));
    let answer = chip.protect_response(&crate::apdu::Response::ok([0x60, 0x16])).expect("protects");
    assert_eq!(terminal.unprotect_response(&answer), Ok(crate::apdu::Response::ok([0x60, 0x16])));
}

#[test]
fn every_mapping_with_every_suite_over_every_domain() {
    let mut rng = Seeded::new(10);
    let all = every_combination();
    // 4 suites · (14 + 13 domains) for GM and IM (no IM on P-224), 3 suites · 11 curves for CAM
    assert_eq!(all.len(), 4 * (14 + 13) + 3 * 11);
    for parameters in all {
        let static_key = match parameters.domain() {
            Domain::Ec(curve) => Some(curve::PrivateKey::generate(*curve, &mut rng)),
            Domain::Dh(_) => None,
        };
        let (mut terminal, mut chip) = run(&parameters, &can(), can(), static_key.as_ref(), &mut rng).expect("same password");
        meet(&mut terminal.channel, &mut chip);
        assert_eq!(terminal.chip_authentication.is_some(), parameters.is_cam());
        if let (Some(proof), Some(key)) = (terminal.chip_authentication, static_key) {
            assert_eq!((proof.key_id(), proof.verify(&key.public().into())), (parameters.id(), Ok(())), "{parameters}");
        }
    }
}

#[test]
fn a_wrong_can_is_a_wrong_token_at_the_chip_in_every_mapping() {
    let other = Password::Can(Secret::from(&b"500541"[..]));
    let mut rng = Seeded::new(11);
    let key = curve::PrivateKey::generate(Curve::BrainpoolP256r1, &mut rng);
    for mapping in [Mapping::Generic, Mapping::Integrated, Mapping::ChipAuthentication] {
        let protocol = PaceProtocol::new(mapping, Agreement::Ecdh, Suite::Aes128).expect("exists");
        let parameters = Parameters::new(protocol, Domain::Ec(Curve::BrainpoolP256r1)).expect("go together");
        let result = run(&parameters, &other, can(), Some(&key), &mut rng);
        assert_eq!(result.map(|_| ()), Err(PaceError::Token));
    }
}

#[test]
fn three_hundred_sessions_on_a_curve_all_open() {
    let mut rng = Seeded::new(12);
    for curve in [Curve::P256, Curve::BrainpoolP256r1] {
        for n in 0..300 {
            let (mut terminal, mut chip) =
                run(&gm(Suite::Aes128, curve), &can(), can(), None, &mut rng).unwrap_or_else(|error| panic!("{curve:?} {n}: {error}"));
            meet(&mut terminal.channel, &mut chip);
        }
    }
}
