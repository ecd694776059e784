//! Terminal Authentication: the terminal shows its certificates and signs, so that the chip opens DG3 and DG4.
//!
//! It says nothing about the card: a chip that refuses has its reasons, and DG3 and DG4 then are protected, not missing. The path starts at
//! the newest key that the chip names, in its answer to PACE or in EF.CVCA.

use eid::apdu::Command;
use eid::cert::cvc::KeyReference;
use eid::cert::spki;
use eid::crypto::agreement::{AgreementPrivateKey, Domain};
use eid::crypto::signature::PublicKey;
use eid::image::FileId;
use eid::lds::Elementary as _;
use eid::lds::card_security::CardSecurity;
use eid::lds::cvca::Cvca;
use eid::lds::dg1::Dg1;
use eid::lds::dg14::Dg14;
use eid::lds::security_info::{SecurityInfo, SecurityInfos};
use eid::oid;
use eid::protocol::chip_auth;
use eid::protocol::chip_auth::choice;
use eid::protocol::finding::{Check, Finding, Outcome};
use eid::protocol::terminal_auth::{self as ta, Version, path};
use eid::quirk::Quirk;
use eid::tlv;
use eid::transport::Transport;

use super::super::access::{self, AccessError};
use super::super::credentials::TerminalCredentials;
use super::super::evidence::{CARD_SECURITY, TerminalAuth};
use super::super::read::{self, ReadError};
use super::chip::{CA, ChipAuthenticated};
use super::{General, Run, dg};
use crate::session::SessionError;

pub(in crate::terminal) mod again;

/// Length of EF.CVCA, to ask for it by short identifier.
const LE: u32 = 36;
const TA: Check = Check::new("ta", "Doc 9303-11 §7.1");

/// What the terminal's signature covers beside the chip's challenge.
struct Bound<'a> {
    /// ID_IC.
    chip: Vec<u8>,
    /// Comp(PK) of the terminal's ephemeral key.
    key: &'a [u8],
    version: Version,
}

impl<T: Transport> Run<'_, '_, T> {
    /// Opens the card. Where it announces the General Authentication Procedure, and the terminal has a key for it, this comes before the
    /// application is selected.
    pub(super) fn open(&mut self) -> Result<access::Method, AccessError> {
        let under_way = matches!(self.general, General::UnderWay);
        let chat = self.request.terminal.filter(|_| !under_way).map(|credentials| credentials.own().chat());
        let opened = access::open_for(self.session, self.request.passwords, self.request.fallback, chat, self.rng, &mut self.log)?;
        if let (Some(announced), Some(credentials)) = (&opened.general, self.request.terminal) {
            self.general = General::UnderWay;
            let done = self.general_procedure(credentials, announced);
            self.general = done?.map_or(General::No, |(ca, ta)| General::Done { ca: Box::new(ca), ta: Box::new(ta) });
            access::select_application(self.session, &mut self.log)?;
        }
        Ok(opened.method)
    }

    /// Opens the card and shows the terminal to it; no application is selected.
    pub(super) fn prove(&mut self, credentials: &TerminalCredentials) -> Result<(Finding, Finding), AccessError> {
        let chat = Some(credentials.own().chat());
        self.general = General::UnderWay;
        let opened = access::open_for(self.session, self.request.passwords, self.request.fallback, chat, self.rng, &mut self.log)?;
        let no_way = || AccessError::NoWay {
            offered: "no Terminal and Chip Authentication version 2",
            given: credentials.own().holder().to_string(),
        };
        let announced = opened.general.ok_or_else(no_way)?;
        self.general_procedure(credentials, &announced)?.ok_or_else(no_way)
    }

