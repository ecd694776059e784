//! A personalized card in front of a terminal: access, reading, chip and active authentication, and what it refuses.

use applets::Card;
use applets::store::nvm::RamNvm;
use eid::apdu::Command;
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::image::{ActiveAuthKey, FileId, Home};
use eid::lds::security_info::{Agreement, ChipAuthProtocol, KeyId};
use eid::protocol::chip_auth::{Form, Version};
use eid::protocol::pace::{self, Password};
use eid::protocol::{active_auth, bac, chip_auth};
use eid::secret::Secret;
use eid::tlv;

use crate::common::*;
use crate::terminal::{Terminal, bac_run, gm, pace_run, with_can};

#[test]
fn the_image_is_read_back_by_pace_with_every_suite_and_password() {
    let image = image();
    let mut card = personalized(&image);
    let mrz = Password::Mrz(bac::mrz_seed(MRZ_INFORMATION));
    for (suite, password) in [
        (Suite::Aes128, Password::Can(Secret::from(CAN))),
        (Suite::Aes256, mrz),
        (Suite::TripleDes, Password::Pin(Secret::from(&b"314159"[..]))),
        (Suite::Aes128, Password::Puk(Secret::from(&b"2718281828"[..]))),
    ] {
        card.power_cycle();
        let mut terminal = pace_run(&mut card, suite, Curve::BrainpoolP256r1, &password).expect("right password");
        for (&file, content) in image.files.iter().filter(|(file, _)| **file != dg(3)) {
            assert_eq!(&terminal.read(&mut card, file, content.len(), 223), content, "{file}");
        }
    }
}

#[test]
fn the_image_is_read_back_by_bac_and_card_security_stays_closed() {
    let image = image();
    let mut card = personalized(&image);
    let mut terminal = bac_run(&mut card, MRZ_INFORMATION).expect("right MRZ");
    for (&file, content) in image.files.iter().filter(|(file, _)| file.home == Home::Emrtd && **file != dg(3)) {
        assert_eq!(&terminal.read(&mut card, file, content.len(), 231), content, "{file}");
    }
    assert_eq!(terminal.status(&mut card, &Command::new(0x00, 0xA4, 0x00, 0x0C).with_data([0x3F, 0x00])), 0x9000);
    assert_eq!(terminal.status(&mut card, &Command::new(0x00, 0xB0, 0x9D, 0x00).with_le(4)), 0x6982, "EF.CardSecurity needs PACE");
}

#[test]
fn nothing_of_the_application_is_readable_before_access_control() {
    let mut card = personalized(&image());
    assert_eq!(select_application(&mut card).sw.0, 0x9000);
    for number in 1..=16u8 {
        assert_eq!(status(&mut card, &format!("00A4020C0201{number:02X}")), 0x6982, "SELECT DG{number}");
        assert_eq!(status(&mut card, &format!("00B0{:02X}0000", 0x80 | number)), 0x6982, "READ DG{number}");
    }
    for (fid, sfi) in [("011E", 0x9E), ("011D", 0x9D), ("011C", 0x9C)] {
        assert_eq!(status(&mut card, &format!("00A4020C02{fid}")), 0x6982);
        assert_eq!(status(&mut card, &format!("00B0{sfi:02X}0000")), 0x6982);
    }
    assert_eq!(status(&mut card, "00A4020C0201FF"), 0x6A82);
    assert_eq!(status(&mut card, "0088000008112233445566778800"), 0x6982, "Active Authentication in plain");
    assert_eq!(status(&mut card, "002241A40C800A04007F0007020203020200"), 0x6982, "Chip Authentication in plain");
}

#[test]
fn card_access_is_always_readable() {
    let image = image();
    let mut card = personalized(&image);
    let content = &image.files[&FileId::CARD_ACCESS];
    for select in ["00A4000C023F00", "00A4000C"] {
        assert_eq!(status(&mut card, select), 0x9000);
        assert_eq!(status(&mut card, "00A4020C02011C"), 0x9000);
        assert_eq!(&send(&mut card, &Command::new(0x00, 0xB0, 0, 0).with_le(256)).data, content);
    }
    card.power_cycle();
    assert_eq!(&send(&mut card, &Command::new(0x00, 0xB0, 0x9C, 0).with_le(65_536)).data, content, "by SFI and extended length");
    assert_eq!(status(&mut card, "00B09D0000"), 0x6982, "EF.CardSecurity in plain");
}

