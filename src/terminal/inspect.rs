//! The inspection procedure (Doc 9303-11 §4.2, §5, §6, §7): access, Chip, Terminal, and Active Authentication, files, Passive Authentication.
//!
//! 1. Open the card by PACE or Basic Access Control ([`access`]); with chip authentication mapping read EF.CardSecurity.
//! 2. Read EF.COM and EF.SOD: what should be there.
//! 3. Read EF.DG14, run Chip Authentication: is the chip the one whose key the issuer signed?
//!    With a terminal key: Terminal Authentication, so that the chip opens DG3 and DG4; it says nothing about the card.
//! 4. Read EF.DG15, run Active Authentication with a fresh challenge: the same question.
//! 5. Read the other data groups.
//! 6. Passive Authentication, and the cross checks of what no signature covers: EF.COM against EF.SOD, EF.CardAccess against DG14.
//!
//! Chip authentication mapping counts only if signature and chain of EF.CardSecurity hold, Chip and Active Authentication only if the hash of the file with their key is right and the signature on EF.SOD verifies:
//! otherwise they have shown a key of anybody. What the card does is a finding; only a card that is not reached is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use eid::cert::deviation_list::Kind;
use eid::cert::path::SignerCache;
use eid::cert::trust::TrustStore;
use eid::date::Date;
use eid::image::FileId;
use eid::lds::Elementary as _;
use eid::lds::card_security::CardSecurity;
use eid::lds::com::Com;
use eid::lds::dg1::Dg1;
use eid::lds::dg14::Dg14;
use eid::protocol::active_auth::CHALLENGE_LEN;
use eid::protocol::finding::{Check, Finding, Outcome};
use eid::protocol::pace::Password;
use eid::protocol::passive_auth::apply_published;
use eid::transport::{Transport, TransportError};
use rand_core::CryptoRng;

use super::access::{self, AccessError, Fallback, Log};
use super::credentials::TerminalCredentials;
use super::evidence::{Ended, Transcript};
use super::policy::{Policy, Seen, StandardPolicy};
use super::read::{self, Progress, Reading};
use super::report::{Document, Report, Source};
use crate::session::{Session, SessionError, Watch};

pub(in crate::terminal) mod active;
pub(in crate::terminal) mod cam;
pub(in crate::terminal) mod chip;
pub(in crate::terminal) mod cross;
mod files;
mod judged;
mod master_file;
pub(in crate::terminal) mod passive;
pub(in crate::terminal) mod terminal;

use files::listed;
use passive::{Content, counted};

/// Whether the secure channel held.
const CHANNEL: Check = Check::new("access.channel", "Doc 9303-11 §9.8");
/// Whether a password was given that the card takes.
const PASSWORD: Check = Check::new("access.password", "Doc 9303-11 §4.2");
/// Whether reading came to its end.
const COMPLETE: Check = Check::new("read.complete", "Doc 9303-10 §3.6");
/// How often a card is opened again after it refused something in the clear and forgot the channel.
const REOPENINGS: usize = 4;
/// Whether there is an eMRTD application.
const APPLICATION: Check = Check::new("application", "Doc 9303-10 §3.5.1");

/// What is asked of an inspection.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What opens the card: the first for PACE, the MRZ among them for Basic Access Control.
    pub passwords: &'a [Password],
    /// What may follow where PACE is offered and does not succeed.
    pub fallback: Fallback,
    /// CSCA certificates that are trusted.
    pub trust: &'a TrustStore,
    /// Document signers that were verified before.
    pub cache: Option<&'a SignerCache>,
    /// The day of the inspection.
    pub today: Date,
    /// Which data groups to read.
    pub data_groups: DataGroups,
    /// What follows from the findings.
    pub policy: &'a dyn Policy,
    /// Certificates and key for Terminal Authentication; without them DG3 and DG4 stay closed.
    pub terminal: Option<&'a TerminalCredentials>,
    /// When to stop, and what to remember of the card type.
    pub reading: read::Options,
    /// The challenge of Active Authentication, for a server that wants to judge the signature itself and takes each challenge back once; drawn
    /// fresh where it is `None`. What the chip answered is in [`Inspection::transcript`].
    pub challenge: Option<[u8; CHALLENGE_LEN]>,
}

