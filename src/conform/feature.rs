//! What a card can have, in the words of the test plans, and conditions on it: to which cards a case applies.
//!
//! ```text
//! condition = any *( "," any )          comma: and
//! any       = one *( "|" one )          bar: or, binds tighter
//! one       = [ "not " ] feature
//! ```

use std::collections::BTreeSet;
use std::fmt;

/// A property of a card on which cases depend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// The eMRTD application; a card without it, as an eID, can have PACE and the files of the MF.
    App,
    /// Basic Access Control.
    Bac,
    /// PACE.
    Pace,
    /// A card access number opens it.
    Can,
    /// PACE with generic mapping.
    Gm,
    /// PACE with integrated mapping.
    Im,
    /// PACE with chip authentication mapping.
    Cam,
    /// The PACE that is used agrees on a curve.
    PaceEcdh,
    /// The PACE that is used agrees in a prime field.
    PaceDh,
    /// EF.CardAccess has one set of domain parameters only.
    OneSet,
    /// Chip Authentication version 1.
    Ca,
    /// Chip Authentication by MSE:Set KAT (3DES).
    Kat,
    /// Chip Authentication by MSE:Set AT and GENERAL AUTHENTICATE.
    At,
    /// Chip Authentication on a curve.
    CaEcdh,
    /// Chip Authentication in a prime field.
    CaDh,
    /// Active Authentication.
    Aa,
    /// Active Authentication with RSA.
    AaRsa,
    /// Active Authentication with ECDSA.
    AaEcdsa,
    /// Terminal Authentication guards DG3 or DG4.
    Eac,
    /// Terminal Authentication version 1.
    Ta,
    /// The CVCA of the test keys signs with ECDSA.
    TaEcdsa,
    /// The CVCA of the test keys signs with RSA.
    TaRsa,
    /// The chip checks the days of certificates.
    Date,
    /// The chip can change the algorithm of Terminal Authentication.
    Mig,
    /// EF.CardSecurity.
    Cs,
    /// EF.ATR/INFO.
    EfAtr,
    /// EF.DIR.
    EfDir,
    /// READ BINARY with odd instruction (B1).
    OddIns,
    /// Terminal Authentication version 2.
    Ta2,
    /// Chip Authentication version 2.
    Ca2,
    /// Chip Authentication version 2 on a curve.
    Ca2Ecdh,
    /// Chip Authentication version 2 in a prime field.
    Ca2Dh,
    /// Chip Authentication version 3 and pseudonymous signatures.
    Ca3,
    /// Chip Authentication version 3 takes the key of PACE.
    Ca3Reuse,
    /// The eID application.
    EId,
    /// PACE with a PIN.
    Pin,
    /// PACE with a PUK.
    Puk,
    /// Auxiliary data are verified.
    Aux,
    /// Auxiliary data are compared.
    Cmp,
    /// Authorization extensions.
    AuthExt,
    /// Restricted identification.
    Ri,
    /// Domain parameters of restricted identification.
    RiDp,
    /// ENVELOPE and GET RESPONSE.
    Env,
    /// EF.ChipSecurity.
    ChipSec,
    /// EF.CardSecurity can be read after Terminal Authentication only.
    Csta,
    /// CardInfo.
    CardInfo,
    /// PSAInfo.
    PsaInfo,
    /// PrivilegedTerminalInfo.
    PrivTerInfo,
    /// The PUK changes the PIN.
    CngPinPuk,
    /// An authentication terminal changes the PIN.
    CngPinAr,
    /// An authentication terminal changes the CAN.
    CngCanAr,
    /// Signature terminals, and an application for them.
    ESign,
    /// A data group, 1 to 16.
    Dg(u8),
    /// A data group of the eID application, 1 to 22.
    EidDg(u8),
}

