//! What a card costs a station. The virtual card lies in memory and works in the thread of its reader, behind a watch that reads the time of
//! that thread before and after each APDU: what is left is the host's. Floor of the host: image opened, commands encrypted and MACed, answers
//! checked, the terminal's half of PACE, Chip, and Active Authentication, one signature, and the hashes of what is read, by bare operations.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use applets::card::{Card, CardConfig};
use applets::store::nvm::RamNvm;
use cardwright::line::feeder::{Bin, Feeder, FeederError, Link, Load};
use cardwright::line::memory::MemoryStore;
use cardwright::line::prepare::Images;
use cardwright::line::quality::Quality;
use cardwright::line::state::{CardState, JobState};
use cardwright::line::station::{End, Event, ImageSource, JournalFile, Parts, Seat, Settings, Station};
use cardwright::line::store::{Job, Serial, Store};
use cardwright::perso::card_profile::CardProfile;
use cardwright::perso::write::Masters;
use chacha20poly1305::aead::{Aead as _, KeyInit as _};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use eid::crypto::agreement::ecdh;
use eid::crypto::curve::{Curve, PrivateKey};
use eid::crypto::kdf::Suite;
use eid::image::CardImage;
use eid::scp03::kdf3;
use eid::transport::{Limits, Transport, TransportError};

use super::counted::{self, Commits, CountedJournal};
use super::prepare::Batch;
use super::{NOW, all_worked, count, note, postgres::Postgres, rng, time};
use crate::floor;

/// Cards of one measurement.
const CARDS: u32 = 60;

/// What cards did while they were watched.
#[derive(Debug, Default)]
struct Watched {
    nanoseconds: AtomicU64,
    apdus: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

/// A card with a watch.
struct WatchedCard {
    card: Card,
    watched: Arc<Watched>,
}

impl WatchedCard {
    fn watch<T>(&mut self, work: impl FnOnce(&mut Card) -> T) -> T {
        let start = crate::worked();
        let done = work(&mut self.card);
        let worked = crate::worked() - start;
        self.watched.nanoseconds.fetch_add(u64::try_from(worked.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        done
    }
}

impl Transport for WatchedCard {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        self.watch(Card::atr)
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let answer = self.watch(|card| card.transmit(command))?;
        self.watched.apdus.fetch_add(1, Ordering::Relaxed);
        self.watched.sent.fetch_add(command.len() as u64, Ordering::Relaxed);
        self.watched.received.fetch_add(answer.len() as u64, Ordering::Relaxed);
        Ok(answer)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        self.watch(Card::reset)
    }

    fn limits(&self) -> Limits {
        self.card.limits()
    }
}

/// Blanks in memory.
struct Stack {
    name: String,
    cards: Arc<Mutex<VecDeque<Card>>>,
    watched: Arc<Watched>,
}

impl Feeder for Stack {
    fn name(&self) -> &str {
        &self.name
    }

    fn has_left_over(&self) -> bool {
        false
    }

    fn is_manual(&self) -> bool {
        false
    }

    fn load(&mut self, _stop: &dyn Fn() -> bool) -> Result<Load, FeederError> {
        let card = self.cards.lock().expect("no panic").pop_front();
        Ok(card.map_or(Load::Empty, |card| Load::Card(Box::new(WatchedCard { card, watched: Arc::clone(&self.watched) }))))
    }

    fn unload(&mut self, _link: Option<Link>, bin: Bin, _stop: &dyn Fn() -> bool) -> Result<bool, FeederError> {
        assert_eq!(bin, Bin::Good);
        Ok(true)
    }
}

/// Sealed images of a batch.
struct Sealed<'a>(Images<'a>);

impl ImageSource for Sealed<'_> {
    fn image(&self, job: &Job) -> Result<CardImage, String> {
        self.0.open(job)
    }
}

pub(super) fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let batch = Batch::new(folder.path(), "run", "cccd-2021", CARDS, 2);
    let mut urls = vec![("memory", String::new()), ("SQLite", format!("sqlite:{}", folder.path().join("line.db").display()))];
    let server = Postgres::shared();
    urls.extend(server.map(|server| ("PostgreSQL", server.database())));
    for (name, url) in urls {
        let (commits, journal) = (Commits::default(), Commits::default());
        let memory = MemoryStore::new();
        let open = || if url.is_empty() { Box::new(memory.clone()) as Box<dyn Store> } else { counted::store(&url, &commits) };
        let (elapsed, worked, watched) = one(&batch, &open, &folder.path().join(name), (&commits, &journal));
        let card = Duration::from_nanos(watched.nanoseconds.load(Ordering::Relaxed));
        let host = worked.saturating_sub(card) / CARDS;
        let mean = |sum: &AtomicU64| usize::try_from(sum.load(Ordering::Relaxed) / u64::from(CARDS)).expect("small");
        let traffic = [&watched.apdus, &watched.sent, &watched.received].map(mean);
        time(&format!("run, host's processor a card, store in {name}"), host, floor_of_host(&batch, traffic));
        if !url.is_empty() {
            let per_card = |commits: &Commits| format!("{:.2}", commits.get() as f64 / f64::from(CARDS));
            count(&format!("run, commits of the store a card, {name}"), &per_card(&commits));
            count("run, commits of the station's journal a card", &per_card(&journal));
        } else {
            count("run, virtual card's processor a card, ms", &format!("{:.2}", (card / CARDS).as_secs_f64() * 1e3));
            count("run, APDUs a card", &traffic[0].to_string());
            count("run, bytes to and from a card", &(traffic[1] + traffic[2]).to_string());
        }
        count(
            &format!("run, one reader, cards/s with the virtual card, {name}"),
            &format!("{:.1}", f64::from(CARDS) / elapsed.as_secs_f64()),
        );
    }
}

