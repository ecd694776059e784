//! The first byte chooses the elementary file. What is read is shown, written so that it reads again and is written the same, and compared
//! with itself; the same bytes are also read as the QR text of a card's face.
#![no_main]

use std::collections::BTreeMap;

use eid::date::Date;
use eid::face_qr::FaceQr;
use eid::image::FileId;
use eid::lds;
use eid::protocol::cross_check::{self, Input};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else { return };
    let _ = lds::detect(bytes);
    let all = FileId::all();
    let id = all[usize::from(choice) % all.len()];
    if let Ok(file) = lds::parse(id, bytes) {
        let _ = file.fields();
        if let Some(written) = file.encode() {
            let again = lds::parse(id, &written).expect("what was written reads");
            assert_eq!(again.encode().expect("still written"), written);
        }
    }
    let files = BTreeMap::from([(id, bytes.to_vec())]);
    let compared = Input { files: &files, today: Date::from_days(20_000) };
    let _ = cross_check::check(&compared);
    if let Some(qr) = std::str::from_utf8(bytes).ok().and_then(|text| FaceQr::read(text, &mut Vec::new()).ok()) {
        assert_eq!(FaceQr::read(&qr.encode(), &mut Vec::new()).expect("what was written reads"), qr);
        let _ = cross_check::face_qr(&compared, &qr);
    }
});
