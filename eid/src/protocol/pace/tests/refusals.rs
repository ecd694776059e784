//! What either side of PACE refuses.

use super::*;

/// The data of one object, as the other side would send it.
fn sent(tag: u32, value: &[u8]) -> Vec<u8> {
    encode(&[(tag, value)])
}

fn parameters() -> Parameters {
    Parameters::new(Suite::Aes128, Curve::BrainpoolP256r1)
}

/// A terminal and a chip that have answered steps 1 and 2.
fn after_mapping(rng: &mut Seeded) -> (terminal::AwaitAgreement, Vec<u8>, chip::AwaitAgreement) {
    let chip = chip::Selected { parameters: parameters(), password: can() };
    let (command, terminal) = Terminal::new(parameters(), &can()).request_nonce();
    let (answer, chip) = chip.send_nonce(&command.data, rng).expect("step 1");
    let (command, terminal) = terminal.receive(&answer, rng).expect("step 1");
    let (answer, chip) = chip.receive(&command.data, rng).expect("step 2");
    let (command, terminal) = terminal.receive(&answer, rng).expect("step 2");
    (terminal, command.data, chip)
}

/// The value in DO'7C' with one object.
fn value(data: &[u8], tag: u32) -> Vec<u8> {
    let ([value], []) = crate::protocol::dynamic_auth::parse(data, [tag], []).expect("one object");
    value.to_vec()
}

#[test]
fn our_own_keys_sent_back_are_refused_in_both_steps() {
    let mut rng = Seeded::new(13);
    let (command, terminal) = Terminal::new(parameters(), &can()).request_nonce();
    let (answer, _) = chip::Selected { parameters: parameters(), password: can() }.send_nonce(&command.data, &mut rng).expect("step 1");
    let (command, terminal) = terminal.receive(&answer, &mut rng).expect("step 1");
    let echo = sent(0x82, &value(&command.data, 0x81));
    assert_eq!(terminal.receive(&echo, &mut rng).map(|_| ()), Err(PaceError::SameKey("mapping")));

    let (terminal, command, _) = after_mapping(&mut rng);
    let echo = sent(0x84, &value(&command, 0x83));
    assert_eq!(terminal.receive(&echo).map(|_| ()), Err(PaceError::SameKey("ephemeral")));

    let (_, _, chip) = after_mapping(&mut rng);
    let key = PrivateKey::from_bytes(Curve::BrainpoolP256r1, &[7]).expect("scalar");
    let echo = sent(0x83, chip.generator.public(&key).as_bytes());
    assert_eq!(chip.agree(&echo, &key).map(|_| ()), Err(PaceError::SameKey("ephemeral")));
}

#[test]
fn points_off_the_curve_are_refused_at_both_sides_in_both_steps() {
    let mut rng = Seeded::new(14);
    let off = |data: &[u8], from: u32, to: u32| {
        let mut point = value(data, from);
        *point.last_mut().expect("65 bytes") ^= 1;
        sent(to, &point)
    };
    let wrong = PaceError::Curve(CurveError::NotOnCurve(Curve::BrainpoolP256r1));
    let start = |rng: &mut Seeded| {
        let (command, terminal) = Terminal::new(parameters(), &can()).request_nonce();
        let chip = chip::Selected { parameters: parameters(), password: can() };
        let (answer, chip) = chip.send_nonce(&command.data, rng).expect("step 1");
        let (command, terminal) = terminal.receive(&answer, rng).expect("step 1");
        (terminal, command.data, chip)
    };
    let (terminal, command, chip) = start(&mut rng);
    assert_eq!(terminal.receive(&off(&command, 0x81, 0x82), &mut rng).map(|_| ()), Err(wrong.clone()));
    assert_eq!(chip.receive(&off(&command, 0x81, 0x81), &mut rng).map(|_| ()), Err(wrong.clone()));
    let (terminal, command, chip) = after_mapping(&mut rng);
    assert_eq!(terminal.receive(&off(&command, 0x83, 0x84)).map(|_| ()), Err(wrong.clone()));
    assert_eq!(chip.receive(&off(&command, 0x83, 0x83), &mut rng).map(|_| ()), Err(wrong));
    let (terminal, _, _) = after_mapping(&mut rng);
    assert!(matches!(terminal.receive(&sent(0x84, &[0x00])), Err(PaceError::Curve(CurveError::Length { .. }))), "the point at infinity");
}

