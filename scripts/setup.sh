#!/bin/sh
# Picks a Python that batchin is tested on and hands over to setup.py. Usage: setup.sh [PYTHON]
set -eu
cd "$(dirname "$0")/.."

probe='
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit("is Python %d.%d" % sys.version_info[:2])
try:
    import ctypes, ensurepip, sqlite3, ssl, venv
except ImportError as error:
    sys.exit("lacks the module %s" % error.name)
'
tried=''
[ $# -gt 0 ] || set -- .venv/bin/python python3.13 python3.12 python3.11 python3
for python in "$@"; do
    if ! command -v "$python" >/dev/null 2>&1; then
        problem='not found'
    elif problem=$("$python" -I -c "$probe" 2>&1); then
        exec "$python" -I scripts/setup.py
    fi
    [ "$python" = .venv/bin/python ] && continue
    tried="$tried
  $python: $(printf '%s\n' "$problem" | tail -n 1)"
done

cat >&2 <<TEXT
No usable Python. batchin is tested on Python 3.11, 3.12 and 3.13. Tried:$tried

Install one of them, then run the command again:
  Debian, Ubuntu   apt install python3 python3-venv   (python3.X-venv where ensurepip is lacking)
  Fedora           dnf install python3.13
  macOS            brew install python@3.13
or name one: make setup PYTHON=/path/to/python3.12
TEXT
exit 1
