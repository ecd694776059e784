//! DELETE, GET STATUS and SET STATUS (GPCS 11.2, 11.4, 11.10), and the registry entries E3 that GET STATUS answers with.

use super::{Aid, GpError, expect};
use crate::apdu::Command;
use crate::tlv::{self, Reader, Tag, TlvError};

/// Most entries that are read from one answer, and most objects in one entry.
const MAX_ENTRIES: usize = 64;

const fn tlv_error(what: &'static str) -> impl Fn(TlvError) -> GpError {
    move |source| GpError::Tlv { what, source }
}

/// What DELETE takes away. Cards do not put it back if a session is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delete {
    /// An application or a load file.
    Object {
        /// Its AID.
        aid: Aid,
        /// With all that was made from it (P2 80).
        related: bool,
    },
    /// Keys: by identifier, by version, or by both.
    Keys {
        /// Key identifier (D0).
        key: Option<u8>,
        /// Key version (D2).
        version: Option<u8>,
    },
}

impl Delete {
    /// The plain command.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut data = Vec::new();
        let p2 = match self {
            Self::Object { aid, related } => {
                tlv::push(&mut data, 0x4F, aid.as_bytes());
                if *related { 0x80 } else { 0x00 }
            }
            Self::Keys { key, version } => {
                key.iter().for_each(|key| tlv::push(&mut data, 0xD0, &[*key]));
                version.iter().for_each(|version| tlv::push(&mut data, 0xD2, &[*version]));
                0x00
            }
        };
        Command::new(0x80, 0xE4, 0x00, p2).with_data(data).with_le(256)
    }

    /// Reads the plain command. A delete token (9E) is not supported.
    ///
    /// # Errors
    /// Any [`GpError`].
    pub fn parse(command: &Command) -> Result<Self, GpError> {
        expect(command, 0xE4, "DELETE 80 E4")?;
        if command.p1 != 0 || command.p2 & 0x7F != 0 {
            return Err(GpError::Header { expected: "DELETE with P1 00 and P2 00 or 80", found: command.header() });
        }
        let error = tlv_error("DELETE");
        let mut reader = Reader::new(&command.data);
        let one = |object: Option<tlv::Tlv<'_>>| match object.map(|object| (object.value, object.value_at())) {
            None => Ok(None),
            Some((&[value], _)) => Ok(Some(value)),
            Some((value, at)) => Err(GpError::Field { field: "key reference", at, expected: "1 byte", found: value.len() }),
        };
        let delete = if let Some(object) = reader.optional(0x4F).map_err(&error)? {
            Self::Object { aid: Aid::new("object to delete", object.value)?, related: command.p2 == 0x80 }
        } else {
            let key = one(reader.optional(0xD0).map_err(&error)?)?;
            let version = one(reader.optional(0xD2).map_err(&error)?)?;
            if key.is_none() && version.is_none() {
                return Err(error(TlvError::Missing { expected: Tag(0x4F), at: reader.at() }));
            }
            Self::Keys { key, version }
        };
        reader.finish().map_err(error)?;
        Ok(delete)
    }
}

/// Part of the registry: P1 of GET STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// 80: the issuer security domain.
    IssuerDomain,
    /// 40: applications and security domains.
    Applications,
    /// 20: load files.
    LoadFiles,
    /// 10: load files with their modules.
    LoadFilesAndModules,
}

impl Scope {
    const ALL: [(Self, u8); 4] =
        [(Self::IssuerDomain, 0x80), (Self::Applications, 0x40), (Self::LoadFiles, 0x20), (Self::LoadFilesAndModules, 0x10)];

    fn byte(self) -> u8 {
        Self::ALL.into_iter().find(|(scope, _)| *scope == self).map_or(0, |(_, byte)| byte)
    }
}

/// GET STATUS in TLV form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetStatus {
    /// Which part of the registry.
    pub scope: Scope,
    /// Goes on after 6310.
    pub next: bool,
    /// Beginning of the AIDs to tell; empty: all.
    pub aid: Vec<u8>,
}

impl GetStatus {
    /// The plain command.
    #[must_use]
    pub fn command(&self) -> Command {
        let p2 = if self.next { 0x03 } else { 0x02 };
        Command::new(0x80, 0xF2, self.scope.byte(), p2).with_data(tlv::encode(0x4F, &self.aid)).with_le(256)
    }

    /// Reads the plain command. A tag list (5C) is accepted and not looked at: entries are told whole.
    ///
    /// # Errors
    /// Any [`GpError`]; the form before TLV (P2 00, 01) is refused.
    pub fn parse(command: &Command) -> Result<Self, GpError> {
        expect(command, 0xF2, "GET STATUS 80 F2")?;
        let unknown = GpError::Header { expected: "GET STATUS with P1 80, 40, 20 or 10 and P2 02 or 03", found: command.header() };
        let scope = Scope::ALL.into_iter().find(|(_, byte)| *byte == command.p1).map(|(scope, _)| scope);
        let (Some(scope), 0x02 | 0x03) = (scope, command.p2) else { return Err(unknown) };
        let error = tlv_error("GET STATUS");
        let mut reader = Reader::new(&command.data);
        let aid = reader.expect(0x4F).map_err(&error)?.value.to_vec();
        reader.optional(0x5C).map_err(&error)?;
        reader.finish().map_err(error)?;
        Ok(Self { scope, next: command.p2 == 0x03, aid })
    }
}

