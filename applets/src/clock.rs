//! How long a real chip would have taken: a model of link, processor, memory, and keys, in whole nanoseconds, computed from counts and bytes and
//! never from a clock.
//!
//! ```text
//! contactless (ISO/IEC 14443-4)  etu = 128 / 13.56 MHz / k, k = 1, 2, 4, 8 for 106, 212, 424, 848 kbit/s. Frame of PCB 1, at most 253 bytes, CRC 2:
//!                                9 etu a byte and 2 more; before it a frame delay of (9 · 128 + 84) / 13.56 MHz = 91 us. All blocks of a message
//!                                but the last are acknowledged by a frame of 3 bytes.
//! contact (T=1, ISO/IEC 7816-3)  block of NAD PCB LEN, at most 254 bytes, LRC: 11 etu a byte, and 22 before it; acknowledgements of 4 bytes
//! a command                      link both ways + apdu + pages · write or erase + cipher for each 16 bytes that began, of command and answer, where
//!                                they are protected + key operations + what the card held back
//! ```
//!
//! Key operations grow with the third power of the length of the key. A profile is a row of `clock/profiles.csv`; its text form is the name and what is
//! other than there: `typical+link=contactless-106+ec=90000`.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

const TABLE: &str = include_str!("clock/profiles.csv");
const COLUMNS: &str = "id,link,apdu,write,erase,cipher,ec,dh,rsa,rsa-public,what";

static PROFILES: LazyLock<Vec<(Timing, &'static str)>> = LazyLock::new(|| parse(TABLE).expect("a test reads the table"));

/// Text that is no profile of times.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part:?}: expected {expected}")]
pub struct TimingError {
    /// The part.
    part: String,
    /// What there can be.
    expected: String,
}

/// The way between reader and card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Link {
    /// By radio: the divisor k of the elementary time unit: 1, 2, 4, or 8.
    Contactless(u8),
    /// By contacts: bits a second.
    Contact(u32),
}

/// Frames of some kind: most bytes of a message in one, bytes around them.
struct Frames {
    most: u64,
    around: u64,
}

impl Frames {
    /// Blocks of a message and their acknowledgements, and the bytes of all.
    fn of(&self, len: u64) -> (u64, u64) {
        let blocks = len.div_ceil(self.most).max(1);
        let frames = 2 * blocks - 1;
        // an acknowledgement has nothing inside
        (frames, len + frames * self.around)
    }
}

impl Link {
    /// Frames and nanoseconds that a message of `len` bytes takes one way, with its acknowledgements.
    #[must_use]
    pub fn takes(self, len: usize) -> (u64, u64) {
        let len = u64::try_from(len).unwrap_or(u64::MAX >> 16);
        match self {
            Self::Contactless(k) => {
                let (frames, bytes) = Frames { most: 253, around: 3 }.of(len);
                // in periods of the carrier: 1 / 13.56 MHz = 25,000 / 339 ns
                let periods = (9 * bytes + 2 * frames) * (128 / u64::from(k.clamp(1, 8))) + frames * (9 * 128 + 84);
                (frames, periods * 25_000 / 339)
            }
            Self::Contact(rate) => {
                let (frames, bytes) = Frames { most: 254, around: 4 }.of(len);
                (frames, (11 * bytes + 22 * frames) * 1_000_000_000 / u64::from(rate.max(1)))
            }
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contactless(k) => write!(f, "contactless-{}", 106 * u32::from(*k)),
            Self::Contact(rate) => write!(f, "contact-{rate}"),
        }
    }
}

impl FromStr for Link {
    type Err = TimingError;

    fn from_str(text: &str) -> Result<Self, TimingError> {
        let link = match text.split_once('-') {
            Some(("contactless", "106")) => Some(Self::Contactless(1)),
            Some(("contactless", "212")) => Some(Self::Contactless(2)),
            Some(("contactless", "424")) => Some(Self::Contactless(4)),
            Some(("contactless", "848")) => Some(Self::Contactless(8)),
            Some(("contact", rate)) => rate.parse().ok().filter(|rate| (1_000..=10_000_000).contains(rate)).map(Self::Contact),
            _ => None,
        };
        let expected = "contactless-106, -212, -424, or -848 (kbit/s), or contact- and bits a second from 1000 to 10000000";
        link.ok_or_else(|| TimingError { part: text.to_owned(), expected: expected.to_owned() })
    }
}

/// An operation with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyWork {
    /// A scalar multiplication.
    Ec,
    /// An exponentiation in a group.
    Dh,
    /// A private operation of RSA.
    Rsa,
    /// A public one.
    RsaPublic,
}

const KINDS: [KeyWork; 4] = [KeyWork::Ec, KeyWork::Dh, KeyWork::Rsa, KeyWork::RsaPublic];

/// Names of the times of a profile, in the order of [`Timing::times`].
const TIMES: [&str; 8] = ["apdu", "write", "erase", "cipher", "ec", "dh", "rsa", "rsa-public"];
/// Longest time that may be given: ten minutes.
const LONGEST: u64 = 600_000_000;

