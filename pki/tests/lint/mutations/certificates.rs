//! Certificates: XC, CA, LK, DS, ML, DL, L2, BC, SP, DT, NC, and the BSI's rules for keys.

use eid::cert::spki;
use eid::cert::x509::name;
use eid::crypto::curve::Curve;
use eid::crypto::signature::PrivateKey;
use eid::oid;
use pki::lint::Kind;

use super::Case;
use crate::build::{Beside, Cert, World, alternative, oid as id, period, points, rng, seq, t, types, validity};

type Base = (&'static str, Kind, Vec<u8>, Beside);

const LDS2: &str = "2.23.136.1.1.9.8.1";
const VDS: &str = "2.23.136.1.1.11.1";
const SPOC: &str = "2.23.136.1.1.10.1";
const DTC: &str = "2.23.136.1.1.12.1";
const VDS_NC: &str = "2.23.136.1.1.14.2";
const LONG: (&str, &str) = ("2026-06-01", "2036-08-30");
const YEAR: (&str, &str) = ("2026-06-01", "2027-06-01");

fn vds(world: &World) -> Cert {
    world.small_signer("V1", VDS, ("2026-06-01", "2028-06-01"))
}

fn spoc(world: &World) -> Cert {
    let mut cert = world.small_signer("SPOC", SPOC, YEAR);
    cert.add(oid::CRL_DISTRIBUTION_POINTS, false, &points("http://csca.example/csca.crl"));
    cert
}

fn dtc(world: &World) -> Cert {
    let mut cert = world.small_signer("DTC", DTC, YEAR);
    cert.add(oid::KEY_USAGE, true, &crate::build::DIGITAL_SIGNATURE);
    cert
}

fn beside(world: &World) -> Beside {
    Beside { issuer: Some(world.csca(false).encode()), root: Some(world.csca(true).encode()), years: Some(10), ..Beside::default() }
}

/// A certificate of a German CSCA or signer as TR-03116-2 asks for.
fn german(mut cert: Cert, curve: Curve, country: bool) -> Cert {
    let own = PrivateKey::generate_ec(curve, &mut rng());
    cert.spki = spki::encode_explicit(&own.public());
    if country {
        cert.issuer = name::encode(&[(oid::COUNTRY, "DE"), (oid::COMMON_NAME, "CSCA")]);
        let text = name::values(&cert.subject, oid::COMMON_NAME).concat();
        cert.subject = name::encode(&[(oid::COUNTRY, "DE"), (oid::COMMON_NAME, &text)]);
        for dotted in [oid::SUBJECT_ALT_NAME, oid::ISSUER_ALT_NAME] {
            if cert.extensions.iter().any(|(found, _, _)| found == dotted) {
                cert.set(dotted, &alternative("D"));
            }
        }
    }
    cert
}

pub(crate) fn bases(world: &World) -> Vec<Base> {
    let all = beside(world);
    let with = |name, kind, cert: Cert| (name, kind, cert.encode(), all.clone());
    vec![
        with("root", Kind::Csca, world.csca(false)),
        with("new root", Kind::Csca, world.csca(true)),
        with("link", Kind::Link, world.link()),
        with("document signer", Kind::DocumentSigner, world.document_signer()),
        with("master list signer", Kind::MasterListSigner, world.list_signer(oid::CSCA_MASTER_LIST_SIGNING_KEY)),
        with("deviation list signer", Kind::DeviationListSigner, world.list_signer(oid::DEVIATION_LIST_SIGNING_KEY)),
        with("LDS2 signer", Kind::Lds2Signer, world.small_signer("TS", LDS2, LONG)),
        with("bar code signer", Kind::BarCodeSigner, vds(world)),
        with("SPOC", Kind::Spoc, spoc(world)),
        with("DTC signer", Kind::DtcSigner, dtc(world)),
        with("VDS-NC signer", Kind::VdsNcSigner, world.small_signer("NC", VDS_NC, YEAR)),
        (
            "German document signer",
            Kind::DocumentSigner,
            german(world.document_signer(), Curve::BrainpoolP384r1, true).encode(),
            Beside::default(),
        ),
        ("German bar code signer", Kind::BarCodeSigner, german(vds(world), Curve::BrainpoolP224r1, true).encode(), Beside::default()),
    ]
}

/// id-RSASSA-PSS with these parameters.
fn pss(parameters: &[u8]) -> Vec<u8> {
    seq(&[&id(oid::RSA_PSS), parameters])
}

fn rsa(bits: usize, parameters: &[u8]) -> Vec<u8> {
    let mut modulus = vec![0xC1; bits / 8];
    modulus.insert(0, 0);
    let key = seq(&[&t(0x02, &modulus), &t(0x02, &[1, 0, 1])]);
    seq(&[&seq(&[&id(oid::RSA_ENCRYPTION), parameters]), &t(0x03, &[&[0], key.as_slice()].concat())])
}

fn dn(pairs: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let list: Vec<u8> = pairs.iter().flat_map(|(kind, tag, value)| t(0x31, &seq(&[&id(kind), &t(*tag, value)]))).collect();
    t(0x30, &list)
}

pub(crate) fn cases(world: &World) -> Vec<Case> {
    let mut out = Vec::new();
    general(world, &mut out);
    roots(world, &mut out);
    links(world, &mut out);
    signers(world, &mut out);
    others(world, &mut out);
    out
}

fn general(world: &World, out: &mut Vec<Case>) {
    let mut case = |rule, with: &'static [&'static str], change: &dyn Fn(&mut Cert)| {
        let mut cert = world.document_signer();
        change(&mut cert);
        out.push(Case { rule, with, kind: Some(Kind::DocumentSigner), bytes: cert.encode(), beside: Beside::default() });
    };
    let point = |cert: &Cert| cert.spki.windows(3).rposition(|w| w == [0x42, 0, 4]).expect("a point") + 2;
    case("XC-001", &[], &|c| c.extensions[0].1 = Some(0));
    case("XC-001", &[], &|c| c.set(oid::KEY_USAGE, &[3, 2, 0, 0x80]));
    case("XC-001", &[], &|c| c.trailing = vec![0]);
    case("XC-002", &[], &|c| c.version = t(0xA0, &[2, 1, 1]));
    case("XC-002", &[], &|c| c.version = Vec::new());
    case("XC-003", &[], &|c| c.serial = vec![0x80]);
    case("XC-003", &[], &|c| c.serial = vec![0]);
    case("XC-003", &[], &|c| c.serial = vec![1; 21]);
    case("XC-003", &["XC-001"], &|c| c.serial = vec![0, 1]);
    case("XC-004", &[], &|c| c.outer = Some(seq(&[&id(oid::ECDSA_SHA384)])));
    case("XC-005", &[], &|c| c.algorithm = seq(&[&id("1.2.3.4")]));
    case("XC-005", &[], &|c| c.algorithm = seq(&[&id(oid::ECDSA_SHA256), &[5, 0]]));
    case("XC-005", &[], &|c| c.algorithm = seq(&[&id(oid::RSA_SHA256)]));
    case("XC-006", &[], &|c| c.algorithm = seq(&[&id(oid::ECDSA_SHA1)]));
    case("XC-006", &[], &|c| c.algorithm = seq(&[&id("1.2.840.113549.1.1.4"), &[5, 0]]));
    case("XC-007", &[], &|c| c.algorithm = pss(&[]));
    let sha256 = seq(&[&id(oid::SHA256), &[5, 0]]);
    case("XC-007", &[], &|c| c.algorithm = pss(&seq(&[&t(0xA0, &sha256)])));
    let country = |tag, value: &[u8]| dn(&[(oid::COUNTRY, tag, value), (oid::COMMON_NAME, 0x0C, b"X")]);
    let both = |c: &mut Cert, name: Vec<u8>| (c.issuer, c.subject) = (name.clone(), name);
    case("XC-008", &[], &|c| both(c, country(0x0C, b"VN")));
    case("XC-008", &[], &|c| both(c, country(0x13, b"vn")));
    case("XC-009", &[], &|c| c.issuer = dn(&[(oid::COUNTRY, 0x13, b"VN")]));
    case("XC-009", &[], &|c| c.issuer = dn(&[(oid::COUNTRY, 0x13, b"VN"), (oid::COMMON_NAME, 0x14, b"CSCA")]));
    case("XC-010", &[], &|c| c.subject = dn(&[(oid::COUNTRY, 0x13, b"VN"), (oid::SERIAL_NUMBER, 0x0C, b"1")]));
    case("XC-011", &[], &|c| c.subject = dn(&[(oid::COUNTRY, 0x13, b"VN"), (oid::ORGANIZATION, 0x14, b"X")]));
    case("XC-011", &[], &|c| c.subject = dn(&[(oid::COUNTRY, 0x13, b"VN"), (oid::COMMON_NAME, 0x13, b"a*b")]));
    case("XC-012", &[], &|c| c.subject = dn(&[(oid::COUNTRY, 0x0C, b"VN"), (oid::COMMON_NAME, 0x0C, b"X")]));
    case("XC-012", &[], &|c| c.subject = dn(&[(oid::COMMON_NAME, 0x0C, b"X")]));
    let end = |text: &[u8], tag| seq(&[&crate::build::time("2026-06-01"), &t(tag, text)]);
    case("XC-013", &[], &|c| c.validity = end(b"20360830000000Z", 0x18));
    case("XC-013", &[], &|c| c.validity = end(b"3608300000Z", 0x17));
    case("XC-013", &[], &|c| c.validity = end(b"360830000000+0000", 0x17));
    case("XC-014", &["DS-016"], &|c| {
        c.validity = validity("2026-06-01", "2026-05-01");
    });
    case("XC-015", &[], &|c| c.spki = rsa(2048, &[]));
    case("XC-015", &[], &|c| c.spki = seq(&[&seq(&[&id("1.2.3.4")]), &t(0x03, &[0, 1])]));
    case("XC-016", &[], &|c| c.spki = spki::encode(&world.ds.public()));
    case("XC-016", &[], &|c| {
        // the cofactor goes, four lengths around it shrink
        let key = spki::parse(&c.spki).expect("a key");
        let d = Curve::P256.parameters();
        let number = |n: &[u8]| t(0x02, &[&[0], n].concat());
        let field = seq(&[&id(oid::PRIME_FIELD), &number(d.p)]);
        let parameters = seq(&[&t(2, &[1]), &field, &seq(&[&t(4, d.a), &t(4, d.b)]), &t(4, &[&[4], d.x, d.y].concat()), &number(d.n)]);
        c.spki = seq(&[&seq(&[&id(oid::EC_PUBLIC_KEY), &parameters]), &t(3, &[&[0], key.bits.as_slice()].concat())]);
    });
    case("XC-017", &[], &|c| {
        let at = point(c);
        c.spki[at] = 2;
    });
    case("XC-018", &[], &|c| c.unique = t(0x81, &[0, 1]));
    case("XC-019", &[], &|c| c.add("1.2.3.4", true, &[5, 0]));
    case("XC-020", &[], &|c| c.extensions.push(c.extensions[0].clone()));
    case("XC-021", &[], &|c| {
        let at = point(c) + 40;
        c.spki[at] ^= 1;
    });
    case("XC-021", &[], &|c| {
        let at = point(c);
        c.spki[at] = 0;
    });
    case("XC-022", &[], &|c| c.spki = rsa(1024, &[5, 0]));
    case("XC-022", &[], &|c| c.spki = spki::encode_explicit(&PrivateKey::generate_ec(Curve::P192, &mut rng()).public()));
}

