#!/bin/sh
':' //; self=$(readlink -f "$0"); node="${self%/packages/*}/node_modules/.bin/node"; [ -x "$node" ] || node=node; exec "$node" --min-semi-space-size=32 "$self" "$@"
import { launch } from './launch.mjs'

await launch(new URL('../src/commands/kafka-reassign-partitions.ts', import.meta.url))
