//! What a collection covers on a day: states, kinds of keys, what has expired, what only one kind of list has, and how old the CRLs are.

use std::collections::{BTreeMap, BTreeSet};

use eid::cert::algorithm;
use eid::cert::trust::Tier;
use eid::cert::x509::Certificate;
use eid::crypto::signature::PublicKey;
use eid::date::Date;
use serde::Serialize;

use super::collection::{Collection, Role};

/// What a collection covers.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// The day that validity and age are counted for, `YYYY-MM-DD`.
    pub date: String,
    /// States by their country code; `--` for anchors that name none.
    pub states: BTreeMap<String, State>,
    /// How many anchors.
    pub anchors: usize,
    /// Anchors whose key is not that of their issuer: link certificates.
    pub links: usize,
    /// Certificates that are known and not trusted.
    pub known: usize,
    /// Anchors by the best of their tiers.
    pub tiers: BTreeMap<&'static str, usize>,
    /// Anchors by the kind of key: `EC brainpoolP256r1, explicit`, `EC secp384r1, named`, `RSA 4096`.
    pub keys: BTreeMap<String, usize>,
    /// Anchors by the algorithm of the signature on them.
    pub signatures: BTreeMap<String, usize>,
    /// Anchors whose validity has ended.
    pub expired: usize,
    /// Anchors whose validity has not begun.
    pub not_yet_valid: usize,
    /// States that master lists of states have and the ICAO's has not; empty where there is no list of one of the kinds.
    pub only_national: Vec<String>,
    /// States that the ICAO's master list has and those of states have not.
    pub only_icao: Vec<String>,
    /// The CRLs.
    pub crls: Vec<CrlAge>,
    /// The deviation lists.
    pub deviation_lists: Vec<Deviations>,
    /// Anchors that cannot be read.
    pub unreadable: usize,
}

/// One state.
#[derive(Clone, Debug, Default, Serialize)]
pub struct State {
    /// How many anchors.
    pub anchors: usize,
    /// Those that are valid on the day.
    pub valid: usize,
    /// The tiers that they came by.
    pub tiers: BTreeSet<&'static str>,
    /// Whether there is a CRL that one of them signed.
    pub crl: bool,
}

/// One CRL.
#[derive(Clone, Debug, Serialize)]
pub struct CrlAge {
    /// Country code of its issuer.
    pub country: String,
    /// Its issuer.
    pub issuer: String,
    /// crlNumber in hex.
    pub number: Option<String>,
    /// thisUpdate, `YYYY-MM-DD`.
    pub this_update: String,
    /// nextUpdate, `YYYY-MM-DD`.
    pub next_update: Option<String>,
    /// Days since thisUpdate.
    pub age_days: i64,
    /// Whether nextUpdate has passed.
    pub stale: bool,
    /// How many certificates it revokes.
    pub revoked: usize,
    /// Whether the key of an anchor signed it; else it is of no use.
    pub proved: bool,
}

/// One deviation list.
#[derive(Clone, Debug, Serialize)]
pub struct Deviations {
    /// The state that it speaks for.
    pub country: String,
    /// How many entries.
    pub entries: usize,
}

const NO_STATE: &str = "--";

/// What `collection` covers on `date`.
#[must_use]
pub fn coverage(collection: &Collection, date: Date) -> Coverage {
    let mut out = Coverage {
        date: date.to_string(),
        states: BTreeMap::new(),
        anchors: 0,
        links: 0,
        known: collection.certificates().iter().filter(|held| held.role == Role::Known).count(),
        tiers: BTreeMap::new(),
        keys: BTreeMap::new(),
        signatures: BTreeMap::new(),
        expired: 0,
        not_yet_valid: 0,
        only_national: Vec::new(),
        only_icao: Vec::new(),
        crls: Vec::new(),
        deviation_lists: Vec::new(),
        unreadable: 0,
    };
    for held in collection.anchors() {
        out.anchors += 1;
        let state = out.states.entry(held.entry.country().unwrap_or(NO_STATE).to_owned()).or_default();
        state.anchors += 1;
        state.tiers.extend(held.origins.iter().map(|(tier, _)| tier.name()));
        if let Some(tier) = held.tier() {
            *out.tiers.entry(tier.name()).or_default() += 1;
        }
        let Ok(certificate) = held.entry.certificate() else {
            out.unreadable += 1;
            continue;
        };
        state.valid += usize::from(certificate.valid_on(date));
        out.expired += usize::from(certificate.not_after().date < date);
        out.not_yet_valid += usize::from(date < certificate.not_before().date);
        out.links += usize::from(!certificate.is_self_signed());
        *out.keys.entry(key(certificate)).or_default() += 1;
        *out.signatures.entry(signature(certificate)).or_default() += 1;
    }
    for held in collection.crls() {
        let crl = &held.crl;
        let country = crl.issuer_country().unwrap_or_else(|| NO_STATE.to_owned());
        if held.issuer_key.is_some()
            && let Some(state) = out.states.get_mut(&country)
        {
            state.crl = true;
        }
        out.crls.push(CrlAge {
            country,
            issuer: crl.issuer_text(),
            number: crl.number().map(hex::encode),
            this_update: crl.this_update().date.to_string(),
            next_update: crl.next_update().map(|time| time.date.to_string()),
            age_days: date.days() - crl.this_update().date.days(),
            stale: crl.next_update().is_some_and(|next| next.date < date),
            revoked: crl.revoked().len(),
            proved: held.issuer_key.is_some(),
        });
    }
    out.crls.sort_by(|a, b| (&a.country, &a.issuer, &a.this_update).cmp(&(&b.country, &b.issuer, &b.this_update)));
    for held in collection.deviation_lists() {
        let country = held.list.state.clone().unwrap_or_else(|| NO_STATE.to_owned());
        out.deviation_lists.push(Deviations { country, entries: held.list.deviations.len() });
    }
    let (national, icao) = (Tier::NationalList.name(), Tier::IcaoList.name());
    let only = |with: &str, without: &str| {
        let states = out.states.iter().filter(|(_, state)| state.tiers.contains(with) && !state.tiers.contains(without));
        states.map(|(country, _)| country.clone()).collect::<Vec<_>>()
    };
    // without a list of each kind there is nothing to compare
    if [national, icao].iter().all(|tier| out.states.values().any(|state| state.tiers.contains(tier))) {
        (out.only_national, out.only_icao) = (only(national, icao), only(icao, national));
    }
    out
}

/// `EC brainpoolP256r1, explicit`, `EC secp384r1, named`, `RSA 4096`.
#[must_use]
pub fn key(certificate: &Certificate) -> String {
    match certificate.key() {
        Ok(key) if matches!(key.key, PublicKey::Ec(_)) => {
            format!("{}, {}", key.describe(), if key.explicit_parameters { "explicit" } else { "named" })
        }
        Ok(key) => key.describe(),
        Err(error) => error.to_string(),
    }
}

fn signature(certificate: &Certificate) -> String {
    match certificate.signature_algorithm().map(|algorithm| algorithm.algorithm(None)) {
        Ok(Ok(algorithm)) => algorithm::describe(algorithm),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    }
}
