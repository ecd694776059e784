//! How long a document is valid: laws with the day from which they govern, and the date of expiry that follows from birth and issue.

use eid::date::Date;
use serde::Deserialize;

/// One law on how long a document is valid.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "RawValidity")]
pub struct Validity {
    /// First day of issue that it governs.
    pub from: Date,
    /// Whole years of age below which no document is issued.
    pub minimum_age: u16,
    /// The rule.
    pub rule: ValidityRule,
}

/// How the date of expiry follows from birth and issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValidityRule {
    /// On the birthday of the next of these ages that is more than two years away; none after the last.
    ReplaceAt(Vec<u16>),
    /// After so many years; fewer for holders below an age.
    Years {
        /// Years for adults.
        years: u16,
        /// Age below which the other number holds, and that number.
        children: Option<(u16, u16)>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawValidity {
    from: String,
    #[serde(default)]
    minimum_age: u16,
    replace_at: Option<Vec<u16>>,
    years: Option<u16>,
    years_for_children: Option<RawChildren>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChildren {
    below: u16,
    years: u16,
}

impl TryFrom<RawValidity> for Validity {
    type Error = String;

    fn try_from(raw: RawValidity) -> Result<Self, String> {
        let from = raw.from.parse().map_err(|error| format!("validity.from: {error}"))?;
        let rule = match (raw.replace_at, raw.years) {
            (Some(ages), None) if raw.years_for_children.is_none() && !ages.is_empty() && ages.is_sorted_by(|a, b| a < b) => {
                ValidityRule::ReplaceAt(ages)
            }
            (None, Some(years)) if (1..=50).contains(&years) => {
                ValidityRule::Years { years, children: raw.years_for_children.map(|children| (children.below, children.years)) }
            }
            _ => return Err("validity: expected either replace_at with rising ages, or years from 1 to 50".to_owned()),
        };
        Ok(Self { from, minimum_age: raw.minimum_age, rule })
    }
}

impl Validity {
    /// Date of expiry of a document issued on `issue` to a person born on `birth`; `None` if it does not expire.
    #[must_use]
    pub fn expiry(&self, birth: Date, issue: Date) -> Option<Date> {
        match &self.rule {
            // "Within two years before the age": the day exactly two years before it counts as within.
            ValidityRule::ReplaceAt(ages) => {
                ages.iter().map(|&age| birth.plus_years(i32::from(age))).find(|&birthday| issue < birthday.plus_years(-2))
            }
            ValidityRule::Years { years, children } => {
                let child = children.filter(|(below, _)| issue < birth.plus_years(i32::from(*below)));
                let years = child.map_or(*years, |(_, years)| years);
                Some(issue.plus_years(i32::from(years)))
            }
        }
    }
}
