//! Ten thousand cards signed with a key in a token: EF.SOD over the data groups, in parallel sessions.
//!
//! The floor is what the token's module does by itself: C_SignInit and C_Sign on as many sessions, over digests that are there already,
//! called as the product calls them. Rounds of both stand right beside each other. Two shares are told: how much longer a card takes than
//! its bare signature, and how much of the threads' time was outside of the signer, measured by a watch around it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cardwright::signer::pkcs11::{Token, TokenAddress, TokenSigner};
use cryptoki::context::Pkcs11;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use eid::cert::x509::Certificate;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, PublicKey, Signature};
use eid::lds::sod::{self, Sod};
use eid::secret::Secret;
use eid::signer::{Signer, SignerError};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use pki::ds::{self, DsParameters};
use pki::software::SoftwareSigner;

use crate::subject::{self, P256, State};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "1234";
const CARDS: usize = 10_000;
const ROUNDS: usize = 10;

/// Makes a SoftHSM2 of its own, runs itself in it, and takes it away.
pub fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("inside") {
        inside();
        return ExitCode::SUCCESS;
    }
    let folder = std::env::temp_dir().join(format!("cardwright-bench-{}", std::process::id()));
    let done = outside(&folder);
    let _ = std::fs::remove_dir_all(&folder);
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("token: {error}");
            ExitCode::FAILURE
        }
    }
}

fn outside(folder: &Path) -> std::io::Result<bool> {
    std::fs::create_dir_all(folder.join("tokens"))?;
    let conf = folder.join("softhsm2.conf");
    let text = format!("directories.tokendir = {}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", folder.display());
    std::fs::write(&conf, text)?;
    let arguments = ["--init-token", "--free", "--label", "bench", "--so-pin", "12345678", "--pin", PIN];
    let made = Command::new("softhsm2-util").args(arguments).env("SOFTHSM2_CONF", &conf).output()?.status;
    let run = || Command::new(std::env::current_exe()?).arg("inside").env("SOFTHSM2_CONF", &conf).status();
    Ok(made.success() && run()?.success())
}

/// A document signer with its key in the token.
struct Line {
    signer: TokenSigner,
    certificate: Certificate,
    files: BTreeMap<u8, Vec<u8>>,
    /// Nanoseconds that the threads spent in the signer.
    signing: AtomicU64,
}

/// The signer with a watch around it.
struct Timed<'a>(&'a Line);

impl Signer for Timed<'_> {
    fn algorithm(&self) -> Algorithm {
        self.0.signer.algorithm()
    }

    fn public_key(&self) -> PublicKey {
        self.0.signer.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        let start = Instant::now();
        let signature = self.0.signer.sign(message);
        self.0.signing.fetch_add(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        signature
    }
}

fn inside() {
    let address = TokenAddress { module: PathBuf::from(MODULE), label: "bench".to_owned(), serial: None };
    let token = Token::open(&address, Some(Secret::from(PIN.as_bytes()))).expect("the token");
    let public = token.generate("ds", P256.0, &mut UnwrapErr(SysRng)).expect("a key in the token");
    let state = State::new();
    let root = SoftwareSigner::new("CSCA", state.csca_key.clone(), UnwrapErr(SysRng));
    let parameters = DsParameters { document_years: 25, ..DsParameters::default() };
    let certificate =
        ds::issue(&state.csca, &root, state.ds.subject(), &parameters, &public, &[0x55, 1, 2], state.today).expect("a certificate");
    let signer = token.signer("ds", P256.1).expect("a signer");
    let line = Line { signer, certificate, files: subject::data_groups(&state), signing: AtomicU64::new(0) };

    println!("{CARDS} cards signed with a key on P-256 in SoftHSM2, in {ROUNDS} rounds; cards and bare signatures a second");
    println!("{:>8} {:>10} {:>10} {:>14} {:>18}", "sessions", "cards/s", "bare/s", "over the bare", "outside of signer");
    let module = Pkcs11::new(MODULE).expect("the module");
    let slot = module.get_slots_with_initialized_token().expect("slots")[0];
    for threads in [1, 2, 4, 8] {
        let sessions: Vec<(Session, ObjectHandle)> = (0..threads)
            .map(|_| {
                let session = module.open_ro_session(slot).expect("a session");
                let key = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).expect("objects")[0];
                (session, key)
            })
            .collect();
        line.signing.store(0, Ordering::Relaxed);
        let (mut cards, mut bare) = (Duration::ZERO, Duration::ZERO);
        let mut sessions = Some(sessions);
        for round in 0..ROUNDS {
            cards += sign_cards(&line, threads, round);
            let (time, back) = sign_bare(sessions.take().unwrap_or_default(), CARDS / ROUNDS);
            bare += time;
            sessions = Some(back);
        }
        let count = CARDS as f64;
        let all = cards.as_secs_f64() * f64::from(u32::try_from(threads).unwrap_or(1));
        let signing = Duration::from_nanos(line.signing.load(Ordering::Relaxed)).as_secs_f64();
        println!(
            "{threads:>8} {:>10.0} {:>10.0} {:>13.1}% {:>17.1}%",
            count / cards.as_secs_f64(),
            count / bare.as_secs_f64(),
            100.0 * (cards.as_secs_f64() / bare.as_secs_f64() - 1.0),
            100.0 * (1.0 - signing / all)
        );
    }
}

/// A round of cards, each another one; the first of each thread is read and verified.
fn sign_cards(line: &Line, threads: usize, round: usize) -> Duration {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let mut files = line.files.clone();
                for number in (thread..CARDS / ROUNDS).step_by(threads) {
                    files.insert(13, format!("card {round} {number}").into_bytes());
                    let hashes = files.iter().map(|(number, file)| (*number, Hash::Sha256.digest(&[file]))).collect();
                    let sod = sod::build(&hashes, Hash::Sha256, None, &Timed(line), &line.certificate, None).expect("an EF.SOD");
                    if number == thread {
                        let read = Sod::parse(&sod).expect("it reads");
                        assert_eq!(read.hash_of(13), hashes.get(&13).map(Vec::as_slice));
                    }
                }
            });
        }
    });
    start.elapsed()
}

/// As many bare signatures, on sessions that are open.
fn sign_bare(sessions: Vec<(Session, ObjectHandle)>, count: usize) -> (Duration, Vec<(Session, ObjectHandle)>) {
    let threads = sessions.len();
    let start = Instant::now();
    let back = std::thread::scope(|scope| {
        let running: Vec<_> = sessions
            .into_iter()
            .enumerate()
            .map(|(thread, (session, key))| {
                scope.spawn(move || {
                    for number in (thread..count).step_by(threads) {
                        let digest = [u8::try_from(number % 251).unwrap_or(0); 32];
                        assert_eq!(session.sign(&Mechanism::Ecdsa, key, &digest).expect("a signature").len(), 64);
                    }
                    (session, key)
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    (start.elapsed(), back)
}
