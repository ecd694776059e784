//! What several unit tests share.

use std::path::PathBuf;

/// A folder of the collected vectors: `$CARDWRIGHT_CORPUS`, else `../shared/data` beside the workspace. Says so where there is none.
pub(crate) fn corpus(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CARDWRIGHT_CORPUS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from)
        .join(folder);
    if root.is_dir() {
        return Some(root);
    }
    println!("skipped: no corpus");
    None
}
