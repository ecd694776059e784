//! Every plain command of `fixtures/globalplatform/commands.json`, written and read; then what is refused.

use serde_json::Value;

use super::registry::Scope;
use super::transfer::{Encryption, Structure};
use super::*;
use crate::apdu::Response;
use crate::crypto::cipher::CipherKey;
use crate::crypto::kdf::Suite;
use crate::scp03::StaticKeys;
use crate::secret::Secret;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

fn aid(text: &str) -> Aid {
    Aid::new("test", &bytes(text)).expect("5 to 16 bytes")
}

fn command(text: &str) -> Command {
    Command::parse(&bytes(text)).expect("command")
}

fn written(command: &Command) -> String {
    hex::encode_upper(command.encode().expect("fits"))
}

#[test]
fn every_example_is_read_and_written_again() {
    let file: Value = serde_json::from_str(include_str!("../../../fixtures/globalplatform/commands.json")).expect("JSON");
    let examples = file["examples"].as_array().expect("list");
    assert_eq!(examples.len(), 24);
    for example in examples {
        let text = example["command"].as_str().expect("text");
        let plain = command(text);
        let again = match plain.ins {
            0xE6 => Install::parse(&plain).map(|install| install.command()),
            0xE4 => Delete::parse(&plain).map(|delete| delete.command()),
            0xF2 => GetStatus::parse(&plain).map(|get| get.command()),
            0xF0 => SetStatus::parse(&plain).map(|set| set.command()),
            0xE8 => LoadBlock::parse(&plain).map(|block| block.command()),
            0xCA => Ok(get_data(u16::from_be_bytes([plain.p1, plain.p2]))),
            other => panic!("{other:02X}"),
        };
        // Le is written wherever answer data can come; recordings differ in it.
        let again = again.expect(text);
        assert_eq!((again.header(), &again.data), (plain.header(), &plain.data), "{text}");
        assert!(plain.le.is_none_or(|le| again.le == Some(le)), "{text}");
        if let (0xF2, Some(answer)) = (plain.ins, example["answer"].as_str()) {
            let answer = Response::parse(&bytes(answer)).expect("response").data;
            let entries = RegistryEntry::parse_all(&answer).expect(text);
            assert_eq!(entries.iter().flat_map(RegistryEntry::encode).collect::<Vec<_>>(), answer);
        }
    }
}

#[test]
fn commands_are_written_as_in_the_tables() {
    let eid = || aid("A0000002471001");
    for (command, expected) in [
        (Install::Personalization { application: eid() }.command(), "80E620000D000007A000000247100100000000"),
        (
            Install::Extradition { domain: aid("A000000151000001"), application: eid(), token: vec![] }.command(),
            "80E610001508A0000001510000010007A000000247100100000000",
        ),
        (
            Install::ForLoad {
                load_file: aid("D0D1D2D3D4D501"),
                domain: Some(aid("A000000003000000")),
                hash: vec![],
                parameters: bytes("EF08C6020160C80207D0"),
                token: vec![],
            }
            .command(),
            "80E602001E07D0D1D2D3D4D50108A000000003000000000AEF08C6020160C80207D00000",
        ),
        (
            Install::ForInstall {
                load_file: aid("D0D1D2D3D4D501"),
                module: aid("D0D1D2D3D4D50101"),
                instance: aid("D0D1D2D3D4D50101"),
                privileges: vec![0x02],
                parameters: bytes("C90100EF04C80207D0"),
                token: vec![],
                selectable: true,
            }
            .command(),
            "80E60C002707D0D1D2D3D4D50108D0D1D2D3D4D5010108D0D1D2D3D4D50101010209C90100EF04C80207D00000",
        ),
        (Delete::Keys { key: None, version: Some(0x30) }.command(), "80E4000003D2013000"),
        (Delete::Object { aid: aid("D0D1D2D3D4D501"), related: true }.command(), "80E40080094F07D0D1D2D3D4D50100"),
        (GetStatus { scope: Scope::Applications, next: false, aid: vec![] }.command(), "80F24002024F0000"),
        (SetStatus::Card { state: 0x0F }.command(), "80F0800F"),
        (
            SetStatus::Application { aid: aid("A000000151000001"), state: 0x0F, with_applications: false }.command(),
            "80F0400F08A000000151000001",
        ),
        (get_data(0x9F7F), "80CA9F7F00"),
        (select(&eid()), "00A4040007A000000247100100"),
        (StoreData::dgi(true, true, 3, vec![1]).command(), "80E2E8030101"),
        (StoreData::dgi(false, false, 0, vec![1]).command(), "80E208000101"),
    ] {
        assert_eq!(written(&command), expected);
    }
}