/// Which data groups to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DataGroups {
    /// Every one that EF.COM or EF.SOD lists, and EF.DIR and EF.ATR/INFO.
    #[default]
    All,
    /// DG1, those that Chip and Active Authentication need, and these.
    Only(BTreeSet<u8>),
}

impl DataGroups {
    fn wants(&self, number: u8) -> bool {
        match self {
            Self::All => true,
            Self::Only(numbers) => matches!(number, 1 | 14 | 15) || numbers.contains(&number),
        }
    }
}

/// What an inspection tells while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Opening the card.
    Access,
    /// Bytes of a file.
    Reading(Progress),
    /// The chip proves its key.
    ChipAuthentication,
    /// The chip signs a challenge.
    ActiveAuthentication,
    /// Signatures and hashes.
    PassiveAuthentication,
}

/// What an inspection leaves.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Findings and verdict.
    pub report: Report,
    /// The files that could be read, as the card gave them.
    pub files: BTreeMap<FileId, Vec<u8>>,
    /// How the card was opened; `None` if it was not.
    pub method: Option<access::Method>,
    /// How far it came.
    pub ended: Ended,
    /// Data groups that are there and were not read, for a good reason.
    pub not_read: BTreeSet<u8>,
    /// What was asked and answered, to be judged again.
    pub transcript: Transcript,
}

/// Inspects the card of a session.
///
/// # Errors
/// Only where the card is not reached or its reader fails; everything that the card does is in the report.
pub fn inspect<T: Transport>(
    session: &mut Session<T>,
    request: &Request<'_>,
    rng: &mut dyn CryptoRng,
    tell: &mut dyn FnMut(Step),
) -> Result<Inspection, TransportError> {
    resume(session, request, &mut Reading::new(), rng, tell)
}

