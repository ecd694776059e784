//! What the line allows, once for every store: each rule looks at what a store knows and says what is then to be written, or refuses.

use super::audit::{ChainEnd, Entry, SITE};
use super::state::{BindingState, CardState, JobState};
use super::store::{
    Batch, BatchId, Bind, Card, Incident, Job, JobId, NewJob, Note, Progress, Pseudonym, READER_NAME, STATION_NAME, Serial, StoreError,
};
use super::users::{Action, Role, TwoPersons, User, is_name};

type Outcome<T> = Result<T, StoreError>;

/// A refusal.
pub(super) fn refused<T>(what: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Outcome<T> {
    Err(StoreError::Refused { what: what.into(), expected: expected.into(), found: found.into() })
}

/// Names of a station and of a reader that reports and other programs can hold.
pub(super) fn names(station: &str, reader: Option<&str>) -> Outcome<()> {
    for (what, name, most) in [("station", Some(station), STATION_NAME), ("reader", reader, READER_NAME)] {
        let Some(name) = name else { continue };
        if name.is_empty() || name.len() > most || name.chars().any(char::is_control) {
            let expected = format!("1 to {most} bytes without control characters");
            return refused(
                format!("name of a {what}"),
                expected,
                format!("{} bytes: {:?}", name.len(), name.chars().take(40).collect::<String>()),
            );
        }
    }
    Ok(())
}

/// Two persons act for this, now.
pub(super) fn persons(persons: &TwoPersons, action: Action, note: &Note) -> Outcome<()> {
    let what = || format!("{action} by {}", persons.names().join(" and "));
    if persons.action() != action {
        return refused(what(), format!("two persons for {action}"), format!("two for {}", persons.action()));
    }
    if !persons.is_fresh(note.time) {
        return refused(what(), "log-ins of the last five minutes", "older ones");
    }
    Ok(())
}

/// The entry of the site's chain for a note.
pub(super) fn entry(end: &ChainEnd, note: &Note, persons: Option<&TwoPersons>) -> Entry {
    let mut note = note.clone();
    for name in persons.iter().flat_map(|persons| persons.names()) {
        if !note.actors.contains(name) {
            note.actors.push(name.clone());
        }
    }
    Entry::after(end, &note)
}

/// What the chain of the site keeps of an incident.
pub(super) fn incident_note(incident: &Incident) -> Note {
    let mut subjects: Vec<String> = incident.batch.iter().map(|batch| format!("batch {}", batch.0)).collect();
    subjects.extend(incident.serial.iter().map(|serial| format!("card {serial}")));
    Note {
        time: incident.time,
        actors: vec![format!("station {}", incident.station)],
        event: "incident".to_owned(),
        subjects,
        detail: incident.what.clone(),
    }
}

/// A batch of this name is there.
pub(super) fn batch_name<T>(name: &str) -> Outcome<T> {
    refused(format!("new batch {name}"), "a new name", "one that is taken")
}

/// A batch whose next job would be `next` has jobs.
pub(super) fn some_jobs(name: &str, next: u32) -> Outcome<()> {
    if next <= 1 {
        return refused(format!("new batch {name}"), "at least one job", "none");
    }
    Ok(())
}

/// A job of a new batch stands in its place.
pub(super) fn sequence(job: &NewJob, expected: u32) -> Outcome<()> {
    if job.sequence != expected {
        return refused("job of a new batch", format!("sequence {expected}"), job.sequence.to_string());
    }
    Ok(())
}

/// The job that `new` replaces may be replaced by it.
pub(super) fn replaces(new: &NewJob, id: JobId, old: Option<&Job>) -> Outcome<()> {
    let what = || format!("job {} of a new batch replaces job {}", new.sequence, id.0);
    match old {
        None => refused(what(), "a job", "none"),
        Some(old) if old.state != JobState::Issued => refused(what(), JobState::Issued.name(), old.state.name()),
        Some(old) if (old.order.person, &old.order.document_type) != (new.person, &new.document_type) => {
            refused(what(), "the same person and type of document", "others")
        }
        Some(_) => Ok(()),
    }
}

/// Nothing stands against a job of a new batch: its person's live job, a live job with its number, the cancellation of its number.
pub(super) fn new_job(new: &NewJob, of_person: Option<JobId>, of_number: Option<JobId>, cancelled: bool) -> Outcome<()> {
    let what = || format!("job {} of a new batch, {}", new.sequence, new.document_type);
    if let Some(job) = of_person {
        return refused(what(), format!("no live document of person {:?}", new.person), format!("job {}", job.0));
    }
    if let Some(job) = of_number {
        return refused(what(), format!("no live document with number {:?}", new.number), format!("job {}", job.0));
    }
    if cancelled {
        return refused(what(), "a number that was not cancelled", format!("{:?}", new.number));
    }
    Ok(())
}

/// A number may be cancelled; `unissued` is a job that would still be issued with it.
pub(super) fn cancel_number(number: Pseudonym, unissued: Option<(JobId, JobState)>) -> Outcome<()> {
    match unissued {
        Some((job, state)) => {
            refused(format!("cancel number {number:?}"), "no job that is still to be issued", format!("job {} {state}", job.0))
        }
        None => Ok(()),
    }
}

/// A job may be cancelled; `card` is where the card is that it was last bound to.
pub(super) fn cancel_job(id: JobId, job: Option<&Job>, card: Option<CardState>) -> Outcome<()> {
    let what = format!("cancel job {}", id.0);
    match job.map(|job| job.state) {
        Some(JobState::Prepared) => Ok(()),
        Some(JobState::Held) if card == Some(CardState::Lost) => Ok(()),
        Some(state) => refused(what, "prepared, or held for a lost card", state.name()),
        None => refused(what, "a job", "none"),
    }
}

/// A batch may be released.
pub(super) fn release_batch(id: BatchId, batch: Option<&Batch>) -> Outcome<()> {
    let what = format!("release batch {}", id.0);
    match batch {
        None => refused(what, "a batch", "none"),
        Some(Batch { closed_by: Some(_), .. }) => refused(what, "open", "closed"),
        Some(Batch { released_by: Some([first, second]), .. }) => {
            refused(what, "not released", format!("released by {first} and {second}"))
        }
        Some(_) => Ok(()),
    }
}

/// What a batch would leave over if it was closed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Difference {
    /// Jobs that are neither issued, replaced, nor cancelled.
    pub(super) jobs: u64,
    /// Issued or replaced jobs without a good card of their own.
    pub(super) without_card: u64,
    /// Good cards whose job was not issued with them.
    pub(super) without_job: u64,
    /// Cards bound to its jobs that are neither good nor counted.
    pub(super) cards: u64,
}

