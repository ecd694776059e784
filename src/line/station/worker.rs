//! One worker with one reader: a card comes, is settled by the table, and goes to its bin.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use eid::image::CardImage;
use eid::scp03;
use eid::transport::{Transport as _, TransportError};
use rand_core::{CryptoRng, Rng as _};

use make::Why;

use super::meter::Meter;
use super::{Event, Intent, IntentState, Seat, Station, StationError, lock};
use crate::line::feeder::{Bin, Feeder, FeederError, Link, Load};
use crate::line::recover::{self, Action, Known, Row, Seen};
use crate::line::store::{BatchId, Bind, Card, Claim, Job, JobId, Moment, Serial, Store, StoreError};
use crate::perso::plan;
use crate::perso::write::{Failed, WriteError};

mod make;

/// Where a card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The reader waits for a card.
    Waiting,
    /// Serial and status are read.
    Identify,
    /// Bound in the store.
    Bind,
    /// The image is written.
    Write,
    /// Quality control reads it.
    Inspect,
    /// It becomes operational.
    Activate,
}

/// How often it is looked whether a card that a person is asked for is still wanted.
const LOOK: Duration = Duration::from_secs(1);

/// Seconds that a claim must have left when its card is bound.
const MARGIN: i64 = 5;

/// The last seconds of a claim are for the bond itself.
const fn still_holds(claim: &Claim, now: Moment) -> bool {
    match claim.job.lease_until {
        Some(until) => until.saturating_sub(MARGIN) > now,
        None => false,
    }
}

/// What comes after a look at a card.
enum Next {
    /// It is settled.
    To(Bin),
    /// The link broke. The table decides again, after a reset.
    Again(TransportError),
}

/// A card in the reader.
struct Trial {
    started: Moment,
    /// Milliseconds of identify, write, inspect, activate, and of waiting for the store.
    spent: [u32; 5],
    serial: Option<Serial>,
    /// Its job, once it is bound.
    job: Option<(JobId, BatchId)>,
    /// Number of the attempt, once it is under way.
    number: Option<i64>,
    /// The row by which the card was taken up, if it is no fresh blank.
    row: Option<Row>,
    resumed: bool,
}

/// What is to be made of a bound card.
struct Order<'a> {
    serial: &'a Serial,
    job: &'a Job,
    nonce: [u8; 16],
    image: &'a CardImage,
    live: bool,
}

/// Whether there is work for the next blank.
enum There {
    /// A job is claimed.
    Job,
    /// Others have claimed what is left; it may come back.
    Later,
    /// Nothing but cards that must be found and presented.
    Cards,
    /// Nothing.
    Nothing,
}

struct Worker<'s, 'a> {
    station: &'s Station<'a>,
    feeder: Box<dyn Feeder>,
    store: Box<dyn Store>,
    rng: Box<dyn CryptoRng + Send>,
    reader: String,
    /// Batches of which this reader has had a card in quality control.
    known: BTreeSet<BatchId>,
    failures: u32,
    /// The card in the reader, if it was issued before it came.
    issued_before: Option<Serial>,
}

impl<'a> Station<'a> {
    /// Works at one reader until there is nothing left for it, or something ends the work. [`run`](Station::run) does this for each reader in
    /// a thread of its own; [`start`](Station::start) comes before it, [`finish`](Station::finish) after it.
    ///
    /// # Errors
    /// The journal or the store cannot be used.
    pub fn work(&self, seat: Seat) -> Result<(), StationError> {
        self.seats.fetch_add(1, Ordering::Relaxed);
        let reader = seat.feeder.name().to_owned();
        let mut worker = Worker {
            station: self,
            feeder: seat.feeder,
            store: seat.store,
            rng: seat.rng,
            reader,
            known: BTreeSet::new(),
            failures: 0,
            issued_before: None,
        };
        let done = worker.run();
        if let Err(error) = &done {
            self.halt(&error.to_string());
        }
        done
    }
}

