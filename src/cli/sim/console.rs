//! The console of `sim`: one command a line on standard input, one answer each on standard output, for a hand at the keyboard and for a script in a pipe.
//!
//! Commands speak of one card: the first, then the one that `card` or `insert` named last. Contents of files that are not open to everybody are told only
//! where `last … data` asks for them; passwords and keys never are.

use std::io::{BufRead as _, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use applets::bench::habits::Habits;
use applets::bench::{Bench, BenchError, Event};
use applets::clock::Waits;
use applets::fault::Faults;
use serde_json::{Value, json};

use super::serve::{tell, why};
use super::{list, state};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output;

mod show;
mod verb;

use verb::{Verb, parse};

/// How often a console without input looks at what happened.
const POLL: Duration = Duration::from_millis(100);

/// The text for a person and the object for a program.
struct Answer {
    text: String,
    json: Value,
}

impl Answer {
    fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json }
    }
}

/// The console over a bench.
pub(super) struct Console<'a> {
    bench: &'a mut Bench,
    /// What each card has of faults, by its number less one.
    faults: Vec<Faults>,
    waits: Waits,
    json: bool,
    /// The card that is spoken of.
    card: usize,
    /// How the first command that failed ended.
    failed: Option<Exit>,
}

impl<'a> Console<'a> {
    pub(super) fn new(bench: &'a mut Bench, habits: &Habits, waits: Waits, json: bool) -> Self {
        let faults = vec![habits.faults.clone(); bench.cards()];
        Self { bench, faults, waits, json, card: 1, failed: None }
    }

