//! `EAC2_DATA_A`, EF.CardAccess, and `EAC2_DATA_B`, EF.CardSecurity, of a chip with version 2 of Terminal and Chip Authentication: what it announces
//! (TR-03110-3 A.1.1). For a chip that announces neither, no case applies.

use eid::cert::spki::agreement;
use eid::crypto::agreement::Domain;
use eid::image::FileId;
use eid::lds::card_security::CardSecurityError;
use eid::lds::security_info::{SecurityInfo, SecurityInfos};
use eid::{oid, tlv};

use super::infos::{card_access, domain_parameters};
use super::signed::{card_security, signer, superset, values};
use super::{Checked, Miss, Rule, View, absent, broken, bsi_2, ensure, way};

const CARD_ACCESS: FileId = FileId::CARD_ACCESS;
const CARD_SECURITY: FileId = FileId::CARD_SECURITY;
/// id-RI and a dot; the kinds of agreement stand below it, and the protocols below these.
const RESTRICTED: &str = "0.4.0.127.0.7.2.2.5.";
/// id-RI-ECDH.
const RESTRICTED_ECDH: &str = "0.4.0.127.0.7.2.2.5.2";

pub(super) const RULES: &[Rule] = &[
    bsi_2("EAC2_DATA_A_1a", CARD_ACCESS, "SecurityInfos: PACE, Terminal and Chip Authentication version 2", announced),
    bsi_2("EAC2_DATA_A_3", CARD_ACCESS, "PACEDomainParameterInfo", |view| access_of_version_2(view).and_then(|_| domain_parameters(view))),
    bsi_2("EAC2_DATA_A_4", CARD_ACCESS, "ChipAuthenticationInfo", chip_authentication),
    bsi_2("EAC2_DATA_A_5", CARD_ACCESS, "ChipAuthenticationDomainParameterInfo", chip_domain),
    bsi_2("EAC2_DATA_A_6", CARD_ACCESS, "TerminalAuthenticationInfo", terminal_authentication),
    bsi_2("EAC2_DATA_B_1", CARD_SECURITY, "SignedData and SecurityInfos", signed),
    bsi_2("EAC2_DATA_B_8", CARD_SECURITY, "ChipAuthenticationPublicKeyInfo", public_keys),
    bsi_2("EAC2_DATA_B_9", CARD_SECURITY, "RestrictedIdentificationInfo", restricted_identification),
    bsi_2("EAC2_DATA_B_10", CARD_SECURITY, "RestrictedIdentificationDomainParameterInfo", restricted_domain),
    bsi_2("EAC2_DATA_B_11", CARD_SECURITY, "holds everything that EF.CardAccess does", |view| {
        of_version_2(secured(view)?).and(superset(view))
    }),
];

fn has_terminal(infos: &SecurityInfos) -> bool {
    infos.infos().iter().any(|info| matches!(info, SecurityInfo::TerminalAuth { version: 2, .. }))
}

fn has_chip(infos: &SecurityInfos) -> bool {
    infos.chip_auth().any(|info| info.version >= 2)
}

/// Not for a chip that announces neither protocol in version 2.
fn of_version_2(infos: SecurityInfos) -> Checked {
    if has_terminal(&infos) || has_chip(&infos) {
        return Ok(());
    }
    absent("the chip announces neither Terminal nor Chip Authentication version 2")
}

fn access_of_version_2(view: &View<'_>) -> Result<SecurityInfos, Miss> {
    let infos = way(card_access(view))?;
    of_version_2(infos.clone()).map(|()| infos)
}

fn secured(view: &View<'_>) -> Result<SecurityInfos, Miss> {
    card_security(view, |_| false).map(|file| file.infos)
}

fn announced(view: &View<'_>) -> Checked {
    let infos = card_access(view)?;
    of_version_2(infos.clone())?;
    ensure(infos.pace().next().is_some(), || "expected a PACEInfo, found none".to_owned())?;
    ensure(has_terminal(&infos), || "expected a TerminalAuthenticationInfo of version 2, found none".to_owned())?;
    ensure(has_chip(&infos), || "expected a ChipAuthenticationInfo of version 2 or 3, found none".to_owned())
}

fn chip_authentication(view: &View<'_>) -> Checked {
    let infos = access_of_version_2(view)?;
    let all: Vec<_> = infos.chip_auth().collect();
    for info in &all {
        ensure(matches!(info.version, 2 | 3), || format!("ChipAuthenticationInfo: expected version 2 or 3, found {}", info.version))?;
    }
    let named = all.len() < 2 || all.iter().all(|info| info.key_id.is_some());
    ensure(named, || format!("ChipAuthenticationInfo: expected a keyId in each of {}, found one without", all.len()))
}

