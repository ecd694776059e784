//! `conform keys`: a CVCA for cards under test, and the certificates and keys of terminals below it.

use std::path::PathBuf;

use cardwright::conform::{TestKeys, TestKeysError};
use cardwright::terminal::TerminalCredentials;
use clap::Args;
use eid::cert::algorithm;
use eid::cert::cvc::KeyReference;
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use eid::date::Date;
use pki::key::KeyParameters;
use pki::software::SoftwareSigner;
use serde_json::json;

use crate::cli::exit::{Exit, Failure};
use crate::cli::pki::key::KeyArgs;
use crate::cli::{Context, clock, output, random};

/// Years for which the CVCA is valid: the most that Doc 9303-12 allows.
const YEARS: i32 = 3;

/// Make test certificates and keys of terminals, below a CVCA for cards under test
///
/// The folder has a CVCA for inspection systems, one for authentication terminals, and below them every certificate of BSI TR-03105-3.2 and
/// what part 3.3 adds to these, right and wrong ones, with their keys. They are
/// test keys, without pass phrases: whoever has them reads DG3, DG4, and the eID application of every card that trusts these CVCAs.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright conform keys K\n  cardwright demo --cards 1 --cvca K/CVCA.cvcert --out D\n  cardwright conform --reader sim:D/cards/0001.card --suite bsi32 --keys K --can ... --mrz-file mrz.txt\n  cardwright conform keys R --key rsa-2048 --algorithm rsa-pss-sha256 --from 2026-11-21"
)]
pub(crate) struct Keys {
    /// The folder, which is made, and must not have such files
    dir: PathBuf,
    #[command(flatten)]
    key: KeyArgs,
    /// First day of the CVCA, which should be the day on which the cards are made; today if not given
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// Name of the CVCA: country, mnemonic, and five characters of sequence number
    #[arg(long, value_name = "NAME", default_value = "UTTESTCVCAUT001", value_parser = reference)]
    name: KeyReference,
}

fn reference(text: &str) -> Result<KeyReference, String> {
    KeyReference::from_octets(text.as_bytes()).map_err(|error| error.to_string())
}

impl Keys {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        let usual = (KeyParameters::Ec(Curve::BrainpoolP256r1), Algorithm::Ecdsa(Hash::Sha256));
        let (parameters, algorithm) = self.key.resolve(usual);
        let from = self.from.unwrap_or_else(clock::today);
        let validity = (from, from.plus_years(YEARS));
        let mut rng = random::system();
        let mut keys = TestKeys::generate(&self.name, parameters, algorithm, validity, &mut rng).map_err(|error| failure(&error))?;
        keys.complete(&mut rng).map_err(|error| failure(&error))?;
        keys.write(&self.dir).map_err(|error| failure(&error))?;
        let names: Vec<_> = keys.names().collect();
        let cvca = self.dir.join("CVCA.cvcert");
        if context.json {
            output::json(&json!({
                "cvca": cvca, "holder": keys.cvca().holder().to_string(), "algorithm": algorithm::describe(keys.algorithm()),
                "effective": validity.0.to_string(), "expiry": validity.1.to_string(), "certificates": names,
            }))?;
        } else {
            let count = names.len();
            let (from, until) = validity;
            output::text(&format!(
                "{}: {}, {}, valid {from} to {until}; {count} certificates below it",
                cvca.display(),
                keys.cvca().holder(),
                algorithm::describe(keys.algorithm())
            ))?;
        }
        Ok(Exit::Success)
    }
}

/// A terminal that may read what is guarded; `None` if the folder has neither its certificates nor the key to make them.
pub(super) fn terminal(mut keys: TestKeys) -> Result<Option<TerminalCredentials>, Failure> {
    let (certificates, key) = match keys.reader(&mut random::system()) {
        Ok(found) => found,
        Err(TestKeysError::Missing(_)) => return Ok(None),
        Err(error) => return Err(failure(&error)),
    };
    let signer = SoftwareSigner::new("test terminal", key, random::system());
    TerminalCredentials::new(certificates, Box::new(signer)).map(Some).map_err(|error| Failure::from_error(Exit::Usage, &error))
}

/// What is wrong with a folder of test keys.
pub(super) fn failure(error: &TestKeysError) -> Failure {
    let exit = match error {
        TestKeysError::Io { .. } => Exit::Store,
        TestKeysError::Table(_) => Exit::Bug,
        TestKeysError::Key { .. } | TestKeysError::Missing(_) => Exit::Signer,
        _ => Exit::Usage,
    };
    Failure::from_error(exit, error)
}
