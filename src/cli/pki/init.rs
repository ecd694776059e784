//! `pki init`: make an authority.

use std::path::PathBuf;

use clap::Args;
use pki::{Authority, CscaParameters, Subject};

use super::key::KeyArgs;
use super::{failure, issued};
use crate::cli::exit::{Exit, Failure};
use crate::cli::secret::PassphraseArgs;
use crate::cli::{Context, clock, random};

/// Make an authority: a folder with a country signing CA, its key, and the register
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki init ca --country VN --state VNM --common-name 'CSCA Vietnam test'")]
pub(super) struct Init {
    /// The folder; its parent must exist
    dir: PathBuf,
    /// Country, two letters of ISO 3166-1
    #[arg(long, value_name = "CODE")]
    country: String,
    /// State, three letters of Doc 9303-3
    #[arg(long, value_name = "CODE")]
    state: String,
    /// Name of the CA
    #[arg(long, value_name = "NAME", default_value = "CSCA")]
    common_name: String,
    /// Organization
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// Unit of the organization
    #[arg(long, value_name = "NAME")]
    organizational_unit: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
    /// Years in which the key signs, 3 to 5
    #[arg(long, value_name = "YEARS", default_value_t = CscaParameters::default().key_use_years)]
    key_use: u8,
    /// Longest validity of a document in years
    #[arg(long, value_name = "YEARS", default_value_t = CscaParameters::default().document_years)]
    document_years: u8,
    /// Where relying parties find the CRL
    #[arg(long = "crl", value_name = "URL")]
    crl_urls: Vec<String>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl Init {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let usual = CscaParameters::default();
        let (key, algorithm, ec_parameters) = self.key.resolve((usual.key, usual.algorithm));
        let parameters = CscaParameters {
            key,
            algorithm,
            ec_parameters,
            key_use_years: self.key_use,
            document_years: self.document_years,
            crl_urls: if self.crl_urls.is_empty() { usual.crl_urls } else { self.crl_urls },
        };
        let subject = Subject {
            country: self.country,
            state_code: self.state,
            organization: self.organization,
            organizational_unit: self.organizational_unit,
            serial_number: None,
            common_name: self.common_name,
            contact_email: None,
        };
        subject.check().map_err(|error| Failure::from_error(Exit::Usage, &error))?;
        let pass_phrase = self.passphrase.fresh("the key of the CSCA")?;
        let authority = Authority::init(&self.dir, &subject, &parameters, &pass_phrase, &mut random::system(), clock::today())
            .map_err(|error| failure(&error))?;
        issued(context, &self.dir.join("csca.cer"), authority.csca())
    }
}
