//! Cards of the field: each habit that readers of others had to bear, named after it, with what it costs in commands. The card is the honest
//! chip with one habit; every one of them is read whole and found genuine, and the habit is in the ledger.

use std::sync::{Arc, LazyLock, Mutex};

use cardwright::Verifier;
use cardwright::session::Habits;
use cardwright::session::habits::Bare;
use cardwright::terminal::read::{CardMemory, Options};
use cardwright::terminal::{Inspection, Verdict, can};
use eid::apdu::{Command, Response};
use eid::image::{CardImage, FileId};
use eid::sm::Counted;
use eid::transport::Transport;

use super::chip::{Deed, Lie, LyingChip};
use super::document::{self, Authority, CAN, dg, document as signed, today};
use super::rng;

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new(1));
static IMAGE: LazyLock<CardImage> = LazyLock::new(|| signed(&AUTHORITY, document::Options::default()));

fn chip() -> LyingChip {
    LyingChip::new(IMAGE.clone(), Lie::Nothing)
}

fn verifier() -> Verifier {
    Verifier::new(AUTHORITY.trust())
}

fn inspect_with(verifier: &Verifier, chip: impl Transport) -> Inspection {
    verifier.inspect(chip, &[can(CAN)], today(), &mut rng()).expect("the card is there")
}

/// Inspects, and holds every file against the image.
fn genuine(verifier: &Verifier, chip: impl Transport) -> Inspection {
    let inspection = inspect_with(verifier, chip);
    let report = &inspection.report;
    assert_eq!(report.verdict, Verdict::Genuine, "{}", report.to_text(Default::default()));
    for (file, bytes) in &inspection.files {
        assert!(IMAGE.files.get(file) == Some(bytes), "{file} differs");
    }
    assert_eq!(inspection.files.len() + 1, IMAGE.files.len(), "all files but DG3");
    inspection
}

fn rules(inspection: &Inspection) -> Vec<&str> {
    let mut rules: Vec<_> = inspection.report.quirks.iter().map(|quirk| quirk.rule).collect();
    rules.dedup();
    rules
}

/// Whether a command is READ BINARY in its even form, and how much it asks for.
fn read(command: &Command) -> Option<usize> {
    (command.ins == 0xB0).then(|| command.le.unwrap_or_default() as usize)
}

/// A card that answers READ BINARY of more than `most` bytes with `refusal`.
fn limited(most: usize, refusal: impl Fn() -> Response + 'static) -> impl FnMut(&Command, Response) -> Deed {
    move |command, answer| Deed::Answer(if read(command).is_some_and(|le| le > most) { refusal() } else { answer })
}

fn commands(inspection: &Inspection) -> u64 {
    inspection.report.traffic.commands
}

/// Quirk row "Le limits 160, 192 (UA), 223/224, 236 B gives empty answer, < 100 B". The steps down are taken once; with a memory of the
/// card type the next card of it is read without any.
#[test]
fn le_limits_160_192_ua_223_224_236_empty_and_below_100() {
    let refusals: [(usize, u16); 8] =
        [(160, 0x6700), (192, 0x6700), (223, 0x6700), (224, 0x6C00 | 224), (235, 0x9000), (99, 0x6700), (64, 0x6700), (160, 0x6B00)];
    for (most, sw) in refusals {
        for short in [false, true] {
            let card = || {
                let chip = chip().with(limited(most, move || Response::status(sw)));
                if short { chip.short() } else { chip }
            };
            let memory = Arc::new(Mutex::new(CardMemory::new()));
            let verifier = verifier().with_reading(Options::default().remembering(Arc::clone(&memory)));
            let first = genuine(&verifier, card());
            let second = genuine(&verifier, card());
            let (one, two) = (commands(&first), commands(&second));
            assert!(one >= two && one - two <= 10, "{most} {sw:04X} {short}: {one}, then {two} commands");
            // 6B00 is about the end of the file too: nothing is kept of it.
            if sw != 0x6B00 && !(short && most >= 223) {
                assert!(!rules(&second).contains(&"read.step-reduced"), "{most} {sw:04X} {short}: {:?}", second.report.quirks);
                assert_eq!(memory.lock().expect("whole").cards().count(), 1);
            }
        }
    }
}

