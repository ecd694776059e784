//! `trust`: the store on the command line, and `--trust` with a store, lists, and folders.

use crate::support::run;
use crate::walk::demo;

/// Runs `cardwright trust …`.
fn trust(arguments: &[&str]) -> crate::support::Ended {
    run(&[&["trust"], arguments].concat())
}

#[test]
fn a_store_is_filled_listed_shown_covered_checked_and_trusted() {
    let (demo, folder) = (demo(), tempfile::tempdir().expect("folder"));
    let store = folder.path().join("T").display().to_string();
    let (csca, ds) = (demo.path("pki/csca.cer"), demo.path("pki/ds.cer"));
    trust(&["list", "--store", &store]).expect(7).says(&["no trust store", "hint:"]);
    let done = trust(&["import", "--store", &store, "--tier", "own", "--date", "2026-11-21", &csca, &ds, "--json"]).expect(0);
    let done = done.says(&["ds.cer", "not a CA certificate"]).json();
    assert_eq!((&done["new"]["anchors"], &done["new"]["known"], &done["anchors"]), (&1.into(), &1.into(), &1.into()));

    let list = trust(&["list", "--store", &store, "--json"]).expect(0).json();
    let anchors = list["anchors"].as_array().expect("anchors");
    let anchor = &anchors[0];
    assert_eq!(
        (anchors.len(), &anchor["country"], &anchor["tier"], &anchor["origin"]),
        (1, &"VN".into(), &"own".into(), &"csca.cer".into())
    );
    assert!(anchor["subject"].as_str().is_some_and(|subject| subject.starts_with("C=VN, ")), "{anchor}");
    assert_eq!(anchor["origins"][0]["date"], "2026-11-21");
    let print = anchor["sha256"].as_str().expect("a SHA-256");
    assert_eq!(print.len(), 64);
    for (country, lines) in [("vn", 1), ("VN", 1), ("DE", 0)] {
        assert_eq!(trust(&["list", "--store", &store, "--country", country]).expect(0).stdout.lines().count(), lines, "{country}");
    }

    let shown = trust(&["show", "--store", &store, &print[..16]]).expect(0).stdout;
    assert!(shown.contains(print) && shown.contains("own, 2026-11-21, csca.cer") && shown.contains("self-signed    yes"), "{shown}");
    assert!(trust(&["show", "--store", &store]).expect(0).stdout.contains("2026-11-21  csca.cer  certificate, own"));
    trust(&["show", "--store", &store, "zz"]).expect(2).says(&["hexadecimal"]);
    trust(&["show", "--store", &store, "0000000000"]).expect(2).says(&["no certificate"]);

    // the demo's root is as old as the run: counted from its first day on, and not on a day before every run
    for (day, valid) in [(anchor["not_before"].as_str().expect("a day"), 1), ("2026-11-01", 0)] {
        let coverage = trust(&["coverage", "--store", &store, "--date", day, "--json"]).expect(0).json();
        assert_eq!((&coverage["anchors"], &coverage["states"]["VN"]["valid"], &coverage["expired"]), (&1.into(), &valid.into(), &0.into()));
    }
    assert!(
        trust(&["coverage", "--store", &store]).expect(0).stdout.starts_with("1 states, 1 anchors (0 of them link certificates), 1 known")
    );

    let checked = trust(&["check", "--store", &store, &ds, "--json"]).expect(0).json();
    assert_eq!((&checked["signers"][0]["result"], &checked["signers"][0]["anchor"]["sha256"]), (&"verified".into(), &print.into()));
    trust(&["check", "--store", &store, &csca]).expect(1);

    let same = trust(&["diff", &store, &csca, "--json"]).expect(0).json();
    assert_eq!((&same["common"], same["only_a"].as_array().map(Vec::len)), (&1.into(), Some(0)));

    // the store itself, its file, and a mix of store and certificate
    let card = format!("sim:{}", demo.path("cards/0005.card"));
    for paths in [vec![store.clone()], vec![format!("{store}/trust.store")], vec![store.clone(), csca]] {
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        run(&[&["verify", "--reader", &card, "--can", &demo.can(5), "--trust"], &paths[..]].concat()).expect(0);
    }
}

#[test]
fn what_cannot_be_imported_leaves_the_store_as_it_was() {
    let (demo, folder) = (demo(), tempfile::tempdir().expect("folder"));
    let store = folder.path().join("T").display().to_string();
    let other = folder.path().join("list.ml");
    std::fs::write(&other, "not a list").expect("written");
    let (csca, other) = (demo.path("pki/csca.cer"), other.display().to_string());
    trust(&["import", "--store", &store, &csca, &other]).expect(2).says(&["list.ml", "neither a certificate", "hint:"]);
    trust(&["import", "--store", &store, &csca, "/nowhere"]).expect(7).says(&["/nowhere"]);
    trust(&["import", "--store", &store, "--tier", "best", &csca]).expect(2).says(&["own, bilateral, national, or icao"]);
    trust(&["list", "--store", &store]).expect(7).says(&["no trust store"]);
    trust(&["import", "--store", &store, &csca]).expect(0);
    let file = folder.path().join("T/trust.store");
    let mut bytes = std::fs::read(&file).expect("the file");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&file, &bytes).expect("written");
    for arguments in [&["list"][..], &["coverage"], &["show"]] {
        trust(&[arguments, &["--store", &store]].concat()).expect(7).says(&["trust.store", "damaged", "hint:"]);
    }
    trust(&["import", "--store", &store, &csca]).expect(7).says(&["damaged"]);
    let card = format!("sim:{}", demo.path("cards/0006.card"));
    run(&["verify", "--reader", &card, "--can", &demo.can(6), "--trust", &store]).expect(7).says(&["damaged"]);
}
