//! Memory in a file, so that a virtual card survives a restart. One process at a time: the file is locked while it is open.
//! Contents of elementary files stand in it contiguous and in clear, as an attacker with a microscope would find them.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::StoreError;
use super::nvm::{ERASED, Nvm, NvmError, PAGE};

/// Longest card file that is read, in bytes: nothing that we write is near it.
const MAX_LEN: u64 = 16 * 1024 * 1024;

/// The cells of a card file, mirrored in RAM; a page is written to the file when it is programmed.
pub struct FileNvm {
    path: PathBuf,
    file: File,
    cells: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for FileNvm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileNvm({}, {} bytes)", self.path.display(), self.cells.len())
    }
}

impl FileNvm {
    /// A new file of erased cells, readable by its owner only.
    ///
    /// # Errors
    /// The file exists already, or cannot be made or locked.
    pub fn create(path: &Path, bytes: usize) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(|e| StoreError::io(path, &e))?;
        lock(&file, path)?;
        let cells = Zeroizing::new(vec![ERASED; bytes.div_ceil(PAGE) * PAGE]);
        file.write_all(&cells).map_err(|e| StoreError::io(path, &e))?;
        Ok(Self { path: path.to_owned(), file, cells })
    }

    /// The cells of an existing file.
    ///
    /// # Errors
    /// It is in use by another process ([`StoreError::InUse`]), cannot be read, or is no multiple of the page length.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(|e| StoreError::io(path, &e))?;
        lock(&file, path)?;
        let mut cells = Zeroizing::new(Vec::new());
        let len = (&file).take(MAX_LEN).read_to_end(&mut cells).map_err(|e| StoreError::io(path, &e))?;
        if len == 0 || len % PAGE != 0 {
            return Err(StoreError::NotACard(format!("{}: expected whole pages of {PAGE} bytes, found {len} bytes", path.display())));
        }
        Ok(Self { path: path.to_owned(), file, cells })
    }
}

fn lock(file: &File, path: &Path) -> Result<(), StoreError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.display().to_string())),
        Err(TryLockError::Error(e)) => Err(StoreError::io(path, &e)),
    }
}

impl Nvm for FileNvm {
    fn cells(&self) -> &[u8] {
        &self.cells
    }

    fn program(&mut self, page: usize, content: &[u8; PAGE]) -> Result<(), NvmError> {
        let pages = self.pages();
        let at = page.checked_mul(PAGE).filter(|at| at + PAGE <= self.cells.len()).ok_or(NvmError::OutOfRange { page, pages })?;
        let io = |e: std::io::Error| NvmError::Io(format!("{}: {e}", self.path.display()));
        self.file.seek(SeekFrom::Start(at as u64)).map_err(io)?;
        self.file.write_all(content).map_err(io)?;
        if let Some(cells) = self.cells.get_mut(at..at + PAGE) {
            cells.copy_from_slice(content);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_file_is_locked_while_it_is_open_and_keeps_its_pages() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("1.card");
        let mut nvm = FileNvm::create(&path, 3 * PAGE).expect("new file");
        nvm.program(1, &[7; PAGE]).expect("page");
        assert!(matches!(FileNvm::open(&path), Err(StoreError::InUse(_))));
        assert_eq!(nvm.program(3, &[7; PAGE]), Err(NvmError::OutOfRange { page: 3, pages: 3 }));
        drop(nvm);
        let nvm = FileNvm::open(&path).expect("again");
        assert_eq!((nvm.page(0), nvm.page(1)), (Some(&[ERASED; PAGE]), Some(&[7; PAGE])));
        assert!(matches!(FileNvm::create(&path, PAGE), Err(StoreError::Io(_))));
        std::fs::write(dir.path().join("cut"), [0; 200]).expect("file");
        assert!(matches!(FileNvm::open(&dir.path().join("cut")), Err(StoreError::NotACard(_))));
    }
}
