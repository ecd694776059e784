//! `read`: the files of a card, as they are. Says nothing about whether they are genuine; that is `verify`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::PoisonError;

use cardwright::session::{Session, SessionError};
use cardwright::terminal::access::{self, AccessError, Fallback, Log, Method};
use cardwright::terminal::read::{self, ReadError, Reading};
use cardwright::terminal::{TerminalCredentials, inspect};
use clap::Args;
use eid::crypto::hash::Hash;
use eid::image::{FileId, Home};
use eid::protocol::finding::{Finding, Outcome};
use eid::protocol::pace::Password;
use eid::sm::SmError;
use serde_json::json;

use super::access::AccessArgs;
use super::exit::{Exit, Failure};
use super::progress::Progress;
use super::reader::{self, AnyCard, ReaderArgs};
use super::reading::{ReadingArgs, Started};
use super::terminal_keys::TerminalKeys;
use super::{Context, output, pictures, random};

/// Open a card and read its files
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright read --reader pcsc:0 --can 123456 --out files\n  cardwright read --reader pcsc:0 --can 123456 --out files --resume --pictures pictures\n  cardwright read --reader pcsc:0 --mrz-file mrz.txt EF.DG1 EF.SOD"
)]
pub(crate) struct Read {
    #[command(flatten)]
    reader: ReaderArgs,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    terminal: TerminalKeys,
    #[command(flatten)]
    reading: ReadingArgs,
    /// Write each file into DIR under its name
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Do not read again what is in the folder of --out, if it is of this card
    #[arg(long, requires = "out")]
    resume: bool,
    /// Write the pictures in the files that were read into DIR, as PNG
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Read only these files: EF.DG1 (or dg1), EF.SOD, EF.CardAccess ...; all that can be read if none is named
    #[arg(value_name = "FILE", value_parser = file)]
    files: Vec<FileId>,
}

pub(super) fn file(name: &str) -> Result<FileId, String> {
    FileId::from_name(name).ok_or_else(|| format!("expected the name of a file as in Doc 9303-10 (EF.COM, EF.DG1, ...), found {name:?}"))
}

/// What was read of one file.
struct Row {
    file: FileId,
    content: Result<Vec<u8>, ReadError>,
}

