//! Has the crate built again when a migration is added: the macro that embeds them cannot ask for it.

#[expect(clippy::print_stdout, reason = "a build script speaks to cargo so")]
fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
