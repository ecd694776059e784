//! PIN management: who may change, unblock, activate, and deactivate the PIN, what the card says of its state, and what a power cut leaves of a change.

use eid::image::{PinPower, PinRules};

use super::*;

const PIN: &[u8] = b"314159";
const NEW: &[u8] = b"265358";
const PUK: &[u8] = b"2718281828";

fn rules(powers: &[PinPower]) -> PinRules {
    PinRules { least: 6, powers: powers.to_vec(), active: true, unblocks: 3, changes: 0 }
}

fn managed(powers: &[PinPower]) -> CardImage {
    let mut image = image();
    image.passwords.pin_rules = Some(rules(powers));
    image
}

fn pin(digits: &[u8]) -> Password {
    Password::Pin(Secret::from(digits))
}

fn puk() -> Password {
    Password::Puk(Secret::from(PUK))
}

/// What MSE:Set AT says of a password after a reset.
fn says(card: &mut Card, password: &Password) -> u16 {
    card.power_cycle();
    send(card, &pace::Terminal::new(gm(Suite::Aes128, Curve::BrainpoolP256r1), password).select(false)).sw.0
}

/// A session after a reset, or the status word of the step that was refused.
fn session(card: &mut Card, password: &Password) -> Result<Terminal, u16> {
    card.power_cycle();
    continued(card, None, password)
}

/// PACE, in the session of another password if there is one.
fn continued(card: &mut Card, mut outer: Option<Terminal>, password: &Password) -> Result<Terminal, u16> {
    let mut rng = rng("pin");
    let mut go = |command: &Command| match &mut outer {
        Some(terminal) => terminal.send(card, command),
        None => send(card, command),
    };
    let checked = |response: Response| if response.sw.is_ok() { Ok(response.data) } else { Err(response.sw.0) };
    let run = pace::Terminal::new(gm(Suite::Aes128, Curve::BrainpoolP256r1), password);
    go(&run.select(false));
    let (command, run) = run.request_nonce();
    let (command, run) = run.receive(&checked(go(&command))?, &mut *rng).expect("nonce");
    let (command, run) = run.receive(&checked(go(&command))?, &mut *rng).expect("mapping");
    let (command, run) = run.receive(&checked(go(&command))?).expect("agreement");
    let answer = checked(go(&command))?;
    Ok(Terminal(run.receive(&answer).expect("token").channel))
}

fn reset(p1: u8, p2: u8, data: &[u8]) -> Command {
    Command::new(0x00, 0x2C, p1, p2).with_data(data)
}

/// Three wrong PINs, the last one after the CAN.
fn block(card: &mut Card) {
    assert_eq!(session(card, &pin(b"000000")).err(), Some(0x63C2));
    assert_eq!(session(card, &pin(b"000000")).err(), Some(0x63C1));
    let can = session(card, &Password::Can(Secret::from(CAN))).ok();
    assert_eq!(continued(card, can, &pin(b"000000")).err(), Some(0x63C0));
    assert_eq!((says(card, &pin(PIN)), session(card, &pin(PIN)).err()), (0x63C0, Some(0x6983)));
}

#[test]
fn the_holder_changes_the_pin_and_the_old_one_opens_nothing() {
    let mut card = personalized(&managed(&[]));
    let mut holder = session(&mut card, &pin(PIN)).expect("the PIN");
    for (wrong, sw) in [(&b"12345"[..], 0x6982), (b"12345x", 0x6A80), (b"", 0x6A80), (&[b'1'; 33], 0x6A80)] {
        assert_eq!(holder.status(&mut card, &reset(0x02, 0x03, wrong)), sw, "{wrong:?}");
    }
    assert_eq!(holder.status(&mut card, &reset(0x03, 0x03, b"")), 0x6982, "there is nothing to unblock");
    assert_eq!(holder.status(&mut card, &reset(0x02, 0x02, b"654321")), 0x6982, "the CAN is not the holder's");
    assert_eq!(holder.status(&mut card, &reset(0x02, 0x04, PUK)), 0x6A86);
    assert_eq!(holder.status(&mut card, &reset(0x02, 0x03, NEW)), 0x9000);
    assert_eq!(session(&mut card, &pin(PIN)).err(), Some(0x63C2));
    assert!(session(&mut card, &pin(NEW)).is_ok());
    assert_eq!(says(&mut card, &pin(NEW)), 0x9000);
    assert!(!cells(card).windows(PIN.len()).any(|window| window == PIN), "the old PIN is not in the memory any more");
}