impl Read {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        let passwords = self.access.passwords()?;
        let terminal = self.terminal.credentials()?;
        let started = self.reading.start()?;
        let mut session = Session::new(self.reader.open()?);
        let atr = session.atr().map_err(|error| reader::session_failure(&error))?;
        session.set_watch(started.options.watch());
        if let Some(memory) = started.options.memory() {
            session.set_habits(memory.lock().unwrap_or_else(PoisonError::into_inner).habits(&atr));
        }
        let mut log = Log::default();
        let opened = access::open(&mut session, &passwords, Fallback::BasicAccessControl, &mut random::system(), &mut log);
        let method = match opened {
            Ok(method) => Some(method),
            // not a passport, yet its files may still be worth reading
            Err(AccessError::NoApplication { .. }) => None,
            Err(error) => {
                if context.json {
                    output::json(&self.answer(None, &log, &[]))?;
                }
                return Err(reader::access_failure(&error));
            }
        };
        if let (Some(terminal), Some(_)) = (&terminal, &method) {
            let rng = &mut random::system();
            inspect::extended_access(&mut session, &passwords, terminal, rng, &mut log).map_err(|error| reader::access_failure(&error))?;
            for finding in log.findings.iter().filter(|finding| matches!(finding.id(), "ca" | "ta") && finding.outcome != Outcome::Passed) {
                let why = finding.reason.as_ref().map_or("", |reason| reason.text.as_str());
                tracing::warn!("{} {}: {why}", finding.id(), finding.outcome);
            }
        }
        let mut card = Reopening {
            session,
            passwords: &passwords,
            terminal: terminal.as_ref(),
            started: &started,
            reading: self.known(&mut log)?,
            left: REOPENINGS,
        };
        if method.is_some() && !card.same()? {
            return Err(Failure::usage("the files in the folder of --out are those of another card")
                .hint("name another folder, or leave --resume out and have the files there replaced"));
        }
        let rows = self.read(&mut card, &mut log, method.is_some(), context)?;
        if let Some(memory) = started.options.memory() {
            memory.lock().unwrap_or_else(PoisonError::into_inner).learn(&atr, card.session.habits());
        }
        started.finish()?;
        if let Some(dir) = &self.out {
            output::files(dir, rows.iter().filter_map(|row| row.content.as_ref().ok().map(|bytes| (row.file.name(), bytes.as_slice()))))?;
        }
        if let Some(dir) = &self.pictures {
            pictures::write(dir, rows.iter().filter_map(|row| row.content.as_ref().ok().map(|bytes| (row.file, bytes.as_slice()))))?;
        }
        if context.json {
            output::json(&self.answer(method.as_ref(), &log, &rows))?;
        } else {
            output::text(&text(method.as_ref(), &rows))?;
        }
        for quirk in &log.quirks {
            tracing::info!("tolerated: {quirk}");
        }
        if let Some(error) = rows.iter().find_map(|row| row.content.as_ref().err().filter(|error| matters(error, !self.files.is_empty()))) {
            return Ok(match error {
                ReadError::NotFound { .. } | ReadError::Protected { .. } => Exit::Undecided,
                ReadError::Session { source: SessionError::Stopped(stop), .. } => {
                    eprintln!("{stop}: this is what was read until then");
                    Exit::Undecided
                }
                ReadError::Session { source, .. } => return Err(reader::session_failure(source)),
                _ => Exit::CheckFailed,
            });
        }
        if method.is_none() {
            eprintln!("there is no eMRTD application (A0000002471001) on this card");
            return Ok(Exit::Undecided);
        }
        Ok(Exit::Success)
    }

    /// What is in the folder of --out already, if it is to be gone on with.
    fn known(&self, log: &mut Log) -> Result<Reading, Failure> {
        let Some(dir) = self.out.as_ref().filter(|dir| self.resume && dir.is_dir()) else { return Ok(Reading::new()) };
        let mut files = BTreeMap::new();
        for file in FileId::all().into_iter().filter(|file| file.home == Home::Emrtd) {
            let path = dir.join(file.name());
            match std::fs::read(&path) {
                Ok(bytes) => drop(files.insert(file, bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Failure::file(&path, &error)),
            }
        }
        tracing::info!(files = files.len(), quirks = log.quirks.len(), "resuming");
        Ok(Reading::from_files(files))
    }

    fn read(&self, card: &mut Reopening<'_>, log: &mut Log, application: bool, context: Context) -> Result<Vec<Row>, Failure> {
        let home = if application { Home::Emrtd } else { Home::Mf };
        let wanted = if self.files.is_empty() {
            let mut all = vec![FileId::CARD_ACCESS];
            all.extend(FileId::all().into_iter().filter(|file| file.home == home && *file != FileId::CARD_ACCESS));
            all
        } else {
            self.files.clone()
        };
        let steps = u64::try_from(wanted.len()).unwrap_or(u64::MAX);
        let progress = Progress::new("reading", steps, context.json);
        let mut rows = Vec::new();
        for (done, file) in (0..).zip(wanted) {
            progress.set(done);
            let content = match (&log.card_access, file) {
                // it was read on the way in
                (Some(bytes), FileId::CARD_ACCESS) => Ok(bytes.clone()),
                (None, FileId::CARD_ACCESS) => Err(ReadError::NotFound { file }),
                _ if file.home != home => {
                    return Err(Failure::new(
                        Exit::Undecided,
                        format_args!("{file}: reading files outside of the eMRTD application after opening it is not supported"),
                    ));
                }
                _ => card.read(file, log),
            };
            let broken = matches!(content, Err(ReadError::Session { .. }));
            rows.push(Row { file, content });
            if broken {
                break;
            }
        }
        Ok(rows)
    }

    fn answer(&self, method: Option<&Method>, log: &Log, rows: &[Row]) -> serde_json::Value {
        let mut findings: Vec<_> = log.findings.iter().map(finding).collect();
        let read = rows.iter().filter(|row| !matches!(row.content, Err(ReadError::NotFound { .. })) || !self.files.is_empty());
        findings.extend(read.map(|row| match &row.content {
            Ok(_) => finding(&read::check(row.file).passed()),
            Err(error) => finding(&read::finding(error)),
        }));
        let files: Vec<_> = rows
            .iter()
            .filter_map(|row| row.content.as_ref().ok().map(|bytes| (row.file, bytes)))
            .map(|(file, bytes)| json!({ "name": file.name(), "bytes": bytes.len(), "sha256": hex::encode(Hash::Sha256.digest(&[bytes])) }))
            .collect();
        let access = method.map(|method| match method {
            Method::Pace { password, .. } => json!({ "protocol": "PACE", "password": password }),
            Method::Bac => json!({ "protocol": "BAC", "password": "MRZ" }),
        });
        let quirks: Vec<_> = log.quirks.iter().map(cardwright::terminal::report::quirk_json).collect();
        json!({ "version": 1, "reader": self.reader.name().to_string(), "access": access, "checks": findings, "files": files, "quirks": quirks })
    }
}

