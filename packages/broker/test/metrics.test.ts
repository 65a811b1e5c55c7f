import assert from 'node:assert/strict'
import http from 'node:http'
import net from 'node:net'
import { after, before, describe, test } from 'node:test'
import {
  ApiVersionsRequest,
  ApiVersionsResponse,
  FindCoordinatorRequest,
  FindCoordinatorResponse,
  OffsetCommitRequest,
  OffsetCommitResponse
} from '@odradek/protocol'
import { Histogram } from '../src/metrics/histogram.ts'
import { textOf } from '../src/metrics/prometheus-text.ts'
import type { RawClient } from './support/raw-client.ts'
import { batchOf, createTopic, fetchOne, produce, startBroker, type TestBroker } from './support/test-broker.ts'

interface Answer {
  readonly status: number | undefined
  readonly contentType: string | undefined
  readonly body: string
}

function request(port: number, path: string, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = http.request({ host: '127.0.0.1', port, path, method, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode, contentType: response.headers['content-type'], body }))
    })
    sent.on('error', reject)
    sent.end()
  })
}

describe('/metrics', () => {
  let broker: TestBroker
  let client: RawClient
  let port: number
  before(async () => {
    broker = await startBroker({ overrides: { 'odradek.metrics.listener': '127.0.0.1:0' } })
    client = await broker.connect()
    port = broker.server.metricsPort as number
  })
  after(() => broker[Symbol.asyncDispose]())

  const samples = async (): Promise<Map<string, number>> => {
    const { body } = await request(port, '/metrics')
    const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
  }

  test('counts what came in and went out, by topic and in all', async () => {
    await createTopic(client, 'counted', { partitions: 2 })
    const records = batchOf('a', 'b', 'c')
    await produce(client, 'counted', records)
    await produce(client, 'counted', batchOf('d'))
    await fetchOne(client, 'counted', 0)
    const told = await samples()
    assert.equal(told.get('kafka_server_brokertopicmetrics_messagesin_total'), 4)
    assert.equal(told.get('kafka_server_brokertopicmetrics_messagesin_total{topic="counted"}'), 4)
    const bytesIn = records.length + batchOf('d').length
    assert.equal(told.get('kafka_server_brokertopicmetrics_bytesin_total{topic="counted"}'), bytesIn)
    assert.equal(told.get('kafka_server_brokertopicmetrics_bytesout_total{topic="counted"}'), bytesIn)
    assert.equal(told.get('kafka_log_log_logendoffset{topic="counted",partition="0"}'), 4)
    assert.equal(told.get('kafka_log_log_size{topic="counted",partition="0"}'), bytesIn)
    assert.equal(told.get('kafka_log_log_size{topic="counted",partition="1"}'), 0)
    assert.equal(told.get('kafka_network_requestmetrics_totaltimems_count{request="Produce"}'), 2)
    assert.ok((told.get('kafka_network_requestmetrics_totaltimems{request="Produce",quantile="0.99"}') as number) > 0)
  })

  test('tells partitions, controller, connections and requests by version', async () => {
    await client.call(ApiVersionsRequest, ApiVersionsResponse, 0, {})
    const told = await samples()
    assert.equal(told.get('kafka_controller_kafkacontroller_activecontrollercount'), 1)
    assert.equal(told.get('kafka_controller_kafkacontroller_offlinepartitionscount'), 0)
    assert.equal(told.get('kafka_server_replicamanager_underreplicatedpartitions'), 0)
    assert.equal(told.get('kafka_server_replicamanager_partitioncount'), told.get('kafka_controller_kafkacontroller_globalpartitioncount'))
    assert.equal(told.get('kafka_network_requestmetrics_requests_total{request="ApiVersions",version="0"}'), 1)
    assert.equal(told.get('kafka_server_socket_server_metrics_connection_count{listener="PLAINTEXT",networkProcessor="0"}'), 1)
  })

  test('tells how far groups are behind', async () => {
    await createTopic(client, 'lagging')
    await produce(client, 'lagging', batchOf('1', '2', '3', '4', '5'))
    await client.call(FindCoordinatorRequest, FindCoordinatorResponse, 4, { keyType: 0, coordinatorKeys: ['slow "group"'] })
    const partitions = [{ partitionIndex: 0, committedOffset: 2, committedMetadata: '' }]
    await client.call(OffsetCommitRequest, OffsetCommitResponse, 8, { groupId: 'slow "group"', topics: [{ name: 'lagging', partitions }] })
    const told = await samples()
    const labels = '{consumergroup="slow \\"group\\"",topic="lagging",partition="0"}'
    assert.deepEqual([told.get(`kafka_consumergroup_current_offset${labels}`), told.get(`kafka_consumergroup_lag${labels}`)], [2, 3])
    assert.equal(told.get('kafka_coordinator_group_groupmetadatamanager_numgroupsempty'), 1)
  })

  test('is text of Prometheus: each family once, with its type before it', async () => {
    const { status, contentType, body } = await request(port, '/metrics?x=1')
    assert.deepEqual([status, contentType], [200, 'text/plain; version=0.0.4; charset=utf-8'])
    const families = body.match(/^# TYPE .*$/gm) ?? []
    assert.equal(new Set(families).size, families.length)
    let family = ''
    for (const line of body.trimEnd().split('\n')) {
      if (line.startsWith('# TYPE ')) family = line.split(' ')[2]
      else assert.match(line, new RegExp(`^${family}(\\{.+\\})? -?[\\d.e+-]+$`))
    }
  })

  test('is all there is, and only to be got', async () => {
    assert.equal((await request(port, '/')).status, 404)
    assert.equal((await request(port, '/metrics', 'POST')).status, 405)
  })

  test('cuts off who sends a long request or too many connections at once', async () => {
    const closed = (socket: net.Socket) =>
      new Promise<void>((resolve) => socket.once('close', () => resolve()).on('error', () => undefined))
    const long = net.connect(port, '127.0.0.1')
    long.on('data', () => undefined)
    const isGone = closed(long)
    long.write('GET /metrics HTTP/1.1\r\nX: ')
    long.write('x'.repeat(100_000))
    await isGone
    const idle = Array.from({ length: 17 }, () => net.connect(port, '127.0.0.1'))
    for (const socket of idle) socket.resume()
    await Promise.race(idle.map(closed))
    for (const socket of idle) socket.destroy()
    await Promise.all(idle.map((socket) => (socket.closed ? undefined : closed(socket))))
    let answer = await request(port, '/metrics').catch(() => undefined)
    for (let i = 0; i < 100 && answer === undefined; i++) answer = await request(port, '/metrics').catch(() => undefined)
    assert.equal(answer?.status, 200)
  })
})

describe('a histogram', () => {
  test('tells percentiles within six parts of a hundred, and all zeros when nothing was recorded', () => {
    const histogram = new Histogram()
    assert.deepEqual(histogram.quantiles([0.5, 0.999], 0), [0, 0])
    for (let i = 1; i <= 10_000; i++) histogram.record(i / 10, 5)
    const [p50, p99] = histogram.quantiles([0.5, 0.99], 5)
    assert.ok(Math.abs(p50 / 500 - 1) < 0.0625, `p50 ${p50}`)
    assert.ok(Math.abs(p99 / 990 - 1) < 0.0625, `p99 ${p99}`)
    assert.equal(histogram.count, 10_000)
  })

  test('keeps every value where it belongs, from nothing to weeks', () => {
    for (const ms of [0, 0.001, 0.007, 0.008, 0.015, 0.016, 1, 33.3, 1e5, 2e6, 1e12]) {
      const histogram = new Histogram()
      histogram.record(ms, 0)
      const [value] = histogram.quantiles([0.99], 0)
      const expected = Math.min(ms, 0x7fffffff / 1000)
      assert.ok(Math.abs(value - expected) <= Math.max(0.001, expected * 0.0626), `${ms} ms is told as ${value}`)
    }
  })

  test('forgets what is older than two minutes', () => {
    const histogram = new Histogram()
    histogram.record(100, 0)
    histogram.record(1, 61_000)
    assert.ok(histogram.quantiles([0.99], 61_000)[0] > 90)
    assert.ok(histogram.quantiles([0.99], 122_000)[0] < 2)
    assert.deepEqual(histogram.quantiles([0.99], 400_000), [0])
    assert.equal(histogram.count, 2)
  })
})

test('a long text comes in chunks', () => {
  const samples = Array.from({ length: 5_000 }, (_, value) => ({ labels: { n: String(value) }, value }))
  const chunks = [
    ...textOf([
      { name: 'many', type: 'gauge', samples },
      { name: 'none', type: 'gauge', samples: [] }
    ])
  ]
  assert.equal(chunks.length, 3)
  assert.equal(chunks.join('').split('\n').length, 5_002)
})