fn roots(world: &World, out: &mut Vec<Case>) {
    let mut case = |rule, with: &'static [&'static str], change: &dyn Fn(&mut Cert)| {
        let mut cert = world.csca(false);
        change(&mut cert);
        let beside = Beside { years: Some(10), ..Beside::default() };
        out.push(Case { rule, with, kind: Some(Kind::Csca), bytes: cert.encode(), beside });
    };
    case("CA-001", &[], &|c| c.subject = name::encode(&[(oid::COUNTRY, "VN"), (oid::COMMON_NAME, "Other")]));
    case("CA-002", &[], &|c| c.key = world.ds.clone());
    case("CA-003", &[], &|c| c.set(oid::AUTHORITY_KEY_IDENTIFIER, &seq(&[])));
    case("CA-004", &[], &|c| c.remove(oid::SUBJECT_KEY_IDENTIFIER));
    case("CA-005", &[], &|c| c.flip(oid::KEY_USAGE));
    case("CA-005", &[], &|c| c.set(oid::KEY_USAGE, &[3, 2, 2, 4]));
    case("CA-006", &[], &|c| c.set(oid::PRIVATE_KEY_USAGE_PERIOD, &period("2026-01-01", "2027-12-31")));
    case("CA-006", &[], &|c| c.set(oid::PRIVATE_KEY_USAGE_PERIOD, &seq(&[&t(0x80, b"260101000000Z")])));
    case("CA-007", &[], &|c| c.add(oid::CERTIFICATE_POLICIES, true, &seq(&[&seq(&[&id("1.2.3.4")])])));
    case("CA-008", &[], &|c| c.add("2.5.29.33", false, &seq(&[])));
    case("CA-009", &["CA-010"], &|c| c.set(oid::SUBJECT_ALT_NAME, &seq(&[&t(0x81, b"a@b.example")])));
    case("CA-009", &[], &|c| {
        c.set(oid::SUBJECT_ALT_NAME, &alternative("DEU"));
        c.set(oid::ISSUER_ALT_NAME, &alternative("DEU"));
    });
    case("CA-010", &[], &|c| c.remove(oid::ISSUER_ALT_NAME));
    case("CA-011", &[], &|c| c.add("2.5.29.9", false, &seq(&[])));
    case("CA-012", &[], &|c| c.set(oid::BASIC_CONSTRAINTS, &seq(&[&[1, 1, 0xFF]])));
    case("CA-012", &[], &|c| c.flip(oid::BASIC_CONSTRAINTS));
    case("CA-013", &[], &|c| c.add("2.5.29.30", false, &seq(&[])));
    case("CA-014", &[], &|c| c.add("2.5.29.36", false, &seq(&[])));
    case("CA-015", &[], &|c| c.add(oid::EXT_KEY_USAGE, false, &seq(&[&id("1.2.3.4")])));
    case("CA-016", &[], &|c| c.set(oid::CRL_DISTRIBUTION_POINTS, &points("ftp://csca.example/csca.crl")));
    case("CA-017", &[], &|c| c.add("2.5.29.54", false, &t(2, &[0])));
    case("CA-018", &[], &|c| c.add("2.5.29.46", false, &seq(&[])));
    case("CA-019", &[], &|c| c.add("1.3.6.1.5.5.7.1.1", true, &seq(&[])));
    case("CA-020", &[], &|c| c.add(oid::NAME_CHANGE, false, &seq(&[])));
    case("CA-021", &[], &|c| c.add(oid::DOCUMENT_TYPE_LIST, false, &types(&["P"])));
    case("CA-022", &[], &|c| c.add("2.16.840.1.113730.1.13", false, &t(0x16, b"x")));
    case("CA-023", &[], &|c| c.validity = validity("2026-01-01", "2036-01-01"));
    case("CA-023", &[], &|c| c.validity = validity("2026-01-01", "2049-01-01"));
    // SHA-512 is what the BSI asks for: no test key signs with it, so any German root of this test breaks the rule
    let mut cert = german(world.csca(false), Curve::BrainpoolP384r1, true);
    cert.subject = cert.issuer.clone();
    let own = PrivateKey::generate_ec(Curve::BrainpoolP384r1, &mut rng());
    cert.spki = spki::encode_explicit(&own.public());
    cert.key = own;
    out.push(Case { rule: "BR-001", with: &[], kind: Some(Kind::Csca), bytes: cert.encode(), beside: Beside::default() });
}

