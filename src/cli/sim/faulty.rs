//! `sim faulty`: a card whose files, signatures, or certificates have a fault of the catalogue, or a master list that has one, with the trust
//! that shows it.

use std::path::{Path, PathBuf};

use applets::fault::catalogue::{self, Engine, Fault, State};
use cardwright::faulty::{self, FaultyError, Specimen};
use clap::Args;
use eid::date::Date;
use serde_json::json;

use super::{New, list};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, clock, output};

/// Make a card with a fault in its files, its signature, or its certificates, or a list with one
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright sim faulty VF-DG1-009 bad\n  cardwright verify --reader sim:bad/VF-DG1-009.card --mrz-file bad/mrz.txt --trust bad/trust",
    after_long_help = "Writes into the folder: the card; mrz.txt, the MRZ as it is printed, which opens it, or can.txt where that does; trust/ with certificates and lists as the verifier should have them; terminal/ with certificates and key where the card guards fingers or irises; expected.json with the verdict that a correct inspection system gives. For a fault of master lists: the list, and before.ml where the verifier had a newer one. Faults of the chip itself need no card of their own: `sim --image CARD --fault ID`."
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

impl Faulty {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let fault = find(&self.fault)?;
        let bug = |error: &dyn std::error::Error| Failure::new(Exit::Bug, error);
        let today = self.today.unwrap_or_else(clock::today);
        let specimen = Specimen::new(today, self.seed).map_err(|error| bug(&error))?;
        let wrong = |error: FaultyError| bug(&error);
        if self.folder.exists() {
            return Err(Failure::usage(format_args!("{}: expected no such folder yet, found one", self.folder.display())));
        }
        let (main, trust) = if fault.engine == Engine::List {
            let made = specimen.make_list(fault.injection).map_err(wrong)?;
            (self.folder.join(format!("{}.ml", fault.id)), self.list(fault, &made)?)
        } else {
            let made = specimen.make(fault.injection).map_err(wrong)?;
            let card = self.folder.join(format!("{}.card", fault.id));
            let trust = document(&self.folder, &made)?;
            New::test(card.clone()).make(Some(&made.image))?;
            (card, trust)
        };
        let expected = list::row(fault);
        let text = serde_json::to_string_pretty(&expected).map_err(|error| bug(&error))?;
        write(self.folder.join("expected.json"), format!("{text}\n").as_bytes())?;
        if context.json {
            output::json(&json!({ "version": 1, "card": main, "trust": trust, "expected": expected }))?;
        } else {
            let verdict = fault.verdict.split([':', ' ']).next().unwrap_or_default();
            output::text(&format!("{}: {}; a correct inspection system says {verdict}", main.display(), fault.fault))?;
        }
        Ok(Exit::Success)
    }

    /// What belongs to a list.
    fn list(&self, fault: &Fault, made: &faulty::FaultyList) -> Result<PathBuf, Failure> {
        let trust = trust_of(&self.folder, made.trust_files())?;
        write(self.folder.join(format!("{}.ml", fault.id)), &made.list)?;
        if let Some(before) = &made.before {
            write(self.folder.join("before.ml"), before)?;
        }
        Ok(trust)
    }
}

/// Writes what belongs to a document into a folder: what opens it, and what its verifier trusts, whose folder is the answer.
pub(super) fn document(folder: &Path, made: &faulty::Faulty) -> Result<PathBuf, Failure> {
    let trust = trust_of(folder, made.trust_files())?;
    write(folder.join("mrz.txt"), format!("{}\n", made.printed).as_bytes())?;
    if let Some(can) = &made.can {
        write(folder.join("can.txt"), format!("{can}\n").as_bytes())?;
    }
    if let Some(terminal) = &made.terminal {
        let keys = folder.join("terminal");
        std::fs::create_dir_all(&keys).map_err(|error| Failure::file(&keys, &error))?;
        for certificate in &terminal.certificates {
            write(keys.join(format!("{}.cvcert", certificate.holder())), certificate.der())?;
        }
        write(keys.join("terminal.pkcs8"), terminal.key.key.to_pkcs8().expose())?;
    }
    Ok(trust)
}

fn trust_of<'a>(folder: &Path, files: impl Iterator<Item = (String, &'a [u8])>) -> Result<PathBuf, Failure> {
    let trust = folder.join("trust");
    std::fs::create_dir_all(&trust).map_err(|error| Failure::file(&trust, &error))?;
    for (name, bytes) in files {
        write(trust.join(name), bytes)?;
    }
    Ok(trust)
}

pub(super) fn write(path: PathBuf, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(&path, bytes).map_err(|error| Failure::file(&path, &error))
}

fn find(id: &str) -> Result<&'static Fault, Failure> {
    let fault = catalogue::find(id).ok_or_else(|| list::unknown(&applets::fault::FaultError::Unknown { found: id.to_owned() }))?;
    let of_document = matches!(fault.engine, Engine::Image | Engine::Pki | Engine::List);
    if of_document && fault.state() == State::Implemented {
        return Ok(fault);
    }
    let found = format!("{} ({})", fault.state().as_str(), fault.engine);
    let failure =
        Failure::usage(format_args!("{}: expected a fault of files, signatures, or lists that is implemented, found {found}", fault.id));
    Err(if fault.engine == Engine::Chip { failure.hint("`cardwright sim --image CARD --fault ID` has any card show it") } else { failure })
}
