//! The files that a path stands for: itself, or all files of a folder and of those below it.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::ImportError;

const MAX_DEPTH: usize = 8;
const MAX_FILES: usize = 200_000;

/// A file to import.
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// How the record of the import names it: without the folders above what the user named.
    pub(super) name: String,
    /// Whether it was found in a folder.
    pub(super) one_of_many: bool,
}

/// The files of `path` in order, and whether it is a folder. Links are not followed below a folder, files that start with a dot are left out.
pub(super) fn list(path: &Path) -> Result<(Vec<Source>, bool), ImportError> {
    let io = |source| ImportError::Io { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(io)?.is_dir() {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        return Ok((vec![Source { path: path.to_owned(), name, one_of_many: false }], false));
    }
    let mut out = Vec::new();
    walk(path, path, 0, &mut out).map_err(io)?;
    out.sort_by(|a: &Source, b: &Source| a.path.cmp(&b.path));
    Ok((out, true))
}

fn walk(root: &Path, folder: &Path, depth: usize, out: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if kind.is_dir() && depth < MAX_DEPTH {
            walk(root, &path, depth + 1, out)?;
        } else if kind.is_file() {
            if out.len() == MAX_FILES {
                return Err(io::Error::other("more than 200 000 files"));
            }
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            out.push(Source { path, name, one_of_many: true });
        }
    }
    Ok(())
}

/// SHA-256 of a file that is too large to be held.
pub(super) fn sha256(path: &Path) -> io::Result<[u8; 32]> {
    let mut input = BufReader::new(File::open(path)?);
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(digest.finalize().into()),
            n => digest.update(buffer.get(..n).unwrap_or_default()),
        }
    }
}
