//! `line run`: a station works until nothing is left to do, and says how each card was settled.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cardwright::line::feeder::{Faults, Feeder, FeederError, Hopper, Share};
use cardwright::line::prepare::Images;
use cardwright::line::quality::Quality;
use cardwright::line::site::Site;
use cardwright::line::station::{End, Event, ImageSource, JournalError, JournalFile, Parts, Seat, Settings, Station, StationError};
use cardwright::line::store::{Ending, Job, Store, StoreError};
use cardwright::perso::card_profile::CardProfile;
use cardwright::perso::plan::ApduForm;
use cardwright::perso::write::Masters;
use cardwright::transport::ReaderName;
use clap::Args;
use eid::image::CardImage;
use serde_json::json;

use super::{SiteArgs, failure, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::Progress;
use crate::cli::trust::TrustArgs;
use crate::cli::{Context, clock, master, output, random, reader};

/// Work as a station until nothing is left to do
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright line run --station one --reader sim:line/blanks --reader sim:line/blanks\n  cardwright line run --station desk --reader pcsc:0\n  cardwright line run --station one --reader sim:line/blanks --sim-faults 2% --sim-seed 7",
    after_long_help = "Ctrl-C ends the work where it can go on: the same command goes on with it. So it does after any crash.\n\nExit codes: 0 everything is made, 1 an incident is open, 3 something waits (cards to find or to count, or stopped), 5 no blanks or no readers are left, 7 the store is away."
)]
pub(super) struct Run {
    /// Name of the station, unique at the site: 1 to 32 characters a-z, 0-9, and hyphen
    #[arg(long, value_name = "NAME", value_parser = name)]
    station: String,
    /// Work at READER: pcsc:NAME-OR-INDEX with a person, or sim:FOLDER with virtual cards; several times for several readers
    #[arg(long = "reader", value_name = "READER", required = true)]
    readers: Vec<ReaderName>,
    /// Take a master key from a file of 32, 48, or 64 hexadecimal digits; on a test site the published test keys, if none is given
    #[arg(long = "master-key-file", value_name = "NAME=FILE", value_parser = master::named)]
    masters: Vec<(String, PathBuf)>,
    #[command(flatten)]
    trust: TrustArgs,
    /// Length of the APDUs that write: frame, short, or extN with N bytes of data
    #[arg(long, value_name = "FORM", default_value = "frame")]
    apdu: ApduForm,
    /// Claim jobs for so long
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(i64).range(20..=3_600))]
    lease: i64,
    /// Stop the line when more than N of the last 200 cards are scrap
    #[arg(long, value_name = "N", default_value_t = 4)]
    scrap_allowed: usize,
    /// Let so many of the virtual cards fail on purpose, each in one of six ways: mute until reset, answer lost, refusal, restart, dead, torn memory
    #[arg(long, value_name = "PERCENT", help_heading = "Simulation")]
    sim_faults: Option<Share>,
    /// Draw from N which cards fail, how, and when; the same cards fail at every station of the same seed
    #[arg(long, value_name = "N", default_value_t = 1, requires = "sim_faults", help_heading = "Simulation")]
    sim_seed: u64,
    /// Give up a card after so long in a reader
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(5..=3_600))]
    card_limit: u64,
}

fn name(text: &str) -> Result<String, String> {
    let right = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if right { Ok(text.to_owned()) } else { Err(format!("expected 1 to 32 characters a-z, 0-9, and hyphen, found {text:?}")) }
}

/// Sealed images as the station asks for them.
struct Sealed<'a>(Images<'a>);

impl ImageSource for Sealed<'_> {
    fn image(&self, job: &Job) -> Result<CardImage, String> {
        self.0.open(job)
    }
}

