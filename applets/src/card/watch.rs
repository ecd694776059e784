//! What a bench sees of a card: the last commands and answers, on the wire and inside the channel, and the time that they would have taken.
//!
//! A card that nobody watches pays one comparison for each command. What is kept is bounded, in number and in length. Data that could be secret is
//! never kept: of STORE DATA, PUT KEY, VERIFY, and their kin there is the header alone. Contents of files that are not open to everybody are kept apart,
//! for who says [`Contents::Shown`].

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use eid::apdu::{Command, Response};
use eid::image::FileId;
use eid::image::access::{Rule, rule};
use eid::transport::TransportError;

use super::Card;
use crate::clock::{ChipTime, KeyWork, Timing, Waits};

/// Most exchanges that are kept.
const KEPT: usize = 64;
/// Most bytes of a message that are kept.
const HEAD: usize = 1024;

/// The beginning of a message, how long it was, and its last two bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    head: Vec<u8>,
    len: usize,
    end: [u8; 2],
}

impl Message {
    fn new(bytes: &[u8]) -> Self {
        Self::first(bytes, HEAD)
    }

    fn first(bytes: &[u8], most: usize) -> Self {
        Self { head: bytes.iter().copied().take(most).collect(), len: bytes.len(), end: bytes.last_chunk().copied().unwrap_or_default() }
    }

    /// The header of a command whose data may be secret.
    fn header(bytes: &[u8]) -> Self {
        Self { end: [0; 2], ..Self::first(bytes, 4) }
    }

    /// As much as was kept: all of it, its first 1024 bytes, the header of a command alone, or nothing of an answer but its status word.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.head
    }

    /// The last two bytes: of an answer, the status word.
    #[must_use]
    pub const fn status(&self) -> u16 {
        u16::from_be_bytes(self.end)
    }

    /// How long it was.
    #[must_use]
    pub const fn full_len(&self) -> usize {
        self.len
    }

    /// Whether all of it is here.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.head.len() == self.len
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} bytes)", self.len)
    }
}

/// Whether contents of files that are not open to everybody are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// The status word and the length alone.
    Hidden,
    /// As they are.
    Shown,
}

/// A command and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Counted from 1, over resets.
    pub number: u64,
    /// On the wire.
    pub command: Message,
    /// Inside the channel that it came in.
    pub plain_command: Option<Message>,
    /// The file that was selected or read.
    pub file: Option<FileId>,
    /// What the card says it would have taken; zero without a time model, but for what it held back.
    pub time: Duration,
    answer: Option<Message>,
    plain_answer: Option<Message>,
}

impl Exchange {
    fn guards(&self) -> bool {
        matches!(self.plain_command.as_ref().unwrap_or(&self.command).bytes(), [_, 0xB0 | 0xB1, ..])
            && self.file.is_none_or(|file| rule(file) != Rule::Always)
    }

    /// The answer on the wire; `None` if the card left before it answered.
    #[must_use]
    pub fn answer(&self, contents: Contents) -> Option<Message> {
        // protection that a fault took off bares what it should have covered
        let bare = self.plain_answer.is_none() || self.plain_answer == self.answer;
        self.answer.as_ref().map(|answer| self.told(answer, bare, contents))
    }

    /// The answer inside the channel.
    #[must_use]
    pub fn plain_answer(&self, contents: Contents) -> Option<Message> {
        self.plain_answer.as_ref().map(|answer| self.told(answer, true, contents))
    }

    fn told(&self, answer: &Message, bare: bool, contents: Contents) -> Message {
        let hidden = bare && contents == Contents::Hidden && self.guards();
        Message { head: if hidden { Vec::new() } else { answer.head.clone() }, ..*answer }
    }
}

/// Whether the data of the command may be a password or a key.
const fn is_secret(cla: u8, ins: u8) -> bool {
    matches!((cla & 0x80, ins), (0x80, 0xE2 | 0xD8) | (0x00, 0x20 | 0x21 | 0x24 | 0x2C))
}

/// What is noted of a card.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    timing: Option<(Timing, Waits)>,
    time: ChipTime,
    last: VecDeque<Exchange>,
    number: u64,
    /// Programs of the memory that are paid for.
    paid: (u64, u64),
    /// Operations with keys of the command under way.
    keys: Vec<(KeyWork, usize)>,
    plain: Option<(Message, Option<Message>)>,
}

impl Card {
    fn watch(&mut self) -> &mut Watch {
        let paid = self.store.programs();
        self.watch.get_or_insert_with(|| Box::new(Watch { paid, ..Watch::default() }))
    }

