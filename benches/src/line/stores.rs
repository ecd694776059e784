//! Verbs of the store a second, at 1, 4, and 16 stations of one reader each. Floor: commits of one row on as many connections.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use cardwright::line::state::{CardState, JobState};
use cardwright::line::store::{self, Attempt, BatchId, Bind, Claim, JobId, NewBatch, NewJob, Progress, Pseudonym, Serial, Store};
use cardwright::line::users::Action;
use eid::crypto::hash::Hash;

use super::{NOW, People, count, note, postgres::Postgres, rate};

/// Cards of one measurement, and commits of the floor.
const CARDS: u32 = 1_600;
const STATIONS: [u32; 3] = [1, 4, 16];

pub(super) fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Postgres::shared();
    for stations in STATIONS {
        let file = |name: &str| folder.path().join(format!("{name}{stations}.db"));
        let mut stores = vec![("SQLite", format!("sqlite:{}", file("line").display()))];
        stores.extend(server.map(|server| ("PostgreSQL", server.database())));
        for (name, url) in stores {
            let mut store = store::create(&url, None).expect("a store");
            let people = People::new(store.as_mut());
            let work = Work::new(store.as_mut(), &people, 0, CARDS);
            let bare = if name == "SQLite" { bare_sqlite(&file("bare"), stations) } else { bare_postgres(&url, stations) };
            if stations == 1 {
                rate(&format!("{name}, jobs added with their batch, jobs/s beside commits of one"), work.added(), bare);
            }
            let Done { bound, issued } = work.run(&url, stations);
            let (commits, cards) = (f64::from(2 * CARDS), f64::from(CARDS));
            rate(&format!("{name}, {stations} stations, claims and bonds, commits/s"), commits / bound.as_secs_f64(), bare);
            let all = (bound + issued).as_secs_f64();
            rate(&format!("{name}, {stations} stations, all of a card (6 commits), commits/s"), 3.0 * commits / all, bare);
            count(&format!("{name}, {stations} stations, cards/s"), &format!("{:.0}", cards / all));
            work.close(store.as_mut(), &people);
        }
    }
}

/// A batch that waits for stations, and its cards.
pub(super) struct Work {
    pub(super) batch: BatchId,
    first: u32,
    cards: u32,
    added: Duration,
}

/// How long the two halves of the work took.
pub(super) struct Done {
    /// Until every card was claimed and bound.
    pub(super) bound: Duration,
    /// Then until every one was issued and its attempt stored.
    pub(super) issued: Duration,
}

pub(super) fn serial(number: u32) -> Serial {
    Serial::new(&[b"\0\0TST\0".as_slice(), &number.to_be_bytes()].concat()).expect("ten bytes")
}

fn digest(what: &str, number: u32) -> [u8; 32] {
    let digest = Hash::Sha256.digest(&[what.as_bytes(), &number.to_be_bytes()]);
    digest.try_into().expect("32 bytes")
}

impl Work {
    /// A released batch of `cards` jobs, and as many cards at the line; people, numbers, and serials from `first` on.
    pub(super) fn new(store: &mut dyn Store, people: &People, first: u32, cards: u32) -> Self {
        let serials: Vec<Serial> = (first..first + cards).map(serial).collect();
        store.deliver(&format!("delivery {first}"), &serials, &note("delivery")).expect("delivered");
        store.move_cards(&serials, CardState::InStock, CardState::AtLine, None, &note("to-line")).expect("moved");
        let name = format!("batch-{first}");
        let mut jobs = (1..=cards).map(|sequence| {
            let number = first + sequence - 1;
            NewJob {
                sequence,
                person: Pseudonym(digest("person", number)),
                document_type: "ID".to_owned(),
                number: Pseudonym(digest("number", number)),
                image_digest: digest("image", number),
                image_file: format!("{name}/{sequence:06}.sealed"),
                sealed_digest: digest("sealed", number),
                replaces: None,
            }
        });
        let header = NewBatch {
            name: name.clone(),
            document_profile: "cccd-2021".to_owned(),
            card_profile: "eid-gp-scp03".to_owned(),
            profile_digest: [1; 32],
            live: false,
            merkle_root: [2; 32],
            signature: vec![3; 64],
        };
        let start = Instant::now();
        let batch = store.add_batch(&header, &mut jobs, &note("batch-prepared")).expect("a batch");
        let added = start.elapsed();
        store.release_batch(batch, &people.both(Action::ReleaseBatch), &note("batch-released")).expect("released");
        Self { batch, first, cards, added }
    }

    /// Jobs a second that were stored.
    pub(super) fn added(&self) -> f64 {
        f64::from(self.cards) / self.added.as_secs_f64()
    }

