//! `pki ceremony`: a CSCA key made before officers, any M of whom open it; a signed protocol; a rehearsal that leaves nothing.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use eid::secret::Secret;
use eid::signer::Signer;
use pki::ceremony::protocol::Step;
use pki::ceremony::rite::{self, FileState};
use pki::ceremony::{CeremonyError, Held, Rite};
use pki::keys::{KeyStore, KeyStoreError};
use pki::{Authority, PkiError, SoftwareKeys};
use rand_core::Rng as _;
use serde_json::json;

use super::officers;
use super::openers::{self, Openers};
use super::{failure, keys, open};
use crate::cli::exit::{Exit, Failure};
use crate::cli::named::Named;
use crate::cli::secret::PassphraseArgs;
use crate::cli::{Context, clock, output, random, token};

/// Make a CSCA key before officers, any M of whom open it afterwards, with a signed protocol
///
/// Each officer gives a pass phrase of their own. What opens the key, a random pass phrase or the PIN of the token that pki.toml
/// declares for the CSCA, is divided among them and never shown. Afterwards `--officer` for M of them opens the key in every command.
/// Nothing here needs a network.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    before_long_help = "Example:\n  cardwright pki ceremony ca --officer ana --officer ben --officer cho --needed 2 --rehearsal\n  cardwright pki ceremony ca --officer ana --officer ben --officer cho --needed 2\n  cardwright pki ceremony verify ca\n  cardwright pki issue ca ds --officer ana --officer cho"
)]
pub(super) struct Ceremony {
    #[command(subcommand)]
    step: Option<What>,
    /// The folder of the authority, with its pki.toml
    #[arg(required = true)]
    dir: Option<PathBuf>,
    /// Officers that it takes to open the key
    #[arg(long, value_name = "M", required_unless_present = "finish")]
    needed: Option<usize>,
    /// Make the next key, with the link certificate from the last one
    #[arg(long)]
    rollover: bool,
    /// With --rollover: an officer of the last key, as --officer is one of the new key
    #[arg(long = "outgoing", value_name = "NAME[=FILE]")]
    outgoing: Vec<Named>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// Complete a ceremony that was interrupted after its certificate was issued
    #[arg(long, conflicts_with_all = ["needed", "rollover", "rehearsal"])]
    finish: bool,
    /// Do all of it in a folder that is removed in the end, with key files where a token is declared
    #[arg(long)]
    rehearsal: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    Verify(Verify),
}

/// Verify the protocol of a ceremony: its signature, the files that it names, the register
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki ceremony verify ca csca-2")]
struct Verify {
    /// The folder of the authority
    dir: PathBuf,
    /// The key; the newest CSCA if not given
    key: Option<String>,
}

