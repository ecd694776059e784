//! The files of the MF that say something about all others: EF.ATR/INFO and EF.DIR. No inspection needs them, but a damaged one is a damaged card,
//! and the lengths that EF.ATR/INFO announces are kept.

use eid::image::FileId;
use eid::lds::Elementary as _;
use eid::lds::atr_info::{AtrInfo, ExtendedLength};
use eid::quirk::Quirk;
use eid::transport::{Transport, TransportError};

use super::super::access::AccessError;
use super::super::read::{self, ReadError};
use super::Run;
use crate::session::SessionError;

impl<T: Transport> Run<'_, '_, T> {
    /// EF.ATR/INFO and EF.DIR: no inspection needs them, but a damaged one is a damaged card. What a card refuses here is no finding.
    pub(super) fn files_of_the_mf(&mut self) -> Result<(), AccessError> {
        if !read::select::mf(self.session)?.is_ok() {
            return Ok(());
        }
        for file in [FileId::ATR_INFO, FileId::DIR] {
            if self.files.contains_key(&file) {
                self.log.findings.push(read::check(file).passed());
                continue;
            }
            let read = if file == FileId::ATR_INFO { read::read_list(self.session, file) } else { self.read_once(file) };
            match read {
                Ok(bytes) => {
                    let malformed = if file == FileId::ATR_INFO { AtrInfo::read(&bytes, &mut self.log.quirks).err() } else { None };
                    self.log.findings.push(match malformed {
                        Some(error) => read::check(file).failed("malformed", error.to_string()),
                        None => read::check(file).passed(),
                    });
                    self.files.insert(file, bytes);
                }
                Err(ReadError::Session { source, .. }) => return Err(source.into()),
                Err(error @ (ReadError::NotFound { .. } | ReadError::Protected { .. } | ReadError::Refused { .. })) => {
                    tracing::debug!(%error, "not read");
                }
                Err(error) => self.log.findings.push(read::finding(&error)),
            }
        }
        self.lengths()
    }

    /// Keeps to the lengths that EF.ATR/INFO announces. Extended ones that the answer to reset does not announce are tried on EF.ATR/INFO
    /// itself, before anything can be lost by it: a reader that cannot carry them says so.
    fn lengths(&mut self) -> Result<(), AccessError> {
        let Some(info) = self.files.get(&FileId::ATR_INFO).and_then(|bytes| AtrInfo::parse(bytes).ok()) else { return Ok(()) };
        if (info.extended() || info.extended_length.is_some()) && !self.session.is_extended() && !self.session.habits().short_only {
            self.session.use_extended_apdus();
            match read::probe_extended(self.session) {
                Ok(true) => self.log.quirks.push(Quirk::new("read.extended-by-atr-info", "EF.ATR/INFO, not the answer to reset")),
                Ok(false) => self.session.use_short_apdus(),
                Err(SessionError::Transport(TransportError::Protocol { .. })) => {
                    self.session.habits_mut().short_only = true;
                    self.session.restart()?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(ExtendedLength { command, response }) = info.extended_length {
            self.session.announce(command as usize, response as usize);
        }
        Ok(())
    }
}
