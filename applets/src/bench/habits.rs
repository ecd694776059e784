//! What a card shall do otherwise, in one word: faults, the habits of a state's cards, a seed, and times. `VF-SM-012@3,as=NZ,seed=7,time=typical`.

use std::fmt;
use std::str::FromStr;

use crate::card::Card;
use crate::clock::{Timing, TimingError, Waits};
use crate::fault::{FaultError, Faults};

/// Why a word says nothing that a card can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HabitsError {
    /// A fault or personality that there is not.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// No profile of times.
    #[error("time={0}")]
    Timing(#[from] TimingError),
}

/// What a card does otherwise than the strict card, and how long it takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Habits {
    /// What it does wrong, and as whose card it behaves.
    pub faults: Faults,
    /// How long it takes.
    pub timing: Option<Timing>,
}

impl Habits {
    /// Puts them into a card, in the place of those that it had.
    pub fn apply(&self, card: &mut Card, waits: Waits) {
        card.set_faults(&self.faults);
        if let Some(timing) = self.timing {
            card.set_timing(timing, waits);
        }
    }

    /// Whether text begins as one of these does, and not as the rest of the name of a file.
    #[must_use]
    pub fn looks_like(text: &str) -> bool {
        ["vf-", "as=", "do=", "seed=", "time="].iter().any(|start| text.to_ascii_lowercase().starts_with(start))
    }
}

impl fmt::Display for Habits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self.faults.to_string();
        f.write_str(&faults)?;
        match &self.timing {
            Some(timing) => write!(f, "{}time={timing}", if faults.is_empty() { "" } else { "," }),
            None => Ok(()),
        }
    }
}

impl FromStr for Habits {
    type Err = HabitsError;

    fn from_str(text: &str) -> Result<Self, HabitsError> {
        let mut timing = None;
        let mut faults = Vec::new();
        for part in text.split(',') {
            match part.strip_prefix("time=") {
                Some(profile) => timing = Some(profile.parse()?),
                None => faults.push(part),
            }
        }
        let faults = if faults.is_empty() { Faults::default() } else { faults.join(",").parse()? };
        Ok(Self { faults, timing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn habits_read_and_write() {
        for text in [
            "as=NZ,time=typical",
            "do=crypto.aa.hash=sha1",
            "VF-SM-012@3,seed=7",
            "time=slow+ec=1",
            "VF-SM-012@3,VF-CA-018,seed=7,time=fast",
        ] {
            assert_eq!(text.parse::<Habits>().map(|habits| habits.to_string()), Ok(text.to_owned()));
            assert!(Habits::looks_like(text));
        }
        let why = |text: &str| text.parse::<Habits>().expect_err("no habits").to_string();
        assert!(why("time=quick").starts_with(r#"time="quick": expected one of fast"#), "{}", why("time=quick"));
        assert!(why("VF-XX-001,time=fast").contains("VF-XX-001"));
    }
}
