//! The language of injections: what goes wrong, where, and when. One line of text, because it stands in a table and on the command line.
//!
//! ```text
//! injection  step ; step …                                          - for none: the card as it is shows the fault
//! step       what [@n | @n+]                                        only the n-th time; from the n-th time on; else each time
//!
//! apdu.COMMAND=HHHH                      the command is not executed, this status word is the answer
//! apdu.COMMAND.sw=HHHH                   the command is executed, and this is the status word of its answer
//! apdu.COMMAND.data CHANGE               the data of the answer, before secure messaging
//! apdu.COMMAND.do(TAG) CHANGE            an object of its template 7C; one that is not there comes in
//! apdu.COMMAND.command CHANGE            the data of the command, before it is executed
//! apdu.COMMAND.rng=const                 what the chip draws for it is always the same
//! sm.COMMAND.FORGERY                     the protected answer, under its keys: drop(TAG) retag(TAG)=TAG extra(TAG)=HEX status=HHHH mac^=HEX
//!                                        mac.len=n indicator=HH padding=wrong iv=old order=turned ssc=stuck ssc=ahead replay off abort=HHHH
//! crypto.VALUE=WORD                      what the chip computes with, checks, or remembers: see the table `VALUES`
//! file(FILE).CHANGE                      the bytes of a file: truncate=n, +=HEX, [n]=HEX, [n]^=HEX; by_block=n: other bytes in longer blocks;
//!                                        reread=other: other bytes the second time
//! read.HABIT                             sfi=off fid=off eof=HHHH short=n long=n
//! env.COMMAND=EVENT                      drop: leaves instead; lost: leaves after executing; reset: forgets everything after answering;
//!                                        delay:MS
//! wire.chain=n                           answers of more than n bytes come in parts, with 61xx
//! wire.uid=random                        the reader's FF CA 00 00 00 says another UID after each activation
//!
//! COMMAND    any select_mf select_aid select_ef read bac_challenge bac_auth pace_mse pace_1 pace_2 pace_3 pace_4 ca_mse ca_ga aa_sign ta_dst ta_pso
//!            ta_mse ta_challenge ta_auth ri_mse ri_ga aux_verify update pin_reset pin_switch
//!            and in brackets, with commas, what narrows it: the name of a file; le>n, le<n; lacks TAG, has TAG: an object of its data; cvca, dv, is:
//!            of whom the certificate is
//! CHANGE     ^=HEX [n]^=HEX [n]=HEX =HEX +=HEX .len=n ->TAG =none =empty =random =echo =zeros =one =minus-one =above =compressed =cut =der
//! ```

use eid::cert::chat::Role;
use eid::crypto::hash::Hash;
use eid::image::FileId;

use super::change::Change;

mod parse;

pub(crate) use parse::parse;

/// Why text is no injection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{step:?}: expected {expected}, found {found:?}")]
pub struct InjectionError {
    /// The step.
    step: String,
    /// What the language asks for.
    expected: &'static str,
    /// What is there.
    found: String,
}

/// A kind of command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Any,
    SelectMf,
    SelectAid,
    SelectEf,
    Read,
    BacChallenge,
    BacAuth,
    PaceMse,
    Pace(u8),
    CaMse,
    CaGa,
    AaSign,
    TaDst,
    TaPso,
    TaMse,
    TaChallenge,
    TaAuth,
    RiMse,
    RiGa,
    AuxVerify,
    Update,
    PinReset,
    PinSwitch,
}

const VERBS: [(&str, Verb); 26] = [
    ("any", Verb::Any),
    ("select_mf", Verb::SelectMf),
    ("select_aid", Verb::SelectAid),
    ("select_ef", Verb::SelectEf),
    ("read", Verb::Read),
    ("bac_challenge", Verb::BacChallenge),
    ("bac_auth", Verb::BacAuth),
    ("pace_mse", Verb::PaceMse),
    ("pace_1", Verb::Pace(1)),
    ("pace_2", Verb::Pace(2)),
    ("pace_3", Verb::Pace(3)),
    ("pace_4", Verb::Pace(4)),
    ("ca_mse", Verb::CaMse),
    ("ca_ga", Verb::CaGa),
    ("aa_sign", Verb::AaSign),
    ("ta_dst", Verb::TaDst),
    ("ta_pso", Verb::TaPso),
    ("ta_mse", Verb::TaMse),
    ("ta_challenge", Verb::TaChallenge),
    ("ta_auth", Verb::TaAuth),
    ("ri_mse", Verb::RiMse),
    ("ri_ga", Verb::RiGa),
    ("aux_verify", Verb::AuxVerify),
    ("update", Verb::Update),
    ("pin_reset", Verb::PinReset),
    ("pin_switch", Verb::PinSwitch),
];

