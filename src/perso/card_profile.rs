//! Card profiles: how a card product is recognized and how an image becomes commands, as data.
//!
//! A profile is TOML with a schema number; an unknown field, a missing one, or a template with an unknown name stops the load, and
//! the message says field and line. What data cannot say is in the driver that the profile names. A profile of kind `test-only` is
//! refused for a live batch ([`CardProfile::refuse_live`]).

use eid::crypto::agreement::Domain;
use eid::gp::Aid;
use eid::image::FileId;
use eid::scp03::{Diversification, Options};
use serde::{Deserialize, Serialize};

use super::toml_text;
pub use super::toml_text::ProfileError;

mod check;
mod raw;
mod template;

pub use template::{Name, Template, TemplateError};

/// The profiles that are built in, by their identifiers.
pub const BUILT_IN: [(&str, &str); 2] = [
    ("eid-gp-scp03", include_str!("../../fixtures/profiles/eid-gp-scp03.toml")),
    ("jmrtd-applet", include_str!("../../fixtures/profiles/jmrtd-applet.toml")),
];

/// What cards a profile may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Documents for people.
    Production,
    /// Test cards only: the product protects nothing.
    TestOnly,
}

/// What to do with a card that was left half-written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HalfWritten {
    /// It tells its nonce and what is done: go on.
    Resume,
    /// It cannot tell whose data it holds.
    Scrap,
}

/// Whether several encrypted groupings may share a STORE DATA block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncryptedBlocks {
    /// One stream, cut where a block is full.
    #[default]
    Packed,
    /// Each grouping starts a block of its own.
    OneGroupingEach,
}

/// A step of the script of a card without groupings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptStep {
    /// What the card derives its access keys from.
    Password,
    /// The key of Active Authentication.
    ActiveAuth,
    /// Create, select, and write each file.
    File,
    /// The irreversible lock.
    Commit,
}

/// A private key that a card product can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum KeyAlgorithm {
    /// NIST P-192.
    #[serde(rename = "ec-p192")]
    EcP192,
    /// brainpoolP192r1.
    #[serde(rename = "ec-bp192")]
    EcBrainpoolP192r1,
    /// NIST P-224.
    #[serde(rename = "ec-p224")]
    EcP224,
    /// brainpoolP224r1.
    #[serde(rename = "ec-bp224")]
    EcBrainpoolP224r1,
    /// NIST P-256.
    #[serde(rename = "ec-p256")]
    EcP256,
    /// brainpoolP256r1.
    #[serde(rename = "ec-bp256")]
    EcBrainpoolP256r1,
    /// brainpoolP320r1.
    #[serde(rename = "ec-bp320")]
    EcBrainpoolP320r1,
    /// NIST P-384.
    #[serde(rename = "ec-p384")]
    EcP384,
    /// brainpoolP384r1.
    #[serde(rename = "ec-bp384")]
    EcBrainpoolP384r1,
    /// brainpoolP512r1.
    #[serde(rename = "ec-bp512")]
    EcBrainpoolP512r1,
    /// NIST P-521.
    #[serde(rename = "ec-p521")]
    EcP521,
    /// DH in the group 0 of Doc 9303-11 §9.5.1.
    #[serde(rename = "dh-1024-160")]
    Dh1024,
    /// DH in the group 1.
    #[serde(rename = "dh-2048-224")]
    Dh2048q224,
    /// DH in the group 2.
    #[serde(rename = "dh-2048-256")]
    Dh2048q256,
    /// RSA with 1,024 bits.
    #[serde(rename = "rsa-1024")]
    Rsa1024,
    /// RSA with 1,536 bits.
    #[serde(rename = "rsa-1536")]
    Rsa1536,
    /// RSA with 1,792 bits.
    #[serde(rename = "rsa-1792")]
    Rsa1792,
    /// RSA with 2,048 bits.
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    /// RSA with 3,072 bits.
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    /// RSA with 4,096 bits.
    #[serde(rename = "rsa-4096")]
    Rsa4096,
}

