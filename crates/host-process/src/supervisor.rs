//! One plugin's process: started, watched, started again, ended.

use crate::address::Address;
use crate::call;
use crate::callbacks;
use crate::child::Running;
use crate::connect;
use crate::error::LoadError;
use crate::flights::Flights;
use crate::link::Link;
use crate::links::Links;
use crate::options::{Options, Patience};
use crate::process::{Place, Shared};
use crate::session::{self, Over};
use crate::spawn::{Meeting, spawn};
use crate::told;
use crate::wire::Wire;
use gatewright_abi::{Introduction, VERSION};
use gatewright_host::Sha256;
use gatewright_plugin::hosted::{Call, Reply};
use gatewright_plugin::{Cx, Facts, Hook, State};
use gatewright_proto::HEALTH;
use gatewright_proto::v1::plugin_client::PluginClient;
use gatewright_proto::v1::{IntroduceRequest, StartRequest, StopRequest};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// How long an instance may take to end before its process is asked to.
const STOP: Duration = Duration::from_secs(1);

/// How often a file that is being written to is tried again.
const BUSY: usize = 20;

/// How long it may take to see whether a file is the one that was loaded.
const LOOK: Duration = Duration::from_secs(1);

/// How long a connection that broke waits for the news that its process ended.
const NEWS: Duration = Duration::from_millis(200);

/// A process, from its start to its end.
struct Incarnation {
    links: Arc<Links>,
    wire: Wire,
    running: Option<Running>,
    /// Until it is asked to end.
    made: Option<Made>,
    /// Moves the connection along, reads the session, and serves what the process asks; ends with it.
    tasks: JoinSet<()>,
    /// Closes the connections of others.
    closing: Option<DropGuard>,
    meeting: Option<Meeting>,
}

/// The instance that was made in a process.
struct Made {
    client: PluginClient<Wire>,
    number: u64,
}

/// What a process is started for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To make an instance and serve.
    Serve,
    /// To say what it is.
    Look,
}

/// How long to wait before the next start.
struct Backoff {
    least: Duration,
    most: Duration,
    next: Duration,
}

/// Looks after a process until it is to be retired.
pub(crate) async fn supervise(
    address: Address,
    options: Options,
    retire: CancellationToken,
    tell: oneshot::Sender<Result<Arc<Shared>, LoadError>>,
) {
    let (mut incarnation, introduction) = match Incarnation::start(&address, &options, &retire, Purpose::Serve).await {
        Ok(started) => started,
        Err(error) => {
            // Who loads it may be gone.
            let _ = tell.send(Err(error));
            return;
        }
    };
    let shared = Arc::new(Shared::new(options, &introduction));
    let patience = shared.options.patience.clone();
    shared.put(&incarnation);
    if tell.send(Ok(shared.clone())).is_err() {
        return incarnation.retire(&patience).await;
    }
    let name = &*shared.options.name;
    let mut backoff = Backoff::new(&patience);
    loop {
        let since = Instant::now();
        let why = tokio::select! {
            why = incarnation.watch(&patience) => why,
            () = retire.cancelled() => {
                shared.away("it is being ended".to_owned());
                return incarnation.retire(&patience).await;
            }
        };
        let away = Instant::now();
        tracing::warn!(plugin = name, %why, "a plugin's process is away; it is started again");
        shared.away(format!("it {why}, and is being started again"));
        incarnation.end(&why).await;
        if since.elapsed() >= patience.steady {
            backoff.reset();
        }
        incarnation = loop {
            tokio::select! {
                () = tokio::time::sleep(backoff.wait()) => {}
                () = retire.cancelled() => return,
            }
            match again(&shared, &address, &introduction, &retire).await {
                Ok(next) => break next,
                Err(LoadError::Ending) => return,
                Err(error) => {
                    tracing::error!(plugin = name, %error, "a plugin's process cannot be started again");
                    shared.away(format!("it {why}, and cannot be started again: {error}"));
                }
            }
        };
        shared.restarts.fetch_add(1, Ordering::AcqRel);
        shared.put(&incarnation);
        tracing::info!(plugin = name, took = ?away.elapsed(), "a plugin's process is back");
    }
}

