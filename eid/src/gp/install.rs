//! INSTALL (GPCS 11.5): `80 E6 P1 00`, fields of length and value.

use super::{Aid, Fields, GpError, expect, push_lv};
use crate::apdu::Command;

/// The variants of INSTALL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Install {
    /// 02: announces a load file.
    ForLoad {
        /// Load file.
        load_file: Aid,
        /// Security domain that it goes to; `None`: the one that is selected.
        domain: Option<Aid>,
        /// Hash of the load file data block; empty if there is none.
        hash: Vec<u8>,
        /// Load parameters: EF { C6 code size, C7 volatile, C8 non-volatile }, as they stand.
        parameters: Vec<u8>,
        /// Load token; empty if there is none.
        token: Vec<u8>,
    },
    /// 04: makes an instance of a module; 0C: and makes it selectable.
    ForInstall {
        /// Load file.
        load_file: Aid,
        /// Module in it.
        module: Aid,
        /// The new instance.
        instance: Aid,
        /// One or three bytes.
        privileges: Vec<u8>,
        /// Install parameters: C9 { for the application } EF { for the system }, as they stand.
        parameters: Vec<u8>,
        /// Install token; empty if there is none.
        token: Vec<u8>,
        /// 0C instead of 04.
        selectable: bool,
    },
    /// 08: makes an instance selectable.
    MakeSelectable {
        /// The instance.
        instance: Aid,
        /// One or three bytes.
        privileges: Vec<u8>,
        /// Parameters as they stand.
        parameters: Vec<u8>,
        /// Token; empty if there is none.
        token: Vec<u8>,
    },
    /// 10: gives an application to another security domain.
    Extradition {
        /// The new security domain.
        domain: Aid,
        /// The application.
        application: Aid,
        /// Token; empty if there is none.
        token: Vec<u8>,
    },
    /// 20: from here on STORE DATA goes to the application.
    Personalization {
        /// The application.
        application: Aid,
    },
}

impl Install {
    /// The plain command.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut data = Vec::new();
        let mut fields = |values: &[&[u8]]| values.iter().for_each(|value| push_lv(&mut data, value));
        let p1 = match self {
            Self::ForLoad { load_file, domain, hash, parameters, token } => {
                let domain = domain.as_ref().map(Aid::as_bytes).unwrap_or_default();
                fields(&[load_file.as_bytes(), domain, hash, parameters, token]);
                0x02
            }
            Self::ForInstall { load_file, module, instance, privileges, parameters, token, selectable } => {
                fields(&[load_file.as_bytes(), module.as_bytes(), instance.as_bytes(), privileges, parameters, token]);
                if *selectable { 0x0C } else { 0x04 }
            }
            Self::MakeSelectable { instance, privileges, parameters, token } => {
                fields(&[&[], &[], instance.as_bytes(), privileges, parameters, token]);
                0x08
            }
            Self::Extradition { domain, application, token } => {
                fields(&[domain.as_bytes(), &[], application.as_bytes(), &[], &[], token]);
                0x10
            }
            Self::Personalization { application } => {
                fields(&[&[], &[], application.as_bytes(), &[], &[], &[]]);
                0x20
            }
        };
        Command::new(0x80, 0xE6, p1, 0x00).with_data(data).with_le(256)
    }

    /// Reads the plain command.
    ///
    /// # Errors
    /// Any [`GpError`].
    pub fn parse(command: &Command) -> Result<Self, GpError> {
        expect(command, 0xE6, "INSTALL 80 E6")?;
        let unknown = GpError::Header { expected: "INSTALL with P1 02, 04, 08, 0C, 10 or 20 and P2 00", found: command.header() };
        if command.p2 != 0 {
            return Err(unknown);
        }
        let mut fields = Fields::new(&command.data);
        let privileges = |fields: &mut Fields<'_>| {
            let at = fields.at;
            let value = fields.lv("privileges")?;
            if !matches!(value.len(), 1 | 3) {
                return Err(GpError::Field { field: "privileges", at, expected: "1 or 3 bytes", found: value.len() });
            }
            Ok(value.to_vec())
        };
        let install = match command.p1 {
            0x02 => {
                let load_file = fields.aid("load file")?;
                let domain = fields.lv("security domain")?;
                let domain = if domain.is_empty() { None } else { Some(Aid::new("security domain", domain)?) };
                let hash = fields.lv("hash")?.to_vec();
                let parameters = fields.lv("load parameters")?.to_vec();
                Self::ForLoad { load_file, domain, hash, parameters, token: fields.lv("load token")?.to_vec() }
            }
            p1 @ (0x04 | 0x0C) => Self::ForInstall {
                load_file: fields.aid("load file")?,
                module: fields.aid("module")?,
                instance: fields.aid("instance")?,
                privileges: privileges(&mut fields)?,
                parameters: fields.lv("install parameters")?.to_vec(),
                token: fields.lv("install token")?.to_vec(),
                selectable: p1 == 0x0C,
            },
            0x08 => {
                fields.empty("load file")?;
                fields.empty("module")?;
                Self::MakeSelectable {
                    instance: fields.aid("instance")?,
                    privileges: privileges(&mut fields)?,
                    parameters: fields.lv("parameters")?.to_vec(),
                    token: fields.lv("token")?.to_vec(),
                }
            }
            0x10 => {
                let domain = fields.aid("security domain")?;
                fields.empty("second field")?;
                let application = fields.aid("application")?;
                fields.empty("privileges")?;
                fields.empty("parameters")?;
                Self::Extradition { domain, application, token: fields.lv("token")?.to_vec() }
            }
            0x20 => {
                fields.empty("first field")?;
                fields.empty("second field")?;
                let application = fields.aid("application")?;
                fields.empty("privileges")?;
                fields.empty("parameters")?;
                fields.empty("token")?;
                Self::Personalization { application }
            }
            _ => return Err(unknown),
        };
        fields.finish()?;
        Ok(install)
    }
}
