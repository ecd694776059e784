//! CV certificates, requests, trust points, and EF.CVCA are read or refused; what is read keeps its bytes.
#![no_main]

use eid::cert::chat::Chat;
use eid::cert::cvc::{Cvc, Request, TrustPoint, TrustPoints};
use eid::lds::Elementary as _;
use eid::lds::cvca::Cvca;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificate) = Cvc::from_der(bytes) {
        assert_eq!(certificate.der(), bytes);
        let again = Cvc::from_content(&certificate.content()).expect("what was read is read again");
        assert_eq!((again.body(), again.signature()), (certificate.body(), certificate.signature()));
        let _ = certificate.fields();
        if let Ok(point) = TrustPoint::of_cvca(&certificate) {
            let _ = certificate.verify(&point.key);
            if let Ok(trust) = TrustPoints::new(vec![point], certificate.effective()) {
                assert_eq!(TrustPoints::decode(&trust.encode()).as_ref(), Ok(&trust));
                let _ = trust.verify_chain([&certificate]);
            }
        }
    }
    let _ = Cvc::from_content(bytes);
    if let Ok(request) = Request::from_der(bytes) {
        let _ = (request.verify(), request.verify_outer(request.verifying_key()));
    }
    if let Ok(trust) = TrustPoints::decode(bytes) {
        assert_eq!(TrustPoints::decode(&trust.encode()), Ok(trust));
    }
    if let Ok(chat) = Chat::parse(bytes) {
        assert_eq!(Chat::parse(&chat.encode()).expect("our own encoding"), chat);
        let _ = chat.describe();
    }
    if let Ok(file) = Cvca::parse(bytes) {
        assert_eq!(Cvca::parse(&file.encode()).expect("our own encoding"), file);
    }
});