/// Names in suites, statements, and reports, beside `DG1` to `DG16` and `eID-DG1` to `eID-DG22`.
const NAMES: [(Feature, &str, &str); 52] = [
    (Feature::App, "APP", "eMRTD application"),
    (Feature::Bac, "BAC", "Basic Access Control"),
    (Feature::Pace, "PACE", "PACE"),
    (Feature::Can, "CAN", "PACE with the card access number"),
    (Feature::Gm, "GM", "PACE with generic mapping"),
    (Feature::Im, "IM", "PACE with integrated mapping"),
    (Feature::Cam, "CAM", "PACE with chip authentication mapping"),
    (Feature::PaceEcdh, "PACE-ECDH", "PACE on a curve"),
    (Feature::PaceDh, "PACE-DH", "PACE in a prime field"),
    (Feature::OneSet, "OneSet", "one set of domain parameters for PACE"),
    (Feature::Ca, "CA", "Chip Authentication version 1"),
    (Feature::Kat, "KAT", "Chip Authentication by MSE:Set KAT"),
    (Feature::At, "AT", "Chip Authentication by MSE:Set AT"),
    (Feature::CaEcdh, "CA-ECDH", "Chip Authentication on a curve"),
    (Feature::CaDh, "CA-DH", "Chip Authentication in a prime field"),
    (Feature::Aa, "AA", "Active Authentication"),
    (Feature::AaRsa, "AA-RSA", "Active Authentication with RSA"),
    (Feature::AaEcdsa, "AA-ECDSA", "Active Authentication with ECDSA"),
    (Feature::Eac, "EAC", "Terminal Authentication before DG3 or DG4"),
    (Feature::Ta, "TA", "Terminal Authentication version 1"),
    (Feature::TaEcdsa, "TA-ECDSA", "Terminal Authentication with ECDSA"),
    (Feature::TaRsa, "TA-RSA", "Terminal Authentication with RSA"),
    (Feature::Date, "DATE", "checks of the days of certificates"),
    (Feature::Mig, "MIG", "change of the algorithm of Terminal Authentication"),
    (Feature::Cs, "CS", "EF.CardSecurity"),
    (Feature::EfAtr, "EFATR", "EF.ATR/INFO"),
    (Feature::EfDir, "EFDIR", "EF.DIR"),
    (Feature::OddIns, "OddIns", "READ BINARY with odd instruction"),
    (Feature::Ta2, "TA2", "Terminal Authentication version 2"),
    (Feature::Ca2, "CA2", "Chip Authentication version 2"),
    (Feature::Ca2Ecdh, "CA2-ECDH", "Chip Authentication version 2 on a curve"),
    (Feature::Ca2Dh, "CA2-DH", "Chip Authentication version 2 in a prime field"),
    (Feature::Ca3, "CA3", "Chip Authentication version 3"),
    (Feature::Ca3Reuse, "CA3_ReUse", "Chip Authentication version 3 with the key of PACE"),
    (Feature::EId, "eID", "the eID application"),
    (Feature::Pin, "PIN", "PACE with a PIN"),
    (Feature::Puk, "PUK", "PACE with a PUK"),
    (Feature::Aux, "AUX", "auxiliary data"),
    (Feature::Cmp, "CMP", "COMPARE"),
    (Feature::AuthExt, "AUTH_EXT", "authorization extensions"),
    (Feature::Ri, "RI", "restricted identification"),
    (Feature::RiDp, "RI_DP", "domain parameters of restricted identification"),
    (Feature::Env, "ENV", "ENVELOPE and GET RESPONSE"),
    (Feature::ChipSec, "ChipSecurity", "EF.ChipSecurity"),
    (Feature::Csta, "CSTA", "EF.CardSecurity after Terminal Authentication only"),
    (Feature::CardInfo, "CardInfo", "CardInfo in EF.CardAccess"),
    (Feature::PsaInfo, "PSAInfo", "PSAInfo in EF.CardAccess"),
    (Feature::PrivTerInfo, "PrivTerInfo", "PrivilegedTerminalInfo in EF.CardAccess"),
    (Feature::CngPinPuk, "CNG_PIN_PUK", "change of the PIN with the PUK"),
    (Feature::CngPinAr, "CNG_PIN_AR", "change of the PIN by a terminal"),
    (Feature::CngCanAr, "CNG_CAN_AR", "change of the CAN by a terminal"),
    (Feature::ESign, "eSign", "signature terminals"),
];

