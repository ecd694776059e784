//! What cards of one type do, as far as it was learned: which forms of a command they take, and how much they answer at once.
//!
//! A habit only chooses what is tried first; what does not work is given up for what does. So a wrong habit costs time, never
//! correctness. It says nothing about the holder.

use serde::{Deserialize, Serialize};

/// Fewest bytes that are asked of a card at once, whatever was learned.
pub const LEAST_READ: usize = 32;

/// What a card's counter did when it refused a protected command with a bare status word, in the order in which it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bare {
    /// Nothing was counted.
    #[default]
    NotCounted,
    /// The command was counted.
    CommandCounted,
    /// Command and answer were counted.
    BothCounted,
    /// The channel is gone: open the card again.
    ChannelLost,
}

impl Bare {
    /// What is tried where this was wrong.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::NotCounted => Self::CommandCounted,
            Self::CommandCounted => Self::BothCounted,
            Self::BothCounted | Self::ChannelLost => Self::ChannelLost,
        }
    }
}

/// The habits of a card type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Habits {
    /// Extended lengths are refused.
    #[serde(skip_serializing_if = "is_default")]
    pub short_only: bool,
    /// Most bytes that READ BINARY answered, where more was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_read: Option<usize>,
    /// What became of the channel after a bare status word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bare: Option<Bare>,
    /// Which form of SELECT MF worked: its place in the ladder of [`read`](crate::terminal::read).
    #[serde(skip_serializing_if = "is_default")]
    pub select_mf: usize,
    /// Which way of selecting a file worked, likewise.
    #[serde(skip_serializing_if = "is_default")]
    pub select_file: usize,
    /// SELECT of the application wants to answer with file control information.
    #[serde(skip_serializing_if = "is_default")]
    pub select_with_fci: bool,
    /// MSE:Set AT wants object 84 where it says nothing new, or refuses it where it does.
    #[serde(skip_serializing_if = "is_default")]
    pub other_parameter_id: bool,
    /// EXTERNAL AUTHENTICATE wants Le 00 instead of 28.
    #[serde(skip_serializing_if = "is_default")]
    pub external_authenticate_le_00: bool,
    /// INTERNAL AUTHENTICATE wants another Le than the longest that the link carries.
    #[serde(skip_serializing_if = "is_default")]
    pub internal_authenticate_other_le: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Habits {
    /// Most bytes to ask of READ BINARY at once, at most `most`.
    #[must_use]
    pub fn read_at_most(&self, most: usize) -> usize {
        self.largest_read.map_or(most, |largest| largest.max(LEAST_READ).min(most))
    }
}
