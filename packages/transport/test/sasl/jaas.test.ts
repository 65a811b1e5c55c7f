import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseJaasConfig } from '../../src/sasl/jaas.ts'

const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule'
const isInvalid = (pattern: RegExp) => (error: Error & { code?: string }) =>
  error.code === 'SASL_CONFIG_INVALID' && pattern.test(error.message) && !/secret/.test(error.message)

test('sasl.jaas.config is read as JAAS reads it', () => {
  assert.deepEqual(parseJaasConfig(`${plain} required username="alice" password="s;=\\"e\\\\c'";`), {
    module: 'plain',
    options: { username: 'alice', password: 's;="e\\c\'' }
  })
  assert.deepEqual(parseJaasConfig(`${scram} REQUIRED\n  username=alice\n  password='a b' tokenauth=true ;\n`), {
    module: 'scram',
    options: { username: 'alice', password: 'a b', tokenauth: 'true' }
  })
  assert.deepEqual(parseJaasConfig('org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;').options, {})
})

test('sasl.jaas.config that is malformed says what is wrong, without its content', () => {
  const cases: [string, RegExp][] = [
    ['', /login module/],
    ['com.example.Evil required secret="secret";', /login module/],
    ['com.sun.security.auth.module.JndiLoginModule required;', /login module/],
    ['constructor required;', /login module/],
    [plain, /followed by/],
    [`${plain} username="alice";`, /followed by/],
    [`${plain} required username="alice"`, /semicolon/],
    [`${plain} required a="secret"; ${scram} required;`, /semicolon/],
    [`${plain} required username;`, /key="value"/],
    [`${plain} required username "secret";`, /key="value"/],
    [`${plain} required username=;`, /key="value"/],
    [`${plain} required password="secret`, /quotation/]
  ]
  for (const [text, pattern] of cases) assert.throws(() => parseJaasConfig(text), isInvalid(pattern), text)
})
