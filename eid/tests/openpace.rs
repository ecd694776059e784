//! CV certificates against openpace's tools, in both directions: what `cvc-create` issues a chip of ours takes, what we issue `cvc-print`
//! verifies. The tools are run, not linked; without them (Debian: openpace) the tests print `skipped`.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use eid::cert::chat::{Chat, Role, TerminalType};
use eid::cert::cvc::issue::Template;
use eid::cert::cvc::{CvKey, Cvc, KeyReference, TrustPoint, TrustPoints, VerifyingKey, chain};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, PrivateKey, PublicKey, Signature, SignatureError, sign};
use eid::date::Date;
use eid::signer::{Signer, SignerError};

fn rng() -> impl rand_core::CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}

struct Key {
    key: PrivateKey,
    algorithm: Algorithm,
}

impl Signer for Key {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        Ok(sign(self.algorithm, &self.key, message, &mut rng()).expect("the key fits"))
    }
}

/// The tools judge by the clock of the system.
fn today() -> Date {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    Date::from_days(i64::try_from(seconds / 86_400).expect("small"))
}

fn installed() -> bool {
    let found = ["cvc-create", "cvc-print"].iter().all(|tool| Command::new(tool).arg("--version").output().is_ok());
    if !found {
        println!("skipped: cvc-create and cvc-print are not installed (Debian: openpace)");
    }
    found
}

const fn pss(hash: Hash) -> Algorithm {
    Algorithm::RsaPss { hash, mgf: hash, salt: hash.len() }
}

/// Name of the scheme for `cvc-create`, algorithm, and curve; no curve for RSA.
const KINDS: [(&str, Algorithm, Option<Curve>); 6] = [
    ("ECDSA_SHA_256", Algorithm::Ecdsa(Hash::Sha256), Some(Curve::BrainpoolP256r1)),
    ("ECDSA_SHA_256", Algorithm::Ecdsa(Hash::Sha256), Some(Curve::P256)),
    ("ECDSA_SHA_384", Algorithm::Ecdsa(Hash::Sha384), Some(Curve::BrainpoolP384r1)),
    ("ECDSA_SHA_512", Algorithm::Ecdsa(Hash::Sha512), Some(Curve::P521)),
    ("RSA_v1_5_SHA_256", Algorithm::RsaPkcs1(Hash::Sha256), None),
    ("RSA_PSS_SHA_256", pss(Hash::Sha256), None),
];

fn keys(algorithm: Algorithm, curve: Option<Curve>) -> [Key; 3] {
    [1, 2, 3].map(|_| {
        let key = match curve {
            Some(curve) => PrivateKey::generate_ec(curve, &mut rng()),
            None => PrivateKey::generate_rsa(2048, &mut rng()).expect("a key"),
        };
        Key { key, algorithm }
    })
}

