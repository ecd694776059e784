//! EF.DG6 and EF.DG8 to EF.DG10 (Doc 9303-10 §4.7.6, §4.7.8 to §4.7.10): reserved, and machine assisted security features, whose
//! content the standard leaves to the state.
//!
//! ```text
//! 66 content
//! 68 | 69 | 6A { 02 n, objects of the state }
//! ```
//!
//! What stands there is kept as it is. Features without a count, or that are not objects, are read and reported.

use super::error::Within as _;
use super::{Elementary, LdsError, dg, field, tags};
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv::{self, Reader, Tag};

/// Most objects that are named for people.
const MAX_NAMED: usize = 64;

/// EF.DG6: reserved for future use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dg6 {
    /// The content.
    pub content: Vec<u8>,
}

impl Elementary for Dg6 {
    const FILE: FileId = dg(6);

    fn read(bytes: &[u8], _: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        tlv::single(bytes, 0x66).within(Self::FILE).map(|outer| Self { content: outer.value.to_vec() })
    }

    fn encode(&self) -> Vec<u8> {
        tlv::encode(0x66, &self.content)
    }

    fn fields(&self) -> Vec<(String, String)> {
        vec![field("reserved content", format!("{} bytes", self.content.len()))]
    }
}

/// A file of features: EF.DG8 (data), EF.DG9 (structure), or EF.DG10 (substance).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features<const DG: u8> {
    /// How many features there are, as the file says.
    pub count: Option<u8>,
    /// What follows the count, as it is.
    pub content: Vec<u8>,
}

/// EF.DG8: data features.
pub type Dg8 = Features<8>;
/// EF.DG9: structure features.
pub type Dg9 = Features<9>;
/// EF.DG10: substance features.
pub type Dg10 = Features<10>;

impl<const DG: u8> Features<DG> {
    /// The file with these features, each a whole TLV object.
    #[must_use]
    pub fn new(objects: &[Vec<u8>]) -> Self {
        Self { count: Some(u8::try_from(objects.len()).unwrap_or(u8::MAX)), content: objects.concat() }
    }

    /// Tags and lengths of the objects; `None` if the content is not a row of objects.
    #[must_use]
    pub fn objects(&self) -> Option<Vec<(Tag, usize)>> {
        let mut inside = Reader::new(&self.content);
        let mut objects = Vec::new();
        while let Some(object) = inside.next().ok()? {
            objects.push((object.tag, object.value.len()));
        }
        Some(objects)
    }
}

impl<const DG: u8> Elementary for Features<DG> {
    const FILE: FileId = dg(DG);

    fn read(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let outer = tlv::single(bytes, tags::of_file(Self::FILE).unwrap_or(Tag(0))).within(Self::FILE)?;
        let mut inside = outer.reader();
        let count = match inside.optional(0x02) {
            Ok(Some(tlv)) => <[u8; 1]>::try_from(tlv.value).ok().map(u8::from_be_bytes),
            Ok(None) | Err(_) => None,
        };
        let features = match count {
            Some(_) => Self { count, content: inside.rest().to_vec() },
            None => {
                quirks.push(Quirk::new("features.no-count", format!("{}", Self::FILE)));
                Self { count, content: outer.value.to_vec() }
            }
        };
        if features.objects().is_none() {
            quirks.push(Quirk::new("features.not-objects", format!("{}", Self::FILE)));
        }
        Ok(features)
    }

    fn encode(&self) -> Vec<u8> {
        let mut inside = self.count.map_or_else(Vec::new, |count| tlv::encode(0x02, &[count]));
        inside.extend_from_slice(&self.content);
        tlv::encode(tags::of_file(Self::FILE).unwrap_or(Tag(0)), &inside)
    }

    fn fields(&self) -> Vec<(String, String)> {
        let mut fields: Vec<_> = self.count.map(|count| field("features", count.to_string())).into_iter().collect();
        match self.objects() {
            Some(objects) => {
                let object = |(tag, len): &(Tag, usize)| field(format!("tag {tag}"), format!("{len} bytes"));
                fields.extend(objects.iter().take(MAX_NAMED).map(object));
            }
            None => fields.push(field("content", format!("{} bytes", self.content.len()))),
        }
        fields
    }
}
