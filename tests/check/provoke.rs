//! Every advice of `check`, and what makes it give it. A new one does not compile before it has its line here.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use ninetosix_core::check::{self, Cure, Report};
use ninetosix_core::clock::{Clock, SystemClock};
use ninetosix_core::config::Language;

use super::scene::{Disk, Forgetful, LANGUAGES, Scene, clock, desk, run, spoil};
use super::support::fimap::{Fimap, Folder};
use super::support::office::at;
use super::support::sink::{Instead, Rule, Sink};
use super::support::tokens::{TokenServer, token};
use super::support::{Config, Database, Desk, Engine, Lab, Letter, Program};
use super::tls_server::{Certificate, TlsServer};

/// Nobody's user: what root may do says nothing.
const NOBODY: &str = "65534";

fn provoke(cure: Cure) -> Scene {
    use Engine::{Postgres, Sqlite};
    use Program::{Poller, Worker};
    match cure {
        Cure::Configuration => {
            let desk = desk(Sqlite, |_| {});
            spoil(&desk, "[identity]\nrequire", "[identity]\nrequires");
            Scene::of(Worker, desk, ())
        }
        Cure::ConfigurationOpen => {
            let desk = desk(Sqlite, |_| {});
            mode(&desk, "ninetosix.toml", 0o666);
            Scene::of(Worker, desk, ())
        }
        Cure::CalendarYear => {
            let desk = desk(Sqlite, |_| {});
            spoil(&desk, "calendar = \"none\"", "calendar = \"ru\"");
            Scene::inside(desk, (), async |settings, file| {
                let clock = clock(at("2027-11-15T12:00:00"));
                ninetosix_worker::check::run(settings, file, &*clock).await
            })
        }
        Cure::HoursApproval => {
            let mut desk = desk(Sqlite, |_| {});
            let approved = "calendar = \"none\"\napproved_on = 2026-08-28";
            spoil(&desk, "calendar = \"none\"", approved);
            desk.start_one(Worker, &[]);
            desk.wait("the hours are remembered", |desk| {
                (desk.database.count("approved_hours") > 0).then_some(())
            });
            desk.stop(Worker);
            spoil(&desk, "mon-sun", "mon-fri");
            Scene::of(Poller, desk, ())
        }
        Cure::TokenKey => {
            let desk = desk(Sqlite, |_| {});
            fs::write(desk.dir().join("token.key"), "12 34\n").expect("a key");
            mode(&desk, "token.key", 0o600);
            Scene::of(Worker, desk, ())
        }
        Cure::TokenAlone | Cure::Operator => Scene::of(Worker, desk(Sqlite, |_| {}), ()),
        Cure::Quiet => {
            let desk = desk(Sqlite, |_| {});
            let done = desk.command(Worker, &["restore", "--here"]);
            assert!(done.status.success(), "{done:?}");
            Scene::of(Worker, desk, ())
        }
        Cure::OperatorCommand => {
            let desk = desk(Sqlite, |config| {
                let command = "[operator]\ncommand = [\"/nonexistent/alert\"]\n";
                config.tables.push_str(command);
            });
            Scene::of(Worker, desk, ())
        }
        Cure::ForeignHost => {
            let desk = desk(Sqlite, |config| {
                config.imap = Some("imaps://imap.gmail.com".to_owned());
            });
            // That host is not to be asked.
            Scene::inside(desk, (), async |settings, file| {
                let mut report = Report::new(settings.language);
                check::configuration(&mut report, settings, file, SystemClock.now());
                report
            })
        }
        Cure::Strays => {
            let mut desk = desk(Sqlite, |_| {});
            desk.start_one(Poller, &[]);
            desk.wait_for_poll();
            let letter = desk.rita_writes("Не открывается", "Помогите.");
            desk.wait_for_outcome(&letter);
            desk.stop(Poller);
            let address = format!("address = \"{}\"", desk.help);
            let other = format!("address = \"other@school.test\"\nuser = \"{}\"", desk.help);
            spoil(&desk, &address, &other);
            Scene::of(Worker, desk, ())
        }
        Cure::Promises => {
            let mut desk = desk(Sqlite, |config| {
                config.tables = "[deadlines]\nfirst_answer = \"9h\"\n".to_owned();
            });
            desk.start();
            desk.rita_opens_a_ticket();
            desk.stop_both();
            spoil(&desk, "00:00-24:00", "11:00-12:00");
            Scene::of(Worker, desk, ())
        }
        Cure::Migrate => {
            let server = std::env::var("NINETOSIX_TEST_POSTGRES_URL").expect("a server");
            let (desk, empty) = (desk(Postgres, |_| {}), Database::on_server(&server));
            spoil(&desk, &desk.database.url(), &empty.url());
            Scene::of(Worker, desk, empty)
        }
        Cure::NewerProgram => {
            let desk = desk(Sqlite, |_| {});
            desk.database
                .execute("UPDATE _sqlx_migrations SET version = 99999");
            Scene::of(Worker, desk, ())
        }
        Cure::Database => {
            let desk = desk(Sqlite, |_| {});
            // A directory where the file should be.
            let url = format!("sqlite:{}", desk.dir().display());
            spoil(&desk, &desk.database.url(), &url);
            Scene::of(Worker, desk, ())
        }
        Cure::DatabaseDirectory => {
            let desk = desk(Sqlite, |_| {});
            spoil(&desk, &desk.database.url(), "sqlite:/nowhere/ninetosix.db");
            Scene::of(Worker, desk, ())
        }
        Cure::DatabaseRights => {
            let desk = desk(Sqlite, |_| {});
            desk.database.execute("DROP TABLE approved_hours");
            Scene::of(Poller, desk, ())
        }
        Cure::DatabaseOpen => {
            let desk = desk(Sqlite, |_| {});
            mode(&desk, "ninetosix.db", 0o644);
            mode(&desk, "", 0o755);
            Scene::of(Worker, desk, ())
        }
        Cure::SynchronousCommit => {
            let desk = desk(Postgres, |_| {});
            let url = desk.database.url();
            let (_, name) = url.rsplit_once('/').expect("a database");
            let set = format!("ALTER DATABASE {name} SET synchronous_commit = off");
            desk.database.execute(&set);
            Scene::of(Worker, desk, ())
        }
        Cure::Fsync => {
            let server = Forgetful::start();
            let url = server.url();
            let desk = Desk::with(&Lab::shared(), |_| Database::on_server(&url), |_| {});
            // The desk's database goes before its server.
            Scene::of(Worker, desk, server)
        }
        Cure::StateDirectory => {
            let desk = desk(Sqlite, |_| {});
            run("chown", &["-R", NOBODY], desk.dir());
            mode(&desk, "", 0o500);
            let as_nobody = ["setpriv", "--reuid", NOBODY, "--clear-groups"];
            Scene::under(&as_nobody, Worker, desk, &[], ())
        }
        Cure::OtherUser => {
            let desk = desk(Sqlite, |_| {});
            run("chown", &[NOBODY], desk.dir());
            Scene::of(Worker, desk, ())
        }
        Cure::Disk => {
            let disk = Disk::mount("4m");
            let desk = Desk::with(&Lab::shared(), |_| Database::in_file(disk.file()), |_| {});
            Scene::of(Worker, desk, disk)
        }
        Cure::ClockDiffers => {
            let clock = clock(SystemClock.now());
            clock.set_database_ahead(TimeDelta::seconds(10));
            Scene::inside(desk(Postgres, |_| {}), (), async move |settings, file| {
                ninetosix_worker::check::run(settings, file, &*clock).await
            })
        }
        Cure::ClockUnwatched => {
            // Whatever keeps the clock of this machine leaves its mark in /run.
            let alone = "mount -t tmpfs tmpfs /run && exec \"$@\"";
            let alone = ["unshare", "--mount", "sh", "-c", alone, "sh"];
            Scene::under(&alone, Worker, desk(Sqlite, |_| {}), &[], ())
        }
        Cure::CaFile => {
            let desk = desk(Sqlite, |_| {});
            let empty = desk.dir().join("empty.pem");
            fs::write(&empty, "").expect("written");
            let ca = desk.lab.variable("MAILLAB_CA").to_owned();
            spoil(&desk, &ca, &empty.display().to_string());
            Scene::of(Poller, desk, ())
        }
        Cure::Unreachable => {
            let nowhere = |config: &mut Config| {
                config.imap = Some("imaps://localhost:1".to_owned());
                config.smtp = Some("smtps://localhost:1".to_owned());
            };
            Scene::of(Poller, desk(Sqlite, nowhere), ())
        }
        Cure::NotTls => {
            let lab = Lab::shared();
            let port = |name: &str| lab.variable(name).to_owned();
            let imap = format!("imaps://localhost:{}", port("MAILLAB_IMAP_PORT"));
            let smtp = format!("smtps://localhost:{}", port("MAILLAB_SMTP_PORT"));
            let plain = |config: &mut Config| {
                config.imap = Some(imap);
                config.smtp = Some(smtp);
            };
            Scene::of(Poller, desk(Sqlite, plain), ())
        }
        Cure::StartTls => {
            let (imap, smtp) = (Fimap::start(), sink());
            let plain = |config: &mut Config| {
                config.imap = Some(format!("imap+starttls://localhost:{}", imap.port));
                config.smtp = Some(format!("smtp+starttls://localhost:{}", smtp.port));
            };
            Scene::of(Poller, desk(Sqlite, plain), ())
        }
        Cure::CertificateTime => certified(Certificate {
            days: ("20200101000000Z", "20200102000000Z"),
            ..Certificate::GOOD
        }),
        Cure::CertificateName => certified(Certificate {
            name: "mail.elsewhere.test",
            ..Certificate::GOOD
        }),
        Cure::CertificateIssuer => certified(Certificate {
            is_trusted: false,
            ..Certificate::GOOD
        }),
        Cure::Tls => certified(Certificate {
            usage: "clientAuth",
            ..Certificate::GOOD
        }),
        Cure::CertificatePinned => {
            let pins = format!("fingerprints = [\"{}\"]", "0a".repeat(32));
            Scene::of(Poller, desk(Sqlite, |config| config.mailbox = pins), ())
        }
        Cure::Login => {
            let desk = desk(Sqlite, |_| {});
            fs::write(desk.dir().join("mail.password"), "wrong").expect("a password");
            Scene::of(Poller, desk, ())
        }
        Cure::LoginMethod => of_imap(
            |folder| folder.capabilities = Some("IMAP4rev1 LOGINDISABLED"),
            "",
        ),
        Cure::ServerTrouble => {
            let (imap, smtp) = (Fimap::start(), sink());
            imap.change(|folder| folder.greeting = Some("BYE too many connections"));
            smtp.obey(vec![always("", "421 4.3.2 too many connections")]);
            let desk = desk(Sqlite, |config| {
                config.imap = Some(format!("imap://127.0.0.1:{}", imap.port));
                config.smtp = Some(format!("smtp://127.0.0.1:{}", smtp.port));
            });
            Scene::of(Poller, desk, (imap, smtp))
        }
        Cure::SpamFolder => of_imap(|_| {}, ""),
        Cure::SentFolder => of_imap(|_| {}, "sent_copy = true"),
        Cure::Folder => {
            let folders = "folders = [\"INBOX\", \"нет такой\"]".to_owned();
            Scene::of(Poller, desk(Sqlite, |config| config.mailbox = folders), ())
        }
        Cure::VerdictUnseen => Scene::of(Poller, vouched("mail.school.test"), ()),
        Cure::VerdictMissing => {
            let desk = vouched("mail.elsewhere.test");
            let letter = Letter::new("Иван", &desk.ivan, &desk.help, "Вопрос", "Помогите.");
            desk.lab.submit(&desk.ivan, &desk.help, &letter.raw());
            let arrives = || (!desk.inbox(&desk.help).is_empty()).then_some(());
            super::support::wait_until(super::support::LIMIT, "the letter", arrives);
            Scene::of(Poller, desk, ())
        }
        Cure::SendRecipient => refused("RCPT", "550 5.1.1 there is nobody of that name"),
        Cure::SendAccount => refused("MAIL", "554 5.7.1 you send too much"),
        Cure::Application => {
            let denied = "{\"error\":\"invalid_client\"}";
            with_tokens(TokenServer::start(&Lab::shared(), 401, denied))
        }
        Cure::TokenCertificateIssuer => {
            let strange = TlsServer::start(Certificate {
                is_trusted: false,
                ..Certificate::GOOD
            });
            let table = super::support::tokens::table(strange.port, "mail.password");
            let desk = desk(Sqlite, |config| config.oauth = Some(table));
            Scene::of(Poller, desk, strange)
        }
        Cure::ApplicationRights => {
            let strange = token("no.such.token", 3600);
            with_tokens(TokenServer::start(&Lab::shared(), 200, &strange))
        }
        Cure::SendAgain => refused(".", "451 4.3.0 not now"),
        Cure::NotArrived => {
            let sink = sink();
            let smtp = format!("smtp://127.0.0.1:{}", sink.port);
            let desk = desk(Sqlite, |config| config.smtp = Some(smtp));
            Scene::inside(desk, sink, async |settings, _| {
                let mut report = Report::new(settings.language);
                let to = settings.mailboxes[0].address.clone();
                let patience = Duration::ZERO;
                ninetosix_poller::check::send(&mut report, settings, &to, patience, &SystemClock)
                    .await;
                report
            })
        }
    }
}

