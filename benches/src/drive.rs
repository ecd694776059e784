//! The half that asks workers for rounds and prints the table.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

/// Rounds of each measurement, and the length of one in milliseconds.
const ROUNDS: usize = 11;
const MILLISECONDS: u64 = 100;

struct Worker {
    backend: &'static str,
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    jobs: Vec<Measured>,
}

struct Measured {
    name: String,
    rates: Vec<f64>,
}

impl Measured {
    fn median(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or_default()
    }
}

impl Worker {
    fn start(program: &std::path::Path, backend: &'static str, filter: &str) -> std::io::Result<Self> {
        let mut child = Command::new(program).args(["worker", filter]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let lost = || std::io::Error::other("the worker has no pipes");
        let (to, from) = child.stdin.take().zip(child.stdout.take()).ok_or_else(lost)?;
        let mut from = BufReader::new(from);
        let mut jobs = Vec::new();
        loop {
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 {
                return Err(std::io::Error::other("the worker ended before it named its jobs"));
            }
            match line.trim_end() {
                "" => break,
                name => jobs.push(Measured { name: name.to_owned(), rates: Vec::new() }),
            }
        }
        Ok(Self { backend, child, to, from, jobs })
    }

    fn round(&mut self, index: usize) -> std::io::Result<()> {
        writeln!(self.to, "{index} {MILLISECONDS}")?;
        self.to.flush()?;
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        let rate = line.trim_end().parse().map_err(|_| std::io::Error::other("the worker ended in a round"))?;
        if let Some(job) = self.jobs.get_mut(index) {
            job.rates.push(rate);
        }
        Ok(())
    }

    fn rate(&self, name: &str) -> Option<f64> {
        self.jobs.iter().find(|job| job.name == name).map(Measured::median)
    }
}

pub(crate) fn main(arguments: &[String]) -> ExitCode {
    match table(arguments.first().map_or("", String::as_str)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("speed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn table(filter: &str) -> std::io::Result<()> {
    let own = std::env::current_exe()?;
    let pure = own.with_file_name("speed-pure");
    let mut workers = Vec::new();
    if cfg!(feature = "fast") {
        workers.push(Worker::start(&own, "fast", filter)?);
    }
    if pure.exists() {
        workers.push(Worker::start(&pure, "pure", filter)?);
    } else {
        eprintln!("speed: {} is not built (make bench builds it): no rows of the pure backend", pure.display());
    }
    for round in 0..ROUNDS {
        eprintln!("round {} of {ROUNDS}", round + 1);
        let most = workers.iter().map(|worker| worker.jobs.len()).max().unwrap_or_default();
        for index in 0..most {
            for worker in workers.iter_mut().filter(|worker| index < worker.jobs.len()) {
                worker.round(index)?;
            }
        }
    }
    println!("{:<58} | {:<7} | {:>12} | {:>12} | {:>5}", "job", "backend", "rate", "floor", "ratio");
    println!("{:-<58}-|-{:-<7}-|-{:->12}-|-{:->12}-|-{:->5}", "", "", "", "", "");
    let names: Vec<String> = workers.iter().flat_map(|worker| worker.jobs.iter().map(|job| job.name.clone())).collect();
    let mut seen = Vec::new();
    for name in names {
        if name.starts_with("floor of ") || seen.contains(&name) {
            continue;
        }
        for worker in &workers {
            let Some(rate) = worker.rate(&name) else { continue };
            // a peer `job by whom` stands beside the floor of the job
            let job = name.split(" by ").next().unwrap_or(&name);
            let floor = worker.rate(&format!("floor of {job}"));
            let (floor, ratio) = floor.map_or((String::new(), String::new()), |floor| (per_second(floor), format!("{:.2}", rate / floor)));
            let (name, backend) = name.split_once(" by ").map_or((name.as_str(), worker.backend), |(_, whom)| (job, whom));
            println!("{name:<58} | {backend:<7} | {:>12} | {floor:>12} | {ratio:>5}", per_second(rate));
        }
        seen.push(name);
    }
    for mut worker in workers {
        drop(worker.to);
        worker.child.wait()?;
    }
    Ok(())
}

fn per_second(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}/s") } else { format!("{rate:.0}/s") }
}
