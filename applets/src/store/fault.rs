//! Memory that loses power on command, in each of the ways that a page program can be torn (applet design 4.5). Every card has its cells behind
//! it: it counts the programs, and cuts the power at the one that it is told.

use std::fmt;
use std::str::FromStr;

use super::nvm::{ERASED, Nvm, NvmError, PAGE};

/// What the page holds after power went away while it was programmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tear {
    /// The old content: the cut came first.
    Old,
    /// The new content: the cut came last.
    New,
    /// Erased.
    Erased,
    /// The first half is new, the second old.
    NewOld,
    /// The first half is old, the second new.
    OldNew,
    /// The first half is new, the second erased.
    NewErased,
    /// Neither.
    Garbage,
}

impl Tear {
    /// All seven.
    pub const ALL: [Self; 7] = [Self::Old, Self::New, Self::Erased, Self::NewOld, Self::OldNew, Self::NewErased, Self::Garbage];

    /// The name: `old`, `new`, `erased`, `new-old`, `old-new`, `new-erased`, `garbage`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
            Self::Erased => "erased",
            Self::NewOld => "new-old",
            Self::OldNew => "old-new",
            Self::NewErased => "new-erased",
            Self::Garbage => "garbage",
        }
    }

    fn apply(self, old: &[u8; PAGE], new: &[u8; PAGE]) -> [u8; PAGE] {
        const HALF: usize = PAGE / 2;
        let mut page = [0; PAGE];
        for (n, cell) in page.iter_mut().enumerate() {
            let (old, new) = (old.get(n).copied().unwrap_or(ERASED), new.get(n).copied().unwrap_or(ERASED));
            *cell = match self {
                Self::Old => old,
                Self::New => new,
                Self::Erased => ERASED,
                Self::NewOld => {
                    if n < HALF {
                        new
                    } else {
                        old
                    }
                }
                Self::OldNew => {
                    if n < HALF {
                        old
                    } else {
                        new
                    }
                }
                Self::NewErased => {
                    if n < HALF {
                        new
                    } else {
                        ERASED
                    }
                }
                Self::Garbage => old ^ new.rotate_left(3) ^ n.to_le_bytes()[0].wrapping_mul(0x9D) ^ 0x5A,
            };
        }
        page
    }
}

impl fmt::Display for Tear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that is no way to tear a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {}, found {found:?}", Tear::ALL.map(Tear::name).join(", "))]
pub struct NoTear {
    found: String,
}

impl FromStr for Tear {
    type Err = NoTear;

    fn from_str(text: &str) -> Result<Self, NoTear> {
        Self::ALL.into_iter().find(|tear| tear.name() == text).ok_or_else(|| NoTear { found: text.to_owned() })
    }
}

/// Memory whose power is cut at one page program.
#[derive(Debug)]
pub struct FaultyNvm<N> {
    inner: N,
    operations: u64,
    erasures: u64,
    cut: Option<(u64, Tear)>,
    dead: bool,
}

impl<N: Nvm> FaultyNvm<N> {
    /// `inner`, whose page program number `at` (from 0) is torn; `None` for no cut, to count operations.
    #[must_use]
    pub const fn new(inner: N, cut: Option<(u64, Tear)>) -> Self {
        Self { inner, operations: 0, erasures: 0, cut, dead: false }
    }

    /// Cuts the power at the page program that comes after `after` others; `None` takes the cut back.
    pub fn arm(&mut self, cut: Option<(u64, Tear)>) {
        self.cut = cut.map(|(after, tear)| (self.operations.saturating_add(after), tear));
    }

    /// The cut that is to come: after how many page programs, and how.
    #[must_use]
    pub fn armed(&self) -> Option<(u64, Tear)> {
        self.cut.map(|(at, tear)| (at.saturating_sub(self.operations), tear)).filter(|_| !self.dead)
    }

    /// Whether the power is gone.
    #[must_use]
    pub const fn is_dead(&self) -> bool {
        self.dead
    }

    /// Gives the power back after a cut, which does not come again.
    pub const fn repower(&mut self) {
        if self.dead {
            self.dead = false;
            self.cut = None;
        }
    }

    /// Page programs so far, the torn one included.
    #[must_use]
    pub const fn operations(&self) -> u64 {
        self.operations
    }

    /// Those of them that left an erased page.
    #[must_use]
    pub const fn erasures(&self) -> u64 {
        self.erasures
    }

    /// The memory as the power cut left it.
    #[must_use]
    pub fn into_inner(self) -> N {
        self.inner
    }
}

impl<N: Nvm> Nvm for FaultyNvm<N> {
    fn cells(&self) -> &[u8] {
        self.inner.cells()
    }

    fn program(&mut self, page: usize, content: &[u8; PAGE]) -> Result<(), NvmError> {
        if self.dead {
            return Err(NvmError::PowerLost { page });
        }
        let this = self.operations;
        self.operations += 1;
        self.erasures += u64::from(content.iter().all(|&cell| cell == ERASED));
        if let Some((_, tear)) = self.cut.filter(|&(at, _)| at == this) {
            self.dead = true;
            let old = *self.inner.page(page).ok_or(NvmError::OutOfRange { page, pages: self.inner.pages() })?;
            self.inner.program(page, &tear.apply(&old, content))?;
            return Err(NvmError::PowerLost { page });
        }
        self.inner.program(page, content)
    }
}

#[cfg(test)]
mod tests {
    use super::super::nvm::RamNvm;
    use super::*;

    #[test]
    fn the_cut_page_shows_its_tear_and_nothing_is_written_after_it() {
        for tear in Tear::ALL {
            let mut nvm = FaultyNvm::new(RamNvm::from_cells(vec![1; 3 * PAGE]), Some((1, tear)));
            nvm.program(0, &[2; PAGE]).expect("before the cut");
            assert_eq!(nvm.program(1, &[2; PAGE]), Err(NvmError::PowerLost { page: 1 }));
            assert_eq!(nvm.program(2, &[2; PAGE]), Err(NvmError::PowerLost { page: 2 }));
            let page = |n| *nvm.page(n).expect("page");
            assert_eq!((page(0), page(2)), ([2; PAGE], [1; PAGE]));
            let (first, last) = (page(1)[0], page(1)[PAGE - 1]);
            match tear {
                Tear::Old => assert_eq!((first, last), (1, 1)),
                Tear::New => assert_eq!((first, last), (2, 2)),
                Tear::Erased => assert_eq!((first, last), (ERASED, ERASED)),
                Tear::NewOld => assert_eq!((first, last), (2, 1)),
                Tear::OldNew => assert_eq!((first, last), (1, 2)),
                Tear::NewErased => assert_eq!((first, last), (2, ERASED)),
                Tear::Garbage => assert!(page(1) != [1; PAGE] && page(1) != [2; PAGE]),
            }
        }
    }
}