/// The same limit on one block in the middle only: the step down is taken there, and not only at the first block.
#[test]
fn a_limit_that_shows_on_a_later_block_only_is_borne_there() {
    let late = |command: &Command, answer: Response| {
        let refuse = command.p1 == 0x20 && read(command).is_some_and(|le| le > 128);
        Deed::Answer(if refuse { Response::status(0x6700) } else { answer })
    };
    let inspection = genuine(&verifier(), chip().short().with(late));
    assert_eq!(rules(&inspection), ["read.step-reduced"]);
}

/// Row "6282 with extra bytes, pad written 000080 (SI)": what is beyond the end is cut.
#[test]
fn si_6282_with_extra_bytes_is_cut_to_what_was_asked() {
    let extra = |command: &Command, mut answer: Response| {
        // The last block of a file is shorter than a full one.
        if read(command).is_some_and(|le| le > 6 && le < 200) && !answer.data.is_empty() {
            answer.data.extend([0, 0]);
            answer.sw = eid::apdu::Sw(0x6282);
        }
        Deed::Answer(answer)
    };
    let inspection = genuine(&verifier(), chip().short().with(extra));
    assert_eq!(rules(&inspection), ["read.more-than-asked"]);
}

/// Complaint "Spain 6282 while reading": the card calls every block the end of the file.
#[test]
fn es_6282_with_every_block_is_no_end() {
    let always = |command: &Command, mut answer: Response| {
        if read(command).is_some() && answer.sw.is_ok() {
            answer.sw = eid::apdu::Sw(0x6282);
        }
        Deed::Answer(answer)
    };
    genuine(&verifier(), chip().short().with(always));
}

/// Row "Block with a one-byte pad is cut (AES)": an answer whose padding is one byte comes a byte short.
#[test]
fn a_block_with_a_one_byte_pad_is_cut_and_the_byte_is_read_after_it() {
    let cut = |command: &Command, mut answer: Response| {
        if read(command).is_some() && answer.data.len() > 6 && answer.data.len() % 16 == 15 {
            answer.data.pop();
        }
        Deed::Answer(answer)
    };
    genuine(&verifier(), chip().short().with(cut));
}

/// Complaint "SM MAC mismatch on the last SOD frame" (US): a last frame of padding only, no data under 9000, is asked for anew with less.
#[test]
fn us_a_last_frame_of_padding_only_is_asked_for_in_smaller_ones() {
    let hollow = |command: &Command, answer: Response| {
        let last = read(command).is_some_and(|le| le > 64 && le < 223);
        Deed::Answer(if last { Response::ok([]) } else { answer })
    };
    let inspection = genuine(&verifier(), chip().short().with(hollow));
    assert_eq!(rules(&inspection), ["read.step-reduced"]);
}

/// Row "61xx; 6Cxx (FI; NO)": a length of its own inside the channel, by 6C80.
#[test]
fn no_6c80_is_answered_by_the_exact_length() {
    let exact = |command: &Command, answer: Response| {
        let long = read(command).is_some_and(|le| le > 0x80);
        Deed::Answer(if long { Response::status(0x6C80) } else { answer })
    };
    genuine(&verifier(), chip().short().with(exact));
}

/// Row "SELECT MF refused, or 9000 without effect (NZ, CN, AU, UA, VN 6D00)", and forms that are taken instead. VN costs no further try.
#[test]
fn select_mf_refused_by_nz_cn_au_ua_and_vn_with_6d00() {
    let is_mf = |command: &Command| command.ins == 0xA4 && command.p1 == 0x00;
    let plain = commands(&genuine(&verifier(), chip().short()));
    for (sw, forms_more) in [(0x6D00, 0), (0x6A86, 2), (0x6A82, 2), (0x6982, 2)] {
        let refuses = move |command: &Command, answer: Response| Deed::Answer(if is_mf(command) { Response::status(sw) } else { answer });
        let inspection = inspect_with(&verifier(), chip().short().with(refuses));
        assert_eq!(inspection.report.verdict, Verdict::Genuine, "{sw:04X}");
        assert_eq!(rules(&inspection), ["access.card_access-by-fid"], "{sw:04X}");
        // SELECT MF comes twice, for EF.DIR and EF.CardAccess; without it EF.DIR (SELECT and READ) and EF.ATR/INFO are not looked for.
        assert!(commands(&inspection) <= plain + 2 * forms_more, "{sw:04X}: {} against {plain}", commands(&inspection));
    }
    // Only with an answer, P2 = 00.
    let with_answer = move |command: &Command, answer: Response| {
        Deed::Answer(if is_mf(command) && command.p2 == 0x0C { Response::status(0x6A86) } else { answer })
    };
    let memory = Arc::new(Mutex::new(CardMemory::new()));
    let remembering = verifier().with_reading(Options::default().remembering(Arc::clone(&memory)));
    genuine(&remembering, chip().short().with(with_answer));
    let second = genuine(&remembering, chip().short().with(with_answer));
    assert_eq!(commands(&second), plain, "the form is remembered");
}

