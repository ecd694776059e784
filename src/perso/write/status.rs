//! The status object DF20 of the eID applet: where a card stands in its personalization.
//!
//! ```text
//! DF20 { 80 state 1, 81 nonce 16, 82 finished DGIs 2 each, 83 image digest 32, 84 free bytes, 85 last error, 86 key version }
//! ```

use eid::image::LifeCycle;
use eid::tlv::{self, Reader, TlvError};

/// What a card says about itself. A reading, and proof only where it came under R-MAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// State of the application.
    pub state: LifeCycle,
    /// Nonce of the job that wrote it.
    pub nonce: Option<[u8; 16]>,
    /// Groupings that are complete.
    pub done: Vec<u16>,
    /// Digest of the committed image.
    pub digest: Option<[u8; 32]>,
    /// Version of the key set in force.
    pub key_version: Option<u8>,
}

/// Why a status object is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// Not TLV, or without the state.
    #[error("status object: {0}")]
    Tlv(#[from] TlvError),
    /// A field of another form.
    #[error("status object, {field}: expected {expected}, found {found} bytes")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// Bytes found.
        found: usize,
    },
}

impl Status {
    /// Reads the object `tag`.
    ///
    /// # Errors
    /// Any [`StatusError`].
    pub fn parse(bytes: &[u8], tag: u16) -> Result<Self, StatusError> {
        let outer = tlv::single(bytes, u32::from(tag))?;
        let mut fields = outer.reader();
        let state = fields.expect(0x80u32)?.value;
        let code = if let [code] = state { LifeCycle::from_code(*code) } else { None };
        let state = code.ok_or(StatusError::Field { field: "state", expected: "07, 0F, 1F, 3F, or 7F", found: state.len() })?;
        let mut status = Self { state, nonce: None, done: Vec::new(), digest: None, key_version: None };
        while let Some(field) = fields.next()? {
            let found = field.value.len();
            match field.tag.0 {
                0x81 => status.nonce = Some(exactly("nonce", "16 bytes", field.value)?),
                0x82 => {
                    let (words, rest) = field.value.as_chunks::<2>();
                    if !rest.is_empty() {
                        return Err(StatusError::Field { field: "finished DGIs", expected: "two bytes each", found });
                    }
                    status.done = words.iter().map(|word| u16::from_be_bytes(*word)).collect();
                }
                0x83 => status.digest = Some(exactly("digest", "32 bytes", field.value)?),
                0x86 => status.key_version = Some(u8::from_be_bytes(exactly("key version", "1 byte", field.value)?)),
                _ => {}
            }
        }
        Ok(status)
    }

    /// The status object in the answer to SELECT, where the applet gives it in clear (states 07 and 0F).
    ///
    /// # Errors
    /// Any [`StatusError`].
    pub fn in_fci(fci: &[u8], tag: u16) -> Result<Option<Self>, StatusError> {
        let Some(outer) = Reader::new(fci).next()? else { return Ok(None) };
        let mut fields = outer.reader();
        while let Some(field) = fields.next()? {
            if field.tag.0 == u32::from(tag) {
                return Self::parse(field.raw, tag).map(Some);
            }
        }
        Ok(None)
    }
}

fn exactly<const N: usize>(field: &'static str, expected: &'static str, value: &[u8]) -> Result<[u8; N], StatusError> {
    value.try_into().map_err(|_| StatusError::Field { field, expected, found: value.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_an_open_card_names_nonce_and_finished_groupings() {
        let bytes = hex::decode("df201e80010f81102b313b44c79a250570d23f02f1cca5218204011e0101860131").expect("hex");
        let status = Status::parse(&bytes, 0xDF20).expect("readable");
        assert_eq!((status.state, status.done.as_slice(), status.key_version), (LifeCycle::PersoOpen, &[0x011E, 0x0101][..], Some(0x31)));
        let fci = [vec![0x6F, u8::try_from(bytes.len() + 4).expect("short"), 0x84, 0x02, 0xA0, 0x00], bytes].concat();
        assert_eq!(Status::in_fci(&fci, 0xDF20), Ok(Some(status)));
        assert_eq!(Status::in_fci(&[0x6F, 0x00], 0xDF20), Ok(None));
        assert_eq!(Status::in_fci(&[], 0xDF20), Ok(None));
    }

    #[test]
    fn a_status_of_another_form_is_refused() {
        let error = |hex_text: &str| Status::parse(&hex::decode(hex_text).expect("hex"), 0xDF20).expect_err(hex_text).to_string();
        assert_eq!(error("df2003800108"), "status object, state: expected 07, 0F, 1F, 3F, or 7F, found 1 bytes");
        assert_eq!(error("df200780010f81020102"), "status object, nonce: expected 16 bytes, found 2 bytes");
        assert_eq!(error("df200680010f820101"), "status object, finished DGIs: expected two bytes each, found 1 bytes");
        assert!(error("df2002810100").starts_with("status object: "));
    }
}