fn links(world: &World, out: &mut Vec<Case>) {
    let mut case = |rule, with: &'static [&'static str], change: &dyn Fn(&mut Cert)| {
        let mut cert = world.link();
        change(&mut cert);
        out.push(Case { rule, with, kind: Some(Kind::Link), bytes: cert.encode(), beside: beside(world) });
    };
    let other = name::encode(&[(oid::COUNTRY, "VN"), (oid::COMMON_NAME, "New CSCA")]);
    case("LK-001", &["LK-011"], &|c| c.subject = other.clone());
    case("LK-002", &[], &|c| c.key = world.new.clone());
    case("LK-003", &[], &|c| c.set(oid::AUTHORITY_KEY_IDENTIFIER, &seq(&[&t(0x80, &[9; 20])])));
    case("LK-003", &[], &|c| c.remove(oid::AUTHORITY_KEY_IDENTIFIER));
    case("LK-004", &[], &|c| c.set(oid::SUBJECT_KEY_IDENTIFIER, &t(4, &[9; 20])));
    case("LK-005", &[], &|c| c.set(oid::KEY_USAGE, &crate::build::DIGITAL_SIGNATURE));
    case("LK-006", &[], &|c| c.set(oid::PRIVATE_KEY_USAGE_PERIOD, &period("2029-01-01", "2032-12-31")));
    case("LK-007", &[], &|c| c.set(oid::BASIC_CONSTRAINTS, &seq(&[&[1, 1, 0xFF], &[2, 1, 1]])));
    case("LK-008", &[], &|c| c.remove(oid::SUBJECT_ALT_NAME));
    case("LK-009", &[], &|c| {
        c.set(oid::ISSUER_ALT_NAME, &seq(&[&t(0xA4, &name::encode(&[(oid::LOCALITY, "VNM"), (oid::ORGANIZATION, "X")]))]))
    });
    case("LK-010", &[], &|c| c.remove(oid::CRL_DISTRIBUTION_POINTS));
    case("LK-011", &[], &|c| c.add(oid::NAME_CHANGE, false, &[5, 0]));
    case("LK-011", &[], &|c| {
        c.subject = other.clone();
        c.add(oid::NAME_CHANGE, false, &[2, 1, 0]);
    });
    case("LK-012", &[], &|c| c.spki = spki::encode_explicit(&world.ds.public()));
    case("LK-013", &[], &|c| c.add(oid::EXT_KEY_USAGE, false, &seq(&[&id("1.2.3.4")])));
    case("LK-014", &[], &|c| c.add(oid::DOCUMENT_TYPE_LIST, false, &types(&["P"])));
}

