//! `pki ds`: issue a document signer.

use std::path::PathBuf;

use clap::Args;
use pki::DsParameters;

use super::key::KeyArgs;
use super::{failure, issued, open};
use crate::cli::exit::{Exit, Failure};
use crate::cli::secret::{self, PassphraseArgs};
use crate::cli::{Context, clock, random};

/// Issue a document signer: its key and its certificate
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki ds ca ds-2026-11 --common-name 'Document Signer 12'")]
pub(super) struct Ds {
    /// The folder of the authority
    dir: PathBuf,
    /// Name of the files: NAME.cer and NAME.key
    #[arg(default_value = "ds")]
    name: String,
    /// Name of the signer
    #[arg(long, value_name = "NAME", default_value_t = DsParameters::default().common_name)]
    common_name: String,
    #[command(flatten)]
    key: KeyArgs,
    /// Days in which the key signs
    #[arg(long, value_name = "DAYS", default_value_t = DsParameters::default().key_use_days)]
    key_use: u16,
    /// Longest validity of a document in years
    #[arg(long, value_name = "YEARS", default_value_t = DsParameters::default().document_years)]
    document_years: u8,
    /// Document codes that it may sign
    #[arg(long = "document", value_name = "CODE", default_values_t = DsParameters::default().document_types)]
    document_types: Vec<String>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// Take the new key's pass phrase from FILE; else from CARDWRIGHT_DS_PASSPHRASE, else ask for it
    #[arg(long, value_name = "FILE")]
    ds_passphrase_file: Option<PathBuf>,
}

impl Ds {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let usual = DsParameters::default();
        let (key, algorithm, ec_parameters) = self.key.resolve((usual.key, usual.algorithm));
        let parameters = DsParameters {
            key,
            algorithm,
            ec_parameters,
            common_name: self.common_name,
            key_use_days: self.key_use,
            document_years: self.document_years,
            document_types: self.document_types,
        };
        let mut authority = open(&self.dir)?;
        let csca = self.passphrase.existing("the key of the CSCA")?;
        let own = secret::fresh(
            self.ds_passphrase_file.as_deref(),
            "CARDWRIGHT_DS_PASSPHRASE",
            "--ds-passphrase-file",
            "the key of the document signer",
        )?;
        let certificate = authority
            .issue_ds(&self.name, &parameters, &csca, &own, &mut random::system(), clock::today())
            .map_err(|error| failure(&error))?;
        issued(context, &self.dir.join(format!("{}.cer", self.name)), &certificate)
    }
}
