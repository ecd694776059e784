//! The log: hash chains that name the first entry that was changed, and checkpoints signed by a key that no station holds.
//!
//! ```text
//! entry      = chain, sequence, time, actors, event, subjects, SHA-256(detail), hash of the entry before (the first: 32 times 00)
//! hash       = SHA-256("cardwright line entry 1" and the entry, each field with its length in front)
//! checkpoint = chain, sequence, hash, time, signature over "cardwright line checkpoint 1" and these, written the same way
//! ```
//!
//! A chain alone does not stop someone who rewrites all of it, nor one who puts an old copy back; checkpoints that another party keeps do.
//! One chain for each station, in its own file and shipped to the store, and [`SITE`], written by the store with the step that it tells of.

use eid::crypto::signature::{self, Algorithm, PublicKey};
use eid::signer::{Signer, SignerError};
use sha2::{Digest as _, Sha256};

use super::store::{Moment, Note};

mod checkpoint;

pub use checkpoint::{Checkpoint, CheckpointError};

/// The chain of what is decided and done in the store.
pub const SITE: &str = "site";
/// Label of an entry's hash.
const ENTRY: &[u8] = b"cardwright line entry 1";
/// Label of a checkpoint's signature.
const CHECKPOINT: &[u8] = b"cardwright line checkpoint 1";

/// The chain of a station: `station NAME`.
#[must_use]
pub fn station_chain(station: &str) -> String {
    format!("station {station}")
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its chain.
    pub chain: String,
    /// Its place, from 1 without gaps.
    pub sequence: i64,
    /// What it tells.
    pub note: Note,
    /// Hash of the entry before.
    pub previous: [u8; 32],
    /// Its own hash.
    pub hash: [u8; 32],
}

impl Entry {
    /// The entry for `note` after `end`.
    #[must_use]
    pub fn after(end: &ChainEnd, note: &Note) -> Self {
        let sequence = end.sequence.saturating_add(1);
        let mut entry = Self { chain: end.chain.clone(), sequence, note: note.clone(), previous: end.hash, hash: [0; 32] };
        entry.hash = entry.computed();
        entry
    }

    /// The hash that its content has.
    #[must_use]
    pub fn computed(&self) -> [u8; 32] {
        let mut text = Encoded::new(ENTRY);
        text.bytes(self.chain.as_bytes()).number(self.sequence).number(self.note.time);
        text.list(&self.note.actors).bytes(self.note.event.as_bytes()).list(&self.note.subjects);
        text.bytes(&Sha256::digest(self.note.detail.as_bytes())).bytes(&self.previous);
        Sha256::digest(&text.0).into()
    }

    /// The end of a chain that stops with this entry.
    #[must_use]
    pub fn end(&self) -> ChainEnd {
        ChainEnd { chain: self.chain.clone(), sequence: self.sequence, hash: self.hash }
    }
}

/// Where a chain ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainEnd {
    /// The chain.
    pub chain: String,
    /// Number of its last entry; 0 if it has none.
    pub sequence: i64,
    /// Hash of its last entry; zeros if it has none.
    pub hash: [u8; 32],
}

impl ChainEnd {
    /// A chain without entries.
    #[must_use]
    pub fn empty(chain: &str) -> Self {
        Self { chain: chain.to_owned(), sequence: 0, hash: [0; 32] }
    }
}

/// Fields one after another, each with its length in four bytes before it: no two lists of fields have the same bytes.
struct Encoded(Vec<u8>);

