//! An authority in a directory: declared once, opened again, issuing certificates.
//!
//! ```text
//! pki.toml        the hierarchy, written by people
//! csca.cer        certificate of the first CSCA key, DER  csca.key     its private key, encrypted, unless a token holds it
//! csca-2.cer      the second CSCA key, and so on          link-2.cer   from the first to the second
//! NAME.cer        certificate of a signer, DER            NAME.key     its private key, encrypted, unless a token or another place holds it
//! csca.crl        the newest revocation list           master-list.ml, deviation-list.dvl   the newest of each
//! register.jsonl  everything that was ever issued         register.head  its length and hash
//! ```
//!
//! Order of every issue: key, reservation, signature, line in the register, certificate file. A crash leaves either a burned number (and
//! a key that no certificate names, which the next attempt takes up), or a certificate that opening publishes again.

pub mod publish;
pub mod receive;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use eid::cert::CertError;
use eid::cert::x509::{Certificate, name};
use eid::crypto::signature::{Algorithm, PublicKey};
use eid::date::Date;
use eid::oid;
use eid::signer::Signer;
use rand_core::CryptoRng;

use crate::certificate::IssueError;
use crate::csca;
use crate::ds::{self, DsParameters};
use crate::file::{self, Readers};
use crate::hierarchy::{self, Hierarchy, HierarchyError};
use crate::key;
use crate::keys::{self, KeyStore, KeyStoreError};
use crate::list_signer::{self, ListSignerParameters};
use crate::register::{Burned, Issued, Register, RegisterError};

const CSCA: &str = "csca";
const LINK: &str = "link";
/// Where the key of a certificate is that was issued for a key from elsewhere.
pub const ELSEWHERE: &str = "elsewhere";

/// Why the authority did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is an authority in the directory, or none.
    #[error("{path}: {detail}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What is there.
        detail: &'static str,
    },
    /// `pki.toml`.
    #[error(transparent)]
    Hierarchy(#[from] HierarchyError),
    /// A name that cannot be a file's.
    #[error("name of a signer: expected 1 to 64 of a-z, 0-9 and hyphen, not csca, csca-N, or link-N, found {0:?}")]
    Name(String),
    /// Nothing was issued under the name.
    #[error("no certificate was issued as {0}")]
    Unknown(String),
    /// No CSCA was made yet.
    #[error("there is no CSCA yet")]
    NoCsca,
    /// A CSCA is there, and a link is missing, or the like.
    #[error("{0}")]
    Order(String),
    /// The store of a key.
    #[error(transparent)]
    Key(#[from] KeyStoreError),
    /// Key and certificate do not belong together.
    #[error("key of {0} is not that of its certificate")]
    OtherKey(String),
    /// The register.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The certificate.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// A certificate in the register that does not read.
    #[error("certificate of {name}: {source}")]
    Certificate {
        /// Whose.
        name: String,
        /// What is wrong.
        source: CertError,
    },
}

/// Who signs, who asked, and when.
#[derive(Clone, Copy)]
pub struct Issuing<'a> {
    /// The key of the newest CSCA.
    pub signer: &'a dyn Signer,
    /// Who asked; it goes into the register.
    pub by: &'a str,
    /// The day.
    pub today: Date,
}

impl fmt::Debug for Issuing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuing(by {:?} on {})", self.by, self.today)
    }
}

/// A CSCA key with its root certificate.
#[derive(Clone, Debug)]
pub struct Generation {
    /// Name of its files and label of its key: `csca`, `csca-2`.
    pub name: String,
    /// The root.
    pub certificate: Certificate,
}

/// An authority, open and locked against other processes.
#[derive(Debug)]
pub struct Authority {
    directory: PathBuf,
    hierarchy: Hierarchy,
    register: Register,
    cscas: Vec<Generation>,
}