#[test]
fn a_chip_that_cannot_prove_the_password_is_refused_and_ca_references_are_kept() {
    let mut rng = Seeded::new(15);
    let finish = |rng: &mut Seeded| {
        let (terminal, command, chip) = after_mapping(rng);
        let (answer, chip) = chip.receive(&command, rng).expect("step 3");
        let (command, terminal) = terminal.receive(&answer).expect("step 3");
        let (answer, _) = chip.receive(&command.data).expect("step 4");
        (terminal, command.data, value(&answer, 0x86))
    };
    let (terminal, command, _) = finish(&mut rng);
    let echo = sent(0x86, &value(&command, 0x85));
    assert_eq!(terminal.receive(&echo).map(|_| ()), Err(PaceError::Token), "the terminal's own token");
    let (terminal, _, mut token) = finish(&mut rng);
    token[0] ^= 1;
    assert_eq!(terminal.receive(&sent(0x86, &token)).map(|_| ()), Err(PaceError::Token));
    let (terminal, _, token) = finish(&mut rng);
    assert_eq!(terminal.receive(&sent(0x86, &token[..7])).map(|_| ()), Err(PaceError::Token), "a shorter token");
    let (terminal, _, token) = finish(&mut rng);
    let with_references = encode(&[(0x86, &token), (0x87, b"UTCVCA00002"), (0x88, b"UTCVCA00001")]);
    let established = terminal.receive(&with_references).expect("the right token");
    assert_eq!(established.ca_references, [b"UTCVCA00002".to_vec(), b"UTCVCA00001".to_vec()]);
}

#[test]
fn nonces_of_other_lengths_are_refused() {
    let mut rng = Seeded::new(16);
    let mut received = |len: usize| {
        let (_, terminal) = Terminal::new(parameters(), &can()).request_nonce();
        terminal.receive(&sent(0x80, &vec![3; len]), &mut rng).map(|_| ())
    };
    for len in [16, 32, 64] {
        assert_eq!(received(len), Ok(()), "{len}");
    }
    for len in [0, 8, 15, 24, 80] {
        assert_eq!(received(len), Err(PaceError::Nonce { block: 16, found: len }));
    }
}

#[test]
fn entries_of_card_access_that_are_not_supported_are_named() {
    let gm = PaceProtocol::ecdh_gm(Suite::Aes256);
    let info = |protocol, version, parameter_id| Parameters::from_info(&PaceInfo { protocol, version, parameter_id });
    assert_eq!(info(gm, 2, Some(13)), Ok(Parameters::new(Suite::Aes256, Curve::BrainpoolP256r1)));
    assert_eq!(info(gm, 1, Some(13)), Err(PaceError::Unsupported { what: "version", found: 1 }));
    assert_eq!(info(gm, 2, Some(2)), Err(PaceError::Unsupported { what: "domain parameter id", found: 2 }));
    assert!(info(gm, 2, None).is_err());
    let im = PaceProtocol::new(Mapping::Integrated, Agreement::Ecdh, Suite::Aes128).expect("exists");
    assert_eq!(info(im, 2, Some(13)), Err(PaceError::Protocol(crate::oid::PACE_ECDH_IM_AES128)));
}

#[test]
fn selections_of_other_forms_are_refused() {
    let right = Terminal::new(parameters(), &can()).select(true).data;
    let selection = chip::Selection::parse(&right).expect("well formed");
    assert_eq!((selection.protocol, selection.reference, selection.parameter_id), (parameters().protocol(), 2, Some(13)));
    for wrong in [
        "",
        "830101",
        "800A04007F00070202040202",
        "800A04007F0007020204020283020101",
        "800A04007F00070202040202830101830101",
        "800A04007F00070202040202830101840D",
        "800A04007F000702020402028301017F4C00",
        "800A04007F00070202040209830101",
    ] {
        assert!(matches!(chip::Selection::parse(&bytes(wrong)), Err(PaceError::Select(_))), "{wrong}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_either_side_panic(data: Vec<u8>, point in proptest::prelude::any::<[u8; 32]>()) {
        let mut rng = Seeded::new(17);
        let _ = chip::Selection::parse(&data);
        for tag in [0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86] {
            for data in [data.clone(), sent(tag, &data), sent(tag, &[&[0x04], &point[..], &point[..]].concat())] {
                let (_, terminal) = Terminal::new(parameters(), &can()).request_nonce();
                let _ = terminal.receive(&data, &mut rng);
                let _ = Chip::select(parameters(), can()).step(&data, &mut rng);
            }
        }
    }
}
