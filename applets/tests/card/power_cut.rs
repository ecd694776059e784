//! Power cuts at every page program of a personalization, in every way that a page can be torn (applet design 4.5).
//!
//! After each cut the card is powered again and looked at as a host would: the status object tells the truth about what is done,
//! nothing of a half-made card can be read, and the resumed personalization ends with the exact image.

use applets::Card;
use applets::store::StoreError;
use applets::store::fault::{FaultyNvm, Tear};
use applets::store::nvm::{Nvm, NvmError, PAGE, RamNvm};
use eid::crypto::curve::Curve;
use eid::crypto::kdf::Suite;
use eid::image::{CardImage, LifeCycle};
use eid::protocol::pace::Password;
use eid::secret::Secret;
use eid::transport::TransportError;

use crate::common::*;
use crate::terminal::pace_until_cut;

/// The memory that a cut leaves behind outlives the card: a card owns its memory, so tests lend it.
fn blank_cells() -> Vec<u8> {
    let card = Card::blank(&config(), RamNvm::new(24 * 1024), rng("blank")).expect("blank card");
    card.into_nvm().cells().to_vec()
}

/// Whether the power is gone.
fn cut(error: &TransportError) {
    assert!(matches!(error, TransportError::CardGone { .. }), "{error}");
}

/// Personalizes from wherever the card stands. `Ok` when it is committed and active.
fn personalize(card: &mut Card, image: &CardImage) -> Result<(), TransportError> {
    let mut host = Host::try_open(card, &test_keys(32), KVN, 0x13)?;
    let status = host.status(card)?;
    if status.state < LifeCycle::Personalized.code() {
        host.try_install(card)?;
        for command in script(image, &test_keys(32), &status.done) {
            let response = host.try_send(card, &command)?;
            assert!(response.sw.is_ok(), "{command:?}: {response:?}");
        }
    }
    host.try_install(card)?;
    let response = host.try_send(card, &activation(image))?;
    assert!(response.sw.is_ok(), "activation: {response:?}");
    Ok(())
}

/// What must hold after every cut.
fn look(card: &mut Card, image: &CardImage) {
    match card.life_cycle() {
        LifeCycle::Initialized | LifeCycle::PersoOpen => {
            let select = select_application(card);
            let object = status_object(&select.data);
            assert_eq!(object.nonce, (object.state == 0x0F).then_some(NONCE));
            for &done in &object.done {
                let Some(file) = eid::image::FileId::from_dgi(done) else { continue };
                assert_eq!(card.file(file).expect("whole"), image.files.get(&file).map(Vec::as_slice), "{file} is told to be done");
            }
            for command in ["00B09C0000", "00B0000000", "00A4020C020101", "00B0810000"] {
                let sw = status(card, command);
                assert!(matches!(sw, 0x6985 | 0x6A82), "{command} answers {sw:04X} before the commit");
            }
        }
        LifeCycle::Personalized | LifeCycle::Operational => complete(card, image),
        LifeCycle::Terminated => panic!("nobody terminated the card"),
    }
}

fn complete(card: &Card, image: &CardImage) {
    for (&file, content) in &image.files {
        assert_eq!(card.file(file).expect("whole"), Some(content.as_slice()), "{file}");
    }
}

/// Runs a personalization on `cells` with a cut; gives the memory after it, and the number of page programs.
fn attempt(cells: &[u8], image: &CardImage, at: Option<(u64, Tear)>) -> (Vec<u8>, u64, bool) {
    let (memory, nvm) = Shared::new(FaultyNvm::new(RamNvm::from_cells(cells.to_vec()), at));
    let finished = match Card::boot(nvm, rng("card")) {
        Ok(mut card) => match personalize(&mut card, image) {
            Ok(()) => true,
            Err(error) => {
                cut(&error);
                false
            }
        },
        Err(StoreError::Nvm(NvmError::PowerLost { .. })) => false,
        Err(error) => panic!("boot: {error}"),
    };
    (memory.cells(), memory.operations(), finished)
}

fn finish(cells: &[u8], image: &CardImage) {
    let mut card = Card::boot(RamNvm::from_cells(cells.to_vec()), rng("again")).expect("boots after a cut");
    look(&mut card, image);
    personalize(&mut card, image).expect("power stays");
    assert_eq!(card.life_cycle(), LifeCycle::Operational);
    complete(&card, image);
}

#[test]
fn after_a_cut_at_any_write_the_personalization_resumes_to_the_exact_image() {
    let image = image();
    let blank = blank_cells();
    let (_, writes, finished) = attempt(&blank, &image, None);
    assert!(finished);
    assert!(writes > 100, "{writes} writes");
    for at in 0..writes {
        for tear in Tear::ALL {
            let (cells, _, finished) = attempt(&blank, &image, Some((at, tear)));
            assert!(!finished, "the cut at {at} was not met");
            finish(&cells, &image);
        }
    }
}

#[test]
fn after_two_cuts_a_small_personalization_resumes_to_the_exact_image() {
    let image = small_image();
    let blank = blank_cells();
    let (_, writes, _) = attempt(&blank, &image, None);
    for at in 0..writes {
        for tear in Tear::ALL {
            let (cells, ..) = attempt(&blank, &image, Some((at, tear)));
            let (_, more, _) = attempt(&cells, &image, None);
            for second in 0..more {
                for tear in Tear::ALL {
                    let (cells, ..) = attempt(&cells, &image, Some((second, tear)));
                    finish(&cells, &image);
                }
            }
        }
    }
}