impl Feature {
    /// The feature of a name in a suite or statement.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if let Some(number) = name.strip_prefix("DG") {
            return number.parse().ok().filter(|number| (1..=16).contains(number)).map(Self::Dg);
        }
        if let Some(number) = name.strip_prefix("eID-DG") {
            return number.parse().ok().filter(|number| (1..=22).contains(number)).map(Self::EidDg);
        }
        NAMES.iter().find(|(_, known, _)| *known == name).map(|(feature, ..)| *feature)
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(feature, ..)| *feature).chain((1..=16).map(Self::Dg)).chain((1..=22).map(Self::EidDg))
    }

    /// What it is, in words.
    #[must_use]
    pub fn describe(self) -> String {
        match self {
            Self::Dg(number) => format!("EF.DG{number}"),
            Self::EidDg(number) => format!("EF.DG{number} of the eID application"),
            _ => NAMES.iter().find(|(feature, ..)| *feature == self).map_or_else(String::new, |(.., words)| (*words).to_owned()),
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dg(number) => write!(f, "DG{number}"),
            Self::EidDg(number) => write!(f, "eID-DG{number}"),
            _ => f.write_str(NAMES.iter().find(|(feature, ..)| feature == self).map_or("", |(_, name, _)| name)),
        }
    }
}

/// A condition on features, as a suite states it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Condition {
    all: Vec<Vec<(bool, Feature)>>,
}

impl Condition {
    /// Reads a condition; the empty text holds for every card.
    ///
    /// # Errors
    /// The word that is no feature.
    pub fn parse(text: &str) -> Result<Self, String> {
        let one = |word: &str| {
            let word = word.trim();
            let (wanted, name) = word.strip_prefix("not ").map_or((true, word), |name| (false, name.trim()));
            Feature::from_name(name).map(|feature| (wanted, feature)).ok_or_else(|| format!("expected a feature of a card, found {name:?}"))
        };
        let any = |group: &str| group.split('|').map(one).collect();
        let all = if text.trim().is_empty() { Ok(Vec::new()) } else { text.split(',').map(any).collect() };
        Ok(Self { all: all? })
    }

    /// The first part of the condition that a card with `features` does not meet, in words.
    #[must_use]
    pub fn unmet(&self, features: &BTreeSet<Feature>) -> Option<Unmet> {
        let missed = self.all.iter().find(|any| !any.iter().any(|(wanted, feature)| features.contains(feature) == *wanted))?;
        Some(Unmet { any: missed.clone() })
    }
}

/// A part of a condition that a card does not meet: one of these would be needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    any: Vec<(bool, Feature)>,
}

impl Unmet {
    /// The features that would have been needed.
    pub fn needed(&self) -> impl Iterator<Item = Feature> {
        self.any.iter().filter(|(wanted, _)| *wanted).map(|(_, feature)| *feature)
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self
            .any
            .iter()
            .map(|(wanted, feature)| format!("{} {feature}", if *wanted { "the card has no" } else { "the card has" }))
            .collect();
        f.write_str(&parts.join(", and "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_is_and_and_a_bar_is_or() {
        let condition = Condition::parse("BAC,CA|PACE|AA-ECDSA,not EAC").expect("a condition");
        let unmet = |features: &[Feature]| condition.unmet(&features.iter().copied().collect()).map(|unmet| unmet.to_string());
        assert_eq!(unmet(&[Feature::Bac, Feature::Pace]), None);
        assert_eq!(unmet(&[Feature::Pace]).as_deref(), Some("the card has no BAC"));
        assert_eq!(unmet(&[Feature::Bac]).as_deref(), Some("the card has no CA, and the card has no PACE, and the card has no AA-ECDSA"));
        assert_eq!(unmet(&[Feature::Bac, Feature::Ca, Feature::Eac]).as_deref(), Some("the card has EAC"));
        assert_eq!(Condition::parse("").expect("empty").unmet(&BTreeSet::new()), None);
        for wrong in ["BACK", "BAC,,PACE", "DG17", "DG0", "eID-DG23", "not", "BAC|"] {
            assert!(Condition::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_feature_is_found_by_its_name() {
        let all: Vec<_> = Feature::all().collect();
        assert_eq!(all.len(), 90);
        for feature in all {
            assert_eq!(Feature::from_name(&feature.to_string()), Some(feature));
            assert!(!feature.describe().is_empty(), "{feature}");
        }
    }
}
