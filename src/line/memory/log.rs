//! Users and chains.

use super::{ChainEnd, Checkpoint, Entry, Memory, Moment, Note, StoreError, TwoPersons, User, count, rules};
use crate::line::audit::SITE;

impl Memory {
    pub(super) fn put_user(&mut self, user: &User, persons: Option<&TwoPersons>, note: &Note) -> Result<(), StoreError> {
        let users: Vec<User> = self.users.values().cloned().collect();
        rules::put_user(user, &users, persons, note)?;
        self.users.insert(user.name.clone(), user.clone());
        self.append(note, persons);
        Ok(())
    }

    pub(super) fn count_log_in(&mut self, name: &str, success: bool, time: Moment) {
        if let Some(user) = self.users.get_mut(name) {
            if success {
                user.failures = 0;
            } else {
                user.failures += 1;
                user.failed = time;
            }
        }
    }

    fn end(&self, chain: &str) -> ChainEnd {
        self.chains.get(chain).and_then(|entries| entries.last()).map_or_else(|| ChainEnd::empty(chain), Entry::end)
    }

    /// Appends to the chain of the site.
    pub(super) fn append(&mut self, note: &Note, persons: Option<&TwoPersons>) {
        let entry = rules::entry(&self.end(SITE), note, persons);
        self.chains.entry(SITE.to_owned()).or_default().push(entry);
    }

    pub(super) fn ship(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        let mut new: Vec<Entry> = Vec::new();
        for entry in entries {
            let fresh = new.iter().rev().find(|fresh| fresh.chain == entry.chain);
            let end = fresh.map_or_else(|| self.end(&entry.chain), Entry::end);
            let same_place = |known: &&Entry| known.chain == entry.chain && known.sequence == entry.sequence;
            let known = new.iter().find(same_place).or_else(|| self.chains.get(&entry.chain)?.iter().find(same_place));
            if rules::ship(entry, &end, known)? {
                new.push(entry.clone());
            }
        }
        for entry in new {
            self.chains.entry(entry.chain.clone()).or_default().push(entry);
        }
        Ok(())
    }

    pub(super) fn entries_after(&self, chain: &str, after: i64, limit: u32) -> Vec<Entry> {
        let entries = self.chains.get(chain).into_iter().flatten();
        entries.filter(|entry| entry.sequence > after).take(count(limit)).cloned().collect()
    }

    pub(super) fn add_checkpoint(&mut self, checkpoint: &Checkpoint) {
        if !self.checkpoints.contains(checkpoint) {
            self.checkpoints.push(checkpoint.clone());
        }
    }

    pub(super) fn checkpoints_of(&self, chain: &str) -> Vec<Checkpoint> {
        let mut found: Vec<_> = self.checkpoints.iter().filter(|checkpoint| checkpoint.chain == chain).cloned().collect();
        found.sort_by(|one, other| (one.sequence, &one.signature, one.time).cmp(&(other.sequence, &other.signature, other.time)));
        found
    }
}