/// Gives one of the desk's files other permissions; no name is its directory.
fn mode(desk: &Desk, name: &str, mode: u32) {
    let file = desk.dir().join(name);
    fs::set_permissions(file, Permissions::from_mode(mode)).expect("permissions");
}

/// A submission server that offers no login, no TLS and takes everything.
fn sink() -> Sink {
    Sink::start(Arc::clone(&clock(SystemClock.now())))
}

/// Both servers of the mailbox have this certificate.
fn certified(certificate: Certificate) -> Scene {
    let server = TlsServer::start(certificate);
    let desk = desk(Engine::Sqlite, |config| {
        config.imap = Some(format!("imaps://localhost:{}", server.port));
        config.smtp = Some(format!("smtps://localhost:{}", server.port));
    });
    let ca = desk.lab.variable("MAILLAB_CA").to_owned();
    let own = server.dir.path().join("ca.pem");
    spoil(&desk, &ca, &own.display().to_string());
    Scene::of(Program::Poller, desk, server)
}

/// The mailbox is entered with what this server gives out.
fn with_tokens(server: TokenServer) -> Scene {
    let table = server.table("mail.password");
    let desk = desk(Engine::Sqlite, |config| config.oauth = Some(table));
    Scene::of(Program::Poller, desk, server)
}

