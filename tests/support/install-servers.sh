#!/bin/sh
# Installs the servers of databases and of mail that the tests start, from Debian's packages, where they are missing.
#
# Only programs are wanted: a server of the system's own is neither made nor started, now or at the next boot.

set -eu

export PATH="$PATH:/usr/sbin"

has() {
    command -v "$1" >/dev/null
}

missing=
if ! has initdb && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    missing="postgresql"
fi
if ! has mariadbd || ! has mariadb-install-db || ! has my_print_defaults; then
    missing="$missing mariadb-server-core mariadb-client-core" # mariadb-server would bring a service as well
fi
# Debian's own Python has its packages, whatever other Python comes first in the path.
if ! /usr/bin/python3 -c "import aiosmtpd" 2>/dev/null; then
    missing="$missing python3-aiosmtpd"
fi
has openssl || missing="$missing openssl" # makes the mail server's certificate
has chromium || has chromium-browser || has google-chrome || missing="$missing chromium" # a client plays its cases in it
has tmux || missing="$missing tmux" # the terminal that the command line is tried in
[ -n "$missing" ] || exit 0

if ! has apt-get; then
    echo "The tests need PostgreSQL's and MariaDB's servers (initdb and postgres, mariadbd and mariadb-install-db)," >&2
    echo "openssl, tmux, Chromium, and aiosmtpd for /usr/bin/python3." >&2
    echo "Here is no apt-get to install Debian's packages ($missing) with; install them in this system's way." >&2
    exit 1
fi

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# PostgreSQL's package makes a cluster called main and starts it, unless it is told not to while it is installed.
drop_in=/etc/postgresql-common/createcluster.d/no-cluster-for-tests.conf
trap 'as_root rm -f "$drop_in"' EXIT
as_root mkdir -p "${drop_in%/*}"
echo "create_main_cluster = false" | as_root tee "$drop_in" >/dev/null

echo "Installing Debian's packages: $missing"
as_root apt-get -qq update
# shellcheck disable=SC2086 # a list of words
as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends $missing
