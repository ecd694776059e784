//! `LDS_E`, EF.DG14; `LDS_I`, EF.CardAccess; `LDS_J`, EF.DG15: what the chip can do, and its keys.

use std::collections::BTreeSet;

use eid::cert::spki::agreement;
use eid::crypto::signature::PublicKey;
use eid::image::FileId;
use eid::lds::Elementary as _;
use eid::lds::card_access::CardAccess;
use eid::lds::dg14::Dg14;
use eid::lds::dg15::Dg15;
use eid::lds::security_info::{KeyId, SecurityInfo, SecurityInfos};
use eid::oid;

use super::signed::offers_mapping;
use super::walk::{length, need, outer, tag};
use super::{Checked, Miss, Rule, View, absent, broken, bsi, dg, ensure, icao, way};

const DG14: FileId = dg(14);
const DG15: FileId = dg(15);
const CARD_ACCESS: FileId = FileId::CARD_ACCESS;

pub(super) const RULES: &[Rule] = &[
    icao("LDS_E_1", DG14, "template tag 6E and SecurityInfos", template),
    icao("LDS_E_2", DG14, "chip authentication: info and public key", info_and_key),
    icao("LDS_E_3", DG14, "ChipAuthenticationPublicKeyInfo", public_keys),
    icao("LDS_E_4", DG14, "ChipAuthenticationInfo", chip_authentication),
    icao("LDS_E_5", DG14, "holds everything that EF.CardAccess does", superset),
    icao("LDS_E_6", DG14, "ActiveAuthenticationInfo, with an ECDSA key", active_authentication),
    icao("LDS_E_7", DG14, "chip authentication mapping implies a key", mapping),
    icao("LDS_E_8", DG14, "TerminalAuthenticationInfo", terminal_authentication),
    icao("LDS_E_9", DG14, "TerminalAuthenticationInfo: file of EF.CVCA", terminal_file),
    bsi("LDS_E_2", DG14, "TerminalAuthenticationInfo", terminal_authentication),
    bsi("LDS_E_5", DG14, "TerminalAuthenticationInfo: file of EF.CVCA", terminal_file),
    icao("LDS_I_1", CARD_ACCESS, "SecurityInfos", |view| card_access(view).map(drop)),
    icao("LDS_I_2", CARD_ACCESS, "PACEInfo", pace),
    icao("LDS_I_3", CARD_ACCESS, "PACEDomainParameterInfo", domain_parameters),
    icao("LDS_I_4", CARD_ACCESS, "chip authentication mapping needs another mapping beside it", mappings),
    icao("LDS_J_1", DG15, "template tag 6F", tag),
    icao("LDS_J_2", DG15, "length", length),
    icao("LDS_J_3", DG15, "SubjectPublicKeyInfo is DER", spki),
    icao("LDS_J_4", DG15, "algorithm rsaEncryption or id-ecPublicKey", spki_algorithm),
    icao("LDS_J_5", DG15, "encoding of the key", |view| spki_key(view).map(drop)),
];

fn dg14(view: &View<'_>) -> Result<SecurityInfos, Miss> {
    Dg14::parse(view.bytes).map(|file| file.infos).map_err(|error| Miss::Broken(error.to_string()))
}

pub(super) fn card_access(view: &View<'_>) -> Result<SecurityInfos, Miss> {
    CardAccess::parse(view.bytes).map(|file| file.infos).map_err(|error| Miss::Broken(error.to_string()))
}

/// The infos of EF.CardAccess for a case about another file.
fn announced(view: &View<'_>) -> Result<SecurityInfos, Miss> {
    let bytes = view.other(CARD_ACCESS).ok_or_else(|| Miss::NotApplicable("there is no EF.CardAccess".to_owned()))?;
    CardAccess::parse(bytes).map(|file| file.infos).map_err(|error| Miss::Undecided(error.to_string()))
}

fn template(view: &View<'_>) -> Checked {
    tag(view)?;
    length(view)?;
    dg14(view).map(drop)
}

fn info_and_key(view: &View<'_>) -> Checked {
    let infos = way(dg14(view))?;
    match (infos.chip_auth().count(), infos.chip_auth_public_keys().count()) {
        (0, 0) => absent("the chip offers no chip authentication"),
        (0, _) => broken("expected a ChipAuthenticationInfo beside the public key, found none"),
        (_, 0) => broken("expected a ChipAuthenticationPublicKeyInfo, found none"),
        _ => Ok(()),
    }
}

