//! The work itself: chunks of rows are examined by several threads and spooled in their order; then the spool is read once more, beside what
//! came twice, into the intake file and the lists of rejects.

use std::fs;
use std::path::Path;

use super::duplicates::{Duplicates, Found, Place};
use super::examine::{Examined, Examiner};
use super::file::{Header, VERSION, Writer};
use super::image::Folder;
use super::live::Live;
use super::mapping::Mapping;
use super::rejects::Rejects;
use super::report::{Report, SourceReport};
use super::scratch::Scratch;
use super::source::{Row, Source};
use super::spool::{Frame, Spool};
use super::{IntakeError, Options, Output, Progress, Tell};
use crate::perso::profile::DocumentProfile;

/// Rows in memory at most.
pub(super) const CHUNK: usize = 256;
/// Bytes of them at most, beside the last row.
pub(super) const CHUNK_BYTES: usize = 16 << 20;

/// What all of it needs.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub(super) mapping: &'a Mapping,
    pub(super) profile: &'a DocumentProfile,
    pub(super) options: &'a Options,
    pub(super) output: &'a Output,
}

impl Work<'_> {
    pub(super) fn run(self, sources: &mut [Box<dyn Source>], mut live: Option<Live<'_>>, tell: Tell<'_>) -> Result<Report, IntakeError> {
        let taken = self.output.accepted();
        if taken.exists() {
            return Err(IntakeError::Taken { path: taken });
        }
        let scratch = Scratch::new(self.output.file("partial"))?;
        let mut spool = Spool::new(&scratch)?;
        let mut duplicates = Duplicates::new(&scratch);
        let mut rows = 0;
        for (at, source) in (1usize..).zip(sources.iter_mut()) {
            let number = u32::try_from(at).map_err(|_| IntakeError::TooMany)?;
            let folder = Folder::new(source.folder(), self.options.inline);
            let examiner =
                Examiner { mapping: self.mapping, profile: self.profile, options: self.options, folder: &folder, source: number };
            loop {
                let chunk = chunk(source.as_mut())?;
                if chunk.is_empty() {
                    break;
                }
                let mut examined = examine(examiner, &chunk, self.options.workers.get());
                drop(chunk);
                if let Some(live) = &mut live {
                    live.ask(&mut examined)?;
                }
                for examined in examined {
                    rows += 1;
                    self.keep(number, examined, &mut spool, &mut duplicates)?;
                }
                let (done, total) = source.progress();
                if tell(Progress { rows, source: at, done, total }).is_break() {
                    return Err(IntakeError::Stopped);
                }
            }
        }
        self.settle(sources, spool, duplicates.found()?, live.is_some(), &scratch)
    }

    /// Puts aside what was found of a row.
    fn keep(self, source: u32, examined: Examined, spool: &mut Spool, duplicates: &mut Duplicates<'_>) -> Result<(), IntakeError> {
        let place = Place::of(source, examined.row)?;
        let levels = self.mapping.levels();
        let passes = examined.reasons.iter().all(|reason| levels.of(reason.ground) == super::Level::Warning);
        // a row that is rejected alone says nothing about others
        let candidate = examined.candidate.filter(|_| passes);
        if let Some(candidate) = &candidate {
            duplicates.add(place, &candidate.keys, candidate.content)?;
        }
        let accepted = candidate.map(|candidate| serde_json::to_vec(&candidate.accepted).unwrap_or_default()).unwrap_or_default();
        let Examined { row, line, original, reasons, .. } = examined;
        spool.push(&Frame { source, row, line, accepted, reasons, original })
    }

    /// Reads the spool into the results.
    fn settle(
        self,
        sources: &[Box<dyn Source>],
        spool: Spool,
        mut found: Found,
        store_asked: bool,
        scratch: &Scratch,
    ) -> Result<Report, IntakeError> {
        let mut report = Report {
            profile: self.profile.id.clone(),
            today: self.options.today.to_string(),
            sources: sources.iter().map(|source| SourceReport::new(source.name().to_owned())).collect(),
            refuse_above: self.options.refuse_above,
            store_asked,
        };
        for (source, report) in sources.iter().zip(&mut report.sources) {
            report.header.sha256 = hex::encode(source.digest());
        }
        let body = scratch.path("accepted");
        let mut writer = Writer::new(body.clone(), &widest(&report))?;
        let new = |(number, columns): (usize, _)| Rejects::new(scratch, number, columns);
        let mut rejects = (1..).zip(sources.iter().map(|source| source.columns())).map(new).collect::<Result<Vec<_>, _>>()?;
        let levels = self.mapping.levels();
        for frame in spool.again()? {
            let mut frame = frame?;
            frame.reasons.extend(found.at(Place::of(frame.source, frame.row)?)?);
            let at = usize::try_from(frame.source).unwrap_or(usize::MAX) - 1;
            let (Some(source), Some(rejects)) = (report.sources.get_mut(at), rejects.get_mut(at)) else { continue };
            if source.count(frame.row, &frame.reasons, levels) {
                writer.line(&frame.accepted)?;
            } else {
                rejects.add(&frame, levels)?;
            }
        }
        writer.finish(header(&report))?;
        for (number, rejects) in (1..).zip(rejects) {
            let path = self.output.rejects(number, sources.len());
            match rejects.finish()? {
                Some(list) => rename(&list, &path)?,
                // what an earlier delivery of this name left is not of this one
                None if path.exists() => fs::remove_file(&path).map_err(|source| IntakeError::Io { path, source })?,
                None => {}
            }
        }
        if !report.is_refused() {
            rename(&body, &self.output.accepted())?;
        }
        Ok(report)
    }
}