#[test]
fn the_application_is_selected_by_its_whole_name_only() {
    let mut card = personalized(&image());
    assert_eq!(status(&mut card, "00A4040C07A0000002471001"), 0x9000);
    assert_eq!(status(&mut card, "00A4040C05A000000247"), 0x6A82);
    assert_eq!(status(&mut card, "00A4040C08A000000247100100"), 0x6A82);
    assert_eq!(status(&mut card, "00A4044007A0000002471001"), 0x6A86);
    let answer = select_application(&mut card);
    assert_eq!(hex::encode(answer.data), "6f098407a0000002471001", "no status object that could track the holder");
}

#[test]
fn offsets_and_lengths_end_where_the_file_ends() {
    let image = image();
    let mut card = personalized(&image);
    let len = u16::try_from(image.files[&FileId::CARD_ACCESS].len()).expect("short");
    assert!(len < 255);
    assert_eq!(status(&mut card, "00A4020C02011C"), 0x9000);
    let read = |card: &mut Card, offset: u16, le| {
        let [high, low] = offset.to_be_bytes();
        send(card, &Command::new(0x00, 0xB0, high, low).with_le(le))
    };
    let answer = read(&mut card, len - 4, 5);
    assert_eq!((answer.sw.0, answer.data.len()), (0x6282, 4), "the end before Ne bytes");
    let answer = read(&mut card, len - 4, 256);
    assert_eq!((answer.sw.0, answer.data.len()), (0x9000, 4), "as much as there is");
    assert_eq!(read(&mut card, len, 1).sw.0, 0x6B00);
    assert_eq!(read(&mut card, 0x7FFF, 1).sw.0, 0x6B00);
    assert_eq!(status(&mut card, "00B00000"), 0x6700, "no Le");
    assert_eq!(status(&mut card, "00B0C00001"), 0x6A86, "bits 7 and 6 with a short identifier");
    card.power_cycle();
    assert_eq!(status(&mut card, "00B0000001"), 0x6986, "no current file");
}

#[test]
fn a_file_beyond_32_kib_is_read_with_the_odd_instruction() {
    let mut image = image();
    let large = tlv::encode(0x75, &(0..40_000u32).map(|n| n.to_be_bytes()[3] ^ n.to_be_bytes()[2]).collect::<Vec<_>>());
    image.files.insert(dg(2), large.clone());
    let mut card = personalized(&image);
    let mut terminal = with_can(&mut card);
    assert_eq!(terminal.select(&mut card, dg(2)), 0x9000);
    for (reference, offset, wanted) in [(0u16, 0usize, 100), (0, 32_767, 200), (2, 32_768, 223), (0x0102, 39_900, 104), (0, 127, 129)] {
        let offset_object = tlv::encode(0x54, &u16::try_from(offset).expect("below 64 K").to_be_bytes());
        let [p1, p2] = reference.to_be_bytes();
        let answer = terminal.send(&mut card, &Command::new(0x00, 0xB1, p1, p2).with_data(offset_object).with_le(wanted));
        assert_eq!(answer.sw.0, 0x9000, "offset {offset}");
        let value = tlv::single(&answer.data, 0x53).expect("DO'53'").value;
        assert!(answer.data.len() <= usize::try_from(wanted).expect("small") && !value.is_empty());
        assert_eq!(value, &large[offset..offset + value.len()], "offset {offset}");
    }
    // In one piece, by extended length.
    let answer = terminal.send(&mut card, &Command::new(0x00, 0xB1, 0, 0).with_data(bytes("540100")).with_le(65_536).extended());
    assert_eq!(tlv::single(&answer.data, 0x53).expect("DO'53'").value, large);
    let past = Command::new(0x00, 0xB1, 0, 0).with_data(bytes("5402FFFF")).with_le(16);
    assert_eq!(terminal.status(&mut card, &past), 0x6B00);
    let no_offset = Command::new(0x00, 0xB1, 0, 0).with_data(bytes("530100")).with_le(16);
    assert_eq!(terminal.status(&mut card, &no_offset), 0x6A80);
}

#[test]
fn dg3_waits_for_terminal_authentication() {
    let mut card = personalized(&image());
    let mut terminal = with_can(&mut card);
    assert_eq!(terminal.select(&mut card, dg(3)), 0x9000);
    assert_eq!(terminal.status(&mut card, &Command::new(0x00, 0xB0, 0, 0).with_le(8)), 0x6982);
    assert_eq!(terminal.status(&mut card, &Command::new(0x00, 0xB0, 0x83, 0).with_le(8)), 0x6982);
}

