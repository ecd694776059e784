//! PostgreSQL with the cards of months in its tables beside one with none: rates of the verbs, bytes of tables, indices, and log of the server,
//! and which tables were read whole.

use std::time::{Duration, Instant};

use cardwright::line::state::CardState;
use cardwright::line::store::{self, Pseudonym, Store};
use postgres::{Client, NoTls};

use super::People;
use super::postgres::Postgres;
use super::stores::{Work, bare_postgres, serial};

const STATIONS: [u32; 3] = [1, 16, 40];

/// Finished cards, as the verbs leave them, by SQL: batches of 100,000, each card with its job, its bond, its attempt, and its entries of the log.
/// `{entries}` entries a card, as a station ships them.
const FILL: &[&str] = &[
    "INSERT INTO batch (id, name, document_profile, card_profile, profile_digest, live, merkle_root, signature, jobs, stored, released_first,
       released_second, closed_first, closed_second)
     SELECT b, 'old-' || b, 'cccd-2021', 'eid-gp-scp03', sha256('1'), 0, sha256('2'), sha256('3') || sha256('4'), 100000, 1780000000, 'ana', 'ben',
       'ana', 'ben' FROM generate_series({batch}, {batch}) AS b",
    "INSERT INTO delivery (name, cards, time) SELECT 'old ' || b, 100000, 1780000000 FROM generate_series({batch}, {batch}) AS b",
    "INSERT INTO card (serial, delivery, state) SELECT '\\x000054535401'::bytea || int8send(n), 'old {batch}', 40
     FROM generate_series({first}, {last}) AS n",
    "INSERT INTO job (id, batch, sequence, person, document_type, number, image_digest, image_file, sealed_digest, state, epoch, serial, station)
     SELECT n, {batch}, n - {first} + 1, sha256('p' || int8send(n)), 'ID', sha256('n' || int8send(n)), sha256('i' || int8send(n)),
       'old-{batch}/' || lpad((n - {first} + 1)::text, 6, '0') || '.sealed', sha256('s' || int8send(n)), 50, 1,
       '\\x000054535401'::bytea || int8send(n), 'station-' || n % 40
     FROM generate_series({first}, {last}) AS n",
    "INSERT INTO binding (serial, job, epoch, nonce, station, reader, time, state)
     SELECT '\\x000054535401'::bytea || int8send(n), n, 1, substring(sha256('o' || int8send(n)), 1, 16), 'station-' || n % 40, 'reader-' || n % 16,
       1780000000 + n / 10, 10 FROM generate_series({first}, {last}) AS n",
    "INSERT INTO attempt (station, number, reader, job, serial, started, identify, write, inspect, activate, wait, apdus, bytes, resumed, outcome)
     SELECT 'station-' || n % 40, n / 40, 'reader-' || n % 16, n, '\\x000054535401'::bytea || int8send(n), 1780000000 + n / 10, 30, 2000, 900, 100,
       20, 150, 35000, 0, 'good' FROM generate_series({first}, {last}) AS n",
    "INSERT INTO chain (name, sequence, hash) SELECT 'station station-' || s, 1, sha256('c') FROM generate_series(0, 39) AS s ON CONFLICT DO NOTHING",
    "INSERT INTO entry (chain, sequence, time, actors, event, subjects, detail, previous, hash)
     SELECT 'station station-' || n % 40, n / 40 * {entries} + e, 1780000000 + n / 10, '[\"station station-' || n % 40 || '\"]',
       (ARRAY['card-intended', 'card-written', 'card-verified', 'card-issued'])[e],
       '[\"card 000054535401' || encode(int8send(n), 'hex') || '\",\"job ' || n || '\"]', '', sha256('v' || int8send(n * 8 + e)),
       sha256('h' || int8send(n * 8 + e))
     FROM generate_series({first}, {last}) AS n, generate_series(1, {entries}) AS e",
];

