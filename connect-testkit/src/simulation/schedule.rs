//! What goes wrong, and when: a list of faults that a seed makes, a failure prints, and a text brings back.

use std::fmt;
use std::str::FromStr;

use super::random::Random;

/// Something that goes wrong in a simulation.
///
/// A fault is armed at its step and hits the first call from there on that it fits; [`Crash`](Self::Crash) fits every
/// call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The worker is gone: nothing of it takes another step. The next one starts afterwards.
    Crash,
    /// The worker hangs for so many milliseconds and the next one takes over; then the old one goes on for some
    /// seconds where it was, and ends.
    Freeze(u64),
    /// The worker is shut down in order, and the next one starts.
    Shutdown,
    /// Somebody restarts the connector and its tasks.
    Restart,
    /// Somebody pauses the connector for so many milliseconds.
    Pause(u64),
    /// A batch is written and reported as timed out.
    LoseAck,
    /// A batch is written twice and acknowledged once. Never a batch of a transaction.
    WriteTwice,
    /// The first part of a batch is written, the rest is not: also an offset commit that is torn.
    TearWrite,
    /// Nothing of a batch is written; its records fail for now.
    FailWrite,
    /// Kafka refuses a record of the data for good.
    RefuseWrite,
    /// A call to Kafka fails for now and does nothing.
    FailCall,
    /// A call to Kafka is done, and its answer is lost.
    LoseAnswer,
    /// A call to Kafka is answered so many milliseconds late.
    Late(u64),
    /// The broker is down for so many milliseconds.
    Outage(u64),
    /// Another member joins the consumer group and leaves it after so many milliseconds.
    Rebalance(u64),
    /// All members of the consumer group miss their session.
    Expire,
    /// The producers of all transactional ids are fenced.
    Fence,
    /// `poll` or `put` fails for now before it does anything.
    FailHook,
    /// A call into the task fails for good before it does anything: the task is restarted.
    FailTask,
    /// A call into the task takes so many milliseconds longer.
    SlowHook(u64),
    /// A call to the simulated system fails and does nothing.
    FailOutside,
    /// A call to the simulated system is done, and its answer is lost.
    LoseOutside,
}

/// Which pipelines a kind of fault concerns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) sink: bool,
    pub(super) exactly_once: bool,
    /// How many steps an undisturbed run takes.
    pub(super) span: u64,
}

const KINDS: [FaultKind; 21] = [
    FaultKind::Freeze(0),
    FaultKind::Shutdown,
    FaultKind::Restart,
    FaultKind::Pause(0),
    FaultKind::LoseAck,
    FaultKind::WriteTwice,
    FaultKind::TearWrite,
    FaultKind::FailWrite,
    FaultKind::RefuseWrite,
    FaultKind::FailCall,
    FaultKind::LoseAnswer,
    FaultKind::Late(0),
    FaultKind::Outage(0),
    FaultKind::Rebalance(0),
    FaultKind::Expire,
    FaultKind::Fence,
    FaultKind::FailHook,
    FaultKind::FailTask,
    FaultKind::SlowHook(0),
    FaultKind::FailOutside,
    FaultKind::LoseOutside,
];

impl FaultKind {
    fn concerns(self, shape: Shape) -> bool {
        match self {
            Self::Rebalance(_) | Self::Expire => shape.sink,
            Self::Fence => shape.exactly_once,
            // The idempotent producer of a transaction writes nothing twice.
            Self::WriteTwice => !shape.exactly_once,
            _ => true,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Freeze(_) => "freeze",
            Self::Shutdown => "shutdown",
            Self::Restart => "restart",
            Self::Pause(_) => "pause",
            Self::LoseAck => "lose-ack",
            Self::WriteTwice => "write-twice",
            Self::TearWrite => "tear-write",
            Self::FailWrite => "fail-write",
            Self::RefuseWrite => "refuse-write",
            Self::FailCall => "fail-call",
            Self::LoseAnswer => "lose-answer",
            Self::Late(_) => "late",
            Self::Outage(_) => "outage",
            Self::Rebalance(_) => "rebalance",
            Self::Expire => "expire",
            Self::Fence => "fence",
            Self::FailHook => "fail-hook",
            Self::FailTask => "fail-task",
            Self::SlowHook(_) => "slow-hook",
            Self::FailOutside => "fail-outside",
            Self::LoseOutside => "lose-outside",
        }
    }

