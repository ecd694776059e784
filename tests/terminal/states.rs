//! Documents as those of states are, generated from the table of personalities: files and chip together, genuine, and every oddity in the ledger.

use std::collections::BTreeSet;

use applets::Card;
use applets::fault::Faults;
use applets::fault::personality::{self, Personality};
use applets::rng::SeededRng;
use applets::store::nvm::{Nvm as _, RamNvm};
use cardwright::Verifier;
use cardwright::faulty;
use cardwright::terminal::report::Report;
use cardwright::terminal::{Verdict, mrz};
use eid::cert::crl::Crl;
use eid::cert::trust::TrustStore;
use eid::mrz::Mrz;
use eid::protocol::pace::Password;

use super::document::today;
use super::personalize::personalized;
use super::rng;

/// The inspection of a document of that state, first with the habits of its chip, then of any chip.
fn inspect(one: &Personality) -> [Report; 2] {
    let made = faulty::like(one, today(), 1).unwrap_or_else(|error| panic!("{}: {error}", one.id));
    let mut trust = TrustStore::new();
    for bytes in &made.anchors {
        trust.add(bytes).expect("a CSCA");
    }
    for bytes in &made.lists {
        trust.insert_crl(Crl::from_der(bytes).expect("a revocation list"));
    }
    let printed = Mrz::read(&made.printed).expect("an MRZ").0;
    let passwords = match &made.image.passwords.can {
        Some(can) => vec![Password::Can(can.clone())],
        None => vec![mrz(&printed)],
    };
    let cells = personalized(&made.image).into_nvm().cells().to_vec();
    let verifier = Verifier::new(trust);
    [Faults::default().behaving_as(one.id).expect("a personality"), Faults::default()].map(|faults| {
        let mut card = Card::boot(RamNvm::from_cells(cells.clone()), Box::new(SeededRng::new(b"boot"))).expect("the card boots");
        card.set_faults(&faults);
        let mut inspection = verifier.inspect(&mut card, &passwords, today(), &mut rng()).expect("the card is there");
        verifier.compare_page(&mut inspection, &printed);
        inspection.report
    })
}

#[test]
fn documents_as_those_of_a_state_are_genuine_and_their_oddities_are_noted() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for one in personality::all().iter().filter(|one| one.has_documents()) {
        count += 1;
        let marks: BTreeSet<&str> = one.marks().collect();
        let both: BTreeSet<&str> = one.notes().collect();
        for (report, expected) in inspect(one).iter().zip([both, marks]) {
            let noted: BTreeSet<&str> = report.quirks.iter().map(|quirk| quirk.rule).collect();
            if report.verdict != Verdict::Genuine || noted != expected {
                wrong.push(format!("{}: expected {expected:?}, found {noted:?}:\n{}", one.id, report.to_text(Default::default())));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(count, 13);
}
