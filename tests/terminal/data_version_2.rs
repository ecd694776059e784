//! The data suites of a chip with version 2 of Terminal and Chip Authentication: a chip that announces what it should holds them all, and each defect breaks
//! the cases that name it and no other.

use std::collections::BTreeSet;

use cardwright::conform::lds::Outcome;
use eid::cert::spki::{self, agreement};
use eid::crypto::agreement::Domain;
use eid::crypto::kdf::Suite;
use eid::crypto::signature::PublicKey;
use eid::image::FileId;
use eid::lds::Elementary as _;
use eid::lds::card_access::CardAccess;
use eid::lds::security_info::{
    Agreement, ChipAuthInfo, ChipAuthProtocol, ChipAuthPublicKeyInfo, KeyId, Mapping, PaceDomainParameterInfo, SecurityInfo, SecurityInfos,
};
use eid::{oid, tlv};

use super::data_suites::{BRAINPOOL_P256, Document, broken, info};
use super::entries::static_key;

/// id-RI-ECDH.
const RESTRICTED_ECDH: &str = "0.4.0.127.0.7.2.2.5.2";

fn chip(version: u8, key_id: Option<u8>) -> SecurityInfo {
    let protocol = ChipAuthProtocol { agreement: Agreement::Ecdh, suite: Suite::Aes128 };
    SecurityInfo::ChipAuth(ChipAuthInfo { protocol, version, key_id: key_id.map(|id| KeyId::from(u32::from(id))) })
}

const fn terminal(version: u8) -> SecurityInfo {
    SecurityInfo::TerminalAuth { version, ef_cvca: None }
}

fn domain(protocol: &'static str, id: u8) -> SecurityInfo {
    let domain = Domain::standardized(id).expect("a domain");
    let parameters = agreement::encode_standardized_domain(&domain).expect("it has an id");
    let raw = tlv::encode(0x30u32, &[tlv::encode(0x06u32, &oid::encode(protocol)), parameters].concat());
    SecurityInfo::Other { oid: protocol.to_owned(), raw }
}

/// The parameters of a key for restricted identification, which terminals need a right to.
fn restricted(version: u8) -> SecurityInfo {
    let parameters = [&tlv::encode(0x02u32, &[version])[..], &[0x02, 1, 1, 0x01, 1, 0xFF]].concat();
    let protocol = format!("{RESTRICTED_ECDH}.3");
    let octets = oid::parse(&protocol).expect("an identifier");
    let raw = tlv::encode(0x30u32, &[tlv::encode(0x06u32, &octets), tlv::encode(0x30u32, &parameters)].concat());
    SecurityInfo::Other { oid: protocol, raw }
}

fn key(spki: Vec<u8>) -> SecurityInfo {
    SecurityInfo::ChipAuthPublicKey(ChipAuthPublicKeyInfo { agreement: Agreement::Ecdh, spki, key_id: None })
}

/// What EF.CardAccess has, and the keys of EF.CardSecurity beside it.
struct Announced {
    access: Vec<SecurityInfo>,
    keys: Vec<SecurityInfo>,
}

impl Announced {
    fn new() -> Self {
        let access = vec![info(Mapping::Generic), terminal(2), chip(2, None), domain(oid::CA_ECDH, BRAINPOOL_P256)];
        let key = key(spki::encode(&PublicKey::Ec(static_key(1).public())));
        Self { access, keys: vec![key, restricted(1), domain(RESTRICTED_ECDH, BRAINPOOL_P256)] }
    }

    fn document(self) -> Document {
        let mut document = Document::new();
        let access = SecurityInfos::new(self.access);
        document.secure(SecurityInfos::new(access.infos().iter().cloned().chain(self.keys)));
        document.files.insert(FileId::CARD_ACCESS, CardAccess { infos: access }.encode());
        document
    }
}

fn of_version_2(document: &Document) -> Vec<(String, Outcome)> {
    document.judged().into_iter().filter(|(id, _)| id.starts_with("bsi33:")).collect()
}

#[test]
fn a_chip_of_version_2_holds_every_case_and_another_chip_is_asked_none() {
    for (id, outcome) in of_version_2(&Announced::new().document()) {
        let holds = id != "bsi33:EAC2_DATA_A_3" && !id.starts_with("bsi33:EAC2_EIDDATA");
        assert!(matches!((&outcome, holds), (Outcome::Holds, true) | (Outcome::NotApplicable(_), false)), "{id}: {outcome:?}");
    }
    for (id, outcome) in of_version_2(&Document::new()) {
        assert!(matches!(outcome, Outcome::NotApplicable(_)), "{id}: {outcome:?}");
    }
}

type Change = fn(&mut Announced);

