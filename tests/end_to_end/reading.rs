//! How a card is read, from the command line: what is remembered, what is not read again, and pictures as PNG.

use std::path::Path;

use crate::support::run;
use crate::walk::demo;

/// Commands in a trace, and bytes of all answers.
fn traffic(trace: &str) -> (usize, usize) {
    let text = std::fs::read_to_string(trace).expect("a trace");
    let commands = text.lines().filter(|line| line.starts_with("> ")).count();
    (commands, text.lines().filter_map(|line| line.strip_prefix("< ")).map(|answer| answer.trim().len() / 2).sum())
}

fn png_size(path: &Path) -> (u32, u32) {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1A\n");
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    (word(16), word(20))
}

#[test]
fn a_folder_is_gone_on_with_and_nothing_in_it_is_read_again() {
    let demo = demo();
    let folder = tempfile::tempdir().expect("a folder");
    let (reader, can) = (format!("sim:{}", demo.path("cards/0003.card")), demo.can(3));
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (files, first, second) = (at("files"), at("first.trace"), at("second.trace"));
    run(&["read", "--reader", &reader, "--can", &can, "--out", &files, "--trace", &first]).expect(0);
    let dg2 = std::fs::read(folder.path().join("files/EF.DG2")).expect("DG2");
    std::fs::remove_file(folder.path().join("files/EF.DG1")).expect("DG1 was there");
    run(&["read", "--reader", &reader, "--can", &can, "--out", &files, "--resume", "--trace", &second]).expect(0);
    assert_eq!(std::fs::read(folder.path().join("files/EF.DG2")).expect("DG2"), dg2);
    assert!(folder.path().join("files/EF.DG1").exists());
    let (first, second) = (traffic(&first), traffic(&second));
    // Access, the end of EF.SOD, DG1, and the files that are not there: everything else is not asked for again.
    assert!(second.0 < first.0 && second.1 + dg2.len() < first.1, "{first:?} commands and bytes, then {second:?}");
}

#[test]
fn a_folder_of_another_card_is_refused() {
    let demo = demo();
    let folder = tempfile::tempdir().expect("a folder");
    let files = folder.path().join("files").display().to_string();
    let reader = |card: usize| format!("sim:{}", demo.path(&format!("cards/{card:04}.card")));
    run(&["read", "--reader", &reader(4), "--can", &demo.can(4), "--out", &files]).expect(0);
    let kept = std::fs::read(folder.path().join("files/EF.SOD")).expect("EF.SOD");
    let ended = run(&["read", "--reader", &reader(5), "--can", &demo.can(5), "--out", &files, "--resume"]).expect(2);
    ended.says(&["another card"]);
    assert_eq!(std::fs::read(folder.path().join("files/EF.SOD")).expect("EF.SOD"), kept);
}

#[test]
fn pictures_come_out_as_png() {
    let demo = demo();
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (reader, can) = (format!("sim:{}", demo.path("cards/0006.card")), demo.can(6));
    run(&["read", "--reader", &reader, "--can", &can, "--out", &at("files"), "--pictures", &at("pictures")]).expect(0);
    let size = png_size(&folder.path().join("pictures/EF.DG2-1.png"));
    assert!(size.0 >= 240 && size.1 >= 320, "{size:?}");
    run(&["show", &at("files/EF.DG2"), "--portrait", &at("portrait.png")]).expect(0);
    assert_eq!(png_size(&folder.path().join("portrait.png")), size);
    run(&["verify", "--reader", &reader, "--can", &can, "--trust", &demo.path("pki"), "--pictures", &at("again")]).expect(0);
    assert_eq!(png_size(&folder.path().join("again/EF.DG2-1.png")), size);
    run(&["show", &at("files/EF.DG1"), "--portrait", &at("none.png")]).expect(2).says(&["expected a file with a picture"]);
}

#[test]
fn memories_are_shown_joined_and_never_wrong_enough_to_matter() {
    let demo = demo();
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (reader, can) = (format!("sim:{}", demo.path("cards/0007.card")), demo.can(7));
    let verify = |memory: &str| {
        run(&["verify", "--json", "--reader", &reader, "--can", &can, "--trust", &demo.path("pki"), "--memory", memory]).expect(0).json()
    };
    // A card that does everything as the standard says leaves nothing to remember.
    let plain = verify(&at("new.json"));
    assert!(!folder.path().join("new.json").exists());
    // Somebody else's memory, of this card's type, all wrong.
    let listed = run(&["read", "--json", "--reader", &reader, "--can", &can, "--trace", &at("trace")]).expect(0);
    drop(listed);
    let trace = std::fs::read_to_string(folder.path().join("trace")).expect("a trace");
    let atr = trace.lines().find_map(|line| line.strip_prefix("atr ")).expect("the ATR in the trace").trim().to_owned();
    let wrong = format!(r#"{{"version":1,"cards":{{"{atr}":{{"short-only":true,"largest-read":1,"select-file":2,"select-mf":1}}}}}}"#);
    std::fs::write(folder.path().join("wrong.json"), &wrong).expect("written");
    let misled = verify(&at("wrong.json"));
    assert_eq!((&misled["verdict"], &misled["files"]), (&plain["verdict"], &plain["files"]));
    assert!(misled["traffic"]["commands"].as_u64() > plain["traffic"]["commands"].as_u64());
    run(&["readers", "memory", "merge", &at("mine.json"), &at("wrong.json")]).expect(0).says(&[]);
    let shown = run(&["readers", "memory", "show", &at("mine.json"), "--json"]).expect(0).json();
    assert!(shown["cards"][&atr].is_object(), "{shown}");
    run(&["readers", "memory", "show", &at("absent.json")]).expect(7);
    std::fs::write(folder.path().join("bad.json"), "{}").expect("written");
    run(&["readers", "memory", "show", &at("bad.json")]).expect(7);
    run(&["verify", "--reader", &reader, "--can", &can, "--time-budget", "0"]).expect(2);
}
