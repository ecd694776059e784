//! CRLs, EF.SOD, and lists: CR, SO, LS, MS, DV, and the BSI's rules for EF.SOD.

use eid::cert::algorithm;
use eid::cert::x509::name;
use eid::crypto::hash::Hash;
use eid::lds::Elementary as _;
use eid::lds::com::Com;
use eid::oid;
use pki::lint::Kind;

use super::Case;
use crate::build::{Beside, Crl, SecurityObject, Signed, World, attribute, data_groups, date, oid as id, seq, t, time};

type Base = (&'static str, Kind, Vec<u8>, Beside);

fn beside_crl(world: &World) -> Beside {
    let mut previous = world.crl();
    previous.this = time("2026-05-01");
    previous.extensions[1].2 = t(0x02, &[6]);
    let issuer = Some(world.csca(false).encode());
    Beside { issuer, previous: Some(previous.encode()), date: Some(date("2026-07-10")), ..Beside::default() }
}

fn beside_sod() -> Beside {
    Beside { files: Some(data_groups()), com: Some(Com::new([1, 2, 14]).encode()), ..Beside::default() }
}

fn master(world: &World) -> Signed {
    let mut entries = vec![world.csca(false).encode(), world.csca(true).encode()];
    entries.sort();
    world.list(oid::CSCA_MASTER_LIST, oid::CSCA_MASTER_LIST_SIGNING_KEY, master_content(&entries))
}

fn master_content(entries: &[Vec<u8>]) -> Vec<u8> {
    seq(&[&[2, 1, 0], &t(0x31, &entries.concat())])
}

fn deviation(world: &World) -> Signed {
    world.list(oid::DEVIATION_LIST, oid::DEVIATION_LIST_SIGNING_KEY, deviations(&documents(), &description(oid::DEVIATION_DG_HASH_WRONG)))
}

fn documents() -> Vec<u8> {
    seq(&[&t(0x80, b"P<"), &t(0x82, &[3; 20])])
}

fn description(kind: &str) -> Vec<u8> {
    seq(&[&t(0x13, b"hash of DG3"), &id(kind)])
}

fn deviations(documents: &[u8], description: &[u8]) -> Vec<u8> {
    seq(&[&[2, 1, 0], &t(0x31, &seq(&[documents, &t(0x31, description)]))])
}

pub(crate) fn bases(world: &World) -> Vec<Base> {
    let mut none = world.crl();
    none.revoked = None;
    let mut newer = world.sod();
    let versions = seq(&[&t(0x13, b"0108"), &t(0x13, b"040000")]);
    newer.content = SecurityObject { version: vec![1], info: versions, ..SecurityObject::new() }.encode();
    vec![
        ("CRL", Kind::Crl, world.crl().encode(), beside_crl(world)),
        ("CRL of nothing", Kind::Crl, none.encode(), beside_crl(world)),
        ("EF.SOD", Kind::Sod, world.sod().encode(), beside_sod()),
        ("EF.SOD of LDS 1.8", Kind::Sod, newer.encode(), beside_sod()),
        ("master list", Kind::MasterList, master(world).encode(), Beside::default()),
        ("deviation list", Kind::DeviationList, deviation(world).encode(), Beside::default()),
    ]
}

pub(crate) fn cases(world: &World) -> Vec<Case> {
    let mut out = Vec::new();
    crls(world, &mut out);
    sods(world, &mut out);
    security_objects(world, &mut out);
    lists(world, &mut out);
    out
}

fn crls(world: &World, out: &mut Vec<Case>) {
    let mut case = |rule, change: &dyn Fn(&mut Crl)| {
        let mut crl = world.crl();
        change(&mut crl);
        out.push(Case { rule, with: &[], kind: Some(Kind::Crl), bytes: crl.encode(), beside: beside_crl(world) });
    };
    let entry = |extension: &str| vec![seq(&[&t(2, &[0x12]), &time("2026-06-30"), &seq(&[&seq(&[&id(extension), &t(4, &[0x0A, 1, 1])])])])];
    case("CR-001", &|c| c.version = Vec::new());
    case("CR-002", &|c| c.outer = Some(seq(&[&id(oid::ECDSA_SHA256), &[5, 0]])));
    case("CR-003", &|c| c.issuer = name::encode(&[(oid::COUNTRY, "VN"), (oid::COMMON_NAME, "Other")]));
    case("CR-004", &|c| c.this = t(0x18, b"20260701000000Z"));
    case("CR-005", &|c| c.next = Vec::new());
    case("CR-005", &|c| c.next = time("2026-12-01"));
    case("CR-006", &|c| c.revoked = Some(Vec::new()));
    case("CR-007", &|c| c.revoked = Some(vec![seq(&[&t(2, &[0x92]), &time("2026-06-30")])]));
    case("CR-008", &|c| c.revoked = Some(entry("2.5.29.21")));
    case("CR-009", &|c| c.revoked = Some(entry("2.5.29.24")));
    case("CR-010", &|c| c.extensions[0].2 = seq(&[&t(0x80, &[9; 20])]));
    case("CR-010", &|c| drop(c.extensions.remove(0)));
    case("CR-011", &|c| c.extensions.push((oid::ISSUER_ALT_NAME.to_owned(), true, crate::build::alternative("VNM"))));
    case("CR-012", &|c| c.extensions[1].2 = t(2, &[6]));
    case("CR-012", &|c| drop(c.extensions.remove(1)));
    case("CR-013", &|c| c.add("2.5.29.27", &t(2, &[1])));
    case("CR-014", &|c| c.add("2.5.29.28", &seq(&[])));
    case("CR-015", &|c| c.add("2.5.29.46", &seq(&[])));
    case("CR-017", &|c| {
        c.this = time("2026-03-01");
        c.next = time("2026-05-01");
    });
    case("CR-017", &|c| {
        c.this = time("2026-05-02");
        c.next = time("2026-07-20");
    });
    case("CR-019", &|c| c.key = world.ds.clone());
}

fn sods(world: &World, out: &mut Vec<Case>) {
    let mut case = |rule, with: &'static [&'static str], change: &dyn Fn(&mut Signed)| {
        let mut sod = world.sod();
        change(&mut sod);
        out.push(Case { rule, with, kind: Some(Kind::Sod), bytes: sod.encode(), beside: beside_sod() });
    };
    let sha1 = seq(&[&id(oid::SHA1)]);
    case("SO-001", &[], &|s| s.trailing = vec![0]);
    case("SO-001", &[], &|s| s.outer_tag = None);
    case("SO-002", &[], &|s| s.kind = id(oid::DATA));
    case("SO-003", &[], &|s| s.version = 1);
    case("SO-004", &[], &|s| s.digests = vec![algorithm::encode_digest(Hash::Sha512)]);
    case("SO-004", &[], &|s| s.digests.push(sha1.clone()));
    case("SO-005", &[], &|s| s.content_type = id(oid::DATA));
    case("SO-006", &[], &|s| s.content = seq(&[&[2, 1, 0]]));
    case("SO-006", &[], &|s| s.content.push(0));
    case("SO-007", &[], &|s| s.certificates = Vec::new());
    case("SO-007", &[], &|s| s.certificates.push(world.csca(false).encode()));
    case("SO-008", &[], &|s| s.crls = t(0xA1, &world.crl().encode()));
    case("SO-009", &[], &|s| s.signers = 2);
    case("SO-010", &[], &|s| s.signer_version = 3);
    case("SO-011", &[], &|s| s.sid = seq(&[&name::encode(&[(oid::COUNTRY, "VN")]), &t(2, &[1])]));
    case("SO-012", &[], &|s| s.digest = seq(&[&id(oid::SHA256), &[5, 0]]));
    case("SO-013", &[], &|s| s.more.push(attribute(oid::CONTENT_TYPE, &id(oid::LDS_SECURITY_OBJECT))));
    case("SO-013", &[], &|s| s.more.push(attribute(oid::SIGNING_TIME, &[time("2026-07-01"), time("2026-07-02")].concat())));
    case("SO-014", &[], &|s| s.sorted = false);
    case("SO-015", &["SO-018"], &|s| s.algorithm = seq(&[&id(oid::ECDSA_SHA384)]));
    case("SO-015", &[], &|s| s.algorithm = seq(&[&id(oid::ECDSA_SHA256), &[5, 0]]));
    case("SO-016", &["SO-018"], &|s| s.plain = true);
    case("SO-017", &[], &|s| s.unsigned = t(0xA1, &attribute("1.2.3.4", &[5, 0])));
    case("SO-018", &[], &|s| s.key = world.old.clone());
    case("SO-019", &[], &|s| s.inside = vec![0, 0]);
}

