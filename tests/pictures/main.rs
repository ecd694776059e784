//! Pictures against other decoders: the fixtures' known pixels, the collected files with the exact list of what decodes, and, where
//! they are installed, OpenJPEG (`opj_decompress`) and libjpeg (`djpeg`) pixel by pixel.

use std::path::{Path, PathBuf};
use std::process::Command;

use cardwright::picture::{self, Format, Picture, PictureError, Pixels};

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pictures").join(name)).expect("a fixture")
}

/// Where the collected files are: `$CARDWRIGHT_CORPUS`, else `../shared/data` beside the repository.
fn corpus(below: &str) -> Option<PathBuf> {
    let root =
        std::env::var_os("CARDWRIGHT_CORPUS").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let found = root.join(below);
    if found.is_dir() {
        return Some(found);
    }
    println!("skipped: no corpus");
    None
}

fn bytes(picture: &Picture) -> (usize, &[u8]) {
    match picture.pixels() {
        Pixels::Gray8(bytes) => (1, bytes),
        Pixels::Rgb8(bytes) => (3, bytes),
    }
}

/// Greatest and mean difference of two pictures' samples.
fn difference(one: &[u8], other: &[u8]) -> (u8, f64) {
    assert_eq!(one.len(), other.len());
    let differences = one.iter().zip(other).map(|(a, b)| a.abs_diff(*b));
    let sum: u64 = differences.clone().map(u64::from).sum();
    (differences.max().unwrap_or_default(), sum as f64 / one.len() as f64)
}

/// The picture that every fixture but the finger shows: colour from column and row.
fn gradient(x: usize, y: usize) -> [u8; 3] {
    [x * 6 % 256, y * 10 % 256, (x + y) * 4 % 256].map(|sample| u8::try_from(sample).expect("below 256"))
}

fn expected(channels: usize) -> Vec<u8> {
    let pixels = (0..24).flat_map(|y| (0..40).map(move |x| gradient(x, y)));
    pixels.flat_map(|pixel| pixel.into_iter().take(channels)).collect()
}

#[test]
fn lossless_pictures_decode_to_every_pixel() {
    for (name, format, channels) in [
        ("rgb.jp2", Format::Jp2, 3),
        ("grey.jp2", Format::Jp2, 1),
        ("rgb.j2k", Format::Codestream, 3),
        ("tiles.j2k", Format::Codestream, 3),
    ] {
        let file = fixture(name);
        assert_eq!(picture::format(&file), Some(format), "{name}");
        let picture = picture::decode(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((picture.width(), picture.height()), (40, 24), "{name}");
        assert!(bytes(&picture) == (channels, &expected(channels)[..]), "{name}");
    }
}

#[test]
fn lossy_pictures_decode_close_to_what_was_encoded() {
    for (name, channels, most, mean) in [
        ("rgb.jpg", 3, 60, 6.0),
        ("progressive.jpg", 3, 60, 6.0),
        ("grey.jpg", 1, 8, 1.0),
        ("cmyk.jpg", 3, 60, 6.0),
        ("lossy.jp2", 3, 90, 12.0),
    ] {
        let picture = picture::decode(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((picture.width(), picture.height()), (40, 24), "{name}");
        let (found, samples) = bytes(&picture);
        let difference = difference(samples, &expected(channels));
        println!("{name}: {difference:?}");
        assert!(found == channels && difference.0 <= most && difference.1 <= mean, "{name}: {difference:?}");
    }
}

#[test]
fn transparency_is_laid_on_white() {
    let picture = picture::decode(&fixture("rgba.jp2")).expect("a picture");
    let (channels, samples) = bytes(&picture);
    assert_eq!(channels, 3);
    for (n, pixel) in samples.chunks(3).enumerate() {
        let (x, y) = (n % 40, n / 40);
        let alpha = if x < 20 { 255 } else { y * 10 };
        for (sample, colour) in pixel.iter().zip(gradient(x, y)) {
            let white = 255 - ((255 - usize::from(colour)) * alpha + 127) / 255;
            assert_eq!(usize::from(*sample), white, "{x} {y}");
        }
    }
}

#[test]
fn bytes_after_the_picture_are_ignored() {
    for name in ["rgb.jpg", "progressive.jpg", "rgb.jp2", "rgb.j2k", "ridges.wsq"] {
        let mut file = fixture(name);
        let picture = picture::decode(&file).expect("a picture");
        file.extend([0; 300]);
        assert_eq!(picture::decode(&file).as_ref(), Ok(&picture), "{name}");
    }
}

#[test]
fn a_png_holds_the_same_pixels() {
    for name in ["grey.jp2", "rgb.jp2"] {
        let picture = picture::decode(&fixture(name)).expect("a picture");
        let png = picture.to_png();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&png)).read_info().expect("a PNG");
        let mut out = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut out).expect("a frame");
        assert_eq!((info.width, info.height), (40, 24));
        assert_eq!(&out[..info.buffer_size()], bytes(&picture).1);
    }
}

