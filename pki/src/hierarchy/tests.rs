//! What is accepted, and that everything else is refused with its line.

use eid::crypto::hash::Hash;

use super::*;

/// Everything by defaults.
const SHORT: &str = r#"version = 1
[authority]
country = "UT"
state = "UTO"
crl = ["http://csca.example/csca.crl"]
[csca]
[ds]
[mls]
"#;

#[test]
fn eight_lines_are_a_hierarchy() {
    let hierarchy = Hierarchy::parse(SHORT).expect("a hierarchy");
    let csca = hierarchy.csca_parameters().expect("declared");
    assert_eq!((csca.key, csca.algorithm), (KeyParameters::Ec(Curve::P384), Algorithm::Ecdsa(Hash::Sha384)));
    assert_eq!((csca.key_use_years, csca.document_years, csca.signer_days, csca.ec_parameters), (5, 10, 100, EcParameters::Explicit));
    let ds = hierarchy.ds_parameters(3).expect("declared");
    assert_eq!((ds.common_name.as_str(), ds.key_use_days, ds.document_types.len()), ("Document Signer 3", 90, 3));
    let mls = hierarchy.list_signer_parameters(ListKind::Master, 1).expect("declared");
    assert_eq!((mls.common_name.as_str(), mls.key_use_days), ("Master List Signer 1", 365));
    assert_eq!(hierarchy.list_signer_parameters(ListKind::Deviation, 1), Err(HierarchyError::NotDeclared("dls")));
    assert_eq!(hierarchy.crl.next_update, 90);
}

#[test]
fn what_is_written_is_what_is_read() {
    let mut hierarchy = Hierarchy::new("VN", "VNM", "http://csca.example/csca.crl");
    assert_eq!(Hierarchy::parse(&hierarchy.to_toml()), Ok(with_algorithm(&hierarchy)));
    hierarchy.authority.organization = Some("An \"authority\" with \\ and\nmore".to_owned());
    hierarchy.authority.unit = Some("Bộ Công an".to_owned());
    hierarchy.authority.contact = Some("csca@csca.example".to_owned());
    hierarchy.authority.parameters = EcParameters::Named;
    hierarchy.csca = Some(Csca {
        common_name: "CSCA Thử nghiệm".to_owned(),
        serial_number: Some("001".to_owned()),
        key: KeyParameters::Rsa(4096),
        algorithm: Some(Algorithm::RsaPss { hash: Hash::Sha512, mgf: Hash::Sha512, salt: 64 }),
        key_use: 3,
        token: Some("root".to_owned()),
    });
    let signers = Signers {
        common_name: Some("Signer".to_owned()),
        key_use: Some(30),
        algorithm: Some(Algorithm::Ecdsa(Hash::Sha384)),
        document_types: Some(vec!["ID".to_owned()]),
        ..Signers::default()
    };
    hierarchy.ds = Some(signers.clone());
    hierarchy.dls = Some(Signers { document_types: None, ..signers });
    hierarchy.tokens.insert(
        "root".to_owned(),
        Token { module: "/usr/lib/libp11.so".to_owned(), label: "csca".to_owned(), serial: Some("77".to_owned()), prefix: None },
    );
    assert_eq!(Hierarchy::parse(&hierarchy.to_toml()), Ok(hierarchy));
}

/// The file names the algorithm of the CSCA even where it is the usual one.
fn with_algorithm(hierarchy: &Hierarchy) -> Hierarchy {
    let csca = hierarchy.csca.clone().map(|csca| Csca { algorithm: Some(key::default_algorithm(csca.key)), ..csca });
    Hierarchy { csca, ..hierarchy.clone() }
}

#[test]
fn what_is_not_known_or_not_allowed_is_refused_with_its_line_and_key() {
    let change = |from: &str, to: &str| Hierarchy::parse(&SHORT.replacen(from, to, 1)).expect_err(to).to_string();
    for (from, to, wanted) in [
        ("version = 1", "version = 2", &["line 1", "expected 1, found 2"][..]),
        ("version = 1\n", "", &["missing field `version`"]),
        ("country = \"UT\"", "country = \"UTO\"", &["line 3", "authority.country", "two letters", "\"UTO\""]),
        ("country = \"UT\"\n", "", &["line 2", "missing field `country`"]),
        ("state = \"UTO\"", "state = \"UTO\"\nmail = \"x\"", &["line 5", "unknown field `mail`", "`contact`"]),
        ("[mls]", "[signers]", &["line 8", "unknown field `signers`", "`mls`"]),
        ("[csca]", "[csca]\nkey = \"P-1000\"", &["line 7", "brainpoolP256r1", "\"P-1000\""]),
        ("[csca]", "[csca]\nalgorithm = \"sha1\"", &["line 7", "ecdsa-sha256", "\"sha1\""]),
        ("[csca]", "[csca]\nalgorithm = \"rsa-pss-sha256\"", &["line 7", "csca.algorithm", "a key P-384", "rsa-pss-sha256"]),
        ("[csca]", "[csca]\nkey-use = \"7 years\"", &["line 7", "csca.key-use", "3 to 5 years", "7 years"]),
        ("[csca]", "[csca]\nkey-use = \"5\"", &["line 7", "5 years", "\"5\""]),
        ("[csca]", "[csca]\ntoken = \"root\"", &["line 7", "csca.token", "[token.root]"]),
        ("[ds]", "[ds]\nkey-use = \"3 moons\"", &["line 8", "90 days", "\"3 moons\""]),
        ("[mls]", "[mls]\ndocument-types = [\"ID\"]", &["line 9", "mls.document-types", "[ds]"]),
        ("[mls]", "[crl]\nnext-update = \"91 days\"", &["line 9", "1 to 90 days", "\"91 days\""]),
        ("[\"http://csca.example/csca.crl\"]", "[]", &["line 5", "authority.crl"]),
        ("http://", "ftp://", &["line 5", "authority.crl", "ftp://csca.example/csca.crl"]),
        ("[authority]", "[authority]\nparameters = \"short\"", &["line 3", "`named`", "`explicit`"]),
    ] {
        let error = change(from, to);
        assert!(error.starts_with("pki.toml"), "{error}");
        for part in wanted {
            assert!(error.contains(part), "{to}: {part} is not in {error}");
        }
    }
    // the tables of the CV side are another's to judge
    Hierarchy::parse(&format!("{SHORT}[cvca]\nholder = \"UTCVCA\"\n[dv.police]\nx = 1\n")).expect("let through");
}
