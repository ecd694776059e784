//! The same card by others: OpenSSL's CMS_verify, and the Rust crate dmrtd.

use std::collections::BTreeMap;

use dmrtd::auth::passive::{self, ChainStatus, DataGroup, TrustAnchor};
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::{X509, X509PurposeId};

use crate::Job;
use crate::subject::State;

pub(crate) fn jobs(state: &State, files: &BTreeMap<u8, Vec<u8>>, sod: &[u8]) -> Vec<Job> {
    let mut store = X509StoreBuilder::new().expect("a store");
    store.add_cert(X509::from_der(state.csca.der()).expect("OpenSSL reads the root")).expect("added");
    store.set_flags(X509VerifyFlags::NO_CHECK_TIME).expect("flags");
    store.set_purpose(X509PurposeId::ANY).expect("purpose");
    let store = store.build();
    let content = eid::tlv::single(sod, 0x77_u32).expect("EF.SOD").value.to_vec();
    let openssl = {
        let files = files.clone();
        move || {
            let mut message = CmsContentInfo::from_der(&content).expect("OpenSSL reads EF.SOD");
            let none = Stack::<X509>::new().expect("a stack");
            let mut object = Vec::new();
            message.verify(Some(&none), Some(&store), None, Some(&mut object), CMSOptions::BINARY).expect("OpenSSL verifies EF.SOD");
            // CMS_verify knows nothing of data groups: these hashes and the search for them in the list are a caller's work
            for file in files.values() {
                let hash = openssl::sha::sha256(file);
                assert!(object.windows(32).any(|window| window == hash));
            }
        }
    };
    let dmrtd = {
        let (files, sod) = (files.clone(), sod.to_vec());
        let anchors = [TrustAnchor::from_certificate(state.csca.der()).expect("dmrtd reads the root")];
        move || {
            let groups: Vec<_> = files.iter().map(|(number, bytes)| DataGroup { number: *number, bytes }).collect();
            let result = passive::verify(&sod, &groups, &anchors).expect("dmrtd verifies EF.SOD");
            assert!(matches!(result.chain, ChainStatus::Trusted { .. }));
        }
    };
    vec![
        Job::new("passive authentication, new signer (P-256) by openssl", openssl),
        Job::new("passive authentication, new signer (P-256) by dmrtd", dmrtd),
    ]
}
