//! What a JPEG 2000 codestream declares (ISO/IEC 15444-1 annex A: SIZ, COD, COC), held against the limits before it is decoded.
//!
//! Every codestream in the bytes is looked at, wherever a container hides it: it begins with SOC and SIZ, four bytes that cannot be
//! missed. In its main header and those of its tile-parts each coding style counts with the whole picture, so that the sum is an upper bound.

use super::super::{Format, PictureError, check_size, limits};

/// SOC, then the marker SIZ.
const START: [u8; 4] = [0xFF, 0x4F, 0xFF, 0x51];
/// Highest number of decomposition levels (table A.15).
const LEVELS: u8 = 32;

pub(super) fn check(format: Format, bytes: &[u8]) -> Result<(), PictureError> {
    let starts: Vec<_> = bytes.windows(4).enumerate().filter(|(_, window)| *window == START).map(|(at, _)| at).collect();
    if starts.is_empty() {
        return Err(PictureError::Damaged { format, detail: "expected a codestream (FF4FFF51), found none".to_owned() });
    }
    // More than a few are no picture: a codestream inside the data of another.
    let limit = 4;
    if starts.len() > limit {
        return Err(PictureError::TooLarge { format, what: "number of codestreams", found: starts.len() as u64, limit: limit as u64 });
    }
    starts.into_iter().try_for_each(|at| codestream(format, bytes.len() as u64, bytes.get(at + 2..).unwrap_or_default()))
}

/// Size of the picture on the reference grid and its components.
struct Siz {
    width: u64,
    height: u64,
    components: u16,
}

