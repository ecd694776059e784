//! PACE in every parameter set against the card: each mapping, suite, and domain that exist together, with random keys and nonces.
//!
//! A peer that loses leading zeros fails one session in 256 and passes any single test; so this one is repeated. `SESSIONS` sessions of each
//! combination run (3 if it is not set; `make soak` runs 2,000), `SEED` makes other ones. Prints what it counted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use applets::Card;
use eid::apdu::Command;
use eid::crypto::agreement::{AgreementKey, Domain};
use eid::crypto::curve::{Curve, PrivateKey};
use eid::crypto::kdf::Suite;
use eid::image::{ChipAuthKey, FileId, Passwords};
use eid::lds::security_info::{Agreement, Mapping, PaceInfo, PaceProtocol, SecurityInfo, SecurityInfos};
use eid::protocol::pace::{self, Parameters, Password};
use eid::secret::Secret;

use crate::common::*;

const SUITES: [Suite; 4] = [Suite::TripleDes, Suite::Aes128, Suite::Aes192, Suite::Aes256];

/// Every parameter set with this mapping, suite, and kind of domain.
fn sets(mapping: Mapping, suite: Suite, domains: impl Iterator<Item = Domain>) -> Vec<Parameters> {
    let one = |domain: Domain| {
        let agreement = if matches!(domain, Domain::Ec(_)) { Agreement::Ecdh } else { Agreement::Dh };
        PaceProtocol::new(mapping, agreement, suite).and_then(|protocol| Parameters::new(protocol, domain).ok())
    };
    domains.filter_map(one).collect()
}

/// What one card does: no more entries than EF.CardAccess may have, no more static keys than the chip holds.
fn cards() -> Vec<Vec<Parameters>> {
    let mut cards = Vec::new();
    for suite in SUITES {
        for mapping in [Mapping::Generic, Mapping::Integrated] {
            cards.push(sets(mapping, suite, Domain::all()));
        }
        for part in Curve::ALL.chunks(6) {
            cards.push(sets(Mapping::ChipAuthentication, suite, part.iter().copied().map(Domain::Ec)));
        }
    }
    cards.retain(|card| !card.is_empty());
    cards
}

fn static_key(curve: Curve) -> PrivateKey {
    PrivateKey::generate(curve, &mut *rng(curve.name()))
}

fn card(sets: &[Parameters]) -> Card {
    let infos = sets.iter().map(|set| SecurityInfo::Pace(PaceInfo { protocol: set.protocol(), version: 2, parameter_id: Some(set.id()) }));
    let mut image = small_image();
    image.files.insert(FileId::CARD_ACCESS, SecurityInfos::new(infos).encode().to_vec());
    image.passwords = Passwords { can: Some(Secret::from(CAN)), ..Passwords::default() };
    image.chip_auth = sets
        .iter()
        .filter(|set| set.is_cam())
        .filter_map(|set| if let Domain::Ec(curve) = set.domain() { Some(*curve) } else { None })
        .map(|curve| ChipAuthKey { key: static_key(curve).into(), key_id: Some(curve.parameter_id().into()) })
        .collect();
    personalized(&image)
}

/// One session: PACE, the proof of the chip where there is one, and a file read under the new keys.
fn session(card: &mut Card, set: &Parameters, rng: &mut applets::CardRng) -> Result<(), String> {
    card.power_cycle();
    let text = |error: pace::PaceError| error.to_string();
    let mut ask = |command: &Command| {
        let answer = send(card, command);
        if answer.sw.is_ok() { Ok(answer.data) } else { Err(format!("{command:?}: {}", answer.sw)) }
    };
    let terminal = pace::Terminal::new(set.clone(), &Password::Can(Secret::from(CAN)));
    ask(&terminal.select(true))?;
    let (command, state) = terminal.request_nonce();
    let (command, state) = state.receive(&ask(&command)?, &mut **rng).map_err(text)?;
    let (command, state) = state.receive(&ask(&command)?, &mut **rng).map_err(text)?;
    let (command, state) = state.receive(&ask(&command)?).map_err(text)?;
    let established = state.receive(&ask(&command)?).map_err(text)?;
    match (established.chip_authentication, set.domain()) {
        (Some(proof), Domain::Ec(curve)) => {
            let key: AgreementKey = static_key(*curve).public().into();
            proof.verify(&key).map_err(|error| error.to_string())?;
        }
        (None, _) if !set.is_cam() => {}
        _ => return Err("no proof of the chip".to_owned()),
    }
    let mut channel = established.channel;
    let read = Command::new(0x00, 0xB0, 0x9C, 0x00).with_le(2);
    let answer = send(card, &channel.protect_command(&read).map_err(|error| error.to_string())?);
    let answer = channel.unprotect_response(&answer).map_err(|error| error.to_string())?;
    if answer.sw.is_ok() && answer.data.first() == Some(&0x31) { Ok(()) } else { Err(format!("EF.CardAccess: {answer:?}")) }
}

#[test]
fn pace_opens_in_every_parameter_set() {
    let number = |name: &str, otherwise: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (sessions, seed) = (number("SESSIONS", 3), number("SEED", 1));
    let started = Instant::now();
    let cards = cards();
    let all: usize = cards.iter().map(Vec::len).sum();
    assert_eq!(all, 4 * (14 + 13) + 3 * 11, "GM and IM over 14 domains (no IM on P-224), CAM with AES on 11 curves");
    let (next, count, failures) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(sets) = cards.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut card = card(sets);
                    for set in sets {
                        let began = Instant::now();
                        let mut rng = rng(&format!("soak {seed} {set}"));
                        for n in 0..sessions {
                            match session(&mut card, set, &mut rng) {
                                Ok(()) => {
                                    count.fetch_add(1, Ordering::Relaxed);
                                }
                                Err(error) => failures.lock().expect("no panic").push(format!("{set}, session {n}: {error}")),
                            }
                        }
                        if sessions > 3 {
                            println!("{set}: {sessions} sessions in {:.1} s", began.elapsed().as_secs_f64());
                        }
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no panic");
    let count = count.into_inner();
    println!("{count} sessions of PACE in {all} parameter sets, {} failures, {:.0} s", failures.len(), started.elapsed().as_secs_f64());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(u64::try_from(count), Ok(u64::try_from(all).expect("few") * sessions));
}
