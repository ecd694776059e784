//! The chip's half of Terminal Authentication: what is remembered between commands, and what each command may do.
//!
//! | command | needs | changes |
//! | --- | --- | --- |
//! | MSE:Set DST | a known key | the key for the next certificate |
//! | PSO: VERIFY CERTIFICATE | Set DST | the last holder; perhaps date and trust points, which the card stores first |
//! | MSE:Set AT | the terminal's key, which is the last holder | the session's terminal |
//! | EXTERNAL AUTHENTICATE | Set AT, a challenge just given | the rights, or nothing |
//!
//! In version 2 the challenge may have been given before the certificates (TR-03110-3 B.3); whoever keeps to version 1 calls
//! [`Session::forget_challenge`] between.
//!
//! Terminal Authentication succeeds once in a session; a failure ends the run, not the session, and gives no rights.

use super::{CHALLENGE_LEN, TerminalAuthError, Version, message};
use crate::cert::chat::{Chat, Role};
use crate::cert::cvc::chain::Imported;
use crate::cert::cvc::{Cvc, Holder, KeyReference, TerminalSector, TrustPoints, key};
use crate::crypto::signature::verify_plain;
use crate::tlv::{Reader, TlvError};

/// Longest compressed key: the x-coordinate on P-521.
const MAX_COMPRESSED: usize = 66;
/// Longest auxiliary data.
const MAX_AUXILIARY: usize = 1024;

impl From<TlvError> for TerminalAuthError {
    fn from(error: TlvError) -> Self {
        Self::Data(error.to_string())
    }
}

/// What MSE:Set AT says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Object 83.
    pub terminal: KeyReference,
    /// Version 2: object 80 as it stands, DO'67' whole (empty if absent), object 91.
    pub ephemeral: Option<EphemeralKey>,
}

/// What version 2 adds to MSE:Set AT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EphemeralKey {
    /// Content octets of the identifier below id-TA.
    pub protocol: Vec<u8>,
    /// DO'67' with its header; empty if there is none.
    pub auxiliary: Vec<u8>,
    /// Comp(PK) of the key that Chip Authentication will take.
    pub compressed: Vec<u8>,
}

impl Selection {
    /// Reads the data field of 00 22 81 A4.
    ///
    /// # Errors
    /// [`TerminalAuthError::Data`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TerminalAuthError> {
        let mut reader = Reader::new(bytes);
        let protocol = reader.optional(0x80)?;
        let terminal = reference(reader.expect(0x83)?.value)?;
        let auxiliary = reader.optional(0x67)?;
        let compressed = reader.optional(0x91)?;
        reader.finish()?;
        let ephemeral = match (protocol, compressed) {
            (None, None) if auxiliary.is_none() => None,
            (Some(protocol), Some(compressed)) => {
                let auxiliary = auxiliary.map(|object| object.raw.to_vec()).unwrap_or_default();
                if !(1..=MAX_COMPRESSED).contains(&compressed.value.len()) || auxiliary.len() > MAX_AUXILIARY {
                    return Err(TerminalAuthError::Data("compressed key or auxiliary data of another length".into()));
                }
                Some(EphemeralKey { protocol: protocol.value.to_vec(), auxiliary, compressed: compressed.value.to_vec() })
            }
            _ => return Err(TerminalAuthError::Data("objects 80 and 91 belong together".into())),
        };
        Ok(Self { terminal, ephemeral })
    }
}

/// The key reference in object 83, the data field of 00 22 81 B6.
///
/// # Errors
/// [`TerminalAuthError::Data`].
pub fn parse_dst(bytes: &[u8]) -> Result<KeyReference, TerminalAuthError> {
    let mut reader = Reader::new(bytes);
    let object = reader.expect(0x83)?.value;
    reader.finish()?;
    reference(object)
}

fn reference(octets: &[u8]) -> Result<KeyReference, TerminalAuthError> {
    KeyReference::from_octets(octets).map_err(|error| TerminalAuthError::Data(error.to_string()))
}

/// What the chip knows of itself and of the channel when the terminal proves its key.
#[derive(Clone, Debug)]
pub struct Binding<'a> {
    /// ID_IC.
    pub chip: &'a [u8],
    /// Version 1: Comp(PK) of the key that the terminal took in Chip Authentication. `None` before it.
    pub chip_auth_key: Option<&'a [u8]>,
    /// The CHAT that the terminal named in PACE, which bounds its rights.
    pub pace: Option<Chat>,
}

/// A session of the chip.
#[derive(Debug, Default)]
pub struct Session {
    chosen: Option<KeyReference>,
    holder: Option<Holder>,
    selected: Option<Selection>,
    challenge: Option<[u8; CHALLENGE_LEN]>,
    granted: Option<Granted>,
}

/// What a terminal has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Terminal type, and the rights that its whole chain and PACE leave.
    pub chat: Chat,
    /// Version 2: Comp(PK) of the key that Chip Authentication must take before the rights count. `None` in version 1.
    pub bound_to: Option<Vec<u8>>,
    /// Version 2: the auxiliary data that was signed.
    pub auxiliary: Vec<u8>,
    /// The sectors for which the terminal's certificate is made.
    pub sector: Option<TerminalSector>,
}

