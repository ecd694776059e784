//! A small line: a few synthetic people, virtual cards, a store in memory, a journal in a file, and a power switch that cuts the station off
//! at any journal call, store commit, or APDU, before or after it.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use applets::rng::SeededRng;
use applets::store::nvm::RamNvm;
use applets::{Card, CardConfig};
use cardwright::line::audit;
use cardwright::line::feeder::{Bin, Feeder, FeederError, Link, Load};
use cardwright::line::memory::MemoryStore;
use cardwright::line::quality::Quality;
use cardwright::line::scrap::{Desk, Ended};
use cardwright::line::state::{CardState, JobState};
use cardwright::line::station::{
    CutOff, End, Event, ImageSource, Intent, IntentState, Journal, JournalError, JournalFile, Parts, Saying, Seat, Settings, Stage,
    Station, StationError, UnderWay,
};
use cardwright::line::store::{Batch, BatchId, Claim, Job, JobId, NewBatch, NewJob, Note, Pseudonym, Serial, Store};
use cardwright::line::users::{Action, Login, Role, TwoPersons, User, log_in};
use cardwright::people;
use cardwright::perso::build::{self, ChipKeys, Signing};
use cardwright::perso::card_profile::{CardProfile, Product};
use cardwright::perso::plan::ApduForm;
use cardwright::perso::profile::DocumentProfile;
use cardwright::perso::record::Record;
use cardwright::perso::write::{Change, Masters, Writer};
use cardwright::transport::{Limits, Transport, TransportError};
use eid::cert::trust::TrustStore;
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use eid::date::Date;
use eid::image::{CardImage, LifeCycle};
use eid::scp03::kdf3;
use eid::secret::Secret;
use pki::csca::{self, CscaParameters};
use pki::ds::{self, DsParameters};
use pki::key::{KeyParameters, SigningKey};
use pki::profile::Subject;
use pki::software::SoftwareSigner;

/// The day of everything here, at noon.
pub(crate) fn today() -> Date {
    Date::new(2026, 11, 21).expect("a day")
}

/// The moment of everything here.
pub(crate) fn now() -> i64 {
    today().days() * 86_400 + 43_200
}

/// What all lines of these tests share, since it takes long to make: people, signatures, keys, log-ins.
pub(crate) struct Site {
    pub(crate) images: Vec<CardImage>,
    /// A card whose chip proves its key only to terminals, with an eID application.
    pub(crate) eid: CardImage,
    pub(crate) quality: Quality,
    pub(crate) profile: CardProfile,
    pub(crate) masters: Masters,
    logins: [Login; 2],
}

pub(crate) static SITE: LazyLock<Site> = LazyLock::new(Site::new);

