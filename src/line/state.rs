//! The states of a job, of a card, and of the binding between them. The numbers are what the stores hold and never change.

/// Makes an enum with a number and a name for each state.
macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$state_doc:meta])* $state:ident = $number:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$state_doc])* $state = $number,)*
        }

        impl $name {
            /// Every state, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$state,)*];

            /// The number in a store.
            #[must_use]
            pub const fn number(self) -> i16 {
                self as i16
            }

            /// The state with this number; `None` for a number that a later version may have written.
            #[must_use]
            pub const fn from_number(number: i16) -> Option<Self> {
                match number {
                    $($number => Some(Self::$state),)*
                    _ => None,
                }
            }

            /// The name in reports: lower case, words joined by hyphens.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$state => $text,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

states! {
    /// Where a job is: one document for one person.
    JobState {
        /// Its image is sealed and waits.
        Prepared = 0, "prepared";
        /// A station has claimed it for a while; no card yet.
        Reserved = 10, "reserved";
        /// Bound to one card, which may hold anything from nothing to all of it.
        Bound = 20, "bound";
        /// The card confirmed the committed image.
        Written = 30, "written";
        /// Quality control read the card like a counter, and it was activated.
        Verified = 40, "verified";
        /// In the good bin: the document exists.
        Issued = 50, "issued";
        /// Its card failed and is not accounted for yet: nothing is made for this person until it is.
        Held = 80, "held";
        /// Will not be made.
        Cancelled = 90, "cancelled";
        /// The document was issued, and another one has taken its place.
        Replaced = 91, "replaced";
    }
}

impl JobState {
    /// Whether a person who has a job in this state may get no second one for the same type of document.
    #[must_use]
    pub const fn is_live(self) -> bool {
        !matches!(self, Self::Cancelled | Self::Replaced)
    }
}

states! {
    /// Where a chip is. Every chip that was ever delivered is in exactly one of these.
    CardState {
        /// Delivered, in the vault.
        InStock = 0, "in-stock";
        /// Handed to the line, blank.
        AtLine = 10, "at-line";
        /// Bound to a job.
        Bound = 20, "bound";
        /// Holds a committed image.
        Personalized = 30, "personalized";
        /// In the good bin.
        Good = 40, "good";
        /// Failed, in the reject bin.
        ScrapPending = 80, "scrap-pending";
        /// Terminated, destroyed before two persons.
        Terminated = 85, "terminated";
        /// Did not answer any more, destroyed before two persons.
        Mute = 86, "mute";
        /// Taken out as a sample or for a test.
        Sample = 91, "sample";
        /// Given back, blank.
        Returned = 92, "returned";
        /// Gone: an incident.
        Lost = 99, "lost";
    }
}

states! {
    /// The bond of one chip with one job. A chip is bound at most once in its life.
    BindingState {
        /// Work is under way, or was cut off.
        Open = 0, "open";
        /// The card was issued.
        Good = 10, "good";
        /// The card failed and is not accounted for.
        ScrapPending = 80, "scrap-pending";
        /// The card is terminated or destroyed, and counted.
        Scrapped = 90, "scrapped";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_of_states_are_each_one_state() {
        for state in JobState::ALL {
            assert_eq!(JobState::from_number(state.number()), Some(*state));
        }
        for state in CardState::ALL {
            assert_eq!(CardState::from_number(state.number()), Some(*state));
        }
        for state in BindingState::ALL {
            assert_eq!(BindingState::from_number(state.number()), Some(*state));
        }
        assert_eq!((JobState::from_number(7), CardState::from_number(100), BindingState::from_number(20)), (None, None, None));
        let mut names: Vec<_> = CardState::ALL.iter().map(|state| state.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CardState::ALL.len());
    }
}
