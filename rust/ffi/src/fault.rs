//! Faults on request, for the specs that prove that a broken library does not break the gateway.
//! Only in builds with the feature `fault-injection`.

/// Fails in the way that the path asks for.
#[allow(clippy::panic)]
pub fn inject(path: &[u8]) {
    match path {
        b"/fault/panic" => panic!("injected"),
        b"/fault/abort" => std::process::abort(),
        _ => {}
    }
}