/// A batch may be closed.
pub(super) fn close_batch(id: BatchId, batch: Option<&Batch>, difference: Difference) -> Outcome<()> {
    let what = format!("close batch {}", id.0);
    let Some(batch) = batch else { return refused(what, "a batch", "none") };
    if batch.closed_by.is_some() {
        return refused(what, "open", "closed");
    }
    if let Some(stopped) = &batch.stopped {
        return refused(what, "no open incident", stopped.clone());
    }
    let Difference { jobs, without_card, without_job, cards } = difference;
    if jobs + without_card + without_job + cards != 0 {
        let found = format!(
            "{jobs} jobs not settled, {cards} cards not counted, {without_card} issued without a good card, {without_job} good cards without a job"
        );
        return refused(what, "difference 0", found);
    }
    Ok(())
}

/// Whether a bond is to be written; `false` if it is there already. `stopped` is an open incident of the line or of the job's batch.
pub(super) fn bind(bind: &Bind, job: Option<&Job>, card: Option<&Card>, stopped: Option<&str>) -> Outcome<bool> {
    names(&bind.station, Some(&bind.reader))?;
    let what = || format!("bind card {} to job {}", bind.serial, bind.job.0);
    let Some(card) = card else { return refused(what(), "a card in stock", "none") };
    if let Some((binding, bound)) = &card.bound {
        let same = Bind { time: bind.time, ..binding.bind.clone() } == *bind;
        if same && binding.state == BindingState::Open && bound.state == JobState::Bound {
            return Ok(false);
        }
        return refused(what(), "a card that was never bound", format!("bound to job {}, {}", bound.id.0, binding.state));
    }
    if card.state != CardState::AtLine {
        return refused(what(), format!("card {}", CardState::AtLine), card.state.name());
    }
    let Some(job) = job else { return refused(what(), "a job", "none") };
    let claimed = job.state == JobState::Reserved && job.epoch == bind.epoch && job.station.as_ref() == Some(&bind.station);
    if !claimed {
        let expected = format!("reserved by {} in epoch {}", bind.station, bind.epoch);
        return refused(
            what(),
            expected,
            format!("{} by {} in epoch {}", job.state, job.station.as_deref().unwrap_or("nobody"), job.epoch),
        );
    }
    match stopped {
        Some(stopped) => refused(what(), "a running line", format!("stopped: {stopped}")),
        None => Ok(true),
    }
}

