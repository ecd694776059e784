//! What `pki cvca`, `pki dv`, and `pki terminal` share.

use std::path::{Path, PathBuf};

use clap::Args;
use eid::cert::chat::TerminalType;
use eid::cert::cvc::{Cvc, Request};
use eid::signer::Signer;
use pki::cv::office::{Record, Subject};
use pki::cv::{CvError, Office, OfficeError, Tables};
use pki::{Authority, PkiError};
use serde_json::json;

use super::{failure, open};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output;

/// An authority with its CV tables.
pub(super) struct Desk {
    pub(super) authority: Authority,
    pub(super) tables: Tables,
}

impl Desk {
    pub(super) fn open(dir: &Path) -> Result<Self, Failure> {
        let authority = open(dir)?;
        let path = dir.join(pki::hierarchy::FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| Failure::file(&path, &error))?;
        let tables = Tables::parse(&text).map_err(|error| Failure::usage(error).in_file(&path))?;
        Ok(Self { authority, tables })
    }

    pub(super) fn office(&mut self) -> Result<Office<'_>, Failure> {
        let directory = self.authority.directory().to_owned();
        Office::new(&directory, self.authority.register_mut(), self.tables.clone()).map_err(refused)
    }

    /// The key of a certificate that was issued here.
    pub(super) fn signer(
        &self,
        record: &Record,
        pass_phrase: impl FnOnce() -> Result<eid::secret::Secret, Failure>,
    ) -> Result<Box<dyn Signer + Send + Sync>, Failure> {
        let name = record.certificate.holder().to_string();
        let store = super::keys::of_place(&self.authority, &name, &record.key, pass_phrase)?;
        store.open(&name, record.algorithm).map_err(|error| failure(&PkiError::from(error)))
    }
}

/// Why there is no certificate.
pub(super) fn refused(error: OfficeError) -> Failure {
    match error {
        OfficeError::Register(error) => failure(&PkiError::from(error)),
        OfficeError::Key(error) => failure(&PkiError::from(error)),
        OfficeError::Io { path, source } => Failure::file(&path, &source),
        OfficeError::Certificate { .. } => Failure::from_error(Exit::Store, &error),
        OfficeError::Order(_) | OfficeError::Mnemonic { .. } => Failure::from_error(Exit::Usage, &error),
        OfficeError::Cv(error) => {
            let exit = match error {
                CvError::OtherKey(_) | CvError::Issue(eid::cert::cvc::issue::IssueError::Signer(_)) => Exit::Signer,
                CvError::Inner { .. } | CvError::Outer { .. } | CvError::Voucher { .. } => Exit::CheckFailed,
                CvError::Unauthenticated { .. } | CvError::Unseen { .. } => Exit::CheckFailed,
                _ => Exit::Usage,
            };
            let hint = match error {
                CvError::Unseen { .. } => Some("compare the fingerprint with what the holder says, then name who did with --seen-by"),
                CvError::IssuerPeriod { .. } => {
                    Some("`cardwright pki cvca DIR --rollover` makes the next CVCA key, `cardwright pki dv` the next document verifier's")
                }
                CvError::Voucher { .. } => Some("--home-cvca FILE names the CVCA of the holder's country"),
                _ => None,
            };
            let told = Failure::from_error(exit, &error);
            hint.map_or_else(|| Failure::from_error(exit, &error), |hint| told.hint(hint))
        }
    }
}

/// `IS`, `AT`, `ST`.
pub(super) fn terminal_type(text: &str) -> Result<TerminalType, String> {
    TerminalType::of_abbreviation(text).ok_or_else(|| {
        let names = TerminalType::ALL.map(|kind| format!("{} ({})", kind.abbreviation().to_lowercase(), kind.name()));
        format!("expected one of {}, found {text:?}", names.join(", "))
    })
}

/// A request from elsewhere.
#[derive(Debug, Args)]
#[command(next_help_heading = "A key that is held elsewhere")]
pub(super) struct RequestArgs {
    /// Certify the key of this request; both of its signatures are checked
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// Who has seen that a first request, which no key vouches for, is from whom it names; goes into the register
    #[arg(long, value_name = "WHO", requires = "request")]
    seen_by: Option<String>,
    /// CVCA certificate of the holder's country, whose outer signature is taken
    #[arg(long, value_name = "FILE", requires = "request")]
    home_cvca: Vec<PathBuf>,
}

/// A request that was read.
pub(super) struct Asked<'a> {
    request: Request,
    vouchers: Vec<Cvc>,
    seen_by: Option<&'a str>,
}

impl RequestArgs {
    pub(super) fn read(&self) -> Result<Option<Asked<'_>>, Failure> {
        let Some(path) = &self.request else { return Ok(None) };
        let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
        let request = Request::from_der(&bytes).map_err(|error| Failure::from_error(Exit::Usage, &error).in_file(path))?;
        let read = |path: &PathBuf| {
            let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
            Cvc::from_der(&bytes).map_err(|error| Failure::from_error(Exit::Usage, &error).in_file(path))
        };
        let vouchers = self.home_cvca.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Some(Asked { request, vouchers, seen_by: self.seen_by.as_deref() }))
    }
}

impl Asked<'_> {
    pub(super) fn subject(&self) -> Subject<'_> {
        Subject::Requested { request: &self.request, seen_by: self.seen_by, vouchers: &self.vouchers }
    }
}

/// A certificate for JSON.
pub(super) fn row(office: &Office<'_>, record: &Record) -> serde_json::Value {
    let certificate = &record.certificate;
    json!({
        "file": office.path(record), "holder": certificate.holder().to_string(), "authority": certificate.authority().to_string(),
        "type": certificate.chat().terminal().abbreviation(), "role": certificate.chat().role().name(), "rights": certificate.chat().right_names(),
        "key": certificate.key().describe(), "key_place": record.key, "effective": certificate.effective().to_string(),
        "expiry": certificate.expiry().to_string(), "remarks": record.remarks,
    })
}

/// Tells of what was issued: remarks as warnings, the certificates as the answer.
pub(super) fn tell(office: &Office<'_>, records: &[Record], json: bool) -> Result<(), Failure> {
    for record in records {
        record.remarks.iter().for_each(|remark| tracing::warn!("{remark}"));
        if json {
            continue;
        }
        let certificate = &record.certificate;
        let (path, rights) = (office.path(record), certificate.chat().right_names().join(", "));
        let rights = if rights.is_empty() { "no rights".to_owned() } else { rights };
        let (from, until, role) = (certificate.effective(), certificate.expiry(), certificate.chat().role().name());
        output::text(&format!("{}: {role} by {}, {rights}, valid {from} to {until}", path.display(), certificate.authority()))?;
    }
    Ok(())
}
