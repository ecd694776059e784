//! The catalogue of faults against our own inspection, generated from the table: a card for each row, the same card without the fault beside it.
//!
//! The inspection finds exactly what the row names. Nothing else fails that did not fail without the fault, what a failure left unread aside. The
//! verdict is the one that a correct inspection system gives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex};

use applets::Card;
use applets::fault::Faults;
use applets::fault::catalogue::{self, Engine, Fault, State};
use applets::fault::personality;
use applets::rng::SeededRng;
use applets::store::nvm::{Nvm as _, RamNvm};
use cardwright::Verifier;
use cardwright::perso::build::{guard, trust_points};
use cardwright::terminal::report::Report;
use cardwright::terminal::{Inspection, Requirement, StandardPolicy, Verdict, can, mrz};
use eid::cert::chat::Chat;
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::image::FileId;
use eid::lds::Elementary as _;
use eid::lds::biometrics::iris::{self, IrisRecord};
use eid::lds::com::Com;
use eid::lds::dg4::Dg4;
use eid::lds::security_info::{Agreement, Mapping, PaceProtocol};
use eid::protocol::pace::Password;
use eid::secret::Secret;
use eid::transport::TransportError;

use super::combinations::{AUTHORITY, Access, Active, ChipAuth, Extended, Kind, STATES};
use super::document::{self, CAN, dg, today};
use super::eid_application;
use super::manifest::{differences, failed, sample, told};
use super::personalize::personalized;
use super::rng;

const PIN: &[u8] = b"654321";

/// A kind of card, and the terminal before it.
struct Setup {
    cells: Vec<u8>,
    kind: Kind,
    passwords: Vec<Password>,
    /// What is found without a fault.
    right: Report,
    /// The checks that fail without a fault.
    failing: BTreeSet<String>,
}

/// Cards by what is needed of them: each is made once.
static SETUPS: LazyLock<Mutex<BTreeMap<String, Arc<Setup>>>> = LazyLock::new(Mutex::default);

fn setup(needs: impl Iterator<Item = &'static str>) -> Arc<Setup> {
    let needs: BTreeSet<&str> = needs.collect();
    let name = needs.iter().copied().collect::<Vec<_>>().join(" ");
    if let Some(setup) = SETUPS.lock().expect("nobody panicked in it").get(&name) {
        return Arc::clone(setup);
    }
    let setup = Arc::new(Setup::new(&needs));
    SETUPS.lock().expect("nobody panicked in it").insert(name, Arc::clone(&setup));
    setup
}