/// The nonce of a bond was used before.
pub(super) fn nonce_used<T>(bind: &Bind) -> Outcome<T> {
    refused(format!("bind card {} to job {}", bind.serial, bind.job.0), "a nonce that was never used", "one that was")
}

/// Where job, card, and bond go for what was achieved; `None` if they are there already.
pub(super) fn progress(serial: &Serial, card: Option<&Card>, progress: Progress) -> Outcome<Option<(JobState, CardState, BindingState)>> {
    let to = match progress {
        Progress::Written(_) => JobState::Written,
        Progress::Verified => JobState::Verified,
        Progress::Issued => JobState::Issued,
    };
    let what = || format!("card {serial} {to}");
    let Some((binding, job)) = card.and_then(|card| card.bound.as_ref()) else { return refused(what(), "a bound card", "an unbound one") };
    if let Progress::Written(digest) = progress
        && digest != job.order.image_digest
    {
        return refused(what(), hex::encode(job.order.image_digest), hex::encode(digest));
    }
    if matches!(binding.state, BindingState::ScrapPending | BindingState::Scrapped) {
        return match progress {
            Progress::Issued => refused(what(), "a card that did not fail", binding.state.name()),
            // A station that was killed behind its words says again what it had said before the card failed.
            Progress::Written(_) | Progress::Verified => Ok(None),
        };
    }
    let before = match to {
        JobState::Written => JobState::Bound,
        JobState::Verified => JobState::Written,
        _ => JobState::Verified,
    };
    match job.state {
        state if state == before && to == JobState::Issued => Ok(Some((to, CardState::Good, BindingState::Good))),
        state if state == before => Ok(Some((to, CardState::Personalized, BindingState::Open))),
        state if state >= to && (state <= JobState::Issued || state == JobState::Replaced) => Ok(None),
        state => refused(what(), format!("job {before}"), state.name()),
    }
}

/// Whether a failure is to be written; `false` if it is there already.
pub(super) fn fail(serial: &Serial, card: Option<&Card>) -> Outcome<bool> {
    let what = format!("card {serial} failed");
    match card.map(|card| (card, &card.bound)) {
        Some((_, Some((binding, job)))) => match binding.state {
            BindingState::Open => Ok(true),
            BindingState::ScrapPending | BindingState::Scrapped => Ok(false),
            BindingState::Good => refused(what, "a card that was not issued", format!("job {} {}", job.id.0, job.state)),
        },
        _ => refused(what, "a bound card", "an unbound one"),
    }
}

/// Whether a move exists, and is allowed to those who ask. The first word of an answer to "where may cards go".
pub(super) fn route(from: CardState, to: CardState, two: Option<&TwoPersons>, note: &Note) -> Outcome<()> {
    use CardState::{AtLine, Bound, InStock, Lost, Personalized, Returned, Sample, ScrapPending};
    let what = || format!("move cards from {from} to {to}");
    match (from, to) {
        (InStock, AtLine) | (AtLine, InStock) => Ok(()),
        (InStock | AtLine, Sample | Returned | Lost) | (Bound | Personalized | ScrapPending, Lost) => match two {
            Some(two) => persons(two, Action::TakeOut, note),
            None => refused(what(), "two persons", "none"),
        },
        _ => refused(what(), "a move that exists", "none"),
    }
}

