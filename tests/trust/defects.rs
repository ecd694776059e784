//! Defects of other programs with lists and CRLs, each as a test that fails with the defect.

use std::sync::Arc;

use cardwright::trust::import::ImportError;
use eid::cert::crl::Crl;
use eid::cert::list_signer::{self, Purpose};
use eid::cert::master_list::{self, MasterList};
use eid::cert::path::{self, Chain};
use eid::cert::trust::TrustStore;
use eid::date::Date;
use eid::oid;

use crate::maker::{Fields, Party, Use, collect, today};

/// icao-local-pkd: the CRL of a country was looked up and used, its signature never checked.
#[test]
fn crl_used_without_checking_its_signature() {
    let ut = Party::csca("UT");
    let attacker = Party::root(&Fields::new("UT", "CSCA", Use::Ca), "an attacker");
    let ds = ut.issue(&Fields { serial: vec![0x22], ..Fields::new("UT", "DS", Use::DocumentSigner) }, "ds");
    // the attacker's CRL has the issuer's name and a later day; with its key identifier it is refused, without it waits for nobody
    let forged = Crl::parse(&attacker.crl(9, today(), &[&[0x22]])).expect("a CRL");
    let genuine = Crl::parse(&ut.crl(3, today().plus_days(-9), &[])).expect("a CRL");
    assert!(forged.claims_issuer(&ut.certificate) && forged.find(&ds.certificate).is_some());
    let key = ut.certificate.key().expect("a key");
    assert!(forged.verify_signed_by(key).is_err() && genuine.verify_signed_by(key).is_ok());
    let mut trust = TrustStore::from_bytes(ut.certificate.der()).expect("a certificate");
    trust.insert_crl(forged.clone());
    trust.insert_crl(genuine.clone());
    let in_use = trust.crls_of(&ut.certificate).find(|crl| crl.verify_signed_by(key).is_ok()).expect("a CRL");
    assert_eq!(**in_use, genuine);

    // one octet of a genuine list changed: the key that it names did not sign that
    let mut changed = genuine.der().to_vec();
    let at = changed.windows(3).position(|w| w == [2, 1, 3]).expect("crlNumber");
    changed[at + 2] = 4;
    let error = collect(&[ut.certificate.der(), &changed]).expect_err("a changed CRL");
    assert!(matches!(error, ImportError::Crl { .. }), "{error}");
}

/// icao-local-pkd: one CRL for a country, so that the CRL of the new key hid that of the old one.
#[test]
fn one_crl_per_country() {
    let old = Party::csca("UT");
    let new = Party::root(&Fields::new("UT", "CSCA", Use::Ca), "new key");
    let (of_old, of_new) = (old.crl(7, today().plus_days(-20), &[&[0x22]]), new.crl(8, today(), &[]));
    let (collection, summary) = collect(&[old.certificate.der(), new.certificate.der(), &of_old, &of_new]).expect("imported");
    assert_eq!((summary.new_crls, summary.old_crls, collection.crls().len()), (2, 0, 2));
    let trust = collection.trust();
    for (party, bytes) in [(&old, &of_old), (&new, &of_new)] {
        let key = party.certificate.key().expect("a key");
        let found = trust.crls_of(&party.certificate).find(|crl| crl.verify_signed_by(key).is_ok()).expect("its CRL");
        assert_eq!(found.der(), bytes);
    }
}

/// icao-local-pkd: certificates indexed by name and serial number. Doc 9303 states reuse both with another key, so one hid the other.
#[test]
fn index_by_name_and_serial_number() {
    let first = Party::csca("UT");
    let second = Party::root(&Fields::new("UT", "CSCA", Use::Ca), "second key");
    assert_eq!((first.certificate.issuer(), first.certificate.serial()), (second.certificate.issuer(), second.certificate.serial()));
    let (collection, _) = collect(&[first.certificate.der(), second.certificate.der()]).expect("imported");
    let trust = collection.trust();
    assert_eq!((trust.anchors().len(), trust.anchors_of_subject(first.certificate.subject()).count()), (2, 2));
    for party in [&first, &second] {
        let ds = party.issue(&Fields::new("UT", "DS", Use::DocumentSigner), "ds");
        match path::find(&Arc::new(ds.certificate), &trust) {
            Chain::Verified(verified) => assert_eq!(*verified.anchor, party.certificate),
            other => panic!("{other:?}"),
        }
    }
}

