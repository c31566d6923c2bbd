//! A plugin set: the instances in force, and for each hook its chain, compiled when the set changes.

use crate::instance::Instance;
use crate::probe::Probe;
use crate::scope::Scope;
use crate::shelter;
use gatewright_plugin::hosted::Room;
use gatewright_plugin::services::Services;
use gatewright_plugin::{FailureMode, Hook, HookSet, Layer, MAX_TIMEOUT, StreamMode};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The plugins in force at one time. A request takes the current set at its start and finishes on it.
#[derive(Debug)]
pub struct PluginSet {
    generation: u64,
    hooks: HookSet,
    wants_shelter: bool,
    members: Box<[Entry]>,
    chains: [Box<[Slot]>; Hook::COUNT],
}

/// An instance and how it stands in the set.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The plugin in use.
    pub instance: Arc<Instance>,
    /// How it stands.
    pub settings: Settings,
}

/// How an instance stands in the set. What is `None` is left to the plugin's manifest, then to the hook.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Before, among or after the built-ins.
    pub placement: Placement,
    /// Within the placement, lower first.
    pub order: i64,
    /// Within the order, lower first.
    pub priority: Option<i32>,
    /// What a failure means.
    pub failure_mode: Option<FailureMode>,
    /// Longest time of one call; more than 60 s is cut to it.
    pub timeout: Option<Duration>,
    /// Of the hooks that the plugin implements, those that are called.
    pub hooks: Option<HookSet>,
    /// How hooks stand in a stream.
    pub stream_modes: BTreeMap<Hook, StreamMode>,
    /// Whether hooks on the way in are called: `pre_request`, `check_input`, `pre_llm`.
    pub apply_to_input: bool,
    /// Whether hooks on the way out are called: `post_llm`, `check_output`, `on_stream_chunk`.
    pub apply_to_output: bool,
    /// Which requests it stands in.
    pub scope: Scope,
}

/// Where an instance stands beside the built-ins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placement {
    /// Before them.
    PreBuiltin,
    /// One of them.
    Builtin,
    /// After them.
    #[default]
    PostBuiltin,
}

/// One call in a chain, with everything resolved.
#[derive(Debug)]
pub struct Slot {
    pub(crate) instance: Arc<Instance>,
    pub(crate) services: Services,
    pub(crate) position: u16,
    pub(crate) immediate: bool,
    /// Whether an immediate call may hang, so that there is not always room for one.
    pub(crate) limited: bool,
    pub(crate) failure_mode: FailureMode,
    pub(crate) timeout: Duration,
    pub(crate) stream_mode: StreamMode,
    pub(crate) scope: Option<Box<Scope>>,
    /// For an after-hook: whether the plugin has its before-hook too, and so is owed only if that ran.
    pub(crate) paired: bool,
}

/// More instances than a set can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a plugin set holds at most {} plugins", u16::MAX)]
pub struct TooMany(());

// === impl PluginSet ===

impl PluginSet {
    /// Compiles a set from its members in the order of their registration.
    pub fn compile(generation: u64, mut members: Vec<Entry>) -> Result<Self, TooMany> {
        if members.len() >= usize::from(u16::MAX) {
            return Err(TooMany(()));
        }
        // Stable: registration decides among equals.
        members.sort_by_key(|member| {
            let priority = member.settings.priority.unwrap_or(member.instance.manifest().priority);
            (member.settings.placement, member.settings.order, priority)
        });
        let services = Services::together(members.iter().map(|member| member.instance.services()));
        let chains: [Box<[Slot]>; Hook::COUNT] = std::array::from_fn(|number| {
            let hook = Hook::TABLE[number].hook;
            let members = members.iter().zip(&services).zip(0..);
            let standing = members.filter(|((member, _), _)| member.hooks().contains(hook));
            standing.map(|((member, services), position)| member.slot(hook, services, position)).collect()
        });
        let hooks = Hook::TABLE.iter().map(|row| row.hook).filter(|hook| !chains[*hook as usize].is_empty()).collect();
        let wants_shelter = chains.iter().flatten().any(|slot| slot.limited);
        Ok(Self { generation, hooks, wants_shelter, members: members.into(), chains })
    }

    /// A set of no plugins.
    pub fn empty() -> Self {
        Self {
            generation: 0,
            hooks: HookSet::EMPTY,
            wants_shelter: false,
            members: Box::default(),
            chains: std::array::from_fn(|_| Box::default()),
        }
    }

    /// Counts up with each change.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether anybody stands at a hook. This branch is all that a hook without subscribers costs.
    pub fn has(&self, hook: Hook) -> bool {
        self.hooks.contains(hook)
    }

    /// The hooks at which somebody stands.
    pub fn hooks(&self) -> HookSet {
        self.hooks
    }

    /// Whether some of its calls may hang in place: they are made so where there is [shelter](crate::shelter) alone.
    pub fn wants_shelter(&self) -> bool {
        self.wants_shelter
    }

