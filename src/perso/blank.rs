//! A blank virtual card, as the maker of a card product delivers it: a serial number, and transport keys of its own.

use std::path::Path;

use applets::card::CardRng;
use applets::store::StoreError;
use applets::{Card, CardConfig};
use eid::scp03::kdf3;
use eid::scp03::keys::KeyError;

use super::card_profile::{CardProfile, Product};
use super::write::{Masters, WriteError};

/// Why there is no blank card.
#[derive(Debug, thiserror::Error)]
pub enum BlankError {
    /// The virtual card is another product.
    #[error("card profile {0}: expected the product of the virtual card, found another")]
    Product(String),
    /// There is no master of its transport keys.
    #[error(transparent)]
    Master(#[from] WriteError),
    /// The master gives no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Its file was not made.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes the file of a blank card, which must not exist. `kdd` is its serial.
///
/// # Errors
/// Any [`BlankError`].
pub fn create(path: &Path, profile: &CardProfile, masters: &Masters, kdd: [u8; 10], rng: CardRng) -> Result<Card, BlankError> {
    create_with(path, profile, masters, kdd, CardConfig::MEMORY, rng)
}

/// The same with so many bytes of memory.
///
/// # Errors
/// Any [`BlankError`].
pub fn create_with(
    path: &Path,
    profile: &CardProfile,
    masters: &Masters,
    kdd: [u8; 10],
    memory: usize,
    rng: CardRng,
) -> Result<Card, BlankError> {
    let Product::GpDgi(product) = &profile.product else { return Err(BlankError::Product(profile.id.clone())) };
    let transport = kdf3(masters.get(&product.master_transport)?, kdd)?;
    let config = CardConfig { memory, ..CardConfig::new(kdd, product.kvn_transport, transport) };
    Ok(Card::create(path, &config, rng)?)
}