/// Cut anywhere a picture is an error, or, where only its end is missing, still the whole picture or a JPEG 2000 of less detail.
#[test]
fn a_picture_that_breaks_off_is_a_named_error_or_has_its_size() {
    for name in ["rgb.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg", "rgb.jp2", "rgb.j2k", "tiles.j2k", "ridges.wsq"] {
        let file = fixture(name);
        let whole = picture::decode(&file).expect("a picture");
        for len in 0..file.len() {
            match picture::decode(&file[..len]) {
                Ok(picture) => assert_eq!((picture.width(), picture.height()), (whole.width(), whole.height()), "{name} at {len}"),
                Err(PictureError::Decoder { .. }) => panic!("{name} cut to {len} bytes: the decoder panicked"),
                Err(_) => {}
            }
        }
        // Of JPEG 2000 half a file is a picture with less detail; of the others it is none.
        let half = picture::decode(&file[..file.len() / 2]);
        assert!(half.is_err() || name.ends_with("j2k") || name.ends_with("jp2"), "{name}: half a picture is {half:?}");
    }
}

/// Each byte in turn with other bits: an error or a picture within the limits, and never a decoder that gives up.
#[test]
fn a_damaged_picture_is_a_named_error_or_a_picture_within_limits() {
    let mut unforeseen = Vec::new();
    for name in ["rgb.jpg", "progressive.jpg", "rgb.jp2", "rgba.jp2", "rgb.j2k", "tiles.j2k", "ridges.wsq"] {
        let file = fixture(name);
        for at in 0..file.len() {
            for change in [0xFF, 0x01, 0x80] {
                let mut file = file.clone();
                file[at] ^= change;
                match picture::decode(&file) {
                    Ok(picture) => assert!(u64::from(picture.width()) * u64::from(picture.height()) <= picture::limits::PIXELS),
                    Err(PictureError::Decoder { .. }) => unforeseen.push((name, at, change)),
                    Err(_) => {}
                }
            }
        }
    }
    assert_eq!(unforeseen, [], "a panic of a decoder was caught");
}

#[test]
fn what_is_no_picture_is_named_by_its_first_bytes() {
    for (bytes, found) in [(&b""[..], ""), (b"GIF89a", "474946383961"), (b"\xFF\xD8", "FFD8"), (&[0; 40], "0000000000000000")] {
        assert_eq!(picture::decode(bytes), Err(PictureError::Unknown { found: found.to_owned() }));
    }
}

#[test]
fn sizes_are_refused_before_anything_is_decoded() {
    // The size in the frame header of a JPEG: 40 x 24 becomes 65,535 x 65,535.
    let mut jpeg = fixture("rgb.jpg");
    let sof = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).expect("SOF0");
    jpeg[sof + 5..sof + 9].fill(0xFF);
    let too_large = |format, what, found: u64, limit: u64| Err(PictureError::TooLarge { format, what, found, limit });
    assert_eq!(picture::decode(&jpeg), too_large(Format::Jpeg, "width", 65_535, 8_192));
    // Xsiz and Ysiz of a codestream, 4 bytes each from byte 8 on.
    let with = |at: usize, value: u32| {
        let mut file = fixture("rgb.j2k");
        file[at..at + 4].copy_from_slice(&value.to_be_bytes());
        file
    };
    assert_eq!(picture::decode(&with(8, u32::MAX)), too_large(Format::Codestream, "width", u32::MAX.into(), 8_192));
    assert_eq!(picture::decode(&with(12, 8_193)), too_large(Format::Codestream, "height", 8_193, 8_192));
    // Tiles of one pixel.
    let mut tiles = with(24, 1);
    tiles[28..32].copy_from_slice(&1_u32.to_be_bytes());
    tiles[8..12].copy_from_slice(&200_u32.to_be_bytes());
    assert_eq!(picture::decode(&tiles), too_large(Format::Codestream, "number of tiles", 200 * 24, 4_096));
    // 4,000 x 4,000 in a file of some hundred bytes, in one tile.
    let mut large = with(8, 4_000);
    large[12..16].copy_from_slice(&4_000_u32.to_be_bytes());
    large[24..28].copy_from_slice(&4_000_u32.to_be_bytes());
    large[28..32].copy_from_slice(&4_000_u32.to_be_bytes());
    let found = picture::decode(&large);
    assert!(matches!(found, Err(PictureError::TooLarge { what: "number of samples for so few bytes", .. })), "{found:?}");
    let mut wsq = fixture("ridges.wsq");
    let sof = wsq.windows(2).position(|pair| pair == [0xFF, 0xA2]).expect("SOF");
    wsq[sof + 6..sof + 10].fill(0xFF);
    assert_eq!(picture::decode(&wsq), too_large(Format::Wsq, "width", 65_535, 8_192));
}

