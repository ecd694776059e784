//! What either side of PACE refuses.

use super::*;
use crate::crypto::agreement::AgreementError;
use crate::crypto::curve::CurveError;
use crate::lds::security_info::{PaceDomainParameterInfo, PaceInfo, SecurityInfo, SecurityInfos};

/// The data of one object, as the other side would send it.
fn sent(tag: u32, value: &[u8]) -> Vec<u8> {
    encode(&[(tag, value)])
}

fn parameters() -> Parameters {
    gm(Suite::Aes128, Curve::BrainpoolP256r1)
}

fn selected() -> chip::Selected {
    chip::Selected { parameters: parameters(), password: can(), chip_key: None }
}

/// A terminal and a chip that have answered steps 1 and 2.
fn after_mapping(rng: &mut Seeded) -> (terminal::AwaitAgreement, Vec<u8>, chip::AwaitAgreement) {
    let chip = selected();
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
    let (answer, _) = selected().send_nonce(&command.data, &mut rng).expect("step 1");
    let (command, terminal) = terminal.receive(&answer, &mut rng).expect("step 1");
    let echo = sent(0x82, &value(&command.data, 0x81));
    assert_eq!(terminal.receive(&echo, &mut rng).map(|_| ()), Err(PaceError::SameKey("mapping")));

    let (terminal, command, _) = after_mapping(&mut rng);
    let echo = sent(0x84, &value(&command, 0x83));
    assert_eq!(terminal.receive(&echo).map(|_| ()), Err(PaceError::SameKey("ephemeral")));

    let (_, _, chip) = after_mapping(&mut rng);
    let key = AgreementPrivateKey::from_bytes(parameters().domain(), &[7]).expect("scalar");
    let echo = sent(0x83, chip.generator.public(&key).expect("same domain").as_bytes());
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
    let wrong = PaceError::Agreement(AgreementError::Curve(CurveError::NotOnCurve(Curve::BrainpoolP256r1)));
    let start = |rng: &mut Seeded| {
        let (command, terminal) = Terminal::new(parameters(), &can()).request_nonce();
        let chip = selected();
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
    assert!(
        matches!(terminal.receive(&sent(0x84, &[0x00])), Err(PaceError::Agreement(AgreementError::Curve(CurveError::Length { .. })))),
        "the point at infinity"
    );
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
    // 3DES: one block of 8 is what libeac sends
    let triple_des = gm(Suite::TripleDes, Curve::BrainpoolP256r1);
    for (len, right) in [(8, true), (16, true), (24, true), (0, false), (12, false), (72, false)] {
        let (_, terminal) = Terminal::new(triple_des.clone(), &can()).request_nonce();
        assert_eq!(terminal.receive(&sent(0x80, &vec![3; len]), &mut rng).is_ok(), right, "{len}");
    }
}

#[test]
fn entries_of_card_access_that_are_not_supported_are_named() {
    let protocol = |mapping, agreement| PaceProtocol::new(mapping, agreement, Suite::Aes256).expect("exists");
    let none = SecurityInfos::new([]);
    let info = |protocol, version, parameter_id| Parameters::from_info(&PaceInfo { protocol, version, parameter_id }, &none);
    let generic = PaceProtocol::ecdh_gm(Suite::Aes256);
    assert_eq!(info(generic, 2, Some(13)), Ok(gm(Suite::Aes256, Curve::BrainpoolP256r1)));
    assert_eq!(info(generic, 1, Some(13)), Err(PaceError::Unsupported { what: "version", found: 1 }));
    assert_eq!(info(generic, 2, Some(5)), Err(PaceError::Unsupported { what: "domain parameter id", found: 5 }));
    assert!(matches!(info(generic, 2, Some(2)), Err(PaceError::Protocol { .. })), "ECDH over a prime field");
    assert!(matches!(info(protocol(Mapping::Generic, Agreement::Dh), 2, Some(13)), Err(PaceError::Protocol { .. })), "DH over a curve");
    assert!(matches!(info(protocol(Mapping::Integrated, Agreement::Ecdh), 2, Some(10)), Err(PaceError::Protocol { .. })), "IM on P-224");
    assert!(matches!(info(generic, 2, None), Err(PaceError::Domain(_))));
    assert!(matches!(info(generic, 2, Some(40)), Err(PaceError::Domain(_))));
}

/// PACEDomainParameterInfo: only numbers of a set that everybody knows are computed with.
#[test]
fn explicit_domain_parameters_must_be_a_known_set() {
    use crate::cert::spki::agreement::encode_domain;
    let explicit = |domain_parameter: Vec<u8>, agreement, id| {
        SecurityInfo::PaceDomainParameter(PaceDomainParameterInfo {
            mapping: Mapping::Generic,
            agreement,
            domain_parameter,
            parameter_id: id,
        })
    };
    let read = |protocol, id, infos: Vec<SecurityInfo>| {
        Parameters::from_info(&PaceInfo { protocol, version: 2, parameter_id: id }, &SecurityInfos::new(infos))
    };
    for (id, agreement) in [(13, Agreement::Ecdh), (1, Agreement::Dh)] {
        let domain = Domain::standardized(id).expect("standardized");
        let protocol = PaceProtocol::new(Mapping::Generic, agreement, Suite::Aes128).expect("exists");
        let info = explicit(encode_domain(&domain), agreement, Some(40));
        let parameters = read(protocol, Some(40), vec![info.clone()]).expect("known");
        assert_eq!((parameters.domain(), parameters.id()), (&domain, 40));
        assert_eq!(Terminal::new(parameters, &can()).select(true).data.last(), Some(&40));
        let without_id = read(protocol, None, vec![explicit(encode_domain(&domain), agreement, None)]).expect("the only one");
        assert_eq!((without_id.domain(), without_id.id()), (&domain, id));
        assert!(matches!(read(protocol, Some(41), vec![info.clone()]), Err(PaceError::Domain(_))), "another id");
        assert!(matches!(
            read(protocol, None, vec![info.clone(), explicit(encode_domain(&domain), agreement, None)]),
            Err(PaceError::Domain(_))
        ));
        // one bit of a number changed: no known set
        let mut changed = encode_domain(&domain);
        *changed.last_mut().expect("octets") ^= 2;
        assert!(matches!(read(protocol, Some(40), vec![explicit(changed, agreement, Some(40))]), Err(PaceError::Domain(_))));
    }
}

#[test]
fn chip_authentication_mapping_needs_a_static_key_on_its_curve() {
    let protocol = PaceProtocol::new(Mapping::ChipAuthentication, Agreement::Ecdh, Suite::Aes128).expect("exists");
    let parameters = Parameters::new(protocol, Domain::Ec(Curve::P256)).expect("go together");
    let other = curve::PrivateKey::generate(Curve::P384, &mut Seeded::new(42));
    for key in [None, Some(&other)] {
        assert!(matches!(Chip::select(parameters.clone(), can(), key), Err(PaceError::NoChipKey(_))));
    }
}

#[test]
fn mapping_data_of_another_length_than_a_key_is_refused_in_the_integrated_mapping() {
    let protocol = PaceProtocol::new(Mapping::Integrated, Agreement::Ecdh, Suite::Aes192).expect("exists");
    let parameters = Parameters::new(protocol, Domain::Ec(Curve::P256)).expect("go together");
    let mut rng = Seeded::new(43);
    for len in [16, 32] {
        let chip = Chip::select(parameters.clone(), can(), None).expect("no key needed");
        let (_, progress) = chip.step(&encode(&[]), &mut rng).expect("step 1");
        let result = more(progress).step(&sent(0x81, &vec![1; len]), &mut rng).map(|_| ());
        assert_eq!(result, Err(PaceError::Mapping { what: "mapping data", expected: 24, found: len }));
    }
    // a nonce of one block where the cipher needs two
    let (_, terminal) = Terminal::new(parameters.clone(), &can()).request_nonce();
    let (_, terminal) = terminal.receive(&sent(0x80, &[3; 16]), &mut rng).expect("whole blocks");
    assert!(matches!(terminal.receive(&[], &mut rng), Err(PaceError::Mapping { what: "nonce", expected: 32, found: 16 })));
    // what chips answer that have nothing to say, and one that says something
    for (answer, right) in [(vec![], true), (encode(&[]), true), (sent(0x82, &[]), true), (sent(0x82, &[1]), false)] {
        let (_, terminal) = Terminal::new(parameters.clone(), &can()).request_nonce();
        let (_, terminal) = terminal.receive(&sent(0x80, &[3; 32]), &mut rng).expect("whole blocks");
        assert_eq!(terminal.receive(&answer, &mut rng).is_ok(), right);
    }
}

#[test]
fn dh_values_outside_of_the_subgroup_are_refused_in_both_steps() {
    let protocol = PaceProtocol::new(Mapping::Generic, Agreement::Dh, Suite::Aes128).expect("exists");
    let domain = Domain::standardized(1).expect("standardized");
    let parameters = Parameters::new(protocol, domain.clone()).expect("go together");
    let Domain::Dh(group) = domain else { panic!("DH") };
    let mut rng = Seeded::new(44);
    let mut last = group.p().to_vec();
    *last.last_mut().expect("octets") -= 1;
    for value in [vec![1], last, group.p().to_vec(), vec![4]] {
        let (_, terminal) = Terminal::new(parameters.clone(), &can()).request_nonce();
        let (_, terminal) = terminal.receive(&sent(0x80, &[3; 16]), &mut rng).expect("whole blocks");
        assert!(matches!(terminal.receive(&sent(0x82, &value), &mut rng), Err(PaceError::Agreement(AgreementError::Modp(_)))));
        let chip = Chip::select(parameters.clone(), can(), None).expect("no key needed");
        let (_, progress) = chip.step(&encode(&[]), &mut rng).expect("step 1");
        assert!(matches!(more(progress).step(&sent(0x81, &value), &mut rng), Err(PaceError::Agreement(AgreementError::Modp(_)))));
    }
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
                let _ = Chip::select(parameters(), can(), None).expect("no key needed").step(&data, &mut rng);
            }
        }
    }
}
