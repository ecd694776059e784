//! What is made of a bound card: written, checked, operational, and in a bin, or scrap.

use std::time::Instant;

use eid::date::Date;
use eid::transport::Transport as _;

use super::super::meter::Meter;
use super::super::{Event, IntentState, JournalError, Saying, Station, StationError, UnderWay, lock};
use super::{Next, Order, Stage, Trial, Worker, add, subjects};
use crate::line::feeder::Bin;
use crate::line::quality::{self, Depth, Fault};
use crate::line::store::{Attempt, BatchId, Incident, Progress, Scrap, Serial};
use crate::perso::write::{self, Change, Failed, WriteError};

/// Why a card is scrap.
pub(super) struct Why {
    pub(super) reason: &'static str,
    pub(super) step: String,
    pub(super) sw: Option<u16>,
}

impl Worker<'_, '_> {
    pub(super) fn write(&mut self, meter: &mut Meter<'_>, trial: &mut Trial, order: &Order<'_>) -> Result<Next, StationError> {
        let station = self.station;
        let since = Instant::now();
        let mut notes = Notes { station, serial: order.serial, swapped: None, failed: None };
        let reader = self.reader.clone();
        let mut tell = |done, total, _: &str| {
            (station.parts.tell)(Event::Stage { reader: &reader, serial: Some(order.serial), stage: Stage::Write, done, total });
        };
        let job = write::Job { image: order.image, nonce: order.nonce, live: order.live };
        let written = station.writer().personalize(meter, job, &mut *self.rng, &mut notes, &mut tell);
        add(&mut trial.spent, 1, since);
        let (swapped, failed) = (notes.swapped.take(), notes.failed.take());
        match written {
            Ok(written) => {
                self.written(order.serial, written.digest)?;
                self.control(meter, trial, order)
            }
            Err(error) => self.broken(meter, trial, order, &error, swapped, failed),
        }
    }

    pub(super) fn written(&mut self, serial: &Serial, digest: [u8; 32]) -> Result<(), StationError> {
        let note = self.station.note("card-written", vec![format!("card {serial}")], hex::encode(digest));
        self.station.say(&mut *self.store, &[Saying::Progress(serial.clone(), Progress::Written(digest))], None, &note)
    }

    /// Quality control, activation, and the good bin.
    pub(super) fn control(&mut self, meter: &mut Meter<'_>, trial: &mut Trial, order: &Order<'_>) -> Result<Next, StationError> {
        let station = self.station;
        let depth = quality::depth(order.job.order.sequence, !self.known.contains(&order.job.batch));
        self.stage(Some(order.serial), Stage::Inspect);
        let since = Instant::now();
        let today = Date::from_days(station.now().div_euclid(86_400));
        let checked = station.parts.quality.check(meter, order.image, depth, today, &mut *self.rng);
        add(&mut trial.spent, 2, since);
        match checked {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => return self.faulty(meter, trial, order, fault),
            Err(gone) => return Ok(Next::Again(gone)),
        }
        self.stage(Some(order.serial), Stage::Activate);
        let since = Instant::now();
        let mut notes = Notes { station, serial: order.serial, swapped: None, failed: None };
        let reset = meter.reset();
        if let Err(gone) = reset {
            return Ok(Next::Again(gone));
        }
        let activated = station.writer().activate(meter, order.image.digest(), &mut *self.rng, &mut notes);
        let (swapped, failed) = (notes.swapped.take(), notes.failed.take());
        if let Err(error) = activated {
            add(&mut trial.spent, 3, since);
            return self.broken(meter, trial, order, &error, swapped, failed);
        }
        if depth == Depth::Full {
            match quality::refusals(meter, station.parts.profile) {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => return self.faulty(meter, trial, order, fault),
                Err(gone) => return Ok(Next::Again(gone)),
            }
        }
        add(&mut trial.spent, 3, since);
        self.known.insert(order.job.batch);
        let note = station.note("card-verified", vec![format!("card {}", order.serial)], format!("{depth:?}"));
        station.say(&mut *self.store, &[Saying::Progress(order.serial.clone(), Progress::Verified)], None, &note)?;
        let attempt = self.attempt(meter, trial, "good")?;
        let mut sayings = vec![Saying::Progress(order.serial.clone(), Progress::Issued)];
        sayings.extend(attempt.clone().map(Saying::Attempt));
        let note = station.note("card-issued", subjects(order.serial, order.job.id), "");
        station.say(&mut *self.store, &sayings, Some((order.serial, IntentState::Issued)), &note)?;
        if let Some(attempt) = &attempt {
            (station.parts.tell)(Event::Attempt(attempt));
        }
        self.failures = 0;
        // Good cards never are too few.
        let _ = lock(&station.rules).settled(true);
        Ok(Next::To(Bin::Good))
    }