/// A batch through one reader of one station; time, time of the processor, and what the cards did of it.
fn one(
    batch: &Batch,
    open: &dyn Fn() -> Box<dyn Store>,
    folder: &std::path::Path,
    (commits, of_journal): (&Commits, &Commits),
) -> (Duration, Duration, Arc<Watched>) {
    std::fs::create_dir_all(folder).expect("a folder");
    let mut store = open();
    let (id, _people) = batch.release(store.as_mut());
    let profile = CardProfile::load("eid-gp-scp03").expect("built in");
    let masters = Masters::test(&profile);
    let (mut serials, mut cards) = (Vec::new(), VecDeque::new());
    for number in 0..CARDS {
        let mut kdd = *b"\0\0TST\0\0\0\0\0";
        kdd.iter_mut().skip(6).zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
        let keys = kdf3(masters.get("perso-transport-kmc").expect("known"), kdd).expect("keys");
        let config = CardConfig::new(kdd, 0x30, keys);
        cards.push_back(Card::blank(&config, RamNvm::new(config.memory), Box::new(rng())).expect("a card"));
        serials.extend(Serial::new(&kdd));
    }
    store.deliver("d", &serials, &note("delivery")).expect("delivered");
    store.move_cards(&serials, CardState::InStock, CardState::AtLine, None, &note("to-line")).expect("moved");
    let journal = JournalFile::open(&folder.join("one.db"), "one").expect("a journal");
    let watched = Arc::new(Watched::default());
    let (settings, images, quality, stop) = (
        Settings { pause: Duration::from_millis(20), ..Settings::default() },
        Sealed(batch.images()),
        Quality::new(batch.state.trust()),
        AtomicBool::new(false),
    );
    let tell = |event: Event<'_>| match event {
        Event::Incident(incident) => panic!("{incident:?}"),
        Event::Attempt(attempt) if attempt.outcome != "good" => panic!("{attempt:?}"),
        _ => {}
    };
    let parts = Parts {
        name: "one",
        settings: &settings,
        profile: &profile,
        masters: &masters,
        images: &images,
        quality: &quality,
        clock: &|| NOW,
        tell: &tell,
        stop: &stop,
    };
    let stack = Stack { name: "r0".to_owned(), cards: Arc::new(Mutex::new(cards)), watched: Arc::clone(&watched) };
    let seat = Seat { feeder: Box::new(stack), store: open(), rng: Box::new(rng()) };
    let counted = CountedJournal { journal, commits: of_journal.clone() };
    let before = commits.get();
    let (start, worked) = (Instant::now(), all_worked());
    let end = Station::new(parts, Box::new(counted)).run(vec![seat], store.as_mut()).expect("it works");
    let (elapsed, worked) = (start.elapsed(), all_worked() - worked);
    assert_eq!(end, End::Finished);
    commits.forget(before);
    assert_eq!(store.job_counts(id).expect("counts"), [(JobState::Issued, u64::from(CARDS))]);
    (elapsed, worked, watched)
}

/// The bare operations of the host for one card.
fn floor_of_host(batch: &Batch, [apdus, sent, received]: [usize; 3]) -> Duration {
    let mut rng = rng();
    let own = PrivateKey::generate(Curve::BrainpoolP256r1, &mut rng);
    let peer = PrivateKey::generate(Curve::BrainpoolP256r1, &mut rng).public();
    let scalar = own.scalar().expose().to_vec();
    let state = &batch.state;
    let verify = floor::verifier(&state.csca.key().expect("a key").key, state.ds.tbs().to_vec(), state.ds.signature().to_vec());
    let rsa = rsa::RsaPrivateKey::new(&mut rng, 2048).expect("a key");
    let signature = rsa::BoxedUint::from_be_slice(&[0x5A; 255], 2048).expect("below the modulus");
    let cipher = XChaCha20Poly1305::new(&[5; 32].into());
    let first = batch.prepared.jobs.first().expect("a job");
    let sealed = std::fs::metadata(batch.images.join(&first.image_file)).expect("a file").len();
    let text = cipher.encrypt(&XNonce::from([1; 24]), vec![0x5A; usize::try_from(sealed).expect("small")].as_slice()).expect("sealed");
    let files = vec![0x5A; usize::try_from(batch.prepared.bytes).expect("small") / batch.prepared.jobs.len()];
    let mut channel = floor::Channel::new(Suite::Aes256);
    let start = crate::worked();
    for _ in 0..CARDS {
        // the image: its file hashed, opened, and hashed itself
        floor::sha256(&text);
        black_box(cipher.decrypt(&XNonce::from([1; 24]), text.as_slice()).expect("opened"));
        floor::sha256(&files);
        for _ in 0..apdus {
            channel.one_side(sent / apdus, received / apdus);
        }
        // PACE: two keys and the nonce on the generator, then the mapped point, the key on it, and the secret; Chip Authentication
        for _ in 0..3 {
            black_box(PrivateKey::from_bytes(Curve::BrainpoolP256r1, &scalar).expect("a scalar").public());
        }
        for _ in 0..4 {
            black_box(ecdh(&own, &peer).expect("a point"));
        }
        black_box(rsa::hazmat::rsa_encrypt(&rsa, &signature).expect("opened"));
        verify();
    }
    (crate::worked() - start) / CARDS
}
