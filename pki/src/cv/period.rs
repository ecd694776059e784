//! From when until when a CV certificate is good.
//!
//! | | Doc 9303-12 clause 7.2 advises | usual here |
//! | --- | --- | --- |
//! | CVCA, link | 6 months to 3 years | 3 years |
//! | document verifier | 2 weeks to 3 months | 90 days |
//! | terminal | 1 day to 1 month | 30 days |
//!
//! The effective date is the day of issue, or a day before it: a chip that has seen the certificate takes that day for its own date, so a
//! day to come would lock out everybody else's certificates. What is outside of the advice is told (rule CV-017), not refused; what lies outside of the
//! issuer's days is refused, and cut to them where nobody asked for a number of days.

use eid::cert::chat::Role;
use eid::cert::cvc::{Holder, KeyReference};
use eid::date::Date;

use super::CvError;

/// The days that a certificate shall be good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// First day; the day of issue if not given.
    pub from: Option<Date>,
    /// Number of days after the first on which it still is good; the usual number, or what the issuer has left, if not given.
    pub days: Option<u16>,
}

/// What Doc 9303-12 advises for a role, in days, the shortest and the longest, and what is usual here.
#[must_use]
pub const fn advice(role: Role) -> (u16, u16, u16) {
    match role {
        Role::Cvca => (181, 1096, 1095),
        Role::DvDomestic | Role::DvForeign => (14, 92, 90),
        Role::Terminal => (1, 31, 30),
    }
}

impl Period {
    /// First and last day of a CVCA certificate.
    ///
    /// # Errors
    /// [`CvError::Period`].
    pub fn of_cvca(self, holder: &KeyReference, today: Date) -> Result<(Date, Date), CvError> {
        let from = self.first(holder, today)?;
        Self::last_after_today(holder, from, from.plus_days(self.days.unwrap_or(advice(Role::Cvca).2).into()), today)
    }

    /// First and last day of a certificate below `issuer`.
    ///
    /// # Errors
    /// [`CvError::Period`], [`CvError::IssuerPeriod`].
    pub fn below(self, issuer: &Holder, role: Role, holder: &KeyReference, today: Date) -> Result<(Date, Date), CvError> {
        if !(issuer.effective..=issuer.expiry).contains(&today) {
            let (from, until) = (issuer.effective, issuer.expiry);
            return Err(CvError::IssuerPeriod { issuer: issuer.reference.clone(), from, until, what: role.name(), today });
        }
        let from = self.first(holder, today)?;
        let asked = self.days.map(|days| from.plus_days(days.into()));
        let until = asked.unwrap_or_else(|| from.plus_days(advice(role).2.into()).min(issuer.expiry));
        if from < issuer.effective || until > issuer.expiry {
            return Err(CvError::Period {
                holder: holder.clone(),
                expected: format!("days from {} to {}, as those of {}", issuer.effective, issuer.expiry, issuer.reference),
                found: format!("{from} to {until}"),
            });
        }
        Self::last_after_today(holder, from, until, today)
    }

    fn first(self, holder: &KeyReference, today: Date) -> Result<Date, CvError> {
        let from = self.from.unwrap_or(today);
        if from <= today {
            return Ok(from);
        }
        let expected = format!("an effective date not after the day of issue, {today}: it moves the date of every chip that sees it");
        Err(CvError::Period { holder: holder.clone(), expected, found: from.to_string() })
    }

    fn last_after_today(holder: &KeyReference, from: Date, until: Date, today: Date) -> Result<(Date, Date), CvError> {
        if until >= today {
            return Ok((from, until));
        }
        let expected = format!("a last day not before the day of issue, {today}");
        Err(CvError::Period { holder: holder.clone(), expected, found: until.to_string() })
    }
}
