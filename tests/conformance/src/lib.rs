//! A receiver for whoever integrates: it says whether signatures verify and why not, shows what came, and
//! misbehaves where the path of an action's URL asks for it.
//!
//! ```text
//! connection ──▶ server ──▶ signature: does it verify? ──▶ behaviour: what does the path ask for?
//!                  │                                             │
//!                  └──────▶ log: what came, and how often ◀──────┤
//!                                  │                             ▼
//!                               render: a line, a list         act: what HTTP has no words for
//! ```
//!
//! `signature`, `behaviour`, `log` and `render` do no I/O, and take the time as an argument.

mod act;
mod behaviour;
mod log;
mod render;
mod server;
mod signature;

pub use behaviour::{Act, Answer, Behaviour, Misnamed, Plan, Row, TABLE};
pub use log::{Occurrence, Received};
pub use render::behaviours;
pub use server::{Limits, Server, Settings};
pub use signature::{Keys, Refusal, Signer, TOLERANCE, Verdict};