fn create(folder: &Path, arguments: &[&str]) -> bool {
    let output = Command::new("cvc-create").args(arguments).current_dir(folder).output().expect("the tool starts");
    if !output.status.success() {
        println!("cvc-create {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

fn folder(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("openpace-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// `cvc-create` writes r and s only as long as they need, so that on P-521 many of its signatures have 130 bytes and not the 132 of the plain
/// format. Such certificates are refused here; the tool is asked again.
const TRIES: usize = 40;

#[test]
fn certificates_of_openpace_are_read_verified_and_taken_by_a_chip() {
    if !installed() {
        return;
    }
    for (n, (scheme, algorithm, curve)) in KINDS.into_iter().enumerate() {
        let folder = folder(&format!("theirs{n}"));
        let parties = keys(algorithm, curve);
        for (key, name) in parties.iter().zip(["cvca", "dv", "is"]) {
            std::fs::write(folder.join(name), key.key.to_pkcs8().expose()).expect("written");
        }
        let until = today().plus_days(60).yymmdd();
        let (expires, scheme) = (format!("--expires={until}"), format!("--scheme={scheme}"));
        let common = [expires.as_str(), scheme.as_str(), "--read-finger"];
        let run = |arguments: &[&str]| assert!(create(&folder, &[arguments, &common].concat()), "{scheme}");
        let whole = |arguments: &[&str], file: &str| {
            let len = curve.map_or(256, |curve| 2 * curve.scalar_len());
            let mut made = (0..TRIES).map(|_| {
                run(arguments);
                Cvc::from_der(&std::fs::read(folder.join(file)).expect("made")).expect(file)
            });
            made.find(|certificate| certificate.signature().len() == len).expect("a signature of full length")
        };
        let root = whole(&["--role=cvca", "--type=is", "--chr=ZZCVCA00001", "--sign-with=cvca", "--out-cert=root", "--read-iris"], "root");
        let dv =
            ["--role=dv_domestic", "--chr=ZZDV00001", "--sign-as=root", "--sign-with=cvca", "--key=dv", "--out-cert=dv.cv", "--read-iris"];
        let dv = whole(&dv, "dv.cv");
        let is =
            whole(&["--role=terminal", "--chr=ZZIS00001", "--sign-as=dv.cv", "--sign-with=dv", "--key=is", "--out-cert=is.cv"], "is.cv");
        assert!([&root, &dv, &is].iter().all(|certificate| certificate.quirks().is_empty()));
        assert_eq!((root.key().algorithm(), root.key().curve(), is.key().curve()), (algorithm, curve, None));
        let point = TrustPoint::of_cvca(&root).expect("a CVCA");
        if matches!(algorithm, Algorithm::RsaPss { .. }) {
            // The tool salts with as many bytes as fit, 222 here; TR-03110-3 has as many as the digest, and so it is refused.
            assert_eq!(root.verify(&point.key), Err(SignatureError::Wrong));
            continue;
        }
        assert_eq!(root.verify(&point.key), Ok(()));
        let chip = TrustPoints::new(vec![point], root.effective()).expect("one");
        let (holder, _) = chip.verify_chain([&dv, &is]).expect("the chain holds");
        assert_eq!(holder.expect("a terminal").chat.rights(), ["read DG3 (fingerprints)"]);
        assert!(chain::certifies(&is, &parties[2].key.public()));
    }
}

#[test]
fn openpace_verifies_what_we_issue_and_not_what_was_changed() {
    if !installed() {
        return;
    }
    let name = |text: &str| KeyReference::from_octets(text.as_bytes()).expect("a reference");
    for (n, (scheme, algorithm, curve)) in KINDS.into_iter().enumerate() {
        let folder = folder(&format!("ours{n}"));
        let parties = keys(algorithm, curve);
        let issue = |authority: &str, signer: &Key, holder: &str, key: &Key, role| {
            let template = Template {
                authority: name(authority),
                key: CvKey::new(&VerifyingKey { algorithm, key: key.key.public() }, role == Role::Cvca).expect("below id-TA"),
                holder: name(holder),
                chat: Chat::full(TerminalType::Inspection, role),
                validity: (today().plus_days(-1), today().plus_days(60)),
                extensions: Vec::new(),
            };
            template.issue(signer).expect("a certificate")
        };
        let [cvca, dv, is] = &parties;
        // The tool finds an authority by a file of its name.
        for (certificate, file) in [
            (issue("ZZCVCA00001", cvca, "ZZCVCA00001", cvca, Role::Cvca), "ZZCVCA00001"),
            (issue("ZZCVCA00001", cvca, "ZZDV00001", dv, Role::DvDomestic), "ZZDV00001"),
            (issue("ZZDV00001", dv, "ZZIS00001", is, Role::Terminal), "ZZIS00001"),
        ] {
            std::fs::write(folder.join(file), certificate.der()).expect("written");
            let verified = |file: &str| {
                let output = Command::new("cvc-print")
                    .arg(format!("--cvc={}", folder.join(file).display()))
                    .arg(format!("--cvc-dir={}", folder.display()))
                    .output()
                    .expect("the tool starts");
                String::from_utf8_lossy(&output.stdout).lines().any(|line| line.trim() == "certificate verified")
            };
            assert!(verified(file), "{scheme} {file}");
            let mut changed = certificate.der().to_vec();
            *changed.last_mut().expect("a signature") ^= 1;
            std::fs::write(folder.join("changed"), changed).expect("written");
            assert!(!verified("changed"), "{scheme} {file} with a changed signature");
        }
    }
}
