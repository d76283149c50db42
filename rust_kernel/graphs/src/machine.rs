//! Steps in order, and one pass over them.

use dita_kernel::num::Decimal;
use sha2::{Digest, Sha256};

use crate::arithmetic::{Op, Why, compare};

/// One of a route's ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The step that is compared.
    pub condition: u32,
    /// The way is taken where the condition is this or more.
    pub threshold: Decimal,
    /// The step whose value it then is.
    pub target: u32,
}

/// One step. Numbers are of steps before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Always the same value.
    Constant(Decimal),
    /// A value from outside, by its place.
    External(u32),
    /// What was kept under a key, by its place.
    Read(u32),
    /// Its input; kept under a key, by its place, at the end of a run that has a result.
    Write(u32, u32),
    /// An operation and its inputs; places beyond its arity are not read.
    Operation(Op, [u32; 3]),
    /// The first way whose condition is met, else the step at the end.
    Choice(Vec<Route>, u32),
    /// The step, where the value from outside is not zero; else 0.
    Timer(u32, u32),
}

/// Why steps are no machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Built {
    /// A step reads one that is not before it, or the entry is no step.
    NoSuchStep(u32),
    /// A step names a value from outside, or a key, that is not there.
    NoSuchPlace(u32),
    /// The steps need more fuel than there is.
    TooLittleFuel(u64),
}

/// Where a run has ended without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The step that could not be computed.
    pub step: u32,
    /// Why.
    pub why: Why,
}

/// A graph that can be run.
pub struct Machine {
    steps: Vec<Step>,
    entry: u32,
    fuel_needed: u64,
    externals: usize,
    kept: Vec<Decimal>,
    values: Vec<Result<Decimal, Fault>>,
}

impl Machine {
    /// Takes steps, the one whose value is the result, how much fuel there is, how many values come from outside, and what
    /// each key holds at first.
    ///
    /// # Errors
    /// See [`Built`].
    pub fn new(
        steps: Vec<Step>,
        entry: u32,
        fuel: u64,
        externals: usize,
        kept: Vec<Decimal>,
    ) -> Result<Machine, Built> {
        for (at, step) in (0_u32..).zip(&steps) {
            check(step, at, externals, kept.len())?;
        }
        if entry as usize >= steps.len() {
            return Err(Built::NoSuchStep(entry));
        }
        let fuel_needed = steps.iter().map(Machine::cost).fold(0_u64, u64::saturating_add);
        if fuel_needed > fuel {
            return Err(Built::TooLittleFuel(fuel_needed));
        }
        Ok(Machine { values: Vec::with_capacity(steps.len()), steps, entry, fuel_needed, externals, kept })
    }

    /// What a step costs: 1, and 1 for each way of a choice.
    #[must_use]
    pub fn cost(step: &Step) -> u64 {
        match step {
            Step::Choice(routes, _) => (routes.len() as u64).saturating_add(1),
            Step::Constant(_) | Step::External(_) | Step::Read(_) | Step::Write(..) => 1,
            Step::Operation(..) | Step::Timer(..) => 1,
        }
    }

    /// What a run costs, whatever the values are.
    #[must_use]
    pub fn fuel_needed(&self) -> u64 {
        self.fuel_needed
    }

    /// Runs it once. Keys change only where there is a result.
    ///
    /// # Errors
    /// The fault of the step whose value the result is, or of one that writes a key.
    pub fn run(&mut self, externals: &[Option<Decimal>]) -> Result<Decimal, Fault> {
        self.values.clear();
        for (at, step) in (0_u32..).zip(&self.steps) {
            let value = self.value_of(at, step, externals);
            self.values.push(value);
        }
        let result = self.at(self.entry)?;
        for step in &self.steps {
            if let Step::Write(_, input) = step {
                self.at(*input)?;
            }
        }
        let Machine { steps, values, kept, .. } = self;
        for step in steps.iter() {
            if let &Step::Write(key, input) = step {
                let value = values.get(input as usize).copied().unwrap_or(Ok(Decimal::ZERO))?;
                if let Some(kept) = kept.get_mut(key as usize) {
                    *kept = value;
                }
            }
        }
        Ok(result)
    }

    /// The value of a step in the last run.
    ///
    /// # Errors
    /// Its fault.
    pub fn at(&self, step: u32) -> Result<Decimal, Fault> {
        self.values.get(step as usize).copied().unwrap_or(Err(Fault { step, why: Why::NoInput }))
    }

    /// What each key holds.
    #[must_use]
    pub fn kept(&self) -> &[Decimal] {
        &self.kept
    }

    /// Sets what a key holds; false where there is no such key.
    pub fn keep(&mut self, key: u32, value: Decimal) -> bool {
        self.kept.get_mut(key as usize).map(|kept| *kept = value).is_some()
    }

