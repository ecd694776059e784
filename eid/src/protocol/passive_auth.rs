//! Passive Authentication (Doc 9303-11 clause 5.1): is what the chip holds what the state has signed?
//!
//! 1. Read the Document Security Object EF.SOD and take the document signer's certificate out of it (`pa.sod`).
//! 2. Verify its signature with the document signer's key (`pa.signature`).
//! 3. Build the path from the document signer to a CSCA that is trusted (`pa.chain`), look at the dates (`pa.validity.signing`,
//!    `pa.validity.today`), and ask the state's revocation list (`pa.revocation`).
//! 4. Hash every data group that was read and compare with the list (`pa.hash.dg1` to `pa.hash.dg16`, `pa.listed`).
//! 5. Compare the certificates with their profile (`profile.*`), and hold the deviation lists against what failed (`pa.deviations`).
//!
//! A pure function: bytes, anchors and dates in, findings out. Every check has its finding; one that could not run says which earlier
//! one stood before it. It proves that the data is genuine, not that the chip is: a copy passes (see `active_auth`, `chip_auth`).
//! Of several signers all that can be verified must verify, and one at least. EF.CardSecurity goes through the same steps
//! ([`card_security`]).

mod card_security;
mod dates;
mod deviations;
mod hashes;
mod profile;
mod published;
mod revocation;
mod signer;

pub use card_security::{CardSecurityInput, card_security};
pub use published::apply_published;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::finding::{Check, Finding, Outcome};
use crate::cert::CertError;
use crate::cert::cms::SignedData;
use crate::cert::deviation_list::{Kind, Subject};
use crate::cert::path::SignerCache;
use crate::cert::trust::TrustStore;
use crate::cert::x509::Certificate;
use crate::date::Date;
use crate::lds::Elementary as _;
use crate::lds::dg1::Dg1;
use crate::lds::sod::{Sod, SodError};
use crate::mrz::Mrz;
use crate::quirk::Quirk;

pub(crate) const SOD: Check = Check::new("pa.sod", "Doc 9303-10 4.6.2");
pub(crate) const SIGNATURE: Check = Check::new("pa.signature", "Doc 9303-11 5.1, step 2");
pub(crate) const CHAIN: Check = Check::new("pa.chain", "Doc 9303-12 5");
pub(crate) const VALIDITY_SIGNING: Check = Check::new("pa.validity.signing", "Doc 9303-12 5");
pub(crate) const VALIDITY_TODAY: Check = Check::new("pa.validity.today", "Doc 9303-12 5");
pub(crate) const REVOCATION: Check = Check::new("pa.revocation", "Doc 9303-12 7.1.4");
pub(crate) const LISTED: Check = Check::new("pa.listed", "Doc 9303-10 4.6.2");

/// What Passive Authentication looks at.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// EF.SOD, or why it could not be read: `Sod::parse(bytes).as_ref()`.
    pub sod: Result<&'a Sod, &'a SodError>,
    /// The data groups that were read, by number 1 to 16: the whole files, tag included.
    pub files: &'a BTreeMap<u8, &'a [u8]>,
    /// Data groups that the chip has and that were not read, such as DG3 behind terminal authentication: listed, absent, and no fault.
    pub not_read: &'a BTreeSet<u8>,
    /// The CSCA certificates that are trusted, with revocation and deviation lists.
    pub trust: &'a TrustStore,
    /// Document signers that were verified before.
    pub cache: Option<&'a SignerCache>,
    /// Today.
    pub today: Date,
    /// When the document was issued. The signingTime of EF.SOD goes before it.
    pub issued: Option<Issued>,
}

/// The date of issue of a document, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The date.
    pub date: Date,
    /// The data group that states it; it is believed only if the hash of that group is right. `None`: the caller knows it.
    pub data_group: Option<u8>,
}

impl From<Date> for Issued {
    /// A date that the caller knows.
    fn from(date: Date) -> Self {
        Self { date, data_group: None }
    }
}

/// What Passive Authentication found.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// One finding for each check, in the order of the clause.
    pub findings: Vec<Finding>,
    /// Tolerances used on the way.
    pub quirks: Vec<Quirk>,
    /// The document signer's certificate, if EF.SOD carries it. Trusted only if `pa.chain` passed.
    pub signer: Option<Arc<Certificate>>,
    /// What the state has published about this document: [`apply_published`] holds it against the findings that come later.
    pub published: Vec<Kind>,
}

