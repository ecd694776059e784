//! The main job as one call: a test PKI, synthetic citizens, blank virtual cards, personalized by as many workers as readers,
//! activated, inspected, and read back.
//!
//! ```text
//! OUT/pki/csca.cer, ds.cer      certificates, DER; beside them the encrypted keys and the register
//! OUT/people.json               the records, a list; with the CAN and the lines of the MRZ
//! OUT/people/0001/…             portrait and fingers that the records name, and the QR text of the card's face (qr.txt)
//! OUT/cards/0001.card           the card
//! OUT/letters/0001.pin, .puk     PIN and PUK, where the profile gives the card a PIN
//! OUT/lds/0001/EF.COM …         the files as issued
//! OUT/reports/0001.json         the inspection report
//! ```
//!
//! With a token ([`DemoToken`]) the keys of CSCA and document signer are made in it, and stay there; no key file is written.
//!
//! Everything about people is made up, all keys are test keys, and the pass phrase of the PKI is [`PASS_PHRASE`]. A failure of one card
//! is in the summary and does not end the others; a sign that the whole stock has wrong keys does.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use chacha20::ChaCha20Rng;
use eid::cert::cvc::TrustPoints;
use eid::cert::trust::TrustStore;
use eid::date::Date;
use eid::secret::Secret;
use eid::signer::Signer;
use pki::csca::EcParameters;
use pki::{Authority, Hierarchy, Issuing, KeyStore, PkiError, SoftwareKeys, hierarchy};
use rand_core::{CryptoRng, SeedableRng as _};
use serde::Serialize;

use crate::people::{self, Citizen};
use crate::perso::card_profile::CardProfile;
use crate::perso::profile::{DocumentProfile, ProfileError};
use crate::perso::record::{Input, Problem, Record};
use crate::perso::write::{Disposition, Masters};
use crate::terminal::Verifier;

mod station;

pub use station::Stage;

/// Pass phrase of the demo's keys. Public: they are test keys.
pub const PASS_PHRASE: &str = "cardwright demo";

/// Years for which the demo's document signer must outlive its last signature: an adult's card is valid for at most 24 years.
const DOCUMENT_YEARS: u8 = 25;

/// Where a worker has its cards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot {
    /// In this process.
    InProcess,
    /// In a reader of the PC/SC service whose driver takes virtual cards at a TCP address.
    #[cfg(feature = "pcsc")]
    Pcsc {
        /// Which reader.
        reader: crate::transport::PcscSelector,
        /// `HOST:PORT` at which its driver waits for a card.
        vpcd: String,
    },
}

/// What the demo does.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// How many cards, from 1 to 1,000,000.
    pub cards: u32,
    /// One worker for each slot; at least one.
    pub slots: Vec<Slot>,
    /// Where the results go: a directory that is empty or not there.
    pub out: PathBuf,
    /// Seed of the people.
    pub seed: u64,
    /// Document profile: the name of a built-in one, or a TOML file.
    pub profile: String,
    /// Today: date of issue and of the inspection.
    pub today: Date,
    /// The token that holds the keys of CSCA and document signer; key files if there is none.
    pub token: Option<DemoToken>,
    /// What the cards trust in Terminal Authentication. Without it DG3 and DG4 open to nobody.
    pub trust: Option<TrustPoints>,
}

/// A token for the keys of the demo.
#[derive(Clone)]
pub struct DemoToken {
    /// As it is declared in the demo's `pki.toml`, under the name [`DemoToken::NAME`].
    pub declared: hierarchy::Token,
    /// Its keys, under that name.
    pub keys: Arc<dyn KeyStore + Send + Sync>,
}

impl DemoToken {
    /// What the demo's `pki.toml` calls it.
    pub const NAME: &str = "demo";
}

impl std::fmt::Debug for DemoToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DemoToken({})", self.declared.label)
    }
}

