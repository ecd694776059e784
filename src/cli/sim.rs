//! `sim`: virtual cards, good and bad, and people for them. Make a blank card, look at one, put cards into PC/SC readers and take them out; list the
//! faults that a card can show; make a document that is wrong; write synthetic people as a table.

use std::path::PathBuf;

use applets::card::{Card, CardConfig};
use applets::store::StoreError;
use cardwright::perso::card_profile::CardProfile;
use cardwright::perso::{adopt, operational};
use cardwright::terminal::evidence::folder::Folder;
use clap::{Args, Subcommand};
use eid::image::{CardImage, FileId};
use eid::scp03::kdf3;
use eid::secret::Secret;
use rand_core::Rng as _;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::master::MasterArgs;
use super::{Context, output, random};

mod console;
mod faulty;
mod like;
mod list;
#[cfg(feature = "line")]
mod people;
mod serve;
mod state;

/// Make, show, and serve virtual cards, and make people for them
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    before_long_help = "Example:\n  cardwright sim new blank.card --test-keys\n  cardwright sim status D/cards/0001.card\n  cardwright sim --image D/cards/0001.card --vpcd 127.0.0.1:35963\n  cardwright sim --image D/cards/0001.card --vpcd 127.0.0.1:35963 --fault VF-SM-012@3\n  cardwright sim --image 1.card --image 2.card --vpcd 127.0.0.1:35963 --console --timing typical --time real\n  echo 'tear 3' | cardwright sim --image 1.card --vpcd 127.0.0.1:35963 --console --json\n  cardwright sim list faults",
    after_long_help = "The console takes a command a line from standard input: `help` lists them. Faults, habits, and times are for each of the cards."
)]
pub(crate) struct Sim {
    #[command(subcommand)]
    step: Option<Step>,
    #[command(flatten)]
    serve: serve::Serve,
}

#[derive(Debug, Subcommand)]
enum Step {
    New(New),
    Status(Status),
    List(list::List),
    Faulty(faulty::Faulty),
    Like(like::Like),
    #[cfg(feature = "line")]
    People(people::People),
}

/// Make a blank card, or one that holds given files
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright sim new blank.card --master-key-file perso-transport-kmc=transport.key\n  cardwright sim new reference.card --test-keys --files bsi-tr03105-5 --ca-key DG14_sk.pkcs8 --aa-key DG15_sk.pkcs8"
)]
struct New {
    /// The card file to make
    file: PathBuf,
    #[command(flatten)]
    master: MasterArgs,
    /// Key diversification data, 20 hexadecimal digits; drawn if not given
    #[arg(long, value_name = "HEX", value_parser = kdd)]
    kdd: Option<[u8; 10]>,
    /// Version number of the key set, two hexadecimal digits
    #[arg(long, value_name = "HEX", default_value = "30", value_parser = byte)]
    kvn: u8,
    /// Memory in bytes; 65536, and more where --files needs it, if not given
    #[arg(long, value_name = "BYTES")]
    memory: Option<usize>,
    /// Write the files of a card in DIR (EF.COM, EF.SOD, EF.DG1, ...) onto it as they are, and make it operational
    #[arg(id = "card_files", long = "files", value_name = "DIR")]
    files: Option<PathBuf>,
    /// Give it the private key of DG14, from FILE (PKCS#8, DER)
    #[arg(long, value_name = "FILE", requires = "card_files")]
    ca_key: Option<PathBuf>,
    /// Give it the private key of DG15, from FILE (PKCS#8, DER)
    #[arg(long, value_name = "FILE", requires = "card_files")]
    aa_key: Option<PathBuf>,
    /// Open it with this card access number too, beside the MRZ in EF.DG1
    #[arg(long, value_name = "DIGITS", requires = "card_files", value_parser = digits)]
    can: Option<String>,
}

/// Show the state and the files of a card, without opening it as a reader would
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright sim status D/cards/0001.card")]
struct Status {
    /// The card file
    file: PathBuf,
}

fn byte(text: &str) -> Result<u8, String> {
    Some(text)
        .filter(|t| t.len() == 2)
        .and_then(|t| u8::from_str_radix(t, 16).ok())
        .ok_or_else(|| format!("expected two hexadecimal digits, found {text:?}"))
}

fn digits(text: &str) -> Result<String, String> {
    let right = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if right { Ok(text.to_owned()) } else { Err(format!("expected digits, found {text:?}")) }
}

fn kdd(text: &str) -> Result<[u8; 10], String> {
    hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| format!("expected 20 hexadecimal digits, found {text:?}"))
}

impl Sim {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        match self.step {
            Some(Step::New(step)) => step.run(context),
            Some(Step::Status(step)) => step.run(context),
            Some(Step::List(step)) => step.run(context),
            Some(Step::Faulty(step)) => step.run(context),
            Some(Step::Like(step)) => step.run(context),
            #[cfg(feature = "line")]
            Some(Step::People(step)) => step.run(context),
            None if self.serve.is_given() => self.serve.run(context),
            None => Err(Failure::usage("expected --image FILE, or one of the commands new, status, list, faulty, like, and people")),
        }
    }
}

