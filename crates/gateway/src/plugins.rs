//! From the config's plugins to a plugin set: instances that are as before are taken over, the others start.

mod counting;
mod fallen;
mod origin;

pub(crate) use counting::Counting;

use crate::artefacts::{Artefacts, Grants};
use crate::error::Error;
use crate::linked::{Catalogue, Linked};
use fallen::{Fallen, Then, place};
use gatewright_config::{
    ArtefactKind, Config, ConfigErrors, Isolation, Placement as ConfigPlacement, PluginEntry, PluginFacts,
    PluginSource, PluginVersion, Problem, Report, STREAMED_HOOKS,
};
use gatewright_host::Sha256;
use gatewright_pipeline::{Entry, Instance, Placement, PluginSet, Reaper, Scope, Settings};
use gatewright_plugin::hosted::Hosted;
use gatewright_plugin::services::Services;
use gatewright_plugin::{Failure, FailureMode, Hook, HookSet, Manifest};
use gatewright_telemetry::{LoadedContent, LoadedPlugin};
use origin::Origin;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Instances in use, by name, with what each was made from.
#[derive(Default)]
pub(crate) struct Plugins {
    generation: u64,
    instances: BTreeMap<String, Held>,
    /// The instances that go on although their files are others by now.
    stale: Vec<Fallen>,
}

/// An instance, and what it was made from.
type Held = (Origin, Arc<Instance>);

/// What became of an entry's artefact.
pub(crate) enum Arrival {
    /// It is what the instance in use was made from.
    Same,
    /// It was loaded.
    New(Arc<dyn Hosted>, Option<Sha256>),
    /// It could not be read or loaded.
    Failed(Failure, Option<Sha256>),
    /// There is no such file.
    Gone(Failure),
}

/// What became of the artefacts of a config, by the names of their instances.
pub(crate) type Arrivals = BTreeMap<String, Arrival>;

/// What instances are started with.
pub(crate) struct Starting<'a> {
    pub(crate) catalogue: &'a Catalogue,
    /// The services of the instance of this entry.
    pub(crate) services: &'a (dyn Fn(&PluginEntry, Grants) -> Services + Sync),
    pub(crate) counting: &'a Counting,
    pub(crate) reaper: &'a Reaper,
    /// Whether a first config is refused if a plugin does not start.
    pub(crate) needs_all: bool,
}

/// What is to be started.
struct Candidate<'a> {
    entry: &'a PluginEntry,
    origin: Origin,
    facts: PluginFacts,
    grants: Grants,
    source: Source<'a>,
    /// Whether its file is not there.
    is_gone: bool,
    may_authenticate: bool,
}

/// Where the plugin comes from.
enum Source<'a> {
    Linked(&'a Linked),
    Loaded(Result<Arc<dyn Hosted>, Failure>),
}

/// The instances of a config, while others are started. If nothing comes of it, they end last to first.
#[derive(Default)]
struct Begun {
    instances: BTreeMap<String, Held>,
    entries: Vec<Entry>,
}

/// A config that is refused.
#[derive(Debug)]
pub(crate) struct Refused {
    error: Error,
    fallen: Vec<Fallen>,
}

/// What an artefact of which nothing is known stands at, so that it can guard.
const UNKNOWN: HookSet = HookSet::of(&[Hook::CheckInput, Hook::PreLlm, Hook::PostLlm, Hook::CheckOutput]);

/// Hooks whose plugin guards something.
const GUARDS: HookSet = HookSet::of(&[Hook::PreAuth, Hook::Auth, Hook::CheckInput, Hook::CheckOutput]);

// === impl Plugins ===

