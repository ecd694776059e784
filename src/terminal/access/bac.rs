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
    let known = session.habits().external_authenticate_le_00;
    for (last, le) in [(false, known), (true, !known)] {
        let challenge = session.transmit(&bac::get_challenge())?;
        if !challenge.sw.is_ok() {
            return Err(failed("GET CHALLENGE", format!("expected 9000, found {}", said(Some(&challenge.sw)))));
        }
        let started = bac::Terminal::start(seed, &challenge.data, rng);
        let (mut command, terminal) = started.map_err(|error| failed("GET CHALLENGE", error.to_string()))?;
        if le {
            command.le = Some(256);
        }
        let answer = session.transmit(&command)?;
        match answer.sw.0 {
            0x9000 => {
                session.habits_mut().external_authenticate_le_00 = le;
                if le {
                    log.quirks.push(Quirk::new("access.bac-le", "EXTERNAL AUTHENTICATE with Le 00"));
                }
                return terminal.finish(&answer.data).map_err(|error| match error {
                    bac::BacError::Mac => AccessError::Refused { protocol: "BAC", password: "MRZ", sw: None },
                    error => failed("EXTERNAL AUTHENTICATE", error.to_string()),
                });
            }
            0x6700 if !last => {}
            // What was remembered may be wrong.
            _ if !last && le => {}
            _ => return Err(AccessError::Refused { protocol: "BAC", password: "MRZ", sw: Some(answer.sw) }),
        }
    }
    Err(failed("EXTERNAL AUTHENTICATE", "expected 9000, found 6700 twice".to_owned()))
}
