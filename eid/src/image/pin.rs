//! What a chip lets be done with its PIN, and where the PIN stands (BSI TR-03110-2 §2.2 and §3.5): fixed when the card is made, but for the state.
//!
//! ```text
//! 94  least digits 1 ‖ powers 1 ‖ state 1 ‖ unblocks left 1 ‖ changes so far 2
//! powers  bit 0 the PUK sets a new PIN, bit 1 an authentication terminal does, bit 2 it sets a new CAN
//! state   00 active, 01 deactivated
//! ```
//!
//! A PIN shorter than the least is a transport PIN: it opens nothing until its holder has replaced it. Refused: another length, powers and states
//! that are none, no least length.

/// Who may do what with the PIN, beside its holder, who may always change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PinPower {
    /// In a session by the PUK a new PIN is set.
    PukSetsPin,
    /// An authentication terminal with the right of PIN management sets a new PIN.
    TerminalSetsPin,
    /// An authentication terminal with the right of PIN management sets a new CAN.
    TerminalSetsCan,
}

impl PinPower {
    /// All of them, in the order of their bits.
    pub const ALL: [Self; 3] = [Self::PukSetsPin, Self::TerminalSetsPin, Self::TerminalSetsCan];

    /// The name in a document profile: `puk-sets-pin`, `terminal-sets-pin`, `terminal-sets-can`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PukSetsPin => "puk-sets-pin",
            Self::TerminalSetsPin => "terminal-sets-pin",
            Self::TerminalSetsCan => "terminal-sets-can",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::PukSetsPin => 1,
            Self::TerminalSetsPin => 2,
            Self::TerminalSetsCan => 4,
        }
    }
}

/// The rules of a PIN, and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinRules {
    /// Least digits of a new PIN, at least 1.
    pub least: u8,
    /// Who may do more than change it.
    pub powers: Vec<PinPower>,
    /// Whether the PIN may be used; a deactivated one is refused, right or wrong.
    pub active: bool,
    /// How often the PUK may still unblock the PIN, or set it.
    pub unblocks: u8,
    /// How often the PIN was set or unblocked: tries that were counted before do not count after.
    pub changes: u16,
}

impl PinRules {
    /// Tag of the object in the template of passwords.
    pub const TAG: u32 = 0x94;

    /// Whether somebody has that power.
    #[must_use]
    pub fn allows(&self, power: PinPower) -> bool {
        self.powers.contains(&power)
    }

    /// The stored form, 6 bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; 6] {
        let powers = PinPower::ALL.into_iter().filter(|power| self.allows(*power)).fold(0, |bits, power| bits | power.bit());
        let [high, low] = self.changes.to_be_bytes();
        [self.least, powers, u8::from(!self.active), self.unblocks, high, low]
    }

    /// Reads the stored form; `None` if it is none.
    #[must_use]
    pub fn decode(octets: &[u8]) -> Option<Self> {
        let &[least, bits, state @ (0 | 1), unblocks, high, low] = octets else { return None };
        let powers = PinPower::ALL.into_iter().filter(|power| bits & power.bit() != 0).collect();
        let rules = Self { least, powers, active: state == 0, unblocks, changes: u16::from_be_bytes([high, low]) };
        (least > 0 && bits & !7 == 0).then_some(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_they_are_written_and_what_is_none_is_refused() {
        let rules =
            PinRules { least: 6, powers: vec![PinPower::PukSetsPin, PinPower::TerminalSetsCan], active: false, unblocks: 10, changes: 258 };
        assert_eq!(rules.encode(), [6, 5, 1, 10, 1, 2]);
        assert_eq!(PinRules::decode(&rules.encode()), Some(rules));
        for wrong in [&[6, 8, 0, 10, 0, 0][..], &[0, 0, 0, 10, 0, 0], &[6, 0, 2, 10, 0, 0], &[6, 0, 0, 10], &[]] {
            assert_eq!(PinRules::decode(wrong), None, "{wrong:02X?}");
        }
    }
}
