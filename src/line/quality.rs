//! Quality control: a card is read like at a counter, with what is printed on it, and compared with what was to be written.
//!
//! | depth | read | asked | compared |
//! | --- | --- | --- | --- |
//! | quick | EF.COM, EF.SOD, EF.CardAccess, DG1, DG14, DG15 | PACE or BAC, passive authentication, the chip's key | what was read |
//! | full | every file that no terminal right guards | the same, and commands that must be refused | all of it |
//!
//! What is guarded by terminal authentication (DG3, DG4, EF.CVCA, the eID application) the card has confirmed by its digest over its own memory. A sample finds
//! faults of contact and antenna, not of data. A chip that proves its key only after Terminal Authentication (version 2 alone) is not asked for
//! it: EF.CardSecurity, which has the key's public half, is compared instead. It refuses a card for any doubt: an undecided verdict is not good enough for a person.

use std::collections::BTreeSet;

use eid::apdu::{Command, Response};
use eid::cert::trust::TrustStore;
use eid::date::Date;
use eid::gp;
use eid::image::{CardImage, FileId, Home};
use eid::protocol::finding::Outcome;
use eid::protocol::pace::Password;
use eid::transport::{Transport, TransportError};
use rand_core::CryptoRng;

use crate::perso::card_profile::{CardProfile, Product};
use crate::session::{Session, SessionError};
use crate::terminal::access::{self, AccessError, Log};
use crate::terminal::read::{self, ReadError};
use crate::terminal::{DataGroups, Inspection, Verdict, Verifier};

/// How much is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Depth {
    /// What shows that document and chip are genuine.
    Quick,
    /// Everything.
    Full,
}

/// One job in so many is read in full, beside the first ones.
pub const SAMPLE: u32 = 200;

/// How much of a card is read: all of the first job of a batch and of each two hundredth, of the first card of a batch in each reader since
/// the station started, and of the first card after a reader failed; else what shows that it is genuine.
#[must_use]
pub const fn depth(sequence: u32, first_in_reader: bool) -> Depth {
    if first_in_reader || sequence % SAMPLE == 1 { Depth::Full } else { Depth::Quick }
}

/// Why a card does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Reason code of a scrap: `qc-open`, `qc-pa`, `qc-chip`, `qc-compare`, or `qc-refusal`.
    pub reason: &'static str,
    /// What was expected and found, without personal data.
    pub detail: String,
}

/// What a check of a card gives: it passed, or why not. An error where the card was not reached.
pub type Checked = Result<Result<(), Fault>, TransportError>;

/// Checks cards against one set of trust anchors.
#[derive(Debug)]
pub struct Quality {
    quick: Verifier,
    full: Verifier,
}

impl Quality {
    /// Quality control for documents under these anchors.
    #[must_use]
    pub fn new(trust: TrustStore) -> Self {
        Self { quick: Verifier::new(trust.clone()).with_data_groups(DataGroups::Only(BTreeSet::new())), full: Verifier::new(trust) }
    }

    /// Reads the card behind `card` with the passwords that are printed on it, and compares it with `image`.
    ///
    /// # Errors
    /// The card was not reached.
    pub fn check(&self, card: &mut dyn Transport, image: &CardImage, depth: Depth, today: Date, rng: &mut dyn CryptoRng) -> Checked {
        card.reset()?;
        let verifier = if depth == Depth::Full { &self.full } else { &self.quick };
        let mut inspection = verifier.inspect(&mut *card, &printed(image), today, rng)?;
        if depth == Depth::Full && is_for_terminals(&inspection) && !inspection.files.contains_key(&FileId::CARD_SECURITY) {
            let read = card_security(card, image, rng)?;
            inspection.files.extend(read.map(|bytes| (FileId::CARD_SECURITY, bytes)));
        }
        Ok(judge(image, depth, &inspection))
    }
}

/// What the holder's card says to a reader's camera.
fn printed(image: &CardImage) -> Vec<Password> {
    let can = image.passwords.can.clone().map(Password::Can);
    let mrz = image.passwords.mrz_seed.clone().map(Password::Mrz);
    can.into_iter().chain(mrz).collect()
}

/// Whether the chip proves its key only to terminals with a certificate, which a line has not: Chip Authentication version 2 alone.
fn is_for_terminals(inspection: &Inspection) -> bool {
    let reason = inspection.report.finding("ca").and_then(|finding| finding.reason.as_ref());
    reason.is_some_and(|reason| reason.code == "no-terminal-authentication")
}

