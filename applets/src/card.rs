//! A virtual card: power, reset, ATR, and commands in, answers out. In process it is a [`Transport`]; [`crate::vpcd`] makes it
//! a card in a PC/SC reader.
//!
//! What must outlive power is in the [`store`](crate::store); everything else is gone at each reset.

use std::path::Path;
use std::time::Duration;

use eid::crypto::cipher::CipherKey;
use eid::image::{FileId, LifeCycle};
use eid::scp03::card::{CardSession, Opening};
use eid::scp03::{Implementation, StaticKeys};
use eid::sm::SecureMessaging;
use eid::transport::{Limits, Transport, TransportError};
use rand_core::CryptoRng;

use crate::eid_application::restricted_id;
use crate::emrtd::pace::PaceRun;
use crate::emrtd::perso::Sequence;
use crate::fault::Injector;
use crate::store::file::FileNvm;
use crate::store::nvm::Nvm;
use crate::store::{KeySet, Product, Store, StoreError};

mod state;
mod watch;

pub use state::CardState;
pub use watch::{Contents, Exchange, Message};

/// AID of the issuer security domain.
pub const ISSUER_DOMAIN_AID: [u8; 8] = [0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00];

/// The random source of a card.
pub type CardRng = Box<dyn CryptoRng + Send>;

/// What the chip maker gives a blank card.
#[derive(Clone, Debug)]
pub struct CardConfig {
    /// Key diversification data, by which the issuer finds the card's keys; also its serial number.
    pub kdd: [u8; 10],
    /// Version number of the first key set: 30 for transport keys.
    pub kvn: u8,
    /// The first SCP03 key set.
    pub keys: StaticKeys,
    /// The SCP03 parameter i: 70, or 71 for S16.
    pub scp: Implementation,
    /// Answer to reset.
    pub atr: Vec<u8>,
    /// Memory in bytes.
    pub memory: usize,
}

impl CardConfig {
    /// ATR of the eID card product: T=1, historical bytes `EID-CARD-V1`.
    pub const ATR: [u8; 16] = [0x3B, 0x8B, 0x80, 0x01, 0x45, 0x49, 0x44, 0x2D, 0x43, 0x41, 0x52, 0x44, 0x2D, 0x56, 0x31, 0x31];
    /// Memory of the eID card product: 64 KiB.
    pub const MEMORY: usize = 64 * 1024;

    /// The eID card product: i = 70 (S8, pseudo-random challenge, R-MAC and R-ENC), 64 KiB.
    ///
    /// # Panics
    /// Never: 70 is a value of the table.
    #[must_use]
    pub fn new(kdd: [u8; 10], kvn: u8, keys: StaticKeys) -> Self {
        let scp = Implementation::from_byte(0x70).expect("70 has no reserved bit");
        Self { kdd, kvn, keys, scp, atr: Self::ATR.to_vec(), memory: Self::MEMORY }
    }
}

/// A card.
pub struct Card {
    pub(crate) store: Store,
    pub(crate) rng: CardRng,
    pub(crate) ram: Volatile,
    /// Why the card says nothing any more, once its power went away.
    mute: Option<String>,
    waited: Duration,
    /// What goes wrong on purpose.
    pub(crate) faults: Option<Box<Injector>>,
    /// What is noted for a bench.
    watch: Option<Box<watch::Watch>>,
}

impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Card").field("store", &self.store).field("selected", &self.ram.selected).finish_non_exhaustive()
    }
}

/// What is selected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Selected {
    /// The master file; commands of GlobalPlatform go to the issuer domain, which is selected by default.
    #[default]
    MasterFile,
    /// The issuer security domain, by its AID.
    IssuerDomain,
    /// The eMRTD application.
    Emrtd,
    /// The eID application.
    Eid,
}

/// How the terminal got access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// By Basic Access Control.
    Bac,
    /// By PACE with the password of this reference (1 MRZ, 2 CAN, 3 PIN, 4 PUK).
    Pace(u8),
}

/// The secure channel that is open.
#[derive(Debug, Default)]
pub(crate) enum Channel {
    /// None.
    #[default]
    Plain,
    /// Secure messaging of Doc 9303-11.
    Messaging(SecureMessaging),
    /// INITIALIZE UPDATE was answered.
    Opening(Box<Opening>),
    /// SCP03.
    Scp03(Box<CardSession>),
}

/// What is lost with power.
#[derive(Debug, Default)]
pub(crate) struct Volatile {
    pub(crate) selected: Selected,
    pub(crate) current: Option<FileId>,
    /// A file whose CRC was found right since it was selected.
    pub(crate) checked: Option<FileId>,
    pub(crate) channel: Channel,
    /// The channel that takes the place of the open one when the answer is out.
    pub(crate) next_channel: Option<Channel>,
    pub(crate) access: Option<Access>,
    /// SCP03 level of the session under which the command came; `None` without one.
    pub(crate) level: Option<u8>,
    /// INSTALL [for personalization] named the application.
    pub(crate) forwarding: bool,
    /// Key-DEK of the key set that the session was opened with.
    pub(crate) dek: Option<CipherKey>,
    pub(crate) sequence: Option<Sequence>,
    /// SW2 of the last STORE DATA that was refused.
    pub(crate) last_error: u8,
    /// Plain bytes that the answer under way can carry.
    pub(crate) room: usize,
    pub(crate) challenge: Option<eid::protocol::bac::Chip>,
    pub(crate) pace: PaceRun,
    /// MSE:Set AT for Chip Authentication: protocol and key identifier.
    pub(crate) chip_auth: Option<crate::emrtd::chip_auth::Chosen>,
    /// MSE:Set AT for Restricted Identification: protocol and key.
    pub(crate) restricted_id: Option<restricted_id::Chosen>,
    /// Terminal Authentication, and what binds it to this session.
    pub(crate) terminal: crate::emrtd::terminal_auth::TerminalRun,
    /// Chip Authentication was run in this session.
    pub(crate) chip_authenticated: bool,
    /// The data of a chain of commands that is not complete.
    pub(crate) chain: Option<crate::pipeline::Chain>,
}

