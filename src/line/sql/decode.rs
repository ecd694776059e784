//! Rows to values of the line. What no version of this program writes is [`StoreError::Damaged`], never a guess.

use super::{Outcome, Row, Stop, StoreError, Value};
use crate::line::state::{BindingState, CardState, JobState};
use crate::line::store::{BatchId, Bind, Binding, Card, Counted, Job, JobId, NewJob, Pseudonym, Scrap, Serial};

/// Columns of a job, in the order of [`Columns::job`].
pub(super) const JOB: &str = "job.id, job.batch, job.sequence, job.person, job.document_type, job.number, job.image_digest, job.image_file, \
                              job.sealed_digest, job.replaces, job.state, job.epoch, job.serial, job.station, job.lease_until";
/// How many.
const JOB_COLUMNS: usize = 15;

/// Columns of a card with all that hangs on it but its job, in the order of [`Columns::card`], which [`JOB`] follows.
const CARD: &str = "card.serial, card.state, card.delivery, failure.reason, failure.step, failure.sw, failure.reader, failure.time, \
                    counted.reason, counted.first, counted.second, counted.time, binding.state, binding.epoch, binding.nonce, \
                    binding.station, binding.reader, binding.time";
/// How a card ended.
const ENDS: &str = "LEFT JOIN failure ON failure.serial = card.serial LEFT JOIN counted ON counted.serial = card.serial";

/// Cards, bound or not, for [`Columns::card`].
pub(super) fn card_query(condition: &str) -> String {
    format!(
        "SELECT {CARD}, {JOB} FROM card {ENDS} LEFT JOIN binding ON binding.serial = card.serial LEFT JOIN job ON job.id = binding.job \
         {condition}"
    )
}

/// Bound cards by a condition on their jobs: from the jobs to the cards, since a store would otherwise go through all cards that there are.
pub(super) fn bound_query(condition: &str) -> String {
    format!(
        "SELECT {CARD}, {JOB} FROM job JOIN binding ON binding.job = job.id JOIN card ON card.serial = binding.serial {ENDS} {condition}"
    )
}

/// Takes the columns of a row one after another.
pub(super) struct Columns {
    place: &'static str,
    column: usize,
    values: std::vec::IntoIter<Value>,
}

impl Columns {
    /// `place` is the table, for errors.
    pub(super) fn new(place: &'static str, row: Row) -> Self {
        Self { place, column: 0, values: row.into_iter() }
    }

    fn damaged(&self, detail: impl Into<String>) -> Stop {
        let place = format!("table {}, column {}", self.place, self.column);
        StoreError::Damaged { store: String::new(), place, detail: detail.into() }.into()
    }

    fn next(&mut self) -> Value {
        self.column += 1;
        self.values.next().unwrap_or(Value::Null)
    }

    /// Whether the next column is NULL.
    fn is_null(&self) -> bool {
        matches!(self.values.as_slice(), [] | [Value::Null, ..])
    }

    fn skip(&mut self, columns: usize) {
        (0..columns).for_each(|_| drop(self.next()));
    }

    pub(super) fn integer(&mut self) -> Outcome<i64> {
        match self.next() {
            Value::Integer(number) => Ok(number),
            _ => Err(self.damaged("expected a number")),
        }
    }

    /// A number of a type that may be smaller.
    pub(super) fn number<T: TryFrom<i64>>(&mut self) -> Outcome<T> {
        let number = self.integer()?;
        T::try_from(number).map_err(|_| self.damaged(format!("the number {number} is out of range")))
    }

    pub(super) fn truth(&mut self) -> Outcome<bool> {
        Ok(self.integer()? != 0)
    }

    pub(super) fn text(&mut self) -> Outcome<String> {
        match self.next() {
            Value::Text(text) => Ok(text),
            _ => Err(self.damaged("expected a text")),
        }
    }

