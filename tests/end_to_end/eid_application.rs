//! `eid read`: from an authority to a terminal that reads an identity card, and asks it.

use serde_json::{Value, json};

use crate::support::{Ended, cardwright, ended};

fn run<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Ended {
    let mut program = cardwright();
    program.env("CARDWRIGHT_PASSPHRASE", "the authority's own").env("CARDWRIGHT_TERMINAL_PASSPHRASE", "the terminal's own");
    ended(program.args(arguments).output().expect("the program starts"))
}

fn result<'a>(answer: &'a Value, id: &str) -> &'a str {
    let finding = answer["findings"].as_array().into_iter().flatten().find(|finding| finding["id"] == id);
    finding.and_then(|finding| finding["result"].as_str()).unwrap_or("none")
}

#[test]
fn a_shop_reads_a_name_and_learns_whether_the_holder_is_old_enough() {
    let folder = tempfile::tempdir().expect("folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let ca = path("ca");
    run(&["pki", "init", &ca, "--country", "UT", "--state", "UTO"]).expect(0);
    let point = |kind: &str| {
        let made = run(&["pki", "cvca", &ca, "--type", kind, "--json"]).expect(0).json();
        made["trust_points"][0]["file"].as_str().expect("a file").to_owned()
    };
    let (is, at) = (point("is"), point("at"));
    run(&["pki", "dv", &ca, "shops", "--type", "at"]).expect(0);
    let rights = ["--right", "read-dg4", "--right", "age-verification", "--right", "can-allowed"];
    let shop = run(&[&["pki", "terminal", &ca, "shop", "--dv", "shops", "--json"][..], &rights].concat()).expect(0).json();
    let shop = shop["folder"].as_str().expect("a folder").to_owned();

    let out = path("D");
    let made = run(&["demo", "--cards", "1", "--readers", "1", "--profile", "icao-td1-eid", "--out", &out, "--json", "--cvca", &is, &at])
        .expect(0);
    assert_eq!((&made.json()["genuine"], &made.json()["verified"]), (&json!(1), &json!(1)), "{}", made.stdout);
    let people: Value = serde_json::from_slice(&std::fs::read(path("D/people.json")).expect("people")).expect("JSON");
    let (can, given) = (people[0]["can"].as_str().expect("digits"), people[0]["given_names"].as_str().expect("a name"));
    let reader = format!("sim:{}", path("D/cards/0001.card"));
    let card = ["eid", "read", "--reader", &reader, "--can", can, "--terminal-keys", &shop];
    let trust = path("D/pki");

    let asked = ["--trust", &trust, "--json", "--older-than", "150", "--valid"];
    let answer = run(&[&card[..], &asked].concat()).expect(0).json();
    assert_eq!(
        (&answer["version"], &answer["verdict"], &answer["answers"]),
        (&json!(1), &json!("genuine"), &json!({ "age": false, "validity": true }))
    );
    let groups = answer["groups"].as_array().expect("a list");
    assert_eq!((groups.len(), &groups[0]["group"], &groups[0]["fields"][0]["value"]), (1, &json!(4), &json!(given)), "{answer:#}");

    // what the shop has no right to, and what the card cannot say
    let answer = run(&[&card[..], &["--trust", &trust, "--json", "--municipality", "0276", "dg8"]].concat()).expect(0).json();
    assert_eq!((result(&answer, "read.eid.dg8"), result(&answer, "eid.municipality")), ("not-attempted", "not-attempted"), "{answer:#}");
    assert_eq!((&answer["groups"], &answer["answers"]), (&json!([]), &json!({})));

    // in words, with the file of the group; whose card it is nobody shows without an anchor
    let files = path("files");
    let told = run(&[&card[..], &["--out", &files]].concat()).expect(3);
    assert!(told.stdout.contains(given) && told.stdout.contains("undecided: nothing shows whose chip it is"), "{}", told.stdout);
    assert!(std::fs::read(path("files/EF.eID.DG4")).expect("a file").starts_with(&[0x64]));

    // a wrong CAN, no terminal, and half a byte
    run(&["eid", "read", "--reader", &reader, "--can", "000000", "--terminal-keys", &shop]).expect(4);
    run(&["eid", "read", "--reader", &reader, "--can", can]).expect(2).says(&["--terminal-keys"]);
    run(&[&card[..], &["--municipality", "2"]].concat()).expect(2).says(&["hexadecimal digits"]);
}