fn signers(world: &World, out: &mut Vec<Case>) {
    let mut case = |rule, with: &'static [&'static str], change: &dyn Fn(&mut Cert)| {
        let mut cert = world.document_signer();
        change(&mut cert);
        out.push(Case { rule, with, kind: Some(Kind::DocumentSigner), bytes: cert.encode(), beside: beside(world) });
    };
    case("DS-001", &[], &|c| c.issuer = name::encode(&[(oid::COUNTRY, "VN"), (oid::COMMON_NAME, "csca")]));
    case("DS-002", &[], &|c| c.key = world.new.clone());
    case("DS-002", &[], &|c| {
        c.validity = validity("2025-12-01", "2036-02-28");
        c.set(oid::PRIVATE_KEY_USAGE_PERIOD, &period("2025-12-01", "2026-02-28"));
    });
    case("DS-003", &[], &|c| c.set(oid::AUTHORITY_KEY_IDENTIFIER, &seq(&[&t(0x80, &[9; 20])])));
    case("DS-003", &[], &|c| c.flip(oid::AUTHORITY_KEY_IDENTIFIER));
    case("DS-004", &[], &|c| c.flip(oid::SUBJECT_KEY_IDENTIFIER));
    case("DS-005", &[], &|c| c.set(oid::KEY_USAGE, &[3, 2, 6, 0xC0]));
    case("DS-005", &[], &|c| c.remove(oid::KEY_USAGE));
    case("DS-006", &[], &|c| c.set(oid::PRIVATE_KEY_USAGE_PERIOD, &seq(&[])));
    case("DS-006", &[], &|c| c.flip(oid::PRIVATE_KEY_USAGE_PERIOD));
    case("DS-007", &[], &|c| c.add(oid::CERTIFICATE_POLICIES, true, &seq(&[])));
    case("DS-008", &[], &|c| c.remove(oid::SUBJECT_ALT_NAME));
    case("DS-008", &[], &|c| c.set(oid::SUBJECT_ALT_NAME, &alternative("Viet Nam")));
    case("DS-009", &[], &|c| c.set(oid::ISSUER_ALT_NAME, &alternative("FRA")));
    case("DS-010", &[], &|c| c.add(oid::BASIC_CONSTRAINTS, true, &seq(&[])));
    case("DS-011", &[], &|c| c.add(oid::EXT_KEY_USAGE, false, &seq(&[&id("1.2.3.4")])));
    case("DS-012", &[], &|c| c.remove(oid::CRL_DISTRIBUTION_POINTS));
    case("DS-013", &[], &|c| c.set(oid::DOCUMENT_TYPE_LIST, &types(&["PAS"])));
    case("DS-013", &[], &|c| c.set(oid::DOCUMENT_TYPE_LIST, &seq(&[&t(0x31, &t(0x13, b"P"))])));
    case("DS-014", &[], &|c| c.add(oid::NAME_CHANGE, false, &[5, 0]));
    for other in ["2.5.29.33", "2.5.29.30", "2.5.29.36", "2.5.29.54", "2.5.29.46", "2.5.29.9"] {
        case("DS-015", &[], &|c| c.add(other, false, &seq(&[])));
    }
    case("DS-016", &[], &|c| c.validity = validity("2026-06-01", "2031-08-30"));
    case("DS-016", &[], &|c| c.validity = validity("2026-06-01", "2039-08-30"));
    case("DS-017", &["DS-016"], &|c| c.set(oid::PRIVATE_KEY_USAGE_PERIOD, &period("2026-06-01", "2027-06-01")));
    case("DS-018", &["DS-016"], &|c| c.validity = validity("2026-06-01", "2041-06-01"));
    let german = german(world.document_signer(), Curve::BrainpoolP256r1, true).encode();
    out.push(Case { rule: "BR-002", with: &[], kind: Some(Kind::DocumentSigner), bytes: german, beside: Beside::default() });
}

