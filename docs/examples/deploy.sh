#!/bin/sh
# One deploy: migrates, puts the new version in place, checks it, and ends or rolls back. deploy.yml runs it.
#
#   MIGRATE   command of the new version (default: attempt-api). DATABASE_URL is the migrator's, and so is
#             STORE_DATABASE_URL if the store has a database of its own
#   DEPLOY    puts the new version in place and returns when it receives the traffic
#   ROLLBACK  puts the previous version in place
#   SERVICE   base URL of the service, behind its balancer
#   KEY       a key or token of any scope, if ACCESS_OPEN does not list health and contract
#   TRIES, PAUSE_S   how often to retry when the result is not known (20), and the seconds between tries (5)
#
# A rollback concerns the program, not the view: it deploys the previous version. What `migrate up` committed has passed
# the contract check and serves the previous version as well, because V1 is frozen. `migrate down` would DROP the view,
# also if it replaced an earlier one. It is for people (docs/runbook.md), never for a pipeline.
#
# exit 0   the new version serves, and the contract holds
#      10  a command refused or failed: nothing was deployed, the previous version serves
#      11  database, check or lock not available after TRIES tries: nothing was deployed, run again
#      12  the database is edited, from a newer version, or lacks the view: nothing was changed, contact the team
#      13  the view violates the contract before the deploy: nothing was deployed, migrate up --again repairs it
#      20  409, the view violates the contract: rolled back; repair the view by hand
#      21  as 20, or DEPLOY failed, and ROLLBACK failed too: call the engineer on call
#      22  DEPLOY failed: rolled back
#      30  503 or no answer, TRIES times: nothing was rolled back, call the engineer on call
#      31  the contract holds, but /health/ready was never 200: nothing was rolled back, call the engineer on call
#      32  401 or 403: nothing was rolled back; give a KEY that the service accepts, and check by hand
set -eu

MIGRATE=${MIGRATE:-attempt-api}
TRIES=${TRIES:-20}
PAUSE_S=${PAUSE_S:-5}
: "${DEPLOY:?}" "${ROLLBACK:?}" "${SERVICE:?}"

log() { echo "deploy: $*"; }
end() { code=$1; shift; log "$*"; exit "$code"; }
# $1: the exit code after a rollback; $2: its reason
roll_back() {
  sh -c "$ROLLBACK" || end 21 'the rollback failed: call the engineer on call'
  end "$1" "$2; the previous version is in place again"
}
# HTTP status of an answer; 000 without an answer
status_of() {
  # through standard input, because every user of the machine can see arguments
  { [ -z "${KEY:-}" ] || printf 'header = "Authorization: Bearer %s"\n' "$KEY"; } |
    curl --config - --silent --output /dev/null --max-time 15 --write-out '%{http_code}' "$SERVICE$1" || true
}

# $@: a command, retried while it ends with 3 or 6; returns the last exit code
retry() {
  try=1
  while :; do
    code=0
    "$@" || code=$?
    case $code in 3 | 6) ;; *) return "$code" ;; esac
    [ "$try" -lt "$TRIES" ] || return "$code"
    log "$* ended with $code, try $try of $TRIES"
    try=$((try + 1))
    sleep "$PAUSE_S"
  done
}

# first: can this version migrate this database? 4: a migration is pending
code=0; retry "$MIGRATE" migrate status || code=$?
case $code in
  0 | 4) ;;
  5) end 12 'the database was edited, is from a newer version, or lacks the view; nothing was changed' ;;
  3 | 6) end 11 'the database cannot be reached; nothing was changed' ;;
  *) end 10 "migrate status ended with $code; nothing was changed" ;;
esac
code=0; retry "$MIGRATE" migrate up || code=$?
case $code in
  0) ;;
  3 | 6) end 11 'the migration could not start; the previous version serves' ;;
  *) end 10 "migrate up ended with $code; the previous version serves" ;;
esac
# no effect without a store. The previous version works with what it adds
code=0; retry "$MIGRATE" store upgrade || code=$?
case $code in
  0) ;;
  3 | 6) end 11 'the store could not be upgraded; the previous version serves' ;;
  *) end 10 "store upgrade ended with $code; the previous version serves" ;;
esac
code=0; retry "$MIGRATE" migrate status || code=$?
case $code in
  0) ;;
  3 | 6) end 11 'the database cannot be reached any more; the previous version serves' ;;
  *) end 10 "migrate status ended with $code after everything was applied; the previous version serves" ;;
esac

# the new version does not cause a violation that exists before the deploy, so it is not a reason to roll back
code=0; retry "$MIGRATE" contract verify || code=$?
case $code in
  0) ;;
  1) end 13 'the view already violates the contract; nothing was deployed' ;;
  3 | 6) end 11 'the contract could not be checked; nothing was deployed' ;;
  *) end 10 "contract verify ended with $code; nothing was deployed" ;;
esac

sh -c "$DEPLOY" || roll_back 22 'the new version could not be deployed'

try=1
while :; do
  contract=$(status_of /schema-contract)
  ready=$(status_of /health/ready)
  case $contract in
    409) roll_back 20 '/schema-contract is 409: the view violates the contract' ;;
    200) [ "$ready" != 200 ] || end 0 'the contract holds and the service is ready' ;;
  esac
  case "$contract $ready" in
    *40[13]*)
      end 32 "/schema-contract $contract, /health/ready $ready: the service needs a valid KEY; nothing was rolled back"
      ;;
  esac
  log "/schema-contract $contract, /health/ready $ready, try $try of $TRIES"
  if [ "$try" -ge "$TRIES" ]; then
    [ "$contract" != 200 ] ||
      end 31 'the contract holds, but /health/ready is not 200; nothing was rolled back: call the engineer on call'
    end 30 'the contract could not be checked; nothing was rolled back: call the engineer on call'
  fi
  try=$((try + 1))
  sleep "$PAUSE_S"
done