#[test]
fn a_plain_command_ends_secure_messaging() {
    let mut card = personalized(&image());
    let mut terminal = with_can(&mut card);
    assert_eq!(terminal.select(&mut card, FileId::COM), 0x9000);
    assert_eq!(status(&mut card, "00B0000004"), 0x6987);
    assert_eq!(status(&mut card, "00B0000004"), 0x6986, "the selected file is forgotten");
    assert_eq!(status(&mut card, "00B09E0004"), 0x6982, "and so are the rights");
    let late = terminal.0.protect_command(&Command::new(0x00, 0xB0, 0x9E, 0).with_le(4)).expect("protects");
    assert_eq!(send(&mut card, &late).sw.0, 0x6988, "the keys are gone");
}

#[test]
fn a_wrong_mac_or_a_replay_ends_secure_messaging_in_plain() {
    let mut card = personalized(&image());
    let read = Command::new(0x00, 0xB0, 0x9E, 0).with_le(4);
    for replay in [false, true] {
        card.power_cycle();
        let mut terminal = with_can(&mut card);
        assert_eq!(terminal.select(&mut card, FileId::COM), 0x9000);
        let mut protected = terminal.0.protect_command(&read).expect("protects");
        if replay {
            assert!(send(&mut card, &protected).sw.is_ok());
        } else {
            *protected.data.last_mut().expect("MAC") ^= 1;
        }
        let answer = send(&mut card, &protected);
        assert_eq!((answer.sw.0, answer.data.len()), (0x6988, 0));
        assert_eq!(status(&mut card, "00B09E0004"), 0x6982);
    }
    card.power_cycle();
    let mut terminal = with_can(&mut card);
    let mut protected = terminal.0.protect_command(&read).expect("protects");
    protected.data.truncate(protected.data.len() - 10);
    assert_eq!(send(&mut card, &protected).sw.0, 0x6987, "no DO'8E'");
}

#[test]
fn a_wrong_password_is_told_at_the_last_step_and_costs_time() {
    let mut card = personalized(&image());
    let wrong = Password::Can(Secret::from(&b"000000"[..]));
    let run = |card: &mut Card, password: &Password| pace_run(card, Suite::Aes128, Curve::BrainpoolP256r1, password).map(|_| ());
    let mut delays = Vec::new();
    for _ in 0..4 {
        assert_eq!(run(&mut card, &wrong), Err(0x6300));
        delays.push(card.take_delay().as_millis());
        card.power_cycle();
    }
    assert_eq!(delays, [0, 100, 200, 400]);
    assert_eq!(bac_run(&mut card, "wrong").map(|_| ()), Err(0x6300));
    assert_eq!(card.take_delay().as_millis(), 800);
    card.power_cycle();
    assert_eq!(run(&mut card, &Password::Can(Secret::from(CAN))), Ok(()), "the CAN never blocks");
    card.power_cycle();
    assert_eq!(run(&mut card, &wrong), Err(0x6300));
    card.take_delay();
    let mut card = Card::boot(RamNvm::from_cells(cells(card)), rng("again")).expect("boots");
    assert_eq!(run(&mut card, &Password::Can(Secret::from(CAN))), Ok(()));
    assert_eq!(card.take_delay().as_millis(), 100, "the delay survives a loss of power");
}

