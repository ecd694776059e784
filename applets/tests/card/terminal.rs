//! The terminal's half, as far as the tests of the card need it.

use applets::Card;
use eid::apdu::{Command, Response};
use eid::crypto::agreement::Domain;
use eid::crypto::curve::Curve;
use eid::crypto::kdf::Suite;
use eid::image::{FileId, Home};
use eid::lds::security_info::PaceProtocol;
use eid::protocol::bac;
use eid::protocol::pace::{self, Parameters, Password};
use eid::secret::Secret;
use eid::sm::SecureMessaging;

use crate::common::*;

/// A terminal inside secure messaging.
pub(crate) struct Terminal(pub(crate) SecureMessaging);

impl Terminal {
    pub(crate) fn send(&mut self, card: &mut Card, command: &Command) -> Response {
        let protected = self.0.protect_command(command).expect("protects");
        self.0.unprotect_response(&send(card, &protected)).expect("the answer is protected")
    }

    pub(crate) fn status(&mut self, card: &mut Card, command: &Command) -> u16 {
        self.send(card, command).sw.0
    }

    /// Goes into the application and selects a file.
    pub(crate) fn select(&mut self, card: &mut Card, file: FileId) -> u16 {
        let directory = match file.home {
            Home::Emrtd => Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(eid::image::EMRTD_AID),
            Home::Eid => Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(eid::image::EID_AID),
            Home::Mf => Command::new(0x00, 0xA4, 0x00, 0x0C).with_data([0x3F, 0x00]),
        };
        assert_eq!(self.status(card, &directory), 0x9000);
        self.status(card, &Command::new(0x00, 0xA4, 0x02, 0x0C).with_data(file.fid.to_be_bytes()))
    }

    /// The whole file in pieces of `piece` bytes.
    pub(crate) fn read(&mut self, card: &mut Card, file: FileId, len: usize, piece: usize) -> Vec<u8> {
        assert_eq!(self.select(card, file), 0x9000, "{file}");
        let mut content = Vec::new();
        while content.len() < len {
            let offset = u16::try_from(content.len()).expect("short file").to_be_bytes();
            let wanted = u32::try_from(piece.min(len - content.len())).expect("small");
            let answer = self.send(card, &Command::new(0x00, 0xB0, offset[0], offset[1]).with_le(wanted));
            assert!(answer.sw.is_ok() && !answer.data.is_empty(), "{file} at {}: {answer:?}", content.len());
            content.extend(answer.data);
        }
        content
    }
}

/// PACE with generic mapping over a curve.
pub(crate) fn gm(suite: Suite, curve: Curve) -> Parameters {
    Parameters::new(PaceProtocol::ecdh_gm(suite), Domain::Ec(curve)).expect("go together")
}

/// A run of PACE; the status word of the step that was refused.
pub(crate) fn pace_run(card: &mut Card, suite: Suite, curve: Curve, password: &Password) -> Result<Terminal, u16> {
    let mut rng = rng("terminal");
    let checked = |response: Response| if response.sw.is_ok() { Ok(response.data) } else { Err(response.sw.0) };
    let terminal = pace::Terminal::new(gm(suite, curve), password);
    let selected = send(card, &terminal.select(false));
    assert!(selected.sw.is_ok() || selected.sw.0 & 0xFFF0 == 0x63C0, "{selected:?}");
    let (command, terminal) = terminal.request_nonce();
    let answer = checked(send(card, &command))?;
    let (command, terminal) = terminal.receive(&answer, &mut *rng).expect("nonce");
    let answer = checked(send(card, &command))?;
    let (command, terminal) = terminal.receive(&answer, &mut *rng).expect("mapping");
    let answer = checked(send(card, &command))?;
    let (command, terminal) = terminal.receive(&answer).expect("agreement");
    let answer = card.exchange(&command.encode().expect("command")).map_err(|_| POWER_CUT)?;
    let answer = checked(Response::parse(&answer).expect("response"))?;
    Ok(Terminal(terminal.receive(&answer).expect("token").channel))
}

/// Stands for no answer at all.
const POWER_CUT: u16 = 0;

/// The status word that a run of PACE ends with; `None` if the power was cut at the last step.
pub(crate) fn pace_until_cut(card: &mut Card, suite: Suite, curve: Curve, password: &Password) -> Option<u16> {
    match pace_run(card, suite, curve, password) {
        Ok(_) => Some(0x9000),
        Err(POWER_CUT) => None,
        Err(sw) => Some(sw),
    }
}

pub(crate) fn with_can(card: &mut Card) -> Terminal {
    pace_run(card, Suite::Aes128, Curve::BrainpoolP256r1, &Password::Can(Secret::from(CAN))).expect("right CAN")
}

pub(crate) fn bac_run(card: &mut Card, mrz_information: &str) -> Result<Terminal, u16> {
    select_application(card);
    let challenge = send(card, &bac::get_challenge()).data;
    let (command, terminal) = bac::Terminal::start(&bac::mrz_seed(mrz_information), &challenge, &mut *rng("bac")).expect("challenge");
    let answer = send(card, &command);
    if answer.sw.is_ok() { Ok(Terminal(terminal.finish(&answer.data).expect("right MRZ"))) } else { Err(answer.sw.0) }
}
