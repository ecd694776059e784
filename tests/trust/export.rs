//! The authority's PKD records: written as the ICAO writes its own, and read back by the import.

use std::fs::File;
use std::io::BufReader;

use cardwright::trust::ldif::Records;
use eid::cert::x509::Certificate;
use eid::cert::x509::name::{escape_rfc4514, to_rfc4514};
use pki::export::{Record, ldif};

use crate::corpus::corpus;

fn read(path: &std::path::Path) -> Vec<Record> {
    let records = Records::new(BufReader::new(File::open(path).expect("a file")));
    let one = |record: cardwright::trust::ldif::Record| Record {
        dn: record.dn,
        attributes: record.attributes.into_iter().map(|a| (a.name, a.value)).collect(),
    };
    records.map(|record| one(record.expect("a record"))).collect()
}

#[test]
fn records_of_the_icao_are_written_again_octet_for_octet() {
    let Some(root) = corpus() else { return };
    for (name, records) in [("icaopkd-003-complete-000090.part1.ldif", 206), ("pkd002_BW.ldif", 3)] {
        let path = root.join("ldif").join(name);
        let original = std::fs::read_to_string(&path).expect("text");
        let found = read(&path);
        let written = ldif(&found);
        let written = if original.starts_with("version") { written.as_str() } else { written.trim_start_matches("version: 1\n\n") };
        assert!(written == original, "{name}: differs at octet {:?}", written.bytes().zip(original.bytes()).position(|(a, b)| a != b));
        assert_eq!(found.len(), records, "{name}");
    }
}

/// cn is the issuer in the form of RFC 4514, sn the serial number, and both name the record.
#[test]
fn records_are_named_as_the_icao_names_its_own() {
    let Some(root) = corpus() else { return };
    let (mut same, mut other) = (0, Vec::<String>::new());
    for record in read(&root.join("ldif/icaopkd-003-complete-000090.part1.ldif")) {
        let value = |name: &str| record.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_slice());
        let Some(certificate) = value("userCertificate;binary") else { continue };
        let certificate = Certificate::from_der(certificate).expect("a certificate");
        let (cn, sn) = (to_rfc4514(certificate.issuer()), hex::encode_upper(certificate.serial()));
        let named = format!("cn={}+sn={sn},o=dsc,", escape_rfc4514(&cn));
        // names in a directory have no case, and eight records write theirs in another
        let is_named = record.dn.to_lowercase().starts_with(&named.to_lowercase());
        if value("cn") == Some(cn.as_bytes()) && value("sn") == Some(sn.as_bytes()) && is_named {
            same += 1;
        } else {
            other.push(record.dn);
        }
    }
    assert_eq!((same, other), (188, Vec::new()));
}
