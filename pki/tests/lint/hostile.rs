//! Lint over damaged objects: whatever the bytes are, it answers.

use std::collections::BTreeMap;

use pki::lint::{Context, Kind, lint};

use crate::corpus;

/// A generator of numbers that is the same on every run (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).expect("31 bits") % limit.max(1)
    }
}

#[test]
fn flipped_bits_cut_tails_and_strangers_never_stop_it() {
    let Some(root) = corpus::root() else { return };
    // a few objects of each kind, small ones first
    let mut chosen: BTreeMap<Kind, Vec<Vec<u8>>> = BTreeMap::new();
    for object in corpus::objects(&root) {
        let Some(kind) = object.kind.or_else(|| Kind::guess(&object.bytes)) else { continue };
        let list = chosen.entry(kind).or_default();
        if list.len() < 4 && object.bytes.len() < 20_000 {
            list.push(object.bytes);
        }
    }
    let mut numbers = Numbers(0x9303_9303_9303_9303);
    let (mut runs, mut findings) = (0, 0);
    for (kind, list) in &chosen {
        for bytes in list {
            for round in 0..120 {
                let mut damaged = bytes.clone();
                match round % 3 {
                    0 => damaged.truncate(numbers.below(bytes.len())),
                    _ => {
                        for _ in 0..=round % 5 {
                            let at = numbers.below(damaged.len());
                            if let Some(octet) = damaged.get_mut(at) {
                                *octet ^= 1 << numbers.below(8);
                            }
                        }
                    }
                }
                for told in [None, Some(*kind), Kind::all().nth(numbers.below(19))] {
                    let context =
                        Context { kind: told, issuer: Some(bytes), root: Some(&damaged), previous: Some(&damaged), ..Context::default() };
                    findings += lint(&damaged, &context).findings.len();
                    runs += 1;
                }
            }
        }
    }
    println!("{runs} runs over {} kinds, {findings} findings", chosen.len());
    assert!(chosen.len() >= 12 && findings > runs, "damage is seen: {findings} findings in {runs} runs");
}

#[test]
fn bytes_that_are_nothing_are_one_finding() {
    for bytes in [&b""[..], b"0", b"\x30", b"\x30\x80", b"\x7f\x21", b"\x77\x00", b"\x67\x00", b"hello", &[0x30; 300], &[0xFF; 40]] {
        let report = lint(bytes, &Context::default());
        assert!(!report.is_clean(), "{bytes:02x?}");
        for kind in Kind::all() {
            let report = lint(bytes, &Context { kind: Some(kind), ..Context::default() });
            assert!(!report.is_clean() && report.kind == Some(kind), "{kind} {bytes:02x?}");
        }
    }
    let damaged = b"-----BEGIN CERTIFICATE-----\nMAA=\n";
    assert_eq!(lint(damaged, &Context::default()).findings.first().map(|f| f.rule), Some("XC-001"));
}
