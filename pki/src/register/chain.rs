//! The chain of a register: each line names the SHA-256 of the line before, and a head file the number of lines and the hash of the
//! last, so that a changed, removed, moved, or cut line is found and named.
//!
//! ```text
//! register.jsonl   {"v":2,"n":7,"prev":"<SHA-256 of line 6>","date":…,"event":…}
//! register.head    {"v":1,"count":7,"hash":"<SHA-256 of line 7>","check":"<of count and hash>"}
//! ```
//!
//! The chain has no key: who can write both files can write another register. Keep count and hash elsewhere too, on the paper of a
//! ceremony or in a report, and ask for them ([`Inspection::contains`]). What a crash leaves is told from a change: an unfinished last
//! line, or one line more than the head file knows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use eid::crypto::hash::Hash;
use serde::{Deserialize, Serialize};

use super::entry::{self, Entry};

/// Count and hash of the last line: what stands for the whole register.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Number of lines.
    pub count: u64,
    /// SHA-256 of the last line without its end, 64 hexadecimal digits; 64 zeros before the first line.
    pub hash: String,
}

/// `7:5c3a…`, as commands print and take it.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.count, self.hash)
    }
}

impl std::str::FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected COUNT:HASH with 64 hexadecimal digits, found {text:?}");
        let (count, hash) = text.split_once(':').ok_or_else(wrong)?;
        if hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        Ok(Self { count: count.parse().map_err(|_| wrong())?, hash: hash.to_ascii_lowercase() })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadFile {
    v: u32,
    count: u64,
    hash: String,
    check: String,
}

impl Head {
    /// Before the first line.
    #[must_use]
    pub fn empty() -> Self {
        Self { count: 0, hash: "0".repeat(64) }
    }

    /// The head file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let check = hex::encode(Hash::Sha256.digest(&[self.to_string().as_bytes()]).get(..8).unwrap_or_default());
        let file = HeadFile { v: 1, count: self.count, hash: self.hash.clone(), check };
        let mut bytes = serde_json::to_vec(&file).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let file: HeadFile = serde_json::from_slice(bytes).map_err(|e| format!("it does not read: {e}"))?;
        if file.v != 1 {
            return Err(format!("expected version 1, found {}", file.v));
        }
        let head = Self { count: file.count, hash: file.hash };
        // every octet counts: what differs from what we would have written was changed
        if head.to_bytes() == bytes { Ok(head) } else { Err("its check does not fit".to_owned()) }
    }
}

/// What is wrong with a register. Lines are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A line that is no entry.
    #[error("line {line} does not read: {detail}")]
    Unreadable {
        /// The line.
        line: u64,
        /// Why.
        detail: String,
    },
    /// A line whose hash is not the one that was written down after it.
    #[error("line {line} was changed: its hash is not what {witness} says")]
    Changed {
        /// The line.
        line: u64,
        /// Who says so.
        witness: String,
    },
    /// The lines of version 1 that a line seals.
    #[error("lines 1 to {last}, of version 1, were changed: their hash is not what line {} says", last + 1)]
    SealBroken {
        /// The last of them.
        last: u64,
    },
    /// An entry that is not there.
    #[error("entry {entry} was removed")]
    Removed {
        /// Its number.
        entry: u64,
    },
    /// An entry at another place.
    #[error("entry {entry} stands at the place of entry {expected}")]
    Moved {
        /// Its number.
        entry: u64,
        /// The number that belongs there.
        expected: u64,
    },
    /// An entry that is there more than once.
    #[error("entry {entry} is there twice")]
    Twice {
        /// Its number.
        entry: u64,
    },
    /// The end is missing.
    #[error("the end was cut off: the head file counts {expected} entries, found {found}")]
    Cut {
        /// Entries by the head file.
        expected: u64,
        /// Entries that are there.
        found: u64,
    },
    /// More lines than one crash can leave after the head file was written.
    #[error("the head file counts {expected} entries, found {found}: more than a crash can leave")]
    Beyond {
        /// Entries by the head file.
        expected: u64,
        /// Entries that are there.
        found: u64,
    },
    /// The head file.
    #[error("head file: {detail}")]
    Head {
        /// What is wrong.
        detail: String,
    },
}

