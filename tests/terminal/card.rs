//! The inspection of the virtual card, in process: honest, damaged in its memory, and personalized with something else.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use applets::Card;
use applets::rng::SeededRng;
use applets::store::nvm::{Nvm as _, RamNvm};
use cardwright::Verifier;
use cardwright::perso::card_profile::CardProfile;
use cardwright::perso::write::Masters;
use cardwright::terminal::access::Method;
use cardwright::terminal::report::Report;
use cardwright::terminal::{Inspection, Verdict, can, mrz};
use cardwright::transport::vpcd::{Timeouts, VpcdReader};
use eid::crypto::curve::Curve;
use eid::crypto::kdf::Suite;
use eid::image::{CardImage, FileId};
use eid::protocol::pace::Password;
use eid::transport::Transport;

use super::document::{self, Authority, CAN, Options, dg, document as signed, today, unsigned};
use super::link::ShortLink;
use super::personalize::{blank, personalized};
use super::rng;

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new(1));
static IMAGE: LazyLock<CardImage> = LazyLock::new(|| signed(&AUTHORITY, Options::default()));

fn inspect(card: impl Transport, passwords: &[Password]) -> Inspection {
    Verifier::new(AUTHORITY.trust()).inspect(card, passwords, today(), &mut rng()).expect("the card is there")
}

fn of<'a>(report: &'a Report, id: &str) -> (&'a str, &'a str) {
    let finding = report.finding(id).unwrap_or_else(|| panic!("no finding {id} in {:#?}", report.findings));
    (finding.outcome.as_str(), finding.reason.as_ref().map_or("", |reason| reason.code))
}

fn assert_genuine(inspection: &Inspection, image: &CardImage) {
    let report = &inspection.report;
    assert_eq!(report.verdict, Verdict::Genuine, "{}", report.to_text(Default::default()));
    assert_eq!((of(report, "ca").0, of(report, "aa").0), ("passed", "passed"));
    assert_eq!(of(report, "read.dg3"), ("not-attempted", "protected"));
    for (file, bytes) in &inspection.files {
        assert_eq!(image.files.get(file), Some(bytes), "{file}");
    }
    assert_eq!(inspection.files.len() + 1, image.files.len(), "all files but DG3");
}

#[test]
fn the_virtual_card_is_genuine_by_pace_with_can_and_mrz_short_and_extended() {
    for rsa in [false, true] {
        let image = signed(&AUTHORITY, Options { rsa, ..Options::default() });
        let mut card = personalized(&image);
        for password in [can(CAN), mrz(&document::mrz())] {
            card.power_cycle();
            let inspection = inspect(&mut card, std::slice::from_ref(&password));
            assert_genuine(&inspection, &image);
            assert!(matches!(inspection.method, Some(Method::Pace { .. })));
            card.power_cycle();
            assert_genuine(&inspect(ShortLink(&mut card), std::slice::from_ref(&password)), &image);
        }
    }
}

#[test]
fn every_suite_of_the_virtual_card_opens() {
    for (suite, curve) in [(Suite::TripleDes, Curve::P256), (Suite::Aes192, Curve::P521), (Suite::Aes256, Curve::BrainpoolP512r1)] {
        let image = signed(&AUTHORITY, Options { suite, curve, chip_auth: Curve::P384, ..Options::default() });
        assert_genuine(&inspect(personalized(&image), &[can(CAN)]), &image);
    }
}

#[test]
fn a_virtual_card_without_pace_is_opened_by_bac() {
    use eid::lds::Elementary as _;
    use eid::lds::security_info::{SecurityInfo, SecurityInfos};
    let mut image = unsigned(Options::default());
    image.files.remove(&FileId::CARD_ACCESS);
    let mut dg14 = eid::lds::dg14::Dg14::parse(&image.files[&dg(14)]).expect("DG14");
    dg14.infos = SecurityInfos::new(dg14.infos.infos().iter().filter(|info| !matches!(info, SecurityInfo::Pace(_))).cloned());
    image.files.insert(dg(14), dg14.encode());
    AUTHORITY.sign(&mut image);
    let mut card = personalized(&image);
    let inspection = inspect(&mut card, &[mrz(&document::mrz())]);
    assert_genuine(&inspection, &image);
    assert_eq!(inspection.method, Some(Method::Bac));
    card.power_cycle();
    let inspection = inspect(&mut card, &[can(CAN)]);
    assert_eq!(inspection.report.verdict, Verdict::AccessRefused);
}

