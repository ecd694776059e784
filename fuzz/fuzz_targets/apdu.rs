//! A command APDU that is read and written again is the same bytes, up to the one form that has two writings.
#![no_main]

use eid::apdu::{Command, Response};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(command) = Command::parse(bytes) {
        let written = command.encode().expect("what was read can be written");
        assert_eq!(Command::parse(&written).expect("what was written can be read"), command);
    }
    if let Ok(response) = Response::parse(bytes) {
        assert_eq!(response.encode(), bytes);
    }
});
