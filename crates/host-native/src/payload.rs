//! A payload as one tree: head and parts, read when a path leads there, and what was edited of it.

mod fit;

use crate::tree::Node;
use bytes::Bytes;
use gatewright_abi::document::NotADocument;
use gatewright_abi::native::Status;
use gatewright_abi::{NotGiven, Part, document};
use gatewright_plugin::Hook;
use std::collections::BTreeSet;

/// The longest path.
const MAX_PATH_BYTES: usize = 1024;

/// Gives a part.
pub(crate) type Fetch<'f> = &'f dyn Fn(Part) -> Result<Bytes, NotGiven>;

/// A function of the host refused, and why.
#[derive(Debug, PartialEq)]
pub(crate) struct Refused(pub(crate) Status, pub(crate) String);

/// The payload of a call, as far as it was read.
#[derive(Debug)]
pub(crate) struct Payload {
    hook: Hook,
    root: Node,
    context: [Option<Node>; 3],
    loaded: Vec<usize>,
    edits: Edits,
}

/// What was edited.
#[derive(Debug, Default)]
struct Edits {
    /// The first members of the paths that were written, behind what the hook edits.
    members: Vec<String>,
    /// The headers that were written, in lower case.
    headers: Vec<String>,
    /// The places of the texts that were replaced.
    texts: BTreeSet<u32>,
}

/// Where a part stands in the tree of a hook.
struct Place {
    part: Part,
    /// What leads there.
    prefix: &'static [&'static str],
    /// Its name there; without one its members stand beside the head's.
    name: Option<&'static str>,
}

/// What edits of a hook are.
enum Editable {
    Nothing,
    /// The whole tree behind this.
    Whole(&'static [&'static str]),
    Request,
    Response,
    Result,
    HttpRequest,
    HttpResponse,
}

const BODY: &str = "body";
const TEXTS: &str = "texts";

/// What a request has beside its conversation.
const HEAD: [&str; 4] = ["kind", "provider", "model", "stream"];

fn places(hook: Hook) -> &'static [Place] {
    const fn at(part: Part, prefix: &'static [&'static str], name: Option<&'static str>) -> Place {
        Place { part, prefix, name }
    }
    const CHAT: &[Place] = &[at(Part::Texts, &[], Some(TEXTS)), at(Part::Chat, &[], None)];
    const CHAT_OF_ERROR: &[Place] = &[at(Part::Texts, &["request"], Some(TEXTS)), at(Part::Chat, &["request"], None)];
    const OUTPUT: &[Place] = &[at(Part::Output, &[], Some("output"))];
    const OUTPUT_OF_RESULT: &[Place] =
        &[at(Part::Output, &["response"], Some("output")), at(Part::Output, &["stream_end"], Some("output"))];
    const REQUEST: &[Place] = &[at(Part::RequestBody, &[], Some(BODY))];
    const INNER_REQUEST: &[Place] = &[at(Part::RequestBody, &["request"], Some(BODY))];
    const EXCHANGE: &[Place] =
        &[at(Part::RequestBody, &["request"], Some(BODY)), at(Part::ResponseBody, &["response"], Some(BODY))];
    match hook {
        Hook::PreRequest | Hook::CheckInput | Hook::PreLlm | Hook::BeforeModel => CHAT,
        Hook::OnModelError => CHAT_OF_ERROR,
        Hook::AfterModel => OUTPUT,
        Hook::PostLlm | Hook::CheckOutput => OUTPUT_OF_RESULT,
        Hook::HttpRequest | Hook::PreAuth | Hook::PostAuth => REQUEST,
        Hook::HttpStreamChunk | Hook::Auth | Hook::Endpoint => INNER_REQUEST,
        Hook::HttpResponse => EXCHANGE,
        _ => &[],
    }
}

fn editable(hook: Hook) -> Editable {
    match hook {
        Hook::PreLlm | Hook::BeforeModel => Editable::Request,
        Hook::AfterModel => Editable::Response,
        Hook::PostLlm => Editable::Result,
        Hook::HttpRequest | Hook::PreAuth | Hook::PostAuth => Editable::HttpRequest,
        Hook::HttpResponse => Editable::HttpResponse,
        Hook::HttpStreamChunk => Editable::Whole(&["chunk"]),
        Hook::AfterTool => Editable::Whole(&["answer"]),
        Hook::OnStreamChunk
        | Hook::OnUserMessage
        | Hook::BeforeAgent
        | Hook::BeforeTool
        | Hook::OnEvent
        | Hook::BeforeCreate
        | Hook::BeforeUpdate
        | Hook::BeforeDelete => Editable::Whole(&[]),
        _ => Editable::Nothing,
    }
}

