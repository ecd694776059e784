//! The work of a station.

use super::{
    Attempt, BatchId, Bind, Binding, BindingState, Card, CardState, Chip, Claim, Job, JobId, JobState, Memory, Moment, Progress, Scrap,
    Serial, StoreError, count, rules,
};

impl Memory {
    pub(super) fn claim(&mut self, station: &str, limit: u32, now: Moment, lease_until: Moment) -> Vec<Claim> {
        self.expire(now);
        let runs = |job: &&Job| {
            let batch = self.batches.get(&job.batch);
            job.state == JobState::Prepared
                && batch.is_some_and(|batch| batch.released_by.is_some() && batch.closed_by.is_none())
                && self.stopped(job.batch).is_none()
        };
        // jobs are numbered in the order of batches and sequences
        let ids: Vec<JobId> = self.jobs.values().filter(runs).map(|job| job.id).take(count(limit)).collect();
        let mut claims = Vec::new();
        for id in ids {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            job.state = JobState::Reserved;
            job.epoch += 1;
            job.station = Some(station.to_owned());
            job.lease_until = Some(lease_until);
            let live = self.batches.get(&job.batch).is_some_and(|batch| batch.header.live);
            claims.push(Claim { job: job.clone(), live });
        }
        claims
    }

    pub(super) fn unclaim(&mut self, id: JobId, epoch: i64) {
        if self.jobs.get(&id).is_some_and(|job| job.state == JobState::Reserved && job.epoch == epoch) {
            self.set_job(id, JobState::Prepared);
        }
    }

    pub(super) fn expire(&mut self, now: Moment) -> u64 {
        let mut expired = 0;
        for job in self.jobs.values_mut() {
            if job.state == JobState::Reserved && job.lease_until.is_some_and(|until| until <= now) {
                job.state = JobState::Prepared;
                job.lease_until = None;
                expired += 1;
            }
        }
        expired
    }

    /// Whether a job is one of the `limit` after `after` of its batch.
    fn is_among(&self, id: JobId, batch: BatchId, after: u32, limit: u32) -> bool {
        let sequences = after.saturating_add(1)..=after.saturating_add(limit);
        self.jobs.get(&id).is_some_and(|job| job.batch == batch && sequences.contains(&job.order.sequence))
    }

    pub(super) fn attempts_at(&self, batch: BatchId, after: u32, limit: u32) -> Vec<Attempt> {
        let mut found: Vec<_> = self.attempts.values().filter(|attempt| self.is_among(attempt.job, batch, after, limit)).cloned().collect();
        found.sort_by(Attempt::in_order);
        found
    }

    pub(super) fn cards_of(&self, batch: BatchId, after: u32, limit: u32) -> Vec<Card> {
        let bound = |chip: &Chip| chip.binding.as_ref().is_some_and(|bound| self.is_among(bound.bind.job, batch, after, limit));
        let serials = self.cards.iter().filter(|(_, chip)| bound(chip)).map(|(serial, _)| serial);
        let mut found: Vec<_> = serials.filter_map(|serial| self.card(serial)).collect();
        found.sort_by(Card::in_order);
        found
    }

    pub(super) fn card(&self, serial: &Serial) -> Option<Card> {
        let card = self.cards.get(serial)?;
        let bound = card.binding.as_ref().and_then(|binding| Some((binding.clone(), self.jobs.get(&binding.bind.job)?.clone())));
        Some(Card {
            serial: serial.clone(),
            state: card.state,
            delivery: card.delivery.clone(),
            bound,
            scrap: card.scrap.clone(),
            counted: card.counted.clone(),
        })
    }

    pub(super) fn bind(&mut self, bind: &Bind) -> Result<(), StoreError> {
        let job = self.jobs.get(&bind.job);
        let stopped = job.and_then(|job| self.stopped(job.batch));
        if !rules::bind(bind, job, self.card(&bind.serial).as_ref(), stopped)? {
            return Ok(());
        }
        if self.cards.values().any(|card| card.binding.as_ref().is_some_and(|binding| binding.bind.nonce == bind.nonce)) {
            return rules::nonce_used(bind);
        }
        self.set_job(bind.job, JobState::Bound);
        if let Some(job) = self.jobs.get_mut(&bind.job) {
            job.serial = Some(bind.serial.clone());
        }
        if let Some(card) = self.cards.get_mut(&bind.serial) {
            card.state = CardState::Bound;
            card.binding = Some(Binding { state: BindingState::Open, bind: bind.clone() });
        }
        Ok(())
    }

    /// Moves a bound card, its bond, and its job.
    pub(super) fn set_bound(&mut self, serial: &Serial, job: Option<JobState>, card: CardState, binding: BindingState) {
        let Some(chip) = self.cards.get_mut(serial) else { return };
        chip.state = card;
        if let Some(bound) = &mut chip.binding {
            bound.state = binding;
            let id = bound.bind.job;
            if let Some(state) = job {
                self.set_job(id, state);
            }
        }
    }

    pub(super) fn progress(&mut self, serial: &Serial, progress: Progress) -> Result<(), StoreError> {
        if let Some((job, card, binding)) = rules::progress(serial, self.card(serial).as_ref(), progress)? {
            self.set_bound(serial, Some(job), card, binding);
        }
        Ok(())
    }

    pub(super) fn fail(&mut self, serial: &Serial, scrap: &Scrap) -> Result<(), StoreError> {
        if rules::fail(serial, self.card(serial).as_ref())? {
            self.set_bound(serial, Some(JobState::Held), CardState::ScrapPending, BindingState::ScrapPending);
            if let Some(card) = self.cards.get_mut(serial) {
                card.scrap = Some(scrap.clone());
            }
        }
        Ok(())
    }
}