    fn faulty(&mut self, meter: &Meter<'_>, trial: &mut Trial, order: &Order<'_>, fault: Fault) -> Result<Next, StationError> {
        self.scrap(meter, trial, order.serial, &Why { reason: fault.reason, step: fault.detail, sw: None })?;
        Ok(Next::To(Bin::Reject))
    }

    /// Writing or activating ended in an error.
    fn broken(
        &mut self,
        meter: &Meter<'_>,
        trial: &mut Trial,
        order: &Order<'_>,
        failed: &Failed,
        swapped: Option<String>,
        journal: Option<JournalError>,
    ) -> Result<Next, StationError> {
        if let Some(error) = journal {
            return Err(error.into());
        }
        if let Some(found) = swapped {
            let what = format!("card-swapped: expected card {}, found card {found} in the same reader", order.serial);
            self.incident(Some(order.serial), Some(order.job.batch), &what)?;
            return Ok(Next::To(Bin::Reject));
        }
        let (reason, sw) = match &failed.error {
            WriteError::Transport { source, .. } => return Ok(Next::Again(source.clone())),
            WriteError::Stopped => {
                self.interrupted(meter, trial, "stopped")?;
                return Ok(Next::To(Bin::Stay));
            }
            WriteError::WrongKeys(_) | WriteError::Keys(_) => ("wrong-cryptogram", None),
            WriteError::Card { sw, .. } => ("sw", Some(sw.0)),
            WriteError::OtherImage { .. } => ("qc-digest", None),
            WriteError::OtherJob { .. } => ("other-nonce", None),
            WriteError::Channel { .. } => ("secure-channel", None),
            WriteError::Live(_) | WriteError::NoMaster { .. } | WriteError::Plan(_) => {
                // Not the card's fault, and the same for the next card: it waits, bound, for the right keys.
                self.incident(Some(order.serial), Some(order.job.batch), &format!("setting: {failed}"))?;
                return Ok(Next::To(Bin::Stay));
            }
            _ => ("card-state", None),
        };
        self.scrap(meter, trial, order.serial, &Why { reason, step: failed.to_string(), sw })?;
        if reason == "wrong-cryptogram" {
            self.incident(Some(order.serial), Some(order.job.batch), &format!("wrong-cryptogram: {failed}"))?;
        }
        Ok(Next::To(Bin::Reject))
    }

    /// A bound card leaves the reader unfinished, and comes again.
    pub(super) fn interrupted(&mut self, meter: &Meter<'_>, trial: &mut Trial, why: &str) -> Result<(), StationError> {
        let Some(attempt) = self.attempt(meter, trial, "resume")? else { return Ok(()) };
        let note = self.station.note("card-interrupted", subjects(&attempt.serial, attempt.job), why);
        (self.station.parts.tell)(Event::Attempt(&attempt));
        self.station.say(&mut *self.store, &[Saying::Attempt(attempt)], None, &note)
    }

