/** kafka-delegation-tokens: creates, renews, expires and describes delegation tokens. As Kafka's tool does it. */
import type { Admin, DelegationToken } from '@odradek/client'
import { executionException, wrapped } from '../java.ts'
import { helpAndVersion, type OptionSpec, type Options } from '../options.ts'
import { oneAction, runOptionsTool } from '../options-tool.ts'
import { call, processIo, ToolError, type ToolIo, withAdmin } from '../tool.ts'

const principal = (name: string, who: string): OptionSpec => ({
  name,
  argument: { type: 'String', isOptional: true },
  description: `${who} is a Kafka principal. They should be in principalType:name format.`
})
const time = (name: string, description: string): OptionSpec => ({
  name,
  argument: { type: 'Long', isOptional: true },
  description
})

const specs: readonly OptionSpec[] = [
  ...helpAndVersion,
  { name: 'bootstrap-server', argument: { type: 'String' }, description: 'REQUIRED: server(s) to use for bootstrapping.' },
  {
    name: 'command-config',
    argument: { type: 'String' },
    description:
      'REQUIRED: A property file containing configs to be passed to Admin Client. Token management operations are allowed in secure mode only. This config file is used to pass security related configs.'
  },
  { name: 'create', description: 'Create a new delegation token. Use --renewer-principal option to pass renewer principals.' },
  { name: 'renew', description: 'Renew delegation token. Use --renew-time-period option to set renew time period.' },
  { name: 'expire', description: 'Expire delegation token. Use --expiry-time-period option to expire the token.' },
  {
    name: 'describe',
    description:
      'Describe delegation tokens for the given principals. Use --owner-principal to pass owner/renewer principals. If --owner-principal option is not supplied, all the user-owned tokens and tokens where the user has Describe permissions will be returned.'
  },
  principal('owner-principal', 'owner'),
  principal('renewer-principal', 'renewer'),
  time(
    'max-life-time-period',
    'Max life period for the token in milliseconds. If the value is -1, then token max life time will default to the server side config value of (delegation.token.max.lifetime.ms).'
  ),
  time(
    'renew-time-period',
    'Renew time period in milliseconds. If the value is -1, then the renew time period will default to the server side config value of (delegation.token.expiry.time.ms).'
  ),
  time('expiry-time-period', 'Expiry time period in milliseconds. If the value is -1, then the token will get invalidated immediately.'),
  { name: 'hmac', argument: { type: 'String', isOptional: true }, description: 'HMAC of the delegation token' }
]

export function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  return runOptionsTool({ specs, purpose: 'This tool helps to create, renew, expire, or describe delegation tokens.', run }, argv, io)
}

const names = ['create', 'renew', 'expire', 'describe'] as const
type Action = (typeof names)[number]

const needs: Readonly<Record<Action, readonly string[]>> = {
  create: ['max-life-time-period'],
  renew: ['hmac', 'renew-time-period'],
  expire: ['hmac', 'expiry-time-period'],
  describe: []
}
const refuses: Readonly<Record<Action, readonly string[]>> = {
  create: ['hmac', 'renew-time-period', 'expiry-time-period'],
  renew: ['renewer-principal', 'max-life-time-period', 'expiry-time-period', 'owner-principal'],
  expire: ['max-life-time-period', 'renew-time-period', 'owner-principal'],
  describe: ['renew-time-period', 'max-life-time-period', 'hmac', 'expiry-time-period']
}

async function run(options: Options, io: ToolIo): Promise<number> {
  const action = oneAction(options, names, 'Command must include exactly one action: --create, --renew, --expire or --describe')
  options.require('bootstrap-server', 'command-config', ...needs[action])
  options.exclude(action, refuses[action])
  const target = { bootstrapServer: options.value('bootstrap-server'), commandConfig: options.value('command-config') }
  await withAdmin(target, io, (admin) => actions[action](admin, options, io))
  return 0
}