impl Card {
    /// Makes erased memory a blank card and powers it.
    ///
    /// # Errors
    /// The memory is too small or not erased, or a page cannot be programmed.
    pub fn blank(config: &CardConfig, nvm: impl Nvm + 'static, rng: CardRng) -> Result<Self, StoreError> {
        let product = Product { kdd: config.kdd, scp_i: config.scp.byte(), atr: config.atr.clone() };
        Ok(Self::with(Store::format(Box::new(nvm), &product, &KeySet { kvn: config.kvn, keys: config.keys.clone() })?, rng))
    }

    /// Powers a card whose memory was written before.
    ///
    /// # Errors
    /// [`StoreError::NotACard`], [`StoreError::Version`], [`StoreError::Damaged`], or the power goes away again.
    pub fn boot(nvm: impl Nvm + 'static, rng: CardRng) -> Result<Self, StoreError> {
        Ok(Self::with(Store::boot(Box::new(nvm))?, rng))
    }

    /// Makes a card file with a blank card and opens it.
    ///
    /// # Errors
    /// The file exists already or cannot be written.
    pub fn create(path: &Path, config: &CardConfig, rng: CardRng) -> Result<Self, StoreError> {
        Self::blank(config, FileNvm::create(path, config.memory)?, rng)
    }

    /// Opens a card file. It stays locked until the card is dropped.
    ///
    /// # Errors
    /// As [`boot`](Self::boot), or the file is in use by another process, or cannot be read.
    pub fn open(path: &Path, rng: CardRng) -> Result<Self, StoreError> {
        Self::boot(FileNvm::open(path)?, rng)
    }

    fn with(store: Store, rng: CardRng) -> Self {
        Self { store, rng, ram: Volatile::default(), mute: None, waited: Duration::ZERO, faults: None, watch: None }
    }

    /// Takes the power away and gives it back: everything volatile is lost. A card whose memory failed stays mute; one that was torn on purpose
    /// finds its memory as the cut left it.
    pub fn power_cycle(&mut self) {
        self.ram = Volatile::default();
        if self.store.lost_power() {
            self.mute = self.store.power_up().err().map(|error| error.to_string());
        }
        self.activated();
    }

    /// Takes the memory out of the card.
    #[must_use]
    pub fn into_nvm(self) -> Box<dyn Nvm> {
        self.store.into_nvm()
    }

    /// What the chip maker fixed.
    #[must_use]
    pub const fn product(&self) -> &Product {
        self.store.product()
    }

    /// State of the eID application.
    #[must_use]
    pub const fn life_cycle(&self) -> LifeCycle {
        self.store.meta().state
    }

    /// The bytes of a file as the memory holds them, whoever may read them: for a viewer of card files, and for tests.
    /// `None` if the card has no such file.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: the file does not have the CRC that it was written with.
    pub fn file(&self, file: FileId) -> Result<Option<&[u8]>, StoreError> {
        let Some(extent) = self.store.extent(file.dgi()) else { return Ok(None) };
        if !self.store.intact(extent) {
            return Err(StoreError::Damaged(file.name()));
        }
        Ok(self.store.bytes(extent))
    }

    /// The time for which the card has held back answers, after failed authentications and by faults, and starts counting anew. In process nothing
    /// waits; whoever serves the card to a reader waits that long before the answer goes out. With [`set_timing`](Self::set_timing) it is nothing
    /// ([`Waits::Virtual`](crate::clock::Waits)) or all the time that a real card would have taken.
    pub fn take_delay(&mut self) -> Duration {
        std::mem::take(&mut self.waited)
    }

    pub(crate) fn hold_back(&mut self, time: Duration) {
        self.waited += time;
    }

    /// One command APDU in, one response APDU out.
    ///
    /// # Errors
    /// The card lost its power: `Err` says where. Where only a fault made it leave, it is there again after [`power_cycle`](Self::power_cycle),
    /// or with the next command.
    pub fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        if self.watch.is_some() { self.exchange_watched(command) } else { self.exchange_unwatched(command) }
    }

    fn exchange_unwatched(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        if self.faults.is_some() { self.exchange_with_faults(command) } else { self.exchange_strictly(command) }
    }

    pub(crate) fn exchange_strictly(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let gone = |detail: &String| TransportError::CardGone { reader: "sim".to_owned(), detail: detail.clone() };
        if let Some(detail) = &self.mute {
            return Err(gone(detail));
        }
        match self.process(command) {
            Ok(response) => Ok(response.encode()),
            Err(detail) => {
                let error = gone(&detail);
                if !self.left_the_field() {
                    self.mute = Some(detail);
                }
                self.ram = Volatile::default();
                Err(error)
            }
        }
    }
}

impl Transport for Card {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        Ok(self.product().atr.clone())
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.exchange(command)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        self.power_cycle();
        Ok(())
    }

    fn limits(&self) -> Limits {
        Limits::EXTENDED
    }
}
