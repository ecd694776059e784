//! Crate `emrtd` opens a card by BAC and prints the files asked for.
//!
//! `bac_reader READER DOCUMENT-NUMBER BIRTH EXPIRY FID…` (dates YYMMDD, FID four hex digits); each file as `FID HEX` on a line of its own.
//! Exit code 4 if the card refuses BAC, 1 for anything else. Everything but the choice of the reader is the crate's work.

use std::ffi::CString;
use std::process::ExitCode;

use emrtd::{EmrtdComms, bytes2hex, other_mrz};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [reader, document, birth, expiry, files @ ..] = arguments.as_slice() else {
        eprintln!("usage: bac_reader READER DOCUMENT-NUMBER BIRTH EXPIRY FID...");
        return ExitCode::from(2);
    };
    let context = pcsc::Context::establish(pcsc::Scope::User).expect("PC/SC service");
    let name = CString::new(reader.as_str()).expect("reader name");
    let card = context.connect(&name, pcsc::ShareMode::Exclusive, pcsc::Protocols::ANY).expect("card in the reader");
    let mut chip = EmrtdComms::new(card);
    chip.select_emrtd_application().expect("eMRTD application");
    let secret = other_mrz(document, birth, expiry).expect("MRZ fields");
    if let Err(error) = chip.establish_bac_session_keys(secret.as_bytes()) {
        eprintln!("BAC refused: {error:?}");
        return ExitCode::from(4);
    }
    for file in files {
        let fid = u16::from_str_radix(file, 16).expect("FID").to_be_bytes();
        chip.select_ef(&fid, file, true).expect("file under secure messaging");
        println!("{file} {}", bytes2hex(&chip.read_data_from_ef(true).expect("content under secure messaging")).to_ascii_lowercase());
    }
    ExitCode::SUCCESS
}