fn security_objects(world: &World, out: &mut Vec<Case>) {
    let mut case = |rule, with: &'static [&'static str], change: &dyn Fn(&mut SecurityObject)| {
        let mut object = SecurityObject::new();
        change(&mut object);
        let mut sod = world.sod();
        sod.content = object.encode();
        out.push(Case { rule, with, kind: Some(Kind::Sod), bytes: sod.encode(), beside: Beside::default() });
    };
    let hash = || vec![7; 32];
    case("LS-001", &[], &|o| o.version = vec![2]);
    case("LS-002", &[], &|o| {
        o.hash = seq(&[&id(oid::SHA1)]);
        o.entries.iter_mut().for_each(|(_, hash)| hash.truncate(20));
    });
    case("LS-003", &["LS-004"], &|o| o.entries = (1..=17).map(|n| (n, hash())).collect());
    case("LS-003", &["LS-007"], &|o| o.entries.truncate(1));
    case("LS-004", &[], &|o| o.entries.swap(0, 1));
    case("LS-004", &[], &|o| o.entries.push((14, hash())));
    case("LS-007", &[], &|o| drop(o.entries.remove(1)));
    case("LS-008", &[], &|o| o.version = vec![1]);
    case("LS-008", &[], &|o| o.info = seq(&[&t(0x13, b"0108"), &t(0x13, b"040000")]));
    case("LS-010", &[], &|o| o.entries[2].1.truncate(20));
    let mut beside = |rule, change: &dyn Fn(&mut Beside)| {
        let mut known = beside_sod();
        change(&mut known);
        out.push(Case { rule, with: &[], kind: Some(Kind::Sod), bytes: world.sod().encode(), beside: known });
    };
    beside("LS-005", &|b| b.files.as_mut().expect("files")[0].1.push(0));
    beside("LS-006", &|b| drop(b.files.as_mut().expect("files").pop()));
    beside("LS-006", &|b| b.files.as_mut().expect("files").push((3, b"a DG3".to_vec())));
    beside("LS-009", &|b| b.com = Some(Com::new([1, 2]).encode()));
    // a German document: the digest is not SHA-384, and DG15 stands for Active Authentication
    for (rule, with, number) in [("BR-003", &[][..], 14), ("BR-009", &["BR-003"][..], 15)] {
        let mut signer = world.document_signer();
        signer.issuer = name::encode(&[(oid::COUNTRY, "DE"), (oid::COMMON_NAME, "CSCA")]);
        let mut object = SecurityObject::new();
        object.entries[2].0 = number;
        let mut sod = world.sod();
        sod.content = object.encode();
        sod.sid = seq(&[&signer.issuer, &t(2, &signer.serial)]);
        sod.certificates = vec![signer.encode()];
        out.push(Case { rule, with, kind: Some(Kind::Sod), bytes: sod.encode(), beside: Beside::default() });
    }
}