/// ChipAuthenticationDomainParameterInfo ::= SEQUENCE { protocol, domainParameter AlgorithmIdentifier, keyId INTEGER OPTIONAL }
fn chip_domain(view: &View<'_>) -> Checked {
    let infos = access_of_version_2(view)?;
    if !has_chip(&infos) {
        return absent("there is no ChipAuthenticationInfo of version 2");
    }
    let domains = infos.infos().iter().filter_map(|info| match info {
        SecurityInfo::Other { oid, raw } if [oid::CA_DH, oid::CA_ECDH].contains(&oid.as_str()) => Some((oid, raw)),
        _ => None,
    });
    let domains: Vec<_> = domains.collect();
    if domains.is_empty() {
        return broken("expected a ChipAuthenticationDomainParameterInfo, found none");
    }
    for (protocol, raw) in &domains {
        let mut fields = tlv::single(raw, 0x30)?.reader();
        fields.expect(0x06)?;
        let parameters = fields.expect(0x30)?;
        let named = fields.optional(0x02)?.is_some();
        fields.finish()?;
        let (domain, _) = agreement::parse_domain(parameters.raw).map_err(|error| Miss::Broken(format!("domainParameter: {error}")))?;
        let elliptic = matches!(domain, Domain::Ec(_));
        ensure(elliptic == (protocol.as_str() == oid::CA_ECDH), || {
            format!("domainParameter of {protocol}: expected its kind, found {domain}")
        })?;
        ensure(named || domains.len() < 2, || format!("expected a keyId in each of {}, found one without", domains.len()))?;
    }
    Ok(())
}

fn terminal_authentication(view: &View<'_>) -> Checked {
    let infos = access_of_version_2(view)?;
    for info in infos.infos() {
        if let SecurityInfo::TerminalAuth { version, ef_cvca } = info {
            ensure(*version == 2, || format!("TerminalAuthenticationInfo: expected version 2, found {version}"))?;
            ensure(ef_cvca.is_none(), || "TerminalAuthenticationInfo: expected no efCVCA in version 2, found one".to_owned())?;
        }
    }
    Ok(())
}

fn signed(view: &View<'_>) -> Checked {
    let file = card_security(view, |error| {
        matches!(
            error,
            CardSecurityError::File(_)
                | CardSecurityError::SignedData(_)
                | CardSecurityError::ContentType(_)
                | CardSecurityError::Content(_)
        )
    })?;
    of_version_2(file.infos.clone())?;
    values(&file.signed, oid::SECURITY_OBJECT)?;
    signer(view, &file.signed, "card_security.signature")
}

fn public_keys(view: &View<'_>) -> Checked {
    let infos = secured(view)?;
    of_version_2(infos.clone())?;
    let keys: Vec<_> = infos.chip_auth_public_keys().collect();
    ensure(!keys.is_empty(), || "expected a ChipAuthenticationPublicKeyInfo, found none".to_owned())?;
    for key in &keys {
        agreement::parse(&key.spki).map_err(|error| Miss::Broken(format!("chipAuthenticationPublicKey: {error}")))?;
        ensure(key.key_id.is_some() || keys.len() < 2, || format!("expected a keyId in each of {}, found one without", keys.len()))?;
    }
    Ok(())
}

/// The SecurityInfos below id-RI: those of a protocol, or those of a kind of agreement alone, which name its domain.
fn restricted(view: &View<'_>, of_protocol: bool) -> Result<Vec<(String, Vec<u8>)>, Miss> {
    let infos = secured(view)?;
    of_version_2(infos.clone())?;
    let found = infos.infos().iter().filter_map(|info| match info {
        SecurityInfo::Other { oid, raw } => {
            let below = oid.strip_prefix(RESTRICTED)?;
            (below.contains('.') == of_protocol).then(|| (oid.clone(), raw.clone()))
        }
        _ => None,
    });
    Ok(found.collect())
}

/// RestrictedIdentificationInfo ::= SEQUENCE { protocol, params SEQUENCE { version INTEGER 1, keyId INTEGER, authorizedOnly BOOLEAN },
/// maxKeyLen INTEGER OPTIONAL } (TR-03110-3 A.1.1.4)
fn restricted_identification(view: &View<'_>) -> Checked {
    let infos = restricted(view, true)?;
    if infos.is_empty() {
        return absent("the chip announces no restricted identification");
    }
    for (protocol, raw) in &infos {
        let mut fields = tlv::single(raw, 0x30)?.reader();
        fields.expect(0x06)?;
        let mut parameters = fields.expect(0x30)?.reader();
        let version = parameters.expect(0x02)?.value;
        ensure(version == [1], || format!("{protocol}: expected version 1, found {}", hex::encode_upper(version)))?;
        parameters.expect(0x02)?;
        let only = parameters.expect(0x01)?.value;
        ensure(only.len() == 1, || format!("{protocol}: expected authorizedOnly in one octet, found {}", only.len()))?;
        parameters.finish()?;
        fields.optional(0x02)?;
        fields.finish()?;
    }
    Ok(())
}

/// RestrictedIdentificationDomainParameterInfo ::= SEQUENCE { protocol, domainParameter AlgorithmIdentifier } (TR-03110-3 A.1.1.4)
fn restricted_domain(view: &View<'_>) -> Checked {
    let infos = restricted(view, false)?;
    if infos.is_empty() {
        return absent("the chip names no domain parameters of restricted identification");
    }
    for (protocol, raw) in &infos {
        let mut fields = tlv::single(raw, 0x30)?.reader();
        fields.expect(0x06)?;
        let parameters = fields.expect(0x30)?;
        fields.finish()?;
        let (domain, _) = agreement::parse_domain(parameters.raw).map_err(|error| Miss::Broken(format!("domainParameter: {error}")))?;
        let elliptic = matches!(domain, Domain::Ec(_));
        ensure(elliptic == (protocol.as_str() == RESTRICTED_ECDH), || {
            format!("domainParameter of {protocol}: expected its kind, found {domain}")
        })?;
    }
    Ok(())
}
