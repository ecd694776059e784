//! Quality control of cards whose chip proves its key only to terminals: version 2 of Chip Authentication and an eID application.

use applets::fault::Faults;
use applets::rng::SeededRng;
use cardwright::line::quality::{Checked, Depth};
use cardwright::perso::operational;

use super::world::{SITE, today};

/// What quality control says of the card of [`SITE`] that may have an injection.
fn checked(depth: Depth, injection: Option<&str>) -> Checked {
    let image = &SITE.eid;
    let mut card = SITE.blank([0, 0, 0, b'E', b'I', b'D', 0, 0, 0, 13], operational::memory(image), SeededRng::new(b"card"));
    operational::fill(&mut card, image, &SITE.profile, &SITE.masters, &mut SeededRng::new(b"host")).expect("written");
    if let Some(injection) = injection {
        card.set_faults(&Faults::injected(injection).expect("an injection"));
    }
    SITE.quality.check(&mut card, image, depth, today(), &mut SeededRng::new(b"quality"))
}

#[test]
fn a_card_that_proves_its_key_to_terminals_alone_passes_by_its_files() {
    for depth in [Depth::Quick, Depth::Full] {
        assert_eq!(checked(depth, None).expect("reached"), Ok(()), "{depth:?}");
    }
}

#[test]
fn its_public_key_is_compared_in_full() {
    let fault = checked(Depth::Full, Some("file(CardSecurity)[-1]^=01")).expect("reached").expect_err("other bytes");
    assert_eq!(fault.reason, "qc-compare");
    assert!(fault.detail.starts_with("EF.CardSecurity"), "{}", fault.detail);
}
