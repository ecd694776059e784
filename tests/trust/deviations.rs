//! Deviation lists: what they say, about which documents, and who may say it.

use cardwright::trust::import::{ImportError, Options, import};
use cardwright::trust::{Collection, Standing};
use eid::cert::deviation_list::{
    self, Applies, CertField, Description, Deviation, DeviationList, Documents, Kind, MrzField, SignerId, Subject,
};
use eid::cert::list_signer::ListError;
use eid::cert::trust::TrustStore;
use eid::cert::x509::name;
use eid::crypto::hash::Hash;
use eid::date::Date;
use eid::oid;

use crate::maker::{Fields, Folder, Party, Use, collect, today};

/// DeviationList worked out by hand from the ASN.1 of Doc 9303-12 clause 10.2. The first entry is what Germany published in 2018 about a
/// document signer of 2008 (countryName as UTF8String); the second is made up and has every criterion but the digest.
const WORKED: &str = "\
    3082012e020100300b06096086480165030402013182011a30818130568002503c82140102030405060708090a0b0c0d0e0f1011121314a422180f32\
    303230303130313030303030305a180f32303230313233313233353935395aa516130943303158303054343713094330315830305434383127300f06\
    086781080101070202a003020102301406086781080101070301a003020104a1031301783081933057a155304f310b300906035504060c024445310d\
    300b060355040a0c0462756e64310c300a060355040b0c03627369310c300a060355040513033031333115301306035504030c0c637363612d676572\
    6d616e7902020142313830361325436f756e747279206e616d6520697320656e636f6465642061732055544638537472696e67060867810801010701\
    02a003020106";

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

/// A list by which `csca` excuses the hash of DG2 in what one of its document signers signed.
pub(crate) fn list(csca: &Party) -> Vec<u8> {
    let signer = csca.issue(&Fields::new("UT", "Deviation List Signer", Use::DeviationListSigner), "deviation list signer");
    let documents = Documents { signer: Some(SignerId::KeyId(vec![1; 20])), ..Documents::default() };
    let description = Description { text: None, kind: Kind::DgHashWrong(Some(2)), national_use: None };
    signer.deviation_list(&[Deviation { state: None, documents, descriptions: vec![description] }])
}

fn worked() -> DeviationList {
    let ut = Party::csca("UT");
    let signer = ut.issue(&Fields::new("UT", "Deviation List Signer", Use::DeviationListSigner), "signer");
    let content = hex::decode(WORKED).expect("hex");
    DeviationList::parse(&signer.sign_list(oid::DEVIATION_LIST, &content, &[])).expect("a list")
}

#[test]
fn a_list_worked_by_hand_reads_and_is_written_the_same() {
    let list = worked();
    assert_eq!((list.state.as_deref(), list.deviations.len(), list.quirks.len()), (Some("UT"), 2, 0));
    let german = list.deviations.iter().find(|d| d.documents.document_type.is_none()).expect("the first entry");
    let Some(SignerId::IssuerSerial { issuer, serial }) = &german.documents.signer else { panic!("{german:?}") };
    assert_eq!(name::to_text(issuer), "C=DE, O=bund, OU=bsi, serialNumber=013, CN=csca-germany");
    assert_eq!(serial, &[0x01, 0x42]);
    let description = &german.descriptions[0];
    assert_eq!(description.text.as_deref(), Some("Country name is encoded as UTF8String"));
    assert_eq!(description.kind, Kind::DsEncoding(Some(CertField::Body(6))));
    assert_eq!(description.kind.to_string(), "id-Deviation-CertOrKey-DSEncoding subject");

    let made_up = list.deviations.iter().find(|d| d.documents.document_type.is_some()).expect("the second entry");
    assert_eq!(made_up.documents.document_type.as_deref(), Some("P<"));
    assert_eq!(made_up.documents.issued, Some((day("2020-01-01"), day("2020-12-31"))));
    assert_eq!(made_up.documents.numbers, ["C01X00T47", "C01X00T48"]);
    let kinds: Vec<_> = made_up.descriptions.iter().map(|d| (d.kind.clone(), d.national_use.clone())).collect();
    assert_eq!(kinds, [(Kind::DgHashWrong(Some(2)), None), (Kind::MrzWrongData(Some(MrzField(4))), Some(vec![0x13, 1, b'x']))]);
    let all: Vec<_> = list.deviations.iter().map(|d| Deviation::clone(d)).collect();
    assert_eq!(hex::encode(deviation_list::encode(&all, Hash::Sha256)), WORKED);
}

