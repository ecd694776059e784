//! Documents as those of a state are in the field: genuine, and odd where theirs are. The rows are [`applets::fault::personality`].

use applets::fault::personality::Personality;
use eid::date::Date;

use super::{Base, Faulty, FaultyError, make};
use crate::people;
use crate::perso::profile::{DocumentProfile, ProfileError};
use crate::perso::record::Record;

/// Persons that are tried: the signer of these documents lives ten years, and some documents longer.
const PERSONS: u32 = 50;

/// Why there is no such document.
#[derive(Debug, thiserror::Error)]
pub enum LikeError {
    /// The state's files are as any, or it is not told how they are.
    #[error("{id}: expected a state whose files differ and can be made, found: {why}")]
    Files {
        /// The state.
        id: &'static str,
        /// What is known.
        why: &'static str,
    },
    /// There is no such document profile.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The edits do not fit the document, or it could not be built.
    #[error(transparent)]
    Document(#[from] FaultyError),
}

/// A document as those of `one` are, issued on `today` to the first person of `seed` whom it fits.
///
/// # Errors
/// Any [`LikeError`].
pub fn like(one: &Personality, today: Date, seed: u64) -> Result<Faulty, LikeError> {
    if !one.has_documents() {
        let why = if one.missing.is_empty() { "its files are as any" } else { one.missing };
        return Err(LikeError::Files { id: one.id, why });
    }
    let profile = DocumentProfile::load(one.base)?;
    let mut person = 1;
    loop {
        let citizen = people::citizen(seed, person, today);
        let made = Record::new(&citizen.input, &profile, today, &mut |name| citizen.load(name)).ok().map(|record| {
            let base = Base { record: &record, profile: &profile, today, country: ("VN", "VNM") };
            make(&base, one.edits, seed)
        });
        match made {
            Some(Ok(document)) => return Ok(document),
            Some(Err(error)) if person == PERSONS || !matches!(error, FaultyError::Build(_)) => return Err(error.into()),
            _ if person == PERSONS => return Err(LikeError::Files { id: one.id, why: "a profile that fits nobody" }),
            _ => person += 1,
        }
    }
}