/// Starts a process, or reaches one, for what it says of itself, and ends it again.
pub(crate) async fn introduce(
    address: Address,
    options: Options,
    retire: CancellationToken,
) -> Result<Introduction, LoadError> {
    let (mut incarnation, introduction) = Incarnation::start(&address, &options, &retire, Purpose::Look).await?;
    if let Some(running) = &mut incarnation.running {
        running.end(options.patience.end).await;
    }
    incarnation.end("was ended").await;
    Ok(introduction)
}

/// What the executable is a copy of, if that is to be run and the same is in it.
async fn unchanged(options: &Options) -> Option<Address> {
    let (copy, original) = (options.copy.clone()?, options.original.clone()?);
    let looking = move || {
        // A pipe would keep waiting for who writes to it.
        fs::metadata(&original).ok().filter(|there| there.is_file() && there.len() == copy.bytes)?;
        let found = File::open(&original).and_then(|file| Sha256::of(file.take(copy.bytes)));
        (found.ok()? == copy.sha256).then_some(Address::File(original))
    };
    tokio::time::timeout(LOOK, tokio::task::spawn_blocking(looking)).await.ok()?.ok().flatten()
}

/// Starts it as it was started before.
async fn again(
    shared: &Shared,
    address: &Address,
    known: &Introduction,
    retire: &CancellationToken,
) -> Result<Incarnation, LoadError> {
    let (mut incarnation, introduction) = Incarnation::start(address, &shared.options, retire, Purpose::Serve).await?;
    if introduction != *known {
        incarnation.end("is another").await;
        return Err(LoadError::Another);
    }
    if let Some((startup, services)) = shared.started() {
        let mut cx = Cx::new(Arc::new(Facts::default()), State::default(), None, services);
        let mut startup = Call::OnStartup(startup);
        let starting = call::call(shared, &incarnation.links, &mut cx, &mut startup);
        let started = tokio::select! {
            started = tokio::time::timeout(Hook::OnStartup.info().timeout, starting) => Some(started),
            () = retire.cancelled() => None,
        };
        let failure = match started {
            Some(Ok(Reply::Failed(failure))) => Some(failure.to_string()),
            Some(Ok(_)) => None,
            Some(Err(_)) => Some("timed out".to_owned()),
            None => {
                incarnation.retire(&shared.options.patience).await;
                return Err(LoadError::Ending);
            }
        };
        if let Some(failure) = failure {
            incarnation.end("did not start").await;
            return Err(LoadError::Startup(failure));
        }
    }
    Ok(incarnation)
}

// === impl Shared ===

impl Shared {
    fn put(&self, incarnation: &Incarnation) {
        self.pid.store(incarnation.running.as_ref().map_or(0, Running::id), Ordering::Release);
        self.place.store(Arc::new(Place::Up(incarnation.links.clone())));
    }

    fn away(&self, why: String) {
        self.place.store(Arc::new(Place::Away(why)));
        self.pid.store(0, Ordering::Release);
    }
}

// === impl Incarnation ===

