//! Damaged and invented bytes: every reader answers, none panics, and what is damaged is never proved.

use cardwright::trust::import;
use cardwright::trust::ldif::Records;
use eid::cert::bundle::{self, Bundle};
use eid::cert::crl::Crl;
use eid::cert::deviation_list::DeviationList;
use eid::cert::list_signer::{self, Purpose};
use eid::cert::master_list::MasterList;
use eid::cert::trust::TrustStore;
use proptest::prelude::*;

use crate::lists::{World, to_ber};
use crate::maker::today;

/// Every reader on `bytes`; whether a list or CRL in it was proved.
fn read_all(bytes: &[u8], trust: &TrustStore) -> bool {
    let _ = (bundle::kind(bytes), Bundle::parse(bytes), import::objects(bytes));
    Records::new(bytes).for_each(drop);
    let csca = trust.anchors().first().and_then(|anchor| anchor.certificate().ok());
    let crl = Crl::parse(bytes).is_ok_and(|crl| {
        let _ = (crl.issuer_text(), crl.age(), crl.number(), format!("{crl:?}"));
        csca.is_some_and(|csca| crl.verify_signed_by(csca.key().expect("a key")).is_ok())
    });
    let master = MasterList::parse(bytes).is_ok_and(|list| {
        let _ = (list.certificates().count(), list.unreadable().count());
        list_signer::prove(&list.signed, Purpose::MasterList, trust).is_ok()
    });
    let deviations = DeviationList::parse(bytes).is_ok_and(|list| {
        list.deviations.iter().flat_map(|d| &d.descriptions).for_each(|d| drop(d.kind.to_string()));
        list_signer::prove(&list.signed, Purpose::DeviationList, trust).is_ok()
    });
    crl || master || deviations
}

#[test]
fn lists_with_any_octet_changed_or_cut_are_answered_and_a_changed_content_is_never_proved() {
    let world = World::new();
    let trust = TrustStore::from_bytes(world.ut.certificate.der()).expect("a certificate");
    let crl = world.ut.crl(1, today(), &[&[0x22]]);
    for whole in [world.list.clone(), to_ber(&world.list), crate::deviations::list(&world.ut), crl] {
        assert!(read_all(&whole, &trust));
        let content = match MasterList::parse(&whole) {
            Ok(list) => list.signed.content().len(),
            Err(_) => whole.len() / 3,
        };
        let mut proved = 0;
        for at in 0..whole.len() {
            assert!(!read_all(&whole[..at], &trust), "cut at {at}");
            for mask in [0x01, 0x80] {
                let mut changed = whole.clone();
                changed[at] ^= mask;
                // what is not signed may change: version numbers, the digests that SignedData announces, certificates beside the signer's
                proved += usize::from(read_all(&changed, &trust));
            }
        }
        assert!(proved < 2 * whole.len() - content, "{proved} of {} changes were proved", 2 * whole.len());
        assert!(proved < 60, "{proved} of {} changes were proved", 2 * whole.len());
    }
}

#[test]
fn lengths_that_lie_are_refused_without_being_allocated() {
    let nobody = TrustStore::new();
    for bytes in ["3084ffffffff3083ffffff", "30840fffffff0609", "308006092a864886f70d010702a0803080", "a0803080", "3082ffff30820fff020101"]
    {
        assert!(!read_all(&hex::decode(bytes).expect("hex"), &nobody), "{bytes}");
    }
    // a SEQUENCE in a SEQUENCE in a SEQUENCE
    for depth in [50, 5000] {
        assert!(!read_all(&[0x30, 0x80].repeat(depth), &nobody));
        assert!(!read_all(
            &[&hex::decode("308006092a864886f70d010702a080").expect("hex")[..], &[0x30, 0x80].repeat(depth)].concat(),
            &nobody
        ));
    }
}

proptest! {
    #[test]
    fn invented_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let nobody = TrustStore::new();
        prop_assert!(!read_all(&bytes, &nobody));
        prop_assert!(!read_all(&eid::tlv::encode(0x30u32, &bytes), &nobody));
    }

    #[test]
    fn invented_records_are_answered(lines in proptest::collection::vec("(dn: [a-z]{0,9}|[a-z;]{0,9}:{0,2} ?[A-Za-z0-9+/=]{0,40}| [A-Za-z0-9]{0,20}|#x|)", 0..40)) {
        Records::new(lines.join("\r\n").as_bytes()).for_each(drop);
    }
}
