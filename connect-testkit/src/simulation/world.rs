//! The world of one run: counts steps, lets faults hit, ends lives, keeps the trace and the first violation.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use connect_runtime::MemoryKafka;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::call::Call;
use super::random::Random;
use super::schedule::{Fault, FaultKind, Schedule};

/// The name of the connector.
pub(super) const CONNECTOR: &str = "simulated";
/// Its consumer group, as a sink.
pub(super) const GROUP: &str = "connect-simulated";
/// The topic of source offsets.
pub(super) const OFFSETS: &str = "simulated-offsets";
/// The topic of dead letters.
pub(super) const DEAD: &str = "simulated-dead-letters";
/// What a sink reads.
pub(super) const INPUT: &str = "simulated-input";

/// How many steps a run may take.
const MOST_STEPS: u64 = 200_000;

/// What the driver has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Shutdown,
    Restart,
    Pause(Duration),
    Outage(Duration),
    Rebalance(Duration),
}

/// What a task's wrappers counted, to compare with the ledger.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) polled: AtomicU64,
    pub(super) put: AtomicU64,
    pub(super) reported: AtomicU64,
    pub(super) filtered: AtomicU64,
    pub(super) refused: AtomicU64,
}

/// The sum of all tallies of tasks that live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) polled: u64,
    pub(super) put: u64,
    pub(super) reported: u64,
    pub(super) filtered: u64,
    pub(super) refused: u64,
}

/// Looks whether what is committed is durable.
pub(super) type Check = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// See the module.
///
/// Who waits for something waits at a `Notify`: a `watch` wakes in random order.
pub(super) struct World {
    pub(super) kafka: MemoryKafka,
    state: Mutex<State>,
    /// A life has ended.
    ended: Notify,
    /// There are orders.
    ordered: Notify,
    /// Nothing goes wrong any more.
    calmed: Notify,
    /// Workers that hung go on.
    thawed: Notify,
    pub(super) check: OnceLock<Check>,
    start: Instant,
}

struct State {
    /// Small delays and yields.
    random: Option<Random>,
    /// Settings and sizes.
    sizes: Random,
    step: u64,
    /// The worker that lives; `0`: none.
    life: u64,
    lives: u64,
    /// Workers that hang, and for how long.
    frozen: Vec<(u64, Duration)>,
    /// Workers that hung and go on, though others have taken over.
    zombies: Vec<u64>,
    has_frozen: bool,
    has_lost_commit: bool,
    calm: bool,
    faults: Vec<(Fault, bool)>,
    orders: VecDeque<Order>,
    violation: Option<String>,
    hash: u64,
    lines: Option<Vec<String>>,
    tallies: Vec<Weak<Tally>>,
    /// What belongs to each life and has not been dropped.
    clients: BTreeMap<u64, u64>,
    transactional_ids: Vec<String>,
    disturbances: u64,
}

/// FNV-1a: a hash that is the same everywhere.
struct Hash<'a>(&'a mut u64);