impl Incarnation {
    async fn start(
        address: &Address,
        options: &Options,
        retire: &CancellationToken,
        purpose: Purpose,
    ) -> Result<(Self, Introduction), LoadError> {
        let original = unchanged(options).await;
        let address = original.as_ref().unwrap_or(address);
        let meeting = Meeting::new().await.map_err(LoadError::Socket)?;
        let listener = match address {
            Address::Tcp(_) => None,
            Address::File(_) | Address::Unix(_) => Some(UnixListener::bind(meeting.host()).map_err(LoadError::Socket)?),
        };
        let (mut running, cookie) = match address {
            Address::File(path) => {
                let mut spawned = spawn(path, options, &meeting);
                // A copy that was just written looks as if somebody wrote to it, while another process is being started.
                for _ in 0..BUSY {
                    match &spawned {
                        Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                            tokio::time::sleep(Duration::from_millis(10)).await;
                            spawned = spawn(path, options, &meeting);
                        }
                        _ => break,
                    }
                }
                let child = spawned.map_err(|error| LoadError::Spawn { path: path.clone(), error })?;
                (Some(Running::new(child, &options.log)), &*meeting.cookie)
            }
            Address::Unix(_) | Address::Tcp(_) => (None, ""),
        };
        let (mut tasks, mut made) = (JoinSet::new(), None);
        let within = options.patience.start;
        let mut lacks = "does not listen at GATEWRIGHT_PLUGIN_SOCKET";
        let introduced = async {
            let (reached, (wire, moving)) = match address {
                Address::File(_) => (Address::Unix(meeting.plugin()), connect::meet(&meeting.plugin()).await?),
                address => (address.clone(), connect::reach(address).await?),
            };
            lacks = "does not answer";
            let flights = Flights::new();
            let severed = flights.clone();
            tasks.spawn(async move { severed.sever(format!("its connection broke: {}", moving.await)) });
            let (introduction, serves_sessions) = Self::introduced(&wire, cookie).await?;
            let mut link = Link::base(wire.clone(), flights);
            if purpose == Purpose::Serve {
                made = Some(Self::instance(&mut link, options, &meeting, listener.is_some()).await?);
                Self::session(&mut link, serves_sessions && options.sessions, &meeting, listener, &mut tasks).await?;
            }
            let closing = CancellationToken::new();
            let links = Links::new(Arc::new(link), reached, closing.clone());
            Ok((links, closing.drop_guard(), wire, introduction))
        };
        let served = tokio::select! {
            served = tokio::time::timeout(within, introduced) => served.ok(),
            how = ended(&mut running) => Some(Err(LoadError::Ended { how, last_words: String::new() })),
            () = retire.cancelled() => Some(Err(LoadError::Ending)),
        };
        let error = match served {
            Some(Ok((links, closing, wire, introduction))) => {
                let (closing, meeting) = (Some(closing), Some(meeting));
                return Ok((Self { links, wire, running, made, tasks, closing, meeting }, introduction));
            }
            Some(Err(error)) => error,
            None => LoadError::Slow { within, lacks },
        };
        let Some(mut running) = running else {
            if let Some(made) = made {
                made.stop().await;
            }
            return Err(error);
        };
        // Whether it ended or its connection broke first is chance; that it ended says more.
        let news = match &error {
            LoadError::Protocol(_) => tokio::time::timeout(NEWS, running.ended()).await.ok(),
            LoadError::Ended { how, .. } => Some(how.clone()),
            _ => None,
        };
        running.kill().await;
        meeting.end().await;
        match news {
            Some(how) => Err(LoadError::Ended { how, last_words: running.last_words().await }),
            None => Err(error),
        }
    }

    /// What it says of itself, and whether it serves sessions.
    async fn introduced(wire: &Wire, cookie: &str) -> Result<(Introduction, bool), LoadError> {
        let mut client = connect::client(wire.clone());
        let (contract_major, contract_minor) = VERSION;
        let gateway = env!("CARGO_PKG_VERSION").to_owned();
        let request = IntroduceRequest { gateway, contract_major, contract_minor };
        let introduced = client.introduce(request).await.map_err(protocol)?.into_inner();
        if introduced.cookie != cookie {
            return Err(LoadError::Cookie);
        }
        Ok((Introduction::read(&introduced.introduction)?, introduced.session))
    }

    /// Makes the instance.
    async fn instance(
        link: &mut Link,
        options: &Options,
        meeting: &Meeting,
        reaches_host: bool,
    ) -> Result<Made, LoadError> {
        let (host_socket, host_token) = match reaches_host {
            true => (meeting.host().to_string_lossy().into_owned(), meeting.token.clone()),
            false => (String::new(), String::new()),
        };
        let config = options.config.to_string().into_bytes().into();
        let request = StartRequest { name: options.name.clone(), config, host_socket, host_token };
        let started = link.client.start(request).await.map_err(|status| match status.code() {
            Code::InvalidArgument | Code::Internal => LoadError::Config(status.message().to_owned()),
            Code::ResourceExhausted => LoadError::Full(status.message().to_owned()),
            _ => protocol(status),
        })?;
        link.instance = started.into_inner().instance;
        Ok(Made { client: link.client.clone(), number: link.instance })
    }

    /// Opens its session, or else serves what it asks otherwise.
    async fn session(
        link: &mut Link,
        sessions: bool,
        meeting: &Meeting,
        listener: Option<UnixListener>,
        tasks: &mut JoinSet<()>,
    ) -> Result<(), LoadError> {
        link.session = match sessions {
            true => {
                let (teller, telling) = told::telling(link);
                let frames = connect::session(link.wire.clone(), telling).await.map_err(protocol)?;
                let (flights, said) = (link.flights.clone(), teller.clone());
                tasks.spawn(async move {
                    let (Over::Lost(why) | Over::Against(why)) = session::listen(frames, &flights, said).await;
                    flights.sever(why);
                });
                Some(teller)
            }
            false => {
                if let Some(listener) = listener {
                    let serving = callbacks::serve(listener, meeting.token.clone(), link.flights.clone());
                    tasks.spawn(async move { match serving.await {} });
                }
                None
            }
        };
        Ok(())
    }

    /// Waits until it does not serve any more, or must not; says why.
    async fn watch(&mut self, patience: &Patience) -> String {
        let flights = &self.links.base().flights;
        let why = tokio::select! {
            how = ended(&mut self.running) => return how,
            why = flights.severed() => format!("is cut off: {why}"),
            why = heedless(flights, patience) => why.to_owned(),
            why = unwell(&self.wire, patience.health) => why,
        };
        // That it ended says more than that its connection did.
        tokio::time::timeout(NEWS, ended(&mut self.running)).await.unwrap_or(why)
    }

    /// Ends it at once, or in somebody else's process its instance.
    async fn end(&mut self, why: &str) {
        self.links.base().flights.sever(format!("it {why}"));
        drop(self.closing.take());
        match (&mut self.running, self.made.take()) {
            (Some(running), _) => running.kill().await,
            (None, Some(made)) => made.stop().await,
            (None, None) => {}
        }
        self.tasks.shutdown().await;
        if let Some(meeting) = self.meeting.take() {
            meeting.end().await;
        }
    }

    /// Lets it end.
    async fn retire(mut self, patience: &Patience) {
        if let Some(made) = self.made.take() {
            made.stop().await;
        }
        if let Some(running) = &mut self.running {
            running.end(patience.end).await;
        }
        self.end("was ended").await;
    }
}

