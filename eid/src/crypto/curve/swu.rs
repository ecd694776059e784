//! The point encoding of the integrated mapping (Doc 9303-11 §4.4.3.3.2 and appendix B.2, the simplified method of Shallue, van de Woestijne
//! and Ulas in affine coordinates): a number becomes a point whose discrete logarithm nobody knows.
//!
//! ```text
//! 1  α = -t²                        4  h2 = X2³ + a · X2 + b            7  A = h2^(p - 1 - (p + 1)/4)
//! 2  X2 = -b · a⁻¹ · (1 + (α + α²)⁻¹)   6  U = t³ · h2                  8  A² · h2 = 1: (X2, A · h2), else (X3, A · U)
//! 3  X3 = α · X2                    (5 h3 of the clause is for its proof only)
//! ```
//!
//! The time does not depend on the number. Refused: curves with p = 1 modulo 4, numbers with t or α + α² of zero.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::{Curve, CurveError, Point};
use crate::secret::Secret;

/// The point of `number`, big-endian of any length and taken modulo p.
///
/// # Errors
/// [`CurveError::NoEncoding`], [`CurveError::NotOnCurve`] for a number that has no point.
pub(in crate::crypto) fn encode(curve: Curve, number: &Secret) -> Result<Point, CurveError> {
    let domain = curve.parameters();
    if domain.p.last().is_none_or(|last| last & 3 != 3) {
        return Err(CurveError::NoEncoding(curve));
    }
    let no_point = CurveError::NotOnCurve(curve);
    let bits = precision(domain.p);
    let p = BoxedUint::from_be_slice_truncated(domain.p, bits);
    let modulus: Option<Odd<BoxedUint>> = p.clone().into_odd().into();
    let params = BoxedMontyParams::new_vartime(modulus.ok_or(no_point.clone())?);
    let element = |bytes: &[u8]| BoxedMontyForm::new(BoxedUint::from_be_slice_truncated(bytes, bits), &params);
    let (a, b, one) = (element(domain.a), element(domain.b), BoxedMontyForm::one(&params));

    let wide = Zeroizing::new(BoxedUint::from_be_slice_truncated(number.expose(), precision(number.expose()).max(bits)));
    let nonzero = p.to_nz().into_option().ok_or(no_point.clone())?;
    let t = BoxedMontyForm::new(wide.rem(&nonzero), &params);
    let alpha = -t.square();
    let inverse = (&alpha + &alpha.square()).invert().into_option().ok_or(no_point.clone())?;
    let a_inverse = a.invert().into_option().ok_or(no_point.clone())?;
    let x2 = -(&b * &a_inverse) * (&one + &inverse);
    let x3 = &alpha * &x2;
    let h2 = &(&x2.square() * &x2) + &(&(&a * &x2) + &b);
    let u = &(&t.square() * &t) * &h2;
    // p = 3 modulo 4: p - 1 - (p + 1)/4 = (3p - 5)/4 = p - 2 - (p - 3)/4
    let two = BoxedUint::from(2_u8);
    let exponent = p.wrapping_sub(&two).wrapping_sub(p.shr(2));
    let power = h2.pow(&exponent);

    let len = curve.field_len();
    let fixed = |element: &BoxedMontyForm| {
        let wide = Zeroizing::new(element.retrieve().to_be_bytes().into_vec());
        Zeroizing::new(wide.get(wide.len().saturating_sub(len)..).unwrap_or_default().to_vec())
    };
    let square = fixed(&(&power.square() * &h2)).ct_eq(&fixed(&one));
    let mut point = vec![4];
    for (first, second) in [(&x2, &x3), (&(&power * &h2), &(&power * &u))] {
        let (first, second) = (fixed(first), fixed(second));
        point.extend(first.iter().zip(second.iter()).map(|(first, second)| u8::conditional_select(second, first, square)));
    }
    Point::from_bytes(curve, &point)
}

/// Storage of a number as long as `bytes`, in bits: whole 64-bit words.
fn precision(bytes: &[u8]) -> u32 {
    u32::try_from(64 * bytes.len().div_ceil(8).max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appendix H.1 of Doc 9303-11.
    #[test]
    fn the_number_of_appendix_h_1_gives_its_generator() {
        let number = hex::decode("A2F8FF2DF50E52C6599F386ADCB595D229F6A167ADE2BE5F2C3296ADD5B7430E").expect("hex");
        let point = encode(Curve::BrainpoolP256r1, &Secret::new(number)).expect("a point");
        assert_eq!(hex::encode_upper(point.x()), "8E82D31559ED0FDE92A4D0498ADD3C23BABA94FB77691E31E90AEA77FB17D427");
        assert_eq!(hex::encode_upper(point.y()), "4C1AE14BD0C3DBAC0C871B7F3608169364437CA30AC243A089D3F266C1E60FAD");
    }

    /// Both branches occur, every result is on the curve (which reading it checks), and t and -t give the same point but for its sign.
    #[test]
    fn every_curve_but_p_224_has_a_point_for_every_number() {
        for curve in Curve::ALL {
            for t in 2..40_u8 {
                match encode(curve, &Secret::from([t])) {
                    Ok(point) => assert_eq!(point.curve(), curve),
                    Err(error) => assert_eq!((curve, error), (Curve::P224, CurveError::NoEncoding(Curve::P224))),
                }
            }
            if curve != Curve::P224 {
                // t = 0 and t² = 1 have none
                assert!([0, 1].iter().all(|&t| encode(curve, &Secret::from([t])).is_err()), "{curve:?}");
            }
        }
    }
}
