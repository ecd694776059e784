//! Deviation lists that a state publishes about its own documents (Doc 9303-3 clause 7, Doc 9303-12 clause 10).
//!
//! What is wrong with which documents is told by a file ([`describe`]); the list is signed by a deviation list signer, whose certificate and
//! CSCA go in, and proved before it is given out. Refused: an entry twice, a document signer of another state, a signer without the usage
//! for deviation lists or out of its period.

pub mod describe;

use eid::cert::Time;
use eid::cert::deviation_list::{self, Deviation, DeviationList};
use eid::cert::list_signer::Purpose;
use eid::crypto::hash::Hash;

use crate::signed_list;
pub use crate::signed_list::{ListIssueError, ListSigner};

/// Makes a deviation list of `deviations`. Digests among their identifiers are with `hash`.
///
/// # Errors
/// See above.
pub fn issue(deviations: &[Deviation], hash: Hash, by: &ListSigner<'_>, now: Time) -> Result<DeviationList, ListIssueError> {
    if deviations.is_empty() {
        return Err(ListIssueError::Empty);
    }
    let signed = signed_list::sign(Purpose::DeviationList, &deviation_list::encode(deviations, hash), by, now)?;
    Ok(DeviationList::from_signed(signed)?)
}
