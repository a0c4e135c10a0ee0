#!/usr/bin/env bash
# containers.sh - the image and docker-compose.yml as they are used: builds, plays the demo, then runs the desk on PostgreSQL
# against a private mail server. What it starts it stops, and its volumes go with it.
set -euo pipefail
export LC_ALL=C.UTF-8 PATH="$PATH:${HOME:-/root}/.cargo/bin:/usr/sbin:/sbin"
export TZ=MSK-3 PYTHONDONTWRITEBYTECODE=1
umask 022

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly top
readonly MAILLAB=$top/tests/support/maillab/maillab
readonly IMAGES=$top/tests/support/images
# Not the name of a desk that may live in the same Docker.
readonly PROJECT=ninetosix-test
# What the image may weigh.
readonly LARGEST_MB=${NINETOSIX_IMAGE_MB:-40}

usage() {
  cat <<'USAGE'
usage: tests/containers.sh [--built]

--built: the images ninetosix and ninetosix-demo are in the Docker of DOCKER_HOST already. Needs root and Debian's mirrors. It uses the Docker that DOCKER_HOST names, else runs one of its own (Debian's docker.io)
with everything below one directory in /var/tmp. Images that no registry gives are made of Debian and of the Rust that is
here. Takes as long as a release build, and two minutes more.
USAGE
}

say() { echo "containers: $*"; }
step() { printf '\n== %s\n' "$*"; }
fail() { say "FAILED: $*" >&2; exit 1; }

work='' dockerd=''

