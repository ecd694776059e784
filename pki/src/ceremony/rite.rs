//! A CSCA key made before officers: first generation, or rollover.
//!
//! ```text
//! LABEL.ceremony.draft   every step as it happens, unsigned        gone when the ceremony is complete
//! LABEL.shares.json      the shares of what opens the key          before the key is
//! LABEL.key, LABEL.cer   by the authority, as ever                 (link-N.cer too, in a rollover)
//! LABEL.ceremony.jsonl   the protocol                              LABEL.ceremony.sig   its signature by the new key
//! ```
//!
//! All secrets are there before anything is written. An end in between leaves either no certificate: then the next ceremony takes away
//! what the draft stands for, and says so; or the certificate without a signed protocol: then [`Rite::finish`] completes it, with as many
//! officers as the key needs, and the protocol tells of the interruption. Two ceremonies are never half each.

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use eid::date::Date;
use eid::secret::Secret;
use eid::signer::{Signer, SignerError};
use rand_core::CryptoRng;

use super::protocol::{self, Protocol, ProtocolError, Step};
use super::shares::{self, Officer, Shares, SharesError};
use crate::authority::{Authority, PkiError, register_path};
use crate::file::{self, Readers};
use crate::hierarchy;
use crate::keys::{KeyStore, KeyStoreError};
use crate::register::{self, Event, Head, Kind, RegisterError};

/// Why there is no ceremony.
#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// The officers.
    #[error(transparent)]
    Shares(#[from] SharesError),
    /// The authority.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The protocol.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The new key did not sign the protocol.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A ceremony made its certificate and ended before its protocol was signed.
    #[error("the ceremony of {0} was interrupted after its certificate was issued: it is to be finished first")]
    Interrupted(String),
    /// Nothing to finish.
    #[error("no ceremony was interrupted")]
    NothingToFinish,
    /// No ceremony was held for the key.
    #[error("no ceremony was held for {0}")]
    NotHeld(String),
}

impl From<KeyStoreError> for CeremonyError {
    fn from(error: KeyStoreError) -> Self {
        Self::Pki(error.into())
    }
}

impl From<RegisterError> for CeremonyError {
    fn from(error: RegisterError) -> Self {
        Self::Pki(error.into())
    }
}

/// Opens the store of the keys with what the shares open: the pass phrase of key files, or the PIN of a token.
pub type OpenKeys<'a> = dyn Fn(&Secret) -> Result<Box<dyn KeyStore + Send + Sync>, KeyStoreError> + 'a;

/// What a ceremony needs of the world.
pub struct Rite<'a> {
    /// The officers who are here, with their pass phrases.
    pub officers: &'a [Officer],
    /// The store for what the shares open: a pass phrase of key files, or the PIN of a token.
    pub keys: &'a OpenKeys<'a>,
    /// The clock: RFC 3339.
    pub clock: &'a dyn Fn() -> String,
    /// Hears of each step when it is on the disk.
    pub tell: &'a dyn Fn(&Step),
    /// The day.
    pub today: Date,
}

impl fmt::Debug for Rite<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rite({} on {})", self.names().join(", "), self.today)
    }
}

/// What a ceremony made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Label of the key: `csca`, `csca-2`.
    pub label: String,
    /// The signed protocol.
    pub protocol: PathBuf,
}

/// What became of a file that a protocol names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// As it was.
    Same,
    /// Another hash.
    Changed,
    /// Not there.
    Missing,
}

/// A protocol whose signature holds.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The steps.
    pub steps: Vec<Step>,
    /// The files that they name, and what became of them.
    pub files: Vec<(String, FileState)>,
    /// Whether the register still holds everything that it held then.
    pub register: bool,
}

impl Verified {
    /// Whether all is as it was.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.register && self.files.iter().all(|(_, state)| *state == FileState::Same)
    }
}

/// What a ceremony is about to do.
struct Plan<'a> {
    label: &'a str,
    paths: &'a Paths,
    shares: &'a Shares,
    secret: &'a Secret,
    keys: &'a dyn KeyStore,
    /// The secret is the PIN of a token, which keeps its own keys.
    pin: bool,
}

/// The files of one ceremony.
struct Paths {
    shares: PathBuf,
    key: PathBuf,
    draft: PathBuf,
    protocol: PathBuf,
    signature: PathBuf,
}

