//! Deliveries, moves, and the scrap desk; incidents.

use super::{
    Action, BTreeMap, BindingState, Card, CardState, Chip, Counted, Incident, JobState, Memory, Note, Serial, StoreError, TwoPersons,
    count, rules,
};

impl Memory {
    pub(super) fn deliver(&mut self, delivery: &str, serials: &[Serial], note: &Note) -> Result<(), StoreError> {
        let name = self.cards.values().any(|card| card.delivery == delivery).then(|| format!("delivery {delivery}"));
        let card = || serials.iter().find(|serial| self.cards.contains_key(serial)).map(|serial| format!("card {serial}"));
        rules::delivery(delivery, serials, name.or_else(card))?;
        for serial in serials {
            let chip = Chip { state: CardState::InStock, delivery: delivery.to_owned(), binding: None, scrap: None, counted: None };
            self.cards.insert(serial.clone(), chip);
        }
        self.append(note, None);
        Ok(())
    }

    pub(super) fn move_cards(
        &mut self,
        serials: &[Serial],
        from: CardState,
        to: CardState,
        persons: Option<&TwoPersons>,
        note: &Note,
    ) -> Result<(), StoreError> {
        rules::route(from, to, persons, note)?;
        let mut moved = Vec::new();
        for serial in serials {
            let state = if moved.contains(&serial) { Some(to) } else { self.cards.get(serial).map(|card| card.state) };
            rules::move_card(serial, state, from, to)?;
            moved.push(serial);
        }
        for serial in serials {
            // what was bound is lost with its job, and counted only when it is found
            self.set_bound(serial, Some(JobState::Held), to, BindingState::ScrapPending);
        }
        self.append(note, persons);
        Ok(())
    }

    pub(super) fn scrap(
        &mut self,
        serial: &Serial,
        to: CardState,
        reason: &str,
        persons: &TwoPersons,
        note: &Note,
    ) -> Result<(), StoreError> {
        rules::persons(persons, Action::Scrap, note)?;
        let card = self.card(serial);
        rules::scrap(serial, card.as_ref(), to)?;
        let held = card.and_then(|card| card.bound).is_some_and(|(_, job)| job.state == JobState::Held);
        self.set_bound(serial, held.then_some(JobState::Prepared), to, BindingState::Scrapped);
        if let Some(card) = self.cards.get_mut(serial) {
            card.counted = Some(Counted { reason: reason.to_owned(), persons: persons.names().clone(), time: note.time });
        }
        self.append(note, Some(persons));
        Ok(())
    }

    pub(super) fn stock(&self, delivery: Option<&str>) -> Vec<(CardState, u64)> {
        let mut counts = BTreeMap::new();
        for card in self.cards.values().filter(|card| delivery.is_none_or(|delivery| card.delivery == delivery)) {
            *counts.entry(card.state).or_default() += 1;
        }
        counts.into_iter().collect()
    }

    pub(super) fn cards_after(&self, state: CardState, after: Option<&Serial>, limit: u32) -> Vec<Card> {
        let wanted = |(serial, card): &(&Serial, &Chip)| card.state == state && after.is_none_or(|after| *serial > after);
        self.cards.iter().filter(wanted).take(count(limit)).filter_map(|(serial, _)| self.card(serial)).collect()
    }

    pub(super) fn incident(&mut self, incident: &Incident) -> Result<i64, StoreError> {
        let same = |known: &&Incident| Incident { id: known.id, released_by: known.released_by.clone(), ..incident.clone() } == **known;
        if let Some(known) = self.incidents.iter().find(same) {
            return Ok(known.id);
        }
        if let Some(batch) = incident.batch
            && !self.batches.contains_key(&batch)
        {
            return rules::refused(format!("incident in batch {}", batch.0), "a batch", "none");
        }
        let id = self.incidents.last().map_or(1, |last| last.id + 1);
        self.incidents.push(Incident { id, released_by: None, ..incident.clone() });
        self.append(&rules::incident_note(incident), None);
        Ok(id)
    }

    pub(super) fn release_incident(&mut self, id: i64, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        rules::persons(persons, Action::ReleaseIncident, note)?;
        let incident = self.incidents.iter_mut().find(|incident| incident.id == id);
        rules::release_incident(id, incident.as_deref())?;
        if let Some(incident) = incident {
            incident.released_by = Some(persons.names().clone());
        }
        self.append(note, Some(persons));
        Ok(())
    }
}
