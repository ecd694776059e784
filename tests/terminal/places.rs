//! The files that tell a terminal where something is and how it may be asked for: EF.CVCA where DG14 says that it is, and the lengths of EF.ATR/INFO.

use std::collections::BTreeSet;

use cardwright::Verifier;
use cardwright::terminal::{Inspection, Verdict, can};
use eid::cert::chat::Chat;
use eid::cert::cvc::KeyReference;
use eid::crypto::kdf::Suite;
use eid::image::{CardImage, FileId};
use eid::lds::Elementary as _;
use eid::lds::atr_info::{AtrInfo, ExtendedLength};
use eid::lds::cvca::Cvca;
use eid::lds::dg14::Dg14;
use eid::lds::security_info::{SecurityInfo, SecurityInfos};

use super::chip::{Lie, LyingChip};
use super::document::{self, Authority, CAN, Options, dg, today};
use super::extended::{ChipKey, State, bp256, card_image, inspect};
use super::rng;

const fn application(fid: u16) -> FileId {
    FileId { home: FileId::CVCA.home, fid }
}

/// A card that guards fingers, whose DG14 says that EF.CVCA is there; `there` are the names of keys in files that it has.
fn guarded(state: &State, announced: Option<&[u8]>, there: &[(u16, &str)]) -> CardImage {
    let mut image = card_image(state, &ChipKey::one(bp256(), Suite::Aes128), 1);
    let infos = Dg14::parse(&image.files[&dg(14)]).expect("DG14").infos;
    let infos = infos.infos().iter().map(|info| match info {
        SecurityInfo::TerminalAuth { version, .. } => {
            SecurityInfo::TerminalAuth { version: *version, ef_cvca: announced.map(<[u8]>::to_vec) }
        }
        other => other.clone(),
    });
    image.files.insert(dg(14), Dg14 { infos: SecurityInfos::new(infos.collect::<Vec<_>>()) }.encode());
    image.files.remove(&FileId::CVCA);
    for (fid, name) in there {
        let current = KeyReference::from_octets(name.as_bytes()).expect("a name");
        image.files.insert(application(*fid), Cvca { current, previous: None }.encode());
    }
    image
}

#[test]
fn ef_cvca_is_read_where_dg14_says_that_it_is_and_nowhere_else() {
    let state = State::ecdsa("a");
    let (usual, other) = ((0x011C, "UTCVCA00001"), (0x0120, "UTCVCA00002"));
    for (announced, there, read, trusted) in [
        (None, &[usual, other][..], Some(0x011C), "UTCVCA00001"),
        (Some(&[0x30, 4, 4, 2, 0x01, 0x1C][..]), &[usual, other], Some(0x011C), "UTCVCA00001"),
        (Some(&[0x30, 4, 4, 2, 0x01, 0x20]), &[usual, other], Some(0x0120), "UTCVCA00002"),
        // announced where there is none: that another file is there helps nobody, and no file is guessed
        (Some(&[0x30, 4, 4, 2, 0x01, 0x21]), &[usual, other], None, ""),
        (Some(&[0x30, 4, 4, 2, 0x01, 0x20]), &[usual], None, ""),
        (None, &[other], None, ""),
        // what is no FileID says nothing
        (Some(&[0x30, 3, 4, 1, 0x20]), &[usual, other], Some(0x011C), "UTCVCA00001"),
    ] {
        let mut chip = LyingChip::new(guarded(&state, announced, there), Lie::Nothing);
        let inspection = inspect(&mut chip, Some(state.credentials(&[Chat::READ_DG3])));
        let ta = inspection.report.finding("ta").expect("a finding");
        assert_eq!(ta.evidence("trusted"), Some(trusted), "{announced:02X?}: {ta:?}");
        let served: BTreeSet<u16> = chip.served.iter().map(|(file, ..)| file.fid).filter(|fid| [0x011C, 0x0120].contains(fid)).collect();
        // EF.CardAccess has the same identifier, in the MF
        let in_application = chip.served.iter().any(|(file, ..)| Some(*file) == read.map(application));
        assert_eq!(in_application, read.is_some(), "{announced:02X?}: {served:04X?}");
        let elsewhere = |fid: u16| chip.served.iter().any(|(file, ..)| *file == application(fid)) && read != Some(fid);
        assert!(!elsewhere(0x011C) && !elsewhere(0x0120), "{announced:02X?}: {served:04X?}");
        // the terminal has no path from a key that it does not know, and says so without sending anything
        let reason = ta.reason.as_ref().map_or("", |reason| reason.code);
        assert_eq!(reason == "no-path", trusted != "UTCVCA00001", "{announced:02X?}: {ta:?}");
    }
}

