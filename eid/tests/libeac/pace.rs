//! PACE with generic mapping against libeac (openpace), the arithmetic of others, in both roles, with every suite over every domain.
//!
//! Debian builds libeac without the integrated mapping (its configuration calls that patented), and it has no chip authentication mapping.
//! Of its sessions over DH libeac loses those, and only those, whose shared secret begins with a zero octet: it derives its keys from what
//! OpenSSL's `DH_compute_key` leaves, which is the secret without its leading zeros, while PKCS #3 (§8.3) and RFC 2631 (§2.1.2), on which Doc
//! 9303-11 stands, keep it as long as p. That is one session in 177, 173, or 135, by the first octet of p. Our side keeps the zeros; from the
//! random numbers of our side each session's secret is computed again, and which sessions fail is foretold, not borne. For each DH
//! combination one session is made to fail: our key is chosen so, and libeac's token verifies under the keys of the cut secret.

use std::collections::VecDeque;
use std::convert::Infallible;

use eid::crypto::agreement::{AgreementKey, AgreementPrivateKey, Domain, agree};
use eid::crypto::kdf::{Purpose, Suite, derive};
use eid::crypto::mac::MacKey;
use eid::lds::security_info::{Agreement, Mapping, PaceInfo, PaceProtocol, SecurityInfo, SecurityInfos};
use eid::protocol::dynamic_auth::{encode, parse};
use eid::protocol::pace::chip::Progress;
use eid::protocol::pace::{Chip, PaceError, Parameters, Password, Terminal};
use eid::secret::Secret;
use eid::tlv;
use rand_core::{TryCryptoRng, TryRng};

use super::Oracle;

const CAN: &str = "500540";

/// Every protocol of generic mapping over every domain.
fn combinations() -> Vec<Parameters> {
    let mut all = Vec::new();
    for suite in [Suite::TripleDes, Suite::Aes128, Suite::Aes192, Suite::Aes256] {
        for domain in Domain::all() {
            let agreement = if matches!(domain, Domain::Ec(_)) { Agreement::Ecdh } else { Agreement::Dh };
            let protocol = PaceProtocol::new(Mapping::Generic, agreement, suite).expect("exists");
            all.extend(Parameters::new(protocol, domain).ok());
        }
    }
    all
}

fn card_access(parameters: &Parameters) -> String {
    let pace = PaceInfo { protocol: parameters.protocol(), version: 2, parameter_id: Some(parameters.id()) };
    hex::encode(SecurityInfos::new([SecurityInfo::Pace(pace)]).encode())
}

fn can() -> Password {
    Password::Can(Secret::from(CAN.as_bytes()))
}

/// Random octets: those given, then the system's; all that were drawn are kept, so that what was made of them can be made again.
#[derive(Default)]
struct Octets {
    given: VecDeque<u8>,
    drawn: Vec<u8>,
}

impl TryRng for Octets {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("keys and nonces are drawn as octets")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("keys and nonces are drawn as octets")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        getrandom::fill(out).expect("the system has random numbers");
        out.iter_mut().for_each(|octet| *octet = self.given.pop_front().unwrap_or(*octet));
        self.drawn.extend_from_slice(out);
        Ok(())
    }
}

impl TryCryptoRng for Octets {}

/// What went over the wire in a session, and the random numbers of our side.
#[derive(Default)]
struct Session {
    random: Octets,
    sent: Vec<Vec<u8>>,
    heard: Vec<Vec<u8>>,
    /// As the chip over DH: takes a key that makes the secret begin with a zero octet.
    unlucky: bool,
}

impl Session {
    fn tell(&mut self, oracle: &mut Oracle, octets: Vec<u8>) {
        oracle.tell(&octets);
        self.sent.push(octets);
    }

    /// What libeac says next, as the one object of dynamic authentication data.
    fn hear(&mut self, oracle: &mut Oracle, tag: u32) -> Result<Vec<u8>, String> {
        let octets = oracle.hear()?;
        let object = encode(&[(tag, &octets)]);
        self.heard.push(octets);
        Ok(object)
    }
}

fn one(data: &[u8], tag: u32) -> Vec<u8> {
    let ([value], []) = parse(data, [tag], []).expect("one object");
    value.to_vec()
}

/// libeac is the chip.
fn as_terminal(oracle: &mut Oracle, parameters: &Parameters, session: &mut Session) -> Result<(), String> {
    oracle.say(&format!("chip {} can {CAN}", card_access(parameters)));
    let text = |error: PaceError| error.to_string();
    let (_, state) = Terminal::new(parameters.clone(), &can()).request_nonce();
    let answer = session.hear(oracle, 0x80)?;
    let (command, state) = state.receive(&answer, &mut session.random).map_err(text)?;
    session.tell(oracle, one(&command.data, 0x81));
    let answer = session.hear(oracle, 0x82)?;
    let (command, state) = state.receive(&answer, &mut session.random).map_err(text)?;
    session.tell(oracle, one(&command.data, 0x83));
    let answer = session.hear(oracle, 0x84)?;
    let (command, state) = state.receive(&answer).map_err(text)?;
    session.tell(oracle, one(&command.data, 0x85));
    let answer = session.hear(oracle, 0x86)?;
    state.receive(&answer).map(|_| ()).map_err(text)
}