impl Authority {
    /// Declares an authority: writes `pki.toml` into `directory`, which is created if it is not there (its parent must be). A file that
    /// is there is never touched.
    ///
    /// # Errors
    /// There is one, the hierarchy breaks a rule, or the file cannot be written.
    pub fn declare(directory: &Path, hierarchy: &Hierarchy) -> Result<(), PkiError> {
        let text = hierarchy.to_toml();
        Hierarchy::parse(&text)?;
        match fs::create_dir(directory) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                return Err(PkiError::Io { path: directory.to_owned(), source });
            }
            _ => {}
        }
        let path = directory.join(hierarchy::FILE);
        file::write(&path, text.as_bytes(), Readers::All, false).map_err(|source| PkiError::Io { path, source })
    }

    /// Opens the authority that is declared in `directory`. Numbers that a crash left reserved are burned and returned; certificates that
    /// were issued and not published are published.
    ///
    /// # Errors
    /// There is none, another process has it open, or `pki.toml` or the register is damaged.
    pub fn open(directory: &Path, today: Date) -> Result<(Self, Vec<Burned>), PkiError> {
        let path = directory.join(hierarchy::FILE);
        let text = fs::read_to_string(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => {
                PkiError::Directory { path: directory.to_owned(), detail: "there is no authority in it (no pki.toml)" }
            }
            _ => PkiError::Io { path, source },
        })?;
        let hierarchy = Hierarchy::parse(&text)?;
        let (register, burned) = Register::open(&register_path(directory), today)?;
        let mut cscas = Vec::new();
        for issued in register.issued() {
            let path = certificate_path(directory, &issued.name);
            if !path.exists() {
                publish(&path, &issued.certificate)?;
            }
            if issued.role == CSCA {
                cscas.push(Generation { name: issued.name.clone(), certificate: read_certificate(issued)? });
            }
        }
        publish::restore(directory, &register).map_err(|(path, source)| PkiError::Io { path, source })?;
        Ok((Self { directory: directory.to_owned(), hierarchy, register, cscas }, burned))
    }

    /// The folder.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What is declared.
    #[must_use]
    pub const fn hierarchy(&self) -> &Hierarchy {
        &self.hierarchy
    }

    /// The register.
    #[must_use]
    pub const fn register(&self) -> &Register {
        &self.register
    }

    /// The register, to write into: numbers of lists, revocations, requests.
    pub const fn register_mut(&mut self) -> &mut Register {
        &mut self.register
    }

    /// The certificate of the newest CSCA key.
    ///
    /// # Errors
    /// None was made yet.
    pub fn csca(&self) -> Result<&Certificate, PkiError> {
        self.newest().map(|newest| &newest.certificate)
    }

    fn newest(&self) -> Result<&Generation, PkiError> {
        self.cscas.last().ok_or(PkiError::NoCsca)
    }

    /// All CSCA keys, the oldest first.
    #[must_use]
    pub fn cscas(&self) -> &[Generation] {
        &self.cscas
    }

    /// Every certificate that was issued, in order.
    #[must_use]
    pub fn issued(&self) -> &[Issued] {
        self.register.issued()
    }

    /// `stem` or the first of `stem-2`, `stem-3`, … under which nothing was issued, and its number from 1.
    #[must_use]
    pub fn next_name(&self, stem: &str) -> (String, usize) {
        let name = |n: usize| if n == 1 { stem.to_owned() } else { format!("{stem}-{n}") };
        // of more names than certificates one is free
        let free = (1..=self.issued().len() + 1).find(|&n| self.register.find(&name(n)).is_none()).unwrap_or(1);
        (name(free), free)
    }

    /// The key of `name` (`csca`, a signer) from `keys`, and its certificate.
    ///
    /// # Errors
    /// Nothing was issued under the name, the store does not open the key, or the key is that of another certificate.
    pub fn signer(&self, name: &str, keys: &dyn KeyStore) -> Result<(Box<dyn Signer + Send + Sync>, Certificate), PkiError> {
        let issued = self.register.find(name).ok_or_else(|| PkiError::Unknown(name.to_owned()))?;
        let algorithm = key::algorithm_of_name(&issued.algorithm)
            .ok_or_else(|| RegisterError::Misuse(format!("unknown algorithm {} of {name}", issued.algorithm)))?;
        let signer = keys.open(name, algorithm)?;
        let certificate = read_certificate(issued)?;
        check_key(name, &certificate, signer.as_ref())?;
        Ok((signer, certificate))
    }

    /// Makes the first CSCA as `pki.toml` declares it, with its key in `keys`.
    ///
    /// # Errors
    /// There is one, none is declared, the store refuses, or a parameter breaks the profile.
    pub fn issue_csca(&mut self, keys: &dyn KeyStore, by: &str, rng: &mut dyn CryptoRng, today: Date) -> Result<Certificate, PkiError> {
        if let Ok(newest) = self.newest() {
            return Err(PkiError::Order(format!("there is a CSCA already ({}); a further key is a rollover", newest.name)));
        }
        self.root(keys, by, rng, today)
    }

    /// Makes the next CSCA key, its root, and the link certificate from the key before, which `old` holds. The name is the one in
    /// `pki.toml`: the same, or a new one.
    ///
    /// # Errors
    /// There is none to follow, the old key is out of use or not the newest, a link is missing, or as [`Authority::issue_csca`].
    pub fn roll_over(
        &mut self,
        old: &dyn Signer,
        keys: &dyn KeyStore,
        by: &str,
        rng: &mut dyn CryptoRng,
        today: Date,
    ) -> Result<(Certificate, Certificate), PkiError> {
        let newest = self.newest()?;
        check_key(&newest.name, &newest.certificate, old)?;
        csca::check_key_use(&newest.certificate, today).map_err(IssueError::from)?;
        if let Some(missing) = self.missing_link() {
            return Err(PkiError::Order(format!("the link certificate {} is missing; it comes before the next key", link_name(missing))));
        }
        let root = self.root(keys, by, rng, today)?;
        let link = self.issue_link(old, by, rng, today)?;
        Ok((root, link))
    }

    fn root(&mut self, keys: &dyn KeyStore, by: &str, rng: &mut dyn CryptoRng, today: Date) -> Result<Certificate, PkiError> {
        let (subject, parameters) = (self.hierarchy.subject(), self.hierarchy.csca_parameters()?);
        let name = if self.cscas.is_empty() { CSCA.to_owned() } else { format!("{CSCA}-{}", self.cscas.len() + 1) };
        keys::generate_or_adopt(keys, &name, parameters.key, parameters.algorithm, rng)?;
        let signer = keys.open(&name, parameters.algorithm)?;
        let what = What { name: &name, role: CSCA, algorithm: Some(parameters.algorithm), key: &keys.place() };
        let certificate =
            self.issue(&what, by, rng, today, |serial| csca::create(&subject, &parameters, signer.as_ref(), serial, today))?;
        self.cscas.push(Generation { name, certificate: certificate.clone() });
        Ok(certificate)
    }

    /// The first CSCA key, counted from 2, to which no link certificate leads: a rollover ended halfway.
    #[must_use]
    pub fn missing_link(&self) -> Option<usize> {
        (2..=self.cscas.len()).find(|&n| self.register.find(&link_name(n)).is_none())
    }

    /// The CSCA key that the missing link certificate is signed with.
    #[must_use]
    pub fn missing_link_signer(&self) -> Option<&Generation> {
        self.missing_link().and_then(|n| self.cscas.get(n.checked_sub(2)?))
    }

    /// Makes the link certificate that is missing; `old` holds the older key.
    ///
    /// # Errors
    /// None is missing, `old` is another key or out of use, or the signer refuses.
    pub fn issue_link(&mut self, old: &dyn Signer, by: &str, rng: &mut dyn CryptoRng, today: Date) -> Result<Certificate, PkiError> {
        let missing = self.missing_link().and_then(|n| Some((n, self.cscas.get(n - 2)?.clone(), self.cscas.get(n - 1)?.clone())));
        let (n, before, after) = missing.ok_or_else(|| PkiError::Order("no link certificate is missing".to_owned()))?;
        check_key(&before.name, &before.certificate, old)?;
        let name = link_name(n);
        let what = What { name: &name, role: LINK, algorithm: None, key: &after.name };
        self.issue(&what, by, rng, today, |serial| csca::link(&before.certificate, old, &after.certificate, serial, today))
    }

    /// Makes a key in `keys` and a certificate for the document signer `name` (`ds`).
    ///
    /// # Errors
    /// The name is taken or no name, the signer is not the newest CSCA key or refuses, or a parameter breaks the profile.
    pub fn issue_ds(
        &mut self,
        name: &str,
        parameters: &DsParameters,
        keys: &dyn KeyStore,
        issuing: &Issuing<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Certificate, PkiError> {
        self.check_issuing(name, issuing)?;
        let public = keys::generate_or_adopt(keys, name, parameters.key, parameters.algorithm, rng)?;
        self.certify_ds(name, parameters, &public, &keys.place(), issuing, rng)
    }

    /// Makes a certificate for the document signer `name` whose key lives elsewhere.
    ///
    /// # Errors
    /// As [`Authority::issue_ds`]; that the asker holds the key is the caller's to check.
    pub fn issue_ds_for_key(
        &mut self,
        name: &str,
        parameters: &DsParameters,
        public: &PublicKey,
        issuing: &Issuing<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Certificate, PkiError> {
        self.check_issuing(name, issuing)?;
        self.certify_ds(name, parameters, public, ELSEWHERE, issuing, rng)
    }

    fn certify_ds(
        &mut self,
        name: &str,
        parameters: &DsParameters,
        public: &PublicKey,
        place: &str,
        issuing: &Issuing<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Certificate, PkiError> {
        let (csca, subject) = (self.csca()?.clone(), self.signer_subject(&parameters.common_name)?);
        let what = What { name, role: "ds", algorithm: Some(parameters.algorithm), key: place };
        self.issue(&what, issuing.by, rng, issuing.today, |serial| {
            ds::issue(&csca, issuing.signer, &subject, parameters, public, serial, issuing.today)
        })
    }

    /// Makes a key in `keys` and a certificate for the list signer `name` (`mls`, `dls`).
    ///
    /// # Errors
    /// As [`Authority::issue_ds`].
    pub fn issue_list_signer(
        &mut self,
        name: &str,
        parameters: &ListSignerParameters,
        keys: &dyn KeyStore,
        issuing: &Issuing<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Certificate, PkiError> {
        self.check_issuing(name, issuing)?;
        let public = keys::generate_or_adopt(keys, name, parameters.key, parameters.algorithm, rng)?;
        let (csca, subject) = (self.csca()?.clone(), self.signer_subject(&parameters.common_name)?);
        let what = What { name, role: parameters.list.role(), algorithm: Some(parameters.algorithm), key: &keys.place() };
        self.issue(&what, issuing.by, rng, issuing.today, |serial| {
            list_signer::issue(&csca, issuing.signer, &subject, parameters, &public, serial, issuing.today)
        })
    }

    /// Whether `name` is free and the signer is the newest CSCA key, in use on the day: before a key is made.
    fn check_issuing(&self, name: &str, issuing: &Issuing<'_>) -> Result<(), PkiError> {
        let characters = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let numbered = |stem: &str| name.strip_prefix(stem).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if name.is_empty() || name.len() > 64 || !characters || name == CSCA || numbered("csca-") || numbered("link-") {
            return Err(PkiError::Name(name.chars().take(80).collect()));
        }
        if self.register.find(name).is_some() {
            return Err(RegisterError::Misuse(format!("{name} has a certificate already")).into());
        }
        let newest = self.newest()?;
        check_key(&newest.name, &newest.certificate, issuing.signer)?;
        csca::check_key_use(&newest.certificate, issuing.today).map_err(IssueError::from)?;
        Ok(())
    }

    /// The state and organization of the CSCA with another common name, as a Name in DER.
    ///
    /// # Errors
    /// There is no CSCA.
    pub fn signer_subject(&self, common_name: &str) -> Result<Vec<u8>, PkiError> {
        let csca = self.csca()?;
        let values = |kind| name::values(csca.subject(), kind);
        let (country, organization, unit) = (values(oid::COUNTRY), values(oid::ORGANIZATION), values(oid::ORGANIZATIONAL_UNIT));
        let mut attributes: Vec<(&'static str, &str)> = Vec::new();
        attributes.extend(country.iter().map(|v| (oid::COUNTRY, v.as_str())));
        attributes.extend(organization.iter().map(|v| (oid::ORGANIZATION, v.as_str())));
        attributes.extend(unit.iter().map(|v| (oid::ORGANIZATIONAL_UNIT, v.as_str())));
        attributes.push((oid::COMMON_NAME, common_name));
        Ok(name::encode(&attributes))
    }

    /// Reserve, sign, commit, publish.
    fn issue(
        &mut self,
        what: &What<'_>,
        by: &str,
        rng: &mut dyn CryptoRng,
        today: Date,
        make: impl FnOnce(&[u8]) -> Result<Certificate, IssueError>,
    ) -> Result<Certificate, PkiError> {
        let reservation = self.register.reserve_serial(what.name, by, rng, today)?;
        let certificate = match make(&reservation.serial()) {
            Ok(certificate) => certificate,
            Err(error) => {
                self.register.burn(&reservation, &error.to_string(), today)?;
                return Err(error.into());
            }
        };
        let algorithm = what.algorithm.map(key::algorithm_name).unwrap_or_default();
        let details = [("role", what.role), ("algorithm", algorithm.as_str()), ("key", what.key)];
        self.register.commit(&reservation, &details, certificate.der(), today)?;
        publish(&certificate_path(&self.directory, what.name), certificate.der())?;
        Ok(certificate)
    }
}

/// What is to be issued, as the register names it.
struct What<'a> {
    name: &'a str,
    role: &'a str,
    /// What its key signs with; a link certificate has no key of its own.
    algorithm: Option<Algorithm>,
    key: &'a str,
}

fn check_key(name: &str, certificate: &Certificate, signer: &dyn Signer) -> Result<(), PkiError> {
    match certificate.key() {
        Ok(info) if info.key == signer.public_key() => Ok(()),
        _ => Err(PkiError::OtherKey(name.to_owned())),
    }
}

/// A certificate as PEM.
#[must_use]
pub fn to_pem(certificate: &Certificate) -> String {
    use pkcs8::der::pem::{LineEnding, encode_string};
    encode_string("CERTIFICATE", LineEnding::LF, certificate.der()).unwrap_or_default()
}

/// The register of the authority in `directory`.
#[must_use]
pub fn register_path(directory: &Path) -> PathBuf {
    directory.join("register.jsonl")
}

fn link_name(n: usize) -> String {
    format!("{LINK}-{n}")
}

fn certificate_path(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.cer"))
}

fn read_certificate(issued: &Issued) -> Result<Certificate, PkiError> {
    Certificate::from_der(&issued.certificate).map_err(|source| PkiError::Certificate { name: issued.name.clone(), source })
}

fn publish(path: &Path, certificate: &[u8]) -> Result<(), PkiError> {
    file::write(path, certificate, Readers::All, true).map_err(|source| PkiError::Io { path: path.to_owned(), source })
}
