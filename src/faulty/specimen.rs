//! What documents that are wrong on purpose are made from: a person who does not exist, as a passport of the test state, issued on a day.

use eid::date::Date;

use super::issue::{Base, Faulty, FaultyError, make};
use super::list::{FaultyList, make_list};
use crate::people;
use crate::perso::profile::{DocumentProfile, ProfileError};
use crate::perso::record::{Problem, Record};

/// The profile that the faults of the catalogue are written for.
const PROFILE: &str = "icao-td3";
/// The state whose authority signs: two letters, and its code in the MRZ.
const COUNTRY: (&str, &str) = ("VN", "VNM");

/// Why there is no specimen.
#[derive(Debug, thiserror::Error)]
pub enum SpecimenError {
    /// A built-in profile is wrong.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The person cannot be written.
    #[error("person: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Person(Vec<Problem>),
}

/// A person, and the passport that would be right.
#[derive(Debug)]
pub struct Specimen {
    record: Record,
    profile: DocumentProfile,
    today: Date,
    seed: u64,
}

impl Specimen {
    /// One whose documents are issued on `today`; the same seed gives the same person and keys.
    ///
    /// # Errors
    /// [`SpecimenError`].
    pub fn new(today: Date, seed: u64) -> Result<Self, SpecimenError> {
        let profile = DocumentProfile::load(PROFILE)?;
        let citizen = people::citizen(seed, 1, today);
        let record = Record::new(&citizen.input, &profile, today, &mut |name| citizen.load(name)).map_err(SpecimenError::Person)?;
        Ok(Self { record, profile, today, seed })
    }

    /// The person.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.record
    }

    fn base(&self) -> Base<'_> {
        Base { record: &self.record, profile: &self.profile, today: self.today, country: COUNTRY }
    }

    /// The document with the defects of `injection`, which has none where that is empty or `-`.
    ///
    /// # Errors
    /// Any [`FaultyError`].
    pub fn make(&self, injection: &str) -> Result<Faulty, FaultyError> {
        make(&self.base(), injection, self.seed)
    }

    /// The master list with the defects of `injection`.
    ///
    /// # Errors
    /// Any [`FaultyError`].
    pub fn make_list(&self, injection: &str) -> Result<FaultyList, FaultyError> {
        make_list(&self.base(), injection, self.seed)
    }
}
