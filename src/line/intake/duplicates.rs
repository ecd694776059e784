//! What comes more than once in a delivery, in constant memory: every record leaves its keys, which are sorted on the disk.
//!
//! ```text
//! key      16 bytes   what must not come twice: a number as it is, else 15 bytes of SHA-256 (portrait; name, birth, father, mother)
//! place     8 bytes   source and row
//! content   8 bytes   of SHA-256 over everything of the record but its place
//! ```
//!
//! Numbers are compared as they are. Of a hash, 120 bits are compared: no two portraits or persons meet by chance, and whoever can make
//! two meet makes two records wait, and no card.

use sha2::{Digest as _, Sha256};

use super::IntakeError;
use super::rules::{Quality, Reason};
use super::runs::{CAPACITY, Merge, Runs};
use super::scratch::Scratch;

/// Where a row is: its source, from 1, in the upper 24 bits, its number in the others. Rises with the order of the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u64);

impl Place {
    const ROW_BITS: u32 = 40;

    /// `None` beyond 2^24 sources or 2^40 rows.
    pub(super) fn new(source: u32, row: u64) -> Option<Self> {
        (source < 1 << 24 && row < 1 << Self::ROW_BITS).then_some(Self((u64::from(source) << Self::ROW_BITS) | row))
    }

    pub(super) const fn source(self) -> u64 {
        self.0 >> Self::ROW_BITS
    }

    pub(super) const fn row(self) -> u64 {
        self.0 & ((1 << Self::ROW_BITS) - 1)
    }
}

/// What must not come twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number = 1,
    Document = 2,
    Person = 3,
    Portrait = 4,
}

impl Kind {
    const fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Number),
            2 => Some(Self::Document),
            3 => Some(Self::Person),
            4 => Some(Self::Portrait),
            _ => None,
        }
    }

    /// Rule, field, and what is there once.
    const fn rule(self) -> (Quality, &'static str, &'static str) {
        match self {
            Self::Number => (Quality::DuplicateNumber, "number", "one record for this number"),
            Self::Document => (Quality::DuplicateDocument, "document_number", "one record for this document number"),
            Self::Person => (Quality::DuplicatePerson, "number", "one number for this name, birth, father, and mother"),
            Self::Portrait => (Quality::DuplicatePortrait, "photo", "a portrait of its own"),
        }
    }
}

/// One thing of a record that must not come twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key([u8; 16]);

impl Key {
    /// A number of at most 15 characters as it is.
    pub(super) fn exact(kind: Kind, text: &str) -> Self {
        let mut key = [0; 16];
        key.iter_mut().zip(std::iter::once(kind as u8).chain(text.bytes())).for_each(|(to, from)| *to = from);
        Self(key)
    }

    /// Anything else by its SHA-256.
    pub(super) fn hashed(kind: Kind, digest: [u8; 32]) -> Self {
        let mut key = [0; 16];
        key.iter_mut().zip(std::iter::once(kind as u8).chain(digest)).for_each(|(to, from)| *to = from);
        Self(key)
    }
}

/// SHA-256 over parts, each with its length.
pub(super) fn content(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Collects the keys of a delivery.
#[derive(Debug)]
pub(super) struct Duplicates<'a> {
    scratch: &'a Scratch,
    keys: Runs<'a, 32>,
}

impl<'a> Duplicates<'a> {
    pub(super) fn new(scratch: &'a Scratch) -> Self {
        Self { scratch, keys: Runs::new(scratch, "keys", CAPACITY) }
    }

    /// The keys of one record.
    pub(super) fn add(&mut self, place: Place, keys: &[Key], content: [u8; 32]) -> Result<(), IntakeError> {
        for key in keys {
            let mut entry = [0; 32];
            entry.iter_mut().zip(key.0.into_iter().chain(place.0.to_be_bytes()).chain(content)).for_each(|(to, from)| *to = from);
            self.keys.push(entry)?;
        }
        Ok(())
    }

