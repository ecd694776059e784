//! Evidence: what an inspection saw, so that a card can be judged again without it.
//!
//! | part | judged again | by what |
//! | --- | --- | --- |
//! | files | hashes, signature, chain, dates, cross checks | the same functions as with the card |
//! | Active Authentication | challenge and signature against DG15 | the same |
//! | Chip Authentication | ephemeral key against DG14, first exchange under the new keys | the same |
//! | chip authentication mapping | what the chip sent in PACE against the key in EF.CardSecurity | the same |
//! | Terminal Authentication | the terminal's certificates and signature, and that the chip took it | ours alone: a terminal has no need to |
//! | `access.*`, and what could not be read | taken over as the terminal saw it | nothing: only a card could say it again |
//!
//! **What it can prove.** That the files are what a state signed, and that the key of DG15 signed the challenge: to anybody, if the
//! challenge was not the terminal's own free choice. A run of Chip Authentication proves something only to the terminal that drew the
//! ephemeral key: whoever has that key can compute the chip's answers too. Here it shows that the terminal's record is whole and consistent,
//! and the report says so. The same holds for chip authentication mapping and for what the chip answered to Terminal Authentication. That a card
//! was there at all, and what it refused, is the terminal's word.
//!
//! A recorded result is believed only to the card's disadvantage: a `passed` is computed again or becomes `not-attempted`, while a
//! recorded failure of something that only a card can repeat stands.
//!
//! **What it refuses**: a file whose digest is not the recorded one (see [`mod@file`]), another version, files longer than a card's may be.

use std::collections::{BTreeMap, BTreeSet};

use eid::cert::path::SignerCache;
use eid::cert::trust::TrustStore;
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::date::Date;
use eid::image::FileId;
use eid::lds::Elementary;
use eid::lds::atr_info::AtrInfo;
use eid::lds::com::Com;
use eid::lds::dg14::Dg14;
use eid::lds::security_info::KeyId;
use eid::lds::sod::Sod;
use eid::protocol::finding::{Check, Finding, Outcome};
use eid::protocol::pace::cam::ChipAuthenticationData;
use eid::protocol::passive_auth::apply_published;
use eid::quirk::Quirk;
use eid::secret::Secret;

use super::inspect::passive::{Content, counted, passive, sod};
use super::inspect::{Inspection, active, cam, chip, cross, dg, document, terminal};
use super::policy::{Policy, Seen};
use super::read;
use super::report::{PolicyNote, Report, Source, Verdict, codes};
use crate::session::{Exchange, Traffic};

pub mod file;
pub mod folder;

/// The file whose key Chip Authentication has proved, where it was not DG14.
pub(in crate::terminal) const CARD_SECURITY: &str = "EF.CardSecurity";

/// How far an inspection came with a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ended {
    /// The card was opened; the policy judges.
    Opened,
    /// Wrong or blocked password, or no way that both sides know.
    Refused,
    /// There is no eMRTD application that could be selected.
    NoApplication,
    /// An answer could not be believed before the card was open.
    ChannelBroken,
    /// The card did not open, and what it showed until then is damaged.
    Damaged,
    /// The caller stopped, or the card was not the one to go on with; what was read is judged.
    Stopped,
}

impl Ended {
    /// The verdict: that of the policy if the card was opened, else what the ending itself says.
    #[must_use]
    pub fn verdict(self, policy: &dyn Policy, seen: Seen<'_>) -> Verdict {
        match self {
            Self::Opened => policy.judge(seen),
            Self::Refused => Verdict::AccessRefused,
            Self::NoApplication => Verdict::Undecided,
            Self::ChannelBroken | Self::Damaged => Verdict::NotGenuine,
            // What is missing may be anything; what was found is found.
            Self::Stopped => match policy.judge(seen) {
                Verdict::NotGenuine => Verdict::NotGenuine,
                _ => Verdict::Undecided,
            },
        }
    }
}

