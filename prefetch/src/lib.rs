//! This crate is about memory that will be read soon: it asks the processor to fetch it, and does not wait.
//!
//! An early *load* does not do that: it stays in the processor's window until it has its data, which fills up behind it. The
//! instruction made for it is gone as soon as it is issued. It is no part of the language, so this crate is the one place with
//! that piece of unsafe code, and does nothing else. Processors other than x86-64 are not asked: there it does nothing.

/// How many bytes a processor fetches at once.
const LINE: usize = 64;

/// Asks for all of a value. A hint: nothing is read, and nothing changes but how soon it can be.
#[inline]
pub fn prefetch<T>(value: &T) {
    let begin = std::ptr::from_ref(value).cast::<u8>();
    for at in (0..size_of::<T>()).step_by(LINE) {
        fetch(begin.wrapping_add(at));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn fetch(address: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: PREFETCHT0 takes any address, mapped or not: it reads nothing that the program could see, and never faults. SSE,
    // which it belongs to, is a part of every x86-64.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
const fn fetch(_: *const u8) {}

#[cfg(test)]
mod tests {
    #[test]
    fn a_value_of_any_size_is_asked_for_and_stays_what_it_is() {
        let (nothing, little, much) = ((), 7_u8, vec![[9_u8; 1000]]);
        super::prefetch(&nothing);
        super::prefetch(&little);
        much.iter().for_each(super::prefetch);
        assert_eq!((little, much), (7, vec![[9; 1000]]));
    }
}