/// The mailbox is on an IMAP server of ours.
fn of_imap(change: impl FnOnce(&mut Folder), mailbox: &str) -> Scene {
    let server = Fimap::start();
    server.change(change);
    let desk = desk(Engine::Sqlite, |config| {
        config.imap = Some(format!("imap://127.0.0.1:{}", server.port));
        config.mailbox = mailbox.to_owned();
    });
    Scene::of(Program::Poller, desk, server)
}

/// Specialists are recognised by the word of this server.
fn vouched(server: &str) -> Desk {
    desk(Engine::Sqlite, |config| {
        config.require = "verdict-and-token".to_owned();
        config.mailbox = format!("trusted_authserv_id = \"{server}\"");
    })
}

/// The server says this at this command, whoever comes.
fn always(at: &'static str, reply: &str) -> Rule {
    Rule {
        at,
        to: None,
        does: Instead::Says(reply.to_owned()),
        times: usize::MAX,
    }
}

/// The submission server says this to the letter of `check --send`.
fn refused(at: &'static str, reply: &str) -> Scene {
    let sink = sink();
    sink.obey(vec![always(at, reply)]);
    let desk = desk(Engine::Sqlite, |config| {
        config.smtp = Some(format!("smtp://127.0.0.1:{}", sink.port));
    });
    let arguments = ["--send", "rita@family.test"];
    Scene::under(&[], Program::Worker, desk, &arguments, sink)
}

