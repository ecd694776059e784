//! Which pictures a file of a card holds, still encoded.

use eid::image::FileId;
use eid::lds::dg3::FingerData;
use eid::lds::dg4::IrisData;
use eid::lds::{self, Content};

/// The pictures of EF.DG2 (faces), EF.DG3 (fingers), EF.DG4 (irises), EF.DG5 (portraits), and EF.DG7 (signatures), in the order of the
/// file, as they are. None for every other file, and for one that is not what its name says.
#[must_use]
pub fn encoded(file: FileId, bytes: &[u8]) -> Vec<Vec<u8>> {
    let Ok(file) = lds::parse(file, bytes) else { return Vec::new() };
    match file.content {
        Content::Dg2(dg2) => dg2.portraits().map(<[u8]>::to_vec).collect(),
        Content::Dg3(dg3) => dg3
            .fingers
            .into_iter()
            .flat_map(|finger| match finger.data {
                FingerData::Iso19794(record) => record.views.into_iter().map(|view| view.image).collect::<Vec<_>>(),
                FingerData::Iso39794(block) => block.representations.into_iter().map(|finger| finger.image).collect(),
                FingerData::Other { .. } => Vec::new(),
            })
            .collect(),
        Content::Dg4(dg4) => dg4
            .irises
            .into_iter()
            .flat_map(|iris| match iris.data {
                IrisData::Iso19794(record) => {
                    record.eyes.into_iter().flat_map(|eye| eye.images).map(|image| image.image).collect::<Vec<_>>()
                }
                IrisData::Iso39794(block) => block.representations.into_iter().map(|iris| iris.image).collect(),
                IrisData::Other { .. } => Vec::new(),
            })
            .collect(),
        Content::Dg5(dg5) => dg5.images,
        Content::Dg7(dg7) => dg7.images,
        _ => Vec::new(),
    }
}
