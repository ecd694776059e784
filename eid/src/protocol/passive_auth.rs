//! Passive Authentication (Doc 9303-11 clause 5.1): is what the chip holds what the state has signed?
//!
//! 1. Read the Document Security Object EF.SOD and take the document signer's certificate out of it (`pa.sod`).
//! 2. Verify its signature with the document signer's key (`pa.signature`).
//! 3. Build the path from the document signer to a CSCA that is trusted, and look at the dates (`pa.chain`, `pa.validity.signing`,
//!    `pa.validity.today`).
//! 4. Hash every data group that was read and compare with the list (`pa.hash.dg1` to `pa.hash.dg16`, `pa.listed`).
//!
//! A pure function: bytes, anchors and dates in, findings out. Every check has its finding; one that could not run says which earlier
//! one stood before it. It proves that the data is genuine, not that the chip is: a copy passes (see `active_auth`, `chip_auth`).

mod dates;
mod hashes;
mod signer;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::finding::{Check, Finding};
use crate::cert::CertError;
use crate::cert::path::{Chain, SignerCache};
use crate::cert::trust::TrustStore;
use crate::cert::x509::Certificate;
use crate::date::Date;
use crate::lds::sod::{Sod, SodError};
use crate::quirk::Quirk;

pub(crate) const SOD: Check = Check::new("pa.sod", "Doc 9303-10 4.6.2");
pub(crate) const SIGNATURE: Check = Check::new("pa.signature", "Doc 9303-11 5.1, step 2");
pub(crate) const CHAIN: Check = Check::new("pa.chain", "Doc 9303-12 5");
pub(crate) const VALIDITY_SIGNING: Check = Check::new("pa.validity.signing", "Doc 9303-12 5");
pub(crate) const VALIDITY_TODAY: Check = Check::new("pa.validity.today", "Doc 9303-12 5");
pub(crate) const LISTED: Check = Check::new("pa.listed", "Doc 9303-10 4.6.2");

/// What Passive Authentication looks at.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The bytes of EF.SOD.
    pub sod: &'a [u8],
    /// The data groups that were read, by number 1 to 16: the whole files, tag included.
    pub files: &'a BTreeMap<u8, Vec<u8>>,
    /// Data groups that the chip has and that were not read, such as DG3 behind terminal authentication: listed, absent, and no fault.
    pub not_read: &'a BTreeSet<u8>,
    /// The CSCA certificates that are trusted.
    pub trust: &'a TrustStore,
    /// Document signers that were verified before.
    pub cache: Option<&'a SignerCache>,
    /// Today.
    pub today: Date,
    /// Date of issue of the document, if another data group states it. The signingTime of EF.SOD goes before it.
    pub issued: Option<Date>,
}

/// What Passive Authentication found.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// One finding for each check, in the order of the clause.
    pub findings: Vec<Finding>,
    /// Tolerances used on the way.
    pub quirks: Vec<Quirk>,
    /// EF.SOD, if it could be read.
    pub sod: Option<Sod>,
    /// The document signer's certificate, if EF.SOD carries it. Trusted only if `pa.chain` passed.
    pub signer: Option<Arc<Certificate>>,
}

/// Runs Passive Authentication.
#[must_use]
pub fn passive_authentication(input: &Input<'_>) -> Verdict {
    let mut findings = Vec::with_capacity(input.files.len() + input.not_read.len() + 6);
    let sod = match Sod::parse(input.sod) {
        Ok(sod) => sod,
        Err(error) => {
            findings.push(sod_finding(&error));
            let code = "sod-not-read";
            let text = "EF.SOD could not be read";
            findings.extend([SIGNATURE, CHAIN, VALIDITY_SIGNING, VALIDITY_TODAY].map(|check| check.not_attempted(code, text)));
            findings.extend(input.files.keys().map(|&n| hashes::check(n).not_attempted(code, text)));
            findings.push(LISTED.not_attempted(code, text));
            return Verdict { findings, quirks: Vec::new(), sod: None, signer: None };
        }
    };
    let mut quirks = sod.quirks.clone();
    findings.push(structure(&sod));
    let found = signer::find(input, &sod, &mut quirks);
    findings.push(signer::signature(&sod, &found));
    let chain = found.as_ref().map(|found| found.chain(input));
    findings.push(signer::chain(chain.as_ref().ok()));
    let verified = match &chain {
        Ok(Chain::Verified(verified)) => {
            quirks.extend_from_slice(&verified.quirks);
            Some(verified)
        }
        _ => None,
    };
    findings.push(dates::signing(&sod, verified, input.issued));
    findings.push(dates::today(verified, input.today));
    hashes::compare(input, &sod, &mut findings);
    Verdict { findings, quirks, sod: Some(sod), signer: found.ok().map(|found| found.certificate) }
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

/// Rules for the parts of EF.SOD that no signature covers: a change in them must not go unseen.
fn structure(sod: &Sod) -> Finding {
    let signed = &sod.signed;
    let Some(signer) = signed.signers.first() else { return SOD.failed("no-signer", "EF.SOD SignedData: no SignerInfo") };
    let expected = crate::cert::cms::SignedData::expected_version(signer);
    let finding = if signed.version != 3 {
        SOD.failed("signed-data-version", format!("EF.SOD SignedData version: expected 3, found {}", signed.version))
    } else if signer.version != expected {
        SOD.failed("signer-info-version", format!("EF.SOD SignerInfo version: expected {expected}, found {}", signer.version))
    } else if !signed.digests.contains(&signer.digest) {
        let found: Vec<_> = signed.digests.iter().map(|hash| hash.name()).collect();
        SOD.failed(
            "digest-algorithms",
            format!("EF.SOD digestAlgorithms: expected {} of the SignerInfo among them, found {found:?}", signer.digest.name()),
        )
    } else {
        SOD.passed()
    };
    let finding = finding.with("lds_security_object_version", sod.version.to_string()).with("hash", sod.hash.name());
    match sod.lds_version() {
        Some(version) => finding.with("lds_version", &*version.lds).with("unicode_version", &*version.unicode),
        None => finding,
    }
}
