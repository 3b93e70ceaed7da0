#!/bin/sh
# Starts the service, shows that it reads, and keeps it running until Ctrl-C. Argument: the folder of the programs.
set -eu
bin=$1
port=${PORT:-8080}
"$bin/ocrsvc" serve --port "$port" &
service=$!
trap 'kill "$service" 2>/dev/null; wait "$service" 2>/dev/null || true' EXIT
trap 'exit 0' INT TERM
"$bin/python" scripts/read_sample.py "http://127.0.0.1:$port" docs/samples/invoice.png
echo "The service runs at http://127.0.0.1:$port (its API at /docs). Ctrl-C stops it."
wait "$service"
