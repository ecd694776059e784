//! A batch from its people to its end, with everything that goes wrong in between.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use applets::rng::SeededRng;
use cardwright::line::state::JobState;
use cardwright::line::store::{self, Store};
use rand_core::Rng as _;
use serde_json::Value;

use super::judge;
use super::line::{BATCH, Line, TWO};
use super::postgres::Postgres;
use super::station::Station;

/// How much, and how bad.
pub(crate) struct Storm {
    pub(crate) cards: u32,
    pub(crate) readers: u32,
    pub(crate) stations: u32,
    pub(crate) seed: u64,
    /// How often a station is killed.
    pub(crate) kills: u32,
}

/// What happened.
#[derive(Debug, Default)]
struct Count {
    kills: u32,
    checkpoints: u32,
    terminated: u32,
    mute: u32,
    commits: i64,
}

/// A clock of steps: prints how long each took.
struct Steps(Instant);

impl Steps {
    fn done(&mut self, what: &str) -> Duration {
        let took = std::mem::replace(&mut self.0, Instant::now()).elapsed();
        println!("  {what}: {:.1} s", took.as_secs_f64());
        took
    }
}

fn below(rng: &mut SeededRng, limit: u32) -> u32 {
    rng.next_u32() % limit.max(1)
}

impl Storm {
    /// Skipped where there is no PostgreSQL.
    pub(crate) fn run(&self) {
        let Some(mut server) = Postgres::start() else { return };
        println!("{} cards, {} readers, {} stations, seed {}", self.cards, self.readers, self.stations, self.seed);
        let mut steps = Steps(Instant::now());
        let line = Line::new(server.database());
        line.prepare(self.cards, self.cards + self.cards / 20 + 10, |step| {
            steps.done(step);
        });
        let mut store = store::open(&line.url, None).expect("the store");
        let mut count = Count::default();
        let mut stations = self.stations();
        let cpu = children();
        let before = commits(&line.url);
        self.storm(&line, &mut server, &mut stations, store.as_mut(), &mut count);
        let mut took = steps.done("stations");
        let mut rounds = 0;
        while issued(store.as_mut()) < self.cards {
            rounds += 1;
            assert!(rounds <= 8, "{:?} {:?}", states(store.as_mut()), stations.iter().map(|one| one.ends.last()).collect::<Vec<_>>());
            scrap_desk(&line, &mut count);
            stations.iter_mut().for_each(|station| station.start(&line));
            wait(&line, &mut stations, |_| {});
            took += steps.done("scrap desk, and its jobs again");
        }
        scrap_desk(&line, &mut count);
        count.commits += commits(&line.url) - before;
        let cpu = children() - cpu;
        line.done(&[&["line", "close", BATCH][..], &TWO].concat());
        line.done(&["line", "audit", "verify", "--checkpoints", "checkpoints.jsonl"]);
        steps.done("close, audit");
        let cards = judge::every_card(&line, store.as_mut());
        steps.done("every card opened");
        assert_eq!(cards.live, self.cards);
        assert_eq!(cards.ended, count.terminated + count.mute);
        assert!(count.kills > 0 && count.checkpoints > 0, "{count:?}");
        self.tell(&line, &stations, &count, (took, cpu));
    }

    /// Stations with about as many readers each.
    fn stations(&self) -> Vec<Station> {
        let seed = self.seed.to_string();
        // A lease of a station that is killed before it writes its claim down must run out.
        let more = ["--lease", "20", "--scrap-allowed", "200", "--sim-faults", "2%", "--sim-seed", &seed];
        let readers = |n: u32| usize::try_from((self.readers + n) / self.stations).expect("few");
        (0..self.stations).map(|n| Station::new(&format!("s{n}"), readers(n), &more)).collect()
    }

    /// Runs the stations until all have ended. By the count of issued cards, so that it always gets to its end, stations are killed, the server is
    /// stopped, and checkpoints are signed.
    fn storm(&self, line: &Line, server: &mut Postgres, stations: &mut [Station], store: &mut dyn Store, count: &mut Count) {
        let mut rng = SeededRng::new(&self.seed.to_be_bytes());
        let mean = self.cards / (self.kills + 1);
        let mut next_kill = below(&mut rng, 2 * mean);
        let (mut next_sign, mut to_stop) = (self.cards / 4, Some(self.cards / 2));
        stations.iter_mut().for_each(|station| station.start(line));
        wait(line, stations, |stations| {
            let issued = issued(store);
            if to_stop.is_some_and(|at| issued >= at) {
                to_stop = None;
                count.commits += commits(&line.url);
                server.stop();
                // In the dark, a station is killed, and comes back to a store that is away.
                std::thread::sleep(Duration::from_millis(700));
                self.kill(line, stations, &mut rng, count);
                std::thread::sleep(Duration::from_millis(700));
                server.restart();
                count.commits -= commits(&line.url);
            }
            if issued >= next_kill && count.kills < self.kills {
                next_kill = issued + below(&mut rng, 2 * mean);
                // At any moment of a card.
                std::thread::sleep(Duration::from_millis(below(&mut rng, 100).into()));
                self.kill(line, stations, &mut rng, count);
            }
            if issued >= next_sign {
                next_sign += self.cards / 4;
                line.done(&["line", "audit", "sign", "--out", "checkpoints.jsonl"]);
                count.checkpoints += 1;
            }
        });
    }

