//! `[pin]` of a document profile: that the card has a PIN, and what may be done with it.
//!
//! ```toml
//! [pin]
//! digits = 6                                   # of a PIN, and the fewest of any later one
//! transport = 5                                # the card is issued with a PIN of so few digits, which its holder must replace
//! puk = 10                                     # digits of the PUK; without it there is none
//! unblocks = 10                                # how often the PUK unblocks the PIN or sets it
//! powers = ["puk-sets-pin", "terminal-sets-pin", "terminal-sets-can"]
//! active = true                                # false: an authentication terminal must activate the PIN first
//! ```
//!
//! Refused: fewer than 4 or more than 12 digits, a transport PIN that is no shorter, a power or unblockings of a PUK that there is not.

use eid::image::{PinPower, PinRules};
use serde::Deserialize;

/// What a card's PIN is like.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Digits of a PIN.
    pub digits: u8,
    /// Digits of the PIN that the card is issued with, if its holder must replace it.
    #[serde(default)]
    pub transport: Option<u8>,
    /// Digits of the PUK, if there is one.
    #[serde(default)]
    pub puk: Option<u8>,
    /// How often the PUK unblocks.
    #[serde(default)]
    pub unblocks: u8,
    #[serde(default)]
    powers: Vec<Power>,
    /// Whether the PIN may be used from the beginning.
    #[serde(default = "yes")]
    pub active: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Power {
    PukSetsPin,
    TerminalSetsPin,
    TerminalSetsCan,
}

impl Power {
    const fn meant(self) -> PinPower {
        match self {
            Self::PukSetsPin => PinPower::PukSetsPin,
            Self::TerminalSetsPin => PinPower::TerminalSetsPin,
            Self::TerminalSetsCan => PinPower::TerminalSetsCan,
        }
    }
}

const fn yes() -> bool {
    true
}

impl Pin {
    /// Who may do more than change the PIN.
    pub fn powers(&self) -> impl Iterator<Item = PinPower> {
        PinPower::ALL.into_iter().filter(|power| self.powers.iter().any(|given| given.meant() == *power))
    }

    /// Digits of the PIN that the card is issued with.
    #[must_use]
    pub fn issued_digits(&self) -> u8 {
        self.transport.unwrap_or(self.digits)
    }

    /// The rules that the chip gets.
    #[must_use]
    pub fn rules(&self) -> PinRules {
        PinRules { least: self.digits, powers: self.powers().collect(), active: self.active, unblocks: self.unblocks, changes: 0 }
    }

    /// The field that contradicts the others or is out of bounds, what is expected of it, and what it is.
    pub(super) fn contradiction(&self) -> Option<(&'static str, &'static str, String)> {
        let possible = 4..=12;
        if !possible.contains(&self.digits) {
            return Some(("pin.digits", "4 to 12", self.digits.to_string()));
        }
        if let Some(transport) = self.transport.filter(|transport| *transport == 0 || *transport >= self.digits) {
            return Some(("pin.transport", "fewer than digits, at least 1", transport.to_string()));
        }
        if let Some(puk) = self.puk.filter(|puk| !possible.contains(puk)) {
            return Some(("pin.puk", "4 to 12", puk.to_string()));
        }
        if self.puk.is_none() && (self.unblocks > 0 || self.powers.contains(&Power::PukSetsPin)) {
            return Some(("pin.puk", "digits of a PUK, which unblocks or sets the PIN", "none".to_owned()));
        }
        if self.puk.is_some() && self.unblocks == 0 {
            return Some(("pin.unblocks", "1 to 255, as there is a PUK", "0".to_owned()));
        }
        None
    }
}