impl Run {
    pub(super) fn run(self, args: &SiteArgs, context: Context) -> Result<Exit, Failure> {
        let site = args.open()?;
        let profile = card_profile(&site)?;
        let masters = masters(&site, &profile, &self.masters)?;
        let seal = site.seal().map_err(|error| failure(&error))?;
        let folder = site.path("images");
        let images = Sealed(Images { folder: &folder, seal: &seal });
        let quality = Quality::new(self.trust.store_or(&site.authority())?);
        let settings = Settings {
            lease: self.lease,
            scrap_allowed: self.scrap_allowed,
            card_limit: Duration::from_secs(self.card_limit),
            apdu: self.apdu,
            ..Settings::default()
        };
        let stations = site.path("stations");
        std::fs::create_dir_all(&stations).map_err(|error| Failure::file(&stations, &error))?;
        let journal =
            JournalFile::open(&stations.join(format!("{}.db", self.station)), &self.station).map_err(|error| journal_failure(&error))?;
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        // the first Ctrl-C ends the work where it can go on, the second the program; it can go on then, too
        let handler = move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        };
        ctrlc::set_handler(handler).map_err(|error| Failure::new(Exit::Bug, error))?;

        let told = Told::new(context.json);
        let Some(mut store) = store(args, &site, &told, &stop)? else { return told.end(&self.station, &End::StoreAway, context) };
        let mut seats = Vec::new();
        for (n, reader) in (1..).zip(&self.readers) {
            let feeder = self.feeder(reader, n)?;
            let Some(store) = self::store(args, &site, &told, &stop)? else { return told.end(&self.station, &End::StoreAway, context) };
            seats.push(Seat { feeder, store, rng: Box::new(random::system()) });
        }
        let tell = |event: Event<'_>| told.hear(&event);
        let parts = Parts {
            name: &self.station,
            settings: &settings,
            profile: &profile,
            masters: &masters,
            images: &images,
            quality: &quality,
            clock: &clock::moment,
            tell: &tell,
            stop: &stop,
        };
        let end = Station::new(parts, Box::new(journal)).run(seats, &mut *store).map_err(|error| station_failure(&error))?;
        told.end(&self.station, &end, context)
    }

    fn feeder(&self, reader: &ReaderName, n: usize) -> Result<Box<dyn Feeder>, Failure> {
        match reader {
            ReaderName::Sim(folder) if folder.is_dir() => {
                let rngs = Box::new(|| Box::new(random::system()) as applets::CardRng);
                let hopper = Hopper::new(folder, &format!("{}-{n}", self.station), rngs);
                let faults = self.sim_faults.map(|share| Faults { share, seed: self.sim_seed });
                Ok(Box::new(hopper.map_err(|error| feeder_failure(&error))?.with_faults(faults)))
            }
            #[cfg(feature = "pcsc")]
            ReaderName::Pcsc(selector) => {
                let place = reader.to_string();
                let ask = Box::new(move |ask| anstream::eprintln!("{place}: {}", words(ask)));
                Ok(Box::new(cardwright::line::feeder::Desk::new(selector, ask).map_err(|error| feeder_failure(&error))?))
            }
            other => Err(feeder_failure(&FeederError::Name { found: other.to_string() })),
        }
    }
}

/// The store. One that is away is waited for, as in the middle of the work; `None` if the station is stopped before it comes.
fn store(args: &SiteArgs, site: &Site, told: &Told, stop: &AtomicBool) -> Result<Option<Box<dyn Store>>, Failure> {
    let mut was_away = false;
    loop {
        match args.open_store(site)? {
            Ok(store) => {
                if was_away {
                    told.hear(&Event::Away { detail: None });
                }
                return Ok(Some(store));
            }
            Err(StoreError::Away { detail, .. }) => {
                if !std::mem::replace(&mut was_away, true) {
                    told.hear(&Event::Away { detail: Some(&detail) });
                }
                if stop.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                std::thread::sleep(Settings::default().pause);
            }
            Err(error) => return Err(store_failure(&error)),
        }
    }
}

/// What a person is asked for.
#[cfg(feature = "pcsc")]
fn words(ask: cardwright::line::feeder::Ask) -> String {
    use cardwright::line::feeder::Ask;
    match ask {
        Ask::Insert => "insert a card".to_owned(),
        Ask::TakeAway(bin) => format!("take the card out: {}", bin.name()),
    }
}

/// The card product of a site.
pub(super) fn card_profile(site: &Site) -> Result<CardProfile, Failure> {
    CardProfile::load(&site.profile(&site.config().card_profile)).map_err(|error| Failure::from_error(Exit::Usage, &error))
}