/// Pixels on a grid of eight by eight, and the sum of all, by the decoder of NIST's NBIS (as in the Python package `wsq` 0.9).
/// Rounding in single precision may differ by one.
#[test]
fn fingers_decode_as_nist_decodes_them() {
    let ridges: [[u8; 8]; 8] = [
        [94, 182, 108, 157, 149, 242, 140, 167],
        [164, 154, 208, 218, 72, 170, 66, 222],
        [94, 51, 174, 121, 81, 40, 99, 109],
        [109, 226, 90, 115, 167, 221, 181, 149],
        [60, 82, 72, 59, 172, 72, 182, 46],
        [150, 37, 169, 142, 74, 48, 85, 133],
        [154, 38, 176, 158, 84, 30, 107, 133],
        [74, 99, 88, 77, 154, 85, 176, 72],
    ];
    grid(&fixture("ridges.wsq"), (97, 64), 806_885, &ridges);
    let Some(corpus) = corpus("biometrics/wsq") else { return };
    let noise: [[u8; 8]; 8] = [
        [80, 144, 156, 77, 40, 209, 118, 50],
        [121, 140, 144, 140, 164, 38, 69, 197],
        [137, 180, 125, 121, 68, 147, 177, 38],
        [51, 96, 134, 92, 97, 68, 99, 111],
        [85, 89, 32, 132, 161, 142, 195, 161],
        [187, 186, 143, 90, 161, 188, 206, 150],
        [151, 138, 164, 169, 167, 150, 201, 114],
        [206, 116, 177, 133, 173, 77, 178, 179],
    ];
    grid(&std::fs::read(corpus.join("pypi_wsq_test.wsq")).expect("a file"), (540, 520), 39_299_567, &noise);
    let blobs: [[u8; 8]; 8] = [
        [255, 255, 255, 255, 255, 255, 255, 255],
        [255, 255, 254, 255, 254, 254, 253, 0],
        [255, 255, 0, 255, 255, 1, 97, 251],
        [255, 255, 0, 255, 0, 0, 1, 255],
        [255, 0, 255, 253, 88, 1, 8, 253],
        [252, 76, 252, 0, 247, 255, 255, 255],
        [255, 255, 2, 1, 0, 254, 0, 254],
        [255, 254, 255, 7, 255, 254, 255, 255],
    ];
    grid(&std::fs::read(corpus.join("nist_blobs_48f288da.wsq")).expect("a file"), (256, 256), 12_489_309, &blobs);
}

fn grid(file: &[u8], size: (u32, u32), sum: u64, expected: &[[u8; 8]; 8]) {
    let picture = picture::decode(file).expect("a finger");
    assert_eq!((picture.width(), picture.height()), size);
    let (channels, samples) = bytes(&picture);
    assert_eq!(channels, 1);
    let (width, height) = (size.0 as usize, size.1 as usize);
    for (y, row) in expected.iter().enumerate() {
        for (x, &expected) in row.iter().enumerate() {
            let found = samples[(y * height / 8 + 3) * width + x * width / 8 + 3];
            assert!(found.abs_diff(expected) <= 1, "column {x}, row {y}: {found}, expected {expected}");
        }
    }
    let found: u64 = samples.iter().map(|&sample| u64::from(sample)).sum();
    assert!(found.abs_diff(sum) <= u64::from(size.0) * u64::from(size.1) / 200, "{found}, expected {sum}");
}