impl Ended {
    /// What the report says of the policy: a card that was not opened met no policy, so nothing stands in its way.
    pub(super) fn note(self, policy: &dyn Policy, seen: Seen<'_>) -> PolicyNote {
        let note = PolicyNote::of(policy, seen);
        if self == Self::Opened { note } else { PolicyNote { obstacles: Vec::new(), concessions: Vec::new(), ..note } }
    }
}

/// What was asked of the chip, and what it answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript {
    /// Active Authentication, if the chip answered.
    pub active_auth: Option<ActiveAuth>,
    /// Chip Authentication, if the chip took the terminal's key.
    pub chip_auth: Option<ChipAuth>,
    /// What the chip sent as its proof, if the card was opened by chip authentication mapping.
    pub cam: Option<ChipAuthenticationData>,
    /// Terminal Authentication, if the chip took the terminal's signature.
    pub terminal_auth: Option<TerminalAuth>,
}

/// A challenge and its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveAuth {
    /// RND.IFD, 8 bytes.
    pub challenge: Vec<u8>,
    /// The answer to INTERNAL AUTHENTICATE.
    pub signature: Vec<u8>,
}

/// The terminal's side of a Chip Authentication, and the first exchange under the keys that came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChipAuth {
    /// Object identifier of the protocol, dotted.
    pub protocol: String,
    /// 1, or 2 after Terminal Authentication.
    pub version: u8,
    /// Which of the keys, where it has several.
    pub key_id: Option<KeyId>,
    /// The terminal's ephemeral private key. Who has it can compute the keys of the session; the session is over.
    pub ephemeral: Secret,
    /// Data field of the answer that ended the agreement: in version 2 the chip's nonce and token.
    pub agreed: Vec<u8>,
    /// The first command under the new keys, as sent.
    pub command: Vec<u8>,
    /// Its answer, as received, status word included.
    pub answer: Vec<u8>,
}

/// The terminal's certificates and its signature over the chip's challenge.
///
/// What it signed beside the challenge is elsewhere: the ephemeral key in the record of Chip Authentication, and after Basic Access Control the
/// document number in DG1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalAuth {
    /// 1 after Chip Authentication, 2 before it.
    pub version: u8,
    /// The certificates that were sent, the terminal's own the last.
    pub certificates: Vec<Vec<u8>>,
    /// The curve of EC keys that state none: that of the terminal's key.
    pub curve: Option<Curve>,
    /// ID_IC after PACE: the chip's ephemeral key, compressed.
    pub chip_key: Option<Vec<u8>>,
    /// r_IC, 8 bytes.
    pub challenge: Vec<u8>,
    /// The signature as sent.
    pub signature: Vec<u8>,
    /// In version 1 EXTERNAL AUTHENTICATE under the keys of Chip Authentication. In version 2 the next Chip Authentication shows that the chip
    /// took the signature, since it takes no other key than the one that was signed.
    pub accepted: Option<Exchange>,
}

/// A file in the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// As the card gave it.
    Whole(Vec<u8>),
    /// Left out for the sake of the holder.
    Redacted {
        /// Its length in bytes.
        len: usize,
        /// Its SHA-256.
        sha256: [u8; 32],
        /// The hash that EF.SOD lists such files by, and its value as the terminal computed it.
        listed_by: Option<(Hash, Vec<u8>)>,
    },
}

impl Kept {
    /// Length of the file in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Redacted { len, .. } => *len,
        }
    }

    /// Whether the file is empty; no file of a card is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Everything that is needed to judge a card again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The day of the inspection.
    pub date: Date,
    /// How far it came.
    pub ended: Ended,
    /// The files that were read.
    pub files: BTreeMap<FileId, Kept>,
    /// Data groups that are there and were not read, for a good reason.
    pub not_read: BTreeSet<u8>,
    /// What was asked of the chip.
    pub transcript: Transcript,
    /// SHA-256 of the CSCA certificates that the chain ended in; none where there was no chain.
    pub anchors: Vec<String>,
    /// What the terminal found. Only what a card alone could say again is taken over, see the head of this module.
    pub findings: Vec<Finding>,
    /// What the terminal tolerated.
    pub quirks: Vec<Quirk>,
    /// What went over the wire.
    pub traffic: Traffic,
    /// What the terminal concluded; for comparison, never taken over.
    pub verdict: Verdict,
}

