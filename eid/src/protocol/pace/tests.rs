//! Appendix G.1 of Doc 9303-11 and the PACE part of BSI's worked example for EAC, value by value in both roles;
//! then whole runs between two ends of ours.

mod refusals;

use openssl::nid::Nid;

use super::chip::Progress;
use super::*;
use crate::protocol::bac::mrz_seed;
use crate::protocol::dynamic_auth::encode;
use crate::protocol::mapping::GenericMapping;
use crate::test_rng::Seeded;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

fn private(curve: Curve, text: &str) -> PrivateKey {
    let scalar = bytes(text);
    // The worked example of TR-03110 writes some scalars with a sign byte.
    PrivateKey::from_bytes(curve, scalar.strip_prefix(&[0]).filter(|rest| rest.len() == 32).unwrap_or(&scalar)).expect("scalar")
}

/// The values of a worked example. Points are 04 ‖ x ‖ y.
struct Example {
    password: Password,
    k_pi: &'static str,
    nonce: &'static str,
    z: &'static str,
    map_pcd: [&'static str; 2],
    map_ic: [&'static str; 2],
    generator: &'static str,
    dh_pcd: [&'static str; 2],
    dh_ic: [&'static str; 2],
    shared: &'static str,
    k_enc: &'static str,
    k_mac: &'static str,
    token_pcd: &'static str,
    token_ic: &'static str,
    /// MSE:Set AT.
    select: &'static str,
}

fn appendix_g1() -> Example {
    Example {
        password: Password::Mrz(mrz_seed("T22000129364081251010318")),
        k_pi: "89DED1B26624EC1E634C1989302849DD",
        nonce: "3F00C4D39D153F2B2A214A078D899B22",
        z: "95A3A016522EE98D01E76CB6B98B42C3",
        map_pcd: [
            "7F4EF07B9EA82FD78AD689B38D0BC78CF21F249D953BC46F4C6E19259C010F99",
            "047ACF3EFC982EC45565A4B155129EFBC74650DCBFA6362D896FC70262E0C2CC5E544552DCB6725218799115B55C9BAA6D9F6BC3A9618E70C25AF71777A9C4922D",
        ],
        map_ic: [
            "498FF49756F2DC1587840041839A85982BE7761D14715FB091EFA7BCE9058560",
            "04824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F5730D8C879AAA9C9F73991E61B58F4D52EB87A0A0C709A49DC63719363CCD13C54",
        ],
        generator: "048CED63C91426D4F0EB1435E7CB1D74A46723A0AF21C89634F65A9AE87A9265E28C879506743F8611AC33645C5B985C80B5F09A0B83407C1B6A4D857AE76FE522",
        dh_pcd: [
            "A73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762595",
            "042DB7A64C0355044EC9DF190514C625CBA2CEA48754887122F3A5EF0D5EDD301C3556F3B3B186DF10B857B58F6A7EB80F20BA5DC7BE1D43D9BF850149FBB36462",
        ],
        dh_ic: [
            "107CF58696EF6155053340FD633392BA81909DF7B9706F226F32086C7AFF974A",
            "049E880F842905B8B3181F7AF7CAA9F0EFB743847F44A306D2D28C1D9EC65DF6DB7764B22277A2EDDC3C265A9F018F9CB852E111B768B326904B59A0193776F094",
        ],
        shared: "28768D20701247DAE81804C9E780EDE582A9996DB4A315020B2733197DB84925",
        k_enc: "F5F0E35C0D7161EE6724EE513A0D9A7F",
        k_mac: "FE251C7858B356B24514B3BD5F4297D1",
        token_pcd: "C2B0BD78D94BA866",
        token_ic: "3ABB9674BCE93C08",
        select: "0022C1A40F800A04007F00070202040202830101",
    }
}

fn tr_03110() -> Example {
    Example {
        password: Password::Pin(Secret::from(&b"123456"[..])),
        k_pi: "591468CDA83D65219CCCB8560233600F",
        nonce: "7D98C00FC6C9E9543BBF94A87073A123",
        z: "CE834CDE69FFBB1D1EB21585CD709F18",
        map_pcd: [
            "752287F5B02DE3C4BC3E17945118C51B23C97278E4CD748048AC56BA5BDC3D46",
            "043DD29BBE5907FD21A152ADA4895FAAE7ACC55F5E50EFBFDE5AB0C6EB54F198D615913635F0FDF5BEB383E00355F82D3C41ED0DF2E28363433DFB73856A15DC9F",
        ],
        map_ic: [
            "19C428715663DE745D1824B855D2B967890C99D68ED5FEEE9DCDF8D7BBA289D2",
            "049CFCF7582AC986D0DD52FA53123414C3E1B96B4D00ABA8E574679B70EFB5BC3B45D2F13729CC2AE178E7E241B443213533B77DBB44649A815DDC4A2384BA422A",
        ],
        generator: "043929D28BA1E5339D6C5DADE5E33BD3C2F0BD14DD77C7521532261659C918FA6014DD48FA84E62BDE438EDB4C9771D042CDB24B7788BDBAB2031C45751E777F66",
        dh_pcd: [
            "009D9A32DF93A57CCE33CA3CDD3457E33A976F293546C73550F397259C93BE0120",
            "04518BC4E532AD2A9BD6527804D5D665ABD51041037A0CC8AA922804EB501C222B3427388599AFAAE9FBACE2DF93E13C3C4979CD12F0AE3E3C0126028391554582",
        ],
        dh_ic: [
            "15872C56908C144002177994CFAAEDD5467CE150853C44535051FF24183039D8",
            "04282CF38073036AFAC216AF135BD994DA0C357F10BD4C34AFEA1042B2EB0FD6804DF3658B835AC2E7133F13691184542BB50B109963A4662ABDC08B9763AF4B5B",
        ],
        shared: "6E7D077CCD367C2EAA683F1E8EC534302E2D00B6ADAF8A87A6EDA78740F17606",
        k_enc: "68406B4162100563D9C901A6154D2901",
        k_mac: "73FF268784F72AF833FDC9464049AFC9",
        token_pcd: "A27AE7B36573C1D9",
        token_ic: "A2658C2F38600B0F",
        select: "0022C1A40F800A04007F00070202040202830103",
    }
}

fn object(tag: u32, text: &str) -> Vec<u8> {
    encode(&[(tag, &bytes(text))])
}

fn replay(example: &Example) {
    let curve = Curve::BrainpoolP256r1;
    let parameters = Parameters::new(Suite::Aes128, curve);
    let key = derive(Suite::Aes128, example.password.secret().expose(), &[], Purpose::Password);
    assert_eq!(hex::encode_upper(key.expose()), example.k_pi);

    let terminal = Terminal::new(parameters, &example.password);
    assert_eq!(terminal.select(false).encode().map(hex::encode_upper).as_deref(), Ok(example.select));
    let selection = chip::Selection::parse(&terminal.select(false).data).expect("well formed");
    assert_eq!((selection.protocol, selection.reference), (parameters.protocol(), example.password.reference()));
    let chip = chip::Selected { parameters, password: example.password.clone() };

    let (command, terminal) = terminal.request_nonce();
    assert_eq!(command.encode().map(hex::encode_upper).as_deref(), Ok("10860000027C0000"));
    let (answer, chip) = chip.encrypt_nonce(&command.data, Secret::new(bytes(example.nonce))).expect("step 1");
    assert_eq!(answer, object(0x80, example.z));

    let mapping = |[scalar, _]: [&str; 2]| GenericMapping::with_key(private(curve, scalar));
    let (command, terminal) = terminal.map(&answer, mapping(example.map_pcd)).expect("step 1");
    assert_eq!(hex::encode_upper(terminal.nonce.expose()), example.nonce);
    assert_eq!((command.cla, &command.data), (0x10, &object(0x81, example.map_pcd[1])));
    let (answer, chip) = chip.map(&command.data, mapping(example.map_ic)).expect("step 2");
    assert_eq!(answer, object(0x82, example.map_ic[1]));
    assert_eq!(hex::encode_upper(chip.generator.point().as_bytes()), example.generator);

    let (parameters, generator) = terminal.generator(&answer).expect("step 2");
    assert_eq!(hex::encode_upper(generator.point().as_bytes()), example.generator);
    let (command, terminal) = terminal::AwaitAgreement::send(parameters, &generator, private(curve, example.dh_pcd[0]));
    assert_eq!((command.cla, &command.data), (0x10, &object(0x83, example.dh_pcd[1])));
    let (answer, chip) = chip.agree(&command.data, &private(curve, example.dh_ic[0])).expect("step 3");
    assert_eq!(answer, object(0x84, example.dh_ic[1]));
    let chip_point = Point::from_bytes(curve, &bytes(example.dh_ic[1])).expect("point");
    let shared = ecdh(&private(curve, example.dh_pcd[0]), &chip_point).expect("agrees");
    assert_eq!(hex::encode_upper(shared.expose()), example.shared);
    for (purpose, key) in [(Purpose::Encryption, example.k_enc), (Purpose::Mac, example.k_mac)] {
        assert_eq!(hex::encode_upper(derive(Suite::Aes128, shared.expose(), &[], purpose).expose()), key);
    }

    let (command, terminal) = terminal.receive(&answer).expect("step 3");
    assert_eq!((command.cla, &command.data), (0x00, &object(0x85, example.token_pcd)));
    let (answer, mut chip) = chip.receive(&command.data).expect("step 4");
    assert_eq!(answer, object(0x86, example.token_ic));
    let established = terminal.receive(&answer).expect("step 4");
    assert_eq!(hex::encode_upper(established.chip_key.as_bytes()), example.dh_ic[1]);
    assert!(established.ca_references.is_empty());

    let mut terminal = established.channel;
    let select = crate::apdu::Command::new(0x00, 0xA4, 0x02, 0x0C).with_data([0x01, 0x1E]);
    let sent = terminal.protect_command(&select).expect("protects");
    assert_eq!(chip.unprotect_command(&sent), Ok(select));
}

#[test]
fn appendix_g_1_value_by_value() {
    let example = appendix_g1();
    let generator = Point::from_bytes(Curve::BrainpoolP256r1, &bytes(example.generator)).expect("point");
    let input = token_input(Suite::Aes128, &generator);
    assert_eq!(hex::encode_upper(&input[..18]), "7F494F060A04007F00070202040202864104");
    replay(&example);
}

#[test]
fn bsi_worked_example_with_a_pin_value_by_value() {
    replay(&tr_03110());
}

/// Everything a terminal and a chip say to each other with a seeded stream of randomness; `password` is the chip's.
fn run(
    parameters: Parameters,
    terminal: &Password,
    chip: Password,
    rng: &mut Seeded,
) -> Result<(SecureMessaging, SecureMessaging), PaceError> {
    let mut chip = Chip::select(parameters, chip);
    let mut answer = |command: &crate::apdu::Command, chip: Chip| {
        assert_eq!(chip.expects_last(), command.cla == 0x00, "only the last command has no chaining bit");
        chip.step(&command.data, &mut *rng)
    };
    let (command, terminal) = Terminal::new(parameters, terminal).request_nonce();
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
    Ok((terminal.receive(&data)?.channel, channel))
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

/// One command and one answer through both ends.
fn meet(terminal: &mut SecureMessaging, chip: &mut SecureMessaging) {
    let read = crate::apdu::Command::new(0x00, 0xB0, 0x9E, 0x00).with_le(8);
    let sent = terminal.protect_command(&read).expect("protects");
    assert_eq!(chip.unprotect_command(&sent), Ok(read));
    let answer = chip.protect_response(&crate::apdu::Response::ok([0x60, 0x16])).expect("protects");
    assert_eq!(terminal.unprotect_response(&answer), Ok(crate::apdu::Response::ok([0x60, 0x16])));
}

#[test]
fn every_curve_with_every_suite() {
    let mut rng = Seeded::new(10);
    for curve in [
        Curve::P256,
        Curve::P384,
        Curve::P521,
        Curve::BrainpoolP256r1,
        Curve::BrainpoolP320r1,
        Curve::BrainpoolP384r1,
        Curve::BrainpoolP512r1,
    ] {
        for suite in [Suite::TripleDes, Suite::Aes128, Suite::Aes192, Suite::Aes256] {
            let (mut terminal, mut chip) = run(Parameters::new(suite, curve), &can(), can(), &mut rng).expect("same password");
            meet(&mut terminal, &mut chip);
        }
    }
}

#[test]
fn a_wrong_can_is_a_wrong_token_at_the_chip() {
    let other = Password::Can(Secret::from(&b"500541"[..]));
    let parameters = Parameters::new(Suite::Aes128, Curve::BrainpoolP256r1);
    assert_eq!(run(parameters, &other, can(), &mut Seeded::new(11)).map(|_| ()), Err(PaceError::Token));
}

/// A scalar n for each curve such that the x-coordinate of 5n · G begins with a zero byte (two zero bytes on P-521, whose first byte is 0
/// or 1). Found by search.
const LEADING_ZERO: [(Curve, u16, Nid); 7] = [
    (Curve::P256, 492, Nid::X9_62_PRIME256V1),
    (Curve::P384, 110, Nid::SECP384R1),
    (Curve::P521, 111, Nid::SECP521R1),
    (Curve::BrainpoolP256r1, 320, Nid::BRAINPOOL_P256R1),
    (Curve::BrainpoolP320r1, 1101, Nid::BRAINPOOL_P320R1),
    (Curve::BrainpoolP384r1, 546, Nid::BRAINPOOL_P384R1),
    (Curve::BrainpoolP512r1, 578, Nid::BRAINPOOL_P512R1),
];

/// x(factor · G) by OpenSSL, filled to the field's length.
fn x_by_openssl(curve: Nid, factor: u32, len: usize) -> Vec<u8> {
    use openssl::bn::{BigNum, BigNumContext};
    use openssl::ec::{EcGroup, EcPoint};
    let group = EcGroup::from_curve_name(curve).expect("known curve");
    let mut context = BigNumContext::new().expect("memory");
    let mut point = EcPoint::new(&group).expect("memory");
    point.mul_generator2(&group, &BigNum::from_u32(factor).expect("memory"), &mut context).expect("multiplies");
    let (mut x, mut y) = (BigNum::new().expect("memory"), BigNum::new().expect("memory"));
    point.affine_coordinates(&group, &mut x, &mut y, &mut context).expect("not at infinity");
    x.to_vec_padded(i32::try_from(len).expect("short")).expect("fits")
}

#[test]
fn a_leading_zero_of_the_shared_secret_is_kept_on_every_curve() {
    for (curve, scalar, nid) in LEADING_ZERO {
        let expected = x_by_openssl(nid, 5 * u32::from(scalar), curve.field_len());
        let zeros = expected.iter().take_while(|&&octet| octet == 0).count();
        assert!(zeros >= if curve == Curve::P521 { 2 } else { 1 }, "{curve:?}: the case is not the one that was searched for");
        for suite in [Suite::TripleDes, Suite::Aes128, Suite::Aes192, Suite::Aes256] {
            let own = PrivateKey::from_bytes(curve, &scalar.to_be_bytes()).expect("scalar");
            let other = PrivateKey::from_bytes(curve, &[5]).expect("scalar");
            let mut terminal = Agreed::new(suite, &own, &own.public(), &other.public()).expect("agrees");
            let mut independent = SecureMessaging::from_shared(suite, &Secret::new(expected.clone()), &[]);
            meet(&mut terminal.channel, &mut independent);
            // Chip Authentication takes the same way from K.
            let mut chip = crate::protocol::chip_auth::agree(suite, &other, own.public().as_bytes()).expect("agrees");
            let mut independent = SecureMessaging::from_shared(suite, &Secret::new(expected.clone()), &[]);
            meet(&mut independent, &mut chip);
        }
    }
}

#[test]
fn three_hundred_sessions_on_a_curve_all_open() {
    let mut rng = Seeded::new(12);
    for curve in [Curve::P256, Curve::BrainpoolP256r1] {
        for n in 0..300 {
            let (mut terminal, mut chip) = run(Parameters::new(Suite::Aes128, curve), &can(), can(), &mut rng)
                .unwrap_or_else(|error| panic!("{curve:?} {n}: {error}"));
            meet(&mut terminal, &mut chip);
        }
    }
}
