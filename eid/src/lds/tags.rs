//! Outer tags of the files (Doc 9303-10, table of files) and tag lists (object 5C).

use crate::image::{FileId, Home};
use crate::tlv::Tag;

/// Tag list, in EF.COM, EF.DG11 and EF.DG12.
pub const TAG_LIST: Tag = Tag(0x5C);

/// Outer tags of EF.DG1 to EF.DG16.
const DATA_GROUPS: [u8; 16] = [0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70];

/// Outer tag of EF.DGn; `None` unless 1 to 16.
#[must_use]
pub fn of_data_group(number: u8) -> Option<Tag> {
    DATA_GROUPS.get(usize::from(number).checked_sub(1)?).map(|&tag| Tag(tag.into()))
}

/// Number of the data group with that outer tag.
#[must_use]
pub fn data_group(tag: Tag) -> Option<u8> {
    (1..=16).find(|&number| of_data_group(number) == Some(tag))
}

/// The tag that the file's bytes must begin with; `None` for EF.ATR/INFO, whose objects stand in any order.
#[must_use]
pub fn of_file(file: FileId) -> Option<Tag> {
    match (file.home, file.fid) {
        (Home::Mf, 0x011C) => Some(Tag(0x31)),
        (Home::Mf, 0x011D) => Some(Tag(0x30)),
        (Home::Mf, 0x2F00) => Some(Tag(0x61)),
        (Home::Emrtd, 0x011E) => Some(Tag(0x60)),
        (Home::Emrtd, 0x011D) => Some(Tag(0x77)),
        (Home::Emrtd, 0x011C) => Some(Tag(0x42)),
        // [APPLICATION n], constructed (TR-03110-4 clause 2.2.3.1)
        (Home::Eid, _) => file.eid_number().map(|number| Tag(0x60 | u32::from(number))),
        _ => file.dg_number().and_then(of_data_group),
    }
}

/// The tags of a tag list: one octet each, or two where the low five bits of the first are all set. `Err` holds the offset of a cut tag.
pub(super) fn read_list(value: &[u8]) -> Result<Vec<Tag>, usize> {
    let mut tags = Vec::new();
    let mut octets = value.iter().enumerate();
    while let Some((at, &first)) = octets.next() {
        let mut tag = u32::from(first);
        if first & 0x1F == 0x1F {
            let (_, &second) = octets.next().ok_or(at)?;
            tag = tag << 8 | u32::from(second);
        }
        tags.push(Tag(tag));
    }
    Ok(tags)
}

/// The octets of a tag list.
pub(super) fn write_list(tags: &[Tag]) -> Vec<u8> {
    tags.iter().flat_map(|tag| tag.0.to_be_bytes().into_iter().skip_while(|&octet| octet == 0)).collect()
}
