//! A simulated hopper: a folder with virtual cards, one file each.
//!
//! ```text
//! FOLDER/*.card                 the blanks, taken in the order of their names
//! FOLDER/reader/NAME/*.card     the card in the reader NAME: a killed station finds it here
//! FOLDER/good, FOLDER/reject    the bins
//! ```
//!
//! Each move is one rename, so that many hoppers, also of many processes, may share a folder: whoever renames a file has the card.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use applets::store::StoreError;
use applets::{Card, CardRng};

use super::faults::{Faults, FaultyCard};
use super::{Bin, Feeder, FeederError, Link, Load};

/// Where the randomness of virtual cards comes from.
pub type CardRngs = Box<dyn FnMut() -> CardRng + Send>;

/// A folder of virtual cards.
pub struct Hopper {
    folder: PathBuf,
    reader: PathBuf,
    name: String,
    rngs: CardRngs,
    faults: Option<Faults>,
    /// Blanks that were seen and may still be there, the next one last.
    seen: Vec<PathBuf>,
    current: Option<PathBuf>,
}

impl std::fmt::Debug for Hopper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hopper").field("name", &self.name).field("current", &self.current).finish_non_exhaustive()
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> FeederError {
    let path = path.to_owned();
    move |source| FeederError::Io { path, source }
}

