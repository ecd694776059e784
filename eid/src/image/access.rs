//! Who may read a file (Doc 9303-10 table of files, TR-03110-4 table 3; applet design 4.2).

use super::{FileId, Home};

/// What must have happened before a file is readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Always readable once the card is personalized.
    Always,
    /// After PACE or BAC, under secure messaging.
    AccessControl,
    /// After PACE only (EF.CardSecurity).
    Pace,
    /// After terminal authentication with the bit of this data group: DG3 and DG4.
    TerminalAuthentication,
    /// After the General Authentication Procedure, PACE, Terminal and Chip Authentication version 2: an authentication terminal with the bit
    /// of this data group, or an inspection system (TR-03110-4 clause 2.2.2).
    GeneralAuthentication,
}

/// The rule of the standard for `file`.
#[must_use]
pub const fn rule(file: FileId) -> Rule {
    match (file.home, file.fid) {
        (Home::Mf, 0x011D) => Rule::Pace,
        (Home::Mf, _) => Rule::Always,
        (Home::Emrtd, 0x0103 | 0x0104) => Rule::TerminalAuthentication,
        (Home::Emrtd, _) => Rule::AccessControl,
        (Home::Eid, _) => Rule::GeneralAuthentication,
    }
}