    /// Terminal Authentication version 2, EF.CardSecurity, Chip Authentication version 2 with its key (TR-03110-2 §3.1). `None` where the card
    /// turns out not to be made for it: then DG14 says what follows.
    fn general_procedure(
        &mut self,
        credentials: &TerminalCredentials,
        announced: &SecurityInfos,
    ) -> Result<Option<(Finding, Finding)>, AccessError> {
        let check = read::check(FileId::CARD_SECURITY);
        let asked = self.log.findings.iter().any(|finding| finding.id() == check.id);
        if !asked && announced_domain(announced).is_none() {
            access::card_security(self.session, &mut self.log)?;
            if self.log.card_security.is_none() {
                // its key stands in DG14
                self.log.findings.retain(|finding| finding.id() != check.id);
                return Ok(None);
            }
        }
        let mut way = self.signed_way();
        let domain = way.as_ref().map(|way| way.key.domain()).or_else(|| announced_domain(announced));
        let (Some(domain), Some(pace)) = (domain, &self.log.pace) else { return Ok(None) };
        let (chip, ephemeral) = (pace.chip_key.compressed(), AgreementPrivateKey::generate(&domain, self.rng));
        let key = ephemeral.public().compressed();
        let ta = self.authenticate(credentials, &Bound { chip, key: &key, version: Version::Two })?;
        if ta.outcome != Outcome::Passed {
            let text = "Chip Authentication version 2 follows Terminal Authentication version 2, which was not done";
            return Ok(Some((CA.not_attempted("no-terminal-authentication", text), ta)));
        }
        if self.log.card_security.is_none() {
            access::card_security(self.session, &mut self.log)?;
            way = self.signed_way();
        }
        let ca = match way.filter(|way| way.key.domain() == domain) {
            Some(way) => self.chip_authentication_2(&way, &ephemeral)?.finding.with("file", CARD_SECURITY),
            None => CA.not_attempted("no-card-security", "EF.CardSecurity has no key of the domain that EF.CardAccess announces"),
        };
        Ok(Some((ca, ta)))
    }

    /// The strongest way of version 2 that EF.CardSecurity offers; whether the issuer signed it is judged with the other signatures.
    fn signed_way(&mut self) -> Option<choice::Choice> {
        let security = self.log.card_security.as_deref().and_then(|bytes| CardSecurity::parse(bytes).ok())?;
        let ways = choice::choices(&security.infos, &mut self.log.quirks).ways;
        ways.into_iter().find(|way| way.version == chip_auth::Version::Two)
    }

    /// Chip Authentication, then Terminal Authentication where the terminal has a key for it, in the order of the version that the chip offers.
    pub(super) fn chip_and_terminal(&mut self, dg14: Option<&Dg14>) -> Result<(Finding, Finding), AccessError> {
        let card_access = self.files.get(&FileId::CARD_ACCESS).and_then(|bytes| SecurityInfos::parse(bytes).ok());
        let offered = |version: u8| {
            let infos = dg14.iter().map(|dg14| &dg14.infos).chain(&card_access);
            infos.flat_map(|infos| infos.infos()).any(|info| matches!(info, SecurityInfo::TerminalAuth { version: v, .. } if *v == version))
        };
        let first = dg14.is_some_and(|dg14| {
            choice::choices(&dg14.infos, &mut Vec::new()).ways.iter().any(|way| way.version == chip_auth::Version::One)
        });
        match self.request.terminal {
            // Version 2 only where the chip has no key for version 1: Doc 9303 knows only that.
            Some(credentials) if !first && offered(2) => self.version_2(credentials, dg14),
            credentials => {
                let ca = self.chip_authentication(dg14)?;
                let ta = match (credentials, offered(1)) {
                    (_, false) => {
                        TA.not_attempted("not-offered", "neither DG14 nor EF.CardAccess announces Terminal Authentication version 1")
                    }
                    (None, true) => TA.not_attempted("no-terminal-key", "no terminal key was given"),
                    (Some(credentials), true) => self.version_1(credentials, &ca)?,
                };
                Ok((ca.finding, ta))
            }
        }
    }

