//! Deliveries, moves, and the scrap desk; incidents.

use std::collections::BTreeMap;

use super::decode::{Columns, card_query, each};
use super::jobs::{among, next_id, state};
use super::work::{card_state, lock_card, set_bound};
use super::{
    Action, BatchId, Card, CardState, Incident, JobState, Note, Outcome, ROWS, Serial, Sql, TwoPersons, Value, log, one, places, rows,
    rules,
};
use crate::line::state::BindingState;

fn keys(serials: &[Serial]) -> Vec<Value> {
    serials.iter().map(|serial| serial.as_bytes().into()).collect()
}

pub(super) fn deliver(sql: &mut dyn Sql, delivery: &str, serials: &[Serial], note: &Note) -> Outcome<()> {
    let site = log::lock_site(sql)?;
    let name = sql.query("SELECT 1 FROM delivery WHERE name = $1", &[delivery.into()])?;
    let known = if name.is_empty() {
        let found = each("card", among(sql, "SELECT serial FROM card WHERE serial IN (", ")", &keys(serials))?, Columns::serial)?;
        serials.iter().find(|serial| found.contains(serial)).map(|serial| format!("card {serial}"))
    } else {
        Some(format!("delivery {delivery}"))
    };
    rules::delivery(delivery, serials, known)?;
    let count = i64::try_from(serials.len()).unwrap_or(i64::MAX);
    let insert = "INSERT INTO delivery (name, cards, time) VALUES ($1, $2, $3)";
    sql.execute(insert, &[delivery.into(), count.into(), note.time.into()])?;
    for some in serials.chunks(ROWS) {
        let values: Vec<Value> =
            some.iter().flat_map(|serial| [serial.as_bytes().into(), delivery.into(), card_state(CardState::InStock)]).collect();
        sql.execute(&format!("INSERT INTO card (serial, delivery, state) VALUES {}", rows(some.len(), 3)), &values)?;
    }
    log::append(sql, &site, note, None)
}

pub(super) fn move_cards(
    sql: &mut dyn Sql,
    serials: &[Serial],
    from: CardState,
    to: CardState,
    persons: Option<&TwoPersons>,
    note: &Note,
) -> Outcome<()> {
    rules::route(from, to, persons, note)?;
    let site = log::lock_site(sql)?;
    let found = among(sql, "SELECT serial, state FROM card WHERE serial IN (", ") ORDER BY serial FOR UPDATE", &keys(serials))?;
    let found = each("card", found, |columns| Ok((columns.serial()?, columns.state(CardState::from_number)?)))?;
    let mut found: BTreeMap<Serial, CardState> = found.into_iter().collect();
    for serial in serials {
        rules::move_card(serial, found.get(serial).copied(), from, to)?;
        found.insert(serial.clone(), to);
    }
    for some in keys(serials).chunks(ROWS) {
        let these = places(2, some.len());
        let with = |state: Value| [&[state], some].concat();
        sql.execute(&format!("UPDATE card SET state = $1 WHERE serial IN ({these})"), &with(card_state(to)))?;
        // what was bound is lost with its job, and counted only when it is found
        let pending = i64::from(BindingState::ScrapPending.number()).into();
        if sql.execute(&format!("UPDATE binding SET state = $1 WHERE serial IN ({these})"), &with(pending))? > 0 {
            let change = format!(
                "UPDATE job SET state = $1, lease_until = NULL WHERE id IN (SELECT binding.job FROM binding WHERE binding.serial IN ({these}))"
            );
            sql.execute(&change, &with(state(JobState::Held)))?;
        }
    }
    log::append(sql, &site, note, persons)
}

pub(super) fn scrap(sql: &mut dyn Sql, serial: &Serial, to: CardState, reason: &str, persons: &TwoPersons, note: &Note) -> Outcome<()> {
    rules::persons(persons, Action::Scrap, note)?;
    let site = log::lock_site(sql)?;
    let known = lock_card(sql, serial)?;
    rules::scrap(serial, known.as_ref(), to)?;
    if let Some(known) = known {
        let held = known.bound.as_ref().is_some_and(|(_, job)| job.state == JobState::Held);
        set_bound(sql, &known, held.then_some(JobState::Prepared), to, BindingState::Scrapped)?;
    }
    let [first, second] = persons.names();
    let insert = format!("INSERT INTO counted (serial, reason, first, second, time) VALUES ({})", places(1, 5));
    one(sql, &insert, &[serial.as_bytes().into(), reason.into(), first.into(), second.into(), note.time.into()])?;
    log::append(sql, &site, note, Some(persons))
}