    /// The members, in the order in which they run.
    pub fn members(&self) -> &[Entry] {
        &self.members
    }

    /// The chain of a hook, first to last.
    pub fn chain(&self, hook: Hook) -> &[Slot] {
        &self.chains[hook as usize]
    }
}

/// Instances go last to first, as their `on_shutdown` is to run.
impl Drop for PluginSet {
    fn drop(&mut self) {
        self.chains = std::array::from_fn(|_| Box::default());
        let mut members = std::mem::take(&mut self.members).into_vec();
        while members.pop().is_some() {}
    }
}

// === impl Entry ===

impl Entry {
    /// The hooks at which it stands: implemented, asked for, and on a side that it applies to.
    pub fn hooks(&self) -> HookSet {
        const INPUT: HookSet = HookSet::of(&[Hook::PreRequest, Hook::CheckInput, Hook::PreLlm]);
        const OUTPUT: HookSet = HookSet::of(&[Hook::PostLlm, Hook::CheckOutput, Hook::OnStreamChunk]);
        let mut hooks = self.instance.hooks().intersection(self.settings.hooks.unwrap_or(HookSet::ALL));
        if !self.settings.apply_to_input {
            hooks = hooks.without(INPUT);
        }
        if !self.settings.apply_to_output {
            hooks = hooks.without(OUTPUT);
        }
        hooks
    }

    /// What a failure in this hook means.
    pub fn failure_mode(&self, hook: Hook) -> FailureMode {
        if hook == Hook::Auth {
            return FailureMode::Closed;
        }
        let asked = self.settings.failure_mode.or(self.instance.manifest().failure_mode);
        asked.unwrap_or(hook.info().failure_mode)
    }

    /// The longest time of one call of this hook.
    pub fn timeout(&self, hook: Hook) -> Duration {
        let asked = self.settings.timeout.or(self.instance.manifest().timeout);
        match hook.info().layer {
            Layer::Life | Layer::Surface => hook.info().timeout,
            _ => asked.unwrap_or(hook.info().timeout).min(MAX_TIMEOUT),
        }
    }

    /// How this hook stands in a stream.
    pub fn stream_mode(&self, hook: Hook) -> StreamMode {
        let asked = self.settings.stream_modes.get(&hook).or(self.instance.manifest().stream_modes.get(&hook));
        match asked.copied().unwrap_or(StreamMode::default_of(hook)) {
            // It would be called for nothing.
            StreamMode::Window(0) => StreamMode::Window(1),
            mode => mode,
        }
    }

    fn slot(&self, hook: Hook, services: &Services, position: u16) -> Slot {
        let plugin = self.instance.plugin().ok();
        let before = match hook {
            Hook::PostLlm => Some(Hook::PreLlm),
            Hook::HttpResponse => Some(Hook::HttpRequest),
            _ => None,
        };
        Slot {
            instance: self.instance.clone(),
            services: services.clone(),
            position,
            immediate: plugin.is_some_and(|plugin| plugin.immediate().contains(hook)),
            limited: plugin.is_some_and(|plugin| plugin.room(hook) != Room::Ample),
            failure_mode: self.failure_mode(hook),
            timeout: self.timeout(hook),
            stream_mode: self.stream_mode(hook),
            scope: (!self.settings.scope.is_everything()).then(|| Box::new(self.settings.scope.clone())),
            paired: before.is_some_and(|before| self.hooks().contains(before)),
        }
    }
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            placement: Placement::default(),
            order: 0,
            priority: None,
            failure_mode: None,
            timeout: None,
            hooks: None,
            stream_modes: BTreeMap::new(),
            apply_to_input: true,
            apply_to_output: true,
            scope: Scope::default(),
        }
    }
}

// === impl Placement ===

impl Placement {
    /// The word in configs and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreBuiltin => "pre_builtin",
            Self::Builtin => "builtin",
            Self::PostBuiltin => "post_builtin",
        }
    }
}

// === impl Slot ===

impl Slot {
    /// The instance's name.
    pub fn name(&self) -> &Arc<str> {
        self.instance.name()
    }

    /// How the hook stands in a stream.
    pub fn stream_mode(&self) -> StreamMode {
        self.stream_mode
    }

    /// Whether a call that is made now runs on the caller's thread.
    #[inline(always)]
    pub(crate) fn is_called_in_place(&self, hook: Hook) -> bool {
        self.immediate && (!self.limited || self.has_room(hook))
    }

    fn has_room(&self, hook: Hook) -> bool {
        shelter::is_here() && self.instance.plugin().is_ok_and(|plugin| plugin.room(hook) != Room::Full)
    }

    /// What a failure means.
    pub fn failure_mode(&self) -> FailureMode {
        self.failure_mode
    }

    /// The longest time of one call.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Who is told of its calls.
    pub fn probe(&self) -> Option<&Arc<dyn Probe>> {
        self.instance.probe()
    }
}
