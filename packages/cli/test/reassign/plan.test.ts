import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExecutablePlan, parsePlan, parseTopics, planJson } from '../../src/reassign/plan.ts'

const plan = (...partitions: object[]): string => JSON.stringify({ version: 1, partitions })

test('a plan names replicas, and directories for those that shall have one', () => {
  const text = plan(
    { topic: 'b', partition: 1, replicas: [2, 1], log_dirs: ['any', '/x'] },
    { topic: 'b', partition: 0, replicas: [3] },
    { topic: 'a', partition: 7, replicas: [1] }
  )
  const { partitions, directories } = parsePlan(text)
  assert.deepEqual(partitions[0], { topic: 'b', partition: 1, replicas: [2, 1] })
  assert.deepEqual(directories, [{ topic: 'b', partition: 1, brokerId: 1, logDir: '/x' }])
  const logDirs = new Map(directories.map(({ topic, partition, brokerId, logDir }) => [`${topic}-${partition}-${brokerId}`, logDir]))
  assert.equal(
    planJson(partitions, logDirs),
    '{"version":1,"partitions":[{"topic":"a","partition":7,"replicas":[1],"log_dirs":["any"]},' +
      '{"topic":"b","partition":0,"replicas":[3],"log_dirs":["any"]},{"topic":"b","partition":1,"replicas":[2,1],"log_dirs":["any","/x"]}]}'
  )
})

for (const [text, message] of [
  ['nonsense', /not valid JSON/],
  ['[]', 'Expected JSON object, received []'],
  ['{"version":2}', 'Not supported version field value 2'],
  ['{"version":1.5}', 'Expected `Integer` value, received 1.5'],
  ['{}', 'Partition reassignment list cannot be empty'],
  ['{"partitions":{}}', 'Expected JSON array, received {}'],
  [plan({ topic: 'a', partition: 0 }), 'No such field exists: `replicas`'],
  [plan({ topic: 'a', partition: 0, replicas: [4294967296] }), 'Expected `Integer` value, received 4294967296'],
  [plan({ topic: 'a', partition: 0, replicas: 'x' }), 'Expected `JSON array` value, received "x"'],
  [plan({ topic: 'a', partition: 0, replicas: [] }), 'Partition replica list cannot be empty'],
  [
    plan({ topic: 'a', partition: 0, replicas: [1, 2], log_dirs: ['any'] }),
    'Size of replicas list [1, 2] is different from size of log dirs list [any] for partition a-0'
  ],
  [
    plan({ topic: 'a', partition: 0, replicas: [1, 1, 2] }),
    'Partition replica lists may not contain duplicate entries: a-0 contains multiple entries for 1'
  ],
  [
    plan({ topic: 'a', partition: 0, replicas: [1] }, { topic: 'a', partition: 0, replicas: [2] }),
    'Partition reassignment contains duplicate topic partitions: a-0'
  ]
] as const) {
  test(`a plan is refused: ${message}`, () => assert.throws(() => parseExecutablePlan(text), { message }))
}

test('topics to move are named once', () => {
  assert.deepEqual(parseTopics('{"topics":[{"topic":"a"},{"topic":"b"}]}'), ['a', 'b'])
  assert.throws(() => parseTopics('{"topics":[{"topic":"a"},{"topic":"a"}]}'), {
    message: 'List of topics to reassign contains duplicate entries: [a]'
  })
  assert.throws(() => parseTopics('{'), { message: 'The input string is not a valid JSON' })
})
