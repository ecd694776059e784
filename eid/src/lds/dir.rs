//! EF.DIR (Doc 9303-10 §3.11, ISO/IEC 7816-4): the applications on the card.
//!
//! ```text
//! 61 { 4F AID, 50 label?, … }  for each application
//! ```
//!
//! Filling 00 octets after the last template are passed over; other objects of a template are kept.

use super::error::Within as _;
use super::{Elementary, LdsError, field, hex};
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv::{self, Reader};

/// One application template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Application identifier, 5 to 16 bytes.
    pub aid: Vec<u8>,
    /// Label for people.
    pub label: Option<String>,
    /// Further objects of the template, as they stand.
    pub others: Vec<u8>,
}

/// EF.DIR.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dir {
    /// The applications in the order of the file.
    pub applications: Vec<Application>,
}

impl Dir {
    /// The file that lists applications by identifier alone.
    #[must_use]
    pub fn new<'a>(aids: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let application = |aid: &[u8]| Application { aid: aid.to_vec(), label: None, others: Vec::new() };
        Self { applications: aids.into_iter().map(application).collect() }
    }
}

impl Elementary for Dir {
    const FILE: FileId = FileId::DIR;

    fn read(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let end = bytes.iter().rposition(|&octet| octet != 0).map_or(0, |last| last + 1);
        let mut reader = Reader::new(bytes);
        let mut applications = Vec::new();
        while reader.at() < end {
            let template = reader.expect(0x61).within(Self::FILE)?;
            let mut inside = template.reader();
            let (mut aid, mut label, mut others) = (None, None, Vec::new());
            while let Some(object) = inside.next().within(Self::FILE)? {
                match object.tag.0 {
                    0x4F if aid.is_none() => aid = Some(object.value.to_vec()),
                    0x50 if label.is_none() => label = Some(String::from_utf8_lossy(object.value).into_owned()),
                    _ => others.extend_from_slice(object.raw),
                }
            }
            let aid = aid.filter(|aid| (5..=16).contains(&aid.len())).ok_or_else(|| {
                LdsError::value(
                    Self::FILE,
                    "application identifier (4F)",
                    template.at,
                    "5 to 16 bytes",
                    hex(template.raw.get(..24).unwrap_or(template.raw)),
                )
            })?;
            applications.push(Application { aid, label, others });
        }
        if reader.at() < bytes.len() {
            quirks.push(Quirk::new("dir.padding", format!("EF.DIR offset {}", reader.at())));
        }
        Ok(Self { applications })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for application in &self.applications {
            let mut inside = tlv::encode(0x4F, &application.aid);
            if let Some(label) = &application.label {
                tlv::push(&mut inside, 0x50, label.as_bytes());
            }
            inside.extend_from_slice(&application.others);
            tlv::push(&mut out, 0x61, &inside);
        }
        out
    }

    fn fields(&self) -> Vec<(String, String)> {
        self.applications.iter().map(|a| field(a.label.clone().unwrap_or_else(|| "application".to_owned()), hex(&a.aid))).collect()
    }
}
