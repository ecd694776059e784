//! The cross checks over the files that were read ([`eid::protocol::cross_check`]): a pure function, so that it can be repeated without the
//! card.

use std::collections::BTreeMap;

use eid::date::Date;
use eid::image::FileId;
use eid::protocol::cross_check::{self, Input};
use eid::protocol::finding::Finding;

/// Every cross check of a card that was opened.
pub(in crate::terminal) fn judge(files: &BTreeMap<FileId, Vec<u8>>, today: Date, findings: &mut Vec<Finding>) {
    findings.extend(cross_check::check(&Input { files, today }));
}
