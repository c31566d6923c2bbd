//! What tests with artefacts share: the components, a gateway that has them, and a client.

use gatewright::config::Config;
use gatewright::{Error, Gateway, Started};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The components, by the name of their plugin.
static COMPONENTS: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(|| {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/wasm-examples.sh");
    let built = Command::new(script).arg("gatewright-test-plugins").stderr(Stdio::inherit()).output().unwrap();
    assert!(built.status.success(), "the test plugins cannot be built");
    let modules = String::from_utf8(built.stdout).unwrap();
    let packed = modules.lines().map(PathBuf::from).map(|module| {
        let name = module.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(&module).unwrap())
    });
    packed.collect()
});

/// The core module of a test plugin.
pub(crate) fn core_module(name: &str) -> Vec<u8> {
    COMPONENTS[name].clone()
}

/// The component of a test plugin.
pub(crate) fn component(name: &str) -> Vec<u8> {
    gatewright_pack::pack(&core_module(name)).unwrap()
}

/// An artefact of which there are many, each with other code.
pub(crate) struct Generations {
    artefact: Vec<u8>,
    /// Where it says its number, and how.
    places: Vec<(usize, Spelling)>,
}

/// How an artefact says its number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spelling {
    /// In its data, in words.
    Words,
    /// As an operand of an instruction, in four bytes.
    Operand,
    /// The same in WASM, in LEB128.
    Leb128,
}

/// The operand of number 0; another is xor'ed into it.
const OPERAND: u32 = 0x5a17_93c5;

// === impl Generations ===

impl Generations {
    pub(crate) fn new(artefact: Vec<u8>) -> Self {
        let places: Vec<_> = (0..artefact.len()).filter_map(|at| Some((at, Spelling::at(&artefact[at..])?))).collect();
        let said = |spelling| places.iter().any(|(_, found)| *found == spelling);
        assert!(said(Spelling::Words), "the mark is not in the artefact");
        let in_code = said(Spelling::Operand) || said(Spelling::Leb128);
        assert!(in_code || cfg!(not(target_arch = "x86_64")), "the operand is not in the artefact");
        Self { artefact, places }
    }

    /// The artefact with the code of this number.
    pub(crate) fn artefact(&self, number: usize) -> Vec<u8> {
        let mut artefact = self.artefact.clone();
        for (at, spelling) in &self.places {
            let said = spelling.of(number);
            artefact[*at..*at + said.len()].copy_from_slice(&said);
        }
        artefact
    }
}

// === impl Spelling ===

impl Spelling {
    /// How number 0 is said here, if it is.
    fn at(bytes: &[u8]) -> Option<Self> {
        // Most bytes begin none of them.
        let first = match bytes[0] {
            b't' => Self::Words,
            0xc5 => [Self::Operand, Self::Leb128].into_iter().find(|spelling| bytes.starts_with(&spelling.of(0)))?,
            _ => return None,
        };
        bytes.starts_with(&first.of(0)).then_some(first)
    }

    /// This number, always in as many bytes.
    fn of(self, number: usize) -> Vec<u8> {
        let operand = OPERAND ^ u32::try_from(number).unwrap();
        match self {
            Self::Words => answer_of(number).into_bytes(),
            Self::Operand => operand.to_le_bytes().to_vec(),
            Self::Leb128 => {
                let bits = |place: u32| (operand >> (7 * place)) as u8 & 0x7f;
                (0..4).map(|place| bits(place) | 0x80).chain([bits(4)]).collect()
            }
        }
    }
}

/// What a request to a gateway with the code of this number is answered.
pub(crate) fn answer_of(number: usize) -> String {
    format!("the code of generation {number:04}")
}

/// Puts a file in its place as one should: beside it, then by a rename.
pub(crate) fn put(path: &Path, content: &[u8]) {
    let new = path.with_extension("new");
    std::fs::write(&new, content).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(&new, path).unwrap();
}

/// A gateway with an app dir of its own.
pub(crate) struct House {
    folder: tempfile::TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A config of these plugins.
    pub(crate) fn config(&self, plugins: Json) -> Config {
        let text = json!({
            "plugins": plugins,
            "detect_providers": false,
            "providers": { "demo": {} },
            "server": { "port": 0, "workers": 1 },
        });
        gatewright::config::parse(text.to_string().as_bytes()).unwrap_or_else(|errors| panic!("{errors}")).config
    }

    /// Starts a gateway.
    pub(crate) async fn start_with(&self, config: Config) -> Result<Started, Error> {
        let app_dir = self.path("app");
        std::fs::create_dir_all(&app_dir).unwrap();
        Gateway::builder().config(config).app_dir(app_dir).start().await
    }

    /// The copies of artefacts that are kept.
    pub(crate) fn copies(&self) -> usize {
        let entries = std::fs::read_dir(self.path("app/plugins")).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_type().unwrap().is_file()).count()
    }
}

/// A status and a body.
pub(crate) type Answer = (u16, String);

/// Asks the demo provider's model.
pub(crate) async fn ask(address: SocketAddr, prompt: &str) -> Answer {
    post(address, &json!({ "model": "demo/echo", "messages": [{ "role": "user", "content": prompt }] })).await
}

/// Asks for a completion.
pub(crate) async fn post(address: SocketAddr, body: &Json) -> Answer {
    let body = body.to_string();
    let head =
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json";
    exchange(address, &format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await
}

/// Gets a page.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")).await
}

async fn exchange(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

/// Stops a gateway.
pub(crate) async fn stop(started: Started) {
    assert!(started.drain(Duration::from_secs(5)).await);
}
