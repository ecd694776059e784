//! Any elementary file as one value: identifier, original bytes, content.

use super::Elementary;
use super::atr_info::AtrInfo;
use super::card_access::CardAccess;
use super::card_security::CardSecurity;
use super::com::Com;
use super::cvca::Cvca;
use super::dg1::Dg1;
use super::dg2::Dg2;
use super::dg3::Dg3;
use super::dg4::Dg4;
use super::dg11::Dg11;
use super::dg12::Dg12;
use super::dg13::Dg13;
use super::dg14::Dg14;
use super::dg15::Dg15;
use super::dg16::Dg16;
use super::dir::Dir;
use super::displayed::{Dg5, Dg7};
use super::eid::EidGroup;
use super::error::Within as _;
use super::features::{Dg6, Dg8, Dg9, Dg10};
use super::sod::Sod;
use super::{LdsError, field, tags};
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv::{Reader, Tag};

mod sod;

/// An elementary file that was read.
#[derive(Clone, Debug)]
pub struct File {
    /// Which file.
    pub id: FileId,
    /// The bytes as read: what the security object hashes.
    pub raw: Vec<u8>,
    /// What they say.
    pub content: Content,
    /// Tolerances used.
    pub quirks: Vec<Quirk>,
}

/// The content of a file.
#[derive(Clone, Debug)]
pub enum Content {
    /// EF.CardAccess.
    CardAccess(CardAccess),
    /// EF.CardSecurity: read, not verified.
    CardSecurity(Box<CardSecurity>),
    /// EF.DIR.
    Dir(Dir),
    /// EF.ATR/INFO.
    AtrInfo(AtrInfo),
    /// EF.COM.
    Com(Com),
    /// EF.SOD: read, not verified.
    Sod(Box<Sod>),
    /// EF.CVCA.
    Cvca(Cvca),
    /// EF.DG1.
    Dg1(Dg1),
    /// EF.DG2.
    Dg2(Dg2),
    /// EF.DG3.
    Dg3(Dg3),
    /// EF.DG4.
    Dg4(Dg4),
    /// EF.DG5.
    Dg5(Dg5),
    /// EF.DG6.
    Dg6(Dg6),
    /// EF.DG7.
    Dg7(Dg7),
    /// EF.DG8.
    Dg8(Dg8),
    /// EF.DG9.
    Dg9(Dg9),
    /// EF.DG10.
    Dg10(Dg10),
    /// EF.DG11.
    Dg11(Dg11),
    /// EF.DG12.
    Dg12(Dg12),
    /// EF.DG13 of Vietnam.
    Dg13(Dg13),
    /// EF.DG14.
    Dg14(Dg14),
    /// EF.DG15.
    Dg15(Dg15),
    /// EF.DG16.
    Dg16(Dg16),
    /// A data group of the eID application.
    Eid(EidGroup),
    /// A file that is not looked into (the EF.DG13 of other states): tag and length only.
    Opaque {
        /// Outer tag; 00 for an EF.DG13 that is not TLV.
        tag: Tag,
        /// Length of the value in bytes.
        len: usize,
    },
}

/// Reads `bytes` as the file `id`.
///
/// # Errors
/// The bytes are not that file; the error names field and offset.
pub fn parse(id: FileId, bytes: &[u8]) -> Result<File, LdsError> {
    let mut quirks = Vec::new();
    let content = content(id, bytes, &mut quirks)?;
    Ok(File { id, raw: bytes.to_vec(), content, quirks })
}

/// The tolerances that reading `bytes` as the file `id` needs. One that cannot be read at all is the tolerance `file.malformed`, for who does not need
/// its content.
#[must_use]
pub fn tolerated(id: FileId, bytes: &[u8]) -> Vec<Quirk> {
    let mut quirks = Vec::new();
    match content(id, bytes, &mut quirks) {
        Ok(_) => quirks,
        Err(error) => vec![Quirk::new(MALFORMED, error.to_string())],
    }
}