impl Paths {
    fn new(directory: &Path, label: &str) -> Self {
        let path = |end: &str| directory.join(format!("{label}.{end}"));
        Self {
            shares: shares_path(directory, label),
            key: path("key"),
            draft: path("ceremony.draft"),
            protocol: path("ceremony.jsonl"),
            signature: path("ceremony.sig"),
        }
    }
}

/// Where the shares of a key lie.
#[must_use]
pub fn shares_path(directory: &Path, label: &str) -> PathBuf {
    directory.join(format!("{label}.shares.json"))
}

/// The shares of a key, if it was divided.
///
/// # Errors
/// The file cannot be read, or is no such file.
pub fn read_shares(directory: &Path, label: &str) -> Result<Option<Shares>, CeremonyError> {
    match read_if_there(&shares_path(directory, label))? {
        Some(bytes) => Ok(Some(Shares::from_json(&bytes)?)),
        None => Ok(None),
    }
}

/// The key whose ceremony ended after its certificate was issued.
#[must_use]
pub fn interrupted(authority: &Authority) -> Option<String> {
    let newest = authority.cscas().last()?;
    let paths = Paths::new(authority.directory(), &newest.name);
    paths.draft.exists().then(|| newest.name.clone())
}

impl Rite<'_> {
    /// Makes the first CSCA key, or with `old` (a signer with the newest one) the next, and divides what opens it: `pin` for keys in a
    /// token, a random pass phrase for key files. Any `needed` of the officers will open it.
    ///
    /// # Errors
    /// A refused quorum, an interrupted ceremony, or what the authority, the token, or the disk refuse.
    pub fn hold(
        &self,
        authority: &mut Authority,
        old: Option<&dyn Signer>,
        pin: Option<&Secret>,
        needed: usize,
        rng: &mut dyn CryptoRng,
    ) -> Result<Held, CeremonyError> {
        if let Some(label) = interrupted(authority) {
            return Err(CeremonyError::Interrupted(label));
        }
        if old.is_none()
            && let Ok(csca) = authority.csca()
        {
            return Err(PkiError::Order(format!("there is a CSCA already ({}); a further key is a rollover", csca.subject_text())).into());
        }
        let label = match authority.cscas().len() {
            0 => "csca".to_owned(),
            n => format!("csca-{}", n + 1),
        };
        let paths = Paths::new(authority.directory(), &label);
        let secret = pin.cloned().unwrap_or_else(|| shares::random_pass_phrase(rng));
        // refuses before anything is written
        let shares = Shares::divide(&label, &secret, needed, self.officers, rng)?;
        let keys = (self.keys)(&secret)?;
        let plan = Plan { label: &label, paths: &paths, shares: &shares, secret: &secret, keys: keys.as_ref(), pin: pin.is_some() };
        let held = self.make(authority, old, &plan, rng);
        if held.is_err() && authority.cscas().iter().all(|generation| generation.name != label) {
            // no certificate names the key: nothing stays of an attempt that failed
            self.clear(&paths)?;
        }
        held
    }

    fn make(
        &self,
        authority: &mut Authority,
        old: Option<&dyn Signer>,
        plan: &Plan<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Held, CeremonyError> {
        let Plan { label, paths, shares, secret, keys, pin } = *plan;
        let (directory, needed) = (authority.directory().to_owned(), shares.needed());
        let mut record = Record { rite: self, protocol: Protocol::default(), draft: paths.draft.clone() };

        let left = self.clear(paths)?;
        let (all, place) = (self.names(), keys.place());
        let open = format!("of the officers {} any {needed} together open the key {label} in {place}", all.join(", "));
        let declared = read(&directory.join(hierarchy::FILE))?;
        record.step(&all, &open, &[(hierarchy::FILE, &declared)], Some(authority.register().head()))?;
        if let Some(left) = left {
            record.step(&[], &left, &[], None)?;
        }

        let json = shares.to_json();
        file::write(&paths.shares, json.as_bytes(), Readers::Owner, false).map_err(at(&paths.shares))?;
        let what = if pin { "the PIN of the token" } else { "a pass phrase of 32 random bytes" };
        let what = format!("{what} was divided into {} shares, each enciphered with its officer's own pass phrase", all.len());
        record.step(&all, &what, &[(&name(&paths.shares), json.as_bytes())], None)?;
        self.try_shares(&directory, label, needed, secret)?;
        record.step(&all, "the shares were read from the disk and opened what they shall open", &[], None)?;

        let by = format!("ceremony: {}", all.join(", "));
        let root = match old {
            None => authority.issue_csca(keys, &by, rng, self.today)?,
            Some(old) => authority.roll_over(old, keys, &by, rng, self.today)?.0,
        };
        let mut files = vec![format!("{label}.cer")];
        files.extend(paths.key.exists().then(|| name(&paths.key)));
        files.extend(old.map(|_| format!("link-{}.cer", authority.cscas().len())));
        let what = format!(
            "the key was made in {place}, and its certificate issued: {}, serial number {}, valid from {} to {}",
            root.subject_text(),
            root.serial_hex(),
            root.not_before().date,
            root.not_after().date
        );
        record.made(&all, &what, &directory, &files, authority.register().head())?;
        self.seal(authority, label, keys, &mut record, &by)
    }

    /// Completes a ceremony that ended after its certificate was issued. The officers are those of its key, as many as it needs; `old`
    /// signs the link certificate where a rollover lacks it.
    ///
    /// # Errors
    /// Nothing to finish, too few officers, a link that is missing and no `old`, or what the authority, the token, or the disk refuse.
    pub fn finish(&self, authority: &mut Authority, old: Option<&dyn Signer>, rng: &mut dyn CryptoRng) -> Result<Held, CeremonyError> {
        let label = interrupted(authority).ok_or(CeremonyError::NothingToFinish)?;
        let directory = authority.directory().to_owned();
        let paths = Paths::new(&directory, &label);
        let shares = read_shares(&directory, &label)?.ok_or_else(|| CeremonyError::NotHeld(label.clone()))?;
        let keys = (self.keys)(&shares.open(self.officers)?)?;
        let mut record = Record { rite: self, protocol: Protocol::resume(&read(&paths.draft)?)?, draft: paths.draft.clone() };
        let names = self.names();
        let by = format!("ceremony: {}", names.join(", "));
        let mut files = vec![format!("{label}.cer")];
        files.extend(paths.key.exists().then(|| name(&paths.key)));
        if authority.missing_link().is_some() {
            let old = old.ok_or_else(|| PkiError::Order("the link certificate is missing: the key before has to sign it".to_owned()))?;
            authority.issue_link(old, &by, rng, self.today)?;
        }
        if authority.cscas().len() > 1 {
            files.push(format!("link-{}.cer", authority.cscas().len()));
        }
        let what = "here the ceremony was interrupted; the officers named in this line finish it with what is on the disk";
        record.made(&names, what, &directory, &files, authority.register().head())?;
        self.seal(authority, &label, keys.as_ref(), &mut record, &by)
    }

    /// Signs the protocol with the new key, and lets the draft go.
    fn seal(
        &self,
        authority: &mut Authority,
        label: &str,
        keys: &dyn KeyStore,
        record: &mut Record<'_, '_>,
        by: &str,
    ) -> Result<Held, CeremonyError> {
        let paths = Paths::new(authority.directory(), label);
        let (signer, _) = authority.signer(label, keys)?;
        record.step(&self.names(), &format!("the protocol ends here and is signed with the key {label}"), &[], None)?;
        let signature = record.protocol.sign(signer.as_ref())?;
        let text = record.protocol.text();
        // the signature first: a protocol without one would look complete
        file::write(&paths.signature, &signature, Readers::All, true).map_err(at(&paths.signature))?;
        file::write(&paths.protocol, text.as_bytes(), Readers::All, true).map_err(at(&paths.protocol))?;
        let event = Event::new(Kind::Noted, label, by).with("ceremony-sha256", protocol::hash(text.as_bytes()));
        authority.register_mut().record(event, self.today)?;
        fs::remove_file(&paths.draft).map_err(at(&paths.draft))?;
        Ok(Held { label: label.to_owned(), protocol: paths.protocol })
    }

    fn names(&self) -> Vec<&str> {
        self.officers.iter().map(|officer| officer.name.as_str()).collect()
    }

    /// The first and the last officers open the secret from the file that is on the disk, so that everybody was asked once.
    fn try_shares(&self, directory: &Path, label: &str, needed: usize, secret: &Secret) -> Result<(), CeremonyError> {
        let shares = read_shares(directory, label)?.ok_or_else(|| CeremonyError::NotHeld(label.to_owned()))?;
        for group in self.officers.chunks(needed).map(|group| if group.len() < needed { self.last(needed) } else { group }) {
            if shares.open(group)? != *secret {
                return Err(SharesError::Damaged { key: label.to_owned(), detail: "they open another secret".to_owned() }.into());
            }
        }
        Ok(())
    }

    fn last(&self, count: usize) -> &[Officer] {
        self.officers.get(self.officers.len().saturating_sub(count)..).unwrap_or(self.officers)
    }

    /// Takes away what a ceremony left that ended before its certificate was issued, and says what.
    fn clear(&self, paths: &Paths) -> Result<Option<String>, CeremonyError> {
        let Some(draft) = read_if_there(&paths.draft)? else { return Ok(None) };
        let mut gone = Vec::new();
        for path in [&paths.key, &paths.shares, &paths.draft] {
            match fs::remove_file(path) {
                Ok(()) => gone.push(name(path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(at(path)(error)),
            }
        }
        let hash = protocol::hash(&draft);
        Ok(Some(format!(
            "an earlier ceremony ended before a certificate was issued; taken away: {} (SHA-256 of its draft {hash})",
            gone.join(", ")
        )))
    }
}

/// The protocol as it grows: each step is on the disk before it is told.
struct Record<'r, 'a> {
    rite: &'r Rite<'a>,
    protocol: Protocol,
    draft: PathBuf,
}

impl Record<'_, '_> {
    fn step(&mut self, who: &[&str], what: &str, files: &[(&str, &[u8])], head: Option<&Head>) -> Result<(), CeremonyError> {
        self.protocol.step(&(self.rite.clock)(), who, what, files, head.map(ToString::to_string));
        file::write(&self.draft, self.protocol.text().as_bytes(), Readers::All, true).map_err(at(&self.draft))?;
        if let Some(step) = self.protocol.steps().last() {
            (self.rite.tell)(step);
        }
        Ok(())
    }

    /// A step that made files in `directory`.
    fn made(&mut self, who: &[&str], what: &str, directory: &Path, files: &[String], head: &Head) -> Result<(), CeremonyError> {
        let read = files.iter().map(|file| Ok((file.as_str(), read(&directory.join(file))?))).collect::<Result<Vec<_>, CeremonyError>>()?;
        let files: Vec<(&str, &[u8])> = read.iter().map(|(file, bytes)| (*file, bytes.as_slice())).collect();
        self.step(who, what, &files, Some(head))
    }
}

/// Verifies the protocol of `label` in the authority's folder: its signature, the files that it names, and the register.
///
/// # Errors
/// No ceremony was held, the signature is wrong, or a file cannot be read. What was changed since is in the answer.
pub fn verify(authority: &Authority, label: &str) -> Result<Verified, CeremonyError> {
    let not_held = || CeremonyError::NotHeld(label.to_owned());
    let generation = authority.cscas().iter().find(|generation| generation.name == label).ok_or_else(not_held)?;
    let directory = authority.directory();
    let paths = Paths::new(directory, label);
    if paths.draft.exists() {
        return Err(CeremonyError::Interrupted(label.to_owned()));
    }
    let text = read_if_there(&paths.protocol)?.ok_or_else(not_held)?;
    let steps = protocol::verify(&generation.certificate, &text, &read(&paths.signature)?)?;
    let inspection = register::verify(&register_path(directory)).map_err(PkiError::from)?;
    let mut heads = steps.iter().filter_map(|step| step.register.as_ref());
    let register = heads.all(|head| head.parse().is_ok_and(|head| inspection.contains(&head)));
    let mut files = Vec::new();
    for (name, hash) in steps.iter().flat_map(|step| &step.files) {
        // the hierarchy is people's to change, and the names are a signed file's: never out of the folder
        if name == hierarchy::FILE || name.contains(['/', '\\']) {
            continue;
        }
        let state = match read_if_there(&directory.join(name))? {
            Some(bytes) if protocol::hash(&bytes) == *hash => FileState::Same,
            Some(_) => FileState::Changed,
            None => FileState::Missing,
        };
        files.retain(|(known, _)| known != name);
        files.push((name.clone(), state));
    }
    Ok(Verified { steps, files, register })
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> CeremonyError {
    let path = path.to_owned();
    move |source| CeremonyError::Io { path, source }
}

fn read(path: &Path) -> Result<Vec<u8>, CeremonyError> {
    fs::read(path).map_err(at(path))
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, CeremonyError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path)(error)),
    }
}
