//! The folder of a site: what it makes, where it remembers, and its keys.
//!
//! ```text
//! line.toml          name, store, profiles, authority                       (written by `line init`, changed by people)
//! keys/image.key     seals images on their way to a station                 32 bytes, hexadecimal, for its owner alone
//! keys/pseudonym.key makes the names in store and log                       32 bytes, hexadecimal, for its owner alone
//! keys/preparation.key, keys/preparation.pub   signs batches                PKCS#8 under a pass phrase; SPKI, DER
//! keys/checkpoint.key,  keys/checkpoint.pub    signs checkpoints of the log; a station never needs the private half
//! intake/  images/   what was taken in, and what was prepared
//! stations/          what each station remembers by itself
//! blanks/  good/  reject/                      virtual cards of a test site
//! ```
//!
//! Refused: a folder that holds a site already, unknown fields, another version, a key of another length.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use eid::cert::spki;
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, PublicKey};
use eid::secret::Secret;
use pki::file::{self, Readers};
use pki::key::KeyParameters;
use pki::{KeyStore, KeyStoreError};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::pseudonym::{self, Pseudonyms};
use super::seal::{self, Seal};
use crate::perso::toml_text;

/// Name of the file that makes a folder a site.
pub const FILE: &str = "line.toml";
/// Label of the key that signs batches.
pub const PREPARATION: &str = "preparation";
/// Label of the key that signs checkpoints of the log.
pub const CHECKPOINT: &str = "checkpoint";
/// What both keys sign with.
pub const ALGORITHM: Algorithm = Algorithm::Ecdsa(Hash::Sha256);

const VERSION: u32 = 1;
const IMAGE_KEY: &str = "keys/image.key";
const PSEUDONYM_KEY: &str = "keys/pseudonym.key";

/// `line.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Version of the file, 1.
    pub version: u32,
    /// Name of the site.
    pub name: String,
    /// `sqlite:FILE`, seen from the folder, or `postgres://USER@HOST/NAME`.
    pub store: String,
    /// Name of a built-in document profile, or a file seen from the folder.
    pub document_profile: String,
    /// Name of a built-in card profile, or a file seen from the folder.
    pub card_profile: String,
    /// Folder of the authority, seen from this folder.
    pub authority: String,
    /// Name of the document signer there.
    pub signer: String,
    /// Whether the cards are for persons. A test site takes test people and writes test cards with the public test keys.
    pub live: bool,
}

impl Config {
    /// The site of a name with all defaults.
    #[must_use]
    pub fn new(name: &str, live: bool) -> Self {
        Self {
            version: VERSION,
            name: name.to_owned(),
            store: "sqlite:line.db".to_owned(),
            document_profile: "cccd-2021".to_owned(),
            card_profile: "eid-gp-scp03".to_owned(),
            authority: "pki".to_owned(),
            signer: "ds".to_owned(),
            live,
        }
    }
}

/// Why there is no site.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The file system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is a site already, or none.
    #[error("{folder}: expected {expected}, found {found}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What is needed.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// `line.toml` is not understood.
    #[error("{0}")]
    Config(String),
    /// A key file holds something else.
    #[error("{path}: expected {expected}, found {found}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What belongs there.
        expected: &'static str,
        /// What is there; never a part of it.
        found: String,
    },
    /// A signing key was not made or opened.
    #[error(transparent)]
    Key(#[from] KeyStoreError),
}

/// Which store: parsed from `sqlite:FILE` or `postgres://…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreUrl(String);

impl StoreUrl {
    /// The text, without secrets: a URL with a password is none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a file of this machine.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.0.starts_with("sqlite:")
    }

    /// The same with the file seen from `folder`.
    #[must_use]
    pub fn within(&self, folder: &Path) -> Self {
        match self.0.strip_prefix("sqlite:") {
            Some(file) => Self(format!("sqlite:{}", folder.join(file).display())),
            None => self.clone(),
        }
    }
}