impl Encoded {
    fn new(label: &[u8]) -> Self {
        let mut encoded = Self(Vec::with_capacity(256));
        encoded.bytes(label);
        encoded
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        // a field of 4 GiB does not fit into any store of ours; its length would be cut off, its bytes not
        self.0.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    fn number(&mut self, number: i64) -> &mut Self {
        self.bytes(&number.to_be_bytes())
    }

    fn list(&mut self, texts: &[String]) -> &mut Self {
        self.number(i64::try_from(texts.len()).unwrap_or(i64::MAX));
        for text in texts {
            self.bytes(text.as_bytes());
        }
        self
    }
}

/// What is wrong with a chain, at its first bad entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The entry of this number is not there: another number stands in its place.
    Missing {
        /// The number that does.
        found: i64,
    },
    /// Two neighbours changed places: this entry comes after the next one.
    Swapped,
    /// The entry is of another chain.
    OtherChain {
        /// Which.
        found: String,
    },
    /// Its content does not have its hash.
    Altered,
    /// It does not name the hash of the entry before it: that one, or this one, is not what stood here.
    Unlinked,
    /// A signed checkpoint knows another entry at this place: the chain was written anew from here or earlier, or an old copy was put back
    /// and went on.
    OtherHistory,
    /// A signed checkpoint knows entries up to this number: the tail was cut off, or an old copy was put back.
    CutOff {
        /// The last entry that is here.
        last: i64,
    },
    /// The signature of the checkpoint at this entry is not one of the key.
    Unsigned,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing { found } => write!(f, "missing: entry {found} stands in its place"),
            Self::Swapped => f.write_str("swapped with the entry after it"),
            Self::OtherChain { found } => write!(f, "an entry of the chain {found:?}"),
            Self::Altered => f.write_str("altered: its content does not have its hash"),
            Self::Unlinked => f.write_str("unlinked: it does not follow the entry before it"),
            Self::OtherHistory => f.write_str("a signed checkpoint knows another entry here: written anew, or an old copy that went on"),
            Self::CutOff { last } => {
                write!(f, "a signed checkpoint knows it, the chain ends with entry {last}: cut off, or an old copy")
            }
            Self::Unsigned => f.write_str("its checkpoint is not signed by the key"),
        }
    }
}

/// What a look at a whole chain tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every entry follows from the one before.
    Intact {
        /// Its end.
        end: ChainEnd,
        /// The last entry that a checkpoint signs; 0 if none does. What comes after could have been cut off or written anew.
        signed: i64,
    },
    /// It does not.
    Broken {
        /// Number of the first bad entry.
        sequence: i64,
        /// What is wrong with it.
        fault: Fault,
    },
}

/// Recomputes a chain from its first entry, and compares it with `checkpoints` (those of other chains are passed over). `entries` in the
/// order in which they stand; the first error of the source ends it and is handed on. Constant memory.
///
/// # Errors
/// Those of `entries`.
pub fn verify<E>(
    chain: &str,
    entries: impl IntoIterator<Item = Result<Entry, E>>,
    checkpoints: &[Checkpoint],
    key: Option<(Algorithm, &PublicKey)>,
) -> Result<Verdict, E> {
    let mut signed: Vec<&Checkpoint> =
        checkpoints.iter().filter(|checkpoint| checkpoint.chain == chain && checkpoint.sequence > 0).collect();
    signed.sort_by_key(|checkpoint| checkpoint.sequence);
    if let Some((algorithm, key)) = key
        && let Some(bad) = signed.iter().find(|checkpoint| !checkpoint.is_signed_by(algorithm, key))
    {
        return Ok(Verdict::Broken { sequence: bad.sequence, fault: Fault::Unsigned });
    }
    let mut signed = signed.into_iter().peekable();
    let mut last_signed = 0;
    let mut end = ChainEnd::empty(chain);
    let mut entries = entries.into_iter();
    while let Some(entry) = entries.next().transpose()? {
        let sequence = end.sequence.saturating_add(1);
        let broken = |fault| Ok(Verdict::Broken { sequence, fault });
        if entry.chain != chain {
            return broken(Fault::OtherChain { found: entry.chain });
        }
        if entry.sequence != sequence {
            let next = entries.next().transpose()?;
            let swapped = entry.sequence == sequence.saturating_add(1) && next.is_some_and(|next| next.sequence == sequence);
            return broken(if swapped { Fault::Swapped } else { Fault::Missing { found: entry.sequence } });
        }
        if entry.computed() != entry.hash {
            return broken(Fault::Altered);
        }
        if entry.previous != end.hash {
            return broken(Fault::Unlinked);
        }
        while let Some(checkpoint) = signed.next_if(|checkpoint| checkpoint.sequence <= sequence) {
            if (checkpoint.sequence, checkpoint.hash) != (sequence, entry.hash) {
                return broken(Fault::OtherHistory);
            }
            last_signed = sequence;
        }
        end = entry.end();
    }
    Ok(match signed.next() {
        Some(beyond) => Verdict::Broken { sequence: beyond.sequence, fault: Fault::CutOff { last: end.sequence } },
        None => Verdict::Intact { end, signed: last_signed },
    })
}

#[cfg(test)]
mod tests;