fn codestream(format: Format, file: u64, bytes: &[u8]) -> Result<(), PictureError> {
    let mut reader = Markers { bytes, at: 0, end: 0 };
    let too_large = |what, found, limit| PictureError::TooLarge { format, what, found, limit };
    let siz = siz(format, reader.segment().map(|(_, data)| data).unwrap_or_default())?;
    let samples = siz.width * siz.height * u64::from(siz.components);
    let limit = limits::SAMPLES + limits::SAMPLES_A_BYTE * file;
    if samples > limit {
        return Err(too_large("number of samples for so few bytes", samples, limit));
    }
    // Main header, then the header of each tile-part up to its data. A marker that cannot be followed ends the search where it ends
    // the decoder too.
    while let Some((marker, data)) = reader.segment() {
        match marker {
            0x52 => {
                let [style, _, _, _, _, rest @ ..] = data else { continue };
                blocks(format, &siz, u64::from(siz.components), *style, rest)?;
            }
            // COC: index of one or two bytes, here always one, since there are few components.
            0x53 => {
                let [_, style, rest @ ..] = data else { continue };
                blocks(format, &siz, 1, *style, rest)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn siz(format: Format, data: &[u8]) -> Result<Siz, PictureError> {
    let damaged = |detail: &str| PictureError::Damaged { format, detail: detail.to_owned() };
    let word = |at: usize| data.get(at..)?.first_chunk::<4>().map(|&bytes| u64::from(u32::from_be_bytes(bytes)));
    let short = || damaged("SIZ: expected at least 36 bytes, found fewer");
    let field = |n: usize| word(2 + 4 * n).ok_or_else(short);
    let [right, bottom, left, top, tile_width, tile_height, tile_left, tile_top] =
        [field(0)?, field(1)?, field(2)?, field(3)?, field(4)?, field(5)?, field(6)?, field(7)?];
    let components = data.get(34..).and_then(|rest| rest.first_chunk::<2>()).map(|&bytes| u16::from_be_bytes(bytes)).ok_or_else(short)?;
    let (Some(width), Some(height)) = (right.checked_sub(left), bottom.checked_sub(top)) else {
        return Err(damaged("SIZ: the picture ends before it begins"));
    };
    let (width, height) = check_size(format, width, height)?;
    // Coordinates too: decoders compute with them.
    check_size(format, right, 1)?;
    check_size(format, 1, bottom)?;
    let too_large = |what, found, limit| PictureError::TooLarge { format, what, found, limit };
    if components == 0 || components > limits::COMPONENTS {
        return Err(too_large("number of components", components.into(), limits::COMPONENTS.into()));
    }
    if tile_width == 0 || tile_height == 0 || tile_left > left || tile_top > top {
        return Err(damaged("SIZ: the tiles do not cover the picture"));
    }
    let tiles = (right - tile_left).div_ceil(tile_width) * (bottom - tile_top).div_ceil(tile_height);
    if tiles > limits::TILES {
        return Err(too_large("number of tiles", tiles, limits::TILES));
    }
    for component in data.get(36..).unwrap_or_default().chunks_exact(3).take(components.into()) {
        let [depth, across, down] = component else { continue };
        let depth = (depth & 0x7F) + 1;
        if depth > limits::DEPTH {
            return Err(too_large("bits of a sample", depth.into(), limits::DEPTH.into()));
        }
        if *across == 0 || *down == 0 {
            return Err(damaged("SIZ: a component without samples"));
        }
    }
    Ok(Siz { width: width.into(), height: height.into(), components })
}

/// Counts precincts and code blocks of a coding style: levels, code block exponents less 2, style, transformation, precinct sizes.
fn blocks(format: Format, siz: &Siz, components: u64, style: u8, data: &[u8]) -> Result<(), PictureError> {
    let &[levels, across, down, _, _, ref precincts @ ..] = data else { return Ok(()) };
    if levels > LEVELS || across > 8 || down > 8 {
        return Err(PictureError::Damaged {
            format,
            detail: format!("COD: expected at most 32 levels and code blocks of at most 1024, found {levels}, {across}, {down}"),
        });
    }
    let mut count = 0;
    for resolution in 0..=levels {
        let shrunk = |side: u64| side.div_ceil(1 << (levels - resolution));
        let (width, height) = (shrunk(siz.width), shrunk(siz.height));
        let precinct = if style & 1 == 0 { 0xFF } else { precincts.get(usize::from(resolution)).copied().unwrap_or(0xFF) };
        // A code block is never larger than its precinct; one block more a row and column where the grid does not fit.
        let parts = |side: u64, block: u8, precinct: u8| {
            let exponent = (block + 2).min(precinct.max(1) - u8::from(resolution > 0 && precinct > 0));
            (side >> exponent) + 2
        };
        count += parts(width, across, precinct & 0x0F) * parts(height, down, precinct >> 4);
    }
    count *= components;
    if count > limits::BLOCKS {
        return Err(PictureError::TooLarge { format, what: "number of code blocks", found: count, limit: limits::BLOCKS });
    }
    Ok(())
}

/// Walks the markers of a codestream, from that of SIZ on, and from each tile-part's header to the next.
struct Markers<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the tile-part ends whose header is being read.
    end: usize,
}

impl<'a> Markers<'a> {
    /// The next marker (its low byte) and its segment without the length. Stands on the next marker afterwards.
    fn segment(&mut self) -> Option<(u8, &'a [u8])> {
        loop {
            let rest = self.bytes.get(self.at..)?;
            match *rest {
                // Markers without a segment.
                [0xFF, 0x30..=0x3F, ..] => self.at += 2,
                // Data: over them, unless the length is a lie and the next tile-part follows at once.
                [0xFF, 0x93, ..] => self.at = self.end.max(self.at + 2),
                [0xFF, 0xD9, ..] => return None,
                [0xFF, marker, high, low, ..] => {
                    let len = usize::from(u16::from_be_bytes([high, low])).max(2);
                    let data = rest.get(4..(2 + len).min(rest.len())).unwrap_or_default();
                    if marker == 0x90 {
                        // SOT: Isot, Psot (from the marker on; 0 for all that follows), TPsot, TNsot.
                        let psot = data.get(2..).and_then(|rest| rest.first_chunk::<4>()).map_or(0, |&bytes| u32::from_be_bytes(bytes));
                        self.end = if psot == 0 { self.bytes.len() } else { self.at.saturating_add(psot as usize) };
                    }
                    self.at += 2 + len;
                    return Some((marker, data));
                }
                _ => return None,
            }
        }
    }
}
