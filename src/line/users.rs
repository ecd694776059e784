//! Who may decide what. A user has a pass phrase, kept as an scrypt hash in the store, and roles. A [`Login`] is good for five minutes;
//! an action that takes four eyes takes [`TwoPersons`]: two fresh log-ins of different users with the roles of that action.
//!
//! Refused: a pass phrase below twelve bytes, a name that another one could be mistaken for, a sixth try after five wrong ones within a
//! quarter of an hour, one person twice, a log-in that is too old, a pair that came together for another action.

use std::collections::BTreeSet;

use eid::secret::Secret;
use rand_core::CryptoRng;
use scrypt::Params;
use scrypt::password_hash::phc::PasswordHash;
use scrypt::password_hash::{CustomizedPasswordHasher as _, PasswordVerifier as _};

use super::store::{Moment, Note, Store, StoreError};

/// How long a log-in holds, in seconds.
pub const LOGIN_SECONDS: i64 = 300;
/// How many wrong pass phrases in a row close a user's door.
pub const TRIES: u32 = 5;
/// For how long after the last one, in seconds.
pub const LOCKED_SECONDS: i64 = 900;
/// The shortest pass phrase, in bytes.
pub const PASS_PHRASE_MINIMUM: usize = 12;
/// Salt, in bytes.
const SALT: usize = 16;
/// log2 N, r, p of new hashes: 32 MiB each. OWASP's equal of N = 2^17, r = 8, p = 1 at a quarter of its memory.
const COST: (u8, u32, u32) = (15, 8, 3);
/// The most that a hash from the store may cost: 1 GiB.
const COST_MOST: u64 = 1 << 30;
/// A hash that no pass phrase is known for: an unknown name costs the time of a known one.
const NOBODY: &str = "$scrypt$ln=15,r=8,p=3$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What a user may take part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Feeds readers, and stands at the scrap desk.
    Operator,
    /// Releases batches and incidents.
    Supervisor,
    /// Brings keys.
    KeyCustodian,
    /// Sees that it adds up.
    Auditor,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Operator, Self::Supervisor, Self::KeyCustodian, Self::Auditor];

    /// The name in the store and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Supervisor => "supervisor",
            Self::KeyCustodian => "key-custodian",
            Self::Auditor => "auditor",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What takes two persons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// A batch may run.
    ReleaseBatch,
    /// A batch is complete.
    CloseBatch,
    /// A job will not be made.
    CancelJob,
    /// A number will never be issued again.
    CancelNumber,
    /// A card is destroyed.
    Scrap,
    /// Blanks leave the line: samples, returns, losses.
    TakeOut,
    /// The line goes on.
    ReleaseIncident,
    /// Users come, go, and change.
    ChangeUsers,
    /// A key comes to the site.
    ImportKey,
}

impl Action {
    /// The name in errors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReleaseBatch => "release-batch",
            Self::CloseBatch => "close-batch",
            Self::CancelJob => "cancel-job",
            Self::CancelNumber => "cancel-number",
            Self::Scrap => "scrap",
            Self::TakeOut => "take-out",
            Self::ReleaseIncident => "release-incident",
            Self::ChangeUsers => "change-users",
            Self::ImportKey => "import-key",
        }
    }

    /// The roles of the one person and of the other: one of each list.
    #[must_use]
    pub const fn roles(self) -> [&'static [Role]; 2] {
        const SUPERVISOR: &[Role] = &[Role::Supervisor];
        const LINE: &[Role] = &[Role::Operator, Role::Supervisor];
        match self {
            Self::ReleaseBatch | Self::CancelJob | Self::CancelNumber | Self::TakeOut | Self::ReleaseIncident => [SUPERVISOR, LINE],
            Self::CloseBatch => [SUPERVISOR, &[Role::Auditor, Role::Supervisor]],
            Self::Scrap => [LINE, LINE],
            Self::ChangeUsers => [SUPERVISOR, SUPERVISOR],
            Self::ImportKey => [&[Role::KeyCustodian], &[Role::KeyCustodian]],
        }
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A user as the store keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// 1 to 32 characters a-z, 0-9, `.`, `-`, `_`; the first one a letter.
    pub name: String,
    /// What it may take part in.
    pub roles: BTreeSet<Role>,
    /// scrypt hash of the pass phrase, a PHC string ([`hash`]).
    pub hash: String,
    /// Whether it may log in.
    pub active: bool,
    /// Wrong pass phrases since the last right one.
    pub failures: u32,
    /// When the last wrong one was tried; 0 if none was.
    pub failed: Moment,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "User({}, {:?}, active: {}, failures: {})", self.name, self.roles, self.active, self.failures)
    }
}

