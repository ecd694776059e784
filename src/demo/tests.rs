use applets::rng::SeededRng;

use super::*;

fn options(out: &Path, cards: u32, slots: usize) -> DemoOptions {
    let today = Date::new(2026, 11, 21).expect("a day");
    DemoOptions { cards, slots: vec![Slot::InProcess; slots], out: out.to_owned(), seed: 1, profile: "cccd-2021".to_owned(), today }
}

#[test]
fn every_card_of_the_demo_is_personalized_verified_and_genuine() {
    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path().join("D");
    let finished = AtomicU32::new(0);
    let told = Mutex::new(String::new());
    let tell = |event: Event<'_>| {
        told.lock().expect("no panic").push_str(&format!("{event:?}"));
        if let Event::Card(result) = event {
            assert_eq!(result.error, None);
            finished.fetch_add(1, Ordering::Relaxed);
        }
    };
    let summary = run(&options(&out, 5, 2), &mut SeededRng::new(b"demo"), &tell).expect("a demo");
    assert_eq!((summary.cards, summary.personalized, summary.verified, summary.genuine, summary.failures.len()), (5, 5, 5, 5, 0));
    assert_eq!((finished.load(Ordering::Relaxed), summary.readers), (5, 2));
    let json = serde_json::to_string(&summary).expect("JSON");
    assert!(json.starts_with(r#"{"cards":5,"personalized":5,"verified":5,"genuine":5,"#), "{json}");
    for path in
        ["pki/csca.cer", "pki/ds.cer", "cards/0001.card", "cards/0005.card", "lds/0003/EF.COM", "lds/0003/EF.SOD", "lds/0003/EF.DG13"]
    {
        assert!(out.join(path).is_file(), "{path}");
    }
    let report = std::fs::read_to_string(out.join("reports/0002.json")).expect("a report");
    assert!(report.contains(r#""verdict": "genuine""#));
    // The people file is a list of records that `perso build` takes, with CAN and MRZ.
    let text = std::fs::read_to_string(out.join("people.json")).expect("people");
    let profile = DocumentProfile::load("cccd-2021").expect("built in");
    let today = Date::new(2026, 11, 21).expect("a day");
    let mut load = |name: &str| std::fs::read(out.join(name)).map_err(|error| error.to_string());
    let records = crate::perso::record::read("people.json", &text, &profile, today, &mut load).expect("valid");
    assert_eq!(records.len(), 5);
    let list: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(
        list.as_array()
            .expect("a list")
            .iter()
            .all(|person| person["can"].is_string() && person["mrz"].as_array().map(Vec::len) == Some(3))
    );
}

#[test]
fn options_that_cannot_be_are_refused_before_anything_is_made() {
    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path().join("D");
    let error = |options: &DemoOptions| run(options, &mut SeededRng::new(b"demo"), &|_| {}).expect_err("refused").to_string();
    assert_eq!(error(&options(&out, 0, 1)), "cards: expected 1 to 1000000, found 0");
    assert_eq!(error(&options(&out, 1, 0)), "readers: expected at least one, found none");
    assert!(!out.exists());
    std::fs::write(directory.path().join("file"), b"x").expect("written");
    assert!(error(&options(directory.path(), 1, 1)).starts_with("out: expected an empty or new directory, found "));
}
