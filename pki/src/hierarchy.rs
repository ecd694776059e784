//! `pki.toml`: the hierarchy of an authority as one file that people read and write.
//!
//! ```toml
//! version = 1
//! [authority]
//! country = "VN"
//! state = "VNM"
//! crl = ["http://csca.example/csca.crl"]
//! [csca]
//! [ds]
//! [mls]
//! ```
//!
//! A role is declared by its table; every key but country, state, and the address of the CRL has a default. What is not known is
//! refused with its line: a name that nobody reads would be a wish that nobody grants. The tables `cvca`, `dv`, and `terminal` are the
//! CV side's ([`crate::cv`]); here they are only let through.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use eid::crypto::curve::Curve;
use eid::crypto::signature::Algorithm;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

use crate::csca::{CscaParameters, EcParameters};
use crate::ds::DsParameters;
use crate::key::{self, KeyParameters};
use crate::list_signer::{ListKind, ListSignerParameters};
use crate::profile::{ProfileError, Subject};

mod write;

/// Name of the file in the folder of an authority.
pub const FILE: &str = "pki.toml";

/// The hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// Who the state is, and what holds for all roles.
    pub authority: State,
    /// The country signing CA, if there is one.
    pub csca: Option<Csca>,
    /// Document signers, if there are any.
    pub ds: Option<Signers>,
    /// Master list signers, if there are any.
    pub mls: Option<Signers>,
    /// Deviation list signers, if there are any.
    pub dls: Option<Signers>,
    /// Revocation lists.
    pub crl: CrlRules,
    /// Tokens by name.
    pub tokens: BTreeMap<String, Token>,
}

/// Table `authority`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct State {
    /// Two letters of ISO 3166-1.
    pub country: String,
    /// Three letters of Doc 9303-3 clause 5.
    pub state: String,
    /// organizationName.
    pub organization: Option<String>,
    /// organizationalUnitName.
    pub unit: Option<String>,
    /// Mail address for relying parties.
    pub contact: Option<String>,
    /// Where relying parties find the CRL: http, https, or ldap addresses.
    pub crl: Vec<String>,
    /// Longest validity of a document in years: `document-validity = "10 years"`.
    #[serde(default = "ten_years", deserialize_with = "years")]
    pub document_validity: u8,
    /// How EC parameters are written in certificates: `explicit` as Doc 9303-12 clause 4.4.3 demands, or `named`.
    #[serde(default = "explicit")]
    pub parameters: EcParameters,
}

/// Table `csca`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Csca {
    /// commonName.
    #[serde(default = "csca_name")]
    pub common_name: String,
    /// serialNumber attribute of the name.
    pub serial_number: Option<String>,
    /// Its key: `P-384`, `brainpoolP384r1`, `rsa-4096`.
    #[serde(default = "csca_key", deserialize_with = "text")]
    pub key: KeyParameters,
    /// Its algorithm: the usual one of the key if not given.
    #[serde(default, deserialize_with = "algorithm")]
    pub algorithm: Option<Algorithm>,
    /// Years in which a key signs: 3 to 5 by Doc 9303-12.
    #[serde(default = "five_years", deserialize_with = "years")]
    pub key_use: u8,
    /// The token that holds its keys; key files if not given.
    pub token: Option<String>,
}

/// Tables `ds`, `mls`, and `dls`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Signers {
    /// commonName, to which the number of the signer is added; by default the name of the role.
    pub common_name: Option<String>,
    /// Key of each.
    #[serde(default = "signer_key", deserialize_with = "text")]
    pub key: KeyParameters,
    /// Algorithm of each: the usual one of the key if not given.
    #[serde(default, deserialize_with = "algorithm")]
    pub algorithm: Option<Algorithm>,
    /// Days in which a key signs: 90 for document signers, 365 for list signers.
    #[serde(default, deserialize_with = "days")]
    pub key_use: Option<u16>,
    /// Document codes of the MRZ that a document signer may sign (not in `mls` and `dls`).
    pub document_types: Option<Vec<String>>,
    /// The token that holds the keys; key files if not given.
    pub token: Option<String>,
}

