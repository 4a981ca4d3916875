//! A guest that does what a request tells it, so that a test sees what its host does.
//!
//! The path below the component's route says what to do, the query how:
//!
//! | path | does |
//! |---|---|
//! | `/echo` or nothing | tells method, path and headers, and which number of request this is for the instance |
//! | `/read` | tells the length of the request's body, or the error that ended it |
//! | `/body?bytes=` | answers with a body of so many bytes |
//! | `/key-value/OPERATION?store=&key=` | one operation; the body of the request is the value |
//! | `/sqlite?database=` | the lines of the body as statements, on one connection |
//! | `/sqlite-connections?count=` | opens so many connections at once |
//! | `/variable?name=`, `/environment?name=` | its value |
//! | `/fetch?url=&connect=&first=&between=` | sends a GET, with timeouts in milliseconds; tells the answer or the error |
//! | `/after?ms=&key=` | answers, waits, then writes the key |
//! | `/halves?ms=` | hands the response over, then writes its body in two halves, with a wait in between |
//! | `/sleep?ms=&key=` | waits, writes the key if there is one, then answers; `&begun=` is a key written before the wait |
//! | `/spin?ms=` | computes for so long, then answers |
//! | `/trap`, `/trap-after`, `/silent` | traps, traps after answering, returns without answering |
//! | `/log?text=` | writes to its standard output and error |
//!
//! Where the host refuses something, the answer is 422 with the error as its body.

mod answer;
mod fetch;
mod stores;

use std::cell::Cell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use spin_sdk::http::{IncomingRequest, ResponseOutparam};
use spin_sdk::http_component;
use spin_sdk::key_value::Store;

use answer::{answer, answer_in_halves};

/// What a refused operation is answered with.
const REFUSED: u16 = 422;

thread_local! {
    static REQUESTS: Cell<u32> = const { Cell::new(0) };
}

/// A request, read as far as a test's command needs.
struct Command {
    method: String,
    /// Path and query as the guest got them.
    uri: String,
    headers: Vec<(String, String)>,
    query: HashMap<String, String>,
}

impl Command {
    fn read(request: &IncomingRequest) -> Self {
        let uri = request.path_with_query().unwrap_or_default();
        let query = uri.split_once('?').map_or("", |(_, query)| query);
        Self {
            method: request.method().to_string(),
            query: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            headers: request
                .headers()
                .entries()
                .into_iter()
                .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
                .collect(),
            uri,
        }
    }

    fn header(&self, name: &str) -> &str {
        // The host appends its own headers; those before them are the client's.
        self.headers
            .iter()
            .rev()
            .find(|(found, _)| found == name)
            .map_or("", |(_, value)| value)
    }

    fn text(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    fn number(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or_default()
    }

    fn duration(&self, name: &str) -> Option<Duration> {
        self.query
            .contains_key(name)
            .then(|| Duration::from_millis(self.number(name)))
    }
}

#[http_component]
async fn handle(request: IncomingRequest, out: ResponseOutparam) {
    REQUESTS.set(REQUESTS.get() + 1);
    let command = Command::read(&request);
    let path = command.header("spin-path-info").to_owned();
    let mut words = path.trim_matches('/').split('/');
    match words.next().unwrap_or_default() {
        "" | "echo" => answer(out, 200, echo(&command).as_bytes()),
        "read" => match request.into_body().await {
            Ok(body) => answer(out, 200, body.len().to_string().as_bytes()),
            Err(error) => answer(out, REFUSED, error.to_debug_string().as_bytes()),
        },
        "body" => {
            let bytes = usize::try_from(command.number("bytes")).unwrap_or_default();
            answer(out, 200, &vec![b'x'; bytes]);
        }
        "key-value" => {
            let body = request.into_body().await.unwrap_or_default();
            let operation = words.next().unwrap_or_default();
            match stores::key_value(operation, &command, &body) {
                Ok(value) => answer(out, 200, &value),
                Err(error) => answer(out, REFUSED, format!("{error:?}").as_bytes()),
            }
        }
        "sqlite" => {
            let body = request.into_body().await.unwrap_or_default();
            match stores::sqlite(&command, &String::from_utf8_lossy(&body)) {
                Ok(text) => answer(out, 200, text.as_bytes()),
                Err(error) => answer(out, REFUSED, format!("{error:?}").as_bytes()),
            }
        }
        "sqlite-connections" => match stores::connections(command.number("count")) {
            Ok(()) => answer(out, 200, b""),
            Err(error) => answer(out, REFUSED, format!("{error:?}").as_bytes()),
        },
        "variable" => match spin_sdk::variables::get(command.text("name")) {
            Ok(value) => answer(out, 200, value.as_bytes()),
            Err(error) => answer(out, REFUSED, format!("{error:?}").as_bytes()),
        },
        "environment" => {
            let value = std::env::var(command.text("name")).unwrap_or_default();
            answer(out, 200, value.as_bytes());
        }
        "fetch" => match fetch::fetch(&command) {
            Ok(text) => answer(out, 200, &text),
            Err(error) => answer(out, REFUSED, error.as_bytes()),
        },
        "after" => {
            answer(out, 200, b"");
            std::thread::sleep(command.duration("ms").unwrap_or_default());
            write(command.text("key"));
        }
        "halves" => answer_in_halves(out, command.duration("ms").unwrap_or_default()),
        "sleep" => {
            write(command.text("begun"));
            std::thread::sleep(command.duration("ms").unwrap_or_default());
            write(command.text("key"));
            answer(out, 200, b"");
        }
        "spin" => {
            let end = Instant::now() + command.duration("ms").unwrap_or_default();
            while Instant::now() < end {
                // A call to the host every now and then must not be what lets the host end the guest.
                std::hint::black_box((0..1_000_000u64).fold(0, |sum, next| sum ^ next));
            }
            answer(out, 200, b"");
        }
        "trap" => panic!("told to"),
        "trap-after" => {
            answer(out, 200, b"answered");
            panic!("told to, after answering");
        }
        "silent" => drop(out),
        "log" => {
            println!("out: {}", command.text("text"));
            eprintln!("err: {}", command.text("text"));
            answer(out, 200, b"");
        }
        _ => answer(out, 404, b"the probe does not know this"),
    }
}

/// Writes `key`, if there is one.
fn write(key: &str) {
    if key.is_empty() {
        return;
    }
    let store = Store::open_default().expect("the store is granted");
    store.set(key, b"written").expect("the store takes the key");
}

fn echo(command: &Command) -> String {
    let mut text = format!("{} {}\n", command.method, command.uri);
    for (name, value) in &command.headers {
        text += &format!("{name}: {value}\n");
    }
    text += &format!("request of this instance: {}\n", REQUESTS.get());
    text
}
