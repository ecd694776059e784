//! Which certificates a terminal sends to a chip: from a key that the chip knows down to the terminal's own.
//!
//! Names lead the way, since names are all that a chip tells; whether the signatures hold is the chip's verdict, and that of
//! [`crate::cert::cvc::TrustPoints::verify_chain`] for who wants to know before.

use crate::cert::chat::Role;
use crate::cert::cvc::{Cvc, KeyReference};

/// Most certificates of a path: DV and terminal after as many links as a document's life can see.
pub const MAX_PATH: usize = 16;

/// The shortest path in `certificates` from one of `known`, the keys that the chip trusts (the newest first), down to `terminal`; the
/// newest wins among equally long ones. `None` if there is none.
#[must_use]
pub fn find<'a>(certificates: &'a [Cvc], terminal: &'a Cvc, known: &[KeyReference]) -> Option<Vec<&'a Cvc>> {
    let mut paths = vec![vec![terminal]];
    for _ in 0..MAX_PATH {
        let mut arrived: Vec<_> = paths
            .iter()
            .filter_map(|path| {
                let authority = path.last()?.authority();
                known.iter().position(|reference| reference == authority).map(|place| (place, path))
            })
            .collect();
        arrived.sort_by_key(|(place, _)| *place);
        if let Some((_, path)) = arrived.first() {
            return Some(path.iter().rev().copied().collect());
        }
        let mut longer = Vec::new();
        for path in &paths {
            let Some(lowest) = path.last() else { continue };
            let above = certificates.iter().filter(|certificate| {
                certificate.holder() == lowest.authority()
                    && !certificate.is_self_issued()
                    && certificate.chat().role() != Role::Terminal
                    && !path.iter().any(|seen| seen.holder() == certificate.holder())
            });
            longer.extend(above.map(|certificate| [path.as_slice(), &[certificate]].concat()));
        }
        // a folder of many certificates of one name must not make the search grow without bound
        longer.truncate(256);
        paths = longer;
    }
    None
}