/// icao-local-pkd, China, Germany, and Kazakhstan: the same issuer, serial number and key with a new validity are two certificates.
#[test]
fn same_issuer_serial_and_key_with_a_new_validity_are_two_certificates() {
    let short = Party::root(&Fields::new("UT", "CSCA", Use::Ca), "key");
    let long = Party::root(&Fields { until: Date::new(2044, 1, 1).expect("a day"), ..Fields::new("UT", "CSCA", Use::Ca) }, "key");
    assert_eq!((short.certificate.serial(), short.certificate.spki()), (long.certificate.serial(), long.certificate.spki()));
    let (collection, _) = collect(&[short.certificate.der(), long.certificate.der()]).expect("imported");
    let mut until: Vec<_> = collection.trust().certificates_of_state("ut").map(|c| c.not_after().date.year()).collect();
    until.sort_unstable();
    assert_eq!(until, [2040, 2044]);
}

/// pymrtd: a master list that the CSCA itself signed (Germany, 2019) was refused. It is taken with its quirk.
#[test]
fn master_list_signed_by_the_csca_itself() {
    let (ut, zz) = (Party::csca("UT"), Party::csca("ZZ"));
    let list = ut.master_list(&[&ut.certificate, &zz.certificate]);
    let trust = TrustStore::from_bytes(ut.certificate.der()).expect("a certificate");
    let proved = list_signer::prove(&MasterList::parse(&list).expect("a list").signed, Purpose::MasterList, &trust).expect("proved");
    assert_eq!(proved.quirks.iter().map(|q| q.rule).collect::<Vec<_>>(), ["list.signed-by-csca"]);
    let (collection, _) = collect(&[&list, ut.certificate.der()]).expect("imported");
    assert_eq!(collection.anchors().count(), 2);
    // and the CSCA of nobody is still nobody
    assert!(collect(&[&zz.master_list(&[&zz.certificate]), ut.certificate.der()]).is_err());
}

/// A list whose signedAttrs are left out of the check (`CMS_NO_ATTR_VERIFY`) lets any content pass.
#[test]
fn signed_attributes_of_a_list_not_checked() {
    let ut = Party::csca("UT");
    let signer = ut.issue(&Fields::new("UT", "Signer", Use::MasterListSigner), "signer");
    let one = master_list::encode(&[&ut.certificate]);
    // an ECDSA signature in DER is a few octets longer or shorter: one that makes the lists equally long
    let other = (0..500).map(|n| master_list::encode(&[&Party::root(&Fields::new("ZZ", "CSCA", Use::Ca), &format!("{n}")).certificate]));
    let other = other.into_iter().find(|other| other.len() == one.len()).expect("one of that length");
    let list = signer.sign_list(oid::CSCA_MASTER_LIST, &one, &[]);
    let at = list.windows(one.len()).position(|w| w == one).expect("the content");
    let mut swapped = list.clone();
    swapped[at..at + one.len()].copy_from_slice(&other);
    let error = collect(&[ut.certificate.der(), &swapped]).expect_err("another content").to_string();
    assert!(error.contains("messageDigest"), "{error}");
}

/// gmrtd, icao-local-pkd: country codes in another case hid the anchors of a state (Doc 9303-12 asks for upper case, states write both).
#[test]
fn country_code_in_another_case() {
    let ut = Party::csca("UT");
    let (collection, _) = collect(&[ut.certificate.der()]).expect("imported");
    let trust = collection.trust();
    assert_eq!(["UT", "ut", " uT "].map(|country| trust.certificates_of_state(country).count()), [1, 1, 1]);
}
