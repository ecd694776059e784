//! Fingers and irises, where a terminal could read them: can they be compared with those of the holder?

use super::Card;
use crate::lds::biometrics::cbeff::Header;
use crate::lds::biometrics::finger::{self, compression};
use crate::lds::biometrics::image;
use crate::lds::dg3::{Dg3, FingerData};
use crate::lds::dg4::{Dg4, IrisData};
use crate::lds::{Elementary, LdsError};
use crate::protocol::finding::{Check, Finding};

const DG3: Check = Check::new("cross.dg3", "Doc 9303-10 §4.7.3");
const DG4: Check = Check::new("cross.dg4", "Doc 9303-10 §4.7.4");

pub(super) fn check(card: &Card<'_>) -> Vec<Finding> {
    let of = |check: Check, judge: fn(&[u8]) -> Result<Option<Problem>, LdsError>, bytes: Option<&[u8]>| {
        Some(match judge(bytes?) {
            Ok(None) => check.passed(),
            Ok(Some(Problem::Open(code, text))) => check.not_supported(code, text),
            Ok(Some(Problem::Doubt(code, text))) => check.undecided(code, text),
            Err(error) => check.undecided("malformed", error.to_string()),
        })
    };
    let fingers = of(DG3, fingers, card.bytes(Dg3::FILE));
    fingers.into_iter().chain(of(DG4, irises, card.bytes(Dg4::FILE))).collect()
}

/// Why a file cannot be used.
enum Problem {
    /// Not known here.
    Open(&'static str, String),
    /// Something is wrong with it.
    Doubt(&'static str, String),
}

fn fingers(bytes: &[u8]) -> Result<Option<Problem>, LdsError> {
    let dg3 = Dg3::parse(bytes)?;
    Ok(dg3.fingers.iter().find_map(|one| match &one.data {
        FingerData::Iso19794(record) => record.views.iter().find_map(|view| {
            let coded = record.compression != compression::NONE;
            subtype("EF.DG3", &one.header, view.subtype()).or_else(|| picture("EF.DG3", &view.image, coded))
        }),
        FingerData::Iso39794(block) => block.representations.iter().find_map(|view| {
            let position = view.position.value.and_then(|position| u8::try_from(position).ok());
            subtype("EF.DG3", &one.header, position.map_or(0, finger::subtype))
        }),
        FingerData::Other { .. } => Some(Problem::Open("format-unknown", "EF.DG3 holds fingers in a format that is not known".to_owned())),
    }))
}

fn irises(bytes: &[u8]) -> Result<Option<Problem>, LdsError> {
    let dg4 = Dg4::parse(bytes)?;
    Ok(dg4.irises.iter().find_map(|one| match &one.data {
        IrisData::Iso19794(record) => record.eyes.iter().find_map(|eye| {
            let wrong = subtype("EF.DG4", &one.header, eye.side);
            let coded = record.format_name().contains("JPEG");
            wrong.or_else(|| eye.images.iter().find_map(|view| picture("EF.DG4", &view.image, coded)))
        }),
        IrisData::Iso39794(_) => subtype("EF.DG4", &one.header, 0),
        IrisData::Other { .. } => Some(Problem::Open("format-unknown", "EF.DG4 holds irises in a format that is not known".to_owned())),
    }))
}

/// The header says which finger or eye it is (object 82, mandatory in DG3 and DG4), and the record does; 0 where the record does not.
fn subtype(file: &str, header: &Header, expected: u8) -> Option<Problem> {
    match header.subtype() {
        None => Some(Problem::Doubt("subtype-missing", format!("{file}: the header does not say which of the body it is (object 82)"))),
        // 0 says nothing
        Some(found) if expected != 0 && found != 0 && found != expected => {
            Some(Problem::Doubt("subtype-differs", format!("{file}: the record is of {expected:02X}, the header says {found:02X}")))
        }
        Some(_) => None,
    }
}

fn picture(file: &str, bytes: &[u8], coded: bool) -> Option<Problem> {
    let error = if coded {
        image::sniff(bytes).err()?.to_string()
    } else if bytes.is_empty() {
        "no picture".to_owned()
    } else {
        return None;
    };
    Some(Problem::Doubt("image-unreadable", format!("a picture in {file}: {error}")))
}
