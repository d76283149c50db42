//! The lane and the ring under model checkers: `make zinc-models`. Loom goes through every order and every old value that the memory
//! model allows, of two writes and two readers, and of a ring's two ends; shuttle through many random orders of the layout as it is.
#![cfg(zinc_models)]
#![allow(missing_docs, clippy::unwrap_used)]

use dita_zinc::{Attempt, Count, GENERATIONS, Got, Lane, Next, Ring, Section, Shape, Sleeper, Taken, Word};

mod under_loom {
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicU64, Ordering, fence};
    use loom::thread;

    use super::*;

    /// More switches of a running thread in one order take very long, and find nothing that two do not.
    const PREEMPTIONS_MAX: usize = 2;

    pub struct Checked(AtomicU64);

    impl Word for Checked {
        fn load(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        fn store(&self, value: u64) {
            self.0.store(value, Ordering::Relaxed);
        }

        fn release() {
            fence(Ordering::Release);
        }

        fn acquire() {
            fence(Ordering::Acquire);
        }

        fn full() {
            fence(Ordering::SeqCst);
        }
    }

    /// A word whose reader looks in no order: the model has to find what that tears.
    pub struct Careless(AtomicU64);

    impl Word for Careless {
        fn load(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        fn store(&self, value: u64) {
            self.0.store(value, Ordering::Relaxed);
        }

        fn release() {
            fence(Ordering::Release);
        }

        fn acquire() {}

        fn full() {}
    }

    trait Made: Word + Send + Sync + 'static {
        fn made() -> Self;
    }

    impl Made for Checked {
        fn made() -> Checked {
            Checked(AtomicU64::new(0))
        }
    }

    impl Made for Careless {
        fn made() -> Careless {
            Careless(AtomicU64::new(0))
        }
    }

    /// Two writes of two words, read by two threads: one wants the newest record, one the ring's first.
    fn two_writes_and_two_readers<W: Made>(generations: usize) {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(PREEMPTIONS_MAX);
        model.check(move || {
            let shape = Shape { generations, words: 2 };
            let words: Arc<Vec<W>> = Arc::new((0..shape.all_words()).map(|_| W::made()).collect());
            let readers = [newest::<W>, first::<W>].map(|read| {
                let words = Arc::clone(&words);
                thread::spawn(move || read(Lane::of(&words, shape).unwrap()))
            });
            let lane = Lane::of(&words, shape).unwrap();
            assert_eq!((lane.publish(&[1, 10], 16), lane.publish(&[2, 20], 9)), (1, 2));
            readers.into_iter().for_each(|reader| reader.join().unwrap());
            let mut last = [0; 2];
            assert_eq!(lane.try_newest(&mut last), Attempt::Got(Got { number: 2, bytes: 9 }));
            assert_eq!(last, [2, 20]);
        });
    }

    fn newest<W: Made>(lane: Lane<'_, W>) {
        let mut into = [0; 2];
        if let Attempt::Got(Got { number, bytes }) = lane.try_newest(&mut into) {
            assert_eq!(into, [number, number * 10], "a torn record");
            assert_eq!(bytes, if number == 1 { 16 } else { 9 }, "a torn length");
        }
    }

    fn first<W: Made>(lane: Lane<'_, W>) {
        let mut into = [0; 2];
        if let Next::Got(Got { number, .. }) = lane.after(0, &mut into) {
            assert_eq!((number, into), (1, [1, 10]), "a torn record of the ring");
        }
    }

    #[test]
    fn no_reader_sees_half_of_a_record_in_any_order() {
        two_writes_and_two_readers::<Checked>(1);
        two_writes_and_two_readers::<Checked>(2);
    }

    #[test]
    #[should_panic(expected = "a torn")]
    fn a_reader_without_its_fences_is_found_out() {
        two_writes_and_two_readers::<Careless>(1);
    }

    /// A ring of four words, where the program's end says that it sleeps.
    struct Shared<W> {
        counts: [W; 2],
        asleep: W,
        words: Vec<W>,
    }

    impl<W: Made> Shared<W> {
        fn made() -> Arc<Shared<W>> {
            let words = (0..4).map(|_| W::made()).collect();
            Arc::new(Shared { counts: [W::made(), W::made()], asleep: W::made(), words })
        }

        fn ring(&self) -> Ring<'_, W> {
            Ring::of(&self.counts[0], &self.counts[1], &self.words).unwrap()
        }
    }

    /// Three messages through a ring that has room for two: the third takes the first one's place.
    fn three_messages<W: Made>() {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(PREEMPTIONS_MAX);
        model.check(|| {
            let shared = Shared::<W>::made();
            let writers = Arc::clone(&shared);
            let writer = thread::spawn(move || {
                let mut count = Count::default();
                for byte in 1..=3 {
                    while writers.ring().write(&mut count, &[byte; 8]).unwrap() == 0 {
                        thread::yield_now();
                    }
                }
            });
            let (mut count, mut got) = (Count::default(), Vec::new());
            for byte in 1..=3 {
                got.clear();
                while shared.ring().read(&mut count, &mut got, 8).expect("a torn head") == Taken::Nothing {
                    thread::yield_now();
                }
                assert_eq!(got, [byte; 8], "a torn message");
            }
            writer.join().unwrap();
        });
    }

    /// One message, and a reader that sleeps where it finds none: it is woken, or has seen it.
    fn a_sleeper<W: Made>() {
        loom::model(|| {
            let shared = Shared::<W>::made();
            let writers = Arc::clone(&shared);
            let writer = thread::spawn(move || {
                writers.ring().write(&mut Count::default(), &[1]).unwrap();
                Sleeper(&writers.asleep).has_to_be_woken()
            });
            Sleeper(&shared.asleep).sleep();
            let sleeps = shared.ring().is_empty();
            assert!(writer.join().unwrap() || !sleeps, "a torn sleep: nobody wakes it");
        });
    }

    #[test]
    fn a_ring_gives_each_message_whole_in_any_order() {
        three_messages::<Checked>();
    }

    #[test]
    #[should_panic(expected = "a torn")]
    fn a_ring_whose_reader_looks_in_no_order_is_found_out() {
        three_messages::<Careless>();
    }

    #[test]
    fn who_sleeps_at_a_ring_is_woken_in_any_order() {
        a_sleeper::<Checked>();
    }

    #[test]
    #[should_panic(expected = "a torn sleep")]
    fn a_sleeper_without_the_full_fence_is_found_out() {
        a_sleeper::<Careless>();
    }
}