/// By what evidence is judged.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    /// CSCA certificates that are trusted.
    pub trust: &'a TrustStore,
    /// Document signers that were verified before.
    pub cache: Option<&'a SignerCache>,
    /// What follows from the findings.
    pub policy: &'a dyn Policy,
}

impl Evidence {
    /// The evidence of an inspection.
    #[must_use]
    pub fn of(inspection: &Inspection) -> Self {
        let report = &inspection.report;
        Self {
            date: report.date,
            ended: inspection.ended,
            files: inspection.files.iter().map(|(&file, bytes)| (file, Kept::Whole(bytes.clone()))).collect(),
            not_read: inspection.not_read.clone(),
            transcript: inspection.transcript.clone(),
            anchors: report.findings.iter().filter_map(|f| f.evidence("csca_sha256")).map(str::to_owned).collect(),
            findings: report.findings.clone(),
            quirks: report.quirks.clone(),
            traffic: report.traffic,
            verdict: report.verdict,
        }
    }

    /// The same without the contents of the data groups about the holder: their lengths and hashes stay. DG14 and DG15 stay too, because they
    /// hold only keys. Still judged: EF.SOD's signature, chain, and dates, the chip's keys, and whether the hashes as the terminal computed
    /// them are the signed ones. No longer: cross checks of contents. The hash of a DG1 can be found by trying names and numbers.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        let hash = match self.files.get(&FileId::SOD) {
            Some(Kept::Whole(sod)) => Sod::parse(sod).ok().map(|sod| sod.hash),
            _ => None,
        };
        for (file, kept) in &mut self.files {
            if let (Some(1..=13 | 16), Kept::Whole(bytes)) = (file.dg_number(), &*kept) {
                let listed_by = hash.map(|hash| (hash, hash.digest(&[bytes])));
                *kept = Kept::Redacted { len: bytes.len(), sha256: sha256(bytes), listed_by };
            }
        }
        // Comparisons say what they compared; what files broke a rule with is of the files.
        self.findings.retain(|finding| !finding.id().starts_with("cross.") && !finding.id().starts_with("document."));
        self.quirks.retain(|quirk| codes::RULES.contains(&quirk.rule));
        self
    }

    /// Whether contents were left out.
    #[must_use]
    pub fn is_redacted(&self) -> bool {
        self.files.values().any(|kept| matches!(kept, Kept::Redacted { .. }))
    }

    /// Judges again, as of `today`: everything that does not need the card is computed anew.
    #[must_use]
    pub fn judge(&self, judge: &Judge<'_>, today: Date) -> Inspection {
        let whole = |kept: &Kept| if let Kept::Whole(bytes) = kept { Some(bytes.clone()) } else { None };
        let files: BTreeMap<FileId, Vec<u8>> = self.files.iter().filter_map(|(&file, kept)| Some((file, whole(kept)?))).collect();
        let (mut findings, mut quirks) = self.observed();
        let judged = self.ended == Ended::Opened || (self.ended == Ended::Stopped && files.contains_key(&FileId::SOD));
        if judged {
            self.content(judge, today, &files, &mut findings, &mut quirks);
        }
        // What nobody can compute without the card or the caller, such as a text that was read from the card's face.
        for recorded in self.findings.iter().filter(|finding| !finding.id().starts_with("pa.") && !finding.id().starts_with("profile.")) {
            if !findings.iter().any(|finding| finding.id() == recorded.id()) {
                findings.push(disbelieved(recorded));
            }
        }
        for quirk in &self.quirks {
            // what is odd about the files was found again, by the anchors of today
            let again = judged && !codes::RULES.contains(&quirk.rule);
            if !again && !quirks.contains(quirk) {
                quirks.push(quirk.clone());
            }
        }
        let seen = Seen { findings: &findings, quirks: &quirks };
        let report = Report {
            source: Source::Evidence,
            verdict: self.ended.verdict(judge.policy, seen),
            policy: self.ended.note(judge.policy, seen),
            date: today,
            document: files.get(&dg(1)).and_then(|bytes| document(bytes)),
            findings,
            quirks,
            files: self.files.iter().map(|(&file, kept)| (file, kept.len())).collect(),
            traffic: self.traffic,
        };
        let (ended, transcript) = (self.ended, self.transcript.clone());
        Inspection { report, files, method: None, ended, not_read: self.not_read.clone(), transcript }
    }

    /// Findings that only a card could give again, and a `read.*` for each file that is here.
    fn observed(&self) -> (Vec<Finding>, Vec<Quirk>) {
        let (mut findings, mut quirks) = (Vec::new(), Vec::new());
        for finding in &self.findings {
            let read = finding.id().starts_with("read.");
            if finding.id().starts_with("access.") || finding.id() == "application" || (read && finding.outcome != Outcome::Passed) {
                findings.push(finding.clone());
            }
        }
        for &file in self.files.keys() {
            let check = read::check(file);
            let recorded = self.findings.iter().find(|finding| finding.id() == check.id);
            match recorded {
                Some(finding) if finding.outcome == Outcome::Passed => findings.push(finding.clone()),
                Some(_) => {}
                None => findings.push(check.passed()),
            }
        }
        // A file that is not what its name says is a failed reading.
        self.parsed::<AtrInfo>(&mut findings, &mut quirks);
        self.parsed::<Com>(&mut findings, &mut quirks);
        self.parsed::<Dg14>(&mut findings, &mut quirks);
        (findings, quirks)
    }

    fn parsed<E: Elementary>(&self, findings: &mut Vec<Finding>, quirks: &mut Vec<Quirk>) {
        let Some(Kept::Whole(bytes)) = self.files.get(&E::FILE) else { return };
        if let Err(error) = E::read(bytes, quirks) {
            let check = read::check(E::FILE);
            findings.retain(|finding| finding.id() != check.id);
            findings.push(check.failed("malformed", error.to_string()));
        }
    }

    fn content(
        &self,
        judge: &Judge<'_>,
        today: Date,
        files: &BTreeMap<FileId, Vec<u8>>,
        findings: &mut Vec<Finding>,
        quirks: &mut Vec<Quirk>,
    ) {
        let redacted: BTreeMap<u8, &Kept> = self
            .files
            .iter()
            .filter(|(_, kept)| matches!(kept, Kept::Redacted { .. }))
            .filter_map(|(file, kept)| Some((file.dg_number()?, kept)))
            .collect();
        let not_read: BTreeSet<u8> = self.not_read.iter().chain(redacted.keys()).copied().collect();
        let sod = sod(files);
        let content = Content { files, sod: sod.as_ref(), not_read: &not_read, trust: judge.trust, cache: judge.cache, today };
        let published = passive(&content, findings, quirks);
        let security = cam::card_security(&content, findings, quirks);
        if let Some(proof) = &self.transcript.cam {
            findings.extend(cam::cam(None, Some(proof), security.as_ref(), findings));
        }
        for (&number, kept) in &redacted {
            by_recorded_hash(number, kept, sod.as_ref().ok(), findings);
        }
        cross::judge(files, today, findings);
        let dg14 = files.get(&dg(14)).and_then(|bytes| Dg14::parse(bytes).ok());
        // Version 2 may have proved the key of EF.CardSecurity, which the signature on that file must confirm. The record says which file; what
        // it says is believed of neither.
        let recorded = self.findings.iter().find(|finding| finding.id() == "ca").and_then(|finding| finding.evidence("file"));
        let (ca, agreed) = match (&self.transcript.chip_auth, &dg14, &security) {
            (Some(transcript), _, Some(signed)) if recorded == Some(CARD_SECURITY) => {
                let (finding, agreed) = chip::chip_auth_again(&signed.infos, transcript);
                (Some(cam::counted_by_card_security(findings, finding).with("file", CARD_SECURITY)), agreed)
            }
            (Some(transcript), Some(dg14), _) => {
                let (finding, agreed) = chip::chip_auth_again(&dg14.infos, transcript);
                (Some(counted(findings, finding, 14)), agreed)
            }
            _ => (None, None),
        };
        if let (Some(record), Some(agreed)) = (&self.transcript.terminal_auth, agreed) {
            let again = terminal::again::terminal_auth_again(record, files.get(&dg(1)).map(Vec::as_slice), agreed);
            // what the chip said that it trusts, nobody can compute
            let trusted = self.findings.iter().find(|finding| finding.id() == "ta").and_then(|recorded| recorded.evidence("trusted"));
            findings.push(match trusted {
                Some(trusted) => again.with("trusted", trusted),
                None => again,
            });
        }
        let dg15 = files.get(&dg(15));
        let aa = match (&self.transcript.active_auth, dg15) {
            (Some(transcript), Some(dg15)) => Some(active::active_auth_again(dg14.as_ref(), dg15, transcript, quirks)),
            _ => None,
        };
        let aa = aa.map(|finding| counted(findings, finding, 15));
        for (id, again) in [("ca", ca), ("aa", aa)] {
            if let Some(finding) = again {
                findings.push(finding);
            } else if let Some(recorded) = self.findings.iter().find(|finding| finding.id() == id) {
                findings.push(disbelieved(recorded));
            }
        }
        apply_published(&published, files.get(&dg(1)).map(Vec::as_slice), findings);
    }
}

