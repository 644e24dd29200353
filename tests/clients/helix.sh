#!/usr/bin/env bash
# Unpacks the Helix of a newer Debian into the folder $1, with the libc that it wants. Nothing of
# the system is changed: package lists of its own, from the mirror that the system uses.
set -euo pipefail
folder=${1:?a folder}
release=trixie
mkdir -p "$folder"/lists/partial "$folder"/cache/archives/partial "$folder"/root
cd "$folder"
mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -v security | head -1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror%/} $release main" > sources.list
options=(-o Dir::Etc::sourcelist="$PWD/sources.list" -o Dir::Etc::sourceparts=/nonexistent -o Dir::State::lists="$PWD/lists"
  -o Dir::Cache="$PWD/cache" -o APT::Get::List-Cleanup=0 -o Acquire::Languages=none -o APT::Sandbox::User=root)
apt-get "${options[@]}" -q update
(cd root && apt-get "${options[@]}" -q -t "$release" download hx libc6 && for package in *.deb; do dpkg -x "$package" .; done && rm -- *.deb)
rm -rf lists cache sources.list
program=$(find "$PWD/root" -type f -name hx -perm -u+x | head -1)
loader=$(find "$PWD/root" -name 'ld-linux-*.so.*' | head -1)
runtime=$(find "$PWD/root" -type d -name runtime | head -1)
libraries=$(dirname "$(find "$PWD/root" -name libc.so.6 | head -1)")
cat > hx <<END
#!/bin/sh
HELIX_RUNTIME=\${HELIX_RUNTIME:-$runtime} exec "$loader" --library-path "$libraries:/usr/lib/$(uname -m)-linux-gnu:/lib/$(uname -m)-linux-gnu" "$program" "\$@"
END
chmod +x hx
./hx --version