/// Whether this card may take the route. Its job is held if it was bound.
pub(super) fn move_card(serial: &Serial, card: Option<CardState>, from: CardState, to: CardState) -> Outcome<()> {
    match card {
        Some(state) if state == from => Ok(()),
        state => refused(format!("move card {serial} to {to}"), from.name(), state.map_or("no card", CardState::name)),
    }
}

/// A card may be counted.
pub(super) fn scrap(serial: &Serial, card: Option<&Card>, to: CardState) -> Outcome<()> {
    let what = format!("scrap card {serial}");
    if !matches!(to, CardState::Terminated | CardState::Mute) {
        return refused(what, "terminated or mute", to.name());
    }
    match card {
        None => refused(what, "a card", "none"),
        Some(card) if matches!(card.state, CardState::ScrapPending | CardState::Lost | CardState::InStock | CardState::AtLine) => Ok(()),
        Some(card) => refused(what, "scrap pending, lost, or never bound", card.state.name()),
    }
}

/// A delivery may be taken in; `known` is its name or one of its serials that is there already.
pub(super) fn delivery(name: &str, serials: &[Serial], known: Option<String>) -> Outcome<()> {
    let what = format!("delivery {name}");
    if serials.is_empty() {
        return refused(what, "at least one card", "none");
    }
    let mut sorted: Vec<&Serial> = serials.iter().collect();
    sorted.sort_unstable();
    let twice = sorted.array_windows().find(|[first, second]| first == second).map(|[first, _]| format!("card {first} twice"));
    match twice.or(known) {
        Some(found) => refused(what, "cards that were never delivered", found),
        None => Ok(()),
    }
}

/// An incident may be released.
pub(super) fn release_incident(id: i64, incident: Option<&Incident>) -> Outcome<()> {
    let what = format!("release incident {id}");
    match incident {
        None => refused(what, "an incident", "none"),
        Some(Incident { released_by: Some([first, second]), .. }) => refused(what, "open", format!("released by {first} and {second}")),
        Some(_) => Ok(()),
    }
}

/// A user may be put in.
pub(super) fn put_user(user: &User, users: &[User], two: Option<&TwoPersons>, note: &Note) -> Outcome<()> {
    let what = || format!("user {}", user.name.chars().take(40).collect::<String>());
    if !is_name(&user.name) {
        return refused(what(), "a name of a-z, 0-9, '.', '-', '_'", "another one");
    }
    let is_supervisor = |user: &&User| user.active && user.roles.contains(&Role::Supervisor);
    let now = users.iter().filter(is_supervisor).count();
    let then = users.iter().filter(|other| other.name != user.name).chain([user]).filter(is_supervisor).count();
    match two {
        Some(two) => persons(two, Action::ChangeUsers, note)?,
        None if now >= 2 => return refused(what(), "two persons, as there are two supervisors", "none"),
        None => {}
    }
    if now >= 2 && then < 2 {
        return refused(what(), "two active supervisors left", then.to_string());
    }
    Ok(())
}

/// An entry that a station sends may be appended to `end`; `false` if it is there already as `known`.
pub(super) fn ship(entry: &Entry, end: &ChainEnd, known: Option<&Entry>) -> Outcome<bool> {
    let what = || format!("entry {} of the chain {:?}", entry.sequence, entry.chain.chars().take(80).collect::<String>());
    if entry.chain == SITE {
        return refused(what(), "an entry of a station", "one of the site");
    }
    if entry.computed() != entry.hash {
        return refused(what(), "the hash of its content", "another one");
    }
    match known {
        Some(known) if known == entry => return Ok(false),
        Some(_) => return refused(what(), "the entry that was sent before", "another one"),
        None => {}
    }
    if (entry.sequence, entry.previous) != (end.sequence.saturating_add(1), end.hash) {
        return refused(what(), format!("one that follows entry {}", end.sequence), "one that does not");
    }
    Ok(true)
}
