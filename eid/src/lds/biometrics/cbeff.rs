//! The nesting of biometric data in EF.DG2, EF.DG3 and EF.DG4 (Doc 9303-10 §4.7.2, ISO/IEC 7816-11, CBEFF patron format).
//!
//! ```text
//! 7F61 { 02 n,  7F60 { A1 { 80? 81? 82? 83? 85? 86? 87 owner 88 type }, 5F2E | 7F2E data }  n times,  53 filler? }
//! ```
//!
//! A count that does not fit the templates is refused; so are more than [`MAX_TEMPLATES`]. Headers name another format than the data has,
//! and a record of ISO/IEC 19794 stands in 7F2E, on genuine chips: the content decides which form is read, and the rest is reported.

use crate::image::FileId;
use crate::lds::error::Within as _;
use crate::lds::{LdsError, hex};
use crate::quirk::Quirk;
use crate::tlv::{self, Reader, Tag, Tlv};

/// Most templates that are read: ten fingers, and room for chips that repeat.
pub const MAX_TEMPLATES: usize = 32;

/// Format owner ISO/IEC JTC 1/SC 37.
pub const SC37: u16 = 0x0101;
/// Format type of a face record of ISO/IEC 19794-5.
pub const FACE_19794_5: u16 = 0x0008;
/// Format type of a finger image record of ISO/IEC 19794-4.
pub const FINGER_19794_4: u16 = 0x0007;
/// Format type of an iris image record of ISO/IEC 19794-6.
pub const IRIS_19794_6: u16 = 0x0009;
/// Format type of a polar iris image record of ISO/IEC 19794-6, which chips use for the other kind too.
pub const IRIS_19794_6_POLAR: u16 = 0x000B;
/// Format type of a face record of ISO/IEC 39794-5.
pub const FACE_39794_5: u16 = 0x002A;
/// Format type of a finger image record of ISO/IEC 39794-4.
pub const FINGER_39794_4: u16 = 0x0028;
/// Format type of an iris image record of ISO/IEC 39794-6.
pub const IRIS_39794_6: u16 = 0x002C;

/// What a template holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BiometricType {
    /// 02.
    Face,
    /// 08.
    Finger,
    /// 10.
    Iris,
}

/// The forms of one kind of biometric data: format types of the header, and how the data begin.
pub(in crate::lds) struct Forms {
    /// Format types of ISO/IEC 19794, the usual first.
    pub(in crate::lds) iso19794: &'static [u16],
    /// First octets of its records, version included.
    pub(in crate::lds) magic: &'static [u8; 8],
    /// Format type of ISO/IEC 39794.
    pub(in crate::lds) iso39794: u16,
    /// Application tag of its block.
    pub(in crate::lds) application: u32,
}

/// Which form the data of a template have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::lds) enum Form {
    Iso19794,
    Iso39794,
    Other,
}

/// The header template A1: its objects in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who defined the format (object 87).
    pub format_owner: u16,
    /// Which format (object 88).
    pub format_type: u16,
    /// All objects, 87 and 88 included, as they stand.
    pub objects: Vec<(Tag, Vec<u8>)>,
}

/// One biometric information template 7F60.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its header.
    pub header: Header,
    /// Whether the data object is constructed (7F2E) and not primitive (5F2E).
    pub constructed: bool,
    /// The biometric data.
    pub data: Vec<u8>,
    /// Offset of the data in the file that it was read from; 0 in one that was made.
    pub at: usize,
}

/// The group template 7F61.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The templates in the order of the file.
    pub templates: Vec<Template>,
    /// Value of the discretionary object 53: random octets that keep the hash of an empty group from telling that it is empty.
    pub filler: Option<Vec<u8>>,
}

impl Header {
    /// The header of a record of ISO/IEC JTC 1/SC 37: type 81, subtype 82, owner 87, format 88.
    #[must_use]
    pub fn new(kind: BiometricType, subtype: u8, format_type: u16) -> Self {
        let kind = match kind {
            BiometricType::Face => 0x02,
            BiometricType::Finger => 0x08,
            BiometricType::Iris => 0x10,
        };
        let objects = vec![
            (Tag(0x81), vec![kind]),
            (Tag(0x82), vec![subtype]),
            (Tag(0x87), SC37.to_be_bytes().to_vec()),
            (Tag(0x88), format_type.to_be_bytes().to_vec()),
        ];
        Self { format_owner: SC37, format_type, objects }
    }

    /// The value of the object `tag`.
    #[must_use]
    pub fn get(&self, tag: Tag) -> Option<&[u8]> {
        self.objects.iter().find(|(other, _)| *other == tag).map(|(_, value)| value.as_slice())
    }

    /// Biometric subtype (object 82): for fingers bits 2-1 are 01 right, 10 left, and bits 5-3 count from the thumb (001) to the little finger (101).
    #[must_use]
    pub fn subtype(&self) -> Option<u8> {
        self.get(Tag(0x82)).and_then(|value| <[u8; 1]>::try_from(value).ok()).map(u8::from_be_bytes)
    }

    /// Whether the format is this one of ISO/IEC JTC 1/SC 37.
    #[must_use]
    pub const fn is(&self, format_type: u16) -> bool {
        self.format_owner == SC37 && self.format_type == format_type
    }

