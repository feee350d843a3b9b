#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# packages.sh PACKAGE... installs the Debian packages that are missing; as an ordinary user
# it says which they are, and fails.
set -eu
missing=
for package; do
	case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true) in
	installed) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "Debian packages are missing; as root run: apt-get install$missing" >&2
	exit 1
fi
echo "installing:$missing"
apt-get update -q
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
