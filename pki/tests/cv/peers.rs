//! Programs of others judge: openpace's `cvc-print` reads and verifies every chain, its `cvc-create` issues from our requests, BouncyCastle
//! verifies too. Each is run, not linked; where one is missing the test prints `skipped`. What they say goes to the log (`--nocapture`).
//!
//! `cvc-print` ends with 0 whatever it finds, so its text is judged. It judges by the clock of the system.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use eid::cert::chat::{Role, TerminalType};
use eid::cert::cvc::description::{self, Description, Terms};
use eid::cert::cvc::{Cvc, TrustPoint, TrustPoints};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use eid::date::Date;
use pki::KeyParameters;
use pki::cv::issue::terminal;
use pki::cv::request::make;
use pki::cv::{Issuer, Period, Rights};

use crate::support::{State, name, rights};

const CVCA: &str = "UTCVCAUT001";
const NEXT: &str = "UTCVCAUT002";
const DV: &str = "UTBORDERUT001";
const FOREIGN: &str = "XXBORDERUT001";
const GATE: &str = "UTGATEUT001";

/// The tools judge by the clock of the system.
fn today() -> Date {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    Date::from_days(i64::try_from(seconds / 86_400).expect("small"))
}

fn openpace() -> bool {
    let found = ["cvc-create", "cvc-print"].iter().all(|tool| Command::new(tool).arg("--version").output().is_ok());
    if !found {
        println!("skipped: cvc-create and cvc-print are not installed (Debian: openpace)");
    }
    found
}

const PSS: Algorithm = Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32 };

/// Key and algorithm, type of terminal, and what the terminal may.
const KINDS: [(KeyParameters, Algorithm, TerminalType, &str); 10] = [
    (KeyParameters::Ec(Curve::P256), Algorithm::Ecdsa(Hash::Sha256), TerminalType::Inspection, "read-dg3"),
    (KeyParameters::Ec(Curve::P384), Algorithm::Ecdsa(Hash::Sha384), TerminalType::Authentication, "install-qualified-certificate"),
    (KeyParameters::Ec(Curve::P521), Algorithm::Ecdsa(Hash::Sha512), TerminalType::Signature, "qualified-electronic-signature"),
    (KeyParameters::Ec(Curve::BrainpoolP224r1), Algorithm::Ecdsa(Hash::Sha224), TerminalType::Inspection, "read-dg4"),
    (KeyParameters::Ec(Curve::BrainpoolP256r1), Algorithm::Ecdsa(Hash::Sha256), TerminalType::Authentication, "read-dg4"),
    (KeyParameters::Ec(Curve::BrainpoolP384r1), Algorithm::Ecdsa(Hash::Sha384), TerminalType::Inspection, "read-dg3"),
    (KeyParameters::Ec(Curve::BrainpoolP512r1), Algorithm::Ecdsa(Hash::Sha512), TerminalType::Signature, "electronic-signature"),
    (KeyParameters::Rsa(2048), Algorithm::RsaPkcs1(Hash::Sha256), TerminalType::Inspection, "read-dg3"),
    (KeyParameters::Rsa(2048), PSS, TerminalType::Inspection, "read-dg4"),
    (KeyParameters::Rsa(3072), Algorithm::RsaPkcs1(Hash::Sha512), TerminalType::Authentication, "age-verification"),
];

/// The same rights, as the tool writes them.
fn in_words_of_the_tool(right: &str) -> &'static str {
    match right {
        "read-dg3" => "Read fingerprint",
        "install-qualified-certificate" => "Install Qualified Certificate",
        "qualified-electronic-signature" => "Generate qualified electronic signature",
        "electronic-signature" => "Generate electronic signature",
        "age-verification" => "Age Verification",
        other => panic!("no words for {other}"),
    }
}

/// A chain of every step: CVCA, link, domestic and foreign document verifier, terminal, each in a file of its holder's name.
struct Chain {
    folder: PathBuf,
    state: State,
    root: Cvc,
    link: Cvc,
    next: Cvc,
    dv: Cvc,
}

