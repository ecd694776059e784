//! The tables `cvca`, `dv.NAME`, and `terminal.NAME` of `pki.toml`. Each may be missing, and so may each key of them.
//!
//! ```toml
//! [cvca]                          # one for each type of terminal that a certificate is made for
//! mnemonic = "CVCA"               # CVCA, CVCAAT, or CVCAST by type
//! key = "brainpoolP256r1"         # of everything below it too
//! algorithm = "ecdsa-sha256"      # the usual one of the key
//! days = 1095
//!
//! [dv.border]
//! type = "IS"                     # IS, AT, ST
//! kind = "domestic"               # domestic, foreign
//! mnemonic = "BORDER"             # the name of the table in capital letters
//! rights = ["read-dg3"]           # all that the CVCA can give
//! days = 90
//!
//! [terminal.gate-1]
//! dv = "border"                   # the only one
//! rights = ["read-dg3"]           # all that the document verifier can give
//! days = 30
//!
//! [terminal.gate-1.description]   # authentication terminals
//! issuer = "Utopia Certification"
//! subject = "Library of Utopia"
//! terms = "1 Main Street. Age check for borrowing."
//! ```
//!
//! A table of another type of terminal is `[cvca.at]` or `[cvca.st]` with the keys of `[cvca]`. What is not known is refused with its line.

use std::collections::BTreeMap;

use eid::cert::chat::{Role, TerminalType};
use eid::cert::cvc::description::{Description, Terms};
use eid::crypto::curve::Curve;
use eid::crypto::signature::Algorithm;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::key::{self, KeyParameters};

/// What `pki.toml` declares of CV certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// The country of the authority, two letters in capitals.
    pub country: String,
    cvca: Cvcas,
    dv: BTreeMap<String, Dv>,
    terminal: BTreeMap<String, Terminal>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Cvcas {
    mnemonic: Option<String>,
    #[serde(deserialize_with = "key_parameters")]
    key: Option<KeyParameters>,
    #[serde(deserialize_with = "algorithm")]
    algorithm: Option<Algorithm>,
    days: Option<u16>,
    token: Option<String>,
    at: Option<Cvca>,
    st: Option<Cvca>,
}

/// A CVCA.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Cvca {
    /// Mnemonic of its names, at most nine letters and digits.
    pub mnemonic: Option<String>,
    /// The kind of its keys.
    #[serde(deserialize_with = "key_parameters")]
    pub key: Option<KeyParameters>,
    /// What they sign with.
    #[serde(deserialize_with = "algorithm")]
    pub algorithm: Option<Algorithm>,
    /// Days for which a certificate is good.
    pub days: Option<u16>,
    /// The token that holds its keys; key files if not given.
    pub token: Option<String>,
}

/// A document verifier.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Dv {
    /// For which terminals it is.
    #[serde(rename = "type", deserialize_with = "terminal_type")]
    pub terminal: TerminalType,
    /// Domestic or foreign.
    #[serde(rename = "kind", deserialize_with = "role")]
    pub role: Role,
    /// Mnemonic of its names, at most nine letters and digits.
    pub mnemonic: Option<String>,
    /// Names of its rights; all that the CVCA can give if there are none.
    pub rights: Vec<String>,
    /// Days for which a certificate is good.
    pub days: Option<u16>,
    /// The token that holds its keys; key files if not given.
    pub token: Option<String>,
}

/// A terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Terminal {
    /// The name of its document verifier; not needed where there is one.
    pub dv: Option<String>,
    /// Mnemonic of its names, at most nine letters and digits.
    pub mnemonic: Option<String>,
    /// Names of its rights; all that the document verifier can give if there are none.
    pub rights: Vec<String>,
    /// Days for which a certificate is good.
    pub days: Option<u16>,
    /// What an authentication terminal shows to the citizen.
    #[serde(deserialize_with = "described")]
    pub description: Option<Description>,
}

impl Default for Dv {
    fn default() -> Self {
        Self { terminal: TerminalType::Inspection, role: Role::DvDomestic, mnemonic: None, rights: Vec::new(), days: None, token: None }
    }
}

#[derive(Deserialize)]
struct File {
    authority: State,
    #[serde(default)]
    cvca: Cvcas,
    #[serde(default)]
    dv: BTreeMap<String, Dv>,
    #[serde(default)]
    terminal: BTreeMap<String, Terminal>,
}

#[derive(Deserialize)]
struct State {
    country: String,
}

