//! Sessions against a scripted card: exact APDU sequences.

use std::collections::VecDeque;

use super::*;

/// Expects commands in order (hex) and answers each (hex, or an error).
pub(crate) struct Script {
    steps: VecDeque<(String, Result<String, TransportError>)>,
    limits: Limits,
    resets: usize,
}

impl Script {
    pub(crate) fn new(limits: Limits, steps: &[(&str, &str)]) -> Self {
        let steps = steps.iter().map(|&(command, answer)| (command.to_owned(), Ok(answer.to_owned()))).collect();
        Self { steps, limits, resets: 0 }
    }

    fn then(mut self, command: &str, answer: Result<&str, TransportError>) -> Self {
        self.steps.push_back((command.to_owned(), answer.map(str::to_owned)));
        self
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.steps.is_empty(), "never sent: {:?}", self.steps);
        }
    }
}

impl Transport for Script {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        Ok(vec![0x3B, 0x00])
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let (expected, answer) = self.steps.pop_front().unwrap_or_else(|| panic!("unexpected {}", hex::encode_upper(command)));
        assert_eq!(hex::encode_upper(command), expected.replace(' ', ""));
        answer.map(|text| hex::decode(text.replace(' ', "")).expect("hex"))
    }
    fn reset(&mut self) -> Result<(), TransportError> {
        self.resets += 1;
        Ok(())
    }
    fn limits(&self) -> Limits {
        self.limits
    }
}

fn read(offset: u8, le: u32) -> Command {
    Command::new(0, 0xB0, 0, offset).with_le(le)
}

#[test]
fn announced_data_are_fetched_by_get_response() {
    let script = Script::new(
        Limits::SHORT,
        &[("00B0000000", "6103"), ("00C0000003", "0102 03 6102"), ("00C0000002", "6C01"), ("00C0000001", "04 9000")],
    );
    let answer = Session::new(script).transmit(&read(0, 256)).expect("answer");
    assert_eq!(answer, Response::ok([1, 2, 3, 4]));
}

#[test]
fn data_with_61xx_are_kept_and_the_logical_channel_stays() {
    let script = Script::new(Limits::SHORT, &[("01B0000000", "AA 6101"), ("01C0000001", "BB 9000")]);
    let answer = Session::new(script).transmit(&Command::new(1, 0xB0, 0, 0).with_le(256)).expect("answer");
    assert_eq!(answer, Response::ok([0xAA, 0xBB]));
}

#[test]
fn a_card_that_announces_without_end_is_stopped() {
    let script = Script::new(Limits::SHORT, &[("00B0000000", "AA 6101"), ("00C0000001", "6101")]);
    let mut session = Session::new(script);
    assert_eq!(session.transmit(&read(0, 256)), Err(SessionError::Endless { found: 1 }));
    assert_eq!(session.transmit(&read(0, 256)), Err(SessionError::Lost));
}

#[test]
fn wrong_le_is_corrected_once() {
    let script =
        Script::new(Limits::SHORT, &[("00B0000000", "6C02"), ("00B0000002", "0102 9000"), ("00B0000000", "6C02"), ("00B0000002", "6C02")]);
    let mut session = Session::new(script);
    assert_eq!(session.transmit(&read(0, 256)), Ok(Response::ok([1, 2])));
    assert_eq!(session.transmit(&read(0, 256)), Ok(Response::status(0x6C02)));
}

#[test]
fn short_links_get_chains_and_short_lengths() {
    let data = vec![0xAB; 300];
    let hex = "AB".repeat(300);
    let short =
        Script::new(Limits::SHORT, &[(&format!("10860000FF{}", &hex[..510]), "9000"), (&format!("008600002D{}00", &hex[510..]), "9000")]);
    let command = Command::new(0, 0x86, 0, 0).with_data(data).with_le(65_536);
    assert_eq!(Session::new(short).transmit(&command), Ok(Response::ok([])));
    let extended = Script::new(Limits::EXTENDED, &[(&format!("0086000000012C{hex}0000"), "9000")]);
    assert_eq!(Session::new(extended).transmit(&command), Ok(Response::ok([])));
}

