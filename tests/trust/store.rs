//! The store file: replaced whole, locked, refused by name.

use cardwright::trust::{Collection, FILE, Store, StoreError, is_store, load};
use eid::cert::trust::{Entry, Index, Shared, Tier, Unreadable};

use crate::lists::World;
use crate::maker::{Folder, Party, take, today};

/// Files of one of everything, and a store of them.
fn filled(folder: &Folder) -> Store {
    let world = World::new();
    for (name, bytes) in [
        ("csca", world.ut.certificate.der()),
        ("list", &world.list),
        ("crl", &world.ut.crl(1, today(), &[&[0x22]])),
        ("deviations", &crate::deviations::list(&world.ut)),
    ] {
        folder.file(name, bytes);
    }
    again(folder)
}

/// Imports the same files once more.
fn again(folder: &Folder) -> Store {
    let mut store = Store::open(&folder.path("store")).expect("a store");
    take(&mut store.collection, &["csca", "list", "crl", "deviations"].map(|name| folder.path(name))).expect("imported");
    store.commit().expect("written");
    store
}

#[test]
fn what_was_written_is_what_is_read() {
    let folder = Folder::new();
    let store = filled(&folder);
    let path = folder.path("store");
    assert!(is_store(&path) && is_store(&path.join(FILE)) && !is_store(&folder.path("")));
    let read = Collection::load(&path).expect("a store");
    assert_eq!(read.imports(), store.collection.imports());
    let (old, new) = (store.collection.trust(), load(&path).expect("a store"));
    assert_eq!(old.id(), new.id());
    assert_eq!((new.anchors().len(), new.crls().len(), new.deviations().count()), (2, 1, 1));
    for (a, b) in old.anchors().iter().zip(new.anchors()) {
        assert_eq!((a.index(), a.origins(), a.der()), (b.index(), b.origins(), b.der()));
        assert_eq!(a.certificate().expect("reads"), b.certificate().expect("reads"));
    }
    let tiers: Vec<_> = new.anchors()[0].origins().iter().map(|o| (o.tier, &*o.source)).collect();
    assert_eq!(tiers, [(Tier::Bilateral, "csca"), (Tier::NationalList, "list, signed by C=UT, CN=Master List Signer")]);
    // the same import again changes nothing
    drop(store);
    let before = std::fs::read(path.join(FILE)).expect("the file");
    drop(again(&folder));
    assert_eq!(std::fs::read(path.join(FILE)).expect("the file"), before);
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let folder = Folder::new();
    let store = filled(&folder);
    assert!(matches!(Store::open(&folder.path("store")), Err(StoreError::Locked(_))));
    assert_eq!(load(&folder.path("store")).expect("readers are welcome").anchors().len(), 2);
    drop(store);
    Store::open(&folder.path("store")).expect("free again");
}

#[test]
fn damaged_cut_foreign_and_newer_files_are_refused_by_name() {
    let folder = Folder::new();
    drop(filled(&folder));
    let path = folder.path("store").join(FILE);
    let whole = std::fs::read(&path).expect("the file");
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("written");
        let error = load(&folder.path("store")).expect_err("refused");
        assert!(matches!(Store::open(&folder.path("store")), Err(e) if e.to_string() == error.to_string()));
        assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
        error
    };
    let len = whole.len();
    for at in (0..len).step_by(97).chain(0..24).chain([len - 1]) {
        let mut changed = whole.clone();
        changed[at] ^= 0x40;
        let error = refused(&changed);
        match at {
            0..8 => assert!(matches!(error, StoreError::Foreign(_)), "{at}: {error}"),
            8..12 => assert!(matches!(error, StoreError::Newer { .. }), "{at}: {error}"),
            _ => assert!(matches!(error, StoreError::Damaged { .. }), "{at}: {error}"),
        }
        let error = refused(&whole[..at]);
        assert!(matches!(error, StoreError::Damaged { .. } | StoreError::Foreign(_)), "{at}: {error}");
    }
    assert!(matches!(refused(&[&whole[..], &[0]].concat()), StoreError::Damaged { .. }));
    assert!(matches!(load(&folder.path("nowhere")), Err(StoreError::Missing(_))));
    std::fs::write(&path, &whole).expect("written");
    load(&folder.path("store")).expect("whole again");
}

