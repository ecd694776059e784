//! `line prepare`: accepted records become a batch of sealed images, signed and stored, which two persons may then release.

use std::path::PathBuf;

use cardwright::line::intake::{AcceptedFile, IntakeFileError};
use cardwright::line::prepare::{self, MOST_JOBS, Order, Preparation, PrepareError};
use cardwright::line::site::{PREPARATION, Site};
use cardwright::line::store::NewBatch;
use cardwright::perso::build::BuildError;
use cardwright::perso::profile::DocumentProfile;
use clap::Args;
use eid::date::Date;
use eid::signer::Signer;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{SiteArgs, failure, note, persons, store_failure};
use crate::cli::cvca::CvcaArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::Progress;
use crate::cli::secret::{PassphraseArgs, SignerPassphraseArgs};
use crate::cli::{Context, by, clock, output, pki as authority, random};

/// Make the sealed images of a batch from accepted records
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright line prepare first\n  cardwright line prepare first --intake people-2026-11-22 --workers 8"
)]
pub(super) struct Prepare {
    /// Name of the batch: a-z, 0-9, and hyphen
    batch: String,
    /// The intake with its records: a name in the site's folder intake, or a file; that of the batch if not given
    #[arg(long, value_name = "NAME|FILE")]
    intake: Option<String>,
    #[command(flatten)]
    cvca: CvcaArgs,
    /// Work with N threads; as many as the machine has if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,
    /// Day of production (YYYY-MM-DD); today if not given
    #[arg(long, value_name = "DATE")]
    date: Option<Date>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    signer_passphrase: SignerPassphraseArgs,
}

