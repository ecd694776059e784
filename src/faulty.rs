//! Documents that are wrong on purpose: a card image, and an authority that signs it, with a defect at one place and everything else right.
//!
//! A person's document is built as for any card; then its files, the list of hashes, the signed attributes, the message, and the
//! certificates are changed where a fault of the catalogue says so ([`applets::fault`], engines `image` and `pki`), each before that
//! which signs or hashes it is made. So a wrong check digit is signed, and the verifier must find the check digit and not a broken hash.
//! [`edit`](self) is the language of the changes. The keys are made for the purpose and certify nothing else.
//!
//! An injection is a list of edits; `-` is a document as it should be, for rows that only ask whether something lawful is taken.
//!
//! | target of an edit | stage |
//! | --- | --- |
//! | `COM`, `DG1` … `DG16`, `CardAccess`, `ATR-INFO`, `DIR` | a file, before it is hashed |
//! | `LDSSO` | LDSSecurityObject, before it is signed |
//! | `ATTRS` | signed attributes (31), before they are signed |
//! | `SIGNED` | EF.SOD (77) when it is signed |
//! | `TBS`, `DS` | certificate of the document signer before and after the CSCA has signed it |
//! | `CSCA-TBS`, `CSCA` | certificate of the CSCA likewise |
//! | `CRL-TBS`, `CRL` | the revocation list likewise |
//! | `lost` FILE | the file is taken off the card when everything is signed |
//! | `late` EDIT | a file is changed when everything is signed |
//! | `trust` none, other, late | the verifier has no certificate of this state, or another one of the same name |
//! | `country` XX XXX | the authority is that of another state: two letters, and the code of its MRZ |
//! | `crl` none, revoked | there is no revocation list, or it names the document signer |

mod edit;
mod issue;

pub use edit::EditError;
pub use issue::{Base, Faulty, FaultyError, make};
