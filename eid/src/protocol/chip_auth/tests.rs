//! BSI's worked example, and what must be refused.

use super::*;
use crate::apdu::Response;
use crate::crypto::curve::Curve;
use crate::test_rng::Seeded;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

fn private(text: &str) -> PrivateKey {
    PrivateKey::from_bytes(Curve::BrainpoolP256r1, &bytes(text)).expect("scalar")
}

#[test]
fn bsi_worked_example_agrees_on_k() {
    // Keys of the example's version 2; the agreement is that of version 1.
    let chip = private("7984674CF3B3A524BF929CE8A67FCF22173DA0BAD595EED6DEB72D22C542FA9D");
    let ephemeral = private("A6A4D255C5BF7A77EC3D0553DB74F693CF044E18C98364D4977A296108AF19BD");
    assert_eq!(
        hex::encode_upper(ephemeral.public().as_bytes()),
        "045A7A377FC9CAFC03AC7FF45441A8B2909D88EAB8E6B0173847AB49B949DF3799A34EE57EC55268CF8B1C3EC489F8BF4CF4C68D3FD9670E89C0D5D3FFF1AAF89F"
    );
    let k = ecdh(&chip, &ephemeral.public()).expect("agrees");
    assert_eq!(hex::encode_upper(k.expose()), "791DA04273CCFE862E52DF60347E2557192E1F8D7517822CE3D306056C1CDEB4");
    assert_eq!(ecdh(&ephemeral, &chip.public()).as_ref(), Ok(&k));
}

#[test]
fn each_suite_has_its_commands_and_both_sides_meet() {
    for (suite, headers) in [
        (Suite::TripleDes, &["002241A6"][..]),
        (Suite::Aes128, &["002241A4", "00860000"]),
        (Suite::Aes192, &["002241A4", "00860000"]),
        (Suite::Aes256, &["002241A4", "00860000"]),
    ] {
        let mut rng = Seeded::new(3);
        let key = PrivateKey::generate(Curve::BrainpoolP256r1, &mut rng);
        let protocol = ChipAuthProtocol { agreement: Agreement::Ecdh, suite };
        let (commands, terminal) = Terminal::start(protocol, Some(0x0102), &key.public(), &mut rng).expect("same curve");
        assert_eq!(commands.iter().map(|command| hex::encode_upper(command.header())).collect::<Vec<_>>(), headers);
        let (ephemeral, key_id, answer) = match &commands[..] {
            [kat] => {
                let kat = KeyAgreementTemplate::parse(&kat.data).expect("well formed");
                (kat.ephemeral, kat.key_id, Vec::new())
            }
            [at, general] => {
                let at = Selection::parse(&at.data).expect("well formed");
                assert_eq!(at.protocol, protocol);
                let ephemeral = general_authenticate(&general.data).expect("well formed");
                (ephemeral.to_vec(), at.key_id, general_authenticate_answer())
            }
            other => panic!("{} commands", other.len()),
        };
        assert_eq!(key_id, Some(0x0102));
        let mut chip = agree(suite, &key, &ephemeral).expect("same curve");
        let mut terminal = terminal.finish(&answer).expect("as the clause says");
        let read = Command::new(0x00, 0xB0, 0x8E, 0x00).with_le(8);
        let sent = terminal.protect_command(&read).expect("protects");
        assert_eq!(chip.unprotect_command(&sent), Ok(read));
        let answer = chip.protect_response(&Response::ok([1, 2, 3])).expect("protects");
        assert_eq!(terminal.unprotect_response(&answer), Ok(Response::ok([1, 2, 3])));
    }
}

#[test]
fn a_clone_without_the_private_key_fails_at_the_first_answer() {
    let mut rng = Seeded::new(4);
    let (genuine, cloned) =
        (PrivateKey::generate(Curve::BrainpoolP256r1, &mut rng), PrivateKey::generate(Curve::BrainpoolP256r1, &mut rng));
    let protocol = ChipAuthProtocol { agreement: Agreement::Ecdh, suite: Suite::Aes128 };
    let (commands, terminal) = Terminal::start(protocol, None, &genuine.public(), &mut rng).expect("same curve");
    let mut clone = agree(Suite::Aes128, &cloned, general_authenticate(&commands[1].data).expect("well formed")).expect("a point");
    let mut terminal = terminal.finish(&general_authenticate_answer()).expect("well formed");
    let sent = terminal.protect_command(&Command::new(0x00, 0xB0, 0x8E, 0x00).with_le(8)).expect("protects");
    assert_eq!(clone.unprotect_command(&sent), Err(crate::sm::SmError::Mac));
}

#[test]
fn points_off_the_curve_and_foreign_objects_are_refused() {
    let mut rng = Seeded::new(5);
    let key = PrivateKey::generate(Curve::BrainpoolP256r1, &mut rng);
    let mut off = key.public().as_bytes().to_vec();
    off[64] ^= 1;
    assert_eq!(agree(Suite::Aes128, &key, &off).map(|_| ()), Err(ChipAuthError::Curve(CurveError::NotOnCurve(Curve::BrainpoolP256r1))));
    let foreign = Curve::P256;
    let stranger = PrivateKey::generate(foreign, &mut rng).public();
    assert!(matches!(agree(Suite::Aes128, &key, stranger.as_bytes()), Err(ChipAuthError::Curve(CurveError::NotOnCurve(_)))));
    assert!(matches!(general_authenticate(&bytes("7C00")), Err(ChipAuthError::Data(DynamicAuthError::Missing { .. }))));
    assert!(matches!(KeyAgreementTemplate::parse(&bytes("840101")), Err(ChipAuthError::Select(_))));
    assert!(matches!(Selection::parse(&bytes("800A04007F00070202040202")), Err(ChipAuthError::Select(_))), "a PACE protocol");
    let (_, terminal) =
        Terminal::start(ChipAuthProtocol { agreement: Agreement::Ecdh, suite: Suite::Aes128 }, None, &key.public(), &mut rng)
            .expect("same curve");
    assert!(matches!(terminal.finish(&[]), Err(ChipAuthError::Data(_))));
}
