//! A station of the production line at eight readers of a real daemon, with a robot in the place of the person: it does what it is asked for, and
//! sometimes what nobody asked for.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use applets::rng::SeededRng;
use applets::{Card, vpcd};
use eid::image::LifeCycle;
use serde_json::Value;

use super::daemon::{Daemon, with_readers};

#[path = "../support/line.rs"]
mod site;
use site::{BATCH, Line, TWO};

const READERS: u16 = 8;

/// A card in a reader, and the thread in which it lives.
struct Inserted {
    file: PathBuf,
    stop: Arc<AtomicBool>,
    link: Arc<Mutex<Option<TcpStream>>>,
    thread: JoinHandle<()>,
}

impl Inserted {
    /// Puts the card into the reader at this port, where it stays when the reader's service goes away and comes back.
    fn new(file: PathBuf, port: u16) -> Self {
        let (stop, link) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
        let mut card = Card::open(&file, Box::new(SeededRng::new(file.as_os_str().as_encoded_bytes()))).expect("a card");
        let thread = {
            let (stop, link) = (Arc::clone(&stop), Arc::clone(&link));
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                        stream.set_nodelay(true).expect("nodelay");
                        *link.lock().expect("link") = Some(stream.try_clone().expect("clone"));
                        vpcd::serve_link(&mut card, &mut stream, &stop).expect("a card that answers");
                    }
                    // The driver swaps in silently what comes back at once.
                    for _ in 0..10 {
                        if !stop.load(Ordering::Relaxed) {
                            thread::sleep(vpcd::RECONNECT_PAUSE / 10);
                        }
                    }
                }
            })
        };
        Self { file, stop, link, thread }
    }

    /// Takes it out, whatever it is doing.
    fn take_out(self) -> PathBuf {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(link) = self.link.lock().expect("link").take() {
            drop(link.shutdown(Shutdown::Both));
        }
        self.thread.join().expect("the card");
        self.file
    }
}

/// What the robot does that nobody asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mischief {
    /// After so many cards, pulls one out while it is written and gives it to the reader that asks next.
    Pull { after: usize },
    /// After so many cards, while one is written, the service is killed, and started after so many seconds.
    KillDaemon { after: usize, seconds: u64 },
}

struct Robot<'a> {
    folder: &'a Path,
    port: u16,
    /// Cards in hand: half-written ones first, then blanks.
    hand: VecDeque<PathBuf>,
    readers: Vec<Option<Inserted>>,
    mischief: Vec<Mischief>,
    sorted: usize,
}

impl Robot<'_> {
    fn reader(name: &str) -> usize {
        (0..READERS).position(|n| format!("pcsc:{}", reader(n)) == name).unwrap_or_else(|| panic!("reader {name}"))
    }

    /// Does what is asked for.
    fn asked(&mut self, reader: &str, ask: &str) {
        let n = Self::reader(reader);
        match ask {
            // If it is asked again, a card is on its way into the reader, or its service was away: it is not taken out for that.
            "insert" if self.readers[n].is_some() => {}
            "insert" => {
                if let Some(file) = self.hand.pop_front() {
                    self.readers[n] = Some(Inserted::new(file, self.port + u16::try_from(n).expect("few")));
                }
            }
            "good" | "reject" | "blank" => {
                let Some(card) = self.readers[n].take() else { return };
                let file = card.take_out();
                if ask == "blank" {
                    self.hand.push_back(file);
                } else {
                    let bin = self.folder.join(ask).join(file.file_name().expect("a name"));
                    std::fs::rename(&file, bin).expect("moved");
                    self.sorted += 1;
                }
            }
            "start-service" | "plug-in" => {}
            other => panic!("{reader}: {other}"),
        }
    }

    /// A card is half-written in this reader.
    fn writing(&mut self, reader: &str, daemon: &mut Daemon) {
        let Some(&mischief) = self.mischief.first() else { return };
        let (Mischief::Pull { after } | Mischief::KillDaemon { after, .. }) = mischief;
        if self.sorted < after {
            return;
        }
        self.mischief.remove(0);
        match mischief {
            Mischief::Pull { .. } => {
                let card = self.readers[Self::reader(reader)].take().expect("a card");
                self.hand.push_front(card.take_out());
            }
            Mischief::KillDaemon { seconds, .. } => {
                daemon.kill();
                thread::sleep(Duration::from_secs(seconds));
                daemon.start();
            }
        }
    }
}

fn reader(n: u16) -> String {
    let pair = n / 2;
    let name = if pair == 0 { String::new() } else { pair.to_string() };
    format!("Test{name} 00 {:02}", n % 2)
}

struct Station(Child);

