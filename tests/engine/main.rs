//! The engine as a whole: on a store in memory, a scripted browser and virtual time.

mod control;
mod extend;
mod faults;
mod run;
mod support;
mod workers;