/// Cards of a filling batch.
const BATCH: u64 = 100_000;
/// Entries of the log a card.
const ENTRIES: u64 = 4;

/// What a server of a production has and one of the tests has not.
const SERVER: &[&str] =
    &["-c", "shared_buffers=1GB", "-c", "max_wal_size=8GB", "-c", "checkpoint_timeout=15min", "-c", "max_connections=200"];

pub(super) fn measure(rows: u32, cards: u32) {
    let Some(server) = Postgres::start_with(SERVER) else { return };
    for rows in [0, u64::from(rows)] {
        let url = server.database();
        let mut store = store::create(&url, None).expect("PostgreSQL");
        let mut client = Client::connect(&url, NoTls).expect("PostgreSQL");
        println!("\nPostgreSQL with {rows} finished cards");
        if rows > 0 {
            fill(&mut client, rows);
            sizes(&mut client, rows);
        }
        verbs(store.as_mut(), &mut client, &url, cards);
        if rows == 0 {
            // as the verbs leave them, without the versions of rows that nobody sees any more
            client.batch_execute("VACUUM ANALYZE").expect("settled");
            sizes(&mut client, u64::from(cards) * 3);
        }
    }
}

fn fill(client: &mut Client, rows: u64) {
    let start = Instant::now();
    // the rows are right by construction: what would check every reference once more is left out, and the disk is waited for at the end
    client.batch_execute("SET session_replication_role = replica; SET synchronous_commit = off").expect("settings");
    for batch in 1..=rows.div_ceil(BATCH) {
        let first = (batch - 1) * BATCH + 1;
        let last = (batch * BATCH).min(rows);
        for statement in FILL {
            let values = [("{batch}", batch), ("{first}", first), ("{last}", last), ("{entries}", ENTRIES)];
            let statement = values.iter().fold((*statement).to_owned(), |text, (name, value)| text.replace(name, &value.to_string()));
            client.batch_execute(&statement).expect("filled");
        }
        eprint!("\r{last} of {rows} cards, {:.0} s", start.elapsed().as_secs_f64());
    }
    for statement in ["SET session_replication_role = origin", "SET synchronous_commit = on", "VACUUM ANALYZE", "CHECKPOINT"] {
        client.batch_execute(statement).expect("settled");
    }
    eprintln!("\r{rows} cards stored in {:.0} s", start.elapsed().as_secs_f64());
}

/// Bytes a card of each table and each index.
fn sizes(client: &mut Client, rows: u64) {
    let query = "SELECT relname, pg_table_size(relid), pg_indexes_size(relid) FROM pg_stat_user_tables
                 WHERE pg_total_relation_size(relid) > 1000000 ORDER BY pg_total_relation_size(relid) DESC";
    println!("  {:<24} {:>14} {:>14}", "bytes a card", "table", "indices");
    let mut sum = 0.0;
    for row in client.query(query, &[]).expect("sizes") {
        let [table, indices] = [1, 2].map(|column| row.get::<_, i64>(column) as f64 / rows as f64);
        sum += table + indices;
        println!("  {:<24} {table:>14.1} {indices:>14.1}", row.get::<_, &str>(0));
    }
    println!("  {:<24} {sum:>14.1}", "all of it");
    let query = "SELECT indexrelname, pg_relation_size(indexrelid), idx_scan FROM pg_stat_user_indexes
                 WHERE pg_relation_size(indexrelid) > 1000000 ORDER BY 2 DESC";
    for row in client.query(query, &[]).expect("sizes") {
        println!("    index {:<24} {:>8.1}", row.get::<_, &str>(0), row.get::<_, i64>(1) as f64 / rows as f64);
    }
}

