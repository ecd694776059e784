//! `LDS_D`, EF.SOD, and `LDS_K`, EF.CardSecurity: the two signed messages. Whether signatures and chains hold is what the inspection found.

use eid::cert::cms::SignedData;
use eid::image::FileId;
use eid::lds::Elementary as _;
use eid::lds::card_access::CardAccess;
use eid::lds::card_security::{CardSecurity, CardSecurityError};
use eid::lds::security_info::{Mapping, SecurityInfos};
use eid::lds::sod::{Sod, SodError};
use eid::oid;
use eid::quirk::Quirk;

use super::walk::{length, tag};
use super::{Checked, Miss, Rule, View, absent, ensure, icao, way};

const SOD: FileId = FileId::SOD;
const CARD_SECURITY: FileId = FileId::CARD_SECURITY;

pub(super) const RULES: &[Rule] = &[
    icao("LDS_D_1", SOD, "template tag 77", tag),
    icao("LDS_D_2", SOD, "length", length),
    icao("LDS_D_3", SOD, "SignedData is DER", |view| der(&sod(view, |e| matches!(e, SodError::File(_) | SodError::SignedData(_)))?.quirks)),
    icao("LDS_D_4", SOD, "SignedData: version, digests, content type, certificate", |view| {
        values(&sod(view, |e| matches!(e, SodError::ContentType(_)))?.signed, oid::LDS_SECURITY_OBJECT)
    }),
    icao("LDS_D_5", SOD, "SignerInfo: version and signature", |view| signer(view, &sod(view, |_| false)?.signed, "pa.signature")),
    icao("LDS_D_6", SOD, "LDSSecurityObject: version, hashes of the data groups that are there", security_object),
    icao("LDS_D_7", SOD, "certificate of the document signer", |view| certificate(view, "pa.chain")),
    icao("LDS_K_1", CARD_SECURITY, "SecurityInfos", |view| card_security(view, |e| matches!(e, CardSecurityError::Content(_))).map(drop)),
    icao("LDS_K_2", CARD_SECURITY, "public key of chip authentication with its key id", static_key),
    icao("LDS_K_3", CARD_SECURITY, "holds everything that EF.CardAccess does", superset),
    icao("LDS_K_4", CARD_SECURITY, "chip authentication mapping: the parameter id is the key id", mapping_key),
    icao("LDS_K_5", CARD_SECURITY, "SignedData is DER", |view| {
        der(&card_security(view, |e| matches!(e, CardSecurityError::File(_) | CardSecurityError::SignedData(_)))?.quirks)
    }),
    icao("LDS_K_6", CARD_SECURITY, "SignedData: version, digests, content type, certificate", |view| {
        values(&card_security(view, |e| matches!(e, CardSecurityError::ContentType(_)))?.signed, oid::SECURITY_OBJECT)
    }),
    icao("LDS_K_7", CARD_SECURITY, "SignerInfo: version and signature", |view| {
        signer(view, &card_security(view, |_| false)?.signed, "card_security.signature")
    }),
    icao("LDS_K_8", CARD_SECURITY, "certificate of the signer", |view| certificate(view, "card_security.chain")),
];

/// EF.SOD for a case that owns the errors which `own` says; the others are another case's.
fn sod(view: &View<'_>, own: fn(&SodError) -> bool) -> Result<Sod, Miss> {
    way(tag(view))?;
    Sod::parse(view.bytes).map_err(|error| owned(own(&error), &error))
}

/// EF.CardSecurity likewise.
pub(super) fn card_security(view: &View<'_>, own: fn(&CardSecurityError) -> bool) -> Result<CardSecurity, Miss> {
    CardSecurity::parse(view.bytes).map_err(|error| owned(own(&error), &error))
}

fn owned(own: bool, error: &dyn std::error::Error) -> Miss {
    if own { Miss::Broken(error.to_string()) } else { Miss::Undecided(format!("cannot be found: {error}")) }
}

/// Nothing in the encoding had to be forgiven.
fn der(quirks: &[Quirk]) -> Checked {
    const ENCODING: [&str; 5] = ["sod.ber", "sod.padding", "card-security.padding", "cms.ber", "cms.length-not-minimal"];
    let found = quirks.iter().find(|quirk| ENCODING.contains(&quirk.rule));
    found.map_or(Ok(()), |quirk| Err(Miss::Broken(format!("expected DER, found {} in {}", quirk.rule, quirk.place))))
}