    fn version_1(&mut self, credentials: &TerminalCredentials, ca: &ChipAuthenticated) -> Result<Finding, AccessError> {
        if self.broken {
            return Ok(TA.not_attempted("channel-broken", "the secure channel broke before"));
        }
        let Some(key) = &ca.key else {
            return Ok(
                TA.not_attempted("no-chip-authentication", "Terminal Authentication binds to Chip Authentication, which was not done")
            );
        };
        let Some(chip) = self.chip_identifier()? else {
            return Ok(TA.not_attempted("not-readable", "without DG1 the chip's identifier is not known"));
        };
        self.authenticate(credentials, &Bound { chip, key, version: Version::One })
    }

    /// Terminal Authentication, then Chip Authentication with the key that it was bound to.
    fn version_2(&mut self, credentials: &TerminalCredentials, dg14: Option<&Dg14>) -> Result<(Finding, Finding), AccessError> {
        let choices = dg14.map(|dg14| choice::choices(&dg14.infos, &mut self.log.quirks)).unwrap_or_default();
        let way = choices.ways.into_iter().find(|way| way.version == chip_auth::Version::Two);
        let Some(way) = way.filter(|_| !self.broken) else {
            let ca = self.chip_authentication(dg14)?;
            return Ok((ca.finding, TA.not_attempted("no-chip-authentication", "no key for Chip Authentication that could be bound to")));
        };
        let ephemeral = AgreementPrivateKey::generate(&way.key.domain(), self.rng);
        let Some(chip) = self.chip_identifier()? else {
            let ca = self.chip_authentication(dg14)?;
            return Ok((ca.finding, TA.not_attempted("not-readable", "without DG1 the chip's identifier is not known")));
        };
        let key = ephemeral.public().compressed();
        let ta = self.authenticate(credentials, &Bound { chip, key: &key, version: Version::Two })?;
        if ta.reason.is_some() {
            let ca = self.chip_authentication(dg14)?;
            return Ok((ca.finding, ta));
        }
        let ca = self.chip_authentication_2(&way, &ephemeral)?;
        Ok((ca.finding, ta))
    }

    /// ID_IC: the chip's key of PACE, or document number and check digit after Basic Access Control.
    fn chip_identifier(&mut self) -> Result<Option<Vec<u8>>, AccessError> {
        if let Some(pace) = &self.log.pace {
            return Ok(Some(pace.chip_key.compressed()));
        }
        if !self.files.contains_key(&dg(1)) {
            self.read(dg(1))?;
        }
        let dg1 = self.files.get(&dg(1)).and_then(|bytes| Dg1::parse(bytes).ok());
        Ok(dg1.map(|dg1| ta::identifier_of_mrz(&dg1.mrz)))
    }

    /// The names of the keys that the chip trusts, the newest first, and where they were found.
    fn known_keys(&mut self) -> Result<(Vec<KeyReference>, &'static str), AccessError> {
        let told = self.log.pace.iter().flat_map(|pace| &pace.ca_references);
        let told: Vec<_> = told.filter_map(|octets| KeyReference::from_octets(octets).ok()).collect();
        if !told.is_empty() {
            return Ok((told, "answer to PACE"));
        }
        let (file, sfi) = self.announced_cvca();
        match read::read_list(self.session, file) {
            Ok(bytes) => match Cvca::read(&bytes, &mut self.log.quirks) {
                Ok(content) => {
                    if !self.files.contains_key(&FileId::CVCA) {
                        self.short_identifier(file, sfi, &bytes)?;
                        self.log.findings.push(read::check(FileId::CVCA).passed());
                    }
                    self.files.insert(FileId::CVCA, bytes);
                    Ok((content.references().cloned().collect(), "EF.CVCA"))
                }
                Err(error) => {
                    self.log.quirks.push(Quirk::new("ta.cvca-malformed", error.to_string()).over(&bytes));
                    Ok((Vec::new(), "EF.CVCA"))
                }
            },
            Err(ReadError::Session { source, .. }) => Err(source.into()),
            Err(_) => Ok((Vec::new(), "EF.CVCA")),
        }
    }

