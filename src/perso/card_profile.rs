//! Card profiles: how a card product is recognized and how an image becomes commands, as data.
//!
//! A profile is TOML with a schema number; an unknown field, a missing one, or a template with an unknown name stops the load, and
//! the message says field and line. What data cannot say is in the driver that the profile names. A profile of kind `test-only` is
//! refused for a live batch ([`CardProfile::refuse_live`]).

use eid::gp::Aid;
use eid::image::FileId;
use eid::scp03::{CounterRule, Diversification, MacLcEncoding, Options};
use serde::{Deserialize, Serialize};

use super::toml_text;
pub use super::toml_text::ProfileError;

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
    /// NIST P-256.
    #[serde(rename = "ec-p256")]
    EcP256,
    /// NIST P-384.
    #[serde(rename = "ec-p384")]
    EcP384,
    /// brainpoolP256r1.
    #[serde(rename = "ec-bp256")]
    EcBrainpoolP256r1,
    /// RSA with 1,024 bits.
    #[serde(rename = "rsa-1024")]
    Rsa1024,
    /// RSA with 2,048 bits.
    #[serde(rename = "rsa-2048")]
    Rsa2048,
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
        Checker { origin }.profile(profile)
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

/// Turns the text form into the typed one.
struct Checker<'a> {
    origin: &'a str,
}