#[test]
fn the_pin_is_suspended_then_resumed_by_the_can_or_blocked() {
    let mut card = personalized(&image());
    let run = |card: &mut Card, pin: &[u8]| {
        card.power_cycle();
        pace_run(card, Suite::Aes128, Curve::BrainpoolP256r1, &Password::Pin(Secret::from(pin))).map(|_| ())
    };
    assert_eq!(run(&mut card, b"1"), Err(0x63C2));
    assert_eq!(run(&mut card, b"314159"), Ok(()), "a right PIN restores the tries");
    assert_eq!(run(&mut card, b"1"), Err(0x63C2));
    assert_eq!(run(&mut card, b"1"), Err(0x63C1));
    assert_eq!(run(&mut card, b"314159"), Err(0x6985), "suspended, even for the right PIN");
    // CAN, then PIN under secure messaging.
    card.power_cycle();
    let resumed = |card: &mut Card, pin: &[u8]| -> u16 {
        let mut terminal = with_can(card);
        let mut rng = rng("resume");
        let password = Password::Pin(Secret::from(pin));
        let run = pace::Terminal::new(gm(Suite::Aes128, Curve::BrainpoolP256r1), &password);
        assert_eq!(terminal.status(card, &run.select(false)), 0x63C1);
        let (command, run) = run.request_nonce();
        let (command, run) = run.receive(&terminal.send(card, &command).data, &mut *rng).expect("nonce");
        let (command, run) = run.receive(&terminal.send(card, &command).data, &mut *rng).expect("mapping");
        let (command, run) = run.receive(&terminal.send(card, &command).data).expect("agreement");
        let answer = terminal.send(card, &command);
        if answer.sw.is_ok() {
            let mut inner = Terminal(run.receive(&answer.data).expect("token").channel);
            assert_eq!(inner.select(card, FileId::COM), 0x9000, "the new keys serve");
        }
        answer.sw.0
    };
    assert_eq!(resumed(&mut card, b"314159"), 0x9000);
    assert_eq!(run(&mut card, b"1"), Err(0x63C2));
    assert_eq!(run(&mut card, b"1"), Err(0x63C1));
    card.power_cycle();
    assert_eq!(resumed(&mut card, b"1"), 0x63C0);
    assert_eq!(run(&mut card, b"314159"), Err(0x6983), "blocked");
}

#[test]
fn a_run_of_pace_is_broken_by_any_other_command_and_by_a_wrong_chaining_bit() {
    let mut card = personalized(&image());
    let select = "0022C1A40F800A04007F00070202040202830102";
    assert_eq!(status(&mut card, select), 0x9000);
    assert_eq!(status(&mut card, "10860000027C0000"), 0x9000);
    assert_eq!(status(&mut card, "00B09C0001"), 0x9000);
    assert_eq!(status(&mut card, "10860000027C0000"), 0x6985, "READ BINARY has broken the run");
    assert_eq!(status(&mut card, select), 0x9000);
    assert_eq!(status(&mut card, "00860000027C0000"), 0x6A80, "step 1 without the chaining bit");
    assert_eq!(status(&mut card, "10860000027C0000"), 0x6985);
    for (data, sw) in [
        ("800A04007F00070202040202830105", 0x6A88),
        ("800A04007F00070202040203830102", 0x6A80),
        ("800A04007F00070202040202830102840163", 0x6A88),
        ("810A04007F00070202040202830102", 0x6A80),
        ("800A04007F00070202040202", 0x6A80),
        ("", 0x6A80),
    ] {
        let command = Command::new(0x00, 0x22, 0xC1, 0xA4).with_data(bytes(data));
        assert_eq!(send(&mut card, &command).sw.0, sw, "MSE:Set AT {data}");
    }
    assert_eq!(status(&mut card, "0022C1A412800A04007F0007020204020283010284010D"), 0x9000, "object 84 with the only parameters");
}

#[test]
fn chip_authentication_switches_the_keys_for_every_key_of_the_chip() {
    let image = image();
    let mut card = personalized(&image);
    for key in &image.chip_auth {
        card.power_cycle();
        let mut old = with_can(&mut card);
        let protocol = ChipAuthProtocol { agreement: Agreement::Ecdh, suite: Suite::Aes128 };
        let id = key.key_id.map(KeyId::from);
        let terminal = chip_auth::Terminal::start(Version::One, protocol, id, &key.key.public(), &mut *rng("ca")).expect("same curve");
        let form = Form::usual(Version::One, Suite::Aes128);
        let mut answer = Vec::new();
        for command in &terminal.commands(form) {
            let response = old.send(&mut card, command);
            assert!(response.sw.is_ok(), "{command:?}: {response:?}");
            answer = response.data;
        }
        let mut new = Terminal(terminal.finish(form, &answer).expect("answer"));
        assert_eq!(new.read(&mut card, FileId::COM, 30, 30), image.files[&FileId::COM]);
        let stale = old.0.protect_command(&Command::new(0x00, 0xB0, 0x9E, 0).with_le(4)).expect("protects");
        assert_eq!(send(&mut card, &stale).sw.0, 0x6988, "the old keys are gone");
    }
}

