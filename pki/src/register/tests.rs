//! Crashes at every byte, and every single change: both found, and told apart.

use super::*;

fn today() -> Date {
    Date::new(2026, 11, 21).expect("a day")
}

fn rng() -> impl CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}

/// A certificate for `name`, from reservation to issue.
fn issue(register: &mut Register, name: &str) {
    let reservation = register.reserve_serial(name, "an officer", &mut rng(), today()).expect("reserve");
    register.commit(&reservation, &[("role", "ds"), ("algorithm", "ecdsa-sha256"), ("key", "file")], b"cert", today()).expect("commit");
}

/// A register of five entries of every sort, closed; its two files.
fn sample() -> (Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().expect("directory");
    let path = folder.path().join("register.jsonl");
    let (mut register, _) = Register::open(&path, today()).expect("new register");
    issue(&mut register, "ds");
    register.record(Event::new(Kind::Revoked, "ds", "an officer").with("reason", "keyCompromise"), today()).expect("record");
    let number = register.reserve_next("crl", "crl", "an officer", today()).expect("reserve");
    register.commit(&number, &[], b"crl", today()).expect("commit");
    drop(register);
    (std::fs::read(&path).expect("register"), std::fs::read(head_path(&path)).expect("head"))
}

fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    text.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect()
}

#[test]
fn a_register_as_it_was_written_has_no_fault() {
    let (text, head) = sample();
    let found = inspect(&text, Some(&head));
    assert_eq!((found.faults.as_slice(), &found.crash, found.head.count, found.entries.len()), (&[][..], &None, 5, 5));
    assert!(found.contains(&found.head) && found.contains(&Head::empty()));
    let earlier = inspect(&lines(&text)[..3].concat(), None).head;
    assert!(found.contains(&earlier), "what was printed when there were three entries");
    assert!(!found.contains(&Head { count: 3, ..found.head.clone() }));
    assert_eq!(found.head.to_string().parse(), Ok(found.head));
}

#[test]
fn every_flipped_bit_is_found_and_its_line_named() {
    let (text, head) = sample();
    let mut line = 1;
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut flipped = text.clone();
            flipped[at] ^= 1 << bit;
            let found = inspect(&flipped, Some(&head));
            let named = found.faults.iter().any(|fault| match fault {
                Fault::Unreadable { line: named, .. } | Fault::Changed { line: named, .. } => *named == line,
                // the end of the last line
                Fault::Cut { found, .. } => at == text.len() - 1 && *found == line - 1,
                _ => false,
            });
            assert!(named, "bit {bit} of octet {at}, line {line}: {:?}", found.faults);
        }
        line += u64::from(text[at] == b'\n');
    }
}

#[test]
fn every_flipped_bit_of_the_head_file_is_found_and_it_is_named() {
    let (text, head) = sample();
    for at in 0..head.len() {
        for bit in 0..8 {
            let mut flipped = head.clone();
            flipped[at] ^= 1 << bit;
            let found = inspect(&text, Some(&flipped));
            assert!(matches!(found.faults.as_slice(), [Fault::Head { .. }]), "bit {bit} of octet {at}: {:?}", found.faults);
        }
    }
    assert!(matches!(inspect(&text, None).faults.as_slice(), [Fault::Head { .. }]));
}

#[test]
fn every_removed_entry_is_found_and_named() {
    let (text, head) = sample();
    let all = lines(&text);
    for removed in 0..all.len() - 1 {
        let mut rest = all.clone();
        rest.remove(removed);
        let found = inspect(&rest.concat(), Some(&head)).faults;
        assert_eq!(found, [Fault::Removed { entry: removed as u64 + 1 }]);
    }
}

#[test]
fn every_swapped_pair_is_found_and_named() {
    let (text, head) = sample();
    let all = lines(&text);
    for a in 0..all.len() {
        for b in a + 1..all.len() {
            let mut swapped = all.clone();
            swapped.swap(a, b);
            let (a, b) = (a as u64 + 1, b as u64 + 1);
            let wanted = [Fault::Moved { entry: b, expected: a }, Fault::Moved { entry: a, expected: b }];
            assert_eq!(inspect(&swapped.concat(), Some(&head)).faults, wanted);
        }
    }
    let twice = [all.concat(), all[4].clone()].concat();
    assert!(inspect(&twice, Some(&head)).faults.contains(&Fault::Twice { entry: 5 }));
}

