//! One flipped byte in a file of a personalized card, wherever it is: not genuine, and the finding names the file.

use std::path::Path;

use serde_json::Value;

use crate::support::run;
use crate::walk::{demo, result, verify};

/// Where the content of a file lies in the memory of the card.
fn place(memory: &[u8], content: &[u8]) -> usize {
    let found = memory.windows(content.len()).position(|window| window == content);
    found.expect("a card file keeps the files of the card in one piece and in clear")
}

/// Verifies a copy of card 7 in which `byte` is flipped.
fn with_flipped(memory: &[u8], byte: usize, folder: &Path) -> Value {
    let mut memory = memory.to_vec();
    memory[byte] ^= 0x01;
    let card = folder.join(format!("{byte}.card"));
    std::fs::write(&card, memory).expect("written");
    let ended = verify(&card.display().to_string(), &["--can", &demo().can(7), "--trust", &demo().path("pki/csca.cer")]);
    assert_eq!(ended.code, 1, "byte {byte}: {}{}", ended.stdout, ended.stderr);
    ended.json()
}

/// `EF.DG2` is `dg2` in the ids of checks, `EF.CardAccess` is `card_access`.
fn id_of(name: &str) -> String {
    if name == "EF.CardAccess" { "card_access".to_owned() } else { name.trim_start_matches("EF.").to_ascii_lowercase() }
}

#[test]
fn a_flipped_byte_in_any_file_is_not_genuine_and_names_the_file() {
    let (demo, folder) = (demo(), tempfile::tempdir().expect("folder"));
    let memory = std::fs::read(demo.dir.join("cards/0007.card")).expect("card");
    let mut files = 0;
    for entry in std::fs::read_dir(demo.dir.join("lds/0007")).expect("folder") {
        let path = entry.expect("entry").path();
        let name = path.file_name().expect("name").to_string_lossy().into_owned();
        let content = std::fs::read(&path).expect("file");
        let start = place(&memory, &content);
        for offset in [0, 1, content.len() / 2, content.len() - 1] {
            let report = with_flipped(&memory, start + offset, folder.path());
            assert_eq!(report["verdict"], "not-genuine", "{name} byte {offset}");
            let id = id_of(&name);
            let failed: Vec<_> = report["checks"].as_array().expect("checks").iter().filter(|check| check["result"] == "failed").collect();
            let named = failed.iter().any(|check| {
                let check_id = check["id"].as_str().unwrap_or_default();
                check_id.ends_with(&format!(".{id}")) && check["reason"]["text"].as_str().unwrap_or_default().contains(&name)
            });
            assert!(named, "{name} byte {offset}: {failed:?}");
        }
        files += 1;
    }
    assert_eq!(files, 9);
}

/// The report for people says it too, first.
#[test]
fn the_text_of_a_report_starts_with_the_verdict() {
    let (demo, folder) = (demo(), tempfile::tempdir().expect("folder"));
    let mut memory = std::fs::read(demo.dir.join("cards/0008.card")).expect("card");
    let dg2 = std::fs::read(demo.dir.join("lds/0008/EF.DG2")).expect("file");
    let start = place(&memory, &dg2);
    memory[start + 5000] ^= 0x80;
    let card = folder.path().join("a.card");
    std::fs::write(&card, memory).expect("written");
    let reader = format!("sim:{}", card.display());
    let ended = run(&["verify", "--reader", &reader, "--can", &demo.can(8), "--trust", &demo.path("pki/csca.cer")]).expect(1);
    assert!(ended.stdout.starts_with("NOT GENUINE\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("read.dg2") && ended.stdout.contains("memory failure"), "{}", ended.stdout);
    // looking at the file without opening the card says the same
    let status = run(&["sim", "status", &card.display().to_string(), "--json"]).expect(1).json();
    let damaged: Vec<_> = status["files"].as_array().expect("files").iter().filter(|file| file["damaged"] == true).collect();
    assert_eq!((damaged.len(), damaged[0]["name"].as_str()), (1, Some("EF.DG2")));
}

#[test]
fn what_is_no_card_file_is_refused_before_it_is_read() {
    let (demo, folder) = (demo(), tempfile::tempdir().expect("folder"));
    let memory = std::fs::read(demo.dir.join("cards/0007.card")).expect("card");
    let card = folder.path().join("a.card");
    for content in [&b""[..], b"hello", &memory[..100], &memory[..memory.len() - 1]] {
        std::fs::write(&card, content).expect("written");
        let ended = verify(&card.display().to_string(), &["--can", "123456"]);
        assert!([1, 2].contains(&ended.code), "{} bytes: {} {}", content.len(), ended.code, ended.stderr);
        assert!(ended.stderr.contains("card"), "{}", ended.stderr);
    }
    verify("/nonexistent/a.card", &["--can", "123456"]).expect(7).says(&["/nonexistent/a.card"]);
}

#[test]
fn a_blank_card_is_not_genuine_and_no_passport() {
    let folder = tempfile::tempdir().expect("folder");
    let card = folder.path().join("blank.card").display().to_string();
    run(&["sim", "new", &card, "--test-keys"]).expect(0);
    assert_eq!(run(&["sim", "status", &card, "--json"]).expect(0).json()["state"], "initialized");
    let ended = verify(&card, &["--mrz", "L898902C3 740812 120415", "--trust", &demo().path("pki/csca.cer")]);
    assert_ne!(ended.code, 0);
    assert_ne!(result(&ended.json(), "pa.sod"), "passed");
    run(&["sim", "new", &card, "--test-keys"]).expect(2).says(&["blank.card", "found one"]);
}