/// Inspects the card of a session, and goes on with what was read of it before, after it was lifted or the caller had stopped: nothing is
/// read twice but the last bytes of EF.SOD, which show that the card is the same. What proves the chip is asked anew. Another card is
/// refused with the finding `read.complete`, and `reading` stays as it was.
///
/// # Errors
/// As [`inspect`]; what was read until then is in `reading`.
pub fn resume<T: Transport>(
    session: &mut Session<T>,
    request: &Request<'_>,
    reading: &mut Reading,
    rng: &mut dyn CryptoRng,
    tell: &mut dyn FnMut(Step),
) -> Result<Inspection, TransportError> {
    let known = remembered(session, request)?;
    session.set_watch(request.reading.watch());
    let files = std::mem::take(reading.files_mut());
    let mut run = Run {
        session,
        request,
        rng,
        tell,
        log: Log::default(),
        resumed: !files.is_empty(),
        files,
        reading,
        guarded: BTreeSet::new(),
        published: Vec::new(),
        broken: false,
        authenticated: None,
        reopenings: REOPENINGS,
        general: General::No,
        auxiliary: Vec::new(),
    };
    let (ended, method) = match run.procedure() {
        Ok(method) => (Ended::Opened, Some(method)),
        Err(AccessError::Session(SessionError::Transport(error))) => {
            *run.reading.files_mut() = run.files;
            run.session.set_watch(Watch::default());
            return Err(error);
        }
        Err(AccessError::Session(SessionError::Stopped(stop))) => {
            run.stopped(stop);
            (Ended::Stopped, None)
        }
        Err(AccessError::Session(SessionError::Lost)) if run.is_other_card() => (Ended::Stopped, None),
        // A damaged EF.CardAccess is a statement about the card, and not about the password.
        Err(_) if run.log.findings.iter().any(|f| f.outcome == Outcome::Failed && !f.id().starts_with("access.")) => (Ended::Damaged, None),
        Err(AccessError::Session(error)) => {
            run.log.findings.push(CHANNEL.failed("broken", error.to_string()));
            (Ended::ChannelBroken, None)
        }
        Err(AccessError::NoApplication { sw }) => {
            let text = format!("SELECT A0000002471001: expected 9000, found {sw}");
            run.log.findings.push(APPLICATION.not_supported("no-application", text));
            run.judge_general();
            (Ended::NoApplication, None)
        }
        Err(error) => {
            tracing::debug!(%error, "access");
            // A refusal is a finding already; that no password fits what the card offers is not.
            if matches!(error, AccessError::NoWay { .. }) {
                run.log.findings.push(PASSWORD.not_attempted("no-way", error.to_string()));
            }
            (Ended::Refused, None)
        }
    };
    // Of another card nothing is taken over.
    if !run.is_other_card() {
        run.reading.files_mut().clone_from(&run.files);
    }
    let Run { session, mut log, mut files, guarded, published, .. } = run;
    apply_published(&published, files.get(&dg(1)).map(Vec::as_slice), &mut log.findings);
    log.transcript.cam = log.pace.take().and_then(|pace| pace.chip_authentication);
    // It was read also where the card did not open.
    if let Some(bytes) = &log.card_access {
        files.entry(FileId::CARD_ACCESS).or_insert_with(|| bytes.clone());
    }
    session.set_watch(Watch::default());
    if let (Some(memory), Some(atr)) = (request.reading.memory(), known) {
        memory.lock().unwrap_or_else(PoisonError::into_inner).learn(&atr, session.habits());
    }
    let seen = Seen { findings: &log.findings, quirks: &log.quirks };
    let report = Report {
        source: Source::Card,
        verdict: ended.verdict(request.policy, seen),
        policy: ended.note(request.policy, seen),
        date: request.today,
        document: files.get(&dg(1)).and_then(|bytes| document(bytes)),
        findings: log.findings,
        quirks: log.quirks,
        files: files.iter().map(|(file, bytes)| (*file, bytes.len())).collect(),
        traffic: session.traffic(),
    };
    Ok(Inspection { report, files, method, ended, not_read: guarded, transcript: log.transcript })
}

/// PACE with the first of `passwords`, Terminal and Chip Authentication version 2, and nothing else: no application is selected. The terminal signs
/// `auxiliary` data (DO'67' whole; empty for none). Gives the findings `ca` and `ta`; the rights of the terminal are in force where both passed, and the chip is not proven to be the issuer's.
///
/// # Errors
/// [`AccessError`]; [`AccessError::NoWay`] where the card announces no General Authentication Procedure.
pub(super) fn prove_terminal<T: Transport>(
    session: &mut Session<T>,
    passwords: &[Password],
    terminal: &TerminalCredentials,
    auxiliary: &[u8],
    rng: &mut dyn CryptoRng,
    log: &mut Log,
) -> Result<(Finding, Finding), AccessError> {
    on_the_way(session, passwords, terminal, rng, log, |run| {
        auxiliary.clone_into(&mut run.auxiliary);
        run.prove(terminal)
    })
}

/// EF.CardSecurity as it was read on the way, with findings who signed it; `None` where it was not read, or is not what its name says.
pub(super) fn signed_security(log: &mut Log, trust: &TrustStore, today: Date) -> Option<CardSecurity> {
    let read = [(FileId::CARD_ACCESS, &log.card_access), (FileId::CARD_SECURITY, &log.card_security)];
    let files: BTreeMap<_, _> = read.into_iter().filter_map(|(file, bytes)| Some((file, bytes.clone()?))).collect();
    let sod = passive::sod(&files);
    let content = Content { files: &files, sod: sod.as_ref(), not_read: &BTreeSet::new(), trust, cache: None, today };
    cam::card_security(&content, &mut log.findings, &mut log.quirks)
}