/// Runs Passive Authentication.
#[must_use]
pub fn passive_authentication(input: &Input<'_>) -> Verdict {
    let mut findings = Vec::with_capacity(input.files.len() + input.not_read.len() + 12);
    let sod = match input.sod {
        Ok(sod) => sod,
        Err(error) => {
            findings.push(sod_finding(error));
            let code = "sod-not-read";
            let text = "EF.SOD could not be read";
            let others = [SIGNATURE, CHAIN, VALIDITY_SIGNING, VALIDITY_TODAY, REVOCATION];
            findings.extend(others.map(|check| check.not_attempted(code, text)));
            findings.extend(input.files.keys().map(|&n| hashes::check(n).not_attempted(code, text)));
            findings.push(LISTED.not_attempted(code, text));
            findings.extend([profile::ISSUER, profile::SIGNER, profile::CSCA].map(|check| check.not_attempted(code, text)));
            return Verdict { findings, quirks: Vec::new(), signer: None, published: Vec::new() };
        }
    };
    let mut quirks = sod.quirks.clone();
    findings.push(structure(sod));
    let message = signer::Message::verify(&sod.signed, "EF.SOD", input.trust, input.cache, &mut quirks);
    findings.push(message.signature(SIGNATURE));
    findings.push(message.chain(CHAIN, input.trust));
    let mut later = Vec::with_capacity(input.files.len() + 1);
    hashes::compare(input, sod, &mut later);
    let issued = issued(input, &findings, &later);
    findings.push(dates::signing(&message, issued));
    findings.push(dates::today(VALIDITY_TODAY, &message, input.today));
    findings.push(revocation::finding(REVOCATION, &message, input.trust, input.today, &mut quirks));
    findings.extend(later);
    let mrz = confirmed_mrz(input, &findings);
    findings.extend(profile::findings(&message, mrz.as_ref().map(Mrz::content)));
    let signer = message.certificate().cloned();
    let subject = Subject {
        signer: signer.as_deref(),
        document_type: mrz.as_ref().map(|mrz| mrz.content().document_code.as_str()),
        issued: issued.ok().map(|issued| issued.date),
        number: mrz.as_ref().map(|mrz| mrz.content().document_number.as_str()),
    };
    let published = deviations::apply(&message, &subject, input.trust, &mut findings, &mut quirks);
    Verdict { findings, quirks, signer, published }
}

/// The MRZ of DG1, if its hash is right and signed. What is odd about the file is told where it is read.
fn confirmed_mrz(input: &Input<'_>, findings: &[Finding]) -> Option<Mrz> {
    let file = input.files.get(&1).filter(|_| is_signed(findings) && hashes::is_right(findings, 1))?;
    Dg1::read(file, &mut Vec::new()).ok().map(|dg1| dg1.mrz)
}

/// The date of issue, if whoever states it can be believed.
fn issued(input: &Input<'_>, findings: &[Finding], hashes: &[Finding]) -> Result<Issued, Option<u8>> {
    let issued = input.issued.ok_or(None)?;
    match issued.data_group {
        Some(number) if !(is_signed(findings) && hashes::is_right(hashes, number)) => Err(Some(number)),
        _ => Ok(issued),
    }
}

/// Whether the list of hashes was signed by the document signer.
fn is_signed(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.check == SIGNATURE && finding.outcome == Outcome::Passed)
}

fn sod_finding(error: &SodError) -> Finding {
    match error {
        SodError::SignedData(CertError::Unsupported { .. }) | SodError::SecurityObject(CertError::Unsupported { .. }) => {
            SOD.not_supported("algorithm-not-implemented", error.to_string())
        }
        SodError::SignedData(CertError::NotAllowed { .. }) | SodError::SecurityObject(CertError::NotAllowed { .. }) => {
            SOD.failed("algorithm-not-allowed", error.to_string())
        }
        SodError::ContentType(_) => SOD.failed("content-type", error.to_string()),
        SodError::File(_) => SOD.failed("not-a-sod", error.to_string()),
        SodError::SignedData(_) => SOD.failed("signed-data-malformed", error.to_string()),
        SodError::SecurityObject(_) => SOD.failed("security-object-malformed", error.to_string()),
    }
}

fn structure(sod: &Sod) -> Finding {
    let finding = match unsigned_parts(&sod.signed, "EF.SOD") {
        Err((code, text)) => SOD.failed(code, text),
        Ok(()) => SOD.passed(),
    };
    let finding = finding.with("lds_security_object_version", sod.version.to_string()).with("hash", sod.hash.name());
    match sod.lds_version() {
        Some(version) => finding.with("lds_version", &*version.lds).with("unicode_version", &*version.unicode),
        None => finding,
    }
}

/// Rules for the parts of a message that no signature covers: a change in them must not go unseen.
fn unsigned_parts(signed: &SignedData, file: &str) -> Result<(), (&'static str, String)> {
    // RFC 5652 clause 5.1: with id-data, and all signers named by issuer and serial number, the version is 1
    let plain = signed.content_type() == crate::oid::DATA && signed.signers.iter().all(|signer| SignedData::expected_version(signer) == 1);
    if signed.version != 3 && !(plain && signed.version == 1) {
        return Err(("signed-data-version", format!("{file} SignedData version: expected 3, found {}", signed.version)));
    }
    for signer in &signed.signers {
        let expected = SignedData::expected_version(signer);
        if signer.version != expected {
            return Err(("signer-info-version", format!("{file} SignerInfo version: expected {expected}, found {}", signer.version)));
        }
        if let Ok(digest) = signer.digest.as_ref()
            && !signed.digests.contains(digest)
        {
            let found: Vec<_> = signed.digests.iter().map(|hash| hash.name()).collect();
            let expected = digest.name();
            let text = format!("{file} digestAlgorithms: expected {expected} of the SignerInfo among them, found {found:?}");
            return Err(("digest-algorithms", text));
        }
    }
    Ok(())
}
