//! Reading one elementary file: SELECT, then READ BINARY until the length that its first bytes announce.
//!
//! What the card announces is believed only up to what such a file may be ([`size_limit`]); every step must bring data; bytes
//! beyond 32 KiB are read with the odd instruction B1 (ISO/IEC 7816-4 clause 11.3.3, Doc 9303-10 clause 3.6.3). A refusal is a value with the
//! status word, because most refusals mean something; what cannot be believed at all is a [`SessionError`].

use std::borrow::Cow;

use eid::apdu::{Command, Response, Sw};
use eid::image::{FileId, Home};
use eid::protocol::finding::{Check, Finding};
use eid::quirk::Quirk;
use eid::tlv::{self, TlvError};
use eid::transport::Transport;

use crate::session::{Session, SessionError};

/// First bytes of a file, enough for any tag and length.
const HEAD: usize = 6;
/// Highest offset of the even instruction B0.
const B0_END: usize = 0x7FFF;
/// Most bytes of one step: more makes a card's buffer, and progress, too coarse.
const STEP: usize = 0x4000;
/// Steps to which a card that refuses longer answers is brought down.
const SMALLER_STEPS: [usize; 3] = [0xDF, 0x80, 0x40];

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
    /// The card was not reached, or its answer cannot be believed.
    #[error("{file}: {source}")]
    Session {
        /// The file.
        file: FileId,
        /// What happened.
        source: SessionError,
    },
}

/// Most bytes that are read of a file: biometric data groups and free ones may be long, lists and keys are not.
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
    Check::named(id, "Doc 9303-10 §3.6")
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
    if file == FileId::CVCA {
        // Two objects side by side, filled up: the first one's length is not the file's.
        return read_list(session, file);
    }
    select(session, file)?;
    read_selected(session, file, None, quirks, progress)
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

/// SELECT by file identifier, no answer data (P2 = 0C).
pub(super) fn select<T: Transport>(session: &mut Session<T>, file: FileId) -> Result<(), ReadError> {
    let command = Command::new(0x00, 0xA4, 0x02, 0x0C).with_data(file.fid.to_be_bytes());
    let answer = send(session, file, &command)?;
    // 6282 and 6283 are warnings: a card may say so of a file that it lets us read.
    if answer.sw.is_ok() || matches!(answer.sw.0, 0x6282 | 0x6283) { Ok(()) } else { Err(refusal(file, answer.sw, 0)) }
}

/// Reads the file that is selected, or the one that `sfi` names, which selects it.
pub(super) fn read_selected<T: Transport>(
    session: &mut Session<T>,
    file: FileId,
    sfi: Option<u8>,
    quirks: &mut Vec<Quirk>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<u8>, ReadError> {
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
    progress(Progress { file, done: content.len(), total: announced });
    let mut smaller = SMALLER_STEPS.iter();
    let mut step = STEP;
    while content.len() < announced {
        let at = content.len();
        let wanted = (announced - at).min(step).min(session.max_answer());
        let answer = read_at(session, file, at, wanted)?;
        match answer.sw.0 {
            0x9000 | 0x6282 if !answer.data.is_empty() => {
                let end = answer.sw.0 == 0x6282;
                if answer.data.len() > wanted {
                    quirks.push(Quirk::new("read.more-than-asked", format!("{file} offset {at}")));
                }
                content.extend(answer.data.iter().take(wanted));
                progress(Progress { file, done: content.len(), total: announced });
                if end && content.len() < announced {
                    return Err(ReadError::Truncated { file, announced, found: content.len() });
                }
            }
            0x6282 | 0x6B00 => return Err(ReadError::Truncated { file, announced, found: at }),
            // Too long for this card or reader: short lengths first, then fewer bytes.
            0x6700 | 0x6C00..=0x6CFF | 0x9000 => {
                let down = if session.is_extended() {
                    session.use_short_apdus();
                    Some("short lengths".to_owned())
                } else {
                    smaller.find(|&&smaller| smaller < wanted).map(|&smaller| {
                        step = smaller;
                        format!("{smaller} bytes")
                    })
                };
                let down = down.ok_or_else(|| refusal(file, answer.sw, at))?;
                quirks
                    .push(Quirk::new("read.step-reduced", format!("{file} offset {at}: {} for {wanted} bytes, down to {down}", answer.sw)));
            }
            _ => return Err(refusal(file, answer.sw, at)),
        }
    }
    Ok(content)
}

/// READ BINARY of `wanted` bytes at `at`: B0, beyond its reach B1 with DO'54' out and DO'53' back.
fn read_at<T: Transport>(session: &mut Session<T>, file: FileId, at: usize, wanted: usize) -> Result<Response, ReadError> {
    let le = |bytes: usize| u32::try_from(bytes).unwrap_or(eid::apdu::EXTENDED_LE_MAX);
    if let Some([p1, p2]) = u16::try_from(at).ok().filter(|_| at <= B0_END).map(u16::to_be_bytes) {
        return send(session, file, &Command::new(0x00, 0xB0, p1, p2).with_le(le(wanted)));
    }
    let offset: Vec<u8> = at.to_be_bytes().into_iter().skip_while(|&byte| byte == 0).collect();
    // Tag and length of DO'53' take their part of the answer.
    let wanted = wanted.min(session.max_answer().saturating_sub(4));
    let overhead = match wanted {
        0..=0x7F => 2,
        0x80..=0xFF => 3,
        _ => 4,
    };
    let command = Command::new(0x00, 0xB1, 0x00, 0x00).with_data(tlv::encode(0x54, &offset)).with_le(le(wanted + overhead));
    let mut answer = send(session, file, &command)?;
    if !answer.data.is_empty() {
        let object = tlv::single(&answer.data, 0x53).map_err(|source| ReadError::Malformed { file, source })?;
        answer.data = object.value.to_vec();
    }
    Ok(answer)
}

fn send<T: Transport>(session: &mut Session<T>, file: FileId, command: &Command) -> Result<Response, ReadError> {
    session.transmit(command).map_err(|source| ReadError::Session { file, source })
}

fn refusal(file: FileId, sw: Sw, at: usize) -> ReadError {
    match sw.0 {
        0x6A82 => ReadError::NotFound { file },
        0x6982 => ReadError::Protected { file },
        0x6581 => ReadError::Damaged { file },
        _ => ReadError::Refused { file, sw, at },
    }
}

#[cfg(test)]
mod tests;