    /// A bound card failed.
    pub(super) fn scrap(&mut self, meter: &Meter<'_>, trial: &mut Trial, serial: &Serial, why: &Why) -> Result<(), StationError> {
        let station = self.station;
        let scrap =
            Scrap { reason: why.reason.to_owned(), step: why.step.clone(), sw: why.sw, reader: self.reader.clone(), time: station.now() };
        let attempt = self.attempt(meter, trial, why.reason)?;
        let mut sayings = vec![Saying::Fail(serial.clone(), scrap)];
        sayings.extend(attempt.clone().map(Saying::Attempt));
        let note = station.note("card-failed", vec![format!("card {serial}")], format!("{}: {}", why.reason, why.step));
        station.say(&mut *self.store, &sayings, Some((serial, IntentState::Failed)), &note)?;
        if let Some(attempt) = &attempt {
            (station.parts.tell)(Event::Attempt(attempt));
        }
        self.failures += 1;
        // The first card after a failure is read in full again.
        self.known.clear();
        let settled = lock(&station.rules).settled(false);
        if let Err(scrapped) = settled {
            let settings = station.parts.settings;
            let what = format!(
                "scrap-share: at most {} of the last {} cards may be scrap, found {scrapped}",
                settings.scrap_allowed, settings.window
            );
            self.incident(None, None, &what)?;
        }
        Ok(())
    }

    pub(super) fn incident(&mut self, serial: Option<&Serial>, batch: Option<BatchId>, what: &str) -> Result<(), StationError> {
        let station = self.station;
        let incident = Incident {
            id: 0,
            batch,
            station: station.parts.name.to_owned(),
            serial: serial.cloned(),
            what: what.to_owned(),
            time: station.now(),
            released_by: None,
        };
        station.halt(what);
        (station.parts.tell)(Event::Incident(&incident));
        let note = station.note("incident", serial.map(|serial| format!("card {serial}")).into_iter().collect(), what);
        station.say(&mut *self.store, &[Saying::Incident(incident)], None, &note)
    }

    /// The number of the attempt, which is under way from now on if it was not; none without a bound card.
    pub(super) fn number(&self, trial: &mut Trial) -> Result<Option<i64>, StationError> {
        if let (None, Some(serial), Some((job, _))) = (trial.number, &trial.serial, trial.job) {
            let under_way = UnderWay {
                serial: serial.clone(),
                job,
                reader: self.reader.clone(),
                started: trial.started,
                settled_by: trial.row.map(|row| row.code().to_owned()),
            };
            trial.number = Some(lock(&self.station.journal).take_up(&under_way)?);
        }
        Ok(trial.number)
    }

    fn attempt(&self, meter: &Meter<'_>, trial: &mut Trial, outcome: &str) -> Result<Option<Attempt>, StationError> {
        let Some(number) = self.number(trial)? else { return Ok(None) };
        let (Some(serial), Some((job, _))) = (&trial.serial, trial.job) else { return Ok(None) };
        Ok(Some(Attempt {
            station: self.station.parts.name.to_owned(),
            number,
            reader: self.reader.clone(),
            job,
            serial: serial.clone(),
            started: trial.started,
            milliseconds: trial.spent,
            apdus: meter.apdus,
            bytes: meter.bytes,
            resumed: trial.resumed,
            settled_by: trial.row.map(|row| row.code().to_owned()),
            outcome: outcome.to_owned(),
        }))
    }
}

/// The journal as the driver of the card sees it.
struct Notes<'w, 'a> {
    station: &'w Station<'a>,
    serial: &'w Serial,
    /// Another card is in the reader than the bound one.
    swapped: Option<String>,
    failed: Option<JournalError>,
}

impl write::Journal for Notes<'_, '_> {
    fn before(&mut self, serial: &[u8], change: Change) -> Result<(), String> {
        if serial != self.serial.as_bytes() {
            let found = hex::encode_upper(serial);
            self.swapped = Some(found.clone());
            return Err(format!("card {found} is not the bound one"));
        }
        let kept = lock(&self.station.journal).before(self.serial, change, self.station.now());
        kept.map_err(|error| {
            let text = error.to_string();
            self.failed = Some(error);
            text
        })
    }

    /// What was confirmed is in the status of the card, which decides.
    fn after(&mut self, _: &[u8], _: Change) -> Result<(), String> {
        Ok(())
    }

    fn stop(&mut self) -> bool {
        self.station.is_stopping()
    }
}