    /// The same with another time, for kinds that have one.
    fn with_millis(self, millis: u64) -> Self {
        match self {
            Self::Freeze(_) => Self::Freeze(millis),
            Self::Pause(_) => Self::Pause(millis),
            Self::Late(_) => Self::Late(millis),
            Self::Outage(_) => Self::Outage(millis),
            Self::Rebalance(_) => Self::Rebalance(millis),
            Self::SlowHook(_) => Self::SlowHook(millis),
            other => other,
        }
    }

    fn millis(self) -> Option<u64> {
        match self {
            Self::Freeze(millis)
            | Self::Pause(millis)
            | Self::Late(millis)
            | Self::Outage(millis)
            | Self::Rebalance(millis)
            | Self::SlowHook(millis) => Some(millis),
            _ => None,
        }
    }
}

/// A fault and its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Steps count from 1; each call to Kafka, into the task or to the simulated system is two: one before it has an
    /// effect, one after.
    pub step: u64,
    /// What happens.
    pub kind: FaultKind,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if let Some(millis) = self.kind.millis() {
            write!(f, ":{millis}")?;
        }
        write!(f, "@{}", self.step)
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no fault; one looks like crash@17 or late:500@33");
        let (what, step) = text.split_once('@').ok_or_else(wrong)?;
        let (name, millis) = match what.split_once(':') {
            Some((name, millis)) => (name, Some(millis.parse().map_err(|_| wrong())?)),
            None => (what, None),
        };
        let all = KINDS.iter().chain(&[FaultKind::Crash]);
        let kind = all.copied().find(|kind| kind.name() == name).ok_or_else(wrong)?;
        if kind.millis().is_some() != millis.is_some() {
            return Err(wrong());
        }
        let step = step.parse().map_err(|_| wrong())?;
        Ok(Self { step, kind: kind.with_millis(millis.unwrap_or_default()) })
    }
}

/// Everything that decides how a simulation goes. As a text, `17 noisy crash@57 late:5000@90`, it can be kept and
/// replayed.
///
/// ```
/// use connect_testkit::simulation::Schedule;
///
/// let schedule: Schedule = "17 noisy crash@57 late:5000@90".parse().unwrap();
/// assert_eq!((schedule.seed, schedule.faults.len()), (17, 2));
/// assert_eq!(schedule.to_string(), "17 noisy crash@57 late:5000@90");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Settings, sizes and small delays come from it.
    pub seed: u64,
    /// Whether calls yield and wait a little at random, so that orders change.
    pub noisy: bool,
    /// What goes wrong.
    pub faults: Vec<Fault>,
}

impl Schedule {
    /// The schedule of a seed. Each seed uses some of the kinds only: what hides behind one kind shows without it.
    pub(super) fn of(seed: u64, shape: Shape) -> Self {
        let mut random = Random::new(seed ^ 0xfa17);
        let kinds: Vec<_> =
            KINDS.iter().copied().filter(|kind| kind.concerns(shape) && random.percent(40)).collect();
        let count = 1 + random.below(12);
        let crashes = random.pick(&[0, 15, 30, 60], 30);
        let reach = shape.span + shape.span / 2;
        let mut faults: Vec<_> = (0..count)
            .map(|_| {
                let step = 1 + random.below(reach);
                let kind = match random.percent(crashes) {
                    true => FaultKind::Crash,
                    false => random.pick(&kinds, FaultKind::Crash),
                };
                let millis = random.pick(&[3, 30, 300, 1_500, 6_000, 20_000, 70_000], 30);
                Fault { step, kind: kind.with_millis(millis) }
            })
            .collect();
        faults.sort_by_key(|fault| fault.step);
        Self { seed, noisy: random.percent(80), faults }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.seed, if self.noisy { "noisy" } else { "quiet" })?;
        for fault in &self.faults {
            write!(f, " {fault}")?;
        }
        Ok(())
    }
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let seed = words.next().and_then(|word| word.parse().ok());
        let noisy = match words.next() {
            Some("noisy") => Some(true),
            Some("quiet") => Some(false),
            _ => None,
        };
        match (seed, noisy) {
            (Some(seed), Some(noisy)) => {
                Ok(Self { seed, noisy, faults: words.map(str::parse).collect::<Result<_, _>>()? })
            }
            _ => Err(format!("`{text}` is no schedule; one looks like 17 noisy crash@57 late:5000@90")),
        }
    }
}
