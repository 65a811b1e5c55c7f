// sasl.jaas.config: `class flag key="value" …;`. Of the modules only the three of Kafka that need no Java mean something here; their
// options are taken as JAAS does: quoted or bare, `\` before a character in quotes takes it as it is.
import { OdradekError } from '@odradek/base'

export interface JaasEntry {
  /** PlainLoginModule, ScramLoginModule or OAuthBearerLoginModule. */
  readonly module: 'plain' | 'scram' | 'oauthbearer'
  readonly options: Readonly<Record<string, string>>
}

const modules: Readonly<Record<string, JaasEntry['module']>> = {
  'org.apache.kafka.common.security.plain.PlainLoginModule': 'plain',
  'org.apache.kafka.common.security.scram.ScramLoginModule': 'scram',
  'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule': 'oauthbearer'
}
const flags = ['required', 'requisite', 'sufficient', 'optional']

/** Throws SASL_CONFIG_INVALID; what the text holds is not in its message. */
export function parseJaasConfig(text: string): JaasEntry {
  const [className, flag, ...rest] = tokensOf(text)
  const module = Object.hasOwn(modules, className) ? modules[className] : undefined
  if (module === undefined) throw invalid(`the login module must be one of ${Object.keys(modules).join(', ')}`)
  if (!flags.includes(flag?.toLowerCase())) throw invalid(`the login module must be followed by one of ${flags.join(', ')}`)
  if (rest.indexOf(';') !== rest.length - 1) throw invalid('it must end with one semicolon, and configure one login module')
  const options: Record<string, string> = {}
  for (let i = 0; i < rest.length - 1; i += 3) {
    const [key, equals, value] = rest.slice(i, i + 3)
    if (equals !== '=' || value === undefined || value === ';') throw invalid('its options must be key="value"')
    options[key] = value
  }
  return { module, options }
}

/** Words, `=` and `;`. */
function tokensOf(text: string): string[] {
  const tokens: string[] = []
  const pattern = /\s+|"((?:[^"\\\n]|\\[\s\S])*)"|'((?:[^'\\\n]|\\[\s\S])*)'|([=;])|([^\s"'=;]+)/y
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text)
    if (match === null) throw invalid('a quotation mark has no second one')
    const [, double, single, mark, bare] = match
    const quoted = double ?? single
    if (quoted !== undefined) tokens.push(unescaped(quoted))
    else if (mark !== undefined || bare !== undefined) tokens.push(mark ?? bare)
  }
  return tokens
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' }

function unescaped(text: string): string {
  return text.replaceAll(/\\([\s\S])/g, (_, letter: string) => escapes[letter] ?? letter)
}

function invalid(what: string): OdradekError {
  return new OdradekError('SASL_CONFIG_INVALID', `Invalid value [hidden] for configuration sasl.jaas.config: ${what}`)
}
