//! The drivers against recorded and computed sessions: every command byte for byte.

use super::*;
use crate::perso::card_profile::Product;

/// A card that answers from a list and checks that each command is the one that stands there.
struct Recorded {
    exchanges: Vec<(Vec<u8>, Vec<u8>)>,
    at: usize,
}

impl Transport for Recorded {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        Ok(CardConfig::ATR.to_vec())
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        // What comes after the recording is refused.
        let Some((expected, answer)) = self.exchanges.get(self.at) else { return Ok(vec![0x69, 0x85]) };
        assert_eq!(hex::encode_upper(command), hex::encode_upper(expected), "command {}", self.at);
        self.at += 1;
        Ok(answer.clone())
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    fn limits(&self) -> Limits {
        Limits::SHORT
    }
}

/// The host challenge of the example.
struct Challenge;

impl TryRng for Challenge {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
        let challenge = [0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77];
        dst.iter_mut().zip(challenge).for_each(|(byte, value)| *byte = value);
        Ok(())
    }
}

impl TryCryptoRng for Challenge {}

/// `fixtures/globalplatform/eid-applet.json`: levels 03, 13, and 33, computed by an independent program and by pySim.
#[test]
fn a_whole_personalization_is_that_of_the_worked_example_at_every_level() {
    let text = include_str!("../../../../fixtures/globalplatform/eid-applet.json");
    let example: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let bytes = |value: &serde_json::Value| hex::decode(value.as_str().expect("text")).expect("hex");
    let dgi = |name: &str| bytes(&example["dgis"][name]);
    let mut image = CardImage::default();
    image.files.insert(FileId::COM, dgi("011E"));
    image.files.insert(FileId::dg(1).expect("DG1"), dgi("0101"));
    image.passwords.mrz_seed = Some(Secret::new(dgi("8002")[5..25].to_vec()));
    image.passwords.can = Some(Secret::from(&b"123456"[..]));
    let scalar: Vec<u8> = (1..=32).collect();
    image.active_auth = Some(ActiveAuthKey::Ec(PrivateKey::from_bytes(Curve::BrainpoolP256r1, &scalar).expect("a scalar")));
    let nonce: Nonce = dgi("0001").try_into().expect("16 bytes");

    for session in example["sessions"].as_array().expect("sessions") {
        let level = session["level"].as_str().expect("level");
        let text =
            BUILT_IN[0].1.replace("level = \"13\"", &format!("level = \"{level}\"")).replace("replace_keys = true", "replace_keys = false");
        let profile = CardProfile::parse("x", &text.replace("\"packed\"", "\"one-grouping-each\"")).expect("loads");
        // A blank card with key version 30 says so in the answer to SELECT.
        let fci = hex::decode("6F12DF2006800107860130").expect("hex");
        let fci = [&[0x6F, u8::try_from(fci.len() - 2).expect("short")][..], &fci[2..], &[0x90, 0x00]].concat();
        let hex_pair = |command: &str, answer: Vec<u8>| (hex::decode(command).expect("hex"), answer);
        let mut exchanges = vec![
            hex_pair("00A4040007A000000247100100", fci),
            hex_pair("00A4040008A00000015100000000", vec![0x90, 0x00]),
            (bytes(&example["initialize_update"][0]), bytes(&example["initialize_update"][1])),
            (bytes(&session["external_authenticate"]), vec![0x90, 0x00]),
        ];
        let steps = session["exchange"].as_array().expect("steps");
        exchanges.extend(steps.iter().map(|step| (bytes(&step["wrapped"]), bytes(&step["answer"]))));
        let count = exchanges.len();
        let mut card = Recorded { exchanges, at: 0 };
        let masters = Masters::test(&profile);
        let writer = Writer { profile: &profile, masters: &masters, apdu: ApduForm::Frame };
        let job = Job { image: &image, nonce, live: false };
        let failed = writer.personalize(&mut card, job, &mut Challenge, &mut (), &mut |_, _, _| {}).expect_err("the recording ends");
        assert_eq!(failed.to_string(), "GET DATA status: expected 9000, found 6985 (conditions of use not satisfied)");
        assert_eq!(card.at, count, "level {level}: all commands of the example were sent");

        let planned =
            plan::plan("x", &image, &profile, plan::Options { apdu: ApduForm::Frame, level: None, mode: plan::Mode::S8 }).expect("fits");
        let stores =
            planned.steps.iter().filter(|step| step.label.starts_with("STORE DATA,") && step.phase == plan::Phase::Personalization);
        let install = planned.steps.iter().filter(|step| step.label.starts_with("INSTALL"));
        let (commands, answers) = stores.chain(install).fold((0, 0), |(c, a), step| (c + step.command_bytes, a + step.response_bytes));
        assert_eq!((Some(commands as u64), Some(answers as u64)), (session["command_bytes"].as_u64(), session["answer_bytes"].as_u64()));
    }
}