/// The rule that a file breaks which is not what its name says.
pub const MALFORMED: &str = "file.malformed";

fn content(id: FileId, bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Content, LdsError> {
    Ok(match id {
        CardAccess::FILE => Content::CardAccess(CardAccess::read(bytes, quirks)?),
        FileId::CARD_SECURITY => {
            let security = CardSecurity::parse(bytes)?;
            quirks.extend_from_slice(&security.quirks);
            Content::CardSecurity(Box::new(security))
        }
        Dir::FILE => Content::Dir(Dir::read(bytes, quirks)?),
        AtrInfo::FILE => Content::AtrInfo(AtrInfo::read(bytes, quirks)?),
        Com::FILE => Content::Com(Com::read(bytes, quirks)?),
        FileId::SOD => {
            let sod = Sod::parse(bytes)?;
            quirks.extend_from_slice(&sod.quirks);
            Content::Sod(Box::new(sod))
        }
        Cvca::FILE => Content::Cvca(Cvca::read(bytes, quirks)?),
        Dg1::FILE => Content::Dg1(Dg1::read(bytes, quirks)?),
        Dg2::FILE => Content::Dg2(Dg2::read(bytes, quirks)?),
        Dg3::FILE => Content::Dg3(Dg3::read(bytes, quirks)?),
        Dg4::FILE => Content::Dg4(Dg4::read(bytes, quirks)?),
        Dg5::FILE => Content::Dg5(Dg5::read(bytes, quirks)?),
        Dg6::FILE => Content::Dg6(Dg6::read(bytes, quirks)?),
        Dg7::FILE => Content::Dg7(Dg7::read(bytes, quirks)?),
        Dg8::FILE => Content::Dg8(Dg8::read(bytes, quirks)?),
        Dg9::FILE => Content::Dg9(Dg9::read(bytes, quirks)?),
        Dg10::FILE => Content::Dg10(Dg10::read(bytes, quirks)?),
        Dg11::FILE => Content::Dg11(Dg11::read(bytes, quirks)?),
        Dg12::FILE => Content::Dg12(Dg12::read(bytes, quirks)?),
        Dg13::FILE if Dg13::is_vietnamese(bytes) => Content::Dg13(Dg13::read(bytes, quirks)?),
        Dg14::FILE => Content::Dg14(Dg14::read(bytes, quirks)?),
        Dg15::FILE => Content::Dg15(Dg15::read(bytes, quirks)?),
        Dg16::FILE => Content::Dg16(Dg16::read(bytes, quirks)?),
        Dg13::FILE => national(bytes, quirks)?,
        _ if id.eid_number().is_some() => Content::Eid(EidGroup::read(id, bytes, quirks)?),
        _ => opaque(id, bytes)?,
    })
}

/// An EF.DG13 of another state than Vietnam. Some hold bytes that are no TLV at all; they are hashed like any other.
fn national(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Content, LdsError> {
    if bytes.first().is_none_or(|&first| first == 0x6D) {
        return opaque(Dg13::FILE, bytes);
    }
    quirks.push(Quirk::new("dg13.not-tlv", format!("EF.DG13, {} bytes", bytes.len())).over(bytes));
    Ok(Content::Opaque { tag: Tag(0), len: bytes.len() })
}

/// The one object of a file that is not looked into.
fn opaque(id: FileId, bytes: &[u8]) -> Result<Content, LdsError> {
    let mut reader = Reader::new(bytes);
    let outer = reader.expect(tags::of_file(id).unwrap_or(Tag(0))).within(id)?;
    reader.finish().within(id)?;
    Ok(Content::Opaque { tag: outer.tag, len: outer.value.len() })
}

/// Which file `bytes` are, told by their first tags. Never one of the eID application, whose tags the eMRTD application has too.
///
/// # Errors
/// [`LdsError::UnknownTag`], or the bytes are not TLV at all.
pub fn detect(bytes: &[u8]) -> Result<FileId, LdsError> {
    let first = Reader::new(bytes).next().map_err(LdsError::NotTlv)?.ok_or(LdsError::UnknownTag(Tag(0)))?;
    let tag = first.tag;
    match tag.0 {
        0x31 => Ok(FileId::CARD_ACCESS),
        0x30 => Ok(FileId::CARD_SECURITY),
        0x42 => Ok(FileId::CVCA),
        0x43 | 0x46 | 0x47 | 0x7F66 | 0xE0 => Ok(FileId::ATR_INFO),
        0x61 if !matches!(first.reader().peek(), Ok(Some(Tag(0x5F1F)))) => Ok(FileId::DIR),
        _ => [FileId::COM, FileId::SOD]
            .into_iter()
            .chain((1..=16).filter_map(FileId::dg))
            .find(|&id| tags::of_file(id) == Some(tag))
            .ok_or(LdsError::UnknownTag(tag)),
    }
}

impl File {
    /// Names and values for people, in the order of the file.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        match &self.content {
            Content::CardAccess(content) => content.fields(),
            Content::CardSecurity(content) => [content.infos.fields(), sod::signed_fields(&content.signed)].concat(),
            Content::Dir(content) => content.fields(),
            Content::AtrInfo(content) => content.fields(),
            Content::Com(content) => content.fields(),
            Content::Sod(content) => sod::fields(content),
            Content::Cvca(content) => content.fields(),
            Content::Dg1(content) => content.fields(),
            Content::Dg2(content) => content.fields(),
            Content::Dg3(content) => content.fields(),
            Content::Dg4(content) => content.fields(),
            Content::Dg5(content) => content.fields(),
            Content::Dg6(content) => content.fields(),
            Content::Dg7(content) => content.fields(),
            Content::Dg8(content) => content.fields(),
            Content::Dg9(content) => content.fields(),
            Content::Dg10(content) => content.fields(),
            Content::Dg11(content) => content.fields(),
            Content::Dg12(content) => content.fields(),
            Content::Dg13(content) => content.fields(),
            Content::Dg14(content) => content.fields(),
            Content::Dg15(content) => content.fields(),
            Content::Dg16(content) => content.fields(),
            Content::Eid(content) => content.fields(),
            Content::Opaque { tag, len } => vec![field(format!("tag {tag}"), format!("{len} bytes"))],
        }
    }

    /// The content in bytes; equal to [`raw`](Self::raw) where the file is written as DER and the standard ask. `None` for EF.SOD and EF.CardSecurity, which are
    /// never written again, and for what was not looked into.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        Some(match &self.content {
            Content::CardAccess(content) => content.encode(),
            Content::Dir(content) => content.encode(),
            Content::AtrInfo(content) => content.encode(),
            Content::Com(content) => content.encode(),
            Content::Cvca(content) => content.encode(),
            Content::Dg1(content) => content.encode(),
            Content::Dg2(content) => content.encode(),
            Content::Dg3(content) => content.encode(),
            Content::Dg4(content) => content.encode(),
            Content::Dg5(content) => content.encode(),
            Content::Dg6(content) => content.encode(),
            Content::Dg7(content) => content.encode(),
            Content::Dg8(content) => content.encode(),
            Content::Dg9(content) => content.encode(),
            Content::Dg10(content) => content.encode(),
            Content::Dg11(content) => content.encode(),
            Content::Dg12(content) => content.encode(),
            Content::Dg13(content) => content.encode(),
            Content::Dg14(content) => content.encode(),
            Content::Dg15(content) => content.encode(),
            Content::Dg16(content) => content.encode(),
            Content::Eid(content) => content.encode(),
            Content::Sod(_) | Content::CardSecurity(_) | Content::Opaque { .. } => return None,
        })
    }
}
