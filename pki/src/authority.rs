//! An authority in a directory: made once, opened again, issuing document signers.
//!
//! ```text
//! csca.cer        certificate of the CSCA, DER            csca.key     its private key, encrypted
//! NAME.cer        certificate of a document signer, DER   NAME.key     its private key, encrypted
//! register.jsonl  every serial number ever reserved
//! ```
//!
//! Order of every issue: key file, reservation, signature, line in the register, certificate file. A crash leaves either a burned
//! number (and a key file that no certificate names, which the next attempt replaces), or a certificate that opening publishes again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use eid::cert::CertError;
use eid::cert::x509::{Certificate, name};
use eid::crypto::signature::PublicKey;
use eid::date::Date;
use eid::oid;
use eid::secret::Secret;
use eid::signer::Signer;
use rand_core::CryptoRng;

use crate::certificate::IssueError;
use crate::csca::{self, CscaParameters};
use crate::ds::{self, DsParameters};
use crate::file::{self, Readers};
use crate::key::{self, KeyError, SigningKey};
use crate::profile::Subject;
use crate::register::{Burned, Issued, Register, RegisterError};
use crate::software::SoftwareSigner;

const CSCA: &str = "csca";

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
    /// A name that cannot be a file's.
    #[error("name of a document signer: expected 1 to 64 of a-z, 0-9 and hyphen, not csca, found {0:?}")]
    Name(String),
    /// Nothing was issued under the name.
    #[error("no certificate was issued as {0}")]
    Unknown(String),
    /// The key of a certificate.
    #[error("key of {name}: {source}")]
    Key {
        /// Whose.
        name: String,
        /// What is wrong.
        source: KeyError,
    },
    /// Key file and certificate do not belong together.
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

/// An authority, open and locked against other processes.
#[derive(Debug)]
pub struct Authority {
    directory: PathBuf,
    register: Register,
    csca: Certificate,
}

