//! A card image in a file: what data preparation hands to the station.
//!
//! JSON with a format name and a version; files and secrets are hexadecimal. **The file holds the chip's private keys and passwords in
//! clear.** It is made with mode 0600, its text is wiped from memory, and who stores it must protect it as the keys that it holds.
//!
//! Refused: another format or version, unknown fields, a file that does not exist in Doc 9303-10, keys that are none.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use eid::cert::cvc::TrustPoints;
use eid::crypto::agreement::{AgreementPrivateKey, Domain};
use eid::image::{ActiveAuthKey, CardImage, ChipAuthKey, FileId, PinRules, RestrictedIdKey};
use eid::secret::Secret;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Name of the format.
const FORMAT: &str = "cardwright-image";
/// Version that this code writes and reads.
const VERSION: u32 = 1;

/// An image with the profile that it was built by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFile {
    /// Identifier of the document profile.
    pub profile: String,
    /// Whether the card is for a person; a test-only card product refuses such an image.
    pub live: bool,
    /// The image.
    pub image: CardImage,
}

/// Why an image file is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum ImageFileError {
    /// The file system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Not JSON of this form, with line and column.
    #[error("image: {0}")]
    Json(String),
    /// Another format or version, or a value that is none.
    #[error("image: {field}: expected {expected}, found {found}")]
    Value {
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: String,
        /// What it is; never a secret.
        found: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    format: String,
    version: u32,
    profile: String,
    live: bool,
    files: BTreeMap<String, String>,
    #[serde(default)]
    passwords: BTreeMap<String, SecretHex>,
    /// The stored form of the rules of the PIN; images without it are as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pin_rules: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    active_auth: Option<KeyText>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    chip_auth: Vec<KeyText>,
    /// Images without it are as before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    restricted_id: Vec<RestrictedIdText>,
    /// The stored form of the trust points of Terminal Authentication; images without it are as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    terminal_auth: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyText {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parameter_id: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modulus: Option<String>,
    private: SecretHex,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_id: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RestrictedIdText {
    key: KeyText,
    authorized_only: bool,
}

/// Secret bytes in hexadecimal, wiped on drop.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
struct SecretHex(String);

impl SecretHex {
    fn new(secret: &Secret) -> Self {
        Self(hex::encode(secret.expose()))
    }

    fn secret(&self, field: &'static str) -> Result<Secret, ImageFileError> {
        let wrong = |_| value(field, "hexadecimal digits", format!("{} other characters", self.0.len()));
        hex::decode(&self.0).map(Secret::new).map_err(wrong)
    }
}

fn value(field: &'static str, expected: &str, found: impl Into<String>) -> ImageFileError {
    ImageFileError::Value { field, expected: expected.to_owned(), found: found.into() }
}

impl ImageFile {
    /// The text of the file, wiped when it is dropped.
    #[must_use]
    pub fn to_json(&self) -> Zeroizing<String> {
        let image = &self.image;
        let passwords = [
            ("mrz-seed", &image.passwords.mrz_seed),
            ("can", &image.passwords.can),
            ("pin", &image.passwords.pin),
            ("puk", &image.passwords.puk),
        ];
        let text_of = |key: &AgreementPrivateKey, key_id| KeyText {
            parameter_id: key.domain().parameter_id(),
            modulus: None,
            private: SecretHex::new(key.number()),
            key_id,
        };
        let text = Text {
            format: FORMAT.to_owned(),
            version: VERSION,
            profile: self.profile.clone(),
            live: self.live,
            files: image.files.iter().map(|(file, bytes)| (file.name(), hex::encode(bytes))).collect(),
            passwords: passwords.iter().filter_map(|(name, secret)| Some(((*name).to_owned(), SecretHex::new(secret.as_ref()?)))).collect(),
            pin_rules: image.passwords.pin_rules.as_ref().map(|rules| hex::encode(rules.encode())),
            active_auth: image.active_auth.as_ref().map(|key| match key {
                ActiveAuthKey::Ec(key) => text_of(&key.clone().into(), None),
                ActiveAuthKey::Rsa { modulus, private_exponent } => KeyText {
                    parameter_id: None,
                    modulus: Some(hex::encode(modulus)),
                    private: SecretHex::new(private_exponent),
                    key_id: None,
                },
            }),
            chip_auth: image.chip_auth.iter().map(|chip_auth| text_of(&chip_auth.key, chip_auth.key_id)).collect(),
            restricted_id: image
                .restricted_id
                .iter()
                .map(|key| RestrictedIdText { key: text_of(&key.key, Some(key.key_id)), authorized_only: key.authorized_only })
                .collect(),
            terminal_auth: image.terminal_auth.as_ref().map(|trust| hex::encode(trust.encode())),
        };
        Zeroizing::new(serde_json::to_string_pretty(&text).unwrap_or_default())
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`ImageFileError::Json`] or [`ImageFileError::Value`].
    pub fn from_json(json: &str) -> Result<Self, ImageFileError> {
        let text: Text = serde_json::from_str(json).map_err(|error| ImageFileError::Json(error.to_string()))?;
        if (text.format.as_str(), text.version) != (FORMAT, VERSION) {
            let found = format!("{} version {}", text.format.chars().take(32).collect::<String>(), text.version);
            return Err(value("format", &format!("{FORMAT} version {VERSION}"), found));
        }
        let mut image = CardImage::default();
        for (name, content) in &text.files {
            let file = FileId::from_name(name).ok_or_else(|| value("files", "a file of Doc 9303-10", name.clone()))?;
            let bytes = hex::decode(content).map_err(|error| value("files", "hexadecimal digits", format!("{error} in {name}")))?;
            image.files.insert(file, bytes);
        }
        for (name, secret) in &text.passwords {
            let place = match name.as_str() {
                "mrz-seed" => &mut image.passwords.mrz_seed,
                "can" => &mut image.passwords.can,
                "pin" => &mut image.passwords.pin,
                "puk" => &mut image.passwords.puk,
                other => return Err(value("passwords", "mrz-seed, can, pin, or puk", other)),
            };
            *place = Some(secret.secret("passwords")?);
        }
        image.passwords.pin_rules = text.pin_rules.as_deref().map(pin_rules).transpose()?;
        image.active_auth = text.active_auth.as_ref().map(active_auth).transpose()?;
        for key in &text.chip_auth {
            image.chip_auth.push(ChipAuthKey { key: agreement("chip_auth", key)?, key_id: key.key_id });
        }
        for RestrictedIdText { key, authorized_only } in &text.restricted_id {
            let key_id = key.key_id.ok_or_else(|| value("restricted_id", "a key id", "none"))?;
            let authorized_only = *authorized_only;
            image.restricted_id.push(RestrictedIdKey { key: agreement("restricted_id", key)?, key_id, authorized_only });
        }
        image.terminal_auth = text.terminal_auth.as_deref().map(trust_points).transpose()?;
        Ok(Self { profile: text.profile, live: text.live, image })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Any [`ImageFileError`].
    pub fn load(path: &Path) -> Result<Self, ImageFileError> {
        let io = |source| ImageFileError::Io { path: path.to_owned(), source };
        Self::from_json(&Zeroizing::new(std::fs::read_to_string(path).map_err(io)?))
    }

    /// Writes a new file that only its owner can read.
    ///
    /// # Errors
    /// The file exists already or cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), ImageFileError> {
        let io = |source| ImageFileError::Io { path: path.to_owned(), source };
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(io)?;
        file.write_all(self.to_json().as_bytes()).and_then(|()| file.sync_all()).map_err(io)
    }
}

fn pin_rules(text: &str) -> Result<PinRules, ImageFileError> {
    let rules = hex::decode(text).ok().and_then(|octets| PinRules::decode(&octets));
    rules.ok_or_else(|| value("pin_rules", "the stored form of the rules of a PIN", format!("{} characters", text.len())))
}

fn active_auth(key: &KeyText) -> Result<ActiveAuthKey, ImageFileError> {
    match &key.modulus {
        None => match agreement("active_auth", key)? {
            AgreementPrivateKey::Ec(key) => Ok(ActiveAuthKey::Ec(key)),
            AgreementPrivateKey::Dh(_) => Err(value("active_auth", "an EC key", "one for Diffie-Hellman")),
        },
        Some(modulus) => {
            let modulus = hex::decode(modulus).map_err(|error| value("active_auth", "hexadecimal digits", error.to_string()))?;
            Ok(ActiveAuthKey::Rsa { modulus, private_exponent: key.private.secret("active_auth")? })
        }
    }
}

fn agreement(field: &'static str, key: &KeyText) -> Result<AgreementPrivateKey, ImageFileError> {
    let domain = key.parameter_id.and_then(Domain::standardized);
    let domain =
        domain.ok_or_else(|| value(field, "a standardized domain parameter id, 0 to 2 or 8 to 18", format!("{:?}", key.parameter_id)))?;
    let number = key.private.secret(field)?;
    AgreementPrivateKey::from_bytes(&domain, number.expose()).map_err(|error| value(field, "a private key", error.to_string()))
}

fn trust_points(text: &str) -> Result<TrustPoints, ImageFileError> {
    let bytes = hex::decode(text).map_err(|error| value("terminal_auth", "hexadecimal digits", error.to_string()))?;
    TrustPoints::decode(&bytes).map_err(|error| value("terminal_auth", "a date and trust points", error.to_string()))
}

#[cfg(test)]
mod tests {
    use eid::crypto::curve::{Curve, PrivateKey};
    use eid::image::PinPower;

    use super::*;

    fn example() -> ImageFile {
        let mut image = CardImage::default();
        image.files.insert(FileId::COM, vec![0x60, 0x00]);
        image.files.insert(FileId::CARD_ACCESS, vec![0x31, 0x00]);
        image.passwords.can = Some(Secret::from(&b"123456"[..]));
        let key = PrivateKey::from_bytes(Curve::P256, &[7; 32]).expect("a scalar");
        image.restricted_id.push(RestrictedIdKey { key: key.clone().into(), key_id: 1, authorized_only: true });
        image.chip_auth.push(ChipAuthKey { key: key.into(), key_id: Some(3) });
        image.active_auth = Some(ActiveAuthKey::Rsa { modulus: vec![0xC1; 256], private_exponent: Secret::new(vec![5; 256]) });
        ImageFile { profile: "cccd-2021".to_owned(), live: false, image }
    }

    #[test]
    fn an_image_survives_a_file_that_only_its_owner_can_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("image.json");
        let mut with_pin = example();
        with_pin.image.passwords.pin = Some(Secret::from(&b"314159"[..]));
        let rules = PinRules { least: 6, powers: vec![PinPower::TerminalSetsPin], active: true, unblocks: 10, changes: 0 };
        with_pin.image.passwords.pin_rules = Some(rules);
        with_pin.save(&path).expect("written");
        assert_eq!(ImageFile::load(&path).expect("read"), with_pin);
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).expect("there"));
            assert_eq!(mode & 0o777, 0o600);
        }
        assert!(matches!(example().save(&path), Err(ImageFileError::Io { .. })), "an image is never overwritten");
    }

    /// The form of version 1, written by hand: readers of later versions must go on reading it.
    #[test]
    fn version_1_is_read_as_it_was_written() {
        let json = r#"{"format":"cardwright-image","version":1,"profile":"cccd-2021","live":false,
            "files":{"EF.COM":"6000","EF.CardAccess":"3100"},"passwords":{"can":"313233343536"},
            "chip_auth":[{"parameter_id":12,"private":"0707070707070707070707070707070707070707070707070707070707070707","key_id":3}]}"#;
        let mut expected = example();
        expected.image.active_auth = None;
        // these came later, and older images are without them
        expected.image.restricted_id.clear();
        assert_eq!(ImageFile::from_json(json).expect("read"), expected);
    }

    #[test]
    fn what_is_not_an_image_is_refused_without_telling_secrets() {
        let json = example().to_json();
        let error = |from: &str, to: &str| ImageFile::from_json(&json.replacen(from, to, 1)).expect_err(to).to_string();
        assert_eq!(
            error("\"version\": 1", "\"version\": 2"),
            "image: format: expected cardwright-image version 1, found cardwright-image version 2"
        );
        assert_eq!(error("EF.COM", "EF.CON"), "image: files: expected a file of Doc 9303-10, found EF.CON");
        assert!(error("\"live\"", "\"alive\"").starts_with("image: unknown field `alive`"));
        assert!(error("\"6000\"", "\"600\"").starts_with("image: files: expected hexadecimal digits, found Odd"));
        let message = error("313233343536", "31323334353x");
        assert_eq!(message, "image: passwords: expected hexadecimal digits, found 12 other characters");
        assert!(ImageFile::from_json(&json[..json.len() / 2]).is_err(), "a truncated file");
        assert!(error("\"parameter_id\": 12", "\"parameter_id\": 77").contains("domain parameter id, 0 to 2 or 8 to 18"));
    }
}