/// Rows that are examined together.
pub(super) fn chunk(source: &mut dyn Source) -> Result<Vec<Row>, IntakeError> {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while rows.len() < CHUNK && bytes < CHUNK_BYTES {
        let Some(row) = source.next()? else { break };
        bytes += row.size();
        rows.push(row);
    }
    Ok(rows)
}

/// Examines rows, each thread a part of them; in their order.
fn examine(examiner: Examiner<'_>, rows: &[Row], workers: usize) -> Vec<Examined> {
    if workers == 1 {
        return rows.iter().map(|row| examiner.examine(row)).collect();
    }
    std::thread::scope(|scope| {
        let parts = rows.chunks(rows.len().div_ceil(workers).max(1));
        let threads: Vec<_> =
            parts.map(|part| scope.spawn(move || part.iter().map(|row| examiner.examine(row)).collect::<Vec<_>>())).collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.flatten().collect()
    })
}

fn header(report: &Report) -> Header {
    Header {
        cardwright_intake: VERSION,
        profile: report.profile.clone(),
        today: report.today.clone(),
        sources: report.sources.iter().map(|source| source.header.clone()).collect(),
        accepted: report.accepted(),
        quarantined: report.quarantined(),
        body_bytes: 0,
        body_sha256: String::new(),
    }
}

/// The header with the widest figures that it may get.
fn widest(report: &Report) -> Header {
    let mut header = header(report);
    for source in &mut header.sources {
        (source.rows, source.accepted, source.quarantined) = (u64::MAX, u64::MAX, u64::MAX);
    }
    Header { accepted: u64::MAX, quarantined: u64::MAX, body_bytes: u64::MAX, body_sha256: "0".repeat(64), ..header }
}

/// Gives a finished file its name; the name is on the disk when this returns.
fn rename(from: &Path, to: &Path) -> Result<(), IntakeError> {
    let io = |source| IntakeError::Io { path: to.to_owned(), source };
    fs::rename(from, to).map_err(io)?;
    #[cfg(unix)]
    if let Some(folder) = to.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    }
    Ok(())
}
