//! `pki`: an authority in a folder, judged by OpenSSL.

use std::path::Path;
use std::process::Command;

use crate::support::{cardwright, ended, run};

fn init(dir: &Path, phrase: &Path, more: &[&str]) {
    let (dir, phrase) = (dir.display().to_string(), phrase.display().to_string());
    let mut arguments =
        vec!["pki", "init", &dir, "--country", "UT", "--state", "UTO", "--parameters", "named", "--passphrase-file", &phrase];
    arguments.extend(more);
    run(&arguments).expect(0);
}

fn openssl(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl").args(arguments).output().expect("openssl is installed");
    (output.status.success(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn openssl_verifies_the_chain_for_every_kind_of_key() {
    let folder = tempfile::tempdir().expect("folder");
    let phrase = folder.path().join("phrase");
    std::fs::write(&phrase, "correct horse\n").expect("written");
    let phrase_name = phrase.display().to_string();
    for (n, (csca, ds)) in [
        (&["--key", "P-384"][..], &["--key", "P-256"][..]),
        (&["--key", "brainpoolP384r1"], &["--key", "brainpoolP256r1"]),
        (&["--key", "rsa-3072"], &["--key", "rsa-2048", "--algorithm", "rsa-pkcs1-sha256"]),
    ]
    .into_iter()
    .enumerate()
    {
        let dir = folder.path().join(format!("ca{n}"));
        init(&dir, &phrase, csca);
        let dir_name = dir.display().to_string();
        let mut arguments =
            vec!["pki", "issue", &dir_name, "ds", "signer", "--passphrase-file", &phrase_name, "--signer-passphrase-file", &phrase_name];
        arguments.extend(ds);
        run(&arguments).expect(0);
        let root = dir.join("csca.pem");
        std::fs::write(&root, run(&["pki", "csca", &dir_name]).expect(0).stdout).expect("written");
        let (root, signer) = (root.display().to_string(), dir.join("signer.pem").display().to_string());
        let der = dir.join("signer.cer").display().to_string();
        assert!(openssl(&["x509", "-inform", "DER", "-in", &der, "-out", &signer]).0);
        let (ok, said) = openssl(&["verify", "-x509_strict", "-check_ss_sig", "-purpose", "any", "-CAfile", &root, &signer]);
        assert!(ok, "{said}");
        let listed = run(&["pki", "list", &dir_name, "--json"]).expect(0).json();
        assert_eq!((listed[0]["name"].as_str(), listed[1]["name"].as_str()), (Some("csca"), Some("signer")));
    }
}

#[test]
fn keys_lie_encrypted_and_a_wrong_pass_phrase_is_the_signers_refusal() {
    let folder = tempfile::tempdir().expect("folder");
    let (phrase, dir) = (folder.path().join("phrase"), folder.path().join("ca"));
    std::fs::write(&phrase, "correct horse\n").expect("written");
    init(&dir, &phrase, &[]);
    let key = std::fs::read_to_string(dir.join("csca.key")).expect("key file");
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{key}");
    let dir = dir.display().to_string();
    let wrong = cardwright()
        .env("CARDWRIGHT_PASSPHRASE", "wrong horse")
        .env("CARDWRIGHT_SIGNER_PASSPHRASE", "its own")
        .args(["pki", "issue", &dir, "ds"])
        .output()
        .expect("the program starts");
    let said = ended(wrong).expect(6).says(&["csca", "pass phrase"]);
    assert!(!said.stderr.contains("horse"), "{}", said.stderr);
    // without terminal, file, and environment there is nobody to ask
    let nobody = cardwright().args(["pki", "issue", &dir, "ds"]).stdin(std::process::Stdio::null()).output().expect("the program starts");
    ended(nobody).expect(2).says(&["--passphrase-file", "CARDWRIGHT_PASSPHRASE"]);
}

#[test]
fn what_breaks_the_profile_is_a_usage_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let (phrase, dir) = (folder.path().join("phrase"), folder.path().join("ca"));
    std::fs::write(&phrase, "correct horse\n").expect("written");
    let (dir_name, phrase) = (dir.display().to_string(), phrase.display().to_string());
    let init = |country: &str, key: &str| {
        run(&["pki", "init", &dir_name, "--country", country, "--state", "VNM", "--key", key, "--passphrase-file", &phrase])
    };
    init("VNM", "P-256").expect(2).says(&["authority.country", "two letters", "VNM"]);
    init("VN", "rsa-1024").expect(2).says(&["rsa-1024", "2048"]);
    init("VN", "P-1000").expect(2).says(&["brainpoolP256r1"]);
    assert!(!dir.exists());
    run(&["pki", "list", &dir_name]).expect(7).says(&[&dir_name, "pki init"]);
}