/// The master keys of a site; a test site has the published ones.
pub(super) fn masters(site: &Site, profile: &CardProfile, files: &[(String, PathBuf)]) -> Result<Masters, Failure> {
    if files.is_empty() && !site.config().live {
        return Ok(Masters::test(profile));
    }
    if files.is_empty() {
        return Err(Failure::usage("a live site: expected the master keys of the card product, found none")
            .hint("give --master-key-file NAME=FILE for each"));
    }
    master::from_files(files)
}

fn journal_failure(error: &JournalError) -> Failure {
    let failure = Failure::new(Exit::Store, error);
    match error {
        JournalError::Sqlite { .. } => failure.hint("is another process of this station running?"),
        JournalError::Other { .. } => failure.hint("give the station another name, or put its own journal back"),
    }
}

fn feeder_failure(error: &FeederError) -> Failure {
    match error {
        FeederError::Io { path, source } => Failure::file(path, source),
        FeederError::Reader(error) => reader::failure(error),
        FeederError::Name { .. } => Failure::new(Exit::Usage, error),
    }
}

fn station_failure(error: &StationError) -> Failure {
    match error {
        StationError::Journal(error) => journal_failure(error),
        StationError::Store(error) => store_failure(error),
        StationError::Feeder { source, .. } => feeder_failure(source),
    }
}

/// One reader's figures.
#[derive(Debug, Default)]
struct Figures {
    good: u64,
    scrap: u64,
    again: u64,
    out: bool,
}

/// What was heard of the station.
#[derive(Debug, Default)]
struct Heard {
    readers: BTreeMap<String, Figures>,
    /// Milliseconds of each good card in its reader, without waiting for the store.
    times: Vec<u32>,
    reasons: BTreeMap<String, u64>,
    /// How cards that were not fresh blanks were settled.
    settled: Vec<(String, String)>,
}

struct Told {
    heard: Mutex<Heard>,
    progress: Mutex<Progress>,
    since: Instant,
    quiet: bool,
}

impl Told {
    fn new(quiet: bool) -> Self {
        Self { heard: Mutex::default(), progress: Mutex::new(Progress::new("cards", 0, quiet)), since: Instant::now(), quiet }
    }

    fn line(&self, text: &str) {
        if !self.quiet {
            self.progress.lock().unwrap_or_else(PoisonError::into_inner).print(text);
        }
    }

    fn hear(&self, event: &Event<'_>) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Stage { .. } => {}
            Event::Settled { reader, serial, row } => {
                heard.settled.push((serial.to_string(), row.to_string()));
                self.line(&format!("{reader}: card {serial}: {row}"));
            }
            Event::Attempt(attempt) => {
                let figures = heard.readers.entry(attempt.reader.clone()).or_default();
                match attempt.ending() {
                    Ending::Good => figures.good += 1,
                    Ending::Interrupted => figures.again += 1,
                    Ending::Scrap => figures.scrap += 1,
                }
                if attempt.ending() == Ending::Good {
                    heard.times.push(attempt.milliseconds.iter().take(4).fold(0, |sum, part| sum.saturating_add(*part)));
                } else {
                    *heard.reasons.entry(attempt.outcome.clone()).or_default() += 1;
                    self.line(&format!("{}: card {}: {}", attempt.reader, attempt.serial, attempt.outcome));
                }
                let good = heard.good();
                let text = format!("{good} cards, {} an hour, yield {}", heard.hourly(self.since), heard.percent());
                let shown = usize::try_from(good).unwrap_or(usize::MAX);
                self.progress.lock().unwrap_or_else(PoisonError::into_inner).part(&text, shown, shown);
            }
            Event::Rejected { reader, serial, why } => {
                let card = serial.map_or_else(|| "a card".to_owned(), |serial| format!("card {serial}"));
                self.line(&format!("{reader}: {card} to the reject bin: {why}"));
            }
            Event::Away { detail: Some(detail) } => self.line(&format!("the store is away: {detail}")),
            Event::Away { detail: None } => self.line("the store is back"),
            Event::Incident(incident) => self.line(&format!("incident: {}", incident.what)),
            Event::ReaderOut { reader, why } => {
                heard.readers.entry((*reader).to_owned()).or_default().out = true;
                self.line(&format!("{reader} is out: {why}"));
            }
        }
    }

    fn end(self, station: &str, end: &End, context: Context) -> Result<Exit, Failure> {
        drop(self.progress);
        let mut heard = self.heard.into_inner().unwrap_or_else(PoisonError::into_inner);
        heard.times.sort_unstable();
        let (p50, p95) = (percentile(&heard.times, 50), percentile(&heard.times, 95));
        let (exit, why) = ended(end);
        let (good, scrap, again) = (heard.good(), heard.sum(|one| one.scrap), heard.sum(|one| one.again));
        if context.json {
            let readers = heard.readers.iter().map(
                |(reader, one)| json!({ "reader": reader, "good": one.good, "scrap": one.scrap, "interrupted": one.again, "out": one.out }),
            );
            let readers: Vec<_> = readers.collect();
            let settled: Vec<_> = heard.settled.iter().map(|(card, row)| json!({ "card": card, "row": row })).collect();
            output::json(&json!({
                "version": 1, "station": station, "good": good, "scrap": scrap, "interrupted": again, "cards_per_hour": heard.hourly(self.since),
                "milliseconds": { "p50": p50, "p95": p95 }, "reasons": heard.reasons, "readers": readers, "settled": settled, "end": why,
            }))?;
            return Ok(exit);
        }
        output::text(&format!(
            "station {station}: {good} good, {scrap} scrap, {again} interrupted; yield {}, {} cards an hour, {p50} ms a card at p50 and {p95} ms at p95",
            heard.percent(),
            heard.hourly(self.since)
        ))?;
        for (reader, one) in heard.readers.iter().filter(|_| heard.readers.len() > 1) {
            let out = if one.out { "; out" } else { "" };
            output::text(&format!("  {reader}: {} good, {} scrap, {} interrupted{out}", one.good, one.scrap, one.again))?;
        }
        for (reason, count) in &heard.reasons {
            output::text(&format!("  {reason}: {count}"))?;
        }
        output::text(&why)?;
        Ok(exit)
    }
}

