//! Sorting more than memory holds: full buffers are sorted and written as runs, and runs are merged while they are read.
//!
//! At most [`CAPACITY`] entries are in memory, whatever comes; at most [`FAN_IN`] runs are open.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::PathBuf;

use super::IntakeError;
use super::scratch::Scratch;

/// Entries in memory.
pub(super) const CAPACITY: usize = 1 << 17;
/// Runs that are merged at once.
const FAN_IN: usize = 64;

/// Entries of `N` bytes that are sorted by their bytes.
#[derive(Debug)]
pub(super) struct Runs<'a, const N: usize> {
    scratch: &'a Scratch,
    name: &'static str,
    capacity: usize,
    buffer: Vec<[u8; N]>,
    runs: Vec<PathBuf>,
    written: usize,
    /// The most entries that were in memory at once.
    #[cfg(test)]
    pub(super) peak: usize,
}

impl<'a, const N: usize> Runs<'a, N> {
    pub(super) fn new(scratch: &'a Scratch, name: &'static str, capacity: usize) -> Self {
        Self {
            scratch,
            name,
            capacity,
            buffer: Vec::new(),
            runs: Vec::new(),
            written: 0,
            #[cfg(test)]
            peak: 0,
        }
    }

    /// One entry more.
    pub(super) fn push(&mut self, entry: [u8; N]) -> Result<(), IntakeError> {
        if self.buffer.len() >= self.capacity {
            self.spill()?;
        }
        self.buffer.push(entry);
        #[cfg(test)]
        {
            self.peak = self.peak.max(self.buffer.len());
        }
        Ok(())
    }

    /// Writes the buffer as a run.
    fn spill(&mut self) -> Result<(), IntakeError> {
        self.buffer.sort_unstable();
        let buffer = std::mem::take(&mut self.buffer);
        self.write(buffer.iter().map(|entry| Ok(*entry)))?;
        self.buffer = buffer;
        self.buffer.clear();
        if self.runs.len() >= FAN_IN {
            let merged = std::mem::take(&mut self.runs);
            let all = Merge::open(&merged, Vec::new())?;
            self.write(all)?;
            for path in merged {
                std::fs::remove_file(&path).map_err(|source| IntakeError::Io { path, source })?;
            }
        }
        Ok(())
    }

    fn write(&mut self, entries: impl Iterator<Item = Result<[u8; N], IntakeError>>) -> Result<(), IntakeError> {
        let name = format!("{}-{}", self.name, self.written);
        let mut file = BufWriter::new(self.scratch.file(&name)?);
        let path = self.scratch.path(&name);
        let io = |source| IntakeError::Io { path: path.clone(), source };
        for entry in entries {
            file.write_all(&entry?).map_err(io)?;
        }
        file.flush().map_err(io)?;
        self.written += 1;
        self.runs.push(path);
        Ok(())
    }

    /// All entries, the smallest first.
    pub(super) fn sorted(mut self) -> Result<Merge<N>, IntakeError> {
        self.buffer.sort_unstable();
        Merge::open(&self.runs, self.buffer)
    }
}

/// Sorted entries out of several sorted runs.
#[derive(Debug)]
pub(super) struct Merge<const N: usize> {
    sources: Vec<Run<N>>,
    heads: BinaryHeap<Reverse<([u8; N], usize)>>,
}

#[derive(Debug)]
enum Run<const N: usize> {
    Memory(std::vec::IntoIter<[u8; N]>),
    Disk(PathBuf, BufReader<File>),
}

impl<const N: usize> Run<N> {
    fn next(&mut self) -> Result<Option<[u8; N]>, IntakeError> {
        match self {
            Self::Memory(entries) => Ok(entries.next()),
            Self::Disk(path, file) => {
                let mut entry = [0; N];
                match file.read_exact(&mut entry) {
                    Ok(()) => Ok(Some(entry)),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
                    Err(source) => Err(IntakeError::Io { path: path.clone(), source }),
                }
            }
        }
    }
}

impl<const N: usize> Merge<N> {
    fn open(runs: &[PathBuf], memory: Vec<[u8; N]>) -> Result<Self, IntakeError> {
        let mut sources = vec![Run::Memory(memory.into_iter())];
        for path in runs {
            let file = File::open(path).map_err(|source| IntakeError::Io { path: path.clone(), source })?;
            sources.push(Run::Disk(path.clone(), BufReader::with_capacity(1 << 14, file)));
        }
        let mut heads = BinaryHeap::new();
        for (at, source) in sources.iter_mut().enumerate() {
            heads.extend(source.next()?.map(|entry| Reverse((entry, at))));
        }
        Ok(Self { sources, heads })
    }

    fn step(&mut self) -> Result<Option<[u8; N]>, IntakeError> {
        let Some(Reverse((entry, at))) = self.heads.pop() else { return Ok(None) };
        if let Some(source) = self.sources.get_mut(at) {
            self.heads.extend(source.next()?.map(|next| Reverse((next, at))));
        }
        Ok(Some(entry))
    }
}

impl<const N: usize> Iterator for Merge<N> {
    type Item = Result<[u8; N], IntakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 387,421 and 100,003 have no common divisor, so that every number below 100,003 comes once.
    #[test]
    fn a_hundred_thousand_entries_come_out_sorted_with_fifty_in_memory() {
        let dir = tempfile::tempdir().expect("folder");
        let scratch = Scratch::new(dir.path().join("x")).expect("scratch");
        let mut runs = Runs::<4>::new(&scratch, "numbers", 50);
        for n in 0..100_003u64 {
            runs.push(u32::try_from(n * 387_421 % 100_003).expect("small").to_be_bytes()).expect("room");
            assert!(runs.buffer.len() <= 50 && runs.runs.len() <= FAN_IN);
        }
        assert_eq!(runs.peak, 50);
        let sorted: Vec<u32> = runs.sorted().expect("runs").map(|entry| u32::from_be_bytes(entry.expect("entry"))).collect();
        assert!(sorted.iter().copied().eq(0..100_003));
    }
}
