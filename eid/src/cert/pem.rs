//! PEM (RFC 7468): blocks of base64 between BEGIN and END lines. Text around them is passed over, as files of states have it.

use super::CertError;

const BEGIN: &str = "-----BEGIN ";

/// One block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What stands after BEGIN: `CERTIFICATE`, `X509 CRL`, `PKCS7`.
    pub label: String,
    /// The content.
    pub der: Vec<u8>,
}

impl Block {
    /// Whether it says that it is a certificate.
    #[must_use]
    pub fn is_certificate(&self) -> bool {
        matches!(self.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE" | "X.509 CERTIFICATE")
    }
}

/// Every block of a PEM text; `None` if `bytes` are no PEM. Blocks that are encrypted or hold keys are left out: nobody here asks for them.
///
/// # Errors
/// A block is damaged.
pub fn blocks(bytes: &[u8]) -> Result<Option<Vec<Block>>, CertError> {
    let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.contains(BEGIN)) else { return Ok(None) };
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(BEGIN) {
        let block = rest.get(at..).unwrap_or_default();
        let label = block.get(BEGIN.len()..).and_then(|b| b.split("-----").next()).unwrap_or_default();
        let end = format!("-----END {label}-----");
        let stop = block.find(&end).ok_or_else(|| CertError::Pem(format!("no line {end}")))? + end.len();
        let (this, after) = block.split_at(stop);
        if !label.ends_with("KEY") {
            let body: String = this.lines().filter(|line| !line.starts_with("-----")).flat_map(|line| line.split_whitespace()).collect();
            let der = base64(&body).ok_or_else(|| CertError::Pem("a block that is not base64".to_owned()))?;
            out.push(Block { label: label.to_owned(), der });
        }
        rest = after;
    }
    Ok(Some(out))
}

/// The DER of every certificate of a PEM text; `None` if `bytes` are no PEM.
pub(crate) fn certificates(bytes: &[u8]) -> Result<Option<Vec<Vec<u8>>>, CertError> {
    Ok(blocks(bytes)?.map(|blocks| blocks.into_iter().filter(Block::is_certificate).map(|block| block.der).collect()))
}

/// Base64 without white space, with its padding (RFC 4648 clause 4); `None` for anything else, bits in the padding among it.
#[must_use]
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut bits, mut held) = (0u32, 0u32);
    for c in digits.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xFF).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    (bits == 0).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_among_other_text_and_keys_are_left_out() {
        let text = "Subject: x\n-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\nbetween\n-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n";
        assert_eq!(blocks(text.as_bytes()), Ok(Some(vec![Block { label: "X509 CRL".to_owned(), der: vec![0x30, 0] }])));
        assert_eq!(blocks(b"\x30\x00"), Ok(None));
        for bad in ["-----BEGIN X-----\nMAA=\n", "-----BEGIN X-----\nMAA\n-----END X-----"] {
            assert!(matches!(blocks(bad.as_bytes()), Err(CertError::Pem(_))), "{bad}");
        }
    }
}
