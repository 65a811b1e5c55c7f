import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findViolations, layers, violationsOf } from '../../scripts/layers.ts'

const root = join(import.meta.dirname, '../..')

test('imports point down the layers, stay inside their package and use faces only', () => {
  assert.deepEqual(findViolations(root), [])
})

test('every arrow of the table points to a lower layer, and every package is in it', () => {
  for (const [name, { layer, mayImport }] of Object.entries(layers)) {
    for (const target of mayImport) {
      // Two packages of layer 3 are the plan's exception: coordinator reads the metadata image.
      const isLower = layers[target].layer < layer || (name === 'coordinator' && target === 'metadata')
      assert.ok(isLower, `${name} → ${target}`)
    }
  }
  for (const name of readdirSync(join(root, 'packages')))
    assert.ok(name === 'testkit' || name in layers, `${name} is not in the table of scripts/layers.ts`)
})

test('a package declares the packages that its sources import', () => {
  for (const name of readdirSync(join(root, 'packages'))) {
    const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
    for (const dependency of Object.keys(manifest.dependencies ?? {})) {
      const target = dependency.replace('@odradek/', '')
      if (dependency.startsWith('@odradek/') && name !== 'testkit')
        assert.ok(layers[name].layer >= layers[target].layer, `${name} declares ${dependency}`)
    }
  }
})

const faces = (name: string) => (name === '@odradek/world' ? ['.', './node'] : ['.'])
const wrong = (file: string, text: string) => violationsOf(file, text, faces).length

test('the reader of imports sees each kind of violation', () => {
  assert.equal(wrong('packages/storage/src/log.ts', "import type { X } from '@odradek/broker'"), 1)
  assert.equal(wrong('packages/storage/src/log.ts', "import {\n  a,\n  b\n} from '@odradek/testkit'\n"), 1)
  assert.equal(wrong('packages/storage/src/log.ts', "import { a } from '@odradek/protocol/src/codec.ts'"), 1)
  assert.equal(wrong('packages/storage/src/log.ts', "import { a } from '../../protocol/src/codec.ts'"), 1)
  assert.equal(wrong('packages/storage/src/log/a.ts', "export { a } from '../index.ts'"), 1)
  assert.equal(wrong('packages/storage/src/log.ts', "const fs = await import('node:fs')"), 1)
  assert.equal(wrong('packages/storage/src/log.ts', 'const now = Date.now()'), 1)
  assert.equal(wrong('packages/storage/test/log.test.ts', "import { a } from '../../protocol/src/codec.ts'"), 1)
})

test('the reader of imports lets right ones pass', () => {
  assert.equal(
    wrong('packages/storage/src/log.ts', "import { a } from '@odradek/base'\nimport { b } from '@odradek/world'\nimport './c.ts'"),
    0
  )
  assert.equal(wrong('packages/world/src/node/disk.ts', "import { open } from 'node:fs/promises'\nDate.now()"), 0)
  assert.equal(
    wrong('packages/storage/src/log.ts', "// Date.now() and import x from '@odradek/broker'\nimport { zstdCompressSync } from 'node:zlib'"),
    0
  )
  assert.equal(
    wrong(
      'packages/storage/test/log.test.ts',
      "import { a } from '@odradek/testkit'\nimport { b } from '../src/index.ts'\nimport fs from 'node:fs'"
    ),
    0
  )
})
