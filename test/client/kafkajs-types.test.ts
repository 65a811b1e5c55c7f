// The one import is all that changes: the same application compiles with the types of odradek/kafkajs. (npm run types compiles it with
// those of kafkajs.)
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../..')

function errorsOf(source: string): string {
  mkdirSync(join(root, '.cache'), { recursive: true })
  const folder = mkdtempSync(join(root, '.cache/kafkajs-types-'))
  try {
    writeFileSync(join(folder, 'application.ts'), source)
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.json', include: ['*.ts'] }))
    execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], { encoding: 'utf8' })
    return ''
  } catch (error) {
    return (error as { stdout: string }).stdout
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const application = readFileSync(join(import.meta.dirname, 'kafkajs-types.ts'), 'utf8')
const changed = application.replace("from 'kafkajs'", "from 'odradek/kafkajs'")

test('an application typed against kafkajs compiles with the types of the shim', () => {
  assert.notEqual(changed, application)
  assert.equal(errorsOf(changed), '')
})

test('the types of the shim refuse what those of kafkajs refuse', () => {
  const wrong = `${changed}
// @ts-expect-error offsets are text
export const seek = (consumer: Consumer): void => consumer.seek({ topic: 'orders', partition: 0, offset: 0 })
// @ts-expect-error a message has a value
export const message: Message = { key: 'k' }
// @ts-expect-error a mechanism needs its credentials
export const plain: KafkaConfig = { brokers: [], sasl: { mechanism: 'plain' } }
`
  assert.equal(errorsOf(wrong), '')
})