impl Plugins {
    /// Loads the artefacts of a config, but for those that are in use as they are.
    pub(crate) async fn look(&self, config: &Config, artefacts: &Artefacts) -> Arrivals {
        let mut arrivals = Arrivals::new();
        for entry in config.plugins.iter().filter(|entry| entry.enabled && entry.artefact().is_some()) {
            let arrival = match artefacts.find(entry).await {
                Err(failure) if artefacts.is_gone(entry) => Arrival::Gone(failure),
                Err(failure) => Arrival::Failed(failure, None),
                Ok(found) => {
                    let kept = self.kept(&entry.name, &Origin::of(entry, found.sha256()));
                    match kept {
                        Some(instance) if !is_lost(entry, instance) => Arrival::Same,
                        _ => match (artefacts.load(entry, &found).await, kept) {
                            (Ok(hosted), _) => Arrival::New(hosted, found.sha256()),
                            (Err(failure), None) => Arrival::Failed(failure, found.sha256()),
                            (Err(failure), Some(_)) => {
                                let error = entry.secrets().conceal(&failure.to_string());
                                tracing::warn!(plugin = entry.name, %error, "a plugin that is away cannot be loaded anew");
                                Arrival::Same
                            }
                        },
                    }
                }
            };
            arrivals.insert(entry.name.clone(), arrival);
        }
        arrivals
    }

    /// What is known of an artefact: by itself, else by the instance in use, else by its entry alone.
    pub(crate) fn facts(&self, entry: &PluginEntry, arrivals: &Arrivals) -> PluginFacts {
        let in_use = self.instances.get(&entry.name).filter(|(_, instance)| !instance.is_absent());
        let (manifest, hooks) = match (arrivals.get(&entry.name), in_use) {
            (Some(Arrival::New(hosted, _)), _) => (hosted.manifest(), hosted.hooks()),
            (_, Some((_, instance))) => (instance.manifest(), instance.hooks()),
            (_, None) => return unknown(entry),
        };
        PluginFacts { manifest: manifest.clone(), hooks, builtin: false }
    }

    /// The plugin set of a config. An error leaves `self` as it was, and nothing that it started serves.
    pub(crate) async fn next(
        &self,
        config: &Config,
        mut arrivals: Arrivals,
        starting: &Starting<'_>,
    ) -> Result<(Self, PluginSet), Refused> {
        let (mut begun, mut fallen) = (Begun::default(), Vec::new());
        for (order, entry) in wanted(config, starting.catalogue) {
            let Some(mut candidate) = self.candidate(&entry, starting.catalogue, &mut arrivals) else { continue };
            let unseen = entry.artefact().is_some() && candidate.facts == unknown(&entry);
            // Nobody else is known to authenticate, so that it may be what does.
            candidate.may_authenticate =
                unseen && entry.named_hooks().is_none() && config.auth.keys.is_empty() && !config.auth.allow_anonymous;
            let builtin = candidate.facts.builtin;
            let kept = self.kept(&entry.name, &candidate.origin).filter(|_| !candidate.is_loaded());
            let (origin, instance) = match kept {
                Some(instance) => (candidate.origin, instance.clone()),
                None => match self.start(candidate, starting).await {
                    Ok(started) => started,
                    Err((failure, then, instead)) => {
                        fallen.push(Fallen { name: entry.name.clone(), place: place(config, &entry), failure, then });
                        self.as_absent_before(&entry.name, instead)
                    }
                },
            };
            let settings = settings(&entry, instance.hooks(), builtin, order);
            begun.entries.push(Entry { instance: instance.clone(), settings });
            begun.instances.insert(entry.name.clone(), (origin, instance));
        }
        let needs_all = starting.needs_all && self.generation == 0;
        let is_refused = fallen.iter().any(|fallen| needs_all || fallen.then == Then::Refuse);
        if is_refused {
            let report = Report { errors: fallen.iter().map(Fallen::problem).collect(), warnings: Vec::new() };
            return Err(Refused { error: ConfigErrors { file: None, report }.into(), fallen });
        }
        fallen.iter().for_each(Fallen::log);
        fallen.retain(Fallen::is_stale);
        let (generation, entries) = (self.generation + 1, std::mem::take(&mut begun.entries));
        match PluginSet::compile(generation, entries) {
            Ok(set) => Ok((Self { generation, instances: std::mem::take(&mut begun.instances), stale: fallen }, set)),
            Err(error) => Err(Refused { error: error.into(), fallen }),
        }
    }

    /// Goes on although another config was to come. What is known of a file stays so: what was made of it goes on.
    pub(crate) fn go_on(&mut self, refused: Refused) -> Error {
        let stale: Vec<Fallen> = refused.fallen.into_iter().filter(Fallen::is_stale).collect();
        stale.iter().for_each(Fallen::log);
        self.stale.retain(|before| stale.iter().all(|fallen| fallen.name != before.name));
        self.stale.extend(stale);
        refused.error
    }

