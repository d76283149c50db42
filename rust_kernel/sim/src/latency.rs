//! How long a request takes to the venue, and an answer back: the same time always, drawn, or as recorded.
//!
//! What was sent first arrives first, each way: a later message never overtakes an earlier one, it waits for it. What is
//! drawn comes from a generator of its own, so that fills and faults are drawn as without it.

use crate::config::SimConfig;
use crate::random::Random;

/// Latency as it was at one time, and until the next sample; before the first it is the first's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LatencySample {
    /// From when on, ns.
    pub time_ns: i64,
    /// From the trader to the venue, ns.
    pub way_in_ns: i64,
    /// From the venue to the trader, ns.
    pub way_back_ns: i64,
}

#[derive(Clone, Debug)]
enum Model {
    Constant,
    /// A round trip from the one to the other, each way its half.
    Drawn {
        least_ns: i64,
        most_ns: i64,
        random: Random,
    },
    Recorded(Vec<LatencySample>),
}

/// The model, and when the last message of each way arrives.
#[derive(Clone, Debug)]
pub(crate) struct Latency {
    model: Model,
    at_venue_ns: i64,
    at_trader_ns: i64,
}

impl Latency {
    pub(crate) fn new(config: &SimConfig) -> Latency {
        let model = if !config.latencies.is_empty() {
            Model::Recorded(config.latencies.clone())
        } else if config.latency_max_ns > 0 {
            let random = Random::new(config.seed ^ 0x6C61_7465_6E63_7921);
            Model::Drawn { least_ns: config.latency_ns, most_ns: config.latency_max_ns, random }
        } else {
            Model::Constant
        };
        Latency { model, at_venue_ns: i64::MIN, at_trader_ns: i64::MIN }
    }

    /// How long a request takes that is sent now; `None` where it is always the same.
    pub(crate) fn way_in_ns(&mut self, now_ns: i64) -> Option<i64> {
        let way_ns = self.model.ways_ns(now_ns)?.0;
        Some(in_turn(&mut self.at_venue_ns, now_ns, way_ns))
    }

    /// How long an answer takes that the venue gives now; `None` where it is always the same.
    pub(crate) fn way_back_ns(&mut self, now_ns: i64) -> Option<i64> {
        let way_ns = self.model.ways_ns(now_ns)?.1;
        Some(in_turn(&mut self.at_trader_ns, now_ns, way_ns))
    }
}

impl Model {
    fn ways_ns(&mut self, now_ns: i64) -> Option<(i64, i64)> {
        match self {
            Model::Constant => None,
            Model::Drawn { least_ns, most_ns, random } => {
                let whole = random.between(i128::from(*least_ns), i128::from(*most_ns)) as i64;
                Some((whole / 2, whole - whole / 2))
            }
            Model::Recorded(samples) => {
                let later = samples.partition_point(|sample| sample.time_ns <= now_ns);
                samples.get(later.saturating_sub(1)).map(|sample| (sample.way_in_ns, sample.way_back_ns))
            }
        }
    }
}

/// The way of a message that overtakes none: it arrives with the one before at the earliest.
fn in_turn(last_ns: &mut i64, now_ns: i64, way_ns: i64) -> i64 {
    *last_ns = now_ns.saturating_add(way_ns).max(*last_ns);
    last_ns.saturating_sub(now_ns)
}
