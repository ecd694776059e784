//! Randomness of the operating system, for everything that asks for it.

use getrandom::SysRng;
use rand_core::UnwrapErr;

/// The system's random source. It panics if the system has none, since nothing may go on then.
pub(crate) const fn system() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}
