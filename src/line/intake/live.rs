//! What the store knows of a person: a document that is in production or issued, a number that was cancelled.

use std::collections::{BTreeMap, BTreeSet};

use super::examine::Examined;
use super::file::Why;
use super::rules::{Quality, Reason};
use crate::line::pseudonym::Pseudonyms;
use crate::line::state::JobState;
use crate::line::store::{Job, Pseudonym, Store, StoreError};

/// A store to be asked, by pseudonyms.
pub struct Live<'a> {
    /// The store.
    pub store: &'a mut dyn Store,
    /// Who makes its pseudonyms.
    pub pseudonyms: &'a Pseudonyms,
    /// The type of document of which a person has one: the document code of the MRZ.
    pub document_type: &'a str,
}

impl std::fmt::Debug for Live<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Live({}, {})", self.store.name(), self.document_type)
    }
}

impl Live<'_> {
    /// Asks for a chunk of records with two questions, and tells each record what was found.
    pub(super) fn ask(&mut self, chunk: &mut [Examined]) -> Result<(), StoreError> {
        let names = |examined: &Examined| {
            let candidate = examined.candidate.as_ref()?;
            Some((self.pseudonyms.person(&candidate.person), self.pseudonyms.document(&candidate.document)))
        };
        let named: Vec<Option<(Pseudonym, Pseudonym)>> = chunk.iter().map(names).collect();
        let persons: Vec<Pseudonym> = named.iter().flatten().map(|(person, _)| *person).collect();
        if persons.is_empty() {
            return Ok(());
        }
        let numbers: Vec<Pseudonym> = named.iter().flatten().map(|(_, number)| *number).collect();
        let jobs = self.store.live_jobs(self.document_type, &persons)?;
        let jobs: BTreeMap<Pseudonym, &Job> = jobs.iter().map(|job| (job.order.person, job)).collect();
        let cancelled: BTreeSet<Pseudonym> = self.store.cancelled(&numbers)?.into_iter().collect();
        for (examined, named) in chunk.iter_mut().zip(&named) {
            let Some(((person, number), candidate)) = named.as_ref().zip(examined.candidate.as_mut()) else { continue };
            match jobs.get(person) {
                Some(job) if job.state == JobState::Issued && candidate.accepted.reason != Why::First => {
                    candidate.accepted.replaces = Some(job.id.0);
                }
                Some(job) => {
                    let expected =
                        if job.state == JobState::Issued { "no live document, or a reason to replace it" } else { "none in production" };
                    let found = format!("job {}, {}", job.id.0, job.state);
                    examined.reasons.push(Reason::new(Quality::LiveDocument, "number", expected, found));
                }
                None => {}
            }
            if cancelled.contains(number) {
                examined.reasons.push(Reason::new(
                    Quality::CancelledNumber,
                    if candidate.person == candidate.document { "number" } else { "document_number" },
                    "a number that was not cancelled",
                    "a cancelled one",
                ));
            }
        }
        Ok(())
    }
}