impl Worker<'_, '_> {
    fn run(&mut self) -> Result<(), StationError> {
        let station = self.station;
        let settings = station.parts.settings;
        let stopping = || station.is_stopping();
        while !stopping() {
            if !self.feeder.has_left_over() {
                match self.there()? {
                    There::Job => {}
                    There::Cards if self.feeder.is_manual() => {}
                    There::Later => {
                        std::thread::sleep(settings.pause);
                        continue;
                    }
                    There::Cards | There::Nothing => return Ok(()),
                }
            }
            self.stage(None, Stage::Waiting);
            let loaded = match self.load() {
                Ok(loaded) => loaded,
                Err(error) => return self.reader_out(&error.to_string()),
            };
            let (link, bin) = match loaded {
                // It is over, or there is nothing to do for another card: the next look at the jobs says which.
                Load::Stopped => continue,
                Load::Empty => {
                    station.out_of_blanks.store(true, Ordering::Relaxed);
                    return Ok(());
                }
                Load::Mute(why) => {
                    self.reject(None, &why);
                    (None, Bin::Reject)
                }
                Load::Card(mut link) => {
                    let bin = self.card(&mut link)?;
                    (Some(link), bin)
                }
            };
            let is_away = match self.feeder.unload(link, bin, &stopping) {
                Ok(is_away) => is_away,
                Err(error) => return self.reader_out(&error.to_string()),
            };
            // Whoever brings it once more is asked why.
            if let Some(serial) = self.issued_before.take().filter(|_| is_away) {
                lock(&station.journal).settle(&serial, IntentState::Away)?;
            }
            if self.failures >= settings.failures_in_a_row {
                return self.reader_out(&format!("{} failures in a row", self.failures));
            }
        }
        Ok(())
    }

    /// The next card. A person is not asked for one any longer than there is something to do for it.
    fn load(&mut self) -> Result<Load, FeederError> {
        let station = self.station;
        let (feeder, store) = (&mut self.feeder, RefCell::new(&mut self.store));
        let looked = Cell::new(Instant::now());
        let is_manual = feeder.is_manual();
        feeder.load(&|| {
            if station.is_stopping() {
                return true;
            }
            if !is_manual || looked.get().elapsed() < LOOK {
                return false;
            }
            looked.set(Instant::now());
            // A store that is away is waited for where the next job is claimed.
            matches!(station.there(&mut ***store.borrow_mut()), Ok(There::Nothing))
        })
    }

    /// This reader works no more.
    fn reader_out(&self, why: &str) -> Result<(), StationError> {
        self.station.out.fetch_add(1, Ordering::Relaxed);
        (self.station.parts.tell)(Event::ReaderOut { reader: &self.reader, why });
        Ok(())
    }

    // --- jobs

    /// Whether there is something to do for a fresh blank. A store that is away is waited for.
    fn there(&mut self) -> Result<There, StationError> {
        loop {
            if self.station.is_stopping() {
                return Ok(There::Nothing);
            }
            let station = self.station;
            let found = station.there(&mut *self.store);
            match found {
                Err(StationError::Store(StoreError::Away { detail, .. })) => self.wait(&detail),
                found => {
                    if found.is_ok() {
                        station.away(None);
                    }
                    return found;
                }
            }
        }
    }

    fn wait(&self, detail: &str) {
        self.station.away(Some(detail));
        std::thread::sleep(self.station.parts.settings.pause);
    }

    /// Asks the store, after it was told everything; waits while it is away. `None` if the work ends first.
    fn ask<T>(&mut self, trial: &mut Trial, ask: impl Fn(&mut dyn Store) -> Result<T, StoreError>) -> Result<Option<T>, StationError> {
        let since = Instant::now();
        let answer = loop {
            let station = self.station;
            match station.tell(&mut *self.store).and_then(|()| ask(&mut *self.store).map_err(StationError::from)) {
                Err(StationError::Store(StoreError::Away { detail, .. })) => self.wait(&detail),
                answer => {
                    station.away(None);
                    break answer.map(Some);
                }
            }
            if station.is_stopping() {
                break Ok(None);
            }
        };
        add(&mut trial.spent, 4, since);
        answer
    }

    // --- one card

    fn card(&mut self, link: &mut Link) -> Result<Bin, StationError> {
        let station = self.station;
        let mut trial = Trial { started: station.now(), spent: [0; 5], serial: None, job: None, number: None, row: None, resumed: false };
        let mut meter = Meter::new(&mut **link, station.parts.settings.card_limit);
        let mut retries = station.parts.settings.retries;
        loop {
            let gone = match self.look(&mut meter, &mut trial)? {
                Next::To(bin) => return Ok(bin),
                Next::Again(error) => error,
            };
            if meter.expired {
                return self.give_up(&mut meter, &mut trial, "timeout", &gone);
            }
            let has_left = has_left(&gone);
            if retries == 0 || meter.reset().is_err() {
                // Somebody may have taken it out, and bring it again, here or elsewhere.
                if self.feeder.is_manual() && has_left {
                    // A service that stopped is not this reader's fault.
                    self.failures += u32::from(!matches!(gone, TransportError::Service { .. }));
                    self.interrupted(&meter, &mut trial, &gone.to_string())?;
                    return Ok(Bin::Stay);
                }
                return self.give_up(&mut meter, &mut trial, "no-answer", &gone);
            }
            retries -= 1;
            trial.resumed |= trial.job.is_some();
        }
    }

