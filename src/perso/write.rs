//! Writes an image to a card: identify, authenticate, replace the transport keys, store, commit, check; later activate or terminate.
//!
//! A blank card and a card that a crash left half-written by the same job take the same way: what the card says is done is not sent
//! again, and all four "again" cases of the applet answer 9000. A card of another job, another image, or another product is refused
//! before anything is changed. One wrong card cryptogram ends the batch: the next card has the same wrong key, and cards lock.
//!
//! Nothing that changes the card is sent before the [`Journal`] has it.

use eid::apdu::{ApduError, Sw};
use eid::crypto::cipher::CipherError;
use eid::dgi::DgiError;
use eid::image::{CardImage, LifeCycle};
use eid::scp03::ScpError;
use eid::scp03::keys::KeyError;
use eid::secret::Secret;
use eid::transport::{Transport, TransportError};
use rand_core::CryptoRng;

use super::card_profile::{CardProfile, HalfWritten, Product, ProfileError, TemplateError};
use super::plan::dgi::NONCE_LEN;
use super::plan::{ApduForm, PlanError};

mod gp;
pub mod script;
mod status;

pub use status::{Status, StatusError};

/// Nonce of a job: what tells a card of this job from all others.
pub type Nonce = [u8; NONCE_LEN];

/// Master keys of the site, by the names that card profiles use.
#[derive(Clone, Debug)]
pub struct Masters {
    keys: Vec<(String, Secret)>,
    test: bool,
}

/// Test master for the maker's transport keys: 40 41 … 5F. Public, for test cards only.
const TEST_TRANSPORT: u8 = 0x40;
/// Test master for the production keys: 60 61 … 7F. Public, for test cards only.
const TEST_PRODUCTION: u8 = 0x60;

impl Masters {
    /// Masters of a site.
    #[must_use]
    pub const fn new(keys: Vec<(String, Secret)>) -> Self {
        Self { keys, test: false }
    }

    /// The public test masters for the names in `profile`: no live job takes them.
    #[must_use]
    pub fn test(profile: &CardProfile) -> Self {
        let Product::GpDgi(product) = &profile.product else { return Self { keys: Vec::new(), test: true } };
        let master = |first: u8| Secret::new((first..first + 32).collect());
        let keys =
            vec![(product.master_transport.clone(), master(TEST_TRANSPORT)), (product.master_production.clone(), master(TEST_PRODUCTION))];
        Self { keys, test: true }
    }

    /// The master of that name.
    ///
    /// # Errors
    /// [`WriteError::NoMaster`].
    pub fn get(&self, name: &str) -> Result<&Secret, WriteError> {
        let known = || self.keys.iter().map(|(name, _)| name.clone()).collect();
        let found = self.keys.iter().find(|(known, _)| known == name);
        found.map(|(_, key)| key).ok_or_else(|| WriteError::NoMaster { name: name.to_owned(), known: known() })
    }
}

/// What is about to be changed on a card, and cannot be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// The key set.
    ReplaceKeys,
    /// Nonce, files, and secrets are staged.
    Store,
    /// The image is published; nothing takes it back.
    Commit,
    /// The card becomes operational.
    Activate,
    /// Keys and content are erased.
    Terminate,
}

impl Change {
    /// The word for it in journals: `replace-keys`, `store`, `commit`, `activate`, `terminate`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReplaceKeys => "replace-keys",
            Self::Store => "store",
            Self::Commit => "commit",
            Self::Activate => "activate",
            Self::Terminate => "terminate",
        }
    }
}

/// Keeps what was done to which card. [`before`](Self::before) is durable when it returns: only then is the change sent.
pub trait Journal {
    /// A change is about to be made to the card with this serial.
    ///
    /// # Errors
    /// It could not be written down: nothing is sent.
    fn before(&mut self, serial: &[u8], change: Change) -> Result<(), String>;

    /// The change was confirmed by the card.
    ///
    /// # Errors
    /// It could not be written down: the work ends here and is resumed later.
    fn after(&mut self, serial: &[u8], change: Change) -> Result<(), String>;

    /// Whether to end here. Asked where a grouping is complete, and before the commit: the card goes on later where it stopped.
    fn stop(&mut self) -> bool {
        false
    }
}

/// No journal, for work that need not be accounted for: test cards.
impl Journal for () {
    fn before(&mut self, _: &[u8], _: Change) -> Result<(), String> {
        Ok(())
    }

    fn after(&mut self, _: &[u8], _: Change) -> Result<(), String> {
        Ok(())
    }
}

