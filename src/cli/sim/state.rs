//! The names of the states of a card.

use eid::image::LifeCycle;

/// The state of the eID application, as it is told to people and in JSON.
pub(super) const fn name(state: LifeCycle) -> &'static str {
    match state {
        LifeCycle::Initialized => "initialized",
        LifeCycle::PersoOpen => "personalization-open",
        LifeCycle::Personalized => "personalized",
        LifeCycle::Operational => "operational",
        LifeCycle::Terminated => "terminated",
    }
}