/// Those that both servers of a mailbox can give cause for.
fn is_of_both(cure: Cure) -> bool {
    use Cure::{
        Application, ApplicationRights, CertificateIssuer, CertificateName, CertificatePinned,
        CertificateTime, Login, NotTls, ServerTrouble, StartTls, Tls, TokenCertificateIssuer,
        Unreachable,
    };
    let both = [
        Application,
        ApplicationRights,
        TokenCertificateIssuer,
        CertificateIssuer,
        CertificateName,
        CertificatePinned,
        CertificateTime,
        Login,
        NotTls,
        ServerTrouble,
        StartTls,
        Tls,
        Unreachable,
    ];
    both.contains(&cure)
}

/// Panics unless the advice is given, in either language, for every server that there is cause with.
fn is_given(cure: Cure) {
    let scene = provoke(cure);
    let id = serde_json::to_value(cure).expect("a word");
    for (language, _) in LANGUAGES {
        let facts = scene.facts(language);
        let given: Vec<_> = facts.iter().filter(|fact| fact["cure_id"] == id).collect();
        let least = if is_of_both(cure) { 2 } else { 1 };
        assert!(given.len() >= least, "{id}: {facts:#?}");
        for fact in given {
            assert_ne!(fact["verdict"], "good", "{fact}");
            let [what, advice] = ["what", "cure"].map(|key| fact[key].as_str().expect(key));
            let is_russian = |words: &str| words.chars().any(|c| ('а'..='я').contains(&c));
            assert_eq!(is_russian(advice), language == Language::Ru, "{fact}");
            assert!(
                !what.is_empty() && !what.contains("{}") && !advice.contains("{}"),
                "{fact}"
            );
            assert!(!what.contains("secret"), "a password: {fact}");
        }
    }
}