/// Runs Chip and Terminal Authentication on a card that is open, so that DG3 and DG4 can be read: for who wants the files and no verdict.
/// Findings `ca` and `ta` go to `log`; that of Chip Authentication proves nothing without passive authentication.
///
/// # Errors
/// As [`access::open`]: the channel broke, and the card could not be opened again.
pub fn extended_access<T: Transport>(
    session: &mut Session<T>,
    passwords: &[Password],
    terminal: &TerminalCredentials,
    rng: &mut dyn CryptoRng,
    log: &mut Log,
) -> Result<(), AccessError> {
    let (ca, ta) = on_the_way(session, passwords, terminal, rng, log, |run| {
        run.read(dg(14))?;
        let dg14 = run.parsed::<Dg14>();
        run.chip_and_terminal(dg14.as_ref())
    })?;
    log.findings.retain(|finding| !matches!(finding.id(), "read.dg14" | "read.cvca"));
    log.findings.extend([ca, ta]);
    Ok(())
}

/// A part of the procedure alone, for who wants no verdict.
fn on_the_way<T: Transport, R>(
    session: &mut Session<T>,
    passwords: &[Password],
    terminal: &TerminalCredentials,
    rng: &mut dyn CryptoRng,
    log: &mut Log,
    part: impl FnOnce(&mut Run<'_, '_, T>) -> Result<R, AccessError>,
) -> Result<R, AccessError> {
    let (trust, policy) = (TrustStore::new(), StandardPolicy::default());
    let request = Request {
        passwords,
        fallback: Fallback::BasicAccessControl,
        trust: &trust,
        cache: None,
        today: Date::from_days(0),
        data_groups: DataGroups::All,
        policy: &policy,
        terminal: Some(terminal),
        reading: read::Options::default(),
        challenge: None,
    };
    let files = log.card_access.iter().map(|bytes| (FileId::CARD_ACCESS, bytes.clone())).collect();
    let (kept, tell) = (std::mem::take(log), &mut |_| {});
    let mut run = Run {
        session,
        request: &request,
        rng,
        tell,
        log: kept,
        files,
        guarded: BTreeSet::new(),
        published: Vec::new(),
        resumed: false,
        reading: &mut Reading::new(),
        broken: false,
        authenticated: None,
        reopenings: REOPENINGS,
        general: General::No,
        auxiliary: Vec::new(),
    };
    let result = part(&mut run);
    *log = run.log;
    result
}

pub(in crate::terminal) const fn dg(number: u8) -> FileId {
    match FileId::dg(number) {
        Some(file) => file,
        None => FileId::COM,
    }
}

pub(in crate::terminal) fn document(dg1: &[u8]) -> Option<Document> {
    let mrz = Dg1::parse(dg1).ok()?.mrz;
    let content = mrz.content();
    let name = [content.name.primary(), content.name.secondary()].join("  ");
    Some(Document {
        code: content.document_code.clone(),
        issuer: content.issuer.clone(),
        number: content.document_number.clone(),
        personal_number: eid::mrz::vietnam::personal_number(&mrz).ok().map(str::to_owned),
        name: name.trim_end().to_owned(),
        nationality: content.nationality.clone(),
        birth: content.date_of_birth.as_str().to_owned(),
        expiry: content.date_of_expiry.as_str().to_owned(),
    })
}

struct Run<'a, 'r, T> {
    session: &'a mut Session<T>,
    request: &'a Request<'r>,
    rng: &'a mut dyn CryptoRng,
    tell: &'a mut dyn FnMut(Step),
    log: Log,
    files: BTreeMap<FileId, Vec<u8>>,
    /// Data groups that are there and were not read, for a good reason.
    guarded: BTreeSet<u8>,
    /// Some of the files were read in a session before this one.
    resumed: bool,
    /// What the state has published about this document.
    published: Vec<Kind>,
    /// Files of which not all was read.
    reading: &'a mut Reading,
    /// The channel broke: nothing more is read.
    broken: bool,
    /// Terminal Authentication has opened the chip: what it takes to do so again after the card was opened anew.
    authenticated: Option<Dg14>,
    /// How often the card may still be opened again.
    reopenings: usize,
    /// Terminal and Chip Authentication as they were run before the application was selected.
    general: General,
    /// Auxiliary data that the terminal signs in version 2.
    auxiliary: Vec<u8>,
}

