//! `pki`: the authority. Make a country signing CA, issue document signers, list what was issued.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use eid::cert::x509::Certificate;
use eid::crypto::curve::Curve;
use eid::crypto::signature::Algorithm;
use pki::authority::to_pem;
use pki::csca::EcParameters;
use pki::key::{self, KeyError, KeyParameters};
use pki::register::RegisterError;
use pki::{Authority, CscaParameters, DsParameters, PkiError, Subject};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::secret::{self, PassphraseArgs};
use super::{Context, clock, output, random};

/// Run the authority: country signing CA and document signers
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Pki {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    Init(Init),
    Csca(Csca),
    Ds(Ds),
    List(List),
}

/// Make an authority: a folder with a country signing CA, its key, and the register
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki init ca --country VN --state VNM --common-name 'CSCA Vietnam test'")]
struct Init {
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

/// Print the certificate of the country signing CA
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki csca ca > csca.pem")]
struct Csca {
    /// The folder of the authority
    dir: PathBuf,
}

/// Issue a document signer: its key and its certificate
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki ds ca ds-2026-11 --common-name 'Document Signer 12'")]
struct Ds {
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

/// List everything that was issued
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki list ca")]
struct List {
    /// The folder of the authority
    dir: PathBuf,
}

/// What kind of key to make.
#[derive(Debug, Args)]
struct KeyArgs {
    /// Key: a curve (P-256, brainpoolP384r1, ...) or rsa-BITS
    #[arg(long, value_name = "KEY", value_parser = key_parameters)]
    key: Option<KeyParameters>,
    /// Algorithm of its signatures: ecdsa-sha256, rsa-pkcs1-sha256, rsa-pss-sha256, ...; the usual one for the key if not given
    #[arg(long, value_name = "NAME", value_parser = algorithm)]
    algorithm: Option<Algorithm>,
    /// Write EC parameters out, as Doc 9303-12 asks and OpenSSL refuses
    #[arg(long)]
    explicit: bool,
}

fn key_parameters(text: &str) -> Result<KeyParameters, String> {
    if let Some(bits) = text.strip_prefix("rsa-").and_then(|bits| bits.parse().ok()).filter(|bits| (2048..=8192).contains(bits)) {
        return Ok(KeyParameters::Rsa(bits));
    }
    let curve = Curve::ALL.into_iter().find(|curve| curve.name().eq_ignore_ascii_case(text));
    curve.map(KeyParameters::Ec).ok_or_else(|| {
        let curves: Vec<_> = Curve::ALL.into_iter().filter(|curve| curve.field_len() >= 28).map(Curve::name).collect();
        format!("expected rsa-BITS (2048 to 8192) or one of {}, found {text:?}", curves.join(", "))
    })
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    key::algorithm_of_name(text)
        .ok_or_else(|| format!("expected a name like ecdsa-sha256, rsa-pkcs1-sha256, or rsa-pss-sha256, found {text:?}"))
}

impl KeyArgs {
    /// Key, algorithm, and form of the parameters, with `usual` where nothing is said.
    fn resolve(&self, usual: (KeyParameters, Algorithm)) -> (KeyParameters, Algorithm, EcParameters) {
        let key = self.key.unwrap_or(usual.0);
        let standard = if self.key.is_some() { key::default_algorithm(key) } else { usual.1 };
        (key, self.algorithm.unwrap_or(standard), if self.explicit { EcParameters::Explicit } else { EcParameters::Named })
    }
}

/// Why the authority did not do what was asked.
pub(crate) fn failure(error: &PkiError) -> Failure {
    match error {
        PkiError::Io { path, source } => Failure::file(path, source),
        PkiError::Directory { detail, .. } if detail.starts_with("there is no") => {
            Failure::new(Exit::Store, error).hint("`cardwright pki init DIR` makes an authority")
        }
        PkiError::Directory { .. } => Failure::new(Exit::Store, error),
        PkiError::Name(_) | PkiError::Issue(_) => Failure::from_error(Exit::Usage, error),
        PkiError::Unknown(_) => Failure::new(Exit::Usage, error).hint("`cardwright pki list DIR` shows what was issued"),
        PkiError::Key { source: KeyError::PassPhrase, .. } => {
            Failure::new(Exit::Signer, error).hint("give the pass phrase that the key was made with")
        }
        PkiError::Key { source: KeyError::Weak(_) | KeyError::Algorithm { .. }, .. } => Failure::new(Exit::Usage, error),
        PkiError::Key { .. } | PkiError::OtherKey(_) => Failure::new(Exit::Signer, error),
        PkiError::Register(RegisterError::Misuse(_)) => Failure::new(Exit::Usage, error),
        PkiError::Register(RegisterError::Locked(_)) => Failure::new(Exit::Store, error).hint("wait until the other program is done"),
        PkiError::Register(_) | PkiError::Certificate { .. } => Failure::from_error(Exit::Store, error),
    }
}

/// How long to wait for another program that has the authority open: each has it for a moment only.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens an authority and tells what a crash left.
pub(crate) fn open(dir: &Path) -> Result<Authority, Failure> {
    let since = Instant::now();
    let (authority, burned) = loop {
        match Authority::open(dir, clock::today()) {
            Err(PkiError::Register(RegisterError::Locked(_))) if since.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(20))
            }
            opened => break opened.map_err(|error| failure(&error))?,
        }
    };
    for burned in burned {
        tracing::warn!(serial = burned.serial, name = burned.name, "serial number burned: {}", burned.reason);
    }
    Ok(authority)
}