/// Where there are several keys, each has an id of its own, and where there is one it needs none.
fn ids(what: &str, ids: &[Option<KeyId>]) -> Checked {
    if ids.len() < 2 {
        return Ok(());
    }
    let distinct: BTreeSet<_> = ids.iter().flatten().map(ToString::to_string).collect();
    ensure(distinct.len() == ids.len(), || format!("{what}: expected {} different key ids, found {}", ids.len(), distinct.len()))
}

fn public_keys(view: &View<'_>) -> Checked {
    let infos = way(dg14(view))?;
    let keys: Vec<_> = infos.chip_auth_public_keys().collect();
    if keys.is_empty() {
        return absent("there is no ChipAuthenticationPublicKeyInfo");
    }
    for key in &keys {
        agreement::parse(&key.spki).map_err(|error| Miss::Broken(format!("chipAuthenticationPublicKey: {error}")))?;
    }
    ids("ChipAuthenticationPublicKeyInfo", &keys.iter().map(|key| key.key_id).collect::<Vec<_>>())
}

fn chip_authentication(view: &View<'_>) -> Checked {
    let infos = way(dg14(view))?;
    let known: Vec<_> = infos.chip_auth_public_keys().map(|key| key.key_id).collect();
    if infos.chip_auth().next().is_none() {
        return absent("there is no ChipAuthenticationInfo");
    }
    for info in infos.chip_auth() {
        ensure(matches!(info.version, 1..=3), || format!("ChipAuthenticationInfo: expected version 1, found {}", info.version))?;
        ensure(known.is_empty() || known.contains(&info.key_id), || match info.key_id {
            Some(id) => format!("ChipAuthenticationInfo: key id {id} has no public key"),
            None => "ChipAuthenticationInfo: expected the id of one of the keys, found none".to_owned(),
        })?;
    }
    Ok(())
}

fn superset(view: &View<'_>) -> Checked {
    let (all, announced) = (way(dg14(view))?, announced(view)?);
    let missing = announced.infos().iter().find(|info| !all.infos().contains(info));
    missing.map_or(Ok(()), |info| broken(format!("expected what EF.CardAccess holds, missing: {}", hex::encode_upper(info.encode()))))
}

fn active_authentication(view: &View<'_>) -> Checked {
    let infos = way(dg14(view))?;
    let other = infos.infos().iter().any(|info| matches!(info, SecurityInfo::Other { oid, .. } if oid == oid::AA_PROTOCOL));
    let plain = infos.infos().iter().any(|info| matches!(info, SecurityInfo::ActiveAuth { .. }));
    ensure(!other, || "ActiveAuthenticationInfo: expected an identifier ecdsa-plain-SHA, found another".to_owned())?;
    let key = view.other(DG15).map(|bytes| Dg15::parse(bytes).map(|file| file.key()));
    let elliptic = match key {
        Some(Ok(Ok(info))) => Some(matches!(info.key, PublicKey::Ec(_))),
        Some(_) => return Err(Miss::Undecided("the key in EF.DG15 cannot be read".to_owned())),
        None => None,
    };
    match (elliptic, plain) {
        (Some(true), false) => broken("expected an ActiveAuthenticationInfo for the ECDSA key of EF.DG15, found none"),
        (Some(false), true) => broken("expected no ActiveAuthenticationInfo for the RSA key of EF.DG15"),
        (None, true) => broken("an ActiveAuthenticationInfo, and no key in EF.DG15 that it is for"),
        (Some(true), true) => Ok(()),
        (_, false) => absent("there is no ECDSA key in EF.DG15"),
    }
}

fn mapping(view: &View<'_>) -> Checked {
    if !offers_mapping(&announced(view)?) {
        return absent("EF.CardAccess offers no chip authentication mapping");
    }
    ensure(way(dg14(view))?.chip_auth_public_keys().next().is_some(), || {
        "expected a ChipAuthenticationPublicKeyInfo, found none".to_owned()
    })
}

fn terminal_authentication(view: &View<'_>) -> Checked {
    let infos = way(dg14(view))?;
    let versions =
        infos.infos().iter().filter_map(|info| if let SecurityInfo::TerminalAuth { version, .. } = info { Some(*version) } else { None });
    let versions: Vec<_> = versions.collect();
    if versions.is_empty() {
        return absent("the chip offers no terminal authentication");
    }
    ensure(versions.iter().all(|version| matches!(version, 1 | 2)), || {
        format!("TerminalAuthenticationInfo: expected version 1, found {versions:?}")
    })
}

