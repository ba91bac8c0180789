//! This file is about what a computation leaves on the stack. crrl's private keys are plain values, copied as it computes;
//! the other libraries wipe what they hold.

/// How much stack is wiped, in bytes: more than any of those computations takes.
const BYTES: usize = 64 * 1024;

/// The result of a computation, whose traces on the stack are wiped.
pub(super) fn wiped<T>(compute: impl FnOnce() -> T) -> T {
    #[inline(never)]
    fn apart<T>(compute: impl FnOnce() -> T) -> T {
        compute()
    }
    let result = apart(compute);
    zeroize::zeroize_stack::<BYTES>();
    result
}
