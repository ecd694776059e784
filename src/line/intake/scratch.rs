//! A folder for what intake writes and forgets: clear records, readable by their owner only, gone when the work ends.
//!
//! Where a run was cut off, the next one of the same name empties the folder: a lock that ended with that run says that nobody is there.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use super::IntakeError;

/// The folder. It is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Makes the folder, or takes over what a dead run left.
    pub(super) fn new(folder: PathBuf) -> Result<Self, IntakeError> {
        let io = |source| IntakeError::Io { path: folder.clone(), source };
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).map_err(io)?;
        let lock = private(OpenOptions::new().write(true).create(true).truncate(false)).open(folder.join("lock")).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(IntakeError::Busy { path: folder }),
            Err(fs::TryLockError::Error(source)) => return Err(io(source)),
        }
        for entry in fs::read_dir(&folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.file_name().is_some_and(|name| name != "lock") {
                fs::remove_file(&path).map_err(io)?;
            }
        }
        Ok(Self { folder, _lock: lock })
    }

    /// A path inside.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A new file inside, to write and to read.
    pub(super) fn file(&self, name: &str) -> Result<File, IntakeError> {
        let path = self.path(name);
        create(&path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // what cannot be removed is emptied by the next run
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// A new file that only its owner may read, an old one is emptied.
pub(super) fn create(path: &Path) -> Result<File, IntakeError> {
    let file = private(OpenOptions::new().read(true).write(true).create(true).truncate(true)).open(path);
    file.map_err(|source| IntakeError::Io { path: path.to_owned(), source })
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_kept_out_and_a_dead_one_is_cleared_away() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("a.partial");
        let first = Scratch::new(path.clone()).expect("new");
        drop(first.file("spool").expect("file"));
        assert!(matches!(Scratch::new(path.clone()), Err(IntakeError::Busy { .. })));
        drop(first);
        assert!(!path.exists());
        fs::create_dir(&path).expect("folder");
        fs::write(path.join("spool"), "left over").expect("file");
        let next = Scratch::new(path.clone()).expect("nobody has the lock");
        assert!(!next.path("spool").exists());
    }
}
