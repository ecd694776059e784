//! The certificates of Terminal Authentication that the test plans need: made below the CVCA that the card under test trusts, right ones and
//! those that are wrong on purpose, or taken from a folder where somebody else made them.
//!
//! ```text
//! DIR/CVCA.cvcert               the CVCA that the card trusts, with its domain parameters
//! DIR/CVCA.pkcs8                its private key, PKCS#8 without a pass phrase; not needed where all of the following is there
//! DIR/CVCA-AT.cvcert, .pkcs8    the same for authentication terminals; where it is missing, there are none of these
//! DIR/NAME.cvcert               a certificate of the table (DV_CERT_1, …), 7F21 and what is in it, right or wrong: goes before one made here
//! DIR/KEY.pkcs8                 a private key of the table (IS_KEY_01, …): goes before one made here
//! ```
//!
//! These are test keys: whoever has the folder can read DG3, DG4, and the eID application of every card that trusts its CVCAs. Never a CVCA of real documents.

use std::collections::BTreeMap;
use std::path::PathBuf;

use eid::cert::CertError;
use eid::cert::chat::{Chat, Role, TerminalType};
use eid::cert::cvc::issue::{IssueError, Template};
use eid::cert::cvc::{CvKey, Cvc, Holder, KeyReference, VerifyingKey};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, PrivateKey, SignatureError, sign};
use eid::date::Date;
use eid::tlv;
use pki::key::{KeyError, KeyParameters, SigningKey};
use rand_core::CryptoRng;

use super::csv::CsvError;
use table::{Defect, Extension, Row};

mod folder;
mod make;
mod sector;
mod table;

/// Name of the CVCA's certificate, and the name by which the table means the CVCA's key.
const CVCA: &str = "CVCA";
/// The certificates that let a terminal read DG3 and DG4.
pub(super) const READER: [&str; 2] = ["DV_CERT_1", "IS_CERT_1"];
/// Name of the CVCA's key in the table.
const CVCA_KEY: &str = "CVCA_KEY_00";
/// The same names of the CVCA for authentication terminals.
const CVCA_AT: &str = "CVCA-AT";
const CVCA_AT_KEY: &str = "CVCA_AT_KEY_00";

/// Test certificates and keys of Terminal Authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestKeys {
    inspection: Root,
    /// The CVCA for authentication terminals.
    authentication: Option<Root>,
    rows: BTreeMap<String, Row>,
    certificates: BTreeMap<String, Vec<u8>>,
    keys: BTreeMap<String, PrivateKey>,
}

/// A CVCA.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Root {
    cvca: Cvc,
    verifying: VerifyingKey,
}

impl Root {
    fn new(cvca: Cvc, terminal: TerminalType, key: Option<&PrivateKey>, name: &str) -> Result<Self, TestKeysError> {
        let verifying = Holder::of_cvca(&cvca)?.key;
        if key.is_some_and(|key| key.public() != verifying.key) {
            return Err(TestKeysError::OtherKey(folder::key_file(name)));
        }
        let found = cvca.chat().terminal();
        if found != terminal {
            return Err(TestKeysError::OtherTerminal { name: name.to_owned(), expected: terminal.name(), found: found.name() });
        }
        Ok(Self { cvca, verifying })
    }

    /// A new one with all rights.
    fn generate(
        name: &KeyReference,
        terminal: TerminalType,
        (parameters, algorithm): (KeyParameters, Algorithm),
        validity: (Date, Date),
        rng: &mut dyn CryptoRng,
    ) -> Result<(Cvc, PrivateKey), TestKeysError> {
        let key = SigningKey::generate(parameters, algorithm, rng)?.key;
        let verifying = VerifyingKey { algorithm, key: key.public() };
        let template = Template {
            authority: name.clone(),
            key: CvKey::new(&verifying, true)?,
            holder: name.clone(),
            chat: Chat::full(terminal, Role::Cvca),
            validity,
            extensions: Vec::new(),
        };
        let signer = make::Once::new(&key, algorithm, rng);
        let cvca = template.issue(&signer)?;
        Ok((cvca, key))
    }

    const fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm
    }
}

/// A certificate as it is sent to a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCertificate {
    /// The name of the key that signed it: what MSE:Set DST is given.
    pub authority: Vec<u8>,
    /// The name of the key that it is for.
    pub holder: Vec<u8>,
    /// What PSO: VERIFY CERTIFICATE carries: body and signature.
    pub content: Vec<u8>,
}

