//! Certificates, requests, public keys, and signed messages are read or refused.
#![no_main]

use eid::cert::{cms::SignedData, request::Request, spki, x509::Certificate};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificate) = Certificate::from_pem_or_der(bytes) {
        let _ = (certificate.subject_text(), certificate.issuer_text(), certificate.document_types(), certificate.quirks().len());
    }
    if let Ok(request) = Request::parse(bytes) {
        let _ = (request.subject_text(), request.spki().len(), request.verify());
    }
    if let Ok(info) = spki::parse(bytes) {
        assert_eq!(spki::parse(&spki::encode(&info.key)).expect("our own encoding").key, info.key);
    }
    if let Ok(signed) = SignedData::parse(bytes) {
        let _ = (signed.content_type(), signed.content().len(), signed.certificates().count());
        for signer in &signed.signers {
            let _ = (signed.signer_text(signer), signed.signing_time(signer));
        }
    }
});
