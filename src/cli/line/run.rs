//! `line run`: a station works until nothing is left to do, and says how each card was settled.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cardwright::line::feeder::{Faults, Feeder, FeederError, Hopper, Share};
use cardwright::line::prepare::Images;
use cardwright::line::quality::Quality;
use cardwright::line::site::Site;
use cardwright::line::station::{End, Event, ImageSource, JournalError, JournalFile, Parts, Seat, Settings, Station, StationError};
use cardwright::line::store::{Job, Store, StoreError};
use cardwright::perso::card_profile::CardProfile;
use cardwright::perso::plan::ApduForm;
use cardwright::perso::write::Masters;
use cardwright::transport::ReaderName;
use clap::Args;
use eid::image::CardImage;
use told::Told;

use super::{SiteArgs, failure, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::trust::TrustArgs;
use crate::cli::{Context, clock, master, random, reader};

mod told;

/// Work as a station until nothing is left to do
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright line run --station one --reader sim:line/blanks --reader sim:line/blanks\n  cardwright line run --station desk --reader pcsc:0\n  cardwright line run --station one --reader sim:line/blanks --sim-faults 2% --sim-seed 7",
    after_long_help = "Ctrl-C ends the work where it can go on: the same command goes on with it. So it does after any crash.\n\nAt PC/SC readers a person is told, behind the reader's name, when to insert a card and into which bin to put it. A card that was taken out too early is put in again, into any reader. Readers are known by their names: a place in the list is only looked up at the start.\n\nExit codes: 0 everything is made, 1 an incident is open, 3 something waits (cards to find or to count, or stopped), 5 no blanks or no readers are left, 7 the store is away."
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
    /// Wait so long for a PC/SC reader that was unplugged, or a PC/SC service that stopped; then do without the reader
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    patience: u64,
    /// Write what happens to FILE as it happens, as JSON Lines: for the screen of an operator, or a machine that moves cards
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
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

        let told = Arc::new(Told::new(context.json, self.events.as_deref())?);
        let Some(mut store) = store(args, &site, &told, &stop)? else { return told.end(&self.station, &End::StoreAway, context) };
        let mut seats = Vec::new();
        for (n, reader) in (1..).zip(&self.readers) {
            let feeder = self.feeder(reader, n, &told)?;
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

    #[cfg_attr(not(feature = "pcsc"), expect(unused_variables, reason = "only a person at a PC/SC reader is asked for something"))]
    fn feeder(&self, reader: &ReaderName, n: usize, told: &Arc<Told>) -> Result<Box<dyn Feeder>, Failure> {
        match reader {
            ReaderName::Sim(folder) if folder.is_dir() => {
                let rngs = Box::new(|| Box::new(random::system()) as applets::CardRng);
                let hopper = Hopper::new(folder, &format!("{}-{n}", self.station), rngs);
                let faults = self.sim_faults.map(|share| Faults { share, seed: self.sim_seed });
                Ok(Box::new(hopper.map_err(|error| feeder_failure(&error))?.with_faults(faults)))
            }
            #[cfg(feature = "pcsc")]
            ReaderName::Pcsc(selector) => {
                let patience = Duration::from_secs(self.patience);
                let desk = cardwright::line::feeder::Desk::new(selector, patience, Arc::clone(told) as _);
                Ok(Box::new(desk.map_err(|error| feeder_failure(&error))?))
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
    }
}
