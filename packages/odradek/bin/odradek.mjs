#!/bin/sh
':' //; self=$(readlink -f "$0"); node="${self%/packages/*}/node_modules/.bin/node"; [ -x "$node" ] || node=node; heap=--min-semi-space-size=32; case "${1-start}" in start|-*) export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX-1}"; heap='--max-semi-space-size=2 --heap-growing-percent=50';; esac; exec "$node" $heap "$self" "$@"
import { launch } from '@odradek/cli/launch'

await launch(new URL('../src/main.ts', import.meta.url))
