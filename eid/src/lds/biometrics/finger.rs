//! Finger image records (ISO/IEC 19794-4:2005 clause 7), as EF.DG3 holds them.
//!
//! ```text
//! "FIR" 00 "010" 00, length of the record (6), device (2), acquisition level (2), fingers, scale units,
//!   scan resolution (2 x 2), image resolution (2 x 2), pixel depth, compression, reserved (2)             general header
//! length (4), position, views, view number, quality, impression, width (2), height (2), reserved          finger image header
//! image
//! ```

use super::image::{self, ImageError, ImageHeader};
use super::octets::{Octets, length};
use crate::image::FileId;
use crate::lds::LdsError;
use crate::quirk::Quirk;

/// Format identifier and version.
pub(in crate::lds) const MAGIC: &[u8; 8] = b"FIR\x00010\x00";
const GENERAL_HEADER: usize = 32;
const IMAGE_HEADER: usize = 14;

/// Compression codes of the general header.
pub mod compression {
    /// Uncompressed.
    pub const NONE: u8 = 0;
    /// WSQ.
    pub const WSQ: u8 = 2;
    /// JPEG.
    pub const JPEG: u8 = 3;
    /// JPEG 2000.
    pub const JPEG_2000: u8 = 4;
}

/// A finger image record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FingerRecord {
    /// Capture device.
    pub device: u16,
    /// Image acquisition level: 31 for 500 pixels an inch and 256 grey values (setting level 31).
    pub acquisition_level: u16,
    /// Number of fingers, as the record says.
    pub fingers: u8,
    /// Scale units of the resolutions: 1 pixels an inch, 2 pixels a centimetre.
    pub scale_units: u8,
    /// Scan resolution, horizontal and vertical.
    pub scan_resolution: (u16, u16),
    /// Image resolution, horizontal and vertical.
    pub image_resolution: (u16, u16),
    /// Bits a pixel.
    pub pixel_depth: u8,
    /// How the images are compressed, see [`compression`].
    pub compression: u8,
    /// The images.
    pub views: Vec<FingerView>,
}

/// One image of a finger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FingerView {
    /// Position: 1 right thumb to 5 right little finger, 6 left thumb to 10 left little finger.
    pub position: u8,
    /// Number of views of this finger.
    pub views: u8,
    /// Which of them this is, from 1.
    pub view_number: u8,
    /// Quality 0 to 100; 254 is undefined.
    pub quality: u8,
    /// Impression type: 0 live-scan plain.
    pub impression: u8,
    /// Width in pixels.
    pub width: u16,
    /// Height in pixels.
    pub height: u16,
    /// The image, as it is.
    pub image: Vec<u8>,
}

impl FingerRecord {
    /// A record of one live-scanned finger at 500 pixels an inch, 8 bits a pixel.
    #[must_use]
    pub fn one(position: u8, compression: u8, width: u16, height: u16, image: Vec<u8>) -> Self {
        Self {
            device: 0,
            acquisition_level: 31,
            fingers: 1,
            scale_units: 1,
            scan_resolution: (500, 500),
            image_resolution: (500, 500),
            pixel_depth: 8,
            compression,
            views: vec![FingerView { position, views: 1, view_number: 1, quality: 254, impression: 0, width, height, image }],
        }
    }

    /// Reads a record that is all of `data`; `at` is its offset in `file`.
    ///
    /// # Errors
    /// Not such a record; the error names the field and its offset in the file.
    pub fn read(file: FileId, data: &[u8], at: usize, quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut octets = Octets { file, rest: data, at };
        octets.magic("finger record format", MAGIC)?;
        let high = octets.u16("finger record length")?;
        let declared = u64::from(high) << 32 | u64::from(octets.u32("finger record length")?);
        if declared != data.len() as u64 {
            quirks.push(Quirk::new("finger.record-length", format!("{file} offset {}: {declared}, record has {}", at + 8, data.len())));
        }
        let mut record = Self {
            device: octets.u16("capture device")?,
            acquisition_level: octets.u16("acquisition level")?,
            fingers: octets.u8("number of fingers")?,
            scale_units: octets.u8("scale units")?,
            scan_resolution: (octets.u16("scan resolution")?, octets.u16("scan resolution")?),
            image_resolution: (octets.u16("image resolution")?, octets.u16("image resolution")?),
            pixel_depth: octets.u8("pixel depth")?,
            compression: octets.u8("compression")?,
            views: Vec::new(),
        };
        octets.u16("reserved")?;
        // Each round reads at least a header, so the record bounds them.
        while !octets.rest.is_empty() {
            let view = read_view(&mut octets, quirks)?;
            record.views.push(view);
        }
        Ok(record)
    }