    pub(super) fn bytes(&mut self) -> Outcome<Vec<u8>> {
        match self.next() {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(self.damaged("expected bytes")),
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        let bytes = self.bytes()?;
        let found = bytes.len();
        bytes.try_into().map_err(|_| self.damaged(format!("expected {N} bytes, found {found}")))
    }

    /// A list of texts in JSON.
    pub(super) fn texts(&mut self) -> Outcome<Vec<String>> {
        let text = self.text()?;
        serde_json::from_str(&text).map_err(|error| self.damaged(error.to_string()))
    }

    pub(super) fn maybe<T>(&mut self, take: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<Option<T>> {
        if self.is_null() {
            self.skip(1);
            return Ok(None);
        }
        take(self).map(Some)
    }

    /// Two names, or nobody.
    pub(super) fn names(&mut self) -> Outcome<Option<[String; 2]>> {
        let (first, second) = (self.maybe(Self::text)?, self.maybe(Self::text)?);
        Ok(first.zip(second).map(<[String; 2]>::from))
    }

    pub(super) fn state<T>(&mut self, from_number: fn(i16) -> Option<T>) -> Outcome<T> {
        let number = self.integer()?;
        let state = i16::try_from(number).ok().and_then(from_number);
        state.ok_or_else(|| self.damaged(format!("there is no state {number}")))
    }

    pub(super) fn serial(&mut self) -> Outcome<Serial> {
        let bytes = self.bytes()?;
        Serial::new(&bytes).ok_or_else(|| self.damaged(format!("a serial of {} bytes", bytes.len())))
    }

    pub(super) fn pseudonym(&mut self) -> Outcome<Pseudonym> {
        self.array().map(Pseudonym)
    }

    /// The columns of [`JOB`].
    pub(super) fn job(&mut self) -> Outcome<Job> {
        let (id, batch) = (JobId(self.integer()?), BatchId(self.integer()?));
        let order = NewJob {
            sequence: self.number()?,
            person: self.pseudonym()?,
            document_type: self.text()?,
            number: self.pseudonym()?,
            image_digest: self.array()?,
            image_file: self.text()?,
            sealed_digest: self.array()?,
            replaces: self.maybe(Self::integer)?.map(JobId),
        };
        Ok(Job {
            id,
            batch,
            order,
            state: self.state(JobState::from_number)?,
            epoch: self.integer()?,
            serial: self.maybe(Self::serial)?,
            station: self.maybe(Self::text)?,
            lease_until: self.maybe(Self::integer)?,
        })
    }

    /// The columns of [`card_query`].
    pub(super) fn card(&mut self) -> Outcome<Card> {
        let (serial, state, delivery) = (self.serial()?, self.state(CardState::from_number)?, self.text()?);
        let scrap = if self.is_null() {
            self.skip(5);
            None
        } else {
            let (reason, step, sw) = (self.text()?, self.text()?, self.maybe(Self::number)?);
            Some(Scrap { reason, step, sw, reader: self.text()?, time: self.integer()? })
        };
        let counted = if self.is_null() {
            self.skip(4);
            None
        } else {
            let (reason, persons) = (self.text()?, [self.text()?, self.text()?]);
            Some(Counted { reason, persons, time: self.integer()? })
        };
        let bound = if self.is_null() {
            self.skip(6 + JOB_COLUMNS);
            None
        } else {
            let (state, epoch, nonce) = (self.state(BindingState::from_number)?, self.integer()?, self.array()?);
            let (station, reader, time) = (self.text()?, self.text()?, self.integer()?);
            let job = self.job()?;
            let bind = Bind { job: job.id, epoch, serial: serial.clone(), nonce, station, reader, time };
            Some((Binding { state, bind }, job))
        };
        Ok(Card { serial, state, delivery, bound, scrap, counted })
    }
}

/// Every row of an answer.
pub(super) fn each<T>(place: &'static str, rows: Vec<Row>, mut take: impl FnMut(&mut Columns) -> Outcome<T>) -> Outcome<Vec<T>> {
    rows.into_iter().map(|row| take(&mut Columns::new(place, row))).collect()
}

/// The one row of an answer, or none.
pub(super) fn first<T>(place: &'static str, rows: Vec<Row>, take: impl FnOnce(&mut Columns) -> Outcome<T>) -> Outcome<Option<T>> {
    rows.into_iter().next().map(|row| take(&mut Columns::new(place, row))).transpose()
}
