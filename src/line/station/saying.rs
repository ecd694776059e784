//! What a station has to tell the store, as it lies in the station's outbox until the store has it. Version 1 of the text; another one is
//! not read.

use serde_json::{Value, json};

use crate::line::store::{Attempt, BatchId, Incident, JobId, Progress, Scrap, Serial, Store, StoreError};

/// One thing that the store must be told. Each may be said again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saying {
    /// What was achieved with a card.
    Progress(Serial, Progress),
    /// A card failed.
    Fail(Serial, Scrap),
    /// What happened to a card in a reader.
    Attempt(Attempt),
    /// What must not happen did.
    Incident(Incident),
}

impl Saying {
    /// Tells it.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn tell(&self, store: &mut dyn Store) -> Result<(), StoreError> {
        match self {
            Self::Progress(serial, progress) => store.progress(serial, *progress),
            Self::Fail(serial, scrap) => store.fail(serial, scrap),
            Self::Attempt(attempt) => store.attempt(attempt),
            Self::Incident(incident) => store.incident(incident).map(drop),
        }
    }

    /// In words, without what only a store needs.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Self::Progress(serial, Progress::Written(_)) => format!("card {serial} written"),
            Self::Progress(serial, Progress::Verified) => format!("card {serial} verified"),
            Self::Progress(serial, Progress::Issued) => format!("card {serial} issued"),
            Self::Fail(serial, scrap) => format!("card {serial} failed: {}", scrap.reason),
            Self::Attempt(attempt) => format!("attempt {} of card {}", attempt.number, attempt.serial),
            Self::Incident(incident) => format!("incident {}", incident.what),
        }
    }

    /// One line of JSON.
    pub(super) fn to_json(&self) -> String {
        let value = match self {
            Self::Progress(serial, progress) => {
                let (step, digest) = match progress {
                    Progress::Written(digest) => ("written", Some(hex::encode(digest))),
                    Progress::Verified => ("verified", None),
                    Progress::Issued => ("issued", None),
                };
                json!({ "v": 1, "say": "progress", "serial": text(serial), "step": step, "digest": digest })
            }
            Self::Fail(serial, scrap) => json!({ "v": 1, "say": "fail", "serial": text(serial), "reason": scrap.reason, "step": scrap.step,
                "sw": scrap.sw, "reader": scrap.reader, "time": scrap.time }),
            Self::Attempt(attempt) => json!({ "v": 1, "say": "attempt", "serial": text(&attempt.serial), "station": attempt.station,
                "number": attempt.number, "reader": attempt.reader, "job": attempt.job.0, "started": attempt.started,
                "milliseconds": attempt.milliseconds, "apdus": attempt.apdus, "bytes": attempt.bytes, "resumed": attempt.resumed,
                "settled_by": attempt.settled_by, "outcome": attempt.outcome }),
            Self::Incident(incident) => json!({ "v": 1, "say": "incident", "batch": incident.batch.map(|batch| batch.0),
                "station": incident.station, "serial": incident.serial.as_ref().map(text), "what": incident.what, "time": incident.time }),
        };
        value.to_string()
    }

    /// Reads such a line; `None` if it is none.
    pub(super) fn from_json(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        if value["v"] != 1 {
            return None;
        }
        let string = |field: &str| value[field].as_str().map(str::to_owned);
        let number = |field: &str| value[field].as_i64();
        let serial = || hex::decode(value["serial"].as_str()?).ok().and_then(|bytes| Serial::new(&bytes));
        Some(match value["say"].as_str()? {
            "progress" => {
                let progress = match value["step"].as_str()? {
                    "written" => Progress::Written(hex::decode(value["digest"].as_str()?).ok()?.try_into().ok()?),
                    "verified" => Progress::Verified,
                    "issued" => Progress::Issued,
                    _ => return None,
                };
                Self::Progress(serial()?, progress)
            }
            "fail" => {
                let sw = match &value["sw"] {
                    Value::Null => None,
                    sw => Some(u16::try_from(sw.as_u64()?).ok()?),
                };
                let scrap =
                    Scrap { reason: string("reason")?, step: string("step")?, sw, reader: string("reader")?, time: number("time")? };
                Self::Fail(serial()?, scrap)
            }
            "attempt" => Self::Attempt(Attempt {
                station: string("station")?,
                number: number("number")?,
                reader: string("reader")?,
                job: JobId(number("job")?),
                serial: serial()?,
                started: number("started")?,
                milliseconds: serde_json::from_value(value["milliseconds"].clone()).ok()?,
                apdus: u32::try_from(value["apdus"].as_u64()?).ok()?,
                bytes: value["bytes"].as_u64()?,
                resumed: value["resumed"].as_bool()?,
                settled_by: string("settled_by"),
                outcome: string("outcome")?,
            }),
            "incident" => Self::Incident(Incident {
                id: 0,
                batch: number("batch").map(BatchId),
                station: string("station")?,
                serial: if value["serial"].is_null() { None } else { Some(serial()?) },
                what: string("what")?,
                time: number("time")?,
                released_by: None,
            }),
            _ => return None,
        })
    }
}

