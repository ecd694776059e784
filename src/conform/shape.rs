//! Public keys of certain forms: those that a chip must take, found by search so that their private key is known, and those of another
//! domain, which it must refuse.

use eid::crypto::agreement::{AgreementKey, AgreementPrivateKey, Domain};
use eid::crypto::curve::{Curve, Point};
use rand_core::CryptoRng;

use super::step::alteration::Form;

/// Most keys that are drawn for one of a form: it is missed once in 10^27 searches.
const MAX_DRAWS: usize = 1 << 14;

/// Whether a coordinate is in the lowest, or the highest, of 256 parts of the field.
fn is_extreme(coordinate: &[u8], p: &[u8], large: bool) -> bool {
    // p - coordinate, for the highest part
    let distance: Vec<u8> = if large {
        let mut borrow = false;
        let mut difference: Vec<u8> = p
            .iter()
            .zip(coordinate)
            .rev()
            .map(|(&p, &c)| {
                let (first, under) = p.overflowing_sub(c);
                let (second, under_again) = first.overflowing_sub(u8::from(borrow));
                borrow = under || under_again;
                second
            })
            .collect();
        difference.reverse();
        difference
    } else {
        coordinate.to_vec()
    };
    // below p / 256: p shifted by one byte
    let bound = std::iter::once(&0).chain(p);
    distance.iter().lt(bound.take(distance.len()))
}

/// Whether `point` has the form.
pub(super) fn has(form: Form, point: &Point) -> bool {
    let p = point.curve().parameters().p;
    match form {
        Form::SmallX => is_extreme(point.x(), p, false),
        Form::LargeX => is_extreme(point.x(), p, true),
        Form::SmallY => is_extreme(point.y(), p, false),
        Form::LargeY => is_extreme(point.y(), p, true),
    }
}

/// A private key whose public key, which `public` makes of it, has the form.
pub(super) fn search(
    form: Form,
    domain: &Domain,
    public: &mut dyn FnMut(&AgreementPrivateKey) -> Option<AgreementKey>,
    rng: &mut dyn CryptoRng,
) -> Result<AgreementPrivateKey, String> {
    for _ in 0..MAX_DRAWS {
        let key = AgreementPrivateKey::generate(domain, rng);
        if let Some(AgreementKey::Ec(point)) = public(&key)
            && has(form, &point)
        {
            return Ok(key);
        }
    }
    Err(format!("no key of that form in {MAX_DRAWS} draws on {domain}"))
}

/// A good public key of another domain than that of `len` bytes.
pub(super) fn other_size(domain: &Domain, rng: &mut dyn CryptoRng) -> Vec<u8> {
    let other = match domain {
        Domain::Ec(curve) if curve.field_len() == Curve::P256.field_len() => Domain::Ec(Curve::P384),
        Domain::Ec(_) => Domain::Ec(Curve::P256),
        Domain::Dh(group) => return vec![0x02; group.element_len() + 8],
    };
    AgreementPrivateKey::generate(&other, rng).public().as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use applets::rng::SeededRng;

    #[test]
    fn a_key_of_each_form_is_found_on_its_curve() {
        let mut rng = SeededRng::new(b"shapes");
        for curve in [Curve::P256, Curve::BrainpoolP256r1] {
            for (form, at, leading) in [
                (Form::SmallX, 1, 0x00),
                (Form::LargeX, 1, curve.parameters().p[0]),
                (Form::SmallY, 33, 0x00),
                (Form::LargeY, 33, curve.parameters().p[0]),
            ] {
                let key = search(form, &Domain::Ec(curve), &mut |key| Some(key.public()), &mut rng).expect("found");
                let found = key.public().as_bytes()[at];
                // the highest part may begin one below the first byte of p
                assert!(found == leading || form != Form::SmallX && found + 1 == leading, "{curve:?} {form:?} {found:02X}");
            }
        }
    }

    #[test]
    fn a_key_of_another_size_is_a_key_of_another_curve() {
        let mut rng = SeededRng::new(b"sizes");
        for curve in Curve::ALL {
            assert_ne!(other_size(&Domain::Ec(curve), &mut rng).len(), curve.point_len());
        }
    }
}
