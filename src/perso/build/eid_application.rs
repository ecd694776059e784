//! The eID application of a card: its data groups from the record, its keys of Restricted Identification, and what EF.CardSecurity says of both.

use eid::crypto::agreement::Domain;
use eid::crypto::curve;
use eid::date::Date;
use eid::image::RestrictedIdKey;
use eid::lds::eid::{self as eid_groups, EidGroup, GeneralPlace, Value};
use eid::lds::security_info::SecurityInfo;
use eid::oid;
use eid::protocol::auxiliary::Question;
use eid::protocol::restricted_id::{self, Info, Protocol};
use rand_core::CryptoRng;

use super::super::profile::{DocumentProfile, EidRules};
use super::super::record::{Record, Sex};

/// What stands where nothing is known of a place.
const NO_PLACE: &str = "-";

/// New keys of Restricted Identification, where the profile has it: 1 for who has the right, 2 for every authentication terminal.
pub(super) fn keys(profile: &DocumentProfile, rng: &mut dyn CryptoRng) -> Vec<RestrictedIdKey> {
    let wanted = profile.eid.as_ref().is_some_and(|rules| rules.restricted_identification);
    let Some(ca) = profile.chip_authentication.filter(|_| wanted) else { return Vec::new() };
    let mut key = |key_id, authorized_only| {
        let key = curve::PrivateKey::generate(ca.curve, rng).into();
        RestrictedIdKey { key, key_id, authorized_only }
    };
    vec![key(1, true), key(2, false)]
}

/// RestrictedIdentificationInfo of each key with their domain, and EIDApplicationInfo.
pub(super) fn infos(profile: &DocumentProfile, keys: &[RestrictedIdKey]) -> Vec<SecurityInfo> {
    let Some(rules) = &profile.eid else { return Vec::new() };
    let info = |key: &RestrictedIdKey| {
        Info { protocol: Protocol::ECDH_SHA256, version: 1, key_id: key.key_id, authorized_only: key.authorized_only }.encode()
    };
    let domain = profile.chip_authentication.filter(|_| !keys.is_empty()).and_then(|ca| restricted_id::domain_info(&Domain::Ec(ca.curve)));
    let questions: Vec<_> =
        Question::ALL.into_iter().filter(|question| rules.data_groups.contains(&question.group())).map(Question::oid).collect();
    let raw = eid_groups::application_info(&rules.data_groups, &questions);
    let application = SecurityInfo::Other { oid: oid::EID_APPLICATION_INFO.to_owned(), raw };
    keys.iter().map(info).chain(domain).chain([application]).collect()
}

/// The data groups that the profile asks for. A document without an expiry has no DG3.
pub(super) fn groups(record: &Record, profile: &DocumentProfile, rules: &EidRules) -> Vec<EidGroup> {
    let group = |&number: &u8| rules.constant(number).or_else(|| EidGroup::new(number, of_record(record, profile, number)?));
    rules.data_groups.iter().filter_map(group).collect()
}

fn of_record(record: &Record, profile: &DocumentProfile, number: u8) -> Option<Value> {
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    let date = |date: Date| Some(Value::Date(date.into()));
    let place = |text: &str| {
        let place = if text.is_empty() { GeneralPlace::Unknown(NO_PLACE.to_owned()) } else { GeneralPlace::Text(text.to_owned()) };
        Some(Value::Place(place))
    };
    match number {
        2 => text(&profile.mrz.issuer),
        3 => date(record.expiry?),
        4 => text(&record.given_names),
        5 | 13 => text(&record.surname),
        8 => date(record.birth),
        9 => place(&record.origin),
        10 => text(record.mrz.content().nationality.trim_end_matches('<')),
        11 => text(if record.sex == Sex::Male { "M" } else { "F" }),
        15 => date(record.issue),
        17 => place(&record.residence),
        _ => None,
    }
}