    /// What was found, by place.
    pub(super) fn found(self) -> Result<Found, IntakeError> {
        let mut found = Runs::<18>::new(self.scratch, "found", CAPACITY);
        let mut tell = |place: u64, kind: u8, same: bool, other: u64| {
            let mut entry = [0; 18];
            let bytes = place.to_be_bytes().into_iter().chain([kind, u8::from(same)]).chain(other.to_be_bytes());
            entry.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
            found.push(entry)
        };
        let mut first: Option<Group> = None;
        for entry in self.keys.sorted()? {
            let entry = entry?;
            let (key, place, content) = (part::<16>(&entry, 0), u64::from_be_bytes(part(&entry, 16)), part::<8>(&entry, 24));
            match &mut first {
                Some(group) if group.key == key => {
                    let same = group.content == content;
                    tell(place, key[0], same, group.place)?;
                    if !same && !group.told {
                        group.told = true;
                        tell(group.place, key[0], false, place)?;
                    }
                }
                _ => first = Some(Group { key, place, content, told: false }),
            }
        }
        Ok(Found { entries: found.sorted()?, next: None })
    }
}

/// The `N` bytes of an entry from `at` on.
fn part<const N: usize>(entry: &[u8], at: usize) -> [u8; N] {
    entry.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

/// The first record of a key.
struct Group {
    key: [u8; 16],
    place: u64,
    content: [u8; 8],
    told: bool,
}

/// What was found, in the order of the delivery.
#[derive(Debug)]
pub(super) struct Found {
    entries: Merge<18>,
    next: Option<[u8; 18]>,
}

impl Found {
    /// What is found at `place`; places must rise from call to call.
    pub(super) fn at(&mut self, place: Place) -> Result<Vec<Reason>, IntakeError> {
        let mut reasons: Vec<Reason> = Vec::new();
        while let Some(entry) = self.next.take().map_or_else(|| self.entries.next().transpose(), |entry| Ok(Some(entry)))? {
            let here = u64::from_be_bytes(part(&entry, 0));
            if here > place.0 {
                self.next = Some(entry);
                break;
            }
            let (Some(kind), same) = (Kind::of(entry[8]), entry[9] == 1) else { continue };
            if here < place.0 {
                continue;
            }
            let (rule, field, expected) = if same { (Quality::DuplicateRow, "row", "each record once") } else { kind.rule() };
            let other = Place(u64::from_be_bytes(part(&entry, 10)));
            let found = match other.source() {
                source if source == place.source() => format!("another one in row {}", other.row()),
                source => format!("another one in row {} of source {source}", other.row()),
            };
            let found = if same { found.replace("another one", "the same one") } else { found };
            let reason = Reason::new(rule, field, expected, found);
            // the same record again has every key again
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        Ok(reasons)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(source: u32, row: u64) -> Place {
        Place::new(source, row).expect("small")
    }

    #[test]
    fn the_same_record_again_waits_alone_and_of_two_different_ones_both_wait() {
        let dir = tempfile::tempdir().expect("folder");
        let scratch = Scratch::new(dir.path().join("x")).expect("scratch");
        let mut all = Duplicates::new(&scratch);
        let number = |text| Key::exact(Kind::Number, text);
        let face = |byte| Key::hashed(Kind::Portrait, [byte; 32]);
        for (at, number, face, what) in [
            (place(1, 1), number("099505000123"), face(1), 1),
            (place(1, 2), number("099505000124"), face(2), 2),
            (place(1, 3), number("099505000123"), face(1), 1),
            (place(2, 1), number("099505000124"), face(3), 3),
            (place(2, 2), number("099505000125"), face(3), 4),
            (place(2, 3), number("099505000126"), face(4), 5),
        ] {
            all.add(at, &[number, face], content(&[&[what]])).expect("added");
        }
        let mut found = all.found().expect("sorted");
        let mut tell =
            |at| found.at(at).expect("read").iter().map(|reason| format!("{} {reason}", reason.ground.id())).collect::<Vec<_>>().join("; ");
        assert_eq!(tell(place(1, 1)), "", "the first of two equal ones stands");
        assert_eq!(
            tell(place(1, 2)),
            "duplicate-number number: expected one record for this number, found another one in row 1 of source 2"
        );
        assert_eq!(tell(place(1, 3)), "duplicate-row row: expected each record once, found the same one in row 1");
        assert_eq!(
            tell(place(2, 1)),
            "duplicate-number number: expected one record for this number, found another one in row 2 of source 1; \
             duplicate-portrait photo: expected a portrait of its own, found another one in row 2"
        );
        assert_eq!(tell(place(2, 2)), "duplicate-portrait photo: expected a portrait of its own, found another one in row 1");
        assert_eq!(tell(place(2, 3)), "");
    }

    #[test]
    fn a_place_has_an_end() {
        assert_eq!(Place::new(3, 7).map(|place| (place.source(), place.row())), Some((3, 7)));
        assert_eq!((Place::new(1 << 24, 1), Place::new(1, 1 << 40)), (None, None));
    }
}
