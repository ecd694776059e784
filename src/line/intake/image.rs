//! The images of a row: by path within the folder of the source, or inside of the row. Nothing outside of that folder is read, and nothing
//! larger than [`MAX_IMAGE`].

use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use base64ct::Encoding as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::mapping::ImageCell;
use super::rules::{Quality, Reason};

/// Bytes of one image at most.
pub const MAX_IMAGE: usize = 1 << 20;
/// Bytes of all images of a record at most.
pub const MAX_IMAGES: usize = 4 << 20;

/// An image of an accepted record.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Image {
    /// A file, and what it was when the record was accepted.
    File {
        /// Where it lies, absolute.
        path: String,
        /// SHA-256 of its bytes, 64 hexadecimal digits.
        sha256: String,
    },
    /// The bytes in base64.
    Inline(String),
}

impl std::fmt::Debug for Image {
    /// Nothing of the person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::File { .. } => "Image::File",
            Self::Inline(_) => "Image::Inline",
        })
    }
}

impl Image {
    /// The bytes, at most [`MAX_IMAGE`].
    ///
    /// # Errors
    /// The file cannot be read or is another one than was accepted, in words.
    pub fn load(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::File { path, sha256 } => {
                let bytes = read(Path::new(path))?.ok_or_else(|| format!("{path}: more than {MAX_IMAGE} bytes"))?;
                if hex::encode(Sha256::digest(&bytes)) != *sha256 {
                    return Err(format!("{path}: another image than the accepted one"));
                }
                Ok(bytes)
            }
            Self::Inline(text) => base64ct::Base64::decode_vec(text).map_err(|_| "no base64".to_owned()),
        }
    }
}

/// An image that was found.
pub(super) struct Found {
    pub(super) bytes: Vec<u8>,
    pub(super) digest: [u8; 32],
    pub(super) image: Image,
}

/// Why an image is not found.
pub(super) enum Missing {
    /// A rule of the delivery.
    Reason(Reason),
    /// The file cannot be read: the record says which.
    Unreadable(String),
}

/// Where the images of a source lie.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    /// Without symbolic links; none for a source that is no file.
    root: Option<PathBuf>,
    inline: bool,
}

impl Folder {
    pub(super) fn new(root: Option<&Path>, inline: bool) -> Self {
        let canonical = |path: &Path| if path.as_os_str().is_empty() { Path::new(".") } else { path }.canonicalize().ok();
        Self { root: root.and_then(canonical), inline }
    }

    /// Gets an image of `field`.
    pub(super) fn get(&self, field: &str, cell: ImageCell) -> Result<Found, Missing> {
        let large = || Missing::Reason(Reason::new(Quality::ImageBytes, field, format!("at most {MAX_IMAGE} bytes"), "more"));
        match cell {
            ImageCell::Bytes(bytes) if bytes.len() > MAX_IMAGE => Err(large()),
            ImageCell::Bytes(bytes) => Ok(inline(bytes)),
            ImageCell::Path(name) => {
                let path = self.resolve(field, &name)?;
                let bytes = read(&path).map_err(Missing::Unreadable)?.ok_or_else(large)?;
                match path.to_str() {
                    Some(path) if !self.inline => {
                        let digest: [u8; 32] = Sha256::digest(&bytes).into();
                        let image = Image::File { path: path.to_owned(), sha256: hex::encode(digest) };
                        Ok(Found { bytes, digest, image })
                    }
                    _ => Ok(inline(bytes)),
                }
            }
        }
    }

    /// The file, if it is inside of the folder.
    fn resolve(&self, field: &str, name: &str) -> Result<PathBuf, Missing> {
        let outside = |found: &str| {
            let expected = "a path inside of the folder of the source";
            Err(Missing::Reason(Reason::new(Quality::ImagePlace, field, expected, found.to_owned())))
        };
        let Some(root) = &self.root else { return outside("a path, and a source without a folder") };
        if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return outside("one that leads out of it");
        }
        let path = root.join(name).canonicalize().map_err(|error| Missing::Unreadable(words(&error)))?;
        if path.starts_with(root) { Ok(path) } else { outside("a link that leads out of it") }
    }
}

fn inline(bytes: Vec<u8>) -> Found {
    let image = Image::Inline(base64ct::Base64::encode_string(&bytes));
    Found { digest: Sha256::digest(&bytes).into(), bytes, image }
}

/// What the system says, without the path.
fn words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        _ => error.to_string(),
    }
}

/// The bytes of a file; `None` if they are more than [`MAX_IMAGE`].
fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let file = File::open(path).map_err(|error| words(&error))?;
    if !file.metadata().map_err(|error| words(&error))?.is_file() {
        return Err("no file".to_owned());
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_IMAGE).unwrap_or(u64::MAX) + 1;
    file.take(most).read_to_end(&mut bytes).map_err(|error| words(&error))?;
    Ok((bytes.len() <= MAX_IMAGE).then_some(bytes))
}
