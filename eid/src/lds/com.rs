//! EF.COM (Doc 9303-10 §4.6.1): versions and the list of data groups. Unsigned, hence compared with EF.SOD.
//!
//! ```text
//! 60 { 5F01 LDS version aabb, 5F36 Unicode version aabbcc, 5C tag list }
//! ```
//!
//! A tag that is listed twice is refused; tags that no data group has are kept and reported.

use super::error::Within as _;
use super::{Elementary, LdsError, field, hex, tags};
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv::{self, Tag, Tlv};

/// EF.COM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Com {
    /// LDS version, 4 digits: `0107`, `0108`.
    pub lds_version: String,
    /// Unicode version, 6 digits: `040000`.
    pub unicode_version: String,
    /// Outer tags of the data groups, in the order of the file, each once.
    pub tags: Vec<Tag>,
}

impl Com {
    /// LDS version 1.7, Unicode 4.0.0, and the data groups with these numbers; numbers outside of 1 to 16 and repetitions are left out.
    #[must_use]
    pub fn new(data_groups: impl IntoIterator<Item = u8>) -> Self {
        let mut listed = Vec::new();
        for tag in data_groups.into_iter().filter_map(tags::of_data_group) {
            if !listed.contains(&tag) {
                listed.push(tag);
            }
        }
        Self { lds_version: "0107".to_owned(), unicode_version: "040000".to_owned(), tags: listed }
    }

    /// Numbers of the data groups that are listed, in the order of the file.
    #[must_use]
    pub fn data_groups(&self) -> Vec<u8> {
        self.tags.iter().filter_map(|&tag| tags::data_group(tag)).collect()
    }
}

impl Elementary for Com {
    const FILE: FileId = FileId::COM;

    fn read(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let outer = tlv::single(bytes, 0x60).within(Self::FILE)?;
        let mut inside = outer.reader();
        let lds_version = digits(inside.expect(0x5F01).within(Self::FILE)?, "LDS version", 4)?;
        let unicode_version = digits(inside.expect(0x5F36).within(Self::FILE)?, "Unicode version", 6)?;
        let list = inside.expect(tags::TAG_LIST).within(Self::FILE)?;
        inside.finish().within(Self::FILE)?;
        let mut listed = Vec::new();
        for (at, &octet) in list.value.iter().enumerate() {
            let tag = Tag(octet.into());
            let at = list.value_at() + at;
            if listed.contains(&tag) {
                return Err(LdsError::Twice { file: Self::FILE, what: "tag", tag: tag.to_string(), at });
            }
            if tags::data_group(tag).is_none() {
                quirks.push(Quirk::new("com.unknown-tag", format!("EF.COM tag {tag} at offset {at}")));
            }
            listed.push(tag);
        }
        Ok(Self { lds_version, unicode_version, tags: listed })
    }

    fn encode(&self) -> Vec<u8> {
        let mut inside = tlv::encode(0x5F01, self.lds_version.as_bytes());
        tlv::push(&mut inside, 0x5F36, self.unicode_version.as_bytes());
        tlv::push(&mut inside, tags::TAG_LIST, &tags::write_list(&self.tags));
        tlv::encode(0x60, &inside)
    }

    fn fields(&self) -> Vec<(String, String)> {
        let pairs = |version: &str| {
            version.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned()).collect::<Vec<_>>().join(".")
        };
        let name = |&tag: &Tag| tags::data_group(tag).map_or_else(|| format!("tag {tag}"), |number| format!("DG{number}"));
        vec![
            field("LDS version", pairs(&self.lds_version)),
            field("Unicode version", pairs(&self.unicode_version)),
            field("data groups", self.tags.iter().map(name).collect::<Vec<_>>().join(", ")),
        ]
    }
}

fn digits(tlv: Tlv<'_>, name: &'static str, len: usize) -> Result<String, LdsError> {
    if tlv.value.len() == len && tlv.value.iter().all(u8::is_ascii_digit) {
        Ok(String::from_utf8_lossy(tlv.value).into_owned())
    } else {
        let found = hex(tlv.value.get(..16).unwrap_or(tlv.value));
        Err(LdsError::value(Com::FILE, name, tlv.at, format!("{len} digits"), found))
    }
}
