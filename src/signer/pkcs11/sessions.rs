//! The sessions of one token, shared by all threads that sign: each operation has one for itself, and they are kept for the next.

use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::{MechanismInfo, MechanismType};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Limit, Slot};
use cryptoki::types::RawAuthPin;
use eid::secret::Secret;

use super::error::{self, Fault, TokenError};
use super::{TokenAddress, module};

/// More sessions than this at once help no token.
const MAX_SESSIONS: usize = 64;

/// A token with its login and its sessions.
pub(super) struct Sessions {
    library: Pkcs11,
    address: TokenAddress,
    pin: Option<Secret>,
    pool: Mutex<Pool>,
    returned: Condvar,
}

/// What is open.
#[derive(Default)]
struct Pool {
    /// Counts the logins. Handles and sessions of an earlier one are void.
    connection: u64,
    /// Where the token is; nothing before the first login, and after a loss.
    slot: Option<Slot>,
    idle: Vec<Session>,
    /// Sessions of this connection, idle and lent out.
    open: usize,
    limit: usize,
    /// The PIN was refused: nobody tries it again.
    refused: Option<TokenError>,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sessions({})", self.address)
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        let pool = self.pool.get_mut().unwrap_or_else(PoisonError::into_inner);
        close(&mut pool.idle);
    }
}

/// Sessions of a token that left cannot be closed, and need not be.
fn close(sessions: &mut Vec<Session>) {
    for session in sessions.drain(..) {
        let _ = session.close();
    }
}

impl Sessions {
    pub(super) fn open(library: Pkcs11, address: TokenAddress, pin: Option<Secret>) -> Result<Self, TokenError> {
        let sessions = Self { library, address, pin, pool: Mutex::default(), returned: Condvar::new() };
        sessions.connect(&mut sessions.lock())?;
        Ok(sessions)
    }