    /// Where the chip says that EF.CVCA is (Doc 9303-11 §9.2.7), and by which short identifier; 011C if it says nothing.
    fn announced_cvca(&self) -> (FileId, Option<u8>) {
        let dg14 = self.files.get(&dg(14)).and_then(|bytes| Dg14::parse(bytes).ok()).map(|dg14| dg14.infos);
        let announced = dg14.iter().flat_map(SecurityInfos::infos).find_map(|info| match info {
            SecurityInfo::TerminalAuth { ef_cvca: Some(file), .. } => Some(file),
            _ => None,
        });
        // FileID ::= SEQUENCE { fid OCTET STRING (SIZE (2)), sfi OCTET STRING (SIZE (1)) OPTIONAL }
        let read = |file: &Vec<u8>| {
            let mut inside = tlv::single(file, 0x30).ok()?.reader();
            let fid = <[u8; 2]>::try_from(inside.next().ok().flatten()?.value).ok().map(u16::from_be_bytes)?;
            let sfi = inside.next().ok().flatten().and_then(|sfi| <[u8; 1]>::try_from(sfi.value).ok()).map(|[sfi]| sfi);
            Some((FileId { home: FileId::CVCA.home, fid }, sfi))
        };
        announced.and_then(read).unwrap_or((FileId::CVCA, None))
    }

    /// Whether the announced short identifier leads to EF.CVCA, which was read by its file identifier. One that is the end of that, as of all files
    /// of the application, is believed: a card that knows no short identifiers may end the channel over the question. Another one is asked for;
    /// where it is refused, EF.COM tells whether the card knows any.
    fn short_identifier(&mut self, file: FileId, sfi: Option<u8>, bytes: &[u8]) -> Result<(), AccessError> {
        let Some(sfi) = sfi.filter(|&sfi| u16::from(sfi) != file.fid & 0x1F) else { return Ok(()) };
        let read = |sfi: u8, le| Command::new(0x00, 0xB0, 0x80 | sfi, 0).with_le(le);
        // ISO/IEC 7816-4: 1 to 30
        let leads = if (1..=30).contains(&sfi) {
            let answer = self.session.transmit(&read(sfi, LE))?;
            let same = answer.data.iter().zip(bytes).all(|(one, other)| one == other);
            let refused = answer.data.is_empty();
            !refused && same || refused && self.session.transmit(&read(FileId::COM.sfi(), 1))?.data.is_empty()
        } else {
            false
        };
        if !leads {
            let place = format!("DG14 TerminalAuthenticationInfo: EF.CVCA {:04X}, short identifier {sfi:02X}", file.fid);
            self.log.quirks.push(Quirk::new("ta.cvca-sfi", place));
        }
        Ok(())
    }