    fn read(file: FileId, tlv: Tlv<'_>) -> Result<Self, LdsError> {
        let mut inside = tlv.reader();
        let mut objects = Vec::new();
        while let Some(object) = inside.next().within(file)? {
            objects.push((object.tag, object.value.to_vec()));
        }
        let mut header = Self { format_owner: 0, format_type: 0, objects };
        let number = |name, tag| {
            let value = header.get(tag).unwrap_or_default();
            let error = |_| {
                LdsError::value(
                    file,
                    name,
                    tlv.at,
                    format!("two bytes in object {tag} of the header"),
                    hex(value.get(..8).unwrap_or(value)),
                )
            };
            value.try_into().map(u16::from_be_bytes).map_err(error)
        };
        (header.format_owner, header.format_type) = (number("format owner", Tag(0x87))?, number("format type", Tag(0x88))?);
        Ok(header)
    }
}

impl Group {
    /// Reads the group that is all of `reader`.
    pub(in crate::lds) fn read(file: FileId, reader: &mut Reader<'_>) -> Result<Self, LdsError> {
        let mut inside = reader.expect(0x7F61).within(file)?.reader();
        reader.finish().within(file)?;
        let count = inside.expect(0x02).within(file)?;
        let mut group = Self::default();
        while let Some(template) = inside.optional(0x7F60).within(file)? {
            if group.templates.len() == MAX_TEMPLATES {
                return Err(LdsError::value(
                    file,
                    "biometric information templates",
                    template.at,
                    format!("at most {MAX_TEMPLATES}"),
                    "more",
                ));
            }
            group.templates.push(Template::read(file, template)?);
        }
        group.filler = inside.optional(0x53).within(file)?.map(|filler| filler.value.to_vec());
        inside.finish().within(file)?;
        if count.value != [u8::try_from(group.templates.len()).unwrap_or(u8::MAX)] {
            let (expected, found) =
                (format!("{:02X}, the templates that follow", group.templates.len()), hex(count.value.get(..8).unwrap_or(count.value)));
            return Err(LdsError::value(file, "number of templates", count.at, expected, found));
        }
        Ok(group)
    }

    /// The group in bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut inside = tlv::encode(0x02, &[u8::try_from(self.templates.len()).unwrap_or(u8::MAX)]);
        for template in &self.templates {
            let mut header = Vec::new();
            template.header.objects.iter().for_each(|(tag, value)| tlv::push(&mut header, *tag, value));
            let mut content = tlv::encode(0xA1, &header);
            tlv::push(&mut content, if template.constructed { 0x7F2E } else { 0x5F2E }, &template.data);
            tlv::push(&mut inside, 0x7F60, &content);
        }
        if let Some(filler) = &self.filler {
            tlv::push(&mut inside, 0x53, filler);
        }
        tlv::encode(0x7F61, &inside)
    }
}

impl Template {
    /// A template of one record.
    #[must_use]
    pub const fn new(header: Header, data: Vec<u8>) -> Self {
        Self { header, constructed: false, data, at: 0 }
    }

    /// A template of a block of ISO/IEC 39794, in 7F2E.
    #[must_use]
    pub const fn constructed(header: Header, data: Vec<u8>) -> Self {
        Self { header, constructed: true, data, at: 0 }
    }

    /// Which of `forms` the data have. A record of an edition that is not read is [`Form::Other`] and reported.
    pub(in crate::lds) fn form(&self, file: FileId, forms: &Forms, quirks: &mut Vec<Quirk>) -> Form {
        let is_old = forms.iso19794.iter().any(|&format| self.header.is(format));
        let is_new = self.header.is(forms.iso39794);
        let (identifier, _) = forms.magic.split_at(4);
        let block = || Reader::new(&self.data).expect(0xA1).ok()?.reader().peek().ok()?;
        let head = self.data.get(..8).unwrap_or(&self.data);
        let mut report = |rule| quirks.push(Quirk::new(rule, format!("{file} offset {}", self.at)).over(head));
        if self.data.starts_with(identifier) {
            if !is_old {
                report("cbeff.format-type");
            }
            if self.constructed {
                report("cbeff.record-in-7f2e");
            }
            if self.data.starts_with(forms.magic) || self.data.len() < forms.magic.len() {
                return Form::Iso19794;
            }
            report("cbeff.record-edition");
            Form::Other
        } else if block() == Some(Tag(forms.application)) {
            if !is_new {
                report("cbeff.format-type");
            }
            if !self.constructed {
                report("cbeff.block-in-5f2e");
            }
            Form::Iso39794
        } else if is_old && !self.constructed {
            Form::Iso19794
        } else if is_new {
            Form::Iso39794
        } else {
            Form::Other
        }
    }

    fn read(file: FileId, tlv: Tlv<'_>) -> Result<Self, LdsError> {
        let mut inside = tlv.reader();
        let header = Header::read(file, inside.expect(0xA1).within(file)?)?;
        let primitive = inside.optional(0x5F2E).within(file)?;
        let data = match primitive {
            Some(data) => data,
            None => inside.expect(0x7F2E).within(file)?,
        };
        inside.finish().within(file)?;
        Ok(Self { header, constructed: primitive.is_none(), data: data.value.to_vec(), at: data.value_at() })
    }
}