// === impl Made ===

impl Made {
    /// Asks it to end.
    async fn stop(mut self) {
        let mut request = Request::new(StopRequest { instance: self.number });
        request.set_timeout(STOP);
        // Whether it does or not, nobody calls it any more.
        let _ = tokio::time::timeout(STOP, self.client.stop(request)).await;
    }
}

/// What somebody says who does not speak as a plugin does.
fn protocol(status: tonic::Status) -> LoadError {
    LoadError::Protocol(status.message().to_owned())
}

/// Waits until the gateway's own child ends; somebody else's process does not.
async fn ended(running: &mut Option<Running>) -> String {
    match running {
        Some(running) => running.ended().await,
        None => std::future::pending().await,
    }
}

/// Waits until too many calls go on although they were given up, or it does not even read that they were; says which.
async fn heedless(flights: &Flights, patience: &Patience) -> &'static str {
    loop {
        tokio::time::sleep(patience.heed / 2).await;
        if flights.unheeded(patience.heed) >= patience.unheeded {
            return "goes on with calls that were given up";
        }
        if flights.unread(patience.unread) {
            return "does not read what it is told";
        }
    }
}

/// Waits until it twice in a row does not say that it is well.
async fn unwell(wire: &Wire, every: Duration) -> String {
    let mut client = HealthClient::with_origin(wire.clone(), Wire::origin());
    let mut missed = 0;
    loop {
        tokio::time::sleep(every).await;
        let asked = client.check(HealthCheckRequest { service: HEALTH.to_owned() });
        let why = match tokio::time::timeout(every, asked).await {
            Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving => None,
            // Not every author serves it.
            Ok(Err(status)) if matches!(status.code(), Code::Unimplemented | Code::NotFound) => None,
            Ok(Ok(_)) => Some("says that it is not well".to_owned()),
            Ok(Err(status)) => Some(format!("does not say how it is: {}", status.message())),
            Err(_) => Some("does not say how it is".to_owned()),
        };
        missed = if why.is_some() { missed + 1 } else { 0 };
        if let Some(why) = why.filter(|_| missed == 2) {
            return why;
        }
    }
}

// === impl Backoff ===

impl Backoff {
    fn new(patience: &Patience) -> Self {
        Self { least: patience.restart_least, most: patience.restart_most, next: patience.restart_least }
    }

    fn reset(&mut self) {
        self.next = self.least;
    }

    /// The next time to wait: twice the last one, and some more or less, so that not all start at once.
    fn wait(&mut self) -> Duration {
        let wait = self.next.mul_f64(rand::random_range(0.8..1.2));
        self.next = (self.next * 2).min(self.most);
        wait
    }
}
