//! Data groupings: how STORE DATA carries files and keys (GPCS 11.11, EMV card personalization specification), writer and streaming reader.
//!
//! ```text
//! DGI = id 2 ‖ length (00..FE | FF hh ll) ‖ value      a value goes on in the next block, which can carry more DGIs behind it
//! sensitive value, before encipherment:  templates ‖ 84 04 SHA-256(templates)[0..4] ‖ 00 … to whole blocks of 16
//! ```
//!
//! The reader holds no value: it tells the length of each as soon as its header is complete, so that the card can refuse what does not fit
//! before anything is written. It refuses a stream that ends inside a DGI.

use subtle::ConstantTimeEq;

use crate::crypto::hash::Hash;
use crate::tlv::{self, Reader, Tag, TlvError};

/// Longest value of a DGI.
pub const MAX_LEN: usize = 0xFFFF;
/// Most templates in a sensitive value.
const MAX_TEMPLATES: usize = 16;

/// Why bytes are no data groupings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DgiError {
    /// A value that no length can announce.
    #[error("DGI {id:04X}: value of {found} bytes, at most {MAX_LEN}")]
    TooLong {
        /// The DGI.
        id: u16,
        /// Bytes of the value.
        found: usize,
    },
    /// The last block ends inside a DGI.
    #[error("the last block ends inside {}: {missing} bytes are missing", id.map_or_else(|| "a DGI header".to_owned(), |id| format!("DGI {id:04X}")))]
    Truncated {
        /// The DGI, if its header is complete.
        id: Option<u16>,
        /// Bytes that are missing, at least.
        missing: usize,
    },
    /// A sensitive value that is no sequence of templates with a check.
    #[error("sensitive value: {0}")]
    Tlv(#[from] TlvError),
    /// The check does not fit: deciphered under another key, or damaged. The card answers 6982.
    #[error("sensitive value: the check 84 is wrong")]
    Check,
    /// Another filling than zeros to a whole block.
    #[error("sensitive value: {found} bytes after the check, expected fewer than 16 zeros")]
    Filling {
        /// Bytes found.
        found: usize,
    },
}

/// Appends one DGI.
///
/// # Errors
/// [`DgiError::TooLong`].
pub fn push(out: &mut Vec<u8>, id: u16, value: &[u8]) -> Result<(), DgiError> {
    let len = u16::try_from(value.len()).map_err(|_| DgiError::TooLong { id, found: value.len() })?;
    out.extend(id.to_be_bytes());
    let [_, low] = len.to_be_bytes();
    if len < 0xFF {
        out.push(low);
    } else {
        out.push(0xFF);
        out.extend(len.to_be_bytes());
    }
    out.extend_from_slice(value);
    Ok(())
}

/// Bytes that a DGI with a value of `len` bytes takes in the stream.
#[must_use]
pub const fn encoded_len(len: usize) -> usize {
    len + if len < 0xFF { 3 } else { 5 }
}

/// What a block says next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A DGI begins; its value will have `len` bytes.
    Begin {
        /// The DGI.
        id: u16,
        /// Bytes of the whole value.
        len: usize,
    },
    /// The next bytes of the value that has begun.
    Data(&'a [u8]),
    /// The value is complete.
    End {
        /// The DGI.
        id: u16,
    },
}

/// Reads DGIs across the blocks of one STORE DATA sequence.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    header: Vec<u8>,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    id: u16,
    left: usize,
}

impl Stream {
    /// A reader at the start of a sequence.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The events of the next block. All of them must be taken before the next block is given.
    #[must_use]
    pub const fn block<'s, 'b>(&'s mut self, block: &'b [u8]) -> Block<'s, 'b> {
        Block { stream: self, rest: block }
    }

    /// Whether the stream stands between two DGIs.
    #[must_use]
    pub const fn is_between(&self) -> bool {
        self.open.is_none() && self.header.is_empty()
    }

    /// After the last block: asserts that nothing is missing.
    ///
    /// # Errors
    /// [`DgiError::Truncated`].
    pub const fn finish(&self) -> Result<(), DgiError> {
        match self.open {
            Some(Open { id, left }) => Err(DgiError::Truncated { id: Some(id), missing: left }),
            None if self.header.is_empty() => Ok(()),
            None => Err(DgiError::Truncated { id: None, missing: 1 }),
        }
    }
}

/// The events of one block, in order; `None` at its end.
#[derive(Debug)]
pub struct Block<'s, 'b> {
    stream: &'s mut Stream,
    rest: &'b [u8],
}

impl<'b> Iterator for Block<'_, 'b> {
    type Item = Event<'b>;

    fn next(&mut self) -> Option<Event<'b>> {
        if let Some(Open { id, left }) = self.stream.open {
            if left == 0 {
                self.stream.open = None;
                return Some(Event::End { id });
            }
            let (data, rest) = self.rest.split_at_checked(left).unwrap_or((self.rest, &[]));
            self.rest = rest;
            self.stream.open = Some(Open { id, left: left - data.len() });
            return if data.is_empty() { None } else { Some(Event::Data(data)) };
        }
        while let Some((&octet, rest)) = self.rest.split_first() {
            self.rest = rest;
            self.stream.header.push(octet);
            let (high, low, left) = match *self.stream.header.as_slice() {
                [high, low, len] if len < 0xFF => (high, low, u16::from(len)),
                [high, low, 0xFF, a, b] => (high, low, u16::from_be_bytes([a, b])),
                _ => continue,
            };
            self.stream.header.clear();
            let (id, left) = (u16::from_be_bytes([high, low]), usize::from(left));
            self.stream.open = Some(Open { id, left });
            return Some(Event::Begin { id, len: left });
        }
        None
    }
}