/// Row "6283 on selecting EF.CardAccess before BAC (Malaysia)".
#[test]
fn my_6283_on_selecting_ef_cardaccess_is_a_warning() {
    let warns = |command: &Command, mut answer: Response| {
        if command.ins == 0xA4 && command.data == [0x01, 0x1C] {
            answer.sw = eid::apdu::Sw(0x6283);
        }
        // And no short identifier, so that it is selected.
        Deed::Answer(if command.ins == 0xB0 && command.p1 == 0x9C { Response::status(0x6A82) } else { answer })
    };
    assert_eq!(rules(&genuine(&verifier(), chip().with(warns))), ["access.card_access-by-fid"]);
}

/// Row "EF.DIR error 6982 before access control (US)": no finding against the card.
#[test]
fn us_ef_dir_6982_before_access_is_no_fault() {
    let guarded = |command: &Command, answer: Response| {
        Deed::Answer(if command.ins == 0xA4 && command.data == [0x2F, 0x00] { Response::status(0x6982) } else { answer })
    };
    let inspection = inspect_with(&verifier(), chip().with(guarded));
    assert_eq!(inspection.report.verdict, Verdict::Genuine, "{}", inspection.report.to_text(Default::default()));
    assert!(!inspection.files.contains_key(&FileId::DIR));
}

/// A card that wants SELECT of a file to answer, and one that knows files by short identifier only.
#[test]
fn files_are_selected_with_an_answer_or_by_short_identifier_where_the_card_wants_it() {
    for (p2_too, rule) in [(false, "P2 = 00"), (true, "READ BINARY with the short identifier")] {
        let wants = move |command: &Command, answer: Response| {
            let select = command.ins == 0xA4 && command.p1 == 0x02;
            Deed::Answer(if select && (p2_too || command.p2 == 0x0C) { Response::status(0x6A86) } else { answer })
        };
        let inspection = genuine(&verifier(), chip().short().with(wants));
        assert!(inspection.report.quirks.iter().any(|quirk| quirk.place.contains(rule)), "{:?}", inspection.report.quirks);
    }
}

/// Row "Error answered without SM, SSC drifts (CN, US)": a bare 6700 for an extended length. A card that did not count keeps the channel, and
/// is opened once; one that counted, or dropped the channel, is opened a second time, and goes on where it stopped.
#[test]
fn cn_us_a_bare_6700_for_extended_lengths_keeps_the_channel_or_costs_one_more_opening() {
    let cards = [(Some(Counted::Nothing), 1), (Some(Counted::Command), 2), (Some(Counted::Both), 2), (None, 2)];
    // 6C80 in the clear asks for the same message with another Le around it, which our chip refuses as the clause says (SM-03).
    let all = cards.map(|card| (0x6700, card)).into_iter().chain(cards.map(|(counted, _)| (0x6C80, (counted, 2))));
    for (sw, (counted, openings)) in all {
        let bare = move |command: &Command, answer: Response| {
            if read(command).is_some_and(|le| le > 256) { Deed::Bare(sw, counted) } else { Deed::Answer(answer) }
        };
        let mut card = chip().with(bare);
        let inspection = genuine(&verifier(), &mut card);
        assert_eq!(card.openings, openings, "{sw:04X} {counted:?}");
        // What was refused was served to nobody: every byte of the files came once, but for those the refused command asked for.
        let dg2: usize = card.served.iter().filter(|(file, ..)| *file == dg(2)).map(|(.., len)| len).sum();
        assert_eq!(dg2, 20_004, "{sw:04X} {counted:?}: DG2 comes after what was learned on EF.SOD");
        assert!(rules(&inspection).iter().any(|rule| ["read.refused-in-the-clear", "read.short-lengths-only"].contains(rule)));
    }
}

