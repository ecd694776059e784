//! `pki cvca`, `pki dv`, `pki terminal`: from an authority to a card whose fingerprints open, and do not.

use std::path::Path;

use cardwright::eid::date::Date;
use serde_json::{Value, json};

use crate::support::{Ended, cardwright, ended};
use crate::walk::{demo, result};

fn run<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Ended {
    let output = cardwright()
        .env("CARDWRIGHT_PASSPHRASE", "the authority's own")
        .env("CARDWRIGHT_SIGNER_PASSPHRASE", "the signer's own")
        .env("CARDWRIGHT_TERMINAL_PASSPHRASE", "the terminal's own")
        .args(arguments)
        .output();
    ended(output.expect("the program starts"))
}

/// A state with a CVCA, a document verifier that may let read DG3 and DG4, and the records of one person.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().expect("folder") };
        let ca = world.path("ca");
        run(&["pki", "init", &ca, "--country", "VN", "--state", "VNM", "--document-years", "25"]).expect(0);
        run(&["pki", "issue", &ca, "ds", "--document-years", "25"]).expect(0);
        let people = Path::new(&world.path("people")).join("0001");
        std::fs::create_dir_all(&people).expect("folder");
        for entry in std::fs::read_dir(demo().dir.join("people/0001")).expect("folder") {
            let path = entry.expect("entry").path();
            std::fs::copy(&path, people.join(path.file_name().expect("name"))).expect("copied");
        }
        std::fs::write(world.path("people.json"), json!([demo().people()[0]]).to_string()).expect("written");
        world
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn pki(&self, arguments: &[&str]) -> Ended {
        let ca = self.path("ca");
        run(&[&["pki", arguments[0], &ca], &arguments[1..]].concat())
    }

    fn terminal(&self, name: &str, more: &[&str]) -> String {
        let made = self.pki(&[&["terminal", name, "--json"], more].concat()).expect(0).json();
        made["folder"].as_str().expect("a folder").to_owned()
    }

    /// A card that trusts `points`, made on `date`.
    fn card(&self, name: &str, points: &[String], date: &str) -> String {
        let (people, ca, images) = (self.path("people.json"), self.path("ca"), self.path(&format!("{name}.images")));
        let mut arguments = vec!["perso", "build", &people, "--pki", &ca, "--out", &images, "--date", date, "--cvca"];
        arguments.extend(points.iter().map(String::as_str));
        run(&arguments).expect(0);
        let card = self.path(name);
        run(&["sim", "new", &card, "--test-keys"]).expect(0);
        let (image, reader, root) = (format!("{images}/0001.image"), format!("sim:{card}"), format!("{ca}/csca.cer"));
        run(&["perso", "write", &image, "--reader", &reader, "--test-keys", "--trust", &root]).expect(0);
        card
    }

    fn verify(&self, card: &str, keys: &str) -> Value {
        let (reader, root, can) = (format!("sim:{card}"), format!("{}/csca.cer", self.path("ca")), demo().can(1));
        let ended = run(&["verify", "--json", "--reader", &reader, "--can", &can, "--trust", &root, "--terminal-keys", keys]);
        ended.json()
    }
}

fn opened(report: &Value) -> (&str, &str) {
    (result(report, "ta"), result(report, "read.dg3"))
}

