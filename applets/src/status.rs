//! The status words that this chip answers with (ISO/IEC 7816-4 tables 5 and 6, GPCS clause 11.1.3), and how a command fails.

use eid::apdu::Response;

use crate::store::StoreError;
use crate::store::nvm::NvmError;

/// 6282: end of file reached before Ne bytes.
pub(crate) const END_OF_FILE: u16 = 0x6282;
/// 6285: the selected application is terminated.
pub(crate) const TERMINATED: u16 = 0x6285;
/// 6283: selected file or password deactivated.
pub(crate) const DEACTIVATED: u16 = 0x6283;
/// 6300: authentication failed.
pub(crate) const AUTH_FAILED: u16 = 0x6300;
/// 63C0: verification failed, no tries left; tries are added.
pub(crate) const TRIES_LEFT: u16 = 0x63C0;
/// 6400: no specific diagnosis.
pub(crate) const NO_DIAGNOSIS: u16 = 0x6400;
/// 6581: memory failure.
pub(crate) const MEMORY_FAILURE: u16 = 0x6581;
/// 6700: wrong length.
pub(crate) const WRONG_LENGTH: u16 = 0x6700;
/// 6881: logical channel not supported.
pub(crate) const LOGICAL_CHANNEL: u16 = 0x6881;
/// 6883: last command of the chain expected.
pub(crate) const LAST_OF_CHAIN: u16 = 0x6883;
/// 6884: command chaining not supported.
pub(crate) const NO_CHAINING: u16 = 0x6884;
/// 6982: security status not satisfied.
pub(crate) const SECURITY_STATUS: u16 = 0x6982;
/// 6983: authentication method blocked.
pub(crate) const BLOCKED: u16 = 0x6983;
/// 6984: reference data not usable.
pub(crate) const NOT_USABLE: u16 = 0x6984;
/// 6985: conditions of use not satisfied.
pub(crate) const CONDITIONS: u16 = 0x6985;
/// 6986: no current elementary file.
pub(crate) const NO_CURRENT_FILE: u16 = 0x6986;
/// 6987: secure messaging objects missing.
pub(crate) const SM_MISSING: u16 = 0x6987;
/// 6988: secure messaging objects incorrect.
pub(crate) const SM_INCORRECT: u16 = 0x6988;
/// 6A80: incorrect data.
pub(crate) const WRONG_DATA: u16 = 0x6A80;
/// 6A82: file or application not found.
pub(crate) const NOT_FOUND: u16 = 0x6A82;
/// 6A84: not enough memory.
pub(crate) const NO_MEMORY: u16 = 0x6A84;
/// 6A86: incorrect P1 P2.
pub(crate) const WRONG_P1P2: u16 = 0x6A86;
/// 6A88: referenced data or key not found.
pub(crate) const NO_REFERENCE: u16 = 0x6A88;
/// 6B00: offset outside of the file.
pub(crate) const WRONG_OFFSET: u16 = 0x6B00;
/// 6D00: instruction not supported.
pub(crate) const WRONG_INS: u16 = 0x6D00;
/// 6E00: class not supported.
pub(crate) const WRONG_CLA: u16 = 0x6E00;

/// What a command handler gives: an answer, or why not.
pub(crate) type Answer = Result<Response, Refusal>;

/// Why a command has no answer with 9000.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The card says so with a status word.
    Status(u16),
    /// The power is gone: the card says nothing any more.
    Mute(String),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSpace { .. } => Self::Status(NO_MEMORY),
            StoreError::Nvm(error @ NvmError::PowerLost { .. }) => Self::Mute(error.to_string()),
            _ => Self::Status(MEMORY_FAILURE),
        }
    }
}

/// A refusal with `status`.
pub(crate) const fn refuse<T>(status: u16) -> Result<T, Refusal> {
    Err(Refusal::Status(status))
}

/// 9000 without data.
pub(crate) fn done() -> Answer {
    Ok(Response::ok([]))
}