#[test]
fn all_criteria_of_an_entry_must_hold_at_once() {
    let list = worked();
    let documents = &list.deviations.iter().find(|d| d.documents.document_type.is_some()).expect("the second entry").documents;
    let documents = Documents { signer: None, ..documents.clone() };
    let whole = Subject { signer: None, document_type: Some("P"), issued: Some(day("2020-12-31")), number: Some("C01X00T47") };
    assert_eq!(documents.applies(&whole), Applies::Yes);
    for other in [
        Subject { document_type: Some("I<"), ..whole },
        Subject { issued: Some(day("2021-01-01")), ..whole },
        Subject { number: Some("C01X00T4"), ..whole },
        Subject { number: Some("C01X00T4"), issued: None, ..whole },
    ] {
        assert_eq!(documents.applies(&other), Applies::No, "{other:?}");
    }
    for unknown in [Subject { issued: None, ..whole }, Subject { number: None, ..whole }, Subject { document_type: None, ..whole }] {
        assert_eq!(documents.applies(&unknown), Applies::Unknown, "{unknown:?}");
    }
}

#[test]
fn a_document_signer_is_named_by_serial_number_key_or_digest() {
    let ut = Party::csca("UT");
    let serial = |serial: u8| {
        let fields = Fields { serial: vec![serial], ..Fields::new("UT", "DS", Use::DocumentSigner) };
        ut.issue(&fields, &format!("ds {serial}")).certificate
    };
    let (ds, other) = (serial(0x22), serial(0x23));
    let key_id = ds.subject_key_id().expect("a key identifier").to_vec();
    let digest = |hash: Hash| SignerId::Digest { hash, value: hash.digest(&[ds.der()]) };
    let by_serial = SignerId::IssuerSerial { issuer: ds.issuer().to_vec(), serial: vec![0, 0x22] };
    for id in [by_serial, SignerId::KeyId(key_id), digest(Hash::Sha256), digest(Hash::Sha1)] {
        assert!(id.names(&ds) && !id.names(&other), "{id:?}");
        let documents = Documents { signer: Some(id), ..Documents::default() };
        assert_eq!(documents.applies(&Subject { signer: Some(&ds), ..Subject::default() }), Applies::Yes);
        assert_eq!(documents.applies(&Subject { signer: Some(&other), ..Subject::default() }), Applies::No);
        assert_eq!(documents.applies(&Subject::default()), Applies::Unknown);
    }
    // a digest without an algorithm in the list is of the signature's
    let documents = Documents { signer: Some(digest(Hash::Sha256)), ..Documents::default() };
    let entry = Deviation { state: None, documents, descriptions: Vec::new() }.encode();
    let content = eid::tlv::encode(0x30u32, &[&[2, 1, 0], eid::tlv::encode(0x31u32, &entry).as_slice()].concat());
    let signer = ut.issue(&Fields::new("UT", "Signer", Use::DeviationListSigner), "signer");
    let list = DeviationList::parse(&signer.sign_list(oid::DEVIATION_LIST, &content, &[])).expect("a list");
    assert!(list.deviations[0].documents.signer.as_ref().is_some_and(|id| id.names(&ds)));
}