impl Authority {
    /// Makes a CSCA in `directory`, which is created if it is not there (its parent must be) and must hold no authority.
    ///
    /// # Errors
    /// The directory is taken or cannot be written, or a parameter breaks the profile.
    pub fn init(
        directory: &Path,
        subject: &Subject,
        parameters: &CscaParameters,
        pass_phrase: &Secret,
        rng: &mut dyn CryptoRng,
        today: Date,
    ) -> Result<Self, PkiError> {
        match fs::create_dir(directory) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                return Err(PkiError::Io { path: directory.to_owned(), source });
            }
            _ => {}
        }
        let (mut register, _) = Register::open(&register_path(directory), today)?;
        if register.find(CSCA).is_some() {
            return Err(PkiError::Directory { path: directory.to_owned(), detail: "there is an authority in it already" });
        }
        subject.check().map_err(IssueError::from)?;
        let key = generate(CSCA, parameters.key, parameters.algorithm, rng)?;
        store_key(directory, CSCA, &key, pass_phrase, rng)?;
        let algorithm = parameters.algorithm;
        let csca = issue(&mut register, directory, CSCA, &key::algorithm_name(algorithm), rng, today, |serial, rng| {
            csca::create(subject, parameters, &SoftwareSigner::new(CSCA, key, rng), serial, today)
        })?;
        Ok(Self { directory: directory.to_owned(), register, csca })
    }

    /// Opens the authority in `directory`. Serial numbers that a crash left reserved are burned and returned; certificates that were
    /// issued and not published are published.
    ///
    /// # Errors
    /// There is none, another process has it open, or the register is damaged.
    pub fn open(directory: &Path, today: Date) -> Result<(Self, Vec<Burned>), PkiError> {
        let none = || PkiError::Directory { path: directory.to_owned(), detail: "there is no authority in it" };
        let path = register_path(directory);
        if !path.exists() {
            return Err(none());
        }
        let (register, burned) = Register::open(&path, today)?;
        for issued in register.issued() {
            let path = certificate_path(directory, &issued.name);
            if !path.exists() {
                publish(&path, &issued.certificate)?;
            }
        }
        let csca = read_certificate(register.find(CSCA).ok_or_else(none)?)?;
        Ok((Self { directory: directory.to_owned(), register, csca }, burned))
    }

    /// The certificate of the CSCA.
    #[must_use]
    pub const fn csca(&self) -> &Certificate {
        &self.csca
    }

    /// Everything that was issued, the CSCA first.
    #[must_use]
    pub fn issued(&self) -> &[Issued] {
        self.register.issued()
    }

    /// Makes a key and a certificate for the document signer `name` (`ds`): files `NAME.cer` and `NAME.key`.
    ///
    /// # Errors
    /// The name is taken or no name, the CSCA's pass phrase is wrong, or a parameter breaks the profile.
    pub fn issue_ds(
        &mut self,
        name: &str,
        parameters: &DsParameters,
        csca_pass_phrase: &Secret,
        ds_pass_phrase: &Secret,
        rng: &mut dyn CryptoRng,
        today: Date,
    ) -> Result<Certificate, PkiError> {
        self.check_name(name)?;
        let csca_key = self.unlock(CSCA, csca_pass_phrase)?;
        let key = generate(name, parameters.key, parameters.algorithm, rng)?;
        store_key(&self.directory, name, &key, ds_pass_phrase, rng)?;
        let (csca, public) = (self.csca.clone(), key.public());
        let (subject, algorithm) = (self.ds_subject(&parameters.common_name), key::algorithm_name(parameters.algorithm));
        issue(&mut self.register, &self.directory, name, &algorithm, rng, today, |serial, rng| {
            let signer = SoftwareSigner::new(CSCA, csca_key, rng);
            ds::issue(&csca, &signer, &subject, parameters, &public, serial, today)
        })
    }

    /// Makes a certificate for the document signer `name` whose key is held elsewhere, with the CSCA's key in `csca_signer`.
    ///
    /// # Errors
    /// The name is taken or no name, the signer refuses or holds another key than the CSCA's, or a parameter breaks the profile.
    pub fn issue_ds_for_key(
        &mut self,
        name: &str,
        parameters: &DsParameters,
        key: &PublicKey,
        csca_signer: &dyn Signer,
        rng: &mut dyn CryptoRng,
        today: Date,
    ) -> Result<Certificate, PkiError> {
        self.check_name(name)?;
        let csca = self.csca.clone();
        let (subject, algorithm) = (self.ds_subject(&parameters.common_name), key::algorithm_name(parameters.algorithm));
        issue(&mut self.register, &self.directory, name, &algorithm, rng, today, |serial, _| {
            ds::issue(&csca, csca_signer, &subject, parameters, key, serial, today)
        })
    }

    /// A signer with the key of `name` (`csca` or a document signer) and its certificate. `rng` is for the signatures to come.
    ///
    /// # Errors
    /// Nothing was issued under the name, the pass phrase is wrong, or the key file is of another certificate.
    pub fn load_signer<R: CryptoRng>(
        &self,
        name: &str,
        pass_phrase: &Secret,
        rng: R,
    ) -> Result<(SoftwareSigner<R>, Certificate), PkiError> {
        let key = self.unlock(name, pass_phrase)?;
        let certificate = read_certificate(self.find(name)?)?;
        Ok((SoftwareSigner::new(name, key, rng), certificate))
    }

    fn find(&self, name: &str) -> Result<&Issued, PkiError> {
        self.register.find(name).ok_or_else(|| PkiError::Unknown(name.to_owned()))
    }

    fn unlock(&self, name: &str, pass_phrase: &Secret) -> Result<SigningKey, PkiError> {
        let issued = self.find(name)?;
        let path = key_path(&self.directory, name);
        let wrap = |source| PkiError::Key { name: name.to_owned(), source };
        let pem = zeroize::Zeroizing::new(fs::read(&path).map_err(|source| PkiError::Io { path, source })?);
        let key = key::decrypt(&pem, pass_phrase).map_err(wrap)?;
        let algorithm = key::algorithm_of_name(&issued.algorithm)
            .ok_or_else(|| RegisterError::Misuse(format!("unknown algorithm {} of {name}", issued.algorithm)))?;
        let key = SigningKey::new(key, algorithm).map_err(wrap)?;
        match read_certificate(issued)?.key() {
            Ok(info) if info.key == key.public() => Ok(key),
            _ => Err(PkiError::OtherKey(name.to_owned())),
        }
    }

    fn check_name(&self, name: &str) -> Result<(), PkiError> {
        let characters = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if name.is_empty() || name.len() > 64 || !characters || name == CSCA {
            return Err(PkiError::Name(name.chars().take(80).collect()));
        }
        match self.register.find(name) {
            Some(_) => Err(RegisterError::Misuse(format!("{name} has a certificate already")).into()),
            None => Ok(()),
        }
    }

    /// The state and organization of the CSCA with another common name.
    fn ds_subject(&self, common_name: &str) -> Vec<u8> {
        let values = |kind| name::values(self.csca.subject(), kind);
        let (country, organization, unit) = (values(oid::COUNTRY), values(oid::ORGANIZATION), values(oid::ORGANIZATIONAL_UNIT));
        let mut attributes: Vec<(&'static str, &str)> = Vec::new();
        attributes.extend(country.iter().map(|v| (oid::COUNTRY, v.as_str())));
        attributes.extend(organization.iter().map(|v| (oid::ORGANIZATION, v.as_str())));
        attributes.extend(unit.iter().map(|v| (oid::ORGANIZATIONAL_UNIT, v.as_str())));
        attributes.push((oid::COMMON_NAME, common_name));
        name::encode(&attributes)
    }
}