#[test]
fn nobody_else_manages_the_pin() {
    let mut card = personalized(&managed(&[]));
    let all = [reset(0x02, 0x03, NEW), reset(0x03, 0x03, b""), reset(0x02, 0x02, CAN)];
    let switches = [Command::new(0x00, 0x44, 0x10, 0x03), Command::new(0x00, 0x04, 0x10, 0x03)];
    for command in all.iter().chain(&switches) {
        card.power_cycle();
        assert_eq!(send(&mut card, command).sw.0, 0x6982, "in the clear: {command:?}");
        let mut can = session(&mut card, &Password::Can(Secret::from(CAN))).expect("the CAN");
        assert_eq!(can.status(&mut card, command), 0x6982, "with the CAN: {command:?}");
        let mut puk = session(&mut card, &puk()).expect("the PUK");
        let expected = if *command == all[1] { 0x9000 } else { 0x6982 };
        assert_eq!(puk.status(&mut card, command), expected, "with the PUK: {command:?}");
    }
    for command in &switches {
        assert_eq!(session(&mut card, &pin(PIN)).expect("the PIN").status(&mut card, command), 0x6982);
    }
    assert!(session(&mut card, &pin(PIN)).is_ok());
    // without rules there are no such commands
    let mut card = personalized(&image());
    assert_eq!(session(&mut card, &pin(PIN)).expect("the PIN").status(&mut card, &all[0]), 0x6D00);
}

#[test]
fn the_puk_unblocks_as_often_as_the_card_was_made_to_allow() {
    let mut card = personalized(&managed(&[]));
    for _ in 0..3 {
        block(&mut card);
        let mut holder = session(&mut card, &puk()).expect("the PUK");
        assert_eq!(holder.status(&mut card, &reset(0x03, 0x03, b"1")), 0x6700);
        assert_eq!(holder.status(&mut card, &reset(0x03, 0x03, b"")), 0x9000);
        assert_eq!(says(&mut card, &pin(PIN)), 0x9000, "the old PIN with all tries");
    }
    block(&mut card);
    let mut holder = session(&mut card, &puk()).expect("the PUK");
    assert_eq!(holder.status(&mut card, &reset(0x03, 0x03, b"")), 0x6983, "used up");
    assert_eq!(says(&mut card, &pin(PIN)), 0x63C0);
}

#[test]
fn the_puk_sets_a_pin_only_where_the_card_was_made_so() {
    let mut card = personalized(&managed(&[PinPower::PukSetsPin]));
    block(&mut card);
    let mut holder = session(&mut card, &puk()).expect("the PUK");
    assert_eq!(holder.status(&mut card, &reset(0x02, 0x03, b"12345")), 0x6982);
    assert_eq!(holder.status(&mut card, &reset(0x02, 0x03, NEW)), 0x9000);
    assert!(session(&mut card, &pin(NEW)).is_ok());
    let mut card = personalized(&managed(&[PinPower::TerminalSetsPin, PinPower::TerminalSetsCan]));
    let mut holder = session(&mut card, &puk()).expect("the PUK");
    assert_eq!(holder.status(&mut card, &reset(0x02, 0x03, NEW)), 0x6982);
}

#[test]
fn a_transport_pin_opens_nothing_until_it_is_replaced() {
    let mut image = managed(&[]);
    image.passwords.pin = Some(Secret::from(&b"31415"[..]));
    let mut card = personalized(&image);
    assert_eq!(says(&mut card, &pin(b"31415")), 0x9000);
    let mut holder = session(&mut card, &pin(b"31415")).expect("the transport PIN");
    assert_eq!(holder.select(&mut card, FileId::CARD_ACCESS), 0x9000);
    assert_eq!(holder.status(&mut card, &Command::new(0x00, 0xB0, 0x9C, 0).with_le(4)), 0x9000, "what anybody may read");
    holder.select(&mut card, dg(1));
    assert_eq!(holder.status(&mut card, &Command::new(0x00, 0xB0, 0x81, 0).with_le(4)), 0x6982);
    assert_eq!(holder.status(&mut card, &ta::get_challenge()), 0x6982);
    assert_eq!(holder.status(&mut card, &reset(0x02, 0x03, b"27182")), 0x6982, "not by another one");
    assert_eq!(holder.status(&mut card, &reset(0x02, 0x03, NEW)), 0x9000);
    holder.select(&mut card, dg(1));
    assert_eq!(holder.status(&mut card, &Command::new(0x00, 0xB0, 0x81, 0).with_le(4)), 0x9000, "from now on");
    assert!(session(&mut card, &pin(NEW)).is_ok());
}

