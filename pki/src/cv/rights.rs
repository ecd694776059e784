//! Rights by name: what a certificate may let its holder do.

use eid::cert::chat::{Chat, Role, TerminalType};
use eid::cert::cvc::KeyReference;

use super::CvError;

/// The rights that a certificate shall have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rights {
    /// All that its issuer can give; for a CVCA all that there are.
    #[default]
    All,
    /// These, by the names of [`TerminalType::rights`]: `read-dg3`, `install-qualified-certificate`.
    These(Vec<String>),
}

impl Rights {
    /// From a list of names, where an empty list stands for all.
    #[must_use]
    pub fn of(names: &[String]) -> Self {
        if names.is_empty() { Self::All } else { Self::These(names.to_vec()) }
    }

    /// The template of a CVCA: what it can give at most.
    ///
    /// # Errors
    /// [`CvError::Right`]: a name that there is not.
    pub fn of_cvca(&self, terminal: TerminalType) -> Result<Chat, CvError> {
        self.template(terminal, Role::Cvca)
    }

    /// The template of `holder` below an issuer that can give `available`.
    ///
    /// # Errors
    /// [`CvError::Right`] for a name that there is not, [`CvError::Lacking`] for what the issuer has not.
    pub fn below(&self, available: Chat, role: Role, holder: &KeyReference, issuer: &KeyReference) -> Result<Chat, CvError> {
        let wanted = match self {
            Self::All => Chat::new(available.terminal(), role, (0..38).filter(|&bit| available.allows(bit))),
            Self::These(_) => self.template(available.terminal(), role)?,
        };
        let names = wanted.right_names();
        let lacking: Vec<_> =
            names.into_iter().filter(|name| !available.terminal().right(name).is_some_and(|bit| available.allows(bit))).collect();
        if lacking.is_empty() { Ok(wanted) } else { Err(CvError::Lacking { holder: holder.clone(), issuer: issuer.clone(), lacking }) }
    }

    fn template(&self, terminal: TerminalType, role: Role) -> Result<Chat, CvError> {
        let bits = match self {
            Self::All => terminal.rights().map(|(bit, _)| bit).collect(),
            Self::These(names) => names.iter().map(|name| bit(terminal, name)).collect::<Result<Vec<_>, _>>()?,
        };
        Ok(Chat::new(terminal, role, bits))
    }
}

fn bit(terminal: TerminalType, name: &str) -> Result<u8, CvError> {
    terminal.right(name).ok_or_else(|| CvError::Right {
        terminal: terminal.name(),
        expected: terminal.rights().map(|(_, name)| name).collect::<Vec<_>>().join(", "),
        found: name.chars().take(64).collect(),
    })
}
