//! Changes of bytes: of an answer, of an object in it, of a command, of a file.

use eid::tlv;
use rand_core::CryptoRng;

/// What becomes of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// `[n]^=HEX`: bits change, `n` bytes from the start, or from the end where it is negative. Without a place the last byte.
    Flip { at: i32, mask: Vec<u8> },
    /// `[n]=HEX`: bytes are replaced.
    Put { at: i32, bytes: Vec<u8> },
    /// `=HEX`: all is replaced.
    Set(Vec<u8>),
    /// `+=HEX`: something follows.
    Append(Vec<u8>),
    /// `.len=n`: cut, or filled up with zeros.
    Length(usize),
    /// `->TAG`: the object has another tag.
    Retag(u32),
    /// `=none`: the object is not there.
    Drop,
    /// `=random`: other bytes, as many.
    Random,
    /// `=echo`: what the terminal sent in the object before this one: 81 for 82, 83 for 84, 85 for 86.
    Echo,
    /// `=zeros`: as many.
    Zeros,
    /// `=one`: the number one, as long.
    One,
    /// `=minus-one`: one less than the prime of the group.
    MinusOne,
    /// `=above`: two more than the prime of the group.
    Above,
    /// `=compressed`: a point as 02 or 03 and x.
    Compressed,
    /// `=cut`: the first byte of the number is missing, of a point that of x.
    Cut,
    /// `=der`: r ‖ s as a SEQUENCE of two INTEGERs.
    Der,
}

/// What a change may look at.
pub(crate) struct Given<'a> {
    /// What the terminal sent in the object before this one.
    pub(crate) echo: Option<Vec<u8>>,
    /// The prime of the group of PACE, if it is one.
    pub(crate) prime: Option<Vec<u8>>,
    pub(crate) rng: &'a mut dyn CryptoRng,
}

impl Change {
    /// Changes `bytes`; [`Change::Drop`] and [`Change::Retag`] are the matter of who has the object.
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>, given: &mut Given<'_>) {
        match self {
            Self::Flip { at, mask } => {
                let start = place(bytes, *at, mask.len());
                bytes.iter_mut().skip(start).zip(mask).for_each(|(byte, mask)| *byte ^= mask);
            }
            Self::Put { at, bytes: new } => {
                let start = place(bytes, *at, new.len());
                bytes.iter_mut().skip(start).zip(new).for_each(|(byte, new)| *byte = *new);
            }
            Self::Set(new) => bytes.clone_from(new),
            Self::Append(more) => bytes.extend_from_slice(more),
            Self::Length(len) => bytes.resize(*len, 0),
            Self::Retag(_) | Self::Drop => {}
            Self::Random => given.rng.fill_bytes(bytes),
            Self::Echo => {
                if let Some(echo) = &given.echo {
                    bytes.clone_from(echo);
                }
            }
            Self::Zeros => bytes.fill(0),
            Self::One => {
                bytes.fill(0);
                bytes.last_mut().into_iter().for_each(|last| *last = 1);
            }
            // a prime is odd: neither carries
            Self::MinusOne => {
                if let Some(prime) = &given.prime {
                    bytes.clone_from(prime);
                    bytes.last_mut().into_iter().for_each(|last| *last = last.wrapping_sub(1));
                }
            }
            Self::Above => {
                if let Some(prime) = &given.prime {
                    bytes.clone_from(prime);
                    add_two(bytes);
                }
            }
            Self::Compressed => {
                let odd = bytes.last().is_some_and(|last| last & 1 == 1);
                bytes.truncate(1 + bytes.len() / 2);
                bytes.first_mut().into_iter().for_each(|first| *first = if odd { 0x03 } else { 0x02 });
            }
            Self::Cut => {
                let point = bytes.first() == Some(&0x04) && bytes.len() % 2 == 1;
                if bytes.len() > 1 {
                    bytes.remove(usize::from(point));
                }
            }
            Self::Der => {
                let (r, s) = bytes.split_at(bytes.len() / 2);
                *bytes = tlv::encode(0x30, &[integer(r), integer(s)].concat());
            }
        }
    }
}

fn place(bytes: &[u8], at: i32, len: usize) -> usize {
    let magnitude = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
    if at < 0 { bytes.len().saturating_sub(magnitude.max(len)) } else { magnitude }
}

fn add_two(number: &mut [u8]) {
    let mut carry = 2u8;
    for octet in number.iter_mut().rev() {
        let (sum, over) = octet.overflowing_add(carry);
        *octet = sum;
        carry = u8::from(over);
    }
}

fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|&&octet| octet == 0).count().min(number.len().saturating_sub(1));
    let mut octets = number.get(zeros..).unwrap_or_default().to_vec();
    if octets.first().is_some_and(|first| first & 0x80 != 0) {
        octets.insert(0, 0);
    }
    tlv::encode(0x02, &octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededRng;

    fn changed(change: &Change, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let mut rng = SeededRng::new(b"change");
        change.apply(&mut bytes, &mut Given { echo: Some(vec![9, 9]), prime: Some(vec![0x0D, 0xFF]), rng: &mut rng });
        bytes
    }

    #[test]
    fn each_change_does_what_its_name_says() {
        let point = [4, 0, 1, 2, 3];
        for (change, expected) in [
            (Change::Flip { at: -1, mask: vec![0x81] }, &[4, 0, 1, 2, 0x82][..]),
            (Change::Flip { at: 1, mask: vec![1, 1] }, &[4, 1, 0, 2, 3]),
            (Change::Flip { at: 7, mask: vec![1] }, &point),
            (Change::Put { at: 0, bytes: vec![2] }, &[2, 0, 1, 2, 3]),
            (Change::Put { at: -2, bytes: vec![7, 8] }, &[4, 0, 1, 7, 8]),
            (Change::Set(vec![0]), &[0]),
            (Change::Append(vec![5]), &[4, 0, 1, 2, 3, 5]),
            (Change::Length(2), &[4, 0]),
            (Change::Length(6), &[4, 0, 1, 2, 3, 0]),
            (Change::Echo, &[9, 9]),
            (Change::One, &[0, 0, 0, 0, 1]),
            (Change::MinusOne, &[0x0D, 0xFE]),
            (Change::Above, &[0x0E, 0x01]),
            (Change::Compressed, &[3, 0, 1]),
            (Change::Cut, &[4, 1, 2, 3]),
        ] {
            assert_eq!(changed(&change, &point), expected, "{change:?}");
        }
        assert_eq!(changed(&Change::Der, &[0, 0x80, 0, 5]), [0x30, 7, 2, 2, 0, 0x80, 2, 1, 5]);
        assert_ne!(changed(&Change::Random, &point), point);
    }

    #[test]
    fn nothing_panics_on_no_bytes() {
        for change in [Change::Cut, Change::Compressed, Change::Der, Change::One, Change::Flip { at: -3, mask: vec![1; 9] }] {
            let _ = changed(&change, &[]);
        }
    }
}