fn with_atr_info(content: Option<Vec<u8>>) -> (Authority, CardImage) {
    let authority = Authority::new(1);
    let mut image = document::document(&authority, Options::default());
    if let Some(content) = content {
        image.files.insert(FileId::ATR_INFO, content);
    }
    (authority, image)
}

fn with_info(content: Option<Vec<u8>>, short: bool) -> (Inspection, LyingChip) {
    let (authority, image) = with_atr_info(content);
    let chip = LyingChip::new(image, Lie::Nothing);
    let mut chip = if short { chip.short() } else { chip };
    let inspection = Verifier::new(authority.trust()).inspect(&mut chip, &[can(CAN)], today(), &mut rng()).expect("the card is there");
    (inspection, chip)
}

#[test]
fn a_damaged_ef_atr_info_is_a_damaged_card_and_one_that_is_not_there_is_none() {
    let of = |content: Option<Vec<u8>>| {
        let (inspection, _) = with_info(content, false);
        let finding = inspection.report.finding("read.atr_info").map(|finding| finding.outcome.as_str());
        (inspection.report.verdict, finding)
    };
    assert_eq!(of(None), (Verdict::Genuine, None));
    assert_eq!(of(Some(vec![0x43, 1, 0xB8])), (Verdict::Genuine, Some("passed")));
    for damaged in [vec![0x47, 2, 0x80, 0x01], vec![0x7F, 0x66, 4, 2, 2, 1, 0], vec![0x7F, 0x66, 2, 4, 0]] {
        assert_eq!(of(Some(damaged.clone())), (Verdict::NotGenuine, Some("failed")), "{damaged:02X?}");
    }
}

/// A reader keeps to what the file says, never below short lengths, and tries what the link does not announce on the file itself.
#[test]
fn no_answer_is_asked_for_that_is_longer_than_ef_atr_info_allows() {
    let info = |response| {
        let extended_length = Some(ExtendedLength { command: 1000, response });
        Some(AtrInfo { capabilities: Some([0, 0, 0xE0]), extended_length, others: Vec::new() }.encode())
    };
    let longest = |content, short| {
        let (inspection, chip) = with_info(content, short);
        assert_eq!(inspection.report.verdict, Verdict::Genuine, "{}", inspection.report.to_text(Default::default()));
        let noted = inspection.report.quirks.iter().any(|quirk| quirk.rule == "read.extended-by-atr-info");
        (chip.served.iter().map(|(.., len)| *len).max().expect("it was read"), noted)
    };
    let (free, noted) = longest(None, false);
    assert!(free > 2000 && !noted, "{free}");
    for response in [300, 600, 1500] {
        let (most, noted) = longest(info(response), false);
        assert!(most > 256.min(response as usize - 64) && most < response as usize && !noted, "{response}: {most}");
    }
    let (most, _) = longest(info(100), false);
    assert!((180..=256).contains(&most), "{most}");
    // announced here alone
    let (most, noted) = longest(info(1500), true);
    assert!(most > 256 && noted, "{most}");
    let (most, noted) = longest(None, true);
    assert!(most <= 256 && !noted, "{most}");
}