#[test]
fn the_registry_of_a_recorded_card_is_understood() {
    let entry = "E3324F08A0000001510000009F70020F00C50382FC80C407A0000001515350CE020100CC08A000000151000000EA058003008000";
    let entries = RegistryEntry::parse_all(&bytes(entry)).expect("well formed");
    let [domain] = &entries[..] else { panic!("one entry") };
    assert_eq!((domain.aid.to_string().as_str(), &domain.state[..]), ("A000000151000000", &[0x0F, 0x00][..]));
    assert_eq!((&domain.privileges[..], domain.load_file.clone()), (&[0x82, 0xFC, 0x80][..], Some(aid("A0000001515350"))));
    assert_eq!((domain.domain.clone(), domain.other.len()), (Some(aid("A000000151000000")), 1));
    for len in 1..entry.len() / 2 {
        assert!(RegistryEntry::parse_all(&bytes(&entry[..2 * len])).is_err(), "{len} bytes");
    }
}

#[test]
fn commands_of_other_forms_are_refused_with_their_status() {
    let status = |result: Result<(), GpError>| result.expect_err("must be refused").status().0;
    for (text, expected) in [
        ("80E620010D000007A000000247100100000000", 0x6A86),
        ("80E680000D000007A000000247100100000000", 0x6A86),
        ("80E620000D000107A000000247100100000000", 0x6A80),
        ("80E6200009000003A0000000000000", 0x6A80),
        ("80E620000C000007A000000247100100000000", 0x6A80),
        ("80E620000E000007A00000024710010000000000", 0x6A80),
        ("84E620000D000007A000000247100100000000", 0x6A86),
    ] {
        let plain = bytes(text);
        let plain = Command::parse(&plain).unwrap_or_else(|_| Command::new(0x80, 0xE6, 0x20, 0).with_data(&plain[5..]));
        assert_eq!(status(Install::parse(&plain).map(|_| ())), expected, "{text}");
    }
    assert_eq!(status(Delete::parse(&command("80E4000002D00000")).map(|_| ())), 0x6A80);
    assert_eq!(status(Delete::parse(&command("80E40000")).map(|_| ())), 0x6A80);
    assert_eq!(status(Delete::parse(&command("80E40040094F07D0D1D2D3D4D50100")).map(|_| ())), 0x6A86);
    assert_eq!(status(GetStatus::parse(&command("80F24000024F0000")).map(|_| ())), 0x6A86);
    assert_eq!(status(GetStatus::parse(&command("80F24002025C0000")).map(|_| ())), 0x6A80);
    assert_eq!(status(SetStatus::parse(&command("80F0200F")).map(|_| ())), 0x6A86);
    assert_eq!(status(SetStatus::parse(&command("80F0400F")).map(|_| ())), 0x6A80);
    assert_eq!(status(LoadBlock::parse(&command("80E8010001AA")).map(|_| ())), 0x6A86);
    for p1 in [0x40, 0x18, 0x02, 0x04] {
        assert_eq!(status(StoreData::parse(&Command::new(0x80, 0xE2, p1, 0)).map(|_| ())), 0x6A86, "{p1:02X}");
    }
    let store = StoreData::parse(&command("80E271050101")).expect("application data in TLV, answered");
    assert_eq!((store.encryption, store.structure, store.answered, store.last), (Encryption::All, Structure::Tlv, true, false));
    assert_eq!(store.p1(), 0x71);
}

#[test]
fn key_set_as_data_groupings() {
    let file: Value = serde_json::from_str(include_str!("../../../fixtures/globalplatform/keys.json")).expect("JSON");
    for vector in file["key_dgis"].as_array().expect("list") {
        let text = |name: &str| vector[name].as_str().expect("text");
        let key = |n: usize| Secret::new(bytes(vector["keys"][n].as_str().expect("text")));
        let keys = StaticKeys::new(key(0), key(1), key(2)).expect("lengths");
        let dek = CipherKey::new(Suite::Aes128, &bytes(text("dek"))).expect("16 bytes");
        let stream = key_dgis::encode(0x30, &keys, &dek).expect("short");
        assert_eq!(hex::encode_upper(&stream), text("stream"));
        assert_eq!(written(&StoreData::dgi(true, false, 0, stream).command()), text("command"));
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_parsers_panic(data: Vec<u8>, p1: u8, p2: u8) {
        let with = |ins| Command::new(0x80, ins, p1, p2).with_data(data.clone());
        for p1 in [0x02, 0x04, 0x08, 0x0C, 0x10, 0x20] {
            let _ = Install::parse(&Command::new(0x80, 0xE6, p1, 0).with_data(data.clone()));
        }
        let _ = (Delete::parse(&with(0xE4)), GetStatus::parse(&with(0xF2)), SetStatus::parse(&with(0xF0)));
        let _ = (LoadBlock::parse(&with(0xE8)), StoreData::parse(&with(0xE2)));
        let _ = RegistryEntry::parse_all(&data);
    }
}
