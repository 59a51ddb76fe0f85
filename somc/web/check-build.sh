#!/bin/sh
# Builds the pages from the locked sources and fails if that is not, byte for byte, what is committed.
set -eu
cd "$(dirname "$0")"
npm ci --no-audit --no-fund
npm test
npm run build
if [ -n "$(git status --porcelain -- dist)" ]; then
  git status --short -- dist
  git --no-pager diff --stat -- dist
  echo "somc/web/dist is not what its sources build: run 'make ui' and commit somc/web/dist" >&2
  exit 1
fi
git diff --exit-code -- dist