/// What a crash left; the next opening puts it right and writes so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Crash {
    /// The last line has no end; it was never acknowledged.
    #[error("the last line has no end ({bytes} bytes): the program ended while it wrote")]
    Torn {
        /// Its length.
        bytes: usize,
    },
    /// The last line is not in the head file.
    #[error("line {line} is not in the head file: the program ended in between")]
    HeadBehind {
        /// The line.
        line: u64,
    },
}

/// What was found in a register.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Entries in order; complete only where there is no fault.
    pub entries: Vec<Entry>,
    /// What is wrong. Empty: nothing was changed since the head file was written, or everything was rewritten.
    pub faults: Vec<Fault>,
    /// What a crash left.
    pub crash: Option<Crash>,
    /// Count and hash of the last complete line.
    pub head: Head,
    /// Whether it is of version 1, without a chain.
    pub unsealed: bool,
    /// Bytes of the complete lines.
    pub(super) complete: usize,
    hashes: Vec<String>,
}

impl Inspection {
    /// Whether the register holds what `head` stood for at an earlier time, and everything up to there is as it was.
    #[must_use]
    pub fn contains(&self, head: &Head) -> bool {
        let at = usize::try_from(head.count).ok().and_then(|count| count.checked_sub(1));
        match at {
            None => *head == Head::empty(),
            Some(at) => self.faults.is_empty() && self.hashes.get(at) == Some(&head.hash),
        }
    }
}

/// SHA-256 of a line without its end.
pub(super) fn hash(line: &[u8]) -> String {
    hex::encode(Hash::Sha256.digest(&[line]))
}

/// One line as far as the chain is concerned.
struct Link {
    /// Place in the file.
    line: u64,
    hash: String,
    entry: Result<Entry, String>,
    /// The number it says, or where that cannot be right, the place.
    number: u64,
}

/// Looks at the bytes of a register and of its head file.
#[must_use]
pub fn inspect(text: &[u8], head: Option<&[u8]>) -> Inspection {
    let complete = text.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    let body = text.get(..complete).unwrap_or_default();
    let mut faults = Vec::new();
    let head = match head.map(Head::from_bytes).transpose() {
        Ok(head) => head,
        Err(detail) => {
            faults.push(Fault::Head { detail });
            None
        }
    };
    let head_damaged = !faults.is_empty();
    let mut lines: Vec<&[u8]> = body.split(|&b| b == b'\n').collect();
    lines.pop(); // after the last end of line
    let mut links: Vec<Link> = (1u64..).zip(&lines).map(|(line, bytes)| link(line, bytes)).collect();

    let sealed =
        links.iter().find_map(|l| l.entry.as_ref().ok().filter(|e| e.kind == entry::Kind::Sealed).map(|e| (e.line - 1, e.prev.clone())));
    let old = match &sealed {
        Some((old, prev)) => {
            let bytes: usize = lines.iter().take(usize::try_from(*old).unwrap_or(usize::MAX)).map(|line| line.len() + 1).sum();
            if hash(body.get(..bytes).unwrap_or_default()) != *prev {
                faults.push(Fault::SealBroken { last: *old });
            }
            *old
        }
        // without a seal, lines of version 1 at the start
        None => links.iter().take_while(|l| l.entry.as_ref().is_ok_and(|e| e.version == 1)).count() as u64,
    };
    let unsealed = sealed.is_none() && old > 0 && old == links.len() as u64 && head.is_none() && !head_damaged;
    if !unsealed {
        chain(&mut links, old, sealed.is_some(), head.as_ref(), &mut faults);
    }

    let found = links.len() as u64;
    let torn = text.len() - complete;
    let mut crash = (torn > 0).then_some(Crash::Torn { bytes: torn });
    match head.as_ref() {
        Some(head) if found == head.count + 1 && crash.is_none() && faults.is_empty() => crash = Some(Crash::HeadBehind { line: found }),
        Some(head) if found > head.count && faults.is_empty() => faults.push(Fault::Beyond { expected: head.count, found }),
        None if head_damaged || unsealed || found == 0 => {}
        // the very first line of a chain comes before the first head file
        None if found - old == 1 && crash.is_none() => crash = crash.or(Some(Crash::HeadBehind { line: found })),
        None => faults.push(Fault::Head { detail: format!("there is none beside {found} entries") }),
        Some(_) => {}
    }
    let hashes: Vec<String> = links.iter().map(|l| l.hash.clone()).collect();
    let last = hashes.last().cloned().unwrap_or_else(|| Head::empty().hash);
    Inspection {
        entries: links.into_iter().filter_map(|l| l.entry.ok()).collect(),
        faults,
        crash,
        head: Head { count: found, hash: last },
        unsealed,
        complete,
        hashes,
    }
}

