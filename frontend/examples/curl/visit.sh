#!/usr/bin/env bash
# Signs in, follows a store, counts itself in with a compare-and-set, and calls a command: with curl alone.
set -euo pipefail

hub=${BATON_URL:-http://127.0.0.1:8080}
user=${BATON_USER:-alice} password=${BATON_PASSWORD:-alice}
space=$hub/api/v1/spaces/demo

folder=$(mktemp -d)
following=
trap '[ -z "$following" ] || kill "$following"; rm -rf "$folder"' EXIT

# ask METHOD URL [MORE…]: one request as the person who signed in. Its status is printed, its body and head are in files.
ask() {
  curl --silent --show-error --max-time 40 --cookie-jar "$folder/jar" --cookie "$folder/jar" \
    --header 'Content-Type: application/json' --output "$folder/body" --dump-header "$folder/head" \
    --write-out '%{http_code}' --request "$1" "$2" "${@:3}"
}

# Sign in. The cookie is kept in the jar.
status=$(ask POST "$hub/api/v1/session" --data "{\"space\":\"demo\",\"user\":\"$user\",\"password\":\"$password\"}")
[ "$status" = 200 ] || { cat "$folder/body" >&2; exit 1; }
echo "signed in as $user"

# Follow the store from now on: every event is a JSON array of frames.
: >"$folder/events"
curl --silent --no-buffer --cookie "$folder/jar" "$space/events?channels=counters" >"$folder/events" &
following=$!
until grep -q '"joined"' "$folder/events"; do kill -0 "$following"; sleep 0.1; done

# Count: read the value with its ETag, and write it back only if it is still the same (If-Match) or still not there.
until [ "$status" = 200 ] && [ -n "${visits:-}" ]; do
  if [ "$(ask GET "$space/channels/counters/visits")" = 200 ]; then
    visits=$(($(cat "$folder/body") + 1))
    etag=$(tr -d '\r' <"$folder/head" | sed -n 's/^etag: //Ip')
  else
    visits=1 etag=
  fi
  condition="If-Match: $etag"
  [ -n "$etag" ] || condition='If-None-Match: *'
  status=$(ask PUT "$space/channels/counters/visits" --header "$condition" --data "$visits")
  case $status in
    200) ;;
    412) echo "somebody was quicker" ;; # look again
    *) cat "$folder/body" >&2; exit 1 ;;
  esac
done
echo "visit $visits"

# What was written comes to everybody who follows.
until grep -q "\"visits\":$visits[,}]" "$folder/events"; do kill -0 "$following"; sleep 0.1; done
echo "saw visit $visits"

# Call a command and wait for its end.
ask POST "$space/commands/greet?wait=30s" --data "{\"args\":{\"name\":\"$user\"}}" >"$folder/status"
sed -n 's/.*"result":\("[^"]*"\).*/greet: \1/p' "$folder/body"
grep -q '"state":"done"' "$folder/body" || { cat "$folder/body" >&2; exit 1; }
