//! The files of the application: each read once, with its finding; a channel that was lost over a refusal is opened again, and another card than the one
//! that was read before is refused.

use std::collections::BTreeSet;

use eid::image::FileId;
use eid::lds::Elementary;
use eid::lds::com::Com;
use eid::lds::sod::Sod;
use eid::quirk::Quirk;
use eid::sm::SmError;
use eid::transport::Transport;

use super::super::access::AccessError;
use super::super::read::{self, ReadError};
use super::{CHANNEL, COMPLETE, DataGroups, General, Run, Step, dg};
use crate::session::SessionError;

impl<T: Transport> Run<'_, '_, T> {
    /// Reads the data groups that neither list names and that are there all the same: nobody signed them, and passive authentication says so.
    pub(super) fn unlisted(&mut self, listed: &BTreeSet<u8>) -> Result<(), AccessError> {
        if self.request.data_groups != DataGroups::All {
            return Ok(());
        }
        for number in (1..=16).filter(|number| !listed.contains(number)) {
            if self.broken {
                break;
            }
            match read::select(self.session, dg(number)) {
                Ok(_) => self.read(dg(number))?,
                Err(ReadError::Session { source: SessionError::Transport(error), .. }) => return Err(SessionError::Transport(error).into()),
                Err(error @ ReadError::Session { .. }) => {
                    self.broken = true;
                    self.log.findings.push(CHANNEL.failed("broken", error.to_string()));
                    self.log.findings.push(read::finding(&error));
                }
                // As it should be.
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Where reading goes on: refuses another card.
    pub(super) fn same_card(&mut self) -> Result<(), AccessError> {
        if !self.resumed {
            return Ok(());
        }
        let known = self.files.get(&FileId::CARD_ACCESS);
        let access = known.is_none() || known == self.log.card_access.as_ref();
        *self.reading.files_mut() = std::mem::take(&mut self.files);
        let same = match self.reading.is_of_this_card(self.session) {
            Ok(same) => same,
            Err(ReadError::Session { source, .. }) => return Err(source.into()),
            // A card that does not show its EF.SOD is not known to be the same.
            Err(_) => false,
        };
        if access && same {
            self.files = std::mem::take(self.reading.files_mut());
            return Ok(());
        }
        let text = "another card than the one that was read before: EF.CardAccess or the end of EF.SOD differs";
        self.log.findings.push(COMPLETE.undecided("other-card", text));
        Err(SessionError::Lost.into())
    }

    pub(super) fn is_other_card(&self) -> bool {
        self.log.findings.iter().any(|f| f.id() == COMPLETE.id && f.reason.as_ref().is_some_and(|reason| reason.code == "other-card"))
    }

    /// Reads a file of the application; the finding says how it went.
    pub(super) fn read(&mut self, file: FileId) -> Result<(), AccessError> {
        if self.broken {
            self.log.findings.push(read::check(file).not_attempted("channel-broken", "the secure channel broke before"));
            self.guarded.extend(file.dg_number());
            return Ok(());
        }
        let result = self.read_recovering(file)?;
        let finding = match result {
            Ok(bytes) => {
                self.files.insert(file, bytes);
                read::check(file).passed()
            }
            Err(ReadError::Session { source: source @ (SessionError::Transport(_) | SessionError::Stopped(_)), .. }) => {
                return Err(source.into());
            }
            Err(error @ ReadError::Session { .. }) => {
                self.broken = true;
                self.guarded.extend(file.dg_number());
                self.log.findings.push(CHANNEL.failed("broken", error.to_string()));
                read::finding(&error)
            }
            Err(ReadError::Protected { .. }) if matches!(file.dg_number(), Some(3 | 4)) => {
                self.guarded.extend(file.dg_number());
                read::check(file).not_attempted("protected", format!("{file}: protected by extended access control (6982)"))
            }
            Err(error @ ReadError::NotFound { .. }) => read::check(file).failed("absent", error.to_string()),
            Err(error) => {
                // There, and not readable: passive authentication must not call it absent.
                self.guarded.extend(file.dg_number());
                match error {
                    // Listed, and no other right than ours is foreseen for it.
                    ReadError::Protected { .. } => read::check(file).failed("refused", error.to_string()),
                    error => read::finding(&error),
                }
            }
        };
        self.log.findings.push(finding);
        Ok(())
    }

    pub(super) fn read_once(&mut self, file: FileId) -> Result<Vec<u8>, ReadError> {
        if let Some(bytes) = self.files.get(&file) {
            return Ok(bytes.clone());
        }
        let tell = &mut self.tell;
        let read = self.reading.read(self.session, file, &mut self.log.quirks, &mut |progress| tell(Step::Reading(progress)));
        read.map(<[u8]>::to_vec)
    }

    /// Reads a file; where the card refuses something in the clear and has forgotten the channel, opens it again and goes on where
    /// reading stopped. Only a refusal is borne so, never an answer that could not be believed.
    fn read_recovering(&mut self, file: FileId) -> Result<Result<Vec<u8>, ReadError>, AccessError> {
        loop {
            let result = self.read_once(file);
            let Err(ReadError::Session { source: SessionError::SecureMessaging(SmError::Unprotected(sw)), .. }) = &result else {
                return Ok(result);
            };
            let (sw, too_long) = (*sw, read::is_length(sw.0) && !self.session.habits().short_only);
            let guarded = sw.0 == 0x6982 && matches!(file.dg_number(), Some(3 | 4));
            if self.reopenings == 0 || !(too_long || guarded || matches!(sw.0, 0x6A82 | 0x6A86 | 0x6D00)) {
                return Ok(result);
            }
            self.reopenings -= 1;
            let rule = if too_long { "read.short-lengths-only" } else { "read.refused-in-the-clear" };
            self.log.quirks.push(Quirk::new(rule, format!("{file}: {sw} without secure messaging; opened again")));
            self.session.habits_mut().short_only |= too_long;
            self.reopen(too_long)?;
            if let Some(dg14) = self.authenticated.clone() {
                self.chip_and_terminal(Some(&dg14))?;
            }
            if !too_long {
                return Ok(Err(read::refusal(file, sw, 0)));
            }
        }
    }

    /// Opens the card again after its channel was lost. What is found on the way was found before.
    pub(super) fn reopen(&mut self, short: bool) -> Result<(), AccessError> {
        self.session.restart()?;
        if short {
            self.session.use_short_apdus();
        }
        let kept = std::mem::take(&mut self.log);
        let opened = self.open();
        let log = std::mem::replace(&mut self.log, kept);
        match opened {
            // the application is not wanted yet, and whoever wants it will find so
            Err(AccessError::NoApplication { .. }) if matches!(self.general, General::UnderWay) => {}
            opened => drop(opened?),
        }
        // Terminal Authentication binds to the chip's key of the run that opened the card last
        if log.pace.is_some() {
            self.log.pace = log.pace;
        }
        Ok(())
    }

    /// The content of a file that was read; a file that is not what its name says is a failed reading.
    pub(super) fn parsed<E: Elementary>(&mut self) -> Option<E> {
        let bytes = self.files.get(&E::FILE)?;
        match E::read(bytes, &mut self.log.quirks) {
            Ok(content) => Some(content),
            Err(error) => {
                let check = read::check(E::FILE);
                self.log.findings.retain(|finding| finding.id() != check.id);
                self.log.findings.push(check.failed("malformed", error.to_string()));
                None
            }
        }
    }
}

/// Data groups that EF.COM or EF.SOD lists; DG1 and DG2 where neither can be read.
pub(super) fn listed(com: Option<&Com>, sod: Option<&Sod>) -> BTreeSet<u8> {
    let listed: BTreeSet<u8> =
        com.map(Com::data_groups).into_iter().flatten().chain(sod.iter().flat_map(|sod| sod.data_groups())).collect();
    let listed: BTreeSet<u8> = listed.into_iter().filter(|number| (1..=16).contains(number)).collect();
    if listed.is_empty() { BTreeSet::from([1, 2]) } else { listed }
}
