//! The library of a token's maker, and the slot that a token is in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::slot::{Slot, TokenInfo};

use super::TokenAddress;
use super::error::{self, TokenError};

/// The modules of this process by path. A second C_Initialize is an error in PKCS#11, and C_Finalize would take the token from under the
/// feet of others, so that each stays until the process ends.
static LOADED: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

/// Loads and initializes the module at `path`, if nobody has yet.
pub(super) fn load(path: &Path) -> Result<Pkcs11, TokenError> {
    let failed = |detail: String| TokenError::Module { path: path.to_owned(), detail };
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(library) = loaded.get(path) {
        return Ok(library.clone());
    }
    // the loader would look for a bare name in the system's folders, and take what it finds first
    let whole = path.canonicalize().map_err(|error| failed(error.to_string()))?;
    let library = Pkcs11::new(&whole).map_err(|error| failed(error.to_string()))?;
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(failed(error::code(&error))),
    }
    loaded.insert(path.to_owned(), library.clone());
    Ok(library)
}

/// The slot of the one token with the label (and serial number, if one is given). Slot numbers change; labels do not.
pub(super) fn slot(library: &Pkcs11, address: &TokenAddress) -> Result<(Slot, TokenInfo), TokenError> {
    let failed = |error: Error| error::of_code(address, "list the tokens", &error);
    let mut found = Vec::new();
    let mut present = Vec::new();
    for slot in library.get_slots_with_token().map_err(failed)? {
        // a token that leaves in between, or that does not answer, is not the one
        let Ok(info) = library.get_token_info(slot) else { continue };
        if !info.token_initialized() {
            continue;
        }
        let label = info.label().trim_end();
        if label == address.label.trim_end() && address.serial.as_ref().is_none_or(|serial| serial == info.serial_number().trim_end()) {
            found.push((slot, info));
        } else {
            present.push(format!("{label:?}"));
        }
    }
    if found.len() > 1 {
        let serials = found.iter().map(|(_, info)| info.serial_number().trim_end().to_owned()).collect();
        return Err(TokenError::DoubledToken { label: address.label.clone(), serials });
    }
    found.pop().ok_or_else(|| TokenError::Away { token: address.clone(), present })
}
