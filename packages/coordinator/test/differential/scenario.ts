// Scripts of group requests that run against anything that answers them, and the transcripts they leave.
import type { ApiRequest } from './apis.ts'

export type Step =
  /** Sends a request of its own connection; the answer is awaited by `receive`. */
  | ({ send: string } & ApiRequest)
  | { receive: string }
  /** Notes that the answer has not come. */
  | { parked: string }
  | { wait: number }

/** `$name` anywhere in a request stands for the member id in the answer of that name, `#name` for its generation. */
export interface Scenario {
  name: string
  steps: Step[]
}

export interface Target {
  send(request: ApiRequest): Pending
  wait(ms: number): Promise<void>
}

export interface Pending {
  /** As decoded in the version of the request. */
  answer(): Promise<Record<string, unknown>>
  hasCome(): Promise<boolean>
}

export async function play(scenario: Scenario, target: Target): Promise<unknown[]> {
  const answers = new Map<string, Record<string, unknown>>()
  const pending = new Map<string, Pending>()
  const names = new Map<string, string>()
  const transcript: unknown[] = []
  const resolve = (value: unknown): unknown => {
    if (typeof value === 'string' && value.startsWith('$')) return answers.get(value.slice(1))?.memberId
    if (typeof value === 'string' && value.startsWith('#')) return answers.get(value.slice(1))?.generationId
    return mapValues(value, resolve)
  }
  for (const step of scenario.steps) {
    if ('wait' in step) {
      await target.wait(step.wait)
    } else if ('send' in step) {
      const { send, ...request } = step
      pending.set(send, target.send({ ...request, body: resolve(request.body) } as ApiRequest))
    } else {
      const name = 'receive' in step ? step.receive : step.parked
      const request = pending.get(name)
      if (request === undefined) throw new Error(`${scenario.name}: nothing was sent as ${name}`)
      if ('parked' in step) {
        transcript.push({ [name]: (await request.hasCome()) ? 'has come' : 'is parked' })
        continue
      }
      const answer = await request.answer()
      answers.set(name, answer)
      const { memberId } = answer
      if (typeof memberId === 'string' && memberId !== '' && !names.has(memberId)) names.set(memberId, `<${name}>`)
      transcript.push({ [name]: readable(answer, names) })
    }
  }
  return transcript
}

/** Member ids under the name of the answer that gave them, bytes as text, lists in an order of their own. */
function readable(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') return names.get(value) ?? value.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>')
  if (Buffer.isBuffer(value)) return value.toString('latin1')
  const mapped = mapValues(value, (inner) => readable(inner, names))
  // Kafka's lists come out of hash maps.
  return Array.isArray(mapped) ? mapped.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : mapped
}

function mapValues(value: unknown, map: (value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(map)
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, map(inner)]))
}
