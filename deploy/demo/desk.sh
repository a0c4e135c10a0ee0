# shellcheck shell=bash
# desk.sh - the configuration of the demo's desks; sourced by what starts one, with the mail lab's variables set.

# Prints the configuration of a desk: desk_configuration ADDRESS NAME DATABASE HOURS
desk_configuration() {
  cat <<TOML
language = "ru"

[desk]
name = "$2"
site = "https://school.test"

[database]
url = "sqlite:$3"

[[mailbox]]
address = "$1"
password_file = "mail.password"
imap = "imaps://localhost:$MAILLAB_IMAPS_PORT"
smtp = "smtps://localhost:$MAILLAB_SUBMISSIONS_PORT"
ca_file = "$MAILLAB_CA"
poll_interval_s = 5
hello_name = "desk.school.test"

[identity]
require = "token"

[hours]
zone = "Europe/Moscow"
calendar = "none"
$4

[[phone]]
label = "$2"
text = "8 (000) 000-00-00"
tel = "+70000000000"
hours = "desk"

[[specialist]]
login = "ivan"
name = "Иван Смирнов"
address = "ivan@school.test"

[[specialist]]
login = "anna"
name = "Анна Белова"
address = "anna@school.test"
TOML
}

# Writes the password of an account of the lab: desk_password LAB ADDRESS FILE
desk_password() {
  (umask 077; sed -n "s/^$2://p" "$1/accounts" | tr -d '\n' >"$3")
}