fn lists(world: &World, out: &mut Vec<Case>) {
    let mut case = |rule, with: &'static [&'static str], change: &dyn Fn(&mut Signed)| {
        let mut list = master(world);
        change(&mut list);
        out.push(Case { rule, with, kind: Some(Kind::MasterList), bytes: list.encode(), beside: Beside::default() });
    };
    let mut sorted = [world.csca(false).encode(), world.csca(true).encode()];
    sorted.sort();
    let reversed: Vec<_> = sorted.iter().rev().cloned().collect();
    let ds = world.document_signer();
    case("MS-001", &[], &|l| l.trailing = vec![0]);
    case("MS-001", &[], &|l| l.kind = id(oid::DATA));
    case("MS-002", &[], &|l| l.version = 1);
    case("MS-003", &[], &|l| l.content_type = id(oid::DATA));
    case("MS-004", &[], &|l| l.content = master_content(&reversed));
    case("MS-004", &[], &|l| l.content = master_content(&[sorted[0].clone(), sorted[0].clone()]));
    case("MS-005", &[], &|l| drop(l.certificates.pop()));
    case("MS-005", &[], &|l| drop(l.certificates.remove(0)));
    case("MS-006", &[], &|l| l.crls = t(0xA1, &world.crl().encode()));
    case("MS-007", &[], &|l| l.signers = 2);
    case("MS-002", &[], &|l| l.signer_version = 1);
    case("MS-008", &[], &|l| (l.sid, l.signer_version) = (seq(&[&ds.issuer, &t(2, &ds.serial)]), 1));
    case("MS-009", &[], &|l| l.signing_time = false);
    case("MS-010", &[], &|l| l.certificates[0] = world.list_signer(oid::DEVIATION_LIST_SIGNING_KEY).encode());
    case("MS-010", &[], &|l| l.key = world.old.clone());
    case("MS-011", &[], &|l| l.digest = seq(&[&id(oid::SHA256), &[5, 0]]));
    case("MS-012", &[], &|l| l.content = master_content(&[ds.encode()]));
    let mut case = |rule, with: &'static [&'static str], change: &dyn Fn(&mut Signed)| {
        let mut list = deviation(world);
        change(&mut list);
        out.push(Case { rule, with, kind: Some(Kind::DeviationList), bytes: list.encode(), beside: Beside::default() });
    };
    let good = description(oid::DEVIATION_DG_HASH_WRONG);
    case("DV-001", &[], &|l| l.version = 1);
    case("DV-001", &[], &|l| l.signer_version ^= 2);
    case("DV-002", &[], &|l| l.content_type = id(oid::DATA));
    case("DV-003", &[], &|l| drop(l.certificates.pop()));
    case("DV-004", &[], &|l| l.crls = t(0xA1, &world.crl().encode()));
    case("DV-005", &[], &|l| l.signers = 2);
    case("DV-006", &[], &|l| l.signing_time = false);
    case("DV-007", &[], &|l| l.unsigned = t(0xA1, &attribute("1.2.3.4", &[5, 0])));
    case("DV-008", &[], &|l| l.content = seq(&[&[2, 1, 1], &t(0x31, &[])]));
    case("DV-009", &[], &|l| l.content = deviations(&seq(&[&t(0x82, &[3; 20]), &t(0x80, b"P<")]), &good));
    case("DV-009", &[], &|l| l.content = deviations(&seq(&[&t(0x80, b"PAS")]), &good));
    case("DV-010", &[], &|l| l.content = deviations(&documents(), &seq(&[&id(oid::DEVIATION_DG_HASH_WRONG), &[5, 0]])));
    case("DV-011", &[], &|l| l.content = deviations(&documents(), &description("2.23.136.1.1.7.6")));
}
