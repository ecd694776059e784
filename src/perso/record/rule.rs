//! The rules of a record, each with a name that does not change: what a report counts, and what a sender corrects his data by.

/// Makes the rules with their names and what each of them asks for.
macro_rules! rules {
    ($($rule:ident = $id:literal, $says:literal;)*) => {
        /// A rule that a record must keep.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = $says] $rule,)*
        }

        impl Rule {
            /// Every rule, in the order in which `docs/intake.md` has them.
            pub const ALL: &'static [Self] = &[$(Self::$rule,)*];

            /// Its name, for ever: lower case, words joined by hyphens.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$rule => $id,)*
                }
            }

            /// What it asks for, one sentence without a full stop.
            #[must_use]
            pub const fn says(self) -> &'static str {
                match self {
                    $(Self::$rule => $says,)*
                }
            }
        }
    };
}

rules! {
    Required = "required", "Every field that the document needs is there, also portrait and fingers";
    NumberForm = "number-form", "The personal number has 12 digits";
    NumberProvince = "number-province", "Digits 1 to 3 are one of the 63 provinces of birth, a birth abroad, or the test province";
    NumberSex = "number-sex", "Digit 4 is that of sex and century of birth";
    NumberYear = "number-year", "Digits 5 and 6 are the year of birth";
    NumberTest = "number-test", "A live record has no number of the test province";
    Date = "date", "A date exists and is written as the mapping says";
    Sex = "sex", "The sex is male or female";
    TextCharacter = "text-character", "A text has no control characters";
    TextLength = "text-length", "A text has at most 150 characters";
    Nationality = "nationality", "The nationality is the one that the document is for";
    Ethnicity = "ethnicity", "The ethnic group is one of the 54";
    OldNumber = "old-number", "An earlier number has 9 digits";
    CardSerial = "card-serial", "The serial of the card has 16 hexadecimal digits";
    DocumentNumber = "document-number", "A document number has 1 to 9 characters A-Z, 0-9";
    BirthAfterIssue = "birth-after-issue", "Nobody is born after the day of issue";
    IssueAhead = "issue-ahead", "The day of issue is at most a year ahead";
    IssueBeforeLaw = "issue-before-law", "The day of issue is not before the document was introduced";
    AgeMinimum = "age-minimum", "The holder is old enough for the document on the day of issue";
    Expiry = "expiry", "A date of expiry in the record is the one that the law gives: at 14, 25, 40, 60, and the two-year rule";
    Expired = "expired", "The document is still valid on the day of production";
    NameLetter = "name-letter", "Every letter of the name has a transliteration in the MRZ (Doc 9303-3 section 6)";
    NameLength = "name-length", "The name fits the MRZ, where the profile does not truncate it (Doc 9303-3 clause 4.6)";
    MrzFields = "mrz-fields", "The fields fit the MRZ";
    MrzLines = "mrz-lines", "MRZ lines in the record are those that follow from its fields";
    Can = "can", "A CAN in the record is the one that follows from its number";
    ImageFile = "image-file", "An image that the record names can be read";
    ImageFormat = "image-format", "An image is of a format that the profile allows, by its content";
    ImageDamaged = "image-damaged", "An image is whole, from its header to its end marker";
    PortraitBytes = "portrait-bytes", "The portrait is not larger than the profile allows";
    FingerTwice = "finger-twice", "Each finger is there once";
    IrisTwice = "iris-twice", "Each eye is there once";
}
