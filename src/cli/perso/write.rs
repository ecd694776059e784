//! `perso write`: an image goes onto a card, the card goes live, is inspected, and reads back as what was written.
//!
//! A journal beside the image keeps the nonce of the job and every change before it is made. A card that was cut off in the middle is
//! presented again with the same image: the journal knows the nonce, the card knows what it has, and the work goes on from there.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use cardwright::perso::card_profile::CardProfile;
use cardwright::perso::image_file::ImageFile;
use cardwright::perso::plan::ApduForm;
use cardwright::perso::write::{Change, Disposition, Failed, Job, Journal, Nonce, WriteError, Writer};
use cardwright::terminal::{Inspection, Verdict, Verifier};
use clap::Args;
use eid::image::{CardImage, FileId};
use eid::protocol::pace::Password;
use eid::transport::Transport as _;
use rand_core::Rng as _;
use serde_json::{Value, json};

use crate::cli::exit::{Exit, Failure};
use crate::cli::master::MasterArgs;
use crate::cli::progress::Progress;
use crate::cli::reader::{self, ReaderArgs};
use crate::cli::trust::TrustArgs;
use crate::cli::{Context, clock, output, random};

/// Write an image to a card, make it live, and inspect it
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright sim new blank.card --test-keys\n  cardwright perso write images/0001.image --reader sim:blank.card --test-keys --trust ca/csca.cer"
)]
pub(crate) struct Write {
    /// The image, as `perso build` wrote it
    image: PathBuf,
    #[command(flatten)]
    reader: ReaderArgs,
    /// Write to this card product: the name of a built-in card profile, or a TOML file
    #[arg(long, value_name = "PROFILE", default_value = "eid-gp-scp03")]
    card_profile: String,
    #[command(flatten)]
    masters: MasterArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// Length of APDUs: frame, short, or extN with N bytes of data
    #[arg(long, value_name = "FORM", default_value = "frame")]
    apdu: ApduForm,
    /// Keep the nonce and the changes in FILE; IMAGE.journal if not given
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
}

impl Write {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        let profile = CardProfile::load(&self.card_profile).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
        let masters = self.masters.all(&profile)?;
        let file = ImageFile::load(&self.image).map_err(|error| super::build::failure(&error).in_file(&self.image))?;
        let trust = self.trust.store()?;
        let trusted = !trust.anchors().is_empty();
        let path = self.journal.clone().unwrap_or_else(|| beside(&self.image));
        let mut card = self.reader.open()?;
        let (mut journal, nonce) = JournalFile::open(&path, &file.image)?;

        let writer = Writer { profile: &profile, masters: &masters, apdu: self.apdu };
        let job = Job { image: &file.image, nonce, live: file.live };
        let progress = Progress::new("writing", 0, context.json);
        let mut tell = |done: usize, total: usize, step: &str| progress.part(step, done, total);
        let written = writer
            .personalize(&mut *card, job, &mut random::system(), &mut journal, &mut tell)
            .map_err(|failed| failure(&failed, &path))?;
        writer.activate(&mut *card, written.digest, &mut random::system(), &mut journal).map_err(|failed| failure(&failed, &path))?;
        drop(progress);

        card.reset().map_err(|error| reader::failure(&error))?;
        let inspection = Verifier::new(trust)
            .inspect(&mut *card, &passwords(&file.image), clock::today(), &mut random::system())
            .map_err(|error| reader::failure(&error))?;
        compare(&file.image, &inspection)?;
        let verdict = inspection.report.verdict;
        let serial = hex::encode_upper(&written.serial);
        if context.json {
            output::json(&json!({
                "version": 1, "serial": serial, "digest": hex::encode(written.digest), "resumed": written.resumed, "apdus": written.apdus,
                "command_bytes": written.command_bytes, "response_bytes": written.response_bytes, "report": inspection.report.to_json(),
            }))?;
        } else {
            let resumed = if written.resumed { ", resumed" } else { "" };
            output::text(&format!(
                "card {serial}: {} APDUs, {} + {} bytes{resumed}; reads back as the image; {}",
                written.apdus,
                written.command_bytes,
                written.response_bytes,
                if trusted { verdict.to_string() } else { "not compared with a trust anchor (--trust)".to_owned() }
            ))?;
        }
        Ok(match verdict {
            Verdict::Undecided if !trusted => Exit::Success,
            verdict => crate::cli::verify::exit(verdict),
        })
    }
}

fn beside(image: &Path) -> PathBuf {
    let mut name = image.as_os_str().to_owned();
    name.push(".journal");
    PathBuf::from(name)
}

/// What opens the card that was just made.
fn passwords(image: &CardImage) -> Vec<Password> {
    let can = image.passwords.can.clone().map(Password::Can);
    let mrz = image.passwords.mrz_seed.clone().map(Password::Mrz);
    can.into_iter().chain(mrz).collect()
}

