//! The first byte chooses the elementary file. What is read is shown, and written so that it reads again and is written the same.
#![no_main]

use eid::image::FileId;
use eid::lds;

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
});
