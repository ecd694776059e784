//! The card's memory cells: whole pages are programmed, anything may be read. A page is the unit; nothing larger is atomic.
//!
//! Behind the trait stand memory in RAM, a file ([`super::file`]), and memory that loses power on command ([`super::fault`]).

use zeroize::Zeroizing;

/// Length of a page in bytes.
pub const PAGE: usize = 128;
/// What an erased cell reads as.
pub const ERASED: u8 = 0xFF;

/// Why a page could not be programmed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NvmError {
    /// The power went away during or before this operation: the card is mute until it is powered again.
    #[error("power lost while programming page {page}")]
    PowerLost {
        /// The page that was to be programmed.
        page: usize,
    },
    /// The page reads back other than it was programmed.
    #[error("page {page} reads back other than it was programmed")]
    Verify {
        /// The page.
        page: usize,
    },
    /// There is no such page.
    #[error("page {page} is outside of the memory of {pages} pages")]
    OutOfRange {
        /// The page asked for.
        page: usize,
        /// Pages there are.
        pages: usize,
    },
    /// The file behind the memory cannot be written.
    #[error("card file: {0}")]
    Io(String),
}

/// Non-volatile memory of a chip.
pub trait Nvm: Send {
    /// All cells, a multiple of [`PAGE`] bytes.
    fn cells(&self) -> &[u8];

    /// Programs one page.
    ///
    /// # Errors
    /// Any [`NvmError`]; after one, the page may hold anything.
    fn program(&mut self, page: usize, content: &[u8; PAGE]) -> Result<(), NvmError>;

    /// Pages there are.
    fn pages(&self) -> usize {
        self.cells().len() / PAGE
    }

    /// One page; `None` outside of the memory.
    fn page(&self, page: usize) -> Option<&[u8; PAGE]> {
        self.cells().get(page.checked_mul(PAGE)?..)?.first_chunk()
    }
}

impl<N: Nvm + ?Sized> Nvm for Box<N> {
    fn cells(&self) -> &[u8] {
        (**self).cells()
    }

    fn program(&mut self, page: usize, content: &[u8; PAGE]) -> Result<(), NvmError> {
        (**self).program(page, content)
    }
}

/// Memory that is gone with the process.
#[derive(Clone)]
pub struct RamNvm(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for RamNvm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RamNvm({} bytes)", self.0.len())
    }
}

impl RamNvm {
    /// Erased memory of at least `bytes` bytes, rounded up to whole pages.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Zeroizing::new(vec![ERASED; bytes.div_ceil(PAGE) * PAGE]))
    }

    /// Memory with this content; a cut last page is filled up as erased.
    #[must_use]
    pub fn from_cells(mut cells: Vec<u8>) -> Self {
        cells.resize(cells.len().div_ceil(PAGE) * PAGE, ERASED);
        Self(Zeroizing::new(cells))
    }

    /// The cells for writing past the card: damage from outside.
    pub fn cells_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Nvm for RamNvm {
    fn cells(&self) -> &[u8] {
        &self.0
    }

    fn program(&mut self, page: usize, content: &[u8; PAGE]) -> Result<(), NvmError> {
        let pages = self.pages();
        let cells = page.checked_mul(PAGE).and_then(|at| self.0.get_mut(at..at + PAGE)).ok_or(NvmError::OutOfRange { page, pages })?;
        cells.copy_from_slice(content);
        Ok(())
    }
}