    /// Examines the card and does what the table says.
    fn look(&mut self, meter: &mut Meter<'_>, trial: &mut Trial) -> Result<Next, StationError> {
        let station = self.station;
        self.stage(None, Stage::Identify);
        let since = Instant::now();
        let examined = station.writer().examine(meter, &mut *self.rng);
        add(&mut trial.spent, 0, since);
        if let Err(Failed { error: WriteError::Transport { source, .. }, .. }) = examined.status {
            // A chip that told its serial and then died is known by it.
            trial.serial = trial.serial.take().or_else(|| examined.serial.as_deref().and_then(Serial::new));
            return Ok(Next::Again(source));
        }
        let Some(serial) = examined.serial.as_deref().and_then(Serial::new) else {
            let why = examined.status.err().map_or_else(|| "it tells no serial".to_owned(), |failed| failed.to_string());
            self.reject(None, &why);
            return Ok(Next::To(Bin::Reject));
        };
        if trial.serial.as_ref().is_some_and(|known| *known != serial) {
            // While the link was broken, somebody put in another card: the first one comes again, and this one from its start.
            self.interrupted(meter, trial, "another card is in the reader")?;
            return Ok(Next::To(Bin::Stay));
        }
        trial.serial = Some(serial.clone());
        let Some(card) = self.ask(trial, |store| store.card(&serial))? else { return Ok(Next::To(Bin::Stay)) };
        let seen = match &examined.status {
            Ok(status) => Seen::of(status, card.as_ref()),
            Err(Failed { error: WriteError::WrongKeys(_) | WriteError::Keys(_), .. }) => Seen::KeysRefused,
            Err(_) => Seen::Mute,
        };
        self.act(meter, trial, &serial, card.as_ref(), seen)
    }

    /// The card does not answer any more, or took too long.
    fn give_up(
        &mut self,
        meter: &mut Meter<'_>,
        trial: &mut Trial,
        reason: &'static str,
        gone: &TransportError,
    ) -> Result<Bin, StationError> {
        let Some(serial) = trial.serial.clone() else {
            self.reject(None, &gone.to_string());
            return Ok(Bin::Reject);
        };
        let Some(card) = self.ask(trial, |store| store.card(&serial))? else { return Ok(Bin::Stay) };
        let row = recover::decide(Known::of(card.as_ref()), Seen::Mute);
        match (row.action(), card.and_then(|card| card.bound)) {
            (Action::Scrap | Action::ScrapAndStop, Some((_, job))) => {
                trial.job = Some((job.id, job.batch));
                self.scrap(meter, trial, &serial, &Why { reason, step: gone.to_string(), sw: None })?;
            }
            _ => self.reject(Some(&serial), row.text()[2]),
        }
        Ok(Bin::Reject)
    }

    /// Does what the table says.
    fn act(
        &mut self,
        meter: &mut Meter<'_>,
        trial: &mut Trial,
        serial: &Serial,
        card: Option<&Card>,
        seen: Seen,
    ) -> Result<Next, StationError> {
        let station = self.station;
        let row = recover::decide(Known::of(card), seen);
        let bound = card.and_then(|card| card.bound.as_ref());
        if row == Row::Usable {
            return self.begin(meter, trial, serial);
        }
        // A card that this station issued, and that was not taken away when the station or the reader went down, belongs into the good bin.
        if row == Row::Issued && lock(&station.journal).intent(serial)?.is_some_and(|intent| intent.state == IntentState::Issued) {
            self.issued_before = Some(serial.clone());
            return Ok(Next::To(Bin::Good));
        }
        (station.parts.tell)(Event::Settled { reader: &self.reader, serial, row });
        if let Some((_, job)) = bound {
            trial.job = Some((job.id, job.batch));
            trial.resumed = true;
            if trial.number.is_none() {
                trial.row = Some(row);
            }
        }
        match (row.action(), bound) {
            (Action::Resume | Action::Confirm | Action::Inspect, Some((binding, job))) => {
                let image = match self.image(job) {
                    Ok(image) => image,
                    Err(what) => {
                        self.incident(Some(serial), Some(job.batch), &what)?;
                        return Ok(Next::To(Bin::Stay));
                    }
                };
                let Some(live) = self.is_live(trial, job.batch)? else { return Ok(Next::To(Bin::Stay)) };
                let order = Order { serial, job, nonce: binding.bind.nonce, image: &image, live };
                self.number(trial)?;
                match row.action() {
                    Action::Resume => self.write(meter, trial, &order),
                    Action::Confirm => {
                        self.written(serial, job.order.image_digest)?;
                        self.control(meter, trial, &order)
                    }
                    _ => self.control(meter, trial, &order),
                }
            }
            (Action::Scrap | Action::ScrapAndStop, Some((_, job))) => {
                let why = Why { reason: reason(row), step: row.text()[1].to_owned(), sw: None };
                self.scrap(meter, trial, serial, &why)?;
                if row.action() == Action::ScrapAndStop {
                    self.incident(Some(serial), Some(job.batch), &format!("{}: {row}", reason(row)))?;
                }
                Ok(Next::To(Bin::Reject))
            }
            (Action::Quarantine, _) => {
                // Wrong keys are the stock's, which the next job of a batch would meet again.
                let next = lock(&station.claims).front().map(|claim| claim.job.batch);
                let batch = bound.map(|(_, job)| job.batch).or(if row == Row::WrongKeys { next } else { None });
                self.reject(Some(serial), row.text()[2]);
                self.incident(Some(serial), batch, &format!("{}: {row}", reason(row)))?;
                Ok(Next::To(Bin::Reject))
            }
            _ => {
                self.reject(Some(serial), row.text()[2]);
                Ok(Next::To(Bin::Reject))
            }
        }
    }