fn terminal_file(view: &View<'_>) -> Checked {
    let infos = way(dg14(view))?;
    let named =
        infos.infos().iter().find_map(|info| if let SecurityInfo::TerminalAuth { ef_cvca, .. } = info { ef_cvca.as_deref() } else { None });
    let Some(named) = named else { return absent("no TerminalAuthenticationInfo names the file of EF.CVCA") };
    let mut fields = eid::tlv::single(named, 0x30)?.reader();
    let fid = fields.expect(0x04)?;
    ensure(fid.value.len() == 2, || format!("fid: expected 2 octets, found {}", fid.value.len()))?;
    if let Some(sfid) = fields.optional(0x04)? {
        ensure(matches!(sfid.value, [1..=30]), || format!("sfid: expected one octet 01 to 1E, found {}", hex::encode_upper(sfid.value)))?;
    }
    Ok(fields.finish()?)
}

fn pace(view: &View<'_>) -> Checked {
    let infos = way(card_access(view))?;
    let explicit: Vec<_> = infos.pace_domain_parameters().map(|info| info.parameter_id).collect();
    if infos.pace().next().is_none() {
        return broken("expected a PACEInfo, found none");
    }
    for info in infos.pace() {
        ensure(info.version == 2, || format!("PACEInfo {}: expected version 2, found {}", info.protocol.oid(), info.version))?;
        let right = match info.parameter_id {
            Some(0..=2 | 8..=18) => true,
            Some(3..=7 | 19..=31) => false,
            other => explicit.contains(&other),
        };
        ensure(right, || match info.parameter_id {
            Some(id) => format!("PACEInfo {}: parameterId {id} is reserved, or has no PACEDomainParameterInfo", info.protocol.oid()),
            None => format!("PACEInfo {}: expected a parameterId, found none", info.protocol.oid()),
        })?;
    }
    Ok(())
}

pub(super) fn domain_parameters(view: &View<'_>) -> Checked {
    let infos = way(card_access(view))?;
    let ids: Vec<_> = infos.pace_domain_parameters().map(|info| info.parameter_id).collect();
    if ids.is_empty() {
        return absent("there is no PACEDomainParameterInfo");
    }
    let named = ids.iter().all(|id| id.is_none_or(|id| id > 31));
    ensure(named, || format!("PACEDomainParameterInfo: expected parameterIds above 31, found {ids:?}"))?;
    let distinct: BTreeSet<_> = ids.iter().collect();
    ensure(distinct.len() == ids.len(), || format!("PACEDomainParameterInfo: expected each parameterId once, found {ids:?}"))
}

fn mappings(view: &View<'_>) -> Checked {
    let infos = way(card_access(view))?;
    if !offers_mapping(&infos) {
        return absent("the chip offers no chip authentication mapping");
    }
    let other = infos.pace().any(|info| info.protocol.mapping() != eid::lds::security_info::Mapping::ChipAuthentication);
    ensure(other, || "expected a PACEInfo of generic or integrated mapping beside it, found none".to_owned())
}

fn spki(view: &View<'_>) -> Checked {
    let content = outer(view)?;
    let mut inside = content.reader();
    let info = inside.expect(0x30)?;
    inside.finish()?;
    let mut fields = info.reader();
    fields.expect(0x30)?.reader().expect(0x06)?;
    fields.expect(0x03)?;
    Ok(fields.finish()?)
}

fn spki_algorithm(view: &View<'_>) -> Checked {
    let identifier = way([0x30, 0x30, 0x06].iter().try_fold(outer(view)?, |at, &tag| need(&at, tag)))?;
    let found = oid::decode(identifier.value).map_err(|error| Miss::Broken(error.to_string()))?;
    ensure(found == oid::RSA_ENCRYPTION || found == oid::EC_PUBLIC_KEY, || {
        format!("algorithm: expected rsaEncryption or id-ecPublicKey, found {found}")
    })
}

fn spki_key(view: &View<'_>) -> Result<PublicKey, Miss> {
    let info = need(&outer(view)?, 0x30)?;
    eid::cert::spki::parse(info.raw).map(|info| info.key).map_err(|error| Miss::Broken(error.to_string()))
}