/// How often a card is opened again.
const REOPENINGS: usize = 4;

/// A card that is opened again where it was lifted, or has forgotten its channel, and read on.
struct Reopening<'a> {
    session: Session<AnyCard>,
    passwords: &'a [Password],
    terminal: Option<&'a TerminalCredentials>,
    started: &'a Started,
    reading: Reading,
    left: usize,
}

impl Reopening<'_> {
    /// Whether the open card is the one that was read before.
    fn same(&mut self) -> Result<bool, Failure> {
        match self.reading.is_of_this_card(&mut self.session) {
            Ok(same) => Ok(same),
            Err(ReadError::Session { source, .. }) => Err(reader::session_failure(&source)),
            Err(_) => Ok(false),
        }
    }

    fn read(&mut self, file: FileId, log: &mut Log) -> Result<Vec<u8>, ReadError> {
        loop {
            let error = match self.reading.read(&mut self.session, file, &mut log.quirks, &mut |_| {}) {
                Ok(bytes) => return Ok(bytes.to_vec()),
                Err(error) => error,
            };
            let again = match &error {
                ReadError::Session { source: SessionError::Transport(gone), .. } => self.started.wait_for(&mut self.session, gone),
                ReadError::Session { source: SessionError::SecureMessaging(SmError::Unprotected(sw)), .. } => {
                    read::is_length(sw.0) && !std::mem::replace(&mut self.session.habits_mut().short_only, true)
                }
                _ => false,
            };
            if !again || self.left == 0 || !self.reopen() {
                return Err(error);
            }
            self.left -= 1;
        }
    }

    fn reopen(&mut self) -> bool {
        let (session, rng, mut log) = (&mut self.session, &mut random::system(), Log::default());
        let opened = session.restart().is_ok()
            && access::open(session, self.passwords, Fallback::BasicAccessControl, rng, &mut log).is_ok()
            && self.terminal.is_none_or(|terminal| inspect::extended_access(session, self.passwords, terminal, rng, &mut log).is_ok());
        opened && self.same().unwrap_or(false)
    }
}

/// Whether a file that was not read decides how the command ends. Files that nobody named may be absent or guarded.
const fn matters(error: &ReadError, named: bool) -> bool {
    match error {
        ReadError::NotFound { .. } | ReadError::Protected { .. } => named,
        _ => true,
    }
}

pub(super) fn finding(finding: &Finding) -> serde_json::Value {
    let reason = finding.reason.as_ref().map(|reason| json!({ "code": reason.code, "text": reason.text }));
    let evidence: serde_json::Map<_, _> = finding.evidence.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
    json!({ "id": finding.check.id, "clause": finding.check.clause, "result": finding.outcome.as_str(), "reason": reason, "evidence": evidence })
}

fn text(method: Option<&Method>, rows: &[Row]) -> String {
    let mut out = match method {
        Some(Method::Pace { password, parameters }) => format!("opened by PACE with the {password}, {}\n", parameters.domain()),
        Some(Method::Bac) => "opened by Basic Access Control with the MRZ\n".to_owned(),
        None => String::new(),
    };
    for row in rows {
        match &row.content {
            Ok(bytes) => out.push_str(&format!("{:<16} {:>6} bytes\n", row.file.name(), bytes.len())),
            Err(ReadError::NotFound { .. }) => {}
            Err(ReadError::Protected { .. }) => out.push_str(&format!("{:<16} protected by extended access control\n", row.file.name())),
            Err(error) => out.push_str(&format!("{:<16} {}: {error}\n", row.file.name(), Outcome::Failed)),
        }
    }
    out
}
