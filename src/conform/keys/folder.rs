//! Test keys in a folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use eid::cert::cvc::{self, Cvc};
use eid::crypto::signature::PrivateKey;
use eid::tlv;
use pki::file::{self, Readers};
use zeroize::Zeroizing;

use super::table::Extension;
use super::{CVCA, CVCA_AT, CVCA_AT_KEY, CVCA_KEY, TestKeys, TestKeysError};

/// Longest key file: RSA-4096 fits twice.
const MAX_KEY: u64 = 8192;

fn certificate_file(name: &str) -> PathBuf {
    PathBuf::from(name).with_extension("cvcert")
}

pub(super) fn key_file(name: &str) -> PathBuf {
    PathBuf::from(name).with_extension("pkcs8")
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> TestKeysError {
    let path = path.to_owned();
    move |source| TestKeysError::Io { path, source }
}

/// The bytes of a file, if it is there.
fn bytes(path: &Path, most: u64) -> Result<Option<Zeroizing<Vec<u8>>>, TestKeysError> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(path)(error)),
        Ok(there) if there.len() > most => {
            let found = format!("{} bytes", there.len());
            return Err(TestKeysError::File { path: path.to_owned(), expected: "a certificate or key", found });
        }
        Ok(_) => {}
    }
    std::fs::read(path).map(|bytes| Some(Zeroizing::new(bytes))).map_err(io(path))
}

fn private_key(path: &Path) -> Result<Option<PrivateKey>, TestKeysError> {
    let Some(der) = bytes(path, MAX_KEY)? else { return Ok(None) };
    let wrong = |error: &dyn std::error::Error| TestKeysError::File {
        path: path.to_owned(),
        expected: "a private key (PKCS#8, DER, without a pass phrase)",
        found: error.to_string(),
    };
    PrivateKey::from_pkcs8(&der).map(Some).map_err(|error| wrong(&error))
}

impl TestKeys {
    /// Reads a folder: the CVCA's certificate, its key if it is there, and ready certificates and keys of the table, which go first.
    ///
    /// # Errors
    /// [`TestKeysError`].
    pub fn read(folder: &Path) -> Result<Self, TestKeysError> {
        let path = folder.join(certificate_file(CVCA));
        let most = cvc::MAX_LEN as u64;
        let missing = || TestKeysError::File { path: path.clone(), expected: "the CVCA's certificate", found: "no such file".to_owned() };
        let der = bytes(&path, most)?.ok_or_else(missing)?;
        let own = folder.join(key_file(CVCA));
        let mut keys = Self::new(Cvc::from_der(&der)?, private_key(&own)?).map_err(|error| match error {
            TestKeysError::OtherKey(_) => TestKeysError::OtherKey(own),
            other => other,
        })?;
        let other = folder.join(certificate_file(CVCA_AT));
        if let Some(der) = bytes(&other, most)? {
            keys = keys.with_authentication(Cvc::from_der(&der)?, private_key(&folder.join(key_file(CVCA_AT)))?)?;
        }
        let names: Vec<_> = keys.rows.values().map(|row| (row.name.clone(), row.key.clone())).collect();
        for (name, key) in names {
            let path = folder.join(certificate_file(&name));
            if let Some(der) = bytes(&path, most)? {
                let wrong = |error: tlv::TlvError| TestKeysError::File { path, expected: "object 7F21", found: error.to_string() };
                keys.certificates.insert(name, tlv::single(&der, 0x7F21).map_err(wrong)?.value.to_vec());
            }
            if ![CVCA_KEY, CVCA_AT_KEY].contains(&key.as_str())
                && let Some(own) = private_key(&folder.join(key_file(&key)))?
            {
                keys.keys.insert(key, own);
            }
        }
        let sectors = keys.rows.values().flat_map(|row| &row.extensions).filter_map(|extension| match extension {
            Extension::Sector(names) => Some(names.clone()),
            Extension::Content(_) => None,
        });
        for name in sectors.flatten().collect::<BTreeSet<_>>() {
            if let Some(own) = private_key(&folder.join(key_file(&name)))? {
                keys.keys.insert(name, own);
            }
        }
        Ok(keys)
    }

    /// Writes everything that was made into a folder, which must not have it yet; keys readable by their owner alone.
    ///
    /// # Errors
    /// [`TestKeysError::Io`].
    pub fn write(&self, folder: &Path) -> Result<(), TestKeysError> {
        std::fs::create_dir_all(folder).map_err(io(folder))?;
        let write = |name: PathBuf, bytes: &[u8], readers| {
            let path = folder.join(name);
            file::write(&path, bytes, readers, false).map_err(io(&path))
        };
        write(certificate_file(CVCA), self.cvca().der(), Readers::All)?;
        if let Some(cvca) = self.authentication_cvca() {
            write(certificate_file(CVCA_AT), cvca.der(), Readers::All)?;
        }
        for (name, key) in &self.keys {
            let name = match name.as_str() {
                CVCA_KEY => CVCA,
                CVCA_AT_KEY => CVCA_AT,
                name => name,
            };
            write(key_file(name), key.to_pkcs8().expose(), Readers::Owner)?;
        }
        for (name, content) in &self.certificates {
            write(certificate_file(name), &tlv::encode(0x7F21, content), Readers::All)?;
        }
        Ok(())
    }
}