/// What was learned by it: the next card of the type is asked for short lengths at once, and opened once.
#[test]
fn what_a_bare_refusal_taught_is_remembered() {
    for counted in [Some(Counted::Nothing), Some(Counted::Both), None] {
        let card = || {
            chip().with(
                move |command: &Command, answer: Response| {
                    if read(command).is_some_and(|le| le > 256) { Deed::Bare(0x6700, counted) } else { Deed::Answer(answer) }
                },
            )
        };
        let memory = Arc::new(Mutex::new(CardMemory::new()));
        let verifier = verifier().with_reading(Options::default().remembering(Arc::clone(&memory)));
        genuine(&verifier, card());
        let mut second = card();
        let inspection = genuine(&verifier, &mut second);
        assert_eq!((second.openings, inspection.report.quirks.len()), (1, 0), "{counted:?}");
    }
}

/// Complaint "VN card: DG3 gives 6982": in the clear too, it is protection and not a broken channel.
#[test]
fn vn_dg3_refused_in_the_clear_is_protected() {
    for counted in [Some(Counted::Nothing), None] {
        let bare = move |command: &Command, answer: Response| {
            let dg3 = command.ins == 0xA4 && command.data == [0x01, 0x03];
            if dg3 { Deed::Bare(0x6982, counted) } else { Deed::Answer(answer) }
        };
        let inspection = genuine(&verifier(), chip().short().with(bare));
        let finding = inspection.report.finding("read.dg3").expect("a finding");
        assert_eq!(finding.reason.as_ref().map(|reason| reason.code), Some("protected"));
    }
}

/// Peer defect "`&&` instead of `||` in the status test: 6300, 6700, 6D00, 6E00 read as success": data under such a status are never a file.
#[test]
fn nfc_passport_reader_status_test_data_under_6300_6700_6d00_6e00_are_no_file() {
    for sw in [0x6300, 0x6700, 0x6D00, 0x6E00, 0x6F00, 0x6283, 0x9001] {
        let lies = move |command: &Command, mut answer: Response| {
            if read(command).is_some_and(|le| le > 6) {
                answer.sw = eid::apdu::Sw(sw);
            }
            Deed::Answer(answer)
        };
        let inspection = inspect_with(&verifier(), chip().short().with(lies));
        assert_ne!(inspection.report.verdict, Verdict::Genuine, "{sw:04X}");
        for file in [FileId::COM, FileId::SOD, dg(1), dg(2)] {
            assert!(!inspection.files.contains_key(&file), "{sw:04X}: {file}");
        }
    }
}

/// Peer defect "AES SM MAC compared with itself": an answer of the card with any byte of its MAC changed is refused, and nothing follows it.
#[test]
fn nfc_passport_reader_aes_mac_compared_with_itself_is_refused() {
    struct Forger(LyingChip, usize, usize);
    impl Transport for Forger {
        fn atr(&mut self) -> Result<Vec<u8>, eid::transport::TransportError> {
            self.0.atr()
        }
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, eid::transport::TransportError> {
            let mut answer = self.0.transmit(command)?;
            let protected = command[0] & 0x0C == 0x0C && command[1] == 0xB0;
            if protected {
                self.1 += 1;
                assert!(self.1 <= 4, "reading goes on after a forged answer");
                if self.1 == 4 {
                    // 8E 08 and the MAC stand before the status word.
                    let at = answer.len() - 10 + self.2;
                    answer[at] ^= 0x01;
                }
            }
            Ok(answer)
        }
        fn reset(&mut self) -> Result<(), eid::transport::TransportError> {
            self.0.reset()
        }
        fn limits(&self) -> eid::transport::Limits {
            self.0.limits()
        }
    }
    for byte in 0..8 {
        let report = inspect_with(&verifier(), Forger(chip().short(), 0, byte)).report;
        assert_eq!(report.verdict, Verdict::NotGenuine, "byte {byte}");
        let finding = report.finding("access.channel").expect("a finding");
        assert_eq!(finding.reason.as_ref().map(|reason| reason.code), Some("broken"));
    }
}

/// A file that the card hands out a byte at a time ends with a named finding, after a number of commands that its length bounds.
#[test]
fn a_card_that_gives_one_byte_at_a_time_is_given_up() {
    let drip = |command: &Command, mut answer: Response| {
        if read(command).is_some_and(|le| le > 6) {
            answer.data.truncate(1);
        }
        Deed::Answer(answer)
    };
    let inspection = inspect_with(&verifier(), chip().short().with(drip));
    let finding = inspection.report.finding("read.dg2").expect("a finding");
    assert_eq!(finding.reason.as_ref().map(|reason| reason.code), Some("endless"));
    assert!(commands(&inspection) < 8_000, "{}", commands(&inspection));
}

