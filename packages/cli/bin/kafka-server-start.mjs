#!/bin/sh
':' //; self=$(readlink -f "$0"); node="${self%/packages/*}/node_modules/.bin/node"; [ -x "$node" ] || node=node; export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX-1}"; exec "$node" --max-semi-space-size=2 --heap-growing-percent=50 "$self" "$@"
import { launch } from './launch.mjs'

await launch(new URL('../src/kafka-server-start.ts', import.meta.url))
