#!/bin/sh
':' //; self=$(readlink -f "$0"); node="${self%/packages/*}/node_modules/.bin/node"; [ -x "$node" ] || node=node; young=--min-semi-space-size=32; case "${1-start}" in start|-*) export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX-1}"; young=--max-semi-space-size=2;; esac; exec "$node" "$young" "$self" "$@"
import { launch } from '@odradek/cli/launch'

await launch(new URL('../src/main.ts', import.meta.url))
