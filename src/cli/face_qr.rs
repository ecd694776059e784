//! The QR text of a card's face on the command line. It holds personal data, as the card does for anybody who looks at it: prefer a file.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use eid::face_qr::{FaceQr, MAX_BYTES};
use eid::quirk::Quirk;

use super::exit::{Exit, Failure};

/// Where the QR text comes from.
#[derive(Debug, Args)]
pub(crate) struct FaceQrArgs {
    /// Compare the chip with the QR text of the card's face, as a scanner gives it; it holds personal data, so prefer --qr-file
    #[arg(long, value_name = "TEXT", conflicts_with = "qr_file")]
    qr: Option<String>,
    /// The same from FILE, or from standard input for -
    #[arg(long, value_name = "FILE")]
    qr_file: Option<PathBuf>,
}

impl FaceQrArgs {
    /// The text, if one was given.
    pub(crate) fn face_qr(&self) -> Result<Option<FaceQr>, Failure> {
        let (text, place) = match (&self.qr, &self.qr_file) {
            (Some(text), _) => (text.clone(), None),
            (None, Some(path)) => (read(path)?, Some(path)),
            (None, None) => return Ok(None),
        };
        let mut quirks = Vec::new();
        let qr = parse(&text, &mut quirks).map_err(|failure| match place {
            Some(path) => failure.in_file(path),
            None => failure,
        })?;
        for quirk in quirks {
            tracing::info!(%quirk, "tolerated in the QR text");
        }
        Ok(Some(qr))
    }
}

/// The text of a file, no longer than such a text may be.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let limit = MAX_BYTES as u64 + 64;
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    read.map_err(|error| Failure::file(path, &error))?;
    String::from_utf8(bytes).map_err(|error| Failure::from_error(Exit::Usage, &error).in_file(path))
}

/// What the text says.
pub(crate) fn parse(text: &str, quirks: &mut Vec<Quirk>) -> Result<FaceQr, Failure> {
    FaceQr::read(text, quirks).map_err(|error| {
        Failure::new(Exit::Usage, &error)
            .hint("a Vietnamese identity card has NUMBER|OLD NUMBER|NAME|ddMMyyyy|Nam or Nữ|RESIDENCE|ddMMyyyy")
    })
}