/// Each collected file: whether OpenJPEG 2.5.0 decodes it, and what we make of it. Where the two differ, the line says why.
const COLLECTED: [(&str, bool, &str); 34] = [
    ("bitwiser-codestreamheader-corrupted-xsiz-10918.jp2", false, "JPEG 2000: width is 2147483664, at most 8192 is decoded"),
    ("bitwiser-codestreamheader-corrupted-xsiz-10937.jp2", false, "JPEG 2000: width is 536870928, at most 8192 is decoded"),
    ("bitwiser-codestreamheader-corrupted-xsiz-10946.jp2", false, "JPEG 2000: width is 268435472, at most 8192 is decoded"),
    ("bitwiser-codestreamheader-corrupted-ysiz-11208.jp2", false, "JPEG 2000: height is 2147483664, at most 8192 is decoded"),
    ("bitwiser-codestreamheader-corrupted-ysiz-11218.jp2", false, "JPEG 2000: height is 1073741840, at most 8192 is decoded"),
    ("bitwiser-codestreamheader-corrupted-ysiz-11238.jp2", false, "JPEG 2000: height is 268435472, at most 8192 is decoded"),
    ("bitwiser-codestreamheader-corrupted-ysiz-11252.jp2", false, "JPEG 2000: height is 134217744, at most 8192 is decoded"),
    ("bitwiser-icc-corrupted-tagcount-1911.jp2", true, "16 x 16 RGB"),
    ("bitwiser-icc-corrupted-tagcount-1920.jp2", true, "16 x 16 RGB"),
    ("bitwiser-icc-corrupted-tagcount-1951.jp2", true, "16 x 16 RGB"),
    ("bitwiser-icc-corrupted-tagcount-1961.jp2", true, "16 x 16 RGB"),
    ("bitwiser-icc-corrupted-tagcount-1984.jp2", true, "16 x 16 RGB"),
    ("bitwiser-icc-corrupted-tagcount-1999.jp2", true, "16 x 16 RGB"),
    ("bitwiser-icc-corrupted-tagcount-2021.jp2", true, "16 x 16 RGB"),
    // The length of a box about the resolution of paper is damaged. It says nothing about a pixel: we go past it, OpenJPEG does not.
    ("bitwiser-resolutionbox-corrupted-boxlength-8127.jp2", false, "16 x 16 RGB"),
    ("bitwiser-resolutionbox-corrupted-boxlength-8730.jp2", true, "16 x 16 RGB"),
    ("empty.jp2", false, "expected JPEG, JPEG 2000, or WSQ, found bytes that begin with "),
    // High throughput (ISO/IEC 15444-15): no travel document standard has it, and we have no decoder for it.
    ("oj-ht-byte_causal.jhc", true, "JPEG 2000 codestream: unsupported marker"),
    ("oj-illegal-rcom-value.jp2", false, "JPEG 2000: SIZ: the picture ends before it begins"),
    ("oj-ppm-main-header-1.jp2", false, "JPEG 2000: missing COD marker"),
    ("oj-ppm-main-header-2.jp2", false, "JPEG 2000: unsupported marker"),
    ("oj-rgn-tilepart-header-1.jp2", true, "256 x 256 grey"),
    ("oj-tileindex-error-2.jp2", false, "JPEG 2000: SIZ: the picture ends before it begins"),
    ("oj-tileindex-error-5.jp2", false, "JPEG 2000: expected at least one pixel, found 0 x 4"),
    ("oj-xtsiz-not-valid-1.jp2", false, "JPEG 2000: SIZ: the tiles do not cover the picture"),
    ("profile-1.j2c", true, "793 x 1080 RGB"),
    ("profile-2.j2c", true, "793 x 1080 RGB"),
    ("profile-cinema2k.j2c", true, "793 x 1080 RGB"),
    ("profile-cinema2s.j2c", true, "793 x 1080 RGB"),
    ("profile-cinema4s.j2c", true, "793 x 1080 RGB"),
    ("profile-cinemass.j2c", true, "793 x 1080 RGB"),
    ("profile-part2.j2c", true, "793 x 1080 RGB"),
    // High throughput, as above.
    ("tileoffset-ojph.jhc", true, "JPEG 2000 codestream: unsupported marker"),
    ("truncated_at_byte_5000.jp2", false, "JPEG 2000: number of samples for so few bytes is 30166851, at most 2328576 is decoded"),
];

