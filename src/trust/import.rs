//! Imports files of states into a [`Collection`], whatever they are and in whatever order.
//!
//! A file is told by its content, not by its name. Certificates that were handed over become anchors if they are of a CA; document signers
//! and what a directory holds are known, not trusted. Master lists and deviation lists are proved by the anchors that are there or came
//! along, in as many rounds as it takes; certificates inside of a list never prove that list. A CRL must be of a key of its state.
//!
//! Refused as a whole, so that nothing is half imported: a file that is named and cannot be read, a list whose signature is wrong, a list
//! without an anchor behind its signer (a master list can be taken by [`Options::take_unproved`], a deviation list, which excuses what is
//! wrong with documents, cannot). Passed over with a notice: what is inside of folders, lists, and records and cannot be read.

use std::io;
use std::path::PathBuf;

use eid::cert::CertError;
use eid::cert::crl::Crl;
use eid::cert::deviation_list::DeviationList;
use eid::cert::list_signer::ListError;
use eid::cert::master_list::MasterList;
use eid::cert::trust::{Tier, TrustStore};
use eid::date::Date;
use sha2::{Digest as _, Sha256};

use super::collection::{Collection, Import, ImportKind, Standing};

mod files;
mod gather;
mod prove;

pub use gather::objects;

/// How to import.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// The tier of everything; else each kind has its own: what is handed over is bilateral, a master list national, or of the ICAO if
    /// the United Nations signed it.
    pub tier: Option<Tier>,
    /// Anchors that may stand behind signers of lists in this import, and are not taken by it.
    pub signers: &'a TrustStore,
    /// Take master lists whose signature holds and whose signer has no trusted anchor behind it.
    pub take_unproved: bool,
    /// The day of the import, for its record.
    pub date: Date,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file or folder cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing in a folder is of use.
    #[error("{0}: expected certificates or lists in it, found none")]
    Nothing(PathBuf),
    /// A file that is none of the kinds.
    #[error("{0}: neither a certificate, nor a CRL, a master list, a deviation list, a PKCS#7 bundle, nor records of the PKD")]
    Unknown(PathBuf),
    /// Larger than 128 MiB.
    #[error("{0}: larger than 128 MiB")]
    TooLarge(PathBuf),
    /// Of a kind that is known, and not well formed.
    #[error("{file}: {source}")]
    Malformed {
        /// The file.
        file: String,
        /// What is wrong.
        source: CertError,
    },
    /// A list that is not believed.
    #[error("{file}: {source}")]
    List {
        /// The file.
        file: String,
        /// Why.
        source: ListError,
    },
    /// A CRL that the key which it names did not sign.
    #[error("{file}: {issuer} is named as issuer of the CRL and did not sign it")]
    Crl {
        /// The file.
        file: String,
        /// Its issuer.
        issuer: String,
    },
}

/// What an import did.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// A record for each file and each list, with whether it was there before.
    pub imports: Vec<Import>,
    /// Anchors that are new.
    pub new_anchors: usize,
    /// Certificates that are new and known only.
    pub new_known: usize,
    /// CRLs that are new and of use.
    pub new_crls: usize,
    /// CRLs that newer ones of the same key replaced.
    pub old_crls: usize,
    /// Deviation lists that are new.
    pub new_deviation_lists: usize,
    /// What was passed over, tolerated, or kept without being of use yet.
    pub notices: Vec<Notice>,
}

/// Something that the user should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// The file.
    pub file: String,
    /// What, and where in it.
    pub detail: String,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something was not taken.
    PassedOver,
    /// A certificate is known and not trusted.
    NoAnchor,
    /// A master list was taken without a trusted anchor behind its signer.
    Unproved,
    /// A CRL whose issuer is not in the store waits for it.
    Waiting,
    /// A rule was broken, and the list counts all the same.
    Tolerated,
}

impl NoticeKind {
    /// `passed-over`, `no-anchor`, `unproved`, `waiting`, `tolerated`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PassedOver => "passed-over",
            Self::NoAnchor => "no-anchor",
            Self::Unproved => "unproved",
            Self::Waiting => "waiting",
            Self::Tolerated => "tolerated",
        }
    }
}

/// Imports files and folders into `collection`.
///
/// # Errors
/// See above; then `collection` is to be thrown away.
pub fn import(collection: &mut Collection, paths: &[PathBuf], options: &Options<'_>) -> Result<Summary, ImportError> {
    let mut trust = collection.trust();
    for signer in options.signers.anchors() {
        trust.insert_anchor(signer.clone(), signer.origins().to_vec());
    }
    let mut importer =
        Importer { collection, options, trust, summary: Summary::default(), lists: Vec::new(), deviations: Vec::new(), crls: Vec::new() };
    for path in paths {
        let (found, whole) = files::list(path)?;
        let mut taken = 0;
        for file in found {
            match importer.file(&file) {
                Ok(()) => taken += 1,
                Err(error @ (ImportError::Unknown(_) | ImportError::Malformed { .. } | ImportError::TooLarge(_))) if whole => {
                    if !matches!(error, ImportError::Unknown(_)) {
                        importer.notice(NoticeKind::PassedOver, &file.name, "passed over", &error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        if taken == 0 {
            return Err(ImportError::Nothing(path.clone()));
        }
    }
    importer.prove_lists()?;
    importer.prove_deviation_lists()?;
    importer.prove_crls()?;
    Ok(importer.summary)
}

struct Importer<'a> {
    collection: &'a mut Collection,
    options: &'a Options<'a>,
    /// Who may stand behind signers.
    trust: TrustStore,
    summary: Summary,
    lists: Vec<Pending<MasterList>>,
    deviations: Vec<Pending<DeviationList>>,
    crls: Vec<Pending<Crl>>,
}

/// Something that must be proved before it counts.
struct Pending<T> {
    record: Import,
    bytes: Vec<u8>,
    value: T,
    /// Whether it was one of many: then it is passed over where a file that was named would be refused.
    one_of_many: bool,
}

impl Importer<'_> {
    fn notice(&mut self, kind: NoticeKind, file: &str, what: &str, why: &dyn std::fmt::Display) {
        self.summary.notices.push(Notice { kind, file: file.to_owned(), detail: format!("{what}: {why}") });
    }

    fn record(&self, file: &str, bytes: &[u8], kind: ImportKind) -> Import {
        Import {
            file: file.to_owned(),
            sha256: Sha256::digest(bytes).into(),
            date: self.options.date,
            kind,
            tier: self.options.tier.unwrap_or(Tier::Bilateral),
            standing: Standing::NotSigned,
            signer: String::new(),
            entries: 1,
            refused: 0,
        }
    }

    /// The place of an import; the same file with the same standing has one record, of its last day.
    fn place(&mut self, record: Import) -> usize {
        let same = |i: &Import| (i.sha256, i.kind, i.tier, i.standing) == (record.sha256, record.kind, record.tier, record.standing);
        let place = self.collection.imports.iter().position(same).unwrap_or(self.collection.imports.len());
        self.summary.imports.push(record.clone());
        match self.collection.imports.get_mut(place) {
            Some(old) => *old = record,
            None => self.collection.imports.push(record),
        }
        place
    }
}

/// What `paths` hold, without a store: for `--trust` and for comparing lists.
///
/// # Errors
/// As [`import`].
pub fn collect(paths: &[PathBuf], date: Date) -> Result<(Collection, Summary), ImportError> {
    let nobody = TrustStore::new();
    let options = Options { tier: None, signers: &nobody, take_unproved: true, date };
    let mut collection = Collection::new();
    let summary = import(&mut collection, paths, &options)?;
    Ok((collection, summary))
}
