//! Reading against scripted cards: exact APDU sequences, and hostile lengths.

use eid::transport::{Limits, TransportError};

use super::*;
use crate::session::tests::Script;

fn read(limits: Limits, file: FileId, steps: &[(&str, &str)]) -> (Result<Vec<u8>, ReadError>, Vec<Quirk>, Vec<usize>) {
    let mut quirks = Vec::new();
    let mut seen = Vec::new();
    let result = read_file(&mut Session::new(Script::new(limits, steps)), file, &mut quirks, &mut |p| seen.push(p.done));
    (result, quirks, seen)
}

fn dg(n: u8) -> FileId {
    FileId::dg(n).expect("a data group")
}

#[test]
fn a_short_file_takes_three_commands() {
    let (result, quirks, seen) = read(
        Limits::SHORT,
        FileId::COM,
        &[("00A4020C02011E", "9000"), ("00B0000006", "60085F010430 9000"), ("00B0000604", "3130375C 9000")],
    );
    assert_eq!(result, Ok(hex::decode("60085F0104303130375C").expect("hex")));
    assert_eq!((quirks.len(), seen), (0, vec![6, 10]));
}

#[test]
fn a_file_shorter_than_its_head_is_whole() {
    let (result, ..) = read(Limits::SHORT, dg(16), &[("00A4020C020110", "9000"), ("00B0000006", "7000 6282")]);
    assert_eq!(result, Ok(vec![0x70, 0x00]));
}

#[test]
fn each_refusal_has_its_class() {
    let of = |select: &str| read(Limits::SHORT, dg(3), &[("00A4020C020103", select)]).0.expect_err("refused");
    assert_eq!(of("6A82"), ReadError::NotFound { file: dg(3) });
    assert_eq!(of("6982"), ReadError::Protected { file: dg(3) });
    assert_eq!(of("6581"), ReadError::Damaged { file: dg(3) });
    assert_eq!(of("6F00"), ReadError::Refused { file: dg(3), sw: Sw(0x6F00), at: 0 });
    // Where the form of SELECT is refused, the others are tried; what the last one says about the file itself stands.
    let (result, ..) = read(Limits::SHORT, dg(3), &[("00A4020C020103", "6D00"), ("00B0830001", "6D00")]);
    assert_eq!(result, Err(ReadError::Refused { file: dg(3), sw: Sw(0x6D00), at: 0 }));
    let steps = [("00A4020C020103", "6A86"), ("00A4020002010300", "6A86"), ("00B0830001", "6A82")];
    assert_eq!(read(Limits::SHORT, dg(3), &steps).0, Err(ReadError::NotFound { file: dg(3) }));
    let (result, ..) = read(Limits::SHORT, dg(3), &[("00A4020C020103", "9000"), ("00B0000006", "6982")]);
    assert_eq!(result, Err(ReadError::Protected { file: dg(3) }));
}

#[test]
fn a_length_that_such_a_file_cannot_have_is_not_read() {
    let (result, ..) = read(Limits::SHORT, FileId::COM, &[("00A4020C02011E", "9000"), ("00B0000006", "6082FFFF5F01 9000")]);
    assert_eq!(result, Err(ReadError::TooLong { file: FileId::COM, announced: 65_539, limit: 1024 }));
    let (result, ..) = read(Limits::SHORT, FileId::COM, &[("00A4020C02011E", "9000"), ("00B0000006", "608000000000 9000")]);
    assert_eq!(result, Err(ReadError::Malformed { file: FileId::COM, source: TlvError::Indefinite { at: 1 } }));
}

#[test]
fn a_file_that_ends_early_is_truncated() {
    let start = [("00A4020C02010E", "9000"), ("00B0000006", "6E0A 30080606 9000")];
    for (answer, found) in [("6282", 6), ("6B00", 6)] {
        let steps = [start[0], start[1], ("00B0000606", answer)];
        let (result, ..) = read(Limits::SHORT, dg(14), &steps);
        assert_eq!(result, Err(ReadError::Truncated { file: dg(14), announced: 12, found }), "{answer}");
    }
    // Some cards call every block the end, so the card is asked once more.
    for answer in ["6282", "6B00"] {
        let steps = [start[0], start[1], ("00B0000606", "0102 6282"), ("00B0000804", answer)];
        let (result, ..) = read(Limits::SHORT, dg(14), &steps);
        assert_eq!(result, Err(ReadError::Truncated { file: dg(14), announced: 12, found: 8 }), "{answer}");
    }
}

