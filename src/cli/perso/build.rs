//! `perso build`: from records to card images, signed by a document signer of an authority.

use std::path::{Path, PathBuf};

use cardwright::perso::build::{ChipKeys, Signing, build, guard};
use cardwright::perso::image_file::{ImageFile, ImageFileError};
use cardwright::perso::letter::{Letter, LetterError};
use cardwright::perso::profile::{DocumentProfile, Pin};
use cardwright::perso::record;
use clap::Args;
use eid::date::Date;
use serde_json::json;

use crate::cli::cvca::CvcaArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::Progress;
use crate::cli::secret::SignerPassphraseArgs;
use crate::cli::{Context, clock, output, pki, random};

/// Build card images from records, and sign them
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright perso build people.json --pki ca --out images\n  cardwright perso build person.json --profile icao-td3 --pki ca --signer ds-2026-11 --out images"
)]
pub(crate) struct Build {
    /// Records: JSON of one person or a list of persons; portraits are looked for beside it
    records: PathBuf,
    /// Document profile: cccd-2021, can-cuoc-2024, icao-td3, icao-td3-cam, icao-td1-eid, or a TOML file
    #[arg(long, value_name = "PROFILE", default_value = "cccd-2021")]
    profile: String,
    /// Sign with a document signer of the authority in DIR
    #[arg(long, value_name = "DIR")]
    pki: PathBuf,
    /// Name of the document signer
    #[arg(long, value_name = "NAME", default_value = "ds")]
    signer: String,
    #[command(flatten)]
    passphrase: SignerPassphraseArgs,
    /// Write the images into DIR as 0001.image, 0002.image, ...; they hold private keys
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Take PIN and PUK of each card from DIR (0001.pin, 0001.puk, ...); else they are drawn, and written beside its image
    #[arg(long, value_name = "DIR")]
    letters: Option<PathBuf>,
    #[command(flatten)]
    cvca: CvcaArgs,
    /// Day of production (YYYY-MM-DD); today if not given
    #[arg(long, value_name = "DATE")]
    date: Option<Date>,
}

impl Build {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        let today = self.date.unwrap_or_else(clock::today);
        let profile = DocumentProfile::load(&self.profile).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
        let text = std::fs::read_to_string(&self.records).map_err(|error| Failure::file(&self.records, &error))?;
        let folder = self.records.parent().unwrap_or(Path::new(""));
        let mut load = |name: &str| std::fs::read(folder.join(name)).map_err(|error| format!("{}: {error}", folder.join(name).display()));
        let records = record::read(&self.records.display().to_string(), &text, &profile, today, &mut load)
            .map_err(|error| Failure::from_error(Exit::Usage, &error).hint("correct the record; nothing was built"))?;

        let trust = self.cvca.trust_points(&profile, today)?;
        // the authority is closed again before the work begins: others work with it too
        let (signer, certificate) = {
            let authority = pki::open(&self.pki)?;
            let store = pki::keys::of_name(&authority, &self.signer, || self.passphrase.existing(&format!("the key of {}", self.signer)))?;
            authority.signer(&self.signer, store.as_ref()).map_err(|error| pki::failure(&error))?
        };
        let signing = Signing { signer: signer.as_ref(), certificate: certificate.der(), today };

        std::fs::create_dir_all(&self.out).map_err(|error| Failure::file(&self.out, &error))?;
        let progress = Progress::new("building", u64::try_from(records.len()).unwrap_or(u64::MAX), context.json);
        let mut rows = Vec::new();
        for (n, record) in (1u64..).zip(&records) {
            let keys = ChipKeys::generate(&profile, &mut random::system()).map_err(|error| Failure::from_error(Exit::Signer, &error))?;
            let mut image = build(record, &profile, &keys, signing).map_err(|error| {
                Failure::from_error(Exit::Signer, &error)
                    .hint("`cardwright pki issue DIR ds` issues another signer; see its --document-years, --document, and --key")
            })?;
            if let Some(trust) = &trust {
                guard(&mut image, trust.clone());
            }
            let path = self.out.join(format!("{n:04}.image"));
            if let Some(pin) = &profile.pin {
                self.letter(pin, n)?.give(&mut image, pin);
            }
            let digest = hex::encode(image.digest());
            let bytes: usize = image.files.values().map(Vec::len).sum();
            ImageFile { profile: profile.id.clone(), live: record.live(), image }.save(&path).map_err(|error| failure(&error))?;
            if !context.json {
                output::text(&format!("{}  {bytes} bytes of files, digest {digest}", path.display()))?;
            }
            rows.push(json!({ "image": path, "profile": profile.id, "bytes": bytes, "digest": digest }));
            progress.set(n);
        }
        if context.json {
            output::json(&rows)?;
        }
        Ok(Exit::Success)
    }
}

impl Build {
    /// PIN and PUK of the n-th card: as they were given, or drawn and written for the holder.
    fn letter(&self, pin: &Pin, n: u64) -> Result<Letter, Failure> {
        let name = format!("{n:04}");
        let letter = match &self.letters {
            Some(folder) => Letter::read(pin, &folder.join(name)),
            None => {
                let letter = Letter::draw(pin, &mut random::system());
                letter.save(&self.out.join(name)).map(|()| letter)
            }
        };
        letter.map_err(|error| match &error {
            LetterError::Io { path, source } if source.kind() == std::io::ErrorKind::AlreadyExists => {
                Failure::new(Exit::Usage, format_args!("{}: expected no such file yet, found one", path.display()))
                    .hint("a PIN letter is never overwritten: a card may have that PIN")
            }
            LetterError::Io { path, source } => Failure::file(path, source),
            LetterError::Digits { .. } => Failure::usage(&error),
        })
    }
}

/// Why an image file is not read or written.
pub(crate) fn failure(error: &ImageFileError) -> Failure {
    match error {
        ImageFileError::Io { path, source } if source.kind() == std::io::ErrorKind::AlreadyExists => {
            Failure::new(Exit::Usage, format_args!("{}: expected no such file yet, found one", path.display()))
                .hint("an image is never overwritten: a card may have been made from it")
        }
        ImageFileError::Io { path, source } => Failure::file(path, source),
        _ => Failure::from_error(Exit::Usage, error),
    }
}
