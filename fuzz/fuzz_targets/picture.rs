//! Bytes that claim to be a picture: pixels within the limits, or a named error.
#![no_main]

use cardwright::picture::{self, limits};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

/// Small pictures of every format, whose parts the input replaces.
const SEEDS: [&[u8]; 6] = [
    include_bytes!("../../fixtures/pictures/rgb.jpg"),
    include_bytes!("../../fixtures/pictures/progressive.jpg"),
    include_bytes!("../../fixtures/pictures/rgba.jp2"),
    include_bytes!("../../fixtures/pictures/tiles.j2k"),
    include_bytes!("../../fixtures/pictures/lossy.jp2"),
    include_bytes!("../../fixtures/pictures/ridges.wsq"),
];

fuzz_target!(init: {
    // A panic of a decoder that is caught is an answer here, not the end of the run; one that is not still is.
    std::panic::set_hook(Box::new(|_| {}));
}, |data: &[u8]| {
    let Ok(picture) = picture::decode(data) else { return };
    assert!(u64::from(picture.width()) * u64::from(picture.height()) <= limits::PIXELS);
    assert!(!picture.to_png().is_empty());
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let chosen = SEEDS[seed as usize % SEEDS.len()];
    if size < 8 && chosen.len() <= max_size {
        data[..chosen.len()].copy_from_slice(chosen);
        return fuzzer_mutate(data, chosen.len(), max_size);
    }
    fuzzer_mutate(data, size, max_size)
});