impl Ceremony {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        if let Some(What::Verify(step)) = self.step {
            return step.run(context);
        }
        let dir = self.dir.clone().unwrap_or_default();
        if Openers::given().officers.is_empty() {
            return Err(Failure::usage("a ceremony needs officers").hint("give --officer NAME once for each"));
        }
        if !self.rehearsal {
            let (held, steps) = self.hold(&dir, context)?;
            return self.answer(&dir, &held, &steps, context);
        }
        let stage = Stage::new(&dir)?;
        let done = self.hold(&stage.folder, context);
        stage.clear()?;
        // printed only now: whoever reads may end this program in the middle of a line
        let (held, steps) = done?;
        if !context.json {
            steps.iter().try_for_each(|step| output::text(&line(step)))?;
            output::text("rehearsal: all of it was removed, nothing was made")?;
        }
        self.answer(&dir, &held, &steps, context)
    }

    /// The ceremony in `folder`, which in a rehearsal is a copy.
    fn hold(&self, folder: &Path, context: Context) -> Result<(Held, Vec<Step>), Failure> {
        let mut authority = open(folder)?;
        let steps = RefCell::new(Vec::new());
        let tell = |step: &Step| {
            if !self.rehearsal && !context.json {
                // what cannot be printed is in the protocol
                let _ = output::text(&line(step));
            }
            steps.borrow_mut().push(step.clone());
        };
        let held = if self.finish { self.finish(&mut authority, &tell) } else { self.make(&mut authority, &tell) }?;
        Ok((held, steps.into_inner()))
    }

    fn answer(&self, dir: &Path, held: &Held, steps: &[Step], context: Context) -> Result<Exit, Failure> {
        let path = dir.join(held.protocol.file_name().unwrap_or_default());
        if context.json {
            output::json(&json!({ "key": held.label, "protocol": path, "rehearsal": self.rehearsal, "steps": steps }))?;
        } else if !self.rehearsal {
            output::text(&format!("{}: verify it with `cardwright pki ceremony verify {}`", path.display(), dir.display()))?;
        }
        Ok(Exit::Success)
    }

    fn make(&self, authority: &mut Authority, tell: &dyn Fn(&Step)) -> Result<Held, Failure> {
        if let Some(label) = rite::interrupted(authority) {
            return Err(officers::ceremony(&CeremonyError::Interrupted(label)));
        }
        let newest = authority.cscas().last().map(|csca| csca.name.clone());
        let old = match (newest, self.rollover) {
            (Some(newest), true) => Some(self.outgoing(authority, &newest)?),
            (None, false) => None,
            (Some(newest), false) => {
                return Err(
                    Failure::new(Exit::Usage, format_args!("there is a CSCA already ({newest})")).hint("--rollover makes the next key")
                );
            }
            (None, true) => return Err(failure(&PkiError::NoCsca)),
        };
        let given = Openers::given();
        let place =
            authority.hierarchy().token_of("csca").filter(|_| !self.rehearsal).map(|name| openers::place(authority, name)).transpose()?;
        let pin = place.as_ref().map(|place| given.pin.read(&place.name)).transpose()?;
        let officers = officers::fresh(&given.officers)?;
        let store = store(authority.directory(), place.clone());
        // a wrong PIN is found before it is divided
        let opened = RefCell::new(match (&place, &pin) {
            (Some(place), Some(pin)) => Some(token::keys(place, || Ok(pin.clone()))?),
            _ => None,
        });
        let keys = |secret: &Secret| opened.borrow_mut().take().map_or_else(|| store(secret), Ok);
        let rite = Rite { officers: &officers, keys: &keys, clock: &clock::stamp, tell, today: clock::today() };
        let needed = self.needed.unwrap_or_default();
        let old = old.as_deref().map(|signer| signer as &dyn Signer);
        rite.hold(authority, old, pin.as_ref(), needed, &mut random::system()).map_err(|error| officers::ceremony(&error))
    }

    fn finish(&self, authority: &mut Authority, tell: &dyn Fn(&Step)) -> Result<Held, Failure> {
        let label = rite::interrupted(authority).ok_or_else(|| officers::ceremony(&CeremonyError::NothingToFinish))?;
        let before = authority.missing_link_signer().map(|csca| csca.name.clone());
        let old = before.map(|before| self.outgoing(authority, &before)).transpose()?;
        let place = authority.register().find(&label).and_then(|issued| issued.key.strip_prefix("token ").map(str::to_owned));
        let place = place.map(|name| openers::place(authority, &name)).transpose()?;
        let came = officers::came(&Openers::given().officers, authority.directory(), &label)?.unwrap_or_default();
        let keys = store(authority.directory(), place);
        let rite = Rite { officers: &came, keys: &keys, clock: &clock::stamp, tell, today: clock::today() };
        let old = old.as_deref().map(|signer| signer as &dyn Signer);
        rite.finish(authority, old, &mut random::system()).map_err(|error| officers::ceremony(&error))
    }

    /// A signer with the key `name`, which signs the link certificate: its own officers open it, or its pass phrase.
    fn outgoing(&self, authority: &Authority, name: &str) -> Result<Box<dyn Signer + Send + Sync>, Failure> {
        let divided = officers::open(&self.outgoing, authority.directory(), name)
            .map_err(|failure| failure.hint("give --outgoing NAME for each officer of the last key who is here"))?;
        let issued = authority.register().find(name).map(|issued| issued.key.clone()).unwrap_or_default();
        let store: Box<dyn KeyStore + Send + Sync> = match (issued.strip_prefix("token "), divided) {
            (Some(token), divided) => {
                token::keys(&openers::place(authority, token)?, || divided.map_or_else(|| Openers::given().pin.read(token), Ok))?
            }
            (None, Some(secret)) => Box::new(SoftwareKeys::new(authority.directory(), secret, random::system())),
            (None, None) => keys::files(authority.directory(), self.passphrase.existing(&format!("the key of {name}"))?),
        };
        authority.signer(name, store.as_ref()).map(|(signer, _)| signer).map_err(|error| failure(&error))
    }
}

