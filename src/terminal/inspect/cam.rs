//! Chip authentication mapping and EF.CardSecurity: does the chip hold the static key that the state signed?
//!
//! The proof came with PACE; it counts only if signature and chain of EF.CardSecurity hold, since it is a proof of anybody's key otherwise.
//! EF.CardSecurity also confirms, as DG14 does, what EF.CardAccess announced in the clear.

use eid::image::FileId;
use eid::lds::card_security::CardSecurity;
use eid::lds::security_info::{SecurityInfo, SecurityInfos};
use eid::protocol::finding::{Check, Finding, Outcome};
use eid::protocol::pace::cam::{CamError, ChipAuthenticationData};
use eid::protocol::passive_auth::{self, CardSecurityInput};
use eid::quirk::Quirk;

use super::super::read;
use super::passive::Content;

const CAM: Check = Check::new("cam", "Doc 9303-11 §4.4.3.5");
const CONFIRMED: Check = Check::new("card_access.card_security", "Doc 9303-11 §9.2.11");

/// The findings about EF.CardSecurity itself, if it was read: a pure function of the files.
pub(in crate::terminal) fn card_security(
    content: &Content<'_>,
    findings: &mut Vec<Finding>,
    quirks: &mut Vec<Quirk>,
) -> Option<CardSecurity> {
    let bytes = content.files.get(&FileId::CARD_SECURITY)?;
    let security = match CardSecurity::parse(bytes) {
        Ok(security) => security,
        Err(error) => {
            let check = read::check(FileId::CARD_SECURITY);
            findings.retain(|finding| finding.id() != check.id);
            findings.push(check.failed("malformed", error.to_string()));
            return None;
        }
    };
    let input = CardSecurityInput { signed: &security.signed, trust: content.trust, cache: content.cache, today: content.today };
    let (signed, tolerated) = passive_auth::card_security(&input);
    findings.extend(signed);
    quirks.extend(security.quirks.iter().filter(|quirk| !tolerated.contains(quirk)).cloned().collect::<Vec<_>>());
    quirks.extend(tolerated);
    if let Some(access) = content.files.get(&FileId::CARD_ACCESS) {
        findings.push(confirmed(access, &security.infos));
    }
    Some(security)
}

/// Everything that EF.CardAccess offers stands in EF.CardSecurity too.
fn confirmed(card_access: &[u8], signed: &SecurityInfos) -> Finding {
    let announced = match SecurityInfos::parse(card_access) {
        Ok(announced) => announced,
        Err(error) => return CONFIRMED.failed("malformed", format!("EF.CardAccess: {error}")),
    };
    let signed: Vec<Vec<u8>> = signed.infos().iter().map(SecurityInfo::encode).collect();
    let missing = announced.infos().iter().filter(|info| !signed.contains(&info.encode()));
    let missing: Vec<_> = missing.map(|info| eid::oid::describe(info.oid())).collect();
    if missing.is_empty() {
        CONFIRMED.passed()
    } else {
        CONFIRMED.failed("not-in-card-security", format!("EF.CardAccess states what EF.CardSecurity does not: {}", missing.join(", ")))
    }
}

/// Whether the issuer signed EF.CardSecurity: only then a key in it is more than anybody's.
fn is_confirmed(findings: &[Finding]) -> bool {
    // a deviation list may excuse a document, it never vouches for a key
    let passed = |id: &str| findings.iter().any(|f| f.id() == id && f.outcome == Outcome::Passed && f.evidence("deviation").is_none());
    passed("card_security.signature") && passed("card_security.chain")
}

/// A proof of the key in EF.CardSecurity counts only if signature and chain of the file hold.
pub(in crate::terminal) fn counted_by_card_security(findings: &[Finding], finding: Finding) -> Finding {
    if finding.outcome != Outcome::Passed || is_confirmed(findings) {
        return finding;
    }
    let text = "the chip proved the key in EF.CardSecurity, but signature or chain of EF.CardSecurity did not confirm it";
    let evidence = finding.evidence;
    let mut finding = finding.check.not_attempted("key-not-confirmed", text);
    finding.evidence = evidence;
    finding
}

/// The finding `cam`; nothing for a card that does not offer it. With a proof a pure function, so that it can be repeated without the card.
pub(in crate::terminal) fn cam(
    card_access: Option<&[u8]>,
    proof: Option<&ChipAuthenticationData>,
    security: Option<&CardSecurity>,
    findings: &[Finding],
) -> Option<Finding> {
    let Some(proof) = proof else {
        let infos = card_access.and_then(|bytes| SecurityInfos::parse(bytes).ok())?;
        let offered = infos.pace().any(|info| info.protocol.mapping() == eid::lds::security_info::Mapping::ChipAuthentication);
        return offered
            .then(|| CAM.not_attempted("not-used", "the card offers chip authentication mapping, and was opened in another way"));
    };
    let evidence = |finding: Finding| finding.with("key_id", proof.key_id().to_string());
    let Some(security) = security else {
        return Some(evidence(CAM.not_attempted("no-card-security", "there is no EF.CardSecurity that could be read")));
    };
    let key = match security.static_key(proof.key_id()) {
        Ok(info) => info.key,
        Err(error) => return Some(evidence(CAM.failed("no-key", error.to_string()))),
    };
    let evidence = |finding: Finding| evidence(finding).with("domain", key.domain().name());
    Some(evidence(match proof.verify(&key) {
        Ok(()) => counted_by_card_security(findings, CAM.passed()),
        Err(error @ CamError::NotProven) => CAM.failed("key-not-proven", error.to_string()),
        Err(error @ CamError::NotEc) => CAM.failed("key-unusable", error.to_string()),
        Err(error) => CAM.failed("data-malformed", error.to_string()),
    }))
}