/// How long a card takes for what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timing {
    name: &'static str,
    link: Link,
    /// Microseconds, by [`TIMES`].
    times: [u64; TIMES.len()],
}

impl Timing {
    /// The profile of that name: `fast`, `typical`, `slow`, or `contact`.
    ///
    /// # Errors
    /// [`TimingError`]: there is none.
    pub fn named(name: &str) -> Result<Self, TimingError> {
        PROFILES.iter().find(|(timing, _)| timing.name == name).map(|(timing, _)| *timing).ok_or_else(|| TimingError {
            part: name.to_owned(),
            expected: format!("one of {}", Self::all().map(|(timing, _)| timing.name).collect::<Vec<_>>().join(", ")),
        })
    }

    /// Every profile, and what it is.
    pub fn all() -> impl Iterator<Item = (&'static Self, &'static str)> {
        PROFILES.iter().map(|(timing, what)| (timing, *what))
    }

    /// The name of the profile, whatever was changed in it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The same with another value: `link`, or one of the times in microseconds by the names of the table.
    ///
    /// # Errors
    /// [`TimingError`]: there is no such value, or it is none.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, TimingError> {
        let wrong = |expected: String| TimingError { part: format!("{name}={value}"), expected };
        if name == "link" {
            self.link = value.parse()?;
            return Ok(self);
        }
        let place = TIMES.iter().position(|other| *other == name).and_then(|n| self.times.get_mut(n));
        let place = place.ok_or_else(|| wrong(format!("link=, or one of {} in microseconds", TIMES.join(", "))))?;
        let time = value.parse().ok().filter(|&time| time <= LONGEST);
        *place = time.ok_or_else(|| wrong(format!("microseconds up to {LONGEST}")))?;
        Ok(self)
    }

    /// Nanoseconds of one of [`TIMES`].
    fn nanoseconds(&self, n: usize) -> u64 {
        self.times.get(n).copied().unwrap_or_default() * 1000
    }

    /// One command: what it did, as the card counted, with the times that this profile gives to it.
    pub(crate) fn price(&self, mut spent: ChipTime, command: usize, answer: Option<usize>, keys: &[(KeyWork, usize)]) -> ChipTime {
        let (frames, link) = self.link.takes(command);
        let (back, answered) = answer.map_or((0, 0), |answer| self.link.takes(answer));
        spent.frames = frames + back;
        spent.link = Duration::from_nanos(link + answered);
        spent.processor = Duration::from_nanos(self.nanoseconds(0));
        spent.memory = Duration::from_nanos((spent.written - spent.erased) * self.nanoseconds(1) + spent.erased * self.nanoseconds(2));
        spent.cipher = Duration::from_nanos(spent.ciphered * self.nanoseconds(3));
        for (kind, octets) in keys {
            let n = KINDS.iter().position(|other| other == kind).unwrap_or_default();
            let (cube, base) = (u64::try_from(octets.pow(3)).unwrap_or(u64::MAX >> 40), if *kind == KeyWork::Ec { 32 } else { 256 });
            let time = u128::from(self.nanoseconds(4 + n)) * u128::from(cube) / u128::from(u64::pow(base, 3));
            spent.keys += Duration::from_nanos(u64::try_from(time).unwrap_or(u64::MAX));
        }
        spent
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        let Ok(named) = Self::named(self.name) else { return Ok(()) };
        if self.link != named.link {
            write!(f, "+link={}", self.link)?;
        }
        for ((name, own), theirs) in TIMES.iter().zip(self.times).zip(named.times) {
            if own != theirs {
                write!(f, "+{name}={own}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Timing {
    type Err = TimingError;

    fn from_str(text: &str) -> Result<Self, TimingError> {
        let mut parts = text.split('+');
        let timing = Self::named(parts.next().unwrap_or_default())?;
        parts.try_fold(timing, |timing, part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            timing.with(name, value)
        })
    }
}

fn parse(table: &'static str) -> Result<Vec<(Timing, &'static str)>, TimingError> {
    let wrong = |part: &str, expected: &str| TimingError { part: part.to_owned(), expected: expected.to_owned() };
    let mut lines = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let head = lines.next().unwrap_or_default();
    if head != COLUMNS {
        return Err(wrong(head, COLUMNS));
    }
    lines
        .map(|line| {
            let mut cells = line.splitn(2 + TIMES.len() + 1, ',');
            let mut cell = || cells.next().ok_or_else(|| wrong(line, COLUMNS));
            let (name, link) = (cell()?, cell()?.parse()?);
            let mut timing = Timing { name, link, times: [0; TIMES.len()] };
            for name in TIMES {
                timing = timing.with(name, cell()?)?;
            }
            Ok((timing, cell()?))
        })
        .collect()
}

/// Whether whoever serves a card waits as long as the model says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Waits {
    /// Nobody waits, not even where the card holds an answer back; the time is added up.
    #[default]
    Virtual,
    /// Answers go out when a real card would have given them, or as soon as ours has them if that is later.
    Real,
}

/// What a card did, and how long it would have taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChipTime {
    /// Commands.
    pub commands: u64,
    /// Bytes of the commands.
    pub bytes_in: u64,
    /// Bytes of the answers.
    pub bytes_out: u64,
    /// Frames or blocks on the link.
    pub frames: u64,
    /// Pages programmed, the erased among them.
    pub written: u64,
    /// Pages erased.
    pub erased: u64,
    /// Blocks of 16 bytes that began in protected commands and answers.
    pub ciphered: u64,
    /// Operations with keys.
    pub key_operations: u64,
    /// Time on the link.
    pub link: Duration,
    /// Time of the processor for each command.
    pub processor: Duration,
    /// Time of the memory.
    pub memory: Duration,
    /// Time of the secure channel.
    pub cipher: Duration,
    /// Time of operations with keys.
    pub keys: Duration,
    /// What the card held back: after failed authentications, and by faults.
    pub held_back: Duration,
}

