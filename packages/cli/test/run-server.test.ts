import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../src/run-server.ts'

const node = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.quorum.voters': '1@localhost:9093',
  'controller.listener.names': 'CONTROLLER',
  listeners: 'PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093'
}

test('paths become absolute where they are set, and those that are not set stay so', () => {
  for (const name of ['log.dir', 'log.dirs'] as const) {
    const { config } = loadConfig({ properties: { ...node, [name]: 'here,there' } })
    assert.equal(config.textOf(name), `${resolve('here')},${resolve('there')}`)
    assert.deepEqual(config.logDirs, [resolve('here'), resolve('there')])
    assert.equal(config.metadataLogDir, resolve('here'))
    for (const other of ['log.dir', 'log.dirs', 'metadata.log.dir'] as const) assert.equal(config.isSet(other), other === name, other)
  }
  assert.equal(loadConfig({ properties: { ...node, 'metadata.log.dir': 'meta' } }).config.textOf('metadata.log.dir'), resolve('meta'))
})
