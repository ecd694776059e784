//! Where the collected files are: `$CARDWRIGHT_CORPUS`, else `../shared/data` beside the workspace; and every object in them.

use std::path::{Path, PathBuf};

use pki::lint::{self, Kind};

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

/// Where an object comes from, what it is if its file says so, its bytes.
pub(crate) struct Object {
    pub(crate) place: String,
    pub(crate) kind: Option<Kind>,
    pub(crate) bytes: Vec<u8>,
}

/// Every certificate, CRL, list, EF.SOD, and CV certificate or request of the corpus, those inside of messages and records included.
pub(crate) fn objects(root: &Path) -> Vec<Object> {
    let mut out = Vec::new();
    let read = |path: &Path| std::fs::read(path).expect("file");
    let mut push = |place: String, kind, bytes: Vec<u8>| out.push(Object { place, kind, bytes });
    for path in files(root) {
        let place = path.strip_prefix(root).expect("below the root").display().to_string();
        let name = path.file_name().expect("name").to_string_lossy().into_owned();
        let extension = path.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = place.split('/').next().unwrap_or_default().to_owned();
        match (folder.as_str(), extension.as_str()) {
            ("csca" | "dsc" | "masterlists" | "mock-pki" | "chips", "cer" | "crt" | "pem") | ("csca", "der") => {
                push(place, None, read(&path))
            }
            ("crl", "crl") => push(place, Some(Kind::Crl), read(&path)),
            ("masterlists", "ml") => {
                let bytes = read(&path);
                for (inner, certificate) in lint::embedded(&bytes) {
                    push(format!("{place} {inner}"), None, certificate);
                }
                push(place, Some(Kind::MasterList), bytes);
            }
            ("chips", "bin") if name.contains("SOD") || name.contains("sod") => {
                let bytes = read(&path);
                for (inner, certificate) in lint::embedded(&bytes) {
                    push(format!("{place} {inner}"), None, certificate);
                }
                push(place, Some(Kind::Sod), bytes);
            }
            ("cvc", "cvcert" | "csr") => push(place, None, read(&path)),
            _ => {}
        }
    }
    let bulk = read(&root.join("dsc/bulk/dsc-a.der"));
    let table = std::fs::read_to_string(root.join("dsc/bulk/dsc-a.csv")).expect("table");
    for line in table.lines().skip(1) {
        let mut fields = line.split(',');
        let mut number = || fields.next().and_then(|field| field.parse::<usize>().ok()).expect("a number");
        let (offset, length) = (number(), number());
        push(format!("dsc/bulk {offset}"), None, bulk[offset..offset + length].to_vec());
    }
    for record in records(root) {
        push(format!("ldif {}", record.name), None, record.certificate);
    }
    out
}

/// A record of collection 003: the certificate, and the codes of what the ICAO found in it.
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) country: String,
    pub(crate) certificate: Vec<u8>,
    pub(crate) codes: Vec<String>,
}

pub(crate) fn records(root: &Path) -> Vec<Record> {
    let text = std::fs::read_to_string(root.join("ldif/icaopkd-003-complete-000090.part1.ldif")).expect("LDIF");
    let text = text.replace('\r', "").replace("\n ", "");
    let mut out = Vec::new();
    for record in text.split("\n\n") {
        let values = |key: &'static str| record.lines().filter_map(move |line| line.strip_prefix(key)).map(str::to_owned);
        let Some(base64) = values("userCertificate;binary:: ").next() else { continue };
        let name = values("dn: ").next().unwrap_or_default();
        let country = name.split(",c=").nth(1).and_then(|rest| rest.get(..2)).unwrap_or("CN").to_uppercase();
        let certificate = eid::cert::pem::base64(&base64).expect("base64");
        out.push(Record { name, country, certificate, codes: values("pkdConformanceCode: ").collect() });
    }
    out
}
