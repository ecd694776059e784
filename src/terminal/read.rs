//! Reading one elementary file: SELECT, then READ BINARY until the length that its first bytes announce.
//!
//! What the card announces is believed only up to what such a file may be ([`size_limit`]); every step must bring data, and there are only
//! so many ([`commands_limit`]); bytes beyond 32 KiB are read with the odd instruction B1 (ISO/IEC 7816-4 clause 11.3.3, Doc 9303-10
//! clause 3.6.3). A refusal is a value with the status word, because most refusals mean something; what cannot be believed at all is a
//! [`SessionError`].
//!
//! | module | what |
//! | --- | --- |
//! | `select` | the forms of SELECT, from the one of the standard to none |
//! | `block` | one block: as much as the card gives, less where it refuses |
//! | [`Reading`] | what was read of a card so far, to be gone on with |
//! | [`Options`] | when to stop, what to remember |
//! | [`memory`] | what was learned of a card type |

use std::borrow::Cow;

use eid::apdu::{Command, EXTENDED_LE_MAX, Response, Sw};
use eid::image::{FileId, Home};
use eid::protocol::finding::{Check, Finding};
use eid::quirk::Quirk;
use eid::tlv::{self, TlvError};
use eid::transport::Transport;

use crate::session::{Session, SessionError};

mod block;
pub mod memory;
mod options;
mod reading;
pub(super) mod select;

pub use block::is_length;
pub use memory::CardMemory;
pub use options::Options;
use reading::Partial;
pub use reading::Reading;

/// First bytes of a file, enough for any tag and length.
const HEAD: usize = 6;
/// Most applications in EF.DIR that are read.
const MAX_TEMPLATES: usize = 16;

/// Why a file was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// 6A82: the card has no such file.
    #[error("{file}: not found")]
    NotFound {
        /// The file.
        file: FileId,
    },
    /// 6982: the file asks for a right that this session does not have.
    #[error("{file}: security status not satisfied (6982)")]
    Protected {
        /// The file.
        file: FileId,
    },
    /// 6581: the card finds its own memory damaged.
    #[error("{file}: memory failure (6581)")]
    Damaged {
        /// The file.
        file: FileId,
    },
    /// Any other refusal.
    #[error("{file}: refused with {sw} at offset {at}{}{}", if sw.meaning().is_empty() { "" } else { ", " }, sw.meaning())]
    Refused {
        /// The file.
        file: FileId,
        /// What the card said.
        sw: Sw,
        /// At which offset; 0 for SELECT too.
        at: usize,
    },
    /// The file ends before the length that it announces.
    #[error("{file}: expected {announced} bytes as its first bytes announce, found {found}")]
    Truncated {
        /// The file.
        file: FileId,
        /// Length by tag and length of the file.
        announced: usize,
        /// Bytes that could be read.
        found: usize,
    },
    /// The file announces more than such a file may be.
    #[error("{file}: announces {announced} bytes, at most {limit} are read")]
    TooLong {
        /// The file.
        file: FileId,
        /// Length by tag and length of the file.
        announced: usize,
        /// What is read of such a file.
        limit: usize,
    },
    /// The first bytes are no tag and length.
    #[error("{file}: {source}")]
    Malformed {
        /// The file.
        file: FileId,
        /// What is wrong with them.
        source: TlvError,
    },
    /// The card gives so little at a time that the file would never end.
    #[error("{file}: {found} of {announced} bytes after {commands} commands, no more are sent")]
    Endless {
        /// The file.
        file: FileId,
        /// Length by tag and length of the file.
        announced: usize,
        /// Bytes that were read.
        found: usize,
        /// Commands that it took.
        commands: usize,
    },
    /// The card was not reached, or its answer cannot be believed.
    #[error("{file}: {source}")]
    Session {
        /// The file.
        file: FileId,
        /// What happened.
        source: SessionError,
    },
}

/// Most bytes that are read of a file; what announces more is not read at all.
///
/// | file | bytes | why |
/// | --- | --- | --- |
/// | EF.COM, EF.DG1 | 1,024 | lists and an MRZ |
/// | EF.DG2, EF.DG3, EF.DG4 | 1,048,576 | pictures of face, fingers, and eyes, several of each |
/// | EF.DG5 to EF.DG13, EF.DG16 | 262,144 | pictures of paper, and what issuers are free to write |
/// | EF.SOD, EF.DG14, EF.DG15, EF.CVCA, all of the MF | 65,536 | keys, certificates, hashes |
/// | the eID application | 65,536 | texts, and the picture of a signature |
#[must_use]
pub const fn size_limit(file: FileId) -> usize {
    match (file.home, file.fid) {
        (Home::Emrtd, 0x011E | 0x0101) => 1 << 10,
        (Home::Emrtd, 0x0102..=0x0104) => 1 << 20,
        (Home::Emrtd, 0x0105..=0x010D | 0x0110) => 1 << 18,
        _ => 1 << 16,
    }
}