impl User {
    /// An active user.
    ///
    /// # Errors
    /// The name is not one; the pass phrase is too short.
    pub fn new(name: &str, roles: &[Role], pass_phrase: &Secret, rng: &mut dyn CryptoRng) -> Result<Self, UserError> {
        if !is_name(name) {
            return Err(UserError::Name { found: name.chars().take(40).collect() });
        }
        let roles = roles.iter().copied().collect();
        Ok(Self { name: name.to_owned(), roles, hash: hash(pass_phrase, rng)?, active: true, failures: 0, failed: 0 })
    }

    /// Until when no pass phrase is tried, if there were too many wrong ones.
    fn locked_until(&self, now: Moment) -> Option<Moment> {
        let until = self.failed.saturating_add(LOCKED_SECONDS);
        (self.failures >= TRIES && now < until).then_some(until)
    }
}

/// Whether this is the name of a user.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    (1..=32).contains(&name.len()) && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(rest)
}

/// The PHC string of a pass phrase: scrypt, N = 2^15, r = 8, p = 3, a salt of 16 random bytes.
///
/// # Errors
/// The pass phrase is too short.
pub fn hash(pass_phrase: &Secret, rng: &mut dyn CryptoRng) -> Result<String, UserError> {
    if pass_phrase.len() < PASS_PHRASE_MINIMUM {
        return Err(UserError::PassPhrase { found: pass_phrase.len() });
    }
    let mut salt = [0; SALT];
    rng.fill_bytes(&mut salt);
    let (log_n, r, p) = COST;
    let params = Params::new(log_n, r, p).map_err(|error| UserError::Hash(error.to_string()))?;
    let hash = scrypt::Scrypt::new().hash_password_with_params(pass_phrase.expose(), &salt, params);
    hash.map(|hash: PasswordHash| hash.to_string()).map_err(|error| UserError::Hash(error.to_string()))
}

/// Whether the pass phrase has this hash. A hash that asks for more than 1 GiB or more time than sixteen such passes is not computed.
fn matches(pass_phrase: &Secret, hash: &str) -> Result<bool, UserError> {
    let broken = |detail: String| UserError::Hash(detail);
    let hash = PasswordHash::new(hash).map_err(|error| broken(error.to_string()))?;
    let number = |name: &str| hash.params.get_decimal(name).map_or(0, u64::from);
    let memory =
        1_u64.checked_shl(u32::try_from(number("ln")).unwrap_or(u32::MAX)).and_then(|n| n.checked_mul(number("r").saturating_mul(128)));
    if memory.is_none_or(|memory| memory > COST_MOST) || number("p") > 16 {
        return Err(broken(format!("its cost, ln={}, r={}, p={}, is out of range", number("ln"), number("r"), number("p"))));
    }
    Ok(scrypt::Scrypt::new().verify_password(pass_phrase.expose(), &hash).is_ok())
}

/// One user who gave the right pass phrase a short while ago.
#[derive(Clone, Debug)]
pub struct Login {
    name: String,
    roles: BTreeSet<Role>,
    time: Moment,
}

impl Login {
    /// Who.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the user has this role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether it still holds at `now`.
    #[must_use]
    pub const fn is_fresh(&self, now: Moment) -> bool {
        is_fresh(self.time, now)
    }
}

const fn is_fresh(time: Moment, now: Moment) -> bool {
    now >= time && now.saturating_sub(time) <= LOGIN_SECONDS
}

