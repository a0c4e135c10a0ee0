//! `quarantine`: letters that were set aside because reading them failed three times.

use std::io::Write;

use anyhow::bail;
use ninetosix_core::cli::{Exit, printable};
use ninetosix_core::store::Store;
use ninetosix_core::store::listing::QuarantineRow;

/// Lists them, oldest first.
///
/// # Errors
/// If the database or the output fails.
pub async fn list(store: &Store, json: bool, out: &mut impl Write) -> anyhow::Result<Exit> {
    for row in store.quarantined().await? {
        if json {
            writeln!(out, "{}", serde_json::to_string(&row)?)?;
        } else {
            writeln!(
                out,
                "{:<6} {}  {} {} UID {}, {} bytes: {}",
                row.id,
                row.internal_date.format("%Y-%m-%d %H:%M"),
                row.mailbox,
                row.folder,
                row.uid,
                row.size_bytes,
                printable(&row.reason)
            )?;
        }
    }
    Ok(Exit::Fine)
}

/// Prints what is known of one, without reading it.
///
/// # Errors
/// If there is none with this number.
pub async fn show(
    store: &Store,
    id: i64,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let row = one(store, id).await?;
    if json {
        writeln!(out, "{}", serde_json::to_string(&row)?)?;
        return Ok(Exit::Fine);
    }
    writeln!(
        out,
        "{} {} UIDVALIDITY {} UID {}",
        row.mailbox, row.folder, row.uidvalidity, row.uid
    )?;
    writeln!(out, "  arrived    {}", row.internal_date)?;
    writeln!(out, "  set aside  {}", row.at)?;
    writeln!(out, "  size       {} bytes", row.size_bytes)?;
    writeln!(out, "  reason     {}", printable(&row.reason))?;
    writeln!(
        out,
        "  its bytes  ninetosix-poller quarantine raw {id}\n  again      ninetosix-poller quarantine retry {id}\n  unread     ninetosix-poller quarantine release {id}"
    )?;
    Ok(Exit::Fine)
}

/// Gives the bytes of one.
///
/// # Errors
/// If there is none with this number.
pub async fn raw(store: &Store, id: i64, out: &mut impl Write) -> anyhow::Result<Exit> {
    let Some(raw) = one(store, id).await?.raw_mail_id else {
        bail!("no bytes of letter {id} are stored");
    };
    out.write_all(&store.raw(raw).await?)?;
    Ok(Exit::Fine)
}

/// Has one tried again by the running daemon; one that is `released` by its header only.
///
/// # Errors
/// If there is none with this number.
pub async fn retry(
    store: &Store,
    id: i64,
    released: bool,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let is_fetched = one(store, id).await?.raw_mail_id.is_some();
    if released && !is_fetched {
        bail!(
            "no bytes of letter {id} are stored, so there is no header to register it by; see ninetosix-poller quarantine retry {id}"
        );
    }
    if !store.retry_quarantined(id, released).await? {
        bail!("{}", not_there(id));
    }
    let how = match (is_fetched, released) {
        (true, true) => "registered by its header, its content unread, at the next poll",
        (true, false) => "tried again, alone, at the next poll",
        (false, _) => "asked for again within the hour, or when the poller is restarted",
    };
    writeln!(out, "letter {id} will be {how}")?;
    Ok(Exit::Fine)
}

async fn one(store: &Store, id: i64) -> anyhow::Result<QuarantineRow> {
    let found = store
        .quarantined()
        .await?
        .into_iter()
        .find(|row| row.id == id);
    match found {
        Some(row) => Ok(row),
        None => bail!("{}", not_there(id)),
    }
}

fn not_there(id: i64) -> String {
    format!("letter {id} is not in quarantine; see ninetosix-poller quarantine list")
}