/// libeac is the terminal.
fn as_chip(oracle: &mut Oracle, parameters: &Parameters, session: &mut Session) -> Result<(), String> {
    oracle.say(&format!("terminal {} can {CAN}", card_access(parameters)));
    let text = |error: PaceError| error.to_string();
    let mut chip = Chip::select(parameters.clone(), can(), None).map_err(text)?;
    let mut command = encode(&[]);
    for (answered, asked) in [(0x80, 0x81), (0x82, 0x83), (0x84, 0x85)] {
        let (answer, progress) = chip.step(&command, &mut session.random).map_err(text)?;
        let Progress::More(next) = progress else { return Err("too early".into()) };
        chip = next;
        session.tell(oracle, one(&answer, answered));
        command = session.hear(oracle, asked)?;
        if session.unlucky && asked == 0x83 {
            session.choose(parameters.domain(), &one(&command, asked));
        }
    }
    let (answer, progress) = chip.step(&command, &mut session.random).map_err(text)?;
    let Progress::Done(_) = progress else { return Err("too late".into()) };
    session.tell(oracle, one(&answer, 0x86));
    match oracle.hear_line()?.as_str() {
        "ok" => Ok(()),
        other => Err(other.to_owned()),
    }
}

/// A DH value as long as p, from one whose zeros may be missing.
fn read(domain: &Domain, value: &[u8]) -> AgreementKey {
    let filled = [&vec![0; domain.public_len() - value.len()], value].concat();
    AgreementKey::from_bytes(domain, &filled).expect("a key of the group")
}

impl Session {
    /// The shared secret of a DH session, once more from our random numbers and libeac's ephemeral key: the last but one value that it sent.
    fn secret(&self, domain: &Domain, role: &str) -> Secret {
        // the chip draws a nonce of 16 or 32 octets before its keys
        let mut again = Octets { given: self.random.drawn.iter().copied().collect(), drawn: Vec::new() };
        let (skipped, theirs) = if role == "chip" { (self.sent[0].len(), 1) } else { (0, 2) };
        again.given.drain(..skipped);
        let _mapping = AgreementPrivateKey::generate(domain, &mut again);
        let own = AgreementPrivateKey::generate(domain, &mut again);
        agree(&own, &read(domain, &self.heard[theirs])).expect("agrees")
    }

    /// Random octets of an ephemeral key of ours that makes the secret with `theirs` begin with a zero octet.
    fn choose(&mut self, domain: &Domain, theirs: &[u8]) {
        let theirs = read(domain, theirs);
        let mut random = Octets::default();
        loop {
            random.drawn.clear();
            let own = AgreementPrivateKey::generate(domain, &mut random);
            if agree(&own, &theirs).expect("agrees").expose()[0] == 0 {
                // a draw that was no key is not drawn again
                let last = random.drawn.len() - own.number().len();
                self.random.given = random.drawn.split_off(last).into();
                return;
            }
        }
    }

    /// Whether the token that libeac sent as the terminal is one over our key under the keys of `secret`.
    fn libeac_derived_from(&self, parameters: &Parameters, secret: &[u8]) -> bool {
        let mac = MacKey::new(parameters.suite(), derive(parameters.suite(), secret, &[], Purpose::Mac).expose()).expect("a key");
        let zeros = self.sent[2].iter().take_while(|octet| **octet == 0).count();
        let mut inner = tlv::encode(0x06, &parameters.protocol().octets());
        tlv::push(&mut inner, 0x84_u32, &self.sent[2][zeros..]);
        mac.verify(&[&tlv::encode(0x7F49_u32, &inner)], &self.heard[2])
    }
}

#[test]
fn libeac_opens_our_chip_and_we_open_libeacs() {
    let Some(mut oracle) = Oracle::start() else { return };
    let sessions = std::env::var("SESSIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let (mut foretold, mut dh_sessions) = (0, 0);
    for parameters in combinations() {
        for number in 0..sessions {
            for (role, side) in [("terminal", as_terminal as fn(&mut Oracle, &Parameters, &mut Session) -> _), ("chip", as_chip)] {
                let mut session = Session::default();
                let result = side(&mut oracle, &parameters, &mut session);
                let what = format!("{parameters}, we are the {role}, session {number}");
                let Domain::Dh(_) = parameters.domain() else {
                    assert_eq!(result, Ok(()), "{what}");
                    continue;
                };
                dh_sessions += 1;
                if session.secret(parameters.domain(), role).expose()[0] != 0 {
                    assert_eq!(result, Ok(()), "{what}");
                    continue;
                }
                foretold += 1;
                let wrong = if role == "chip" { PaceError::Token.to_string() } else { "libeac: the other side's token failed".to_owned() };
                assert_eq!(result, Err(wrong), "{what}: the secret begins with a zero octet");
                oracle = Oracle::start().expect("started before");
            }
        }
    }
    println!(
        "{} combinations, {sessions} sessions each in each role; of {dh_sessions} over DH {foretold} lost by libeac, each foretold",
        combinations().len()
    );
}

#[test]
fn libeac_loses_the_session_whose_dh_secret_begins_with_a_zero_octet() {
    let Some(mut oracle) = Oracle::start() else { return };
    for parameters in combinations().into_iter().filter(|parameters| matches!(parameters.domain(), Domain::Dh(_))) {
        let mut session = Session { unlucky: true, ..Session::default() };
        assert_eq!(as_chip(&mut oracle, &parameters, &mut session), Err(PaceError::Token.to_string()), "{parameters}");
        let secret = session.secret(parameters.domain(), "chip");
        let zeros = secret.expose().iter().take_while(|octet| **octet == 0).count();
        assert!(zeros > 0 && secret.len() == parameters.domain().public_len(), "{parameters}");
        assert!(session.libeac_derived_from(&parameters, &secret.expose()[zeros..]), "{parameters}: not the cut secret either");
        assert!(!session.libeac_derived_from(&parameters, secret.expose()), "{parameters}");
        oracle = Oracle::start().expect("started before");
    }
}
