//! Terminal Authentication from its record: do the terminal's certificates lead to each other, did its key sign the chip's challenge, and did
//! the chip take it?
//!
//! The signature of the first certificate is not looked at: the key for it is in the chip. That the chip took the terminal's signature shows
//! its answer under the keys of Chip Authentication, or in version 2 that Chip Authentication with the signed key came about.

use eid::apdu::{Command, Response, Sw};
use eid::cert::cvc::Cvc;
use eid::crypto::signature::verify_plain;
use eid::lds::Elementary as _;
use eid::lds::dg1::Dg1;
use eid::protocol::chip_auth::Version;
use eid::protocol::finding::Finding;
use eid::protocol::terminal_auth as ta;

use super::super::super::evidence::TerminalAuth;
use super::super::chip::Agreed;
use super::TA;

/// The finding `ta` of a record, after the Chip Authentication of the same inspection was repeated.
pub(in crate::terminal) fn terminal_auth_again(record: &TerminalAuth, dg1: Option<&[u8]>, agreed: Agreed) -> Finding {
    let certificates: Result<Vec<_>, _> = record.certificates.iter().map(|der| Cvc::from_der(der)).collect();
    let certificates = match certificates {
        Ok(certificates) => certificates,
        Err(error) => return TA.failed("record-malformed", format!("record of Terminal Authentication: {error}")),
    };
    let Some(own) = certificates.last() else {
        return TA.failed("record-malformed", "record of Terminal Authentication: expected certificates, found none");
    };
    let way = certificates.iter().map(|certificate| certificate.holder().to_string()).collect::<Vec<_>>().join(" > ");
    let evidence = |finding: Finding| finding.with("terminal", own.holder().to_string()).with("path", way.clone());
    let chip = match (&record.chip_key, dg1.map(Dg1::parse)) {
        (Some(key), _) => key.clone(),
        (None, Some(Ok(dg1))) => ta::identifier_of_mrz(&dg1.mrz),
        (None, _) => return evidence(TA.not_attempted("no-dg1", "after Basic Access Control the chip's identifier is the number in DG1")),
    };
    match repeat(record, &certificates, own, &chip, agreed) {
        Ok(()) => evidence(TA.passed()).with("rights", own.chat().rights().join(", ")),
        Err((code, text)) => evidence(TA.failed(code, text)),
    }
}

fn repeat(record: &TerminalAuth, path: &[Cvc], own: &Cvc, chip: &[u8], agreed: Agreed) -> Result<(), (&'static str, String)> {
    let wrong =
        |what: &str, error: &dyn std::fmt::Display| ("record-malformed", format!("record of Terminal Authentication: {what}: {error}"));
    for pair in path.windows(2) {
        let [above, below] = pair else { continue };
        let what = below.holder().to_string();
        if below.authority() != above.holder() {
            return Err(wrong(&what, &format!("signed in the name of {}, expected {}", below.authority(), above.holder())));
        }
        let key = above.key().resolve(record.curve).map_err(|error| wrong(&what, &error))?;
        below.verify(&key).map_err(|error| ("signature-wrong", format!("certificate of {what}: {error}")))?;
    }
    let key = own.key().resolve(record.curve).map_err(|error| wrong("key of the terminal", &error))?;
    let challenge = ta::challenge(&record.challenge).map_err(|error| wrong("challenge", &error))?;
    let message = ta::message(chip, challenge, &agreed.key, &[]);
    let signed = verify_plain(key.algorithm, &key.key, &message, &record.signature);
    signed.map_err(|error| ("signature-wrong", format!("the terminal's signature over the challenge: {error}")))?;
    if agreed.version == Version::Two {
        return Ok(());
    }
    let Some(exchange) = &record.accepted else {
        return Err(wrong("EXTERNAL AUTHENTICATE", &"expected the exchange under the keys of Chip Authentication, found none"));
    };
    let mut channel = agreed.channel;
    // one exchange is behind it
    channel.danger_skip(exchange.before.saturating_sub(1));
    let command = Command::parse(&exchange.command).map_err(|error| wrong("command", &error))?;
    let command = channel.unprotect_command(&command).map_err(|error| wrong("command", &error))?;
    let expected = ta::external_authenticate(record.signature.clone());
    // of a chain the last part
    if (command.ins, command.p1, command.p2) != (expected.ins, expected.p1, expected.p2)
        || command.data.is_empty()
        || !expected.data.ends_with(&command.data)
    {
        return Err(wrong("command", &"expected EXTERNAL AUTHENTICATE with the signature"));
    }
    let answer = Response::parse(&exchange.answer).map_err(|error| wrong("answer", &error))?;
    let answer = channel.unprotect_response(&answer).map_err(|error| wrong("answer", &error))?;
    if answer.sw == Sw::OK { Ok(()) } else { Err(("refused", format!("EXTERNAL AUTHENTICATE: expected 9000, found {}", answer.sw))) }
}
