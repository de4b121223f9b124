//! Serialised objects that run something when they are read: pickles of Python and objects of Ruby,
//! in base64. What they hold is common; what they call is not. Part of code injection, whose
//! detector asks it.
//!
//! Source: Python's `pickletools` (PROTO, FRAME, GLOBAL); Ruby's manual of `Marshal` (version 4.8).

use super::detector::Report;
use crate::decode::{base64, Value};

/// How base64 of a pickle starts that calls (protocols 2 and 3: GLOBAL at once) or that may (4 and 5:
/// a frame), and of an object of Ruby (a list, a class, an object, an object that reads itself).
const STARTS: [&[u8; 4]; 8] = [
    b"gAJj", b"gANj", b"gASV", b"gAWV", b"BAhb", b"BAhj", b"BAhv", b"BAhV",
];
/// Modules of Python whose functions run programs or code.
const MODULES: [&[u8]; 9] = [
    b"commands",
    b"posix",
    b"nt\n",
    b"os",
    b"subprocess",
    b"builtin",
    b"pty",
    b"runpy",
    b"importlib",
];
/// Their functions.
const FUNCTIONS: [&[u8]; 12] = [
    b"system",
    b"popen",
    b"Popen",
    b"exec",
    b"eval",
    b"spawn",
    b"check_output",
    b"getattr",
    b"__import__",
    b"import_module",
    b"compile",
    b"run",
];
/// Classes of Ruby that gadgets are built of.
const CLASSES: [&[u8]; 7] = [
    b"Gem::",
    b"ERB",
    b"Kernel",
    b"DeprecatedInstanceVariableProxy",
    b"Net::",
    b"Process",
    b"ActiveRecord",
];

/// Tells whether a value may be one. Cost: a comparison for most.
#[inline(always)]
pub fn may_be(text: &[u8]) -> bool {
    text.first_chunk()
        .is_some_and(|start| STARTS.contains(&start))
}

/// Judges a value in base64.
pub fn judge(value: &Value<'_>, report: &mut Report<'_>) {
    if !may_be(value.bytes) {
        return;
    }
    let object = base64::bytes(value.bytes);
    let has = |words: &[&[u8]]| {
        words
            .iter()
            .any(|word| memchr::memmem::find(&object, word).is_some())
    };
    let runs = if object.starts_with(b"\x80") {
        has(&MODULES) && has(&FUNCTIONS)
    } else {
        has(&CLASSES)
    };
    if runs {
        report.add("code.serialized", 0.85);
    }
}

#[cfg(test)]
mod tests {
    use crate::inspect::code::CodeInjection;
    use crate::inspect::testing::score;

    #[test]
    fn what_runs_is_told_from_what_is_kept() {
        for text in [
            "gAJjcG9zaXgKc3lzdGVtCnEAWAIAAABpZHEBhXECUnEDLg==",
            "gASVHQAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg==",
            "BAhbCGMVR2VtOjpTcGVjRmV0Y2hlcmMTR2VtOjpJbnN0YWxsZXI=",
        ] {
            assert!(score(&CodeInjection, text) >= 0.5, "{text}");
        }
        for text in [
            "gASVDgAAAAAAAAB9lIwBYZRLAXMu",
            "BAh7BkkiD3Nlc3Npb25faWQGOgZFVEkiJTEyMzQ=",
            "BAhbB2kGaQc=",
            "gASV",
        ] {
            assert!(score(&CodeInjection, text) < 0.5, "{text}");
        }
    }
}
