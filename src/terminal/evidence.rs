//! What was asked and answered, so that a card can be judged again without it.

use super::policy::Policy;
use super::report::Verdict;
use eid::protocol::finding::Finding;

/// How far an inspection came with a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ended {
    /// The card was opened; the policy judges.
    Opened,
    /// Wrong or blocked password, or no way that both sides know.
    Refused,
    /// There is no eMRTD application that could be selected.
    NoApplication,
    /// An answer could not be believed before the card was open.
    ChannelBroken,
    /// The card did not open, and what it showed until then is damaged.
    Damaged,
}

impl Ended {
    /// The verdict: that of the policy if the card was opened, else what the ending itself says.
    #[must_use]
    pub fn verdict(self, policy: &dyn Policy, findings: &[Finding]) -> Verdict {
        match self {
            Self::Opened => policy.judge(findings),
            Self::Refused => Verdict::AccessRefused,
            Self::NoApplication => Verdict::Undecided,
            Self::ChannelBroken | Self::Damaged => Verdict::NotGenuine,
        }
    }
}

/// What was asked of the chip, and what it answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript {
    /// Active Authentication, if the chip answered.
    pub active_auth: Option<ActiveAuth>,
}

/// A challenge and its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveAuth {
    /// RND.IFD, 8 bytes.
    pub challenge: Vec<u8>,
    /// The answer to INTERNAL AUTHENTICATE.
    pub signature: Vec<u8>,
}