#[test]
fn every_collected_jpeg_2000_decodes_or_is_refused_as_listed() {
    // One more than the notes that came with the files count: a version of OpenJPEG without high throughput refuses one of the two.
    assert_eq!(COLLECTED.iter().filter(|(_, openjpeg, _)| *openjpeg).count(), 18);
    let decoded = COLLECTED.iter().filter(|(_, _, ours)| ours.ends_with("RGB") || ours.ends_with("grey"));
    assert_eq!(decoded.count(), 17);
    let Some(folder) = corpus("jp2") else { return };
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), COLLECTED.len());
    for (name, _, expected) in COLLECTED {
        let outcome = match picture::decode(&std::fs::read(folder.join(name)).expect("a file")) {
            Ok(picture) => {
                let kind = if matches!(picture.pixels(), Pixels::Gray8(_)) { "grey" } else { "RGB" };
                format!("{} x {} {kind}", picture.width(), picture.height())
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(outcome, expected, "{name}");
    }
}

/// What another program makes of a file: its portable pixmap, if the program is there.
fn judged(program: &str, arguments: &[&Path], out: &Path) -> Option<(u32, u32, Vec<u8>)> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => {
            println!("skipped: no {program}");
            return None;
        }
    }
    let bytes = std::fs::read(out).expect("a pixmap");
    // P5 or P6, comments, width, height, 255, one white space, samples.
    let (mut words, mut at) = (Vec::new(), 0);
    while words.len() < 4 {
        let end = at + bytes[at..].iter().position(u8::is_ascii_whitespace).expect("a header");
        if bytes[at] == b'#' {
            at += bytes[at..].iter().position(|&byte| byte == b'\n').expect("a line") + 1;
            continue;
        }
        words.push(String::from_utf8_lossy(&bytes[at..end]).into_owned());
        at = end + 1;
    }
    let number = |n: usize| words[n].parse::<u32>().expect("a number");
    let most = number(3);
    let samples = match most {
        255 => bytes[at..].to_vec(),
        ..255 => bytes[at..].iter().map(|&sample| u8::try_from(u32::from(sample) * 255 / most).expect("at most 255")).collect(),
        _ => {
            let wide = bytes[at..].chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
            wide.map(|sample| u8::try_from((sample * 255 + most / 2) / most).expect("at most 255")).collect()
        }
    };
    Some((number(1), number(2), samples))
}

/// Samples differ by at most `most` (rounding of the irreversible transforms), and by `mean` in the mean.
fn compare(name: &str, file: &[u8], judge: Option<(u32, u32, Vec<u8>)>, (most, mean): (u8, f64)) {
    let Some((width, height, other)) = judge else { return };
    let picture = picture::decode(file).expect("a picture");
    assert_eq!((picture.width(), picture.height()), (width, height), "{name}");
    let difference = difference(bytes(&picture).1, &other);
    println!("{name}: {difference:?}");
    assert!(difference.0 <= most && difference.1 <= mean, "{name}: {difference:?}");
}

#[test]
fn openjpeg_gives_the_same_pixels() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut files: Vec<_> = ["lossy.jp2", "rgb.jp2", "grey.jp2", "tiles.j2k"]
        .map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pictures").join(name))
        .into();
    if let Some(corpus) = corpus("biometrics/face-image") {
        files.push(corpus.join("icao_specimen_face.jp2"));
    }
    if let Some(corpus) = corpus("jp2") {
        files.extend(["profile-1.j2c", "profile-cinema4s.j2c", "oj-rgn-tilepart-header-1.jp2"].map(|name| corpus.join(name)));
    }
    for file in files {
        let bytes = std::fs::read(&file).expect("a file");
        let out = folder.path().join(if file.ends_with("grey.jp2") || file.ends_with("oj-rgn-tilepart-header-1.jp2") {
            "o.pgm"
        } else {
            "o.ppm"
        });
        let arguments = [Path::new("-i"), &file, Path::new("-o"), &out];
        compare(&file.display().to_string(), &bytes, judged("opj_decompress", &arguments, &out), (1, 0.05));
    }
}

#[test]
fn libjpeg_gives_the_same_pixels() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["rgb.jpg", "progressive.jpg", "grey.jpg"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pictures").join(name);
        let out = folder.path().join("o.pnm");
        let arguments = [Path::new("-pnm"), Path::new("-outfile"), &out, &file];
        compare(name, &fixture(name), judged("djpeg", &arguments, &out), (4, 1.0));
    }
}