/// How far the demo is.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A card reached a stage. `done` of `total` APDUs where commands are counted, else 0 of 0.
    Stage {
        /// Number of the card, from 1.
        card: u32,
        /// Place of the worker's slot, from 0.
        slot: usize,
        /// The stage.
        stage: Stage,
        /// APDUs sent.
        done: usize,
        /// APDUs of the plan.
        total: usize,
    },
    /// A card is finished.
    Card(&'a CardResult),
}

/// What became of one card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CardResult {
    /// Number of the card, from 1.
    pub card: u32,
    /// Name of the holder.
    pub name: String,
    /// Personal number with its last six digits masked: they are the CAN.
    pub number: String,
    /// Whether the image was written, committed, and activated.
    pub personalized: bool,
    /// Whether the inspection passed and every file that was read equals the image.
    pub verified: bool,
    /// The verdict of the inspection, in the words of its report; `none` if there was none.
    pub verdict: String,
    /// Bytes of all files.
    pub bytes: usize,
    /// APDUs of the personalization.
    pub apdus: usize,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What the demo did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DemoSummary {
    /// Cards asked for.
    pub cards: u32,
    /// Cards that were written and activated.
    pub personalized: u32,
    /// Cards that were inspected and read back equal to their image.
    pub verified: u32,
    /// Cards that the inspection called genuine.
    pub genuine: u32,
    /// Workers.
    pub readers: usize,
    /// APDUs of all personalizations.
    pub apdus: usize,
    /// Bytes of all files.
    pub bytes: usize,
    /// The directory of the results.
    pub out: PathBuf,
    /// Cards that are not all of this.
    pub failures: Vec<CardResult>,
}

/// Why there was no demo at all. What happens to single cards is in the summary.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// An option that cannot be.
    #[error("{what}: expected {expected}, found {found}")]
    Option {
        /// Which.
        what: &'static str,
        /// What can be.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// The file system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The test PKI could not be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The profile does not load.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The trust anchor is not taken.
    #[error("trust anchor: {0}")]
    Trust(#[from] eid::cert::trust::TrustError),
    /// A generated person is no valid record.
    #[error("person {card}: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Person {
        /// Number of the card, from 1.
        card: u32,
        /// What is wrong.
        problems: Vec<Problem>,
    },
}

/// The key that signs the documents, wherever it is.
pub(crate) type DocumentSigner = Box<dyn Signer + Send + Sync>;

/// What all workers share.
struct Shared<'a> {
    options: &'a DemoOptions,
    document: DocumentProfile,
    card_profile: CardProfile,
    masters: Masters,
    signer: DocumentSigner,
    certificate: Vec<u8>,
    verifier: Verifier,
    jobs: Vec<Job>,
    stop: AtomicBool,
    tell: &'a (dyn Fn(Event<'_>) + Sync),
}

/// One card to make.
struct Job {
    number: u32,
    record: Record,
    /// Where the randomness of this card comes from, so that the order of the workers changes nothing.
    seed: [u8; 32],
}

