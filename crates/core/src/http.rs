//! `/health` and `/metrics` over HTTP, for monitors: two pages, GET and HEAD, nothing that changes anything.
//!
//! Everything has a limit: so many connections, so long for a request, and a page that was read lately is given again, so that
//! whoever asks too often costs the database nothing.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};

use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::letter::Lane;
use crate::health;
use crate::metrics;
use crate::stop::Stop;
use crate::store::Store;
use crate::timekeeper::Timekeeper;

/// Connections at a time; more wait.
const CONNECTIONS: usize = 16;
/// How long a request's header may take, and a connection in all.
const HEADER_LIMIT: Duration = Duration::from_secs(5);
const CONNECTION_LIMIT: Duration = Duration::from_secs(60);
/// A page is read anew after so long; that of the metrics counts rows.
const FRESH: Duration = Duration::from_secs(2);
const METRICS_FRESH: Duration = Duration::from_secs(5);
/// The pause after the port could not be had.
const PAUSE: Duration = Duration::from_secs(5);

const JSON: &str = "application/json";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers monitors.
pub(crate) struct Http {
    pub(crate) at: SocketAddr,
    pub(crate) lane: Lane,
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timekeeper: Arc<Timekeeper>,
    pub(crate) stop: Stop,
    pub(crate) health: Mutex<Option<(Instant, Page)>>,
    pub(crate) metrics: Mutex<Option<(Instant, Page)>>,
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    status: StatusCode,
    kind: &'static str,
    body: Bytes,
}

impl Http {
    /// Answers until a stop is asked for.
    pub(crate) async fn run(self) {
        let this = Arc::new(self);
        let mut said = false;
        let listener = loop {
            match TcpListener::bind(this.at).await {
                Ok(listener) => break listener,
                Err(error) if !said => {
                    said = true;
                    tracing::warn!(at = %this.at, %error, "monitors are not answered: the port cannot be had");
                }
                Err(_) => {}
            }
            if !this.stop.sleep(PAUSE).await {
                return;
            }
        };
        tracing::info!(at = %this.at, "answers monitors");
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let next = async {
                let place = room.clone().acquire_owned().await;
                (place, listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                next = next => next,
                () = this.stop.asked() => return,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Too many open files, or the peer is gone: others may be answered later.
                    tracing::debug!(%error, "a monitor's connection was not taken");
                    if !this.stop.sleep(Duration::from_millis(100)).await {
                        return;
                    }
                    continue;
                }
            };
            let serving = this.clone();
            tokio::spawn(async move {
                let _place = place;
                let stop = serving.stop.clone();
                let answering = service_fn(|request| serving.answer(request));
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADER_LIMIT)
                    .max_buf_size(16 * 1024)
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), answering);
                tokio::select! {
                    // What goes wrong there is the monitor's.
                    _ = tokio::time::timeout(CONNECTION_LIMIT, connection) => {}
                    () = stop.asked() => {}
                }
            });
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let is_read = [Method::GET, Method::HEAD].contains(request.method());
        let page = match request.uri().path() {
            _ if !is_read => plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n"),
            "/health" => fresh(&self.health, FRESH, self.health_page()).await,
            "/metrics" => fresh(&self.metrics, METRICS_FRESH, self.metrics_page()).await,
            _ => plain(StatusCode::NOT_FOUND, "there are /health and /metrics\n"),
        };
        let mut response = Response::new(Full::new(page.body));
        *response.status_mut() = page.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if !is_read {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        Ok(response)
    }

    async fn health_page(&self) -> Page {
        let now = self.clock.now();
        let (good, vitals) = match health::vitals(&self.store, &self.settings, self.lane, now).await
        {
            Ok(vitals) => {
                let good = vitals.iter().all(|vital| vital.good);
                (good, serde_json::json!({ "good": good, "vitals": vitals }))
            }
            Err(error) => (
                false,
                serde_json::json!({ "good": false, "problem": error.to_string() }),
            ),
        };
        Page {
            status: if good {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            },
            kind: JSON,
            body: format!("{vitals}\n").into(),
        }
    }

    async fn metrics_page(&self) -> Page {
        let now = self.clock.now();
        let text = metrics::page(
            &self.store,
            &self.settings,
            self.lane,
            &self.timekeeper,
            now,
        )
        .await;
        Page {
            status: StatusCode::OK,
            kind: OPEN_METRICS,
            body: text.into(),
        }
    }
}