impl ChipTime {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> Duration {
        [self.link, self.processor, self.memory, self.cipher, self.keys, self.held_back].into_iter().sum()
    }

    /// Each part with its name.
    #[must_use]
    pub const fn parts(&self) -> [(&'static str, Duration); 6] {
        [
            ("link", self.link),
            ("processor", self.processor),
            ("memory", self.memory),
            ("cipher", self.cipher),
            ("keys", self.keys),
            ("held-back", self.held_back),
        ]
    }
}

impl std::ops::AddAssign for ChipTime {
    fn add_assign(&mut self, other: Self) {
        self.commands += other.commands;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.frames += other.frames;
        self.written += other.written;
        self.erased += other.erased;
        self.ciphered += other.ciphered;
        self.key_operations += other.key_operations;
        self.link += other.link;
        self.processor += other.processor;
        self.memory += other.memory;
        self.cipher += other.cipher;
        self.keys += other.keys;
        self.held_back += other.held_back;
    }
}

impl fmt::Display for ChipTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s in {} commands", self.total().as_secs_f64(), self.commands)?;
        for (n, (name, time)) in self.parts().into_iter().filter(|(_, time)| !time.is_zero()).enumerate() {
            write!(f, "{} {name} {:.3}", if n == 0 { ":" } else { "," }, time.as_secs_f64())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_read_and_write() {
        let all = parse(TABLE).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(all.iter().map(|(timing, _)| timing.name).collect::<Vec<_>>(), ["fast", "typical", "slow", "contact"]);
        for text in ["typical", "slow+link=contactless-848", "contact+link=contact-9600+apdu=0+rsa-public=1"] {
            assert_eq!(text.parse::<Timing>().map(|timing| timing.to_string()), Ok(text.to_owned()));
        }
        for (text, names) in [
            ("quick", "fast, typical, slow, contact"),
            ("fast+speed=3", "apdu, write"),
            ("fast+ec=x", "microseconds up to"),
            ("fast+ec=600000001", "microseconds up to"),
            ("fast+link=contactless-107", "contactless-106"),
            ("fast+link=contact-0", "bits a second"),
            ("fast+", "link="),
        ] {
            let error = text.parse::<Timing>().expect_err("no profile").to_string();
            assert!(error.contains(names), "{text}: {error}");
        }
    }

    /// By hand, from the formula at the head of this file.
    #[test]
    fn a_message_on_the_link_takes_what_the_standard_says() {
        // one frame of 8 bytes: (9·8 + 2)·128 + 1236 = 10,708 periods
        assert_eq!(Link::Contactless(1).takes(5), (1, 10_708 * 25_000 / 339));
        // 848 kbit/s: (9·8 + 2)·16 + 1236 = 2420 periods
        assert_eq!(Link::Contactless(8).takes(5), (1, 178_466));
        // 253 bytes fill a frame; one more makes two, and an acknowledgement of 3 bytes: (9·(254 + 9) + 6)·128 + 3·1236 = 307,452 periods
        assert_eq!((Link::Contactless(1).takes(253).0, Link::Contactless(1).takes(254)), (1, (3, 22_673_451)));
        // T=1 at 9600 bit/s: (11·(5 + 4) + 22) etu = 121 etu
        assert_eq!(Link::Contact(9600).takes(5), (1, 12_604_166));
        // 25,000 bytes in 105 full frames and as many short answers: 2.34, 1.18, 0.60, and 0.31 s by a model of another hand, with delays of 86 us
        let all = [1, 2, 4, 8].map(|k| 105 * (Link::Contactless(k).takes(253).1 + Link::Contactless(k).takes(2).1) / 10_000_000);
        assert_eq!(all, [235, 118, 60, 31]);
    }

    #[test]
    fn keys_cost_the_third_power_of_their_length() {
        let timing = Timing::named("typical").expect("a profile");
        let price = |kind, octets| timing.price(ChipTime::default(), 0, None, &[(kind, octets)]).keys;
        assert_eq!(price(KeyWork::Ec, 32), Duration::from_millis(60));
        assert_eq!(price(KeyWork::Ec, 48), Duration::from_micros(202_500));
        assert_eq!(price(KeyWork::Rsa, 512), Duration::from_secs(2));
        assert_eq!(price(KeyWork::Dh, 128), Duration::from_millis(25));
    }
}
