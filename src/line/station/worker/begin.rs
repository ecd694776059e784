//! A fresh blank gets a job: claims ahead, the image, and the bond.

use std::sync::atomic::Ordering;
use std::time::Instant;

use eid::image::CardImage;
use eid::scp03;
use rand_core::Rng as _;

use super::super::meter::Meter;
use super::super::{Intent, IntentState, Station, StationError, lock};
use super::{Next, Order, Stage, There, Trial, Worker, add, subjects};
use crate::line::feeder::Bin;
use crate::line::recover::{self, Known, Row, Seen};
use crate::line::store::{BatchId, Bind, Claim, Job, Moment, Serial, Store, StoreError};
use crate::perso::plan;

/// Seconds that a claim must have left when its card is bound.
const MARGIN: i64 = 5;

/// The last seconds of a claim are for the bond itself.
const fn still_holds(claim: &Claim, now: Moment) -> bool {
    match claim.job.lease_until {
        Some(until) => until.saturating_sub(MARGIN) > now,
        None => false,
    }
}

impl Worker<'_, '_> {
    /// A blank gets a job: image, intent, bond, and then the first byte.
    pub(super) fn begin(&mut self, meter: &mut Meter<'_>, trial: &mut Trial, serial: &Serial) -> Result<Next, StationError> {
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
    pub(super) fn image(&self, job: &Job) -> Result<CardImage, String> {
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

    pub(super) fn is_live(&mut self, trial: &mut Trial, batch: BatchId) -> Result<Option<bool>, StationError> {
        if let Some(live) = lock(&self.station.live).get(&batch) {
            return Ok(Some(*live));
        }
        let Some(batches) = self.ask(trial, |store| store.batches())? else { return Ok(None) };
        let mut known = lock(&self.station.live);
        known.extend(batches.iter().map(|batch| (batch.id, batch.header.live)));
        // A job is of a batch; if the store lost that, the card is for a person.
        Ok(Some(known.get(&batch).copied().unwrap_or(true)))
    }
}

impl Station<'_> {
    /// Whether there is something to do for a fresh blank.
    pub(super) fn there(&self, store: &mut dyn Store) -> Result<There, StationError> {
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
