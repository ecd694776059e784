use applets::rng::SeededRng;

use super::*;
use crate::line::memory::MemoryStore;

const NOW: Moment = 1_790_000_000;

fn pass_phrase(text: &str) -> Secret {
    Secret::from(text.as_bytes())
}

/// A store with `anna` and `binh`, both supervisors.
fn store() -> MemoryStore {
    let mut store = MemoryStore::new();
    for name in ["anna", "binh"] {
        let roles = [Role::Supervisor];
        let user = User::new(name, &roles, &pass_phrase("correct horse battery"), &mut SeededRng::new(name.as_bytes())).expect("user");
        let note = Note { time: NOW, actors: vec![], event: "user-added".to_owned(), subjects: vec![], detail: String::new() };
        store.put_user(&user, None, &note).expect("user");
    }
    store
}

fn login(name: &str, roles: &[Role], time: Moment) -> Login {
    Login { name: name.to_owned(), roles: roles.iter().copied().collect(), time }
}

/// The example of passlib's documentation (passlib.hash.scrypt), made by other hands.
#[test]
fn a_hash_that_another_program_made_is_matched() {
    let hash = "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E";
    assert!(matches(&pass_phrase("password"), hash).expect("hash"));
    assert!(!matches(&pass_phrase("passwore"), hash).expect("hash"));
}

#[test]
fn a_hash_that_would_cost_too_much_is_not_computed() {
    let salt = "aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E";
    for cost in ["ln=24,r=8,p=1", "ln=63,r=8,p=1", "ln=16,r=4000000,p=1", "ln=10,r=8,p=17"] {
        let result = matches(&pass_phrase("password"), &format!("$scrypt${cost}${salt}"));
        assert!(matches!(result, Err(UserError::Hash(_))), "{cost}");
    }
}

#[test]
fn a_pass_phrase_opens_and_another_one_does_not() {
    let mut store = store();
    let login = log_in(&mut store, "anna", &pass_phrase("correct horse battery"), NOW).expect("log-in");
    assert!(login.name() == "anna" && login.has(Role::Supervisor) && !login.has(Role::Auditor));
    let wrong = log_in(&mut store, "anna", &pass_phrase("correct horse batterie"), NOW).expect_err("wrong");
    let unknown = log_in(&mut store, "chi", &pass_phrase("correct horse battery"), NOW).expect_err("unknown");
    assert!(matches!((&wrong, &unknown), (UserError::Denied { .. }, UserError::Denied { .. })));
    assert_eq!(wrong.to_string().replace("anna", "chi"), unknown.to_string(), "nobody learns who is a user");
    assert!(!format!("{:?}", store.users().expect("users")).contains("scrypt"), "no hash in what is printed");
}

#[test]
fn five_wrong_pass_phrases_close_the_door_for_a_quarter_of_an_hour() {
    let mut store = store();
    for _ in 0..5 {
        assert!(matches!(log_in(&mut store, "anna", &pass_phrase("wrong"), NOW), Err(UserError::Denied { .. })));
    }
    let right = pass_phrase("correct horse battery");
    assert!(matches!(log_in(&mut store, "anna", &right, NOW + 899), Err(UserError::Locked { until, .. }) if until == NOW + 900));
    log_in(&mut store, "binh", &right, NOW).expect("others are not concerned");
    log_in(&mut store, "anna", &right, NOW + 900).expect("after a quarter of an hour");
    assert_eq!(store.users().expect("users")[0].failures, 0);
    let events: Vec<_> = store.entries("site", 0, 10).expect("entries").into_iter().map(|entry| entry.note.event).collect();
    assert_eq!(events, ["user-added", "user-added", "user-locked"]);
}

#[test]
fn two_persons_are_different_fresh_and_have_the_roles_of_the_action() {
    let (supervisor, operator) = (login("anna", &[Role::Supervisor], NOW), login("binh", &[Role::Operator], NOW));
    let action = Action::ReleaseBatch;
    for (first, second) in [(&supervisor, &operator), (&operator, &supervisor)] {
        let two = TwoPersons::new(action, first, second, NOW + 300).expect("two persons");
        assert!(two.is_fresh(NOW + 300) && !two.is_fresh(NOW + 301) && !two.is_fresh(NOW - 1));
    }
    assert!(matches!(TwoPersons::new(action, &supervisor, &supervisor, NOW), Err(UserError::Same { .. })));
    assert!(matches!(TwoPersons::new(action, &supervisor, &operator, NOW + 301), Err(UserError::Old { seconds: 301, .. })));
    assert!(matches!(TwoPersons::new(action, &supervisor, &operator, NOW - 1), Err(UserError::Old { .. })), "a clock that went back");
    let second_operator = login("chi", &[Role::Operator], NOW);
    let error = TwoPersons::new(action, &operator, &second_operator, NOW).expect_err("no supervisor");
    assert_eq!(
        error.to_string(),
        "release-batch: expected supervisor and operator or supervisor, found binh (operator) and chi (operator)"
    );
    let two = TwoPersons::new(Action::Scrap, &operator, &second_operator, NOW).expect("the scrap desk");
    assert_eq!((two.names(), two.action()), (&["binh".to_owned(), "chi".to_owned()], Action::Scrap));
    // one person's two roles are one person's
    let both = login("dung", &[Role::KeyCustodian, Role::Supervisor], NOW);
    assert!(matches!(TwoPersons::new(Action::ImportKey, &both, &supervisor, NOW), Err(UserError::Roles { .. })));
}

#[test]
fn names_that_could_be_mistaken_and_short_pass_phrases_are_refused() {
    let mut random = SeededRng::new(b"names");
    for name in ["", "Anna", "anna ", "аnna", "1anna", "-", "anna\u{200b}", &"a".repeat(33)] {
        let user = User::new(name, &[], &pass_phrase("correct horse battery"), &mut random);
        assert!(matches!(user, Err(UserError::Name { .. })), "{name:?}");
    }
    assert!(matches!(User::new("anna", &[], &pass_phrase("eleven byte"), &mut random), Err(UserError::PassPhrase { found: 11 })));
}
