//! What the strict reader takes is written back to the same text.
#![no_main]

use eid::mrz::{Mrz, transliterate};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = transliterate(text);
    let _ = Mrz::read(text);
    if let Ok(mrz) = Mrz::parse(text) {
        let again = Mrz::parse(mrz.text()).expect("its own text");
        assert_eq!(again.text(), mrz.text());
        if let Ok(written) = Mrz::write(mrz.format(), mrz.content().clone()) {
            let _ = written.information();
        }
    }
});
