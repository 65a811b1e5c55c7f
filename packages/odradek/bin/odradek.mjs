#!/bin/sh
':' //; self=$(readlink -f "$0"); node="${self%/packages/*}/node_modules/.bin/node"; [ -x "$node" ] || node=node; exec "$node" "$self" "$@"
import { launch } from '@odradek/cli/launch'

await launch(new URL('../src/main.ts', import.meta.url))
