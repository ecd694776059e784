//! What was read of one card so far. It outlives the session: after the card was lifted, or the channel was lost, reading goes on where
//! it stopped, and nothing is read twice, once it is shown that the card is the same.

use std::collections::BTreeMap;
use std::fmt;

use eid::image::FileId;
use eid::quirk::Quirk;
use eid::transport::Transport;

use super::{Progress, ReadError, block, read_on, select};
use crate::session::Session;

/// So many bytes at the end of EF.SOD show which document it is: they belong to the signature, which no two documents share.
const SIGNATURE: usize = 32;

/// A file of which not all was read.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Partial {
    pub(super) content: Vec<u8>,
    /// Length of the file by its tag and length; 0 before they were read.
    pub(super) announced: usize,
}

/// What was read of one card.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Reading {
    files: BTreeMap<FileId, Vec<u8>>,
    partial: BTreeMap<FileId, Partial>,
}

impl fmt::Debug for Reading {
    /// Names and lengths only: the contents are a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.files.iter().map(|(file, bytes)| (*file, bytes.len()));
        let partial = self.partial.iter().map(|(file, partial)| (*file, (partial.content.len(), partial.announced)));
        f.debug_struct("Reading")
            .field("files", &files.collect::<BTreeMap<_, _>>())
            .field("partial", &partial.collect::<BTreeMap<_, _>>())
            .finish()
    }
}

impl Reading {
    /// Nothing was read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on with files that were read before, and kept whole.
    #[must_use]
    pub fn from_files(files: BTreeMap<FileId, Vec<u8>>) -> Self {
        Self { files, partial: BTreeMap::new() }
    }

    /// The files that were read whole, as the card gave them.
    #[must_use]
    pub const fn files(&self) -> &BTreeMap<FileId, Vec<u8>> {
        &self.files
    }

    pub(in crate::terminal) const fn files_mut(&mut self) -> &mut BTreeMap<FileId, Vec<u8>> {
        &mut self.files
    }

    /// Bytes read, those of files that are not whole included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let partial = self.partial.values().map(|partial| partial.content.len());
        self.files.values().map(Vec::len).chain(partial).sum()
    }

    /// Reads a file of the selected application, unless it was read before, from where it stopped.
    ///
    /// # Errors
    /// [`ReadError`]; what came until then is kept.
    pub fn read<T: Transport>(
        &mut self,
        session: &mut Session<T>,
        file: FileId,
        quirks: &mut Vec<Quirk>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<&[u8], ReadError> {
        if !self.files.contains_key(&file) {
            read_on(session, file, self.partial.entry(file).or_default(), quirks, progress)?;
            let whole = self.partial.remove(&file).unwrap_or_default();
            self.files.insert(file, whole.content);
        }
        Ok(self.files.get(&file).map(Vec::as_slice).unwrap_or_default())
    }

    /// Whether the open card is the one that this was read of: the end of its EF.SOD is read again and compared. Where EF.SOD was not
    /// read, nothing could be compared: what was read is forgotten, and the card is as good as any.
    ///
    /// # Errors
    /// [`ReadError`] of EF.SOD.
    pub fn is_of_this_card<T: Transport>(&mut self, session: &mut Session<T>) -> Result<bool, ReadError> {
        let Some(sod) = self.files.get(&FileId::SOD) else {
            *self = Self::default();
            return Ok(true);
        };
        let (file, mut quirks, mut commands) = (FileId::SOD, Vec::new(), 0);
        select::file(session, file, &mut quirks)?;
        let mut at = sod.len().saturating_sub(SIGNATURE);
        while at < sod.len() {
            let request = block::Request { file, at, rest: sod.len() - at, ended: false };
            let data = match block::next(session, &request, &mut commands, &mut quirks) {
                Ok(block) => block.data,
                // A shorter file is another one.
                Err(ReadError::Truncated { .. }) => return Ok(false),
                Err(error) => return Err(error),
            };
            if sod.get(at..at + data.len()) != Some(&data[..]) {
                return Ok(false);
            }
            at += data.len();
        }
        Ok(true)
    }
}
