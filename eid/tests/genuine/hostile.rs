//! Damaged and invented bytes: the readers answer, they never panic.

use std::collections::{BTreeMap, BTreeSet};

use eid::cert::cms::SignedData;
use eid::cert::spki;
use eid::cert::trust::TrustStore;
use eid::cert::x509::Certificate;
use eid::date::Date;
use eid::lds::sod::Sod;
use eid::protocol::passive_auth::{Input, passive_authentication};
use proptest::prelude::*;

use crate::corpus;

/// Every reader on `bytes`, and everything that can be asked of what it read.
fn read_all(bytes: &[u8]) {
    if let Ok(certificate) = Certificate::from_pem_or_der(bytes) {
        let _ =
            (certificate.subject_text(), certificate.issuer_country(), certificate.document_types(), certificate.authority_issuer_serial());
        let _ = (certificate.subject_key_id(), certificate.authority_key_id(), certificate.serial_hex(), format!("{certificate:?}"));
    }
    let _ = spki::parse(bytes);
    let _ = TrustStore::from_bytes(bytes);
    if let Ok(signed) = SignedData::parse(bytes) {
        for signer in &signed.signers {
            let _ = (signed.signer_text(signer), signed.signing_time(signer), SignedData::algorithm(signer));
        }
    }
    if let Ok(sod) = Sod::parse(bytes) {
        let _ = sod.data_groups().filter_map(|n| sod.hash_of(n)).count();
    }
}

#[test]
fn genuine_files_with_any_octet_changed_or_cut_are_answered() {
    let Some(root) = corpus::root() else { return };
    let mut seeds = vec![root.join("chips/bsi-tr03105-5/EF_SOD.bin"), root.join("chips/etsi-prototype/EF_SOD.bin")];
    for folder in ["dsc/odd", "csca/AT", "csca/CH"] {
        seeds.extend(corpus::files(&root.join(folder)).into_iter().take(4));
    }
    for path in seeds {
        let whole = std::fs::read(&path).expect("file");
        let inner = eid::tlv::single(&whole, 0x77u32).map_or_else(|_| whole.clone(), |sod| sod.value.to_vec());
        for at in 0..whole.len() {
            read_all(&whole[..at]);
            for mask in [0x01, 0x80, 0xFF] {
                let mut changed = whole.clone();
                changed[at] ^= mask;
                read_all(&changed);
            }
            if let Some(octet) = inner.get(at) {
                let mut changed = inner.clone();
                changed[at] = octet ^ 0x20;
                read_all(&changed);
            }
        }
    }
}

proptest! {
    #[test]
    fn invented_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_all(&bytes);
        read_all(&eid::tlv::encode(0x30u32, &bytes));
        let (files, not_read, trust) = (BTreeMap::from([(1, bytes.as_slice())]), BTreeSet::new(), TrustStore::new());
        let today = Date::new(2026, 11, 21).expect("a day");
        let sod = Sod::parse(&eid::tlv::encode(0x77u32, &bytes));
        let verdict = passive_authentication(&Input { sod: sod.as_ref(), files: &files, not_read: &not_read, trust: &trust, cache: None, today, issued: None });
        prop_assert!(verdict.findings.iter().all(|f| f.outcome != eid::protocol::finding::Outcome::Passed));
    }

    /// TLV that nests by chance gets further into the readers than noise does.
    #[test]
    fn invented_structures_are_answered(parts in proptest::collection::vec((prop::sample::select(vec![0x02u8, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x17, 0x24, 0x30, 0x31, 0xA0, 0xA1, 0xA3, 0x80]), 0u8..12), 1..60)) {
        let mut bytes = Vec::new();
        for (tag, len) in parts {
            bytes.insert(0, u8::try_from(bytes.len().min(120)).expect("small"));
            bytes.insert(0, tag);
            bytes.extend(std::iter::repeat_n(0x01, len.into()));
            bytes.truncate(120);
        }
        read_all(&bytes);
        read_all(&eid::tlv::encode(0x77u32, &bytes));
    }
}