impl Drop for Station {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Runs the station at the readers of the daemon until it ends; returns its exit code and its report.
fn run(line: &Line, daemon: &mut Daemon, more: &[&str], robot: &mut Robot<'_>) -> (Option<i32>, Value) {
    let readers: Vec<String> = (0..READERS).flat_map(|n| ["--reader".to_owned(), format!("pcsc:{}", reader(n))]).collect();
    // The events come through its standard output, which nothing else uses with these options.
    let mut arguments = vec!["line", "run", "--station", "desk", "--events", "/dev/stdout"];
    arguments.extend(more);
    arguments.extend(readers.iter().map(String::as_str));
    let log = std::fs::File::create(line.path("station.log")).expect("a log");
    let child = line.command(&arguments).stdout(Stdio::piped()).stderr(log).spawn().expect("the program starts");
    let mut station = Station(child);
    let output = BufReader::new(station.0.stdout.take().expect("piped"));
    let mut report = Value::Null;
    for text in output.lines() {
        // Lines for people come the same way.
        let Ok(event) = serde_json::from_str::<Value>(&text.expect("a line")) else { continue };
        let reader = event["reader"].as_str().unwrap_or_default();
        match event["event"].as_str().expect("an event") {
            "ask" => robot.asked(reader, event["ask"].as_str().expect("a word")),
            "stage" if event["stage"] == "write" && event["done"] != 0 => robot.writing(reader, daemon),
            "end" => report = event["report"].clone(),
            _ => {}
        }
    }
    let code = station.0.wait().expect("it ends").code();
    println!("{}", std::fs::read_to_string(line.path("station.log")).expect("a log"));
    println!("{code:?} {report}");
    (code, report)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|extension| extension == "card")).collect();
    files.sort();
    files
}

fn robot<'a>(line: &Line, folder: &'a Path, daemon: &Daemon, mischief: Vec<Mischief>) -> Robot<'a> {
    for bin in ["good", "reject"] {
        std::fs::create_dir_all(folder.join(bin)).expect("a folder");
    }
    let hand = files(&line.path("line/blanks")).into();
    Robot { folder, port: daemon.port(), hand, readers: (0..READERS).map(|_| None).collect(), mischief, sorted: 0 }
}

#[test]
fn eight_readers_make_a_batch_while_cards_are_pulled_and_the_service_is_killed() {
    with_readers("line::eight_readers_make_a_batch_while_cards_are_pulled_and_the_service_is_killed", READERS, |daemon| {
        let line = Line::new("sqlite:line.db".to_owned());
        line.prepare(40, 44, |_| ());
        let start = Instant::now();
        let folder = line.path("line/blanks");
        let mischief = vec![Mischief::Pull { after: 5 }, Mischief::Pull { after: 9 }, Mischief::KillDaemon { after: 16, seconds: 1 }];
        let mut robot = robot(&line, &folder, daemon, mischief);
        let (code, report) = run(&line, daemon, &[], &mut robot);
        println!("{:.1} s", start.elapsed().as_secs_f64());
        assert_eq!(code, Some(0), "{report}");
        assert!(robot.mischief.is_empty(), "everything that could go wrong did");
        assert_eq!((report["good"].as_u64(), report["scrap"].as_u64()), (Some(40), Some(0)), "{report}");
        let settled = report["settled"].as_array().expect("cards").iter().filter_map(|card| card["row"].as_str());
        assert!(settled.filter(|row| row.contains("resume; skip")).count() >= 2, "half-written cards go on: {report}");
        // What is left in readers was put in before the last job was claimed by another reader.
        robot.readers.into_iter().flatten().for_each(|card| drop(card.take_out()));
        assert_eq!((files(&folder.join("good")).len(), files(&folder.join("reject")).len()), (40, 0));
        for file in files(&folder.join("good")) {
            let card = Card::open(&file, Box::new(SeededRng::new(b"judge"))).expect("a card");
            assert_eq!(card.life_cycle(), LifeCycle::Operational, "{}", file.display());
        }
        line.done(&["line", "reconcile"]);
        line.done(&[&["line", "close", BATCH][..], &TWO].concat());
    });
}

#[test]
fn a_service_that_does_not_come_back_ends_the_station_and_the_next_start_goes_on() {
    with_readers("line::a_service_that_does_not_come_back_ends_the_station_and_the_next_start_goes_on", READERS, |daemon| {
        let line = Line::new("sqlite:line.db".to_owned());
        line.prepare(12, 14, |_| ());
        let folder = line.path("line/blanks");
        let mut robot = robot(&line, &folder, daemon, vec![Mischief::KillDaemon { after: 2, seconds: 4 }]);
        // It comes back, but too late for a station of so little patience.
        let patient = ["--patience", "1"];
        let (code, report) = run(&line, daemon, &patient, &mut robot);
        assert_eq!((code, report["end"].as_str()), (Some(5), Some("every reader is out")), "{report}");
        let made = report["good"].as_u64().expect("a number");
        assert!((2..12).contains(&made), "{report}");
        let (code, report) = run(&line, daemon, &[], &mut robot);
        assert_eq!((code, report["good"].as_u64()), (Some(0), Some(12 - made)), "{report}");
        line.done(&[&["line", "close", BATCH][..], &TWO].concat());
    });
}
