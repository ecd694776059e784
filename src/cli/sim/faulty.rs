//! `sim faulty`: a card whose files, signatures, or certificates have a fault of the catalogue, with the trust that shows it.

use std::path::PathBuf;

use applets::fault::catalogue::{self, Engine, Fault, State};
use cardwright::faulty::{self, Base, FaultyError};
use cardwright::people;
use cardwright::perso::profile::DocumentProfile;
use cardwright::perso::record::Record;
use clap::Args;
use eid::date::Date;
use serde_json::json;

use super::{New, list};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, clock, output};

/// Make a card with a fault in its files, its signature, or its certificates
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright sim faulty VF-DG1-009 bad\n  cardwright verify --reader sim:bad/VF-DG1-009.card --mrz-file bad/mrz.txt --trust bad/trust",
    after_long_help = "Writes into the folder: the card; mrz.txt, which opens it; trust/ with the CSCA's certificate and revocation list as the verifier should have them; expected.json with the verdict that a correct inspection system gives. Faults of the chip itself need no card of their own: `sim --image CARD --fault ID`."
)]
pub(super) struct Faulty {
    /// The fault, of `sim list faults`
    fault: String,
    /// The folder to make
    folder: PathBuf,
    /// Take keys and person from this seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Issue the document on this day
    #[arg(long, value_name = "DATE")]
    today: Option<Date>,
}

/// The profile that the faults of files are written for.
const PROFILE: &str = "icao-td3";

impl Faulty {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let fault = find(&self.fault)?;
        let bug = |error: &dyn std::error::Error| Failure::new(Exit::Bug, error);
        let profile = DocumentProfile::load(PROFILE).map_err(|error| bug(&error))?;
        let today = self.today.unwrap_or_else(clock::today);
        let citizen = people::citizen(self.seed, 1, today);
        let record = Record::new(&citizen.input, &profile, today, &mut |name| citizen.load(name));
        let record =
            record.map_err(|problems| Failure::new(Exit::Bug, problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
        let base = Base { record: &record, profile: &profile, today, country: ("VN", "VNM") };
        let made = faulty::make(&base, fault.injection, self.seed).map_err(|error: FaultyError| bug(&error))?;

        let trust = self.folder.join("trust");
        if self.folder.exists() {
            return Err(Failure::usage(format_args!("{}: expected no such folder yet, found one", self.folder.display())));
        }
        std::fs::create_dir_all(&trust).map_err(|error| Failure::file(&trust, &error))?;
        let card = self.folder.join(format!("{}.card", fault.id));
        New::test(card.clone()).make(Some(&made.image))?;
        let write = |path: PathBuf, bytes: &[u8]| std::fs::write(&path, bytes).map_err(|error| Failure::file(&path, &error));
        for (n, anchor) in (1..).zip(&made.anchors) {
            write(trust.join(format!("csca-{n}.cer")), anchor)?;
        }
        for (n, crl) in (1..).zip(&made.lists) {
            write(trust.join(format!("csca-{n}.crl")), crl)?;
        }
        let lines = record.mrz().lines().join("\n");
        write(self.folder.join("mrz.txt"), format!("{lines}\n").as_bytes())?;
        let expected = list::row(fault);
        let text = serde_json::to_string_pretty(&expected).map_err(|error| bug(&error))?;
        write(self.folder.join("expected.json"), format!("{text}\n").as_bytes())?;
        if context.json {
            output::json(&json!({ "version": 1, "card": card, "trust": trust, "expected": expected }))?;
        } else {
            let verdict = fault.verdict.split([':', ' ']).next().unwrap_or_default();
            output::text(&format!("{}: {}; a correct inspection system says {verdict}", card.display(), fault.fault))?;
        }
        Ok(Exit::Success)
    }
}

fn find(id: &str) -> Result<&'static Fault, Failure> {
    let fault = catalogue::find(id).ok_or_else(|| list::unknown(&applets::fault::FaultError::Unknown { found: id.to_owned() }))?;
    let of_document = matches!(fault.engine, Engine::Image | Engine::Pki);
    if of_document && fault.state() == State::Implemented {
        return Ok(fault);
    }
    let found = format!("{} ({})", fault.state().as_str(), fault.engine);
    let failure = Failure::usage(format_args!("{}: expected a fault of files or signatures that is implemented, found {found}", fault.id));
    Err(if fault.engine == Engine::Chip { failure.hint("`cardwright sim --image CARD --fault ID` has any card show it") } else { failure })
}
