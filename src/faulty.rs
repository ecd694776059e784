//! Documents that are wrong on purpose: a card image, and an authority that signs it, with a defect at one place and everything else right.
//!
//! A person's document is built as for any card; then its files, the list of hashes, the signed attributes, the message, and the
//! certificates are changed where a fault of the catalogue says so ([`applets::fault`], engines `image`, `pki`, and `list`), each before that
//! which signs or hashes it is made. So a wrong check digit is signed, and the verifier must find the check digit and not a broken hash.
//! [`edit`](self) is the language of the changes. The keys are made for the purpose and certify nothing else.
//!
//! An injection is a list of edits and words; `-` is a document as it should be, for rows that only ask whether something lawful is taken.
//!
//! | target of an edit | stage |
//! | --- | --- |
//! | `COM`, `DG1` … `DG16`, `CardAccess`, `CVCA`, `ATR-INFO`, `DIR` | a file, before it is hashed |
//! | `INFOS` | the SecurityInfos of EF.CardAccess and of DG14; its path begins inside of the set |
//! | `LDSSO` | LDSSecurityObject, before it is signed |
//! | `ATTRS` | signed attributes (31), before they are signed |
//! | `SIGNED` | EF.SOD (77) when it is signed; a master list |
//! | `TBS`, `DS` | certificate of the document signer before and after the CSCA has signed it |
//! | `CSCA-TBS`, `CSCA` | certificate of the CSCA likewise |
//! | `LINK-TBS` | link certificate before the older key has signed it |
//! | `CRL-TBS`, `CRL` | the revocation list before and after |
//! | `CS-INFOS`, `CardSecurity` | the content of EF.CardSecurity before it is signed, and the file afterwards |
//! | `CS-TBS`, `CS-DS` | the certificate in EF.CardSecurity, as `TBS` and `DS` |
//! | `PAGE` | DG1 as it stands printed on the page |
//! | `LIST` | CscaMasterList, before it is signed (engine `list`) |
//!
//! | word | what is made |
//! | --- | --- |
//! | `profile` NAME | a document of this profile |
//! | `portrait` jp2, codestream, empty, large, points, 39794, other | DG2 with another picture, or in another form |
//! | `fingers` wsq, jp2, raw N; none | DG3 with so many fingers, guarded by Terminal Authentication |
//! | `irises` jp2, raw N; none | DG4 likewise |
//! | `mrz` LINES | another MRZ in the chip and on the page |
//! | `page` chip | the page says what DG1 says after its edits, and the chip opens by that |
//! | `can` DIGITS | the chip opens by this number alone |
//! | `ca` ID … | keys of Chip Authentication over these standardized domain parameters; with several each has an id |
//! | `ta` N | Terminal Authentication, where the terminal's path goes over N link certificates |
//! | `chip-date` N | the chip's date is N days ahead |
//! | `csca` KEY ALGORITHM, `ds` KEY ALGORITHM | keys and algorithms of the authority: `rsa-2048 rsa-pss-sha256`, `P-256:explicit ecdsa-sha384`, `rsa-2048:e1 rsa-pkcs1-sha256` |
//! | `hash` NAME | hash of the data groups in EF.SOD |
//! | `signature` rsa-encryption, plain, bsi, bare | how the signature of EF.SOD is named and written: rsaEncryption; r and s under an identifier that wants DER, or under that of TR-03111; the padded digest alone |
//! | `named` key-id | EF.SOD names its signer by key identifier |
//! | `issuer` self, signer, link, renamed | who issued the document signer: itself, another document signer, a newer key of the CSCA that the verifier knows by its link certificate alone, the same under a new name |
//! | `security` other | EF.CardSecurity is signed by an authority of the same name that nobody trusts |
//! | `country` XX XXX | the authority is that of another state: two letters, and the code of its MRZ |
//! | `another` FILE | when everything is signed, the file is that of another document |
//! | `keys` other | the chip has the keys of another document |
//! | `lost` FILE | the file is taken off the card when everything is signed |
//! | `late` EDIT | a file is changed when everything is signed |
//! | `trust` none, other, same-id, list | the verifier has no certificate of this state; another one of the same name, or of the same name and key identifier; knows it by a master list |
//! | `crl` none, revoked, csca | there is no revocation list, or it names the document signer, or the CSCA |
//! | `pace`, `chip-auth`, `aa`, `terminal`, `link`, `with`, `without` | what the chip does, and which data groups there are: see `chip` |
//! | `deviation` KIND | the state has published that its documents have this defect |

mod authority;
mod chip;
mod content;
mod edit;
mod issue;
mod like;
mod list;
mod message;
mod plan;
mod specimen;
mod terminal;

pub use chip::needed;
pub use edit::EditError;
pub use issue::{Base, Faulty, FaultyError, make};
pub use like::{LikeError, like};
pub use list::{FaultyList, make_list};
pub use specimen::{Specimen, SpecimenError};
pub use terminal::Terminal;
