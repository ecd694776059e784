//! The state of a card as who tests with it wants to see it: what is selected, which channel is open, who is authenticated. No secrets.

use eid::image::{FileId, LifeCycle};

use super::{Access, Card, Channel, Selected};
use crate::store::fault::Tear;

/// What a card is and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardState {
    /// State of the eID application.
    pub life_cycle: LifeCycle,
    /// State of the card (GPCS clause 5.1): 01, 07, 0F, 7F, or FF.
    pub card_state: u8,
    /// The directory or application that is selected.
    pub selected: &'static str,
    /// The file that is selected.
    pub file: Option<FileId>,
    /// The channel that is open.
    pub channel: String,
    /// How the terminal got access.
    pub access: Option<&'static str>,
    /// Whether Chip Authentication was run in this session.
    pub chip_authenticated: bool,
    /// The rights that Terminal Authentication gave, in words.
    pub terminal: Option<String>,
    /// Tries left for the PIN.
    pub pin_tries: u8,
    /// Tries left for the PUK.
    pub puk_tries: u8,
    /// PACE with CAN or MRZ, or BAC, that failed in a row: the next answer is held back longer.
    pub access_failures: u8,
    /// SCP03 authentications that failed in a row.
    pub key_failures: u8,
    /// SCP03 sequence counter.
    pub sequence: u32,
    /// Free memory in bytes.
    pub free: usize,
    /// Pages programmed since the card was opened.
    pub programs: u64,
    /// Why the card says nothing.
    pub mute: Option<String>,
    /// The power cut that is to come: after how many page programs, and what it leaves of the page.
    pub tear: Option<(u64, Tear)>,
}

impl Card {
    /// Where the card stands.
    #[must_use]
    pub fn state(&self) -> CardState {
        let counters = self.store.counters();
        CardState {
            life_cycle: self.life_cycle(),
            card_state: self.store.meta().card_state,
            selected: match self.ram.selected {
                Selected::MasterFile => "master file",
                Selected::IssuerDomain => "issuer domain",
                Selected::Emrtd => "eMRTD application",
                Selected::Eid => "eID application",
            },
            file: self.ram.current,
            channel: match &self.ram.channel {
                Channel::Plain => "none".to_owned(),
                Channel::Messaging(messaging) => format!("secure messaging {:?}", messaging.suite()),
                Channel::Opening(_) => "SCP03, not authenticated".to_owned(),
                Channel::Scp03(session) => format!("SCP03 level {:02X}", session.level().byte()),
            },
            access: self.ram.access.map(|access| match access {
                Access::Bac => "BAC",
                Access::Pace(1) => "PACE with the MRZ",
                Access::Pace(2) => "PACE with the CAN",
                Access::Pace(3) => "PACE with the PIN",
                Access::Pace(_) => "PACE with the PUK",
            }),
            chip_authenticated: self.ram.chip_authenticated,
            terminal: self.ram.terminal.rights().map(eid::cert::chat::Chat::describe),
            pin_tries: self.pin_tries(),
            puk_tries: counters.puk_tries,
            access_failures: counters.access_failures,
            key_failures: counters.auth_failures,
            sequence: counters.sequence,
            free: self.store.free(),
            programs: self.store.programs().0,
            mute: self.mute.clone(),
            tear: self.store.tear_to_come(),
        }
    }

    /// Cuts the power in the middle of a page program: the one after `after` others. What it leaves of the page, `tear` says. The card then says nothing
    /// until [`power_cycle`](Self::power_cycle), and finds its memory as the cut left it. `None` takes back a cut that did not come yet.
    pub fn tear(&mut self, cut: Option<(u64, Tear)>) {
        self.store.tear(cut);
    }

    /// Whether a cut took the power away that [`tear`](Self::tear) asked for.
    #[must_use]
    pub const fn is_torn(&self) -> bool {
        self.store.lost_power()
    }
}
