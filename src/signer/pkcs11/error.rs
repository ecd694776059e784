//! Why a token does not do what was asked: the return codes of PKCS#11, sorted by what a person can do about them.

use std::path::PathBuf;

use cryptoki::error::{Error, RvError};

use super::TokenAddress;

/// Why a token did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The library cannot be loaded or initialized.
    #[error("PKCS#11 module {path}: {detail}")]
    Module {
        /// The file.
        path: PathBuf,
        /// What the loader or the library says.
        detail: String,
    },
    /// No token with the label is there.
    #[error("{token} is not there; present: {}", if present.is_empty() { "none".to_owned() } else { present.join(", ") })]
    Away {
        /// Which token.
        token: TokenAddress,
        /// Labels of the tokens that are there.
        present: Vec<String>,
    },
    /// Two tokens have the label.
    #[error("two tokens answer to {label:?}, serial numbers {}: say which", serials.join(", "))]
    DoubledToken {
        /// The label.
        label: String,
        /// Their serial numbers.
        serials: Vec<String>,
    },
    /// The token has no user PIN yet.
    #[error("{token}: its user PIN was never set")]
    NoPinSet {
        /// Which token.
        token: TokenAddress,
    },
    /// A PIN is needed and none was given.
    #[error("{token}: needs its PIN")]
    PinMissing {
        /// Which token.
        token: TokenAddress,
    },
    /// The PIN is wrong.
    #[error("{token}: wrong PIN{}", if *last_try { ", one try is left" } else { "" })]
    PinWrong {
        /// Which token.
        token: TokenAddress,
        /// Whether the next wrong one locks it, as far as the token says so.
        last_try: bool,
    },
    /// Too many wrong PINs.
    #[error("{token}: its PIN is locked")]
    PinLocked {
        /// Which token.
        token: TokenAddress,
    },
    /// The PIN has to be changed first.
    #[error("{token}: its PIN has expired and must be changed first")]
    PinExpired {
        /// Which token.
        token: TokenAddress,
    },
    /// No private key with the label.
    #[error("{token}: no private key {label:?}")]
    KeyMissing {
        /// Which token.
        token: TokenAddress,
        /// Label of the key.
        label: String,
    },
    /// More than one private key with the label.
    #[error("{token}: {count} private keys are called {label:?}, expected one")]
    KeyDoubled {
        /// Which token.
        token: TokenAddress,
        /// Label of the keys.
        label: String,
        /// How many.
        count: usize,
    },
    /// A key is to be made under a label that is taken.
    #[error("{token}: there is a key {label:?} already")]
    KeyExists {
        /// Which token.
        token: TokenAddress,
        /// Label of the key.
        label: String,
    },
    /// The key under the label is another one than before.
    #[error("{token}: the key {label:?} is not the one that was opened")]
    OtherKey {
        /// Which token.
        token: TokenAddress,
        /// Label of the key.
        label: String,
    },
    /// The public half is missing, or of a kind that is not known here.
    #[error("{token}: key {label:?}: {detail}")]
    PublicKey {
        /// Which token.
        token: TokenAddress,
        /// Label of the key.
        label: String,
        /// What was expected and found.
        detail: String,
    },
    /// A key of another kind than the algorithm, or too weak.
    #[error("{token}: key {label:?}: {detail}")]
    KeyKind {
        /// Which token.
        token: TokenAddress,
        /// Label of the key.
        label: String,
        /// What was asked for, and what it is.
        detail: String,
    },
    /// The token cannot do this at all.
    #[error("{token}: has no {mechanism}")]
    Mechanism {
        /// Which token.
        token: TokenAddress,
        /// Name of the mechanism, and what for.
        mechanism: String,
    },
    /// The token made a key that it would give away; the key was destroyed again.
    #[error("{token}: the new key {label:?} would be {detail}; it was destroyed")]
    Exposed {
        /// Which token.
        token: TokenAddress,
        /// Label of the key.
        label: String,
        /// Which attribute is wrong.
        detail: &'static str,
    },
    /// An operation failed, also on a fresh session.
    #[error("{token}: could not {what}: {code}")]
    Failed {
        /// Which token.
        token: TokenAddress,
        /// What was tried.
        what: &'static str,
        /// The return code and function: `CKR_DEVICE_ERROR in C_Sign`.
        code: String,
    },
}

/// What went wrong inside of one operation: the return code, or an error that is clear already.
#[derive(Debug)]
pub(super) enum Fault {
    Code(Error),
    Clear(Box<TokenError>),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Code(error)
    }
}

impl From<TokenError> for Fault {
    fn from(error: TokenError) -> Self {
        Self::Clear(Box::new(error))
    }
}

impl Fault {
    /// Whether a fresh login may help: the token or the session is not what it was.
    pub(super) const fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::Code(Error::Pkcs11(
                RvError::DeviceError
                    | RvError::DeviceRemoved
                    | RvError::TokenNotPresent
                    | RvError::TokenNotRecognized
                    | RvError::SlotIdInvalid
                    | RvError::SessionClosed
                    | RvError::SessionHandleInvalid
                    | RvError::UserNotLoggedIn
                    | RvError::KeyHandleInvalid
                    | RvError::ObjectHandleInvalid
                    | RvError::GeneralError
                    | RvError::FunctionFailed,
                _
            ))
        )
    }

    pub(super) fn name(self, token: &TokenAddress, what: &'static str) -> TokenError {
        match self {
            Self::Clear(error) => *error,
            Self::Code(error) => of_code(token, what, &error),
        }
    }
}

/// The named error of a return code.
pub(super) fn of_code(token: &TokenAddress, what: &'static str, error: &Error) -> TokenError {
    let token = token.clone();
    match error {
        Error::Pkcs11(RvError::PinLocked, _) => TokenError::PinLocked { token },
        Error::Pkcs11(RvError::PinExpired, _) => TokenError::PinExpired { token },
        Error::Pkcs11(RvError::UserPinNotInitialized, _) => TokenError::NoPinSet { token },
        Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _) => {
            TokenError::PinWrong { token, last_try: false }
        }
        Error::Pkcs11(
            code @ (RvError::MechanismInvalid
            | RvError::MechanismParamInvalid
            | RvError::CurveNotSupported
            | RvError::DomainParamsInvalid
            | RvError::FunctionNotSupported),
            _,
        ) => TokenError::Mechanism { token, mechanism: format!("way to {what} ({})", code_name(code)) },
        error => TokenError::Failed { token, what, code: code(error) },
    }
}

/// `CKR_DEVICE_ERROR in C_Sign`; what has no return code, in its own words.
pub(super) fn code(error: &Error) -> String {
    match error {
        Error::Pkcs11(code, function) => format!("{} in C_{function:?}", code_name(code)),
        other => other.to_string(),
    }
}

/// The name in the standard: `CKR_PIN_INCORRECT`.
fn code_name(code: &RvError) -> String {
    let mut name = "CKR".to_owned();
    for character in format!("{code:?}").chars() {
        if character.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(character.to_ascii_uppercase());
    }
    name
}