/// EF.CardSecurity, which an inspection reads only where it can ask for the key in it; `None` if the card does not give it.
fn card_security(card: &mut dyn Transport, image: &CardImage, rng: &mut dyn CryptoRng) -> Result<Option<Vec<u8>>, TransportError> {
    card.reset()?;
    let mut session = Session::new(card);
    match access::by_password(&mut session, &printed(image), rng, &mut Log::default()) {
        Ok(_) => {}
        Err(AccessError::Session(SessionError::Transport(error))) => return Err(error),
        Err(_) => return Ok(None),
    }
    match read::read_file(&mut session, FileId::CARD_SECURITY, &mut Vec::new(), &mut |_| {}) {
        Err(ReadError::Session { source: SessionError::Transport(error), .. }) => Err(error),
        read => Ok(read.ok()),
    }
}

fn judge(image: &CardImage, depth: Depth, inspection: &Inspection) -> Result<(), Fault> {
    let report = &inspection.report;
    let passed = |id: &str| report.finding(id).is_some_and(|finding| finding.outcome == Outcome::Passed);
    if inspection.method.is_none() {
        return Err(Fault { reason: "qc-open", detail: format!("opened with the printed data: expected yes, found {}", report.verdict) });
    }
    if report.verdict != Verdict::Genuine {
        let broken = report.findings.iter().filter(|finding| matches!(finding.outcome, Outcome::Failed | Outcome::Undecided));
        let broken: Vec<_> = broken.map(|finding| format!("{} {}", finding.id(), finding.outcome)).collect();
        return Err(Fault {
            reason: "qc-pa",
            detail: format!("verdict: expected genuine, found {}: {}", report.verdict, broken.join(", ")),
        });
    }
    let has_key = image.active_auth.is_some() || !image.chip_auth.is_empty();
    if has_key && !is_for_terminals(inspection) && !["aa", "ca", "cam"].iter().any(|id| passed(id)) {
        return Err(Fault { reason: "qc-chip", detail: "the chip's key: expected one of aa, ca, cam passed, found none".to_owned() });
    }
    for (file, bytes) in &image.files {
        let guarded = matches!(file.dg_number(), Some(3 | 4)) || *file == FileId::CVCA || file.home == Home::Eid;
        let found = match inspection.files.get(file) {
            Some(read) if read == bytes => continue,
            None if guarded || depth == Depth::Quick && !is_quick(*file) => continue,
            Some(read) => format!("{} other bytes", read.len()),
            None => "nothing".to_owned(),
        };
        return Err(Fault {
            reason: "qc-compare",
            detail: format!("{file}: expected the {} bytes of the image, found {found}", bytes.len()),
        });
    }
    Ok(())
}

/// Whether a quick check reads the file.
fn is_quick(file: FileId) -> bool {
    matches!(file.dg_number(), Some(1 | 14 | 15)) || [FileId::COM, FileId::SOD].contains(&file)
}

/// Asks an operational card for what it must refuse: to be written in clear, and to open a session under the maker's transport keys.
///
/// # Errors
/// The card was not reached.
pub fn refusals(card: &mut dyn Transport, profile: &CardProfile) -> Checked {
    let Product::GpDgi(product) = &profile.product else { return Ok(Ok(())) };
    card.reset()?;
    let applet = Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(profile.matching.aid.clone());
    let transport = Command::new(0x80, 0x50, product.kvn_transport, 0x00).with_data(vec![0; 8]).with_le(256);
    let wanted = [
        ("UPDATE BINARY", &applet, Command::new(0x00, 0xD6, 0x00, 0x00).with_data(vec![0])),
        ("STORE DATA", &applet, Command::new(0x80, 0xE2, 0x80, 0x00).with_data(vec![0x01, 0x01, 0x01, 0x00])),
        ("INITIALIZE UPDATE with the transport keys", &gp::select(&product.sd_aid), transport),
    ];
    for (what, select, command) in wanted {
        send(card, select)?;
        let answer = send(card, &command)?;
        if answer.is_none_or(|answer| answer.sw.is_ok()) {
            return Ok(Err(Fault { reason: "qc-refusal", detail: format!("{what}: expected a refusal, found 9000") }));
        }
    }
    Ok(Ok(()))
}

/// The answer; `None` where it is none.
fn send(card: &mut dyn Transport, command: &Command) -> Result<Option<Response>, TransportError> {
    // These commands are short and always encode.
    let bytes = command.encode().map_err(|error| TransportError::Protocol { detail: error.to_string() })?;
    Ok(Response::parse(&card.transmit(&bytes)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_batch_one_in_two_hundred_and_the_first_of_a_reader_are_read_in_full() {
        let full: Vec<u32> = (1..=1_000).filter(|&sequence| depth(sequence, false) == Depth::Full).collect();
        assert_eq!(full, [1, 201, 401, 601, 801]);
        assert_eq!(depth(7, true), Depth::Full);
    }
}
