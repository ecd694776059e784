//! The files of a card in a folder, without the card: what was read with other software, or kept.
//!
//! A file is known by its name, if that is one of Doc 9303-10 (`EF.DG1`, `dg1.bin`, `EF_COM.bin`, `Datagroup14.bin`), else by its first tag.
//! Refused: two files that are the same file of a card, and a folder that has no EF.SOD. Passed over: what is no file of a card.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use eid::date::Date;
use eid::image::FileId;
use eid::lds::Elementary as _;
use eid::lds::com::Com;
use eid::lds::sod::Sod;
use eid::protocol::finding::{Check, Finding};

use super::{Ended, Evidence, Kept, Transcript};
use crate::session::Traffic;
use crate::terminal::read::{self, size_limit};
use crate::terminal::report::Verdict;
use crate::terminal::report::codes;

/// Most entries of a folder that are looked at.
const MAX_ENTRIES: usize = 1000;

/// Why a folder holds no files of a card.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The file system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Two files that are one file of a card.
    #[error("{file}: expected one file, found {first} and {second}")]
    Twice {
        /// Which file of a card.
        file: FileId,
        /// One.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// There is nothing that could be verified.
    #[error("{path}: expected an EF.SOD among the files, found none")]
    NoSod {
        /// The folder.
        path: PathBuf,
    },
}

/// The files of a card in a folder.
#[derive(Debug, Clone)]
pub struct Folder {
    /// The files.
    pub files: BTreeMap<FileId, Vec<u8>>,
    /// What is no file of a card, or longer than such a file may be.
    pub passed_over: Vec<PathBuf>,
}

/// The file of a card that a name tells.
#[must_use]
pub fn by_name(path: &Path) -> Option<FileId> {
    let name = path.file_name()?.to_str()?;
    let stem = path.file_stem()?.to_str()?;
    let usual = |name: &str| {
        let upper = name.to_ascii_uppercase().replace('_', ".");
        upper.strip_prefix("DATAGROUP").map_or(upper.clone(), |number| format!("DG{number}"))
    };
    [name, stem].into_iter().find_map(|name| FileId::from_name(name).or_else(|| FileId::from_name(&usual(name))))
}

/// The file of a card that the first tag tells, for the tags that nothing else begins with.
fn by_content(bytes: &[u8]) -> Option<FileId> {
    let file = eid::lds::detect(bytes).ok()?;
    // EF.SOD and the data groups have tags of their own; 30 and 31 may be anything, such as the key beside the file.
    let own = file == FileId::SOD || file == FileId::COM || file.dg_number().is_some();
    (own && eid::lds::parse(file, bytes).is_ok()).then_some(file)
}

impl Folder {
    /// Reads the files in `dir`, not those in folders below it.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn read(dir: &Path) -> Result<Self, FolderError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| FolderError::Io { path, source }
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(io(dir))?.take(MAX_ENTRIES) {
            let path = entry.map_err(io(dir))?.path();
            if path.is_file() {
                paths.push(path);
            }
        }
        paths.sort();
        // A name decides before a content: a copy under another name never takes the place of the file.
        paths.sort_by_key(|path| by_name(path).is_none());
        let (mut files, mut origin, mut passed_over) = (BTreeMap::new(), BTreeMap::<FileId, PathBuf>::new(), Vec::new());
        for path in paths {
            let named = by_name(&path);
            let limit = named.map_or(1 << 20, size_limit);
            let mut bytes = Vec::new();
            let file = std::fs::File::open(&path).map_err(io(&path))?;
            file.take(u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut bytes).map_err(io(&path))?;
            match named.or_else(|| by_content(&bytes)) {
                Some(file) if bytes.len() <= limit => {
                    if let Some(first) = origin.insert(file, path.clone()) {
                        return Err(FolderError::Twice { file, first, second: path });
                    }
                    files.insert(file, bytes);
                }
                _ => passed_over.push(path),
            }
        }
        if files.contains_key(&FileId::SOD) { Ok(Self { files, passed_over }) } else { Err(FolderError::NoSod { path: dir.to_owned() }) }
    }
}

/// The evidence that files alone give: nobody asked a chip anything. A data group that EF.COM or EF.SOD lists and that is not among the
/// files leaves the question open, except DG3 and DG4, which few may read.
#[must_use]
pub fn of_files(files: BTreeMap<FileId, Vec<u8>>, today: Date) -> Evidence {
    let check = |id: &'static str| Check::new(id, codes::clause(id));
    let text = "files were verified, no card was there";
    let mut findings: Vec<Finding> = ["access.pace", "access.bac", "ca", "aa"].map(|id| check(id).not_attempted("no-card", text)).to_vec();
    let com = files.get(&FileId::COM).and_then(|bytes| Com::parse(bytes).ok());
    let sod = files.get(&FileId::SOD).and_then(|bytes| Sod::parse(bytes).ok());
    let listed: BTreeSet<u8> =
        com.iter().flat_map(Com::data_groups).chain(sod.iter().flat_map(|sod| sod.data_groups().collect::<Vec<_>>())).collect();
    let mut not_read = BTreeSet::new();
    for file in listed.into_iter().filter_map(FileId::dg).filter(|file| !files.contains_key(file)) {
        let text = format!("{file} is listed and is not among the files");
        findings.push(match file.dg_number() {
            Some(3 | 4) => read::check(file).not_attempted("not-among-files", text),
            _ => read::check(file).undecided("not-among-files", text),
        });
        not_read.extend(file.dg_number());
    }
    Evidence {
        date: today,
        ended: Ended::Opened,
        files: files.into_iter().map(|(file, bytes)| (file, Kept::Whole(bytes))).collect(),
        not_read,
        transcript: Transcript::default(),
        anchors: Vec::new(),
        findings,
        quirks: Vec::new(),
        traffic: Traffic::default(),
        verdict: Verdict::Undecided,
    }
}