#[test]
fn a_failed_chip_authentication_keeps_the_old_keys() {
    let image = image();
    let mut card = personalized(&image);
    let mut terminal = with_can(&mut card);
    let select = |data: &str| Command::new(0x00, 0x22, 0x41, 0xA4).with_data(bytes(data));
    let general = |data: Vec<u8>| Command::new(0x00, 0x86, 0, 0).with_data(tlv::encode(0x7C, &data)).with_le(256);
    assert_eq!(terminal.status(&mut card, &select("800A04007F00070202030202840109")), 0x6A80, "key id that DG14 does not announce");
    assert_eq!(terminal.status(&mut card, &select("800A04007F00070202030202")), 0x6A88, "two keys and none named");
    assert_eq!(terminal.status(&mut card, &select("800A04007F00070202030204840101")), 0x6A80, "AES-256 is not announced");
    assert_eq!(terminal.status(&mut card, &general(tlv::encode(0x80, &[4; 65]))), 0x6985, "nothing is selected");
    for ephemeral in [vec![0x04; 65], vec![0; 65], vec![0x04; 33], Vec::new()] {
        assert_eq!(terminal.status(&mut card, &select("800A04007F00070202030202840101")), 0x9000);
        assert_eq!(terminal.status(&mut card, &general(tlv::encode(0x80, &ephemeral))), 0x6A80);
    }
    assert_eq!(terminal.status(&mut card, &Command::new(0x00, 0x22, 0x41, 0xA6).with_data(tlv::encode(0x91, &[4; 65]))), 0x6A80);
    assert_eq!(terminal.select(&mut card, FileId::COM), 0x9000, "the old channel goes on");
}

#[test]
fn active_authentication_signs_eight_bytes_under_secure_messaging() {
    let image = image();
    let mut card = personalized(&image);
    let mut terminal = with_can(&mut card);
    let Some(ActiveAuthKey::Ec(key)) = &image.active_auth else { panic!("EC key") };
    let challenge = *b"\x01\x02\x03\x04\x05\x06\x07\x08";
    let answer = terminal.send(&mut card, &active_auth::internal_authenticate(challenge, 256));
    assert!(answer.sw.is_ok());
    let verified = active_auth::verify_ecdsa(Hash::Sha256, &key.public(), challenge, &answer.data).expect("signature");
    assert!(verified.quirks.is_empty());
    for challenge in [vec![1; 4], vec![1; 9], Vec::new()] {
        assert_eq!(terminal.status(&mut card, &Command::new(0x00, 0x88, 0, 0).with_data(challenge).with_le(256)), 0x6700);
    }
    assert_eq!(terminal.select(&mut card, FileId::COM), 0x9000);
}

#[test]
fn a_flipped_byte_of_a_file_is_a_memory_failure_of_that_file_alone() {
    let image = image();
    let whole = cells(personalized(&image));
    for (&file, content) in &image.files {
        let at = whole.windows(content.len()).position(|window| window == content).expect("contiguous and in clear");
        for flipped in [at, at + content.len() / 2, at + content.len() - 1] {
            let mut damaged = whole.clone();
            damaged[flipped] ^= 0x10;
            let mut card = Card::boot(RamNvm::from_cells(damaged), rng("damaged")).expect("boots");
            if file == FileId::CARD_ACCESS {
                assert_eq!(status(&mut card, "00A4020C02011C"), 0x6581);
                assert_eq!(status(&mut card, "00B09C0000"), 0x6581);
                continue;
            }
            let mut terminal = with_can(&mut card);
            assert_eq!(terminal.select(&mut card, file), 0x6581, "{file}");
            let read = Command::new(0x00, 0xB0, 0x80 | file.sfi(), 0).with_le(4);
            assert_eq!(terminal.status(&mut card, &read), if file == dg(3) { 0x6982 } else { 0x6581 }, "{file}");
            let other = if file == FileId::COM { FileId::SOD } else { FileId::COM };
            assert_eq!(terminal.select(&mut card, other), 0x9000);
        }
    }
}

#[test]
fn an_answer_that_does_not_fit_is_not_cut_silently() {
    let image = image();
    let mut card = personalized(&image);
    let mut terminal = with_can(&mut card);
    assert_eq!(terminal.select(&mut card, dg(2)), 0x9000);
    let all = terminal.send(&mut card, &Command::new(0x00, 0xB0, 0, 0).with_le(256));
    assert_eq!((all.sw.0, all.data.len()), (0x9000, 223), "00 asks for as much as there is room for");
    assert_eq!(terminal.status(&mut card, &Command::new(0x00, 0xB0, 0, 0).with_le(240)), 0x6700);
    let extended = terminal.send(&mut card, &Command::new(0x00, 0xB0, 0, 0).with_le(65_536).extended());
    assert_eq!(extended.data, image.files[&dg(2)]);
}