/// A sensitive value ready for encipherment: templates, check, and zeros to whole blocks of 16.
#[must_use]
pub fn seal(templates: &[u8]) -> Vec<u8> {
    let mut out = templates.to_vec();
    tlv::push(&mut out, 0x84, &check(templates));
    out.resize(out.len().next_multiple_of(16), 0);
    out
}

/// The templates of a deciphered sensitive value, after its check was compared.
///
/// # Errors
/// [`DgiError::Tlv`], [`DgiError::Check`], [`DgiError::Filling`].
pub fn open(plain: &[u8]) -> Result<&[u8], DgiError> {
    let mut reader = Reader::new(plain);
    for _ in 0..=MAX_TEMPLATES {
        let at = reader.at();
        let Some(object) = reader.next()? else { break };
        if object.tag != Tag(0x84) {
            continue;
        }
        let templates = plain.get(..at).unwrap_or_default();
        if !bool::from(check(templates).ct_eq(object.value)) {
            return Err(DgiError::Check);
        }
        let rest = reader.rest();
        let zeros = rest.len() < 16 && rest.iter().all(|&octet| octet == 0);
        return if zeros { Ok(templates) } else { Err(DgiError::Filling { found: rest.len() }) };
    }
    Err(DgiError::Check)
}

fn check(templates: &[u8]) -> [u8; 4] {
    Hash::Sha256.digest(&[templates]).first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).expect("hex")
    }

    /// Joins what a stream of blocks says; asserts the order of events.
    fn joined(blocks: &[&[u8]]) -> Result<Vec<(u16, Vec<u8>)>, DgiError> {
        let mut stream = Stream::new();
        let mut out: Vec<(u16, Vec<u8>)> = Vec::new();
        let mut expected = None;
        for block in blocks {
            for event in stream.block(block) {
                match event {
                    Event::Begin { id, len } => {
                        assert!(expected.replace((id, len)).is_none(), "the one before has ended");
                        out.push((id, Vec::new()));
                    }
                    Event::Data(data) => out.last_mut().expect("begun").1.extend(data),
                    Event::End { id } => {
                        assert_eq!(expected.take(), Some((id, out.last().expect("begun").1.len())));
                    }
                }
            }
        }
        stream.finish().map(|()| out)
    }

    #[test]
    fn values_are_joined_wherever_the_blocks_are_cut() {
        let dgis = [(0x0001u16, vec![7; 16]), (0x0101, vec![8; 0xFE]), (0x0102, vec![9; 0xFF]), (0x00C0, vec![])];
        let mut run = Vec::new();
        for (id, value) in &dgis {
            push(&mut run, *id, value).expect("short enough");
        }
        assert_eq!(run.len(), dgis.iter().map(|(_, value)| encoded_len(value.len())).sum::<usize>());
        for size in [1, 2, 3, 16, 239, 255, run.len()] {
            let blocks: Vec<&[u8]> = run.chunks(size).collect();
            assert_eq!(joined(&blocks), Ok(dgis.to_vec()), "blocks of {size}");
        }
    }

    #[test]
    fn a_stream_that_ends_inside_a_dgi_is_refused() {
        assert_eq!(joined(&[&bytes("010103AABB")]), Err(DgiError::Truncated { id: Some(0x0101), missing: 1 }));
        assert_eq!(joined(&[&bytes("0101FF01")]), Err(DgiError::Truncated { id: None, missing: 1 }));
        assert_eq!(joined(&[&bytes("010102AABB")]), Ok(vec![(0x0101, vec![0xAA, 0xBB])]));
        assert_eq!(push(&mut Vec::new(), 0x0102, &vec![0; 0x1_0000]), Err(DgiError::TooLong { id: 0x0102, found: 0x1_0000 }));
    }

    #[test]
    fn sensitive_values_of_the_worked_personalization() {
        // Source: derived example of a personalization of our own applet (fixtures/globalplatform/eid-applet.json).
        let sealed = "7F501E90143C4E2EDB7BE894F54FA2CC9A04EF09D0887526A391063132333435368404BBE13553";
        let templates = bytes(&sealed[..66]);
        let plain = seal(&templates);
        assert_eq!(hex::encode_upper(&plain), format!("{sealed}{}", "00".repeat(9)));
        assert_eq!(open(&plain), Ok(&templates[..]));
    }

    #[test]
    fn a_damaged_sensitive_value_is_refused() {
        let plain = seal(&bytes("7F4903800101"));
        assert_eq!(plain.len(), 16);
        for at in 0..plain.len() {
            let mut damaged = plain.clone();
            damaged[at] ^= 0x01;
            assert!(open(&damaged).is_err(), "byte {at}");
        }
        let mut longer = plain.clone();
        longer.extend([0; 16]);
        assert_eq!(open(&longer), Err(DgiError::Filling { found: 20 }));
        assert_eq!(open(&bytes("7F4903800101")), Err(DgiError::Check));
        assert!(matches!(open(&[0xFF; 48]), Err(DgiError::Tlv(_))));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_readers_panic(blocks: Vec<Vec<u8>>) {
            let mut stream = Stream::new();
            for block in &blocks {
                stream.block(block).for_each(drop);
                let _ = open(block);
            }
            let _ = stream.finish();
        }
    }
}
