//! Standard output: the answer and nothing else, as text or as one JSON document.

use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;

use super::exit::{Exit, Failure};

fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        // whoever reads has read enough (`| head`)
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::new(Exit::Store, format_args!("standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Prints `text`, and a line end if it has none.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    written(
        out.write_all(text.as_bytes())
            .and_then(|()| if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") })
            .and_then(|()| out.flush()),
    )
}

/// Prints `value` as one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(value).map_err(|error| Failure::new(Exit::Bug, error))?;
    let mut out = io::stdout().lock();
    written(writeln!(out, "{line}").and_then(|()| out.flush()))
}

/// Whether text may be coloured: a terminal, and no NO_COLOR.
pub(crate) fn is_coloured() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Writes files of a card into a folder, which is made if it is not there.
pub(crate) fn files<'a>(dir: &Path, files: impl IntoIterator<Item = (String, &'a [u8])>) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).map_err(|error| Failure::file(dir, &error))?;
    for (name, bytes) in files {
        let path = dir.join(name);
        std::fs::write(&path, bytes).map_err(|error| Failure::file(&path, &error))?;
    }
    Ok(())
}

/// Writes bytes as they are, for an answer that is a file.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    written(out.write_all(bytes).and_then(|()| out.flush()))
}

/// Writes a file with personal data, readable by its owner only where the system knows owners; an old one is replaced.
pub(crate) fn private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    private_with(options.write(true).create(true).truncate(true), path, bytes)
}

/// The same for a file that must not be there yet.
pub(crate) fn private_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    private_with(options.write(true).create_new(true), path, bytes)
}

fn private_with(options: &mut std::fs::OpenOptions, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path).and_then(|mut file| file.write_all(bytes)).map_err(|error| Failure::file(path, &error))
}