/// Table `crl`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CrlRules {
    /// Days from one list to the day by which the next one is there: at most 90 (Doc 9303-12 clause 7.1.4).
    #[serde(default = "ninety_days", deserialize_with = "crl_days")]
    pub next_update: u16,
}

/// Table `token.NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Token {
    /// Path of the PKCS#11 module.
    pub module: String,
    /// Label of the token.
    pub label: String,
    /// Its serial number, where two tokens have one label.
    pub serial: Option<String>,
    /// What stands before the labels of this authority's keys, where several authorities share the token.
    pub prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(rename = "version", deserialize_with = "version")]
    _version: u32,
    authority: State,
    csca: Option<Csca>,
    ds: Option<Signers>,
    mls: Option<Signers>,
    dls: Option<Signers>,
    #[serde(default)]
    crl: CrlRules,
    #[serde(default)]
    token: BTreeMap<String, Token>,
    #[serde(rename = "cvca")]
    _cvca: Option<IgnoredAny>,
    #[serde(rename = "dv")]
    _dv: Option<IgnoredAny>,
    #[serde(rename = "terminal")]
    _terminal: Option<IgnoredAny>,
}

/// Why the file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HierarchyError {
    /// Not TOML, a key that is not known, or a value that does not fit; the message shows the line.
    #[error("{FILE}: {0}")]
    Syntax(String),
    /// A value that breaks a rule.
    #[error("{FILE}, line {line}, {key}: expected {expected}, found {found}")]
    Value {
        /// The line, from 1; 0 where the value stands in no file.
        line: usize,
        /// The key with its table: `csca.token`.
        key: String,
        /// The rule.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A role that is to be used and is not declared.
    #[error("{FILE}: expected a table [{0}], found none: the role is not declared")]
    NotDeclared(&'static str),
}

impl Default for CrlRules {
    fn default() -> Self {
        Self { next_update: ninety_days() }
    }
}

impl Default for Csca {
    fn default() -> Self {
        Self { common_name: csca_name(), serial_number: None, key: csca_key(), algorithm: None, key_use: five_years(), token: None }
    }
}

impl Default for Signers {
    fn default() -> Self {
        Self { common_name: None, key: signer_key(), algorithm: None, key_use: None, document_types: None, token: None }
    }
}

impl Hierarchy {
    /// A hierarchy with a CSCA and document signers and the defaults for the rest.
    #[must_use]
    pub fn new(country: &str, state: &str, crl: &str) -> Self {
        Self {
            authority: State {
                country: country.to_owned(),
                state: state.to_owned(),
                organization: None,
                unit: None,
                contact: None,
                crl: vec![crl.to_owned()],
                document_validity: ten_years(),
                parameters: explicit(),
            },
            csca: Some(Csca::default()),
            ds: Some(Signers::default()),
            mls: None,
            dls: None,
            crl: CrlRules::default(),
            tokens: BTreeMap::new(),
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// What it does not know, or what breaks a rule, with its line.
    pub fn parse(text: &str) -> Result<Self, HierarchyError> {
        let file: File = toml::from_str(text).map_err(|error| HierarchyError::Syntax(error.to_string().trim_end().to_owned()))?;
        let File { authority, csca, ds, mls, dls, crl, token: tokens, .. } = file;
        let hierarchy = Self { authority, csca, ds, mls, dls, crl, tokens };
        hierarchy.check(text)?;
        Ok(hierarchy)
    }

    /// What no single value shows: the rules of names, tokens that are not declared, keys of another role.
    fn check(&self, text: &str) -> Result<(), HierarchyError> {
        let wrong = |table: &str, key: &str, expected: &str, found: String| {
            let line = line_of(text, table, key);
            Err(HierarchyError::Value { line, key: format!("{table}.{key}"), expected: expected.to_owned(), found })
        };
        if let Err(ProfileError::Field { field, expected, found }) = self.subject().check() {
            let (table, key) = match field {
                "country" => ("authority", "country"),
                "state code" => ("authority", "state"),
                "organization" => ("authority", "organization"),
                "organizational unit" => ("authority", "unit"),
                "contact e-mail" => ("authority", "contact"),
                "serial number of the name" => ("csca", "serial-number"),
                _ => ("csca", "common-name"),
            };
            return wrong(table, key, expected, format!("{found:?}"));
        }
        if let Err(ProfileError::Field { expected, found, .. }) = crate::csca::check_urls(&self.authority.crl) {
            return wrong("authority", "crl", expected, format!("{found:?}"));
        }
        if self.authority.crl.is_empty() {
            return wrong("authority", "crl", "an address at least", "none".to_owned());
        }
        if let Some(csca) = &self.csca
            && !(3..=5).contains(&csca.key_use)
        {
            return wrong("csca", "key-use", "3 to 5 years (Doc 9303-12 clause 4.1)", format!("{} years", csca.key_use));
        }
        for (table, signers) in [("mls", &self.mls), ("dls", &self.dls)] {
            if signers.as_ref().is_some_and(|s| s.document_types.is_some()) {
                return wrong(table, "document-types", "this key in [ds] only", "it".to_owned());
            }
        }
        for (table, token) in self.token_names() {
            if let Some(token) = token.filter(|token| !self.tokens.contains_key(*token)) {
                return wrong(table, "token", &format!("the name of a table [token.{token}]"), format!("no such table for {token:?}"));
            }
        }
        for (table, key, algorithm) in self.keys() {
            if algorithm.is_some_and(|algorithm| is_ecdsa(key::default_algorithm(key)) != is_ecdsa(algorithm)) {
                let found = algorithm.map(key::algorithm_name).unwrap_or_default();
                return wrong(table, "algorithm", &format!("one for a key {key}"), found);
            }
        }
        Ok(())
    }

    fn signers(&self) -> impl Iterator<Item = (&'static str, &Signers)> {
        [("ds", &self.ds), ("mls", &self.mls), ("dls", &self.dls)]
            .into_iter()
            .filter_map(|(table, signers)| Some((table, signers.as_ref()?)))
    }

    fn token_names(&self) -> impl Iterator<Item = (&'static str, Option<&String>)> {
        let csca = self.csca.iter().map(|csca| ("csca", csca.token.as_ref()));
        csca.chain(self.signers().map(|(table, signers)| (table, signers.token.as_ref())))
    }

    fn keys(&self) -> impl Iterator<Item = (&'static str, KeyParameters, Option<Algorithm>)> {
        let csca = self.csca.iter().map(|csca| ("csca", csca.key, csca.algorithm));
        csca.chain(self.signers().map(|(table, signers)| (table, signers.key, signers.algorithm)))
    }

    /// The token that new keys of a role (`csca`, `ds`, `mls`, `dls`) are made in, by name; `None` for key files.
    #[must_use]
    pub fn token_of(&self, role: &str) -> Option<&str> {
        self.token_names().find(|(table, _)| *table == role).and_then(|(_, token)| token.map(String::as_str))
    }

    /// Who the CSCA is.
    #[must_use]
    pub fn subject(&self) -> Subject {
        let state = &self.authority;
        Subject {
            country: state.country.clone(),
            state_code: state.state.clone(),
            organization: state.organization.clone(),
            organizational_unit: state.unit.clone(),
            serial_number: self.csca.as_ref().and_then(|csca| csca.serial_number.clone()),
            common_name: self.csca.as_ref().map_or_else(csca_name, |csca| csca.common_name.clone()),
            contact_email: state.contact.clone(),
        }
    }

    /// What the next CSCA is made with.
    ///
    /// # Errors
    /// It is not declared.
    pub fn csca_parameters(&self) -> Result<CscaParameters, HierarchyError> {
        let csca = self.csca.as_ref().ok_or(HierarchyError::NotDeclared("csca"))?;
        let signer_days = self.ds.as_ref().and_then(|ds| ds.key_use).unwrap_or_else(ninety_days).saturating_add(10);
        Ok(CscaParameters {
            key: csca.key,
            algorithm: csca.algorithm.unwrap_or_else(|| key::default_algorithm(csca.key)),
            ec_parameters: self.authority.parameters,
            key_use_years: csca.key_use,
            document_years: self.authority.document_validity,
            signer_days,
            crl_urls: self.authority.crl.clone(),
        })
    }

    /// What document signer number `n` is made with.
    ///
    /// # Errors
    /// Document signers are not declared.
    pub fn ds_parameters(&self, n: usize) -> Result<DsParameters, HierarchyError> {
        let ds = self.ds.as_ref().ok_or(HierarchyError::NotDeclared("ds"))?;
        let usual = DsParameters::default();
        Ok(DsParameters {
            key: ds.key,
            algorithm: ds.algorithm.unwrap_or_else(|| key::default_algorithm(ds.key)),
            ec_parameters: self.authority.parameters,
            common_name: format!("{} {n}", ds.common_name.as_deref().unwrap_or("Document Signer")),
            key_use_days: ds.key_use.unwrap_or_else(ninety_days),
            document_years: self.authority.document_validity,
            document_types: ds.document_types.clone().unwrap_or(usual.document_types),
        })
    }

    /// What list signer number `n` is made with.
    ///
    /// # Errors
    /// Signers of such lists are not declared.
    pub fn list_signer_parameters(&self, list: ListKind, n: usize) -> Result<ListSignerParameters, HierarchyError> {
        let (signers, name) = match list {
            ListKind::Master => (self.mls.as_ref(), "Master List Signer"),
            ListKind::Deviation => (self.dls.as_ref(), "Deviation List Signer"),
        };
        let signers = signers.ok_or(HierarchyError::NotDeclared(list.role()))?;
        Ok(ListSignerParameters {
            list,
            key: signers.key,
            algorithm: signers.algorithm.unwrap_or_else(|| key::default_algorithm(signers.key)),
            ec_parameters: self.authority.parameters,
            common_name: format!("{} {n}", signers.common_name.as_deref().unwrap_or(name)),
            key_use_days: signers.key_use.unwrap_or(365),
        })
    }
}

/// The line of `key` in `table`, of the table's head where the key is not there, of nothing (0) where there is no table.
fn line_of(text: &str, table: &str, key: &str) -> usize {
    let (mut within, mut head) = (false, 0);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[') {
            within = name.split(']').next().is_some_and(|name| name.trim() == table);
            head = if within { number } else { head };
        } else if within && line.split('=').next().is_some_and(|name| name.trim() == key) {
            return number;
        }
    }
    head
}

const fn is_ecdsa(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::Ecdsa(_))
}

const fn ten_years() -> u8 {
    10
}

const fn five_years() -> u8 {
    5
}

const fn ninety_days() -> u16 {
    90
}

const fn explicit() -> EcParameters {
    EcParameters::Explicit
}

fn csca_name() -> String {
    "CSCA".to_owned()
}

const fn csca_key() -> KeyParameters {
    KeyParameters::Ec(Curve::P384)
}

const fn signer_key() -> KeyParameters {
    KeyParameters::Ec(Curve::P256)
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        1 => Ok(1),
        other => Err(D::Error::custom(format!("version: expected 1, found {other}"))),
    }
}