impl Setup {
    fn new(needs: &BTreeSet<&str>) -> Self {
        let has = |word| needs.contains(word);
        let known =
            ["bac", "mrz", "im", "cam", "dh", "pa", "rsa", "rsa-4096", "sha1", "ta", "dg4", "large", "ca-dh", "ca-3des", "ta2", "pin"];
        assert!(needs.iter().all(|word| known.contains(word)), "{needs:?}");
        let mapping = match (has("im"), has("cam")) {
            (true, _) => Mapping::Integrated,
            (_, true) => Mapping::ChipAuthentication,
            _ => Mapping::Generic,
        };
        let (agreement, domain) = if has("dh") { (Agreement::Dh, 0) } else { (Agreement::Ecdh, 13) };
        let protocol = PaceProtocol::new(mapping, agreement, Suite::Aes128).expect("a protocol");
        let chip_auth = ChipAuth {
            domain: if has("ca-dh") { 1 } else { 13 },
            suite: if has("ca-3des") { Suite::TripleDes } else { Suite::Aes128 },
            extended: match (has("ta"), has("ta2")) {
                (true, _) => Extended::One,
                (_, true) => Extended::General,
                _ => Extended::ChipOnly,
            },
        };
        let active_auth = match (has("rsa"), has("rsa-4096"), has("sha1")) {
            (true, ..) => Active::Rsa(2048),
            (_, true, _) => Active::Rsa(4096),
            (.., true) => Active::Ec(Curve::P256, Hash::Sha1),
            _ => Active::Ec(Curve::P256, Hash::Sha256),
        };
        let kind = Kind {
            access: if has("bac") { Access::Bac } else { Access::Pace { by_can: !has("mrz"), protocol, domain } },
            chip_auth: (!has("pa")).then_some(chip_auth),
            active_auth: (!has("pa")).then_some(active_auth),
        };
        let mut image = kind.unsigned(7);
        if has("pin") {
            image.passwords.pin = Some(Secret::from(PIN));
        }
        if has("large") {
            image.files.insert(dg(2), document::portrait(40_000));
        }
        if has("dg4") {
            image.files.insert(dg(4), eye());
        }
        let numbers: Vec<u8> = image.files.keys().filter_map(|file| file.dg_number()).collect();
        image.files.insert(FileId::COM, Com::new(numbers).encode());
        AUTHORITY.sign(&mut image);
        if kind.guards() {
            guard(&mut image, trust_points(&[STATES[0].root()], today()).expect("a CVCA"));
        }
        let cells = personalized(&image).into_nvm().cells().to_vec();
        let passwords = if has("pin") {
            vec![Password::Pin(Secret::from(PIN)), can(CAN)]
        } else if has("bac") || has("mrz") {
            vec![mrz(&document::mrz())]
        } else {
            vec![can(CAN)]
        };
        let strict = inspect(&cells, &kind, &passwords, &Faults::default()).0.expect("the card is there").report;
        assert_eq!(strict.verdict, Verdict::Genuine, "{needs:?}: {}", strict.to_text(Default::default()));
        Self { cells, kind, passwords, failing: failed(&strict), right: strict }
    }

    fn inspect(&self, faults: &Faults) -> (Result<Inspection, TransportError>, Vec<(String, u32)>) {
        inspect(&self.cells, &self.kind, &self.passwords, faults)
    }
}

/// EF.DG4 with one eye: the head of a grey JPEG, and something for its data.
fn eye() -> Vec<u8> {
    let head = [0xFF, 0xD8, 0xFF, 0xC0, 0x00, 0x0B, 0x08, 0x01, 0xE0, 0x02, 0x80, 0x01, 0x01, 0x11, 0x00];
    let image = head.into_iter().chain([0xF2; 200]).collect();
    Dg4::new([IrisRecord::one(1, iris::format::GREY_JPEG, 640, 480, image)]).encode()
}

/// What the inspection gives, and how often each fault was shown.
fn inspect(cells: &[u8], kind: &Kind, passwords: &[Password], faults: &Faults) -> (Result<Inspection, TransportError>, Vec<(String, u32)>) {
    let verifier = Verifier::new(AUTHORITY.trust());
    let rights = [Chat::READ_DG3, Chat::READ_DG4];
    // where fingerprints are asked for, a terminal that is refused has not done its work
    let verifier = if kind.guards() {
        verifier.with_terminal(STATES[0].credentials(&rights)).with_policy(StandardPolicy::requiring([Requirement::Ta]))
    } else {
        verifier
    };
    let nvm = RamNvm::from_cells(cells.to_vec());
    let mut card = Card::boot(nvm, Box::new(SeededRng::new(b"boot"))).expect("the card boots");
    card.set_faults(faults);
    let inspection = verifier.inspect(&mut card, passwords, today(), &mut rng());
    (inspection, card.faults_shown())
}

/// A row of the printed table, and what is not as the catalogue says.
pub(super) struct Outcome {
    pub(super) line: String,
    pub(super) wrong: Vec<String>,
}