fn text(serial: &Serial) -> String {
    serial.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serial() -> Serial {
        Serial::new(&[0, 0, 0, 0x45, 0x49, 0x44, 0, 0, 0, 9]).expect("a serial")
    }

    #[test]
    fn what_is_said_survives_the_outbox() {
        let scrap = |sw| Scrap { reason: "sw".to_owned(), step: "STORE DATA".to_owned(), sw, reader: "sim:x#1".to_owned(), time: 5 };
        let incident = |batch, serial| {
            Saying::Incident(Incident { id: 0, batch, station: "A".to_owned(), serial, what: "w".to_owned(), time: 7, released_by: None })
        };
        let attempt = Attempt {
            station: "A".to_owned(),
            number: 3,
            reader: "sim:x#1".to_owned(),
            job: JobId(4),
            serial: serial(),
            started: 1_700_000_000,
            milliseconds: [1, 2, 3, 4, 5],
            apdus: 170,
            bytes: 34_000,
            resumed: true,
            settled_by: Some("HalfWritten".to_owned()),
            outcome: "good".to_owned(),
        };
        let sayings = [
            Saying::Progress(serial(), Progress::Written([7; 32])),
            Saying::Progress(serial(), Progress::Verified),
            Saying::Progress(serial(), Progress::Issued),
            Saying::Fail(serial(), scrap(Some(0x6A84))),
            Saying::Fail(serial(), scrap(None)),
            Saying::Attempt(attempt),
            incident(Some(BatchId(2)), Some(serial())),
            incident(None, None),
        ];
        for saying in sayings {
            assert_eq!(Saying::from_json(&saying.to_json()), Some(saying));
        }
    }

    /// The text of version 1, written by hand: later versions go on reading it.
    #[test]
    fn version_1_is_read_as_it_was_written_and_nothing_else_is() {
        let line =
            r#"{"v":1,"say":"fail","serial":"0000004549440000 0009","reason":"timeout","step":"write","sw":null,"reader":"r","time":9}"#;
        assert_eq!(Saying::from_json(line), None, "a serial with a space");
        let read = Saying::from_json(&line.replace(' ', "")).expect("read");
        let scrap = Scrap { reason: "timeout".to_owned(), step: "write".to_owned(), sw: None, reader: "r".to_owned(), time: 9 };
        assert_eq!(read, Saying::Fail(serial(), scrap));
        let line = r#"{"v":1,"say":"attempt","station":"A","number":3,"reader":"r","job":4,"serial":"00","started":5,"milliseconds":[1,2,3,4,5],"apdus":6,"bytes":7,"resumed":false,"outcome":"good"}"#;
        let Some(Saying::Attempt(attempt)) = Saying::from_json(line) else { panic!("an attempt without the row that took it up") };
        assert_eq!((attempt.number, attempt.settled_by), (3, None));
        for other in
            ["", "{}", r#"{"v":2,"say":"fail"}"#, r#"{"v":1,"say":"hello"}"#, r#"{"v":1,"say":"progress","serial":"00","step":"x"}"#]
        {
            assert_eq!(Saying::from_json(other), None, "{other}");
        }
    }
}
