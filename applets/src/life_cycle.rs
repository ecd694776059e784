//! The states of card and application, and the status object DF20 that tells an issuer where a card stands (applet design 4.4).
//!
//! From state 1F on the object is given in an SCP03 session only: its nonce is fixed, so in clear it would let anybody track the
//! holder. In state 7F the state alone is given.

use eid::apdu::{Command, Response};
use eid::image::LifeCycle;
use eid::tlv;

use crate::card::Card;
use crate::status::{self, Answer, refuse};

/// Card state CARD_LOCKED (GPCS clause 5.1.1.4).
pub(crate) const CARD_LOCKED: u8 = 0x7F;
/// Card state TERMINATED.
pub(crate) const CARD_TERMINATED: u8 = 0xFF;

impl Card {
    /// DF20 { 80 state, 81 nonce, 82 identifiers of the finished DGIs, 83 digest, 84 free bytes, 85 last error, 86 KVN }.
    pub(crate) fn status_object(&self) -> Vec<u8> {
        let meta = self.store.meta();
        let mut value = tlv::encode(0x80, &[meta.state.code()]);
        if meta.state != LifeCycle::Terminated {
            if let Some(nonce) = meta.nonce {
                tlv::push(&mut value, 0x81, &nonce);
            }
            if meta.nonce.is_some() {
                let done: Vec<u8> = self.store.done().into_iter().flat_map(u16::to_be_bytes).collect();
                tlv::push(&mut value, 0x82, &done);
            }
            if let Some(digest) = meta.digest {
                tlv::push(&mut value, 0x83, &digest);
            }
            tlv::push(&mut value, 0x84, &u16::try_from(self.store.free()).unwrap_or(u16::MAX).to_be_bytes());
            tlv::push(&mut value, 0x85, &[self.ram.last_error]);
            if let Ok(keys) = self.store.keys() {
                tlv::push(&mut value, 0x86, &[keys.kvn]);
            }
        }
        tlv::encode(0xDF20, &value)
    }

    /// GET DATA DF20, to the application or to the issuer domain.
    pub(crate) fn get_status_object(&self, command: &Command) -> Answer {
        if !command.data.is_empty() {
            return refuse(status::WRONG_LENGTH);
        }
        let secret = matches!(self.store.meta().state, LifeCycle::Personalized | LifeCycle::Operational);
        if secret && self.ram.level.is_none() { refuse(status::SECURITY_STATUS) } else { Ok(Response::ok(self.status_object())) }
    }
}

/// Whether the card may go from one state to another (GPCS clause 5.1.2): forward to SECURED, between SECURED and CARD_LOCKED, and
/// to TERMINATED from anywhere. A state that the card already has is refused.
pub(crate) const fn card_transition(from: u8, to: u8) -> bool {
    match (from, to) {
        (CARD_TERMINATED, _) => false,
        (_, CARD_TERMINATED) | (0x01, 0x07 | 0x0F) | (0x07, 0x0F) | (0x0F, CARD_LOCKED) | (CARD_LOCKED, 0x0F) => true,
        _ => false,
    }
}
