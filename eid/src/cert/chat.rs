//! Certificate Holder Authorization Template (BSI TR-03110-3 C.4, Doc 9303-12 §7.2.4): what a terminal is, and what it may do at most.
//!
//! ```text
//! 7F4C { 06 terminal type, 53 role and rights }
//! id-IS  1 byte    bits 7-6 role; 1 read DG4, 0 read DG3
//! id-AT  5 bytes   bits 39-38 role; 37-32 write DG17-DG22; 30 PSA; 29-8 read DG22-DG1; 7-0 special functions
//! id-ST  1 byte    bits 7-6 role; 1 qualified signature, 0 signature
//! role   11 CVCA, 10 official domestic DV, 01 other DV, 00 terminal
//! ```
//!
//! Rights of a terminal are never those of one template: they are the bitwise AND over its chain. Bits without a meaning are kept and
//! ignored. Refused: another terminal type, a discretionary data object of another length.

use super::CertError;
use crate::oid;
use crate::tlv::{self, Tlv};

/// What kind of terminal a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TerminalType {
    /// id-IS: border control, reads DG3 and DG4 of a travel document.
    Inspection,
    /// id-AT: services, reads the eID application.
    Authentication,
    /// id-ST: has the card sign.
    Signature,
}

impl TerminalType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Inspection, Self::Authentication, Self::Signature];

    /// The object identifier in dotted form.
    #[must_use]
    pub const fn oid(self) -> &'static str {
        match self {
            Self::Inspection => oid::ROLE_INSPECTION,
            Self::Authentication => oid::ROLE_AUTHENTICATION,
            Self::Signature => oid::ROLE_SIGNATURE,
        }
    }

    /// Length of role and rights in bytes: 1, 5, 1.
    #[must_use]
    pub const fn rights_len(self) -> usize {
        match self {
            Self::Inspection | Self::Signature => 1,
            Self::Authentication => 5,
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inspection => "inspection system",
            Self::Authentication => "authentication terminal",
            Self::Signature => "signature terminal",
        }
    }

    /// The abbreviation of the standard: `IS`, `AT`, `ST`.
    #[must_use]
    pub const fn abbreviation(self) -> &'static str {
        match self {
            Self::Inspection => "IS",
            Self::Authentication => "AT",
            Self::Signature => "ST",
        }
    }

    /// The type of an abbreviation, in capital or small letters.
    #[must_use]
    pub fn of_abbreviation(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|terminal| terminal.abbreviation().eq_ignore_ascii_case(text))
    }

    /// The names of the rights that there are, with their bit numbers, the lowest first: `read-dg3`, `can-allowed`, `electronic-signature`.
    pub fn rights(self) -> impl Iterator<Item = (u8, String)> {
        (0..38).filter_map(move |bit| right_name(self, bit).map(|name| (bit, name)))
    }

    /// The bit number of the right of that name.
    #[must_use]
    pub fn right(self, name: &str) -> Option<u8> {
        self.rights().find(|(_, known)| known == name).map(|(bit, _)| bit)
    }
}

/// The place of a certificate in its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Country verifying certification authority.
    Cvca,
    /// Document verifier, official and domestic.
    DvDomestic,
    /// Document verifier, foreign or not official.
    DvForeign,
    /// The terminal itself.
    Terminal,
}

impl Role {
    const fn code(self) -> u64 {
        match self {
            Self::Cvca => 3,
            Self::DvDomestic => 2,
            Self::DvForeign => 1,
            Self::Terminal => 0,
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cvca => "CVCA",
            Self::DvDomestic => "domestic document verifier",
            Self::DvForeign => "foreign document verifier",
            Self::Terminal => "terminal",
        }
    }

    /// Whether it is a document verifier.
    #[must_use]
    pub const fn is_dv(self) -> bool {
        matches!(self, Self::DvDomestic | Self::DvForeign)
    }
}

/// A template: terminal type, role, and rights.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chat {
    terminal: TerminalType,
    /// As the big-endian number that object 53 is: up to 40 bits.
    bits: u64,
}

impl Chat {
    /// Bit of an inspection system that opens DG3.
    pub const READ_DG3: u8 = 0;
    /// Bit of an inspection system that opens DG4.
    pub const READ_DG4: u8 = 1;
    /// Bit of an authentication terminal that manages the PIN.
    pub const PIN_MANAGEMENT: u8 = 5;
    /// Bit of an authentication terminal: age verification.
    pub const AGE_VERIFICATION: u8 = 0;
    /// Bit of an authentication terminal: municipality verification.
    pub const MUNICIPALITY_VERIFICATION: u8 = 1;
    /// Bit of an authentication terminal: Restricted Identification.
    pub const RESTRICTED_IDENTIFICATION: u8 = 2;

