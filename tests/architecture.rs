//! The walls of the house: which package and which layer may know which. Read from the sources, so that a wrong arrow fails here.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every `.rs` file below `dir` with its text before the first `#[cfg(test)]`; what is there for tests only (`tests`, `testing`) is left out.
fn sources(dir: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut todo = vec![root().join(dir)];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).expect("source folder is readable") {
            let path = entry.expect("entry is readable").path();
            if path.file_stem().is_some_and(|s| s == "tests" || s == "testing") {
                continue;
            }
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).expect("source is UTF-8");
                let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
                found.push((path, code));
            }
        }
    }
    assert!(!found.is_empty(), "no sources below {dir}");
    found
}

/// Lines of code that mention `word`, without comments.
fn mentions(code: &str, word: &str) -> bool {
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).any(|line| line.contains(word))
}

#[test]
fn packages_depend_in_one_direction_only() {
    let ours = ["eid", "applets", "pki", "cardwright"];
    for (package, allowed) in [("eid", &[][..]), ("applets", &["eid"][..]), ("pki", &["eid"][..])] {
        let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).expect("manifest");
        let manifest: toml::Table = manifest.parse().expect("manifest is TOML");
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let names = manifest.get(section).and_then(toml::Value::as_table).into_iter().flatten().map(|(name, _)| name.as_str());
            for name in names.filter(|name| ours.contains(name)) {
                assert!(allowed.contains(&name), "{package} has {name} in {section}");
            }
        }
    }
}

#[test]
fn the_standard_does_no_input_output_and_knows_no_clock() {
    let forbidden =
        ["std::fs", "std::net", "std::env", "std::process", "std::time", "std::thread", "SystemTime", "getrandom", "println!", "SysRng"];
    for (path, code) in sources("eid/src") {
        for word in forbidden {
            assert!(!mentions(&code, word), "{} uses {word}", path.display());
        }
        let in_crypto = path.starts_with(root().join("eid/src/crypto"));
        assert!(in_crypto || !mentions(&code, "aws_lc_rs"), "{}: only crypto knows a backend", path.display());
    }
}

/// A module may use modules of its own layer and of lower ones.
#[test]
fn layers_of_the_standard_point_downwards() {
    let layers: [&[&str]; 6] = [
        &["tlv", "apdu", "mrz", "oid", "date", "secret", "quirk", "face_qr"],
        &["crypto"],
        &["transport", "signer"],
        &["cert"],
        &["lds", "image"],
        &["sm", "scp02", "scp03", "gp", "dgi", "protocol"],
    ];
    let layer = |module: &str| layers.iter().position(|names| names.contains(&module));
    for (path, code) in sources("eid/src") {
        let inside = path.strip_prefix(root().join("eid/src")).expect("below eid/src");
        let module = inside.iter().next().and_then(|first| Path::new(first).file_stem()).and_then(|s| s.to_str()).expect("module name");
        if module == "lib" || module == "test_rng" {
            continue;
        }
        let own =
            layer(module).unwrap_or_else(|| panic!("{module} stands in no layer: add it to this test and to the table in eid/src/lib.rs"));
        // a link in the documentation is no dependency
        let code: String = code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
        for used in code.split("crate::").skip(1) {
            let name: String = used.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if let Some(other) = layer(&name) {
                assert!(other <= own, "{} (layer {own}) uses {name} (layer {other})", path.display());
            }
        }
    }
}

#[test]
fn only_the_command_line_reads_arguments_environment_and_clock() {
    for (path, code) in sources("src") {
        if path.starts_with(root().join("src/cli")) || path.file_name().is_some_and(|n| n == "main.rs" || n == "cli.rs") {
            continue;
        }
        for word in ["std::env::", "SystemTime", "Timestamp::now", "Zoned::now", "stdin()", "clap::"] {
            assert!(!mentions(&code, word), "{} uses {word}", path.display());
        }
    }
}

#[test]
fn a_newcomer_finds_things_by_their_names() {
    for name in [
        "eid/src/protocol/pace.rs",
        "eid/src/protocol/bac.rs",
        "eid/src/lds/dg14.rs",
        "eid/src/lds/sod.rs",
        "eid/src/cert/master_list.rs",
        "src/trust/store.rs",
        "eid/src/scp03.rs",
        "eid/src/sm.rs",
    ] {
        assert!(root().join(name).is_file(), "{name} is not where its name says");
    }
}
