//! An object identifier that is read is written to the same octets, SecurityInfos to the same bytes.
#![no_main]

use eid::lds::security_info::SecurityInfos;
use eid::oid;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(dotted) = oid::decode(bytes) {
        assert_eq!(oid::parse(&dotted).expect("its own text"), bytes);
    }
    if let Ok(infos) = SecurityInfos::parse(bytes) {
        assert_eq!(infos.encode(), bytes);
        let sorted = SecurityInfos::new(infos.infos().to_vec());
        assert_eq!(SecurityInfos::parse(sorted.encode()).expect("DER").infos(), sorted.infos());
    }
});
