//! Where the collected files are: `$CARDWRIGHT_CORPUS`, else `../shared/data` beside the workspace.

use std::path::{Path, PathBuf};

pub(crate) fn root() -> Option<PathBuf> {
    let root = std::env::var_os("CARDWRIGHT_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    if root.is_dir() {
        return Some(root);
    }
    println!("skipped: no corpus");
    None
}

/// Every file below `directory`, in order.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(directory).expect("directory") {
        let path = entry.expect("entry").path();
        if path.is_dir() { out.extend(files(&path)) } else { out.push(path) }
    }
    out.sort();
    out
}
