//! The minijinja environment, with the filters of the format.

use std::sync::OnceLock;

use minijinja::{Environment, UndefinedBehavior};

use super::filters;

/// The name under which filters find the time zone. No expression can write it.
pub(crate) const TIMEZONE: &str = "$timezone";

/// How many instructions one evaluation may take.
const FUEL: u64 = 10_000;

/// The environment in which all expressions are compiled that use no filter of a host.
pub(crate) fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(new_environment)
}

/// One of the same kind, to be added to.
pub(super) fn new_environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(64);
    environment.remove_global("namespace");
    filters::add_to(&mut environment);
    environment
}