    /// What is there instead of a plugin that did not start: as before, if that is so for the same reason.
    fn as_absent_before(&self, name: &str, instead: Held) -> Held {
        let is_same =
            |had: &&Held| had.0 == instead.0 && had.1.is_absent() && had.1.unavailable() == instead.1.unavailable();
        self.instances.get(name).filter(is_same).cloned().unwrap_or(instead)
    }

    /// Whether the instances are the same.
    pub(crate) fn are(&self, other: &Self) -> bool {
        let same =
            |(one, other): ((&String, &Held), (&String, &Held))| one.0 == other.0 && Arc::ptr_eq(&one.1.1, &other.1.1);
        self.instances.len() == other.instances.len() && self.instances.iter().zip(&other.instances).all(same)
    }

    /// Takes over what is known of the files of the same instances.
    pub(crate) fn look_like(&mut self, other: Self) {
        self.stale = other.stale;
    }

    /// Whether each plugin is there, and made from its file as it is.
    pub(crate) fn are_whole(&self) -> bool {
        self.stale.is_empty() && !self.instances.values().any(|(_, instance)| instance.is_absent())
    }

    /// What is loaded of each plugin.
    pub(crate) fn loaded(&self) -> Vec<LoadedPlugin> {
        let one = |(name, (origin, instance)): (&String, &Held)| LoadedPlugin {
            name: instance.name().clone(),
            content: (!instance.is_absent()).then(|| LoadedContent {
                version: instance.manifest().version.to_string(),
                sha256: origin.sha256().map(|sha256| sha256.to_string()),
            }),
            is_stale: self.stale.iter().any(|fallen| fallen.name == *name),
        };
        self.instances.iter().map(one).collect()
    }

