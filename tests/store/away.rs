//! A store that is away, of another version, of somebody else, or asked for in a wrong way; and what a database refuses by itself.

use super::*;
use cardwright::line::audit::SITE;

#[test]
fn a_server_that_crashed_is_away_and_comes_back_with_all_that_was_committed() {
    let Some(mut server) = Postgres::start() else { return };
    let url = server.database();
    let mut store = store::create(&url, None).expect("store");
    at_line(&mut *store, "d1", &[1]);
    released(&mut *store, "b1", &[10]);
    let claimed = claim(&mut *store);
    store.bind(&bond(&claimed, 1)).expect("bind");
    server.stop();
    for _ in 0..2 {
        let away = store.bind(&bond(&claimed, 1));
        assert!(matches!(away, Err(StoreError::Away { .. })), "{away:?}");
        assert!(matches!(store.card(&serial(1)), Err(StoreError::Away { .. })));
    }
    assert!(matches!(store::open(&url, None), Err(StoreError::Away { .. })));
    server.restart();
    assert_eq!(store.card(&serial(1)).expect("store").expect("card").state, CardState::Bound, "the same store, connected anew");
    store.bind(&bond(&claimed, 1)).expect("said again");
    server.stop();
    server.restart();
    store.unclaim(claimed.job.id, 1).expect("a connection that died between two steps is made anew");
    assert_eq!(store.claim("a", 5, NOW, NOW + 120).expect("claim"), []);
}

#[test]
fn a_store_is_created_once_and_opened_by_its_version_only() {
    let folder = tempfile::tempdir().expect("directory");
    let url = format!("sqlite:{}", folder.path().join("line.db").display());
    assert!(matches!(store::open(&url, None), Err(StoreError::Away { .. })), "nothing is made by opening");
    assert!(!folder.path().join("line.db").exists());
    let mut made = store::create(&url, None).expect("store");
    assert_eq!(made.name(), url);
    released(&mut *made, "b1", &[10]);
    drop(store::create(&url, None).expect("nothing changes"));
    assert_eq!(store::open(&url, None).expect("store").batches().expect("batches").len(), 1);
    let direct = rusqlite::Connection::open(folder.path().join("line.db")).expect("file");
    direct.execute("UPDATE site SET version = 4", []).expect("version");
    for result in [store::open(&url, None), store::create(&url, None)] {
        assert!(matches!(result, Err(StoreError::Version { expected: 3, found: 4, .. })));
    }
}

/// A store of version 1 is one without what version 2 added; what it holds stays.
#[test]
fn a_store_of_an_earlier_version_is_upgraded_and_keeps_what_it_holds() {
    let folder = tempfile::tempdir().expect("directory");
    let file = folder.path().join("line.db");
    let url = format!("sqlite:{}", file.display());
    let batch = released(&mut *store::create(&url, None).expect("store"), "b1", &[10]);
    let direct = rusqlite::Connection::open(&file).expect("file");
    let back =
        "ALTER TABLE attempt DROP COLUMN settled_by; UPDATE site SET version = 1; CREATE INDEX job_person ON job (person) WHERE state < 90";
    direct.execute_batch(back).expect("version 1");
    let row = "INSERT INTO attempt VALUES ('a', 1, 'r0', 1, x'0001', 5, 1, 2, 3, 4, 5, 6, 7, 0, 'good')";
    direct.execute_batch(row).expect("a row of version 1");
    drop(direct);
    assert!(matches!(store::open(&url, None), Err(StoreError::Version { expected: 3, found: 1, .. })), "opening changes nothing");
    drop(store::create(&url, None).expect("upgraded"));
    let mut store = store::open(&url, None).expect("of this version");
    let attempts = store.attempts(batch, 0, 10).expect("attempts");
    assert_eq!(attempts.iter().map(|attempt| (attempt.number, attempt.settled_by.clone())).collect::<Vec<_>>(), [(1, None)]);
}

#[test]
fn an_empty_database_has_no_version_until_it_is_created() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    assert!(matches!(store::open(&url, None), Err(StoreError::Version { expected: 3, found: 0, .. })));
    released(&mut *store::create(&url, None).expect("store"), "b1", &[10]);
    assert_eq!(store::create(&url, None).expect("store").batches().expect("batches").len(), 1);
    let name = store::open(&url, None).expect("store").name();
    assert!(name.starts_with("postgres://") && !name.contains("user"), "{name}");
}