fn verbs(store: &mut dyn Store, client: &mut Client, url: &str, cards: u32) {
    let people = People::new(store);
    let scans = scans(client);
    for (n, stations) in (0..).zip(STATIONS) {
        let bare = bare_postgres(url, stations);
        let work = Work::new(store, &people, n * cards, cards);
        let log = log_of_server(client);
        let done = work.run(url, stations);
        let log = (log_of_server(client) - log) / f64::from(cards);
        let all = done.bound + done.issued;
        println!(
            "  {stations:>3} stations: {:>6.0} jobs added/s, {:>5.0} claims and bonds/s, {:>5.0} cards/s, {:>5.0} commits/s beside {bare:>5.0} bare ones; {log:.0} bytes of the server's log a card",
            work.added(),
            f64::from(cards) / done.bound.as_secs_f64(),
            f64::from(cards) / all.as_secs_f64(),
            6.0 * f64::from(cards) / all.as_secs_f64(),
        );
        told("close the batch", &mut || work.close(store, &people));
        told("count its jobs by state", &mut || drop(store.job_counts(work.batch).expect("counts")));
        told("attempts at 1,000 of them", &mut || drop(store.attempts(work.batch, 0, 1_000).expect("attempts")));
    }
    let persons: Vec<Pseudonym> =
        (0..256_u32).map(|n| Pseudonym(*[n.to_be_bytes(); 8].concat().first_chunk().expect("32 bytes"))).collect();
    told("live documents of 256 people", &mut || drop(store.live_jobs("ID", &persons).expect("jobs")));
    told("256 numbers, cancelled or not", &mut || drop(store.cancelled(&persons).expect("numbers")));
    told("one card", &mut || drop(store.card(&serial(7)).expect("a card")));
    told("take leases back", &mut || assert_eq!(store.expire(super::NOW).expect("leases"), 0));
    told("a claim where there is no job", &mut || drop(store.claim("s0", 2, super::NOW, super::NOW + 120).expect("no job")));
    told("every batch", &mut || drop(store.batches().expect("batches")));
    told("stock of a delivery", &mut || drop(store.stock(Some("delivery 0")).expect("stock")));
    told("stock of the site", &mut || drop(store.stock(None).expect("stock")));
    told("500 cards of a state", &mut || drop(store.cards(CardState::Good, None, 500).expect("cards")));
    told("every chain with its end", &mut || drop(store.chains().expect("chains")));
    let query = "SELECT relname, seq_scan, seq_tup_read FROM pg_stat_user_tables";
    std::thread::sleep(Duration::from_millis(1_500));
    for row in client.query(query, &[]).expect("statistics") {
        let name: &str = row.get(0);
        let (read, times) = (row.get::<_, Option<i64>>(2).unwrap_or(0), row.get::<_, Option<i64>>(1).unwrap_or(0));
        let (old_times, old_read) = scans.iter().find(|(table, ..)| table == name).map_or((0, 0), |(_, times, read)| (*times, *read));
        if read - old_read > 1_000 {
            println!("  table {name} was read whole {} times, {} rows", times - old_times, read - old_read);
        }
    }
}

fn scans(client: &mut Client) -> Vec<(String, i64, i64)> {
    let rows = client.query("SELECT relname, seq_scan, seq_tup_read FROM pg_stat_user_tables", &[]).expect("statistics");
    let read = |row: &postgres::Row, column| row.get::<_, Option<i64>>(column).unwrap_or(0);
    rows.iter().map(|row| (row.get::<_, String>(0), read(row, 1), read(row, 2))).collect()
}

fn log_of_server(client: &mut Client) -> f64 {
    let row = client.query_one("SELECT (pg_current_wal_insert_lsn() - '0/0')::float8", &[]).expect("a place");
    row.get(0)
}

/// The median of five times; once for what can be done once.
fn told(what: &str, work: &mut dyn FnMut()) {
    let times = if what.starts_with("close") { 1 } else { 5 };
    let mut elapsed: Vec<Duration> = (0..times)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    elapsed.sort_unstable();
    let median = elapsed.get(elapsed.len() / 2).copied().unwrap_or_default();
    println!("      {what:<34} {:>9.2} ms", median.as_secs_f64() * 1e3);
}
