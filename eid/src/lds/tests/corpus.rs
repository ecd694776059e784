//! Files that others made, read where they were collected: `$CARDWRIGHT_CORPUS`, else `../shared/data` beside the workspace.

use std::path::PathBuf;

use super::*;

/// The files of a folder, sorted; `None` without a corpus.
fn folder(path: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let root = std::env::var_os("CARDWRIGHT_CORPUS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let Ok(entries) = std::fs::read_dir(root.join(path)) else {
        println!("skipped: no corpus ({path})");
        return None;
    };
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("readable folder").path())
        .map(|path| (path.file_name().expect("name").to_string_lossy().into_owned(), std::fs::read(&path).expect("readable file")))
        .collect();
    files.sort();
    Some(files)
}

/// Detects, reads, and where the content is written again, gets the same bytes, unless a quirk was needed.
fn reads(name: &str, bytes: &[u8]) -> File {
    let id = detect(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    let file = parse(id, bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    println!("{name}: {id} {:?} {:?}", file.quirks, file.fields());
    if let Some(written) = file.encode().filter(|_| file.quirks.is_empty()) {
        assert_eq!(hex::encode(written), hex::encode(bytes), "{name}");
    }
    file
}

#[test]
fn the_chip_of_the_bsi_reads_file_by_file() {
    let Some(files) = folder("chips/bsi-tr03105-5") else { return };
    let mut seen = Vec::new();
    for (name, bytes) in files.iter().filter(|(name, _)| name.starts_with("Datagroup") || name.starts_with("EF_")) {
        let file = reads(name, bytes);
        seen.push((file.id.name(), rules(&file.quirks)));
    }
    let expected: [(&str, &[&str]); 8] = [
        ("EF.DG1", &[]),
        ("EF.DG14", &[]),
        ("EF.DG15", &[]),
        // the record says 337 x 449, the image is 413 x 531
        ("EF.DG2", &["face.size"]),
        ("EF.DG3", &[]),
        ("EF.DG4", &[]),
        ("EF.COM", &[]),
        ("EF.SOD", &[]),
    ];
    let expected: Vec<_> = expected.iter().map(|(name, rules)| ((*name).to_owned(), rules.to_vec())).collect();
    assert_eq!(seen, expected);
}

#[test]
fn data_groups_of_other_collections_read() {
    let mut read = Vec::new();
    for path in ["chips/dg1", "chips/etsi-prototype", "chips/tsemrtd", "biometrics/dg2"] {
        let Some(files) = folder(path) else { return };
        read.extend(files.iter().map(|(name, bytes)| (name.clone(), reads(name, bytes))));
    }
    let quirks: Vec<_> = read.iter().filter(|(_, f)| !f.quirks.is_empty()).map(|(name, f)| (name.as_str(), rules(&f.quirks))).collect();
    let expected = [
        ("EF_DG1_TD1_doc9303-10.bin", vec!["mrz.check-digit"]),
        ("EF_DG11.bin", vec!["details.present-but-unlisted", "details.packed-date"]),
    ];
    assert_eq!(quirks, expected);
    assert_eq!(read.len(), 9);
}

/// The irises of the BSI chip, field by field.
#[test]
fn the_irises_of_the_bsi_chip_are_colour_jpeg_2000_of_both_eyes() {
    let Some(files) = folder("chips/bsi-tr03105-5") else { return };
    let bytes = |wanted: &str| files.iter().find(|(name, _)| name == wanted).map(|(_, bytes)| bytes.clone()).expect("collected");
    let (dg4, _) = stable::<dg4::Dg4>(&bytes("Datagroup4.bin"));
    let eyes: Vec<_> = dg4
        .irises
        .iter()
        .map(|iris| {
            let dg4::IrisData::Iso19794(record) = &iris.data else { panic!("a record of ISO/IEC 19794-6") };
            let image = &record.eyes[0].images[0];
            let sizes = (record.diameter, record.width, record.height, record.depth);
            (iris.header.subtype(), record.eyes[0].side, sizes, record.format_name(), image.quality, image.image.len())
        })
        .collect();
    let name = || "colour JPEG 2000".to_owned();
    let expected = [(Some(1), 1, (150, 163, 149, 24), name(), 51, 6386), (Some(2), 2, (150, 160, 152, 24), name(), 51, 6718)];
    assert_eq!(eyes, expected);
    let (dg3, _) = stable::<Dg3>(&bytes("Datagroup3.bin"));
    let FingerData::Iso19794(record) = &dg3.fingers[1].data else { panic!("a record of ISO/IEC 19794-4") };
    let view = &record.views[0];
    assert_eq!((record.compression, view.position, view.quality, view.width, view.image.len()), (2, 7, 100, 620, 15931));
}

/// The ICAO's example of ISO/IEC 39794-5 with the mandatory fields only.
#[test]
fn the_icao_example_of_39794_5_holds_its_image() {
    let (Some(files), Some(images), Some(records)) =
        (folder("biometrics/dg2"), folder("biometrics/face-image"), folder("biometrics/face-record"))
    else {
        return;
    };
    let (dg2, quirks) = stable::<Dg2>(&files[0].1);
    assert_eq!((dg2.portraits().collect::<Vec<_>>(), quirks), (vec![images[0].1.as_slice()], vec![]));
    let dg2::FaceData::Iso39794(block) = &dg2.faces[0].data else { panic!("a block of ISO/IEC 39794-5") };
    let face = &block.representations[0];
    assert_eq!((block.version.generation, block.version.year, face.id), (3, 2019, 0));
    assert_eq!((face.image.as_ref().map(|image| image.format.value), face.captured), (Some(Some(3)), None));
    let (_, record) = records.iter().find(|(name, _)| name == "icao_39794-5_mandatory_fields.dat").expect("collected");
    assert_eq!(block.encode(), *record);
}

/// A biometric information template of the NIST that announces what a card can compare and has no data.
#[test]
fn a_template_without_data_is_refused_by_name() {
    let Some(files) = folder("biometrics/cbeff") else { return };
    for (outer, file) in [(0x63, dg(3)), (0x76, dg(4))] {
        let error = parse(file, &tlv::encode(outer, &files[0].1)).expect_err("no data");
        assert_eq!(error.to_string(), format!("{file}: expected tag 7F2E at offset 39, found the end"));
    }
}

#[test]
fn card_access_of_every_collected_card_reads() {
    let Some(files) = folder("ef") else { return };
    let mut trailing = Vec::new();
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with("EF.CardAccess.bin")) {
        let mut quirks = Vec::new();
        let access = CardAccess::read(bytes, &mut quirks).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(access.infos.pace().any(|pace| pace.parameter_id == Some(13)), "{name}");
        if !quirks.is_empty() {
            trailing.push(name.as_str());
        }
    }
    assert_eq!(trailing, ["AusweisApp_EF.CardAccess.bin", "openpace_new_testcard_EF.CardAccess.bin"]);
    let (_, json) = files.iter().find(|(name, _)| name == "AusweisApp_simulatorFiles.json").expect("the simulated card");
    let json: serde_json::Value = serde_json::from_slice(json).expect("JSON");
    let dir = json["files"].as_array().expect("files").iter().find(|file| file["fileId"] == "2f00").expect("EF.DIR");
    let dir = stable::<Dir>(&bytes(dir["content"].as_str().expect("hex"))).0;
    assert_eq!(dir.applications.len(), 4);
    assert_eq!(dir.applications[0].label.as_deref(), Some("CIA zu DF.eSign"));
}

#[test]
fn face_records_of_others_read() {
    let Some(files) = folder("biometrics/face-record") else { return };
    let read = |wanted: &str| {
        let (_, bytes) = files.iter().find(|(name, _)| name == wanted).expect("collected");
        let mut quirks = Vec::new();
        let record = biometrics::face::FaceRecord::read(dg(2), bytes, 0, &mut quirks).expect("a face record");
        assert_eq!(record.encode(), *bytes);
        let image = &record.images[0];
        (image.feature_points.len(), image.header().expect("image").to_string(), rules(&quirks))
    };
    assert_eq!(read("nist_face01_9c773dae.fac"), (4, "JPEG 280 x 320".to_owned(), vec![]));
    // a JPEG that the record calls JPEG 2000
    assert_eq!(read("gmrtd_19794-5_test1.bin"), (0, "JPEG 148 x 70".to_owned(), vec!["face.data-type"]));
}

#[test]
fn headers_of_every_collected_image_are_read_or_refused() {
    let (Some(jp2), Some(wsq)) = (folder("jp2"), folder("biometrics/wsq")) else { return };
    for (name, bytes) in jp2.iter().chain(&wsq) {
        println!("{name}: {:?}", sniff(bytes));
    }
    let size = |wanted: &str| {
        let (_, bytes) = jp2.iter().chain(&wsq).find(|(name, _)| name == wanted).expect("collected");
        sniff(bytes).map(|header| (header.kind, header.width, header.height))
    };
    assert_eq!(size("pypi_wsq_test.wsq"), Ok((ImageKind::Wsq, 540, 520)));
    assert_eq!(size("nist_blobs_48f288da.wsq"), Ok((ImageKind::Wsq, 256, 256)));
    assert_eq!(size("empty.jp2"), Err(ImageError::UnknownFormat));
}

/// The fuzzed EF.DG14 of the ETSI prototype: Chip Authentication version 16. It reads; whoever runs the protocol refuses the version.
#[test]
fn a_fuzzed_dg14_reads_and_keeps_its_odd_version() {
    let Some(files) = folder("chips/malformed") else { return };
    let dg14 = stable::<Dg14>(&files[0].1).0;
    assert_eq!(dg14.infos.chip_auth().map(|info| info.version).collect::<Vec<_>>(), [16]);
}

/// EF.CardSecurity and EF.ChipSecurity of German cards and simulators, and EF.CardAccess with something after its SET.
#[test]
fn security_files_of_others_read() {
    use crate::lds::card_access::CardAccess;
    use crate::lds::card_security::CardSecurity;
    let Some(files) = folder("ef") else { return };
    let mut refused = Vec::new();
    let mut read = 0;
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with("Security.bin")) {
        match CardSecurity::parse(bytes) {
            Ok(security) => {
                assert!(security.infos.infos().len() > 3 && security.signed.certificates().count() == 1, "{name}");
                println!("{name}: {:?} {:?}", security.quirks, security.infos.fields());
                read += 1;
            }
            Err(error) => refused.push(format!("{name}: {error}")),
        }
    }
    assert_eq!((read, refused), (24, Vec::<String>::new()));
    let trailing = |wanted: &str| {
        let (_, bytes) = files.iter().find(|(name, _)| name == wanted).expect("collected");
        let mut quirks = Vec::new();
        let access = CardAccess::read(bytes, &mut quirks).expect("EF.CardAccess");
        (access.infos.pace().count(), rules(&quirks))
    };
    assert_eq!(trailing("AusweisApp_EF.CardAccess.bin"), (1, vec!["card-access.trailing-bytes"]));
    assert_eq!(trailing("openpace_new_testcard_EF.CardAccess.bin").1, ["card-access.trailing-bytes"]);
}
