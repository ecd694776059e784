//! What comes into a trust store: master lists, deviation lists, CRLs, bundles, and PKD records are read or refused, and nothing in them is
//! proved by an anchor that nobody gave.
#![no_main]

use cardwright::trust::import;
use cardwright::trust::ldif::{Records, is_ldif};
use eid::cert::bundle::{self, Bundle};
use eid::cert::crl::Crl;
use eid::cert::deviation_list::DeviationList;
use eid::cert::list_signer::{self, Purpose};
use eid::cert::master_list::MasterList;
use eid::cert::trust::TrustStore;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = (bundle::kind(bytes), Bundle::parse(bytes), import::objects(bytes), is_ldif(bytes));
    for record in Records::new(bytes).flatten() {
        let _ = record.texts("pkdConformanceText").count();
    }
    if let Ok(crl) = Crl::parse(bytes) {
        let _ = (
            crl.issuer_text(),
            crl.issuer_country(),
            crl.age(),
            crl.revoked().iter().map(|entry| crl.serial_of(entry).len()).sum::<usize>(),
        );
    }
    let nobody = TrustStore::new();
    if let Ok(list) = MasterList::parse(bytes) {
        let _ = (list.certificates().count(), list.unreadable().count());
        assert!(list_signer::prove(&list.signed, Purpose::MasterList, &nobody).is_err());
    }
    if let Ok(list) = DeviationList::parse(bytes) {
        for deviation in &list.deviations {
            let _ = (deviation.encode(), deviation.descriptions.iter().map(|d| d.kind.to_string()).collect::<Vec<_>>());
        }
        assert!(list_signer::prove(&list.signed, Purpose::DeviationList, &nobody).is_err());
    }
});