impl ReadError {
    /// The file.
    #[must_use]
    pub const fn file(&self) -> FileId {
        match self {
            Self::NotFound { file }
            | Self::Protected { file }
            | Self::Damaged { file }
            | Self::Refused { file, .. }
            | Self::Truncated { file, .. }
            | Self::TooLong { file, .. }
            | Self::Malformed { file, .. }
            | Self::Endless { file, .. }
            | Self::Session { file, .. } => *file,
        }
    }
}

/// The check `read.<file>`: `read.dg2`, `read.sod`, `read.card_access`.
#[must_use]
pub fn check(file: FileId) -> Check {
    let id: Cow<'static, str> = match (file.home, file.fid) {
        (Home::Mf, 0x011C) => "read.card_access".into(),
        (Home::Mf, 0x011D) => "read.card_security".into(),
        (Home::Mf, 0x2F00) => "read.dir".into(),
        (Home::Mf, 0x2F01) => "read.atr_info".into(),
        (Home::Emrtd, 0x011C) => "read.cvca".into(),
        _ => format!("read.{}", file.name().trim_start_matches("EF.").to_ascii_lowercase()).into(),
    };
    Check::named(id, if file.home == Home::Eid { "TR-03110-4 2.2" } else { "Doc 9303-10 §3.6" })
}

/// What a failed reading says about the card: an absent or guarded file is no fault of its own, everything else is.
#[must_use]
pub fn finding(error: &ReadError) -> Finding {
    let check = check(error.file());
    match error {
        ReadError::NotFound { .. } => check.not_attempted("absent", error.to_string()),
        ReadError::Protected { .. } => check.not_attempted("protected", error.to_string()),
        ReadError::Damaged { .. } => check.failed("memory-failure", error.to_string()),
        ReadError::Refused { .. } => check.failed("refused", error.to_string()),
        ReadError::Truncated { .. } => check.failed("truncated", error.to_string()),
        ReadError::TooLong { .. } => check.failed("too-long", error.to_string()),
        ReadError::Malformed { .. } => check.failed("malformed", error.to_string()),
        ReadError::Endless { .. } => check.failed("endless", error.to_string()),
        ReadError::Session { .. } => check.failed("channel-broken", error.to_string()),
    }
}

/// What reading tells while it runs: `done` of `total` bytes of `file`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The file.
    pub file: FileId,
    /// Bytes read.
    pub done: usize,
    /// Bytes in all.
    pub total: usize,
}

