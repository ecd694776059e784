//! What a chip that errs remembers of passwords: that the CAN was right once.

use super::injection::Value;
use crate::card::Card;

impl Card {
    /// PACE ended well; `resumes` with the password that lifts the suspension of the PIN.
    pub(crate) fn password_was_right(&mut self, resumes: bool) {
        if let Some(faults) = &mut self.faults {
            faults.resumed |= resumes;
        }
    }

    /// Whether a card that errs takes the PIN for resumed, though the session in which it was is gone.
    pub(crate) fn resumed_before(&self) -> bool {
        self.errs(Value::PinResumedForEver) && self.faults.as_ref().is_some_and(|faults| faults.resumed)
    }
}
