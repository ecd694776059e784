//! Batches and jobs.

use super::{
    Action, BTreeMap, BTreeSet, Batch, BatchId, BindingState, Job, JobId, JobState, Jobs, Memory, NewBatch, NewJob, Note, Pseudonym,
    StoreError, TwoPersons, count, rules,
};

impl Memory {
    pub(super) fn add_batch(&mut self, header: &NewBatch, jobs: Jobs<'_>, note: &Note) -> Result<BatchId, StoreError> {
        if self.batches.values().any(|batch| batch.header.name == header.name) {
            return rules::batch_name(&header.name);
        }
        let mut by_person: BTreeMap<(String, Pseudonym), JobId> = BTreeMap::new();
        let mut by_number = BTreeMap::new();
        for job in self.jobs.values().filter(|job| job.state.is_live()) {
            by_person.insert((job.order.document_type.clone(), job.order.person), job.id);
            by_number.insert((job.order.document_type.clone(), job.order.number), job.id);
        }
        let batch = BatchId(self.batches.last_key_value().map_or(1, |(id, _)| id.0 + 1));
        let first = self.jobs.last_key_value().map_or(1, |(id, _)| id.0 + 1);
        let (mut new, mut replaced, mut expected) = (Vec::new(), BTreeSet::new(), 1);
        for (next, order) in (first..).zip(jobs) {
            rules::sequence(&order, expected)?;
            expected += 1;
            let person = (order.document_type.clone(), order.person);
            let number = (order.document_type.clone(), order.number);
            if let Some(id) = order.replaces {
                let old = self.jobs.get(&id).cloned().map(|mut old| {
                    if replaced.contains(&id) {
                        old.state = JobState::Replaced;
                    }
                    old
                });
                rules::replaces(&order, id, old.as_ref())?;
                replaced.insert(id);
                by_person.remove(&person);
                by_number.retain(|_, job| *job != id);
            }
            let cancelled = self.cancelled.contains(&order.number);
            rules::new_job(&order, by_person.get(&person).copied(), by_number.get(&number).copied(), cancelled)?;
            by_person.insert(person, JobId(next));
            by_number.insert(number, JobId(next));
            new.push(Job {
                id: JobId(next),
                batch,
                order,
                state: JobState::Prepared,
                epoch: 0,
                serial: None,
                station: None,
                lease_until: None,
            });
        }
        rules::some_jobs(&header.name, expected)?;
        let jobs = u64::from(expected - 1);
        let row = Batch { id: batch, header: header.clone(), jobs, stored: note.time, released_by: None, closed_by: None, stopped: None };
        self.batches.insert(batch, row);
        for id in replaced {
            self.set_job(id, JobState::Replaced);
        }
        self.jobs.extend(new.into_iter().map(|job| (job.id, job)));
        self.append(note, None);
        Ok(batch)
    }

    pub(super) fn set_job(&mut self, id: JobId, state: JobState) {
        if let Some(job) = self.jobs.get_mut(&id) {
            job.state = state;
            job.lease_until = None;
        }
    }

    /// A batch with what stops it.
    pub(super) fn batch(&self, id: BatchId) -> Option<Batch> {
        let open = self.incidents.iter().find(|incident| incident.batch == Some(id) && incident.released_by.is_none());
        self.batches.get(&id).map(|batch| Batch { stopped: open.map(|incident| incident.what.clone()), ..batch.clone() })
    }

    /// An open incident that stops work on a batch.
    pub(super) fn stopped(&self, batch: BatchId) -> Option<&str> {
        let open = self.incidents.iter().filter(|incident| incident.released_by.is_none());
        open.filter(|incident| incident.batch.is_none_or(|of| of == batch)).map(|incident| incident.what.as_str()).next()
    }

    pub(super) fn job_counts(&self, batch: BatchId) -> Vec<(JobState, u64)> {
        let mut counts = BTreeMap::new();
        for job in self.jobs.values().filter(|job| job.batch == batch) {
            *counts.entry(job.state).or_default() += 1;
        }
        counts.into_iter().collect()
    }

    pub(super) fn jobs_after(&self, batch: BatchId, after: u32, limit: u32) -> Vec<Job> {
        let wanted = |job: &&Job| job.batch == batch && job.order.sequence > after;
        self.jobs.values().filter(wanted).take(count(limit)).cloned().collect()
    }

    pub(super) fn live_jobs(&self, document_type: &str, persons: &[Pseudonym]) -> Vec<Job> {
        let persons: BTreeSet<_> = persons.iter().collect();
        let of = |order: &NewJob| order.document_type == document_type && persons.contains(&order.person);
        self.jobs.values().filter(|job| job.state.is_live() && of(&job.order)).cloned().collect()
    }

    pub(super) fn cancel_number(&mut self, number: Pseudonym, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        rules::persons(persons, Action::CancelNumber, note)?;
        let unissued = |job: &&Job| job.order.number == number && job.state.is_live() && job.state != JobState::Issued;
        rules::cancel_number(number, self.jobs.values().find(unissued).map(|job| (job.id, job.state)))?;
        self.cancelled.insert(number);
        self.append(note, Some(persons));
        Ok(())
    }

    pub(super) fn cancel_job(&mut self, id: JobId, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        rules::persons(persons, Action::CancelJob, note)?;
        let job = self.jobs.get(&id);
        let card = job.and_then(|job| self.cards.get(job.serial.as_ref()?)).map(|card| card.state);
        rules::cancel_job(id, job, card)?;
        self.set_job(id, JobState::Cancelled);
        self.append(note, Some(persons));
        Ok(())
    }

    pub(super) fn release_batch(&mut self, id: BatchId, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        rules::persons(persons, Action::ReleaseBatch, note)?;
        rules::release_batch(id, self.batches.get(&id))?;
        if let Some(batch) = self.batches.get_mut(&id) {
            batch.released_by = Some(persons.names().clone());
        }
        self.append(note, Some(persons));
        Ok(())
    }

    pub(super) fn close_batch(&mut self, id: BatchId, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        rules::persons(persons, Action::CloseBatch, note)?;
        let mut difference = rules::Difference::default();
        for job in self.jobs.values().filter(|job| job.batch == id) {
            let good = job.serial.as_ref().and_then(|serial| self.cards.get(serial)).and_then(|card| card.binding.as_ref());
            match job.state {
                JobState::Issued | JobState::Replaced => {
                    let own = good.is_some_and(|binding| binding.state == BindingState::Good && binding.bind.job == job.id);
                    difference.without_card += u64::from(!own);
                }
                JobState::Cancelled => {}
                _ => difference.jobs += 1,
            }
        }
        for (serial, binding) in self.cards.iter().filter_map(|(serial, card)| Some((serial, card.binding.as_ref()?))) {
            let Some(job) = self.jobs.get(&binding.bind.job).filter(|job| job.batch == id) else { continue };
            match binding.state {
                BindingState::Good => {
                    let issued = matches!(job.state, JobState::Issued | JobState::Replaced) && job.serial.as_ref() == Some(serial);
                    difference.without_job += u64::from(!issued);
                }
                BindingState::Scrapped => {}
                BindingState::Open | BindingState::ScrapPending => difference.cards += 1,
            }
        }
        rules::close_batch(id, self.batch(id).as_ref(), difference)?;
        if let Some(batch) = self.batches.get_mut(&id) {
            batch.closed_by = Some(persons.names().clone());
        }
        self.append(note, Some(persons));
        Ok(())
    }
}
