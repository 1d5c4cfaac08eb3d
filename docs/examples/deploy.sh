#!/bin/sh
# One deploy: migrate, put the new version in place, check it, and go on, roll back or call somebody. deploy.yml runs it.
#
#   MIGRATE   the new version's command (default: attempt-api); DATABASE_URL is the migrator's, and STORE_DATABASE_URL as well,
#             where the store has a database of its own
#   DEPLOY    puts the new version in place and returns when it has the traffic
#   ROLLBACK  puts the version in place that ran before
#   SERVICE   the base URL of the service, behind its balancer
#   KEY       a key or token, where ACCESS_OPEN leaves health or contract closed; any scope does
#   TRIES, PAUSE_S   how often an answer that says nothing is asked for again (20), and how long after (5)
#
# Roll back is the program, not the view: the previous version is deployed again. What `migrate up` committed has passed the
# contract check, and serves the previous version as well, since V1 is frozen. `migrate down` would DROP the view, one that
# had been adopted too: it is for people (docs/runbook.md), never for a pipeline.
#
# exit 0   the new version serves and the lock holds
#      10  a command refused or failed: nothing was deployed, the previous version serves
#      11  the database, the check or a lock was not to be had, TRIES times: nothing was deployed, run again
#      12  the database is edited, lacks the view or is from a newer version: nothing was changed, ask
#      13  the view contradicts the lock before anything is deployed: nothing was, attempt-api migrate up --again mends it
#      20  409, the view contradicts the lock: rolled back; the view itself is to be mended by hand
#      21  as 20, or DEPLOY failed, and ROLLBACK failed: call somebody
#      22  DEPLOY failed: rolled back
#      30  no answer but 503, or none, TRIES times: nothing rolled back, call somebody
#      31  the lock holds and /health/ready was not 200, TRIES times: nothing rolled back, call somebody
#      32  401 or 403: nothing rolled back; give a KEY that the service accepts, and check by hand
set -eu

MIGRATE=${MIGRATE:-attempt-api}
TRIES=${TRIES:-20}
PAUSE_S=${PAUSE_S:-5}
: "${DEPLOY:?}" "${ROLLBACK:?}" "${SERVICE:?}"

say() { echo "deploy: $*"; }
end() { code=$1; shift; say "$*"; exit "$code"; }
# $1: the exit code once the previous version runs again
roll_back() {
  sh -c "$ROLLBACK" || end 21 'rolling back failed: call somebody'
  end "$1" "$2; the previous version is in place again"
}
# the status of an answer; 000 where there is none
status_of() {
  # by standard input: arguments are seen by everybody on the machine
  { [ -z "${KEY:-}" ] || printf 'header = "Authorization: Bearer %s"\n' "$KEY"; } |
    curl --config - --silent --output /dev/null --max-time 15 --write-out '%{http_code}' "$SERVICE$1" || true
}

# the exit code of the last try
patiently() {
  try=1
  while :; do
    code=0
    "$@" || code=$?
    case $code in 3 | 6) ;; *) return "$code" ;; esac
    [ "$try" -lt "$TRIES" ] || return "$code"
    say "$* ended with $code, try $try of $TRIES"
    try=$((try + 1))
    sleep "$PAUSE_S"
  done
}

# first whether this version may touch the database at all; 4: something is pending
code=0; patiently "$MIGRATE" migrate status || code=$?
case $code in
  0 | 4) ;;
  5) end 12 'the database was edited, lacks the view or is from a newer version; nothing was changed' ;;
  3 | 6) end 11 'the database cannot be asked; nothing was changed' ;;
  *) end 10 "migrate status ended with $code; nothing was changed" ;;
esac
code=0; patiently "$MIGRATE" migrate up || code=$?
case $code in
  0) ;;
  3 | 6) end 11 'the migration had no chance; the previous version serves' ;;
  *) end 10 "migrate up ended with $code; the previous version serves" ;;
esac
# a store that is there; where there is none it does nothing. The version before works with what it adds
code=0; patiently "$MIGRATE" store upgrade || code=$?
case $code in
  0) ;;
  3 | 6) end 11 'the store could not be brought up to date; the previous version serves' ;;
  *) end 10 "store upgrade ended with $code; the previous version serves" ;;
esac
code=0; patiently "$MIGRATE" migrate status || code=$?
case $code in
  0) ;;
  3 | 6) end 11 'the database cannot be asked any more; the previous version serves' ;;
  *) end 10 "migrate status ended with $code after everything was applied; the previous version serves" ;;
esac

# what contradicts the lock already is not the new version's fault, and no reason to take it back
code=0; patiently "$MIGRATE" contract verify || code=$?
case $code in
  0) ;;
  1) end 13 'the view contradicts the lock already; nothing was deployed' ;;
  3 | 6) end 11 'the lock could not be checked; nothing was deployed' ;;
  *) end 10 "contract verify ended with $code; nothing was deployed" ;;
esac

sh -c "$DEPLOY" || roll_back 22 'the new version could not be put in place'

try=1
while :; do
  contract=$(status_of /schema-contract)
  ready=$(status_of /health/ready)
  case $contract in
    409) roll_back 20 '/schema-contract is 409: the view contradicts the lock' ;;
    200) [ "$ready" != 200 ] || end 0 'the lock holds and the service is ready' ;;
  esac
  case "$contract $ready" in
    *40[13]*) end 32 "/schema-contract $contract, /health/ready $ready: the service wants a KEY, or another one; nothing was rolled back" ;;
  esac
  say "/schema-contract $contract, /health/ready $ready, try $try of $TRIES"
  if [ "$try" -ge "$TRIES" ]; then
    [ "$contract" != 200 ] || end 31 'the lock holds, but the service is not ready (/health/ready says why); nothing was rolled back: call somebody'
    end 30 'whether the lock holds is not known; nothing was rolled back: call somebody'
  fi
  try=$((try + 1))
  sleep "$PAUSE_S"
done
