//! Virtual cards with an image on them, written by the issuer's own plan.

use applets::rng::SeededRng;
use applets::store::nvm::RamNvm;
use applets::{Card, CardConfig};
use cardwright::perso::card_profile::{CardProfile, Product};
use cardwright::perso::plan::ApduForm;
use cardwright::perso::write::{Job, Masters, Writer};
use eid::image::CardImage;
use eid::scp03::kdf3;

/// A card that the maker delivered, with the test keys of the site.
pub(crate) fn blank(profile: &CardProfile, masters: &Masters) -> Card {
    let Product::GpDgi(product) = &profile.product else { panic!("{} is not that of the virtual card", profile.id) };
    let kdd = *b"\0\0\0EID\0\0\0\x01";
    let transport = kdf3(masters.get(&product.master_transport).expect("a test key"), kdd).expect("a key set");
    let config = CardConfig::new(kdd, product.kvn_transport, transport);
    Card::blank(&config, RamNvm::new(CardConfig::MEMORY), Box::new(SeededRng::new(b"chip"))).expect("a blank card")
}

/// A card that holds `image` and is operational.
pub(crate) fn personalized(image: &CardImage) -> Card {
    let profile = CardProfile::load("eid-gp-scp03").expect("the profile of the virtual card");
    let masters = Masters::test(&profile);
    let mut card = blank(&profile, &masters);
    let writer = Writer { profile: &profile, masters: &masters, apdu: ApduForm::Frame };
    let job = Job { image, nonce: [7; 16], live: false };
    let mut rng = SeededRng::new(b"host");
    let written = writer.personalize(&mut card, job, &mut rng, &mut (), &mut |_, _, _| {}).expect("written");
    writer.activate(&mut card, written.digest, &mut rng, &mut ()).expect("activated");
    card.power_cycle();
    card
}
