//! The life of a PKI: year 0 CSCA and signers, year 3 the next key, year 4 a revocation, year 5 another name. Who holds only the first root
//! accepts documents of all years through the link certificates, and refuses those of the signer that was revoked. Everything that was made
//! is judged by OpenSSL, and by BouncyCastle where EC parameters are explicit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use eid::cert::Time;
use eid::cert::crl::{Crl, Reason};

use eid::cert::trust::{Entry, TrustStore};
use eid::cert::x509::Certificate;
use eid::crypto::hash::Hash;
use eid::date::Date;
use eid::lds::sod;
use eid::oid;
use eid::protocol::finding::Outcome;
use eid::protocol::passive_auth::{Input, Verdict, passive_authentication};
use pki::crl::{self, CrlParameters, Revocation};
use pki::csca::EcParameters;
use pki::register::{Event, Kind};
use pki::{Authority, Hierarchy, Issuing, ListKind, hierarchy, status};

use crate::support::{files, keys, openssl, rng};

const NAME: &str = "CSCA Test";
const NEW_NAME: &str = "CSCA Test, new name";

fn day(year: u16) -> Date {
    Date::new(2026 + year, 11, 21).expect("a day")
}

/// An authority after five years, and a document of each year: SOD and the day it was signed.
struct Story {
    folder: PathBuf,
    documents: BTreeMap<u16, Vec<u8>>,
    crls: Vec<Crl>,
    _keep: tempfile::TempDir,
}

/// Declares in `folder` the state with `name` as the common name of its CSCA.
fn declared(name: &str, parameters: EcParameters) -> Hierarchy {
    let mut hierarchy = Hierarchy::new("VN", "VNM", "http://csca.example/csca.crl");
    hierarchy.authority.parameters = parameters;
    hierarchy.csca = Some(hierarchy::Csca { common_name: name.to_owned(), ..hierarchy::Csca::default() });
    hierarchy.mls = Some(hierarchy::Signers::default());
    hierarchy.dls = Some(hierarchy::Signers::default());
    hierarchy
}

fn open(folder: &Path, today: Date) -> Authority {
    let (authority, burned) = Authority::open(folder, today).expect("opened");
    assert_eq!(burned, []);
    authority
}

/// Issues the document signer `name` and signs a document with it.
fn issue_and_sign(folder: &Path, name: &str, number: usize, today: Date) -> Vec<u8> {
    let mut authority = open(folder, today);
    let newest = authority.cscas().last().expect("CSCA").name.clone();
    let (root, _) = authority.signer(&newest, &keys(folder)).expect("the key of the CSCA");
    let issuing = Issuing { signer: root.as_ref(), by: "production", today };
    let parameters = authority.hierarchy().ds_parameters(number).expect("declared");
    authority.issue_ds(name, &parameters, &keys(folder), &issuing, &mut rng()).expect("document signer");
    let (signer, certificate) = authority.signer(name, &keys(folder)).expect("signer");
    let hashes = files().iter().map(|(&n, file)| (n, Hash::Sha256.digest(&[file]))).collect();
    sod::build(&hashes, Hash::Sha256, None, signer.as_ref(), &certificate, Some(Time::midnight(today))).expect("EF.SOD")
}

fn roll_over(folder: &Path, today: Date) -> (Certificate, Certificate) {
    let mut authority = open(folder, today);
    let newest = authority.cscas().last().expect("CSCA").name.clone();
    let (old, _) = authority.signer(&newest, &keys(folder)).expect("the old key");
    authority.roll_over(old.as_ref(), &keys(folder), "ceremony", &mut rng(), today).expect("rolled over")
}

/// Signs a CRL over everything that was revoked, as the register says.
fn list(folder: &Path, today: Date) -> Crl {
    let mut authority = open(folder, today);
    let newest = authority.cscas().last().expect("CSCA").clone();
    let (signer, csca) = authority.signer(&newest.name, &keys(folder)).expect("the key of the CSCA");
    let revoked: Vec<_> = authority.register().entries().iter().filter(|entry| entry.kind == Kind::Revoked).cloned().collect();
    let revoked: Vec<_> = revoked
        .iter()
        .map(|entry| {
            let serial = hex::decode(&authority.register().find(&entry.name).expect("issued").serial).expect("hex");
            Revocation { serial, date: Time::midnight(entry.date), reason: Reason::KeyCompromise }
        })
        .collect();
    let former: Vec<_> = authority.cscas().iter().map(|csca| csca.certificate.subject().to_vec()).collect();
    let former: Vec<&[u8]> = former.iter().map(Vec::as_slice).filter(|name| *name != csca.subject()).collect();
    let register = authority.register_mut();
    let number = register.reserve_next("crl", "crl", "production", today).expect("a number");
    let list = crl::issue(&csca, signer.as_ref(), number.number(), &revoked, &former, Time::midnight(today), CrlParameters::default());
    let list = list.expect("a CRL");
    register.commit(&number, &[], list.der(), today).expect("recorded");
    std::fs::write(folder.join(format!("{}.crl", number.number())), list.der()).expect("written");
    list
}