/// A count that lies behind a checksum that is right: nothing is allocated for it, nothing panics.
#[test]
fn an_index_that_lies_is_refused() {
    let folder = Folder::new();
    drop(filled(&folder));
    let path = folder.path("store").join(FILE);
    let whole = std::fs::read(&path).expect("the file");
    let index_end = whole.windows(2).rposition(|w| w == [0x30, 0x82]).expect("data").min(1500);
    for at in 24..index_end {
        for value in [0xFF, 0x00, whole[at] ^ 1] {
            let mut changed = whole.clone();
            changed[at] = value;
            let checksum = crc32(&changed[24..]);
            changed[12..16].copy_from_slice(&checksum.to_be_bytes());
            std::fs::write(&path, &changed).expect("written");
            // refused, or read: then every certificate is the one that its SHA-256 names, or unreadable
            if let Ok(trust) = load(&folder.path("store")) {
                for anchor in trust.anchors().iter().chain(trust.known()) {
                    assert!(anchor.certificate().is_err() || anchor.certificate().expect("read").fingerprint() == *anchor.fingerprint());
                }
            }
        }
    }
}

/// CRC-32 of IEEE 802.3, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

#[test]
fn an_entry_never_gives_another_certificate_than_its_index_names() {
    let (ut, zz) = (Party::csca("UT"), Party::csca("ZZ"));
    let bytes = std::sync::Arc::new(zz.certificate.der().to_vec());
    let shared = Shared::new(&bytes, 0, bytes.len()).expect("in range");
    assert!(Shared::new(&bytes, 1, bytes.len()).is_none() && Shared::new(&bytes, usize::MAX, 2).is_none());
    let entry = Entry::deferred(Index::of(&ut.certificate), shared);
    assert!(matches!(entry.certificate(), Err(Unreadable::OtherBytes { .. })));
    let mut trust = eid::cert::trust::TrustStore::new();
    trust.insert_anchor(entry, []);
    assert_eq!((trust.anchors().len(), trust.certificates_of_state("UT").count()), (1, 0));
}

#[test]
fn a_writer_that_dies_leaves_the_old_file_and_no_lock() {
    let folder = Folder::new();
    drop(filled(&folder));
    let path = folder.path("store");
    let before = std::fs::read(path.join(FILE)).expect("the file");
    // what a crash between writing and renaming leaves behind
    std::fs::write(path.join(format!("{FILE}.new")), &before[..before.len() / 2]).expect("written");
    assert_eq!(load(&path).expect("the old file").anchors().len(), 2);
    drop(again(&folder));
    assert!(std::fs::read(path.join(FILE)).expect("the file") == before);
    assert!(!path.join(format!("{FILE}.new")).exists());
}

#[test]
fn many_writers_at_once_lose_nothing() {
    let folder = Folder::new();
    let path = folder.path("store");
    let countries = ["AA", "BB", "CC", "DD", "EE", "FF"];
    std::thread::scope(|scope| {
        for country in countries {
            let (path, folder) = (&path, &folder);
            scope.spawn(move || {
                let file = folder.file(country, Party::csca(country).certificate.der());
                loop {
                    match Store::open(path) {
                        Ok(mut store) => {
                            take(&mut store.collection, &[file]).expect("imported");
                            store.commit().expect("written");
                            break;
                        }
                        Err(StoreError::Locked(_)) => std::thread::yield_now(),
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    assert_eq!(load(&path).expect("a store").anchors().len(), countries.len());
}
