//! Requests for CV certificates (TR-03110-3 C.2): making them, and what they prove to who is to issue.
//!
//! | request | proves |
//! | --- | --- |
//! | inner signature, by the new key | who sends it holds the new private key |
//! | outer signature, by the key of an earlier certificate of the holder | the holder asks |
//! | outer signature, by the CVCA of the holder's country | that state vouches for a document verifier of its own |
//!
//! The first request of a holder has no outer signature; that it comes from whom it names must be seen in another way, such as a
//! fingerprint handed over in person, and is recorded with the name of who saw it. A holder that has a certificate asks with an outer
//! signature: a request without one is refused.

use eid::cert::chat::Role;
use eid::cert::cvc::issue::{authenticate, request};
use eid::cert::cvc::{CvKey, Holder, KeyReference, Request, VerifyingKey};
use eid::signer::Signer;

use super::issue::{check_family, check_strength};
use super::{Applicant, CvError, Issuer};

/// Who asks, as far as the request shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The sender holds the new key; who the sender is must be shown in another way.
    KeyOnly,
    /// The holder of this certificate asks for its next key.
    Itself(KeyReference),
    /// This CVCA vouches for a document verifier of its country.
    Country(KeyReference),
}

/// A request for the key of `own` under the name `holder`, to be signed by `authority`; the domain parameters are in it.
///
/// # Errors
/// [`CvError`].
pub fn make(authority: &KeyReference, holder: &KeyReference, own: &dyn Signer) -> Result<Request, CvError> {
    let key = VerifyingKey { algorithm: own.algorithm(), key: own.public_key() };
    check_strength(holder, &key)?;
    Ok(request(Some(authority), &CvKey::new(&key, true)?, holder, own)?)
}

/// The same request with an outer signature by `signer`, the key of the certificate of `voucher`.
///
/// # Errors
/// [`CvError`]; there is an outer signature already.
pub fn vouch(request: &Request, voucher: &KeyReference, signer: &dyn Signer) -> Result<Request, CvError> {
    Ok(authenticate(request, voucher, signer)?)
}

/// What `issuer` certifies when it grants `request`, and what the request proves. `known` are the keys that can vouch: those that this CVCA
/// has certified, and the CVCAs of other countries; `newest` is the last certificate of the same holder, if there is one.
///
/// # Errors
/// [`CvError`]: a wrong signature, an outer signature that nobody can check or that is not this holder's, none where one is needed, another
/// issuer wanted, or a key that cannot stand below the issuer.
pub fn check(
    request: &Request,
    issuer: &Issuer,
    known: impl Fn(&KeyReference) -> Option<Holder>,
    newest: Option<&KeyReference>,
) -> Result<(Applicant, Proof), CvError> {
    let holder = request.holder();
    request.verify().map_err(|source| CvError::Inner { holder: holder.clone(), source })?;
    if let Some(found) = request.authority().filter(|found| *found != issuer.reference()) {
        return Err(CvError::Authority { holder: holder.clone(), expected: issuer.reference().clone(), found: found.clone() });
    }
    let proof = match (request.outer_authority(), newest) {
        (None, None) => Proof::KeyOnly,
        (None, Some(known)) => return Err(CvError::Unauthenticated { holder: holder.clone(), known: known.clone() }),
        (Some(authority), _) => {
            let wrong = |expected| CvError::Voucher { holder: holder.clone(), authority: authority.clone(), expected };
            let voucher = known(authority).ok_or_else(|| wrong("a key that is known here and has not expired"))?;
            let outer = request.verify_outer(&voucher.key);
            outer.map_err(|source| CvError::Outer { holder: holder.clone(), authority: authority.clone(), source })?;
            let same_country = authority.country() == holder.country();
            if same_country && authority.mnemonic() == holder.mnemonic() {
                Proof::Itself(authority.clone())
            } else if same_country && voucher.chat.role() == Role::Cvca {
                Proof::Country(authority.clone())
            } else {
                return Err(wrong("a key of the same holder, or the CVCA of its country"));
            }
        }
    };
    let key = request.verifying_key().clone();
    check_strength(holder, &key)?;
    check_family(issuer, holder, &key)?;
    Ok((Applicant { holder: holder.clone(), key, extensions: request.extensions().to_vec() }, proof))
}
