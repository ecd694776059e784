//! Appendix D.4 of Doc 9303-11 in both roles, then one test for each refusal.

use super::*;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

fn command(text: &str) -> Command {
    Command::parse(&bytes(text)).expect("command")
}

fn response(text: &str) -> Response {
    Response::parse(&bytes(text)).expect("response")
}

/// The session keys and the counter of appendix D.3.
fn appendix_d() -> SecureMessaging {
    let key = |text| Secret::new(bytes(text));
    SecureMessaging::new(
        Suite::TripleDes,
        &key("979EC13B1CBFE9DCD01AB0FED307EAE5"),
        &key("F1CB1F1FB5ADF208806B89DC579DC1F8"),
        &bytes("887022120C06C226"),
    )
    .expect("lengths fit")
}

const APPENDIX_D4: [[&str; 4]; 3] = [
    ["00A4020C02011E", "0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800", "990290008E08FA855A5D4C50A8ED9000", "9000"],
    ["00B0000004", "0CB000000D9701048E08ED6705417E96BA5500", "8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000", "60145F019000"],
    [
        "00B0000412",
        "0CB000040D9701128E082EA28A70F3C7B53500",
        "871901FB9235F4E4037F2327DCC8964F1F9B8C30F42C8E2FFF224A990290008E08C8B2787EAEA07D749000",
        "04303130365F36063034303030305C0261759000",
    ],
];

#[test]
fn appendix_d_4_as_terminal_and_as_chip() {
    let (mut terminal, mut chip) = (appendix_d(), appendix_d());
    for [plain_command, protected_command, protected_response, plain_response] in APPENDIX_D4 {
        let sent = terminal.protect_command(&command(plain_command)).expect("protects");
        assert_eq!(sent.encode().map(hex::encode_upper).as_deref(), Ok(protected_command));
        assert_eq!(chip.unprotect_command(&sent), Ok(command(plain_command)));
        let answer = chip.protect_response(&response(plain_response)).expect("protects");
        assert_eq!(hex::encode_upper(answer.encode()), protected_response);
        assert_eq!(terminal.unprotect_response(&answer), Ok(response(plain_response)));
    }
}