fn tell(parameters: EcParameters) -> Story {
    let keep = tempfile::tempdir().expect("directory");
    let folder = keep.path().join("ca");
    let (mut documents, mut crls) = (BTreeMap::new(), Vec::new());

    Authority::declare(&folder, &declared(NAME, parameters)).expect("declared");
    let mut authority = open(&folder, day(0));
    authority.issue_csca(&keys(&folder), "ceremony", &mut rng(), day(0)).expect("CSCA");
    let (root, _) = authority.signer("csca", &keys(&folder)).expect("the key of the CSCA");
    let issuing = Issuing { signer: root.as_ref(), by: "ceremony", today: day(0) };
    for list in [ListKind::Master, ListKind::Deviation] {
        let parameters = authority.hierarchy().list_signer_parameters(list, 1).expect("declared");
        authority.issue_list_signer(list.role(), &parameters, &keys(&folder), &issuing, &mut rng()).expect("list signer");
    }
    drop(authority);
    documents.insert(0, issue_and_sign(&folder, "ds", 1, day(0)));
    crls.push(list(&folder, day(0)));

    let (root, link) = roll_over(&folder, day(3));
    assert!(root.is_self_signed() && link.extension(oid::NAME_CHANGE).is_none() && link.subject() == link.issuer());
    documents.insert(3, issue_and_sign(&folder, "ds-2", 2, day(3)));

    let mut authority = open(&folder, day(4));
    let event = Event::new(Kind::Revoked, "ds-2", "production").with("reason", "keyCompromise");
    authority.register_mut().record(event, day(4)).expect("revoked");
    let state = status::of(&authority, day(4)).expect("status");
    let due = state.todo.iter().find(|task| task.what.contains("ds-2 was revoked")).map(|task| (task.due, task.command));
    assert_eq!(due, Some((day(4).plus_days(2), "pki crl DIR")));
    drop(authority);
    crls.push(list(&folder, day(4)));
    documents.insert(4, issue_and_sign(&folder, "ds-3", 3, day(4)));

    // another name: people change the file, and the next key bears it
    std::fs::write(folder.join("pki.toml"), declared(NEW_NAME, parameters).to_toml()).expect("written");
    let authority = open(&folder, day(5));
    let state = status::of(&authority, day(5)).expect("status");
    assert!(state.todo.iter().any(|task| task.what.contains("the name in pki.toml is another")), "{:?}", state.todo);
    drop(authority);
    let (root, link) = roll_over(&folder, day(5));
    assert_eq!(link.extension(oid::NAME_CHANGE), Some(false));
    assert!(root.subject_text().contains(NEW_NAME) && link.issuer() != link.subject() && link.subject() == root.subject());
    documents.insert(5, issue_and_sign(&folder, "ds-4", 4, day(5)));
    crls.push(list(&folder, day(5)));

    let authority = open(&folder, day(5));
    let state = status::of(&authority, day(5)).expect("status");
    let of = |name: &str| state.certificates.iter().find(|c| c.name == name).map(|c| c.state.name());
    assert_eq!((of("csca"), of("csca-3"), of("ds-2"), of("ds-4")), (Some("verifies"), Some("signs"), Some("revoked"), Some("signs")));
    assert_eq!(state.crl.map(|crl| (crl.number, crl.next_update)), Some(("3".to_owned(), Some(day(5).plus_days(90)))));
    assert_eq!(pki::register::verify(&folder.join("register.jsonl")).expect("read").faults, []);
    Story { folder, documents, crls, _keep: keep }
}

impl Story {
    fn certificate(&self, name: &str) -> Certificate {
        Certificate::from_der(&std::fs::read(self.folder.join(format!("{name}.cer"))).expect("file")).expect("certificate")
    }

    /// What a verifier says of the document of `year`, in the sixth year, who trusts `anchor` alone and knows `links` and `crls`.
    fn verdict(&self, year: u16, anchor: &str, links: &[&str], crls: &[Crl]) -> Verdict {
        let mut trust = TrustStore::from_bytes(self.certificate(anchor).der()).expect("trust store");
        for link in links {
            trust.insert_known(Entry::new(self.certificate(link)), []);
        }
        crls.iter().for_each(|crl| trust.insert_crl(crl.clone()));
        let sod = sod::Sod::parse(self.documents.get(&year).expect("a document"));
        let files = files();
        let files = files.iter().map(|(&number, file)| (number, file.as_slice())).collect();
        let not_read = BTreeSet::new();
        let issued = Some(day(year).into());
        let today = day(5).plus_days(30);
        passive_authentication(&Input { sod: sod.as_ref(), files: &files, not_read: &not_read, trust: &trust, cache: None, today, issued })
    }
}

fn outcome(verdict: &Verdict, id: &str) -> Outcome {
    verdict.findings.iter().find(|finding| finding.id() == id).unwrap_or_else(|| panic!("no finding {id}")).outcome
}

const LINKS: [&str; 2] = ["link-2", "link-3"];