#[test]
fn a_file_that_is_not_ours_is_left_alone() {
    let folder = tempfile::tempdir().expect("directory");
    let file = folder.path().join("other.db");
    rusqlite::Connection::open(&file).expect("file").execute("CREATE TABLE recipes (name text)", []).expect("table");
    let before = std::fs::read(&file).expect("file");
    let url = format!("sqlite:{}", file.display());
    for result in [store::open(&url, None), store::create(&url, None)] {
        assert!(matches!(result, Err(StoreError::Damaged { .. })));
    }
    assert_eq!(std::fs::read(&file).expect("file"), before);
    let text = folder.path().join("text.db");
    std::fs::write(&text, "these are not the bytes of a database, though there are some of them").expect("file");
    assert!(matches!(store::open(&format!("sqlite:{}", text.display()), None), Err(StoreError::Damaged { .. })));
    let nowhere = format!("sqlite:{}/no/line.db", folder.path().display());
    assert!(matches!(store::create(&nowhere, None), Err(StoreError::Away { .. })));
}

#[test]
fn a_url_with_a_password_is_refused_and_not_repeated() {
    for url in
        ["postgres://anna:geheim@localhost/line", "postgres://localhost/line?user=anna&password=geheim", "mysql://anna:geheim@db/line"]
    {
        let Err(error) = store::open(url, None) else { panic!("{url} was opened") };
        assert!(matches!(error, StoreError::Failed { .. }));
        assert!(!error.to_string().contains("geheim") && !format!("{error:?}").contains("geheim"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn the_file_of_a_store_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("directory");
    let mut made = store::create(&format!("sqlite:{}", folder.path().join("line.db").display()), None).expect("store");
    released(&mut *made, "b1", &[10]);
    for name in ["line.db", "line.db-wal", "line.db-shm"] {
        let mode = folder.path().join(name).metadata().expect("file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// What programs that are not this one are refused, each on a store with an issued card and a log.
#[test]
fn the_tables_say_the_rules_to_programs_that_are_not_this_one() {
    let wrong = [
        ("log changed", "UPDATE entry SET event = 'x' WHERE sequence = 1"),
        ("log deleted", "DELETE FROM entry WHERE sequence = 1"),
        ("second live job of a person", "UPDATE job SET state = 0, person = (SELECT person FROM job WHERE id = 1) WHERE id = 2"),
        ("second open bond of a job", "UPDATE binding SET job = 1 WHERE job = 2"),
        ("one person twice", "UPDATE batch SET released_second = released_first"),
        ("half a release", "UPDATE batch SET released_second = NULL"),
        ("bound without a card", "UPDATE job SET serial = NULL WHERE id = 1"),
        ("bond of an unknown card", "UPDATE binding SET serial = nonce"),
        ("reserved without a lease", "UPDATE job SET state = 10 WHERE id = 3"),
    ];
    let prepare = |store: &mut dyn Store| {
        at_line(store, "d1", &[1, 2]);
        released(store, "b1", &[10, 11, 12]);
        for card in [1, 2] {
            let claimed = claim(store);
            store.bind(&bond(&claimed, card)).expect("bind");
        }
    };
    let folder = tempfile::tempdir().expect("directory");
    let file = folder.path().join("line.db");
    let mut sqlite = store::create(&format!("sqlite:{}", file.display()), None).expect("store");
    prepare(&mut *sqlite);
    let direct = rusqlite::Connection::open(&file).expect("file");
    direct.execute_batch("PRAGMA foreign_keys = ON").expect("pragma");
    for (what, statement) in wrong {
        assert!(direct.execute(statement, []).is_err(), "SQLite: {what}");
    }
    assert!(direct.execute("UPDATE batch SET released_second = 'chi'", []).is_ok(), "and not simply everything");
    assert_eq!(sqlite.entries(SITE, 0, 10).expect("entries").len(), 4);
    if let Some(server) = Postgres::shared() {
        let url = server.database();
        prepare(&mut *store::create(&url, None).expect("store"));
        let mut direct = ::postgres::Client::connect(&url, ::postgres::NoTls).expect("connection");
        for (what, statement) in wrong {
            assert!(direct.execute(statement, &[]).is_err(), "PostgreSQL: {what}");
        }
        assert!(direct.execute("UPDATE batch SET released_second = 'chi'", &[]).is_ok(), "and not simply everything");
    }
}

#[test]
fn a_state_that_no_version_wrote_is_damage_and_no_guess() {
    let folder = tempfile::tempdir().expect("directory");
    let file = folder.path().join("line.db");
    let mut sqlite = store::create(&format!("sqlite:{}", file.display()), None).expect("store");
    at_line(&mut *sqlite, "d1", &[1]);
    let direct = rusqlite::Connection::open(&file).expect("file");
    direct.execute("UPDATE card SET state = 17", []).expect("update");
    let error = sqlite.card(&serial(1)).expect_err("damaged");
    assert!(matches!(&error, StoreError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().ends_with("line.db, table card, column 2: there is no state 17"), "{error}");
}
