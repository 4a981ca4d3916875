//! How large the component's stack is.

fn main() {
    // The host clears an instance's memory when it is done with it, and most of that is the linker's
    // usual stack of 1 MiB. The deepest this component goes is 128 levels of JSON.
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        println!("cargo:rustc-link-arg-cdylib=-zstack-size=262144");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
