#!/bin/sh
# One deployment: migrates the database, deploys the new version, checks it, and rolls it back where the check says so.
# deploy.yml runs it.
#
#   MIGRATE   the command of the new version (default: attempt-api). DATABASE_URL is that of the migrator; set
#             STORE_DATABASE_URL as well where the store has a database of its own
#   DEPLOY    deploys the new version, and returns when it receives the traffic
#   ROLLBACK  deploys the previous version
#   SERVICE   the base URL of the service, behind its load balancer
#   KEY       an API key or token with any scope, where ACCESS_OPEN does not include health and contract
#   TRIES     how often a retryable failure is retried (default: 20)
#   PAUSE_S   seconds between two tries (default: 5)
#
# A rollback changes the program, not the view. What `migrate up` committed has passed the contract check and serves the
# previous version as well, because V1 is frozen. `migrate down` DROPS the view, including a view that existed before
# the first migration: an operator runs it (docs/runbook.md), never a pipeline.
#
# exit 0   the new version serves, and the contract holds
#      10  a command was refused or failed: nothing was deployed, the previous version serves
#      11  the database, the contract check or a table lock was not available, TRIES times: nothing was deployed, run it again
#      12  the migrations were edited, the view is gone, or the database is from a newer version: nothing was changed,
#          call an operator
#      13  the view violated the contract before the deployment: nothing was deployed, attempt-api migrate up --again
#          repairs the view
#      20  409, the view violates the contract: rolled back, an operator has to repair the view
#      21  as 20, or DEPLOY failed, and ROLLBACK failed too: call an operator
#      22  DEPLOY failed: rolled back
#      30  /schema-contract was 503 or did not answer, TRIES times: not rolled back, call an operator
#      31  the contract holds, but /health/ready was not 200, TRIES times: not rolled back, call an operator
#      32  401 or 403: not rolled back, set a KEY that the service accepts and check the deployment
set -eu

MIGRATE=${MIGRATE:-attempt-api}
TRIES=${TRIES:-20}
PAUSE_S=${PAUSE_S:-5}
: "${DEPLOY:?}" "${ROLLBACK:?}" "${SERVICE:?}"

say() { echo "deploy: $*"; }
end() { code=$1; shift; say "$*"; exit "$code"; }
# $1: the exit code after a rollback; $2: its reason
roll_back() {
  sh -c "$ROLLBACK" || end 21 'the rollback failed: call an operator'
  end "$1" "$2; the previous version is deployed again"
}
# the HTTP status of a path; 000 where there is no answer
status_of() {
  # on standard input: every user of the machine can read arguments
  { [ -z "${KEY:-}" ] || printf 'header = "Authorization: Bearer %s"\n' "$KEY"; } |
    curl --config - --silent --output /dev/null --max-time 15 --write-out '%{http_code}' "$SERVICE$1" || true
}

# runs a command again while it ends with 3 or 6; returns its last exit code
retry() {
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

# first: whether this version may migrate the database at all; 4: a migration is pending
code=0; retry "$MIGRATE" migrate status || code=$?
case $code in
  0 | 4) ;;
  5) end 12 'the migrations were edited, the view is gone, or the database is from a newer version; nothing was changed' ;;
  3 | 6) end 11 'the database cannot be reached; nothing was changed' ;;
  *) end 10 "migrate status ended with $code; nothing was changed" ;;
esac
code=0; retry "$MIGRATE" migrate up || code=$?
case $code in
  0) ;;
  3 | 6) end 11 'the database or a table lock was not available for the migration; the previous version serves' ;;
  *) end 10 "migrate up ended with $code; the previous version serves" ;;
esac
# does nothing where there is no store; the previous version works with what it adds
code=0; retry "$MIGRATE" store upgrade || code=$?
case $code in
  0) ;;
  3 | 6) end 11 'the database or a table lock was not available to upgrade the store; the previous version serves' ;;
  *) end 10 "store upgrade ended with $code; the previous version serves" ;;
esac
code=0; retry "$MIGRATE" migrate status || code=$?
case $code in
  0) ;;
  3 | 6) end 11 'the database can no longer be reached; the previous version serves' ;;
  *) end 10 "migrate status ended with $code after everything was applied; the previous version serves" ;;
esac

# a view that violates the contract already is not a reason to roll back the new version
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
    *40[13]*) end 32 "/schema-contract $contract, /health/ready $ready: the service needs a KEY, or refuses this one; not rolled back" ;;
  esac
  say "/schema-contract $contract, /health/ready $ready, try $try of $TRIES"
  if [ "$try" -ge "$TRIES" ]; then
    [ "$contract" != 200 ] || end 31 'the contract holds, but the service is not ready (/health/ready says why); not rolled back: call an operator'
    end 30 'the contract could not be checked; not rolled back: call an operator'
  fi
  try=$((try + 1))
  sleep "$PAUSE_S"
done