    /// All of it by so many stations, each with a connection of its own.
    pub(super) fn run(&self, url: &str, stations: u32) -> Done {
        let numbers = |station: u32| (self.first + station..self.first + self.cards).step_by(usize::try_from(stations).expect("few"));
        let mut stores: Vec<Box<dyn Store>> = (0..stations).map(|_| store::open(url, None).expect("a store")).collect();
        let start = Instant::now();
        let claims: Vec<Vec<Claim>> = thread::scope(|scope| {
            let threads: Vec<_> = stores
                .iter_mut()
                .zip(0..)
                .map(|(store, station)| scope.spawn(move || bind(store.as_mut(), station, numbers(station))))
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("a station")).collect()
        });
        let bound = start.elapsed();
        let start = Instant::now();
        thread::scope(|scope| {
            for ((store, claims), station) in stores.iter_mut().zip(&claims).zip(0..) {
                scope.spawn(move || issue(store.as_mut(), station, claims.iter().zip(numbers(station))));
            }
        });
        Done { bound, issued: start.elapsed() }
    }

    /// Closes the batch: difference 0.
    pub(super) fn close(&self, store: &mut dyn Store, people: &People) {
        assert_eq!(store.job_counts(self.batch).expect("counts"), [(JobState::Issued, u64::from(self.cards))]);
        store.close_batch(self.batch, &people.both(Action::CloseBatch), &note("batch-closed")).expect("difference 0");
    }
}

fn bind(store: &mut dyn Store, station: u32, cards: impl Iterator<Item = u32>) -> Vec<Claim> {
    let name = format!("s{station}");
    let one = |number: u32| {
        let claim = store.claim(&name, 1, NOW, NOW + 120).expect("claimed").pop().expect("a job");
        let nonce = *digest("nonce", number).first_chunk().expect("16 of 32 bytes");
        let (job, epoch, station, reader) = (claim.job.id, claim.job.epoch, name.clone(), "r0".to_owned());
        store.bind(&Bind { job, epoch, serial: serial(number), nonce, station, reader, time: NOW }).expect("bound");
        claim
    };
    cards.map(one).collect()
}

fn issue<'a>(store: &mut dyn Store, station: u32, cards: impl Iterator<Item = (&'a Claim, u32)>) {
    for (claim, number) in cards {
        let serial = serial(number);
        for progress in [Progress::Written(claim.job.order.image_digest), Progress::Verified, Progress::Issued] {
            store.progress(&serial, progress).expect("progress");
        }
        store.attempt(&attempt(&format!("s{station}"), number, claim.job.id, serial)).expect("an attempt");
    }
}

fn attempt(station: &str, number: u32, job: JobId, serial: Serial) -> Attempt {
    Attempt {
        station: station.to_owned(),
        number: number.into(),
        reader: "r0".to_owned(),
        job,
        serial,
        started: NOW,
        milliseconds: [30, 2_000, 900, 100, 20],
        apdus: 150,
        bytes: 35_000,
        resumed: false,
        settled_by: None,
        outcome: "good".to_owned(),
    }
}

/// Commits a second of one row each on `connections` connections.
fn bare<T: Send>(connections: u32, connect: impl Fn() -> T, insert: impl Fn(&mut T, i64) + Sync) -> f64 {
    let mut clients: Vec<T> = (0..connections).map(|_| connect()).collect();
    let each = CARDS / connections;
    let start = Instant::now();
    thread::scope(|scope| {
        for client in &mut clients {
            let insert = &insert;
            scope.spawn(move || (0..each).for_each(|number| insert(client, number.into())));
        }
    });
    f64::from(each * connections) / start.elapsed().as_secs_f64()
}

pub(super) fn bare_postgres(url: &str, connections: u32) -> f64 {
    let connect = || postgres::Client::connect(url, postgres::NoTls).expect("PostgreSQL");
    connect().batch_execute("CREATE TABLE IF NOT EXISTS bare (number bigint)").expect("a table");
    let connect = || {
        let mut client = connect();
        let insert = client.prepare("INSERT INTO bare VALUES ($1)").expect("a statement");
        (client, insert)
    };
    bare(connections, connect, |(client, insert), number| {
        client.execute(&*insert, &[&number]).expect("committed");
    })
}

fn bare_sqlite(file: &Path, connections: u32) -> f64 {
    let connect = || {
        let client = rusqlite::Connection::open(file).expect("SQLite");
        client.busy_timeout(Duration::from_secs(10)).expect("a time");
        client.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL").expect("settings");
        client
    };
    connect().execute_batch("CREATE TABLE bare (number INTEGER) STRICT").expect("a table");
    bare(connections, connect, |client, number| {
        client.prepare_cached("INSERT INTO bare VALUES (?1)").expect("a statement").execute([number]).expect("committed");
    })
}
