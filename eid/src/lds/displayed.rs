//! EF.DG5 and EF.DG7 (Doc 9303-10 §4.7.5, §4.7.7): images for people, the portrait and the signature or usual mark as they are printed.
//!
//! ```text
//! 65 { 02 n, 5F40 portrait … }
//! 67 { 02 n, 5F43 signature … }
//! ```
//!
//! A missing or wrong count is read and reported; other objects and more than [`MAX_IMAGES`] are refused.

use super::biometrics::image;
use super::error::Within as _;
use super::{Elementary, LdsError, dg, field, hex, tags};
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv::{self, Tag};

/// Most images of one file.
pub const MAX_IMAGES: usize = 16;

/// A file of displayed images: EF.DG5 or EF.DG7.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Displayed<const DG: u8> {
    /// The images, as they are: JPEG or JPEG 2000, told by their first octets.
    pub images: Vec<Vec<u8>>,
}

/// EF.DG5: displayed portraits.
pub type Dg5 = Displayed<5>;
/// EF.DG7: displayed signatures or usual marks.
pub type Dg7 = Displayed<7>;

impl<const DG: u8> Displayed<DG> {
    const OBJECT: Tag = if DG == 5 { Tag(0x5F40) } else { Tag(0x5F43) };
    const NAME: &str = if DG == 5 { "portrait" } else { "signature or mark" };

    /// The file with these images.
    #[must_use]
    pub const fn new(images: Vec<Vec<u8>>) -> Self {
        Self { images }
    }
}

impl<const DG: u8> Elementary for Displayed<DG> {
    const FILE: FileId = dg(DG);

    fn read(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let outer = tlv::single(bytes, tags::of_file(Self::FILE).unwrap_or(Tag(0))).within(Self::FILE)?;
        let mut inside = outer.reader();
        let count = inside.optional(0x02).within(Self::FILE)?;
        let mut images = Vec::new();
        while !inside.is_empty() {
            let object = inside.expect(Self::OBJECT).within(Self::FILE)?;
            if images.len() == MAX_IMAGES {
                return Err(LdsError::value(Self::FILE, "images", object.at, format!("at most {MAX_IMAGES}"), "more"));
            }
            if let Err(error) = image::sniff(object.value) {
                quirks.push(Quirk::new("displayed.image-header", format!("{} offset {}: {error}", Self::FILE, object.at)));
            }
            images.push(object.value.to_vec());
        }
        match count {
            None => quirks.push(Quirk::new("displayed.no-count", format!("{}", Self::FILE))),
            Some(count) if count.value != [u8::try_from(images.len()).unwrap_or(u8::MAX)] => {
                let found = hex(count.value.get(..4).unwrap_or(count.value));
                quirks.push(Quirk::new("displayed.count", format!("{}: {} images, count {found}", Self::FILE, images.len())));
            }
            Some(_) => {}
        }
        Ok(Self { images })
    }

    fn encode(&self) -> Vec<u8> {
        let mut inside = tlv::encode(0x02, &[u8::try_from(self.images.len()).unwrap_or(u8::MAX)]);
        self.images.iter().for_each(|image| tlv::push(&mut inside, Self::OBJECT, image));
        tlv::encode(tags::of_file(Self::FILE).unwrap_or(Tag(0)), &inside)
    }

    fn fields(&self) -> Vec<(String, String)> {
        let one = |(n, bytes): (usize, &Vec<u8>)| {
            let header = image::sniff(bytes).map_or_else(|error| error.to_string(), |header| header.to_string());
            field(format!("{} {n}", Self::NAME), format!("{header}, {} bytes", bytes.len()))
        };
        (1..).zip(&self.images).map(one).collect()
    }
}
