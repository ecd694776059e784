//! Why a store does not do what it is asked.

/// Why a step is not taken.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The rules of the line do not allow it; nothing was changed.
    #[error("{what}: expected {expected}, found {found}")]
    Refused {
        /// The step and its subject.
        what: String,
        /// What would allow it.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The store cannot be reached, or was lost in the middle: the step may or may not have been taken, and may be said again.
    #[error("{store} is away: {detail}")]
    Away {
        /// The store, without secrets.
        store: String,
        /// What the driver says.
        detail: String,
    },
    /// The store was made by another version.
    #[error("{store}: expected schema {expected}, found {found}")]
    Version {
        /// The store, without secrets.
        store: String,
        /// What this program reads.
        expected: i64,
        /// What is there.
        found: i64,
    },
    /// The store holds something that no version of this program wrote.
    #[error("{store}, {place}: {detail}")]
    Damaged {
        /// The store, without secrets.
        store: String,
        /// Table and row.
        place: String,
        /// What is wrong.
        detail: String,
    },
    /// The store refuses for a reason that is not the line's.
    #[error("{store}: {detail}")]
    Failed {
        /// The store, without secrets.
        store: String,
        /// What the driver says.
        detail: String,
    },
}