impl Site {
    fn new() -> Self {
        let mut rng = SeededRng::new(b"site");
        let algorithm = Algorithm::Ecdsa(Hash::Sha256);
        let subject = Subject {
            country: "VN".to_owned(),
            state_code: "VNM".to_owned(),
            organization: Some("Test".to_owned()),
            organizational_unit: None,
            serial_number: Some("001".to_owned()),
            common_name: "CSCA Test".to_owned(),
            contact_email: None,
        };
        let parameters = CscaParameters { key: KeyParameters::Ec(Curve::P256), algorithm, document_years: 25, ..CscaParameters::default() };
        let root = SigningKey::generate(parameters.key, algorithm, &mut rng).expect("a key");
        let root = SoftwareSigner::new("csca", root, SeededRng::new(b"csca"));
        let issued = today().plus_days(-30);
        let csca = csca::create(&subject, &parameters, &root, &[0x11], issued).expect("a CSCA");
        let parameters = DsParameters { document_years: 25, ..DsParameters::default() };
        let key = SigningKey::generate(parameters.key, parameters.algorithm, &mut rng).expect("a key");
        let name = subject.name_with(&parameters.common_name);
        let ds = ds::issue(&csca, &root, &name, &parameters, &key.public(), &[0x22], issued).expect("a document signer");
        let signer = SoftwareSigner::new("ds", key, SeededRng::new(b"ds"));
        let mut image = |document: &DocumentProfile, n| {
            let citizen = people::citizen(1, n, today());
            let record = Record::new(&citizen.input, document, today(), &mut |name| citizen.load(name)).expect("a record");
            let keys = ChipKeys::generate(document, &mut rng).expect("keys");
            let signing = Signing { signer: &signer, certificate: ds.der(), today: today() };
            build::build(&record, document, &keys, signing).expect("an image")
        };
        let document = |name| DocumentProfile::load(name).expect("built in");
        let eid = image(&document("icao-td1-eid"), 13);
        let cccd = document("cccd-2021");
        let images = (1..=12).map(|n| image(&cccd, n)).collect();
        let profile = CardProfile::load("eid-gp-scp03").expect("built in");
        let masters = Masters::test(&profile);
        let mut store = MemoryStore::new();
        let logins = ["ana", "ben"].map(|name| {
            let phrase = Secret::from(&b"a pass phrase of a test"[..]);
            let user = User::new(name, &[Role::Supervisor, Role::Operator], &phrase, &mut rng).expect("a user");
            store.put_user(&user, None, &note("user-added")).expect("stored");
            log_in(&mut store, name, &phrase, now()).expect("logged in")
        });
        let quality = Quality::new(TrustStore::from_bytes(csca.der()).expect("a certificate"));
        Self { images, eid, quality, profile, masters, logins }
    }

    /// A blank card of the product.
    pub(crate) fn blank(&self, kdd: [u8; 10], memory: usize, rng: SeededRng) -> Card {
        let Product::GpDgi(product) = &self.profile.product else { panic!("the product of the virtual card") };
        let keys = kdf3(self.masters.get(&product.master_transport).expect("a test key"), kdd).expect("keys");
        let config = CardConfig { memory, ..CardConfig::new(kdd, product.kvn_transport, keys) };
        Card::blank(&config, RamNvm::new(memory), Box::new(rng)).expect("a card")
    }

    pub(crate) fn two(&self, action: Action) -> TwoPersons {
        let [first, second] = &self.logins;
        TwoPersons::new(action, first, second, now()).expect("two persons")
    }
}

impl ImageSource for Site {
    fn image(&self, job: &Job) -> Result<CardImage, String> {
        let image = self.images.iter().find(|image| image.digest() == job.order.image_digest);
        image.cloned().ok_or_else(|| "no such image".to_owned())
    }
}

pub(crate) fn note(event: &str) -> Note {
    Note { time: now(), actors: Vec::new(), event: event.to_owned(), subjects: Vec::new(), detail: String::new() }
}

/// Where the station is when its power goes. The count is of places: before and after each journal call, commit, and APDU.
#[derive(Clone, Debug, Default)]
pub(crate) struct Power(Arc<(AtomicUsize, AtomicUsize)>);

/// The station lost its power.
pub(crate) struct Cut;

impl Power {
    /// Cuts at the place number `at`, counted from 1.
    pub(crate) fn cut_at(at: usize) -> Self {
        Self(Arc::new((AtomicUsize::new(0), AtomicUsize::new(at))))
    }

    pub(crate) fn places(&self) -> usize {
        self.0.0.load(Ordering::Relaxed)
    }

    fn place(&self) {
        if self.0.0.fetch_add(1, Ordering::Relaxed) + 1 == self.0.1.load(Ordering::Relaxed) {
            resume_unwind(Box::new(Cut));
        }
    }

    fn around<T>(&self, work: impl FnOnce() -> T) -> T {
        self.place();
        let done = work();
        self.place();
        done
    }
}

type Shared<T> = Arc<Mutex<T>>;

fn lock<T: ?Sized>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One virtual card, and when it dies.
pub(crate) struct Chip {
    pub(crate) card: Card,
    pub(crate) serial: Serial,
    /// APDUs until it answers no more.
    pub(crate) dies_after: Option<usize>,
}

