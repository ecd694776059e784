//! The curves that no crate of our generation has: brainpool (RFC 5639 §3), P-192, and P-224 (FIPS 186-4 D.1.2), from their domain
//! parameters on the generic field and point arithmetic of `primefield` and `primeorder`: complete formulas, constant time for secrets,
//! a table of multiples of the generator for signing and key generation.

/// Makes the module of one curve. `uint` is wide enough for the field and known to the field macros; the two generators are the smallest
/// quadratic non-residues modulo p and n, which only square roots would use.
macro_rules! curve {
    ($module:ident, $name:ident, $digits:ident, $uint:ident, $len:literal, $p_generator:literal, $n_generator:literal) => {
        pub(in crate::crypto) mod $module {
            use elliptic_curve::bigint::{$uint as Wide, Odd};
            use elliptic_curve::array::typenum::U;
            use elliptic_curve::hazmat::FieldArithmetic;
            use elliptic_curve::point::PointCompression;
            use elliptic_curve::{Curve, CurveArithmetic, PrimeCurve, PrimeCurveArithmetic};
            use field::FieldElement;
            use primeorder::{MulBackend, PrimeCurveParams, point_arithmetic};
            use scalar::Scalar;

            use crate::crypto::curve::parameters::{$digits as DIGITS, padded};

            /// Hexadecimal digits of the integer type.
            const WIDTH: usize = 2 * Wide::BYTES;

            const fn text(digits: &'static [u8; WIDTH]) -> &'static str {
                match core::str::from_utf8(digits) {
                    Ok(text) => text,
                    Err(_) => panic!("hexadecimal digits are ASCII"),
                }
            }

            mod field {
                use super::{Wide, WIDTH, DIGITS, padded, text};
                use elliptic_curve::ff::PrimeField as _;
                use elliptic_curve::ops::BatchInvert;
                use elliptic_curve::subtle::{Choice, ConstantTimeEq as _, CtOption};

                const MODULUS: &str = text(&padded::<WIDTH>(DIGITS.p));

                primefield::monty_field_params! { name: Modulus, modulus: MODULUS, uint: Wide, byte_order: primefield::ByteOrder::BigEndian, multiplicative_generator: $p_generator, doc: "Field modulus p." }
                primefield::monty_field_element! { name: FieldElement, params: Modulus, uint: Wide, doc: "Element of GF(p)." }
                primefield::monty_field_arithmetic! { name: FieldElement, params: Modulus, uint: Wide }

                impl BatchInvert for FieldElement {}
            }

            mod scalar {
                use super::{$name, ORDER, Wide, WIDTH, DIGITS, padded, text};
                use elliptic_curve::FieldBytes;
                use elliptic_curve::bigint::ArrayEncoding as _;
                use elliptic_curve::ff::PrimeField as _;
                use elliptic_curve::ops::Reduce;
                use elliptic_curve::scalar::{FromUintUnchecked, IsHigh};
                use elliptic_curve::subtle::{Choice, ConstantTimeEq as _, ConstantTimeGreater as _, CtOption};

                pub(super) const MODULUS: &str = text(&padded::<WIDTH>(DIGITS.n));

                primefield::monty_field_params! { name: Modulus, modulus: MODULUS, uint: Wide, byte_order: primefield::ByteOrder::BigEndian, multiplicative_generator: $n_generator, doc: "Order n." }
                primefield::monty_field_element! { name: Scalar, params: Modulus, uint: Wide, doc: "Element of GF(n)." }
                primefield::monty_field_arithmetic! { name: Scalar, params: Modulus, uint: Wide }
                elliptic_curve::scalar_impls!($name, Scalar);
                primeorder::wnaf::impl_wnaf_size_for_scalar!(Scalar);

                impl AsRef<Scalar> for Scalar {
                    fn as_ref(&self) -> &Scalar {
                        self
                    }
                }

                impl FromUintUnchecked for Scalar {
                    type Uint = Wide;

                    fn from_uint_unchecked(uint: Wide) -> Self {
                        Self::from_uint_unchecked(uint)
                    }
                }

                impl IsHigh for Scalar {
                    fn is_high(&self) -> Choice {
                        self.to_canonical().ct_gt(&ORDER.as_ref().shr_vartime(1))
                    }
                }

                /// The step into Montgomery form reduces any value of the integer's width.
                impl Reduce<Wide> for Scalar {
                    fn reduce(value: &Wide) -> Self {
                        Self::from_uint_unchecked(*value)
                    }
                }

                impl Reduce<FieldBytes<$name>> for Scalar {
                    fn reduce(bytes: &FieldBytes<$name>) -> Self {
                        let mut wide = elliptic_curve::bigint::ByteArray::<Wide>::default();
                        wide[Wide::BYTES - $len..].copy_from_slice(bytes);
                        Self::from_uint_unchecked(Wide::from_be_byte_array(wide))
                    }
                }
            }

            const ORDER: Odd<Wide> = Odd::<Wide>::from_be_hex(scalar::MODULUS);

            /// The curve.
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
            pub struct $name;

            impl Curve for $name {
                type FieldBytesSize = U<$len>;
                type Uint = Wide;
                const ORDER: Odd<Wide> = ORDER;
            }

            impl PrimeCurve for $name {}

            impl PointCompression for $name {
                const COMPRESS_POINTS: bool = false;
            }

            impl CurveArithmetic for $name {
                type AffinePoint = primeorder::AffinePoint<Self>;
                type ProjectivePoint = primeorder::ProjectivePoint<Self>;
                type Scalar = Scalar;
            }

            impl FieldArithmetic for $name {
                type FieldElement = FieldElement;
            }

            impl PrimeCurveArithmetic for $name {
                type CurveGroup = primeorder::ProjectivePoint<Self>;
            }

            /// Multiples of the generator, computed at first use.
            static TABLE: primeorder::BasepointTable<primeorder::ProjectivePoint<$name>, { $len + 1 }> = primeorder::BasepointTable::new();

            /// The table for multiples of the generator; verification keeps the joint method, which is faster than with the table.
            #[derive(Clone, Copy, Debug)]
            pub struct Tables;

            impl MulBackend<$name> for Tables {
                fn mul_by_generator(k: &Scalar) -> primeorder::ProjectivePoint<$name> {
                    TABLE.mul(k)
                }
            }

            impl PrimeCurveParams for $name {
                type PointArithmetic = point_arithmetic::EquationAIsGeneric;
                type Backend = Tables;
                const EQUATION_A: FieldElement = FieldElement::from_hex_vartime(DIGITS.a);
                const EQUATION_B: FieldElement = FieldElement::from_hex_vartime(DIGITS.b);
                const GENERATOR: (FieldElement, FieldElement) =
                    (FieldElement::from_hex_vartime(DIGITS.x), FieldElement::from_hex_vartime(DIGITS.y));
            }

            impl ecdsa::EcdsaCurve for $name {
                const NORMALIZE_S: bool = false;
            }
        }
    };
}

curve!(p192, P192, P192, U192, 24, 11, 3);
curve!(brainpool_p192r1, BrainpoolP192r1, BRAINPOOL_P192R1, U192, 24, 3, 7);
curve!(p224, P224, P224, U256, 28, 11, 2);
curve!(brainpool_p224r1, BrainpoolP224r1, BRAINPOOL_P224R1, U256, 28, 3, 3);
curve!(brainpool_p256r1, BrainpoolP256r1, BRAINPOOL_P256R1, U256, 32, 11, 3);
curve!(brainpool_p320r1, BrainpoolP320r1, BRAINPOOL_P320R1, U384, 40, 5, 3);
curve!(brainpool_p384r1, BrainpoolP384r1, BRAINPOOL_P384R1, U384, 48, 2, 2);
curve!(brainpool_p512r1, BrainpoolP512r1, BRAINPOOL_P512R1, U512, 64, 2, 7);