    /// How many values come from outside.
    #[must_use]
    pub fn externals(&self) -> usize {
        self.externals
    }

    /// The hash of all values of the last run, step by step.
    #[must_use]
    pub fn trace(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for value in &self.values {
            match value {
                Ok(value) => hash.update(format!("{value}\n")),
                Err(fault) => hash.update(format!("{} {}\n", fault.why.name(), fault.step)),
            }
        }
        hash.finalize().into()
    }

    fn value_of(&self, at: u32, step: &Step, externals: &[Option<Decimal>]) -> Result<Decimal, Fault> {
        let fault = |why| Fault { step: at, why };
        match step {
            Step::Constant(value) => Ok(*value),
            Step::External(place) => {
                externals.get(*place as usize).copied().flatten().ok_or(fault(Why::NoInput))
            }
            Step::Read(key) => self.kept.get(*key as usize).copied().ok_or(fault(Why::NoInput)),
            Step::Write(_, input) => self.at(*input),
            Step::Operation(Op::Select, [condition, yes, no]) => {
                self.at(if self.at(*condition)?.is_zero() { *no } else { *yes })
            }
            Step::Operation(op, [a, b, _]) => {
                let a = self.at(*a)?;
                let b = if op.arity() == 1 { a } else { self.at(*b)? };
                op.of_two(a, b).map_err(fault)
            }
            Step::Choice(routes, otherwise) => {
                for route in routes {
                    if compare(self.at(route.condition)?, route.threshold).map_err(fault)?.is_ge() {
                        return self.at(route.target);
                    }
                }
                self.at(*otherwise)
            }
            Step::Timer(due, target) => {
                let due = externals.get(*due as usize).copied().flatten().ok_or(fault(Why::NoInput))?;
                if due.is_zero() { Ok(Decimal::ZERO) } else { self.at(*target) }
            }
        }
    }
}

/// Checks that a step reads only what is before it.
fn check(step: &Step, at: u32, externals: usize, keys: usize) -> Result<(), Built> {
    let before = |other: u32| if other < at { Ok(()) } else { Err(Built::NoSuchStep(at)) };
    let there =
        |place: u32, of: usize| if (place as usize) < of { Ok(()) } else { Err(Built::NoSuchPlace(at)) };
    match step {
        Step::Constant(_) => Ok(()),
        Step::External(place) => there(*place, externals),
        Step::Read(key) => there(*key, keys),
        Step::Write(key, input) => there(*key, keys).and(before(*input)),
        Step::Operation(op, inputs) => inputs.iter().take(op.arity()).try_for_each(|input| before(*input)),
        Step::Choice(routes, otherwise) => {
            before(*otherwise)?;
            routes.iter().try_for_each(|route| before(route.condition).and(before(route.target)))
        }
        Step::Timer(due, target) => there(*due, externals).and(before(*target)),
    }
}

#[cfg(test)]
mod tests {
    use dita_kernel::num::Rounding;

    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    fn two(op: Op, a: &str, b: &str) -> Result<String, Why> {
        let steps = vec![Step::External(0), Step::External(1), Step::Operation(op, [0, 1, 0])];
        let mut machine = Machine::new(steps, 2, 3, 2, vec![]).unwrap();
        machine.run(&[Some(d(a)), Some(d(b))]).map(|value| value.to_string()).map_err(|fault| fault.why)
    }