#[test]
fn every_cut_of_the_tail_is_found_and_counted() {
    let (text, head) = sample();
    for cut in 0..text.len() {
        let whole = text[..cut].iter().filter(|&&b| b == b'\n').count() as u64;
        let found = inspect(&text[..cut], Some(&head)).faults;
        assert_eq!(found, [Fault::Cut { expected: 5, found: whole }], "cut at {cut}");
    }
}

#[test]
fn a_line_that_someone_adds_to_the_end_is_found_unless_it_looks_like_a_crash() {
    let (text, head) = sample();
    let all = lines(&text);
    let older = |count: usize| {
        let found = inspect(&all[..count].concat(), None);
        found.head.to_bytes()
    };
    assert_eq!(inspect(&text, Some(&older(4))).crash, Some(Crash::HeadBehind { line: 5 }));
    assert_eq!(inspect(&text, Some(&older(3))).faults, [Fault::Beyond { expected: 3, found: 5 }]);
    let strange = [text, b"{}\n".to_vec()].concat();
    assert!(matches!(inspect(&strange, Some(&head)).faults.as_slice(), [Fault::Unreadable { line: 6, .. }]));
}

#[test]
fn a_number_that_a_crash_left_reserved_is_burned_and_said_so_once() {
    let folder = tempfile::tempdir().expect("directory");
    let path = folder.path().join("register.jsonl");
    let serial = {
        let (mut register, burned) = Register::open(&path, today()).expect("new register");
        assert_eq!(burned, []);
        issue(&mut register, "csca");
        let lost = register.reserve_serial("ds", "", &mut rng(), today()).expect("reserve");
        hex::encode(lost.serial()) // the process ends here
    };
    let (register, burned) = Register::open(&path, today()).expect("reopen");
    assert_eq!(burned.iter().map(|b| (b.serial.as_str(), b.name.as_str())).collect::<Vec<_>>(), [(serial.as_str(), "ds")]);
    assert_eq!(register.find("csca").map(|i| i.certificate.as_slice()), Some(&b"cert"[..]));
    drop(register);
    let (_, burned) = Register::open(&path, today()).expect("reopen again");
    assert_eq!(burned, []);
    assert_eq!(verify(&path).expect("read").faults, []);
}

#[test]
fn a_crash_at_any_byte_of_a_line_or_before_the_head_file_loses_only_that_line() {
    let folder = tempfile::tempdir().expect("directory");
    let path = folder.path().join("register.jsonl");
    let (mut register, _) = Register::open(&path, today()).expect("new register");
    issue(&mut register, "csca");
    let before = std::fs::read(&path).expect("bytes");
    let head = std::fs::read(head_path(&path)).expect("head");
    let _lost = register.reserve_serial("ds", "", &mut rng(), today()).expect("reserve");
    drop(register);
    let full = std::fs::read(&path).expect("bytes");
    for cut in before.len()..=full.len() {
        std::fs::write(&path, &full[..cut]).expect("cut");
        std::fs::write(head_path(&path), &head).expect("the head file was not written yet");
        for opening in 0..2 {
            let (register, burned) = Register::open(&path, today()).unwrap_or_else(|e| panic!("cut at {cut}, opening {opening}: {e}"));
            assert_eq!(register.issued().len(), 1, "cut at {cut}");
            // the number is burned if its reservation had reached the disk whole, and then once
            assert_eq!(burned.len(), usize::from(opening == 0 && cut == full.len()), "cut at {cut}, opening {opening}");
            let recovered = register.entries().iter().filter(|entry| entry.kind == Kind::Recovered).count();
            assert_eq!(recovered, usize::from(cut > before.len()), "cut at {cut}, opening {opening}");
        }
        assert_eq!(verify(&path).expect("read").faults, [], "cut at {cut}");
    }
}

#[test]
fn the_first_line_may_be_torn_or_without_a_head_file_too() {
    let folder = tempfile::tempdir().expect("directory");
    let path = folder.path().join("register.jsonl");
    let (mut register, _) = Register::open(&path, today()).expect("new register");
    let _lost = register.reserve_serial("csca", "", &mut rng(), today()).expect("reserve");
    drop(register);
    let full = std::fs::read(&path).expect("bytes");
    for cut in 0..=full.len() {
        std::fs::write(&path, &full[..cut]).expect("cut");
        std::fs::remove_file(head_path(&path)).expect("the head file was not written yet");
        let (_, burned) = Register::open(&path, today()).unwrap_or_else(|e| panic!("cut at {cut}: {e}"));
        assert_eq!(burned.len(), usize::from(cut == full.len()));
        if cut == 0 {
            std::fs::write(head_path(&path), b"").expect("for the next round");
        }
    }
}