// === impl Refused ===

impl From<NotGiven> for Refused {
    fn from(why: NotGiven) -> Self {
        let status = match &why {
            NotGiven::Nothing(_) => Status::Missing,
            NotGiven::NotAskedFor => Status::Denied,
            // Not as if there were nothing: who guards must not let pass what it cannot see.
            NotGiven::Unreadable(_) => Status::Error,
        };
        Self(status, why.to_string())
    }
}

impl From<NotADocument> for Refused {
    fn from(error: NotADocument) -> Self {
        Self(Status::Error, error.to_string())
    }
}

// === impl Payload ===

impl Payload {
    /// Of a head.
    pub(crate) fn of(hook: Hook, head: &[u8]) -> Self {
        // The host's own heads are legal.
        let mut root = own(head).unwrap_or(Node::Null);
        if let Some(place) = places(hook).iter().find(|place| matches!(place.part, Part::Chat))
            && let Some(request) = walk(&mut root, place.prefix)
        {
            say_what_goes_without(request);
        }
        Self { hook, root, context: [const { None }; 3], loaded: Vec::new(), edits: Edits::default() }
    }

    /// What stands at a path; `None` if there is nothing.
    pub(crate) fn get(&mut self, path: &str, fetch: Fetch<'_>) -> Result<Option<&Node>, Refused> {
        let segments = segments(path)?;
        if let Some(place) = self.load_context(segments[0], fetch)? {
            return self.context[place].as_ref().map_or(Ok(None), |context| end(context, &segments, 1));
        }
        self.load(&segments, fetch)?;
        end(&self.root, &segments, 0)
    }

    /// A text of the state, whatever its key is.
    pub(crate) fn state(&mut self, key: &str, fetch: Fetch<'_>) -> Result<Option<&Node>, Refused> {
        let place = self.load_context("state", fetch)?;
        Ok(place.and_then(|place| self.context[place].as_ref()?.member(key)))
    }

    /// Reads facts, state or scratchpad, which every hook has; `None` if it is none of them.
    fn load_context(&mut self, first: &str, fetch: Fetch<'_>) -> Result<Option<usize>, Refused> {
        let (place, part) = match first {
            "facts" => (0, Part::Facts),
            "state" => (1, Part::State),
            "scratch" => (2, Part::Scratch),
            _ => return Ok(None),
        };
        if self.context[place].is_none() {
            let node = match (part, fetch(part)?) {
                (Part::Scratch, bytes) if bytes.is_empty() => Node::Null,
                (Part::State, bytes) => values(own(&bytes)?),
                (_, bytes) => own(&bytes)?,
            };
            self.context[place] = Some(node);
        }
        Ok(Some(place))
    }

    /// Reads the part that a path leads into.
    fn load(&mut self, segments: &[&str], fetch: Fetch<'_>) -> Result<(), Refused> {
        for (number, place) in places(self.hook).iter().enumerate() {
            let Some(rest) = segments.strip_prefix(place.prefix) else { continue };
            let Some(next) = rest.first().copied() else { continue };
            let Some(node) = self.root.at(place.prefix.iter().copied()) else { continue };
            let leads_there = place.name.map_or_else(|| node.member(next).is_none(), |name| name == next);
            if !leads_there || self.loaded.contains(&number) {
                continue;
            }
            let bytes = fetch(place.part)?;
            let part = match place.part {
                Part::RequestBody | Part::ResponseBody => Node::Bytes(bytes),
                _ => own(&bytes)?,
            };
            self.loaded.push(number);
            let Some(node) = walk(&mut self.root, place.prefix) else { continue };
            match (place.name, part) {
                (Some(name), part) => node.put(name, part),
                (None, Node::Map(members)) => members.into_iter().for_each(|(name, part)| node.put(&name, part)),
                (None, _) => {}
            }
        }
        Ok(())
    }