/// Whether the card gives back what was written. DG3 and DG4 are behind terminal authentication, and EF.CVCA is read only on the way there:
/// the card confirmed them by its digest.
fn compare(image: &CardImage, inspection: &Inspection) -> Result<(), Failure> {
    for (file, bytes) in &image.files {
        let guarded = matches!(file.dg_number(), Some(3 | 4)) || *file == FileId::CVCA;
        let found = match inspection.files.get(file) {
            Some(read) if read == bytes => continue,
            None if guarded => continue,
            Some(read) => format!("{} other bytes", read.len()),
            None => "nothing".to_owned(),
        };
        return Err(Failure::new(
            Exit::CheckFailed,
            format_args!("{file}: expected the {} bytes of the image, read back {found}", bytes.len()),
        )
        .hint("scrap the card"));
    }
    Ok(())
}

/// What happened, and what to do with the card.
fn failure(failed: &Failed, journal: &Path) -> Failure {
    let exit = match &failed.error {
        WriteError::Transport { .. } => Exit::Gone,
        WriteError::WrongKeys(_) => Exit::AccessRefused,
        WriteError::Live(_) | WriteError::NoMaster { .. } | WriteError::Plan(_) | WriteError::Keys(_) | WriteError::Command(_) => {
            Exit::Usage
        }
        WriteError::NotThisProduct { .. } => Exit::Undecided,
        WriteError::Journal(_) => Exit::Store,
        _ => Exit::CheckFailed,
    };
    Failure::from_error(exit, failed).hint(match failed.disposition {
        Disposition::Untouched => "nothing was changed on the card".to_owned(),
        Disposition::Resume => format!("present the same card again with the same image: the work goes on (journal {})", journal.display()),
        Disposition::Scrap => "scrap the card: terminate or destroy it, and count it".to_owned(),
        Disposition::StopBatch => "stop: do not try another card before it is known why these keys are wrong".to_owned(),
    })
}

/// The journal of one job: lines of JSON, each on the disk before the work goes on. The first change binds the job to a card: the same
/// image on a second one would give one person two documents.
struct JournalFile {
    file: File,
    /// Serial of the card that the job is bound to, hexadecimal.
    bound: Option<String>,
}

impl JournalFile {
    /// Opens or makes the journal of the job with `image`, and gives the nonce of the job.
    fn open(path: &Path, image: &CardImage) -> Result<(Self, Nonce), Failure> {
        let io = |error| Failure::file(path, &error);
        let digest = hex::encode(image.digest());
        if path.exists() {
            let wrong =
                |what: &str| Failure::usage(format_args!("{} line 1: expected a journal of this image, found {what}", path.display()));
            let text = std::fs::read_to_string(path).map_err(io)?;
            let mut lines = text.lines();
            let head: Value = serde_json::from_str(lines.next().unwrap_or_default()).map_err(|_| wrong("no journal"))?;
            if head["version"] != 1 {
                return Err(wrong(&format!("version {}", head["version"])));
            }
            if head["image"] != digest.as_str() {
                return Err(wrong("that of another image")
                    .hint("each image has its own journal; take the right one, or another name with --journal"));
            }
            let nonce = head["nonce"].as_str().and_then(|text| hex::decode(text).ok()).and_then(|bytes| bytes.try_into().ok());
            let nonce = nonce.ok_or_else(|| wrong("no nonce"))?;
            // A line that a crash cut short was never acted upon.
            let changes = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let bound = changes.filter_map(|line| line["serial"].as_str().map(str::to_owned)).next();
            let mut file = OpenOptions::new().append(true).open(path).map_err(io)?;
            if !text.ends_with('\n') {
                file.write_all(b"\n").map_err(io)?;
            }
            return Ok((Self { file, bound }, nonce));
        }
        let mut nonce = Nonce::default();
        random::system().fill_bytes(&mut nonce);
        let file = OpenOptions::new().append(true).create_new(true).open(path).map_err(io)?;
        let mut journal = Self { file, bound: None };
        journal
            .line(&json!({ "version": 1, "image": digest, "nonce": hex::encode(nonce) }))
            .map_err(|detail| Failure::new(Exit::Store, detail).in_file(path))?;
        Ok((journal, nonce))
    }

    fn line(&mut self, line: &Value) -> Result<(), String> {
        self.file.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.file.sync_data()).map_err(|error| error.to_string())
    }
}

impl Journal for JournalFile {
    fn before(&mut self, serial: &[u8], change: Change) -> Result<(), String> {
        let found = hex::encode_upper(serial);
        match &self.bound {
            Some(bound) if *bound != found => return Err(format!("this job is bound to card {bound}, found card {found}")),
            Some(_) => {}
            None => self.bound = Some(found),
        }
        self.line(&json!({ "serial": hex::encode_upper(serial), "change": change.as_str(), "when": "before" }))
    }

    fn after(&mut self, serial: &[u8], change: Change) -> Result<(), String> {
        self.line(&json!({ "serial": hex::encode_upper(serial), "change": change.as_str(), "when": "after" }))
    }
}