/// Reads a file of the selected application, or of the MF if that is where the card is.
///
/// # Errors
/// [`ReadError`]. Only [`ReadError::Session`] ends the session.
pub fn read_file<T: Transport>(
    session: &mut Session<T>,
    file: FileId,
    quirks: &mut Vec<Quirk>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<u8>, ReadError> {
    let mut partial = Partial::default();
    read_on(session, file, &mut partial, quirks, progress)?;
    Ok(partial.content)
}

/// Reads a file from where `partial` stands.
fn read_on<T: Transport>(
    session: &mut Session<T>,
    file: FileId,
    partial: &mut Partial,
    quirks: &mut Vec<Quirk>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), ReadError> {
    if file == FileId::CVCA {
        // Two objects side by side, filled up: the first one's length is not the file's.
        partial.content = read_list(session, file)?;
        return Ok(());
    }
    select::file(session, file, quirks)?;
    fill(session, file, None, partial, quirks, progress)?;
    if file == FileId::DIR {
        // a template for each application, side by side
        for _ in 1..MAX_TEMPLATES {
            let Some(end) = next_template(session, file, partial.content.len())? else { break };
            partial.announced = end;
            fill(session, file, None, partial, quirks, progress)?;
        }
    }
    Ok(())
}

/// Where the template ends that begins at `at` in EF.DIR; `None` if none does, or the card does not say.
fn next_template<T: Transport>(session: &mut Session<T>, file: FileId, at: usize) -> Result<Option<usize>, ReadError> {
    let Ok([high, low]) = u16::try_from(at).map(u16::to_be_bytes) else { return Ok(None) };
    let answer = send(session, file, &Command::new(0x00, 0xB0, high & 0x7F, low).with_le(6))?;
    let there = matches!(answer.sw.0, 0x9000 | 0x6282) && answer.data.first() == Some(&0x61);
    let len = tlv::announced_len(&answer.data).ok().filter(|_| there);
    Ok(len.map(|len| at + len).filter(|&end| end <= size_limit(file)))
}

/// Reads a file that is a list of objects without one around them: what one short answer carries, at most 256 bytes.
///
/// # Errors
/// [`ReadError`].
pub(super) fn read_list<T: Transport>(session: &mut Session<T>, file: FileId) -> Result<Vec<u8>, ReadError> {
    select(session, file)?;
    let answer = send(session, file, &Command::new(0x00, 0xB0, 0, 0).with_le(256))?;
    if matches!(answer.sw.0, 0x9000 | 0x6282) { Ok(answer.data) } else { Err(refusal(file, answer.sw, 0)) }
}

/// Whether the card, and the reader, carry an extended Le: EF.ATR/INFO, which was selected and read in a short one, is read again.
pub(super) fn probe_extended<T: Transport>(session: &mut Session<T>) -> Result<bool, SessionError> {
    let answer = session.transmit(&Command::new(0x00, 0xB0, 0, 0).with_le(EXTENDED_LE_MAX))?;
    Ok(matches!(answer.sw.0, 0x9000 | 0x6282) && !answer.data.is_empty())
}

/// SELECT by file identifier, no answer data (P2 = 0C), and nothing else.
pub(super) fn select<T: Transport>(session: &mut Session<T>, file: FileId) -> Result<(), ReadError> {
    select::by_identifier(session, file, 0x0C, None)
}

/// Reads the file that is selected, or the one that `sfi` names, which selects it.
pub(super) fn read_selected<T: Transport>(
    session: &mut Session<T>,
    file: FileId,
    sfi: Option<u8>,
    quirks: &mut Vec<Quirk>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<u8>, ReadError> {
    let mut partial = Partial::default();
    fill(session, file, sfi, &mut partial, quirks, progress)?;
    Ok(partial.content)
}

/// Reads the selected file from where `partial` stands: first its head, then blocks.
fn fill<T: Transport>(
    session: &mut Session<T>,
    file: FileId,
    sfi: Option<u8>,
    partial: &mut Partial,
    quirks: &mut Vec<Quirk>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), ReadError> {
    let mut commands = 0;
    if partial.announced == 0 {
        head(session, file, sfi, partial, quirks)?;
        progress(Progress { file, done: partial.content.len(), total: partial.announced });
    }
    let mut ended = false;
    while partial.content.len() < partial.announced {
        let (at, announced) = (partial.content.len(), partial.announced);
        let limit = commands_limit(announced);
        if commands >= limit {
            return Err(ReadError::Endless { file, announced, found: at, commands });
        }
        let request = block::Request { file, at, rest: announced - at, ended };
        let block = block::next(session, &request, &mut commands, quirks).map_err(|error| match error {
            ReadError::Truncated { found, .. } => ReadError::Truncated { file, announced, found },
            error => error,
        })?;
        partial.content.extend(block.data);
        ended = block.end;
        progress(Progress { file, done: partial.content.len(), total: announced });
    }
    Ok(())
}

/// The first bytes of a file, and what they announce.
fn head<T: Transport>(
    session: &mut Session<T>,
    file: FileId,
    sfi: Option<u8>,
    partial: &mut Partial,
    quirks: &mut Vec<Quirk>,
) -> Result<(), ReadError> {
    let p1 = sfi.map_or(0, |sfi| 0x80 | sfi);
    let head = send(session, file, &Command::new(0x00, 0xB0, p1, 0).with_le(6))?;
    let mut content = match head.sw.0 {
        // 6282: a file of fewer bytes than were asked for.
        0x9000 | 0x6282 => head.data,
        _ => return Err(refusal(file, head.sw, 0)),
    };
    if content.len() > HEAD {
        quirks.push(Quirk::new("read.more-than-asked", format!("{file} offset 0")));
        content.truncate(HEAD);
    }
    let announced = tlv::announced_len(&content).map_err(|source| ReadError::Malformed { file, source })?;
    let limit = size_limit(file);
    if announced > limit {
        return Err(ReadError::TooLong { file, announced, limit });
    }
    content.truncate(announced);
    *partial = Partial { content, announced };
    Ok(())
}

/// Most READ BINARY that a file of so many bytes may cost: one for each 16 bytes, and those that find out what the card takes.
#[must_use]
pub const fn commands_limit(announced: usize) -> usize {
    64 + announced / 16
}

fn send<T: Transport>(session: &mut Session<T>, file: FileId, command: &Command) -> Result<Response, ReadError> {
    session.transmit(command).map_err(|source| ReadError::Session { file, source })
}

pub(super) fn refusal(file: FileId, sw: Sw, at: usize) -> ReadError {
    match sw.0 {
        0x6A82 => ReadError::NotFound { file },
        0x6982 => ReadError::Protected { file },
        0x6581 => ReadError::Damaged { file },
        _ => ReadError::Refused { file, sw, at },
    }
}

#[cfg(test)]
mod tests;