/// A card that refuses INTERNAL AUTHENTICATE with Le 0000 is asked so once, and the next of its type at once as it wants.
#[test]
fn the_le_of_internal_authenticate_is_remembered_of_the_card_type() {
    let refuses = |asked: Arc<Mutex<usize>>| {
        move |command: &Command, answer: Response| {
            if command.ins != 0x88 {
                return Deed::Answer(answer);
            }
            *asked.lock().expect("whole") += 1;
            Deed::Answer(if command.le.is_some_and(|le| le > 256) { Response::status(0x6700) } else { answer })
        }
    };
    let memory = Arc::new(Mutex::new(CardMemory::new()));
    let verifier = verifier().with_reading(Options::default().remembering(Arc::clone(&memory)));
    for expected in [2, 1] {
        let asked = Arc::new(Mutex::new(0));
        let inspection = genuine(&verifier, chip().with(refuses(Arc::clone(&asked))));
        assert_eq!(*asked.lock().expect("whole"), expected);
        assert_eq!(rules(&inspection).contains(&"aa.le"), expected == 2);
    }
    // on a link that carries more than the card takes, and on one that does not, a wrong memory is given up
    for short in [false, true] {
        let card = chip().with(|command: &Command, answer: Response| {
            let wanted = command.ins != 0x88 || command.le.is_some_and(|le| le > 256);
            Deed::Answer(if wanted { answer } else { Response::status(0x6700) })
        });
        genuine(&verifier, if short { card.short() } else { card });
    }
}

/// Whatever a memory says, the card is read as without it.
#[test]
fn a_wrong_memory_costs_time_and_never_correctness() {
    let atr = chip().atr().expect("an ATR");
    let wrong = [
        Habits { short_only: true, ..Habits::default() },
        Habits { largest_read: Some(0), ..Habits::default() },
        Habits { largest_read: Some(usize::MAX), ..Habits::default() },
        Habits { bare: Some(Bare::BothCounted), select_mf: 2, select_file: 2, ..Habits::default() },
        Habits { select_mf: usize::MAX, select_file: usize::MAX, ..Habits::default() },
        Habits { select_file: 1, select_with_fci: true, ..Habits::default() },
        Habits { other_parameter_id: true, external_authenticate_le_00: true, internal_authenticate_other_le: true, ..Habits::default() },
    ];
    let without = genuine(&verifier(), chip());
    for habits in wrong {
        for refuses in [false, true] {
            let mut memory = CardMemory::new();
            memory.learn(&atr, &habits);
            let verifier = verifier().with_reading(Options::default().remembering(Arc::new(Mutex::new(memory))));
            let mut card = chip();
            if refuses {
                // A card that takes the forms of the standard only.
                card = card.with(|command: &Command, answer: Response| {
                    let form = command.ins == 0xA4 && command.p2 != 0x0C && !(command.p1 == 0 && command.p2 == 0);
                    let short = command.ins == 0xB0 && command.p1 & 0x80 != 0 && command.p1 != 0x9C;
                    Deed::Answer(if form || short { Response::status(0x6A86) } else { answer })
                });
            }
            let inspection = genuine(&verifier, card);
            assert_eq!(inspection.files, without.files, "{habits:?}");
        }
    }
}

#[test]
fn a_memory_is_json_that_says_nothing_of_a_person() {
    let mut memory = CardMemory::new();
    let habits = Habits { short_only: true, largest_read: Some(160), bare: Some(Bare::ChannelLost), ..Habits::default() };
    memory.learn(&[0x3B, 0x80, 0x80, 0x01, 0x01], &habits);
    memory.learn(&[0x3B, 0x00], &Habits::default());
    let text = memory.to_json().to_string();
    assert_eq!(text, r#"{"cards":{"3B80800101":{"bare":"channel-lost","largest-read":160,"short-only":true}},"version":1}"#);
    assert_eq!(CardMemory::from_json(&text).expect("its own form"), memory);
    for wrong in [
        "{}",
        r#"{"version":2,"cards":{}}"#,
        r#"{"version":1,"cards":{"3B":{}}}"#,
        r#"{"version":1,"cards":{"xx":{}}}"#,
        r#"{"version":1,"cards":{"3B00":{"largest-read":-1}}}"#,
    ] {
        assert!(CardMemory::from_json(wrong).is_err(), "{wrong}");
    }
    let mut other = CardMemory::new();
    other.learn(&[0x3B, 0x80, 0x80, 0x01, 0x01], &Habits::default());
    other.merge(&memory);
    assert_eq!(other, memory);
}
