# Sourced by ./run and ./test: finds PostgreSQL's server programs and installs them where that needs no question.

# True when the API will find them; it searches the same places (src/Segmentation.Local/Postgres/PostgresBinaries.cs).
postgres_present() {
  local directory
  if [ -n "${Embedded__BinDirectory:-}" ]; then
    return 0 # The user's own choice: if it is wrong, the API says so.
  fi
  if command -v initdb >/dev/null && command -v pg_ctl >/dev/null && command -v postgres >/dev/null; then
    return 0
  fi
  for directory in /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
    "${PROGRAMFILES:-/nonexistent}"/PostgreSQL/*/bin; do
    if [ -e "$directory/initdb" ] || [ -e "$directory/initdb.exe" ]; then
      return 0
    fi
  done
  return 1
}

# Leaves the machine as it is where it can't install: then the API's own error names the ways on.
ensure_postgres() {
  if postgres_present; then
    return 0
  fi
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "PostgreSQL is missing: installing it with apt-get." >&2
    install_postgres_with_apt >&2
  elif command -v brew >/dev/null; then
    echo "PostgreSQL is missing: installing it with Homebrew." >&2
    brew install --quiet postgresql@17 >&2
  fi
}

install_postgres_with_apt() {
  # The package makes and starts a server of its own unless told not to; the API wants only the programs.
  local setting=/etc/postgresql-common/createcluster.d/segmentation.conf status=0
  mkdir -p "${setting%/*}"
  echo "create_main_cluster = false" > "$setting"
  apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql < /dev/null || status=$?
  rm -f "$setting" # What the machine's owner makes later is not ours to change.
  return "$status"
}
