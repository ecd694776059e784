//! Cards a second of preparation, and the processor's time for one. Floor: the chip's keys by the bare generators, the bare signature, the
//! hashes, the seal over the same bytes; for the rate also the same bytes written and synchronized by as many threads.

use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cardwright::line::intake::AcceptedFile;
use cardwright::line::prepare::{self, Images, Order, Preparation, Prepared};
use cardwright::line::pseudonym::{self, Pseudonyms};
use cardwright::line::seal::{self, Seal};
use cardwright::line::store::{BatchId, NewBatch, Store};
use cardwright::line::users::Action;
use cardwright::perso::build::ChipKeys;
use cardwright::perso::profile::DocumentProfile;
use chacha20poly1305::aead::{Aead as _, KeyInit as _};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use eid::crypto::curve::{Curve, PrivateKey};
use eid::secret::Secret;

use super::{People, all_worked, count, intake, note, rate, rng, time};
use crate::floor;
use crate::subject::State;

/// Keys for the mean of their generation, which differs from key to key.
const KEYS: u32 = 60;

/// A batch on the disk with what made it.
pub(super) struct Batch {
    pub(super) state: State,
    pub(super) seal: Seal,
    pub(super) images: PathBuf,
    pub(super) prepared: Prepared,
    /// What its preparation took, elapsed and of the processor.
    spent: (Duration, Duration),
    name: &'static str,
}

impl Batch {
    /// A batch of `cards` in `folder`.
    pub(super) fn new(folder: &Path, name: &'static str, profile: &str, cards: u32, workers: usize) -> Self {
        let people = folder.join(format!("{name}-people"));
        intake::people(&people, cards, cards.min(50));
        let accepted = intake::take(&people.join("people.csv"), &folder.join(format!("{name}-intake")), 2, None);
        let (state, profile) = (State::new(), DocumentProfile::load(profile).expect("a profile"));
        let seal = Seal::new(Secret::new(vec![5; seal::KEY_LEN])).expect("a key");
        let pseudonyms = Pseudonyms::new(Secret::new(vec![6; pseudonym::KEY_LEN])).expect("a key");
        let images = folder.join("images");
        std::fs::create_dir_all(&images).expect("a folder");
        let with = Preparation {
            batch: name,
            profile: &profile,
            trust: None,
            signer: &state.signer,
            certificate: state.ds.der(),
            today: state.today,
            seal: &seal,
            pseudonyms: &pseudonyms,
            images: &images,
            workers,
        };
        let mut orders = AcceptedFile::open(&accepted).expect("an intake file").map(|record| {
            let record = record.expect("a record");
            Ok(Order { replaces: record.replaces(), record: record.record(&profile, state.today).expect("a right one") })
        });
        let (start, worked) = (Instant::now(), all_worked());
        let prepared = prepare::prepare(&with, &mut orders, false, &mut rng(), &|_| ()).expect("prepared");
        let spent = (start.elapsed(), all_worked() - worked);
        drop(orders);
        Self { state, seal, images, prepared, spent, name }
    }

    pub(super) fn images(&self) -> Images<'_> {
        Images { folder: &self.images, seal: &self.seal }
    }

    /// The batch in a store, released.
    pub(super) fn release(&self, store: &mut dyn Store) -> (BatchId, People) {
        let people = People::new(store);
        let header = NewBatch {
            name: self.name.to_owned(),
            document_profile: "cccd-2021".to_owned(),
            card_profile: "eid-gp-scp03".to_owned(),
            profile_digest: [1; 32],
            live: false,
            merkle_root: self.prepared.root,
            signature: vec![3; 64],
        };
        let batch = store.add_batch(&header, &mut self.prepared.jobs.iter().cloned(), &note("batch-prepared")).expect("a batch");
        store.release_batch(batch, &people.both(Action::ReleaseBatch), &note("batch-released")).expect("released");
        (batch, people)
    }

    fn sealed(&self) -> usize {
        let first = self.prepared.jobs.first().expect("a job");
        usize::try_from(std::fs::metadata(self.images.join(&first.image_file)).expect("a file").len()).expect("small")
    }
}

