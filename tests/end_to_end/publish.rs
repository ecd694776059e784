//! What an authority publishes, takes in, and takes back: every example of its help is run as it stands, and a card of a revoked signer is
//! refused.

use std::path::Path;
use std::process::Command;

use crate::support::{Ended, cardwright, ended, run};
use crate::walk::{demo, result, verify};

const PHRASE: &str = "correct horse";

/// Everything that the examples need, in few lines.
const HIERARCHY: &str = r#"version = 1
[authority]
country = "VN"
state = "VNM"
crl = ["http://csca.example/csca.crl"]
parameters = "named"
[csca]
[ds]
[mls]
[dls]
"#;

const DEVIATIONS: &str = r#"version = 1
[[deviation]]
signer = { certificate = "ds" }
[[deviation.description]]
type = "LDS-DGHashWrong"
data_group = 2
"#;

/// Runs `line` of a help text in `folder` as a shell would.
fn shell(folder: &Path, line: &str) -> Ended {
    let program = Path::new(env!("CARGO_BIN_EXE_cardwright"));
    let path = format!("{}:{}", program.parent().expect("a folder").display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(folder).env("PATH", path);
    command.env("CARDWRIGHT_PASSPHRASE", PHRASE).env("CARDWRIGHT_SIGNER_PASSPHRASE", PHRASE);
    ended(command.output().expect("a shell"))
}

/// The examples in the help of a command.
fn examples(command: &[&str]) -> Vec<String> {
    let help = cardwright().args(command).arg("--help").output().expect("the program starts");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    let lines = help.lines().skip_while(|line| *line != "Example:").skip(1).take_while(|line| line.starts_with("  cardwright "));
    let found: Vec<_> = lines.map(|line| line.trim().to_owned()).collect();
    assert!(!found.is_empty(), "{command:?} has no example");
    found
}

/// An authority `ca` in `folder` with a document signer and signers of both lists.
fn authority(folder: &Path) {
    std::fs::create_dir(folder.join("ca")).expect("a folder");
    std::fs::write(folder.join("ca/pki.toml"), HIERARCHY).expect("written");
    shell(folder, "cardwright pki init ca && cardwright pki issue ca ds").expect(0);
}

fn openssl(folder: &Path, arguments: &str) -> String {
    let output = Command::new("sh").args(["-c", &format!("openssl {arguments}")]).current_dir(folder).output().expect("a shell");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn every_example_of_the_help_runs_as_it_stands() {
    let folder = tempfile::tempdir().expect("folder");
    let folder = folder.path();
    authority(folder);
    shell(folder, "cardwright pki init ut --country UT --state UTO --parameters named && cp ut/csca.cer UT_CSCA.cer").expect(0);
    std::fs::write(folder.join("deviations.toml"), DEVIATIONS).expect("written");
    std::fs::create_dir(folder.join("works")).expect("a folder");
    let example = |command: &str| {
        for line in examples(&["pki", command]) {
            shell(folder, &line).expect(0);
        }
    };
    example("import");
    example("crl");
    example("master-list");
    example("deviation-list");
    example("export");
    example("request");
    std::fs::copy(folder.join("works/ds-7.csr"), folder.join("ds-7.csr")).expect("sent");
    for line in examples(&["pki", "issue", "ca", "ds"]) {
        shell(folder, &line).expect(0);
    }
    example("revoke");
    example("crl");

    // what OpenSSL says of it
    shell(folder, "cardwright pki csca ca > csca.pem").expect(0);
    let said = openssl(folder, "crl -inform DER -in ca/csca.crl -CAfile csca.pem -out crl.pem");
    assert!(said.contains("verify OK"), "{said}");
    for (name, wanted) in [("ds", "error 23"), ("ds-7", "OK")] {
        let pem = openssl(folder, &format!("x509 -inform DER -in ca/{name}.cer -out {name}.pem"));
        let verify =
            openssl(folder, &format!("verify -crl_check -no_check_time -purpose any -CAfile csca.pem -CRLfile crl.pem {name}.pem"));
        println!("{pem}{verify}");
        assert!(verify.contains(wanted), "{name}: {verify}");
    }
    for list in ["master-list.ml", "deviation-list.dvl"] {
        let said = openssl(folder, &format!("cms -verify -inform DER -purpose any -CAfile csca.pem -in ca/{list} -out /dev/null"));
        assert!(said.contains("CMS Verification successful"), "{list}: {said}");
    }
    let said = openssl(folder, "req -verify -noout -in ds-7.csr");
    assert!(said.contains("verify OK"), "{said}");

    // and our own import: the records for the PKD, proved by the root alone
    let imported = shell(folder, "cardwright trust import --store T ca/csca.cer vn-pkd.ldif --json").expect(0).json();
    assert_eq!(imported["new"]["crls"].as_u64(), Some(1), "{imported}");
    let listed = shell(folder, "cardwright trust list --store T --country UT").expect(0);
    assert_eq!(listed.stdout.lines().count(), 1, "the certificate that was handed over came with the master list: {}", listed.stdout);
    let imported = shell(folder, "cardwright trust import --store T ca/deviation-list.dvl --json").expect(0).json();
    assert_eq!(imported["new"]["deviation_lists"].as_u64(), Some(1), "{imported}");
    let linted = shell(folder, "cardwright pki register ca verify").expect(0);
    println!("{}", linted.stdout);
}

#[test]
fn the_card_of_a_revoked_signer_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let folder = folder.path();
    let demo = demo();
    let said = Command::new("cp").args(["-r", &demo.path("pki"), &demo.path("cards/0015.card")]).arg(folder).output().expect("cp");
    assert!(said.status.success());
    let (card, store) = (folder.join("0015.card").display().to_string(), folder.join("T").display().to_string());
    let pki = |arguments: &str| {
        let line = format!("CARDWRIGHT_PASSPHRASE='{}' cardwright pki {arguments}", cardwright::demo::PASS_PHRASE);
        shell(folder, &line)
    };
    let judge = |code: i32| {
        run(&["trust", "import", "--store", &store, &folder.join("pki/csca.cer").display().to_string()]).expect(0);
        run(&["trust", "import", "--store", &store, &folder.join("pki/csca.crl").display().to_string()]).expect(0);
        verify(&card, &["--can", &demo.can(15), "--trust", &store]).expect(code).json()
    };
    pki("crl pki").expect(0);
    assert_eq!(result(&judge(0), "pa.revocation"), "passed");
    pki("revoke pki ds --reason keyCompromise").expect(0);
    pki("crl pki").expect(0);
    assert_eq!(result(&judge(1), "pa.revocation"), "failed");
}

#[test]
fn what_is_refused_says_why_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let folder = folder.path();
    authority(folder);
    let head = || std::fs::read(folder.join("ca/register.head")).expect("a head file");
    let before = head();
    let refused = |line: &str, code: i32, words: &[&str]| {
        shell(folder, line).expect(code).says(words);
    };
    refused("cardwright pki revoke ca ds-9 --reason superseded", 2, &["ds-9", "hint:", "pki list"]);
    refused("cardwright pki revoke ca csca --reason cACompromise", 2, &["csca", "root"]);
    refused("cardwright pki revoke ca ds --reason certificateHold", 2, &["keyCompromise", "certificateHold"]);
    refused("cardwright pki import ca ca/ds.cer --from somebody", 2, &["ca/ds.cer", "issues no certificates"]);
    refused("cardwright pki import ca ca/csca.cer --from somebody", 2, &["VN itself"]);
    refused("cardwright pki import ca ca/pki.toml --from somebody", 2, &["ca/pki.toml", "certificates in DER or PEM"]);
    refused("cardwright pki import ca nowhere.cer --from somebody", 7, &["nowhere.cer"]);
    refused("echo 'version = 1' > d.toml; cardwright pki deviation-list ca --from d.toml", 2, &["d.toml", "deviation"]);
    refused("cardwright pki issue ca ds ds-7 --request ca/ds.cer", 2, &["ca/ds.cer", "request"]);
    refused("cardwright pki request . Ds --country VN --state VNM --common-name x", 2, &["a-z", "Ds"]);
    refused("CARDWRIGHT_PASSPHRASE=wrong cardwright pki crl ca", 6, &["pass phrase"]);
    refused("CARDWRIGHT_SIGNER_PASSPHRASE=wrong cardwright pki master-list ca", 6, &["pass phrase"]);
    refused("cardwright pki master-list ca --signer ds-9", 2, &["ds-9"]);
    assert_eq!(head(), before, "nothing was written");
    let lists = ["csca.crl", "master-list.ml", "deviation-list.dvl"];
    assert!(lists.iter().all(|name| !folder.join("ca").join(name).exists()));

    // a signer for another list: the number is burned, the list is not given out
    refused("cardwright pki master-list ca --signer ds", 2, &["2.23.136.1.1.3"]);
    assert!(!folder.join("ca/master-list.ml").exists());
    // nothing is ever overwritten
    shell(folder, "cardwright pki export ca --out out.ldif && cardwright pki request . ds-7 --country VN --state VNM --common-name x")
        .expect(0);
    refused("cardwright pki export ca --out out.ldif", 7, &["out.ldif", "exists"]);
    refused("cardwright pki request . ds-7 --country VN --state VNM --common-name x", 7, &["ds-7.csr", "exists"]);
    // revoked is revoked, once
    shell(folder, "cardwright pki revoke ca ds --reason superseded").expect(0);
    refused("cardwright pki revoke ca ds --reason keyCompromise", 2, &["ds", "superseded"]);
    shell(folder, "cardwright pki crl ca").expect(0);
    refused("cardwright pki crl ca", 2, &["CR-017", "48 hours"]);
}
