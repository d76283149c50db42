//! 10,000 graphs that are drawn: each one that is taken ends within its fuel, and each change of it that makes it no machine is
//! refused by its name.

use dita_graphs::{Built, Machine, Op, Route, Step};
use dita_kernel::num::{Decimal, Rounding};

const GRAPHS: u64 = 10_000;
const STEPS_MAX: u64 = 40;
const EXTERNALS: u32 = 4;
const KEYS: u32 = 3;

/// Steele, Lea and Flood's splittable generator.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn place(&mut self, bound: u32) -> u32 {
        u32::try_from(self.below(u64::from(bound))).unwrap()
    }

    fn number(&mut self) -> Decimal {
        let mantissa = i128::from(self.below(20_001)) - 10_000;
        Decimal::new(mantissa, u8::try_from(self.below(4)).unwrap()).unwrap()
    }

    fn op(&mut self) -> Op {
        let places = u8::try_from(self.below(9)).unwrap();
        let ops = [
            Op::Add,
            Op::Sub,
            Op::Mul,
            Op::Div { places, rounding: Rounding::HalfEven },
            Op::Min,
            Op::Max,
            Op::Abs,
            Op::Neg,
            Op::Lt,
            Op::Le,
            Op::Eq,
            Op::And,
            Op::Or,
            Op::Not,
            Op::Select,
        ];
        ops[usize::try_from(self.below(ops.len() as u64)).unwrap()]
    }

    /// A step that reads only what is before `at`.
    fn step(&mut self, at: u32) -> Step {
        if at == 0 {
            return Step::Constant(self.number());
        }
        let (one, two, three) = (self.place(at), self.place(at), self.place(at));
        match self.below(7) {
            0 => Step::Constant(self.number()),
            1 => Step::External(self.place(EXTERNALS)),
            2 => Step::Read(self.place(KEYS)),
            3 => Step::Write(self.place(KEYS), one),
            4 => Step::Operation(self.op(), [one, two, three]),
            5 => {
                let count = self.below(4);
                let route = |draw: &mut Draw| Route {
                    condition: draw.place(at),
                    threshold: draw.number(),
                    target: draw.place(at),
                };
                Step::Choice((0..count).map(|_| route(self)).collect(), one)
            }
            _ => Step::Timer(self.place(EXTERNALS), one),
        }
    }
}

/// What a step costs, counted by its ways here once more.
fn cost(step: &Step) -> u64 {
    if let Step::Choice(routes, _) = step { 1 + routes.len() as u64 } else { 1 }
}

/// A change after which the steps are no machine, and the name that it is refused by.
fn changed(draw: &mut Draw, mut steps: Vec<Step>, at: u32) -> (Vec<Step>, Built) {
    let ahead = at + draw.place(3);
    let far = u32::try_from(draw.below(5)).unwrap();
    let (step, fault) = match draw.below(7) {
        0 => (Step::Operation(Op::Neg, [ahead, 0, 0]), Built::NoSuchStep(at)),
        1 => (Step::Write(0, ahead), Built::NoSuchStep(at)),
        2 => (Step::Choice(Vec::new(), ahead), Built::NoSuchStep(at)),
        3 => (Step::Timer(0, ahead), Built::NoSuchStep(at)),
        4 => (Step::External(EXTERNALS + far), Built::NoSuchPlace(at)),
        5 => (Step::Read(KEYS + far), Built::NoSuchPlace(at)),
        _ => (Step::Timer(EXTERNALS + far, 0), Built::NoSuchPlace(at)),
    };
    steps[at as usize] = step;
    (steps, fault)
}

#[test]
fn every_graph_that_is_taken_ends_within_its_fuel_and_every_change_of_it_is_refused_by_name() {
    let mut results = 0_u64;
    for seed in 0..GRAPHS {
        let mut draw = Draw(seed);
        let count = u32::try_from(1 + draw.below(STEPS_MAX)).unwrap();
        let steps: Vec<Step> = (0..count).map(|at| draw.step(at)).collect();
        let (entry, fuel) = (draw.place(count), steps.iter().map(cost).sum::<u64>());
        let kept = |draw: &mut Draw| (0..KEYS).map(|_| draw.number()).collect::<Vec<_>>();
        let made = |steps, entry, fuel, kept| Machine::new(steps, entry, fuel, EXTERNALS as usize, kept);
        let first = kept(&mut draw);

        let mut machine = made(steps.clone(), entry, fuel, first.clone()).unwrap();
        assert_eq!(machine.fuel_needed(), fuel, "seed {seed}");
        for _ in 0..3 {
            let before = machine.kept().to_vec();
            let given: Vec<Option<Decimal>> =
                (0..EXTERNALS).map(|_| (draw.below(8) > 0).then(|| draw.number())).collect();
            // A run evaluates each step once, and so ends; what it lacks is a fault, and changes nothing.
            match machine.run(&given) {
                Ok(_) => results += 1,
                Err(fault) => {
                    assert!(fault.step < count, "seed {seed}");
                    assert_eq!(machine.kept(), before, "seed {seed}");
                }
            }
        }

        assert_eq!(
            made(steps.clone(), entry, fuel - 1, first.clone()).err(),
            Some(Built::TooLittleFuel(fuel))
        );
        assert_eq!(made(steps.clone(), count, fuel, first.clone()).err(), Some(Built::NoSuchStep(count)));
        let at = draw.place(count);
        let (steps, fault) = changed(&mut draw, steps, at);
        assert_eq!(made(steps, entry, u64::MAX, first).err(), Some(fault), "seed {seed}");
    }
    assert!(results > GRAPHS, "most runs have a result: {results}");
}
