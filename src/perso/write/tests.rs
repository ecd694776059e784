use std::collections::BTreeMap;

use applets::rng::SeededRng;
use applets::store::nvm::RamNvm;
use applets::{Card, CardConfig};
use eid::crypto::curve::{Curve, PrivateKey};
use eid::image::{ActiveAuthKey, FileId};
use eid::scp03::kdf3;
use eid::transport::Limits;
use rand_core::{TryCryptoRng, TryRng};

use super::*;
use crate::perso::card_profile::BUILT_IN;
use crate::perso::plan;

mod example;

const NONCE: Nonce = *b"nonce of the job";
const KDD: [u8; 10] = [0, 0, 0, 0x45, 0x49, 0x44, 0, 0, 0, 0x2A];

fn profile(id: &str, from: &str, to: &str) -> CardProfile {
    let text = BUILT_IN.iter().find(|(name, _)| *name == id).map(|(_, text)| *text).expect(id);
    assert!(text.contains(from), "the profile has {from:?}");
    CardProfile::parse(id, &text.replacen(from, to, 1)).expect("loads")
}

fn ours() -> CardProfile {
    CardProfile::load("eid-gp-scp03").expect("built in")
}

/// A blank card with the transport keys of the test master.
fn blank() -> Card {
    let masters = Masters::test(&ours());
    let keys = kdf3(masters.get("perso-transport-kmc").expect("known"), KDD).expect("keys");
    let config = CardConfig::new(KDD, 0x30, keys);
    Card::blank(&config, RamNvm::new(config.memory), Box::new(SeededRng::new(b"card"))).expect("a card")
}

fn image() -> CardImage {
    let mut image = CardImage::default();
    let dg = |n| FileId::dg(n).expect("data group");
    for (file, tag, len) in
        [(FileId::COM, 0x60u32, 28), (dg(1), 0x61, 93), (dg(2), 0x75, 2_000), (FileId::SOD, 0x77, 700), (FileId::CARD_ACCESS, 0x31, 54)]
    {
        let content: Vec<u8> = (0..len).map(|n: usize| u8::try_from(n % 251).expect("a byte")).collect();
        image.files.insert(file, eid::tlv::encode(tag, &content));
    }
    image.passwords.mrz_seed = Some(Secret::new(vec![7; 20]));
    image.passwords.can = Some(Secret::from(&b"123456"[..]));
    image.active_auth = Some(ActiveAuthKey::Ec(PrivateKey::generate(Curve::P256, &mut SeededRng::new(b"aa"))));
    image
}

/// Writes down what the driver is about to do.
#[derive(Default)]
struct Notes(Vec<String>);

impl Journal for Notes {
    fn before(&mut self, serial: &[u8], change: Change) -> Result<(), String> {
        assert_eq!(serial, KDD);
        self.0.push(format!("before {change:?}"));
        Ok(())
    }

    fn after(&mut self, _: &[u8], change: Change) -> Result<(), String> {
        self.0.push(format!("after {change:?}"));
        Ok(())
    }
}

/// A link that breaks: after so many commands, before or after the card got the last one.
struct Flaky<'a> {
    card: &'a mut Card,
    left: usize,
    executed: bool,
    sent: usize,
}

impl Transport for Flaky<'_> {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        self.card.atr()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let gone = || TransportError::CardGone { reader: "test".to_owned(), detail: "pulled".to_owned() };
        self.sent += 1;
        if self.left == 0 {
            if self.executed {
                self.card.transmit(command)?;
            }
            return Err(gone());
        }
        self.left -= 1;
        self.card.transmit(command)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        self.card.reset()
    }

    fn limits(&self) -> Limits {
        Limits::SHORT
    }
}

fn write(card: &mut dyn Transport, image: &CardImage, nonce: Nonce, journal: &mut dyn Journal) -> Result<Written, Failed> {
    let profile = ours();
    let masters = Masters::test(&profile);
    let writer = Writer { profile: &profile, masters: &masters, apdu: ApduForm::Frame };
    writer.personalize(card, Job { image, nonce, live: false }, &mut SeededRng::new(b"host"), journal, &mut |_, _, _| {})
}