/// Which bits the terminal may have, of an authority for authentication terminals.
fn authentication_terminal(card: &mut Card, image: &CardImage, authority: &Authority, password: &Password, bits: &[u8]) -> Terminal {
    let at = |template: Template, role| Template { chat: Chat::new(TerminalType::Authentication, role, bits.iter().copied()), ..template };
    let chain = authority.chain_of(&at(authority.dv(), Role::DvDomestic), &at(authority.is(), Role::Terminal));
    let chat = Chat::full(TerminalType::Authentication, Role::Terminal);
    card.power_cycle();
    let mut rng = rng("pace");
    let run = pace::Terminal::new(gm(Suite::Aes128, Curve::BrainpoolP256r1), password).with_chat(Some(chat));
    send(card, &run.select(false));
    let (command, run) = run.request_nonce();
    let (command, run) = run.receive(&send(card, &command).data, &mut *rng).expect("nonce");
    let (command, run) = run.receive(&send(card, &command).data, &mut *rng).expect("mapping");
    let (command, run) = run.receive(&send(card, &command).data).expect("agreement");
    let established = run.receive(&send(card, &command).data).expect("token");
    let (terminal, chip) = (Terminal(established.channel), established.chip_key.compressed());
    let mut guest = Guest { terminal, chip, references: established.ca_references };
    let key = AgreementPrivateKey::generate(&curve(), &mut SeededRng::new(b"named"));
    assert_eq!(guest.terminal_auth(card, &chain, &authority.is, &key.public().compressed(), ta::Version::Two), 0x9000);
    assert_eq!(guest.terminal.status(card, &Command::new(0x00, 0x04, 0x10, 0x03)), 0x6982, "not before Chip Authentication");
    guest.chip_auth(card, image, &ChipAuth { version: chip_auth::Version::Two, ephemeral: Some(&key), part: 200, ..PLAIN });
    guest.terminal
}

fn trusting(powers: &[PinPower]) -> (Authority, CardImage) {
    let mut authority = Authority::new("at");
    let template = template(CVCA, CVCA, &authority.cvca, Role::Cvca);
    let chat = Chat::full(TerminalType::Authentication, Role::Cvca);
    authority.root = Template { chat, ..template }.issue(&authority.cvca).expect("a certificate");
    let mut image = guarded(authority.trust(), &curve(), 2);
    image.passwords.pin_rules = Some(rules(powers));
    (authority, image)
}

#[test]
fn a_terminal_with_the_right_switches_unblocks_and_sets_what_the_card_was_made_to_allow() {
    let (authority, image) = trusting(&[PinPower::TerminalSetsPin, PinPower::TerminalSetsCan]);
    let mut card = personalized(&image);
    let can = Password::Can(Secret::from(CAN));
    let with = |card: &mut Card, password: &Password| authentication_terminal(card, &image, &authority, password, &[Chat::PIN_MANAGEMENT]);
    let mut terminal = with(&mut card, &can);
    assert_eq!(terminal.status(&mut card, &Command::new(0x00, 0x04, 0x10, 0x02)), 0x6A86);
    assert_eq!(terminal.status(&mut card, &Command::new(0x00, 0x04, 0x10, 0x03)), 0x9000);
    assert_eq!((says(&mut card, &pin(PIN)), session(&mut card, &pin(PIN)).err()), (0x6283, Some(0x6984)));
    let mut terminal = with(&mut card, &can);
    assert_eq!(terminal.status(&mut card, &Command::new(0x00, 0x44, 0x10, 0x03)), 0x9000);
    assert!(session(&mut card, &pin(PIN)).is_ok());
    block(&mut card);
    let mut terminal = with(&mut card, &can);
    assert_eq!(terminal.status(&mut card, &reset(0x03, 0x03, b"")), 0x9000);
    assert!(session(&mut card, &pin(PIN)).is_ok());
    let mut terminal = with(&mut card, &can);
    assert_eq!(terminal.status(&mut card, &reset(0x02, 0x03, NEW)), 0x9000);
    assert_eq!(terminal.status(&mut card, &reset(0x02, 0x02, b"987654")), 0x9000);
    assert!(session(&mut card, &pin(NEW)).is_ok());
    assert_eq!(session(&mut card, &can).err(), Some(0x6300), "the old CAN");
    assert!(session(&mut card, &Password::Can(Secret::from(&b"987654"[..]))).is_ok());
}