    /// Counts up with each set.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// What an entry asks for; `None` if it is not there, which the check of the config refuses.
    fn candidate<'a>(
        &self,
        entry: &'a PluginEntry,
        catalogue: &'a Catalogue,
        arrivals: &mut Arrivals,
    ) -> Option<Candidate<'a>> {
        if let PluginSource::Linked(plugin) = entry.source() {
            let linked = catalogue.get(plugin)?;
            let (origin, facts) = (Origin::of(entry, None), linked.facts.clone());
            let (grants, source) = (Grants::all(), Source::Linked(linked));
            return Some(Candidate { entry, origin, facts, grants, source, is_gone: false, may_authenticate: false });
        }
        let facts = self.facts(entry, arrivals);
        let arrival = arrivals.remove(&entry.name)?;
        let is_gone = matches!(arrival, Arrival::Gone(_));
        let (sha256, loaded) = match arrival {
            Arrival::Same => (self.sha256(&entry.name), Err(Failure::new("it was loaded before"))),
            Arrival::New(hosted, sha256) => (sha256, Ok(hosted)),
            Arrival::Failed(failure, sha256) => (sha256, Err(failure)),
            Arrival::Gone(failure) => (None, Err(failure)),
        };
        let grants = Grants::of(entry, &facts.manifest.permissions);
        let (origin, source) = (Origin::of(entry, sha256), Source::Loaded(loaded));
        Some(Candidate { entry, origin, facts, grants, source, is_gone, may_authenticate: false })
    }

    /// What somebody should know of instances that go on although they should be others.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        self.stale.iter().map(Fallen::note)
    }

    /// What is in the artefacts in use.
    pub(crate) fn artefacts(&self) -> BTreeSet<Sha256> {
        self.instances.keys().filter_map(|name| self.sha256(name)).collect()
    }

    fn sha256(&self, name: &str) -> Option<Sha256> {
        self.instances.get(name)?.0.sha256()
    }

    /// The instance in use, if it was made from the same.
    fn kept(&self, name: &str, origin: &Origin) -> Option<&Arc<Instance>> {
        let (had, instance) = self.instances.get(name)?;
        (had == origin && !instance.is_absent()).then_some(instance)
    }

    /// Starts an instance. A guard that does not start still guards: it is there, and refuses. Another plugin that does
    /// not start at the gateway's first config is left out; later its config is refused.
    ///
    /// Of an artefact that did not load or start, the instance in use goes on: with its entry unchanged as it is, and
    /// otherwise since the config is refused. The error is what happened, what is done about it, and what is there instead.
    async fn start(&self, candidate: Candidate<'_>, starting: &Starting<'_>) -> Result<Held, (Failure, Then, Held)> {
        let Candidate { entry, origin, facts, grants, source, is_gone, may_authenticate } = candidate;
        let before = self.instances.get(&entry.name);
        let unchanged = before.is_some_and(|(had, _)| had.is_of_same_entry(&origin));
        let is_first = self.generation == 0 || unchanged;
        let (name, mut hooks) = (entry.name.as_str(), entry.hooks_of(facts.hooks));
        if is_first && may_authenticate {
            // That never fails open.
            hooks = hooks.iter().chain([Hook::Auth]).collect();
        }
        let services = (starting.services)(entry, grants);
        let probe = Some(starting.counting.of(name, hooks));
        let hosted = match source {
            Source::Linked(linked) => linked.make(origin.config.clone()),
            Source::Loaded(loaded) => loaded,
        };
        let started = match hosted {
            Ok(hosted) => {
                let (services, probe, reaper) = (services.clone(), probe.clone(), starting.reaper.clone());
                Instance::start(name, hosted, origin.config.clone(), services, probe, Some(reaper)).await
            }
            Err(failure) => Err(failure),
        };
        let failure = match started {
            Ok(instance) => {
                if let Some(artefact) = &origin.artefact {
                    let (version, path) = (&*facts.manifest.version, &*origin.plugin);
                    let sha256 = artefact.sha256.map(tracing::field::display);
                    tracing::info!(plugin = name, version, path, sha256, "a plugin was loaded");
                }
                return Ok((origin, instance));
            }
            Err(failure) => Failure::new(entry.secrets().conceal(&failure.to_string())),
        };
        starting.counting.load_failed(name);
        let in_use = before.filter(|(_, instance)| origin.artefact.is_some() && !instance.is_absent());
        if let Some(before) = in_use {
            // What guards with the new one, or is named for it, the one in use has not: the config may rely on it.
            let wanted = GUARDS.iter().chain(entry.named_hooks().unwrap_or_default().iter()).collect::<HookSet>();
            let lacks = !entry.hooks_of(facts.hooks).intersection(wanted).without(before.1.hooks()).is_empty();
            let then = match unchanged && !lacks {
                true if is_gone => Then::Orphan,
                true => Then::Before,
                false => Then::Refuse,
            };
            return Err((failure, then, before.clone()));
        }
        // That a plugin which nobody has seen guards is only assumed: no reason to take a config that brings it.
        let assumed = !is_first && origin.artefact.is_some() && facts == unknown(entry);
        let mode = entry.failure_mode.or(facts.manifest.failure_mode.filter(|_| !assumed));
        let then = match mode == Some(FailureMode::Closed) || hooks.contains(Hook::Auth) {
            true => Then::Guard,
            false if is_first => Then::Without,
            // The last good config has it, or never had it: that one keeps serving.
            false => Then::Refuse,
        };
        let absent = Instance::absent(name, facts.manifest, hooks, failure.to_string(), services, probe);
        Err((failure, then, (origin, absent)))
    }
}

// === impl Begun ===

impl Drop for Begun {
    fn drop(&mut self) {
        self.instances.clear();
        while self.entries.pop().is_some() {}
    }
}

// === impl Candidate ===

impl Candidate<'_> {
    /// Whether its artefact was loaded for it.
    fn is_loaded(&self) -> bool {
        matches!(self.source, Source::Loaded(Ok(_)))
    }
}

/// Whether its process is away: what is at its address by now, or what its program comes to with what lies beside it, may
/// be another, which nothing but its load tells. A library that is here is in quarantine then, which no reload ends.
fn is_lost(entry: &PluginEntry, instance: &Instance) -> bool {
    let is_process = match entry.artefact() {
        Some(ArtefactKind::Remote | ArtefactKind::Program) => true,
        Some(ArtefactKind::Native) => entry.isolation == Some(Isolation::Process),
        Some(ArtefactKind::Wasm) | None => false,
    };
    is_process && instance.standing().is_some_and(|standing| standing.away.is_some())
}