#[test]
fn fingerprints_open_for_the_right_terminal_and_for_no_other() {
    let world = World::new();
    let cvca = world.pki(&["cvca", "--json"]).expect(0).json();
    let point = cvca["trust_points"][0]["file"].as_str().expect("a file").to_owned();
    let today: Date = cvca["date"].as_str().expect("a date").parse().expect("a day");
    assert!(point.ends_with("VNCVCAVN001.cvcert") && cvca["made"][0]["holder"] == "VNCVCAVN001", "{cvca}");
    world.pki(&["dv", "border", "--right", "read-dg3", "--right", "read-dg4"]).expect(0);
    let gate = world.terminal("gate-1", &["--right", "read-dg3"]);
    assert!(gate.ends_with("terminals/VNGATE1VN001"), "{gate}");
    let card = world.card("a.card", std::slice::from_ref(&point), &today.to_string());
    let report = world.verify(&card, &gate);
    assert_eq!((opened(&report), result(&report, "pa.hash.dg3")), (("passed", "passed"), "passed"), "{report}");

    // a genuine terminal whose certificate has another right
    let iris = world.terminal("gate-2", &["--right", "read-dg4"]);
    let report = world.verify(&card, &iris);
    assert_eq!((result(&report, "ta"), result(&report, "read.dg3") == "passed"), ("passed", false), "{report}");

    // a card that was made later than the terminal's last day
    let late = world.card("late.card", std::slice::from_ref(&point), &today.plus_days(45).to_string());
    let report = world.verify(&late, &gate);
    let (ta, dg3) = opened(&report);
    assert!(ta != "passed" && dg3 != "passed", "{report}");

    // after a rollover the old card takes the link that lies in the terminal's folder
    let file = world.path("EF.CVCA");
    let cvca = world.pki(&["cvca", "--rollover", "--ef-cvca", &file, "--json"]).expect(0).json();
    let names: Vec<_> = cvca["trust_points"].as_array().expect("a list").iter().map(|point| point["holder"].clone()).collect();
    assert_eq!((names, cvca["links"][0]["authority"].as_str()), (vec![json!("VNCVCAVN002"), json!("VNCVCAVN001")], Some("VNCVCAVN001")));
    let written = hex::encode_upper(std::fs::read(&file).expect("written"));
    assert_eq!(cvca["ef_cvca"].as_str(), Some(written.as_str()));
    let shown = run(&["show", &file]).expect(0).stdout;
    assert!(shown.contains("VNCVCAVN002") && shown.contains("VNCVCAVN001"), "{shown}");
    world.pki(&["cvca", "--ef-cvca", &file]).expect(7);
    world.pki(&["dv", "border"]).expect(0);
    let next = world.terminal("gate-1", &[]);
    assert!(next.ends_with("terminals/VNGATE1VN002"), "{next}");
    assert_eq!(opened(&world.verify(&card, &next)), ("passed", "passed"), "a card from before the rollover");
    let points = cvca["trust_points"].as_array().expect("a list").iter().map(|point| point["file"].as_str().expect("a file").to_owned());
    let new = world.card("new.card", &points.collect::<Vec<_>>(), &today.to_string());
    assert_eq!(opened(&world.verify(&new, &next)), ("passed", "passed"), "a card from after the rollover");
    assert_eq!(opened(&world.verify(&new, &gate)), ("passed", "passed"), "the old chain on a new card");
    // everything stands in the register
    run(&["pki", "register", &world.path("ca"), "verify"]).expect(0);
}

#[test]
fn what_cannot_be_issued_is_told_with_what_can() {
    let world = World::new();
    world.pki(&["dv", "border"]).expect(2).says(&["CVCA", "pki cvca"]);
    world.pki(&["cvca", "--rollover"]).expect(2).says(&["no CVCA"]);
    world.pki(&["cvca"]).expect(0);
    world.pki(&["terminal", "gate-1"]).expect(2).says(&["document verifier", "pki dv"]);
    world.pki(&["dv", "border", "--right", "read-dg3"]).expect(0);
    world.pki(&["terminal", "gate-1", "--right", "read-dg4"]).expect(2).says(&["VNBORDERVN001", "read-dg4"]);
    world.pki(&["terminal", "gate-1", "--right", "read-dg5"]).expect(2).says(&["read-dg5", "expected one of read-dg3, read-dg4"]);
    world.pki(&["terminal", "gate-1", "--days", "200"]).expect(2).says(&["validity", "VNBORDERVN001"]);
    world.pki(&["cvca", "--type", "xx"]).expect(2).says(&["authentication terminal"]);
    let ca = world.path("ca");
    let wrong =
        cardwright().env("CARDWRIGHT_PASSPHRASE", "another").args(["pki", "dv", &ca, "border"]).output().expect("the program starts");
    ended(wrong).expect(6).says(&["pass phrase"]);
    // types of terminals have CVCAs of their own, and rights of their own
    world.pki(&["cvca", "--type", "at"]).expect(0);
    world.pki(&["dv", "services", "--type", "at", "--right", "age-verification"]).expect(0);
    let made = world.pki(&["terminal", "library", "--dv", "services", "--json"]).expect(0).json();
    assert_eq!(
        (&made["type"], &made["rights"], &made["authority"]),
        (&json!("AT"), &json!(["age-verification"]), &json!("VNSERVICESVN001"))
    );
    world.pki(&["terminal", "gate-1"]).expect(2).says(&["several", "border", "services"]);
}