fn with_writer<T>(run: impl FnOnce(Writer<'_>) -> T) -> T {
    let profile = ours();
    let masters = Masters::test(&profile);
    run(Writer { profile: &profile, masters: &masters, apdu: ApduForm::Frame })
}

fn holds(card: &Card, image: &CardImage) {
    for (file, bytes) in &image.files {
        assert_eq!(card.file(*file).expect("intact"), Some(bytes.as_slice()), "{file}");
    }
}

#[test]
fn a_blank_card_gets_production_keys_then_the_image_then_life() {
    let (mut card, image, mut notes) = (blank(), image(), Notes::default());
    let written = write(&mut card, &image, NONCE, &mut notes).expect("written");
    assert_eq!((written.serial.as_slice(), written.digest, written.resumed), (&KDD[..], image.digest(), false));
    assert_eq!(card.life_cycle(), LifeCycle::Personalized);
    holds(&card, &image);
    with_writer(|writer| writer.activate(&mut card, written.digest, &mut SeededRng::new(b"host 2"), &mut notes)).expect("activated");
    assert_eq!(card.life_cycle(), LifeCycle::Operational);
    let order =
        ["ReplaceKeys", "Store", "Commit", "Activate"].iter().flat_map(|change| [format!("before {change}"), format!("after {change}")]);
    assert_eq!(notes.0, order.collect::<Vec<_>>());
}

/// What goes over the wire is what was planned, to the byte.
#[test]
fn the_plan_is_what_is_sent() {
    let image = image();
    let written = write(&mut blank(), &image, NONCE, &mut ()).expect("written");
    let plan = plan::plan("x", &image, &ours(), plan::Options::default()).expect("fits");
    let planned = plan.steps.iter().filter(|step| step.phase != plan::Phase::Activation);
    let (apdus, bytes) = planned.fold((0, 0), |(apdus, bytes), step| (apdus + step.apdus, bytes + step.command_bytes));
    assert_eq!((written.apdus, written.command_bytes), (apdus, bytes));
}

#[test]
fn a_card_pulled_at_any_command_is_resumed_and_never_half_published() {
    let image = image();
    let whole = write(&mut blank(), &image, NONCE, &mut ()).expect("written").apdus;
    for pulled in 0..whole {
        for executed in [false, true] {
            let mut card = blank();
            let mut flaky = Flaky { card: &mut card, left: pulled, executed, sent: 0 };
            let failed = write(&mut flaky, &image, NONCE, &mut ()).expect_err("pulled");
            assert!(matches!(failed.error, WriteError::Transport { .. }), "{failed}");
            assert!(matches!(failed.disposition, Disposition::Untouched | Disposition::Resume), "{pulled}: {:?}", failed.disposition);
            card.power_cycle();
            let published = card.life_cycle() == LifeCycle::Personalized;
            assert!(!published || pulled + 2 >= whole, "published after {pulled} of {whole}");
            let again = write(&mut card, &image, NONCE, &mut ()).expect("resumed");
            assert_eq!((again.digest, card.life_cycle()), (image.digest(), LifeCycle::Personalized));
            holds(&card, &image);
        }
    }
}

#[test]
fn finished_groupings_are_not_sent_again() {
    let image = image();
    let mut card = blank();
    let whole = write(&mut blank(), &image, NONCE, &mut ()).expect("written").apdus;
    // Before the commit: commit and status are the last two.
    let mut flaky = Flaky { card: &mut card, left: whole - 2, executed: false, sent: 0 };
    write(&mut flaky, &image, NONCE, &mut ()).expect_err("pulled");
    card.power_cycle();
    let again = write(&mut card, &image, NONCE, &mut ()).expect("resumed");
    // SELECT twice, INITIALIZE UPDATE, EXTERNAL AUTHENTICATE, INSTALL, nonce, commit, status.
    assert_eq!((again.apdus, again.resumed), (8, true));
    let confirmed = write(&mut card, &image, NONCE, &mut ()).expect("confirmed");
    assert_eq!((confirmed.apdus, confirmed.resumed), (6, true), "two SELECT, the session, the status twice");
}

#[test]
fn a_card_of_another_job_or_image_is_scrap_and_not_touched() {
    let image = image();
    let mut card = blank();
    let mut flaky = Flaky { card: &mut card, left: 20, executed: false, sent: 0 };
    write(&mut flaky, &image, NONCE, &mut ()).expect_err("pulled");
    card.power_cycle();
    let failed = write(&mut card, &image, *b"another job's no", &mut ()).expect_err("other job");
    assert_eq!(failed.error, WriteError::OtherJob { found: hex::encode(NONCE) });
    assert_eq!(failed.disposition, Disposition::Scrap);
    write(&mut card, &image, NONCE, &mut ()).expect("its own job goes on");
    let mut other = image.clone();
    other.files.insert(FileId::COM, vec![0x60, 0x00]);
    let failed = write(&mut card, &other, NONCE, &mut ()).expect_err("other image");
    assert!(matches!(failed.error, WriteError::OtherImage { .. }), "{failed}");
    with_writer(|writer| writer.activate(&mut card, other.digest(), &mut SeededRng::new(b"h"), &mut ())).expect_err("other image");
    assert_eq!(card.life_cycle(), LifeCycle::Personalized);
}

#[test]
fn one_wrong_card_cryptogram_stops_the_batch_after_one_try() {
    let config = CardConfig::new(KDD, 0x30, kdf3(&Secret::new(vec![9; 32]), KDD).expect("keys"));
    let mut card = Card::blank(&config, RamNvm::new(config.memory), Box::new(SeededRng::new(b"card"))).expect("a card");
    let mut link = Flaky { card: &mut card, left: 100, executed: false, sent: 0 };
    let failed = write(&mut link, &image(), NONCE, &mut ()).expect_err("wrong keys");
    assert_eq!(failed.error, WriteError::WrongKeys(ScpError::CardCryptogram));
    assert_eq!((failed.disposition, link.sent), (Disposition::StopBatch, 3), "two SELECT and one INITIALIZE UPDATE");
}

#[test]
fn a_stock_without_diverse_keys_is_refused() {
    let masters = Masters::test(&ours());
    let kdd = [0; 10];
    let config =
        CardConfig::new(kdd, 0x30, eid::scp03::StaticKeys::same(masters.get("perso-transport-kmc").expect("known")).expect("keys"));
    let mut card = Card::blank(&config, RamNvm::new(config.memory), Box::new(SeededRng::new(b"card"))).expect("a card");
    let failed = write(&mut card, &image(), NONCE, &mut ()).expect_err("one key for all");
    assert_eq!(failed.disposition, Disposition::StopBatch);
    assert!(failed.to_string().contains("is not a card's own"), "{failed}");
}

#[test]
fn another_product_is_not_touched() {
    let masters = Masters::test(&ours());
    let keys = kdf3(masters.get("perso-transport-kmc").expect("known"), KDD).expect("keys");
    let config = CardConfig { atr: vec![0x3B, 0x00], ..CardConfig::new(KDD, 0x30, keys) };
    let mut card = Card::blank(&config, RamNvm::new(config.memory), Box::new(SeededRng::new(b"card"))).expect("a card");
    let failed = write(&mut card, &image(), NONCE, &mut ()).expect_err("another ATR");
    assert_eq!(failed.to_string(), "not a card of profile eid-gp-scp03: ATR: expected 3B8B80014549442D434152442D563131, found 3B00");
    assert_eq!(failed.disposition, Disposition::Untouched);
}

#[test]
fn test_keys_and_test_products_are_refused_for_a_live_job() {
    let image = image();
    let live = |profile: &CardProfile| {
        let masters = Masters::test(profile);
        let writer = Writer { profile, masters: &masters, apdu: ApduForm::Frame };
        let job = Job { image: &image, nonce: NONCE, live: true };
        writer.personalize(&mut blank(), job, &mut SeededRng::new(b"h"), &mut (), &mut |_, _, _| {}).expect_err("live").to_string()
    };
    assert!(live(&ours()).ends_with("scp.master: expected the master keys of the site, found the public test keys"));
    assert!(live(&CardProfile::load("jmrtd-applet").expect("built in")).ends_with("expected production for a live batch, found test-only"));
}

#[test]
fn a_terminated_card_confirms_and_takes_nothing_more() {
    let image = image();
    let mut card = blank();
    write(&mut card, &image, NONCE, &mut ()).expect("written");
    let terminate = |card: &mut Card, nonce| with_writer(|writer| writer.terminate(card, nonce, &mut SeededRng::new(b"h"), &mut ()));
    assert!(matches!(terminate(&mut card, [0; 16]).expect_err("other job").error, WriteError::OtherJob { .. }));
    terminate(&mut card, NONCE).expect("terminated");
    assert_eq!(card.life_cycle(), LifeCycle::Terminated);
    let failed = write(&mut card, &image, NONCE, &mut ()).expect_err("terminated");
    assert_eq!(card.life_cycle(), LifeCycle::Terminated);
    assert_ne!(failed.disposition, Disposition::Resume);
    let mut blank = blank();
    terminate(&mut blank, [0; 16]).expect("a blank card, too");
}

#[test]
fn a_journal_that_cannot_be_written_stops_before_the_card_is_changed() {
    struct Full;
    impl Journal for Full {
        fn before(&mut self, _: &[u8], _: Change) -> Result<(), String> {
            Err("disk full".to_owned())
        }
        fn after(&mut self, _: &[u8], _: Change) -> Result<(), String> {
            Ok(())
        }
    }
    let mut card = blank();
    let failed = write(&mut card, &image(), NONCE, &mut Full).expect_err("no journal");
    assert_eq!((failed.to_string().as_str(), failed.disposition), ("journal: disk full", Disposition::Untouched));
    assert_eq!(card.life_cycle(), LifeCycle::Initialized);
}

#[test]
fn extended_apdus_and_s16_write_the_same_image() {
    let image = image();
    let masters = Masters::test(&ours());
    let keys = kdf3(masters.get("perso-transport-kmc").expect("known"), KDD).expect("keys");
    let config = CardConfig { scp: eid::scp03::Implementation::from_byte(0x71).expect("S16"), ..CardConfig::new(KDD, 0x30, keys) };
    let mut s16 = Card::blank(&config, RamNvm::new(config.memory), Box::new(SeededRng::new(b"card"))).expect("a card");
    write(&mut s16, &image, NONCE, &mut ()).expect("written in S16");
    holds(&s16, &image);
    let mut card = blank();
    let profile = ours();
    let writer = Writer { profile: &profile, masters: &masters, apdu: ApduForm::Extended(2048) };
    let job = Job { image: &image, nonce: NONCE, live: false };
    let written = writer.personalize(&mut card, job, &mut SeededRng::new(b"h"), &mut (), &mut |_, _, _| {}).expect("written");
    holds(&card, &image);
    assert!(written.apdus < 20, "{}", written.apdus);
}