fn link(line: u64, bytes: &[u8]) -> Link {
    let entry = entry::parse(line, bytes);
    let number = entry.as_ref().map_or(line, |e| e.line);
    Link { line, hash: hash(bytes), entry, number }
}

/// Compares hashes and numbers of the lines after the first `old`, which are of version 1.
fn chain(links: &mut [Link], old: u64, sealed: bool, head: Option<&Head>, faults: &mut Vec<Fault>) {
    let lines = || old + 1..;
    // who says what about which number: the entry after it, or the head file
    let mut claims: BTreeMap<u64, Vec<(String, Option<usize>)>> = BTreeMap::new();
    for (at, link) in links.iter().enumerate() {
        if let Ok(entry) = &link.entry
            && entry.version == 2
            && !(sealed && entry.line == old + 1)
        {
            claims.entry(entry.line.wrapping_sub(1)).or_default().push((entry.prev.clone(), Some(at)));
        }
    }
    if let Some(head) = head {
        claims.entry(head.count).or_default().push((head.hash.clone(), None));
    }
    let start = Head::empty().hash;
    let present: BTreeSet<u64> = links.iter().filter(|l| l.entry.is_ok()).map(|l| l.number).collect();
    let claimed = |link: &Link| claims.get(&link.number).map_or(&[][..], Vec::as_slice);
    let proved: Vec<bool> = links
        .iter()
        .map(|link| {
            let first = old > 0 || link.number != 1 || link.entry.as_ref().is_ok_and(|entry| entry.prev == start);
            link.entry.is_ok() && first && claimed(link).iter().any(|(hash, _)| *hash == link.hash)
        })
        .collect();
    let mut changed = Vec::new();
    for (link, &authentic) in links.iter().zip(&proved).filter(|(link, _)| link.line > old) {
        match &link.entry {
            Err(detail) => faults.push(Fault::Unreadable { line: link.line, detail: detail.clone() }),
            Ok(entry) if entry.version == 1 => {
                faults.push(Fault::Unreadable { line: link.line, detail: "version 1 after version 2".to_owned() });
            }
            Ok(_) if authentic => {}
            Ok(entry) => {
                let against = claimed(link);
                let first = old == 0 && link.number == 1 && entry.prev != start;
                // a claim counts where the claimant is what it was; else it is the claimant that was changed
                let told = against.iter().find(|(_, by)| by.is_none_or(|at| proved.get(at).copied().unwrap_or(false)));
                let renumbered = link.number != link.line && !present.contains(&link.line);
                if let Some((_, by)) = told {
                    let witness = by.map_or_else(|| "the head file".to_owned(), |at| format!("line {}", at + 1));
                    changed.push((link.line, witness));
                } else if first || renumbered {
                    changed.push((link.line, "its place".to_owned()));
                }
            }
        }
    }
    for (line, witness) in changed {
        faults.push(Fault::Changed { line, witness });
        if let Some(link) = links.iter_mut().find(|l| l.line == line).filter(|_| !present.contains(&line)) {
            link.number = line;
        }
    }

    let numbers: Vec<u64> =
        links.iter().filter(|l| l.line > old && (l.entry.is_ok() || !present.contains(&l.line))).map(|l| l.number).collect();
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    for (&entry, &expected) in numbers.iter().zip(&sorted).filter(|(a, b)| a != b) {
        faults.push(Fault::Moved { entry, expected });
    }
    for pair in sorted.windows(2) {
        if let [a, b] = pair
            && a == b
        {
            faults.push(Fault::Twice { entry: *a });
        }
    }
    let last = sorted.last().copied().unwrap_or(old);
    let there: BTreeSet<u64> = sorted.into_iter().collect();
    // a number in a changed line may be anything: as many gaps are named as there are lines around them, and no more
    let missing = lines().take_while(|n| *n < last).filter(|n| !there.contains(n)).take(100);
    faults.extend(missing.map(|entry| Fault::Removed { entry }));
    if let Some(head) = head.filter(|head| head.count > last) {
        faults.push(Fault::Cut { expected: head.count, found: last });
    }
}
