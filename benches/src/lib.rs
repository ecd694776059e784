//! Speed of the jobs beside their floor, for both backends in one run.
//!
//! A floor is what a job cannot avoid: the bare signature, agreement, hash, and cipher operations of the library below, on keys that were
//! parsed before, called in a loop in the same process as the job. The ratio says how much of the time is those operations.
//!
//! Which backend answers is a matter of how `eid` was built, so there are two programs: `speed` drives, and asks itself and `speed-pure`
//! in turn for a round of each measurement. Every figure is the median of its rounds; a round of one stands right beside the rounds of the
//! others, so that a slow minute of the machine hits all alike. A second is one of the processor's, on one thread.

use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

mod drive;
mod floor;
mod jobs;
#[cfg(feature = "line")]
pub mod line;
#[cfg(feature = "fast")]
mod peers;
mod subject;
#[cfg(feature = "pkcs11")]
pub mod token;

/// One thing that is measured: a name that says what one call does, and the call.
pub(crate) struct Job {
    /// Row of the table; a floor has the name of its job with `floor of ` before it.
    pub(crate) name: &'static str,
    /// Does it once. It checks its own result: a job that fails ends the program.
    pub(crate) run: Box<dyn FnMut()>,
}

impl Job {
    pub(crate) fn new(name: &'static str, run: impl FnMut() + 'static) -> Self {
        Self { name, run: Box::new(run) }
    }

    /// Calls for `time` and says how many a second of the processor there were.
    fn round(&mut self, time: Duration) -> f64 {
        let (start, worked) = (Instant::now(), worked());
        let mut calls = 0_u32;
        loop {
            (self.run)();
            calls += 1;
            if start.elapsed() >= time {
                return f64::from(calls) / self::worked().saturating_sub(worked).as_secs_f64();
            }
        }
    }
}

/// Time that the processor gave this thread: what other programs take does not count.
pub(crate) fn worked() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// `worker` answers rounds over stdin and stdout; anything else drives.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("worker") => worker(arguments.get(1).map_or("", String::as_str)),
        _ => drive::main(&arguments),
    }
}

/// Prints the names of its jobs, an empty line, then a rate for every line `index milliseconds` that it reads.
fn worker(filter: &str) -> ExitCode {
    let mut jobs = jobs::all();
    jobs.retain(|job| job.name.contains(filter));
    let mut out = std::io::stdout().lock();
    let mut say = |text: &str| writeln!(out, "{text}").and_then(|()| out.flush()).is_ok();
    if !jobs.iter().all(|job| say(job.name)) || !say("") {
        return ExitCode::FAILURE;
    }
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let mut numbers = line.split(' ').map_while(|word| word.parse::<u64>().ok());
        let (Some(index), Some(time)) = (numbers.next(), numbers.next()) else { return ExitCode::FAILURE };
        let Some(job) = usize::try_from(index).ok().and_then(|index| jobs.get_mut(index)) else { return ExitCode::FAILURE };
        if !say(&job.round(Duration::from_millis(time)).to_string()) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
