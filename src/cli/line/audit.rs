//! `line audit`: whether the log is what was written, and checkpoints that somebody else keeps.
//!
//! A chain alone does not stop who writes all of it anew: a checkpoint does, if it is kept where the store cannot reach. So `audit sign`
//! gives each one out, and `audit verify` takes those back with --checkpoints beside the ones in the store.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cardwright::line::audit::{self, Checkpoint, Verdict};
use cardwright::line::site::{self, CHECKPOINT};
use cardwright::line::store::{Store, StoreError};
use clap::{Args, Subcommand};
use eid::signer::Signer;
use serde_json::json;

use super::{SiteArgs, failure, pages, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::secret::PassphraseArgs;
use crate::cli::{Context, clock, output};

/// Verify the log, and sign where it stands
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    before_long_help = "Example:\n  cardwright line audit sign --out /mnt/auditor/checkpoints.jsonl\n  cardwright line audit sign --out /mnt/auditor/checkpoints.jsonl --every 60\n  cardwright line audit verify --checkpoints /mnt/auditor/checkpoints.jsonl"
)]
pub(super) struct Audit {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Recompute every chain and compare it with its signed checkpoints
    Verify {
        /// Checkpoints that were kept elsewhere, as `audit sign` wrote them
        #[arg(long, value_name = "FILE")]
        checkpoints: Option<PathBuf>,
    },
    /// Sign the end of every chain
    Sign {
        /// Append the checkpoints to FILE too, which belongs where nobody who can write the store can write it
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Go on, and sign every SECONDS what has grown since, until Ctrl-C; 60 is usual. A store that is away is asked again
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
        every: Option<u64>,
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
}

impl Audit {
    pub(super) fn run(self, args: &SiteArgs, context: Context) -> Result<Exit, Failure> {
        let site = args.open()?;
        let mut store = args.store(&site)?;
        match self.step {
            Step::Verify { checkpoints } => {
                let key = site.public_key(CHECKPOINT).map_err(|error| failure(&error))?;
                let elsewhere = checkpoints.as_deref().map(read).transpose()?.unwrap_or_default();
                verify(store.as_mut(), &elsewhere, (site::ALGORITHM, &key), context)
            }
            Step::Sign { out, every, passphrase } => {
                let signer = super::signing_key(&site, CHECKPOINT, &passphrase)?;
                let mut known = BTreeMap::new();
                loop {
                    let signed = sign(store.as_mut(), signer.as_ref(), Some(&out), &mut known);
                    let Some(seconds) = every else {
                        output::text(&format!("{} chains signed, {}", signed?, out.display()))?;
                        return Ok(Exit::Success);
                    };
                    match signed {
                        Ok(0) => {}
                        Ok(chains) => output::text(&format!("{chains} chains signed, {}", out.display()))?,
                        // a site that is watched by the minute goes on being watched
                        Err(failure) if failure.exit == Exit::Store => anstream::eprintln!("{}", failure.message()),
                        Err(failure) => return Err(failure),
                    }
                    std::thread::sleep(Duration::from_secs(seconds));
                }
            }
        }
    }
}

/// Signs the end of every chain that is not `known` to be signed: outside first, for a checkpoint that only the store has proves nothing
/// against who writes the store. How many.
pub(super) fn sign(
    store: &mut dyn Store,
    signer: &dyn Signer,
    out: Option<&Path>,
    known: &mut BTreeMap<String, i64>,
) -> Result<usize, Failure> {
    let mut lines = String::new();
    let mut signed = Vec::new();
    for end in store.chains().map_err(|error| store_failure(&error))? {
        if known.get(&end.chain) == Some(&end.sequence) {
            continue;
        }
        let checkpoint = Checkpoint::sign(&end, clock::moment(), signer).map_err(|error| Failure::from_error(Exit::Signer, &error))?;
        lines += &(checkpoint.to_json() + "\n");
        signed.push(checkpoint);
    }
    if let Some(out) = out.filter(|_| !signed.is_empty()) {
        let io = |error| Failure::file(out, &error);
        let mut file = OpenOptions::new().append(true).create(true).open(out).map_err(io)?;
        file.write_all(lines.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    }
    for checkpoint in &signed {
        store.add_checkpoint(checkpoint).map_err(|error| store_failure(&error))?;
        known.insert(checkpoint.chain.clone(), checkpoint.sequence);
    }
    Ok(signed.len())
}
/// The checkpoints in a file, one a line.
fn read(path: &Path) -> Result<Vec<Checkpoint>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    let line = |(number, line): (usize, &str)| {
        Checkpoint::from_json(line).map_err(|error| Failure::usage(format_args!("line {number}: {error}")).in_file(path))
    };
    (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()).map(line).collect()
}

fn verify(
    store: &mut dyn Store,
    elsewhere: &[Checkpoint],
    key: (eid::crypto::signature::Algorithm, &eid::crypto::signature::PublicKey),
    context: Context,
) -> Result<Exit, Failure> {
    let wrong = |error: StoreError| store_failure(&error);
    let mut chains: Vec<String> = store.chains().map_err(wrong)?.into_iter().map(|end| end.chain).collect();
    // a chain that only a checkpoint knows was taken out as a whole
    chains.extend(elsewhere.iter().map(|checkpoint| checkpoint.chain.clone()));
    chains.sort_unstable();
    chains.dedup();
    let (mut rows, mut intact) = (Vec::new(), true);
    for chain in &chains {
        let mut checkpoints = store.checkpoints(chain).map_err(wrong)?;
        checkpoints.extend_from_slice(elsewhere);
        let verdict = audit::verify(chain, pages::entries(store, chain), &checkpoints, Some(key)).map_err(wrong)?;
        let text = match &verdict {
            Verdict::Intact { end, signed } => format!("{chain}: intact, {} entries, signed up to {signed}", end.sequence),
            Verdict::Broken { sequence, fault } => format!("{chain}: entry {sequence}: {fault}"),
        };
        intact &= matches!(verdict, Verdict::Intact { .. });
        if !context.json {
            output::text(&text)?;
        }
        rows.push(match verdict {
            Verdict::Intact { end, signed } => json!({ "chain": chain, "intact": true, "entries": end.sequence, "signed": signed }),
            Verdict::Broken { sequence, fault } => {
                json!({ "chain": chain, "intact": false, "entry": sequence, "fault": fault.to_string() })
            }
        });
    }
    if context.json {
        output::json(&json!({ "version": 1, "intact": intact, "chains": rows }))?;
    }
    Ok(if intact { Exit::Success } else { Exit::CheckFailed })
}
