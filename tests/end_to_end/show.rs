//! `show`: files in words, and damaged ones with the place of the damage.

use crate::support::{corpus, run};

/// The specimen of a TD1 card in Doc 9303-5, as EF.DG1.
const DG1: &[u8] = b"\x61\x5D\x5F\x1F\x5AI<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<";

#[test]
fn a_data_group_is_told_by_its_tag_or_its_name() {
    let folder = tempfile::tempdir().expect("folder");
    for name in ["EF.DG1", "dg1.bin", "something"] {
        let path = folder.path().join(name);
        std::fs::write(&path, DG1).expect("written");
        let path = path.display().to_string();
        let shown = run(&["show", &path]).expect(0);
        for word in ["EF.DG1, 95 bytes", "D23145890", "ERIKSSON, ANNA MARIA", "740812"] {
            assert!(shown.stdout.contains(word), "{name}: {word} in {}", shown.stdout);
        }
        let json = run(&["show", "--json", &path]).expect(0).json();
        assert_eq!((json["kind"].as_str(), json["bytes"].as_u64()), (Some("EF.DG1"), Some(95)));
    }
}

#[test]
fn a_truncated_file_says_where_it_ends() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("EF.DG1");
    for len in [0, 1, 2, 40, 94] {
        std::fs::write(&path, &DG1[..len]).expect("written");
        run(&["show", &path.display().to_string()]).expect(1).says(&["EF.DG1"]);
    }
}

#[test]
fn a_file_taken_for_another_is_refused_by_its_tag() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("EF.DG1");
    std::fs::write(&path, DG1).expect("written");
    let path = path.display().to_string();
    run(&["show", &path, "--as", "EF.COM"]).expect(1).says(&["EF.COM", "60", "61"]);
    run(&["show", &path, "--as", "EF.DG17"]).expect(2).says(&["EF.DG17"]);
    run(&["show", &path, "--image", "/nonexistent/x.jpg"]).expect(2).says(&["EF.DG2", "found EF.DG1"]);
}

#[test]
fn what_a_card_says_cannot_steer_the_terminal() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("EF.DG13");
    // a place of birth with an escape sequence in it, as EF.DG11 carries any text
    let text = b"\x5C\x02\x5F\x11\x5F\x11\x08\x1B[31mred";
    let mut file = vec![0x6B, u8::try_from(text.len()).expect("short")];
    file.extend_from_slice(text);
    std::fs::write(&path, file).expect("written");
    let shown = run(&["show", "--as", "EF.DG11", &path.display().to_string()]).expect(0);
    assert!(shown.stdout.contains("[31mred") && !shown.stdout.contains('\u{1b}'), "{:?}", shown.stdout);
}

#[test]
fn collected_files_of_real_chips_are_shown() {
    for file in
        ["chips/bsi-tr03105-5/EF_SOD.bin", "chips/bsi-tr03105-5/EF_COM.bin", "chips/etsi-prototype/EF_SOD.bin", "chips/tsemrtd/EF_DG11.bin"]
    {
        if let Some(path) = corpus(file) {
            run(&["show", &path.display().to_string()]).expect(0);
        }
    }
}