#[test]
fn a_defect_of_version_2_breaks_the_cases_that_name_it() {
    let defects: [(&str, Change, &[&str]); 15] = [
        ("no PACE", |all| drop(all.access.remove(0)), &["A_1a"]),
        ("PACE with a reserved domain", |all| all.access.push(reserved()), &["A_3"]),
        ("no Terminal Authentication", |all| drop(all.access.remove(1)), &["A_1a"]),
        ("Terminal Authentication version 1", |all| all.access[1] = terminal(1), &["A_1a", "A_6"]),
        ("a file of EF.CVCA", |all| all.access[1] = SecurityInfo::TerminalAuth { version: 2, ef_cvca: Some(vec![0x30, 0]) }, &["A_6"]),
        ("Chip Authentication version 1", |all| all.access[2] = chip(1, None), &["A_1a", "A_4"]),
        ("one of two ways without a key id", |all| all.access.push(chip(2, Some(1))), &["A_4"]),
        ("no domain", |all| drop(all.access.remove(3)), &["A_5"]),
        ("a domain of another kind", |all| all.access[3] = domain(oid::CA_ECDH, 0), &["A_5"]),
        ("two domains without key ids", |all| all.access.push(domain(oid::CA_ECDH, 12)), &["A_5"]),
        ("no key", |all| all.keys.clear(), &["B_8"]),
        ("a key that is none", |all| all.keys = vec![key(vec![0x30, 0])], &["B_8"]),
        ("restricted identification of another version", |all| all.keys[1] = restricted(2), &["B_9"]),
        ("restricted identification in a domain of another kind", |all| all.keys[2] = domain(RESTRICTED_ECDH, 0), &["B_10"]),
        ("two keys without ids", |all| all.keys.push(key(spki::encode(&PublicKey::Ec(static_key(2).public())))), &["B_8"]),
    ];
    for (name, change, expected) in defects {
        let mut announced = Announced::new();
        change(&mut announced);
        judge(name, &announced.document(), expected);
    }
    let mut document = Announced::new().document();
    *document.files.get_mut(&FileId::CARD_SECURITY).and_then(|bytes| bytes.last_mut()).expect("bytes") ^= 1;
    judge("another signature", &document, &["B_1"]);
    let mut document = Announced::new().document();
    let more = SecurityInfos::new(Announced::new().access.into_iter().chain([info(Mapping::Integrated)]));
    document.files.insert(FileId::CARD_ACCESS, CardAccess { infos: more }.encode());
    judge("more in EF.CardAccess than is signed", &document, &["B_11"]);
}

fn reserved() -> SecurityInfo {
    let domain_parameter = agreement::encode_domain(&Domain::standardized(BRAINPOOL_P256).expect("a domain"));
    let (mapping, agreement) = (Mapping::Generic, Agreement::Ecdh);
    SecurityInfo::PaceDomainParameter(PaceDomainParameterInfo { mapping, agreement, domain_parameter, parameter_id: Some(20) })
}

fn judge(name: &str, document: &Document, expected: &[&str]) {
    let outcomes = document.judged();
    let found: BTreeSet<_> = broken(&outcomes).into_keys().filter_map(|id| id.strip_prefix("bsi33:EAC2_DATA_")).collect();
    assert_eq!(found, expected.iter().copied().collect(), "{name}: {:#?}", of_version_2(document));
}

/// Files by hand (TR-03110-4 clause 2.2.3): a document type, a date, octets; and one that is none of the 21.
#[test]
fn a_data_group_of_the_eid_application_that_is_not_of_its_type_breaks_its_case() {
    let eid = |number| FileId::eid(number).expect("1 to 22");
    let cases = |document: &Document, wanted: fn(&Outcome) -> bool| -> Vec<String> {
        let judged = document.judged().into_iter().filter(|(id, outcome)| id.starts_with("bsi33:EAC2_EIDDATA") && wanted(outcome));
        judged.map(|(id, _)| id.trim_start_matches("bsi33:EAC2_EIDDATA_").to_owned()).collect()
    };
    let mut document = Document::new();
    for (number, file) in [(1, "610413024944"), (3, "630A12083230333031313232"), (18, "7209040702760378900276")] {
        document.files.insert(eid(number), hex::decode(file).expect("hex"));
    }
    assert_eq!(cases(&document, |outcome| *outcome == Outcome::Holds), ["B_1", "B_14", "B_3"]);
    let broken: Vec<_> = (1..=22)
        .map(|number| {
            let mut document = Document::new();
            document.files.insert(eid(number), hex::decode("5F01020304").expect("hex"));
            cases(&document, |outcome| matches!(outcome, Outcome::Broken(_))).len()
        })
        .collect();
    let expected: Vec<_> = (1..=22).map(|number| usize::from(number != 16)).collect();
    assert_eq!(broken, expected, "DG16 is reserved");
}