    /// Proposes another value at a path.
    pub(crate) fn set(&mut self, path: &str, value: Node, fetch: Fetch<'_>) -> Result<(), Refused> {
        let segments = segments(path)?;
        let behind = match editable(self.hook) {
            Editable::Nothing => {
                return Err(Refused(Status::Unsupported, format!("{} edits nothing", self.hook)));
            }
            Editable::Whole(prefix) => prefix,
            Editable::HttpResponse => &["response"],
            Editable::Request | Editable::Response | Editable::Result | Editable::HttpRequest => &[],
        };
        let rest = segments.strip_prefix(behind).filter(|rest| !rest.is_empty());
        let Some([first, rest @ ..]) = rest else {
            return Err(Refused(Status::Unsupported, format!("{} does not edit `{path}`", self.hook)));
        };
        let Some(fit) = fit::of(self.hook, &segments) else {
            return Err(Refused(Status::Unsupported, format!("{} does not edit `{path}`", self.hook)));
        };
        let other = |member: &String| match *first {
            TEXTS => is_of_chat(member),
            first => is_of_chat(first) && member == TEXTS,
        };
        if matches!(editable(self.hook), Editable::Request) && self.edits.members.iter().any(other) {
            let either = "a call edits either `texts` or the messages themselves";
            return Err(Refused(Status::Unsupported, either.to_owned()));
        }
        let place = match (editable(self.hook), segments.as_slice()) {
            (Editable::Request, [TEXTS, place, "1"]) => Some(place.parse::<u32>().map_err(|_| nowhere(&segments))?),
            (Editable::Request, [TEXTS, ..]) => {
                return Err(Refused(Status::Unsupported, "a text is at `texts/N/1`".to_owned()));
            }
            _ => None,
        };
        self.load(&segments, fetch)?;
        fit.replace(&mut self.root, &segments, value)?;
        self.edits.texts.extend(place);
        if !self.edits.members.iter().any(|member| member == first) {
            self.edits.members.push((*first).to_owned());
        }
        if let ("headers", [name, ..]) = (*first, rest) {
            let name = name.to_ascii_lowercase();
            if !self.edits.headers.contains(&name) {
                self.edits.headers.push(name);
            }
        }
        Ok(())
    }

    /// What was edited, as the answer has it.
    pub(crate) fn edits(&self) -> Option<Node> {
        if self.edits.members.is_empty() {
            return None;
        }
        let root = &self.root;
        match editable(self.hook) {
            Editable::Nothing => None,
            Editable::Whole(prefix) => root.at(prefix.iter().copied()).cloned(),
            Editable::Request => Some(self.request_edits()),
            Editable::Response => Some(edited_response(root)),
            Editable::Result => {
                let mut root = root.clone();
                for name in ["response", "stream_end"] {
                    if let Some(response) = root.member_mut(name) {
                        *response = edited_response(response);
                    }
                }
                Some(root)
            }
            Editable::HttpRequest => Some(self.http_edits(root)),
            Editable::HttpResponse => root.member("response").map(|response| self.http_edits(response)),
        }
    }

    fn request_edits(&self) -> Node {
        let mut edits = Node::map([]);
        let mut chat = Node::map([]);
        if let Node::Map(members) = &self.root {
            for (name, value) in members {
                match &**name {
                    TEXTS => {}
                    name if HEAD.contains(&name) => edits.put(name, value.clone()),
                    name => chat.put(name, value.clone()),
                }
            }
        }
        if !self.edits.texts.is_empty() {
            let replaced = |place: &u32| {
                let text = self.root.at([TEXTS, &place.to_string(), "1"]).cloned();
                Node::List(vec![Node::Int(i64::from(*place)), text.unwrap_or(Node::Null)])
            };
            edits.put(TEXTS, Node::List(self.edits.texts.iter().map(replaced).collect()));
        }
        if self.edits.members.iter().any(|member| is_of_chat(member)) {
            if let Some(Node::List(messages)) = chat.member_mut("messages") {
                messages.iter_mut().for_each(leave_origin);
            }
            edits.put("chat", chat);
        }
        edits
    }

    fn http_edits(&self, from: &Node) -> Node {
        let mut edits = Node::map([]);
        for name in &self.edits.members {
            let edited = match &**name {
                "headers" => Some(Node::List(self.edits.headers.iter().map(|name| header(from, name)).collect())),
                name => from.member(name).cloned(),
            };
            if let Some(edited) = edited {
                edits.put(name, edited);
            }
        }
        edits
    }
}

/// What the host itself wrote.
fn own(bytes: &[u8]) -> Result<Node, NotADocument> {
    document::read_with(bytes, document::checked)
}

/// Puts into a request's head what is not said there, so that paths lead to it.
fn say_what_goes_without(request: &mut Node) {
    for (name, value) in [("kind", Node::text("chat")), ("stream", Node::Bool(false))] {
        if request.member(name).is_none() {
            request.put(name, value);
        }
    }
}

/// Leaves of a message that was not edited its origin alone, which stands for it.
fn leave_origin(message: &mut Node) {
    if let Some(origin) = message.take("origin") {
        *message = Node::map([("origin", origin)]);
    }
}

/// A header with all its values.
fn header(from: &Node, name: &str) -> Node {
    let pairs: &[Node] = match from.member("headers") {
        Some(Node::List(pairs)) => pairs,
        _ => &[],
    };
    let values = pairs.iter().filter_map(|pair| match pair {
        Node::List(pair) => match pair.as_slice() {
            [Node::Text(of), value] if of.eq_ignore_ascii_case(name.as_bytes()) => Some(value.clone()),
            _ => None,
        },
        _ => None,
    });
    Node::List(vec![Node::text(name), Node::List(values.collect())])
}