/// Runs the demo. `tell` hears of every stage, from several threads.
///
/// # Errors
/// The options are impossible, the directory is taken, or PKI and people could not be made. Failures of single cards are in the summary.
pub fn run(options: &DemoOptions, rng: &mut dyn CryptoRng, tell: &(dyn Fn(Event<'_>) + Sync)) -> Result<DemoSummary, DemoError> {
    let wrong = |what, expected, found: String| Err(DemoError::Option { what, expected, found });
    if !(1..=1_000_000).contains(&options.cards) {
        return wrong("cards", "1 to 1000000", options.cards.to_string());
    }
    if options.slots.is_empty() {
        return wrong("readers", "at least one", "none".to_owned());
    }
    let document = DocumentProfile::load(&options.profile)?;
    if options.trust.is_some() && document.terminal_authentication.is_none() {
        let found = format!("{}, which has none", document.id);
        return Err(DemoError::Option { what: "trust", expected: "a profile with Terminal Authentication", found });
    }
    prepare(&options.out)?;
    if document.pin.is_some() {
        let path = options.out.join("letters");
        std::fs::create_dir(&path).map_err(|source| DemoError::Io { path, source })?;
    }
    let card_profile = CardProfile::load("eid-gp-scp03")?;
    let (authority, signer, certificate) =
        test_authority(&options.out.join("pki"), PASS_PHRASE, options.token.as_ref(), options.today, rng)?;
    let mut trust = TrustStore::new();
    trust.add(authority.csca()?.der())?;
    let jobs = jobs(options, &document, rng)?;
    let masters = Masters::test(&card_profile);
    let verifier = Verifier::new(trust);
    let shared =
        Shared { options, document, card_profile, masters, signer, certificate, verifier, jobs, stop: AtomicBool::new(false), tell };
    let results = work(&shared);
    Ok(summary(options, results))
}

fn work(shared: &Shared<'_>) -> Vec<CardResult> {
    let next = AtomicU32::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for (slot, place) in shared.options.slots.iter().enumerate() {
            let (next, results) = (&next, &results);
            scope.spawn(move || {
                let mut station = station::Station::new(shared, slot, place);
                while !shared.stop.load(Ordering::Relaxed) {
                    let Some(job) = shared.jobs.get(next.fetch_add(1, Ordering::Relaxed) as usize) else { break };
                    let (result, disposition) = station.make(job);
                    if disposition == Some(Disposition::StopBatch) {
                        shared.stop.store(true, Ordering::Relaxed);
                    }
                    (shared.tell)(Event::Card(&result));
                    results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(result);
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn summary(options: &DemoOptions, mut results: Vec<CardResult>) -> DemoSummary {
    results.sort_by_key(|result| result.card);
    let count =
        |test: &dyn Fn(&CardResult) -> bool| u32::try_from(results.iter().filter(|result| test(result)).count()).unwrap_or(u32::MAX);
    DemoSummary {
        cards: options.cards,
        personalized: count(&|result| result.personalized),
        verified: count(&|result| result.verified),
        genuine: count(&|result| result.verdict == "genuine"),
        readers: options.slots.len(),
        apdus: results.iter().map(|result| result.apdus).sum(),
        bytes: results.iter().map(|result| result.bytes).sum(),
        out: options.out.clone(),
        failures: results.into_iter().filter(|result| result.error.is_some()).collect(),
    }
}

/// The directory with its folders. One that holds something is refused: results of two runs would mix.
fn prepare(out: &Path) -> Result<(), DemoError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| DemoError::Io { path, source }
    };
    std::fs::create_dir_all(out).map_err(io(out))?;
    if std::fs::read_dir(out).map_err(io(out))?.next().is_some() {
        return Err(DemoError::Option { what: "out", expected: "an empty or new directory", found: out.display().to_string() });
    }
    for folder in ["people", "cards", "lds", "reports"] {
        let path = out.join(folder);
        std::fs::create_dir(&path).map_err(io(&path))?;
    }
    Ok(())
}

/// A test authority, its document signer's key and certificate. Its keys are in the token, or in files under the pass phrase.
pub(crate) fn test_authority(
    directory: &Path,
    pass_phrase: &str,
    token: Option<&DemoToken>,
    today: Date,
    rng: &mut dyn CryptoRng,
) -> Result<(Authority, DocumentSigner, Vec<u8>), PkiError> {
    let mut hierarchy = Hierarchy::new("VN", "VNM", "http://csca.example/csca.crl");
    hierarchy.authority.organization = Some("Cardwright demo, not an authority".to_owned());
    hierarchy.authority.contact = Some("nobody@demo.example".to_owned());
    hierarchy.authority.document_validity = DOCUMENT_YEARS;
    // what all programs read that a user might try on the cards
    hierarchy.authority.parameters = EcParameters::Named;
    hierarchy.csca =
        Some(hierarchy::Csca { common_name: "Demo CSCA".to_owned(), serial_number: Some("001".to_owned()), ..hierarchy::Csca::default() });
    let keys: Arc<dyn KeyStore + Send + Sync> = match token {
        Some(token) => {
            hierarchy.tokens.insert(DemoToken::NAME.to_owned(), token.declared.clone());
            let roles = [hierarchy.csca.as_mut().map(|csca| &mut csca.token), hierarchy.ds.as_mut().map(|ds| &mut ds.token)];
            roles.into_iter().flatten().for_each(|role| *role = Some(DemoToken::NAME.to_owned()));
            Arc::clone(&token.keys)
        }
        None => Arc::new(SoftwareKeys::new(directory, Secret::from(pass_phrase.as_bytes()), ChaCha20Rng::from_seed(seed(rng)))),
    };
    let keys = keys.as_ref();
    Authority::declare(directory, &hierarchy)?;
    let (mut authority, _) = Authority::open(directory, today)?;
    authority.issue_csca(keys, "demo", rng, today)?;
    let (root, _) = authority.signer("csca", keys)?;
    let issuing = Issuing { signer: root.as_ref(), by: "demo", today };
    authority.issue_ds("ds", &hierarchy.ds_parameters(1).map_err(PkiError::from)?, keys, &issuing, rng)?;
    let (signer, certificate) = authority.signer("ds", keys)?;
    Ok((authority, signer, certificate.der().to_vec()))
}

/// The people, their files, and `people.json`.
fn jobs(options: &DemoOptions, profile: &DocumentProfile, rng: &mut dyn CryptoRng) -> Result<Vec<Job>, DemoError> {
    let io = |path: &Path, source| DemoError::Io { path: path.to_owned(), source };
    let (mut jobs, mut inputs) = (Vec::new(), Vec::new());
    for number in 1..=options.cards {
        let mut citizen = people::citizen(options.seed, number, options.today);
        let record = Record::new(&citizen.input, profile, options.today, &mut |name| citizen.load(name))
            .map_err(|problems| DemoError::Person { card: number, problems })?;
        let folder = format!("people/{number:04}");
        let path = options.out.join(&folder);
        std::fs::create_dir(&path).map_err(|source| io(&path, source))?;
        for (name, bytes) in &citizen.files {
            let path = path.join(name);
            std::fs::write(&path, bytes).map_err(|source| io(&path, source))?;
        }
        if let Some(qr) = record.face_qr() {
            let path = path.join("qr.txt");
            std::fs::write(&path, qr.encode() + "\n").map_err(|source| io(&path, source))?;
        }
        inputs.push(complete(&mut citizen, &record, &folder));
        jobs.push(Job { number, record, seed: seed(rng) });
    }
    let path = options.out.join("people.json");
    let text = serde_json::to_string_pretty(&inputs).unwrap_or_default();
    std::fs::write(&path, text + "\n").map_err(|source| io(&path, source))?;
    Ok(jobs)
}

/// The record with what follows from it, and with the files where they lie: `perso build` takes it as it is.
fn complete(citizen: &mut Citizen, record: &Record, folder: &str) -> Input {
    let mut input = std::mem::take(&mut citizen.input);
    input.photo = input.photo.map(|name| format!("{folder}/{name}"));
    input.fingers.iter_mut().for_each(|finger| finger.file = format!("{folder}/{}", finger.file));
    input.expiry = Some(record.expiry().map_or_else(|| "none".to_owned(), |date| date.to_string()));
    input.can = record.can().map(str::to_owned);
    input.mrz = Some(record.mrz().lines().into_iter().map(str::to_owned).collect());
    input
}

fn seed(rng: &mut dyn CryptoRng) -> [u8; 32] {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    seed
}

#[cfg(test)]
mod tests;
