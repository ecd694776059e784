//! Basic Access Control, with changes.

use eid::protocol::bac;
use eid::protocol::pace::Password;
use eid::secret::Secret;

use super::super::alter;
use super::super::step::alteration::{Alteration, Change, Place, Variant};
use super::{Outcome, Player, Seen, Sent, Trouble, taken};

impl Player<'_, '_> {
    /// The seed of the MRZ.
    pub(super) fn mrz(&self) -> Result<Secret, Trouble> {
        let seed = self.passwords.iter().find_map(|password| if let Password::Mrz(seed) = password { Some(seed.clone()) } else { None });
        seed.ok_or_else(|| Trouble::Missing("the MRZ of the card, which was not given".to_owned()))
    }

    pub(super) fn bac(&mut self, alterations: &[Alteration]) -> Result<Seen, Trouble> {
        let has = |change: Change| alterations.contains(&Alteration::Change(Place::Challenge, change));
        let mut seed = self.mrz()?;
        if alterations.contains(&Alteration::Variant(Variant::WrongKey)) {
            let mut other = seed.expose().to_vec();
            alter::flip(other.get_mut(..16).unwrap_or_default());
            seed = Secret::new(other);
        }
        let mut drawn = [0; 8];
        self.rng.fill_bytes(&mut drawn);
        let mut challenge = drawn.to_vec();
        if !has(Change::Skip) {
            let mut none = |_, _: &[u8], _: &mut dyn rand_core::CryptoRng| Err("no objects here".to_owned());
            let answer = match self.exchange(Place::Challenge, bac::get_challenge(), alterations, &mut none)? {
                Sent::Answer(answer) => answer,
                Sent::Stopped(answer) => return Ok(Seen::new(Outcome::Stopped, Some(answer))),
            };
            if !taken(answer.sw) {
                return Ok(Seen::new(Outcome::Refused(Place::Challenge), Some(answer)));
            }
            challenge.clone_from(&answer.data);
            if has(Change::Old) {
                self.link.plain(&bac::get_challenge())?;
            }
        }
        let (command, terminal) = match bac::Terminal::start(&seed, &challenge, self.rng) {
            Ok(started) => started,
            Err(error) => return Ok(Seen::new(Outcome::Wrong(Place::Challenge, error.to_string()), None)),
        };
        let mut none = |_, _: &[u8], _: &mut dyn rand_core::CryptoRng| Err("no objects here".to_owned());
        let answer = match self.exchange(Place::Auth, command, alterations, &mut none)? {
            Sent::Answer(answer) => answer,
            Sent::Stopped(answer) => return Ok(Seen::new(Outcome::Stopped, Some(answer))),
        };
        if !taken(answer.sw) {
            return Ok(Seen::new(Outcome::Refused(Place::Auth), Some(answer)));
        }
        match terminal.finish(&answer.data) {
            Ok(channel) => {
                self.bound.after_access(None);
                self.link.channel = Some(channel);
                Ok(Seen::new(Outcome::Opened, Some(answer)))
            }
            Err(error) => Ok(Seen::new(Outcome::Wrong(Place::Auth, error.to_string()), Some(answer))),
        }
    }
}