impl KeyAlgorithm {
    /// The algorithm of keys in that domain; `None` for a group that has no standardized id.
    #[must_use]
    pub fn of(domain: &Domain) -> Option<Self> {
        Some(match domain.parameter_id()? {
            0 => Self::Dh1024,
            1 => Self::Dh2048q224,
            2 => Self::Dh2048q256,
            8 => Self::EcP192,
            9 => Self::EcBrainpoolP192r1,
            10 => Self::EcP224,
            11 => Self::EcBrainpoolP224r1,
            12 => Self::EcP256,
            13 => Self::EcBrainpoolP256r1,
            14 => Self::EcBrainpoolP320r1,
            15 => Self::EcP384,
            16 => Self::EcBrainpoolP384r1,
            17 => Self::EcBrainpoolP512r1,
            18 => Self::EcP521,
            _ => return None,
        })
    }

    /// The algorithm of RSA keys with a modulus of so many bytes.
    #[must_use]
    pub const fn rsa(modulus: usize) -> Option<Self> {
        Some(match modulus {
            128 => Self::Rsa1024,
            192 => Self::Rsa1536,
            224 => Self::Rsa1792,
            256 => Self::Rsa2048,
            384 => Self::Rsa3072,
            512 => Self::Rsa4096,
            _ => return None,
        })
    }
}

/// How the product is recognized. Everything must fit before a command that changes the card is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Value and mask of the ATR, any of them; empty for any ATR.
    pub atr: Vec<(Vec<u8>, Vec<u8>)>,
    /// AID that SELECT must find.
    pub aid: Vec<u8>,
    /// Status words that SELECT may answer.
    pub select_sw: Vec<u16>,
}

/// Limits of the product's APDUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApduLimits {
    /// Whether it takes extended lengths.
    pub extended: bool,
    /// Most command data bytes of a short APDU.
    pub max_command_data: usize,
    /// Longest command APDU that fits one frame of the link, in bytes.
    pub fit_frame: usize,
}

/// A product behind a GlobalPlatform security domain that takes data groupings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpDgi {
    /// AID of the security domain.
    pub sd_aid: Aid,
    /// AID of the application that is personalized.
    pub target_aid: Aid,
    /// Accepted values of the i parameter.
    pub i: Vec<u8>,
    /// Security level of the session: 01, 03, 11, 13, or 33.
    pub level: u8,
    /// Key version of the maker's transport keys.
    pub kvn_transport: u8,
    /// Key version of the issuer's production keys.
    pub kvn_production: u8,
    /// Name of the transport master key in the key store of the site.
    pub master_transport: String,
    /// Name of the production master key.
    pub master_production: String,
    /// How a card's keys follow from the master key.
    pub diversification: Diversification,
    /// In what the product's secure channel differs from others.
    pub channel: Options,
    /// Length of the static keys in bits.
    pub key_bits: usize,
    /// Whether PUT KEY replaces the transport keys before anything else is written.
    pub replace_keys: bool,
    /// Most STORE DATA blocks of one sequence.
    pub block_limit: usize,
    /// Whether encrypted groupings share blocks.
    pub encrypted_blocks: EncryptedBlocks,
    /// Object that tells state, nonce, and the groupings that are done.
    pub status_object: u16,
    /// Grouping of the job nonce.
    pub nonce_dgi: u16,
    /// Grouping of the trust points of Terminal Authentication, if the product does it.
    pub trust_points_dgi: Option<u16>,
    /// Groupings of the passwords, the key of Active Authentication, and the keys of Chip Authentication.
    pub secret_dgis: SecretDgis,
    /// Key algorithms that Active Authentication may use.
    pub active_auth: Vec<KeyAlgorithm>,
    /// Key algorithms that Chip Authentication may use.
    pub chip_auth: Vec<KeyAlgorithm>,
    /// Grouping of the commit.
    pub commit_dgi: u16,
    /// Grouping of the activation.
    pub activate_dgi: u16,
    /// Grouping of the termination.
    pub terminate_dgi: u16,
    /// Whether the digest in the status object is compared after the commit.
    pub status_digest: bool,
}

