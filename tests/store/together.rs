//! Many at once on one database: each job goes to one station, each card to one job.

use std::collections::BTreeMap;
use std::thread;

use super::*;

/// URLs of an empty SQLite file and, where it is there, an empty PostgreSQL database.
fn urls(folder: &std::path::Path) -> Vec<String> {
    let mut urls = vec![format!("sqlite:{}", folder.join("line.db").display())];
    urls.extend(Postgres::shared().map(Postgres::database));
    urls
}

#[test]
fn eight_stations_claim_each_job_once() {
    let folder = tempfile::tempdir().expect("directory");
    for url in urls(folder.path()) {
        let mut store = store::create(&url, None).expect("store");
        released(&mut *store, "b1", &(1..=200).collect::<Vec<u8>>());
        let stations: Vec<_> = (0..8)
            .map(|station| {
                let mut store = store::open(&url, None).expect("store");
                thread::spawn(move || {
                    let mut claimed = Vec::new();
                    loop {
                        let claims = store.claim(&format!("s{station}"), 3, NOW, NOW + 120).expect("claim");
                        if claims.is_empty() {
                            return claimed;
                        }
                        claimed.extend(claims.into_iter().map(|claim| (claim.job.id, claim.job.epoch)));
                    }
                })
            })
            .collect();
        let mut claimed: Vec<_> = stations.into_iter().flat_map(|station| station.join().expect("station")).collect();
        claimed.sort_unstable();
        let expected: Vec<_> = (1..=200).map(|job| (JobId(job), 1)).collect();
        assert_eq!(claimed, expected, "{url}");
    }
}

#[test]
fn of_four_who_bind_one_card_or_one_claim_one_succeeds() {
    let folder = tempfile::tempdir().expect("directory");
    for url in urls(folder.path()) {
        let mut store = store::create(&url, None).expect("store");
        at_line(&mut *store, "d1", &(0..80).collect::<Vec<u8>>());
        released(&mut *store, "b1", &(1..=60).collect::<Vec<u8>>());
        let claims = store.claim("a", 60, NOW, NOW + 120).expect("claim");
        // rounds 0 to 9: four claims, one card; rounds 10 to 19: one claim, four cards
        let mut bonds: BTreeMap<u8, Vec<Bind>> = BTreeMap::new();
        for round in 0..10_u8 {
            let four = &claims[usize::from(round) * 4..][..4];
            let same_card = four.iter().zip(0_u8..).map(|(claim, n)| Bind { nonce: [round * 4 + n; 16], ..bond(claim, round) });
            bonds.insert(round, same_card.collect());
            let one = &claims[usize::from(40 + round)];
            let same_claim = (0..4).map(|n| Bind { nonce: [100 + round * 4 + n; 16], ..bond(one, 10 + round * 4 + n) });
            bonds.insert(10 + round, same_claim.collect());
        }
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let mut store = store::open(&url, None).expect("store");
                let mine: Vec<Bind> = bonds.values().map(|four| four[worker].clone()).collect();
                thread::spawn(move || mine.iter().map(|bind| store.bind(bind)).collect::<Vec<_>>())
            })
            .collect();
        let answers: Vec<Vec<_>> = workers.into_iter().map(|worker| worker.join().expect("worker")).collect();
        for round in 0..20 {
            let bound = answers.iter().filter(|answers| answers[round].is_ok()).count();
            let refused = answers.iter().filter(|answers| matches!(answers[round], Err(StoreError::Refused { .. }))).count();
            assert_eq!((bound, refused), (1, 3), "{url}, round {round}: {:?}", answers.iter().map(|a| &a[round]).collect::<Vec<_>>());
        }
        assert_eq!(store.stock(None).expect("stock"), [(CardState::AtLine, 60), (CardState::Bound, 20)]);
    }
}

#[test]
fn notes_of_many_make_one_chain() {
    let folder = tempfile::tempdir().expect("directory");
    for url in urls(folder.path()) {
        let mut store = store::create(&url, None).expect("store");
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let mut store = store::open(&url, None).expect("store");
                thread::spawn(move || (0..25).for_each(|_| store.note(&note("step")).expect("note")))
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().expect("writer"));
        let entries = store.entries(cardwright::line::audit::SITE, 0, 1000).expect("entries");
        let entries = entries.into_iter().map(Ok::<_, StoreError>);
        let verdict = cardwright::line::audit::verify("site", entries, &[], None).expect("entries");
        assert!(matches!(verdict, cardwright::line::audit::Verdict::Intact { end, .. } if end.sequence == 100), "{url}");
    }
}
