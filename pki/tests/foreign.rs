//! Certificates that other states hand over: those of real states, and what is no CSCA.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use eid::cert::master_list::MasterList;
use eid::cert::x509::Certificate;
use eid::date::Date;
use eid::secret::Secret;
use pki::foreign::{self, ForeignError, NotCsca, Received, Role};
use pki::{Authority, Hierarchy, Issuing, SoftwareKeys};
use rand_core::{CryptoRng, UnwrapErr};

fn rng() -> impl CryptoRng {
    UnwrapErr(getrandom::SysRng)
}

/// `$CARDWRIGHT_CORPUS`, else `../shared/data` beside the workspace.
fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("CARDWRIGHT_CORPUS").map_or_else(beside, PathBuf::from);
    if root.is_dir() {
        return Some(root);
    }
    println!("skipped: no corpus");
    None
}

/// The certificates of a state in the corpus.
fn of_state(root: &Path, state: &str) -> Vec<Certificate> {
    let mut paths: Vec<_> =
        std::fs::read_dir(root.join("csca").join(state)).expect("a folder").map(|e| e.expect("a file").path()).collect();
    paths.sort();
    let read = |path: &PathBuf| foreign::certificates(&std::fs::read(path).expect("a file")).expect("certificates");
    paths.iter().flat_map(read).collect()
}

/// Roots, links that are proved, and links whose issuer is not known.
fn roles(received: &[Received]) -> [usize; 3] {
    let count = |role, proved| received.iter().filter(|r| r.role == role && r.proved_by.is_some() == proved).count();
    assert_eq!(count(Role::Root, false), 0);
    [count(Role::Root, true), count(Role::Link, true), count(Role::Link, false)]
}

#[test]
fn what_states_publish_about_themselves_is_taken_with_every_link_proved() {
    let Some(root) = corpus() else { return };
    let mut found = BTreeMap::new();
    for state in std::fs::read_dir(root.join("csca")).expect("a folder") {
        let state = state.expect("an entry").file_name().to_string_lossy().into_owned();
        let answer = match foreign::receive(of_state(&root, &state), "VN", &[]) {
            Ok(received) => format!("{:?}", roles(&received)),
            Err(error) => error.to_string(),
        };
        found.insert(state, answer);
    }
    let expected = [
        ("AT", "[5, 4, 0]"),
        ("BA", "[3, 2, 0]"),
        ("BG", "[1, 0, 1]"),
        ("CH", "[6, 5, 0]"),
        ("CY", "[4, 3, 1]"),
        // a certificate of another kind lies among them
        ("DE", "C=DE, CN=ME: it issues no certificates: expected a CSCA (basicConstraints cA, keyUsage keyCertSign)"),
        ("DK", "[6, 3, 0]"),
        ("FI", "[4, 2, 1]"),
        ("IS", "[4, 3, 0]"),
        ("MY", "[4, 0, 0]"),
        ("PL", "[7, 5, 1]"),
        ("RO", "[6, 5, 0]"),
        ("SE", "[6, 5, 0]"),
        (
            "VN",
            "C=VN, O=Vietnam Government Information Security Commission, CN=CSCA ePassport Vietnam: a CSCA of VN itself; its own \
             certificates are in the register and are not imported",
        ),
    ];
    assert_eq!(found, expected.map(|(state, answer)| (state.to_owned(), answer.to_owned())).into());
}

#[test]
fn every_entry_of_the_lists_of_states_is_a_csca_or_the_reason_is_said() {
    let Some(root) = corpus() else { return };
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for list in ["DE_ML_2026-05-28-08-28-45.ml", "NL_ML_2026-07-22.ml"] {
        let list = MasterList::parse(&std::fs::read(root.join("masterlists").join(list)).expect("a file")).expect("a list");
        for certificate in list.certificates() {
            let answer = match foreign::check(certificate) {
                Ok(role) => role.name().to_owned(),
                Err(error) => format!("{}: {error}", certificate.subject_text()),
            };
            *found.entry(answer).or_default() += 1;
        }
        // the signer of the list issues nothing
        let signer = Certificate::from_der(list.signed.certificates().next().expect("a certificate")).expect("a certificate");
        assert_eq!(foreign::check(&signer), Err(NotCsca::NoCa));
    }
    // Bermuda and the United Kingdom signed for each other
    let expected = [
        ("C=BM, O=UKKPA, CN=BMU CSCA: subject of BM and issuer of GB: expected one state", 1),
        ("C=GB, O=UKKPA, CN=Country Signing Authority: subject of GB and issuer of BM: expected one state", 1),
        ("link", 211),
        ("root", 786),
    ];
    assert_eq!(found, expected.map(|(answer, count)| (answer.to_owned(), count)).into());
}

