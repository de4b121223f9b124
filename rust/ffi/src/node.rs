//! What this process knows of its node: the region, and its own slot in it.

use crate::abi::ta_status_t;
use crate::guard::Failure;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;
use threat_agent_state::{SharedState, Stat, WorkerId};

/// Size of the region when nobody said otherwise. Units: bytes. Sparse: untouched pages are free.
pub const DEFAULT_REGION_BYTES: usize = 64 << 20;

/// Size of the private region of a process that had no shared one at its start.
const PRIVATE_REGION_BYTES: usize = 4 << 20;

/// The state that this process counts in.
pub struct Node {
    pub state: SharedState,
    /// Whether other processes count in it too.
    pub shared: bool,
    /// `pid << 32 | slot + 1` of the process that attached; 0 before. The master never attaches,
    /// and a worker does in `init_worker`, where a parent's value is seen by its pid.
    attached: AtomicU64,
}

static NODE: OnceLock<Node> = OnceLock::new();

/// Makes the shared region; to be called before the workers are forked. A second call keeps the
/// region that stands: a reload forgets nothing.
/// Errors: the size is out of bounds or the memory cannot be had.
pub fn init_shared(bytes: usize) -> Result<(), Failure> {
    if NODE.get().is_none() {
        let node = Node::new(bytes, true)?;
        // Lost only to another thread's region, which serves as well.
        drop(NODE.set(node));
    }
    Ok(())
}

/// Finds the node's state; a process without a shared region counts for itself.
/// Errors: the memory cannot be had.
pub fn node() -> Result<&'static Node, Failure> {
    if let Some(node) = NODE.get() {
        return Ok(node);
    }
    let node = Node::new(PRIVATE_REGION_BYTES, false)?;
    Ok(NODE.get_or_init(|| node))
}

impl Node {
    fn new(bytes: usize, shared: bool) -> Result<Node, Failure> {
        let state = SharedState::create(bytes)
            .map_err(|e| Failure::new(ta_status_t::TA_STATUS_REGION, e.to_string()))?;
        Ok(Node {
            state,
            shared,
            attached: AtomicU64::new(0),
        })
    }

    /// Claims this process's slot, once; returns it and the deaths inside the engine that were
    /// found while claiming.
    pub fn attach(&self) -> (WorkerId, u32) {
        let pid = std::process::id();
        let held = self.attached.load(Ordering::Relaxed);
        if held >> 32 == u64::from(pid) {
            return (place(held), 0);
        }
        let attached = self.state.attach(pid, now_ms(), is_alive);
        let held = (u64::from(pid) << 32) | (attached.slot.number() as u64 + 1);
        self.attached.store(held, Ordering::Relaxed);
        (attached.slot, attached.deaths_now)
    }

    /// This process's slot.
    pub fn slot(&self) -> WorkerId {
        let held = self.attached.load(Ordering::Relaxed);
        if held == 0 {
            return self.attach().0;
        }
        place(held)
    }

    /// Adds to a statistic of this worker.
    pub fn count(&self, stat: Stat, n: u64) {
        self.state.stat_add(self.slot(), stat, n);
    }
}

/// Marks that this worker is inside the engine, until dropped. A worker that dies in between
/// leaves the mark, and the next one to attach counts the death.
pub struct Inside<'a> {
    node: &'a Node,
    slot: WorkerId,
}

impl<'a> Inside<'a> {
    pub fn enter(node: &'a Node, now_ms: u64) -> Inside<'a> {
        let slot = node.slot();
        node.state.enter(slot, now_ms);
        Inside { node, slot }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.node.state.leave(self.slot);
    }
}

/// Reads the monotonic clock, which all processes of a node share. Units: milliseconds.
pub fn now_ms() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec that outlives the call; the clock id is a constant that
    // Linux has had since 2.6.32.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &mut time) };
    // One hour ahead, so that the first hour after boot has a window before it.
    (time.tv_sec as u64 + 3_600) * 1_000 + time.tv_nsec as u64 / 1_000_000
}

fn place(held: u64) -> WorkerId {
    WorkerId::from_number((held as u32).wrapping_sub(1) as usize)
}

/// Tells whether a process of that id exists.
pub fn is_alive(pid: u32) -> bool {
    // SAFETY: signal 0 only asks whether the process exists.
    let sent = unsafe { libc::kill(pid as libc::pid_t, 0) } == 0;
    sent || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}