impl FromStr for StoreUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = |found: &str| Err(format!("expected sqlite:FILE or postgres://USER@HOST/NAME, found {found}"));
        if let Some(file) = text.strip_prefix("sqlite:") {
            return if file.is_empty() { expected("sqlite: without a file") } else { Ok(Self(text.to_owned())) };
        }
        let Some(rest) = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) else {
            return expected(&format!("{:?}", text.split("://").next().unwrap_or_default().chars().take(32).collect::<String>()));
        };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) || rest.contains("password=") {
            return expected("a password in it, which every program of the machine can see: put it into PGPASSWORD or a file");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A site.
#[derive(Clone, Debug)]
pub struct Site {
    folder: PathBuf,
    config: Config,
}

impl Site {
    /// Makes the folder of a site with its keys. `signing` keeps the two signing keys; it is given the folder `keys`.
    ///
    /// # Errors
    /// There is a site, or something cannot be written or made.
    pub fn create(
        folder: &Path,
        config: &Config,
        signing: impl FnOnce(&Path) -> Box<dyn KeyStore + Send + Sync>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, SiteError> {
        if folder.join(FILE).exists() {
            return Err(SiteError::Folder { folder: folder.to_owned(), expected: "a folder without line.toml", found: "a site" });
        }
        let site = Self { folder: folder.to_owned(), config: config.clone() };
        for name in ["keys", "intake", "images", "stations"] {
            let path = folder.join(name);
            std::fs::create_dir_all(&path).map_err(|source| SiteError::Io { path, source })?;
        }
        for (name, len) in [(IMAGE_KEY, seal::KEY_LEN), (PSEUDONYM_KEY, pseudonym::KEY_LEN)] {
            let path = folder.join(name);
            if path.exists() {
                // of an attempt that ended before line.toml: nothing was ever sealed or named with it
                continue;
            }
            let mut key = Zeroizing::new(vec![0; len]);
            rng.fill_bytes(&mut key);
            let text = Zeroizing::new(hex::encode(&*key) + "\n");
            file::write(&path, text.as_bytes(), Readers::Owner, false).map_err(|source| SiteError::Io { path, source })?;
        }
        let keys = signing(&folder.join("keys"));
        for label in [PREPARATION, CHECKPOINT] {
            let public = pki::keys::generate_or_adopt(keys.as_ref(), label, KeyParameters::Ec(Curve::P256), ALGORITHM, rng)?;
            let path = site.public_path(label);
            file::write(&path, &spki::encode(&public), Readers::All, true).map_err(|source| SiteError::Io { path, source })?;
        }
        // last: a folder is a site when everything else is there
        let path = folder.join(FILE);
        let text = toml::to_string(config).map_err(|error| SiteError::Config(error.to_string()))?;
        file::write(&path, text.as_bytes(), Readers::All, false).map_err(|source| SiteError::Io { path, source })?;
        Ok(site)
    }

    /// Opens the site in a folder.
    ///
    /// # Errors
    /// There is none, or its `line.toml` is not understood.
    pub fn open(folder: &Path) -> Result<Self, SiteError> {
        let path = folder.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => {
                SiteError::Folder { folder: folder.to_owned(), expected: "a site, with line.toml", found: "none" }
            }
            _ => SiteError::Io { path: path.clone(), source },
        })?;
        let config: Config = toml_text::read(&path.display().to_string(), &text).map_err(|error| SiteError::Config(error.to_string()))?;
        if config.version != VERSION {
            return Err(SiteError::Config(format!("{}: version: expected {VERSION}, found {}", path.display(), config.version)));
        }
        Ok(Self { folder: folder.to_owned(), config })
    }

    /// What `line.toml` says.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// A path seen from the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The store that `line.toml` names.
    ///
    /// # Errors
    /// [`SiteError::Config`]: it names none.
    pub fn store(&self) -> Result<StoreUrl, SiteError> {
        let url: StoreUrl = self.config.store.parse().map_err(|error| SiteError::Config(format!("{FILE}: store: {error}")))?;
        Ok(url.within(&self.folder))
    }

    /// A profile that `line.toml` names: a built-in one by its name, a file seen from the folder.
    #[must_use]
    pub fn profile(&self, name: &str) -> String {
        let file = self.folder.join(name);
        if file.is_file() { file.display().to_string() } else { name.to_owned() }
    }

    /// The folder of the authority.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.join(&self.config.authority)
    }

    /// What seals the images.
    ///
    /// # Errors
    /// The key file is missing or holds no key.
    pub fn seal(&self) -> Result<Seal, SiteError> {
        let key = self.key(IMAGE_KEY)?;
        Seal::new(key).ok_or_else(|| self.no_key(IMAGE_KEY, "another length".to_owned()))
    }

    /// What names persons and documents.
    ///
    /// # Errors
    /// The key file is missing or holds no key.
    pub fn pseudonyms(&self) -> Result<Pseudonyms, SiteError> {
        let key = self.key(PSEUDONYM_KEY)?;
        Pseudonyms::new(key).ok_or_else(|| self.no_key(PSEUDONYM_KEY, "another length".to_owned()))
    }

    /// The public half of [`PREPARATION`] or [`CHECKPOINT`].
    ///
    /// # Errors
    /// The file is missing or holds no key.
    pub fn public_key(&self, label: &str) -> Result<PublicKey, SiteError> {
        let path = self.public_path(label);
        let bytes = std::fs::read(&path).map_err(|source| SiteError::Io { path: path.clone(), source })?;
        let wrong = |error: &dyn fmt::Display| SiteError::KeyFile {
            path: path.clone(),
            expected: "a public key (SubjectPublicKeyInfo, DER)",
            found: error.to_string(),
        };
        spki::parse(&bytes).map(|info| info.key).map_err(|error| wrong(&error))
    }

    fn public_path(&self, label: &str) -> PathBuf {
        self.folder.join("keys").join(format!("{label}.pub"))
    }

    fn key(&self, name: &str) -> Result<Secret, SiteError> {
        let path = self.folder.join(name);
        let text = Zeroizing::new(std::fs::read_to_string(&path).map_err(|source| SiteError::Io { path, source })?);
        let key = hex::decode(text.trim_end()).map_err(|_| self.no_key(name, format!("{} other characters", text.len())))?;
        Ok(Secret::new(key))
    }

    fn no_key(&self, name: &str, found: String) -> SiteError {
        SiteError::KeyFile { path: self.folder.join(name), expected: "64 hexadecimal digits", found }
    }
}