fn plain(status: StatusCode, words: &'static str) -> Page {
    Page {
        status,
        kind: "text/plain; charset=utf-8",
        body: Bytes::from_static(words.as_bytes()),
    }
}

/// The page as it was read lately, or read now; one reads it for all who wait.
async fn fresh(
    kept: &Mutex<Option<(Instant, Page)>>,
    fresh_for: Duration,
    read: impl Future<Output = Page>,
) -> Page {
    let mut kept = kept.lock().await;
    if let Some((at, page)) = &*kept
        && at.elapsed() < fresh_for
    {
        return page.clone();
    }
    let page = read.await;
    *kept = Some((Instant::now(), page.clone()));
    page
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::clock::ManualClock;
    use crate::config;
    use crate::config::testing::write_secret;
    use crate::stop::Stopper;

    async fn ask(at: SocketAddr, request: &str) -> String {
        let mut answer = String::new();
        for _ in 0..200 {
            if let Ok(mut stream) = TcpStream::connect(at).await {
                stream
                    .write_all(format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
                    .await
                    .expect("asked");
                stream.read_to_string(&mut answer).await.expect("answered");
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        answer
    }

    #[tokio::test]
    async fn monitors_are_told_how_the_desk_is_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a directory");
        write_secret(&dir.path().join("mail.password"), "hunter2\n");
        let file = dir.path().join("ninetosix.toml");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = free.local_addr().expect("a port");
        drop(free);
        let toml = "[database]\nurl = \"sqlite:desk.db\"\n[identity]\nrequire = \"token\"\n\
             [[mailbox]]\naddress = \"help@school.test\"\npassword_file = \"mail.password\"\nprovider = \"yandex\"\n\
             [[specialist]]\nlogin = \"ivan\"\nname = \"Ivan\"\naddress = \"ivan@school.test\"\n";
        std::fs::write(&file, toml).expect("written");
        let settings = config::load(&file).expect("sound");
        let store = Store::open(&settings.database).await.expect("opens");
        let clock = Arc::new(ManualClock::new(
            "2026-11-24T09:00:00Z".parse().expect("an instant"),
        ));
        store
            .beat("poll:help@school.test", None, clock.now())
            .await
            .expect("recorded");
        let (stopper, stop) = Stopper::new();
        let http = Http {
            at,
            lane: Lane::Poller,
            settings,
            store: store.clone(),
            clock: clock.clone(),
            timekeeper: Arc::new(Timekeeper::new(clock.clone(), false)),
            stop,
            health: Mutex::default(),
            metrics: Mutex::default(),
        };
        let serving = tokio::spawn(http.run());

        let well = ask(at, "GET /health").await;
        assert!(
            well.starts_with("HTTP/1.1 200 OK\r\n") && well.contains("application/json"),
            "{well}"
        );
        assert!(
            well.contains("\"good\":true") && well.contains("poll:help@school.test"),
            "{well}"
        );
        let page = ask(at, "GET /metrics?x=1").await;
        assert!(
            page.contains("application/openmetrics-text") && page.ends_with("# EOF\n"),
            "{page}"
        );
        for line in [
            "ninetosix_up 1.0",
            "ninetosix_vital_good{vital=\"poll:help@school.test\"} 1.0",
            "ninetosix_vital_age_seconds{vital=\"poll:help@school.test\"} 0.0",
            "# TYPE process_resident_memory_bytes gauge",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
        assert!(!page.contains("hunter2"));
        assert!(ask(at, "HEAD /health").await.ends_with("\r\n\r\n"));
        assert!(ask(at, "GET /").await.starts_with("HTTP/1.1 404 "));
        assert!(ask(at, "POST /health").await.starts_with("HTTP/1.1 405 "));
        assert!(ask(at, "nonsense").await.starts_with("HTTP/1.1 400 "));

        // A page is given again for two seconds; then it is read anew.
        clock.advance(TimeDelta::minutes(11));
        tokio::time::sleep(FRESH).await;
        let ill = ask(at, "GET /health").await;
        assert!(
            ill.starts_with("HTTP/1.1 503 ") && ill.contains("\"good\":false"),
            "{ill}"
        );
        store.close().await.expect("closes");
        tokio::time::sleep(METRICS_FRESH).await;
        let gone = ask(at, "GET /health").await;
        assert!(
            gone.starts_with("HTTP/1.1 503 ") && gone.contains("problem"),
            "{gone}"
        );
        assert!(ask(at, "GET /metrics").await.contains("ninetosix_up 0.0"));
        stopper.stop();
        serving.await.expect("it ends");
    }
}