/// All cards, and where each is.
#[derive(Default)]
pub(crate) struct Rack {
    pub(crate) chips: Vec<Shared<Chip>>,
    blanks: VecDeque<usize>,
    reader: BTreeMap<String, usize>,
    pub(crate) good: Vec<usize>,
    pub(crate) reject: Vec<usize>,
}

struct RackFeeder {
    rack: Shared<Rack>,
    name: String,
    power: Power,
}

struct ChipLink {
    chip: Shared<Chip>,
    power: Power,
}

impl Transport for ChipLink {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        lock(&self.chip).card.atr()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let chip = Arc::clone(&self.chip);
        self.power.around(move || {
            let mut chip = lock(&chip);
            if let Some(left) = &mut chip.dies_after {
                if *left == 0 {
                    return Err(TransportError::CardGone { reader: "rack".to_owned(), detail: "dead".to_owned() });
                }
                *left -= 1;
            }
            chip.card.transmit(command)
        })
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        lock(&self.chip).card.power_cycle();
        Ok(())
    }

    fn limits(&self) -> Limits {
        Limits::EXTENDED
    }
}

impl Feeder for RackFeeder {
    fn name(&self) -> &str {
        &self.name
    }

    fn has_left_over(&self) -> bool {
        lock(&self.rack).reader.contains_key(&self.name)
    }

    fn is_manual(&self) -> bool {
        false
    }

    fn load(&mut self, stop: &dyn Fn() -> bool) -> Result<Load, FeederError> {
        if stop() {
            return Ok(Load::Stopped);
        }
        let chip = {
            let mut rack = lock(&self.rack);
            let number = rack.reader.get(&self.name).copied().or_else(|| rack.blanks.pop_front());
            let Some(number) = number else { return Ok(Load::Empty) };
            rack.reader.insert(self.name.clone(), number);
            Arc::clone(&rack.chips[number])
        };
        lock(&chip).card.power_cycle();
        self.power.place();
        Ok(Load::Card(Box::new(ChipLink { chip, power: self.power.clone() })))
    }

    fn unload(&mut self, link: Option<Link>, bin: Bin, _: &dyn Fn() -> bool) -> Result<bool, FeederError> {
        drop(link);
        self.power.around(|| {
            let mut rack = lock(&self.rack);
            let Some(number) = rack.reader.remove(&self.name) else { return };
            match bin {
                Bin::Good => rack.good.push(number),
                Bin::Reject => rack.reject.push(number),
                Bin::Blank => rack.blanks.push_back(number),
                Bin::Stay => drop(rack.reader.insert(self.name.clone(), number)),
            }
        });
        Ok(bin != Bin::Stay)
    }
}

/// A journal whose station may lose its power around each call.
struct CutJournal {
    inner: JournalFile,
    power: Power,
}

macro_rules! around {
    ($($verb:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        impl Journal for CutJournal {
            $(fn $verb(&mut self, $($argument: $kind),*) -> Result<$answer, JournalError> {
                let Self { inner, power } = self;
                power.around(|| inner.$verb($($argument),*))
            })*
        }
    };
}

around! {
    claimed(claims: &[Claim]) -> ();
    unclaimed(job: JobId) -> ();
    claims() -> Vec<(JobId, i64)>;
    intend(intent: &Intent, started: i64, note: &Note) -> i64;
    take_up(under_way: &UnderWay) -> i64;
    cut_off() -> Vec<CutOff>;
    intent(serial: &Serial) -> Option<Intent>;
    open_intents() -> Vec<Intent>;
    settle(serial: &Serial, state: IntentState) -> ();
    before(serial: &Serial, change: Change, time: i64) -> ();
    say(sayings: &[Saying], state: Option<(&Serial, IntentState)>, note: &Note) -> ();
    unsaid(limit: u32) -> Vec<(i64, Saying)>;
    said(up_to: i64) -> ();
    unshipped(limit: u32) -> Vec<audit::Entry>;
    shipped(up_to: i64) -> ();
}

/// A line with some jobs and some blanks.
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) batch: BatchId,
    pub(crate) rack: Shared<Rack>,
    folder: tempfile::TempDir,
    pub(crate) settings: Settings,
    /// Rows of the table that settled cards, and outcomes, as they were told.
    pub(crate) told: Mutex<Vec<String>>,
    runs: AtomicUsize,
    /// Says that the store is away for so many of its next calls, after so many.
    pub(crate) away: Shared<(usize, usize)>,
    seed: usize,
    seconds: AtomicI64,
    /// Readers of each station.
    pub(crate) readers: usize,
    /// Asks the station to stop after so many APDUs of a card.
    pub(crate) stop_at: Option<usize>,
}

