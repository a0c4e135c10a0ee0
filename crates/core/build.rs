//! New migrations are embedded without a clean build.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
