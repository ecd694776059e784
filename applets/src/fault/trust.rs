//! Checks of Terminal Authentication that a wrong chip leaves out, and what it remembers longer than it may.
//!
//! Where the strict card refuses, or forgets, these functions say what the card that errs does. What they accept is signed for, so that a suite that
//! finds them out does so for the reason it names.

use eid::cert::chat::Role;
use eid::cert::cvc::chain::Imported;
use eid::cert::cvc::{ChainError, Cvc, Holder, TrustPoints};
use eid::date::Date;
use eid::oid;
use eid::protocol::terminal_auth::{CHALLENGE_LEN, TerminalAuthError};
use eid::tlv::Reader;

use super::injection::Value;
use crate::card::Card;

/// What a wrong chip remembers of terminals, over sessions and resets.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// The key that the last certificate brought.
    holder: Option<Holder>,
    /// The first challenge that was given out since a terminal was named.
    challenge: Option<[u8; CHALLENGE_LEN]>,
    /// A terminal was named.
    named: bool,
    /// A terminal has shown its key.
    granted: bool,
}

impl Card {
    /// What the import of a certificate leads to on a card that errs; `strictly` on any other.
    pub(crate) fn imported_wrongly(
        &mut self,
        trust: &TrustPoints,
        data: &[u8],
        strictly: Result<Imported, TerminalAuthError>,
    ) -> Result<Imported, TerminalAuthError> {
        if self.faults.is_none() {
            return strictly;
        }
        let certificate = Cvc::from_content(data).ok();
        let unknown = |certificate: &Cvc| certificate.extensions().iter().any(|extension| extension.oid != oid::CVC_SECTOR);
        if certificate.as_ref().is_some_and(unknown) && self.errs(Value::TaExtension) {
            return Err(TerminalAuthError::Data("a certificate extension that is not known".into()));
        }
        let taken = |certificate: &Cvc| {
            let curve = trust.points().first().and_then(|point| point.key.curve());
            let key = certificate.key().resolve(curve).ok()?;
            let (reference, chat) = (certificate.holder().clone(), certificate.chat());
            Some(Holder { reference, key, chat, effective: certificate.effective(), expiry: certificate.expiry(), sector: None })
        };
        let mut imported = match (strictly, &certificate) {
            (Err(TerminalAuthError::Certificate(ChainError::Signature { .. })), Some(certificate)) if self.errs(Value::TaSignature) => {
                Imported { holder: taken(certificate), store: None }
            }
            (Err(TerminalAuthError::Certificate(ChainError::Role { .. })), Some(certificate)) if self.errs(Value::TaRole) => {
                Imported { holder: taken(certificate), store: None }
            }
            (Err(error), _) => {
                if let Some(day) = effective(data).filter(|_| self.errs(Value::TaRefusedDate)) {
                    // the refusal goes out all the same
                    let _ = self.store_trust(&moved(trust, day));
                }
                return Err(error);
            }
            (Ok(imported), _) => imported,
        };
        let of_terminal = certificate.as_ref().filter(|certificate| certificate.chat().role() == Role::Terminal);
        if let Some(certificate) = of_terminal.filter(|_| self.errs(Value::TaForeignDate)) {
            imported.store = Some(moved(trust, certificate.effective()));
        }
        if self.errs(Value::TaStuckDate) {
            imported.store = imported.store.and_then(|next| TrustPoints::new(next.points().to_vec(), trust.date()).ok());
        }
        if let (Some(faults), Some(holder)) = (self.faults.as_mut(), &imported.holder) {
            faults.terminal.holder = Some(holder.clone());
        }
        Ok(imported)
    }

    /// A key that a card that errs knows still.
    pub(crate) fn holder_from_before(&self) -> Option<Holder> {
        let faults = self.faults.as_ref().filter(|_| self.errs(Value::TaKeptKey))?;
        faults.terminal.holder.clone()
    }

    /// The challenge that counts: the one that was given out, or on a card that errs the first one.
    pub(crate) fn challenge_that_counts(&mut self, given: [u8; CHALLENGE_LEN]) -> [u8; CHALLENGE_LEN] {
        let errs = self.errs(Value::TaFirstChallenge);
        match self.faults.as_mut().filter(|_| errs) {
            Some(faults) => *faults.terminal.challenge.get_or_insert(given),
            None => given,
        }
    }

    /// MSE:Set AT named a terminal.
    pub(crate) fn terminal_named(&mut self) {
        if let Some(faults) = &mut self.faults {
            (faults.terminal.named, faults.terminal.challenge) = (true, None);
        }
    }

    /// A terminal has shown its key.
    pub(crate) fn terminal_granted(&mut self) {
        if let Some(faults) = &mut self.faults {
            faults.terminal.granted = true;
        }
    }

    /// Whether a card that errs opens DG3 and DG4 where it should not.
    pub(crate) fn opens_wrongly(&self) -> bool {
        let Some(faults) = &self.faults else { return false };
        let known = &faults.terminal;
        self.errs(Value::TaNoRights)
            || self.errs(Value::TaEarlyRights) && known.named
            || self.errs(Value::TaKeptRights) && known.granted
            || self.errs(Value::TaAnyRights) && self.ram.terminal.has_rights()
    }
}

/// The chip's date, moved forward.
fn moved(trust: &TrustPoints, day: Date) -> TrustPoints {
    TrustPoints::new(trust.points().to_vec(), trust.date().max(day)).unwrap_or_else(|_| trust.clone())
}

/// The effective date in the first object, whatever else is wrong with it.
fn effective(data: &[u8]) -> Option<Date> {
    let mut members = Reader::new(data).next().ok()??.reader();
    while let Ok(Some(member)) = members.next() {
        if let (0x5F25, &[y1, y0, m1, m0, d1, d0]) = (member.tag.0, member.value) {
            return Date::new(2000 + u16::from(y1) * 10 + u16::from(y0), m1 * 10 + m0, d1 * 10 + d0).ok();
        }
    }
    None
}
