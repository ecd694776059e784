//! Basic Access Control with the card, and the one tolerance that it needs.

use eid::protocol::bac;
use eid::quirk::Quirk;
use eid::secret::Secret;
use eid::sm::SecureMessaging;
use eid::transport::Transport;
use rand_core::CryptoRng;

use super::{AccessError, Log, said};
use crate::session::Session;

pub(super) fn by_bac<T: Transport>(
    session: &mut Session<T>,
    seed: &Secret,
    rng: &mut dyn CryptoRng,
    log: &mut Log,
) -> Result<SecureMessaging, AccessError> {
    let failed = |step, detail: String| AccessError::Failed { protocol: "BAC", step, detail };
    // Some cards answer 6700 to EXTERNAL AUTHENTICATE with Le 28 and want 00; the challenge is spent by then.
    for le in [None, Some(256)] {
        let challenge = session.transmit(&bac::get_challenge())?;
        if !challenge.sw.is_ok() {
            return Err(failed("GET CHALLENGE", format!("expected 9000, found {}", said(Some(&challenge.sw)))));
        }
        let started = bac::Terminal::start(seed, &challenge.data, rng);
        let (mut command, terminal) = started.map_err(|error| failed("GET CHALLENGE", error.to_string()))?;
        command.le = le.or(command.le);
        let answer = session.transmit(&command)?;
        match answer.sw.0 {
            0x9000 => {
                if le.is_some() {
                    log.quirks.push(Quirk::new("access.bac-le", "EXTERNAL AUTHENTICATE with Le 00"));
                }
                return terminal.finish(&answer.data).map_err(|error| match error {
                    bac::BacError::Mac => AccessError::Refused { protocol: "BAC", password: "MRZ", sw: None },
                    error => failed("EXTERNAL AUTHENTICATE", error.to_string()),
                });
            }
            0x6700 if le.is_none() => {}
            _ => return Err(AccessError::Refused { protocol: "BAC", password: "MRZ", sw: Some(answer.sw) }),
        }
    }
    Err(failed("EXTERNAL AUTHENTICATE", "expected 9000, found 6700 twice".to_owned()))
}
