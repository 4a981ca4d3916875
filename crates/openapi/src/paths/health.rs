//! `/v1/health`

use serde_json::json;

use crate::{
    operation::{Answer, Operation, Path, get, path},
    schema::of,
};

pub(super) fn paths() -> Vec<Path> {
    let show = Operation::open("showHealth", "Ask whether the service can do its work")
        .says("Reads both stores. Needs no key.")
        .without_key()
        .answers(
            200,
            Answer::json("It can.", of("Health"), json!({ "status": "ok" })),
        );
    vec![path("/v1/health", [get(show)])]
}