/// The store that a secret opens: key files under it, or the token whose PIN it is.
fn store(
    directory: &Path,
    place: Option<token::Place>,
) -> impl Fn(&Secret) -> Result<Box<dyn KeyStore + Send + Sync>, KeyStoreError> + use<> {
    let directory = directory.to_owned();
    move |secret| match &place {
        None => Ok(Box::new(SoftwareKeys::new(&directory, secret.clone(), random::system()))),
        Some(place) => token::keys(place, || Ok(secret.clone()))
            .map_err(|failure| KeyStoreError::Token { place: format!("token {}", place.name), detail: failure.to_string() }),
    }
}

/// A copy of an authority, for a rehearsal; it goes with the value.
struct Stage {
    folder: PathBuf,
}

impl Stage {
    fn new(dir: &Path) -> Result<Self, Failure> {
        // in memory where that is to be had, so that nothing ever reaches a disk
        let memory = PathBuf::from("/dev/shm");
        let place = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let mut name = [0; 8];
        random::system().fill_bytes(&mut name);
        let folder = place.join(format!("cardwright-rehearsal-{}", hex::encode(name)));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).map_err(|error| Failure::file(&folder, &error))?;
        let stage = Self { folder };
        let ours = stage.folder.clone();
        ctrlc::set_handler(move || {
            let _ = fs::remove_dir_all(&ours);
            std::process::exit(130);
        })
        .map_err(|error| Failure::new(Exit::Bug, error))?;
        for entry in fs::read_dir(dir).map_err(|error| Failure::file(dir, &error))? {
            let from = entry.map_err(|error| Failure::file(dir, &error))?.path();
            if from.is_file() {
                fs::copy(&from, stage.folder.join(from.file_name().unwrap_or_default())).map_err(|error| Failure::file(&from, &error))?;
            }
        }
        Ok(stage)
    }

    /// Removes it, and says so if that fails.
    fn clear(self) -> Result<(), Failure> {
        fs::remove_dir_all(&self.folder).map_err(|error| Failure::file(&self.folder, &error))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // after an error; `clear` was there before otherwise
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A step for people.
fn line(step: &Step) -> String {
    let who = if step.who.is_empty() { String::new() } else { format!("  [{}]", step.who.join(", ")) };
    let mut text = format!("{:>2}  {}  {}{who}", step.step, step.time, step.what);
    for (name, hash) in &step.files {
        text.push_str(&format!("\n      {hash}  {name}"));
    }
    if let Some(head) = &step.register {
        text.push_str(&format!("\n      register {head}"));
    }
    text
}

impl Verify {
    fn run(self, context: Context) -> Result<Exit, Failure> {
        let authority = open(&self.dir)?;
        let newest = || authority.cscas().last().map(|csca| csca.name.clone()).ok_or_else(|| failure(&PkiError::NoCsca));
        let key = self.key.clone().map_or_else(newest, Ok)?;
        let verified = rite::verify(&authority, &key).map_err(|error| officers::ceremony(&error))?;
        let state = |state: &FileState| match state {
            FileState::Same => "same",
            FileState::Changed => "changed",
            FileState::Missing => "missing",
        };
        if context.json {
            let files: serde_json::Map<_, _> = verified.files.iter().map(|(name, found)| (name.clone(), json!(state(found)))).collect();
            output::json(&json!({
                "key": key, "signature": "verified", "register": verified.register, "files": files, "steps": verified.steps
            }))?;
        } else {
            let mut lines: Vec<_> = verified.steps.iter().map(line).collect();
            lines.push(format!("signature: by the key {key}, over every line above"));
            lines.extend(verified.files.iter().map(|(name, found)| format!("{name}: {}", state(found))));
            lines.push(
                if verified.register { "register: holds all that it held then" } else { "register: not what it was then" }.to_owned(),
            );
            output::text(&lines.join("\n"))?;
        }
        Ok(if verified.holds() { Exit::Success } else { Exit::CheckFailed })
    }
}