    /// The record in bytes, with the lengths that are right.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let total = GENERAL_HEADER + self.views.iter().map(|view| IMAGE_HEADER + view.image.len()).sum::<usize>();
        let mut out = MAGIC.to_vec();
        out.extend([0, 0]);
        out.extend(length(total).to_be_bytes());
        out.extend(self.device.to_be_bytes());
        out.extend(self.acquisition_level.to_be_bytes());
        out.extend([self.fingers, self.scale_units]);
        for (horizontal, vertical) in [self.scan_resolution, self.image_resolution] {
            out.extend(horizontal.to_be_bytes());
            out.extend(vertical.to_be_bytes());
        }
        out.extend([self.pixel_depth, self.compression, 0, 0]);
        for view in &self.views {
            out.extend(length(IMAGE_HEADER + view.image.len()).to_be_bytes());
            out.extend([view.position, view.views, view.view_number, view.quality, view.impression]);
            out.extend(view.width.to_be_bytes());
            out.extend(view.height.to_be_bytes());
            out.push(0);
            out.extend(&view.image);
        }
        out
    }
}

impl FingerView {
    /// `right index`, `left thumb`, or `finger n`.
    #[must_use]
    pub fn name(&self) -> String {
        position_name(self.position)
    }

    /// The biometric subtype of CBEFF for this position: 05 right thumb, 09 right index, 0A left index.
    #[must_use]
    pub const fn subtype(&self) -> u8 {
        subtype(self.position)
    }

    /// What the header of the image itself says.
    ///
    /// # Errors
    /// The image is uncompressed, damaged or of a kind that is not known.
    pub fn header(&self) -> Result<ImageHeader, ImageError> {
        image::sniff(&self.image)
    }
}

/// `right index`, `left thumb`, or `finger n`: positions of ISO/IEC 19794-4 and 39794-4.
#[must_use]
pub fn position_name(position: u8) -> String {
    let names = ["thumb", "index", "middle", "ring", "little"];
    let of =
        |side: &str, first: u8| position.checked_sub(first).and_then(|n| names.get(usize::from(n))).map(|name| format!("{side} {name}"));
    of("right", 1).or_else(|| of("left", 6)).unwrap_or_else(|| format!("finger {position}"))
}

/// The biometric subtype of CBEFF for a position: 05 right thumb, 09 right index, 0A left index.
#[must_use]
pub const fn subtype(position: u8) -> u8 {
    match position {
        right @ 1..=5 => right << 2 | 1,
        left @ 6..=10 => (left - 5) << 2 | 2,
        _ => 0,
    }
}

fn read_view(octets: &mut Octets<'_>, quirks: &mut Vec<Quirk>) -> Result<FingerView, LdsError> {
    let (file, start) = (octets.file, octets.at);
    let declared = octets.u32("finger image length")?;
    let mut view = FingerView {
        position: octets.u8("finger position")?,
        views: octets.u8("number of views")?,
        view_number: octets.u8("view number")?,
        quality: octets.u8("quality")?,
        impression: octets.u8("impression type")?,
        width: octets.u16("width")?,
        height: octets.u16("height")?,
        image: Vec::new(),
    };
    octets.u8("reserved")?;
    let len = usize::try_from(declared).unwrap_or(usize::MAX).checked_sub(IMAGE_HEADER);
    let len =
        len.ok_or_else(|| LdsError::value(file, "finger image length", start, format!("at least {IMAGE_HEADER}"), declared.to_string()))?;
    view.image = octets.take("finger image", len)?.to_vec();
    if let Ok(header) = view.header()
        && (header.width, header.height) != (view.width.into(), view.height.into())
    {
        quirks.push(Quirk::new("finger.size", format!("{file} offset {start}: record {} x {}, image {header}", view.width, view.height)));
    }
    Ok(view)
}