#[test]
fn every_kind_of_deviation_reads_back_and_parameters_of_another_form_are_refused() {
    let field = CertField::Extension("2.5.29.16".to_owned());
    let kinds = [
        Kind::CertOrKey,
        Kind::DsSignature,
        Kind::DsEncoding(Some(field.clone())),
        Kind::CscaEncoding(Some(CertField::Body(7))),
        Kind::CscaEncoding(None),
        Kind::AaKeyCompromised,
        Kind::Lds,
        Kind::DgMalformed(Some(21)),
        Kind::DgHashWrong(Some(16)),
        Kind::SodSignatureWrong,
        Kind::ComInconsistent,
        Kind::Mrz,
        Kind::MrzWrongData(None),
        Kind::MrzWrongCheckDigit(Some(MrzField(8))),
        Kind::Chip,
        Kind::NationalUse,
        Kind::Unknown("1.2.3.4".to_owned()),
    ];
    assert_eq!(kinds[2].to_string(), "id-Deviation-CertOrKey-DSEncoding privateKeyUsagePeriod (2.5.29.16)");
    assert_eq!(kinds[7].to_string(), "id-Deviation-LDS-DGMalformed EF.COM");
    let ut = Party::csca("UT");
    let signer = ut.issue(&Fields::new("UT", "Signer", Use::DeviationListSigner), "signer");
    for kind in kinds {
        let description = Description { text: Some("text".to_owned()), kind, national_use: None };
        let entry = Deviation { state: Some("UT".to_owned()), documents: Documents::default(), descriptions: vec![description] };
        let list = DeviationList::parse(&signer.deviation_list(std::slice::from_ref(&entry))).expect("a list");
        assert_eq!(*list.deviations[0], entry);
    }
    // DGHashWrong with a text, and with a number of nine octets
    for parameters in [&[0x13, 1, b'2'][..], &[2, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0]] {
        let kind = [eid::tlv::encode(0x06u32, &oid::encode(oid::DEVIATION_DG_HASH_WRONG)), eid::tlv::encode(0xA0u32, parameters)].concat();
        let seq = |body: &[u8]| eid::tlv::encode(0x30u32, body);
        let entry = seq(&[seq(&[]), eid::tlv::encode(0x31u32, &seq(&kind))].concat());
        let content = seq(&[&[2, 1, 0], eid::tlv::encode(0x31u32, &entry).as_slice()].concat());
        assert!(DeviationList::parse(&signer.sign_list(oid::DEVIATION_LIST, &content, &[])).is_err());
    }
}

#[test]
fn a_deviation_list_acts_only_for_the_state_whose_csca_stands_behind_it() {
    let ut = Party::csca("UT");
    let bytes = list(&ut);
    let (collection, summary) = collect(&[ut.certificate.der(), &bytes]).expect("imported");
    assert_eq!((summary.new_deviation_lists, collection.imports().last().map(|i| i.standing)), (1, Some(Standing::Proved)));
    let trust = collection.trust();
    let states: Vec<_> = trust.deviations().map(|d| (d.state.clone(), d.descriptions[0].kind.clone())).collect();
    assert_eq!(states, [(Some("UT".to_owned()), Kind::DgHashWrong(Some(2)))]);

    // no anchor: never taken, also not by a user who takes master lists without proof
    let nobody = TrustStore::new();
    let options = Options { tier: None, signers: &nobody, take_unproved: true, date: today() };
    let folder = Folder::new();
    let error = import(&mut Collection::new(), &[folder.file("list", &bytes)], &options).expect_err("nobody stands behind it");
    assert!(matches!(error, ImportError::List { source: ListError::NoAnchor { .. }, .. }), "{error}");

    // the CSCA of one state certifies a signer whose issuer says that it is of another state
    let zz = Party::csca("ZZ");
    let impostor = Party::root(&Fields::new("UT", "CSCA", Use::Ca), "ZZ");
    assert_eq!(impostor.certificate.spki(), zz.certificate.spki());
    let error = collect(&[zz.certificate.der(), &list(&impostor)]).expect_err("another state");
    assert!(matches!(error, ImportError::List { source: ListError::OtherState { .. }, .. }), "{error}");
}

#[test]
fn a_master_list_is_no_deviation_list_and_the_other_way_round() {
    let ut = Party::csca("UT");
    let master = ut.issue(&Fields::new("UT", "Signer", Use::MasterListSigner), "master");
    assert!(DeviationList::parse(&master.master_list(&[&ut.certificate])).is_err());
    assert!(eid::cert::master_list::MasterList::parse(&list(&ut)).is_err());
    // a master list signer may not excuse deviations
    let error = collect(&[ut.certificate.der(), &master.deviation_list(&[])]).expect_err("not its purpose");
    assert!(matches!(error, ImportError::List { source: ListError::NotForLists { .. }, .. }), "{error}");
}