#[test]
fn numbers_are_positive_of_sixteen_octets_and_never_come_back() {
    let folder = tempfile::tempdir().expect("directory");
    let path = folder.path().join("register.jsonl");
    let (mut register, _) = Register::open(&path, today()).expect("new register");
    let mut seen = BTreeSet::new();
    for n in 0..50 {
        let reservation = register.reserve_serial(&format!("ds{n}"), "", &mut rng(), today()).expect("reserve");
        assert!(reservation.serial().len() == 16 && (0x40..0x80).contains(&reservation.serial()[0]));
        assert!(seen.insert(reservation.serial()));
        register.burn(&reservation, "test", today()).expect("burn");
    }
    for number in 1..5 {
        let reservation = register.reserve_next("crl", "crl", "", today()).expect("reserve");
        assert_eq!(reservation.number(), number, "a burned number is not used again");
        register.burn(&reservation, "test", today()).expect("burn");
    }
    assert!(register.reserve_next(SERIAL, "x", "", today()).is_err());
    assert!(register.record(Event::new(Kind::Issued, "x", ""), today()).is_err());
    assert!(matches!(Register::open(&path, today()), Err(RegisterError::Locked(_))));
}

/// As version 1 wrote it, which had no chain.
const VERSION_1: &str = "{\"v\":1,\"event\":\"reserved\",\"date\":\"2026-11-20\",\"serial\":\"5c01\",\"name\":\"csca\"}\n\
{\"v\":1,\"event\":\"issued\",\"date\":\"2026-11-20\",\"serial\":\"5c01\",\"name\":\"csca\",\"algorithm\":\"ecdsa-sha384\",\"certificate\":\"3000\"}\n\
{\"v\":1,\"event\":\"torn\",\"date\":\"2026-11-20\",\"reason\":\"3 bytes without an end of line\"}\n";

#[test]
fn a_register_of_version_1_is_read_and_sealed() {
    let folder = tempfile::tempdir().expect("directory");
    let path = folder.path().join("register.jsonl");
    std::fs::write(&path, VERSION_1).expect("write");
    let (mut register, burned) = Register::open(&path, today()).expect("version 1 opens");
    assert_eq!(burned, []);
    let csca = register.find("csca").expect("issued").clone();
    assert_eq!((csca.serial.as_str(), csca.algorithm.as_str(), csca.role.as_str()), ("5c01", "ecdsa-sha384", "csca"));
    issue(&mut register, "ds");
    drop(register);
    let (register, _) = Register::open(&path, today()).expect("opens again");
    assert_eq!((register.issued().len(), register.head().count), (2, 6));
    drop(register);
    let (text, head) = (std::fs::read(&path).expect("text"), std::fs::read(head_path(&path)).expect("head"));
    assert!(text.starts_with(VERSION_1.as_bytes()), "no old line is changed");
    for at in 0..text.len() {
        let mut flipped = text.clone();
        flipped[at] ^= 1;
        assert!(!inspect(&flipped, Some(&head)).faults.is_empty(), "octet {at}");
    }
    let broken = String::from_utf8(text).expect("text").replacen("5c01", "5c02", 1);
    assert!(inspect(broken.as_bytes(), Some(&head)).faults.contains(&Fault::SealBroken { last: 3 }));
}

#[test]
fn lines_that_contradict_each_other_are_refused_with_their_number() {
    let folder = tempfile::tempdir().expect("directory");
    for (text, wanted) in [
        ("not json\n", "line 1 does not read"),
        ("{\"v\":3}\n", "expected version 1 or 2, found 3"),
        (
            "{\"v\":1,\"event\":\"issued\",\"date\":\"2026-11-20\",\"serial\":\"01\",\"name\":\"ds\"}\n",
            "entry 1: number 01 of series serial was not reserved for ds",
        ),
    ] {
        let path = folder.path().join("register.jsonl");
        std::fs::write(&path, text).expect("write");
        let error = Register::open(&path, today()).expect_err("must be refused").to_string();
        assert!(error.contains(wanted), "{error}");
    }
}