#[test]
fn every_advice_is_given_where_there_is_cause_and_in_both_languages() {
    let all = std::sync::Mutex::new(Cure::ALL.iter());
    let failed = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let next = all.lock().expect("no panic in here").next();
                    let Some(&cure) = next else { return };
                    if std::panic::catch_unwind(|| is_given(cure)).is_err() {
                        failed.lock().expect("no panic in here").push(cure);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no panic in there");
    assert!(failed.is_empty(), "not given: {failed:?}");
}

#[test]
fn little_room_is_a_warning_and_none_a_problem() {
    for (size, verdict) in [("4m", "bad"), ("500m", "warning"), ("2000m", "good")] {
        let disk = Disk::mount(size);
        let desk = Desk::with(&Lab::shared(), |_| Database::in_file(disk.file()), |_| {});
        let place = disk.file();
        let place = place.parent().expect("a directory").display().to_string();
        let facts = Scene::of(Program::Worker, desk, disk).facts(Language::En);
        let about = |fact: &&super::scene::Fact| {
            let what = fact["what"].as_str().expect("words");
            what.starts_with("disk: ") && what.contains(&place)
        };
        let fact = facts.iter().find(about).expect("a fact about the disk");
        assert_eq!(fact["verdict"], verdict, "{fact}");
    }
}

#[test]
fn a_server_that_judges_senders_is_seen_in_the_newest_letters() {
    let desk = vouched("mail.school.test");
    let letter = Letter::new("Иван", &desk.ivan, &desk.help, "Вопрос", "Помогите.");
    desk.lab.submit(&desk.ivan, &desk.help, &letter.raw());
    let arrives = || (!desk.inbox(&desk.help).is_empty()).then_some(());
    super::support::wait_until(super::support::LIMIT, "the letter", arrives);
    let facts = Scene::of(Program::Poller, desk, ()).facts(Language::En);
    let said = "judged the sender of 1 of the 1 newest letters";
    let is_it = |fact: &super::scene::Fact| {
        fact["what"]
            .as_str()
            .is_some_and(|what| what.contains(said))
    };
    assert!(facts.iter().any(is_it), "{facts:#?}");
}
