//! Cards to be tested: personalized by the demo from a document profile, each with its passwords.

use std::path::PathBuf;

use applets::Card;
use applets::rng::SeededRng;
use applets::store::nvm::RamNvm;
use cardwright::conform::{Options, Profile, Report, Statement, Suite, TestKeys};
use cardwright::demo::{self, DemoOptions, Slot};
use cardwright::perso::build::trust_points;
use cardwright::terminal::{can, mrz};
use eid::cert::cvc::{TrustPoint, TrustPoints};
use eid::date::Date;
use eid::mrz::Mrz;
use eid::protocol::pace::Password;
use eid::secret::Secret;
use eid::transport::Transport;

/// The day of the demo.
pub(crate) fn today() -> Date {
    "2026-11-21".parse().expect("a date")
}

/// A card of the demo, in a folder that lives as long as this.
pub(crate) struct Made {
    folder: tempfile::TempDir,
    /// CAN, where the card has one, and MRZ; PIN and PUK, where it has these.
    pub(crate) passwords: Vec<Password>,
}

/// The text of a built-in profile.
pub(crate) fn profile(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/profiles").join(name).with_extension("toml");
    std::fs::read_to_string(path).expect("a profile")
}

impl Made {
    /// One card with the document profile of `text`, whose guarded data groups open to nobody.
    pub(crate) fn new(text: &str) -> Self {
        Self::trusting(text, None)
    }

    /// The same card, made on the first day of a test CVCA that it trusts.
    pub(crate) fn guarded(text: &str, keys: &TestKeys) -> Self {
        // a card with the eID application knows authentication terminals too
        let other = keys.authentication_cvca().filter(|_| text.contains("[eid]"));
        let certificates: Vec<_> = std::iter::once(keys.cvca()).chain(other).cloned().collect();
        Self::trusting(text, Some(trust_points(&certificates, today()).expect("CVCAs")))
    }

    /// One that trusts the CVCA for authentication terminals too, as its PIN is managed by such.
    pub(crate) fn managed(text: &str, keys: &TestKeys) -> Self {
        let other = keys.authentication_cvca().expect("a CVCA for authentication terminals").clone();
        let points = [keys.cvca().clone(), other].map(|cvca| TrustPoint::of_cvca(&cvca).expect("a CVCA"));
        Self::trusting(text, Some(TrustPoints::new(points.to_vec(), today()).expect("two")))
    }

    fn trusting(text: &str, trust: Option<TrustPoints>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (out, profile) = (folder.path().join("demo"), folder.path().join("profile.toml"));
        std::fs::write(&profile, text).expect("written");
        let profile = profile.display().to_string();
        let slots = vec![Slot::InProcess];
        let options = DemoOptions { cards: 1, slots, out: out.clone(), seed: 1, profile, today: today(), token: None, trust };
        demo::run(&options, &mut SeededRng::new(b"conform"), &|_| {}).expect("a demo");
        let people: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("people.json")).expect("people")).expect("JSON");
        let person = &people[0];
        let lines: String = person["mrz"].as_array().expect("lines").iter().filter_map(|line| line.as_str()).collect();
        let zone = Mrz::parse(&lines).expect("an MRZ");
        let printed = person["can"].as_str().filter(|digits| !digits.is_empty()).map(can);
        let letter = |extension: &str| std::fs::read(out.join("letters/0001").with_extension(extension)).ok();
        let secret = |text: Vec<u8>| Secret::from(text.trim_ascii_end());
        let pin = letter("pin").map(|text| Password::Pin(secret(text)));
        let puk = letter("puk").map(|text| Password::Puk(secret(text)));
        Self { passwords: printed.into_iter().chain([mrz(&zone)]).chain(pin).chain(puk).collect(), folder }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("demo/cards/0001.card")
    }

    /// What the good card offers.
    pub(crate) fn profile(&self) -> Profile {
        Profile::read(&mut self.card(), &self.passwords, &Statement::default(), &mut SeededRng::new(b"profile")).expect("the card opens")
    }

    /// The card as its file has it, in memory of its own: the file does not keep what becomes of it.
    pub(crate) fn fresh(&self) -> Card {
        let memory = std::fs::read(self.file()).expect("a card");
        Card::boot(RamNvm::from_cells(memory), Box::new(SeededRng::new(b"chip"))).expect("a card")
    }

    /// The card in process.
    pub(crate) fn card(&self) -> Card {
        Card::open(&self.file(), Box::new(SeededRng::new(b"chip"))).expect("a card")
    }
}

/// Runs cases of the ICAO suite against a card; `only` as on the command line, all if it is empty.
pub(crate) fn run(card: &mut dyn Transport, passwords: &[Password], only: &[&str], strict: bool) -> Report {
    run_stated(card, passwords, &Statement::default(), only, strict)
}

/// The same with an implementation conformance statement.
pub(crate) fn run_stated(card: &mut dyn Transport, passwords: &[Password], statement: &Statement, only: &[&str], strict: bool) -> Report {
    let suite = Suite::built_in("icao3").expect("a suite");
    suite.run(card, passwords, statement, &options(only, strict), &mut SeededRng::new(b"tester"), &mut |_| {}).expect("the card opens")
}

fn options(only: &[&str], strict: bool) -> Options {
    Options { strict, only: only.iter().map(|id| (*id).to_owned()).collect(), ..Options::default() }
}

/// Runs cases against a card that is too bad to be read first: with the profile of a good one.
pub(crate) fn run_known(card: &mut dyn Transport, profile: &Profile, passwords: &[Password], only: &[&str], strict: bool) -> Report {
    let suite = Suite::built_in("icao3").expect("a suite");
    suite.run_on(profile.clone(), card, passwords, &options(only, strict), &mut SeededRng::new(b"tester"), &mut |_| {})
}
