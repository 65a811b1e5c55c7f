// Every rule of the checker catches what is planted, and says nothing of a history in which all is well.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DeliveryHistory, type LoggedRecord } from '@odradek/testkit/delivery'

const at = (offset: number, partition = 0) => ({ topic: 't', partition, offset })
const logged = (offset: number, id: string, key?: string): LoggedRecord => ({ ...at(offset), id, key })
const strict = { isIdempotent: true, isSerialByKey: true }

/** Three records of two keys: sent, acknowledged, worked on, committed. */
function wellDone(): { history: DeliveryHistory; log: LoggedRecord[] } {
  const history = new DeliveryHistory()
  const log = [logged(0, 'a1', 'a'), logged(1, 'b1', 'b'), logged(2, 'a2', 'a')]
  for (const { id, key } of log) history.sending(id, key)
  for (const record of log) history.acknowledged(record.id, record)
  for (const record of log) history.begins(record)(true)
  history.commits('t', 0, 3)
  return { history, log }
}

describe('the checker of deliveries', () => {
  test('finds nothing wrong where all is well, nor with unacknowledged records, failures and repeated work', () => {
    const { history, log } = wellDone()
    assert.deepEqual(history.violations(log, strict), [])
    history.sending('unknown fate', 'a')
    assert.deepEqual(history.violations(log, strict), [])
    history.begins(at(2))(false)
    history.begins(at(2))(true)
    assert.deepEqual(history.violations(log, strict), [])
    assert.deepEqual([history.acknowledgedCount, history.finishedCount, history.commitCount], [3, 3, 1])
  })

  const planted: [rule: RegExp, what: string, plant: (history: DeliveryHistory, log: LoggedRecord[]) => LoggedRecord[]][] = [
    [/^lost: a2 /, 'an acknowledged record that is not in the log', (_, log) => log.slice(0, 2)],
    [
      /^doubled: b1 is at t-0:1 and t-0:3/,
      'a record that is there twice',
      (h, log) => {
        h.begins(at(3))(true)
        return [...log, logged(3, 'b1', 'b')]
      }
    ],
    [
      /^invented: x /,
      'a record that nobody sent',
      (h, log) => {
        h.begins(at(3))(true)
        return [...log, logged(3, 'x')]
      }
    ],
    [
      /^misplaced: c1 was acknowledged at t-0:9 and is at t-0:3/,
      'an acknowledgement with the offset of another record',
      (h, log) => {
        h.sending('c1')
        h.acknowledged('c1', at(9))
        h.begins(at(3))(true)
        return [...log, logged(3, 'c1')]
      }
    ],
    [
      /^out of order: a1 of t\/a/,
      'records of a key in the wrong order',
      (_, [a1, b1, a2]) => [{ ...a2, offset: 0 }, b1, { ...a1, offset: 2 }]
    ],
    [/^scattered: /, 'records of a key in two partitions', (_, [a1, b1, a2]) => [a1, b1, { ...a2, partition: 1 }]],
    [
      /^not worked on: c1 at t-0:3/,
      'a record that the group passed over',
      (h, log) => {
        h.sending('c1')
        return [...log, logged(3, 'c1')]
      }
    ],
    [
      /^not worked on: c1 at t-0:3/,
      'a record whose work failed for good',
      (h, log) => {
        h.sending('c1')
        h.begins(at(3))(false)
        return [...log, logged(3, 'c1')]
      }
    ],
    [
      /^committed ahead: 4 of t-0 when c1 at t-0:3/,
      'a commit before the work is finished',
      (h, log) => {
        h.sending('c1')
        const ends = h.begins(at(3))
        h.commits('t', 0, 4)
        ends(true)
        return [...log, logged(3, 'c1')]
      }
    ],
    [
      /^overlapping: t-0:2 of t\/a was begun while t-0:0/,
      'two records of a key at the same time',
      (h, log) => {
        const ends = h.begins(at(0))
        h.begins(at(2))(true)
        ends(true)
        return log
      }
    ],
    [
      /^skipped ahead: t-0:5 of t\/a was begun before/,
      'a record of a key before the one in front of it',
      (h, log) => {
        h.sending('a3', 'a')
        h.sending('a4', 'a')
        h.begins(at(5))(true)
        h.begins(at(4))(true)
        return [...log, logged(4, 'a3', 'a'), logged(5, 'a4', 'a')]
      }
    ]
  ]
  for (const [rule, what, plant] of planted) {
    test(`catches ${what}`, () => {
      const { history, log } = wellDone()
      const found = history.violations(plant(history, log), strict)
      assert.ok(
        found.some((violation) => rule.test(violation)),
        found.join('\n')
      )
    })
  }

  test('throws what it finds', () => {
    const { history } = wellDone()
    assert.throws(() => history.check([], strict), /lost: a1/)
  })
})
