//! CV certificates and requests by their TLV.

use eid::tlv::Tlv;

use super::object::{children, dotted, first, inside};

/// What a template says of the place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Cvca,
    Dv,
    Terminal,
}

/// 7F4C.
#[derive(Clone, Debug)]
pub(super) struct CvChat<'a> {
    pub(super) at: usize,
    pub(super) oid: String,
    pub(super) rights: &'a [u8],
    /// Tags inside.
    pub(super) tags: Vec<u32>,
}

impl CvChat<'_> {
    pub(super) fn role(&self) -> Role {
        match self.rights.first().map_or(0, |first| first >> 6) {
            3 => Role::Cvca,
            1 | 2 => Role::Dv,
            _ => Role::Terminal,
        }
    }
}

/// A certificate or request with what is there.
#[derive(Clone, Debug)]
pub(super) struct CvObject<'a> {
    /// 7F21, or 67 around it.
    pub(super) outer: Tlv<'a>,
    /// 7F4E.
    pub(super) body: Tlv<'a>,
    /// Tags of the objects in the body, in order.
    pub(super) tags: Vec<u32>,
    pub(super) profile: Option<Tlv<'a>>,
    pub(super) authority: Option<Tlv<'a>>,
    pub(super) key: Option<Tlv<'a>>,
    pub(super) holder: Option<Tlv<'a>>,
    pub(super) chat: Option<CvChat<'a>>,
    pub(super) effective: Option<Tlv<'a>>,
    pub(super) expiry: Option<Tlv<'a>>,
    pub(super) extensions: Option<Tlv<'a>>,
    pub(super) signature: Option<Tlv<'a>>,
    /// Tags in 7F21.
    pub(super) outside: Vec<u32>,
    /// Tags in 67, empty without it.
    pub(super) wrapper: Vec<u32>,
    /// Bytes behind it.
    pub(super) trailing: usize,
}

impl<'a> CvObject<'a> {
    /// Reads what is there; `None` if there is no 7F21 with 7F4E first in it.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (outer, trailing) = first(bytes)?;
        let (certificate, wrapper) = if outer.tag.0 == 0x67 {
            let parts = children(&outer);
            (*parts.first()?, parts.iter().map(|part| part.tag.0).collect())
        } else {
            (outer, Vec::new())
        };
        if certificate.tag.0 != 0x7F21 {
            return None;
        }
        let parts = children(&certificate);
        let body = *parts.first().filter(|body| body.tag.0 == 0x7F4E)?;
        let fields = children(&body);
        let field = |tag: u32| fields.iter().find(|field| field.tag.0 == tag).copied();
        let chat = field(0x7F4C).map(|template| {
            let inner = children(&template);
            CvChat {
                at: template.at,
                oid: inner.first().map(dotted).unwrap_or_default(),
                rights: inner.iter().find(|part| part.tag.0 == 0x53).map(|rights| rights.value).unwrap_or_default(),
                tags: inner.iter().map(|part| part.tag.0).collect(),
            }
        });
        Some(Self {
            outer,
            body,
            tags: fields.iter().map(|field| field.tag.0).collect(),
            profile: field(0x5F29),
            authority: field(0x42),
            key: field(0x7F49),
            holder: field(0x5F20),
            chat,
            effective: field(0x5F25),
            expiry: field(0x5F24),
            extensions: field(0x65),
            signature: parts.iter().find(|part| part.tag.0 == 0x5F37).copied(),
            outside: parts.iter().map(|part| part.tag.0).collect(),
            wrapper,
            trailing,
        })
    }

    /// Object identifier of the public key.
    pub(super) fn key_oid(&self) -> String {
        self.key.as_ref().and_then(inside).as_ref().map(dotted).unwrap_or_default()
    }

    /// Object in the public key.
    pub(super) fn number(&self, tag: u32) -> Option<Tlv<'a>> {
        self.key.map(|key| children(&key)).unwrap_or_default().into_iter().find(|part| part.tag.0 == tag)
    }
}