/// A state of our own making, its CSCA and a document signer.
fn state(folder: &Path) -> (Certificate, Certificate) {
    let today = Date::new(2026, 11, 21).expect("a day");
    let secret = Secret::from(&b"a pass phrase for tests"[..]);
    let hierarchy = Hierarchy::new("UT", "UTO", "http://csca.example/csca.crl");
    let folder = folder.join("ut");
    Authority::declare(&folder, &hierarchy).expect("declared");
    let (mut authority, _) = Authority::open(&folder, today).expect("opened");
    let keys = SoftwareKeys::new(&folder, secret, UnwrapErr(getrandom::SysRng));
    let csca = authority.issue_csca(&keys, "test", &mut rng(), today).expect("CSCA");
    let (root, _) = authority.signer("csca", &keys).expect("its key");
    let issuing = Issuing { signer: root.as_ref(), by: "test", today };
    let parameters = hierarchy.ds_parameters(1).expect("declared");
    let ds = authority.issue_ds("ds", &parameters, &keys, &issuing, &mut rng()).expect("document signer");
    (csca, ds)
}

#[test]
fn what_is_no_csca_is_refused_and_with_it_the_whole_hand_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let (csca, ds) = state(folder.path());
    assert_eq!(foreign::check(&csca), Ok(Role::Root));
    assert_eq!(foreign::check(&ds), Err(NotCsca::NoCa));
    let refused = foreign::receive(vec![csca.clone(), ds], "VN", &[]).expect_err("a document signer");
    assert!(matches!(refused, ForeignError::NotCsca { source: NotCsca::NoCa, .. }), "{refused}");
    assert!(matches!(foreign::receive(vec![csca.clone()], "ut", &[]), Err(ForeignError::Own { .. })));

    // the same root twice is taken once, one with a changed signature not at all
    let twice = foreign::receive(vec![csca.clone(), csca.clone()], "VN", &[]).expect("a root");
    assert_eq!(roles(&twice), [1, 0, 0]);
    let mut changed = csca.der().to_vec();
    *changed.last_mut().expect("a signature") ^= 1;
    let forged = foreign::certificates(&changed).expect("it reads");
    let refused = foreign::receive(forged, "VN", &[]).expect_err("forged");
    assert!(matches!(refused, ForeignError::NotCsca { source: NotCsca::Signature, .. }), "{refused}");

    for nothing in [&b""[..], b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"] {
        assert_eq!(foreign::certificates(nothing), Err(ForeignError::Nothing));
    }
    assert!(matches!(foreign::certificates(b"not a certificate"), Err(ForeignError::Unreadable(_))));
    let behind = [csca.der(), b"\x30\x00"].concat();
    assert!(matches!(foreign::certificates(&behind), Err(ForeignError::Unreadable(_))), "what stands behind a certificate is read too");
}

#[test]
fn a_link_is_proved_by_the_root_before_it_in_any_order() {
    let Some(root) = corpus() else { return };
    let mut all = of_state(&root, "RO");
    assert_eq!(roles(&foreign::receive(all.clone(), "VN", &[]).expect("certificates")), [6, 5, 0]);
    all.reverse();
    assert_eq!(roles(&foreign::receive(all.clone(), "VN", &[]).expect("certificates")), [6, 5, 0]);
    let is = |role| all.iter().filter(move |c| foreign::check(c) == Ok(role)).cloned().collect::<Vec<_>>();
    let (known, links) = (is(Role::Root), is(Role::Link));
    assert_eq!(roles(&foreign::receive(links.clone(), "VN", &known).expect("roots are known")), [0, 5, 0]);
    // alone, a link is as good as whoever handed it over
    assert_eq!(roles(&foreign::receive(links[..1].to_vec(), "VN", &[]).expect("a link")), [0, 0, 1]);
    // one that names a known key which did not sign it was damaged on the way
    let mut changed = links[0].der().to_vec();
    *changed.last_mut().expect("a signature") ^= 1;
    let changed = foreign::certificates(&changed).expect("it reads");
    assert!(matches!(foreign::receive(changed, "VN", &known), Err(ForeignError::Forged { .. })));
}