    #[test]
    #[rustfmt::skip]
    fn operations_are_exact() {
        let div = |places, rounding| Op::Div { places, rounding };
        let mul = |places, rounding| Op::MulRounded { places, rounding };
        for (op, a, b, result) in [
            (Op::Add,                      "0.1",    "0.2",   Ok("0.3")),
            (Op::Sub,                      "1",      "1.25",  Ok("-0.25")),
            (Op::Mul,                      "1.5",    "-0.02", Ok("-0.03")),
            (mul(3, Rounding::HalfEven),   "0.0125", "0.1",   Ok("0.001")),
            (mul(2, Rounding::Up),         "-1.01",  "0.1",   Ok("-0.11")),
            (mul(9, Rounding::Down),       "1.5",    "0.5",   Ok("0.75")),
            (mul(8, Rounding::HalfEven),   "50000.12345678901", "0.1", Ok("5000.01234568")),
            (mul(0, Rounding::Down), "9999999999999999999999999999", "10", Err(Why::Overflow)),
            (div(4, Rounding::HalfEven),   "2",      "3",     Ok("0.6667")),
            (div(4, Rounding::Down),       "2",      "-3",    Ok("-0.6666")),
            (div(0, Rounding::HalfEven),   "5",      "2",     Ok("2")),
            (div(2, Rounding::HalfEven),   "1",      "0",     Err(Why::DivisionByZero)),
            (Op::Min,                      "1.10",   "1.1",   Ok("1.1")),
            (Op::Max,                      "-1",     "-2",    Ok("-1")),
            (Op::Abs,                      "-1.5",   "0",     Ok("1.5")),
            (Op::Neg,                      "1.5",    "0",     Ok("-1.5")),
            (Op::Lt,                       "1.0",    "1",     Ok("0")),
            (Op::Le,                       "1.0",    "1",     Ok("1")),
            (Op::Eq,                       "1.0",    "1",     Ok("1")),
            (Op::And,                      "2",      "0",     Ok("0")),
            (Op::Or,                       "2",      "0",     Ok("1")),
            (Op::Not,                      "0.0",    "0",     Ok("1")),
            (Op::Mul, "9999999999999999999999999999", "10",   Err(Why::Overflow)),
            (Op::Mul, "0.000000000000001", "0.0000000000000001", Err(Why::Inexact)),
        ] {
            let found = two(op, a, b);
            match (&found, result) {
                (Ok(found), Ok(wanted)) => assert_eq!(d(found), d(wanted), "{op:?} {a} {b}"),
                (found, wanted) => assert_eq!(found.as_ref().err().copied(), wanted.err(), "{op:?} {a} {b}"),
            }
        }
    }

    #[test]
    fn a_fault_on_a_way_that_is_not_taken_changes_nothing() {
        let div = Op::Div { places: 2, rounding: Rounding::Down };
        let steps = vec![
            Step::External(0),
            Step::Constant(Decimal::ZERO),
            Step::Operation(div, [0, 1, 0]),
            Step::Choice(vec![Route { condition: 0, threshold: d("5"), target: 2 }], 0),
        ];
        let mut machine = Machine::new(steps, 3, 5, 1, vec![]).unwrap();
        assert_eq!(machine.run(&[Some(d("4.9"))]), Ok(d("4.9")));
        assert_eq!(machine.run(&[Some(d("5"))]), Err(Fault { step: 2, why: Why::DivisionByZero }));
        assert_eq!(machine.run(&[None]), Err(Fault { step: 0, why: Why::NoInput }));
    }

    #[test]
    fn a_key_is_read_as_before_and_written_at_the_end() {
        let steps =
            vec![Step::Read(0), Step::External(0), Step::Operation(Op::Add, [0, 1, 0]), Step::Write(0, 2)];
        let mut machine = Machine::new(steps, 0, 4, 1, vec![d("10")]).unwrap();
        assert_eq!(machine.run(&[Some(d("1"))]), Ok(d("10")));
        assert_eq!(machine.run(&[Some(d("1"))]), Ok(d("11")));
        assert_eq!(machine.run(&[None]).unwrap_err().why, Why::NoInput);
        assert_eq!(machine.kept(), [d("12")]);
    }

    #[test]
    fn a_timer_that_is_not_due_is_zero() {
        let steps = vec![Step::Constant(d("3")), Step::Timer(0, 0)];
        let mut machine = Machine::new(steps, 1, 2, 1, vec![]).unwrap();
        assert_eq!(machine.run(&[Some(Decimal::ZERO)]), Ok(Decimal::ZERO));
        assert_eq!(machine.run(&[Some(Decimal::ONE)]), Ok(d("3")));
    }

    #[test]
    fn steps_that_are_no_machine_are_refused() {
        let loops = vec![Step::Operation(Op::Neg, [0, 0, 0])];
        assert_eq!(Machine::new(loops, 0, 9, 0, vec![]).err(), Some(Built::NoSuchStep(0)));
        let far = vec![Step::External(1)];
        assert_eq!(Machine::new(far, 0, 9, 1, vec![]).err(), Some(Built::NoSuchPlace(0)));
        let one = || vec![Step::Constant(Decimal::ONE), Step::Constant(Decimal::ONE)];
        assert_eq!(Machine::new(one(), 2, 9, 0, vec![]).err(), Some(Built::NoSuchStep(2)));
        assert_eq!(Machine::new(one(), 1, 1, 0, vec![]).err(), Some(Built::TooLittleFuel(2)));
    }

    #[test]
    fn the_same_values_have_the_same_trace_and_others_another() {
        let mut machine = Machine::new(vec![Step::External(0)], 0, 1, 1, vec![]).unwrap();
        let mut trace = |value: &str| {
            machine.run(&[Some(d(value))]).unwrap();
            machine.trace()
        };
        assert_eq!(trace("1.5"), trace("1.5"));
        assert_ne!(trace("1.5"), trace("1.6"));
    }
}