#[test]
fn a_wrong_can_is_access_refused_by_the_virtual_card() {
    let mut card = personalized(&IMAGE);
    let report = inspect(&mut card, &[can("999999")]).report;
    assert_eq!((report.verdict, of(&report, "access.pace").0), (Verdict::AccessRefused, "failed"));
    card.power_cycle();
    assert_genuine(&inspect(&mut card, &[can(CAN)]), &IMAGE);
}

/// A byte flipped in the memory, from outside: the card finds its CRC wrong and says 6581, the report names the file.
#[test]
fn a_flipped_byte_in_the_memory_of_any_file_is_not_genuine_and_the_file_is_named() {
    let cells = personalized(&IMAGE).into_nvm().cells().to_vec();
    for (&file, content) in &IMAGE.files {
        let at = cells.windows(content.len()).position(|window| window == content).unwrap_or_else(|| panic!("{file} lies in one piece"));
        for byte in [0, content.len() / 2, content.len() - 1] {
            let mut cells = cells.clone();
            cells[at + byte] ^= 0x10;
            let card = Card::boot(RamNvm::from_cells(cells), Box::new(SeededRng::new(b"boot"))).expect("the card boots");
            let report = inspect(card, &[can(CAN)]).report;
            let text = report.to_text(Default::default());
            assert_eq!((report.verdict, report.verdict.exit_code()), (Verdict::NotGenuine, 1), "{file} byte {byte}: {text}");
            let id = cardwright::terminal::read::check(file).id;
            assert_eq!(of(&report, &id), ("failed", "memory-failure"), "{file} byte {byte}: {text}");
            if file.dg_number().is_some() {
                let failed = report.findings.iter().filter(|finding| finding.outcome.as_str() == "failed").count();
                assert_eq!(failed, 1, "nothing but the reading failed: {file} byte {byte}: {text}");
            }
        }
    }
}

/// The same with a CRC that fits, as a forger would do it: an image personalized with one other byte.
#[test]
fn a_forged_file_with_a_right_crc_is_found_by_its_hash() {
    for (file, id) in [
        (dg(1), "pa.hash.dg1"),
        (dg(2), "pa.hash.dg2"),
        (dg(13), "pa.hash.dg13"),
        (dg(14), "pa.hash.dg14"),
        (dg(15), "pa.hash.dg15"),
        (FileId::COM, "read.com"),
        (FileId::SOD, "pa.signature"),
    ] {
        let mut image = IMAGE.clone();
        *image.files.get_mut(&file).and_then(|bytes| bytes.last_mut()).expect("a byte") ^= 1;
        let report = inspect(personalized(&image), &[can(CAN)]).report;
        assert_eq!((report.verdict, of(&report, id).0), (Verdict::NotGenuine, "failed"), "{file}: {}", report.to_text(Default::default()));
    }
}

#[test]
fn a_card_of_another_authority_has_no_trust_anchor() {
    let stranger = Authority::new(2);
    let card = personalized(&signed(&stranger, Options::default()));
    let report = inspect(card, &[can(CAN)]).report;
    assert_eq!((report.verdict, report.verdict.exit_code()), (Verdict::Undecided, 3), "{}", report.to_text(Default::default()));
    assert_eq!(of(&report, "pa.chain").0, "undecided");
}

/// A blank card, and one whose personalization was never finished, hold no application that could be selected.
#[test]
fn a_blank_card_is_no_document() {
    let profile = CardProfile::load("eid-gp-scp03").expect("the profile of the virtual card");
    let report = inspect(blank(&profile, &Masters::test(&profile)), &[can(CAN)]).report;
    assert_ne!(report.verdict, Verdict::Genuine, "{}", report.to_text(Default::default()));
    assert_eq!(report.verdict, Verdict::AccessRefused, "{}", report.to_text(Default::default()));
}

/// We play the reader, the card connects: every byte goes over TCP as vpcd frames it.
#[test]
fn a_card_that_connects_to_our_vpcd_port_is_genuine() {
    let mut reader = VpcdReader::listen(0, Timeouts::default()).expect("a free port");
    let address = format!("127.0.0.1:{}", reader.port());
    let stop = AtomicBool::new(false);
    let mut card = personalized(&IMAGE);
    std::thread::scope(|scope| {
        let card = scope.spawn(|| applets::vpcd::serve(&mut card, &address, &stop));
        reader.insert().expect("a card connects");
        let inspection = inspect(&mut reader, &[can(CAN)]);
        stop.store(true, Ordering::Relaxed);
        drop(reader);
        card.join().expect("the card's thread").expect("the card was served");
        assert_genuine(&inspection, &IMAGE);
    });
}