pub(super) fn values(signed: &SignedData, content_type: &str) -> Checked {
    ensure(signed.version == 3, || format!("SignedData version: expected 3, found {}", signed.version))?;
    ensure(!signed.digests.is_empty(), || "digestAlgorithms: expected a digest that is allowed, found none".to_owned())?;
    let found = signed.content_type();
    ensure(found == content_type, || format!("eContentType: expected {content_type}, found {found}"))?;
    ensure(signed.certificates().next().is_some(), || "certificates: expected that of the signer, found none".to_owned())
}

pub(super) fn signer(view: &View<'_>, signed: &SignedData, check: &str) -> Checked {
    for signer in &signed.signers {
        let expected = SignedData::expected_version(signer);
        ensure(signer.version == expected, || format!("SignerInfo version: expected {expected}, found {}", signer.version))?;
        let digest = signer.digest.as_ref().map_err(|error| Miss::Broken(format!("digestAlgorithm: {error}")))?;
        ensure(signed.digests.contains(digest), || "digestAlgorithms: the digest of the signer is not among them".to_owned())?;
    }
    view.follows(check)
}

fn certificate(view: &View<'_>, chain: &str) -> Checked {
    view.follows(chain)?;
    if view.file == SOD { view.follows("profile.signer") } else { Ok(()) }
}

fn security_object(view: &View<'_>) -> Checked {
    let sod = sod(view, |error| matches!(error, SodError::SecurityObject(_)))?;
    let listed: Vec<u8> = sod.data_groups().collect();
    ensure(listed.len() >= 2, || format!("dataGroupHashValues: expected 2 to 16, found {}", listed.len()))?;
    let missing: Vec<_> = view.subject.present.iter().filter(|number| !listed.contains(number)).collect();
    ensure(missing.is_empty(), || format!("dataGroupHashValues: expected every data group that is there, without a hash: {missing:?}"))?;
    let stated = sod.lds_version().is_some();
    ensure(stated == (sod.version == 1), || {
        format!(
            "ldsVersionInfo: expected with version 1 only, version is {}, it is {}",
            sod.version,
            if stated { "there" } else { "missing" }
        )
    })
}

fn card_access(view: &View<'_>) -> Result<SecurityInfos, Miss> {
    let bytes = view.other(FileId::CARD_ACCESS).ok_or_else(|| Miss::NotApplicable("there is no EF.CardAccess".to_owned()))?;
    CardAccess::parse(bytes).map(|file| file.infos).map_err(|error| Miss::Undecided(error.to_string()))
}

/// Whether PACE with chip authentication mapping is offered.
pub(super) fn offers_mapping(infos: &SecurityInfos) -> bool {
    infos.pace().any(|info| info.protocol.mapping() == Mapping::ChipAuthentication)
}

fn static_key(view: &View<'_>) -> Checked {
    let file = card_security(view, |_| false)?;
    let mut keys = file.infos.chip_auth_public_keys().peekable();
    ensure(keys.peek().is_some(), || "expected a ChipAuthenticationPublicKeyInfo, found none".to_owned())?;
    keys.try_for_each(|key| ensure(key.key_id.is_some(), || "ChipAuthenticationPublicKeyInfo: expected a keyId, found none".to_owned()))
}

pub(super) fn superset(view: &View<'_>) -> Checked {
    let (all, infos) = (card_security(view, |_| false)?.infos, card_access(view)?);
    let missing = infos.infos().iter().find(|info| !all.infos().contains(info));
    missing.map_or(Ok(()), |info| {
        Err(Miss::Broken(format!("expected what EF.CardAccess holds, missing: {}", hex::encode_upper(info.encode()))))
    })
}

fn mapping_key(view: &View<'_>) -> Checked {
    let (file, infos) = (card_security(view, |_| false)?, card_access(view)?);
    if !offers_mapping(&infos) {
        return absent("EF.CardAccess offers no chip authentication mapping");
    }
    for info in infos.pace().filter(|info| info.protocol.mapping() == Mapping::ChipAuthentication) {
        let id = info.parameter_id.ok_or_else(|| Miss::Broken("PACEInfo of the mapping: expected a parameterId, found none".to_owned()))?;
        file.static_key(id).map_err(|error| Miss::Broken(error.to_string()))?;
    }
    Ok(())
}