    /// Whether a terminal with these rights may read the data group of the eID application: an authentication terminal with its bit; an
    /// inspection system may read all of them (TR-03110-4 clause 2.2.2).
    #[must_use]
    pub const fn reads_eid(self, number: u8) -> bool {
        match self.terminal {
            TerminalType::Authentication => matches!(number, 1..=22) && self.allows(7 + number),
            TerminalType::Inspection => true,
            TerminalType::Signature => false,
        }
    }

    /// Whether a terminal with these rights may write the data group of the eID application: DG17 to DG22, with its bit.
    #[must_use]
    pub const fn writes_eid(self, number: u8) -> bool {
        matches!(self.terminal, TerminalType::Authentication) && matches!(number, 17..=22) && self.allows(54 - number)
    }

    /// Whether it is an authentication terminal with the right of this bit.
    #[must_use]
    pub const fn allows_authentication_terminal(self, bit: u8) -> bool {
        matches!(self.terminal, TerminalType::Authentication) && self.allows(bit)
    }

    /// A template with the rights of these bit numbers (0 is the lowest); numbers outside of the template's rights are left out.
    #[must_use]
    pub fn new(terminal: TerminalType, role: Role, rights: impl IntoIterator<Item = u8>) -> Self {
        let mask = rights_mask(terminal);
        let rights = rights.into_iter().filter(|&bit| bit < 38).fold(0, |rights, bit| rights | 1 << bit);
        Self { terminal, bits: role.code() << role_shift(terminal) | rights & mask }
    }

    /// A template with every right set: what a terminal asks for when it does not know yet with which certificates it will come.
    #[must_use]
    pub fn full(terminal: TerminalType, role: Role) -> Self {
        Self { terminal, bits: role.code() << role_shift(terminal) | rights_mask(terminal) }
    }

    /// Reads 7F4C and all of what follows its header.
    ///
    /// # Errors
    /// Another structure, an unknown terminal type, or another number of bytes than the type has.
    pub fn read(template: &Tlv<'_>) -> Result<Self, CertError> {
        let mut reader = template.reader();
        let kind = reader.expect(0x06)?.value;
        let terminal = TerminalType::ALL.into_iter().find(|terminal| oid::encode(terminal.oid()) == kind);
        let terminal = terminal.ok_or_else(|| CertError::unsupported("terminal type of the CHAT", super::der::dotted(kind)))?;
        let rights = reader.expect(0x53)?;
        reader.finish()?;
        if rights.value.len() != terminal.rights_len() {
            let expected = if terminal.rights_len() == 1 { "1 byte" } else { "5 bytes" };
            return Err(CertError::malformed("role and rights of the CHAT (53)", &rights, expected));
        }
        Ok(Self { terminal, bits: rights.value.iter().fold(0, |bits, &octet| bits << 8 | u64::from(octet)) })
    }

    /// Reads a template that fills `bytes`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(bytes: &[u8]) -> Result<Self, CertError> {
        Self::read(&tlv::single(bytes, 0x7F4C)?)
    }

    /// 7F4C { 06, 53 }.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let mut inner = tlv::encode(0x06, &oid::encode(self.terminal.oid()));
        let octets = self.bits.to_be_bytes();
        tlv::push(&mut inner, 0x53, octets.get(8 - self.terminal.rights_len()..).unwrap_or_default());
        tlv::encode(0x7F4C, &inner)
    }

    /// The kind of terminal.
    #[must_use]
    pub const fn terminal(self) -> TerminalType {
        self.terminal
    }

    /// The place in the chain.
    #[must_use]
    pub const fn role(self) -> Role {
        match self.bits >> role_shift(self.terminal) & 3 {
            3 => Role::Cvca,
            2 => Role::DvDomestic,
            1 => Role::DvForeign,
            _ => Role::Terminal,
        }
    }

    /// Whether the bit of that number is set and is a right.
    #[must_use]
    pub const fn allows(self, bit: u8) -> bool {
        bit < 38 && self.bits & rights_mask(self.terminal) & 1 << bit != 0
    }

    /// The rights that both templates have, in the role of this one; `None` if they are for terminals of different types.
    #[must_use]
    pub fn and(self, other: Self) -> Option<Self> {
        let role = self.bits & !rights_mask(self.terminal);
        (self.terminal == other.terminal).then(|| Self { bits: role | self.bits & other.bits & rights_mask(self.terminal), ..self })
    }

    /// The names of the rights that are set, those of bits without a meaning left out.
    #[must_use]
    pub fn rights(self) -> Vec<String> {
        (0..38).filter(|&bit| self.allows(bit)).filter_map(|bit| right(self.terminal, bit)).collect()
    }

    /// The short names of the rights that are set, as [`TerminalType::right`] reads them; those of bits without a meaning left out.
    #[must_use]
    pub fn right_names(self) -> Vec<String> {
        self.terminal.rights().filter(|&(bit, _)| self.allows(bit)).map(|(_, name)| name).collect()
    }

    /// One line for people: `inspection system, terminal: read DG3 (fingerprints)`.
    #[must_use]
    pub fn describe(self) -> String {
        let rights = self.rights();
        let rights = if rights.is_empty() { "no rights".to_owned() } else { rights.join(", ") };
        format!("{}, {}: {rights}", self.terminal.name(), self.role().name())
    }
}

