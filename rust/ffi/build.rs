//! Keeps the library mapped once it is loaded: finalisers of Lua's VM may run after its last
//! reference is gone, and the shared region is used until the process ends.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
