//! Whatever the BER-TLV reader takes, it ends, its parts lie inside of what was given, and a definite encoding of them reads the same.
#![no_main]

use eid::tlv::{Reader, announced_len, encode};

fn walk(bytes: &[u8], depth: u8) {
    let mut reader = Reader::new(bytes);
    while let Ok(Some(tlv)) = reader.next() {
        assert!(tlv.raw.len() <= bytes.len() && tlv.value.len() < tlv.raw.len());
        let again = encode(tlv.tag, tlv.value);
        let once = Reader::new(&again).next().expect("own encoding").expect("one object");
        assert_eq!((once.tag, once.value), (tlv.tag, tlv.value));
        if depth > 0 && tlv.tag.is_constructed() {
            walk(tlv.value, depth - 1);
        }
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = announced_len(bytes);
    walk(bytes, 8);
});
