//! PACE with generic mapping against libeac (openpace), the arithmetic of others, in both roles, with every suite over every domain.
//!
//! Debian builds libeac without the integrated mapping (its configuration calls that patented), and it has no chip authentication mapping.
//!
//! libeac is GPL: it runs in a program of its own (`tests/peers`, `pace_oracle`), spoken to over a pipe. `$CARDWRIGHT_PACE_ORACLE` names
//! that program, which `make peers` builds; without it the test says `skipped`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use eid::crypto::agreement::Domain;
use eid::crypto::kdf::Suite;
use eid::lds::security_info::{Agreement, Mapping, PaceInfo, PaceProtocol, SecurityInfo, SecurityInfos};
use eid::protocol::dynamic_auth::{encode, parse};
use eid::protocol::pace::chip::Progress;
use eid::protocol::pace::{Chip, Parameters, Password, Terminal};
use eid::secret::Secret;

const CAN: &str = "500540";

struct Oracle {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Oracle {
    fn start() -> Option<Self> {
        let program = std::env::var_os("CARDWRIGHT_PACE_ORACLE").or_else(|| {
            println!("skipped: CARDWRIGHT_PACE_ORACLE is not set (make peers)");
            None
        })?;
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the oracle starts");
        let (stdin, stdout) = (child.stdin.take().expect("piped"), BufReader::new(child.stdout.take().expect("piped")));
        Some(Self { child, stdin, stdout })
    }

    fn say(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").expect("the oracle listens");
    }

    fn tell(&mut self, bytes: &[u8]) {
        self.say(&if bytes.is_empty() { "-".to_owned() } else { hex::encode(bytes) });
    }

    fn hear_line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the oracle answers");
        let line = line.trim();
        line.strip_prefix("error ").map_or(Ok(line.to_owned()), |error| Err(error.to_owned()))
    }

    fn hear(&mut self) -> Result<Vec<u8>, String> {
        let line = self.hear_line()?;
        Ok(if line == "-" { Vec::new() } else { hex::decode(&line).map_err(|_| format!("{line:?} is not hexadecimal"))? })
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // it ends with its input; nothing follows from how
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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

fn rng() -> impl rand_core::CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}

fn one(data: &[u8], tag: u32) -> Vec<u8> {
    let ([value], []) = parse(data, [tag], []).expect("one object");
    value.to_vec()
}

/// libeac is the chip.
fn as_terminal(oracle: &mut Oracle, parameters: &Parameters) -> Result<(), String> {
    oracle.say(&format!("chip {} can {CAN}", card_access(parameters)));
    let text = |error: eid::protocol::pace::PaceError| error.to_string();
    let (_, state) = Terminal::new(parameters.clone(), &can()).request_nonce();
    let answer = encode(&[(0x80, &oracle.hear()?)]);
    let (command, state) = state.receive(&answer, &mut rng()).map_err(text)?;
    oracle.tell(&one(&command.data, 0x81));
    let answer = encode(&[(0x82, &oracle.hear()?)]);
    let (command, state) = state.receive(&answer, &mut rng()).map_err(text)?;
    oracle.tell(&one(&command.data, 0x83));
    let answer = encode(&[(0x84, &oracle.hear()?)]);
    let (command, state) = state.receive(&answer).map_err(text)?;
    oracle.tell(&one(&command.data, 0x85));
    let answer = encode(&[(0x86, &oracle.hear()?)]);
    state.receive(&answer).map(|_| ()).map_err(text)
}

/// libeac is the terminal.
fn as_chip(oracle: &mut Oracle, parameters: &Parameters) -> Result<(), String> {
    oracle.say(&format!("terminal {} can {CAN}", card_access(parameters)));
    let text = |error: eid::protocol::pace::PaceError| error.to_string();
    let mut chip = Chip::select(parameters.clone(), can(), None).map_err(text)?;
    let mut command = encode(&[]);
    for (answered, asked) in [(0x80, 0x81), (0x82, 0x83), (0x84, 0x85)] {
        let (answer, progress) = chip.step(&command, &mut rng()).map_err(text)?;
        let Progress::More(next) = progress else { return Err("too early".into()) };
        chip = next;
        oracle.tell(&one(&answer, answered));
        command = encode(&[(asked, &oracle.hear()?)]);
    }
    let (answer, progress) = chip.step(&command, &mut rng()).map_err(text)?;
    let Progress::Done(_) = progress else { return Err("too late".into()) };
    oracle.tell(&one(&answer, 0x86));
    match oracle.hear_line()?.as_str() {
        "ok" => Ok(()),
        other => Err(other.to_owned()),
    }
}

#[test]
fn libeac_opens_our_chip_and_we_open_libeacs() {
    let Some(mut oracle) = Oracle::start() else { return };
    let sessions = std::env::var("SESSIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let (mut failures, mut repeated) = (Vec::new(), 0);
    for parameters in combinations() {
        for session in 0..sessions {
            for (role, side) in [("terminal", as_terminal as fn(&mut Oracle, &Parameters) -> _), ("chip", as_chip)] {
                // libeac loses about one DH session in eighty, always with other keys: it takes values without their leading zeros
                let dh = matches!(parameters.domain(), Domain::Dh(_));
                for attempt in (0..if dh { 3 } else { 1 }).rev() {
                    match side(&mut oracle, &parameters) {
                        Ok(()) => break,
                        Err(error) if attempt == 0 => {
                            failures.push(format!("{parameters}, we are the {role}, session {session}: {error}"));
                        }
                        Err(_) => repeated += 1,
                    }
                    oracle = Oracle::start().expect("started before");
                }
            }
        }
    }
    println!("{} combinations, {sessions} sessions each in each role, {repeated} of DH repeated", combinations().len());
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