/// `fixtures/perso/jmrtd-session.json`.
#[test]
fn the_script_for_the_jmrtd_applet_is_that_of_its_host() {
    let text = include_str!("../../../../fixtures/perso/jmrtd-session.json");
    let example: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let profile = CardProfile::load("jmrtd-applet").expect("built in");
    let Product::PutData(product) = &profile.product else { panic!("driver") };
    let modulus: Vec<u8> = std::iter::once(0xC1).chain(1..=127).collect();
    let exponent: Vec<u8> = std::iter::once(0x11).chain(2..=128).collect();
    let information = example["mrz_information"].as_str().expect("text");
    let variables = script::Variables {
        mrz: Some([&information[..9], &information[10..16], &information[17..23]].map(str::to_owned)),
        active_auth: Some((modulus, Secret::new(exponent))),
    };
    let mrz = "I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<";
    let dg1 = eid::tlv::encode(0x61u32, &eid::tlv::encode(0x5F1Fu32, mrz.as_bytes()));
    let file = FileId::dg(1).expect("DG1");
    let script = script::script(&variables, &[(file, &dg1)], product, 64).expect("a script");
    let expected: Vec<_> =
        example["commands"].as_array().expect("list").iter().map(|row| row[1].as_str().expect("text").to_owned()).collect();
    assert_eq!(script.iter().map(|command| hex::encode(&command.apdu)).collect::<Vec<_>>(), expected);
}

/// The driver refuses a card that answers to DF20: our own applet has the same AID. Nothing is changed on it.
#[test]
fn the_script_is_not_sent_to_a_card_with_a_status_object() {
    let profile = CardProfile::load("jmrtd-applet").expect("built in");
    let masters = Masters::test(&profile);
    let writer = Writer { profile: &profile, masters: &masters, apdu: ApduForm::Frame };
    let mut image = CardImage::default();
    let mrz = "I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<";
    image.files.insert(FileId::dg(1).expect("DG1"), eid::tlv::encode(0x61u32, &eid::tlv::encode(0x5F1Fu32, mrz.as_bytes())));
    let job = Job { image: &image, nonce: NONCE, live: false };
    let mut card = blank();
    let failed = writer.personalize(&mut card, job, &mut SeededRng::new(b"h"), &mut (), &mut |_, _, _| {}).expect_err("our applet");
    assert_eq!(failed.disposition, Disposition::Untouched);
    assert!(
        failed.to_string().ends_with("GET DATA status: expected a refusal, found a status object: another product with the same AID"),
        "{failed}"
    );
    image.passwords.can = Some(Secret::from(&b"123456"[..]));
    let job = Job { image: &image, nonce: NONCE, live: false };
    let failed = writer.personalize(&mut card, job, &mut SeededRng::new(b"h"), &mut (), &mut |_, _, _| {}).expect_err("no CAN");
    assert_eq!(failed.to_string(), "card profile jmrtd-applet: the image needs a CAN, which this product does not have");
}

/// A card that takes every command until it is pulled: half-written, it is scrap.
#[test]
fn a_half_written_card_without_a_status_is_scrap() {
    struct Yes(usize);
    impl Transport for Yes {
        fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
            Ok(vec![0x3B, 0x00])
        }
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
            if self.0 == 0 {
                return Err(TransportError::CardGone { reader: "test".to_owned(), detail: "pulled".to_owned() });
            }
            self.0 -= 1;
            Ok(if command.starts_with(&[0x80, 0xCA]) { vec![0x6D, 0x00] } else { vec![0x90, 0x00] })
        }
        fn reset(&mut self) -> Result<(), TransportError> {
            Ok(())
        }
        fn limits(&self) -> Limits {
            Limits::SHORT
        }
    }
    let profile = profile("jmrtd-applet", "description", "description");
    let masters = Masters::test(&profile);
    let writer = Writer { profile: &profile, masters: &masters, apdu: ApduForm::Frame };
    let mut image = CardImage::default();
    let mrz = "I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<";
    image.files.insert(FileId::dg(1).expect("DG1"), eid::tlv::encode(0x61u32, &eid::tlv::encode(0x5F1Fu32, mrz.as_bytes())));
    let job = Job { image: &image, nonce: NONCE, live: false };
    let mut dispositions = BTreeMap::new();
    for left in 0..8 {
        let result = writer.personalize(&mut Yes(left), job, &mut SeededRng::new(b"h"), &mut (), &mut |_, _, _| {});
        dispositions.insert(left, result.map(drop).map_err(|failed| failed.disposition));
    }
    let expected = |left| {
        if left < 2 {
            Err(Disposition::Untouched)
        } else if left < 7 {
            Err(Disposition::Scrap)
        } else {
            Ok(())
        }
    };
    assert_eq!(dispositions, (0..8).map(|left| (left, expected(left))).collect());
}
