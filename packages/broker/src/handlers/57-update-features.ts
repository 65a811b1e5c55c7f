import { UpdateFeaturesRequest, UpdateFeaturesResponse } from '@odradek/protocol'
import { defineForwarded } from '../forwarded.ts'

export const updateFeaturesHandler = defineForwarded(UpdateFeaturesRequest, UpdateFeaturesResponse, 'updateFeatures')