mod under_shuttle {
    use shuttle::sync::Arc;
    use shuttle::sync::atomic::{AtomicU64, Ordering};
    use shuttle::thread;

    use super::*;

    /// As often as the project asks for.
    const SCHEDULES: usize = 100_000;

    struct Scheduled(AtomicU64);

    impl Word for Scheduled {
        fn load(&self) -> u64 {
            self.0.load(Ordering::SeqCst)
        }

        fn store(&self, value: u64) {
            self.0.store(value, Ordering::SeqCst);
        }

        fn release() {}

        fn acquire() {}

        fn full() {}
    }

    /// A slot's lane as a segment has it.
    fn as_it_is() -> Shape {
        let place = std::env::temp_dir().join(format!("zinc-models-{}", std::process::id()));
        let place = dita_zinc::Place::new(&place, "shape").unwrap();
        let segment = dita_zinc::Segment::create(&place, &dita_zinc::Plan::of(1)).unwrap();
        Shape { generations: GENERATIONS, words: segment.words(Section::Slots) }
    }

    #[test]
    fn no_reader_sees_half_of_a_record_in_a_hundred_thousand_orders() {
        let shape = as_it_is();
        shuttle::check_random(
            move || {
                let words: Arc<Vec<Scheduled>> =
                    Arc::new((0..shape.all_words()).map(|_| Scheduled(AtomicU64::new(0))).collect());
                let readers: Vec<_> = (0..2)
                    .map(|_| {
                        let words = Arc::clone(&words);
                        thread::spawn(move || {
                            let lane = Lane::of(&words, shape).unwrap();
                            let (mut into, mut last) = ([0; 4], 0);
                            for _ in 0..2 {
                                if let Attempt::Got(Got { number, bytes }) = lane.try_newest(&mut into) {
                                    let length = 1 + (number % 4) as usize;
                                    assert_eq!(bytes, length * 8, "a torn length");
                                    assert!(into[..length].iter().all(|word| *word == number), "torn");
                                    assert!(number >= last, "an older record than before");
                                    last = number;
                                }
                            }
                        })
                    })
                    .collect();
                let lane = Lane::of(&words, shape).unwrap();
                for number in 1..=6 {
                    let length = 1 + (number % 4) as usize;
                    lane.publish(&[number; 4][..length], length * 8);
                }
                readers.into_iter().for_each(|reader| reader.join().unwrap());
            },
            SCHEDULES,
        );
    }
}
