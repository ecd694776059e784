//! Face and finger records and image headers without the nesting around them. What is read is written so that it reads again.
#![no_main]

use eid::image::FileId;
use eid::lds::biometrics::{face::FaceRecord, finger::FingerRecord, image};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let file = FileId::COM;
    let _ = image::sniff(bytes);
    if let Ok(record) = FaceRecord::read(file, bytes, 0, &mut Vec::new()) {
        let mut quirks = Vec::new();
        let again = FaceRecord::read(file, &record.encode(), 0, &mut quirks).expect("what was written reads");
        assert_eq!(again, record);
        assert!(!quirks.iter().any(|quirk| quirk.rule.ends_with("-length")), "lengths that were written are right: {quirks:?}");
    }
    if let Ok(record) = FingerRecord::read(file, bytes, 0, &mut Vec::new()) {
        assert_eq!(FingerRecord::read(file, &record.encode(), 0, &mut Vec::new()), Ok(record));
    }
});