/// What is to be written.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The image.
    pub image: &'a CardImage,
    /// The job's nonce: random, once for each job, the same when it is resumed.
    pub nonce: Nonce,
    /// Whether the card is for a person.
    pub live: bool,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Serial of the chip: its key diversification data; empty for a product without one.
    pub serial: Vec<u8>,
    /// Digest of the image, confirmed by the card.
    pub digest: [u8; 32],
    /// APDUs sent.
    pub apdus: usize,
    /// Bytes of commands.
    pub command_bytes: usize,
    /// Bytes of answers.
    pub response_bytes: usize,
    /// Whether the card held a part of the image before.
    pub resumed: bool,
}

/// What a card is and says, before anything is changed on it.
#[derive(Clone, Debug)]
pub struct Examined {
    /// Serial of the chip, if it could be read: a claim of the chip, and proof where `status` came, since then its keys are those of the serial.
    pub serial: Option<Vec<u8>>,
    /// Its status, under R-MAC; of a terminated card, which has no keys any more, in clear.
    pub status: Result<Status, Failed>,
}

/// What to do with a card after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// Nothing was changed on it.
    Untouched,
    /// It can be presented again: the same job goes on where it stopped.
    Resume,
    /// It must be terminated or destroyed, and counted.
    Scrap,
    /// It must be looked at, and so must the stock: no further card is tried.
    StopBatch,
}

/// Why a card was not written, activated, or terminated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The card is another product.
    #[error("not a card of profile {profile}: {what}: expected {expected}, found {found}")]
    NotThisProduct {
        /// Identifier of the card profile.
        profile: String,
        /// What was compared.
        what: &'static str,
        /// What the profile says.
        expected: String,
        /// What the card says.
        found: String,
    },
    /// A live job with test keys, or on a test-only product.
    #[error("a live job: {0}")]
    Live(ProfileError),
    /// The site has no master key of that name.
    #[error("master key {name:?}: expected one of {}", known.join(", "))]
    NoMaster {
        /// The name in the card profile.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The image does not fit the product.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The card does not hold the keys that the site computes for it. No second try is made.
    #[error("the card does not hold the expected keys, the batch must stop: {0}")]
    WrongKeys(ScpError),
    /// The secure channel refuses a message.
    #[error("{step}: {source}")]
    Channel {
        /// The step.
        step: String,
        /// Why.
        source: ScpError,
    },
    /// The card's keys cannot be computed, or its answer to PUT KEY is not theirs.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The card refuses a command.
    #[error("{step}: expected 9000, found {sw} ({})", sw.meaning())]
    Card {
        /// The step.
        step: String,
        /// Its status word.
        sw: Sw,
    },
    /// The card was not reached, or left.
    #[error("{step}: {source}")]
    Transport {
        /// The step.
        step: String,
        /// Why.
        source: TransportError,
    },
    /// The status object is not understood.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The card is in a state in which the work cannot be done.
    #[error("card state: expected {expected}, found {found:?}")]
    State {
        /// What is allowed.
        expected: &'static str,
        /// The state.
        found: LifeCycle,
    },
    /// The card belongs to another job.
    #[error("the card was opened by another job (nonce {found}): quarantine it")]
    OtherJob {
        /// The nonce in it, hexadecimal.
        found: String,
    },
    /// The card holds another image than the job's.
    #[error("the card holds another image: expected digest {expected}, found {found}")]
    OtherImage {
        /// Digest of the job's image.
        expected: String,
        /// Digest on the card, or `none`.
        found: String,
    },
    /// The journal could not be written.
    #[error("journal: {0}")]
    Journal(String),
    /// The journal asked to stop, at the end of a grouping.
    #[error("stopped at the end of a grouping")]
    Stopped,
    /// A command cannot be made.
    #[error("{0}")]
    Command(String),
}

impl From<TemplateError> for WriteError {
    fn from(error: TemplateError) -> Self {
        Self::Plan(error.into())
    }
}

impl From<ApduError> for WriteError {
    fn from(error: ApduError) -> Self {
        Self::Command(error.to_string())
    }
}

impl From<DgiError> for WriteError {
    fn from(error: DgiError) -> Self {
        Self::Command(error.to_string())
    }
}

impl From<CipherError> for WriteError {
    fn from(error: CipherError) -> Self {
        Self::Command(error.to_string())
    }
}

/// An error with what is to be done with the card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Failed {
    /// What happened.
    #[source]
    pub error: WriteError,
    /// What is to be done.
    pub disposition: Disposition,
}

/// How far the work is: APDUs sent so far, APDUs of the plan, and the step.
pub type Tell<'a> = &'a mut dyn FnMut(usize, usize, &str);