impl Session {
    /// What the terminal has shown, if it has.
    #[must_use]
    pub const fn granted(&self) -> Option<&Granted> {
        self.granted.as_ref()
    }

    /// MSE:Set DST.
    ///
    /// # Errors
    /// [`TerminalAuthError::Data`], [`TerminalAuthError::Unknown`]; what was chosen before is forgotten.
    pub fn set_dst(&mut self, trust: &TrustPoints, data: &[u8]) -> Result<(), TerminalAuthError> {
        self.chosen = None;
        self.selected = None;
        let reference = parse_dst(data)?;
        if !trust.knows(&reference, self.holder.as_ref()) {
            return Err(TerminalAuthError::Unknown(reference));
        }
        self.chosen = Some(reference);
        Ok(())
    }

    /// PSO: VERIFY CERTIFICATE. What comes back in `store` must be stored before the card answers, and only then is
    /// [`accept`](Self::accept) called.
    ///
    /// # Errors
    /// [`TerminalAuthError`]; the key chosen by Set DST is forgotten, as it serves one certificate.
    pub fn verify_certificate(&mut self, trust: &TrustPoints, data: &[u8]) -> Result<Imported, TerminalAuthError> {
        let chosen = self.chosen.take().ok_or(TerminalAuthError::Order("PSO: VERIFY CERTIFICATE without MSE:Set DST"))?;
        let certificate = Cvc::from_content(data).map_err(|error| TerminalAuthError::Data(error.to_string()))?;
        Ok(trust.import(&chosen, self.holder.as_ref(), &certificate)?)
    }

    /// Takes over what a verified certificate has brought.
    pub fn accept(&mut self, imported: Imported) {
        self.holder = imported.holder.or(self.holder.take());
    }

    /// MSE:Set AT.
    ///
    /// # Errors
    /// [`TerminalAuthError::Data`]; [`TerminalAuthError::Unknown`] unless it names the terminal whose certificate came last.
    pub fn set_at(&mut self, data: &[u8]) -> Result<Version, TerminalAuthError> {
        self.selected = None;
        let challenge = self.challenge.take();
        let selection = Selection::parse(data)?;
        if selection.ephemeral.is_some() {
            self.challenge = challenge;
        }
        let holder = self.holder.as_ref().filter(|holder| holder.chat.role() == Role::Terminal && holder.reference == selection.terminal);
        let holder = holder.ok_or_else(|| TerminalAuthError::Unknown(selection.terminal.clone()))?;
        let version = match &selection.ephemeral {
            None => Version::One,
            Some(ephemeral) if key::algorithm_of(&ephemeral.protocol) == Some(holder.key.algorithm) => Version::Two,
            Some(_) => return Err(TerminalAuthError::Data("object 80 is not the algorithm of the terminal's key".into())),
        };
        self.selected = Some(selection);
        Ok(version)
    }

    /// GET CHALLENGE: keeps the challenge that is given out.
    pub const fn give_challenge(&mut self, challenge: [u8; CHALLENGE_LEN]) {
        self.challenge = Some(challenge);
    }

    /// Whether EXTERNAL AUTHENTICATE is for Terminal Authentication.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        self.selected.is_some()
    }

    /// Another command came between: the challenge is spent.
    pub const fn forget_challenge(&mut self) {
        self.challenge = None;
    }

    /// EXTERNAL AUTHENTICATE. The challenge serves once; a failure forgets the terminal's key.
    ///
    /// # Errors
    /// [`TerminalAuthError::Order`], [`TerminalAuthError::Signature`].
    pub fn external_authenticate(&mut self, binding: &Binding<'_>, signature: &[u8]) -> Result<Chat, TerminalAuthError> {
        let order = TerminalAuthError::Order;
        let (challenge, selected, holder) = (self.challenge.take(), self.selected.take(), self.holder.take());
        if self.granted.is_some() {
            return Err(order("a second Terminal Authentication in one session"));
        }
        let challenge = challenge.ok_or(order("EXTERNAL AUTHENTICATE without GET CHALLENGE"))?;
        let (selected, holder) = selected.zip(holder).ok_or(order("EXTERNAL AUTHENTICATE without MSE:Set AT"))?;
        let (compressed, auxiliary, bound_to) = match &selected.ephemeral {
            Some(key) => (key.compressed.as_slice(), key.auxiliary.as_slice(), Some(key.compressed.clone())),
            None => (binding.chip_auth_key.ok_or(order("version 1 before Chip Authentication"))?, &[][..], None),
        };
        let message = message(binding.chip, challenge, compressed, auxiliary);
        verify_plain(holder.key.algorithm, &holder.key.key, &message, signature).map_err(|_| TerminalAuthError::Signature)?;
        let chat = match binding.pace {
            None => Some(holder.chat),
            Some(pace) => holder.chat.and(pace),
        };
        // named as another kind of terminal in PACE: authenticated, and without rights
        let chat = chat.unwrap_or_else(|| Chat::new(holder.chat.terminal(), Role::Terminal, []));
        self.granted = Some(Granted { chat, bound_to, auxiliary: auxiliary.to_vec(), sector: holder.sector });
        Ok(chat)
    }
}
