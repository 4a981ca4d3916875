//! What the embedded host does, shown with the probe guest.
//!
//! Where `SPIN` names a Spin program, the tests of everything that is Spin's behaviour run on that instead, so that the claim
//! "as Spin does" is itself tested. Only [`fermyon_cloud`] and [`library`] are about the embedded host alone.

mod fermyon_cloud;
mod http_in;
mod http_out;
mod instances;
mod key_value;
mod library;
mod sqlite;
mod support;
mod variables;
