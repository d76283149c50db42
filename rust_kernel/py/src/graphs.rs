//! The machine of strategy graphs, as `dita.graphs` builds it.

use dita_graphs::{Built, Fault, Machine, Op, Route, Step};
use dita_kernel::num::Decimal;
use pyo3::exceptions::{PyArithmeticError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::engine::settings::rounding;
use crate::errors::Error;
use crate::number;

/// A graph that can be run. Steps are in an order in which each reads only those before it.
#[pyclass(module = "dita._kernel")]
pub struct GraphMachine {
    machine: Machine,
    externals: Vec<Option<Decimal>>,
}

/// A step as a tuple says it: its kind, then what it has.
fn step_of(step: &Bound<'_, PyTuple>) -> PyResult<Step> {
    let part = |at: usize| step.get_item(at);
    let place = |at: usize| part(at)?.extract::<u32>();
    let kind = part(0)?;
    Ok(match kind.extract::<&str>()? {
        "constant" => Step::Constant(number::read(&part(1)?, "value")?),
        "external" => Step::External(place(1)?),
        "read" => Step::Read(place(1)?),
        "write" => Step::Write(place(1)?, place(2)?),
        "timer" => Step::Timer(place(1)?, place(2)?),
        "choice" => {
            let given: Vec<(u32, Bound<'_, PyAny>, u32)> = part(1)?.extract()?;
            let mut routes = Vec::with_capacity(given.len());
            for (condition, threshold, target) in given {
                routes.push(Route { condition, threshold: number::read(&threshold, "threshold")?, target });
            }
            Step::Choice(routes, place(2)?)
        }
        "operation" => {
            let name = part(1)?;
            let op = Op::of(name.extract()?, part(3)?.extract()?, rounding(&part(4)?, "rounding")?)
                .ok_or_else(|| Error::value("op", &name, "is no operation"))?;
            let given: Vec<u32> = part(2)?.extract()?;
            if given.len() != op.arity() {
                return Err(Error::value("inputs", &part(2)?, "has the wrong length").into());
            }
            let mut inputs = [0; 3];
            inputs.iter_mut().zip(given).for_each(|(input, given)| *input = given);
            Step::Operation(op, inputs)
        }
        _ => return Err(Error::value("kind", &kind, "is no kind of step").into()),
    })
}

fn fault_of(fault: Fault) -> PyErr {
    PyArithmeticError::new_err((fault.why.name(), fault.step))
}

#[pymethods]
impl GraphMachine {
    /// Take steps, the one whose value is the result, the fuel, how many values come from outside, and what keys hold.
    #[new]
    fn new(
        steps: Vec<Bound<'_, PyTuple>>,
        entry: u32,
        fuel: u64,
        externals: usize,
        kept: Vec<Bound<'_, PyAny>>,
    ) -> PyResult<GraphMachine> {
        let steps = steps.iter().map(step_of).collect::<PyResult<Vec<_>>>()?;
        let kept = kept.iter().map(|value| number::read(value, "default")).collect::<Result<Vec<_>, _>>()?;
        let machine = Machine::new(steps, entry, fuel, externals, kept).map_err(|built| match built {
            Built::NoSuchStep(step) => {
                PyValueError::new_err(format!("steps: {step} reads what is not before it"))
            }
            Built::NoSuchPlace(step) => {
                PyValueError::new_err(format!("steps: {step} names a place that is not there"))
            }
            Built::TooLittleFuel(needed) => {
                PyValueError::new_err(format!("fuel: {fuel} is less than {needed}"))
            }
        })?;
        Ok(GraphMachine { externals: vec![None; externals], machine })
    }

    /// Run once with the values from outside, None where one is not there.
    fn run<'py>(&mut self, py: Python<'py>, externals: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyAny>> {
        if externals.len() != self.externals.len() {
            return Err(PyValueError::new_err(format!(
                "externals: expected {} values",
                self.externals.len()
            )));
        }
        for (own, given) in self.externals.iter_mut().zip(externals.iter()) {
            *own = number::read_optional(&given, "externals")?;
        }
        let result = self.machine.run(&self.externals).map_err(fault_of)?;
        number::get(py, result)
    }

    /// The value of a step in the last run.
    fn at<'py>(&self, py: Python<'py>, step: u32) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.machine.at(step).map_err(fault_of)?)
    }

    /// What each key holds.
    #[getter]
    fn kept<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let values = self.machine.kept().iter().map(|value| number::get(py, *value));
        PyList::new(py, values.collect::<PyResult<Vec<_>>>()?)
    }

    /// Set what a key holds.
    fn keep(&mut self, key: u32, value: &Bound<'_, PyAny>) -> PyResult<()> {
        match self.machine.keep(key, number::read(value, "value")?) {
            true => Ok(()),
            false => Err(PyValueError::new_err(format!("key: there is no key {key}"))),
        }
    }

    /// What a run costs, whatever the values are.
    #[getter]
    fn fuel_needed(&self) -> u64 {
        self.machine.fuel_needed()
    }

    /// The SHA-256 of all values of the last run, step by step.
    fn trace<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.machine.trace())
    }
}