fn others(world: &World, out: &mut Vec<Case>) {
    let mut case = |kind, base: Cert, rule, with: &'static [&'static str], change: &dyn Fn(&mut Cert)| {
        let mut cert = base;
        change(&mut cert);
        out.push(Case { rule, with, kind: Some(kind), bytes: cert.encode(), beside: beside(world) });
    };
    let ml = || world.list_signer(oid::CSCA_MASTER_LIST_SIGNING_KEY);
    let kind = Kind::MasterListSigner;
    case(kind, ml(), "ML-001", &[], &|c| c.remove(oid::AUTHORITY_KEY_IDENTIFIER));
    case(kind, ml(), "ML-002", &[], &|c| c.remove(oid::SUBJECT_KEY_IDENTIFIER));
    case(kind, ml(), "ML-003", &[], &|c| c.flip(oid::KEY_USAGE));
    case(kind, ml(), "ML-004", &[], &|c| c.flip(oid::EXT_KEY_USAGE));
    case(kind, ml(), "ML-004", &[], &|c| c.set(oid::EXT_KEY_USAGE, &seq(&[&id(oid::CSCA_MASTER_LIST_SIGNING_KEY), &id("1.2.3.4")])));
    case(kind, ml(), "ML-005", &[], &|c| c.add(oid::PRIVATE_KEY_USAGE_PERIOD, true, &period("2026-06-01", "2027-06-01")));
    case(kind, ml(), "ML-006", &[], &|c| c.remove(oid::ISSUER_ALT_NAME));
    case(kind, ml(), "ML-007", &[], &|c| c.add(oid::BASIC_CONSTRAINTS, true, &seq(&[])));
    case(kind, ml(), "ML-008", &[], &|c| c.remove(oid::CRL_DISTRIBUTION_POINTS));
    case(kind, ml(), "ML-009", &[], &|c| c.add(oid::DOCUMENT_TYPE_LIST, false, &types(&["P"])));
    case(kind, ml(), "ML-010", &[], &|c| {
        for name in [&mut c.issuer, &mut c.subject] {
            *name = name::encode(&[(oid::COUNTRY, "LA"), (oid::COMMON_NAME, "X")]);
        }
        for dotted in [oid::SUBJECT_ALT_NAME, oid::ISSUER_ALT_NAME] {
            c.set(dotted, &alternative("LAO"));
        }
    });
    let dl = || world.list_signer(oid::DEVIATION_LIST_SIGNING_KEY);
    let kind = Kind::DeviationListSigner;
    case(kind, dl(), "DL-001", &[], &|c| c.set(oid::EXT_KEY_USAGE, &seq(&[&id(oid::CSCA_MASTER_LIST_SIGNING_KEY)])));
    case(kind, dl(), "DL-002", &[], &|c| c.remove(oid::KEY_USAGE));
    case(kind, dl(), "DL-003", &[], &|c| c.set(oid::AUTHORITY_KEY_IDENTIFIER, &seq(&[&t(0x80, &[9; 20])])));
    case(kind, dl(), "DL-004", &[], &|c| c.remove(oid::SUBJECT_ALT_NAME));
    case(kind, dl(), "DL-005", &[], &|c| c.remove(oid::CRL_DISTRIBUTION_POINTS));
    case(kind, dl(), "DL-006", &[], &|c| c.add(oid::DOCUMENT_TYPE_LIST, false, &types(&["P"])));
    let l2 = || world.small_signer("TS", LDS2, LONG);
    let kind = Kind::Lds2Signer;
    let long = name::encode(&[(oid::COUNTRY, "VN"), (oid::COMMON_NAME, "Ten letters")]);
    case(kind, l2(), "L2-001", &[], &|c| c.subject = long.clone());
    case(kind, l2(), "L2-002", &[], &|c| c.add(oid::KEY_USAGE, true, &crate::build::DIGITAL_SIGNATURE));
    case(kind, l2(), "L2-002", &[], &|c| c.remove(oid::AUTHORITY_KEY_IDENTIFIER));
    case(kind, l2(), "L2-003", &[], &|c| c.set(oid::EXT_KEY_USAGE, &seq(&[&id("2.23.136.1.1.9.8.4")])));
    case(kind, l2(), "L2-004", &[], &|c| c.spki = rsa(2048, &[5, 0]));
    case(kind, l2(), "L2-005", &[], &|c| {
        c.issuer = name::encode(&[(oid::COUNTRY, "VN"), (oid::COMMON_NAME, &"x".repeat(600))]);
    });
    case(kind, l2(), "L2-006", &[], &|c| c.validity = validity("2026-06-01", "2026-08-01"));
    let kind = Kind::BarCodeSigner;
    let named = |text: &str| name::encode(&[(oid::COUNTRY, "VN"), (oid::COMMON_NAME, text)]);
    case(kind, vds(world), "BC-001", &[], &|c| c.subject = named("v1"));
    case(kind, vds(world), "BC-004", &[], &|c| c.remove(oid::AUTHORITY_KEY_IDENTIFIER));
    case(kind, vds(world), "BC-005", &[], &|c| c.add(oid::DOCUMENT_TYPE_LIST, true, &types(&["V"])));
    case(kind, vds(world), "BC-006", &[], &|c| c.flip(oid::EXT_KEY_USAGE));
    case(kind, vds(world), "BC-007", &[], &|c| c.add(oid::KEY_USAGE, true, &crate::build::DIGITAL_SIGNATURE));
    case(kind, vds(world), "BC-008", &[], &|c| c.spki = rsa(2048, &[5, 0]));
    case(kind, german(vds(world), Curve::P256, true), "BR-004", &[], &|_| {});
    let kind = Kind::Spoc;
    case(kind, spoc(world), "SP-001", &[], &|c| c.set(oid::EXT_KEY_USAGE, &seq(&[&id(SPOC), &id("1.3.6.1.5.5.7.3.1")])));
    case(kind, spoc(world), "SP-002", &[], &|c| c.set(oid::EXT_KEY_USAGE, &seq(&[&id("2.23.136.1.1.10.2")])));
    case(kind, spoc(world), "SP-003", &[], &|c| c.remove(oid::CRL_DISTRIBUTION_POINTS));
    case(kind, spoc(world), "SP-005", &[], &|c| c.validity = validity("2026-06-01", "2029-06-01"));
    let kind = Kind::DtcSigner;
    case(kind, dtc(world), "DT-001", &[], &|c| c.set(oid::EXT_KEY_USAGE, &seq(&[&id("1.2.3.4")])));
    case(kind, dtc(world), "DT-002", &[], &|c| c.issuer = named("Other"));
    case(kind, dtc(world), "DT-003", &[], &|c| c.remove(oid::KEY_USAGE));
    let nc = || world.small_signer("NC", VDS_NC, YEAR);
    let kind = Kind::VdsNcSigner;
    case(kind, nc(), "NC-001", &[], &|c| c.flip(oid::EXT_KEY_USAGE));
    case(kind, nc(), "NC-002", &[], &|c| c.add(oid::DOCUMENT_TYPE_LIST, true, &types(&["NT"])));
    let weak = spki::encode_explicit(&PrivateKey::generate_ec(Curve::P224, &mut rng()).public());
    case(kind, nc(), "NC-003", &[], &|c| c.spki = weak.clone());
}
