//! Document profiles: what a document is. Files, MRZ, validity, access, keys, and the signature's algorithms, as data.
//!
//! A profile is TOML with a schema number; an unknown field stops the load, and the message names field and line. How a card product
//! takes the image is none of its business: that is a [card profile](super::card_profile).

use eid::crypto::agreement::Domain;
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::crypto::signature::Algorithm;
use eid::date::Date;
use eid::lds::biometrics::image::ImageKind;
use eid::protocol::pace::Parameters;
use serde::Deserialize;

use super::toml_text;
pub use super::toml_text::ProfileError;

mod eid_rules;
mod names;
mod pace;
mod pin;
mod validity;

pub use eid_rules::EidRules;
use names::{curve, hash, suite};
use pace::pace;
pub use pin::Pin;
pub use validity::{Validity, ValidityRule};

/// The profiles that are built in, by their identifiers.
pub const BUILT_IN: [(&str, &str); 5] = [
    ("cccd-2021", include_str!("../../fixtures/profiles/cccd-2021.toml")),
    ("can-cuoc-2024", include_str!("../../fixtures/profiles/can-cuoc-2024.toml")),
    ("icao-td3", include_str!("../../fixtures/profiles/icao-td3.toml")),
    ("icao-td3-cam", include_str!("../../fixtures/profiles/icao-td3-cam.toml")),
    ("icao-td1-eid", include_str!("../../fixtures/profiles/icao-td1-eid.toml")),
];

/// A loaded document profile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentProfile {
    schema: u32,
    /// Its identifier.
    pub id: String,
    /// One line for people.
    pub description: String,
    /// The machine readable zone.
    pub mrz: MrzRules,
    /// Laws on validity, in the order in which they came into force.
    pub validity: Vec<Validity>,
    /// The files.
    pub files: Files,
    /// What of the Vietnamese DG13 is left out; without it every field is written that the record has.
    #[serde(default)]
    pub dg13: Dg13Rules,
    /// The portrait.
    pub portrait: PortraitRules,
    /// Access control.
    pub access: Access,
    /// The PIN, if the card has one.
    pub pin: Option<Pin>,
    /// Active Authentication, if the chip does it.
    pub active_authentication: Option<ActiveAuthentication>,
    /// Chip Authentication, if the chip does it.
    pub chip_authentication: Option<ChipAuthentication>,
    /// Terminal authentication, if EF.CardAccess announces it.
    pub terminal_authentication: Option<TerminalAuthentication>,
    /// The eID application, if the chip has one.
    pub eid: Option<EidRules>,
    /// EF.SOD.
    pub sod: SodRules,
    /// Contents of DG12 that are the same on every document.
    pub document: Option<DocumentDetails>,
}

/// Format and fields of the MRZ.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MrzRules {
    /// TD1 or TD3.
    pub format: MrzFormat,
    /// Document code: `ID`, `P`.
    pub code: String,
    /// Issuing state, three letters.
    pub issuer: String,
    /// Where the document number comes from.
    pub number: NumberRule,
    /// What to do with a name that is longer than its field.
    pub long_name: LongName,
    /// Date field of a document without expiry, YYMMDD; without it such a document is refused.
    pub no_expiry: Option<String>,
}

/// What to do with a name that is longer than its field in the MRZ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LongName {
    /// The record is refused.
    Refuse,
    /// It is cut as Doc 9303-3 clause 4.6 says; the whole name stands in the data groups.
    Truncate,
}

/// Size of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MrzFormat {
    /// Card: three lines of 30 characters.
    Td1,
    /// Booklet: two lines of 44 characters.
    Td3,
}

impl MrzFormat {
    /// Characters of the name field (Doc 9303-5 and 9303-4): 30 or 39.
    #[must_use]
    pub const fn name_len(self) -> usize {
        match self {
            Self::Td1 => 30,
            Self::Td3 => 39,
        }
    }
}

/// Where the document number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NumberRule {
    /// The last nine digits of the personal number, and all twelve in the optional data.
    PersonalNumber,
    /// The record's own document number.
    DocumentNumber,
}

