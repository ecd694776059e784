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
use eid::lds::com::Com;
use eid::lds::security_info::{Agreement, Mapping, PaceProtocol};
use eid::protocol::pace::Password;
use eid::tlv;
use eid::transport::TransportError;

use super::combinations::{AUTHORITY, Access, Active, ChipAuth, Extended, Kind, STATES};
use super::document::{self, CAN, dg, today};
use super::personalize::personalized;
use super::rng;

/// A kind of card, and the terminal before it.
struct Setup {
    cells: Vec<u8>,
    kind: Kind,
    passwords: Vec<Password>,
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
        let known = ["bac", "mrz", "im", "cam", "dh", "pa", "rsa", "rsa-4096", "sha1", "ta", "dg4", "large", "ca-dh", "ca-3des"];
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
            extended: if has("ta") { Extended::One } else { Extended::ChipOnly },
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
        if has("large") {
            image.files.insert(dg(2), document::portrait(40_000));
        }
        if has("dg4") {
            image.files.insert(dg(4), tlv::encode(0x76, &[0xF2; 300]));
        }
        let numbers: Vec<u8> = image.files.keys().filter_map(|file| file.dg_number()).collect();
        image.files.insert(FileId::COM, Com::new(numbers).encode());
        AUTHORITY.sign(&mut image);
        if kind.guards() {
            guard(&mut image, trust_points(&[STATES[0].root()], today()).expect("a CVCA"));
        }
        let cells = personalized(&image).into_nvm().cells().to_vec();
        let passwords = if has("bac") || has("mrz") { vec![mrz(&document::mrz())] } else { vec![can(CAN)] };
        let mut setup = Self { cells, kind, passwords, failing: BTreeSet::new() };
        let strict = setup.inspect(&Faults::default()).0.expect("the card is there").report;
        assert_eq!(strict.verdict, Verdict::Genuine, "{needs:?}: {}", strict.to_text(Default::default()));
        setup.failing = failed(&strict);
        setup
    }

    /// What the inspection gives, and how often each fault was shown.
    fn inspect(&self, faults: &Faults) -> (Result<Inspection, TransportError>, Vec<(String, u32)>) {
        let verifier = Verifier::new(AUTHORITY.trust());
        let rights = [Chat::READ_DG3, Chat::READ_DG4];
        // where fingerprints are asked for, a terminal that is refused has not done its work
        let verifier = if self.kind.guards() {
            verifier.with_terminal(STATES[0].credentials(&rights)).with_policy(StandardPolicy::requiring([Requirement::Ta]))
        } else {
            verifier
        };
        let nvm = RamNvm::from_cells(self.cells.clone());
        let mut card = Card::boot(nvm, Box::new(SeededRng::new(b"boot"))).expect("the card boots");
        card.set_faults(faults);
        let inspection = verifier.inspect(&mut card, &self.passwords, today(), &mut rng());
        (inspection, card.faults_shown())
    }
}

/// A row of the printed table, and what is not as the catalogue says.
struct Outcome {
    line: String,
    wrong: Vec<String>,
}

fn failed(report: &Report) -> BTreeSet<String> {
    let failed = report.findings.iter().filter(|finding| finding.outcome.as_str() == "failed");
    failed.map(|finding| finding.id().to_owned()).collect()
}

fn judge(fault: &Fault) -> Outcome {
    let setup = setup(fault.needs());
    let faults = Faults::named(&[fault.id]).expect("an implemented fault");
    let (inspection, shown) = setup.inspect(&faults);
    let shown: u32 = shown.iter().map(|(_, times)| times).sum();
    let expected: Vec<_> = fault.findings().collect();
    let mut wrong = Vec::new();
    let (verdict, new) = match &inspection {
        Err(error) => {
            if !expected.iter().any(|expected| expected.result == "gone") {
                wrong.push(format!("no report: {error}"));
            }
            ("gone".to_owned(), BTreeSet::new())
        }
        Ok(inspection) => {
            let report = &inspection.report;
            let says = |check: &str, result: &str, reason: &str| {
                report.findings.iter().filter(|finding| finding.id() == check && finding.outcome.as_str() == result).any(|finding| {
                    let code = finding.reason.as_ref().map_or("", |reason| reason.code);
                    reason.is_empty() || code == reason
                })
            };
            for expected in &expected {
                let seen = match expected.result {
                    "quirk" => report.quirks.iter().any(|quirk| quirk.rule == expected.check),
                    result => says(expected.check, result, expected.reason),
                };
                if !seen {
                    let found = report.finding(expected.check).map(|finding| {
                        format!("{} {}", finding.outcome.as_str(), finding.reason.as_ref().map_or("", |reason| reason.code))
                    });
                    wrong.push(format!("{} {} {}: found {found:?}", expected.check, expected.result, expected.reason));
                }
            }
            let named: BTreeSet<String> =
                expected.iter().filter(|expected| expected.result == "failed").map(|expected| expected.check.to_owned()).collect();
            let new: BTreeSet<String> = failed(report).difference(&setup.failing).cloned().collect();
            if new != named {
                wrong.push(format!("failed: {new:?}, the manifest names {named:?}"));
            }
            let genuine = report.verdict == Verdict::Genuine;
            let right = match fault.verdict.split([':', ' ']).next().unwrap_or_default() {
                "REJECT" => !genuine,
                "ACCEPT" | "LIMITED" => genuine,
                _ => true,
            };
            if !right {
                wrong.push(format!("verdict {}, expected {}", report.verdict.as_str(), fault.verdict));
            }
            (report.verdict.as_str().to_owned(), new)
        }
    };
    // what nobody asks for is not shown; that must not hide behind a finding
    if shown == 0 && fault.injection != "-" && !(expected.is_empty() && matches!(fault.verdict, "ACCEPT" | "EITHER")) {
        wrong.push("never shown".to_owned());
    }
    if expected.is_empty() && matches!(fault.verdict, "REJECT" | "WARN" | "LIMITED") && fault.note.is_empty() {
        wrong.push("nothing is found, and no note says why".to_owned());
    }
    let found: Vec<_> =
        if expected.is_empty() { vec!["-".to_owned()] } else { expected.iter().map(|e| format!("{} {}", e.check, e.result)).collect() };
    let line = format!(
        "{:<11} {:<8} {:<13} {:>3}x  {}{}",
        fault.id,
        fault.verdict,
        verdict,
        shown,
        found.join(", "),
        if new.is_empty() { "" } else { " *" }
    );
    Outcome { line, wrong }
}

fn implemented() -> impl Iterator<Item = &'static Fault> {
    catalogue::all().iter().filter(|fault| fault.engine == Engine::Chip && fault.state() == State::Implemented)
}

fn assert_all<'a>(faults: impl Iterator<Item = &'a Fault>) -> usize {
    println!("{:<11} {:<8} {:<13}       finding (* = a check fails that passed without the fault)", "fault", "expected", "verdict");
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
fn every_fault_gives_the_finding_that_the_catalogue_names() {
    assert_eq!(assert_all(implemented()), 138);
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
