//! CSCA master lists that a state publishes (Doc 9303-12 clause 9): its own CSCA certificates and those that others handed over.
//!
//! The list is signed by a master list signer, whose certificate and CSCA go in; it is proved before it is given out. Refused: an entry
//! that is no CSCA or link certificate, an entry twice, a signer without the usage for master lists or out of its period.

use eid::cert::Time;
use eid::cert::list_signer::Purpose;
use eid::cert::master_list::{self, MasterList};
use eid::cert::x509::Certificate;

use crate::foreign;
use crate::signed_list;
pub use crate::signed_list::{ListIssueError, ListSigner};

/// Makes a master list of `entries`, roots and link certificates in any order.
///
/// # Errors
/// See above.
pub fn issue(entries: &[&Certificate], by: &ListSigner<'_>, now: Time) -> Result<MasterList, ListIssueError> {
    if entries.is_empty() {
        return Err(ListIssueError::Empty);
    }
    let mut seen = std::collections::BTreeSet::new();
    for entry in entries {
        foreign::check(entry).map_err(|source| ListIssueError::Entry { subject: entry.subject_text(), source })?;
        if !seen.insert(entry.fingerprint()) {
            return Err(ListIssueError::Repeated { subject: entry.subject_text(), serial: entry.serial_hex() });
        }
    }
    let signed = signed_list::sign(Purpose::MasterList, &master_list::encode(entries), by, now)?;
    Ok(MasterList::from_signed(signed)?)
}
