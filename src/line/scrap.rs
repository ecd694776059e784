//! The scrap desk: a card of the reject bin is terminated, confirms it, and is counted before two persons; then its job may be made again.
//!
//! Which cards may end here is what the decision table says ([`super::recover`]): those that failed, and blanks. The desk refuses a document that
//! was issued, a card that a station can finish, and whatever is an incident. A chip that does not answer tells nobody its serial: two
//! persons read it from the body, and destroy the card ([`Desk::count`]).

use eid::image::LifeCycle;
use eid::transport::Transport;
use rand_core::CryptoRng;

use super::recover::{self, Action, Known, Row, Seen};
use super::state::{BindingState, CardState};
use super::store::{Card, Moment, Note, Scrap, Serial, Store, StoreError};
use super::users::TwoPersons;
use crate::perso::write::{WriteError, Writer};

/// Two persons at the scrap desk.
#[derive(Debug)]
pub struct Desk<'a> {
    /// Who they are, logged in for [`super::users::Action::Scrap`].
    pub persons: &'a TwoPersons,
    /// Reason code: 1 to 32 characters a-z, 0-9, and hyphen.
    pub reason: &'a str,
    /// When.
    pub now: Moment,
}

/// What became of a card at the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is terminated, confirmed it, and is counted. Destroy the body.
    Counted(Serial),
    /// Nothing was changed.
    Left {
        /// The card, if it told its serial.
        serial: Option<Serial>,
        /// Why, and what is to be done with it.
        why: String,
    },
}

impl Desk<'_> {
    /// Terminates the card in the reader, has it confirm that, and counts it. After a crash the same call goes on.
    ///
    /// # Errors
    /// The store refuses, or is away: the card is then terminated, and counted by the same call later.
    pub fn terminate(
        &self,
        card: &mut dyn Transport,
        writer: Writer<'_>,
        store: &mut dyn Store,
        rng: &mut dyn CryptoRng,
    ) -> Result<Ended, StoreError> {
        let examined = writer.examine(card, rng);
        let Some(serial) = examined.serial.as_deref().and_then(Serial::new) else {
            let why = examined.status.err().map_or_else(|| "it tells no serial".to_owned(), |failed| failed.to_string());
            return Ok(Ended::Left { serial: None, why: format!("{why}: destroy it, and count it as mute by the serial on its body") });
        };
        let known = store.card(&serial)?;
        let left = |why: String| Ok(Ended::Left { serial: Some(serial.clone()), why });
        let status = match &examined.status {
            Ok(status) => status,
            Err(failed) if matches!(failed.error, WriteError::WrongKeys(_) | WriteError::Keys(_)) => {
                return left(recover::decide(Known::of(known.as_ref()), Seen::KeysRefused).to_string());
            }
            Err(failed) => return left(format!("{failed}: destroy it, and count it as mute")),
        };
        let row = recover::decide(Known::of(known.as_ref()), Seen::of(status, known.as_ref()));
        if known.as_ref().is_some_and(|card| matches!(card.state, CardState::Terminated | CardState::Mute))
            && row.action() == Action::Refuse
        {
            return left("counted already: destroy it".to_owned());
        }
        let ends_here = matches!(row, Row::Usable | Row::NotAtLine | Row::DeadBlank)
            || matches!(row.action(), Action::Scrap | Action::ScrapAndStop | Action::Terminate);
        if !ends_here {
            return left(row.to_string());
        }
        if status.state != LifeCycle::Terminated
            && let Err(failed) = writer.terminate(card, status.nonce.unwrap_or_default(), rng, &mut ())
        {
            return left(format!("{failed}: present it again, or destroy it and count it as mute"));
        }
        self.count(&serial, known.as_ref(), CardState::Terminated, store)?;
        Ok(Ended::Counted(serial))
    }

    /// Counts a card as [`CardState::Terminated`] or [`CardState::Mute`] on the word of the two persons, who have destroyed it. `known` is what the
    /// store says of it.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: it was issued, or is counted already.
    pub fn count(&self, serial: &Serial, known: Option<&Card>, to: CardState, store: &mut dyn Store) -> Result<(), StoreError> {
        if known.and_then(|card| card.bound.as_ref()).is_some_and(|(binding, _)| binding.state == BindingState::Open) {
            // A chip that died in the middle tells no station its serial, so that it is said to have failed here.
            let failed = Scrap {
                reason: self.reason.to_owned(),
                step: "scrap-desk".to_owned(),
                sw: None,
                reader: "scrap-desk".to_owned(),
                time: self.now,
            };
            store.fail(serial, &failed)?;
        }
        let note = Note {
            time: self.now,
            actors: Vec::new(),
            event: "card-scrapped".to_owned(),
            subjects: vec![format!("card {serial}")],
            detail: format!("{to}: {}", self.reason),
        };
        store.scrap(serial, to, self.reason, self.persons, &note)
    }
}
