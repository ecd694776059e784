//! What a card offers, read from it before the tests: EF.ATR/INFO, EF.DIR, EF.CardAccess, then with a password EF.COM, EF.SOD, EF.DG14,
//! EF.DG15, EF.CardSecurity, and by trying what no file says (GET CHALLENGE, READ BINARY with odd instruction, whether DG3 and DG4 open).
//!
//! This reading is tolerant, unlike the tests: a card that wants another form of SELECT shall still be tested. What an implementation
//! conformance statement says goes before what was read ([`Statement`]).

use std::collections::{BTreeMap, BTreeSet};

use eid::apdu::Command;
use eid::crypto::agreement::Domain;
use eid::crypto::hash::Hash;
use eid::crypto::signature::PublicKey;
use eid::image::{EID_AID, EMRTD_AID, FileId};
use eid::lds::Elementary as _;
use eid::lds::card_access::CardAccess;
use eid::lds::card_security::CardSecurity;
use eid::lds::com::Com;
use eid::lds::dg1::Dg1;
use eid::lds::dg14::Dg14;
use eid::lds::dg15::Dg15;
use eid::lds::security_info::{Mapping, PaceProtocol, SecurityInfo, SecurityInfos};
use eid::lds::sod::Sod;
use eid::protocol::chip_auth::choice::{self, Choice};
use eid::protocol::chip_auth::{Form, Version};
use eid::protocol::pace::{Parameters, Password};
use eid::protocol::terminal_auth::identifier_of_mrz;
use eid::transport::Transport;
use eid::{oid, tlv};
use rand_core::CryptoRng;

use super::feature::Feature;
use super::statement::Statement;
use crate::session::{Session, SessionError};
use crate::terminal::access::{self, AccessError, Fallback, Log};
use crate::terminal::pin;
use crate::terminal::read;

/// id-RI: restricted identification.
const RESTRICTED: &str = "0.4.0.127.0.7.2.2.5";

/// What is known of the card under test.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// Answer to reset.
    pub atr: Vec<u8>,
    /// What the card has: by its files, and by the statement.
    pub features: BTreeSet<Feature>,
    /// Why the statement says that the card does not have something.
    pub excluded: BTreeMap<Feature, String>,
    /// Where card and statement contradict each other, and what could not be found out, in words.
    pub remarks: Vec<String>,
    /// EF.CardSecurity as read under PACE, unverified.
    pub card_security: Option<Vec<u8>>,
    /// PACE of EF.CardAccess that is supported here, the strongest first.
    pub(super) pace: Vec<Parameters>,
    /// Protocols of all its PACEInfos.
    pub(super) offered: Vec<PaceProtocol>,
    /// Ways of Chip Authentication version 1, the strongest first.
    pub(super) chip_auth: Vec<Choice>,
    /// The same of version 2.
    pub(super) chip_auth_2: Vec<Choice>,
    pub(super) active_auth: Option<(PublicKey, Option<Hash>)>,
    /// Document number and check digit, by which a terminal knows the chip after Basic Access Control.
    pub(super) identifier: Option<Vec<u8>>,
    /// File identifier and short file identifier of EF.CVCA.
    pub(super) cvca: (u16, u8),
    /// Restricted identification: content octets of the protocol, and the reference of the key.
    pub(super) restricted: Vec<(Vec<u8>, Vec<u8>)>,
    /// Data groups of the eID application by their numbers, whole files, as an authentication terminal with all rights read them.
    pub eid: BTreeMap<u8, Vec<u8>>,
}

