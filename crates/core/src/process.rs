//! Which process holds a lease, and whether it still lives; and by how much it differs from others that wait.
//!
//! After a crash the same host may take a lease back at once instead of waiting for it to run out: the holder's name
//! says on which boot, in which pid namespace and by which process it was taken, and that process is looked for.

use std::fs;

/// Returns a name for this process that no other process has, on any host or after any restart.
pub fn holder() -> String {
    let pid = std::process::id();
    // Where the boot cannot be told from others, the name is still unique, and its owner is never judged dead.
    let host =
        host().unwrap_or_else(|| format!("unknown:{:08x}", getrandom::u32().unwrap_or_default()));
    format!("{host}/{pid}/{}", started_at(pid).unwrap_or_default())
}

/// Returns a number in -1.0..=1.0 that differs between letters and daemons.
pub fn jitter() -> f64 {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(random) / f64::from(u32::MAX) * 2.0 - 1.0
}

/// Returns whether the process named `holder` is known to be dead. One on another host never is.
pub fn is_gone(holder: &str) -> bool {
    let mut fields = holder.rsplitn(3, '/');
    let (Some(started), Some(pid), Some(at_host)) = (fields.next(), fields.next(), fields.next())
    else {
        return false;
    };
    let Ok(pid) = pid.parse::<u32>() else {
        return false;
    };
    host().is_some_and(|host| host == at_host) && started_at(pid).as_deref() != Some(started)
}

/// This boot and pid namespace: equal names see the same processes under the same numbers. `None` where the boot's id
/// is out of sight (systemd's `ProcSubset=pid`): the namespace alone has the same number on every host, so leases
/// are waited out there.
fn host() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{}:{}", boot.trim(), namespace.display()))
}

/// The start time of `pid` in clock ticks since boot: field 22 of proc(5) stat, counted after the name in brackets.
/// A zombie counts as dead.
fn started_at(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    (*fields.first()? != "Z").then(|| fields.get(19).map(|field| (*field).to_owned()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_gone_once_it_has_ended() {
        let (me, here) = (holder(), host().expect("tests run where /proc is whole"));
        assert!(!is_gone(&me), "{me}");
        assert!(
            is_gone(&format!("{}/{}/1", here, std::process::id())),
            "another process had the number before"
        );
        assert!(is_gone(&format!("{here}/4194999/77")), "no such process");
        assert!(!is_gone("elsewhere/1/1"), "another host cannot be judged");
        assert!(!is_gone("nonsense"));
    }
}