impl fmt::Write for Hash<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            *self.0 = (*self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

impl World {
    pub(super) fn new(schedule: &Schedule, kafka: MemoryKafka, traced: bool) -> Arc<Self> {
        let state = State {
            random: schedule.noisy.then(|| Random::new(schedule.seed ^ 0x0153)),
            sizes: Random::new(schedule.seed ^ 0x517e),
            step: 0,
            life: 0,
            lives: 0,
            frozen: Vec::new(),
            zombies: Vec::new(),
            has_frozen: false,
            has_lost_commit: false,
            calm: false,
            faults: schedule.faults.iter().map(|fault| (*fault, false)).collect(),
            orders: VecDeque::new(),
            violation: None,
            hash: 0xcbf2_9ce4_8422_2325,
            lines: traced.then(Vec::new),
            tallies: Vec::new(),
            clients: BTreeMap::new(),
            transactional_ids: Vec::new(),
            disturbances: 0,
        };
        Arc::new(Self {
            kafka,
            state: Mutex::new(state),
            ended: Notify::new(),
            ordered: Notify::new(),
            calmed: Notify::new(),
            thawed: Notify::new(),
            check: OnceLock::new(),
            start: Instant::now(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next worker begins to live.
    pub(super) fn begin_life(&self) -> u64 {
        let mut state = self.lock();
        state.lives += 1;
        state.life = state.lives;
        state.disturbances += 1;
        state.orders.clear();
        let life = state.life;
        self.note(&mut state, life, format_args!("begins"));
        life
    }

    /// The worker of this life is gone.
    pub(super) fn end_life(&self) {
        self.lock().life = 0;
    }

    pub(super) fn life(&self) -> u64 {
        self.lock().life
    }

    /// Waits until this life is over. Cancel-safe.
    pub(super) async fn died(&self, life: u64) {
        while self.life() == life {
            self.ended.notified().await;
        }
    }

    /// Waits until there are orders. Cancel-safe.
    pub(super) async fn ordered(&self) {
        self.ordered.notified().await;
    }

    /// A number that the seed chose.
    pub(super) fn below(&self, limit: u64) -> u64 {
        self.lock().sizes.below(limit)
    }

    pub(super) fn next_order(&self) -> Option<Order> {
        self.lock().orders.pop_front()
    }

    /// No further fault happens, and no random delay.
    pub(super) fn calm(&self) {
        let mut state = self.lock();
        self.note(&mut state, 0, format_args!("calm"));
        state.calm = true;
        state.frozen.clear();
        state.zombies.clear();
        state.random = None;
        state.orders.clear();
        drop(state);
        self.calmed.notify_waiters();
    }

    /// How many things have happened after which records may come again.
    pub(super) fn disturbances(&self) -> u64 {
        self.lock().disturbances
    }

    pub(super) fn steps(&self) -> u64 {
        self.lock().step
    }

    pub(super) fn lives(&self) -> u64 {
        self.lock().lives
    }

    pub(super) fn fired(&self) -> u64 {
        self.lock().faults.iter().filter(|(_, fired)| *fired).count() as u64
    }

    pub(super) fn trace(&self) -> (u64, Vec<String>) {
        let state = self.lock();
        (state.hash, state.lines.clone().unwrap_or_default())
    }

    /// Something that must not be was seen. The first one counts.
    pub(super) fn violate(&self, what: String) {
        let mut state = self.lock();
        self.note(&mut state, 0, format_args!("violation: {what}"));
        state.violation.get_or_insert(what);
        state.life = 0;
        drop(state);
        self.ended.notify_one();
    }

    pub(super) fn violation(&self) -> Option<String> {
        self.lock().violation.clone()
    }

    /// Looks whether what is committed is durable.
    pub(super) fn look(&self) {
        if let Some(Err(what)) = self.check.get().map(|check| check()) {
            self.violate(what);
        }
    }

    pub(super) fn tally(&self) -> Arc<Tally> {
        let tally = Arc::new(Tally::default());
        self.lock().tallies.push(Arc::downgrade(&tally));
        tally
    }

    /// The sum over the tasks that live.
    pub(super) fn sum(&self) -> Sum {
        let mut state = self.lock();
        state.tallies.retain(|tally| tally.strong_count() > 0);
        let mut sum = Sum::default();
        for tally in state.tallies.iter().filter_map(Weak::upgrade) {
            sum.polled += tally.polled.load(Relaxed);
            sum.put += tally.put.load(Relaxed);
            sum.reported += tally.reported.load(Relaxed);
            sum.filtered += tally.filtered.load(Relaxed);
            sum.refused += tally.refused.load(Relaxed);
        }
        sum
    }

    pub(super) fn client_made(&self, life: u64) {
        *self.lock().clients.entry(life).or_default() += 1;
    }

    pub(super) fn client_gone(&self, life: u64) {
        let mut state = self.lock();
        if let Some(count) = state.clients.get_mut(&life) {
            *count -= 1;
            if *count == 0 {
                state.clients.remove(&life);
            }
        }
    }

    /// How much of a life has not been dropped.
    pub(super) fn clients(&self, life: u64) -> u64 {
        self.lock().clients.get(&life).copied().unwrap_or(0)
    }

    /// How long this life hangs, if it does.
    pub(super) fn frozen(&self, life: u64) -> Option<Duration> {
        self.lock().frozen.iter().find(|(frozen, _)| *frozen == life).map(|(_, time)| *time)
    }

    /// Whether a worker went on after another had taken over.
    pub(super) fn has_frozen(&self) -> bool {
        self.lock().has_frozen
    }

    /// Whether offsets were committed, and the worker was not told.
    pub(super) fn has_lost_commit(&self) -> bool {
        self.lock().has_lost_commit
    }

    /// A worker that hung goes on.
    pub(super) fn thaw(&self, life: u64) {
        let mut state = self.lock();
        if !state.calm {
            self.note(&mut state, life, format_args!("goes on"));
            state.frozen.retain(|(frozen, _)| *frozen != life);
            state.zombies.push(life);
        }
        drop(state);
        self.thawed.notify_waiters();
    }

    /// A worker that hung ends.
    pub(super) fn kill(&self, life: u64) {
        let mut state = self.lock();
        self.note(&mut state, life, format_args!("ends"));
        state.frozen.retain(|(frozen, _)| *frozen != life);
        state.zombies.retain(|zombie| *zombie != life);
    }

    pub(super) fn transactional_id(&self, id: &str) {
        let mut state = self.lock();
        if !state.transactional_ids.iter().any(|known| known == id) {
            state.transactional_ids.push(id.to_owned());
        }
    }

    fn note(&self, state: &mut State, life: u64, what: fmt::Arguments<'_>) {
        let millis = self.start.elapsed().as_millis();
        let step = state.step;
        let _ = writeln!(Hash(&mut state.hash), "{step} {life} {millis} {what}");
        if let Some(lines) = &mut state.lines {
            lines.push(format!("{step:>5} life {life} {millis:>7} ms  {what}"));
        }
    }

    /// The step before a call: the worker may end here, wait, or learn what is going to happen to the call.
    pub(super) async fn enter(&self, life: u64, call: Call, what: String) -> Option<FaultKind> {
        let (hit, wait) = self.step(life, call, &what, true);
        self.alive(life).await;
        let late = match hit {
            Some(FaultKind::Late(millis) | FaultKind::SlowHook(millis)) => Duration::from_millis(millis),
            _ => Duration::ZERO,
        };
        match wait {
            Wait::None => {}
            Wait::Yield => tokio::task::yield_now().await,
            Wait::Sleep(time) => self.wait(time).await,
        }
        if !late.is_zero() {
            self.wait(late).await;
        }
        self.alive(life).await;
        hit
    }

    /// The step after a call. It never waits, unless the worker ended: what the call brought is not lost.
    pub(super) async fn leave(&self, life: u64, call: Call, what: String) {
        self.step(life, call, &what, false);
        self.alive(life).await;
    }

    /// Waits, at most until things calm down.
    async fn wait(&self, time: Duration) {
        let calmed = self.calmed.notified();
        tokio::pin!(calmed);
        calmed.as_mut().enable();
        if !self.lock().calm {
            let _ = tokio::time::timeout(time, calmed).await;
        }
    }

    /// Nothing of a worker that has ended goes on, and one that hangs waits.
    async fn alive(&self, life: u64) {
        loop {
            let thawed = self.thawed.notified();
            tokio::pin!(thawed);
            thawed.as_mut().enable();
            let hangs = {
                let state = self.lock();
                if life != 0 && (state.life == life || state.zombies.contains(&life)) {
                    return;
                }
                state.frozen.iter().any(|(frozen, _)| *frozen == life)
            };
            if !hangs {
                std::future::pending::<()>().await;
            }
            thawed.await;
        }
    }

    fn step(&self, life: u64, call: Call, what: &str, entering: bool) -> (Option<FaultKind>, Wait) {
        let mut state = self.lock();
        let zombie = state.zombies.contains(&life);
        if life == 0 || (state.life != life && !zombie) {
            return (None, Wait::None);
        }
        state.step += 1;
        if state.step > MOST_STEPS {
            drop(state);
            self.violate(format!("it took more than {MOST_STEPS} steps: something turns in circles"));
            return (None, Wait::None);
        }
        self.note(&mut state, life, format_args!("{}{what}", if entering { "" } else { "… " }));
        if state.calm || zombie {
            return (None, Wait::None);
        }
        let mut hit = None;
        let step = state.step;
        for index in 0..state.faults.len() {
            let Some((fault, false)) = state.faults.get(index).copied() else { continue };
            if fault.step > step || !call.fits(fault.kind) {
                continue;
            }
            let order = match fault.kind {
                FaultKind::Crash => {
                    self.fire(&mut state, index);
                    state.life = 0;
                    drop(state);
                    self.ended.notify_one();
                    return (None, Wait::None);
                }
                FaultKind::Freeze(millis) => {
                    self.fire(&mut state, index);
                    state.life = 0;
                    state.has_frozen = true;
                    state.frozen.push((life, Duration::from_millis(millis)));
                    drop(state);
                    self.ended.notify_one();
                    return (None, Wait::None);
                }
                FaultKind::Shutdown => Some(Order::Shutdown),
                FaultKind::Restart => Some(Order::Restart),
                FaultKind::Pause(millis) => Some(Order::Pause(Duration::from_millis(millis))),
                FaultKind::Outage(millis) => Some(Order::Outage(Duration::from_millis(millis))),
                FaultKind::Rebalance(millis) => Some(Order::Rebalance(Duration::from_millis(millis))),
                FaultKind::Expire => {
                    self.fire(&mut state, index);
                    self.kafka.expire_sessions(GROUP);
                    continue;
                }
                FaultKind::Fence => {
                    if !state.transactional_ids.is_empty() {
                        self.fire(&mut state, index);
                        for id in &state.transactional_ids {
                            self.kafka.fence(id);
                        }
                    }
                    continue;
                }
                _ => None,
            };
            if let Some(order) = order {
                self.fire(&mut state, index);
                state.orders.push_back(order);
                self.ordered.notify_one();
            } else if entering && hit.is_none() {
                self.fire(&mut state, index);
                hit = Some(fault.kind);
                state.has_lost_commit |= call == Call::Commit && fault.kind == FaultKind::LoseAnswer;
            }
        }
        let wait = match &mut state.random {
            Some(random) if entering => match random.below(100) {
                0..60 => Wait::None,
                60..85 => Wait::Yield,
                85..97 => Wait::Sleep(Duration::from_millis(1 + random.below(20))),
                _ => Wait::Sleep(Duration::from_millis(random.below(800))),
            },
            _ => Wait::None,
        };
        (hit, wait)
    }

    fn fire(&self, state: &mut State, index: usize) {
        if let Some((fault, fired)) = state.faults.get_mut(index) {
            *fired = true;
            let fault = *fault;
            state.disturbances += 1;
            let life = state.life;
            self.note(state, life, format_args!("fault {fault}"));
        }
    }
}

enum Wait {
    None,
    Yield,
    Sleep(Duration),
}
