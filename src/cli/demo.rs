//! `demo`: the main job on test data, from citizens to cards that verify.

use std::path::PathBuf;
use std::time::Instant;

use cardwright::demo::{self, CardResult, DemoError, DemoOptions, DemoSummary, DemoToken, Event, Slot};
use cardwright::perso::profile::DocumentProfile;
use clap::Args;
use eid::date::Date;
use rand_core::Rng as _;

use super::cvca::CvcaArgs;
use super::exit::{Exit, Failure};
use super::progress::Progress;
use super::token::{self, PinArgs};
use super::{Context, clock, output, pki, random};

/// Make test citizens, their cards, and an authority, and verify every card
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright demo --cards 20 --readers 2 --out D\n  cardwright verify --reader sim:D/cards/0001.card --can ... --trust D/pki/csca.cer"
)]
pub(crate) struct Demo {
    /// Make N cards
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    cards: u32,
    /// Work on N readers at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    readers: u16,
    /// Put the cards into readers of the PC/SC service, through vsmartcard's driver
    #[arg(long)]
    pcsc: bool,
    /// Address of the driver for the first reader; the next reader is at the next port
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:35963", requires = "pcsc")]
    vpcd: String,
    /// Leave everything in DIR, which must be new or empty; a new folder here if not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Make the people of seed N
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Document profile: cccd-2021, can-cuoc-2024, icao-td3, icao-td3-cam, icao-td1-eid, or a TOML file
    #[arg(long, value_name = "PROFILE", default_value = "cccd-2021")]
    profile: String,
    /// Issue and inspect the cards as if today were DATE (YYYY-MM-DD)
    #[arg(long, value_name = "DATE")]
    date: Option<Date>,
    /// Make and keep the keys of CSCA and document signer in the PKCS#11 token LABEL, under labels that nobody has
    #[arg(long, value_name = "LABEL", requires = "module")]
    token: Option<String>,
    /// The PKCS#11 module of the token, such as /usr/lib/softhsm/libsofthsm2.so
    #[arg(long, value_name = "FILE", requires = "token")]
    module: Option<PathBuf>,
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    cvca: CvcaArgs,
}

impl Demo {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        let started = Instant::now();
        let token = self.token()?;
        let prefix = token.as_ref().and_then(|token| token.declared.prefix.clone());
        let today = self.date.unwrap_or_else(clock::today);
        let profile = DocumentProfile::load(&self.profile).map_err(|error| failure(&DemoError::Profile(error)))?;
        let trust = self.cvca.trust_points(&profile, today)?;
        let options = DemoOptions {
            cards: self.cards,
            slots: self.slots()?,
            token,
            out: self.out.unwrap_or_else(free_folder),
            seed: self.seed,
            profile: self.profile,
            today,
            trust,
        };
        let progress = Progress::new("cards", u64::from(options.cards), context.json);
        let tell = |event: Event<'_>| match event {
            Event::Stage { card, stage, done, total, .. } => tracing::debug!(card, ?stage, done, total),
            Event::Card(result) => {
                progress.step();
                if !context.json {
                    progress.print(&line(result));
                }
            }
        };
        let summary = demo::run(&options, &mut random::system(), &tell).map_err(|error| failure(&error))?;
        drop(progress);
        if context.json {
            output::json(&summary)?;
        } else {
            output::text(&text(&summary, started.elapsed().as_secs_f64()))?;
            if let Some(prefix) = prefix {
                output::text(&format!("keys in the token: {prefix}csca, {prefix}ds"))?;
            }
        }
        Ok(if summary.genuine == summary.cards && summary.verified == summary.cards { Exit::Success } else { Exit::CheckFailed })
    }

    /// The token with its keys, if one is named. The labels in it are new for each run, since no key is ever replaced.
    fn token(&self) -> Result<Option<DemoToken>, Failure> {
        let Some((label, module)) = self.token.clone().zip(self.module.clone()) else { return Ok(None) };
        let mut random = [0; 4];
        random::system().fill_bytes(&mut random);
        let prefix = format!("demo-{}-", hex::encode(random));
        let name = DemoToken::NAME.to_owned();
        let place = token::Place { name, module: module.clone(), label: label.clone(), serial: None, prefix: prefix.clone() };
        let keys = token::keys(&place, || self.pin.read(&label))?;
        let declared = ::pki::hierarchy::Token { module: module.display().to_string(), label, serial: None, prefix: Some(prefix) };
        Ok(Some(DemoToken { declared, keys: keys.into() }))
    }

    fn slots(&self) -> Result<Vec<Slot>, Failure> {
        if !self.pcsc {
            return Ok((0..self.readers).map(|_| Slot::InProcess).collect());
        }
        pcsc_slots(&self.vpcd, self.readers)
    }
}

#[cfg(feature = "pcsc")]
fn pcsc_slots(vpcd: &str, readers: u16) -> Result<Vec<Slot>, Failure> {
    use cardwright::transport::PcscSelector;
    let wrong = || Failure::usage(format_args!("--vpcd: expected HOST:PORT with room for {readers} ports, found {vpcd:?}"));
    let (host, port) = vpcd.rsplit_once(':').ok_or_else(wrong)?;
    let first: u16 = port.parse().map_err(|_| wrong())?;
    let slot = |n: u16| {
        let port = first.checked_add(n).ok_or_else(wrong)?;
        Ok(Slot::Pcsc { reader: PcscSelector::Index(usize::from(n)), vpcd: format!("{host}:{port}") })
    };
    (0..readers).map(slot).collect()
}

#[cfg(not(feature = "pcsc"))]
fn pcsc_slots(_: &str, _: u16) -> Result<Vec<Slot>, Failure> {
    Err(Failure::usage("this program was built without PC/SC").hint("leave --pcsc out, or build it with the feature `pcsc`"))
}

/// `cardwright-demo`, or the first of `cardwright-demo-2`, `-3`, … that is not there yet.
fn free_folder() -> PathBuf {
    let name = |n: u32| if n == 1 { "cardwright-demo".to_owned() } else { format!("cardwright-demo-{n}") };
    (1..).map(|n| PathBuf::from(name(n))).find(|path| !path.exists()).unwrap_or_else(|| PathBuf::from(name(1)))
}

fn line(result: &CardResult) -> String {
    // no document number: the CAN of such a card is a part of it
    let head = format!("{:04}  {:<28}", result.card, result.name);
    match &result.error {
        None => format!("{head}  {}  {} bytes in {} APDUs", result.verdict, result.bytes, result.apdus),
        Some(error) => format!("{head}  failed: {error}"),
    }
}

fn text(summary: &DemoSummary, seconds: f64) -> String {
    format!(
        "{} cards: {} personalized, {} verified, {} genuine; {} readers, {seconds:.1} s, results in {}",
        summary.cards,
        summary.personalized,
        summary.verified,
        summary.genuine,
        summary.readers,
        summary.out.display()
    )
}

fn failure(error: &DemoError) -> Failure {
    match error {
        DemoError::Option { what: "out", .. } => {
            Failure::new(Exit::Usage, error).hint("take another folder, or remove this one; results of two runs never mix")
        }
        DemoError::Option { .. } => Failure::new(Exit::Usage, error),
        DemoError::Io { path, source } => Failure::file(path, source),
        DemoError::Pki(error) => pki::failure(error),
        DemoError::Profile(error) => Failure::from_error(Exit::Usage, error),
        DemoError::Trust(_) | DemoError::Person { .. } => Failure::from_error(Exit::Bug, error),
    }
}
