//! What a card costs the production line: records of intake, images of preparation, cards of a station, verbs of its stores.
//!
//! A floor is what cannot be avoided, measured in the same run on the same machine: the bare parser and hash, the bare key generation,
//! signature, and cipher over the same bytes, commits of one row on as many connections. Times of the processor are those of the threads
//! that worked (`CLOCK_THREAD_CPUTIME_ID`, `CLOCK_PROCESS_CPUTIME_ID`); a virtual card works in the thread of its reader, behind a watch of
//! its own, so that host and card are told apart.
//!
//! ```text
//! line                        all of it, in some minutes
//! line intake|prepare|run|stores
//! line --rows N [--cards N]   PostgreSQL with N finished cards beside an empty one: rates of the verbs, sizes of the tables
//! ```

use std::process::ExitCode;
use std::time::Duration;

use cardwright::line::store::{Note, Store};
use cardwright::line::users::{self, Action, Login, Role, TwoPersons, User};
use eid::secret::Secret;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

mod counted;
mod intake;
#[path = "../../tests/support/postgres.rs"]
mod postgres;
mod prepare;
mod rows;
mod stores;
mod work;

/// The moment at which everything happens.
const NOW: i64 = 1_795_262_400;

/// Measures what the arguments name.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| -> Option<u32> {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse().ok()
    };
    if let Some(rows) = number("--rows") {
        rows::measure(rows, number("--cards").unwrap_or(4_000));
        return ExitCode::SUCCESS;
    }
    let parts: [(&str, fn()); 4] =
        [("intake", intake::measure), ("prepare", prepare::measure), ("run", work::measure), ("stores", stores::measure)];
    let known = |argument: &String| parts.iter().any(|(name, _)| name == argument);
    if !arguments.iter().all(known) {
        eprintln!("line: expected some of intake, prepare, run, stores, or --rows N [--cards N]");
        return ExitCode::from(2);
    }
    println!("{:<66} | {:>12} | {:>12} | {:>6}", "what", "measured", "floor", "ratio");
    println!("{:-<66}-|-{:->12}-|-{:->12}-|-{:->6}", "", "", "", "");
    for (name, measure) in parts {
        if arguments.is_empty() || arguments.iter().any(|argument| argument == name) {
            measure();
        }
    }
    ExitCode::SUCCESS
}

/// A rate beside the rate of its floor: the ratio is the part of the floor that is reached.
fn rate(what: &str, rate: f64, floor: f64) {
    println!("{what:<66} | {rate:>10.0}/s | {floor:>10.0}/s | {:>6.2}", rate / floor);
}

/// A time beside that of its floor: the ratio says how many times the floor it is.
fn time(what: &str, time: Duration, floor: Duration) {
    let (time, floor) = (time.as_secs_f64() * 1e3, floor.as_secs_f64() * 1e3);
    println!("{what:<66} | {time:>9.3} ms | {floor:>9.3} ms | {:>6.2}", time / floor);
}

/// Something that has no floor.
fn count(what: &str, count: &str) {
    println!("{what:<66} | {count:>12} | {:>12} | {:>6}", "", "");
}

/// Time that the processor gave all threads of this program.
fn all_worked() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

fn note(event: &str) -> Note {
    Note {
        time: NOW,
        actors: vec!["bench".to_owned()],
        event: event.to_owned(),
        subjects: vec!["batch 1".to_owned()],
        detail: String::new(),
    }
}

/// Two people who may do everything, logged in.
struct People([Login; 2]);

impl People {
    fn new(store: &mut dyn Store) -> Self {
        Self(["ana", "ben"].map(|name| {
            let pass_phrase = Secret::from(format!("pass phrase of {name}").as_bytes());
            let user = User::new(name, &Role::ALL, &pass_phrase, &mut rng()).expect("a user");
            store.put_user(&user, None, &note("user")).expect("there are not two supervisors yet");
            users::log_in(store, name, &pass_phrase, NOW).expect("log-in")
        }))
    }

    fn both(&self, action: Action) -> TwoPersons {
        let [one, other] = &self.0;
        TwoPersons::new(action, one, other, NOW).expect("two persons")
    }
}
