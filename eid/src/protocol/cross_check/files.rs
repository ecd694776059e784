//! What no signature covers, against what is signed or known: EF.COM, EF.CardAccess, EF.DIR.
//!
//! These are strict: each byte of these files must have the value that follows from elsewhere, so that a changed one is seen.

use std::collections::BTreeSet;

use super::Card;
use crate::image::{EMRTD_AID, FileId};
use crate::lds::card_access::CardAccess;
use crate::lds::com::Com;
use crate::lds::dg14::Dg14;
use crate::lds::dir::Dir;
use crate::lds::security_info::SecurityInfo;
use crate::lds::sod::Sod;
use crate::lds::{Elementary as _, LdsError};
use crate::protocol::finding::{Check, Finding};

const COM: Check = Check::new("com.sod", "Doc 9303-10 §4.6.1");
const CARD_ACCESS: Check = Check::new("card_access.dg14", "Doc 9303-11 §9.2");
const DIR: Check = Check::new("dir.application", "Doc 9303-10 §3.11.2");

pub(super) fn check(card: &Card<'_>) -> Vec<Finding> {
    let com = card.file::<Com>();
    let dg14 = card.file::<Dg14>();
    let card_access = card.bytes(FileId::CARD_ACCESS);
    let mut findings: Vec<Finding> =
        card.bytes(FileId::DIR).map(|bytes| dir_names_the_application(Dir::parse(bytes))).into_iter().collect();
    findings.push(com_against_sod(com.as_ref(), card.sod.as_ref()));
    findings.push(card_access_against_dg14(card_access, dg14.as_ref()));
    findings
}

/// EF.COM lists the data groups that EF.SOD lists, and states the versions that EF.SOD states.
/// An EF.SOD of version 0 states none: then LDS 1.7 and Unicode 4.0 are the only ones there are.
fn com_against_sod(com: Option<&Com>, sod: Option<&Sod>) -> Finding {
    let (Some(com), Some(sod)) = (com, sod) else {
        return COM.not_attempted("not-readable", "EF.COM or EF.SOD could not be read");
    };
    let in_com: BTreeSet<u8> = com.data_groups().into_iter().collect();
    let in_sod: BTreeSet<u8> = sod.data_groups().collect();
    let names = |set: &BTreeSet<u8>| set.iter().map(|n| format!("DG{n}")).collect::<Vec<_>>().join(" ");
    let (lds, unicode) = sod.lds_version().map_or(("0107", "040000"), |version| (&*version.lds, &*version.unicode));
    let finding = if in_com != in_sod || com.tags.len() != in_sod.len() {
        COM.failed("lists-differ", format!("EF.COM lists {}, EF.SOD lists {}", names(&in_com), names(&in_sod)))
    } else if com.lds_version != lds {
        COM.failed("lds-version-differs", format!("EF.COM LDS version: expected {lds}, found {}", com.lds_version))
    } else if com.unicode_version != unicode {
        COM.failed("unicode-version-differs", format!("EF.COM Unicode version: expected {unicode}, found {}", com.unicode_version))
    } else {
        COM.passed()
    };
    finding.with("com", names(&in_com)).with("sod", names(&in_sod))
}

/// EF.CardAccess was read in the clear; DG14 is signed and repeats it. A chip whose DG14 offers PACE has EF.CardAccess.
fn card_access_against_dg14(card_access: Option<&[u8]>, dg14: Option<&Dg14>) -> Finding {
    let Some(dg14) = dg14 else {
        return CARD_ACCESS.not_attempted("no-dg14", "there is no DG14 to compare with");
    };
    let signed: Vec<Vec<u8>> = dg14.infos.infos().iter().map(SecurityInfo::encode).collect();
    let offers_pace = dg14.infos.pace().next().is_some();
    let Some(bytes) = card_access else {
        return if offers_pace {
            CARD_ACCESS.failed("card-access-hidden", "DG14 offers PACE, EF.CardAccess could not be read")
        } else {
            CARD_ACCESS.not_attempted("no-card-access", "the card has no EF.CardAccess")
        };
    };
    let infos = match CardAccess::parse(bytes) {
        Ok(read) => read.infos,
        Err(error) => return CARD_ACCESS.failed("malformed", error.to_string()),
    };
    if !offers_pace {
        let text = "DG14 has no PACEInfo: nothing signed says which access procedures the card offers";
        return CARD_ACCESS.not_attempted("not-confirmed", text);
    }
    let unsigned: Vec<_> = infos.infos().iter().filter(|info| !signed.contains(&info.encode())).collect();
    let read: Vec<Vec<u8>> = infos.infos().iter().map(SecurityInfo::encode).collect();
    let missing: Vec<_> = dg14.infos.infos().iter().filter(|info| is_access(info) && !read.contains(&info.encode())).collect();
    let names = |infos: &[&SecurityInfo]| infos.iter().map(|info| crate::oid::describe(info.oid())).collect::<Vec<_>>().join(", ");
    if !unsigned.is_empty() {
        CARD_ACCESS.failed("not-in-dg14", format!("EF.CardAccess states what DG14 does not: {}", names(&unsigned)))
    } else if !missing.is_empty() {
        CARD_ACCESS.failed("not-in-card-access", format!("DG14 offers what EF.CardAccess does not: {}", names(&missing)))
    } else {
        CARD_ACCESS.passed()
    }
}

const fn is_access(info: &SecurityInfo) -> bool {
    matches!(info, SecurityInfo::Pace(_) | SecurityInfo::PaceDomainParameter(_))
}

/// EF.DIR, where there is one, names the eMRTD application.
fn dir_names_the_application(dir: Result<Dir, LdsError>) -> Finding {
    match dir {
        Err(error) => DIR.failed("malformed", error.to_string()),
        Ok(dir) if dir.applications.iter().any(|application| application.aid == EMRTD_AID) => DIR.passed(),
        Ok(_) => DIR.failed("not-listed", "EF.DIR does not list A0000002471001, which can be selected"),
    }
}