/// Why there is no such certificate or key.
#[derive(Debug, thiserror::Error)]
pub enum TestKeysError {
    /// The built-in table cannot be read.
    #[error("table of certificates: {0}")]
    Table(#[from] CsvError),
    /// No certificate of the table has that name.
    #[error("expected a certificate of the table, found {0:?}")]
    Unknown(String),
    /// A private key is needed and was not given.
    #[error("the private key {0}, or a certificate made with it")]
    Missing(String),
    /// The certificate is one for keys of another kind, such as one without an RSA modulus.
    #[error("{0} is not a certificate for the CVCA's algorithm")]
    OtherAlgorithm(String),
    /// A day outside of 2000 to 2099.
    #[error("{0}: a day outside of 2000 to 2099")]
    Day(String),
    /// The CVCA's certificate is none.
    #[error("the CVCA's certificate: {0}")]
    Cvca(#[from] CertError),
    /// The CVCA's certificate cannot be made.
    #[error("the CVCA's certificate: {0}")]
    Issue(#[from] IssueError),
    /// A key cannot be made or used.
    #[error("{name}: {source}")]
    Key {
        /// Which.
        name: String,
        /// Why.
        source: SignatureError,
    },
    /// A key or algorithm is not one for Terminal Authentication.
    #[error(transparent)]
    Parameters(#[from] KeyError),
    /// The key beside the CVCA's certificate is another one.
    #[error("{0} is not the key that the CVCA's certificate is for")]
    OtherKey(PathBuf),
    /// The CVCA is one for terminals of another type.
    #[error("{name}: expected the CVCA of an {expected}, found that of an {found}")]
    OtherTerminal {
        /// Its name.
        name: String,
        /// What it should be for.
        expected: &'static str,
        /// What it is for.
        found: &'static str,
    },
    /// A file is not what its name says.
    #[error("{path}: expected {expected}, found {found}")]
    File {
        /// The file.
        path: PathBuf,
        /// What its name says.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl TestKeys {
    /// Below the CVCA of a certificate, which is for inspection systems; without its `key` only what is given with [`read`](Self::read) is there.
    ///
    /// # Errors
    /// [`TestKeysError::Cvca`]: not a CVCA's certificate, or without domain parameters; [`TestKeysError::OtherKey`];
    /// [`TestKeysError::OtherTerminal`].
    pub fn new(cvca: Cvc, key: Option<PrivateKey>) -> Result<Self, TestKeysError> {
        let inspection = Root::new(cvca, TerminalType::Inspection, key.as_ref(), CVCA)?;
        let rows = table::rows()?.into_iter().map(|row| (row.name.clone(), row)).collect();
        let keys = key.into_iter().map(|key| (CVCA_KEY.to_owned(), key)).collect();
        Ok(Self { inspection, authentication: None, rows, certificates: BTreeMap::new(), keys })
    }

    /// The same, and a CVCA for authentication terminals.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_authentication(mut self, cvca: Cvc, key: Option<PrivateKey>) -> Result<Self, TestKeysError> {
        self.authentication = Some(Root::new(cvca, TerminalType::Authentication, key.as_ref(), CVCA_AT)?);
        self.keys.extend(key.map(|key| (CVCA_AT_KEY.to_owned(), key)));
        Ok(self)
    }

    /// A new CVCA for inspection systems, with all rights, of that name and validity; and one for authentication terminals, whose name has
    /// the first seven characters of the mnemonic and AT.
    ///
    /// # Errors
    /// [`TestKeysError::Parameters`]: a weak key, or an algorithm that Terminal Authentication does not have.
    pub fn generate(
        name: &KeyReference,
        parameters: KeyParameters,
        algorithm: Algorithm,
        validity: (Date, Date),
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, TestKeysError> {
        let kind = (parameters, algorithm);
        let (cvca, key) = Root::generate(name, TerminalType::Inspection, kind, validity, rng)?;
        let mnemonic: String = name.mnemonic().chars().take(7).chain("AT".chars()).collect();
        let other = KeyReference::new(&name.country(), &mnemonic, &name.sequence())?;
        let (other_cvca, other_key) = Root::generate(&other, TerminalType::Authentication, kind, validity, rng)?;
        Self::new(cvca, Some(key))?.with_authentication(other_cvca, Some(other_key))
    }

    /// The CVCA's certificate: what the card under test must trust.
    #[must_use]
    pub const fn cvca(&self) -> &Cvc {
        &self.inspection.cvca
    }

    /// The certificate of the CVCA for authentication terminals, which a card with the eID application trusts too.
    #[must_use]
    pub fn authentication_cvca(&self) -> Option<&Cvc> {
        self.authentication.as_ref().map(|root| &root.cvca)
    }

    /// What the CVCA, and so all inspection systems below it, signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.inspection.algorithm()
    }

    /// The CVCA for terminals of a type.
    fn root(&self, terminal: TerminalType) -> Option<&Root> {
        match terminal {
            TerminalType::Inspection => Some(&self.inspection),
            TerminalType::Authentication => self.authentication.as_ref(),
            TerminalType::Signature => None,
        }
    }

    /// The CVCA above a key of the table.
    fn root_of(&self, key: &str) -> &Root {
        let terminal = self.rows.values().find(|row| row.key == key || row.signed_by == key).map(|row| row.terminal);
        terminal.and_then(|terminal| self.root(terminal)).unwrap_or(&self.inspection)
    }

    /// Names of the certificates of the table that there are for the CVCA's algorithm.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let there = |row: &&Row| self.root(row.terminal).is_some_and(|root| row.is_for(root.algorithm()));
        self.rows.values().filter(there).map(|row| row.name.as_str())
    }

    /// Makes everything that was not made yet, so that later runs have the same certificates and lose no time.
    ///
    /// # Errors
    /// [`TestKeysError`]; what a missing key keeps from being made is passed over.
    pub fn complete(&mut self, rng: &mut dyn CryptoRng) -> Result<(), TestKeysError> {
        let names: Vec<_> = self.names().map(str::to_owned).collect();
        for name in names {
            for made in [self.certificate(&name, rng).map(drop), self.key_of(&name, rng).map(drop)] {
                match made {
                    Ok(()) | Err(TestKeysError::Missing(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// A certificate of the table, or `CVCA` or `CVCA-AT`, a CVCA's own.
    ///
    /// # Errors
    /// [`TestKeysError`].
    pub fn certificate(&mut self, name: &str, rng: &mut dyn CryptoRng) -> Result<TestCertificate, TestKeysError> {
        if let Some(root) = self.root_named(name) {
            return Ok(self.named(root.cvca.content(), root.cvca.authority(), root.cvca.holder()));
        }
        let row = self.row(name)?;
        let (authority, holder) = (self.reference(&row.authority), self.reference(&row.holder));
        if let Some(content) = self.certificates.get(name) {
            return Ok(self.named(content.clone(), &authority, &holder));
        }
        let root = self.root(row.terminal).ok_or_else(|| TestKeysError::Missing(CVCA_AT_KEY.to_owned()))?;
        if !row.is_for(root.algorithm()) {
            return Err(TestKeysError::OtherAlgorithm(name.to_owned()));
        }
        let validity = (root.cvca.effective(), root.cvca.expiry());
        let public = VerifyingKey { algorithm: self.algorithm_of(&row.key), key: self.key(&row.key, rng)?.public() };
        let key = CvKey::new(&public, row.role == Role::Cvca)?;
        let (algorithm, signer) = (self.algorithm_of(&row.signed_by), self.key(&row.signed_by, rng)?);
        let mut extensions = Vec::new();
        for extension in &row.extensions {
            let content = match extension {
                Extension::Content(content) => content.clone(),
                Extension::Sector(keys) => {
                    let keys = keys.iter().map(|key| self.sector_key(key, rng)).collect::<Result<Vec<_>, _>>()?;
                    sector::extension(&keys, algorithm)
                }
            };
            tlv::push(&mut extensions, 0x73, &content);
        }
        let extensions = extensions.as_slice();
        let parts = make::Parts { authority: &authority, holder: &holder, key: &key, signer: &signer, algorithm, extensions, validity };
        let content = make::content(&row, &parts, rng)?;
        self.certificates.insert(name.to_owned(), content.clone());
        Ok(self.named(content, &authority, &holder))
    }

    /// The certificates of a terminal that may read DG3 and DG4, from the CVCA down, and its key.
    ///
    /// # Errors
    /// [`TestKeysError`].
    pub fn reader(&mut self, rng: &mut dyn CryptoRng) -> Result<(Vec<Cvc>, SigningKey), TestKeysError> {
        let mut certificates = vec![self.cvca().clone()];
        for name in READER {
            certificates.push(Cvc::from_content(&self.certificate(name, rng)?.content)?);
        }
        let [_, own] = READER;
        let algorithm = self.algorithm_for(own)?;
        Ok((certificates, SigningKey::new(self.key_of(own, rng)?, algorithm)?))
    }

    /// The name of the key that a certificate is for; `CVCA` is the CVCA's own.
    pub(super) fn holder(&self, name: &str) -> Option<KeyReference> {
        if let Some(root) = self.root_named(name) {
            return Some(root.cvca.holder().clone());
        }
        self.rows.get(name).map(|row| self.reference(&row.holder))
    }

    /// Signs with the key that a certificate of the table is for, as Terminal Authentication does.
    pub(super) fn sign(&mut self, name: &str, message: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, TestKeysError> {
        let key = self.key_of(name, rng)?;
        let algorithm = self.algorithm_of(&self.key_name(name)?);
        let signature = sign(algorithm, &key, message, rng).map_err(|source| TestKeysError::Key { name: name.to_owned(), source })?;
        Ok(signature.to_plain())
    }

    /// What the key that a certificate is for signs with.
    pub(super) fn algorithm_for(&self, name: &str) -> Result<Algorithm, TestKeysError> {
        Ok(self.algorithm_of(&self.key_name(name)?))
    }

    fn row(&self, name: &str) -> Result<Row, TestKeysError> {
        self.rows.get(name).cloned().ok_or_else(|| TestKeysError::Unknown(name.to_owned()))
    }

    fn root_named(&self, name: &str) -> Option<&Root> {
        match name {
            CVCA => Some(&self.inspection),
            CVCA_AT => self.authentication.as_ref(),
            _ => None,
        }
    }

    fn key_name(&self, name: &str) -> Result<String, TestKeysError> {
        Ok(match name {
            CVCA => CVCA_KEY.to_owned(),
            CVCA_AT => CVCA_AT_KEY.to_owned(),
            _ => self.row(name)?.key,
        })
    }

    fn key_of(&mut self, name: &str, rng: &mut dyn CryptoRng) -> Result<PrivateKey, TestKeysError> {
        let key = self.key_name(name)?;
        self.key(&key, rng)
    }

    fn reference(&self, name: &str) -> KeyReference {
        // the names of the table are references; its test reads them all
        let root = self.root_named(name).unwrap_or(&self.inspection);
        KeyReference::from_octets(name.as_bytes())
            .ok()
            .filter(|_| self.root_named(name).is_none())
            .unwrap_or_else(|| root.cvca.holder().clone())
    }

    /// What a certificate says of itself goes before what the table says of it: one from elsewhere may have other names.
    fn named(&self, content: Vec<u8>, authority: &KeyReference, holder: &KeyReference) -> TestCertificate {
        let (mut car, mut chr) = (authority.as_bytes().to_vec(), holder.as_bytes().to_vec());
        let mut outer = tlv::Reader::new(&content);
        if let Ok(Some(body)) = outer.next() {
            let mut reader = body.reader();
            while let Ok(Some(object)) = reader.next() {
                match object.tag.0 {
                    0x42 => car = object.value.to_vec(),
                    0x5F20 => chr = object.value.to_vec(),
                    _ => {}
                }
            }
        }
        TestCertificate { authority: car, holder: chr, content }
    }

    /// What a key of the table signs with.
    fn algorithm_of(&self, key: &str) -> Algorithm {
        let algorithm = self.root_of(key).algorithm();
        if self.is(key, Defect::NewAlgorithm) { migrated(algorithm).1 } else { algorithm }
    }

    fn is(&self, key: &str, defect: Defect) -> bool {
        self.rows.values().any(|row| row.key == key && row.defect == Some(defect))
    }

    fn key(&mut self, name: &str, rng: &mut dyn CryptoRng) -> Result<PrivateKey, TestKeysError> {
        if let Some(key) = self.keys.get(name) {
            return Ok(key.clone());
        }
        if [CVCA_KEY, CVCA_AT_KEY].contains(&name) {
            return Err(TestKeysError::Missing(name.to_owned()));
        }
        let root = self.root_of(name);
        let key = if name.starts_with(sector::PREFIX) {
            PrivateKey::generate_ec(self.sector_curve(), rng)
        } else if self.is(name, Defect::NewAlgorithm) {
            PrivateKey::generate_ec(migrated(root.algorithm()).0, rng)
        } else {
            let short = self.is(name, Defect::ShortKey);
            make::key_like(&root.verifying, short, rng).map_err(|source| TestKeysError::Key { name: name.to_owned(), source })?
        };
        self.keys.insert(name.to_owned(), key.clone());
        Ok(key)
    }
}

/// The algorithm that a trust point migrates to, and the curve of its keys.
fn migrated(from: Algorithm) -> (Curve, Algorithm) {
    if from == Algorithm::Ecdsa(Hash::Sha256) {
        (Curve::BrainpoolP384r1, Algorithm::Ecdsa(Hash::Sha384))
    } else {
        (Curve::BrainpoolP256r1, Algorithm::Ecdsa(Hash::Sha256))
    }
}

#[cfg(test)]
mod tests;