impl Chain {
    fn new(folder: &str, n: usize) -> Self {
        let (parameters, algorithm, kind, right) = KINDS[n];
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{folder}-{n}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let holders = [CVCA, NEXT, DV, FOREIGN, GATE];
        let state = holders.into_iter().fold(State::new(kind, today()), |state, holder| state.with(holder, parameters, algorithm));
        let (root, next) = (state.cvca(CVCA), state.cvca(NEXT));
        let only_root = std::slice::from_ref(&root);
        let link = state.link(only_root, &next).expect("a link");
        let dv = state.dv(only_root, Role::DvDomestic, DV, &Rights::All).expect("a document verifier");
        let foreign = state.dv(only_root, Role::DvForeign, FOREIGN, &Rights::All).expect("a document verifier");
        let gate = state.terminal(&[root.clone(), dv.clone()], GATE, &rights(&[right])).expect("a terminal");
        let chain = Self { folder, state, root, link, next, dv };
        for (file, certificate) in
            [(CVCA, &chain.root), ("link", &chain.link), (NEXT, &chain.next), (DV, &chain.dv), (FOREIGN, &foreign), (GATE, &gate)]
        {
            chain.write(file, certificate.der());
        }
        chain
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    fn write(&self, file: &str, bytes: &[u8]) {
        std::fs::write(self.path(file), bytes).expect("written");
    }

    /// The file with its last bit turned.
    fn tamper(&self, file: &str) -> String {
        let mut bytes = std::fs::read(self.path(file)).expect("written before");
        *bytes.last_mut().expect("a signature") ^= 1;
        let name = format!("{file}.tampered");
        self.write(&name, &bytes);
        name
    }

    /// What `cvc-print` says of the file, without the dump of numbers.
    fn print(&self, what: &str, file: &str, more: &[&str]) -> String {
        let output = Command::new("cvc-print")
            .arg(format!("{what}={}", self.path(file).display()))
            .arg(format!("--cvc-dir={}", self.folder.display()))
            .args(more)
            .output()
            .expect("the tool starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

fn has(text: &str, line: &str) -> bool {
    text.lines().any(|found| found.trim() == line)
}

/// Into the test's log, without the dumps of numbers.
fn log(title: &str, text: &str) {
    println!("--- {title}");
    let worth = |line: &&str| !line.contains(':') || ["CAR", "CHR", "Date"].iter().any(|word| line.contains(word));
    text.lines().filter(worth).for_each(|line| println!("    {}", line.trim_end()));
}

#[test]
fn cvc_print_reads_and_verifies_every_chain_and_not_what_was_changed() {
    if !openpace() {
        return;
    }
    for (n, (parameters, algorithm, kind, right)) in KINDS.into_iter().enumerate() {
        let chain = Chain::new("cvc-print", n);
        let what = format!("{parameters:?} {algorithm:?} {kind:?}");
        for (file, role) in [
            (CVCA, "CVCA certificate"),
            ("link", "CVCA certificate"),
            (DV, "DV certificate"),
            (FOREIGN, "DV certificate"),
            (GATE, "Terminal certificate"),
        ] {
            let said = chain.print("--cvc", file, &[]);
            log(&format!("cvc-print {file}, {what}"), &said);
            assert!(has(&said, "certificate verified") && said.contains(role.split(' ').next().expect("a word")), "{what} {file}\n{said}");
            let tampered = chain.tamper(file);
            let said = chain.print("--cvc", &tampered, &[]);
            assert!(has(&said, "certificate not verified") && !has(&said, "certificate verified"), "{what} {tampered}\n{said}");
        }
        if right != "read-dg4" {
            let said = chain.print("--cvc", GATE, &[]);
            assert!(said.contains(in_words_of_the_tool(right)), "{what}: {right} in\n{said}");
        }
        std::fs::remove_dir_all(&chain.folder).expect("removed");
    }
}

#[test]
fn cvc_create_issues_from_our_request_what_a_chip_takes() {
    if !openpace() {
        return;
    }
    // it spoils its memory over a request for an RSA key, and so only reads that
    for n in [0, 4, 5, 7] {
        let (parameters, algorithm, kind, _) = KINDS[n];
        let chain = Chain::new("cvc-create", n);
        let request = make(&name(CVCA), &name(DV), &chain.state.signer(DV)).expect("a request");
        chain.write("dv.csr", request.der());
        let said = chain.print("--csr", "dv.csr", &[]);
        log(&format!("cvc-print dv.csr, {parameters:?}"), &said);
        assert!(has(&said, "certificate request verified"), "{said}");
        let mut changed = request.der().to_vec();
        *changed.last_mut().expect("a signature") ^= 1;
        chain.write("changed.csr", &changed);
        assert!(!has(&chain.print("--csr", "changed.csr", &[]), "certificate request verified"));

        let KeyParameters::Ec(curve) = parameters else {
            continue;
        };
        chain.write("cvca.pkcs8", chain.state.key(CVCA).key.to_pkcs8().expose());
        let scheme = if algorithm == Algorithm::Ecdsa(Hash::Sha384) { "ECDSA_SHA_384" } else { "ECDSA_SHA_256" };
        // the tool leaves out leading zeros of r and s: such signatures are no plain signatures, and it is asked again
        let theirs = (0..20).map(|_| {
            let output = Command::new("cvc-create")
                .current_dir(&chain.folder)
                .args(["--csr=dv.csr", "--role=dv_domestic", "--sign-with=cvca.pkcs8", "--out-cert=theirs"])
                .arg(format!("--type={}", kind.abbreviation().to_lowercase()))
                .arg(format!("--scheme={scheme}"))
                .arg(format!("--expires={}", today().plus_days(60).yymmdd()))
                .output()
                .expect("the tool starts");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Cvc::from_der(&std::fs::read(chain.path("theirs")).expect("made")).expect("a certificate")
        });
        let theirs = theirs
            .into_iter()
            .find(|certificate| certificate.signature().len() == 2 * curve.scalar_len())
            .expect("a signature of full length");
        log("cvc-print of what cvc-create issued", &chain.print("--cvc", "theirs", &[]));
        assert_eq!((theirs.authority(), theirs.holder()), (&name(CVCA), &name(DV)));
        let chip = TrustPoints::new(vec![TrustPoint::of_cvca(&chain.root).expect("a CVCA")], today()).expect("one");
        let (holder, _) = chip.verify_chain([&theirs]).expect("a chip takes it");
        assert_eq!(holder.expect("a document verifier").key.key, chain.state.key(DV).public());
        assert_eq!(theirs.key().curve(), None, "the domain parameters of the request are left out");
        std::fs::remove_dir_all(&chain.folder).expect("removed");
    }
}

#[test]
fn cvc_print_reads_the_certificate_description() {
    if !openpace() {
        return;
    }
    let chain = Chain::new("description", 4);
    let description = Description {
        issuer: "Utopia Certification".into(),
        issuer_url: Some("https://ca.example".into()),
        subject: "Library of Utopia".into(),
        subject_url: Some("https://library.example".into()),
        terms: Terms::Plain("1 Main Street, Utopia\nAge check for borrowing".into()),
        redirect_url: None,
        certificates: Vec::new(),
    };
    let der = description.to_der().expect("a description");
    let issuer = Issuer::new(&[chain.root.clone(), chain.dv.clone()]).expect("a chain");
    let mut applicant = chain.state.applicant(GATE);
    applicant.extensions.push(description::extension(&der, applicant.key.algorithm.hash()));
    let issued = terminal(&issuer, &chain.state.signer(DV), &applicant, &rights(&["age-verification"]), Period::default(), today());
    let certificate = issued.expect("a terminal").certificate;
    assert_eq!(description::is_bound(&certificate, &der), Some(true));
    chain.write("at", certificate.der());
    chain.write("at.desc", &der);
    // the tool says that it matches whatever the description is: its word counts for the reading alone
    let said = chain.print("--cvc", "at", &[&format!("--description={}", chain.path("at.desc").display())]);
    log("cvc-print at with its description", &said);
    assert!(has(&said, "certificate verified") && has(&said, "id-description"), "{said}");
    let lines = [
        "issuerName\tUtopia Certification",
        "issuerURL\thttps://ca.example",
        "subjectName\tLibrary of Utopia",
        "subjectURL\thttps://library.example",
        "Age check for borrowing",
        "certificate description matches certificate",
    ];
    for line in lines {
        assert!(has(&said, line), "{line} in\n{said}");
    }
    std::fs::remove_dir_all(&chain.folder).expect("removed");
}

#[test]
fn bouncycastle_agrees_on_cvca_link_and_document_verifiers_and_on_what_was_changed() {
    const JARS: [&str; 3] = ["/usr/share/java/bcprov.jar", "/usr/share/java/bcpkix.jar", "/usr/share/java/bcutil.jar"];
    if JARS.iter().any(|jar| !Path::new(jar).exists()) || Command::new("java").arg("-version").output().is_err() {
        println!("skipped: no Java with BouncyCastle (Debian: default-jdk-headless libbcpkix-java)");
        return;
    }
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cv/CvcJudge.java");
    // it knows inspection systems alone
    let kinds: Vec<usize> = (0..KINDS.len()).filter(|&n| KINDS[n].2 == TerminalType::Inspection).collect();
    let chains: Vec<_> = kinds.iter().map(|&n| Chain::new("bouncycastle", n)).collect();
    let mut command = Command::new("java");
    command.arg("-cp").arg(JARS.join(":")).arg(judge);
    for chain in &chains {
        command.arg("--");
        for file in [CVCA, "link", DV, FOREIGN] {
            command.arg(chain.path(file)).arg(chain.path(&chain.tamper(file)));
        }
        // self-signed by another key
        command.arg(chain.path(NEXT));
    }
    let output = command.output().expect("Java starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("--- BouncyCastle\n{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 9 * chains.len(), "{said}");
    for of_chain in lines.chunks(9) {
        for (line, (file, holder, role)) in of_chain.chunks(2).zip([
            (CVCA, CVCA, "CVCA"),
            ("link", NEXT, "CVCA"),
            (DV, DV, "DV_DOMESTIC"),
            (FOREIGN, FOREIGN, "DV_FOREIGN"),
        ]) {
            assert_eq!(line[0], format!("{file} {CVCA} {holder} {role} 3 good"));
            assert_eq!(line[1], format!("{file}.tampered {CVCA} {holder} {role} 3 wrong"));
        }
        assert_eq!(of_chain[8], format!("{NEXT} {NEXT} {NEXT} CVCA 3 wrong"));
    }
    for chain in &chains {
        std::fs::remove_dir_all(&chain.folder).expect("removed");
    }
}