#[cfg(test)]
mod tests {
    use applets::rng::SeededRng;
    use pki::SoftwareKeys;

    use super::*;

    fn signing(folder: &Path) -> Box<dyn KeyStore + Send + Sync> {
        Box::new(SoftwareKeys::new(folder, Secret::from(&b"test"[..]), SeededRng::new(b"signing")))
    }

    #[test]
    fn a_site_is_made_once_and_opens_with_its_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config::new("desk", false);
        assert!(matches!(Site::open(folder.path()), Err(SiteError::Folder { .. })));
        Site::create(folder.path(), &config, signing, &mut SeededRng::new(b"site")).expect("made");
        let again = Site::create(folder.path(), &config, signing, &mut SeededRng::new(b"site"));
        assert!(again.expect_err("once").to_string().ends_with("expected a folder without line.toml, found a site"));
        let site = Site::open(folder.path()).expect("opens");
        assert_eq!(site.config(), &config);
        assert_eq!(site.store().expect("a store").as_str(), format!("sqlite:{}", folder.path().join("line.db").display()));
        site.seal().expect("a key");
        site.pseudonyms().expect("a key");
        let keys = signing(&folder.path().join("keys"));
        for label in [PREPARATION, CHECKPOINT] {
            assert_eq!(keys.open(label, ALGORITHM).expect("a key").public_key(), site.public_key(label).expect("a public key"));
        }
        #[cfg(unix)]
        for name in [IMAGE_KEY, PSEUDONYM_KEY] {
            let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(site.path(name)).expect("there"));
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        std::fs::write(site.path(IMAGE_KEY), "00112233\n").expect("written");
        assert!(site.seal().expect_err("short").to_string().ends_with("expected 64 hexadecimal digits, found another length"));
        let text = std::fs::read_to_string(site.path(FILE)).expect("text");
        for (from, to, error) in
            [("version = 1", "version = 2", "version: expected 1, found 2"), ("live", "alive", "unknown field `alive`")]
        {
            std::fs::write(site.path(FILE), text.replace(from, to)).expect("written");
            let found = Site::open(folder.path()).expect_err(to).to_string();
            assert!(found.contains(error), "{found}");
        }
    }

    #[test]
    fn a_store_is_named_by_a_url_without_a_password() {
        let parse = |text: &str| text.parse::<StoreUrl>();
        for text in ["sqlite:line.db", "postgres://line@db.example/line", "postgresql://line@%2Frun%2Fpg/line?sslmode=disable"] {
            assert_eq!(parse(text).expect(text).as_str(), text);
        }
        for text in ["postgres://line:secret@db/line", "postgres://db/line?user=line&password=secret"] {
            let error = parse(text).expect_err(text);
            assert!(error.contains("PGPASSWORD") && !error.contains("secret"), "{error}");
        }
        for text in ["sqlite:", "mysql://db", "line.db", ""] {
            assert!(parse(text).expect_err(text).starts_with("expected sqlite:FILE or postgres://USER@HOST/NAME, found "));
        }
    }
}