#[test]
fn a_card_that_refuses_long_answers_is_brought_down_on_every_block_and_it_is_written_down() {
    let body = "00".repeat(298);
    let head = "758201 2A 0000 9000";
    let steps = [
        ("00A4020C020102", "9000"),
        ("00B0000006", head),
        ("00B00006000128", "6700"),
        ("00B0000600", "6700"),
        ("00B00006DF", &format!("{} 9000", &body[..446])),
        ("00B000E549", &format!("{} 9000", &body[..146])),
    ]
    .map(|(c, a)| (c.to_owned(), a.to_owned()));
    let steps: Vec<_> = steps.iter().map(|(c, a)| (c.as_str(), a.as_str())).collect();
    let (result, quirks, _) = read(Limits::EXTENDED, dg(2), &steps);
    assert_eq!(result.map(|bytes| bytes.len()), Ok(302));
    assert_eq!(quirks.iter().map(|q| q.rule).collect::<Vec<_>>(), ["read.step-reduced"; 2]);
}

#[test]
fn a_card_that_answers_nothing_at_all_is_given_up() {
    let steps = [
        ("00A4020C02010E", "9000"),
        ("00B0000006", "6E8190 30080606 9000"),
        ("00B000068D", "9000"),
        ("00B0000680", "9000"),
        ("00B0000660", "9000"),
        ("00B0000640", "9000"),
        ("00B0000620", "9000"),
    ];
    let (result, ..) = read(Limits::SHORT, dg(14), &steps);
    assert_eq!(result, Err(ReadError::Refused { file: dg(14), sw: Sw::OK, at: 6 }));
}

#[test]
fn more_than_was_asked_for_is_cut_and_written_down() {
    let (result, quirks, _) = read(
        Limits::SHORT,
        dg(16),
        &[("00A4020C020110", "9000"), ("00B0000006", "7007 01020304 9000"), ("00B0000603", "050607 0000 9000")],
    );
    assert_eq!(result, Ok(vec![0x70, 7, 1, 2, 3, 4, 5, 6, 7]));
    assert_eq!(quirks.len(), 1);
}

/// A card with one long file that serves B0 up to 32,767 and B1 by DO'54'.
struct LongFile(Vec<u8>);

impl Transport for LongFile {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        Ok(vec![0x3B, 0x00])
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let command = Command::parse(command).expect("an APDU");
        let le = command.le.unwrap_or_default() as usize;
        let answer = match command.ins {
            0xB0 => {
                assert!(command.p1 < 0x80, "an offset, no SFI");
                let at = usize::from(command.p1) << 8 | usize::from(command.p2);
                Response::ok(self.0[at..(at + le).min(self.0.len())].to_vec())
            }
            0xB1 => {
                let offset = tlv::single(&command.data, 0x54).expect("DO'54'");
                let at = offset.value.iter().fold(0, |at, &b| at << 8 | usize::from(b));
                let room = le
                    - if le > 0x102 {
                        4
                    } else if le > 0x81 {
                        3
                    } else {
                        2
                    };
                Response::ok(tlv::encode(0x53, &self.0[at..(at + room).min(self.0.len())]))
            }
            _ => Response::ok([]),
        };
        Ok(answer.encode())
    }
    fn reset(&mut self) -> Result<(), TransportError> {
        Ok(())
    }
    fn limits(&self) -> Limits {
        Limits::EXTENDED
    }
}

#[test]
fn bytes_beyond_32_kib_are_read_with_the_odd_instruction() {
    for (len, extended) in [(32_763, true), (32_764, true), (32_765, true), (40_000, false), (70_000, true), (70_001, false)] {
        let content: Vec<u8> = (0..len).map(|n: usize| n.to_le_bytes()[0]).collect();
        let file = tlv::encode(0x75, &content);
        let mut session = Session::new(LongFile(file.clone()));
        if !extended {
            session.use_short_apdus();
        }
        let read = read_file(&mut session, dg(2), &mut Vec::new(), &mut |_| {});
        assert!(read == Ok(file), "{len} {extended}");
    }
}