impl World {
    /// `jobs` people and `blanks` blank cards at the line.
    pub(crate) fn new(jobs: usize, blanks: usize, seed: usize) -> Self {
        let site = &*SITE;
        let mut store = MemoryStore::new();
        let mut rack = Rack::default();
        for n in 0..blanks {
            let [low, high] = u16::try_from(n + 1).expect("few").to_le_bytes();
            let kdd = [0, 0, 0, b'E', b'I', b'D', 0, 0, high, low];
            let card = site.blank(kdd, CardConfig::MEMORY, SeededRng::new(&[b'c', high, low]));
            rack.chips.push(Arc::new(Mutex::new(Chip { card, serial: Serial::new(&kdd).expect("ten bytes"), dies_after: None })));
            rack.blanks.push_back(n);
        }
        let serials: Vec<_> = rack.chips.iter().map(|chip| lock(chip).serial.clone()).collect();
        store.deliver("D1", &serials, &note("delivered")).expect("delivered");
        store.move_cards(&serials, CardState::InStock, CardState::AtLine, None, &note("issued-to-line")).expect("moved");
        let header = NewBatch {
            name: "B1".to_owned(),
            document_profile: "cccd-2021".to_owned(),
            card_profile: site.profile.id.clone(),
            profile_digest: [1; 32],
            live: false,
            merkle_root: [2; 32],
            signature: vec![3],
        };
        let mut orders = site.images.iter().take(jobs).zip(1u8..).map(|(image, n)| NewJob {
            sequence: n.into(),
            person: Pseudonym([n; 32]),
            document_type: "ID".to_owned(),
            number: Pseudonym([n + 100; 32]),
            image_digest: image.digest(),
            image_file: format!("{n}.sealed"),
            sealed_digest: [4; 32],
            replaces: None,
        });
        let batch = store.add_batch(&header, &mut orders, &note("batch-added")).expect("stored");
        store.release_batch(batch, &site.two(Action::ReleaseBatch), &note("batch-released")).expect("released");
        let settings = Settings { pause: Duration::ZERO, apdu: ApduForm::Extended(4096), ..Settings::default() };
        Self {
            store,
            batch,
            rack: Arc::new(Mutex::new(rack)),
            folder: tempfile::tempdir().expect("a folder"),
            settings,
            told: Mutex::default(),
            runs: AtomicUsize::new(0),
            away: Arc::default(),
            seed,
            seconds: AtomicI64::new(0),
            readers: 1,
            stop_at: None,
        }
    }

    fn journal(&self, station: &str) -> PathBuf {
        self.folder.path().join(format!("{station}.db"))
    }

    /// Runs the station at one reader of its own, until it ends or its power is cut.
    pub(crate) fn run(&self, station: &str, power: &Power) -> Result<End, Cut> {
        self.run_until(station, power, &AtomicBool::new(false)).map(|end| end.expect("the station can work"))
    }

