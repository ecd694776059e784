//! Pictures of a card's files as PNG.

use std::path::Path;

use cardwright::picture;
use eid::image::FileId;

use super::exit::Failure;
use super::output;

/// Writes every picture of `files` into a folder: `EF.DG2-1.png`, `EF.DG3-1.png`. One that cannot be decoded is told and left out.
pub(crate) fn write<'a>(dir: &Path, files: impl IntoIterator<Item = (FileId, &'a [u8])>) -> Result<(), Failure> {
    let mut pictures = Vec::new();
    for (file, bytes) in files {
        for (n, encoded) in (1..).zip(picture::encoded(file, bytes)) {
            let name = format!("{}-{n}.png", file.name());
            match picture::decode(&encoded) {
                Ok(picture) => pictures.push((name, picture.to_png())),
                Err(error) => eprintln!("{name} not written: {error}"),
            }
        }
    }
    output::files(dir, pictures.iter().map(|(name, png)| (name.clone(), png.as_slice())))
}
