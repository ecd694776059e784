//! Signing one card: hashes of the data groups, LDSSecurityObject, signature, EF.SOD.

use crate::Job;
use crate::floor;
use crate::subject::{self, State};

pub(crate) fn jobs(state: State) -> Vec<Job> {
    let files = subject::data_groups(&state);
    let sod = subject::sign(&state, &files);
    let content = eid::lds::sod::Sod::parse(&sod).expect("our own EF.SOD").signed.content().to_vec();
    let mut hashed: Vec<Vec<u8>> = files.values().cloned().collect();
    hashed.push(content);
    let sign = floor::signer(&state.ds_key);
    vec![
        Job::new("signing one card (P-256)", move || {
            assert!(!subject::sign(&state, &files).is_empty());
        }),
        Job::new("floor of signing one card (P-256)", move || {
            hashed.iter().for_each(|bytes| floor::sha256(bytes));
            // the attributes: 75 to 110 bytes
            sign(&[0x31; 96]);
        }),
    ]
}