impl Tables {
    /// The tables of `pki.toml`, whose other tables are not looked at.
    ///
    /// # Errors
    /// What is not TOML, not known, or does not fit, with its line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let File { authority, cvca, dv, terminal } = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let country = authority.country.to_ascii_uppercase();
        if country.len() != 2 || !country.bytes().all(|letter| letter.is_ascii_uppercase()) {
            return Err(format!("authority.country: expected two letters, found {:?}", authority.country));
        }
        Ok(Self { country, cvca, dv, terminal })
    }

    /// Nothing but the country: defaults for everything.
    ///
    /// # Errors
    /// Not two letters.
    pub fn of_country(country: &str) -> Result<Self, String> {
        Self::parse(&format!("[authority]\ncountry = {country:?}\n"))
    }

    /// The CVCA for terminals of a type.
    #[must_use]
    pub fn cvca(&self, terminal: TerminalType) -> Cvca {
        let Cvcas { mnemonic, key, algorithm, days, token, at, st } = self.cvca.clone();
        let main = Cvca { mnemonic, key, algorithm, days, token };
        let (own, name) = match terminal {
            TerminalType::Inspection => (None, "CVCA"),
            TerminalType::Authentication => (Some(at.unwrap_or_default()), "CVCAAT"),
            TerminalType::Signature => (Some(st.unwrap_or_default()), "CVCAST"),
        };
        // what a type does not say for itself is that of the table above it, but for the name, which must be its own
        let own = own.map(|own| Cvca {
            mnemonic: own.mnemonic,
            algorithm: if own.key.is_some() { own.algorithm } else { own.algorithm.or(main.algorithm) },
            key: own.key.or(main.key),
            days: own.days.or(main.days),
            token: own.token.or_else(|| main.token.clone()),
        });
        let own = own.unwrap_or(main);
        Cvca { mnemonic: Some(own.mnemonic.clone().unwrap_or_else(|| name.to_owned())), ..own }
    }

    /// The document verifier of that name, with the defaults where it is not declared.
    #[must_use]
    pub fn dv(&self, name: &str) -> Dv {
        self.dv.get(name).cloned().unwrap_or_default()
    }

    /// The terminal of that name, with the defaults where it is not declared.
    #[must_use]
    pub fn terminal(&self, name: &str) -> Terminal {
        self.terminal.get(name).cloned().unwrap_or_default()
    }
}

impl Cvca {
    /// What its keys are, and what they sign with.
    #[must_use]
    pub fn key(&self) -> (KeyParameters, Algorithm) {
        let key = self.key.unwrap_or(KeyParameters::Ec(Curve::BrainpoolP256r1));
        (key, self.algorithm.unwrap_or_else(|| key::default_algorithm(key)))
    }
}

fn key_parameters<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<KeyParameters>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

fn algorithm<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Algorithm>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let wrong = || D::Error::custom(format!("expected a name like ecdsa-sha256, rsa-pkcs1-sha256, or rsa-pss-sha256, found {name:?}"));
    key::algorithm_of_name(&name).map(Some).ok_or_else(wrong)
}

fn terminal_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TerminalType, D::Error> {
    let name = String::deserialize(deserializer)?;
    TerminalType::of_abbreviation(&name).ok_or_else(|| D::Error::custom(format!("expected IS, AT, or ST, found {name:?}")))
}

fn role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "domestic" => Ok(Role::DvDomestic),
        "foreign" => Ok(Role::DvForeign),
        other => Err(D::Error::custom(format!("expected domestic or foreign, found {other:?}"))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Described {
    issuer: String,
    issuer_url: Option<String>,
    subject: String,
    subject_url: Option<String>,
    terms: String,
    redirect_url: Option<String>,
}

fn described<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Description>, D::Error> {
    let Described { issuer, issuer_url, subject, subject_url, terms, redirect_url } = Described::deserialize(deserializer)?;
    let terms = Terms::Plain(terms);
    Ok(Some(Description { issuer, issuer_url, subject, subject_url, terms, redirect_url, certificates: Vec::new() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_defaults_and_each_type_has_a_cvca_of_its_own_name() {
        let text = "version = 1\n[authority]\ncountry = \"ut\"\nstate = \"UTO\"\n[csca]\n[cvca]\nkey = \"P-256\"\ndays = 400\n\
            [cvca.at]\nkey = \"P-384\"\n[dv.border]\nrights = [\"read-dg3\"]\n[dv.other]\ntype = \"at\"\nkind = \"foreign\"\n\
            [terminal.gate-1]\ndv = \"border\"\n[terminal.desk.description]\nissuer = \"A\"\nsubject = \"B\"\nterms = \"C\"\n";
        let tables = Tables::parse(text).expect("reads");
        assert_eq!(tables.country, "UT");
        let keys = TerminalType::ALL.map(|terminal| tables.cvca(terminal).key().0.to_string());
        assert_eq!(keys, ["P-256", "P-384", "P-256"]);
        let names = TerminalType::ALL.map(|terminal| tables.cvca(terminal).mnemonic.unwrap_or_default());
        assert_eq!(names, ["CVCA", "CVCAAT", "CVCAST"]);
        assert_eq!(tables.cvca(TerminalType::Authentication).days, Some(400));
        assert_eq!((tables.dv("border").rights, tables.dv("border").role), (vec!["read-dg3".to_owned()], Role::DvDomestic));
        assert_eq!((tables.dv("other").terminal, tables.dv("other").role), (TerminalType::Authentication, Role::DvForeign));
        assert_eq!((tables.dv("unknown"), tables.terminal("gate-1").dv), (Dv::default(), Some("border".to_owned())));
        assert_eq!(tables.terminal("desk").description.map(|description| description.subject), Some("B".to_owned()));
        let usual = Tables::of_country("UT").expect("reads").cvca(TerminalType::Inspection).key();
        assert_eq!((usual.0.to_string().as_str(), key::algorithm_name(usual.1).as_str()), ("brainpoolP256r1", "ecdsa-sha256"));
    }

    #[test]
    fn what_is_not_known_is_refused_with_its_line() {
        let error = |more: &str| Tables::parse(&format!("[authority]\ncountry = \"UT\"\n{more}\n")).expect_err("must be refused");
        assert!(error("[cvca]\nkeys = 3").contains("keys"));
        assert!(error("[dv.a]\nkind = \"near\"").contains("domestic or foreign"));
        assert!(error("[dv.a]\ntype = \"XY\"").contains("IS, AT, or ST"));
        assert!(error("[terminal.a]\nright = []").contains("line 4"));
        assert!(Tables::of_country("UTO").expect_err("three letters").contains("two letters"));
    }
}