/// A certificate as PEM.
#[must_use]
pub fn to_pem(certificate: &Certificate) -> String {
    use pkcs8::der::pem::{LineEnding, encode_string};
    encode_string("CERTIFICATE", LineEnding::LF, certificate.der()).unwrap_or_default()
}

fn register_path(directory: &Path) -> PathBuf {
    directory.join("register.jsonl")
}

fn certificate_path(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.cer"))
}

fn key_path(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.key"))
}

fn read_certificate(issued: &Issued) -> Result<Certificate, PkiError> {
    Certificate::from_der(&issued.certificate).map_err(|source| PkiError::Certificate { name: issued.name.clone(), source })
}

fn generate(
    name: &str,
    parameters: key::KeyParameters,
    algorithm: eid::crypto::signature::Algorithm,
    rng: &mut dyn CryptoRng,
) -> Result<SigningKey, PkiError> {
    SigningKey::generate(parameters, algorithm, rng).map_err(|source| PkiError::Key { name: name.to_owned(), source })
}

fn store_key(directory: &Path, name: &str, key: &SigningKey, pass_phrase: &Secret, rng: &mut dyn CryptoRng) -> Result<(), PkiError> {
    let pem = key::encrypt(&key.key, pass_phrase, rng).map_err(|source| PkiError::Key { name: name.to_owned(), source })?;
    let path = key_path(directory, name);
    // a key file without a certificate in the register is the leftover of an attempt that failed
    file::write(&path, pem.as_bytes(), Readers::Owner, true).map_err(|source| PkiError::Io { path, source })
}

fn publish(path: &Path, certificate: &[u8]) -> Result<(), PkiError> {
    file::write(path, certificate, Readers::All, true).map_err(|source| PkiError::Io { path: path.to_owned(), source })
}

/// Reserve, sign, commit, publish.
fn issue(
    register: &mut Register,
    directory: &Path,
    name: &str,
    algorithm: &str,
    rng: &mut dyn CryptoRng,
    today: Date,
    make: impl FnOnce(&[u8], &mut dyn CryptoRng) -> Result<Certificate, IssueError>,
) -> Result<Certificate, PkiError> {
    let reservation = register.reserve_serial(name, "", rng, today)?;
    let certificate = match make(&reservation.serial(), rng) {
        Ok(certificate) => certificate,
        Err(error) => {
            register.burn(&reservation, &error.to_string(), today)?;
            return Err(error.into());
        }
    };
    let role = if name == CSCA { CSCA } else { "ds" };
    register.commit(&reservation, &[("role", role), ("algorithm", algorithm), ("key", "file")], certificate.der(), today)?;
    publish(&certificate_path(directory, name), certificate.der())?;
    Ok(certificate)
}
