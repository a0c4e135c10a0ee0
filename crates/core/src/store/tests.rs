//! The store on both engines. `NINETOSIX_TEST_POSTGRES_URL` names a private PostgreSQL (`tests/run.sh` starts one and
//! sets it); each test makes a database of its own.

mod alerts;
mod backup;
mod erasure;
mod intake;
mod lab;
mod loops;
mod moving;
mod outbox;
mod promise;
mod quiet;
mod registration;
mod schema;
mod sending;
