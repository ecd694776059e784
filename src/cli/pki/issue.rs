//! `pki issue`: a further CSCA key, a link certificate, a document signer, a list signer.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pki::{Authority, Issuing, ListKind, PkiError, request};

use super::key::KeyArgs;
use super::{failure, issued, keys, open, publish_failure};
use crate::cli::by::ByArgs;
use crate::cli::exit::Exit;
use crate::cli::exit::Failure;
use crate::cli::secret::{PassphraseArgs, SignerPassphraseArgs};
use crate::cli::{Context, clock, random};

/// Issue a certificate under the CSCA, or the next CSCA itself
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, before_long_help = "Example:\n  cardwright pki issue ca ds")]
pub(super) struct Issue {
    /// The folder of the authority
    dir: PathBuf,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Csca(Csca),
    Link(Link),
    Ds(Ds),
    Mls(ListSigner),
    Dls(ListSigner),
}

/// Make the CSCA, or with --rollover its next key with the link certificate from the last one
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki issue ca csca --rollover")]
struct Csca {
    /// Make the next key; the name is the one in pki.toml, which may be a new one
    #[arg(long)]
    rollover: bool,
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// Take the pass phrase of the new key from FILE; else it is that of the last key
    #[arg(long, value_name = "FILE", requires = "rollover")]
    new_passphrase_file: Option<PathBuf>,
}

/// Make the link certificate that an interrupted rollover left out
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki issue ca link")]
struct Link {
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Issue a document signer: its key and its certificate
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright pki issue ca ds ds-2026-11 --common-name 'Document Signer 12'\n  cardwright pki issue ca ds ds-7 --request ds-7.csr"
)]
struct Ds {
    /// Name of the files, NAME.cer and NAME.key; ds, ds-2, ... if not given
    name: Option<String>,
    /// Issue it for the request in FILE (PKCS#10, DER or PEM) of a signer that lives elsewhere; its key and algorithm are those of the request
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "algorithm", "signer_passphrase_file"])]
    request: Option<PathBuf>,
    /// Name of the signer
    #[arg(long, value_name = "NAME")]
    common_name: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
    /// Days in which the key signs
    #[arg(long, value_name = "DAYS")]
    key_use: Option<u16>,
    /// Longest validity of a document in years
    #[arg(long, value_name = "YEARS")]
    document_years: Option<u8>,
    /// Document codes that it may sign
    #[arg(long = "document", value_name = "CODE")]
    document_types: Vec<String>,
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    signer_passphrase: SignerPassphraseArgs,
}

/// Issue a signer of master lists (mls) or deviation lists (dls): its key and its certificate
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki issue ca mls\n  cardwright pki issue ca dls")]
struct ListSigner {
    /// Name of the files, NAME.cer and NAME.key; mls, mls-2, ... if not given
    name: Option<String>,
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    signer_passphrase: SignerPassphraseArgs,
}

/// The name of the newest CSCA.
fn newest(authority: &Authority) -> Result<String, Failure> {
    authority.cscas().last().map(|csca| csca.name.clone()).ok_or_else(|| failure(&PkiError::NoCsca))
}

impl Issue {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let mut authority = open(&self.dir)?;
        let mut names = match self.what {
            What::Csca(what) => what.run(&mut authority)?,
            What::Link(what) => what.run(&mut authority)?,
            What::Ds(what) => what.run(&mut authority)?,
            What::Mls(what) => what.run(&mut authority, ListKind::Master)?,
            What::Dls(what) => what.run(&mut authority, ListKind::Deviation)?,
        };
        names.sort();
        issued(context, &authority, &names)
    }
}

impl Csca {
    fn run(self, authority: &mut Authority) -> Result<Vec<String>, Failure> {
        let by = self.by.name();
        let before = authority.issued().len();
        if self.rollover {
            let newest = newest(authority)?;
            let phrase = std::cell::OnceCell::new();
            let ask = || -> Result<eid::secret::Secret, Failure> {
                if let Some(known) = phrase.get() {
                    return Ok(eid::secret::Secret::clone(known));
                }
                let secret = self.passphrase.existing(&format!("the key of {newest}"))?;
                Ok(phrase.get_or_init(|| secret).clone())
            };
            let old = keys::of_name(authority, &newest, ask)?;
            let (signer, _) = authority.signer(&newest, old.as_ref()).map_err(|error| failure(&error))?;
            let new = keys::for_role(authority, "csca", || match &self.new_passphrase_file {
                Some(file) => crate::cli::secret::secret_file(file),
                None => ask(),
            })?;
            authority
                .roll_over(signer.as_ref(), new.as_ref(), &by, &mut random::system(), clock::today())
                .map_err(|error| failure(&error))?;
        } else {
            let store = keys::for_role(authority, "csca", || self.passphrase.fresh("the key of the CSCA"))?;
            authority.issue_csca(store.as_ref(), &by, &mut random::system(), clock::today()).map_err(|error| failure(&error))?;
        }
        Ok(authority.issued().iter().skip(before).map(|issued| issued.name.clone()).collect())
    }
}

