//! A document for a case: the card, and what a terminal has for it, made in memory and then laid out in a folder.
//!
//! ```text
//! card                          the virtual card, for our reader name sim:
//! mrz.txt                       what is printed
//! trust/csca-1.cer csca-1.crl   what the terminal trusts, and the revocation lists; list-1.ml and deviations-1.dl where there are such
//! crl/csca-1.crl                the lists alone
//! keys/1.cvcert … is.pkcs8      for Terminal Authentication: certificates, and the key without a pass phrase; empty where the card has none
//! ```
//!
//! Nobody whom such a document names exists, and its keys are worth nothing.

use std::path::{Path, PathBuf};

use applets::card::Card;
use applets::fault::catalogue::{self, Engine, State};
use applets::fault::{FaultError, Faults};
use applets::rng::SeededRng;
use applets::store::StoreError;
use eid::date::Date;
use eid::image::CardImage;
use eid::secret::Secret;

use crate::faulty::{self, Faulty, FaultyError, Specimen, SpecimenError};
use crate::perso::blank::{self, BlankError};
use crate::perso::card_profile::CardProfile;
use crate::perso::operational;
use crate::perso::profile::ProfileError;
use crate::perso::write::{Failed, Masters};

/// The product that our virtual card is.
const PRODUCT: &str = "eid-gp-scp03";
/// The card access number of every card that is not said to have another.
const CAN: &str = "246810";

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// A built-in profile is wrong.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// There is nobody to make one for.
    #[error(transparent)]
    Specimen(#[from] SpecimenError),
    /// The catalogue has the fault, and nobody shows it yet.
    #[error("{fault}: {why}")]
    NotBuilt {
        /// Its id.
        fault: String,
        /// Why not.
        why: String,
    },
    /// What should be made cannot be.
    #[error(transparent)]
    Faulty(#[from] FaultyError),
    /// A fault of the chip that it does not show.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// The card file cannot be opened.
    #[error("card: {0}")]
    Card(#[from] StoreError),
    /// The card file cannot be made.
    #[error("card: {0}")]
    Blank(#[from] BlankError),
    /// The card was not written.
    #[error("card: {0}")]
    Written(#[from] Failed),
    /// Another file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Makes documents of one person.
#[derive(Debug)]
pub struct Documents {
    specimen: Specimen,
}

/// A document in memory.
#[derive(Debug)]
pub struct Document {
    made: Faulty,
    mrz: String,
    can: String,
    faults: Vec<String>,
}

/// A document in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Laid {
    /// The card file.
    pub card: PathBuf,
    /// The folder of what is trusted.
    pub trust: PathBuf,
    /// The folder of the revocation lists.
    pub lists: PathBuf,
    /// The folder for Terminal Authentication.
    pub keys: PathBuf,
    /// The lines of the MRZ in one.
    pub mrz: String,
    /// The card access number.
    pub can: String,
    /// Ids of the faults that the chip shows, and `do=STEP`.
    pub faults: Vec<String>,
    /// Whether the chip does Terminal Authentication.
    pub guarded: bool,
}

impl Documents {
    /// Documents issued on `today`; the same seed gives the same person and keys.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn new(today: Date, seed: u64) -> Result<Self, DocumentError> {
        Ok(Self { specimen: Specimen::new(today, seed)? })
    }

    /// The document of `words`: steps separated by `;`, each `fault ID` (a fault of the catalogue, on a card that has what it needs), `also ID` (a
    /// fault of the chip on the same card), `do STEP` (a step of an injection of the chip), or a word or edit of [`faulty`].
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn make(&self, words: &str) -> Result<Document, DocumentError> {
        let (mut first, mut then, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for step in words.split(';').map(str::trim).filter(|step| !step.is_empty()) {
            let (id, alone) = match step.split_once(' ') {
                Some(("fault", id)) => (id, true),
                Some(("also", id)) => (id, false),
                Some(("do", step)) => {
                    faults.push(format!("do={step}"));
                    continue;
                }
                _ => {
                    then.push(step.to_owned());
                    continue;
                }
            };
            let fault = catalogue::find(id.trim()).ok_or_else(|| FaultError::Unknown { found: id.to_owned() })?;
            if fault.state() != State::Implemented {
                let why = if fault.why_not.is_empty() {
                    format!("the engine `{}` does not show it yet", fault.engine)
                } else {
                    fault.why_not.to_owned()
                };
                return Err(DocumentError::NotBuilt { fault: fault.id.to_owned(), why });
            }
            if fault.engine == Engine::Chip {
                if alone {
                    first.push(faulty::needed(fault.needs()));
                }
                faults.push(fault.id.to_owned());
            } else {
                then.push(fault.injection.to_owned());
            }
        }
        let injection = first.into_iter().chain(then).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
        let mut made = self.specimen.make(&injection)?;
        let can = made.can.clone().unwrap_or_else(|| CAN.to_owned());
        made.image.passwords.can = Some(Secret::from(can.as_bytes()));
        let mrz = made.printed.lines().collect();
        Ok(Document { made, mrz, can, faults })
    }
}

impl Document {
    /// Writes it into `folder`, which must not be there yet.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn lay(&self, folder: &Path) -> Result<Laid, DocumentError> {
        let laid = Laid {
            card: folder.join("card"),
            trust: folder.join("trust"),
            lists: folder.join("crl"),
            keys: folder.join("keys"),
            mrz: self.mrz.clone(),
            can: self.can.clone(),
            faults: self.faults.clone(),
            guarded: self.made.terminal.is_some(),
        };
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| DocumentError::File { path, source }
        };
        std::fs::create_dir(folder).map_err(failed(folder))?;
        for folder in [&laid.trust, &laid.lists, &laid.keys] {
            std::fs::create_dir(folder).map_err(failed(folder))?;
        }
        let write = |path: PathBuf, bytes: &[u8]| std::fs::write(&path, bytes).map_err(failed(&path));
        write(folder.join("mrz.txt"), format!("{}\n", self.mrz).as_bytes())?;
        for (name, bytes) in self.made.trust_files() {
            write(laid.trust.join(name), bytes)?;
        }
        for (name, bytes) in self.made.revocation_files() {
            write(laid.lists.join(name), bytes)?;
        }
        if let Some(terminal) = &self.made.terminal {
            for (n, certificate) in (1..).zip(&terminal.certificates) {
                write(laid.keys.join(format!("{n}.cvcert")), certificate.der())?;
            }
            write(laid.keys.join("is.pkcs8"), terminal.key.key.to_pkcs8().expose())?;
        }
        card(&self.made.image, &laid.card)?;
        Ok(laid)
    }
}

impl Laid {
    /// The card, with its faults.
    ///
    /// # Errors
    /// [`DocumentError::Card`], [`DocumentError::Fault`].
    pub fn open(&self) -> Result<Card, DocumentError> {
        let mut card = Card::open(&self.card, Box::new(SeededRng::new(b"chip")))?;
        if !self.faults.is_empty() {
            card.set_faults(&self.faults.join(",").parse::<Faults>()?);
        }
        Ok(card)
    }
}

/// An operational card with `image`.
fn card(image: &CardImage, path: &Path) -> Result<(), DocumentError> {
    let profile = CardProfile::load(PRODUCT)?;
    let masters = Masters::test(&profile);
    let kdd = *b"\0\0\0EID\0\0\0\x01";
    let mut card = blank::create_with(path, &profile, &masters, kdd, operational::memory(image), Box::new(SeededRng::new(b"chip")))?;
    Ok(operational::fill(&mut card, image, &profile, &masters, &mut SeededRng::new(b"host"))?)
}