const actions: Readonly<Record<Action, (admin: Admin, options: Options, io: ToolIo) => Promise<void>>> = {
  async create(admin, options, io) {
    const renewers = principals(options, 'renewer-principal')
    const maxLifetimeMs = period(options, 'max-life-time-period')
    io.out(`Calling create token operation with renewers :${list(renewers)} , max-life-time-period :${maxLifetimeMs}\n`)
    const [owner] = principals(options, 'owner-principal')
    const made = call('createDelegationToken', admin.createDelegationToken({ owner, renewers, maxLifetimeMs }))
    const token = await wrapped(made, executionException)
    io.out(`Created delegation token with tokenId : ${token.tokenId}\n`)
    io.out(tokensTable([token]))
  },
  async renew(admin, options, io) {
    const [hmac, renewPeriodMs] = [options.value('hmac') ?? '', period(options, 'renew-time-period')]
    io.out(`Calling renew token operation with hmac :${hmac} , renew-time-period :${renewPeriodMs}\n`)
    const made = call('renewDelegationToken', admin.renewDelegationToken(decoded(hmac), { renewPeriodMs }))
    io.out(`Completed renew operation. New expiry date : ${dateText(await wrapped(made, executionException))}`)
  },
  async expire(admin, options, io) {
    const [hmac, expiryPeriodMs] = [options.value('hmac') ?? '', period(options, 'expiry-time-period')]
    io.out(`Calling expire token operation with hmac :${hmac} , expire-time-period :${expiryPeriodMs}\n`)
    const made = call('expireDelegationToken', admin.expireDelegationToken(decoded(hmac), { expiryPeriodMs }))
    io.out(`Completed expire operation. New expiry date : ${dateText(await wrapped(made, executionException))}`)
  },
  async describe(admin, options, io) {
    const owners = principals(options, 'owner-principal')
    io.out(`Calling describe token operation for ${owners.length === 0 ? 'current user.' : `owners: ${list(owners)}`}\n`)
    const made = call('describeDelegationToken', admin.describeDelegationToken({ owners }))
    const tokens = await wrapped(made, executionException)
    io.out(`Total number of tokens : ${tokens.length}`)
    io.out(tokensTable(tokens))
  }
}

function principals(options: Options, name: string): string[] {
  return options.values(name).map((text) => {
    if (text.includes(':')) return text.trim()
    throw new ToolError(`expected a string in format principalType:principalName but got ${text.trim()}`)
  })
}

function period(options: Options, name: string): number {
  const value = options.integer(name)
  if (value === undefined) throw new ToolError(`Option ${name} requires an argument`)
  return value
}

function decoded(hmac: string): Buffer {
  const illegal = /[^A-Za-z0-9+/=]/.exec(hmac)?.[0]
  if (illegal !== undefined) throw new ToolError(`Illegal base64 character ${illegal.charCodeAt(0).toString(16)}`)
  return Buffer.from(hmac, 'base64')
}

const list = (texts: readonly string[]): string => `[${texts.join(', ')}]`

const WIDTHS = [15, 30, 15, 15, 25, 15, 15, 15]
const HEADER = ['TOKENID', 'HMAC', 'OWNER', 'REQUESTER', 'RENEWERS', 'ISSUEDATE', 'EXPIRYDATE', 'MAXDATE']

/** An empty line before each row. */
export function tokensTable(tokens: readonly DelegationToken[]): string {
  const rows = tokens.map((token) => [
    token.tokenId,
    token.hmac.toString('base64'),
    token.owner,
    token.requester,
    list(token.renewers),
    dateText(token.issueTimestamp),
    dateText(token.expiryTimestamp),
    dateText(token.maxTimestamp)
  ])
  return [HEADER, ...rows].map((row) => `\n${row.map((cell, column) => cell.padEnd(WIDTHS[column])).join(' ')}\n`).join('')
}

/** In local time, to the minute. */
function dateText(timeMs: number): string {
  const local = new Date(timeMs - new Date(timeMs).getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 16)
}
