//! PUT KEY (GPCS clause 11.8): the whole SCP03 key set is replaced at once, by one of the same size.
//!
//! There is room for one key set: adding a second one (P1 = 00) is refused with 6A84, unless the first has the version FF that
//! GlobalPlatform gives to initial keys.

use eid::apdu::{Command, Response};
use eid::scp03::keys::KeyError;
use eid::scp03::put_key;

use crate::card::Card;
use crate::status::{self, Answer, Refusal, refuse};
use crate::store::KeySet;

const INITIAL_KVN: u8 = 0xFF;

impl Card {
    /// PUT KEY 80 D8 KVN 81. The open session goes on with the keys that it was opened with.
    pub(crate) fn put_key(&mut self, command: &Command) -> Answer {
        self.in_domain_session()?;
        let current = self.store.keys()?;
        match command.p1 {
            0x00 if current.kvn != INITIAL_KVN => return refuse(status::NO_MEMORY),
            0x00 => {}
            kvn if kvn != current.kvn => return refuse(status::NO_REFERENCE),
            _ => {}
        }
        if command.p2 != 0x81 {
            return refuse(status::WRONG_P1P2);
        }
        let dek = self.ram.dek.as_ref().ok_or(Refusal::Status(status::SECURITY_STATUS))?;
        let (kvn, keys) = put_key::parse(&command.data, dek).map_err(|error| {
            Refusal::Status(if matches!(error, KeyError::CheckValue { .. }) { status::SECURITY_STATUS } else { status::WRONG_DATA })
        })?;
        if keys.len() != current.keys.len() {
            return refuse(status::WRONG_DATA);
        }
        let answer = put_key::answer(kvn, &keys);
        self.store.replace_keys(&KeySet { kvn, keys })?;
        Ok(Response::ok(answer))
    }
}