impl Prepare {
    pub(super) fn run(self, args: &SiteArgs, context: Context) -> Result<Exit, Failure> {
        let usage = |error: &dyn std::error::Error| Failure::from_error(Exit::Usage, error);
        let site = args.open()?;
        let mut store = args.store(&site)?;
        let (config, today) = (site.config(), self.date.unwrap_or_else(clock::today));
        let profile = DocumentProfile::load(&site.profile(&config.document_profile)).map_err(|error| usage(&error))?;
        super::without_pin(&profile)?;
        let path = self.path(&site);
        let accepted = AcceptedFile::open(&path).map_err(|error| intake_failure(&error))?;
        let count = accepted.header().accepted;
        if accepted.header().profile != profile.id {
            let found = &accepted.header().profile;
            return Err(Failure::usage(format_args!("expected records for profile {}, found {found}", profile.id)).in_file(&path));
        }
        if count > u64::from(MOST_JOBS) {
            return Err(Failure::usage(format_args!("expected at most {MOST_JOBS} records for a batch, found {count}")).in_file(&path));
        }
        let trust = self.cvca.trust_points(&profile, today)?;
        let (signer, certificate) = self.signer(&site)?;
        let header_key = super::signing_key(&site, PREPARATION, &self.passphrase)?;
        let (seal, pseudonyms) = (site.seal().map_err(|error| failure(&error))?, site.pseudonyms().map_err(|error| failure(&error))?);
        let images = site.path("images");
        let workers = self.workers.map(usize::from).or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
        let with = Preparation {
            batch: &self.batch,
            profile: &profile,
            trust: trust.as_ref(),
            signer: signer.as_ref(),
            certificate: &certificate,
            today,
            seal: &seal,
            pseudonyms: &pseudonyms,
            images: &images,
            workers,
        };
        let mut orders = accepted.map(|record| {
            let record = record.map_err(|error| error.to_string())?;
            let place = format!("source {}, row {}", record.source, record.row);
            let checked = record.record(&profile, today);
            let wrong = |problems: Vec<_>| format!("{place}: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
            Ok(Order { replaces: record.replaces(), record: checked.map_err(wrong)? })
        });
        let progress = Progress::new("preparing", count, context.json);
        let prepared = prepare::prepare(&with, &mut orders, config.live, &mut random::system(), &|done| progress.set(done))
            .map_err(|error| prepare_failure(&error))?;
        drop(progress);
        let card_profile = site.profile(&config.card_profile);
        let mut header = NewBatch {
            name: self.batch.clone(),
            document_profile: profile.id.clone(),
            card_profile: config.card_profile.clone(),
            profile_digest: profile_digest(&site.profile(&config.document_profile), &card_profile)?,
            live: config.live,
            merkle_root: prepared.root,
            signature: Vec::new(),
        };
        let jobs = u64::try_from(prepared.jobs.len()).unwrap_or(u64::MAX);
        prepare::sign(&mut header, jobs, header_key.as_ref()).map_err(|error| prepare_failure(&error))?;
        let note = note(vec![by::user()], "batch-prepared", format!("batch {}", self.batch), hex::encode(prepared.root));
        store.add_batch(&header, &mut prepared.jobs.into_iter(), &note).map_err(|error| store_failure(&error))?;
        let root = hex::encode(header.merkle_root);
        if context.json {
            output::json(&json!({ "version": 1, "batch": self.batch, "jobs": jobs, "bytes": prepared.bytes, "merkle_root": root }))?;
        } else {
            output::text(&format!("batch {}: {jobs} jobs prepared, {} bytes of files, Merkle root {root}", self.batch, prepared.bytes))?;
        }
        Ok(Exit::Success)
    }

    fn path(&self, site: &Site) -> PathBuf {
        let name = self.intake.as_deref().unwrap_or(&self.batch);
        let file = PathBuf::from(name);
        if self.intake.is_some() && file.is_file() { file } else { site.path("intake").join(format!("{name}.intake")) }
    }

    /// The document signer of the site, wherever its key is, and its certificate.
    fn signer(&self, site: &Site) -> Result<(Box<dyn Signer + Send + Sync>, Vec<u8>), Failure> {
        let name = &site.config().signer;
        let opened = authority::open(&site.authority())?;
        let store = authority::keys::of_name(&opened, name, || {
            persons::or_test(site, self.signer_passphrase.file(), SignerPassphraseArgs::VARIABLE, |_| {
                self.signer_passphrase.existing(&format!("the key of {name}"))
            })
        })?;
        let (signer, certificate) = opened.signer(name, store.as_ref()).map_err(|error| authority::failure(&error))?;
        Ok((signer, certificate.der().to_vec()))
    }
}

/// SHA-256 over both profiles as they are now: built-in ones by their name, files by their bytes, each behind its length in eight bytes.
fn profile_digest(document: &str, card: &str) -> Result<[u8; 32], Failure> {
    let mut hash = Sha256::new();
    for name in [document, card] {
        let path = PathBuf::from(name);
        let bytes = if path.is_file() {
            std::fs::read(&path).map_err(|error| Failure::file(&path, &error))?
        } else {
            format!("{name} of cardwright {}", env!("CARGO_PKG_VERSION")).into_bytes()
        };
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(bytes);
    }
    Ok(hash.finalize().into())
}

fn intake_failure(error: &IntakeFileError) -> Failure {
    match error {
        IntakeFileError::Io { path, source } => Failure::file(path, source),
        IntakeFileError::Form { .. } => Failure::new(Exit::Store, error).hint("take the records in again: `cardwright line intake`"),
    }
}

fn prepare_failure(error: &PrepareError) -> Failure {
    match error {
        PrepareError::Io { path, source } if source.kind() == std::io::ErrorKind::AlreadyExists => {
            Failure::usage(format_args!("{}: expected a new batch, found one of this name", path.display()))
                .hint("take another name; images of a preparation that was cut off stay in their folder until you remove it")
        }
        PrepareError::Io { path, source } => Failure::file(path, source),
        PrepareError::Build { source: BuildError::Signer { .. }, .. } | PrepareError::Signer(_) => Failure::from_error(Exit::Signer, error),
        _ => Failure::from_error(Exit::Usage, error),
    }
}
