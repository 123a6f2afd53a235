#!/usr/bin/env bash
# A browser and a PostgreSQL server for the review desk's tests, from Debian's own packages.
# Where they cannot be installed nothing fails: the tests that need them are skipped and say so.
set -uo pipefail

packages=()
command -v chromium >/dev/null && command -v chromedriver >/dev/null || packages+=(chromium chromium-driver)
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || packages+=(postgresql)
[ ${#packages[@]} -eq 0 ] && exit 0

wanted="apt-get install -y --no-install-recommends ${packages[*]}"
skip() {
    echo "Some tests of the review desk will be skipped: $1. To run them: $wanted" >&2
    exit 0
}
command -v apt-get >/dev/null || skip "this is no Debian"
# A person's own machine is not changed behind their back: only root, as in a container, installs.
[ "$(id -u)" -eq 0 ] || skip "only root can install ${packages[*]}"

export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "Installing ${packages[*]} for the review desk's tests ..." >&2
# A package's server must not start by itself: the tests start their own, in a folder of their own.
if ! { apt-get update && RUNLEVEL=1 $wanted; } >"$log" 2>&1; then
    tail -n 3 "$log" >&2
    skip "the packages could not be installed"
fi