/// A recorded result of something that was not computed again: it stands unless it speaks for the card.
fn disbelieved(recorded: &Finding) -> Finding {
    if recorded.outcome != Outcome::Passed {
        return recorded.clone();
    }
    let text = "the terminal recorded that this passed; the evidence does not let anybody repeat it";
    Check::named(recorded.check.id.clone(), recorded.check.clause).not_attempted("no-transcript", text)
}

/// A data group whose content was left out: the hash that the terminal computed against the one that is signed.
fn by_recorded_hash(number: u8, kept: &Kept, sod: Option<&Sod>, findings: &mut Vec<Finding>) {
    let (Kept::Redacted { listed_by, .. }, Some(sod)) = (kept, sod) else { return };
    let id = format!("pa.hash.dg{number}");
    let place = findings.iter().position(|finding| finding.id() == id);
    let clause = place.and_then(|at| findings.get(at)).map_or("Doc 9303-11 5.1, step 4", |finding| finding.check.clause);
    let check = Check::named(id, clause);
    let finding = match (sod.hash_of(number), listed_by) {
        (None, _) => check.failed("not-listed", format!("EF.DG{number} is on the chip, EF.SOD lists no hash of it")),
        (Some(listed), Some((hash, found))) if *hash == sod.hash && listed == found => {
            let text =
                format!("the content of EF.DG{number} is not in the evidence; the hash that the terminal recorded is the signed one");
            check.passed().because("recorded-hash", text)
        }
        (Some(_), Some((hash, _))) if *hash == sod.hash => {
            check.failed("hash-differs", format!("{} of EF.DG{number} as recorded differs from the one that EF.SOD lists", hash.name()))
        }
        (Some(_), _) => {
            check.not_attempted("redacted", format!("neither content nor {} of EF.DG{number} is in the evidence", sod.hash.name()))
        }
    };
    match place {
        Some(at) => findings.splice(at..=at, [finding]).for_each(drop),
        None => findings.push(finding),
    }
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).into()
}
