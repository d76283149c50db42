//! `dita._kernel`: the Python face of the DITA execution kernel.
//!
//! Value types wrap the core's own structs and convert each field when it is read. No trading rule
//! lives here.

use pyo3::prelude::*;

pub mod account_event;
pub mod audit;
pub mod bounds;
pub mod client;
pub mod details;
pub mod engine;
pub mod errors;
pub mod exit_spec;
pub mod follow;
pub mod graphs;
pub mod indicators;
pub mod intent;
pub mod limits;
pub mod link;
pub mod names;
pub mod number;
pub mod order;
pub mod outcome;
pub mod player;
pub mod record;
pub mod replay;
pub mod serve;
pub mod sim;
pub mod slot;
pub mod stdio;
pub mod telling;
pub mod text;
pub mod time;
pub mod torture;
pub mod transition;
pub mod twin;
pub mod venue_event;
pub mod zinc;

/// An input, its answer and what came of it live in some ten small pieces of memory; a batch holds thousands at once,
/// and the system's allocator then takes a twelfth of all time (decision 0007).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

// What is shipped has no bugs on purpose.
const _: () =
    assert!(!dita_kernel::planted::COMPILED, "the feature `planted` is for the kernel's tests alone");

/// The DITA execution kernel's native module: enumerations, errors, frozen value types and the engine.
#[pymodule(gil_used = true)]
pub fn _kernel(module: &Bound<'_, PyModule>) -> PyResult<()> {
    names::register(module)?;
    errors::register(module)?;
    indicators::register(module)?;
    module.add_class::<intent::KernelIntent>()?;
    module.add_class::<exit_spec::ExitSpec>()?;
    module.add_class::<venue_event::VenueEvent>()?;
    module.add_class::<order::VenueOrder>()?;
    module.add_class::<transition::KernelTransition>()?;
    module.add_class::<outcome::KernelOutcome>()?;
    module.add_class::<slot::TradeSlot>()?;
    module.add_class::<limits::MarketLimits>()?;
    module.add_class::<limits::RoundedOrder>()?;
    module.add_class::<engine::Engine>()?;
    module.add_class::<client::Client>()?;
    module.add_class::<graphs::GraphMachine>()?;
    module.add_class::<sim::SimExchange>()?;
    module.add_class::<stdio::Session>()?;
    module.add_function(wrap_pyfunction!(stdio::plain_standing, module)?)?;
    player::register(module)?;
    telling::register(module)?;
    zinc::register(module)?;
    link::register(module)?;
    serve::register(module)?;
    module.add_class::<replay::Replay>()?;
    module.add_class::<twin::TwinLive>()?;
    module.add_class::<follow::LogFollower>()?;
    module.add_class::<follow::LogReplica>()?;
    module.add_function(wrap_pyfunction!(follow::read_cursor, module)?)?;
    module.add_function(wrap_pyfunction!(follow::followers_of, module)?)?;
    module.add_function(wrap_pyfunction!(follow::log_bounds, module)?)?;
    module.add_function(wrap_pyfunction!(follow::journal_tables, module)?)?;
    module.add_class::<audit::AuditLedger>()?;
    module.add_function(wrap_pyfunction!(audit::audit_verify, module)?)?;
    module.add_function(wrap_pyfunction!(audit::audit_prove, module)?)?;
    module.add_function(wrap_pyfunction!(replay::verify_log, module)?)?;
    module.add_function(wrap_pyfunction!(replay::log_stats, module)?)?;
    module.add_function(wrap_pyfunction!(replay::read_notes, module)?)?;
    module.add_function(wrap_pyfunction!(replay::explain_trade, module)?)?;
    module.add_function(wrap_pyfunction!(replay::explain_drift, module)?)?;
    module.add_function(wrap_pyfunction!(replay::what_if, module)?)?;
    module.add_function(wrap_pyfunction!(torture::torture, module)?)?;
    module.add_function(wrap_pyfunction!(torture::torture_seed, module)?)?;
    module.add_function(wrap_pyfunction!(torture::torture_faults, module)?)?;
    module.add_function(wrap_pyfunction!(engine::reads::transition_table, module)?)?;
    module.add_function(wrap_pyfunction!(engine::was_forked, module)?)?;
    Ok(())
}