    fn authenticate(&mut self, credentials: &TerminalCredentials, bound: &Bound<'_>) -> Result<Finding, AccessError> {
        self.log.transcript.terminal_auth = None;
        let (known, place) = match self.known_keys() {
            Ok(known) => known,
            Err(AccessError::Session(error)) => return self.broken_by(error),
            Err(error) => return Err(error),
        };
        let names = known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let evidence = |finding: Finding| finding.with("terminal", credentials.own().holder().to_string()).with("trusted", names.clone());
        let Some(path) = path::find(credentials.certificates(), credentials.own(), &known) else {
            let names = if names.is_empty() { "none".to_owned() } else { names.clone() };
            let text = format!("expected certificates down from one of the keys in {place}: {names}; the terminal has no such path");
            return Ok(evidence(TA.not_attempted("no-path", text)));
        };
        let way = path.iter().map(|certificate| certificate.holder().to_string()).collect::<Vec<_>>().join(" > ");
        let evidence = |finding: Finding| evidence(finding).with("path", way.clone());
        let mut commands = Vec::new();
        for certificate in &path {
            let holder = certificate.holder();
            commands.push((format!("MSE:Set DST for {holder}"), ta::set_dst(certificate.authority())));
            commands.push((format!("PSO: VERIFY CERTIFICATE of {holder}"), ta::verify_certificate(certificate)));
        }
        let own = credentials.own();
        let at = match bound.version {
            Version::One => Some(ta::set_at(own.holder())),
            Version::Two => ta::set_at_with_key(own.key().algorithm(), own.holder(), &self.auxiliary, bound.key),
        };
        let Some(at) = at else {
            return Ok(evidence(
                TA.not_supported("algorithm-not-implemented", "no identifier below id-TA says the algorithm of the terminal's key"),
            ));
        };
        commands.push(("MSE:Set AT".to_owned(), at));
        commands.push(("GET CHALLENGE".to_owned(), ta::get_challenge()));
        let mut last = Vec::new();
        for (step, command) in commands {
            let answer = match self.session.transmit(&command) {
                Ok(answer) => answer,
                Err(error) => return self.broken_by(error),
            };
            if !answer.sw.is_ok() {
                let text = format!("{step}: expected 9000, found {} {}", answer.sw, answer.sw.meaning());
                return Ok(evidence(TA.failed("refused", text.trim_end())));
            }
            last = answer.data;
        }
        let challenge = match ta::challenge(&last) {
            Ok(challenge) => challenge,
            Err(error) => return Ok(evidence(TA.failed("malformed", error.to_string()))),
        };
        let auxiliary = if bound.version == Version::Two { self.auxiliary.as_slice() } else { &[] };
        let signature = match credentials.signer().sign(&ta::message(&bound.chip, challenge, bound.key, auxiliary)) {
            Ok(signature) => signature.to_plain(),
            Err(error) => return Ok(evidence(TA.failed("key-unusable", error.to_string()))),
        };
        self.session.record_last();
        let answer = self.session.transmit(&ta::external_authenticate(signature.clone()));
        let exchange = self.session.take_recorded();
        match answer {
            Ok(answer) if answer.sw.is_ok() => {
                self.log.transcript.terminal_auth = Some(TerminalAuth {
                    version: if bound.version == Version::One { 1 } else { 2 },
                    certificates: path.iter().map(|certificate| certificate.der().to_vec()).collect(),
                    curve: match credentials.signer().public_key() {
                        PublicKey::Ec(point) => Some(point.curve()),
                        PublicKey::Rsa(_) => None,
                    },
                    chip_key: self.log.pace.as_ref().map(|_| bound.chip.clone()),
                    challenge: challenge.to_vec(),
                    signature,
                    accepted: exchange.filter(|_| bound.version == Version::One),
                });
                Ok(evidence(TA.passed()).with("rights", own.chat().rights().join(", ")))
            }
            Ok(answer) => {
                let text = format!("EXTERNAL AUTHENTICATE: expected 9000, found {} {}", answer.sw, answer.sw.meaning());
                Ok(evidence(TA.failed("refused", text.trim_end())))
            }
            Err(error) => self.broken_by(error),
        }
    }

    /// The channel was lost on the way: the card is opened again, without rights.
    fn broken_by(&mut self, error: SessionError) -> Result<Finding, AccessError> {
        if let SessionError::Transport(error) = error {
            return Err(SessionError::Transport(error).into());
        }
        self.reopen(false)?;
        Ok(TA.failed("channel-broken", error.to_string()))
    }
}

/// ChipAuthenticationDomainParameterInfo ::= SEQUENCE { protocol, domainParameter AlgorithmIdentifier, keyId INTEGER OPTIONAL }
/// (TR-03110-3 A.1.1.2): the first domain that EF.CardAccess announces.
fn announced_domain(infos: &SecurityInfos) -> Option<Domain> {
    let raw = infos.infos().iter().find_map(|info| match info {
        SecurityInfo::Other { oid, raw } if [oid::CA_DH, oid::CA_ECDH].contains(&oid.as_str()) => Some(raw),
        _ => None,
    })?;
    let mut reader = tlv::single(raw, 0x30).ok()?.reader();
    reader.expect(0x06).ok()?;
    spki::agreement::parse_domain(reader.expect(0x30).ok()?.raw).ok().map(|(domain, _)| domain)
}
