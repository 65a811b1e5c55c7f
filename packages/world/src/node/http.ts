import * as http from 'node:http'
import * as https from 'node:https'
import type { HttpRequest, HttpResponse } from '../ports.ts'
import { knownTlsError } from './known-tls-error.ts'
import { tlsContextOptions } from './tls.ts'

/** On a connection of its own: these exchanges are rare. */
export function request({ url, method, headers, body, tls = {}, timeoutMs, bodyBytesMax }: HttpRequest): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: false as const, signal: AbortSignal.timeout(timeoutMs) }
    const onResponse = (response: http.IncomingMessage): void => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        bytes += chunk.length
        if (bytes > bodyBytesMax) response.destroy(new Error(`the answer is longer than ${bodyBytesMax} bytes`))
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }))
    }
    const { servername } = tls
    const outgoing = url.startsWith('https:')
      ? https.request(url, { ...options, ...tlsContextOptions(tls), ...(servername && { servername }) }, onResponse)
      : http.request(url, options, onResponse)
    outgoing.on('error', (error) => reject(error.name === 'AbortError' ? timedOut(url, timeoutMs) : knownTlsError(error)))
    outgoing.end(body)
  })
}

function timedOut(url: string, timeoutMs: number): Error {
  const { host } = new URL(url)
  return Object.assign(new Error(`${host} did not answer within ${timeoutMs} ms`), { code: 'ETIMEDOUT' })
}
