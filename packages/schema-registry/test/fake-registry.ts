// A schema registry in this process, as far as Confluent's documentation of its REST interface says: ids are global, equal schemas
// share one, versions count from 1 in each subject. Whether a schema is compatible is what the test says.
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

interface Stored {
  readonly id: number
  readonly schema: string
  readonly schemaType?: string
  readonly references?: unknown
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

export interface FakeRegistry extends AsyncDisposable {
  readonly url: string
  /** `METHOD /path`, in order. */
  readonly requests: string[]
  readonly headers: IncomingMessage['headers'][]
  /** Asked before each request: what it returns is the answer; 'hang' never answers. */
  intercept: (request: string) => Answer | 'hang' | undefined
  isCompatible: boolean
  /** Ids begin after this. */
  lastId: number
}

const notFound = (errorCode: number, message: string): Answer => ({ status: 404, body: { error_code: errorCode, message } })

export async function startFakeRegistry(): Promise<FakeRegistry> {
  const schemas: Stored[] = []
  const subjects = new Map<string, Map<number, Stored>>()
  const server = createServer(async (request, response) => {
    const body = await text(request)
    const at = `${request.method} ${request.url}`
    fake.requests.push(at)
    fake.headers.push(request.headers)
    const answer = fake.intercept(at) ?? route(request.method ?? '', request.url ?? '', body === '' ? undefined : JSON.parse(body))
    if (answer === 'hang') return
    response.writeHead(answer.status, { 'content-type': 'application/vnd.schemaregistry.v1+json' })
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body))
  })

  const store = (given: Omit<Stored, 'id'>): Stored => {
    const { schema, schemaType, references } = given
    const found = schemas.find((each) => each.schema === schema && JSON.stringify(each.references) === JSON.stringify(references))
    if (found !== undefined) return found
    const stored = { id: ++fake.lastId, schema, schemaType, references }
    schemas.push(stored)
    return stored
  }

  const register = (subject: string, given: Omit<Stored, 'id'>): Answer => {
    const versions = subjects.get(subject) ?? new Map<number, Stored>()
    subjects.set(subject, versions)
    const stored = store(given)
    if (![...versions.values()].includes(stored)) versions.set(Math.max(0, ...versions.keys()) + 1, stored)
    return { status: 200, body: { id: stored.id } }
  }

  const lookup = (subject: string, { schema }: Stored): Answer => {
    const versions = subjects.get(subject)
    if (versions === undefined) return notFound(40401, `Subject '${subject}' not found.`)
    const found = [...versions].find(([, each]) => each.schema === schema)
    return found === undefined ? notFound(40403, 'Schema not found') : { status: 200, body: { subject, version: found[0], ...found[1] } }
  }

  const version = (method: string, subject: string, name: string): Answer => {
    const versions = subjects.get(subject)
    if (versions === undefined) return notFound(40401, `Subject '${subject}' not found.`)
    const number = name === 'latest' ? Math.max(...versions.keys()) : Number(name)
    const found = versions.get(number)
    if (found === undefined) return notFound(40402, `Version ${name} not found.`)
    if (method === 'DELETE') versions.delete(number)
    return { status: 200, body: method === 'DELETE' ? number : { subject, version: number, ...found } }
  }

  const removed = (subject: string): Answer => {
    const numbers = [...(subjects.get(subject)?.keys() ?? [])]
    return subjects.delete(subject) ? { status: 200, body: numbers } : notFound(40401, `Subject '${subject}' not found.`)
  }

  const listed = (subject: string): Answer => {
    const versions = subjects.get(subject)
    return versions === undefined ? notFound(40401, `Subject '${subject}' not found.`) : { status: 200, body: [...versions.keys()] }
  }

  const byId = (id: number): Answer => {
    const found = schemas.find((each) => each.id === id)
    if (found === undefined) return notFound(40403, `Schema ${id} not found`)
    const { id: _, ...body } = found
    return { status: 200, body }
  }

  function route(method: string, url: string, body: Stored): Answer {
    const [first, ...rest] = url.split('?')[0].slice(1).split('/').map(decodeURIComponent)
    if (first === 'schemas') return byId(Number(rest[1]))
    if (first === 'compatibility')
      return { status: 200, body: { is_compatible: fake.isCompatible, messages: fake.isCompatible ? [] : ['it says no'] } }
    const [subject, , name] = rest
    if (subject === undefined) return { status: 200, body: [...subjects.keys()] }
    if (name !== undefined) return version(method, subject, name)
    if (method === 'GET') return listed(subject)
    if (method === 'DELETE') return removed(subject)
    return rest.length === 2 ? register(subject, body) : lookup(subject, body)
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const fake: FakeRegistry = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    headers: [],
    intercept: () => undefined,
    isCompatible: true,
    lastId: 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }
  return fake
}