    /// The same, with a flag that ends it.
    pub(crate) fn run_until(&self, station: &str, power: &Power, stop: &AtomicBool) -> Result<Result<End, StationError>, Cut> {
        let site = &*SITE;
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let tell = |event: Event<'_>| {
            if let Event::Stage { stage: Stage::Write, done, .. } = event
                && self.stop_at.is_some_and(|at| done >= at)
            {
                stop.store(true, Ordering::Relaxed);
            }
            let text = match event {
                Event::Settled { row, .. } => format!("{row:?}"),
                Event::Attempt(attempt) => attempt.outcome.clone(),
                Event::Incident(incident) => format!("incident {}", incident.what),
                Event::Rejected { why, .. } => format!("rejected: {why}"),
                Event::ReaderOut { why, .. } => format!("reader out: {why}"),
                Event::Away { detail } => if detail.is_some() { "away" } else { "back" }.to_owned(),
                Event::Stage { .. } => return,
            };
            lock(&self.told).push(text);
        };
        // Each look at the clock takes a second, so that leases run out while somebody waits.
        let clock = || now() + self.seconds.fetch_add(1, Ordering::Relaxed);
        let work = || {
            let parts = Parts {
                name: station,
                settings: &self.settings,
                profile: &site.profile,
                masters: &site.masters,
                images: site,
                quality: &site.quality,
                clock: &clock,
                tell: &tell,
                stop,
            };
            let journal = JournalFile::open(&self.journal(station), station)?;
            let line = Station::new(parts, Box::new(CutJournal { inner: journal, power: power.clone() }));
            let store = || CutStore { inner: self.store.clone(), power: power.clone(), away: Arc::clone(&self.away) };
            let seat = |n: usize| {
                let name = if n == 0 { station.to_owned() } else { format!("{station}-{n}") };
                let rng = SeededRng::new(format!("{name} {run} {}", self.seed).as_bytes());
                let feeder = RackFeeder { rack: Arc::clone(&self.rack), name, power: power.clone() };
                Seat { feeder: Box::new(feeder), store: Box::new(store()), rng: Box::new(rng) }
            };
            if self.readers > 1 {
                return line.run((0..self.readers).map(seat).collect(), &mut store());
            }
            line.start(&mut store())?;
            line.work(seat(0))?;
            line.finish(&mut store())
        };
        catch_unwind(AssertUnwindSafe(work)).map_err(|panic| match panic.downcast::<Cut>() {
            Ok(cut) => *cut,
            Err(other) => resume_unwind(other),
        })
    }

    pub(crate) fn count(&self, state: JobState) -> u64 {
        let counts = self.store.clone().job_counts(self.batch).expect("there");
        counts.into_iter().filter(|(known, _)| *known == state).map(|(_, count)| count).sum()
    }

    /// What must hold at every moment: at most one live card for a job, and an issued job has its own card.
    pub(crate) fn holds(&self) {
        let site = &*SITE;
        let rack = lock(&self.rack);
        let mut live: BTreeMap<[u8; 32], usize> = BTreeMap::new();
        let mut holders = BTreeMap::new();
        for chip in &rack.chips {
            let chip = lock(chip);
            if !matches!(chip.card.life_cycle(), LifeCycle::Personalized | LifeCycle::Operational) {
                continue;
            }
            let holds = |image: &&CardImage| image.files.iter().all(|(file, bytes)| chip.card.file(*file).ok().flatten() == Some(bytes));
            let image = site.images.iter().find(holds).expect("a committed card holds a whole image");
            *live.entry(image.digest()).or_default() += 1;
            holders.insert(chip.serial.clone(), (image.digest(), chip.card.life_cycle()));
        }
        assert!(live.values().all(|count| *count == 1), "one live card for a person: {live:?}");
        for job in self.store.clone().jobs(self.batch, 0, 1_000).expect("there") {
            if job.state == JobState::Issued {
                let serial = job.serial.as_ref().expect("an issued job has its card");
                assert_eq!(holders.get(serial), Some(&(job.order.image_digest, LifeCycle::Operational)), "job {}", job.id.0);
            }
        }
    }

    /// The scrap desk: two persons terminate what answers, destroy the rest, and count.
    pub(crate) fn scrap_desk(&self) {
        let mut store = self.store.clone();
        let rack = lock(&self.rack);
        for number in &rack.reject {
            let mut chip = lock(&rack.chips[*number]);
            let known = store.card(&chip.serial).expect("there").expect("delivered");
            if matches!(known.state, CardState::Terminated | CardState::Mute) {
                continue;
            }
            let is_dead = chip.dies_after.take() == Some(0);
            chip.card.power_cycle();
            if is_dead {
                // The serial is read from the body, and this is the shredder.
                let nonce = known.bound.as_ref().map_or([0; 16], |(binding, _)| binding.bind.nonce);
                writer().terminate(&mut chip.card, nonce, &mut SeededRng::new(b"shredder"), &mut ()).expect("terminated");
                desk(|desk| desk.count(&chip.serial, Some(&known), CardState::Mute, &mut store)).expect("counted");
            } else {
                let serial = chip.serial.clone();
                assert_eq!(self.at_desk(&mut chip.card), Ended::Counted(serial));
            }
        }
    }

    /// What the scrap desk does with this card.
    pub(crate) fn at_desk(&self, card: &mut Card) -> Ended {
        let mut store = self.store.clone();
        desk(|desk| desk.terminate(card, writer(), &mut store, &mut SeededRng::new(b"desk"))).expect("a store")
    }

    /// Everything is accounted for: the batch closes with difference 0, the bins hold what the store says, and the chains verify.
    pub(crate) fn settles(&self) {
        self.holds();
        let mut store = self.store.clone();
        assert_eq!(store.incidents(true).expect("there"), []);
        store.close_batch(self.batch, &SITE.two(Action::CloseBatch), &note("batch-closed")).expect("difference 0");
        let batches: Vec<Batch> = store.batches().expect("there");
        assert!(batches[0].closed_by.is_some());
        let rack = lock(&self.rack);
        let serials = |numbers: &[usize]| {
            let mut serials: Vec<_> = numbers.iter().map(|number| lock(&rack.chips[*number]).serial.clone()).collect();
            serials.sort();
            serials
        };
        let listed = |store: &mut MemoryStore, state| {
            let cards = store.cards(state, None, 1_000).expect("there");
            cards.into_iter().map(|card| card.serial).collect::<Vec<_>>()
        };
        assert_eq!(serials(&rack.good), listed(&mut store, CardState::Good), "the good bin");
        let mut counted = listed(&mut store, CardState::Terminated);
        counted.extend(listed(&mut store, CardState::Mute));
        counted.sort();
        assert_eq!(serials(&rack.reject), counted, "the reject bin");
        let blanks: Vec<_> = rack.blanks.iter().copied().collect();
        assert_eq!(serials(&blanks), listed(&mut store, CardState::AtLine), "the blanks");
        assert!(rack.reader.is_empty(), "no card is left in a reader");
        for end in store.chains().expect("there").into_iter().filter(|end| end.chain != audit::SITE) {
            let entries = store.entries(&end.chain, 0, 100_000).expect("there");
            let verdict = audit::verify::<()>(&end.chain, entries.into_iter().map(Ok), &[], None).expect("no errors");
            assert!(matches!(verdict, audit::Verdict::Intact { .. }), "{verdict:?}");
        }
    }
}

fn writer() -> Writer<'static> {
    Writer { profile: &SITE.profile, masters: &SITE.masters, apdu: ApduForm::Frame }
}

fn desk<T>(work: impl FnOnce(Desk<'_>) -> T) -> T {
    work(Desk { persons: &SITE.two(Action::Scrap), reason: "no-answer", now: now() })
}

/// A store whose caller may lose its power around each commit, and that may be away.
#[derive(Clone)]
struct CutStore {
    inner: MemoryStore,
    power: Power,
    away: Shared<(usize, usize)>,
}

mod cut_store;