/// The artefacts of a config that could not be read or loaded.
pub(crate) fn unusable(config: &Config, arrivals: &Arrivals) -> Vec<Problem> {
    let failed = |entry: &PluginEntry| match arrivals.get(&entry.name)? {
        Arrival::Failed(failure, _) | Arrival::Gone(failure) => {
            let message =
                format!("plugin `{}` did not load: {}", entry.name, entry.secrets().conceal(&failure.to_string()));
            Some(Problem { path: place(config, entry), message, hint: None })
        }
        Arrival::Same | Arrival::New(..) => None,
    };
    config.plugins.iter().filter_map(failed).collect()
}

/// What an entry says of an artefact that could not be looked at: nobody knows whether it guards, so that it does,
/// unless the entry says `fail_open` where somebody else authenticates, or names hooks that guard nothing.
fn unknown(entry: &PluginEntry) -> PluginFacts {
    let hooks = entry.named_hooks().unwrap_or(UNKNOWN);
    let version = match &entry.version {
        Some(PluginVersion::Semantic(version)) => version,
        Some(PluginVersion::Revision(_)) | None => "0.0.0",
    };
    let mut manifest = Manifest::new(entry.name.as_str(), version);
    manifest.permissions = entry.permissions.set();
    if !hooks.intersection(GUARDS).is_empty() {
        manifest.failure_mode = Some(FailureMode::Closed);
    }
    PluginFacts { manifest, hooks, builtin: false }
}

/// The entries that are to be there, in the order of their registration: the built-ins and an embedder's own in theirs,
/// then the config's. The number is the place of their kind in the catalogue.
pub(crate) fn wanted(config: &Config, catalogue: &Catalogue) -> Vec<(i64, PluginEntry)> {
    // Of these the catalogue has the instance; of the others the config says which there are.
    let has_instance = |linked: &Linked| linked.facts.builtin || linked.by_default;
    let (mut wanted, mut further) = (Vec::new(), Vec::new());
    for (linked, place) in catalogue.iter().zip(0..).filter(|(linked, _)| has_instance(linked)) {
        let entry = config.plugins.iter().find(|entry| entry.name == linked.name() && entry.path.is_none());
        match entry {
            Some(entry) if entry.enabled => wanted.push((place, entry.clone())),
            Some(_) => {}
            None if linked.by_default => wanted.push((place, PluginEntry::new(linked.name()))),
            None => {}
        }
    }
    for entry in config.plugins.iter().filter(|entry| entry.enabled) {
        let PluginSource::Linked(kind) = entry.source() else {
            further.push((0, entry.clone()));
            continue;
        };
        let found = catalogue.iter().zip(0..).find(|(linked, _)| linked.name() == kind);
        if let Some((linked, place)) = found
            && (entry.path.is_some() || !has_instance(linked))
        {
            further.push((place, entry.clone()));
        }
    }
    wanted.append(&mut further);
    wanted
}

fn settings(entry: &PluginEntry, hooks: HookSet, builtin: bool, order: i64) -> Settings {
    let (placement, order) = match (builtin, entry.placement()) {
        (true, _) => (Placement::Builtin, order),
        (false, ConfigPlacement::PreBuiltin) => (Placement::PreBuiltin, entry.order.unwrap_or_default().into()),
        (false, ConfigPlacement::PostBuiltin) => (Placement::PostBuiltin, entry.order.unwrap_or_default().into()),
    };
    let modes = STREAMED_HOOKS.iter().filter_map(|hook| Some((*hook, entry.stream_mode(*hook)?)));
    Settings {
        placement,
        order,
        priority: entry.priority,
        failure_mode: entry.failure_mode,
        timeout: entry.timeout(),
        hooks: Some(entry.hooks_of(hooks)),
        stream_modes: modes.collect(),
        apply_to_input: entry.apply_to_input,
        apply_to_output: entry.apply_to_output,
        scope: Scope {
            routes: entry.routes.clone().unwrap_or_default(),
            models: entry.models.clone().unwrap_or_default(),
            apps: entry.apps.clone().unwrap_or_default(),
            sample: entry.sample,
        },
    }
}

#[cfg(test)]
mod tests;
