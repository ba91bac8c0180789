//! This file is about the engine's panics: it stops with one at a damaged file, and whoever opens the store is to read one
//! sentence about that, not two.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// What the panic of this thread said, while one is caught here.
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Told from what a panic says, which is never empty.
const NOTHING: String = String::new();

/// Runs it; what it says where it panics. Said on standard error is only a second panic, which ends the process.
pub(super) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // A thread that ends may have none any more.
            let is_kept = SAID.try_with(|said| match &mut *said.borrow_mut() {
                Some(said) if said.is_empty() => {
                    *said = info.to_string().replace('\n', " ");
                    true
                }
                Some(_) | None => false,
            });
            if !is_kept.unwrap_or(false) {
                usual(info);
            }
        }));
    });
    SAID.set(Some(NOTHING));
    let done = panic::catch_unwind(AssertUnwindSafe(run));
    let said = SAID.take().unwrap_or_default();
    done.map_err(|_| said)
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[test]
    fn what_a_panic_said_is_told_and_the_next_is_caught_too() {
        for words in ["a checksum", "a length"] {
            let said = caught(|| assert!(words.is_empty(), "{words} is wrong")).unwrap_err();
            assert!(said.contains(&format!("{words} is wrong")) && !said.contains('\n'), "{said}");
        }
        assert_eq!(caught(|| 7), Ok(7));
    }
}
