//! What a test site has beyond a real one: an authority whose keys open with a public pass phrase, two people, and virtual blanks.
//!
//! Nothing of it can make a card for a person: the test keys of the cards, the test authority, and a site that is not live are each refused
//! for live records.

use std::path::Path;

use chacha20::ChaCha20Rng;
use eid::date::Date;
use eid::secret::Secret;
use pki::PkiError;
use rand_core::{CryptoRng, SeedableRng as _};

use super::site::Site;
use super::state::CardState;
use super::store::{Moment, Note, Serial, Store, StoreError};
use super::users::{Role, User, UserError};
use crate::demo;
use crate::perso::blank::{self, BlankError};
use crate::perso::card_profile::CardProfile;
use crate::perso::write::Masters;

/// What opens every key and logs in every user of a test site. Public.
pub const PASS_PHRASE: &str = "cardwright test";
/// The users of a test site: both are supervisors, the first an operator too, the second an auditor.
pub const USERS: [(&str, &[Role]); 2] = [("ana", &[Role::Supervisor, Role::Operator]), ("ben", &[Role::Supervisor, Role::Auditor])];
/// Folder of the blanks in a site.
pub const BLANKS: &str = "blanks";
/// Cards of a delivery, at most.
pub const MOST_BLANKS: u32 = 1_000_000;

/// Why a test site is not complete.
#[derive(Debug, thiserror::Error)]
pub enum TestSiteError {
    /// The test authority could not be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// A user could not be made.
    #[error(transparent)]
    User(#[from] UserError),
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blank could not be made.
    #[error(transparent)]
    Blank(#[from] BlankError),
    /// The file system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: std::path::PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The authority of a test site, in its own folder.
///
/// # Errors
/// [`TestSiteError::Pki`].
pub fn authority(site: &Site, today: Date, rng: &mut dyn CryptoRng) -> Result<(), TestSiteError> {
    demo::test_authority(&site.authority(), PASS_PHRASE, None, today, rng)?;
    Ok(())
}

/// The two people of a test site.
///
/// # Errors
/// The store refuses.
pub fn people(store: &mut dyn Store, now: Moment, rng: &mut dyn CryptoRng) -> Result<(), TestSiteError> {
    for (name, roles) in USERS {
        let user = User::new(name, roles, &Secret::from(PASS_PHRASE.as_bytes()), rng)?;
        store.put_user(&user, None, &note(now, "user-added", format!("user {name}")))?;
    }
    Ok(())
}

/// Makes `count` blank virtual cards, takes them into stock as the delivery `name`, and hands them to the line.
///
/// # Errors
/// A card file exists, or the store refuses.
pub fn deliver(
    site: &Site,
    store: &mut dyn Store,
    profile: &CardProfile,
    delivery: (&str, u32),
    now: Moment,
    rng: &mut dyn CryptoRng,
) -> Result<(), TestSiteError> {
    let (name, count) = delivery;
    let folder = site.path(BLANKS);
    std::fs::create_dir_all(&folder).map_err(|source| TestSiteError::Io { path: folder.clone(), source })?;
    let masters = Masters::test(profile);
    let mut serials = Vec::new();
    for _ in 0..count {
        let serial = blank_card(&folder, profile, &masters, rng)?;
        serials.extend(Serial::new(&serial));
    }
    store.deliver(name, &serials, &note(now, "delivery", format!("delivery {name}, {count} test cards")))?;
    store.move_cards(&serials, CardState::InStock, CardState::AtLine, None, &note(now, "issued-to-line", format!("delivery {name}")))?;
    Ok(())
}

/// A blank of a serial that nobody has: five drawn bytes behind the letters of a test.
fn blank_card(folder: &Path, profile: &CardProfile, masters: &Masters, rng: &mut dyn CryptoRng) -> Result<[u8; 10], TestSiteError> {
    let mut kdd = *b"\0\0TST\0\0\0\0\0";
    if let Some(drawn) = kdd.last_chunk_mut::<5>() {
        rng.fill_bytes(drawn);
    }
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    let path = folder.join(format!("{}.card", hex::encode_upper(kdd)));
    blank::create(&path, profile, masters, kdd, Box::new(ChaCha20Rng::from_seed(seed)))?;
    Ok(kdd)
}

fn note(time: Moment, event: &str, subject: String) -> Note {
    Note { time, actors: vec!["line init".to_owned()], event: event.to_owned(), subjects: vec![subject], detail: String::new() }
}
