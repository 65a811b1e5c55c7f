import { ElectLeadersRequest, ElectLeadersResponse } from '@odradek/protocol'
import { defineForwarded } from '../forwarded.ts'

export const electLeadersHandler = defineForwarded(ElectLeadersRequest, ElectLeadersResponse, 'electLeaders')