#[test]
fn a_cut_while_keys_are_replaced_leaves_the_old_or_the_new_set() {
    let blank = blank_cells();
    let replace = |cells: &[u8], at| {
        let (memory, nvm) = Shared::new(FaultyNvm::new(RamNvm::from_cells(cells.to_vec()), at));
        let mut card = Card::boot(nvm, rng("card")).expect("boots");
        let outcome = Host::try_open(&mut card, &test_keys(32), KVN, 0x13).and_then(|mut host| {
            let command = host.0.put_key(KVN, 0x31, &other_keys(32));
            host.try_send(&mut card, &command)
        });
        (memory.cells(), memory.operations(), outcome)
    };
    let (_, writes, outcome) = replace(&blank, None);
    assert!(outcome.expect("power stays").sw.is_ok());
    for at in 0..writes {
        for tear in Tear::ALL {
            let (cells, _, outcome) = replace(&blank, Some((at, tear)));
            cut(&outcome.expect_err("the cut was met"));
            let mut card = Card::boot(RamNvm::from_cells(cells), rng("again")).expect("boots after a cut");
            let old = Host::probe(&mut card, &test_keys(32), KVN, 0x03);
            let new = Host::probe(&mut card, &other_keys(32), 0x31, 0x03);
            assert!(old != new, "cut at {at} ({tear:?}): old set {old}, new set {new}");
        }
    }
}

#[test]
fn a_cut_while_the_card_is_terminated_never_brings_a_file_back() {
    let image = image();
    let (cells, ..) = attempt(&blank_cells(), &image, None);
    let terminate = |at| {
        let (memory, nvm) = Shared::new(FaultyNvm::new(RamNvm::from_cells(cells.clone()), at));
        let mut card = Card::boot(nvm, rng("card")).expect("boots");
        let outcome = Host::try_open(&mut card, &test_keys(32), KVN, 0x13).and_then(|mut host| {
            host.try_install(&mut card)?;
            host.try_send(&mut card, &termination())
        });
        (memory.cells(), memory.operations(), outcome)
    };
    let (after, writes, outcome) = terminate(None);
    assert!(outcome.expect("power stays").sw.is_ok());
    let dg2 = &image.files[&dg(2)][..64];
    assert!(cells.windows(64).any(|window| window == dg2) && !after.windows(64).any(|window| window == dg2), "content is erased");
    for at in 0..writes {
        for tear in Tear::ALL {
            let (cells, _, outcome) = terminate(Some((at, tear)));
            cut(&outcome.expect_err("the cut was met"));
            let mut card = Card::boot(RamNvm::from_cells(cells), rng("again")).expect("boots after a cut");
            match card.life_cycle() {
                LifeCycle::Terminated => {
                    assert_eq!(select_application(&mut card).sw.0, 0x6285);
                    assert_eq!(status(&mut card, "00B0810000"), 0x6985);
                    let cells = card.into_nvm().cells().to_vec();
                    assert!(!cells.windows(64).any(|window| window == dg2), "the boot erases what the cut left");
                }
                _ => complete(&card, &image),
            }
        }
    }
}

/// Every sequence of wrong PINs with a cut at every write of the second try: the tries that were made never exceed the limit.
#[test]
fn cutting_the_power_gives_no_try_back() {
    let start = cells(personalized(&image()));
    let wrong = Password::Pin(Secret::from(&b"000000"[..]));
    // How often the card compared a token: told by 63CX, or by a cut at a write that comes before or after it.
    let attempt = |cells: &[u8], at: Option<(u64, Tear)>| {
        let (memory, nvm) = Shared::new(FaultyNvm::new(RamNvm::from_cells(cells.to_vec()), at));
        let mut card = Card::boot(nvm, rng("card")).expect("boots");
        let outcome = pace_until_cut(&mut card, Suite::Aes128, Curve::BrainpoolP256r1, &wrong);
        (memory.cells(), outcome)
    };
    for tear in Tear::ALL {
        for cut_try in 0..3 {
            let (mut cells, mut compared) = (start.clone(), 0);
            for n in 0..6 {
                let (after, outcome) = attempt(&cells, (n == cut_try).then_some((0, tear)));
                cells = after;
                compared += u32::from(matches!(outcome, Some(sw) if sw & 0xFFF0 == 0x63C0));
            }
            assert!(compared <= 2, "{tear:?} at try {cut_try}: {compared} comparisons before the PIN is suspended");
        }
    }
}

#[test]
fn damage_to_either_meta_page_does_not_turn_the_state_back() {
    let whole = cells(personalized(&image()));
    for page in [3, 4] {
        let mut damaged = whole.clone();
        damaged[page * PAGE + 20] ^= 1;
        let card = Card::boot(RamNvm::from_cells(damaged), rng("damaged")).expect("the other page counts");
        assert_eq!(card.life_cycle(), LifeCycle::Operational);
        complete(&card, &image());
    }
}

#[test]
fn content_damaged_before_the_commit_is_not_told_to_be_done_and_is_sent_again() {
    let image = image();
    let mut card = blank();
    let mut host = Host::open(&mut card, 0x03);
    host.install(&mut card);
    for command in script(&image, &test_keys(32), &[]).into_iter().take(20) {
        assert!(host.send(&mut card, &command).sw.is_ok());
    }
    let mut damaged = cells(card);
    let dg1 = &image.files[&dg(1)];
    let at = damaged.windows(dg1.len()).position(|window| window == dg1).expect("staged");
    damaged[at + 40] ^= 1;
    let mut card = Card::boot(RamNvm::from_cells(damaged), rng("damaged")).expect("boots");
    assert!(!status_object(&select_application(&mut card).data).done.contains(&0x0101));
    personalize(&mut card, &image).expect("power stays");
    complete(&card, &image);
}