/// The files of the application.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Numbers of the data groups, rising.
    pub data_groups: Vec<u8>,
    /// Data groups that are written only where the record has something for them: 4, the iris.
    #[serde(default)]
    pub optional: Vec<u8>,
    /// LDS version of EF.COM: four digits.
    pub lds_version: String,
    /// Unicode version of EF.COM: six digits.
    pub unicode_version: String,
}

impl Files {
    /// Whether every document has data group `number`.
    #[must_use]
    pub fn has(&self, number: u8) -> bool {
        self.data_groups.contains(&number)
    }

    /// Whether a document may have data group `number`.
    #[must_use]
    pub fn may_have(&self, number: u8) -> bool {
        self.has(number) || self.optional.contains(&number)
    }
}

/// Numbers of fields of the Vietnamese DG13 that are not written with their content.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dg13Rules {
    /// Fields that are there and empty.
    #[serde(default)]
    pub empty: Vec<u32>,
    /// Fields that are not there.
    #[serde(default)]
    pub absent: Vec<u32>,
}

/// What a portrait may be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortraitRules {
    /// Allowed encodings.
    pub formats: Vec<ImageFormat>,
    /// Largest size in bytes.
    pub max_bytes: usize,
}

/// Encoding of a portrait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageFormat {
    /// ISO/IEC 10918-1.
    Jpeg,
    /// ISO/IEC 15444-1.
    Jpeg2000,
}

impl ImageFormat {
    /// Whether an image is of this encoding, as a file or as a bare code stream.
    #[must_use]
    pub const fn is(self, kind: ImageKind) -> bool {
        match self {
            Self::Jpeg => matches!(kind, ImageKind::Jpeg),
            Self::Jpeg2000 => matches!(kind, ImageKind::Jp2 | ImageKind::Jpeg2000Codestream),
        }
    }

    /// The name in the standards.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Jpeg2000 => "JPEG 2000",
        }
    }
}

/// Access control of the chip.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Whether the chip does BAC.
    pub bac: bool,
    /// The PACEInfos, at least one.
    #[serde(deserialize_with = "pace")]
    pub pace: Vec<Parameters>,
    /// Where the CAN comes from.
    pub can: CanRule,
}

/// Where the CAN comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CanRule {
    /// The last six digits of the personal number.
    LastSixDigits,
    /// There is none.
    None,
}

/// The key of Active Authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "algorithm", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ActiveAuthentication {
    /// RSA with 2,048 bits, ISO/IEC 9796-2.
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    /// ECDSA; DG14 says the hash.
    Ec {
        /// The curve.
        #[serde(deserialize_with = "curve")]
        curve: Curve,
        /// The hash.
        #[serde(deserialize_with = "hash")]
        hash: Hash,
    },
}

/// The key of Chip Authentication, ECDH.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChipAuthentication {
    /// Cipher and MAC of the new channel.
    #[serde(deserialize_with = "suite")]
    pub suite: Suite,
    /// The curve.
    #[serde(deserialize_with = "curve")]
    pub curve: Curve,
    /// 1 of Doc 9303-11, or 2 of TR-03110-2, which follows Terminal Authentication version 2; its key stands in EF.CardSecurity too.
    #[serde(default = "first_version")]
    pub version: u8,
}

const fn first_version() -> u8 {
    1
}

/// What EF.CardAccess announces.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TerminalAuthentication {
    /// Protocol version.
    pub version: u8,
}

/// Hashes and signature of EF.SOD.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SodRules {
    /// Hash of the data groups.
    #[serde(deserialize_with = "hash")]
    pub hash: Hash,
    /// Version of the LDS security object: 0, or 1 with the LDS and Unicode versions inside.
    pub lds_version: u8,
    /// Signature schemes that a document signer may use.
    pub signatures: Vec<SignatureScheme>,
}

/// A family of signature algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureScheme {
    /// ECDSA.
    Ecdsa,
    /// RSASSA-PKCS1-v1_5.
    RsaPkcs1,
    /// RSASSA-PSS.
    RsaPss,
}

impl SignatureScheme {
    /// The scheme of an algorithm.
    #[must_use]
    pub const fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Ecdsa(_) => Self::Ecdsa,
            Algorithm::RsaPkcs1(_) => Self::RsaPkcs1,
            Algorithm::RsaPss { .. } => Self::RsaPss,
        }
    }
}

