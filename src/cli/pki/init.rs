//! `pki init`: make what `pki.toml` declares and the folder lacks.

use std::path::{Path, PathBuf};

use clap::Args;
use eid::crypto::signature::Algorithm;
use pki::csca::EcParameters;
use pki::hierarchy::{self, Csca, Hierarchy, Signers};
use pki::{Authority, Issuing, KeyParameters, ListKind};
use serde_json::json;

use super::key::{self, KeyArgs};
use super::{failure, keys, open, row};
use crate::cli::by::ByArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::secret::{PassphraseArgs, SignerPassphraseArgs};
use crate::cli::{Context, clock, output, random};

/// Make what pki.toml declares and is missing: the CSCA, list signers; write a pki.toml first if there is none
///
/// What exists is never touched: run it again after an interruption, or after a new role was declared.
/// Document signers come with `pki issue DIR ds`, since their three months begin on that day.
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki init ca --country UT --state UTO --common-name 'CSCA Utopia'")]
pub(super) struct Init {
    /// The folder; its parent must exist
    dir: PathBuf,
    #[command(flatten)]
    declare: Declare,
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    signer_passphrase: SignerPassphraseArgs,
}

/// What the first pki.toml says.
#[derive(Debug, Args)]
#[command(next_help_heading = "What goes into a new pki.toml")]
struct Declare {
    /// Country, two letters of ISO 3166-1
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
    /// State, three letters of Doc 9303-3
    #[arg(long, value_name = "CODE", requires = "country")]
    state: Option<String>,
    /// Name of the CA
    #[arg(long, value_name = "NAME", requires = "country")]
    common_name: Option<String>,
    /// Organization
    #[arg(long, value_name = "NAME", requires = "country")]
    organization: Option<String>,
    /// Unit of the organization
    #[arg(long, value_name = "NAME", requires = "country")]
    organizational_unit: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
    /// How EC parameters are written: explicit as Doc 9303-12 asks (and OpenSSL refuses), or named
    #[arg(long, value_name = "FORM", requires = "country", value_parser = key::form)]
    parameters: Option<EcParameters>,
    /// Years in which the key of the CSCA signs, 3 to 5
    #[arg(long, value_name = "YEARS", requires = "country")]
    key_use: Option<u8>,
    /// Longest validity of a document in years
    #[arg(long, value_name = "YEARS", requires = "country")]
    document_years: Option<u8>,
    /// Where relying parties find the CRL
    #[arg(long = "crl", value_name = "URL", requires = "country")]
    crl_urls: Vec<String>,
    /// Declare signers of master lists and deviation lists too
    #[arg(long, requires = "country")]
    list_signers: bool,
}

impl Declare {
    fn hierarchy(self) -> Result<Option<Hierarchy>, Failure> {
        let Some(country) = self.country else { return Ok(None) };
        let state =
            self.state.ok_or_else(|| Failure::usage("--country wants --state too").hint("three letters of Doc 9303-3, such as UTO"))?;
        let mut hierarchy = Hierarchy::new(&country, &state, "http://csca.example/csca.crl");
        if !self.crl_urls.is_empty() {
            hierarchy.authority.crl = self.crl_urls;
        }
        hierarchy.authority.organization = self.organization;
        hierarchy.authority.unit = self.organizational_unit;
        let authority = &mut hierarchy.authority;
        authority.parameters = self.parameters.unwrap_or(authority.parameters);
        authority.document_validity = self.document_years.unwrap_or(authority.document_validity);
        let usual = Csca::default();
        let (key, algorithm): (KeyParameters, Algorithm) = self.key.resolve((usual.key, pki::key::default_algorithm(usual.key)));
        hierarchy.csca = Some(Csca {
            common_name: self.common_name.unwrap_or(usual.common_name),
            key,
            algorithm: Some(algorithm),
            key_use: self.key_use.unwrap_or(usual.key_use),
            ..Csca::default()
        });
        if self.list_signers {
            hierarchy.mls = Some(Signers::default());
            hierarchy.dls = Some(Signers::default());
        }
        Ok(Some(hierarchy))
    }
}

impl Init {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let file = self.dir.join(hierarchy::FILE);
        match (self.declare.hierarchy()?, file.exists()) {
            (Some(_), true) => {
                return Err(Failure::usage(format_args!("{} is there, and says what the authority is", file.display()))
                    .hint("change that file, and leave --country and what goes with it out"));
            }
            (None, false) => {
                return Err(Failure::usage(format_args!("there is no {}", file.display()))
                    .hint("give --country and --state, and one is written; or write one"));
            }
            (Some(hierarchy), false) => Authority::declare(&self.dir, &hierarchy).map_err(|error| failure(&error))?,
            (None, true) => {}
        }
        let by = self.by.name();
        let mut authority = open(&self.dir)?;
        let mut made = Vec::new();
        let csca_missing = authority.hierarchy().csca.is_some() && authority.cscas().is_empty();
        if csca_missing {
            let store = keys::for_role(&authority, "csca", || self.passphrase.fresh("the key of the CSCA"))?;
            authority.issue_csca(store.as_ref(), &by, &mut random::system(), clock::today()).map_err(|error| failure(&error))?;
            made.push("csca".to_owned());
        }
        for list in [ListKind::Master, ListKind::Deviation] {
            let hierarchy = authority.hierarchy();
            let declared = match list {
                ListKind::Master => hierarchy.mls.is_some(),
                ListKind::Deviation => hierarchy.dls.is_some(),
            };
            if declared && !authority.issued().iter().any(|issued| issued.role == list.role()) {
                let newest = authority.cscas().last().map(|csca| csca.name.clone()).unwrap_or_default();
                let store = keys::of_name(&authority, &newest, || self.passphrase.existing("the key of the CSCA"))?;
                let (signer, _) = authority.signer(&newest, store.as_ref()).map_err(|error| failure(&error))?;
                let issuing = Issuing { signer: signer.as_ref(), by: &by, today: clock::today() };
                let parameters = authority.hierarchy().list_signer_parameters(list, 1).map_err(|error| failure(&error.into()))?;
                let store =
                    keys::for_role(&authority, list.role(), || self.signer_passphrase.fresh(&format!("the key of {}", list.role())))?;
                authority
                    .issue_list_signer(list.role(), &parameters, store.as_ref(), &issuing, &mut random::system())
                    .map_err(|error| failure(&error))?;
                made.push(list.role().to_owned());
            }
        }
        tell(context, &self.dir, &authority, &made)
    }
}

fn tell(context: Context, dir: &Path, authority: &Authority, made: &[String]) -> Result<Exit, Failure> {
    if context.json {
        let rows: Vec<_> = authority.issued().iter().filter(|issued| made.contains(&issued.name)).map(row).collect::<Result<_, _>>()?;
        output::json(&json!({ "dir": dir, "made": rows }))?;
    } else if made.is_empty() {
        output::text(&format!("{}: nothing is missing", dir.display()))?;
    } else {
        let lines: Vec<_> = made.iter().map(|name| dir.join(format!("{name}.cer")).display().to_string()).collect();
        output::text(&format!("{}\nnext: cardwright pki status {}", lines.join("\n"), dir.display()))?;
    }
    Ok(Exit::Success)
}