impl Heard {
    fn sum(&self, part: impl Fn(&Figures) -> u64) -> u64 {
        self.readers.values().map(part).sum()
    }

    fn good(&self) -> u64 {
        self.sum(|one| one.good)
    }

    /// Good of all that were settled.
    fn percent(&self) -> String {
        let (good, scrap) = (self.good(), self.sum(|one| one.scrap));
        match (good * 1_000).checked_div(good + scrap) {
            Some(share) => format!("{}.{} %", share / 10, share % 10),
            None => "none".to_owned(),
        }
    }

    fn hourly(&self, since: Instant) -> u64 {
        let millis = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        self.good().saturating_mul(3_600_000) / millis
    }
}

/// Of sorted times; 0 without any.
fn percentile(times: &[u32], share: usize) -> u32 {
    let at = (times.len() * share).div_ceil(100).saturating_sub(1);
    times.get(at).copied().unwrap_or(0)
}

fn ended(end: &End) -> (Exit, String) {
    match end {
        End::Finished => (Exit::Success, "every job of the released batches is settled".to_owned()),
        End::CardsMissing { find, count, claimed } => {
            let text = format!(
                "{find} cards in readers of other stations or to be found and presented, {count} to count at the scrap desk, {claimed} jobs claimed by other stations"
            );
            (Exit::Undecided, text)
        }
        End::NoBlanks { jobs } => (Exit::Gone, format!("no blanks are left for {jobs} jobs")),
        End::Stopped => (Exit::Undecided, "stopped; the same command goes on".to_owned()),
        End::StoreAway => {
            (Exit::Store, "the store is away; what it was not told is in the journal, and the same command goes on".to_owned())
        }
        End::Incident(what) => (Exit::CheckFailed, format!("an incident is open: {what}; two persons must release it")),
        End::ReadersOut => (Exit::Gone, "every reader is out".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let times: Vec<u32> = (1..=100).collect();
        assert_eq!((percentile(&times, 50), percentile(&times, 95)), (50, 95));
        assert_eq!((percentile(&[7], 50), percentile(&[7], 95), percentile(&[], 95)), (7, 7, 0));
    }

    #[test]
    fn yield_is_good_of_settled_and_interrupted_cards_do_not_count() {
        let mut heard = Heard::default();
        assert_eq!(heard.percent(), "none");
        heard.readers.insert("a".to_owned(), Figures { good: 199, scrap: 1, again: 5, out: false });
        assert_eq!(heard.percent(), "99.5 %");
    }
}