#[test]
fn a_refused_part_ends_the_chain() {
    let hex = "00".repeat(255);
    let script = Script::new(Limits::SHORT, &[(&format!("10860000FF{hex}"), "6A80")]);
    let command = Command::new(0, 0x86, 0, 0).with_data(vec![0; 300]);
    assert_eq!(Session::new(script).transmit(&command), Ok(Response::status(0x6A80)));
}

#[test]
fn after_a_transport_error_nothing_is_sent_until_a_restart() {
    let gone = TransportError::CardGone { reader: "fake".to_owned(), detail: "pulled".to_owned() };
    let script = Script::new(Limits::SHORT, &[]).then("00B0000001", Err(gone.clone())).then("00B0000001", Ok("AA 9000"));
    let mut session = Session::new(script);
    assert_eq!(session.transmit(&read(0, 1)), Err(SessionError::Transport(gone)));
    assert_eq!(session.transmit(&read(0, 1)), Err(SessionError::Lost));
    session.restart().expect("reset");
    assert_eq!(session.transmit(&read(0, 1)), Ok(Response::ok([0xAA])));
    assert_eq!(session.into_transport().resets, 1);
}

#[test]
fn a_command_that_cannot_be_written_costs_nothing() {
    let mut session = Session::new(Script::new(Limits::SHORT, &[("00B0000001", "9000")]));
    assert!(matches!(session.transmit(&read(0, 70_000)), Err(SessionError::Apdu(ApduError::TooLong { .. }))));
    assert_eq!(session.transmit(&read(0, 1)), Ok(Response::ok([])));
    assert_eq!(session.traffic(), Traffic { commands: 1, sent: 5, received: 2 });
}

/// Sizes counted by hand: 256 - 14 = 242 = tag, 81, length, 01, then 29 blocks of 8 (232) or 14 blocks of 16 (224).
#[test]
fn capacity_under_secure_messaging_leaves_room_for_padding_and_mac() {
    assert_eq!((protected_capacity(242, 8), protected_capacity(242, 16)), (231, 223));
    for room in 0..2000 {
        for block in [8, 16] {
            let plain = protected_capacity(room, block);
            if plain > 0 {
                let value = 1 + (plain + 1).div_ceil(block) * block;
                let header = if value < 0x80 {
                    2
                } else if value < 0x100 {
                    3
                } else {
                    4
                };
                assert!(header + value <= room, "{room} {block} {plain}");
            }
        }
    }
}

/// The chip's half of a channel: opens each command, gives it to `answer`, protects what comes back, and passes it through `wire`.
struct Secured<A, W> {
    channel: SecureMessaging,
    answer: A,
    wire: W,
    sent: Vec<usize>,
    limits: Limits,
}

impl<A: FnMut(Command) -> Response, W: FnMut(&Command, Response) -> Response> Transport for Secured<A, W> {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        Ok(vec![0x3B, 0x00])
    }
    fn transmit(&mut self, bytes: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.sent.push(bytes.len());
        let command = Command::parse(bytes).expect("an APDU");
        let response = match command.ins {
            0xC0 => Response::ok([]),
            _ => {
                let plain = self.channel.unprotect_command(&command).expect("protected");
                let answer = (self.answer)(plain);
                self.channel.protect_response(&answer).expect("protects")
            }
        };
        Ok((self.wire)(&command, response).encode())
    }
    fn reset(&mut self) -> Result<(), TransportError> {
        Ok(())
    }
    fn limits(&self) -> Limits {
        self.limits
    }
}

fn channel() -> SecureMessaging {
    let key = |n: u8| eid::secret::Secret::from([n; 16]);
    SecureMessaging::new(eid::crypto::kdf::Suite::Aes128, &key(1), &key(2), &[0; 16]).expect("lengths of AES-128")
}

fn secured<A: FnMut(Command) -> Response, W: FnMut(&Command, Response) -> Response>(
    limits: Limits,
    answer: A,
    wire: W,
) -> Session<Secured<A, W>> {
    let mut session = Session::new(Secured { channel: channel(), answer, wire, sent: Vec::new(), limits });
    session.secure(channel());
    session
}