impl std::fmt::Debug for Chat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chat({:?}, {:?}, {:X})", self.terminal, self.role(), self.bits & rights_mask(self.terminal))
    }
}

const fn role_shift(terminal: TerminalType) -> u32 {
    match terminal {
        TerminalType::Authentication => 38,
        TerminalType::Inspection | TerminalType::Signature => 6,
    }
}

const fn rights_mask(terminal: TerminalType) -> u64 {
    (1 << role_shift(terminal)) - 1
}

/// What a bit allows.
fn right(terminal: TerminalType, bit: u8) -> Option<String> {
    let fixed = match (terminal, bit) {
        (TerminalType::Inspection, 0) => "read DG3 (fingerprints)",
        (TerminalType::Inspection, 1) => "read DG4 (iris)",
        (TerminalType::Signature, 0) => "generate electronic signature",
        (TerminalType::Signature, 1) => "generate qualified electronic signature",
        (TerminalType::Authentication, 0) => "age verification",
        (TerminalType::Authentication, 1) => "municipality verification",
        (TerminalType::Authentication, 2) => "restricted identification",
        (TerminalType::Authentication, 3) => "privileged terminal",
        (TerminalType::Authentication, 4) => "CAN allowed",
        (TerminalType::Authentication, 5) => "PIN management",
        (TerminalType::Authentication, 6) => "install certificate",
        (TerminalType::Authentication, 7) => "install qualified certificate",
        (TerminalType::Authentication, 8..=29) => return Some(format!("read eID DG{}", bit - 7)),
        (TerminalType::Authentication, 30) => "pseudonymous signature",
        (TerminalType::Authentication, 32..=37) => return Some(format!("write eID DG{}", 54 - bit)),
        _ => return None,
    };
    Some(fixed.to_owned())
}