impl Pki {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        match self.step {
            Step::Init(step) => step.run(context),
            Step::Csca(step) => step.run(context),
            Step::Ds(step) => step.run(context),
            Step::List(step) => step.run(context),
        }
    }
}

impl Init {
    fn run(self, context: Context) -> Result<Exit, Failure> {
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

impl Csca {
    fn run(self, context: Context) -> Result<Exit, Failure> {
        let authority = open(&self.dir)?;
        if context.json {
            return issued(context, &self.dir.join("csca.cer"), authority.csca());
        }
        output::text(&to_pem(authority.csca()))?;
        Ok(Exit::Success)
    }
}

impl Ds {
    fn run(self, context: Context) -> Result<Exit, Failure> {
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

impl List {
    fn run(self, context: Context) -> Result<Exit, Failure> {
        let authority = open(&self.dir)?;
        let rows = authority
            .issued()
            .iter()
            .map(|issued| Certificate::from_der(&issued.certificate).map(|certificate| (issued, certificate)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Failure::from_error(Exit::Store, &error))?;
        if context.json {
            let rows: Vec<_> = rows.iter().map(|(issued, certificate)| row(&issued.name, certificate)).collect();
            output::json(&rows)?;
        } else {
            let lines: Vec<_> = rows
                .iter()
                .map(|(issued, certificate)| {
                    format!(
                        "{:<16} {}  {} to {}  {}",
                        issued.name,
                        issued.serial,
                        certificate.not_before().date,
                        certificate.not_after().date,
                        certificate.subject_text()
                    )
                })
                .collect();
            output::text(&lines.join("\n"))?;
        }
        Ok(Exit::Success)
    }
}

fn row(name: &str, certificate: &Certificate) -> serde_json::Value {
    json!({
        "name": name, "serial": certificate.serial_hex(), "subject": certificate.subject_text(), "issuer": certificate.issuer_text(),
        "not_before": certificate.not_before().date.to_string(), "not_after": certificate.not_after().date.to_string(),
        "sha256": hex::encode(certificate.fingerprint()),
    })
}

fn issued(context: Context, path: &Path, certificate: &Certificate) -> Result<Exit, Failure> {
    if context.json {
        output::json(&row(&path.file_stem().unwrap_or_default().to_string_lossy(), certificate))?;
    } else {
        output::text(&format!(
            "{}: {}, valid {} to {}",
            path.display(),
            certificate.subject_text(),
            certificate.not_before().date,
            certificate.not_after().date
        ))?;
    }
    Ok(Exit::Success)
}
