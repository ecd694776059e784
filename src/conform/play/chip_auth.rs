//! Chip Authentication version 1, with changes.

use eid::apdu::Command;
use eid::crypto::agreement::AgreementPrivateKey;
use eid::protocol::chip_auth::choice::Choice;
use eid::protocol::chip_auth::{self, Form, Terminal, Version};
use rand_core::CryptoRng;

use super::super::shape;
use super::super::step::alteration::{Alteration, Change, Place, Spoil, Variant};
use super::{Outcome, Player, Seen, Sent, Trouble, taken};

impl Player<'_, '_> {
    pub(super) fn chip_authentication(&mut self, alterations: &[Alteration]) -> Result<Seen, Trouble> {
        let wants = |variant| alterations.contains(&Alteration::Variant(variant));
        // without a wish the strongest way
        let usual = |way: &&Choice| Form::usual(Version::One, way.protocol.suite);
        let form = match (wants(Variant::Kat), wants(Variant::At), self.profile.chip_auth.first()) {
            (true, ..) => Form::KeyAgreementTemplate,
            (false, false, Some(first)) => usual(&first),
            _ => Form::AuthenticationTemplate,
        };
        let kat = form == Form::KeyAgreementTemplate;
        let way = self.profile.chip_auth.iter().find(|way| usual(way) == form);
        let way = way.ok_or_else(|| Trouble::Impossible("EF.DG14 has no Chip Authentication of that form".to_owned()))?.clone();
        let places: &[Place] = if kat { &[Place::Kat] } else { &[Place::Mse, Place::Ga] };
        let ephemeral = self.ephemeral(&way, alterations)?;
        let impossible = |error: chip_auth::ChipAuthError| Trouble::Impossible(error.to_string());
        let key_id = way.key_id.filter(|_| way.several);
        let terminal = Terminal::with_key(Version::One, way.protocol, key_id, &way.key, &ephemeral).map_err(impossible)?;
        let key = terminal.public().compressed();
        let mut last = None;
        for (place, command) in places.iter().zip(terminal.commands(form)) {
            let answer = match self.chip_auth_command(*place, command, alterations, &way)? {
                Sent::Answer(answer) => answer,
                Sent::Stopped(answer) => return Ok(Seen::new(Outcome::Stopped, Some(answer))),
            };
            if !taken(answer.sw) {
                return Ok(Seen::new(Outcome::Refused(*place), Some(answer)));
            }
            last = Some((*place, answer));
        }
        let Some((place, answer)) = last else { return Err(Trouble::Impossible("no command to send".to_owned())) };
        Ok(match terminal.finish(form, &answer.data) {
            Ok(channel) => {
                self.link.old = self.link.channel.replace(channel);
                self.bound.after_chip_authentication(key);
                Seen::new(Outcome::Opened, Some(answer))
            }
            Err(error) => Seen::new(Outcome::Wrong(place, error.to_string()), Some(answer)),
        })
    }

    /// The way of Chip Authentication version 2 that is tested.
    fn way_2(&self) -> Result<Choice, Trouble> {
        let none = || Trouble::Impossible("neither EF.CardSecurity nor EF.DG14 has Chip Authentication version 2".to_owned());
        self.profile.chip_auth_2.first().cloned().ok_or_else(none)
    }

    /// A new key pair for Chip Authentication version 2.
    pub(super) fn new_ephemeral(&mut self, alterations: &[Alteration]) -> Result<AgreementPrivateKey, Trouble> {
        let way = self.way_2()?;
        self.ephemeral(&way, alterations)
    }

    /// Version 2, with the key that Terminal Authentication was bound to, or a new one where it was not, or where a new one is wanted.
    pub(super) fn chip_authentication_2(&mut self, alterations: &[Alteration]) -> Result<Seen, Trouble> {
        let way = self.way_2()?;
        let new = alterations.contains(&Alteration::Variant(Variant::NewKey));
        let ephemeral = match self.bound.ephemeral.clone().filter(|_| !new) {
            Some(key) => key,
            None => self.ephemeral(&way, &[])?,
        };
        let impossible = |error: chip_auth::ChipAuthError| Trouble::Impossible(error.to_string());
        let key_id = way.key_id.filter(|_| way.several);
        let terminal = Terminal::with_key(Version::Two, way.protocol, key_id, &way.key, &ephemeral).map_err(impossible)?;
        let mut last = None;
        for (place, mut command) in [Place::Mse, Place::Ga].into_iter().zip(terminal.commands(Form::AuthenticationTemplate)) {
            if alterations.contains(&Alteration::Variant(Variant::Class8C)) {
                command.cla |= 0x80;
            }
            let answer = match self.chip_auth_command(place, command, alterations, &way)? {
                Sent::Answer(answer) => answer,
                Sent::Stopped(answer) => return Ok(Seen::new(Outcome::Stopped, Some(answer))),
            };
            if !taken(answer.sw) {
                return Ok(Seen::new(Outcome::Refused(place), Some(answer)));
            }
            last = Some(answer);
        }
        let Some(answer) = last else { return Err(Trouble::Impossible("no command to send".to_owned())) };
        Ok(match terminal.finish(Form::AuthenticationTemplate, &answer.data) {
            Ok(channel) => {
                self.link.old = self.link.channel.replace(channel);
                Seen::new(Outcome::Opened, Some(answer))
            }
            Err(error) => Seen::new(Outcome::Wrong(Place::Ga, error.to_string()), Some(answer)),
        })
    }

    fn ephemeral(&mut self, way: &Choice, alterations: &[Alteration]) -> Result<AgreementPrivateKey, Trouble> {
        let domain = way.key.domain();
        let form = alterations.iter().find_map(|alteration| match alteration {
            Alteration::Change(_, Change::Key(form)) => Some(*form),
            _ => None,
        });
        match form {
            Some(form) => shape::search(form, &domain, &mut |key| Some(key.public()), self.rng).map_err(Trouble::Impossible),
            None => Ok(AgreementPrivateKey::generate(&domain, self.rng)),
        }
    }

    fn chip_auth_command(&mut self, place: Place, command: Command, alterations: &[Alteration], way: &Choice) -> Result<Sent, Trouble> {
        let ways = self.profile.chip_auth.iter().chain(&self.profile.chip_auth_2);
        let mut spoil = |how: Spoil, _: &[u8], rng: &mut dyn CryptoRng| match how {
            Spoil::OtherSize => Ok(shape::other_size(&way.key.domain(), rng)),
            Spoil::Unknown => (0x10..=0x7F_u8)
                .find(|id| ways.clone().all(|way| way.key_id.is_none_or(|known| known.as_reference() != [*id])))
                .map(|id| vec![id])
                .ok_or_else(|| "the card has every key".to_owned()),
            _ => Err("not a change of Chip Authentication".to_owned()),
        };
        self.exchange(place, command, alterations, &mut spoil)
    }
}