    /// Until `quit`, the end of the input, or a stop. In a script, the first command that failed says how it ends.
    pub(super) fn run(mut self, stop: &AtomicBool) -> Result<Exit, Failure> {
        let interactive = std::io::stdin().is_terminal();
        let (send, lines) = mpsc::sync_channel(1);
        // ends with the input, or with the program
        std::thread::spawn(move || std::io::stdin().lock().lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        if interactive {
            eprintln!("`help` lists the commands");
        }
        while !stop.load(Ordering::Relaxed) {
            self.tell();
            match lines.recv_timeout(POLL) {
                Ok(line) => {
                    if !self.line(&line, stop)? {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.tell();
        Ok(self.failed.filter(|_| !interactive).unwrap_or(Exit::Success))
    }

    fn tell(&self) {
        let events: Vec<Event> = self.bench.events().collect();
        events.iter().for_each(|event| tell(self.bench, event));
    }

    /// Whether to go on.
    fn line(&mut self, line: &str, stop: &AtomicBool) -> Result<bool, Failure> {
        let line = line.trim();
        let verb = match parse(line) {
            Ok(None) => return Ok(true),
            Ok(Some(Verb::Quit)) => return Ok(false),
            Ok(Some(verb)) => Ok(verb),
            Err(why) => Err(Failure::usage(why).hint(format!("the commands are {}", verb::names()))),
        };
        match verb.and_then(|verb| self.act(verb, stop)) {
            Ok(mut answer) => {
                if let (true, Value::Object(object)) = (self.json, &mut answer.json) {
                    object.insert("command".to_owned(), line.into());
                    object.insert("ok".to_owned(), true.into());
                    output::json(&answer.json)?;
                } else {
                    output::text(&answer.text)?;
                }
            }
            Err(failure) => {
                self.failed.get_or_insert(failure.exit);
                if self.json {
                    output::json(&json!({ "command": line, "ok": false, "error": failure.to_string() }))?;
                } else {
                    eprintln!("error: {failure}");
                }
            }
        }
        Ok(true)
    }

    fn act(&mut self, verb: Verb, stop: &AtomicBool) -> Result<Answer, Failure> {
        match verb {
            Verb::Help => Ok(Answer::new(verb::HELP, json!({ "help": verb::HELP }))),
            Verb::Cards => Ok(show::cards(self.bench, self.card)),
            Verb::Card(card) => self.take(card),
            Verb::Insert(card, reader) => self.insert(card, reader),
            Verb::Remove(reader) => self.remove(reader),
            Verb::Tear(cut) => {
                self.with(|card| card.tear(cut))?;
                let json = cut.map(|(after, tear)| json!({ "program": after + 1, "leaves": tear.name() }));
                let text = cut.map_or_else(
                    || "no cut".to_owned(),
                    |(after, tear)| format!("the power goes in the middle of page program {} from now, which leaves: {tear}", after + 1),
                );
                Ok(Answer::new(text, json!({ "card": self.card, "tear": json })))
            }
            Verb::Reset(how) => {
                self.bench.reset(self.card, how).map_err(|error| why(&error))?;
                Ok(Answer::new(format!("card {} is reset", self.card), json!({ "card": self.card })))
            }
            Verb::State => {
                let reader = self.bench.reader_of(self.card);
                let (state, torn) = self.with(|card| (card.state(), card.is_torn()))?;
                Ok(show::state(self.card, reader, &state, torn, state::name(state.life_cycle)))
            }
            Verb::Last(count, contents) => {
                let number = self.card;
                self.with(|card| show::last(number, card.last(), count, contents))
            }
            Verb::Faults => self.shown(),
            Verb::Fault(id) => self.misbehave(|faults| faults.and(&id)),
            Verb::NoFaults => self.misbehave(|_| Ok(Faults::default())),
            Verb::As(state) => self.misbehave(|faults| match state {
                Some(state) => faults.as_nobody().behaving_as(&state),
                None => Ok(faults.as_nobody()),
            }),
            Verb::Time => {
                let (timing, time) = self.with(|card| (card.timing().map(|(timing, _)| timing), card.chip_time()))?;
                Ok(show::time(self.card, timing, &time))
            }
            Verb::Timing(timing) => {
                let waits = self.waits;
                self.with(|card| card.set_timing(timing, waits))?;
                Ok(Answer::new(
                    format!("card {} takes its time: {timing}", self.card),
                    json!({ "card": self.card, "timing": timing.to_string() }),
                ))
            }
            Verb::Send(command) => {
                let answer = self.bench.send(self.card, &command).map_err(|error| why(&error))?;
                let answer = hex::encode_upper(answer);
                Ok(Answer::new(&*answer, json!({ "card": self.card, "answer": answer })))
            }
            Verb::Wait(time) => {
                let end = Instant::now() + time;
                while !stop.load(Ordering::Relaxed) && Instant::now() < end {
                    std::thread::sleep(end.saturating_duration_since(Instant::now()).min(POLL));
                    self.tell();
                }
                Ok(Answer::new("", json!({})))
            }
            // taken care of before
            Verb::Quit => Ok(Answer::new("", json!({}))),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut applets::Card) -> T) -> Result<T, Failure> {
        self.bench.card(self.card).map(|mut card| act(&mut card)).map_err(|error| why(&error))
    }

    fn take(&mut self, card: usize) -> Result<Answer, Failure> {
        let name = self.bench.name(card).map_err(|error| why(&error))?.to_owned();
        self.card = card;
        Ok(Answer::new(format!("card {card}, {name}"), json!({ "card": card, "name": name })))
    }

    /// Into the reader that is named, or its own, or the only one.
    fn insert(&mut self, card: usize, reader: Option<usize>) -> Result<Answer, Failure> {
        let reader = reader.unwrap_or_else(|| card.min(self.bench.readers()));
        self.bench.insert(card, reader).map_err(|error| why(&error))?;
        self.card = card;
        Ok(Answer::new(format!("card {card} is in reader {reader}"), json!({ "card": card, "reader": reader })))
    }

    fn remove(&mut self, reader: Option<usize>) -> Result<Answer, Failure> {
        let reader = reader.or_else(|| self.bench.reader_of(self.card));
        let reader = reader.ok_or_else(|| why(&BenchError::Out(self.card)))?;
        let card = self.bench.remove(reader).map_err(|error| why(&error))?;
        Ok(Answer::new(format!("card {card} is out of reader {reader}"), json!({ "card": card, "reader": reader })))
    }

    fn misbehave(&mut self, change: impl FnOnce(Faults) -> Result<Faults, applets::fault::FaultError>) -> Result<Answer, Failure> {
        let held = self.card.checked_sub(1).and_then(|n| self.faults.get_mut(n)).ok_or_else(|| Failure::usage("expected a card"))?;
        let changed = change(held.clone()).map_err(|error| list::unknown(&error))?;
        *held = changed.clone();
        self.with(|card| card.set_faults(&changed))?;
        self.shown()
    }

    fn shown(&self) -> Result<Answer, Failure> {
        let shown = self.with(|card| card.faults_shown())?;
        let lines: Vec<String> = shown.iter().map(|(fault, times)| format!("{fault}: shown {times} times")).collect();
        let text = if lines.is_empty() { "no faults".to_owned() } else { lines.join("\n") };
        let faults: Vec<Value> = shown.iter().map(|(fault, times)| json!({ "fault": fault, "shown": times })).collect();
        Ok(Answer::new(text, json!({ "card": self.card, "faults": faults })))
    }
}
