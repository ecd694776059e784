//! Were the certificates valid when the document was signed, and are they today? Two questions, two findings.

use std::sync::Arc;

use super::{VALIDITY_SIGNING, VALIDITY_TODAY};
use crate::cert::path::{OutOfPeriod, Verified};
use crate::date::Date;
use crate::lds::sod::Sod;
use crate::protocol::finding::{Check, Finding};

/// `pa.validity.signing`: on the day of signing both certificates were valid and the document signer's private key was in use.
pub(super) fn signing(sod: &Sod, verified: Option<&Arc<Verified>>, issued: Option<Date>) -> Finding {
    let Some(verified) = verified else { return no_chain(VALIDITY_SIGNING) };
    let stated = sod.signed.signers.first().and_then(|signer| sod.signed.signing_time(signer)).map(|time| time.date);
    let (day, source) = match (stated, issued) {
        (Some(day), _) => (day, "signingTime of EF.SOD"),
        (None, Some(day)) => (day, "date of issue of the document"),
        (None, None) => {
            let text = "neither EF.SOD nor the caller says when the document was signed";
            return VALIDITY_SIGNING.not_attempted("signing-date-unknown", text);
        }
    };
    finding(VALIDITY_SIGNING, verified.could_sign_on(day), verified, day).with("source", source)
}

/// `pa.validity.today`: both certificates are valid on the day of inspection.
pub(super) fn today(verified: Option<&Arc<Verified>>, today: Date) -> Finding {
    let Some(verified) = verified else { return no_chain(VALIDITY_TODAY) };
    finding(VALIDITY_TODAY, verified.valid_on(today), verified, today)
}

fn no_chain(check: Check) -> Finding {
    check.not_attempted("no-chain", "the document signer has no path to a trust anchor")
}

fn finding(check: Check, answer: Result<(), OutOfPeriod>, verified: &Verified, day: Date) -> Finding {
    let finding = match answer {
        Ok(()) => check.passed(),
        Err(period) => check.failed("out-of-validity", period.to_string()),
    };
    let validity =
        |certificate: &crate::cert::x509::Certificate| format!("{} to {}", certificate.not_before().date, certificate.not_after().date);
    finding
        .with("day", day.to_string())
        .with("signer_validity", validity(&verified.certificate))
        .with("csca_validity", validity(&verified.anchor))
}
