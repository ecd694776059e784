//! Chip Authentication on the chip (Doc 9303-11 §6.2, BSI TR-03110-2 §3.4): under secure messaging only; the old keys serve until the
//! answer is out, and stay if the agreement fails.
//!
//! The protocols are those that DG14 and EF.CardAccess announce. Version 2 follows Terminal Authentication version 2 and takes the key
//! that this was bound to, no other. MSE:Set KAT is version 1 with 3DES.

use eid::apdu::{Command, Response};
use eid::crypto::agreement::{AgreementKey, AgreementPrivateKey, Domain};
use eid::crypto::kdf::Suite;
use eid::image::FileId;
use eid::lds::security_info::{Agreement, ChipAuthProtocol, KeyId, SecurityInfos};
use eid::protocol::chip_auth::{self, Agreed, KeyAgreementTemplate, Selection, Version};
use eid::tlv;

use crate::card::{Card, Channel};
use crate::clock::KeyWork;
use crate::fault::Value;
use crate::status::{self, Answer, Refusal, done, refuse};

/// What MSE:Set AT chose for the GENERAL AUTHENTICATE that follows.
#[derive(Debug)]
pub(crate) struct Chosen {
    version: Version,
    protocol: ChipAuthProtocol,
    key: AgreementPrivateKey,
}

impl Card {
    /// MSE:Set AT 00 22 41 A4 { 80 protocol, 84 key id }.
    pub(crate) fn select_chip_auth(&mut self, command: &Command) -> Answer {
        self.needs_session()?;
        self.ram.chip_auth = None;
        let wanted = Selection::parse(&command.data).or(refuse(status::WRONG_DATA))?;
        let version = if self.ram.terminal.bound_to().is_some() { Version::Two } else { Version::One };
        // MSE has no answer to ask for; version 1 is left as cards in the field take it.
        if version == Version::Two && command.le.is_some() {
            return refuse(status::WRONG_LENGTH);
        }
        if !self.announces(version, wanted.protocol, wanted.key_id) {
            // Version 2 without Terminal Authentication before it is a matter of order, not of data.
            let later = version == Version::One && self.announces(Version::Two, wanted.protocol, wanted.key_id);
            return refuse(if later { status::SECURITY_STATUS } else { status::WRONG_DATA });
        }
        let key = self.chip_auth_key(Some(wanted.protocol.agreement), wanted.key_id)?;
        self.ram.chip_auth = Some(Chosen { version, protocol: wanted.protocol, key });
        done()
    }

    /// GENERAL AUTHENTICATE 00 86 00 00 7C { 80 ephemeral key }, chained where it is long.
    pub(crate) fn chip_auth(&mut self, command: &Command) -> Answer {
        self.needs_session()?;
        let Some(chosen) = self.ram.chip_auth.take() else { return refuse(status::CONDITIONS) };
        let Some(data) = self.joined(command)? else {
            self.ram.chip_auth = Some(chosen);
            return done();
        };
        let Chosen { version, protocol, key } = chosen;
        if version == Version::Two && command.le.is_none() {
            return refuse(status::WRONG_LENGTH);
        }
        let ephemeral = chip_auth::general_authenticate(&data).or(refuse(status::WRONG_DATA))?;
        self.agrees(&key, 1);
        let agreed = chip_auth::agree(version, protocol, &key, ephemeral, &mut *self.rng).or(refuse(status::WRONG_DATA))?;
        self.take_channel(version, agreed)
    }

    /// MSE:Set KAT 00 22 41 A6 { 91 ephemeral key, 84 key id }: agreement in one command, always with 3DES.
    pub(crate) fn chip_auth_by_key_agreement_template(&mut self, command: &Command) -> Answer {
        self.needs_session()?;
        self.ram.chip_auth = None;
        let template = KeyAgreementTemplate::parse(&command.data).or(refuse(status::WRONG_DATA))?;
        // Chips without a ChipAuthenticationInfo, only with a key, do 3DES (BSI TR-03110-3 A.1.1.2).
        let silent = self.dg14()?.chip_auth().next().is_none();
        let does = |agreement| self.announces(Version::One, ChipAuthProtocol { agreement, suite: Suite::TripleDes }, template.key_id);
        if !silent && !does(Agreement::Ecdh) && !does(Agreement::Dh) {
            return refuse(status::WRONG_DATA);
        }
        let key = self.chip_auth_key(None, template.key_id)?;
        let agreement = match key {
            AgreementPrivateKey::Ec(_) => Agreement::Ecdh,
            AgreementPrivateKey::Dh(_) => Agreement::Dh,
        };
        let protocol = ChipAuthProtocol { agreement, suite: Suite::TripleDes };
        if !silent && !does(agreement) {
            return refuse(status::WRONG_DATA);
        }
        self.agrees(&key, 1);
        let agreed = chip_auth::agree(Version::One, protocol, &key, &template.ephemeral, &mut *self.rng).or(refuse(status::WRONG_DATA))?;
        let _ = self.take_channel(Version::One, agreed)?;
        done()
    }

    fn take_channel(&mut self, version: Version, agreed: Agreed) -> Answer {
        let Agreed { channel, answer, terminal_key } = agreed;
        match version {
            Version::One => self.ram.terminal.chip_authenticated(&terminal_key),
            Version::Two if self.is_bound_to(&terminal_key) => self.ram.terminal.rights_count(),
            Version::Two => return refuse(status::WRONG_DATA),
        }
        self.ram.chip_authenticated = true;
        self.ram.next_channel = Some(Channel::Messaging(channel));
        Ok(Response::ok(answer))
    }

    /// Whether Terminal Authentication version 2 named this key.
    fn is_bound_to(&self, terminal_key: &AgreementKey) -> bool {
        self.ram.terminal.bound_to().is_some_and(|bound| *bound == terminal_key.compressed() || self.errs(Value::CaBinding))
    }

    /// The work of so many agreements with this key.
    fn agrees(&mut self, key: &AgreementPrivateKey, times: usize) {
        self.works_in(&key.domain(), times);
    }

    /// The work of so many multiplications or exponentiations in this domain.
    pub(crate) fn works_in(&mut self, domain: &Domain, times: usize) {
        match domain {
            Domain::Ec(curve) => self.works(KeyWork::Ec, curve.scalar_len(), times),
            Domain::Dh(group) => self.works(KeyWork::Dh, group.p().len(), times),
        }
    }

    /// Whether DG14 or EF.CardAccess has that protocol in that version, for that key.
    fn announces(&self, version: Version, protocol: ChipAuthProtocol, key_id: Option<KeyId>) -> bool {
        let number = match version {
            Version::One => 1,
            Version::Two => 2,
        };
        self.announcements().iter().flat_map(|infos| infos.chip_auth()).any(|info| {
            let same_key = key_id.is_none() || info.key_id.is_none() || info.key_id == key_id;
            info.protocol == protocol && info.version == number && same_key
        })
    }

    /// The key of that kind and id, or the only one.
    fn chip_auth_key(&self, agreement: Option<Agreement>, key_id: Option<KeyId>) -> Result<AgreementPrivateKey, Refusal> {
        let kind = |key: &AgreementPrivateKey| match key {
            AgreementPrivateKey::Ec(_) => Agreement::Ecdh,
            AgreementPrivateKey::Dh(_) => Agreement::Dh,
        };
        let mut keys = self.own_keys(Value::CaKey, self.chip_auth_keys()?);
        keys.retain(|key| agreement.is_none_or(|wanted| wanted == kind(&key.key)));
        keys.retain(|key| key_id.is_none_or(|wanted| key.key_id.is_some_and(|id| wanted == id)));
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