# On every way out: containers, Docker and the mail server stop, nothing stays.
clean_up() {
  local rc=$?
  trap '' INT TERM HUP
  if docker info >/dev/null 2>&1; then
    if ((rc != 0)); then compose logs --tail=30 >&2 2>/dev/null || true; fi
    compose --profile demo down --volumes >/dev/null 2>&1 || true
    compose down --volumes >/dev/null 2>&1 || true
  fi
  if [[ -n $dockerd ]]; then
    kill "$dockerd" 2>/dev/null || true
    wait "$dockerd" || true
    # A Docker that ends leaves its network namespaces mounted.
    umount "$work"/exec/netns/* 2>/dev/null || true
  fi
  if [[ -d $work/lab ]]; then "$MAILLAB" down "$work/lab" >/dev/null 2>&1 || true; fi
  [[ -z $work ]] || rm -rf "$work"
  exit "$rc"
}

holds() {
  local what=$1; shift
  "$@" || fail "$what"
  say "$what"
}

refuses() { ! "$@"; }

# --- Docker --------------------------------------------------------------------------------

# Debian's own, and not a wrapper that somebody put before it.
docker() { command /usr/bin/docker "$@"; }

start_docker() {
  if [[ -n ${DOCKER_HOST:-} ]]; then
    docker info >/dev/null || fail "no Docker at $DOCKER_HOST"
    return
  fi
  export DOCKER_HOST=unix://$work/docker.sock
  dockerd --host "$DOCKER_HOST" --data-root "$work/docker" --exec-root "$work/exec" --pidfile "$work/docker.pid" \
    --bridge none --iptables=false \
    </dev/null >"$work/dockerd.log" 2>&1 &
  dockerd=$!
  local begin=$SECONDS
  until docker info >/dev/null 2>&1; do
    if ! kill -0 "$dockerd" 2>/dev/null || ((SECONDS - begin > 60)); then
      tail "$work/dockerd.log"
      fail "Docker does not start"
    fi
    sleep 0.2
  done
}

# Compose v2 where it is; Debian 12 has version 1, which does not know the key `name`.
compose() {
  if docker compose version >/dev/null 2>&1; then
    (cd "$work/desk" && docker compose --project-name "$PROJECT" "${files[@]}" "$@")
  else
    sed -i '/^name:/d' "$work/desk/docker-compose.yml"
    (cd "$work/desk" && docker-compose --project-name "$PROJECT" "${files[@]}" "$@")
  fi
}
files=()

# An image from its registry, else what stands in for it: image NAME COMMAND ...
image() {
  local name=$1; shift
  if docker image inspect "$name" >/dev/null 2>&1; then return; fi
  if timeout 60 /usr/bin/docker pull "$name" >/dev/null 2>&1; then return; fi
  say "no registry gives $name: a stand-in is made"
  "$@" >"$work/image.log" 2>&1 || { tail -n 30 "$work/image.log"; fail "no stand-in for $name"; }
}
debian_image() {
  mmdebstrap --quiet --variant=minbase --include=ca-certificates bookworm - http://deb.debian.org/debian |
    docker import - debian:bookworm-slim
}

postgres_image() {
  docker build --network host -f "$IMAGES/postgres.Dockerfile" -t postgres:15-bookworm "$IMAGES"
}

rust_image() {
  local context=$work/rust
  mkdir "$context"
  tar -C "$(rustc --print sysroot)" -cf "$context/rust.tar" bin lib
  cp "$IMAGES/rust.Dockerfile" "$context/Dockerfile"
  cp /etc/ssl/certs/ca-certificates.crt "$context/"
  docker build --network host -t rust:1.95-bookworm "$context"
  rm -r "$context"
}

# --- the steps -----------------------------------------------------------------------------

build() {
  docker build --network host -f "$top/deploy/Dockerfile" -t ninetosix "$top" >"$work/build.log" 2>&1 ||
    { tail -n 30 "$work/build.log"; fail "the image does not build"; }
  docker build --network host -f "$top/deploy/demo/Dockerfile" -t ninetosix-demo "$top" >"$work/build.log" 2>&1 ||
    { tail -n 30 "$work/build.log"; fail "the demo's image does not build"; }
}

look() {
  local bytes
  bytes=$(docker image inspect --format '{{.Size}}' ninetosix)
  holds "the image has $((bytes / 1000000)) MB" test "$bytes" -le $((LARGEST_MB * 1000000))
  docker create --name contents ninetosix >/dev/null
  docker export contents | tar -tv >"$work/contents"
  docker rm contents >/dev/null
  awk '!/\/$/ {print $1, $3, $6}' "$work/contents"
  holds "there is no shell in it" refuses grep -E 'bin/(ba|da)?sh' "$work/contents"
  holds "both programs run" docker run --rm ninetosix /usr/bin/ninetosix-poller --version
  holds "its user is nobody in particular" test "$(docker image inspect --format '{{.Config.User}}' ninetosix)" = 65532:65532
}

demo() {
  step "docker compose --profile demo up"
  compose --profile demo up --exit-code-from demo >"$work/demo.log" 2>&1 || { tail -n 80 "$work/demo.log"; fail "the demo"; }
  grep 'demo: ' "$work/demo.log"
  compose --profile demo down --volumes >/dev/null 2>&1
}

# As deploy/docker/README.md says, against a mail server on loopback, which the daemons share with this machine.
desk() {
  local address begin; local -a accounts=()
  step "the desk on PostgreSQL"
  for address in help@school.test ivan@school.test anna@school.test o.petrova@family.test catchall@school.test; do
    accounts+=(--user "$address:$(openssl rand -hex 12)")
  done
  "$MAILLAB" up "$work/lab" --catchall catchall@school.test "${accounts[@]}" >"$work/lab.log" 2>&1 ||
    { cat "$work/lab.log"; fail "no mail server"; }
  # shellcheck source=/dev/null
  . "$work/lab/env"
  # shellcheck source=deploy/demo/desk.sh
  . "$top/deploy/demo/desk.sh"
  (umask 077
    openssl rand -hex 24 | tr -d '\n' >"$work/desk/deploy/docker/secrets/db_password")
  desk_password "$work/lab" help@school.test "$work/desk/deploy/docker/secrets/mail_password"
  chown 65532:65532 "$work"/desk/deploy/docker/secrets/*_password
  cp "$MAILLAB_CA" "$work/desk/deploy/docker/ca.pem"
  sed -i -e 's/school\.example/school.test/g' -e 's/^mon-fri .*/mon-sun = ["00:00-24:00"]/' \
    -e 's/^calendar .*/calendar = "none"/' -e 's/^require .*/require = "token"/' -e '/^trusted_authserv_id/d' \
    -e "s|^imap .*|imap = \"imaps://localhost:$MAILLAB_IMAPS_PORT\"\nca_file = \"ca.pem\"\npoll_interval_s = 5|" \
    -e "s|^smtp .*|smtp = \"smtps://localhost:$MAILLAB_SUBMISSIONS_PORT\"|" "$work/desk/deploy/docker/ninetosix.toml"
  cat >"$work/desk/override.yml" <<YAML
services:
  migrate:
    volumes: &ca ["$work/desk/deploy/docker/ca.pem:/etc/ninetosix/ca.pem:ro"]
  poller: &host
    network_mode: host
    volumes: *ca
    healthcheck: {interval: 2s}
  worker: *host
YAML
  files=(-f docker-compose.yml -f override.yml)
  compose up -d
  begin=$SECONDS
  until [[ $(healthy | wc -l) == 3 ]]; do
    ((SECONDS - begin < 120)) || fail "database and daemons are not healthy"
    sleep 0.5
  done
  compose ps -a 2>/dev/null || compose ps
  holds "check finds nothing wrong in the container" \
    docker exec "$(name_of worker)" /usr/bin/ninetosix-worker check --config /etc/ninetosix/ninetosix.toml
  "$top/deploy/demo/conversation.sh" "$work" >"$work/conversation" || { tail "$work/conversation"; fail "the conversation"; }
  grep '^demo:' "$work/conversation"
  docker stats --no-stream
  begin=$SECONDS
  docker stop --time 40 "$(name_of poller)" "$(name_of worker)" >/dev/null
  holds "both stop on SIGTERM ($((SECONDS - begin)) s)" \
    test "$(docker inspect --format '{{.State.ExitCode}}' "$(name_of poller)" "$(name_of worker)" | tr '\n' ' ')" = "0 0 "
}

healthy() { docker ps --filter "label=com.docker.compose.project=$PROJECT" --filter health=healthy --quiet; }

name_of() {
  docker ps --all --filter "label=com.docker.compose.project=$PROJECT" --filter "label=com.docker.compose.service=$1" \
    --format '{{.Names}}'
}

main() {
  local built=''
  case ${1:-} in
    '') ;;
    --built) built=yes ;;
    -h | --help) usage; return ;;
    *) usage >&2; exit 2 ;;
  esac
  ((EUID == 0)) || { say "needs root" >&2; exit 1; }
  "$top/tests/support/install-debian.sh" demo docker.io docker-compose iptables mmdebstrap
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  work=$(mktemp -d /var/tmp/ninetosix-containers.XXXXXX)
  chmod 711 "$work"
  mkdir -p "$work/desk/deploy"
  cp -r "$top/docker-compose.yml" "$top/.env" "$work/desk/"
  cp -r "$top/deploy/docker" "$work/desk/deploy/"

  step "images"
  start_docker
  image debian:bookworm-slim debian_image
  image postgres:15-bookworm postgres_image
  if [[ -z $built ]]; then
    image rust:1.95-bookworm rust_image
    build
  fi
  look
  demo
  desk
  step "all well"
}

main "$@"