/// Why a card file cannot be used.
pub(crate) fn failure(error: &StoreError) -> Failure {
    let failure = Failure::new(Exit::Store, error);
    match error {
        StoreError::InUse(_) => {
            Failure::new(Exit::Gone, error).hint("end the other program that has the card (`cardwright sim`, another reader)")
        }
        StoreError::NotACard(_) => Failure::new(Exit::Usage, error).hint("`cardwright sim new FILE` makes a card file"),
        StoreError::Damaged(_) => Failure::new(Exit::CheckFailed, error),
        _ => failure,
    }
}

impl New {
    /// A card with the test keys in `file`.
    fn test(file: PathBuf) -> Self {
        let master = MasterArgs::test();
        Self { file, master, kdd: None, kvn: 0x30, memory: None, files: None, ca_key: None, aa_key: None, can: None }
    }

    /// Makes the card, blank or with `image`; its diversification data and its memory in bytes.
    fn make(&self, image: Option<&CardImage>) -> Result<([u8; 10], usize), Failure> {
        let profile = CardProfile::load("eid-gp-scp03").map_err(|error| Failure::from_error(Exit::Bug, &error))?;
        let master = self.master.transport(&profile)?;
        let kdd = self.kdd.unwrap_or_else(|| {
            let mut drawn = [0; 10];
            random::system().fill_bytes(&mut drawn);
            drawn
        });
        let keys = kdf3(&master, kdd).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
        let memory = self.memory.unwrap_or_else(|| image.map_or(CardConfig::MEMORY, operational::memory));
        let config = CardConfig { memory, ..CardConfig::new(kdd, self.kvn, keys) };
        if self.file.exists() {
            return Err(Failure::usage(format_args!("{}: expected no such file yet, found one", self.file.display()))
                .hint("a card is never overwritten; take another name"));
        }
        let mut card = Card::create(&self.file, &config, Box::new(random::system())).map_err(|error| failure(&error))?;
        if let Some(image) = image {
            self.fill(&mut card, image, &profile).inspect_err(|_| drop(std::fs::remove_file(&self.file)))?;
        }
        Ok((kdd, memory))
    }

    fn run(self, context: Context) -> Result<Exit, Failure> {
        let image = self.image()?;
        let (kdd, memory) = self.make(image.as_ref())?;
        let files = image.as_ref().map_or(0, |image| image.files.len());
        if context.json {
            output::json(&json!({
                "file": self.file, "kdd": hex::encode_upper(kdd), "kvn": format!("{:02X}", self.kvn), "memory": memory, "files": files,
            }))?;
        } else {
            let what = if image.is_some() { format!("operational card with {files} files") } else { "blank card".to_owned() };
            output::text(&format!("{}: {what}, KDD {}, keys {:02X}", self.file.display(), hex::encode_upper(kdd), self.kvn))?;
        }
        Ok(Exit::Success)
    }

    /// What `--files` and the keys say the card shall hold.
    fn image(&self) -> Result<Option<CardImage>, Failure> {
        let Some(dir) = &self.files else { return Ok(None) };
        let folder = Folder::read(dir).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
        for path in &folder.passed_over {
            tracing::info!("passed over, no file of a card: {}", path.display());
        }
        let key = |path: &PathBuf| std::fs::read(path).map(Secret::new).map_err(|error| Failure::file(path, &error));
        let secrets = adopt::Secrets {
            chip_auth: self.ca_key.as_ref().map(key).transpose()?,
            active_auth: self.aa_key.as_ref().map(key).transpose()?,
            can: self.can.as_ref().map(|can| Secret::from(can.as_bytes())),
        };
        adopt::image(folder.files, &secrets).map(Some).map_err(|error| Failure::from_error(Exit::Usage, &error))
    }

    fn fill(&self, card: &mut Card, image: &CardImage, profile: &CardProfile) -> Result<(), Failure> {
        let masters = self.master.all(profile)?;
        operational::fill(card, image, profile, &masters, &mut random::system())
            .map_err(|failed| Failure::from_error(Exit::CheckFailed, &failed))
    }
}

impl Status {
    fn run(self, context: Context) -> Result<Exit, Failure> {
        let card = serve::open(&self.file)?;
        let mut damaged = false;
        let mut rows = Vec::new();
        for file in FileId::all() {
            match card.file(file) {
                Ok(Some(bytes)) => rows.push((file, Some(bytes.len()))),
                Ok(None) => {}
                Err(_) => {
                    damaged = true;
                    rows.push((file, None));
                }
            }
        }
        let product = card.product();
        let (code, name) = (card.life_cycle().code(), state::name(card.life_cycle()));
        if context.json {
            let files: Vec<_> =
                rows.iter().map(|(file, len)| json!({ "name": file.name(), "bytes": len, "damaged": len.is_none() })).collect();
            output::json(&json!({
                "version": 1, "state": name, "state_code": format!("{code:02X}"), "kdd": hex::encode_upper(product.kdd),
                "atr": hex::encode_upper(&product.atr), "files": files,
            }))?;
        } else {
            let mut out = format!(
                "state  {name} ({code:02X})\nKDD    {}\nATR    {}\n",
                hex::encode_upper(product.kdd),
                hex::encode_upper(&product.atr)
            );
            for (file, len) in &rows {
                let len = len.map_or_else(|| "damaged".to_owned(), |len| format!("{len:>6} bytes"));
                out.push_str(&format!("{:<16} {len}\n", file.name()));
            }
            output::text(&out)?;
        }
        Ok(if damaged { Exit::CheckFailed } else { Exit::Success })
    }
}