fn edited_response(response: &Node) -> Node {
    let mut edited = response.clone();
    edited.put("edited", Node::Bool(true));
    if let Some(Node::List(choices)) = walk(&mut edited, &["output", "chat", "choices"]) {
        choices.iter_mut().filter_map(|choice| choice.member_mut("message")).for_each(leave_origin);
    }
    edited
}

/// State values say of which kind they are; paths do not.
fn values(state: Node) -> Node {
    let Node::List(pairs) = state else { return state };
    let members = pairs.into_iter().filter_map(|pair| {
        let Node::List(pair) = pair else { return None };
        let mut pair = pair.into_iter();
        match (pair.next(), pair.next()) {
            (Some(Node::Text(key)), Some(Node::Map(kind))) => {
                let value = kind.into_iter().next().map_or(Node::Null, |(_, value)| value);
                Some((String::from_utf8_lossy(&key).into_owned(), value))
            }
            _ => None,
        }
    });
    Node::Map(members.collect())
}

/// Whether a member of a request is one of its conversation, but for the texts, which stand beside it.
fn is_of_chat(member: &str) -> bool {
    member != TEXTS && !HEAD.contains(&member)
}

fn nowhere(path: &[&str]) -> Refused {
    Refused(Status::Missing, format!("there is nothing at `{}`", path.join("/")))
}

/// Of bytes that were passed for a text.
pub(crate) fn no_utf8() -> Refused {
    Refused(Status::Invalid, "a text must be UTF-8".to_owned())
}

/// What stands at the end of a path, whose segments before `from` led here. It goes through lists and maps alone.
fn end<'n>(root: &'n Node, path: &[&str], from: usize) -> Result<Option<&'n Node>, Refused> {
    let mut node = root;
    for (number, segment) in path.iter().enumerate().skip(from) {
        match node.step(segment) {
            Some(next) => node = next,
            None if node.has_entries() => return Ok(None),
            None => return Err(no_way(&path[..number])),
        }
    }
    Ok(Some(node))
}

fn no_way(path: &[&str]) -> Refused {
    Refused(Status::Invalid, format!("what stands at `{}` is no list or map", path.join("/")))
}

fn segments(path: &str) -> Result<Vec<&str>, Refused> {
    if path.is_empty() || path.len() > MAX_PATH_BYTES {
        return Err(Refused(Status::Invalid, format!("a path has 1 to {MAX_PATH_BYTES} bytes")));
    }
    Ok(path.split('/').collect())
}

fn walk<'n>(root: &'n mut Node, path: &[&str]) -> Option<&'n mut Node> {
    path.iter().try_fold(root, |node, segment| node.step_mut(segment))
}

/// Puts a value in place of what stands at a path. Messages on the way are no longer as they were.
fn replace(root: &mut Node, path: &[&str], value: Node) -> Result<(), Refused> {
    let nowhere = || nowhere(path);
    let [way @ .., last] = path else { return Err(nowhere()) };
    let mut node = root;
    for segment in way {
        node.take("origin");
        node = node.step_mut(segment).ok_or_else(nowhere)?;
    }
    if !node.has_entries() {
        return Err(no_way(way));
    }
    node.take("origin");
    if let Some(old) = node.step_mut(last) {
        *old = match (&*old, value) {
            (Node::Bytes(_), Node::Text(bytes) | Node::Bytes(bytes)) => Node::Bytes(bytes),
            (Node::Text(_) | Node::Null, value @ Node::Text(_)) => value,
            (
                Node::Int(_) | Node::Unsigned(_) | Node::Float(_) | Node::Null,
                value @ (Node::Int(_) | Node::Float(_)),
            ) => value,
            (Node::Text(_) | Node::Null, Node::Bytes(_)) => return Err(no_utf8()),
            _ => {
                let what = format!("what stands at `{}` is of another kind", path.join("/"));
                return Err(Refused(Status::Invalid, what));
            }
        };
        if way.last() == Some(&"headers") {
            node.leave_first(last);
        }
        return Ok(());
    }
    match node {
        _ if matches!(value, Node::Bytes(_)) => {
            return Err(no_utf8());
        }
        Node::Map(_) => node.put(last, value),
        // A header or a member of the query that was not there.
        Node::List(pairs) if matches!(way, [.., "headers" | "query"]) => {
            pairs.push(Node::List(vec![Node::text(*last), value]));
        }
        _ => return Err(nowhere()),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
