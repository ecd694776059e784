use applets::rng::SeededRng;
use eid::cert::cvc::{TrustPoint, TrustPoints};

use super::*;

fn keys(parameters: KeyParameters, algorithm: Algorithm) -> TestKeys {
    let name = KeyReference::from_octets(b"UTTESTCVCAUT001").expect("a name");
    let validity = ("2026-11-21".parse().expect("a day"), "2029-11-21".parse().expect("a day"));
    TestKeys::generate(&name, parameters, algorithm, validity, &mut SeededRng::new(b"keys")).expect("a CVCA")
}

fn ec() -> TestKeys {
    keys(KeyParameters::Ec(Curve::BrainpoolP256r1), Algorithm::Ecdsa(Hash::Sha256))
}

/// A chip without a conformance suite is the witness: what it takes, and why it refuses what it does.
#[test]
fn a_certificate_is_wrong_only_where_its_row_says_so() {
    let (mut keys, mut rng) = (ec(), SeededRng::new(b"certificates"));
    let names: Vec<_> = keys.names().map(str::to_owned).collect();
    assert_eq!(names.len(), 66 + 104);
    let points = [Some(keys.cvca()), keys.authentication_cvca()].map(|cvca| TrustPoint::of_cvca(cvca.expect("both")).expect("a CVCA"));
    let trust = TrustPoints::new(points.to_vec(), keys.cvca().effective()).expect("one of each");
    let mut malformed = Vec::new();
    for name in &names {
        let made = keys.certificate(name, &mut rng).expect(name);
        match Cvc::from_content(&made.content) {
            Err(_) => malformed.push(name.trim_start_matches("DV_CERT_").to_owned()),
            Ok(read) => {
                assert_eq!((read.authority().as_bytes(), read.holder().as_bytes()), (&made.authority[..], &made.holder[..]), "{name}");
                let row = keys.row(name).expect("a row");
                let right = trust.import(read.authority(), None, &read).is_ok();
                let whole = [CVCA, CVCA_AT].contains(&row.authority.as_str()) && row.defect.is_none() && row.role != Role::Terminal;
                assert!(
                    right == whole || ["LINK_CERT_7", "LINK_CERT_23a"].contains(&name.as_str()) && right,
                    "{name}: {:?}",
                    trust.import(read.authority(), None, &read)
                );
            }
        }
    }
    let expected =
        ["12b", "12c", "12d", "12e", "12g", "12h", "12i", "12j", "12m", "1a", "1b", "1c", "1d", "1e", "1f", "1g", "1h", "1i", "1j"];
    // a signature of another length is read, and does not verify
    let expected: Vec<_> = expected.into_iter().filter(|name| *name != "12g").collect();
    assert_eq!(malformed, expected);
}

/// The rights and extensions of authentication terminals, read by the parser of certificates.
#[test]
fn certificates_of_authentication_terminals_hold_what_their_rows_say() {
    let (mut keys, mut rng) = (ec(), SeededRng::new(b"terminals"));
    let mut read = |name: &str| Cvc::from_content(&keys.certificate(name, &mut rng).expect(name).content).expect(name);
    let (age, restricted, spare) = (read("AT_CERT_17f"), read("AT_CERT_24"), read("AT_CERT_32c"));
    assert_eq!(age.chat().describe(), "authentication terminal, terminal: age verification, CAN allowed");
    assert_eq!(age.chat().terminal(), TerminalType::Authentication);
    assert_eq!((age.extensions().len(), spare.extensions().len()), (0, 2));
    let [extension] = restricted.extensions() else { panic!("{:?}", restricted.extensions()) };
    assert_eq!(extension.oid, eid::oid::CVC_SECTOR);
    for (tag, name) in [(0x80, "SECTOR_KEY_24a"), (0x81, "SECTOR_KEY_24b")] {
        let key = keys.sector_key(name, &mut rng).expect(name);
        let mut hashes = tlv::Reader::new(&extension.content);
        let hash = std::iter::from_fn(|| hashes.next().expect("objects")).find(|object| object.tag.0 == tag).expect("a hash");
        assert_eq!(hash.value, Hash::Sha256.digest(&[&key]), "{name}");
    }
    let holders = [keys.cvca(), keys.authentication_cvca().expect("there")].map(|cvca| cvca.holder().to_string());
    assert_eq!(holders, ["UTTESTCVCAUT001", "UTTESTCVCATUT001"]);
}

#[test]
fn what_was_written_is_read_and_ready_certificates_go_first() {
    let (mut keys, mut rng) = (ec(), SeededRng::new(b"folder"));
    let folder = tempfile::tempdir().expect("a folder");
    let chain = ["DV_CERT_1", "IS_CERT_1"].map(|name| keys.certificate(name, &mut rng).expect("made"));
    keys.write(folder.path()).expect("written");
    let mut again = TestKeys::read(folder.path()).expect("read");
    assert_eq!(again, keys);
    assert!(matches!(keys.write(folder.path()), Err(TestKeysError::Io { .. })), "nothing is replaced");
    assert_eq!(["DV_CERT_1", "IS_CERT_1"].map(|name| again.certificate(name, &mut rng).expect("there")), chain);

    // a laboratory whose CVCA key stays with somebody else
    std::fs::remove_file(folder.path().join("CVCA.pkcs8")).expect("removed");
    let mut without = TestKeys::read(folder.path()).expect("read");
    assert_eq!(without.certificate("DV_CERT_1", &mut rng).expect("there"), chain[0]);
    assert!(without.sign("IS_CERT_1", b"message", &mut rng).is_ok());
    assert!(matches!(without.certificate("DV_CERT_2", &mut rng), Err(TestKeysError::Missing(_))));
    without.complete(&mut rng).expect("as far as it goes");
}

#[test]
fn what_is_no_folder_of_test_keys_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(matches!(TestKeys::read(folder.path()), Err(TestKeysError::File { .. })));
    let keys = ec();
    std::fs::write(folder.path().join("CVCA.cvcert"), keys.cvca().der()).expect("written");
    std::fs::write(folder.path().join("CVCA.pkcs8"), b"no key").expect("written");
    assert!(matches!(TestKeys::read(folder.path()), Err(TestKeysError::File { .. })));
    let other = PrivateKey::generate_ec(Curve::BrainpoolP256r1, &mut SeededRng::new(b"other"));
    std::fs::write(folder.path().join("CVCA.pkcs8"), other.to_pkcs8().expose()).expect("written");
    assert!(matches!(TestKeys::read(folder.path()), Err(TestKeysError::OtherKey(_))));
}