/// E3: one entry of the registry (GPCS table 11-36).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryEntry {
    /// 4F.
    pub aid: Aid,
    /// 9F70: life cycle state, and a second byte where the card has one.
    pub state: Vec<u8>,
    /// C5: privileges, 1 or 3 bytes; empty for load files.
    pub privileges: Vec<u8>,
    /// C4: the load file of an application.
    pub load_file: Option<Aid>,
    /// CE: version of a load file.
    pub version: Option<Vec<u8>>,
    /// 84: modules of a load file.
    pub modules: Vec<Aid>,
    /// CC: the security domain that it belongs to.
    pub domain: Option<Aid>,
    /// Other objects with their tags, as they came.
    pub other: Vec<(Tag, Vec<u8>)>,
}

impl RegistryEntry {
    /// An entry with AID and state alone.
    #[must_use]
    pub const fn new(aid: Aid, state: Vec<u8>) -> Self {
        Self { aid, state, privileges: Vec::new(), load_file: None, version: None, modules: Vec::new(), domain: None, other: Vec::new() }
    }

    /// The object E3.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = tlv::encode(0x4F, self.aid.as_bytes());
        tlv::push(&mut out, 0x9F70, &self.state);
        if !self.privileges.is_empty() {
            tlv::push(&mut out, 0xC5, &self.privileges);
        }
        self.load_file.iter().for_each(|aid| tlv::push(&mut out, 0xC4, aid.as_bytes()));
        self.version.iter().for_each(|version| tlv::push(&mut out, 0xCE, version));
        self.modules.iter().for_each(|aid| tlv::push(&mut out, 0x84, aid.as_bytes()));
        self.domain.iter().for_each(|aid| tlv::push(&mut out, 0xCC, aid.as_bytes()));
        self.other.iter().for_each(|(tag, value)| tlv::push(&mut out, *tag, value));
        tlv::encode(0xE3, &out)
    }

    /// The entries of an answer in TLV form.
    ///
    /// # Errors
    /// [`GpError::Tlv`], [`GpError::Aid`], [`GpError::Field`] for a state of other than one or two bytes.
    pub fn parse_all(answer: &[u8]) -> Result<Vec<Self>, GpError> {
        let error = tlv_error("answer to GET STATUS");
        let mut reader = Reader::new(answer);
        let mut entries = Vec::new();
        while !reader.is_empty() && entries.len() < MAX_ENTRIES {
            entries.push(Self::read(&mut reader.expect(0xE3).map_err(&error)?.reader())?);
        }
        reader.finish().map_err(error)?;
        Ok(entries)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, GpError> {
        let error = tlv_error("registry entry");
        let aid = Aid::new("registry entry", reader.expect(0x4F).map_err(&error)?.value)?;
        let state = reader.expect(0x9F70).map_err(&error)?;
        if !matches!(state.value.len(), 1 | 2) {
            return Err(GpError::Field { field: "state", at: state.value_at(), expected: "1 or 2 bytes", found: state.value.len() });
        }
        let mut entry = Self::new(aid, state.value.to_vec());
        for _ in 0..MAX_ENTRIES {
            let Some(object) = reader.next().map_err(&error)? else { break };
            match object.tag.0 {
                0xC5 => entry.privileges = object.value.to_vec(),
                0xC4 => entry.load_file = Some(Aid::new("load file", object.value)?),
                0xCE => entry.version = Some(object.value.to_vec()),
                0x84 => entry.modules.push(Aid::new("module", object.value)?),
                0xCC => entry.domain = Some(Aid::new("security domain", object.value)?),
                _ => entry.other.push((object.tag, object.value.to_vec())),
            }
        }
        reader.finish().map_err(error)?;
        Ok(entry)
    }
}

/// SET STATUS. A state cannot always be left again: FF ends the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetStatus {
    /// 80: of the card.
    Card {
        /// 07 INITIALIZED, 0F SECURED, 7F CARD_LOCKED, FF TERMINATED.
        state: u8,
    },
    /// 40: of an application or a security domain; 60: of a security domain with its applications.
    Application {
        /// Which.
        aid: Aid,
        /// New state; bit 8 locks.
        state: u8,
        /// 60 instead of 40.
        with_applications: bool,
    },
}

impl SetStatus {
    /// The plain command. It has no Le.
    #[must_use]
    pub fn command(&self) -> Command {
        match self {
            Self::Card { state } => Command::new(0x80, 0xF0, 0x80, *state),
            Self::Application { aid, state, with_applications } => {
                Command::new(0x80, 0xF0, if *with_applications { 0x60 } else { 0x40 }, *state).with_data(aid.as_bytes())
            }
        }
    }

    /// Reads the plain command; data is ignored for the card itself.
    ///
    /// # Errors
    /// Any [`GpError`].
    pub fn parse(command: &Command) -> Result<Self, GpError> {
        expect(command, 0xF0, "SET STATUS 80 F0")?;
        let state = command.p2;
        match command.p1 {
            0x80 => Ok(Self::Card { state }),
            p1 @ (0x40 | 0x60) => {
                let aid = Aid::new("application", &command.data)?;
                Ok(Self::Application { aid, state, with_applications: p1 == 0x60 })
            }
            _ => Err(GpError::Header { expected: "SET STATUS with P1 80, 40 or 60", found: command.header() }),
        }
    }
}
