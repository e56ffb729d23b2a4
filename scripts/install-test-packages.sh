#!/bin/sh
# Installs the Debian packages that the tests need; test/require.ts says what needs which.
# Does nothing where all are there. Needs root, or sudo without a password.

set -eu

packages='acl attr bash-completion e2fsprogs fish fuse3 libcap2-bin mount procps rsync zsh'

missing=''
for package in $packages; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=none
  if [ "$status" != installed ]; then missing="$missing $package"; fi
done
if [ -z "$missing" ]; then exit 0; fi

if [ "$(id -u)" -eq 0 ]; then
  as_root='env'
elif sudo -n true 2>/dev/null; then
  as_root='sudo env'
else
  echo "install-test-packages.sh: Cannot install$missing: neither root nor sudo. Run it as root." >&2
  exit 1
fi

$as_root apt-get update -q
# shellcheck disable=SC2086 # one word for each package
$as_root DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
