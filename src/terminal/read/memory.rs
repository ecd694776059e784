//! What was learned of card types, kept from card to card: by ATR, which holds the historical bytes of contact cards and of the ATS.
//!
//! ```text
//! { "version": 1, "cards": { "3B8A80018031F873F741E082900075": { "short-only": true, "largest-read": 160 } } }
//! ```
//!
//! Nothing here is about a person: an ATR is the same for all cards of a type. A habit that is wrong costs time only, so a file of
//! anybody may be taken in; what is no ATR, and what is beyond all measure, is refused all the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::session::Habits;

/// Version of the JSON form. A reader refuses a higher one.
pub const VERSION: u32 = 1;
/// Most card types in one memory.
pub const CARDS: usize = 10_000;

/// Why a text is no memory of card types.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// It is no JSON of this form.
    #[error("card memory: {0}")]
    Json(#[from] serde_json::Error),
    /// It was written by a later version.
    #[error("card memory: expected version {VERSION}, found {found}")]
    Version {
        /// The version found.
        found: u32,
    },
    /// A key is no answer to reset.
    #[error("card memory: expected an ATR of 2 to 33 bytes in hex, found {found:?}")]
    Atr {
        /// The key.
        found: String,
    },
    /// It knows more card types than there are.
    #[error("card memory: expected at most {CARDS} card types, found {found}")]
    TooMany {
        /// Card types found.
        found: usize,
    },
}

/// Habits by card type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CardMemory {
    cards: BTreeMap<Vec<u8>, Habits>,
}

#[derive(Serialize, Deserialize)]
struct Text {
    version: u32,
    cards: BTreeMap<String, Habits>,
}

impl CardMemory {
    /// A memory that knows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub fn from_json(text: &str) -> Result<Self, MemoryError> {
        let text: Text = serde_json::from_str(text)?;
        if text.version != VERSION {
            return Err(MemoryError::Version { found: text.version });
        }
        if text.cards.len() > CARDS {
            return Err(MemoryError::TooMany { found: text.cards.len() });
        }
        let card = |(key, habits): (String, Habits)| match hex::decode(&key) {
            Ok(atr) if (2..=33).contains(&atr.len()) => Ok((atr, habits)),
            _ => Err(MemoryError::Atr { found: key }),
        };
        Ok(Self { cards: text.cards.into_iter().map(card).collect::<Result<_, _>>()? })
    }

    /// The JSON form.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let cards: BTreeMap<_, _> = self.cards.iter().map(|(atr, habits)| (hex::encode_upper(atr), habits)).collect();
        serde_json::json!({ "version": VERSION, "cards": cards })
    }

    /// What is known of cards with this ATR; nothing if nothing is.
    #[must_use]
    pub fn habits(&self, atr: &[u8]) -> Habits {
        self.cards.get(atr).cloned().unwrap_or_default()
    }

    /// Keeps what was learned of cards with this ATR. Habits of a card that does everything as the standard says take no room.
    pub fn learn(&mut self, atr: &[u8], habits: &Habits) {
        if *habits == Habits::default() {
            self.cards.remove(atr);
        } else if self.cards.contains_key(atr) || self.cards.len() < CARDS {
            self.cards.insert(atr.to_vec(), habits.clone());
        }
    }

    /// Takes in what `other` knows of card types that this one does not know.
    pub fn merge(&mut self, other: &Self) {
        for (atr, habits) in &other.cards {
            if !self.cards.contains_key(atr) {
                self.learn(atr, habits);
            }
        }
    }

    /// Every card type with its ATR.
    pub fn cards(&self) -> impl Iterator<Item = (&[u8], &Habits)> {
        self.cards.iter().map(|(atr, habits)| (atr.as_slice(), habits))
    }
}