/// The short name of what a bit allows, for files and command lines.
fn right_name(terminal: TerminalType, bit: u8) -> Option<String> {
    let fixed = match (terminal, bit) {
        (TerminalType::Inspection, 0) => "read-dg3",
        (TerminalType::Inspection, 1) => "read-dg4",
        (TerminalType::Signature, 0) => "electronic-signature",
        (TerminalType::Signature, 1) => "qualified-electronic-signature",
        (TerminalType::Authentication, 0) => "age-verification",
        (TerminalType::Authentication, 1) => "municipality-verification",
        (TerminalType::Authentication, 2) => "restricted-identification",
        (TerminalType::Authentication, 3) => "privileged-terminal",
        (TerminalType::Authentication, 4) => "can-allowed",
        (TerminalType::Authentication, 5) => "pin-management",
        (TerminalType::Authentication, 6) => "install-certificate",
        (TerminalType::Authentication, 7) => "install-qualified-certificate",
        (TerminalType::Authentication, 8..=29) => return Some(format!("read-dg{}", bit - 7)),
        (TerminalType::Authentication, 30) => "pseudonymous-signature",
        (TerminalType::Authentication, 32..=37) => return Some(format!("write-dg{}", 54 - bit)),
        _ => return None,
    };
    Some(fixed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(text: &str) -> Chat {
        Chat::parse(&hex::decode(text).expect("hex")).expect("a template")
    }

    /// The templates of BSI's worked example for EAC, and roles of inspection systems.
    #[test]
    fn templates_of_others_say_what_their_bits_say() {
        let dv = chat("7F4C12060904007F0007030102025305801FFFFF10");
        assert_eq!((dv.terminal(), dv.role()), (TerminalType::Authentication, Role::DvDomestic));
        assert!(dv.allows(4) && dv.allows(8) && dv.allows(28) && !dv.allows(29) && !dv.allows(0));
        assert_eq!(dv.rights().len(), 22);
        let terminal = chat("7F4C12060904007F00070301020253050000000110");
        assert_eq!(terminal.describe(), "authentication terminal, terminal: CAN allowed, read eID DG1");
        assert_eq!(dv.and(terminal).map(Chat::rights), Some(terminal.rights()));
        assert_eq!(dv.and(terminal).map(Chat::role), Some(Role::DvDomestic));
        for (octet, role, rights) in
            [("C3", Role::Cvca, 2), ("81", Role::DvDomestic, 1), ("42", Role::DvForeign, 1), ("00", Role::Terminal, 0)]
        {
            let chat = chat(&format!("7F4C0E060904007F0007030102015301{octet}"));
            assert_eq!((chat.terminal(), chat.role(), chat.rights().len()), (TerminalType::Inspection, role, rights));
            assert_eq!(hex::encode_upper(chat.encode()), format!("7F4C0E060904007F0007030102015301{octet}"));
        }
    }

    #[test]
    fn bits_without_a_meaning_are_kept_and_give_nothing() {
        let reserved = chat("7F4C0E060904007F00070301020153013C");
        assert_eq!((reserved.role(), reserved.rights().len()), (Role::Terminal, 0));
        assert!(!reserved.allows(Chat::READ_DG3) && !reserved.allows(Chat::READ_DG4) && !reserved.allows(6) && !reserved.allows(200));
        assert_eq!(hex::encode_upper(reserved.encode()), "7F4C0E060904007F00070301020153013C");
    }

    #[test]
    fn rights_are_those_that_both_have_and_only_of_one_type() {
        let of = |rights: &[u8]| Chat::new(TerminalType::Inspection, Role::Terminal, rights.iter().copied());
        assert_eq!(of(&[0, 1]).and(of(&[1])), Some(of(&[1])));
        assert_eq!(of(&[0]).and(of(&[1])), Some(of(&[])));
        assert_eq!(of(&[0]).and(Chat::full(TerminalType::Signature, Role::Terminal)), None);
        assert_eq!(Chat::new(TerminalType::Inspection, Role::Terminal, [6, 7, 37]), of(&[]), "no right turns into a role");
    }

    #[test]
    fn every_right_has_one_short_name_and_it_leads_back_to_its_bit() {
        let counts = TerminalType::ALL.map(|terminal| {
            for (bit, name) in terminal.rights() {
                assert_eq!(terminal.right(&name), Some(bit), "{name}");
                assert!(right(terminal, bit).is_some(), "{name}");
                assert_eq!(Chat::new(terminal, Role::Terminal, [bit]).right_names(), [name]);
            }
            assert_eq!(TerminalType::of_abbreviation(&terminal.abbreviation().to_lowercase()), Some(terminal));
            terminal.rights().count()
        });
        assert_eq!(counts, [2, 8 + 22 + 1 + 6, 2]);
        // bits of the worked example of BSI and of the table in TR-03110-4
        let bits = ["install-qualified-certificate", "read-dg1", "read-dg21", "write-dg17", "write-dg21"];
        assert_eq!(bits.map(|name| TerminalType::Authentication.right(name)), [Some(7), Some(8), Some(28), Some(37), Some(33)]);
        assert_eq!(["read-dg3", "read-dg4"].map(|name| TerminalType::Inspection.right(name)), [Some(0), Some(1)]);
        assert_eq!((TerminalType::Inspection.right("can-allowed"), TerminalType::of_abbreviation("XX")), (None, None));
    }

    #[test]
    fn a_data_group_of_the_eid_application_has_its_own_bits() {
        let of = |terminal, bits: &[u8]| Chat::new(terminal, Role::Terminal, bits.iter().copied());
        let at = |bits: &[u8]| of(TerminalType::Authentication, bits);
        let reads = |chat: Chat| (0..=30).filter(|&number| chat.reads_eid(number)).collect::<Vec<u8>>();
        let writes = |chat: Chat| (0..=60).filter(|&number| chat.writes_eid(number)).collect::<Vec<u8>>();
        assert_eq!((reads(at(&[8])), reads(at(&[29, 11])), writes(at(&[8, 29]))), (vec![1], vec![4, 22], vec![]));
        assert_eq!((writes(at(&[37])), writes(at(&[32])), reads(at(&[32, 37]))), (vec![17], vec![22], vec![]));
        assert_eq!((reads(at(&[])), reads(at(&[0, 1, 2, 3, 4, 5, 6, 7, 30, 31]))), (vec![], vec![]));
        assert!(of(TerminalType::Inspection, &[]).reads_eid(9) && !of(TerminalType::Inspection, &[0, 1]).writes_eid(17));
        assert!(
            !of(TerminalType::Signature, &[0, 1]).reads_eid(1) && !of(TerminalType::Inspection, &[0]).allows_authentication_terminal(0)
        );
    }

    #[test]
    fn other_types_and_lengths_are_refused() {
        let error = |text: &str| Chat::parse(&hex::decode(text).expect("hex")).expect_err("must be refused");
        assert!(matches!(error("7F4C0E060904007F0007030102045301C3"), CertError::Unsupported { .. }));
        assert!(matches!(error("7F4C0F060904007F000703010201530200C3"), CertError::Malformed { .. }));
        assert!(matches!(error("7F4C0E060904007F0007030102025301C3"), CertError::Malformed { .. }));
        assert!(matches!(error("7F4C0B060904007F000703010201"), CertError::Tlv(_)));
    }
}
