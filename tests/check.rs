//! What operators ask before anything runs: `init` writes a configuration that works, and every advice of `check` is
//! provoked, in both languages, with real servers where they can be made to fail.

#![allow(clippy::panic, reason = "that is how a test fails")]

mod support;

#[path = "check/init.rs"]
mod init;
#[path = "check/provoke.rs"]
mod provoke;
#[path = "check/scene.rs"]
mod scene;
#[path = "check/send.rs"]
mod send;
#[path = "check/tls_server.rs"]
mod tls_server;
