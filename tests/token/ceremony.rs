//! A ceremony whose key is in a token: the officers' shares open the PIN.

use super::softhsm::alone;
use super::{openssl, pem, run};

#[test]
fn officers_open_the_token_that_holds_the_csca_key() {
    alone(|hsm| {
        let dir = hsm.folder().join("ca");
        std::fs::create_dir(&dir).expect("folder");
        let text = format!(
            "version = 1\n[authority]\ncountry = \"UT\"\nstate = \"UTO\"\ncrl = [\"http://csca.example/csca.crl\"]\nparameters = \"named\"\n\
             [csca]\ntoken = \"root\"\n[ds]\n[token.root]\nmodule = \"{}\"\nlabel = \"eid\"\n",
            hsm.module().display()
        );
        std::fs::write(dir.join("pki.toml"), text).expect("written");
        let officer = |name: &str| {
            let file = hsm.folder().join(name);
            std::fs::write(&file, format!("secret of {name}\n")).expect("written");
            format!("{name}={}", file.display())
        };
        let (ana, ben, cho) = (officer("ana"), officer("ben"), officer("cho"));
        let (name, pin) = (dir.display().to_string(), hsm.pin_file().display().to_string());
        let all = ["--officer", &ana, "--officer", &ben, "--officer", &cho, "--needed", "2"];

        // a wrong PIN is found before it is divided
        let wrong = hsm.folder().join("wrong");
        std::fs::write(&wrong, "987654\n").expect("written");
        let wrong = wrong.display().to_string();
        let arguments = [&["pki", "ceremony", &name, "--pin-file", &wrong], &all[..]].concat();
        run(hsm, &arguments).expect(6).says(&["wrong PIN"]);
        // a rehearsal makes nothing in the token, nor in the folder
        let arguments = [&["pki", "ceremony", &name, "--rehearsal"], &all[..]].concat();
        run(hsm, &arguments).expect(0);
        assert!(!super::token(hsm).holds("csca").expect("asked"));
        let files =
            || std::fs::read_dir(&dir).expect("folder").flatten().map(|e| e.file_name().into_string().expect("text")).collect::<Vec<_>>();
        assert!(files().iter().all(|file| file == "pki.toml" || file.starts_with("register")), "{:?}", files());

        let arguments = [&["pki", "ceremony", &name, "--pin-file", &pin], &all[..]].concat();
        let told = run(hsm, &arguments).expect(0).stdout;
        assert!(told.contains("the PIN of the token was divided into 3 shares") && told.contains("made in token root"), "{told}");
        assert!(super::token(hsm).holds("csca").expect("asked") && !dir.join("csca.key").exists());
        run(hsm, &["pki", "ceremony", "verify", &name]).expect(0);

        // two officers, and no PIN anywhere
        let signer = hsm.folder().join("signer");
        std::fs::write(&signer, "signer's own\n").expect("written");
        let signer = signer.display().to_string();
        let issue = ["pki", "issue", &name, "ds", "--signer-passphrase-file", &signer];
        run(hsm, &[&issue[..], &["--officer", &cho]].concat()).expect(6).says(&["2 officers are needed, found 1", "ana, ben, cho"]);
        run(hsm, &[&issue[..], &["--officer", &cho, "--officer", &ana]].concat()).expect(0);
        let (root, signer) = (pem(&format!("{name}/csca.cer")), format!("{name}/ds.cer"));
        let (ok, said) = openssl(&["verify", "-x509_strict", "-purpose", "any", "-CAfile", &root, &signer]);
        assert!(ok, "{said}");
    });
}
