//! A card in the reader is settled by the decision table: looked at, taken up where it stands, or given up.

use std::time::Instant;

use eid::transport::{Transport as _, TransportError};

use super::super::meter::Meter;
use super::super::{Event, IntentState, StationError, lock};
use super::make::Why;
use super::{Next, Order, Stage, Trial, Worker, add};
use crate::line::feeder::{Bin, Link};
use crate::line::recover::{self, Action, Known, Row, Seen};
use crate::line::store::{Card, Serial};
use crate::perso::write::{Failed, WriteError};

impl Worker<'_, '_> {
    pub(super) fn card(&mut self, link: &mut Link) -> Result<Bin, StationError> {
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
