//! VERIFY of authenticated auxiliary data (TR-03110-3 B.6 and B.14.10): 8C 20 80 00 { 06 identifier }.

use eid::apdu::Command;
use eid::image::FileId;
use eid::lds::eid::EidGroup;
use eid::oid;
use eid::protocol::auxiliary::{Question, committed};

use crate::card::Card;
use crate::fault::Value;
use crate::status::{self, Answer, Refusal, done, refuse};

impl Card {
    /// 9000 yes; 6300 no; 6982 a terminal without the right; 6A88 a question that is not known, not committed to, or without a data group.
    pub(crate) fn verify_auxiliary_data(&mut self, command: &Command) -> Answer {
        // a question that could be heard in the air would be none
        self.needs_session()?;
        if (command.p1, command.p2) != (0x80, 0x00) {
            return refuse(status::WRONG_P1P2);
        }
        let Some(rights) = self.ram.terminal.general_rights() else { return refuse(status::SECURITY_STATUS) };
        let identifier = Question::asked(&command.data).ok_or(Refusal::Status(status::WRONG_DATA))?;
        let question = Question::of_octets(identifier).ok_or(Refusal::Status(status::NO_REFERENCE))?;
        let allowed = question.right().is_none_or(|right| rights.allows_authentication_terminal(right))
            && rights.terminal() == eid::cert::chat::TerminalType::Authentication;
        if !allowed && !self.errs(Value::AuxRights) {
            return refuse(status::SECURITY_STATUS);
        }
        let file = FileId::eid(question.group()).ok_or(Refusal::Status(status::NO_REFERENCE))?;
        let stored = match self.updated(file)? {
            Some(bytes) => Some(bytes),
            None => self.file(file)?,
        };
        let stored = stored.and_then(|bytes| EidGroup::read(file, &whole(bytes), &mut Vec::new()).ok());
        let auxiliary = self.ram.terminal.granted().map(|granted| granted.auxiliary.as_slice()).unwrap_or_default();
        let counts = if self.errs(Value::AuxFirst) { first(auxiliary, question) } else { committed(auxiliary, identifier) };
        let (Some(stored), Some(value)) = (stored, counts) else { return refuse(status::NO_REFERENCE) };
        match question.holds(&stored, value) {
            Some(true) => done(),
            Some(false) => refuse(status::AUTH_FAILED),
            None => refuse(status::WRONG_DATA),
        }
    }
}

/// The one object that a file begins with: after an update with a shorter one the rest of the old one follows it.
fn whole(bytes: &[u8]) -> Vec<u8> {
    let len = eid::tlv::announced_len(bytes).unwrap_or(bytes.len());
    bytes.get(..len).unwrap_or(bytes).to_vec()
}

/// The first template for the question, where a wrong card should take the last.
fn first(auxiliary: &[u8], question: Question) -> Option<&[u8]> {
    let identifier = oid::encode(question.oid());
    let mut templates = eid::tlv::single(auxiliary, 0x67u32).ok()?.reader();
    while let Ok(Some(template)) = templates.next() {
        let mut inside = template.reader();
        if inside.expect(0x06u32).is_ok_and(|kind| kind.value == identifier) {
            return inside.expect(0x53u32).ok().map(|value| value.value);
        }
    }
    None
}
