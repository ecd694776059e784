//! An authority with its keys in a token: the commands, the demo, and what its certificates have in common with others.

use std::path::Path;

use cardwright::signer::pkcs11::TokenKeys;
use eid::date::Date;
use eid::secret::Secret;
use eid::tlv;
use pki::csca::EcParameters;
use pki::hierarchy::{Csca, Signers};
use pki::{Authority, Hierarchy, Issuing, KeyParameters, KeyStore, SoftwareKeys};

use super::softhsm::{SoftHsm, alone};
use super::{openssl, pem, rng, run, token};

/// `pki.toml` of an authority with everything in the token.
fn declare(hsm: &SoftHsm, dir: &Path) {
    std::fs::create_dir(dir).expect("folder");
    let text = format!(
        r#"version = 1
[authority]
country = "UT"
state = "UTO"
crl = ["http://csca.example/csca.crl"]
parameters = "named"
[csca]
token = "root"
[ds]
token = "root"
[token.root]
module = "{}"
label = "eid"
"#,
        hsm.module().display()
    );
    std::fs::write(dir.join("pki.toml"), text).expect("written");
}

/// The certificate in OpenSSL's words, without what the key decides: key, key identifiers, serial numbers, signature.
fn words(der: &Path) -> String {
    let options = "no_pubkey,no_serial,no_sigdump";
    let (ok, text) = openssl(&["x509", "-inform", "DER", "-in", &der.display().to_string(), "-noout", "-text", "-certopt", options]);
    assert!(ok, "{text}");
    let decided_by_the_key = |line: &&str| {
        let line = line.trim().trim_start_matches("keyid:").trim_start_matches("serial:");
        !line.is_empty() && line.split(':').all(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    text.lines().filter(|line| !decided_by_the_key(line)).collect::<Vec<_>>().join("\n")
}

#[test]
fn software_and_token_give_certificates_that_differ_only_in_what_the_key_decides() {
    alone(|hsm| {
        let today = Date::new(2026, 11, 22).expect("a day");
        for (number, (csca, ds)) in
            [("P-384", "P-256"), ("brainpoolP384r1", "brainpoolP256r1"), ("rsa-3072", "rsa-2048")].into_iter().enumerate()
        {
            let parse = |name: &str| name.parse::<KeyParameters>().expect("a key");
            let mut made = Vec::new();
            for place in ["file", "token"] {
                let dir = hsm.folder().join(format!("{place}-{csca}"));
                let mut hierarchy = Hierarchy::new("UT", "UTO", "http://csca.example/csca.crl");
                hierarchy.authority.parameters = EcParameters::Named;
                hierarchy.csca = Some(Csca { key: parse(csca), ..Csca::default() });
                hierarchy.ds = Some(Signers { key: parse(ds), ..Signers::default() });
                Authority::declare(&dir, &hierarchy).expect("declared");
                let (mut authority, _) = Authority::open(&dir, today).expect("opened");
                let keys: Box<dyn KeyStore> = match place {
                    "file" => Box::new(SoftwareKeys::new(&dir, Secret::from(&b"phrase"[..]), rand_core::UnwrapErr(getrandom::SysRng))),
                    _ => Box::new(TokenKeys::new(token(hsm), "root", &format!("a{number}-"))),
                };
                authority.issue_csca(keys.as_ref(), "test", &mut rng(), today).expect("a CSCA");
                let (signer, _) = authority.signer("csca", keys.as_ref()).expect("its key");
                let issuing = Issuing { signer: signer.as_ref(), by: "test", today };
                let parameters = authority.hierarchy().ds_parameters(1).expect("declared");
                authority.issue_ds("ds", &parameters, keys.as_ref(), &issuing, &mut rng()).expect("a document signer");
                made.push(dir);
            }
            for name in ["csca.cer", "ds.cer"] {
                let (software, token) = (words(&made[0].join(name)), words(&made[1].join(name)));
                assert!(software.contains("X509v3 Private Key Usage Period") && software.lines().count() > 18, "{software}");
                assert_eq!(software, token, "{name} {csca}");
            }
            let [file, token] = made.as_slice() else { panic!("two") };
            assert!(file.join("csca.key").exists() && !token.join("csca.key").exists() && !token.join("ds.key").exists());
            for dir in [file, token] {
                let (root, signer) = (pem(&dir.join("csca.cer").display().to_string()), dir.join("ds.cer").display().to_string());
                let (ok, said) = openssl(&["verify", "-x509_strict", "-check_ss_sig", "-purpose", "any", "-CAfile", &root, &signer]);
                assert!(ok, "{said}");
            }
        }
    });
}

#[test]
fn the_commands_of_the_authority_work_with_keys_in_a_token() {
    alone(|hsm| {
        let dir = hsm.folder().join("ca");
        declare(hsm, &dir);
        let (dir, pin) = (dir.display().to_string(), hsm.pin_file().display().to_string());
        run(hsm, &["pki", "init", &dir, "--pin-file", &pin]).expect(0);
        run(hsm, &["pki", "issue", &dir, "ds", "--pin-file", &pin]).expect(0);
        let listed = run(hsm, &["pki", "list", &dir, "--json"]).expect(0).json();
        assert_eq!((listed[0]["key"].as_str(), listed[1]["key"].as_str()), (Some("token root"), Some("token root")));
        let (root, signer) = (pem(&format!("{dir}/csca.cer")), format!("{dir}/ds.cer"));
        let (ok, said) = openssl(&["verify", "-x509_strict", "-check_ss_sig", "-purpose", "any", "-CAfile", &root, &signer]);
        assert!(ok, "{said}");
        assert!(token(hsm).holds("csca").expect("asked") && token(hsm).holds("ds").expect("asked"));
    });
}

#[test]
fn what_a_token_refuses_is_the_signers_refusal() {
    alone(|hsm| {
        let dir = hsm.folder().join("ca");
        declare(hsm, &dir);
        let name = dir.display().to_string();
        let wrong = hsm.folder().join("wrong");
        std::fs::write(&wrong, "987654\n").expect("written");
        let said = run(hsm, &["pki", "init", &name, "--pin-file", &wrong.display().to_string()]).expect(6).says(&["wrong PIN", "hint"]);
        assert!(!said.stderr.contains("987654"), "{}", said.stderr);
        run(hsm, &["pki", "init", &name]).expect(2).says(&["a PIN is needed", "--pin-file FILE", "CARDWRIGHT_PIN"]);
        let toml = std::fs::read_to_string(dir.join("pki.toml")).expect("text");
        for (from, to, words) in [
            ("label = \"eid\"", "label = \"other\"", &["\"other\" is not there", "present: \"eid\"", "SOFTHSM2_CONF"][..]),
            ("/libsofthsm2.so", "/none.so", &["PKCS#11 module", "none.so", "the library of the token's maker"]),
        ] {
            std::fs::write(dir.join("pki.toml"), toml.replace(from, to)).expect("written");
            run(hsm, &["pki", "init", &name, "--pin-file", &hsm.pin_file().display().to_string()]).expect(6).says(words);
        }
        assert!(!dir.join("csca.cer").exists());
    });
}

#[test]
fn the_demo_runs_with_its_keys_in_the_token_again_and_again() {
    alone(|hsm| {
        let (module, pin) = (hsm.module().display().to_string(), hsm.pin_file().display().to_string());
        for number in 1..=2 {
            let out = hsm.folder().join(format!("D{number}"));
            let name = out.display().to_string();
            let arguments = ["demo", "--cards", "2", "--readers", "2", "--out", &name, "--date", "2026-11-21", "--json"];
            let arguments = [&arguments[..], &["--token", "eid", "--module", &module, "--pin-file", &pin]].concat();
            let summary = run(hsm, &arguments).expect(0).json();
            assert_eq!((summary["genuine"].as_u64(), summary["verified"].as_u64()), (Some(2), Some(2)));
            let keys =
                std::fs::read_dir(out.join("pki")).expect("folder").flatten().filter(|e| e.path().extension().is_some_and(|e| e == "key"));
            assert_eq!(keys.count(), 0);
            // OpenSSL verifies what the token signed: EF.SOD by the document signer, under the CSCA
            let sod = std::fs::read(out.join("lds/0001/EF.SOD")).expect("EF.SOD");
            let cms = out.join("sod.der");
            std::fs::write(&cms, tlv::single(&sod, 0x77u32).expect("tag 77").value).expect("written");
            let (cms, root) = (cms.display().to_string(), pem(&out.join("pki/csca.cer").display().to_string()));
            let at = ["-attime", "1795348800", "-purpose", "any", "-out", "/dev/null"];
            let (ok, said) = openssl(&[&["cms", "-verify", "-inform", "DER", "-in", &cms, "-CAfile", &root], &at[..]].concat());
            assert!(ok, "{said}");
        }
        let missing = run(hsm, &["demo", "--cards", "1", "--token", "other", "--module", &module, "--pin-file", &pin]);
        missing.expect(6).says(&["\"other\" is not there"]);
    });
}