/// The card files of a folder, in the order of their names.
fn cards(folder: &Path) -> Result<Vec<PathBuf>, FeederError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io(folder))? {
        let path = entry.map_err(io(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "card") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

impl Hopper {
    /// The hopper of `folder` for the reader `name`, which no other hopper of this folder has: letters, digits, hyphens, and points are kept,
    /// anything else becomes a hyphen. `rngs` gives each card its randomness.
    ///
    /// # Errors
    /// The folder is not there, or its folders cannot be made.
    pub fn new(folder: &Path, name: &str, rngs: CardRngs) -> Result<Self, FeederError> {
        std::fs::metadata(folder).map_err(io(folder))?;
        let place: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
        let reader = folder.join("reader").join(place.trim_start_matches('.'));
        for path in [&reader, &folder.join("good"), &folder.join("reject")] {
            std::fs::create_dir_all(path).map_err(io(path))?;
        }
        Ok(Self { folder: folder.to_owned(), reader, name: name.to_owned(), rngs, faults: None, seen: Vec::new(), current: None })
    }

    /// Some of its cards fail on purpose.
    #[must_use]
    pub fn with_faults(mut self, faults: Option<Faults>) -> Self {
        self.faults = faults;
        self
    }

    /// Takes the next blank; `None` if there is none.
    fn take(&mut self) -> Result<Option<PathBuf>, FeederError> {
        // The folder is read when what was seen in it is used up: there may be a million files.
        if self.seen.is_empty() {
            self.seen = cards(&self.folder)?;
            self.seen.reverse();
        }
        while let Some(blank) = self.seen.pop() {
            let Some(name) = blank.file_name() else { continue };
            let place = self.reader.join(name);
            match std::fs::rename(&blank, &place) {
                Ok(()) => return Ok(Some(place)),
                // another hopper was faster
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(source) => return Err(FeederError::Io { path: blank, source }),
            }
        }
        Ok(None)
    }
}

impl Hopper {
    fn open(&mut self, path: &Path) -> Result<Link, StoreError> {
        let file = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        Ok(match self.faults.and_then(|faults| faults.of(&file)) {
            Some(fault) => {
                tracing::info!(reader = self.name, card = %file, %fault, "on purpose");
                Box::new(FaultyCard::open(path, fault, (self.rngs)(), (self.rngs)())?)
            }
            None => Box::new(Card::open(path, (self.rngs)())?),
        })
    }
}

impl Feeder for Hopper {
    fn name(&self) -> &str {
        &self.name
    }

    fn has_left_over(&self) -> bool {
        cards(&self.reader).is_ok_and(|files| !files.is_empty())
    }

    fn is_manual(&self) -> bool {
        false
    }

    fn load(&mut self, stop: &dyn Fn() -> bool) -> Result<Load, FeederError> {
        if stop() {
            return Ok(Load::Stopped);
        }
        let left_over = cards(&self.reader)?.into_iter().next();
        let Some(path) = left_over.map_or_else(|| self.take(), |path| Ok(Some(path)))? else { return Ok(Load::Empty) };
        let link = self.open(&path);
        self.current = Some(path);
        Ok(link.map_or_else(|error| Load::Mute(error.to_string()), Load::Card))
    }

    fn unload(&mut self, link: Option<Link>, bin: Bin, _stop: &dyn Fn() -> bool) -> Result<bool, FeederError> {
        // The file is locked as long as the card is open.
        drop(link);
        let Some(path) = self.current.take() else { return Ok(false) };
        let folder = match bin {
            Bin::Good => self.folder.join("good"),
            Bin::Reject => self.folder.join("reject"),
            Bin::Blank => self.folder.clone(),
            Bin::Stay => return Ok(false),
        };
        let Some(name) = path.file_name() else { return Ok(false) };
        std::fs::rename(&path, folder.join(name)).map_err(io(&path))?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use applets::CardConfig;
    use applets::rng::SeededRng;
    use eid::scp03::StaticKeys;
    use eid::secret::Secret;

    use super::*;

    fn rngs() -> CardRngs {
        Box::new(|| Box::new(SeededRng::new(b"hopper")))
    }

    fn blanks(folder: &Path, count: u8) {
        for n in 1..=count {
            let keys = StaticKeys::same(&Secret::new(vec![n; 32])).expect("keys");
            let config = CardConfig::new([n; 10], 0x30, keys);
            drop(Card::create(&folder.join(format!("{n:04}.card")), &config, Box::new(SeededRng::new(b"card"))).expect("a card"));
        }
    }

    fn link(hopper: &mut Hopper) -> Link {
        match hopper.load(&|| false).expect("loads") {
            Load::Card(link) => link,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn two_hoppers_share_a_folder_and_each_card_is_in_one_place() {
        let folder = tempfile::tempdir().expect("a folder");
        blanks(folder.path(), 3);
        let mut one = Hopper::new(folder.path(), "a#1", rngs()).expect("a hopper");
        let mut two = Hopper::new(folder.path(), "a#2", rngs()).expect("a hopper");
        let (first, second) = (link(&mut one), link(&mut two));
        one.unload(Some(first), Bin::Good, &|| false).expect("moved");
        two.unload(Some(second), Bin::Reject, &|| false).expect("moved");
        let third = link(&mut two);
        assert!(matches!(one.load(&|| false), Ok(Load::Empty)));
        two.unload(Some(third), Bin::Blank, &|| false).expect("moved");
        let names = |place: &str| cards(&folder.path().join(place)).expect("a folder").len();
        assert_eq!((names("."), names("good"), names("reject"), names("reader/a-1")), (1, 1, 1, 0));
    }

    #[test]
    fn a_card_that_was_in_the_reader_when_the_station_died_comes_first() {
        let folder = tempfile::tempdir().expect("a folder");
        blanks(folder.path(), 2);
        let mut hopper = Hopper::new(folder.path(), "one", rngs()).expect("a hopper");
        drop(link(&mut hopper));
        drop(hopper);
        let mut again = Hopper::new(folder.path(), "one", rngs()).expect("a hopper");
        assert!(again.has_left_over());
        drop(link(&mut again));
        assert!(again.current.as_ref().is_some_and(|path| path.ends_with("reader/one/0001.card")), "{again:?}");
    }

    #[test]
    fn a_file_that_is_no_card_is_mute_and_goes_to_the_reject_bin() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("x.card"), b"no card").expect("written");
        let mut hopper = Hopper::new(folder.path(), "one", rngs()).expect("a hopper");
        assert!(matches!(hopper.load(&|| false), Ok(Load::Mute(_))));
        hopper.unload(None, Bin::Reject, &|| false).expect("moved");
        assert!(folder.path().join("reject/x.card").exists());
    }

    #[test]
    fn a_reader_name_leads_nowhere_else() {
        let folder = tempfile::tempdir().expect("a folder");
        Hopper::new(folder.path(), "../../up", rngs()).expect("a hopper");
        assert!(folder.path().join("reader/-..-up").exists());
    }
}
