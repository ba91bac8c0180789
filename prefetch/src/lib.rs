//! This crate is about memory that will be read: it asks for it to be near. Nothing here changes what any memory holds.
//!
//! [`prefetch`] asks the processor for memory that will be read soon. An early *load* does not do that: it stays in the processor's
//! window until it has its data, which fills up behind it. The instruction made for it is gone as soon as it is issued.
//!
//! [`LargePages`] asks the kernel to put memory that will be read at random into pages of 2 MiB. In ones of 4 KiB finding the
//! page takes longer than reading it, because there are more of them than the processor remembers.
//!
//! Neither is a part of the language, so this crate is the one place with these two pieces of unsafe code, and does nothing else. Where
//! they are not known, the first on processors other than x86-64, the second on systems other than Linux, they do nothing.

use std::collections::BTreeSet;

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

/// What the kernel calls large.
const LARGE_PAGE: usize = 2 << 20;

/// Where large pages are wanted. Each is asked for once, however many values are in it: asking makes the kernel wait for all
/// processors.
#[derive(Default)]
pub struct LargePages(BTreeSet<usize>);

impl LargePages {
    /// Wants them for these values.
    pub fn want<T>(&mut self, values: &[T]) {
        let range = values.as_ptr_range();
        let pages = range.start as usize / LARGE_PAGE..(range.end as usize).div_ceil(LARGE_PAGE);
        if !values.is_empty() {
            self.0.extend(pages);
        }
    }

    /// Asks for them. Best effort: where the kernel cannot (before Linux 6.1, without free large pages, where other mappings begin
    /// within one), everything stays as it is. What lies beside the values in the same 2 MiB may be in a large page then, too.
    /// It takes the time of copying the memory once; whoever reads meanwhile may wait for that of one page.
    pub fn ask(self) {
        self.0.into_iter().for_each(|page| collapse(page * LARGE_PAGE));
    }
}

#[cfg(target_os = "linux")]
fn collapse(address: usize) {
    /// Since Linux 6.1 (`include/uapi/asm-generic/mman-common.h`).
    const MADV_COLLAPSE: libc::c_int = 25;
    // SAFETY: MADV_COLLAPSE takes any range, mapped or not: what pages hold, and who may do what with them, stays as it is, as when
    // the kernel does it unasked; and of kernels that do not know it the call is refused. The address is no pointer into
    // anything that the program reads by it.
    let _ = unsafe { libc::madvise(std::ptr::without_provenance_mut(address), LARGE_PAGE, MADV_COLLAPSE) };
}

#[cfg(not(target_os = "linux"))]
const fn collapse(_: usize) {}

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

    #[test]
    fn values_stay_what_they_are_whatever_pages_they_are_in() {
        let (nothing, little) = (Vec::<u64>::new(), [7_u8]);
        let much: Vec<u64> = (0..1 << 20).collect();
        let mut pages = super::LargePages::default();
        pages.want(&nothing);
        assert!(pages.0.is_empty());
        pages.want(&little);
        pages.want(&much);
        pages.ask();
        assert!(much.iter().copied().eq(0..1 << 20) && little == [7]);
    }
}