pub(super) fn stock(sql: &mut dyn Sql, delivery: Option<&str>) -> Outcome<Vec<(CardState, u64)>> {
    let rows = match delivery {
        Some(delivery) => {
            sql.query("SELECT state, count(*) FROM card WHERE delivery = $1 GROUP BY state ORDER BY state", &[delivery.into()])?
        }
        None => sql.query("SELECT state, count(*) FROM card GROUP BY state ORDER BY state", &[])?,
    };
    each("card", rows, |columns| Ok((columns.state(CardState::from_number)?, columns.number()?)))
}

pub(super) fn cards(sql: &mut dyn Sql, state: CardState, after: Option<&Serial>, limit: u32) -> Outcome<Vec<Card>> {
    // every serial is after the empty one
    let after = after.map_or(&[][..], Serial::as_bytes);
    let query = card_query("WHERE card.state = $1 AND card.serial > $2 ORDER BY card.serial LIMIT $3");
    each("card", sql.query(&query, &[card_state(state), after.into(), limit.into()])?, Columns::card)
}

const INCIDENT: &str = "SELECT id, batch, station, serial, what, time, released_first, released_second FROM incident";

fn decode(columns: &mut Columns) -> Outcome<Incident> {
    Ok(Incident {
        id: columns.integer()?,
        batch: columns.maybe(Columns::integer)?.map(BatchId),
        station: columns.text()?,
        serial: columns.maybe(Columns::serial)?,
        what: columns.text()?,
        time: columns.integer()?,
        released_by: columns.names()?,
    })
}

pub(super) fn incident(sql: &mut dyn Sql, incident: &Incident) -> Outcome<i64> {
    let site = log::lock_site(sql)?;
    let at = sql.query(&format!("{INCIDENT} WHERE station = $1 AND time = $2"), &[(&incident.station).into(), incident.time.into()])?;
    let same = |known: &Incident| Incident { id: known.id, released_by: known.released_by.clone(), ..incident.clone() } == *known;
    if let Some(known) = each("incident", at, decode)?.into_iter().find(same) {
        return Ok(known.id);
    }
    if let Some(batch) = incident.batch
        && sql.query("SELECT 1 FROM batch WHERE id = $1", &[batch.0.into()])?.is_empty()
    {
        rules::refused::<()>(format!("incident in batch {}", batch.0), "a batch", "none")?;
    }
    let id = next_id(sql, "incident")?;
    let insert = format!("INSERT INTO incident (id, batch, station, serial, what, time) VALUES ({})", places(1, 6));
    let values = [
        id.into(),
        incident.batch.map(|batch| batch.0).into(),
        (&incident.station).into(),
        incident.serial.as_ref().map(Serial::as_bytes).into(),
        (&incident.what).into(),
        incident.time.into(),
    ];
    one(sql, &insert, &values)?;
    log::append(sql, &site, &rules::incident_note(incident), None)?;
    Ok(id)
}

pub(super) fn incidents(sql: &mut dyn Sql, open_only: bool) -> Outcome<Vec<Incident>> {
    let condition = if open_only { " WHERE released_first IS NULL" } else { "" };
    each("incident", sql.query(&format!("{INCIDENT}{condition} ORDER BY id"), &[])?, decode)
}

pub(super) fn release_incident(sql: &mut dyn Sql, id: i64, persons: &TwoPersons, note: &Note) -> Outcome<()> {
    rules::persons(persons, Action::ReleaseIncident, note)?;
    let site = log::lock_site(sql)?;
    let known = each("incident", sql.query(&format!("{INCIDENT} WHERE id = $1"), &[id.into()])?, decode)?.pop();
    rules::release_incident(id, known.as_ref())?;
    let [first, second] = persons.names();
    let change = "UPDATE incident SET released_first = $1, released_second = $2 WHERE id = $3";
    one(sql, change, &[first.into(), second.into(), id.into()])?;
    log::append(sql, &site, note, Some(persons))
}
