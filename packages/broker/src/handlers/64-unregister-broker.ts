import { UnregisterBrokerRequest, UnregisterBrokerResponse } from '@odradek/protocol'
import { defineForwarded } from '../forwarded.ts'

export const unregisterBrokerHandler = defineForwarded(UnregisterBrokerRequest, UnregisterBrokerResponse, 'unregisterBroker')