    /// Kills a station that runs, if one does, and starts it again.
    fn kill(&self, line: &Line, stations: &mut [Station], rng: &mut SeededRng, count: &mut Count) {
        let mut running: Vec<_> = stations.iter_mut().filter(|station| station.is_running()).collect();
        let chosen = usize::try_from(below(rng, self.stations)).expect("few") % running.len().max(1);
        let Some(station) = running.get_mut(chosen) else { return };
        station.kill();
        station.start(line);
        count.kills += 1;
    }

    fn tell(&self, line: &Line, stations: &[Station], count: &Count, (took, cpu): (Duration, Duration)) {
        let mut faults = BTreeMap::new();
        for log in stations.iter().flat_map(|station| station.logs(line)) {
            for fault in log.lines().filter(|line| line.contains("on purpose")).filter_map(|line| line.split("fault=").nth(1)) {
                *faults.entry(fault.trim_matches('"').split_whitespace().take(2).collect::<Vec<_>>().join(" ")).or_insert(0) += 1;
            }
        }
        let cards = f64::from(self.cards);
        println!(
            "{} cards in {:.1} s: {:.0} an hour, {:.1} ms of CPU a card, {:.1} commits a card; {} kills, {} checkpoints; \
             {} cards terminated, {} destroyed\nfaults: {faults:?}\nattempts:",
            self.cards,
            took.as_secs_f64(),
            cards * 3600.0 / took.as_secs_f64(),
            cpu.as_secs_f64() * 1000.0 / cards,
            f64::from(i32::try_from(count.commits).unwrap_or(i32::MAX)) / cards,
            count.kills,
            count.checkpoints,
            count.terminated,
            count.mute,
        );
        let attempts = "SELECT outcome, resumed, count(*), avg(apdus)::bigint, avg(identify + write + inspect + activate)::bigint,
            avg(wait)::bigint FROM attempt GROUP BY 1, 2 ORDER BY 1, 2";
        for row in client(&line.url).query(attempts, &[]).expect("attempts") {
            let (outcome, resumed, numbers): (String, i64, [i64; 4]) = (row.get(0), row.get(1), [2, 3, 4, 5].map(|column| row.get(column)));
            let [attempts, apdus, worked, waited] = numbers;
            let what = if resumed == 1 { "taken up again" } else { "at once" };
            println!("  {outcome} {what}: {attempts}, {apdus} APDUs, {worked} ms at the card, {waited} ms for the store");
        }
    }
}

/// Waits until every station has ended by itself, and does something now and then.
fn wait(line: &Line, stations: &mut [Station], mut now_and_then: impl FnMut(&mut [Station])) {
    let mut last = Instant::now();
    while stations.iter().any(Station::is_running) {
        std::thread::sleep(Duration::from_millis(50));
        for station in &mut *stations {
            if station.has_ended(line) {
                let (code, said) = station.ends.last().expect("it ended");
                assert!(matches!(code, 0 | 3), "station {} ended with {code}: {said}", station.name);
                last = Instant::now();
            }
        }
        assert!(last.elapsed() < Duration::from_secs(1800), "stations do not come to an end");
        now_and_then(stations);
    }
}

/// Two persons at the reject bin: what answers is terminated and counted, of the rest the serial is read from the body.
fn scrap_desk(line: &Line, count: &mut Count) {
    let bin = line.path("line/blanks/reject");
    let destroyed = line.path("destroyed");
    std::fs::create_dir_all(&destroyed).expect("a folder");
    if std::fs::read_dir(&bin).expect("the reject bin").next().is_none() {
        return;
    }
    let output = line.output(&[&["line", "scrap", "--json", "--reader", "sim:line/blanks/reject", "--reason", "soak"][..], &TWO].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    for card in report["cards"].as_array().expect("cards") {
        let place = Path::new(card["place"].as_str().expect("a file"));
        let file = place.file_name().expect("a name");
        if card["state"] == "terminated" {
            count.terminated += 1;
        } else {
            let body = place.file_stem().expect("a name").to_str().expect("hexadecimal");
            assert!(card["left"].as_str().is_some_and(|why| why.contains("count it as mute")), "{card}");
            line.done(&[&["line", "scrap", body, "--as", "mute", "--reason", "no-answer"][..], &TWO].concat());
            count.mute += 1;
        }
        std::fs::rename(bin.join(file), destroyed.join(file)).expect("moved");
    }
}

/// Jobs of the batch by their state.
fn states(store: &mut dyn Store) -> Vec<(JobState, u64)> {
    let batch = store.batches().expect("batches").pop().expect("a batch").id;
    store.job_counts(batch).expect("counts")
}

fn issued(store: &mut dyn Store) -> u32 {
    let issued = states(store).into_iter().find(|(state, _)| *state == JobState::Issued);
    issued.map_or(0, |(_, count)| u32::try_from(count).expect("few"))
}

fn client(url: &str) -> ::postgres::Client {
    ::postgres::Client::connect(url, ::postgres::NoTls).expect("the server")
}

/// Transactions of the database since it was started.
fn commits(url: &str) -> i64 {
    let row = client(url).query_one("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()", &[]).expect("a row");
    row.get(0)
}

/// Processor time of all processes that were started here and have ended.
fn children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // Fields 16 and 17 of the whole, in ticks of which Linux tells programs 100 a second.
    let ticks: u64 = after_name.split_whitespace().skip(13).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