/// Contents of DG12 that are the same on every document.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentDetails {
    /// Issuing authority.
    pub issuing_authority: String,
}

impl DocumentProfile {
    /// A built-in profile by its identifier, or the file at that path.
    ///
    /// # Errors
    /// Not found, or any [`ProfileError`] of its text.
    pub fn load(name: &str) -> Result<Self, ProfileError> {
        let (origin, text) = toml_text::find(name, &BUILT_IN)?;
        Self::parse(&origin, &text)
    }

    /// Reads TOML; `origin` names it in errors.
    ///
    /// # Errors
    /// Unknown or missing fields with their line, or fields that contradict each other.
    pub fn parse(origin: &str, text: &str) -> Result<Self, ProfileError> {
        let profile: Self = toml_text::read(origin, text)?;
        profile.check(origin)?;
        Ok(profile)
    }

    /// The law that governs documents issued on `issue`; `None` before the first.
    #[must_use]
    pub fn validity_on(&self, issue: Date) -> Option<&Validity> {
        self.validity.iter().rev().find(|law| law.from <= issue)
    }

    fn check(&self, origin: &str) -> Result<(), ProfileError> {
        const BUILDABLE: [u8; 8] = [1, 2, 3, 11, 12, 13, 14, 15];
        let wrong = |field, expected: &str, found: String| {
            Err(ProfileError::Contradiction { origin: origin.to_owned(), field, expected: expected.to_owned(), found })
        };
        let groups = &self.files.data_groups;
        if self.schema != 1 {
            return wrong("schema", "1", self.schema.to_string());
        }
        if !groups.is_sorted_by(|a, b| a < b) || !groups.iter().all(|n| BUILDABLE.contains(n)) || !groups.starts_with(&[1, 2]) {
            return wrong("files.data_groups", "1 and 2, then some of 3, 11, 12, 13, 14, 15 in rising order", format!("{groups:?}"));
        }
        if self.files.optional.iter().any(|&number| number != 4 || self.files.has(number)) {
            return wrong("files.optional", "4 or nothing, and not in data_groups too", format!("{:?}", self.files.optional));
        }
        let left_out: Vec<u32> = self.dg13.empty.iter().chain(&self.dg13.absent).copied().collect();
        let twice = (1..).zip(&left_out).any(|(n, number)| left_out.iter().skip(n).any(|other| other == number));
        if twice || !left_out.iter().all(|number| (4..=15).contains(number)) || (!left_out.is_empty() && !self.files.has(13)) {
            return wrong("dg13", "numbers from 4 to 15, each once, and 13 among the data groups", format!("{left_out:?}"));
        }
        if self.files.has(14) != self.chip_authentication.is_some() {
            return wrong("files.data_groups", "14 exactly if there is chip_authentication", format!("{groups:?}"));
        }
        if self.files.has(15) != self.active_authentication.is_some() {
            return wrong("files.data_groups", "15 exactly if there is active_authentication", format!("{groups:?}"));
        }
        if self.files.has(12) != self.document.is_some() {
            return wrong("files.data_groups", "12 exactly if there is document", format!("{groups:?}"));
        }
        if let Some(rules) = &self.eid {
            rules.check(self).or_else(|(field, expected, found)| wrong(field, expected, found))?;
        }
        let entries = &self.access.pace;
        let twice = entries.iter().enumerate().any(|(n, entry)| entries.iter().take(n).any(|before| before == entry));
        let names = || entries.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        if entries.is_empty() || twice || entries.iter().all(Parameters::is_cam) {
            return wrong("access.pace", "different entries, at least one of them with generic or integrated mapping", names());
        }
        // one key serves both
        if let Some(ca) = &self.chip_authentication
            && entries.iter().any(|entry| entry.is_cam() && *entry.domain() != Domain::Ec(ca.curve))
        {
            return wrong("access.pace", "chip authentication mapping on the curve of chip_authentication only", names());
        }
        for (field, text, len) in
            [("files.lds_version", &self.files.lds_version, 4), ("files.unicode_version", &self.files.unicode_version, 6)]
        {
            if text.len() != len || !text.bytes().all(|b| b.is_ascii_digit()) {
                return wrong(field, &format!("{len} digits"), text.clone());
            }
        }
        if self.mrz.issuer.len() != 3 || !self.mrz.issuer.bytes().all(|b| b.is_ascii_uppercase()) {
            return wrong("mrz.issuer", "three capital letters", self.mrz.issuer.clone());
        }
        if let Some(text) = self.mrz.no_expiry.as_ref().filter(|text| text.len() != 6 || !text.bytes().all(|b| b.is_ascii_digit())) {
            return wrong("mrz.no_expiry", "six digits YYMMDD", text.clone());
        }
        if !self.validity.is_sorted_by(|a, b| a.from < b.from) || self.validity.is_empty() {
            return wrong("validity", "at least one law, in the order of their first days", format!("{} laws", self.validity.len()));
        }
        if let Some((field, expected, found)) = self.pin.as_ref().and_then(Pin::contradiction) {
            return wrong(field, expected, found);
        }
        if self.sod.lds_version > 1 {
            return wrong("sod.lds_version", "0 or 1", self.sod.lds_version.to_string());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().expect("a date")
    }

    fn error(id: &str, from: &str, to: &str) -> String {
        let text = BUILT_IN.iter().find(|(name, _)| *name == id).map(|(_, text)| *text).expect(id);
        assert!(text.contains(from), "the profile has {from:?}");
        DocumentProfile::parse("x.toml", &text.replacen(from, to, 1)).expect_err(to).to_string()
    }

    #[test]
    fn built_in_profiles_load() {
        let cccd = DocumentProfile::load("cccd-2021").expect("loads");
        assert_eq!(cccd.files.data_groups, [1, 2, 3, 13, 14, 15]);
        let names = |profile: &DocumentProfile| profile.access.pace.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&cccd), ["id-PACE-ECDH-GM-AES-CBC-CMAC-128, brainpoolP256r1"]);
        let with_cam = DocumentProfile::load("icao-td3-cam").expect("loads");
        assert_eq!(names(&with_cam), ["id-PACE-ECDH-CAM-AES-CBC-CMAC-128, P-256", "id-PACE-ECDH-GM-AES-CBC-CMAC-128, P-256"]);
        let card = DocumentProfile::load("can-cuoc-2024").expect("loads");
        assert_eq!((card.files.optional.as_slice(), card.dg13.absent.as_slice()), (&[4][..], &[14, 15][..]));
        assert!(card.files.may_have(4) && !card.files.has(4) && !cccd.files.may_have(4));
        let passport = DocumentProfile::load("icao-td3").expect("loads");
        assert_eq!((passport.mrz.format, passport.access.can), (MrzFormat::Td3, CanRule::None));
        let eid = DocumentProfile::load("icao-td1-eid").expect("loads").eid.expect("an eID application");
        assert_eq!((eid.data_groups.len(), eid.restricted_identification, eid.document_type.as_str()), (20, true, "ID"));
    }

    /// The synthetic examples of the law of 2014, and the children's age of the law of 2023.
    #[test]
    fn expiry_follows_the_law_of_the_day_of_issue() {
        let cccd = DocumentProfile::load("cccd-2021").expect("loads");
        let (old, new) = (&cccd.validity[0], &cccd.validity[1]);
        let birth = date("2105-01-05");
        for law in [old, new] {
            assert_eq!(law.expiry(birth, date("2121-02-10")), Some(date("2130-01-05")), "at 16");
            assert_eq!(law.expiry(birth, date("2128-01-06")), Some(date("2145-01-05")), "within two years before 25");
            assert_eq!(law.expiry(birth, date("2163-01-06")), None, "within two years before 60");
        }
        assert_eq!(old.expiry(birth, date("2113-01-05")), Some(date("2130-01-05")));
        assert_eq!(new.expiry(birth, date("2113-01-05")), Some(date("2119-01-05")), "at eight: to 14");
        assert_eq!(new.expiry(birth, date("2117-01-04")), Some(date("2119-01-05")), "a day more than two years");
        assert_eq!(new.expiry(birth, date("2117-01-05")), Some(date("2130-01-05")), "two years to the day");
        assert_eq!(cccd.validity_on(date("2024-06-30")).map(|law| law.minimum_age), Some(14));
        assert_eq!(cccd.validity_on(date("2024-07-01")).map(|law| law.minimum_age), Some(6));
        assert!(cccd.validity_on(date("2020-12-31")).is_none());
        // the card of 2024 has the law of 2023 only
        let card = DocumentProfile::load("can-cuoc-2024").expect("loads");
        assert!(card.validity_on(date("2024-06-30")).is_none());
        assert_eq!(card.validity_on(date("2024-07-01")).map(|law| law.expiry(birth, date("2113-01-05"))), Some(Some(date("2119-01-05"))));
        let passport = DocumentProfile::load("icao-td3").expect("loads");
        assert_eq!(passport.validity[0].expiry(birth, date("2118-01-05")), Some(date("2123-01-05")));
        assert_eq!(passport.validity[0].expiry(birth, date("2119-01-05")), Some(date("2129-01-05")));
    }

    #[test]
    fn an_unknown_or_impossible_field_is_named_with_its_line() {
        let message = error("cccd-2021", "max_bytes", "max_size");
        assert!(message.starts_with("profile x.toml, line 32, column 1: unknown field `max_size`, expected"), "{message}");
        let message = error("cccd-2021", r#"curve = "brainpoolP256r1" }"#, r#"curve = "brainpoolP257r1" }"#);
        assert!(
            message.contains("line 36, column ") && message.contains(r#"expected one of P-256, P-384, P-521, brainpoolP256r1"#),
            "{message}"
        );
        assert!(error("cccd-2021", "replace_at = [25, 40, 60]", "replace_at = [40, 25]").contains("rising ages"));
        assert!(error("cccd-2021", r#"algorithm = "rsa-2048""#, r#"algorithm = "rsa-1024""#).contains("rsa-1024"));
        assert!(error("icao-td3", "[1, 2, 11, 12, 14, 15]", "[1, 2, 11, 12, 15]").ends_with("found [1, 2, 11, 12, 15]"));
        let pace = r#"pace = { suite = "aes-128", curve = "P-256" }"#;
        assert!(error("icao-td3", pace, "pace = []").contains("at least one of them with generic or integrated mapping"));
        let cam = r#"pace = { mapping = "chip-authentication", suite = "aes-128", curve = "P-256" }"#;
        assert!(error("icao-td3", pace, cam).contains("access.pace"), "never alone");
        let both = r#"pace = { suite = "aes-128", curve = "P-256", group = "modp-2048-256" }"#;
        assert!(error("icao-td3", pace, both).contains("either a curve or a group"));
        let dh = r#"pace = { mapping = "chip-authentication", suite = "aes-128", group = "modp-2048-256" }"#;
        assert!(error("icao-td3", pace, dh).contains("does not exist"));
        assert!(error("can-cuoc-2024", "optional = [4]", "optional = [3]").ends_with("found [3]"));
        assert!(
            error("can-cuoc-2024", "absent = [14, 15]", "absent = [13, 14]").contains("dg13: expected numbers from 4 to 15, each once")
        );
        let pin = |text: &str| error("icao-td3", "[sod]", &format!("[pin]\n{text}\n\n[sod]"));
        assert!(pin("digits = 3").ends_with("pin.digits: expected 4 to 12, found 3"), "{}", pin("digits = 3"));
        assert!(pin("digits = 6\ntransport = 6").contains("pin.transport: expected fewer than digits"));
        assert!(pin("digits = 6\nunblocks = 3").contains("pin.puk: expected digits of a PUK"));
        assert!(pin("digits = 6\npowers = [\"puk-sets-pin\"]").contains("pin.puk"));
        assert!(pin("digits = 6\npuk = 10").contains("pin.unblocks: expected 1 to 255"));
        assert!(pin("digits = 6\npowers = [\"anybody\"]").contains("anybody"));
        assert!(error("icao-td3", "schema = 1", "schema = 9").ends_with("schema: expected 1, found 9"));
        let eid = |from, to| error("icao-td1-eid", from, to);
        assert!(eid("12, 13, 15", "12, 13, 14").contains("eid.data_groups: expected some of 1 to 22 without 14, in rising order"));
        assert!(
            eid("[terminal_authentication]\nversion = 2", "[terminal_authentication]\nversion = 1")
                .contains("of version 2, after which it opens")
        );
        assert!(eid("tel:+84000000000", "tel:#31#").ends_with("found another one for DG21"));
    }
}