impl Link {
    fn run(self, authority: &mut Authority) -> Result<Vec<String>, Failure> {
        let before = authority.issued().len();
        let old = authority.missing_link_signer().map(|csca| csca.name.clone());
        let old = old.ok_or_else(|| failure(&PkiError::Order("no link certificate is missing".to_owned())))?;
        let store = keys::of_name(authority, &old, || self.passphrase.existing(&format!("the key of {old}")))?;
        let (signer, _) = authority.signer(&old, store.as_ref()).map_err(|error| failure(&error))?;
        authority.issue_link(signer.as_ref(), &self.by.name(), &mut random::system(), clock::today()).map_err(|error| failure(&error))?;
        Ok(authority.issued().iter().skip(before).map(|issued| issued.name.clone()).collect())
    }
}

impl Ds {
    fn run(self, authority: &mut Authority) -> Result<Vec<String>, Failure> {
        let (free, _) = authority.next_name("ds");
        let count = authority.issued().iter().filter(|issued| issued.role == "ds").count();
        let name = self.name.unwrap_or(free);
        let mut parameters = authority.hierarchy().ds_parameters(count + 1).map_err(|error| failure(&error.into()))?;
        (parameters.key, parameters.algorithm) = self.key.resolve((parameters.key, parameters.algorithm));
        let named = self.common_name;
        parameters.common_name = named.clone().unwrap_or(parameters.common_name);
        parameters.key_use_days = self.key_use.unwrap_or(parameters.key_use_days);
        parameters.document_years = self.document_years.unwrap_or(parameters.document_years);
        if !self.document_types.is_empty() {
            parameters.document_types = self.document_types;
        }
        let csca = newest(authority)?;
        let root = keys::of_name(authority, &csca, || self.passphrase.existing("the key of the CSCA"))?;
        let (signer, _) = authority.signer(&csca, root.as_ref()).map_err(|error| failure(&error))?;
        let issuing = Issuing { signer: signer.as_ref(), by: &self.by.name(), today: clock::today() };
        if let Some(path) = self.request {
            let bytes = std::fs::read(&path).map_err(|error| Failure::file(&path, &error))?;
            let request = authority
                .receive_request(&bytes, &name, issuing.by, clock::now())
                .map_err(|error| publish_failure(&error).in_file(&path))?;
            parameters.algorithm = request::algorithm(&request).map_err(|error| Failure::from_error(Exit::Usage, &error).in_file(&path))?;
            if named.is_none() {
                parameters.common_name = request::common_name(&request);
            }
            authority
                .issue_ds_for_key(&name, &parameters, &request.key.key, &issuing, &mut random::system())
                .map_err(|error| failure(&error))?;
            return Ok(vec![name]);
        }
        let store = keys::for_role(authority, "ds", || self.signer_passphrase.fresh("the key of the document signer"))?;
        authority.issue_ds(&name, &parameters, store.as_ref(), &issuing, &mut random::system()).map_err(|error| failure(&error))?;
        Ok(vec![name])
    }
}

impl ListSigner {
    fn run(self, authority: &mut Authority, list: ListKind) -> Result<Vec<String>, Failure> {
        let (free, _) = authority.next_name(list.role());
        let count = authority.issued().iter().filter(|issued| issued.role == list.role()).count();
        let name = self.name.unwrap_or(free);
        let parameters = authority.hierarchy().list_signer_parameters(list, count + 1).map_err(|error| failure(&error.into()))?;
        let csca = newest(authority)?;
        let root = keys::of_name(authority, &csca, || self.passphrase.existing("the key of the CSCA"))?;
        let (signer, _) = authority.signer(&csca, root.as_ref()).map_err(|error| failure(&error))?;
        let store = keys::for_role(authority, list.role(), || self.signer_passphrase.fresh(&format!("the key of {name}")))?;
        let issuing = Issuing { signer: signer.as_ref(), by: &self.by.name(), today: clock::today() };
        authority
            .issue_list_signer(&name, &parameters, store.as_ref(), &issuing, &mut random::system())
            .map_err(|error| failure(&error))?;
        Ok(vec![name])
    }
}
