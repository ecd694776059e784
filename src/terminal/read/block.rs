//! One block of a file: as many bytes as the card gives at once. A card that refuses the length, or answers nothing, is asked for less, at
//! every block and not only at the first; what it took is remembered for the next one, and for the next card of its type.

use eid::apdu::{Command, EXTENDED_LE_MAX, Response};
use eid::image::FileId;
use eid::quirk::Quirk;
use eid::sm::{Counted, SmError};
use eid::tlv;
use eid::transport::Transport;

use super::{ReadError, refusal, send};
use crate::session::habits::Bare;
use crate::session::{Session, SessionError};

/// Highest offset of the even instruction B0.
const B0_END: usize = 0x7FFF;
/// Most bytes of one step: more makes a card's buffer, and progress, too coarse.
const STEP: usize = 0x4000;
/// What is asked for instead where more was refused. Cards are known that stop at 236, 224, 223, 192, 160, and below 100.
const SMALLER: [usize; 10] = [0x1000, 0x400, 0x100, 0xDF, 0xC0, 0xA0, 0x80, 0x60, 0x40, 0x20];
/// Most bytes of a short answer.
const SHORT: usize = 0x100;

/// Which bytes are wanted.
pub(super) struct Request {
    pub(super) file: FileId,
    /// From here on.
    pub(super) at: usize,
    /// So many at most, at least one.
    pub(super) rest: usize,
    /// The card said before that the file ends here.
    pub(super) ended: bool,
}

/// What came.
pub(super) struct Block {
    /// At least one byte, no more than were wanted.
    pub(super) data: Vec<u8>,
    /// The card says that the file ends with them.
    pub(super) end: bool,
}

/// Reads the next bytes. `commands` counts READ BINARY.
pub(super) fn next<T: Transport>(
    session: &mut Session<T>,
    request: &Request,
    commands: &mut usize,
    quirks: &mut Vec<Quirk>,
) -> Result<Block, ReadError> {
    let &Request { file, at, rest, ended } = request;
    let fits = |session: &Session<T>, wanted: usize| wanted.min(rest).min(session.max_answer()).max(1);
    let first = fits(session, session.habits().read_at_most(STEP));
    let (mut wanted, mut steps, mut too_long) = (first, Vec::new(), false);
    loop {
        *commands += 1;
        let before = session.traffic().commands;
        let answer = match read_at(session, file, at, wanted) {
            Err(ReadError::Session { source: SessionError::SecureMessaging(SmError::Unprotected(sw)), .. }) if is_length(sw.0) => {
                *commands += 1;
                in_the_clear(session, request, sw.0, wanted, quirks)?
            }
            answer => answer?,
        };
        let sw = answer.sw;
        match sw.0 {
            0x9000 | 0x6282 if !answer.data.is_empty() => {
                let mut data = answer.data;
                if data.len() > wanted {
                    quirks.push(Quirk::new("read.more-than-asked", format!("{file} offset {at}")));
                    data.truncate(wanted);
                }
                // A length that was refused for the end of the file says nothing about the next one; one that the card named does (6Cxx).
                if too_long {
                    session.habits_mut().largest_read = Some(wanted);
                } else if data.len() < wanted && session.traffic().commands > before + 1 {
                    session.habits_mut().largest_read = Some(data.len());
                }
                quirks.append(&mut steps);
                return Ok(Block { data, end: sw.0 == 0x6282 });
            }
            0x6282 | 0x6B00 if ended => return Err(ReadError::Truncated { file, announced: 0, found: at }),
            0x6282 | 0x6B00 => {}
            0x9000 | 0x6700 | 0x6C00..=0x6CFF => too_long = true,
            _ => return Err(refusal(file, sw, at)),
        }
        let Some(&less) = SMALLER.iter().find(|&&less| less < wanted) else {
            return Err(match sw.0 {
                0x6282 | 0x6B00 => ReadError::Truncated { file, announced: 0, found: at },
                _ => refusal(file, sw, at),
            });
        };
        let mut down = format!("{less} bytes");
        if less <= SHORT && session.is_extended() && too_long {
            session.use_short_apdus();
            session.habits_mut().short_only = true;
            "short lengths".clone_into(&mut down);
        }
        steps.push(Quirk::new("read.step-reduced", format!("{file} offset {at}: {sw} for {wanted} bytes, down to {down}")));
        wanted = fits(session, less);
    }
}

/// Whether a status word says that the length is wrong, or that there are not so many bytes: 6700, 6B00, 6282, 6Cxx.
#[must_use]
pub const fn is_length(sw: u16) -> bool {
    matches!(sw, 0x6700 | 0x6B00 | 0x6282 | 0x6C00..=0x6CFF)
}

/// A length was refused in the clear. A card that does so before it looks at the message has kept the channel: the same bytes are asked
/// for again, fewer of them, with the counter where such a card has it. Where that is wrong too, the error is the first one, and the card
/// must be opened again.
fn in_the_clear<T: Transport>(
    session: &mut Session<T>,
    request: &Request,
    sw: u16,
    wanted: usize,
    quirks: &mut Vec<Quirk>,
) -> Result<Response, ReadError> {
    let &Request { file, at, .. } = request;
    let first = ReadError::Session { file, source: SmError::Unprotected(eid::apdu::Sw(sw)).into() };
    let guess = session.habits().bare.unwrap_or_default();
    let counted = match guess {
        Bare::NotCounted => Counted::Nothing,
        Bare::CommandCounted => Counted::Command,
        Bare::BothCounted => Counted::Both,
        Bare::ChannelLost => return Err(first),
    };
    let Some(&less) = SMALLER.iter().find(|&&less| less < wanted.min(SHORT + 1)) else { return Err(first) };
    if !session.resume_channel(counted) {
        return Err(first);
    }
    session.use_short_apdus();
    match read_at(session, file, at, less.min(session.max_answer())) {
        Ok(answer) => {
            let place = format!("{file} offset {at}: {sw:04X} for {wanted} bytes without secure messaging; the channel held");
            quirks.push(Quirk::new("read.refused-in-the-clear", place));
            let habits = session.habits_mut();
            (habits.bare, habits.short_only) = (Some(guess), true);
            Ok(answer)
        }
        // The card had counted otherwise, or had dropped the channel.
        Err(ReadError::Session { source: SessionError::SecureMessaging(SmError::Unprotected(_)), .. }) => {
            session.habits_mut().bare = Some(guess.next());
            Err(first)
        }
        Err(error) => Err(error),
    }
}

/// READ BINARY of `wanted` bytes at `at`: B0, beyond its reach B1 with DO'54' out and DO'53' back.
fn read_at<T: Transport>(session: &mut Session<T>, file: FileId, at: usize, wanted: usize) -> Result<Response, ReadError> {
    let le = |bytes: usize| u32::try_from(bytes).unwrap_or(EXTENDED_LE_MAX);
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
