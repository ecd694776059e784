//! Passive authentication of one card: EF.SOD with the document signer's certificate inside, and the data groups.

use std::collections::BTreeSet;

use eid::cert::path::SignerCache;
use eid::cert::trust::TrustStore;
use eid::lds::sod::Sod;
use eid::protocol::finding::Outcome;
use eid::protocol::passive_auth::{Input, passive_authentication};

use crate::Job;
use crate::floor;
use crate::subject::{self, State};

pub(crate) fn jobs(state: &State) -> Vec<Job> {
    let files = subject::data_groups(state);
    let sod = subject::sign(state, &files);
    let trust = state.trust();
    let today = state.today;

    let authenticate = |cache: Option<SignerCache>, trust: TrustStore| {
        let (files, sod) = (files.clone(), sod.clone());
        let none = BTreeSet::new();
        move || {
            let parsed = Sod::parse(&sod);
            let files = files.iter().map(|(&number, file)| (number, file.as_slice())).collect();
            let input = Input {
                sod: parsed.as_ref(),
                files: &files,
                not_read: &none,
                trust: &trust,
                cache: cache.as_ref(),
                today,
                issued: Some(today.into()),
            };
            let verdict = passive_authentication(&input);
            let failed = verdict.findings.iter().find(|finding| finding.outcome == Outcome::Failed);
            assert!(failed.is_none(), "{failed:?}");
        }
    };

    // what is signed: the certificate by the root, the attributes by the document signer; what is hashed: both, the content, the files
    let signed = Sod::parse(&sod).expect("our own EF.SOD").signed;
    let messages = [state.ds.tbs().to_vec(), attributes(&sod)];
    let signatures = [state.ds.signature().to_vec(), signature(&sod)];
    let mut hashed: Vec<Vec<u8>> = files.values().cloned().collect();
    hashed.push(signed.content().to_vec());
    let floor = |count: usize| {
        let keys = [state.csca.key().expect("a key").key.clone(), state.ds.key().expect("a key").key.clone()];
        let verify: Vec<_> = (0..2).map(|at| floor::verifier(&keys[at], messages[at].clone(), signatures[at].clone())).collect();
        let hashed = hashed.clone();
        move || {
            verify.iter().rev().take(count).for_each(|verify| verify());
            hashed.iter().for_each(|bytes| floor::sha256(bytes));
        }
    };

    #[cfg_attr(not(feature = "fast"), expect(unused_mut, reason = "peers are measured by one of the two programs"))]
    let mut jobs = vec![
        Job::new("passive authentication, new signer (P-256)", authenticate(None, trust.clone())),
        Job::new("floor of passive authentication, new signer (P-256)", floor(2)),
        Job::new("passive authentication, known signer (P-256)", authenticate(Some(SignerCache::default()), trust)),
        Job::new("floor of passive authentication, known signer (P-256)", floor(1)),
    ];
    #[cfg(feature = "fast")]
    jobs.extend(crate::peers::jobs(state, &files, &sod));
    jobs
}

/// The signed attributes as they are signed: a SET OF.
fn attributes(sod: &[u8]) -> Vec<u8> {
    let start = find(sod, &[0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x03]);
    let head = &sod[start - 4..];
    assert_eq!(head[0], 0xA0, "signedAttrs");
    let mut out = head[..2 + usize::from(head[1])].to_vec();
    out[0] = 0x31;
    out
}

/// The signature value: the last OCTET STRING.
fn signature(sod: &[u8]) -> Vec<u8> {
    let algorithm = [0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
    let at = sod.windows(algorithm.len()).rposition(|window| window == algorithm).expect("ecdsa-with-SHA256");
    sod[at + algorithm.len() + 2..].to_vec()
}

fn find(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|window| window == what).expect("it is in EF.SOD")
}