#[test]
fn a_terminal_without_the_right_or_on_a_card_that_does_not_allow_it_is_refused() {
    let (authority, image) = trusting(&[]);
    let mut card = personalized(&image);
    let can = Password::Can(Secret::from(CAN));
    let mut terminal = authentication_terminal(&mut card, &image, &authority, &can, &[Chat::PIN_MANAGEMENT]);
    assert_eq!(terminal.status(&mut card, &reset(0x02, 0x03, NEW)), 0x6982);
    assert_eq!(terminal.status(&mut card, &reset(0x02, 0x02, b"987654")), 0x6982);
    let mut terminal = authentication_terminal(&mut card, &image, &authority, &can, &[4, 6, 7]);
    for command in [reset(0x03, 0x03, b""), Command::new(0x00, 0x44, 0x10, 0x03), Command::new(0x00, 0x04, 0x10, 0x03)] {
        assert_eq!(terminal.status(&mut card, &command), 0x6982, "{command:?}");
    }
    // who has the PIN changes it, whatever the terminal may do
    let mut terminal = authentication_terminal(&mut card, &image, &authority, &pin(PIN), &[Chat::PIN_MANAGEMENT]);
    assert_eq!(terminal.status(&mut card, &reset(0x02, 0x03, NEW)), 0x9000);
}

/// Each change at every page program, in every way that a page can be torn: the card has all of the state before it, or all of the state after it, and
/// where it answered 9000, the state after it.
#[test]
fn a_power_cut_during_a_change_leaves_the_old_state_or_the_new_one() {
    let blocked = |image: &CardImage| {
        let mut card = personalized(image);
        block(&mut card);
        cells(card)
    };
    let image = managed(&[PinPower::PukSetsPin]);
    let cases = [
        (cells(personalized(&image)), pin(PIN), reset(0x02, 0x03, NEW), [(0x9000, PIN), (0x9000, NEW)]),
        (blocked(&image), puk(), reset(0x03, 0x03, b""), [(0x63C0, PIN), (0x9000, PIN)]),
        (blocked(&image), puk(), reset(0x02, 0x03, NEW), [(0x63C0, PIN), (0x9000, NEW)]),
    ];
    for (before, password, command, [old, new]) in &cases {
        let mut outcomes = [0, 0];
        for tear in Tear::ALL {
            for n in 0.. {
                let mut card = Card::boot(RamNvm::from_cells(before.clone()), rng("cut")).expect("boots");
                let mut holder = session(&mut card, password).expect("the password");
                card.tear(Some((n, tear)));
                let protected = holder.0.protect_command(command).expect("protects");
                let done = card.exchange(&protected.encode().expect("command")).is_ok();
                card.tear(None);
                let mut card = Card::boot(RamNvm::from_cells(cells(card)), rng("after")).expect("boots");
                let said = says(&mut card, &pin(PIN));
                let opens = |card: &mut Card, digits| session(card, &pin(digits)).is_ok();
                let found = match (said, opens(&mut card, new.1), old.1 == new.1 || !opens(&mut card, old.1)) {
                    (sw, true, true) if sw == new.0 => 1,
                    (sw, false, true) if sw == old.0 && old.0 != 0x9000 => 0,
                    (sw, false, false) if sw == old.0 => 0,
                    other => panic!("{command:?} cut at {n} {tear:?}: {other:?}"),
                };
                assert!(found == 1 || !done, "{command:?} cut at {n} {tear:?}: answered, and not done");
                outcomes[found] += 1;
                if done {
                    break;
                }
            }
        }
        assert!(outcomes.iter().all(|count| *count >= 5), "{command:?}: {outcomes:?}");
    }
}

#[test]
fn rules_for_a_pin_that_there_is_not_are_not_taken() {
    let mut image = managed(&[]);
    image.passwords.pin = None;
    let mut card = blank();
    let mut host = Host::open(&mut card, 0x13);
    host.install(&mut card);
    let answers: Vec<_> = script(&image, &test_keys(32), &[]).iter().map(|command| host.send(&mut card, command).sw.0).collect();
    assert!(answers.contains(&0x6A80), "{answers:04X?}");
}