    pub(super) const fn address(&self) -> &TokenAddress {
        &self.address
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds the token and logs in; everything of an earlier connection is void.
    fn connect(&self, pool: &mut Pool) -> Result<(), TokenError> {
        if let Some(error) = &pool.refused {
            return Err(error.clone());
        }
        close(&mut pool.idle);
        (pool.slot, pool.open) = (None, 0);
        let (slot, info) = module::slot(&self.library, &self.address)?;
        let token = || self.address.clone();
        if !info.user_pin_initialized() {
            return Err(TokenError::NoPinSet { token: token() });
        }
        if info.user_pin_locked() {
            return Err(TokenError::PinLocked { token: token() });
        }
        let session = self.library.open_ro_session_no_drop(slot).map_err(|e| error::of_code(&self.address, "open a session", &e))?;
        if info.login_required() {
            let result = match &self.pin {
                Some(pin) => session.login_with_raw(UserType::User, &RawAuthPin::new(Box::new(pin.expose().to_vec()))),
                None if info.protected_authentication_path() => session.login(UserType::User, None),
                None => return Err(TokenError::PinMissing { token: token() }),
            };
            match result {
                Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
                Err(error) => {
                    let _ = session.close();
                    let error = self.login_error(slot, &error);
                    if matches!(error, TokenError::PinWrong { .. } | TokenError::PinLocked { .. } | TokenError::PinExpired { .. }) {
                        pool.refused = Some(error.clone());
                    }
                    return Err(error);
                }
            }
        }
        pool.limit = match info.max_session_count() {
            Limit::Max(n) => usize::try_from(n).map_or(MAX_SESSIONS, |n| n.clamp(1, MAX_SESSIONS)),
            Limit::Infinite | Limit::Unavailable => MAX_SESSIONS,
        };
        pool.connection += 1;
        pool.slot = Some(slot);
        pool.open = 1;
        pool.idle.push(session);
        Ok(())
    }

    /// What the token says about its PIN after it refused one.
    fn login_error(&self, slot: Slot, error: &Error) -> TokenError {
        match (error::of_code(&self.address, "log in", error), self.library.get_token_info(slot)) {
            (TokenError::PinWrong { token, .. }, Ok(info)) if info.user_pin_locked() => TokenError::PinLocked { token },
            (TokenError::PinWrong { token, .. }, Ok(info)) => TokenError::PinWrong { token, last_try: info.user_pin_final_try() },
            (error, _) => error,
        }
    }

    /// Runs `operation` on a session of its own, a second time on a fresh login if the first lost the token. It is given the number of the
    /// connection too, for handles that it keeps.
    pub(super) fn with<T>(&self, what: &'static str, operation: impl Fn(&Session, u64) -> Result<T, Fault>) -> Result<T, TokenError> {
        let mut again = true;
        loop {
            let mut lease = self.take()?;
            let Some(session) = &lease.session else { continue };
            match operation(session, lease.connection) {
                Ok(value) => {
                    lease.give_back();
                    return Ok(value);
                }
                Err(Fault::Clear(error)) => {
                    lease.give_back();
                    return Err(*error);
                }
                // a session with a failed operation may have it open still: the lease closes it
                Err(fault) => {
                    if fault.is_loss() {
                        lease.lost();
                        if std::mem::take(&mut again) {
                            continue;
                        }
                    }
                    return Err(fault.name(&self.address, what));
                }
            }
        }
    }

    /// Runs `operation` on a session that may write; not repeated.
    pub(super) fn writing<T>(&self, what: &'static str, operation: impl FnOnce(&Session) -> Result<T, Fault>) -> Result<T, TokenError> {
        // a login that is still good: what reads may be repeated, what writes may not
        self.with(what, |session, _| Ok(session.get_session_info().map(|_| ())?))?;
        let slot = self.slot()?;
        let session = self.library.open_rw_session_no_drop(slot).map_err(|e| error::of_code(&self.address, what, &e))?;
        let result = operation(&session);
        let _ = session.close();
        result.map_err(|fault| fault.name(&self.address, what))
    }

    /// What the token says about a mechanism.
    pub(super) fn mechanism(&self, kind: MechanismType, what: &str) -> Result<MechanismInfo, TokenError> {
        let slot = self.slot()?;
        self.library.get_mechanism_info(slot, kind).map_err(|error| match error {
            Error::Pkcs11(RvError::MechanismInvalid, _) => {
                TokenError::Mechanism { token: self.address.clone(), mechanism: format!("{kind}, needed for {what}") }
            }
            error => error::of_code(&self.address, "ask for a mechanism", &error),
        })
    }

    fn slot(&self) -> Result<Slot, TokenError> {
        let mut pool = self.lock();
        if pool.slot.is_none() {
            self.connect(&mut pool)?;
        }
        pool.slot.ok_or_else(|| TokenError::Away { token: self.address.clone(), present: Vec::new() })
    }

    fn take(&self) -> Result<Lease<'_>, TokenError> {
        let mut pool = self.lock();
        loop {
            let slot = match pool.slot {
                Some(slot) => slot,
                None => {
                    self.connect(&mut pool)?;
                    continue;
                }
            };
            let lease = |session, pool: &Pool| Lease { sessions: self, session: Some(session), connection: pool.connection };
            if let Some(session) = pool.idle.pop() {
                return Ok(lease(session, &pool));
            }
            if pool.open < pool.limit {
                match self.library.open_ro_session_no_drop(slot) {
                    Ok(session) => {
                        pool.open += 1;
                        return Ok(lease(session, &pool));
                    }
                    // the token gives no more: wait for one of ours
                    Err(Error::Pkcs11(RvError::SessionCount, _)) if pool.open > 0 => pool.limit = pool.open,
                    Err(error) => {
                        let fault = Fault::from(error);
                        if fault.is_loss() {
                            pool.slot = None;
                        }
                        return Err(fault.name(&self.address, "open a session"));
                    }
                }
            }
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A session that one operation has for itself.
struct Lease<'a> {
    sessions: &'a Sessions,
    session: Option<Session>,
    connection: u64,
}

impl Lease<'_> {
    fn give_back(&mut self) {
        let mut pool = self.sessions.lock();
        match self.session.take() {
            Some(session) if pool.connection == self.connection && pool.slot.is_some() => pool.idle.push(session),
            Some(session) => {
                let _ = session.close();
            }
            None => {}
        }
        self.sessions.returned.notify_one();
    }

    /// The token is not what it was: the next one who wants a session connects anew.
    fn lost(&self) {
        let mut pool = self.sessions.lock();
        if pool.connection == self.connection {
            pool.slot = None;
        }
        self.sessions.returned.notify_all();
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            let _ = session.close();
            let mut pool = self.sessions.lock();
            if pool.connection == self.connection {
                pool.open = pool.open.saturating_sub(1);
            }
            self.sessions.returned.notify_one();
        }
    }
}