/// Groupings of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretDgis {
    /// MRZ seed, CAN, PIN, PUK.
    pub passwords: u16,
    /// The key of Active Authentication.
    pub active_auth: u16,
    /// The keys of Chip Authentication.
    pub chip_auth: u16,
    /// The keys of Restricted Identification, which may be on the curves of those of Chip Authentication; `None` if the product does not do it.
    pub restricted_id: Option<u16>,
}

/// A product that is written by a script of plain commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutData {
    /// AID of the applet.
    pub aid: Vec<u8>,
    /// Object that the product must not have, since another product with the same AID has it.
    pub not_status_object: Option<u16>,
    /// Order of the steps.
    pub order: Vec<ScriptStep>,
    /// Commands that store the password source.
    pub password: Vec<Template>,
    /// Commands that store the key of Active Authentication.
    pub active_auth: Vec<Template>,
    /// Key algorithms that Active Authentication may use.
    pub active_auth_algorithms: Vec<KeyAlgorithm>,
    /// Creates a file.
    pub create: Template,
    /// Selects it.
    pub select: Template,
    /// Writes a part of it.
    pub write: Template,
    /// Bytes in one write.
    pub chunk: usize,
    /// The lock.
    pub commit: Vec<u8>,
}

/// The driver with its part of the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Product {
    /// `gp-dgi`.
    GpDgi(GpDgi),
    /// `mrtd-put-data`.
    PutData(PutData),
}

/// A loaded card profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardProfile {
    /// Its identifier.
    pub id: String,
    /// What it may be used for.
    pub kind: Kind,
    /// One line for people.
    pub description: String,
    /// How the product is recognized.
    pub matching: Match,
    /// Limits of its APDUs.
    pub apdu: ApduLimits,
    /// DGIs of the files that it takes.
    pub files: Vec<u16>,
    /// DGIs of files of an image that are left out on purpose.
    pub left_out: Vec<u16>,
    /// Largest file in bytes.
    pub max_file: usize,
    /// What to do with a card that was left half-written.
    pub half_written: HalfWritten,
    /// The driver.
    pub product: Product,
}

impl CardProfile {
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
        let profile: raw::Profile = toml_text::read(origin, text)?;
        check::Checker { origin }.profile(profile)
    }

    /// Whether the image file `file` is taken, left out on purpose, or impossible.
    #[must_use]
    pub fn takes(&self, file: FileId) -> Taken {
        let dgi = file.dgi();
        if self.left_out.contains(&dgi) {
            Taken::LeftOut
        } else if self.files.contains(&dgi) {
            Taken::Yes
        } else {
            Taken::No
        }
    }

    /// Refuses a test-only profile for a live batch.
    ///
    /// # Errors
    /// [`ProfileError::Contradiction`].
    pub fn refuse_live(&self) -> Result<(), ProfileError> {
        match self.kind {
            Kind::Production => Ok(()),
            Kind::TestOnly => Err(ProfileError::Contradiction {
                origin: self.id.clone(),
                field: "kind",
                expected: "production for a live batch".to_owned(),
                found: "test-only".to_owned(),
            }),
        }
    }
}

/// Whether a product takes a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is written.
    Yes,
    /// The profile leaves it out: the product has no place for it and works without.
    LeftOut,
    /// The product cannot hold it: planning fails.
    No,
}

#[cfg(test)]
mod tests {
    use eid::scp03::{CounterRule, MacLcEncoding};

    use super::*;

