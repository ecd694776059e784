//! A virtual card that is in use: a blank one with room for what it shall hold, written and activated by the issuer's own plan, as any card is.

use applets::{Card, CardConfig};
use eid::image::CardImage;
use rand_core::CryptoRng;

use super::card_profile::CardProfile;
use super::plan::ApduForm;
use super::write::{Failed, Job, Masters, Nonce, Writer};

/// Data of one STORE DATA command: files as long as a card's memory need fewer than 256 of them.
const STORE_DATA: u16 = 4096;

/// Memory in bytes that a card needs for `image`.
#[must_use]
pub fn memory(image: &CardImage) -> usize {
    let bytes: usize = image.files.values().map(Vec::len).sum();
    // each file ends with a part of a page, and the keys take a few more
    CardConfig::MEMORY + bytes.next_multiple_of(4096)
}

/// Writes `image` onto a blank card, which is one for tests and nobody's, and activates it.
///
/// # Errors
/// As [`Writer::personalize`] and [`Writer::activate`].
pub fn fill(card: &mut Card, image: &CardImage, profile: &CardProfile, masters: &Masters, rng: &mut dyn CryptoRng) -> Result<(), Failed> {
    let writer = Writer { profile, masters, apdu: ApduForm::Extended(STORE_DATA) };
    let mut nonce = Nonce::default();
    rng.fill_bytes(&mut nonce);
    let written = writer.personalize(card, Job { image, nonce, live: false }, rng, &mut (), &mut |_, _, _| {})?;
    writer.activate(card, written.digest, rng, &mut ())
}