/// The General Authentication Procedure: Terminal and Chip Authentication version 2 before the application is selected (TR-03110-2 §3.1).
#[derive(Debug, Default)]
enum General {
    /// Not run, as most cards do not ask for it.
    #[default]
    No,
    /// Under way: a card that is opened again meanwhile is not led through it again.
    UnderWay,
    /// Run, with the findings `ca`, which EF.CardSecurity must still confirm, and `ta`.
    Done { ca: Box<Finding>, ta: Box<Finding> },
}

/// Begins with what is remembered of the card's type. Returns its ATR where there is a memory.
fn remembered<T: Transport>(session: &mut Session<T>, request: &Request<'_>) -> Result<Option<Vec<u8>>, TransportError> {
    let Some(memory) = request.reading.memory() else { return Ok(None) };
    let atr = session.atr().map_err(|error| match error {
        SessionError::Transport(error) => error,
        error => TransportError::Protocol { detail: error.to_string() },
    })?;
    session.set_habits(memory.lock().unwrap_or_else(PoisonError::into_inner).habits(&atr));
    Ok(Some(atr))
}

impl<T: Transport> Run<'_, '_, T> {
    fn procedure(&mut self) -> Result<access::Method, AccessError> {
        (self.tell)(Step::Access);
        if self.request.data_groups == DataGroups::All {
            self.files_of_the_mf()?;
        }
        let method = self.open()?;
        self.same_card()?;
        if let Some(bytes) = self.log.card_access.clone() {
            self.files.insert(FileId::CARD_ACCESS, bytes);
        }
        if let Some(bytes) = self.log.card_security.clone() {
            self.files.insert(FileId::CARD_SECURITY, bytes);
        }
        self.read(FileId::COM)?;
        self.read(FileId::SOD)?;
        let com = self.parsed::<Com>();
        let sod = passive::sod(&self.files);
        let listed = listed(com.as_ref(), sod.as_ref().ok());
        self.unlisted(&listed)?;
        let offers = |number: u8| listed.contains(&number);

        let mut chip_auth = None;
        if offers(14) {
            self.read(dg(14))?;
            (self.tell)(Step::ChipAuthentication);
            chip_auth = self.parsed::<Dg14>();
        }
        let general = std::mem::take(&mut self.general);
        let by_card_security = matches!(general, General::Done { .. });
        let (ca, ta) = match general {
            General::Done { ca, ta } => (*ca, *ta),
            General::No | General::UnderWay => self.chip_and_terminal(chip_auth.as_ref())?,
        };
        self.authenticated = chip_auth.clone().filter(|_| ta.outcome == Outcome::Passed);
        self.log.findings.push(ta);
        if offers(15) {
            self.read(dg(15))?;
            (self.tell)(Step::ActiveAuthentication);
        }
        let aa = self.active_authentication(chip_auth.as_ref())?;
        for &number in listed.iter().filter(|number| !matches!(number, 14 | 15)) {
            let check = read::check(dg(number));
            if self.log.findings.iter().any(|finding| finding.id() == check.id) {
                continue;
            }
            if self.request.data_groups.wants(number) {
                self.read(dg(number))?;
            } else {
                self.guarded.insert(number);
            }
        }
        self.judge_content();
        let findings = &mut self.log.findings;
        let ca = if by_card_security { cam::counted_by_card_security(findings, ca) } else { counted(findings, ca, 14) };
        let aa = counted(findings, aa, 15);
        findings.extend([ca, aa]);
        Ok(method)
    }
}