    fn built_in(id: &str) -> &'static str {
        BUILT_IN.iter().find(|(name, _)| *name == id).map(|(_, text)| *text).expect(id)
    }

    fn error(id: &str, from: &str, to: &str) -> String {
        let text = built_in(id);
        assert!(text.contains(from), "the profile has {from:?}");
        CardProfile::parse("x.toml", &text.replacen(from, to, 1)).expect_err(to).to_string()
    }

    #[test]
    fn built_in_profiles_load_and_know_their_files() {
        let ours = CardProfile::load("eid-gp-scp03").expect("loads");
        assert_eq!((ours.kind, ours.takes(FileId::CARD_ACCESS), ours.files.len()), (Kind::Production, Taken::Yes, 45));
        ours.refuse_live().expect("a production profile may be live");
        let jmrtd = CardProfile::load("jmrtd-applet").expect("loads");
        assert_eq!(
            (jmrtd.takes(FileId::CARD_ACCESS), jmrtd.takes(FileId::DIR), jmrtd.takes(FileId::SOD)),
            (Taken::LeftOut, Taken::No, Taken::Yes)
        );
        assert_eq!(
            jmrtd.refuse_live().expect_err("test-only").to_string(),
            "profile jmrtd-applet: kind: expected production for a live batch, found test-only"
        );
    }

    #[test]
    fn an_unknown_field_is_named_with_its_line() {
        let message = error("eid-gp-scp03", "auth_attempts = 1", "auth_atempts = 1");
        assert!(message.starts_with("profile x.toml, line 32, column 1: unknown field `auth_atempts`, expected one of"), "{message}");
        let message = error("jmrtd-applet", "birth)", "birthday)");
        assert!(message.starts_with("profile x.toml, line 32, column ") && message.contains(r#"unknown name "birthday""#), "{message}");
    }

    #[test]
    fn products_differ_in_their_secure_channel() {
        let parse = |pairs: &[(&str, &str)]| {
            let text = pairs.iter().fold(built_in("eid-gp-scp03").to_owned(), |text, (from, to)| {
                assert!(text.contains(from), "the profile has {from:?}");
                text.replacen(from, to, 1)
            });
            CardProfile::parse("x.toml", &text).map(|profile| match profile.product {
                Product::GpDgi(product) => product,
                Product::PutData(_) => panic!("the driver is gp-dgi"),
            })
        };
        let ours = parse(&[]).expect("loads");
        assert_eq!((ours.diversification, ours.channel), (Diversification::Kdf3, Options::default()));
        let other = parse(&[
            (r#"diversification = "kdf3""#, "diversification = \"visa2\"\ncounter_on_empty_data = false"),
            ("key_bits = 256", "key_bits = 128"),
            ("[apdu]", "[apdu]\nmac_lc_encoding = \"three-bytes\""),
        ])
        .expect("loads");
        assert_eq!(other.diversification, Diversification::Visa2);
        let channel = Options { mac_lc_encoding: MacLcEncoding::ThreeBytes, counter: CounterRule::CommandsWithData, le_with_rmac: false };
        assert_eq!(other.channel, channel);
        let message = error("eid-gp-scp03", r#""kdf3""#, r#""emv""#);
        assert!(message.ends_with("scp.key_bits: expected 128 for this diversification, found 256"), "{message}");
        let message = error("eid-gp-scp03", r#"target_aid = "a0000002471001""#, r#"target_aid = "a0000002""#);
        assert!(message.ends_with("personalize.target_aid: expected an AID of 5 to 16 bytes, found 4 bytes"), "{message}");
    }

    #[test]
    fn profiles_that_would_weaken_a_product_are_refused() {
        let ours = |from, to| error("eid-gp-scp03", from, to);
        assert!(
            ours(r#"level = "13""#, r#"level = "01""#).ends_with("scp.level: expected 03, 13, or 33: personal data is encrypted, found 01")
        );
        assert!(ours("auth_attempts = 1", "auth_attempts = 3").contains("a second try with a wrong key can brick the card"));
        assert!(ours(r#"can = "91""#, r#"can = "92""#).contains("mrz-seed 90, can 91, pin 92, puk 93"));
        assert!(ours("schema = 1", "schema = 2").ends_with("schema: expected 1, found 2"));
        assert!(error("jmrtd-applet", r#"kind = "test-only""#, r#"kind = "production""#).contains("it writes keys in clear"));
        assert!(error("jmrtd-applet", "{offset:u15}", "{fid}").ends_with("object.write: expected only {offset:u15}, {chunk}, found {fid}"));
    }

    #[test]
    fn a_profile_that_is_neither_built_in_nor_a_file_says_so() {
        let message = CardProfile::load("no-such-profile").expect_err("no file").to_string();
        assert!(
            message.starts_with(r#"profile "no-such-profile": expected a file or one of eid-gp-scp03, jmrtd-applet, found "#),
            "{message}"
        );
    }
}
