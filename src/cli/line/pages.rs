//! What a store gives a page at a time, as one sequence with one page of it in memory. An error ends it.

use cardwright::line::audit::Entry;
use cardwright::line::store::{BatchId, Job, Store, StoreError};

/// Rows that are asked for at once.
const PAGE: u32 = 1_000;

/// The jobs of a batch, in their order.
pub(super) fn jobs(store: &mut dyn Store, batch: BatchId) -> impl Iterator<Item = Result<Job, StoreError>> {
    let mut after = 0;
    rows(move || {
        let page = store.jobs(batch, after, PAGE)?;
        after = page.last().map_or(after, |job| job.order.sequence);
        Ok(page)
    })
}

/// The entries of a chain, in their order.
pub(super) fn entries<'a>(store: &'a mut dyn Store, chain: &'a str) -> impl Iterator<Item = Result<Entry, StoreError>> + 'a {
    let mut after = 0;
    rows(move || {
        let page = store.entries(chain, after, PAGE)?;
        after = page.last().map_or(after, |entry| entry.sequence);
        Ok(page)
    })
}

/// The rows of one page after the other, until one is empty.
fn rows<T>(mut next: impl FnMut() -> Result<Vec<T>, StoreError>) -> impl Iterator<Item = Result<T, StoreError>> {
    let (mut page, mut ended) = (Vec::new().into_iter(), false);
    std::iter::from_fn(move || {
        if let Some(row) = page.next() {
            return Some(Ok(row));
        }
        if ended {
            return None;
        }
        match next() {
            Ok(rows) => {
                page = rows.into_iter();
                let row = page.next();
                ended = row.is_none();
                row.map(Ok)
            }
            Err(error) => {
                ended = true;
                Some(Err(error))
            }
        }
    })
}