impl Checker<'_> {
    fn wrong(&self, field: &'static str, expected: &str, found: impl std::fmt::Display) -> ProfileError {
        ProfileError::Contradiction { origin: self.origin.to_owned(), field, expected: expected.to_owned(), found: found.to_string() }
    }

    fn need<T>(&self, field: &'static str, value: Option<T>) -> Result<T, ProfileError> {
        value.ok_or_else(|| self.wrong(field, "a value, since the driver needs it", "none"))
    }

    fn profile(&self, raw: raw::Profile) -> Result<CardProfile, ProfileError> {
        if raw.schema != 1 {
            return Err(self.wrong("schema", "1", raw.schema));
        }
        if !(32..=255).contains(&raw.apdu.max_command_data) {
            return Err(self.wrong("apdu.max_command_data", "32 to 255", raw.apdu.max_command_data));
        }
        if !(37..=261).contains(&raw.apdu.fit_frame) {
            return Err(self.wrong("apdu.fit_frame", "37 to 261", raw.apdu.fit_frame));
        }
        if raw.apdu.le_with_rmac {
            return Err(self.wrong("apdu.le_with_rmac", "false: the secure channel sends case-3 commands without Le", "true"));
        }
        let mut files = None;
        for object in &raw.object {
            if object.kind == raw::ObjectKind::File {
                let ids = self.need("object.id", object.id.as_ref())?;
                let ids: Vec<u16> = ids.iter().map(|id| id.0).collect();
                if let Some(id) = ids.iter().find(|id| FileId::from_dgi(**id).is_none()) {
                    return Err(self.wrong("object.id", "identifiers of files of Doc 9303-10", format!("{id:04x}")));
                }
                if files.replace((ids, self.need("object.max", object.max)?)).is_some() {
                    return Err(self.wrong("object", "one object of kind file", "two"));
                }
            }
        }
        let (files, max_file) = self.need("object", files)?;
        let matching = Match {
            atr: raw.matching.atr.iter().map(|atr| (atr.value.0.clone(), atr.mask.0.clone())).collect(),
            aid: raw.matching.select.aid.0.clone(),
            select_sw: raw.matching.select.sw.iter().map(|sw| sw.0).collect(),
        };
        if let Some((value, mask)) = matching.atr.iter().find(|(value, mask)| value.len() != mask.len()) {
            return Err(self.wrong("match.atr", "value and mask of one length", format!("{} and {} bytes", value.len(), mask.len())));
        }
        let product = match raw.driver {
            raw::Driver::GpDgi => Product::GpDgi(self.gp_dgi(&raw)?),
            raw::Driver::MrtdPutData => Product::PutData(self.put_data(&raw)?),
        };
        Ok(CardProfile {
            id: raw.id,
            kind: raw.kind,
            description: raw.description,
            matching,
            apdu: ApduLimits { extended: raw.apdu.extended, max_command_data: raw.apdu.max_command_data, fit_frame: raw.apdu.fit_frame },
            files,
            left_out: raw.personalize.left_out.iter().map(|id| id.0).collect(),
            max_file,
            half_written: raw.recover.on_half_written,
            product,
        })
    }

    fn aid(&self, field: &'static str, value: Option<&toml_text::Hex>) -> Result<Aid, ProfileError> {
        let bytes = &self.need(field, value)?.0;
        Aid::new(field, bytes).map_err(|_| self.wrong(field, "an AID of 5 to 16 bytes", format!("{} bytes", bytes.len())))
    }

    fn gp_dgi(&self, raw: &raw::Profile) -> Result<GpDgi, ProfileError> {
        let scp = &raw.scp;
        if scp.protocol != raw::Protocol::Scp03 {
            return Err(self.wrong("scp.protocol", "scp03 for driver gp-dgi", "none"));
        }
        if (raw.serial.source, raw.serial.length) != (raw::SerialSource::Kdd, Some(10)) {
            return Err(self.wrong("serial", "source kdd of length 10 for driver gp-dgi", format!("{:?}", raw.serial)));
        }
        if (raw.personalize.open, raw.personalize.method) != (raw::Open::InstallForPersonalization, raw::Method::StoreDataDgi) {
            return Err(self.wrong("personalize", "install-for-personalization and store-data-dgi for driver gp-dgi", "another way"));
        }
        if raw.terminate.method != raw::TerminateMethod::TerminateDgi {
            return Err(self.wrong("terminate.method", "terminate-dgi for driver gp-dgi", "none"));
        }
        if self.need("scp.auth_attempts", scp.auth_attempts)? != 1 {
            return Err(self.wrong("scp.auth_attempts", "1: a second try with a wrong key can brick the card", "another number"));
        }
        let diversification = match self.need("scp.diversification", scp.diversification)? {
            raw::Diversification::None => Diversification::None,
            raw::Diversification::Emv => Diversification::Emv,
            raw::Diversification::Visa2 => Diversification::Visa2,
            raw::Diversification::Visa => Diversification::Visa,
            raw::Diversification::Kdf3 => Diversification::Kdf3,
            raw::Diversification::An10922 => Diversification::An10922,
        };
        let channel = Options {
            mac_lc_encoding: match raw.apdu.mac_lc_encoding {
                raw::MacLcEncoding::AsSent => MacLcEncoding::AsSent,
                raw::MacLcEncoding::AlwaysShort => MacLcEncoding::AlwaysShort,
                raw::MacLcEncoding::ThreeBytes => MacLcEncoding::ThreeBytes,
            },
            counter: if scp.counter_on_empty_data == Some(false) { CounterRule::CommandsWithData } else { CounterRule::EveryCommand },
            le_with_rmac: false,
        };
        let level = self.need("scp.level", scp.level)?.0;
        if ![0x03, 0x13, 0x33].contains(&level) {
            return Err(self.wrong("scp.level", "03, 13, or 33: personal data is encrypted", format!("{level:02x}")));
        }
        let key_bits = self.need("scp.key_bits", scp.key_bits)?;
        if ![128, 192, 256].contains(&key_bits) {
            return Err(self.wrong("scp.key_bits", "128, 192, or 256", key_bits));
        }
        if !matches!(diversification, Diversification::None | Diversification::Kdf3) && key_bits != 128 {
            return Err(self.wrong("scp.key_bits", "128 for this diversification", key_bits));
        }
        let block_limit = self.need("personalize.block_limit", raw.personalize.block_limit)?;
        if !(1..=256).contains(&block_limit) {
            return Err(self.wrong("personalize.block_limit", "1 to 256", block_limit));
        }
        let commit: [u8; 2] = raw.finish.commit.0.as_slice().try_into().map_err(|_| {
            self.wrong("finish.commit", "a grouping of two bytes for driver gp-dgi", format!("{} bytes", raw.finish.commit.0.len()))
        })?;
        let kvn = self.need("scp.kvn", scp.kvn.as_ref())?;
        let master = self.need("scp.master", scp.master.as_ref())?;
        let secret = |role: &'static str, field| {
            let object = raw.object.iter().find(|o| o.role.as_ref().is_some_and(|roles| roles.iter().any(|r| r == role)));
            self.need(field, object)
        };
        let (passwords, active_auth, chip_auth) = (
            secret("mrz-seed", "object (passwords)")?,
            secret("active-auth", "object (active-auth)")?,
            secret("chip-auth", "object (chip-auth)")?,
        );
        self.password_tags(passwords)?;
        for key in [active_auth, chip_auth] {
            if key.template != Some(toml_text::Hex(vec![0x7F, 0x49])) {
                return Err(self.wrong("object.template", "7f49 for a key", format!("{:02x?}", key.template)));
            }
        }
        Ok(GpDgi {
            sd_aid: self.aid("scp.sd_aid", scp.sd_aid.as_ref())?,
            target_aid: self.aid("personalize.target_aid", raw.personalize.target_aid.as_ref())?,
            i: self.need("scp.i", scp.i.as_ref())?.iter().map(|i| i.0).collect(),
            level,
            kvn_transport: kvn.transport.0,
            kvn_production: kvn.production.0,
            master_transport: master.transport.clone(),
            master_production: master.production.clone(),
            diversification,
            channel,
            key_bits,
            replace_keys: raw.finish.replace_keys,
            block_limit,
            encrypted_blocks: raw.personalize.encrypted_blocks.unwrap_or_default(),
            status_object: self.need("match.status_object", raw.matching.status_object)?.0,
            nonce_dgi: self.need("personalize.nonce_dgi", raw.personalize.nonce_dgi)?.0,
            secret_dgis: SecretDgis {
                passwords: self.need("object.dgi", passwords.dgi)?.0,
                active_auth: self.need("object.dgi", active_auth.dgi)?.0,
                chip_auth: self.need("object.dgi", chip_auth.dgi)?.0,
            },
            active_auth: self.need("object.alg", active_auth.alg.clone())?,
            chip_auth: self.need("object.alg", chip_auth.alg.clone())?,
            commit_dgi: u16::from_be_bytes(commit),
            activate_dgi: self.need("finish.activate", raw.finish.activate)?.0,
            terminate_dgi: self.need("terminate.dgi", raw.terminate.dgi)?.0,
            status_digest: raw.verify.status_digest,
        })
    }

    /// The applet reads 7F50 { 90 seed, 91 CAN, 92 PIN, 93 PUK }: another profile would store a password under another's number.
    fn password_tags(&self, object: &raw::Object) -> Result<(), ProfileError> {
        let tags = self.need("object.tags", object.tags.as_ref())?;
        let expected = [("mrz-seed", 0x90), ("can", 0x91), ("pin", 0x92), ("puk", 0x93)];
        let fits = object.template == Some(toml_text::Hex(vec![0x7F, 0x50]))
            && tags.len() == expected.len()
            && expected.iter().all(|(role, tag)| tags.get(*role).is_some_and(|found| found.0 == *tag));
        if fits { Ok(()) } else { Err(self.wrong("object.tags", "7f50 with mrz-seed 90, can 91, pin 92, puk 93", format!("{tags:02x?}"))) }
    }

    fn put_data(&self, raw: &raw::Profile) -> Result<PutData, ProfileError> {
        if raw.kind != Kind::TestOnly {
            return Err(self.wrong("kind", "test-only for driver mrtd-put-data: it writes keys in clear", "production"));
        }
        if raw.scp.protocol != raw::Protocol::None {
            return Err(self.wrong("scp.protocol", "none for driver mrtd-put-data", "scp03"));
        }
        if (raw.personalize.open, raw.personalize.method) != (raw::Open::SelectApplet, raw::Method::Script) {
            return Err(self.wrong("personalize", "select-applet and script for driver mrtd-put-data", "another way"));
        }
        if raw.recover.on_half_written != HalfWritten::Scrap
            || raw.terminate.method != raw::TerminateMethod::None
            || raw.verify.status_digest
        {
            return Err(self.wrong("recover", "scrap, no termination, no status digest: the product has no status", "something else"));
        }
        let find = |kind, field| self.need(field, raw.object.iter().find(|object| object.kind == kind));
        let (file, password, key) = (
            find(raw::ObjectKind::File, "object (file)")?,
            find(raw::ObjectKind::Password, "object (password)")?,
            find(raw::ObjectKind::Key, "object (key)")?,
        );
        let chunk = self.need("object.chunk", file.chunk)?;
        if !(1..=raw.apdu.max_command_data).contains(&chunk) {
            return Err(self.wrong("object.chunk", "1 to apdu.max_command_data", chunk));
        }
        let template = |field, object: &Option<Template>, allowed: &[Name]| {
            let template = self.need(field, object.clone())?;
            self.only(field, &template, allowed)?;
            Ok(template)
        };
        let list = |field, object: &raw::Object, allowed: &[Name]| {
            let templates = self.need(field, object.apdu.clone())?;
            templates.iter().try_for_each(|template| self.only(field, template, allowed))?;
            Ok(templates)
        };
        Ok(PutData {
            aid: raw.matching.select.aid.0.clone(),
            not_status_object: raw.matching.not_status_object.map(|tag| tag.0),
            order: self.need("personalize.order", raw.personalize.order.clone())?,
            password: list("object.apdu", password, &[Name::DocNumber, Name::Birth, Name::Expiry])?,
            active_auth: list("object.apdu", key, &[Name::Modulus, Name::PrivateExponent])?,
            active_auth_algorithms: self.need("object.alg", key.alg.clone())?,
            create: template("object.create", &file.create, &[Name::Fid, Name::Size])?,
            select: template("object.select", &file.select, &[Name::Fid])?,
            write: template("object.write", &file.write, &[Name::Offset, Name::Chunk])?,
            chunk,
            commit: raw.finish.commit.0.clone(),
        })
    }

    fn only(&self, field: &'static str, template: &Template, allowed: &[Name]) -> Result<(), ProfileError> {
        match template.names().into_iter().find(|name| !allowed.contains(name)) {
            None => Ok(()),
            Some(name) => {
                let allowed: Vec<_> = allowed.iter().map(|name| name.text()).collect();
                Err(self.wrong(field, &format!("only {}", allowed.join(", ")), name.text()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!((ours.kind, ours.takes(FileId::CARD_ACCESS), ours.files.len()), (Kind::Production, Taken::Yes, 23));
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