#[test]
fn long_data_under_secure_messaging_are_chained_and_each_part_fits() {
    let mut seen = Vec::new();
    let answer = |command: Command| {
        seen.push((command.cla, command.data.len()));
        Response::ok([])
    };
    let mut session = secured(Limits::SHORT, answer, |_, response| response);
    assert_eq!((session.max_data(), session.max_answer()), (223, 223));
    let command = Command::new(0, 0x86, 0, 0).with_data(vec![7; 500]).with_le(256);
    assert_eq!(session.transmit(&command), Ok(Response::ok([])));
    let sent = session.into_transport().sent;
    assert!(sent.iter().all(|&len| len <= 261), "{sent:?}");
    assert_eq!(seen, [(0x10, 223), (0x10, 223), (0x00, 54)]);
}

#[test]
fn an_error_in_the_clear_ends_the_channel_and_nothing_follows_it() {
    let mut session = secured(Limits::SHORT, |_| Response::ok([1]), |_, _| Response::status(0x6988));
    assert_eq!(session.transmit(&read(0, 1)), Err(SessionError::SecureMessaging(SmError::Unprotected(Sw(0x6988)))));
    assert_eq!(session.transmit(&read(0, 1)), Err(SessionError::Lost));
    assert!(!session.is_secure());
    assert_eq!(session.into_transport().sent.len(), 1);
}

#[test]
fn an_answer_with_a_wrong_mac_or_in_the_clear_is_never_taken() {
    for forge in [0, 5, 20] {
        let wire = |_: &Command, mut response: Response| {
            response.data[forge] ^= 1;
            response
        };
        let mut session = secured(Limits::SHORT, |_| Response::ok([1; 8]), wire);
        assert!(matches!(session.transmit(&read(0, 8)), Err(SessionError::SecureMessaging(_))), "{forge}");
        assert_eq!(session.transmit(&read(0, 8)), Err(SessionError::Lost));
    }
    let mut session = secured(Limits::SHORT, |_| Response::ok([1; 8]), |_, _| Response::ok([1; 8]));
    assert!(matches!(session.transmit(&read(0, 8)), Err(SessionError::SecureMessaging(_))));
}

#[test]
fn a_protected_answer_in_parts_is_put_together_before_it_is_checked() {
    let mut rest = Vec::new();
    let wire = |command: &Command, response: Response| {
        if command.ins == 0xC0 {
            assert_eq!((command.cla, command.le), (0, Some(20)));
            return Response { data: std::mem::take(&mut rest), sw: Sw::OK };
        }
        let (first, second) = response.data.split_at(response.data.len() - 20);
        rest = second.to_vec();
        Response { data: first.to_vec(), sw: Sw(0x6114) }
    };
    let mut session = secured(Limits::SHORT, |_| Response::ok([7; 100]), wire);
    assert_eq!(session.transmit(&read(0, 100)), Ok(Response::ok([7; 100])));
}

#[test]
fn wrong_le_inside_the_channel_is_corrected_by_a_new_command() {
    let mut seen = Vec::new();
    let answer = |command: Command| {
        seen.push(command.le);
        if command.le == Some(4) { Response::ok([1, 2, 3, 4]) } else { Response::status(0x6C04) }
    };
    let mut session = secured(Limits::SHORT, answer, |_, response| response);
    assert_eq!(session.transmit(&read(0, 200)), Ok(Response::ok([1, 2, 3, 4])));
    drop(session);
    assert_eq!(seen, [Some(200), Some(4)]);
}

#[test]
fn a_long_answer_under_secure_messaging_is_asked_for_in_the_extended_form() {
    let mut forms = Vec::new();
    let wire = |command: &Command, response| {
        forms.push((command.extended, command.le));
        response
    };
    let mut session = secured(Limits::EXTENDED, |_| Response::ok([7; 256]), wire);
    assert_eq!(session.transmit(&read(0, 256)), Ok(Response::ok([7; 256])));
    assert_eq!(session.transmit(&read(0, 8)).map(|answer| answer.data.len()), Ok(256));
    drop(session);
    assert_eq!(forms, [(true, Some(65_536)), (false, Some(256))]);
}
