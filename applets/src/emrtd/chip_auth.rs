//! Chip Authentication version 1 on the chip (Doc 9303-11 §6.2): under secure messaging only; the old keys serve until the answer
//! is out, and stay if the agreement fails.
//!
//! The protocols are those that DG14 announces; MSE:Set KAT is the 3DES form.

use eid::apdu::{Command, Response};
use eid::crypto::curve::PrivateKey;
use eid::crypto::kdf::Suite;
use eid::image::FileId;
use eid::lds::security_info::{Agreement, SecurityInfos};
use eid::protocol::chip_auth::{self, KeyAgreementTemplate, Selection};
use eid::tlv;

use crate::card::{Card, Channel};
use crate::status::{self, Answer, Refusal, done, refuse};

/// What MSE:Set AT chose for the GENERAL AUTHENTICATE that follows.
#[derive(Debug)]
pub(crate) struct Chosen {
    suite: Suite,
    key: PrivateKey,
}

impl Card {
    /// MSE:Set AT 00 22 41 A4 { 80 protocol, 84 key id }.
    pub(crate) fn select_chip_auth(&mut self, command: &Command) -> Answer {
        self.needs_session()?;
        self.ram.chip_auth = None;
        let wanted = Selection::parse(&command.data).or(refuse(status::WRONG_DATA))?;
        let infos = self.dg14()?;
        let announced = infos.chip_auth().any(|info| {
            info.protocol == wanted.protocol && (wanted.key_id.is_none() || info.key_id.is_none() || info.key_id == wanted.key_id)
        });
        if wanted.protocol.agreement != Agreement::Ecdh || wanted.protocol.suite == Suite::TripleDes || !announced {
            return refuse(status::WRONG_DATA);
        }
        let key = self.chip_auth_key(wanted.key_id)?;
        self.ram.chip_auth = Some(Chosen { suite: wanted.protocol.suite, key });
        done()
    }

    /// GENERAL AUTHENTICATE 00 86 00 00 7C { 80 ephemeral key }.
    pub(crate) fn chip_auth(&mut self, command: &Command) -> Answer {
        self.needs_session()?;
        let Some(Chosen { suite, key }) = self.ram.chip_auth.take() else { return refuse(status::CONDITIONS) };
        if command.cla & 0x10 != 0 {
            return refuse(status::LAST_OF_CHAIN);
        }
        let ephemeral = chip_auth::general_authenticate(&command.data).or(refuse(status::WRONG_DATA))?;
        let channel = chip_auth::agree(suite, &key, ephemeral).or(refuse(status::WRONG_DATA))?;
        self.ram.next_channel = Some(Channel::Messaging(channel));
        Ok(Response::ok(chip_auth::general_authenticate_answer()))
    }

    /// MSE:Set KAT 00 22 41 A6 { 91 ephemeral key, 84 key id }: agreement in one command, always with 3DES.
    pub(crate) fn chip_auth_by_key_agreement_template(&mut self, command: &Command) -> Answer {
        self.needs_session()?;
        self.ram.chip_auth = None;
        let template = KeyAgreementTemplate::parse(&command.data).or(refuse(status::WRONG_DATA))?;
        let infos = self.dg14()?;
        // Chips without a ChipAuthenticationInfo, only with a key, do 3DES (BSI TR-03110-3 A.1.1.2).
        let announced = infos.chip_auth().next().is_none() || infos.chip_auth().any(|info| info.protocol.suite == Suite::TripleDes);
        if !announced {
            return refuse(status::WRONG_DATA);
        }
        let key = self.chip_auth_key(template.key_id)?;
        let channel = chip_auth::agree(Suite::TripleDes, &key, &template.ephemeral).or(refuse(status::WRONG_DATA))?;
        self.ram.next_channel = Some(Channel::Messaging(channel));
        done()
    }

    /// The key of that id, or the only one.
    fn chip_auth_key(&self, key_id: Option<u32>) -> Result<PrivateKey, Refusal> {
        let mut keys = self.chip_auth_keys()?;
        keys.retain(|key| key_id.is_none() || key.key_id == key_id);
        match (keys.pop(), keys.is_empty()) {
            (Some(only), true) => Ok(only.key),
            _ => refuse(status::NO_REFERENCE),
        }
    }

    /// The chip's own reading of DG14.
    pub(crate) fn dg14(&self) -> Result<SecurityInfos, Refusal> {
        let file = FileId::dg(14).ok_or(Refusal::Status(status::NO_REFERENCE))?;
        let bytes = self.file(file)?.ok_or(Refusal::Status(status::NO_REFERENCE))?;
        let infos = tlv::single(bytes, 0x6E).or(refuse(status::NO_REFERENCE))?.value;
        SecurityInfos::parse(infos).or(refuse(status::NO_REFERENCE))
    }

    /// These protocols only make sense where nobody listens.
    pub(crate) const fn needs_session(&self) -> Result<(), Refusal> {
        if self.ram.access.is_some() { Ok(()) } else { refuse(status::SECURITY_STATUS) }
    }
}
