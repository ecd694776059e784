use applets::rng::SeededRng;
use eid::face_qr::FaceQr;
use eid::lds::Elementary as _;
use eid::lds::dg13::Dg13;
use eid::protocol::finding::Outcome;

use super::*;
use crate::terminal::Verdict;

fn options(out: &Path, cards: u32, slots: usize) -> DemoOptions {
    let today = Date::new(2026, 11, 21).expect("a day");
    DemoOptions {
        cards,
        slots: vec![Slot::InProcess; slots],
        out: out.to_owned(),
        seed: 1,
        profile: "cccd-2021".to_owned(),
        today,
        token: None,
        trust: None,
    }
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

/// The card of 2024: genuine end to end, with fields of DG13 left empty, and its printed QR text is that of the chip and of no other.
#[test]
fn a_card_of_2024_is_genuine_and_its_qr_text_is_its_own() {
    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path().join("D");
    let options = DemoOptions { profile: "can-cuoc-2024".to_owned(), ..options(&out, 2, 1) };
    let summary = run(&options, &mut SeededRng::new(b"demo"), &|_| {}).expect("a demo");
    assert_eq!((summary.cards, summary.verified, summary.genuine), (2, 2, 2), "{:?}", summary.failures);
    let read = |name: &str| std::fs::read(out.join(name)).expect("a file");
    let dg13 = Dg13::parse(&read("lds/0001/EF.DG13")).expect("DG13");
    assert_eq!((dg13.text(6), dg13.text(11), dg13.text(14)), (Some(String::new()), Some(String::new()), None));
    let mut trust = TrustStore::new();
    trust.add(&read("pki/csca.cer")).expect("an anchor");
    let verifier = Verifier::new(trust);
    let lds = |n: u32| {
        let folder = crate::terminal::evidence::folder::Folder::read(&out.join(format!("lds/{n:04}"))).expect("files");
        verifier.judge_files(folder.files, options.today)
    };
    for (chip, printed, verdict) in [(1, 1, Verdict::Genuine), (2, 2, Verdict::Genuine), (1, 2, Verdict::NotGenuine)] {
        let text = String::from_utf8(read(&format!("people/{printed:04}/qr.txt"))).expect("UTF-8");
        let mut inspection = lds(chip);
        verifier.compare(&mut inspection, &FaceQr::read(&text, &mut Vec::new()).expect("a QR text"));
        let number = inspection.report.finding("cross.qr.number").expect("compared").outcome;
        assert_eq!((number == Outcome::Passed, inspection.report.verdict), (chip == printed, verdict));
    }
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
