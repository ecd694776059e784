//! The two forms of an ECDSA signature: SEQUENCE { r INTEGER, s INTEGER } in DER (RFC 5480, X.509, CMS), and r ‖ s of fixed length
//! (BSI TR-03111 §5.2.1, CV certificates and Active Authentication).
//!
//! DER is read strictly, as OpenSSL does: minimal lengths, minimal positive integers, nothing after the end.

use super::SignatureError;

/// r and s without leading zeros from DER.
pub(super) fn from_der(der: &[u8]) -> Result<(&[u8], &[u8]), SignatureError> {
    let malformed = |what: &str| SignatureError::Malformed(format!("Ecdsa-Sig-Value: {what}"));
    let (content, after) = object(der, 0x30).ok_or_else(|| malformed("not a SEQUENCE in DER"))?;
    if !after.is_empty() {
        return Err(malformed("bytes after the SEQUENCE"));
    }
    let (r, rest) = object(content, 0x02).ok_or_else(|| malformed("r is not an INTEGER in DER"))?;
    let (s, rest) = object(rest, 0x02).ok_or_else(|| malformed("s is not an INTEGER in DER"))?;
    if !rest.is_empty() {
        return Err(malformed("bytes after s"));
    }
    let r = magnitude(r).ok_or_else(|| malformed("r is negative or not minimal"))?;
    let s = magnitude(s).ok_or_else(|| malformed("s is negative or not minimal"))?;
    Ok((r, s))
}

/// Value of the first object, which has `tag` and a length of at most two octets in minimal form, and what follows it.
fn object(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (len, rest) = match bytes {
        [found, len @ 0..=0x7F, rest @ ..] if *found == tag => (*len, rest),
        [found, 0x81, len @ 0x80..=0xFF, rest @ ..] if *found == tag => (*len, rest),
        _ => return None,
    };
    rest.split_at_checked(len.into())
}

fn magnitude(integer: &[u8]) -> Option<&[u8]> {
    match integer {
        [] | [0x80..=0xFF, ..] | [0, 0..=0x7F, ..] => None,
        // zero itself is 00; a longer number begins with 00 only for the sign
        [0, rest @ ..] => Some(rest),
        rest => Some(rest),
    }
}

/// r and s, big-endian of any length, in DER.
pub(super) fn to_der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(r.len() + s.len() + 6);
    for number in [r, s] {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let number = number.get(zeros..).unwrap_or_default();
        let sign = if number.first().is_none_or(|first| *first >= 0x80) { &[0][..] } else { &[] };
        crate::tlv::push(&mut content, 0x02, &[sign, number].concat());
    }
    crate::tlv::encode(0x30, &content)
}

/// `number` with leading zeros to `len` bytes; nothing if it is longer.
pub(super) fn padded(number: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; len];
    let start = len.checked_sub(number.len())?;
    out[start..].copy_from_slice(number);
    Some(out)
}
