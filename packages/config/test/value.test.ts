import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ConfigDefinition, ConfigType, ConfigValue } from '../src/index.ts'
import {
  adminConfigDefinitions,
  brokerConfigDefinitions,
  clientMetricsConfigDefinitions,
  consumerConfigDefinitions,
  formatValue,
  groupConfigDefinitions,
  LONG_MAX,
  parseValue,
  producerConfigDefinitions,
  quotaConfigDefinitions,
  shareConsumerConfigDefinitions,
  topicConfigDefinitions
} from '../src/index.ts'
import { checkFor } from '../src/validators.ts'
import { canonicalText } from '../src/value.ts'

const described = [
  brokerConfigDefinitions,
  topicConfigDefinitions,
  groupConfigDefinitions,
  clientMetricsConfigDefinitions,
  quotaConfigDefinitions
].flatMap((table) => [...table.values()])
const clientTables = [producerConfigDefinitions, consumerConfigDefinitions, shareConsumerConfigDefinitions, adminConfigDefinitions]
const definitions = [...described, ...clientTables.flatMap((table) => [...table.values()])]
const definition = (type: ConfigType, validator?: string): ConfigDefinition => ({
  ...(topicConfigDefinitions.get('preallocate') as ConfigDefinition),
  name: 'x',
  type,
  validator
})
const refusal = (type: ConfigType, text: string, validator?: string) => {
  try {
    parseValue(definition(type, validator), text)
    return 'taken'
  } catch (error) {
    return (error as Error).message
  }
}

describe('the tables', () => {
  test('have a validator that is understood for each setting', () => {
    for (const { name, validator } of definitions) if (validator !== undefined) assert.equal(typeof checkFor(validator), 'function', name)
  })

  test('have defaults that their own parser and validator take, text and value agreeing', () => {
    for (const row of definitions) {
      const text = row.default === undefined ? null : formatValue(row.type, row.default)
      // Kafka itself has defaults that the setting's validator would refuse: null and empty text for "unset".
      if (text === null || text === '') continue
      assert.deepEqual(parseValue(row, text), row.default, row.name)
    }
  })

  test('have a doc line in our own words for each setting, at most 200 characters long', () => {
    for (const { name, doc } of described) assert.ok(doc.length > 0 && doc.length <= 200 && /[.)]$/.test(doc), `${name}: ${doc}`)
  })
})

describe('numbers', () => {
  test('are read within the range of their type', () => {
    assert.equal(parseValue(definition('SHORT'), ' +32767 '), 32767)
    assert.equal(refusal('SHORT', '32768'), 'Invalid value 32768 for configuration x: Not a number of type SHORT')
    assert.equal(parseValue(definition('INT'), '-2147483648'), -2147483648)
    for (const text of ['2147483648', '1e3', '0x10', '', '1.0', '--1', '1_000'])
      assert.match(refusal('INT', text), /Not a number of type INT/)
    assert.equal(parseValue(definition('LONG'), '9223372036854775807'), LONG_MAX)
    assert.match(refusal('LONG', '9223372036854775808'), /Not a number of type LONG/)
  })

  test('of type LONG are shown exactly', () => {
    for (const text of ['9223372036854775807', '9007199254740993', '-9223372036854775808', '0'])
      assert.equal(canonicalText(definition('LONG'), ` ${text} `), text)
    assert.equal(formatValue('LONG', LONG_MAX), '9223372036854775807')
  })

  test('of type DOUBLE are shown as Java shows them', () => {
    const shown: [number, string][] = [
      [0.5, '0.5'],
      [1, '1.0'],
      [0, '0.0'],
      [1e7, '1.0E7'],
      [9999999, '9999999.0'],
      [0.001, '0.001'],
      [0.0001, '1.0E-4'],
      [2147483647, '2.147483647E9'],
      [Number.MAX_VALUE, '1.7976931348623157E308'],
      [-12345678.5, '-1.23456785E7']
    ]
    for (const [value, text] of shown) assert.equal(formatValue('DOUBLE', value), text)
    assert.equal(parseValue(definition('DOUBLE'), '0.5f'), 0.5)
    assert.match(refusal('DOUBLE', 'NaN'), /Not a number of type DOUBLE/)
    assert.equal(refusal('DOUBLE', '5d', '[0,...,1]'), 'Invalid value 5.0 for configuration x: Value must be no more than 1')
  })
})

describe('validators', () => {
  const cases: [type: ConfigType, validator: string, good: string[], bad: string[]][] = [
    ['INT', '[1,...,9] or -1', ['-1', '1', '9'], ['0', '10', '-2']],
    ['LONG', '[-2,...]', ['-2', '9223372036854775807'], ['-3']],
    ['LIST', 'list isEmptyAllowed=false isNullAllowed=false', ['a', 'a, b'], ['', ',', 'a,,b']],
    [
      'LIST',
      'list of [compact, delete] isEmptyAllowed=true isNullAllowed=false',
      ['', 'compact', 'delete , compact'],
      ['Compact', 'compact,none']
    ],
    ['LIST', '[partitionId]:[brokerId],[partitionId]:[brokerId],...', ['', '*', '0:1,12:3'], ['none', '0:1,*', '0', '0:', 'a:b']],
    ['STRING', '(case insensitive) [DISABLED, UPGRADE]', ['upgrade', 'DISABLED'], ['foo']],
    ['STRING', 'non-empty string', ['a'], ['']],
    [
      'STRING',
      '[latest, earliest, by_duration:PnDTnHnMn.nS]',
      ['latest', 'earliest', 'by_duration:PT1H', 'by_duration:P3DT3H3M3.5S', 'by_duration:P1D'],
      ['Latest', 'by_duration:', 'by_duration:P', 'by_duration:PT', 'by_duration:1H', 'by_duration:-PT1H']
    ]
  ]
  for (const [type, validator, good, bad] of cases) {
    test(validator, () => {
      for (const text of good) assert.equal(refusal(type, text, validator), 'taken', text)
      for (const text of bad) assert.notEqual(refusal(type, text, validator), 'taken', text)
    })
  }

  test('lists lose duplicates', () => {
    const parsed: ConfigValue = parseValue(definition('LIST', 'list isEmptyAllowed=true isNullAllowed=false'), 'a, b ,a')
    assert.deepEqual(parsed, ['a', 'b'])
  })
})