fn verifier_with_the_first_root(story: &Story) {
    for year in [0, 4, 5] {
        let verdict = story.verdict(year, "csca", &LINKS, &story.crls);
        let wrong: Vec<_> = verdict.findings.iter().filter(|f| f.outcome != Outcome::Passed).collect();
        assert!(wrong.is_empty(), "year {year}: {wrong:?}");
    }
    // the signer of year 3 was revoked, whichever of the lists is at hand: the newest is signed by a key that only links lead to
    for crls in [&story.crls[..], &story.crls[1..2], &story.crls[2..]] {
        let verdict = story.verdict(3, "csca", &LINKS, crls);
        assert_eq!((outcome(&verdict, "pa.chain"), outcome(&verdict, "pa.revocation")), (Outcome::Passed, Outcome::Failed));
    }
    assert_eq!(outcome(&story.verdict(3, "csca", &LINKS, &story.crls[..1]), "pa.revocation"), Outcome::Passed);
    // without links only the first years are known, and without the first link not even the last
    for (year, links) in [(3, &[][..]), (4, &[]), (5, &LINKS[..1]), (5, &LINKS[1..])] {
        assert_ne!(outcome(&story.verdict(year, "csca", links, &[]), "pa.chain"), Outcome::Passed, "year {year} by {links:?}");
    }
    // trust runs from old to new and never back
    assert_ne!(outcome(&story.verdict(0, "csca-3", &LINKS, &[]), "pa.chain"), Outcome::Passed);
}

/// Every certificate and CRL with the certificate whose key signed it.
const SIGNED: [(&str, &str); 14] = [
    ("csca", "csca.cer"),
    ("csca", "mls.cer"),
    ("csca", "dls.cer"),
    ("csca", "ds.cer"),
    ("csca", "1.crl"),
    ("csca", "link-2.cer"),
    ("csca-2", "csca-2.cer"),
    ("csca-2", "ds-2.cer"),
    ("link-2", "ds-3.cer"),
    ("csca-2", "2.crl"),
    ("csca-2", "link-3.cer"),
    ("csca-3", "csca-3.cer"),
    ("link-3", "ds-4.cer"),
    ("link-3", "3.crl"),
];

#[test]
fn who_holds_the_first_root_goes_along_with_every_year_and_openssl_agrees() {
    let story = tell(EcParameters::Named);
    verifier_with_the_first_root(&story);
    let pem = |name: &str| {
        let path = story.folder.join(format!("{name}.pem"));
        std::fs::write(&path, pki::authority::to_pem(&story.certificate(name))).expect("written");
        path
    };
    for (issuer, signed) in SIGNED {
        let anchor = pem(issuer);
        let path = story.folder.join(signed);
        let output = match signed.strip_suffix(".cer") {
            Some(name) => openssl(
                &["verify", "-no_check_time", "-x509_strict", "-check_ss_sig", "-purpose", "any", "-partial_chain"],
                &[("-trusted", &anchor), ("", &pem(name))],
            ),
            None => openssl(&["crl", "-inform", "DER", "-noout", "-verify"], &[("-CAfile", &anchor), ("-in", &path)]),
        };
        let Some(output) = output else { return };
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        println!("openssl on {signed} under {issuer}: {}", said.trim());
        assert!(output.status.success() && said.to_lowercase().contains("ok"), "{signed} under {issuer}: {said}");
    }
    // the judge does refuse: the document signer of the third key under the first
    let wrong = openssl(&["verify", "-no_check_time", "-partial_chain"], &[("-trusted", &pem("csca")), ("", &pem("ds-4"))]);
    assert!(!wrong.expect("openssl ran before").status.success());
}

#[test]
fn with_explicit_parameters_too_and_bouncycastle_agrees() {
    let story = tell(EcParameters::Explicit);
    assert!(["csca", "link-3", "ds-4", "mls"].iter().all(|name| story.certificate(name).key().expect("key").explicit_parameters));
    verifier_with_the_first_root(&story);
    const JARS: [&str; 3] = ["/usr/share/java/bcprov.jar", "/usr/share/java/bcpkix.jar", "/usr/share/java/bcutil.jar"];
    if JARS.iter().any(|jar| !Path::new(jar).exists()) || Command::new("java").arg("-version").output().is_err() {
        println!("skipped: no Java with BouncyCastle (Debian: default-jdk-headless libbcpkix-java)");
        return;
    }
    let mut command = Command::new("java");
    command.arg("-cp").arg(JARS.join(":")).arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openssl/Judge.java"));
    for (issuer, signed) in SIGNED.into_iter().chain([("csca", "ds-4.cer")]) {
        command.arg(story.folder.join(format!("{issuer}.cer"))).arg(story.folder.join(signed));
    }
    let output = command.output().expect("java runs");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<_> = said.lines().collect();
    let wanted = SIGNED.map(|(_, signed)| format!("{signed}: verified, name fits"));
    assert_eq!(lines.split_last().map(|(_, rest)| rest), Some(&wanted.each_ref().map(String::as_str)[..]));
    assert!(lines.last().is_some_and(|line| line.starts_with("ds-4.cer: refused")), "{said}");
}
