import type { GroupRequestContext } from '@odradek/coordinator'
import type { RequestContext } from '../handler.ts'

/** What the group coordinator wants to know of a client. Java writes an address with a slash in front. */
export function groupContext(context: RequestContext): GroupRequestContext {
  return { apiVersion: context.apiVersion, clientId: context.clientId, clientHost: `/${context.clientAddress}` }
}