    /// A blank gets a job: image, intent, bond, and then the first byte.
    fn begin(&mut self, meter: &mut Meter<'_>, trial: &mut Trial, serial: &Serial) -> Result<Next, StationError> {
        let station = self.station;
        loop {
            let Some(claim) = self.claim(trial)? else { return Ok(Next::To(Bin::Blank)) };
            let job = &claim.job;
            let image = match self.image(job) {
                Ok(image) => image,
                Err(what) => {
                    self.incident(None, Some(job.batch), &what)?;
                    return Ok(Next::To(Bin::Blank));
                }
            };
            let mut nonce = [0; 16];
            self.rng.fill_bytes(&mut nonce);
            let intent = Intent {
                serial: serial.clone(),
                job: job.id,
                epoch: job.epoch,
                nonce,
                reader: self.reader.clone(),
                time: station.now(),
                state: IntentState::Intended,
            };
            self.stage(Some(serial), Stage::Bind);
            let note =
                station.note("card-intended", subjects(serial, job.id), format!("epoch {}, nonce {}", job.epoch, hex::encode(nonce)));
            let number = lock(&station.journal).intend(&intent, trial.started, &note)?;
            let bind = Bind {
                job: job.id,
                epoch: job.epoch,
                serial: serial.clone(),
                nonce,
                station: station.parts.name.to_owned(),
                reader: self.reader.clone(),
                time: intent.time,
            };
            match self.ask(trial, |store| store.bind(&bind)) {
                Ok(Some(())) => {
                    trial.job = Some((job.id, job.batch));
                    trial.number = Some(number);
                    return self.write(meter, trial, &Order { serial, job, nonce, image: &image, live: claim.live });
                }
                // Nobody knows whether it was bound; the next start finds out.
                Ok(None) => return Ok(Next::To(Bin::Stay)),
                Err(StationError::Store(StoreError::Refused { what, expected, found })) => {
                    tracing::info!(what, expected, found, "not bound");
                    lock(&station.journal).settle(serial, IntentState::Void)?;
                    let (job, epoch) = (job.id, job.epoch);
                    self.ask(trial, |store| store.unclaim(job, epoch))?;
                    // The card may be the one that is refused, and not the claim: then the table says what it is now.
                    let Some(card) = self.ask(trial, |store| store.card(serial))? else { return Ok(Next::To(Bin::Blank)) };
                    if recover::decide(Known::of(card.as_ref()), Seen::Blank) != Row::Usable {
                        return Ok(Next::To(Bin::Stay));
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The next claim that holds for long enough; `None` if there is none now.
    fn claim(&mut self, trial: &mut Trial) -> Result<Option<Claim>, StationError> {
        let station = self.station;
        let since = Instant::now();
        let ahead = loop {
            match station.claim_ahead(&mut *self.store) {
                Err(StationError::Store(StoreError::Away { detail, .. })) => self.wait(&detail),
                done => break done?,
            }
            if station.is_stopping() {
                break false;
            }
        };
        add(&mut trial.spent, 4, since);
        Ok(if ahead { lock(&station.claims).pop_front() } else { None })
    }

    /// The image of a job, as it was ordered, and as the card product can hold it.
    fn image(&self, job: &Job) -> Result<CardImage, String> {
        let parts = &self.station.parts;
        let image = parts.images.image(job).map_err(|error| format!("image: job {}: {error}", job.id.0))?;
        if image.digest() != job.order.image_digest {
            let (expected, found) = (hex::encode(job.order.image_digest), hex::encode(image.digest()));
            return Err(format!("image-digest: job {}: expected {expected}, found {found}", job.id.0));
        }
        let options = plan::Options { apdu: parts.settings.apdu, level: None, mode: scp03::Mode::S8 };
        plan::plan("", &image, parts.profile, options).map_err(|error| format!("image-fits: job {}: {error}", job.id.0))?;
        Ok(image)
    }

    fn is_live(&mut self, trial: &mut Trial, batch: BatchId) -> Result<Option<bool>, StationError> {
        if let Some(live) = lock(&self.station.live).get(&batch) {
            return Ok(Some(*live));
        }
        let Some(batches) = self.ask(trial, |store| store.batches())? else { return Ok(None) };
        let mut known = lock(&self.station.live);
        known.extend(batches.iter().map(|batch| (batch.id, batch.header.live)));
        // A job is of a batch; if the store lost that, the card is for a person.
        Ok(Some(known.get(&batch).copied().unwrap_or(true)))
    }

    /// A card without a bond goes to the reject bin.
    fn reject(&mut self, serial: Option<&Serial>, why: &str) {
        self.failures += 1;
        (self.station.parts.tell)(Event::Rejected { reader: &self.reader, serial, why });
    }

    fn stage(&self, serial: Option<&Serial>, stage: Stage) {
        (self.station.parts.tell)(Event::Stage { reader: &self.reader, serial, stage, done: 0, total: 0 });
    }
}

impl Station<'_> {
    /// Whether there is something to do for a fresh blank.
    fn there(&self, store: &mut dyn Store) -> Result<There, StationError> {
        if self.claim_ahead(store)? {
            return Ok(There::Job);
        }
        let left = self.left(store)?;
        if left.incident.is_some() {
            return Ok(There::Nothing);
        }
        let [prepared, claimed, find, _] = left.jobs;
        Ok(match (prepared + claimed, find) {
            (0, 0) => There::Nothing,
            (0, _) => There::Cards,
            _ => There::Later,
        })
    }

    /// Claims jobs ahead. Whether there is one that a card can be bound to.
    fn claim_ahead(&self, store: &mut dyn Store) -> Result<bool, StationError> {
        let now = self.now();
        let mut claims = lock(&self.claims);
        while let Some(old) = claims.front().filter(|claim| !still_holds(claim, now)) {
            let (job, epoch) = (old.job.id, old.job.epoch);
            store.unclaim(job, epoch)?;
            lock(&self.journal).unclaimed(job)?;
            claims.pop_front();
        }
        if claims.is_empty() {
            let readers = u32::try_from(self.seats.load(Ordering::Relaxed)).unwrap_or(u32::MAX).max(1);
            let count = self.parts.settings.ahead.saturating_mul(readers).max(1);
            let fresh = store.claim(self.parts.name, count, now, now.saturating_add(self.parts.settings.lease))?;
            lock(&self.journal).claimed(&fresh)?;
            claims.extend(fresh);
        }
        Ok(!claims.is_empty())
    }
}

/// Whether the card may not be in the reader any more.
const fn has_left(error: &TransportError) -> bool {
    use TransportError::{CardGone, NoCard, Service, UnknownReader};
    matches!(error, CardGone { .. } | NoCard { .. } | Service { .. } | UnknownReader { .. })
}

/// Reason code of a row that scraps a card or stops the line.
const fn reason(row: Row) -> &'static str {
    match row {
        Row::UnknownWriter => "unknown-writer",
        Row::WrongKeys => "wrong-cryptogram",
        Row::NotDelivered => "unknown-card",
        Row::OtherNonce => "other-nonce",
        Row::FellBack => "fell-back",
        Row::OtherImage => "qc-digest",
        Row::TerminatedUnderWay => "terminated",
        Row::JobElsewhere => "job-elsewhere",
        Row::Revenant => "counted-card-alive",
        Row::Contradiction => "contradiction",
        _ => "no-answer",
    }
}

fn subjects(serial: &Serial, job: JobId) -> Vec<String> {
    vec![format!("card {serial}"), format!("job {}", job.0)]
}

/// Adds the time since then.
fn add(spent: &mut [u32; 5], place: usize, since: Instant) {
    if let Some(sum) = spent.get_mut(place) {
        *sum = sum.saturating_add(u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX));
    }
}
