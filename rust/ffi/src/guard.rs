//! Keeps panics and error texts on this side of the boundary.

use crate::abi::ta_status_t;
use std::cell::{Cell, RefCell};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static LAST_ERROR: RefCell<String> = const { RefCell::new(String::new()) };
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// A failed call: its status and the text for `ta_last_error`.
pub struct Failure {
    pub status: ta_status_t,
    pub text: String,
}

impl Failure {
    pub fn new(status: ta_status_t, text: impl Into<String>) -> Failure {
        Failure {
            status,
            text: text.into(),
        }
    }

    pub fn invalid(text: impl Into<String>) -> Failure {
        Failure::new(ta_status_t::TA_STATUS_INVALID, text)
    }
}

/// Runs an export's body and turns its end into a status. A panic is caught, counted by the
/// caller's `on_panic`, and its message kept for `ta_last_error`.
/// Cost: nothing measurable while nothing fails.
pub fn guard(on_panic: impl FnOnce(), body: impl FnOnce() -> Result<ta_status_t, Failure>) -> i32 {
    HOOK.call_once(silence_guarded_panics);
    GUARDED.set(true);
    let end = catch_unwind(AssertUnwindSafe(body));
    GUARDED.set(false);
    match end {
        Ok(Ok(status)) => status as i32,
        Ok(Err(failure)) => {
            set_last_error(failure.text);
            failure.status as i32
        }
        Err(_) => {
            on_panic();
            ta_status_t::TA_STATUS_PANIC as i32
        }
    }
}

/// Keeps a text for `ta_last_error`.
pub fn set_last_error(text: String) {
    LAST_ERROR.with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            *last = text;
        }
    });
}

/// Hands the last error of this thread to `read`.
pub fn with_last_error<R>(read: impl FnOnce(&str) -> R) -> R {
    LAST_ERROR.with(|last| match last.try_borrow() {
        Ok(last) => read(&last),
        Err(_) => read(""),
    })
}

/// A library does not print: panics under [`guard`] go to the last error, others keep their hook.
fn silence_guarded_panics() {
    let former = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if GUARDED.get() {
            set_last_error(format!("threat-agent panicked: {info}"));
        } else {
            former(info);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::panic)]
    fn a_panic_becomes_a_status() {
        let mut seen = false;
        let status = guard(|| seen = true, || panic!("boom"));
        assert_eq!(status, ta_status_t::TA_STATUS_PANIC as i32);
        assert!(seen);
        assert!(with_last_error(|e| e.contains("boom")));
    }

    #[test]
    fn a_failure_keeps_its_text() {
        let status = guard(|| (), || Err(Failure::invalid("expected a pointer")));
        assert_eq!(status, ta_status_t::TA_STATUS_INVALID as i32);
        assert!(with_last_error(|e| e == "expected a pointer"));
    }
}
