//! `pki request`: a document signer that lives elsewhere asks for a certificate.

use std::path::PathBuf;

use clap::Args;
use pki::csca::EcParameters;
use pki::key::{self, KeyParameters};
use pki::{KeyStore as _, SoftwareKeys, Subject, request};
use serde_json::json;

use super::key::KeyArgs;
use super::store_failure;
use crate::cli::exit::{Exit, Failure};
use crate::cli::secret::SignerPassphraseArgs;
use crate::cli::{Context, output, random};

/// Make a key and a certificate request (PKCS#10) where the document signer lives, away from the authority
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki request works ds-7 --country VN --state VNM --common-name 'Document Signer 7'")]
pub(super) struct Request {
    /// The folder for NAME.key and NAME.csr; it must exist
    folder: PathBuf,
    /// Name of the files
    name: String,
    /// Country of the CSCA, two letters of ISO 3166-1
    #[arg(long, value_name = "CODE")]
    country: String,
    /// State of the CSCA, three letters of Doc 9303-3
    #[arg(long, value_name = "CODE")]
    state: String,
    /// Name of the signer
    #[arg(long, value_name = "NAME")]
    common_name: String,
    /// Organization that runs the signer
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    passphrase: SignerPassphraseArgs,
}

impl Request {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let usual = KeyParameters::Ec(eid::crypto::curve::Curve::P256);
        let (key, algorithm) = self.key.resolve((usual, key::default_algorithm(usual)));
        let subject = Subject {
            country: self.country,
            state_code: self.state,
            organization: self.organization,
            organizational_unit: None,
            serial_number: None,
            common_name: self.common_name,
            contact_email: None,
        };
        subject.check().map_err(|error| Failure::from_error(Exit::Usage, &error))?;
        let characters = self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if self.name.is_empty() || self.name.len() > 64 || !characters {
            return Err(Failure::usage(format_args!("name: expected 1 to 64 of a-z, 0-9 and hyphen, found {:?}", self.name)));
        }
        let path = self.folder.join(format!("{}.csr", self.name));
        if path.exists() {
            return Err(Failure::new(Exit::Store, format_args!("{}: the file exists, and no request is ever replaced", path.display())));
        }
        let store = SoftwareKeys::new(&self.folder, self.passphrase.fresh("the key of the document signer")?, random::system());
        pki::keys::generate_or_adopt(&store, &self.name, key, algorithm, &mut random::system()).map_err(|error| store_failure(&error))?;
        let signer = store.open(&self.name, algorithm).map_err(|error| store_failure(&error))?;
        let made =
            request::create(&subject, EcParameters::Named, signer.as_ref()).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
        request::write(&path, &made).map_err(|error| Failure::file(&path, &error))?;
        if context.json {
            output::json(&json!({
                "file": path.display().to_string(), "subject": made.subject_text(), "key": made.key.describe(),
                "algorithm": key::algorithm_name(algorithm),
            }))?;
        } else {
            output::text(&format!("{}: {}, key {}", path.display(), made.subject_text(), made.key.describe()))?;
        }
        Ok(Exit::Success)
    }
}