fn judge(fault: &Fault) -> Outcome {
    if fault.needs().any(|word| word == "eid") {
        return eid_application::judge(fault);
    }
    let setup = setup(fault.needs());
    let faults = Faults::named(&[fault.id]).expect("an implemented fault");
    let (inspection, shown) = setup.inspect(&faults);
    let shown: u32 = shown.iter().map(|(_, times)| times).sum();
    let expected: Vec<_> = fault.findings().collect();
    let mut wrong = Vec::new();
    let (verdict, told) = match &inspection {
        Err(error) => {
            if !expected.iter().any(|expected| expected.result == "gone") {
                wrong.push(format!("no report: {error}"));
            }
            ("gone".to_owned(), "the card does not answer".to_owned())
        }
        Ok(inspection) => {
            let report = &inspection.report;
            wrong.extend(differences(fault, report, &setup.failing));
            (report.verdict.as_str().to_owned(), told(report, &setup.right))
        }
    };
    // what nobody asks for is not shown; that must not hide behind a finding
    if shown == 0 && fault.injection != "-" && !(expected.is_empty() && matches!(fault.verdict, "ACCEPT" | "EITHER")) {
        wrong.push("never shown".to_owned());
    }
    let line = format!("{:<11} {:<8} {:<14} {shown:>3}x  {told}", fault.id, fault.verdict, verdict);
    Outcome { line, wrong }
}

fn implemented() -> impl Iterator<Item = &'static Fault> {
    catalogue::all().iter().filter(|fault| fault.engine == Engine::Chip && fault.state() == State::Implemented)
}

fn assert_all<'a>(faults: impl IntoIterator<Item = &'a Fault>) -> usize {
    println!(
        "{:<11} {:<8} {:<14} shown  what the checks say that they do not say without the fault (*: fails)",
        "fault", "expected", "verdict"
    );
    let (mut wrong, mut count) = (Vec::new(), 0);
    for fault in faults {
        let outcome = judge(fault);
        println!("{}", outcome.line);
        count += 1;
        if !outcome.wrong.is_empty() {
            wrong.push(format!("{} ({}): {}", fault.id, fault.fault, outcome.wrong.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    count
}

#[test]
fn a_tenth_of_the_faults_of_the_chip_gives_the_findings_that_the_catalogue_names() {
    assert!(assert_all(sample(implemented())) > 20);
}

/// All of them. `make soak`.
#[test]
#[ignore = "minutes; make soak runs it"]
fn every_fault_of_the_chip_gives_the_findings_that_the_catalogue_names() {
    assert_eq!(assert_all(implemented()), 159);
}

#[test]
fn cards_that_behave_as_those_of_a_state_are_genuine_and_their_habits_are_noted() {
    let mut wrong = Vec::new();
    for one in personality::all() {
        let faults = Faults::default().behaving_as(one.id).expect("a personality");
        let report = setup(one.needs()).inspect(&faults).0.expect("the card is there").report;
        let noted: BTreeSet<&str> = report.quirks.iter().map(|quirk| quirk.rule).collect();
        if report.verdict != Verdict::Genuine || noted != one.shows().collect() {
            wrong.push(format!("{}: expected {:?}:\n{}", one.id, one.shows().collect::<Vec<_>>(), report.to_text(Default::default())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each forgery of a protected answer at each moment of a session. `make soak`.
#[test]
#[ignore = "minutes; make soak runs it"]
fn no_forgery_is_passed_over_at_any_moment() {
    let mut sessions = 0;
    // an answer without data is one that the card has a right to; it is asked again for less
    for fault in implemented().filter(|fault| fault.group() == "SM" && fault.verdict == "REJECT" && fault.id != "VF-SM-003") {
        let setup = setup(fault.needs());
        let anywhere = fault.injection.replace("(DG2)", "").replace("(COM)", "");
        let anywhere = anywhere.split('@').next().unwrap_or_default();
        // before the second answer there is none that could come again
        for n in 2..120 {
            let faults = Faults::injected(&format!("{anywhere}@{n}")).expect("an injection");
            let (inspection, shown) = setup.inspect(&faults);
            if shown.iter().all(|(_, times)| *times == 0) {
                break;
            }
            let report = inspection.expect("the card is there").report;
            assert_ne!(report.verdict, Verdict::Genuine, "{} at {n}: {}", fault.id, report.to_text(Default::default()));
            sessions += 1;
        }
    }
    assert!(sessions > 300, "{sessions}");
}
