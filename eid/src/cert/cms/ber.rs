//! Rewrites BER with indefinite lengths and octet strings in pieces into definite lengths (X.690 clauses 8.1.3.6, 8.7.3.2).
//!
//! Only what has these forms is written again; every object without them, signed attributes and certificates among them, is copied
//! byte for byte. Refused: nesting deeper than 16, a primitive of indefinite length, pieces that are no octet strings.

use crate::cert::CertError;
use crate::tlv::{self, Reader, TlvError};

const MAX_DEPTH: u8 = 16;

/// The one object in `input` with definite lengths.
///
/// # Errors
/// Nesting deeper than 16, a primitive of indefinite length, pieces that are no octet strings, or bytes behind the object.
pub fn to_definite(input: &[u8]) -> Result<Vec<u8>, CertError> {
    let mut out = Vec::with_capacity(input.len());
    let used = object(input, 0, MAX_DEPTH, &mut out)?;
    match input.len() - used {
        0 => Ok(out),
        count => Err(TlvError::Trailing { at: used, count }.into()),
    }
}

/// Writes the first object of `input` (which starts at offset `at`) and says how many octets it took.
fn object(input: &[u8], at: usize, depth: u8, out: &mut Vec<u8>) -> Result<usize, CertError> {
    let tag = Reader::new_at(input, at).peek()?.ok_or(TlvError::Truncated { at, needed: 2, available: 0 })?;
    let header = if tag.0 > 0xFFFF {
        3
    } else if tag.0 > 0xFF {
        2
    } else {
        1
    };
    let indefinite = input.get(header) == Some(&0x80);
    if !indefinite {
        let tlv = Reader::new_at(input, at).next()?.ok_or(TlvError::Truncated { at, needed: 2, available: 0 })?;
        if !tag.is_constructed() {
            out.extend_from_slice(tlv.raw);
            return Ok(tlv.raw.len());
        }
        let mut body = Vec::with_capacity(tlv.value.len());
        let mut done = 0;
        while done < tlv.value.len() {
            done += object(tlv.value.get(done..).unwrap_or_default(), tlv.value_at() + done, deeper(depth, at)?, &mut body)?;
        }
        if tag.0 != 0x24 && body == tlv.value {
            out.extend_from_slice(tlv.raw);
        } else {
            finish(tag, &body, at, out)?;
        }
        return Ok(tlv.raw.len());
    }
    if !tag.is_constructed() {
        return Err(TlvError::Indefinite { at: at + header }.into());
    }
    let mut body = Vec::new();
    let mut done = header + 1;
    loop {
        let rest = input.get(done..).unwrap_or_default();
        if rest.starts_with(&[0, 0]) {
            break;
        }
        done += object(rest, at + done, deeper(depth, at)?, &mut body)?;
    }
    finish(tag, &body, at, out)?;
    Ok(done + 2)
}

fn deeper(depth: u8, at: usize) -> Result<u8, CertError> {
    depth.checked_sub(1).ok_or_else(|| CertError::Malformed { what: "BER", at, expected: "at most 16 levels", found: "more".to_owned() })
}

/// Writes an object of definite length; the pieces of an octet string become one.
fn finish(tag: tlv::Tag, body: &[u8], at: usize, out: &mut Vec<u8>) -> Result<(), CertError> {
    if tag.0 != 0x24 {
        tlv::push(out, tag, body);
        return Ok(());
    }
    let mut whole = Vec::with_capacity(body.len());
    let mut pieces = Reader::new_at(body, at);
    while let Some(piece) = pieces.next()? {
        if piece.tag.0 != 0x04 {
            return Err(CertError::malformed("piece of an OCTET STRING", &piece, "an OCTET STRING"));
        }
        whole.extend_from_slice(piece.value);
    }
    tlv::push(out, 0x04u32, &whole);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_one_and_the_rest_stays_as_it_is() {
        // SEQUENCE (indefinite) { [0] (indefinite) { OCTET STRING (constructed) { 01, 02 03 } }, SEQUENCE with a long-form length }
        let ber = hex::decode("3080a0802480040101040202030000 0000308102 0500 0000".replace(' ', "")).expect("hex");
        assert_eq!(hex::encode(to_definite(&ber).expect("BER")), "300ca00504030102033081020500");
    }

    #[test]
    fn what_has_no_end_is_refused() {
        for bytes in ["3080", "308005000000ff", "0480000000", "30800500", &"3080".repeat(40)] {
            assert!(to_definite(&hex::decode(bytes).expect("hex")).is_err(), "{bytes}");
        }
    }
}
