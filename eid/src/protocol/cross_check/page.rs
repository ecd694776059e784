//! The MRZ that is printed on the page against the one in EF.DG1: is the chip the one of this booklet?
//!
//! A character that was misread or mistyped looks like one that was changed, so that a person has to look.

use super::Card;
use crate::mrz::Mrz;
use crate::protocol::finding::{Check, Finding};

const PAGE: Check = Check::new("cross.page", "Doc 9303-10 §4.7.1");

pub(super) fn check(card: &Card<'_>, printed: &Mrz) -> Finding {
    let Some(dg1) = &card.dg1 else {
        return PAGE.not_attempted("no-dg1", "there is no EF.DG1 that could be read");
    };
    let (inside, outside) = (dg1.mrz.lines(), printed.lines());
    if inside == outside {
        return PAGE.passed();
    }
    let lines = inside.iter().zip(&outside).enumerate();
    let differ =
        lines.filter(|(_, (one, other))| one != other).map(|(n, (one, other))| format!("line {}: DG1 says {one}, the page {other}", n + 1));
    let text = if inside.len() == outside.len() {
        differ.collect::<Vec<_>>().join("; ")
    } else {
        format!("DG1 has {} lines, the page {}", inside.len(), outside.len())
    };
    PAGE.undecided("differs", text)
}