/// Which commands a step means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) verb: Verb,
    pub(crate) file: Option<FileId>,
    /// Of PSO: VERIFY CERTIFICATE: whose certificate; the two kinds of document verifiers count as one.
    pub(crate) role: Option<Role>,
    /// Le above this.
    pub(crate) above: Option<u32>,
    /// Le below this.
    pub(crate) below: Option<u32>,
    /// An object that the data has, or has not.
    pub(crate) object: Option<(u32, bool)>,
}

/// Which bytes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Data,
    Object(u32),
}

/// What is wrong with a protected answer, all of it under the right keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Forgery {
    Drop(u32),
    Retag(u32, u32),
    Extra(u32, Vec<u8>),
    Status(u16),
    Mac(u8),
    MacLength(usize),
    Indicator(u8),
    Padding,
    OldIv,
    Turned,
    /// The counter is not advanced for the answer.
    Stuck,
    /// The answer has the counter of the next one.
    Ahead,
    /// The answer before this one comes again.
    Replay,
    /// In the clear.
    Off,
    /// This status word in the clear, and the channel is gone.
    Abort(u16),
}

/// A value that the chip computes with otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// K.IC is K.IFD.
    BacKeyEcho,
    BacRndIc,
    BacRndIfd,
    BacEncryption,
    BacKeys,
    /// PACE runs with another cipher than was chosen.
    PaceSuite,
    PaceKeys,
    /// Another static key in chip authentication mapping.
    CamKey,
    CaKey,
    /// Other keys than those that were agreed on.
    CaKeys,
    /// The keys from before stay.
    CaOldKeys,
    /// Chip Authentication version 2 takes another key than the one that Terminal Authentication named.
    CaBinding,
    AaKey,
    /// The trailer names no hash.
    AaTrailer,
    /// An RSA signature with this hash, whatever DG14 says.
    AaHash(Hash),
    /// The other root of RSA, n - s.
    AaOtherRoot,
    /// The terminal's signature is checked over another document number.
    TaIdentifier,
    /// Signatures of certificates are not checked.
    TaSignature,
    /// Anybody may certify anybody.
    TaRole,
    /// The key that a certificate brought is known after a reset.
    TaKeptKey,
    /// The first challenge counts, not the last.
    TaFirstChallenge,
    /// A foreign terminal moves the date too.
    TaForeignDate,
    /// A certificate that is refused moves the date too.
    TaRefusedDate,
    /// Nothing moves the date.
    TaStuckDate,
    /// What the terminal named in PACE does not bound its rights.
    TaChat,
    /// Whoever has shown a key may read everything.
    TaAnyRights,
    /// Whoever was named may read everything.
    TaEarlyRights,
    /// Rights outlive their session.
    TaKeptRights,
    /// Everybody may read everything.
    TaNoRights,
    /// PACE and Basic Access Control can be run in a session.
    AccessAgain,
    /// The PIN is blocked, whatever was tried.
    PinBlocked,
    /// The PIN is deactivated.
    PinDeactivated,
    /// The PIN is one of transport.
    PinTransport,
    /// MSE:Set AT warns of nothing.
    PinSilent,
    /// GENERAL AUTHENTICATE says of a PIN that may not be used that access is not allowed, and not why.
    PinRefusal,
    /// A wrong PIN is not counted.
    PinStuckDown,
    /// A right PIN does not restore the tries.
    PinStuckUp,
    /// The last try is one like others.
    PinNoSuspension,
    /// The CAN resumes the PIN for ever.
    PinResumedForEver,
    /// A PIN without tries is one like others.
    PinNoBlock,
    /// The PUK sets a new PIN, whatever the card was made to allow.
    PinByPuk,
    /// A new PIN has as many digits as it likes.
    PinLength,
    /// The unblockings of the PUK are used up.
    PukUsedUp,
    /// Certificates with extensions that are not known are refused.
    TaExtension,
    /// An authentication terminal may read every data group of the eID application.
    EidRead,
    /// An authentication terminal may write every data group of the eID application that can be written.
    EidWrite,
    /// VERIFY answers terminals without the right to ask.
    AuxRights,
    /// Of several templates of auxiliary data the first counts.
    AuxFirst,
    /// Restricted Identification answers for any sector.
    RiSector,
    /// Restricted Identification answers terminals without the right to it.
    RiRights,
}