/// Writes cards of one product.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// The card profile.
    pub profile: &'a CardProfile,
    /// Master keys of the site.
    pub masters: &'a Masters,
    /// Form of the STORE DATA commands.
    pub apdu: ApduForm,
}

impl Writer<'_> {
    /// Reads serial and status of a card through a session under its keys, and changes nothing but its sequence counter.
    pub fn examine(&self, card: &mut dyn Transport, rng: &mut dyn CryptoRng) -> Examined {
        let mut touched = false;
        match &self.profile.product {
            Product::GpDgi(product) => {
                let (serial, status) = gp::Work::new(self, product, card, rng, &mut (), &mut touched).examine();
                Examined { serial, status: self.disposed(status, false) }
            }
            Product::PutData(_) => {
                let what = "a serial and a status: the line cannot tell such cards from each other".to_owned();
                let error = PlanError::Missing { profile: self.profile.id.clone(), what }.into();
                Examined { serial: None, status: self.disposed(Err(error), false) }
            }
        }
    }

    /// Writes the image of a job and commits it. A card that the same job left half-written is taken up where it stopped; a card that
    /// holds the committed image already is confirmed.
    ///
    /// # Errors
    /// What happened, and what is to be done with the card.
    pub fn personalize(
        &self,
        card: &mut dyn Transport,
        job: Job<'_>,
        rng: &mut dyn CryptoRng,
        journal: &mut dyn Journal,
        tell: Tell<'_>,
    ) -> Result<Written, Failed> {
        let mut touched = false;
        let result = self.allowed(job.live).and_then(|()| match &self.profile.product {
            Product::GpDgi(product) => gp::Work::new(self, product, card, rng, journal, &mut touched).personalize(job, tell),
            Product::PutData(product) => script::run(self.profile, product, card, job, self.apdu, journal, &mut touched, tell),
        });
        self.disposed(result, touched)
    }

    /// Makes a written card operational.
    ///
    /// # Errors
    /// The card does not hold the image with this digest, or refuses.
    pub fn activate(
        &self,
        card: &mut dyn Transport,
        digest: [u8; 32],
        rng: &mut dyn CryptoRng,
        journal: &mut dyn Journal,
    ) -> Result<(), Failed> {
        let mut touched = false;
        let result = match &self.profile.product {
            Product::GpDgi(product) => gp::Work::new(self, product, card, rng, journal, &mut touched).activate(digest),
            // The lock was the last step already.
            Product::PutData(_) => Ok(()),
        };
        self.disposed(result, touched)
    }

    /// Erases a card for ever. `nonce` is that of the job that opened it; zeros for a blank card.
    ///
    /// # Errors
    /// The product cannot be terminated, the card belongs to another job, or it does not confirm.
    pub fn terminate(
        &self,
        card: &mut dyn Transport,
        nonce: Nonce,
        rng: &mut dyn CryptoRng,
        journal: &mut dyn Journal,
    ) -> Result<(), Failed> {
        let mut touched = false;
        let result = match &self.profile.product {
            Product::GpDgi(product) => gp::Work::new(self, product, card, rng, journal, &mut touched).terminate(nonce),
            Product::PutData(_) => Err(PlanError::Missing {
                profile: self.profile.id.clone(),
                what: "a command that terminates it: destroy the card".to_owned(),
            }
            .into()),
        };
        self.disposed(result, touched)
    }

    fn allowed(&self, live: bool) -> Result<(), WriteError> {
        if !live {
            return Ok(());
        }
        self.profile.refuse_live().map_err(WriteError::Live)?;
        if self.masters.test {
            return Err(WriteError::Live(ProfileError::Contradiction {
                origin: self.profile.id.clone(),
                field: "scp.master",
                expected: "the master keys of the site".to_owned(),
                found: "the public test keys".to_owned(),
            }));
        }
        Ok(())
    }

    fn disposed<T>(&self, result: Result<T, WriteError>, touched: bool) -> Result<T, Failed> {
        result.map_err(|error| {
            let disposition = match &error {
                WriteError::WrongKeys(_) | WriteError::Keys(_) => Disposition::StopBatch,
                WriteError::OtherJob { .. } | WriteError::OtherImage { .. } => Disposition::Scrap,
                _ if !touched => Disposition::Untouched,
                // A refusal by a card that was fine so far would come again.
                WriteError::Card { .. } | WriteError::Status(_) | WriteError::State { .. } => Disposition::Scrap,
                _ if self.profile.half_written == HalfWritten::Resume => Disposition::Resume,
                _ => Disposition::Scrap,
            };
            Failed { error, disposition }
        })
    }
}

#[cfg(test)]
mod tests;