fn text<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn algorithm<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Algorithm>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let wrong = || D::Error::custom(format!("expected a name like ecdsa-sha256, rsa-pkcs1-sha256, or rsa-pss-sha256, found {name:?}"));
    key::algorithm_of_name(&name).map(Some).ok_or_else(wrong)
}

/// `5 years`.
fn years<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let text = String::deserialize(deserializer)?;
    let number =
        text.strip_suffix(" years").or_else(|| text.strip_suffix(" year")).and_then(|n| n.parse().ok()).filter(|n| (1..=50).contains(n));
    number.ok_or_else(|| D::Error::custom(format!("expected a period like \"5 years\" (1 to 50), found {text:?}")))
}

fn period(text: &str, most: u16) -> Result<u16, String> {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let factor = match unit {
        "day" | "days" => Some(1),
        "year" | "years" => Some(365),
        _ => None,
    };
    let days =
        number.parse::<u16>().ok().zip(factor).and_then(|(n, factor)| n.checked_mul(factor)).filter(|days| (1..=most).contains(days));
    days.ok_or_else(|| format!("expected a period like \"90 days\" (1 to {most} days), found {text:?}"))
}

/// `90 days`, `1 year`.
fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    period(&String::deserialize(deserializer)?, 1826).map(Some).map_err(D::Error::custom)
}

fn crl_days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    period(&String::deserialize(deserializer)?, 90).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests;
