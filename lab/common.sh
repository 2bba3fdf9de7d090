# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the lab's scripts share: messages, checks for programs, the cache folder, Debian's package sources.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/kvm-vmexit
PATH=$PATH:/usr/sbin:/sbin # modprobe, depmod and mke2fs are not on every user's path

say() { printf 'LAB: %s\n' "$*" >&2; }

# fail STATUS MESSAGE…: 2 for a wrong command line, 125 for a lab that doesn't work
fail() {
  local status=$1
  shift
  say "$@"
  exit "$status"
}

# What no check foresaw is a fault of the lab, never silent, never the status of the command.
trap 'fail 125 "${BASH_SOURCE[0]##*/}: line $LINENO failed: $BASH_COMMAND"' ERR

# need PROGRAM:PACKAGE…
need() {
  local pair programs='' packages=''
  for pair in "$@"; do
    [[ -e ${pair%%:*} ]] || command -v "${pair%%:*}" >/dev/null || programs+=" ${pair%%:*}" packages+=" ${pair#*:}"
  done
  # shellcheck disable=SC2086 # one package a word
  [[ -z $programs ]] || fail 125 "missing:$programs; install with: apt-get install$(printf '%s\n' $packages | sort -u | tr '\n' ' ' | sed 's/^/ /; s/ $//')"
}

# Takes the lock called NAME in the cache until the script ends: two runs may want the same download.
lock() {
  mkdir -p "$cache" || fail 125 "$cache can't be made"
  exec {lock_fd}>"$cache/.lock-$1"
  flock "$lock_fd"
}

# The host's own package sources that may be Debian's: URI and Signed-By (a file, a fingerprint or nothing), one a line.
# Both formats of sources.list(5); only plain suites with a component main, so not -security, not -updates.
debian_sources() {
  local file list parts
  eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
  for file in "$list" "$parts"*.list; do
    [[ ! -r $file ]] || sed -nE 's/^deb[[:space:]]+(\[([^]]*)\][[:space:]]+)?([^[:space:]]+)[[:space:]]+[a-z]+[[:space:]]+(.*[[:space:]])?main([[:space:]].*)?$/\3 [\2]/p' "$file" |
      sed -E 's/ \[(.*[[:space:]])?signed-by=([^[:space:]]*).*\]$/ \2/i; s/ \[.*\]$//'
  done
  for file in "$parts"*.sources; do
    [[ ! -r $file ]] || awk '
      function flush(  i, n, uri) {
        if (types ~ /(^| )deb( |$)/ && components ~ /(^| )main( |$)/ && enabled !~ /no|false/ && suites ~ /(^| )[a-z]+( |$)/) {
          n = split(uris, uri, " ")
          for (i = 1; i <= n; i++) print uri[i], key
        }
        types = components = enabled = suites = uris = key = field = ""
      }
      /^[ \t]*$/ { flush(); next }
      /^#/ { next }
      /^[^ \t]/ { field = tolower($0); sub(/:.*/, "", field); sub(/^[^:]*:[ \t]*/, "") }
      field == "types" { types = types " " $0 }
      field == "uris" { uris = uris " " $0 }
      field == "suites" { suites = suites " " $0 }
      field == "components" { components = components " " $0 }
      field == "enabled" { enabled = enabled tolower($0) }
      field == "signed-by" && !/-----BEGIN/ && /^\// { key = $1 }
      END { flush() }' "$file"
  done
}

# apt_for SUITE ARCH WANTED STATE: sets the array `apt` (options for apt-get and apt-cache) to a package state in the
# folder STATE, apart from the host's, that knows Debian's SUITE from the first of the host's sources to have the
# package WANTED. Fails with apt's first error in STATE/error.
apt_for() {
  local suite=$1 arch=$2 wanted=$3 state=$4 uri key keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  mkdir -p "$state"/{lists/partial,cache/archives/partial}
  : >"$state/status"
  : >"$state/error"
  apt=(-qq -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o APT::Sandbox::User="$(id -un)" -o APT::Update::Error-Mode=any
    -o APT::Install-Recommends=false -o Acquire::Languages=none -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=-
    -o Dir::State="$state" -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache")
  while read -r uri key; do
    printf 'deb [arch=%s lang=none target=Packages%s] %s %s main\n' "$arch" "${key:+ signed-by=$key}" "$uri" "$suite" >"$state/sources.list"
    if apt-get "${apt[@]}" update 2>>"$state/error" >&2 && [[ -n $(apt-cache "${apt[@]}" show "$wanted" 2>/dev/null) ]]; then
      return
    fi
  done < <(debian_sources | while read -r uri key; do
    echo "$uri $key"
    # An entry which names no key is signed by one that apt trusts, or has its key written out; Debian's own will do.
    [[ $key || ! -e $keyring ]] || echo "$uri $keyring"
  done | awk '!seen[$0]++')
  grep -m 1 '^E:' "$state/error" >"$state/first" || echo "the machine's package sources have no $wanted of $suite" >"$state/first"
  mv "$state/first" "$state/error"
  return 1
}
