//! `trust check`: which anchor stands behind each document signer certificate of a file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use cardwright::trust::import;
use clap::Args;
use eid::cert::bundle::{Bundle, Kind};
use eid::cert::path::{self, Chain};
use eid::cert::trust::TrustStore;
use eid::cert::x509::Certificate;
use serde_json::{Value, json};

use super::{StoreArgs, plain};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, output};

/// Say which trust anchor stands behind document signer certificates
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright trust check --store T ds.cer\n  cardwright trust check --store T signers.der --json")]
pub(super) struct Check {
    #[command(flatten)]
    store: StoreArgs,
    /// Certificates: DER (one, or one after the other), PEM, or PKCS#7 bundles
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl Check {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let trust = self.store.load()?.trust();
        let mut signers = Vec::new();
        for file in &self.files {
            let bytes = std::fs::read(file).map_err(|error| Failure::file(file, &error))?;
            let wrong = |error: &dyn std::error::Error| Failure::from_error(Exit::Usage, error).in_file(file);
            let before = signers.len();
            for (kind, object) in import::objects(&bytes).map_err(|error| wrong(&error))? {
                let certificates = match kind {
                    Kind::Certificate => vec![object],
                    Kind::Bundle => Bundle::parse(&object).map_err(|error| wrong(&error))?.certificates,
                    _ => Vec::new(),
                };
                for certificate in certificates {
                    signers.push(Arc::new(Certificate::from_der(&certificate).map_err(|error| wrong(&error))?));
                }
            }
            if signers.len() == before {
                return Err(Failure::usage(format_args!("{}: expected certificates, found none", file.display())));
            }
        }
        let answers: Vec<_> = signers.iter().map(|signer| Answer::of(signer, &trust)).collect();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        answers.iter().for_each(|answer| *counts.entry(answer.result).or_default() += 1);
        if context.json {
            output::json(&json!({"signers": answers.iter().map(Answer::json).collect::<Vec<_>>(), "counts": counts}))?;
        } else {
            let mut out: String = answers.iter().map(Answer::line).collect();
            let counts: Vec<_> = counts.iter().map(|(result, count)| format!("{count} {result}")).collect();
            out.push_str(&format!("{}\n", counts.join(", ")));
            output::text(&out)?;
        }
        let worst = answers.iter().map(|answer| answer.exit);
        Ok(if worst.clone().any(|exit| exit == Exit::CheckFailed) {
            Exit::CheckFailed
        } else if worst.clone().any(|exit| exit == Exit::Undecided) {
            Exit::Undecided
        } else {
            Exit::Success
        })
    }
}

/// What is known about one certificate.
struct Answer {
    certificate: Arc<Certificate>,
    result: &'static str,
    exit: Exit,
    anchor: Option<Arc<Certificate>>,
    detail: Option<String>,
}

impl Answer {
    fn of(certificate: &Arc<Certificate>, trust: &TrustStore) -> Self {
        let answer = |result, exit, anchor, detail| Self { certificate: Arc::clone(certificate), result, exit, anchor, detail };
        match path::find(certificate, trust) {
            Chain::Verified(verified) => match revoked(certificate, verified.links.first().unwrap_or(&verified.anchor), trust) {
                Some(detail) => answer("revoked", Exit::CheckFailed, Some(Arc::clone(&verified.anchor)), Some(detail)),
                None => answer("verified", Exit::Success, Some(Arc::clone(&verified.anchor)), None),
            },
            Chain::Forged { anchor } => {
                answer("forged", Exit::CheckFailed, Some(anchor), Some("the anchor that it names did not sign it".to_owned()))
            }
            Chain::NotDocumentSigner { anchor, rule } => answer("not-a-document-signer", Exit::CheckFailed, anchor, Some(rule.to_string())),
            Chain::NoAnchor { tried } => answer("no-anchor", Exit::Undecided, None, Some(format!("{tried} keys tried"))),
            Chain::Unsupported { what } => answer("not-supported", Exit::Undecided, None, Some(what)),
        }
    }

    fn line(&self) -> String {
        let print: String = hex::encode(self.certificate.fingerprint()).chars().take(16).collect();
        let country = self.certificate.issuer_country().unwrap_or_else(|| "--".to_owned());
        let mut out = format!("{country:<2}  {print}  {:<21}  {}", self.result, plain(&self.certificate.subject_text()));
        if let Some(anchor) = &self.anchor {
            out.push_str(&format!("  <-  {}", plain(&anchor.subject_text())));
        }
        if let Some(detail) = &self.detail {
            out.push_str(&format!("  ({})", plain(detail)));
        }
        out.push('\n');
        out
    }

    fn json(&self) -> Value {
        json!({
            "country": self.certificate.issuer_country(), "subject": self.certificate.subject_text(),
            "sha256": hex::encode(self.certificate.fingerprint()), "result": self.result, "detail": self.detail,
            "anchor": self.anchor.as_ref().map(|anchor| json!({"subject": anchor.subject_text(), "sha256": hex::encode(anchor.fingerprint())})),
        })
    }
}

/// What the newest CRL that the key of its issuer signed says about the certificate.
fn revoked(certificate: &Certificate, issuer: &Certificate, trust: &TrustStore) -> Option<String> {
    let key = issuer.key().ok()?;
    let crl = trust.crls_of(issuer).find(|crl| crl.verify_signed_by(key).is_ok())?;
    let entry = crl.find(certificate)?;
    let reason = entry.reason.map_or("no reason stated", eid::cert::crl::Reason::name);
    Some(format!("revoked on {}: {reason}", entry.date.date))
}
