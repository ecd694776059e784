//! Selecting the MF and files: the form of the standard first, then those that cards in the field want instead.
//!
//! | | MF | file |
//! | --- | --- | --- |
//! | 0 | `00 A4 00 0C 02 3F00` | `00 A4 02 0C 02 FID` |
//! | 1 | `00 A4 00 00 02 3F00 00` | `00 A4 02 00 02 FID 00` |
//! | 2 | `00 A4 00 0C` | `00 B0 80+SFI 00 01`: READ BINARY with the short identifier selects too |
//! | last | none: the card stays where it is (6D00: Viet Nam) | |
//!
//! Only a refusal of the form itself (6700, 6A81, 6A86, 6B00, 6D00, 6E00) leads on; that there is no such file, or no right, does not.

use eid::apdu::{Command, SHORT_LE_MAX, Sw};
use eid::image::FileId;
use eid::quirk::Quirk;
use eid::transport::Transport;

use super::{ReadError, refusal, send};
use crate::session::{Session, SessionError};

/// Forms of SELECT by file identifier: P2, Le. After them comes the short identifier.
const FILE: [(u8, Option<u32>); 2] = [(0x0C, None), (0x00, Some(SHORT_LE_MAX))];

/// Whether the card refuses this form of the command, and not the file.
const fn refuses_form(sw: Sw) -> bool {
    matches!(sw.0, 0x6700 | 0x6A81 | 0x6A86 | 0x6B00 | 0x6D00 | 0x6E00)
}

/// Selects the MF by the first form that the card takes: 9000. Else what the card said first, and it stays where it is.
pub(in crate::terminal) fn mf<T: Transport>(session: &mut Session<T>) -> Result<Sw, SessionError> {
    let mut refused = None;
    let plain = Command::new(0x00, 0xA4, 0x00, 0x0C);
    let forms =
        [plain.clone().with_data([0x3F, 0x00]), Command { p2: 0x00, ..plain.clone() }.with_data([0x3F, 0x00]).with_le(SHORT_LE_MAX), plain];
    let known = session.habits().select_mf;
    let order = (0..forms.len()).filter(|&n| n == known).chain((0..forms.len()).filter(|&n| n != known));
    for (n, form) in order.filter_map(|n| Some((n, forms.get(n)?))) {
        let answer = session.transmit(form)?;
        // 6283: a warning, and the MF is selected.
        if answer.sw.is_ok() || matches!(answer.sw.0, 0x6282 | 0x6283) {
            session.habits_mut().select_mf = n;
            return Ok(Sw::OK);
        }
        refused = refused.or(Some(answer.sw));
        // An instruction that is not there has no other form.
        if matches!(answer.sw.0, 0x6D00 | 0x6E00) {
            break;
        }
    }
    Ok(refused.unwrap_or(Sw(0x6D00)))
}

/// Selects a file.
pub(super) fn file<T: Transport>(session: &mut Session<T>, file: FileId, quirks: &mut Vec<Quirk>) -> Result<(), ReadError> {
    let known = session.habits().select_file.min(FILE.len());
    let (mut refused, mut said) = (None, None);
    for n in std::iter::once(known).chain((0..=FILE.len()).filter(|&n| n != known)) {
        let result = match FILE.get(n) {
            // An instruction that is not there has no other form.
            Some(_) if refused.is_some_and(|sw: Sw| matches!(sw.0, 0x6D00 | 0x6E00)) => continue,
            Some(&(p2, le)) => by_identifier(session, file, p2, le),
            None => by_short_identifier(session, file),
        };
        match result {
            Ok(()) => {
                if let Some(sw) = refused {
                    let form = FILE.get(n).map_or("READ BINARY with the short identifier".to_owned(), |(p2, _)| format!("P2 = {p2:02X}"));
                    quirks.push(Quirk::new("read.select-form", format!("{file}: SELECT answers {sw}, selected by {form}")));
                }
                session.habits_mut().select_file = n;
                return Ok(());
            }
            // Where it was tried for the sake of the memory only, it says nothing; nor does a refusal of its form.
            Err(ReadError::Refused { sw, .. }) if n < FILE.len() && refuses_form(sw) => refused = refused.or(Some(sw)),
            Err(error @ ReadError::Session { .. }) => return Err(error),
            Err(ReadError::Refused { .. }) if n == FILE.len() => {}
            // The form that this card took before: what it says of the file stands, if the other forms are refused as such.
            Err(error) if n == FILE.len() && refused.is_none() => said = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(said.unwrap_or_else(|| refusal(file, refused.unwrap_or(Sw(0x6A82)), 0)))
}

/// Reads the first byte by short identifier, which selects the file.
fn by_short_identifier<T: Transport>(session: &mut Session<T>, file: FileId) -> Result<(), ReadError> {
    let answer = send(session, file, &Command::new(0x00, 0xB0, 0x80 | file.sfi(), 0).with_le(1))?;
    if answer.data.is_empty() { Err(refusal(file, answer.sw, 0)) } else { Ok(()) }
}

/// SELECT by file identifier.
pub(super) fn by_identifier<T: Transport>(session: &mut Session<T>, file: FileId, p2: u8, le: Option<u32>) -> Result<(), ReadError> {
    let command = Command { le, ..Command::new(0x00, 0xA4, 0x02, p2).with_data(file.fid.to_be_bytes()) };
    let answer = send(session, file, &command)?;
    // 6282 and 6283 are warnings: a card may say so of a file that it lets us read.
    if answer.sw.is_ok() || matches!(answer.sw.0, 0x6282 | 0x6283) { Ok(()) } else { Err(refusal(file, answer.sw, 0)) }
}
