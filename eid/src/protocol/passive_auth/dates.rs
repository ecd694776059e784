//! Were the certificates valid when the document was signed, and are they today? Two questions, two findings.

use super::signer::{Message, Proved};
use super::{Issued, VALIDITY_SIGNING};
use crate::cert::path::{OutOfPeriod, Verified};
use crate::cert::x509::Certificate;
use crate::date::Date;
use crate::protocol::finding::{Check, Finding, Outcome};

/// `pa.validity.signing`: on the day of signing all certificates were valid and the document signer's private key was in use. The day is
/// the signingTime of EF.SOD, else the date of issue; where neither is known, nothing follows. `issued` is that date, or the data
/// group that states one and has no right hash.
pub(super) fn signing(message: &Message<'_>, issued: Result<Issued, Option<u8>>) -> Finding {
    worst(VALIDITY_SIGNING, message, |proved| {
        let stated = message.signed.signing_time(proved.info).map(|time| time.date);
        let (day, source) = match (stated, issued) {
            (Some(day), _) => (day, "signingTime of EF.SOD".to_owned()),
            (None, Ok(Issued { date, data_group: None })) => (date, "date of issue of the document".to_owned()),
            (None, Ok(Issued { date, data_group: Some(number) })) => (date, format!("date of issue in EF.DG{number}")),
            (None, Err(Some(number))) => {
                let text =
                    format!("EF.SOD has no signingTime, and the hash of EF.DG{number}, which states the date of issue, is not confirmed");
                return VALIDITY_SIGNING.undecided("signing-date-unknown", text);
            }
            (None, Err(None)) => {
                let text = "neither EF.SOD nor a data group says when the document was signed";
                return VALIDITY_SIGNING.undecided("signing-date-unknown", text);
            }
        };
        finding(VALIDITY_SIGNING, proved.path.could_sign_on(day), proved.path, day).with("source", source)
    })
}

/// All certificates are valid on the day of inspection.
pub(super) fn today(check: Check, message: &Message<'_>, today: Date) -> Finding {
    worst(check.clone(), message, |proved| finding(check.clone(), proved.path.valid_on(today), proved.path, today))
}

/// The finding of the first signer for whom something failed, else that of the first.
fn worst(check: Check, message: &Message<'_>, of: impl Fn(Proved<'_>) -> Finding) -> Finding {
    let mut findings: Vec<Finding> = message.proved().map(of).collect();
    let at = findings.iter().position(|finding| finding.outcome == Outcome::Failed).unwrap_or(0);
    if findings.is_empty() {
        return check.not_attempted("no-chain", "the document signer has no path to a trust anchor");
    }
    findings.swap_remove(at)
}

fn finding(check: Check, answer: Result<(), OutOfPeriod>, path: &Verified, day: Date) -> Finding {
    let finding = match answer {
        Ok(()) => check.passed(),
        Err(period) => check.failed("out-of-validity", period.to_string()),
    };
    let validity = |certificate: &Certificate| format!("{} to {}", certificate.not_before().date, certificate.not_after().date);
    finding.with("day", day.to_string()).with("signer_validity", validity(&path.certificate)).with("csca_validity", validity(&path.anchor))
}
