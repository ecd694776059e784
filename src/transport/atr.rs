//! What an answer to reset says about APDU lengths (ISO/IEC 7816-3 clause 8.2, 7816-4 clause 8.1.1).
//!
//! Only the third software function byte is read: whether the card chains commands and takes extended lengths. A card that
//! does not say so gets short APDUs.

use eid::transport::Limits;

/// The three software function bytes in the historical bytes ("card capabilities", compact TLV 7x), as far as they are there.
/// `None` where the ATR is malformed, has no historical bytes, or they are not compact TLV (category 00 or 80).
#[must_use]
pub fn card_capabilities(atr: &[u8]) -> Option<Vec<u8>> {
    let historical = historical_bytes(atr)?;
    let (&category, rest) = historical.split_first()?;
    let mut objects = match category {
        0x80 => rest,
        // Category 00 ends with three status bytes outside of the objects.
        0x00 => rest.get(..rest.len().checked_sub(3)?)?,
        _ => return None,
    };
    while let Some((&head, rest)) = objects.split_first() {
        let len = usize::from(head & 0x0F);
        let value = rest.get(..len)?;
        if head >> 4 == 7 {
            return Some(value.to_vec());
        }
        objects = rest.get(len..)?;
    }
    None
}

/// Extended lengths where bit 7 of the third software function byte announces them, else short ones.
#[must_use]
pub fn limits(atr: &[u8]) -> Limits {
    let extended = card_capabilities(atr).and_then(|bytes| bytes.get(2).copied()).is_some_and(|third| third & 0x40 != 0);
    if extended { Limits::EXTENDED } else { Limits::SHORT }
}

/// The historical bytes: after T0 and the interface bytes, as many as the low half of T0 says.
fn historical_bytes(atr: &[u8]) -> Option<&[u8]> {
    let t0 = *atr.get(1)?;
    let count = usize::from(t0 & 0x0F);
    let mut at = 2;
    let mut indicator = t0;
    // TAi TBi TCi are present by bits 5 to 7; TDi by bit 8, whose own high half announces the next group. An ATR has at most 33 bytes.
    loop {
        at += usize::try_from((indicator & 0x70).count_ones()).ok()?;
        if indicator & 0x80 == 0 {
            break;
        }
        indicator = *atr.get(at)?;
        at += 1;
        if at > 33 {
            return None;
        }
    }
    atr.get(at..at + count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Option<Vec<u8>>, Limits) {
        let atr = hex::decode(text).expect("hex");
        (card_capabilities(&atr), limits(&atr))
    }

    /// The ATR of the German ID card: TA, TD with T=0 and T=1, historical bytes 80 31 F8 73 F7 41 E0 82 90 00.
    #[test]
    fn german_id_card_announces_extended_lengths() {
        assert_eq!(of("3B8A80018031F873F741E082900075"), (Some(vec![0xF7, 0x41, 0xE0]), Limits::EXTENDED));
    }

    #[test]
    fn a_card_that_says_nothing_gets_short_apdus() {
        for text in ["3B00", "3B80800101", "3B9F96813FC7828031E073F64157", "FFFF", "3B", "", "3BFF"] {
            assert_eq!(of(text).1, Limits::SHORT, "{text}");
        }
        // Capabilities without the bit for extended lengths.
        assert_eq!(of("3B858001807380018000"), (Some(vec![0x80, 0x01, 0x80]), Limits::SHORT));
    }
}