pub(super) fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    time("prepare, keys of a chip (RSA-2048, brainpoolP256r1), processor", keys(), bare_keys());
    // the law's profile, and the same without Active Authentication: generating its RSA key takes nearly all of the time, and differs widely
    let ec = folder.path().join("without-rsa.toml");
    let text = include_str!("../../../fixtures/profiles/cccd-2021.toml")
        .replace("[active_authentication]\nalgorithm = \"rsa-2048\"\n", "")
        .replace(", 14, 15]", ", 14]");
    assert!(!text.contains("rsa-2048"));
    std::fs::write(&ec, text).expect("a profile");
    let profiles = [("RSA-2048", "cccd-2021".to_owned(), 60), ("no RSA key", ec.display().to_string(), 400)];
    for (what, profile, cards) in profiles {
        for (name, workers) in [("one", 1), ("two", 2)] {
            let folder = tempfile::tempdir_in(folder.path()).expect("a folder");
            let batch = Batch::new(folder.path(), name, &profile, cards, workers);
            let (elapsed, worked) = batch.spent;
            let bytes = usize::try_from(batch.prepared.bytes).expect("small") / batch.prepared.jobs.len();
            let sealed = batch.sealed();
            let floor = without_rsa(&batch, bytes, sealed) + if what == "RSA-2048" { bare_rsa(cards) } else { Duration::ZERO };
            let disk = disk(folder.path(), sealed, cards, workers);
            let processors = u32::try_from(workers).expect("few");
            let rate_of_floor = 1.0 / (floor / processors).max(disk).as_secs_f64();
            rate(&format!("prepare, {what}, {workers} workers, cards/s"), f64::from(cards) / elapsed.as_secs_f64(), rate_of_floor);
            time(&format!("prepare, {what}, {workers} workers, processor a card"), worked / cards, floor);
            if workers == 1 {
                count("prepare, bytes of the files of a card", &bytes.to_string());
                count("prepare, bytes of its sealed image", &sealed.to_string());
            }
        }
    }
}

fn keys() -> Duration {
    let profile = DocumentProfile::load("cccd-2021").expect("built in");
    let start = crate::worked();
    for _ in 0..KEYS {
        black_box(ChipKeys::generate(&profile, &mut rng()).expect("keys"));
    }
    (crate::worked() - start) / KEYS
}

fn bare_keys() -> Duration {
    bare_rsa(KEYS) + bare_curve()
}

fn bare_rsa(keys: u32) -> Duration {
    let start = crate::worked();
    for _ in 0..keys {
        black_box(rsa::RsaPrivateKey::new(&mut rng(), 2048).expect("a key"));
    }
    (crate::worked() - start) / keys
}

fn bare_curve() -> Duration {
    let start = crate::worked();
    for _ in 0..KEYS {
        black_box(PrivateKey::generate(Curve::BrainpoolP256r1, &mut rng()).public());
    }
    (crate::worked() - start) / KEYS
}

/// A key on a curve, signature, hashes, and seal over as many bytes.
fn without_rsa(batch: &Batch, bytes: usize, sealed: usize) -> Duration {
    let sign = floor::signer(&batch.state.ds_key);
    let cipher = XChaCha20Poly1305::new(&[5; 32].into());
    let (files, text) = (vec![0x5A; bytes], vec![0x5A; sealed]);
    let start = crate::worked();
    for _ in 0..KEYS {
        // hashes of the data groups, digest of the image, digest of the sealed file
        floor::sha256(&files);
        floor::sha256(&files);
        floor::sha256(&text);
        sign(&[0x31; 96]);
        black_box(cipher.encrypt(&XNonce::from([1; 24]), text.as_slice()).expect("sealed"));
    }
    bare_curve() + (crate::worked() - start) / KEYS
}

/// As many bytes written and synchronized, a file each, by as many threads; the time for one card.
fn disk(folder: &Path, bytes: usize, cards: u32, workers: usize) -> Duration {
    let folder = tempfile::tempdir_in(folder).expect("a folder");
    let start = Instant::now();
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let folder = folder.path();
            scope.spawn(move || {
                for number in (worker..usize::try_from(cards).expect("few")).step_by(workers) {
                    let mut file = File::create(folder.join(number.to_string())).expect("a file");
                    file.write_all(&vec![0x5A; bytes]).expect("written");
                    file.sync_all().expect("synchronized");
                }
            });
        }
    });
    start.elapsed() / cards
}