/// Logs a user in. A try is counted before it is looked at, so that many at once are many.
///
/// # Errors
/// [`UserError::Denied`] for an unknown user, one that is not active, and a wrong pass phrase alike; [`UserError::Locked`].
pub fn log_in(store: &mut dyn Store, name: &str, pass_phrase: &Secret, now: Moment) -> Result<Login, UserError> {
    let denied = || UserError::Denied { name: name.chars().take(40).collect() };
    let Some(user) = store.users()?.into_iter().find(|user| user.name == name && user.active) else {
        matches(pass_phrase, NOBODY)?;
        return Err(denied());
    };
    if let Some(until) = user.locked_until(now) {
        return Err(UserError::Locked { name: user.name, until });
    }
    store.count_log_in(name, false, now)?;
    if matches(pass_phrase, &user.hash)? {
        store.count_log_in(name, true, now)?;
        return Ok(Login { name: user.name, roles: user.roles, time: now });
    }
    if user.failures + 1 >= TRIES {
        let note = Note {
            time: now,
            actors: vec![user.name.clone()],
            event: "user-locked".to_owned(),
            subjects: vec![format!("user {}", user.name)],
            detail: format!("{} wrong pass phrases", user.failures + 1),
        };
        store.note(&note)?;
    }
    Err(denied())
}

/// Two different persons who decide one thing together, each logged in within the last five minutes, each with the role that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwoPersons {
    names: [String; 2],
    action: Action,
    /// The older of the two log-ins.
    time: Moment,
}

impl TwoPersons {
    /// Two log-ins for one action.
    ///
    /// # Errors
    /// They are of the same person, one is too old at `now`, or a role is missing.
    pub fn new(action: Action, first: &Login, second: &Login, now: Moment) -> Result<Self, UserError> {
        if first.name == second.name {
            return Err(UserError::Same { action, name: first.name.clone() });
        }
        for login in [first, second] {
            if !login.is_fresh(now) {
                return Err(UserError::Old { name: login.name.clone(), seconds: now.saturating_sub(login.time) });
            }
        }
        let [one, other] = action.roles();
        let has = |login: &Login, roles: &[Role]| roles.iter().any(|role| login.has(*role));
        if !(has(first, one) && has(second, other) || has(first, other) && has(second, one)) {
            let names = |roles: &[Role]| roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(" or ");
            let of = |login: &Login| login.roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
            return Err(UserError::Roles {
                action,
                expected: format!("{} and {}", names(one), names(other)),
                found: format!("{} ({}) and {} ({})", first.name, of(first), second.name, of(second)),
            });
        }
        Ok(Self { names: [first.name.clone(), second.name.clone()], action, time: first.time.min(second.time) })
    }

    /// Their names.
    #[must_use]
    pub const fn names(&self) -> &[String; 2] {
        &self.names
    }

    /// What they came together for.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.action
    }

    /// Whether both log-ins still hold at `now`.
    #[must_use]
    pub const fn is_fresh(&self, now: Moment) -> bool {
        is_fresh(self.time, now)
    }
}

/// Why somebody may not.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// Not a name.
    #[error("name of a user: expected 1 to 32 characters a-z, 0-9, '.', '-', '_', the first one a letter, found {found:?}")]
    Name {
        /// Its first 40 characters.
        found: String,
    },
    /// Too short.
    #[error("pass phrase: expected at least {PASS_PHRASE_MINIMUM} bytes, found {found}")]
    PassPhrase {
        /// Length in bytes.
        found: usize,
    },
    /// Unknown user or wrong pass phrase.
    #[error("{name}: no active user of this name has this pass phrase")]
    Denied {
        /// As it was given.
        name: String,
    },
    /// Too many wrong pass phrases.
    #[error("{name}: {TRIES} wrong pass phrases; the next is tried at {until} seconds since 1970")]
    Locked {
        /// Who.
        name: String,
        /// Until when.
        until: Moment,
    },
    /// One person is not two.
    #[error("{action}: expected two persons, found {name} twice")]
    Same {
        /// What they wanted.
        action: Action,
        /// Who.
        name: String,
    },
    /// The log-in is not of the last five minutes.
    #[error("log-in of {name}: expected within {LOGIN_SECONDS} s, found {seconds} s ago")]
    Old {
        /// Who.
        name: String,
        /// How long ago.
        seconds: i64,
    },
    /// The roles do not do.
    #[error("{action}: expected {expected}, found {found}")]
    Roles {
        /// What they wanted.
        action: Action,
        /// Roles that it takes.
        expected: String,
        /// Names and roles that came.
        found: String,
    },
    /// The hash in the store is none that this program makes.
    #[error("hash of a pass phrase: {0}")]
    Hash(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests;
