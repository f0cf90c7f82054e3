# Sourced by .ci/run: Node.js and npm, which a test of react-querybuilder needs. Without them that test is skipped, and says so.

# Installs them where that needs no question, else leaves the machine as it is.
ensure_node() {
  if command -v node >/dev/null && command -v npm >/dev/null; then
    return 0
  fi
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Node.js is missing: installing it with apt-get." >&2
    apt-get update -qq >&2 &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm < /dev/null >&2
  elif command -v brew >/dev/null; then
    echo "Node.js is missing: installing it with Homebrew." >&2
    brew install --quiet node >&2
  fi
}