const VALUES: [(&str, &str, Value); 54] = [
    ("bac.kic", "kifd", Value::BacKeyEcho),
    ("bac.rnd_ic", "other", Value::BacRndIc),
    ("bac.rnd_ifd", "other", Value::BacRndIfd),
    ("bac.enc", "other", Value::BacEncryption),
    ("bac.keys", "other", Value::BacKeys),
    ("pace.suite", "other", Value::PaceSuite),
    ("pace.keys", "other", Value::PaceKeys),
    ("cam.key", "other", Value::CamKey),
    ("ca.key", "other", Value::CaKey),
    ("ca.keys", "other", Value::CaKeys),
    ("ca.keys", "old", Value::CaOldKeys),
    ("ca.binding", "unchecked", Value::CaBinding),
    ("aa.key", "other", Value::AaKey),
    ("aa.trailer", "wrong", Value::AaTrailer),
    ("aa.hash", "sha1", Value::AaHash(Hash::Sha1)),
    ("aa.hash", "sha224", Value::AaHash(Hash::Sha224)),
    ("aa.hash", "sha256", Value::AaHash(Hash::Sha256)),
    ("aa.hash", "sha384", Value::AaHash(Hash::Sha384)),
    ("aa.hash", "sha512", Value::AaHash(Hash::Sha512)),
    ("aa.root", "other", Value::AaOtherRoot),
    ("ta.id", "other", Value::TaIdentifier),
    ("ta.signature", "unchecked", Value::TaSignature),
    ("ta.role", "unchecked", Value::TaRole),
    ("ta.key", "kept", Value::TaKeptKey),
    ("ta.challenge", "first", Value::TaFirstChallenge),
    ("ta.date", "foreign", Value::TaForeignDate),
    ("ta.date", "refused", Value::TaRefusedDate),
    ("ta.date", "stuck", Value::TaStuckDate),
    ("ta.chat", "unchecked", Value::TaChat),
    ("ta.rights", "any", Value::TaAnyRights),
    ("ta.rights", "early", Value::TaEarlyRights),
    ("ta.rights", "kept", Value::TaKeptRights),
    ("ta.rights", "unchecked", Value::TaNoRights),
    ("access", "again", Value::AccessAgain),
    ("pin.state", "blocked", Value::PinBlocked),
    ("pin.state", "deactivated", Value::PinDeactivated),
    ("pin.state", "transport", Value::PinTransport),
    ("pin.select", "silent", Value::PinSilent),
    ("pin.refusal", "mute", Value::PinRefusal),
    ("pin.down", "stuck", Value::PinStuckDown),
    ("pin.up", "stuck", Value::PinStuckUp),
    ("pin.suspension", "off", Value::PinNoSuspension),
    ("pin.resumption", "kept", Value::PinResumedForEver),
    ("pin.block", "off", Value::PinNoBlock),
    ("pin.puk", "sets", Value::PinByPuk),
    ("pin.length", "any", Value::PinLength),
    ("puk.unblocks", "none", Value::PukUsedUp),
    ("ta.extension", "refused", Value::TaExtension),
    ("eid.read", "unchecked", Value::EidRead),
    ("eid.write", "unchecked", Value::EidWrite),
    ("aux.rights", "unchecked", Value::AuxRights),
    ("aux.template", "first", Value::AuxFirst),
    ("ri.sector", "unchecked", Value::RiSector),
    ("ri.rights", "unchecked", Value::RiRights),
];

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileChange {
    Bytes(Change),
    /// Blocks of more than so many bytes have another first byte.
    ByBlock(usize),
    /// What was read before comes otherwise.
    Reread,
}

/// How a card reads otherwise than ours, within the standard or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    NoSfi,
    NoFid,
    /// What is said where the file ends before Le: 6B00 and 6Cxx without data.
    EndOfFile(u16),
    Short(usize),
    Long(usize),
}

/// What happens to the card around a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Drop,
    Lost,
    Reset,
    Delay(u32),
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    Refuse(Target, u16),
    Status(Target, u16),
    Answer(Target, Field, Change),
    Command(Target, Change),
    Constant(Target),
    Message(Target, Forgery),
    Value(Value),
    File(FileId, FileChange),
    Habit(Habit),
    Event(Target, Event),
    Chain(usize),
    Uid,
}

/// When a step acts, counted in the times that it could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    Always,
    At(u32),
    From(u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) does: Does,
    pub(crate) at: Trigger,
}