impl Profile {
    /// Reads it from the card with the first of `passwords` that the card takes; afterwards the card is reset.
    ///
    /// # Errors
    /// The card does not open, or is not there.
    pub fn read(
        transport: &mut dyn Transport,
        passwords: &[Password],
        statement: &Statement,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, AccessError> {
        let mut session = Session::new(transport);
        let cvca = (FileId::CVCA.fid, FileId::CVCA.sfi());
        let mut profile = Self { atr: session.atr()?, cvca, ..Self::default() };
        profile.in_the_clear(&mut session)?;
        session.restart()?;
        let mut log = Log::default();
        let opened = match access::open(&mut session, passwords, Fallback::BasicAccessControl, rng, &mut log) {
            // PACE may have opened the MF, whose files can be tested.
            Err(AccessError::NoApplication { .. }) => {
                // It gives challenges all the same, for something else.
                profile.features.remove(&Feature::Bac);
                false
            }
            Err(error) => return Err(error),
            Ok(_) => {
                profile.features.insert(Feature::App);
                true
            }
        };
        if let Some(bytes) = &log.card_access {
            match CardAccess::parse(bytes) {
                Ok(file) => profile.card_access(&file.infos),
                Err(error) => profile.remarks.push(format!("EF.CardAccess: {error}")),
            }
        }
        if passwords.iter().any(|password| matches!(password, Password::Can(_))) && profile.has(Feature::Pace) {
            profile.features.insert(Feature::Can);
        }
        if opened {
            profile.data_groups(&mut session)?;
            match profile.odd_instruction(&mut session) {
                Err(SessionError::SecureMessaging(error)) => {
                    profile.remarks.push(format!("READ BINARY B1 ends the session: {error}"));
                    session.restart()?;
                    access::open(&mut session, passwords, Fallback::BasicAccessControl, rng, &mut Log::default())?;
                }
                done => done?,
            }
        }
        if log.pace.is_some() {
            session.transmit(&select_mf())?;
            profile.card_security = file(&mut session, FileId::CARD_SECURITY)?;
            profile.features.extend(profile.card_security.as_ref().map(|_| Feature::Cs));
            if let Some(Ok(security)) = profile.card_security.as_deref().map(CardSecurity::parse) {
                profile.restricted_identification(&security.infos);
                if profile.chip_auth_2.is_empty() {
                    let ways = choice::choices(&security.infos, &mut Vec::new()).ways;
                    profile.chip_authentication_2(&ways);
                }
            }
        }
        profile.holder(&mut session, passwords, rng)?;
        session.restart()?;
        profile.state(statement);
        Ok(profile)
    }

    /// PIN and PUK count their tries, so they are tested only where all tries are left and what was given is right.
    fn holder<T: Transport>(
        &mut self,
        session: &mut Session<T>,
        passwords: &[Password],
        rng: &mut dyn CryptoRng,
    ) -> Result<(), AccessError> {
        for password in passwords {
            let feature = match password {
                Password::Pin(_) => Feature::Pin,
                Password::Puk(_) => Feature::Puk,
                Password::Mrz(_) | Password::Can(_) => continue,
            };
            let name = password.name();
            let status = match pin::status(session) {
                Ok(status) => status,
                Err(error) => {
                    self.remarks.push(format!("the {name} is not tested: {error}"));
                    continue;
                }
            };
            let state = if feature == Feature::Pin { status.pin } else { status.puk };
            if state != pin::State::Usable(None) {
                self.remarks.push(format!("the {name} is not tested, as it does not have all its tries: {state}"));
                continue;
            }
            match access::by_password(session, std::slice::from_ref(password), rng, &mut Log::default()) {
                Ok(_) => {
                    self.features.insert(feature);
                }
                Err(error) => {
                    self.remarks.push(format!("the {name} is not tested, as the one that was given does not open the card: {error}"))
                }
            }
        }
        Ok(())
    }

    /// Whether the card has it.
    #[must_use]
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    fn in_the_clear<T: Transport>(&mut self, session: &mut Session<T>) -> Result<(), SessionError> {
        for (id, feature) in [(FileId::ATR_INFO, Feature::EfAtr), (FileId::DIR, Feature::EfDir)] {
            session.restart()?;
            session.transmit(&select_mf())?;
            let selected = session.transmit(&Command::new(0x00, 0xA4, 0x02, 0x0C).with_data(id.fid.to_be_bytes()))?;
            let read = session.transmit(&Command::new(0x00, 0xB0, 0x80 | id.sfi(), 0).with_le(256))?;
            if selected.sw.is_ok() || !read.data.is_empty() {
                self.features.insert(feature);
            }
        }
        session.restart()?;
        session.transmit(&Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(EMRTD_AID))?;
        let challenge = session.transmit(&eid::protocol::bac::get_challenge())?;
        if challenge.sw.is_ok() && challenge.data.len() == 8 {
            self.features.insert(Feature::Bac);
        }
        session.restart()?;
        let eid = session.transmit(&Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(EID_AID))?;
        if eid.sw.is_ok() {
            // That such a chip judges auxiliary data is taken for granted, unless the statement says otherwise.
            self.features.extend([Feature::EId, Feature::Aux]);
        }
        Ok(())
    }

    fn card_access(&mut self, infos: &SecurityInfos) {
        self.terminal_authentication(infos);
        self.restricted_identification(infos);
        let mut sets = BTreeSet::new();
        for info in infos.pace() {
            self.features.insert(Feature::Pace);
            self.offered.push(info.protocol);
            match Parameters::from_info(info, infos) {
                Ok(parameters) => {
                    sets.insert(parameters.id());
                    self.features.insert(match info.protocol.mapping() {
                        Mapping::Generic => Feature::Gm,
                        Mapping::Integrated => Feature::Im,
                        Mapping::ChipAuthentication => Feature::Cam,
                    });
                    if !self.pace.contains(&parameters) {
                        self.pace.push(parameters);
                    }
                }
                Err(error) => self.remarks.push(format!("EF.CardAccess: a PACEInfo is not tested: {error}")),
            }
        }
        self.pace.sort_by_key(|parameters| std::cmp::Reverse(parameters.strength()));
        if sets.len() == 1 {
            self.features.insert(Feature::OneSet);
        }
        if let Some(used) = self.pace.first() {
            self.features.insert(match used.domain() {
                Domain::Ec(_) => Feature::PaceEcdh,
                Domain::Dh(_) => Feature::PaceDh,
            });
        }
    }

    fn data_groups<T: Transport>(&mut self, session: &mut Session<T>) -> Result<(), AccessError> {
        let com = file(session, FileId::COM)?.and_then(|bytes| Com::parse(&bytes).ok());
        let sod = file(session, FileId::SOD)?.and_then(|bytes| Sod::parse(&bytes).ok());
        let listed = com.iter().flat_map(Com::data_groups).chain(sod.iter().flat_map(|sod| sod.data_groups().collect::<Vec<_>>()));
        self.features.extend(listed.map(Feature::Dg));
        for number in [3, 4] {
            if self.has(Feature::Dg(number)) && FileId::dg(number).is_some_and(|dg| is_guarded(session, dg)) {
                self.features.insert(Feature::Eac);
            }
        }
        if let Some(dg1) = file(session, FileId::dg(1).unwrap_or(FileId::COM))?.and_then(|bytes| Dg1::parse(&bytes).ok()) {
            self.identifier = Some(identifier_of_mrz(&dg1.mrz));
        }
        let of = |number| FileId::dg(number).filter(|_| self.features.contains(&Feature::Dg(number)));
        let dg14 = match of(14) {
            Some(id) => file(session, id)?.and_then(|bytes| Dg14::parse(&bytes).ok()),
            None => None,
        };
        let dg15 = match of(15) {
            Some(id) => file(session, id)?.and_then(|bytes| Dg15::parse(&bytes).ok()),
            None => None,
        };
        if let Some(dg14) = &dg14 {
            self.chip_authentication(&dg14.infos);
            self.terminal_authentication(&dg14.infos);
        }
        match dg15.map(|dg15| dg15.key()) {
            Some(Ok(info)) => {
                self.features.insert(Feature::Aa);
                self.features.insert(if matches!(info.key, PublicKey::Rsa(_)) { Feature::AaRsa } else { Feature::AaEcdsa });
                self.active_auth = Some((info.key, dg14.and_then(|dg14| dg14.infos.active_auth_hash())));
            }
            Some(Err(error)) => self.remarks.push(format!("EF.DG15: {error}")),
            None => {}
        }
        Ok(())
    }

    fn chip_authentication(&mut self, infos: &SecurityInfos) {
        let choices = choice::choices(infos, &mut Vec::new());
        self.chip_authentication_2(&choices.ways);
        self.remarks.extend(choices.unusable.into_iter().map(|why| format!("EF.DG14: not tested: {why}")));
        self.chip_auth = choices.ways.into_iter().filter(|way| way.version == Version::One).collect();
        for way in &self.chip_auth {
            self.features.insert(Feature::Ca);
            self.features.insert(match Form::usual(Version::One, way.protocol.suite) {
                Form::KeyAgreementTemplate => Feature::Kat,
                Form::AuthenticationTemplate => Feature::At,
            });
        }
        if let Some(used) = self.chip_auth.first() {
            self.features.insert(match used.key.domain() {
                Domain::Ec(_) => Feature::CaEcdh,
                Domain::Dh(_) => Feature::CaDh,
            });
        }
    }

    /// TerminalAuthenticationInfo ::= SEQUENCE { protocol, version INTEGER, efCVCA FileID OPTIONAL }
    /// FileID ::= SEQUENCE { fid OCTET STRING (2), sfid OCTET STRING (1) OPTIONAL } (Doc 9303-11 §9.2.6)
    fn terminal_authentication(&mut self, infos: &SecurityInfos) {
        for info in infos.infos() {
            let SecurityInfo::TerminalAuth { version, ef_cvca } = info else { continue };
            self.features.extend([if *version == 1 { Feature::Ta } else { Feature::Ta2 }, Feature::Date]);
            let named = ef_cvca.as_deref().and_then(|raw| {
                let mut reader = tlv::single(raw, 0x30).ok()?.reader();
                let fid = u16::from_be_bytes(reader.expect(0x04).ok()?.value.try_into().ok()?);
                let sfi = reader.optional(0x04).ok()?.and_then(|sfi| sfi.value.first().copied()).unwrap_or(fid.to_be_bytes()[1] & 0x1F);
                Some((fid, sfi))
            });
            self.cvca = named.unwrap_or(self.cvca);
        }
    }

    /// RestrictedIdentificationInfo ::= SEQUENCE { protocol, params SEQUENCE { version INTEGER, keyId INTEGER, authorizedOnly BOOLEAN }, … }
    /// (TR-03110-3 A.1.1.4)
    fn restricted_identification(&mut self, infos: &SecurityInfos) {
        let arc = oid::encode(RESTRICTED);
        for info in infos.infos() {
            let SecurityInfo::Other { oid: name, raw } = info else { continue };
            let Ok(protocol) = oid::parse(name) else { continue };
            let Some(below) = protocol.strip_prefix(arc.as_slice()) else { continue };
            let key_id = || {
                let mut fields = tlv::single(raw, 0x30).ok()?.reader();
                fields.expect(0x06).ok()?;
                let mut parameters = fields.expect(0x30).ok()?.reader();
                parameters.expect(0x02).ok()?;
                Some(parameters.expect(0x02).ok()?.value.to_vec())
            };
            match (below.len(), key_id()) {
                // the kind of agreement alone names domain parameters, which have no parameters of that form
                (1, _) => {
                    self.features.insert(Feature::RiDp);
                }
                (_, Some(key_id)) => {
                    self.features.insert(Feature::Ri);
                    if !self.restricted.contains(&(protocol.clone(), key_id.clone())) {
                        self.restricted.push((protocol, key_id));
                    }
                }
                (_, None) => self.remarks.push(format!("restricted identification {name} is not tested: its parameters cannot be read")),
            }
        }
    }

    /// The files of the eID application that were read.
    #[must_use]
    pub fn eid_files(&self) -> BTreeMap<FileId, Vec<u8>> {
        self.eid.iter().filter_map(|(number, bytes)| Some((FileId::eid(*number)?, bytes.clone()))).collect()
    }

    /// Takes the data groups of the eID application that were read, unless the statement says that they are not there.
    pub(super) fn eid_groups(&mut self, groups: BTreeMap<u8, Vec<u8>>) {
        let there = groups.keys().map(|number| Feature::EidDg(*number)).filter(|feature| !self.excluded.contains_key(feature));
        self.features.extend(there);
        self.eid = groups;
    }

    fn chip_authentication_2(&mut self, ways: &[Choice]) {
        for way in ways.iter().filter(|way| way.version == Version::Two) {
            let kind = match way.key.domain() {
                Domain::Ec(_) => Feature::Ca2Ecdh,
                Domain::Dh(_) => Feature::Ca2Dh,
            };
            if self.chip_auth_2.is_empty() {
                self.features.extend([Feature::Ca2, kind]);
            }
            self.chip_auth_2.push(way.clone());
        }
    }

    /// READ BINARY B1 of EF.COM.
    fn odd_instruction<T: Transport>(&mut self, session: &mut Session<T>) -> Result<(), SessionError> {
        let read = Command::new(0x00, 0xB1, 0x00, FileId::COM.sfi()).with_data([0x54, 0x02, 0x00, 0x00]).with_le(6);
        let answer = session.transmit(&read)?;
        if answer.data.first() == Some(&0x53) {
            self.features.insert(Feature::OddIns);
        }
        Ok(())
    }

    /// What the statement says goes before what was read.
    fn state(&mut self, statement: &Statement) {
        for feature in &statement.has {
            if self.features.insert(*feature) {
                self.remarks.push(format!("the statement says that the card has {feature}; it does not show it"));
            }
        }
        for (feature, reason) in &statement.has_not {
            if self.features.remove(feature) {
                self.remarks.push(format!("the statement says that the card has no {feature} ({reason}); it shows it"));
            }
            self.excluded.insert(*feature, reason.clone());
        }
    }
}

fn select_mf() -> Command {
    Command::new(0x00, 0xA4, 0x00, 0x0C).with_data([0x3F, 0x00])
}

/// A file, if it can be read.
fn file<T: Transport>(session: &mut Session<T>, id: FileId) -> Result<Option<Vec<u8>>, AccessError> {
    match read::read_file(session, id, &mut Vec::new(), &mut |_| {}) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(read::ReadError::Session { source, .. }) => Err(source.into()),
        Err(_) => Ok(None),
    }
}

/// Whether a data group is there and does not open with the session alone.
fn is_guarded<T: Transport>(session: &mut Session<T>, id: FileId) -> bool {
    matches!(read::read_file(session, id, &mut Vec::new(), &mut |_| {}), Err(read::ReadError::Protected { .. }))
}
