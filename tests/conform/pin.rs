//! The PIN under the suite of BSI TR-03105-3.3: cards whose PUK and terminals may set it, and cards whose may not.

use applets::fault::Faults;
use applets::rng::SeededRng;
use cardwright::conform::{Feature, Options, Report, Statement, Suite, Verdict};
use cardwright::session::Session;
use cardwright::terminal::pin::{self, LastTry, PinError, State};
use eid::apdu::Sw;
use eid::protocol::pace::Password;
use eid::secret::Secret;

use super::cards::{Made, profile};
use super::eac::ecdsa;
use super::own::table;

/// A card with CAN, PIN, and PUK, and version 2 of extended access control; `powers` as in a profile.
pub(crate) fn card_with_pin(powers: &str) -> String {
    let text = profile("cccd-2021").replace("[terminal_authentication]\nversion = 1", "[terminal_authentication]\nversion = 2");
    let text = text.replace("[chip_authentication]\n", "[chip_authentication]\nversion = 2\n");
    text + "\n[pin]\ndigits = 6\npuk = 10\nunblocks = 10\n" + powers
}

const CASES: [&str; 3] = ["EAC2_ISO7816_P_*", "EAC2_ISO7816_H_2", "EAC2_ISO7816_H_3"];

fn tested(made: &Made, statement: &str, strict: bool, sacrifice: bool) -> Report {
    let suite = Suite::built_in("bsi33").expect("a suite");
    let statement = Statement::parse(&format!("version = 1\n{statement}")).expect("a statement");
    let only = CASES.map(str::to_owned).to_vec();
    let options = Options { strict, only, keys: Some(ecdsa()), sacrifice, ..Options::default() };
    suite.run(&mut made.card(), &made.passwords, &statement, &options, &mut SeededRng::new(b"tester"), &mut |_| {}).expect("the card opens")
}

/// The PIN and the CAN are those of before, and have all their tries.
fn as_before(made: &Made) {
    let status = pin::status(&mut Session::new(made.fresh())).expect("a status");
    assert_eq!((status.pin, status.puk), (State::Usable(None), State::Usable(None)));
    let profile = made.profile();
    assert!([Feature::Pin, Feature::Puk, Feature::Can].iter().all(|feature| profile.has(*feature)), "{:?}", profile.remarks);
}

/// P_10, P_11, P_15, and P_17 are of cards that allow more.
#[test]
fn a_card_whose_pin_only_its_holder_changes_passes_every_case_that_applies() {
    let made = Made::managed(&card_with_pin(""), &ecdsa());
    let report = tested(&made, "", true, true);
    assert_eq!(table(&report).replace("EAC2_", ""), "ISO7816_H 2/2 ISO7816_P 17/21");
    as_before(&made);
}

/// P_12, P_13, P_16, and P_18 are of cards that allow less.
#[test]
fn a_card_whose_puk_and_terminals_set_pin_and_can_passes_every_case_that_applies() {
    let powers = "powers = [\"puk-sets-pin\", \"terminal-sets-pin\", \"terminal-sets-can\"]\n";
    let made = Made::managed(&card_with_pin(powers), &ecdsa());
    let report = tested(&made, "has = [\"CNG_PIN_PUK\", \"CNG_PIN_AR\", \"CNG_CAN_AR\"]", true, true);
    assert_eq!(table(&report).replace("EAC2_", ""), "ISO7816_H 2/2 ISO7816_P 17/21");
    as_before(&made);
}

#[test]
fn without_consent_nothing_is_changed_or_blocked_and_a_wrong_pin_is_tried_once() {
    let made = Made::managed(&card_with_pin(""), &ecdsa());
    let report = tested(&made, "", false, false);
    let passed: Vec<_> =
        report.cases.iter().filter(|result| result.verdict == Verdict::Passed).map(|result| result.case.id.as_str()).collect();
    let unit = |numbers: &[&str]| numbers.iter().map(|number| format!("EAC2_ISO7816_{number}")).collect::<Vec<_>>();
    assert_eq!(passed, unit(&["H_2", "H_3", "P_1", "P_2", "P_3", "P_4", "P_5", "P_6"]));
    as_before(&made);

    let mut other = Made::managed(&card_with_pin(""), &ecdsa());
    other.passwords.iter_mut().for_each(|password| {
        if let Password::Pin(pin) = password {
            *pin = Secret::from(&b"000000"[..]);
        }
    });
    let report = tested(&other, "", false, true);
    assert!(report.profile.remarks.iter().any(|remark| remark.contains("the PIN is not tested")), "{:?}", report.profile.remarks);
    assert!(report.cases.iter().filter(|result| result.case.unit().ends_with('P')).all(|result| result.verdict == Verdict::NotApplicable));
    let status = pin::status(&mut Session::new(other.card())).expect("a status");
    assert_eq!(status.pin, State::Usable(Some(2)));
}

/// The faults of the catalogue that are of a PIN: how it stands, what comes of changing it, and of unblocking it.
#[test]
fn what_is_wrong_with_a_pin_is_told_before_a_try_is_made() {
    let made = Made::managed(&card_with_pin(""), &ecdsa());
    let digits = |wanted: u8| {
        let found = made.passwords.iter().find_map(|password| match password {
            Password::Pin(secret) | Password::Puk(secret) if password.reference() == wanted => Some(secret.clone()),
            _ => None,
        });
        found.expect("a letter")
    };
    let (own, puk, new) = (digits(3), digits(4), Secret::from(&b"271828"[..]));
    let unusable = |state| Err(("PIN", state));
    for (fault, status, change, unblock) in [
        ("VF-EID-001", State::Suspended, Ok(()), Ok(())),
        ("VF-EID-002", State::Blocked, unusable(State::Blocked), Ok(())),
        ("VF-EID-003", State::Deactivated, unusable(State::Deactivated), Ok(())),
        ("VF-EID-004", State::Usable(None), Ok(()), Ok(())),
        ("VF-EID-005", State::Usable(None), unusable(State::Blocked), Ok(())),
        ("VF-EID-006", State::Usable(None), unusable(State::Unclear(Sw(0x6982))), Ok(())),
        ("VF-EID-008", State::Usable(None), Ok(()), Err(Sw(0x6983))),
    ] {
        let faulty = || {
            let mut card = made.fresh();
            card.set_faults(&Faults::named(&[fault]).expect("a fault"));
            Session::new(card)
        };
        let rng = &mut SeededRng::new(b"holder");
        assert_eq!(pin::status(&mut faulty()).expect("a status").pin, status, "{fault}");
        let mut session = faulty();
        // a fault of the first answer only is over by then
        let _ = pin::status(&mut session);
        let changed = pin::change(&mut session, (&own, None), &new, LastTry::Keep, rng).map_err(|error| match error {
            PinError::State { password, state, .. } => (password, state),
            other => panic!("{fault}: {other}"),
        });
        assert_eq!(changed, change, "{fault}");
        let unblocked = pin::unblock(&mut faulty(), &puk, None, LastTry::Keep, rng).map_err(|error| match error {
            PinError::Refused { sw, .. } => sw,
            other => panic!("{fault}: {other}"),
        });
        assert_eq!(unblocked, unblock, "{fault}");
    }
}