    /// Keeps the last 64 commands and answers from now on, for [`last`](Self::last).
    pub fn keep_exchanges(&mut self) {
        let _ = self.watch();
    }

    /// The commands and answers that were kept, the oldest first.
    pub fn last(&self) -> impl DoubleEndedIterator<Item = &Exchange> {
        self.watch.iter().flat_map(|watch| &watch.last)
    }

    /// Has the card count the time that a real one would take, from now on and from zero. In process nothing waits; whoever serves the card to a
    /// reader waits as `waits` says.
    pub fn set_timing(&mut self, timing: Timing, waits: Waits) {
        let paid = self.store.programs();
        let watch = self.watch();
        (watch.timing, watch.time, watch.paid) = (Some((timing, waits)), ChipTime::default(), paid);
    }

    /// The profile of times that was set.
    #[must_use]
    pub fn timing(&self) -> Option<(Timing, Waits)> {
        self.watch.as_ref().and_then(|watch| watch.timing)
    }

    /// What the card did since it is watched, and how long it would have taken. Without a time model everything is counted, and only what was held back
    /// takes time.
    #[must_use]
    pub fn chip_time(&self) -> ChipTime {
        self.watch.as_ref().map_or_else(ChipTime::default, |watch| watch.time)
    }

    /// An operation with a key of so many octets.
    pub(crate) fn works(&mut self, work: KeyWork, octets: usize, times: usize) {
        if let Some(watch) = &mut self.watch {
            watch.keys.extend(std::iter::repeat_n((work, octets), times));
        }
    }

    /// The command under way, out of its protection.
    pub(crate) fn note_plain(&mut self, command: &Command) {
        if let Some(watch) = &mut self.watch {
            let bytes = command.encode().unwrap_or_else(|_| command.header().to_vec());
            let message = if is_secret(command.cla, command.ins) { Message::header(&bytes) } else { Message::new(&bytes) };
            watch.plain = Some((message, None));
        }
    }

    /// Its answer, before it is protected.
    pub(crate) fn note_plain_answer(&mut self, response: &Response) {
        if let Some((_, answer)) = self.watch.as_mut().and_then(|watch| watch.plain.as_mut()) {
            *answer = Some(Message::new(&response.encode()));
        }
    }

    /// A command with its answer, noted.
    pub(super) fn exchange_watched(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let waiting = self.waited;
        let answer = self.exchange_unwatched(command);
        let held_back = self.waited.saturating_sub(waiting);
        let programs = self.store.programs();
        let (header, current) = (command.first_chunk::<4>().copied().unwrap_or_default(), self.ram.current);
        let Some(watch) = self.watch.as_mut() else { return answer };

        let answered = answer.as_ref().ok().map(Vec::len);
        let protected = header[0] & 0x0C != 0 && header[0] & 0x60 == 0;
        let blocks = |len: usize| u64::try_from(len.div_ceil(16)).unwrap_or(u64::MAX >> 32);
        let keys = std::mem::take(&mut watch.keys);
        let mut spent = ChipTime {
            commands: 1,
            bytes_in: u64::try_from(command.len()).unwrap_or_default(),
            bytes_out: answered.and_then(|len| u64::try_from(len).ok()).unwrap_or_default(),
            written: programs.0.saturating_sub(watch.paid.0),
            erased: programs.1.saturating_sub(watch.paid.1),
            ciphered: if protected { blocks(command.len()) + answered.map_or(0, blocks) } else { 0 },
            key_operations: u64::try_from(keys.len()).unwrap_or_default(),
            ..ChipTime::default()
        };
        watch.paid = programs;
        if let Some((timing, waits)) = &watch.timing {
            spent = timing.price(spent, command.len(), answered, &keys);
            match waits {
                Waits::Virtual => self.waited = Duration::ZERO,
                Waits::Real => self.waited += spent.total(),
            }
        }
        spent.held_back = held_back;
        watch.time += spent;

        let (plain_command, plain_answer) = watch.plain.take().unzip();
        let plain: [u8; 4] = plain_command.as_ref().and_then(|plain: &Message| plain.bytes().first_chunk().copied()).unwrap_or(header);
        watch.number += 1;
        if watch.last.len() == KEPT {
            watch.last.pop_front();
        }
        watch.last.push_back(Exchange {
            number: watch.number,
            command: if is_secret(header[0], header[1]) { Message::header(command) } else { Message::new(command) },
            plain_command,
            file: current.filter(|_| matches!(plain[1], 0xA4 | 0xB0 | 0xB1)),
            time: spent.total(),
            answer: answer.as_ref().ok().map(|answer| Message::new(answer)),
            plain_answer: plain_answer.flatten(),
        });
        answer
    }
}
